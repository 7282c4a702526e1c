"""The little about types that names depend on: rows' fields, elements, and what fits what."""

from __future__ import annotations

import re
from typing import Any, Final

from pgmask.facts.schema import Relation, TypeInfo, row_key, row_type
from pgmask.lineage.reader import Reader
from pgmask.lineage.scope import strings
from pgmask.lineage.session import Session

_TYPMOD: Final = re.compile(r"\([\d,\s-]+\)")
POLYMORPHIC: Final = frozenset(
    {
        "any", "anyelement", "anyarray", "anynonarray", "anyenum", "anyrange", "anymultirange",
        "anycompatible", "anycompatiblearray", "anycompatiblenonarray", "anycompatiblerange",
        "anycompatiblemultirange", "record", "record[]",
    }
)  # fmt: skip
UNKNOWN: Final = "unknown"
"""The elements of an array of something."""
TRIGGER_ROW: Final = "trigger row"
"""NEW and OLD: the row of whatever table the trigger is on, which the function does not say."""
_OWN_CATEGORY: Final = frozenset("UCE")


def bare(text: str) -> str:
    """A type without its length or precision."""
    return _TYPMOD.sub("", text) if "(" in text else text


def element(text: str) -> str:
    """The type of an array's elements."""
    text = bare(text)
    if text.endswith("[]"):
        return "" if text == f"{UNKNOWN}[]" else text[:-2]
    return text if text in ("jsonb", "") else ""


def type_name(r: Reader, node: dict[str, Any]) -> str:
    """The text of a TypeName, what it names where it is not known; something is to become one."""
    text = _type_name(r, node)
    if r.session.schema.checked:
        # Checks are expressions, and expressions have types.
        from pgmask.lineage import kept

        kept.coerced(r, text, node)
    return text


def _type_name(r: Reader, node: dict[str, Any]) -> str:
    names = strings(node.get("names", ()))
    if not names:
        return ""
    array = "[]" if node.get("arrayBounds") else ""
    if node.get("pct_type"):
        relation = r.session.relation(names[-3] if len(names) > 2 else None, names[-2])
        if relation is not None and names[-1] in relation.columns:
            return relation.types[relation.columns.index(names[-1])] + array
        return ""
    return _named(r.session, names[-2] if len(names) > 1 else None, names[-1]) + array


def _named(session: Session, schema: str | None, name: str) -> str:
    known = session.schema.types_by_name
    for place in (schema,) if schema is not None else session.search():
        found = known.get((place, name))
        if found is not None:
            return found.formatted
        relation = session.relation(place, name)
        if relation is not None:
            return row_type(relation.schema, relation.name)
    return name


def is_type(session: Session, schema: str | None, name: str) -> bool:
    """Whether a name is that of a type, so that calling it is a cast."""
    places = (schema,) if schema is not None else session.search()
    return any((place, name) in session.schema.types_by_name for place in places)


def without_domains(session: Session, text: str) -> str:
    """What a type is under the domains around it."""
    text = bare(text)
    for _ in range(8):
        info = session.schema.types_by_text.get(text)
        if info is None or info.kind != "d":
            break
        text = bare(info.base)
    return text


def row_of(session: Session, text: str) -> Relation | None:
    """The relation or composite type whose row a type is; through domains."""
    text = without_domains(session, text)
    key = row_key(text)
    own = session.state.relations.get(key) if key is not None else None
    return own or session.schema.rows_by_text.get(text)


def is_array(polymorphic: str) -> bool:
    """Whether a polymorphic type stands for arrays: anyarray, anycompatiblearray."""
    return polymorphic.endswith("array") and not polymorphic.endswith("nonarray")


def _is_of(given: str, wanted: str, info: TypeInfo | None) -> bool:
    """Whether a type is one of a family of types; a domain may be what it stands on."""
    if info is not None and info.kind == "d":
        return True
    if wanted.endswith("nonarray"):
        return not given.endswith("[]")
    if wanted.endswith("array"):
        return given.endswith("[]")
    for ending, kind in (("multirange", "m"), ("range", "r"), ("enum", "e")):
        if wanted.endswith(ending):
            return info is not None and info.kind == kind
    return True


def may_be(session: Session, given: str, wanted: str) -> bool:
    """Whether a value of one type can be taken where another is wanted; unknown ones fit all."""
    given, wanted = bare(given), bare(wanted)
    known = session.schema.types_by_text
    if not given or given in (wanted, UNKNOWN):
        return True
    if wanted in POLYMORPHIC or wanted.startswith('"any"'):
        return _is_of(given, wanted, known.get(given))
    have, want = known.get(given), known.get(wanted)
    for _ in range(8):
        if have is None or have.kind != "d":
            break
        given = bare(have.base)
        have = known.get(given)
    if given == wanted:
        return True
    if given == f"{UNKNOWN}[]":
        return want is not None and want.category == "A"
    if have is None or want is None:
        # Rows and arrays of rows have no entry of their own: they fit their like only.
        return False
    if have.category != want.category:
        return False
    if have.category == "A":
        return may_be(session, have.base, want.base)
    return have.category not in _OWN_CATEGORY
