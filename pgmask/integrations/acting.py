"""Who is acting now: set once per request, task or command, read by every driver's helper.

The value lives in a context variable, so it follows ``await`` and ``asyncio`` tasks made inside the
block, and ``asyncio.to_thread``; a thread of its own begins with nobody, and so does everything
after the block. Where nobody is acting the helpers send nothing and PostgreSQL answers PM101.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextvars import ContextVar, Token
from dataclasses import dataclass, replace
from datetime import datetime
from types import TracebackType
from typing import Any, Final, ParamSpec, Self, TypeVar, cast

from pgmask.errors import PgmaskError

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A person in a profile and a unit, or a registered service.

    person: the register's number; profile, unit: as what and for which unit; service: the name of a
    service of the register, which brings person, profile and unit with it; purpose: at most 200
    characters; second_factor_at: when the second factor was last given, with a time zone or in
    seconds since 1970. Raises PM104 unless it is either a whole person or a service alone.
    """

    person: int | None = None
    profile: str | None = None
    unit: str | None = None
    service: str | None = None
    purpose: str | None = None
    second_factor_at: datetime | float | None = None

    def __post_init__(self) -> None:
        whole = None not in (self.person, self.profile, self.unit)
        part = any(v is not None for v in (self.person, self.profile, self.unit))
        if whole if self.service is not None else not whole:
            raise PgmaskError(
                "PM104", "an actor is a person with profile and unit, or a service, not both",
                hint="acting_as(person=.., profile=.., unit=..) or acting_as(service=..)",
            )  # fmt: skip
        if self.service is not None and part:
            raise PgmaskError(
                "PM104", "a service has its person, profile and unit from the register",
                hint="acting_as(service=..) alone, with a purpose if there is one",
            )  # fmt: skip

    def for_purpose(self, purpose: str | None) -> Actor:
        """The same actor with another purpose."""
        return replace(self, purpose=purpose)


_CURRENT: Final[ContextVar[Actor | None]] = ContextVar("pgmask_actor", default=None)


def current() -> Actor | None:
    """Who is acting in this context; None: nobody."""
    return _CURRENT.get()


class acting_as:
    """Act as a person or a service: a context manager, and a decorator of (async) functions.

    ``with acting_as(person=701, profile="agent", unit="7"): ...`` or
    ``@acting_as(service="renewal-letters")``. Blocks nest; the inner one counts. Takes the fields
    of ``Actor``, or an ``Actor`` made before. Raises PM104 as ``Actor`` does.

    It does not wait for the database: a transaction that was begun for another actor is refused by
    the server (PM103), not taken over.
    """

    def __init__(
        self,
        actor: Actor | None = None,
        *,
        person: int | None = None,
        profile: str | None = None,
        unit: str | None = None,
        service: str | None = None,
        purpose: str | None = None,
        second_factor_at: datetime | float | None = None,
    ) -> None:
        given = (person, profile, unit, service, purpose, second_factor_at)
        if actor is not None and any(v is not None for v in given):
            raise PgmaskError("PM104", "an actor was given, and fields of another beside it")
        self.actor = actor or Actor(
            person=person, profile=profile, unit=unit, service=service, purpose=purpose,
            second_factor_at=second_factor_at,
        )  # fmt: skip
        self._tokens: list[Token[Actor | None]] = []

    def __enter__(self) -> Actor:
        self._tokens.append(_CURRENT.set(self.actor))
        return self.actor

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _CURRENT.reset(self._tokens.pop())

    async def __aenter__(self) -> Actor:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, trace)

    def again(self) -> Self:
        """Another block for the same actor: one object must not be entered by two threads."""
        return type(self)(self.actor)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """The function, run as this actor; a generator is refused, it would outlive the block."""
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError("acting_as cannot wrap a generator: use `with` inside it")
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def awaited(*args: P.args, **kwargs: P.kwargs) -> Any:
                with self.again():
                    return await function(*args, **kwargs)

            return cast("Callable[P, R]", awaited)

        @functools.wraps(function)
        def called(*args: P.args, **kwargs: P.kwargs) -> R:
            with self.again():
                return function(*args, **kwargs)

        return called
