"""What cannot be resolved is refused with its code, in the statement, never passed over."""

from __future__ import annotations

import copy
import time
from typing import Any

import psycopg
import pytest

from pgmask.errors import REGISTRY
from pgmask.lineage import statements, trace
from pgmask.lineage.parse import parse_one
from pgmask.lineage.reader import EXPRESSIONS, Reader
from pgmask.lineage.session import Session
from tests.lineage.conftest import World
from tests.lineage.world import CORPUS, PATH, Case

Node = dict[str, Any]


def refused() -> list[tuple[Case, str, bool]]:
    """The statements of tests/corpus/refused with their code, and whether the server agrees."""
    found = []
    for path in sorted((CORPUS / "refused").glob("*.sql")):
        line = 1
        for part in path.read_text("utf-8").split("\n\n"):
            first, _, text = part.partition("\n")
            words = first.removeprefix("-- ").split()
            if words and words[0].startswith("PM6"):
                case = Case(path.name, line, text.strip())
                found.append((case, words[0], "server" in words))
            line += part.count("\n") + 2
    return found


REFUSED = refused()


@pytest.mark.requirement("I1")
@pytest.mark.parametrize(("case", "code", "server_too"), REFUSED, ids=[str(c) for c, *_ in REFUSED])
def test_refused(world: World, case: Case, code: str, server_too: bool) -> None:
    found = trace(case.text, world.schema, search_path=PATH)
    assert code in {u.code for lineage in found for u in lineage.unresolved}
    for lineage in found:
        for problem in lineage.unresolved:
            assert problem.code in REGISTRY
            assert len(problem.message) < 300
    if server_too:
        with pytest.raises(psycopg.Error), world.connection.transaction(force_rollback=True):
            world.connection.execute(case.text.encode())


def _mutated(tree: Node) -> list[Node]:
    """Copies of a tree, each with one key more, or one node of another kind, somewhere."""
    places: list[list[str | int]] = []

    def walk(node: Any, path: list[str | int]) -> None:
        if isinstance(node, dict):
            if path and isinstance(path[-1], str) and path[-1][:1].isupper():
                places.append(path)
            for key, value in node.items():
                walk(value, [*path, key])
        elif isinstance(node, list):
            for number, value in enumerate(node):
                walk(value, [*path, number])

    walk(tree, [])
    made = []
    for path in places:
        if path[-1] in ("String", "SelectStmt") and len(path) == 1:
            continue
        copied = copy.deepcopy(tree)
        at: Any = copied
        for step in path[:-1]:
            at = at[step]
        if path[-1] in EXPRESSIONS:
            at[path[-1]]["inventedKey"] = True
            made.append(copied)
            other = copy.deepcopy(tree)
            at = other
            for step in path[:-1]:
                at = at[step]
            at["InventedExpr"] = at.pop(path[-1])
            made.append(other)
    return made


@pytest.mark.requirement("I1")
def test_a_node_or_key_that_nobody_knows_is_never_passed_over(world: World) -> None:
    text = (
        "WITH q AS (SELECT id, CASE WHEN score > 1 THEN phone END AS p FROM customer)"
        " SELECT q.p, count(*) FILTER (WHERE q.id > 3), (SELECT max(x) FROM a WHERE a.id = 1),"
        " sum(q.id) OVER (PARTITION BY q.p ORDER BY q.id)"
        " FROM q JOIN b ON b.id = q.id AND b.z IN ('x', lower(q.p)) LEFT JOIN LATERAL"
        " (SELECT y FROM c WHERE c.id = q.id) s ON true, unnest(ARRAY[b.x]) AS u"
        " WHERE coalesce(q.p, 'k') LIKE $1 AND NOT (b.x IS NULL) GROUP BY q.p, q.id"
        " HAVING max(b.x) > 'k' ORDER BY q.p COLLATE \"C\" LIMIT 1 + 2"
    )
    tree = parse_one(text)
    assert tree is not None
    mutants = _mutated(tree)
    assert len(mutants) > 80
    for mutant in mutants:
        r = Reader(Session(world.schema, PATH), mutant)
        statements.run(r, mutant)
        assert "PM605" in {u.code for u in r.unresolved}
    r = Reader(Session(world.schema, PATH), tree)
    statements.run(r, tree)
    assert r.unresolved == []


@pytest.mark.requirement("I1")
def test_every_statement_of_the_grammar_has_a_kind_and_a_reader() -> None:
    from pglast import ast

    from pgmask.lineage.kinds import kind_of
    from pgmask.lineage.statements import STATEMENTS

    inside_only = {"RawStmt", "SetOperationStmt"}
    names = {n for n in dir(ast) if n.endswith("Stmt")} - inside_only
    assert {n for n in names if n not in STATEMENTS} == set()
    assert {n for n in names if not kind_of({n: {"kind": "TRANS_STMT_BEGIN"}})} == set()


@pytest.mark.requirement("I1")
def test_nothing_makes_it_raise(world: World) -> None:
    for text in ("", ";", "-- nothing", "SELECT " + "(" * 3000 + "1" + ")" * 3000, "\0", "'", "é;é",
                 "SELECT " + " + ".join(["id"] * 4000) + " FROM customer",
                 " UNION ALL ".join(["SELECT 1"] * 3000),
                 "SELECT " + "lower(" * 325 + "phone" + ")" * 325 + " FROM customer",
                 "SELECT " + "CASE WHEN true THEN " * 490 + "1" + " END" * 490,
                 "SELECT * FROM " + "(SELECT * FROM " * 195 + "a" + ") x" * 195,
                 "DO $$ BEGIN " + "IF true THEN " * 330 + "x := 1;" + " END IF;" * 330 + " END $$",
                 " UNION ALL ".join(["SELECT 1"] * 975)):  # fmt: skip
        trace(text, world.schema, search_path=PATH)


@pytest.mark.requirement("I1")
@pytest.mark.parametrize(
    "text",
    [
        "WITH a0 AS (SELECT * FROM a)"
        + "".join(f", a{i} AS (SELECT p.*, q.* FROM a{i - 1} p, a{i - 1} q)" for i in range(1, 40))
        + " SELECT 1 FROM a39",
        "CREATE FUNCTION f0() RETURNS int LANGUAGE sql AS 'SELECT id FROM crm.a';"
        + "".join(
            f"CREATE FUNCTION f{i}() RETURNS int LANGUAGE sql AS"
            f" 'SELECT crm.f{i - 1}() + crm.f{i - 1}()';"
            for i in range(1, 40)
        )
        + "SELECT crm.f39()",
        "CREATE TEMP TABLE q (k text); CREATE VIEW v0 AS SELECT id FROM a;"
        + "".join(
            f"CREATE VIEW v{i} AS SELECT p.id FROM v{i - 1} p, v{i - 1} q;" for i in range(1, 40)
        )
        + "SELECT * FROM v39",
        "SELECT " + ", ".join(f"nope{i}" for i in range(800)) + " FROM customer",
    ],
    ids=["columns", "functions", "views", "names"],
)
def test_what_doubles_with_every_step_ends_soon(world: World, text: str) -> None:
    # Seconds of this process: doubled forty times it would never end.
    before = time.process_time()
    trace(text, world.schema, search_path=PATH)
    assert time.process_time() - before < 20
