"""What the whole database shares: roles, memberships, schemas and the rights on them."""

from __future__ import annotations

from pgmask.catalogue.model import Catalogue
from pgmask.compile.context import BACKUP, KEYLESS, MIGRATOR, OWNER, READER, SEALER, statement
from pgmask.compile.grants import grant, schema_grant
from pgmask.compile.identity_views import identity_view
from pgmask.compile.objects import Kind, Object, Phase
from pgmask.compile.stages import Stage
from pgmask.facts.model import Facts
from pgmask.names import Name, QualName
from pgmask.sqltext import dollar, literal

ATTRIBUTES = "NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"


def build(
    catalogue: Catalogue, facts: Facts, elsewhere: frozenset[str] = frozenset()
) -> tuple[Object, ...]:
    """Roles first, then schemas, then who may enter them.

    elsewhere: schemas of partitions and children that stand in no store.
    """
    found: list[Object] = []
    for profile in catalogue.profiles:
        group, owner = catalogue.group_role(profile), catalogue.view_owner(profile)
        found.append(_role(group, f"Applications and persons of profile {profile.name}.", True))
        found.append(_role(owner, f"Owns the views of profile {profile.name}.", False))
        found.append(_installer(owner, facts))
        found.append(_migrator(owner, facts))
    if catalogue.store_owner != "pgmask_store":
        found.append(_role(catalogue.store_owner, "Owns the stores; migrations act as it.", True))
        found.append(_installer(catalogue.store_owner, facts))
    found.append(_migrator(catalogue.store_owner, facts))
    for login in catalogue.backup:
        found.append(_backup(login))
    found += _schemas(catalogue, elsewhere)
    found += _identity_rights(catalogue, facts)
    return tuple(found)


def _role(name: str, says: str, inherit: bool) -> Object:
    role = Name(name)
    attributes = f"{ATTRIBUTES} {'INHERIT' if inherit else 'NOINHERIT'}"
    body = (
        "\nBEGIN\n"
        "  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r"
        f" WHERE r.rolname = {literal(name)}) THEN\n"
        f"    CREATE ROLE {role.quoted} {attributes};\n"
        f"    COMMENT ON ROLE {role.quoted} IS {literal(says)};\n"
        "  END IF;\n"
        "EXCEPTION\n"
        "  WHEN duplicate_object OR unique_violation THEN\n"
        "    NULL;  -- made at this moment for another database of the cluster\n"
        "END;\n"
    )
    return Object(
        kind=Kind.ROLE,
        identity=name,
        table="",
        phase=Phase.ROLES,
        create=(statement(f"DO LANGUAGE plpgsql {dollar(body)}", says),),
        replace=True,
        address=(name,),
    )


def _installer(role: str, facts: Facts) -> Object:
    """The installer must be able to act as the roles it hands objects to."""
    options = " WITH INHERIT TRUE, SET TRUE" if facts.version >= 160000 else ""
    body = (
        # A member already: only the role's administrator could say it again.
        "\nBEGIN\n"
        f"  IF pg_catalog.pg_has_role(CURRENT_USER, {literal(role)}, 'USAGE') IS NOT TRUE THEN\n"
        f"    GRANT {Name(role).quoted} TO CURRENT_USER{options};\n  END IF;\nEND;\n"
    )
    text = f"DO LANGUAGE plpgsql {dollar(body)}"
    return Object(
        kind=Kind.MEMBERSHIP,
        identity=f"{role} of the installer",
        table="",
        phase=Phase.ROLES,
        create=(statement(text, "who applies plans must be able to hand objects to this role"),),
        replace=True,
        depends=(f"{Kind.ROLE}:{role}",),
        state=f"{role} of the installer",
        address=(),
    )


def _migrator(role: str, facts: Facts) -> Object:
    """``pgmask.detach`` and ``attach`` act as the owners of views and stores."""
    options = " WITH INHERIT TRUE, SET TRUE" if facts.version >= 160000 else ""
    return Object(
        kind=Kind.MEMBERSHIP,
        identity=f"{role} of {MIGRATOR}",
        table="",
        phase=Phase.ROLES,
        create=(
            statement(
                f"GRANT {Name(role).quoted} TO {Name(MIGRATOR).quoted}{options}",
                "takes views down for a migration and brings them back",
            ),
        ),
        replace=True,
        depends=(f"{Kind.ROLE}:{role}",),
        address=(role, MIGRATOR),
    )


