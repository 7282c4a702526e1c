"""A quarter's folder for customer management and compliance (G4): index.html, a CSV per report with
the statement beside it, a sample for working papers, and a signed manifest.
"""

from __future__ import annotations

import datetime
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from markupsafe import Markup

from pgmask import __version__
from pgmask.errors import PgmaskError
from pgmask.report import formats, plots
from pgmask.report.manifest import write_manifest
from pgmask.report.questions import Report, report_named
from pgmask.report.run import Answer, Connection, ask, extent, set_zone

WORKING_PAPER: Final = ("Sample", "Criteria", "Condition", "Cause", "Effect", "Follow-up")
"""What an auditor fills in for each access of the sample."""

_CHAPTERS: Final = (
    ("Complete values", ("reveals_counted", "reveals", "downloads")),
    ("Browsing", ("accesses", "accesses_outside_hours", "cross_unit")),
    ("What stood out", ("alerts", "refused_attempts")),
    (
        "Rights, keys, deployments",
        ("dormant_permissions", "changes_of_rights", "keys_and_deployments"),
    ),
    ("The record itself", ("audit_readers", "gaps", "coverage")),
)  # fmt: skip
_SHOWN_ROWS: Final = 12
_LEFT_OUT: Final = (
    "person_id", "ticket_id", "access_id", "activity_id", "closed_by_id", "application_name",
    "client_addr", "issuer", "grade",
)  # fmt: skip
"""What stands in the CSV and not on the page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A quarter by its name, with its first day and the first day after it."""

    name: str
    begin: datetime.date
    end: datetime.date


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number of the head: what it counts, and what to think of it (``alarm`` or nothing)."""

    value: int
    says: str
    alarm: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One report on the page: its first rows, without columns that say nothing; plots: (caption,
    drawing).
    """

    answer: Answer
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    plots: tuple[tuple[str, Markup], ...]


