"""PostgreSQL names: validated once at the edge, quoted once when SQL is emitted."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import total_ordering

from psycopg import sql

from pgmask.errors import PgmaskError

MAX_NAME_BYTES = 63
"""NAMEDATALEN - 1; the server cuts longer names with only a notice."""


class BadName(PgmaskError):
    """PM001: a string that cannot be a PostgreSQL identifier as it stands."""

    def __init__(self, message: str) -> None:
        super().__init__("PM001", message)

    def __reduce__(self) -> tuple[object, ...]:
        return BadName, (self.message,)


@dataclass(frozen=True, slots=True, order=True)
class Name:
    """One unquoted PostgreSQL identifier, exactly as the system catalogues store it.

    text: 1..63 bytes of UTF-8 without NUL.  Raises BadName (PM001) otherwise; nothing is trimmed,
    folded or shortened.
    """

    text: str

    def __post_init__(self) -> None:
        if not self.text:
            raise BadName("a name is empty")
        if "\x00" in self.text:
            raise BadName("a name contains NUL")  # psycopg would cut it there
        try:
            size = len(self.text.encode())
        except UnicodeEncodeError:
            raise BadName("a name is not valid Unicode") from None
        if size > MAX_NAME_BYTES:
            raise BadName(f"the name {self.text!r} is longer than {MAX_NAME_BYTES} bytes")

    def __str__(self) -> str:
        return self.text

    @property
    def sql(self) -> sql.Identifier:
        """The name as psycopg composes it into SQL."""
        return sql.Identifier(self.text)

    @property
    def quoted(self) -> str:
        """The name in double quotes, always, so that generated SQL is uniform."""
        return '"' + self.text.replace('"', '""') + '"'


@total_ordering
@dataclass(frozen=True, slots=True)
class QualName:
    """A schema and a name in it: relation, function, type."""

    schema: Name
    name: Name

    @classmethod
    def of(cls, schema: str, name: str) -> QualName:
        """Both parts from strings; raises BadName (PM001)."""
        return cls(Name(schema), Name(name))

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, QualName):
            return NotImplemented
        return (self.schema.text, self.name.text) < (other.schema.text, other.name.text)

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def sql(self) -> sql.Composed:
        """Schema-qualified, both parts quoted, as psycopg composes it."""
        return sql.SQL("{}.{}").format(self.schema.sql, self.name.sql)

    @property
    def quoted(self) -> str:
        """Schema-qualified with both parts in double quotes."""
        return f"{self.schema.quoted}.{self.name.quoted}"


def derived(prefix: str, *parts: str) -> Name:
    """The name pgmask gives to an object made for another one: ``prefix`` and the parts by ``_``.

    When the result would pass 63 bytes, the tail becomes ``_`` and 8 hex digits of the SHA-256 of
    the whole, cut at a character boundary, so that different sources keep different names.
    """
    full = prefix + "_".join(parts)
    data = full.encode()
    if len(data) <= MAX_NAME_BYTES:
        return Name(full)
    tail = "_" + hashlib.sha256(data).hexdigest()[:8]
    head = data[: MAX_NAME_BYTES - len(tail)].decode(errors="ignore")
    return Name(head + tail)
