"""How the record of changes shows a column: as a mask, as it is, as a digest, or as a sign.

The trigger runs with rights that the application does not have, so nothing here may set off code of
the application. Values of PostgreSQL's own types are compared and cast by PostgreSQL's own
operators; everything else is compared byte by byte (``record_image_ne``) and written by its output
function (``format``): a cast that the owner of an enum made is not asked, nor is ``to_jsonb``,
which asks it.
"""

from __future__ import annotations

from dataclasses import dataclass

from pgmask.catalogue.model import Column, Recorded
from pgmask.compile.columns import HIGH_VALUE
from pgmask.compile.context import Context
from pgmask.compile.sealing_spec import SealedColumn, SealSpec
from pgmask.compile.unsealing import OPENED
from pgmask.facts.model import ColumnFact
from pgmask.kinds import KINDS
from pgmask.kinds.types import base_name, family_of
from pgmask.names import Name
from pgmask.sqltext import literal

SIGN = "'•'::text"
"""Stands for a value that the record does not hold."""
_TEXTS = {"text", "character varying", "character", "name"}
_MOMENTS = {"date", "timestamp without time zone", "timestamp with time zone"}
"""JSON has them in ISO form, whatever DateStyle says."""
_EXACT = _TEXTS | _MOMENTS | {
    "smallint", "integer", "bigint", "numeric", "boolean", "uuid", "oid", "bytea",
    "real", "double precision", "time without time zone",
}  # fmt: skip
"""PostgreSQL's own types whose equal values are the same text, or as good as."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One column as the record shows it.

    differs: whether it changed, over the rows ``o`` and ``n``; own: the same for statements of
    pgmask's own, which turn plain values into masks; None: they do not change it.
    """

    name: str
    fact: ColumnFact
    recorded: Recorded
    known: Column | None
    sealed: SealedColumn | None
    spec: SealSpec | None
    masker: str
    """The table's function that masks: name of the mask's function, value, whether it is a mask."""

    @property
    def differs(self) -> str:
        """Whether the column changed, a sealed one also where its mask stayed the same."""
        found = _differs(self.fact)
        index = self.sealed.index_column if self.sealed is not None else None
        if index is None:
            return found
        return f"({found} OR o.{index.quoted} IS DISTINCT FROM n.{index.quoted})"

    @property
    def differs_shown(self) -> str | None:
        """Whether what the record shows of it changed; None where sealing changes nothing of it."""
        if self.sealed is None:
            return self.differs
        if not self.sealed.text:
            return None
        return f"({_differs(self.fact)} AND {self.shown('o')} IS DISTINCT FROM {self.shown('n')})"

    def shown(self, row: str) -> str:
        """What the record holds of it: an expression over the row's alias."""
        reference = f"{row}.{Name(self.name).quoted}"
        match self.recorded:
            case Recorded.PLAIN:
                moment = base_name(self.fact.base_type or self.fact.type) in _MOMENTS
                return reference if moment else text_of(self.fact, reference)
            case Recorded.HASH:
                if _base(self.fact) == "bytea":
                    return f"encode(sha256({reference}), 'hex')"
                return f"encode(sha256(convert_to({text_of(self.fact, reference)}, 'UTF8')), 'hex')"
            case Recorded.MASK if _family(self.fact) == "text":
                return self._masked(row, reference)
            case _:
                if self.sealed is not None and not self.sealed.text and self.sealed.always:
                    return SIGN  # NULL at rest, whatever it is
                return f"CASE WHEN num_nulls({reference}) = 0 THEN {SIGN} END"

    def _masked(self, row: str, reference: str) -> str:
        column = self.known
        if column is None:
            return SIGN
        text, stored = text_of(self.fact, reference), self._stored(row)
        if column.kind_by is None:
            return self._call(column.kind or "free_text", column.mask, text, stored)
        chosen = f"format('%s', {row}.{Name(column.kind_by.column).quoted})"
        whens = " ".join(
            f"WHEN {literal(given)} THEN {self._call(kind, None, text, stored)}"
            for given, kind in column.kind_by.cases
        )
        otherwise = self._call(column.kind_by.otherwise, None, text, stored)
        return f"CASE {chosen} {whens} ELSE {otherwise} END"

    def _stored(self, row: str) -> str:
        """Whether the column of this row should hold a mask already."""
        if self.sealed is None or self.spec is None:
            return "false"
        tests = [f"{row}.{self.spec.bundle(self.sealed.bundle).sealed.quoted} IS NOT NULL"]
        if not self.sealed.always:
            tests.append(f"{row}.{HIGH_VALUE.quoted}")
        if self.spec.unsealing:
            tests.append(f"{row}.{OPENED.quoted} IS NOT TRUE")
        return " AND ".join(tests)

    def _call(self, kind: str, mask: str | None, text: str, stored: str) -> str:
        return f"{self.masker}({literal(KINDS[kind].rule(mask).function)}, {text}, {stored})"

    @property
    def masks(self) -> tuple[str, ...]:
        """The functions of the masks that may be asked for."""
        if self.recorded is not Recorded.MASK or self.known is None:
            return ()
        if self.known.kind_by is None:
            return (KINDS[self.known.kind or "free_text"].rule(self.known.mask).function,)
        kinds = (*(k for _, k in self.known.kind_by.cases), self.known.kind_by.otherwise)
        return tuple(KINDS[k].rule(None).function for k in kinds)


