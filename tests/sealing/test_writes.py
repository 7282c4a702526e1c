"""Plain writes through a view: sealed, masked, judged; a mask written back changes nothing."""

from __future__ import annotations

import psycopg
import pytest

from tests.sealing.conftest import SealedDatabase

PHONE = "13812345678"
ID_NO = "11010519491231002X"
FULL = {
    "name": "欧阳小明",
    "phone": PHONE,
    "id_no": ID_NO,
    "email": "zhangsan@example.com",
    "bank": "6222020000000000",
    "birth": "1949-12-31",
    "health": "asthma",
    "grade": None,
    "note": "n",
}
VIEW = "id, name, phone, id_no, email, bank, birth, health, grade, note"


def insert(crm: SealedDatabase, key: int = 1, **more: str | None) -> None:
    """A whole customer through the profile's view."""
    values = {**FULL, **more}
    crm.app.execute(
        f"INSERT INTO crm.customer (id, {', '.join(values)})"
        f" VALUES ({key}, {', '.join(['%s'] * len(values))})".encode(),
        tuple(values.values()),
    )


def refused(crm: SealedDatabase, statement: str, *values: object) -> psycopg.Error:
    """The error of a statement that must be refused; no value may stand in any of its fields."""
    with pytest.raises(psycopg.Error) as caught:
        crm.app.execute(statement.encode(), values or None)
    diag = caught.value.diag
    said = " ".join(
        str(getattr(diag, f) or "")
        for f in ("message_primary", "message_detail", "message_hint", "context", "internal_query")
    )
    for value in values:
        assert not (isinstance(value, str) and len(value) > 3 and value in said)
    return caught.value


@pytest.mark.requirement("B1", "F1")
def test_at_rest_and_returned(crm: SealedDatabase) -> None:
    """One statement seals, masks and returns the masks; the truth is in the bundle."""
    row = crm.app.execute(
        "INSERT INTO crm.customer (id, phone, id_no, email, bank) VALUES (1, %s, %s, %s, %s)"
        " RETURNING phone, id_no, email, bank",
        (PHONE, ID_NO, FULL["email"], FULL["bank"]),
    ).fetchone()
    assert row == ("138****5678", "1101051949********", "z***************.com", "************0000")
    assert crm.stored("phone, id_no, email, bank") == row
    assert crm.truth(1) == {
        "phone": PHONE, "id_no": ID_NO, "email": FULL["email"], "bank": FULL["bank"],
    }  # fmt: skip
    assert crm.wrong() == []


@pytest.mark.requirement("F3")
def test_whole_row_written_back(crm: SealedDatabase) -> None:
    """An ORM reads a row, changes a note and writes all columns: every truth stays."""
    for view in ("crm", "desk"):
        for grade in (None, "diamond"):
            crm.app.execute("DELETE FROM crm.customer")
            insert(crm, grade=grade)
            before = crm.truth(1)
            row = crm.app.execute(f"SELECT {VIEW} FROM {view}.customer".encode()).fetchone()
            assert row is not None
            crm.app.execute(
                f"UPDATE {view}.customer SET ({VIEW}) = ROW({', '.join(['%s'] * 10)})"
                " WHERE id = 1".encode(),
                (*row[:-1], "changed"),
            )
            assert crm.stored("note") == ("changed",)
            assert crm.truth(1) == before
            assert crm.wrong() == []


@pytest.mark.requirement("F3")
def test_nothing_sealed_changed_needs_no_key(crm: SealedDatabase) -> None:
    """Without a key a statement that leaves sealed columns alone works, another fails."""
    insert(crm)
    crm.root.execute("DELETE FROM pgmask_private.loaded_key")
    crm.app.execute(
        "UPDATE crm.customer SET note = 'x', phone = phone, id_no = '1101051949********'"
    )
    assert crm.stored("note") == ("x",)
    error = refused(crm, "UPDATE crm.customer SET phone = %s", "13912345678")
    assert error.sqlstate == "PM310"
    assert crm.stored("phone") == ("138****5678",)


