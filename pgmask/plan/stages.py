"""Changes of stage in a plan: from where to where, and who loses the base table by it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pgmask.catalogue.model import Catalogue, Opens, Table
from pgmask.compile.context import BACKUP, OWNER, SEALER
from pgmask.compile.giveback import WORDS
from pgmask.compile.objects import Kind, Object
from pgmask.compile.stages import Stage
from pgmask.facts.model import Facts, RelationFact
from pgmask.plan.diff import Action, Change


@dataclass(frozen=True, slots=True, kw_only=True)
class StageChange:
    """One table that changes its stage.

    before: '' for a table taken over for the first time; loses: who has rights on the base table
    now and will have none, as ``role: SELECT, INSERT``; uses: logins among them that were met at
    the table while it was observed, as ``login (application), last met on date and time``.
    """

    table: str
    before: str
    after: str
    loses: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()

    @property
    def back(self) -> bool:
        """Towards observe."""
        return bool(self.before) and Stage(self.after).number < Stage(self.before).number


def stage_changes(
    catalogue: Catalogue, facts: Facts, objects: tuple[Object, ...]
) -> tuple[StageChange, ...]:
    """One per table that the plan takes to another stage, in the catalogue's order.

    A table that waits for ``pgmask seal`` at ``sealing`` is on its way to ``enforced`` already.
    """
    asked = {m.identity: m.desired_hash for m in facts.managed if m.kind == Kind.ROW.value}
    wanted = {o.identity: o for o in objects if o.kind is Kind.ROW}
    found = []
    for table in catalogue.tables:
        name = f"stage {table.id}"
        one = wanted.get(name)
        if one is None or asked.get(name) == one.desired_hash:
            continue
        recorded = facts.store(table.id)
        before = recorded.stage if recorded is not None else ""
        if before == table.rollout:
            continue
        relation = facts.store_relation(table.id, table.schema, table.name)
        leaves = Stage(table.rollout).moved and before in ("", Stage.OBSERVE.value)
        loses = tuple(_loses(catalogue, facts, relation)) if leaves and relation else ()
        found.append(
            StageChange(
                table=table.id, before=before, after=table.rollout, loses=loses,
                uses=tuple(_uses(catalogue, facts, table)) if leaves else (),
            )
        )  # fmt: skip
    return tuple(found)


def _loses(catalogue: Catalogue, facts: Facts, relation: RelationFact) -> Iterator[str]:
    ours = {BACKUP, OWNER, SEALER, catalogue.store_owner}
    for profile in catalogue.profiles:
        ours |= {catalogue.group_role(profile), catalogue.view_owner(profile)}
    rights: dict[str, set[str]] = {relation.owner: {"everything, as its owner"}}
    for one in (relation, *facts.descendants(relation)):
        entries = [*(one.acl or ()), *(e for c in one.columns for e in c.acl)]
        for entry in entries:
            if entry.grantee not in ours and entry.grantee != relation.owner:
                words = {WORDS[letter] for letter in entry.privileges if letter != "*"}
                rights.setdefault(entry.grantee or "PUBLIC", set()).update(words)
    for role in sorted(rights):
        if role not in ours:
            yield f"{role}: {', '.join(sorted(rights[role]))}"


def _uses(catalogue: Catalogue, facts: Facts, table: Table) -> Iterator[str]:
    """Logins met at the base table that no profile serves under its name afterwards."""
    served = set()
    for profile in catalogue.profiles:
        if profile.may(table) and profile.opens is Opens.ALWAYS:
            served |= _members(facts, catalogue.group_role(profile))
    for use in facts.uses:
        if use.table_id == table.id and use.login not in served:
            name = f" ({use.application})" if use.application else ""
            yield f"{use.login}{name}, last met {use.last_seen}"


def _members(facts: Facts, role: str) -> set[str]:
    found, todo = {role}, [role]
    while todo:
        now = todo.pop()
        for one in facts.memberships:
            if one.role == now and one.member not in found:
                found.add(one.member)
                todo.append(one.member)
    return found


def back_to_plain(table: str, changes: list[Change], facts: Facts) -> bool:
    """Whether the step takes a table from stages that seal to one that does not."""
    for change in changes:
        one = change.object
        if one is not None and one.kind is Kind.ROW and one.identity == f"stage {table}":
            return change.action is not Action.KEEP and not Stage(one.state).seals and any(
                m.parent == table and m.kind == Kind.TRIGGER.value for m in facts.managed
            )  # fmt: skip
    return False
