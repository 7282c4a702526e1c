"""``pgmask issuer``: the applications that may sign who is asking, and their keys."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from pgmask.cli.options import Dsn, Format, TextFormat
from pgmask.cli.output import data, people
from pgmask.errors import PgmaskError
from pgmask.identity import IssuerKey
from pgmask.runtime import register as runtime
from pgmask.server import connect, require_dsn

Name = Annotated[str, typer.Argument(metavar="NAME", help="The issuer, such as crm-web.")]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="FILE", help="Write the key to a new file, readable by its owner only."
    ),
]


def add(
    name: Name,
    profile: Annotated[
        list[str], typer.Option("--profile", help="A profile it may speak for; repeat it.")
    ],
    dsn: Dsn = None,
    max_ttl: Annotated[
        int, typer.Option("--max-ttl", min=1, max=60, help="Longest life of an assertion, seconds.")
    ] = 60,
    transaction_life: Annotated[
        int,
        typer.Option("--transaction-life", min=1, max=43200, help="How long a transaction goes on"),
    ] = 900,
    service: Annotated[
        list[str] | None,
        typer.Option("--service", help="A service of the register it may speak for; repeat it."),
    ] = None,
    out: Out = None,
) -> None:
    """Register an issuer with exactly these profiles and services and make its first key."""
    with connect(require_dsn(dsn)) as connection:
        runtime.add_issuer(
            connection, name, tuple(profile), max_ttl=max_ttl, transaction_life=transaction_life,
            services=tuple(service or ()),
        )  # fmt: skip
        known = {issuer.issuer: issuer for issuer in runtime.issuers(connection)}
        if known[name].keys and known[name].revoked_at is None:
            people.print("it has a key already; a new one: pgmask issuer rotate " + name)
            return
        _hand_over(runtime.rotate(connection, name), out)


def rotate(
    name: Name,
    dsn: Dsn = None,
    overlap: Annotated[
        int, typer.Option("--overlap", min=0, help="Seconds the key before stays valid.")
    ] = 86400,
    out: Out = None,
) -> None:
    """Make a new key; the one before stays valid for a while, anything older ends."""
    with connect(require_dsn(dsn)) as connection:
        _hand_over(runtime.rotate(connection, name, overlap=overlap), out)


def list_(dsn: Dsn = None, format: Format = TextFormat.text) -> None:
    """List issuers, profiles and keys, without secrets."""
    with connect(require_dsn(dsn)) as connection:
        found = runtime.issuers(connection)
    if format is TextFormat.json:
        data(json.dumps([
            {
                "issuer": i.issuer, "profiles": i.profiles,
                "max_ttl": i.max_ttl.total_seconds(),
                "transaction_life": i.transaction_life.total_seconds(),
                "revoked_at": i.revoked_at and i.revoked_at.isoformat(),
                "keys": [
                    {"key_id": k, "valid_from": a.isoformat(), "valid_to": z and z.isoformat()}
                    for k, a, z in i.keys
                ],
            }
            for i in found
        ], ensure_ascii=False, indent=2))  # fmt: skip
        return
    for issuer in found:
        state = f"revoked {issuer.revoked_at:%Y-%m-%d %H:%M}" if issuer.revoked_at else "honoured"
        data(
            f"{issuer.issuer}  {state}  profiles {', '.join(issuer.profiles)}"
            f"  ttl {issuer.max_ttl.total_seconds():g} s"
        )
        for key_id, begin, end in issuer.keys:
            until = f" until {end:%Y-%m-%d %H:%M:%S}" if end else ""
            data(f"  key {key_id}  from {begin:%Y-%m-%d %H:%M:%S}{until}")


def revoke(name: Name, dsn: Dsn = None) -> None:
    """No longer honour an issuer: its keys end now."""
    with connect(require_dsn(dsn)) as connection:
        was = runtime.revoke(connection, name)
    people.print("revoked" if was else "there is no such issuer, or it was revoked before")


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group = typer.Typer(no_args_is_help=True, help="Applications that may sign who is asking.")
    group.command("add")(add)
    group.command("rotate")(rotate)
    group.command("list")(list_)
    group.command("revoke")(revoke)
    app.add_typer(group, name="issuer")


def _hand_over(key: IssuerKey, out: Path | None) -> None:
    """Give the key away once; before the commit, so that a key nobody has is never valid."""
    if out is None:
        data(key.dump())
        people.print("this is the only time the secret is shown: issuer, key id, secret")
        return
    try:
        handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise PgmaskError(
            "PM501", f"the key file cannot be written: {error.strerror}", where=str(out),
            hint="Nothing was changed. Name a file that does not exist yet.",
        ) from None  # fmt: skip
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(key.dump())
    people.print(f"key {key.key_id} written to {out}", markup=False)
