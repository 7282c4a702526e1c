"""Public SQL of a folder, run and read in a database of its own; ``docs/explanation/lineage.md``
says how the folder is laid out.  None of it is part of this project.
"""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import psycopg
from psycopg.pq import TransactionStatus

from pgmask.facts.schema import Schema, function_row
from pgmask.facts.snapshot import read_schema
from pgmask.lineage import trace
from pgmask.lineage.kinds import kind_of
from pgmask.lineage.parse import Text
from pgmask.lineage.parse import statements as parsed
from tests.harness import Connection, Database
from tests.lineage.server_side import ours, theirs

_META = re.compile(r"^\s*\\[^\n]*$", re.MULTILINE)
_DATA = re.compile(r"^(COPY\b[^;]*\bFROM\s+STDIN\b[^;]*;)[^\n]*\n.*?^\\\.$", re.I | re.M | re.S)
_TEMPORARY = re.compile(r"^(\s*CREATE\s+(?:OR\s+REPLACE\s+)?)(?:LOCAL\s+)?TEMP(?:ORARY)?\s", re.I)
_EXPLAIN = re.compile(r"^\s*EXPLAIN\s*(\([^)]*\)|ANALYZE|VERBOSE|\s)*", re.I)
_COMMENTS = re.compile(r"^(?:\s+|--[^\n]*\n|/\*.*?\*/)+", re.S)
_OF_CLUSTER = re.compile(
    r"^(copy|.* (role|database|tablespace|system|subscription|event trigger)|(re)?set role"
    r"|(re)?set session authorization|grant|revoke|discard|load|checkpoint|vacuum)$"
)
"""Kinds of statements that reach beyond their database, or need a client of their own."""
_SETTINGS = re.compile(r"client_encoding|standard_conforming|timeout|read_only|session", re.I)
_HARMLESS = re.compile(
    r"^(select|insert|update|delete|merge|explain|set|reset|show|fetch|close|declare cursor"
    r"|analyze|comment|execute|deallocate|prepare|lock|begin|savepoint|release|truncate|cluster"
    r"|create index|drop index|reindex|create statistics|alter statistics|drop statistics|notify"
    r"|create policy|alter policy|drop policy)$"
)
"""Kinds of statements after which the snapshot still holds."""


@dataclass
class Outcome:
    """What was compared; wrong and refused: what to look at, with its place."""

    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    @property
    def precision(self) -> float:
        """The share of the columns found that the server reads too."""
        return self.counts["right"] / max(self.counts["found"], 1)

    @property
    def recall(self) -> float:
        """The share of the columns that the server reads that were found."""
        return self.counts["right"] / max(self.counts["expected"], 1)

    def __str__(self) -> str:
        """One line of figures."""
        shares = f"precision {self.precision:.4f}, recall {self.recall:.4f}"
        return f"{dict(self.counts)}; {shares}"


def sets(folder: str) -> list[Path]:
    """The sub-folders with SQL that comes with its schema, or makes it."""
    if not folder:
        return []
    return sorted(
        one for one in Path(folder).iterdir()
        if (one / "suite").is_dir() or (one / "schema").is_dir()
    )  # fmt: skip


def texts(folder: Path) -> Iterator[tuple[str, str]]:
    """The files in the order of their names, without what only a client understands."""
    for path in sorted(folder.glob("*.sql")):
        text = path.read_text("utf-8", "replace")
        yield path.name, _META.sub("", _DATA.sub(r"\1", text))


def pieces(text: str) -> Iterator[tuple[str, str, int]]:
    """Kind, text and line of every statement that parses."""
    whole = Text(text)
    for one in parsed(whole):
        if one.tree:
            part = whole.part(one.start, one.end)
            lead = _COMMENTS.match(part + "\n")
            first = whole.character(one.start) + (lead.end() if lead else 0)
            yield kind_of(one.tree), part[lead.end() if lead else 0 :], whole.line(first)


