"""Levels, kinds, patterns, packs: the stricter wins, and only an exception lowers."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgmask.catalogue import Catalogue, Loaded
from pgmask.catalogue.model import Column, Form
from pgmask.catalogue.packs import Policy
from pgmask.catalogue.packs.read import shipped_pack, shipped_packs
from pgmask.catalogue.profiles import STRICTNESS
from pgmask.kinds import KINDS
from tests.catalogue.samples import HEAD, PROFILES, TODAY, accepted, look, rules, table, write


def _one(loaded: Loaded, name: str) -> Column:
    customer = accepted(loaded).table("crm.customer")
    assert customer is not None
    column = customer.column(name)
    assert column is not None
    return column


@pytest.mark.requirement("A2", "B1")
@pytest.mark.parametrize("pack", shipped_packs())
def test_every_shipped_mask_satisfies_every_shipped_floor(pack: str) -> None:
    found = shipped_pack(pack)
    assert found is not None
    policy = Policy([found])
    compared = 0
    for kind in KINDS.values():
        for floor, source in policy.floors(kind.name):
            for rule in kind.masks:
                compared += 1
                assert rule.shows.hides_at_least(floor), (kind.name, rule.name, str(floor), source)
    assert compared or pack == "picc"


@pytest.mark.requirement("A2")
def test_the_stricter_pack_wins() -> None:
    packs = [p for n in ("taikang", "picc") if (p := shipped_pack(n))]
    both, picc = Policy(packs), Policy(packs[1:])
    assert [p.name for p in both.packs] == ["picc", "taikang"]
    address, alone = both.kind_level("postal_address"), picc.kind_level("postal_address")
    assert address is not None
    assert alone is not None
    assert (address.level, address.pack) == (1, "taikang")
    assert (alone.level, alone.pack) == (2, "picc")
    touch, touch_alone = both.category_level("touch"), picc.category_level("touch")
    assert touch is not None
    assert touch_alone is not None
    assert (touch.level, touch_alone.level) == (2, 3)


@pytest.mark.requirement("A2")
def test_an_interpretation_changes_what_a_pack_says(tmp_path: Path) -> None:
    text = table("home: {kind: postal_address}").replace("[taikang]", "[picc]")
    assert _one(look(write(tmp_path / "a", text)), "home").level == 2
    row = "{pack: picc, row: address, chosen: level_1, by: dpo, since: 2026-01-01}"
    path = write(tmp_path / "b", f"{text}interpretations:\n  - {row}\n")
    loaded = look(path)
    assert _one(loaded, "home").level == 1
    assert accepted(loaded).interpretations[0].by == "dpo"


@pytest.mark.requirement("B1", "A2")
def test_a_mask_below_the_floor_of_any_pack_is_refused(tmp_path: Path) -> None:
    text = table("id_no: {kind: cn_id_card, mask: last4}").replace("[taikang]", "[taikang, own]")
    assert rules(look(write(tmp_path / "a", text.replace(", own", "")))) == []
    pack = (
        "pack: own\ntitle: t\nsource: s\n"
        "kinds: {cn_id_card: {level: 1, floor: last 7, article: '3'}}\n"
    )
    loaded = look(write(tmp_path / "b", text, packs__own=pack))
    assert rules(loaded) == ["mask-below-floor"]
    (problem,) = [p for p in loaded.problems if p.severity == "error"]
    assert (problem.code, str(problem.position)) == ("PM014", "pgmask.yml:10:39")
    assert "own, article 3 hides at least last 7" in problem.message


@pytest.mark.requirement("A1")
def test_an_own_pack_is_read_strictly(tmp_path: Path) -> None:
    text = table("a: {kind: mobile}").replace("[taikang]", "[own]")
    pack = "pack: other\ntitle: t\nsource: s\nkinds: {mobil: {level: 4, floor: first 9}}\n"
    loaded = look(write(tmp_path, text, packs__own=pack))
    told = [f"{p.position} {p.rule}" for p in loaded.problems if p.position.file != "pgmask.yml"]
    assert told == ["packs/own.yml:4:24 type"]
    told = [
        p.message for p in look(write(tmp_path, text, packs__own=pack.replace("4", "1"))).problems
    ]
    assert "the file calls itself 'other', not 'own'" in told
    assert "there is no kind 'mobil'" in told
    assert any("floor 'first 9' is not one of" in message for message in told)


@pytest.mark.requirement("A3")
def test_patterns_only_raise(tmp_path: Path) -> None:
    defaults = (
        'defaults: {columns: {"*_phone": {kind: mobile}, "*": {level: 3, category: general}}}\n'
    )
    loaded = look(write(tmp_path, table("name: {kind: person_name}") + defaults))
    assert _one(loaded, "name").level == 2
    listed = table("name: {kind: person_name}", level_3="id, unit_id, home_phone") + defaults
    loaded = look(write(tmp_path, listed))
    phone = _one(loaded, "home_phone")
    assert (phone.level, phone.kind) == (1, "mobile")
    assert [p.rule for p in loaded.problems if p.severity == "warning"] == ["raised-by-pattern"]


@pytest.mark.requirement("A3", "B1")
@pytest.mark.parametrize(
    "column",
    [
        "home_phone: {kind: free_text, level: 3}",
        "home_phone: {level: 3, category: general}",
        "home_phone: {kind: date, level: 2}",
        "home_phone: {kind_by: {column: unit_id, a: date, else: number}, level: 3}",
    ],
)
def test_another_kind_does_not_escape_a_pattern(tmp_path: Path, column: str) -> None:
    defaults = 'defaults: {columns: {"*_phone": {kind: mobile}}}\n'
    loaded = look(write(tmp_path, table(column) + defaults))
    assert _one(loaded, "home_phone").level == 1
    assert "raised-by-pattern" in [p.rule for p in loaded.problems]


@pytest.mark.requirement("B8")
def test_no_exception_makes_a_secret_plain_at_rest(tmp_path: Path) -> None:
    exception = (
        "exceptions:\n  - {column: customer.password, level: 2, instead_of: 1, reason: CM-1, "
        "approved_by: dpo, until: 2027-11-21}\n"
    )
    loaded = look(write(tmp_path, table("password: {kind: secret}") + exception))
    assert rules(loaded) == ["never-shown"]


@pytest.mark.requirement("A2")
@pytest.mark.parametrize(
    ("until", "level", "warned"), [("2026-11-21", 2, False), ("2026-11-20", 1, True)]
)
def test_an_exception_ends(tmp_path: Path, until: str, level: int, warned: bool) -> None:
    exception = (
        "exceptions:\n  - {column: customer.plate, level: 2, instead_of: 1, reason: CM-1, "
        f"approved_by: dpo, until: {until}}}\n"
    )
    loaded = look(write(tmp_path, table("plate: {kind: plate}") + exception))
    assert TODAY.isoformat() == "2026-11-21"
    assert _one(loaded, "plate").level == level
    assert ("exception-ended" in [p.rule for p in loaded.problems]) is warned
    assert len(accepted(loaded).exceptions) == (0 if warned else 1)


@pytest.mark.requirement("A3")
@pytest.mark.parametrize("derivation", ["sex", "age"])
def test_a_named_derivation_may_stand_below_its_source(tmp_path: Path, derivation: str) -> None:
    columns = (
        "id_no: {kind: cn_id_card}\n"
        "value: {level: 3, category: basic, derived_from: [id_no]DERIVATION}"
    )
    plain = table(columns.replace("DERIVATION", ""))
    named = table(columns.replace("DERIVATION", f", derivation: {derivation}"))
    assert rules(look(write(tmp_path / "a", plain))) == ["derived-below"]
    assert rules(look(write(tmp_path / "b", named))) == []


@pytest.mark.requirement("A7")
def test_media_and_free_text_take_the_level_of_their_content(tmp_path: Path) -> None:
    assert rules(look(write(tmp_path / "a", table("scan: {kind: media}")))) == ["no-level"]
    catalogue = accepted(look(write(tmp_path / "b", table("scan: {kind: media, level: 2}"))))
    (agent,) = catalogue.profiles
    (customer,) = catalogue.tables
    scan = customer.column("scan")
    assert scan is not None
    assert agent.form(customer, scan) is Form.HIDDEN
    opened = table("scan: {kind: media, level: 2}").replace(
        "rows: assigned", "rows: assigned, column: {customer.scan: plain}"
    )
    catalogue = accepted(look(write(tmp_path / "c", opened)))
    assert catalogue.profiles[0].form(catalogue.tables[0], scan) is Form.PLAIN


@pytest.mark.requirement("B8")
def test_never_shown_kinds_are_hidden_from_everybody(tmp_path: Path) -> None:
    loaded = look(write(tmp_path, table("password: {kind: secret}")))
    catalogue = accepted(loaded)
    column = _one(loaded, "password")
    assert column.never_shown
    for profile in catalogue.profiles:
        assert profile.form(catalogue.tables[0], column) is Form.HIDDEN
    shown = table("password: {kind: secret}").replace(
        "rows: assigned", "rows: assigned, column: {customer.password: mask}"
    )
    assert rules(look(write(tmp_path, shown))) == ["never-shown"]


@pytest.mark.requirement("A8")
def test_columns_without_purpose_are_named(tmp_path: Path) -> None:
    text = table("phone: {kind: mobile}\nname: {kind: person_name, why: call}").replace(
        "    why: service\n", ""
    )
    loaded = look(write(tmp_path, text))
    (problem,) = [p for p in loaded.problems if p.rule == "no-purpose"]
    assert problem.severity == "warning"
    assert "phone" in problem.message
    assert "name" not in problem.message
    loaded = look(write(tmp_path, table("phone: {kind: mobile, basis: consent}")))
    assert (_one(loaded, "phone").why, _one(loaded, "phone").basis) == ("service", "consent")


@pytest.mark.requirement("B4")
@pytest.mark.parametrize(
    ("profile", "refused"),
    [
        ("rows: assigned", False),
        ("rows: [assigned, granted]", False),
        ("rows: own_unit", True),
        ("rows: own_unit, direct_service: true", False),
        ("rows: [units, assigned], direct_service: true", False),
        ("rows: all", True),
        ("rows: all, direct_service: true", True),
        ("rows: all, posts: [dispatcher]", False),
        ("rows: all, posts: [dispatcher, other]", True),
    ],
)
def test_level_2_plain_is_for_direct_service(tmp_path: Path, profile: str, refused: bool) -> None:
    pack = (
        "pack: own\ntitle: t\nsource: s\n"
        "level_2_plain: {rule: direct_service, posts: [dispatcher]}\n"
    )
    text = table("name: {kind: person_name}").replace("[taikang]", "[taikang, own]")
    text = text.replace("rows: assigned", profile)
    loaded = look(write(tmp_path, text, packs__own=pack))
    assert rules(loaded) == (["level-2-plain"] if refused else [])


LEVELS = st.sampled_from([1, 2, 3])
KIND_NAMES = st.sampled_from(["mobile", "person_name", "policy_number", "cn_id_card", "plate"])


def _form(catalogue: Catalogue) -> Form:
    (customer,) = catalogue.tables
    column = customer.column("value")
    assert column is not None
    return catalogue.profiles[0].form(customer, column)


@pytest.mark.requirement("A3")
@settings(max_examples=60, deadline=None)
@given(kind=KIND_NAMES, pattern=LEVELS, second=LEVELS, data=st.data())
def test_raising_a_level_never_widens(
    tmp_path_factory: pytest.TempPathFactory,
    kind: str,
    pattern: int,
    second: int,
    data: st.DataObject,
) -> None:
    """A pattern's level, made stricter, never gives a column a wider form or a higher level."""
    folder = tmp_path_factory.mktemp("catalogue")
    stricter = data.draw(st.integers(1, pattern))

    def load(level: int) -> Catalogue:
        text = table(f"value: {{kind: {kind}}}") + (
            f"defaults: {{columns: {{val*: {{level: {level}}}, value: {{level: {second}}}}}}}\n"
        )
        return accepted(look(write(folder, text)))

    wide, narrow = load(pattern), load(stricter)
    assert STRICTNESS[_form(narrow)] >= STRICTNESS[_form(wide)]
    before, after = (c.tables[0].column("value") for c in (wide, narrow))
    assert before is not None
    assert after is not None
    assert after.level <= before.level
    demand = Policy([p for p in (shipped_pack("taikang"),) if p]).kind_level(kind)
    assert demand is None or after.level <= demand.level


def test_head_and_profiles_make_a_catalogue(tmp_path: Path) -> None:
    text = HEAD + PROFILES + "tables: {customer: {level_3: [id, unit_id]}}\n"
    assert rules(look(write(tmp_path, text))) == []
