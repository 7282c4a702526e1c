"""Run a plan: shared objects first, then table by table, each in one transaction.

Confidentiality comes first: inside a step rights are taken before they are given, and the step is
atomic, so nobody ever sees a half-protected table.  One apply at a time per database (an advisory
lock).  Each table is locked with a short ``lock_timeout`` and tried again with growing, jittered
pauses, so that an ACCESS EXCLUSIVE request never stands long in front of traffic.  A killed apply
leaves whole steps behind: running the same plan again, or planning anew, goes on from there.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import errors as pg
from psycopg.types.json import Jsonb

from pgmask import __version__
from pgmask.apply.holders import ATTEMPTS, LOCK_TIMEOUT_MS, holders, patiently, reading, settle
from pgmask.apply.verify import verify
from pgmask.catalogue.stored import catalogue_from_json
from pgmask.errors import REGISTRY, InternalError, PgmaskError, PlanError, PlanRefused, Refused
from pgmask.facts.model import Facts
from pgmask.facts.read import read_digest, read_facts, read_scope
from pgmask.facts.rendered import renamed
from pgmask.hashing import canonical_json
from pgmask.names import QualName
from pgmask.plan import access
from pgmask.plan.drift import drift
from pgmask.plan.fingerprint import Reader
from pgmask.plan.hazards import MUST_ALLOW
from pgmask.plan.plan import Plan, PlannedStatement, Step, bystanders, lock_count, state_of
from pgmask.runtime.environment import set_environment

LOCK = 0x70676D61736B  # "pgmask" as a number; session-level, so a killed apply frees it

_SHOWN = 3
"""Lines of a failed statement that its error shows."""

Connection = psycopg.Connection[Any]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Who answers for a plan that widens access (A5): name and written reference."""

    by: str
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an apply did: steps run, steps found done by an earlier try, statements run."""

    steps: int
    resumed: int
    statements: int
    deployment: int | None


def apply_plan(
    connection: Connection,
    plan: Plan,
    *,
    allow: frozenset[str] = frozenset(),
    approval: Approval | None = None,
    author: str = "",
    progress: Progress | None = None,
    lock_timeout_ms: int = LOCK_TIMEOUT_MS,
    attempts: int = ATTEMPTS,
) -> Outcome:
    """Apply the plan over an autocommit connection of the installer.

    allow: names of hazards accepted (``MUST_ALLOW``); author: overrides the plan's; progress is
    called with (table, done, all) before each step.

    Raises Refused: PM231 hazard not allowed, PM232 approval missing or by the author himself,
    PM352 the database is for something else than the catalogue's environment.
    Raises PlanRefused: PM230 somebody changed the table since the plan.
    Raises PlanError: PM233 another apply runs, PM234 a lock was not to be had, PM235 more locks
    than the server has, PM236 a grant or revoke did not take effect or default privileges would
    undo it, PM237 a statement failed, PM241 another database.
    """
    if not connection.autocommit:
        raise ValueError("apply needs an autocommit connection")
    author = author or plan.author
    check_allowed(plan, allow=allow, approval=approval, author=author)
    with only_one(connection):
        _same_database(connection, plan)
        _no_default_grants(connection, plan)
        _same_page(connection, plan)
        if plan.empty:
            return Outcome(steps=0, resumed=0, statements=0, deployment=None)
        # Before the first object: a database that may not become this gets nothing of it.
        set_environment(connection, catalogue_from_json(plan.catalogue))
        for step in plan.steps:
            if plan.lock_slots and lock_count(step) > plan.lock_slots:
                raise PlanError(
                    "PM235", f"{step.table} and its partitions may need {lock_count(step)} locks,"
                    f" the server has {plan.lock_slots}",
                )  # fmt: skip
        deployment, done = _begin(connection, plan, approval, author)
        todo = [s for s in plan.steps if s.table not in done]
        _unchanged(connection, todo)
        count = 0
        for number, step in enumerate(todo):
            if progress is not None:
                progress(step.table, number, len(todo))
            _with_retries(
                connection, step, deployment, lock_timeout_ms=lock_timeout_ms, attempts=attempts
            )
            count += len(step.statements)
        if progress is not None:
            progress("", len(todo), len(todo))
        connection.execute(
            "SELECT pg_catalog.set_config('lock_timeout', %s, false)", (str(lock_timeout_ms),)
        )
        patiently(
            connection, "the end of the apply", "", lambda: _finish(connection, plan, deployment),
            attempts=attempts, code="PM234", again="the same apply",
        )  # fmt: skip
    return Outcome(steps=len(todo), resumed=len(done), statements=count, deployment=deployment)


def check_allowed(
    plan: Plan, *, allow: frozenset[str], approval: Approval | None, author: str
) -> None:
    """Raise Refused (PM231, PM232) unless hazards are accepted and the approval is there."""
    missing = sorted({h.value for h in MUST_ALLOW} & set(plan.hazards) - allow)
    if missing:
        flags = " ".join(f"--allow {h}" for h in missing)
        raise Refused(
            "PM231", f"the plan carries {', '.join(missing)}",
            hint=f"Read the plan; if you accept it, add {flags}",
        )  # fmt: skip
    if not plan.needs_approval:
        return
    if approval is None or not approval.by.strip() or not approval.reference.strip():
        raise Refused(
            "PM232", "the plan adds classified columns or lets somebody see or do more",
            hint="Have the page of `pgmask plan --explain-access` signed, then give"
            " --approved-by NAME --approval-ref REF.",
        )  # fmt: skip
    if not author.strip():
        raise Refused("PM232", "the plan does not say who wrote it", hint="Give --author NAME.")
    if approval.by.strip().casefold() == author.strip().casefold():
        raise Refused(
            "PM232", "author and approver are the same person",
            hint="Another person than the author answers for the change.",
        )  # fmt: skip


class only_one:
    """The lock of apply and uninstall: one of them at a time (PM233)."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        row = self._connection.execute(
            "SELECT pg_catalog.pg_try_advisory_lock(%s)", (LOCK,)
        ).fetchone()
        if row is None or row[0] is not True:
            raise PlanError("PM233", "another apply is running in this database")
        settle(self._connection)

    def __exit__(self, *_: object) -> None:
        if not self._connection.closed and not self._connection.broken:
            self._connection.execute("SELECT pg_catalog.pg_advisory_unlock(%s)", (LOCK,))


