"""Validators, normal forms and what an identity card number states."""

from __future__ import annotations

import datetime as dt

import pytest

from pgmask.kinds import GLYPHS, KINDS
from tests.harness import Database

VALID = {
    "mobile": ["13812345678", "+86 138-1234-5678", "0086 13812345678", "１３８１２３４５６７８"],
    "landline": [
        "010-65432100",
        "0755-26543210",
        "02126543210",
        "26543210",
        "+86 10 6543 2100",
        "010-65432100-801",
        "400-800-1234",
    ],
    "email": ["zhangsan@example.com", " li.si+x@mail.example.cn ", "a@b.co", "王@例子.公司"],
    "postal_address": ["北京市朝阳区建国路88号", "12 Example Road"],
    "cn_id_card": [
        "11010519491231002X",
        "11010519491231002x",
        "110105 19491231 002X",
        "440524188001010014",
        "110105491231002",
        "110101200002290018",
    ],
    "identity_paper": [
        "E12345678",
        "EA1234567",
        "H1234567801",
        "12345678",
        "M12345678",
        "军字第2001988号",
        "USA110099010112",
    ],
    "bank_account": ["6222021234567890123", "6222 0212 3456 7890 123", "12345678"],
    "policy_number": ["P2024000012345", "PDAA-2024-0001"],
    "person_name": ["王小明", "欧阳锋", "阿依古丽·买买提", "John Smith", "O'Neil-Brown", "𠮷野"],
    "org_code": ["91350100M000100Y43", "91350100m000100y43", "D2143569-X", "D2143569X"],
    "plate": ["京A12345", "粤BD12345", "粤B12345D", "京A·12345", "粤A1234学", "沪A1234挂"],
    "date": ["1990-03-07", "19900307", "1990/03/07", "1990年03月07日", "2000-02-29"],
    "number": ["12,500.00", "-3", "+1.5", "０１２"],
    "free_text": ["客户来电", ""],
    "json": ['{"a": 1}'],
    "media": ["a.jpg"],
    "secret": ["hunter2"],
}
INVALID = {
    "mobile": ["1381234567", "12812345678", "138123456789", "+1 13812345678", "x13812345678", ""],
    "landline": ["1234", "13812345678", "010-1234", ""],
    "email": ["a", "a@b", "a@b..cn", "@b.cn", "a b@c.cn", "a@b.c1", "a@b.cn\nc@d.cn"],
    "postal_address": ["北京", "123456", ""],
    "cn_id_card": [
        "110105194912310021",
        "110105194902310026",
        "110105190002290017",
        "990105194912310023",
        "11010519491231002",
        "110105490231002",
        "x",
        "",
    ],
    "identity_paper": ["1", "ABCDEFG", "军字2001988", ""],
    "bank_account": ["1234567", "62220212345678901x", "", "1" * 35],
    "policy_number": ["ABCDEF", "A1", ""],
    "person_name": ["王", "王5", "13812345678", "王 Smith 3", ""],
    "org_code": ["91350100M000100Y44", "D21435690", "91350100I000100Y43", ""],
    "plate": ["京112345", "AA12345", "京AI2345", "京A123456", ""],
    "date": ["1990-02-30", "1900-02-29", "1990-13-01", "7 March 1990", "1790-01-01", ""],
    "number": ["", "1e5", "1.2.3", "abc"],
}
NORMAL = [
    ("mobile", "+86 138-1234-5678", "13812345678"),
    ("mobile", "８６１３８１２３４５６７８", "13812345678"),
    ("landline", "+86 (10) 6543-2100", "01065432100"),
    ("landline", "010-65432100", "01065432100"),
    ("email", " ZhangSan@Example.COM ", "zhangsan@example.com"),
    ("postal_address", "北京市 朝阳区，建国路８８号", "北京市朝阳区建国路88号"),
    ("cn_id_card", "11010519491231002x", "11010519491231002X"),
    ("cn_id_card", "110105491231002", "11010519491231002X"),
    ("identity_paper", "e-1234 5678", "E12345678"),
    ("bank_account", "6222 0212-3456", "622202123456"),
    ("policy_number", "p-2024/0001", "P20240001"),
    ("person_name", "阿依古丽‧买买提", "阿依古丽·买买提"),
    ("person_name", "John  SMITH", "johnsmith"),
    ("org_code", "d2143569-x", "D2143569X"),
    ("plate", "京a·12345", "京A12345"),
    ("date", "1990年03月07日", "19900307"),
    ("number", "12,500.00", "12500.00"),
]


@pytest.mark.requirement("F4")
def test_validators(installed: Database) -> None:
    connection = installed.superuser()
    wrong = []
    for expected, table in ((True, VALID), (False, INVALID)):
        for kind, values in table.items():
            for value in values:
                call = f"SELECT {KINDS[kind].validator}(%s)".encode()
                if connection.execute(call, (value,)).fetchone() != (expected,):
                    wrong.append((kind, value, expected))
    assert wrong == []
    assert set(VALID) == set(KINDS)


@pytest.mark.requirement("B1", "F4")
def test_no_validator_accepts_a_glyph_or_null(installed: Database) -> None:
    connection = installed.superuser()
    for kind, values in VALID.items():
        call = f"SELECT {KINDS[kind].validator}(%s)".encode()
        assert connection.execute(call, (None,)).fetchone() == (False,)
        for value in values:
            for glyph in GLYPHS:
                for spoilt in (glyph + value, value + glyph, value[:2] + glyph + value[2:]):
                    assert connection.execute(call, (spoilt,)).fetchone() == (False,), spoilt


@pytest.mark.requirement("F4")
def test_normal_forms(installed: Database) -> None:
    connection = installed.superuser()
    for kind, value, expected in NORMAL:
        call = f"SELECT {KINDS[kind].normaliser}(%s)".encode()
        assert connection.execute(call, (value,)).fetchone() == (expected,), (kind, value)


@pytest.mark.requirement("F4")
def test_what_an_identity_card_number_states(installed: Database) -> None:
    connection = installed.superuser()
    cases: list[tuple[str | None, dt.date | None, str | None]] = [
        ("11010519491231002X", dt.date(1949, 12, 31), "female"),
        ("440524188001010014", dt.date(1880, 1, 1), "male"),
        ("110105491231002", dt.date(1949, 12, 31), "female"),
        ("110105194912310021", None, None),
        ("110105********002X", None, None),
        ("", None, None),
        (None, None, None),
    ]
    for value, born, sex in cases:
        row = connection.execute(
            "SELECT pgmask.birth_date_of_cn_id_card(%s), pgmask.sex_of_cn_id_card(%s)",
            (value, value),
        ).fetchone()
        assert row == (born, sex), value


@pytest.mark.requirement("F4")
def test_luhn_is_a_flag_of_its_own(installed: Database) -> None:
    connection = installed.superuser()
    cases: list[tuple[str | None, bool]] = [
        ("4111111111111111", True),
        ("4111 1111 1111 1111", True),
        ("4111111111111112", False),
        ("12345678", False),
        ("", False),
        (None, False),
    ]
    for value, holds in cases:
        row = connection.execute("SELECT pgmask.luhn_holds(%s)", (value,)).fetchone()
        assert row == (holds,), value
    row = connection.execute("SELECT pgmask.valid_bank_account('4111111111111112')").fetchone()
    assert row == (True,)
