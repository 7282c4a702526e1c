"""SQL in migrations of Alembic and Django: constants are read, all else is told as computed.

``with pgmask_detached(op, "crm.customer"):`` is read as the two calls that it makes.
What runs SQL otherwise (a connection's ``execute``, ``RunPython``, a function of another file) is
never passed over: a migration of which nothing is seen would count as harmless.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from pgmask.errors import PgmaskError
from pgmask.sqltext import literal
from pgmask.verdict.piece import Text

_NO_SQL: Final = ("get_bind", "get_context", "f")
_RUNS: Final = frozenset(
    {"execute", "executemany", "exec_driver_sql", "executescript", "scalar", "scalars", "stream",
     "run_callable", "copy", "copy_expert", "commit", "bulk_insert_mappings", "add_all"}
)  # fmt: skip
_NO_OPERATION: Final = frozenset(
    {"Migration", "RunSQL", "swappable_dependency", "SeparateDatabaseAndState"}
)
_KNOWN: Final = frozenset({"sqlalchemy", "alembic", "django", "__future__"}) | frozenset(
    sys.stdlib_module_names
)
_WINDOW: Final = ("pgmask.integrations.alembic", "pgmask_detached")
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def texts_in(name: str, text: str) -> Iterator[Text]:
    """The SQL that a migration runs, in the order of the file; nothing of other Python.

    Raises PgmaskError PM646 for what is no Python.
    """
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise PgmaskError("PM646", f"{name} is no Python: line {error.lineno}") from error
    file = _File(name, tree)
    if file.migrates:
        made = sorted(file.found(), key=lambda one: one.first_line)
        for number, one in enumerate(made):
            before = made[number - 1].first_line if number else 0
            inside = any(first <= before and one.first_line <= last for first, last in file.spans)
            yield replace(one, follows=inside)


class _File:
    """One file: what its names mean, and what runs when it migrates."""

    def __init__(self, name: str, tree: ast.Module) -> None:
        self.name = name
        self.tree = tree
        self.functions = {n.name: n for n in ast.walk(tree) if isinstance(n, _FUNCTIONS)}
        self.upgrades = [n for n in tree.body if isinstance(n, _FUNCTIONS) and n.name == "upgrade"]
        self.operations = {"op"}
        self.foreign: set[str] = set()
        self.migrates = bool(self.upgrades) or any(
            isinstance(n, ast.Attribute)
            and (self._operation(n) or n.attr in ("RunSQL", "RunPython"))
            for n in ast.walk(tree)
        )
        self.django = False
        self.apart = any(_ends_transactions(n) for n in ast.walk(tree))
        self.windows: set[str] = set()
        self.spans: list[tuple[int, int]] = []
        """Lines of windows: what runs there runs in one transaction, between two calls."""
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                root = (node.module or "").split(".")[0] if not node.level else ""
                for one in node.names:
                    if root == "alembic" and one.name == "op":
                        self.operations.add(one.asname or one.name)
                        self.migrates = True
                    elif root == "django" and one.name == "migrations":
                        self.migrates = self.django = True
                    elif (node.module, one.name) == _WINDOW:
                        self.windows.add(one.asname or one.name)
                    elif root not in _KNOWN:
                        self.foreign.add(one.asname or one.name)
            elif isinstance(node, ast.Import):
                for one in node.names:
                    root = one.name.split(".")[0]
                    if root not in _KNOWN:
                        self.foreign.add(one.asname or root)

        set_here = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and _sets(n)}
        self.foreign |= self.windows & (set_here | self.functions.keys())
        self.windows -= self.foreign

    def found(self) -> Iterator[Text]:
        """What runs: upgrade() and the functions of this file that it calls, else the whole."""
        if not self.upgrades:
            yield from self._of(self.tree)
            return
        done: set[str] = set()
        todo: list[ast.AST] = [n for n in self.tree.body if not isinstance(n, _FUNCTIONS)]
        todo += self.upgrades
        while todo:
            root = todo.pop()
            yield from self._of(root)
            for node in ast.walk(root):
                if isinstance(node, ast.Name) and node.id in self.functions:
                    if node.id not in done | {"upgrade", "downgrade"}:
                        done.add(node.id)
                        todo.append(self.functions[node.id])

    def _of(self, root: ast.AST) -> Iterator[Text]:
        owners = set()
        ends: list[Text] = []
        for node in _that_runs(root):
            if isinstance(node, ast.With):
                for item in node.items:
                    call, tables = item.context_expr, self._window(item.context_expr, node)
                    if isinstance(call, ast.Call) and tables:
                        owners.add(id(call.args[0]))
                        yield self._calls("SELECT pgmask.detach({});", tables, node.lineno)
                        last = node.end_lineno or node.lineno
                        self.spans.append((node.lineno, last))
                        ends.append(self._calls("SELECT * FROM pgmask.attach({});", tables, last))
            elif isinstance(node, ast.Call):
                called = self._operation(node.func)
                if called is not None:
                    owners.add(id(_owner(node.func)))
                    yield from self._by_operation(node, called)
                else:
                    yield from self._call(node)
        for node in ast.walk(root):
            if isinstance(node, ast.Name) and node.id in self.operations and id(node) not in owners:
                yield self._computed(node, "op is handed on, and what it runs is not seen")
        yield from ends

    def _window(self, called: ast.expr, node: ast.With) -> list[str]:
        """The tables of ``pgmask_detached(op, ..)``; none where not all of it is seen."""
        if not isinstance(called, ast.Call) or not isinstance(called.func, ast.Name):
            return []
        first, *rest = called.args or [called]
        seen = isinstance(first, ast.Name) and first.id in self.operations
        names = [n.value for n in rest if isinstance(n, ast.Constant) and isinstance(n.value, str)]
        # What is defined inside may run after the end.
        kept = any(isinstance(n, (*_FUNCTIONS, ast.Lambda)) for n in ast.walk(node))
        alone = len(node.items) == 1 and not called.keywords and len(names) == len(rest)
        known = called.func.id in self.windows and not self.apart
        return names if known and seen and alone and not kept else []

    def _calls(self, call: str, tables: list[str], line: int) -> Text:
        text = " ".join(call.format(literal(one)) for one in tables)
        return Text(name=self.name, text=text, first_line=line)

    def _operation(self, called: ast.expr) -> str | None:
        """``execute`` of ``op.execute``."""
        if not isinstance(called, ast.Attribute):
            return None
        owner = called.value
        named = isinstance(owner, ast.Name) and owner.id in self.operations
        inner = isinstance(owner, ast.Attribute) and owner.attr == "op"
        return called.attr if named or inner else None

    def _by_operation(self, node: ast.Call, called: str) -> Iterator[Text]:
        if called == "execute":
            yield from self._given(node)
        elif called not in _NO_SQL:
            yield self._computed(node, f"op.{called}() becomes SQL at run time")

    def _call(self, node: ast.Call) -> Iterator[Text]:
        called = node.func
        if isinstance(called, ast.Name):
            if called.id == "RunSQL":
                yield from self._given(node)
            elif called.id in self.foreign:
                yield self._computed(node, f"{called.id}() of another file may run SQL")
            elif called.id in ("getattr", "exec", "eval", "RunPython", "Session"):
                yield self._computed(node, f"what {called.id}() runs is not seen")
            return
        if not isinstance(called, ast.Attribute):
            return
        owner = called.value
        if called.attr == "RunSQL":
            yield from self._given(node)
        elif called.attr == "RunPython":
            yield self._computed(node, "what RunPython() runs is not seen")
        elif called.attr in _RUNS:
            yield from self._given(node)
        elif isinstance(owner, ast.Name) and owner.id in self.foreign:
            yield self._computed(node, f"{owner.id}.{called.attr}() of another file may run SQL")
        elif self.django and isinstance(owner, ast.Name) and owner.id == "migrations":
            if called.attr not in _NO_OPERATION:
                yield self._computed(
                    node, f"migrations.{called.attr}() becomes SQL at run time"
                )  # fmt: skip

    def _given(self, call: ast.Call) -> Iterator[Text]:
        value: ast.expr = call
        if call.args:
            value = call.args[0]
        elif call.keywords:
            named = {k.arg: k.value for k in call.keywords}
            value = named.get("sql") or named.get("sqltext") or named.get("statement") or call
        listed = value.elts if isinstance(value, ast.List | ast.Tuple) else [value]
        for one in listed:
            if isinstance(one, ast.Tuple) and one.elts:
                one = one.elts[0]  # RunSQL([("..", parameters)])
            if isinstance(one, ast.Call) and one is not call and one.args:
                one = one.args[0]  # op.execute(sa.text("..."))
            if isinstance(one, ast.Constant) and isinstance(one.value, str):
                if one.value.strip():
                    yield Text(name=self.name, text=one.value, first_line=one.lineno)
            elif not (isinstance(one, ast.Attribute) and one.attr == "noop"):
                yield self._computed(call, "this SQL is put together at run time")

    def _computed(self, node: ast.AST, why: str) -> Text:
        line = getattr(node, "lineno", 1)
        return Text(name=self.name, text="", first_line=line, computed=why)


def _sets(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def _ends_transactions(node: ast.AST) -> bool:
    """Whether a migration may be more than one transaction."""
    named = getattr(node, "attr", None) or getattr(node, "id", None) or getattr(node, "arg", None)
    return named in ("autocommit_block", "isolation_level", "commit", "rollback")


def _that_runs(root: ast.AST) -> Iterator[ast.AST]:
    """All but what Django only notes as state."""
    todo = [root]
    while todo:
        node = todo.pop()
        if not (isinstance(node, ast.keyword) and node.arg == "state_operations"):
            yield node
            todo += list(ast.iter_child_nodes(node))[::-1]


def _owner(called: ast.expr) -> ast.expr:
    return called.value if isinstance(called, ast.Attribute) else called
