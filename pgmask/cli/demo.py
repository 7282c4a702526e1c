"""``pgmask demo``: the whole story on a PostgreSQL of its own, in one command."""

from __future__ import annotations

from typing import Annotated

import typer

from pgmask.cli.output import people
from pgmask.demo.sizes import CUSTOMERS, QUICK

_EXAMPLE = "The insurer's schema, catalogue and register are in examples/insurer."

app = typer.Typer(invoke_without_command=True, epilog=_EXAMPLE)


@app.callback()
def demo(
    context: typer.Context,
    customers: Annotated[
        int,
        typer.Option(
            "--customers",
            "-n",
            min=200,
            max=200_000,
            metavar="N",
            envvar="PGMASK_CUSTOMERS",
            help="How many customers the insurer has.",
        ),
    ] = CUSTOMERS,
    quick: Annotated[
        bool, typer.Option("--quick", help=f"{QUICK:,} customers: about a minute.")
    ] = False,
    keep: Annotated[
        bool,
        typer.Option(
            "--keep", help="Leave the server running and print how to go on; see `demo stop`."
        ),
    ] = False,
    dsn: Annotated[
        str | None,
        typer.Option(
            "--dsn",
            metavar="DSN",
            help="Use this server instead of an own one: a login with CREATEROLE and CREATEDB. "
            "All that is made there is dropped at the end.",
        ),
    ] = None,
) -> None:
    """Show the whole story: an insurer's database, protected before your eyes."""
    if context.invoked_subcommand is not None:
        return
    from pgmask.demo.run import run

    run(customers=QUICK if quick else customers, keep=keep, dsn=dsn)


@app.command("stop")
def stop() -> None:
    """Stop the server that `pgmask demo --keep` left running, and remove its files."""
    from pgmask.demo.site import stop_kept

    people.print(f"stopped; removed {stop_kept()}", markup=False)


def register(parent: typer.Typer) -> None:
    """Add the verb."""
    parent.add_typer(app, name="demo")
