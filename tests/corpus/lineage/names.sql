-- Names: case, quotes, aliases, the search_path, whole rows, fields.

SELECT id, NAME, "phone" FROM customer

SELECT Customer.ID FROM CUSTOMER

SELECT crm.customer.phone FROM crm.customer

SELECT customer.phone FROM shadow.customer

SELECT * FROM customer

SELECT c.* FROM customer c

SELECT x.a, x.b FROM customer AS x (a, b)

SELECT a, phone FROM customer AS x (a, b, name2)

SELECT "Id", "select", "a b", "x""y", "电话" FROM "Odd Schema"."Kunde"

SELECT "Kunde"."Id", id FROM "Kunde"

SELECT name FROM name

SELECT name.name FROM name

SELECT n.name AS x FROM name AS n, person AS p WHERE n.id = p.id

SELECT customer FROM customer

SELECT customer.customer FROM "Kunde" AS customer

SELECT c FROM customer AS c

SELECT (c).phone FROM customer AS c

SELECT (c.home).city FROM customer c

SELECT (home).street, (customer.home).zip FROM customer

SELECT (c.home).* FROM customer c

SELECT (c).* FROM customer AS c

SELECT ((c).home).city FROM customer AS c

SELECT tags[1], tags[2:3], past[1].city FROM customer

SELECT (past[1]).street FROM customer

SELECT notes['a']['b'] FROM customer

SELECT notes -> 'a' ->> 'b', notes @> '{}' FROM customer

SELECT initial(c) FROM customer c

SELECT c.initial FROM customer c

SELECT phone(c), name(c) FROM customer c

SELECT row_to_json(c) FROM customer c

SELECT to_jsonb(c.*) FROM customer c

SELECT count(c) FROM customer c

SELECT count(c.*), count(*) FROM customer c

SELECT ROW(c.*, 1) FROM customer c

SELECT ROW(id, name) = ROW(1, 'x') AS same FROM customer

SELECT (id, name) AS pair FROM customer

SELECT c IS NULL AS gone, c.home IS NOT NULL AS there FROM customer c

SELECT ctid, xmin, tableoid::regclass, id FROM customer

SELECT c.ctid FROM customer c WHERE c.xmax = 0

SELECT a.x, b.x AS bx FROM a, b

SELECT crm.a.x FROM crm.a, shadow.customer

SELECT shadow.customer.phone, crm.customer.phone AS p FROM shadow.customer, crm.customer

SELECT phone::text, id::bigint, born::timestamp FROM customer

SELECT CAST(phone AS varchar(3)), name COLLATE "C" FROM customer

SELECT 1

SELECT now(), current_date, current_user

SELECT 'x' AS name FROM customer

SELECT FROM customer

SELECT id AS "ID", phone "Phone" FROM customer

SELECT name AS phone, phone AS name FROM customer

SELECT person.name, employee.badge FROM person, employee

SELECT * FROM person

SELECT * FROM ONLY person

SELECT badge, name FROM employee

SELECT * FROM claim

SELECT amount FROM claim_2026

SELECT "Diagnosis" FROM claim WHERE filed_on >= '2026-01-01'

TABLE customer

SELECT relname, nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace

SELECT table_name FROM information_schema.tables

SELECT pg_class.oid FROM pg_class

SELECT last_value FROM (SELECT 1 AS last_value) AS s

-- Rows of functions, of values without a table, through domains and casts.
SELECT (jsonb_each(notes)).key, (jsonb_each_text(notes)).value FROM customer

SELECT (crm.opaque_rows(id)).v, (crm.opaque_rows(unit_id)).* FROM customer

SELECT name FROM customer WHERE (crm.pairs(phone)).second_one = 1

SELECT ROW(g.*, c.name, v.*) FROM customer c, generate_series(1, c.id) g, (VALUES (1)) v

SELECT (q.r).x FROM (SELECT a.*::record AS r FROM a) q

SELECT (q.r).column2, (q.r).column1 FROM (SELECT v.*::record AS r FROM (VALUES (1, 'x')) v) q

SELECT (past[1]).city, past[2:3] FROM crm.mover
