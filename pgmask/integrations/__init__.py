"""Helpers for applications: who is acting, signing it, and the drivers that send it.

Nothing here protects anything: PostgreSQL does, and refuses whoever sends no identity (PM101).
Each module imports its driver itself; what is not installed is not needed.
"""
