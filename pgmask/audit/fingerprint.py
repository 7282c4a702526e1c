"""The fingerprint of what protects the record and the stores, and what changed in it.

Its parts are the blocks of ``sql/queries/fingerprint.sql``: a line per object, name and state. A
header holds the SHA-256 of each part; the lines are kept once per state they were in, so that a
change between two batches can be told object by object.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Final

from pgmask.audit.tables import Connection
from pgmask.audit.weaker import Step, explained_by
from pgmask.resources import sql_dir

RIGHTS: Final = frozenset({"roles", "members", "parameters", "schemas"})
"""Parts whose changes are recorded as changes of rights, the others as of definitions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An object that is not as it was: added, removed or changed.

    weaker: it protects less; by: the sorts of work that may explain it; state: as it is now;
    work: the row of the record that does explain it, in words.
    """

    part: str
    name: str
    what: str
    weaker: bool
    by: frozenset[str] = frozenset()
    state: str | None = None
    work: str = ""

    def __str__(self) -> str:
        return f"{self.part}: {self.name} {self.what}" + (f", {self.work}" if self.work else "")


@cache
def _blocks() -> dict[str, bytes]:
    text = (sql_dir() / "queries" / "fingerprint.sql").read_text("utf-8")
    found = re.split(r"^-- name: (\w+)\n", text, flags=re.M)
    return {
        name: body.strip().rstrip(";").encode()
        for name, body in zip(found[1::2], found[2::2], strict=True)
    }


def read(connection: Connection) -> dict[str, str]:
    """Per part its lines, as they are now."""
    found = {}
    for name, query in _blocks().items():
        rows = connection.execute(query).fetchall()
        # Names may hold any character but NUL.
        made = sorted(f"{_plain(row[0])}\t{_plain(row[1])}" for row in rows)
        found[name] = "\n".join(made)
    return found


def digests(contents: Mapping[str, str]) -> dict[str, str]:
    """SHA-256 of each part, in hexadecimal digits."""
    return {name: sha256(text.encode()).hexdigest() for name, text in contents.items()}


def changes(before: Mapping[str, str | None], after: Mapping[str, str | None]) -> Iterator[Change]:
    """What differs, object by object; a part of None is not known any more.

    A part that one side lacks belongs to another version of pgmask; that it is not watched any more
    is weaker.
    """
    tables = lines_of(before.get("tables")), lines_of(after.get("tables"))
    members = lines_of(before.get("members"))
    for part in sorted({*before, *after}):
        if part not in before or part not in after:
            known = part in after
            what = "is watched from now on" if known else "is not watched any more"
            yield Change(part=part, name="(the whole part)", what=what, weaker=not known)
            continue
        if before[part] == after[part]:
            continue
        if before[part] is None or after[part] is None:
            yield Change(
                part=part, name="(the whole part)", what="changed, its description is gone",
                weaker=False,
            )  # fmt: skip
            continue
        old, new = lines_of(before[part]), lines_of(after[part])
        for name in sorted({*old, *new}):
            if old.get(name) == new.get(name):
                continue
            what = "added" if name not in old else "removed" if name not in new else "changed"
            by = explained_by(
                Step(
                    part=part, name=name, old=old.get(name), new=new.get(name), tables=tables,
                    members=members,
                )
            )  # fmt: skip
            yield Change(
                part=part, name=name, what=what, weaker=by is not None, by=by or frozenset(),
                state=new.get(name),
            )  # fmt: skip


def stored(connection: Connection, parts: Mapping[str, str]) -> dict[str, str | None]:
    """The lines of a header's fingerprint, None where they are gone or not what they were."""
    rows = connection.execute(
        "SELECT pg_catalog.encode(f.digest, 'hex'), f.lines FROM pgmask_audit.fingerprint AS f"
        " WHERE pg_catalog.encode(f.digest, 'hex') = ANY (%s)",
        (list(parts.values()),),
    ).fetchall()
    known = {d: text for d, text in rows if sha256(text.encode()).hexdigest() == d}
    return {name: known.get(digest) for name, digest in parts.items()}


def lines_of(content: str | None) -> dict[str, str]:
    """State by name of the object."""
    found: dict[str, str] = {}
    for line in (content or "").split("\n"):
        name, _, state = line.partition("\t")
        if name:
            # Two events of one name cannot be told apart by it: both count.
            found[name] = f"{found[name]} | {state}" if name in found else state
    return found


def _plain(text: str | None) -> str:
    return (text or "").replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")
