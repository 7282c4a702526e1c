"""Models over protected tables: read, write, count, lock; nobody and another are refused."""

from __future__ import annotations

import datetime
import threading
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import Count, F, Sum, Value
from django.db.models.functions import Concat

from pgmask.errors import PgmaskError
from pgmask.integrations.acting import acting_as
from tests.django.site import LI, ZHAO, Site, models, state, truths


def id_no(serial: int) -> str:
    """A valid number of a woman born on 1991-02-03; serial: even, three digits."""
    body = f"42010619910203{serial:03d}"
    weight = sum(int(d) * 2 ** (17 - n) for n, d in enumerate(body))
    return body + "10X98765432"[weight % 11]


NEW = {
    "unit_id": 7, "owner_id": 701, "sex": "F", "birth_date": datetime.date(1991, 2, 3),
    "id_no": id_no(332), "phone": "13600001111", "address": "湖北省武汉市武昌区东湖路1号",
}  # fmt: skip


@pytest.mark.requirement("C1", "C3")
@pytest.mark.parametrize("atomic", [False, True], ids=["autocommit", "atomic"])
def test_each_person_sees_his_customers(site: Site, atomic: bool) -> None:
    customers = models().Customer.objects
    for actor, ids in ((LI, [41, 42]), (ZHAO, [43, 44]), (LI, [41, 42])):
        with acting_as(actor):
            if atomic:
                with transaction.atomic():
                    found = list(customers.order_by("id"))
                    assert customers.count() == 2
            else:
                found = list(customers.order_by("id"))
                assert customers.count() == 2
        assert [c.id for c in found] == ids
        assert all("*" in c.phone for c in found)


@pytest.mark.requirement("C1", "C3")
def test_nobody_is_an_error_that_says_what_to_do(site: Site) -> None:
    customers = models().Customer.objects
    with pytest.raises(DatabaseError, match=r"(?s)no identity.*PgmaskMiddleware") as caught:
        customers.count()
    assert state(caught) == "PM101"
    with acting_as(LI):
        assert customers.count() == 2
    with pytest.raises(DatabaseError, match="no identity"):
        customers.count()
    with transaction.atomic():
        with acting_as(LI):
            assert customers.count() == 2
        with pytest.raises(DatabaseError, match="no identity"), transaction.atomic():
            customers.count()
        with pytest.raises(DatabaseError, match="another person") as caught:
            with acting_as(ZHAO), transaction.atomic():
                customers.count()
        assert state(caught) == "PM103"
        with acting_as(LI):
            assert customers.count() == 2
    assert connection.get_autocommit()


@pytest.mark.requirement("C1")
def test_a_rollback_to_a_savepoint_takes_the_login_back_and_it_is_said_again(site: Site) -> None:
    customers = models().Customer.objects
    with transaction.atomic():
        with acting_as(LI):
            mark = transaction.savepoint()
            assert customers.count() == 2
            transaction.savepoint_rollback(mark)
            assert customers.count() == 2
            mark = transaction.savepoint()
            customers.filter(id=41).update(occupation="-")
            transaction.savepoint_rollback(mark)
            assert customers.get(id=41).occupation == "教师"


@pytest.mark.requirement("B7", "F3")
@pytest.mark.parametrize("atomic", [False, True], ids=["autocommit", "atomic"])
def test_saving_a_masked_row_loses_nothing(site: Site, atomic: bool) -> None:
    customers = models().Customer.objects
    before = truths(site, 41)
    assert before["phone"] == "13952992312"
    with acting_as(LI):
        one = customers.get(id=41)
        one.occupation = "校长"
        if atomic:
            with transaction.atomic():
                one.save()
        else:
            one.save()
        assert customers.get(id=41).occupation == "校长"
    assert truths(site, 41) == before
    with acting_as(LI):
        one.phone = "13800138000"
        one.save()
        one.refresh_from_db()
        assert one.phone == "138****8000"
        one.phone = "137****0000"
        with pytest.raises(DatabaseError, match="mask") as caught:
            one.save()
        assert state(caught) in ("PM042", "PM043")
    assert truths(site, 41) == before | {"phone": "13800138000"}


@pytest.mark.requirement("B7")
def test_a_form_of_the_whole_row_saves_what_was_changed(site: Site) -> None:
    from django.forms import model_to_dict, modelform_factory

    form_of = modelform_factory(models().Customer, fields="__all__")
    before = truths(site, 41)
    with acting_as(LI):
        one = models().Customer.objects.get(id=41)
        given = model_to_dict(one) | {"email": "wang@example.org"}
        form = form_of(given, instance=one)
        assert form.is_valid(), form.errors
        form.save()
    assert truths(site, 41) == before | {"email": "wang@example.org"}


