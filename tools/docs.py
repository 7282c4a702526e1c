"""Writes the generated pages of docs/; ``--check`` only says which are stale (exit code 2)."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import pglast
from pglast.enums import ObjectType

from pgmask.catalogue.reference import catalogue_page, json_schema_text
from pgmask.errors import REGISTRY
from pgmask.kinds.reference import kinds_page
from pgmask.report.reference import reports_page
from pgmask.resources import sql_dir
from pgmask.verdict.reference import rule_pages
from tools import requirements

ROOT: Final = Path(__file__).resolve().parents[1]
_GROUPS: Final = (
    ("PM00", "Names and values at the edge"),
    ("PM01", "The catalogue file"),
    ("PM02", "The server, the connection, installing"),
    ("PM03", "The demonstration"),
    ("PM04", "A write refused by the sealing trigger"),
    ("PM1", "Identity: who is asking"),
    ("PM2", "Plan, apply, drift, protected tables"),
    ("PM3", "Keys and sealed values"),
    ("PM4", "Showing the truth, and the drivers that ask for it"),
    ("PM5", "The register of units and persons"),
    ("PM6", "Validating statements and scanning"),
    ("PM7", "Findings of doctor"),
    ("PM8", "The record: notes, collecting, sealing, reports, alerts"),
    ("PM9", "A fault of pgmask itself"),
)


def errors_page() -> str:
    """docs/reference/errors.md: every code by group. Raises ValueError for one without a group."""
    left = dict(sorted(REGISTRY.items()))
    lines = [
        "# Errors",
        "",
        "Every error has a code: the SQLSTATE in PostgreSQL, the first word on the command line.",
        "`pgmask explain PM101` prints an entry. Written by `nox -s docs` from `pgmask/errors.py`.",
    ]
    for prefix, title in _GROUPS:
        entries = [left.pop(code) for code in list(left) if code.startswith(prefix)]
        if entries:
            lines += ["", f"## {title}"]
        for entry in entries:
            retired = " (retired)" if entry.retired else ""
            lines += ["", f"### {entry.code} {entry.title}{retired}", ""]
            lines += [entry.cause, "", f"*Way out:* {entry.way_out}"]
    if left:
        raise ValueError(f"codes without a group: {', '.join(left)}")
    return "\n".join(lines) + "\n"


def sql_api_page() -> str:
    """docs/reference/sql-api.md: what schema pgmask offers, from the comments in sql/."""
    functions: dict[str, str] = {}
    for path in sorted(sql_dir().glob("*.sql")):
        for name, comment in _comments(path.read_text("utf-8")):
            functions[name] = comment
    lines = [
        "# The SQL API",
        "",
        "What schema `pgmask` offers. Written by `nox -s docs` from the comments in `sql/`.",
        "",
        "| Function or view | |",
        "|---|---|",
    ]
    cells = ((n, c.replace("|", "\\|").replace("\n", " ")) for n, c in sorted(functions.items()))
    lines += [f"| `{name}` | {comment} |" for name, comment in cells]
    return "\n".join(lines) + "\n"


def _comments(text: str) -> Iterator[tuple[str, str]]:
    statements: list[Any] = list(pglast.parse_sql(text))
    for raw in statements:
        node = raw.stmt
        if type(node).__name__ != "CommentStmt":
            continue
        if node.comment is None:
            continue
        if node.objtype == ObjectType.OBJECT_VIEW:
            view = ".".join(part.sval for part in node.object)
            if view.startswith("pgmask."):
                yield f"TABLE {view}", node.comment
            continue
        if node.objtype != ObjectType.OBJECT_FUNCTION:
            continue
        name = [part.sval for part in node.object.objname]
        if name[0] == "pgmask":
            shown = pglast.prettify(text[raw.stmt_location : raw.stmt_location + raw.stmt_len])
            signature = re.search(r"ON FUNCTION\s+(.*?)\s+IS\s", shown, re.DOTALL)
            called = " ".join(signature[1].split()) if signature else ".".join(name)
            yield called.replace(" (", "("), node.comment


def cli_page() -> str:
    """docs/reference/cli.md: every verb with its own help text."""
    from typer.testing import CliRunner

    from pgmask.cli.main import VERBS, build_app

    runner = CliRunner(env={"COLUMNS": "96", "NO_COLOR": "1", "TERM": "dumb"})
    app = build_app()
    lines = ["# The command line", "", "Written by `nox -s docs` from the verbs' own help."]
    there = {c.name for c in app.registered_commands} | {g.name for g in app.registered_groups}
    names = ["", *(name for verb in VERBS for name in verb.commands if name in there)]
    for name in names:
        done = runner.invoke(app, [*filter(None, [name]), "--help"], prog_name="pgmask")
        if done.exit_code != 0:
            raise ValueError(f"pgmask {name} --help failed: {done.output}")
        shown = "\n".join(line.rstrip() for line in done.stdout.strip("\n").splitlines())
        lines += ["", f"## pgmask {name}".rstrip(), "", "```", shown.strip("\n"), "```"]
    return "\n".join(lines) + "\n"


def requirements_page() -> str:
    """docs/requirements.md with its column of tests written anew."""
    text = requirements.PAGE.read_text("utf-8")
    return requirements.refreshed(text, requirements.collected())


def decisions_page() -> str:
    """docs/adr/README.md: every decision by its number and title."""
    lines = [
        "# Architecture decisions",
        "",
        "One page each: context, decision, consequences. A decision is superseded by a later one,",
        "never edited. Written by `nox -s docs` from the pages' titles.",
        "",
    ]
    for path in sorted((ROOT / "docs/adr").glob("[0-9]*.md")):
        first = path.read_text("utf-8").split("\n", 1)[0]
        number, title = first.removeprefix("# ").split(" ", 1)
        lines.append(f"- [{number}]({path.name}) {title}")
    return "\n".join(lines) + "\n"


def _rules() -> dict[str, Callable[[], str]]:
    """docs/reference/rules/: a page per rule, and the list of them."""
    return {f"docs/reference/rules/{n}": partial(str, t) for n, t in rule_pages().items()}


PAGES: Final[dict[str, Callable[[], str]]] = {
    "docs/adr/README.md": decisions_page,
    "docs/reference/errors.md": errors_page,
    "docs/reference/sql-api.md": sql_api_page,
    "docs/reference/cli.md": cli_page,
    "docs/reference/catalogue.md": catalogue_page,
    "docs/reference/kinds.md": kinds_page,
    "docs/reference/reports.md": reports_page,
    "pgmask/catalogue/catalogue.schema.json": json_schema_text,
    "docs/requirements.md": requirements_page,
    **_rules(),
}


def main(arguments: list[str]) -> int:
    """Write, or with ``--check`` only compare, the pages named (all of them by default)."""
    check = "--check" in arguments
    wanted = [a for a in arguments if not a.startswith("-")] or list(PAGES)
    stale = []
    for name in wanted:
        path, text = ROOT / name, PAGES[name]()
        if not path.exists() or path.read_text("utf-8") != text:
            stale.append(name)
            if not check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, "utf-8")
    for name in stale:
        print(f"{name}: {'stale, run nox -s docs' if check else 'written'}", file=sys.stderr)
    return 2 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
