"""The key of the seal: an Ed25519 pair in PEM files, the private one outside of the database."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from pgmask.errors import KeyFault
from pgmask.keyfile import too_open


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key: 32 bytes."""

    raw: bytes

    @property
    def key_id(self) -> str:
        """The first 16 hexadecimal digits of its SHA-256."""
        return sha256(self.raw).hexdigest()[:16]

    def holds(self, signature: bytes, message: bytes) -> bool:
        """Whether the signature is this key's over the message."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key; never in a repr, error or log."""

    private: Ed25519PrivateKey = field(repr=False)

    @property
    def public(self) -> PublicKey:
        """Its public key."""
        return PublicKey(
            self.private.public_key().public_bytes(
                serialization.Encoding.Raw, serialization.PublicFormat.Raw
            )
        )

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""
        return self.private.sign(message)


def create(path: Path) -> PublicKey:
    """Make a pair: the private key in a new file that its owner alone may read, beside it ``.pub``.

    Raises FileExistsError, OSError; nothing is ever written over.
    """
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    beside = path.with_name(path.name + ".pub")
    _write(path, private, 0o600)
    try:
        _write(beside, public, 0o644)
    except BaseException:
        path.unlink()
        raise
    return SigningKey(key).public


def read_private(path: Path) -> SigningKey:
    """The private key of a file.

    Raises KeyFault: PM820 missing or unreadable, PM821 others may read it, PM822 no such key.
    """
    content = _read(path)
    try:
        key = serialization.load_pem_private_key(content, password=None)
    except TypeError:
        raise KeyFault(
            "PM822", "the private key has a passphrase", where=str(path),
            hint="The seal takes one without, in a file that only its account reads.",
        ) from None  # fmt: skip
    except ValueError:
        if b"PUBLIC KEY" in content:
            raise KeyFault(
                "PM822", "this is a public key", where=str(path),
                hint="What signs is the private one, FILE without .pub.",
            ) from None  # fmt: skip
        raise KeyFault("PM822", "this is no private key in PEM form", where=str(path)) from None
    if too_open(path):
        raise KeyFault("PM821", "others may read the signing key", where=str(path))
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFault("PM822", "the private key is not of Ed25519", where=str(path))
    return SigningKey(key)


def read_public(path: Path) -> PublicKey:
    """The public key of a file; KeyFault PM820, PM822."""
    content = _read(path)
    try:
        key = serialization.load_pem_public_key(content)
    except ValueError:
        if b"PRIVATE KEY" in content:
            raise KeyFault(
                "PM822", "this is the private key", where=str(path),
                hint="What verifies is the public one, FILE.pub. The private one stays where it"
                " seals.",
            ) from None  # fmt: skip
        raise KeyFault("PM822", "this is no public key in PEM form", where=str(path)) from None
    if not isinstance(key, Ed25519PublicKey):
        raise KeyFault("PM822", "the public key is not of Ed25519", where=str(path))
    return PublicKey(key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw))


def ring(keys: Iterable[PublicKey]) -> dict[str, PublicKey]:
    """The keys by their ids."""
    return {key.key_id: key for key in keys}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise KeyFault(
            "PM820", f"the key cannot be read: {error.strerror}", where=str(path)
        ) from None


def _write(path: Path, content: bytes, mode: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    handle = os.open(path, flags, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        with contextlib.suppress(OSError):
            path.unlink()
        raise
