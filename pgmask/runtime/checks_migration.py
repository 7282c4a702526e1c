"""Checks of windows for migrations: overdue ones, open ones, tables that wait for an apply."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pgmask.runtime.finding import Check, Connection, Finding, Urgency, Who, rows


def windows(connection: Connection) -> Iterator[Finding]:
    """Windows that are open, and those whose end has come (A5)."""
    for login, owner, ticket, overdue, ends_at in rows(
        connection,
        """
        SELECT w.login, w.owner, w.ticket, w.ends_at <= clock_timestamp(),
               to_char(w.ends_at, 'YYYY-MM-DD HH24:MI:SS TZ')
          FROM pgmask_private.migration_window AS w
         WHERE w.closed_at IS NULL
         ORDER BY w.id
        """,
    ):
        if overdue:
            yield Finding(
                code="PM267", urgency=Urgency.NOW, who=Who.DBA,
                what=f"the window of login {login} (ticket {ticket}) ended {ends_at},"
                f" and it still may act as {owner}",
                way_out=f"pgmask migrate close --login {login}",
            )  # fmt: skip
        else:
            yield Finding(
                code="PM267", urgency=Urgency.INFO, who=Who.DBA,
                what=f"login {login} may act as {owner} until {ends_at} (ticket {ticket})",
            )  # fmt: skip


def held(connection: Connection) -> Iterator[Finding]:
    """Tables that refuse every write until an apply."""
    for table, login, because in rows(
        connection,
        """
        SELECT h.table_id, h.login, array_to_string(h.because, '; ')
          FROM pgmask_private.migration_hold AS h ORDER BY 1
        """,
    ):
        yield Finding(
            code="PM268", urgency=Urgency.NOW, who=Who.DBA,
            what=f"{table} refuses every write since the migration of {login}: {because}",
        )  # fmt: skip


CHECKS: Final[tuple[tuple[str, Check], ...]] = (
    ("windows for migrations", windows),
    ("tables that wait for an apply", held),
)
