"""Statements that load code or connect the database with something outside."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity
from pgmask.verdict.rule import Hit, Rule

_SAYS: Final = {
    "LoadStmt": "LOAD runs code in the server",
    "CreateExtensionStmt": "an extension brings code of its own",
    "CreatePLangStmt": "a language runs code in the server",
    "AlterSystemStmt": "ALTER SYSTEM changes the server's settings",
    "CreateFdwStmt": "a foreign-data wrapper reaches outside",
    "CreateForeignServerStmt": "a foreign server reaches outside",
    "AlterForeignServerStmt": "a foreign server reaches outside",
    "CreateUserMappingStmt": "a user mapping logs in outside",
    "AlterUserMappingStmt": "a user mapping logs in outside",
    "CreateForeignTableStmt": "a foreign table lies outside",
    "ImportForeignSchemaStmt": "foreign tables lie outside",
    "CreatePublicationStmt": "a publication sends rows to whoever subscribes",
    "AlterPublicationStmt": "a publication sends rows to whoever subscribes",
    "CreateSubscriptionStmt": "a subscription connects to another server",
    "AlterSubscriptionStmt": "a subscription connects to another server",
    "CreateEventTrigStmt": "an event trigger runs in everybody's statements",
    "AlterEventTrigStmt": "an event trigger runs in everybody's statements",
}


def check(case: Case) -> Iterator[Hit]:
    """By the sort of statement; a migration may make extensions."""
    for kind in case.nodes:
        if kind in _SAYS and not (case.migration and kind == "CreateExtensionStmt"):
            yield Hit(message=_SAYS[kind])


RULE = Rule(
    code="PM634",
    name="opens-a-way-out",
    severity=Severity.DENY,
    check=check,
    catalogue=False,
    example="CREATE PUBLICATION everything FOR TABLE crm.customer",
    ok="SELECT pubname FROM pg_publication",
)
