"""``pgmask unseal``: put the truths back into the columns, decided by two persons."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer
from typer.core import TyperGroup

from pgmask import keyfile
from pgmask.apply import seal as rows
from pgmask.apply import seal_finish as ending
from pgmask.apply import unseal as back
from pgmask.apply.holders import reading, settle
from pgmask.apply.unseal_table import UnsealTable
from pgmask.cli.options import Attempts, Dsn, LockTimeout
from pgmask.cli.output import data, people
from pgmask.cli.seal import bar, bytes_of, hours, seconds, size
from pgmask.errors import PlanError, Refused
from pgmask.server import connect, require_dsn

_DECIDED = ("PM330", "PM331", "PM332", "PM333")


class _Group(TyperGroup):
    """A table's name where a verb could stand says what is to be done with that table."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """``pgmask unseal crm.customer`` is ``pgmask unseal next crm.customer``."""
        if args and args[0] not in self.commands and args[0] != "--help":
            args = ["next", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_Group, no_args_is_help=True,
    help="Put the truths back into the columns of whole tables: the way back. Two persons decide"
    " (request, approve, with database logins of their own), the holder of the key file runs it."
    "\n\n`pgmask unseal TABLE` or `--all` says what is next; with `--estimate` what it takes.",
)  # fmt: skip

Tables = Annotated[
    list[str] | None,
    typer.Argument(metavar="[TABLE]...", help="schema.table as in the catalogue."),
]
All = Annotated[bool, typer.Option("--all", help="Every table that has sealed values.")]
Id = Annotated[int, typer.Argument(metavar="ID", min=1, help="Number of the request.")]
Said = Annotated[str | None, typer.Option("--opinion", help="A sentence for the record.")]


@app.command("next", hidden=True)
def next_(
    tables: Tables = None,
    dsn: Dsn = None,
    all_: All = False,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Measure a sample and say what it takes.")
    ] = False,
) -> None:
    """Say what is to be done next with these tables; nothing is changed."""
    wanted = _wanted(tables, all_)
    with connect(require_dsn(dsn), autocommit=True) as connection:
        if estimate:
            with reading(connection):
                known = ending.deployed(connection)
            for one in known.tables if all_ else [known.table(t) for t in wanted]:
                data(_estimate(back.estimate(connection, one)))
            return
        found = _requests(connection)
    open_ = [r for r in found if r[9] in ("requested", "approved", "begun")]
    mine = [r for r in open_ if all_ or set(wanted) & set(r[1])]
    name = "--all" if all_ else " ".join(wanted)
    if not mine:
        people.print(
            f"Nobody has asked for it. Begin with:\n  pgmask unseal request {name}"
            ' --purpose "..." --reference "..."\nWhat it takes:'
            f"  pgmask unseal {name} --estimate", markup=False,
        )  # fmt: skip
    for row in mine:
        people.print(_next(row), markup=False)


def _next(row: tuple[Any, ...]) -> str:
    number, tables, by, approver, state = row[0], ", ".join(row[1]), row[4], row[6], row[9]
    if state == "requested":
        return (
            f"Request {number} of {by} ({tables}) waits for another person:\n"
            f"  pgmask unseal approve {number}"
        )
    return (
        f"Request {number} of {by} ({tables}) is approved by {approver}; the holder of the key"
        f" file goes on:\n  pgmask unseal run {number} --key-file FILE"
    )


@app.command()
def request(
    purpose: Annotated[str, typer.Option("--purpose", help="Why, in a sentence.")],
    reference: Annotated[
        str, typer.Option("--reference", help="The decision or ticket it rests on.")
    ],
    tables: Tables = None,
    dsn: Dsn = None,
    all_: All = False,
) -> None:
    """Ask that tables be unsealed; another person approves it."""
    wanted = _wanted(tables, all_)
    row = _asked(
        dsn, "SELECT pgmask.unseal_request(%s::text[], %s, %s)", list(wanted), purpose, reference
    )
    data(str(row[0]))
    people.print(
        f"Request {row[0]} is recorded. Another person, with a database login of their own:"
        f" pgmask unseal approve {row[0]}"
    )


@app.command()
def approve(id_: Id, dsn: Dsn = None, opinion: Said = None) -> None:
    """Approve what another person asked."""
    row = _asked(dsn, "SELECT pgmask.unseal_approve(%s, %s)", id_, opinion)
    people.print(
        f"Request {id_} is approved, {row[0]:%Y-%m-%d %H:%M:%S%z}. The holder of the key file:"
        f" pgmask unseal run {id_} --key-file FILE"
    )


@app.command()
def cancel(id_: Id, dsn: Dsn = None, opinion: Said = None) -> None:
    """Give a request up; what it has opened is protected again by apply and seal."""
    _asked(dsn, "SELECT pgmask.unseal_cancel(%s, %s)", id_, opinion)
    people.print(
        f"Request {id_} is cancelled. If tables of it were begun: pgmask apply, then pgmask seal"
        " --all, protects them again."
    )


@app.command("list")
def list_(dsn: Dsn = None) -> None:
    """Every request, who asked and approved, and how far it is."""
    with connect(require_dsn(dsn), autocommit=True) as connection:
        found = _requests(connection)
    for row in found:
        data("\t".join((
            str(row[0]), row[9], ", ".join(row[1]), f"by {row[4]} {row[5]:%Y-%m-%d}",
            f"approved by {row[6]} {row[7]:%Y-%m-%d}" if row[6] else "not approved", row[3], row[2],
        )))  # fmt: skip
    if not found:
        people.print("no requests")