@pytest.mark.requirement("F3", "B1")
@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("139****5678", "PM043"),
        ("1381234567*", "PM042"),
        ("138••••5678", "PM042"),
        ("*", "PM042"),
        ("***********", "PM042"),
    ],
)
def test_another_mask_is_refused(crm: SealedDatabase, value: str, code: str) -> None:
    """A masked value never becomes the truth; where it was the mask once, the code says reload."""
    insert(crm)
    assert refused(crm, "UPDATE crm.customer SET phone = %s", value).sqlstate == code
    error = refused(crm, "INSERT INTO crm.customer (id, phone) VALUES (2, %s)", value)
    assert error.sqlstate == "PM042"
    assert crm.truth(1)["phone"] == PHONE


@pytest.mark.requirement("F3")
def test_mask_of_another_row(crm: SealedDatabase) -> None:
    """INSERT .. SELECT of masks and UPDATE from another row's mask are refused."""
    insert(crm)
    crm.app.execute("INSERT INTO crm.customer (id, phone) VALUES (2, '13912340000')")
    assert refused(crm, "INSERT INTO crm.customer (id, phone) SELECT 3, phone FROM crm.customer"
                        " WHERE id = 1").sqlstate == "PM042"  # fmt: skip
    assert refused(crm, "UPDATE crm.customer a SET phone = b.phone FROM crm.customer b"
                        " WHERE a.id = 1 AND b.id = 2").sqlstate == "PM043"  # fmt: skip
    assert crm.truth(1)["phone"] == PHONE


@pytest.mark.requirement("B1")
def test_many_rows_at_once(crm: SealedDatabase) -> None:
    """Multi-row INSERT, INSERT .. SELECT, UPDATE .. FROM, DELETE .. RETURNING."""
    crm.app.execute(
        "INSERT INTO crm.customer (id, phone) SELECT i, '138' || lpad(i::text, 8, '0')"
        " FROM generate_series(1, 50) i"
    )
    crm.app.execute(
        "UPDATE crm.customer c SET phone = v.p FROM (VALUES (3, '13900000003'), (4, '13900000004'))"
        " v (i, p) WHERE c.id = v.i"
    )
    assert crm.truth(2)["phone"] == "13800000002"
    assert crm.truth(3)["phone"] == "13900000003"
    assert crm.app.execute("DELETE FROM crm.customer WHERE id = 3 RETURNING phone").fetchall() == [
        ("139****0003",)
    ]
    assert crm.wrong() == []


@pytest.mark.requirement("F4")
def test_refused_by_kind_and_check(crm: SealedDatabase) -> None:
    """An invalid identity number is refused, and so is what a CHECK of the table forbade."""
    assert refused(crm, "INSERT INTO crm.customer (id, id_no) VALUES (1, %s)",
                   "110105194912310021").sqlstate == "PM041"  # fmt: skip
    error = refused(crm, "INSERT INTO crm.customer (id, phone) VALUES (1, %s)", "1234")
    assert error.sqlstate == "PM041"
    assert "phone_length" in str(error)
    insert(crm)
    assert (
        refused(crm, "UPDATE crm.customer SET id_no = %s", "110105194912310021").sqlstate == "PM041"
    )
    assert refused(crm, "UPDATE crm.customer SET phone = %s", "1234").sqlstate == "PM041"
    assert crm.truth(1)["id_no"] == ID_NO


@pytest.mark.requirement("F4")
def test_quality_flags(crm: SealedDatabase) -> None:
    """What is only doubtful is stored and flagged; the flag goes when the value is mended."""
    insert(crm, phone="555-0123-9", bank="12345")
    assert crm.stored("pgmask_quality") == (["phone:form", "bank:form"],)
    crm.app.execute("UPDATE crm.customer SET phone = %s", (PHONE,))
    assert crm.stored("pgmask_quality") == (["bank:form"],)
    crm.app.execute("UPDATE crm.customer SET note = 'x'")
    assert crm.stored("pgmask_quality") == (["bank:form"],)
    crm.app.execute("UPDATE crm.customer SET bank = %s", ("4111111111111111",))
    assert crm.stored("pgmask_quality") == (None,)


