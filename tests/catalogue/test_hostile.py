"""Hostile names, values and files: refused with a place or taken exactly as they are, no crash."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Literal

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pgmask.catalogue import read
from pgmask.catalogue.expand import expand
from pgmask.catalogue.nodes import Mapping, Scalar, parse
from pgmask.catalogue.patterns import BadReference, parts, pattern, written
from pgmask.catalogue.problems import Problems
from pgmask.catalogue.yamltext import scalar
from tests.catalogue.samples import CORPUS, HEAD, PROFILES, accepted, look, write

_SURROGATES: tuple[Literal["Cs"], ...] = ("Cs",)
_CONTROL: tuple[Literal["Cs", "Cc"], ...] = ("Cs", "Cc")
NAMES = st.text(
    st.characters(exclude_categories=_CONTROL, exclude_characters="\ufeff\u2028\u2029"),
    min_size=1, max_size=20,
).filter(lambda t: t.strip() and t == t.strip())  # fmt: skip
TEXTS = st.text(st.characters(exclude_categories=_SURROGATES), max_size=40)


@given(NAMES)
@example("no")
@example("a.b")
@example('say "x"')
@example("*")
@example("a|b, c")
@example("~")
@example("客户")
def test_a_reference_reads_back(name: str) -> None:
    if len(name.encode()) > 63:
        with pytest.raises(BadReference):
            parts(written(name))
        return
    (part,) = parts(written(name))
    assert part.text == name
    assert pattern(written("s", name)).matches("s", name)


@given(NAMES, NAMES)
def test_a_quoted_name_is_no_pattern(name: str, other: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    if len(name.encode()) <= 63:
        assert pattern(quoted).matches(other) is (name == other)


@given(TEXTS)
@example("null")
@example("2027-06-30")
@example("yes: no")
@example("a # b")
@example("\x85\u2028\ufeff")
def test_a_scalar_reads_back(text: str) -> None:
    problems = Problems()
    node = parse(f"key: {scalar(text)}\n", "f", problems)
    assert problems.all == ()
    assert isinstance(node, Mapping)
    value = node.items[0][1]
    assert isinstance(value, Scalar)
    assert value.text == text
    assert not value.null
    assert yaml.safe_load(f"key: {scalar(text)}\n") == {"key": text}


@settings(max_examples=60, deadline=None)
@given(name=NAMES, column=NAMES)
def test_names_are_kept_exactly(
    tmp_path_factory: pytest.TempPathFactory, name: str, column: str
) -> None:
    folder = tmp_path_factory.mktemp("c")
    entry = f"  {scalar(written(name))}: {{subject: none, level_3: [{scalar(column)}]}}\n"
    text = f"{HEAD}tables:\n  customer: {{level_3: [id, unit_id]}}\n{entry}{PROFILES}"
    loaded = look(write(folder, text))
    if name == "customer":
        assert not loaded.accepted
        return
    if len(name.encode()) > 63 or len(column.encode()) > 63:
        assert {p.rule for p in loaded.problems} == {"bad-name"}
        return
    catalogue = accepted(loaded)
    found = catalogue.table(f"crm.{name}")
    assert found is not None
    assert [c.name for c in found.columns] == [column]
    expand(loaded, found)


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32), cuts=st.integers(1, 6))
def test_damaged_files_never_crash(
    tmp_path_factory: pytest.TempPathFactory, seed: int, cuts: int
) -> None:
    """Lines swapped, cut, repeated, re-indented: always a result, always with a place."""
    chance = random.Random(seed)
    source = chance.choice([p for p in CORPUS.rglob("*.yml") if p.parent.name != "packs"])
    lines = source.read_bytes().decode("utf-8", "replace").split("\n")
    for _ in range(cuts):
        at = chance.randrange(len(lines))
        what = chance.randrange(5)
        if what == 0:
            del lines[at : at + chance.randrange(3)]
        elif what == 1:
            lines.insert(at, chance.choice(lines or [""]))
        elif what == 2:
            lines[at] = " " * chance.randrange(8) + lines[at].lstrip()
        elif what == 3:
            lines[at] = lines[at][: chance.randrange(len(lines[at]) + 1)]
        else:
            lines[at] = lines[at].replace(":", chance.choice(["", ": [", ": {", ": null", ":"]))
        lines = lines or [""]
    path = write(tmp_path_factory.mktemp("c"), "\n".join(lines))
    loaded = look(path)
    assert loaded.catalogue is not None or any(p.severity == "error" for p in loaded.problems)
    for problem in loaded.problems:
        assert problem.position.line >= 1
        assert problem.position.column >= 1


@pytest.mark.parametrize(
    "text",
    [
        "a: &x [*x, *x]\n",
        "a: " + "[" * 5000 + "]" * 5000,
        "a: " + "{a: " * 100 + "1" + "}" * 100,
        "? {a: b}\n: c\n",
        "? [a]\n",
        "<<: [{a: 1}]\n",
        "!!python/object/apply:os.system [echo]\n",
        "%YAML 1.1\n---\na: 1\n...\n---\nb: 1\n",
        "pgmask: 999999999999999999999999\n",
        "pgmask: 1\nstore: {schema: " + "x" * 100 + "}\n",
        "\ufeffpgmask: 1\n",
    ],
    ids=range(11),
)
def test_strange_yaml_is_refused(tmp_path: Path, text: str) -> None:
    loaded = read(write(tmp_path, text))
    assert not loaded.accepted
    assert any(p.severity == "error" for p in loaded.problems)
