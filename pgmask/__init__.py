"""pgmask: PostgreSQL itself keeps customer information masked, sealed and accounted for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pgmask.integrations.acting import acting_as
    from pgmask.integrations.validating import validate

__version__ = "0.1.0"
__all__ = ["__version__", "acting_as", "validate"]


def __getattr__(name: str) -> object:
    """What applications use, loaded when it is first asked for: the command line has no need."""
    if name == "acting_as":
        from pgmask.integrations.acting import acting_as

        return acting_as
    if name == "validate":
        from pgmask.integrations.validating import validate

        return validate
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
