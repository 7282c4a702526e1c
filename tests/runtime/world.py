"""A small register with one protected-like table, for the tests of identity.

``things`` stands for a store table: a policy of a view owner reads ``pgmask_private.identity`` just
as the compiler's policies do, and applications reach it through a view.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg

from pgmask.identity import IssuerKey, mint_assertion
from pgmask.runtime.register import rotate
from tests.harness import Connection, Database

ANN, BEN, OTTO, NINA = 11, 12, 13, 14
AGENT = "agent"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The database and the key of issuer ``web``."""

    database: Database
    key: IssuerKey

    def assertion(self, person: int = ANN, **changed: Any) -> str:
        """A good assertion of a person, changed as told."""
        given: dict[str, Any] = {
            "person": person, "profile": AGENT, "unit": "south" if person == BEN else "north",
            "login": "app", "database": self.database.name,
        }  # fmt: skip
        return mint_assertion(changed.pop("key", self.key), **(given | changed))

    def app(self, person: int | None = ANN, **changed: Any) -> Connection:
        """The application's connection, in a transaction with this person logged in."""
        connection = self.database.connect("app")
        if person is not None:
            login(connection, self.assertion(person, **changed))
        return connection


REGISTER = """\
SELECT pgmask.register_unit('north', 'North', 'branch', NULL, 'H', 'S', 'C'),
       pgmask.register_unit('south', 'South', 'branch', NULL, 'H', 'S', 'C'),
       pgmask.register_post('agent', 'Agent'),
       pgmask.register_post_profile('agent', 'agent'),
       pgmask.register_form('confidentiality_agreement', '1'),
       pgmask.register_form('responsibility_letter', '1');
SELECT pgmask.register_person(11, 'Ann', 'north'),
       pgmask.register_person(12, 'Ben', 'south'),
       pgmask.register_person(13, 'Otto', 'north', 'outsourced'),
       pgmask.register_person(14, 'Nina', 'north');
SELECT pgmask.register_person_post(11, 'agent', 'north'),
       pgmask.register_person_post(12, 'agent', 'south'),
       pgmask.register_person_post(13, 'agent', 'north'),
       pgmask.register_person_post(14, 'agent', 'north');
SELECT pgmask.register_document(p, k, '1')
  FROM unnest(ARRAY[11, 12, 13]) AS p,
       unnest(ARRAY['confidentiality_agreement', 'responsibility_letter']) AS k;
SELECT pgmask.register_document(14, 'confidentiality_agreement', '1');
SELECT pgmask.register_issuer('web', ARRAY['agent']);
"""

THINGS = """\
DO $$
BEGIN
  IF to_regrole('things_views') IS NULL THEN
    CREATE ROLE things_views;
  END IF;
  EXECUTE 'GRANT things_views TO installer' || CASE
    WHEN current_setting('server_version_num')::integer >= 160000
    THEN ' WITH INHERIT TRUE, SET TRUE' ELSE '' END;
END $$;
CREATE SCHEMA things;
CREATE TABLE things.store (id integer PRIMARY KEY, unit_id text NOT NULL, note text NOT NULL);
INSERT INTO things.store
  SELECT n, CASE WHEN n % 2 = 0 THEN 'south' ELSE 'north' END, 'note ' || n
    FROM generate_series(1, 20) AS n;
ALTER TABLE things.store ENABLE ROW LEVEL SECURITY;
GRANT USAGE ON SCHEMA things TO things_views, app, alan, mallory;
GRANT CREATE ON SCHEMA things TO things_views;
GRANT USAGE ON SCHEMA pgmask_private TO things_views;
GRANT SELECT ON pgmask_private.identity TO things_views;
GRANT SELECT ON things.store TO things_views;
CREATE POLICY own_unit ON things.store TO things_views
  USING (unit_id = (SELECT i.unit_id FROM pgmask_private.identity AS i));
CREATE VIEW things.thing AS SELECT * FROM things.store;
ALTER VIEW things.thing OWNER TO things_views;
GRANT SELECT ON things.thing TO app, alan, mallory;
"""


def issue_key(database: Database) -> World:
    """Make a key of issuer ``web`` in a clone."""
    with psycopg.connect(database.dsn()) as connection:
        return World(database=database, key=rotate(connection, "web"))


def login(connection: Connection, assertion: str | None) -> None:
    """What an application does, by a bind parameter."""
    connection.execute("SELECT pgmask.login(%s)", (assertion,))


def units_seen(connection: Connection) -> set[str]:
    """The units whose rows the connection sees through the view."""
    return {row[0] for row in connection.execute("SELECT unit_id FROM things.thing").fetchall()}


def scalar(connection: Connection, query: str, *values: Any) -> Any:
    """The one value of a query."""
    row = connection.execute(query.encode(), values or None).fetchone()
    assert row is not None
    return row[0]
