"""``pgmask install`` and ``pgmask upgrade``: the runtime inside the database."""

from __future__ import annotations

from typing import Annotated

import typer

from pgmask.cli.options import Dsn
from pgmask.cli.output import data, people
from pgmask.server import connect, require_dsn


def install(
    dsn: Dsn = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Do it in a transaction that is rolled back.")
    ] = False,
    sql: Annotated[
        bool, typer.Option("--sql", help="Print the script instead, for psql; needs no database.")
    ] = False,
    superuser_sql: Annotated[
        bool,
        typer.Option(
            "--superuser-sql", help="Print what only a superuser can do, all of it optional."
        ),
    ] = False,
    production: Annotated[
        bool,
        typer.Option(
            "--production",
            help="Declare that this database holds real customers, for good: keys for development"
            " and invented values are refused whatever a catalogue says.",
        ),
    ] = False,
    login: Annotated[
        list[str] | None,
        typer.Option("--login", metavar="ROLE", help="An application's login, for --superuser-sql"),
    ] = None,
) -> None:
    """Install the runtime: schemas, roles, register, identity, keys. No superuser is needed."""
    from pgmask.runtime import install as run
    from pgmask.runtime import script

    if sql:
        data(script())
        return
    if superuser_sql:
        data(_superuser_sql(dsn, tuple(login or ())))
        return
    result = run(require_dsn(dsn), dry_run=dry_run)
    if production and not dry_run:
        from pgmask.runtime.environment import declare_production

        with connect(require_dsn(dsn)) as connection:
            declare_production(connection)
        people.print("declared: this database is production, and stays it")
    if dry_run:
        people.print(f"dry run: revision {result.revision} installs; nothing was changed")
    elif result.was is None:
        people.print(f"installed, revision {result.revision}")
        people.print("next: pgmask register load FILE.yml, pgmask keys, pgmask plan; pgmask doctor")
        people.print(
            "once tables are sealed, the record: pgmask audit collect --setup, pgmask audit seal"
        )
    elif result.token_key_made:
        people.print(f"was installed, revision {result.revision}; made the missing token key")
        people.print("issuers need new keys too: pgmask issuer rotate NAME")
    else:
        people.print(f"already installed, revision {result.revision}; nothing to do")


def upgrade(
    dsn: Dsn = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Do it in a transaction that is rolled back.")
    ] = False,
    sql: Annotated[bool, typer.Option("--sql", help="Print the script instead, for psql.")] = False,
) -> None:
    """Bring the installed runtime to this program's revision."""
    from pgmask.runtime import script, state
    from pgmask.runtime import upgrade as run

    where = require_dsn(dsn)
    if sql:
        data(script(since=state(where)))
        return
    result = run(where, dry_run=dry_run)
    if dry_run:
        people.print(f"dry run: {result.was} to {result.revision}; nothing was changed")
    elif result.changed:
        people.print(f"upgraded from {result.was} to {result.revision}")
    else:
        people.print(f"at revision {result.revision}; nothing to do")


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("install")(install)
    app.command("upgrade")(upgrade)


def _superuser_sql(dsn: str | None, logins: tuple[str, ...]) -> str:
    from pgmask.runtime.superuser import superuser_sql

    with connect(require_dsn(dsn), autocommit=True) as connection:
        return superuser_sql(
            version=connection.info.server_version, database=connection.info.dbname, logins=logins
        )
