"""The pages: links lead somewhere, command lines parse, codes exist, the first hour runs."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.exceptions import TyperException

from pgmask.cli.main import VERBS, build_app
from pgmask.errors import REGISTRY
from pgmask.server import Cluster, throw_away
from tests.docs.hour import Ran, run
from tests.docs.pages import ROOT, anchors, blocks, codes, commands, links, missing_lines, pages

PAGES = pages()
HOUR = ROOT / "docs/tutorial/first-hour.md"
LEAVE = ROOT / "docs/howto/leave-pgmask.md"
RUNBOOK = ROOT / "docs/runbook"
GENERATED = ("docs/reference/", "docs/requirements.md")


def _id(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in links(page):
        if link.startswith(("https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert not broken


def test_every_page_can_be_reached_from_the_map() -> None:
    seen: set[Path] = set()
    left = [ROOT / "docs/README.md"]
    while left:
        page = left.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        left += [
            (page.parent / link.partition("#")[0]).resolve()
            for link in links(page)
            if not link.startswith(("https://", "mailto:", "#"))
        ]
    there = {p for p in PAGES if p.is_relative_to(ROOT / "docs")}
    assert {_id(p) for p in there - seen} == set()


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_codes_exist(page: Path) -> None:
    assert codes(page) - set(REGISTRY) == set()


@pytest.fixture(scope="module")
def command_line() -> Any:
    return typer.main.get_command(build_app())


def _parse(command: Any, words: list[str], name: str = "pgmask") -> None:
    """Parse as the real command line does, without running anything. Raises what it would tell."""
    context = command.make_context(name, list(words), resilient_parsing=False)
    if not hasattr(command, "resolve_command"):
        return
    rest = [*getattr(context, "_protected_args", []), *context.args]
    if rest:
        found, inner, after = command.resolve_command(context, rest)
        _parse(inner, after, found)


def _filled(words: list[str]) -> list[str] | None:
    """The words with placeholders as they might be; None where the line is a sketch."""
    if any("..." in w or "…" in w for w in words):
        return None
    # A rerun of the help would print it, which is not parsing.
    return [w for w in words if w not in ("--help", "--version")]


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_command_lines_parse(page: Path, command_line: Any) -> None:
    if _id(page).startswith(GENERATED):
        pytest.skip("written from the command line itself")
    verbs = {c for v in VERBS for c in v.commands}
    wrong = []
    for place, words in commands(page):
        filled = _filled(words)
        verb = next((w for w in words if not w.startswith("-")), None)
        if verb is not None and verb not in verbs:
            wrong.append(f"{place}: there is no verb {verb}")
            continue
        if filled is None or not [w for w in filled if w != verb]:
            continue
        try:
            _parse(command_line, filled)
        except (typer.Exit, SystemExit):
            pass
        except Exception as error:
            said = error.format_message() if hasattr(error, "format_message") else repr(error)
            # In a sentence a command may be named without its arguments.
            if not (place.endswith("`") and said.startswith("Missing")):
                wrong.append(f"{place}: {said}")
    assert not wrong, "\n".join(wrong)


def test_a_wrong_command_line_does_not_parse(command_line: Any) -> None:
    for words in (["apply", "plan.json", "--yes"], ["seal", "--max-lag"], ["keys", "lode", "x"]):
        with pytest.raises(TyperException):
            _parse(command_line, words)


@pytest.mark.parametrize("code", sorted(REGISTRY))
def test_ways_out_name_verbs_that_exist(code: str) -> None:
    entry = REGISTRY[code]
    named = set(re.findall(r"\bpgmask ([a-z]+)\b", f"{entry.cause} {entry.way_out}"))
    words = {
        "has",
        "is",
        "gives",
        "does",
        "cannot",
        "calls",
        "needs",
        "built",
        "never",
        "did",
        "anew",
        "made",
    }
    assert named - words - {c for v in VERBS for c in v.commands} == set()


def _found_by_doctor() -> Iterator[tuple[str, str]]:
    """The codes of doctor's findings with their urgency, from its source."""
    for path in sorted((ROOT / "pgmask/runtime").glob("checks_*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Finding":
                given = {k.arg: ast.unparse(k.value) for k in node.keywords}
                if given["code"] == "alarm.code":  # told by pgmask/runtime/collecting.py
                    yield from ((code, "SOON") for code in REGISTRY if "PM721" <= code <= "PM729")
                else:
                    yield ast.literal_eval(given["code"]), given["urgency"]


def test_urgent_findings_have_a_page_in_the_runbook() -> None:
    urgent = {code for code, when in _found_by_doctor() if "NOW" in when or "SOON" in when}
    assert len(urgent) > 10
    told = set().union(*(codes(p) & _titled(p) for p in RUNBOOK.glob("*.md")))
    assert urgent - told == set()


def _titled(page: Path) -> set[str]:
    """The codes in a page's title."""
    title = page.read_text("utf-8").splitlines()[0]
    return {code for code in REGISTRY if code in title}


@pytest.mark.parametrize(
    "page", [p for p in sorted(RUNBOOK.glob("*.md")) if p.name != "README.md"], ids=_id
)
def test_a_page_of_the_runbook_begins_with_what_still_works(page: Path) -> None:
    title, empty, first = page.read_text("utf-8").splitlines()[:3]
    assert title.startswith("# ")
    assert not empty
    assert first.startswith("**Still works:** ")
    assert len(page.read_text("utf-8").splitlines()) <= 45


def test_yaml_and_python_of_the_pages_parse() -> None:
    import yaml

    for page in PAGES:
        for block in blocks(page):
            if block.language == "yaml":
                yaml.safe_load(block.text)
            elif block.language == "python" and "..." not in block.text:
                ast.parse(block.text, filename=block.place)


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[tuple[Ran, ...], Any]]:
    with throw_away(major=18) as cluster:
        folder = tmp_path_factory.mktemp("hour")
        ran, environ = run(HOUR, cluster, folder)
        yield ran, (cluster, folder, environ)


def test_the_first_hour_runs_and_prints_what_it_says(hour: tuple[tuple[Ran, ...], Any]) -> None:
    ran, _ = hour
    wrong = [f"{r.block.place} ended with {r.code}\n{r.printed}" for r in ran if r.code != r.wanted]
    shown = {b.line: b for b in blocks(HOUR) if b.mark == "prints"}
    for one in ran:
        after = min((n for n in shown if n > one.block.line), default=None)
        following = min((r.block.line for r in ran if r.block.line > one.block.line), default=10**6)
        if after is not None and after < following:
            line = missing_lines(shown.pop(after).text, one.printed)
            if line is not None:
                wrong.append(f"{one.block.place} does not print: {line}\nbut\n{one.printed}")
    assert not shown, "an output that belongs to no block"
    assert not wrong, "\n\n".join(wrong)
    assert len(ran) > 20


@pytest.mark.requirement("F1")
def test_without_its_key_nothing_is_called_verified(hour: tuple[tuple[Ran, ...], Any]) -> None:
    _, (cluster, folder, environ) = hour
    as_dba = {**environ, "PGUSER": "dba", "PGPASSWORD": "first-hour", "PGDATABASE": "insurer"}

    def pgmask(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["pgmask", *words], cwd=folder, env=as_dba, text=True, capture_output=True, check=False
        )

    assert pgmask("seal", "crm.customer", "--verify").returncode == 0
    _crash(cluster)
    refused = pgmask("seal", "crm.customer", "--verify")
    assert refused.returncode == 1
    assert "PM310" in refused.stderr
    assert "verified" not in refused.stderr.replace("can be verified", "")
    assert pgmask("keys", "status").returncode == 2
    assert pgmask("keys", "load", "insurer.key").returncode == 0
    assert pgmask("seal", "crm.customer", "--verify").returncode == 0


@pytest.mark.requirement("A5")
def test_the_page_on_leaving_runs_in_sequence(hour: tuple[tuple[Ran, ...], Any]) -> None:
    """The last of this file: it takes pgmask out of the database of the first hour."""
    _, (_, folder, environ) = hour
    as_dba = {**environ, "PGUSER": "dba", "PGPASSWORD": "first-hour", "PGDATABASE": "insurer"}
    first = next(b for b in blocks(LEAVE) if b.language == "sh")
    done = subprocess.run(
        ["bash", "-ec", first.text], cwd=folder, env=as_dba, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    path = "stays\tsearch_path of role analyst_sun\tnames a schema that goes: analyst"
    assert done.stdout.count(path) == 2, "by --dry-run, and at the end"
    told = [
        "psql",
        "-X",
        "-At",
        "-U",
        "crm_app",
        "-c",
        "SELECT phone FROM crm.customer WHERE id=42",
    ]
    truth = subprocess.run(told, env=as_dba, text=True, capture_output=True, check=False)
    assert truth.stdout == "17775196458\n", truth.stderr


def _crash(cluster: Cluster) -> None:
    """Stop as a crash does, and start again: unlogged tables are empty then."""
    words = ["pg_ctl", "-D", str(cluster.data), "-w", "-m", "immediate", "stop"]
    done = cluster.account.run(
        [str(cluster.binaries.bin / words[0]), *words[1:]],
        environ=cluster.binaries.environ(), cwd=cluster.folder,
    )  # fmt: skip
    assert done.returncode == 0
    cluster.start()
