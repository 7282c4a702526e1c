"""The ``installed`` fixture: a clone of a database in which an ordinary role installed pgmask."""

from __future__ import annotations

from tests.harness import Database


def test_installed_by_an_ordinary_role(installed: Database) -> None:
    assert installed.rows(
        "SELECT r.rolsuper OR r.rolbypassrls, d.datname LIKE 't%%'"
        " FROM pg_catalog.pg_database AS d JOIN pg_catalog.pg_roles AS r ON r.oid = d.datdba"
        " WHERE d.datname = current_database() AND r.rolname = %s"
        "   AND pg_catalog.to_regnamespace('pgmask_private') IS NOT NULL",
        "installer",
    ) == [(False, True)]
