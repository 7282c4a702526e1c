"""How evidence is put together."""

from __future__ import annotations

import math
import time
from random import Random

import pytest

from pgmask.catalogue.packs import Policy
from pgmask.catalogue.packs.read import shipped_pack
from pgmask.catalogue.schema_source import SchemaColumn, SchemaTable
from pgmask.kinds.generate import GENERATORS
from pgmask.scan.judge import NAME, PRIOR, judge
from pgmask.scan.model import Proposal, Source, Statistics, Verdict
from pgmask.scan.tally import tally


def policy(*packs: str) -> Policy:
    return Policy([p for p in map(shipped_pack, packs) if p is not None])


def judged(
    name: str,
    values: list[str | None] | None = None,
    *,
    type: str = "text",
    table: str = "t",
    comment: str = "",
    rows: int = 10_000,
    statistics: Statistics | None = None,
    packs: tuple[str, ...] = ("baseline",),
) -> Proposal:
    column = SchemaColumn(name=name, type=type)
    source = Source(
        table=SchemaTable(schema="crm", name=table, columns=(column,)),
        schema="crm",
        comments={name: comment} if comment else {},
        rows=rows,
    )
    return judge(source, column, tally(values or ()), policy(*packs), statistics)


def made(kind: str, count: int, seed: int = 1) -> list[str | None]:
    random = Random(seed)
    return [GENERATORS[kind](random) for _ in range(count)]


@pytest.mark.requirement("A1")
def test_points_add_up_as_documented() -> None:
    points = PRIOR + NAME["strong"]
    odds = math.pow(10, points)
    assert judged("sjhm").confidence == round(odds / (1 + odds), 2)


@pytest.mark.requirement("A1")
@pytest.mark.parametrize(
    "kind",
    [k for k in sorted(GENERATORS) if k not in ("policy_number", "number", "secret", "free_text")],
)
def test_values_alone_say_the_kind(kind: str) -> None:
    """A name that says nothing; twenty values are enough."""
    found = judged("col1", made(kind, 200), type="text")
    assert (found.verdict, found.kind) == (Verdict.PERSONAL, kind)
    few = judged("col1", made(kind, 2), type="text")
    assert few.confidence < found.confidence or few.verdict is Verdict.OPEN


@pytest.mark.requirement("A1")
def test_values_that_cannot_be_contradict_the_name() -> None:
    orders: list[str | None] = [f"DD2024{n:010d}" for n in range(500)]
    found = judged("phone", orders)
    assert found.verdict is Verdict.OPEN
    assert "only 0 % of 500 sampled values could be of kind mobile" in found.evidence[0].text
    assert judged("phone").kind == "mobile"  # without values the name is believed
    assert judged("status", made("cn_id_card", 100)).kind == "cn_id_card"


@pytest.mark.requirement("A1")
def test_chance_is_no_evidence() -> None:
    """Every tenth number of 19 digits has the right Luhn digit, one in eleven the right check."""
    random = Random(3)
    numbers: list[str | None] = [f"6{random.randrange(10**18):018d}" for _ in range(1000)]
    assert judged("col1", numbers).verdict is Verdict.OPEN
    ids: list[str | None] = [f"{random.randrange(10**18):018d}" for _ in range(1000)]
    assert judged("col1", ids).verdict is Verdict.OPEN


@pytest.mark.requirement("A1")
def test_a_handful_of_words_are_codes_and_no_names() -> None:
    words: list[str | None] = ["王府井", "张江", "高新"] * 100
    found = judged("col1", words)
    assert found.verdict is not Verdict.PERSONAL
    assert judged("col1", ["正常", "关闭", "冻结"] * 100).verdict is Verdict.PLAIN
    assert judged("col1", made("person_name", 300)).kind == "person_name"
    seen = Statistics(null_part=0, distinct=6)
    assert judged("col1", words[:60]).verdict is Verdict.PERSONAL
    assert judged("col1", words[:60], statistics=seen).verdict is not Verdict.PERSONAL


@pytest.mark.requirement("A7")
def test_what_is_inside_a_text_gives_its_level() -> None:
    notes: list[str | None] = [f"客户来电，请于{n}日后联系。" for n in range(100)]
    quiet = judged("remark", notes)
    assert (quiet.kind, quiet.level) == ("free_text", None)
    told = judged(
        "remark", [*notes, "请回电13800001234，谢谢。", "身份证11010519491231002X已核对。"]
    )
    assert (told.kind, told.level) == ("free_text", 1)
    assert told.inside == {"mobile": 1, "cn_id_card": 1}
    assert any("inside: " in e.text for e in told.evidence)
    document = judged("data", ['{"phone": "13800001234"}'] * 50, type="jsonb")
    assert (document.kind, document.level, document.inside) == ("json", 1, {"mobile": 50})


@pytest.mark.requirement("A1")
def test_a_column_of_contacts_is_mixed() -> None:
    both = made("mobile", 60) + made("email", 40)
    found = judged("lxfs", both)
    assert found.verdict is Verdict.PERSONAL
    assert found.level == 1
    assert found.mixed
    assert not judged("lxfs", made("mobile", 60)).mixed


def test_masked_values_are_neither_for_nor_against() -> None:
    masked: list[str | None] = ["138****1234"] * 100
    found = judged("sjhm", masked)
    assert (found.verdict, found.kind, found.seen) == (Verdict.PERSONAL, "mobile", 0)
    assert judged("col1", masked).verdict is Verdict.OPEN  # and never plain


@pytest.mark.requirement("A1", "A2")
def test_levels_are_those_of_the_packs() -> None:
    assert judged("jtdz", packs=("picc",)).level == 2
    assert judged("jtdz", packs=("baseline",)).level == 1
    assert judged("jtdz", packs=("picc", "taikang")).level == 1
    assert judged("jkzk").said == "health, level 2"


@pytest.mark.parametrize(
    ("name", "type"),
    [("id_no", "boolean"), ("phone", "timestamp without time zone"), ("email", "bigint")],
)
def test_a_type_that_cannot_hold_it(name: str, type: str) -> None:
    assert judged(name, type=type).kind == ""


def test_a_number_of_a_phone_may_be_a_number() -> None:
    assert judged("sjh", made("mobile", 50), type="bigint").kind == "mobile"


def test_comments_are_read() -> None:
    assert judged("col7", comment="投保人手机号码").kind == "mobile"
    assert judged("col7").verdict is Verdict.OPEN


def test_long_values_take_no_long_time() -> None:
    """Texts made to keep a regular expression busy: a value is looked at in about a millisecond."""
    hostile: list[str | None] = [
        letter * 2000 + end for letter in "a1@.-王 {[0A/" for end in ("", "@", ".", "!", "x")
    ]
    hostile += ["a." * 1000, "1 A " * 500, "a@" * 1000, "Aa " * 666, "0-" * 1000, "a@b." * 500]
    began = time.process_time()
    assert tally(hostile).seen == len([v for v in hostile if v and v.strip()])
    assert time.process_time() - began < 0.01 * len(hostile)