@pytest.mark.requirement("F4")
def test_one_phone_for_many(crm: SealedDatabase) -> None:
    """The fourth customer with one number is flagged, whatever its form; a new number clears it."""
    forms = (PHONE, f"+86 {PHONE}", "138 1234 5678", PHONE, PHONE)
    for key, form in enumerate(forms, 1):
        crm.app.execute("INSERT INTO crm.customer (id, phone) VALUES (%s, %s)", (key, form))
    flags = [crm.stored("pgmask_quality", key)[0] for key in range(1, 6)]
    assert flags == [None, None, None, ["phone:shared"], ["phone:shared"]]
    crm.app.execute("UPDATE crm.customer SET note = 'x', email = 'ab@example.com' WHERE id = 4")
    assert crm.stored("pgmask_quality", 4) == (["phone:shared"],)
    crm.app.execute("UPDATE crm.customer SET phone = '13912340000' WHERE id = 4")
    assert crm.stored("pgmask_quality", 4) == (None,)
    crm.app.execute("UPDATE crm.customer SET phone = %s WHERE id = 4", (PHONE,))
    assert crm.stored("pgmask_quality", 4) == (["phone:shared"],)


@pytest.mark.requirement("B1", "B6")
def test_shadow_and_hidden_columns(crm: SealedDatabase) -> None:
    """A write through the masked shadow writes the column; one into a hidden column fails."""
    insert(crm)
    assert crm.app.execute("SELECT health, birth FROM desk.customer").fetchone() == ("******", None)
    assert refused(crm, "UPDATE desk.customer SET birth = %s", "1950-01-01").sqlstate == "PM044"
    assert refused(crm, "INSERT INTO desk.customer (id, birth) VALUES (2, %s)",
                   "1950-01-01").sqlstate == "PM044"  # fmt: skip
    assert refused(crm, "UPDATE desk.customer SET health = %s", "as****").sqlstate == "PM042"
    crm.app.execute("UPDATE desk.customer SET health = 'diabetes'")
    assert crm.stored("health, pgmask_shadow_health") == ("diabetes", "********")
    crm.app.execute("UPDATE crm.customer SET health = 'asthma'")
    assert crm.stored("health, pgmask_shadow_health") == ("asthma", "******")
    crm.app.execute("UPDATE desk.customer SET health = NULL")
    assert crm.stored("health, pgmask_shadow_health") == (None, None)
    crm.app.execute("INSERT INTO desk.customer (id, health) VALUES (7, 'flu')")
    assert crm.stored("health, pgmask_shadow_health", 7) == ("flu", "***")


@pytest.mark.requirement("D1", "D2", "D3")
def test_high_value(crm: SealedDatabase) -> None:
    """At the grade all level 2 is sealed in every table, the name shows the surname; falling below
    changes nothing; a released row is plain again.
    """
    insert(crm)
    insert(crm, 2, id_no=None)
    crm.app.execute(
        "INSERT INTO crm.policy (no, holder_id, insured_id, value, remark)"
        " VALUES ('p1', 1, 2, 'v', 'kept'), ('p2', 2, 1, 'v', 'insured')"
    )
    assert crm.stored("name, birth::text, health") == ("欧阳小明", "1949-12-31", "asthma")
    crm.app.execute("UPDATE crm.customer SET grade = 'diamond' WHERE id = 1")
    assert crm.stored("name, birth, health, pgmask_high_value") == ("欧阳**", None, "******", True)
    assert crm.truth(1)["name"] == "欧阳小明"
    assert crm.truth(1)["birth"] == "1949-12-31"
    rows = crm.root.execute(
        "SELECT no, remark, pgmask_high_value FROM crm_store.policy ORDER BY no"
    ).fetchall()
    assert rows == [("p1", "****", True), ("p2", "*******", True)]
    assert crm.wrong() == []
    # A new row of the subject is born sealed.
    crm.app.execute("INSERT INTO crm.policy (no, holder_id, remark) VALUES ('p3', 1, 'new')")
    assert crm.app.execute("SELECT remark FROM crm.policy WHERE no = 'p3'").fetchone() == ("***",)
    # Written values are sealed too, masks written back keep the truth.
    crm.app.execute("UPDATE crm.customer SET birth = '1950-01-01', name = name, health = 'cold'"
                    " WHERE id = 1")  # fmt: skip
    assert crm.truth(1)["birth"] == "1950-01-01"
    assert crm.truth(1)["health"] == "cold"
    assert crm.truth(1)["name"] == "欧阳小明"
    assert (
        refused(crm, "UPDATE crm.customer SET name = %s WHERE id = 1", "欧阳*").sqlstate == "PM042"
    )
    crm.app.execute("UPDATE crm.customer SET grade = 'silver'")
    assert crm.stored("name, pgmask_high_value") == ("欧阳**", True)
    crm.root.execute("UPDATE crm_store.customer SET pgmask_high_value = false")
    assert crm.stored("name, birth::text, health") == ("欧阳小明", "1950-01-01", "cold")
    assert crm.wrong() == []


