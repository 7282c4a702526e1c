"""Files as their tools run them: with what psql includes, between Flyway's callbacks.

A script is made of parts, each of some file; what one part leaves behind (a transaction, a detached
table, new objects) the next one meets.  Each finding is told at its own file's place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from pgmask.lineage.model import Lineage
from pgmask.verdict.flyway import migrates
from pgmask.verdict.formats import Judged
from pgmask.verdict.model import Finding, Severity, Verdict
from pgmask.verdict.piece import Text
from pgmask.verdict.psql import Include, Said, Sql, read
from pgmask.verdict.sources import SUFFIXES, read_sql
from pgmask.verdict.told import computed, moved
from pgmask.verdict.validator import Validator

_DEEPEST: Final = 16
"""Files included by files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A piece of a file; lines: of the file before it; callback: it is not the script's own."""

    name: str
    text: str
    lines: int = 0
    said: tuple[Said, ...] = ()
    callback: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Script:
    """A text as it runs; units: of parts that share a transaction."""

    of: Text
    units: tuple[tuple[_Part, ...], ...]
    computed: tuple[Text, ...] = ()

    @property
    def files(self) -> set[str]:
        """The files that it includes."""
        return {p.name for unit in self.units for p in unit if not p.callback} - {self.of.name}


def judged(asked: Validator, found: Sequence[Text]) -> Iterator[Judged]:
    """The verdicts on every text, by file, in order; callbacks last, once each.

    As a migration all texts are one history: what an earlier file makes, later ones know.
    """
    scripts = _scripts(found, asked.migration)
    included = {name for one in scripts for name in one.files}
    around = {c.name for text in found for c in (*text.before, *text.after) if asked.migration}
    kept = [
        one
        for one in scripts
        if one.of.name not in around
        and (one.of.name not in included or migrates(Path(one.of.name).name))
    ]
    told: dict[str, list[Verdict]] = {}
    for script, verdicts in zip(kept, _verdicts(asked, kept), strict=True):
        own: dict[str, list[Verdict]] = {script.of.name: []}
        for part, some in verdicts:
            if part.callback:
                _merge(told.setdefault(part.name, []), some)
            else:
                own.setdefault(part.name, []).extend(some)
        if script.computed:
            made = [*own[script.of.name], *map(computed, script.computed)]
            own[script.of.name] = sorted(made, key=lambda v: v.lineage.line)
        for name, made in own.items():
            yield Judged(file=name, verdicts=tuple(made))
    for name, made in told.items():
        yield Judged(file=name, verdicts=tuple(made))


_Judged = list[tuple[_Part, tuple[Verdict, ...]]]


def _verdicts(asked: Validator, scripts: Sequence[_Script]) -> Iterator[_Judged]:
    """Per script, those of each part."""
    if not asked.migration:
        for script in scripts:
            parts = [part for unit in script.units for part in unit]
            if len(parts) == 1 and not parts[0].said:
                yield [(parts[0], _placed(parts[0], asked.validate_sent(parts[0].text)))]
            else:
                yield _unit(parts, next(asked.validate_scripts([[p.text for p in parts]])))
        return
    units = [[part.text for part in unit] for script in scripts for unit in script.units]
    given = asked.validate_scripts(units)
    for script in scripts:
        made = [_unit(unit, next(given)) for unit in script.units]
        if script.of.alone and len(made) == 3:
            made[:2] = _apart(script.of, made[0], made[1])
        yield [one for some in made for one in some]


def _unit(parts: Sequence[_Part], verdicts: Sequence[tuple[Verdict, ...]]) -> _Judged:
    return [(p, _placed(p, some)) for p, some in zip(parts, verdicts, strict=True)]


def _apart(text: Text, before: _Judged, own: _Judged) -> tuple[_Judged, _Judged]:
    """A migration outside of a transaction: what its callback leaves open is refused at once."""

    def open_at(some: tuple[Verdict, ...]) -> bool:
        return any(f.code == "PM686" for v in some for f in v.findings)

    names = [part.name for part, some in before if open_at(some)]
    if not names:
        return before, own
    finding = Finding(
        code="PM686", severity=Severity.DENY, line=text.first_line, column=1, refused=True,
        message=f"this file runs outside of a transaction, and {names[0]} before it leaves tables"
        " detached",
        hint="Run it without the callbacks, from a location of its own.",
    )  # fmt: skip
    quiet: _Judged = [
        (p, tuple(replace(v, findings=tuple(f for f in v.findings if f.code != "PM686"))
                  for v in some))
        for p, some in before
    ]  # fmt: skip
    lineage = Lineage(text="", start=0, line=text.first_line, kind="")
    verdict = Verdict(lineage=lineage, profile="", outputs=(), findings=(finding,))
    return quiet, [(_Part(name=text.name, text=""), (verdict,)), *own]


