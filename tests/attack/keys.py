"""Stolen copies and keys: dumps, disks, swapped ciphertext."""

from __future__ import annotations

from tests.attack.attempts import FLIP, PLAIN_AT_REST, SWAP, UNCHECKED, UNSEALED
from tests.attack.model import Attack, Hides, Refused
from tests.attack.people import OURS, SEALED
from tests.attack.stealing import data_directory, dump, dump_by_application

ROWS: tuple[Attack, ...] = (
    Attack(
        id="D02-stolen-dump",
        actor="thief",
        does="search a dump of the backup role for level-1 values and keys",
        attempt=dump,
        control=PLAIN_AT_REST,
        expect=Hides(SEALED, shows=OURS.name),
        proves=("F1", "B1"),
    ),
    Attack(
        id="D02-dump-by-application",
        actor="ann",
        does="dump the store with the application's login",
        attempt=dump_by_application,
        control="GRANT USAGE ON SCHEMA crm_store TO app; GRANT SELECT ON crm_store.customer TO app;"
        "GRANT SELECT ON ALL SEQUENCES IN SCHEMA crm_store TO app;"
        "ALTER TABLE crm_store.customer DISABLE ROW LEVEL SECURITY",
        expect=Refused("42501"),
        proves=("B6",),
    ),
    Attack(
        id="D03-data-directory",
        actor="thief",
        does="search the data directory and the write-ahead log for a value written through a view",
        attempt=data_directory,
        control=(UNCHECKED, UNSEALED),
        expect=Hides(("found",), shows="searched"),
        proves=("F1",),
    ),
    Attack(
        id="D04-key-in-settings",
        actor="ann",
        does="read a key in a setting",
        attempt="SELECT name FROM pg_settings WHERE setting ~* '[0-9a-f]{64}'"
        " UNION ALL SELECT unnest(setconfig) FROM pg_db_role_setting"
        " WHERE setconfig::text ~* '[0-9a-f]{64}' OR setconfig::text LIKE '%naive.key%'",
        control="ALTER DATABASE {database} SET naive.key = 'k'",
        expect=Hides(("naive.key",)),
        proves=("F1",),
    ),
    Attack(
        id="D05-swapped-ciphertext",
        actor="ann",
        does="have another customer's truth opened, after ciphertexts were swapped in the store",
        setup=SWAP,
        attempt="UPDATE crm.customer SET email = 'new@example.com' WHERE id = 1",
        control=SWAP,
        expect=Refused("PM315"),
        proves=("F1",),
    ),
    Attack(
        id="D05-flipped-bit",
        actor="ann",
        does="have a changed ciphertext accepted",
        setup=FLIP,
        attempt="UPDATE crm.customer SET email = 'new@example.com' WHERE id = 1",
        control=FLIP,
        expect=Refused("PM315"),
        proves=("F1",),
    ),
)
