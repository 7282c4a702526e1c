"""A Django application as small as one can be: one model over the insurer's customers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.db import connection, models
from psycopg.conninfo import conninfo_to_dict


@contextmanager
def customers(dsn: str, issuer_key: Path) -> Iterator[Any]:
    """The model, on a connection of the application's login that is closed afterwards."""
    parts = conninfo_to_dict(dsn)
    settings.configure(
        DATABASES={
            "default": {
                "ENGINE": "pgmask.django",
                "NAME": parts["dbname"],
                "USER": parts["user"],
                "PASSWORD": parts["password"],
                "HOST": parts.get("host", ""),
                "PORT": str(parts.get("port", "")),
                "OPTIONS": {"pgmask_issuer_key": str(issuer_key)},
            }
        },
        USE_TZ=True,
    )
    django.setup()

    class Customer(models.Model):  # type: ignore[misc]  # Django has no types
        """What this application knows of a customer."""

        name = models.CharField(max_length=60)
        phone = models.CharField(max_length=11)
        email = models.CharField(max_length=120, null=True)
        id_no = models.CharField(max_length=18)
        address = models.CharField(max_length=200)
        occupation = models.CharField(max_length=60, null=True)

        class Meta:
            """The table is there already."""

            app_label, db_table, managed = "insurer", "customer", False

    try:
        yield Customer
    finally:
        connection.close()
