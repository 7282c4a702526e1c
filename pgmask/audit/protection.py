"""What protects the record, from batch to batch: what weakened it, and what on record explains it.

Work of the ordinary course leaves rows of activity in the transactions that make the changes: a
step of a deployment, an installation, a stage, a migration, a key. Such a row explains a change
when the batch that noticed it seals the row too; or when that batch could not yet, because an
older transaction was still open, and the row is not younger than the batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from pgmask.audit import fingerprint, weaker
from pgmask.audit.batch import Header
from pgmask.audit.chain import Begun, Link
from pgmask.audit.finding import Finding
from pgmask.audit.fingerprint import Change
from pgmask.audit.tables import Connection, pin

Content = dict[str, str | None]

CLOCKS: Final = timedelta(minutes=5)
"""How far the clocks of server and sealing program may be apart."""
WINDOWS: Final = timedelta(days=31)
"""A window of migration that is older explains nothing."""
_SORTS: Final = {
    "deployment": weaker.DEPLOYMENT, "deployment_step": weaker.DEPLOYMENT,
    "seal_run": weaker.DEPLOYMENT, "rollout_step": weaker.DEPLOYMENT,
    "install": weaker.INSTALL, "migration_window": weaker.WINDOW, "retention": weaker.RETENTION,
}  # fmt: skip
"""By the table (``of`` in the detail) whose row was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Which rows of activity may explain: those of transactions [lo, hi) with numbers above.

    until: of later transactions those up to this moment (hi is None: all); since: windows that end
    after it count, whenever they began.
    """

    lo: int
    hi: int | None
    above: int
    until: str | None
    since: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A row of the record; sort: of ``weaker``, empty: it explains whatever may be explained."""

    sort: str
    says: str
    object: str = ""
    detail: Mapping[str, Any]

    def explains(self, change: Change) -> bool:
        """Whether it is the work that this change belongs to."""
        if not self.sort:
            return bool(change.by)
        if self.sort not in change.by:
            return False
        if self.sort == weaker.KEY:
            return str(self.detail.get("set")) == (change.state or "").split(" ")[0]
        if self.sort == weaker.RETENTION:
            return change.name == f"retention {self.object}"
        if change.part == "members" and self.sort == weaker.WINDOW:
            return change.name == f"{self.object} of {self.detail.get('owner')}"
        return True


def judged(
    connection: Connection, changes: Iterable[Change], span: Span, *, known: Sequence[Work] = ()
) -> Iterator[Change]:
    """The changes; what work on record explains is not weaker, and says which."""
    found: list[Work] | None = None
    for change in changes:
        if not change.by:
            yield change
            continue
        if found is None:
            found = [*_works(connection, span), *known]
        work = next((work for work in found if work.explains(change)), None)
        yield change if work is None else replace(change, weaker=False, work=work.says)


def check(
    connection: Connection, links: Sequence[Link], away: Mapping[tuple[str, str], int],
    notes: list[str], *, whole: bool, begun: Begun | None = None,
) -> Iterator[Finding]:  # fmt: skip
    """Between each two batches that are signed; whole: and since the last one; begun: in another
    cluster, where no batch was made yet.
    """
    headers = [link.header for link in links if link.header is not None and link.signed]
    seen: dict[str, Content] = {}
    told: set[str] = set()

    def content(header: Header) -> Content:
        name = "".join(f"{k}{v}" for k, v in sorted(header.fingerprint.items()))
        if name not in seen:
            seen[name] = fingerprint.stored(connection, header.fingerprint)
        return seen[name]

    for header in headers[:1] + [a for b, a in pairwise(headers) if _differ(b, a)]:
        for part, text in content(header).items():
            if text is None and header.fingerprint[part] not in told:
                told.add(header.fingerprint[part])
                yield Finding(batch=header.batch, kind="lines", detail=part)
    for before, after in pairwise(headers):
        if not _differ(before, after):
            continue
        changes = fingerprint.changes(content(before), content(after))
        when = f"between batch {before.batch} and this one"
        same = before.line == after.line
        span = Span(
            lo=after.xid_from if same else 0, hi=after.xid_to,
            above=after.floors.get("activity", 0), until=after.made_at, since=before.made_at,
        )  # fmt: skip
        yield from _told(
            judged(connection, changes, span, known=tuple(_known(before, after, away))),
            after.batch, when, notes,
        )  # fmt: skip
    if not whole or not headers:
        return
    last = headers[-1]
    with connection.transaction():
        pin(connection)
        now = fingerprint.read(connection)
    if fingerprint.digests(now) != dict(last.fingerprint):
        floors = last.floors if begun is None else begun.floors
        span = Span(
            lo=last.xid_to if begun is None else 0, hi=None, above=floors.get("activity", 0),
            until=None, since=last.made_at,
        )  # fmt: skip
        known = [_elsewhere(begun.line)] if begun is not None else []
        changes = fingerprint.changes(content(last), dict(now))
        yield from _told(
            judged(connection, changes, span, known=known), 0, "since the last batch", notes
        )


