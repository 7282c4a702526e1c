"""What the holder of the key file can do offline: open the truth of a row, or of all of them."""

from __future__ import annotations

from typing import Any

import psycopg

from pgmask import sealing
from pgmask.keyfile import KeyFile

_CUSTOMERS = b"""
SELECT c.id, c.pgmask_sealed, k.wrapped
  FROM crm_store.customer AS c
  JOIN pgmask_private.data_key AS k
    ON k.subject_class = 'customer'
   AND k.subject_key = c.id::text
 WHERE c.id = ANY (%s)
"""


def open_customers(
    connection: psycopg.Connection[Any], kek: KeyFile, ids: list[int]
) -> dict[int, dict[str, str]]:
    """The complete values of customers, by id and column.

    The connection must be allowed to read stores and wrapped data keys (``pgmask_sealer``). Raises
    KeyFault (PM315) when a value was changed or belongs to another row.
    """
    found = {}
    for number, sealed, wrapped in connection.execute(_CUSTOMERS, (ids,)).fetchall():
        key = sealing.unwrap_data_key(kek, "customer", str(number), bytes(wrapped))
        found[number] = sealing.open_bundle(key, "crm.customer", "own", [number], bytes(sealed))
    return found
