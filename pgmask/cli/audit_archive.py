"""``pgmask audit archive``, ``reattach`` and ``retention``: months that leave, and come back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer

from pgmask.audit import archive as months
from pgmask.audit import keys
from pgmask.audit.archived import absent
from pgmask.audit.seal import register_key
from pgmask.audit.verify import registered
from pgmask.cli.audit_seal import Key
from pgmask.cli.audit_verify import PublicKeys
from pgmask.cli.options import Dsn
from pgmask.cli.output import data, many, people
from pgmask.errors import Refused
from pgmask.server import connect, require_dsn


def archive(
    month: Annotated[str, typer.Argument(metavar="MONTH", help="Such as 2025-01 (UTC).")],
    key: Key,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the files go.")],
    table: Annotated[
        list[str] | None,
        typer.Option("--table", help="access, change or activity; repeat it. All without it."),
    ] = None,
    copy: Annotated[
        bool, typer.Option("--copy", help="Only write the files; the rows stay where they are.")
    ] = False,
    dsn: Dsn = None,
) -> None:
    """Write a month of the record to files with a signed manifest, and take it out of the database.

    Only what is past its retention and sealed in full leaves; every row is compared with what was
    sealed before it goes. Keep the files as long as the record: verification reads them.
    """
    signing = keys.read_private(key)
    with connect(require_dsn(dsn), autocommit=True) as connection:
        register_key(connection, signing)
        for name in table or months.MONTHLY:
            signed = months.archive(connection, signing, name, month, out, remove=not copy)
            manifest = signed.manifest
            data(f"{manifest.file}\t{manifest.rows}\t{manifest.sha256}")
            stays = "stays in the database" if copy else "has left the database"
            people.print(f"{name} {month}: {many(manifest.rows, 'row')} archived; it {stays}")


def archived(dsn: Dsn = None) -> None:
    """List the months that were archived: table, month, rows, digest, when, archived or back."""
    with connect(require_dsn(dsn), autocommit=True) as connection:
        away = absent(connection)
        rows = connection.execute(
            "SELECT a.table_name::text, pg_catalog.to_char(a.month, 'YYYY-MM'), a.row_count,"
            " a.digest, a.archived_at FROM pgmask_audit.archive AS a ORDER BY a.month, 1"
        ).fetchall()
    for table, month, count, digest, at in rows:
        place = "archived" if (table, month) in away else "back"
        data(f"{table}\t{month}\t{count}\t{digest}\t{at:%Y-%m-%d}\t{place}")
    if not rows:
        people.print("no month was archived")


def reattach(
    manifest: Annotated[
        Path, typer.Argument(metavar="MANIFEST", help="The manifest; its file lies beside it.")
    ],
    public_key: PublicKeys = None,
    dsn: Dsn = None,
) -> None:
    """Bring an archived month back for an investigation, after it was verified.

    It is part of the record again and nobody may change it; pgmask audit archive takes it out.
    """
    with connect(require_dsn(dsn), autocommit=True) as connection:
        trusted = tuple(keys.read_public(path) for path in public_key or ())
        found, rows = months.reattach(connection, manifest, trusted or registered(connection))
    people.print(f"{found.table} {found.month}: back, as it was sealed: {many(rows, 'row')}")


def retention(
    record_class: Annotated[
        str | None, typer.Argument(metavar="[CLASS]", help="access or handover; all without it.")
    ] = None,
    keep: Annotated[
        str, typer.Option("--keep", metavar="INTERVAL", help="Such as '5 years'.")
    ] = "",
    reason: Annotated[str, typer.Option("--reason", help="Why it is shortened.")] = "",
    dsn: Dsn = None,
) -> None:
    """Show or set how long each class of record is kept; to shorten it needs a reason."""
    if keep and not record_class:
        raise typer.BadParameter("of which class? access or handover", param_hint="--keep")
    if reason and not keep:
        raise typer.BadParameter("a reason goes with --keep", param_hint="--reason")
    with connect(require_dsn(dsn), autocommit=True) as connection:
        known = [
            row[0]
            for row in connection.execute(
                "SELECT r.record_class FROM pgmask_audit.retention AS r ORDER BY 1"
            ).fetchall()
        ]
        if record_class and record_class not in known:
            raise typer.BadParameter("one of: " + ", ".join(known), param_hint="CLASS")
        if record_class and keep:
            try:
                connection.execute(
                    "SELECT pgmask.set_retention(%s, %s::interval, %s)",
                    (record_class, keep, reason or None),
                )
            except psycopg.errors.InvalidDatetimeFormat:
                raise typer.BadParameter("an interval such as '5 years'") from None
            except psycopg.Error as error:
                if error.sqlstate != "PM828":
                    raise
                diag = error.diag
                raise Refused(
                    "PM828", diag.message_primary or "", hint=diag.message_hint or ""
                ) from None
        rows: list[tuple[Any, ...]] = connection.execute(
            "SELECT r.record_class, r.tables, r.keep::text, r.floor::text, r.reason"
            " FROM pgmask_audit.retention AS r WHERE %s::text IS NULL OR r.record_class = %s"
            " ORDER BY 1",
            (record_class, record_class),
        ).fetchall()
    for name, tables, kept, floor, why in rows:
        data(f"{name}\t{kept}\tat least {floor}\t{', '.join(tables)}\t{why or ''}")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("archive")(archive)
    app.command("archived")(archived)
    app.command("reattach")(reattach)
    app.command("retention")(retention)
