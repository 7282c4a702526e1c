"""GROUP BY of the primary key alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity
from pgmask.verdict.rule import Hit, Rule
from pgmask.verdict.tree import Node, bare, only, strings

_AGGREGATES = frozenset(
    "count sum avg min max array_agg string_agg bool_and bool_or every json_agg jsonb_agg"
    " json_object_agg jsonb_object_agg xmlagg stddev variance mode percentile_cont"
    " percentile_disc any_value bit_and bit_or bit_xor corr grouping".split()
)


def check(case: Case) -> Iterator[Hit]:
    """Selected columns that are grouped by nothing but the key of their row."""
    for node in case.of("SelectStmt"):
        clause = node.get("groupClause", [])
        if clause:
            yield from _ungrouped(case, node, clause)


def _ungrouped(case: Case, node: Node, clause: list[Any]) -> Iterator[Hit]:
    targets = [t.get("ResTarget", {}) for t in node.get("targetList", ())]
    grouped, keys = set(), set()
    for one in clause:
        kind, content = bare(one)
        if kind == "A_Const":
            number = case.number(one)
            if number is not None and 0 < number <= len(targets):
                kind, content = bare(targets[number - 1].get("val"))
        if kind != "ColumnRef":
            return  # grouping sets and expressions: the server's to judge
        grouped.add(strings(content.get("fields"))[-1:])
        for sight in case.sights({"ColumnRef": content}):
            keys |= {sight.table.id} if _primary(case, sight.table.id, sight.name) else set()
    named = {t.get("name") for t in targets} - {None}
    for target in targets:
        for reference in _outside(target.get("val")):
            names = strings(reference.get("fields"))
            if not names or names[-1:] in grouped or names[-1] in named:
                continue
            for sight in case.sights({"ColumnRef": reference}):
                if sight.table.id in keys:
                    yield Hit(
                        message=f"{sight.table.id}.{sight.name} does not follow from the key: "
                        "a view has none",
                        position=case.at(reference),
                    )
                    return


def _primary(case: Case, table: str, column: str) -> bool:
    if case.policy is None:
        return False
    return any(
        c.table.id == table and c.relation.primary_key == (column,) for c in case.policy.contexts
    )


def _outside(tree: Any) -> Iterator[Node]:
    """Column references outside of aggregates."""
    kind, content = only(tree)
    if kind == "ColumnRef":
        yield content
    elif kind == "FuncCall" and (strings(content.get("funcname")) or ("",))[-1] in _AGGREGATES:
        return
    elif kind in ("SubLink",):
        return
    elif isinstance(tree, dict):
        for value in tree.values():
            yield from _outside(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _outside(value)


RULE = Rule(
    code="PM670",
    name="group-by-key",
    severity=Severity.DENY,
    check=check,
    migration=False,
    refused=True,
    example="SELECT c.id, c.status, count(*) FROM crm.customer AS c"
    " JOIN crm.policy AS p ON p.holder_id = c.id GROUP BY c.id",
    ok="SELECT c.id, c.status, count(*) FROM crm.customer AS c"
    " JOIN crm.policy AS p ON p.holder_id = c.id GROUP BY c.id, c.status",
)
