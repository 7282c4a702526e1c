"""The insurer's catalogue: accepted, and every column of the database is in it."""

from __future__ import annotations

import pytest

from pgmask.catalogue import read
from pgmask.resources import example_dir

_FOLDER = example_dir("insurer")


@pytest.mark.requirement("A1", "A2")
def test_the_catalogue_is_accepted_without_a_remark() -> None:
    found = read(_FOLDER / "catalogue" / "pgmask.yml")
    assert [str(p) for p in found.problems] == []
    assert found.accepted


def test_persons_of_a_row_are_told_apart() -> None:
    catalogue = read(_FOLDER / "catalogue" / "pgmask.yml").catalogue
    assert catalogue is not None
    policy = catalogue.table("crm.policy")
    assert policy is not None
    assert policy.subject == "holder_id"
    subjects = {c.name: c.subject for c in policy.sealed_columns}
    assert subjects["insured_id_no"] == "insured_id"
    assert subjects["plate_no"] is None


def test_the_views_of_the_application_differ_only_in_whose_rights_they_run_with() -> None:
    def body(name: str) -> str:
        text = (_FOLDER / name).read_text("utf-8")
        return text[text.index("CREATE VIEW") :].replace(" WITH (security_invoker = true)", "")

    today = body("views.sql").strip()
    assert body("views_protected.sql").startswith(today)
