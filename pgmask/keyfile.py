"""The key file: made, written, read and told apart when it is not what it should be.

Layout, 156 bytes, big-endian::

    0   8   magic ``PGMASK01``; ``PGMASKD1`` is the mark of a key for development
    8   4   key id, 1 .. 2**31 - 1
    12  32  wrap_mac   authenticates wrapped data keys
    44  32  wrap_enc   encrypts them
    76  32  root, blind index key
    108 32  root, stash key (truths that travel inside one upsert)
    140 16  first bytes of SHA-256 over everything before

The root survives a rotation: it is copied into the next file, so that blind indexes stay right.
``sql/23_fn_keys.sql`` reads the same bytes at the same places.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pgmask.errors import KeyFault

MAGIC: Final = b"PGMASK01"
DEV_MAGIC: Final = b"PGMASKD1"
"""The mark of a key for invented data: no database of production takes it."""
SIZE: Final = 156
_CHECKSUM: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFile:
    """The content of one key file. The material is never in a repr, error or log.

    key_id: 1 .. 2**31 - 1; wrap_mac, wrap_enc, blind, stash: 32 bytes each; dev: marked for
    development, so that it opens and seals nothing where the data is real.
    """

    key_id: int
    wrap_mac: bytes = field(repr=False)
    wrap_enc: bytes = field(repr=False)
    blind: bytes = field(repr=False)
    stash: bytes = field(repr=False)
    dev: bool = False

    @classmethod
    def new(cls, key_id: int, *, root_of: KeyFile | None = None, dev: bool = False) -> KeyFile:
        """Fresh random material; with ``root_of`` the root and the mark of that key are kept."""
        if not 1 <= key_id < 2**31:
            raise ValueError("a key id is between 1 and 2147483647")
        return cls(
            key_id=key_id,
            wrap_mac=secrets.token_bytes(32),
            wrap_enc=secrets.token_bytes(32),
            blind=secrets.token_bytes(32) if root_of is None else root_of.blind,
            stash=secrets.token_bytes(32) if root_of is None else root_of.stash,
            dev=dev if root_of is None else root_of.dev,
        )

    @property
    def wrapping(self) -> bytes:
        """The 64 bytes that wrap data keys: MAC half, encryption half."""
        return self.wrap_mac + self.wrap_enc

    def to_bytes(self) -> bytes:
        """The file's content."""
        body = (
            (DEV_MAGIC if self.dev else MAGIC)
            + self.key_id.to_bytes(4, "big")
            + self.wrap_mac
            + self.wrap_enc
            + self.blind
            + self.stash
        )
        return body + hashlib.sha256(body).digest()[:_CHECKSUM]

    @property
    def fingerprint(self) -> bytes:
        """SHA-256 of the content: what the database registers to know this key again."""
        return hashlib.sha256(self.to_bytes()).digest()


def parse(content: bytes, *, where: str) -> KeyFile:
    """A key file's content as a value.

    Raises KeyFault: PM312 shorter than a key file, PM313 anything else wrong with it.
    """
    if len(content) < SIZE:
        raise KeyFault(
            "PM312", f"the key file is truncated: {len(content)} of {SIZE} bytes", where=where
        )
    if len(content) > SIZE or not content.startswith((MAGIC, DEV_MAGIC)):
        raise KeyFault("PM313", "this is not a key file of pgmask", where=where)
    body, checksum = content[:-_CHECKSUM], content[-_CHECKSUM:]
    if hashlib.sha256(body).digest()[:_CHECKSUM] != checksum:
        raise KeyFault("PM313", "the key file is damaged: its checksum does not hold", where=where)
    return KeyFile(
        key_id=int.from_bytes(body[8:12], "big"),
        wrap_mac=body[12:44],
        wrap_enc=body[44:76],
        blind=body[76:108],
        stash=body[108:140],
        dev=body.startswith(DEV_MAGIC),
    )


def read(path: Path) -> KeyFile:
    """The key file at ``path``.

    Raises KeyFault: PM310 missing or unreadable, PM312 truncated, PM313 damaged.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise KeyFault("PM310", "the key file is not there", where=str(path)) from None
    except OSError as error:
        raise KeyFault(
            "PM310", f"the key file cannot be read: {error.strerror}", where=str(path)
        ) from None
    return parse(content, where=str(path))


def write(path: Path, key: KeyFile) -> None:
    """Write a new key file, readable by its owner only, flushed to disk; never over another file.

    Raises FileExistsError, OSError. A file that could not be written whole is removed.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    handle = os.open(path, flags, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(key.to_bytes())
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        with contextlib.suppress(OSError):
            path.unlink()
        raise


def too_open(path: Path) -> bool:
    """Whether others than the owner have any right on the file."""
    return bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))