def _same_database(connection: Connection, plan: Plan) -> None:
    row = connection.execute("SELECT pg_catalog.current_database()").fetchone()
    if row is None or row[0] != plan.database:
        raise PlanError("PM241", f"the plan was made for database {plan.database!r}")


def _no_default_grants(connection: Connection, plan: Plan) -> None:
    """Refuse where default privileges of this login would open the views and stores it makes."""
    schemas = {o.address[0] for s in plan.steps for o in s.objects if o.address}
    found = connection.execute(
        "SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END"
        " FROM pg_catalog.pg_default_acl AS d"
        " CROSS JOIN LATERAL pg_catalog.aclexplode(d.defaclacl) AS a"
        " LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = d.defaclnamespace"
        " WHERE d.defaclrole = CURRENT_USER::regrole AND a.grantee <> d.defaclrole"
        " AND (d.defaclnamespace = 0 OR n.nspname = ANY (%s))"
        " AND NOT (a.grantee = 0 AND d.defaclobjtype IN ('f', 'T')) ORDER BY 1",
        (sorted(schemas),),
    ).fetchall()
    if found:
        raise PlanError(
            "PM236",
            "default privileges of this login would give rights on every new object to "
            + ", ".join(r[0] for r in found),
            hint="Take them back with ALTER DEFAULT PRIVILEGES, or apply as another login.",
        )


def _same_page(connection: Connection, plan: Plan) -> None:
    """What is signed must be what the plan does to the access that is deployed now (A5)."""
    if not plan.access:
        return
    row = connection.execute(
        "SELECT d.catalogue_hash, d.access FROM pgmask_private.deployment AS d"
        " WHERE d.finished_at IS NOT NULL ORDER BY d.id DESC LIMIT 1"
    ).fetchone()
    before_hash, before = row if row is not None else ("", None)
    if before_hash != plan.before_hash:
        raise PlanError("PM230", "another catalogue was deployed since the plan was made")
    lines = access.changes(before, plan.access) if plan.catalogue_hash != before_hash else ()
    page = access.page(lines, plan.catalogue_hash, plan.database)
    if page != plan.page or access.needs_approval(lines) != plan.needs_approval:
        raise Refused("PM240", "the page in the plan does not say what the plan does")


