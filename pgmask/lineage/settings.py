"""SET, transactions and DISCARD: what later bare names mean."""

from __future__ import annotations

from pgmask.lineage.reader import Node, Reader
from pgmask.lineage.scope import Level
from pgmask.lineage.statements import statement


@statement("VariableSetStmt")
def set_variable(r: Reader, body: Node, level: Level | None) -> None:
    kind = body.get("kind", "VAR_SET_VALUE")
    name = body.get("name", "").lower()
    if kind == "VAR_RESET_ALL" or (name == "search_path" and kind != "VAR_SET_VALUE"):
        if kind != "VAR_SET_CURRENT":
            local = bool(body.get("is_local"))
            r.session.set_path(r.session.first.path, known=True, local=local)
        return
    if name in ("role", "session_authorization"):
        # "$user" of the path is another one now: a schema of that name may come before all.
        for node in body.get("args", ()):
            who = node.get("A_Const", {}).get("sval", {}).get("sval", "")
            if who in r.session.schema.schemas or who in r.session.state.schemas:
                r.session.lose_path()
        return
    if name != "search_path":
        return
    path = []
    for node in body.get("args", ()):
        value = node.get("A_Const", {}).get("sval", {}).get("sval")
        path.append(value or "")
    known = all(path)
    r.session.set_path(tuple(path), known=known, local=bool(body.get("is_local")))


@statement("TransactionStmt")
def transaction(r: Reader, body: Node, level: Level | None) -> None:
    kind = body.get("kind", "TRANS_STMT_BEGIN").removeprefix("TRANS_STMT_")
    chain = bool(body.get("chain"))
    if kind in ("BEGIN", "START"):
        r.session.begin()
    elif kind == "SAVEPOINT":
        r.session.begin(body.get("savepoint_name", ""))
    elif kind in ("COMMIT", "PREPARE"):
        r.session.commit(chain=chain)
    elif kind == "ROLLBACK":
        r.session.rollback(chain=chain)
    elif kind == "ROLLBACK_TO":
        r.session.rollback(body.get("savepoint_name", ""))


@statement("DiscardStmt")
def discard(r: Reader, body: Node, level: Level | None) -> None:
    if body.get("target") == "DISCARD_ALL":
        r.session.set_path(r.session.first.path, known=True, local=False)
        r.session.prepared.clear()
        r.session.cursors.clear()
    if body.get("target") in ("DISCARD_ALL", "DISCARD_TEMP"):
        for key, relation in list(r.session.state.relations.items()):
            if key[0] == "pg_temp" and relation is not None:
                r.session.drop(relation)
