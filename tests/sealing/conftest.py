"""A database with the runtime and a loaded key, and a store table sealed as a profile sees it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pgmask import sealing
from pgmask.keyfile import KeyFile
from pgmask.resources import sql_dir
from pgmask.runtime.frozen import sql_files
from tests.harness import Connection, Database, Server


def register_key(connection: Connection, key: KeyFile, *, load: bool = True) -> None:
    """Register a key with provider ``loaded``, as ``pgmask keys create`` does, and load it."""
    connection.execute(
        "INSERT INTO pgmask_private.kek (kek_id, provider, fingerprint, canary)"
        " VALUES (%s, 'loaded', %s, %s)",
        (key.key_id, key.fingerprint, sealing.make_canary(key)),
    )
    if load:
        load_key(connection, key)


def load_key(connection: Connection, key: KeyFile) -> None:
    """Bring a key's content into the server by COPY, which no log repeats."""
    with connection.cursor().copy(
        "COPY pgmask_private.loaded_key (kek_id, content) FROM STDIN (FORMAT binary)"
    ) as copy:
        copy.set_types(["int4", "bytea"])
        copy.write_row((key.key_id, key.to_bytes()))


@pytest.fixture(scope="session")
def the_key() -> KeyFile:
    """The key of the tests."""
    return KeyFile.new(1)


@pytest.fixture
def keyed(server: Server, the_key: KeyFile) -> Iterator[Database]:
    """A database with the runtime and a loaded key."""

    def prepare(database: Database) -> None:
        with database.connect() as connection:
            for path in sql_files(sql_dir()):
                connection.execute(path.read_bytes())
            register_key(connection, the_key)

    with server.database(template=server.template("keyed", prepare)) as made:
        yield made
