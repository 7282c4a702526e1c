-- What servers before 17 do not have.

SELECT json_value(notes, '$.a' DEFAULT 'x' ON EMPTY), json_query(notes, '$.b' PASSING phone AS p), json_exists(notes, '$.c') FROM customer

SELECT json(notes::text), json_scalar(name), json_serialize(notes RETURNING text) FROM customer

SELECT jt.a, jt.c FROM customer c, JSON_TABLE(c.notes, '$[*]' PASSING c.name AS n COLUMNS (i FOR ORDINALITY, a text PATH '$.a', NESTED PATH '$.b[*]' COLUMNS (c integer PATH '$.c'))) AS jt

SELECT xmltext(name) FROM customer
