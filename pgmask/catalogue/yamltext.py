"""Scalars as YAML text that any reader takes for the same string."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Final

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_UNPRINTED: Final = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
# Words that some YAML reader types as something else.
_TYPED: Final = frozenset(
    "null true false yes no on off y n none nan inf".split()
)  # fmt: skip


def scalar(value: object) -> str:
    """A text, number or flag; texts are quoted unless plain words."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    text = str(value)
    if _PLAIN.fullmatch(text) and (text.lower() not in _TYPED or text == "none"):
        return text
    # JSON's string is YAML's double-quoted one, but for characters that YAML does not print.
    return _UNPRINTED.sub(lambda m: f"\\u{ord(m[0]):04x}", json.dumps(text, ensure_ascii=False))


def flow_list(values: Iterable[object]) -> str:
    """``[a, b]``."""
    return "[" + ", ".join(map(scalar, values)) + "]"


def flow_map(pairs: Iterable[tuple[object, object]]) -> str:
    """``{a: b}``."""
    return "{" + ", ".join(f"{scalar(k)}: {scalar(v)}" for k, v in pairs) + "}"
