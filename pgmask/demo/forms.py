"""Identity numbers, telephone numbers and accounts of valid form, from a given random source."""

from __future__ import annotations

import datetime
from random import Random
from typing import Final

_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK: Final = "10X98765432"
_MOBILE: Final = (
    "134", "135", "136", "137", "138", "139", "150", "151", "152", "157", "158", "159", "178",
    "182", "183", "187", "188", "130", "131", "132", "155", "156", "185", "186", "133", "153",
    "177", "180", "181", "189", "191", "199",
)  # fmt: skip
_PLATE: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"


def id_card(random: Random, region: str, born: datetime.date, *, male: bool) -> str:
    """An 18-digit identity number with its checksum (GB 11643-1999)."""
    serial = random.randrange(0, 500) * 2 + (1 if male else 0)
    body = f"{region}{born:%Y%m%d}{serial:03d}"
    return body + _CHECK[sum(int(d) * w for d, w in zip(body, _WEIGHTS, strict=True)) % 11]


def old_id_card(number: str) -> str:
    """The 15-digit form of an 18-digit number of somebody born in the 20th century."""
    return number[:6] + number[8:17]


def mobile(random: Random) -> str:
    """A mobile number of eleven digits."""
    return f"{random.choice(_MOBILE)}{random.randrange(10**8):08d}"


def landline(random: Random, area: str) -> str:
    """A fixed-line number with its dialling code."""
    digits = 8 if len(area) == 3 else 7
    return f"{area}-{random.randrange(2, 9)}{random.randrange(10 ** (digits - 1)):0{digits - 1}d}"


def bank_card(random: Random, prefix: str) -> str:
    """A card number of 19 digits with its Luhn digit (ISO/IEC 7812-1)."""
    body = prefix + "".join(random.choices("0123456789", k=18 - len(prefix)))
    total = 0
    for place, digit in enumerate(reversed(body)):
        doubled = int(digit) * (2 if place % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return body + str(-total % 10)


def plate(random: Random, prefix: str) -> str:
    """A number plate: province, city letter, five places."""
    return prefix + "".join(random.choices(_PLATE, k=4)) + random.choice("0123456789")
