"""Migrations in Python: constants are read, and what is not seen is told, never passed over."""

from __future__ import annotations

from pathlib import Path

import pytest

from pgmask.verdict.sources import texts

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
