"""Column references, whole rows and fields: ``a``, ``t.a``, ``t``, ``(t).a``, ``t.f``."""

from __future__ import annotations

from typing import Final

from pgmask.lineage.model import Use
from pgmask.lineage.reader import Node, Reader, expression
from pgmask.lineage.scope import (
    ROW,
    TWICE,
    Found,
    Item,
    Level,
    NameProblem,
    column_by_name,
    column_of,
    index_of,
    item_by_name,
    parameter,
)
from pgmask.lineage.types import TRIGGER_ROW, element, row_of, without_domains
from pgmask.lineage.values import NOTHING, Value, merged

_HINTS: Final = 20
"""Problems of one statement for which a near name is looked for."""


def _is_called(r: Reader, name: str) -> bool:
    """Whether a function could be called by ``row.name``."""
    return any(
        len(f.args) == 1 or f.defaults or f.modes for f in r.session.functions(None, name) if f.args
    )


def _perhaps_called(r: Reader, name: str) -> bool:
    """Whether ``row.name`` is a call, if a statement of the text has failed."""
    if name not in r.session.unsure_columns:
        return False
    return any(
        f.schema != "pg_catalog" or f.args[0] == "record" or '"any' in f.args[0]
        or f.args[0].startswith("any")
        for f in r.session.functions(None, name)
        if f.args and (len(f.args) == 1 or f.defaults or f.modes)
    )  # fmt: skip


def _of_row(r: Reader, name: str, row: Value, node: Node) -> Value:
    # Calls need names, and this is the one way back.
    from pgmask.lineage import functions

    return functions.of_row(r, name, row, node)


def take(r: Reader, found: Found, use: Use | None, position: int) -> Value:
    """Use what a name means: its columns are read."""
    item, number, value = found
    if item is not None and item.extra is not None:
        for notes in item.extra if number == ROW else item.extra[number : number + 1]:
            if notes is not None and number != -1:
                r.notes.take(notes, position)
    r.note(value.sources, use, position)
    return value


def words(fields: list[Node]) -> list[str | None]:
    """The names of a reference; None is the star."""
    return [f["String"].get("sval", "") if "String" in f else None for f in fields]


def resolve(r: Reader, body: Node, level: Level, use: Use | None) -> Found:
    """What a reference means, nothing of it being read yet; raises NameProblem."""
    try:
        return _resolve(r, body, level, use)
    except NameProblem as problem:
        # What may be a column of a relation that is not known is told with that relation.
        names = words(body["fields"])
        if problem.code in ("PM601", "PM602") and r.unknown and r.unresolved:
            if len(names) == 1 or names[-2] in r.unknown:
                return None, -1, NOTHING
        raise


def _resolve(r: Reader, body: Node, level: Level, use: Use | None) -> Found:
    names = words(body["fields"])
    first = names[0]
    if first is None:
        raise NameProblem("PM611", "a star stands where one value is wanted")
    if len(names) == 1:
        if first in r.session.unsure_columns and not _alone(level):
            raise _unsure(first)
        found = column_by_name(level, first)
        if first in r.session.unsure_columns and item_by_name(level, first) is not None:
            raise _unsure(first)
        if found is not None:
            return found
        item = item_by_name(level, first)
        if item is not None:
            return item, ROW, item.row()
        value = parameter(level, first)
        if value is not None:
            return None, -1, value
        raise _unknown(level, first, hint=len(r.unresolved) < _HINTS)
    item, rest = qualified(r, names, level)
    if item is None:
        return None, -1, _of_parameter(r, body, names, level)
    if rest is None:
        return item, ROW, item.row()
    found = column_of(item, rest)
    if found is not None and _perhaps_called(r, rest):
        raise _unsure(rest)
    if found is not None:
        return found
    if _is_called(r, rest):
        take(r, (item, ROW, item.row()), use, r.position(body))
        return None, -1, _of_row(r, rest, item.row(), body)
    raise NameProblem("PM602", f"{names[-2]!r} has no column {rest!r}")


def _unsure(name: str) -> NameProblem:
    return NameProblem(
        "PM614", f"an earlier statement may have made or dropped the column {name!r}",
        "Put the table's alias before it; where a function has the name too, write two files.",
    )  # fmt: skip


def _alone(level: Level) -> bool:
    """Whether a bare name can only be a column of one level."""
    at: Level | None = level
    with_items = 0
    while at is not None:
        if at.parameters:
            return False
        with_items += bool(at.items)
        at = at.parent
    return with_items < 2


def qualified(r: Reader, names: list[str | None], level: Level) -> tuple[Item | None, str | None]:
    """The relation of a qualified reference and what is named of it, None for the whole row."""
    parts = [n for n in names if n is not None]
    rest = None if names[-1] is None else parts.pop()
    if len(parts) == 3:
        if r.session.schema.database and parts[0] != r.session.schema.database:
            raise NameProblem("PM611", "another database cannot be named")
        parts = parts[1:]
    if len(parts) == 2:
        item = item_by_name(level, parts[1], parts[0])
    elif len(parts) == 1:
        item = item_by_name(level, parts[0])
    else:
        raise NameProblem("PM611", "a name with too many parts")
    if item is None and parameter(level, parts[0]) is None and not _is_function(level, parts[0]):
        raise NameProblem("PM601", f"nothing in FROM is called {'.'.join(parts)!r}")
    return item, rest


