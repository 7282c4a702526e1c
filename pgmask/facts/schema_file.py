"""The snapshot as a JSON file, for where there is no database: ``pgmask schema dump``."""

from __future__ import annotations

import json
from typing import Any, Final

from pgmask.errors import PgmaskError
from pgmask.facts.schema import Kept, Operator, Relation, Schema, type_of

FORMAT: Final = 2
"""Version of the snapshot's form; another one is refused."""


def dumps(schema: Schema) -> str:
    """The snapshot as JSON, sorted, one relation or function a line: it may be kept in git."""
    head = {
        "pgmask_schema": FORMAT,
        "server": schema.server,
        "database": schema.database,
        "search_path": schema.search_path,
        "schemas": sorted(schema.schemas),
    }
    parts = [f"{_json(key)}: {_json(value)}" for key, value in head.items()]
    relations = (_relation_row(r) for _, r in sorted(schema.relations.items()))
    functions = (
        [name, *row] for name in sorted(schema.function_rows) for row in schema.function_rows[name]
    )
    types = (
        [t.schema, t.name, t.formatted, t.kind, t.category, t.base,
         *((t.checks, t.default) if t.checks or t.default else ())]
        for t in schema.types
    )  # fmt: skip
    operators = ([o.schema, o.name, o.left, o.right, o.function] for o in schema.operators)
    for key, rows in (
        ("relations", relations), ("functions", functions), ("types", types),
        ("operators", operators),
    ):  # fmt: skip
        parts.append(f"{_json(key)}: [\n" + ",\n".join(_json(row) for row in rows) + "\n]")
    return "{" + ",\n".join(parts) + "}\n"


def loads(text: str) -> Schema:
    """The snapshot that ``dumps`` wrote; refuses another version or form with PM610."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise PgmaskError("PM610", "the schema snapshot is not JSON") from error
    version = found.get("pgmask_schema") if isinstance(found, dict) else None
    if version != FORMAT:
        raise PgmaskError(
            "PM610",
            f"the schema snapshot has format {version!r}, this pgmask reads {FORMAT}"
            if version is not None
            else "this JSON is no schema snapshot",
            hint="pgmask schema dump writes one.",
        )
    try:
        rows: dict[str, list[Any]] = {}
        for name, *row in found["functions"]:
            rows.setdefault(name, []).append(row)
        return Schema(
            relations={(row[0], row[1]): _relation(row) for row in found["relations"]},
            function_rows={name: tuple(some) for name, some in rows.items()},
            types=tuple(type_of(row) for row in found["types"]),
            operators=tuple(
                Operator(schema, name, left, right, (f[0], f[1], f[2]))
                for schema, name, left, right, f in found["operators"]
            ),
            search_path=tuple(found["search_path"]),
            schemas=frozenset(found["schemas"]),
            database=found["database"],
            server=found["server"],
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise PgmaskError("PM610", "the schema snapshot is damaged") from error


def _relation_row(r: Relation) -> list[Any]:
    row: list[Any] = [r.schema, r.name, r.kind, r.columns, r.types]
    more: dict[str, Any] = {
        "not_null": sorted(r.not_null),
        "primary_key": r.primary_key,
        "parents": r.parents,
        "definition": r.definition,
        "instead": r.instead,
        "kept": [(k.text, k.column, k.generated) for k in r.kept],
    }
    some = {key: value for key, value in more.items() if value}
    return [*row, some] if some else row


def _relation(row: list[Any]) -> Relation:
    more = row[5] if len(row) > 5 else {}
    return Relation(
        schema=row[0],
        name=row[1],
        kind=row[2],
        columns=tuple(row[3]),
        types=tuple(row[4]),
        not_null=frozenset(more.get("not_null", ())),
        primary_key=tuple(more.get("primary_key", ())),
        parents=tuple((s, n) for s, n in more.get("parents", ())),
        definition=more.get("definition"),
        instead=more.get("instead", False),
        kept=tuple(Kept(*one) for one in more.get("kept", ())),
    )


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
