"""What a table brings along: taken over into the trigger, or refused by name before anything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from pgmask.apply.seal import seal_rows
from pgmask.apply.seal_finish import deployed, finish, verify
from pgmask.catalogue import load
from pgmask.catalogue.model import Catalogue
from pgmask.compile import Severity, check
from pgmask.keyfile import KeyFile
from pgmask.runtime import install
from tests.harness import Database, Server
from tests.sealing.conftest import register_key
from tests.spine.world import applied, drift_of, facts_of, plan_of, register

ID_A, ID_B = "11010519491231002X", "440524188001010014"
SCHEMA = f"""
CREATE SCHEMA crm;
CREATE DOMAIN crm.cn_phone AS varchar(11) CHECK (VALUE ~ '^1');
CREATE TABLE crm.customer (
  id bigserial PRIMARY KEY,
  unit_id integer NOT NULL,
  name varchar(60) NOT NULL CONSTRAINT name_len CHECK (char_length(name) >= 2),
  "Phone" crm.cn_phone NOT NULL CONSTRAINT customer_phone_key UNIQUE,
  id_no varchar(18) NOT NULL CONSTRAINT id_len CHECK (char_length(id_no) IN (15, 18)),
  income numeric(10, 2) NOT NULL DEFAULT 100 CHECK (income >= 0),
  code text NOT NULL,
  grade text,
  CONSTRAINT either CHECK (income > 5 OR id_no <> ''),
  CONSTRAINT customer_unit_id_no_key UNIQUE (unit_id, id_no),
  CONSTRAINT code_key UNIQUE (unit_id, code)
);
CREATE UNIQUE INDEX id_only ON crm.customer (id_no, unit_id) WHERE unit_id > 100;
CREATE FUNCTION crm.touch() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN NEW.grade := coalesce(NEW.grade, ''none''); RETURN NEW; END';
CREATE TRIGGER a_touch BEFORE INSERT OR UPDATE ON crm.customer
  FOR EACH ROW EXECUTE FUNCTION crm.touch();
INSERT INTO crm.customer (unit_id, name, "Phone", id_no, income, code, grade) VALUES
  (1, '王小明', '13812345678', '{ID_A}', 10, 'x1', 'silver'),
  (1, '李四', '13899995678', '{ID_B}', 20, 'x2', 'diamond');
"""
CATALOGUE = """\
pgmask: 1
packs: [baseline]
store: {schema: crm, mode: aside, as: crm_store, profile: agent}
subject:
  table: customer
  key: id
  unit: unit_id
  high_value: {column: grade, at_least: diamond, order: [silver, gold, diamond]}
tables:
  customer:
    columns:
      name: {level: 2, category: basic, kind: person_name}
      Phone: {level: 1, category: contact, kind: mobile, unique: global}
      id_no: {level: 1, category: basic, kind: cn_id_card, unique: per_unit}
      income: {level: 2, category: finance, kind: number}
      code: {level: 2, category: basic, kind: policy_number}
    level_3: [id, unit_id, grade]
profiles:
  agent:
    rows: own_unit
    direct_service: true
    columns: {1: mask, 2: plain, 3: plain}
    tables: {"*": write}
    identity: {grade: assertion, max_ttl: 60s, issuers: [crm-web]}
    opens: always
  analyst:
    rows: all
    columns: {1: hidden, 2: hidden, 3: plain}
    tables: {"*": read}
    opens: when_sealed
