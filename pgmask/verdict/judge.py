"""From lineage and policy to a verdict: forms of the outputs, findings of the rules.

Fails closed: what the lineage could not resolve is a denial with the path to the node.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from pgmask.catalogue.model import Catalogue
from pgmask.facts.schema import Schema
from pgmask.lineage.model import Column, Flow, Lineage, Output
from pgmask.verdict.carried import put, remember
from pgmask.verdict.case import NOTHING_BEFORE, Case, inner_of
from pgmask.verdict.gathered import unique
from pgmask.verdict.model import Finding, Severity, Shown, ShownOutput, ShownSource, Spoken, Verdict
from pgmask.verdict.parts import parts
from pgmask.verdict.policy import Policy
from pgmask.verdict.rule import Hit, Rule
from pgmask.verdict.rules import RULES
from pgmask.verdict.seen import facts_of
from pgmask.verdict.suppress import idle, suppressions
from pgmask.verdict.text import Place, place_of
from pgmask.verdict.tree import Node, only
from pgmask.verdict.window import State, after

_QUERIES = ("SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt")
_PERSONAL = (1, 2)
_NEARNESS = {Shown.TRUTH: 0, Shown.MASK: 1, Shown.NULL: 2, Shown.REFUSED: 3}


def judge(
    lineage: Lineage,
    catalogue: Catalogue,
    profile: str,
    schema: Schema,
    *,
    text: str | None = None,
) -> Verdict:
    """The verdict on one statement that was traced over ``seen_by(schema, policy)``.

    text: the whole text, where it is only a part of it. ``Validator`` does all of it, faster.
    """
    policy = Policy.of(catalogue, profile, facts_of(schema, catalogue))
    whole = text if text is not None else lineage.text
    verdicts, _ = judge_part((lineage,), policy, whole, schema=schema)
    return verdicts[0]


def judge_part(
    statements: Sequence[Lineage],
    policy: Policy | None,
    text: str,
    *,
    migration: bool = False,
    version: int | None = None,
    schema: Schema | None = None,
    rules: Iterable[Rule] = RULES,
    region: tuple[int, int] | None = None,
    comments: bool = True,
    state: State = NOTHING_BEFORE,
    ends: bool = True,
) -> tuple[tuple[Verdict, ...], State]:
    """One verdict per statement of a text, and what they leave behind; the rules see those before.

    region: from which character to which these statements' own file reaches, where the text is
    several files.

    policy None: no catalogue, so only rules that need none; version: the server's major version,
    None for that of the facts; rules: empty for lineage alone; comments: whether those of the text
    may allow what is found; state: what statements before these have left; ends: none follow.
    """
    if version is None:
        version = policy.facts.major if policy is not None else 18
    chosen = tuple(rules)
    start, end = region if region is not None else (0, len(text))
    allowances = suppressions(text, start, end) if chosen and comments else ()
    found = []
    for number, lineage in enumerate(statements):
        lineage = put(lineage, state) if chosen else lineage
        case = Case(
            lineage,
            policy,
            state=state,
            last=ends and number == len(statements) - 1,
            migration=migration,
            version=version,
            schema=schema,
        )
        findings = list(_unresolved(lineage, text))
        try:
            findings += _findings(case, chosen, text)
            case.looked |= bool(chosen) and _numbered(case)
            state = remember(after(state, case.tree), case) if chosen else state
        except RecursionError:
            # What no rule could look at is not passed.
            findings.append(_too_deep(lineage, text))
        kept, allowed = [], []
        for finding in unique(findings):
            reason = next((a.reason for a in allowances if a.covers(finding, lineage, text)), None)
            if reason is None:
                kept.append(finding)
            else:
                allowed.append(replace(finding, reason=reason))
        last = number == len(statements) - 1
        kept += [f for f in idle(allowances, text) if last]
        refused = any(f.refused for f in (*kept, *allowed))
        found.append(
            Verdict(
                lineage=_as_stored(lineage, policy),
                profile=policy.profile.name if policy is not None else "",
                outputs=tuple(_output(o, policy, refused) for o in lineage.outputs),
                findings=tuple(kept),
                suppressed=tuple(allowed),
                by_literal=case.looked,
            )
        )
    return tuple(found), state


def _asked(rule: Rule, case: Case) -> bool:
    if rule.catalogue and case.policy is None:
        return False
    return rule.migration is None or rule.migration is case.migration


def _findings(case: Case, rules: Iterable[Rule], text: str) -> Iterable[Finding]:
    inside = tuple(_nested(case))
    for rule in rules:
        if not _asked(rule, case):
            continue
        told = set()
        for hit in rule.check(case):
            told.add(replace(hit, position=-1))
            yield _finding(rule, hit, case.lineage, text)
        # What a query calls is part of its own lineage; other statements only hold theirs.
        for nested in inside if rule.deep or case.kind not in _QUERIES else ():
            for hit in rule.check(nested):
                if nested.lineage.text != case.lineage.text:
                    if replace(hit, position=-1) in told:
                        continue
                    # The body of a function: its places are not those of this text.
                    inside_of = f"(inside: {nested.lineage.kind})"
                    words = [hit.message, inside_of]
                    where = " ".join(words if hit.column is None else reversed(words))
                    hit = replace(hit, message=where, position=-1)
                yield _finding(rule, hit, case.lineage, text)
            case.looked |= nested.looked


def _nested(case: Case) -> Iterable[Case]:
    """The parts of the statement's own text, its bodies, and the parts of those."""

    def one(lineage: Lineage, tree: Node | None) -> Case:
        return Case(
            lineage,
            case.policy,
            state=case.state,
            last=case.last,
            migration=case.migration,
            version=case.version,
            schema=case.schema,
            outer=case.lineage,
            tree=tree,
        )

    for part in parts(case.tree):
        yield one(case.lineage, part)
    for lineage in inner_of(case.lineage):
        nested = one(lineage, case.tree if lineage.text == case.lineage.text else None)
        yield nested
        if lineage.text != case.lineage.text:
            yield from (one(lineage, part) for part in parts(nested.tree))


