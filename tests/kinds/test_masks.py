"""What each mask shows of chosen values, in SQL and in Python alike."""

from __future__ import annotations

import psycopg
import pytest

from pgmask.kinds import KINDS
from tests.harness import Database

# kind, mask, value, shown
MASKS = [
    ("mobile", None, "13812345678", "138****5678"),
    ("mobile", None, "+86 138-1234-5678", "*" * 17),
    ("mobile", None, "138 1234 5678", "*" * 13),
    ("mobile", None, "１３８１２３４５６７８", "*" * 11),
    ("mobile", None, "1381234567", "*" * 10),
    ("mobile", None, "23812345678", "*" * 11),
    ("mobile", None, "138****5678", "*" * 11),
    ("landline", None, "010-12345678", "010*******78"),
    ("landline", None, "0755-1234567", "075*******67"),
    ("landline", None, "0755-12345678", "075********78"),
    ("landline", None, "01012345678", "010******78"),
    ("landline", None, "12345678", "*" * 8),
    ("landline", None, "010-12345678-801", "*" * 16),
    ("landline", None, "(010)12345678", "*" * 13),
    ("email", None, "zhangsan@example.com", "z" + "*" * 15 + ".com"),
    ("email", None, "lisi@example.cn", "l" + "*" * 11 + ".cn"),
    ("email", None, "lisi@example.info", "l" + "*" * 16),
    ("email", None, "a@b.cn", "*" * 6),
    ("email", None, "no address at all.com", "*" * 21),
    ("email", None, "@example.company.com", "*" * 20),
    (
        "postal_address",
        None,
        "广东省深圳市南山区科技园南路1号示例大厦18楼",
        "广东省深圳市南山区" + "*" * 14,
    ),
    ("postal_address", None, "北京市朝阳区建国路88号", "北京市朝" + "*" * 8),
    (
        "postal_address",
        None,
        "新疆维吾尔自治区巴音郭楞蒙古自治州焉耆回族自治县某某镇团结路一百二十三号样板小区三号楼二单元四层四零二室",
        "新疆维吾尔自治区巴音郭楞蒙古自治州焉耆回族自治县" + "*" * 28,
    ),
    (
        "postal_address",
        None,
        "内蒙古自治区呼和浩特市赛罕区大学西街100号院",
        "内蒙古自治区呼和浩" + "*" * 14,
    ),
    ("postal_address", None, "江苏省昆山市花桥镇经济开发区88号3栋2单元", "江苏省昆山市" + "*" * 16),
    ("postal_address", None, "北京市朝阳小区3栋201室东门左侧", "北京市" + "*" * 14),
    ("postal_address", None, "浙江省宁波市镇海区骆驼街道一号二号三号", "浙江省宁波市镇" + "*" * 12),
    ("postal_address", None, "人民路三区5号楼2单元301室东", "*" * 16),
    ("postal_address", None, "上海市浦东新", "*" * 6),
    ("postal_address", None, "12 Example Road, Shanghai", "*" * 25),
    ("cn_id_card", None, "11010119900307001X", "1101011990********"),
    ("cn_id_card", None, "11010119900307001x", "1101011990********"),
    ("cn_id_card", None, "110101900307001", "11010190*******"),
    ("cn_id_card", None, "110101 19900307 001X", "*" * 20),
    ("cn_id_card", None, "1101011990030700", "*" * 16),
    ("cn_id_card", "last4", "11010119900307001X", "11010119900307****"),
    ("cn_id_card", "last4", "110101900307001", "11010190030****"),
    ("cn_id_card", "region", "11010119900307001X", "110101************"),
    ("identity_paper", None, "E12345678", "E********"),
    ("identity_paper", None, "H1234567801", "H**********"),
    ("identity_paper", None, "军字第2001988号", "*" * 11),
    ("identity_paper", None, "E1234", "*" * 5),
    ("bank_account", None, "6222021234567890123", "*" * 15 + "0123"),
    ("bank_account", None, "6222 0212 3456 7890 123", "*" * 23),
    ("bank_account", None, "12345678901", "*" * 11),
    ("bank_account", "ends", "6222021234567890123", "6222" + "*" * 11 + "0123"),
    ("bank_account", "ends", "622202123456", "*" * 12),
    ("policy_number", None, "P2024000012345", "*" * 10 + "2345"),
    ("policy_number", None, "P20240000", "*" * 9),
    ("person_name", None, "王小明", "王**"),
    ("person_name", None, "王明", "王*"),
    ("person_name", None, "王", "*"),
    ("person_name", None, "欧阳锋", "欧阳*"),
    ("person_name", None, "司马相如", "司马**"),
    ("person_name", None, "歐陽鋒", "歐陽*"),
    ("person_name", None, "欧阳", "欧*"),
    ("person_name", None, "阿依古丽·买买提", "阿" + "*" * 7),
    ("person_name", None, "John Smith", "J" + "*" * 9),
    ("person_name", None, "Émile Zola", "É" + "*" * 9),
    ("person_name", None, "𠮷野", "𠮷*"),
    ("person_name", None, " 王小明", "*" * 4),
    ("person_name", None, "13812345678", "*" * 11),
    ("person_name", None, "•小明", "*" * 3),
    ("org_code", None, "91350100M000100Y43", "91350100" + "*" * 10),
    ("org_code", None, "12345678-9", "*" * 10),
    ("plate", None, "京A12345", "京A*****"),
    ("plate", None, "粤BD12345", "粤B******"),
    ("plate", None, "WJ12345", "*" * 7),
    ("date", None, "1990-03-07", "1990******"),
    ("date", None, "19900307", "1990****"),
    ("date", None, "7 March 1990", "*" * 12),
    ("number", None, "12500.00", "*" * 8),
    ("free_text", None, "客户来电", "*" * 4),
    ("json", None, '{"a":1}', "*" * 7),
    ("media", None, "a.jpg", "*" * 5),
    ("secret", None, "hunter2", "*" * 7),
]


