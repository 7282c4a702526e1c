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

from pgmask.compile.changes_sql import NEW, OLD, OWN, ChangeSpec, body_of, masker_body
from pgmask.compile.changes_values import values_of
from pgmask.compile.columns import HIGH_VALUE, PREFIX, RESTRICTED, UNIT
from pgmask.compile.context import KEYLESS, MIGRATOR, SEALER, Context, statement
from pgmask.compile.objects import Kind, Object, Phase
from pgmask.compile.sealing import spec_of
from pgmask.compile.sealing_objects import TRIGGER_PREFIX
from pgmask.compile.sealing_spec import SealSpec
from pgmask.compile.store import place_of
from pgmask.facts.model import ColumnFact, RelationFact
from pgmask.names import Name, QualName, derived
from pgmask.sqltext import dollar, literal

RECORDER = "pgmask_recorder"
PART = "change_"
# Before PART in the order of names, as the triggers' function calls it.
MASKS = "audit_mask_"
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
        masking, recording = _functions(context, relation)
        functions |= {f.identity: f for f in (masking, recording)}
        triggers += _triggers(context, place_of(context, relation), recording)
    return (*functions.values(), *triggers)


def _functions(context: Context, relation: RelationFact) -> tuple[Object, Object]:
    """What masks values, and what records: for the whole family, or for a child with columns that
    its parent has not.
    """
    above = {c.name for c in context.relation.columns}
    extra = any(c.name not in above and not c.name.startswith(PREFIX) for c in relation.columns)
    parts = (context.table.id, relation.name) if extra else (context.table.id,)
    masker = derived(MASKS, *parts)
    spec = change_spec(
        context, relation if extra else context.relation, f"pgmask_private.{masker.quoted}"
    )
    masks = sorted({m for v in spec.values for m in v.masks})
    masking = _function(
        context, masker, "p_mask text, p_value text, p_stored boolean", "text",
        "STABLE\nCALLED ON NULL INPUT\nPARALLEL SAFE\nSECURITY INVOKER", masker_body(masks),
        "Masks what the record of changes shows",
    )  # fmt: skip
    recording = _function(
        context, derived(PART, *parts), "", "trigger",
        "VOLATILE\nCALLED ON NULL INPUT\nPARALLEL UNSAFE\nSECURITY DEFINER\n"
        "SET search_path = pg_catalog, pg_temp\n"
        # A plan is made for the first statement's number of rows, and kept.
        "SET enable_nestloop = off\n"
        # The punished loop of one row would look dear enough to be compiled, for half a second.
        "SET jit = off",
        body_of(spec), "Records the changes", granted=MIGRATOR, depends=(masking.key,),
    )  # fmt: skip
    return masking, recording


def _function(
    context: Context, name: Name, parameters: str, returns: str, marks: str, body: str, says: str,
    *, granted: str = "", depends: tuple[str, ...] = (),
) -> Object:  # fmt: skip
    arguments = ", ".join(p.split(" ", 1)[1] for p in parameters.split(", ") if p)
    qualified = f"pgmask_private.{name.quoted}({arguments})"
    schema = "CREATE ON SCHEMA pgmask_private"
    create = [
        f"CREATE OR REPLACE FUNCTION pgmask_private.{name.quoted}({parameters})\n"
        f"RETURNS {returns}\nLANGUAGE plpgsql\n{marks}\nAS {dollar(chr(10) + body + chr(10))}",
        f"REVOKE ALL ON FUNCTION {qualified} FROM PUBLIC",
        # An owner needs CREATE to be given a function, and keeps none to replace it with.
        f"GRANT {schema} TO {RECORDER}",
        f"ALTER FUNCTION {qualified} OWNER TO {RECORDER}",
        f"REVOKE {schema} FROM {RECORDER}",
    ]
    if granted:
        create.append(f"GRANT EXECUTE ON FUNCTION {qualified} TO {granted}")
    create.append(f"COMMENT ON FUNCTION {qualified} IS {literal(f'{says} of {context.table.id}.')}")
    return Object(
        kind=Kind.FUNCTION,
        identity=f"pgmask_private.{name}",
        table=context.table.id,
        phase=Phase.FUNCTIONS,
        create=tuple(statement(text) for text in create),
        drop=(statement(f"DROP FUNCTION {qualified}"),),
        replace=True,
        depends=depends,
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


def change_spec(context: Context, relation: RelationFact, masker: str) -> ChangeSpec:
    """What the function must know of the table, or of a child with more columns."""
    spec = spec_of(context) if context.stage.seals else None
    facts = tuple(c for c in relation.columns if not c.name.startswith(PREFIX))
    by_name = {c.name: c for c in facts}
    family = (context.relation, *context.facts.descendants(context.relation))
    key = context.relation.primary_key
    return ChangeSpec(
        table_id=context.table.id,
        values=values_of(context, spec, facts, masker),
        key=tuple(by_name[c] for c in key),
        subject=_subject(context, by_name),
        flags=_flags(context, spec),
        sealed=tuple(b.sealed for b in spec.bundles) if spec is not None else (),
        keeps_sealed=context.table.keep_sealed,
        moves=any(r.kind == "p" for r in family),
    )


def _flags(context: Context, spec: SealSpec | None) -> tuple[Name, ...]:
    if not context.stage.seals:
        return ()
    unit = (UNIT,) if spec is not None and spec.keeps_unit else ()
    return (HIGH_VALUE, RESTRICTED, *unit)


def _subject(context: Context, by_name: dict[str, ColumnFact]) -> tuple[str, ColumnFact] | None:
    """Class and column of the customer; a row that speaks of nobody else is its own subject."""
    table = context.table
    if table.subject is not None and table.subject_class is not None:
        return table.subject_class, by_name[table.subject]
    key = context.relation.primary_key
    return (table.id, by_name[key[0]]) if len(key) == 1 else None
