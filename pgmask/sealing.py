"""Sealed values, byte for byte as the generated triggers make them (F1).

A sealed value is ``format 1 | algorithm 1 | data-key epoch int4 BE | tag 16 | ciphertext``, SIV:
the tag is the first 16 bytes of HMAC-SHA-256 over ``header | associated data | NUL | plaintext``
and is the IV of AES-256-CBC (PKCS#7 padding; a wrapped data key, a multiple of 16 bytes, has
none).  Equal input gives equal bytes, so a value that was not changed is not a new value; the
associated data names table, bundle and row, so a value moved elsewhere does not open.

A key here is 64 bytes: MAC half, then encryption half.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from pgmask.errors import KeyFault
from pgmask.keyfile import KeyFile

FORMAT: Final = 1
AES_256_CBC_HMAC_SHA_256: Final = 1
HEADER: Final = 6
TAG: Final = 16
CANARY: Final = b"pgmask canary: this key is the one that was registered".ljust(64, b".")

Scalar = str | int | bool | None


def jsonb_text(value: Scalar | Sequence[Scalar] | Mapping[str, Scalar]) -> str:
    """A value as the text of PostgreSQL's ``jsonb``: keys by byte length, then by bytes.

    Only what sealing needs: strings, integers, booleans, null, and flat arrays and objects of them.
    """
    if isinstance(value, Mapping):
        keys = sorted(value, key=lambda k: (len(k.encode()), k.encode()))
        inside = ", ".join(f"{_scalar(k)}: {_scalar(value[k])}" for k in keys)
        return "{" + inside + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(_scalar, value)) + "]"
    return _scalar(value)


_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r",
                   "\t": "\\t"}  # fmt: skip


def _scalar(value: Scalar) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    if "\x00" in value:
        raise ValueError("PostgreSQL's text cannot hold NUL")
    quoted = "".join(_ESCAPES.get(c) or (f"\\u{ord(c):04x}" if ord(c) < 0x20 else c) for c in value)
    return f'"{quoted}"'


def header(epoch: int) -> bytes:
    """The six bytes that name format, algorithm and data-key epoch."""
    return bytes((FORMAT, AES_256_CBC_HMAC_SHA_256)) + epoch.to_bytes(4, "big", signed=True)


def epoch_of(sealed: bytes) -> int:
    """The data-key epoch a sealed value names; KeyFault PM315 when it is no sealed value."""
    if len(sealed) < HEADER + TAG + 16 or sealed[:2] != header(0)[:2]:
        raise KeyFault("PM315", "this is no sealed value of a known format")
    return int.from_bytes(sealed[2:HEADER], "big", signed=True)


def _tag(key: bytes, head: bytes, associated: bytes, plain: bytes) -> bytes:
    return hmac.digest(key[:32], head + associated + b"\x00" + plain, "sha256")[:TAG]


def _cipher(key: bytes, tag: bytes) -> Cipher[modes.CBC]:
    if len(key) != 64:
        raise ValueError("a key is 64 bytes: MAC half, encryption half")
    return Cipher(algorithms.AES256(key[32:]), modes.CBC(tag))


def seal_bytes(
    key: bytes, epoch: int, associated: str, plain: bytes, *, padded: bool = True
) -> bytes:
    """Seal bytes. Without padding the plaintext's length must be a multiple of 16."""
    head = header(epoch)
    tag = _tag(key, head, associated.encode(), plain)
    if padded:
        padder = padding.PKCS7(128).padder()
        filled = padder.update(plain) + padder.finalize()
    else:
        filled = plain
    encryptor = _cipher(key, tag).encryptor()
    return head + tag + encryptor.update(filled) + encryptor.finalize()


def open_bytes(key: bytes, associated: str, sealed: bytes, *, padded: bool = True) -> bytes:
    """Open what ``seal_bytes`` made; KeyFault PM315 when it is not whole, not here or not ours."""
    epoch_of(sealed)
    head, tag, body = sealed[:HEADER], sealed[HEADER : HEADER + TAG], sealed[HEADER + TAG :]
    try:
        decryptor = _cipher(key, tag).decryptor()
        plain = decryptor.update(body) + decryptor.finalize()
        if padded:
            unpadder = padding.PKCS7(128).unpadder()
            plain = unpadder.update(plain) + unpadder.finalize()
    except ValueError:
        plain = b""
    if not hmac.compare_digest(_tag(key, head, associated.encode(), plain), tag):
        raise KeyFault("PM315", "a sealed value does not open under its row's key")
    return plain


def bundle_data(table_id: str, bundle: str, key: Sequence[Scalar]) -> str:
    """The associated data of a bundle: table id, bundle, primary key values."""
    return jsonb_text([table_id, bundle, *key])


def seal_bundle(
    key: bytes, epoch: int, table_id: str, bundle: str, row: Sequence[Scalar],
    values: Mapping[str, str],
) -> bytes:  # fmt: skip
    """One bundle: the level-1 values of a row that speak of one subject, by column."""
    return seal_bytes(key, epoch, bundle_data(table_id, bundle, row), jsonb_text(values).encode())


def open_bundle(
    key: bytes, table_id: str, bundle: str, row: Sequence[Scalar], sealed: bytes
) -> dict[str, str]:
    """The values by column; KeyFault PM315 when the bundle does not open."""
    found: dict[str, str] = json.loads(
        open_bytes(key, bundle_data(table_id, bundle, row), sealed).decode()
    )
    return found


def data_key_data(subject_class: str, subject_key: str) -> str:
    """The associated data of a wrapped data key."""
    return jsonb_text(["data key", subject_class, subject_key])


def wrap_data_key(
    kek: KeyFile, subject_class: str, subject_key: str, epoch: int, data_key: bytes
) -> bytes:
    """A data key (64 bytes) as ``pgmask_private.data_key.wrapped`` holds it."""
    return seal_bytes(
        kek.wrapping, epoch, data_key_data(subject_class, subject_key), data_key, padded=False
    )


def unwrap_data_key(kek: KeyFile, subject_class: str, subject_key: str, wrapped: bytes) -> bytes:
    """The data key inside; KeyFault PM315 when it was not wrapped by this key for this subject."""
    return open_bytes(
        kek.wrapping, data_key_data(subject_class, subject_key), wrapped, padded=False
    )


def make_canary(kek: KeyFile) -> bytes:
    """A known text under the key: it opens exactly when the key is the registered one."""
    return seal_bytes(kek.wrapping, kek.key_id, jsonb_text(["canary", kek.key_id]), CANARY,
                      padded=False)  # fmt: skip


def _blind(kek: KeyFile, table_id: str, column: str, normal: str) -> bytes:
    message = f"{jsonb_text([table_id, column])}{normal}".encode()
    return hmac.digest(kek.blind, message, "sha256")


def blind_index(kek: KeyFile, table_id: str, column: str, normal: str) -> int:
    """The 64-bit blind index of a value in normal form, as ``pgmask_bidx_<column>`` holds it."""
    return int.from_bytes(_blind(kek, table_id, column, normal)[:8], "big", signed=True)


def blind_index_unique(kek: KeyFile, table_id: str, column: str, normal: str) -> UUID:
    """The 128-bit blind index of a column that must be unique."""
    return UUID(bytes=_blind(kek, table_id, column, normal)[:16])
