"""What an attack is, what comes of it, and what it must come to.

An attempt gives an ``Outcome``: the rows it returned, the notices it received, and the error it met
with every field the server sent. An ``Expect`` says whether the protection held (``stopped``) and
whether the attacker got what he was after (``gained``). The two are not each other's opposite: a
row proves something only if the attempt is stopped as it stands *and* gains once the control has
taken the one protection away. An attempt that merely fails in another way does neither.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.attack.place import Play

Step = str | tuple[str, ...] | Callable[["Play"], "Outcome | None"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an attempt came to.

    sqlstate: of the error, None when there was none; rows: of all its statements, in order;
    words: every notice, and every field of the error; status: of the last statement.
    """

    sqlstate: str | None = None
    rows: tuple[tuple[Any, ...], ...] = ()
    words: str = ""
    status: str = ""

    @property
    def text(self) -> str:
        """All that reached the attacker."""
        return "\n".join([self.words, *(repr(r) for r in self.rows)])

    def __str__(self) -> str:
        state = self.sqlstate or "no error"
        rows = repr(self.rows)[:300]
        return f"{state}, {len(self.rows)} rows {rows}, words: {self.words[-600:]!r}"


class Expect:
    """What must come of an attempt."""

    def stopped(self, outcome: Outcome) -> bool:
        """Whether the protection held."""
        raise NotImplementedError

    def gained(self, outcome: Outcome) -> bool:
        """Whether the attacker got what he was after."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Refused(Expect):
    """An error of exactly this SQLSTATE; without the protection the statement runs."""

    sqlstate: str

    def stopped(self, outcome: Outcome) -> bool:
        return outcome.sqlstate == self.sqlstate

    def gained(self, outcome: Outcome) -> bool:
        return outcome.sqlstate is None

    def __str__(self) -> str:
        return f"refused ({self.sqlstate})"


@dataclass(frozen=True, slots=True)
class Nothing(Expect):
    """No error and no row; without the protection there are rows."""

    def stopped(self, outcome: Outcome) -> bool:
        return outcome.sqlstate is None and not outcome.rows

    def gained(self, outcome: Outcome) -> bool:
        return outcome.sqlstate is None and bool(outcome.rows)

    def __str__(self) -> str:
        return "nothing found"


@dataclass(frozen=True, slots=True)
class Hides(Expect):
    """None of these values reaches the attacker in rows, notices or error fields.

    sqlstate: the error the attempt must meet, None for no error at all. shows: what it must see
    all the same, so that an empty answer does not pass for a safe one.
    """

    values: tuple[str, ...]
    sqlstate: str | None = None
    shows: str = ""

    def stopped(self, outcome: Outcome) -> bool:
        return (
            outcome.sqlstate == self.sqlstate
            and self.shows in outcome.text
            and not self.gained(outcome)
        )

    def gained(self, outcome: Outcome) -> bool:
        return any(value in outcome.text for value in self.values)

    def __str__(self) -> str:
        return "masked" if self.sqlstate is None else f"refused ({self.sqlstate}), no value told"


@dataclass(frozen=True, slots=True)
class Answers(Expect):
    """Exactly these rows; without the protection others."""

    rows: tuple[tuple[Any, ...], ...]

    def stopped(self, outcome: Outcome) -> bool:
        return outcome.sqlstate is None and outcome.rows == self.rows

    def gained(self, outcome: Outcome) -> bool:
        return outcome.sqlstate is None and outcome.rows != self.rows

    def __str__(self) -> str:
        return "unchanged answer"


@dataclass(frozen=True, slots=True)
class Alike(Expect):
    """Two observations, a right and a wrong guess, that cannot be told apart.

    The attempt is a function that returns both as two rows.
    """

    def stopped(self, outcome: Outcome) -> bool:
        return len(outcome.rows) == 2 and outcome.rows[0] == outcome.rows[1]

    def gained(self, outcome: Outcome) -> bool:
        return len(outcome.rows) == 2 and outcome.rows[0] != outcome.rows[1]

    def __str__(self) -> str:
        return "right and wrong guess look alike"


@dataclass(frozen=True, slots=True)
class Noticed(Expect):
    """A check reports it: every one of these words is in the report; without it, none is."""

    words: tuple[str, ...]

    def stopped(self, outcome: Outcome) -> bool:
        return outcome.sqlstate is None and all(w in outcome.text for w in self.words)

    def gained(self, outcome: Outcome) -> bool:
        return outcome.sqlstate is None and not any(w in outcome.text for w in self.words)

    def __str__(self) -> str:
        return "reported"


@dataclass(frozen=True, slots=True)
class Gets(Expect):
    """For limits: the attempt succeeds, and this is what it gets (a part of rows or words)."""

    value: str = ""

    def stopped(self, outcome: Outcome) -> bool:
        return not self.gained(outcome)

    def gained(self, outcome: Outcome) -> bool:
        return outcome.sqlstate is None and self.value in outcome.text

    def __str__(self) -> str:
        return "succeeds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One row of the table.

    id: of the catalogue of attacks where it has one (``A11-check``); actor: a persona of
    ``place.PERSONAS``; does: what he tries, for the matrix, in plain words; setup: done by the
    superuser before it, to put another layer out of the way or to give the attacker more than he
    would have; attempt: statements, or a function; control: statements of the superuser, or a
    function, that take away exactly the one protection; undo: statements that take back what the
    control did to the whole cluster (roles, parameters); versions: as ``>= 17``; limit: a risk
    that is accepted: the attempt succeeds, there is no control; why: for limits, what bounds or
    shows it; proves: requirement ids; reveals: whether the attacked database is the one with
    reveal and search, where persons answer the challenge of the transaction; leaves: why its
    control leaves complete values where the watch over the whole run looks.
    """

    id: str
    actor: str
    does: str
    attempt: Step
    expect: Expect
    control: Step | None = None
    setup: Step | None = None
    undo: str = ""
    versions: str = ""
    limit: bool = False
    why: str = ""
    proves: tuple[str, ...] = field(default=())
    reveals: bool = False
    leaves: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """A row that other tests prove: their node id, which must exist and may not be skipped."""

    id: str
    actor: str
    does: str
    result: str
    test: str
