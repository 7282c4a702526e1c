"""Assertions as an issuer, or a forger, makes them: JSON Web Tokens, by the book and not by us."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any, Final

from tests.attack.people import PERSONAS, PERSONS

ISSUER: Final = "crm-web"
OTHER: Final = "other-web"
KEYS: Final = {
    ISSUER: ("crm-web-1", bytes(range(32))),
    OTHER: ("other-web-1", bytes(range(32, 64))),
}
"""Issuer: (key id, key), as registered in the attacked database."""


def mint(
    *,
    login: str,
    database: str,
    person: int,
    profile: str,
    unit: str,
    issuer: str = ISSUER,
    ttl: int = 60,
    age: int = 0,
    challenge: str | None = None,
    second_factor_at: int | None = None,
    purpose: str | None = None,
    key: bytes | None = None,
) -> str:
    """A signed statement; age: seconds since it was issued."""
    issued = int(time.time()) - age
    kid, secret = KEYS.get(issuer, ("nobody-1", bytes(32)))
    claims: dict[str, Any] = {
        "iss": issuer, "sub": str(person), "profile": profile, "unit": unit,
        "iat": issued, "exp": issued + ttl, "login": login, "database": database,
    }  # fmt: skip
    for name, value in (
        ("challenge", challenge), ("second_factor_at", second_factor_at), ("purpose", purpose),
    ):  # fmt: skip
        if value is not None:
            claims[name] = value
    body = _part({"alg": "HS256", "kid": kid}) + "." + _part(claims)
    digest = hmac.digest(key or secret, body.encode(), hashlib.sha256)
    return body + "." + _encoded(digest)


def assertion_of(database: str, actor: str, /, **claims: Any) -> str | None:
    """The assertion an honest application makes for this actor, None where nobody is behind it.

    claims: of ``mint``, in place of the honest ones.
    """
    persona = PERSONAS[actor]
    if persona.person is None or persona.login != "app":
        return None
    unit = next(p.unit for p in PERSONS if p.id == persona.person)
    honest: dict[str, Any] = {
        "login": persona.login, "database": database, "person": persona.person,
        "profile": persona.profile, "unit": unit,
    }  # fmt: skip
    return mint(**(honest | claims))


def _part(value: dict[str, Any]) -> str:
    return _encoded(json.dumps(value, separators=(",", ":")).encode())


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
