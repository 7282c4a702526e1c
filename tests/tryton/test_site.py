"""The database that Tryton makes: what the adoption has to cope with is really there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness import Database, Server
from tests.tryton import site


@pytest.fixture
def tryton(server: Server) -> Iterator[Database]:
    """A copy of Tryton's database, not adopted."""
    with server.database(template=server.template("tryton", site.create)) as made:
        yield made


def test_the_database_is_tryton_s_own(tryton: Database) -> None:
    tables = {name for (name,) in tryton.rows(
        "SELECT relname::text FROM pg_class WHERE relkind = 'r'"
        " AND relnamespace = 'public'::regnamespace"
    )}  # fmt: skip
    assert len(tables) > 100
    assert {"bank_account-party_party", "party_contact_mechanism", "party_identifier"} <= tables

    assert tryton.rows(
        "SELECT count(*) FROM party_contact_mechanism WHERE value_compact <> value"
    ) != [(0,)]
    assert tryton.rows(
        "SELECT count(*) FROM pg_constraint WHERE contype = 'x'"
        " AND conrelid = 'bank_account_number'::regclass"
    ) == [(2,)]


def test_tryton_reads_what_it_wrote(tryton: Database) -> None:
    found = site.client(tryton, "read")
    assert len(found) == site.PARTIES
    assert [party["mechanisms"]["email"] for party in found] == site.SECRETS["mails"]
    assert [party["identifiers"][0] for party in found] == site.SECRETS["cards"]
