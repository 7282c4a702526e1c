"""Shapes of statements that several rules ask for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pgmask.kinds import KINDS
from pgmask.kinds.model import Kind
from pgmask.kinds.show import GLYPHS
from pgmask.verdict.case import Case, items
from pgmask.verdict.policy import Sight
from pgmask.verdict.tree import Node, bare, only, strings

ALTERS: Final = ("AlterTableStmt", "RenameStmt", "DropStmt", "IndexStmt", "CreateTrigStmt",
                 "CommentStmt", "RuleStmt", "AlterObjectSchemaStmt", "SecLabelStmt")  # fmt: skip


def kind_of(sight: Sight) -> Kind | None:
    """The kind of a column's values, None where none or several are possible."""
    column = sight.classified
    if column is None or column.kind is None or column.kind_by is not None:
        return None
    return KINDS.get(column.kind)


def as_shown(sight: Sight, value: str) -> str | None:
    """The mask of a value in this column; None where its kind is not known."""
    kind = kind_of(sight)
    if kind is None or sight.classified is None:
        return None
    return kind.mask(value, sight.classified.mask)


def visible(sight: Sight) -> tuple[int, int]:
    """How many characters the mask shows at the beginning and at the end of the usual form."""
    kind = kind_of(sight)
    if kind is None or sight.classified is None:
        return 0, 0
    return kind.rule(sight.classified.mask).shows.visible(kind.example)


def has_glyph(value: str) -> bool:
    """Whether a value has a mask glyph in it."""
    return any(glyph in value for glyph in GLYPHS)


def by_search(sight: Sight) -> str:
    """The hint that names the search function; '' without one."""
    return f"FROM {sight.search}('...'), which is counted and recorded." if sight.search else ""


def assigned(case: Case) -> Iterator[tuple[Node, str, Any]]:
    """(RangeVar, column, value node) of every value that INSERT and UPDATE give a column."""
    for node in case.of("InsertStmt"):
        columns = [c["ResTarget"].get("name", "") for c in node.get("cols", ())]
        rows = only(node.get("selectStmt"))[1].get("valuesLists", ())
        target = node.get("relation", {})
        if not columns and (view := case.view(target)) is not None:
            columns = list(view.sights)
        for row in rows:
            for column, value in zip(columns, items(row), strict=False):
                yield target, column, value
        yield from _set(target, only_value(node.get("onConflictClause")).get("targetList", ()))
    for node in case.of("UpdateStmt"):
        yield from _set(node.get("relation", {}), node.get("targetList", ()))


def only_value(node: Any) -> Node:
    """A node that may be missing."""
    return node if isinstance(node, dict) else {}


def _set(target: Node, targets: Any) -> Iterator[tuple[Node, str, Any]]:
    for one in targets:
        content = one.get("ResTarget", {})
        yield target, content.get("name", ""), content.get("val")


def keyed(case: Case) -> bool:
    """Whether a condition picks single records, or a small LIMIT holds the rows down."""
    limit = case.body.get("limitCount")
    if limit is not None and (case.parameter(limit) or (case.number(limit) or 1_000_000) <= SMALL):
        return True
    for found in case.comparisons:
        if found.operator != "=" or found.node.get("kind") not in ("AEXPR_OP", "AEXPR_IN"):
            continue
        if len(found.other) > SMALL or any(bare(o)[0] == "ColumnRef" for o in found.other):
            continue
        if any(is_key(case, s) for s in case.sights(found.column)):
            return True
    return False


SMALL: Final = 100


def is_key(case: Case, sight: Sight) -> bool:
    """Whether one value of the column means one record, or the records of one subject."""
    if case.policy is None:
        return False
    table = sight.table
    subject = case.policy.catalogue.subject(table.subject_class) if table.subject_class else None
    if sight.name == table.subject or (
        subject is not None and subject.table == table.id and subject.key == sight.name
    ):
        return True
    for context in case.policy.contexts:
        if context.table is table:
            relation = context.relation
            keys = [c.columns for c in relation.constraints if c.type in "pu"]
            return (sight.name,) in keys
    return False


def changed_names(case: Case) -> Iterator[tuple[str, tuple[str, str], Node]]:
    """(what, schema and name, node) of relations that a definition statement changes.

    what: the statement's kind, and for DROP and COMMENT the sort of object.
    """
    if case.kind in ("DropStmt", "CommentStmt", "SecLabelStmt"):
        yield from _listed(case)
        return
    for kind in ALTERS:
        if case.kind == kind:
            node = case.body.get("relation") or {}
            if "relname" in node:
                yield kind, case.place(node), node


def _listed(case: Case) -> Iterator[tuple[str, tuple[str, str], Node]]:
    sort = case.body.get("removeType") or case.body.get("objtype") or ""
    objects = case.body.get("objects") or [case.body.get("object")]
    part = sort in ("OBJECT_POLICY", "OBJECT_TRIGGER", "OBJECT_RULE", "OBJECT_COLUMN",
                    "OBJECT_TABCONSTRAINT")  # fmt: skip
    for one in objects:
        names = strings(only(one)[1].get("items"))
        if part:
            names = names[:-1]
        if names and sort not in ("OBJECT_FUNCTION", "OBJECT_SCHEMA", "OBJECT_ROLE"):
            node = {"relname": names[-1], "schemaname": names[-2] if len(names) > 1 else ""}
            yield sort, case.place(node), node
