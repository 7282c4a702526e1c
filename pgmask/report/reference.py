"""docs/reference/reports.md: every report with its question, parameters and how to ask."""

from __future__ import annotations

from typing import Final

from pgmask.report.questions import REPORTS, Report

_HEAD: Final = """\
# Reports

What auditors ask of the record. Each is a view or a function of the schema `pgmask_report`, so
any SQL client can ask; `pgmask report NAME` asks the same, with `--format table`, `csv`, `excel`
(CSV with the mark by which Excel knows UTF-8), `json` or `html`, `--columns` for some columns,
and of who saw what `--by-person` for one row a person. All parameters are named. [Answer
a regulator's question](../howto/answer-a-regulators-question.md) goes through one.

| who | reads |
|---|---|
| members of `pgmask_record_auditor` | everything |
| members of `pgmask_record_unit` | what the own unit did, and what concerns its customers |
| members of `pgmask_record_high_value` | what concerns high-value customers |
| everybody else | nothing (PM840) |

Of a customer a unit reads the time that he was of that unit, and the high-value department the
time that he was of high value; a key that was another customer's before opens nothing of that one.
Of a person a unit reads what he did while he belonged to it, by the history of the register, and
always what he did for it; `dormant_permissions` tells of the persons of now.

That a report was asked is itself on record, whatever it gave (`audit_readers`). Nobody may read
the tables behind. Names that no catalogue and no register knows are refused (PM845), and the
command says on stderr when the record begins later than the period or has gaps in it. Views
cover all time: say `WHERE at >= .. AND at < ..`, it reaches the tables.

"""
_TAIL: Final = """\
## What the words mean

* `shown`: a complete value was asked for, by a ticket. `examined`: a statement examined the
  customer's row. `possible`: a statement read a table in which the person could have met the
  customer: by the catalogue of that time, by posts, assignments, designations and shared units
  of that time, and by the unit the customer was in. Where customers are noted one by one a
  statement without such a note is not possible.
  [More](../explanation/the-record.md#three-certainties).
* `searched`, `read` (in `what_person_saw`): a search, and statements that read a table and left no
  note of single customers. Whom they met is not on record: `who_saw` tells them as `possible` of
  each customer who could be met.
* `times`: how many notes a row stands for. `evidence`: the ticket or the row of the record.
* A unit's place in the tree, and whether a post reaches units below, are those of now: the
  register keeps no periods of them. Its changes are in `changes_of_rights`.
* A search may have met the customer: it is on record with what was looked up in a form that
  cannot be read, so it is `possible`.
* A long SELECT or a COPY leaves one note like every other statement; nothing on record says how
  many rows it took. Extracts with a ticket of their own do not exist yet, so `downloads` is
  reveals and searches.
* A `sample` is drawn from notes: of statements, and of customers whose row a statement examined
  (`kind` says which). Its `population` is their number, and so larger than that of the statements.
* Reports of reads, `audit_readers` too, show what has been collected: the last ones appear once
  the collector has been there.
* Reads are counted per day and hour (UTC) by the collector; what is not counted yet is read from
  the notes. Counts are derived from the record and not sealed themselves.
"""


def reports_page() -> str:
    """The page as text."""
    return _HEAD + "".join(map(_report, REPORTS)) + _TAIL


def _report(report: Report) -> str:
    lines = [f"## {report.name}", "", report.question, ""]
    if report.view:
        where = " WHERE at >= '2026-07-01' AND at < '2026-10-01'" if report.timed else ""
        call = f"SELECT * FROM pgmask_report.{report.name}{where};"  # noqa: S608 - printed
    else:
        lines += ["| parameter | option | type | |", "|---|---|---|---|"]
        lines += [
            f"| `p_{p.name}`{'' if p.required else ' (optional)'} | `{p.option}` | {p.type}"
            f" | {p.says} |"
            for p in report.parameters
        ]
        given = ", ".join(f"p_{p.name} => {_EXAMPLES[p.name]}" for p in report.parameters
                          if p.required)  # fmt: skip
        call = f"SELECT * FROM pgmask_report.{report.name}({given});"  # noqa: S608 - printed
        lines.append("")
    return "\n".join([*lines, "```sql", call, "```", "", ""])


_EXAMPLES: Final = {
    "class": "'customer'", "key": "'4711'", "keys": "'{4711,4712}'", "from": "'2026-07-01'",
    "to": "'2026-10-01'", "person": "11", "table": "'crm.customer'",
}  # fmt: skip
