"""Which changes of what protects the record and the stores weaken it, and what may explain them.

A change that weakens is a finding, unless work of the ordinary course that makes such changes is on
record for the same time. Nothing explains what pgmask itself never does: a trigger of its own that
is off, a trigger or rule of somebody's on the record, a right on it for somebody else. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

Lines = Mapping[str, str]
"""Of one part: state by name of the object."""

DEPLOYMENT: Final = "deployment"
INSTALL: Final = "install"
WINDOW: Final = "window"
ERA: Final = "era"
KEY: Final = "key"
RETENTION: Final = "retention"

_NEVER: Final = frozenset[str]()
_RUNTIME: Final = frozenset({INSTALL})
_WORDED: Final = frozenset({INSTALL, ERA})
"""As the server words it: that may change with its version and its numbers of objects."""
_MADE: Final = frozenset({DEPLOYMENT, INSTALL, ERA})
_STORES: Final = frozenset({DEPLOYMENT, INSTALL, WINDOW, ERA})

_STRONG: Final = frozenset({"SUPERUSER", "BYPASSRLS", "REPLICATION", "CREATEROLE", "LOGIN"})
_ACTING: Final = frozenset({
    "pgmask_owner", "pgmask_sealer", "pgmask_store", "pgmask_migrator", "pgmask_keyless",
    "pgmask_lookup", "pgmask_recorder", "pgmask_slots",
})  # fmt: skip
"""Roles that own or act; the others are groups, made for logins to be members of."""
_MONTH: Final = re.compile(r"pgmask_audit\.(access|change|activity)_(\d{4}_\d{2}|default)")
_GUARDS: Final = {
    "a_only_added": "BEFORE DELETE OR UPDATE ON {} FOR EACH ROW",
    "a_never_emptied": "BEFORE TRUNCATE ON {} FOR EACH STATEMENT",
}
"""The triggers of every month of the record, as the server words them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One object that is not as it was; a state of None: it is not there.

    tables, members: the lines of these parts before and after.
    """

    part: str
    name: str
    old: str | None
    new: str | None
    tables: tuple[Lines, Lines]
    members: Lines

    @property
    def relation(self) -> str:
        """The table that it is on, of parts whose names begin with one."""
        words = self.name.split(" ")
        for end in range(1, len(words)):
            name = " ".join(words[:end])
            if name in self.tables[0] or name in self.tables[1]:
                return name
        return words[0]

    @property
    def ours(self) -> bool:
        """Whether that is one of pgmask's own."""
        return self.relation.startswith("pgmask")

    @property
    def gone(self) -> bool:
        """Whether it went and its table stayed: an archived month takes what it had along."""
        return self.new is None and self.relation in self.tables[1]

    @property
    def fresh(self) -> bool:
        """Whether its table came with it."""
        return self.relation not in self.tables[0]


def explained_by(step: Step) -> frozenset[str] | None:
    """None where nothing is weaker; else the sorts of work that may explain it, none for most."""
    judge = {
        "triggers": _trigger, "policies": _policy, "tables": _table, "functions": _function,
        "views": _view, "schemas": _schema, "roles": _role, "members": _member,
        "parameters": _parameter, "columns": _column, "constraints": _column, "labels": _labels,
        "settings": _setting,
    }.get(step.part)  # fmt: skip
    return judge(step) if judge else None


def _trigger(step: Step) -> frozenset[str] | None:
    old, new, name = step.old, step.new, step.name.rpartition(" ")[2]
    if step.name.startswith("(event)"):
        watched = name.startswith("pgmask_") and (old or "").startswith("A ")
        return _RUNTIME if watched and not (new or "").startswith("A ") else None
    mine = step.ours or "pgmask" in name
    if new is None:
        if not step.gone:
            return None
        return _RUNTIME if step.ours else _STORES if mine else None
    if not new.startswith("A ") and ((old or "").startswith("A ") or mine):
        return _NEVER
    if old is not None and old[2:] == new[2:]:
        return None
    if step.ours:
        if step.fresh and _MONTH.fullmatch(step.relation):
            return None if _guards(step.relation, name, new) else _NEVER
        return _MADE if step.fresh else _WORDED if old is not None else _RUNTIME
    return _STORES if mine and old is not None else None


def _guards(month: str, name: str, state: str) -> bool:
    words = _GUARDS.get(name)
    if words is None:
        return False
    text = (
        f"CREATE TRIGGER {name} {words.format(month)}"
        " EXECUTE FUNCTION pgmask_private.refuse_record_change()"
    )
    return state == f"A {sha256(text.encode()).hexdigest()}"


def _policy(step: Step) -> frozenset[str] | None:
    if step.new is None and not step.gone:
        return None
    return _WORDED if step.ours else _STORES


