"""The stages of a table, and the one place that says what each has (B7, A5).

============ ============ =================== ========== ====================== ================
stage        table        level 1 is shown as written    ``opens: always``      ``when_sealed``
============ ============ =================== ========== ====================== ================
``observe``  untouched    a mask in the view  not at all reads                  nothing
``views``    moved aside  a mask in the view  read-only  reads, writes the rest nothing
``sealing``  moved aside  what is stored      sealed     reads, writes          nothing
``enforced`` moved aside  what is stored      sealed     reads, writes          when it is sealed
============ ============ =================== ========== ====================== ================

The catalogue says which stage is wanted; ``pgmask_private.enter_stage`` says which is reached: a
table that should be ``enforced`` is ``sealing`` until ``pgmask seal`` has verified it.

In ``sealing`` a row is plain until it is sealed.  A profile that only reads the table goes on with
masks computed in its view, so it sees none of that.  One that writes it needs the stored columns:
where it opens always, it sees the rows that are not sealed yet as its people saw them before (PM271
names each in plan and status).
"""

from __future__ import annotations

from enum import StrEnum


class Stage(StrEnum):
    """The stages in their order."""

    OBSERVE = "observe"
    VIEWS = "views"
    SEALING = "sealing"
    ENFORCED = "enforced"

    @property
    def seals(self) -> bool:
        """Whether the sealing triggers stand, and pgmask's columns."""
        return self in (Stage.SEALING, Stage.ENFORCED)

    @property
    def moved(self) -> bool:
        """Whether the store is pgmask's and the views take its name."""
        return self is not Stage.OBSERVE

    @property
    def number(self) -> int:
        """Place in the order, from 0."""
        return tuple(Stage).index(self)

    @property
    def next(self) -> Stage | None:
        """The stage after this one."""
        return None if self is Stage.ENFORCED else tuple(Stage)[self.number + 1]

    @property
    def back(self) -> Stage | None:
        """The stage before this one."""
        return None if self is Stage.OBSERVE else tuple(Stage)[self.number - 1]
