"""The application's issuer: turns whoever is acting into the signed text that ``login`` takes.

One ``Minter`` per application, shared by all its threads and tasks. Minting takes some 15 us of
CPU, so every transaction gets an assertion of its own and none is kept: nothing can be used past
its end, and a change of person cannot meet an old one.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

from pgmask.errors import PgmaskError
from pgmask.identity import LONGEST_TTL, IssuerKey, mint_assertion
from pgmask.integrations.acting import Actor


class Minter:
    """Signs for one issuer, one login and one database.

    key: the issuer's key, or the file that ``pgmask issuer add --out`` wrote. A file is read again
    when it has changed, so that a rotated key needs no restart; while the new file cannot be read
    the key before goes on. login: the application's login in the database, as the server knows it;
    database: its name there, whatever a pooler calls it; ttl: life of an assertion in seconds.

    Raises PM105 when there is no usable key.
    """

    def __init__(
        self, key: IssuerKey | Path | str, login: str, database: str, *, ttl: float = LONGEST_TTL
    ) -> None:
        if not 0 < ttl <= LONGEST_TTL:
            raise ValueError(f"ttl is more than 0 and at most {LONGEST_TTL:g} seconds")
        self.login, self.database, self.ttl = login, database, ttl
        self._lock = threading.Lock()
        self._file = None if isinstance(key, IssuerKey) else Path(key)
        self._stamp: tuple[int, int, int] | None = None
        self._key = key if isinstance(key, IssuerKey) else self._read(Path(key))

    def __repr__(self) -> str:
        return f"Minter(issuer={self._key.issuer!r}, login={self.login!r})"

    @property
    def key(self) -> IssuerKey:
        """The key in use, read again where its file has changed."""
        file = self._file
        if file is None:
            return self._key
        try:
            found = os.stat(file)
        except OSError:
            return self._key  # gone for a moment: it is being replaced
        if (found.st_mtime_ns, found.st_ino, found.st_size) != self._stamp:
            with self._lock:
                try:
                    self._key = self._read(file)
                except PgmaskError:
                    return self._key
        return self._key

    def assertion(self, actor: Actor) -> str:
        """A fresh assertion of the actor, for ``SELECT pgmask.login($1)`` as a bind parameter."""
        return mint_assertion(self.key, **self._claims(actor))

    def answer(self, actor: Actor, challenge: str) -> str:
        """The same of grade ``challenge``: for the transaction that gave the challenge only."""
        return mint_assertion(self.key, challenge=challenge, **self._claims(actor))

    def _claims(self, actor: Actor) -> dict[str, Any]:
        return {
            "person": actor.person, "profile": actor.profile, "unit": actor.unit,
            "service": actor.service, "purpose": actor.purpose,
            "second_factor_at": actor.second_factor_at, "login": self.login,
            "database": self.database, "ttl": self.ttl,
        }  # fmt: skip

    def _read(self, file: Path) -> IssuerKey:
        try:
            found = os.stat(file)
            key = IssuerKey.read(file)
        except OSError as error:
            said = f"the issuer's key cannot be read: {error.strerror}"
        except ValueError:
            said = "this is not an issuer's key"
        else:
            self._stamp = (found.st_mtime_ns, found.st_ino, found.st_size)
            return key
        raise PgmaskError(
            "PM105", said, where=str(file),
            hint="pgmask issuer rotate NAME --out FILE writes one; the application must own it.",
        )  # fmt: skip
