"""Where the packed files lie: hand-written SQL and the migrations, in a checkout or in a wheel."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pgmask.errors import InternalError

_PACKAGE: Final = Path(__file__).resolve().parent


def sql_dir() -> Path:
    """The folder of the hand-written SQL (``sql/`` of the checkout, ``_sql`` of the wheel)."""
    return _find("sql", "_sql")


def migrations_dir() -> Path:
    """The Alembic environment (``migrations/`` of the checkout, ``_migrations`` of the wheel)."""
    return _find("migrations", "_migrations")


def example_dir(name: str) -> Path:
    """One of the examples (``examples/`` of the checkout, ``_examples`` of the wheel)."""
    return _find("examples", "_examples") / name


def _find(in_checkout: str, in_wheel: str) -> Path:
    packed = _PACKAGE / in_wheel
    if packed.is_dir():
        return packed
    # A stray folder called sql/ beside site-packages is not ours: a checkout has pyproject.toml.
    root = _PACKAGE.parent
    if (root / "pyproject.toml").is_file() and (root / in_checkout).is_dir():
        return root / in_checkout
    raise InternalError("PM901", f"the packed folder {in_wheel} is missing: reinstall pgmask")
