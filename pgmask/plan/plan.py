"""The plan as a value: what will be run, table by table, bound to the state it was made for.

A plan is JSON on disk.  Every step carries the hash of what was read of its table; ``apply`` reads
again under the table's lock and refuses (PM230) when somebody was faster.
"""

from __future__ import annotations

import gc
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from pgmask.catalogue.model import Catalogue
from pgmask.compile import check, compile
from pgmask.compile.objects import Kind, Object, Problem, Severity
from pgmask.compile.rollout import guard
from pgmask.emit import gated
from pgmask.errors import PlanError, PlanRefused
from pgmask.facts.model import Facts, RelationName
from pgmask.hashing import canonical_json, digest, plain
from pgmask.plan import access
from pgmask.plan.access import AccessChange
from pgmask.plan.diff import Action, Change, diff, sequence
from pgmask.plan.hazards import Hazard
from pgmask.plan.stages import StageChange, back_to_plain, stage_changes

FORMAT = 1
_MADE_ANEW = frozenset({"pgmask_plan", "steps", "changes", "warnings", "stages", "hash"})
SHARED = ""
AFTER = "~"
"""The last step: what the database shared and nobody uses any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStatement:
    """One statement as it is run; object: key of the object it belongs to."""

    text: str
    comment: str = ""
    object: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedObject:
    """What ``managed_object`` will hold of one object; expects: see ``compile.objects.Object``."""

    kind: str
    identity: str
    phase: int
    address: tuple[str, ...]
    desired_hash: str
    drop: tuple[str, ...]
    action: str
    expects: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def key(self) -> str:
        """``kind:identity``."""
        return f"{self.kind}:{self.identity}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One transaction: a protected table, or what the database shares (``''`` first, ``~`` last).

    state: hash of what the step was planned for; relations: what is read before and after; lock:
    the table that is locked first, None when nothing is there yet; removed: keys of objects that
    are forgotten; drifted: key and attributes of what somebody changed by hand.
    """

    table: str
    state: str
    lock: RelationName | None
    relations: tuple[RelationName, ...]
    statements: tuple[PlannedStatement, ...]
    objects: tuple[PlannedObject, ...]
    removed: tuple[str, ...] = ()
    hazards: tuple[str, ...] = ()
    drifted: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything ``apply`` needs.

    page: the text that is signed, page_hash its hash; needs_approval: A5; warnings: problems that
    do not refuse; lock_slots: the server's capacity; author: who wrote the change; bystanders: hash
    of the tables that are not protected, as the plan judged them; stages: tables that change their
    stage; partial: steps were left out, so the state afterwards is not what the catalogue says.
    """

    database: str
    server_version: int
    catalogue_hash: str
    before_hash: str
    catalogue: Mapping[str, Any]
    access: Mapping[str, Any]
    page: str
    needs_approval: bool
    steps: tuple[Step, ...]
    tables: int
    changes: tuple[AccessChange, ...] = ()
    warnings: tuple[str, ...] = ()
    lock_slots: int = 0
    author: str = ""
    bystanders: str = ""
    stages: tuple[StageChange, ...] = ()
    partial: bool = False

    @property
    def page_hash(self) -> str:
        """SHA-256 of the page that is signed."""
        return access.page_hash(self.page)

    @property
    def hash(self) -> str:
        """SHA-256 of the whole plan."""
        return digest(self.to_json())

    @property
    def empty(self) -> bool:
        """Nothing to do: no statement and the same catalogue."""
        return not self.steps and self.catalogue_hash == self.before_hash

    @property
    def hazards(self) -> tuple[str, ...]:
        """The hazards of all steps, each once, sorted."""
        found = {h for s in self.steps for h in s.hazards}
        if any(c.uses for c in self.stages):
            found.add(Hazard.BASE_TABLE_IN_USE.value)
        if any(c.widens for c in self.changes):
            found.add(Hazard.WIDENS_ACCESS.value)
        if any(not c.widens and not c.adds for c in self.changes):
            found.add(Hazard.NARROWS_ACCESS.value)
        return tuple(sorted(found))

    def to_file(self) -> str:
        """The JSON with its own hash in it, so that a file damaged or edited by hand is noticed."""
        return canonical_json({"pgmask_plan": FORMAT, "hash": self.hash, **plain(self)}) + "\n"

    def to_json(self) -> str:
        """Canonical JSON, ``pgmask_plan`` telling the format."""
        return canonical_json({"pgmask_plan": FORMAT, **plain(self)})


def lock_count(step: Step) -> int:
    """How many entries of the lock table the step needs at most: an estimate from above.

    Per relation the table, its TOAST table and some indexes; beside them system catalogues.
    """
    return 6 * len(step.relations) + 48


def load(text: str) -> Plan:
    """A plan from its JSON.  Raises PlanError (PM240) when it is none of this format,
    PlanRefused (PM240) when it was changed after it was written.
    """
    try:
        value = json.loads(text)
    except ValueError:
        raise PlanError("PM240", "the plan file is not JSON") from None
    if not isinstance(value, dict) or value.get("pgmask_plan") != FORMAT:
        raise PlanError("PM240", "the file is not a plan of this version of pgmask")
    try:
        plan = Plan(
            **{k: v for k, v in value.items() if k not in _MADE_ANEW},
            steps=tuple(_step(s) for s in value["steps"]),
            changes=tuple(AccessChange(**c) for c in value["changes"]),
            warnings=tuple(value["warnings"]),
            stages=tuple(
                StageChange(**{**c, "loses": tuple(c["loses"]), "uses": tuple(c["uses"])})
                for c in value["stages"]
            ),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError):
        raise PlanError("PM240", "the plan file is not complete") from None
    if value.get("hash", plan.hash) != plan.hash:
        raise PlanRefused("PM240", "the plan file was changed after it was written")
    return plan


def _step(value: dict[str, Any]) -> Step:
    return Step(
        table=value["table"],
        state=value["state"],
        lock=cast(RelationName, tuple(value["lock"])) if value["lock"] else None,
        relations=tuple((s, n) for s, n in value["relations"]),
        statements=tuple(PlannedStatement(**s) for s in value["statements"]),
        objects=tuple(
            PlannedObject(
                **{k: v for k, v in o.items() if k not in ("address", "drop", "expects")},
                address=tuple(o["address"]),
                drop=tuple(o["drop"]),
                expects=tuple((p, tuple(c)) for p, c in o["expects"]),
            )
            for o in value["objects"]
        ),
        removed=tuple(value["removed"]),
        hazards=tuple(value["hazards"]),
        drifted=tuple((k, tuple(a)) for k, a in value["drifted"]),
    )


def refuse(problems: Iterable[Problem]) -> None:
    """Raise PlanError (PM200) naming every problem that refuses; do nothing without one."""
    found = [p for p in problems if p.severity is Severity.REFUSE]
    if not found:
        return
    lines = [f"{p}" + (f"\n    {p.hint}" if p.hint else "") for p in found]
    raise PlanError(
        "PM200",
        f"{len(found)} problem{'s' if len(found) > 1 else ''}: nothing was planned",
        detail="\n".join(lines),
    )


def make(catalogue: Catalogue, facts: Facts, *, author: str = "") -> Plan:
    """The plan that takes the database from the facts to the catalogue.

    Raises PlanError: PM200 with every reason why the catalogue cannot be laid over the database.
    """
    # Hundreds of thousands of small values that all live to the end: the collector finds nothing.
    collecting = gc.isenabled()
    gc.disable()
    try:
        problems = check(catalogue, facts)
        refuse(problems)
        objects = compile(catalogue, facts)
        return _assemble(catalogue, facts, objects, diff(objects, facts), problems, author)
    finally:
        if collecting:
            gc.enable()


def _assemble(
    catalogue: Catalogue,
    facts: Facts,
    objects: tuple[Object, ...],
    changes: tuple[Change, ...],
    problems: tuple[Problem, ...],
    author: str,
) -> Plan:
    by_table: defaultdict[str, list[Change]] = defaultdict(list)
    for change in changes:
        by_table[AFTER if _late(change, catalogue) else change.table].append(change)
    steps = [
        step(table, by_table[table], facts)
        for table in _in_order(by_table, catalogue)
        if any(c.action is not Action.KEEP for c in by_table[table])
    ]
    after = access.matrix(catalogue)
    before = facts.deployed.access if facts.deployed is not None else None
    before_hash = facts.deployed.catalogue_hash if facts.deployed is not None else ""
    wanted = catalogue.hash
    lines = access.changes(before, after) if wanted != before_hash else ()
    return Plan(
        database=facts.database,
        server_version=facts.version,
        catalogue_hash=wanted,
        before_hash=before_hash,
        catalogue=catalogue.written_out if steps or wanted != before_hash else {},
        access=after if steps or wanted != before_hash else {},
        page=access.page(lines, wanted, facts.database),
        needs_approval=access.needs_approval(lines),
        steps=tuple(steps),
        tables=len(catalogue.tables),
        changes=lines,
        warnings=tuple(str(p) for p in problems if p.severity is Severity.WARN),
        lock_slots=facts.lock_slots,
        author=author,
        bystanders=bystanders(facts, {t.id for t in catalogue.tables}),
        stages=stage_changes(catalogue, facts, objects),
    )


def _late(change: Change, catalogue: Catalogue) -> bool:
    """What is dropped when every table is done: shared, of a table that is only forgotten (the
    shared step may reach it already), or read by other tables' policies.
    """
    if change.action is not Action.DROP or change.managed is None:
        return False
    address = change.managed.address
    if change.managed.kind == "grant" and address:
        address = address[1:3]
    if change.table == SHARED or catalogue.table(change.table) is None:
        return True
    return (
        change.managed.kind in ("view", "grant")
        and address[:1] == ("pgmask_private",)
        and address[1].startswith("rollout_subject_")
    )


def narrowed(plan: Plan, tables: Iterable[str]) -> Plan:
    """The plan with the steps of these tables alone (``''`` for what the database shares)."""
    wanted = set(tables)
    steps = tuple(s for s in plan.steps if s.table in wanted)
    return replace(
        plan,
        steps=steps,
        stages=tuple(c for c in plan.stages if c.table in wanted),
        partial=plan.partial or len(steps) < len(plan.steps),
    )


def bystanders(facts: Facts, protected: Iterable[str]) -> str:
    """Hash of names and columns of the relations that are neither store, child nor view of ours."""
    ours = {m.address[:2] for m in facts.managed if m.kind in ("security", "view")}
    ours |= {(s.schema, s.name) for s in facts.stores}
    named = set(protected)
    for relation in facts.relations:
        if f"{relation.schema}.{relation.name}" in named:
            ours |= {relation.qualified, *(d.qualified for d in facts.descendants(relation))}
    return digest(
        [
            (r.schema, r.name, r.kind, [c.name for c in r.columns])
            for r in facts.relations
            if r.qualified not in ours and r.schema not in ("pgmask", "pgmask_private")
        ]
    )


def only_tables(plan: Plan, tables: Iterable[str]) -> Plan:
    """The plan for these tables and what the database shares; drops of shared things come last.

    Raises PlanRefused: PM274 for a table that the catalogue does not have, PM278 where the table of
    its subjects has changes that must come first.
    """
    wanted = set(tables)
    catalogue = plan.catalogue
    known = {f"{t['schema']}.{t['name']}": t for t in catalogue.get("tables", ())}
    for name in sorted(wanted - set(known)) if known else ():
        raise PlanRefused("PM274", f"{name} is not a table of the catalogue")
    for name in sorted(wanted & set(known)):
        for home in homes_due(plan, name) - wanted:
            raise PlanRefused(
                "PM278", f"{name} needs the changes of {home} first",
                hint=f"pgmask apply CATALOGUE --only {home} --only {name}, or without --only.",
            )  # fmt: skip
    all_of_them = {s.table for s in plan.steps} - {SHARED, AFTER} <= wanted
    return narrowed(plan, wanted | {SHARED} | ({AFTER} if all_of_them else set()))


def homes_due(plan: Plan, table: str) -> frozenset[str]:
    """The table of a table's subjects, where the plan changes both: that one's step comes first."""
    homes = {s["name"]: s["table"] for s in plan.catalogue.get("subjects", ())}
    pending = {s.table for s in plan.steps}
    return frozenset(
        home
        for t in plan.catalogue.get("tables", ())
        if f"{t['schema']}.{t['name']}" == table and table in pending
        for home in (homes.get(t.get("subject_class")),)
        if home in pending - {table}
    )


def nothing(catalogue: Catalogue, database: str) -> Plan:
    """The empty plan: the database is as the last apply of this catalogue left it."""
    return Plan(
        database=database,
        server_version=0,
        catalogue_hash=catalogue.hash,
        before_hash=catalogue.hash,
        catalogue={},
        access={},
        page=access.page((), catalogue.hash, database),
        needs_approval=False,
        steps=(),
        tables=len(catalogue.tables),
    )


def _in_order(tables: Iterable[str], catalogue: Catalogue) -> list[str]:
    """Subjects' own tables before the others: policies of those look subjects up in the store."""
    subjects = {s.table for s in catalogue.subjects}
    return sorted(tables, key=lambda t: (t == AFTER, t != SHARED and t not in subjects, t))


