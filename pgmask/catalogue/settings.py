"""Settings of the whole catalogue, and what an environment changes of them."""

from __future__ import annotations

from typing import Any

from pgmask.catalogue.problems import Problems, did_you_mean
from pgmask.catalogue.shapes import Entry


def read_settings(root: Entry, environment: str | None, problems: Problems) -> dict[str, Any]:
    """The fields of Catalogue that are neither tables nor profiles."""
    environments = {k.value: e for k, e in root.get("environments", ())}
    chosen = environments.get(environment or "")
    if environment and chosen is None:
        problems.add(
            "PM019",
            "unknown-environment",
            root.place("environments"),
            f"the catalogue has no environment {environment!r}",
            did_you_mean(environment, environments),
        )
    found: dict[str, Any] = {"environment": environment or ""}
    for key in ("when_audit_stalls", "data", "persons"):
        for source in (chosen, root):
            if source is not None and key in source.values:
                found[key] = source.get(key)
                break
    place = root.at
    for source in (root, chosen):
        keys = source.get("keys") if source is not None else None
        if keys is None:
            continue
        if "provider" in keys.values:
            found["key_provider"] = keys.get("provider")
            place = keys.place("provider")
        if "escrow" in keys.values:
            found["key_escrow"] = keys.get("escrow") == "required"
    if found.get("key_provider") == "dev" and found.get("data", "real") == "real":
        problems.add(
            "PM019",
            "dev-key",
            place,
            "the key provider dev is for generated data only",
            "Write data: fake, or use the provider file or loaded.",
        )
    if found.get("persons") == "fake" and found.get("data", "real") == "real":
        says = chosen if chosen is not None and "persons" in chosen.values else root
        problems.add(
            "PM019",
            "fake-persons",
            says.place("persons"),
            "invented persons would be let to real data",
            "Write data: fake, or persons: real.",
        )
    migrations = root.get("migrations")
    if migrations is not None:
        found["migrations_tool"] = migrations.get("tool")
        found["migrations_owner"] = migrations.get("owner")
        found["migrations_login"] = migrations.get("login")
    for key in ("roles_prefix", "store_owner"):
        if key in root.values:
            found[key] = root.get(key)
    owner = found.get("migrations_owner")
    if owner is not None and owner != found.setdefault("store_owner", owner):
        problems.add(
            "PM019",
            "two-owners",
            migrations.place("owner") if migrations is not None else root.at,
            f"migrations.owner is {owner!r} and store_owner is {found['store_owner']!r}",
            "The role that migrates is the one that owns the stores; name it once.",
        )
    return found
