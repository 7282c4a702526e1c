"""Where words and data go, and how an error is told."""

from __future__ import annotations

import sys
import textwrap
from typing import Final

from rich.console import Console

from pgmask.errors import PgmaskError

people: Final = Console(stderr=True, highlight=False, soft_wrap=True)
"""For words to a person: progress, advice, errors. NO_COLOR is honoured."""

shown: Final = Console(highlight=False, soft_wrap=True)
"""For a table of data on stdout, when it is meant for a person."""


def data(text: str) -> None:
    """Print data on stdout, exactly as given, with one newline at the end.

    At once, so that words and data stand in their order where both go to one place.
    """
    sys.stdout.write(text if text.endswith("\n") else text + "\n")
    sys.stdout.flush()


def many(number: int, one: str, more: str = "") -> str:
    """``1 row``, ``2 rows``; more: the plural, where it is not the word with an s."""
    return f"{number:,} {one if number == 1 else more or f'{one}s'}"


def tell(error: PgmaskError) -> None:
    """An error for a person: what and where, more of it, the way out, and where to read on."""
    people.print(f"pgmask: {error}", style="bold red", markup=False)
    if error.detail:
        people.print(textwrap.indent(error.detail, "  "), markup=False)
    if error.hint:
        people.print(textwrap.indent(error.hint, "  "), style="green", markup=False)
    people.print(f"  More: pgmask explain {error.code}", style="dim", markup=False)
