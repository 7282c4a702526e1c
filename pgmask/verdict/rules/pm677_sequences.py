"""Functions of sequences that no longer say what they said."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity
from pgmask.verdict.rule import Hit, Rule


def check(case: Case) -> Iterator[Hit]:
    """lastval(), setval(), last_value, and a sequence that moved into the store with its table."""
    for called, node in case.calls("lastval", "setval"):
        arguments = node.get("args", [])
        # Of a sequence that is looked up, a view has none: NULL in, NULL out.
        sure = not arguments or case.literal(arguments[0]) is not None
        yield Hit(
            message=f"{called[-1]}() is not for applications here",
            position=case.at(node),
            severity=None if sure else Severity.WARN,
            refused=sure,
        )
    for called, node in case.calls("nextval", "currval"):
        name = case.literal((node.get("args") or [None])[0])
        if name is not None and _moved(case, name):
            yield Hit(message=f"{called[-1]}() of a sequence that is in the store",
                      position=case.at(node))  # fmt: skip
    for relation in case.lineage.relations:
        if relation.kind == "S" and relation.use == "read":
            yield Hit(message=f"{relation.schema}.{relation.name} is its owner's to read",
                      position=relation.position)  # fmt: skip


def _moved(case: Case, name: str) -> bool:
    """Whether it is not where it is looked for, and one of its name is in a store's schema."""
    if case.schema is None or case.policy is None:
        return False
    schema, _, bare = name.replace('"', "").rpartition(".")
    places = (schema,) if schema else case.policy.search_path
    stores = {s.store_schema for s in case.policy.catalogue.stores}
    there = case.schema.relations
    return not any((p, bare) in there for p in places) and any((s, bare) in there for s in stores)


RULE = Rule(
    code="PM677",
    name="sequences",
    severity=Severity.DENY,
    check=check,
    migration=False,
    refused=True,
    example="SELECT lastval()",
    ok="INSERT INTO crm.policy (policy_no, unit_id, holder_id, insured_id, product_code,"
    " insured_name, insured_id_no, relation, sum_insured, premium, starts_on, ends_on)"
    " VALUES ('P20260000000001', 7, 1, 1, 'LIFE1', '张三', '110101199001010014', 'self', 1, 1,"
    " '2026-01-01', '2027-01-01') RETURNING id",
)
