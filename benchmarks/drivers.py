"""Login and one lookup in a pooled transaction, by driver, beside the same without identity."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import ConnectionPool
from sqlalchemy import URL, create_engine, text

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
from benchmarks.read import COLUMNS
from pgmask.integrations.acting import Actor, acting_as
from pgmask.integrations.issuer import Minter
from pgmask.integrations.psycopg import Connection
from pgmask.integrations.sqlalchemy import protect

_ACTOR = Actor(person=1, profile="agent", unit="7")
_QUERY = f"SELECT {COLUMNS} FROM {{}}.customer WHERE id = %s"


def run(place: Place) -> list[Measurement]:
    """The group ``drivers``: prepared statements, one connection in each pool, unit 7's agent."""
    assert place.issuer is not None
    minter = Minter(place.issuer, place.login("app"), place.database)
    dsn = make_conninfo(place.admin, user=place.login("app"), password=place.passwords["app"])
    return [
        *_psycopg(place, dsn, minter, autocommit=False),
        *_psycopg(place, dsn, minter, autocommit=True),
        *_sqlalchemy(place, dsn, minter),
    ]


def _psycopg(place: Place, dsn: str, minter: Minter, *, autocommit: bool) -> list[Measurement]:
    options = {"autocommit": autocommit}
    with (
        ConnectionPool(dsn, min_size=1, max_size=1, open=True, kwargs=options) as plain,
        ConnectionPool(
            dsn, connection_class=Connection, min_size=1, max_size=1, open=True,
            kwargs=options | {"minter": minter},
        ) as ours,
    ):  # fmt: skip

        def raw() -> None:
            with plain.connection() as connection:
                _one(connection.execute(_QUERY.format("raw").encode(), (6,)).fetchone())

        def identified() -> None:
            with acting_as(_ACTOR), ours.connection() as connection:
                _one(connection.execute(_QUERY.format("crm").encode(), (6,)).fetchone())

        backends = {}
        for name, pool in (("raw", plain), ("ours", ours)):
            with pool.connection() as connection:
                backends[name] = Backend(connection.info.backend_pid)
        name = "drivers.psycopg_autocommit" if autocommit else "drivers.psycopg"
        how = (
            "login and lookup in one message / the same lookup on the raw table, autocommit"
            if autocommit
            else "BEGIN, login and lookup in one message, COMMIT / BEGIN, raw lookup, COMMIT"
        )
        limit = None if autocommit else 1.35
        return _compare(place, name, raw, identified, backends, limit, how)


def _sqlalchemy(place: Place, dsn: str, minter: Minter) -> list[Measurement]:
    found = conninfo_to_dict(dsn)
    url = URL.create(
        "postgresql+psycopg", username=str(found["user"]), password=str(found["password"]),
        database=place.database, query={"host": str(found["host"]), "port": str(found["port"])},
    )  # fmt: skip
    plain, ours = (create_engine(url, pool_size=1, max_overflow=0) for _ in range(2))
    protect(ours, minter)
    queries = {s: text(_QUERY.format(s).replace("%s", ":id")) for s in ("raw", "crm")}

    def raw() -> None:
        with plain.begin() as connection:
            _one(connection.execute(queries["raw"], {"id": 6}).one())

    def identified() -> None:
        with acting_as(_ACTOR), ours.begin() as connection:
            _one(connection.execute(queries["crm"], {"id": 6}).one())

    try:
        backends = {}
        for name, engine in (("raw", plain), ("ours", ours)):
            with engine.connect() as connection:
                pid = connection.execute(text("SELECT pg_backend_pid()")).scalar()
            backends[name] = Backend(int(pid or 0))
        how = "a transaction of one lookup, protected engine / plain engine on the raw table"
        return _compare(place, "drivers.sqlalchemy", raw, identified, backends, 1.75, how)
    finally:
        plain.dispose()
        ours.dispose()


def _compare(
    place: Place, name: str, raw: Case, ours: Case, backends: dict[str, Backend],
    limit: float | None, how: str,
) -> list[Measurement]:  # fmt: skip
    for case in (raw, ours):
        for _ in range(24):  # past psycopg's own threshold and PostgreSQL's custom plans
            case()
    samples = interleaved(
        {"raw": raw, "ours": ours}, rounds=place.scale.rounds, calls=place.scale.calls,
        backends=backends,
    )  # fmt: skip
    result, base, mine = ratio(samples, "ours", "raw"), timing(samples["raw"]), timing(
        samples["ours"]
    )  # fmt: skip
    how = f"{how}; {base.wall:.0f} -> {mine.wall:.0f} us seen"
    found = [
        figure(name, result.wall, how) if limit is None else at_most(name, result.wall, limit, how),
        *without_waiting(name, result),
        figure(f"{name}.added", mine.wall - base.wall, "what the identity adds", unit="us"),
    ]
    if base.cpu is not None and mine.cpu is not None:
        words = f"CPU time of the backend, added: {base.cpu:.0f} -> {mine.cpu:.0f} us"
        found.append(figure(f"{name}.cpu", mine.cpu - base.cpu, words, unit="us"))
    return found


def _one(row: Any) -> None:
    if row is None:
        raise psycopg.ProgrammingError("the lookup found nothing")
