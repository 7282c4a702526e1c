"""Rules over the whole catalogue that need no database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pgmask.catalogue.model import Catalogue, Form, Position, Profile, Rows, Table
from pgmask.catalogue.packs.policy import Policy
from pgmask.catalogue.problems import Problems
from pgmask.catalogue.shapes import Entry
from pgmask.catalogue.tables import RESERVED
from pgmask.names import MAX_NAME_BYTES, derived

OWN_ROLES: Final = (
    "owner", "sealer", "store", "backup", "register", "unseal", "migrator", "keyless", "lookup",
    "recorder", "collector", "slots", "record_sealer", "record_auditor", "record_unit",
    "record_high_value",
)  # fmt: skip
"""Roles of the runtime, without their prefix."""
_DIRECT: Final = frozenset({Rows.ASSIGNED, Rows.GRANTED})
_DECLARED: Final = _DIRECT | {Rows.OWN_UNIT, Rows.UNITS}


def check_rules(catalogue: Catalogue, policy: Policy, root: Entry, problems: Problems) -> None:
    """Record every rule that is not met."""
    for profile in catalogue.profiles:
        _direct_service(profile, policy, problems)
        _outsourced(profile, policy, problems)
        _rows(profile, catalogue, problems)
        _shadows(profile, catalogue, problems)
        _names(profile, catalogue, problems)
    _schemas(catalogue, problems)
    for table in catalogue.tables:
        _purpose(table, problems)
        _long_names(table, problems)
    if not catalogue.profiles:
        problems.warn(
            "PM016",
            "no-profile",
            root.at,
            "the catalogue has no profile, so nobody sees anything",
            "Add profiles.",
        )
    if not catalogue.backup:
        problems.note(
            "PM016",
            "no-backup",
            root.at,
            "no backup login is named; pg_dump by another role fails or is empty",
            "Add backup: [LOGIN].",
        )


def _direct_service(profile: Profile, policy: Policy, problems: Problems) -> None:
    """Level 2 plain only where the rows do not reach beyond direct service (B4)."""
    if dict(profile.forms)[2] is not Form.PLAIN or not profile.rows:
        return
    rows = set(profile.rows)
    if rows <= _DIRECT or (profile.direct_service and rows <= _DECLARED):
        return
    says = policy.refuses_level_2_plain(profile.posts)
    if says is None:
        return
    wide = ", ".join(r.value for r in profile.rows if r not in _DIRECT)
    if rows <= _DECLARED:
        fix = "Write 2: mask or hidden, rows: assigned, or direct_service: true if they serve them."
    else:
        fix = "Write 2: mask or hidden, narrower rows, or posts that the pack names."
    problems.add(
        "PM014",
        "level-2-plain",
        profile.position,
        f"the profile {profile.name!r} sees level 2 plain in rows beyond direct service ({wide}); "
        f"{says} refuses it",
        fix,
    )


def _outsourced(profile: Profile, policy: Policy, problems: Problems) -> None:
    says = policy.outsourced()
    if not profile.outsourced or says is None:
        return
    for what, wrong in (
        ("reveals level 1", profile.reveal is not None),
        ("searches level 1", profile.search is not None),
        ("sees high-value rows", profile.sees_high_value),
    ):
        if wrong:
            problems.add(
                "PM014",
                "outsourced",
                profile.position,
                f"the outsourced profile {profile.name!r} {what}; {says} refuses it",
                "Outsourced staff never reach either, whatever they are granted.",
            )


def _rows(profile: Profile, catalogue: Catalogue, problems: Problems) -> None:
    """Each table that the profile reaches must have what its rows are chosen by."""
    if Rows.ALL in profile.rows or not profile.rows:
        return
    if {Rows.ASSIGNED, Rows.GRANTED} & set(profile.rows):
        return  # every row has a subject, if only itself
    for table in catalogue.tables:
        if not profile.may(table):
            continue
        subject = catalogue.subject(table.subject_class or "")
        if not table.unit and not (subject and subject.unit):
            problems.add(
                "PM016",
                "no-row-rule",
                profile.position,
                f"the rows of {table.id} cannot be chosen by "
                f"{' or '.join(r.value for r in profile.rows)} for {profile.name!r}: neither the "
                "table nor its subject has a unit",
                f"Add unit to {table.id}, or tables: {{{table.name}: none}} to the profile.",
            )


def _shadows(profile: Profile, catalogue: Catalogue, problems: Problems) -> None:
    """A writer that sees less than is stored needs shadow columns: told, not refused."""
    for table in catalogue.tables:
        if not profile.may(table):
            continue
        shadows = []
        for column in table.columns:
            form = profile.form(table, column)
            if column.level > 1 and form is not Form.PLAIN and column.hidden_as == "shadow":
                shadows.append(column.name)
        if shadows and profile.writes(table):
            problems.note(
                "PM016",
                "shadow",
                profile.position,
                f"{profile.name!r} writes {table.id} and does not see {', '.join(shadows)} plain: "
                "shadow columns are kept for them",
                "Write hidden_as: computed where the profile need not write the column.",
            )


def _names(profile: Profile, catalogue: Catalogue, problems: Problems) -> None:
    roles = {f"{catalogue.roles_prefix}{r}" for r in OWN_ROLES} | {f"pgmask_{r}" for r in OWN_ROLES}
    others = {
        role
        for p in catalogue.profiles
        if p is not profile
        for role in (catalogue.group_role(p), catalogue.view_owner(p))
    }
    for role in (catalogue.group_role(profile), catalogue.view_owner(profile)):
        if role in roles or role in others or len(role.encode()) > MAX_NAME_BYTES:
            problems.add(
                "PM016",
                "role-name",
                profile.position,
                f"the role {role!r} of the profile {profile.name!r} is taken or too long",
                "Choose another name for the profile, or another roles_prefix.",
            )


def _schemas(catalogue: Catalogue, problems: Problems) -> None:
    """No two profiles over one schema name, and none over a schema that holds something else."""
    taken = {s.store_schema: f"the store of {s.schema}" for s in catalogue.stores}
    taken |= {s.schema: f"the application's schema {s.schema}" for s in catalogue.stores}
    for profile in catalogue.profiles:
        name = profile.name
        if name in RESERVED or name.startswith("pg_") or name == "public":
            problems.add(
                "PM016",
                "schema-name",
                profile.position,
                f"a profile cannot be called {name!r}",
                "Its views need a schema of their own; choose another name.",
            )
        elif name in taken and any(
            catalogue.view_schema(profile, s) == name for s in catalogue.stores
        ):
            named = next((s for s in catalogue.stores if s.profile == name), None)
            if named is None or named.schema != name:
                problems.add(
                    "PM016",
                    "schema-name",
                    profile.position,
                    f"the schema {name!r} of the profile is already {taken[name]}",
                    "Choose another name for the profile.",
                )
    _same_view(catalogue, problems)


def _same_view(catalogue: Catalogue, problems: Problems) -> None:
    """Tables of the same name in two stores would make the same view in a profile's schema."""
    for profile in catalogue.profiles:
        seen: dict[tuple[str, str], Table] = {}
        for table in catalogue.tables:
            store = catalogue.store(table.schema)
            if store is None or not profile.may(table):
                continue
            key = (catalogue.view_schema(profile, store), table.name)
            if key in seen:
                problems.add(
                    "PM016",
                    "same-view",
                    profile.position,
                    f"{seen[key].id} and {table.id} would both become the view "
                    f"{key[0]}.{key[1]} of {profile.name!r}",
                    f'Write tables: {{"{table.id}": none}} in that profile.',
                )
            seen.setdefault(key, table)


def _purpose(table: Table, problems: Problems) -> None:
    """A8: every personal column says why it is kept."""
    silent = [c.name for c in table.columns if c.level < 3 and not c.why]
    if silent:
        shown = ", ".join(silent[:8]) + (", ..." if len(silent) > 8 else "")
        problems.warn(
            "PM014",
            "no-purpose",
            table.position,
            f"{table.id} does not say why it keeps {shown}",
            "Add why (and basis) to the columns or to the table (A8).",
        )


def _long_names(table: Table, problems: Problems) -> None:
    for position, source in _sources(table):
        prefixes = ("pgmask_shadow_", "pgmask_bidx_", "pgmask_mask_")
        full = max((p + source for p in prefixes), key=len)
        if derived("", full).text != full:
            problems.note(
                "PM016",
                "long-name",
                position,
                f"names made from {source!r} pass {MAX_NAME_BYTES} bytes and get a hashed tail",
                "",
            )


def _sources(table: Table) -> Iterator[tuple[Position, str]]:
    for column in table.columns:
        if column.level < 3:
            yield column.position, column.name