@pytest.mark.requirement("D1")
def test_high_value_from_birth(crm: SealedDatabase) -> None:
    """A subject inserted at the grade; children whose subject has none are their own."""
    insert(crm, grade="black")
    assert crm.stored("name, birth, health") == ("欧阳**", None, "******")
    crm.app.execute("INSERT INTO crm.policy (no, value) VALUES ('p1', 'secret')")
    found = crm.root.execute(
        "SELECT subject_class FROM pgmask_private.data_key ORDER BY 1"
    ).fetchall()
    assert found == [("customer",), ("row:crm.policy",)]
    assert crm.wrong() == []


@pytest.mark.requirement("A6", "F1")
def test_two_persons_in_a_row(crm: SealedDatabase) -> None:
    """Each has a bundle under the own key; erasing one leaves the other readable and writable."""
    insert(crm)
    insert(crm, 2, id_no=None)
    crm.app.execute(
        "INSERT INTO crm.policy (no, holder_id, insured_id, value, insured_id_no, paid)"
        " VALUES ('p1', 1, 2, 'secret', %s, 12.50)", (ID_NO,))  # fmt: skip
    row = crm.root.execute(
        "SELECT pgmask_sealed, pgmask_sealed_insured_id, paid, insured_id_no FROM crm_store.policy"
    ).fetchone()
    assert row is not None
    assert row[2:] == (None, "1101051949********")
    key: list[int | str | bool | None] = ["p1", "2026-01-01T00:00:00+00"]
    assert crm.open("crm.policy", "holder_id", key, bytes(row[0]), "1") == {
        "value": "secret", "paid": "12.50"}  # fmt: skip
    assert crm.open("crm.policy", "insured_id", key, bytes(row[1]), "2") == {"insured_id_no": ID_NO}
    crm.root.execute("UPDATE pgmask_private.data_key SET state = 'erased', wrapped = NULL"
                     " WHERE subject_key = '2'")  # fmt: skip
    crm.app.execute(
        "UPDATE crm.policy SET value = 'other', note = 'x', insured_id_no = insured_id_no"
    )
    error = refused(crm, "UPDATE crm.policy SET insured_id_no = %s", ID_NO)
    assert error.sqlstate == "PM314"
    assert (
        refused(crm, "UPDATE crm.customer SET phone = %s WHERE id = 2", PHONE).sqlstate == "PM314"
    )
    row = crm.root.execute("SELECT pgmask_sealed FROM crm_store.policy").fetchone()
    assert row is not None
    assert crm.open("crm.policy", "holder_id", key, bytes(row[0]), "1")["value"] == "other"


