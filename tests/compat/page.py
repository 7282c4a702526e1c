"""The page of the results: docs/reference/compatibility.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tests.compat.model import DIFFERS, MASKS, WORKS, Group, Result, Statement, judged

VERSIONS: Final = (15, 18)
Outcomes = Mapping[tuple[str, int], tuple[Result, Result]]
"""By statement and version: the raw table's result and the view's."""

_HEAD: Final = f"""\
# SQL on tables and behind views

What an application may send, run by its own login on the tables as they were and on the views that
took their names, on PostgreSQL 15 and 18. Written from the run by
`pytest tests/compat/test_page.py --golden`; the statements stand in `tests/compat/statements`.

*{WORKS}*: the same rows and the same command tag as on the table. *{MASKS}*: the same, with masks
in place of personal values. *{DIFFERS}*: no error, other rows; the last column says why. Anything
else is the SQLSTATE of the error; that of the table is given too, by version where they differ.
Where both refuse, they name the same constraint.
What to do about the main ones: [SQL behind a view](../howto/sql-behind-a-view.md); the codes that
begin with PM: [errors](errors.md). A whole application's models, tried in the same way:
[Tryton over its views](compatibility-tryton.md).
"""


def page(groups: tuple[Group, ...], outcomes: Outcomes) -> str:
    """The whole page."""
    parts = [_HEAD]
    for group in groups:
        rows = [_row(s, outcomes) for s in group.statements]
        parts.append(
            f"## {group.title}\n\n| statement | table | view, 15 | view, 18 | instead |\n"
            "|---|---|---|---|---|\n" + "\n".join(rows) + "\n"
        )
    return "\n".join(parts)


def _row(statement: Statement, outcomes: Outcomes) -> str:
    cells = [cell(statement, outcomes, version) for version in VERSIONS]
    raw = [c[0] for c in cells]
    table = raw[0] if len(set(raw)) == 1 else f"{raw[0]}; {VERSIONS[1]}: {raw[1]}"
    words = [statement.says, table, *(c[1] for c in cells), statement.instead]
    return "| " + " | ".join(w.replace("|", "\\|") for w in words) + " |"


def cell(statement: Statement, outcomes: Outcomes, version: int) -> tuple[str, str]:
    """The words for the table and for the view."""
    raw, view = outcomes[statement.says, version]
    return raw.error or WORKS, judged(raw, view, compare=statement.compare)


def unexplained(groups: tuple[Group, ...], outcomes: Outcomes, version: int) -> list[str]:
    """Statements that a table takes and a view does not take in the same way, without a way out."""
    found = []
    for group in groups:
        for statement in group.statements:
            raw, view = cell(statement, outcomes, version)
            if raw == WORKS and view not in (WORKS, MASKS) and not statement.instead:
                found.append(f"{statement.says}: {view}")
    return found
