"""Random queries over random schemas: read as the server reads them, or refused as it refuses."""

from __future__ import annotations

import dataclasses
import random
from collections import Counter

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pgmask.facts.schema import Relation
from pgmask.lineage import trace
from tests.lineage.conftest import World
from tests.lineage.server_side import ours, theirs

NAMES = ("a", "b", "c", "D", "e f", "id")
TABLES = ("t", "u", "V w", "a")
UNRESOLVED_THERE = (
    psycopg.errors.UndefinedColumn,
    psycopg.errors.AmbiguousColumn,
    psycopg.errors.UndefinedTable,
    psycopg.errors.DuplicateAlias,
    psycopg.errors.InvalidColumnReference,
)
Columns = list[str]
Scope = list[tuple[str, Columns]]


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


class Maker:
    """One schema and one query over it, from one seed."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.number = 0
        self.tables = {
            name: self.rng.sample(NAMES, self.rng.randint(1, 4))
            for name in self.rng.sample(TABLES, self.rng.randint(2, 4))
        }
        self.views: dict[str, tuple[Columns, str]] = {}
        # A stored view keeps what a window sorts by even where its column is left out.
        self.windows = False
        if self.chance(0.5):
            text, columns = self.query(2, [], {})
            names = [f"v{n}" for n in range(len(columns))]
            self.views["the view"] = (names, text)
        self.windows = True
        self.text, _ = self.query(3, [], {})

    def chance(self, how_often: float) -> bool:
        return self.rng.random() < how_often

    def alias(self) -> str:
        # Now and then one that is taken, or is a column's name.
        if self.chance(0.04):
            return self.rng.choice((*TABLES, "a", "id"))
        self.number += 1
        return f"x{self.number}"

    def source(
        self, depth: int, outer: list[Scope], ctes: dict[str, Columns], here: Scope
    ) -> tuple[str, str, Columns]:
        """One thing in FROM: text, alias, columns."""
        kind = self.rng.random()
        if depth > 0 and kind < 0.25:
            lateral = self.chance(0.5)
            inner, columns = self.query(depth - 1, [here, *outer] if lateral else outer, ctes)
            alias = self.alias()
            return f"{'LATERAL ' if lateral else ''}({inner}) AS {quoted(alias)}", alias, columns
        if kind < 0.32:
            alias = self.alias()
            value = self.value(0, [here, *outer], ctes)
            text = f"unnest(ARRAY[{value}, 'k']) AS {quoted(alias)} ({quoted('b')})"
            return text, alias, ["b"]
        known = {**self.tables, **{n: c for n, (c, _) in self.views.items()}, **ctes}
        name = self.rng.choice(list(known))
        columns = list(known[name])
        if self.chance(0.4):
            return quoted(name), name, columns
        alias = self.alias()
        if self.chance(0.2) and columns:
            renamed = self.rng.sample(NAMES, 1)
            text = f"{quoted(name)} AS {quoted(alias)} ({quoted(renamed[0])})"
            return text, alias, renamed + columns[1:]
        return f"{quoted(name)} AS {quoted(alias)}", alias, columns

    def sources(
        self, depth: int, outer: list[Scope], ctes: dict[str, Columns]
    ) -> tuple[str, Scope]:
        scope: Scope = []
        text, alias, columns = self.source(depth, outer, ctes, scope)
        scope.append((alias, columns))
        while self.chance(0.45) and len(scope) < 4:
            other, alias, more = self.source(depth, outer, ctes, scope)
            joined = [(alias, more), *scope]
            kind = self.rng.choice(("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"))
            shared = [c for c in more if sum(c in cs for _, cs in scope) == 1]
            way = self.rng.random()
            if way < 0.2:
                text = f"({text} CROSS JOIN {other})"
            elif way < 0.3:
                text = f"({text} NATURAL {kind} {other})"
            elif way < 0.55 and shared:
                using = self.rng.sample(shared, self.rng.randint(1, len(shared)))
                text = f"({text} {kind} {other} USING ({', '.join(map(quoted, using))}))"
            else:
                condition = f"{self.value(0, [joined, *outer], ctes)} = "
                condition += self.value(0, [joined, *outer], ctes)
                text = f"({text} {kind} {other} ON {condition})"
            scope.append((alias, more))
        return text, scope

    def reference(self, scopes: list[Scope]) -> str:
        scopes = [s for s in scopes if any(columns for _, columns in s)]
        if not scopes or self.chance(0.03):
            return quoted(self.rng.choice(NAMES)) if self.chance(0.15) else "'k'"
        scope = scopes[0] if self.chance(0.75) else self.rng.choice(scopes)
        alias, columns = self.rng.choice([one for one in scope if one[1]])
        name = self.rng.choice(columns)
        if self.chance(0.08):
            return quoted(name)
        if self.chance(0.05):
            return f"({quoted(alias)}).{quoted(name)}"
        return f"{quoted(alias)}.{quoted(name)}"

    def value(self, depth: int, scopes: list[Scope], ctes: dict[str, Columns]) -> str:
        kind = self.rng.random()
        one = self.reference(scopes)
        if depth <= 0 or kind < 0.5:
            return one
        other = self.value(depth - 1, scopes, ctes)
        if kind < 0.6:
            return f"({one} || {other})"
        if kind < 0.68:
            return f"CASE WHEN {one} = {other} THEN {self.reference(scopes)} ELSE 'k' END"
        if kind < 0.74:
            return f"coalesce({one}, lower({other}))"
        if kind < 0.8 and self.windows:
            return f"first_value({one}) OVER (PARTITION BY {other} ORDER BY {one})"
        if kind < 0.86:
            inner, scope = self.sources(0, scopes, ctes)
            return f"(SELECT max({self.reference([scope, *scopes])}) FROM {inner})"
        if kind < 0.92:
            inner, scope = self.sources(0, scopes, ctes)
            left = self.reference([scope, *scopes])
            return f"CAST(EXISTS (SELECT * FROM {inner} WHERE {left} = {one}) AS text)"
        return f"CAST({one} IN (SELECT {other}) AS text)"

    def query(
        self, depth: int, outer: list[Scope], ctes: dict[str, Columns]
    ) -> tuple[str, Columns]:
        before = ""
        if depth > 0 and self.chance(0.25):
            name = self.rng.choice(("q", *self.tables))
            inner, columns = self.query(depth - 1, outer, ctes)
            before = f"WITH {quoted(name)} AS ({inner}) "
            ctes = {**ctes, name: columns}
        if depth > 0 and self.chance(0.15):
            left, columns = self.plain(depth - 1, outer, ctes, width=2)
            right, _ = self.plain(depth - 1, outer, ctes, width=2)
            kind = self.rng.choice(("UNION", "UNION ALL", "INTERSECT", "EXCEPT ALL"))
            return f"{before}({left}) {kind} ({right})", columns
        text, columns = self.plain(depth, outer, ctes)
        return before + text, columns

    def plain(
        self, depth: int, outer: list[Scope], ctes: dict[str, Columns], width: int = 0
    ) -> tuple[str, Columns]:
        source, scope = self.sources(depth - 1, outer, ctes)
        scopes = [scope, *outer]
        where = ""
        if self.chance(0.5):
            left, right = self.value(0, scopes, ctes), self.value(0, scopes, ctes)
            where = f" WHERE {left} = {right}"
        if not width and self.chance(0.2):
            alias, columns = self.rng.choice(scope)
            star = f"{quoted(alias)}.*" if self.chance(0.6) else "*"
            everything = columns if star != "*" else [c for _, cs in scope for c in cs]
            order = f" ORDER BY {self.reference(scopes)}" if self.chance(0.3) else ""
            return f"SELECT {star} FROM {source}{where}{order}", everything
        if not width and self.chance(0.15):
            key = self.reference(scopes)
            having = f" HAVING max({self.reference(scopes)}) > 'k'" if self.chance(0.4) else ""
            value = f"string_agg({self.reference(scopes)}, ',' ORDER BY {self.reference(scopes)})"
            return (
                f"SELECT {key} AS a, {value} AS b FROM {source}{where} GROUP BY {key}{having}",
                ["a", "b"],
            )
        columns = self.rng.sample(NAMES, width or self.rng.randint(1, 3))
        values = [f"{self.value(depth, scopes, ctes)} AS {quoted(c)}" for c in columns]
        distinct = "DISTINCT " if self.chance(0.15) else ""
        order = ""
        if self.chance(0.3):
            order = f" ORDER BY {quoted(self.rng.choice(columns))}"
        return f"SELECT {distinct}{', '.join(values)} FROM {source}{where}{order}", columns


def checked(world: World, seed: int, seen: Counter[str]) -> None:
    made = Maker(seed)
    connection = world.connection
    relations = {
        ("public", name): Relation(
            schema="public", name=name, columns=tuple(columns), types=("text",) * len(columns)
        )
        for name, columns in made.tables.items()
    }
    with connection.transaction(force_rollback=True):
        connection.execute("SET LOCAL search_path = public")
        for name, columns in made.tables.items():
            listed = ", ".join(f"{quoted(c)} text" for c in columns)
            connection.execute(f"CREATE TABLE {quoted(name)} ({listed})".encode())
        schema = dataclasses.replace(
            world.schema, relations={**world.schema.relations, **relations}
        )
        text = made.text
        for name, (names, query) in made.views.items():
            listed = ", ".join(map(quoted, names))
            view = f"CREATE VIEW {quoted(name)} ({listed}) AS {query}"
            try:
                with connection.transaction():
                    connection.execute(view.encode())
            except psycopg.Error as error:
                seen[f"view: {type(error).__name__}"] += 1
                return
            text = f"{view}; {text}"
        lineage = trace(text, schema, search_path=("public",))[-1]
        refusal: psycopg.Error | None = None
        found = set()
        try:
            with connection.transaction():
                found = theirs(connection, made.text)
        except psycopg.Error as error:
            refusal = error
        if isinstance(refusal, UNRESOLVED_THERE):
            seen["refused by both"] += 1
            assert lineage.unresolved, f"{type(refusal).__name__}: {text}"
            return
        if refusal is not None:
            seen[type(refusal).__name__] += 1
            return
        assert lineage.unresolved == (), (lineage.unresolved, text)
        assert ours(lineage) == found, (ours(lineage) ^ found, found, text)
        seen["equal"] += 1
        seen["columns"] += len(found)


@pytest.mark.requirement("I1")
def test_random_queries_are_read_as_the_server_reads_them(world: World) -> None:
    seen: Counter[str] = Counter()

    @settings(
        max_examples=200, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.integers(min_value=0, max_value=2**40))
    def run(seed: int) -> None:
        checked(world, seed, seen)

    run()
    print(f"random queries: {dict(seen)}; precision and recall of the equal ones are 1")
    assert seen["equal"] > 60
    assert seen["refused by both"] > 5
