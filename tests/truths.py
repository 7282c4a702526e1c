"""Complete values of level 1, as the tests use them, and a search for them (G2).

A mobile number is known by its form, so one that a fixture computes is found as well. Identity
numbers and addresses of electronic mail are those that a file of the tests writes out, and those
of the attacked database: the record has random numbers of that length. Names are of level 2;
looked for are those of two customers whom nobody else is called after.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Final

from tests.attack.people import RICH, THEIRS, customers, id_no

_SOURCES: Final = ("*.py", "*.sql", "*.yml", "*.yaml", "*.csv", "*.java")
_MAIL: Final = re.compile(rb"[A-Za-z0-9._]{3,}@example\.(?:com|org|net|info|cn)")
# Not inside of longer numbers or of hexadecimal digits.
_MOBILE: Final = re.compile(rb"(?<![0-9A-Za-z-])(?:86)?(1[3-9][0-9]{9})(?![0-9A-Za-z])")
_ID_CARD: Final = re.compile(rb"(?<![0-9A-Za-z])([1-9][0-9]{16}[0-9X])(?![0-9A-Za-z])")
_BYTEA: Final = re.compile(rb"\\x((?:[0-9a-f]{2}){6,})")
_NAMES: Final = (THEIRS.name.encode(), RICH.name.encode())


@functools.cache
def _written() -> tuple[frozenset[bytes], tuple[bytes, ...]]:
    here = Path(__file__).parent
    sources = b"\n".join(path.read_bytes() for p in _SOURCES for path in here.rglob(p))
    numbers = {*_ID_CARD.findall(sources), *(id_no(n).encode() for n in range(1000))}
    mails = {*_MAIL.findall(sources), *(c.email.encode() for c in customers())}
    return frozenset(numbers), tuple(sorted(mails))


def truths_in(text: bytes) -> list[str]:
    """The complete values in a text as a server writes it, and in its bytea; sorted."""
    numbers, mails = _written()
    found = {*_MOBILE.findall(text), *numbers.intersection(_ID_CARD.findall(text))}
    if b"@" in text:
        found.update(mail for mail in mails if mail in text)
    found.update(name for name in _NAMES if name in text)
    names = {value.decode() for value in found}
    for content in _BYTEA.findall(text):
        names.update(truths_in(bytes.fromhex(content.decode())))
    return sorted(names)
