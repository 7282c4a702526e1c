"""The schema as the statements of one text see it: what earlier ones made or dropped counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from pgmask.facts.schema import Function, Relation, Schema

TEMPORARY: Final = "pg_temp"


@dataclass(slots=True)
class State:
    """What a ROLLBACK takes back.

    relations: None where one was dropped; views: what those that the text made mean, bound when
    they were made, and the relations that they name.
    """

    path: tuple[str, ...]
    relations: dict[tuple[str, str], Relation | None] = field(default_factory=dict)
    functions: dict[str, tuple[Function, ...]] = field(default_factory=dict)
    views: dict[tuple[str, str], tuple[Any, frozenset[tuple[str, str]]]] = field(
        default_factory=dict
    )
    schemas: frozenset[str] = frozenset()
    path_known: bool = True
    after: tuple[tuple[str, ...], bool] | None = None
    """The path that comes back at the end of the transaction, and whether it is known."""

    def copy(self) -> State:
        """A copy that later changes do not touch."""
        return State(
            self.path, dict(self.relations), dict(self.functions), dict(self.views),
            self.schemas, self.path_known, self.after,
        )  # fmt: skip


class Session:
    """The schema, the search_path, and what this text has changed of both so far."""

    def __init__(self, schema: Schema, path: tuple[str, ...] | None = None) -> None:
        self.schema = schema
        given = schema.search_path if path is None else path
        self.state = State(tuple(name for name in given if name != "$user"))
        self.first = self.state.copy()
        self.began: list[tuple[str, State]] = []
        self.caller: tuple[tuple[str, ...], bool] | None = None
        """Inside of a view: the session's path and whether it is known, for functions' bodies."""
        self.prepared: dict[str, Any] = {}
        self.cursors: dict[str, Any] = {}

    @property
    def touched(self) -> bool:
        """Whether the text has made anything of its own, so that nothing is remembered."""
        return bool(self.state.relations or self.state.functions)

    def search(self) -> tuple[str, ...]:
        """The schemas in the order in which relations are looked for."""
        path = self.state.path
        first = () if TEMPORARY in path else (TEMPORARY,)
        return (*first, *(() if "pg_catalog" in path else ("pg_catalog",)), *path)

    def relation(self, schema: str | None, name: str) -> Relation | None:
        """The relation that a name means."""
        own, base = self.state.relations, self.schema.relations
        if schema is not None:
            key = (schema, name)
            return own[key] if key in own else base.get(key)
        for place in self.search():
            key = (place, name)
            found = own[key] if own and key in own else base.get(key)
            if found is not None:
                return found
        return None

    def running_path(self) -> tuple[tuple[str, ...], bool]:
        """The path with which a function without one of its own runs, and whether it is known."""
        return self.caller or (self.state.path, self.state.path_known)

    def functions(self, schema: str | None, name: str) -> list[Function]:
        """All functions of that name on the path, or of one schema; never temporary ones."""
        made = self.state.functions.get(name, ()) if self.state.functions else ()
        known = (*made, *self.schema.functions(name))
        if schema is not None:
            return [f for f in known if f.schema == schema]
        path = self.search()
        if len(known) == 1:
            return list(known) if known[0].schema in path else []
        order = {place: number for number, place in reversed(list(enumerate(path)))}
        order.pop(TEMPORARY, None)
        return sorted((f for f in known if f.schema in order), key=lambda f: order[f.schema])

    def target(self, schema: str | None, *, temporary: bool = False) -> str:
        """Where a new object without a schema comes to stand."""
        if temporary or schema == TEMPORARY:
            return TEMPORARY
        if schema is not None:
            return schema
        for place in self.state.path:
            if place in self.schema.schemas or place in self.state.schemas:
                return place
        return self.state.path[0] if self.state.path else "public"

    def define(self, relation: Relation) -> None:
        """A relation that is there from now on."""
        self.state.relations[relation.schema, relation.name] = relation

    def drop(self, relation: Relation) -> None:
        """A relation that is gone from now on."""
        self.state.relations[relation.schema, relation.name] = None

    def add(self, function: Function) -> None:
        """A function that is there from now on, in place of one with the same arguments."""
        known = self.state.functions.get(function.name, ())
        kept = tuple(f for f in known if (f.schema, f.args) != (function.schema, function.args))
        self.state.functions[function.name] = (function, *kept)

    # Transactions: a ROLLBACK takes back what was made since, or since the text began.

    def begin(self, name: str = "") -> None:
        """BEGIN, or SAVEPOINT with its name."""
        self.began.append((name, self.state.copy()))

    def commit(self) -> None:
        """COMMIT: what was set LOCAL ends."""
        self.began.clear()
        if self.state.after is not None:
            self.state.path, self.state.path_known = self.state.after
            self.state.after = None

    def set_path(self, path: tuple[str, ...], *, known: bool, local: bool) -> None:
        """SET search_path.  LOCAL counts in a transaction only: whether one is open is not known
        where the text has not begun it.
        """
        state = self.state
        path = tuple(name for name in path if name != "$user")
        if local and not self.began:
            known = known and path == state.path
        elif local:
            state.after = state.after or (state.path, state.path_known)
        else:
            state.after = None
        state.path, state.path_known = path, known

    def rollback(self, name: str = "") -> None:
        """ROLLBACK, or ROLLBACK TO a savepoint."""
        if name:
            for number in range(len(self.began) - 1, -1, -1):
                if self.began[number][0] == name:
                    del self.began[number + 1 :]
                    self.state = self.began[number][1].copy()
                    return
        self.state = (self.began[0][1] if self.began else self.first).copy()
        if not name:
            self.began.clear()
