"""What is recorded of changes, and how values show in it (G1, H2)."""

from __future__ import annotations

import pytest

from tests.audit.changes import mark, since
from tests.harness import Connection
from tests.reveal.site import Site

pytestmark = pytest.mark.requirement("G1", "H2")

NUMBER = "13900001234"


@pytest.fixture
def root(site: Site) -> Connection:
    return site.root


def stored(root: Connection, column: str, key: int = 1) -> str:
    row = root.execute(
        f"SELECT {column} FROM crm_store.customer WHERE id = %s".encode(), (key,)
    ).fetchone()
    assert row is not None
    return str(row[0])


def north(root: Connection) -> list[int]:
    """Customers that ann reaches."""
    rows = root.execute(
        "SELECT id FROM crm_store.customer WHERE unit_id = 'north' AND NOT pgmask_high_value"
        " ORDER BY id LIMIT 5"
    ).fetchall()
    return [r[0] for r in rows]


def test_an_update_is_recorded_with_who_and_what_changed(site: Site, root: Connection) -> None:
    at, key = mark(root), north(root)[0]
    with site.acting("ann", purpose="service") as app:
        app.execute("UPDATE crm.customer SET owner_id = 77 WHERE id = %s", (key,))
    (found,) = since(root, at)
    assert (found.operation, found.table, found.key, found.new_key) == (
        "update", "crm.customer", [str(key)], None,
    )  # fmt: skip
    assert found.subject == ("customer", str(key))
    assert set(found.before or {}) == set(found.after or {}) == {"owner_id"}
    assert found.after == {"owner_id": "77"}
    assert (found.profile, found.login) == ("agent", "app")
    assert found.person
    purpose = root.execute(
        "SELECT purpose, unit_id, grade IS NOT NULL, statement_at <= at FROM pgmask_audit.change"
        " ORDER BY change_id DESC LIMIT 1"
    ).fetchone()
    assert purpose == ("service", "north", True, True)


def test_levels_1_and_2_are_recorded_as_masks(site: Site, root: Connection) -> None:
    at, key = mark(root), north(root)[0]
    with site.acting("ann") as app:
        app.execute(
            "UPDATE crm.customer SET phone = %s, region = 'secretplace', salary = 4711,"
            " name = 'Schmidtke' WHERE id = %s",
            (NUMBER, key),
        )
    (found,) = since(root, at, "crm.customer")
    assert found.after is not None
    assert found.after["phone"] == stored(root, "phone", key), "the mask as it is stored"
    assert found.after["salary"] == "•", "a number cannot hold a mask"
    assert "*" in found.after["region"]
    assert "*" in found.after["name"]
    everything = root.execute("SELECT c::text FROM pgmask_audit.change AS c").fetchall()
    for plain in (NUMBER, "secretplace", "4711", "Schmidtke"):
        assert not any(plain in row[0].replace("•", "") for row in everything)


def test_a_sealed_value_that_changes_under_the_same_mask_is_recorded(
    site: Site, root: Connection
) -> None:
    key = north(root)[0]
    with site.acting("ann") as app:
        app.execute("UPDATE crm.customer SET phone = '13911111234' WHERE id = %s", (key,))
    at, before = mark(root), stored(root, "phone", key)
    with site.acting("ann") as app:
        app.execute("UPDATE crm.customer SET phone = '13922221234' WHERE id = %s", (key,))
    assert stored(root, "phone", key) == before
    (found,) = since(root, at, "crm.customer")
    assert found.after == {"phone": before, "pgmask_sealed": "•"}


def test_a_change_to_null_shows(site: Site, root: Connection) -> None:
    key = north(root)[0]
    with site.acting("ann") as app:
        app.execute("UPDATE crm.customer SET owner_id = 5, note = 'x' WHERE id = %s", (key,))
    at = mark(root)
    with site.acting("ann") as app:
        app.execute("UPDATE crm.customer SET owner_id = NULL, note = NULL WHERE id = %s", (key,))
    (found,) = since(root, at, "crm.customer")
    assert found.after == {"owner_id": None, "note": None}
    assert found.before is not None
    assert found.before["owner_id"] == "5"


