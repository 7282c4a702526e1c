"""What hangs on the columns of a view: comments for tools and people, defaults for writers (B7)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pgmask.compile.context import Context, statement
from pgmask.names import Name, QualName
from pgmask.sqltext import Statement, literal


def wanted(context: Context, view: QualName, defaults: Mapping[str, str]) -> Iterator[Statement]:
    """The defaults of what the profile writes, as the store has them, and the store's comments."""
    for column, default in defaults.items():
        yield statement(
            f"ALTER VIEW {view.quoted} ALTER COLUMN {Name(column).quoted} SET DEFAULT {default}"
        )
    for fact in context.columns:
        if fact.comment:
            yield statement(
                f"COMMENT ON COLUMN {view.quoted}.{Name(fact.name).quoted} IS "
                + literal(fact.comment)
            )


def stale(context: Context, view: QualName, defaults: Mapping[str, str]) -> bool:
    """Whether the present view has a default or comment that the store has no longer.

    ``CREATE OR REPLACE VIEW`` would keep it, so such a view is dropped first.
    """
    present = context.facts.relation(view.schema.text, view.name.text)
    if present is None or present.kind != "v":
        return False
    said = {f.name for f in context.columns if f.comment}
    return any(
        (c.default is not None and c.name not in defaults)
        or (c.comment is not None and c.name not in said)
        for c in present.columns
    )
