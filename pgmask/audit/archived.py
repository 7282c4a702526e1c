"""Archived months: the manifest beside the file, and whether both are what batches sealed."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from pgmask.audit import merkle
from pgmask.audit.batch import Header
from pgmask.audit.finding import Finding
from pgmask.audit.keys import PublicKey, SigningKey
from pgmask.audit.leaving import left
from pgmask.audit.tables import Connection
from pgmask.errors import PgmaskError
from pgmask.hashing import canonical_json

FORMAT: Final = "pgmask-archive-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedPart:
    """The rows of one batch in the file, in its order; as ``batch.Part``."""

    batch: int
    carried: bool
    rows: int
    root: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What an archive of one month of one table holds.

    file: its name; sha256: of the lines, not compressed; columns: of a line, in order; parts: in
    the file's order; removed: whether the month leaves the database, False: a copy.
    """

    table: str
    month: str
    rows: int
    file: str
    sha256: str
    columns: tuple[str, ...]
    parts: tuple[ArchivedPart, ...]
    made_at: str
    system: str
    key: str
    removed: bool
    format: str = FORMAT

    def text(self) -> str:
        """What is signed."""
        return canonical_json(self)

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Manifest:
        """The manifest of its JSON. Raises PgmaskError PM830."""
        try:
            given = dict(found)
            parts = tuple(ArchivedPart(**part) for part in given.pop("parts"))
            columns = tuple(str(c) for c in given.pop("columns"))
            made = cls(parts=parts, columns=columns, **given)
        except (TypeError, KeyError, ValueError):
            raise PgmaskError("PM830", "a manifest cannot be read") from None
        if (
            made.format != FORMAT or Path(made.file).name != made.file
            or type(made.removed) is not bool
        ):  # fmt: skip
            raise PgmaskError("PM830", "a manifest is of a form that this version does not know")
        return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A manifest with its signature."""

    manifest: Manifest
    signature: str

    @classmethod
    def by(cls, manifest: Manifest, key: SigningKey) -> Signed:
        """Sign it."""
        return cls(manifest=manifest, signature=key.sign(manifest.text().encode()).hex())

    @classmethod
    def of(cls, found: Any) -> Signed:
        """Of the JSON that lies beside the file and in ``pgmask_audit.archive``."""
        if not isinstance(found, dict) or not isinstance(found.get("manifest"), dict):
            raise PgmaskError("PM830", "a manifest cannot be read")
        return cls(manifest=Manifest.of(found["manifest"]), signature=str(found.get("signature")))

    @classmethod
    def read(cls, path: Path) -> Signed:
        """Of the file of the manifest."""
        try:
            return cls.of(json.loads(path.read_text("utf-8")))
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no manifest"
            raise PgmaskError(
                "PM830", f"a manifest cannot be read: {why}", where=str(path),
                hint="TABLE-MONTH.manifest.json as pgmask audit archive wrote it, its file beside.",
            ) from None  # fmt: skip

    def json(self) -> str:
        """As it is kept."""
        return canonical_json({"manifest": self.manifest, "signature": self.signature})

    def signed_by(self, keys: Mapping[str, PublicKey]) -> bool:
        """Whether one of these keys signed it."""
        key = keys.get(self.manifest.key)
        try:
            return key is not None and key.holds(
                bytes.fromhex(self.signature), self.manifest.text().encode()
            )
        except ValueError:
            return False


@dataclass(slots=True)
class Lines:
    """The lines of an archive's file; ``whole`` once all of it was read and agrees."""

    folder: Path
    manifest: Manifest
    whole: bool = False
    wrong: list[ArchivedPart] = field(default_factory=list)

    def __iter__(self) -> Iterator[bytes]:
        """Every line, checked on the way; parts that are not their root are in ``wrong`` then."""
        total, rows = sha256(), 0
        try:
            with gzip.open(self.folder / self.manifest.file, "rb") as file:
                for part in self.manifest.parts:
                    tree, pending = merkle.Tree(), []
                    for _ in range(part.rows):
                        line = file.readline()
                        total.update(line)
                        rows += bool(line)
                        pending.append(line)
                        if len(pending) == merkle.BLOCK:
                            tree.extend(merkle.leaves(pending))
                            pending.clear()
                        yield line
                    tree.extend(merkle.leaves(pending))
                    if tree.root().hex() != part.root:
                        self.wrong.append(part)
                rest = file.read(1)
        except (OSError, EOFError, zlib.error):
            raise PgmaskError(
                "PM830", "the file of an archive cannot be read",
                where=str(self.folder / self.manifest.file),
            ) from None  # fmt: skip
        self.whole = (
            not rest and not self.wrong and rows == self.manifest.rows
            and total.hexdigest() == self.manifest.sha256
        )  # fmt: skip


