"""Maintaining the register and the issuers through the functions ``pgmask.register_*``."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg

from pgmask.errors import REGISTRY, PgmaskError
from pgmask.identity import IssuerKey

if TYPE_CHECKING:
    from pgmask.runtime.book import Book

Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Something the register lacks.

    what: unit, person, login or form; stops: whether somebody is not honoured because of it.
    """

    what: str
    key: str
    missing: str
    stops: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """An issuer without its secrets. keys: (key id, valid from, valid to), oldest first."""

    issuer: str
    profiles: tuple[str, ...]
    max_ttl: datetime.timedelta
    transaction_life: datetime.timedelta
    revoked_at: datetime.datetime | None
    keys: tuple[tuple[str, datetime.datetime, datetime.datetime | None], ...]


def put(connection: Connection, book: Book) -> None:
    """Put every entry of a register file, in one transaction of the caller; can be repeated.

    Raises PgmaskError with the register's own codes (PM50x).
    """
    with _errors():
        _put(connection, book)


def gaps(connection: Connection) -> tuple[Gap, ...]:
    """What the register lacks, sorted."""
    with _errors():
        rows = connection.execute(
            "SELECT what, key, missing, stops FROM pgmask.register_gaps()"
        ).fetchall()
    return tuple(Gap(what=r[0], key=r[1], missing=r[2], stops=r[3]) for r in rows)


def issuers(connection: Connection) -> tuple[Issuer, ...]:
    """The issuers by name, without secrets."""
    with _errors():
        rows = connection.execute("SELECT * FROM pgmask.issuers()").fetchall()
    found: dict[str, Issuer] = {}
    for name, profiles, ttl, life, revoked, key_id, begin, end in rows:
        before = found[name].keys if name in found else ()
        found[name] = Issuer(
            issuer=name,
            profiles=tuple(profiles),
            max_ttl=ttl,
            transaction_life=life,
            revoked_at=revoked,
            keys=(*before, (key_id, begin, end)) if key_id is not None else before,
        )
    return tuple(found.values())


def add_issuer(
    connection: Connection,
    issuer: str,
    profiles: tuple[str, ...],
    *,
    max_ttl: float = 60,
    transaction_life: float = 900,
    services: tuple[str, ...] = (),
) -> None:
    """Register an issuer with exactly these profiles and services; both lives in seconds."""
    with _errors():
        connection.execute(
            "SELECT pgmask.register_issuer(%s, %s::text[], %s, %s)",
            (
                issuer,
                list(profiles),
                datetime.timedelta(seconds=max_ttl),
                datetime.timedelta(seconds=transaction_life),
            ),
        )
        connection.execute(
            "SELECT pgmask.register_issuer_services(%s, %s::text[])", (issuer, list(services))
        )


def rotate(connection: Connection, issuer: str, *, overlap: float = 86400) -> IssuerKey:
    """A new key of an issuer; the one before stays valid for ``overlap`` seconds.

    The caller commits, and keeps the key: it is shown this once.
    """
    with _errors():
        row = connection.execute(
            "SELECT key_id, secret FROM pgmask.rotate_issuer_key(%s, %s)",
            (issuer, datetime.timedelta(seconds=overlap)),
        ).fetchone()
    assert row is not None  # noqa: S101  the function gives one row
    return IssuerKey(issuer=issuer, key_id=row[0], secret=bytes(row[1]))


def revoke(connection: Connection, issuer: str) -> bool:
    """No longer honour an issuer; whether it was honoured before."""
    with _errors():
        row = connection.execute("SELECT pgmask.revoke_issuer(%s)", (issuer,)).fetchone()
    return bool(row and row[0])


def _put(connection: Connection, book: Book) -> None:
    def call(name: str, **values: Any) -> None:
        named = ", ".join(f"{key} => %({key})s" for key in values)
        connection.execute(f"SELECT pgmask.{name}({named})".encode(), values)

    rules = book.rules
    if rules:
        call(
            "register_rule",
            p_complete_unit=rules.get("complete_unit", True),
            p_training_months=rules.get("training_months"),
            p_designated_per_unit=rules.get("designated_per_unit", 2),
            p_unique_writes_per_day=rules.get("unique_writes_per_day", 100),
        )
    for kind, version in book.documents.items():
        call("register_form", p_kind=kind, p_version=version)
    for unit in book.units:
        rest = {f"p_{key}": value for key, value in unit.items() if key != "id"}
        call("register_unit", p_unit_id=unit["id"], **rest)
    for post in book.posts:
        title = post.get("title", post["id"])
        call(
            "register_post",
            p_post_id=post["id"], p_title=title, p_reach=post.get("reach", "unit"),
            p_unique_writes_per_day=post.get("unique_writes_per_day"),
        )  # fmt: skip
        for profile in post["profiles"]:
            call("register_post_profile", p_post_id=post["id"], p_profile=profile)
    for person in book.persons:
        _put_person(call, book, person)
    for service in book.services:
        answers: dict[str, Any] = {
            "p_service": service["name"], "p_person_id": service["person"],
            "p_profile": service["profile"], "p_unit_id": service["unit"],
        }  # fmt: skip
        if "login" in service:
            call("register_login", p_login=service["login"], **answers)
        else:
            call("register_service", **answers)
    for issuer in book.issuers:
        add_issuer(
            connection, issuer["id"], issuer["profiles"],
            max_ttl=issuer.get("max_ttl", 60),
            transaction_life=issuer.get("transaction_life", 900),
            services=tuple(issuer.get("services", ())),
        )  # fmt: skip


def _put_person(call: Any, book: Book, person: dict[str, Any]) -> None:
    number, unit = person["id"], person["unit"]
    call(
        "register_person",
        p_person_id=number, p_name=person["name"], p_unit_id=unit,
        p_employment=person.get("employment", "employee"),
    )  # fmt: skip
    call("register_person_post", p_person_id=number, p_post_id=person["post"], p_unit_id=unit)
    for kind in person.get("signed", tuple(book.documents)):
        call("register_document", p_person_id=number, p_kind=kind, p_version=book.documents[kind])
    if "trained" in person:
        call(
            "register_training",
            p_person_id=number, p_subject="as registered", p_held_at=person["trained"],
        )  # fmt: skip
    for assigned in person.get("assigned", ()):
        for key in assigned["keys"]:
            call(
                "register_assignment",
                p_person_id=number, p_subject_class=assigned["class"], p_subject_key=key,
            )  # fmt: skip
    if person.get("designated"):
        call(
            "register_designation",
            p_person_id=number, p_unit_id=unit, p_subject_class=None, p_subject_key=None,
        )  # fmt: skip
    if "login" in person:
        call("register_login", p_login=person["login"], p_person_id=number)


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except psycopg.errors.InsufficientPrivilege:
        raise PgmaskError(
            "PM501",
            "this login may not maintain the register",
            hint="GRANT pgmask_register TO it, or use a login that has it.",
        ) from None
    except psycopg.errors.InvalidSchemaName:
        raise PgmaskError("PM027", "there is no runtime in this database") from None
    except psycopg.Error as error:
        code = error.sqlstate or ""
        if code in REGISTRY:
            raise PgmaskError(
                code, error.diag.message_primary or REGISTRY[code].title,
                hint=error.diag.message_hint or "",
            ) from None  # fmt: skip
        if code.startswith(("22", "23")):
            what = error.diag.constraint_name or error.diag.message_primary or "a value"
            raise PgmaskError("PM501", f"the register refuses the change: {what}") from None
        raise
