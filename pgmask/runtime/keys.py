"""Keys in the database: registered, loaded, looked at. The material never stands in a statement."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg.rows import class_row

from pgmask import sealing
from pgmask.errors import REGISTRY, KeyFault, Refused
from pgmask.keyfile import KeyFile

Connection = psycopg.Connection[Any]
PROVIDERS: Final = ("file", "loaded", "dev")
LOAD: Final = "Load its file: pgmask keys load FILE. See pgmask keys status."
GRANT: Final = (
    "GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_binary_file(text, bigint, bigint, boolean)"
    " TO pgmask_sealer"
)
"""What a superuser gives once where the server itself reads the key file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyStatus:
    """One registered key.

    condition: ``ok``, or the code of what is wrong (PM310 missing, PM311 another key, PM312
    truncated, PM313 damaged, PM315 the canary does not open, PM351 for development only);
    fingerprint: the first 16 hex digits; data_keys: how many it wraps; escrow_place: where a copy
    was shown to be kept, None for nowhere.
    """

    kek_id: int
    provider: str
    location: str | None
    state: str
    condition: str
    fingerprint: str
    data_keys: int
    escrow_place: str | None = None

    @property
    def fine(self) -> bool:
        """Whether the key works, or is not meant to any more."""
        return self.condition == "ok" or self.state == "destroyed"

    @property
    def says(self) -> str:
        """The condition in words."""
        return "ok" if self.condition == "ok" else REGISTRY[self.condition].title


def next_id(connection: Connection) -> int:
    """The id for a new key: one above the highest that was ever registered."""
    row = connection.execute(
        "SELECT coalesce(pg_catalog.max(k.kek_id), 0) + 1 FROM pgmask_private.kek AS k"
    ).fetchone()
    assert row is not None  # noqa: S101  an aggregate gives one row
    return int(row[0])


def current(connection: Connection) -> int | None:
    """The id of the key that wraps new data keys, None without one."""
    row = connection.execute("SELECT pgmask_private.current_kek()").fetchone()
    return None if row is None else row[0]


def register(connection: Connection, key: KeyFile, provider: str, location: str | None) -> None:
    """Register the first key: its id, fingerprint and canary.

    Raises Refused: PM311 there is one; PM351 a key for development with another provider, or where
    the data is not known to be invented.
    """
    if key.dev != (provider == "dev"):
        raise Refused("PM351", f"the file's mark does not go with the provider {provider}")
    there = current(connection)
    if there is not None:
        raise Refused(
            "PM311", f"key {there} is registered already, and every data key is under it", hint=LOAD
        )
    with told():
        connection.execute(
            "INSERT INTO pgmask_private.kek (kek_id, provider, location, fingerprint, canary)"
            " VALUES (%s, %s, %s, %s, %s)",
            (key.key_id, provider, location, key.fingerprint, sealing.make_canary(key)),
        )


@contextmanager
def told() -> Iterator[None]:
    """What the database refuses about environments and keys for them, in its own words."""
    try:
        yield
    except psycopg.Error as error:
        if error.sqlstate not in ("PM351", "PM352"):
            raise
        raise Refused(
            error.sqlstate, error.diag.message_primary or REGISTRY[error.sqlstate].title,
            hint=error.diag.message_hint or "",
        ) from None  # fmt: skip


def escrow(connection: Connection, copy: KeyFile, place: str) -> None:
    """Record that a copy of a registered key is kept elsewhere, because it was shown.

    Raises KeyFault: PM310 the key is not registered, PM311 the copy is another key.
    """
    row = connection.execute(
        "SELECT k.fingerprint FROM pgmask_private.kek AS k WHERE k.kek_id = %s", (copy.key_id,)
    ).fetchone()
    if row is None:
        raise KeyFault("PM310", f"key {copy.key_id} is not registered in this database")
    if bytes(row[0]) != copy.fingerprint:
        raise KeyFault(
            "PM311", f"the copy holds another key {copy.key_id} than is registered",
            hint="It would open nothing. Put a copy of the right file there.",
        )  # fmt: skip
    connection.execute(
        "UPDATE pgmask_private.kek AS k SET escrowed_at = pg_catalog.clock_timestamp(),"
        " escrow_place = %s WHERE k.kek_id = %s",
        (place, copy.key_id),
    )


def require_escrow(connection: Connection) -> None:
    """Nothing unless the environment asks for a copy that nobody has shown. Raises Refused PM353.

    Asked before existing rows are sealed: from then on the key is all that opens them.
    """
    row = connection.execute(
        "SELECT k.kek_id FROM pgmask_private.environment AS e, pgmask_private.kek AS k"
        " WHERE e.production AND e.escrow AND k.state = 'current' AND k.escrowed_at IS NULL"
    ).fetchone()
    if row is not None:
        raise Refused("PM353", f"no copy of key {row[0]} has been shown to be in escrow")


def load(connection: Connection, key: KeyFile) -> None:
    """Bring a registered key's content into the server, verified there.

    By COPY: no log, however it is set, repeats its data, and no statement holds it.  Raises
    KeyFault: PM310 the key is not registered or read by the server itself, PM311 another key;
    Refused PM351 for development only.
    """
    row = connection.execute(
        "SELECT k.provider, k.fingerprint FROM pgmask_private.kek AS k WHERE k.kek_id = %s",
        (key.key_id,),
    ).fetchone()
    if row is None:
        raise KeyFault("PM310", f"key {key.key_id} is not registered in this database",
                       hint="pgmask keys status lists the registered ones.")  # fmt: skip
    if row[0] not in ("loaded", "dev"):
        raise KeyFault("PM310", f"the server reads key {key.key_id} from a file by itself",
                       hint="Put the file where pgmask keys status says.")  # fmt: skip
    if bytes(row[1]) != key.fingerprint:
        raise KeyFault("PM311", f"this file holds another key {key.key_id} than the one registered",
                       hint="Compare with pgmask keys status; restore the right file.")  # fmt: skip
    connection.execute(
        "DELETE FROM pgmask_private.loaded_key AS l WHERE l.kek_id = %s", (key.key_id,)
    )
    with (
        told(),
        connection.cursor().copy(
            "COPY pgmask_private.loaded_key (kek_id, content) FROM STDIN (FORMAT binary)"
        ) as copy,
    ):
        copy.set_types(["int4", "bytea"])
        copy.write_row((key.key_id, key.to_bytes()))
    connection.execute("SELECT pgmask_private.check_key(%s)", (key.key_id,))


def status(connection: Connection) -> tuple[KeyStatus, ...]:
    """Every registered key and whether it works now."""
    with connection.cursor(row_factory=class_row(KeyStatus)) as cursor:
        return tuple(
            cursor.execute(
                "SELECT k.kek_id, k.provider, k.location, k.state,"
                "       pgmask_private.key_condition(k.kek_id) AS condition,"
                "       pg_catalog.left(pg_catalog.encode(k.fingerprint, 'hex'), 16)"
                "         AS fingerprint,"
                "       (SELECT pg_catalog.count(*) FROM pgmask_private.data_key AS d"
                "         WHERE d.kek_id = k.kek_id AND d.wrapped IS NOT NULL) AS data_keys,"
                "       k.escrow_place"
                "  FROM pgmask_private.kek AS k ORDER BY k.kek_id"
            )
        )


def require(connection: Connection) -> None:
    """Nothing when every key in use works. Raises KeyFault with the condition of the first else."""
    for key in status(connection):
        if not key.fine:
            raise KeyFault(
                key.condition,
                f"key {key.kek_id}: {key.says}",
                hint="Nothing can be verified without it. See pgmask keys status.",
            )
