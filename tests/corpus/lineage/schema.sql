-- A small schema that is hostile to whoever resolves names by guessing.

CREATE SCHEMA crm;
CREATE SCHEMA "Odd Schema";
CREATE SCHEMA shadow;

CREATE TYPE crm.address AS (city text, street text, zip text);
CREATE TYPE crm.grade AS ENUM ('silver', 'gold', 'diamond');
CREATE DOMAIN crm.mobile AS text;

CREATE TABLE crm.customer (
  id integer PRIMARY KEY,
  unit_id integer NOT NULL,
  name text NOT NULL,
  phone crm.mobile,
  id_no text,
  home crm.address,
  tags text[],
  past crm.address[],
  notes jsonb,
  grade crm.grade,
  born date,
  score numeric(10, 2)
);

CREATE TABLE crm.policy (
  id integer PRIMARY KEY,
  unit_id integer NOT NULL,
  holder_id integer REFERENCES crm.customer (id),
  product text,
  starts_on date,
  premium numeric(12, 2),
  document xml
);

CREATE TABLE crm.claim (
  id integer,
  policy_id integer,
  filed_on date NOT NULL,
  amount numeric(12, 2),
  "Diagnosis" text,
  PRIMARY KEY (id, filed_on)
) PARTITION BY RANGE (filed_on);
CREATE TABLE crm.claim_2025 PARTITION OF crm.claim FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE crm.claim_2026 PARTITION OF crm.claim FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');

CREATE TABLE crm.person (id integer, name text, mail text);
CREATE TABLE crm.employee (badge text, salary numeric) INHERITS (crm.person);

CREATE TABLE "Odd Schema"."Kunde" (
  "Id" integer, "select" text, "a b" text, "x""y" text, id integer, "电话" text, customer text
);

-- Tables whose names are those of columns, functions and other tables.
CREATE TABLE crm.name (name text, id integer);
CREATE TABLE shadow.customer (id integer, phone text, hidden text);
CREATE TABLE crm.tree (id integer, parent_id integer, label text, secret text);
CREATE TABLE crm.a (id integer, x text, y text);
CREATE TABLE crm.b (id integer, x text, z text);
CREATE TABLE crm.c (id integer, y text, z text, w text);

CREATE FUNCTION crm.initial(c crm.customer) RETURNS text
LANGUAGE sql STABLE RETURN substr((c).name, 1, 1);

CREATE FUNCTION crm.phone_of(wanted integer) RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT phone FROM crm.customer WHERE customer.id = wanted;
END;

CREATE FUNCTION crm.policies_of(wanted integer) RETURNS SETOF crm.policy
LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT * FROM crm.policy AS p WHERE p.holder_id = policies_of.wanted;
END;

CREATE FUNCTION crm.pairs(INOUT first_one text, OUT second_one integer)
LANGUAGE sql STABLE RETURN (first_one, 1);

CREATE FUNCTION crm.mixed(VARIADIC parts text[]) RETURNS text
LANGUAGE sql IMMUTABLE RETURN array_to_string(parts, '-');

CREATE FUNCTION crm.opaque_rows(n integer) RETURNS TABLE (k integer, v text)
LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY SELECT n, 'x'::text; END $$;

CREATE FUNCTION crm.opaque_record(n integer) RETURNS SETOF record
LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY SELECT n, 'x'::text; END $$;

CREATE FUNCTION crm.old_style(n integer) RETURNS text
LANGUAGE sql STABLE SET search_path = crm AS 'SELECT id_no FROM customer WHERE id = $1';

CREATE VIEW crm.customer_view AS
  SELECT id, unit_id, name, phone, upper(id_no) AS id_no FROM crm.customer WHERE score > 0;

CREATE VIEW crm.customer_short AS SELECT id, name AS title FROM crm.customer_view;

CREATE VIEW crm.everybody AS
  SELECT id, name, phone FROM crm.customer
  UNION ALL
  SELECT id, name, mail FROM crm.person;

CREATE VIEW crm.distinct_names AS
  SELECT name, phone FROM crm.customer UNION SELECT name, mail FROM crm.person;

