"""Validation as an object: one schema, one catalogue, one profile, asked again and again.

Statements are remembered by their text with literals taken out (``normalize``), where no rule has
looked at one.  PostgreSQL's fingerprint would not do as a key: it leaves out aliases, the order of
columns and the numbers in ORDER BY, and by each of them another column may come back.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from pglast.parser import ParseError, normalize, scan

from pgmask.catalogue.model import Catalogue
from pgmask.facts.schema import Schema
from pgmask.lineage import trace
from pgmask.lineage.model import Column, Lineage
from pgmask.lineage.parse import parse_all
from pgmask.verdict.case import NOTHING_BEFORE
from pgmask.verdict.judge import judge_part
from pgmask.verdict.model import Verdict
from pgmask.verdict.placeholders import positional
from pgmask.verdict.policy import Policy
from pgmask.verdict.rule import Rule
from pgmask.verdict.rules import RULES
from pgmask.verdict.seen import facts_of, seen_by
from pgmask.verdict.told import moved
from pgmask.verdict.tree import Node
from pgmask.verdict.window import ALL, State, after

_REMEMBERED: Final = frozenset({"select", "insert", "update", "delete", "merge"})


# Ends a last line that is a comment, and a last statement without a semicolon.
_BETWEEN: Final = "\n;\n"


def _encodable(text: str) -> str:
    """A half of a character, which no server takes, becomes NUL, which none takes either."""
    return re.sub("[\ud800-\udfff]", "\0", text)


def _ends(text: str) -> bool:
    """Whether the text's last string, comment or body ends in it."""
    try:
        scan(text)
    except (ParseError, UnicodeEncodeError):
        return False
    # In BEGIN ATOMIC a semicolon ends no statement.
    return "atomic" not in text.lower() or parse_all(text) is not None


def _unread(verdicts: Iterable[Verdict]) -> int:
    return sum(f.code in ("PM600", "PM602") for v in verdicts for f in v.findings)


def _within(traced: Sequence[Lineage], place: tuple[int, int]) -> list[Lineage]:
    """The statements of a place, of all in their order."""
    last = bisect_left(traced, place[1], key=_start)
    first = bisect_left(traced, place[0], hi=last, key=_start)
    before = [
        one for one in traced[max(0, first - 1) : first] if _start(one) + len(one.text) > place[0]
    ]
    return [*before, *traced[first:last]]


def _start(one: Lineage) -> int:
    return one.start


class _Down:
    """The views that are down after each statement, as tables are detached and attached."""

    def __init__(self, policy: Policy) -> None:
        self.state = State()
        self.views: dict[str, frozenset[tuple[str, str]]] = {}
        for one in policy.contexts:
            found = {(v.schema.text, v.name.text) for v in map(one.view, one.profiles)}
            place = (one.place.schema.text, one.place.name.text)
            self.views[one.table.id] = frozenset(found - {place})

    def __call__(self, tree: Node) -> frozenset[tuple[str, str]]:
        self.state = after(self.state, tree)
        open_now = self.views if ALL in self.state.detached else self.state.detached
        return frozenset().union(*(self.views.get(name, frozenset()) for name in open_now))


