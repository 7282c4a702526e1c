"""What a rule is: data, and one function that looks at one statement."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pgmask.errors import REGISTRY
from pgmask.verdict.model import Severity

if TYPE_CHECKING:
    from pgmask.verdict.case import Case


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One place where a rule speaks.

    position: in characters of the whole text, -1 for the statement; message: one sentence without
    a literal; hint: '' for the code's own way out; severity None: the rule's; column: table and
    column with which the message ends: hits of a statement that differ only there are told as one.
    """

    message: str
    column: tuple[str, str] | None = None
    position: int = -1
    hint: str = ""
    severity: Severity | None = None
    refused: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule; title, explanation and fix are those of its code in ``pgmask.errors``.

    code: ``PM620`` to ``PM689``; name: for people, in words joined by hyphens; severity: unless a
    hit says another; check: what it finds; example and ok: SQL over the example of an insurer that
    triggers it, and its twin that does not, as ``profile`` on PostgreSQL ``version``; migration:
    asked only with ``--as migration``, only without, None always; catalogue: needs one; refused:
    PostgreSQL itself refuses such a statement; deep: asked also of the bodies of functions that a
    query calls; says: more for its page.
    """

    code: str
    name: str
    severity: Severity
    check: Callable[[Case], Iterable[Hit]]
    example: str
    ok: str
    profile: str = "agent"
    version: int = 18
    migration: bool | None = None
    catalogue: bool = True
    refused: bool = False
    deep: bool = False
    says: str = ""

    @property
    def title(self) -> str:
        """A clause."""
        return REGISTRY[self.code].title

    @property
    def explanation(self) -> str:
        """Why it matters."""
        return REGISTRY[self.code].cause

    @property
    def fix(self) -> str:
        """The way out."""
        return REGISTRY[self.code].way_out
