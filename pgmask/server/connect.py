"""Reaching a server: which DSN is meant, how it is printed, and what a failed connection means."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from pgmask.errors import ServerError

# Any of libpq's own variables that names a server or a database; PGUSER alone does not.
_LIBPQ: Final = ("PGSERVICE", "PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE")
_SECRET: Final = frozenset({"password", "sslpassword", "oauth_client_secret"})

# What libpq says, and what to do about it. Matched in order; libpq's texts are in English here
# because psycopg's wheel carries no translations.
_ADVICE: Final = (
    (r"could not translate host name|Name or service not known", "Check the host name."),
    (r"Connection refused|No such file or directory",
     "No server listens there: check host and port, and that the server runs."),
    (r"timeout expired|timed out",
     "The server does not answer: check the network, or raise connect_timeout."),
    (r"password authentication failed|no password supplied",
     "Check the user and its password; PGPASSFILE keeps a password out of the command line."),
    (r"no pg_hba\.conf entry", "The server's pg_hba.conf does not admit this login from here."),
    (r'database ".*" does not exist', "Check the database's name, or create it."),
    (r'role ".*" does not exist', "Check the user's name."),
    (r"permission denied for database", "GRANT CONNECT on the database to this user."),
    (r"remaining connection slots|too many clients|too many connections",
     "All connections of the server are in use: try again, or raise max_connections."),
    (r"SSL|certificate", "Check sslmode and sslrootcert against the server's TLS settings."),
    (r"is starting up|is shutting down|in recovery mode", "Try again in a moment."),
    (r"definition of service|service file", "Check PGSERVICE and the service file."),
)  # fmt: skip


def resolve_dsn(dsn: str | None = None, *, environ: Mapping[str, str] | None = None) -> str | None:
    """The DSN to use: the option, else PGMASK_DSN, else libpq's own variables, else None.

    An empty DSN is an answer: libpq completes it from its variables. None means that nobody named
    a server, so the caller may start one of its own.
    Raises ServerError (PM020) when the DSN cannot be read; it is not repeated in the message.
    """
    found = os.environ if environ is None else environ
    named = dsn or found.get("PGMASK_DSN") or None
    if named is None:
        return "" if any(found.get(name) for name in _LIBPQ) else None
    # A bare word is the name of a libpq service, as in `--dsn service=crm`, said shorter.
    if re.fullmatch(r"[A-Za-z0-9_.-]+", named):
        named = make_conninfo("", service=named)
    _parse(named)
    return named


def require_dsn(dsn: str | None = None, *, environ: Mapping[str, str] | None = None) -> str:
    """As ``resolve_dsn``; raises ServerError (PM020) when no server is named."""
    found = resolve_dsn(dsn, environ=environ)
    if found is None:
        raise ServerError(
            "PM020",
            "no database was named",
            hint="Give --dsn, or set PGMASK_DSN or libpq's PGSERVICE, PGHOST, PGDATABASE.",
        )
    return found


def redact(dsn: str) -> str:
    """The DSN as it may be printed: every secret left out, the rest in libpq's key=value form."""
    try:
        parts = conninfo_to_dict(dsn)
    except psycopg.ProgrammingError:
        return "(a DSN that cannot be read)"
    shown = {k: v for k, v in parts.items() if k not in _SECRET and v is not None}
    return make_conninfo("", **shown) or "(libpq's defaults)"


def connect(dsn: str, *, autocommit: bool = False, **options: Any) -> psycopg.Connection[Any]:
    """A connection, with ``application_name`` pgmask and a bounded wait of 10 s unless named.

    options: further libpq parameters or psycopg's own keywords.
    Raises ServerError (PM020) with libpq's words, the redacted address and advice; no secret.
    """
    given = _parse(dsn)
    for name, value in (("application_name", "pgmask"), ("connect_timeout", "10")):
        if name not in given:
            options.setdefault(name, value)
    try:
        return psycopg.connect(dsn, autocommit=autocommit, **options)
    except psycopg.Error as error:
        words = " ".join(str(error).split())
        advice = [text for pattern, text in _ADVICE if re.search(pattern, words)]
        raise ServerError(
            "PM020",
            f"cannot connect to {redact(dsn)}",
            detail=_without_secrets(words, given),
            hint=advice[0] if advice else "",
        ) from None


def _parse(dsn: str) -> dict[str, Any]:
    try:
        return dict(conninfo_to_dict(dsn))
    except psycopg.ProgrammingError:
        # libpq's message quotes the part it does not understand, which may be the password.
        raise ServerError(
            "PM020",
            "the DSN cannot be read",
            hint="Write postgresql://user@host:5432/database, or: host=... dbname=... user=...",
        ) from None


def _without_secrets(words: str, given: Mapping[str, Any]) -> str:
    for name in _SECRET:
        value = given.get(name)
        if value:
            words = words.replace(str(value), "(secret)")
    return words
