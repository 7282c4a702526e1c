"""Changes are on record inside a migration's window and after it, whatever columns became (G1)."""

from __future__ import annotations

import psycopg
import pytest

from tests.audit.changes import mark, since
from tests.audit.site import notes, noting_on
from tests.harness import Database
from tests.migrate.test_detach import attach, detached
from tests.spine.world import applied, catalogue_of, drift_of, plan_of

pytestmark = pytest.mark.requirement("G1", "B7")
STORE = "crm_store.customer"


def test_columns_that_go_come_and_change_their_name(flyway: Database) -> None:
    root = flyway.superuser()
    at = mark(root)
    with detached(flyway) as connection:
        for ddl in ("RENAME card_grade TO grade", "ADD region text", "DROP owner_id"):
            connection.execute(f"ALTER TABLE {STORE} {ddl}".encode())
        connection.execute(f"UPDATE {STORE} SET region = 'x', grade = 'g' WHERE id = 1".encode())
        said = attach(connection)
    assert "CHANGES RECORDED WITHOUT VALUES" in said["crm.customer"]
    (inside,) = since(root, at, "crm.customer")
    assert (inside.key, inside.after, inside.login) == (
        ["1"], {"grade": "•", "region": "•"}, "olga",
    )  # fmt: skip
    assert drift_of(flyway) == ()
    at = mark(root)
    root.execute(f"UPDATE {STORE} SET region = 'y', name = 'Z' WHERE id = 2".encode())
    root.execute(f"INSERT INTO {STORE} (id, unit_id, name) VALUES (7001, 1, 'N')".encode())
    root.execute(f"UPDATE {STORE} SET id = 7002 WHERE id = 7001".encode())
    root.execute(f"DELETE FROM {STORE} WHERE id = 7002".encode())
    update, insert, key, delete = since(root, at, "crm.customer")
    assert (update.key, update.new_key) == (["2"], None)
    assert update.after == {"region": "•", "name": "•"}
    assert (key.key, key.new_key) == (["7001"], ["7002"])
    assert (delete.operation, delete.key) == ("delete", ["7002"])
    assert delete.before is not None
    assert set(delete.before) >= {"grade", "region", "name"}
    assert set(delete.before.values()) == {"•"}
    assert (insert.operation, insert.key) == ("insert", ["7001"])


def test_where_no_column_changed_values_are_recorded_again(flyway: Database) -> None:
    root = flyway.superuser()
    with detached(flyway) as connection:
        connection.execute(f"CREATE INDEX ON {STORE} (unit_id)".encode())
        said = attach(connection)
    assert "WITHOUT VALUES" not in said["crm.customer"]
    assert drift_of(flyway) == ()
    at = mark(root)
    root.execute(f"UPDATE {STORE} SET card_grade = 'g' WHERE id = 1".encode())
    (found,) = since(root, at, "crm.customer")
    assert found.after == {"card_grade": "g"}


def test_the_next_apply_brings_values_back(flyway: Database) -> None:
    root = flyway.superuser()
    with detached(flyway) as connection:
        connection.execute(f"ALTER TABLE {STORE} ADD region text".encode())
        attach(connection)
    root.execute(f"ALTER TABLE {STORE} DROP region".encode())
    catalogue = catalogue_of("two_tables")
    plan = plan_of(flyway, catalogue)
    objects = [st.object for s in plan.steps for st in s.statements]
    assert any("zzz_pgmask_change_update" in str(o) for o in objects)
    applied(flyway, plan)
    assert drift_of(flyway, catalogue) == ()
    at = mark(root)
    root.execute(f"UPDATE {STORE} SET card_grade = 'g' WHERE id = 1".encode())
    (found,) = since(root, at, "crm.customer")
    assert found.after == {"card_grade": "g"}