CREATE VIEW crm.by_unit AS
  SELECT unit_id, count(*) AS many, max(phone) AS last_phone,
         sum(score) FILTER (WHERE grade = 'gold') AS gold
    FROM crm.customer GROUP BY unit_id;

CREATE VIEW crm.with_join AS
  SELECT c.*, p.product, p.premium FROM crm.customer AS c LEFT JOIN crm.policy AS p ON p.holder_id = c.id;

CREATE VIEW "Odd Schema".customer AS SELECT "Id" AS id, "电话" AS phone, "a b" FROM "Odd Schema"."Kunde";

-- Its body is read on the path of whoever runs it.
SET LOCAL check_function_bodies = off;
CREATE FUNCTION crm.by_path(n integer) RETURNS text
LANGUAGE sql STABLE AS 'SELECT phone FROM customer WHERE customer.id = $1';

CREATE VIEW crm.through_text AS SELECT id, crm.by_path(id) AS phone FROM crm.a;

CREATE MATERIALIZED VIEW crm.matview AS SELECT id, phone AS number FROM crm.customer;

CREATE VIEW crm.over_mat AS SELECT m.number, c.name FROM crm.matview AS m JOIN crm.customer AS c USING (id);

CREATE VIEW crm.whole AS SELECT c AS customer, c.id FROM crm.customer AS c;

CREATE VIEW crm.laterals AS
  SELECT c.id, x.total, (SELECT count(*) FROM crm.claim WHERE policy_id = c.id) AS claims
    FROM crm.customer AS c
    CROSS JOIN LATERAL (SELECT sum(p.premium) AS total FROM crm.policy AS p WHERE p.holder_id = c.id) AS x;

-- Functions behind operators and casts, and overloads that read different columns.
CREATE FUNCTION shadow.peek(l integer, r integer) RETURNS text
LANGUAGE sql STABLE AS 'SELECT hidden FROM shadow.customer WHERE id = l';
CREATE OPERATOR shadow.### (LEFTARG = integer, RIGHTARG = integer, FUNCTION = shadow.peek);
CREATE TYPE shadow.wrapped AS (a text);
CREATE FUNCTION shadow.wrap(n integer) RETURNS shadow.wrapped
LANGUAGE sql STABLE AS 'SELECT ROW(hidden)::shadow.wrapped FROM shadow.customer WHERE id = n';
CREATE CAST (integer AS shadow.wrapped) WITH FUNCTION shadow.wrap(integer);
CREATE FUNCTION shadow.pick(n numeric) RETURNS text LANGUAGE sql STABLE AS $$ SELECT 'n' $$;
CREATE FUNCTION shadow.pick(n bigint) RETURNS text
LANGUAGE sql STABLE AS 'SELECT hidden FROM shadow.customer';
CREATE FUNCTION shadow.pick(n integer) RETURNS text LANGUAGE sql STABLE AS $$ SELECT 'i' $$;
CREATE FUNCTION shadow.pick(d interval) RETURNS text
LANGUAGE sql STABLE AS 'SELECT hidden FROM shadow.customer';
CREATE FUNCTION shadow.pick(d timestamptz) RETURNS text LANGUAGE sql STABLE AS $$ SELECT 't' $$;
CREATE FUNCTION shadow.pick(d date) RETURNS text LANGUAGE sql STABLE AS $$ SELECT 'd' $$;

-- Functions behind aggregates and in defaults.
CREATE FUNCTION shadow.step(state text, n integer) RETURNS text
LANGUAGE sql STABLE AS 'SELECT max(hidden) FROM shadow.customer WHERE id = n';
CREATE AGGREGATE shadow.spy(integer) (SFUNC = shadow.step, STYPE = text);
CREATE FUNCTION shadow.told(t text DEFAULT shadow.peek(1, 2)) RETURNS text
LANGUAGE sql STABLE AS 'SELECT t';

CREATE DOMAIN crm.moves AS crm.address[];
CREATE TABLE crm.mover (id integer, past crm.moves);
