"""The reference page of the kinds, written from the registry."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.kinds.model import Kind
from pgmask.kinds.registry import KINDS
from pgmask.kinds.types import type_treatment

_COLUMN_TYPES = (
    "text",
    "varchar(n)",
    "char(n)",
    "numeric",
    "date",
    "timestamp",
    "boolean",
    "json",
    "bytea",
    "uuid",
    "enum",
    "text[]",
)
_SIGN = {"mask": "mask", "null": "NULL", "refused": "-"}

_HEAD = """\
# Kinds of values

A kind says what a value is: how it is masked, which values are valid, in which form it is searched.
The catalogue names it (`kind: mobile`). Written by `nox -s docs` from `pgmask/kinds`.

Every mask has as many characters as the value and consists of the value's own characters and `*`.
A value shorter than the rule's form, or not in its plain form (country prefix, separators,
full-width digits, blanks before it), is masked whole: positions say nothing about it. NULL stays
NULL, the empty text stays empty. A mask is never a valid value of its kind: validators refuse both
glyphs, `*` and the second glyph `•` (U+2022), which the sealing trigger puts where two masks
collide. A name written with U+2022 between its parts is therefore refused; write `·` (U+00B7).
"""

_TYPES = """\
## What a column type gets

`mask`: the column stores the mask. `NULL`: the type has no value that is not a valid one, so the
column stores NULL beside the sealed truth and is written through the generated function. `-`:
refused when the catalogue is checked. A domain gets what the type beneath it gets, and its checks
move into the sealing trigger. Trailing blanks of `char(n)` are not part of the value.
"""


def kinds_page() -> str:
    """docs/reference/kinds.md as text."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _HEAD
    yield "| Kind | | Default mask shows | Example | Masked |"
    yield "|---|---|---|---|---|"
    for kind in KINDS.values():
        example, masked = _cell(kind.example), _cell(kind.mask(kind.example) or "")
        yield (
            f"| `{kind.name}` | {kind.title} ({kind.title_zh}) | {kind.rule().shows.says} "
            f"| `{example}` | `{masked}` |"
        )
    yield ""
    yield _TYPES
    yield f"| Kind | {' | '.join(_COLUMN_TYPES)} |"
    yield "|---" * (len(_COLUMN_TYPES) + 1) + "|"
    for kind in KINDS.values():
        cells = (_treatment(kind.name, column_type) for column_type in _COLUMN_TYPES)
        yield f"| `{kind.name}` | {' | '.join(cells)} |"
    for kind in KINDS.values():
        yield ""
        yield from _section(kind)


def _section(kind: Kind) -> Iterator[str]:
    yield f"## {kind.name}"
    yield ""
    title = f"{kind.title} ({kind.title_zh})"
    yield f"{title}; category `{kind.category}` unless a pack says otherwise."
    if kind.note:
        yield kind.note
    if kind.never_shown:
        yield "Never shown to anybody."
    elif kind.hidden_by_default:
        yield "Hidden in views unless the catalogue says otherwise."
    yield ""
    for rule in kind.masks:
        default = " (default)" if rule.name == kind.default_mask else ""
        shown = _cell(rule.shows.apply(kind.example) or "")
        yield f"* mask `{rule.name}`{default}, `{rule.function}`:"
        yield f"  shows {rule.shows.says}: `{shown}`"
    yield f"* valid: `{kind.validator}`"
    search = f"`{kind.normaliser}`" if kind.normaliser else "not searchable by exact value"
    yield f"* normal form for the blind index: {search}"


def _treatment(kind: str, column_type: str) -> str:
    is_enum = column_type == "enum"
    return _SIGN[type_treatment(kind, column_type, is_enum=is_enum).at_rest]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
