"""A search_path as people write it: ``crm, public``."""

from __future__ import annotations

from pgmask.lineage.parse import parse_one
from pgmask.verdict.tree import only


def path_of(text: str) -> tuple[str, ...]:
    """The schemas in their order, folded and unquoted as PostgreSQL does it.

    Raises ValueError for what is no list of schemas, and for ``"$user"``: which schema that is
    depends on who asks, so it is written out.
    """
    kind, body = only(parse_one(f"SET search_path = {text}"))
    given = body.get("args", ()) if kind == "VariableSetStmt" else ()
    names = [one.get("A_Const", {}).get("sval", {}).get("sval") for one in given]
    if not names or not all(names):
        raise ValueError("schemas in their order, with commas between them")
    if "$user" in names:
        raise ValueError("write the schema that $user stands for")
    return tuple(names)
