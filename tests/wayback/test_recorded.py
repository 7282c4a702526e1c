"""What the record of changes says while tables are given back (G1, G2, B7)."""

from __future__ import annotations

import json

import pytest

from tests.audit.changes import mark, since
from tests.harness import Database
from tests.wayback import site
from tests.wayback.small import truths
from tests.wayback.test_unseal import unseal

pytestmark = pytest.mark.requirement("G1", "G2", "B7")


def test_what_comes_back_plain_is_recorded_as_masks(small: Database) -> None:
    root = small.superuser()
    site.decide(small, "crm.customer")
    assert unseal(small) == 0
    at = mark(root)
    root.execute(
        "UPDATE crm_store.customer SET phone = '13900001111', remark = 'a secret' WHERE id = 1"
    )
    root.execute("DELETE FROM crm_store.customer WHERE id = 2")
    plain = [str(v) for row in truths(small, "phone, remark") for v in row if v]
    assert "13900001111" in plain, "the column holds the truth"
    found = since(root, at, "crm.customer")
    assert {c.operation for c in found} == {"update", "delete"}
    said = json.dumps([(c.before, c.after) for c in found], ensure_ascii=False)
    assert "139****1111" in said
    for truth in ("13800000001", "13800000002", "13900001111", "a secret", "wrote 1", "wrote 2"):
        assert truth not in said