def period_of(name: str) -> Period:
    """``2026Q3``, or ``2026q3``, as days. Raises PgmaskError (PM845)."""
    name = name.upper()
    found = re.fullmatch(r"([0-9]{4})Q([1-4])", name)
    if found is None or not 2000 <= int(found[1]) <= 9998:
        raise PgmaskError("PM845", f"{name!r} is no quarter such as 2026Q3")
    year, number = int(found[1]), int(found[2])
    end = datetime.date(year + number // 4, number % 4 * 3 + 1, 1)
    return Period(name=name, begin=datetime.date(year, number * 3 - 2, 1), end=end)


def write_quarter(
    connection: Connection,
    period: Period,
    folder: Path,
    *,
    zone: str,
    seed: str,
    size: int = 25,
    key: Ed25519PrivateKey | None = None,
    progress: Callable[[str], None] = lambda name: None,
) -> dict[str, Any]:
    """Write the folder; gives its manifest.

    A quarter that is not over is told until now, and its manifest says so.

    connection: of an auditor; seed: draws the sample, and is written down; progress: told each
    report's name.  All reports are of one moment.  Raises Refused (PM840),
    PgmaskError (PM845, PM846).
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise PgmaskError("PM846", f"folder {folder.name!r} is not empty")
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    set_zone(connection, zone)
    who = connection.execute(
        "SELECT session_user::text, current_database()::text, clock_timestamp()"
    ).fetchone()
    if who is None:
        raise PgmaskError("PM020", "the server did not say who is connected")
    if who[2].date() < period.begin:
        raise PgmaskError(
            "PM845", f"{period.name} has not begun", detail=f"It begins on {period.begin}."
        )
    reach = extent(connection, period.begin.isoformat(), period.end.isoformat())
    answers = {}
    for _, names in _CHAPTERS:
        for name in names:
            progress(name)
            answers[name] = ask(connection, report_named(name), _given(report_named(name), period))
    progress("sample")
    sample = ask(
        connection, report_named("sample"),
        _given(report_named("sample"), period) | {"size": size, "seed": seed},
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    for answer in (*answers.values(), sample):
        _write(folder / f"{answer.report.name}.sql", f"{answer.statement};\n")
        if answer is not sample:
            _write(folder / f"{answer.report.name}.csv", formats.as_csv(answer, marked=True))
    paper = _working_paper(sample)
    _write(folder / "sample.csv", formats.as_csv(paper, marked=True))
    about = {
        "format": 1, "quarter": period.name, "from": period.begin.isoformat(),
        "to": period.end.isoformat(), "zone": zone, "database": who[1], "made_by": who[0],
        "made_at": who[2].isoformat(timespec="seconds"), "seed": seed, "pgmask": __version__,
        "over": who[2].date() >= period.end,
        "record_begins": reach.begins.isoformat(timespec="seconds") if reach.begins else None,
        "record_begins_later": reach.late,
    }  # fmt: skip
    _write(
        folder / "index.html",
        formats.page(
            "quarter.html", about=about, figures=_figures(answers), paper=paper,
            chapters=[
                (title, [_section(answers[n]) for n in names]) for title, names in _CHAPTERS
            ],
            signed=key is not None, blank=WORKING_PAPER,
        ),
    )  # fmt: skip
    return write_manifest(folder, about, key)


def _given(report: Report, period: Period) -> dict[str, Any]:
    takes = {p.name for p in report.parameters} or ({"from", "to"} if report.timed else set())
    ends = {"from": period.begin.isoformat(), "to": period.end.isoformat()}
    return {name: value for name, value in ends.items() if name in takes}


def _write(path: Path, text: str) -> None:
    path.write_bytes(text.encode())


def _working_paper(sample: Answer) -> Answer:
    rows = tuple((*row, *[""] * len(WORKING_PAPER)) for row in sample.rows)
    return Answer(
        report=sample.report, statement=sample.statement, columns=(*sample.columns, *WORKING_PAPER),
        rows=rows, seconds=sample.seconds,
    )  # fmt: skip


def _figures(answers: dict[str, Answer]) -> tuple[Figure, ...]:
    def total(name: str, column: str) -> int:
        return int(sum(v for v in _column(answers[name], column)))

    opened = sum(v is None for v in _column(answers["alerts"], "closed_at"))
    crossed = len(answers["cross_unit"].rows)
    lost = sum(v in ("gap", "default", "batch") for v in _column(answers["gaps"], "what"))
    return (
        Figure(value=total("reveals_counted", "reveals"), says="complete values shown"),
        Figure(value=total("accesses", "statements"), says="statements that read customers"),
        Figure(value=total("accesses_outside_hours", "reads"), says="of them outside office hours"),
        Figure(value=crossed, says="customers met across units", alarm=crossed > 0),
        Figure(value=len(answers["refused_attempts"].rows), says="refused attempts"),
        Figure(value=opened, says="alerts still open", alarm=opened > 0),
        Figure(value=lost, says="gaps of the record", alarm=lost > 0),
    )


def _column(answer: Answer, name: str) -> list[Any]:
    place = answer.columns.index(name)
    return [row[place] for row in answer.rows]


def _section(answer: Answer) -> Section:
    drawn = tuple((caption, draw(answer)) for caption, draw in _PLOTS.get(answer.report.name, ()))
    first = answer.rows[:_SHOWN_ROWS]
    keep = [
        n
        for n, name in enumerate(answer.columns)
        if name not in _LEFT_OUT and any(row[n] not in (None, "") for row in first)
    ]
    return Section(
        answer=answer, columns=tuple(answer.columns[n] for n in keep),
        rows=tuple(tuple(row[n] for n in keep) for row in first), plots=drawn,
    )  # fmt: skip


def _summed(answer: Answer, by: str, what: str | None) -> list[tuple[str, float]]:
    found: Counter[str] = Counter()
    amounts: Iterable[Any] = _column(answer, what) if what else (1 for _ in answer.rows)
    for label, amount in zip(_column(answer, by), amounts, strict=True):
        found[formats.text_of(label) or "nobody known"] += int(amount)
    return [(label, value) for label, value in found.items() if value]


def _ranked(by: str, what: str | None = None) -> Callable[[Answer], Markup]:
    return lambda answer: plots.bars(_summed(answer, by, what))


def _daily(what: str) -> Callable[[Answer], Markup]:
    return lambda answer: plots.line(sorted(_summed(answer, "day", what)))


def _hours(answer: Answer) -> Markup:
    found = [0.0] * 24
    for at, count in zip(_column(answer, "at"), _column(answer, "reveals"), strict=True):
        found[at.hour] += count
    return plots.columns([(str(hour), value) for hour, value in enumerate(found)])


_PLOTS: Final[dict[str, tuple[tuple[str, Callable[[Answer], Markup]], ...]]] = {
    "reveals_counted": (
        ("by unit", _ranked("unit_id", "reveals")),
        ("by purpose", _ranked("purpose", "reveals")),
        ("by hour of the day", _hours),
    ),
    "accesses": (
        ("statements per day", _daily("statements")),
        ("statements by unit", _ranked("unit_id", "statements")),
        ("statements by person", _ranked("person", "statements")),
    ),
    "accesses_outside_hours": (("reads by person", _ranked("person", "reads")),),
    "refused_attempts": (("by code", _ranked("code")), ("by login", _ranked("login"))),
    "alerts": (("by rule", _ranked("rule")),),
    "audit_readers": (("by report", _ranked("report")),),
}