def _backup(login: str) -> Object:
    role, member = Name(BACKUP), Name(login)
    return Object(
        kind=Kind.MEMBERSHIP,
        identity=f"{BACKUP} of {login}",
        table="",
        phase=Phase.ROLES,
        create=(statement(f"GRANT {role.quoted} TO {member.quoted}", "takes the backups"),),
        drop=(statement(f"REVOKE {role.quoted} FROM {member.quoted}"),),
        replace=True,
        address=(BACKUP, login),
    )


def _schemas(catalogue: Catalogue, elsewhere: frozenset[str]) -> list[Object]:
    """Store schemas of the store owner, view schemas of pgmask's owner, and who may use them."""
    found: dict[str, Object] = {}
    grants: dict[str, Object] = {}
    protected = {t.schema for t in catalogue.tables}

    def schema(name: str, owner: str, says: str) -> None:
        if name in found or name in protected:
            return  # the application's own: neither made nor owned by us
        quoted = Name(name).quoted
        found[name] = Object(
            kind=Kind.SCHEMA,
            identity=name,
            table="",
            phase=Phase.ROLES,
            create=(
                statement(f"CREATE SCHEMA IF NOT EXISTS {quoted}"),
                statement(f"ALTER SCHEMA {quoted} OWNER TO {Name(owner).quoted}"),
                statement(f"REVOKE ALL PRIVILEGES ON SCHEMA {quoted} FROM PUBLIC"),
                statement(f"COMMENT ON SCHEMA {quoted} IS {literal(says)}"),
            ),
            replace=True,
            depends=(f"{Kind.ROLE}:{owner}",),
            address=(name,),
        )

    def may(name: str, role: str, *privileges: str) -> None:
        one = schema_grant(Name(name), role, privileges)
        if one.key not in grants or len(privileges) > 1:
            grants[one.key] = one

    for name in sorted(elsewhere):
        # The owner of a table must be allowed to make tables where it stands.
        may(name, catalogue.store_owner, "USAGE", "CREATE")
        may(name, SEALER, "USAGE")
        may(name, KEYLESS, "USAGE")
        may(name, READER, "USAGE")
        may(name, BACKUP, "USAGE")
    for store in catalogue.stores:
        tables = [t for t in catalogue.tables if t.schema == store.schema]
        for profile in catalogue.profiles:
            # While a table is observed its name is its own: views of every profile stand aside.
            if any(t.rollout == Stage.OBSERVE and profile.may(t) for t in tables):
                schema(profile.name, OWNER, f"Views of profile {profile.name}.")
                may(profile.name, catalogue.view_owner(profile), "USAGE", "CREATE")
                may(profile.name, catalogue.group_role(profile), "USAGE")
        tables = [t for t in tables if t.rollout != Stage.OBSERVE]
        if not tables:
            continue
        place = store.store_schema
        schema(
            place,
            catalogue.store_owner,
            f"Stores of schema {store.schema}; applications read views.",
        )
        if place in protected:
            may(place, catalogue.store_owner, "USAGE", "CREATE")
        may(place, SEALER, "USAGE")
        may(place, KEYLESS, "USAGE")
        may(store.schema, KEYLESS, "USAGE")
        may(place, READER, "USAGE")
        may(store.schema, READER, "USAGE")
        may(place, BACKUP, "USAGE")
        may(store.schema, BACKUP, "USAGE")
        for profile in catalogue.profiles:
            if not any(profile.may(t) for t in tables):
                continue
            views = catalogue.view_schema(profile, store)
            schema(views, OWNER, f"Views of profile {profile.name}.")
            may(views, catalogue.view_owner(profile), "USAGE", "CREATE")
            may(views, catalogue.group_role(profile), "USAGE")
    return [*found.values(), *grants.values()]


def _identity_rights(catalogue: Catalogue, facts: Facts) -> list[Object]:
    """What policies look up is checked as the view owner: SELECT on identity and register views."""
    found = []
    for profile in catalogue.profiles:
        owner = catalogue.view_owner(profile)
        names = [identity_view(profile)]
        names += [
            QualName.of("pgmask_private", n)
            for n in ("my_units", "my_subjects", "my_designations")
            if facts.relation("pgmask_private", n) is not None
        ]
        for name in names:
            depends = (f"{Kind.VIEW}:{name}",)
            found.append(grant("relation", name, owner, "", (("SELECT", ()),), depends=depends))
        # Reveals and searches ask who it is, their reads which rows he reaches.
        name = identity_view(profile)
        depends = (f"{Kind.VIEW}:{name}",)
        for role in (SEALER, READER):
            found.append(grant("relation", name, role, "", (("SELECT", ()),), depends=depends))
    return found
