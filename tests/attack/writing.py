"""Writing what one may not, and learning from how a write fails."""

from __future__ import annotations

from tests.attack.attempts import (
    PLAIN_AT_REST,
    SEES_ALL,
    SHOWN_HIDDEN,
    contact_probe,
    duplicate_of_other_unit,
    hidden_upsert,
    many_guesses,
    many_updates,
    unasked,
    upsert_probe,
)
from tests.attack.model import Alike, Answers, Attack, Hides, Nothing, Refused
from tests.attack.people import COLUMNS, FRESH, OURS, PROMISED, SEALED, THEIRS

_STORE_GRANT = "GRANT USAGE ON SCHEMA crm_store TO app; GRANT SELECT ON crm_store.customer TO app"
_OPEN = "ALTER TABLE crm_store.customer DISABLE ROW LEVEL SECURITY"
_OURS_ALL = (OURS.name, OURS.region, str(OURS.salary))
_NEW = (
    "INSERT INTO crm.customer (unit_id, name, phone, region)"
    f" VALUES ('north', '李四', '{FRESH}', 'R')"
)
_HIS = (
    "INSERT INTO hunter.customer (id, unit_id, name, phone, region)"
    f" VALUES ({PROMISED}, '{{}}', '李四', '{FRESH}', 'R')"
)

_SPENDS_NOTHING = (
    "CREATE OR REPLACE FUNCTION pgmask_private.spend_unique_writes(p_table text, p_count integer)"
    " RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$"
)

