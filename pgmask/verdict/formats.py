"""Verdicts in the forms that people and programs read: text, JSON, SARIF, GitHub, JUnit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final
from xml.etree import ElementTree as Xml

from pgmask import __version__
from pgmask.errors import REGISTRY
from pgmask.verdict.model import Finding, Severity, Verdict
from pgmask.verdict.rules import RULES

_SARIF: Final = {Severity.NOTE: "note", Severity.WARN: "warning", Severity.DENY: "error"}
_GITHUB: Final = {Severity.NOTE: "notice", Severity.WARN: "warning", Severity.DENY: "error"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The verdicts on one text, and the file they are told of."""

    file: str
    verdicts: tuple[Verdict, ...]


def as_dict(verdict: Verdict, file: str = "") -> dict[str, Any]:
    """One statement as ``pgmask validate --format json`` gives it."""
    lineage = verdict.lineage
    found: dict[str, Any] = {
        "statement": {"text": lineage.text, "line": lineage.line},
        "kind": lineage.kind,
        "verdict": verdict.verdict,
        "reads": [{**_column(r.column), "use": r.use.value} for r in lineage.reads],
        "outputs": [
            {
                "name": shown.output.name,
                "sources": [_column(s.column) for s in shown.sources],
                "flow": shown.output.flow.value,
                "level": shown.level if verdict.profile else None,
                "form": shown.form.value if verdict.profile else None,
            }
            for shown in verdict.outputs
        ],
        "writes": [
            {
                "schema": w.schema,
                "table": w.table,
                "action": w.action,
                "columns": list(w.columns),
                "sources": {c: [_column(s.column) for s in some] for c, some in w.sources},
            }
            for w in lineage.writes
        ],
        "findings": [_finding(f) for f in verdict.findings],
        "suppressed": [{**_finding(f), "reason": f.reason} for f in verdict.suppressed],
    }
    if file:
        found["file"] = file
    if verdict.profile:
        found["profile"] = verdict.profile
    return found


def _column(column: Any) -> dict[str, str]:
    return {"schema": column.schema, "table": column.table, "column": column.column}


def _finding(finding: Finding) -> dict[str, Any]:
    found: dict[str, Any] = {
        "code": finding.code,
        "severity": finding.severity.value,
        "message": finding.message,
        "line": finding.line,
        "column": finding.column,
        "hint": finding.hint,
    }
    if finding.path:
        found["path"] = finding.path
    if finding.columns:
        found["columns"] = [
            {"table": c.table, "column": c.column, "line": c.line, "at": c.at}
            for c in finding.columns
        ]
    return found


def as_json(judged: Sequence[Judged]) -> str:
    """A list with one object per statement, one a line."""
    lines = [
        json.dumps(as_dict(v, one.file), ensure_ascii=False) for one in judged for v in one.verdicts
    ]
    return "[\n" + ",\n".join(lines) + "\n]\n" if lines else "[]\n"


def as_text(judged: Sequence[Judged]) -> str:
    """Every finding with its place, its line, and the way out."""
    lines: list[str] = []
    for one in judged:
        for verdict in one.verdicts:
            for f in verdict.findings:
                place = f"{_one_line(one.file)}:{f.line}:{f.column}"
                lines.append(f"{place}: {f.severity.value} {f.code} {f.message}")
                lines += [f"    {line}" for line in f.caret.splitlines()]
                lines += [f"    at {f.path}"] if f.path else []
                lines += [f"    {f.hint}"] if f.hint else []
    return "\n".join(lines) + "\n" if lines else ""


def _one_line(name: str) -> str:
    return "".join(c if c.isprintable() else "\ufffd" for c in name)


def as_github(judged: Sequence[Judged]) -> str:
    """Workflow commands: annotations at the lines of a pull request."""
    lines = []
    for one in judged:
        for verdict in one.verdicts:
            for f in verdict.findings:
                where = f"file={_property(one.file)},line={f.line},col={f.column}"
                title = f"title={_property(f'{f.code} {REGISTRY[f.code].title}')}"
                message = _message(f"{f.message}. {f.hint}")
                lines.append(f"::{_GITHUB[f.severity]} {where},{title}::{message}")
    return "\n".join(lines) + "\n" if lines else ""


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")


