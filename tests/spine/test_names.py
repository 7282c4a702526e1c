"""Hostile names through catalogue, DDL, plan, apply and drift."""

from __future__ import annotations

import dataclasses

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pgmask.catalogue.model import Catalogue, Column, Table, Unprotected
from pgmask.compile import compile
from pgmask.emit import gated
from pgmask.names import Name, QualName
from tests.harness import Database
from tests.spine.test_compile import _facts
from tests.spine.world import applied, catalogue_of, drift_of, plan_of

_ALPHABET = st.one_of(
    st.sampled_from(list("\"'\\$%:;{}()[].,*- \t\n/_aZ0é漢🔥")),
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\x00"),
)
hostile = (
    st.text(_ALPHABET, min_size=1, max_size=25)
    .filter(lambda s: 0 < len(s.encode()) <= 63 and not s.startswith(("pg_", "pgmask")))
    .filter(lambda s: s.strip() == s)
)


def _catalogue(schema: str, table: str, columns: list[str]) -> Catalogue:
    base = catalogue_of("two_tables")
    made = Table(
        schema=schema, name=table, subject_class=None, subject=None,
        columns=(
            Column(name="id", level=3, category="basic"),
            *(Column(name=c, level=2, category="basic", kind="free_text") for c in columns),
        ),
    )  # fmt: skip
    profiles = tuple(
        dataclasses.replace(
            p, rows=(next(iter(type(p.rows[0]))),), column_forms=(),
            operations=((made.id, p.operations[0][1]),),
        )
        for p in base.profiles
    )  # fmt: skip
    return dataclasses.replace(
        base, tables=(made,), subjects=(), profiles=profiles, backup=(),
        stores=(dataclasses.replace(base.stores[0], schema=schema, as_="store of it"),),
        unprotected=(Unprotected(tables=("public.*",), reason="x"),),
    )  # fmt: skip


@given(
    schema=hostile, table=hostile, columns=st.lists(hostile, min_size=1, max_size=4, unique=True)
)
@settings(max_examples=150, deadline=None)
def test_every_name_passes_the_gate(schema: str, table: str, columns: list[str]) -> None:
    catalogue = _catalogue(schema, table, [c for c in columns if c != "id"] or ["x"])
    for one in compile(catalogue, _facts(catalogue)):
        gated((*one.create, *one.drop))


@pytest.mark.requirement("A4")
@given(
    schema=hostile, table=hostile, columns=st.lists(hostile, min_size=1, max_size=3, unique=True)
)
@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_every_name_is_adopted(
    database: Database, schema: str, table: str, columns: list[str]
) -> None:
    from tests.conftest import _install

    names = [c for c in columns if c != "id"] or ["x"]
    if schema in ("crm", "analyst", "agent", "public", "store of it", "information_schema"):
        return
    server = database.server
    with server.database(template=server.template("installed", _install)) as made:
        with psycopg.connect(made.dsn()) as connection:
            connection.execute(f"CREATE SCHEMA {Name(schema).quoted}".encode())
            body = ", ".join(f"{Name(c).quoted} text" for c in names)
            place = QualName.of(schema, table).quoted
            connection.execute(f"CREATE TABLE {place} (id int PRIMARY KEY, {body})".encode())
        catalogue = _catalogue(schema, table, names)
        applied(made, plan_of(made, catalogue))
        assert plan_of(made, catalogue).empty
        assert drift_of(made, catalogue) == ()
        shown = made.rows(
            "SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_attribute AS a"
            " JOIN pg_class AS c ON c.oid = a.attrelid WHERE c.relkind = 'v' AND a.attnum > 0"
            " AND c.relname = %s AND c.relowner = 'pgmask_agent_views'::regrole",
            table,
        )
        assert shown == [(["id", *names],)]
