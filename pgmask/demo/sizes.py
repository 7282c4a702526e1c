"""How many customers the demonstration has: known without the library that invents them."""

from __future__ import annotations

from typing import Final

CUSTOMERS: Final = 20_000
QUICK: Final = 2_000
