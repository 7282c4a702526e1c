"""``pgmask keys``: the key-encryption key outside the database, and its state inside."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pgmask import keyfile
from pgmask.cli.options import Dsn, Format, TextFormat
from pgmask.cli.output import data, people
from pgmask.errors import KeyFault, Refused
from pgmask.hashing import plain
from pgmask.runtime import keys as runtime
from pgmask.server import connect, require_dsn


class Provider(StrEnum):
    """Who brings the key to the server."""

    loaded = "loaded"
    file = "file"
    dev = "dev"


KeyPath = Annotated[Path, typer.Argument(metavar="FILE", help="The key file.")]


def create(
    file: KeyPath,
    dsn: Dsn = None,
    provider: Annotated[
        Provider,
        typer.Option(
            envvar="PGMASK_KEY_PROVIDER",
            help="loaded: pgmask keys load brings the file's content into the running server;"
            " file: the server reads a file itself, which a superuser must allow once;"
            " dev: as loaded, with a key marked for invented data, refused in production.",
        ),
    ] = Provider.loaded,
    location: Annotated[
        str | None,
        typer.Option(
            metavar="PATH",
            help="Provider file: where the server finds it, relative to its data directory.",
        ),
    ] = None,
) -> None:
    """Make a new key file, readable by its owner only, and register it in the database.

    Keep a copy in escrow, apart from the database's backups: without this file no sealed value
    can ever be opened again.
    """
    if provider is Provider.file and location is None:
        raise typer.BadParameter("provider file needs --location", param_hint="--location")
    with connect(require_dsn(dsn)) as connection:
        there = runtime.current(connection)
        if there is not None:
            raise Refused("PM311", f"key {there} is registered already", hint=runtime.LOAD)
        key = keyfile.KeyFile.new(runtime.next_id(connection), dev=provider is Provider.dev)
        runtime.register(connection, key, provider.value, location)
        if provider is not Provider.file:
            runtime.load(connection, key)
        try:
            keyfile.write(file, key)
        except FileExistsError:
            raise Refused("PM313", f"{file} exists; a key file is never written over",
                          hint="Name another file.") from None  # fmt: skip
        except OSError as error:
            raise KeyFault("PM310", f"{file} cannot be written: {error.strerror}") from None
        try:
            connection.commit()
        except BaseException:
            file.unlink()
            raise
    people.print(f"key {key.key_id} made: {file}, registered with provider {provider.value}")
    if provider is Provider.file:
        people.print(f"put it where the server finds it: {location}, and as superuser:")
        people.print(f"  {runtime.GRANT};")
    if provider is Provider.dev:
        people.print("it is marked for development; next: pgmask fake")
    else:
        people.print("keep a copy in escrow, apart from the database's backups; then show it:")
        people.print("  pgmask keys escrow COPY --place WHERE")


def escrow(
    file: Annotated[Path, typer.Argument(metavar="COPY", help="The copy itself.")],
    place: Annotated[str, typer.Option(metavar="WHERE", help="Where it is kept, in your words.")],
    dsn: Dsn = None,
) -> None:
    """Record that a copy of the key is kept elsewhere; it is read and compared, not stored."""
    copy = keyfile.read(file)
    with connect(require_dsn(dsn)) as connection:
        runtime.escrow(connection, copy, place)
    people.print(f"key {copy.key_id}: a copy is kept at {place}", markup=False)


def load(file: KeyPath, dsn: Dsn = None) -> None:
    """Bring the key into the running server: after a restart that was a crash, or a restore."""
    key = keyfile.read(file)
    if keyfile.too_open(file):
        people.print(f"others may read {file}: chmod 600 {file}", style="yellow", markup=False)
    with connect(require_dsn(dsn)) as connection:
        runtime.load(connection, key)
    people.print(f"key {key.key_id} loaded")


def status(dsn: Dsn = None, format: Format = TextFormat.text) -> None:
    """Say of every registered key whether it works; exit 2 when one does not."""
    with connect(require_dsn(dsn)) as connection:
        found = runtime.status(connection)
    if format is TextFormat.json:
        data(json.dumps(plain(found), ensure_ascii=False, indent=2))
    for key in found if format is TextFormat.text else ():
        place = f" {key.location}" if key.location else ""
        code = "" if key.condition == "ok" else f"{key.condition} "
        data(
            f"key {key.kek_id}  {key.provider}{place}  {key.state}  {code}{key.says}"
            f"  fingerprint {key.fingerprint}  wraps {key.data_keys} data keys"
            + (f"  copy at {key.escrow_place}" if key.escrow_place else "")
        )
    if not found:
        people.print("no key is registered: pgmask keys create FILE")
        raise typer.Exit(2)
    if not all(key.fine for key in found):
        people.print("masked reads go on without a key; writes of sealed values do not")
        raise typer.Exit(2)


def register(app: typer.Typer) -> None:
    """Add the verb with its commands."""
    keys = typer.Typer(
        help="The key file that opens sealed values: make, load, look.", no_args_is_help=True
    )
    keys.command("create")(create)
    keys.command("load")(load)
    keys.command("escrow")(escrow)
    keys.command("status")(status)
    app.add_typer(keys, name="keys")
