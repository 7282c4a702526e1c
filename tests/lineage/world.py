"""The hostile little schema, its queries, and the snapshot that is read of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from pgmask.facts.schema import Schema
from pgmask.facts.snapshot import read_schema
from tests.harness import Database

CORPUS = Path(__file__).resolve().parents[1] / "corpus"
PATH = ("crm", "Odd Schema")
SET_PATH = 'SET search_path = crm, "Odd Schema"'


@dataclass(frozen=True)
class Case:
    """One query of a corpus file."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


def cases(folder: str, pattern: str = "*.sql") -> list[Case]:
    """The blank-line separated statements of the files; comments of their own are left out."""
    found = []
    for path in sorted((CORPUS / folder).glob(pattern)):
        if path.name == "schema.sql":
            continue
        line = 1
        for part in path.read_text("utf-8").split("\n\n"):
            lines = part.split("\n")
            text = "\n".join(one for one in lines if not one.startswith("--")).strip()
            if text:
                found.append(Case(path.name, line, text))
            line += len(lines) + 1
    return found


def fill(database: Database) -> None:
    """The schema, as installer makes it."""
    database.run((CORPUS / "lineage" / "schema.sql").read_text("utf-8"))


def snapshot(connection: psycopg.Connection[Any]) -> Schema:
    """What ``pgmask schema dump`` would read."""
    return read_schema(connection)
