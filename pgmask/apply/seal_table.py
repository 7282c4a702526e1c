"""The statements of sealing one table, from its ``SealSpec``, and what unsealing shares of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import psycopg

from pgmask.compile.sealing_changes import unsealed_rows
from pgmask.compile.sealing_spec import Bundle, Coding, SealSpec, Typed
from pgmask.compile.sealing_sql import DEFAULT_SUBJECT, text_of
from pgmask.sqltext import literal

Connection = psycopg.Connection[Any]
Key = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchTable:
    """One table whose rows are worked on in batches; every statement runs as ``pgmask_sealer``.

    Keys are tuples of text, as the key's types print them in this session.
    """

    spec: SealSpec

    verb: ClassVar[str]
    """What the person runs again: ``seal``, ``unseal run``."""
    participle: ClassVar[str]
    """What rows are once they are done: ``sealed``, ``opened``."""
    stopped: ClassVar[str]
    """Code of a run that stopped before its end."""
    run: ClassVar[str]
    """The table that remembers how far a run has come."""
    rows: ClassVar[str]
    """Its column that counts."""

    @property
    def id(self) -> str:
        """The table's id."""
        return self.spec.table_id

    @property
    def _store(self) -> str:
        return self.spec.store.quoted

    @property
    def _left(self) -> str:
        """The condition, over the row ``t``, under which a row is left."""
        raise NotImplementedError

    @property
    def _key_text(self) -> str:
        return ", ".join(f"t.{k.name.quoted}::text" for k in self.spec.key)

    @property
    def _key_columns(self) -> str:
        return ", ".join(f"t.{k.name.quoted}" for k in self.spec.key)

    def _key_values(self, mark: str = "%s") -> str:
        return ", ".join(f"{mark}::{k.type}" for k in self.spec.key)

    def _of_keys(self) -> str:
        """A relation of the keys given as one text array per key column."""
        arrays = ", ".join("pg_catalog.unnest(%s::text[])" for _ in self.spec.key)
        names = ", ".join(f"k{n}" for n, _ in enumerate(self.spec.key))
        return f"ROWS FROM ({arrays}) AS w ({names})"

    def _matches(self) -> str:
        return " AND ".join(
            f"t.{k.name.quoted} = w.k{n}::{k.type}" for n, k in enumerate(self.spec.key)
        )

    def count_left(self, connection: Connection, *, without_refused: bool = False) -> int:
        """How many rows are left."""
        refused = (
            " AND NOT EXISTS (SELECT FROM pgmask_private.seal_refused AS r WHERE"
            f" r.table_id = {literal(self.id)} AND r.row_key = ARRAY[{self._key_text}])"
            if without_refused
            else ""
        )
        row = connection.execute(
            f"SELECT pg_catalog.count(*) FROM {self._store} AS t"
            f" WHERE {self._left}{refused}".encode()
        ).fetchone()
        return int(row[0]) if row else 0

    def begin(self, connection: Connection) -> Key | None:
        """Enter the run, forget what it refused before; the key an unfinished one came to."""
        raise NotImplementedError

    def next_keys(
        self, connection: Connection, last: Sequence[str] | None, rows: int, *, skip_locked: bool
    ) -> list[Key]:
        """Lock the next rows that are left, in key order."""
        after = f" AND ({self._key_columns}) > ({self._key_values()})" if last else ""
        locked = " SKIP LOCKED" if skip_locked else ""
        query = (
            f"SELECT {self._key_text} FROM {self._store} AS t WHERE {self._left}{after}"
            f" ORDER BY {self._key_columns} LIMIT {int(rows)} FOR NO KEY UPDATE OF t{locked}"
        )
        return connection.execute(escape(query, last), tuple(last or ()) or None).fetchall()

    def work(self, connection: Connection, keys: Sequence[Key]) -> None:
        """Have the trigger do its work on these rows."""
        raise NotImplementedError

    def bytes_of(self, connection: Connection, keys: Sequence[Key]) -> int:
        """What the rows take at rest."""
        query = (
            f"SELECT coalesce(pg_catalog.sum(pg_catalog.pg_column_size(t.*) + 28), 0)"
            f" FROM {self._store} AS t, {self._of_keys()} WHERE {self._matches()}"
        )
        row = connection.execute(escape(query, keys), self._arrays(keys)).fetchone()
        return int(row[0]) if row else 0

    def _arrays(self, keys: Sequence[Key]) -> tuple[list[str], ...]:
        return tuple(list(column) for column in zip(*keys, strict=True))

    def advance(self, connection: Connection, key: Key, rows: int) -> None:
        """Remember how far the pass has come."""
        connection.execute(
            f"UPDATE {self.run} SET last_key = %s, {self.rows} = {self.rows} + %s,"
            " updated_at = pg_catalog.clock_timestamp() WHERE table_id = %s".encode(),
            (list(key), rows, self.id),
        )

    def refuse(self, connection: Connection, key: Key, code: str, named: str | None) -> None:
        """Remember a row that the database refused."""
        connection.execute(
            "INSERT INTO pgmask_private.seal_refused (table_id, row_key, code, object)"
            " VALUES (%s, %s, %s, %s) ON CONFLICT (table_id, row_key) DO UPDATE"
            " SET code = EXCLUDED.code, object = EXCLUDED.object",
            (self.id, list(key), code, named),
        )

    def refused(self, connection: Connection) -> list[tuple[Key, str, str | None]]:
        """The rows that were refused, by key."""
        return [
            (tuple(k), c, o)
            for k, c, o in connection.execute(
                "SELECT row_key, code, object FROM pgmask_private.seal_refused"
                " WHERE table_id = %s ORDER BY row_key",
                (self.id,),
            )
        ]

    def phase(self, connection: Connection, phase: str) -> None:
        """Enter a phase: verifying, done."""
        connection.execute(
            f"UPDATE {self.run} SET phase = %s, last_key = NULL,"
            " updated_at = pg_catalog.clock_timestamp() WHERE table_id = %s".encode(),
            (phase, self.id),
        )

    def wrong_rows(
        self, connection: Connection, *, part: int = 0, parts: int = 1, limit: int = 100
    ) -> list[tuple[Key, str]]:
        """Rows whose sealing does not hold, with what is wrong; ``part`` of ``parts`` by block."""
        function = f"pgmask_private.{self.spec.function('verify').quoted}"
        which = (
            f"WHERE pg_catalog.hashtextextended(ARRAY[{self._key_text}]::text, 0) % {int(parts)}"
            f" IN ({int(part)}, {int(part) - int(parts)})"
            if parts > 1
            else ""
        )
        query = (
            f"SELECT ARRAY[{self._key_text}], v.wrong"
            f" FROM (SELECT t.*, {function}(t) AS pgmask_wrong"
            f"         FROM {self._store} AS t {which} OFFSET 0) AS t"
            " CROSS JOIN LATERAL (SELECT t.pgmask_wrong) AS v (wrong)"
            f" WHERE v.wrong IS NOT NULL LIMIT {int(limit)}"
        )
        return [(tuple(k), w) for k, w in connection.execute(query.encode())]


