"""Puts the insurer's register (units, posts, persons, papers, issuers) into the database."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from ruamel.yaml import YAML

from pgmask.identity import IssuerKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """What was put: how many of each, who has not signed, and each issuer's key."""

    units: int
    persons: int
    unsigned: tuple[str, ...]
    issuer_keys: dict[str, IssuerKey] = field(repr=False)


def put_register(connection: psycopg.Connection[Any], path: Path) -> Registered:
    """Call the register's functions for every entry of the file; the caller commits."""
    book: dict[str, Any] = YAML(typ="safe", pure=True).load(path)
    call = connection.execute
    for unit in book["units"]:
        call(
            "SELECT pgmask.register_unit(p_unit_id => %s, p_name => %s, p_kind => %s,"
            " p_superior => %s, p_head => %s, p_security_responsible => %s, p_contact => %s,"
            " p_lead_department => %s, p_permission_rules => %s)",
            [unit.get(k) for k in (
                "id", "name", "kind", "superior", "head", "security_responsible", "contact",
                "lead_department", "permission_rules",
            )],
        )  # fmt: skip
    for post in book["posts"]:
        call("SELECT pgmask.register_post(%s, %s)", (post["id"], post["title"]))
        for profile in post["profiles"]:
            call("SELECT pgmask.register_post_profile(%s, %s)", (post["id"], profile))
    forms: dict[str, str] = book["documents"]
    for kind, version in forms.items():
        call("SELECT pgmask.register_form(%s, %s)", (kind, version))
    unsigned = []
    for person in book["persons"]:
        call(
            "SELECT pgmask.register_person(%s, %s, %s)",
            (person["id"], person["name"], person["unit"]),
        )
        call(
            "SELECT pgmask.register_person_post(%s, %s, %s)",
            (person["id"], person["post"], person["unit"]),
        )
        signed = person.get("signed", list(forms))
        for kind in signed:
            call("SELECT pgmask.register_document(%s, %s, %s)", (person["id"], kind, forms[kind]))
        if set(signed) != set(forms):
            unsigned.append(person["name"])
        call("SELECT pgmask.register_login(%s, %s)", (person["login"], person["id"]))
    keys = {}
    for issuer in book["issuers"]:
        call(
            "SELECT pgmask.register_issuer(%s, %s, %s)",
            (issuer["id"], issuer["profiles"], issuer["max_ttl"]),
        )
        found = call(
            "SELECT key_id, secret FROM pgmask.rotate_issuer_key(%s)", (issuer["id"],)
        ).fetchone()
        assert found is not None  # noqa: S101  the function gives one row
        keys[issuer["id"]] = IssuerKey(issuer=issuer["id"], key_id=found[0], secret=bytes(found[1]))
    return Registered(
        units=len(book["units"]),
        persons=len(book["persons"]),
        unsigned=tuple(unsigned),
        issuer_keys=keys,
    )
