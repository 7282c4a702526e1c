"""The middleware, the checks of settings, retries, tests of an application, inspectdb."""

from __future__ import annotations

import asyncio
import importlib
import io
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import AnonymousUser, User
from django.core import checks
from django.core.management import call_command
from django.db import DatabaseError, connection, connections, transaction
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory, SimpleTestCase, TestCase, TransactionTestCase
from django.test.utils import override_settings

from pgmask.django import checks as ours
from pgmask.django.middleware import PgmaskMiddleware
from pgmask.django.retry import retry_on_conflict
from pgmask.django.testing import ActingMixin
from pgmask.errors import PgmaskError
from pgmask.identity import IssuerKey
from pgmask.integrations.acting import acting_as, current
from tests.django.site import LI, ZHAO, Site, models, state


def request_of(name: str | None, path: str = "/customers/") -> HttpRequest:
    request = RequestFactory().get(path)
    request.user = AnonymousUser() if name is None else User(username=name)
    return request


@pytest.mark.requirement("C1", "C3")
def test_a_request_acts_as_its_user(site: Site) -> None:
    views = importlib.import_module("insurer.views")
    answer: Callable[[HttpRequest], HttpResponse] = PgmaskMiddleware(views.customers.__wrapped__)
    assert b'"id": 41' in answer(request_of("701")).content
    assert b'"id": 43' in answer(request_of("901")).content
    with pytest.raises(DatabaseError) as caught:
        answer(request_of(None))
    assert state(caught) == "PM101"
    assert current() is None


@pytest.mark.requirement("C1")
def test_a_request_of_an_asynchronous_server_acts_as_its_user(direct: Site) -> None:
    async def view(request: HttpRequest) -> HttpResponse:
        await asyncio.sleep(0)
        return HttpResponse(str([c.id async for c in models().Customer.objects.order_by("id")]))

    async def both() -> list[bytes]:
        answer = PgmaskMiddleware(view)
        found = await asyncio.gather(*(answer(request_of(n)) for n in ("701", "901", "701")))
        return [one.content for one in found]

    assert async_to_sync(both)() == [b"[41, 42]", b"[43, 44]", b"[41, 42]"]


def test_what_the_setting_gives_must_be_an_actor(direct: Site) -> None:
    with override_settings(PGMASK_ACTOR=lambda request: request.user.username):
        answer = PgmaskMiddleware(lambda request: HttpResponse())
        with pytest.raises(PgmaskError, match="PM441") as caught:
            answer(request_of("701"))
        assert "701" not in str(caught.value)


def found(**changes: Any) -> set[str]:
    from django.conf import settings

    databases = changes.pop("DATABASES")
    kept, settings.DATABASES = settings.DATABASES, databases
    try:
        with override_settings(**changes):
            run = (ours.issuer_keys, ours.actor, ours.cursors)
            return {m.id or "" for check in run for m in check()}
    finally:
        settings.DATABASES = kept


def test_the_checks_name_what_is_missing(direct: Site, tmp_path: Path) -> None:
    from django.conf import settings

    good = direct.settings()
    assert found(DATABASES={"default": good}) == set()
    assert found(DATABASES={"default": good | {"OPTIONS": {}}}) == {"pgmask.E001"}
    wrong = tmp_path / "wrong.key"
    assert found(DATABASES={"default": good | {"OPTIONS": {"pgmask_issuer_key": str(wrong)}}}) == {
        "pgmask.E002"
    }
    wrong.write_text("crm-web k 1234", "utf-8")
    assert "1234" not in ours.reason(_unreadable(wrong))
    direct.key.chmod(0o644)
    assert found(DATABASES={"default": good}) == {"pgmask.W003"}
    direct.key.chmod(0o600)
    for given in (None, "insurer.actors.nobody", "insurer.actors", 7):
        assert found(DATABASES={"default": good}, PGMASK_ACTOR=given) == {"pgmask.E004"}
    order = list(reversed(settings.MIDDLEWARE))
    assert found(DATABASES={"default": good}, MIDDLEWARE=order) == {"pgmask.E005"}
    assert found(DATABASES={"default": good}, MIDDLEWARE=[]) == {"pgmask.W006"}
    assert found(DATABASES={"default": good | {"DISABLE_SERVER_SIDE_CURSORS": False}}) == {
        "pgmask.E007"
    }
    registered = {getattr(c, "__module__", "") for c in checks.registry.registry.get_checks()}
    assert "pgmask.django.checks" in registered


def _unreadable(path: Path) -> ValueError:
    with pytest.raises(ValueError, match="not an issuer's key") as caught:
        IssuerKey.read(path)
    return caught.value


def test_a_connection_without_a_usable_key_is_refused(direct: Site) -> None:
    connection.close()
    direct.key.write_text("not a key", "utf-8")
    with pytest.raises(PgmaskError, match="PM105"):
        connection.ensure_connection()


