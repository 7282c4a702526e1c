"""Includes: owners, one table in one file, nothing outside the folder; order never matters."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from tests.catalogue.samples import (
    CORPUS,
    HEAD,
    PROFILES,
    accepted,
    found,
    look,
    rules,
    write,
)

CUSTOMER = "tables:\n  customer: {level_3: [id, unit_id]}\n"
INCLUDE = 'include:\n  - {file: "domains/*.yml", owner: team}\n'


def test_owner_and_domain_come_from_the_include(tmp_path: Path) -> None:
    text = HEAD + PROFILES + (
        "include:\n  - {file: a.yml, owner: alpha}\n  - {file: \"more/*.yml\", owner: beta}\n"
    )  # fmt: skip
    catalogue = accepted(
        look(
            write(
                tmp_path,
                text,
                a=CUSTOMER,
                more__b="domain: claims\ntables:\n  claim: {subject: none, level_3: [id]}\n",
            )
        )
    )
    assert [(t.name, t.owner, t.domain) for t in catalogue.tables] == [
        ("claim", "beta", "claims"),
        ("customer", "alpha", "a"),
    ]


@pytest.mark.requirement("A1")
def test_one_table_stands_in_one_file(tmp_path: Path) -> None:
    text = HEAD + PROFILES + INCLUDE
    loaded = look(write(tmp_path, text, domains__a=CUSTOMER, domains__b=CUSTOMER))
    assert rules(loaded) == ["table-twice"]
    (problem,) = [p for p in loaded.problems if p.rule == "table-twice"]
    assert str(problem.position) == "domains/b.yml:2:3"
    assert "domains/a.yml:2:3" in problem.message


@pytest.mark.parametrize(
    ("include", "rule"),
    [
        ("../other.yml", "include-outside"),
        ("domains/../../other.yml", "include-outside"),
        ("/etc/hostname", "include-outside"),
        ("missing.yml", "include-nothing"),
        ("pgmask.yml", "include-main"),
        ("link.yml", "include-outside"),
    ],
)
def test_includes_stay_in_the_folder(tmp_path: Path, include: str, rule: str) -> None:
    folder = tmp_path / "catalogue"
    write(tmp_path, CUSTOMER, other=CUSTOMER)
    text = f"{HEAD}{PROFILES}{CUSTOMER}include:\n  - {{file: {include}, owner: x}}\n"
    path = write(folder, text)
    os.symlink(tmp_path / "other.yml", folder / "link.yml")
    assert rules(look(path)) == [rule]


def test_a_file_has_one_owner(tmp_path: Path) -> None:
    text = HEAD + PROFILES + INCLUDE + "  - {file: domains/a.yml, owner: other}\n"
    assert rules(look(write(tmp_path, text, domains__a=CUSTOMER))) == ["include-twice"]


def test_rules_for_everybody_stand_in_the_main_file(tmp_path: Path) -> None:
    text = HEAD + PROFILES + INCLUDE
    part = CUSTOMER + "defaults: {kinds: {mobile: {level: 1}}}\npacks: [baseline]\n"
    loaded = look(write(tmp_path, text, domains__a=part))
    assert rules(loaded) == ["unknown-key", "unknown-key"]


def test_a_missing_file_says_which(tmp_path: Path) -> None:
    loaded = look(tmp_path / "nothing.yml")
    assert loaded.catalogue is None
    assert found(loaded) == ["1:1 error PM010 file"]


def _shuffled(value: object, turn: int) -> object:
    if isinstance(value, dict):
        pairs = list(value.items())
        pairs = pairs[turn % max(len(pairs), 1) :] + pairs[: turn % max(len(pairs), 1)]
        return {k: _shuffled(v, turn + 1) for k, v in reversed(pairs)}
    if isinstance(value, list):
        return [_shuffled(v, turn) for v in value]
    return value


@pytest.mark.requirement("A4")
@pytest.mark.parametrize("turn", range(4))
def test_the_order_of_keys_and_files_never_matters(tmp_path: Path, turn: int) -> None:
    folder = CORPUS / "good" / "several"
    original = accepted(look(folder / "pgmask.yml"))
    files = {p.relative_to(folder): p for p in folder.rglob("*.yml")}
    for name, path in files.items():
        tree = yaml.load(path.read_text("utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 - texts only
        there = tmp_path / name
        there.parent.mkdir(parents=True, exist_ok=True)
        text = yaml.safe_dump(_shuffled(tree, turn), allow_unicode=True, sort_keys=False)
        there.write_text(text, "utf-8")
    # Other names of the files change the domains in reports, nothing else; here they stay.
    assert accepted(look(tmp_path / "pgmask.yml")).hash == original.hash


def test_a_folder_stands_for_its_main_file(tmp_path: Path) -> None:
    write(tmp_path, HEAD + PROFILES + CUSTOMER)
    assert accepted(look(tmp_path)).tables[0].id == "crm.customer"
