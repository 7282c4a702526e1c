"""Lines of the extension pgaudit in a server's log, as rows of ``activity`` of kind pgaudit (G1).

A line names the statement and its parameters as they were sent, which may hold complete values: of
it the class, the command and the object are kept, and the rest never leaves the log.  It has no
signature, so the record says no more than that somebody wrote it there; the server's log is written
by the server, and by RAISE LOG.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

MARK: Final = "AUDIT: "
_KINDS: Final = ("SESSION", "OBJECT")
_FIELDS: Final = 9
_AT: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """One line: who, when (in the log's time zone), and what was done to which object."""

    at: str
    login: str
    backend: int
    address: str
    application: str
    kind: str
    statement: int
    part: int
    group: str
    command: str
    object_type: str
    object: str

    def as_row(self) -> dict[str, Any]:
        """For ``pgmask_private.collect_log``."""
        return asdict(self)


def parsed(entry: Mapping[str, str]) -> Audited | None:
    """The line of an entry of the log, None where it is no line of pgaudit's.

    entry: ``at``, ``login``, ``backend``, ``address``, ``application`` and ``message``.
    """
    at = _AT.match(entry["at"])
    if not entry["message"].startswith(MARK) or at is None or not entry["backend"].isdigit():
        return None
    try:
        (fields,) = csv.reader(io.StringIO(entry["message"][len(MARK) :], newline=""))
    except (ValueError, csv.Error):
        return None
    if len(fields) < _FIELDS or fields[0] not in _KINDS:
        return None
    kind, statement, part, group, command, object_type, name = fields[:7]
    if not (statement.isdigit() and part.isdigit()):
        return None
    address = entry["address"]
    return Audited(
        at=at[0], login=entry["login"], backend=int(entry["backend"]),
        address="" if address == "[local]" else address.rpartition(":")[0] or address,
        application=entry["application"], kind=kind.lower(), statement=int(statement),
        part=int(part), group=group, command=command, object_type=object_type, object=name,
    )  # fmt: skip
