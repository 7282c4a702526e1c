-- Views: only what is used of them counts, and what decides their rows.

SELECT id FROM customer_view

SELECT id_no FROM customer_view WHERE phone = '1'

SELECT * FROM customer_view

SELECT v FROM customer_view v

SELECT title FROM customer_short

SELECT 1 AS one FROM customer_short

SELECT count(*) FROM customer_view

SELECT id FROM everybody

SELECT name FROM everybody WHERE phone LIKE '138%'

SELECT name FROM distinct_names

SELECT unit_id FROM by_unit

SELECT gold FROM by_unit WHERE many > 3

SELECT last_phone AS x FROM by_unit

SELECT name, product FROM with_join

SELECT w.* FROM with_join w

SELECT phone FROM "Odd Schema".customer

SELECT number FROM matview

SELECT * FROM over_mat

SELECT name FROM over_mat

SELECT (customer).phone FROM whole

SELECT id FROM whole

SELECT id FROM laterals

SELECT total, claims FROM laterals

SELECT v.id, b.many FROM customer_view v JOIN by_unit b USING (unit_id)

SELECT id FROM customer_view UNION ALL SELECT id FROM customer_short

WITH v AS (SELECT * FROM customer_view) SELECT id FROM v

SELECT (SELECT title FROM customer_short s WHERE s.id = c.id) FROM customer c

SELECT table_schema FROM information_schema.columns WHERE column_name = 'x'

SELECT usename FROM pg_stat_activity

SELECT viewname, definition FROM pg_views
