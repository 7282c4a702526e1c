"""Writing one row: four sealed columns, two of them with a blind index."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg

from benchmarks.data import UNITS, bank_account, email, id_no, phone
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

_UNIT = 7
_SQL = (
    "INSERT INTO {s}.lead (id, unit_id, customer_id, phone, id_no, email, bank_account, source)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
)
_COUNTER = [10_000_000]


def run(place: Place) -> list[Measurement]:
    """The group ``write``: autocommit, prepared, by a database login."""
    found = []
    with place.connect("agent_login") as connection:
        if not place.fsync(on=False):
            found.append(figure("write.insert", None, "needs a superuser to switch fsync"))
            return found
        found += _compare(place, connection, "write.insert.no_fsync", 2.5, "fsync off")
        found += _floors(place, connection)
        found += _other_writes(place, connection)
        with durable(place):
            found += _compare(place, connection, "write.insert.fsync", 1.5, "fsync and WAL sync on")
    return found


@contextlib.contextmanager
def durable(place: Place) -> Iterator[None]:
    """Durable commits inside the block."""
    place.fsync(on=True)
    try:
        yield
    finally:
        place.fsync(on=False)


def _compare(
    place: Place, connection: psycopg.Connection[Any], name: str, limit: float, how: str
) -> list[Measurement]:
    backend = Backend(connection.info.backend_pid)
    cases = {s: insert(connection, s, place.rows) for s in ("raw", "crm")}
    for case in cases.values():
        for _ in range(12):
            case()
    samples = interleaved(
        cases, rounds=place.scale.rounds, calls=max(place.scale.calls // 4, 1),
        backends={"raw": backend, "crm": backend},
    )  # fmt: skip
    result, raw, view = ratio(samples, "crm", "raw"), timing(samples["raw"]), timing(samples["crm"])
    found = [
        at_most(name, result.wall, limit, f"one row, autocommit, {how};"
                f" {raw.wall:.0f} -> {view.wall:.0f} us seen"),
        *without_waiting(name, result),
    ]  # fmt: skip
    if raw.cpu is not None and view.cpu is not None:
        found.append(
            figure(f"{name}.cpu", view.cpu - raw.cpu,
                   f"backend CPU added: {raw.cpu:.0f} -> {view.cpu:.0f} us", unit="us")
        )  # fmt: skip
    return found


def _floors(place: Place, connection: psycopg.Connection[Any]) -> list[Measurement]:
    """What explains the ratio: the work itself, and PL/pgSQL's price per transaction."""
    found = []
    backend = Backend(connection.info.backend_pid)
    calls = place.scale.calls
    cases = {s: insert(connection, s, place.rows) for s in ("raw", "crm")}
    connection.execute("BEGIN")
    samples = interleaved(
        cases, rounds=max(place.scale.rounds // 2, 2), calls=calls,
        backends={"raw": backend, "crm": backend},
    )  # fmt: skip
    connection.execute("COMMIT")
    raw, view = timing(samples["raw"]), timing(samples["crm"])
    words = f"the same, all in one transaction; {raw.wall:.0f} -> {view.wall:.0f} us seen"
    if raw.cpu is not None and view.cpu is not None:
        words += f"; backend CPU {raw.cpu:.0f} -> {view.cpu:.0f} us"
    found.append(figure("write.insert.one_transaction", ratio(samples, "crm", "raw").wall, words))
    with place.owner() as owner:
        for name, how, expression in _PRIMITIVES:
            query = f"SELECT count({expression}) FROM generate_series(1, {calls * 20}) AS n"
            timed = Backend(owner.info.backend_pid)
            owner.execute(query)
            before = timed.cpu()
            owner.execute(query)
            after = timed.cpu()
            if before is not None and after is not None:
                spent = (after - before) / 1000 / (calls * 20)
                found.append(figure(f"write.floor.{name}", spent, how, unit="us"))
    return found


_PRIMITIVES = (
    ("crypto", "four HMACs, one decryption, one encryption of a row's size",
     "pgmask_crypto.hmac(int8send(n), '\\x00', 'sha256')) + count("
     "pgmask_crypto.hmac(int8send(n + 1), '\\x00', 'sha256')) + count("
     "pgmask_crypto.hmac(int8send(n + 2), '\\x00', 'sha256')) + count("
     "pgmask_crypto.hmac(int8send(n + 3), '\\x00', 'sha256')) + count("
     "pgmask_crypto.decrypt_iv(pgmask_crypto.encrypt_iv(convert_to(repeat('x', 150) || n, 'UTF8'),"
     " repeat('k', 32)::bytea, repeat('i', 16)::bytea, 'aes-cbc/pad:pkcs'),"
     " repeat('k', 32)::bytea, repeat('i', 16)::bytea, 'aes-cbc/pad:pkcs')"),
    ("kinds", "validating and masking the four values",
     "pgmask.valid_mobile('138' || lpad(n::text, 8, '0'))) + count("
     "pgmask.valid_cn_id_card('11010119900101' || lpad((n % 10000)::text, 4, '0'))) + count("
     "pgmask.valid_email('customer' || n || '@example.com')) + count("
     "pgmask.valid_bank_account('622202' || lpad(n::text, 13, '0'))) + count("
     "pgmask.mask_mobile('138' || lpad(n::text, 8, '0'))) + count("
     "pgmask.mask_cn_id_card('11010119900101' || lpad((n % 10000)::text, 4, '0'))) + count("
     "pgmask.mask_email('customer' || n || '@example.com')) + count("
     "pgmask.mask_bank_account('622202' || lpad(n::text, 13, '0'))"),
)  # fmt: skip


def insert(connection: psycopg.Connection[Any], schema: str, people: int) -> Case:
    statement = _SQL.format(s=schema)
    cursor = connection.cursor()

    def once() -> None:
        _COUNTER[0] += 1
        n = _COUNTER[0]
        # A customer of the unit, who has a data key already.
        customer = (n % (people // UNITS - 1) + 1) * UNITS + _UNIT - 1
        cursor.execute(
            statement,
            (n, _UNIT, customer, phone(n), id_no(n), email(n), bank_account(n), "web"),
            prepare=True,
        )

    return once


def _other_writes(place: Place, connection: psycopg.Connection[Any]) -> list[Measurement]:
    """What explains the rest: updates that seal nothing, and that seal one column."""
    found = []
    for name, column, value in (
        ("write.update.unsealed", "source", lambda n: f"w{n % 1000}"),
        ("write.update.sealed", "email", email),
    ):
        cases = {s: _update(connection, s, column, value) for s in ("raw", "crm")}
        for case in cases.values():
            for _ in range(12):
                case()
        samples = interleaved(
            cases, rounds=place.scale.rounds, calls=max(place.scale.calls // 4, 1)
        )
        raw, view = timing(samples["raw"]), timing(samples["crm"])
        found.append(
            figure(name, ratio(samples, "crm", "raw").wall,
                   f"one row, column {column}; {raw.wall:.0f} -> {view.wall:.0f} us seen")
        )  # fmt: skip
    return found


def _update(connection: psycopg.Connection[Any], schema: str, column: str, value: Any) -> Case:
    first = connection.execute(f"SELECT min(id) FROM {schema}.lead WHERE unit_id = 7").fetchone()
    assert first is not None
    cursor = connection.cursor()
    statement = f"UPDATE {schema}.lead SET {column} = %s WHERE id = %s"

    def once() -> None:
        _COUNTER[0] += 1
        cursor.execute(statement, (value(_COUNTER[0]), first[0]), prepare=True)
        assert cursor.rowcount == 1

    return once
