"""The view ``pgmask_private.identity_<profile>``: who is asking, if this profile honours it (C2).

It narrows ``pgmask_private.identity`` to one profile, its lowest grade and its issuers, and raises
PM101..PM103 through ``pgmask.refuse_identity`` where the identity does not fit.  ``IS TRUE``
refuses on NULL (A52).  A profile without issuers is reached by database logins only: its view is
one look-up in ``effective_login`` and no signature has to be verified.  Owner is ``pgmask_owner``;
the profile's view owner may read it, because the relations of a policy are checked as the view
owner.
"""

from __future__ import annotations

from pgmask.catalogue.model import Catalogue, Grade, Profile
from pgmask.compile.context import OWNER, statement
from pgmask.compile.objects import Kind, Object, Phase
from pgmask.names import Name, QualName, derived
from pgmask.sqltext import literal

COLUMNS = (
    "person_id", "profile", "unit_id", "grade", "purpose", "second_factor_at", "outsourced",
    "issuer", "expires_at",
)  # fmt: skip


def identity_view(profile: Profile) -> QualName:
    """The name of a profile's identity view."""
    return QualName(Name("pgmask_private"), derived("identity_", profile.name))


def _by_login(profile: Profile) -> str:
    """The view's query where only database logins are honoured; one row or an error."""
    return (
        "SELECT\n  l.person_id,\n  l.profile,\n  l.unit_id,\n  'login'::text AS grade,\n"
        "  NULL::text AS purpose,\n"
        "  NULL::pg_catalog.timestamptz AS second_factor_at,\n  l.outsourced,\n"
        "  'login'::text AS issuer,\n  NULLIF(l.valid_until, 'infinity') AS expires_at\n"
        "FROM (SELECT) AS one\nLEFT JOIN pgmask_private.effective_login AS l\n"
        f"  ON l.login = SESSION_USER AND l.profile = {literal(profile.name)}\n"
        "  AND l.valid_from <= pg_catalog.clock_timestamp()\n"
        "  AND pg_catalog.clock_timestamp() < l.valid_until\n"
        "WHERE CASE\n  WHEN l.person_id IS NOT NULL THEN true\n"
        f"  ELSE pgmask.refuse_identity({literal(profile.name)})\nEND"
    )


def _by_token_or_login(profile: Profile) -> str:
    columns = ",\n  ".join(f"i.{c}" for c in COLUMNS)
    return (
        f"SELECT\n  {columns}\nFROM pgmask_private.identity AS i\nWHERE CASE\n"
        f"  WHEN ({honours(profile)}) IS TRUE THEN true\n"
        f"  ELSE pgmask.refuse_identity({literal(profile.name)})\nEND"
    )


def honours(profile: Profile) -> str:
    """The condition under which the profile honours the identity ``i``."""
    rule = profile.identity
    grades = [Grade.CHALLENGE] if rule.grade is Grade.CHALLENGE else list(Grade)
    signed = "false"
    if rule.issuers:
        known = ", ".join(literal(i) for i in rule.issuers)
        given = ", ".join(literal(g.value) for g in sorted(grades))
        signed = f"i.grade IN ({given}) AND i.issuer IN ({known})"
    login = " OR i.grade = 'login'" if rule.login else ""
    return f"i.profile = {literal(profile.name)} AND ({signed}{login})"


def build(catalogue: Catalogue) -> tuple[Object, ...]:
    """One view per profile."""
    found = []
    for profile in catalogue.profiles:
        name = identity_view(profile)
        only_login = profile.identity.login and not profile.identity.issuers
        query = _by_login(profile) if only_login else _by_token_or_login(profile)
        create = (
            statement(
                f"CREATE OR REPLACE VIEW {name.quoted} AS\n{query}",
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
    return tuple(found)