@pytest.mark.requirement("B1", "D3")
def test_sql_masks(installed: Database) -> None:
    connection = installed.superuser()
    wrong = []
    for kind, mask, value, shown in MASKS:
        rule = KINDS[kind].rule(mask)
        row = connection.execute(f"SELECT {rule.function}(%s)".encode(), (value,)).fetchone()
        if row != (shown,):
            wrong.append((kind, mask, value, shown, row))
    assert wrong == []


@pytest.mark.requirement("B1", "D3")
@pytest.mark.parametrize(("kind", "mask", "value", "shown"), MASKS)
def test_python_masks(kind: str, mask: str | None, value: str, shown: str) -> None:
    assert KINDS[kind].mask(value, mask) == shown


@pytest.mark.requirement("B1")
def test_null_stays_null_and_empty_stays_empty(installed: Database) -> None:
    connection = installed.superuser()
    for kind in KINDS.values():
        for rule in kind.masks:
            row = connection.execute(
                f"SELECT {rule.function}(NULL), {rule.function}('')".encode()
            ).fetchone()
            assert row == (None, ""), rule.function
            assert (rule.shows.apply(None), rule.shows.apply("")) == (None, "")


@pytest.mark.requirement("D3")
def test_surname_of_a_high_value_customer(installed: Database) -> None:
    row = installed.rows(
        "SELECT pgmask.person_surname('欧阳小明'), pgmask.person_surname('王小明'),"
        " pgmask.person_surname('王'), pgmask.person_surname(NULL)",
        user="postgres",
    )
    assert row == [("欧阳**", "王**", "*", None)]


