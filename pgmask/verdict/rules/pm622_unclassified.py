"""Tables and columns that nobody has classified."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity
from pgmask.verdict.policy import OWN_SCHEMAS
from pgmask.verdict.rule import Hit, Rule

_SYSTEM = OWN_SCHEMAS | {"pg_catalog", "information_schema"}


def check(case: Case) -> Iterator[Hit]:
    """What is read or written and is neither in the catalogue nor declared free of persons."""
    policy = case.policy
    if policy is None:
        return
    seen = {(r.column.schema, r.column.table): r.position for r in reversed(case.lineage.reads)}
    for relation in case.lineage.relations:
        if relation.kind != "v" and relation.use in ("read", "write"):
            seen.setdefault((relation.schema, relation.name), relation.position)
    for (schema, name), position in sorted(seen.items()):
        if schema in _SYSTEM or schema.startswith("pg_"):
            continue
        if policy.table_of(schema, name) is None and not policy.unprotected(schema, name):
            yield Hit(message=f"table {schema}.{name} is not in the catalogue", position=position)
    for read in case.lineage.reads:
        sight = policy.sight(read.column)
        if sight is not None and sight.classified is None:
            yield Hit(
                message="nobody has classified",
                column=(sight.table.id, sight.name),
                position=read.position,
            )


RULE = Rule(
    code="PM622",
    name="unclassified",
    severity=Severity.DENY,
    check=check,
    migration=False,
    example="SELECT note FROM crm.campaign",
    ok="SELECT name FROM crm.ref_product",
    says="The example's table crm.campaign is new and stands nowhere in the catalogue.",
)
