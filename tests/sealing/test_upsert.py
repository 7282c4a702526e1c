"""Upserts through a view store the new truth, and nothing else does (the trap of section F3)."""

from __future__ import annotations

import psycopg
import pytest

from tests.sealing.conftest import SealedDatabase

OLD = "13812345678"
COLLIDES = "13899995678"  # the same mask as OLD
OTHER = "13912340000"
HEAD = (
    "INSERT INTO crm.customer (id, customer_no, phone, note) VALUES (1, 'C1', %s, %s)"
    " ON CONFLICT (id) DO UPDATE SET "
)


@pytest.fixture
def one(crm: SealedDatabase) -> SealedDatabase:
    """One customer with a phone."""
    crm.app.execute(
        "INSERT INTO crm.customer (id, customer_no, phone, id_no, note)"
        " VALUES (1, 'C1', %s, '11010519491231002X', %s)",
        (OLD, OLD),
    )
    return crm


# (the SET clause, which of old and new the phone must be afterwards)
CASES = [
    ("phone = EXCLUDED.phone", "new"),
    ("phone = EXCLUDED.phone, note = EXCLUDED.note", "new"),
    ("note = EXCLUDED.note", "old"),
    ("phone = customer.phone", "old"),
    ("phone = coalesce(customer.phone, EXCLUDED.phone)", "old"),
    ("phone = coalesce(EXCLUDED.phone, customer.phone)", "new"),
    ("phone = CASE WHEN EXCLUDED.note <> '' THEN EXCLUDED.phone ELSE customer.phone END", "new"),
    ("phone = CASE WHEN EXCLUDED.note = '' THEN EXCLUDED.phone ELSE customer.phone END", "old"),
    ("phone = EXCLUDED.phone || ''", "new"),
    ("(phone, note) = (EXCLUDED.phone, EXCLUDED.note)", "new"),
    ("(phone, note) = (SELECT EXCLUDED.phone, 'x')", "new"),
    ("phone = EXCLUDED.phone WHERE customer.phone IS DISTINCT FROM EXCLUDED.phone", "new"),
    ("phone = EXCLUDED.phone WHERE customer.phone <> EXCLUDED.phone", "new"),
    ("phone = EXCLUDED.phone WHERE false", "old"),
    ("phone = EXCLUDED.phone WHERE customer.note IS NOT NULL", "new"),
    ("note = EXCLUDED.phone", "old"),
    ("email = EXCLUDED.email", "old"),
]


@pytest.mark.requirement("F3")
@pytest.mark.parametrize("new", [COLLIDES, OTHER, OLD], ids=["collides", "differs", "equal"])
@pytest.mark.parametrize(("clause", "which"), CASES)
def test_do_update(one: SealedDatabase, clause: str, which: str, new: str) -> None:
    """Every way to say it, with a mask that collides and one that does not."""
    one.app.execute((HEAD + clause).encode(), (new, new))
    assert one.truth(1)["phone"] == (new if which == "new" else OLD)
    phone, note = one.stored("phone, note")
    assert phone in ("138****5678", "139****0000")
    assert note != COLLIDES or "note = EXCLUDED.note" in clause or "note) =" in clause
    assert one.wrong() == []


@pytest.mark.requirement("F3")
def test_no_plain_value_reaches_another_column(one: SealedDatabase) -> None:
    """EXCLUDED is the mask of the proposed row, whatever a statement does with it."""
    one.app.execute((HEAD + "note = 'seen ' || EXCLUDED.phone").encode(), (COLLIDES, ""))
    assert one.stored("note") == ("seen 138••••5678",)
    one.app.execute((HEAD + "note = EXCLUDED.phone").encode(), (OTHER, ""))
    assert one.stored("note") == ("139****0000",)


@pytest.mark.requirement("F3")
@pytest.mark.parametrize("new", [COLLIDES, OTHER])
@pytest.mark.parametrize(
    ("columns", "values", "target"),
    [
        ("customer_no", "'C1'", "(customer_no)"),
        ("tag, active", "'vip', true", "(lower(tag)) WHERE active IS TRUE"),
        ("slot, n", "7, 200", "(slot) WHERE n > 100"),
        ("slot, n", "NULL, 200", "(slot) WHERE n > 100"),
        ("id, customer_no", "1, 'C1'", "(customer_no)"),
    ],
)
def test_other_conflict_targets(
    one: SealedDatabase, columns: str, values: str, target: str, new: str
) -> None:
    """Unique key, expression, partial index, NULLS NOT DISTINCT; the id from a sequence."""
    one.app.execute("UPDATE crm.customer SET tag = 'VIP', active = true, n = 101 WHERE id = 1")
    if "7" in values:
        one.app.execute("UPDATE crm.customer SET slot = 7 WHERE id = 1")
    one.root.execute("ALTER TABLE crm_store.customer ALTER id RESTART WITH 50")
    one.app.execute(
        f"INSERT INTO crm.customer ({columns}, phone) VALUES ({values}, %s)"
        f" ON CONFLICT {target} DO UPDATE SET phone = EXCLUDED.phone".encode(),
        (new,),
    )
    assert one.truth(1)["phone"] == new
    assert one.root.execute("SELECT count(*) FROM crm_store.customer").fetchone() == (1,)
    keys = one.root.execute("SELECT subject_key FROM pgmask_private.data_key").fetchall()
    assert keys == [("1",)]  # no data key for an id that never came to be
    assert one.wrong() == []


