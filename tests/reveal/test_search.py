"""Search: one value, one look-up, counted and noted before it answers (B2, B3)."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from typing import Any

import psycopg
import pytest

from pgmask.runtime import install
from tests.attack.people import FRESH, NEAR, OURS, RICH, THEIRS
from tests.harness import Connection
from tests.reveal.site import Site

pytestmark = pytest.mark.requirement("B3")
BY_PHONE = "SELECT id, phone FROM crm.customer_by_phone(%s)"


def search(site: Site, value: str | None, actor: str = "ann", query: str = BY_PHONE) -> list[Any]:
    with site.acting(actor) as one:
        return one.execute(query.encode(), (value,)).fetchall()


def refusal(site: Site, value: str | None, actor: str = "ann", query: str = BY_PHONE) -> str:
    with pytest.raises(psycopg.Error) as error:
        search(site, value, actor, query)
    assert OURS.phone not in str(error.value) + str(error.value.diag.context)
    return error.value.sqlstate or ""


def searched(site: Site) -> int:
    row = site.rows("SELECT count(*) FROM pgmask_audit.ticket WHERE kind = 'search'")
    return int(row[0][0])


MASK = "139****5678"


def test_a_hit_is_the_masked_row(site: Site) -> None:
    """In FROM, joined, in whatever form people write a number; never the truth."""
    wide = OURS.phone.translate({ord("0") + n: 0xFF10 + n for n in range(10)})
    for form in (OURS.phone, "139 1234 5678", "139-1234-5678", "+86 13912345678", wide):
        assert search(site, form) == [(1, MASK)]
    joined = (
        "SELECT c.id, p.product FROM crm.customer_by_phone(%s) AS c"
        " JOIN crm.policy AS p ON p.holder_id = c.id"
    )
    assert search(site, OURS.phone, query=joined) == [(1, "life")]
    assert search(site, OURS.id_no, query="SELECT id FROM crm.customer_by_id_no(%s)") == [(1,)]
    assert searched(site) == 7


def test_no_hit(site: Site) -> None:
    """A stranger's, nobody's, and the same for a value that is only in another unit's rows."""
    assert search(site, FRESH) == search(site, THEIRS.phone) == []
    assert search(site, THEIRS.phone, "ben") == [(2, "137****4321")]


def test_the_blind_index_is_no_proof(site: Site) -> None:
    """A row whose index collides is opened, compared, and left out."""
    site.root.execute("ALTER TABLE crm_store.customer DISABLE TRIGGER ALL")
    site.root.execute(
        "UPDATE crm_store.customer SET pgmask_bidx_phone ="
        " (SELECT pgmask_bidx_phone FROM crm_store.customer WHERE id = 1) WHERE id IN (4, 10)"
    )
    assert search(site, OURS.phone) == [(1, MASK)]


def test_what_is_not_a_value(site: Site) -> None:
    """A mask, a part, nothing: refused before it counts."""
    for value in (MASK, "1391234", "", None, "%", OURS.email):
        assert refusal(site, value) == "PM415"
    assert searched(site) == 0
    with site.acting() as one:
        row = one.execute("SELECT searches_left_today FROM pgmask.my_reveals('customer')")
        assert row.fetchone() == (60,)


def test_who_may_not_search(site: Site) -> None:
    with site.acting(strong=False) as one, pytest.raises(psycopg.Error) as weak:
        one.execute(BY_PHONE.encode(), (OURS.phone,))
    assert weak.value.sqlstate == "PM401"
    with pytest.raises(psycopg.Error) as nobody:
        site.connect().execute(BY_PHONE.encode(), (OURS.phone,))
    assert nobody.value.sqlstate == "PM101"
    assert refusal(site, OURS.phone, "otto", BY_PHONE.replace("crm.", "vip.")) == "PM402"
    assert refusal(site, OURS.phone, "vera") == "PM103"
    with pytest.raises(psycopg.Error) as stranger:
        site.connect("mallory").execute(BY_PHONE.encode(), (OURS.phone,))
    assert stranger.value.sqlstate == "42501"
    with pytest.raises(psycopg.Error) as none:
        search(site, OURS.phone, "cora", BY_PHONE.replace("crm.", "care."))
    assert none.value.sqlstate == "42883"  # a profile without search has no such function


@pytest.mark.requirement("D1")
def test_high_value_customers(site: Site) -> None:
    """Left out; whom the row rule would reach hears whom to call."""
    site.rows("SELECT pgmask.register_designation(18, 'north', NULL, NULL)")
    with pytest.raises(psycopg.Error) as error:
        search(site, RICH.phone)
    assert error.value.sqlstate == "PM408"
    assert error.value.diag.message_hint == "Call Vera (unit north)."
    assert search(site, RICH.phone, "ben") == []
    vip = BY_PHONE.replace("crm.", "vip.")
    assert search(site, RICH.phone, "vera", vip) == [(3, "136****0001")]


def test_in_bulk(site: Site) -> None:
    with site.acting() as one, pytest.raises(psycopg.Error) as error:
        one.execute("SELECT * FROM crm.customer_by_phone_bulk(%s)", ([OURS.phone, NEAR],))
    assert error.value.sqlstate == "PM417"


