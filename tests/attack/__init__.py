"""Attacks on a protected database, as one table; see ``table.py`` and ``runner.py``."""