@pytest.mark.requirement("F3")
@pytest.mark.parametrize("target", ["(id)", "(customer_no)"])
def test_two_candidates(one: SealedDatabase, target: str) -> None:
    """The proposed row meets one row by id and another by number: each arbiter finds its own."""
    one.app.execute(
        "INSERT INTO crm.customer (id, customer_no, phone) VALUES (2, 'C2', '13899990000')"
    )
    one.app.execute(
        "INSERT INTO crm.customer (id, customer_no, phone) VALUES (1, 'C2', %s)"
        f" ON CONFLICT {target} DO UPDATE SET phone = EXCLUDED.phone".encode(),
        (COLLIDES,),
    )
    met = 1 if target == "(id)" else 2
    assert one.truth(met)["phone"] == COLLIDES
    assert one.truth(3 - met)["phone"] != COLLIDES
    assert one.wrong() == []


@pytest.mark.requirement("F3")
@pytest.mark.parametrize("target", ["", "(id)", "(customer_no)"])
def test_do_nothing(one: SealedDatabase, target: str) -> None:
    """Nothing happens, and no data key is left behind."""
    one.app.execute(
        "INSERT INTO crm.customer (id, customer_no, phone) VALUES (1, 'C1', %s)"
        f" ON CONFLICT {target} DO NOTHING".encode(), (OTHER,))  # fmt: skip
    one.root.execute("ALTER TABLE crm_store.customer ALTER id RESTART WITH 50")
    one.app.execute(
        "INSERT INTO crm.customer (customer_no, phone) VALUES ('C1', %s) ON CONFLICT DO NOTHING",
        (OTHER,))  # fmt: skip
    assert one.truth(1)["phone"] == OLD
    assert one.root.execute("SELECT subject_key FROM pgmask_private.data_key").fetchall() == [
        ("1",)
    ]


@pytest.mark.requirement("F3")
def test_several_rows(one: SealedDatabase) -> None:
    """Old and new rows mixed in one statement, colliding masks, in both orders."""
    for order in (1, -1):
        rows = [(1, COLLIDES), (2, OTHER), (3, OLD)][::order]
        values = ", ".join(f"({i}, '{p}')" for i, p in rows)
        one.app.execute(
            f"INSERT INTO crm.customer (id, phone) VALUES {values}"
            " ON CONFLICT (id) DO UPDATE SET phone = EXCLUDED.phone".encode()
        )
        assert [one.truth(i)["phone"] for i in (1, 2, 3)] == [COLLIDES, OTHER, OLD]
        one.app.execute("UPDATE crm.customer SET phone = %s WHERE id = 1", (OLD,))
    assert one.wrong() == []


@pytest.mark.requirement("F3")
def test_same_row_twice(one: SealedDatabase) -> None:
    """PostgreSQL's own refusal, and nothing written."""
    with pytest.raises(psycopg.errors.CardinalityViolation):
        one.app.execute(
            "INSERT INTO crm.customer (id, phone) VALUES (1, %s), (1, %s)"
            " ON CONFLICT (id) DO UPDATE SET phone = EXCLUDED.phone",
            (OTHER, COLLIDES),
        )
    assert one.truth(1)["phone"] == OLD


@pytest.mark.requirement("F3")
def test_two_in_one_transaction(one: SealedDatabase) -> None:
    """Upsert, upsert, plain update, insert then upsert, savepoint and rollback."""
    upsert = (HEAD + "phone = EXCLUDED.phone").encode()
    with one.app.transaction():
        one.app.execute(upsert, (COLLIDES, ""))
        one.app.execute(upsert, (OLD, ""))
        one.app.execute("UPDATE crm.customer SET note = 'x' WHERE id = 1")
        one.app.execute("INSERT INTO crm.customer (id, phone) VALUES (5, %s)", (OLD,))
        one.app.execute(
            "INSERT INTO crm.customer (id, phone) VALUES (5, %s)"
            " ON CONFLICT (id) DO UPDATE SET phone = EXCLUDED.phone", (COLLIDES,))  # fmt: skip
        with one.app.transaction(force_rollback=True):
            one.app.execute(upsert, (OTHER, ""))
        one.app.execute("UPDATE crm.customer SET note = 'y'")
    assert one.truth(1)["phone"] == OLD
    assert one.truth(5)["phone"] == COLLIDES
    assert one.wrong() == []


