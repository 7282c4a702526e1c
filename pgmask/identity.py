"""Signing who is asking: what an application's server does before ``SELECT pgmask.login($1)``.

The signed statement is a JSON Web Token (RFC 7519, compact form, HS256), so any language's library
can make one; this module needs only the standard library and no connection. ``sql/20_fn_identity
.sql`` lists the claims and checks them.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

SECRET_BYTES: Final = 32
LONGEST_TTL: Final = 60.0
"""Seconds; the server refuses assertions with a longer life."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerKey:
    """A key of an issuer, as ``pgmask issuer rotate`` gives it once.

    issuer: its name; key_id: names the key in the assertion's header; secret: 32 bytes, never
    printed by ``repr``.
    """

    issuer: str
    key_id: str
    secret: bytes

    def __post_init__(self) -> None:
        if len(self.secret) != SECRET_BYTES:
            raise ValueError(f"an issuer's secret has {SECRET_BYTES} bytes")

    def __repr__(self) -> str:
        return f"IssuerKey(issuer={self.issuer!r}, key_id={self.key_id!r})"

    def dump(self) -> str:
        """The text of a key file: one line ``issuer key_id secret``, the secret in hexadecimal."""
        return f"{self.issuer} {self.key_id} {self.secret.hex()}\n"

    @classmethod
    def parse(cls, text: str) -> IssuerKey:
        """The key of a key file's text. Raises ValueError, without the text in its message."""
        parts = text.split()
        if len(parts) != 3 or not re.fullmatch(r"[0-9a-f]{64}", parts[2]):
            raise ValueError("not an issuer's key: expected issuer, key id and 64 hex digits")
        return cls(issuer=parts[0], key_id=parts[1], secret=bytes.fromhex(parts[2]))

    @classmethod
    def read(cls, path: Path | str) -> IssuerKey:
        """The key of a file as ``pgmask issuer rotate --out`` writes it. OSError, ValueError."""
        return cls.parse(Path(path).read_text("utf-8"))


def mint_assertion(
    key: IssuerKey,
    *,
    person: int | None = None,
    profile: str | None = None,
    unit: str | None = None,
    service: str | None = None,
    login: str,
    database: str,
    purpose: str | None = None,
    second_factor_at: datetime | float | None = None,
    ttl: float = LONGEST_TTL,
    challenge: str | None = None,
    clock: Callable[[], float] = time.time,
) -> str:
    """A signed assertion, to be passed to ``SELECT pgmask.login($1)`` as a parameter.

    person: the register's number; profile, unit: as what and for which unit the person acts;
    service: instead of these three, a service of the register; login: the application's login in
    the database; database: its name; purpose: at most 200 characters; second_factor_at: when the
    second factor was last given; ttl: life in seconds, 0 < ttl <= 60; challenge: what
    ``pgmask.challenge()`` gave in the same transaction, for the strong grade; clock: seconds since
    1970, for tests.

    Keep it out of logs: within its life whoever also has the database login can use it.
    Raises ValueError when ttl is out of range, second_factor_at has no time zone, or it is neither
    a person with profile and unit nor a service alone.
    """
    if not 0 < ttl <= LONGEST_TTL:
        raise ValueError(f"ttl is more than 0 and at most {LONGEST_TTL:g} seconds")
    now = clock()
    claims: dict[str, object] = {"iss": key.issuer}
    if service is not None and person is None and profile is None and unit is None:
        claims["service"] = service
    elif service is None and person is not None and profile is not None and unit is not None:
        claims |= {"sub": str(person), "profile": profile, "unit": unit}
    else:
        raise ValueError("an assertion is of a person with profile and unit, or of a service")
    claims |= {
        "login": login,
        "database": database,
        "iat": round(now, 3),
        "exp": round(now + ttl, 3),
    }
    if purpose is not None:
        claims["purpose"] = purpose
    if second_factor_at is not None:
        claims["second_factor_at"] = _seconds(second_factor_at)
    if challenge is not None:
        claims["challenge"] = challenge
    header = {"alg": "HS256", "kid": key.key_id, "typ": "JWT"}
    signed = f"{_encode(_json(header))}.{_encode(_json(claims))}"
    mac = hmac.digest(key.secret, signed.encode("ascii"), "sha256")
    return f"{signed}.{_encode(mac)}"


def answer_challenge(
    key: IssuerKey,
    challenge: str,
    *,
    person: int,
    profile: str,
    unit: str,
    login: str,
    database: str,
    purpose: str | None = None,
    second_factor_at: datetime | float | None = None,
    ttl: float = LONGEST_TTL,
    clock: Callable[[], float] = time.time,
) -> str:
    """An assertion of grade "challenge": usable in the transaction that gave the challenge only.

    challenge: the result of ``SELECT pgmask.challenge()``; the rest as in ``mint_assertion``.
    """
    return mint_assertion(
        key, person=person, profile=profile, unit=unit, login=login, database=database,
        purpose=purpose, second_factor_at=second_factor_at, ttl=ttl, challenge=challenge,
        clock=clock,
    )  # fmt: skip


def _seconds(moment: datetime | float) -> float:
    if isinstance(moment, datetime):
        if moment.tzinfo is None:
            raise ValueError("second_factor_at needs a time zone")
        return round(moment.timestamp(), 3)
    return round(moment, 3)


def _json(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
