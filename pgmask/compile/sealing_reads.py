"""What the sealing triggers ask of stores, as functions of a role that reaches no key.

PostgreSQL evaluates constant calls of immutable functions while it plans a query: those of index
predicates, statistics and CHECKs of the tables in it.  They are the application's code, so no
function of the sealer plans a query on a store (ADR 0034): it hands its row over, and gets back
flags, digests and yes or no.  Rows come as they are about to be stored, masked; a subject's key
comes as text, because at that moment the row still holds plain values.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pgmask.compile.context import READER
from pgmask.compile.sealing_parts import digest_of, forms, key_match, only
from pgmask.compile.sealing_rewrite import columns_of
from pgmask.compile.sealing_spec import (
    Bundle,
    Coding,
    SealedColumn,
    SealSpec,
    SubjectRow,
    UniqueKey,
)
from pgmask.compile.sealing_sql import any_of, indented, lines, row_key, value_of
from pgmask.names import Name
from pgmask.sqltext import literal

READER_ONLY = only(READER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """One such function of a table: ``seal_<table>_<part>``.

    parameters: ``new``, a row of the store, or ``p_key``; body: without its first statement.
    """

    part: str
    returns: str
    body: str
    says: str
    parameters: str = ""
    declare: str = ""

    @property
    def text(self) -> str:
        """The whole body."""
        head = f"DECLARE\n{self.declare}\n" if self.declare else ""
        return f"{head}BEGIN\n{indented(lines(READER_ONLY, self.body))}\nEND"


def reads(spec: SealSpec) -> Iterator[Read]:
    """Those that the triggers of the table call."""
    row = f"new {spec.store.quoted}"
    for n, bundle in enumerate(spec.bundles):
        if bundle.row is not None and bundle.subject is not None:
            yield _subject(spec, n, bundle, bundle.row)
    if orders(spec):
        yield Read(
            part="order", parameters=row, returns="text", body=_order(spec),
            says="Waits for those who have read the row's flags",
        )  # fmt: skip
    if spec.upserts and spec.unique_keys:
        yield Read(
            part="hidden", parameters=row, returns="boolean", body=_hidden(spec),
            says="Whether a row in the way is hidden from the caller",
        )  # fmt: skip
    if spec.unsealing:
        return
    if spec.unique_keys:
        yield Read(
            part="probe", parameters=row,
            returns="TABLE (hit_key text, hit_digest text, hit_forms boolean[])",
            body=_probe(spec), says="The rows that an upsert meets, locked",
        )  # fmt: skip
    if other_keys(spec):
        yield Read(
            part="meets", parameters=row, returns="boolean", body=_meets(spec),
            says="Whether a row is in the way",
        )  # fmt: skip
    for column in spec.columns:
        if column.shared_by is not None and column.index_column is not None:
            yield Read(
                part=f"shared_{column.name}", parameters=row, returns="boolean",
                body=_shared(spec, column), says=f"Whether many rows have this {column.name}",
            )  # fmt: skip


def orders(spec: SealSpec) -> bool:
    """Whether reaching the grade waits for inserts that have read the old flags."""
    return bool(spec.dependants and spec.has_high)


def other_keys(spec: SealSpec) -> tuple[UniqueKey, ...]:
    """The unique keys beside the primary one."""
    primary = tuple(t.name.text for t in spec.key)
    return tuple(
        k for k in spec.unique_keys
        if k.predicate is not None or tuple(n for p in k.parts for n in columns_of(p)) != primary
    )  # fmt: skip


def _subject(spec: SealSpec, n: int, bundle: Bundle, row: SubjectRow) -> Read:
    """Under a lock that orders us with a change of the subject's grade."""
    assert bundle.subject is not None  # noqa: S101  asked by the caller
    typed = bundle.subject
    key = value_of(typed, "p_key") if typed.coding is Coding.HEX else f"p_key::{typed.type}"
    unit = f", s.{row.unit.quoted} AS unit" if row.unit and spec.keeps_unit and n == 0 else ""
    return Read(
        part=f"subject_{n}",
        # As text: a column's new type must not make a second function beside the first.
        parameters="p_key text",
        returns="record",
        declare="  v_row record;",
        body=lines(
            "SELECT s.pgmask_high_value AS high_value, s.pgmask_restricted AS restricted" + unit,
            "  INTO v_row",
            f"  FROM {row.relation.quoted} AS s",
            f" WHERE s.{row.key.quoted} = {key}",
            "   FOR KEY SHARE;",
            "IF FOUND THEN\n  RETURN v_row;\nEND IF;",
            "RETURN NULL;",
        ),
        says="Flags and unit of a subject",
    )


def _order(spec: SealSpec) -> str:
    own = " AND ".join(f"c.{k.name.quoted} = NEW.{k.name.quoted}" for k in spec.key)
    return f"PERFORM FROM {spec.store.quoted} AS c WHERE {own} FOR UPDATE;\nRETURN NULL;"


def _hidden(spec: SealSpec) -> str:
    """Whether there is a row in the way at all comes first: mostly there is none, and preparing to
    ask who sees it costs more than everything else in this function.
    """
    met = "\n    OR ".join(f"({key_match(key, 'NEW')})" for key in spec.unique_keys)
    sees = "\n".join(f"WHEN {literal(p)} THEN {condition}" for p, condition in spec.upserts)
    return (
        f"IF NOT EXISTS (\n  SELECT FROM {spec.store.quoted} AS c\n   WHERE {met}\n) THEN\n"
        "  RETURN FALSE;\nEND IF;\n"
        f"RETURN EXISTS (\n  SELECT FROM {spec.store.quoted} AS c\n"
        f"   WHERE ({met})\n"
        "     AND CASE (SELECT s.profile FROM pgmask_private.identity_state AS s)\n"
        f"{sees}\nELSE TRUE END IS NOT TRUE\n);"
    )


def _probe(spec: SealSpec) -> str:
    hits = ",\n    ".join(
        f'c.{Name(name).quoted}::text COLLATE "C" = {ref}::text COLLATE "C"'
        for name, ref in forms(spec)
    )
    return lines(
        *(
            f"RETURN QUERY\nSELECT {row_key(spec, 'c')}, {digest_of(spec, 'c')},\n"
            f"  ARRAY[{hits}]::boolean[]\n"
            f"  FROM {spec.store.quoted} AS c\n"
            f" WHERE {key_match(key, 'NEW')}\n"
            f"   FOR NO KEY UPDATE;"
            for key in spec.unique_keys
        )
    )


def _meets(spec: SealSpec) -> str:
    met = any_of(
        f"EXISTS (SELECT FROM {spec.store.quoted} AS c WHERE {key_match(k, 'NEW')})"
        for k in other_keys(spec)
    )
    return f"RETURN {met};"


def _shared(spec: SealSpec, column: SealedColumn) -> str:
    """Counted on the blind index up to the bound."""
    assert column.index_column is not None  # noqa: S101  asked by the caller
    own = " AND ".join(f"c.{k.name.quoted} = NEW.{k.name.quoted}" for k in spec.key)
    return (
        f"RETURN {column.shared_by} <= (\n  SELECT count(*) FROM (\n"
        f"    SELECT FROM {spec.store.quoted} AS c\n"
        f"     WHERE c.{column.index_column.quoted} = NEW.{column.index_column.quoted}\n"
        f"       AND ({own}) IS NOT TRUE LIMIT {column.shared_by}) AS s);"
    )
