"""The registry: floors, column types, and that it names what SQL has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pgmask.kinds import KINDS, family_of, parse_floor, type_treatment
from pgmask.kinds.address import NEUTRAL, STOPS, district_end
from pgmask.kinds.reference import kinds_page
from pgmask.kinds.surnames import COMPOUND_SURNAMES
from pgmask.resources import sql_dir
from tests.harness import Database


@pytest.mark.requirement("B1")
@pytest.mark.parametrize(
    ("floor", "kinds"),
    [
        ("middle 4", ["mobile", "landline", "email", "postal_address", "bank_account"]),
        ("last 4", ["cn_id_card", "identity_paper", "org_code"]),
        ("district", ["postal_address"]),
        ("surname", ["person_name"]),
        ("whole", ["free_text", "json", "media", "secret", "number"]),
    ],
)
def test_every_shipped_mask_keeps_the_floor(floor: str, kinds: list[str]) -> None:
    for kind in kinds:
        for rule in KINDS[kind].masks:
            assert rule.shows.weaker_at(parse_floor(floor), range(1, 400)) == ()


@pytest.mark.requirement("B1")
def test_a_rule_weaker_than_a_floor_is_found_with_length_and_positions() -> None:
    mobile = KINDS["mobile"].rule().shows
    assert mobile.weaker_at(parse_floor("last 4")) == ((11, (8, 9, 10, 11)),)
    assert mobile.weaker_at(parse_floor("middle 6")) == ((11, (3, 8)),)
    assert not mobile.hides_at_least(parse_floor("whole"))
    assert mobile.hides_at_least(parse_floor("none"))
    assert not mobile.hides_at_least(parse_floor("surname"))
    assert not KINDS["person_name"].rule().shows.hides_at_least(parse_floor("whole"))
    assert not KINDS["bank_account"].rule().shows.hides_at_least(parse_floor("district"))
    last4 = KINDS["cn_id_card"].rule("last4").shows
    assert last4.weaker_at(parse_floor("last_5")) == ((15, (11,)), (18, (14,)))


@pytest.mark.requirement("B1")
@pytest.mark.parametrize("text", ["middle", "middle 0", "last four", "", "all", "middle 4 5"])
def test_a_floor_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not one of: middle N"):
        parse_floor(text)


@pytest.mark.requirement("B1")
@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("广东省深圳市南山区科技园", "广东省深圳市南山区"),
        ("北京市朝阳区建国路", "北京市朝阳区"),
        ("河北省石家庄市正定县某村", "河北省石家庄市正定县"),
        ("广西壮族自治区南宁市青秀区民族大道", "广西壮族自治区南宁市青秀区"),
        ("新疆维吾尔自治区阿克苏地区库车县某路", "新疆维吾尔自治区阿克苏地区库车县"),
        ("江苏省镇江市京口区中山东路", "江苏省镇江市京口区"),
        ("山东省济南市市中区经四路", "山东省济南市市中区"),
        ("青海省西宁市城东区八一路", "青海省西宁市城东区"),
        ("浙江省义乌市稠城街道", "浙江省义乌市"),
        ("内蒙古自治区锡林郭勒盟苏尼特左旗", "内蒙古自治区"),
        ("江苏省南京市幸福里南区五号", "江苏省南京市"),
        ("朝阳门外大街5号", ""),
        ("农贸市场三区", ""),
        ("Room 5, 北京市朝阳区", ""),
    ],
)
def test_where_the_district_ends(address: str, shown: str) -> None:
    assert district_end(address) == len(shown)


@pytest.mark.requirement("D3")
def test_the_surnames_in_sql_are_those_in_python() -> None:
    text = (sql_dir() / "21_fn_kinds_text.sql").read_text("utf-8")
    block = re.search(r"strpos\(\s+((?:'\|[^']*'\s+)+)COLLATE", text)
    assert block is not None
    in_sql = "".join(re.findall(r"'([^']*)'", block[1])).strip("|").split("|")
    assert len(in_sql) == len(set(in_sql))
    assert set(in_sql) == COMPOUND_SURNAMES
    assert all(len(surname) == 2 for surname in in_sql)


def test_stand_ins_in_addresses_have_the_length_of_what_they_replace() -> None:
    for name, stand_in in NEUTRAL:
        assert len(name) == len(stand_in)
        assert name == "县" or not set(stand_in) & set("区市县")
    assert "*" in STOPS
    assert "•" in STOPS


@pytest.mark.requirement("B1", "B8")
def test_only_masks_of_the_registry_are_open_to_everybody(installed: Database) -> None:
    wanted = {"pgmask.person_surname": "text", "pgmask.luhn_holds": "boolean"}
    for kind in KINDS.values():
        wanted |= {rule.function: "text" for rule in kind.masks}
        wanted |= {str(kind.validator): "boolean"}
        wanted |= {str(kind.normaliser): "text"} if kind.normaliser else {}
    found = {
        name: (returns, rest)
        for name, returns, *rest in installed.rows(
            "SELECT 'pgmask.' || p.proname, p.prorettype::regtype::text, p.provolatile::text,"
            " p.proparallel::text, p.prosecdef, p.proisstrict, p.proconfig IS NULL,"
            " has_function_privilege('pgmask_sealer', p.oid, 'EXECUTE'),"
            " EXISTS (SELECT FROM aclexplode(p.proacl) AS a WHERE a.grantee = 0),"
            " p.proowner::regrole::text"
            " FROM pg_proc AS p WHERE p.pronamespace = 'pgmask'::regnamespace"
            " AND pg_get_function_identity_arguments(p.oid) ~ '^p_[a-z]+ text$'",
            user="postgres",
        )
    }
    for name, returns in wanted.items():
        open_ = name.startswith("pgmask.mask_")
        expected = ["i", "s", False, False, True, True, open_, "pgmask_owner"]
        assert found.get(name) == (returns, expected), name


@pytest.mark.requirement("B8")
def test_secrets_are_never_shown() -> None:
    assert KINDS["secret"].never_shown
    assert [kind.name for kind in KINDS.values() if kind.never_shown] == ["secret"]
    assert KINDS["secret"].normaliser is None


@pytest.mark.requirement("A7")
def test_media_and_text_are_hidden_by_default_and_masked_whole() -> None:
    for name in ("free_text", "json", "media"):
        assert KINDS[name].hidden_by_default
        assert set(KINDS[name].mask("a,b") or "") == {"*"}


@pytest.mark.requirement("B1")
@pytest.mark.parametrize(
    ("kind", "column_type", "at_rest"),
    [
        ("mobile", "text", "mask"),
        ("mobile", "character varying(11)", "mask"),
        ("mobile", "varchar", "mask"),
        ("mobile", "character(11)", "mask"),
        ("mobile", "public.citext", "mask"),
        ("mobile", "bigint", "null"),
        ("mobile", "numeric(11,0)", "null"),
        ("mobile", "date", "refused"),
        ("mobile", "text[]", "refused"),
        ("cn_id_card", "bytea", "refused"),
        ("date", "date", "null"),
        ("date", "timestamp(3) without time zone", "null"),
        ("date", "timestamp with time zone", "null"),
        ("number", "numeric(12,2)", "null"),
        ("number", "boolean", "null"),
        ("json", "jsonb", "null"),
        ("json", "text", "mask"),
        ("media", "bytea", "null"),
        ("media", "uuid", "null"),
        ("media", "oid", "refused"),
        ("free_text", "text[]", "null"),
        ("free_text", "tsvector", "refused"),
        ("secret", "bytea", "null"),
    ],
)
def test_what_a_column_type_gets(kind: str, column_type: str, at_rest: str) -> None:
    treatment = type_treatment(kind, column_type)
    assert treatment.at_rest == at_rest
    assert treatment.sealable is (at_rest != "refused")
    assert treatment.reason
    assert bool(treatment.way_out) is (at_rest != "mask")


@pytest.mark.requirement("B1")
def test_domains_and_enums() -> None:
    domain = type_treatment("mobile", "crm.phone", base_type="character varying(20)")
    assert (domain.at_rest, domain.sealable) == ("mask", True)
    assert "domain" in domain.reason
    number = type_treatment("number", "crm.amount", base_type="numeric")
    assert number.at_rest == "null"
    enum = type_treatment("free_text", "crm.state", is_enum=True)
    assert enum.at_rest == "null"
    assert "enum" in enum.reason
    assert family_of("crm.state") is None
    with pytest.raises(KeyError):
        type_treatment("unknown", "text")


def test_examples_are_invented_and_of_the_kind() -> None:
    for kind in KINDS.values():
        assert kind.mask(kind.example) != kind.example


def test_the_reference_page_is_fresh() -> None:
    page = Path(__file__).parents[2] / "docs" / "reference" / "kinds.md"
    assert page.read_text("utf-8") == kinds_page()
