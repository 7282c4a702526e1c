"""Kinds of values: masks, validators, normal forms, and what each column type gets.

``KINDS`` is the registry.  The SQL side stands in ``sql/21_fn_kinds_*.sql``; this side knows the
same masks as data, so that floors of policy packs can be compared with them and examples shown
without a database.
"""

from pgmask.kinds.floor import Floor, FloorShape, parse_floor
from pgmask.kinds.model import Kind, MaskRule
from pgmask.kinds.registry import KINDS
from pgmask.kinds.show import ALTERNATE_GLYPH, GLYPH, GLYPHS, SAMPLE_LENGTHS, ShowRule
from pgmask.kinds.types import Treatment, family_of, type_treatment

__all__ = [
    "ALTERNATE_GLYPH",
    "GLYPH",
    "GLYPHS",
    "KINDS",
    "SAMPLE_LENGTHS",
    "Floor",
    "FloorShape",
    "Kind",
    "MaskRule",
    "ShowRule",
    "Treatment",
    "family_of",
    "parse_floor",
    "type_treatment",
]
