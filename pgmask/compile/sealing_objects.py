"""The objects of one sealed table: columns, functions, triggers, CHECKs and blind indexes."""

from __future__ import annotations

from pgmask.compile import unsealing
from pgmask.compile.context import READER
from pgmask.compile.objects import Kind, Object, Phase
from pgmask.compile.sealing_insert import insert_body
from pgmask.compile.sealing_parts import KEYLESS_ONLY, follow_body, follows, masked_shadow
from pgmask.compile.sealing_reads import reads
from pgmask.compile.sealing_spec import MARKED, OTHER_GLYPH, PLAIN_GLYPH, SealedColumn, SealSpec
from pgmask.compile.sealing_sql import indented
from pgmask.compile.sealing_update import statement_body, update_body
from pgmask.compile.sealing_verify import verify_body
from pgmask.names import Name, derived
from pgmask.sqltext import Statement, dollar, literal

OWNER = "pgmask_sealer"
KEYLESS = "pgmask_keyless"
QUALITY = Name("pgmask_quality")
TRIGGERS = ("insert", "update", "statement", "marked")
TRIGGER_PREFIX = "zzz_pgmask_"


def objects(spec: SealSpec) -> tuple[Object, ...]:
    """Everything the sealing of the table needs beside the row-access and shadow columns.

    On its way back a table keeps columns and blind indexes; its triggers open instead of sealing,
    and no CHECK asks for masks.
    """
    if spec.unsealing:
        says = "NULL: not yet opened; false: a mask stays, a subject was erased."
        opened = _column(spec, unsealing.OPENED, "boolean", says)
        triggers = _triggers(spec, ("insert", "update"))
        return (*_columns(spec), opened, *_functions(spec), *triggers, *_indexes(spec))
    return (*_columns(spec), *_functions(spec), *_checks(spec), *_triggers(spec), *_indexes(spec))


def _columns(spec: SealSpec) -> list[Object]:
    found = [
        _column(spec, b.sealed, "bytea", f"Sealed truths, bundle {b.name}.", secret=True)
        for b in spec.bundles
    ]
    for column in spec.columns:
        if column.index_column is not None:
            kind = "uuid" if column.unique else "bigint"
            found.append(
                _column(spec, column.index_column, kind, f"Blind index of {column.name}.",
                        secret=True)
            )  # fmt: skip
    found.append(_column(spec, QUALITY, "text[]", "What is doubtful about the row (F4)."))
    return found


def _column(spec: SealSpec, name: Name, type_: str, says: str, *, secret: bool = False) -> Object:
    place = spec.store
    alter = f"ALTER TABLE {place.quoted}"
    create = [Statement(
        text=f"{alter} ADD COLUMN IF NOT EXISTS {name.quoted} {type_}")]  # fmt: skip
    if secret:
        # Samples of ciphertext and tokens in pg_statistic would outlive an erased row.
        create.append(Statement(
            text=f"{alter} ALTER COLUMN {name.quoted} SET STATISTICS 0"))  # fmt: skip
    create.append(
        Statement(text=f"COMMENT ON COLUMN {place.quoted}.{name.quoted} IS {literal(says)}")
    )
    return Object(
        kind=Kind.COLUMN,
        identity=f"{place}.{name}",
        table=spec.table_id,
        phase=Phase.COLUMNS,
        create=tuple(create),
        drop=(Statement(text=f"ALTER TABLE {place.quoted} DROP COLUMN {name.quoted}"),),
        replace=True,
        address=(place.schema.text, place.name.text, name.text),
    )


def _functions(spec: SealSpec) -> list[Object]:
    if spec.unsealing:
        bodies = {
            "insert": (unsealing.insert_body(spec), True, "Leaves plain what is inserted"),
            "update": (unsealing.update_body(spec), True, "Opens what is updated"),
        }
        verify, says = unsealing.verify_body(spec), "Says whether a row holds what was sealed"
    else:
        bodies = {
            "insert": (insert_body(spec), True, "Seals what is inserted"),
            "update": (update_body(spec), True, "Keeps or seals what is updated"),
            "statement": (statement_body(spec), False, "Ends an upsert's stash"),
        }
        verify, says = verify_body(spec), "Says whether the sealing of a row holds"
    found = [
        _function(spec, part, _of_own_table(spec, body) if definer else body, definer, what)
        for part, (body, definer, what) in bodies.items()
    ]
    found.append(
        _function(
            spec, "verify", verify, True, says,
            parameters=f"new {spec.store.quoted}", returns="text",
        )
    )  # fmt: skip
    found += [
        _function(
            spec, r.part, r.text, True, r.says, parameters=r.parameters, returns=r.returns,
            owner=READER,
        )
        for r in reads(spec)
    ]  # fmt: skip
    return [*found, *_keyless(spec)]


