"""Reading: point lookups, whole rows out, masked columns, a pure scan."""

from __future__ import annotations

from typing import Any

import psycopg

from benchmarks.data import UNITS
from benchmarks.measure import (
    Backend,
    Case,
    Measurement,
    at_most,
    figure,
    interleaved,
    ratio,
    timing,
    without_waiting,
)
from benchmarks.place import Place

COLUMNS = (
    "id, unit_id, name, phone, email, id_no, bank_account, address, gender, status,"
    " card_grade, created_at"
)
MASKED = "phone, email, id_no, bank_account, address"
_UNIT = 7


def run(place: Place) -> list[Measurement]:
    """The group ``read``."""
    return [*_lookups(place), *_floors(place), *_scans(place)]


def _lookups(place: Place) -> list[Measurement]:
    found: list[Measurement] = []
    step = _Numbers(place.rows, stride=7919)
    ours = _Numbers(place.rows // UNITS, stride=31)

    def own() -> int:
        return (ours.next() - 1) * UNITS + _UNIT - 1 or UNITS + _UNIT - 1

    with place.connect("desk") as desk:
        found += _compare(
            place, "read.lookup.rows_all", desk,
            lambda schema: _lookup(desk, f"{schema}.customer", step.next), "desk", 1.05,
            "prepared lookup by key, 12 columns, autocommit, rows: all, database login",
        )  # fmt: skip
    with place.connect("agent_login") as agent:
        found += _compare(
            place, "read.lookup.own_unit_login", agent,
            lambda schema: _lookup(agent, f"{schema}.customer", own), "crm", 1.75,
            "the same with own_unit, autocommit: a database login, verified in every statement",
        )  # fmt: skip
    with place.connect("app") as app:
        app.execute("BEGIN")
        app.execute("SELECT pgmask.login(%s)", (place.assertion(),))
        found += _compare(
            place, "read.lookup.own_unit_transaction", app,
            lambda schema: _lookup(app, f"{schema}.customer", own), "crm", 1.35,
            "own_unit, many statements in a transaction after one login (not timed)",
        )  # fmt: skip
        app.execute("ROLLBACK")
        found += _compare(
            place, "read.lookup.login_and_query", app,
            lambda schema: _with_login(place, app, schema, own), "crm", 1.75,
            "BEGIN, login, one lookup, COMMIT in one pipeline / BEGIN, raw lookup, COMMIT",
        )  # fmt: skip
    return found


def _compare(
    place: Place, name: str, connection: psycopg.Connection[Any], make: Any, schema: str,
    limit: float, how: str,
) -> list[Measurement]:  # fmt: skip
    backend = Backend(connection.info.backend_pid)
    cases: dict[str, Case] = {"raw": make("raw"), "view": make(schema)}
    for case in cases.values():
        for _ in range(12):  # past psycopg's own threshold and PostgreSQL's custom plans
            case()
    samples = interleaved(
        cases, rounds=place.scale.rounds, calls=place.scale.calls,
        backends={"raw": backend, "view": backend},
    )  # fmt: skip
    result = ratio(samples, "view", "raw")
    raw, view = timing(samples["raw"]), timing(samples["view"])
    found = [at_most(name, result.wall, limit, f"{how}; {raw.wall:.0f} -> {view.wall:.0f} us seen")]
    found += without_waiting(name, result)
    if raw.cpu is not None and view.cpu is not None:
        how = f"backend CPU added: {raw.cpu:.0f} -> {view.cpu:.0f} us"
        found.append(figure(f"{name}.cpu", view.cpu - raw.cpu, how, unit="us"))
    return found


def _lookup(connection: psycopg.Connection[Any], table: str, key: Any) -> Case:
    query = f"SELECT {COLUMNS} FROM {table} WHERE id = %s"
    cursor = connection.cursor()

    def once() -> None:
        assert cursor.execute(query, (key(),), prepare=True).fetchone() is not None

    return once


def _with_login(place: Place, connection: psycopg.Connection[Any], schema: str, key: Any) -> Case:
    query = f"SELECT {COLUMNS} FROM {schema}.customer WHERE id = %s"
    protected = schema != "raw"
    cursor = connection.cursor()

    def once() -> None:
        with connection.pipeline():
            connection.execute("BEGIN")
            if protected:
                connection.execute("SELECT pgmask.login(%s)", (place.assertion(),), prepare=True)
            cursor.execute(query, (key(),), prepare=True)
            connection.execute("COMMIT")
        assert cursor.fetchone() is not None

    return once


def _scans(place: Place) -> list[Measurement]:
    found: list[Measurement] = []
    with place.connect("desk") as connection:
        connection.execute("SET max_parallel_workers_per_gather = 0")
        for name, limit, query, how in (
            ("read.scan.full_rows", 1.10, f"SELECT {COLUMNS} FROM {{}}.customer", "all rows out"),
            ("read.scan.five_masked", 1.10, f"SELECT {MASKED} FROM {{}}.customer",
             "five masked columns of all rows out"),
        ):  # fmt: skip
            cases = {
                s: _copy(connection, f"COPY ({query.format(s)}) TO STDOUT") for s in ("raw", "desk")
            }
            found += _scan(place, connection, name, limit, cases, how)
        counted = ", ".join(f"count({c})" for c in MASKED.split(", "))
        cases = {
            s: _query(connection, f"SELECT {counted} FROM {s}.customer") for s in ("raw", "desk")
        }
        how = "counts over five columns: nothing but the wider row is paid for"
        found += _scan(place, connection, "read.scan.pure", 1.5, cases, how)
        widths = place.superuser_rows(
            "SELECT pg_catalog.pg_relation_size('raw.customer'),"
            " pg_catalog.pg_relation_size('crm_store.customer')"
        )[0]
    with place.connect("auditor") as connection:
        connection.execute("SET max_parallel_workers_per_gather = 0")
        cases = {
            s: _copy(connection, f"COPY (SELECT {COLUMNS} FROM {s}.customer) TO STDOUT")
            for s in ("raw", "auditor")
        }
        samples = interleaved(cases, rounds=place.scale.scans, calls=1)
        found.append(
            figure("read.scan.computed_name", ratio(samples, "auditor", "raw").wall,
                   "all rows out where the name's mask is computed in the view, not stored")
        )  # fmt: skip
    found.append(
        figure("read.width", widths[1] / widths[0], "heap of the store / heap of the raw table")
    )
    return found


def _floors(place: Place) -> list[Measurement]:
    """What a lookup costs at the least: the same store table under ever larger policies."""
    forms = {
        "view": "",
        "flags": "NOT pgmask_high_value AND NOT pgmask_restricted",
        "initplan": "(SELECT 7) = unit_id",
        "hmac": "unit_id = (SELECT CASE WHEN pgmask_crypto.hmac(convert_to(current_setting("
        "'pgmask.floor'), 'UTF8'), '\\x00', 'sha256') IS NOT NULL THEN 7 END)",
    }
    place.superuser_run(
        "DROP SCHEMA IF EXISTS floor CASCADE; CREATE SCHEMA floor;"
        + "".join(
            f"CREATE TABLE floor.t_{name} (LIKE crm_store.customer INCLUDING INDEXES);"
            f"INSERT INTO floor.t_{name} SELECT * FROM crm_store.customer;"
            f"CREATE VIEW floor.{name} AS SELECT {COLUMNS} FROM floor.t_{name};"
            f"GRANT SELECT ON floor.t_{name} TO pgmask_agent_views;"
            f"ALTER VIEW floor.{name} OWNER TO pgmask_agent_views;"
            f"GRANT SELECT ON floor.{name} TO {place.login('agent_login')};"
            + (
                f"ALTER TABLE floor.t_{name} ENABLE ROW LEVEL SECURITY;"
                f"CREATE POLICY p ON floor.t_{name} TO pgmask_agent_views USING ({rule});"
                if rule
                else ""
            )
            for name, rule in forms.items()
        )
        + f"GRANT USAGE ON SCHEMA floor TO {place.login('agent_login')}, pgmask_agent_views"
    )
    place.superuser_rows("SELECT 1")
    with place.owner() as owner:
        for name in forms:
            owner.execute(f"VACUUM ANALYZE floor.t_{name}")
    how = {
        "view": "a plain view over the store table, no row-level security",
        "flags": "and the two flags of the row",
        "initplan": "and one InitPlan that does nothing",
        "hmac": "and one HMAC in it: no token check can cost less",
    }
    found = []
    with place.connect("agent_login") as connection:
        connection.execute("SET pgmask.floor = 'x'")
        numbers = _Numbers(place.rows // UNITS, stride=31)

        def own() -> int:
            return (numbers.next() - 1) * UNITS + _UNIT - 1 or UNITS + _UNIT - 1

        backend = Backend(connection.info.backend_pid)
        cases = {"raw": _lookup(connection, "raw.customer", own)}
        cases |= {name: _lookup(connection, f"floor.{name}", own) for name in forms}
        for case in cases.values():
            for _ in range(12):
                case()
        samples = interleaved(
            cases, rounds=place.scale.rounds, calls=place.scale.calls,
            backends=dict.fromkeys(cases, backend),
        )  # fmt: skip
        base = timing(samples["raw"])
        for name in forms:
            mine = timing(samples[name])
            words = how[name]
            if mine.cpu is not None and base.cpu is not None:
                words += f"; backend CPU {base.cpu:.0f} -> {mine.cpu:.0f} us"
            found.append(figure(f"read.floor.{name}", ratio(samples, name, "raw").wall, words))
    place.superuser_run("DROP SCHEMA floor CASCADE")
    return found


def _scan(
    place: Place, connection: psycopg.Connection[Any], name: str, limit: float,
    cases: dict[str, Case], how: str,
) -> list[Measurement]:  # fmt: skip
    backend = Backend(connection.info.backend_pid)
    samples = interleaved(
        cases, rounds=place.scale.scans, calls=1, backends=dict.fromkeys(cases, backend)
    )
    result = ratio(samples, "desk", "raw")
    raw = timing(samples["raw"])
    words = f"{how}; serial; raw {raw.wall / 1000:.1f} ms"
    return [at_most(name, result.wall, limit, words), *without_waiting(name, result)]


def _copy(connection: psycopg.Connection[Any], statement: str) -> Case:
    def once() -> None:
        with connection.cursor().copy(statement) as out:
            while out.read():
                pass

    return once


def _query(connection: psycopg.Connection[Any], statement: str) -> Case:
    def once() -> None:
        connection.execute(statement).fetchall()

    return once


class _Numbers:
    """1 to n in an order that hits another page each time."""

    def __init__(self, n: int, *, stride: int) -> None:
        self._n, self._stride, self._at = n, stride, 0

    def next(self) -> int:
        self._at = (self._at + self._stride) % self._n
        return self._at + 1
