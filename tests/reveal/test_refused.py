"""What a reveal refuses: who asks, why, and a ticket that does not hold (B2, B3, B8, C4)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.attack.people import OURS
from tests.harness import Connection
from tests.reveal.site import Site, ask, shown

pytestmark = pytest.mark.requirement("B2")


def code_of(attempt: Callable[[], object]) -> str:
    """The SQLSTATE that it meets; no error shows a value."""
    with pytest.raises(psycopg.Error) as error:
        attempt()
    assert OURS.phone not in str(error.value) + str(error.value.diag.context)
    return error.value.sqlstate or ""


def bring(site: Site, ticket: Any, actor: str = "ann", **claims: Any) -> dict[str, str | None]:
    with site.acting(actor, **claims) as one:
        return shown(one, ticket)


@pytest.mark.requirement("C2")
def test_who_may_not_ask(site: Site) -> None:
    """A weak grade, nobody, another profile, an old second factor, a service."""
    assert code_of(lambda: site.request(strong=False)) == "PM401"
    assert code_of(lambda: ask(site.connect())) == "PM101"
    now = int(time.time())
    assert code_of(lambda: site.request("carl")) == "PM401"
    assert code_of(lambda: site.request("carl", second_factor_at=now - 601)) == "PM401"
    ticket = site.request("carl", second_factor_at=now)
    assert code_of(lambda: bring(site, ticket, "carl", second_factor_at=now - 601)) == "PM401"
    assert code_of(lambda: bring(site, ticket, "carl")) == "PM401"
    assert bring(site, ticket, "carl", second_factor_at=now) == {"phone": OURS.phone}
    service = site.own_login(17, "analyst", "reports")
    assert code_of(lambda: ask(service, purpose="review")) == "PM401"


@pytest.mark.requirement("C4")
def test_outsourced_staff(site: Site) -> None:
    """Never, whatever the profile gives; and not with a ticket of before."""
    assert code_of(lambda: site.request("otto", columns=["phone"])) == "PM402"
    ticket = site.request("vera", columns=["phone"])
    assert bring(site, ticket, "vera") == {"phone": OURS.phone}
    site.rows("SELECT pgmask.register_person(18, 'Vera', 'north', 'outsourced')")
    assert code_of(lambda: bring(site, ticket, "vera")) == "PM402"


def test_purposes(site: Site) -> None:
    """A closed list; a business case of the same customer, open, and near."""
    for purpose, reference, expected in (
        ("curiosity", None, "PM403"),
        ("", None, "PM403"),
        ("claim", None, "PM403"),
        ("callback", "my phone is 13812345678, call me", "PM403"),
        ("callback", "x" * 65, "PM403"),
        ("claim", "C-1-closed", "PM404"),
        ("claim", "C-1-old", "PM404"),
        ("claim", "C-2-open", "PM404"),
        ("claim", "C-10-open", "PM404"),
        ("claim", "C-99", "PM404"),
    ):
        words = {"purpose": purpose, "reference": reference}
        assert code_of(lambda w=words: site.request(**w)) == expected  # type: ignore[misc]
    assert code_of(lambda: site.request(purpose=None)) == "PM403"  # type: ignore[arg-type]
    assert bring(site, site.request(purpose="claim", reference="C-1-open", columns=["phone"]))
    assert bring(site, site.request(key=10, purpose="claim", reference="C-10-open"))


@pytest.mark.requirement("B8")
def test_columns(site: Site) -> None:
    """Only what the profile lists; nothing else of the row, and no column of another table."""
    for columns in (["salary"], ["phone", "pgmask_sealed"], ["nothing"], [None], ["value"]):
        assert code_of(lambda c=columns: site.request(columns=c)) == "PM406"  # type: ignore[misc]
    assert code_of(lambda: site.request(table="crm.contact_log")) == "PM419"
    assert code_of(lambda: site.request(table="crm.nothing")) == "PM419"
    with site.acting() as one:
        assert code_of(lambda: one.execute("SELECT agent.customer_reveal(NULL)")) in (
            "42883", "3F000"
        )  # fmt: skip


def test_functions_of_another_profile(site: Site) -> None:
    """A role of the group alone may call them, and only as that profile."""
    ticket = site.request(columns=["phone"])
    mallory = site.connect("mallory")
    assert code_of(lambda: mallory.execute("SELECT crm.customer_reveal(%s)", (ticket,))) == "42501"
    with site.acting() as one:
        assert code_of(
            lambda: one.execute("SELECT care.customer_reveal(%s)", (ticket,))
        ) == "PM103"  # fmt: skip
    for name in ("redeem_ticket(NULL, '', '')", "open_for_reveal('', '', '', '', '', '')"):
        call = f"SELECT pgmask_private.{name}".encode()
        assert code_of(lambda c=call: mallory.execute(c)) == "42501"  # type: ignore[misc]


def test_in_the_same_transaction(site: Site) -> None:
    """Not as long as the record can be taken back, in whatever subtransaction."""
    for before, after in ((None, None), ("SAVEPOINT a", "RELEASE a"), ("SAVEPOINT b", None)):
        one = site.connect()
        one.execute("BEGIN")
        site.log_in(one)
        if before:
            one.execute(before.encode())
        ticket = ask(one)
        if after:
            one.execute(after.encode())
        assert code_of(lambda c=one, t=ticket: shown(c, t)) == "PM412"  # type: ignore[misc]
        one.execute("ROLLBACK")


def test_in_an_exception_block(site: Site) -> None:
    with site.acting() as one:
        assert code_of(lambda: one.execute(
            "DO $$ DECLARE t uuid; r record; BEGIN"
            " BEGIN t := pgmask.reveal_request('crm.customer', '1', NULL, 'callback');"
            " EXCEPTION WHEN division_by_zero THEN NULL; END;"
            " SELECT * INTO r FROM crm.customer_reveal(t); END $$"
        )) == "PM412"  # fmt: skip


def test_rolled_back(site: Site) -> None:
    one = site.connect()
    one.execute("BEGIN")
    site.log_in(one)
    ticket = ask(one)
    one.execute("ROLLBACK")
    assert code_of(lambda: bring(site, ticket)) == "PM410"


def test_prepared_transactions(site: Site) -> None:
    """Prepared is not committed; COMMIT PREPARED is."""
    one = site.connect()
    tickets = []
    for name in ("kept", "gone"):
        one.execute("BEGIN")
        site.log_in(one)
        tickets.append(ask(one, columns=["phone"]))
        one.execute(f"PREPARE TRANSACTION '{name}'".encode())
        assert code_of(lambda: bring(site, tickets[-1])) == "PM410"
    one.execute("COMMIT PREPARED 'kept'")
    one.execute("ROLLBACK PREPARED 'gone'")
    assert bring(site, tickets[0]) == {"phone": OURS.phone}
    assert code_of(lambda: bring(site, tickets[1])) == "PM410"


def test_an_older_snapshot(site: Site) -> None:
    one = site.connect()
    one.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    site.log_in(one)
    one.execute("SELECT count(*) FROM crm.customer")
    ticket = site.request()
    assert code_of(lambda: shown(one, ticket)) == "PM410"


def test_in_a_read_only_transaction(site: Site) -> None:
    """The request writes; what is on record already may be shown."""
    one = site.connect()
    one.execute("BEGIN READ ONLY")
    site.log_in(one)
    assert code_of(lambda: ask(one)) == "25006"
    one.execute("ROLLBACK")
    ticket = site.request(columns=["phone"])
    one.execute("BEGIN READ ONLY")
    site.log_in(one)
    assert shown(one, ticket) == {"phone": OURS.phone}


def test_whose_ticket_it_is(site: Site) -> None:
    """Another person, profile or login gets the answer for a ticket that never was."""
    ticket = site.request(columns=["phone"])
    assert code_of(lambda: bring(site, ticket, "ben")) == "PM410"
    assert code_of(lambda: bring(site, ticket, "vera")) == "PM410"
    assert code_of(lambda: bring(site, "00000000-0000-0000-0000-000000000000")) == "PM410"
    assert code_of(lambda: bring(site, None)) == "PM410"
    with site.acting("vera") as one:
        assert code_of(
            lambda: one.execute("SELECT vip.customer_reveal(%s)", (ticket,))
        ) == "PM410"  # fmt: skip
    other = site.own_login(11, "agent")
    assert code_of(lambda: shown(other, ticket)) == "PM410"
    assert code_of(lambda: other.execute("SELECT crm.customer_reveal(%s)", (ticket,))) == "PM410"
    with site.acting() as one:
        assert code_of(lambda: one.execute("SELECT crm.policy_reveal(%s)", (ticket,))) == "PM410"
    assert bring(site, ticket) == {"phone": OURS.phone}


def test_an_expired_ticket(site: Site) -> None:
    """The superuser's hand writes one of a minute ago; nobody can make one older or younger."""
    ticket = site.request(columns=["phone"])
    copied = (
        "INSERT INTO pgmask_audit.ticket SELECT (jsonb_populate_record(t, jsonb_build_object("
        "'ticket_id', gen_random_uuid(), 'xid', pg_current_xact_id(),"
        " 'expires_at', t.at + interval '{life} s'))).*"
        " FROM pgmask_audit.ticket AS t WHERE t.ticket_id = %s RETURNING ticket_id"
    )
    old = site.rows(copied.format(life=0), ticket)[0][0]
    young = site.rows(copied.format(life=60), ticket)[0][0]
    assert code_of(lambda: bring(site, old)) == "PM411"
    assert bring(site, young) == {"phone": OURS.phone}


