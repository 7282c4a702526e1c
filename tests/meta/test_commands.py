"""The two commands of the README on a machine that has Python and little else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Stands for a Python of a distribution that packs parts of the library apart.
STUB = """\
#!/bin/sh
case "$*" in
  *version_info*) exit {old} ;;
  *ensurepip*|"-m virtualenv"*|"-m pip"*) exit 1 ;;
esac
exec {python} "$@"
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "tools").mkdir()
    for name in ("demo", "test", "pyproject.toml", "tools/environment.sh"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "bin").mkdir()
    (tmp_path / "home").mkdir()
    return tmp_path


def run(checkout: Path, command: str, *words: str, path: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(checkout / command), *words], cwd="/", capture_output=True, text=True, check=False,
        env={"PATH": path, "HOME": str(checkout / "home")}, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def stub(checkout: Path, *, old: bool) -> str:
    """A PATH on which every Python is the stub."""
    text = STUB.format(old=int(old), python=sys.executable)
    for name in ("python3", "python3.11", "python3.12", "python3.13", "python3.14"):
        (checkout / "bin" / name).write_text(text)
        (checkout / "bin" / name).chmod(0o755)
    return f"{checkout / 'bin'}:/usr/bin:/bin"


@pytest.mark.parametrize("command", ["demo", "test"])
def test_no_venv_module_is_said_with_the_way_out(checkout: Path, command: str) -> None:
    done = run(checkout, command, path=stub(checkout, old=False))
    assert done.returncode == 1
    assert "apt-get install python3-venv" in done.stderr
    assert done.stdout == ""


def test_an_old_python_is_said(checkout: Path) -> None:
    done = run(checkout, "test", path=stub(checkout, old=True))
    assert done.returncode == 1
    assert "Python 3.11 or newer is needed" in done.stderr


def _ready(checkout: Path, extra: str) -> Path:
    """An environment that looks made, whose Python prints how it was called."""
    python = checkout / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$@"\n')
    python.chmod(0o755)
    stamp = subprocess.run(
        ["sh", "-c", f"cksum <'{checkout}/pyproject.toml' | tr ' ' -"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    (checkout / ".venv" / f"stamp-{extra}").write_text(stamp)
    return python


def test_a_made_environment_is_used_again(checkout: Path) -> None:
    _ready(checkout, "dev")
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    done = run(checkout, "demo", "--quick", "--customers", "10", path=path)
    assert (done.returncode, done.stdout) == (0, "-m pgmask demo --quick --customers 10\n")
    done = run(checkout, "test", "-k", "a b", path=path)
    assert done.stdout.startswith("-m pytest -n ")
    assert done.stdout.endswith(" -k a b\n")


def test_an_environment_of_other_dependencies_is_not_used(checkout: Path) -> None:
    _ready(checkout, "demo")
    with (checkout / "pyproject.toml").open("a") as out:
        out.write("# changed\n")
    done = run(checkout, "demo", path=f"{Path(sys.executable).parent}:/usr/bin:/bin")
    assert "Preparing the Python environment" in done.stderr
    installed, started = done.stdout.splitlines()
    assert installed.startswith("-m pip install")
    assert installed.endswith(f"-e {checkout}[demo]")
    assert started == "-m pgmask demo"
    again = run(checkout, "demo", path=f"{Path(sys.executable).parent}:/usr/bin:/bin")
    assert (again.stdout, again.stderr) == ("-m pgmask demo\n", "")


def test_commands_can_be_run_and_readme_names_them() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    for name in ("demo", "test", ".ci/run"):
        assert os.access(ROOT / name, os.X_OK)
    assert "\n./demo\n" in readme
    assert "\n./test\n" in readme
    assert "./test" in (ROOT / ".ci" / "run").read_text("utf-8")
