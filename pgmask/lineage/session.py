"""The schema as the statements of one text see it: what earlier ones made or dropped counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from pgmask.facts.schema import Function, Relation, Schema
from pgmask.lineage.model import Column

TEMPORARY: Final = "pg_temp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Renamed(Relation):
    """A table of which the text has renamed columns; origins: new name and the one it is stored by
    in the snapshot, by which it is classified.
    """

    origins: tuple[tuple[str, str], ...] = ()


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

    def copy(self) -> State:
        """A copy that later changes do not touch."""
        return State(
            self.path, dict(self.relations), dict(self.functions), dict(self.views),
            self.schemas, self.path_known,
        )  # fmt: skip


class Session:
    """The schema, the search_path, and what this text has changed of both so far.

    A text may be run statement by statement or as one transaction, and any statement of it may
    fail.  So a ROLLBACK takes back what is *known* (``state``), and never what is *possible*:
    versions, moved, changed and lost only grow.
    """

    def __init__(self, schema: Schema, path: tuple[str, ...] | None = None) -> None:
        self.schema = schema
        given = schema.search_path if path is None else path
        self.state = State(tuple(name for name in given if name != "$user"))
        self.first = self.state.copy()
        self.began: list[tuple[str, State]] = []
        self.paths = Paths(self.state.path)
        self.caller: tuple[tuple[str, ...], bool] | None = None
        """Inside of a view: the session's path and whether it is known, for functions' bodies."""
        self.prepared: dict[str, Any] = {}
        self.cursors: dict[str, Any] = {}
        self.twice: set[tuple[str, str]] = set()
        """Prepared statements and cursors of a name that the text has used before."""
        self.versions: dict[tuple[str, str], list[Relation | None]] = {}
        """What the text has made of a name, None where it has dropped it."""
        self.unsure_columns: set[str] = set()
        """Columns that a relation has or has not, as a statement of the text has failed or not."""
        self.widened: dict[tuple[str, str], list[Any]] = {}
        """What views have come to mean that were made anew and keep what their columns meant."""
        self.moved: set[tuple[str, str]] = set()
        """Relations that have got another name, column names, parents or partitions."""
        self.changed: set[str] = set()
        """Names of functions that were altered, renamed or dropped."""
        self.hidden: frozenset[tuple[str, str]] = frozenset()
        """Views that are down just now: their names mean what comes later on the path."""
        self.follows: Callable[[Column], bool] | None = None
        """Whether a column that is renamed is known to whoever asked; None: every one is."""
        self.hides = False
        """Whether any has been down in this text."""
        self.lost = ""
        """What an earlier statement did that reaches further than can be followed."""
        self.cascaded = False
        self.inside = 0
        """Above 0 in a body in PL/pgSQL, where a SET may be run or not, or more than once."""
        self.pending = False
        """Whether this statement calls what may set the path: from its end on."""
        self.bare_inside = False
        """Whether a body of this statement has looked for a name on the session's path."""
        self.trees: dict[str, Any] = {}
        """Bodies in the grammar itself, of functions that the text has made."""
        self.kept: dict[str, tuple[Any, tuple[str, ...]]] = {}
        """Expressions that tables of the text keep, as queries, and the path they were bound on."""
        self._memo: dict[Any, Any] = {}

    @property
    def touched(self) -> bool:
        """Whether the text has changed anything that a view or body may stand on."""
        made = self.versions or self.state.functions or self.moved or self.changed
        return bool(made or self.hides or self.widened)

    @property
    def memo(self) -> dict[Any, Any]:
        """What was worked out about views and bodies, as the schema is just now."""
        return self._memo if self.touched else self.schema.memo

    def forget(self) -> None:
        """The schema has changed: what was worked out no longer holds."""
        self._memo.clear()

    def lose(self, what: str) -> None:
        """What later statements mean cannot be told any more."""
        self.lost = self.lost or what
        self.forget()

    def hide(self, keys: frozenset[tuple[str, str]]) -> None:
        """These views, and no others, are down from now on."""
        if keys != self.hidden:
            self.hidden = keys
            self.hides = True
            self.forget()

    def move(self, *keys: tuple[str, str]) -> None:
        """These relations are no longer what the snapshot calls so."""
        self.moved.update(keys)
        self.forget()

    def rename_column(self, relation: Relation, old: str, new: str) -> None:
        """A column has another name from now on.

        Followed where the name has never meant another column of that table, so that a later
        statement means this one or fails, and where whoever asked knows the column by the name of
        the snapshot. Else, and of what inherits, nothing is known (``moved``).
        """
        key = (relation.schema, relation.name)
        origins = dict(relation.origins) if isinstance(relation, Renamed) else {}
        origins[new] = origins.pop(old, old)
        known = self.follows is None or self.follows(Column(*key, origins[new]))
        exact = known and relation.kind in ("r", "p", "f") and new not in self.taken(key)

        def named(names: Iterable[str]) -> tuple[str, ...]:
            return tuple(new if name == old else name for name in names)

        made = Renamed(
            schema=relation.schema, name=relation.name, kind=relation.kind, types=relation.types,
            columns=named(relation.columns), not_null=frozenset(named(relation.not_null)),
            primary_key=named(relation.primary_key), parents=relation.parents,
            definition=relation.definition, instead=relation.instead, kept=relation.kept,
            origins=tuple(origins.items()),
        )  # fmt: skip
        self.define(made)
        self.move(*self._descendants(key), *(() if exact else (key,)))

    def renamed(self, key: tuple[str, str]) -> bool:
        """Whether the text has renamed columns of this table, now or before a ROLLBACK."""
        return any(isinstance(one, Renamed) for one in self.versions.get(key, ()))

    def taken(self, key: tuple[str, str]) -> set[str]:
        """Every name that a column of this table may have or have had."""
        known = (self.schema.relations.get(key), *self.versions.get(key, ()))
        return {name for one in known if one is not None for name in one.columns}

    def _descendants(self, key: tuple[str, str]) -> set[tuple[str, str]]:
        made = [one for some in self.versions.values() for one in some if one is not None]
        found: set[tuple[str, str]] = set()
        todo = {key}
        while todo:
            todo = {
                (one.schema, one.name)
                for one in (*self.schema.relations.values(), *made)
                if todo & set(one.parents)
            } - found
            found |= todo
        return found

    def widen(self, relation: Relation, view: Any) -> None:
        """A view is made anew, and its old columns mean what they have meant before."""
        key = (relation.schema, relation.name)
        for old in (self.schema.relations.get(key), *self.versions.get(key, ())):
            if old is not None:
                self.unsure_columns |= set(old.columns) ^ set(relation.columns)
        self.state.relations[key] = relation
        self.widened.setdefault(key, []).append(view)
        self.forget()

    def alter_function(self, *names: str) -> None:
        """Functions of these names are no longer what the snapshot says."""
        self.changed.update(names)
        self.forget()

    def unsure(self, name: str) -> bool:
        """Whether a bare name may mean one relation or another, as a statement of this text may
        have failed or been rolled back.
        """
        if not self.versions and not self.cascaded:
            return False
        keys = [k for k in ((place, name) for place in self.search()) if k not in self.hidden]
        some = [k for k in keys if k in self.versions or self.schema.relations.get(k) is not None]
        return len(some) > 1 and (self.cascaded or any(k in self.versions for k in some))

    def remade(self, key: tuple[str, str]) -> bool:
        """Whether a name has meant a view and something else, one of which may still be there."""
        made = [one for one in self.versions.get(key, ()) if one is not None]
        old = self.schema.relations.get(key)
        some = made if old is None else [old, *made]
        return len(some) > 1 and any(one.kind == "v" for one in some)

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
            if key in self.hidden:
                return None
            return own[key] if key in own else base.get(key)
        for place in self.search():
            key = (place, name)
            found = own[key] if own and key in own else base.get(key)
            if found is not None and key not in self.hidden:
                return found
        return None

    def running_path(self) -> tuple[tuple[str, ...], bool]:
        """The path with which a function without one of its own runs, and whether it is known."""
        return self.caller or (self.state.path, self.state.path_known)

    def functions_of(self, name: str) -> tuple[Function, ...]:
        """All functions of that name, wherever."""
        return (*self.state.functions.get(name, ()), *self.schema.functions(name))

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
        key = (relation.schema, relation.name)
        self.state.relations[key] = relation
        self.perhaps(relation)
        self.forget()

    def perhaps(self, relation: Relation) -> None:
        """A relation that is there from now on, if the statement has not failed."""
        key = (relation.schema, relation.name)
        for old in (self.schema.relations.get(key), *self.versions.get(key, ())):
            if old is not None:
                self.unsure_columns |= set(old.columns) ^ set(relation.columns)
        if self.renamed(key) and not isinstance(relation, Renamed):
            # A name may be that of a renamed column, if what was to make this has failed.
            self.moved.add(key)
        self.versions.setdefault(key, []).append(relation)
        self.forget()

    def drop(self, relation: Relation) -> None:
        """A relation that is gone from now on."""
        key = (relation.schema, relation.name)
        self.state.relations[key] = None
        self.versions.setdefault(key, []).append(None)
        self.forget()

    def add(self, function: Function) -> None:
        """A function that may be there from now on, beside others with the same arguments: which
        one is called depends on whether this one could be made.
        """
        known = self.state.functions.get(function.name, ())
        if function not in known:
            self.state.functions[function.name] = (function, *known)
        self.forget()

    # Transactions: a ROLLBACK takes back what was made since, or since the text began.

    def begin(self, name: str = "") -> None:
        """BEGIN, or SAVEPOINT with its name."""
        self.began.append((name, self.state.copy()))
        if not name:
            self.paths.begin(self.state)

    def commit(self, *, chain: bool = False) -> None:
        """COMMIT: what was set LOCAL ends."""
        self.began.clear()
        self.paths.commit(self.state, chain=chain)

    def rollback(self, name: str = "", *, chain: bool = False) -> None:
        """ROLLBACK, or ROLLBACK TO a savepoint."""
        now = self.state
        back = self.began[0][1] if self.began else self.first
        if name:
            for number in range(len(self.began) - 1, -1, -1):
                if self.began[number][0] == name:
                    del self.began[number + 1 :]
                    back = self.began[number][1]
                    break
        else:
            self.began.clear()
        self.state = back.copy()
        # Of functions all that may be there count.
        self.state.functions = now.functions
        self.state.path, self.state.path_known = now.path, now.path_known
        self.paths.rollback(self.state, to=bool(name), chain=chain)
        self.forget()

    def set_path(self, path: tuple[str, ...], *, known: bool, local: bool) -> None:
        """SET search_path; ``$user`` stands for a schema that only the server knows."""
        known = known and not self.inside and "$user" not in path
        self.paths.choose(self.state, path, known=known, local=local)

    def settle(self) -> bool:
        """The end of a statement: whether it may have set the path."""
        pending, self.pending = self.pending, False
        if pending:
            self.lose_path()
        return pending

    def lose_path(self) -> None:
        """From now on a bare name says nothing."""
        self.state.path_known = False
        self.paths.lose()


