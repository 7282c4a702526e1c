"""``pgmask uninstall``: give the tables back as they were, and take pgmask out of the database."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer

from pgmask.apply import run as applying
from pgmask.apply import uninstall as giving
from pgmask.apply.holders import reading
from pgmask.cli.options import Attempts, Dsn, LockTimeout
from pgmask.cli.output import data, people
from pgmask.errors import Refused, ServerError
from pgmask.facts.model import Facts
from pgmask.facts.read import read_facts
from pgmask.runtime import uninstall as removing
from pgmask.runtime.install import installed_revision
from pgmask.runtime.uninstall import Record
from pgmask.server import connect, require_dsn

Connection = psycopg.Connection[Any]


def uninstall(
    dsn: Dsn = None,
    yes_database: Annotated[
        str, typer.Option("--yes-database", metavar="NAME", help="The database's name, to be sure.")
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go and what stands in the way.")
    ] = False,
    export_audit: Annotated[
        Path | None,
        typer.Option("--export-audit", metavar="FILE", help="Write the record there and drop it."),
    ] = None,
    drop_audit: Annotated[
        bool, typer.Option("--drop-audit", help="Drop the record of what was done and shown.")
    ] = False,
    keep_register: Annotated[
        bool, typer.Option("--keep-register", help="Keep the register's tables, too.")
    ] = False,
    without_constraints: Annotated[
        bool,
        typer.Option(
            "--without-constraints",
            help="Leave out constraints that the rows of now do not meet, and name them.",
        ),
    ] = False,
    lock_timeout: LockTimeout = applying.LOCK_TIMEOUT_MS,
    attempts: Attempts = applying.ATTEMPTS,
) -> None:
    """Give every table back as it was before pgmask took it over, then remove pgmask.

    Table by table, each at once; goes on where it stopped. Refused while anything is sealed
    (pgmask unseal) or while objects of others stand on pgmask's. The record of what was done stays
    in schema pgmask_audit unless it is exported or dropped.
    """
    if export_audit is not None and drop_audit:
        raise typer.BadParameter("one of the two", param_hint="--export-audit, --drop-audit")
    record = Record.KEEP
    if export_audit is not None:
        record = Record.EXPORT
    elif drop_audit:
        record = Record.DROP
    with connect(require_dsn(dsn), autocommit=True) as connection:
        if installed_revision(connection) is None:
            raise ServerError("PM027", "there is no runtime in this database")
        with reading(connection):
            facts = read_facts(connection)
        _clear_way(connection, facts)
        catalogue = giving.catalogue_of(connection)
        todo = giving.tables(catalogue, facts) if catalogue is not None else ()
        if dry_run:
            _say(connection, facts, todo, record)
            return
        if yes_database != facts.database:
            raise Refused(
                "PM340", f"this takes pgmask out of database {facts.database}",
                hint=f"Look with --dry-run; then --yes-database {facts.database}",
            )  # fmt: skip
        paths = giving.search_paths(connection, facts)
        with applying.only_one(connection):
            if catalogue is not None:
                _tables(connection, catalogue, todo, without_constraints, lock_timeout, attempts)
            if export_audit is not None:
                _export(connection, export_audit)
            _rest(connection, record, keep_register)
        _say_paths(paths)


def _clear_way(connection: Connection, facts: Facts) -> None:
    found = [*giving.obstacles(connection, facts)]
    ours = tuple(facts.managed_views) + tuple((s.schema, s.name) for s in facts.stores)
    children = tuple(
        d.qualified
        for s in facts.stores
        if (r := facts.relation(s.schema, s.name)) is not None
        for d in facts.descendants(r)
    )
    lines = [f"{o.what}\n    {o.hint}" for o in found]
    managed = {name for _, name in giving.managed_functions(facts)}
    for name in removing.dependants(connection, ours + children):
        if giving.function_name(name.removeprefix("function ")) not in managed:
            lines.append(f"{name} stands on pgmask's functions\n    Drop or change it.")
    if lines:
        raise Refused(
            "PM340", f"{len(lines)} thing{'s' * (len(lines) > 1)} in the way; nothing was changed",
            detail="\n".join(dict.fromkeys(lines)),
        )  # fmt: skip


def _tables(
    connection: Connection, catalogue: Any, todo: tuple[str, ...], without: bool,
    lock_timeout: int, attempts: int,
) -> None:  # fmt: skip
    for table in todo:
        back = giving.give_back(
            connection, catalogue, table, without_constraints=without,
            lock_timeout_ms=lock_timeout, attempts=attempts,
        )  # fmt: skip
        people.print(f"{table}: given back to {back.owner}")
        for one in back.missing:
            data(f"{table}\tnot given back\t{one}")


def _export(connection: Connection, path: Path) -> None:
    with path.open("x", encoding="utf-8") as out:
        path.chmod(0o600)
        rows = removing.export(connection, out)
    people.print(f"{path}: {rows:,} rows of the record")


def _rest(connection: Connection, record: Record, keep_register: bool) -> None:
    with connection.transaction():
        removed = removing.remove(connection, record=record, keep_register=keep_register)
    dropped, stays = removing.drop_roles(connection, removed.roles)
    people.print("pgmask is out of this database.")
    if dropped:
        people.print(f"roles dropped: {', '.join(dropped)}")
    for what, why in (*removed.stays, *stays):
        data(f"stays\t{what}\t{why}")


def _say(connection: Connection, facts: Facts, todo: tuple[str, ...], record: Record) -> None:
    for table in todo:
        store = facts.store(table)
        if store is not None:
            data(f"gives back\t{table}\tto {store.original_owner}")
    kinds: dict[str, int] = {}
    for managed in facts.managed:
        kinds[managed.kind] = kinds.get(managed.kind, 0) + 1
    for kind, count in sorted(kinds.items()):
        data(f"removes\t{count} x {kind}")
    says = {"keep": "stays in schema pgmask_audit", "export": "is exported, then dropped",
            "drop": "is dropped"}[record.value]  # fmt: skip
    for table in removing.audit_tables(connection):
        data(f"record\t{table}\t{says}")
    _say_paths(giving.search_paths(connection, facts))
    people.print("Nothing was changed.")


def _say_paths(found: tuple[tuple[str, str], ...]) -> None:
    for who, path in found:
        data(f"stays\tsearch_path of {who}\tnames a schema that goes: {path}")


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("uninstall")(uninstall)
