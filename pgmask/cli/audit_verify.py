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

from pgmask.audit import anchors, keys
from pgmask.audit import verify as verifying
from pgmask.audit.export import Proof, prove
from pgmask.audit.export import export as write_export
from pgmask.audit.tables import BY_NAME
from pgmask.cli.options import Dsn, Format, TextFormat
from pgmask.cli.output import data, people
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
    proof: Annotated[
        Path | None,
        typer.Option("--proof", metavar="FILE", help="Check this proof only; no database is used."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that read rows.")] = 2,
    format: Format = TextFormat.text,
) -> None:
    """Prove that no row was edited, deleted, inserted or moved since it was sealed.

    Names every row that was. Exit code 2 with findings. Bring the public key and an anchor that the
    database's administrators could not change.
    """
    trusted = tuple(keys.read_public(path) for path in public_key or ())
    if proof is not None:
        _check_proof(proof, trusted)
        return
    where = require_dsn(dsn)
    with _bar("verify") as show:
        report = verifying.verify(
            where, keys=trusted, first=first, last=last, anchors=anchors.read(anchor or ()),
            archives=None if archives is None else str(archives), workers=workers, progress=show,
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
        for finding in report.findings:
            data(str(finding))
        for note in report.notes:
            people.print(note, markup=False)
        _summary(report)
    if report.findings:
        raise typer.Exit(2)


def _summary(report: verifying.Report) -> None:
    waiting = sum(report.unsealed.values())
    people.print(
        f"{report.batches:,} batches with {report.rows:,} rows; {waiting:,} rows are not sealed"
        f" yet; head {report.head or '-'}"
    )
    if report.findings:
        people.print(f"{len(report.findings):,} findings", style="bold red")
    else:
        people.print("Everything is as it was sealed.", style="green")


def _check_proof(path: Path, trusted: tuple[keys.PublicKey, ...]) -> None:
    if not trusted:
        raise typer.BadParameter("a proof needs a key that you trust", param_hint="--public-key")
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise PgmaskError("PM830", "a proof cannot be read", where=str(path)) from None
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
    with connect(require_dsn(dsn), autocommit=True) as connection:
        connection.execute(
            "SELECT pgmask_private.seal_note('command', 'audit export', %s)",
            (Jsonb({"from": first, "to": last}),),
        )
        with _bar("export") as show:
            done = write_export(connection, folder, first=first, last=last, progress=show)
    people.print(f"{done:,} batches written to {folder}", markup=False)


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
        console=people, transient=True,
    )  # fmt: skip
    with progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("verify")(verify)
    app.command("export")(export)
    app.command("proof")(proof)
