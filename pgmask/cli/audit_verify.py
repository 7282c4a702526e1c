"""``pgmask audit verify``, ``export`` and ``proof``: that the record is what was signed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from psycopg.types.json import Jsonb
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pgmask.audit import anchors, keys, restored
from pgmask.audit import verify as verifying
from pgmask.audit.export import Proof, prove
from pgmask.audit.export import export as write_export
from pgmask.audit.finding import Finding
from pgmask.audit.seal import read_state, snapshot, unsealed
from pgmask.audit.tables import BY_NAME, Connection
from pgmask.cli.audit_told import changes_told
from pgmask.cli.options import Dsn, Format, TextFormat
from pgmask.cli.output import data, many, people
from pgmask.errors import PgmaskError
from pgmask.server import connect, require_dsn

From = Annotated[int, typer.Option("--from", min=1, metavar="BATCH", help="The first batch.")]
To = Annotated[
    int | None, typer.Option("--to", min=1, metavar="BATCH", help="The last batch; else all.")
]
PublicKeys = Annotated[
    list[Path] | None,
    typer.Option("--public-key", metavar="FILE", help="A key that you trust; repeat it."),
]


def verify(
    dsn: Dsn = None,
    first: From = 1,
    last: To = None,
    public_key: PublicKeys = None,
    anchor: Annotated[
        list[str] | None,
        typer.Option("--anchor", metavar="PLACE", help="A file or s3://BUCKET/PREFIX with heads."),
    ] = None,
    tsa_root: Annotated[
        list[Path] | None,
        typer.Option("--tsa-root", metavar="FILE", help="Certificate of a time stamping service."),
    ] = None,
    archives: Annotated[
        Path | None, typer.Option("--archives", metavar="DIR", help="Where archived months are.")
    ] = None,
    acknowledge_restore: Annotated[
        list[int] | None,
        typer.Option(
            "--acknowledge-restore",
            metavar="ERA",
            help="You know of the restore that began this era: heads of what it took back are no"
            " findings. Repeat it.",
        ),
    ] = None,
    proof: Annotated[
        Path | None,
        typer.Option("--proof", metavar="FILE", help="Check this proof only; no database is used."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that read rows.")] = 2,
    all_: Annotated[
        bool, typer.Option("--all", help="Name every change of what protects the record.")
    ] = False,
    format: Format = TextFormat.text,
) -> None:
    """Prove that no row was edited, deleted, inserted or moved since it was sealed.

    Names every row that was. Exit code 2 with findings. Bring the public key and an anchor that the
    database's administrators could not change.
    """
    if last is not None and last < first:
        raise typer.BadParameter("it ends before it begins", param_hint="--from and --to")
    if archives is not None and not archives.is_dir():
        raise typer.BadParameter(f"folder {archives} does not exist", param_hint="--archives")
    trusted = tuple(keys.read_public(path) for path in public_key or ())
    if proof is not None:
        _check_proof(proof, trusted)
        return
    where = require_dsn(dsn)
    brought = {place: anchors.read([place]) for place in anchor or ()}
    heads = tuple(head for some in brought.values() for head in some)
    said: list[str] = []
    with connect(where, autocommit=True) as connection:
        said += _superuser(connection)
        for era in acknowledge_restore or ():
            ring = keys.ring(trusted or verifying.registered(connection))
            heads, words = restored.excused(connection, heads, era, ring)
            said.append(words)
    with _bar("verify") as show:
        report = verifying.verify(
            where, keys=trusted, first=first, last=last, anchors=heads,
            archives=None if archives is None else str(archives), workers=workers, progress=show,
        )  # fmt: skip
    if anchor:
        # One was given, whatever it held.
        said += [note for note in report.notes if not note.startswith("No anchor was given")]
    else:
        said += report.notes
    report.notes = said + _other_keys(report, trusted)
    report.findings += tuple(
        Finding(batch=0, kind="anchor", detail=f"{place} holds no head")
        for place, some in brought.items() if not some
    )  # fmt: skip
    if tsa_root:
        with connect(where, autocommit=True) as connection:
            report.findings += verifying.check_timestamps(
                connection, [path.read_bytes() for path in tsa_root], report.notes
            )
    if format is TextFormat.json:
        data(json.dumps({
            "batches": report.batches, "rows": report.rows, "head": report.head,
            "unsealed": report.unsealed, "notes": report.notes,
            "findings": [asdict(f) | {"says": str(f)} for f in report.findings],
        }, ensure_ascii=False, indent=2))  # fmt: skip
    else:
        for note in changes_told(report.notes, all_=all_):
            people.print(note, markup=False)
        for finding in report.findings:
            data(str(finding))
        _summary(report)
    if report.findings:
        raise typer.Exit(2)
    if not report.batches:
        raise _nothing(report, first, last)


def _summary(report: verifying.Report) -> None:
    waiting = sum(report.unsealed.values())
    people.print(
        f"{many(report.batches, 'batch', 'batches')} with {many(report.rows, 'row')}; not sealed"
        f" yet: {many(waiting, 'row')}; head {report.head or '-'}"
    )
    if report.findings:
        people.print(many(len(report.findings), "finding"), style="bold red")
    elif report.batches:
        people.print("Everything is as it was sealed.", style="green")


def _nothing(report: verifying.Report, first: int, last: int | None) -> PgmaskError:
    if first > 1 or last is not None:
        upto = "" if last is None else f" to {last}"
        return PgmaskError("PM833", f"there is no batch from {first}{upto}")
    waiting = many(sum(report.unsealed.values()), "row")
    return PgmaskError("PM833", f"nothing is sealed yet: {waiting} may be changed unseen")


def _superuser(connection: Connection) -> list[str]:
    row = connection.execute(
        "SELECT r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user"
    ).fetchone()
    return [
        "This login is a superuser: code that somebody put into the place of a table ran with its"
        " rights. Verify as a member of pgmask_collector."
    ] if row and row[0] else []  # fmt: skip


def _other_keys(report: verifying.Report, trusted: tuple[keys.PublicKey, ...]) -> list[str]:
    """Which keys the batches name, where those that were brought are others."""
    named = sorted({f.detail for f in report.findings if f.kind == "signature"})
    if not named or not trusted:
        return []
    mine = ", ".join(sorted(key.key_id for key in trusted))
    return [f"Batches name {', '.join(named)}; you brought {mine}."]


def _check_proof(path: Path, trusted: tuple[keys.PublicKey, ...]) -> None:
    if not trusted:
        raise typer.BadParameter("a proof needs a key that you trust", param_hint="--public-key")
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise PgmaskError(
            "PM830", f"a proof cannot be read: {why}", where=str(path),
            hint="Name the file that pgmask audit proof TABLE ID > FILE made.",
        ) from None  # fmt: skip
    proof = Proof.parse(text)
    if not proof.holds(keys.ring(trusted)):
        data(f"{proof.table} {proof.number}: the proof does not hold")
        raise typer.Exit(2)
    data(f"{proof.table} {proof.number}: sealed as this line, in a batch signed by a trusted key")
    data(proof.line)


def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder.")],
    dsn: Dsn = None,
    first: From = 1,
    last: To = None,
) -> None:
    """Write headers and rows into a folder that an auditor verifies on a machine of his own.

    With verify_record.py, Python and the public key alone; docs/reference/record-format.md tells
    the form. The export holds the record itself: keep it as such.
    """
    if last is not None and last < first:
        raise typer.BadParameter("it ends before it begins", param_hint="--from and --to")
    with connect(require_dsn(dsn), autocommit=True) as connection:
        connection.execute(
            "SELECT pgmask_private.seal_note('command', 'audit export', %s)",
            (Jsonb({"from": first, "to": last}),),
        )
        with _bar("export") as show:
            done = write_export(connection, folder, first=first, last=last, progress=show)
        with snapshot(connection):
            waiting = sum(unsealed(connection, read_state(connection)).values())
    people.print(f"{many(done, 'batch', 'batches')} written to {folder}", markup=False)
    if waiting:
        people.print(f"not sealed yet, and so not in it: {many(waiting, 'row')}", style="yellow")


def proof(
    table: Annotated[str, typer.Argument(metavar="TABLE", help=", ".join(BY_NAME))],
    number: Annotated[int, typer.Argument(metavar="ID", help="The number of the row.")],
    dsn: Dsn = None,
) -> None:
    """Print the proof that one event is in a signed batch: the line, the path, the header.

    It shows nothing of other events. Check it with pgmask audit verify --proof FILE --public-key
    FILE.
    """
    with connect(require_dsn(dsn), autocommit=True) as connection:
        data(prove(connection, table, number).json())


@contextmanager
def _bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar over batches on stderr."""
    progress = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=people, transient=True, disable=not people.is_terminal,
    )  # fmt: skip
    with progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("verify")(verify)
    app.command("export")(export)
    app.command("proof")(proof)
