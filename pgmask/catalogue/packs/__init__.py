"""Policy packs: rule books as data files, several in force together (A2)."""

from pgmask.catalogue.packs.model import (
    CategoryRule,
    DerivationRule,
    HighValueRule,
    KindRule,
    Level2Plain,
    LevelName,
    OutsourcedRule,
    Pack,
    PackInterpretation,
)
from pgmask.catalogue.packs.policy import Demand, Policy
from pgmask.catalogue.packs.read import pack_digest, read_pack, shipped_packs

__all__ = [
    "CategoryRule",
    "Demand",
    "DerivationRule",
    "HighValueRule",
    "KindRule",
    "Level2Plain",
    "LevelName",
    "OutsourcedRule",
    "Pack",
    "PackInterpretation",
    "Policy",
    "pack_digest",
    "read_pack",
    "shipped_packs",
]
