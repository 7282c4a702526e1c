"""What names mean in one database: the snapshot against which queries are read.

Made by ``facts.snapshot`` from a live database, kept by ``facts.schema_file`` where there is none
(``pgmask schema dump``).  Names are as the system catalogues hold them, unquoted; types are
``format_type``'s text with only ``pg_catalog`` on the path.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Final

_ROW: Final = re.compile(r'(?:("(?:[^"]|"")+"|[^".]+)\.)?("(?:[^"]|"")+"|[^".]+)')
BOUNDARIES: Final = frozenset({"pg_catalog", "information_schema", "pg_toast"})
"""Schemas whose views are not looked through: the server's own."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An expression that a relation keeps and a write to it runs.

    Only those are in the snapshot that call functions outside of pg_catalog, or stand on a domain.
    column: which one it fills, '' of checks and of an index's or a partition key's expressions;
    generated: it fills the column on every write and not only where a write leaves it out.
    """

    text: str
    column: str = ""
    generated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """One relation; columns, types in the order of their numbers, dropped ones left out.

    kind: ``r`` table, ``p`` partitioned, ``v`` view, ``m`` materialised view, ``f`` foreign table,
    ``S`` sequence, ``c`` composite type, ``t`` TOAST; parents: what it inherits from or is a
    partition of; definition: a view's query; instead: triggers or rules of its own do its writes;
    kept: see there.
    """

    schema: str
    name: str
    kind: str = "r"
    columns: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    not_null: frozenset[str] = frozenset()
    primary_key: tuple[str, ...] = ()
    parents: tuple[tuple[str, str], ...] = ()
    definition: str | None = None
    instead: bool = False
    kept: tuple[Kept, ...] = ()

    @property
    def is_boundary(self) -> bool:
        """Whether its columns are base columns: everything but a view that can be looked into."""
        return self.kind != "v" or self.definition is None or self.schema in BOUNDARIES


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One function, aggregate, window function or procedure.

    kind: ``f a w p``; args, names, modes: of its arguments that are given (``i``, ``b``, ``v``
    variadic); defaults: how many of the last ones may be left out; columns: OUT and TABLE arguments
    as name and type; returns: result type; returns_set; language; volatility ``i s v``; definer:
    SECURITY DEFINER; body: of the languages sql and plpgsql; atomic: the body is SQL of the
    standard, resolved when it was made; path: its own search_path; extension: whose member it is;
    default_text: the default expressions, joined by comma; behind: functions of an aggregate that
    are not of pg_catalog, as ``Operator.function``.
    """

    schema: str
    name: str
    kind: str = "f"
    args: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    modes: str = ""
    defaults: int = 0
    columns: tuple[tuple[str, str], ...] = ()
    returns: str = "void"
    returns_set: bool = False
    language: str = "internal"
    volatility: str = "v"
    definer: bool = False
    body: str | None = None
    atomic: bool = False
    path: tuple[str, ...] | None = None
    extension: str = ""
    default_text: str = ""
    behind: tuple[tuple[str, str, str], ...] = ()

    @property
    def signature(self) -> str:
        """The types of its arguments, joined by comma and blank."""
        return ", ".join(self.args)


