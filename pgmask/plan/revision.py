"""A plan as an ordinary Alembic revision: upgrade from the plan's SQL, downgrade from its inverse.

The inverse is exact for what the plan makes anew and for what it replaces and the server had
rendered: views, policies, privileges, row-level security, comments.  What cannot be undone without
a key or without data (columns that were dropped, tables that were moved aside and sealed) is named
in the downgrade, which then refuses instead of half doing it.
"""

from __future__ import annotations

from collections.abc import Iterable

from pgmask.facts.model import AclEntry, Facts, PolicyFact
from pgmask.names import Name, QualName
from pgmask.plan.plan import Plan, PlannedObject, Step
from pgmask.sqltext import gate, literal

_COMMANDS = {"r": "SELECT", "a": "INSERT", "w": "UPDATE", "d": "DELETE", "*": "ALL"}
_WORDS = {"relation": "TABLE", "sequence": "SEQUENCE", "schema": "SCHEMA"}
_LETTERS = {
    "r": "SELECT", "a": "INSERT", "w": "UPDATE", "d": "DELETE", "U": "USAGE", "C": "CREATE",
}  # fmt: skip


def revision(plan: Plan, facts: Facts, *, revision_id: str, down: str | None, message: str) -> str:
    """The text of the revision's file.

    facts: those the plan was made from; down: the revision before it, None for the first.
    """
    upgrade = [s.text for step in plan.steps for s in step.statements]
    downgrade = [text for step in reversed(plan.steps) for text in inverse(step, facts)]
    stuck = sorted({key for step in plan.steps for key in irreversible(step)})
    lines = [
        f'"""{" ".join(message.replace(chr(92), " ").replace(chr(34), " ").split())}',
        "",
        f"pgmask catalogue {plan.catalogue_hash}, page {plan.page_hash}.",
        "Run it with an installer's login; afterwards `pgmask apply` finds nothing left to do but",
        "to record it.",
        '"""',
        "",
        "from alembic import context, op",
        "",
        f"revision = {revision_id!r}",
        f"down_revision = {down!r}",
        "branch_labels = None",
        "depends_on = None",
        "",
        f"UPGRADE = (\n{_tuple(upgrade)})",
        "",
        f"DOWNGRADE = (\n{_tuple(downgrade)})",
        "",
        f"IRREVERSIBLE = (\n{_tuple(stuck)})",
        "",
        "",
        "def _run(statements: tuple[str, ...]) -> None:",
        "    # As they are: a colon or a per cent sign in them is no parameter.",
        "    if context.is_offline_mode():",
        "        for statement in statements:",
        '            op.get_context().impl.static_output(statement + ";")',
        "        return",
        "    connection = op.get_bind().execution_options(no_parameters=True)",
        "    for statement in statements:",
        "        connection.exec_driver_sql(statement)",
        "",
        "",
        "def upgrade() -> None:",
        "    _run(UPGRADE)",
        "",
        "",
        "def downgrade() -> None:",
        "    if IRREVERSIBLE:",
        '        raise RuntimeError("cannot be undone by SQL: " + ", ".join(IRREVERSIBLE))',
        "    _run(DOWNGRADE)",
        "",
    ]
    return "\n".join(lines)


def _tuple(texts: Iterable[str]) -> str:
    return "".join(f"    {text!r},\n" for text in texts)


def irreversible(step: Step) -> tuple[str, ...]:
    """Keys of objects whose change no SQL of ours can take back."""
    found = [k for k in step.removed if k.startswith(("column:", "function:", "trigger:"))]
    for one in step.objects:
        if one.action == "keep":
            continue
        if one.kind == "place" or (one.kind in ("column", "trigger", "check") and not one.drop):
            found.append(one.key)
    return tuple(found)


def inverse(step: Step, facts: Facts) -> tuple[str, ...]:
    """Statements that give the step's relations back as the facts knew them, gated."""
    found: list[str] = []
    for one in reversed(step.objects):
        if one.action in ("create",):
            found += one.drop
        elif one.action in ("replace", "recreate"):
            found += _before(one, facts)
    for managed in facts.managed:
        if managed.key in step.removed:
            found += _again(managed.kind, managed.address, facts)
    for text in found:
        gate(text)
    return tuple(found)


