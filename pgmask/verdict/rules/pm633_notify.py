"""Notifications with data in their payload."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity, Shown
from pgmask.verdict.rule import Hit, Rule
from pgmask.verdict.tree import walk


def check(case: Case) -> Iterator[Hit]:
    """pg_notify() whose payload comes from columns; without a catalogue from any."""
    for _, node in case.calls("pg_notify"):
        for kind, inner in walk(node.get("args", [])):
            if kind != "ColumnRef":
                continue
            sights = case.sights({"ColumnRef": inner})
            if (
                case.policy is not None
                and sights
                and not any(s.personal and s.form is not Shown.NULL for s in sights)
            ):
                continue
            yield Hit(message="the payload of pg_notify() comes from columns",
                      position=case.at(inner))  # fmt: skip
            break


RULE = Rule(
    code="PM633",
    name="notify",
    severity=Severity.DENY,
    check=check,
    catalogue=False,
    example="SELECT pg_notify('changes', name) FROM crm.customer WHERE id = 1",
    ok="SELECT pg_notify('changes', id::text) FROM crm.customer WHERE id = 1",
)
