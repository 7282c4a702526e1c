"""The last station before SQL leaves: every statement passes the gate, and reads well."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from pgmask.sqltext import Statement, gate


def gated(statements: Iterable[Statement]) -> tuple[Statement, ...]:
    """The same statements, each proven to parse as exactly one.

    Raises InternalError (PM002).
    """
    found = tuple(statements)
    for one in found:
        gate(one.text)
    return found


def comment_block(text: str, *, width: int = 98) -> str:
    """The text as SQL line comments; line breaks in names cannot end the comment early."""
    lines: list[str] = []
    for line in " ".join(text.split()).split("\n"):
        lines += textwrap.wrap(line, width - 3, break_on_hyphens=False) or [""]
    return "\n".join(f"-- {line}".rstrip() for line in lines)


def script(statements: Iterable[Statement]) -> str:
    """The statements as a script: a comment above each that has one, ``;`` behind each."""
    parts = []
    for one in statements:
        note = comment_block(one.comment) + "\n" if one.comment else ""
        parts.append(f"{note}{one.text};\n")
    return "\n".join(parts)
