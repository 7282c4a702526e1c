"""Rows of the trigger's surface that tests elsewhere prove."""

from __future__ import annotations

from tests.attack.model import Proven

ROWS: tuple[Proven, ...] = ()
