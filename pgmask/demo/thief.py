"""What somebody finds who carries the files away: dumps and data directories, searched in full."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pgmask.demo.data import Insurer

_DIGITS: Final = re.compile(rb"[0-9]{11,}[Xx]?")
_HEX: Final = b"0123456789abcdef"
_LONG: Final = 17
"""From here on a run of hexadecimal digits in a dump is a key, an index or a sealed value."""
_DOMAIN: Final = re.compile(rb"@[a-z.]{4,40}")
_LOCAL: Final = re.compile(rb"[a-z0-9]*\Z")
_MAILS: Final = "e-mail addresses"
_CHUNK: Final = 8 * 1024 * 1024
_OVERLAP: Final = 256


@dataclass(slots=True)
class Loot:
    """Values to look for, by kind, and which of them were found."""

    wanted: dict[str, frozenset[bytes]]
    found: dict[str, set[bytes]] = field(default_factory=dict)
    _numbers: dict[int, dict[bytes, str]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._numbers = {}
        for kind, values in self.wanted.items():
            for value in values if kind != _MAILS else ():
                self._numbers.setdefault(len(value), {})[value] = kind

    @classmethod
    def of(cls, insurer: Insurer) -> Loot:
        """Everything in the customers' and accounts' columns that must not be found."""
        customer, account = insurer.table("customer"), insurer.table("bank_account")
        return cls({
            "phone numbers": _values(customer.columns, customer.rows, "phone"),
            "identity numbers": _values(customer.columns, customer.rows, "id_no"),
            _MAILS: _values(customer.columns, customer.rows, "email"),
            "bank accounts": _values(account.columns, account.rows, "account_no"),
        })  # fmt: skip

    def search(self, data: bytes, *, dump: bool = False) -> None:
        """Note every wanted value in the bytes, wherever it begins.

        dump: the bytes are text. Then digits inside a longer run of hexadecimal ones are no value
        of ours: among so many random digits a phone number is met by chance, once in some hundred
        dumps.
        """
        for match in _DIGITS.finditer(data):
            run = match.group()
            token = _token(data, match.start(), match.end()) if dump else 0
            for length, known in self._numbers.items():
                if token >= _LONG and token != length:
                    continue
                for start in range(len(run) - length + 1):
                    kind = known.get(run[start : start + length])
                    if kind is not None:
                        self.found.setdefault(kind, set()).add(run[start : start + length])
        mails = self.wanted[_MAILS]
        for match in _DOMAIN.finditer(data):
            domain = match.group()
            before = _LOCAL.search(data[max(0, match.start() - 40) : match.start()])
            local = before.group() if before is not None else b""
            # What stands beside it in the file may be letters too.
            for start in range(len(local)):
                for end in range(5, len(domain) + 1):
                    piece = local[start:] + domain[:end]
                    if piece in mails:
                        self.found.setdefault(_MAILS, set()).add(piece)

    def again(self) -> Loot:
        """The same values to look for, nothing found yet."""
        return Loot(self.wanted)

    def hits(self, kind: str) -> int:
        """How many different values of the kind were found."""
        return len(self.found.get(kind, ()))

    @property
    def total(self) -> int:
        """How many values of all kinds were found."""
        return sum(len(values) for values in self.found.values())

    @property
    def size(self) -> int:
        """How many values of all kinds were looked for."""
        return sum(len(values) for values in self.wanted.values())


def _token(data: bytes, start: int, end: int) -> int:
    """How long the run of hexadecimal digits around that place is, as far as it matters."""
    first, last = start, end
    while first > max(0, start - _LONG) and data[first - 1] in _HEX:
        first -= 1
    while last < min(len(data), end + _LONG) and data[last] in _HEX:
        last += 1
    return last - first


def search_folder(folder: Path, loot: Loot, *, dump: bool = False) -> int:
    """Search every file below the folder; how many bytes were read. dump: see ``Loot.search``.

    A file that goes away meanwhile is passed over: the server may remove a log segment.
    """
    total = 0
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.is_symlink():
            continue
        try:
            for chunk in _chunks(path):
                loot.search(chunk, dump=dump)
            total += path.stat().st_size
        except FileNotFoundError:
            continue
    return total


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        tail = b""
        while data := file.read(_CHUNK):
            yield tail + data
            tail = data[-_OVERLAP:]


def _values(
    columns: tuple[str, ...], rows: Iterable[tuple[object, ...]], name: str
) -> frozenset[bytes]:
    place = columns.index(name)
    return frozenset(str(row[place]).encode() for row in rows if row[place] is not None)
