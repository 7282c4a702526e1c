"""The statements of unsealing one table: as those of sealing, the other way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import psycopg

from pgmask.apply.seal_table import BatchTable, Key, escape
from pgmask.compile.unsealing import OPENED

Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsealTable(BatchTable):
    """A table on its way back: rows that no write has opened yet are left."""

    verb: ClassVar[str] = "unseal run"
    participle: ClassVar[str] = "opened"
    stopped: ClassVar[str] = "PM336"
    run: ClassVar[str] = "pgmask_private.unseal_run"
    rows: ClassVar[str] = "rows_opened"

    @property
    def _left(self) -> str:
        return f"(t.{OPENED.quoted} IS NULL)"

    def begin(self, connection: Connection) -> Key | None:
        """Enter the run, forget what it refused before; the key an unfinished one came to."""
        connection.execute(
            "DELETE FROM pgmask_private.seal_refused WHERE table_id = %s", (self.id,)
        )
        row = connection.execute(
            "UPDATE pgmask_private.unseal_run AS u"
            "   SET last_key = CASE WHEN u.phase = 'opening' THEN u.last_key END,"
            "       phase = 'opening', updated_at = pg_catalog.clock_timestamp()"
            " WHERE u.table_id = %s RETURNING u.last_key",
            (self.id,),
        ).fetchone()
        return tuple(row[0]) if row and row[0] else None

    def work(self, connection: Connection, keys: Sequence[Key]) -> None:
        """Any UPDATE opens a row; this one says that it is only for that."""
        query = (
            f"UPDATE {self._store} AS t SET {OPENED.quoted} = FALSE"
            f" FROM {self._of_keys()} WHERE {self._matches()} AND {self._left}"
        )
        connection.execute(escape(query, keys), self._arrays(keys))

    def counts(self, connection: Connection) -> tuple[int, int]:
        """How many rows hold their truths, and how many keep a mask of an erased subject."""
        row = connection.execute(
            f"SELECT count(*) FILTER (WHERE t.{OPENED.quoted}),"
            f" count(*) FILTER (WHERE NOT t.{OPENED.quoted}) FROM {self._store} AS t".encode()
        ).fetchone()
        return (int(row[0]), int(row[1])) if row else (0, 0)