"""


def _id_no(number: int) -> str:
    """A valid identity number."""
    body = f"11010519490{101 + number % 9}{number:03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, weights, strict=True)) % 11]


def _catalogue(folder: Path) -> Catalogue:
    path = folder / "pgmask.yml"
    path.write_text(CATALOGUE, "utf-8")
    return load(path)


@pytest.fixture
def fresh(server: Server) -> Iterator[Database]:
    """The schema before adoption, with the runtime and a key."""

    def fill(database: Database) -> None:
        install(database.dsn())
        with database.connect() as connection:
            register_key(connection, KeyFile.new(1))
            connection.execute(SCHEMA.encode())

    with server.database(template=server.template("adoption", fill)) as made:
        yield made


@pytest.mark.requirement("A1", "F4", "B1", "F1")
def test_taken_over(fresh: Database, tmp_path: Path) -> None:
    """CHECKs, domains, NOT NULL and UNIQUE hold for plain values after adoption as before."""
    catalogue = _catalogue(tmp_path)
    problems = check(catalogue, facts_of(fresh))
    refused = {(p.code, p.what) for p in problems if p.severity is Severity.REFUSE}
    assert refused == set()
    warned = [p for p in check(catalogue, facts_of(fresh)) if p.code == "PM253"]
    assert [p.what for p in warned] == ["a_touch"]
    applied(fresh, plan_of(fresh, catalogue))
    assert plan_of(fresh, catalogue).empty
    assert fresh.rows("SELECT FROM pg_indexes WHERE indexname = 'id_only'") == []
    connection = fresh.connect(autocommit=True)
    known = deployed(connection)
    assert known.catalogue.hash == catalogue.hash
    table = known.table("crm.customer")
    assert seal_rows(connection, table).rows == 2
    assert verify(fresh.dsn(), table) == ()
    assert finish(connection, table) > 0
    assert plan_of(fresh, catalogue).empty
    assert drift_of(fresh, catalogue) == ()
    register(fresh, ("app", "agent", "1"), ("alan", "analyst", "1"))
    app = fresh.connect("app", autocommit=True)
    good = {"unit_id": 1, "name": "张三丰", '"Phone"': "13700000001", "id_no": _id_no(1),
            "income": 50, "code": "x3"}  # fmt: skip

    def add(**change: object) -> None:
        row = {**good, **{('"Phone"' if k == "phone" else k): v for k, v in change.items()}}
        row = {k: v for k, v in row.items() if v is not ...}
        app.execute(
            f"INSERT INTO crm.customer ({', '.join(row)}) VALUES ({', '.join(['%s'] * len(row))})"
            .encode(), tuple(row.values()))  # fmt: skip

    for change, code, named in (
        ({"id_no": ID_A}, "23505", "customer_unit_id_no_key"),
        ({"id_no": ID_B}, "23505", "customer_unit_id_no_key"),
        ({"phone": "13812345678"}, "23505", "customer_phone_key"),
        ({"phone": "23812345678"}, "PM041", "Phone"),
        ({"phone": None}, "23502", "Phone"),
        ({"name": "x"}, "PM041", "name_len"),
        ({"income": -1}, "PM041", "customer_income_check"),
        ({"income": None}, "PM045", "income"),
        ({"code": "x1"}, "23505", "code"),
        ({"code": "x2"}, "23505", "code"),  # the other one's is NULL at rest
        ({"id_no": None}, "23502", "id_no"),
    ):
        with pytest.raises(psycopg.Error) as caught:
            add(**change)
        diag = caught.value.diag
        said = f"{caught.value} {diag.constraint_name} {diag.column_name}"
        assert (caught.value.sqlstate, named in said) == (code, True), (change, said)
    add(income=...)
    row = app.execute(
        "SELECT name, \"Phone\", id_no, income, code FROM crm.customer WHERE code = 'x3'"
    ).fetchone()
    assert row == ("张三丰", "137****0001", _id_no(1)[:10] + "********", 100, "x3")
    root = fresh.superuser()
    root.execute("UPDATE crm_store.customer SET grade = 'diamond' WHERE code = 'x3'")
    row = root.execute(
        "SELECT name, income, code FROM crm_store.customer WHERE name = '张**'"
    ).fetchone()
    assert row == ("张**", None, None)
    with pytest.raises(psycopg.Error) as caught:
        add(id_no=_id_no(2), phone="13700000002")
    assert caught.value.sqlstate == "23505"  # x3 is still taken
    assert verify(fresh.dsn(), table) == ()


BROUGHT = {
    "partition key": (
        "DROP TABLE crm.customer; CREATE TABLE crm.customer (id bigint, unit_id integer, name text,"
        ' "Phone" text, id_no text, income numeric, code text, grade text,'
        ' PRIMARY KEY (id, "Phone")) PARTITION BY LIST ("Phone")',
        {("PM250", "Phone")},
    ),
    "primary key": (
        "ALTER TABLE crm.customer DROP CONSTRAINT customer_pkey, ADD PRIMARY KEY (id_no)",
        {("PM250", "id_no")},
    ),
    "foreign key": (
        "CREATE TABLE crm.ref_p (p varchar(11) PRIMARY KEY);"
        " ALTER TABLE crm.customer ADD CONSTRAINT"
        ' fk FOREIGN KEY ("Phone") REFERENCES crm.ref_p NOT VALID',
        {("PM250", "fk")},
    ),
    "foreign key to it": (
        "CREATE TABLE crm.ref_c (p crm.cn_phone CONSTRAINT to_phone REFERENCES crm.customer"
        ' ("Phone"))',
        {("PM250", "to_phone")},
    ),
    "generated column": (
        "ALTER TABLE crm.customer ADD COLUMN tail text"
        " GENERATED ALWAYS AS (right(id_no, 4)) STORED",
        {("PM251", "tail")},
    ),
    "check that calls the application's function": (
        "CREATE FUNCTION crm.nice(text) RETURNS boolean LANGUAGE sql AS 'SELECT true';"
        " ALTER TABLE crm.customer ADD CONSTRAINT nice CHECK (crm.nice(id_no))",
        {("PM251", "nice")},
    ),
    "check that uses the application's operator": (
        "CREATE FUNCTION crm.same(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';"
        " CREATE OPERATOR crm.=== (FUNCTION = crm.same, LEFTARG = text, RIGHTARG = text);"
        " ALTER TABLE crm.customer ADD CONSTRAINT nice CHECK (id_no OPERATOR(crm.===) 'x')",
        {("PM251", "nice")},
    ),
    "expression index": (
        "CREATE UNIQUE INDEX low ON crm.customer (lower(id_no))",
        {("PM251", "low")},
    ),
    "exclusion": (
        "CREATE EXTENSION btree_gist; ALTER TABLE crm.customer ADD CONSTRAINT ex"
        " EXCLUDE USING gist (id_no WITH =, unit_id WITH <>)",
        {("PM250", "ex")},
    ),
    "unique that the catalogue does not name": (
        "ALTER TABLE crm.customer ADD CONSTRAINT other UNIQUE (id_no, grade)",
        {("PM254", "other")},
    ),
    "type": (
        "ALTER TABLE crm.customer ALTER income DROP DEFAULT; ALTER TABLE crm.customer"
        " DROP CONSTRAINT customer_income_check, DROP CONSTRAINT either,"
        " ALTER income TYPE double precision",
        {("PM252", "income")},
    ),
    "inheritance child": (
        "CREATE TABLE crm.child () INHERITS (crm.customer)", {("PM255", "crm.child")},
    ),
    "trigger that fires after ours": (
        "CREATE TRIGGER zzzz BEFORE UPDATE ON crm.customer"
        " FOR EACH ROW EXECUTE FUNCTION crm.touch()",
        {("PM253", "zzzz")},
    ),
}  # fmt: skip


@pytest.mark.requirement("A1", "B1")
@pytest.mark.parametrize("case", BROUGHT)
def test_refused_by_name(fresh: Database, tmp_path: Path, case: str) -> None:
    """What would break or leak is named with its way out, and nothing is planned."""
    fresh.run("DROP INDEX crm.id_only")
    statement, expected = BROUGHT[case]
    user = "postgres" if "EXTENSION" in statement else "installer"
    fresh.run(statement, user=user)
    found = [
        p for p in check(_catalogue(tmp_path), facts_of(fresh))
        if p.severity is Severity.REFUSE and p.code.startswith("PM25")
    ]  # fmt: skip
    assert {(p.code, p.what) for p in found} >= expected
    assert all(p.hint and p.message for p in found)
