"""What ``inspectdb`` and ``flush`` learn of protected tables, which are views."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.db.backends.postgresql.introspection import (
    DatabaseIntrospection as PostgresqlIntrospection,
)


class _Shape:
    """A cursor for which a look at a table's columns reads no row of it."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._cursor)

    def execute(self, statement: str, params: Any = None) -> Any:
        """As the cursor's, with LIMIT 0 for LIMIT 1."""
        return self._cursor.execute(re.sub(r" LIMIT 1$", " LIMIT 0", statement), params)


class DatabaseIntrospection(PostgresqlIntrospection):
    """As PostgreSQL's, where a model's table may be a view of the same name."""

    def get_table_description(self, cursor: Any, table_name: str) -> list[Any]:
        """The columns, without an identity: nobody has to act for inspectdb."""
        found: list[Any] = super().get_table_description(_Shape(cursor), table_name)
        return found

    def django_table_names(
        self, only_existing: bool = False, include_views: bool = True
    ) -> list[str]:
        """The tables of managed models, those that are views now included: flush asks for it."""
        names: list[str] = super().django_table_names(
            only_existing=only_existing, include_views=True
        )
        return names