def test_clearance_that_is_gone(site: Site) -> None:
    """Between the steps the row, the profile or the person's standing may change."""
    ticket = site.request(columns=["phone"])
    site.root.execute("UPDATE crm_store.customer SET pgmask_restricted = true WHERE id = 1")
    assert code_of(lambda: bring(site, ticket)) == "PM407"
    site.root.execute("UPDATE crm_store.customer SET pgmask_restricted = false WHERE id = 1")
    site.root.execute("UPDATE crm_store.customer SET unit_id = 'south' WHERE id = 1")
    assert code_of(lambda: bring(site, ticket)) == "PM407"
    site.root.execute("UPDATE crm_store.customer SET unit_id = 'north' WHERE id = 1")
    site.root.execute("ALTER TABLE pgmask_audit.ticket DISABLE TRIGGER a_only_added")
    site.root.execute("UPDATE pgmask_audit.ticket SET columns = '{salary}'")
    assert code_of(lambda: bring(site, ticket)) == "PM406"
    site.root.execute("UPDATE pgmask_audit.ticket SET columns = '{phone}', subject_key = '10'")
    assert code_of(lambda: bring(site, ticket)) == "PM407"
    site.root.execute("UPDATE pgmask_audit.ticket SET subject_key = '1'")
    assert bring(site, ticket) == {"phone": OURS.phone}
    site.rows("SELECT pgmask.register_standing(11, 'suspended', 'test')")
    assert code_of(lambda: bring(site, ticket)) == "PM103"


