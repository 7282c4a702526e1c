"""The business case that a purpose of a reveal rests on, looked up by a role without a key (B3)."""

from __future__ import annotations

from textwrap import indent

from pgmask.catalogue.model import Purpose, Table
from pgmask.compile.context import Context, place_in
from pgmask.compile.objects import Object
from pgmask.compile.reveal_sql import Shown, reader, texts
from pgmask.compile.sealing import bundles_of
from pgmask.compile.sealing_reads import READER_ONLY
from pgmask.compile.sealing_sql import as_text
from pgmask.facts.model import RelationFact
from pgmask.names import Name
from pgmask.sqltext import literal


def case_check(shown: Shown, purpose: Purpose) -> str:
    """The purpose's business case."""
    asked = shown.reads(f"case_{purpose.name}", "p_reference", "v_for_class", "v_for_subject")
    return (
        f"IF p_purpose = {literal(purpose.name)} THEN\n  v_case := {asked};\n"
        f"  IF (v_case) IS NOT TRUE THEN\n    v_nothing := {shown.refuse('PM404')};\n  END IF;\n"
        "END IF;"
    )


def case_reader(shown: Shown, purpose: Purpose) -> Object | None:
    """The business case: there, of the same subject, and in the state that is asked for."""
    home = case_table(shown.context, purpose)
    if home is None:
        return None  # refused before by problems
    context, relation = home
    key = relation.primary_key[0]
    kind = context.type_of(key)
    subjects = {
        (b.subject.name.text, b.subject_class) for b in bundles_of(context) if b.subject is not None
    }
    of_same = " OR ".join(
        f"v_for_class = {literal(class_)} AND {_text(context, name)} = v_for_subject"
        for name, class_ in sorted(subjects)
    )
    tests = [f"c.{Name(key).quoted} = p_reference::{kind}", f"({of_same or 'false'})"]
    for column, values in purpose.when:
        tests.append(f"{_text(context, column)} = ANY ({texts(values)})")
    if purpose.within is not None:
        column, days = purpose.within
        today = "(clock_timestamp() AT TIME ZONE 'UTC')::date"
        tests.append(f"c.{Name(column).quoted}::date BETWEEN {today} - {days} AND {today} + {days}")
    where = "\n      AND ".join(tests)
    text = (
        f"BEGIN\n{indent(READER_ONLY, '  ')}\n"
        f"  RETURN EXISTS (\n    SELECT FROM {context.place.quoted} AS c\n"
        f"      WHERE {where});\n"
        "EXCEPTION\n  WHEN data_exception THEN\n    RETURN false;\nEND"
    )
    return reader(
        shown, f"case_{purpose.name}",
        "p_reference text, v_for_class text, v_for_subject text", "boolean", text,
        f"Whether a case fits purpose {purpose.name}",
    )  # fmt: skip


def _text(context: Context, column: str) -> str:
    """A column of the row ``c`` as text."""
    fact = context.relation.column(column)
    return as_text(f"c.{Name(column).quoted}", foreign=fact is not None and fact.foreign)


def case_table(context: Context, purpose: Purpose) -> tuple[Context, RelationFact] | None:
    """The table of a purpose's case with its facts, if its rows have a key of one column."""
    found = beside(context, context.catalogue.table(purpose.case or ""))
    if found is None or len(found.relation.primary_key) != 1:
        return None
    key = found.relation.column(found.relation.primary_key[0])
    if key is None or key.domain or key.own:
        return None  # its checks and casts would be code of the application
    day = found.relation.column(purpose.within[0]) if purpose.within is not None else None
    if day is not None and day.own:
        return None
    return found, found.relation


def beside(context: Context, table: Table | None) -> Context | None:
    """The context of another table, None where it is not there."""
    catalogue, facts = context.catalogue, context.facts
    place = place_in(catalogue, facts, table)
    if table is None or place is None:
        return None
    store = catalogue.store(table.schema)
    relation = facts.store_relation(table.id, table.schema, table.name)
    if store is None or relation is None:
        return None
    return Context(
        catalogue=catalogue, facts=facts, table=table, store=store, relation=relation, place=place
    )
