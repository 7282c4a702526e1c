"""The end of a seal: verify every row, validate the CHECKs, open what opens when sealed; estimate
before it begins, and say what old copies remain when it is over.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import psycopg

from pgmask.apply.holders import settle
from pgmask.apply.run import apply_plan
from pgmask.apply.seal_table import BatchTable, Key, SealTable
from pgmask.catalogue.model import Catalogue
from pgmask.catalogue.stored import catalogue_from_json
from pgmask.compile.sealing import spec_of_table
from pgmask.compile.sealing_objects import mask_checks
from pgmask.compile.stages import Stage
from pgmask.errors import PlanError, Refused
from pgmask.facts.model import Facts
from pgmask.facts.read import read_facts
from pgmask.plan.hazards import Hazard
from pgmask.plan.plan import make, narrowed
from pgmask.runtime import keys
from pgmask.server import connect

Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """The deployed catalogue over the facts of now, and its tables that are sealed."""

    catalogue: Catalogue
    facts: Facts
    tables: tuple[SealTable, ...]

    def table(self, id_: str) -> SealTable:
        """The table of that id; Refused PM320 when it has no sealing."""
        for table in self.tables:
            if table.id == id_:
                return table
        known = self.catalogue.table(id_)
        if known is not None and not Stage(known.rollout).seals:
            raise Refused(
                "PM276", f"{id_} is at rollout: {known.rollout}, where nothing is sealed",
                hint=f"Set rollout: sealing for {id_}, apply, then seal.",
            )  # fmt: skip
        raise Refused(
            "PM320",
            f"{id_} has nothing to be sealed"
            if known is not None
            else f"{id_} is not a protected table here",
            hint="pgmask seal --all takes every table that has; pgmask apply protects more.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What sealing a table will take, measured on a sample that was undone.

    rows: left to be sealed; seconds; wal and growth in bytes; size: of the table with its indexes
    now; replicas: how many stream from here; sample: rows measured, 0 when nothing is left.
    """

    table: str
    rows: int
    sample: int
    seconds: float
    wal: int
    size: int
    growth: int
    replicas: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Remains:
    """Where plain values of before may still lie.

    dead_rows: row versions not yet vacuumed away; replicas, slots: streaming replicas, and
    replication slots that hold back WAL.
    """

    table: str
    dead_rows: int
    replicas: int
    slots: int


def deployed(connection: Connection) -> Deployed:
    """What the last finished apply left; Refused PM320 without one, PM257 where a store carries
    code of the application that a query on it would run with the sealer's rights.
    """
    row = connection.execute(
        "SELECT d.catalogue FROM pgmask_private.deployment AS d WHERE d.finished_at IS NOT NULL"
        " ORDER BY d.id DESC LIMIT 1"
    ).fetchone()
    if row is None:
        raise Refused("PM320", "nothing has been applied to this database")
    catalogue = catalogue_from_json(row[0])
    facts = read_facts(connection)
    found = []
    for table in catalogue.tables:
        relation = facts.store_relation(table.id, table.schema, table.name)
        if facts.store(table.id) is None or not Stage(table.rollout).seals or relation is None:
            continue
        spec = spec_of_table(catalogue, facts, table)
        # A table that a narrower apply left out has no columns to seal into yet.
        if spec is not None and all(relation.column(b.sealed.text) for b in spec.bundles):
            found.append(SealTable(spec=spec))
            for one in (relation, *facts.descendants(relation)):
                for called in one.planned_calls:
                    raise Refused(
                        "PM257",
                        f"{table.id}: {called.kind} {called.name!r} calls {called.function}"
                        f" of {called.owner}",
                        hint="Drop it, or have a superuser take the function over: pgmask drift.",
                    )
    # Subjects first: reaching a grade reaches their rows in every other table.
    homes = {s.table for s in catalogue.subjects}
    found.sort(key=lambda t: (t.id not in homes, t.id))
    return Deployed(catalogue=catalogue, facts=facts, tables=tuple(found))


def estimate(connection: Connection, table: SealTable, *, sample: int = 500) -> Estimate:
    """Seal a sample, measure, and undo it; nothing stays but some dead row versions."""
    store = table.spec.store.quoted
    connection.execute("SET ROLE pgmask_sealer")
    try:
        rows = table.count_left(connection)
        seconds, wal, size_before, size_after, taken = 0.0, 0, 0, 0, 0
        with connection.transaction(force_rollback=True):
            keys = table.next_keys(connection, None, min(sample, rows or 1), skip_locked=True)
            if keys:
                size_before = _row_bytes(connection, table, keys)
                start = _mark(connection)
                table.make_keys(connection, keys)
                table.touch(connection, keys)
                end = _mark(connection)
                size_after = _row_bytes(connection, table, keys)
                taken, seconds, wal = len(keys), end[0] - start[0], end[1] - start[1]
        row = connection.execute(
            "SELECT pg_catalog.pg_total_relation_size(%s::regclass),"
            " (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_replication)",
            (store,),
        ).fetchone()
    finally:
        connection.execute("RESET ROLE")
    size, replicas = (int(row[0]), int(row[1])) if row else (0, 0)
    scale = rows / taken if taken else 0.0
    return Estimate(
        table=table.id, rows=rows, sample=taken, seconds=seconds * scale, wal=round(wal * scale),
        size=size, growth=round((size_after or size_before) * scale), replicas=replicas,
    )  # fmt: skip


