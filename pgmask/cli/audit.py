"""``pgmask audit``: collect, seal and verify the record, answer its alerts, archive old months."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Final, Protocol, cast

import typer

_PARTS: Final = (
    "audit_collect", "audit_seal", "audit_verify", "audit_archive", "audit_alerts",
    "audit_texts",
)  # fmt: skip
_HELP: Final = """\
The record of who read, changed and was refused what.

[b]collect[/b] moves notes into the record, [b]seal[/b] signs what is there, \
[b]verify[/b] proves that nothing was edited, deleted or inserted.
"""


class _Part(Protocol):
    def register(self, app: typer.Typer) -> None: ...


def register(app: typer.Typer) -> None:
    """Add ``audit`` with its commands."""
    group = typer.Typer(help=_HELP, no_args_is_help=True, rich_markup_mode="rich")
    for part in _PARTS:
        name = f"pgmask.cli.{part}"
        if importlib.util.find_spec(name) is not None:
            cast(_Part, importlib.import_module(name)).register(group)
    app.add_typer(group, name="audit")
