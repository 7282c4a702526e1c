-- Sub-queries, WITH, set operations, grouping, ordering, windows.

SELECT (SELECT max(phone) FROM customer)

SELECT name, (SELECT count(*) FROM policy WHERE holder_id = customer.id) FROM customer

SELECT name FROM customer WHERE id IN (SELECT holder_id FROM policy WHERE premium > 10)

SELECT name FROM customer c WHERE EXISTS (SELECT 1 FROM policy p WHERE p.holder_id = c.id)

SELECT name FROM customer c WHERE EXISTS (SELECT * FROM policy p WHERE p.holder_id = c.id)

SELECT name FROM customer WHERE (id, unit_id) IN (SELECT holder_id, unit_id FROM policy)

SELECT name FROM customer WHERE id = ANY (SELECT id FROM a)

SELECT name FROM customer WHERE id > ALL (SELECT id FROM a WHERE x = name)

SELECT name FROM customer WHERE score = ANY (ARRAY[1, 2, (SELECT premium FROM policy LIMIT 1)])

SELECT ARRAY(SELECT product FROM policy ORDER BY premium)

SELECT ARRAY[name, phone], ARRAY[[id], [unit_id]] FROM customer

SELECT CASE WHEN score > 1 THEN name ELSE phone END FROM customer

SELECT CASE unit_id WHEN 1 THEN 'x' WHEN id THEN name END AS k FROM customer

SELECT COALESCE(phone, name), NULLIF(name, id_no), GREATEST(born, '2000-01-01'), LEAST(id, unit_id) FROM customer

SELECT id BETWEEN unit_id AND 9, name LIKE phone, name ILIKE 'x', name SIMILAR TO 'y' FROM customer

SELECT score IS DISTINCT FROM 3, born IS NULL, (score > 1) IS TRUE FROM customer

SELECT name IN ('a', phone) FROM customer

SELECT extract(year FROM born), substring(name FROM 2 FOR 1), trim(both 'x' from phone), overlay(name placing 'x' from 1), position('a' in name) FROM customer

SELECT born AT TIME ZONE 'UTC', interval '1 day' + born FROM customer

WITH x AS (SELECT id, phone FROM customer) SELECT id FROM x

WITH x (k) AS (SELECT id, phone FROM customer) SELECT k, phone FROM x

WITH customer AS (SELECT id AS phone FROM a) SELECT phone FROM customer

WITH customer AS (SELECT name AS q FROM crm.customer) SELECT q FROM customer

WITH x AS (SELECT id FROM a), y AS (SELECT id FROM x JOIN b USING (id)) SELECT * FROM y

WITH x AS MATERIALIZED (SELECT * FROM a), y AS NOT MATERIALIZED (SELECT x FROM b) SELECT x.y FROM x, y

WITH unused AS (SELECT phone FROM customer) SELECT 1

WITH x AS (SELECT id FROM a) SELECT (WITH x AS (SELECT z FROM b) SELECT max(z) FROM x), id FROM x

WITH a AS (SELECT x, y FROM a) SELECT x FROM a

WITH RECURSIVE t (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 10) SELECT n FROM t

WITH RECURSIVE t AS (SELECT id, parent_id, label FROM tree WHERE parent_id IS NULL UNION ALL SELECT c.id, c.parent_id, t.label || c.label FROM tree c JOIN t ON c.parent_id = t.id) SELECT label FROM t

WITH RECURSIVE t AS (SELECT id, label FROM tree UNION SELECT c.parent_id, t.label FROM tree c, t WHERE c.id = t.id) SELECT * FROM t ORDER BY id

WITH RECURSIVE t (id, swap, other) AS (SELECT id, label, secret FROM tree UNION ALL SELECT t.id, t.other, t.swap FROM t) SELECT swap FROM t

WITH RECURSIVE later AS (SELECT * FROM sooner), sooner AS (SELECT x FROM a) SELECT * FROM later

WITH RECURSIVE t AS (SELECT id, parent_id FROM tree UNION ALL SELECT c.id, c.parent_id FROM tree c JOIN t ON c.parent_id = t.id) SEARCH DEPTH FIRST BY id SET path SELECT id, path FROM t ORDER BY path

