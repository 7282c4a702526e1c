"""From evidence to a proposal, by adding points (A1).

Points are powers of ten of the odds: +1 makes a thing ten times as likely, -1 a tenth.  Every kind
begins at ``PRIOR``, because of a hundred columns about one is of a given kind; "says nothing of a
person" begins at ``PRIOR_PLAIN``, because most columns are.  Evidence adds its points, and
the confidence is odds / (1 + odds), never above ``MOST``.  The pieces are taken as independent,
which they are not quite, so the figure orders columns and is no frequency.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

from pgmask.catalogue.packs.policy import Policy
from pgmask.catalogue.schema_source import SchemaColumn
from pgmask.kinds import KINDS, family_of, type_treatment
from pgmask.kinds.names import Named, in_comment, plain_word, suggestions
from pgmask.scan.detect import DETECTORS
from pgmask.scan.model import Evidence, Proposal, Source, Statistics, Tally, Verdict

PRIOR: Final = -2.0
PRIOR_PLAIN: Final = 0.6
MOST: Final = 0.99
LEAST: Final = 0.5
"""A verdict needs at least this confidence; below it the column is open."""
FULL_SAMPLE: Final = 20
"""From so many values on they count in full."""
NAME: Final = {"strong": 3.0, "medium": 2.4, "weak": 1.6}
COMMENT: Final = {"strong": 2.6, "medium": 1.9, "weak": 1.0}
CONTRADICTED: Final = -3.5
"""The values cannot be what the name says."""
FITTING: Final = 0.3
CODES: Final = -2.5
"""A handful of different values are codes, no numbers or names of persons."""
PLAIN_NAME: Final = 1.0
PLAIN_TYPE: Final = 0.8
PLAIN_CODES: Final = 0.8
DISPUTED: Final = -1.5

_LEVELS: Final = {"person_name": 2, "policy_number": 2, "date": 2, "org_code": 2, "plate": 2}

Key = tuple[str, str]
"""Kind ('' for none) and category."""


@dataclass(slots=True)
class _Column:
    """One column under judgement; votes: points of each possible answer and their reasons."""

    source: Source
    column: SchemaColumn
    tally: Tally
    statistics: Statistics | None
    votes: dict[Key, list[Evidence]] = field(default_factory=dict)
    plain: list[Evidence] = field(default_factory=list)

    @property
    def family(self) -> str:
        column = self.column
        return family_of(column.type, base_type=column.base_type, is_enum=column.is_enum) or "other"

    def add(self, key: Key, source: str, text: str, points: float) -> None:
        self.votes.setdefault(key, []).append(Evidence(source=source, text=text, points=points))

    def holds(self, kind: str) -> bool:
        column = self.column
        return (
            not kind
            or type_treatment(
                kind, column.type, base_type=column.base_type, is_enum=column.is_enum
            ).at_rest
            != "refused"
        )


def judge(
    source: Source,
    column: SchemaColumn,
    tally: Tally,
    policy: Policy,
    statistics: Statistics | None = None,
) -> Proposal:
    """The proposal for one column; policy: the packs that give categories their levels."""
    under = _Column(source, column, tally, statistics)
    _names(under)
    _type(under)
    _values(under)
    few = _codes(under)
    points = {key: PRIOR + sum(e.points for e in found) for key, found in under.votes.items()}
    best = max(points, key=lambda k: (points[k], k)) if points else ("", "")
    confidence = _odds(points[best]) if points else 0.0
    if confidence >= LEAST:
        return _personal(under, best, confidence, policy)
    _plain(under, few, disputed=_disputed(under))
    confidence = _odds(PRIOR_PLAIN + sum(e.points for e in under.plain))
    # Without anything that speaks for it, "most columns are" is not enough to call one plain.
    sure = confidence >= LEAST and any(e.points > 0 for e in under.plain)
    rejected = tuple(e for found in under.votes.values() for e in found)
    return _proposal(
        under,
        Verdict.PLAIN if sure else Verdict.OPEN,
        confidence if sure else min(confidence, LEAST),
        evidence=(*under.plain, *rejected),
        level=3 if sure else None,
    )


def _odds(points: float) -> float:
    return min(MOST, 1.0 / (1.0 + math.pow(10.0, -points)))


def _names(under: _Column) -> None:
    name, comments = under.column.name, under.source.comments
    said: set[Key] = set()
    for named in suggestions(name, under.source.table.name):
        if under.holds(named.kind) and _key(named) not in said:
            said.add(_key(named))
            under.add(_key(named), "name", f"name matches `{named.word}`", NAME[named.strength])
    for named in in_comment(comments.get(name, "")):
        if under.holds(named.kind):
            text = f"comment says `{named.word}`"
            under.add(_key(named), "comment", text, COMMENT[named.strength])


def _key(named: Named) -> Key:
    return (named.kind, named.category)


def _of(kind: str) -> Key:
    return (kind, KINDS[kind].category)


def _type(under: _Column) -> None:
    if under.family == "bytes":
        under.add(_of("media"), "type", f"type {under.column.type} holds files", 2.6)
    elif under.family == "json":
        under.add(_of("json"), "type", f"type {under.column.type}", 4.0)


def _values(under: _Column) -> None:
    tally = under.tally
    if not tally.seen:
        return
    weight = min(1.0, tally.seen / FULL_SAMPLE)
    for kind, known in DETECTORS.items():
        share = tally.share(kind)
        if share <= known.chance or not under.holds(kind):
            continue
        part = min(1.0, 0.4 + 0.6 * (share - known.chance) / (known.enough - known.chance))
        text = f"{_per_cent(share)} of {tally.seen:,} sampled values are {known.what}"
        under.add(_of(kind), "values", text, known.points * part * weight)
    for key in list(under.votes):
        if key[0] and not any(e.source == "values" for e in under.votes[key]):
            _fitting(under, key, weight)
    if tally.masked:
        share = tally.masked / tally.seen
        for key in under.votes:
            if key[0] in DETECTORS:
                text = f"{_per_cent(share)} of the values are masked already"
                under.add(key, "values", text, 0.0)


def _fitting(under: _Column, key: Key, weight: float) -> None:
    """A named kind whose values do not prove it: they may still fit, or contradict."""
    tally = under.tally
    plain = tally.seen - tally.masked
    if not plain or key[0] not in _JUDGED:
        return
    share = tally.fitting.get(key[0], 0) / plain
    if share >= 0.5:
        text = f"{_per_cent(share)} of {plain:,} sampled values could be of kind {key[0]}"
        under.add(key, "values", text, FITTING * weight)
    else:
        text = f"only {_per_cent(share)} of {plain:,} sampled values could be of kind {key[0]}"
        under.add(key, "values", text, CONTRADICTED * min(1.0, plain / 5) * (1 - share))


_JUDGED: Final = frozenset(
    "mobile landline email cn_id_card org_code plate date bank_account policy_number "
    "identity_paper person_name postal_address".split()
)


def _codes(under: _Column) -> str:
    """Takes back what looks varied and is not; in words when the values are a handful of codes."""
    tally, statistics = under.tally, under.statistics
    many = under.source.rows if under.source.rows > 0 else tally.seen
    few = 0
    if tally.masked * 2 > tally.seen:
        return ""  # masks repeat where values do not
    if tally.seen >= 100 and tally.distinct <= min(20, tally.seen / 10):
        few, text = tally.distinct, f"{tally.distinct} different values among {tally.seen:,}"
    elif statistics is not None and many >= 1000 and 0 < statistics.distinct <= 20:
        few = int(statistics.distinct)
        text = f"statistics: {few} different values in {many:,} rows"
    if not few:
        return ""
    for key, found in under.votes.items():
        if key[0] in DETECTORS and DETECTORS[key[0]].varied:
            found.append(Evidence(source="statistics", text=text, points=CODES))
    return text


def _plain(under: _Column, few: str, *, disputed: bool) -> None:
    """What says that a column speaks of no person."""

    def add(source: str, text: str, points: float) -> None:
        under.plain.append(Evidence(source=source, text=text, points=points))

    name = under.column.name
    word = plain_word(name)
    if word:
        add("name", f"name ends in `{word}`", PLAIN_NAME)
    if name in under.source.keys and under.family in ("number", "uuid"):
        add("type", "a key", PLAIN_NAME)
    if under.family in ("boolean", "time", "uuid", "enum"):
        add("type", f"type {under.column.type}", PLAIN_TYPE)
    if few and under.tally.length <= 20:
        add("statistics", few, PLAIN_CODES)
    if under.tally.inside:
        add("values", _inside(under.tally), -3.0)
    if disputed:
        add("values", "name and values disagree", DISPUTED)
    masked = under.tally.masked / under.tally.seen if under.tally.seen else 0.0
    if masked > 0.1:
        add("values", f"{_per_cent(masked)} of the values are masked", -2.0)


def _disputed(under: _Column) -> bool:
    """Whether more than a weak word speaks for a person, though not enough."""
    return any(e.points > NAME["weak"] for found in under.votes.values() for e in found)


def _inside(tally: Tally) -> str:
    parts = (
        f"{DETECTORS[kind].what} in {count:,} of {tally.seen:,} values"
        for kind, count in sorted(tally.inside.items(), key=lambda i: (-i[1], i[0]))
    )
    return "inside: " + ", ".join(parts)


def _personal(under: _Column, key: Key, confidence: float, policy: Policy) -> Proposal:
    kind, category = key
    evidence = list(under.votes[key])
    if not kind and under.family == "number":
        kind = "number"  # an income has the masks of a number
    # What the values also are: a column of contacts may hold numbers and addresses.
    others = [
        e
        for other, found in under.votes.items()
        if other != key and other[0] != "free_text"
        for e in found
        if e.source == "values" and e.points > FITTING
    ]
    if under.tally.inside:
        evidence.append(Evidence(source="values", text=_inside(under.tally), points=0.0))
    return _proposal(
        under,
        Verdict.PERSONAL,
        confidence,
        evidence=(*evidence, *others),
        kind=kind,
        category=category,
        level=_level(kind, category, under.tally, policy),
        mixed=bool(others),
    )


def _level(kind: str, category: str, tally: Tally, policy: Policy) -> int | None:
    """The strictest that the packs ask for; of texts and documents that of what is inside."""
    demands = [policy.category_level(category)] if category else []
    if kind:
        demands.append(policy.kind_level(kind))
    asked = min((d.level for d in demands if d), default=None)
    known = KINDS.get(kind)
    if known is not None and known.hidden_by_default and not known.never_shown:
        inner = [policy.kind_level(k) for k in tally.inside]
        levels = [d.level for d in inner if d]
        return min(levels) if levels else None
    if asked is None or (kind in _LEVELS and asked > _LEVELS[kind]):
        return _LEVELS.get(kind, asked)
    return asked


def _proposal(
    under: _Column,
    verdict: Verdict,
    confidence: float,
    *,
    evidence: tuple[Evidence, ...],
    kind: str = "",
    category: str = "",
    level: int | None,
    mixed: bool = False,
) -> Proposal:
    tally = under.tally
    shares = {k: round(100 * tally.share(k)) for k in sorted(tally.hits)}
    return Proposal(
        table=under.source.id,
        column=under.column.name,
        type=under.column.type,
        rows=under.source.rows,
        verdict=verdict,
        kind=kind,
        category=category,
        level=level,
        confidence=round(confidence, 2),
        evidence=tuple(sorted(evidence, key=lambda e: -abs(e.points))),
        shares={k: s for k, s in shares.items() if s},
        inside=dict(tally.inside),
        seen=tally.seen - tally.masked,
        mixed=mixed,
    )


def _per_cent(part: float) -> str:
    if 0 < part < 0.01:
        return "under 1 %"
    return f"{part * 100:.0f} %"
