"""Invented numbers with their check digits, around the visible part of a mask."""

from __future__ import annotations

from random import Random

from pgmask.fake.frame import Frame
from pgmask.fake.person import Person
from pgmask.kinds import generate as forms

_DIGITS = "0123456789"
_PLATE = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"
_PAPER = "EDG"


def digits(random: Random, count: int) -> str:
    """So many digits."""
    return "".join(random.choices(_DIGITS, k=max(count, 0)))


def mobile(frame: Frame, random: Random, _: Person) -> str:
    """A mobile number with the visible ends."""
    if frame.length != 11 or not frame.prefix:
        return forms.mobile(random)
    return frame.prefix + digits(random, frame.hidden) + frame.suffix


def landline(frame: Frame, random: Random, _: Person) -> str:
    """A fixed-line number: area code, seven or eight digits, with or without a dash."""
    if not 11 <= frame.length <= 13 or not frame.prefix:
        return forms.landline(random, random.choice(("010", "0755", "0571", "021")))
    short = frame.prefix[:2] in ("01", "02")
    area = frame.prefix if short else frame.prefix + random.choice(_DIGITS)
    rest = frame.length - len(area)
    dash = rest == 9 or (rest == 8 and not short and random.random() < 0.5)
    number = str(random.randrange(2, 9)) + digits(random, rest - dash - 1 - len(frame.suffix))
    return area + "-" * dash + number + frame.suffix


def cn_id_card(frame: Frame, random: Random, who: Person) -> str:
    """A resident identity number of this person, of 18 characters or of 15 digits."""
    region = frame.prefix[:6]
    if len(region) < 6 or not region.isdecimal():
        region = random.choice(("110105", "310115", "420106", "440305", "510107"))
    number = forms.id_card(random, region, who.born, male=who.male)
    return forms.old_id_card(number) if frame.length == 15 else number


def identity_paper(frame: Frame, random: Random, who: Person) -> str:
    """A number of a passport, permit or residence card of the mask's length and first character."""
    first = frame.prefix
    if frame.length == 18 and first in ("8", "9"):
        region = "810000" if first == "8" else "9" + digits(random, 5)
        return forms.id_card(random, region, who.born, male=who.male)
    if frame.length == 15 and first.isalpha():
        return (
            f"{first}HN{digits(random, 4)}{random.randrange(10):02d}0{random.randrange(1, 10)}15"
            + (digits(random, 2))
        )
    length = frame.length if 6 <= frame.length <= 12 else 9
    return (first or random.choice(_PAPER)) + digits(random, length - 1)


def bank_account(frame: Frame, random: Random, _: Person) -> str:
    """An account number with the visible ends; of a card's length, with its Luhn digit."""
    length = frame.length if 12 <= frame.length <= 34 else 19
    prefix, suffix = (frame.prefix, frame.suffix) if length == frame.length else ("62", "")
    body = digits(random, length - len(prefix) - len(suffix) - 1)
    for solved in _DIGITS:
        number = prefix + solved + body + suffix
        if not 13 <= length <= 19 or _luhn(number):
            break
    return number


def _luhn(number: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(number)):
        doubled = int(digit) * (2 if place % 2 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def policy_number(frame: Frame, random: Random, _: Person) -> str:
    """A letter and digits, with the visible end."""
    length = max(frame.length or 15, 6)
    suffix = frame.suffix if frame.length >= 6 else ""
    return random.choice("PLHK") + digits(random, length - len(suffix) - 1) + suffix


def org_code(frame: Frame, random: Random, _: Person) -> str:
    """A social credit code of the visible authority, type and region, or an organisation code."""
    if frame.length in (9, 10):
        made = forms.org_code(random)
        return made if frame.length == 10 else made.replace("-", "")
    made = forms.credit_code(random, "110105")
    return forms.credit_code_from(random, frame.prefix) if len(frame.prefix) == 8 else made


def plate(frame: Frame, random: Random, _: Person) -> str:
    """A plate of the visible city."""
    prefix = frame.prefix if len(frame.prefix) == 2 else random.choice(("京A", "沪B", "粤B", "鄂A"))
    if frame.length == 8:
        return prefix + random.choice("DF") + digits(random, 5)
    return prefix + "".join(random.choices(_PLATE, k=4)) + random.choice(_DIGITS)


def number(frame: Frame, random: Random, _: Person) -> str:
    """A decimal number without a sign; of the mask's length where there is one."""
    if frame.length == 0:
        return str(random.randrange(1, 10_000))
    return str(random.randrange(1, 10)) + digits(random, frame.length - 1)


def secret(frame: Frame, random: Random, _: Person) -> str:
    """Hexadecimal digits."""
    count = frame.length or frame.limit or 16
    return "".join(random.choices("0123456789abcdef", k=count))
