"""Django: ``get()`` through pgmask.django on a view / Django's own engine on the raw table."""

from __future__ import annotations

import contextlib
import functools
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psycopg

from benchmarks.data import UNITS
from benchmarks.measure import (
    Backend,
    Case,
    Measurement,
    at_most,
    figure,
    interleaved,
    ratio,
    timing,
    without_waiting,
)
from benchmarks.place import Place
from pgmask.integrations.acting import Actor, acting_as

_UNIT: Final = 7
_ALIASES: Final = ("raw", "pgmask", "raw_prepared", "pgmask_prepared")
_AUTOCOMMIT: Final = "get() in autocommit, login and query in one message"
_ATOMIC: Final = "get() in atomic(), login with the query"
_AGENT: Final = Actor(person=1, profile="agent", unit=str(_UNIT))


def run(place: Place) -> list[Measurement]:
    """The group ``django``."""
    found: list[Measurement] = []
    with _connected(place) as model:
        from django.db import connections, transaction

        backends = {
            alias: Backend(connections[alias].connection.info.backend_pid) for alias in _ALIASES
        }

        def getter(alias: str, atomic: bool) -> Case:
            at = [0]

            def get() -> None:
                at[0] = (at[0] + 31) % max(place.rows // UNITS - 1, 1)
                key = at[0] * UNITS + _UNIT - 1
                assert model.objects.using(alias).get(id=key).id == key

            def within() -> None:
                with transaction.atomic(using=alias):
                    get()

            return within if atomic else get

        for name, ours, base, atomic, how in (
            ("prepared", "pgmask_prepared", "raw_prepared", False, f"{_AUTOCOMMIT}, prepared"),
            ("prepared_atomic", "pgmask_prepared", "raw_prepared", True, f"{_ATOMIC}, prepared"),
            ("unprepared", "pgmask", "raw", False, f"{_AUTOCOMMIT}, planned anew each time"),
        ):
            cases = {alias: getter(alias, atomic) for alias in (base, ours)}
            with acting_as(_AGENT):
                samples = interleaved(
                    cases, rounds=place.scale.rounds, calls=place.scale.calls, backends=backends,
                    warm=3,
                )  # fmt: skip
            result = ratio(samples, ours, base)
            raw, seen = timing(samples[base]).wall, timing(samples[ours]).wall
            said = f"{how} / Django alone, raw table: {raw:.0f} -> {seen:.0f} us"
            label = f"django.get.{name}"
            if ours == "pgmask":
                found.append(figure(label, result.wall, said))
            else:
                found.append(at_most(label, result.wall, 1.6, said))
            found += without_waiting(label, result)
            added = max(seen - raw, 0.0)
            found.append(figure(f"{label}.added", added, "the difference", unit="us"))
    return found


@functools.cache
def _model() -> Any:
    from django.db import models

    class Customer(models.Model):
        id = models.BigIntegerField(primary_key=True)
        unit_id = models.IntegerField()
        name = models.CharField(max_length=60)
        phone = models.CharField(max_length=11)
        email = models.CharField(max_length=80, null=True)
        id_no = models.CharField(max_length=18)
        bank_account = models.CharField(max_length=19)
        address = models.CharField(max_length=120)
        gender = models.CharField(max_length=1)
        status = models.CharField(max_length=10)
        card_grade = models.CharField(max_length=10)
        created_at = models.DateTimeField()

        class Meta:
            app_label = "benchmarks"
            managed = False
            db_table = "customer"

    return Customer


@contextlib.contextmanager
def _connected(place: Place) -> Iterator[Any]:
    """Aliases of Django to the same server: ``raw`` and ``pgmask``, unprepared and prepared."""
    import django
    from django.conf import settings
    from django.db import connections

    if not settings.configured:
        settings.configure(USE_TZ=True)
        django.setup()
    assert place.issuer is not None
    with tempfile.TemporaryDirectory() as folder, psycopg.connect(place.admin) as at:
        key = Path(folder) / "bench.key"
        key.touch(0o600)
        key.write_text(place.issuer.dump(), "utf-8")
        entry = {
            "NAME": at.info.dbname, "USER": place.login("app"), "PASSWORD": place.passwords["app"],
            "HOST": at.info.host, "PORT": str(at.info.port), "TIME_ZONE": None,
        }  # fmt: skip
        binding = {"server_side_binding": True, "prepare_threshold": 5}
        given: dict[str, dict[str, Any]] = {
            "raw": entry
            | {
                "ENGINE": "django.db.backends.postgresql",
                "OPTIONS": {"options": "-c search_path=raw"},
            },
            "pgmask": entry
            | {
                "ENGINE": "pgmask.django",
                "OPTIONS": {"options": "-c search_path=crm", "pgmask_issuer_key": str(key)},
            },
        }
        for alias in ("raw", "pgmask"):
            options = given[alias]["OPTIONS"] | binding
            given[f"{alias}_prepared"] = given[alias] | {"OPTIONS": options}
        ready = connections.configure_settings({"default": {}} | given)
        for alias in given:
            connections.settings[alias] = ready[alias]
            connections[alias].ensure_connection()
        try:
            yield _model()
        finally:
            for alias in given:
                connections[alias].close()
                del connections[alias], connections.settings[alias]
