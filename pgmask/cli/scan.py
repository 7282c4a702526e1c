"""``pgmask scan``: what each column of a database probably holds, with evidence and confidence."""

from __future__ import annotations

import datetime
import fnmatch
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from pgmask.apply.holders import reading
from pgmask.catalogue.load import Loaded
from pgmask.catalogue.load import read as read_catalogue
from pgmask.catalogue.packs import Policy, shipped_packs
from pgmask.catalogue.packs.read import shipped_pack
from pgmask.catalogue.problems import CatalogueProblems, errors
from pgmask.catalogue.propose import TODO
from pgmask.catalogue.tables import RESERVED
from pgmask.cli.options import Dsn, Environment, Format, TextFormat
from pgmask.cli.output import data, many, people
from pgmask.errors import CatalogueError, PgmaskError
from pgmask.facts.read import read_facts
from pgmask.scan import compare, decisions, show, write
from pgmask.scan import read as reader
from pgmask.scan.decisions import Decision
from pgmask.scan.model import Proposal, Scanned, Source
from pgmask.server import connect, require_dsn


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What stands already: the catalogue, if there is one, its packs, and the decisions."""

    loaded: Loaded | None
    packs: tuple[str, ...]
    policy: Policy
    file: Path
    decided: dict[str, Decision]


def scan(
    catalogue: Annotated[
        Path | None,
        typer.Argument(
            envvar="PGMASK_CATALOGUE",
            show_envvar=True,
            metavar="CATALOGUE",
            help="The catalogue to compare with; its decisions lie beside it. None yet: leave out.",
        ),
    ] = None,
    dsn: Dsn = None,
    schema: Annotated[
        list[str] | None,
        typer.Option(
            "--in-schema", metavar="NAME", help="An application's schema; may be repeated."
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="PATTERN", help="Tables such as crm.claim*; repeat it."),
    ] = None,
    sample: Annotated[
        int, typer.Option("--sample", min=1, max=100_000, help="Rows looked at per table.")
    ] = reader.SAMPLE,
    timeout: Annotated[
        int, typer.Option("--timeout", min=1, metavar="MS", help="Milliseconds per table.")
    ] = reader.TIMEOUT_MS,
    values: Annotated[
        bool, typer.Option("--values/--no-values", help="Whether any value is looked at.")
    ] = True,
    pack: Annotated[
        list[str] | None,
        typer.Option("--pack", metavar="PACK", help="A policy pack, without a catalogue."),
    ] = None,
    diff: Annotated[
        bool,
        typer.Option("--diff", help="Only what is new or changed since catalogue and decisions."),
    ] = False,
    accept: Annotated[
        list[str] | None,
        typer.Option("--accept", metavar="COLUMN", help="Accept what is proposed; a glob may do."),
    ] = None,
    accept_above: Annotated[
        float | None,
        typer.Option("--accept-above", min=0.5, max=0.99, help="Accept all from that confidence."),
    ] = None,
    reject: Annotated[
        list[str] | None,
        typer.Option("--reject", metavar="COLUMN", help="Reject it until its evidence changes."),
    ] = None,
    reviewer: Annotated[
        str | None, typer.Option("--reviewer", metavar="NAME", help="Who decides.")
    ] = None,
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="TEXT", help="Why; kept with the decision.")
    ] = None,
    decisions_file: Annotated[
        Path | None,
        typer.Option("--decisions", metavar="FILE", help="The file of decisions, elsewhere."),
    ] = None,
    write_to: Annotated[
        Path | None,
        typer.Option(
            "--write",
            metavar="DIR|FILE",
            help="Write a new catalogue into DIR, or for a catalogue its missing tables to FILE.",
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also columns that say nothing of a person.")
    ] = False,
    environment: Environment = None,
    format: Format = TextFormat.text,
) -> None:
    """Propose kind, category and level of every column, the unsure first.

    Evidence is the column's name (English, pinyin, Chinese), comment, type, statistics and a
    bounded sample of its values, read as the login that asks. No value is printed or written. A
    proposal is no proof: a person decides, and what is rejected is not proposed again.
    """
    deciding = bool(accept or reject or accept_above is not None)
    if deciding and (not reviewer or (reject and not reason)):
        raise PgmaskError(
            "PM692", "--reviewer is missing" if not reviewer else "--reason is missing"
        )
    if diff and catalogue is None:
        raise typer.BadParameter("name the catalogue to compare with", param_hint="CATALOGUE")
    known = _known(catalogue, environment, pack, decisions_file)
    bounds = reader.Bounds(rows=sample, timeout_ms=timeout, values=values)
    with connect(require_dsn(dsn), autocommit=True) as connection:
        with reading(connection):
            facts = read_facts(connection)
            tables = reader.sources(connection, facts)
        chosen = _chosen(tables, schema, only, known)
        with _bar(len(chosen)) as tell:
            found = reader.scan(connection, chosen, known.policy, bounds, tell)
    decided = known.decided
    if deciding:
        made = _decide(
            found, accept or (), reject or (), accept_above, reviewer or "", reason or ""
        )
        decided = decided | made
        known.file.write_text(decisions.text(decided.values()), "utf-8")
        people.print(f"{many(len(made), 'decision')} written: {known.file}", markup=False)
    if write_to is not None:
        _write(found, chosen, known, decided, write_to)
    if diff and known.loaded is not None and known.loaded.catalogue is not None:
        differences = compare.compare(found, known.loaded.catalogue, decided)
        _print_differences(differences, found, decided, format)
        if differences:
            raise typer.Exit(2)
    elif format is TextFormat.json:
        data(json.dumps(show.as_json(found, decided), ensure_ascii=False, indent=2))
    elif not deciding and write_to is None:
        for line in show.lines(found, decided, everything=everything):
            data(line)
    people.print(show.summary(found, decided), markup=False)


def _print_differences(
    differences: tuple[compare.Finding, ...],
    found: Scanned,
    decided: dict[str, Decision],
    format: TextFormat,
) -> None:
    if format is TextFormat.json:
        shown = show.findings_json(differences, found, decided)
        data(json.dumps(shown, ensure_ascii=False, indent=2))
    else:
        for line in show.finding_lines(differences):
            data(line)
    for table, why in sorted(found.unread.items()):
        people.print(f"not read: {table}: {why}; names and types alone", markup=False)
    people.print(many(len(differences), "finding"), markup=False)


def _known(
    catalogue: Path | None,
    environment: str | None,
    packs: Sequence[str] | None,
    decisions_file: Path | None,
) -> _Known:
    names = tuple(packs or ("baseline",))
    loaded = None
    if catalogue is not None:
        loaded = read_catalogue(catalogue, environment=environment)
        if loaded.catalogue is None or loaded.policy is None:
            raise CatalogueProblems(loaded.problems)
        wrong = len(errors(loaded.problems))
        if wrong:
            people.print(f"the catalogue has {wrong} problems: pgmask check names them")
        policy, names = loaded.policy, loaded.catalogue.packs
    else:
        for one in names:
            if one not in shipped_packs():
                raise typer.BadParameter(
                    f"{one!r} is not one of {', '.join(shipped_packs())}", param_hint="--pack"
                )
        policy = Policy([p for p in map(shipped_pack, names) if p is not None])
    file = decisions_file or decisions.file_of(catalogue or Path())
    return _Known(
        loaded=loaded, packs=names, policy=policy, file=file, decided=decisions.read(file)
    )


def _chosen(
    tables: Sequence[Source],
    schemas: Sequence[str] | None,
    only: Sequence[str] | None,
    known: _Known,
) -> list[Source]:
    there = {t.table.schema for t in tables} - RESERVED
    stores = known.loaded.catalogue.stores if known.loaded and known.loaded.catalogue else ()
    wanted = set(schemas or [s.schema for s in stores] or there)
    found = [
        t
        for t in tables
        if t.table.schema in wanted & there
        and (not only or any(fnmatch.fnmatchcase(t.id, p) for p in only))
    ]
    if not found:
        raise CatalogueError(
            "PM013",
            "there is no table to scan",
            hint=f"Schemas with tables: {', '.join(sorted(there)) or '(none)'}.",
        )
    return found


def _decide(
    found: Scanned,
    accept: Sequence[str],
    reject: Sequence[str],
    above: float | None,
    reviewer: str,
    reason: str,
) -> dict[str, Decision]:
    today = datetime.datetime.now(tz=datetime.UTC).date()
    made: dict[str, Decision] = {}

    def note(one: Proposal, accepted: bool) -> None:
        made[one.id] = decisions.decide(
            one, accepted=accepted, reviewer=reviewer, reason=reason, today=today
        )

    for one in found.proposals:
        if above is not None and decisions.open_to(one) and one.confidence >= above:
            note(one, True)
    for patterns, accepted in ((accept, True), (reject, False)):
        for wanted in patterns:
            matched = [
                p
                for p in found.proposals
                if fnmatch.fnmatchcase(p.id, wanted) and decisions.open_to(p)
            ]
            if not matched:
                raise PgmaskError("PM691", f"{wanted!r} matches no column with a proposal")
            for one in matched:
                note(one, accepted)
    return made


def _write(
    found: Scanned,
    tables: Sequence[Source],
    known: _Known,
    decided: dict[str, Decision],
    target: Path,
) -> None:
    if known.loaded is not None and known.loaded.catalogue is not None:
        text, new = write.missing(found, tables, known.loaded.catalogue, decided)
        if not new and not text.startswith("#"):
            people.print("the catalogue knows every table and column; nothing was written")
            return
        files = {target: text}
    else:
        schemas = sorted({t.table.schema for t in tables})
        if len(schemas) != 1:
            raise CatalogueError(
                "PM013",
                "the application's schema is not named",
                hint=f"Give --in-schema: one of {', '.join(schemas)}.",
            )
        made = write.starter(found, tables, schemas[0], known.packs, decided)
        files = {target / name: text for name, text in made.items()}
    there = [path for path in files if path.exists()]
    if there:
        raise CatalogueError(
            "PM010", f"{there[0]} is already there; nothing was written", hint="Name another place."
        )
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        data(str(path))
    left = sum(text.count(TODO) for text in files.values())
    people.print(f"{left} decisions are left, each marked {TODO}", markup=False)


@contextmanager
def _bar(total: int) -> Iterator[Callable[[str], None]]:
    """A progress bar on a terminal, nothing elsewhere."""
    if not people.is_terminal:
        yield lambda _: None
        return
    with Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=people
    ) as bar:
        task = bar.add_task("scan", total=total)
        yield lambda table: bar.update(task, advance=1, description=table)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("scan")(scan)
