"""Invented persons in the register of a test database: with posts, papers and complete units."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg

from pgmask.apply.fake_table import as_sealer
from pgmask.catalogue.model import Catalogue, Profile, Rows
from pgmask.errors import Refused
from pgmask.facts.model import Facts
from pgmask.fake import Frame, draw, invent, person
from pgmask.names import QualName
from pgmask.runtime import register
from pgmask.runtime.book import Book
from pgmask.runtime.environment import environment

Connection = psycopg.Connection[Any]
FIRST = 900_000_001
"""The number of the first invented person; the register of a company does not come this far."""
_PAPERS = ("confidentiality_agreement", "responsibility_letter")
_UNITS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class FakePerson:
    """An invented person: number in the register, name, profile and unit."""

    number: int
    name: str
    profile: str
    unit: str


def allowed(connection: Connection) -> None:
    """Nothing where the environment says ``persons: fake``. Raises Refused PM354."""
    says = environment(connection)
    if says is None or says.persons != "fake":
        raise Refused(
            "PM354", "this database's register is for real persons",
            hint="Apply an environment of the catalogue that says data: fake, persons: fake.",
        )  # fmt: skip


def invent_person(connection: Connection, profile: str, unit: str, *, seed: int = 0) -> FakePerson:
    """Register an invented person with this profile in this unit, papers signed.

    The caller commits. Asked again it gives the same person. The unit is registered, complete,
    when it is not there. Raises Refused PM354 where persons are real, PgmaskError PM501 where the
    login may not.
    """
    allowed(connection)
    name = _name(profile, unit, seed)
    post = f"fake_{profile}"
    row = connection.execute(
        "SELECT p.person_id FROM pgmask_private.person AS p"
        "  JOIN pgmask_private.person_post AS pp USING (person_id)"
        " WHERE p.unit_id = %s AND pp.post_id = %s AND pp.valid_to IS NULL AND p.person_id >= %s"
        " ORDER BY 1 LIMIT 1",
        (unit, post, FIRST),
    ).fetchone()
    if row is not None:
        return FakePerson(number=int(row[0]), name=name, profile=profile, unit=unit)
    row = connection.execute(
        "SELECT greatest(coalesce(pg_catalog.max(p.person_id) + 1, %s), %s)"
        "  FROM pgmask_private.person AS p",
        (FIRST, FIRST),
    ).fetchone()
    made = FakePerson(number=int(row[0]) if row else FIRST, name=name, profile=profile, unit=unit)
    register.put(connection, _book(connection, made, post))
    return made


def invent_persons(
    connection: Connection, catalogue: Catalogue, facts: Facts, *, seed: int = 0
) -> Iterator[FakePerson]:
    """One invented person per profile and unit of the data; of profiles that see all rows, one."""
    allowed(connection)
    units = _units(connection, catalogue, facts) or ["1"]
    for profile in catalogue.profiles:
        for unit in units[:1] if _everywhere(profile) else units:
            yield invent_person(connection, profile.name, unit, seed=seed)


def _everywhere(profile: Profile) -> bool:
    return Rows.ALL in profile.rows


def _name(profile: str, unit: str, seed: int) -> str:
    words = ("staff", profile, unit)
    who = person(seed, *words[:2])
    return invent("person_name", "text", Frame(), draw(seed, *words), who) or ""


def _book(connection: Connection, who: FakePerson, post: str) -> Book:
    there = dict(
        connection.execute(
            "SELECT DISTINCT ON (f.kind) f.kind, f.version FROM pgmask_private.document_form AS f"
            " WHERE f.in_force_from <= pg_catalog.clock_timestamp()"
            " ORDER BY f.kind, f.in_force_from DESC"
        ).fetchall()
    )
    unit = connection.execute(
        "SELECT 1 FROM pgmask_private.unit AS u WHERE u.unit_id = %s", (who.unit,)
    ).fetchone()
    head = who.name
    made = {
        "id": who.unit, "name": f"样例机构 {who.unit}", "kind": "branch", "head": head,
        "security_responsible": head, "contact": head, "lead_department": "样例部",
        "permission_rules": "FAKE",
    }  # fmt: skip
    return Book(
        rules={},
        documents={p: there.get(p, "fake") for p in _PAPERS},
        units=() if unit else (made,),
        posts=({"id": post, "title": post, "profiles": [who.profile]},),
        persons=({"id": who.number, "name": who.name, "unit": who.unit, "post": post},),
        services=(),
        issuers=(),
    )  # fmt: skip


def _units(connection: Connection, catalogue: Catalogue, facts: Facts) -> list[str]:
    """The units that customers of the data belong to, at most twenty."""
    found: set[str] = set()
    with as_sealer(connection):
        for subject in catalogue.subjects:
            table = catalogue.table(subject.table)
            relation = facts.store_relation(table.id, table.schema, table.name) if table else None
            if relation is None or subject.unit is None:
                continue
            store = QualName.of(relation.schema, relation.name).quoted
            column = QualName.of("t", subject.unit).quoted
            rows = connection.execute(
                f"SELECT DISTINCT {column}::text FROM {store} AS t"  # noqa: S608  quoted names
                f" WHERE {column} IS NOT NULL ORDER BY 1 LIMIT {_UNITS}".encode()
            )
            found |= {row[0] for row in rows}
    return sorted(found)[:_UNITS]