WITH RECURSIVE t AS (SELECT id, parent_id FROM tree UNION ALL SELECT c.id, c.parent_id FROM tree c JOIN t ON c.parent_id = t.id) SEARCH BREADTH FIRST BY parent_id, id SET path CYCLE id SET looped USING trail SELECT * FROM t

WITH RECURSIVE t AS (SELECT id, label FROM tree UNION ALL SELECT c.id, c.label FROM tree c, t) CYCLE label SET looped TO 'y' DEFAULT 'n' USING trail SELECT id, looped FROM t

WITH RECURSIVE t AS ((SELECT id FROM a ORDER BY x LIMIT 1) UNION ALL (SELECT b.id FROM b, t)) SELECT id FROM t

SELECT x FROM a UNION SELECT z FROM b

SELECT x, y FROM a UNION ALL SELECT z, x FROM b ORDER BY 1, y

SELECT id FROM a INTERSECT SELECT id FROM b EXCEPT ALL SELECT id FROM c

(SELECT x FROM a ORDER BY y LIMIT 1) UNION ALL (SELECT z FROM b ORDER BY x)

SELECT x FROM a UNION ALL (SELECT z FROM b UNION SELECT w FROM c)

SELECT s.k FROM (SELECT x AS k, y FROM a UNION ALL SELECT x, z FROM b) AS s WHERE s.y = 'q'

SELECT * FROM a UNION SELECT id, z, w FROM c AS q (id, z, y) WHERE y = 'z'

VALUES (1, 'a'), (2, 'b')

VALUES ((SELECT x FROM a LIMIT 1)), ('y')

SELECT unit_id, count(*) FROM customer GROUP BY unit_id

SELECT unit_id, count(*) FROM customer GROUP BY 1 HAVING max(score) > 3 ORDER BY 2

SELECT unit_id AS u, sum(score) FROM customer GROUP BY u

SELECT lower(name) AS name, count(*) FROM customer GROUP BY name

SELECT lower(name) AS n, count(*) FROM customer GROUP BY lower(name) ORDER BY n

SELECT id, name, phone FROM customer GROUP BY id

SELECT c.name, count(p.id) FROM customer c LEFT JOIN policy p ON p.holder_id = c.id GROUP BY c.id

SELECT unit_id, grade, count(*) FROM customer GROUP BY ROLLUP (unit_id, grade)

SELECT unit_id, grade, grouping(unit_id, grade) FROM customer GROUP BY GROUPING SETS ((unit_id), (grade), ())

SELECT unit_id, born FROM customer GROUP BY CUBE (unit_id, (born, grade))

SELECT count(DISTINCT phone), count(*) FILTER (WHERE score > 2) FROM customer

SELECT array_agg(name ORDER BY born DESC), string_agg(phone, ',' ORDER BY id) FROM customer

SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY score) FROM customer

SELECT mode() WITHIN GROUP (ORDER BY grade), rank(3) WITHIN GROUP (ORDER BY score) FROM customer

SELECT json_agg(c), jsonb_object_agg(c.name, c.phone) FROM customer c

SELECT DISTINCT phone FROM customer

SELECT DISTINCT ON (unit_id) name, phone FROM customer ORDER BY unit_id, born

SELECT DISTINCT ON (u) unit_id AS u, name FROM customer

SELECT name FROM customer ORDER BY phone

SELECT name AS phone FROM customer ORDER BY phone

SELECT name AS phone FROM customer ORDER BY phone || 'x'

SELECT name FROM customer ORDER BY lower(id_no) DESC NULLS LAST, 1 LIMIT 3 OFFSET (SELECT count(*) FROM a)

SELECT name FROM customer ORDER BY score FETCH FIRST 3 ROWS WITH TIES

SELECT name, row_number() OVER (PARTITION BY unit_id ORDER BY score) FROM customer

