"""Migrations: what a login that owns the stores for a while can reach, and what it cannot."""

from __future__ import annotations

from typing import Final

from tests.attack.attempts import PLAIN_AT_REST
from tests.attack.detecting import Drift, report
from tests.attack.model import Attack, Gets, Hides, Noticed, Outcome, Refused
from tests.attack.people import FRESH, SEALED
from tests.attack.place import Play

_DETACH: Final = "SELECT pgmask.detach('crm.customer')"
_MEMBER: Final = "GRANT pgmask_store TO olga"
_NO_MEMBER: Final = "REVOKE pgmask_store FROM olga"
_CAPTURE: Final = (
    "CREATE TABLE crm_store.loot (value text)",
    "CREATE FUNCTION crm_store.capture() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS"
    " $$ BEGIN INSERT INTO crm_store.loot VALUES (NEW.phone); RETURN NEW; END $$",
    "CREATE TRIGGER aaa_capture BEFORE UPDATE ON crm_store.customer"
    " FOR EACH ROW EXECUTE FUNCTION crm_store.capture()",
)


class Window:
    """Statements of the migrating login between detach and attach, committed."""

    def __init__(self, *statements: str) -> None:
        self.statements = statements

    def __call__(self, play: Play) -> Outcome:
        session = play.session("olga").run("BEGIN").run(_DETACH, keep=False)
        session.run("SET LOCAL ROLE pgmask_store")
        for statement in self.statements:
            session.run(statement)
        session.run("RESET ROLE").run("SELECT * FROM pgmask.attach('crm.customer')")
        return session.run("COMMIT").outcome()


def capture(play: Play) -> Outcome:
    """A trigger of the migration's own copies what applications write afterwards."""
    done = Window(*_CAPTURE)(play)
    assert done.sqlstate is None, done
    session = play.session("app").begin("ann")
    session.run(f"UPDATE crm.customer SET phone = '{FRESH}' WHERE id = 1").run("COMMIT")
    assert session.failed is None, session.outcome()
    loot = play.session("olga").run("SET ROLE pgmask_store")
    return loot.run("SELECT value FROM crm_store.loot").outcome()


def capture_reported(play: Play) -> Outcome:
    """The same, and what attach and the installer's drift report say of it."""
    if "changed" not in play.flags:
        assert not report(play).rows, "there is drift before anything was changed"
        said = Window(*_CAPTURE)(play)
        assert "NEW TRIGGER" in said.text, said
        play.flags.add("changed")
    return report(play)


_CAPTURING: Final = {
    "rule": (
        "a rule that copies what is written",
        ("CREATE TABLE crm_store.loot (value text)",
         "CREATE RULE copying AS ON UPDATE TO crm_store.customer"
         " DO ALSO INSERT INTO crm_store.loot VALUES (NEW.phone)"),
        "PM213",
    ),
    "policy": (
        "a policy that reads what is written",
        ("CREATE POLICY mine ON crm_store.customer AS RESTRICTIVE FOR UPDATE"
         " USING (true) WITH CHECK (true)",),
        "PM213",
    ),
}  # fmt: skip
_LET_PLANNED: Final = (
    "CREATE OR REPLACE FUNCTION pgmask_private.refuse_planned_code(p_table_id text,"
    " p_members oid[]) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RETURN; END $$"
)
_OWN_CODE: Final = (
    "CREATE SCHEMA IF NOT EXISTS dev AUTHORIZATION olga; GRANT USAGE ON SCHEMA dev TO PUBLIC;"
    "SET ROLE olga; CREATE OR REPLACE FUNCTION dev.always() RETURNS boolean IMMUTABLE"
    " LANGUAGE sql AS 'SELECT true'; RESET ROLE;"
)
_PLANNED: Final = {
    "index": "CREATE INDEX planted ON crm_store.customer (region) WHERE dev.always()",
    "check": "ALTER TABLE crm_store.customer ADD CONSTRAINT planted CHECK (dev.always())",
    "statistics": "CREATE STATISTICS crm_store.planted ON (dev.always()), region"
    " FROM crm_store.customer",
}
_LET: Final = (
    "CREATE OR REPLACE FUNCTION pgmask_private.refuse_unprotected(p_table_id text,"
    " p_forced boolean) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RETURN; END $$"
)
_LET_SILENCED: Final = (
    "CREATE OR REPLACE FUNCTION pgmask_private.refuse_silenced(p_table_id text, p_marks jsonb,"
    " p_members oid[]) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RETURN; END $$"
)

