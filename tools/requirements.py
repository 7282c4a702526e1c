"""Which collected test names which requirement, and the map of them in docs/requirements.md."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = ROOT / "docs" / "requirements.md"
_ROW: Final = re.compile(
    r"^\| (?P<id>[A-Z]\d+) \| (?P<text>.*?) \| (?P<how>.*?) \| (?P<tests>.*?) \|$"
)


class _Collector:
    """A pytest plugin that prints, after collecting, requirement id -> files as JSON."""

    def pytest_collection_finish(self, session: object) -> None:
        found: dict[str, set[str]] = {}
        for item in getattr(session, "items"):  # noqa: B009 - pytest is not imported here
            for mark in item.iter_markers("requirement"):
                for name in mark.args:
                    found.setdefault(name, set()).add(item.location[0])
        print("\nREQUIREMENTS " + json.dumps({k: sorted(v) for k, v in found.items()}))


def collected() -> dict[str, list[str]]:
    """Requirement id -> test files, from a real collection of the whole suite, extras included.

    Raises RuntimeError with pytest's words when a test file cannot be collected.
    """
    done = subprocess.run(
        [sys.executable, "-m", "tools.requirements"],
        cwd=ROOT, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        env={k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")},
    )  # fmt: skip
    for line in done.stdout.splitlines():
        if line.startswith("REQUIREMENTS "):
            found: dict[str, list[str]] = json.loads(line.removeprefix("REQUIREMENTS "))
            if done.returncode == 0:
                return found
    raise RuntimeError(
        f"the tests cannot be collected:\n{done.stdout[-4000:]}{done.stderr[-2000:]}"
    )


def listed(text: str) -> dict[str, tuple[str, ...]]:
    """Requirement id -> test files as the page lists them."""
    found: dict[str, tuple[str, ...]] = {}
    for line in text.splitlines():
        row = _ROW.match(line)
        if row is None:
            continue
        if row["id"] in found:
            raise ValueError(f"{row['id']} is listed twice in {PAGE.name}")
        found[row["id"]] = tuple(re.findall(r"`([^`]+)`", row["tests"]))
    return found


def refreshed(text: str, tests: dict[str, list[str]]) -> str:
    """The page with its column of tests written anew."""
    lines = []
    for line in text.splitlines():
        row = _ROW.match(line)
        if row is not None:
            files = ", ".join(f"`{name}`" for name in tests.get(row["id"], ())) or "none yet"
            line = f"| {row['id']} | {row['text']} | {row['how']} | {files} |"
        lines.append(line)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    import pytest

    options = ["--collect-only", "-q", "-m", "extra or not extra", "-p", "no:cacheprovider"]
    sys.exit(pytest.main([*options, "-p", "no:xdist", str(ROOT / "tests")], [_Collector()]))
