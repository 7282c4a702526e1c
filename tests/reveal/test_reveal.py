"""Two steps: a ticket that is committed, then one record as it is (B2)."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tests.attack.people import CARED, OURS, RICH, THEIRS, id_no
from tests.reveal.site import Site, ask, shown

pytestmark = pytest.mark.requirement("B2")


def test_a_row_of_the_views_shape(site: Site) -> None:
    """Complete in the asked columns, masked in the others; typed and untyped."""
    ticket = site.request(columns=["phone", "email"])
    with site.acting() as one:
        view = one.execute("SELECT * FROM crm.customer WHERE id = 1")
        masked, shape = view.fetchone(), _shape(view)
        row = one.execute("SELECT * FROM crm.customer_reveal(%s)", (ticket,))
        found = row.fetchone()
        assert _shape(row) == shape
        assert masked is not None
        assert found is not None
        names = [d.name for d in view.description or ()]
        seen, was = dict(zip(names, found, strict=True)), dict(zip(names, masked, strict=True))
        assert (seen["phone"], seen["email"]) == (OURS.phone, OURS.email)
        assert seen["id_no"] == was["id_no"] != OURS.id_no
        assert {n: v for n, v in seen.items() if n not in ("phone", "email")} == {
            n: v for n, v in was.items() if n not in ("phone", "email")
        }
        assert shown(one, ticket) == {"phone": OURS.phone, "email": OURS.email}


def _shape(cursor: psycopg.Cursor[Any]) -> list[tuple[Any, ...]]:
    return [(d.name, d.type_code, d.internal_size) for d in cursor.description or ()]


def test_what_the_ticket_says(site: Site) -> None:
    """Who, as what, why, of whom, which columns; never a value."""
    ticket = site.request(columns=["phone"], purpose="claim", reference="C-1-open")
    row = site.rows(
        "SELECT person_id, profile, unit_id, grade, issuer, login, purpose, reference, table_id,"
        " row_key, subject_class, subject_key, columns, outcome FROM pgmask_audit.ticket"
        " WHERE ticket_id = %s", ticket,
    )  # fmt: skip
    assert row == [
        (
            11, "agent", "north", "challenge", "crm-web", "app", "claim", "C-1-open",
            "crm.customer", ["1"], "customer", "1", ["phone"], "issued",
        )
    ]  # fmt: skip
    assert OURS.phone not in str(site.rows("SELECT t::text FROM pgmask_audit.ticket AS t"))


def test_nothing_asked_is_everything_of_the_profile(site: Site) -> None:
    nothing: list[str] = []
    for columns in (None, nothing):
        with site.acting() as one:
            ticket = ask(one, columns=columns)
        with site.acting() as one:
            assert shown(one, ticket) == {
                "phone": OURS.phone, "id_no": OURS.id_no, "email": OURS.email
            }  # fmt: skip


def test_a_persons_own_login(site: Site) -> None:
    """Grade login: whoever has a login of the database brings no assertion; hidden columns open."""
    alan = site.connect("alan")
    ticket = ask(alan, columns=["phone", "salary"], purpose="review")
    assert shown(alan, ticket) == {"phone": OURS.phone, "salary": str(OURS.salary)}
    row = alan.execute(
        "SELECT phone, salary, id_no FROM analyst.customer_reveal(%s)", (ticket,)
    ).fetchone()
    assert row == (OURS.phone, OURS.salary, None)


def test_another_persons_information_in_the_row(site: Site) -> None:
    """The subject of the column is named by the ticket, not the holder of the policy."""
    key = site.rows("SELECT id FROM crm_store.policy WHERE holder_id = 10")[0][0]
    site.root.execute("UPDATE crm_store.policy SET insured_id = 12 WHERE id = %s", (key,))
    ticket = site.request(key=key, table="crm.policy")
    with site.acting() as one:
        assert shown(one, ticket) == {"insured_id_no": id_no(710)}
    assert site.rows("SELECT subject_class, subject_key FROM pgmask_audit.ticket") == [
        ("customer", "12")
    ]


def test_a_key_of_several_columns(site: Site) -> None:
    now = site.rows("SELECT extract(epoch FROM clock_timestamp())")[0][0]
    id_, at, phone = site.rows(
        "SELECT id, at::text, customer_id FROM crm_store.contact_log WHERE customer_id = 1"
    )[0]
    assert phone == 1
    with site.acting("carl", second_factor_at=int(now)) as one:
        ticket = one.execute(
            "SELECT pgmask.reveal_request('contact_log', %s::text[], '{value}', 'callback')",
            ([str(id_), at],),
        ).fetchone()
    with site.acting("carl", second_factor_at=int(now)) as one:
        assert ticket is not None
        assert shown(one, ticket[0]) == {"value": OURS.phone}


@pytest.mark.requirement("D1")
def test_high_value_customers(site: Site) -> None:
    """Whom the row rule would reach hears whom to call; a designated person sees him."""
    assert refused(site, "ann", key=RICH.id) == ("PM408", "Call ")
    site.rows("SELECT pgmask.register_designation(18, 'north', NULL, NULL)")
    assert refused(site, "ann", key=RICH.id) == ("PM408", "Call Vera (unit north).")
    assert refused(site, "ben", key=RICH.id)[0] == "PM407"
    ticket = site.request("vera", key=RICH.id, columns=["phone", "name"])
    with site.acting("vera") as one:
        assert shown(one, ticket) == {"phone": RICH.phone, "name": RICH.name}


def refused(site: Site, actor: str, **words: Any) -> tuple[str, str]:
    """Code of a refused request, and its hint as far as it is expected."""
    with pytest.raises(psycopg.Error) as error:
        site.request(actor, **words)
    hint = error.value.diag.message_hint or ""
    return error.value.sqlstate or "", hint if "Vera" in hint else hint[:5]


@pytest.mark.requirement("C1")
def test_foreign_absent_and_hidden_rows_answer_the_same(site: Site) -> None:
    site.root.execute("UPDATE crm_store.customer SET pgmask_restricted = true WHERE id = 12")
    said = set()
    for key in (THEIRS.id, 424242, 12, "x", "", "99999999999999999999"):
        with pytest.raises(psycopg.Error) as error:
            site.request(key=key)
        diag = error.value.diag
        said.add((error.value.sqlstate, diag.message_primary, diag.message_detail,
                  diag.message_hint, (diag.context or "").splitlines()[-1]))  # fmt: skip
    assert {s[0] for s in said} == {"PM407"}
    assert {s[2] for s in said} == {None}, "no empty line where there is no detail"
    assert len({s[:4] for s in said}) == 1


def test_assigned_customers_only(site: Site) -> None:
    ticket = site.request("cora", key=CARED.id)
    with site.acting("cora") as one:
        assert shown(one, ticket) == {"phone": CARED.phone}
    assert refused(site, "cora", key=OURS.id)[0] == "PM407"


def test_level_2_where_it_is_listed(site: Site) -> None:
    """A masked or hidden column of level 2 opens like the others, for ordinary customers too."""
    site.rows("SELECT pgmask.register_post_profile('agent', 'desk')")
    desk = site.own_login(11, "desk")
    ticket = ask(desk, key=THEIRS.id, columns=["name", "region", "salary", "phone"])
    assert shown(desk, ticket) == {
        "name": THEIRS.name, "region": THEIRS.region, "salary": str(THEIRS.salary),
        "phone": THEIRS.phone,
    }  # fmt: skip


def test_what_the_caller_is_told(site: Site) -> None:
    """my_reveals counts without counting."""
    site.request()
    for _ in range(2):
        with site.acting() as one:
            row = one.execute(
                "SELECT columns, per_day, left_today, left_this_month, search_per_day,"
                " searches_left_today, near_left_today FROM pgmask.my_reveals('customer')"
            ).fetchone()
            assert row == (["email", "id_no", "phone"], 30, 29, 299, 60, 60, 3)
    with site.acting() as one:
        assert one.execute("SELECT table_id FROM pgmask.my_reveals()").fetchall() == [
            ("crm.customer",), ("crm.policy",)
        ]  # fmt: skip