def test_an_upsert_that_changes_nothing_is_the_record_of_the_row_it_read(
    site: Site, root: Connection
) -> None:
    at, key = mark(root), north(root)[0]
    with site.acting("ann") as app:
        seen = app.execute(
            "INSERT INTO crm.customer (id, unit_id, name, region) VALUES (%s, 'north', 'x', 'y')"
            " ON CONFLICT (id) DO UPDATE SET owner_id = customer.owner_id RETURNING region",
            (key,),
        ).fetchall()
    assert len(seen) == 1
    (found,) = since(root, at, "crm.customer")
    assert (found.operation, found.key, found.before, found.after) == (
        "update", [str(key)], {}, {},
    )  # fmt: skip


def test_insert_delete_copy_and_truncate(site: Site, root: Connection) -> None:
    at = mark(root)
    with site.acting("ann") as app:
        app.execute(
            "INSERT INTO crm.claim (claim_no, customer_id, status, due_on)"
            " SELECT 'n' || n, 1, 'open', '2026-05-01' FROM generate_series(1, 3) AS n"
        )
    inserted = since(root, at, "crm.claim")
    assert [(c.operation, c.key, c.subject) for c in inserted] == [
        ("insert", [f"n{n}"], ("customer", "1")) for n in (1, 2, 3)
    ]
    assert inserted[0].after == {
        "claim_no": "n1", "customer_id": "1", "status": "open", "due_on": "2026-05-01",
    }  # fmt: skip
    at = mark(root)
    with root.cursor().copy(
        "COPY crm_store.claim (claim_no, customer_id, status, due_on) FROM STDIN (FORMAT csv)"
    ) as c:
        c.write("c1,1,open,2026-05-01\nc2,2,open,2026-05-01\n")
    root.execute("DELETE FROM crm_store.claim WHERE claim_no = 'c1'")
    root.execute("TRUNCATE crm_store.claim")
    found = since(root, at, "crm.claim")
    assert [(c.operation, c.key) for c in found] == [
        ("insert", ["c1"]), ("insert", ["c2"]), ("delete", ["c1"]), ("truncate", None),
    ]  # fmt: skip
    assert found[2].before is not None
    assert found[2].before["status"] == "open"
    assert found[2].after is None
    assert found[2].login == "postgres"
    assert found[2].person is None


@pytest.mark.pg(">= 17")
def test_merge_through_a_view(site: Site, root: Connection) -> None:
    with site.acting("ann") as app:
        app.execute(
            "INSERT INTO crm.claim (claim_no, customer_id, status, due_on)"
            " VALUES ('m1', 1, 'open', '2026-05-01'), ('m2', 1, 'open', '2026-05-01')"
        )
    at = mark(root)
    with site.acting("ann") as app:
        app.execute(
            "MERGE INTO crm.claim AS t USING (VALUES ('m1'), ('m2'), ('m3')) AS s (no)"
            " ON t.claim_no = s.no"
            " WHEN MATCHED AND s.no = 'm1' THEN UPDATE SET status = 'closed'"
            " WHEN MATCHED THEN DELETE"
            " WHEN NOT MATCHED THEN INSERT (claim_no, customer_id, status, due_on)"
            " VALUES (s.no, 1, 'new', '2026-05-01')"
        )
    assert sorted((c.operation, c.key) for c in since(root, at, "crm.claim")) == [
        ("delete", ["m2"]), ("insert", ["m3"]), ("update", ["m1"]),
    ]  # fmt: skip


def test_a_cascade_is_recorded(site: Site, root: Connection) -> None:
    root.execute(
        "ALTER TABLE crm_store.claim DROP CONSTRAINT claim_customer_id_fkey,"
        " ADD FOREIGN KEY (customer_id) REFERENCES crm_store.customer ON DELETE CASCADE"
    )
    root.execute("INSERT INTO crm_store.customer (id, unit_id, name, region)"
                 " VALUES (900, 'north', 'N', 'r')")  # fmt: skip
    root.execute("INSERT INTO crm_store.claim VALUES ('k', 900, 'open', '2026-05-01')")
    at = mark(root)
    root.execute("DELETE FROM crm_store.customer WHERE id = 900")
    assert sorted((c.table, c.operation, c.key) for c in since(root, at)) == [
        ("crm.claim", "delete", ["k"]), ("crm.customer", "delete", ["900"]),
    ]  # fmt: skip


def test_partitions_are_recorded_once_however_they_are_named(site: Site, root: Connection) -> None:
    at = mark(root)
    for name in ("contact_log", "contact_log_h1"):
        root.execute(
            f"UPDATE crm_store.{name} SET purpose = 'p_{name[-2:]}'"
            " WHERE id = (SELECT min(id) FROM crm_store.contact_log_h1)".encode()
        )
    found = since(root, at)
    assert [(c.operation, c.table, (c.after or {}).get("purpose")) for c in found] == [
        ("update", "crm.contact_log", "p_og"), ("update", "crm.contact_log", "p_h1"),
    ]  # fmt: skip