def _merge(known: list[Verdict], verdicts: Sequence[Verdict]) -> None:
    """What is said of a callback, once however many migrations it stands around."""
    places = {(v.lineage.line, v.lineage.start, v.lineage.text): n for n, v in enumerate(known)}
    for verdict in verdicts:
        key = (verdict.lineage.line, verdict.lineage.start, verdict.lineage.text)
        number = places.get(key)
        if number is None:
            known.append(verdict)
            continue
        old = known[number]
        more = tuple(f for f in verdict.findings if f not in old.findings)
        known[number] = replace(old, findings=(*old.findings, *more))


def _placed(part: _Part, verdicts: tuple[Verdict, ...]) -> tuple[Verdict, ...]:
    """Verdicts at the lines of the part's file, and what there is to say of psql's words."""
    found = list(moved(verdicts, part.lines))
    for said in part.said:
        around = next((n for n, v in enumerate(found) if _holds(v.lineage, said.at)), None)
        if around is not None:
            verdict = found[around]
            if not said.unread or any(f.code == "PM600" for f in verdict.findings):
                found[around] = replace(verdict, findings=_sorted(*verdict.findings, said.finding))
        elif not said.unread:
            line = said.finding.line
            lineage = Lineage(text=said.written, start=said.at, line=line, kind="psql")
            found.append(Verdict(lineage=lineage, profile="", outputs=(), findings=(said.finding,)))
    return tuple(sorted(found, key=lambda v: v.lineage.line))


def _holds(lineage: Lineage, at: int) -> bool:
    return lineage.start <= at < lineage.start + len(lineage.text)


def _sorted(*findings: Finding) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda f: (-f.severity.rank, f.line, f.column)))


# From texts to parts.


def _scripts(found: Sequence[Text], migration: bool) -> list[_Script]:
    made: list[_Script] = []
    for text in found:
        one = _script(text, migration)
        if not (migration and text.follows and made and made[-1].of.name == text.name):
            made.append(one)
            continue
        before = made.pop()
        parts = tuple(part for unit in (*before.units, *one.units) for part in unit)
        made.append(
            replace(
                before, units=(parts,) if parts else (), computed=before.computed + one.computed
            )
        )
    return made


def _script(text: Text, migration: bool) -> _Script:
    if text.computed:
        return _Script(of=text, units=(), computed=(text,))
    if text.name.endswith(".py"):
        return _Script(
            of=text, units=((_Part(name=text.name, text=text.text, lines=text.first_line - 1),),)
        )
    own = tuple(_parts(text, migration, ()))
    if not migration or not (text.before or text.after):
        return _Script(of=text, units=(own,))
    before, after = (
        tuple(replace(part, callback=True) for one in some for part in _parts(one, migration, ()))
        for some in (text.before, text.after)
    )
    if text.alone:
        return _Script(of=text, units=(before, own, after))
    return _Script(of=text, units=((*before, *own, *after),))


def _parts(text: Text, migration: bool, above: tuple[str, ...]) -> Iterator[_Part]:
    for piece in read(text.text, variables=migration, included=bool(above)):
        if isinstance(piece, Sql):
            yield _Part(name=text.name, text=piece.text, lines=piece.lines, said=piece.said)
            continue
        file = _included(text, piece)
        if file is None or str(file) in above or len(above) > _DEEPEST:
            said = replace(piece.said, at=0)
            yield _Part(name=text.name, text="", said=(said,))
        else:
            inner = Text(name=str(file), text=read_sql(file), root=text.root)
            yield from _parts(inner, migration, (*above, text.name))


def _included(text: Text, piece: Include) -> Path | None:
    """The file, where it is SQL below the folder that was named or the one this runs in, and the
    only one that is meant: where psql runs is not known.
    """
    beside = Path(text.name).parent if text.name != "-" else Path()
    folders = [beside] if piece.relative else [Path(), beside]
    found: dict[Path, Path] = {}
    for folder in folders:
        file = folder / piece.path
        if file.suffix.lower() in SUFFIXES and file.is_file():
            found.setdefault(file.resolve(), file)
    if len(found) != 1:
        return None
    ((whole, file),) = found.items()
    roots = [Path(r).resolve() for r in (".", text.root or ".")]
    return file if any(whole.is_relative_to(r) for r in roots) else None