def _mark(connection: Connection) -> tuple[float, int]:
    row = connection.execute(
        "SELECT extract(epoch FROM pg_catalog.clock_timestamp())::float8,"
        " (pg_catalog.pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint"
    ).fetchone()
    return (float(row[0]), int(row[1])) if row else (0.0, 0)


def _row_bytes(connection: Connection, table: SealTable, keys: Sequence[Key]) -> int:
    return table.bytes_of(connection, keys)


def verify(dsn: str, table: BatchTable, *, workers: int = 2) -> tuple[tuple[Key, str], ...]:
    """Every row: masks at rest, every bundle opens, blind indexes right; what does not hold.

    Each worker has a connection of its own and takes its share of the rows.  At most 100 findings
    per worker.  A row whose data key is gone is a finding (``key:`` and the bundle, PM314) unless
    its subject was erased on purpose.  Raises KeyFault (PM310 and the like) when the key-encryption
    key does not work.
    """
    with connect(dsn) as connection:
        keys.require(connection)

    def one(part: int) -> list[tuple[Key, str]]:
        with connect(dsn, autocommit=True) as connection:
            settle(connection)
            connection.execute("SET ROLE pgmask_sealer")
            return table.wrong_rows(connection, part=part, parts=workers)

    with ThreadPoolExecutor(workers) as pool:
        found = [row for rows in pool.map(one, range(workers)) for row in rows]
    return tuple(sorted(found))


def erased_subjects(connection: Connection) -> int:
    """How many subjects were erased on purpose: their rows have sealed values that nobody opens."""
    with connection.transaction():
        connection.execute("SET LOCAL ROLE pgmask_sealer")
        row = connection.execute(
            "SELECT pg_catalog.count(DISTINCT (d.subject_class, d.subject_key))"
            "  FROM pgmask_private.data_key AS d WHERE d.state = 'erased'"
        ).fetchone()
    return int(row[0]) if row else 0


def finish(connection: Connection, table: SealTable) -> int:
    """Validate the CHECKs, record that the table is sealed, and open the profiles that wait for it.

    Call it after ``verify`` found nothing.  Gives how many statements opened profiles.  Raises
    PlanError PM322 when a CHECK does not hold after all.
    """
    store = table.spec.store.quoted
    for name, _ in mask_checks(table.spec):
        try:
            connection.execute(f"ALTER TABLE {store} VALIDATE CONSTRAINT {name.quoted}".encode())
        except psycopg.errors.CheckViolation:
            raise PlanError(
                "PM322", f"{table.id}: a stored value does not meet {name}",
                hint=f"pgmask seal {table.id} --verify names the rows.",
            ) from None  # fmt: skip
    # The planner's samples are of plain values until now.
    connection.execute(f"ANALYZE {store}".encode())
    wanted = _wanted(connection, table.id)
    with connection.transaction():
        connection.execute("SET LOCAL ROLE pgmask_sealer")
        connection.execute(
            "UPDATE pgmask_private.store_table"
            " SET sealed_at = coalesce(sealed_at, pg_catalog.clock_timestamp())"
            " WHERE table_id = %s",
            (table.id,),
        )
        connection.execute("SELECT pgmask_private.enter_stage(%s, %s)", (table.id, wanted))
        table.phase(connection, "done")
    return open_profiles(connection, table.id)


def _wanted(connection: Connection, table_id: str) -> str:
    """The stage that the deployed catalogue asks for."""
    table = deployed(connection).catalogue.table(table_id)
    return table.rollout if table is not None else Stage.ENFORCED.value


def open_profiles(connection: Connection, table_id: str) -> int:
    """Apply of the deployed catalogue what is due for this table alone; its access was approved."""
    known = deployed(connection)
    plan = make(known.catalogue, known.facts)
    mine = narrowed(plan, {table_id})
    if not mine.steps:
        return 0
    outcome = apply_plan(connection, mine, allow=frozenset(h.value for h in Hazard))
    return outcome.statements


def remains(connection: Connection, table: SealTable) -> Remains:
    """What a thief of old copies would still find, as far as this server can tell."""
    store = table.spec.store.quoted
    row = connection.execute(
        "SELECT coalesce(pg_catalog.sum(s.n_dead_tup), 0),"
        " (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_replication),"
        " (SELECT pg_catalog.count(*) FROM pg_catalog.pg_replication_slots)"
        "  FROM pg_catalog.pg_stat_user_tables AS s WHERE s.relid IN"
        " (SELECT %s::regclass UNION ALL"
        "  SELECT p.relid FROM pg_catalog.pg_partition_tree(%s) AS p)",
        (store, store),
    ).fetchone()
    dead, replicas, slots = (int(v) for v in row) if row else (0, 0, 0)
    return Remains(
        table=table.id, dead_rows=dead, replicas=replicas, slots=slots,
    )  # fmt: skip


def rewrite(connection: Connection, table: SealTable) -> bool:
    """Rewrite the table so that no old row version is left, and take new statistics.

    Holds an ACCESS EXCLUSIVE lock for as long as it copies.  Gives whether a CHECKPOINT could be
    made, after which the old files are gone from the data directory.
    """
    store = table.spec.store.quoted
    connection.execute(f"VACUUM (FULL, ANALYZE) {store}".encode())
    # Samples of plain values stay as dead rows of pg_statistic; the database's owner may do this.
    connection.execute("VACUUM (FULL) pg_catalog.pg_statistic")
    try:
        connection.execute("CHECKPOINT")
    except psycopg.errors.InsufficientPrivilege:
        return False
    return True
