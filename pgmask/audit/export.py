"""An export of the record that can be verified elsewhere, and the proof of a single event.

A folder: ``batches.jsonl`` with the headers as they were signed, and a file of lines per table.
``examples/verify/verify_record.py`` verifies it with the public key alone; the form is told in
``docs/reference/record-format.md``.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pgmask.audit import archived, merkle
from pgmask.audit.batch import Batch, Header
from pgmask.audit.chain import Line, chunks_of, lines_of, links_of
from pgmask.audit.keys import PublicKey
from pgmask.audit.rows import Away, batches, read_makers, stored_index
from pgmask.audit.seal import snapshot
from pgmask.audit.tables import BY_NAME, TABLES, Connection
from pgmask.errors import PgmaskError
from pgmask.hashing import canonical_json

PROOF: Final = "pgmask-proof-1"


def export(
    connection: Connection, folder: Path, *, first: int = 1, last: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> int:  # fmt: skip
    """Write batches ``first`` to ``last`` and their rows into a new folder; gives how many batches.

    Folder and files are for this account alone. connection: autocommit.
    Raises PgmaskError PM830 when the folder is there already; OSError.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        raise PgmaskError(
            "PM830", "the folder is there already", where=str(folder), hint="Name a new one."
        ) from None
    away = archived.absent(connection)
    links = [link for link in links_of(connection, last) if link.header is not None]
    known = lines_of(links)
    mine = [link for link in links if link.batch >= first]
    done = 0
    with ExitStack() as stack:
        heads = stack.enter_context(
            open(folder / "batches.jsonl", "w", encoding="utf-8", opener=_mine)
        )
        files = {
            table.name: stack.enter_context(
                open(folder / f"{table.name}.lines", "wb", opener=_mine)
            )
            for table in TABLES
        }
        for chunk in chunks_of(mine, known):
            with snapshot(connection):
                made = batches(connection, chunk.first, chunk.last)
                headers = [Header.parse(batch.text) for batch in made]
                makers = read_makers(connection, chunk.line, headers, keep=True)
                for batch, header in zip(made, headers, strict=True):
                    heads.write(_head(connection, batch, header, away))
                    places = {
                        (part.table, part.month, part.carried): str(n)
                        for n, part in enumerate(header.parts)
                    }
                    for key in sorted(k for k in makers if k[0] == header.batch):
                        _, table, month, carried = key
                        # A row that no part knows is told as such, with a dash.
                        place = places.get((table, month, carried), "-")
                        maker = makers.pop(key)
                        maker.made()
                        before = f"{header.batch}\t{place}\t".encode()
                        files[table].writelines(before + line for line in maker.kept or ())
            done += len(made)
            if progress:
                progress(done, len(mine))
    return done


def _mine(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_EXCL, 0o600)


def _head(connection: Connection, batch: Batch, header: Header, away: Away) -> str:
    index = []
    for place, part in enumerate(header.parts):
        found = stored_index(connection, header.batch, place, part)
        index.append(
            None if found is None
            else [base64.b64encode(found.packed).decode(), base64.b64encode(found.hashes).decode()]
        )  # fmt: skip
    gone = [
        n
        for n, part in enumerate(header.parts)
        if header.batch <= away.get((part.table, part.month), 0)
    ]
    made = {
        "header": batch.text, "key": batch.key_id, "signature": batch.signature.hex(),
        "index": index, "archived": gone,
    }  # fmt: skip
    return canonical_json(made) + "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """That one event is in a signed batch.

    line: with its line feed; part: which of the header's parts; path: from the line to its root.
    """

    table: str
    number: int
    line: str
    part: int
    path: tuple[merkle.Step, ...]
    batch: Batch

    def json(self) -> str:
        """As it is printed."""
        return canonical_json({
            "format": PROOF, "table": self.table, "number": self.number, "line": self.line,
            "part": self.part, "path": [[side, step.hex()] for side, step in self.path],
            "header": self.batch.text, "key": self.batch.key_id,
            "signature": self.batch.signature.hex(),
        })  # fmt: skip

    @classmethod
    def parse(cls, text: str) -> Proof:
        """Of its JSON. Raises PgmaskError PM830."""
        try:
            found: dict[str, Any] = json.loads(text)
            if found["format"] != PROOF:
                raise ValueError
            return cls(
                table=str(found["table"]), number=int(found["number"]), line=str(found["line"]),
                part=int(found["part"]),
                path=tuple((str(side), bytes.fromhex(step)) for side, step in found["path"]),
                batch=Batch(
                    text=str(found["header"]), key_id=str(found["key"]),
                    signature=bytes.fromhex(found["signature"]),
                ),
            )  # fmt: skip
        except (ValueError, KeyError, TypeError):
            raise PgmaskError(
                "PM830", "this is no proof",
                hint="pgmask audit proof TABLE ID > FILE makes one; perhaps it was cut on its way.",
            ) from None  # fmt: skip

    def holds(self, keys: dict[str, PublicKey]) -> bool:
        """Whether a trusted key signed a batch that this line is in, as this table's row."""
        if not self.batch.signed_by(keys):
            return False
        parts = Header.parse(self.batch.text).parts
        if not 0 <= self.part < len(parts) or parts[self.part].table != self.table:
            return False
        fields = self.line.split("\t", 2)
        climbed = merkle.climb(merkle.leaf(self.line.encode()), self.path)
        return (
            len(fields) == 3
            and fields[1] == str(self.number)
            and climbed.hex() == parts[self.part].root
        )


def prove(connection: Connection, table: str, number: int) -> Proof:
    """The proof of one event. connection: autocommit.

    Raises PgmaskError PM829 when no batch has the row, PM830 when its part is not as it was sealed.
    """
    if table not in BY_NAME:
        raise PgmaskError("PM829", f"no such table of the record: {table}",
                          hint="One of: " + ", ".join(BY_NAME))  # fmt: skip
    rows = connection.execute(
        "SELECT b.batch_id FROM pgmask_audit.batch AS b WHERE EXISTS (SELECT FROM"
        " pg_catalog.jsonb_array_elements(b.header::jsonb -> 'parts') AS p"
        " WHERE p ->> 'table' = %s AND (p ->> 'first')::bigint <= %s"
        " AND (p ->> 'last')::bigint >= %s) ORDER BY b.batch_id",
        (table, number, number),
    ).fetchall()
    known: dict[int, Line] | None = None
    for (batch_id,) in rows:
        (batch,) = batches(connection, batch_id, batch_id)
        header = Header.parse(batch.text)
        for place, part in enumerate(header.parts):
            if part.table != table:
                continue
            index = stored_index(connection, batch_id, place, part)
            if index is None or number not in index.ids:
                continue
            known = known or lines_of(tuple(links_of(connection, None)))
            with snapshot(connection):
                makers = read_makers(
                    connection, known[header.line], [header], keep=True,
                    tables=[BY_NAME[table]], month=part.month,
                )  # fmt: skip
            maker = makers.get((batch_id, table, part.month, part.carried))
            now = maker.made()[0] if maker else None
            if maker is None or now is None or now.root != part.root:
                raise PgmaskError(
                    "PM830", f"the rows of batch {batch_id} are not as they were sealed",
                    hint="pgmask audit verify names what is wrong.",
                )  # fmt: skip
            kept = maker.kept or []
            leaves, at = merkle.leaves(kept), list(index.ids).index(number)
            return Proof(
                table=table, number=number, line=kept[at].decode(), part=place,
                path=merkle.path(leaves, at), batch=batch,
            )  # fmt: skip
    raise PgmaskError("PM829", f"no batch has {table} {number}")
