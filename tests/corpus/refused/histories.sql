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

-- PM614
ALTER TABLE a RENAME COLUMN x TO q; SELECT q FROM a

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
