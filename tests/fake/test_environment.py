"""What a database is for: keys for development and production do not meet, whoever tries."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from pgmask import keyfile, sealing
from pgmask.errors import KeyFault, Refused
from pgmask.keyfile import KeyFile
from pgmask.runtime import keys
from pgmask.runtime.checks_runtime import environment as findings
from pgmask.runtime.environment import declare_production, environment
from tests.harness import Connection, Database

TEST = "SELECT pgmask_private.set_environment('test', false, 'fake', false, false)"
PRODUCTION = "SELECT pgmask_private.set_environment('production', true, 'real', true, false)"
REGISTER = (
    "INSERT INTO pgmask_private.kek (kek_id, provider, fingerprint, canary) VALUES (%s, %s, %s, %s)"
)


def code(connection: Connection, query: str, *values: object) -> str:
    """The SQLSTATE of one statement of the installer, 'done' without an error; kept when done."""
    try:
        with connection.transaction():
            connection.execute(query.encode(), values or None)
    except psycopg.Error as error:
        return error.sqlstate or "?"
    return "done"


def register(connection: Connection, key: KeyFile, provider: str) -> str:
    values = (key.key_id, provider, key.fingerprint, sealing.make_canary(key))
    return code(connection, REGISTER, *values)


def load(connection: Connection, key: KeyFile) -> str:
    query = "INSERT INTO pgmask_private.loaded_key (kek_id, content) VALUES (%s, %s)"
    return code(connection, query, key.key_id, key.to_bytes())


def test_the_mark_is_in_the_file(tmp_path: Path) -> None:
    key = KeyFile.new(3, dev=True)
    keyfile.write(tmp_path / "dev.key", key)
    assert keyfile.read(tmp_path / "dev.key") == key
    assert KeyFile.new(4, root_of=key).dev
    real = KeyFile(
        key_id=3, wrap_mac=key.wrap_mac, wrap_enc=key.wrap_enc, blind=key.blind, stash=key.stash
    )
    assert real.fingerprint != key.fingerprint
    forged = bytearray(key.to_bytes())
    forged[:8] = keyfile.MAGIC
    with pytest.raises(KeyFault) as error:
        keyfile.parse(bytes(forged), where="a forged file")
    assert error.value.code == "PM313"


@pytest.mark.requirement("F1")
@pytest.mark.attack
@pytest.mark.parametrize("said", [None, PRODUCTION])
def test_a_dev_key_is_refused_unless_the_data_is_said_to_be_invented(
    installed: Database, said: str | None
) -> None:
    connection = installed.connect(autocommit=True)
    if said:
        connection.execute(said.encode())
    key = KeyFile.new(1, dev=True)
    with pytest.raises(Refused) as error:
        keys.register(connection, key, "dev", None)
    assert error.value.code == "PM351"
    assert register(connection, key, "dev") == "PM351"
    # Control: the same statement where the environment says so.
    assert code(connection, TEST) == "done"
    assert register(connection, key, "dev") == "done"
    assert load(connection, key) == "done"
    assert [k.condition for k in keys.status(connection)] == ["ok"]


@pytest.mark.requirement("F1")
@pytest.mark.attack
def test_a_dev_key_under_another_name_opens_nothing_in_production(installed: Database) -> None:
    """Registered as ``loaded``; then past the trigger; then with every wall down, as control."""
    connection, root = installed.connect(autocommit=True), installed.superuser()
    connection.execute(PRODUCTION.encode())
    key = KeyFile.new(1, dev=True)
    with pytest.raises(Refused):
        keys.register(connection, key, "loaded", None)
    assert register(connection, key, "loaded") == "done"
    assert load(connection, key) == "PM351"
    root.execute("ALTER TABLE pgmask_private.loaded_key DISABLE TRIGGER guard")
    assert load(connection, key) == "done"
    assert code(connection, "SELECT pgmask_private.check_key(1)") == "PM351"
    assert [k.condition for k in keys.status(connection)] == ["PM351"]
    root.execute("ALTER TABLE pgmask_private.kek DISABLE TRIGGER guard")
    root.execute("UPDATE pgmask_private.kek SET provider = 'dev'")
    assert code(connection, "SELECT pgmask_private.check_key(1)") == "PM351"
    root.execute("ALTER TABLE pgmask_private.environment DISABLE TRIGGER guard")
    root.execute("UPDATE pgmask_private.environment SET production = false")
    assert code(connection, "SELECT pgmask_private.check_key(1)") == "done"


@pytest.mark.requirement("F1")
@pytest.mark.attack
def test_production_stays_and_a_test_never_becomes_it(installed: Database) -> None:
    connection = installed.connect(autocommit=True)
    # Control: as long as no key ties it, what was said may be said anew.
    assert code(connection, PRODUCTION) == "done"
    assert code(connection, TEST) == "done"
    key = KeyFile.new(1, dev=True)
    assert register(connection, key, "dev") == "done"
    assert code(connection, PRODUCTION) == "PM352"
    assert register(connection, KeyFile.new(2), "loaded") == "PM351"
    with pytest.raises(Refused) as error:
        declare_production(connection)
    assert error.value.code == "PM352"
    for taken in ("DELETE FROM", "TRUNCATE"):
        assert code(connection, f"{taken} pgmask_private.environment") == "PM352"
    assert code(connection, "UPDATE pgmask_private.kek SET provider = 'loaded'") == "PM351"


@pytest.mark.requirement("F1")
@pytest.mark.attack
def test_a_database_with_a_real_key_is_no_test_and_doctor_asks_about_one(
    installed: Database,
) -> None:
    connection = installed.connect(autocommit=True)
    assert code(connection, TEST) == "done"
    assert list(findings(connection)) == []
    key = KeyFile.new(1)
    keys.register(connection, key, "loaded", None)
    assert [f.code for f in findings(connection)] == ["PM351"]
    assert code(connection, PRODUCTION) == "done"
    assert code(connection, TEST) == "PM352"
    assert [f.code for f in findings(connection)] == ["PM353"]


@pytest.mark.requirement("F1")
def test_escrow_is_shown_not_said(installed: Database) -> None:
    connection = installed.connect(autocommit=True)
    connection.execute(PRODUCTION.encode())
    key = KeyFile.new(1)
    keys.register(connection, key, "loaded", None)
    with pytest.raises(Refused) as error:
        keys.require_escrow(connection)
    assert error.value.code == "PM353"
    with pytest.raises(KeyFault) as wrong:
        keys.escrow(connection, KeyFile.new(1), "the other safe")
    assert wrong.value.code == "PM311"
    with pytest.raises(Refused):
        keys.require_escrow(connection)
    keys.escrow(connection, key, "the safe")
    keys.require_escrow(connection)
    assert [k.escrow_place for k in keys.status(connection)] == ["the safe"]
    assert list(findings(connection)) == []


def test_production_is_declared_once_for_all(installed: Database) -> None:
    connection = installed.connect(autocommit=True)
    connection.execute(TEST.encode())
    declare_production(connection)
    said = environment(connection)
    assert said is not None
    assert (said.name, said.production, said.declared, said.persons) == ("test", True, True, "real")
    assert code(connection, TEST) == "PM352"
    assert code(connection, PRODUCTION) == "done"
    now = environment(connection)
    assert now is not None
    assert now.declared
