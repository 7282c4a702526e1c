"""What a connection's earlier statements leave behind, for a guard that sees one at a time.

Temporary tables, prepared statements and cursors are remembered by the text that made them, which
is then read before each later statement.  Another search_path is refused: a rollback that no
statement tells of would bring the old one back, and names would be judged as other tables.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final
from weakref import WeakKeyDictionary

from pgmask.verdict.case import inner_of
from pgmask.verdict.model import Finding, Severity, Verdict
from pgmask.verdict.policy import Policy
from pgmask.verdict.tree import Node, bare, only, parsed, parsed_part, strings, walk

_QUERIES: Final = frozenset({"select", "insert", "update", "delete", "merge"})
_TEMPORARY: Final = "pg_temp"
_MOST: Final = 200


@dataclass(slots=True)
class Memory:
    """Texts of one connection, oldest first, with the names of what they make or fill."""

    kept: list[tuple[str, frozenset[str]]] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        """In their order."""
        return [text for text, _ in self.kept]

    def take(self, verdict: Verdict) -> None:
        """Remember a statement that is sent now, if later ones depend on it."""
        lineage = verdict.lineage
        names = {n.name for n in lineage.relations if n.schema == _TEMPORARY and n.use == "define"}
        names |= {w.table for w in lineage.writes if w.schema == _TEMPORARY and any(
            sources for _, sources in w.sources)}  # fmt: skip
        if not names and lineage.kind in _QUERIES:
            return
        kind, body = only(parsed(lineage.text))
        if kind == "DiscardStmt":
            self.kept.clear()
            return
        if kind in ("DropStmt", "DeallocateStmt", "ClosePortalStmt"):
            self._forget(names | {body.get("name", ""), body.get("portalname", "")})
            return
        if kind in ("PrepareStmt", "DeclareCursorStmt"):
            names.add(body.get("name") or body.get("portalname", ""))
        if kind == "CreateFunctionStmt" and strings(body.get("funcname"))[:1] == (_TEMPORARY,):
            names.add("")
        if names:
            entry = (lineage.text, frozenset(names))
            self.kept = [*[one for one in self.kept if one != entry][-_MOST:], entry]

    def _forget(self, names: set[str]) -> None:
        self.kept = [one for one in self.kept if not one[1] & (names - {""})]


class Memories:
    """One memory per connection, gone with it."""

    def __init__(self) -> None:
        self._known: WeakKeyDictionary[Any, Memory] = WeakKeyDictionary()

    def of(self, connection: Any) -> Memory:
        """That of a connection; one that is not kept where there is none."""
        try:
            return self._known.setdefault(connection, Memory())
        except TypeError:
            return Memory()


def steadied(verdict: Verdict, policy: Policy | None) -> Verdict:
    """The verdict, with a denial where later names would mean other objects than they seem to."""
    found = [*_paths(verdict, policy), *_hides(verdict, policy)]
    if not found:
        return verdict
    findings = tuple(_finding(verdict, message) for message in dict.fromkeys(found))
    return replace(verdict, findings=(*verdict.findings, *findings))


def _finding(verdict: Verdict, message: str) -> Finding:
    return Finding(
        code="PM613",
        severity=Severity.DENY,
        message=message,
        line=verdict.lineage.line,
        column=1,
        caret=f"{verdict.lineage.text.splitlines()[0][:100]}\n^" if verdict.lineage.text else "",
        hint="Write names with their schema; a path for good is set with ALTER ROLE .. SET"
        " search_path.",
    )


def _hides(verdict: Verdict, policy: Policy | None) -> Iterator[str]:
    for named in verdict.lineage.relations:
        if named.schema == _TEMPORARY and named.use == "define" and policy is not None:
            schema, name = policy.found(named.name)
            if schema:
                yield f"a temporary table would hide {schema}.{name} from later statements"


def _paths(verdict: Verdict, policy: Policy | None) -> Iterator[str]:
    lineage = verdict.lineage
    if lineage.kind in _QUERIES and not any(c.name == "set_config" for c in lineage.calls):
        return
    own = policy.search_path if policy is not None else ()
    for tree in (parsed(lineage.text), *(parsed_part(one.text) for one in inner_of(lineage))):
        if only(tree)[0] in ("CreateFunctionStmt", "AlterFunctionStmt", "AlterRoleSetStmt"):
            continue
        for kind, node in walk(tree):
            given = _given(kind, node)
            if given is not None and given != own:
                yield "later statements would be judged under another search_path"


def _given(kind: str, node: Node) -> tuple[str, ...] | None:
    """The path that a node sets; None where it sets none."""
    if kind == "VariableSetStmt" and node.get("kind", "VAR_SET_VALUE") == "VAR_SET_VALUE":
        if node.get("name", "").lower() == "search_path":
            return tuple(_text(one) for one in node.get("args", ()))
    elif kind == "FuncCall" and strings(node.get("funcname"))[-1:] == ("set_config",):
        args = [_text(one) for one in node.get("args", ())]
        if args[:1] in ([""], ["search_path"]):
            return tuple(one.strip() for one in args[1].split(",")) if len(args) > 1 else ()
    return None


def _text(node: Any) -> str:
    found: str = bare(node)[1].get("sval", {}).get("sval", "")
    return found.lower() if found.lower() == "search_path" else found
