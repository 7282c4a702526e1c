"""Notes of reads: what a view asks before any row, and what its policy asks of each row (G1).

The view's one-time filter calls ``pgmask_note.read``: who is asking, or an error, and a note that
the statement reads this relation.  It is there also for a statement that meets no row, and it costs
no second look at the identity.  An upsert passes the filter by, and its WHERE sees the row it meets
before any policy is asked of that row: the INSERT policy leaves its note, before a row in the way
is looked for.

Customers are noted by the SELECT policy, row by row and after its other conditions, so that rows
which it keeps back are not: in profiles that ask for it (``audit: subject``), and in all of them
for rows of high-value customers.  Those that an upsert meets are noted where the trigger looks for
them (``pgmask.compile.sealing_reads``).
"""

from __future__ import annotations

from pgmask.catalogue.model import Catalogue, Operation, Profile, Rows
from pgmask.compile.columns import HIGH_VALUE
from pgmask.compile.context import Context, statement
from pgmask.compile.identity_views import identity_arguments
from pgmask.compile.objects import Kind, Object, Phase
from pgmask.names import Name
from pgmask.sqltext import literal

_QUERY = (
    "(SELECT a.query_id FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) AS a)"
)
# Calls, which the server shows again as such; it would show a constant as the character itself.
_SEPARATOR = "pg_catalog.chr(31)"
_NEXT = "pg_catalog.chr(30)"


def read(context: Context, profile: Profile) -> str:
    """The view's filter: one call a statement."""
    called = "read_with_text" if profile.notes_text else "read"
    return f"pgmask_note.{called}({_arguments(context, profile)})"


def upserted(context: Context, profile: Profile) -> str:
    """What the INSERT policy of a profile that can read by an upsert asks as well: one note."""
    needed = {Operation.SELECT, Operation.INSERT, Operation.UPDATE}
    if not needed <= set(profile.may(context.table)):
        return ""
    return f" AND (SELECT {read(context, profile)}) IS NOT NULL"


def examined(context: Context, profile: Profile) -> str:
    """What the SELECT policy asks of each row beside its own conditions: ``AND ..``, or ''."""
    spoken_of = _subjects(context)
    if not spoken_of or not context.stage.seals:
        return ""
    every = profile.notes_subjects(context.table)
    meets_high_value = profile.sees_high_value or Rows.ASSIGNED in profile.rows
    if not every and not meets_high_value:
        return ""
    call = (
        f"pgmask_note.examined((SELECT pgmask_note.subjects({_arguments(context, profile)})),"
        f" {spoken_of})"
    )
    return f" AND {call}" if every else f" AND (NOT {HIGH_VALUE.quoted} OR {call})"


def backup_read(table: str) -> str:
    """The condition under which backups see rows: true, with one note a statement (G1)."""
    return f"(SELECT pgmask_note.backup({literal(table)}))"


def stall_rule(catalogue: Catalogue) -> tuple[Object, ...]:
    """What happens when notes are not collected, where that is not what happens anyway (G1)."""
    if catalogue.when_audit_stalls != "stop_reads":
        return ()
    clear = statement("DELETE FROM pgmask_audit.stall_rule")
    insert = statement(
        "INSERT INTO pgmask_audit.stall_rule (when_audit_stalls) VALUES ('stop_reads')",
        "reads stop when notes are not collected",
    )
    return (
        Object(
            kind=Kind.ROW,
            identity="stall_rule",
            table="",
            phase=Phase.ROWS,
            create=(clear, insert),
            drop=(clear,),
            replace=True,
            address=("stall_rule", "stall_rule"),
        ),
    )


def _arguments(context: Context, profile: Profile) -> str:
    query = _QUERY if profile.notes_query else "NULL::bigint"
    return f"{identity_arguments(profile)}, {literal(context.table.id)}, {query}"


def _subjects(context: Context) -> str:
    """The customers a row speaks of as one text: class, key; the next behind U+001E."""
    pairs: dict[tuple[str, str], None] = {}
    table = context.table
    if table.subject is not None and table.subject_class is not None:
        pairs[(table.subject_class, table.subject)] = None
    for column in table.columns:
        if column.subject is not None:
            name = column.subject_class or table.subject_class
            if name is not None:
                pairs[(name, column.subject)] = None
    if not pairs and len(context.relation.primary_key) == 1:
        pairs[(table.id, context.relation.primary_key[0])] = None
    found = [_pair(context, name, column) for name, column in pairs]
    if not found:
        return ""
    if len(found) == 1:
        return found[0]
    return f"NULLIF(pg_catalog.concat_ws({_NEXT}, {', '.join(found)}), '')"


def _pair(context: Context, name: str, column: str) -> str:
    fact = context.fact(column)
    key = f"{Name(column).quoted}::text"
    if fact.type not in _NUMBERS:
        # A key must not be able to look like the beginning of another one.
        key = f"pg_catalog.translate({key}, {_NEXT} || {_SEPARATOR}, '??')"
    return f"{literal(name)} || {_SEPARATOR} || {key}"


_NUMBERS = ("smallint", "integer", "bigint", "uuid", "numeric")
