-- Texts whose earlier statements make it unsure what the last one means: run statement by statement
-- or as one transaction, and with any of them failing, they come to different objects.

-- PM613
SET search_path = shadow; COMMIT; ROLLBACK; SELECT phone FROM customer

-- PM613
SET search_path = shadow; ROLLBACK; SELECT phone FROM customer

-- PM613
BEGIN; SET search_path = shadow; COMMIT; SELECT phone FROM customer

-- PM613
BEGIN; SET search_path = shadow; COMMIT AND CHAIN; SELECT 1; ROLLBACK; SELECT phone FROM customer

-- PM613
SET search_path = shadow; BEGIN; SELECT 1; ROLLBACK; SELECT phone FROM customer

-- PM613
BEGIN; SAVEPOINT s; SET search_path = shadow; SAVEPOINT s; RELEASE s; ROLLBACK TO s; SELECT phone FROM customer

-- PM613
SAVEPOINT s; SET LOCAL search_path = shadow; SELECT phone FROM customer

-- PM613
SET LOCAL search_path = shadow; COMMIT; SELECT phone FROM customer

-- PM613
COMMIT AND CHAIN; SET LOCAL search_path = shadow; SELECT phone FROM customer

-- PM613
SET search_path = "$user", crm; SELECT phone FROM customer

-- PM613
SET ROLE shadow; SELECT phone FROM customer

-- PM605
UPDATE pg_settings SET setting = 'shadow' WHERE name = 'search_path'

-- PM613
UPDATE pg_catalog.pg_settings SET setting = 'shadow' WHERE name = 'search_path'; SELECT phone FROM customer

-- PM605
DELETE FROM pg_catalog.pg_class

-- PM605
COPY pg_class FROM STDIN

-- PM614
CREATE TEMP TABLE customer (phone text CHECK (phone = 1)); SELECT phone FROM customer

-- PM614
BEGIN; CREATE TEMP TABLE customer (phone text); ROLLBACK; SELECT phone FROM customer

-- PM614
CREATE TEMP TABLE customer (phone text); COMMIT; ROLLBACK; INSERT INTO customer VALUES ('x')

-- PM614
SET search_path = crm, shadow; DROP TABLE crm.customer; SELECT phone FROM customer

-- PM614
SET search_path = shadow, crm; DROP TABLE person CASCADE; SELECT phone FROM customer

-- PM614
DROP VIEW customer_view; CREATE VIEW crm.customer_view AS SELECT x AS name FROM a; SELECT name FROM crm.customer_view

-- PM614
CREATE VIEW q AS SELECT phone FROM customer; DROP VIEW q; CREATE TABLE q (phone text); SELECT phone FROM q

-- A column that is renamed is followed, but not where its name may have meant another one.

-- PM614
ALTER TABLE a RENAME COLUMN x TO q; ALTER TABLE a RENAME COLUMN y TO x; SELECT x FROM a

-- PM614
ALTER TABLE a RENAME COLUMN x TO q; ALTER TABLE a RENAME COLUMN y TO x; SELECT id FROM a

-- PM614
ALTER TABLE a RENAME COLUMN x TO y; SELECT y FROM a

-- PM614
BEGIN; ALTER TABLE a RENAME COLUMN x TO q; ROLLBACK; ALTER TABLE a RENAME COLUMN y TO q; SELECT q FROM a

-- PM614
ALTER TABLE a RENAME COLUMN x TO q; ALTER TABLE a DROP COLUMN q; ALTER TABLE a ADD COLUMN q text; SELECT q FROM a

-- PM614
ALTER TABLE a RENAME COLUMN x TO q; ROLLBACK; ALTER TABLE a ADD COLUMN q text; SELECT q FROM a

-- PM614
ALTER TABLE a RENAME COLUMN x TO q; DROP TABLE a; CREATE TABLE crm.a (q text); SELECT q FROM crm.a

-- PM614
ALTER TABLE a RENAME COLUMN x TO q; SELECT q FROM a, customer AS q

-- PM614
ALTER TABLE a RENAME COLUMN x TO q; SELECT x FROM a, customer AS x

-- PM614
ALTER TABLE a RENAME COLUMN x TO phone_of; SELECT a.phone_of FROM a

-- PM614
ALTER TABLE a RENAME COLUMN x TO q; SELECT (SELECT q FROM a) FROM customer

-- PM614
ALTER TABLE a RENAME COLUMN x TO phone; SELECT phone FROM a NATURAL JOIN customer