@pytest.mark.requirement("B7")
def test_a_serialization_failure_is_repeated_whole(direct: Site) -> None:
    customers = models().Customer.objects
    runs: list[int] = []
    meet = threading.Barrier(2)

    @retry_on_conflict(attempts=3)
    def raise_income() -> None:
        runs.append(1)
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        one = customers.get(id=41)
        if len(runs) <= 2:
            meet.wait(20)
        customers.filter(id=41).update(annual_income=one.annual_income + 1)

    raised: list[BaseException] = []

    def work() -> None:
        try:
            with acting_as(LI):
                raise_income()
        except BaseException as error:
            raised.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert raised == []
    assert len(runs) == 3
    with acting_as(LI):
        assert customers.get(id=41).annual_income == 180002


def test_a_part_of_a_transaction_is_not_repeated(direct: Site) -> None:
    @retry_on_conflict()
    def nothing() -> None: ...

    with transaction.atomic(), pytest.raises(PgmaskError, match="PM442"):
        nothing()

    @retry_on_conflict(attempts=2)
    def fails() -> None:
        runs.append(1)
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1/0")

    runs: list[int] = []
    with pytest.raises(DatabaseError):
        fails()
    assert len(runs) == 1


def run_case(case: type[SimpleTestCase], *names: str) -> None:
    """Run tests of an application as Django's runner does."""
    import unittest

    result = unittest.TestResult()
    unittest.TestSuite(case(name) for name in names).run(result)
    problems = [text for _, text in (*result.errors, *result.failures)]
    assert not problems, problems[0]
    assert result.testsRun == len(names)


@pytest.mark.requirement("B7")
def test_test_cases_of_an_application(direct: Site) -> None:
    call_command("migrate", verbosity=0)

    class Rolled(ActingMixin, TestCase):
        actor = LI

        @classmethod
        def setUpTestData(cls) -> None:
            models().Customer.objects.filter(id=41).update(occupation="-")

        def test_one(self) -> None:
            assert models().Customer.objects.get(id=41).occupation == "-"
            models().Customer.objects.filter(id=41).update(occupation="+")

        def test_two(self) -> None:
            assert models().Customer.objects.get(id=41).occupation == "-"

    class Emptied(ActingMixin, TransactionTestCase):
        actor = LI

        def test_it(self) -> None:
            models().Note.objects.create(text="x")
            assert models().Customer.objects.count() == 2
            with acting_as(ZHAO), connection.cursor() as cursor:
                assert models().Customer.objects.count() == 2
                cursor.execute("DELETE FROM customer")
            with connection.cursor() as cursor:
                cursor.execute("DELETE FROM contact_log")

    run_case(Rolled, "test_one", "test_two")
    with acting_as(LI):
        assert models().Customer.objects.get(id=41).occupation == "教师"
    direct.database.run("GRANT DELETE ON crm.unit, crm.staff TO app", user="olga")
    run_case(Emptied, "test_it")
    with acting_as(LI):
        assert not models().Customer.objects.exists()
        assert not models().Policy.objects.exists()
    assert not models().Note.objects.exists()
    assert not models().Unit.objects.exists()
    flushed = connection.ops.sql_flush(_style(), ["web_note", "customer", "policy"])
    assert [s.split('"')[1] for s in flushed][-1] == "customer"
    assert all(s.startswith("DELETE") for s in flushed)
    plain = connection.ops.sql_flush(_style(), ["web_note"], reset_sequences=True)
    assert plain == ['TRUNCATE "web_note" RESTART IDENTITY;']


def _style() -> Any:
    from django.core.management.color import no_style

    return no_style()


@pytest.mark.requirement("B7")
def test_inspectdb_reads_views(direct: Site) -> None:
    out = io.StringIO()
    call_command("inspectdb", "customer", include_views=True, stdout=out)
    said = out.getvalue()
    assert "class Customer(models.Model):" in said
    assert "phone = models.CharField(max_length=11" in said
    assert "db_table = 'customer'" in said
    assert "pgmask_" not in said


@pytest.mark.requirement("B7")
def test_a_second_alias_works_by_its_own_login(direct: Site) -> None:
    own = direct.settings(user="app", OPTIONS={})
    with direct.used(jobs=own):
        with pytest.raises(DatabaseError, match="pgmask_issuer_key") as caught:
            with acting_as(LI):
                models().Customer.objects.using("jobs").count()
        assert state(caught) == "PM101"
        assert connections["jobs"].pgmask.minter is None


@pytest.mark.requirement("B7", "C1")
def test_a_command_acts_for_a_service(direct: Site) -> None:
    with direct.database.connect() as installer:
        installer.execute("SELECT pgmask.register_service('letters', 103, 'service', '1')")
        installer.execute("SELECT pgmask.register_issuer_services('crm-web', ARRAY['letters'])")
        installer.commit()
    with acting_as(service="letters"):
        names = set(models().Customer.objects.values_list("id", flat=True))
    # All units' customers but the high-value one, whom a service is not assigned to.
    assert names == {41, 42, 44}
    with acting_as(service="nobody's"), pytest.raises(DatabaseError) as caught:
        models().Customer.objects.count()
    assert state(caught) == "PM103"
