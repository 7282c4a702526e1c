"""How much of a labelled schema is found, and how much of what is said is right."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from pgmask.cli.main import run
from tests.harness import Database
from tests.scan.world import labels


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
