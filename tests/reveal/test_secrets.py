"""No complete value in a plan, notice, error or statistic of a reveal or a search (A51, B12)."""

from __future__ import annotations

import pytest

from tests.attack.people import NEAR, OURS
from tests.harness import Connection
from tests.reveal.site import Site, ask

pytestmark = pytest.mark.requirement("B2", "F1")
DEBUG = (
    "SET client_min_messages = debug1; SET debug_print_plan = on; SET debug_print_parse = on;"
    " SET debug_print_rewritten = on; SET debug_pretty_print = off;"
    " SET plan_cache_mode = force_custom_plan"
)
SPACED = f"{NEAR[:3]} {NEAR[3:7]} {NEAR[7:]}"
QUIET = "SET debug_print_plan = off; SET debug_print_parse = off; SET debug_print_rewritten = off"


def listening(one: Connection) -> list[str]:
    """Everything the server says to this connection from now on."""
    heard: list[str] = []
    one.add_notice_handler(
        lambda d: heard.append(
            f"{d.message_primary} {d.message_detail} {d.context} {d.internal_query}"
        )
    )
    return heard


def as_bytes(value: str) -> str:
    """How a text constant stands in a printed plan: its bytes, one by one."""
    return " ".join(str(b) for b in value.encode())


def debugged(one: Connection, query: str, *values: object) -> None:
    """The query under every kind of debug output; SET of those needs no privilege."""
    for setting in DEBUG.split("; "):
        one.execute(setting.encode())
    one.execute(query.encode(), values).fetchall()
    one.execute(QUIET.encode())


def test_plans_show_no_value(site: Site) -> None:
    """The control is a value in a statement of PL/pgSQL: that one is printed."""
    ticket = site.request(columns=["phone", "email", "id_no"])
    one = site.connect()
    heard = listening(one)
    with site.acting(connection=one):
        debugged(one, "SELECT id FROM crm.customer_reveal(%s)", ticket)
        debugged(one, "SELECT column_name FROM pgmask.reveal(%s)", ticket)
        debugged(one, "SELECT id FROM crm.customer_by_phone(%s)", SPACED)
    text = "\n".join(heard)
    assert len(text) > 10_000  # the plans are there
    for secret in (OURS.phone, OURS.email, OURS.id_no, NEAR):
        assert secret not in text
        assert as_bytes(secret) not in text
    # As it was written it stands in the caller's own statement, and in none of ours.
    inside = [h for h in heard if "PL/pgSQL function" in h]
    assert len(inside) > 10
    assert not any(as_bytes(SPACED) in h or SPACED in h for h in inside)
    site.root.execute(
        "CREATE FUNCTION pgmask.naive(p_id bigint) RETURNS bigint LANGUAGE plpgsql"
        " SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ DECLARE v text; n bigint;"
        f" BEGIN v := '{OURS.phone}'; SELECT count(*) INTO n FROM pg_class WHERE relname = v;"
        " RETURN n; END $$"
    )
    with site.acting(connection=one):
        debugged(one, "SELECT pgmask.naive(1)")
    assert as_bytes(OURS.phone) in "\n".join(heard)


def test_records_and_statistics_show_no_value(site: Site) -> None:
    site.request(columns=["phone"])
    with site.acting() as one:
        one.execute("SELECT id FROM crm.customer_by_phone(%s)", (OURS.phone,)).fetchall()
        ticket = ask(one, columns=["phone"])
        assert ticket
    site.root.execute("ANALYZE pgmask_audit.ticket")
    told = site.rows(
        "SELECT t::text FROM pgmask_audit.ticket AS t UNION ALL SELECT s::text FROM pg_stats AS s"
        " WHERE schemaname LIKE 'pgmask%'"
    )
    assert told
    assert OURS.phone not in str(told)
