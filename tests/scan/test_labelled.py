"""How much of a labelled schema is found, and how much of what is said is right."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from pgmask.catalogue import load
from pgmask.cli.main import run
from tests.harness import Database
from tests.scan.world import labels

ROOT = Path(__file__).parents[2] / "examples" / "insurer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Right, wrongly said and missed, with the names of the last two."""

    right: int
    wrong: tuple[str, ...]
    missed: tuple[str, ...]

    @property
    def precision(self) -> float:
        return self.right / (self.right + len(self.wrong))

    @property
    def recall(self) -> float:
        return self.right / (self.right + len(self.missed))


def scanned(
    database: Database, capsys: pytest.CaptureFixture[str], *words: str
) -> dict[str, dict[str, object]]:
    """The columns of ``pgmask scan --format json``, by id."""
    assert run(["scan", "--dsn", database.dsn(), "--format", "json", *words]) == 0
    columns = json.loads(capsys.readouterr().out)["columns"]
    return {f"{c['table']}.{c['column']}": c for c in columns}


def scored(found: dict[str, dict[str, object]], wanted: dict[str, str]) -> Score:
    """Every label but ``?``; a personal column counts when its kind, or category, is the label."""
    right, wrong, missed = 0, [], []
    for name, label in wanted.items():
        said = found[name]
        answer = {"personal": said["kind"] or f":{said['category']}", "plain": "-", "open": "?"}[
            str(said["verdict"])
        ]
        if label == "?":
            if answer not in ("?", "-"):
                wrong.append(f"{name}: {answer}, of no kind")
            continue
        if label == "-":
            if answer not in ("-", "?"):
                wrong.append(f"{name}: {answer}, says nothing of a person")
        elif answer == label:
            right += 1
        else:
            missed.append(f"{name}: {answer}, not {label}")
            if answer not in ("-", "?"):
                wrong.append(missed[-1])
    return Score(right=right, wrong=tuple(wrong), missed=tuple(missed))


@pytest.mark.requirement("A1", "A5")
def test_precision_and_recall(insurer: Database, capsys: pytest.CaptureFixture[str]) -> None:
    found = scanned(insurer, capsys)
    wanted = labels()
    assert set(found) == set(wanted)
    score = scored(found, wanted)
    print(f"precision {score.precision:.3f}, recall {score.recall:.3f} of {len(wanted)} columns")
    print(*score.wrong, *score.missed, sep="\n")
    assert score.precision >= 0.97, score.wrong
    assert score.recall >= 0.97, score.missed


@pytest.mark.requirement("A1")
def test_values_are_what_finds_them(insurer: Database, capsys: pytest.CaptureFixture[str]) -> None:
    """The control: by names alone the columns without a telling name are missed."""
    score = scored(scanned(insurer, capsys, "--no-values"), labels())
    assert score.recall < 0.8
    assert any("tmp_import.col2" in one for one in score.missed)
    assert any("t_ddxx.phone" in one for one in score.wrong)


@pytest.mark.requirement("A1")
def test_plain_columns_are_seldom_left_open(
    insurer: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    """Four columns in five say nothing of a person: nobody wants to look at all of them."""
    found = scanned(insurer, capsys)
    plain = [name for name, label in labels().items() if label == "-"]
    left = [name for name in plain if found[name]["verdict"] == "open"]
    assert len(left) <= len(plain) * 0.1, left


@pytest.mark.requirement("A1", "A5")
def test_against_a_catalogue_written_by_hand(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    """The example's tables have no rows, so this is what names, types and keys give.

    Nothing that a person put at level 1 or 2 may be called plain, nor the other way round.
    """
    database.run((ROOT / "schema.sql").read_text("utf-8"))
    found = scanned(database, capsys, "--pack", "taikang", "--pack", "picc")
    catalogue = load(ROOT / "catalogue")
    personal = {f"{t.id}.{c.name}": c for t in catalogue.tables for c in t.columns if c.level < 3}
    called_plain = sorted(n for n in personal if found[n]["verdict"] == "plain")
    assert called_plain == []
    level_3 = [f"{t.id}.{c.name}" for t in catalogue.tables for c in t.columns if c.level == 3]
    raised = sorted(n for n in level_3 if found[n]["level"] in (1, 2))
    # Kinship: level 2 by the packs' category, and the hand has it elsewhere at level 2 too.
    assert raised == ["crm.policy.relation"]
    kinds = [(n, c.kind) for n, c in personal.items() if c.kind]
    right = [n for n, kind in kinds if found[n]["kind"] == kind]
    print(f"kinds by names alone: {len(right)} of {len(kinds)}")
    assert len(right) >= 0.75 * len(kinds), sorted({n for n, _ in kinds} - set(right))