def _table(step: Step) -> frozenset[str] | None:
    if step.new is None:
        return None
    old, new = (step.old or "").split(" ", 4), step.new.split(" ", 4)
    if step.old is not None:
        if old[0] != new[0] or old[1] != new[1]:
            return _NEVER if step.ours else _STORES
        for place, held in ((2, "rows"), (3, "forced")):
            if old[place] == held != new[place]:
                return _NEVER if step.ours else _STORES
    if not step.relation.startswith(("pgmask_audit.", "pgmask_private.", "pgmask_note.")):
        return None
    gained = _gained(old[4] if len(old) > 4 else "", new[4] if len(new) > 4 else "")
    return _given(gained, owner=new[1])


def _gained(old: str, new: str) -> set[str]:
    """To whom rights came that he had not: names of roles, empty for everybody."""
    before = _rights(old)
    return {
        role for role, rights in _rights(new).items() if set(rights) - set(before.get(role, ""))
    }


def _rights(acl: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in acl.split(","):
        role, _, rights = item.rpartition("=")
        if rights:
            role = role.strip('"')
            found[role] = found.get(role, "") + rights.split("/")[0]
    return found


def _given(gained: set[str], *, owner: str) -> frozenset[str] | None:
    gained = gained - {owner}
    if not gained:
        return None
    return _MADE if all(role.startswith("pgmask_") for role in gained) else _NEVER


def _function(step: Step) -> frozenset[str] | None:
    return _MADE


def _view(step: Step) -> frozenset[str] | None:
    if step.new is None:
        return None
    kind = step.tables[1].get(step.relation, "")[:1]
    if kind in ("r", "p"):
        # A rule on a table: pgmask makes none.
        return _NEVER if step.ours else None
    return None if step.fresh else _STORES


def _schema(step: Step) -> frozenset[str] | None:
    if step.old is None or step.new is None:
        return None
    (owner, _, before), (new_owner, _, after) = step.old.partition(" "), step.new.partition(" ")
    if owner != new_owner:
        return _NEVER if step.ours else _STORES
    return _given(_gained(before, after), owner=owner) if step.ours else None


def _role(step: Step) -> frozenset[str] | None:
    gained = set((step.new or "").split(" ")) - set((step.old or "").split(" "))
    if step.name == "pgmask_slots":
        gained.discard("REPLICATION")  # what it is for: a superuser gives it that
    if not gained & _STRONG:
        return None
    # Another cluster has superusers of other names.
    return _NEVER if step.name.startswith("pgmask_") else frozenset({ERA})


def _member(step: Step) -> frozenset[str] | None:
    member, _, role = step.name.rpartition(" of ")
    if step.new is None or (step.old, step.new) == ("admin", "member"):
        return None
    if not role.startswith("pgmask_"):
        # A superuser's role, or a role of pgmask was made a member of another one's.
        return _MADE if member.startswith("pgmask_") else frozenset({ERA})
    if role not in _ACTING and not role.endswith("_views"):
        return _RUNTIME if member in _ACTING else None
    if member == "pgmask_migrator" and (role.endswith("_views") or role == "pgmask_store"):
        return None
    if f"{member} of pgmask_owner" in step.members:
        return None  # nothing that he could not take before
    return frozenset({WINDOW, ERA}) if role == "pgmask_store" else frozenset({ERA})


def _parameter(step: Step) -> frozenset[str] | None:
    silences = step.name == "session_replication_role" or (
        "session_replication_role" in (step.new or "")
    )
    return _NEVER if step.new is not None and silences else None


def _column(step: Step) -> frozenset[str] | None:
    _, part_of, table = step.name.partition(" is a partition of ")
    if part_of:
        month = _MONTH.fullmatch(step.relation)
        named = month is not None and table == f"pgmask_audit.{month[1]}"
        return None if step.new is None or named else _NEVER
    if step.new is None and not step.gone:
        return None
    if step.fresh:
        # Of a month nothing is told but what differs from its table.
        return _NEVER if _MONTH.fullmatch(step.relation) else None
    return _WORDED


def _labels(step: Step) -> frozenset[str] | None:
    if step.old is None or step.new is None:
        return None
    try:
        old, new = (json.loads(s.replace("\\\\", "\\")) for s in (step.old, step.new))
    except ValueError:
        return _STORES
    rest = iter(new)
    # What rows say is the same while every label of before is there, in its order.
    return None if all(label in rest for label in old) else _STORES


def _setting(step: Step) -> frozenset[str] | None:
    if step.old is None and step.name.startswith("retention "):
        return _RUNTIME
    return frozenset({KEY if step.name == "text_key" else RETENTION})