def absent(
    connection: Connection, keys: Mapping[str, PublicKey] | None = None
) -> dict[tuple[str, str], int]:
    """Months that were archived and are not in the database: the last batch that the archive has.

    Batches after it may have rows of the month that came late. By table and ``YYYY-MM``; 0 where
    none of the keys signed the manifest, None: whoever signed it.
    """
    rows = connection.execute(
        "SELECT a.table_name::text, pg_catalog.to_char(a.month, 'YYYY-MM'), a.manifest"
        " FROM pgmask_audit.archive AS a WHERE pg_catalog.to_regclass(pg_catalog.concat("
        "'pgmask_audit.', a.table_name, '_', pg_catalog.to_char(a.month, 'YYYY_MM'))) IS NULL"
        " ORDER BY 1, 2"
    ).fetchall()
    found: dict[tuple[str, str], int] = {}
    for table, month, content in rows:
        try:
            signed = Signed.of(content)
            trusted = keys is None or signed.signed_by(keys)
            last = max((int(part.batch) for part in signed.manifest.parts), default=0)
        except (PgmaskError, TypeError, ValueError):
            trusted, last = False, 0
        found[(table, month)] = last if trusted else 0
    return found


def manifest_of(connection: Connection, table: str, month: str) -> Signed | None:
    """The signed manifest of an archived month."""
    row = connection.execute(
        "SELECT a.manifest FROM pgmask_audit.archive AS a"
        " WHERE a.table_name = %s AND a.month = %s::date",
        (table, f"{month}-01"),
    ).fetchone()
    return Signed.of(row[0]) if row else None


def check(
    connection: Connection, headers: Sequence[Header], away: Mapping[tuple[str, str], int],
    keys: Mapping[str, PublicKey], folder: str | None, notes: list[str], *,
    chain: Sequence[Header] = (),
) -> Iterator[Finding]:  # fmt: skip
    """Whether each archived month is what these batches sealed, and left as a month may leave.

    folder: where the files are; without it the signed manifests stand for them, and notes say so.
    chain: all batches, by which it is known what retention held; without them it is not asked.
    """
    batches = {header.batch for header in headers}
    for (table, month), upto in sorted(away.items()):
        place = f"{month}"
        try:
            signed = manifest_of(connection, table, month)
        except PgmaskError:
            signed = None
        if signed is None or not signed.signed_by(keys):
            detail = f"{place}: no trusted key signed its manifest"
            yield Finding(batch=0, kind="archive", table=table, detail=detail)
            continue
        then = {
            (header.batch, part.carried): (part.rows, part.root)
            for header in headers
            if header.batch <= upto
            for part in header.parts
            if (part.table, part.month) == (table, month)
        }
        held = {
            (part.batch, part.carried): (part.rows, part.root)
            for part in signed.manifest.parts
            if part.batch in batches
        }
        for batch, carried in sorted({*then, *held}):
            if then.get((batch, carried)) != held.get((batch, carried)):
                yield Finding(batch=batch, kind="archive", table=table, detail=place)
        for wrong in left(connection, signed.manifest, away, chain, notes):
            detail = f"{place}: {wrong}"
            yield Finding(batch=0, kind="archive", table=table, detail=detail)
        if folder is None:
            notes.append(
                f"{table} {place} was archived; its manifest agrees, its file was not read"
            )
            continue
        yield from _check_file(signed, Path(folder), notes)


def _check_file(signed: Signed, folder: Path, notes: list[str]) -> Iterator[Finding]:
    manifest = signed.manifest
    read = Lines(folder, manifest)
    try:
        for _ in read:
            pass
    except PgmaskError:
        detail = f"{manifest.month}: {manifest.file} cannot be read"
        yield Finding(batch=0, kind="archive", table=manifest.table, detail=detail)
        return
    for part in read.wrong:
        detail = f"{manifest.month}: its rows in {manifest.file}"
        yield Finding(batch=part.batch, kind="archive", table=manifest.table, detail=detail)
    if not read.whole and not read.wrong:
        detail = f"{manifest.month}: {manifest.file} is cut or has more"
        yield Finding(batch=0, kind="archive", table=manifest.table, detail=detail)
    if read.whole:
        notes.append(f"{manifest.table} {manifest.month} was archived; its file holds")
