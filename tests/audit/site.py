"""The attacked database of ``tests.attack``, and the notes in its log of transactions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Final

from tests.harness import Connection
from tests.reveal.site import Site

SLOT: Final = "test_notes"
FIELDS: Final = (
    "mac", "format", "kind", "era", "at", "backend", "statement_at", "login", "application",
    "address", "table", "query", "code", "detail", "person", "profile", "unit", "grade", "purpose",
    "second_factor", "outsourced", "issuer", "end", "service",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Note:
    """One note as it was left: fields by name, and the customers it names."""

    fields: dict[str, str]
    subjects: tuple[tuple[str, str], ...]

    def __getattr__(self, name: str) -> str:
        return self.fields[name]


def parsed(text: str) -> Note:
    head, *rest = text.split("\x1e")
    fields = head.split("\x1f")
    fields += [""] * (len(FIELDS) - len(fields))  # a direct login names no service
    return Note(
        dict(zip(FIELDS, fields, strict=True)),
        tuple((one.split("\x1f")[0], one.split("\x1f")[1]) for one in rest),
    )


def noting(site: Site) -> AbstractContextManager[Connection]:
    """A slot of this database while the body runs; read it with ``notes``."""
    return noting_on(site.root)


@contextmanager
def noting_on(root: Connection) -> Iterator[Connection]:
    """The same, with a superuser's connection."""
    root.execute("SELECT pg_create_logical_replication_slot(%s, 'test_decoding', true)", (SLOT,))
    try:
        yield root
    finally:
        root.execute("SELECT pg_drop_replication_slot(%s)", (SLOT,))


def notes(root: Connection, kind: str | None = None) -> list[Note]:
    """What was left since the last call, in order."""
    root.execute("SET synchronous_commit = on")  # the cluster of the tests does not flush
    root.execute("SELECT pg_logical_emit_message(true, 'other', 'flush')")
    rows = root.execute("SELECT data FROM pg_logical_slot_get_changes(%s, NULL, NULL)", (SLOT,))
    found = []
    for (data,) in rows.fetchall():
        head, _, content = data.partition(" content:")
        if "prefix: pgmask," in head and content:
            note = parsed(content)
            if kind is None or note.kind == kind:
                found.append(note)
    return found