def step(table: str, changes: list[Change], facts: Facts) -> Step:
    """One step from the changes of one table."""
    statements: list[PlannedStatement] = []
    if table not in (SHARED, AFTER) and back_to_plain(table, changes, facts):
        first = guard(table)
        statements.append(PlannedStatement(text=first.text, comment=first.comment))
    for change, what in sequence(changes):
        statements += _statements(change, what)
    objects = [c.object for c in changes if c.object is not None]
    relations = _relations(table, changes, facts)
    recorded = facts.store(table)
    lock: RelationName | None = (recorded.schema, recorded.name) if recorded is not None else None
    if lock is None and "." in table:
        place = next((o for o in objects if o.kind is Kind.PLACE), None)
        lock = next(
            (r for r in relations if place is not None and place.address
             and r[1] == place.address[1]
             and (found := facts.relation(*r)) is not None and found.kind in "rp"),
            None,
        )  # fmt: skip
    return Step(
        table=table,
        state=state_of(table, relations, facts),
        lock=lock,
        relations=relations,
        statements=tuple(statements),
        objects=tuple(
            PlannedObject(
                kind=c.object.kind.value,
                identity=c.object.identity,
                phase=int(c.object.phase),
                address=c.object.address,
                desired_hash=c.object.desired_hash,
                drop=tuple(s.text for s in c.object.drop),
                action=c.action.value,
                expects=c.object.expects,
            )
            for c in changes
            if c.object is not None
        ),
        removed=tuple(sorted(c.key for c in changes if c.action is Action.DROP)),
        hazards=hazards_of(changes, facts),
        drifted=tuple((c.key, c.drifted) for c in changes if c.drifted),
    )