@app.command()
def run(
    id_: Id,
    key_file: Annotated[
        Path, typer.Option("--key-file", metavar="FILE", help="The key file itself, as proof.")
    ],
    dsn: Dsn = None,
    batch_rows: Annotated[int, typer.Option(min=1, max=100_000, help="Rows a transaction.")] = 1000,
    max_lag: Annotated[
        str, typer.Option(metavar="SECONDS", help="Wait while a replica is further behind.")
    ] = "30s",
    max_wal_rate: Annotated[
        str, typer.Option(metavar="BYTES", help="Bytes of WAL a second, such as 50MB; 0: no limit.")
    ] = "0",
    between: Annotated[
        str, typer.Option(metavar="HH:MM-HH:MM", help="Work at these local times only.")
    ] = "",
    lock_timeout: LockTimeout = rows.LOCK_TIMEOUT_MS,
    attempts: Attempts = rows.ATTEMPTS,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Connections that verify.")] = 2,
) -> None:
    """Open the tables of an approved request in batches; goes on where it stopped.

    As the login that installed pgmask. At the end every row is compared with its sealed value.
    """
    limits = rows.Limits(
        max_lag=seconds(max_lag), max_wal_rate=size(max_wal_rate) or None, between=hours(between)
    )
    key = keyfile.read(key_file)
    where = require_dsn(dsn)
    failed = False
    with connect(where, autocommit=True) as connection:
        settle(connection)
        asked = back.request(connection, id_)
        back.require_key(connection, key)
        for table_id in asked.tables:
            if table_id in asked.done:
                people.print(f"{table_id}: opened and verified before")
                continue
            table = back.begin(
                connection, id_, table_id, key, lock_timeout_ms=lock_timeout, attempts=attempts
            )
            with bar("unseal", table_id) as show:
                done = rows.work_through(
                    connection, table, limits=limits, batch_rows=batch_rows, report=show,
                    lock_timeout_ms=lock_timeout, attempts=attempts,
                )  # fmt: skip
            failed |= not _end(where, connection, table, done, workers)
    if failed:
        raise PlanError("PM337", "some rows could not be unsealed; they are named above")
    people.print("Until pgmask uninstall the tables keep their rules; the key stays needed.")


def _end(
    where: str, connection: rows.Connection, table: UnsealTable, done: rows.Sealed, workers: int
) -> bool:
    for row in done.refused[:100]:
        what = f" ({row.object})" if row.object else ""
        data(f"{table.id}\t{', '.join(row.key)}\t{row.code}{what}")
    if done.refused:
        people.print(
            f"{table.id}: {len(done.refused):,} rows could not be opened", style="bold red"
        )
        return False
    wrong = ending.verify(where, table, workers=workers)
    for key, what in wrong:
        data(f"{table.id}\t{', '.join(key)}\t{what}")
    if wrong:
        people.print(
            f"{table.id}: {len(wrong):,} rows do not hold what was sealed", style="bold red"
        )
        return False
    opened, erased = back.finish(connection, table)
    stay = f"; {erased:,} rows keep masks, their subjects were erased" if erased else ""
    people.print(
        f"{table.id}: {opened:,} rows hold their truths, every one compared with what was"
        f" sealed{stay}"
    )
    return True


def _wanted(tables: list[str] | None, all_: bool) -> tuple[str, ...]:
    if bool(tables) == all_:
        raise typer.BadParameter("name tables, or say --all", param_hint="TABLE")
    return tuple(tables or ())


def _asked(dsn: str | None, query: str, *values: object) -> tuple[Any, ...]:
    """One function of the database, with its refusals in its own words."""
    with connect(require_dsn(dsn)) as connection:
        try:
            row = connection.execute(query.encode(), values).fetchone()
        except psycopg.Error as error:
            raise _refused(error) from None
    return tuple(row or (None,))


def _requests(connection: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    try:
        return connection.execute("SELECT * FROM pgmask.unseal_requests()").fetchall()
    except psycopg.Error as error:
        raise _refused(error) from None


def _refused(error: psycopg.Error) -> Exception:
    if error.sqlstate in _DECIDED:
        diag = error.diag
        return Refused(error.sqlstate, diag.message_primary or "", hint=diag.message_hint or "")
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return Refused(
            "PM330", "this login may neither ask to unseal nor approve it",
            hint="Two logins decide, each a member of pgmask_unseal.",
        )  # fmt: skip
    return error


def _estimate(found: back.Estimate) -> str:
    rate = found.rows / found.seconds if found.seconds else 0
    return "\n".join(
        (
            f"{found.table}: {found.rows:,} rows to open",
            f"  time      about {found.seconds:,.0f} s on this server, now ({rate:,.0f} rows/s)",
            f"  WAL       about {bytes_of(found.wal)}, to {found.replicas} streaming replicas",
            f"  disk      about {bytes_of(found.growth)} more than the {bytes_of(found.size)} of"
            " now, until vacuum; VACUUM FULL after pgmask uninstall gives the rest back",
            f"  measured on {found.sample} rows, undone",
        )
    )


def register(main: typer.Typer) -> None:
    """Add the verb."""
    main.add_typer(app, name="unseal")
