"""The view ``pgmask_private.identity_<profile>``: who is asking, if this profile honours it (C2).

It narrows ``pgmask_private.identity`` to one profile, its lowest grade and its issuers, and raises
PM101..PM103 through ``pgmask.refuse_identity`` where the identity does not fit.  ``is not true``
refuses on NULL (A52).  Owner is ``pgmask_owner``; the profile's view owner may read it, because the
relations of a policy are checked as the view owner.
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
        columns = ",\n  ".join(f"i.{c}" for c in COLUMNS)
        create = (
            statement(
                f"CREATE OR REPLACE VIEW {name.quoted} AS\nSELECT\n  {columns}\n"
                "FROM pgmask_private.identity AS i\nWHERE CASE\n"
                f"  WHEN ({honours(profile)}) IS TRUE THEN true\n"
                f"  ELSE pgmask.refuse_identity({literal(profile.name)})\nEND",
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
