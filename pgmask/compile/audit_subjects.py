"""What reports of the record ask of a customer: unit, flag and owner as they are now (G6, H2).

One function per subject class, ``pgmask_private.audit_subjects_<class>``.  It runs as
``pgmask_keyless``, which reads the key, the unit, the owner and the flags of the subject's own
table and nothing else of it, so that code of the application that a query sets off reaches no key.
It is there once the subject's table has its flags (stage ``sealing``).
"""

from __future__ import annotations

from pgmask.compile.columns import HIGH_VALUE
from pgmask.compile.context import KEYLESS, OWNER, Context, statement
from pgmask.compile.objects import Kind, Object, Phase
from pgmask.compile.sealing_parts import KEYLESS_ONLY
from pgmask.names import Name, derived
from pgmask.sqltext import dollar, literal

_PARAMETERS = "p_keys text[], p_unit text, p_high_value boolean"
_TYPES = "text[], text, boolean"


def columns(context: Context) -> tuple[str, ...]:
    """The columns of the subject's own table that the function reads beside key and flags."""
    subject = context.subject
    if subject is None or not _is_home(context):
        return ()
    return tuple(
        name
        for name in (subject.unit, subject.owner)
        if name is not None and context.relation.column(name) is not None
    )


def build(context: Context) -> list[Object]:
    """The function, for the table that holds one row per subject of a class."""
    subject = context.subject
    if subject is None or not _is_home(context) or not context.stage.seals:
        return []
    there = columns(context)

    def column(name: str | None) -> str:
        return f"s.{Name(name).quoted}::text" if name in there and name else "NULL::text"

    key = f"s.{Name(subject.key).quoted}"
    read = (
        f"SELECT {key}::text, {column(subject.unit)}, s.{HIGH_VALUE.quoted},"
        f" {column(subject.owner)}\n"
        f"      FROM {context.place.quoted} AS s"
    )
    body = f"""
#variable_conflict use_column
BEGIN
  {KEYLESS_ONLY.replace(chr(10), chr(10) + "  ")}
  IF p_keys IS NOT NULL THEN
    RETURN QUERY
    {read}
     WHERE {key} = ANY (p_keys::{context.fact(subject.key).type}[]);
  ELSE
    RETURN QUERY
    {read}
     WHERE {column(subject.unit)} = p_unit OR (p_high_value AND s.{HIGH_VALUE.quoted});
  END IF;
EXCEPTION
  WHEN data_exception THEN
    RETURN;  -- a text that is no key of this class
END;
"""
    name = derived("audit_subjects_", subject.name)
    qualified = f"pgmask_private.{name.quoted}({_TYPES})"
    schema = "CREATE ON SCHEMA pgmask_private"
    says = f"Unit, flag and owner of subjects of class {subject.name}, for reports of the record."
    return [
        Object(
            kind=Kind.FUNCTION,
            identity=f"pgmask_private.{name}",
            table=context.table.id,
            phase=Phase.FUNCTIONS,
            create=(
                statement(
                    f"CREATE OR REPLACE FUNCTION pgmask_private.{name.quoted}({_PARAMETERS})\n"
                    "RETURNS TABLE (subject_key text, unit_id text, high_value boolean,"
                    " owner_id text)\n"
                    "LANGUAGE plpgsql\nSTABLE\nCALLED ON NULL INPUT\nPARALLEL UNSAFE\n"
                    "SECURITY DEFINER\nSET search_path = pg_catalog, pg_temp\n"
                    f"AS {dollar(body)}",
                    says,
                ),
                statement(f"REVOKE ALL ON FUNCTION {qualified} FROM PUBLIC"),
                # An owner needs CREATE to be given a function, and keeps none to replace it with.
                statement(f"GRANT {schema} TO {KEYLESS}"),
                statement(f"ALTER FUNCTION {qualified} OWNER TO {KEYLESS}"),
                statement(f"REVOKE {schema} FROM {KEYLESS}"),
                statement(f"GRANT EXECUTE ON FUNCTION {qualified} TO {OWNER}"),
                statement(f"COMMENT ON FUNCTION {qualified} IS {literal(says)}"),
            ),
            drop=(statement(f"DROP FUNCTION {qualified}"),),
            replace=True,
            address=("pgmask_private", name.text),
        )
    ]


def _is_home(context: Context) -> bool:
    subject, table = context.subject, context.table
    return subject is not None and subject.table == table.id and table.subject == subject.key
