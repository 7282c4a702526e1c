"""Alembic beside pgmask: what is pgmask's own, where the tables are, and a window for operations.

In ``env.py``, online::

    from pgmask.integrations.alembic import include_object, prepare

    with engine.connect() as connection:
        prepare(connection)
        context.configure(connection=connection, target_metadata=..., include_object=include_object)
        with context.begin_transaction():
            context.run_migrations()

and in a revision whose operations need the views out of the way::

    with pgmask_detached(op, "crm.customer"):
        op.alter_column("customer", "name", type_=sa.String(80))

In a database without pgmask all of this does nothing, so that the same revisions make test
databases.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import sqlalchemy as sa
from alembic import context
from alembic.operations import Operations
from sqlalchemy.engine import Connection
from sqlalchemy.schema import Index, SchemaItem, Table, UniqueConstraint

from pgmask.names import derived
from pgmask.sqltext import literal

PREFIX: Final = "pgmask_"
OWN_SCHEMAS: Final = frozenset(
    {"pgmask", "pgmask_private", "pgmask_crypto", "pgmask_audit", "pgmask_note", "pgmask_report"}
)
_LOG: Final = logging.getLogger("pgmask.alembic")
_THERE: Final = sa.text("SELECT pg_catalog.to_regprocedure('pgmask.detach(text)') IS NOT NULL")
# Tables whose name a view of another schema has: the application's schema, the store's.
_SCHEMAS: Final = sa.text(
    "SELECT DISTINCT v.nspname::text, n.nspname::text"
    "  FROM pg_catalog.pg_attribute AS a"
    "  JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p')"
    "  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
    "  JOIN pg_catalog.pg_depend AS d ON d.refobjid = c.oid AND d.deptype = 'n'"
    "   AND d.refclassid = 'pg_catalog.pg_class'::regclass"
    "   AND d.classid = 'pg_catalog.pg_rewrite'::regclass"
    "  JOIN pg_catalog.pg_rewrite AS w ON w.oid = d.objid"
    "  JOIN pg_catalog.pg_class AS x ON x.oid = w.ev_class AND x.relname = c.relname"
    "  JOIN pg_catalog.pg_namespace AS v ON v.oid = x.relnamespace"
    " WHERE a.attname = 'pgmask_restricted' AND v.nspname = ANY (pg_catalog.current_schemas(false))"
    " ORDER BY 1, 2"
)


def include_object(
    item: SchemaItem, name: str | None, kind: str, reflected: bool, compare_to: SchemaItem | None
) -> bool:
    """Whether autogenerate looks at it: not at what pgmask added, nor at what it replaced.

    pgmask's columns, indexes and constraints are known by their prefix or by the columns they
    stand on; a uniqueness of the model that a blind index keeps is there already.
    """
    if kind == "table":
        if isinstance(compare_to, Table) and compare_to.comment is not None:
            # The store's comment goes on with what pgmask says of it; the model's does not.
            compare_to.comment = compare_to.comment.partition("pgmask: ")[0].rstrip() or None
        schema = getattr(item, "schema", None)
        return schema not in OWN_SCHEMAS and not (reflected and _own(name))
    if _own(name):
        return False
    if isinstance(item, (Index, UniqueConstraint)):
        columns = [c.name for c in item.columns]
        if any(_own(c) for c in columns):
            return False
        if not reflected and compare_to is None and getattr(item, "unique", True):
            return not _kept_blind(item, columns)
    return True


def prepare(connection: Connection) -> None:
    """Set the search_path that this command of Alembic needs; once, right after connecting.

    Comparing needs the tables and not the views: the stores' schemas first. Upgrading makes new
    tables, which stand in the application's schema: that one first.
    """
    if not connection.execute(_THERE).scalar():
        connection.commit()
        return
    found = connection.execute(_SCHEMAS).fetchall()
    before = connection.execute(sa.text("SELECT pg_catalog.current_schemas(false)")).scalar() or []
    stores = [store for _, store in found if store not in before]
    path = [*stores, *before] if _comparing() else [*before, *stores]
    quote = connection.dialect.identifier_preparer.quote
    connection.execute(
        sa.text("SELECT pg_catalog.set_config('search_path', :path, false)"),
        {"path": ", ".join(quote(s) for s in dict.fromkeys(path))},
    )
    # Not the begin of the migration's own transaction.
    connection.commit()
    connection.dialect.default_schema_name = path[0] if path else None


@contextmanager
def pgmask_detached(op: Operations | Any, *tables: str) -> Iterator[None]:
    """The views of these tables are down inside; they are back, and checked, after it.

    tables: as the application knows them (``crm.customer``). What attach has to say (new columns
    that nobody sees yet, renamed ones) goes to the logger ``pgmask.alembic``. After an error
    nothing is attached: the transaction ends anyway. Offline (``--sql``) it writes the two calls.
    Raises the server's PM217 without a window, PM260 with foreign dependants, PM213 and PM218.
    """
    if op.get_context().as_sql:
        for table in tables:
            op.execute(sa.text(f"SELECT pgmask.detach({_literal(table)})"))
        yield
        for table in tables:
            op.execute(sa.text("SELECT * FROM pgmask.attach(" + _literal(table) + ")"))  # noqa: S608
        return
    bind = op.get_bind()
    if not bind.execute(_THERE).scalar():
        yield
        return
    for table in tables:
        bind.execute(sa.text("SELECT pgmask.detach(:t)"), {"t": table})
    yield
    for table in tables:
        for name, what in bind.execute(sa.text("SELECT * FROM pgmask.attach(:t)"), {"t": table}):
            _LOG.warning("%s  %s", name, what)


def _literal(text: str) -> str:
    return literal(text).replace(":", "\\:")


def _own(name: str | None) -> bool:
    return name is not None and name.startswith(PREFIX)


def _kept_blind(item: Index | UniqueConstraint, columns: list[str]) -> bool:
    """Whether one of the columns has a blind index in the database that is compared with."""
    connection = context.get_context().connection
    if connection is None or item.table is None:
        return False
    there = sa.text(
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_attribute AS a"
        " JOIN pg_catalog.pg_index AS i ON i.indrelid = a.attrelid AND i.indisunique"
        "  AND a.attnum = ANY (i.indkey::int2[])"
        " WHERE a.attrelid = pg_catalog.to_regclass(:name) AND a.attname = ANY (:columns))"
    )
    quote = connection.dialect.identifier_preparer
    name = quote.format_table(item.table)
    blind = [derived("pgmask_bidx_", c).text for c in columns]
    return bool(connection.execute(there, {"name": name, "columns": blind}).scalar())


def _comparing() -> bool:
    """Whether this command of Alembic compares (revision --autogenerate, check)."""
    try:
        context.get_revision_argument()
    except KeyError:
        return True
    return False