ROWS: tuple[Attack, ...] = (
    Attack(
        id="B7-detach-by-application",
        actor="app",
        does="take a table's views down",
        attempt=_DETACH,
        control="GRANT pgmask_store TO app",
        undo="REVOKE pgmask_store FROM app",
        expect=Refused("PM217"),
        proves=("B7", "B6"),
    ),
    Attack(
        id="B7-truths-in-window",
        actor="olga",
        does="read complete values of a table that is open for a migration",
        setup=_MEMBER,
        attempt=(_DETACH, "SET LOCAL ROLE pgmask_store",
                 "SELECT phone, id_no, email FROM crm_store.customer WHERE id < 5"),
        control=(PLAIN_AT_REST, _LET),
        undo=_NO_MEMBER,
        expect=Hides(SEALED, shows="139****5678"),
        proves=("B7", "B1"),
    ),
    Attack(
        id="B7-sealing-off-in-window",
        actor="olga",
        does="switch the sealing of a table off in a migration",
        setup=_MEMBER,
        attempt=Window("ALTER TABLE crm_store.customer DISABLE TRIGGER zzz_pgmask_update"),
        control=f"{_LET}; {_LET_SILENCED}",
        undo=_NO_MEMBER,
        expect=Refused("PM213"),
        proves=("B7", "F1"),
    ),
    *(
        Attack(
            id=f"B7-capturing-{name}",
            actor="olga",
            does=f"leave {does} in a migration",
            setup=_MEMBER,
            attempt=Window(*statements),
            control=_LET,
            undo=_NO_MEMBER,
            expect=Refused(code),
            proves=("B7", "B1"),
        )
        for name, (does, statements, code) in _CAPTURING.items()
    ),
    *(
        Attack(
            id=f"B7-planned-code-{name}",
            actor="olga",
            does=f"leave an {name} in a migration that calls her function, which PostgreSQL runs"
            " while it plans a query".replace("an check", "a CHECK").replace("an stat", "stat"),
            setup=_MEMBER + ";" + _OWN_CODE,
            attempt=Window(statement),
            control=_LET_PLANNED,
            undo=_NO_MEMBER,
            expect=Refused("PM257"),
            proves=("B7", "F1"),
        )
        for name, statement in _PLANNED.items()
    ),
    Attack(
        id="B7-planned-code-reported",
        actor="olga",
        does="make such an index beside a migration, unnoticed",
        setup=_OWN_CODE,
        attempt=Drift("SET ROLE pgmask_store;" + _PLANNED["index"] + "; RESET ROLE"),
        control=Drift.forget,
        expect=Noticed(("planted", "code")),
        proves=("B7", "D5"),
    ),
    Attack(
        id="B7-capturing-trigger-reported",
        actor="olga",
        does="leave a trigger that copies what applications write, unnoticed",
        setup=_MEMBER,
        attempt=capture_reported,
        control=Drift.forget,
        undo=_NO_MEMBER,
        expect=Noticed(("crm_store.customer", "triggers")),
        proves=("B7", "D5"),
    ),
    Attack(
        id="B7-capturing-trigger",
        actor="olga",
        does="have a trigger made in a migration copy what applications write from then on",
        setup=_MEMBER,
        attempt=capture,
        undo=_NO_MEMBER,
        expect=Gets(FRESH),
        limit=True,
        why="attach names the trigger in the migration, drift afterwards; nothing stored is opened",
        proves=(),
    ),
)  # fmt: skip