@pytest.mark.requirement("A6", "F1")
def test_changed_key_and_subject(crm: SealedDatabase) -> None:
    """A row that moves to another key or person is sealed anew, children follow the cascade."""
    insert(crm)
    insert(crm, 2, id_no=None)
    crm.app.execute(
        "INSERT INTO crm.policy (no, holder_id, value, paid) VALUES ('p1', 1, 'secret', 7)"
    )
    crm.app.execute("UPDATE crm.customer SET id = 10 WHERE id = 1")
    assert crm.truth(10)["phone"] == PHONE
    assert crm.wrong() == []
    row = crm.root.execute("SELECT holder_id, pgmask_sealed FROM crm_store.policy").fetchone()
    assert row is not None
    assert row[0] == 10
    key: list[int | str | bool | None] = ["p1", "2026-01-01T00:00:00+00"]
    assert crm.open("crm.policy", "holder_id", key, bytes(row[1]), "10")["value"] == "secret"
    crm.app.execute("UPDATE crm.policy SET holder_id = 2, no = 'p9'")
    key[0] = "p9"
    row = crm.root.execute("SELECT pgmask_sealed FROM crm_store.policy").fetchone()
    assert row is not None
    assert crm.open("crm.policy", "holder_id", key, bytes(row[0]), "2")["value"] == "secret"
    assert crm.wrong() == []


@pytest.mark.requirement("B1", "F3")
def test_typed_column(crm: SealedDatabase) -> None:
    """A level-1 number is NULL at rest; NULL written back keeps it, a number is a new truth."""
    insert(crm)
    crm.app.execute("INSERT INTO crm.policy (no, holder_id, paid) VALUES ('p1', 1, 7)")
    assert crm.app.execute("SELECT paid FROM crm.policy").fetchone() == (None,)
    crm.app.execute("UPDATE crm.policy SET paid = NULL, note = 'x'")
    key: list[int | str | bool | None] = ["p1", "2026-01-01T00:00:00+00"]

    def paid() -> str:
        row = crm.root.execute("SELECT pgmask_sealed FROM crm_store.policy").fetchone()
        assert row is not None
        return crm.open("crm.policy", "holder_id", key, bytes(row[0]), "1")["paid"]

    assert paid() == "7.00"
    crm.app.execute("UPDATE crm.policy SET paid = 8.5")
    assert paid() == "8.50"
    crm.app.execute("INSERT INTO crm.policy (no, at, holder_id, paid) VALUES ('p1', DEFAULT, 1, 9)"
                    " ON CONFLICT (no, at) DO UPDATE SET paid = EXCLUDED.paid")  # fmt: skip
    assert paid() == "9.00"
    for zone in ("UTC", "Asia/Shanghai", "America/St_Johns"):
        crm.app.execute(f"SET TimeZone = '{zone}'; SET DateStyle = 'German'".encode())
        crm.app.execute("UPDATE crm.policy SET value = %s", (zone,))
    assert crm.wrong() == []


@pytest.mark.requirement("F4")
def test_unique_truth(crm: SealedDatabase) -> None:
    """Two rows of a unit cannot have one number, in whatever form it is written."""
    insert(crm)
    error = refused(crm, "INSERT INTO crm.customer (id, id_no) VALUES (2, %s)", ID_NO.lower())
    assert error.sqlstate == "23505"
    assert error.diag.constraint_name == "customer_id_no_key"
    assert not error.diag.message_detail
    crm.app.execute("INSERT INTO crm.customer (id, unit_id, id_no) VALUES (2, 2, %s)", (ID_NO,))
    assert crm.wrong() == []


@pytest.mark.requirement("B1", "F1")
def test_carried_rows(crm: SealedDatabase) -> None:
    """A row that brings its sealed value is opened, compared and kept; nothing else gets in."""
    insert(crm, 2, id_no=None)  # so that there is a data key for it
    crm.app.execute("DELETE FROM crm.customer")
    insert(crm, grade="diamond")
    crm.root.execute("CREATE TABLE saved AS SELECT * FROM crm_store.customer")
    crm.root.execute("DELETE FROM crm_store.customer")
    crm.root.execute("INSERT INTO crm_store.customer SELECT * FROM saved")
    assert crm.truth(1)["phone"] == PHONE
    assert crm.wrong() == []
    for change, code in (
        ("id = 2", "PM315"),
        ("phone = '139****5678'", "PM047"),
        ("phone = '13812345678'", "PM047"),
        ("birth = '1949-12-31'", "PM047"),
        ("pgmask_sealed = substr(pgmask_sealed, 1, 60)", "PM315"),
        ("pgmask_sealed = '\\x00'", "PM315"),
    ):
        crm.root.execute("DELETE FROM crm_store.customer")
        with crm.root.transaction(force_rollback=True):
            crm.root.execute(f"UPDATE saved SET {change}".encode())
            with pytest.raises(psycopg.Error) as caught, crm.root.transaction():
                crm.root.execute("INSERT INTO crm_store.customer SELECT * FROM saved")
        assert caught.value.sqlstate == code, change
    # A restore brings rows before keys: accepted on trust, found by verification.
    crm.root.execute("DELETE FROM pgmask_private.loaded_key")
    crm.root.execute("INSERT INTO crm_store.customer SELECT * FROM saved")
    assert crm.stored("phone") == ("138****5678",)
    assert crm.wrong() == [(1, "key:own")]