def _finding(rule: Rule, hit: Hit, lineage: Lineage, text: str) -> Finding:
    place = _placed(hit.position, lineage, text)
    severity = rule.severity if hit.severity is None else hit.severity
    return Finding(
        code=rule.code,
        severity=severity,
        message=hit.message,
        line=place.line,
        column=place.column,
        caret=place.caret,
        hint=hit.hint or rule.fix,
        refused=rule.refused if hit.refused is None else hit.refused,
        columns=_spoken(hit, place),
    )


def _spoken(hit: Hit, place: Place) -> tuple[Spoken, ...]:
    if hit.column is None:
        return ()
    table, column = hit.column
    return (Spoken(line=place.line, at=place.column, table=table, column=column),)


def _too_deep(lineage: Lineage, text: str) -> Finding:
    place = _placed(-1, lineage, text)
    return Finding(
        code="PM605",
        severity=Severity.DENY,
        message="the statement is nested too deeply for the rules",
        line=place.line,
        column=place.column,
        caret=place.caret,
        hint="Write it as several statements, or with fewer parts.",
        refused=True,
    )


def _numbered(case: Case) -> bool:
    """DISTINCT ON of a number: with its literals taken out a text does not say which column."""
    return any(
        only(one)[0] == "A_Const"
        for node in case.of("SelectStmt")
        for one in node.get("distinctClause", ())
    )


def _placed(position: int, lineage: Lineage, text: str) -> Place:
    """The place of a position; one that is outside of the statement means the statement."""
    inside = lineage.start <= position <= lineage.start + len(lineage.text)
    if text[lineage.start : lineage.start + len(lineage.text)] == lineage.text:
        return place_of(text, position if inside else lineage.start)
    relative = place_of(lineage.text, position - lineage.start if inside else 0)
    return replace(relative, line=relative.line + lineage.line - 1)


def _unresolved(lineage: Lineage, text: str) -> Iterable[Finding]:
    for one in (lineage, *inner_of(lineage)):
        for problem in one.unresolved:
            place = _placed(problem.position if one is lineage else -1, lineage, text)
            yield Finding(
                code=problem.code,
                severity=Severity.DENY,
                message=problem.message,
                line=place.line,
                column=place.column,
                caret=place.caret,
                hint=problem.hint,
                path=problem.path,
                refused=True,
            )


def stored(column: Column, policy: Policy | None) -> Column:
    """The column under the name it is stored by, a view's or a shadow's as that of its table."""
    sight = policy.sight(column) if policy is not None else None
    return column if sight is None else sight.stored


def _as_stored(lineage: Lineage, policy: Policy | None) -> Lineage:
    if policy is None:
        return lineage
    reads = {replace(r, column=stored(r.column, policy)) for r in lineage.reads}
    return replace(lineage, reads=tuple(sorted(reads)))


def _output(output: Output, policy: Policy | None, refused: bool) -> ShownOutput:
    """What comes back of one output.

    Of the columns behind it that show something those that only decide count last. The level is the
    gravest of them, the form the barest that any of level 1 or 2 has: a mask beside a value is a
    value.
    """
    sources = tuple(_source(s.column, s.flow, policy) for s in output.sources)
    if refused:
        level = min((s.level for s in sources if s.level is not None), default=None)
        return ShownOutput(output=output, level=level, form=Shown.REFUSED, sources=sources)
    valued = [s for s in sources if s.flow is not Flow.CONDITION] or list(sources)
    showing = [s for s in valued if s.form is not Shown.NULL]
    if not valued:
        return ShownOutput(output=output, level=None, form=Shown.TRUTH)
    counted = showing or valued
    level = min((s.level for s in counted if s.level is not None), default=None)
    gravest = [s for s in counted if s.level == level or s.level in _PERSONAL]
    form = min((s.form for s in gravest), key=_NEARNESS.__getitem__)
    return ShownOutput(output=output, level=level, form=form, sources=sources)


def _source(column: Column, flow: Flow, policy: Policy | None) -> ShownSource:
    sight = policy.sight(column) if policy is not None else None
    if sight is None:
        return ShownSource(column=column, flow=flow, level=None, form=Shown.TRUTH)
    return ShownSource(column=sight.stored, flow=flow, level=sight.level, form=sight.form)
