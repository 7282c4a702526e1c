"""The manifest of a folder: SHA-256 of every file, signed with Ed25519 where a key is given."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from pgmask.errors import PgmaskError

MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.sig"


def private_key(path: Path) -> Ed25519PrivateKey:
    """The key of a PEM file. Raises PgmaskError (PM848)."""
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise PgmaskError("PM848", f"{path.name} holds no Ed25519 private key in PEM")
    return key


def public_key(path: Path) -> Ed25519PublicKey:
    """The public key of a PEM file. Raises PgmaskError (PM848)."""
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except (OSError, ValueError):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise PgmaskError(
            "PM848", f"{path.name} holds no Ed25519 public key in PEM",
            hint="The one that belongs to the key that signed:"
            " openssl pkey -in report.pem -pubout -out report.pub",
        )  # fmt: skip
    return key


def key_id(key: Ed25519PublicKey) -> str:
    """First 16 hexadecimal digits of the SHA-256 of the raw public key."""
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()[:16]


def write_manifest(
    folder: Path, about: dict[str, Any], key: Ed25519PrivateKey | None
) -> dict[str, Any]:
    """Write the manifest over every file of the folder, and its signature; gives the manifest."""
    files = {
        str(path.relative_to(folder).as_posix()): _digest(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    found = about | {"files": files, "key_id": key_id(key.public_key()) if key else None}
    content = (json.dumps(found, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()
    (folder / MANIFEST).write_bytes(content)
    if key is not None:
        (folder / SIGNATURE).write_bytes(base64.b64encode(key.sign(content)) + b"\n")
    return found


def check_folder(folder: Path, key: Ed25519PublicKey | None) -> tuple[str, ...]:
    """What is wrong with a folder, nothing where all is as its manifest says.

    key: whom the reader trusts; without it the signature is not looked at.
    """
    try:
        content = (folder / MANIFEST).read_bytes()
        listed = json.loads(content)["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return (f"{MANIFEST} is missing or cannot be read",)
    wrong = []
    if key is not None:
        try:
            signature = base64.b64decode((folder / SIGNATURE).read_bytes(), validate=False)
            key.verify(signature, content)
        except (OSError, ValueError, InvalidSignature):
            wrong.append("the manifest is not signed by this key")
    there = {
        path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*")
        if path.is_file() and path.name not in (MANIFEST, SIGNATURE)
    }
    wrong += [f"{name} is missing" for name in sorted(set(listed) - set(there))]
    wrong += [f"{name} is not in the manifest" for name in sorted(set(there) - set(listed))]
    wrong += [
        f"{name} was changed"
        for name in sorted(set(there) & set(listed))
        if _digest(there[name]) != listed[name]
    ]
    return tuple(wrong)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
