"""What a column of a given type gets when it holds a kind: a mask, NULL at rest, or a refusal.

A mask has a glyph in it, so only character types can hold one.  Any other type would need a mask
that is itself a valid value, and the database could not tell it from the truth: such a column
stores NULL beside the sealed truth and is written through a function, or it is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from pgmask.kinds.registry import KINDS

AtRest = Literal["mask", "null", "refused"]

_FAMILIES: dict[str, tuple[str, ...]] = {
    "text": ("text", "character varying", "varchar", "character", "char", "bpchar", "citext"),
    "number": (
        "smallint", "integer", "bigint", "numeric", "decimal", "real", "double precision",
        "int2", "int4", "int8", "int", "float4", "float8", "money",
    ),
    "date": ("date",),
    "time": (
        "timestamp", "timestamptz", "timestamp without time zone", "timestamp with time zone",
        "time", "timetz", "time without time zone", "time with time zone", "interval",
    ),
    "boolean": ("boolean", "bool"),
    "json": ("json", "jsonb"),
    "bytes": ("bytea",),
    "uuid": ("uuid",),
}  # fmt: skip
_FAMILY_OF = {name: family for family, names in _FAMILIES.items() for name in names}

_WORDS = {
    "text": "character types",
    "number": "numeric types",
    "date": "date",
    "time": "timestamp, time and interval",
    "boolean": "boolean",
    "json": "json and jsonb",
    "bytes": "bytea",
    "uuid": "uuid",
    "enum": "enums",
    "array": "arrays",
}

_NO_GLYPH = {
    "number": "a number has no place for a mask glyph",
    "date": "a date has no place for a mask glyph",
    "time": "a point in time has no place for a mask glyph",
    "boolean": "a boolean has no value that is not a valid one",
    "json": "a masked document would be a valid document",
    "bytes": "every byte string is a valid value",
    "uuid": "a uuid has no place for a mask glyph",
    "enum": "an enum has no value that is not a valid one",
    "array": "a masked array would be a valid array",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """What a column gets.

    sealable: whether the truth can be sealed; at_rest: ``mask`` (the masked value), ``null``
    (NULL beside the sealed truth; never "mask means unchanged") or ``refused``; reason: why;
    way_out: what the author of the catalogue can do, '' where nothing is needed.
    """

    sealable: bool
    at_rest: AtRest
    reason: str
    way_out: str = ""


def base_name(column_type: str) -> str:
    """The name of a type without its modifier: ``numeric(10,2)`` gives ``numeric``."""
    name = re.sub(r"\s*\([^)]*\)", "", column_type.strip().lower())
    name = name.removeprefix("pg_catalog.")
    return re.sub(r"\s+", " ", name)


def family_of(
    column_type: str, *, base_type: str | None = None, is_enum: bool = False
) -> str | None:
    """The type family of a column, None for a type that no kind can live in.

    column_type: as ``format_type`` writes it; base_type: the type beneath a domain, None otherwise.
    """
    name = base_name(base_type or column_type)
    if name.endswith("[]"):
        return "array"
    if is_enum:
        return "enum"
    if name.rpartition(".")[2] == "citext":
        return "text"
    return _FAMILY_OF.get(name)


def type_treatment(
    kind: str, column_type: str, *, base_type: str | None = None, is_enum: bool = False
) -> Treatment:
    """What a column of this type gets for this kind.

    column_type: as ``format_type`` writes it (``character varying(20)``, ``date[]``); base_type:
    the type beneath a domain; is_enum: from ``pg_type.typtype``.  ``KeyError`` for an unknown kind.
    """
    known = KINDS[kind]
    family = family_of(column_type, base_type=base_type, is_enum=is_enum)
    allowed = ", ".join(_WORDS[name] for name in known.families)
    if family is None:
        return Treatment(
            sealable=False,
            at_rest="refused",
            reason=f"type {column_type} cannot be sealed",
            way_out=f"change the column to a type that kind {kind} can live in ({allowed}), "
            "or leave the table out",
        )
    if family not in known.families:
        return Treatment(
            sealable=False,
            at_rest="refused",
            reason=f"kind {kind} does not live in type {column_type}",
            way_out=f"choose another kind, or a column of one of: {allowed}",
        )
    if family == "text":
        if base_type is not None:
            return Treatment(
                sealable=True,
                at_rest="mask",
                reason="the domain's checks move into the sealing trigger; the store keeps its "
                "base type",
            )
        return Treatment(sealable=True, at_rest="mask", reason="a mask has the value's length")
    return Treatment(
        sealable=True,
        at_rest="null",
        reason=f"{_NO_GLYPH[family]}: the store keeps NULL beside the sealed truth",
        way_out="write it through the generated function; for a visible mask change the column "
        "to text"
        if "text" in known.families
        else "write it through the generated function",
    )
