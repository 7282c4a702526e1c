"""Profiles and subjects: rows, forms, operations, high-value rule, several persons in one row."""

from __future__ import annotations

from pathlib import Path

import pytest

from pgmask.catalogue import Catalogue
from pgmask.catalogue.model import Form, Opens, Operation, Profile, Rows, Table
from pgmask.catalogue.rules import OWN_ROLES
from pgmask.runtime.uninstall import ROLES
from tests.catalogue.samples import CORPUS, accepted, look, rules, table, write
from tests.reveal.site import FIXTURES


@pytest.fixture(scope="module")
def several() -> Catalogue:
    return accepted(look(CORPUS / "good" / "several", "test"))


def _profile(catalogue: Catalogue, name: str) -> Profile:
    return next(p for p in catalogue.profiles if p.name == name)


def _table(catalogue: Catalogue, name: str) -> Table:
    found = catalogue.table(name)
    assert found is not None
    return found


@pytest.mark.requirement("B6")
def test_the_closest_pattern_gives_the_operations(several: Catalogue) -> None:
    agent, personnel = _profile(several, "agent"), _profile(several, "personnel")
    assert dict(agent.operations) == {
        "crm.customer": tuple(Operation),
        "crm.trip": (Operation.SELECT, Operation.INSERT),
        "hr.employee": (),
        "hr.odd.name": (),
    }
    assert agent.writes(_table(several, "crm.trip"))
    assert not agent.may(_table(several, "hr.employee"))
    assert personnel.may(_table(several, "hr.employee")) == (Operation.SELECT,)
    assert not personnel.may(_table(several, "crm.customer"))
    assert agent.rows == (Rows.OWN_UNIT, Rows.ASSIGNED)
    assert agent.opens is Opens.WHEN_SEALED
    assert (agent.identity.max_ttl, agent.identity.issuers) == (60, ("crm-web",))
    assert not agent.identity.login


@pytest.mark.requirement("B5", "B6")
def test_forms_by_level_and_by_column(several: Catalogue) -> None:
    customer = _table(several, "crm.customer")
    agent = _profile(several, "agent")
    forms = {c.name: agent.form(customer, c) for c in customer.columns}
    assert forms["home_phone"] is Form.MASK
    assert forms["name"] is Form.PLAIN
    assert forms["income"] is Form.HIDDEN
    assert forms["portrait"] is Form.HIDDEN
    assert forms["login_password"] is Form.HIDDEN
    level_3 = [c.name for c in customer.columns if c.level == 3]
    assert "gender" in level_3
    assert {forms[name] for name in level_3} == {Form.PLAIN}


@pytest.mark.requirement("A6")
def test_two_classes_of_persons_in_one_row(several: Catalogue) -> None:
    trip = _table(several, "crm.trip")
    driver = trip.column("driver_id_no")
    assert (trip.subject_class, trip.subject) == ("customer", "customer_id")
    assert driver is not None
    assert (driver.subject_class, driver.subject) == ("staff", "driver")
    odd = _table(several, "hr.odd.name")
    assert (odd.subject_class, odd.subject) == (None, None)


@pytest.mark.requirement("D1")
def test_the_high_value_rule_comes_from_the_pack_or_the_organisation(
    several: Catalogue, tmp_path: Path
) -> None:
    customer = several.subject("customer")
    assert customer is not None
    assert customer.high_value is not None
    assert customer.high_value.grades == ("钻石",)
    text = table("grade: {level: 3, category: general}").replace(
        "unit: unit_id}", "unit: unit_id, high_value: {column: grade}}"
    )
    (subject,) = accepted(look(write(tmp_path / "a", text))).subjects
    assert subject.high_value is not None
    assert subject.high_value.grades == ("diamond", "black_diamond")
    # An organisation may begin lower than the pack, never above it.
    lower = text.replace("{column: grade}", "{column: grade, at_least: gold}")
    higher = text.replace("{column: grade}", "{column: grade, at_least: black_diamond}")
    assert rules(look(write(tmp_path / "b", lower))) == []
    assert rules(look(write(tmp_path / "c", higher))) == ["grade-above-pack"]
    renamed = text.replace(
        "{column: grade}",
        "{column: grade, order: [ordinary, diamond, black_diamond], at_least: black_diamond}",
    )
    assert rules(look(write(tmp_path / "d", renamed))) == ["grade-above-pack"]
    sealed = text.replace("grade: {level: 3, category: general}", "grade: {kind: mobile}")
    assert rules(look(write(tmp_path / "e", sealed))) == ["sealed-key"]


@pytest.mark.requirement("C4")
@pytest.mark.parametrize(
    ("more", "refused"),
    [
        ("outsourced: true", []),
        ("outsourced: true, sees_high_value: true", ["outsourced"]),
        (
            "outsourced: true, reveal: {columns: [customer.phone], purposes: [x], per_day: 1}",
            ["outsourced"],
        ),
        ("sees_high_value: true", []),
    ],
)
def test_outsourced_profiles_never_reach_level_1(
    tmp_path: Path, more: str, refused: list[str]
) -> None:
    text = table("phone: {kind: mobile}").replace("rows: assigned", f"rows: assigned, {more}")
    assert rules(look(write(tmp_path, text))) == refused


@pytest.mark.requirement("B1")
def test_level_1_is_never_plain_and_never_without_a_mask(tmp_path: Path) -> None:
    plain = table("phone: {kind: mobile}").replace("1: mask", "1: plain")
    assert rules(look(write(tmp_path / "a", plain))) == ["level-1-plain"]
    no_mask = table("phone: {level: 1, category: contact}")
    assert rules(look(write(tmp_path / "b", no_mask))) == ["no-kind"]


def test_environments_change_listed_keys_only(several: Catalogue, tmp_path: Path) -> None:
    assert (several.environment, several.key_provider, several.data) == ("test", "dev", "fake")
    production = accepted(look(CORPUS / "good" / "several", "production"))
    assert (production.key_provider, production.key_escrow, production.data) == (
        "file",
        True,
        "real",
    )
    assert production.tables == several.tables
    assert production.profiles == several.profiles
    text = table("phone: {kind: mobile}") + "environments: {x: {roles_prefix: a_}}\n"
    assert rules(look(write(tmp_path, text))) == ["unknown-key"]


def test_invented_persons_are_not_let_to_real_data(tmp_path: Path) -> None:
    plain = table("phone: {kind: mobile}")
    good = plain + "environments:\n  test: {persons: fake, data: fake}\n"
    assert accepted(look(write(tmp_path / "a", good), "test")).persons == "fake"
    bad = plain + "environments:\n  test: {persons: fake}\n"
    assert rules(look(write(tmp_path / "b", bad), "test")) == ["fake-persons"]


@pytest.mark.requirement("C3")
@pytest.mark.parametrize("name", sorted(OWN_ROLES))
def test_no_profile_takes_a_role_of_the_runtime(tmp_path: Path, name: str) -> None:
    """Its group would be that role, and its members would have that role's rights."""
    source = (FIXTURES / "catalogue.yml").read_text("utf-8")
    path = tmp_path / "catalogue.yml"
    path.write_text(source.replace("  chief:\n", f"  {name}:\n"), "utf-8")
    assert "role-name" in rules(look(path))


def test_every_role_of_the_runtime_is_taken() -> None:
    assert {f"pgmask_{name}" for name in OWN_ROLES} == set(ROLES)
