"""Old months leave the database: a file of lines, a signed manifest, and the way back."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

import psycopg
from psycopg.types.json import Jsonb

from pgmask.audit import archived
from pgmask.audit.archived import ArchivedPart, Lines, Manifest, Signed
from pgmask.audit.batch import Header
from pgmask.audit.chain import chunks_of, lines_of, links_of
from pgmask.audit.keys import PublicKey, SigningKey, ring
from pgmask.audit.rows import batches, read_makers
from pgmask.audit.seal import read_state, snapshot
from pgmask.audit.tables import BY_NAME, TABLES, Connection
from pgmask.errors import PgmaskError, Refused

MONTHLY: Final = tuple(table.name for table in TABLES if table.monthly)
_LOCK_TIMEOUT: Final = "10s"

Progress = Callable[[int, int], None]


def archive(
    connection: Connection, key: SigningKey, table: str, month: str, folder: Path, *,
    remove: bool = True, progress: Progress | None = None,
) -> Signed:  # fmt: skip
    """Write a month of a table as lines and manifest, then take it out of the database.

    month: ``YYYY-MM``; folder: where ``TABLE-MONTH.lines.gz`` and ``.manifest.json`` go; remove:
    False leaves the rows. What is written is compared with what batches sealed before anything is
    removed. connection: autocommit, of a member of pgmask_record_sealer.
    Raises Refused PM825; PgmaskError PM830 where the files are there already.
    """
    require_month(table, month)
    _require_over(month)
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{table}-{month}.lines.gz"
    beside = folder / f"{table}-{month}.manifest.json"
    if (folder / name).exists() or beside.exists():
        raise PgmaskError(
            "PM830", "the archive is there already", where=str(folder / name),
            hint="Name another folder; an archive is never written over.",
        )  # fmt: skip
    fresh = folder / f".{name}.new"
    try:
        digest, parts = _write(connection, table, month, fresh, progress)
        manifest = Manifest(
            table=table, month=month, rows=sum(part.rows for part in parts), file=name,
            sha256=digest, columns=BY_NAME[table].columns, parts=parts,
            made_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            system=read_state(connection).system, key=key.public.key_id,
        )  # fmt: skip
        signed = Signed.by(manifest, key)
        fresh.rename(folder / name)
        _keep(beside, signed.json())
    except BaseException:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise
    try:
        with connection.transaction():
            connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
            connection.execute(
                "SELECT pgmask_private.archive_month(%s, %s::date, %s, %s, %s)",
                (table, f"{month}-01", digest, Jsonb(json.loads(signed.json())), remove),
            )
    except psycopg.Error as error:
        # Files of a month that stays would be taken for its archive.
        (folder / name).unlink()
        beside.unlink()
        raise _refused(error) from None
    return signed


def _write(
    connection: Connection, table: str, month: str, path: Path, progress: Progress | None
) -> tuple[str, tuple[ArchivedPart, ...]]:
    """The lines of the month, batch by batch; every batch must hold."""
    links = [link for link in links_of(connection, None) if link.header is not None]
    total, parts = sha256(), list[ArchivedPart]()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as raw:
        # No time in the head of the file: the same rows give the same bytes.
        with gzip.GzipFile(fileobj=raw, mode="wb", mtime=0) as out:
            for chunk in chunks_of(links, lines_of(links)):
                with snapshot(connection):
                    headers = [
                        Header.parse(b.text) for b in batches(connection, chunk.first, chunk.last)
                    ]
                    makers = read_makers(
                        connection, chunk.line, headers, keep=True, tables=[BY_NAME[table]],
                        month=month,
                    )  # fmt: skip
                for header in headers:
                    for part in header.parts:
                        if (part.table, part.month) != (table, month):
                            continue
                        maker = makers.pop((header.batch, table, month, part.carried), None)
                        if maker is None or maker.made()[0].root != part.root:
                            raise _not_as_sealed(table, month, header.batch)
                        for line in maker.kept or ():
                            total.update(line)
                            out.write(line)
                        parts.append(
                            ArchivedPart(
                                batch=header.batch, carried=part.carried, rows=part.rows,
                                root=part.root,
                            )
                        )  # fmt: skip
                if makers:
                    raise _not_as_sealed(table, month, min(makers)[0])
                if progress:
                    progress(chunk.last, links[-1].batch)
        raw.flush()
        os.fsync(raw.fileno())
    return total.hexdigest(), tuple(parts)


def _not_as_sealed(table: str, month: str, batch: int) -> Refused:
    return Refused(
        "PM825", f"{month} of {table} is not as batch {batch} sealed it",
        hint="pgmask audit verify names what is wrong. Nothing was removed.",
    )  # fmt: skip


def reattach(
    connection: Connection, manifest_file: Path, keys: tuple[PublicKey, ...]
) -> tuple[Manifest, int]:
    """Bring an archived month back from its manifest and the file beside it; gives the rows.

    It is a partition of its table again, which nobody may change; it leaves by ``archive``.
    Raises PgmaskError PM826 when signature, file or batches do not agree, PM827, PM830.
    """
    signed = Signed.read(manifest_file)
    manifest = signed.manifest
    require_month(manifest.table, manifest.month)
    table, month = BY_NAME[manifest.table], manifest.month
    if not signed.signed_by(ring(keys)):
        raise PgmaskError("PM826", "no trusted key signed the manifest", where=str(manifest_file))
    if manifest.columns != table.columns:
        raise PgmaskError("PM826", "the archive has other columns", where=str(manifest_file))
    kept = archived.manifest_of(connection, table.name, month)
    if kept is not None and kept.manifest.sha256 != manifest.sha256:
        raise PgmaskError("PM826", "another archive of this month was noted", where=month)
    away = {(table.name, month): max((part.batch for part in manifest.parts), default=0)}
    headers = [link.header for link in links_of(connection, None, away) if link.header]
    differing = list(
        archived.check(
            connection, headers, away, ring(keys), str(manifest_file.parent), []
        )
    ) if kept is not None else []  # fmt: skip
    if differing:
        raise PgmaskError("PM826", "the archive does not hold", where=str(manifest_file),
                          detail="\n".join(map(str, differing)))  # fmt: skip
    read = Lines(manifest_file.parent, manifest)
    try:
        with connection.transaction():
            row = connection.execute(
                "SELECT pgmask_private.reattach_begin(%s, %s::date)", (table.name, f"{month}-01")
            ).fetchone()
            name = str(row[0]) if row else ""
            query = f"COPY pgmask_audit.{name} ({', '.join(table.columns)}) FROM STDIN"
            connection.execute("SET LOCAL client_encoding = 'UTF8'")
            connection.execute("SET LOCAL datestyle = 'ISO, MDY'")
            with connection.cursor() as cursor, cursor.copy(query.encode()) as into:
                for line in read:
                    into.write(line)
            if not read.whole:
                raise PgmaskError("PM826", "the file does not hold", where=manifest.file)
            done = connection.execute(
                "SELECT pgmask_private.reattach_end(%s, %s::date)", (table.name, f"{month}-01")
            ).fetchone()
    except psycopg.Error as error:
        raise _refused(error) from None
    return manifest, int(done[0]) if done else 0


def require_month(table: str, month: str) -> None:
    """Raises Refused PM825 unless the table is kept by months and the month is ``YYYY-MM``."""
    if table not in MONTHLY:
        raise Refused(
            "PM825", f"{table} is not kept by months", hint="One of: " + ", ".join(MONTHLY)
        )
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month):
        raise Refused("PM825", "a month is written as 2025-01")


def _require_over(month: str) -> None:
    year, number = (int(part) for part in month.split("-"))
    end = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)
    if end > datetime.now(UTC):
        raise Refused(
            "PM825",
            f"{month} is not over",
            hint=f"It can be archived from {end:%Y-%m-%d} (UTC) on.",
        )


def _keep(path: Path, text: str) -> None:
    with path.open("x", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())


def _refused(error: psycopg.Error) -> Exception:
    if error.sqlstate in ("PM825", "PM826", "PM827"):
        diag = error.diag
        return Refused(error.sqlstate, diag.message_primary or "", hint=diag.message_hint or "")
    return error
