"""``pgmask register``: units, posts and persons from a file, and what is missing."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pgmask.cli.options import Dsn, Format, TextFormat
from pgmask.cli.output import data, people
from pgmask.runtime.book import read_book
from pgmask.runtime.register import gaps as read_gaps
from pgmask.runtime.register import put
from pgmask.server import connect, require_dsn


def load(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The register, such as register.yml")
    ],
    dsn: Dsn = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Do it in a transaction that is rolled back.")
    ] = False,
) -> None:
    """Put every entry of a file; can be repeated. What is not in the file is left alone."""
    book = read_book(file)
    with connect(require_dsn(dsn)) as connection:
        put(connection, book)
        missing = read_gaps(connection)
        if dry_run:
            connection.rollback()
    people.print(
        f"{'dry run: ' if dry_run else ''}{len(book.units)} units, {len(book.posts)} posts,"
        f" {len(book.persons)} persons, {len(book.services)} services,"
        f" {len(book.issuers)} issuers"
    )
    if missing:
        people.print(f"{len(missing)} gaps: pgmask register gaps")
    new = [i["id"] for i in book.issuers]
    if new:
        people.print(f"keys of issuers are made one by one: pgmask issuer rotate {new[0]}")


def gaps(dsn: Dsn = None, format: Format = TextFormat.text) -> None:
    """List what the register lacks; exit 2 when that stops somebody."""
    with connect(require_dsn(dsn)) as connection:
        found = read_gaps(connection)
    if format is TextFormat.json:
        data(json.dumps([asdict(gap) for gap in found], ensure_ascii=False, indent=2))
    elif found:
        data("\n".join(
            f"{'stops' if g.stops else 'lacks'}  {g.what} {g.key}: {g.missing}" for g in found
        ))  # fmt: skip
    if any(gap.stops for gap in found):
        raise typer.Exit(2)


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group = typer.Typer(no_args_is_help=True, help="Units, posts and persons.")
    group.command("load")(load)
    group.command("gaps")(gaps)
    app.add_typer(group, name="register")
