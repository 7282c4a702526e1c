"""Validation from Python: one call, and a guard that asks before a statement is sent.

``pgmask.validate("SELECT ..", schema="schema.json", catalogue="catalogue", profile="agent")`` gives
typed verdicts.  A ``Guard`` holds validators for whoever is acting (``pgmask.acting_as``) and warns
of, or refuses, what a rule denies: by ``guard_engine`` for SQLAlchemy, by ``guarded`` for psycopg.
It is a help for developers; PostgreSQL protects whether or not anybody asks before.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pgmask.catalogue.load import load
from pgmask.catalogue.model import Catalogue
from pgmask.errors import PgmaskError, Refused
from pgmask.facts.schema import Schema
from pgmask.facts.schema_file import loads
from pgmask.integrations.acting import current
from pgmask.integrations.connection_memory import Memories, steadied
from pgmask.verdict.model import Severity, Verdict
from pgmask.verdict.placeholders import numbered
from pgmask.verdict.validator import Validator

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine
    from sqlalchemy.ext.asyncio import AsyncEngine

log: Final = logging.getLogger("pgmask.validate")
C = TypeVar("C", bound=type)


class StatementRefused(Refused):
    """A statement was not sent; ``verdict`` says why."""

    verdict: Verdict | None = None


def read_snapshot(source: Schema | str | Path) -> Schema:
    """A schema: given as one, a snapshot file, or the DSN of a database (``://`` or ``=`` in it).

    Raises PgmaskError PM610 or PM646 for a file, ServerError for a database.
    """
    if isinstance(source, Schema):
        return source
    if isinstance(source, str) and ("://" in source or "=" in source):
        from pgmask.facts.snapshot import read_schema
        from pgmask.server import connect

        with connect(source) as connection:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            return read_schema(connection)
    try:
        return loads(Path(source).read_text("utf-8"))
    except OSError as error:
        raise PgmaskError("PM646", f"{source}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise PgmaskError("PM646", f"{source} is not UTF-8") from error


def validate(
    sql: str,
    *,
    schema: Schema | str | Path,
    catalogue: Catalogue | str | Path | None = None,
    profile: str = "",
    migration: bool = False,
    search_path: Sequence[str] | None = None,
) -> tuple[Verdict, ...]:
    """The verdict on every statement of a text; make a ``Validator`` to ask more than once.

    search_path: of the application, where it is not the profile's own.
    """
    return Validator(
        read_snapshot(schema),
        catalogue=_catalogue(catalogue),
        profile=profile,
        migration=migration,
        search_path=search_path,
    ).validate_sent(sql)


def _catalogue(given: Catalogue | str | Path | None) -> Catalogue | None:
    return load(given) if isinstance(given, str | Path) else given


class Guard:
    """Asks before a statement is sent.

    profile: whose eyes; None for that of whoever is acting, and where nobody is, only the rules
    that need no profile are asked: PostgreSQL then refuses protected tables by itself. refuse:
    raise StatementRefused PM647 on a denial; else it is only logged, as warnings are, to
    ``pgmask.validate``, once per statement; search_path: of the application's connections, where it
    is not the profile's own. Comments in a statement allow nothing here: they may
    come from whoever has put it together.
    """

    def __init__(
        self,
        schema: Schema | str | Path,
        catalogue: Catalogue | str | Path,
        *,
        profile: str | None = None,
        refuse: bool = True,
        search_path: Sequence[str] | None = None,
    ) -> None:
        self.schema = read_snapshot(schema)
        self.catalogue = _catalogue(catalogue)
        self.profile = profile
        self.refuse = refuse
        self.search_path = search_path
        self._validators: dict[str | None, Validator] = {}
        self._memories = Memories()
        self._told: set[tuple[str, str]] = set()

    def validator(self, profile: str | None) -> Validator:
        """The validator of a profile, made when first asked for."""
        found = self._validators.get(profile)
        if found is None:
            if profile is None:
                found = Validator(self.schema, comments=False, search_path=self.search_path)
            else:
                found = Validator(
                    self.schema,
                    catalogue=self.catalogue,
                    profile=profile,
                    comments=False,
                    search_path=self.search_path,
                )
            self._validators[profile] = found
        return found

    def ask(self, sql: str, connection: Any = None) -> tuple[Verdict, ...]:
        """The verdicts on a text; raises StatementRefused PM647 for a denial.

        connection: on which it is sent, so that its temporary tables, cursors and prepared
        statements are known later.
        """
        actor = current()
        profile = self.profile or (actor.profile if actor is not None else None)
        validator = self.validator(profile)
        memory = self._memories.of(connection)
        found = validator.after(memory.texts, numbered(sql))
        verdicts = tuple(steadied(verdict, validator.policy) for verdict in found)
        for verdict in verdicts:
            if verdict.findings:
                self._tell(verdict)
        for verdict in verdicts:
            memory.take(verdict)
        return verdicts

    def _tell(self, verdict: Verdict) -> None:
        if self.refuse and not verdict.allowed:
            raise _refusal(verdict)
        for finding in verdict.findings:
            if finding.severity is Severity.NOTE:
                continue
            key = (finding.code, finding.message)
            if key not in self._told and len(self._told) < 10_000:
                self._told.add(key)
                log.warning("%s %s. %s", finding.code, finding.message, finding.hint)


def _refusal(verdict: Verdict) -> StatementRefused:
    denied = [f for f in verdict.findings if f.severity is Severity.DENY]
    error = StatementRefused(
        "PM647",
        "; ".join(f"{f.code} {f.message}" for f in denied),
        detail="\n".join(f.caret for f in denied[:1]),
        hint=" ".join(dict.fromkeys(f.hint for f in denied if f.hint)),
    )
    error.verdict = verdict
    return error


def guard_engine(engine: Engine | AsyncEngine, guard: Guard) -> None:
    """Ask the guard before every statement of a SQLAlchemy engine, sync or async."""
    from sqlalchemy import event

    sync: Any = getattr(engine, "sync_engine", engine)

    def ask(
        connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool
    ) -> None:
        guard.ask(statement, connection.connection.driver_connection)

    event.listen(sync, "before_cursor_execute", ask)


def guarded(cursor: C, guard: Guard) -> C:
    """A psycopg cursor class that asks the guard first: ``connect(.., cursor_factory=..)``.

    cursor: ``psycopg.Cursor``, ``AsyncCursor``, or one of their like. Asked for execute,
    executemany, stream and copy.
    """

    class Guarded(cursor):  # type: ignore[misc, valid-type]
        def _asked(self, query: Any) -> None:
            if hasattr(query, "as_string"):
                query = query.as_string(self)
            elif isinstance(query, bytes):
                query = query.decode("utf-8")
            guard.ask(str(query), getattr(self, "connection", None))

        def execute(self, query: Any, *words: Any, **options: Any) -> Any:
            self._asked(query)
            return super().execute(query, *words, **options)

        def executemany(self, query: Any, *words: Any, **options: Any) -> Any:
            self._asked(query)
            return super().executemany(query, *words, **options)

        def stream(self, query: Any, *words: Any, **options: Any) -> Any:
            self._asked(query)
            return super().stream(query, *words, **options)

        def copy(self, statement: Any, *words: Any, **options: Any) -> Any:
            self._asked(statement)
            return super().copy(statement, *words, **options)

    Guarded.__name__ = f"Guarded{cursor.__name__}"
    return Guarded  # type: ignore[return-value]