@pytest.mark.requirement("B7")
def test_creating_in_every_way_seals(site: Site) -> None:
    customers = models().Customer.objects
    with acting_as(LI):
        made = customers.create(customer_no="C1", name="周一", **NEW)
        assert made.pk > 44
        again, fresh = customers.get_or_create(customer_no="C1", defaults={})
        assert (again.pk, fresh) == (made.pk, False)
        assert again.phone == "136****1111"
        changed, fresh = customers.update_or_create(
            customer_no="C1", defaults={"occupation": "医生"}
        )
        assert (changed.pk, fresh) == (made.pk, False)
        other, fresh = customers.update_or_create(
            customer_no="C2", defaults={"name": "周二", **NEW, "id_no": id_no(334)}
        )
        assert fresh
        many = customers.bulk_create(
            models().Customer(customer_no=f"B{n}", name="吴", **NEW | {"id_no": no})
            for n, no in enumerate((id_no(356), id_no(358)))
        )
        assert None not in {c.pk for c in many}
        customers.bulk_create(many, ignore_conflicts=True)
        for one in many:
            one.occupation = "司机"
        assert customers.bulk_update(many, ["occupation"]) == 2
        with pytest.raises(IntegrityError):
            customers.create(customer_no="C1", name="周一", **NEW)
        assert customers.count() == 6
        assert other.delete()[0] == 1
    assert truths(site, made.pk)["phone"] == "13600001111"
    assert truths(site, many[1].pk)["id_no"] == id_no(358)


@pytest.mark.requirement("B7")
def test_upserts_by_a_plain_key(site: Site) -> None:
    customers = models().Customer.objects
    with acting_as(LI):
        one = customers.get(id=42)
        one.phone = "13700002222"
        upsert = {
            "update_conflicts": True, "unique_fields": ["customer_no"], "update_fields": ["phone"],
        }  # fmt: skip
        # An upsert proposes a new row, and a new row has no mask that could stay as it is.
        with pytest.raises(DatabaseError, match="no such mask") as caught:
            customers.bulk_create([one], **upsert)
        assert state(caught) == "PM042"
        one.id_no, one.birth_date, one.sex = id_no(336), NEW["birth_date"], "F"
        one.email, one.address = "ouyang@example.net", NEW["address"]
        customers.bulk_create([one], **upsert)
        assert customers.get(id=42).phone == "137****2222"
    assert truths(site, 42)["phone"] == "13700002222"


@pytest.mark.requirement("B7")
def test_annotations_joins_and_prefetching(site: Site) -> None:
    customers = models().Customer.objects
    with acting_as(LI):
        counted = customers.annotate(contracts=Count("policies")).order_by("id")
        assert [(c.id, c.contracts) for c in counted] == [(41, 1), (42, 0)]
        assert counted[0].phone.endswith("2312")
        fetched = customers.prefetch_related("policies__insured").order_by("id")
        assert [p.insured.id for c in fetched for p in c.policies.all()] == [42]
        joined = models().Policy.objects.select_related("holder", "unit").get()
        assert (joined.holder_id, joined.unit.name) == (41, "武昌支公司")
        assert customers.aggregate(all=Sum("annual_income"))["all"] == 420000
        assert set(customers.in_bulk([41, 43])) == {41}
        assert customers.filter(policies__isnull=False).distinct().exists()


@pytest.mark.requirement("B7")
def test_group_by_of_the_key_alone_is_what_a_view_refuses(direct: Site) -> None:
    """The control of the feature switch."""
    with acting_as(LI):
        counted = models().Customer.objects.annotate(contracts=Count("policies"))
        connection.features.allows_group_by_selected_pks = True
        with pytest.raises(DatabaseError, match="must appear in the GROUP BY"):
            list(counted)
        del connection.features.allows_group_by_selected_pks
        assert len(counted) == 2


@pytest.mark.requirement("B7")
def test_expressions_and_locks(site: Site) -> None:
    customers = models().Customer.objects
    with acting_as(LI):
        customers.filter(id=41).update(annual_income=F("annual_income") + 1)
        assert customers.get(id=41).annual_income == 180001
        with pytest.raises(DatabaseError) as caught:
            customers.filter(id=41).update(email=Concat(Value("x"), F("email")))
        assert state(caught) in ("PM041", "PM042", "PM043")
        with transaction.atomic():
            held = customers.select_for_update(of=("self",)).get(id=41)
            assert held.id == 41
            assert customers.select_for_update(skip_locked=True).count() == 2
        with connection.cursor() as cursor:
            cursor.execute("SELECT phone FROM customer WHERE id = %s", [41])
            assert cursor.fetchall() == [("139****2312",)]
            cursor.executemany(
                "UPDATE customer SET occupation = %s WHERE id = %s", [("x", 41), ("y", 42)]
            )
            assert cursor.rowcount == 2
            cursor.execute("SELECT count(*) FROM customer; SELECT max(id) FROM customer")
            assert cursor.fetchone() == (2,)
            assert cursor.nextset()
            assert cursor.fetchone() == (42,)


