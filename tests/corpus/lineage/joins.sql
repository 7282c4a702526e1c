-- Joins, merged columns and what is visible where.

SELECT id, x, z FROM a JOIN b USING (id, x)

SELECT * FROM a JOIN b USING (id)

SELECT * FROM a NATURAL JOIN b

SELECT * FROM a NATURAL LEFT JOIN b NATURAL JOIN c

SELECT id FROM a FULL JOIN b USING (id)

SELECT id, a.id AS aid, b.id AS bid FROM a LEFT JOIN b USING (id)

SELECT id FROM a RIGHT JOIN b USING (id)

SELECT a.*, b.* FROM a JOIN b USING (id)

SELECT j.id, j.y FROM (a JOIN b USING (id)) AS j (id, y, q, r)

SELECT u.id, a.x FROM a JOIN b USING (id) AS u

SELECT u.*, b.z FROM a JOIN b USING (id, x) AS u

SELECT a.x, b.z FROM a CROSS JOIN b

SELECT a.x FROM a INNER JOIN b ON a.id = b.id AND b.z = 'x'

SELECT a.x FROM a LEFT JOIN (b JOIN c ON b.z = c.z) ON a.id = c.id

SELECT a.x, c.w FROM a JOIN b ON a.id = b.id JOIN c ON c.y = a.y AND c.z = b.z

SELECT y FROM a JOIN b USING (id)

SELECT w FROM a JOIN b USING (id) JOIN c USING (id, y)

SELECT id, w FROM a FULL JOIN b USING (id) FULL JOIN c USING (id)

SELECT * FROM (a FULL JOIN b USING (id)) JOIN c USING (id, z)

SELECT 1 AS one FROM a NATURAL JOIN b

SELECT count(*) FROM a JOIN b USING (x)

SELECT a1.x, a2.y FROM a a1 JOIN a a2 ON a1.id = a2.id

SELECT c.name, p.product FROM customer c, policy p WHERE c.id = p.holder_id

SELECT c.name, s.total FROM customer c, LATERAL (SELECT sum(premium) AS total FROM policy p WHERE p.holder_id = c.id) s

SELECT c.name, s.product FROM customer c LEFT JOIN LATERAL (SELECT product FROM policy WHERE holder_id = c.id ORDER BY starts_on LIMIT 1) s ON true

SELECT c.id, t.tag FROM customer c, unnest(c.tags) AS t (tag)

SELECT c.id, t FROM customer c, unnest(c.tags) AS t

SELECT c.id, t.tag, t.n FROM customer c CROSS JOIN unnest(c.tags) WITH ORDINALITY AS t (tag, n)

SELECT e.city, c.id FROM customer c, unnest(c.past) AS e

SELECT c.id, e.* FROM customer c, LATERAL jsonb_each(c.notes) AS e

SELECT c.id, k.key FROM customer c, jsonb_each_text(c.notes) k WHERE k.value = 'x'

SELECT g FROM customer c, generate_series(1, c.unit_id) AS g

SELECT g.n FROM generate_series(1, 3) AS g (n), customer c WHERE c.id = g.n

SELECT x.a, x.b FROM customer c, ROWS FROM (unnest(c.tags), generate_series(1, c.id)) AS x (a, b)

SELECT a, b, ordinality FROM customer c, unnest(c.tags, c.past) WITH ORDINALITY AS x (a, b)

SELECT r.k, r.v FROM customer c, jsonb_to_recordset(jsonb_build_array(c.notes)) AS r (k integer, v text)

SELECT r.* FROM customer c CROSS JOIN LATERAL jsonb_to_record(c.notes) AS r (a text, b integer)

SELECT (jsonb_populate_record(NULL::address, notes)).city FROM customer

SELECT r.city FROM customer c, jsonb_populate_recordset(NULL::crm.address, jsonb_build_array(c.notes)) AS r

SELECT p.product FROM policies_of(3) AS p

SELECT c.name, p.* FROM customer c, policies_of(c.id) p

SELECT phone_of(id) FROM policy

SELECT phone_of FROM phone_of(1)

SELECT p.first_one, p.second_one FROM customer c, pairs(c.name) AS p

SELECT (pairs(name)).second_one FROM customer

SELECT mixed(name, phone) FROM customer

SELECT mixed(VARIADIC tags) FROM customer

SELECT k, v FROM opaque_rows(1)

SELECT r.* FROM customer c, opaque_record(c.id) AS r (a integer, b text)

SELECT * FROM crm.opaque_rows(n => (SELECT max(id) FROM a))

SELECT x.* FROM customer c, XMLTABLE('/a' PASSING (SELECT document FROM policy p WHERE p.holder_id = c.id) COLUMNS n integer PATH '@n', t text PATH 't' DEFAULT c.name) AS x

SELECT x.n FROM policy p, XMLTABLE('/a' PASSING p.document COLUMNS n integer PATH '@n', o FOR ORDINALITY) AS x

SELECT c.id FROM customer c TABLESAMPLE system (10) REPEATABLE (3)

SELECT a.x FROM a, b, c WHERE a.id = b.id AND EXISTS (SELECT FROM c c2 WHERE c2.id = c.id)

SELECT sub.* FROM (SELECT a.x, b.z FROM a, b) AS sub

SELECT sub.p FROM (SELECT a.x, b.z FROM a, b) AS sub (p, q)

SELECT s FROM (SELECT x, y FROM a) AS s

SELECT (s).y, s.x FROM (SELECT x, y FROM a) AS s

SELECT s.x FROM (SELECT * FROM a NATURAL JOIN b) AS s

SELECT j FROM (a JOIN b USING (id)) AS j

SELECT v.column1, a.x FROM (VALUES (1, 'x'), (2, 'y')) AS v JOIN a ON a.id = v.column1

SELECT v.k FROM (VALUES (1)) AS v (k)

SELECT a.id FROM a JOIN LATERAL (SELECT b.z FROM b WHERE b.id = a.id) s ON s.z = a.y

SELECT n FROM crm.name, LATERAL (SELECT name.id AS n) s
