"""The snapshot: what a file keeps, how it is refused, and the command that writes it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pgmask.cli.main import run
from pgmask.errors import PgmaskError
from pgmask.facts.schema import row_key, row_type
from pgmask.facts.schema_file import dumps, loads
from pgmask.lineage import trace
from tests.lineage.conftest import World
from tests.lineage.world import PATH, cases


@pytest.mark.requirement("I1")
def test_a_file_says_what_the_database_says(world: World) -> None:
    text = dumps(world.schema)
    again = loads(text)
    assert again == world.schema
    assert dumps(again) == text
    for case in cases("lineage")[::7]:
        ours = trace(case.text, world.schema, search_path=PATH)
        assert trace(case.text, again, search_path=PATH) == ours


@pytest.mark.requirement("I1")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not JSON"),
        ("[1, 2]", "no schema snapshot"),
        ('{"a": 1}', "no schema snapshot"),
        ('{"pgmask_schema": 99}', "format 99"),
        ('{"pgmask_schema": 1}', "format 1"),
        ('{"pgmask_schema": 2}', "damaged"),
        ('{"pgmask_schema": 2, "relations": 3, "functions": []}', "damaged"),
    ],
)
def test_another_file_is_refused(text: str, said: str) -> None:
    with pytest.raises(PgmaskError, match=said) as caught:
        loads(text)
    assert caught.value.code == "PM610"


@pytest.mark.requirement("I1")
def test_the_command_writes_it_and_changes_nothing(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "schema.json"
    assert run(["schema", "dump", "--dsn", world.database.dsn(), "--out", str(out)]) == 0
    written = loads(out.read_text("utf-8"))
    assert written.relations == world.schema.relations
    assert written.search_path == ("public",)
    assert "search_path: public" in capsys.readouterr().err
    # Somebody without any right takes the same one: names are nobody's secret, rows are not in it.
    assert run(["schema", "dump", "--dsn", world.database.dsn("mallory")]) == 0
    assert (
        json.loads(capsys.readouterr().out)["relations"]
        == json.loads(out.read_text("utf-8"))["relations"]
    )


@pytest.mark.parametrize(
    "key",
    [
        ("crm", "customer"),
        ("pg_catalog", "pg_class"),
        ("Odd Schema", 'a."b'),
        ("a.b", "c"),
        ("客户", "保单"),
    ],
)
def test_a_row_type_tells_its_relation(key: tuple[str, str]) -> None:
    assert row_key(row_type(*key)) == key


def test_other_types_are_of_no_relation() -> None:
    assert row_key("timestamp(3) with time zone") == ("pg_catalog", "timestamp(3) with time zone")
    assert row_key("a.b.c") is None
    assert row_key("") is None
