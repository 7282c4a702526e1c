"""Migrations of Flyway: each is judged between the callbacks that Flyway runs around it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pgmask.catalogue import load
from pgmask.verdict.model import Verdict
from pgmask.verdict.scripts import judged
from pgmask.verdict.sources import texts
from pgmask.verdict.validator import Validator
from tests.harness import Database, Server
from tests.spine.world import CORPUS
from tests.verdict.world import snapshot

pytestmark = pytest.mark.requirement("I1", "A5", "B7")

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "flyway"
CASE = CORPUS / "two_tables"


def _fill(database: Database) -> None:
    database.run((CASE / "schema.sql").read_text("utf-8"))


@pytest.fixture
def owner(server: Server, tmp_path: Path) -> Validator:
    """Over the tables of the example, with a catalogue that names the column to come."""
    text = (CASE / "catalogue.yml").read_text("utf-8")
    file = tmp_path / "catalogue.yml"
    file.write_text(text.replace("level_3: [id, ", "level_3: [grade, id, ", 1), "utf-8")
    with server.database(template=server.template("verdict_two_tables", _fill)) as made:
        schema = snapshot(made)
    return Validator(schema, catalogue=load(file), profile="agent", migration=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLE / "sql", tmp_path / "sql"))


def ask(owner: Validator, folder: Path) -> dict[str, list[Verdict]]:
    found: dict[str, list[Verdict]] = {}
    for one in judged(owner, list(texts(folder))):
        found.setdefault(Path(one.file).name, []).extend(one.verdicts)
    return found


def told(found: dict[str, list[Verdict]]) -> list[tuple[str, str, int]]:
    """File, code and line of what is denied."""
    return [
        (name, f.code, f.line) for name, some in found.items() for v in some for f in v.findings
        if f.severity.value == "deny"
    ]  # fmt: skip


def test_the_example_is_allowed(owner: Validator) -> None:
    found = ask(owner, EXAMPLE)
    assert told(found) == []
    assert {name: len(v) for name, v in found.items()} == {
        "V2__customer_grade.sql": 3, "beforeEachMigrate.sql": 1, "afterEachMigrate.sql": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("gone", "denied"),
    [("beforeEachMigrate.sql", ("PM685", 2)), ("afterEachMigrate.sql", ("PM686", 3))],
)
def test_without_a_callback_it_is_denied(
    owner: Validator, folder: Path, gone: str, denied: tuple[str, int]
) -> None:
    (folder / gone).unlink()
    assert ("V2__customer_grade.sql", *denied) in told(ask(owner, folder))


def test_a_callback_counts_for_its_own_folder_and_below_the_one_that_is_named(
    owner: Validator, folder: Path
) -> None:
    change = "ALTER TABLE customer ALTER city TYPE varchar(40);\n"
    for place in ("more/V3__city.sql", "more/R__city.sql", "../other/V1__city.sql"):
        file = folder / place
        file.parent.mkdir(exist_ok=True)
        file.write_text(change, "utf-8")
    assert told(ask(owner, folder)) == []
    # Named by itself, a file has the callbacks beside it; another project's are none of its own.
    assert told(ask(owner, folder / "V2__customer_grade.sql")) == []
    alone = told(ask(owner, folder / "more"))
    assert ("V3__city.sql", "PM685", 1) in alone
    assert ("R__city.sql", "PM685", 1) in alone
    assert [t[:2] for t in told(ask(owner, folder.parent)) if t[0] == "V1__city.sql"] == [
        ("V1__city.sql", "PM685")
    ]


def test_callbacks_of_one_event_run_in_the_order_of_their_names(
    owner: Validator, folder: Path
) -> None:
    (folder / "beforeEachMigrate.sql").rename(folder / "beforeEachMigrate__1_detach.sql")
    second = folder / "beforeEachMigrate__2_more.sql"
    second.write_text("ALTER TABLE customer ALTER city TYPE varchar(40);", "utf-8")
    assert told(ask(owner, folder)) == []
    second.rename(folder / "beforeEachMigrate__0_more.sql")
    assert told(ask(owner, folder)) == [("beforeEachMigrate__0_more.sql", "PM685", 1)]
    (folder / "beforeEachMigrate__0_more.sql").unlink()
    # What only comes after a failed migration is not around one.
    (folder / "afterEachMigrate.sql").rename(folder / "afterEachMigrateError.sql")
    assert told(ask(owner, folder)) == [("V2__customer_grade.sql", "PM686", 3)]


def test_an_undo_has_callbacks_of_its_own(owner: Validator, folder: Path) -> None:
    undo = "ALTER TABLE customer ALTER city TYPE varchar(30);"
    (folder / "U2__customer_grade.sql").write_text(undo, "utf-8")
    assert ("U2__customer_grade.sql", "PM685", 1) in told(ask(owner, folder))
    for side in ("before", "after"):
        shutil.copy(folder / f"{side}EachMigrate.sql", folder / f"{side}EachUndo.sql")
    assert told(ask(owner, folder)) == []


def test_outside_of_a_transaction_callbacks_open_no_window(owner: Validator, folder: Path) -> None:
    index = folder / "V3__index.sql"
    index.write_text("\nCREATE INDEX CONCURRENTLY i ON ref_product (code);\n", "utf-8")
    assert told(ask(owner, folder)) == [("V3__index.sql", "PM686", 1)]
    index.write_text("CREATE INDEX i ON ref_product (code);\n", "utf-8")
    assert told(ask(owner, folder)) == []
    configured = folder / "V2__customer_grade.sql.conf"
    configured.write_text("executeInTransaction=false\n", "utf-8")
    found = told(ask(owner, folder))
    assert ("V2__customer_grade.sql", "PM686", 1) in found
    assert ("V2__customer_grade.sql", "PM685", 2) in found
    configured.write_text("executeInTransaction=true\n", "utf-8")
    assert told(ask(owner, folder)) == []


def test_a_migration_that_ends_the_transaction_ends_the_window(
    owner: Validator, folder: Path
) -> None:
    file = folder / "V2__customer_grade.sql"
    file.write_text("COMMIT;\nALTER TABLE customer ALTER city TYPE varchar(40);\n", "utf-8")
    found = told(ask(owner, folder))
    assert ("V2__customer_grade.sql", "PM686", 1) in found
    assert ("V2__customer_grade.sql", "PM685", 2) in found


def test_a_callback_is_told_once_and_comments_stay_in_their_file(
    owner: Validator, folder: Path
) -> None:
    file = folder / "afterEachMigrate.sql"
    file.write_text(f"-- first\nSELECT 1 FROM nowhere;\n{file.read_text('utf-8')}", "utf-8")
    (folder / "V3__more.sql").write_text(
        "SELECT 1; -- pgmask: allow PM685 of no use\nALTER TABLE customer ALTER city TYPE text;"
    )
    found = ask(owner, folder)
    assert told(found) == [("afterEachMigrate.sql", "PM601", 2)]
    assert [(f.code, f.line) for v in found["V3__more.sql"] for f in v.findings] == [("PM689", 1)]


@pytest.mark.parametrize("name", ["v2__customer_grade.sql", "V__customer_grade.sql",
                                  "V2__customer_grade.SQL", "R2__customer_grade.sql"])  # fmt: skip
def test_a_file_that_flyway_does_not_run_has_no_window(
    owner: Validator, folder: Path, name: str
) -> None:
    (folder / "V2__customer_grade.sql").rename(folder / name)
    assert (name, "PM685") in {t[:2] for t in told(ask(owner, folder))}


@pytest.mark.parametrize("written", ["=", ": ", " "])
def test_a_file_that_its_configuration_takes_out_of_the_transaction_has_no_window(
    owner: Validator, folder: Path, written: str
) -> None:
    configured = folder / "V2__customer_grade.sql.conf"
    configured.write_text(f"executeInTransaction{written}false\n", "utf-8")
    assert "PM686" in {t[1] for t in told(ask(owner, folder))}
    # Control.
    configured.write_text(f"executeInTransaction{written}true\n", "utf-8")
    assert told(ask(owner, folder)) == []


@pytest.mark.parametrize("name", ["a.SQL", "a.psql", "a.pgsql", "a.ddl", "more/a.dml"])
def test_no_file_of_a_folder_is_passed_over(owner: Validator, folder: Path, name: str) -> None:
    file = folder / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("ALTER TABLE customer ALTER city TYPE varchar(40);\n", "utf-8")
    assert (file.name, "PM685", 1) in told(ask(owner, folder))


def test_a_folder_behind_a_link_is_judged_once(owner: Validator, folder: Path) -> None:
    other = folder.parent / "other"
    other.mkdir()
    (other / "a.sql").write_text("ALTER TABLE customer ALTER city TYPE varchar(40);\n", "utf-8")
    (folder / "linked").symlink_to(other)
    (other / "back").symlink_to(folder)
    assert told(ask(owner, folder)).count(("a.sql", "PM685", 1)) == 1


@pytest.mark.parametrize("end", ["", ";", " ;\n"])
def test_a_body_that_its_file_does_not_end_hides_nothing_of_the_next(
    owner: Validator, folder: Path, end: str
) -> None:
    body = f"CREATE FUNCTION f() RETURNS void LANGUAGE sql BEGIN ATOMIC SELECT 1{end}"
    (folder / "V3__f.sql").write_text(body, "utf-8")
    file = folder.parent / "sql" / "more" / "U4__g.sql"
    file.parent.mkdir()
    file.write_text("ALTER TABLE customer ALTER city TYPE varchar(40); END;", "utf-8")
    found = told(ask(owner, folder))
    assert ("V3__f.sql", "PM600", 1) in found
    assert ("U4__g.sql", "PM685", 1) in found
