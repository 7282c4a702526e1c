"""The Alembic environment of pgmask's runtime.

``pgmask install`` and ``pgmask upgrade`` run it with a connection; ``alembic upgrade head`` runs it
with ``-x dsn=..`` or PGMASK_DSN; ``alembic upgrade head --sql`` prints the script instead.
"""

from __future__ import annotations

import os

from alembic import context
from sqlalchemy import Connection

from pgmask.runtime.install import (
    VERSION_SCHEMA,
    VERSION_TABLE,
    connect_engine,
    prologue,
    run_script,
)

OPTIONS = {
    "target_metadata": None,
    "version_table": VERSION_TABLE,
    "version_table_schema": VERSION_SCHEMA,
    "transaction_per_migration": False,
}


def offline() -> None:
    """Print the statements of every pending revision as one script for psql."""
    context.configure(dialect_name="postgresql", literal_binds=True, **OPTIONS)
    with context.begin_transaction():
        for text in prologue():
            context.get_context().impl.static_output(text)
        context.run_migrations()


def online() -> None:
    """Run every pending revision in one transaction, one session at a time."""
    given = context.config.attributes.get("connection")
    if given is not None:
        migrate(given)
        return
    dsn = context.get_x_argument(as_dictionary=True).get("dsn") or os.environ.get("PGMASK_DSN", "")
    engine = connect_engine(dsn)
    with engine.connect() as connection:
        migrate(connection)


def migrate(connection: Connection) -> None:
    """Take the lock, make ready, run; all in the connection's one transaction."""
    context.configure(connection=connection, **OPTIONS)
    with context.begin_transaction():
        for text in prologue():
            run_script(connection, text)
        context.run_migrations()


if context.is_offline_mode():
    offline()
else:
    online()
