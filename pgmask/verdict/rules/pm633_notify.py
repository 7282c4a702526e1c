"""Notifications with data in their payload."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.lineage.model import Lineage
from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity, Shown
from pgmask.verdict.rule import Hit, Rule
from pgmask.verdict.tree import walk


def check(case: Case) -> Iterator[Hit]:
    """pg_notify() whose payload comes from columns; without a catalogue from any.

    So does set_config(): others see application_name. In a function's body a parameter may be any
    column that the statement reads.
    """
    for name, position in case.unseen("pg_notify"):
        if _reads(case, case.lineage):
            yield Hit(message=f"what {name}() is given is not seen", position=position)
    for called, node in case.calls("pg_notify", "set_config"):
        for kind, inner in walk(node.get("args", [])):
            if kind == "ParamRef" and case.outer is not None and _reads(case, case.outer):
                yield Hit(message=f"what {called[-1]}() is given comes from columns",
                          position=case.at(inner))  # fmt: skip
                break
            if kind != "ColumnRef":
                continue
            sights = case.sights({"ColumnRef": inner})
            if (
                case.policy is not None
                and sights
                and not any(s.personal and s.form is not Shown.NULL for s in sights)
            ):
                continue
            if called[-1] == "set_config" and not sights and not _reads(case, case.lineage):
                continue
            yield Hit(message=f"the payload of {called[-1]}() comes from columns",
                      position=case.at(inner))  # fmt: skip
            break


def _reads(case: Case, lineage: Lineage) -> bool:
    """Whether the statement reads what must not be told to others."""
    if case.policy is None:
        return bool(lineage.reads)
    sights = [case.sight(read.column) for read in lineage.reads]
    return any(s is not None and s.personal and s.form is not Shown.NULL for s in sights)


RULE = Rule(
    code="PM633",
    name="notify",
    severity=Severity.DENY,
    check=check,
    catalogue=False,
    deep=True,
    example="SELECT pg_notify('changes', name) FROM crm.customer WHERE id = 1",
    ok="SELECT pg_notify('changes', id::text) FROM crm.customer WHERE id = 1",
)
