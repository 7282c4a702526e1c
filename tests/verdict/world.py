"""The example of an insurer, before and after adoption, and what a schema has that is not in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

from pgmask.catalogue import load
from pgmask.catalogue.model import Catalogue
from pgmask.cli.main import run
from pgmask.facts.schema import Schema
from pgmask.facts.snapshot import read_schema
from pgmask.runtime import install
from pgmask.verdict.model import Verdict
from pgmask.verdict.validator import Validator
from tests.harness import Database
from tests.spine.world import INSURER, applied, load_key, plan_of, register

ROWS = (Path(__file__).parent / "rows.sql").read_text("utf-8")
LOGINS = {
    "agent": "app",
    "analyst": "alan",
    "auditor": "audra",
    "service": "wanda",
    "claims": "carl",
}
# What grew beside the catalogue since it was written.
BESIDE = """
CREATE TABLE crm.campaign (id integer PRIMARY KEY, note text);
ALTER TABLE crm.contact_log ADD COLUMN outcome text;
CREATE FUNCTION crm.full_name(p_id bigint) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS
$$ BEGIN RETURN (SELECT name FROM crm.customer WHERE id = p_id); END $$;
CREATE FUNCTION crm.shout(p text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN upper(p); END $$;
CREATE FUNCTION crm.first_three(p text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT left(p, 3)';
CREATE FUNCTION crm.longer(a text, b text) RETURNS text LANGUAGE sql IMMUTABLE AS
'SELECT CASE WHEN length(a) > length(b) THEN a ELSE b END';
CREATE FUNCTION crm.spied(a text, b text) RETURNS text LANGUAGE plpgsql AS
$$ BEGIN RETURN crm.full_name(1); END $$;
CREATE FUNCTION crm.full_name(p_id bigint, p_more integer) RETURNS text LANGUAGE sql IMMUTABLE AS
'SELECT p_id::text';
CREATE AGGREGATE crm.joined(text) (SFUNC = textcat, STYPE = text);
CREATE AGGREGATE crm.longest(text) (SFUNC = crm.longer, STYPE = text);
CREATE AGGREGATE crm.named(text) (SFUNC = crm.spied, STYPE = text);
CREATE DOMAIN crm.asked AS text CHECK (crm.spied(VALUE, 'x') <> 'never');
CREATE TABLE crm.ticket (
  id integer, code text DEFAULT crm.full_name(1), note text, asked crm.asked DEFAULT 'x');
CREATE TABLE crm.ticket_note (id integer, note text CHECK (crm.spied(note, 'x') <> 'never'));
"""


def insurer() -> Catalogue:
    return load(INSURER / "catalogue")


def fill_plain(database: Database) -> None:
    """Before adoption: the runtime is there, the tables are untouched."""
    install(database.dsn())
    database.run((INSURER / "schema.sql").read_text("utf-8"))
    database.run(BESIDE)


def fill_adopted(database: Database) -> None:
    """After adoption, sealed, with a person of every profile in unit 7."""
    for login in LOGINS.values():
        database.server.role(login)
    install(database.dsn())
    load_key(database)
    database.run((INSURER / "schema.sql").read_text("utf-8"))
    database.run(ROWS)
    applied(database, plan_of(database, insurer()))
    assert run(["seal", "--all", "--dsn", database.dsn()]) == 0
    register(database, *((login, profile, "7") for profile, login in LOGINS.items()))
    with database.superuser() as su:
        names = ", ".join(LOGINS.values())
        su.execute(f"GRANT USAGE ON SCHEMA crm TO {names}".encode())
        su.execute(f"GRANT SELECT ON crm.ref_product, crm.staff TO {names}".encode())


def snapshot(database: Database) -> Schema:
    with psycopg.connect(database.dsn()) as connection:
        return read_schema(connection)


def validator(database: Database, profile: str, **options: Any) -> Validator:
    return Validator(snapshot(database), catalogue=insurer(), profile=profile, **options)


def codes(verdicts: tuple[Verdict, ...]) -> list[str]:
    return [f.code for v in verdicts for f in v.findings]


def found(verdicts: tuple[Verdict, ...]) -> Iterator[str]:
    """Every finding in one line, for the message of a failing test."""
    for verdict in verdicts:
        for f in verdict.findings:
            yield f"{f.line}:{f.column} {f.severity.value} {f.code} {f.message} {f.path}"