def _statements(change: Change, what: str) -> list[PlannedStatement]:
    if what == "create" and change.object is not None:
        return [
            PlannedStatement(text=s.text, comment=s.comment, object=change.key)
            for s in gated(change.object.create)
        ]
    texts: tuple[str, ...] = ()
    if change.object is not None:
        texts = tuple(s.text for s in gated(change.object.drop))
    elif change.managed is not None:
        texts = change.managed.drop
    return [PlannedStatement(text=t, object=change.key) for t in texts]


_RELATED = frozenset(
    {"place", "security", "column", "check", "trigger", "policy", "view"}
)  # kinds whose address begins with schema and relation


def _relations(table: str, changes: list[Change], facts: Facts) -> tuple[RelationName, ...]:
    found: set[RelationName] = set()
    for change in changes:
        for kind, address in _addresses(change):
            if kind in _RELATED:
                found.add((address[0], address[1]))
            elif kind == "grant" and address[0] == "relation":
                found.add((address[1], address[2]))
    recorded = facts.store(table)
    if recorded is None and "." in table:
        # Before adoption the table stands under its own name; so do its partitions.
        for schema, name in list(found):
            for relation in facts.relations:
                if relation.name == name and f"{relation.schema}.{relation.name}" == table:
                    found.add(relation.qualified)
                    found |= {d.qualified for d in facts.descendants(relation)}
            del schema
    return tuple(sorted(found))


