"""What a view cannot do that a table can, told to Django's query compiler."""

from __future__ import annotations

from django.db.backends.postgresql.features import DatabaseFeatures as PostgresqlFeatures


class DatabaseFeatures(PostgresqlFeatures):
    """As PostgreSQL's, for protected tables that are views of the same name."""

    # GROUP BY the primary key alone rests on the key's constraint, which a view has not (42803):
    # annotate(Count(..)) over whole models groups by every column instead.
    allows_group_by_selected_pks = False