def test_a_changed_key_and_a_row_that_moves_keep_their_pair(site: Site, root: Connection) -> None:
    (key, day) = root.execute(
        "SELECT id, at::text FROM crm_store.contact_log_h1 ORDER BY id LIMIT 1"
    ).fetchone() or (None, None)
    at = mark(root)
    root.execute(
        "UPDATE crm_store.contact_log SET at = '2026-09-09', purpose = 'moved' WHERE id = %s",
        (key,),
    )
    root.execute("UPDATE crm_store.claim SET claim_no = 'z' || claim_no")
    moved, *renamed = since(root, at)
    assert (moved.operation, moved.key, moved.new_key) == (
        "update", [str(key), day], [str(key), "2026-09-09"],
    )  # fmt: skip
    assert moved.after is not None
    assert moved.after.pop("pgmask_sealed") == "•", "sealed anew"
    assert moved.after == {"at": "2026-09-09", "purpose": "moved"}
    assert all((c.new_key or [""])[0] == f"z{(c.key or [''])[0]}" for c in renamed)


def test_a_row_swallowed_on_its_way_to_another_partition(site: Site, root: Connection) -> None:
    root.execute(
        "CREATE FUNCTION crm_store.swallow() RETURNS trigger LANGUAGE plpgsql"
        " AS $$ BEGIN RETURN CASE WHEN NEW.purpose = 'gone' THEN NULL ELSE NEW END; END $$"
    )
    root.execute("CREATE TRIGGER swallow BEFORE INSERT ON crm_store.contact_log_h2"
                 " FOR EACH ROW EXECUTE FUNCTION crm_store.swallow()")  # fmt: skip
    keys = [r[0] for r in root.execute(
        "SELECT id FROM crm_store.contact_log_h1 ORDER BY id LIMIT 2").fetchall()]  # fmt: skip
    at = mark(root)
    root.execute(
        "UPDATE crm_store.contact_log SET at = '2026-09-09',"
        " purpose = CASE WHEN id = %s THEN 'gone' ELSE 'kept' END WHERE id = ANY (%s)",
        (keys[0], keys),
    )
    found = since(root, at)
    assert sorted((c.operation, (c.key or [""])[0]) for c in found) == [
        ("delete", str(keys[0])), ("delete", str(keys[1])), ("insert", str(keys[1])),
    ]  # fmt: skip


def test_a_rollback_takes_the_record_with_the_change(site: Site, root: Connection) -> None:
    at, (key, other, *_) = mark(root), north(root)
    app = site.connect()
    app.execute("BEGIN")
    site.log_in(app, "ann")
    app.execute("UPDATE crm.customer SET owner_id = 1 WHERE id = %s", (key,))
    app.execute("SAVEPOINT s")
    app.execute("UPDATE crm.customer SET owner_id = 2 WHERE id = %s", (other,))
    app.execute("ROLLBACK TO s")
    app.execute("COMMIT")
    assert [c.key for c in since(root, at)] == [[str(key)]]


def test_sealing_anew_is_no_change_and_a_flag_is(site: Site, root: Connection) -> None:
    at, key = mark(root), north(root)[0]
    with site.database.connect(autocommit=True) as installer:
        installer.execute("SET ROLE pgmask_sealer")
        installer.execute("UPDATE crm_store.customer SET pgmask_quality = '{}'")
        assert since(root, at) == []
        installer.execute("UPDATE crm_store.customer SET owner_id = 9 WHERE id = %s", (key,))
    (found,) = since(root, at)
    assert found.after == {"owner_id": "9"}, "what the role changes beside it is recorded"
    at = mark(root)
    root.execute("UPDATE crm_store.customer SET card_grade = 'diamond' WHERE id = %s", (key,))
    (customer,) = since(root, at, "crm.customer")
    assert customer.after is not None
    assert customer.before is not None
    assert (customer.before["pgmask_high_value"], customer.after["pgmask_high_value"]) == (
        False, True,
    )  # fmt: skip
    policies = since(root, at, "crm.policy")
    assert policies
    assert all((c.after or {}).get("pgmask_high_value") is True for c in policies)
