"""Classified values written into tables that nobody masks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pgmask.lineage.model import Flow, Source
from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity, Shown
from pgmask.verdict.rule import Hit, Rule

_MADE = ("CreateTableAsStmt", "SelectStmt")


def check(case: Case) -> Iterator[Hit]:
    """CREATE TABLE AS, SELECT INTO, materialised views, INSERT into a table not protected.

    Truth is refused; masks, and temporary tables, are told. In a migration all of it is refused:
    the owner reads what is stored.
    """
    if case.policy is None:
        return
    into = _made(case)
    if into is not None:
        temporary = into.get("relpersistence") == "t"
        sources = [s for o in case.lineage.outputs for s in o.sources]
        sources += [s for w in case.lineage.writes for _, column in w.sources for s in column]
        yield from _hits(case, sources, into.get("relname", ""), case.at(into), temporary)
        return
    for write in case.lineage.writes:
        if case.policy.table_of(write.schema, write.table) is None:
            sources = [s for _, column in write.sources for s in column]
            temporary = write.schema == "pg_temp"
            yield from _hits(case, sources, write.table, write.position, temporary)


def _made(case: Case) -> dict[str, object] | None:
    for kind in _MADE:
        if case.kind == kind:
            into = case.body.get("into") or case.body.get("intoClause")
            if into is not None:
                found = into.get("rel")
                return found if isinstance(found, dict) else None
    return None


def _hits(
    case: Case, sources: Iterable[Source], target: object, position: int, temporary: bool
) -> Iterator[Hit]:
    for source in dict.fromkeys(sources):
        sight = case.sight(source.column)
        if sight is None or not sight.personal or source.flow is Flow.CONDITION:
            continue
        if sight.form is Shown.NULL and not case.migration:
            continue
        truth = not sight.sealed if case.migration else sight.form is Shown.TRUTH
        grave = truth or case.migration
        severity = Severity.NOTE if temporary else Severity.DENY if grave else Severity.WARN
        what = "values" if truth else "masks"
        yield Hit(
            message=f"{target} would hold {what} of",
            column=(sight.table.id, sight.name),
            position=position,
            severity=severity,
        )


RULE = Rule(
    code="PM636",
    name="copied-out",
    severity=Severity.DENY,
    check=check,
    example="CREATE TABLE crm.calls AS SELECT id, name FROM crm.customer WHERE id = 1",
    ok="CREATE TABLE crm.calls AS SELECT id, status FROM crm.customer WHERE id = 1",
)
