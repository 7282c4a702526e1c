"""What ``validate`` and ``explain`` share: a validator made from their options."""

from __future__ import annotations

from pathlib import Path

import typer

from pgmask.cli.database import read_catalogue
from pgmask.errors import PgmaskError
from pgmask.facts.schema import Schema
from pgmask.facts.schema_file import loads
from pgmask.facts.snapshot import read_schema
from pgmask.server import connect, require_dsn, resolve_dsn
from pgmask.verdict.search_path import path_of
from pgmask.verdict.validator import Validator


def schema_from(file: Path | None, dsn: str | None) -> Schema:
    """The snapshot file when one is named, else the database.

    Raises PM610 for a bad snapshot, PM646 for one that is not there, PM648 for neither.
    """
    if file is not None:
        try:
            return loads(file.read_text("utf-8"))
        except OSError as error:
            raise PgmaskError("PM646", f"{file}: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise PgmaskError("PM646", f"{file} is not UTF-8") from error
    if resolve_dsn(dsn) is None:
        raise PgmaskError("PM648", "neither a snapshot nor a database is named")
    with connect(require_dsn(dsn)) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        return read_schema(connection)


def validator(
    *,
    schema: Path | None,
    dsn: str | None,
    catalogue: Path | None,
    environment: str | None,
    profile: str | None,
    search_path: str | None = None,
    migration: bool = False,
    lineage_only: bool = False,
) -> Validator:
    """What the options ask for; a catalogue with one profile needs no ``--profile``."""
    path = _path(search_path)
    if lineage_only or catalogue is None:
        if profile is not None and not lineage_only:
            raise typer.BadParameter("a profile is one of a catalogue", param_hint="--profile")
        return Validator(
            schema_from(schema, dsn), migration=migration, lineage_only=lineage_only,
            search_path=path,
        )  # fmt: skip
    read = read_catalogue(catalogue, environment)
    if profile is None:
        names = [p.name for p in read.profiles]
        # A migration is nobody's: its rules ask where tables lie, which is one for all profiles.
        if len(names) != 1 and not migration:
            raise typer.BadParameter(f"one of {', '.join(names)}", param_hint="--profile")
        profile = names[0]
    return Validator(
        schema_from(schema, dsn), catalogue=read, profile=profile, migration=migration,
        search_path=path,
    )  # fmt: skip


def _path(given: str | None) -> tuple[str, ...] | None:
    if given is None:
        return None
    try:
        return path_of(given)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--search-path") from error
