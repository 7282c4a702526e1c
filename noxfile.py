"""The tasks of the project: ``nox -l`` lists them, ``nox -s NAME`` runs one.

They run in the environment nox was started from, which ``./test`` makes: .venv/bin/nox -s lint
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nox

# `.venv/bin/nox` without an activated environment must still find that environment's programs.
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"

nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "types", "sql", "verify", "tests"]

CODE = ("pgmask", "tests", "tools", "benchmarks", "migrations", "noxfile.py")


def _there(session: nox.Session) -> list[str]:
    return [name for name in CODE if Path(name).exists()]


@nox.session
def tests(session: nox.Session) -> None:
    """The suite on PostgreSQL 15 and 18."""
    session.run("python", "-m", "pytest", "-n", "auto", *session.posargs)


@nox.session
def attack(session: nox.Session) -> None:
    """The attack table, with its controls."""
    session.run("python", "-m", "pytest", "-n", "auto", "tests/attack", *session.posargs)


@nox.session
def extra(session: nox.Session) -> None:
    """The tests that take too long for the suite."""
    session.run("python", "-m", "pytest", "-n", "auto", "-m", "extra", *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """The suite with branch coverage."""
    session.run(
        "python", "-m", "pytest", "-n", "auto", "--cov", "--cov-report=term", *session.posargs
    )


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff: format and rules."""
    session.run("ruff", "format", "--check", *_there(session))
    session.run("ruff", "check", *_there(session))


@nox.session
def types(session: nox.Session) -> None:
    """Mypy, strict."""
    session.run("mypy")


@nox.session
def sql(session: nox.Session) -> None:
    """Parse every hand-written SQL file and check its marks."""
    session.run("python", "-m", "tools.sql_lint", *session.posargs)


@nox.session
def golden(session: nox.Session) -> None:
    """Write the golden statements anew; read the diff before you commit it."""
    session.run("python", "-m", "pytest", "--golden", *session.posargs)


@nox.session
def freeze(session: nox.Session) -> None:
    """Copy sql/ into the newest, unreleased revision of the migrations."""
    session.run("python", "-m", "pgmask.runtime.freeze", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Write the generated pages of docs/ anew."""
    session.run("python", "-m", "tools.docs", *session.posargs)


@nox.session
def verify(session: nox.Session) -> None:
    """Check that everything generated is fresh."""
    session.run("python", "-m", "tools.docs", "--check")
    session.run("python", "-m", "pgmask.runtime.freeze", "--check")


@nox.session
def bench(session: nox.Session) -> None:
    """Measure; options as `python -m benchmarks`."""
    session.run("python", "-m", "benchmarks", *session.posargs)
