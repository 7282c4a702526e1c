"""What an anonymous dump gives of each column: the mask, NULL, or what is no personal data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pgmask.catalogue.model import Catalogue, Column, Table
from pgmask.compile.sealing_rewrite import columns_of
from pgmask.compile.sealing_sql import glyph
from pgmask.facts.model import ColumnFact, Facts, RelationFact
from pgmask.kinds import KINDS
from pgmask.kinds.types import family_of
from pgmask.names import Name
from pgmask.sqltext import literal

PREFIX = "pgmask_"
_FREE = "free_text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One column of a table in the dump.

    expression: over ``t``; nullable: NULL is given for all rows, so NOT NULL must wait; problem:
    why it can be given in no anonymous form, '' where it can.
    """

    name: str
    expression: str
    nullable: bool = False
    problem: str = ""


def given(
    catalogue: Catalogue, facts: Facts, table: Table, relation: RelationFact, keep: frozenset[str]
) -> tuple[Given, ...]:
    """Every column of a protected table, in the table's order; generated ones are left out.

    keep: ``schema.table.column`` of level 2 that are given as they are, by decision.
    """
    return tuple(_given(catalogue, facts, table, relation, keep))


def _given(
    catalogue: Catalogue, facts: Facts, table: Table, relation: RelationFact, keep: frozenset[str]
) -> Iterator[Given]:
    keyed = _keyed(facts, relation)
    unique = {n for i in relation.indexes if i.unique for n in i.reads}
    checked = {
        n
        for c in relation.constraints
        if c.type == "c" and not c.name.startswith(PREFIX)
        for n in columns_of(c.definition[len("CHECK ") :].removesuffix(" NOT VALID"))
    }
    for fact in relation.columns:
        if fact.name.startswith(PREFIX) or fact.generated:
            continue
        at = f"t.{Name(fact.name).quoted}"
        column = table.column(fact.name)
        where = f"{table.id}.{fact.name}"
        if column is None:
            yield Given(name=fact.name, expression="", problem=f"{where} is not classified")
        elif column.level == 3 or (column.level == 2 and where in keep):
            yield Given(name=fact.name, expression=at)
        elif fact.name in keyed:
            yield Given(
                name=fact.name, expression="",
                problem=f"{where} is in a key that others refer to, which a mask would break",
            )  # fmt: skip
        elif family_of(fact.base_type or fact.type) == "text" and fact.name not in checked:
            yield Given(
                name=fact.name,
                expression=_numbered(relation) if fact.name in unique else _mask(column, fact, at),
            )
        else:
            yield _empty(column, fact, where, checked)


def _keyed(facts: Facts, relation: RelationFact) -> frozenset[str]:
    found: set[str] = set(relation.primary_key)
    for constraint in relation.constraints:
        if constraint.type == "f":
            found |= set(constraint.columns)
    for other in facts.relations:
        for constraint in other.constraints:
            if constraint.type == "f" and constraint.target == relation.qualified:
                found |= set(constraint.target_columns)
    return frozenset(found)


def _mask(column: Column, fact: ColumnFact, at: str) -> str:
    """The stored mask where it is one; else its mask, made now."""
    text = f"{at}::text"
    if column.kind_by is not None:
        arms = " ".join(
            f"WHEN {literal(case)} THEN {_call(kind, None, text)}"
            for case, kind in column.kind_by.cases
        )
        otherwise = _call(column.kind_by.otherwise, None, text)
        by = f"t.{Name(column.kind_by.column).quoted}::text"
        made, whole = f"CASE {by} {arms} ELSE {otherwise} END", False
    else:
        kind = column.kind if column.kind in KINDS else _FREE
        made = _call(kind or _FREE, column.mask, text)
        whole = not KINDS[kind or _FREE].rule(column.mask).shows.forms
    if whole:
        return made
    # A mask under its own mask would show nothing any more.
    return f"CASE WHEN {glyph(text)} THEN {text} ELSE {made} END"


def _call(kind: str, mask: str | None, text: str) -> str:
    return f"{KINDS[kind].rule(mask).function}({text})"


def _numbered(relation: RelationFact) -> str:
    """A mask that no other row has: a unique key holds the column."""
    return "('*' || pg_catalog.row_number() OVER ())"


def _empty(column: Column, fact: ColumnFact, where: str, checked: set[str]) -> Given:
    """A column that can hold no mask: NULL, or of an enum that may not be NULL its first value."""
    text = family_of(fact.base_type or fact.type) == "text"
    if not fact.not_null:
        return Given(name=fact.name, expression=f"NULL::{fact.type}", nullable=True)
    if fact.kind == "e":
        return Given(name=fact.name, expression=f"(pg_catalog.enum_range(NULL::{fact.type}))[1]")
    if text or fact.domain_not_null or family_of(fact.base_type or fact.type) is None:
        why = (
            "a CHECK of the table would refuse its mask"
            if fact.name in checked
            else ("its type can hold no mask")
        )
        return Given(
            name=fact.name, expression="",
            problem=f"{where} (level {column.level}) may not be NULL, and {why}",
        )  # fmt: skip
    return Given(name=fact.name, expression=f"NULL::{fact.type}", nullable=True)
