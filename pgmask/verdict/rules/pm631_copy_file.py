"""COPY to or from a program or a file of the server."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity
from pgmask.verdict.rule import Hit, Rule


def check(case: Case) -> Iterator[Hit]:
    """COPY with a file name, PROGRAM or not."""
    for node in case.of("CopyStmt"):
        if node.get("filename"):
            what = "a program" if node.get("is_program") else "a file"
            way = "from" if node.get("is_from") else "to"
            yield Hit(message=f"COPY {way} {what} on the server")


RULE = Rule(
    code="PM631",
    name="copy-file",
    severity=Severity.DENY,
    check=check,
    catalogue=False,
    example="COPY (SELECT id FROM crm.customer) TO PROGRAM 'cat > /tmp/out'",
    ok="COPY (SELECT id FROM crm.customer) TO STDOUT",
)
