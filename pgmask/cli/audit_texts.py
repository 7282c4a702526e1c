"""``pgmask audit text-key``: to whom the text of statements is encrypted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from pgmask.cli.options import Dsn
from pgmask.cli.output import data, people
from pgmask.errors import KeyFault
from pgmask.report.run import refusals
from pgmask.server import connect, require_dsn

_HELP: Final = """\
The OpenPGP key of the auditors. Profiles with audit_text: true note the text of their statements \
encrypted to it; this server cannot read it again.
"""


def set_(
    path: Annotated[
        Path, typer.Argument(metavar="FILE", help="An armored public key: gpg --armor --export KEY")
    ],
    dsn: Dsn = None,
) -> None:
    """Give the auditors' public key, as an auditor; print its id. The record says who gave it."""
    try:
        key = path.read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not armored text"
        raise KeyFault("PM805", f"the key cannot be read: {reason}", where=str(path)) from None
    if "PUBLIC KEY BLOCK" not in key or "PRIVATE KEY" in key:
        # Refused here, so that a private key is never sent.
        raise KeyFault(
            "PM805", "the file is no armored public key", where=str(path),
            hint="gpg --armor --export KEY",
        )  # fmt: skip
    with connect(require_dsn(dsn)) as connection, refusals():
        row = connection.execute("SELECT pgmask_report.set_text_key(%s)", (key,)).fetchone()
        connection.commit()
    data(row[0] if row is not None else "")
    people.print(
        "Profiles with audit_text: true note their statements encrypted to this key. Read them:\n"
        "pgmask report statement_texts --from DAY --to DAY --format json",
        markup=False,
    )


def register(group: typer.Typer) -> None:
    """Add ``text-key``."""
    app = typer.Typer(help=_HELP, no_args_is_help=True)
    app.command("set")(set_)
    group.add_typer(app, name="text-key")
