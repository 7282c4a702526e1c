"""The attack table: every row of it on every server it is for (see ``model.Attack``).

A01 to A52, B, C, D and E are the catalogue of attacks that the design was made against; R is the
sealing trigger's own surface; other ids name the requirement a row proves. What a database cannot
stop stands here as well, as a row that is expected to succeed.

Left out because the mechanism comes later: A44, A49 (quotas of search and reveal), A48 (audit
notes), A50 (reveal of another unit's record), B01 to B12 (showing the truth), T01 to T03 (sealed
audit), D06 and D07 (shredding, adopted copies: tested with seal). Left out because there is no such
object: A30 (large objects: a column of type oid or lo cannot be level 1), C01 to C03 (rejected
designs), C05 and D10 (costs: benchmarks), D11 and D12 (standby, crash: with reveal).
"""

from __future__ import annotations

from typing import Final

from tests.attack import identity, keys, limits, privileges, proven, reading, trigger, writing
from tests.attack.model import Attack, Proven

ATTACKS: Final[tuple[Attack, ...]] = (
    *reading.ROWS,
    *writing.ROWS,
    *identity.ROWS,
    *privileges.ROWS,
    *trigger.ROWS,
    *keys.ROWS,
    *limits.ROWS,
)
PROVEN: Final[tuple[Proven, ...]] = proven.ROWS