def _begin(
    connection: Connection, plan: Plan, approval: Approval | None, author: str
) -> tuple[int, set[str]]:
    """The row of this deployment and the tables an earlier try of the same plan has finished."""
    with connection.transaction():
        last = connection.execute(
            "SELECT id, plan_hash, finished_at IS NULL FROM pgmask_private.deployment"
            " ORDER BY id DESC LIMIT 1"
        ).fetchone()
        if last is not None and last[1] == plan.hash and last[2]:
            steps = connection.execute(
                "SELECT table_id FROM pgmask_private.deployment_step WHERE deployment_id = %s",
                (last[0],),
            ).fetchall()
            return last[0], {s[0] for s in steps}
        row = connection.execute(
            "INSERT INTO pgmask_private.deployment (catalogue_hash, catalogue, access, plan_hash,"
            " page_hash, author, approver, approval_ref, pgmask_version)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id",
            (
                plan.catalogue_hash, Jsonb(plan.catalogue), Jsonb(plan.access), plan.hash,
                plan.page_hash, author or None, approval.by if approval else None,
                approval.reference if approval else None, __version__,
            ),
        ).fetchone()  # fmt: skip
        if row is None:
            raise InternalError("PM901", "INSERT .. RETURNING gave no row")
        return row[0], set()


def _unchanged(connection: Connection, steps: list[Step]) -> None:
    """Look at every table before the first is touched; each is compared again under its lock."""
    with connection.transaction(), reading(connection):
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        facts = read_facts(connection)
    for step in steps:
        if state_of(step.table, step.relations, facts) != step.state:
            raise _changed(step)


def _finish(connection: Connection, plan: Plan, deployment: int) -> None:
    """End the deployment; remember the state when nobody changed anything meanwhile.

    The digest is kept only if, in the same snapshot, every managed object is as it was left and no
    other table has come, gone or got a column: later plans may then believe it.
    """
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        digest = read_digest(connection)
        facts = read_facts(connection)
        tables = [t["schema"] + "." + t["name"] for t in plan.catalogue["tables"]]
        clean = (
            not plan.partial and not drift(facts) and bystanders(facts, tables) == plan.bystanders
        )
        connection.execute(
            "UPDATE pgmask_private.deployment SET finished_at = clock_timestamp(),"
            " state_digest = %s WHERE id = %s",
            (digest if clean else None, deployment),
        )


def _with_retries(
    connection: Connection, step: Step, deployment: int, *, lock_timeout_ms: int, attempts: int
) -> None:
    for attempt in range(1, attempts + 1):
        try:
            with connection.transaction():
                run_step(connection, step, lock_timeout_ms=lock_timeout_ms)
                connection.execute(
                    "INSERT INTO pgmask_private.deployment_step (deployment_id, table_id)"
                    " VALUES (%s, %s)",
                    (deployment, step.table),
                )
            return
        except (pg.LockNotAvailable, pg.DeadlockDetected):
            if attempt == attempts:
                names = [QualName.of(*r).quoted for r in (step.lock, *step.relations) if r]
                found = holders(connection, names)
                raise PlanError(
                    "PM234", f"could not lock {step.table or 'the shared objects'} for"
                    f" {lock_timeout_ms} ms, {attempts} times",
                    detail=f"held by {found}" if found else "",
                    hint="Let that transaction end, or end it: SELECT pg_terminate_backend(pid);"
                    " then run the same apply again, it goes on here.",
                ) from None  # fmt: skip
            # Longer and uneven pauses, so that traffic flows between the attempts.
            time.sleep(min(5.0, 0.2 * 2**attempt) * random.uniform(0.5, 1.0))  # noqa: S311


