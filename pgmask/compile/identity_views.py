"""The view ``pgmask_private.identity_<profile>``: who is asking, if this profile honours it (C2).

Beside it a row of ``profile_path``, which ``pgmask.login`` puts in front of the search path.

It narrows ``pgmask_private.identity`` to one profile, its lowest grade and its issuers;
``pgmask.identity_claims`` raises PM101..PM103 where the identity does not fit (A52).  Owner is
``pgmask_owner``; the profile's view owner may read it, because the relations of a policy are
checked as the view owner.
"""

from __future__ import annotations

from collections.abc import Iterable

from pgmask.catalogue.model import Catalogue, Grade, Profile
from pgmask.compile.context import OWNER, statement
from pgmask.compile.objects import Kind, Object, Phase
from pgmask.names import Name, QualName, derived
from pgmask.sqltext import literal


def identity_view(profile: Profile) -> QualName:
    """The name of a profile's identity view."""
    return QualName(Name("pgmask_private"), derived("identity_", profile.name))


_FIELDS = """\
  pg_catalog.split_part(t.claims, U&'\\001F', 2)::bigint AS person_id,
  pg_catalog.split_part(t.claims, U&'\\001F', 3) AS profile,
  pg_catalog.split_part(t.claims, U&'\\001F', 4) AS unit_id,
  pg_catalog.split_part(t.claims, U&'\\001F', 5) AS grade,
  NULLIF(pg_catalog.split_part(t.claims, U&'\\001F', 6), '') AS purpose,
  pg_catalog.to_timestamp(
    NULLIF(pg_catalog.split_part(t.claims, U&'\\001F', 7), '')::pg_catalog.float8
  ) AS second_factor_at,
  pg_catalog.split_part(t.claims, U&'\\001F', 8) <> 'f' AS outsourced,
  pg_catalog.split_part(t.claims, U&'\\001F', 9) AS issuer,
  pg_catalog.to_timestamp(
    NULLIF(pg_catalog.split_part(t.claims, U&'\\001F', 10), '')::pg_catalog.float8
  ) AS expires_at"""


def claims(profile: Profile) -> str:
    """The call that gives who is asking, or raises where this profile does not honour it."""
    return f"pgmask.identity_claims({identity_arguments(profile)})"


def identity_arguments(profile: Profile) -> str:
    """Whom the profile honours, as arguments: its name, grades, issuers, and direct log-ins."""
    rule = profile.identity
    grades = [Grade.CHALLENGE] if rule.grade is Grade.CHALLENGE else list(Grade)
    given = array(g.value for g in sorted(grades)) if rule.issuers else array(())
    return (
        f"{literal(profile.name)},\n    {given}, {array(rule.issuers)}, {str(rule.login).lower()}"
    )


def _query(profile: Profile) -> str:
    """The view's query: one row or an error."""
    return f"SELECT\n{_FIELDS}\nFROM (\n  SELECT {claims(profile)} AS claims\n  OFFSET 0\n) AS t"


def array(values: Iterable[str]) -> str:
    """An array of texts as SQL, in the order given."""
    return f"ARRAY[{', '.join(literal(v) for v in values)}]::text[]"


def build(catalogue: Catalogue) -> tuple[Object, ...]:
    """One view per profile."""
    found = []
    for profile in catalogue.profiles:
        name = identity_view(profile)
        create = (
            statement(
                f"CREATE OR REPLACE VIEW {name.quoted} AS\n{_query(profile)}",
                f"who is asking, as far as profile {profile.name} honours it",
            ),
            statement(f"ALTER VIEW {name.quoted} OWNER TO {Name(OWNER).quoted}"),
            statement(
                f"COMMENT ON VIEW {name.quoted} IS "
                + literal(f"Who is asking, if profile {profile.name} honours it; else an error.")
            ),
        )
        found.append(
            Object(
                kind=Kind.VIEW,
                identity=str(name),
                table="",
                phase=Phase.FUNCTIONS,
                create=create,
                drop=(statement(f"DROP VIEW {name.quoted}"),),
                replace=True,
                address=(name.schema.text, name.name.text),
            )
        )
        found += _path(catalogue, profile)
    return tuple(found)


def _path(catalogue: Catalogue, profile: Profile) -> list[Object]:
    """Where the views of the profile are; nothing for one that sees no table."""
    schemas = dict.fromkeys(
        catalogue.view_schema(profile, store)
        for store in catalogue.stores
        if any(profile.may(t) for t in catalogue.tables if t.schema == store.schema)
    )
    if not schemas:
        return []
    names = ", ".join(f"pg_catalog.quote_ident({literal(s)})" for s in schemas)
    clear = statement(
        f"DELETE FROM pgmask_private.profile_path WHERE profile = {literal(profile.name)}"
    )
    insert = statement(
        "INSERT INTO pgmask_private.profile_path (profile, path)\n"
        f"VALUES ({literal(profile.name)}, pg_catalog.concat_ws(', ', {names}))",
        "what login puts in front of the search path",
    )
    return [
        Object(
            kind=Kind.ROW,
            identity=f"profile_path {profile.name}",
            table="",
            phase=Phase.ROWS,
            create=(clear, insert),
            drop=(clear,),
            replace=True,
            address=("profile_path", profile.name),
        )
    ]
