"""Invented names, addresses and texts, around the visible part of a mask.

The words are Faker's (locale zh_CN), drawn with our own random source so that they depend on the
subject alone.
"""

from __future__ import annotations

import datetime as dt
from functools import cache
from random import Random
from types import SimpleNamespace
from typing import Final

from pgmask.errors import PgmaskError
from pgmask.fake.frame import Frame
from pgmask.fake.person import Person

_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
_ABC: Final = "".join(map(chr, range(65, 91))) + _LETTERS
_FROM: Final = dt.date(2015, 1, 1)
_DAYS: Final = 3_600


@cache
def _faker() -> SimpleNamespace:
    """The word lists. Raises PgmaskError PM901 without the library."""
    try:
        from faker.providers.address.zh_CN import Provider as Address
        from faker.providers.lorem.zh_CN import Provider as Lorem
        from faker.providers.person.zh_CN import Provider as Names
    except ImportError:
        raise PgmaskError(
            "PM901", "the library Faker is not installed",
            hint="In the repository of pgmask: pip install '.[fake]'",
        ) from None  # fmt: skip
    return SimpleNamespace(
        male=tuple(Names.first_names_male),
        female=tuple(Names.first_names_female),
        surnames=tuple(Names.last_names),
        districts=tuple(Address.districts),
        words=tuple(Lorem.word_list),
    )


def person_name(frame: Frame, random: Random, who: Person) -> str:
    """A name with the visible surname and as many characters; Latin where the mask is."""
    prefix = frame.prefix
    if prefix and prefix[0] in _ABC:
        return prefix + "".join(random.choices(_LETTERS, k=max(frame.hidden, 1)))
    surname = prefix or random.choice(_faker().surnames)
    wanted = max((frame.length or frame.limit or 3) - len(surname), 1)
    wanted = wanted if frame.length else min(wanted, 2)
    given = random.choice(_faker().male if who.male else _faker().female)
    while len(given) < wanted:
        given += random.choice(_faker().male if who.male else _faker().female)
    return f"{surname}{given[:wanted]}"


def postal_address(frame: Frame, random: Random, _: Person) -> str:
    """A street that does not exist in the visible district; as long as the mask."""
    head = frame.prefix or "样例省"
    if not frame.length:
        head = f"北京市{random.choice(_faker().districts)}区"
    count = frame.length - len(head) if frame.length else 16
    tail = f"{random.randrange(1, 400)}号{random.randrange(101, 2800)}室"
    if count < 8:
        tail = f"{random.randrange(1, 10)}号"
    street = "样例" + "".join(random.choice(_faker().surnames)[0] for _ in range(300))
    room = count - len(tail) - 1
    return head + (street[:room] + "路" if room > 0 else "") + tail[-count:] if count > 0 else head


def email(frame: Frame, random: Random, _: Person) -> str:
    """An address of the mask's length and ends, under a name reserved for examples (RFC 2606)."""
    if frame.length < 12 or not frame.prefix:
        user = "".join(random.choices(_LETTERS, k=8))
        return f"{user}{random.randrange(1000)}@example.com"
    ending = frame.suffix or ".info"
    room = frame.length - len(frame.prefix) - len(ending) - 1
    label = "example"[: max(1, min(7, room - 1))]
    return (
        frame.prefix + "".join(random.choices(_LETTERS, k=room - len(label))) + f"@{label}{ending}"
    )


def date(frame: Frame, random: Random, _: Person) -> str:
    """A day of the visible year, with or without dashes as long as the mask."""
    day = _FROM + dt.timedelta(days=random.randrange(_DAYS))
    if len(frame.prefix) == 4 and frame.prefix.isdecimal() and int(frame.prefix) > 0:
        day = day.replace(year=int(frame.prefix), day=min(day.day, 28))
    return f"{day:%Y%m%d}" if frame.length == 8 else day.isoformat()


def born(frame: Frame, _: Random, who: Person) -> str:
    """The person's day of birth, with or without dashes as long as the mask."""
    return f"{who.born:%Y%m%d}" if frame.length == 8 else who.born.isoformat()


def free_text(frame: Frame, random: Random, _: Person) -> str:
    """Words without a meaning, as long as the mask."""
    count = frame.length or min(frame.limit or 12, 12)
    text = ""
    while len(text) < count:
        text += random.choice(_faker().words)
    return text[:count]


def json(frame: Frame, random: Random, _: Person) -> str:
    """A small document."""
    return '{"score": ' + str(random.randrange(100)) + "}" if frame.limit == 0 else "{}"


def media(frame: Frame, random: Random, _: Person) -> str:
    """The name of a file that is not there."""
    return f"fake/{random.randrange(10**6):06d}.jpg"
