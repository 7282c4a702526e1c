"""The design's own example loads, and means what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from pgmask.catalogue import load
from pgmask.catalogue.model import Form, Opens, Operation, Rows, Unique

GOOD = Path(__file__).parents[1] / "corpus" / "catalogue" / "good"


@pytest.mark.requirement("A1", "A2")
def test_the_example_is_written_out() -> None:
    found = load(GOOD / "design12.yml")
    assert found.packs == ("picc", "taikang")
    assert [t.id for t in found.tables] == [
        "crm.claim",
        "crm.contact_log",
        "crm.customer",
        "crm.policy",
    ]
    customer = found.table("crm.customer")
    assert customer is not None
    levels = {c.name: c.level for c in customer.columns}
    assert levels == {
        "bank_account": 1,
        "card_grade": 3,
        "gender": 3,
        "health": 2,
        "id": 3,
        "id_no": 1,
        "name": 2,
        "phone": 1,
        "risk_score": 2,
        "status": 3,
        "unit_id": 3,
        "work_phone": 1,
    }
    id_no = customer.column("id_no")
    assert id_no is not None
    assert (id_no.kind, id_no.search, id_no.unique) == ("cn_id_card", True, Unique.PER_UNIT)
    agent, analyst = found.profiles
    assert agent.rows == (Rows.ASSIGNED,)
    assert agent.opens is Opens.ALWAYS
    assert analyst.opens is Opens.WHEN_SEALED
    assert agent.may(customer) == tuple(Operation)
    assert analyst.may(customer) == (Operation.SELECT,)
    assert agent.form(customer, id_no) is Form.MASK
    assert found.stores[0].profile == "agent"


@pytest.mark.requirement("A6")
def test_a_row_speaks_of_two_persons() -> None:
    found = load(GOOD / "design12.yml")
    policy = found.table("crm.policy")
    assert policy is not None
    assert (policy.subject_class, policy.subject) == ("customer", "holder_id")
    insured = policy.column("insured_id_no")
    assert insured is not None
    assert insured.subject == "insured_id"