def run_step(connection: Connection, step: Step, *, lock_timeout_ms: int) -> Facts:
    """Run one step inside the open transaction: lock, compare, change, verify, record."""
    connection.execute(
        "SELECT pg_catalog.set_config('lock_timeout', %s, true)", (str(lock_timeout_ms),)
    )
    for setting, value in (
        ("standard_conforming_strings", "on"),
        ("client_min_messages", "warning"),
        ("check_function_bodies", "on"),
        ("search_path", "pg_catalog"),
    ):
        connection.execute("SELECT pg_catalog.set_config(%s, %s, true)", (setting, value))
    if step.lock is not None:
        name = QualName.of(*step.lock)
        try:
            connection.execute(f"LOCK TABLE {name.quoted} IN ACCESS EXCLUSIVE MODE".encode())
        except (pg.UndefinedTable, pg.InvalidSchemaName):
            raise _changed(step) from None
        except pg.InsufficientPrivilege:
            raise PlanError(
                "PM242", f"the login may not lock {name}: it is no member of the table's owner",
                hint="GRANT the owner's role to the login that applies plans.",
            ) from None  # fmt: skip
    before = _read(connection, step)
    if state_of(step.table, step.relations, before) != step.state:
        raise _changed(step)
    for statement in step.statements:
        _execute(connection, step, statement)
    _release(connection, step)
    after = _read(connection, step)
    verify(connection, step, before, after)
    _follow(connection, step, before, after)
    _record(connection, step, after)
    return after


def _release(connection: Connection, step: Step) -> None:
    """Let writes in again where a migration left the table waiting for this step (PM219)."""
    held = connection.execute(
        "DELETE FROM pgmask_private.migration_hold WHERE table_id = %s RETURNING table_id",
        (step.table,),
    ).fetchall()
    if not held:
        return
    for (name,) in connection.execute(
        "SELECT t.tgrelid::regclass::text FROM pg_catalog.pg_trigger AS t"
        " JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid"
        " JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE t.tgname = 'aaa_pgmask_hold' AND (n.nspname, c.relname) IN"
        " (SELECT * FROM unnest(%s::text[], %s::text[]))",
        ([r[0] for r in step.relations], [r[1] for r in step.relations]),
    ).fetchall():
        connection.execute(f"DROP TRIGGER aaa_pgmask_hold ON {name}".encode())


def _read(connection: Connection, step: Step) -> Facts:
    functions = [o.address[1] for o in step.objects if o.kind == "function" and o.address]
    sequences = [
        o.address[2] for o in step.objects if o.kind == "grant" and o.address[:1] == ("sequence",)
    ]
    return read_scope(connection, step.relations, _parent(step), functions, sequences)


def _parent(step: Step) -> str:
    return "" if step.table == "~" else step.table


def _changed(step: Step) -> PlanError:
    return PlanRefused(
        "PM230",
        f"{step.table or 'what the database shares'} has changed since the plan was made",
        hint="Nothing of this table was touched. Plan again: pgmask plan.",
    )


def _execute(connection: Connection, step: Step, statement: PlannedStatement) -> None:
    try:
        connection.execute(statement.text.encode())
    except (pg.LockNotAvailable, pg.DeadlockDetected):
        raise
    except pg.OutOfMemory as error:
        raise PlanError(
            "PM235", f"the server's lock table is full at {step.table}",
            hint="Raise max_locks_per_transaction and run the same apply again.",
        ) from error  # fmt: skip
    except pg.InsufficientPrivilege as error:
        raise PlanError(
            "PM242", f"the login may not make {statement.object}",
            detail=str(error.diag.message_primary or ""),
            hint="It needs to own the table or be a member of its owner; see pgmask doctor.",
        ) from error  # fmt: skip
    except PgmaskError:
        raise
    except psycopg.Error as error:
        if error.sqlstate in REGISTRY:
            # Our own functions refuse in their own words, which hold names only.
            raise PlanRefused(
                error.sqlstate, error.diag.message_primary or REGISTRY[error.sqlstate].title,
                hint=error.diag.message_hint or "",
            ) from None  # fmt: skip
        # The primary message names objects; DETAIL and CONTEXT may show a row and are left out.
        raise PlanError(
            "PM237", f"{statement.object} could not be made"
            + (f" ({error.sqlstate})" if error.sqlstate else ""),
            detail=_safe(error, statement),
        ) from None  # fmt: skip