-- PM602
ALTER TABLE a RENAME COLUMN x TO q; SELECT x FROM a

-- PM602
BEGIN; ALTER TABLE a RENAME COLUMN x TO q; ROLLBACK; SELECT q FROM a

-- PM614
ALTER TABLE a RENAME COLUMN x TO q; SELECT x FROM crm.through_text

-- PM614
ALTER TABLE person RENAME COLUMN mail TO e_mail; SELECT mail FROM employee

-- PM614
ALTER VIEW customer_view RENAME COLUMN phone TO q; SELECT q FROM customer_view

-- PM614
CREATE OR REPLACE VIEW customer_view AS SELECT id, unit_id, id_no AS name, phone, upper(id_no) AS id_no FROM customer WHERE score > 0; SELECT name FROM customer_view

-- PM614
CREATE OR REPLACE VIEW customer_view AS SELECT id, unit_id, name, phone, upper(id_no) AS id_no FROM customer WHERE grade = 'a'; SELECT name FROM customer_view

-- PM614
CREATE OR REPLACE VIEW customer_view AS SELECT id, unit_id, name, phone, upper(id_no) AS id_no, mail AS m FROM customer WHERE score > 0; CREATE OR REPLACE VIEW customer_view AS SELECT id, unit_id, name, phone, upper(id_no) AS id_no, name AS m FROM customer WHERE score > 0; SELECT m FROM customer_view

-- PM614
ALTER TABLE a RENAME TO q; SELECT x FROM q

-- PM614
ALTER TABLE customer RENAME TO c_old; CREATE TABLE crm.customer (LIKE crm.c_old); SELECT name FROM crm.customer_view

-- PM601
ALTER TABLE customer SET SCHEMA shadow; SELECT phone_of(1)

-- PM614
PREPARE p AS SELECT phone FROM customer; PREPARE p AS SELECT x FROM a; EXECUTE p

-- PM614
DECLARE k CURSOR FOR SELECT phone FROM customer; DECLARE k CURSOR FOR SELECT x FROM a; FETCH k

-- A body that may set the path, whatever runs of it.

-- PM613
DO $$ BEGIN SET search_path = shadow; END $$; SELECT phone FROM customer

-- PM613
DO $$ BEGIN PERFORM set_config('search_path', 'shadow', false); END $$; SELECT phone FROM customer

-- PM613
DO $$ BEGIN SET U&"se\0061rch_path" = shadow; END $$; SELECT phone FROM customer

-- PM613
DO $$ DECLARE t text; BEGIN IF false THEN SET search_path = shadow; END IF; SELECT phone INTO t FROM customer; END $$

-- PM614
DO $$ BEGIN CREATE TEMP TABLE customer (phone text); END $$; SELECT phone FROM customer

-- PM613
CREATE FUNCTION sp() RETURNS text LANGUAGE sql AS $$ SELECT set_config('search_path', 'shadow', false) $$; SELECT sp(); SELECT phone FROM customer

-- PM613
CREATE FUNCTION sp() RETURNS void LANGUAGE plpgsql AS $$ BEGIN SET search_path = shadow; END $$; SELECT sp(); SELECT phone FROM customer

-- PM613
CREATE FUNCTION sp() RETURNS void LANGUAGE plpgsql AS $$ BEGIN SET search_path = shadow; END $$; CREATE FUNCTION sp2() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM sp(); END $$; SELECT sp2(); SELECT phone FROM customer

-- PM613
SELECT by_path(id) FROM a WHERE set_config('search_path', 'shadow', false) <> ''

-- PM613
SELECT phone FROM through_text WHERE set_config('search_path', 'shadow', false) <> ''

-- PM609
DO $$ BEGIN CREATE FUNCTION f() RETURNS text LANGUAGE plpgsql AS $f$ BEGIN RETURN 1; END $f$; END $$

-- PM608
CREATE FUNCTION f() RETURNS xml LANGUAGE internal AS 'query_to_xml'

-- What reaches further than the names in it.

-- PM614
ALTER SCHEMA crm RENAME TO old; ALTER SCHEMA shadow RENAME TO crm; SELECT phone FROM crm.customer

-- PM614
SET search_path = crm, shadow; DROP SCHEMA crm CASCADE; SELECT phone FROM customer

-- PM604
ALTER FUNCTION crm.phone_of(integer) RENAME TO g; SELECT g(1)

-- PM604
ALTER FUNCTION crm.phone_of(integer) RENAME TO g; SELECT crm.g(1)

