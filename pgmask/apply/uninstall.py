"""Give the tables back as they were before pgmask took them over, one transaction a table.

A table goes back when nothing of it is sealed any more.  Its views, policies, triggers and columns
go; its constraints, name, owner and grants come back as ``store_table.adopted`` has them.  Rows of
other tables come before the table of their subjects, whose triggers carry flags to them: the same
transaction makes those triggers anew without it.  What is killed in between goes on where it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import psycopg

from pgmask.apply.holders import ATTEMPTS, LOCK_TIMEOUT_MS, patiently
from pgmask.apply.run import run_step
from pgmask.catalogue.model import Catalogue
from pgmask.catalogue.stored import catalogue_from_json
from pgmask.compile import compile
from pgmask.compile.objects import Kind, Object
from pgmask.compile.stages import Stage
from pgmask.errors import PlanError
from pgmask.facts.model import Facts
from pgmask.facts.read import read_facts
from pgmask.names import Name, QualName
from pgmask.plan.diff import Action, diff
from pgmask.plan.plan import PlannedStatement, Step, step
from pgmask.sqltext import dollar

Connection = psycopg.Connection[Any]
AGAIN = "pgmask uninstall"
_CONSTRAINT = re.compile(r"ADD CONSTRAINT|SET NOT NULL|CREATE UNIQUE INDEX|ALTER COLUMN .* TYPE ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """What stands in the way: the object, and the way out."""

    what: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """One table that is its owner's again; missing: constraints and indexes it had and has not."""

    table: str
    place: str
    owner: str
    missing: tuple[str, ...] = ()


def catalogue_of(connection: Connection) -> Catalogue | None:
    """The catalogue that was applied last, None where nothing was."""
    row = connection.execute(
        "SELECT d.catalogue FROM pgmask_private.deployment AS d"
        " WHERE d.finished_at IS NOT NULL ORDER BY d.id DESC LIMIT 1"
    ).fetchone()
    return catalogue_from_json(row[0]) if row is not None else None


def obstacles(connection: Connection, facts: Facts) -> tuple[Obstacle, ...]:
    """Every reason not to begin, all at once."""
    return (*_sealed(connection, facts), *_dependants(facts))


def _sealed(connection: Connection, facts: Facts) -> Iterable[Obstacle]:
    opened = {
        t for (t,) in connection.execute(
            "SELECT u.table_id FROM pgmask_private.unseal_run AS u WHERE u.phase = 'done'"
        )
    }  # fmt: skip
    for managed in facts.managed:
        if managed.kind != "column" or not managed.address[2].startswith("pgmask_sealed"):
            continue
        schema, name, column = managed.address
        if managed.parent in opened or facts.relation(schema, name) is None:
            continue
        query = (
            f"SELECT EXISTS (SELECT FROM {QualName.of(schema, name).quoted} AS t"  # noqa: S608
            f" WHERE t.{Name(column).quoted} IS NOT NULL)"
        )
        with connection.transaction():
            connection.execute("SET LOCAL ROLE pgmask_sealer")
            row = connection.execute(query.encode()).fetchone()
        if row is None or row[0] is not False:
            yield Obstacle(
                what=f"{managed.parent} is sealed ({column})",
                hint=f"pgmask unseal {managed.parent}",
            )


def _dependants(facts: Facts) -> Iterable[Obstacle]:
    """Objects of others that stand on views of profiles: they would go with them."""
    ours = facts.managed_views
    functions = managed_functions(facts)
    for view in sorted(ours):
        relation = facts.relation(*view)
        for one in relation.dependants if relation is not None else ():
            mine = ours if one.kind != "function" else functions
            if (one.schema, function_name(one.name)) in mine or (one.schema, one.name) in mine:
                continue
            yield Obstacle(
                what=f"{one.kind} {one} stands on {view[0]}.{view[1]}",
                hint="Drop it; make it again over the table afterwards.",
            )


def search_paths(connection: Connection, facts: Facts) -> tuple[tuple[str, str], ...]:
    """(role or database, search_path) of every setting that names a schema that goes.

    Nothing changes them: they are the application's, and a name in them that is not there is
    passed over in silence.
    """
    goes = {m.address[0] for m in facts.managed if m.kind == Kind.SCHEMA.value}
    goes |= {"pgmask", "pgmask_private", "pgmask_crypto"}
    goes |= {s.schema for s in facts.stores if s.schema != s.original_schema}
    found = connection.execute(
        "SELECT concat_ws(' in ', 'role ' || r.rolname, 'database ' || d.datname),"
        " substring(g.text FROM '=(.*)')"
        " FROM pg_catalog.pg_db_role_setting AS s"
        " CROSS JOIN LATERAL unnest(s.setconfig) AS g (text)"
        " LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = s.setrole"
        " LEFT JOIN pg_catalog.pg_database AS d ON d.oid = s.setdatabase"
        " WHERE g.text LIKE 'search\\_path=%' AND (d.datname = current_database()"
        " OR s.setdatabase = 0) ORDER BY 1"
    ).fetchall()
    return tuple((who, path) for who, path in found if goes & set(_names(path)))


def _names(path: str) -> Iterable[str]:
    for quoted, bare in re.findall(r'"((?:[^"]|"")+)"|([^\s,"]+)', path):
        yield quoted.replace('""', '"') or bare.lower()


_FUNCTION = re.compile(r"""(?:(?:"(?:[^"]|"")*"|[^."]+)\.)?("(?:[^"]|"")*"|[^("]+)\(""")


