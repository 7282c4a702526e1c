"""What ``inspectdb`` and ``flush`` learn of protected tables, which are views."""

from __future__ import annotations

from django.db.backends.postgresql.introspection import (
    DatabaseIntrospection as PostgresqlIntrospection,
)


class DatabaseIntrospection(PostgresqlIntrospection):
    """As PostgreSQL's, where a model's table may be a view of the same name."""

    def django_table_names(
        self, only_existing: bool = False, include_views: bool = True
    ) -> list[str]:
        """The tables of managed models, those that are views now included: flush asks for it."""
        names: list[str] = super().django_table_names(
            only_existing=only_existing, include_views=True
        )
        return names