def test_a_partition_made_in_a_window_is_recorded_by_its_own_name(sealed: Database) -> None:
    root = sealed.superuser()
    (parent, bound) = root.execute(
        "SELECT h.inhparent::regclass::text, pg_get_expr(c.relpartbound, c.oid)"
        "  FROM pg_inherits AS h JOIN pg_class AS c ON c.oid = h.inhrelid"
        "  JOIN pgmask_private.store_table AS s"
        "    ON to_regclass(format('%I.%I', s.schema_name, s.table_name)) = h.inhparent"
        " WHERE c.relispartition ORDER BY 1, 2 LIMIT 1"
    ).fetchone() or ("", "")
    assert "FROM" in bound or "IN" in bound
    table = root.execute(
        "SELECT table_id FROM pgmask_private.store_table AS s"
        " WHERE to_regclass(format('%%I.%%I', s.schema_name, s.table_name)) = %s::regclass",
        (parent,),
    ).fetchone()
    assert table is not None
    with sealed.connect("olga") as connection:
        connection.execute("SELECT pgmask.detach(%s)", (table[0],))
        connection.execute("SET ROLE pgmask_store")
        connection.execute(f"CREATE TABLE crm_store.fresh PARTITION OF {parent} DEFAULT".encode())
        connection.execute("RESET ROLE")
        attach(connection, table[0])
    assert drift_of(sealed) == ()
    functions = root.execute(
        "SELECT DISTINCT tgfoid::regprocedure::text, tgenabled FROM pg_trigger"
        " WHERE tgrelid = 'crm_store.fresh'::regclass AND tgname LIKE 'zzz\\_pgmask\\_change\\_%'"
    ).fetchall()
    assert functions == [(f'pgmask_private."change_{table[0]}"()', "A")]


SILENCED = {
    "switched off and on": (
        "ALTER TABLE {0} DISABLE TRIGGER zzz_pgmask_change_update",
        "UPDATE {0} SET card_grade = 'x'",
        "ALTER TABLE {0} ENABLE ALWAYS TRIGGER zzz_pgmask_change_update",
    ),
    "dropped": ("DROP TRIGGER zzz_pgmask_change_update ON {0}", "UPDATE {0} SET card_grade = 'x'"),
    "sealing switched off and on": (
        "ALTER TABLE {0} DISABLE TRIGGER zzz_pgmask_update",
        "ALTER TABLE {0} ENABLE ALWAYS TRIGGER zzz_pgmask_update",
    ),
}


@pytest.mark.attack
@pytest.mark.parametrize("statements", SILENCED.values(), ids=SILENCED)
def test_a_trigger_that_was_silent_for_a_moment_is_refused(
    flyway: Database, statements: tuple[str, ...]
) -> None:
    connection = detached(flyway)
    for statement in statements:
        connection.execute(statement.format(STORE).encode())
    with pytest.raises(psycopg.Error) as error:
        attach(connection)
    assert error.value.sqlstate == "PM213"
    assert "zzz_pgmask" in (error.value.diag.message_detail or "")
    connection.rollback()


def test_control_without_the_marks_nobody_would_know(flyway: Database) -> None:
    root = flyway.superuser()
    root.execute(
        "CREATE OR REPLACE FUNCTION pgmask_private.refuse_silenced("
        "p_table_id text, p_marks jsonb, p_members oid[])"
        " RETURNS void LANGUAGE sql AS ''"
    )
    at = mark(root)
    with detached(flyway) as connection:
        for statement in SILENCED["switched off and on"]:
            connection.execute(statement.format(STORE).encode())
        attach(connection)
    assert since(root, at, "crm.customer") == []


def test_a_window_is_on_record_and_what_it_wrote_anew(flyway: Database) -> None:
    root = flyway.superuser()
    with detached(flyway) as connection:
        connection.execute(f"ALTER TABLE {STORE} ALTER owner_id TYPE bigint USING 7".encode())
        attach(connection)
    with detached(flyway) as connection:
        attach(connection)
    rows = root.execute(
        "SELECT login, object, detail -> 'rewritten' FROM pgmask_audit.activity"
        " WHERE kind = 'migration' ORDER BY activity_id"
    ).fetchall()
    assert rows == [("olga", "crm.customer", [STORE]), ("olga", "crm.customer", [])]


def test_a_window_is_noted_whatever_becomes_of_it(flyway: Database) -> None:
    """Inside, its login reads every row of the store: masks, and what is plain."""
    with noting_on(flyway.superuser()) as root:
        connection = detached(flyway)
        connection.execute("SET LOCAL ROLE pgmask_store")
        assert connection.execute(f"SELECT * FROM {STORE}".encode()).fetchall()
        connection.rollback()
        said = notes(root)
    assert [(n.kind, n.table, n.login, n.detail) for n in said] == [
        ("migration", "crm.customer", "olga", "detached")
    ]
