"""Statements and what came of them: the values that the test, the page and the data files share."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

STATEMENTS: Final = Path(__file__).with_name("statements")
WORKS: Final = "works"
"""Rows and command tag as on the raw table."""
MASKS: Final = "masks"
"""As on the raw table, with masks where it holds personal values."""
DIFFERS: Final = "differs"
"""No error, and other rows."""
_KEYS: Final = frozenset(
    {"says", "sql", "login", "autocommit", "compare", "instead", "try", "parameters"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One entry of a data file: what an application sends in one transaction.

    says: for the page, unique; sql: the steps, of which the last gives the outcome; login: ``app``,
    the application, or ``owner``, who owned the tables before adoption; autocommit: outside a
    transaction block; compare: whether rows are compared (False where they are never equal);
    parameters: of the last step, sent apart from it; instead: the way out, in words; attempt: the
    way out as steps, which must work on the views of every version.
    """

    says: str
    sql: tuple[str, ...]
    login: str = "app"
    autocommit: bool = False
    compare: bool = True
    parameters: tuple[Any, ...] = ()
    instead: str = ""
    attempt: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One data file: a heading of the page with its statements."""

    title: str
    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a server answered: an SQLSTATE and the constraint it names, or the last step's command
    tag and rows.
    """

    error: str = ""
    constraint: str | None = None
    message: str = field(default="", compare=False)
    tag: str = ""
    rows: tuple[tuple[Any, ...], ...] | None = None


def groups() -> tuple[Group, ...]:
    """Every data file, by name. Raises ValueError for an entry that says too little or too much."""
    found = tuple(_group(path) for path in sorted(STATEMENTS.glob("*.yml")))
    names = [s.says for group in found for s in group.statements]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise ValueError(f"said twice: {', '.join(twice)}")
    return found


def _group(path: Path) -> Group:
    read = yaml.safe_load(path.read_text("utf-8"))
    return Group(title=read["title"], statements=tuple(map(_statement, read["statements"])))


def _statement(entry: dict[str, Any]) -> Statement:
    if not {"says", "sql"} <= set(entry) <= _KEYS:
        raise ValueError(f"an entry needs says and sql and may have {sorted(_KEYS)}: {entry}")
    return Statement(
        says=entry["says"],
        sql=_steps(entry["sql"]),
        login=entry.get("login", "app"),
        autocommit=entry.get("autocommit", False),
        compare=entry.get("compare", True),
        parameters=tuple(entry.get("parameters", ())),
        instead=" ".join(entry.get("instead", "").split()),
        attempt=_steps(entry.get("try", ())),
    )


def _steps(given: str | list[str] | tuple[str, ...]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def judged(raw: Result, view: Result, *, compare: bool = True) -> str:
    """The outcome on a view beside the raw table's: one of the words above, or an SQLSTATE."""
    if view.error:
        same = view.error != raw.error or view.constraint == raw.constraint
        return view.error if same else f"{view.error}, another name"
    if raw.error or not compare:
        return WORKS
    if raw.tag != view.tag or (raw.rows is None) != (view.rows is None):
        return DIFFERS
    if raw.rows == view.rows:
        return WORKS
    before, after = raw.rows or (), view.rows or ()
    same = len(before) == len(after) and all(
        len(b) == len(a) and all(x == y or _masked(y) for x, y in zip(b, a, strict=True))
        for b, a in zip(before, after, strict=True)
    )
    return MASKS if same else DIFFERS


def _masked(value: Any) -> bool:
    return bool({"*", "•"} & set(str(value)))