class Validator:
    """Says of SQL text what a profile would see of it, and which rules it breaks.

    schema: of the database, before or after adoption; catalogue None: lineage, and the rules that
    need no catalogue; profile: of the catalogue; migration: the text is run by the tables' owner
    beside pgmask; lineage_only: no rules at all; comments: whether those of the
    text may allow what is found; search_path: the application's, where it is not the profile's own
    (of a migration: the application's schemas, the stores', public); remember: how many
    statements ``check`` keeps of each sort.
    Raises CatalogueError PM013 for a profile that is not there.
    """

    def __init__(
        self,
        schema: Schema,
        *,
        catalogue: Catalogue | None = None,
        profile: str = "",
        migration: bool = False,
        lineage_only: bool = False,
        comments: bool = True,
        search_path: Sequence[str] | None = None,
        remember: int = 10_000,
    ) -> None:
        self.policy: Policy | None = None
        self.path = tuple(search_path) if search_path is not None else None
        self.schema = schema
        if catalogue is not None and not lineage_only:
            facts = facts_of(schema, catalogue)
            self.policy = Policy.of(catalogue, profile, facts, self.path)
            self.schema = seen_by(schema, self.policy)
        self.version = (schema.server or 180000) // 10000
        self.migration = migration
        self.comments = comments
        self.rules: tuple[Rule, ...] = () if lineage_only else RULES
        self._remember = remember
        # Apart: a text with $1 in it may be the shape of one with a literal.
        self._texts: OrderedDict[str, tuple[Verdict, ...]] = OrderedDict()
        self._shapes: OrderedDict[str, tuple[Verdict, ...]] = OrderedDict()
        self.hits = 0

    def trace(self, text: str) -> tuple[Lineage, ...]:
        """The lineage of every statement, in terms of the profile's views."""
        path, hides = self.path, None
        if self.policy is not None and self.migration:
            stores = self.policy.catalogue.stores
            first = [s for store in stores for s in (store.schema, store.store_schema)]
            path = tuple(dict.fromkeys([*first, "public"])) if path is None else path
            hides = _Down(self.policy)
        return trace(text, self.schema, search_path=path, hides=hides, follows=self._classified)

    def _classified(self, column: Column) -> bool:
        """Not one of a protected table that the catalogue knows by its new name only, or not."""
        sight = self.policy.sight(column) if self.policy is not None else None
        return sight is None or sight.classified is not None

    def validate(self, text: str) -> tuple[Verdict, ...]:
        """A verdict for every statement of the text, in order."""
        text = _encodable(text)
        return self.judge(self.trace(text), text)

    def validate_sent(self, text: str) -> tuple[Verdict, ...]:
        """As ``validate``; a text that cannot be read as it is, and in which a driver or mapper has
        left placeholders, is read with parameters in their place.
        """
        found = self.validate(text)
        if not _unread(found):
            return found
        other = positional(text)
        again = self.validate(other) if other != text else found
        return again if _unread(again) < _unread(found) else found

    def judge(self, statements: Iterable[Lineage], text: str) -> tuple[Verdict, ...]:
        """The verdicts on statements of a text that were traced before."""
        return self._part(statements, text, (0, len(text)), NOTHING_BEFORE, ends=True)[0]

    def _part(
        self, statements: Iterable[Lineage], text: str, region: tuple[int, int], state: State, *,
        ends: bool,
    ) -> tuple[tuple[Verdict, ...], State]:  # fmt: skip
        return judge_part(
            tuple(statements),
            self.policy,
            text,
            migration=self.migration,
            version=self.version,
            schema=self.schema,
            rules=self.rules,
            region=region,
            comments=self.comments,
            state=state,
            ends=ends,
        )

    def validate_all(self, texts: Sequence[str]) -> Iterator[tuple[Verdict, ...]]:
        """The verdicts on several texts that are one history: what one makes, later ones know.

        Each still has transactions, detached tables and comments of its own. Places are those of
        the text they stand in.
        """
        for (verdicts,) in self.validate_scripts([(text,) for text in texts]):
            yield verdicts

    def validate_scripts(
        self, scripts: Sequence[Sequence[str]]
    ) -> Iterator[tuple[tuple[Verdict, ...], ...]]:
        """The same of scripts that are made of several texts each: those of one script share
        transactions and detached tables.  The verdicts of each text of each script.
        """
        joined = ""
        regions: list[list[tuple[int, int] | None]] = []
        for script in scripts:
            regions.append([])
            for text in script:
                # A text that ends inside of a string, comment or body would swallow what follows.
                ended = _ends(text)
                regions[-1].append((len(joined), len(joined) + len(text)) if ended else None)
                joined += text + _BETWEEN if ended else ""
        traced = self.trace(joined)
        for script, places in zip(scripts, regions, strict=True):
            yield tuple(self._script(script, places, joined, traced))

    def _script(
        self, script: Sequence[str], places: Sequence[tuple[int, int] | None], joined: str,
        traced: Sequence[Lineage],
    ) -> Iterator[tuple[Verdict, ...]]:  # fmt: skip
        own = [_within(traced, place) if place is not None else [] for place in places]
        state = NOTHING_BEFORE
        for number, (text, place) in enumerate(zip(script, places, strict=True)):
            if place is None:
                yield self.validate(text)
                continue
            ends = not any(own[number + 1 :])
            verdicts, state = self._part(own[number], joined, place, state, ends=ends)
            yield moved(verdicts, -joined.count("\n", 0, place[0]), -place[0])

    def after(self, before: Sequence[str], text: str) -> tuple[Verdict, ...]:
        """The verdicts on a text that follows others on one connection."""
        if not before or not _ends(text):
            return self.check(text)
        # What does not end in itself no server has taken.
        first = "".join(one + _BETWEEN for one in before if _ends(one))
        joined = first + text
        verdicts = self.judge(self.trace(joined), joined)
        own = tuple(v for v in verdicts if v.lineage.start >= len(first))
        return moved(own, -first.count("\n"))

    def check(self, text: str) -> tuple[Verdict, ...]:
        """The same, remembered by shape: places and literals are those of the first of its kind."""
        found = self._texts.get(text)
        if found is not None:
            self.hits += 1
            return found
        try:
            shape = normalize(text)
        except (ParseError, UnicodeEncodeError):
            return self.validate(text)
        found = self._shapes.get(shape)
        if found is not None:
            self.hits += 1
            return found
        found = self.validate(text)
        if len(found) != 1 or found[0].lineage.kind not in _REMEMBERED:
            return found
        if found[0].by_literal:
            kept, key = self._texts, text
        else:
            kept, key = self._shapes, shape
        kept[key] = found
        if len(kept) > self._remember:
            kept.popitem(last=False)
        return found