def compare_set(database: Database, folder: Path) -> Outcome:
    """The queries of a set against what the server notes of them."""
    outcome = Outcome()
    with database.connect() as connection:
        connection.autocommit = True
        connection.execute("SET statement_timeout = '5s'")
        for _, text in texts(folder / "schema"):
            connection.execute(text.encode())
        for name, text in texts(folder / "queries"):
            schema = read_schema(connection)
            for kind, query, line in pieces(text):
                if kind == "select":
                    _compare(connection, schema, f"{folder.name}/{name}:{line}", query, outcome)
        if (folder / "suite").is_dir():
            _suite(connection, folder / "suite", outcome)
    return outcome


def _suite(connection: Connection, folder: Path, outcome: Outcome) -> None:
    """A regression suite: every statement is run in its order, as far as it can be."""
    schema: Schema | None = None
    for name, text in texts(folder):
        for kind, statement, line in pieces(text):
            place = f"{name}:{line}"
            if connection.info.transaction_status == TransactionStatus.INERROR:
                if kind not in ("commit", "rollback", "rollback to"):
                    continue
            elif kind in ("select", "explain"):
                query = _EXPLAIN.sub("", statement) if kind == "explain" else statement
                if query[:7].lower().startswith(("select", "with", "values", "table", "(")):
                    schema = schema or _snapshot(connection)
                    _compare(connection, schema, place, query, outcome)
                continue
            if _OF_CLUSTER.match(kind) or (kind == "set" and _SETTINGS.search(statement)):
                continue
            if kind == "prepare transaction":
                # It would hold its locks, and its database, for ever.
                statement = "ROLLBACK"
            outcome.counts["run"] += 1
            try:
                connection.execute(_TEMPORARY.sub(r"\1 ", statement).encode())
            except psycopg.Error:
                outcome.counts["run, refused by the server"] += 1
                continue
            if not _HARMLESS.match(kind):
                schema = None
        with contextlib.suppress(psycopg.Error):
            connection.execute("ROLLBACK; RESET ALL; SET statement_timeout = '5s'")
        schema = None


def _without_texts(schema: Schema) -> Schema:
    """The snapshot with functions opaque of which the server keeps no tree."""
    rows = {
        name: tuple(
            function_row(replace(f, body=f.body if f.atomic else None))
            for f in schema.functions(name)
        )
        for name in schema.function_rows
    }
    return replace(schema, function_rows=rows)


def _snapshot(connection: Connection) -> Schema:
    """The schema of the moment; a suite's settings may be such that reading it comes to no end."""
    with connection.transaction(force_rollback=True):
        connection.execute("RESET ALL")
        return read_schema(connection)


def _compare(
    connection: Connection, schema: Schema, place: str, query: str, outcome: Outcome
) -> None:
    row = connection.execute("SELECT current_schemas(false)::text[]").fetchone()
    path = tuple(row[0]) if row else ()
    counts = outcome.counts
    counts["queries"] += 1
    (lineage,) = trace(query, schema, search_path=path)
    try:
        expected = theirs(connection, query)
    except psycopg.Error:
        counts["no view can be made"] += 1
        return
    counts["compared"] += 1
    if lineage.unresolved:
        counts["refused by us"] += 1
        told = "; ".join(f"{u.code} {u.message}" for u in lineage.unresolved)
        outcome.refused.append(f"{place}: {told}: {query[:200]}")
        return
    found = ours(lineage)
    if found != expected:
        # Of a body that is text the server notes nothing: it is read when it runs.
        (plain,) = trace(query, _without_texts(schema), search_path=path)
        if not plain.unresolved and ours(plain) == expected and found > expected:
            counts["more behind bodies of text"] += 1
            found = expected
    counts["right"] += len(found & expected)
    counts["found"] += len(found)
    counts["expected"] += len(expected)
    if found != expected:
        counts["not equal"] += 1
        more, less = sorted(found - expected), sorted(expected - found)
        outcome.wrong.append(f"{place}: too many {more}, missing {less}: {query}")
