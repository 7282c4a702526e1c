"""What the server says about one managed object, attribute by attribute.

Recorded after every apply and compared by ``plan`` and ``drift``: server rendering against server
rendering, never against our own text.  ``None`` means that the object is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pgmask.compile.columns import PREFIX
from pgmask.facts.model import AclEntry, Facts, FunctionFact, RelationFact

Address = tuple[str, ...]
Fingerprint = Mapping[str, Any]

NOTHING: Fingerprint = {}
"""Of an object that cannot be read back: it is judged by what was wanted alone."""


class Reader:
    """Fingerprints over one set of facts.

    known: (kind, address) of every managed object, wanted or recorded: what stands beside them on
    the same table (a policy, a trigger, a grantee) is a stranger and part of the table's own
    fingerprint.
    """

    def __init__(self, facts: Facts, known: Iterable[tuple[str, Address]]) -> None:
        self._facts = facts
        self._known = frozenset(known)
        self._roles = {r.name: r for r in facts.roles}
        self._schemas = {s.name: s for s in facts.schemas}
        self._functions = {(f.schema, f.name): f for f in facts.functions}
        self._indexes = {(i.schema, i.name): i for r in facts.relations for i in r.indexes}
        self._sequences = {(s.schema, s.name): s for s in facts.sequences}
        self._rows = dict(facts.profile_columns)
        self._members = {(m.role, m.member): m for m in facts.memberships}
        self._grantees: dict[tuple[str, str, str], set[str]] = {}
        for kind, address in self._known:
            if kind == "grant" and address:
                self._grantees.setdefault(address[:3], set()).add(address[3])  # type: ignore[arg-type]

    def read(self, kind: str, address: Address) -> Fingerprint | None:
        """The attributes of one object as they are now, or None."""
        if not address:
            return NOTHING
        return _READERS[kind](self, address)

    def _relation(self, address: Address) -> RelationFact | None:
        return self._facts.relation(address[0], address[1])

    def _strangers(
        self, kind: str, schema: str, name: str, acl: tuple[AclEntry, ...] | None, owner: str
    ) -> list[str]:
        known = self._grantees.get((kind, schema, name), set()) | {owner}
        return [
            f"{e.grantee or 'PUBLIC'}={e.privileges}" for e in acl or () if e.grantee not in known
        ]

    def role(self, address: Address) -> Fingerprint | None:
        """Attributes of a role, and what it belongs to."""
        found = self._roles.get(address[0])
        if found is None:
            return None
        return {
            "superuser": found.superuser,
            "login": found.login,
            "createrole": found.createrole,
            "createdb": found.createdb,
            "replication": found.replication,
            "bypassrls": found.bypassrls,
            "inherit": found.inherit,
            "member_of": sorted(r for r, m in self._members if m == address[0]),
        }

    def membership(self, address: Address) -> Fingerprint | None:
        """Options of a membership."""
        found = self._members.get((address[0], address[1]))
        if found is None:
            return None
        return {"admin": found.admin, "inherit": found.inherit, "set": found.set}

    def schema(self, address: Address) -> Fingerprint | None:
        """Owner, comment and strangers of a schema."""
        found = self._schemas.get(address[0])
        if found is None:
            return None
        return {
            "owner": found.owner,
            "comment": found.comment,
            "grants": self._strangers("schema", "", address[0], found.acl, found.owner),
        }

    def place(self, address: Address) -> Fingerprint | None:
        """Owner, strangers, foreign triggers, rules and children of a store table.

        Triggers and rules of its partitions and children too, under their qualified names;
        required: the application's columns that refuse NULL.
        """
        found = self._relation(address)
        if found is None:
            return None
        below = self._facts.descendants(found)
        foreign = {
            t.name if one is found else f"{one.schema}.{one.name}.{t.name}": t
            for one in (found, *below)
            for t in one.triggers
            if ("trigger", (one.schema, one.name, t.name)) not in self._known
            and not (t.cloned and one is not found)
        }
        columns = {
            c.name: extra
            for c in found.columns
            if (extra := self._strangers("relation", found.schema, found.name, c.acl, found.owner))
        }
        return {
            "owner": found.owner,
            "persistence": found.persistence,
            "comment": found.comment,
            "grants": self._strangers("relation", found.schema, found.name, found.acl, found.owner),
            "column_grants": columns,
            "triggers": {name: [t.enabled, t.definition] for name, t in foreign.items()},
            "trigger_functions": {name: t.runs for name, t in foreign.items() if t.runs},
            "rules": [
                *found.rules,
                *(f"{c.schema}.{c.name}.{r}" for c in below for r in c.rules),
            ],
            "required": [
                c.name for c in found.columns if c.not_null and not c.name.startswith(PREFIX)
            ],
            "children": [f"{s}.{n}" for s, n in found.children],
        }

    def security(self, address: Address) -> Fingerprint | None:
        """Row-level security, and policies that are not ours."""
        found = self._relation(address)
        if found is None:
            return None
        return {
            "enabled": found.row_security,
            "forced": found.force_row_security,
            "policies": [
                p.name
                for p in found.policies
                if ("policy", (found.schema, found.name, p.name)) not in self._known
            ],
        }

    def column(self, address: Address) -> Fingerprint | None:
        """Attributes of an added column."""
        relation = self._relation(address)
        found = relation.column(address[2]) if relation is not None else None
        if found is None:
            return None
        return {
            "type": found.type,
            "not_null": found.not_null,
            "default": found.default,
            "collation": found.collation,
            "statistics": found.statistics,
            "comment": found.comment,
        }

    def check(self, address: Address) -> Fingerprint | None:
        """Definition of a constraint; validation is progress, not drift."""
        relation = self._relation(address)
        found = relation.constraint(address[2]) if relation is not None else None
        if found is None:
            return None
        return {
            "definition": found.definition.removesuffix(" NOT VALID"),
            "comment": found.comment,
        }

    def index(self, address: Address) -> Fingerprint | None:
        """Definition and validity of an index."""
        found = self._indexes.get((address[0], address[1]))
        if found is None:
            return None
        return {"definition": found.definition, "valid": found.valid, "comment": found.comment}

    def function(self, address: Address) -> Fingerprint | None:
        """Every mark, the source and the grants of a function."""
        found: FunctionFact | None = self._functions.get((address[0], address[1]))
        if found is None:
            return None
        return {
            "owner": found.owner,
            "arguments": found.arguments,
            "language": found.language,
            "volatility": found.volatility,
            "parallel": found.parallel,
            "strict": found.strict,
            "definer": found.definer,
            "leakproof": found.leakproof,
            "config": list(found.config),
            "source": found.source,
            "grants": None
            if found.acl is None
            else self._strangers("function", found.schema, found.name, found.acl, found.owner),
            "comment": found.comment,
        }

    def trigger(self, address: Address) -> Fingerprint | None:
        """State and definition of a trigger."""
        relation = self._relation(address)
        if relation is None:
            return None
        found = next((t for t in relation.triggers if t.name == address[2]), None)
        if found is None:
            return None
        return {
            "enabled": found.enabled,
            "definition": found.definition,
            "comment": found.comment,
        }

    def policy(self, address: Address) -> Fingerprint | None:
        """Everything of a policy."""
        relation = self._relation(address)
        if relation is None:
            return None
        found = next((p for p in relation.policies if p.name == address[2]), None)
        if found is None:
            return None
        return {
            "command": found.command,
            "permissive": found.permissive,
            "roles": list(found.roles),
            "using": found.using,
            "check": found.check,
            "comment": found.comment,
        }

    def view(self, address: Address) -> Fingerprint | None:
        """Owner, options, definition, strangers, defaults, triggers and rules of a view."""
        found = self._relation(address)
        if found is None or found.kind != "v":
            return None
        return {
            "owner": found.owner,
            "options": list(found.options),
            "definition": found.definition,
            "comment": found.comment,
            "grants": self._strangers("relation", found.schema, found.name, found.acl, found.owner),
            "defaults": {c.name: c.default for c in found.columns if c.default is not None},
            # Who may read such a view reads this one with the rights of its owner.
            "lent": sorted(
                f"{d.schema}.{d.name}, owner {d.owner}"
                for d in found.dependants
                if d.kind != "function"
                and not d.invoker
                and ("view", (d.schema, d.name)) not in self._known
            ),
            "triggers": {t.name: t.definition for t in found.triggers},
            "rules": list(found.rules),
        }

    def grant(self, address: Address) -> Fingerprint | None:
        """Privileges of one role on one object."""
        kind, schema, name, grantee = address
        if kind == "schema":
            there = self._schemas.get(name)
            return None if there is None else {"privileges": _letters(there.acl, grantee)}
        if kind == "sequence":
            sequence = self._sequences.get((schema, name))
            return None if sequence is None else {"privileges": _letters(sequence.acl, grantee)}
        if kind == "function":
            function = self._functions.get((schema, name))
            return None if function is None else {"privileges": _letters(function.acl, grantee)}
        relation = self._facts.relation(schema, name)
        if relation is None:
            return None
        columns = {
            c.name: letters
            for c in relation.columns
            if c.acl and (letters := _letters(c.acl, grantee))
        }
        return {"privileges": _letters(relation.acl, grantee), "columns": columns}

    def publication(self, address: Address) -> Fingerprint | None:
        """Columns and filter of a published table."""
        for one in self._facts.published:
            if (one.publication, *one.relation) == address:
                return {
                    "columns": None if one.columns is None else list(one.columns),
                    "where": one.where,
                }
        return None

    def row(self, address: Address) -> Fingerprint | None:
        """Digest of rows in our own tables."""
        if address[0] not in ("profile_column", "profile_path", "stall_rule"):
            return NOTHING
        own = " ".join(address) if address[0] == "profile_path" else address[1]
        digest = self._rows.get(own)
        return None if digest is None else {"rows": digest}


_READERS: dict[str, Callable[[Reader, Address], Fingerprint | None]] = {
    "role": Reader.role,
    "membership": Reader.membership,
    "schema": Reader.schema,
    "place": Reader.place,
    "security": Reader.security,
    "column": Reader.column,
    "check": Reader.check,
    "index": Reader.index,
    "function": Reader.function,
    "trigger": Reader.trigger,
    "policy": Reader.policy,
    "view": Reader.view,
    "grant": Reader.grant,
    "publication": Reader.publication,
    "row": Reader.row,
}


def _letters(acl: tuple[AclEntry, ...] | None, grantee: str) -> str:
    return "".join(sorted(e.privileges for e in acl or () if e.grantee == grantee))


def differences(before: Fingerprint, now: Fingerprint) -> tuple[str, ...]:
    """The attributes that differ, sorted; one that only one side knows counts.

    Of ``required`` only what is gone counts, of ``lent`` only what is new: more columns that refuse
    NULL and fewer views that lend rights take nothing from the protection.
    """
    return tuple(sorted(k for k in {*before, *now} if _differs(k, before.get(k), now.get(k))))


def _differs(attribute: str, before: Any, now: Any) -> bool:
    if attribute == "required":
        return not set(before or ()) <= set(now or ())
    if attribute == "lent":
        return not set(now or ()) <= set(before or ())
    return bool(before != now)
