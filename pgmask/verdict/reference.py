"""The pages of the rules, written from the rules themselves."""

from __future__ import annotations

from typing import Final

from pgmask.verdict.rule import Rule
from pgmask.verdict.rules import RULES

_SAYS: Final = {
    "note": "a note: the statement passes",
    "warn": "a warning: it passes, and fails with `--strict`",
    "deny": "a denial: it fails",
}


def file_of(rule: Rule) -> str:
    """The name of a rule's page: ``pm620-base-table.md``."""
    return f"{rule.code.lower()}-{rule.name}.md"


def rule_page(rule: Rule) -> str:
    """One rule: what it finds, why, the way out, an example and its twin."""
    asked = {
        None: "always",
        True: "with `--as migration`",
        False: "for applications",
    }[rule.migration]
    who = f"-- profile {rule.profile}, PostgreSQL {rule.version}\n" if rule.catalogue else ""
    module = rule.check.__module__.rpartition(".")[2]
    lines = [
        f"# {rule.code} {rule.title}",
        "",
        f"{rule.explanation}",
        "",
        f"*Way out:* {rule.fix}",
        "",
        *([rule.says, ""] if rule.says else []),
        "```sql",
        f"{who}{_folded(rule.example)};",
        "```",
        "",
        "Instead:",
        "",
        "```sql",
        f"{_folded(rule.ok)};",
        "```",
        "",
        f"It is {_SAYS[rule.severity.value]}. Asked {asked}"
        f"{'' if rule.catalogue else ', also without a catalogue'}."
        f"{' PostgreSQL itself refuses such a statement.' if rule.refused else ''}",
        "",
        "No comment in the text can allow it."
        if rule.refused
        else f"Allowed in the text by `-- pgmask: allow {rule.code} reason`.",
        "",
        "[All rules](README.md); written by `nox -s docs` from"
        f" `pgmask/verdict/rules/{module}.py`.",
    ]
    return "\n".join(lines) + "\n"


def _folded(sql: str) -> str:
    """A statement a line."""
    return ";\n".join(part.strip() for part in sql.split(";"))


def rules_index() -> str:
    """Every rule in a table."""
    lines = [
        "# Rules of validate",
        "",
        "What [`pgmask validate`](../cli.md) looks for, one page each. How to use it:"
        " [validate queries](../../howto/validate-queries.md).",
        "What cannot be resolved at all is denied with a code from PM600 to PM615"
        " ([errors](../errors.md)).",
        "Written by `nox -s docs`.",
        "",
        "| rule | severity | |",
        "|---|---|---|",
    ]
    for rule in RULES:
        lines.append(
            f"| [{rule.code}]({file_of(rule)}) {rule.name} | {rule.severity.value} | {rule.title} |"
        )
    return "\n".join(lines) + "\n"


def rule_pages() -> dict[str, str]:
    """Every page by the name of its file."""
    return {"README.md": rules_index()} | {file_of(r): rule_page(r) for r in RULES}
