"""Migrations of the application over protected tables: windows, data migrations, new models."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, connections, migrations, models
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.migration import Migration
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import ProjectState

from pgmask.django.schema import names_in
from pgmask.integrations.acting import acting_as
from tests.django.site import LI, Site, truths
from tests.django.site import models as project_models

pytestmark = pytest.mark.requirement("B7")
DDL = "olga"


@pytest.fixture
def migrator(direct: Site) -> Iterator[Site]:
    """Django's ``ddl`` alias: a member of the stores' owner for the time of the test."""
    server = direct.database.server
    with server.admin() as su:
        su.execute(f"GRANT pgmask_store TO {DDL}".encode())
        su.execute(
            f'ALTER ROLE {DDL} IN DATABASE "{direct.database.name}" SET search_path = web, crm'
            .encode()
        )  # fmt: skip
    try:
        with direct.used(ddl=direct.settings(user=DDL, OPTIONS={})):
            yield direct
    finally:
        with server.admin() as su:
            su.execute(f"REVOKE pgmask_store FROM {DDL}".encode())


def state_of(*tables: str) -> ProjectState:
    """The project's state before a migration."""
    executor = MigrationExecutor(connections["default"])
    return executor.loader.project_state([("insurer", "0001_initial")])


def migrate(*operations: Any, atomic: bool = True) -> None:
    """Apply operations as one migration of the alias ``ddl``."""
    migration = Migration("0002_test", "insurer")
    migration.operations, migration.atomic = list(operations), atomic
    connection = connections["ddl"]
    with connection.schema_editor(atomic=atomic) as editor:
        migration.apply(state_of(), editor)


def columns(site: Site, view: str) -> dict[str, str]:
    return dict(
        site.database.rows(
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
            " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
            view,
            user="postgres",
        )
    )


def test_a_field_is_changed_under_the_views(
    migrator: Site, caplog: pytest.LogCaptureFixture
) -> None:
    before = truths(migrator, 41)
    with caplog.at_level(logging.WARNING, "pgmask.django"):
        migrate(
            migrations.AlterField(
                "customer", "postal_code", models.CharField(max_length=12, null=True)
            ),
            migrations.RenameField("customer", "status", "state"),
            migrations.AddField("customer", "region", models.CharField(max_length=6, null=True)),
        )
    assert columns(migrator, "crm.customer")["postal_code"] == "character varying(12)"
    assert "state" in columns(migrator, "crm.customer")
    assert "region" not in columns(migrator, "crm.customer")
    assert "region" in columns(migrator, "crm_store.customer")
    assert "crm.customer.region" in caplog.text
    assert "not classified" in caplog.text
    assert truths(migrator, 41) == before
    with acting_as(LI), connections["default"].cursor() as cursor:  # whose model is older now
        cursor.execute("SELECT phone FROM customer WHERE id = 41")
        assert cursor.fetchone() == ("139****2312",)


def test_what_the_sealing_names_is_for_pgmask_migrate(migrator: Site) -> None:
    wider = models.CharField(max_length=90, null=True)
    with pytest.raises(DatabaseError, match="pgmask migrate --catalogue"):
        migrate(migrations.AlterField("customer", "occupation", wider))
    with acting_as(LI):
        assert project_models().Customer.objects.count() == 2


def test_a_data_migration_sees_every_row(migrator: Site) -> None:
    done: list[int] = []

    def forwards(apps: Any, editor: Any) -> None:
        customers = apps.get_model("insurer", "Customer").objects.using(editor.connection.alias)
        done.append(customers.count())
        done.append(customers.filter(card_grade="standard").update(postal_code="000000"))

    migrate(migrations.RunPython(forwards, migrations.RunPython.noop))
    assert done == [4, 2]
    migrate(migrations.RunSQL("UPDATE customer SET postal_code = '111111'; SELECT 1"))
    with acting_as(LI):
        assert project_models().Customer.objects.filter(postal_code="111111").count() == 2