def function_name(signature: str) -> str:
    """The bare name in ``schema.name(arguments)`` as the server writes it; the text itself else."""
    match = _FUNCTION.match(signature)
    if match is None:
        return signature
    return match[1].strip('"').replace('""', '"')


def managed_functions(facts: Facts) -> frozenset[tuple[str, ...]]:
    """Schema and name of the functions that plans made."""
    return frozenset(m.address for m in facts.managed if m.kind == "function")


def tables(catalogue: Catalogue, facts: Facts) -> tuple[str, ...]:
    """The tables that are still pgmask's, in the order in which they go back."""
    homes = {s.table for s in catalogue.subjects}
    left = [s.table_id for s in facts.stores if s.stage != Stage.OBSERVE.value]
    return tuple(sorted(left, key=lambda t: (t in homes, t)))


def give_back(
    connection: Connection,
    catalogue: Catalogue,
    table_id: str,
    *,
    without_constraints: bool = False,
    lock_timeout_ms: int = LOCK_TIMEOUT_MS,
    attempts: int = ATTEMPTS,
) -> Returned:
    """One table, over an autocommit connection of the installer.

    without_constraints: leave out what the rows of now do not meet, and name it.  Raises PlanError
    PM341 when a constraint does not hold, PM272 when a value is sealed after all.
    """

    def once() -> Returned:
        with connection.transaction():
            before = facts = read_facts(connection)
            # First what hangs on the table where it stands, then the table itself.
            for stage in (Stage.VIEWS, Stage.OBSERVE):
                for one in _steps(catalogue, facts, table_id, stage):
                    run_step(
                        connection, _lenient(one) if without_constraints else one,
                        lock_timeout_ms=lock_timeout_ms,
                    )  # fmt: skip
                facts = read_facts(connection)
            return _returned(before, facts, table_id)

    store = read_facts(connection).store(table_id)
    relation = QualName.of(store.schema, store.name).quoted if store is not None else ""
    try:
        return patiently(
            connection, table_id, relation, once, attempts=attempts, code="PM234", again=AGAIN
        )
    except PlanError as error:
        if error.code != "PM237" or not _CONSTRAINT.search(error.detail):
            raise
        raise PlanError(
            "PM341", f"{table_id} cannot be given back as it was", detail=error.detail,
            hint="Nothing of it was changed. Correct the rows, or delete those that keep masks of"
            " erased subjects; or say --without-constraints and add what is left out later.",
        ) from None  # fmt: skip


def _steps(catalogue: Catalogue, facts: Facts, table_id: str, stage: Stage) -> list[Step]:
    """The step of the table to that stage, and those of tables whose triggers know it."""
    gone = {s.table_id for s in facts.stores if s.stage == Stage.OBSERVE.value}
    back = gone | {table_id}
    wanted = replace(
        catalogue,
        tables=tuple(
            replace(t, rollout=Stage.OBSERVE.value) if t.id in gone
            else replace(t, rollout=stage.value) if t.id == table_id else t
            for t in catalogue.tables
        ),
    )  # fmt: skip
    changes = diff(tuple(_kept(compile(wanted, facts), back)), facts)
    found = []
    for name in sorted({c.table for c in changes} - {""}, key=lambda t: (t != table_id, t)):
        mine = [c for c in changes if c.table == name]
        if name in back - {table_id} or all(c.action is Action.KEEP for c in mine):
            continue
        found.append(step(name, mine, facts))
    return found


def _kept(objects: Iterable[Object], back: set[str]) -> Iterable[Object]:
    """Of a table that goes back only its place and its stage."""
    for one in objects:
        if one.table not in back or one.kind is Kind.PLACE or one.identity == f"stage {one.table}":
            yield one


def _lenient(one: Step) -> Step:
    """The step with every constraint in a block of its own, undone when it does not hold."""

    def tried(statement: PlannedStatement) -> PlannedStatement:
        if not _CONSTRAINT.search(statement.text):
            return statement
        body = (
            f"\nBEGIN\n  EXECUTE {dollar(statement.text)};\nEXCEPTION\n"
            "  WHEN integrity_constraint_violation THEN\n    NULL;\nEND\n"
        )
        return replace(statement, text=f"DO LANGUAGE plpgsql {dollar(body)}")

    return replace(one, statements=tuple(map(tried, one.statements)))


def _returned(before: Facts, after: Facts, table_id: str) -> Returned:
    """The table by what the server says of it now, against what was recorded."""
    store = before.store(table_id)
    adopted = store.adopted if store is not None else {}
    schema, name = str(adopted.get("schema", "")), str(adopted.get("name", ""))
    now = after.relation(schema, name)
    if now is None:
        return Returned(table=table_id, place=f"{schema}.{name}", owner="", missing=("the table",))
    there = {c.name for c in now.constraints} | {i.name for i in now.indexes}
    missing = [
        f"{one['name']}: {one['definition']}"
        for part in ("constraints", "indexes")
        for one in adopted.get(part, ())
        if one["name"] not in there
    ]
    for column in adopted.get("columns", ()):
        fact = now.column(column["name"])
        if fact is not None and column["not_null"] and not fact.not_null:
            missing.append(f"{column['name']}: NOT NULL")
    return Returned(
        table=table_id, place=f"{schema}.{name}", owner=now.owner,
        missing=tuple(dict.fromkeys(missing)),
    )  # fmt: skip
