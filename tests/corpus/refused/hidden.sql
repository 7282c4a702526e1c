-- What would run is in no text that is here.

-- PM608
DO $$ BEGIN EXECUTE 'SELECT ' || 'phone FROM crm.customer'; END $$

-- PM608
DO $$ DECLARE r record; BEGIN FOR r IN EXECUTE 'SELECT 1' LOOP NULL; END LOOP; END $$

-- PM608
CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE format('x %I', 'y'); END $$

-- PM608
DO LANGUAGE plpython3u $$ print(1) $$

-- PM607
EXECUTE p

-- PM607
FETCH 1 FROM c

-- PM609
CREATE FUNCTION f() RETURNS text LANGUAGE sql AS 'SELECT phone FRM customer'

-- PM602
CREATE FUNCTION f() RETURNS text LANGUAGE sql AS 'SELECT nope FROM customer'

-- PM601
DO $$ BEGIN PERFORM 1 FROM nowhere; END $$

-- PM602
CREATE VIEW q AS SELECT nope FROM customer

-- PM601
EXPLAIN SELECT * FROM nowhere

-- PM601
COPY (SELECT * FROM nowhere) TO PROGRAM 'x'

-- PM602
WITH q AS (DELETE FROM a RETURNING nope) SELECT 1

-- PM602
PREPARE p AS SELECT nope FROM customer

-- PM600
SELECT phone FROM customer WHERE

-- PM600
\copy customer to 'x'

-- PM600
SELECT 'open FROM customer

-- PM600
SELECT phone FROM customer; SELEC 1

-- PM613
SELECT set_config('search_path', $1, false); SELECT phone FROM customer

-- PM609
CREATE FUNCTION f(n integer) RETURNS text LANGUAGE sql AS 'SELECT f(n)'; SELECT f(1)

-- PM608
CREATE FUNCTION f() RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY EXECUTE 'SELECT 1'; END $$

-- PM608
DO $$ DECLARE k refcursor; BEGIN OPEN k FOR EXECUTE 'SELECT 1'; END $$

-- PM601
DO $$ DECLARE t text[]; BEGIN t[(SELECT 1 FROM nowhere)] := 'x'; END $$

-- PM604
DO $$ DECLARE t text[]; BEGIN t[nowhere.f(n := 1)] = 'x'; END $$

-- PM602
DO $$ BEGIN ASSERT nope = 1, 'x'; END $$

-- PM602
DO $$ BEGIN RAISE NOTICE '%', 1 USING HINT = nope; END $$