def _of_own_table(spec: SealSpec, body: str) -> str:
    """The body of a trigger function, around it a refusal to run for any other table.

    Whoever could hang it on a table of his own would have it read his own types: asked before a
    variable gets its value.
    """
    store = f"{literal(spec.store.quoted)}::regclass"
    says = literal(f"this function seals {spec.table_id} and no other table")
    ours = f"TG_RELID = {store} OR pg_partition_root(TG_RELID) = {store}"
    return (
        f"BEGIN\n  IF ({ours}) IS NOT TRUE THEN\n"
        f"    RAISE EXCEPTION USING ERRCODE = 'PM901', MESSAGE = {says};\n  END IF;\n"
        f"{indented(body)};\nEND"
    )


def _keyless(spec: SealSpec) -> list[Object]:
    """What sets off code of the application, so that this code never runs as the sealer."""
    found = []
    if follows(spec):
        # As texts: a column's new type must not make a second function beside the first.
        parameters = "p_key text, p_restricted boolean, p_high_value boolean, p_unit text"
        found.append(
            _function(
                spec, "follow", follow_body(spec), True, "Has rows follow their subject's flags",
                parameters=parameters, returns="text", owner=KEYLESS,
            )
        )  # fmt: skip
    for check in spec.moved:
        if check.domain is not None:
            name, domain = check.domain
            body = (
                f"BEGIN\n{indented(KEYLESS_ONLY)}\n"
                f"  RETURN (p_value::{domain} IS NULL) IN (TRUE, FALSE);\nEND"
            )
            found.append(
                _function(
                    spec, "", body, True, "Raises where a domain refuses the value",
                    parameters="p_value text", returns="boolean", owner=KEYLESS, name=name,
                )
            )  # fmt: skip
    return found


def _function(
    spec: SealSpec,
    part: str,
    body: str,
    definer: bool,
    says: str,
    *,
    parameters: str = "",
    returns: str = "trigger",
    owner: str = OWNER,
    name: Name | None = None,
) -> Object:
    name = name or spec.function(part)
    arguments = ", ".join(p.split(" ", 1)[1] for p in parameters.split(", ") if p)
    qualified = f"pgmask_private.{name.quoted}({arguments})"
    security = "DEFINER\nSET search_path = pg_catalog, pg_temp" if definer else "INVOKER"
    text = (
        f"CREATE OR REPLACE FUNCTION pgmask_private.{name.quoted}({parameters})\n"
        f"RETURNS {returns}\nLANGUAGE plpgsql\nVOLATILE\n"
        f"CALLED ON NULL INPUT\nPARALLEL UNSAFE\nSECURITY {security}\n"
        f"AS {dollar(chr(10) + body + chr(10))}"
    )
    return Object(
        kind=Kind.FUNCTION,
        identity=f"pgmask_private.{name}",
        table=spec.table_id,
        phase=Phase.FUNCTIONS,
        create=(
            Statement(text=text),
            Statement(text=f"REVOKE ALL ON FUNCTION {qualified} FROM PUBLIC"),
            *owned(qualified, owner),
            Statement(
                text=f"COMMENT ON FUNCTION {qualified} IS {literal(f'{says} in {spec.table_id}.')}"
            ),
        ),
        drop=(Statement(text=f"DROP FUNCTION {qualified}"),),
        replace=True,
        address=("pgmask_private", name.text),
    )


def owned(qualified: str, owner: str) -> list[Statement]:
    """Give a function of ``pgmask_private`` to its owner; the sealer calls those of the others."""
    give = Statement(text=f"ALTER FUNCTION {qualified} OWNER TO {owner}")
    if owner == OWNER:
        return [give]
    # An owner needs CREATE to be given a function, and keeps none to replace it with.
    schema = "CREATE ON SCHEMA pgmask_private"
    return [
        Statement(text=f"GRANT {schema} TO {owner}"),
        give,
        Statement(text=f"REVOKE {schema} FROM {owner}"),
        Statement(text=f"GRANT EXECUTE ON FUNCTION {qualified} TO {OWNER}"),
    ]


def mask_checks(spec: SealSpec) -> tuple[tuple[Name, str], ...]:
    """(constraint, expression): what may stand at rest, which is the promise (B1, F1).

    The third arm lets the row pass that an upsert only proposes: PostgreSQL evaluates CHECKs before
    it looks for the conflict.  Such a row is never stored; the trigger ``marked`` sees to that.
    """
    found: list[tuple[Name, str]] = []
    for column in spec.columns:
        if column.always or spec.has_high:
            found.append((derived("pgmask_mask_", column.name), _masked(spec, column)))
        shadow = masked_shadow(spec, column)
        if shadow is not None:
            marked = f"{spec.bundle(column.bundle).sealed.quoted} = '{MARKED}'::bytea"
            test = _text_masked(shadow, marked) if column.text else f"{shadow.quoted} IS NULL"
            found.append((derived("pgmask_mask_", shadow.text), test))
    for one in spec.shadows:
        if one.hidden:
            found.append((derived("pgmask_mask_", one.name.text), f"{one.name.quoted} IS NULL"))
    for bundle in spec.bundles:
        sealed = bundle.sealed.quoted
        found.append(
            (
                derived("pgmask_form_", bundle.sealed.text),
                f"octet_length({sealed}) >= 38 OR {sealed} = '{MARKED}'::bytea",
            )
        )
    return tuple(found)


