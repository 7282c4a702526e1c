"""``pgmask revision``: run by Alembic, it makes what the plan makes, and takes it back."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config

from pgmask.plan.revision import revision
from tests.harness import Database
from tests.spine.world import catalogue_of, drift_of, dump, facts_of, fill, plan_of

pytestmark = pytest.mark.requirement("A4", "A5")

_ENV = """\
from alembic import context
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool
engine = create_engine("postgresql+psycopg://", creator=context.config.attributes["connect"],
                       poolclass=NullPool)
with engine.connect() as connection:
    context.configure(connection=connection, version_table="v", version_table_schema="public")
    with context.begin_transaction():
        context.run_migrations()
"""


def _alembic(folder: Path, database: Database, text: str) -> Config:
    import psycopg

    (folder / "versions").mkdir(parents=True)
    (folder / "env.py").write_text(_ENV)
    (folder / "script.py.mako").write_text("")
    (folder / "versions" / "r.py").write_text(text)
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.attributes["connect"] = lambda: psycopg.connect(database.dsn())
    return config


def test_the_first_revision_upgrades_and_refuses_to_go_back(
    installed: Database, tmp_path: Path
) -> None:
    fill(installed, "two_tables")
    catalogue = catalogue_of("two_tables")
    facts = facts_of(installed)
    text = revision(plan_of(installed, catalogue), facts, revision_id="r1", down=None, message="x")
    config = _alembic(tmp_path / "a", installed, text)
    command.upgrade(config, "head")
    views = installed.rows("SELECT count(*) FROM pg_views WHERE schemaname IN ('crm', 'analyst')")
    assert views == [(4,)]
    with pytest.raises(RuntimeError, match=r"place:crm_store\.customer"):
        command.downgrade(config, "base")


def test_a_later_revision_goes_there_and_back(adopted: Database, tmp_path: Path) -> None:
    before = dump(adopted)
    import dataclasses

    catalogue = catalogue_of("two_tables")
    wider = tuple(
        dataclasses.replace(p, column_forms=()) if p.name == "analyst" else p
        for p in catalogue.profiles
    )
    narrower = tuple(
        dataclasses.replace(p, operations=tuple((t, o[:1]) for t, o in p.operations))
        if p.name == "agent" and p.operations
        else p
        for p in wider
    )
    after = dataclasses.replace(catalogue, profiles=narrower)
    plan = plan_of(adopted, after)
    kinds = {o.kind for s in plan.steps for o in s.objects if o.action != "keep"}
    assert {"view", "grant"} <= kinds
    stuck = any("column:" in r or "trigger:" in r or "function:" in r
                for s in plan.steps for r in s.removed)  # fmt: skip
    text = revision(plan, facts_of(adopted), revision_id="r2", down=None, message='say "\\n"')
    compile(text, "r2.py", "exec")
    config = _alembic(tmp_path / "b", adopted, text)
    command.upgrade(config, "head")
    assert dump(adopted) != before
    assert drift_of(adopted) != ()
    if stuck:
        with pytest.raises(RuntimeError):
            command.downgrade(config, "base")
        return
    command.downgrade(config, "base")
    with adopted.superuser() as su:
        su.execute("DROP TABLE public.v")
    assert dump(adopted) == before
    assert drift_of(adopted) == ()
