"""Places in a text: characters, bytes and lines, however long and in whatever script."""

from __future__ import annotations

import sys

import pytest

from pgmask.facts.schema import Schema
from pgmask.lineage import trace
from pgmask.lineage.parse import Text

pytestmark = pytest.mark.requirement("I1")


@pytest.mark.parametrize("text", ["a\nb\n", "张三\n" * 3000 + "x𠀀y", "", "é" * 1024, "é" * 1025])
def test_characters_bytes_and_lines(text: str) -> None:
    made = Text(text)
    for at in {0, 1, len(text) // 2, max(len(text) - 1, 0), len(text)}:
        if at <= len(text):
            assert made.byte(at) == len(text[:at].encode())
            assert made.character(made.byte(at)) == at
            assert made.line(at) == text[:at].count("\n") + 1


def test_the_work_grows_with_the_text_and_not_with_its_square() -> None:
    """Counted in calls of Python's functions, which no load of the machine changes."""

    def calls(statements: int) -> int:
        text = "SELECT '张三，武汉市武昌区青年路';\n" * statements
        made, total = Text(text), 0

        def count(_frame: object, event: str, _argument: object) -> None:
            nonlocal total
            total += event in ("call", "c_call")

        sys.setprofile(count)
        try:
            for place in range(0, len(text), 20):
                made.line(made.character(made.byte(place)))
        finally:
            sys.setprofile(None)
        return total

    assert calls(2000) < 2.2 * calls(1000)
    # No slice is longer than what lies between two marks.
    long = Text("张" * 100_000)
    assert max(b - a for a, b in zip(long._marks, long._marks[1:], strict=False)) <= 3 * 1024


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("SELECT 1;\nSELEC 2;", 2, 1),
        ("SELECT 1;\n\n-- why\nSELEC 2;", 4, 1),
        ("SELECT '张三';\r\n  SELEC 2;", 2, 3),
        ("SELECT 1; SELEC 2;", 1, 11),
    ],
)
def test_what_is_no_statement_is_pointed_at(text: str, line: int, column: int) -> None:
    found = [u for s in trace(text, Schema(relations={})) for u in s.unresolved]
    assert [u.code for u in found] == ["PM600"]
    (at,) = (u.position for u in found)
    assert (text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1) + 1) == (line, column)


def test_half_a_character_is_refused() -> None:
    (found,) = trace("SELECT '\ud800'", Schema(relations={}))
    assert [u.code for u in found.unresolved] == ["PM600"]
