"""Which of the application's functions may come to run with other rights than the caller's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pgmask.facts.schema import Function, Schema
from pgmask.verdict.policy import OWN_SCHEMAS, Policy

_SYSTEM: Final = OWN_SCHEMAS | {"pg_catalog", "information_schema"}
_CALLED: Final = re.compile(r'([\w$]+)"?\s*\(')
_KEY: Final = "reaches a definer"


def own(schema: Schema, policy: Policy) -> Iterator[Function]:
    """Functions that are neither the system's, an extension's, nor pgmask's."""
    for name, rows in schema.function_rows.items():
        if any(row[0] not in _SYSTEM for row in rows):
            yield from (f for f in schema.functions(name) if _is_own(f, policy))


def _is_own(function: Function, policy: Policy) -> bool:
    return (
        function.schema not in _SYSTEM
        and not function.extension
        and (function.schema, function.name) not in policy.generated
    )


def reaching(schema: Schema, policy: Policy) -> frozenset[str]:
    """Names of those that are SECURITY DEFINER, or whose text names such a one as called."""
    found = schema.memo.get(_KEY)
    if found is None:
        every = tuple(own(schema, policy))
        names = {f.name for f in every if f.definer}
        mentioned = {
            f: {*_CALLED.findall(f"{f.body or ''} {f.default_text}"), *(b[1] for b in f.behind)}
            for f in every
        }
        more = True
        while more:
            new = {f.name for f in every if mentioned[f] & names} - names
            names |= new
            more = bool(new)
        found = schema.memo[_KEY] = frozenset(names)
    result: frozenset[str] = found
    return result
