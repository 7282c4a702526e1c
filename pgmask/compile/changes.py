"""Statement triggers that record who changed which rows of a store table from what to what (G1).

They stand on the table, and on every partition and child: a statement fires those of the table that
it names, and a statement that names a partition does not name its parent.  Their function writes
rows of ``pgmask_audit.change`` in the transaction that makes the change, so both are kept or
neither.  An UPDATE that changes no column is recorded too, with an empty difference: an upsert's
RETURNING reads the row it meets, and this is the record of it.

What pgmask's own roles do to rows (sealing, keys, flags that follow their customer) is recorded
where something shows: a column that the record shows otherwise than before, or a flag.

The function belongs to ``pgmask_recorder``, which may add rows of changes and nothing else; what it
calls of the application's is named in ``changes_values``.  ENABLE ALWAYS: a setting of the session
does not silence it.
"""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.compile.changes_sql import NEW, OLD, OWN, ChangeSpec, body_of
from pgmask.compile.changes_values import values_of
from pgmask.compile.columns import PREFIX
from pgmask.compile.context import KEYLESS, MIGRATOR, SEALER, Context, statement
from pgmask.compile.objects import Kind, Object, Phase
from pgmask.compile.sealing import spec_of
from pgmask.compile.sealing_objects import TRIGGER_PREFIX
from pgmask.compile.store import place_of
from pgmask.facts.model import ColumnFact, RelationFact
from pgmask.names import Name, QualName, derived
from pgmask.sqltext import dollar, literal

RECORDER = "pgmask_recorder"
PART = "change_"
_OURS = f"CURRENT_USER IN ('{SEALER}', '{KEYLESS}')"
_EVENTS = (
    ("insert", "INSERT", f"REFERENCING NEW TABLE AS {NEW}", "", ""),
    ("update", "UPDATE", f"REFERENCING OLD TABLE AS {OLD} NEW TABLE AS {NEW}",
     f"NOT ({_OURS})", ""),
    ("own", "UPDATE", f"REFERENCING OLD TABLE AS {OLD} NEW TABLE AS {NEW}", _OURS, f"'{OWN}'"),
    ("delete", "DELETE", f"REFERENCING OLD TABLE AS {OLD}", "", ""),
    ("truncate", "TRUNCATE", "", "", ""),
)  # fmt: skip


def build(context: Context) -> tuple[Object, ...]:
    """The function and the triggers of the table, its partitions and children."""
    functions: dict[str, Object] = {}
    triggers: list[Object] = []
    for relation in (context.relation, *context.facts.descendants(context.relation)):
        if relation.kind not in "rp":
            continue
        function = _function(context, relation)
        functions.setdefault(function.identity, function)
        triggers += _triggers(context, place_of(context, relation), function)
    return (*functions.values(), *triggers)


def _function(context: Context, relation: RelationFact) -> Object:
    """One for the whole family; of its own for a child with columns that its parent has not."""
    above = {c.name for c in context.relation.columns}
    extra = any(c.name not in above and not c.name.startswith(PREFIX) for c in relation.columns)
    spec = change_spec(context, relation if extra else context.relation)
    parts = (context.table.id, relation.name) if extra else (context.table.id,)
    name = derived(PART, *parts)
    qualified = f"pgmask_private.{name.quoted}()"
    says = f"Records the changes of {context.table.id}."
    schema = "CREATE ON SCHEMA pgmask_private"
    return Object(
        kind=Kind.FUNCTION,
        identity=f"pgmask_private.{name}",
        table=context.table.id,
        phase=Phase.FUNCTIONS,
        create=(
            statement(
                f"CREATE OR REPLACE FUNCTION {qualified}\n"
                "RETURNS trigger\nLANGUAGE plpgsql\nVOLATILE\nCALLED ON NULL INPUT\n"
                "PARALLEL UNSAFE\nSECURITY DEFINER\nSET search_path = pg_catalog, pg_temp\n"
                # A plan is made for the first statement's number of rows, and kept.
                "SET enable_nestloop = off\n"
                f"AS {dollar(chr(10) + body_of(spec) + chr(10))}"
            ),
            statement(f"REVOKE ALL ON FUNCTION {qualified} FROM PUBLIC"),
            # An owner needs CREATE to be given a function, and keeps none to replace it with.
            statement(f"GRANT {schema} TO {RECORDER}"),
            statement(f"ALTER FUNCTION {qualified} OWNER TO {RECORDER}"),
            statement(f"REVOKE {schema} FROM {RECORDER}"),
            statement(f"GRANT EXECUTE ON FUNCTION {qualified} TO {MIGRATOR}"),
            statement(f"COMMENT ON FUNCTION {qualified} IS {literal(says)}"),
        ),
        drop=(statement(f"DROP FUNCTION {qualified}"),),
        replace=True,
        address=("pgmask_private", name.text),
    )


def _triggers(context: Context, place: QualName, function: Object) -> Iterator[Object]:
    for part, event, tables, condition, argument in _EVENTS:
        name = Name(f"{TRIGGER_PREFIX}{PART}{part}")
        when = f"\nWHEN ({condition})" if condition else ""
        reference = f"\n{tables}" if tables else ""
        called = f"pgmask_private.{Name(function.address[1]).quoted}"
        yield Object(
            kind=Kind.TRIGGER,
            identity=f"{place}.{name}",
            table=context.table.id,
            phase=Phase.TRIGGERS,
            create=(
                statement(
                    f"CREATE OR REPLACE TRIGGER {name.quoted}\nAFTER {event} ON {place.quoted}"
                    f"{reference}\nFOR EACH STATEMENT{when}\nEXECUTE FUNCTION {called}({argument})"
                ),
                statement(f"ALTER TABLE {place.quoted} ENABLE ALWAYS TRIGGER {name.quoted}"),
            ),
            drop=(statement(f"DROP TRIGGER IF EXISTS {name.quoted} ON {place.quoted}"),),
            replace=True,
            depends=(function.key,),
            address=(place.schema.text, place.name.text, name.text),
        )


def change_spec(context: Context, relation: RelationFact) -> ChangeSpec:
    """What the function must know of the table, or of a child with more columns."""
    spec = spec_of(context) if context.stage.seals else None
    facts = tuple(c for c in relation.columns if not c.name.startswith(PREFIX))
    by_name = {c.name: c for c in facts}
    family = (context.relation, *context.facts.descendants(context.relation))
    key = context.relation.primary_key
    return ChangeSpec(
        table_id=context.table.id,
        values=values_of(context, spec, facts),
        key=tuple(by_name[c] for c in key),
        subject=_subject(context, by_name),
        flags=context.stage.seals,
        sealed=tuple(b.sealed for b in spec.bundles) if spec is not None else (),
        keeps_sealed=context.table.keep_sealed,
        moves=any(r.kind == "p" for r in family),
    )


def _subject(
    context: Context, by_name: dict[str, ColumnFact]
) -> tuple[str, ColumnFact] | None:
    """Class and column of the customer; a row that speaks of nobody else is its own subject."""
    table = context.table
    if table.subject is not None and table.subject_class is not None:
        return table.subject_class, by_name[table.subject]
    key = context.relation.primary_key
    return (table.id, by_name[key[0]]) if len(key) == 1 else None