@pytest.mark.requirement("F3")
def test_null_both_ways(one: SealedDatabase) -> None:
    """A NULL or empty new value clears; a value fills; the blind index follows."""
    upsert = (HEAD + "phone = EXCLUDED.phone").encode()
    one.app.execute(upsert, (None, ""))
    assert "phone" not in one.truth(1)
    assert one.stored("phone, pgmask_bidx_phone") == (None, None)
    one.app.execute(upsert, (OLD, ""))
    assert one.truth(1)["phone"] == OLD
    one.app.execute(upsert, ("", ""))
    assert one.stored("phone, pgmask_bidx_phone") == ("", None)
    assert one.wrong() == []


@pytest.mark.requirement("F3")
def test_upsert_that_changes_the_key(one: SealedDatabase) -> None:
    """The row is sealed anew under its new key; the old data key is retired, not left active."""
    one.app.execute((HEAD + "id = 9, phone = EXCLUDED.phone").encode(), (COLLIDES, ""))
    assert one.truth(9)["phone"] == COLLIDES
    states = one.root.execute(
        "SELECT subject_key, state, successor FROM pgmask_private.data_key ORDER BY 1"
    ).fetchall()
    assert states == [("1", "retired", "9"), ("9", "active", None)]
    assert one.wrong() == []


@pytest.mark.requirement("F3")
def test_upsert_and_update_in_one_statement(one: SealedDatabase) -> None:
    """A data-modifying CTE updates other rows between the upsert's rows."""
    one.app.execute("INSERT INTO crm.customer (id, phone) VALUES (2, %s), (3, %s)", (OLD, OLD))
    one.app.execute(
        "WITH u AS (UPDATE crm.customer SET n = n + 1 WHERE id > 1 RETURNING id)"
        " INSERT INTO crm.customer (id, phone) SELECT id + 10, %s FROM u"
        " UNION ALL SELECT 1, %s FROM u WHERE id = 2"
        " ON CONFLICT (id) DO UPDATE SET phone = EXCLUDED.phone", (COLLIDES, COLLIDES))  # fmt: skip
    assert {i: one.truth(i)["phone"] for i in (1, 2, 3, 12, 13)} == {
        1: COLLIDES, 2: OLD, 3: OLD, 12: COLLIDES, 13: COLLIDES,
    }  # fmt: skip
    assert one.wrong() == []


@pytest.mark.requirement("F3", "D2")
def test_typed_and_shadowed_values(one: SealedDatabase) -> None:
    """A typed value has no glyph, a shadow has a mask: both are stored by an upsert."""
    one.app.execute("UPDATE crm.customer SET grade = 'diamond', birth = '1980-05-03',"
                    " health = 'asthma' WHERE id = 1")  # fmt: skip
    assert one.stored("birth, health") == (None, "******")
    one.app.execute(
        "INSERT INTO crm.customer (id, birth, grade, health)"
        " VALUES (1, '1981-01-01', 'diamond', 'cancer')"
        " ON CONFLICT (id) DO UPDATE SET birth = EXCLUDED.birth, health = EXCLUDED.health"
    )
    assert one.truth(1)["birth"] == "1981-01-01"
    assert one.truth(1)["health"] == "cancer"
    one.app.execute(
        "INSERT INTO desk.customer (id, health) VALUES (1, 'dental')"
        " ON CONFLICT (id) DO UPDATE SET health = EXCLUDED.health"
    )
    assert one.truth(1)["health"] == "dental"
    assert one.stored("birth, health, pgmask_shadow_health") == (None, "******", "******")
    assert one.wrong() == []


@pytest.mark.requirement("F3")
def test_row_hidden_by_policy(one: SealedDatabase) -> None:
    """An upsert on a row the profile may not see is refused, and changes nothing."""
    one.root.execute("UPDATE crm_store.customer SET unit_id = 9 WHERE id = 1")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        one.app.execute((HEAD + "phone = EXCLUDED.phone").encode(), (OTHER, ""))
    assert one.truth(1)["phone"] == OLD


@pytest.mark.requirement("F3")
def test_no_guess_by_comparing(one: SealedDatabase) -> None:
    """A right and a wrong guess with the same mask look alike in everything that comes back."""
    seen = []
    for guess in (OLD, COLLIDES):
        answers = []
        for clause in (
            "note = 'x' WHERE customer.phone = EXCLUDED.phone RETURNING phone, note",
            "note = 'x' WHERE customer.phone IS DISTINCT FROM EXCLUDED.phone RETURNING phone, note",
            "note = CASE WHEN customer.phone = EXCLUDED.phone THEN 'hit' ELSE 'miss' END"
            " RETURNING note",
        ):
            with one.app.transaction(force_rollback=True):
                answers.append(one.app.execute((HEAD + clause).encode(), (guess, "")).fetchall())
        for where in ("phone = %s", "phone LIKE %s"):
            answers.append(
                one.app.execute(
                    f"SELECT 1 FROM crm.customer WHERE {where}".encode(), (guess,)
                ).fetchall()
            )
        seen.append(answers)
    assert seen[0] == seen[1]