def as_junit(judged: Sequence[Judged], *, strict: bool = False) -> str:
    """One suite per file, one case per statement; denials fail, warnings where ``strict``."""
    suites = Xml.Element("testsuites", name="pgmask validate")
    for one in judged:
        suite = Xml.SubElement(
            suites,
            "testsuite",
            name=one.file,
            tests=str(len(one.verdicts)),
            failures=str(sum(failing(v, strict) for v in one.verdicts)),
            errors="0",
        )
        for number, verdict in enumerate(one.verdicts, 1):
            lineage = verdict.lineage
            case = Xml.SubElement(
                suite,
                "testcase",
                classname=one.file,
                name=f"{number} {lineage.kind or 'statement'} (line {lineage.line})",
            )
            for finding in verdict.findings:
                text = f"{one.file}:{finding.line}:{finding.column}: {finding.message}"
                text = _printable(f"{text}\n{finding.caret}\n{finding.hint}")
                if finding.severity is Severity.DENY or (
                    strict and finding.severity is Severity.WARN
                ):
                    failure = Xml.SubElement(
                        case, "failure", type=finding.code, message=_printable(finding.message)
                    )
                    failure.text = text
                else:
                    out = Xml.SubElement(case, "system-out")
                    out.text = f"{finding.code} {text}"
    Xml.indent(suites)
    return Xml.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _printable(text: str) -> str:
    """Without the control characters that XML does not allow."""
    return "".join(c for c in text if c in "\n\t" or (c >= " " and c not in "\ufffe\uffff"))


def failing(verdict: Verdict, strict: bool) -> bool:
    """Whether the gate stops at this statement."""
    return verdict.verdict == "deny" or (strict and verdict.verdict == "warn")


def as_sarif(judged: Sequence[Judged]) -> str:
    """SARIF 2.1.0, with the rules, and what a comment allows as suppressed in the source."""
    codes = sorted(
        {r.code for r in RULES}
        | {f.code for o in judged for v in o.verdicts for f in (*v.findings, *v.suppressed)}
    )
    names = {r.code: r for r in RULES}
    rules = []
    for code in codes:
        entry, rule = REGISTRY[code], names.get(code)
        severity = rule.severity if rule is not None else Severity.DENY
        rules.append(
            {
                "id": code,
                "name": "".join(w.capitalize() for w in (rule.name if rule else code).split("-")),
                "shortDescription": {"text": entry.title},
                "fullDescription": {"text": entry.cause},
                "help": {"text": f"{entry.cause} {entry.way_out}"},
                "defaultConfiguration": {"level": _SARIF[severity]},
            }
        )
    results = []
    for one in judged:
        for verdict in one.verdicts:
            for finding in (*verdict.findings, *verdict.suppressed):
                results.append(_result(finding, verdict, one.file, codes.index(finding.code)))
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "pgmask", "version": __version__, "rules": rules}},
                "columnKind": "unicodeCodePoints",
                "results": results,
            }
        ],
    }
    return json.dumps(log, ensure_ascii=False, indent=2) + "\n"


def _result(finding: Finding, verdict: Verdict, file: str, index: int) -> dict[str, Any]:
    # The same finding in a statement that has only moved is the same finding.
    mark = f"{finding.code}\0{file}\0{finding.message}\0{' '.join(verdict.lineage.text.split())}"
    found: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": index,
        "level": _SARIF[finding.severity],
        "message": {"text": f"{finding.message}. {finding.hint}".strip()},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(file)},
                    "region": {"startLine": finding.line, "startColumn": finding.column},
                }
            }
        ],
        "partialFingerprints": {"pgmask/v1": sha256(mark.encode()).hexdigest()},
    }
    if finding.reason is not None:
        found["suppressions"] = [{"kind": "inSource", "justification": finding.reason}]
    return found


def _uri(file: str) -> str:
    from urllib.parse import quote

    return quote("stdin" if file == "-" else file.replace("\\", "/"))
