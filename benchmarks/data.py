"""Rows of valid form, made by arithmetic: the same on every run, no two alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

_SURNAMES: Final = "王李张刘陈杨黄赵吴周"
_GIVEN: Final = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超兰霞平"
_REGIONS: Final = ("110101", "310115", "440106", "510104", "330106", "420102", "320102", "610102")
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS: Final = "10X98765432"
UNITS: Final = 20


def phone(n: int) -> str:
    """A mainland mobile number."""
    return f"13{n % 1_000_000_000:09d}"


def id_no(n: int) -> str:
    """An identity number with a right check digit."""
    body = f"{_REGIONS[n % 8]}{1950 + n % 55}{1 + n % 12:02d}{1 + n % 28:02d}{n // 8 % 1000:03d}"
    total = sum(int(d) * w for d, w in zip(body, _WEIGHTS, strict=True))
    return body + _CHECKS[total % 11]


def bank_account(n: int) -> str:
    """A card number with a right Luhn digit."""
    body = f"622202{n:012d}"
    total = 0
    for place, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return body + str(-total % 10)


def name(n: int) -> str:
    """A Chinese name of two or three characters."""
    return _SURNAMES[n % 10] + _GIVEN[n // 10 % 20] + (_GIVEN[n // 200 % 20] if n % 3 else "")


def email(n: int) -> str:
    """An address at a reserved domain."""
    return f"customer{n}@example.com"


def address(n: int) -> str:
    """A postal address with province, city, district, street and number."""
    return f"浙江省杭州市西湖区文三路{n % 900 + 1}号{n // 900 % 40 + 1}幢{n % 30 + 1}室"


def unit(n: int) -> int:
    """The unit that collected customer n."""
    return n % UNITS + 1


def customers(count: int, first: int = 1) -> Iterator[tuple[Any, ...]]:
    """Rows of ``customer``: id, unit, name, five level-1 values, four of level 3."""
    for n in range(first, first + count):
        yield (
            n, unit(n), name(n), phone(n), email(n), id_no(n), bank_account(n), address(n),
            "F" if int(id_no(n)[16]) % 2 == 0 else "M", "active" if n % 7 else "lapsed",
            ("basic", "silver", "gold")[n % 3],
            f"2026-01-01 00:{n // 60 % 60:02d}:{n % 60:02d}+08:00",
        )  # fmt: skip


def policies(count: int, people: int) -> Iterator[tuple[Any, ...]]:
    """Rows of ``policy``: one for every customer, in order."""
    for n in range(1, count + 1):
        holder = (n - 1) % people + 1
        yield (
            n, unit(holder), holder, f"P2026{n:010d}", bank_account(5_000_000 + n),
            "life" if n % 2 else "health", n % 10_000,
        )  # fmt: skip


def contacts(count: int, people: int) -> Iterator[tuple[Any, ...]]:
    """Rows of ``contact``."""
    for n in range(1, count + 1):
        customer = (n * 7) % people + 1
        yield (n, unit(customer), customer, phone(6_000_000 + n), "service")


def leads(count: int, people: int) -> Iterator[tuple[Any, ...]]:
    """Rows of ``lead``."""
    for n in range(1, count + 1):
        customer = (n * 11) % people + 1
        yield (
            n, unit(customer), customer, phone(7_000_000 + n), id_no(7_000_000 + n),
            email(7_000_000 + n), bank_account(7_000_000 + n), "web",
        )  # fmt: skip
