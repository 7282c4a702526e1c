"""What is done to the protection is on record: deployments, keys, stages, definitions (G1, A4)."""

from __future__ import annotations

import psycopg
import pytest

from pgmask.runtime import install
from tests.harness import Database
from tests.reveal.site import Site

pytestmark = pytest.mark.requirement("G1", "G2")


def kinds(site: Site) -> list[tuple[str, str, str]]:
    rows = site.rows(
        "SELECT kind, object, detail ->> 'operation' FROM pgmask_audit.activity"
        " ORDER BY activity_id"
    )
    return [(kind, thing, operation) for kind, thing, operation in rows]


def test_deployments_and_keys(site: Site) -> None:
    found = kinds(site)
    assert ("deployment", "1", "insert") in found
    assert ("deployment", "1", "update") in found  # finished
    assert ("key", "1", "insert") in found
    assert ("command", "crm.customer", "insert") in found  # sealing begun
    site.root.execute("UPDATE pgmask_private.kek SET state = 'decrypt_only' WHERE kek_id = 1")
    assert site.rows(
        "SELECT login, detail ->> 'state', detail -> 'before' ->> 'state'"
        " FROM pgmask_audit.activity"
        " WHERE kind = 'key' ORDER BY activity_id DESC LIMIT 1"
    ) == [("postgres", "decrypt_only", "current")]


def test_no_secret_is_told(site: Site) -> None:
    (told,) = site.rows(
        "SELECT string_agg(detail::text, ' ') FROM pgmask_audit.activity WHERE kind = 'key'"
    )[0]
    for column in ("canary", "fingerprint", "wrapped"):
        assert column not in told


def test_rows_are_only_added_by_whomever(site: Site) -> None:
    for statement in (
        "UPDATE pgmask_audit.activity SET login = 'x'",
        "DELETE FROM pgmask_audit.activity",
        "TRUNCATE pgmask_audit.activity",
        "TRUNCATE pgmask_audit.activity_default",
        "UPDATE pgmask_audit.era SET reason = 'copy'",
        "SET session_replication_role = replica; DELETE FROM pgmask_audit.activity",
    ):
        with pytest.raises(psycopg.Error) as refused:
            site.root.execute(statement.encode())
        assert refused.value.sqlstate == "PM801", statement
    # The control: with the trigger taken away the superuser's statement goes through.
    site.root.execute("RESET session_replication_role")
    site.root.execute("ALTER TABLE pgmask_audit.activity DISABLE TRIGGER a_only_added")
    assert site.root.execute("DELETE FROM pgmask_audit.activity").rowcount > 0


@pytest.mark.requirement("A4", "C2")
def test_definitions_where_a_superuser_allows_it(site: Site) -> None:
    site.root.execute("SELECT pgmask_private.watch_definitions()")
    site.root.execute("ALTER TABLE crm_store.customer DISABLE TRIGGER zzz_pgmask_update")
    site.root.execute("GRANT SELECT ON crm_store.customer TO olga")
    site.root.execute("DROP POLICY pgmask_agent_select ON crm_store.customer")
    found = site.rows(
        "SELECT kind, object, detail ->> 'command' FROM pgmask_audit.activity"
        " WHERE kind IN ('definition', 'right') ORDER BY activity_id"
    )
    assert ("definition", "crm_store.customer", "ALTER TABLE") in found
    assert any(kind == "right" and command == "GRANT" for kind, _, command in found)
    assert any("pgmask_agent_select" in (thing or "") for _, thing, _ in found)


def test_nobody_but_a_superuser_can_watch(installed: Database) -> None:
    with pytest.raises(psycopg.Error) as refused:
        installed.run("SELECT pgmask_private.watch_definitions()")
    assert refused.value.sqlstate == "42501"


@pytest.mark.requirement("M2")
def test_partitions_are_there_and_nothing_is_refused_without_one(installed: Database) -> None:
    root = installed.superuser()
    months = root.execute(
        "SELECT count(*) FROM pg_inherits WHERE inhparent = 'pgmask_audit.activity'::regclass"
    ).fetchone()
    assert months == (8,)  # this month, six to come, the default one
    root.execute(
        "INSERT INTO pgmask_audit.activity (at, era_id, kind, login)"
        " VALUES (now() + interval '30 months', 1, 'command', 'x')"
    )
    assert root.execute("SELECT count(*) FROM pgmask_audit.activity_default").fetchone() == (1,)
    # The month's partition is made of the default one: no row moves, none is lost.
    made = root.execute("SELECT pgmask_private.ensure_partitions(30)").fetchone()
    assert made is not None
    assert made[0] >= 3 * 24
    assert root.execute("SELECT count(*) FROM pgmask_audit.activity_default").fetchone() == (0,)
    assert root.execute(
        "SELECT count(*) FROM pgmask_audit.activity WHERE at > now() + interval '29 months'"
    ).fetchone() == (1,)


def test_installing_again_changes_nothing(installed: Database) -> None:
    """But the database of the test is a copy of a template: that begins an era, once."""
    for _ in range(2):
        install(installed.dsn())
        assert installed.rows(
            "SELECT reason FROM pgmask_audit.era ORDER BY era_id", user="postgres"
        ) == [("install",), ("copy",)]
