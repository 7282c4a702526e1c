"""A database with auditors, and rows of the record as the collector would store them."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg

from tests.harness import Connection, Database
from tests.reveal.site import Site

AUDITORS: Final = {"audra": "pgmask_record_auditor", "dora": "pgmask_record_unit"}
FOREVER: Final = ("-infinity", "infinity")
UTC: Final = datetime.UTC


def register_auditors(site: Site) -> None:
    """Audra audits everything (person 91), Dora the unit north (92), Mallory nothing."""
    root = site.root
    root.execute("SELECT pgmask.register_post('audit', 'Audit')")
    root.execute("SELECT pgmask.register_post_profile('audit', 'audit')")
    for person, name, login in ((91, "Audra", "audra"), (92, "Dora", "dora")):
        root.execute("SELECT pgmask.register_person(%s, %s, 'north', 'employee')", (person, name))
        root.execute("SELECT pgmask.register_person_post(%s, 'audit', 'north')", (person,))
        for form in ("confidentiality_agreement", "responsibility_letter"):
            root.execute("SELECT pgmask.register_document(%s, %s, '2026')", (person, form))
        root.execute("SELECT pgmask.register_login(%s, %s)", (login, person))


@contextmanager
def memberships(site: Site, **roles: str) -> Iterator[None]:
    """Roles belong to the whole cluster: they are given for the body and taken again."""
    for login, role in roles.items():
        site.database.server.role(login)
        site.root.execute(f"GRANT {role} TO {login}".encode())
    try:
        yield
    finally:
        for login, role in roles.items():
            site.root.execute(f"REVOKE {role} FROM {login}".encode())


def ask(connection: Connection, query: str, *values: Any) -> list[dict[str, Any]]:
    """Rows of a report by column."""
    cursor = connection.execute(query.encode(), values or None)
    names = [c.name for c in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def code_of(call: Callable[..., object], *values: object) -> str:
    """The SQLSTATE with which a call is refused; '' where it is not."""
    try:
        call(*values)
    except psycopg.Error as error:
        return error.sqlstate or "?"
    return ""


def stored(root: Connection, **row: Any) -> int:
    """One row of access, as the collector stores a note; what is not given is Ann's."""
    given: dict[str, Any] = {
        "at": datetime.datetime.now(UTC), "era_id": 1, "kind": "statement", "person_id": 11,
        "profile": "agent", "unit_id": "north", "grade": "assertion", "issuer": "crm-web",
        "login": "app", "backend": 1, "table_id": "crm.customer",
    }  # fmt: skip
    given |= row
    given.setdefault("statement_at", given["at"])
    names = ", ".join(given)
    marks = ", ".join(["%s"] * len(given))
    made = root.execute(
        f"INSERT INTO pgmask_audit.access ({names}) VALUES ({marks}) RETURNING access_id".encode(),
        list(given.values()),
    ).fetchone()
    assert made is not None
    return int(made[0])


def examined(root: Connection, customer: int | str, **row: Any) -> int:
    """One note of an examined customer."""
    return stored(root, kind="subject", subject_class="customer", subject_key=str(customer), **row)


def acted(root: Connection, kind: str, **row: Any) -> None:
    """One row of activity."""
    given: dict[str, Any] = {"era_id": 1, "kind": kind, "login": "app"} | row
    names = ", ".join(given)
    marks = ", ".join(["%s"] * len(given))
    root.execute(
        f"INSERT INTO pgmask_audit.activity ({names}) VALUES ({marks})".encode(),
        list(given.values()),
    )


def evaluate(database: Database, login: str = "postgres") -> int:
    """As the collector's loop does; how many alerts were raised."""
    with database.connect(login, autocommit=True) as connection:
        row = connection.execute("SELECT pgmask_private.evaluate_alerts()").fetchone()
    assert row is not None
    return int(row[0])
