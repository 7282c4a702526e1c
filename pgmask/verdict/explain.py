"""What a profile sees of each output column, with an invented value in the form it comes back."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

from pgmask.kinds.generate import GENERATORS
from pgmask.lineage.model import Flow
from pgmask.verdict.model import Shown, ShownOutput, Verdict
from pgmask.verdict.policy import Policy, Sight
from pgmask.verdict.shapes import as_shown, kind_of

_SEED: Final = 7
_WORDS: Final = {
    Shown.TRUTH: "the value",
    Shown.MASK: "a mask",
    Shown.NULL: "NULL",
    Shown.REFUSED: "refused",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """One output column in words.

    sources: ``schema.table.column``, with how it flows where it is not the value itself; level,
    category, kind: '' without; sees: in words; example: an invented value in that form, '' where
    none can be made.
    """

    name: str
    sources: tuple[str, ...]
    level: str
    category: str
    kind: str
    sees: str
    example: str


def explained(verdict: Verdict, policy: Policy) -> tuple[Explained, ...]:
    """A line for every output column, in order."""
    return tuple(_explained(shown, policy) for shown in verdict.outputs)


def _explained(shown: ShownOutput, policy: Policy) -> Explained:
    sources, sights = [], []
    for source in shown.sources:
        how = "" if source.flow is Flow.DIRECT else f" ({source.flow.value})"
        sources.append(f"{source.column}{how}")
        sight = policy.sight(source.column)
        if sight is not None and source.level == shown.level:
            sights.append(sight)
    column = sights[0].classified if sights else None
    kind = kind_of(sights[0]) if sights else None
    sees = _WORDS[shown.form]
    if shown.output.flow in (Flow.EXPRESSION, Flow.AGGREGATE) and shown.form is not Shown.REFUSED:
        sees = f"computed from {sees}"
    return Explained(
        name=shown.output.name,
        sources=tuple(sources),
        level="" if shown.level is None else str(shown.level),
        category=column.category if column is not None else "",
        kind=kind.name if kind is not None else "",
        sees=sees,
        example=_example(shown, sights),
    )


def _example(shown: ShownOutput, sights: list[Sight]) -> str:
    if shown.form is Shown.NULL:
        return "NULL" if shown.output.flow is Flow.DIRECT else ""
    if shown.output.flow is not Flow.DIRECT or not sights or shown.form is Shown.REFUSED:
        return ""
    kind = kind_of(sights[0])
    if kind is None or kind.name not in GENERATORS:
        return ""
    value = GENERATORS[kind.name](Random(_SEED))  # noqa: S311 - an example, no secret
    return value if shown.form is Shown.TRUTH else as_shown(sights[0], value) or ""
