"""Peers in the same run: a view that masks while reading, and PostgreSQL Anonymizer 1.3.

PostgreSQL Anonymizer's dynamic masking needs its C version (1.3.x) installed in the server; where
it is not, the group says so and measures the masking view alone.
"""

from __future__ import annotations

from typing import Any

import psycopg

from benchmarks.measure import Case, Measurement, figure, interleaved, ratio
from benchmarks.place import Place
from benchmarks.read import COLUMNS, MASKED

_VIEW = """\
CREATE SCHEMA reading;
CREATE VIEW reading.customer AS SELECT id, unit_id,
  CASE WHEN length(name) < 2 THEN '*'
       ELSE left(name, 1) || repeat('*', length(name) - 1) END AS name,
  CASE WHEN length(phone) < 8 THEN repeat('*', length(phone))
       ELSE left(phone, 3) || '****' || right(phone, 4) END AS phone,
  left(email, 1) || '***@' || split_part(email, '@', 2) AS email,
  CASE WHEN length(id_no) < 8 THEN repeat('*', length(id_no))
       ELSE left(id_no, 10) || repeat('*', length(id_no) - 10) END AS id_no,
  CASE WHEN length(bank_account) < 12 THEN repeat('*', length(bank_account))
       ELSE left(bank_account, 4) || repeat('*', length(bank_account) - 8)
            || right(bank_account, 4) END AS bank_account,
  left(address, 9) || repeat('*', greatest(length(address) - 9, 0)) AS address,
  gender, status, card_grade, created_at
FROM raw.customer;
GRANT USAGE ON SCHEMA reading TO {reader};
GRANT SELECT ON reading.customer TO {reader}
"""
_ANON = """\
CREATE EXTENSION IF NOT EXISTS anon CASCADE;
CREATE SCHEMA peer;
CREATE TABLE peer.customer (LIKE raw.customer INCLUDING ALL);
INSERT INTO peer.customer SELECT * FROM raw.customer;
ANALYZE peer.customer;
"""
_RULES = {
    "name": "partial(name, 1, $$*$$, 0)",
    "phone": "partial(phone, 3, $$****$$, 4)",
    "email": "partial_email(email)",
    "id_no": "partial(id_no, 10, $$********$$, 0)",
    "bank_account": "partial(bank_account, 4, $$***********$$, 4)",
    "address": "partial(address, 9, $$****$$, 0)",
}
"""What PostgreSQL Anonymizer is told to do: the same masks as the view above."""


def run(place: Place) -> list[Measurement]:
    """The group ``peers``: each peer, and ours, against the raw table."""
    forms = {"raw": "raw.customer", "pgmask": "desk.customer"}
    place.superuser_run(_VIEW.format(reader=place.login("desk")))
    forms["masking_view"] = "reading.customer"
    found: list[Measurement] = []
    with place.connect("desk") as connection:
        connection.execute("SET max_parallel_workers_per_gather = 0")
        found += _compare(place, forms, dict.fromkeys(forms, connection))
    if not place.superuser_rows(
        "SELECT 1 FROM pg_catalog.pg_available_extensions"
        " WHERE name = 'anon' AND default_version LIKE '1.%'"
    ):
        found.append(figure("peers.anonymizer", None, "not measured: no extension anon 1.3 here"))
        return found
    labels = [
        f"SECURITY LABEL FOR anon ON COLUMN peer.customer.{column} IS 'MASKED WITH FUNCTION"
        f" anon.{rule}'"
        for column, rule in _RULES.items()
    ]
    script = [*filter(str.strip, _ANON.split(";\n")), *labels]
    with place.anonymizer(script) as masked, place.connect("desk") as connection:
        for each in (masked, connection):
            each.execute("SET max_parallel_workers_per_gather = 0")
        # The masked role finds its masking views by search_path, by the table's bare name.
        found += _compare(
            place, {"raw": "raw.customer", "pgmask": "desk.customer", "anonymizer": "customer"},
            {"raw": connection, "pgmask": connection, "anonymizer": masked}, only="anonymizer",
        )  # fmt: skip
    return found


def _compare(
    place: Place, forms: dict[str, str], connections: dict[str, psycopg.Connection[Any]],
    only: str = "",
) -> list[Measurement]:  # fmt: skip
    found = []
    scale = place.scale
    for what, rounds, calls, query in (
        ("lookup", scale.rounds, scale.calls, f"SELECT {COLUMNS} FROM {{}} WHERE id = %s"),
        ("full_rows", scale.scans, 1, f"SELECT {COLUMNS} FROM {{}}"),
        ("five_masked", scale.scans, 1, f"SELECT {MASKED} FROM {{}}"),
    ):
        cases = {n: _case(connections[n], query.format(t), what) for n, t in forms.items()}
        for case in cases.values():
            for _ in range(12 if what == "lookup" else 1):
                case()
        samples = interleaved(cases, rounds=rounds, calls=calls)
        for name in forms:
            if name != "raw" and (not only or name == only):
                found.append(
                    figure(f"peers.{name}.{what}", ratio(samples, name, "raw").wall,
                           f"{what.replace('_', ' ')} / the raw table, same run")
                )  # fmt: skip
    return found


def _case(connection: psycopg.Connection[Any], query: str, what: str) -> Case:
    if what == "lookup":
        cursor = connection.cursor()
        at = [0]

        def lookup() -> None:
            at[0] = (at[0] + 7) % 400
            cursor.execute(query, (at[0] + 1,), prepare=True).fetchone()

        return lookup

    def scan() -> None:
        with connection.cursor().copy(f"COPY ({query}) TO STDOUT") as out:
            while out.read():
                pass

    return scan
