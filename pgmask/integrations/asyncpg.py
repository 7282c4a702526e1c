"""asyncpg: a pool's connection with a transaction that logs in whoever is acting.

``async with transaction(connection, minter): ...`` takes the place of ``connection.transaction()``.
The login costs two round trips, as asyncpg has no public way to send two statements in one message.
There is no autocommit with an identity: asyncpg flushes after each message, and PgBouncer takes a
Flush outside BEGIN for the end of a transaction. So every statement needs this block.

The pool's own reset at release (``RESET ALL``, ``CLOSE ALL``, ``UNLISTEN *``) is left as it is.
Behind PgBouncer in transaction mode give the pool ``statement_cache_size=0``.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from pgmask.errors import PgmaskError
from pgmask.integrations.acting import current
from pgmask.integrations.issuer import Minter


@contextlib.asynccontextmanager
async def transaction(connection: Any, minter: Minter, **options: Any) -> AsyncIterator[Any]:
    """A transaction of whoever is acting; nobody: a plain one, and PostgreSQL answers PM101.

    connection: of asyncpg, or a pool's; options: as ``connection.transaction`` takes them. Cursors
    that were left open by ``DECLARE .. WITH HOLD`` are closed after it.
    Raises PM104 inside another transaction: an identity is of the whole one.
    """
    if connection.is_in_transaction():
        raise PgmaskError("PM104", "a transaction is open already; this one would be a savepoint")
    actor = current()
    try:
        async with connection.transaction(**options):
            if actor is not None:
                # Unnamed: injected SQL could put another statement in the place of a prepared one
                # and read the next person's assertion.
                login = await connection.prepare("SELECT pgmask.login($1)", name="")
                await login.fetchval(minter.assertion(actor))
            yield connection
    finally:
        if not connection.is_closed() and not connection.is_in_transaction():
            await connection.execute("CLOSE ALL")
