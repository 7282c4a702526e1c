"""The page that is signed: every widening is found, a narrowing is none."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from pgmask.catalogue.model import Catalogue, Form, Grade, Opens, Operation, Rows
from pgmask.plan import access
from tests.spine.world import catalogue_of

pytestmark = pytest.mark.requirement("A5", "B6")


def _profile(catalogue: Catalogue, **changes: Any) -> Catalogue:
    first = dataclasses.replace(catalogue.profiles[0], **changes)
    return dataclasses.replace(catalogue, profiles=(first, *catalogue.profiles[1:]))


def _column(catalogue: Catalogue, name: str, **changes: Any) -> Catalogue:
    table = catalogue.tables[0]
    columns = tuple(
        dataclasses.replace(c, **changes) if c.name == name else c for c in table.columns
    )
    tables = (dataclasses.replace(table, columns=columns), *catalogue.tables[1:])
    return dataclasses.replace(catalogue, tables=tables)


def _rule(catalogue: Catalogue, **changes: Any) -> Catalogue:
    rule = dataclasses.replace(catalogue.profiles[0].identity, **changes)
    return _profile(catalogue, identity=rule)


BASE = catalogue_of("two_tables")
NARROW = dataclasses.replace(
    _profile(
        BASE,
        rows=(Rows.OWN_UNIT,),
        forms=((1, Form.HIDDEN), (2, Form.HIDDEN), (3, Form.PLAIN)),
        operations=(("crm.customer", (Operation.SELECT,)),),
        opens=Opens.WHEN_SEALED,
    )
)
NARROW = _rule(NARROW, grade=Grade.CHALLENGE, issuers=("crm-web",), login=False)

WIDER = {
    "rows": _profile(NARROW, rows=(Rows.ALL,)),
    "more rows": _profile(NARROW, rows=(Rows.OWN_UNIT, Rows.ASSIGNED)),
    "form": _profile(NARROW, forms=((1, Form.HIDDEN), (2, Form.MASK), (3, Form.PLAIN))),
    "operation": _profile(
        NARROW, operations=(("crm.customer", (Operation.SELECT, Operation.UPDATE)),)
    ),
    "table": _profile(
        NARROW,
        operations=(
            ("crm.customer", (Operation.SELECT,)),
            ("crm.policy", (Operation.SELECT,)),
        ),
    ),
    "grade": _rule(NARROW, grade=Grade.ASSERTION),
    "issuer": _rule(NARROW, issuers=("crm-web", "other")),
    "direct logins": _rule(NARROW, login=True),
    "opens": _profile(NARROW, opens=Opens.ALWAYS),
    "high value": _profile(NARROW, sees_high_value=True),
    "level": _column(NARROW, "health", level=3),
    "mask": _column(NARROW, "name", kind="free_text"),
    "new profile": dataclasses.replace(
        NARROW,
        profiles=(*NARROW.profiles, dataclasses.replace(NARROW.profiles[0], name="other")),
    ),
}


@pytest.mark.parametrize("name", WIDER)
def test_widening_is_found_and_its_reverse_is_none(name: str) -> None:
    before, after = access.matrix(NARROW), access.matrix(WIDER[name])
    found = access.changes(before, after)
    assert access.needs_approval(found), found
    assert any(c.widens for c in found)
    page = access.page(found, "hash", "db")
    assert page.count("\n+ ") == sum(c.widens or c.adds for c in found)
    back = access.changes(after, before)
    if name == "mask":
        assert access.needs_approval(back), "another mask is never taken for a stronger one"
    else:
        assert not access.needs_approval(back), back


def test_a_new_column_needs_approval_although_nobody_sees_it() -> None:
    bigger = dataclasses.replace(
        NARROW,
        tables=(
            dataclasses.replace(
                NARROW.tables[0],
                columns=(
                    *NARROW.tables[0].columns,
                    dataclasses.replace(NARROW.tables[0].columns[0], name="new", level=1),
                ),
            ),
            *NARROW.tables[1:],
        ),
    )
    found = access.changes(access.matrix(NARROW), access.matrix(bigger))
    assert access.needs_approval(found)


def test_nothing_changes_nothing() -> None:
    same = access.matrix(BASE)
    assert access.changes(same, access.matrix(BASE)) == ()
    assert "Nobody will see" in access.page((), "hash", "db")


def test_the_matrix_survives_json() -> None:
    import json

    matrix = access.matrix(BASE)
    assert access.changes(json.loads(json.dumps(matrix)), matrix) == ()