ROWS: tuple[Attack, ...] = (
    Attack(
        id="A11-check",
        actor="ann",
        does="read a row in the message of a violated CHECK, even with SELECT on the store",
        setup=_STORE_GRANT,
        attempt="UPDATE crm.customer SET owner_id = -1 WHERE id = 1",
        control=_OPEN,
        expect=Hides(_OURS_ALL, sqlstate="23514"),
        proves=("B1",),
    ),
    Attack(
        id="A11-not-null",
        actor="ann",
        does="read a row in the message of a violated NOT NULL, even with SELECT on the store",
        setup=_STORE_GRANT,
        attempt="UPDATE crm.customer SET region = NULL WHERE id = 1",
        control=_OPEN,
        expect=Hides((OURS.name, str(OURS.salary)), sqlstate="23502"),
        proves=("B1",),
    ),
    Attack(
        id="A11-unique",
        actor="ann",
        does="read a key in the message of a violated UNIQUE, even with SELECT on the store",
        setup=_STORE_GRANT,
        attempt=f"INSERT INTO crm.customer (id, {COLUMNS.removeprefix('id, ')})"
        f" VALUES (1, 'north', '李四', '{FRESH}', NULL, NULL, 'R', 1, 'basic', '-')",
        control=_OPEN,
        expect=Hides(("(id)=(1)",), sqlstate="23505"),
        proves=("B1",),
    ),
    Attack(
        id="A11-own-unit-check",
        actor="ann",
        does="give one's customer to another unit and read the row in the refusal",
        attempt="UPDATE crm.customer SET unit_id = 'south' WHERE id = 1",
        control=_OPEN,
        expect=Refused("42501"),
        proves=("C1", "B6"),
    ),
    Attack(
        id="A12-unique-other-unit",
        actor="ann",
        does="learn from UNIQUE that another unit has this identity number",
        attempt=duplicate_of_other_unit,
        control="CREATE UNIQUE INDEX everywhere ON crm_store.customer (pgmask_bidx_id_no)",
        expect=Answers((("unknown",),)),
        proves=("C1",),
    ),
    Attack(
        id="A49-guesses-in-a-loop",
        actor="ann",
        does="find an identity number by 300 inserts, each of them undone",
        attempt=many_guesses,
        control=_SPENDS_NOTHING,
        expect=Hides(("HIT",), shows="PM048"),
        proves=("B1", "C1"),
    ),
    Attack(
        id="A49-guesses-by-update",
        actor="ann",
        does="find an identity number by 300 updates of one row, each of them undone",
        attempt=many_updates,
        control=_SPENDS_NOTHING,
        expect=Hides(("HIT",), shows="PM048"),
        proves=("B1", "C1"),
    ),
    Attack(
        id="A13-foreign-key",
        actor="ann",
        does="learn from the foreign key whether a customer number exists in another unit",
        attempt=contact_probe,
        control="ALTER TABLE crm_store.contact_log DISABLE ROW LEVEL SECURITY",
        expect=Alike(),
        proves=("C1",),
    ),
    Attack(
        id="A14-upsert-hidden-row",
        actor="ann",
        does="upsert onto a row of another unit",
        attempt=f"INSERT INTO crm.customer (id, unit_id, name, phone, region) VALUES ({THEIRS.id},"
        f" 'north', '李四', '{FRESH}', 'R') ON CONFLICT (id) DO UPDATE SET note = customer.name"
        " RETURNING note, region",
        control=f"{_OPEN};{SHOWN_HIDDEN}",
        expect=Refused("42501"),
        proves=("C1",),
    ),
    Attack(
        id="A14-upsert-returning",
        actor="ann",
        does="copy the stored phone into an open column by ON CONFLICT DO UPDATE",
        attempt="INSERT INTO crm.customer (id, unit_id, name, phone, region) VALUES (1, 'north',"
        f" '王小明', '{FRESH}', 'R') ON CONFLICT (id) DO UPDATE SET note = customer.phone"
        " RETURNING *",
        control=PLAIN_AT_REST,
        expect=Hides((OURS.phone,), shows=OURS.name),
        proves=("B1", "F3"),
    ),
    Attack(
        id="A15-merge",
        actor="ann",
        does="copy the stored phone into an open column by MERGE",
        attempt=(
            "MERGE INTO crm.customer AS c USING (VALUES (1::bigint)) AS x (id) ON c.id = x.id"
            " WHEN MATCHED THEN UPDATE SET note = c.phone",
            "SELECT note FROM crm.customer WHERE id = 1",
        ),
        control=PLAIN_AT_REST,
        expect=Hides((OURS.phone,), shows="*"),
        versions=">= 17",
        proves=("B1",),
    ),
    Attack(
        id="A16-returning",
        actor="ann",
        does="read the truth back by RETURNING",
        attempt="UPDATE crm.customer SET note = 'z' WHERE id = 1 RETURNING *",
        control=PLAIN_AT_REST,
        expect=Hides(SEALED, shows=OURS.name),
        proves=("B1",),
    ),
    Attack(
        id="A16-returning-own-value",
        actor="ann",
        does="read the value just written by RETURNING",
        attempt=_NEW + " RETURNING phone",
        control=PLAIN_AT_REST,
        expect=Hides((FRESH,), shows="134"),
        proves=("B1",),
    ),
    Attack(
        id="A16-returning-old-new",
        actor="ann",
        does="read OLD and NEW by RETURNING",
        attempt="UPDATE crm.customer SET note = 'z' WHERE id = 1 RETURNING old.*, new.*",
        control=PLAIN_AT_REST,
        expect=Hides(SEALED, shows=OURS.name),
        versions=">= 18",
        proves=("B1",),
    ),
    Attack(
        id="A17-copy-into-open-column",
        actor="ann",
        does="copy a masked column into an open one",
        attempt=(
            "UPDATE crm.customer SET note = id_no WHERE id = 1",
            "SELECT note FROM crm.customer WHERE id = 1",
        ),
        control=PLAIN_AT_REST,
        expect=Hides((OURS.id_no,), shows="*"),
        proves=("B1",),
    ),
    Attack(
        id="A34-truncate",
        actor="ann",
        does="TRUNCATE the store table",
        attempt="TRUNCATE crm_store.customer CASCADE",
        control="GRANT USAGE ON SCHEMA crm_store TO app;"
        "GRANT TRUNCATE ON ALL TABLES IN SCHEMA crm_store TO app",
        expect=Refused("42501"),
        proves=("B6",),
    ),
    Attack(
        id="B6-read-only-profile",
        actor="alan",
        does="change a row in a profile that may only read",
        attempt="UPDATE analyst.customer SET card_grade = 'gold' WHERE id = 1",
        control="GRANT UPDATE ON analyst.customer TO pgmask_analyst;"
        "GRANT UPDATE (card_grade) ON crm_store.customer TO pgmask_analyst_views",
        expect=Refused("42501"),
        proves=("B6",),
    ),
    Attack(
        id="B6-operation-not-given",
        actor="carl",
        does="delete in a profile that may not",
        attempt="DELETE FROM chief.customer WHERE id = 59",
        control="GRANT DELETE ON chief.customer TO pgmask_chief;"
        "GRANT DELETE ON crm_store.customer TO pgmask_chief_views;" + unasked("chief", 15),
        expect=Refused("42501"),
        proves=("B6",),
    ),
    Attack(
        id="A14-upsert-onto-hidden-row",
        actor="ann",
        does="ask about a hidden row by the condition of an upsert onto it",
        attempt=hidden_upsert,
        control=SHOWN_HIDDEN,
        versions=">= 18",
        expect=Alike(),
        proves=("C1", "B6"),
    ),
    Attack(
        id="C1-write-other-unit",
        actor="ann",
        does="change another unit's customer",
        attempt=f"UPDATE crm.customer SET note = 'x' WHERE id = {THEIRS.id} RETURNING id",
        control=SEES_ALL,
        expect=Nothing(),
        proves=("C1",),
    ),
    Attack(
        id="C1-delete-other-unit",
        actor="ann",
        does="delete another unit's contacts",
        attempt=f"DELETE FROM crm.contact_log WHERE customer_id = {THEIRS.id} RETURNING id",
        control=SEES_ALL.replace("customer", "contact_log"),
        expect=Nothing(),
        proves=("C1",),
    ),
    Attack(
        id="C1-insert-for-other-unit",
        actor="ann",
        does="insert a customer into another unit",
        attempt=_NEW.replace("'north'", "'south'"),
        control=_OPEN,
        expect=Refused("42501"),
        proves=("C1",),
    ),
    Attack(
        id="C1-assigned-insert-for-other-unit",
        actor="hugo",
        does="insert into another unit a customer assigned to oneself",
        attempt=_HIS.format("south"),
        control=_OPEN,
        expect=Refused("42501"),
        proves=("C1",),
    ),
    Attack(
        id="C1-child-of-other-unit",
        actor="ann",
        does="attach a contact to another unit's customer",
        attempt="INSERT INTO crm.contact_log (customer_id, value, purpose, at)"
        f" VALUES ({THEIRS.id}, '{FRESH}', 'service', '2026-03-01')",
        control="ALTER TABLE crm_store.contact_log DISABLE ROW LEVEL SECURITY",
        expect=Refused("42501"),
        proves=("C1",),
    ),
    Attack(
        id="C1-move-child",
        actor="ann",
        does="move a contact to another unit's customer",
        attempt=f"UPDATE crm.contact_log SET customer_id = {THEIRS.id} WHERE customer_id = 1",
        control="ALTER TABLE crm_store.contact_log DISABLE ROW LEVEL SECURITY",
        expect=Refused("42501"),
        proves=("C1",),
    ),
    Attack(
        id="R04-upsert-guess",
        actor="ann",
        does="confirm a guess by an upsert that compares the stored with the proposed phone",
        attempt=upsert_probe,
        control=(
            PLAIN_AT_REST,
            f"UPDATE crm_store.customer SET phone = '{OURS.phone}' WHERE id = 1",
        ),
        expect=Alike(),
        proves=("F3",),
    ),
)
