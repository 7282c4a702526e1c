"""The rules, one file each: ``pmNNN_name.py`` holds ``RULE``."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Final

from pgmask.verdict.rule import Rule


def _load() -> tuple[Rule, ...]:
    names = sorted(m.name for m in pkgutil.iter_modules(__path__) if m.name.startswith("pm"))
    return tuple(importlib.import_module(f"{__name__}.{name}").RULE for name in names)


RULES: Final[tuple[Rule, ...]] = _load()
