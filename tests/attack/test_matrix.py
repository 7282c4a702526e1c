"""SECURITY.md says what the attack table proves."""

from __future__ import annotations

from tests.attack import matrix
from tests.attack.table import ATTACKS, PROVEN


def test_the_page_is_as_the_table_says() -> None:
    page = matrix.PAGE.read_text("utf-8")
    assert matrix.replaced(page) == page, "python -m tests.attack.matrix writes it anew"


def test_the_page_names_every_row() -> None:
    page = matrix.rendered()
    for name in [*(a.id for a in ATTACKS), *(p.id for p in PROVEN)]:
        assert f"| {name} |" in page
