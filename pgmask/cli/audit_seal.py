"""``pgmask audit key``, ``seal`` and ``anchor``: sign the record, leave its head outside."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer

from pgmask.audit import anchors, keys
from pgmask.audit.anchors import Anchor
from pgmask.audit.seal import Sealed, register_key, seal
from pgmask.cli.audit_told import changes_told
from pgmask.cli.options import Dsn
from pgmask.cli.output import data, many, people, tell
from pgmask.cli.seal import seconds
from pgmask.errors import PgmaskError, ServerError
from pgmask.server import connect, require_dsn

Key = Annotated[
    Path,
    typer.Option(
        "--key", envvar="PGMASK_SEAL_KEY", show_envvar=True, metavar="FILE",
        help="The private key of the seal, a file on this machine.",
    ),
]  # fmt: skip
Places = Annotated[
    list[str] | None,
    typer.Option(
        "--to", metavar="PLACE",
        help="Where the head is left: file:PATH, stdout, s3://BUCKET/PREFIX, timestamp:URL;"
        " repeat it.",
    ),
]  # fmt: skip
LockDays = Annotated[
    int, typer.Option("--lock-days", min=1, help="How long an object in S3 is locked.")
]
key_app = typer.Typer(help="The key of the seal: a pair of files.", no_args_is_help=True)


@key_app.command("create")
def create(
    path: Annotated[
        Path, typer.Argument(metavar="FILE", help="The private key; FILE.pub beside it is public.")
    ],
) -> None:
    """Make a pair. Give FILE.pub to whoever verifies, on a way that this machine is no part of."""
    try:
        public = keys.create(path)
    except FileExistsError:
        raise PgmaskError("PM820", "a key is there already", where=str(path),
                          hint="A key is never written over.") from None  # fmt: skip
    except OSError as error:
        raise PgmaskError(
            "PM820", f"the key cannot be written: {error.strerror}", where=str(path),
            hint="Name a file in a folder that is there and that this account may write to.",
        ) from None  # fmt: skip
    data(public.key_id)
    people.print(f"{path} signs; {path}.pub verifies.", markup=False)


@key_app.command("show")
def show(
    path: Annotated[Path, typer.Argument(metavar="FILE.pub", help="A public key.")],
) -> None:
    """Print a public key's id, as batches and anchors name it."""
    data(keys.read_public(path).key_id)


def seal_(
    key: Key,
    dsn: Dsn = None,
    every: Annotated[
        str, typer.Option("--every", metavar="SECONDS", help="Go on, such as every 60s.")
    ] = "0",
    idle: Annotated[
        str,
        typer.Option("--idle", metavar="SECONDS", help="Make an empty batch after so long."),
    ] = "60m",
    to: Places = None,
    lock_days: LockDays = anchors.LOCK_DAYS,
    all_: Annotated[
        bool, typer.Option("--all", help="Name every change of what protects the record.")
    ] = False,
) -> None:
    """Sign every row of finished transactions that no batch has yet, as one batch.

    Once, or again and again with [b]--every[/b]. As a member of pgmask_record_sealer.
    Exit code 0 also where nothing was new.
    """
    signing = keys.read_private(key)
    where, pause = require_dsn(dsn), _seconds(every, "--every")
    quiet = timedelta(seconds=_seconds(idle, "--idle") or 0)
    anchors.require(to or ())
    found = False
    while True:
        try:
            found |= _once(
                where, signing, quiet, to or [], lock_days, all_=all_, quietly=pause is not None
            )
        except (ServerError, psycopg.OperationalError) as error:
            if pause is None:
                raise
            # Whoever watches sees the batches stop; the next turn tries again.
            tell(error if isinstance(error, PgmaskError)
                 else ServerError("PM020", "the connection was lost"))  # fmt: skip
        except PgmaskError as error:
            if pause is None or error.code not in ("PM823", "PM824"):
                raise
            tell(error)
        if pause is None:
            if found:
                raise typer.Exit(2)
            return
        time.sleep(pause)


def _once(
    where: str, signing: keys.SigningKey, idle: timedelta, places: list[str], lock_days: int, *,
    all_: bool, quietly: bool,
) -> bool:  # fmt: skip
    """One turn; gives whether batches were found deleted. quietly: not a word of nothing."""
    gone = False
    with connect(where, autocommit=True) as connection:
        register_key(connection, signing)
        # A first seal of a large record is several batches.
        while True:
            began = time.monotonic()
            made = seal(connection, signing, idle=idle)
            if made is None:
                if not quietly:
                    people.print("nothing new to seal")
                _leave_again(connection, signing, places, lock_days)
                return gone
            gone |= bool(made.gone)
            _say(made, time.monotonic() - began, all_=all_)
            if places:
                anchors.leave(
                    connection, Anchor.of(made.batch, signing), places, lock_days=lock_days
                )
            if not made.more:
                return gone


def _leave_again(
    connection: psycopg.Connection[Any], signing: keys.SigningKey, places: list[str], lock_days: int
) -> None:
    """The present head, in the places that did not take it before or are new."""
    batch = anchors.last_batch(connection)
    if batch is None or not places:
        return
    head = Anchor.of(batch, signing)
    lacking = anchors.without(connection, head.batch, places)
    if lacking:
        anchors.leave(connection, head, lacking, lock_days=lock_days)
        people.print(f"the head of batch {head.batch}: left in {', '.join(lacking)}", markup=False)


def _seconds(text: str, option: str) -> float | None:
    try:
        return seconds(text)
    except typer.BadParameter:
        raise typer.BadParameter("a time such as 30s or 2m", param_hint=option) from None


def _say(made: Sealed, took: float, *, all_: bool) -> None:
    header = made.header
    quiet = [str(change) for change in made.changes if not change.weaker]
    for line in changes_told(quiet, all_=all_):
        people.print(f"changed since the last batch: {line}", style="yellow", markup=False)
    for change in made.changes:
        if change.weaker:
            people.print(f"weakened since the last batch: {change}", style="bold red", markup=False)
    if made.gone:
        people.print(
            f"PM832: of {many(len(made.gone), 'batch', 'batches')} ({made.gone[0]} to"
            f" {made.gone[-1]}) traces are there, the batches are not: pgmask audit verify",
            style="bold red", markup=False,
        )  # fmt: skip
    people.print(
        f"batch {header.batch}: {many(header.rows, 'row')} of transactions {header.xid_from:,} to"
        f" {header.xid_to:,}, {took:.1f} s, head {made.batch.digest}"
    )


def anchor(key: Key, to: Places = None, dsn: Dsn = None, lock_days: LockDays = 400) -> None:
    """Leave the present head in places outside of the database.

    A file or bucket that the database's administrators cannot write to is what shows that the end
    of the record was cut off. S3 takes endpoint and credentials from AWS's own variables.
    """
    signing = keys.read_private(key)
    if not to:
        raise typer.BadParameter("name at least one place", param_hint="--to")
    anchors.require(to)
    with connect(require_dsn(dsn), autocommit=True) as connection:
        batch = anchors.last_batch(connection)
        if batch is None:
            raise PgmaskError("PM829", "nothing is sealed yet", hint="pgmask audit seal")
        head = Anchor.of(batch, signing)
        anchors.leave(connection, head, to, lock_days=lock_days)
    people.print(f"batch {head.batch}, head {head.digest}: left in {', '.join(to)}", markup=False)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(key_app, name="key")
    app.command("seal")(seal_)
    app.command("anchor")(anchor)
