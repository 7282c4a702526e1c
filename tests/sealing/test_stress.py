"""Many sessions, few rows, masks that all collide, and a plaintext witness beside every truth."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter

import psycopg
import pytest

from tests.harness import Connection
from tests.sealing.conftest import SealedDatabase

HOT = 5
RETRY = ("40001", "40P01", "23505")


def _phone(chance: random.Random) -> str:
    """All masks are 138****5678."""
    return f"138{chance.randrange(10_000):04d}5678"


def _statement(chance: random.Random) -> tuple[str, tuple[object, ...]]:
    key, phone = chance.randrange(1, HOT + 1), _phone(chance)
    other = chance.randrange(1, HOT + 1)
    target = chance.choice(["(id)", "(customer_no)"])
    upsert = (
        "INSERT INTO crm.customer (id, customer_no, phone, note) VALUES (%s, %s, %s, %s)"
        f" ON CONFLICT {target} DO UPDATE SET "
    )
    values = (key, f"C{key}", phone, phone)
    return chance.choice(
        [
            (upsert + "phone = EXCLUDED.phone, note = EXCLUDED.note", values),
            (upsert + "(note, phone) = (EXCLUDED.note, EXCLUDED.phone)"
             " WHERE customer.phone IS DISTINCT FROM EXCLUDED.phone", values),
            (upsert + "n = customer.n + 1", values),
            (upsert + "phone = coalesce(customer.phone, EXCLUDED.phone),"
             " note = coalesce(customer.note, EXCLUDED.note)", values),
            ("UPDATE crm.customer SET phone = %s, note = %s WHERE id = %s", (phone, phone, key)),
            ("UPDATE crm.customer SET n = n + 1, phone = phone WHERE id IN (%s, %s)", (key, other)),
            ("UPDATE crm.customer SET phone = NULL, note = NULL WHERE id = %s", (key,)),
            ("INSERT INTO crm.customer (id, customer_no, phone, note) VALUES (%s, %s, %s, %s)"
             " ON CONFLICT DO NOTHING", values),
            ("DELETE FROM crm.customer WHERE id = %s", (key,)),
            ("SELECT FROM crm.customer WHERE id = %s FOR UPDATE", (key,)),
        ]
    )  # fmt: skip


def _session(
    crm: SealedDatabase, seed: int, end: float, seen: Counter[str], bad: list[str]
) -> None:
    chance = random.Random(seed)
    with psycopg.connect(crm.database.dsn("app"), autocommit=True) as app:
        while time.monotonic() < end:
            level = chance.choice(["READ COMMITTED", "READ COMMITTED", "REPEATABLE READ"])
            try:
                with app.transaction(force_rollback=chance.random() < 0.1):
                    app.execute(f"SET TRANSACTION ISOLATION LEVEL {level}".encode())
                    for _ in range(chance.randrange(1, 4)):
                        app.execute(*_encoded(_statement(chance)))
                        seen["statements"] += 1
            except psycopg.Error as error:
                seen[error.sqlstate or "none"] += 1
                if error.sqlstate not in RETRY:
                    bad.append(f"{error.sqlstate} {error}")


def _encoded(made: tuple[str, tuple[object, ...]]) -> tuple[bytes, tuple[object, ...]]:
    return made[0].encode(), made[1]


def _check(crm: SealedDatabase, root: Connection) -> tuple[int, list[str]]:
    """Every row of one snapshot: its truth is its witness."""
    rows = root.execute("SELECT c.id, c.note, c.pgmask_sealed FROM crm_store.customer c").fetchall()
    bad = []
    for key, witness, sealed in rows:
        truth = (
            crm.open("crm.customer", "own", [key], bytes(sealed), str(key)).get("phone")
            if sealed is not None else None
        )  # fmt: skip
        if truth != witness:
            bad.append(f"row {key}: truth and witness differ")
    return len(rows), bad


def _run(crm: SealedDatabase, seconds: float, sessions: int) -> Counter[str]:
    seen: Counter[str] = Counter()
    bad: list[str] = []
    crm.root.execute(f"ALTER DATABASE {crm.database.name} SET deadlock_timeout = '50ms'".encode())
    end = time.monotonic() + seconds
    threads = [
        threading.Thread(target=_session, args=(crm, 4711 + n, end, seen, bad))
        for n in range(sessions)
    ]
    for thread in threads:
        thread.start()
    while time.monotonic() < end:
        checked, wrong = _check(crm, crm.root)
        seen["checked"] += checked
        bad += wrong
        time.sleep(0.05)
    for thread in threads:
        thread.join()
    bad += _check(crm, crm.root)[1]
    assert bad == []
    assert crm.wrong() == []
    assert seen["statements"] > 10 * seconds
    assert seen["checked"] > 0
    return seen


@pytest.mark.requirement("F3")
def test_colliding_masks(crm: SealedDatabase) -> None:
    """Four sessions for three seconds: no wrong truth, no error but those a helper repeats."""
    _run(crm, 3.0, 4)


@pytest.mark.extra
@pytest.mark.requirement("F3")
def test_colliding_masks_for_long(crm: SealedDatabase) -> None:
    """Six sessions for a minute."""
    _run(crm, 60.0, 6)
