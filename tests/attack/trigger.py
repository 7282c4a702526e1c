"""The sealing trigger's own surface: getting plain text past it, or a mask over a truth."""

from __future__ import annotations

from tests.attack.attempts import (
    EARLIER_TRIGGER,
    LATER_TRIGGER,
    REPLACED_FUNCTION,
    REPLICA_ROLE,
    UNCHECKED,
    UNSEALED,
    stale_mask,
)
from tests.attack.detecting import Drift
from tests.attack.model import Attack, Hides, Nothing, Noticed, Refused
from tests.attack.people import CARED, FRESH, OURS
from tests.attack.stealing import (
    advisory_locks,
    careless_trigger,
    debug_output,
    server_log,
    talkative,
)

_PLAIN_WRITE = f"UPDATE crm.customer SET phone = '{FRESH}' WHERE id = 1"
_SEEN = (_PLAIN_WRITE, "SELECT phone FROM crm.customer WHERE id = 1")

ROWS: tuple[Attack, ...] = (
    Attack(
        id="R10-trigger-off",
        actor="ann",
        does="write a plain phone while the sealing trigger is switched off",
        setup=UNSEALED,
        attempt=_PLAIN_WRITE,
        control=UNCHECKED,
        expect=Refused("23514"),
        proves=("B1", "F1"),
    ),
    Attack(
        id="R10-later-trigger",
        actor="ann",
        does="have a trigger of the application put the plain phone back after sealing",
        setup=LATER_TRIGGER,
        attempt="UPDATE crm.customer SET note = 'x' WHERE id = 1",
        control=UNCHECKED,
        expect=Refused("23514"),
        proves=("B1", "F1"),
    ),
    Attack(
        id="R10-attach-partition",
        actor="rex",
        does="attach a partition with plain rows",
        setup="CREATE TABLE crm_store.old (LIKE crm_store.contact_log INCLUDING DEFAULTS);"
        "INSERT INTO crm_store.old (id, customer_id, value, purpose, at)"
        f" VALUES (900, 1, '{FRESH}', 'service', '2027-02-01')",
        attempt="ALTER TABLE crm_store.contact_log ATTACH PARTITION crm_store.old"
        " FOR VALUES FROM ('2027-01-01') TO ('2027-07-01')",
        control=UNCHECKED,
        expect=Refused("42804"),
        proves=("B1", "F1"),
    ),
    Attack(
        id="R10-direct-partition",
        actor="rex",
        does="insert a plain value into a partition itself",
        setup="ALTER TABLE crm_store.contact_log DISABLE TRIGGER USER;"
        "ALTER TABLE crm_store.contact_log_h1 DISABLE TRIGGER USER",
        attempt="INSERT INTO crm_store.contact_log_h1 (id, customer_id, value, purpose, at)"
        f" VALUES (901, 1, '{FRESH}', 'service', '2026-02-01')",
        control=UNCHECKED,
        expect=Refused("23514"),
        proves=("B1", "F1"),
    ),
    Attack(
        id="R11-replica-role",
        actor="ann",
        does="switch triggers off for one's session",
        attempt=("SET session_replication_role = replica", *_SEEN),
        control="GRANT SET ON PARAMETER session_replication_role TO app",
        undo="REVOKE SET ON PARAMETER session_replication_role FROM app",
        expect=Refused("42501"),
        proves=("B1",),
    ),
    Attack(
        id="R11-replica-role-granted",
        actor="ann",
        does="write with session_replication_role = replica after that was granted",
        setup=(REPLICA_ROLE, UNCHECKED),
        attempt=("SET session_replication_role = replica", *_SEEN),
        control="DO $$ DECLARE r record; BEGIN FOR r IN SELECT tgname FROM pg_trigger"
        " WHERE tgrelid = 'crm_store.customer'::regclass AND tgname LIKE 'zzz\\_pgmask%'"
        " LOOP EXECUTE format('ALTER TABLE crm_store.customer ENABLE TRIGGER %I', r.tgname);"
        " END LOOP; END $$",
        undo="REVOKE SET ON PARAMETER session_replication_role FROM app",
        expect=Hides((FRESH,), shows="134"),
        proves=("B1", "F1"),
    ),
    Attack(
        id="R12-enable-all",
        actor="rex",
        does="demote ENABLE ALWAYS by DISABLE and ENABLE TRIGGER ALL (pg_restore does)",
        attempt=Drift(
            "ALTER TABLE crm_store.customer DISABLE TRIGGER ALL;"
            "ALTER TABLE crm_store.customer ENABLE TRIGGER ALL"
        ),
        control=Drift.forget,
        expect=Noticed(("zzz_pgmask",)),
        proves=("A4",),
    ),
    Attack(
        id="R13-earlier-trigger",
        actor="rex",
        does="add a BEFORE trigger that sorts first and so sees plain text",
        attempt=Drift(EARLIER_TRIGGER),
        control=Drift.forget,
        expect=Noticed(("crm_store.customer", "triggers")),
        proves=("A4",),
    ),
    Attack(
        id="R13-replaced-function",
        actor="rex",
        does="replace the function of the application's own trigger, which sees plain text",
        attempt=Drift(REPLACED_FUNCTION),
        control=Drift.forget,
        expect=Noticed(("crm_store.customer", "trigger_functions")),
        proves=("A4",),
    ),
    Attack(
        id="R14-detail",
        actor="rex",
        does="read a plain value in the DETAIL of an error, even as superuser",
        setup="ALTER TABLE crm_store.customer ADD CONSTRAINT small CHECK (salary < 500000)",
        attempt=f"UPDATE crm_store.customer SET phone = '{FRESH}', salary = 600000 WHERE id = 1",
        control=(UNCHECKED, UNSEALED),
        expect=Hides((FRESH, OURS.phone, OURS.id_no), sqlstate="23514", shows="134"),
        proves=("B1",),
    ),
    Attack(
        id="R18-copy-in",
        actor="ann",
        does="load plain rows by COPY into the store",
        attempt="COPY crm_store.customer (unit_id, name, phone, region) FROM STDIN",
        control="GRANT USAGE ON SCHEMA crm_store TO app; GRANT INSERT ON crm_store.customer TO app;"
        "ALTER TABLE crm_store.customer DISABLE ROW LEVEL SECURITY",
        expect=Refused("42501"),
        proves=("B1",),
    ),
    Attack(
        id="R30-write-sealed",
        actor="ann",
        does="write the sealed value itself",
        attempt="UPDATE crm.customer SET pgmask_sealed = NULL WHERE id = 1",
        control="DROP VIEW crm.customer; GRANT SELECT, UPDATE ON crm_store.customer"
        " TO pgmask_agent_views; CREATE VIEW crm.customer AS SELECT * FROM crm_store.customer;"
        "ALTER VIEW crm.customer OWNER TO pgmask_agent_views;"
        "GRANT SELECT, UPDATE ON crm.customer TO pgmask_agent;" + UNSEALED,
        expect=Refused("42703"),
        proves=("F3",),
    ),
    Attack(
        id="R30-raise-grade-flag",
        actor="ann",
        does="lower the high-value mark of a row",
        attempt="UPDATE crm.customer SET pgmask_high_value = false RETURNING id",
        control="DROP VIEW crm.customer; GRANT SELECT, UPDATE ON crm_store.customer"
        " TO pgmask_agent_views; CREATE VIEW crm.customer AS SELECT * FROM crm_store.customer;"
        "ALTER VIEW crm.customer OWNER TO pgmask_agent_views;"
        "GRANT SELECT, UPDATE ON crm.customer TO pgmask_agent;" + UNSEALED,
        expect=Refused("42703"),
        proves=("D1",),
    ),
    Attack(
        id="R51-stale-mask",
        actor="ann",
        does="write back a mask that has changed meanwhile",
        attempt=stale_mask,
        control=(UNSEALED, UNCHECKED),
        expect=Refused("PM043"),
        proves=("F3",),
    ),
    Attack(
        id="R53-copy-masked-row",
        actor="ann",
        does="insert a copy of a masked row",
        attempt="INSERT INTO crm.customer (unit_id, name, phone, region)"
        " SELECT unit_id, name, phone, region FROM crm.customer WHERE id = 1",
        control=UNSEALED,
        expect=Refused("PM042"),
        proves=("F3",),
    ),
    Attack(
        id="R52-mask-of-another-row",
        actor="ann",
        does="overwrite a truth with the mask of another row",
        attempt=f"UPDATE crm.customer SET phone = (SELECT phone FROM crm.customer"
        f" WHERE id = {CARED.id}) WHERE id = 1",
        control=UNSEALED,
        expect=Refused("PM043"),
        proves=("F3",),
    ),
    Attack(
        id="R55-glyph-in-truth",
        actor="ann",
        does="pass a value of one's own that looks like a mask",
        attempt="UPDATE crm.customer SET phone = '134****2345' WHERE id = 1",
        control=UNSEALED,
        expect=Refused("PM043"),
        proves=("F3",),
    ),
    Attack(
        id="R55-second-glyph",
        actor="ann",
        does="pass a value with the second glyph",
        attempt="UPDATE crm.customer SET phone = '139••••5678' WHERE id = 1",
        control=(UNSEALED, UNCHECKED),
        expect=Refused("PM042"),
        proves=("F3",),
    ),
    Attack(
        id="F4-invalid",
        actor="ann",
        does="store a value that is not of its kind, and read it in the message",
        attempt="UPDATE crm.customer SET phone = '99999999999' WHERE id = 1",
        control=(UNSEALED, UNCHECKED),
        expect=Refused("PM041"),
        proves=("F4",),
    ),
    Attack(
        id="F4-moved-check",
        actor="ann",
        does="break a CHECK of the application that the trigger has taken over",
        attempt="UPDATE crm.customer SET salary = -1 WHERE id = 1",
        control=UNSEALED,
        expect=Refused("PM041"),
        proves=("F4",),
    ),
    Attack(
        id="F4-message",
        actor="ann",
        does="find the refused value in the message of its refusal",
        attempt="UPDATE crm.customer SET phone = '99999999998' WHERE id = 1",
        control="CREATE FUNCTION crm.loud() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE EXCEPTION '% is no phone', NEW.phone USING ERRCODE = 'PM041'; END $$;"
        "CREATE TRIGGER aaa_loud BEFORE UPDATE ON crm_store.customer FOR EACH ROW"
        " EXECUTE FUNCTION crm.loud()",
        expect=Hides(("99999999998",), sqlstate="PM041"),
        proves=("F4",),
    ),
    Attack(
        id="A29-log-of-refusal",
        actor="ann",
        does="find a written phone in the server's log after refusals, sent as a bind parameter",
        attempt=server_log,
        control=talkative,
        expect=Nothing(),
        proves=("B1",),
        leaves="a superuser has the server log parameters",
    ),
    Attack(
        id="A40-advisory-locks",
        actor="mallory",
        does="guess a value by the advisory locks that others hold",
        attempt=advisory_locks,
        control="CREATE FUNCTION crm.lock_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " PERFORM pg_advisory_xact_lock(hashtext(NEW.phone)); RETURN NEW; END $$;"
        "CREATE TRIGGER aaa_lock BEFORE INSERT ON crm_store.customer FOR EACH ROW"
        " EXECUTE FUNCTION crm.lock_it()",
        expect=Nothing(),
        proves=("B1",),
    ),
    Attack(
        id="A51-debug-print-plan",
        actor="ann",
        does="find keys in debug_print_plan's output of an insert",
        attempt=debug_output,
        control=careless_trigger,
        expect=Nothing(),
        proves=("F1",),
    ),
)
