"""System checks: what the settings lack, said by ``manage.py check`` before the first request."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core import checks
from django.utils.module_loading import import_string

from pgmask.identity import IssuerKey

ENGINE: Final = "pgmask.django"
MIDDLEWARE: Final = "pgmask.django.middleware.PgmaskMiddleware"
_AUTHENTICATION: Final = "django.contrib.auth.middleware.AuthenticationMiddleware"
_MAKE: Final = "pgmask issuer add NAME --profile PROFILE --out FILE, or pgmask issuer rotate."


def reason(error: OSError | ValueError) -> str:
    """Why a key file could not be read, without its text."""
    return (error.strerror or "cannot be read") if isinstance(error, OSError) else str(error)


def _aliases() -> list[tuple[str, dict[str, Any]]]:
    return [(a, s) for a, s in settings.DATABASES.items() if s.get("ENGINE") == ENGINE]


@checks.register("pgmask")
def issuer_keys(**_: Any) -> list[checks.CheckMessage]:
    """E001 no alias has an issuer's key; E002 a key file cannot be used; W003 it is readable."""
    found: list[checks.CheckMessage] = []
    engines = _aliases()
    keys = [(a, s.get("OPTIONS", {}).get("pgmask_issuer_key")) for a, s in engines]
    uses_people = MIDDLEWARE in settings.MIDDLEWARE
    if engines and uses_people and not any(key for _, key in keys):
        found.append(
            checks.Error(
                "No database has an issuer's key, so nobody can be named to PostgreSQL.",
                hint=f"OPTIONS: {{'pgmask_issuer_key': FILE}} in DATABASES. {_MAKE}",
                id="pgmask.E001",
            )
        )
    for alias, key in keys:
        if not key:
            continue
        where = f"DATABASES[{alias!r}]['OPTIONS']['pgmask_issuer_key']"
        try:
            IssuerKey.read(Path(key))
        except (OSError, ValueError) as error:
            found.append(
                checks.Error(f"{where}: {key}: {reason(error)}.", hint=_MAKE, id="pgmask.E002")
            )
            continue
        if os.stat(key).st_mode & (stat.S_IRWXG & ~stat.S_IRGRP | stat.S_IRWXO):
            found.append(
                checks.Warning(
                    f"{where}: {key} can be read or changed by others.",
                    hint="chmod 0600: who has the key speaks for everybody.",
                    id="pgmask.W003",
                )
            )
    return found


@checks.register("pgmask")
def actor(**_: Any) -> list[checks.CheckMessage]:
    """E004 PGMASK_ACTOR is missing or no callable; E005, W006 the middleware's place."""
    found: list[checks.CheckMessage] = []
    if MIDDLEWARE not in settings.MIDDLEWARE:
        if any(s.get("OPTIONS", {}).get("pgmask_issuer_key") for _, s in _aliases()):
            found.append(
                checks.Warning(
                    "Requests act as nobody: the middleware is not in MIDDLEWARE.",
                    hint=f"Add {MIDDLEWARE!r} after authentication; or silence this where only"
                    " commands use the database.",
                    id="pgmask.W006",
                )
            )
        return found
    given = getattr(settings, "PGMASK_ACTOR", None)
    problem = None
    if given is None:
        problem = "PGMASK_ACTOR is missing."
    elif isinstance(given, str):
        try:
            if not callable(import_string(given)):
                problem = f"PGMASK_ACTOR: {given} is no function."
        except ImportError as error:
            problem = f"PGMASK_ACTOR: {error}."
    elif not callable(given):
        problem = "PGMASK_ACTOR is neither a function nor the dotted path of one."
    if problem:
        found.append(
            checks.Error(
                problem,
                hint="A function that takes a request and gives a pgmask Actor, or None.",
                id="pgmask.E004",
            )
        )
    order = list(settings.MIDDLEWARE)
    if _AUTHENTICATION in order and order.index(_AUTHENTICATION) > order.index(MIDDLEWARE):
        found.append(
            checks.Error(
                "PgmaskMiddleware stands before AuthenticationMiddleware: request.user is not"
                " known there.",
                hint="Move it below.",
                id="pgmask.E005",
            )
        )
    return found


@checks.register("pgmask")
def cursors(**_: Any) -> list[checks.CheckMessage]:
    """E007 iterator() would open server-side cursors, which outlive their person in autocommit."""
    return [
        checks.Error(
            f"DATABASES[{alias!r}]: DISABLE_SERVER_SIDE_CURSORS is False; QuerySet.iterator()"
            " outside atomic() would be refused (PM440).",
            hint="Leave the setting out: the engine switches them off.",
            id="pgmask.E007",
        )
        for alias, given in _aliases()
        if given.get("DISABLE_SERVER_SIDE_CURSORS", True) is False
    ]
