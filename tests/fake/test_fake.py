"""Invented truths: of valid form, one person per subject, never over a truth."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from pgmask.apply import fake as filling
from pgmask.apply import seal_finish as ending
from pgmask.apply.fake_persons import invent_persons
from pgmask.errors import Refused
from pgmask.runtime.environment import declare_production
from tests.fake import world
from tests.harness import Database

# What the sealed bundles hold, opened as the trigger's owner can: for looking only.
OPEN = """
CREATE FUNCTION pg_temp.truth(p_table text, p_bundle text, p_class text, p_key text, p_row jsonb,
                              p_sealed bytea)
RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_kek integer := pgmask_private.current_kek();
  v_content bytea := pgmask_private.key_content(v_kek);
  v_data_key bytea := pgmask_private.data_key(v_content, v_kek, p_class, p_key);
BEGIN
  RETURN convert_from(pgmask_private.siv_open(substr(v_data_key, 5),
    (jsonb_build_array(p_table, p_bundle) || p_row)::text, p_sealed, 'pkcs'), 'UTF8')::jsonb;
END $$;
"""
CUSTOMERS = """
SELECT c.id, c.birth_date, c.sex, c.phone, c.id_no,
       pg_temp.truth('crm.customer', 'own', 'customer', c.id::text, jsonb_build_array(c.id),
                     c.pgmask_sealed) AS own
  FROM crm_store.customer AS c ORDER BY c.id