SELECT name, lag(phone, 1, name) OVER w, sum(score) OVER (w ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM customer WINDOW w AS (PARTITION BY grade ORDER BY born)

SELECT count(*) FILTER (WHERE tags IS NULL) OVER () FROM customer

SELECT sum(score) OVER (ORDER BY born RANGE BETWEEN interval '1 day' PRECEDING AND CURRENT ROW) FROM customer

SELECT sum(count(*)) OVER (ORDER BY unit_id) FROM customer GROUP BY unit_id

SELECT 1 AS one FROM customer WINDOW unused AS (PARTITION BY phone)

SELECT name FROM customer WHERE phone = '1' AND NOT (score > 2 OR grade = 'gold')

SELECT name FROM customer FOR UPDATE

SELECT c.name FROM customer c JOIN policy p ON p.holder_id = c.id FOR SHARE OF p SKIP LOCKED

SELECT outer_c.name FROM customer outer_c WHERE score = (SELECT max(score) FROM customer WHERE unit_id = outer_c.unit_id)

SELECT (SELECT (SELECT c.phone FROM a LIMIT 1) FROM b LIMIT 1) FROM customer c

SELECT (SELECT name) FROM customer

SELECT q.name FROM (SELECT (SELECT c.name) AS name FROM customer c) q

SELECT x.name FROM (SELECT c.* FROM customer c) AS x

SELECT (SELECT ROW(x, y) FROM a LIMIT 1) IS NULL AS gone

SELECT (SELECT a FROM a LIMIT 1)

SELECT xmlelement(name foo, xmlattributes(customer.id AS bar), name), xmlforest(phone AS p), xmlconcat(document, document) FROM customer, policy

SELECT xmlserialize(content document AS text), document IS DOCUMENT FROM policy

SELECT generate_series(1, unit_id), unnest(tags) FROM customer

SELECT initcap(name) || '-' || upper(phone) AS label, -score, @ score, score % 2 FROM customer

SELECT max(born) - min(born), avg(score)::integer FROM customer HAVING count(*) > 1

SELECT v.p FROM customer c, LATERAL (VALUES (c.phone, 1)) AS v (p, q)

SELECT json_build_object('a', c) FROM customer c

SELECT (SELECT c).phone FROM customer c

SELECT (array_agg(c))[1].phone FROM customer c

SELECT unnest(array_agg(phone)) FROM customer

SELECT (unnest(past)).city FROM customer

SELECT (unnest(past)).* FROM customer

SELECT jsonb_path_query(notes, '$.a') FROM customer

SELECT (SELECT s FROM (SELECT name, phone FROM customer LIMIT 1) AS s)::text

SELECT (CASE WHEN c.id = 1 THEN c.home ELSE NULL END).city FROM customer c

SELECT (COALESCE(home, past[1])).street FROM customer

SELECT q.r FROM (SELECT c AS r FROM customer c) q

SELECT (q.r).phone FROM (SELECT c AS r FROM customer c) q

SELECT (q.r).home.city FROM (SELECT c AS r FROM customer c) q

WITH q AS (SELECT c FROM customer c) SELECT (c).name, q.c FROM q

SELECT x FROM customer c, LATERAL unnest(ARRAY[c.name, c.phone]) AS x GROUP BY x HAVING count(*) > (SELECT min(id) FROM a)

SELECT (x).phone FROM unnest((SELECT array_agg(c) FROM customer c)) AS x

SELECT name FROM customer ORDER BY (SELECT y FROM a WHERE a.id = customer.id)

SELECT DISTINCT ON (lower(name)) id FROM customer ORDER BY lower(name), score

SELECT a.id FROM a GROUP BY a.id, (SELECT z FROM b WHERE b.id = a.id)

SELECT sum(score) FILTER (WHERE phone IN (SELECT x FROM a)) FROM customer

SELECT format('%s %s', name, phone), concat(VARIADIC tags), least(VARIADIC_IS_NONE.id, 1) FROM customer AS VARIADIC_IS_NONE

SELECT c.name FROM customer c WHERE c.phone ~ 'x' OR (c.home).city = 'y' AND c.tags && ARRAY['z']

SELECT name FROM customer WHERE ROW(id, name) > ROW(1, id_no)

SELECT 'k' FROM customer HAVING true

SELECT count(*) FROM (SELECT DISTINCT phone, name FROM customer) AS d

SELECT d.n FROM (SELECT count(*) OVER (PARTITION BY phone) AS n, id_no FROM customer) AS d
