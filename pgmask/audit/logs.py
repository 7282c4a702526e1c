"""Notes in a server's log: of standbys, and of servers whose wal_level is not logical (G1).

csvlog and jsonlog are read.  A file is known by its first line, so that a rotated or copied one is
the same file, and read from where the record says it was stored to, whole lines only.  What the
extension pgaudit wrote there is taken along where that is asked for: ``pgmask.audit.pgaudit``.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import psycopg
from psycopg.types.json import Jsonb

from pgmask.audit import pgaudit
from pgmask.audit.collect import Visit, told
from pgmask.errors import ServerError

Connection = psycopg.Connection[Any]

MARK: Final = "pgmask note "
_FIELDS: Final = {
    "at": 0, "login": 1, "database": 2, "backend": 3, "address": 4, "message": 13,
    "application": 22,
}  # fmt: skip
"""Where csvlog has what is read, counted from 0."""
_KEYS: Final = {
    "at": "timestamp", "login": "user", "database": "dbname", "backend": "pid",
    "address": "remote_host", "message": "message", "application": "application_name",
}  # fmt: skip
"""How jsonlog calls it."""
_PLAIN: Final = 22
"""The least number of fields in a line of csvlog."""
_LINES: Final = 20_000
_BYTES: Final = 32 * 1024 * 1024
"""A bite ends after so many lines, or so many bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bite:
    """Notes of one stretch of a file, and what pgaudit wrote there; start, end: bytes."""

    start: int
    end: int
    notes: tuple[str, ...]
    audited: tuple[pgaudit.Audited, ...] = ()


def files(paths: Iterable[Path]) -> tuple[Path, ...]:
    """The logs that are meant: files as they are, of a folder every csv and json, the oldest first.

    Raises ServerError PM816 for what is not there, and for a folder without one.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = [p for p in path.iterdir() if p.suffix in (".csv", ".json") and p.is_file()]
            if not inside:
                raise ServerError("PM816", f"there is neither csvlog nor jsonlog in {path}")
            found += sorted(inside, key=lambda p: (p.stat().st_mtime, p.name))
        elif path.is_file():
            found.append(path)
        else:
            raise ServerError("PM816", f"there is no log {path}")
    return tuple(found)


def collect_file(
    connection: Connection, path: Path, node: str, *, with_pgaudit: bool = False
) -> Visit:
    """Store the notes of a file that are not stored yet.

    node: the server's name in the record; with_pgaudit: take along what pgaudit wrote of this
    database.  Raises ServerError: PM816 not a log that can be read,
    PM817 this login does not collect.
    """
    total = Visit()
    with path.open("rb") as log:
        name = identity(log)
        if name is None:
            return total
        try:
            row = connection.execute(
                "SELECT pgmask_private.log_position(%s, %s)", (node, name)
            ).fetchone()
            database = connection.info.dbname if with_pgaudit else None
            for bite in bites(log, path, row[0] if row else 0, database):
                done = connection.execute(
                    "SELECT c.stored, c.folded, c.rejected"
                    "  FROM pgmask_private.collect_log(%s, %s, %s, %s, %s, %s) AS c",
                    (
                        node, name, bite.start, bite.end, list(bite.notes),
                        Jsonb([a.as_row() for a in bite.audited]),
                    ),
                ).fetchone()  # fmt: skip
                if done is None or done[0] is None:
                    break  # somebody else reads the same file
                total = total + Visit(stored=done[0], folded=done[1], rejected=done[2])
        except psycopg.Error as error:
            raise told(error) from error
    return total


def identity(log: IO[bytes]) -> str | None:
    """What names the file whatever it is called: a digest of its first line; None: none yet."""
    log.seek(0)
    first = log.readline()
    if not first.endswith(b"\n"):
        return None
    return hashlib.sha256(first).hexdigest()[:16]


def bites(log: IO[bytes], path: Path, start: int, database: str | None = None) -> Iterator[Bite]:
    """The rest of a file from ``start`` on, in stretches of whole lines.

    database: take along what pgaudit wrote of it.
    """
    log.seek(0)
    as_json = log.read(1) == b"{"
    log.seek(start)
    notes: list[str] = []
    audited: list[pgaudit.Audited] = []
    begin, end, count = start, start, 0
    for record in _records(log, as_json):
        if not count:
            _entry(record, path, as_json)
        end += len(record)
        count += 1
        if MARK.encode() in record or (database is not None and pgaudit.MARK.encode() in record):
            entry = _entry(record, path, as_json)
            message = entry["message"]
            if message.startswith(MARK):
                notes.append(message[len(MARK) :])
            elif database is not None and entry["database"] == database:
                found = pgaudit.parsed(entry)
                audited += [found] if found is not None else []
        if count == _LINES or end - begin >= _BYTES:
            yield Bite(start=begin, end=end, notes=tuple(notes), audited=tuple(audited))
            begin, count, notes, audited = end, 0, [], []
    if end > begin:
        yield Bite(start=begin, end=end, notes=tuple(notes), audited=tuple(audited))


def _records(log: IO[bytes], as_json: bool) -> Iterator[bytes]:
    """Whole records; in csvlog a quoted field goes over lines. A torn one at the end is left."""
    held = b""
    for line in log:
        held += line
        if not line.endswith(b"\n"):
            return
        if as_json or held.count(b'"') % 2 == 0:
            yield held
            held = b""


def _entry(record: bytes, path: Path, as_json: bool) -> dict[str, str]:
    """What is read of a record. Raises ServerError PM816 where it is none of these logs'."""
    text = record.decode("utf-8", "replace")
    try:
        if as_json:
            given = json.loads(text)
            return {name: str(given.get(key) or "") for name, key in _KEYS.items()}
        (fields,) = csv.reader(io.StringIO(text, newline=""))
        if len(fields) < _PLAIN:
            raise ValueError
        return {n: fields[at] if at < len(fields) else "" for n, at in _FIELDS.items()}
    except (ValueError, csv.Error, AttributeError) as error:
        raise ServerError("PM816", f"{path} is neither csvlog nor jsonlog") from error