Path = tuple[str, ...]
_Seen = set["Path | None"]


class Paths:
    """The history of the search_path: it is known only while every way of running the text, with
    or without a transaction around it, comes to the same one.

    seen: all that were in force; before: what was seen when the text's own BEGIN came, and the path
    then.
    """

    def __init__(self, path: Path) -> None:
        self.seen: _Seen = {path}
        self.before: tuple[_Seen, Path, bool] | None = None
        self.set_inside = self.local_inside = False

    def lose(self) -> None:
        """A path is in force that nobody knows."""
        self.seen.add(None)
        self.set_inside = True

    def choose(self, state: State, path: Path, *, known: bool, local: bool) -> None:
        """LOCAL counts in a transaction only: whether one is open is known of the text's own."""
        if local and self.before is None:
            known = known and state.path_known and path == state.path
        self.seen.add(path if known else None)
        if local:
            self.local_inside = True
        else:
            self.set_inside = True
        state.path, state.path_known = path, known

    def begin(self, state: State) -> None:
        """BEGIN: a second one changes nothing."""
        if self.before is None:
            self.before = (self.seen.copy(), state.path, state.path_known)
            self.set_inside = self.local_inside = False

    def commit(self, state: State, *, chain: bool) -> None:
        """Only what was set LOCAL in the text's own transaction comes back for certain."""
        if self.before is None or chain:
            if chain or self.local_inside:
                self._doubt(state)
        elif self.set_inside:
            self._doubt(state)
        elif self.local_inside:
            self._back(state, self.before)
        self._end()

    def rollback(self, state: State, *, to: bool, chain: bool) -> None:
        """The path comes back for certain only where the text's own BEGIN saw no other one."""
        before = self.before
        if to:
            if before is None or self.set_inside or self.local_inside:
                self._doubt(state)
            return
        if before is None or chain or len(before[0]) > 1:
            self._doubt(state)
        else:
            self._back(state, before)
        self._end()

    def _back(self, state: State, before: tuple[_Seen, Path, bool]) -> None:
        self.seen, state.path, state.path_known = before[0].copy(), before[1], before[2]

    def _end(self) -> None:
        self.before = None
        self.set_inside = self.local_inside = False

    def _doubt(self, state: State) -> None:
        if len(self.seen) > 1:
            state.path_known = False
