"""Ways round the gate: each is denied by its rule, and its harmless twin is not.

The last statement of each text is the one that is asked about, or with ``any`` one of them.
"""

from __future__ import annotations

import pytest

from pgmask.facts.schema import Schema
from pgmask.verdict.model import Severity
from pgmask.verdict.validator import Validator
from tests.verdict.world import codes, found, insurer

pytestmark = pytest.mark.requirement("I1", "I2")

TRIGGER = "CREATE TRIGGER aaa BEFORE INSERT ON {} FOR EACH ROW EXECUTE FUNCTION crm.tr()"
# name: (denied, its code, twin that is not)
MIGRATION = {
    "trigger on a store": (
        TRIGGER.format("crm_store.customer"), "PM643", TRIGGER.format("crm.ref_product"),
    ),
    "trigger on a child of a store": (
        TRIGGER.format("crm_store.contact_log_2025h1"), "PM643", TRIGGER.format("crm.ref_region"),
    ),
    "trigger switched on": (
        "ALTER TABLE crm_store.customer ENABLE ALWAYS TRIGGER t", "PM643",
        "ALTER TABLE crm.ref_product ENABLE TRIGGER t",
    ),
    "rule switched on": (
        "ALTER TABLE crm_store.customer ENABLE RULE t", "PM643",
        "ALTER TABLE crm.ref_product ENABLE RULE t",
    ),
    "rule": (
        "CREATE RULE r AS ON UPDATE TO crm_store.customer DO INSTEAD NOTHING", "PM643", "SELECT 1",
    ),
    "child of a foreign parent": (
        "CREATE TABLE crm.ref_p (id bigint); ALTER TABLE crm_store.customer INHERIT crm.ref_p",
        "PM643",
        "CREATE TABLE crm.ref_p (id bigint); ALTER TABLE crm.ref_bank INHERIT crm.ref_p",
    ),
    "partition of a foreign parent": (
        "CREATE TABLE crm.ref_p (id bigint) PARTITION BY HASH (id); ALTER TABLE crm.ref_p"
        " ATTACH PARTITION crm_store.customer FOR VALUES WITH (MODULUS 2, REMAINDER 0)", "PM643",
        "ALTER TABLE crm_store.contact_log ATTACH PARTITION crm_store.contact_log_2025h1 DEFAULT",
    ),
    "truncate cascade": ("TRUNCATE crm.ref_product CASCADE", "PM643", "TRUNCATE crm.ref_product"),
    "drop cascade": ("DROP TABLE crm.ref_bank CASCADE", "PM643", "DROP TABLE crm.ref_bank"),
    "drop of a temporary table": (
        "DROP TYPE crm.x CASCADE", "PM643", "CREATE TEMP TABLE x (a int); DROP TABLE x CASCADE",
    ),
    "materialised view": (
        "CREATE MATERIALIZED VIEW public.mv AS SELECT name FROM crm_store.customer", "PM685",
        "CREATE MATERIALIZED VIEW public.mv AS SELECT name FROM crm.ref_product",
    ),
    "table as": (
        "CREATE TABLE public.t AS SELECT name FROM crm_store.customer", "PM685",
        "CREATE TABLE public.t AS SELECT name FROM crm.ref_product",
    ),
    "select into": (
        "SELECT name INTO public.t FROM crm_store.customer", "PM636",
        "SELECT status INTO public.t FROM crm_store.customer",
    ),
    "insert of a query": (
        "INSERT INTO crm.ref_region SELECT id::text, name FROM crm_store.customer", "PM685",
        "INSERT INTO crm.ref_region SELECT code, name FROM crm.ref_bank",
    ),
    "insert of a query, in a window": (
        "SELECT pgmask.detach('crm.customer'); INSERT INTO crm.ref_region SELECT id::text, name"
        " FROM crm_store.customer", "PM636",
        "SELECT pgmask.detach('crm.customer'); INSERT INTO crm.ref_region SELECT id::text, status"
        " FROM crm_store.customer",
    ),
    "insert below WITH": (
        "WITH x AS (INSERT INTO crm.ref_region SELECT 'a', name FROM crm_store.customer RETURNING 1)"
        " SELECT * FROM x", "PM636", "WITH x AS (SELECT 1) SELECT * FROM x",
    ),
    "copy of a query": (
        "COPY (SELECT name FROM crm_store.customer) TO STDOUT", "PM685",
        "COPY (SELECT name FROM crm.ref_product) TO STDOUT",
    ),
    "copy of a query, in a window": (
        "SELECT pgmask.detach('crm.customer'); COPY (SELECT name FROM crm_store.customer) TO STDOUT",
        "PM624",
        "SELECT pgmask.detach('crm.customer'); COPY (SELECT id FROM crm_store.customer) TO STDOUT",
    ),
    "explain analyze": (
        "EXPLAIN ANALYZE DELETE FROM crm_store.customer", "PM685",
        "EXPLAIN ANALYZE DELETE FROM crm.ref_bank WHERE code = 'x'",
    ),
    "in a body": (
        "DO $$ BEGIN DELETE FROM crm_store.lead; END $$", "PM685",
        "DO $$ BEGIN DELETE FROM crm.ref_bank; END $$",
    ),
    "a view that is only made": (
        "SELECT count(*) FROM crm_store.customer", "PM685",
        "CREATE VIEW public.v WITH (security_invoker) AS SELECT id FROM crm.customer",
    ),
}  # fmt: skip
APPLICATION = {
    "trigger on a store": (
        TRIGGER.format("crm_store.customer"), "PM643", TRIGGER.format("crm.ref_product"),
    ),
}  # fmt: skip


@pytest.fixture
def owner(schema: Schema) -> Validator:
    return Validator(schema, catalogue=insurer(), profile="agent", migration=True)


@pytest.fixture
def agent(schema: Schema) -> Validator:
    return Validator(schema, catalogue=insurer(), profile="agent")


def hold(validator: Validator, denied: str, code: str, twin: str) -> None:
    verdicts = validator.validate(denied)
    told = "\n".join(found(verdicts))
    assert any(
        f.code == code and f.severity is Severity.DENY for v in verdicts for f in v.findings
    ), told
    verdicts = validator.validate(twin)
    assert code not in codes(verdicts), "\n".join(found(verdicts))


@pytest.mark.parametrize("way", MIGRATION)
def test_migration(owner: Validator, way: str) -> None:
    hold(owner, *MIGRATION[way])


@pytest.mark.parametrize("way", APPLICATION)
def test_application(agent: Validator, way: str) -> None:
    hold(agent, *APPLICATION[way])
