"""Several files as one history, and the order in which a migration tool would run them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pgmask.catalogue import load
from pgmask.facts.schema import Schema
from pgmask.verdict.sources import order, texts
from pgmask.verdict.validator import Validator
from tests.spine.world import INSURER
from tests.verdict.world import codes, insurer

pytestmark = pytest.mark.requirement("I1", "A5")


@pytest.fixture
def owner(schema: Schema) -> Validator:
    return Validator(schema, catalogue=insurer(), profile="agent", migration=True)


def test_what_an_earlier_file_makes_is_known_to_later_ones(owner: Validator) -> None:
    one = "CREATE TABLE crm.ref_new (code text); -- 新\n"
    two = "\n\nINSERT INTO crm.ref_new (code) VALUES ('新')"
    made, used = owner.validate_all([one, two])
    assert codes(made) == codes(used) == []
    assert [v.lineage.line for v in used] == [3]
    assert used[0].lineage.text.startswith("INSERT")
    # Control: by itself the second file names what is not there.
    assert codes(owner.validate(two)) == ["PM601"]


def test_a_renamed_column_is_known_to_what_follows(owner: Validator) -> None:
    rename = "ALTER TABLE crm_store.customer RENAME COLUMN employer TO company;\n"
    use = "UPDATE crm_store.customer SET company = 'x' WHERE company = 'y';\n"
    opened, closed = "SELECT pgmask.detach('crm.customer');\n", "SELECT pgmask.attach_all();\n"
    assert codes(owner.validate(opened + rename + use + closed)) == []
    # Control: without the rename there is no such column.
    assert set(codes(owner.validate(opened + use + closed))) == {"PM602"}
    (found,) = [v for v in owner.validate(opened + rename + use + closed)
                if v.lineage.kind == "update"]  # fmt: skip
    assert found.lineage.writes[0].columns == ("employer",)


def test_what_the_catalogue_knows_by_its_new_name_is_not_followed(
    schema: Schema, tmp_path: Path
) -> None:
    """By its old name nobody would know that it is personal."""
    folder = Path(shutil.copytree(INSURER / "catalogue", tmp_path / "catalogue"))
    for file in folder.rglob("*.yml"):
        file.write_text(file.read_text("utf-8").replace("employer:", "company:"), "utf-8")
    asked = Validator(schema, catalogue=load(folder), profile="agent", migration=True)
    sql = (
        "SELECT pgmask.detach('crm.customer');\n"
        "ALTER TABLE crm_store.customer RENAME COLUMN employer TO company;\n"
        "INSERT INTO crm.ref_region SELECT '1', company FROM crm_store.customer;\n"
        "SELECT pgmask.attach_all();\n"
    )
    assert "PM614" in codes(asked.validate(sql))
    # Control: the catalogue of before knows it.
    before = Validator(schema, catalogue=insurer(), profile="agent", migration=True)
    assert codes(before.validate(sql)) == ["PM636"]


def test_in_a_window_a_bare_name_is_the_tables(owner: Validator) -> None:
    """The view is down: what stands behind it on the path is meant."""
    change = "ALTER TABLE customer ALTER COLUMN postal_code TYPE varchar(12);\n"
    use = "UPDATE customer SET postal_code = '430000';\n"
    opened, closed = "SELECT pgmask.detach_all();\n", "SELECT pgmask.attach_all();\n"
    assert codes(owner.validate(opened + change + use + closed)) == []
    found = owner.validate(opened + change + use)
    assert [r.schema for v in found for r in v.lineage.relations if r.name == "customer"] == [
        "crm_store"
    ] * 2
    # The view's own name is nobody's meanwhile, and its own again afterwards.
    view = "SELECT count(*) FROM crm.customer;\n"
    assert "PM601" in codes(owner.validate(opened + view + closed))
    assert "PM601" not in codes(owner.validate(opened + closed + view))
    # A table that is named at run time only is not known to be open.
    assert "PM685" in codes(owner.validate("SELECT pgmask.detach($1);\n" + change))


def test_places_are_those_of_the_own_file(owner: Validator) -> None:
    first = "SELECT 1;\n" * 7
    wrong = "-- two\n  ALTER TABLE crm.customer RENAME COLUMN sex TO gender;\n"
    _, found = owner.validate_all([first, wrong])
    (finding,) = [f for v in found for f in v.findings if f.code == "PM685"]
    assert (finding.line, finding.column) == (2, 15)
    assert finding.caret.splitlines()[0].startswith("  ALTER TABLE")


def test_a_window_and_a_comment_end_with_their_file(owner: Validator) -> None:
    change = "ALTER TABLE crm_store.customer ALTER COLUMN postal_code TYPE varchar(12);"
    left_open = f"SELECT pgmask.detach('crm.customer');\n{change}"
    allowed = f"{change} -- pgmask: allow PM685 by hand, in the maintenance window"
    one, two, three = owner.validate_all([left_open, change, allowed])
    assert codes(one) == ["PM686"]
    assert codes(two) == ["PM685"]
    assert codes(three) == []
    assert [f.code for v in three for f in v.suppressed] == ["PM685"]


def test_an_unfinished_string_swallows_no_other_file(owner: Validator) -> None:
    one, two = owner.validate_all(["SELECT 'open", "SELECT pg_read_file('x')"])
    assert codes(one) == ["PM600"]
    assert codes(two) == ["PM632"]


def test_flyways_order() -> None:
    names = ["R__views.sql", "V10__c.sql", "V2.1__b.sql", "V2__a.sql", "U2__a.sql", "000_first.sql"]
    assert sorted(names, key=order) == [
        "000_first.sql", "V2__a.sql", "V2.1__b.sql", "V10__c.sql", "R__views.sql", "U2__a.sql",
    ]  # fmt: skip


def test_sql_in_python(tmp_path: Path) -> None:
    (tmp_path / "0001_a.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\n\n\n"
        "def upgrade():\n    op.execute(sa.text('SELECT 1'))\n    op.execute('''\nSELECT 2''')\n"
        "    op.drop_column('customer', 'phone')\n    op.execute('SELECT ' + name)\n\n\n"
        "def downgrade():\n    op.execute('SELECT 3')\n"
    )
    (tmp_path / "env.py").write_text("print('SELECT 4')\n")
    (tmp_path / "0002_django.py").write_text("operations = [migrations.RunSQL('SELECT 5', '')]\n")
    found = [(Path(t.name).name, t.text.strip(), t.first_line, t.computed) for t in texts(tmp_path)]
    assert found == [
        ("0001_a.py", "SELECT 1", 6, ""),
        ("0001_a.py", "SELECT 2", 7, ""),
        ("0001_a.py", "", 9, "op.drop_column() becomes SQL at run time"),
        ("0001_a.py", "", 10, "this SQL is put together at run time"),
        ("0002_django.py", "SELECT 5", 1, ""),
    ]
