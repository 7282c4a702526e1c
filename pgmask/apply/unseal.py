"""The way back of one table: from sealed to plain, while it stays in use.

It begins in one short transaction under the table's lock: the database checks that two persons
decided and that the key file is at hand, the CHECKs for masks go, the triggers open instead of
sealing, and profiles that open only when sealed are closed.  From there on what is written stays
plain.  Then rows are opened in batches as ``pgmask seal`` seals them, every row is compared with
its sealed value, and what was opened is on record.  A run that was killed goes on where it was.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Any

import psycopg

from pgmask.apply.holders import ATTEMPTS, LOCK_TIMEOUT_MS, patiently
from pgmask.apply.run import run_step
from pgmask.apply.seal_finish import Deployed, deployed
from pgmask.apply.seal_table import SealTable
from pgmask.apply.unseal_table import UnsealTable
from pgmask.errors import InternalError, KeyFault, Refused
from pgmask.keyfile import KeyFile
from pgmask.plan.plan import make

Connection = psycopg.Connection[Any]
_OURS = ("PM310", "PM311", "PM312", "PM313")
_DECIDED = ("PM331", "PM333", "PM334")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as the one who runs it reads it; state: of ``pgmask.unseal_requests``."""

    request_id: int
    tables: tuple[str, ...]
    requested_by: str
    approved_by: str | None
    done: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What unsealing a table will take, measured on a sample: rows touched, undone, and opened for
    the comparison only.

    rows; seconds; wal and growth in bytes; size: of the table with its indexes now; replicas: how
    many stream from here; sample: rows measured.
    """

    table: str
    rows: int
    sample: int
    seconds: float
    wal: int
    size: int
    growth: int
    replicas: int


def request(connection: Connection, request_id: int) -> Request:
    """The request of that number.  Raises Refused PM331 when there is none."""
    row = connection.execute(
        "SELECT r.tables, r.requested_by, (SELECT e.login FROM pgmask_audit.unseal_event AS e"
        "  WHERE e.request_id = r.request_id AND e.kind = 'approved'),"
        " ARRAY(SELECT u.table_id FROM pgmask_private.unseal_run AS u"
        "  WHERE u.request_id = r.request_id AND u.phase = 'done')"
        "  FROM pgmask_audit.unseal_request AS r WHERE r.request_id = %s",
        (request_id,),
    ).fetchone()
    if row is None:
        raise Refused("PM331", f"there is no request {request_id}",
                      hint="pgmask unseal list shows the requests.")  # fmt: skip
    return Request(
        request_id=request_id, tables=tuple(row[0]), requested_by=row[1], approved_by=row[2],
        done=tuple(row[3]),
    )  # fmt: skip


def proof(key: KeyFile, challenge: str) -> bytes:
    """What shows that the key file is at hand, for this challenge only."""
    derived = hmac.digest(key.stash, b"\x03", hashlib.sha256)
    return hmac.digest(derived, challenge.encode(), hashlib.sha256)


def require_key(connection: Connection, key: KeyFile) -> None:
    """Compare the file with what the database has registered, before anything begins.

    Raises KeyFault PM310 no such key is registered, PM334 another key of that number.
    """
    row = connection.execute(
        "SELECT k.fingerprint FROM pgmask_private.kek AS k WHERE k.state = 'current'"
    ).fetchone()
    if row is None:
        raise KeyFault("PM310", "no key is registered in this database")
    if bytes(row[0]) != key.fingerprint:
        raise KeyFault(
            "PM334", "this is not the key file that this database is sealed with",
            hint="pgmask keys status shows the registered fingerprint.",
        )  # fmt: skip


def begin(
    connection: Connection,
    request_id: int,
    table_id: str,
    key: KeyFile,
    *,
    lock_timeout_ms: int = LOCK_TIMEOUT_MS,
    attempts: int = ATTEMPTS,
) -> UnsealTable:
    """Set the table on its way back, or go on with it; its statements.

    Over an autocommit connection of the installer.  Raises Refused PM331 not of this request, PM333
    not approved by another person; KeyFault PM334, PM310 to PM313; ServerError PM336 no lock.
    """
    known = deployed(connection).table(table_id)

    def once() -> UnsealTable:
        with connection.transaction():
            return _begin(connection, request_id, known, key, lock_timeout_ms)

    try:
        return patiently(
            connection, table_id, known.spec.store.quoted, once, attempts=attempts,
            code=UnsealTable.stopped, again=f"pgmask {UnsealTable.verb}",
        )  # fmt: skip
    except psycopg.Error as error:
        raise _worded(error) from None


def _worded(error: psycopg.Error) -> BaseException:
    """Decisions of the database in its own words; they name tables and logins, never a value."""
    code, diag = error.sqlstate or "", error.diag
    if code in _OURS or code == "PM334":
        return KeyFault(code, diag.message_primary or "", hint=diag.message_hint or "")
    if code in _DECIDED:
        return Refused(code, diag.message_primary or "", hint=diag.message_hint or "")
    return error


def _begin(
    connection: Connection, request_id: int, known: SealTable, key: KeyFile, lock_timeout_ms: int
) -> UnsealTable:
    connection.execute(
        "SELECT pg_catalog.set_config('lock_timeout', %s, true)", (str(lock_timeout_ms),)
    )
    # Nobody is inside the table while its triggers change their meaning.
    connection.execute(f"LOCK TABLE {known.spec.store.quoted} IN ACCESS EXCLUSIVE MODE".encode())
    row = connection.execute("SELECT pgmask_private.unseal_challenge(%s)", (request_id,)).fetchone()
    if row is None:
        raise InternalError("PM901", "a function gave no row")
    connection.execute(
        "SELECT pgmask_private.unseal_begin(%s, %s, %s)",
        (request_id, known.id, proof(key, row[0])),
    )
    found = deployed(connection)
    _step(connection, found, known.id, lock_timeout_ms)
    return UnsealTable(spec=found.table(known.id).spec)


def _step(connection: Connection, found: Deployed, table_id: str, lock_timeout_ms: int) -> None:
    """What the plan wants of this table now that it is on its way back, and nothing else."""
    plan = make(found.catalogue, found.facts)
    for step in plan.steps:
        if step.table == table_id:
            run_step(connection, step, lock_timeout_ms=lock_timeout_ms)


def finish(connection: Connection, table: UnsealTable) -> tuple[int, int]:
    """Record that the table holds its truths: (rows, rows that keep masks of erased subjects).

    Call it after the verification found nothing.
    """
    with connection.transaction():
        connection.execute("SET LOCAL ROLE pgmask_sealer")
        rows, erased = table.counts(connection)
        connection.execute("RESET ROLE")
        connection.execute("SELECT pgmask_private.unseal_end(%s, %s, %s)", (table.id, rows, erased))
    # The planner's samples are of masks until now.
    connection.execute(f"ANALYZE {table.spec.store.quoted}".encode())
    return rows, erased


def estimate(connection: Connection, table: SealTable, *, sample: int = 500) -> Estimate:
    """Touch a sample and undo it; open the same rows for a comparison that gives nothing back.

    Needs the key, as the verification does; no truth comes into a row.
    """
    store = table.spec.store.quoted
    function = f"pgmask_private.{table.spec.function('verify').quoted}"
    keys = ", ".join(k.name.quoted for k in table.spec.key)
    some = f"SELECT t.ctid FROM {store} AS t ORDER BY {keys} LIMIT {int(sample)}"
    connection.execute("SET ROLE pgmask_sealer")
    try:
        with connection.transaction(force_rollback=True):
            start = _mark(connection)
            taken = connection.execute(
                f"UPDATE {store} SET pgmask_quality = pgmask_quality"
                f" WHERE ctid = ANY (ARRAY({some}))".encode()
            ).rowcount
            connection.execute(
                f"SELECT count({function}(t)) FROM {store} AS t"
                f" WHERE t.ctid = ANY (ARRAY({some}))".encode()
            )
            end = _mark(connection)
        row = connection.execute(
            f"SELECT (SELECT pg_catalog.count(*) FROM {store}),"
            " pg_catalog.pg_total_relation_size(%s::regclass),"
            f" (SELECT coalesce(pg_catalog.avg(pg_catalog.pg_column_size(t.*) + 28), 0)"
            f"    FROM (SELECT * FROM {store} LIMIT {int(sample)}) AS t),"
            " (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_replication)".encode(),
            (store,),
        ).fetchone()
    finally:
        connection.execute("RESET ROLE")
    rows, size, width, replicas = row if row else (0, 0, 0, 0)
    scale = rows / taken if taken else 0.0
    return Estimate(
        table=table.id, rows=int(rows), sample=taken, seconds=(end[0] - start[0]) * scale,
        wal=round((end[1] - start[1]) * scale), size=int(size), growth=round(width * rows),
        replicas=int(replicas),
    )  # fmt: skip


def _mark(connection: Connection) -> tuple[float, int]:
    row = connection.execute(
        "SELECT extract(epoch FROM pg_catalog.clock_timestamp())::float8,"
        " (pg_catalog.pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint"
    ).fetchone()
    return (float(row[0]), int(row[1])) if row else (0.0, 0)


__all__ = [
    "Estimate",
    "Request",
    "begin",
    "estimate",
    "finish",
    "proof",
    "request",
    "require_key",
]
