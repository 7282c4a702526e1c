"""What forced row-level security does to an owner's statements, and the window without it."""

from __future__ import annotations

import psycopg
import pytest

from tests.harness import Database
from tests.migrate.test_detach import attach, code
from tests.spine.world import drift_of

pytestmark = pytest.mark.requirement("B7")
ADD = (
    "ALTER TABLE crm_store.policy DROP CONSTRAINT policy_holder_id_fkey;"
    " ALTER TABLE crm_store.policy ADD CONSTRAINT again FOREIGN KEY (holder_id)"
    " REFERENCES crm_store.customer"
)


def both(database: Database) -> psycopg.Connection[tuple[object, ...]]:
    connection = database.connect("olga")
    connection.execute("SELECT pgmask.detach_all('{crm.customer,crm.policy,crm.nothing}')")
    return connection


def test_outside_a_window_the_owner_is_refused_loudly(flyway: Database) -> None:
    for statement in ("UPDATE crm_store.customer SET card_grade = 'x'", ADD):
        with flyway.connect("olga") as connection, pytest.raises(psycopg.Error) as error:
            connection.execute(statement.encode())
        assert code(error) == "PM220"


def test_a_valid_key_is_accepted_and_an_invalid_one_refused(flyway: Database) -> None:
    with both(flyway) as connection:
        connection.execute(ADD.encode())
        connection.execute("SELECT pgmask.attach_all()")
    assert drift_of(flyway) == ()
    connection = both(flyway)
    connection.execute("ALTER TABLE crm_store.policy DROP CONSTRAINT again")
    connection.execute("UPDATE crm_store.policy SET holder_id = 4711 WHERE id = 1")
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        connection.execute(ADD.replace("policy_holder_id_fkey", "again_").replace(
            "DROP CONSTRAINT again_", "DROP CONSTRAINT IF EXISTS again_").encode())  # fmt: skip


def test_pending_checks_of_deferred_keys_do_not_stand_in_the_way(flyway: Database) -> None:
    """As Django makes them: deferred, with changed rows pending when the window ends."""
    with both(flyway) as connection:
        connection.execute((ADD + " DEFERRABLE INITIALLY DEFERRED").encode())
        connection.execute("SELECT pgmask.attach_all()")
    with both(flyway) as connection:
        connection.execute(
            "UPDATE crm_store.policy SET holder_id = holder_id + 0, product = 'life'"
        )
        connection.execute("UPDATE crm_store.customer SET id = id WHERE id = 1")
        assert attach(connection, "crm.policy")
        assert attach(connection)
        # Deferred again: a key that is made right before COMMIT is no error.
        connection.execute("SELECT pgmask.detach('crm.policy')")
        connection.execute("UPDATE crm_store.policy SET holder_id = 4711 WHERE id = 1")
        connection.execute("UPDATE crm_store.policy SET holder_id = 1 WHERE id = 1")
        attach(connection, "crm.policy")
    assert drift_of(flyway) == ()
    connection = both(flyway)
    connection.execute("UPDATE crm_store.policy SET holder_id = 4711 WHERE id = 1")
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        attach(connection, "crm.policy")


def test_the_owners_update_passes_the_sealing_triggers(flyway: Database) -> None:
    """A level-2 value that the window writes gets its shadow like any other."""
    with both(flyway) as connection:
        connection.execute("UPDATE crm_store.customer SET remark = 'to be kept quiet' WHERE id = 1")
        row = connection.execute(
            "SELECT pgmask_shadow_remark FROM crm_store.customer WHERE id = 1"
        ).fetchone()
        connection.execute("SELECT pgmask.attach_all()")
    assert row is not None
    assert "*" in str(row[0])
