"""Tryton's database adopted: through pgmask's own commands, as a DBA without superuser does it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from pgmask import keyfile, sealing
from pgmask.apply import seal_finish
from pgmask.catalogue import load
from pgmask.cli.main import run
from pgmask.facts.read import read_facts
from pgmask.plan import make
from pgmask.server import connect
from tests.harness import Database, Server
from tests.restore import elsewhere
from tests.tryton import site

_SEALED = "pgmask_sealed"


@pytest.fixture
def adopted(server: Server) -> Iterator[Database]:
    """A copy of Tryton's database, adopted and sealed."""
    with server.database(template=server.template("tryton_adopted", site.adopt)) as made:
        site.load_key(made)
        yield made


def _plain(text: str) -> list[str]:
    """The secrets of Tryton's models that stand in a text."""
    return [value for values in site.SECRETS.values() for value in values if value in text]


@pytest.mark.requirement("A5")
def test_planned_again_nothing_is_left_to_do(adopted: Database) -> None:
    with adopted.connect() as connection:
        plan = make(load(site.CATALOGUE), read_facts(connection))
    assert plan.empty, [(s.table, s.drifted) for s in plan.steps]


@pytest.mark.requirement("A1")
def test_every_table_of_tryton_is_classified_or_named(adopted: Database) -> None:
    catalogue = load(site.CATALOGUE)
    protected = {t.name for t in catalogue.tables}
    in_public = {name for (name,) in adopted.rows(
        "SELECT relname::text FROM pg_class WHERE relkind = 'r'"
        " AND relnamespace = 'public'::regnamespace"
    )}  # fmt: skip
    assert not in_public & protected
    assert len(in_public) > 90
    assert "bank_account-party_party" in in_public


@pytest.mark.requirement("B1", "F1")
def test_a_dump_by_the_backup_login_holds_no_secret(adopted: Database, server: Server) -> None:
    dump = adopted.program("pg_dump", "--enable-row-security", user="nightly")
    assert _plain(dump) == []
    assert "COPY tryton_store.party_contact_mechanism" in dump

    # Without the protection the same dump shows every one of them.
    with server.database(template=server.template("tryton", site.create)) as before:
        plain = _plain(before.program("pg_dump", user="installer"))
    secrets = [value for values in site.SECRETS.values() for value in values]
    assert set(secrets) - set(plain) <= {s for s in secrets if s.startswith("DE")}


@pytest.mark.requirement("B7")
def test_tryton_reads_masks_through_its_own_models(adopted: Database) -> None:
    found = site.client(adopted, "read")
    assert len(found) == site.PARTIES
    for number, party in enumerate(found):
        secret = site.SECRETS["mails"][number]
        mail = party["mechanisms"]["email"]
        assert mail != secret
        assert len(mail) == len(secret)
        assert set("*•") & set(mail)
        assert set("*•") & set(party["mechanisms"]["mobile"])
        assert set("*•") & set(party["compact"]["mobile"])
        card = site.SECRETS["cards"][number]
        assert party["identifiers"] == [card[:10] + "*" * 8]
        assert all(set("*•") & set(account) for account in party["accounts"])
        assert party["streets"][0] not in site.SECRETS["streets"]
        assert party["name"]


@pytest.mark.requirement("F3")
def test_what_tryton_writes_is_sealed_and_what_it_leaves_alone_is_kept(
    adopted: Database,
) -> None:
    before = _truths(adopted, "party_contact_mechanism")
    told = site.client(adopted, "write")
    after = _truths(adopted, "party_contact_mechanism")

    changed = {key for key in before if before[key] != after[key]}
    assert changed == {told["first"]}
    assert after[told["first"]]["value"] == "new.address@example.com"
    assert after[told["first"]]["value_compact"] == "new.address@example.com"
    assert after[told["second"]] == before[told["second"]]


def test_tryton_refuses_a_telephone_number_it_reads_back_masked(adopted: Database) -> None:
    """A known limit: Tryton validates the stored value after writing it. Nothing is half done."""
    before = _truths(adopted, "party_contact_mechanism")
    assert site.client(adopted, "dial") == {"refused": "InvalidPhoneNumber"}
    assert _truths(adopted, "party_contact_mechanism") == before