@pytest.mark.requirement("B7")
def test_iterator_reads_in_the_transaction_and_in_autocommit(site: Site) -> None:
    customers = models().Customer.objects.order_by("id")
    assert connection.settings_dict["DISABLE_SERVER_SIDE_CURSORS"] is True
    with acting_as(LI):
        assert [c.id for c in customers.iterator(chunk_size=1)] == [41, 42]
    connection.settings_dict["DISABLE_SERVER_SIDE_CURSORS"] = False
    with acting_as(LI):
        with pytest.raises(PgmaskError, match="PM440") as caught:
            list(customers.iterator(chunk_size=1))
        assert "DISABLE_SERVER_SIDE_CURSORS" in caught.value.hint
        with transaction.atomic():
            assert [c.id for c in customers.iterator(chunk_size=1)] == [41, 42]
        with connection.cursor() as cursor:
            with pytest.raises(PgmaskError, match="PM440"):
                cursor.copy("COPY (SELECT id FROM customer) TO STDOUT")
            with (
                transaction.atomic(),
                cursor.copy("COPY (SELECT id FROM customer ORDER BY id) TO STDOUT") as copy,
            ):
                assert b"".join(copy) == b"41\n42\n"


@pytest.mark.requirement("C1")
def test_a_held_cursor_does_not_reach_the_next_person(direct: Site) -> None:
    declare = "DECLARE stolen CURSOR WITH HOLD FOR SELECT id FROM customer"
    with connection.cursor() as cursor:
        with acting_as(LI), transaction.atomic():
            cursor.execute(declare)
        with acting_as(ZHAO), transaction.atomic(), pytest.raises(DatabaseError) as caught:
            cursor.execute("FETCH ALL FROM stolen")
    assert state(caught) == "34000"
    # The control: the same, committed behind the engine's back.
    with connection.cursor() as cursor:
        with acting_as(LI), transaction.atomic():
            cursor.execute(declare)
            connection.connection.execute("COMMIT")
        with acting_as(ZHAO), transaction.atomic():
            cursor.execute("FETCH ALL FROM stolen")
            assert len(cursor.fetchall()) == 2


@pytest.mark.requirement("C1", "C3")
@pytest.mark.parametrize("pooled", [False, True], ids=["own", "pool"])
def test_two_persons_and_nobody_share_two_connections(site: Site, pooled: bool) -> None:
    wrong: list[Any] = []
    customers = models().Customer.objects
    if pooled:
        pool = {"min_size": 2, "max_size": 2, "timeout": 20}
        connection.settings_dict["OPTIONS"]["pool"] = pool
    elif site.pooler is None:
        pytest.skip("nothing is shared")

    def work(number: int) -> None:
        actor, ids = ((LI, {41, 42}), (ZHAO, {43, 44}), (None, None))[number % 3]
        try:
            for turn in range(15):
                try:
                    if actor is None:
                        found = {c.id for c in customers.all()}
                    else:
                        with acting_as(actor):
                            if turn % 2:
                                with transaction.atomic():
                                    found = {c.id for c in customers.all()}
                            else:
                                found = {c.id for c in customers.all()}
                except DatabaseError as error:
                    if actor is not None or error.__cause__.sqlstate != "PM101":
                        wrong.append(error)
                else:
                    if found != ids:
                        wrong.append((number, found))
                if turn % 5 == 4:
                    connection.close()
        except Exception as error:
            wrong.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert wrong == []
    sharing = site.pooler.servers(site.database, "app") if site.pooler else 2
    assert sharing <= 2


def test_the_assertion_is_no_text_of_a_statement(direct: Site) -> None:
    """A literal could be read in pg_stat_activity by every session of the same login."""
    customers = models().Customer.objects
    with acting_as(LI), transaction.atomic():
        customers.count()
        with psycopg.connect(direct.database.dsn("app")) as other:
            seen = other.execute(
                "SELECT query FROM pg_catalog.pg_stat_activity WHERE usename = 'app'"
            ).fetchall()
    assert len(seen) == 2
    assert not [text for (text,) in seen if "eyJ" in text]


def test_statements_that_read_no_rows_go_without_a_login(direct: Site) -> None:
    with acting_as(LI), connection.cursor() as cursor:
        cursor.execute("SHOW application_name")
        cursor.execute("SET application_name = 'x'")
        # Such a statement may not share a transaction with anything.
        cursor.execute("CREATE TABLE web.plain (id int)")
        cursor.execute("CREATE INDEX CONCURRENTLY ON web.plain (id)")
        cursor.execute("VACUUM web.plain")
        cursor.execute("/* a */ -- b\n ( SELECT count(*) FROM customer )")
        assert cursor.fetchone() == (2,)