"""


def fill(database: Database, seed: int = 0) -> dict[str, filling.Filled]:
    with psycopg.connect(database.dsn(), autocommit=True) as connection:
        known, tables = filling.fakeable(connection)
        return {t.id: filling.fill(connection, known, t, seed=seed) for t in tables}


def interrupted(database: Database, seed: int) -> None:
    """A run that ends after its first batch of customers."""

    def stop(now: filling.Filling) -> None:
        if now.done:
            raise KeyboardInterrupt

    with psycopg.connect(database.dsn(), autocommit=True) as connection:
        known, tables = filling.fakeable(connection)
        customers = next(t for t in tables if t.id == "crm.customer")
        for table in tables:
            if table is not customers:
                filling.fill(connection, known, table, seed=seed)
        with pytest.raises(KeyboardInterrupt):
            filling.fill(connection, known, customers, seed=seed, batch_rows=50, report=stop)


def look(database: Database, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database.dsn()) as connection:
        connection.execute("SET ROLE pgmask_sealer")
        connection.execute(OPEN)
        return connection.execute(query.encode()).fetchall()


@pytest.mark.requirement("F1", "F4")
def test_every_mask_gets_a_valid_truth_that_agrees_with_it(masks: Database) -> None:
    before = dict(masks.rows("SELECT id, phone FROM crm_store.customer", user="postgres"))
    done = fill(masks)
    assert {t: f.refused for t, f in done.items() if f.refused} == {}
    assert done["crm.customer"].rows == len(before)
    rows = look(masks, CUSTOMERS)
    assert len(rows) == len(before)
    for number, _, sex, phone, id_no, own in rows:
        # The visible part is the dump's; nothing masked is left without a truth.
        assert phone == before[number]
        assert own["phone"][:3] == phone[:3]
        assert own["phone"][-4:] == phone[-4:]
        assert own["id_no"].startswith(id_no.rstrip("*"))
        assert (int(own["id_no"][16 if len(id_no) == 18 else 14]) % 2 == 1) == (sex == "M")
        assert "*" not in "".join(own.values())
    # The validators of the runtime decide, not ours.
    wrong = look(
        masks,
        f"SELECT c.id FROM ({CUSTOMERS}) AS c WHERE NOT (pgmask.valid_mobile(own ->> 'phone')"
        " AND pgmask.valid_cn_id_card(own ->> 'id_no')"
        " AND pgmask.birth_date_of_cn_id_card(own ->> 'id_no')"
        "     = coalesce(c.birth_date, (own ->> 'birth_date')::date)"
        " AND (own ->> 'email' IS NULL OR pgmask.valid_email(own ->> 'email'))"
        " AND pgmask.valid_postal_address(own ->> 'address'))",
    )
    assert wrong == []
    with psycopg.connect(masks.dsn(), autocommit=True) as connection:
        for table in ending.deployed(connection).tables:
            assert ending.verify(masks.dsn(), table) == (), table.id


@pytest.mark.requirement("A6", "D2")
def test_a_person_is_the_same_in_every_table_and_high_value_ones_are_sealed(
    masks: Database,
) -> None:
    fill(masks)
    found = look(
        masks,
        f"WITH c AS ({CUSTOMERS}) SELECT p.id, c.own ->> 'id_no', c.own ->> 'phone', t.t"
        "  FROM crm_store.policy AS p JOIN c ON c.id = p.insured_id,"
        " LATERAL (SELECT pg_temp.truth('crm.policy', 'insured_id', 'customer',"
        "   p.insured_id::text, jsonb_build_array(p.id), p.pgmask_sealed_insured_id)) AS t (t)",
    )
    assert found
    for _, id_no, phone, insured in found:
        assert insured["insured_id_no"] == id_no
        assert insured.get("insured_phone") in (None, phone)
    high = look(
        masks,
        "SELECT name, own ->> 'name' FROM crm_store.customer AS c, LATERAL (SELECT pg_temp.truth("
        "'crm.customer', 'own', 'customer', c.id::text, jsonb_build_array(c.id), c.pgmask_sealed))"
        " AS o (own) WHERE c.pgmask_high_value",
    )
    assert high
    for stored, truth in high:
        assert "*" in stored
        assert "*" not in truth
        assert len(truth) == len(stored)
    holders = look(
        masks,
        "SELECT count(*) FROM crm_store.policy AS p JOIN crm_store.customer AS c"
        " ON c.id = p.holder_id WHERE c.pgmask_high_value AND NOT p.pgmask_high_value",
    )
    assert holders == [(0,)]


@pytest.mark.requirement("F4")
def test_the_same_seed_gives_the_same_values_and_a_second_run_changes_nothing(
    server: Any, masks: Database
) -> None:
    fill(masks, seed=7)
    first = look(masks, CUSTOMERS)
    again = fill(masks, seed=8)
    assert {f.rows for f in again.values()} == {0}
    assert look(masks, CUSTOMERS) == first
    with server.database(template="fake_masks") as other:
        interrupted(other, seed=7)
        assert fill(other, seed=7)["crm.customer"].rows == len(first) - 50
        assert look(other, CUSTOMERS) == first
    with server.database(template="fake_masks") as other:
        fill(other, seed=8)
        changed = look(other, CUSTOMERS)
        assert [r[5] for r in changed] != [r[5] for r in first]
        assert [r[3] for r in changed] == [r[3] for r in first]


@pytest.mark.requirement("F3")
@pytest.mark.attack
def test_invented_values_never_meet_real_ones(masks: Database, production: Database) -> None:
    # Control: a database of masks is filled.
    assert fill(masks)["crm.lead"].rows > 0
    with pytest.raises(Refused) as error, psycopg.connect(production.dsn()) as connection:
        filling.fakeable(connection)
    assert error.value.code == "PM354"
    said = str(error.value.detail)
    assert "the database is production" in said
    assert "provider loaded" in said
    assert "crm.customer: 200 sealed values are not of this key" in said


@pytest.mark.requirement("F3")
@pytest.mark.attack
def test_plain_values_in_a_test_database_stop_it(masks: Database) -> None:
    """One row with a real number, put there past the views, as by a careless load."""
    root = masks.superuser()
    root.execute("ALTER TABLE crm_store.lead DISABLE TRIGGER USER")
    root.execute("ALTER TABLE crm_store.lead DROP CONSTRAINT pgmask_mask_phone")
    root.execute("UPDATE crm_store.lead SET phone = '13800001234' WHERE id ="
                 " (SELECT min(id) FROM crm_store.lead)")  # fmt: skip
    root.execute("ALTER TABLE crm_store.lead ENABLE TRIGGER USER")
    with pytest.raises(Refused) as error:
        fill(masks)
    assert "crm.lead: 1 rows hold values that are no masks" in str(error.value.detail)
    assert "13800001234" not in str(error.value) + str(error.value.detail)


@pytest.mark.requirement("C2", "C6")
def test_invented_persons_may_work(masks: Database) -> None:
    wanted = world.catalogue("test")
    with psycopg.connect(masks.dsn()) as connection:
        known = ending.deployed(connection)
        made = list(invent_persons(connection, wanted, known.facts))
        again = list(invent_persons(connection, wanted, known.facts))
        assert [p.number for p in again] == [p.number for p in made]
    profiles = {p.profile for p in made}
    assert profiles == {p.name for p in wanted.profiles}
    honoured = masks.rows(
        "SELECT count(DISTINCT person_id) FROM pgmask_private.effective_profile", user="postgres"
    )
    assert honoured == [(len(made),)]


@pytest.mark.requirement("C2")
@pytest.mark.attack
def test_no_invented_person_is_let_into_production(production: Database) -> None:
    wanted = world.catalogue(None)
    with psycopg.connect(production.dsn()) as connection:
        known = ending.deployed(connection)
        with pytest.raises(Refused) as error:
            list(invent_persons(connection, wanted, known.facts))
    assert error.value.code == "PM354"


def test_declared_production_is_refused_whatever_the_catalogue_says(server: Any) -> None:
    with server.database(template=server.template("fake_bare", _bare)) as made:
        with psycopg.connect(made.dsn()) as connection:
            declare_production(connection)
        with pytest.raises(Refused) as error:
            world.apply(made, world.catalogue("test"))
        assert error.value.code == "PM352"


def _bare(database: Database) -> None:
    database.run((world.EXAMPLE / "schema.sql").read_text("utf-8"))
    from pgmask.runtime import install

    install(database.dsn())
