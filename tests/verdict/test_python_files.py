"""Migrations in Python: constants are read, and what is not seen is told, never passed over."""

from __future__ import annotations

from pathlib import Path

import pytest

from pgmask.facts.schema import Schema
from pgmask.verdict.scripts import judged
from pgmask.verdict.sources import texts
from pgmask.verdict.validator import Validator
from tests.verdict.world import insurer

pytestmark = pytest.mark.requirement("I1", "I2")

ALEMBIC = "from alembic import op\nimport sqlalchemy as sa\n\n"
DJANGO = "from django.db import migrations\n\nclass Migration(migrations.Migration):\n"
READ = {
    "execute": ALEMBIC + "def upgrade():\n    op.execute('SELECT 1')\n",
    "text": ALEMBIC + "def upgrade():\n    op.execute(sa.text('SELECT 1'))\n",
    "connection": ALEMBIC + "def upgrade():\n    op.get_bind().execute(sa.text('SELECT 1'))\n",
    "its driver": ALEMBIC + "def upgrade():\n    b = op.get_bind()\n"
    "    b.exec_driver_sql('SELECT 1')\n",
    "helper": ALEMBIC + "def helper():\n    op.execute('SELECT 1')\n\n\n"
    "def upgrade():\n    helper()\n",
    "alias": "from alembic import op as o\n\ndef upgrade():\n    o.execute('SELECT 1')\n",
    "RunSQL": DJANGO + "    operations = [migrations.RunSQL('SELECT 1')]\n",
    "RunSQL of a list": DJANGO + "    operations = [migrations.RunSQL(['SELECT 1'])]\n",
    "RunSQL by name": DJANGO + "    operations = [migrations.RunSQL(sql='SELECT 1')]\n",
}
COMPUTED = {
    "variable": ALEMBIC + "def upgrade():\n    b = op.get_bind()\n    b.execute(stmt)\n",
    "f-string": ALEMBIC + "def upgrade():\n    op.get_bind().execute(f'DROP TABLE {x}')\n",
    "operation": ALEMBIC + "def upgrade():\n    op.drop_table('x')\n",
    "another file": ALEMBIC + "from shop.helpers import run\n\ndef upgrade():\n    run()\n",
    "another module": ALEMBIC + "import shop\n\ndef upgrade():\n    shop.run()\n",
    "handed on": ALEMBIC + "def upgrade():\n    e = [op]\n    e[0].execute('SELECT 1')\n",
    "by its name": ALEMBIC + "def upgrade():\n    getattr(op, 'execute')('SELECT 1')\n",
    "computed in a helper": ALEMBIC + "def helper():\n    op.execute(x)\n\n\n"
    "def upgrade():\n    helper()\n",
    "RunPython": DJANGO + "    operations = [migrations.RunPython(forward)]\n",
    "AddField": DJANGO + "    operations = [migrations.AddField('a', 'b', c)]\n",
}
NOTHING = {
    "downgrade": ALEMBIC + "def upgrade():\n    pass\n\n\ndef downgrade():\n    op.execute(x)\n",
    "no migration": "def work(cursor):\n    cursor.execute('SELECT 1')\n",
    "an application of Django": "from django.db import connection\nimport shop\n\n\ndef work():\n"
    "    connection.cursor().execute(shop.sql())\n",
    "state only": DJANGO
    + "    operations = [migrations.SeparateDatabaseAndState(state_operations=["
    "migrations.AddField('a', 'b', c)])]\n",
    "noop": DJANGO + "    operations = [migrations.RunSQL(migrations.RunSQL.noop)]\n",
}


def found(folder: Path, source: str) -> list[tuple[str, str]]:
    file = folder / "0001_x.py"
    file.write_text(source, "utf-8")
    return [(one.text, one.computed) for one in texts(file)]


@pytest.mark.parametrize("way", READ)
def test_read(tmp_path: Path, way: str) -> None:
    assert found(tmp_path, READ[way]) == [("SELECT 1", "")]


@pytest.mark.parametrize("way", COMPUTED)
def test_computed(tmp_path: Path, way: str) -> None:
    assert any(computed for _, computed in found(tmp_path, COMPUTED[way]))


@pytest.mark.parametrize("way", NOTHING)
def test_nothing(tmp_path: Path, way: str) -> None:
    assert found(tmp_path, NOTHING[way]) == []


WINDOW = (
    "from alembic import op\nfrom pgmask.integrations.alembic import pgmask_detached\n\n\n"
    "def upgrade():\n"
    "    with pgmask_detached(op, 'crm.customer', 'crm.policy'):\n"
    "        op.execute('ALTER TABLE crm_store.customer ALTER postal_code TYPE varchar(12)')\n"
    "        op.execute('ALTER TABLE crm_store.policy ALTER relation TYPE varchar(12)')\n"
)


@pytest.fixture
def owner(schema: Schema) -> Validator:
    return Validator(schema, catalogue=insurer(), profile="agent", migration=True)


def denied(owner: Validator, folder: Path, source: str) -> list[tuple[str, int]]:
    file = folder / "0001_x.py"
    file.write_text(source, "utf-8")
    given = judged(owner, list(texts(file)))
    return [(f.code, f.line) for one in given for v in one.verdicts for f in v.findings]


def test_a_window_of_alembic_is_one(owner: Validator, tmp_path: Path) -> None:
    assert denied(owner, tmp_path, WINDOW) == []
    renamed = WINDOW.replace("import pgmask_detached", "import pgmask_detached as w")
    assert denied(owner, tmp_path, renamed.replace("with pgmask_detached", "with w")) == []
    after = f"{WINDOW}    op.execute('DROP TABLE crm_store.lead')\n"
    assert ("PM685", 9) in denied(owner, tmp_path, after)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("'crm.customer', 'crm.policy'", "*tables"),
        ("'crm.customer', 'crm.policy'", "'crm.lead'"),
        ("pgmask.integrations.alembic", "shop.helpers"),
        ("def upgrade():", "def pgmask_detached(*a):\n    pass\n\n\ndef upgrade():"),
        ("        op.execute", "        def run():\n            pass\n        op.execute"),
        ("        op.execute", "        with op.get_context().autocommit_block():\n"
         "            op.execute('SELECT 1')\n        op.execute"),
        ("    with pgmask_detached(op, 'crm.customer', 'crm.policy'):\n", "    if True:\n"),
    ],
)  # fmt: skip
def test_what_is_no_window_opens_none(owner: Validator, tmp_path: Path, old: str, new: str) -> None:
    assert "PM685" in {c for c, _ in denied(owner, tmp_path, WINDOW.replace(old, new, 1))}


def test_a_window_holds_only_what_stands_in_it(owner: Validator, tmp_path: Path) -> None:
    """A call that is only a text may be made or not: it opens nothing for other texts."""
    call = "op.execute(\"SELECT pgmask.detach('crm.customer')\")"
    text = WINDOW.replace(
        "    with pgmask_detached(op, 'crm.customer', 'crm.policy'):\n",
        f"    if some:\n        {call}\n    if more:\n",
    )
    assert ("PM685", 9) in denied(owner, tmp_path, text)
