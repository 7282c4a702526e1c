"""Adopted, sealed, unsealed, uninstalled: the database is what it was, byte for byte."""

from __future__ import annotations

import difflib

import pytest

from tests.harness import Database, Server
from tests.tryton import site as tryton
from tests.wayback import site

pytestmark = pytest.mark.requirement("A5", "B7")


def differences(before: str, after: str) -> list[str]:
    """Lines that came and went."""
    found = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    return [line for line in found if not line.startswith(("---", "+++", "@@"))]


def test_the_insurer(opened: Database, server: Server) -> None:
    with server.database(template=server.template("insurer_before", site.create)) as made:
        before = site.dump(made)
    site.command(opened, "uninstall", "--yes-database", opened.name, "--drop-audit")
    assert differences(before, site.dump(opened)) == []


def test_tryton(server: Server) -> None:
    site.prepare(server)
    with server.database(template=server.template("tryton", tryton.create)) as made:
        before = site.dump(made)
    with server.database(template=server.template("tryton_adopted", tryton.adopt)) as made:
        tryton.load_key(made)
        assert differences(before, site.dump(made))
        site.decide(made)
        key = str(tryton.key_file(made))
        site.command(made, "unseal", "run", "1", "--key-file", key)
        site.command(made, "uninstall", "--yes-database", made.name, "--drop-audit")
        assert differences(before, site.dump(made)) == []