def _text_masked(name: Name, marked: str) -> str:
    value = f'({name.quoted}::text COLLATE "C")'
    return (
        f"strpos({value}, '{PLAIN_GLYPH}') > 0 OR {value} = ''"
        f" OR {marked} AND strpos({value}, '{OTHER_GLYPH}') > 0"
    )


def _masked(spec: SealSpec, column: SealedColumn) -> str:
    marked = f"{spec.bundle(column.bundle).sealed.quoted} = '{MARKED}'::bytea"
    name = column.column.name
    test = _text_masked(name, marked) if column.text else f"{name.quoted} IS NULL OR {marked}"
    return test if column.always else f"NOT pgmask_high_value OR {test}"


def _checks(spec: SealSpec) -> list[Object]:
    found = []
    for name, expression in mask_checks(spec):
        place = spec.store
        # NOT VALID: what is there already is sealed by pgmask seal, which validates at its end.
        create = (
            Statement(
                text=f"ALTER TABLE {place.quoted} ADD CONSTRAINT {name.quoted}"
                f" CHECK ({expression}) NOT VALID"
            ),
        )
        found.append(
            Object(
                kind=Kind.CHECK,
                identity=f"{place}.{name}",
                table=spec.table_id,
                phase=Phase.CHECKS,
                create=create,
                drop=(
                    Statement(
                        text=f"ALTER TABLE {place.quoted} DROP CONSTRAINT IF EXISTS {name.quoted}"
                    ),
                ),
                address=(place.schema.text, place.name.text, name.text),
            )
        )
    return found


def _triggers(spec: SealSpec, parts: tuple[str, ...] = TRIGGERS) -> list[Object]:
    marked = " OR ".join(f"NEW.{b.sealed.quoted} = '{MARKED}'::bytea" for b in spec.bundles)
    ours = "pgmask_private"
    events = {
        "insert": ("BEFORE INSERT", "ROW", "", f"{ours}.{spec.function('insert').quoted}()"),
        "update": ("BEFORE UPDATE", "ROW", "", f"{ours}.{spec.function('update').quoted}()"),
        "statement": (
            "BEFORE UPDATE", "STATEMENT", "",
            f"pgmask_private.{spec.function('statement').quoted}()",
        ),
        "marked": (
            "AFTER INSERT OR UPDATE", "ROW", f"\nWHEN ({marked})",
            "pgmask_private.refuse_marked_row()",
        ),
    }  # fmt: skip
    place = spec.store
    found = []
    for part in parts:
        when, each, condition, function = events[part]
        name = Name(TRIGGER_PREFIX + part)
        create = (
            Statement(
                text=f"CREATE OR REPLACE TRIGGER {name.quoted}\n{when} ON {place.quoted}\n"
                f"FOR EACH {each}{condition}\nEXECUTE FUNCTION {function}"
            ),
            # Also under session_replication_role = replica: a plain row must not slip in.
            Statement(text=f"ALTER TABLE {place.quoted} ENABLE ALWAYS TRIGGER {name.quoted}"),
        )
        depends = () if part == "marked" else (
            f"{Kind.FUNCTION}:pgmask_private.{spec.function(part)}",)  # fmt: skip
        found.append(
            Object(
                kind=Kind.TRIGGER,
                identity=f"{place}.{name}",
                table=spec.table_id,
                phase=Phase.TRIGGERS,
                create=create,
                drop=(Statement(text=f"DROP TRIGGER IF EXISTS {name.quoted} ON {place.quoted}"),),
                replace=True,
                depends=depends,
                address=(place.schema.text, place.name.text, name.text),
            )
        )
    return found


def _indexes(spec: SealSpec) -> list[Object]:
    found = []
    for column in spec.columns:
        if column.index_column is None:
            continue
        name = column.index_name or derived("pgmask_", spec.store.name.text, column.name, "bidx")
        unique = "UNIQUE " if column.unique else ""
        keys = ", ".join([*(n.quoted for n in column.unique_with), column.index_column.quoted])
        where = f"{column.index_column.quoted} IS NOT NULL"
        if column.index_where is not None:
            where += f" AND ({column.index_where})"
        found.append(
            Object(
                kind=Kind.INDEX,
                identity=f"{spec.store.schema}.{name}",
                table=spec.table_id,
                phase=Phase.INDEXES,
                create=(
                    Statement(
                        text=f"CREATE {unique}INDEX {name.quoted} ON {spec.store.quoted} ({keys})"
                        f" WHERE {where}"
                    ),
                ),
                drop=(
                    Statement(
                        text=f"DROP INDEX IF EXISTS {spec.store.schema.quoted}.{name.quoted}"
                    ),
                ),
                address=(spec.store.schema.text, name.text),
            )
        )
    return found