def _is_function(level: Level | None, name: str) -> bool:
    return parameter(level, f"{name}.") is not None


def _of_parameter(r: Reader, body: Node, names: list[str | None], level: Level) -> Value:
    """``function.parameter``, ``parameter.field`` or ``function.parameter.field``."""
    parts = [n for n in names if n is not None]
    if _is_function(level, parts[0]):
        parts = parts[1:]
    value = parameter(level, parts[0]) if parts else None
    if value is None:
        raise NameProblem("PM602", f"no parameter is called {names[-1]!r}")
    for name in parts[1:]:
        value = field(r, value, name, body)
    return value


def _unknown(level: Level, name: str, *, hint: bool) -> NameProblem:
    import difflib

    near: list[str] = []
    at: Level | None = level
    while hint and at is not None:
        near += [n for item in at.items if item.cols_visible for n in item.names]
        at = at.parent
    close = difflib.get_close_matches(name, near, n=1)
    return NameProblem(
        "PM602", f"no column is called {name!r} here", f"Is {close[0]!r} meant?" if close else ""
    )


def field(r: Reader, value: Value, name: str, node: Node) -> Value:
    """One field of a row."""
    if _perhaps_called(r, name):
        problem = _unsure(name)
        return r.refuse(problem.code, problem.message, node, problem.hint)
    if value.fields is not None:
        number = index_of([n for n, _ in value.fields]).get(name)
        if number == TWICE:
            raise NameProblem("PM603", f"the column name {name!r} is ambiguous")
        if number is not None:
            return value.fields[number][1]
    else:
        if value.type == TRIGGER_ROW:
            return Value(value.sources)
        relation = row_of(r.session, value.type)
        if relation is not None and name in relation.columns:
            return Value(value.sources, relation.types[relation.columns.index(name)])
        if relation is None and value.type in ("", "record"):
            return r.refuse("PM606", f"of what row {name!r} is a field is not known", node)
    if _is_called(r, name):
        return _of_row(r, name, value, node)
    return r.refuse("PM602", f"the row has no field {name!r}", node)


def fields_of(r: Reader, value: Value, node: Node) -> tuple[tuple[str, Value], ...]:
    """All fields of a row, as its star names them."""
    if value.fields is not None:
        return value.fields
    relation = row_of(r.session, value.type)
    if relation is None:
        r.refuse("PM606", "of what row the star is meant is not known", node)
        return ()
    return tuple(
        (name, Value(value.sources, text))
        for name, text in zip(relation.columns, relation.types, strict=True)
    )


@expression("ColumnRef", "fields location")
def column_ref(r: Reader, body: Node, level: Level, use: Use | None) -> Value:
    return take(r, resolve(r, body, level, use), use, r.position(body))


@expression("ParamRef", "number location")
def param_ref(r: Reader, body: Node, level: Level, use: Use | None) -> Value:
    value = parameter(level, f"${body.get('number', 0)}")
    if value is None:
        return NOTHING
    r.note(value.sources, use, r.position(body))
    return value


@expression("A_Indirection", "arg indirection")
def indirection(r: Reader, body: Node, level: Level, use: Use | None) -> Value:
    value, _ = steps(r, body, body["indirection"], level, use)
    return value


def steps(
    r: Reader, body: Node, path: list[Node], level: Level, use: Use | None
) -> tuple[Value, Found | None]:
    """Follow fields and subscripts; of a whole row only what is chosen counts as read."""
    arg = body["arg"]
    found: Found | None = None
    if "ColumnRef" in arg:
        reference = r.part(arg, "ColumnRef")
        found = resolve(r, reference, level, use)
        item, number, value = found
        if number == ROW and item is not None and path and "String" in path[0]:
            name = path[0]["String"].get("sval", "")
            column = column_of(item, name)
            if column is not None and _perhaps_called(r, name):
                raise _unsure(name)
            if column is not None:
                value = take(r, column, use, r.position(reference))
                path = path[1:]
            elif _is_called(r, name):
                take(r, found, use, r.position(reference))
                value = _of_row(r, name, item.row(), body)
                path = path[1:]
            else:
                raise NameProblem("PM602", f"{item.alias!r} has no column {name!r}")
        else:
            take(r, found, use, r.position(reference))
    else:
        value = r.evaluate(arg, level, use)
    for step in path:
        if "A_Indices" in step:
            places = [step["A_Indices"].get(key) for key in ("lidx", "uidx")]
            chosen = [r.evaluate(place, level, use) for place in places if place]
            text = without_domains(r.session, value.type)
            text = text if step["A_Indices"].get("is_slice") else element(text)
            value = Value(merged((value.sources, merged((c.sources for c in chosen), 3))), text)
        elif "String" in step:
            value = field(r, value, step["String"].get("sval", ""), body)
        elif "A_Star" not in step:
            r.refuse("PM605", "a step that is not understood", step)
    return value, found
