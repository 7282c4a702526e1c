"""The corpus: good catalogues are accepted, of bad ones every problem is told at its place."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from pgmask.catalogue import CatalogueProblems, load
from pgmask.catalogue.expand import expand
from pgmask.catalogue.model import Position
from pgmask.catalogue.reference import json_schema
from tests.catalogue.samples import CORPUS, TODAY, accepted, found, look, write

GOOD = [CORPUS / "good" / "design12.yml", CORPUS / "good" / "several" / "pgmask.yml"]
BAD = sorted((CORPUS / "bad").glob("*.yml"))


@pytest.mark.requirement("A1")
@pytest.mark.parametrize("path", BAD, ids=lambda p: p.stem)
def test_every_problem_at_its_place(path: Path) -> None:
    expected = path.with_suffix(".expected").read_text("utf-8").splitlines()
    assert found(look(path)) == expected


@pytest.mark.parametrize("path", BAD, ids=lambda p: p.stem)
def test_each_problem_says_what_to_do(path: Path) -> None:
    for problem in look(path).problems:
        assert problem.fix
        assert problem.message
        assert "None" not in problem.message


def test_a_refused_catalogue_holds_all_problems() -> None:
    path = CORPUS / "bad" / "form.yml"
    with pytest.raises(CatalogueProblems) as raised:
        load(path, today=TODAY)
    assert raised.value.code == "PM011"
    assert raised.value.exit_code == 1
    assert raised.value.problems == look(path).problems
    assert raised.value.where == "form.yml:6:1"
    assert raised.value.detail.count("\n") + 1 == len(
        [p for p in raised.value.problems if p.severity == "error"]
    )


@pytest.mark.parametrize("path", GOOD, ids=lambda p: p.parent.name + "-" + p.stem)
def test_good_catalogues_are_accepted(path: Path) -> None:
    for environment in (None, "test") if "several" in str(path) else (None,):
        assert len(accepted(look(path, environment)).tables) == 4


@pytest.mark.parametrize("path", GOOD, ids=lambda p: p.parent.name + "-" + p.stem)
def test_editors_accept_what_is_accepted(path: Path) -> None:
    validator = jsonschema.Draft202012Validator(json_schema())
    for file in [path, *path.parent.glob("domains/*.yml")]:
        if file == path or "several" in str(path):
            text = yaml.load(file.read_text("utf-8"), Loader=Words)  # noqa: S506 - a safe loader with fewer types
            assert [e.message for e in validator.iter_errors(text)] == []


def test_editors_refuse_unknown_words() -> None:
    text = yaml.load("pgmask: 1\npaks: [a]\nstore: {schema: crm}\n", Loader=Words)  # noqa: S506 - a safe loader with fewer types
    validator = jsonschema.Draft202012Validator(json_schema())
    assert any("paks" in e.message for e in validator.iter_errors(text))
    broken = {"pgmask": 1, "store": {"schema": "crm"}, "tables": {"t": {"levl_3": ["id"]}}}
    assert any("levl_3" in e.message for e in validator.iter_errors(broken))


class Words(yaml.SafeLoader):
    """As editors read YAML 1.2: no dates, ``no`` is a word; keys are strings as in JSON."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        return {str(k): v for k, v in super().construct_mapping(node, deep=True).items()}


Words.yaml_implicit_resolvers = {
    first: [(tag, expression) for tag, expression in pairs if not tag.endswith("timestamp")]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@pytest.mark.requirement("A4")
@pytest.mark.parametrize("path", GOOD, ids=lambda p: p.parent.name + "-" + p.stem)
def test_the_written_out_form_means_the_same(path: Path, tmp_path: Path) -> None:
    loaded = look(path)
    catalogue = accepted(loaded)
    main = path.read_text("utf-8")
    parts = yaml.safe_load(main)
    for key in ("tables", "include", "defaults", "templates", "$schema"):
        parts.pop(key, None)
    text = yaml.safe_dump(parts, allow_unicode=True, sort_keys=True)
    tables = "tables:\n" + "".join(
        "".join(
            line + "\n"
            for line in expand(loaded, t).splitlines()
            if line != "tables:" and not line.startswith("# ")
        )
        for t in catalogue.tables
    )
    for pack in (path.parent / "packs").glob("*.yml"):
        write(tmp_path, "", **{f"packs__{pack.stem}": pack.read_text("utf-8")})
    again = accepted(look(write(tmp_path, text + tables)))
    assert again.hash == catalogue.hash
    assert again.tables == catalogue.tables


def test_positions_are_not_hashed(tmp_path: Path) -> None:
    text = GOOD[0].read_text("utf-8")
    first = accepted(look(write(tmp_path / "a", text)))
    second = accepted(look(write(tmp_path / "b", "\n\n" + text)))
    assert first.hash == second.hash
    assert first.tables[0].position == Position("pgmask.yml", first.tables[0].position.line, 3)
    assert second.tables[0].position.line == first.tables[0].position.line + 2
