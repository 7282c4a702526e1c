"""Emptying tables between tests: views cannot be truncated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import apps
from django.core.serializers import sort_dependencies
from django.db.backends.postgresql.operations import DatabaseOperations as PostgresqlOperations


class DatabaseOperations(PostgresqlOperations):
    """As PostgreSQL's, with a flush that empties views too."""

    def sql_flush(
        self, style: Any, tables: Sequence[str], *, reset_sequences: bool = False,
        allow_cascade: bool = False,
    ) -> list[str]:  # fmt: skip
        """TRUNCATE without a view among the tables; with one, DELETE from each, children first.

        TRUNCATE of the other tables would stop at the foreign keys of protected ones. The rows
        that whoever acts may not delete stay; sequences go on.
        """
        with self.connection.cursor() as cursor:
            listed = self.connection.introspection.get_table_list(cursor)
        views = {t.name for t in listed if t.type == "v"}
        if not views.intersection(tables):
            plain: list[str] = super().sql_flush(
                style, tables, reset_sequences=reset_sequences, allow_cascade=allow_cascade
            )
            return plain
        models = sort_dependencies([(config, None) for config in apps.get_app_configs()])
        parents_first = [m._meta.db_table for m in models]
        order = sorted(
            tables, key=lambda t: -parents_first.index(t) if t in parents_first else -(10**6)
        )
        return [
            f"{style.SQL_KEYWORD('DELETE FROM')} {style.SQL_FIELD(self.quote_name(table))};"
            for table in order
        ]
