"""How a table is given back as it was before pgmask took it over: place, owner, comment, grants.

Read from ``store_table.adopted``.  What hangs on the table (views, policies, triggers, columns) is
taken off by its own objects before; constraints that the sealing trigger had taken over come back
with the object that took them (``sealing_adopt``).  Grants are given by the owner; who else had
given one is in ``adopted`` and not imitated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pgmask.names import Name, QualName
from pgmask.sqltext import Statement, literal

WORDS = {
    "a": "INSERT", "r": "SELECT", "w": "UPDATE", "d": "DELETE", "D": "TRUNCATE", "x": "REFERENCES",
    "t": "TRIGGER", "m": "MAINTAIN", "U": "USAGE",
}  # fmt: skip
"""Letters of ``aclitem`` as the word for GRANT; a sequence uses r, w and U."""
_ALL = {"TABLE": frozenset("arwdDxt"), "SEQUENCE": frozenset("rwU")}


def give_back(
    adopted: Mapping[str, Any], here: Mapping[tuple[str, str], QualName]
) -> tuple[Statement, ...]:
    """Statements that give the table, its children and their sequences back, in their order.

    here: where each of the family stands now, by (schema, name) of before; what is not in it has
    gone meanwhile and is left out.
    """
    found: list[Statement] = []
    for one in (adopted, *adopted.get("children", ())):
        now = here.get((one["schema"], one["name"]))
        if now is not None:
            found += _relation(one, now)
    return tuple(found)


def _relation(one: Mapping[str, Any], now: QualName) -> Iterator[Statement]:
    table = QualName.of(one["schema"], one["name"])
    if now.schema != table.schema:
        yield Statement(
            text=f"ALTER TABLE {now.quoted} SET SCHEMA {table.schema.quoted}",
            comment="back to where the application made it",
        )
    owner = Name(one["owner"])
    yield Statement(text=f"ALTER TABLE {table.quoted} OWNER TO {owner.quoted}")
    comment = literal(one["comment"]) if one.get("comment") else "NULL"
    yield Statement(text=f"COMMENT ON TABLE {table.quoted} IS {comment}")
    yield from _grants("TABLE", table, one["owner"], one.get("acl"))
    for column in one.get("columns", ()):
        yield from _column_grants(table, column)
    for sequence in one.get("sequences", ()):
        yield from _sequence(one, table, sequence)
    if one.get("row_security"):
        yield Statement(text=f"ALTER TABLE {table.quoted} ENABLE ROW LEVEL SECURITY")
    if one.get("force_row_security"):
        yield Statement(text=f"ALTER TABLE {table.quoted} FORCE ROW LEVEL SECURITY")


def _sequence(
    one: Mapping[str, Any], table: QualName, sequence: Mapping[str, Any]
) -> Iterator[Statement]:
    """A serial's sequence had stayed and given up its column; an identity's came with the table."""
    name = QualName.of(sequence["schema"], sequence["name"])
    if not sequence.get("identity") and sequence.get("column"):
        column = f"{table.quoted}.{Name(sequence['column']).quoted}"
        yield Statement(
            text=f"ALTER SEQUENCE {name.quoted} OWNED BY {column}",
            comment="it goes with its column again",
        )
    yield from _grants("SEQUENCE", name, one["owner"], sequence.get("acl"))


def _grants(
    word: str, name: QualName, owner: str, acl: Sequence[Sequence[str]] | None
) -> Iterator[Statement]:
    for grantee, letters, *_ in acl or ():
        if grantee == owner:
            if not _ALL[word] <= set(letters):
                who = Name(owner).quoted
                yield Statement(text=f"REVOKE ALL PRIVILEGES ON {word} {name.quoted} FROM {who}")
                yield from _given(word, name, grantee, letters, "")
            continue
        yield from _given(word, name, grantee, letters, "")


def _column_grants(table: QualName, column: Mapping[str, Any]) -> Iterator[Statement]:
    for grantee, letters, *_ in column.get("acl") or ():
        yield from _given("TABLE", table, grantee, letters, f" ({Name(column['name']).quoted})")


def _given(
    word: str, name: QualName, grantee: str, letters: str, column: str
) -> Iterator[Statement]:
    """One GRANT for what is plain, one for what may be passed on."""
    who = Name(grantee).quoted if grantee else "PUBLIC"
    plain: list[str] = []
    passed: list[str] = []
    for letter, after in zip(letters, [*letters[1:], ""], strict=True):
        if letter != "*":
            (passed if after == "*" else plain).append(WORDS[letter] + column)
    for words, option in ((plain, ""), (passed, " WITH GRANT OPTION")):
        if words:
            given = ", ".join(words)
            yield Statement(text=f"GRANT {given} ON {word} {name.quoted} TO {who}{option}")
