"""Every group of the benchmarks runs at a tiny size and prints what it says; no time is judged."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

import pytest

from benchmarks.__main__ import GROUPS, main, table
from benchmarks.measure import (
    Measurement,
    Samples,
    Timing,
    at_least,
    at_most,
    figure,
    interleaved,
    ratio,
    timing,
)
from benchmarks.place import SCALES, Place
from pgmask.errors import ServerError
from tests.harness import VERSIONS


@pytest.fixture(scope="module", params=VERSIONS, ids=lambda v: f"pg{v}")
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    try:
        with Place.made(SCALES["tiny"], dsn=None, version=request.param) as made:
            yield made
    except ServerError as error:
        if error.code != "PM021":
            raise
        pytest.skip(f"no PostgreSQL {request.param} here")


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_measures_what_it_names(place: Place, group: str) -> None:
    found = GROUPS[group](place)
    assert found
    for one in found:
        assert one.name.startswith(f"{group}.")
        assert one.how
        assert one.unit
        if one.value is None:
            assert one.passed is None
        else:
            assert math.isfinite(one.value)
            # A difference of two timings may come out below nothing on a busy machine.
            assert one.value >= 0 or one.name.endswith(".added")
        assert (one.passed is None) == (not one.target)
        assert set(one.as_json()) == {"name", "unit", "value", "target", "pass", "how"}
    assert len({m.name for m in found}) == len(found)
    assert table(found, "title").count("\n|") == len(found) + 2


def test_the_command_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["search", "--json", "--scale", "tiny"])
    found = json.loads(capsys.readouterr().out)
    assert code in (0, 2)
    assert [m["name"] for m in found][:1] == ["search.blind_index"]


def test_an_unknown_group_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["speed"])
    assert "no such group: speed" in capsys.readouterr().err


def test_a_target_is_met_or_missed() -> None:
    assert at_most("a", 1.05, 1.05, "-").passed
    assert not at_most("a", 1.06, 1.05, "-").passed
    assert at_least("a", 8000, 8000, "-", unit="rows/s").passed
    assert not at_least("a", 7999, 8000, "-", unit="rows/s").passed
    assert figure("a", 1.0, "-").passed is None
    shown = table([at_most("a", 2, 1, "x|y"), Measurement(
        name="b", unit="x", value=None, target="", passed=None, how="-")], "t")  # fmt: skip
    assert "**missed**" in shown
    assert "x\\|y" in shown


def test_rounds_turn_and_ratios_are_paired() -> None:
    order: list[str] = []
    samples = interleaved(
        {"a": lambda: order.append("a"), "b": lambda: order.append("b")}, rounds=4, calls=1
    )
    assert len(samples["a"].wall) == 4
    assert order == ["a", "b", "b", "a", "a", "b", "b", "a", "a", "b"]
    made = {
        "x": Samples([2.0, 40.0, 6.0], [1.0], []),
        "y": Samples([1.0, 2.0, 3.0], [1.0], []),
    }
    assert ratio(made, "x", "y") == Timing(2.0, 1.0, None)
    assert timing(made["x"]) == Timing(6.0, 1.0, None)