def _safe(error: psycopg.Error, statement: PlannedStatement) -> str:
    """The server's message where it cannot hold a value: not for class 22 and 23 (data).

    Of the statement its head: a generated function is long, and the plan has all of it.
    """
    lines = statement.text.splitlines()
    said = "statement: " + "\n".join(lines[:_SHOWN])
    if len(lines) > _SHOWN:
        said += f"\n({len(lines) - _SHOWN:,} more lines; pgmask plan --sql shows them)"
    if (error.sqlstate or "")[:2] in ("22", "23"):
        return said
    return f"{error.diag.message_primary or ''}\n{said}"


def _follow(connection: Connection, step: Step, before: Facts, after: Facts) -> None:
    """Where the table was moved, name its new place in what is recorded of other tables' objects.

    The server renders them so from now on.  Only the name is put in: what somebody else changed in
    them is a difference before and after.
    """
    was, now = before.store(step.table), after.store(step.table)
    if was is None or now is None or (was.schema, was.name) == (now.schema, now.name):
        return
    row = connection.execute(
        "SELECT pg_catalog.format('%%I.%%I', %s::text, %s::text),"
        " pg_catalog.format('%%I.%%I', %s::text, %s::text)",
        (was.schema, was.name, now.schema, now.name),
    ).fetchone()
    if row is None:
        raise InternalError("PM901", "format gave no row")
    names = {(was.schema, was.name): row[1]}
    for kind, identity, recorded in connection.execute(
        "SELECT m.kind, m.identity, m.fingerprint FROM pgmask_private.managed_object AS m"
        " WHERE m.kind IN ('view', 'policy') AND m.parent <> %s"
        " AND strpos(concat_ws(' ', m.fingerprint ->> 'definition', m.fingerprint ->> 'using',"
        " m.fingerprint ->> 'check'), %s) > 0",
        (step.table, row[0]),
    ).fetchall():
        followed = {
            k: renamed(v, names) if k in ("definition", "using", "check") else v
            for k, v in recorded.items()
        }
        if followed != recorded:
            connection.execute(
                "UPDATE pgmask_private.managed_object SET fingerprint = %s"
                " WHERE kind = %s AND identity = %s",
                (Jsonb(followed), kind, identity),
            )


def _record(connection: Connection, step: Step, after: Facts) -> None:
    """Write what was wanted and what the server says now of every object of the step."""
    parent = _parent(step)
    reader = Reader(after, {(o.kind, o.address) for o in step.objects})
    rows = []
    for one in step.objects:
        found = reader.read(one.kind, one.address)
        rows.append(
            {
                "kind": one.kind, "identity": one.identity, "parent": parent, "phase": one.phase,
                "address": list(one.address), "desired_hash": one.desired_hash,
                "fingerprint": found, "drop_sql": list(one.drop),
            }
        )  # fmt: skip
    if rows:
        connection.execute(
            "INSERT INTO pgmask_private.managed_object"
            " SELECT r.kind, r.identity, r.parent, r.phase,"
            " ARRAY(SELECT jsonb_array_elements_text(r.address)), r.desired_hash, r.fingerprint,"
            " ARRAY(SELECT jsonb_array_elements_text(r.drop_sql))"
            " FROM jsonb_to_recordset(%s::jsonb) AS r (kind text, identity text, parent text,"
            " phase integer, address jsonb, desired_hash text, fingerprint jsonb, drop_sql jsonb)"
            " ON CONFLICT (kind, identity) DO UPDATE SET parent = EXCLUDED.parent,"
            " phase = EXCLUDED.phase, address = EXCLUDED.address,"
            " desired_hash = EXCLUDED.desired_hash, fingerprint = EXCLUDED.fingerprint,"
            " drop_sql = EXCLUDED.drop_sql",
            (canonical_json(rows),),
        )
    if step.removed:
        connection.execute(
            "DELETE FROM pgmask_private.managed_object WHERE kind || ':' || identity = ANY (%s)",
            (list(step.removed),),
        )


__all__ = [
    "ATTEMPTS",
    "LOCK_TIMEOUT_MS",
    "Approval",
    "Outcome",
    "apply_plan",
    "check_allowed",
    "run_step",
]