@dataclass(frozen=True, slots=True, kw_only=True)
class SealTable(BatchTable):
    """A table that is sealed: rows with plain values, or that miss a shadow or flag, are left."""

    verb: ClassVar[str] = "seal"
    participle: ClassVar[str] = "sealed"
    stopped: ClassVar[str] = "PM323"
    run: ClassVar[str] = "pgmask_private.seal_run"
    rows: ClassVar[str] = "rows_sealed"

    @property
    def _left(self) -> str:
        return f"({unsealed_rows(self.spec)})"

    def begin(self, connection: Connection) -> Key | None:
        """Enter the run, forget what it refused before; the key an unfinished one came to."""
        connection.execute(
            "DELETE FROM pgmask_private.seal_refused WHERE table_id = %s", (self.id,)
        )
        row = connection.execute(
            "INSERT INTO pgmask_private.seal_run (table_id) VALUES (%s)"
            " ON CONFLICT (table_id) DO UPDATE"
            " SET last_key = CASE WHEN seal_run.phase = 'sealing' THEN seal_run.last_key END,"
            "     phase = 'sealing', updated_at = pg_catalog.clock_timestamp()"
            " RETURNING last_key",
            (self.id,),
        ).fetchone()
        return tuple(row[0]) if row and row[0] else None

    def work(self, connection: Connection, keys: Sequence[Key]) -> None:
        """Make the data keys of the rows' subjects, then have the trigger seal the rows."""
        self.make_keys(connection, keys)
        self.touch(connection, keys)

    def make_keys(self, connection: Connection, keys: Sequence[Key]) -> None:
        """Make the data keys of the rows' subjects, many at once."""
        for bundle in self.spec.bundles:
            where = f"FROM {self._store} AS t, {self._of_keys()} WHERE {self._matches()}"
            chosen, subject = self._subject(bundle)
            query = (
                f"SELECT pgmask_private.make_data_keys({literal(chosen)},"
                f" ARRAY(SELECT {subject} {where}))"
            )
            if chosen:
                connection.execute(escape(query, keys), self._arrays(keys))

    def _subject(self, bundle: Bundle) -> tuple[str, str]:
        if bundle.subject is not None:
            reference = f"t.{bundle.subject.name.quoted}"
            return bundle.subject_class, text_of(bundle.subject, reference)
        values = ", ".join(_key_json(k) for k in self.spec.key)
        return DEFAULT_SUBJECT + self.id, f"pg_catalog.jsonb_build_array({values})::text"

    def touch(self, connection: Connection, keys: Sequence[Key]) -> None:
        """Have the trigger look at the rows: an empty list of flags is a change it acts on."""
        query = (
            f"UPDATE {self._store} AS t SET pgmask_quality = CASE"
            " WHEN t.pgmask_quality IS NULL THEN '{}'::text[]"
            " ELSE t.pgmask_quality || '{:}'::text[] END"
            f" FROM {self._of_keys()} WHERE {self._matches()}"
        )
        connection.execute(escape(query, keys), self._arrays(keys))


def escape(query: str, values: object) -> bytes:
    """Text of the database may hold per cent signs; the driver's marks are %s and nothing else."""
    if not values:
        return query.encode()
    return query.replace("%", "%%").replace("%%s", "%s").encode()


def _key_json(key: Typed) -> str:
    reference = f"t.{key.name.quoted}"
    return reference if key.coding is Coding.INTEGER else text_of(key, reference)
