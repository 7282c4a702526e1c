"""A database whose record is sealed, a login that seals it, and the hands that tamper with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from pgmask.audit import keys
from pgmask.audit.anchors import Anchor, last_batch
from pgmask.audit.finding import Finding
from pgmask.audit.seal import Sealed, register_key, seal
from pgmask.audit.verify import Report, verify
from tests.harness import Connection, Database

KEEPER: Final = "keeper"
"""The login that seals and verifies: a member of pgmask_record_sealer and nothing else."""
_ACCESS: Final = (
    "INSERT INTO pgmask_audit.access (at, era_id, kind, login, backend, statement_at, person_id,"
    " table_id, subject_class, subject_key) SELECT clock_timestamp(), 1, 'subject', 'app', 5,"
    " now(), g, 'crm.customer', 'customer', concat('k', g) FROM generate_series(1, {rows}) AS g"
)
_CHANGE: Final = (
    "INSERT INTO pgmask_audit.change (at, era_id, operation, table_id, row_key, login, backend,"
    " statement_at, after) SELECT clock_timestamp(), 1, 'update', 'crm.customer', ARRAY[g::text],"
    " 'app', 5, now(), jsonb_build_object('phone', E'13\\t*\\\\\\n')"
    " FROM generate_series(1, {rows}) AS g"
)
_TICKET: Final = (
    "INSERT INTO pgmask_audit.ticket (kind, person_id, profile, unit_id, grade, issuer, purpose,"
    " table_id, columns, digest) SELECT 'search', g, 'agent', 'north', 'login', 'login', 'search',"
    " 'crm.customer', '{{phone}}', '1' FROM generate_series(1, {rows}) AS g"
)


class Record:
    """The record of one database."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder
        database.server.role(KEEPER)
        self.root = database.superuser()
        self.root.execute(f"GRANT pgmask_record_sealer TO {KEEPER}".encode())
        self.keeper = database.connect(KEEPER, autocommit=True)
        self.key = self.new_key("seal.key")
        register_key(self.keeper, self.key)

    def new_key(self, name: str) -> keys.SigningKey:
        keys.create(self.folder / name)
        return keys.read_private(self.folder / name)

    def write(self, rows: int = 3, *, by: Connection | None = None) -> None:
        """Rows of three tables, each kind in a transaction of its own unless one is open."""
        for query in (_ACCESS, _CHANGE, _TICKET):
            (by or self.root).execute(query.format(rows=rows).encode())

    def seal(self, **options: Any) -> Sealed:
        made = seal(self.keeper, self.key, **options)
        assert made is not None
        return made

    def head(self) -> Anchor:
        batch = last_batch(self.keeper)
        assert batch is not None
        return Anchor.of(batch, self.key)

    def report(self, **options: Any) -> Report:
        options.setdefault("keys", [self.key.public])
        return verify(self.database.dsn(KEEPER), workers=1, **options)

    def found(self, **options: Any) -> list[Finding]:
        return list(self.report(**options).findings)

    @contextmanager
    def tampering(self, who: str) -> Iterator[Connection]:
        """A hand that has taken the triggers of the record away, and puts them back afterwards.

        who: owner, the installer as the owner of the tables; superuser.
        """
        if who == "owner":
            hand = self.database.connect("installer", autocommit=True)
            hand.execute("SET ROLE pgmask_owner")
        else:
            hand = self.database.superuser()
        for table in _guarded(hand):
            hand.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER".encode())
        yield hand
        for table in _guarded(hand):
            rows = hand.execute(
                "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal",
                (table,),
            ).fetchall()
            for (name,) in rows:
                hand.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}".encode())

    def id_of(self, table: str, column: str, place: int = 0) -> int:
        row = self.root.execute(
            f"SELECT {column} FROM pgmask_audit.{table} ORDER BY 1 OFFSET {place} LIMIT 1".encode()
        ).fetchone()
        assert row is not None
        return int(row[0])


def _guarded(hand: Connection) -> list[str]:
    rows = hand.execute(
        "SELECT DISTINCT format('%I.%I', n.nspname, c.relname), c.relkind FROM pg_trigger AS t"
        " JOIN pg_class AS c ON c.oid = t.tgrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE n.nspname = 'pgmask_audit' AND NOT t.tgisinternal ORDER BY 2 DESC, 1"
    ).fetchall()
    return [row[0] for row in rows]


def said(findings: list[Finding]) -> list[tuple[str, str, int | None]]:
    """Kind, table, number."""
    return [(f.kind, f.table, f.number) for f in findings]


NEVER_IDLE: Final = timedelta(0)
