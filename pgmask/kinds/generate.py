"""Invented values of valid form for every kind, from a given random source.

No value speaks of a person: numbers are drawn, names and places are combined from short lists.  A
drawn number may by chance be somebody's; nothing here says that it is.  The same random source
gives the same values, so demonstrations and tests repeat.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from random import Random
from types import MappingProxyType
from typing import Final

from pgmask.kinds.surnames import COMPOUND_SURNAMES

_ID_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_CHECK: Final = "10X98765432"
CREDIT_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CREDIT_WEIGHTS: Final = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_ORG_WEIGHTS: Final = (3, 7, 9, 10, 5, 8, 4, 2)
_ORG_CHECK: Final = "0X987654321"
_ORG_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_PLATE: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"
_MOBILE: Final = (
    "130", "131", "132", "133", "134", "135", "136", "137", "138", "139", "150", "151", "152",
    "153", "155", "156", "157", "158", "159", "177", "178", "180", "181", "182", "183", "185",
    "186", "187", "188", "189", "191", "199",
)  # fmt: skip
_REGIONS: Final = (
    ("110105", "北京市朝阳区", "010", "京A"),
    ("310115", "上海市浦东新区", "021", "沪A"),
    ("320106", "江苏省南京市鼓楼区", "025", "苏A"),
    ("330106", "浙江省杭州市西湖区", "0571", "浙A"),
    ("420106", "湖北省武汉市武昌区", "027", "鄂A"),
    ("440305", "广东省深圳市南山区", "0755", "粤B"),
    ("510107", "四川省成都市武侯区", "028", "川A"),
    ("610113", "陕西省西安市雁塔区", "029", "陕A"),
)
_STREETS: Final = ("样例路", "示范街", "模拟大道", "虚构巷", "测试路", "范本街")
_SURNAMES: Final = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗"
_GIVEN: Final = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英文华建国晨雨欣"
_LATIN: Final = ("Alder", "Birch", "Cedar", "Elm", "Hazel", "Linden", "Maple", "Rowan")
_NOTES: Final = ("客户来电咨询续期", "已寄送保单", "约定下周回访", "资料待补")


def _check(body: str, alphabet: str, weights: tuple[int, ...], modulus: int) -> int:
    return sum(alphabet.index(c) * w for c, w in zip(body, weights, strict=True)) % modulus


def id_card_check(body: str) -> str:
    """The check character of the first 17 digits of an identity number (GB 11643)."""
    return _ID_CHECK[_check(body, "0123456789", _ID_WEIGHTS, 11)]


def credit_check(body: str) -> str:
    """The check character of the first 17 of a unified social credit code (GB 32100)."""
    return CREDIT_ALPHABET[(31 - _check(body, CREDIT_ALPHABET, _CREDIT_WEIGHTS, 31)) % 31]


def organisation_check(body: str) -> str:
    """The check character of the first eight of an organisation code (GB 11714)."""
    return _ORG_CHECK[_check(body, _ORG_ALPHABET, _ORG_WEIGHTS, 11)]


def id_card(random: Random, region: str, born: dt.date, *, male: bool) -> str:
    """An 18-character identity number with check character (GB 11643).

    region: six digits; born and male are what the number states.
    """
    serial = random.randrange(0, 500) * 2 + (1 if male else 0)
    body = f"{region}{born:%Y%m%d}{serial:03d}"
    return body + id_card_check(body)


def old_id_card(number: str) -> str:
    """The 15-digit form of an 18-character number of somebody born from 1900 to 1999."""
    return number[:6] + number[8:17]


def mobile(random: Random) -> str:
    """A mobile number of eleven digits."""
    return f"{random.choice(_MOBILE)}{random.randrange(10**8):08d}"


def landline(random: Random, area: str) -> str:
    """A fixed-line number with its area code, ``010`` or ``0755``."""
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
    """A plate of seven characters; prefix: province and city letter."""
    return prefix + "".join(random.choices(_PLATE, k=4)) + random.choice("0123456789")


def new_energy_plate(random: Random, prefix: str) -> str:
    """A plate of eight characters of a small battery (D) or hybrid (F) vehicle."""
    return prefix + random.choice("DF") + f"{random.randrange(10**5):05d}"


def credit_code(random: Random, region: str) -> str:
    """A unified social credit code with its check character (GB 32100)."""
    return credit_code_from(random, f"91{region}")


def credit_code_from(random: Random, prefix: str) -> str:
    """A unified social credit code; prefix: its first eight characters."""
    body = prefix + "".join(random.choices(CREDIT_ALPHABET, k=9))
    return body + credit_check(body)


def org_code(random: Random) -> str:
    """A nine-character organisation code with its check character (GB 11714)."""
    body = "".join(random.choices("0123456789", k=8))
    return f"{body}-{organisation_check(body)}"


def person_name(random: Random) -> str:
    """A name; one in twenty with a compound surname, one in fifty in Latin letters."""
    die = random.random()
    if die < 0.02:
        return f"{random.choice(_LATIN)} {random.choice(_LATIN)}"
    surname = random.choice(_COMPOUND if die < 0.07 else _SURNAMES)
    return surname + "".join(random.choices(_GIVEN, k=random.choice((1, 2, 2))))


_COMPOUND: Final = tuple(sorted(COMPOUND_SURNAMES))


def postal_address(random: Random) -> str:
    """An address down to the room, in a street that does not exist."""
    _, place, _, _ = random.choice(_REGIONS)
    return (
        f"{place}{random.choice(_STREETS)}{random.randrange(1, 400)}号"
        f"{random.randrange(1, 30)}栋{random.randrange(1, 7)}单元{random.randrange(101, 2800)}室"
    )


def email(random: Random) -> str:
    """An address under a domain that is reserved for examples (RFC 2606)."""
    user = "".join(random.choices("abcdefghijklmnopqrstuvwxyz", k=random.randrange(4, 10)))
    return f"{user}{random.randrange(1000)}@example.{random.choice(('com', 'net', 'org'))}"


def policy_number(random: Random) -> str:
    """A policy number: a letter, the year, ten digits."""
    return f"P{random.randrange(2010, 2025)}{random.randrange(10**10):010d}"


def birth_date(random: Random) -> dt.date:
    """A day from 1935 to 2005."""
    return dt.date(1935, 1, 1) + dt.timedelta(days=random.randrange(25_900))


def _id_card(random: Random) -> str:
    region, _, _, _ = random.choice(_REGIONS)
    return id_card(random, region, birth_date(random), male=random.random() < 0.5)


def _landline(random: Random) -> str:
    return landline(random, random.choice(_REGIONS)[2])


def _plate(random: Random) -> str:
    make = new_energy_plate if random.random() < 0.2 else plate
    return make(random, random.choice(_REGIONS)[3])


def _org_code(random: Random) -> str:
    if random.random() < 0.1:
        return org_code(random)
    return credit_code(random, random.choice(_REGIONS)[0])


GENERATORS: Mapping[str, Callable[[Random], str]] = MappingProxyType(
    {
        "mobile": mobile,
        "landline": _landline,
        "email": email,
        "postal_address": postal_address,
        "cn_id_card": _id_card,
        "identity_paper": lambda random: f"E{random.randrange(10**8):08d}",
        "bank_account": lambda random: bank_card(random, random.choice(("622200", "621700"))),
        "policy_number": policy_number,
        "person_name": person_name,
        "org_code": _org_code,
        "plate": _plate,
        "date": lambda random: birth_date(random).isoformat(),
        "number": lambda random: f"{random.randrange(10**8) / 100:.2f}",
        "free_text": lambda random: random.choice(_NOTES),
        "json": lambda random: f'{{"score": {random.randrange(100)}}}',
        "media": lambda random: f"scans/{random.randrange(10**6):06d}.jpg",
        "secret": lambda random: f"{random.getrandbits(64):016x}",
    }
)
"""One generator per kind: ``GENERATORS["mobile"](random)``."""
