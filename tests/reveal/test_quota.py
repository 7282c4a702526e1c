"""Limits that nothing takes back: per person, per customer, per share of the own ones (B2, B3)."""

from __future__ import annotations

import threading
import time
from typing import Any

import psycopg
import pytest

from tests.attack.people import OURS, VISIBLE_TO_ANN, customers
from tests.reveal.site import Site, ask, shown

pytestmark = pytest.mark.requirement("B2", "B3")
OWN = [c.id for c in customers() if c.unit == "north" and c.grade == "basic"]
LOOP = (
    "DO $$ BEGIN FOR i IN 1 .. {rounds} LOOP BEGIN"
    " PERFORM pgmask.reveal_request('crm.customer', '1', NULL, 'callback');"
    " RAISE EXCEPTION 'undo'; EXCEPTION WHEN OTHERS THEN NULL; END; END LOOP; END $$"
)


def refusal(site: Site, actor: str = "ann", **words: Any) -> tuple[str, str]:
    with pytest.raises(psycopg.Error) as error:
        site.request(actor, **words)
    return error.value.sqlstate or "", error.value.diag.message_detail or ""


def tickets(site: Site) -> int:
    return int(site.rows("SELECT count(*) FROM pgmask_audit.ticket")[0][0])


def left(site: Site, actor: str = "ann") -> int:
    with site.acting(actor) as one:
        row = one.execute("SELECT left_today FROM pgmask.my_reveals('customer')").fetchone()
        assert row is not None
        return int(row[0])


def test_a_loop_that_takes_everything_back(site: Site) -> None:
    """Thirty requests undone in exception blocks are thirty requests; a table forgets them."""
    with site.acting() as one:
        one.execute(LOOP.format(rounds=29).encode())
    assert (tickets(site), left(site)) == (0, 1)
    site.request()
    assert refusal(site) == ("PM405", "Reveals today: 30 of 30, none left.")
    # The control: a counter in a table.
    site.root.execute(
        "CREATE TABLE pgmask_private.naive (person bigint, n bigint);"
        " ALTER TABLE pgmask_private.naive OWNER TO pgmask_owner;"
        " CREATE OR REPLACE FUNCTION pgmask_private.count_up(p_what text, p_person bigint)"
        " RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp"
        " AS $$ BEGIN INSERT INTO pgmask_private.naive VALUES (p_person, 1);"
        " RETURN (SELECT count(*) FROM pgmask_private.naive AS n WHERE n.person = p_person); END $$"
    )
    with site.acting() as one:
        one.execute(LOOP.format(rounds=90).encode())
    site.request()


def test_over_all_keys_at_once(site: Site) -> None:
    """One statement over many keys is as many requests; over the limit none of them stays."""
    ask_all = (
        "SELECT crm.customer_reveal_request(ARRAY['1'], NULL, 'callback', 'n-' || n)"
        " FROM generate_series(1, 31) AS n"
    )
    with pytest.raises(psycopg.Error) as error, site.acting() as one:
        one.execute(ask_all.encode())
    assert (error.value.sqlstate, tickets(site), left(site)) == ("PM405", 0, 0)


def test_what_many_tickets_show(site: Site) -> None:
    """As many records as tickets; by LATERAL, by a cursor, and never one without."""
    with site.acting() as one:
        given = [r[0] for r in one.execute(
            "SELECT t FROM unnest(ARRAY['1', '10', '12']) AS k,"
            " LATERAL crm.customer_reveal_request(ARRAY[k], '{phone}', 'callback') AS t"
        ).fetchall()]  # fmt: skip
    with site.acting() as one:
        rows = one.execute(
            "SELECT r.id, r.phone FROM unnest(%s::uuid[]) AS t, LATERAL crm.customer_reveal(t) AS r"
            " ORDER BY r.id", (given,),
        ).fetchall()  # fmt: skip
        assert rows == [(c.id, c.phone) for c in customers() if c.id in (1, 10, 12)]
    with site.acting() as one:
        one.execute(
            "DECLARE c CURSOR FOR SELECT (crm.customer_reveal(t)).phone"
            " FROM crm.customer_reveal_request(ARRAY['1'], NULL, 'callback') AS t"
        )
        with pytest.raises(psycopg.Error) as error, one.transaction():
            one.execute("FETCH c")
        assert error.value.sqlstate == "PM412"
    assert tickets(site) == 3


