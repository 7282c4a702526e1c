"""Controls that take one condition out of one function, and leave all else as it is."""

from __future__ import annotations

from tests.attack.place import Play


class Cut:
    """Replace texts in functions; each must be there once or more.

    changes: (function with its argument types, old text, new text).
    """

    def __init__(self, *changes: tuple[str, str, str]) -> None:
        self.changes = changes

    def __call__(self, play: Play) -> None:
        for function, old, new in self.changes:
            query = f"SELECT pg_get_functiondef('{function}'::regprocedure)"
            definition = str(play.rex(query)[0][0])
            assert old in definition, f"{function} has no {old!r}"
            play.rex(definition.replace(old, new))


class Flag:
    """A control that is no object of the database: the attempt looks for it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, play: Play) -> None:
        play.flags.add(self.name)


TICKET = "pgmask_private.redeem_ticket(uuid, text, text)"
HOLDER = "pgmask_private.check_holder(text, boolean, timestamptz, interval, text)"
SPEND = "pgmask_private.spend(text, bigint, integer, text)"
NEAR = "pgmask_private.count_near(bigint, integer, text)"
BEGINS = "pgmask_private.begin_search(bigint, integer, integer, text, text, text[], text)"
LOGIN = "pgmask.log_in(text, text)"
ASKS = "crm.customer_reveal_request(text[], text[], text, text, crm.customer)"
SHOWS = "crm.customer_reveal(uuid)"
FINDS = "crm.customer_by_phone(text)"
READS_ROW = 'pgmask_private."read_crm.customer_agent_find"(text[])'
READS_CASE = 'pgmask_private."read_crm.customer_agent_case_claim"(text, text, text)'
READS_PHONE = 'pgmask_private."read_crm.customer_agent_by_phone"(bigint)'
READS_OWN = 'pgmask_private."read_crm.customer_hunter_own"(bigint)'
"""What the functions above ask of stores and views, as a role that reaches no key."""

UNCOMMITTED = Cut(
    (TICKET, "v_ticket.xid IS DISTINCT FROM pg_current_xact_id_if_assigned()", "true"),
    (TICKET, "pg_xact_status(v_ticket.xid) = 'committed'", "true"),
    (TICKET, "v_ticket.xid < pg_snapshot_xmax(pg_current_snapshot())", "true"),
)
"""Tickets of one's own transaction are honoured."""
UNLIMITED = Cut((SPEND, "(v_count <= p_limit)", "(true)"))
"""Counted, and never refused."""
UNCIRCLED = Cut(
    (NEAR, "(pgmask_private.count_up('near_day', p_person) <= p_limit)", "(true)"),
    (BEGINS, "(pgmask_private.counted('near_day', p_person) < p_near_per_day)", "(true)"),
)
"""Near misses are not counted."""