@pytest.mark.requirement("B1")
def test_the_exclusion_constraint_still_excludes(adopted: Database) -> None:
    number, account = adopted.superuser().execute(
        "SELECT number, account FROM tryton_store.bank_account_number WHERE type = 'iban' LIMIT 1"
    ).fetchone() or ("", 0)
    assert "*" in number
    iban = next(a for a in site.SECRETS["accounts"] if a.startswith("DE"))
    with adopted.connect(site.OWNER) as tryton:
        other = tryton.execute(
            "SELECT id FROM bank_account WHERE id NOT IN"
            " (SELECT account FROM bank_account_number WHERE type = 'iban') LIMIT 1"
        ).fetchone()
        assert other is not None
        insert = (
            "INSERT INTO bank_account_number (account, type, number, number_compact, active)"
            " VALUES (%s, %s, %s, %s, true)"
        )
        with pytest.raises(psycopg.IntegrityError) as caught, tryton.transaction():
            tryton.execute(insert, (other[0], "iban", iban, iban))
        assert caught.value.diag.constraint_name == (
            "bank_account_number_number_iban_active_exclude"
        )
        assert iban not in str(caught.value)
        # The condition of the constraint went along: it excludes IBANs only.
        tryton.execute(insert, (other[0], "other", iban, iban))
        assert account


def test_what_the_database_promised_it_promises_still(adopted: Database, server: Server) -> None:
    promises = (
        "SELECT c.relname::text, k.conname::text, k.contype::text FROM pg_constraint AS k"
        " JOIN pg_class AS c ON c.oid = k.conrelid"
        " WHERE k.contype IN ('p', 'u', 'f', 'c') AND k.conname NOT LIKE 'pgmask%'"
        " AND c.relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN"
        " ('public', 'tryton_store'))"
    )
    with server.database(template=server.template("tryton", site.create)) as before:
        gone = set(before.rows(promises)) - set(adopted.rows(promises))
    # A CHECK over a sealed column is kept by the trigger, on the truth and under its name.
    assert gone == {("ir_chat_message", "ir_chat_message_check_user_or_email", "c")}
    with adopted.connect("postgres") as rex:
        channel = rex.execute(
            "INSERT INTO ir_chat_channel (identifier, resource) VALUES ('x', 'x,1') RETURNING id"
        ).fetchone()
        assert channel is not None
        insert = (
            "INSERT INTO tryton_store.ir_chat_message (channel, audience, content, email)"
            " VALUES (%s, 'public', 'x', %s)"
        )
        with pytest.raises(psycopg.Error, match="ir_chat_message_check_user_or_email") as caught:
            with rex.transaction():
                rex.execute(insert, (channel[0], None))
        assert caught.value.sqlstate == "PM041"
        rex.execute(insert, (channel[0], "somebody@example.com"))


def test_it_is_restored_elsewhere_and_verified_with_the_key(
    adopted: Database, tmp_path: Path
) -> None:
    with elsewhere(
        adopted.server.binaries,
        superuser=adopted.dsn("postgres"),
        backup=adopted.dsn("nightly"),
        folder=tmp_path,
    ) as (_, dsn):
        assert run(["keys", "status", "--dsn", dsn]) == 2
        assert run(["seal", "--all", "--verify", "--dsn", dsn]) == 1
        assert run(["keys", "load", str(site.key_file(adopted)), "--dsn", dsn]) == 0
        assert run(["seal", "--all", "--verify", "--dsn", dsn]) == 0
        with connect(dsn, autocommit=True) as restored:
            # The control: a value moved to another row does not verify.
            restored.execute("SET session_replication_role = replica")
            restored.execute(
                "UPDATE tryton_store.party_address AS a SET pgmask_sealed = b.pgmask_sealed"
                " FROM tryton_store.party_address AS b WHERE b.id = a.id + 1 AND a.id = 1"
            )
        with connect(dsn, autocommit=True) as restored:
            table = seal_finish.deployed(restored).table("public.party_address")
        assert len(seal_finish.verify(dsn, table)) == 1


def _truths(database: Database, table: str) -> dict[int, dict[str, str]]:
    kek = keyfile.read(site.key_file(database))
    found = {}
    with database.connect() as connection:
        connection.execute("SET ROLE pgmask_sealer")
        rows = connection.execute(
            f"SELECT t.id, t.party, t.pgmask_sealed, k.wrapped FROM tryton_store.{table} AS t"
            " JOIN pgmask_private.data_key AS k"
            " ON k.subject_class = 'party' AND k.subject_key = t.party::text"
        ).fetchall()
        for number, party, sealed, wrapped in rows:
            key = sealing.unwrap_data_key(kek, "party", str(party), bytes(wrapped))
            found[number] = sealing.open_bundle(
                key, f"public.{table}", "own", [number], bytes(sealed)
            )
    return found
