"""One generator per kind, and how its text becomes a value of the column's type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from types import MappingProxyType
from typing import Final

from pgmask.fake import numbers, words
from pgmask.fake.frame import Frame
from pgmask.fake.person import Person
from pgmask.kinds.types import base_name, family_of

Generator = Callable[[Frame, Random, Person], str]

GENERATORS: Final[Mapping[str, Generator]] = MappingProxyType(
    {
        "mobile": numbers.mobile,
        "landline": numbers.landline,
        "email": words.email,
        "postal_address": words.postal_address,
        "cn_id_card": numbers.cn_id_card,
        "identity_paper": numbers.identity_paper,
        "bank_account": numbers.bank_account,
        "policy_number": numbers.policy_number,
        "person_name": words.person_name,
        "org_code": numbers.org_code,
        "plate": numbers.plate,
        "date": words.date,
        "number": numbers.number,
        "free_text": words.free_text,
        "json": words.json,
        "media": words.media,
        "secret": numbers.secret,
    }
)
"""One generator per kind of ``pgmask.kinds``."""

BORN: Final = "born"
"""Beside the kinds: the person's own day of birth."""
SEX: Final = "sex"
"""Beside the kinds: the person's own sex, as M or F."""


def invent(
    kind: str | None, column_type: str, frame: Frame, random: Random, who: Person
) -> str | None:
    """A value as text that a cast to the column's type accepts; None for a type we cannot fill.

    kind: None for a column without one, its text is then without a meaning; frame: what its mask
    shows.  Values of character types have the visible part of the mask where the kind has room.
    """
    family = family_of(column_type) or "other"
    if kind == SEX:
        return ("M" if who.male else "F") if family == "text" else None
    generator = words.born if kind == BORN else GENERATORS.get(kind or "free_text", words.free_text)
    if family == "text":
        return frame.fit(generator(frame, random, who))
    if family == "number":
        return _number(kind, column_type, frame, random, who)
    if family == "date":
        return words.born(frame, random, who) if kind == BORN else words.date(frame, random, who)
    if family == "time":
        return _time(column_type, words.date(frame, random, who), random)
    return _OTHERS[family](random) if family in _OTHERS else None


def _number(kind: str | None, column_type: str, frame: Frame, random: Random, who: Person) -> str:
    base = base_name(column_type)
    if kind in ("mobile", "bank_account", "cn_id_card", "landline", "policy_number"):
        if base in ("bigint", "int8", "numeric", "decimal"):
            made = GENERATORS[kind](frame, random, who)
            return "".join(c if c in "0123456789" else "1" for c in made)
    if base in ("smallint", "int2"):
        return str(random.randrange(1, 1000))
    if base in ("numeric", "decimal"):
        inside = column_type.partition("(")[2].rstrip(")").split(",")
        precision = int(inside[0]) if inside[0].strip().isdecimal() else 12
        scale = int(inside[1]) if len(inside) > 1 else 0
        whole = random.randrange(1, 10 ** max(min(precision - scale, 5), 1))
        return f"{whole}.{random.randrange(100):02d}"[: len(str(whole)) + 1 + scale].rstrip(".")
    return str(random.randrange(1, 100_000))


def _time(column_type: str, day: str, random: Random) -> str:
    clock = f"{random.randrange(8, 18):02d}:{random.randrange(60):02d}:00"
    base = base_name(column_type)
    if base == "interval":
        return f"{random.randrange(1, 72)} hours"
    return (
        clock if base.startswith("time") and not base.startswith("timestamp") else f"{day} {clock}"
    )


def _uuid(random: Random) -> str:
    return f"{random.getrandbits(128):032x}"


_OTHERS: Final[Mapping[str, Callable[[Random], str]]] = MappingProxyType(
    {
        "boolean": lambda random: str(random.random() < 0.5).lower(),
        "json": lambda random: '{"score": ' + str(random.randrange(100)) + "}",
        "bytes": lambda random: "\\x" + random.randbytes(24).hex(),
        "uuid": _uuid,
    }
)
"""Families other than texts, numbers and times."""