def test_the_limit_of_the_day(site: Site) -> None:
    """Counted whatever becomes of the transaction; a statement over many values is many."""
    vip = "FROM vip.customer_by_phone(g.value) AS c"
    loop = (
        "DO $$ BEGIN FOR i IN 1 .. 5 LOOP BEGIN"
        f" PERFORM c.id FROM (VALUES ('{FRESH}')) AS g (value), LATERAL (SELECT c.id {vip}) AS c;"
        " RAISE EXCEPTION 'undo'; EXCEPTION WHEN OTHERS THEN NULL; END; END LOOP; END $$"
    )
    with site.acting("vera") as one:
        one.execute(loop.encode())
    assert refusal(site, OURS.phone, "vera", BY_PHONE.replace("crm.", "vip.")) == "PM405"
    many = (
        "SELECT c.id FROM generate_series(1, 61) AS n,"
        " LATERAL crm.customer_by_phone(%s || lpad(n::text, 4, '0')) AS c"
    )
    with pytest.raises(psycopg.Error) as error:
        search(site, "1340000", query=many)
    assert error.value.sqlstate == "PM405"


def near(n: int) -> str:
    """Another number with the mask of OURS."""
    return f"139{n:04d}5678"


def test_circling_one_customer(site: Site) -> None:
    """Three guesses behind one mask are free; then no more searches, the right one included."""
    assert search(site, NEAR) == search(site, near(1)) == search(site, FRESH) == []
    assert search(site, near(2)) == []
    assert refusal(site, near(3)) == "PM416"
    assert refusal(site, OURS.phone) == "PM416"


def test_circling_undone_and_at_once(site: Site) -> None:
    """Exception blocks take no near miss back, and sixteen at once do not get past the limit."""
    got: list[str] = []
    start = threading.Barrier(16)
    open_ = [site.connect() for _ in range(16)]

    def work(one: Connection, n: int) -> None:
        start.wait()
        try:
            with site.acting(connection=one), one.transaction(force_rollback=True):
                one.execute(BY_PHONE.encode(), (near(n),))
            got.append("answered")
        except psycopg.Error as error:
            got.append(error.sqlstate or "")

    threads = [threading.Thread(target=work, args=(one, n)) for n, one in enumerate(open_)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(got) == ["PM416"] * 13 + ["answered"] * 3


def test_what_a_rollback_leaves(site: Site) -> None:
    """The ticket is gone; its note is in the log of transactions, signed, without the value."""
    slot = f"notes_{site.database.name}"
    site.rows("SELECT pg_create_logical_replication_slot(%s, 'test_decoding')", slot)
    try:
        one = site.connect()
        one.execute("BEGIN")
        site.log_in(one)
        one.execute(BY_PHONE.encode(), (OURS.phone,))
        one.execute("ROLLBACK")
        # Before 17 the note is in the log's buffer until somebody writes that out.
        site.rows("SELECT pg_switch_wal()")
        changes = site.rows("SELECT data FROM pg_logical_slot_get_changes(%s, NULL, NULL)", slot)
        # Reads and the log-in leave notes of another form.
        found = [data for (data,) in changes if "prefix: pgmask," in data and '{"' in data]
    finally:
        site.rows("SELECT pg_drop_replication_slot(%s)", slot)
    assert searched(site) == 0
    assert len(found) == 1
    text = found[0].partition("content:")[2]
    mac, note = text[:64], text[64:]
    secret = bytes(site.rows("SELECT secret FROM pgmask_private.audit_key")[0][0])
    assert hmac.new(secret, note.encode(), hashlib.sha256).hexdigest() == mac
    told = json.loads(note)
    assert (told["person"], told["profile"], told["table"], told["column"], told["login"]) == (
        11, "agent", "crm.customer", "phone", "app"
    )  # fmt: skip
    index = site.rows("SELECT pgmask_bidx_phone FROM crm_store.customer WHERE id = 1")[0][0]
    assert told["digest"] == str(index)
    assert OURS.phone not in note


def test_without_the_key_of_the_notes(site: Site) -> None:
    site.root.execute("DELETE FROM pgmask_private.audit_key")
    assert refusal(site, OURS.phone) == "PM421"
    with pytest.raises(psycopg.Error) as error:
        site.request()
    assert error.value.sqlstate == "PM800"  # the view's own read cannot be noted
    install(site.database.dsn())  # as after a restore, which brings no keys
    assert search(site, OURS.phone) == [(1, MASK)]


def test_what_is_looked_up_is_an_index(site: Site) -> None:
    """The look-up by blind index, the mask of near misses and the row itself."""
    site.root.execute("SET enable_seqscan = off")
    for query, index in (
        ("SELECT s FROM crm_store.customer AS s WHERE s.pgmask_bidx_phone = 1 LIMIT 100",
         "pgmask_customer_phone_bidx"),
        ("SELECT s FROM crm_store.customer AS s WHERE s.pgmask_bidx_id_no ="
         " '00000000-0000-0000-0000-000000000000' LIMIT 100", "pgmask_customer_id_no_search"),
        ("SELECT FROM crm_store.customer AS s WHERE s.unit_id = 'north' AND s.phone IN ('a', 'b')",
         "pgmask_customer_phone_mask"),
    ):  # fmt: skip
        plan = "\n".join(r[0] for r in site.rows(f"EXPLAIN {query}"))
        assert index in plan, plan
