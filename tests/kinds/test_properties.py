"""Properties of every mask for any text: the database's answer against rules stated anew here."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pgmask.kinds import ALTERNATE_GLYPH, GLYPH, KINDS
from pgmask.kinds.surnames import COMPOUND_SURNAMES
from tests.harness import Database

_ANY = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
_DIGITS = st.text("0123456789", min_size=1, max_size=24)
_NUMBERS = st.text("0123456789０１２３４５６７８９ -+()Xx*•.", max_size=26)
_CODES = st.text("0123456789ABCXYZabcxyz-", max_size=44)
_ID = st.from_regex(r"[1-6][0-9]{14,16}[0-9Xx]?", fullmatch=True)
_PARTS = (
    "广东省 内蒙古自治区 北京市 深圳市 地区 区 县 市 省 旗 自治州 朝阳区 南山 小区 镇江 镇 路 号 "
    "3栋 里 东 西区 新乡 市场 * • Ａ 九 园 示例大道 人民 景德镇 开发区 x"
)
_PLACES = st.lists(st.sampled_from([*_PARTS.split(" "), " "]), max_size=14).map("".join)
_MAILS = st.lists(
    st.sampled_from(
        ["zhang", "a", "@", ".", "example", ".com", ".cn", ".中国", "*", "•", " ", "王"]
    ),
    max_size=12,
).map("".join)
_NAMES = st.builds(
    str.__add__,
    st.sampled_from(
        [*sorted(COMPOUND_SURNAMES)[:20], "王", "A", "É", "·", "•", " ", "|", "阳|", "𠮷"]
    ),
    st.text("小明锋·•*abc |", max_size=8),
)
_PLATES = st.text("京粤AB12345D", min_size=6, max_size=9)
_VALUES = st.one_of(
    _ANY, _DIGITS, _NUMBERS, _CODES, _ID, _PLACES, _MAILS, _NAMES, _PLATES, st.dates().map(str)
)

_RULES = [(kind, rule) for kind in KINDS.values() for rule in kind.masks]
_QUERY = "SELECT v, {} FROM unnest(%s::text[]) AS u (v)".format(
    ", ".join(
        f"{rule.function}(v), {rule.function}({rule.function}(v)),"
        f" {kind.validator}({rule.function}(v))"
        f" OR {kind.validator}(replace({rule.function}(v), '{GLYPH}', '{ALTERNATE_GLYPH}')),"
        f" {kind.validator}(v)"
        for kind, rule in _RULES
    )
).encode()

_MOST_SHOWN = {
    ("mobile", "default"): 7,
    ("landline", "default"): 5,
    ("email", "default"): 5,
    ("postal_address", "default"): 26,
    ("cn_id_card", "default"): 10,
    ("cn_id_card", "last4"): 14,
    ("cn_id_card", "region"): 6,
    ("identity_paper", "default"): 1,
    ("bank_account", "default"): 4,
    ("bank_account", "ends"): 8,
    ("policy_number", "default"): 4,
    ("person_name", "default"): 2,
    ("org_code", "default"): 8,
    ("plate", "default"): 2,
    ("date", "default"): 4,
}
_MIDDLE = {"mobile", "landline", "email", "postal_address", "bank_account"}
_LAST = {"cn_id_card", "identity_paper", "org_code"}


def _floor(kind: str, length: int) -> range:
    """The positions that Taikang Article 12 hides at the least."""
    if kind in _MIDDLE:
        start = (length - 4) // 2
        return range(max(start, 0), min(start + 4, length)) if length > 4 else range(length)
    if kind in _LAST:
        return range(max(length - 4, 0), length)
    return range(0)


def _judge(kind: str, mask: str, value: str, masked: str, twice: str) -> None:
    assert len(masked) == len(value)
    assert ALTERNATE_GLYPH not in masked
    if value:
        assert GLYPH in masked
    shown = [i for i, c in enumerate(masked) if c != GLYPH]
    assert all(masked[i] == value[i] for i in shown)
    assert len(shown) <= _MOST_SHOWN.get((kind, mask), 0)
    assert all(masked[i] == GLYPH for i in _floor(kind, len(value)))
    if len(value) <= 4 and kind in _MIDDLE | _LAST:
        assert not shown
    assert all(a in (GLYPH, b) for a, b in zip(twice, masked, strict=True))


@pytest.mark.requirement("B1", "D3")
def test_masks_of_any_text(installed: Database) -> None:
    connection = installed.superuser()

    @settings(
        max_examples=120, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(st.lists(_VALUES, min_size=20, max_size=60))
    @example(
        [
            "@0000000000@",
            "",
            "*",
            "•",
            "138****5678",
            "+86 138-1234-5678",
            "王",
            "欧阳",
            "'; --",
            "\\",
            "%s",
        ]
    )
    def holds(values: list[str]) -> None:
        for row in connection.execute(_QUERY, (values,)).fetchall():
            value = row[0]
            for number, (kind, rule) in enumerate(_RULES):
                masked, twice, mask_valid, valid = row[1 + 4 * number : 5 + 4 * number]
                _judge(kind.name, rule.name, value, masked, twice)
                assert masked == rule.shows.apply(value), (rule.function, value)
                if value:
                    assert mask_valid is False
                assert valid in (True, False)
                if GLYPH in value or ALTERNATE_GLYPH in value:
                    assert valid is False

    holds()


@pytest.mark.requirement("B1")
def test_a_prefix_or_separator_never_moves_the_hidden_digits_out(installed: Database) -> None:
    """However a number is written, of its eleven digits the middle four are never shown."""
    connection = installed.superuser()
    separators = st.sampled_from(["", " ", "-", "　", ".", "\u00a0"])

    @settings(
        max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(
        st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True),
        st.sampled_from(["", "+86", "+86 ", "0086", "86-", "(+86)", " ", "电话"]),
        separators,
        separators,
        st.sampled_from(["", " ", "\n", "(本人)"]),
        st.booleans(),
    )
    def holds(number: str, prefix: str, one: str, two: str, tail: str, wide: bool) -> None:
        value = prefix + number[:3] + one + number[3:7] + two + number[7:] + tail
        if wide:
            value = value.translate({ord("0") + i: 0xFF10 + i for i in range(10)})
        middle = len(prefix) + 3 + len(one)
        for kind in ("mobile", "landline", "free_text"):
            row = connection.execute(
                f"SELECT {KINDS[kind].rule().function}(%s)".encode(), (value,)
            ).fetchone()
            assert row is not None
            assert row[0][middle : middle + 4] == "****"

    holds()


@pytest.mark.requirement("F4")
def test_normal_form_of_any_text(installed: Database) -> None:
    """A normal form never raises, and the normal form of a normal form is itself."""
    connection = installed.superuser()
    calls = [str(kind.normaliser) for kind in KINDS.values() if kind.normaliser]
    query = "SELECT {} FROM unnest(%s::text[]) AS u (v)".format(
        ", ".join(f"{call}(v), {call}({call}(v))" for call in calls)
    ).encode()

    @settings(
        max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(st.lists(_VALUES, min_size=20, max_size=60))
    def holds(values: list[str]) -> None:
        for value, row in zip(values, connection.execute(query, (values,)).fetchall(), strict=True):
            for number, call in enumerate(calls):
                once, twice = row[2 * number : 2 * number + 2]
                assert once == twice, (call, value)

    holds()
