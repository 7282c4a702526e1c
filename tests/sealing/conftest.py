"""A database with the runtime and a loaded key, and a store table sealed as a profile sees it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pgmask import sealing
from pgmask.compile.sealing_spec import Bundle
from pgmask.keyfile import KeyFile
from pgmask.resources import sql_dir
from pgmask.runtime.frozen import sql_files
from tests.harness import Connection, Database, Server
from tests.sealing import tables


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


def identify(connection: Connection) -> None:
    """Give the login ``app`` an identity, without the papers it takes; the register undoes it."""
    connection.execute(
        "INSERT INTO pgmask_private.effective_login"
        " (login, valid_from, valid_until, person_id, profile, unit_id, outsourced)"
        " VALUES ('app', '-infinity', 'infinity', 1, 'app', 'app', false) ON CONFLICT DO NOTHING"
    )


def run_sql(connection: Connection) -> None:
    """The runtime, as its files stand."""
    connection.execute(
        "CREATE SCHEMA pgmask_private;"
        " CREATE TABLE pgmask_private.alembic_version (version_num text)"
    )
    for path in sql_files(sql_dir()):
        connection.execute(path.read_bytes())
    connection.execute(
        "SELECT pgmask.register_rule(false, NULL, 2, 1000000);"
        " SELECT pgmask.register_unit('app', 'App');"
        " SELECT pgmask.register_person(1, 'App', 'app')"
    )
    identify(connection)


@pytest.fixture(scope="session")
def the_key() -> KeyFile:
    """The key of the tests."""
    return KeyFile.new(1)


@pytest.fixture
def keyed(server: Server, the_key: KeyFile) -> Iterator[Database]:
    """A database with the runtime and a loaded key."""

    def prepare(database: Database) -> None:
        with database.connect() as connection:
            run_sql(connection)
            register_key(connection, the_key)

    with server.database(template=server.template("keyed", prepare)) as made:
        yield made


class SealedDatabase:
    """The tables of ``tests.sealing.tables``, sealed; ``app`` writes, we look inside."""

    def __init__(self, database: Database, key: KeyFile) -> None:
        self.database = database
        self.key = key
        self.app = database.connect("app", autocommit=True)
        self.root = database.superuser()

    def truth(self, key: int, bundle: Bundle = tables.OWN) -> dict[str, str]:
        """The sealed truths of a customer, opened by Python with the key file."""
        row = self.root.execute(
            f"SELECT {bundle.sealed.quoted} FROM crm_store.customer WHERE id = %s".encode(), (key,)
        ).fetchone()
        assert row is not None
        if row[0] is None:
            return {}
        return self.open("crm.customer", "own", [key], bytes(row[0]), str(key))

    def open(
        self, table: str, bundle: str, row: list[int | str | bool | None], value: bytes,
        subject: str, class_: str = "customer",
    ) -> dict[str, str]:  # fmt: skip
        """One sealed value."""
        found = self.root.execute(
            "SELECT wrapped FROM pgmask_private.data_key"
            " WHERE subject_class = %s AND subject_key = %s AND epoch = %s",
            (class_, subject, sealing.epoch_of(value)),
        ).fetchone()
        assert found is not None
        data_key = sealing.unwrap_data_key(self.key, class_, subject, bytes(found[0]))
        return sealing.open_bundle(data_key, table, bundle, row, value)

    def stored(self, columns: str, key: int = 1) -> tuple[object, ...]:
        """Columns of a customer as they are at rest."""
        row = self.root.execute(
            f"SELECT {columns} FROM crm_store.customer WHERE id = %s".encode(), (key,)
        ).fetchone()
        assert row is not None
        return tuple(row)

    def wrong(self) -> list[tuple[object, ...]]:
        """What the verify functions find."""
        found: list[tuple[object, ...]] = []
        for spec in (tables.CUSTOMER, tables.POLICY):
            found += self.root.execute(
                f"SELECT {spec.key[0].name.quoted}, v FROM {spec.store.quoted} t,"
                f" LATERAL pgmask_private.{spec.function('verify').quoted}(t) v"
                " WHERE v IS NOT NULL".encode()
            ).fetchall()
        return found


@pytest.fixture
def crm(server: Server, the_key: KeyFile) -> Iterator[SealedDatabase]:
    """A database with sealed tables and views."""

    def prepare(database: Database) -> None:
        with database.connect() as connection:
            run_sql(connection)
            register_key(connection, the_key)
            connection.execute(tables.TABLES.encode())
            connection.execute(tables.SLOT.encode())
            tables.seal_table(connection, tables.CUSTOMER, tables.POLICY)
            connection.execute(tables.VIEWS.encode())
            tables.protect(connection, (tables.CUSTOMER, tables.POLICY))

    with server.database(template=server.template("sealed", prepare)) as made:
        yield SealedDatabase(made, the_key)
