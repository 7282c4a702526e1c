"""One connection of an attacker, and everything that reached him over it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg

from tests.attack.model import Outcome

if TYPE_CHECKING:
    from tests.attack.place import Play

_FIELDS = (
    "message_primary", "message_detail", "message_hint", "context", "internal_query",
    "schema_name", "table_name", "column_name", "datatype_name", "constraint_name",
)  # fmt: skip


class Session:
    """A connection that keeps rows, notices and errors; statements run one by one.

    ``run`` raises nothing: an error ends the collecting, as it would end an injected script.
    """

    def __init__(self, play: Play, connection: psycopg.Connection[Any]) -> None:
        self.play = play
        self.connection = connection
        self._rows: list[tuple[Any, ...]] = []
        self._words: list[str] = []
        self._state: str | None = None
        self._status = ""
        connection.add_notice_handler(self._hear)

    def begin(self, actor: str) -> Session:
        """Open a transaction; with a person behind the actor, log in first."""
        self.run("BEGIN", keep=False)
        claims = {"challenge": self.challenge()} if self.play.strong else {}
        assertion = self.play.assertion(actor, **claims)
        if assertion is not None:
            self.login(assertion)
        return self

    def challenge(self) -> str | None:
        """What an issuer signs for the strong grade: of this transaction."""
        found = self.one("SELECT pgmask.challenge()")
        return None if found is None else str(found)

    def one(self, statement: str, *values: Any) -> Any:
        """The only value of a statement, not counted as seen; None where it was refused."""
        before = len(self._rows)
        self.run(statement, *values)
        found = self._rows[before:]
        del self._rows[before:]
        return found[0][0] if found else None

    def login(self, assertion: str, *, keep: bool = False) -> Session:
        """The login an application does, by a bind parameter."""
        return self.run("SELECT pgmask.login(%s)", assertion, keep=keep)

    def run(self, statement: str, *values: Any, keep: bool = True) -> Session:
        """Run one statement; keep: whether its rows count as seen by the attacker."""
        if self._state is not None:
            return self
        try:
            if statement.lstrip().upper().startswith("COPY") and "TO STDOUT" in statement.upper():
                with self.connection.cursor().copy(statement.encode()) as out:
                    self._rows += [(bytes(line).decode(),) for line in out]
                return self
            if statement.lstrip().upper().startswith("COPY"):
                with self.connection.cursor().copy(statement.encode()):
                    pass
                return self
            cursor = self.connection.execute(statement.encode(), values or None)
            while cursor is not None:
                self._status = cursor.statusmessage or ""
                if keep and cursor.description is not None:
                    self._rows += cursor.fetchall()
                if not cursor.nextset():
                    break
        except psycopg.Error as error:
            self._fail(error)
        return self

    def forget(self) -> Session:
        """Start collecting anew, as somebody else who gets this connection from the pool."""
        self._rows, self._words, self._state = [], [], None
        return self

    @property
    def failed(self) -> str | None:
        """The SQLSTATE of the error met since ``forget``, if any."""
        return self._state

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        """The rows kept so far."""
        return self._rows

    def outcome(self) -> Outcome:
        """All that was collected."""
        return Outcome(
            sqlstate=self._state, rows=tuple(self._rows), words="\n".join(self._words),
            status=self._status,
        )  # fmt: skip

    def _fail(self, error: psycopg.Error) -> None:
        self._state = error.sqlstate or "(client)"
        found = [str(getattr(error.diag, name) or "") for name in _FIELDS]
        self._words.append("\n".join([str(error), *filter(None, found)]))

    def _hear(self, diag: psycopg.errors.Diagnostic) -> None:
        self._words += [str(v) for name in _FIELDS if (v := getattr(diag, name))]
