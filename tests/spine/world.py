"""Databases of the corpus, planned and applied as the non-superuser installer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg

from pgmask import sealing
from pgmask.apply import Approval, Outcome, apply_plan
from pgmask.catalogue import load
from pgmask.catalogue.model import Catalogue
from pgmask.facts.model import Facts
from pgmask.facts.read import read_facts
from pgmask.keyfile import KeyFile
from pgmask.plan import Hazard, Plan, make
from pgmask.plan.drift import Drift, drift
from tests.harness import Database

CORPUS = Path(__file__).parent.parent / "corpus" / "compile"
INSURER = Path(__file__).parent.parent.parent / "examples" / "insurer"
CASES = ("two_tables", "names", "family", "reveal")
APPROVAL = Approval(by="dora", reference="OP-1")
EVERYTHING = frozenset(h.value for h in Hazard)


def catalogue_of(case: str, file: str = "catalogue.yml") -> Catalogue:
    return load(CORPUS / case / file)


def fill(database: Database, case: str, *, owner: str = "installer") -> None:
    """The case's schema; ``owner`` runs it, and the installer is a member of it."""
    if owner != "installer":
        with database.superuser() as su:
            su.execute(f'GRANT CREATE ON DATABASE "{database.name}" TO {owner}'.encode())
            su.execute(f"GRANT {owner} TO installer".encode())
    database.run((CORPUS / case / "schema.sql").read_text("utf-8"), user=owner)


def facts_of(database: Database) -> Facts:
    with psycopg.connect(database.dsn()) as connection:
        return read_facts(connection)


def plan_of(database: Database, catalogue: Catalogue) -> Plan:
    return make(catalogue, facts_of(database), author="ann")


def applied(database: Database, plan: Plan, **options: Any) -> Outcome:
    options.setdefault("approval", APPROVAL)
    options.setdefault("allow", EVERYTHING)
    with psycopg.connect(database.dsn(), autocommit=True) as connection:
        return apply_plan(connection, plan, **options)


def adopt(database: Database, case: str, file: str = "catalogue.yml", **options: Any) -> Catalogue:
    """Fill, plan and apply."""
    catalogue = catalogue_of(case, file)
    fill(database, case, **options)
    applied(database, plan_of(database, catalogue))
    return catalogue


def drift_of(database: Database, catalogue: Catalogue | None = None) -> tuple[Drift, ...]:
    return drift(facts_of(database), catalogue)


def dump(database: Database, *words: str, user: str = "postgres") -> str:
    """A schema dump without what differs between equal databases."""
    text = database.program("pg_dump", "--schema-only", *words, user=user)
    kept = []
    for line in text.splitlines():
        if line.startswith(("--", "\\restrict", "\\unrestrict")) or not line.strip():
            continue
        kept.append(line.rstrip().removesuffix(","))
    # The order of columns follows the order of their addition.
    return "\n".join(sorted(kept))


def register(database: Database, *persons: tuple[str, str, str]) -> None:
    """People: (login, profile, unit); each signed both papers and holds a post for the profile."""
    with psycopg.connect(database.dsn()) as connection:
        call = connection.execute
        call("SELECT pgmask.register_rule(false)")
        for kind in ("confidentiality_agreement", "responsibility_letter"):
            call("SELECT pgmask.register_form(%s, '1')", (kind,))
        for unit in sorted({u for _, _, u in persons}):
            call("SELECT pgmask.register_unit(%s, %s)", (unit, f"Unit {unit}"))
        for profile in sorted({p for _, p, _ in persons}):
            call("SELECT pgmask.register_post(%s, %s)", (profile, profile))
            call("SELECT pgmask.register_post_profile(%s, %s)", (profile, profile))
        for number, (login, profile, unit) in enumerate(persons, 1):
            call("SELECT pgmask.register_person(%s, %s, %s)", (number, login, unit))
            call("SELECT pgmask.register_person_post(%s, %s, %s)", (number, profile, unit))
            for kind in ("confidentiality_agreement", "responsibility_letter"):
                call("SELECT pgmask.register_document(%s, %s, '1')", (number, kind))
            call("SELECT pgmask.register_login(%s, %s)", (login, number))
    with database.superuser() as su:
        for login, profile, _ in persons:
            su.execute(f"GRANT pgmask_{profile} TO {login}".encode())


def load_key(database: Database) -> None:
    """A key of this test, as ``pgmask keys`` would register and load it."""
    key = KeyFile.new(1)
    with database.superuser() as su:
        su.execute(
            "INSERT INTO pgmask_private.kek (kek_id, provider, fingerprint, canary)"
            " VALUES (%s, 'loaded', %s, %s)",
            (key.key_id, key.fingerprint, sealing.make_canary(key)),
        )
        su.execute(
            "INSERT INTO pgmask_private.loaded_key (kek_id, content) VALUES (%s, %s)",
            (key.key_id, key.to_bytes()),
        )