def values_of(
    context: Context, spec: SealSpec | None, facts: tuple[ColumnFact, ...], masker: str
) -> tuple[Value, ...]:
    """The application's columns as the record shows them, in the table's order."""
    sealed = {c.name: c for c in spec.columns} if spec is not None else {}
    found = []
    for fact in facts:
        known = context.table.column(fact.name)
        found.append(
            Value(
                name=fact.name,
                fact=fact,
                recorded=recorded(known, fact),
                known=known,
                sealed=sealed.get(fact.name),
                spec=spec,
                masker=masker,
            )
        )
    return tuple(found)


def recorded(known: Column | None, fact: ColumnFact) -> Recorded:
    """What the catalogue says of the column, or what follows from its level, kind and type."""
    if known is None:
        return Recorded.OMIT
    if known.audit is not None:
        return known.audit
    if known.never_shown or known.hidden_by_default:
        return Recorded.OMIT
    if known.level < 3:
        return Recorded.MASK
    documents = {"json", "jsonb", "xml", "bytea"}
    return Recorded.OMIT if _base(fact) in documents else Recorded.PLAIN


def text_of(fact: ColumnFact, reference: str) -> str:
    """The value as text, NULL for NULL, by no code but PostgreSQL's and the type's output."""
    base = _base(fact)
    if base == "bytea":
        return f"encode({reference}, 'hex')"
    if base in _EXACT:
        return f"{reference}::text"
    return f"CASE WHEN num_nulls({reference}) = 0 THEN format('%s', {reference}) END"


def _differs(fact: ColumnFact) -> str:
    return changed(fact, f"o.{Name(fact.name).quoted}", f"n.{Name(fact.name).quoted}")


def changed(fact: ColumnFact, old: str, new: str) -> str:
    """Whether two values of a column differ."""
    base = _base(fact)
    if base in _TEXTS:
        # A collation may hold A and a for equal.
        return f'({old} COLLATE "C") IS DISTINCT FROM ({new} COLLATE "C")'
    if base in _EXACT:
        return f"{old} IS DISTINCT FROM {new}"
    return f"record_image_ne(ROW({old}), ROW({new}))"


def _base(fact: ColumnFact) -> str:
    return base_name(fact.base_type or fact.type)


def _family(fact: ColumnFact) -> str | None:
    return family_of(fact.type, base_type=fact.base_type, is_enum=fact.kind == "e")
