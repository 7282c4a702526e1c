"""Everything that ``pgmask check`` finds, all at once, with or without a schema."""

from __future__ import annotations

import dataclasses
import datetime
from dataclasses import dataclass
from pathlib import Path

from pgmask.catalogue.cover import check_schema, compare_locks, lock_of
from pgmask.catalogue.files import lock_file
from pgmask.catalogue.load import Loaded, read
from pgmask.catalogue.lockfile import Lock
from pgmask.catalogue.problems import Problem, Problems, Severity, errors
from pgmask.catalogue.schema_source import Schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """The result: loaded and its problems; lock: what should be written; strict: see ``check``."""

    loaded: Loaded
    problems: tuple[Problem, ...]
    lock: Lock

    @property
    def accepted(self) -> bool:
        """Whether nothing refuses the catalogue."""
        return self.loaded.catalogue is not None and not errors(self.problems)


def check(
    path: str | Path,
    *,
    schema: Schema | None = None,
    environment: str | None = None,
    today: datetime.date | None = None,
    strict: bool = False,
    lock: bool = True,
) -> Checked:
    """Check a catalogue; with a schema also what it covers (A1, A5).

    strict: warnings count as errors; lock False: the lock file is not compared, because it is about
    to be written.
    """
    loaded = read(path, environment=environment, today=today)
    problems = Problems()
    problems.extend(loaded.problems)
    now = lock_of(loaded, schema)
    if loaded.catalogue is not None:
        if schema is not None:
            check_schema(loaded, schema, problems)
        if lock:
            compare_locks(loaded, now, lock_file(Path(path)).name, problems)
    found = problems.all
    if not lock:
        found = tuple(p for p in found if p.rule not in ("new-match", "lock-unreadable"))
    if strict:
        found = tuple(
            dataclasses.replace(p, severity=Severity.ERROR) if p.severity is Severity.WARNING else p
            for p in found
        )
    return Checked(loaded=loaded, problems=found, lock=now)