-- PM614
ALTER FUNCTION crm.old_style(integer) RENAME TO phone_of; SELECT crm.phone_of(1)

-- PM614
DROP FUNCTION crm.phone_of(integer); SELECT phone_of(1)

-- PM614
ALTER FUNCTION crm.by_path(integer) SET search_path = shadow; SELECT crm.by_path(1)

-- PM614
CREATE TABLE crm.par (phone crm.mobile); ALTER TABLE crm.customer INHERIT crm.par; SELECT phone FROM crm.par

-- PM614
ALTER TABLE claim DETACH PARTITION claim_2025; SELECT amount FROM claim

-- PM614
CREATE OPERATOR crm.### (LEFTARG = integer, RIGHTARG = integer, FUNCTION = crm.phone_of); SELECT 1 OPERATOR(crm.###) 1

-- PM614
CREATE CAST (integer AS text) WITH FUNCTION crm.phone_of(integer); SELECT 1::text

-- PM604
CREATE AGGREGATE crm.spy(integer) (SFUNC = crm.phone_of, STYPE = text); SELECT crm.phone_of(1), crm.spy(id) FROM a

-- PM614
CREATE DOMAIN crm.dd AS text CHECK (crm.phone_of(1) = VALUE); SELECT 'x'::crm.dd

-- PM605
CREATE RULE r AS ON UPDATE TO a DO ALSO INSERT INTO b SELECT id, phone FROM customer

-- PM601
CREATE SCHEMA leak CREATE VIEW v AS SELECT phone FROM crm.customer; SELECT phone FROM crm.v

-- Expressions that are kept with a table or function.

-- PM601
CREATE TABLE q (x text DEFAULT (SELECT y FROM nowhere))

-- PM604
CREATE TABLE q (x text CHECK (nowhere.f(x)))

-- PM602
CREATE TABLE q (x text, CHECK (nope > 1))

-- PM604
ALTER TABLE a ALTER COLUMN x SET DEFAULT nowhere.f()

-- PM604
ALTER TABLE a ADD COLUMN q text DEFAULT nowhere.f()

-- PM604
ALTER TABLE a ADD CONSTRAINT k CHECK (nowhere.f(x))

-- PM604
CREATE TABLE q PARTITION OF claim FOR VALUES FROM (nowhere.f()) TO (MAXVALUE)

-- PM604
CREATE TABLE q (x text) PARTITION BY RANGE (nowhere.f(x))

-- PM604
CREATE FUNCTION f(x text DEFAULT nowhere.f()) RETURNS text LANGUAGE sql AS 'SELECT x'

-- PM604
CREATE STATISTICS s ON nowhere.f(x), y FROM a

-- PM604
CREATE TRIGGER t BEFORE UPDATE ON a FOR EACH ROW WHEN (nowhere.f(OLD.x)) EXECUTE FUNCTION g()

-- PM604
ALTER DOMAIN mobile ADD CHECK (nowhere.f(VALUE))

-- What sets the path later: a trigger, a default, a view.

-- PM613
CREATE FUNCTION tr() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN SET search_path = shadow; RETURN NEW; END $$; CREATE TEMP TABLE q (k text); CREATE TRIGGER t BEFORE INSERT ON q FOR EACH ROW EXECUTE FUNCTION tr(); SET search_path = crm; INSERT INTO pg_temp.q VALUES ('x'); SELECT phone FROM customer

-- PM613
CREATE TEMP TABLE q (k text DEFAULT set_config('search_path', 'shadow', false)); SET search_path = crm; INSERT INTO pg_temp.q DEFAULT VALUES; SELECT phone FROM customer

-- PM613
CREATE VIEW q AS SELECT set_config('search_path', 'shadow', false) AS k; SET search_path = crm; SELECT k FROM crm.q; SELECT phone FROM customer

-- PM613
SELECT query_to_xml('SELECT 1', true, true, ''); SELECT phone FROM customer

-- Columns that are there or not.

-- PM614
ALTER TABLE customer DROP COLUMN phone; SELECT (SELECT phone FROM crm.customer LIMIT 1) FROM shadow.customer

-- PM614
ALTER TABLE a ADD COLUMN phone integer NOT NULL; SELECT (SELECT phone FROM a LIMIT 1) FROM customer

-- PM614
DO $$ BEGIN DROP TABLE a; END $$; CREATE VIEW crm.a AS SELECT phone AS x FROM customer; SELECT x FROM crm.a
