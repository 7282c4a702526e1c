"""What applications have no business to define; and no rule falls over any statement."""

from __future__ import annotations

from pathlib import Path

import pytest

from pgmask.facts.schema import Schema
from pgmask.verdict.formats import Judged, as_github, as_json, as_junit, as_sarif, as_text
from pgmask.verdict.validator import Validator
from tests.verdict.world import codes, insurer

pytestmark = pytest.mark.requirement("I1", "I2")

CORPUS = Path(__file__).parent.parent / "corpus"
DENIED = {
    "DROP SCHEMA crm CASCADE": "PM680",
    "DROP SCHEMA pgmask_private CASCADE": "PM644",
    "DROP VIEW crm.customer": "PM680",
    "DROP FUNCTION pgmask.login(text)": "PM644",
    "CREATE OR REPLACE FUNCTION pgmask.login(p text) RETURNS text LANGUAGE sql AS 'SELECT $1'":
        "PM644",
    "GRANT EXECUTE ON FUNCTION crm.customer_reveal(uuid) TO PUBLIC": "PM642",
    "GRANT SELECT (phone) ON crm.customer TO bi": "PM642",
    "GRANT SELECT ON ALL TABLES IN SCHEMA crm TO bi": "PM642",
    "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO bi": "PM642",
    "REASSIGN OWNED BY pgmask_owner TO bi": "PM642",
    "ALTER TABLE crm_store.customer OWNER TO bi": "PM642",
    "ALTER ROLE pgmask_agent SUPERUSER": "PM642",
    "ALTER ROLE pgmask_agent RENAME TO x": "PM642",
    "ALTER ROLE pgmask_agent SET row_security = off": "PM642",
    "DROP ROLE pgmask_agent": "PM642",
    "SECURITY LABEL ON TABLE crm.customer IS 'x'": "PM680",
    "CREATE RULE r AS ON UPDATE TO crm.customer DO INSTEAD NOTHING": "PM643",
    "CREATE POLICY p ON crm.customer USING (true)": "PM643",
    "DROP POLICY p ON crm_store.customer": "PM643",
    "DROP TRIGGER t ON crm_store.customer": "PM643",
    "ALTER TABLE crm_store.customer DISABLE TRIGGER ALL": "PM643",
    "CREATE TABLE crm.y PARTITION OF crm.contact_log DEFAULT": "PM680",
    "CREATE TABLE crm.note (id bigint REFERENCES crm.customer)": "PM680",
    "DELETE FROM crm.lead WHERE true": "PM664",
    "ALTER SYSTEM SET row_security = off": "PM634",
    "ALTER DATABASE x SET session_replication_role = replica": "PM641",
    "LOAD 'x'": "PM634",
}  # fmt: skip
OTHERS = """
ALTER FUNCTION f() OWNER TO x; DROP OWNED BY x; COMMENT ON DATABASE a IS 'x'; COMMENT ON
FUNCTION f(int) IS 'x'; CREATE TYPE t AS (a int); DROP FUNCTION f(int); DROP CAST (a AS b);
COMMENT ON CAST (a AS b) IS 'x'; DROP OPERATOR +(int,int); CREATE AGGREGATE a(int) (sfunc=x,
stype=int); CLUSTER crm.customer; REINDEX TABLE crm.customer; VACUUM FULL crm.customer; DISCARD
ALL; LISTEN x; NOTIFY x, 'y'; SET TIME ZONE 'x'; RESET ALL; SHOW ALL; FETCH 1 FROM c; CLOSE ALL;
PREPARE TRANSACTION 'x'; SAVEPOINT a; CREATE DATABASE x; CREATE TABLESPACE x LOCATION '/x'; CALL
p(1); CREATE STATISTICS s ON a, b FROM crm.customer; CREATE TRANSFORM FOR a LANGUAGE b (FROM SQL
WITH FUNCTION f(internal)); INSERT INTO crm.customer DEFAULT VALUES; SELECT; CREATE SCHEMA s
CREATE TABLE t (a int) CREATE VIEW v AS SELECT 1; UPDATE crm.customer SET (name, phone) =
(SELECT 'a', 'b') WHERE id = 1; UPDATE crm.customer SET (name, phone) = ROW('a', 'b'); SELECT
'x' LIKE phone, phone BETWEEN 'a' AND 'b', phone IN (SELECT 'x'), phone = ANY (ARRAY['x', $1]),
(phone, name) = ('a', 'b') FROM crm.customer; WITH x AS (DELETE FROM crm.lead RETURNING *)
INSERT INTO crm.lead SELECT * FROM x; SELECT crm.customer_reveal_request(p_purpose => 'service',
p_key => ARRAY['1'], p_columns => ARRAY['phone']); COPY crm.lead TO '/x'; DO LANGUAGE sql 'x';
DO 'no plpgsql'
"""


@pytest.mark.parametrize("sql", DENIED)
def test_what_an_application_may_not_define(schema: Schema, sql: str) -> None:
    validator = Validator(schema, catalogue=insurer(), profile="agent")
    assert DENIED[sql] in codes(validator.validate(sql))


@pytest.mark.parametrize("migration", [False, True])
@pytest.mark.parametrize("profile", ["agent", "analyst", ""])
def test_no_statement_makes_a_rule_fall_over(schema: Schema, profile: str, migration: bool) -> None:
    catalogue = insurer() if profile else None
    validator = Validator(schema, catalogue=catalogue, profile=profile, migration=migration)
    files = sorted([*CORPUS.glob("lineage/*.sql"), *CORPUS.glob("refused/*.sql")])
    texts = [OTHERS, *OTHERS.split(";"), *DENIED, *(f.read_text("utf-8") for f in files)]
    count = 0
    for text in texts:
        verdicts = validator.validate(text)
        count += len(verdicts)
        assert validator.check(text) is not None
        judged = [Judged(file="x", verdicts=verdicts)]
        for shape in (as_text, as_json, as_sarif, as_github, as_junit):
            assert isinstance(shape(judged), str)
    assert count > 150
