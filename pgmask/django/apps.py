"""``INSTALLED_APPS = [..., "pgmask.django"]``: registers the system checks."""

from __future__ import annotations

from django.apps import AppConfig


class PgmaskConfig(AppConfig):
    """The application of pgmask: no models, no urls, its checks."""

    name = "pgmask.django"
    label = "pgmask"
    verbose_name = "pgmask"

    def ready(self) -> None:
        """Register the checks, also where no model has touched a connection yet."""
        from pgmask.django import checks  # noqa: F401