@dataclass(frozen=True, slots=True)
class TypeInfo:
    """One type that is no relation's row: kind ``b c d e p r m``, category as ``typcategory``.

    base: what a domain stands on, or an array's element; checks, default: of a domain, as ``Kept``.
    """

    schema: str
    name: str
    formatted: str
    kind: str = "b"
    category: str = "U"
    base: str = ""
    checks: tuple[str, ...] = ()
    default: str = ""


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator, or a cast (name ``::``), done by a function outside of pg_catalog."""

    schema: str
    name: str
    left: str
    right: str
    function: tuple[str, str, str]
    """Schema, name and argument types."""


@dataclass(frozen=True, kw_only=True)
class Schema:
    """The snapshot.

    relations by schema and name; functions as rows by name, made into values when asked for;
    search_path: of the login that read it, existing schemas only; server: version number of the
    server, 0 where it is unknown.
    """

    relations: Mapping[tuple[str, str], Relation]
    function_rows: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    types: tuple[TypeInfo, ...] = ()
    operators: tuple[Operator, ...] = ()
    search_path: tuple[str, ...] = ("public",)
    schemas: frozenset[str] = frozenset({"public", "pg_catalog", "information_schema"})
    database: str = ""
    server: int = 0
    _functions: dict[str, tuple[Function, ...]] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )
    memo: dict[Any, Any] = field(default_factory=dict, init=False, compare=False, repr=False)
    """What was worked out about views and functions; never part of the snapshot."""

    def functions(self, name: str) -> tuple[Function, ...]:
        """All functions of that name, in whatever schema."""
        found = self._functions.get(name)
        if found is None:
            found = tuple(_function(name, row) for row in self.function_rows.get(name, ()))
            self._functions[name] = found
        return found

    @cached_property
    def types_by_name(self) -> Mapping[tuple[str, str], TypeInfo]:
        """Types by schema and name."""
        return {(t.schema, t.name): t for t in self.types}

    @cached_property
    def types_by_text(self) -> Mapping[str, TypeInfo]:
        """Types by ``format_type``'s text."""
        return {t.formatted: t for t in self.types}

    @cached_property
    def checked(self) -> bool:
        """Whether any domain has checks or a default of its own functions."""
        return any(t.checks or t.default for t in self.types)

    @cached_property
    def keeps(self) -> bool:
        """Whether anything is run by a write beside itself."""
        return self.checked or any(r.kept for r in self.relations.values())

    @cached_property
    def children(self) -> Mapping[tuple[str, str], tuple[Relation, ...]]:
        """Partitions and relations that inherit, by their parent."""
        found: dict[tuple[str, str], tuple[Relation, ...]] = {}
        for relation in self.relations.values():
            for parent in relation.parents:
                found[parent] = (*found.get(parent, ()), relation)
        return found

    @cached_property
    def rows_by_text(self) -> Mapping[str, Relation]:
        """Relations by the text of their row type."""
        return {row_type(r.schema, r.name): r for r in self.relations.values()}


def row_type(schema: str, name: str) -> str:
    """The text of a relation's row type as ``format_type`` writes it."""
    if schema == "pg_catalog":
        return _quoted(name)
    return f"{_quoted(schema)}.{_quoted(name)}"


@lru_cache(4096)
def row_key(text: str) -> tuple[str, str] | None:
    """Schema and name of the relation whose row type a text can be, the other way of ``row_type``;
    whether there is one is not asked.
    """
    match = _ROW.fullmatch(text)
    if match is None:
        return None
    names = [
        part if part[:1] != '"' else part[1:-1].replace('""', '"') for part in match.groups("")
    ]
    return names[0] or "pg_catalog", names[1]


def _quoted(name: str) -> str:
    plain = name.isascii() and name.replace("_", "a").replace("$", "0").isalnum()
    if plain and name == name.lower() and not name[0].isdigit() and name[0] != "$":
        return name
    return '"' + name.replace('"', '""') + '"'


def _function(name: str, row: Any) -> Function:
    (schema, kind, args, names, modes, defaults, columns, returns, returns_set, language,
     volatility, definer, body, atomic, path, extension, *more) = row  # fmt: skip
    return Function(
        schema=schema, name=name, kind=kind, args=tuple(args), names=tuple(names), modes=modes,
        defaults=defaults, columns=tuple((n, t) for n, t in columns), returns=returns,
        returns_set=returns_set, language=language, volatility=volatility, definer=definer,
        body=body, atomic=atomic, path=None if path is None else tuple(path), extension=extension,
        default_text=more[0] if more else "",
        behind=tuple((s, n, a) for s, n, a in more[1]) if len(more) > 1 else (),
    )  # fmt: skip


def function_row(function: Function) -> list[Any]:
    """A function as it stands in ``Schema.function_rows``: what JSON makes of it."""
    f = function
    return [
        f.schema, f.kind, list(f.args), list(f.names), f.modes, f.defaults,
        [list(column) for column in f.columns], f.returns, f.returns_set, f.language,
        f.volatility, f.definer, f.body, f.atomic, None if f.path is None else list(f.path),
        f.extension, *((f.default_text, [list(b) for b in f.behind])
                       if f.default_text or f.behind else ()),
    ]  # fmt: skip


def make_schema(
    relations: Iterable[Relation],
    functions: Iterable[Function] = (),
    **others: Any,
) -> Schema:
    """A schema from values, as a test or a reader of a live database has them."""
    rows: dict[str, list[Any]] = {}
    for function in functions:
        rows.setdefault(function.name, []).append(function_row(function))
    return Schema(
        relations={(r.schema, r.name): r for r in relations},
        function_rows={name: tuple(found) for name, found in rows.items()},
        **others,
    )


def type_of(row: Iterable[Any]) -> TypeInfo:
    """A type from its row, as the server and as JSON have it."""
    schema, name, formatted, kind, category, base, *more = row
    checks, default = more or ((), "")
    return TypeInfo(
        schema, name, formatted, kind, category, base, tuple(checks or ()), default or ""
    )
