"""One table written out, with the origin of every value: what is hashed and deployed (A4)."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.catalogue.load import Loaded
from pgmask.catalogue.model import Catalogue, Column, Position, Table, Unique
from pgmask.catalogue.patterns import BadReference, parts, written
from pgmask.catalogue.problems import did_you_mean
from pgmask.catalogue.yamltext import flow_list, flow_map, scalar
from pgmask.errors import CatalogueError
from pgmask.kinds import KINDS

Line = tuple[int, str, str]
"""Indent, text, comment."""


def find_table(catalogue: Catalogue, text: str) -> Table:
    """The table a person means by ``table`` or ``schema.table``.  Raises CatalogueError (PM013)."""
    try:
        names = tuple(p.text for p in parts(text, 2))
    except BadReference as error:
        raise CatalogueError("PM012", str(error)) from None
    found = [t for t in catalogue.tables if (t.schema, t.name)[-len(names) :] == names]
    if len(found) == 1:
        return found[0]
    if found:
        raise CatalogueError("PM013", f"{text!r} is in several schemas", hint="Write schema.table.")
    raise CatalogueError(
        "PM013",
        f"there is no protected table {text!r}",
        hint=did_you_mean(text, [t.name for t in catalogue.tables]),
    )


def expand(loaded: Loaded, table: Table) -> str:
    """The table as YAML of the catalogue's own format; comments say where each value comes from."""
    lines = list(_table(loaded, table))
    width = min(56, max(indent + len(text) for indent, text, comment in lines if comment))
    out = []
    for indent, text, comment in lines:
        line = " " * indent + text
        out.append(f"{line.ljust(width)}  # {comment}" if comment else line)
    return "\n".join(out) + "\n"


def _table(loaded: Loaded, table: Table) -> Iterator[Line]:
    catalogue = loaded.catalogue
    if catalogue is None:
        return
    yield 0, f"# {table.id}, written out; the whole catalogue is {catalogue.hash[:16]}", ""
    yield 0, "tables:", ""
    yield 2, f"{scalar(written(table.schema, table.name))}:", str(table.position)
    own = next((s for s in catalogue.subjects if s.table == table.id), None)
    if own is not None:
        yield 4, f"# the subjects themselves: class {own.name}, key {own.key}", ""
    elif table.subject is None:
        yield 4, "subject: none", "each row is its own subject"
    else:
        pairs = (("column", table.subject), ("class", table.subject_class))
        yield 4, f"subject: {flow_map(pairs)}", ""
    if table.unit and own is None:
        yield 4, f"unit: {scalar(table.unit)}", ""
    for key, value in (("owner", table.owner), ("channel", table.channel)):
        if value:
            yield 4, f"{key}: {scalar(value)}", ""
    if table.domain:
        yield 4, f"domain: {scalar(table.domain)}", ""
    yield 4, f"rollout: {table.rollout}", ""
    if table.conflict_target:
        yield 4, f"conflict_target: {flow_list(table.conflict_target)}", ""
    if table.keep_sealed:
        yield 4, "audit: {keep_sealed: true}", ""
    yield 4, "columns:", ""
    for column in table.columns:
        origins = loaded.origins.get((table.id, column.name), {})
        yield 6, f"{scalar(column.name)}:", str(column.position)
        for key, text in _column(column, table):
            yield 8, f"{key}: {text}", _origin(origins.get(key))


def _column(column: Column, table: Table) -> Iterator[tuple[str, str]]:
    yield "level", str(column.level)
    yield "category", scalar(column.category)
    if column.kind is not None:
        yield "kind", scalar(column.kind)
        yield "mask", scalar(column.mask or KINDS[column.kind].default_mask)
    if column.kind_by is not None:
        pairs = [("column", column.kind_by.column), *column.kind_by.cases]
        yield "kind_by", flow_map([*pairs, ("else", column.kind_by.otherwise)])
    if column.subject is not None:
        class_ = column.subject_class or table.subject_class
        if class_ is None:
            yield "subject", scalar(column.subject)
        else:
            yield "subject", flow_map((("column", column.subject), ("class", class_)))
    if column.level == 1:
        yield "search", "exact" if column.search else "none"
    if column.unique is not Unique.NO:
        yield "unique", str(column.unique)
    if column.required:
        yield "required", "true"
    if column.level < 3:
        yield "validate", column.validate
        yield "hidden_as", column.hidden_as
    if column.audit is not None:
        yield "audit", str(column.audit)
    for key in ("why", "basis", "derivation"):
        value = getattr(column, key)
        if value is not None:
            yield key, scalar(value)
    if column.derived_from:
        yield "derived_from", flow_list(map(_reference, column.derived_from))
    if column.checks:
        yield "checks", flow_map(column.checks)


def _reference(text: str) -> str:
    """A stored reference (names joined by dots) as it is written in a catalogue."""
    return written(*text.split(".")) if text.count(".") in (0, 2) else text


def _origin(origin: tuple[str, Position] | None) -> str:
    if origin is None:
        return ""
    label, position = origin
    if label == "here":
        return ""
    return f"{label} ({position})" if position.file else label
