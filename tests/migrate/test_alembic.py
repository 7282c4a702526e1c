"""Alembic itself over a protected database: it proposes nothing, and its revisions work."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from pgmask.integrations.alembic import include_object, prepare
from tests.harness import Database, Server
from tests.migrate.conftest import CASE
from tests.migrate.test_detach import view_of
from tests.spine.world import drift_of

pytestmark = pytest.mark.requirement("B7")
ENV = """
from alembic import context
from pgmask.integrations.alembic import include_object, prepare
attributes = context.config.attributes
engine = attributes["engine"]
if context.is_offline_mode():
    context.configure(dialect_name="postgresql", target_metadata=attributes["metadata"])
    with context.begin_transaction():
        context.run_migrations()
else:
    with engine.connect() as connection:
        if attributes.get("helped", True):
            prepare(connection)
        context.configure(
            connection=connection, target_metadata=attributes["metadata"],
            include_object=include_object if attributes.get("helped", True) else None,
            include_name=lambda name, kind, parents: not str(name).startswith("visit_20"),
        )
        with context.begin_transaction():
            context.run_migrations()
engine.dispose()
"""
REVISION = """
import sqlalchemy as sa
from alembic import op
from pgmask.integrations.alembic import pgmask_detached
revision = "a1"
down_revision = None
def upgrade():
    with pgmask_detached(op, "crm.customer"):
        op.alter_column("customer", "status", new_column_name="state", type_=sa.String(40))
        op.add_column("customer", sa.Column("region", sa.Text))
        op.execute("UPDATE customer SET region = 'x'")
    op.create_table("ref_new", sa.Column("id", sa.Integer, primary_key=True))
"""
TEMPLATE = """
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
def upgrade():
    ${upgrades if upgrades else "pass"}
def downgrade():
    pass
"""


@pytest.fixture
def place(sealed: Database) -> Database:
    """Olga migrates as the owner, with the path the application has; new tables go to crm."""
    with sealed.superuser() as su:
        su.execute(f"ALTER ROLE olga IN DATABASE {sealed.name} SET role = 'pgmask_store'".encode())
        su.execute(
            f"ALTER ROLE olga IN DATABASE {sealed.name} SET search_path = crm, public".encode()
        )
        su.execute("GRANT CREATE, USAGE ON SCHEMA crm, public TO pgmask_store")
    return sealed


@pytest.fixture
def model(server: Server) -> sa.MetaData:
    """What the application's models say: the schema as it was before pgmask."""
    found = sa.MetaData()
    with server.database() as raw:
        raw.run((CASE / "schema.sql").read_text("utf-8"))
        engine = engine_of(raw, "installer", "crm")
        with engine.connect() as connection:
            found.reflect(connection)
        engine.dispose()
    for table in [t for t in found.sorted_tables if t.name.startswith("visit_20")]:
        found.remove(table)
    return found


def engine_of(database: Database, user: str, path: str = "") -> sa.Engine:
    options = f" options='-c search_path={path}'" if path else ""
    dsn = database.dsn(user) + options
    return sa.create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(dsn), poolclass=sa.pool.NullPool
    )


class Alembic:
    """One Alembic environment on disk."""

    def __init__(self, folder: Path, database: Database, model: sa.MetaData) -> None:
        (folder / "versions").mkdir(parents=True)
        (folder / "env.py").write_text(ENV, "utf-8")
        (folder / "script.py.mako").write_text(TEMPLATE, "utf-8")
        self.folder = folder
        self.out = io.StringIO()
        self.config = Config(output_buffer=self.out, stdout=io.StringIO())
        self.config.set_main_option("script_location", str(folder))
        self.config.attributes |= {"metadata": model, "engine": engine_of(database, "olga")}


@pytest.fixture
def alembic(tmp_path: Path, place: Database, model: sa.MetaData) -> Alembic:
    return Alembic(tmp_path / "alembic", place, model)


def test_autogenerate_proposes_nothing(alembic: Alembic) -> None:
    command.check(alembic.config)
    made: Any = command.revision(alembic.config, autogenerate=True)
    assert "    pass" in Path(made.path).read_text("utf-8")
    assert "op." not in Path(made.path).read_text("utf-8")
    # The control: without the helper the same Alembic wants to drop or to make things.
    Path(made.path).unlink()
    alembic.config.attributes["helped"] = False
    with pytest.raises(CommandError, match="New upgrade operations detected"):
        command.check(alembic.config)


def test_a_real_change_of_the_model_is_proposed_and_nothing_else(alembic: Alembic) -> None:
    metadata: sa.MetaData = alembic.config.attributes["metadata"]
    metadata.tables["customer"].append_column(sa.Column("region", sa.Text))
    found: list[Any] = []
    script = ScriptDirectory.from_config(alembic.config)
    with alembic.config.attributes["engine"].connect() as connection:

        def compare(rev: object, migration: Any) -> list[Any]:
            del rev
            found.extend(compare_metadata(migration, metadata))
            return []

        with EnvironmentContext(alembic.config, script, fn=compare) as environment:
            prepare(connection)
            environment.configure(
                connection=connection, include_object=include_object, target_metadata=metadata,
                include_name=lambda name, kind, parents: not str(name).startswith("visit_20"),
            )  # fmt: skip
            environment.run_migrations()
    assert [(f[0], f[3].name) for f in found] == [("add_column", "region")]


def test_a_revision_detaches_and_attaches(alembic: Alembic, place: Database) -> None:
    (alembic.folder / "versions" / "a1.py").write_text(REVISION, "utf-8")
    command.upgrade(alembic.config, "head")
    columns = view_of(place, "crm.customer")["columns"]
    assert columns["state"] == "character varying(40)"
    assert "region" not in columns
    assert place.rows("SELECT to_regclass('crm.ref_new') IS NOT NULL", user="postgres")[0][0]
    assert all("ref_new" in d.object or "version" in d.object for d in drift_of(place))


def test_a_revision_that_fails_changes_nothing(alembic: Alembic, place: Database) -> None:
    broken = REVISION.replace("op.create_table", "op.execute('SELECT 1/0'); op.create_table")
    (alembic.folder / "versions" / "a1.py").write_text(broken, "utf-8")
    with pytest.raises(sa.exc.DataError):
        command.upgrade(alembic.config, "head")
    assert "status" in view_of(place, "crm.customer")["columns"]
    assert drift_of(place) == ()


def test_offline_writes_both_calls(alembic: Alembic) -> None:
    (alembic.folder / "versions" / "a1.py").write_text(REVISION, "utf-8")
    command.upgrade(alembic.config, "head", sql=True)
    text = alembic.out.getvalue()
    assert text.index("pgmask.detach('crm.customer')") < text.index("RENAME")
    assert text.index("RENAME") < text.index("pgmask.attach('crm.customer')")


def test_a_database_without_pgmask_takes_the_same_revision(
    server: Server, tmp_path: Path, model: sa.MetaData
) -> None:
    with server.database() as raw:
        raw.run((CASE / "schema.sql").read_text("utf-8"))
        other = Alembic(tmp_path / "other", raw, model)
        other.config.attributes["engine"] = engine_of(raw, "installer", "crm,public")
        (other.folder / "versions" / "a1.py").write_text(REVISION, "utf-8")
        command.upgrade(other.config, "head")
        assert "state" in view_of(raw, "crm.customer")["columns"]
