"""The person of a request: for as long as Django works on it, ``pgmask.acting_as`` holds."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponseBase
from django.utils.module_loading import import_string

from pgmask.errors import PgmaskError
from pgmask.integrations.acting import Actor, acting_as

Respond = Callable[[HttpRequest], Any]


class PgmaskMiddleware:
    """Acts as the person whom ``settings.PGMASK_ACTOR`` names, below authentication.

    PGMASK_ACTOR: a callable, or the dotted path of one, that takes the request and gives an
    ``Actor`` (``pgmask.integrations.acting``), or None for a visitor, who is nobody: a statement on
    a protected table is PM101 then. It is called once per request, outside any identity, so it
    may read unprotected tables; put what it finds into the session.

    Raises ImproperlyConfigured when it is missing; PM441 when it gives something else.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response
        given = getattr(settings, "PGMASK_ACTOR", None)
        if given is None:
            raise ImproperlyConfigured(
                "PGMASK_ACTOR is missing: the dotted path of a function that takes a request and"
                " gives an Actor, or None for nobody."
            )
        self.actor_of: Callable[[HttpRequest], Any] = (
            import_string(given) if isinstance(given, str) else given
        )
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Answer the request as its actor."""
        if self.is_async:
            return self._later(request)
        with _acting(self.actor_of(request)):
            response: HttpResponseBase = self.get_response(request)
            return response

    async def _later(self, request: HttpRequest) -> HttpResponseBase:
        find = self.actor_of
        actor = (
            await find(request) if iscoroutinefunction(find)
            else await sync_to_async(find)(request)
        )  # fmt: skip
        with _acting(actor):
            response: HttpResponseBase = await self.get_response(request)
            return response


def _acting(actor: object) -> contextlib.AbstractContextManager[Any]:
    """``pgmask.acting_as`` for what PGMASK_ACTOR gave; None leaves it as it is: nobody."""
    if actor is None:
        return contextlib.nullcontext()
    if not isinstance(actor, Actor):
        raise PgmaskError("PM441", f"PGMASK_ACTOR gave a {type(actor).__name__}")
    return acting_as(actor)
