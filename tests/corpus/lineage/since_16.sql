-- What servers before 16 do not have.

SELECT json_object('n': name, 'p': phone), json_array(id, unit_id) FROM customer

SELECT json_objectagg(name: phone), json_arrayagg(name ORDER BY born) FILTER (WHERE score > 1) FROM customer

SELECT json_array(SELECT name FROM customer ORDER BY born)

SELECT notes IS JSON OBJECT FROM customer

SELECT any_value(name) FROM customer

SELECT s.x FROM (SELECT x FROM a)  AS s

SELECT x FROM (SELECT x FROM a)
