"""Traps laid before pgmask comes: what it makes must not be somebody else's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from pgmask.errors import PgmaskError
from pgmask.keyfile import KeyFile
from pgmask.runtime import install
from tests.attack import place
from tests.harness import Database

_DEFAULTS = "ALTER DEFAULT PRIVILEGES FOR ROLE installer {} ON {} {} mallory"


def _trapped(database: Database, trap: str, step: Callable[[Database], object]) -> str:
    """The code with which the step is refused after the trap was laid by a superuser."""
    with database.superuser() as rex:
        rex.execute(trap.encode())
    with pytest.raises(PgmaskError) as caught:
        step(database)
    return caught.value.code


@pytest.mark.attack
@pytest.mark.requirement("B6", "F1")
@pytest.mark.parametrize(
    ("right", "kind"),
    [("EXECUTE", "FUNCTIONS"), ("SELECT", "TABLES"), ("USAGE", "SCHEMAS"), ("USAGE", "SEQUENCES")],
)
def test_default_privileges_stop_an_install(database: Database, right: str, kind: str) -> None:
    """The control: without them the same install goes through."""
    trap = _DEFAULTS.format(f"GRANT {right}", kind, "TO")
    assert _trapped(database, trap, lambda d: install(d.dsn())) == "PM026"
    with database.superuser() as rex:
        rex.execute(_DEFAULTS.format(f"REVOKE {right}", kind, "FROM").encode())
    assert install(database.dsn()).changed


@pytest.mark.attack
@pytest.mark.requirement("B6")
@pytest.mark.parametrize("where", ["", " IN SCHEMA crm"])
def test_default_privileges_stop_an_apply(database: Database, where: str) -> None:
    """The control: without them the views open to their profile's role and nobody else."""
    place.make_schema(database)
    install(database.dsn())
    place.fill_register(database)
    grant = f"ALTER DEFAULT PRIVILEGES FOR ROLE installer{where} GRANT SELECT ON TABLES TO mallory"
    assert _trapped(database, grant, place.protect) == "PM236"
    with database.superuser() as rex:
        rex.execute(grant.replace("GRANT", "REVOKE").replace(" TO ", " FROM ").encode())
    place.protect(database)
    assert (
        database.rows(
            "SELECT c.oid::regclass::text FROM pg_class AS c WHERE c.relkind = 'v'"
            " AND c.relnamespace = 'crm'::regnamespace"
            " AND has_table_privilege('mallory', c.oid, 'SELECT')"
        )
        == []
    )


@pytest.mark.attack
@pytest.mark.requirement("B6")
def test_a_planted_schema_is_not_used(database: Database) -> None:
    """Its owner could drop and replace the views. The control: without it all is made."""
    place.make_schema(database)
    install(database.dsn())
    place.fill_register(database)
    trap = "CREATE SCHEMA analyst AUTHORIZATION mallory"
    assert _trapped(database, trap, place.protect) == "PM242"
    with database.superuser() as rex:
        rex.execute("DROP SCHEMA analyst")
    place.protect(database)
    with (
        psycopg.connect(database.dsn("mallory")) as mallory,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        mallory.execute("DROP VIEW analyst.customer")


@pytest.mark.attack
@pytest.mark.pg(">= 16")
@pytest.mark.requirement("C3")
def test_a_planted_role_is_not_used(database: Database, tmp_path: Path) -> None:
    """Whoever made the view owner beforehand would be its administrator."""
    place.make_schema(database)
    install(database.dsn())
    place.fill_register(database)
    # A profile that no other test has, because roles belong to the whole cluster.
    text = (place.FIXTURES / "catalogue.yml").read_text("utf-8").replace("vip:", "planted:")
    path = tmp_path / "pgmask.yml"
    path.write_text(text, "utf-8")
    trap = "CREATE ROLE pgmask_planted_views NOLOGIN"
    assert _trapped(database, trap, lambda d: place.protect(d, path)) == "PM242"
    with database.superuser() as rex:
        rex.execute("DROP ROLE pgmask_planted_views")
    place.protect(database, path)


@pytest.mark.attack
@pytest.mark.requirement("F1")
def test_masks_of_an_anonymous_dump_become_truths(database: Database) -> None:
    """A limit: seal cannot know a mask from a value of old times; the control is a true value."""
    place.make_schema(database)
    with database.superuser() as rex:
        rex.execute("UPDATE crm.customer SET phone = '139****5678' WHERE id = 1")
    install(database.dsn())
    place.fill_register(database)
    place.register_key(database, KeyFile.new(1))
    place.protect(database)
    place.seal(database)
    rows = database.rows(
        "SELECT phone, pgmask_sealed IS NOT NULL FROM crm_store.customer WHERE id < 3 ORDER BY id",
        user="postgres",
    )
    assert rows == [("***********", True), ("137****4321", True)]