def test_a_transaction_of_another_time(site: Site) -> None:
    """After a restore a ticket may name a transaction that is still to come, or long forgotten."""
    ticket = site.request()
    site.root.execute("ALTER TABLE pgmask_audit.ticket DISABLE TRIGGER a_only_added")
    for xid in ("9000000000000", "3"):
        site.root.execute("UPDATE pgmask_audit.ticket SET xid = %s::text::xid8", (xid,))
        with pytest.raises(psycopg.Error) as error:
            bring(site, ticket)
        assert error.value.sqlstate == "PM412" or xid == "3"


def test_tickets_are_only_added(site: Site) -> None:
    """By nobody changed, deleted or emptied; by nobody but the functions added."""
    site.request()
    for statement in (
        "UPDATE pgmask_audit.ticket SET purpose = 'x'",
        "DELETE FROM pgmask_audit.ticket",
        "TRUNCATE pgmask_audit.ticket",
        "SET session_replication_role = replica; DELETE FROM pgmask_audit.ticket",
    ):
        assert code_of(lambda s=statement: site.root.execute(s.encode())) == "PM418"  # type: ignore[misc]
    for login in ("app", "installer", "mallory"):
        one = site.connect(login)
        met = code_of(lambda c=one: c.execute("DELETE FROM pgmask_audit.ticket"))  # type: ignore[misc]
        assert met == ("PM418" if login == "installer" else "42501")


SETTINGS = (
    "SET transform_null_equals = on",
    "SET plan_cache_mode = force_generic_plan",
    "SET TimeZone = 'Pacific/Kiritimati'; SET DateStyle = 'SQL, DMY'",
    "SET search_path = pg_temp; CREATE TEMP TABLE ticket (ticket_id uuid);"
    " CREATE FUNCTION pg_temp.refuse_reveal(text, text, text, text) RETURNS text"
    " LANGUAGE sql AS 'SELECT NULL'",
    "SET bytea_output = escape; SET IntervalStyle = iso_8601; SET quote_all_identifiers = on",
)


@pytest.mark.requirement("B3")
def test_settings_of_the_caller_change_nothing(site: Site) -> None:
    for settings in SETTINGS:
        one = site.connect()
        one.execute(settings.encode())
        _both(site, one)


def _both(site: Site, one: Connection) -> None:
    with site.acting(connection=one):
        ticket = ask(one, columns=["phone"], purpose="claim", reference="C-1-open")
        inside = one.execute("SAVEPOINT a")
        assert inside is not None
        assert code_of(lambda: shown(one, ticket)) == "PM412"
        one.execute("ROLLBACK TO a")
    with site.acting(connection=one):
        assert shown(one, ticket) == {"phone": OURS.phone}