def _addresses(change: Change) -> list[tuple[str, tuple[str, ...]]]:
    found = []
    if change.object is not None and change.object.address:
        found.append((change.object.kind.value, change.object.address))
    if change.managed is not None and change.managed.address:
        found.append((change.managed.kind, change.managed.address))
    return found


def state_of(table: str, relations: tuple[RelationName, ...], facts: Facts) -> str:
    """Hash of what was read of a step's relations and of what is recorded of them."""
    if table == AFTER:
        return ""  # what it drops stands on what the steps before it change
    seen = [
        (name, found.state) for name in relations if (found := facts.relation(*name)) is not None
    ]
    recorded = [(m.key, m.desired_hash) for m in facts.managed if m.parent == table]
    return digest([seen, sorted(recorded)])


_PROTECTS = frozenset({"policy", "trigger", "check", "security"})


def hazards_of(changes: list[Change], facts: Facts) -> tuple[str, ...]:
    """The hazards of one step, from what happens to which kind of object."""
    found: set[str] = set()
    for change in changes:
        one = change.object
        kind = (
            one.kind.value if one is not None else (change.managed.kind if change.managed else "")
        )
        if change.action is Action.KEEP:
            continue
        if change.action is Action.DROP:
            # A policy or view that goes with its profile narrows; a guard that goes protects less.
            if kind in ("trigger", "check", "security"):
                found.add(Hazard.DROPS_PROTECTION.value)
            if kind == "column":
                found.add(Hazard.IRREVERSIBLE.value)
            if kind in ("grant", "view"):
                found.add(Hazard.NARROWS_ACCESS.value)
        elif one is not None:
            found |= set(one.hazards)
            if change.drifted and change.managed is not None:
                found.add(Hazard.OVERWRITES_DRIFT.value)
            if kind == "place" and change.managed is None:
                found.add(Hazard.NARROWS_ACCESS.value)
        if kind in ("place", "column", "check", "trigger", "security", "policy", "view"):
            found.add(Hazard.TAKES_ACCESS_EXCLUSIVE_LOCK.value)
    del facts
    return tuple(sorted(found))