@pytest.mark.requirement("B1", "F1")
def test_the_check_is_the_promise(crm: SealedDatabase) -> None:
    """Without the trigger plain values are refused by the table; without the CHECK they are not."""
    insert(crm)
    crm.root.execute("ALTER TABLE crm_store.customer DISABLE TRIGGER USER")
    for column, value in (("phone", PHONE), ("id_no", ID_NO), ("email", "a@b.cn")):
        with pytest.raises(psycopg.errors.CheckViolation):
            crm.root.execute(f"UPDATE crm_store.customer SET {column} = %s".encode(), (value,))
        with pytest.raises(psycopg.errors.CheckViolation):
            crm.root.execute(
                f"INSERT INTO crm_store.customer (id, {column}) VALUES (5, %s)".encode(), (value,)
            )
    with pytest.raises(psycopg.errors.CheckViolation):
        crm.root.execute("UPDATE crm_store.customer SET pgmask_high_value = true")
    crm.root.execute("ALTER TABLE crm_store.customer DROP CONSTRAINT pgmask_mask_phone")
    crm.root.execute("UPDATE crm_store.customer SET phone = %s", (PHONE,))
    assert crm.stored("phone") == (PHONE,)


@pytest.mark.requirement("B1")
def test_always_also_in_replica_role(crm: SealedDatabase) -> None:
    """session_replication_role = replica does not switch sealing off; origin triggers it does."""
    states = crm.root.execute(
        "SELECT DISTINCT tgenabled FROM pg_trigger WHERE tgname LIKE 'zzz_pgmask%'"
    ).fetchall()
    assert states == [("A",)]
    crm.root.execute("SET session_replication_role = replica")
    crm.root.execute("INSERT INTO crm_store.customer (id, phone) VALUES (3, %s)", (PHONE,))
    assert crm.stored("phone", 3) == ("138****5678",)


@pytest.mark.requirement("B1")
def test_copy_into_the_store_is_refused(crm: SealedDatabase) -> None:
    """An application can COPY into neither store nor view."""
    for target in ("crm_store.customer", "crm.customer"):
        with (
            pytest.raises(psycopg.Error) as caught,
            crm.app.cursor().copy(f"COPY {target} (id, phone) FROM STDIN".encode()) as copy,
        ):
            copy.write_row((1, PHONE))
        assert caught.value.sqlstate in ("42501", "42809")


@pytest.mark.pg(">= 17")
@pytest.mark.requirement("F3")
def test_merge(crm: SealedDatabase) -> None:
    """MERGE through a view stores new truths and keeps old ones."""
    insert(crm)
    crm.app.execute(
        "MERGE INTO crm.customer c USING (VALUES (1, '13899995678'), (2, '13912340000')) v (i, p)"
        " ON c.id = v.i WHEN MATCHED THEN UPDATE SET phone = v.p"
        " WHEN NOT MATCHED THEN INSERT (id, phone) VALUES (v.i, v.p)"
    )
    assert crm.truth(1)["phone"] == "13899995678"
    assert crm.truth(2)["phone"] == "13912340000"
    crm.app.execute(
        "MERGE INTO crm.customer c USING (VALUES (1)) v (i) ON c.id = v.i"
        " WHEN MATCHED THEN UPDATE SET note = 'm', phone = c.phone"
    )
    assert crm.truth(1)["phone"] == "13899995678"
    assert crm.wrong() == []
