"""What names and comments suggest, and what they do not."""

from __future__ import annotations

import pytest

from pgmask.kinds import KINDS
from pgmask.kinds.names import in_comment, plain_word, speaks_of_persons, suggestions


def said(name: str, table: str = "") -> str:
    found = suggestions(name, table)
    return (found[0].kind or f":{found[0].category}") if found else ""


@pytest.mark.requirement("A1")
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("customer_mobile_no", "mobile"), ("MobilePhone", "mobile"), ("phone2", "mobile"),
        ("khsjh", "mobile"), ("tbr_sjh", "mobile"), ("shoujihaoma", "mobile"),
        ("投保人手机号码", "mobile"), ("手机号2", "mobile"),
        ("fax_no", "landline"), ("jtdh", "landline"), ("EMAIL_ADDR", "email"), ("dzyx", "email"),
        ("insuredIdNo", "cn_id_card"), ("tbrzjhm", "cn_id_card"), ("sfzh", "cn_id_card"),
        ("passport_no", "identity_paper"), ("yhkh", "bank_account"),
        ("payer_account", "bank_account"),
        ("bdh", "policy_number"), ("custName", "person_name"), ("bbrxm", "person_name"),
        ("被保险人姓名", "person_name"), ("USCC", "org_code"), ("cph", "plate"),
        ("date_of_birth", "date"), ("csrq", "date"), ("remark1", "free_text"), ("bz", "free_text"),
        ("home_address", "postal_address"), ("jtzz", "postal_address"), ("pwd", "secret"),
        ("diagnosis", ":health"), ("jkzk", ":health"), ("annual_income", ":finance"),
        ("hyzk", ":relationship"), ("ip_address", ":touch"),
    ],
)  # fmt: skip
def test_suggested(name: str, kind: str) -> None:
    assert said(name) == kind


@pytest.mark.requirement("A1")
@pytest.mark.parametrize(
    "name",
    "mobile_type phone_status email_verified address_id id_card_type bank_code task_name "
    "product_name order_no customer_no zjlx khbh 手机类型 产品名称 证件类型 created_at "
    "unit_id job_name 创建时间 extension".split(),
)
def test_the_end_of_a_name_decides(name: str) -> None:
    assert said(name) == ""
    assert plain_word(name) is not None


def test_a_bare_name_is_a_persons_in_a_table_of_persons() -> None:
    assert suggestions("name", "customer")[0].strength == "medium"
    assert suggestions("name", "t_khxx")[0].strength == "medium"
    assert suggestions("name", "ref_bank")[0].strength == "weak"
    assert suggestions("product_name", "customer") == ()
    assert speaks_of_persons("客户信息")
    assert not speaks_of_persons("ref_region")


def test_short_words_count_alone_only() -> None:
    assert said("dz") == "postal_address"
    assert said("x_dz") == ""
    assert said("khdz") == "postal_address"  # behind a person


def test_comments() -> None:
    assert in_comment("投保人手机号码，11位")[0].kind == "mobile"
    assert in_comment("手机类型：1 安卓 2 苹果") == ()
    assert in_comment("the customer's mobile number")[0].kind == "mobile"
    assert in_comment("number of mobile apps installed") == ()
    assert in_comment("") == ()


def test_every_word_is_of_a_kind_that_exists() -> None:
    """The words are data; this reads them all and says what no name can reach."""
    for kind in set(KINDS) - {"number", "json"}:
        assert any(said(name) == kind for name in _NAMES), kind


_NAMES = (
    "mobile tel email address id_card passport iban policy_no full_name uscc plate dob remark "
    "photo password"
).split()