def test_a_failed_migration_leaves_the_views(migrator: Site) -> None:
    def fails(apps: Any, editor: Any) -> None:
        apps.get_model("insurer", "Customer").objects.using("ddl").update(postal_code="000000")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        migrate(migrations.RunPython(fails))
    with acting_as(LI):
        assert project_models().Customer.objects.exclude(postal_code="000000").count() == 2
    assert connections["ddl"].migration is None


def test_taking_off_a_protection_is_refused(migrator: Site) -> None:
    with pytest.raises(DatabaseError, match="protections of crm") as caught:
        migrate(
            migrations.RunSQL("ALTER TABLE customer DISABLE ROW LEVEL SECURITY"),
        )
    assert caught.value.__cause__.sqlstate == "PM213"
    connections["ddl"].close()
    with acting_as(LI):
        assert project_models().Customer.objects.count() == 2


def test_a_new_model_and_its_foreign_key_to_a_protected_table(migrator: Site) -> None:
    migrate(
        migrations.CreateModel(
            "Reminder",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("customer", models.ForeignKey("insurer.customer", models.CASCADE)),
                ("text", models.CharField(max_length=100)),
            ],
            options={"db_table": "web_reminder"},
        ),
        migrations.AddIndex("reminder", models.Index(fields=["text"], name="web_reminder_text")),
    )
    assert "customer_id" in columns(migrator, "web.web_reminder")
    (target,) = migrator.database.rows(
        "SELECT confrelid::regclass::text FROM pg_constraint"
        " WHERE conrelid = 'web.web_reminder'::regclass AND contype = 'f'",
        user="postgres",
    )
    assert target == ("crm_store.customer",)
    with migrator.database.connect(DDL) as connection:
        add = "INSERT INTO web.web_reminder (customer_id, text) VALUES (%s, 'x')"
        connection.execute(add, (41,))
        connection.commit()
        connection.execute(add, (999,))
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            connection.commit()


def test_a_constraint_is_found_and_changed(migrator: Site) -> None:
    rule = models.CheckConstraint(condition=~models.Q(status="gone"), name="customer_not_gone")
    migrate(migrations.AddConstraint("customer", rule))
    with acting_as(LI), pytest.raises(DatabaseError, match="customer_not_gone"):
        project_models().Customer.objects.filter(id=41).update(status="gone")
    # The unique constraint of customer_no was made by the insurer: its name is looked up.
    migrate(migrations.AlterField("customer", "customer_no", models.CharField(max_length=12)))
    (left,) = migrator.database.rows(
        "SELECT count(*) FROM pg_constraint WHERE conname = 'customer_customer_no_key'",
        user="postgres",
    )
    assert left == (0,)


def test_a_login_without_a_window_is_told_so(direct: Site) -> None:
    with direct.used(ddl=direct.settings(user=DDL, OPTIONS={})):
        with pytest.raises(DatabaseError, match="pgmask migrate open") as caught:
            migrate(migrations.RunSQL("ALTER TABLE crm.customer ADD region text"))
        assert caught.value.__cause__.sqlstate == "PM217"


def test_without_a_window_an_update_is_refused(migrator: Site) -> None:
    """The control: the same statement outside an atomic migration."""
    with pytest.raises(DatabaseError) as caught:
        migrate(migrations.RunSQL("UPDATE crm_store.customer SET postal_code = '1'"), atomic=False)
    assert caught.value.__cause__.sqlstate == "PM220"


def test_the_recorder_works_beside(migrator: Site) -> None:
    MigrationRecorder(connections["ddl"]).record_applied("insurer", "0001_initial")
    assert ("insurer", "0001_initial") in MigrationRecorder(connections["ddl"]).applied_migrations()


def test_names_are_read_from_a_statement() -> None:
    found = names_in(
        """ALTER TABLE "crm"."Customer" ADD x text DEFAULT 'policy'; -- claim
        UPDATE Lead SET a = $q$ bank_account $q$, "we""ird" = 1"""
    )
    assert {"crm", "Customer", "lead", 'we"ird'} <= found
    assert not found & {"policy", "claim", "bank_account", "customer"}
