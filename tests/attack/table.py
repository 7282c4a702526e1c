"""The attack table: every row of it on every server it is for (see ``model.Attack``).

A01 to A52, B, C, D and E are the catalogue of attacks that the design was made against; R is the
sealing trigger's own surface; other ids name the requirement a row proves. What a database cannot
stop stands here as well, as a row that is expected to succeed.

The standby (D11) has a test of its own, ``test_standby``. Left out because the mechanism comes
later: A48 (audit notes: searches sign theirs, the rest comes with the audit), B11 (auditing of
reading), T01 to T03 (sealed audit), D06 and D07 (shredding, adopted copies: tested with seal). Left
out because there is no such object: A30 (large objects: a column of type oid or lo cannot be level
1), B02, B03, B07 (rejected designs), C01 to C03 (the same), C05 and D10 (costs: benchmarks).
"""

from __future__ import annotations

from typing import Final

from tests.attack import (
    identity,
    keys,
    limits,
    privileges,
    proven,
    reading,
    revealing,
    searching,
    trigger,
    windows,
    writing,
)
from tests.attack.model import Attack, Proven

ATTACKS: Final[tuple[Attack, ...]] = (
    *reading.ROWS,
    *writing.ROWS,
    *identity.ROWS,
    *privileges.ROWS,
    *trigger.ROWS,
    *keys.ROWS,
    *revealing.ROWS,
    *searching.ROWS,
    *windows.ROWS,
    *limits.ROWS,
)
PROVEN: Final[tuple[Proven, ...]] = proven.ROWS
