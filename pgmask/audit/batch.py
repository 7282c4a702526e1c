"""What a batch says and how it is signed: header, parts, and the index of their rows. Pure."""

from __future__ import annotations

import json
import struct
import zlib
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from hashlib import sha256
from typing import Any, Final

from pgmask.audit import merkle
from pgmask.audit.keys import PublicKey
from pgmask.errors import PgmaskError
from pgmask.hashing import canonical_json

FORMAT: Final = "pgmask-batch-1"
SHORT: Final = 8
"""Bytes of a hash in the index."""
_ALL: Final = (1 << 64) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The rows of one table and month in a batch, in the order of their numbers.

    month: ``YYYY-MM`` of when (UTC); carried: rows of a former line of transactions that no batch
    of it covered; first, last: the smallest and greatest number; root: of the tree over the lines;
    index: SHA-256 of the row of ``pgmask_audit.leaf``; both in hexadecimal digits.
    """

    table: str
    month: str
    carried: bool
    rows: int
    first: int
    last: int
    root: str
    index: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What is signed.

    batch: from 1, without gaps; xid_from, xid_to: its transactions are in [from, to); line, floors:
    the era that began the line of transactions, and the greatest numbers of rows before it;
    numbers: the last numbers given out; fingerprint: SHA-256 by part; previous: digest of the
    header before, empty for the first; key: id of the key that signs.
    """

    batch: int
    previous: str
    era: int
    system: str
    line: int
    floors: Mapping[str, int]
    xid_from: int
    xid_to: int
    made_at: str
    parts: tuple[Part, ...]
    fingerprint: Mapping[str, str]
    numbers: Mapping[str, int]
    key: str
    format: str = FORMAT

    @property
    def rows(self) -> int:
        """How many rows it covers."""
        return sum(part.rows for part in self.parts)

    def text(self) -> str:
        """Canonical JSON: keys sorted, no white space."""
        return canonical_json(self)

    @classmethod
    def parse(cls, text: str) -> Header:
        """The header of its text. Raises PgmaskError PM830 when it is none."""
        try:
            found: dict[str, Any] = json.loads(text)
            parts = tuple(Part(**part) for part in found.pop("parts"))
            made = cls(parts=parts, **found)
        except (ValueError, TypeError, KeyError, AttributeError):
            raise PgmaskError("PM830", "a header of a batch cannot be read") from None
        # Its numbers become part of queries, and whoever owns the table may have written anything.
        if not (_typed(made) and all(map(_typed, parts))):
            raise PgmaskError("PM830", "a header of a batch holds what it may not hold")
        if made.format != FORMAT:
            raise PgmaskError("PM830", "a header is of a format that this version does not know")
        return made


def _typed(made: Header | Part) -> bool:
    """Whether every field is of its type, and every number a bigint."""
    sorts = {"int": int, "str": str, "bool": bool}
    for one in fields(made):
        value = getattr(made, one.name)
        if one.name == "parts":
            continue
        if str(one.type).startswith("Mapping"):
            inner: type = int if str(one.type).endswith("int]") else str
            if type(value) is not dict or any(type(v) is not inner for v in value.values()):
                return False
            values = list(value.values())
        elif type(value) is not sorts[str(one.type)]:
            return False
        else:
            values = [value]
        if any(type(v) is int and not -(1 << 63) <= v < 1 << 63 for v in values):
            return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A header as it was signed, with its signature."""

    text: str
    key_id: str
    signature: bytes

    @property
    def digest(self) -> str:
        """SHA-256 of the header, in hexadecimal digits."""
        return sha256(self.text.encode()).hexdigest()

    def signed_by(self, keys: Mapping[str, PublicKey]) -> bool:
        """Whether one of these keys signed it."""
        key = keys.get(self.key_id)
        return key is not None and key.holds(self.signature, self.text.encode())


class PartMaker:
    """Takes the lines of one part as they come. kept: all of them, where they are to be kept."""

    __slots__ = ("_hashes", "_ids", "_lines", "_tree", "carried", "kept", "month", "table")

    def __init__(self, table: str, month: str, carried: bool, *, keep: bool = False) -> None:
        self.kept: list[bytes] | None = [] if keep else None
        self.table, self.month, self.carried = table, month, carried
        self._tree = merkle.Tree()
        self._ids: array[int] = array("q")
        self._hashes = bytearray()
        self._lines: list[bytes] = []

    def add(self, line: bytes, number: int) -> None:
        """Add the next line, in the order of the numbers."""
        self._lines.append(line)
        self._ids.append(number)
        if len(self._lines) == merkle.BLOCK:
            self._flush()

    def _flush(self) -> None:
        made = merkle.leaves(self._lines)
        if self.kept is not None:
            self.kept += self._lines
        self._lines.clear()
        self._tree.extend(made)
        self._hashes += b"".join([one[:SHORT] for one in made])

    def made(self) -> tuple[Part, Index]:
        """The part, and the index of its rows."""
        self._flush()
        index = Index(ids=tuple(self._ids), hashes=bytes(self._hashes))
        part = Part(
            table=self.table, month=self.month, carried=self.carried, rows=self._tree.rows,
            first=min(self._ids, default=0), last=max(self._ids, default=0),
            root=self._tree.root().hex(), index=index.digest,
        )  # fmt: skip
        return part, index


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """The rows of a part by number, and the first ``SHORT`` bytes of their hashes, in order."""

    ids: Sequence[int]
    hashes: bytes

    @property
    def packed(self) -> bytes:
        """The numbers as ``pgmask_audit.leaf.ids`` holds them."""
        ids = self.ids
        # Modulo 2**64: somebody may have written numbers that are further apart than a bigint.
        steps = [(b - a) & _ALL for a, b in zip([0, *ids[:-1]], ids, strict=True)] if ids else []
        return zlib.compress(struct.pack(f">{len(steps)}Q", *steps), 1)

    @property
    def digest(self) -> str:
        """SHA-256 over the unpacked numbers and the hashes, in hexadecimal digits."""
        return sha256(struct.pack(f">{len(self.ids)}q", *self.ids) + self.hashes).hexdigest()

    def pairs(self) -> list[tuple[int, bytes]]:
        """Number and short hash, row by row."""
        return [
            (number, self.hashes[n * SHORT : (n + 1) * SHORT]) for n, number in enumerate(self.ids)
        ]

    @classmethod
    def unpack(cls, packed: bytes, hashes: bytes, rows: int) -> Index | None:
        """An index as the database holds it; None when it cannot be one of so many rows."""
        try:
            opened = zlib.decompressobj()
            steps = struct.unpack(f">{rows}Q", opened.decompress(packed, 8 * rows + 1))
        except (zlib.error, struct.error):
            return None
        if len(hashes) != rows * SHORT:
            return None
        ids, number = [], 0
        for step in steps:
            number = (number + step) & _ALL
            ids.append(number - (1 << 64) if number >> 63 else number)
        return cls(ids=tuple(ids), hashes=hashes)
