CREATE SCHEMA app;
CREATE SCHEMA archive;
CREATE DOMAIN app.short AS varchar(12) NOT NULL CHECK (VALUE <> 'x');
CREATE TYPE app.mood AS ENUM ('good', 'bad');
CREATE SEQUENCE app.shared_seq;
CREATE FUNCTION app.tomorrow() RETURNS date LANGUAGE sql STABLE RETURN current_date + 1;
CREATE TABLE app.event (
  id bigint NOT NULL DEFAULT nextval('app.shared_seq'),
  at date NOT NULL,
  unit text NOT NULL,
  note varchar(40),
  code app.short,
  mood app.mood,
  tags text[],
  due date DEFAULT app.tomorrow(),
  twice bigint GENERATED ALWAYS AS (id * 2) STORED,
  PRIMARY KEY (id, at, unit)
) PARTITION BY RANGE (at);
CREATE TABLE app.event_2026 PARTITION OF app.event FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')
  PARTITION BY LIST (unit);
CREATE TABLE app.event_2026_n PARTITION OF app.event_2026 FOR VALUES IN ('n');
CREATE TABLE archive.event_2026_rest PARTITION OF app.event_2026 DEFAULT;
CREATE TABLE app.person (id integer PRIMARY KEY, name text, unit text);
CREATE TABLE app.worker (badge text, PRIMARY KEY (id)) INHERITS (app.person);
CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER touched BEFORE UPDATE ON app.event FOR EACH ROW EXECUTE FUNCTION app.touch();
GRANT SELECT ON app.event_2026_n TO app;
GRANT ALL ON app.person TO PUBLIC;
INSERT INTO app.event (at, unit, note, code, mood, tags)
VALUES ('2026-03-01', 'n', 'hello', 'a', 'good', '{a,b}'), ('2026-04-01', 's', 'there', 'b', 'bad', NULL);
INSERT INTO app.person VALUES (1, 'Ann', 'n');
INSERT INTO app.worker VALUES (2, 'Bob', 's', 'b7');