def test_the_month(site: Site) -> None:
    for _ in range(4):
        site.request("cora", key=4)
    assert refusal(site, "cora", key=4) == ("PM405", "Reveals this month: 4 of 4, none left.")
    site.rows(
        "SELECT setval('pgmask_private.counter_reveal_month_16', last_value - 10000000)"
        " FROM pgmask_private.counter_reveal_month_16"
    )
    site.request("cora", key=4)


def test_one_customer(site: Site) -> None:
    """Twice a day, whoever asks; another customer is another count."""
    for _ in range(2):
        site.request("vera")
    assert refusal(site, "vera") == ("PM405", "Reveals of this customer today: 2 of 2, none left.")
    site.request("vera", key=10)
    assert refusal(site, "vera")[0] == "PM405"


def test_the_share_of_the_own_customers(site: Site) -> None:
    """A fifth of those his view shows; the same customer again costs nothing of it."""
    most = -(-VISIBLE_TO_ANN * 20 // 100)
    for key in OWN[:most]:
        site.request("hugo", key=key)
    code, detail = refusal(site, "hugo", key=OWN[most])
    assert (code, detail) == (
        "PM405", f"Customers this month: {most + 1}, more than 20 per cent of the own ones."
    )  # fmt: skip
    site.request("hugo", key=OWN[0])


def test_in_an_older_snapshot(site: Site) -> None:
    """What is counted by tickets is not asked for where new tickets are not seen."""
    for actor in ("vera", "hugo"):
        one = site.connect()
        one.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        site.log_in(one, actor)
        with pytest.raises(psycopg.Error) as error:
            ask(one)
        assert error.value.sqlstate == "PM414"


def race(site: Site, actor: str, key: int, **claims: Any) -> list[str]:
    """Sixteen connections at once, each with one request; what each got."""
    found: list[str] = []
    start = threading.Barrier(16)
    open_ = [site.connect() for _ in range(16)]

    def work(one: Any) -> None:
        start.wait()
        try:
            with site.acting(actor, connection=one, **claims):
                ask(one, key, ["phone"])
            found.append("")
        except psycopg.Error as error:
            found.append(error.sqlstate or "")

    threads = [threading.Thread(target=work, args=(one,)) for one in open_]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return sorted(found)


def test_sixteen_at_once(site: Site) -> None:
    """Five of a day are five, two of a customer are two; at the turn of a day as well."""
    site.rows("SELECT setval('pgmask_private.counter_reveal_day_15', 20000::bigint * 10000000 + 4)")
    now = int(time.time())
    won = race(site, "carl", 1, second_factor_at=now)
    assert set(won) == {"", "PM405"}
    assert won.count("") == tickets(site)
    assert won.count("") == 5
    assert race(site, "vera", 10) == [""] * 2 + ["PM405"] * 14


def test_without_a_counter(site: Site) -> None:
    """A counter that is gone refuses; making it anew is not the asking person's."""
    site.root.execute("DROP SEQUENCE pgmask_private.counter_reveal_day_11")
    assert refusal(site) == ("PM405", "The person has no counter.")
    assert site.rows("SELECT pgmask_private.ensure_counters()") == [(1,)]
    assert site.rows("SELECT pgmask_private.ensure_counters()") == [(0,)]
    ticket = site.request(columns=["phone"])
    with site.acting() as one:
        assert shown(one, ticket) == {"phone": OURS.phone}
