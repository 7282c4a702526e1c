"""The insurer, sealed in production; its anonymous dump; and the database made from that."""

from __future__ import annotations

import io
from dataclasses import dataclass

import psycopg

from pgmask import keyfile
from pgmask.apply import Approval, apply_plan, plan_database
from pgmask.apply import seal as rows
from pgmask.apply import seal_finish as ending
from pgmask.apply.anonymous import Dumped, dump
from pgmask.catalogue import load
from pgmask.catalogue.model import Catalogue
from pgmask.demo import data
from pgmask.plan import Hazard
from pgmask.resources import example_dir
from pgmask.runtime import install, keys
from tests.harness import Database

EXAMPLE = example_dir("insurer")
CUSTOMERS = 200
KEEP = frozenset(
    {"crm.policy.sum_insured", "crm.policy.premium", "crm.payment.amount", "crm.claim.amount"}
)
_LEVEL_1 = {
    "customer": ("id_no", "phone", "landline", "email", "address"),
    "bank_account": ("account_no",),
    "policy": ("insured_id_no", "insured_phone", "plate_no"),
    "beneficiary": ("id_no", "phone"),
    "payment": ("payer_account",),
    "claim": ("reporter_phone",),
    "claim_document": ("recognised_text",),
    "contact_log": ("value",),
    "lead": ("phone", "email"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What the company had: every level-1 text, the dump, what the dump said of itself."""

    truths: frozenset[str]
    names: frozenset[str]
    script: bytes
    said: Dumped


def catalogue(environment: str | None) -> Catalogue:
    return load(EXAMPLE / "catalogue" / "pgmask.yml", environment=environment)


def apply(database: Database, wanted: Catalogue) -> None:
    with psycopg.connect(database.dsn(), autocommit=True) as connection:
        plan = plan_database(connection, wanted, author="ann")
        apply_plan(
            connection, plan, allow=frozenset(h.value for h in Hazard),
            approval=Approval(by="dora", reference="OP-1"),
        )  # fmt: skip


def new_key(database: Database, *, dev: bool) -> keyfile.KeyFile:
    with psycopg.connect(database.dsn()) as connection:
        key = keyfile.KeyFile.new(keys.next_id(connection), dev=dev)
        keys.register(connection, key, "dev" if dev else "loaded", None)
        keys.load(connection, key)
    return key


def in_production(database: Database) -> None:
    """The insurer's database, adopted and sealed."""
    insurer = data.generate(CUSTOMERS)
    with psycopg.connect(database.dsn()) as connection:
        connection.execute((EXAMPLE / "schema.sql").read_bytes())
        data.load(connection, insurer)
    install(database.dsn())
    apply(database, catalogue(None))
    new_key(database, dev=False)
    with psycopg.connect(database.dsn(), autocommit=True) as connection:
        for table in ending.deployed(connection).tables:
            done = rows.seal_rows(connection, table)
            assert not done.refused, done


def anonymous(database: Database) -> Source:
    """The dump of it, and what must not be in it."""
    insurer = data.generate(CUSTOMERS)
    truths: set[str] = set()
    for name, columns in _LEVEL_1.items():
        table = insurer.table(name)
        for column in columns:
            at = table.columns.index(column)
            truths |= {str(row[at]) for row in table.rows if row[at]}
    customers = insurer.table("customer")
    at = customers.columns.index("name")
    staff = {row[2] for row in insurer.table("staff").rows}  # unprotected: employees at work
    names = {row[at] for row in customers.rows if len(row[at]) > 2} - staff
    out = io.BytesIO()
    with psycopg.connect(database.dsn()) as connection:
        said = dump(connection, out, keep=KEEP)
    return Source(
        truths=frozenset(truths), names=frozenset(names), script=out.getvalue(), said=said
    )


def restored(database: Database, source: Source) -> None:
    """An empty database gets the dump, the runtime, the catalogue and a key for development."""
    done = database.attempt(
        "psql", "-X", "-q", "--single-transaction", "-v", "ON_ERROR_STOP=1",
        given=source.script.decode(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    install(database.dsn())
    apply(database, catalogue("test"))
    new_key(database, dev=True)
