-- Statements about which nothing may be said. Each starts with the code that it is refused with;
-- "server" where PostgreSQL refuses it too.

-- PM601 server
SELECT * FROM nowhere

-- PM601 server
SELECT * FROM nowhere.customer

-- PM601 server
SELECT x.id FROM customer AS c

-- PM601 server
SELECT customer.id FROM customer AS c

-- PM601 server
SELECT crm.customer.id FROM crm.customer AS customer

-- PM601 server
SELECT shadow.customer.phone FROM customer

-- PM601 server
SELECT * FROM "Customer"

-- PM601 server
SELECT * FROM kunde

-- PM602 server
SELECT Id FROM "Kunde" AS k (one, two, three, four, five)

-- PM602 server
SELECT nope FROM customer

-- PM602 server
SELECT hidden FROM customer

-- PM602 server
SELECT "PHONE" FROM customer

-- PM602 server
SELECT (c).nope FROM customer AS c

-- PM602 server
SELECT (home).nope FROM customer

-- PM602 server
SELECT oid FROM customer

-- PM602 server
SELECT ctid FROM customer_view

-- PM602 server
SELECT a.x FROM a JOIN b USING (y)

-- PM602 server
SELECT name FROM customer AS c (a, b, c)

-- PM602 server
INSERT INTO a (id, nope) VALUES (1, 2)

-- PM602 server
UPDATE a SET nope = 1

-- PM602 server
COPY a (nope) TO STDOUT

-- PM602 server
SELECT id FROM a ORDER BY nope

-- PM602 server
SELECT x AS k FROM a WHERE k = 'x'

-- PM602 server
SELECT upper(x) AS k FROM a ORDER BY k || nope

-- PM603 server
SELECT id FROM a, b

-- PM603 server
SELECT x FROM a JOIN b USING (id)

-- PM603 server
SELECT * FROM a, a

-- PM603 server
SELECT q.id FROM a AS q, b AS q

-- PM603 server
SELECT id FROM (a JOIN b USING (id)) CROSS JOIN c

-- PM603 server
SELECT x AS k, y AS k FROM a ORDER BY k

-- PM603 server
SELECT s.id FROM (SELECT a.id, b.id FROM a, b) AS s

-- PM603 server
WITH q AS (SELECT 1), q AS (SELECT 2) SELECT 1

-- PM604 server
SELECT no_such_function(phone) FROM customer

-- PM604 server
SELECT crm.lower(phone) FROM customer

-- PM604 server
SELECT shadow.initial(c) FROM customer AS c

-- PM604 server
SELECT phone_of(1, 2)

-- PM604 server
SELECT * FROM no_such_function(1)

-- PM604 server
SELECT phone_of(unwanted => 1)

-- PM604 server
CALL no_such_procedure()

-- PM606 server
SELECT * FROM opaque_record(1)

-- PM606 server
SELECT (opaque_record(1)).k

-- PM601 server
SELECT a.x FROM a, (SELECT a.id) AS s

-- PM611 server
SELECT x FROM a UNION SELECT x, z FROM b

-- PM611 server
SELECT x FROM a ORDER BY 2

-- PM611 server
SELECT sum(id) OVER nope FROM a

-- PM611 server
SELECT * FROM a AS q (one, two, three, four)

-- PM611 server
SELECT *

-- PM611 server
INSERT INTO a (id) VALUES (1, 2)

-- PM611 server
SELECT x FROM a RIGHT JOIN LATERAL (SELECT a.id) AS s ON true

-- PM601 server
UPDATE a SET x = s.y FROM (SELECT a.y) AS s

-- PM601 server
SELECT 1 FROM a FOR UPDATE OF b

-- PM611 server
VALUES (1, 2), (3)