def _before(one: PlannedObject, facts: Facts) -> list[str]:
    if one.kind == "view":
        return _view(one, facts)
    again = _again(one.kind, one.address, facts)
    return [*one.drop, *again] if one.kind == "policy" else again


def _again(kind: str, address: tuple[str, ...], facts: Facts) -> list[str]:
    """Statements that make the object as the facts have it; nothing for kinds without any."""
    if kind == "policy":
        relation = facts.relation(address[0], address[1])
        policy = next(
            (p for p in (relation.policies if relation else ()) if p.name == address[2]), None
        )
        return _policy(QualName.of(address[0], address[1]), policy) if policy else []
    if kind == "grant" and address:
        return _grant(address, facts)
    if kind == "view":
        relation = facts.relation(address[0], address[1])
        if relation is None or relation.definition is None:
            return []
        return _make_view(QualName.of(address[0], address[1]), relation.definition,
                          relation.owner, relation.comment)  # fmt: skip
    return []


def _view(one: PlannedObject, facts: Facts) -> list[str]:
    relation = facts.relation(one.address[0], one.address[1])
    if relation is None or relation.definition is None:
        return list(one.drop)
    name = QualName.of(one.address[0], one.address[1])
    made = _make_view(name, relation.definition, relation.owner, relation.comment)
    held = {e.grantee for e in relation.acl or () if e.grantee != relation.owner}
    grants = [
        text
        for grantee in sorted(held)
        for text in _grant(("relation", name.schema.text, name.name.text, grantee), facts)[1:]
    ]
    return [*one.drop, *made, *grants]


def _make_view(name: QualName, definition: str, owner: str, comment: str | None) -> list[str]:
    return [
        f"CREATE VIEW {name.quoted} AS\n{definition.rstrip().rstrip(';')}",
        f"ALTER VIEW {name.quoted} OWNER TO {Name(owner).quoted}",
        f"COMMENT ON VIEW {name.quoted} IS {literal(comment)}",
    ]


def _policy(relation: QualName, policy: PolicyFact) -> list[str]:
    name = Name(policy.name)
    roles = ", ".join("PUBLIC" if r == "PUBLIC" else Name(r).quoted for r in policy.roles)
    using = f" USING ({policy.using})" if policy.using is not None else ""
    check = f" WITH CHECK ({policy.check})" if policy.check is not None else ""
    permissive = "PERMISSIVE" if policy.permissive else "RESTRICTIVE"
    return [
        f"CREATE POLICY {name.quoted} ON {relation.quoted} AS {permissive}"
        f" FOR {_COMMANDS[policy.command]} TO {roles}{using}{check}",
        f"COMMENT ON POLICY {name.quoted} ON {relation.quoted} IS {literal(policy.comment)}",
    ]


def _grant(address: tuple[str, ...], facts: Facts) -> list[str]:
    kind, schema, name, grantee = address
    if kind not in _WORDS:
        return []
    target = Name(name).quoted if kind == "schema" else QualName.of(schema, name).quoted
    who = Name(grantee).quoted if grantee else "PUBLIC"
    found = [f"REVOKE ALL PRIVILEGES ON {_WORDS[kind]} {target} FROM {who}"]
    acl: tuple[AclEntry, ...] | None = ()
    columns: list[str] = []
    if kind == "relation":
        relation = facts.relation(schema, name)
        acl = relation.acl if relation is not None else ()
        for letter in "raw":
            held = [
                Name(c.name).quoted
                for c in (relation.columns if relation is not None else ())
                if any(e.grantee == grantee and letter in e.privileges for e in c.acl)
            ]
            if held:
                columns.append(f"{_LETTERS[letter]} ({', '.join(held)})")
    elif kind == "schema":
        acl = next((s.acl for s in facts.schemas if s.name == name), ())
    else:
        acl = next((s.acl for s in facts.sequences if (s.schema, s.name) == (schema, name)), ())
    letters = "".join(e.privileges for e in acl or () if e.grantee == grantee)
    given = [_LETTERS[x] for x in letters if x in _LETTERS] + columns
    if given:
        found.append(f"GRANT {', '.join(given)} ON {_WORDS[kind]} {target} TO {who}")
    return found
