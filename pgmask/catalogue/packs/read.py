"""Packs from their files: the shipped ones, and an organisation's own beside its catalogue."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib import resources
from typing import Any, Final

from pgmask.catalogue.nodes import parse
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
from pgmask.catalogue.problems import Problems, did_you_mean
from pgmask.catalogue.shapes import (
    BAD,
    Choice,
    Date,
    Entry,
    Key,
    ListOf,
    MapOf,
    Record,
    Text,
    Whole,
)
from pgmask.kinds import KINDS, Floor, parse_floor

_WORD: Final = Text(words="a word", limit=63, pattern=r"[a-z][a-z0-9_]*")
_TEXT: Final = Text()
_LEVEL: Final = Whole(low=1, high=3)


def _record(name: str, **keys: Any) -> Record:
    """A record of a pack; a key that ends in ``_`` is optional."""
    return Record(
        name=name,
        doc=name,
        keys=tuple(
            Key(name=k.removesuffix("_"), shape=s, doc="", required=not k.endswith("_"))
            for k, s in keys.items()
        ),
    )


_ARTICLE: Final = Text(words="an article", limit=200)
PACK: Final = _record(
    "pack",
    pack=_WORD,
    title=_TEXT,
    source=_TEXT,
    levels_=MapOf(key=_LEVEL, value=_record("level", rank=_LEVEL, title=_TEXT, article_=_ARTICLE)),
    categories_=MapOf(
        key=_WORD, value=_record("category", title=_TEXT, level=_LEVEL, article_=_ARTICLE)
    ),
    kinds_=MapOf(key=_WORD, value=_record("kind", level=_LEVEL, floor_=_TEXT, article_=_ARTICLE)),
    sealed_levels_=ListOf(item=_LEVEL),
    high_value_=_record(
        "high value",
        at_least=_TEXT,
        order=ListOf(item=_TEXT, least=1),
        floors_=MapOf(key=_WORD, value=_TEXT),
        article_=_ARTICLE,
    ),
    level_2_plain_=_record(
        "level 2 plain",
        rule=Choice(options={"direct_service": "", "any": ""}),
        posts_=ListOf(item=_TEXT),
        article_=_ARTICLE,
    ),
    derivations_=MapOf(
        key=_WORD,
        value=_record(
            "derivation", rule=Choice(options={"allow": "", "never": ""}), article_=_ARTICLE
        ),
    ),
    outsourced_=_record(
        "outsourced",
        reveal=Choice(options={"refuse": ""}),
        high_value=Choice(options={"refuse": ""}),
        scope=Choice(options={"it": "", "all": ""}),
        article_=_ARTICLE,
    ),
    documents_=ListOf(item=_WORD),
    interpretations_=ListOf(
        item=_record(
            "interpretation",
            row=_WORD,
            text=_TEXT,
            options=MapOf(key=_WORD, value=_TEXT),
            chosen=_WORD,
            effects_=MapOf(key=_WORD, value=MapOf(key=_WORD, value=_LEVEL)),
            by=_TEXT,
            since=Date(),
        )
    ),
)


@lru_cache(maxsize=1)
def _shipped() -> dict[str, str]:
    folder = resources.files("pgmask.catalogue.packs")
    return {
        entry.name.removesuffix(".yml"): entry.read_text(encoding="utf-8")
        for entry in sorted(folder.iterdir(), key=lambda e: e.name)
        if entry.name.endswith(".yml")
    }


def shipped_packs() -> tuple[str, ...]:
    """The names of the packs that come with pgmask."""
    return tuple(_shipped())


def pack_digest() -> str:
    """SHA-256 over all shipped packs; caches depend on it."""
    hasher = hashlib.sha256()
    for name, text in _shipped().items():
        hasher.update(f"{name}\n{len(text)}\n{text}".encode())
    return hasher.hexdigest()


@lru_cache(maxsize=16)
def _shipped_pack(name: str) -> Pack:
    problems = Problems()
    pack = read_pack(_shipped()[name], f"packs/{name}.yml", name, problems)
    if pack is None or problems.all:
        raise ValueError("\n".join(map(str, problems.all)))  # a fault of the installation
    return pack


def shipped_pack(name: str) -> Pack | None:
    """A shipped pack, or None."""
    return _shipped_pack(name) if name in _shipped() else None


def read_pack(text: str, file: str, name: str, problems: Problems) -> Pack | None:
    """A pack from the text of its file, or None after recording why it cannot be read."""
    own = Problems()
    node = parse(text, file, own)
    entry: Any = PACK.read(node, own) if node is not None else BAD
    pack = _pack(entry, name, own) if isinstance(entry, Entry) and not own.all else None
    problems.extend(own.all)
    return pack if not own.all else None


def _values(located: Any) -> tuple[Any, ...]:
    return tuple(item.value for item in located or ())


def _floor(text: str, entry: Entry, key: str, problems: Problems) -> Floor | None:
    try:
        return parse_floor(text)
    except ValueError as error:
        problems.add("PM012", "floor", entry.place(key), str(error), "Write one of these.")
        return None


def _known_kind(kind: Any, problems: Problems) -> None:
    if kind.value not in KINDS:
        problems.add(
            "PM013",
            "unknown-kind",
            kind.at,
            f"there is no kind {kind.value!r}",
            did_you_mean(kind.value, KINDS),
        )


def _pack(entry: Entry, name: str, problems: Problems) -> Pack | None:
    if entry.get("pack") != name:
        problems.add(
            "PM013",
            "pack-name",
            entry.place("pack"),
            f"the file calls itself {entry.get('pack')!r}, not {name!r}",
            "Use one name for both.",
        )
    for kind, _ in entry.get("kinds", ()):
        _known_kind(kind, problems)
    high = entry.get("high_value")
    plain = entry.get("level_2_plain")
    outsourced = entry.get("outsourced")
    return Pack(
        name=name,
        title=entry.get("title"),
        source=entry.get("source"),
        levels=tuple(
            LevelName(level=k.value, rank=v.get("rank"), title=v.get("title"),
                      article=v.get("article", ""))
            for k, v in entry.get("levels", ())
        ),
        categories=tuple(
            CategoryRule(name=k.value, title=v.get("title"), level=v.get("level"),
                         article=v.get("article", ""))
            for k, v in entry.get("categories", ())
        ),
        kinds=tuple(
            KindRule(
                kind=k.value,
                level=v.get("level"),
                floor=_floor(v.get("floor"), v, "floor", problems) if v.get("floor") else None,
                article=v.get("article", ""),
            )
            for k, v in entry.get("kinds", ())
        ),
        sealed_levels=_values(entry.get("sealed_levels")),
        high_value=_high_value(high, problems) if high else None,
        level_2_plain=Level2Plain(
            rule=plain.get("rule"), posts=_values(plain.get("posts")),
            article=plain.get("article", ""),
        ) if plain else None,
        derivations=tuple(
            DerivationRule(name=k.value, rule=v.get("rule"), article=v.get("article", ""))
            for k, v in entry.get("derivations", ())
        ),
        outsourced=OutsourcedRule(
            reveal=outsourced.get("reveal"), high_value=outsourced.get("high_value"),
            scope=outsourced.get("scope"), article=outsourced.get("article", ""),
        ) if outsourced else None,
        documents=_values(entry.get("documents")),
        interpretations=tuple(
            _interpretation(row, problems) for row in entry.get("interpretations", ())
        ),
    )  # fmt: skip


def _high_value(entry: Entry, problems: Problems) -> HighValueRule:
    order = _values(entry.get("order"))
    if entry.get("at_least") not in order:
        problems.add(
            "PM013",
            "grade",
            entry.place("at_least"),
            f"the grade {entry.get('at_least')!r} is not in the order",
            "Name one of the order.",
        )
    floors = []
    for kind, text in entry.get("floors", ()):
        _known_kind(kind, problems)
        floor = _floor(text, entry, "floors", problems)
        if floor:
            floors.append((kind.value, floor))
    return HighValueRule(
        at_least=entry.get("at_least"), order=order, floors=tuple(floors),
        article=entry.get("article", ""),
    )  # fmt: skip


def _interpretation(entry: Entry, problems: Problems) -> PackInterpretation:
    options = tuple((k.value, v) for k, v in entry.get("options", ()))
    names = [name for name, _ in options]
    if entry.get("chosen") not in names:
        problems.add(
            "PM013",
            "option",
            entry.place("chosen"),
            f"{entry.get('chosen')!r} is not one of the options",
            did_you_mean("", names),
        )
    return PackInterpretation(
        row=entry.get("row"),
        text=entry.get("text"),
        options=options,
        chosen=entry.get("chosen"),
        by=entry.get("by"),
        since=entry.get("since"),
        effects=tuple(
            (option.value, kind.value, level)
            for option, changes in entry.get("effects", ())
            for kind, level in changes
        ),
    )