def _differ(before: Header, after: Header) -> bool:
    return dict(before.fingerprint) != dict(after.fingerprint)


def _told(
    changes: Iterable[Change], batch: int, when: str, notes: list[str]
) -> Iterator[Finding]:  # fmt: skip
    for change in changes:
        if change.weaker:
            yield Finding(batch=batch, kind="protection", detail=f"{change}, {when}")
        else:
            notes.append(f"{change}, {when}" + (f" ({batch})" if batch else ""))


def _elsewhere(line: int) -> Work:
    says = f"with which era {line} began in another cluster"
    return Work(sort=weaker.ERA, says=says, detail={})


def _known(before: Header, after: Header, away: Mapping[tuple[str, str], int]) -> Iterator[Work]:
    """What the headers themselves tell."""
    if before.line != after.line and before.system != after.system:
        yield _elsewhere(after.line)
    for part in after.parts:
        month = away.get((part.table, part.month), 0)
        if part.table == "activity" and after.batch <= month:
            says = f"whose rows of activity of {part.month} are archived"
            yield Work(sort="", says=says, detail={})


def _works(connection: Connection, span: Span) -> list[Work]:
    rows = connection.execute(
        "SELECT a.activity_id, a.kind, a.object, a.login, a.detail FROM pgmask_audit.activity AS a"
        " WHERE a.kind IN ('deployment', 'command', 'key', 'migration')"
        " AND a.activity_id > %(above)s"
        " AND (a.xid >= %(lo)s AND (%(hi)s::bigint IS NULL OR a.xid < %(hi)s"
        "      OR a.at <= %(until)s::timestamptz + %(clocks)s)"
        "   OR a.detail ->> 'of' = 'migration_window' AND a.detail ->> 'operation' = 'insert'"
        "  AND a.at > %(since)s::timestamptz - %(windows)s"
        "  AND (%(until)s::text IS NULL OR a.at <= %(until)s::timestamptz + %(clocks)s))"
        " ORDER BY a.activity_id",
        {"above": span.above, "lo": span.lo, "hi": span.hi, "until": span.until,
         "since": span.since, "clocks": CLOCKS, "windows": WINDOWS},
    ).fetchall()  # fmt: skip
    found = [
        Work(
            sort=sort, object=name or "", detail=detail,
            says=f"as activity {number} tells: {detail.get('of', kind)} {name or ''} by {login}",
        )
        for number, kind, name, login, detail in rows
        if (sort := _sort(kind, name, detail)) and _in_time(detail, span.since)
    ]  # fmt: skip
    events = connection.execute(
        "SELECT e.event_id, e.kind, e.table_id, e.login FROM pgmask_audit.unseal_event AS e"
        " WHERE e.xid >= %(lo)s AND (%(hi)s::bigint IS NULL OR e.xid < %(hi)s"
        " OR e.at <= %(until)s::timestamptz + %(clocks)s) ORDER BY e.event_id",
        {"lo": span.lo, "hi": span.hi, "until": span.until, "clocks": CLOCKS},
    ).fetchall()
    found += [
        Work(
            sort=weaker.DEPLOYMENT, detail={},
            says=f"as unseal_event {number} tells: {kind} {table or ''} by {login}",
        )
        for number, kind, table, login in events
    ]  # fmt: skip
    return found


def _in_time(detail: Mapping[str, Any], since: str) -> bool:
    """Whether a window had not ended before; what is none has no end."""
    if detail.get("of") != "migration_window" or since == "-infinity":
        return True
    try:
        end = datetime.fromisoformat(str(detail.get("ends_at")))
        return end > datetime.fromisoformat(since) - CLOCKS
    except (TypeError, ValueError):
        return False


def _sort(kind: str, name: str | None, detail: Mapping[str, Any]) -> str:
    if kind == "key":
        return weaker.KEY if name == "text" else ""
    if kind == "migration":
        return weaker.WINDOW
    return _SORTS.get(str(detail.get("of")), "")