@pytest.mark.requirement("B1")
def test_masks_and_normal_forms_are_inlined(installed: Database) -> None:
    """Masks, normal forms and person_surname leave no call of pgmask in the plan."""
    connection = installed.superuser()
    connection.execute("CREATE TABLE public.v (v text)")
    names = {rule.function for kind in KINDS.values() for rule in kind.masks}
    names |= {str(kind.normaliser) for kind in KINDS.values() if kind.normaliser}
    names |= {"pgmask.person_surname", "pgmask.valid_mobile", "pgmask.valid_email"}
    for name in sorted(names):
        plan = connection.execute(
            f"EXPLAIN (VERBOSE, COSTS OFF) SELECT {name}(v) FROM public.v".encode()
        ).fetchall()
        text = "\n".join(line for (line,) in plan)
        # Two helpers are PL/pgSQL of simple expressions: they need their argument many times.
        for helper in ("pgmask.cn_id_check_character", "pgmask.address_district_end"):
            text = text.replace(helper, "")
        assert "pgmask." not in text, name


@pytest.mark.requirement("B1", "B4")
def test_anybody_may_run_every_mask(installed: Database) -> None:
    """A view computes masks with the rights of whoever reads it, helpers included."""
    installed.superuser().execute("CREATE TABLE public.r (v text)")
    installed.superuser().execute("GRANT SELECT ON public.r TO PUBLIC")
    installed.superuser().execute(
        "INSERT INTO public.r VALUES ('zhangsan@example.com'), ('北京市朝阳区建国路88号'), ('1')"
    )
    for name in sorted({rule.function for kind in KINDS.values() for rule in kind.masks}):
        shown = installed.rows(f"SELECT {name}(v) FROM public.r", user="mallory")
        assert len(shown) == 3, name


@pytest.mark.requirement("B1")
def test_a_long_text_is_masked_whole(installed: Database) -> None:
    connection = installed.superuser()
    for kind in KINDS.values():
        row = connection.execute(
            f"SELECT {kind.rule().function}(t) = repeat('*', 300001)"
            " FROM (SELECT '1' || repeat('密', 300000)) AS x (t)".encode()
        ).fetchone()
        assert row == (True,), kind.name


@pytest.mark.requirement("B1")
def test_a_column_with_a_nondeterministic_collation_does_not_raise(installed: Database) -> None:
    connection = installed.superuser()
    try:
        connection.execute(
            "CREATE COLLATION public.loose"
            " (provider = icu, locale = 'und-u-ks-level1', deterministic = false)"
        )
    except psycopg.errors.FeatureNotSupported:
        pytest.skip("this PostgreSQL has no ICU")
    connection.execute("CREATE TABLE public.w (v text COLLATE public.loose)")
    connection.execute("INSERT INTO public.w VALUES ('13812345678'), ('１３８１２３４５６７８')")
    for kind in KINDS.values():
        calls = [rule.function for rule in kind.masks] + [str(kind.validator)]
        calls += [kind.normaliser] if kind.normaliser else []
        for call in calls:
            connection.execute(f"SELECT {call}(v) FROM public.w".encode()).fetchall()
    rows = connection.execute("SELECT pgmask.mask_mobile(v) FROM public.w").fetchall()
    assert rows == [("138****5678",), ("*" * 11,)]


@pytest.mark.requirement("B1")
def test_a_mask_fits_the_column_it_came_from(installed: Database) -> None:
    connection = installed.superuser()
    connection.execute(
        "CREATE TABLE public.x (phone varchar(11), id char(18), name varchar(4), note char(6))"
    )
    row = connection.execute(
        "INSERT INTO public.x SELECT pgmask.mask_mobile(a), pgmask.mask_cn_id_card(b),"
        " pgmask.mask_person_name(c), pgmask.mask_free_text(d)"
        " FROM (VALUES ('13812345678'::varchar(11), '11010119900307001X'::char(18),"
        " '欧阳小明'::varchar(4), '短'::char(6))) AS v (a, b, c, d) RETURNING *"
    ).fetchone()
    # Trailing blanks of character(n) mean nothing to PostgreSQL, so they are not masked.
    assert row == ("138****5678", "1101011990********", "欧阳**", "*     ")
