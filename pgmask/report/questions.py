"""The reports of ``pgmask_report``: name, question in plain words, parameters (G4, G6, H2).

The database is where they are; this list is what the command line offers and the documentation
prints, and a test compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, LiteralString

from pgmask.errors import PgmaskError


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of a report: ``p_<name>`` of its function.

    type: of PostgreSQL; required: there is no default; says: for the help.
    """

    name: str
    type: LiteralString
    required: bool
    says: str

    @property
    def option(self) -> str:
        """Its option on the command line."""
        return "--key" if self.name == "keys" else f"--{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One question.

    name: of the view or function; parameters: none for a view; timed: rows of a view have a column
    ``at`` by which a period is cut out.
    """

    name: str
    question: str
    parameters: tuple[Parameter, ...] = ()
    timed: bool = True

    @property
    def view(self) -> bool:
        """Whether it is a view, so that no parameter is needed."""
        return not self.parameters


def _need(name: str, type: LiteralString, says: str) -> Parameter:
    return Parameter(name=name, type=type, required=True, says=says)


def _may(name: str, type: LiteralString, says: str) -> Parameter:
    return Parameter(name=name, type=type, required=False, says=says)


_FROM: Final = _need("from", "timestamptz", "From when: a day or a moment.")
_TO: Final = _need("to", "timestamptz", "Until when, itself not included.")
_CLASS: Final = _need("class", "text", "The class of the customer, as in the catalogue.")

REPORTS: Final = (
    Report(
        name="who_saw",
        question="Who saw this customer between two moments: shown, examined and possible told"
        " apart?",
        parameters=(_CLASS, _need("key", "text", "The customer's key."), _FROM, _TO),
    ),
    Report(
        name="who_saw_many",
        question="Who saw any of these customers between two moments: shown, examined and possible"
        " told apart?",
        parameters=(_CLASS, _need("keys", "text[]", "The customers' keys."), _FROM, _TO),
    ),
    Report(
        name="what_person_saw",
        question="What did this person see between two moments: which customers, tables,"
        " columns and"
        " levels, and when?",
        parameters=(_need("person", "bigint", "The person's number in the register."), _FROM, _TO),
    ),
    Report(
        name="history_of",
        question="How did this row come to be as it is: who changed which column from what to what,"
        " in masks?",
        parameters=(
            _need("table", "text", "Such as crm.customer."),
            _need("key", "text[]", "The primary key, column by column."),
            _may("from", "timestamptz", "From when; without it from the beginning."),
            _may("to", "timestamptz", "Until when; without it until now."),
        ),
    ),
    Report(
        name="reveals",
        question="Which complete values were shown to whom, why, of which customer?",
    ),
    Report(
        name="reveals_counted",
        question="How many complete values were shown, by unit, person, purpose and hour?",
    ),
    Report(
        name="downloads",
        question="Who took much at once: reveals and searches per person and day? An extract by"
        " COPY"
        " or by a long SELECT is in accesses, as reads.",
    ),
    Report(
        name="accesses",
        question="Who browsed how much: reads per day, unit, person, profile, table and level?",
        parameters=(_FROM, _TO),
    ),
    Report(
        name="accesses_outside_hours",
        question="Who read or revealed outside office hours? Hours, days and zone are parameters or"
        " the settings.",
        parameters=(
            _FROM, _TO,
            _may("opens", "time", "When office hours begin, such as 08:00."),
            _may("closes", "time", "When they end."),
            _may("workdays", "integer[]", "Days with office hours, 1 is Monday."),
            _may("zone", "text", "The time zone of office hours."),
        ),
    ),
    Report(
        name="cross_unit",
        question="Who revealed or examined customers whose unit was another one than that acted"
        " for?",
        parameters=(_FROM, _TO),
    ),
    Report(name="refused_attempts", question="Who was refused what, and by which code?"),
    Report(name="alerts", question="What was unusual, and who closed it with which reason?"),
    Report(
        name="dormant_permissions",
        question="Who may, and has not for so many days: profiles in force that nobody used?",
        parameters=(_may("days", "integer", "How many days without a use; 90 without it."),),
    ),
    Report(name="audit_readers", question="Who read the record, which report and when?"),
    Report(
        name="gaps",
        question="Where is the record not whole: gaps, eras, missing or DEFAULT partitions, rows no"
        " batch covers, a late collector?",
        timed=False,
    ),
    Report(
        name="changes_of_rights",
        question="Who gave or took which right: in the register, and of roles of the database?",
    ),
    Report(
        name="keys_and_deployments",
        question="Which catalogues, keys and definitions came when, by whom, approved by whom?",
    ),
    Report(
        name="coverage",
        question="How are the reads of which profile and table noted: per statement, or per"
        " customer?",
        timed=False,
    ),
    Report(
        name="statement_texts",
        question="Which statements were sent, as messages that auditors alone can decrypt?",
        parameters=(_FROM, _TO, _may("person", "bigint", "Only this person's statements.")),
    ),
    Report(
        name="sample",
        question="Which accesses shall be looked at by hand: a sample that the same seed draws"
        " again?",
        parameters=(
            _FROM, _TO,
            _may("size", "integer", "How many; 25 without it."),
            _may("seed", "text", "Any word; the same word draws the same sample."),
        ),
    ),
)  # fmt: skip


def report_named(name: str) -> Report:
    """The report; raises PgmaskError (PM844)."""
    for report in REPORTS:
        if report.name == name:
            return report
    raise PgmaskError("PM844", f"there is no report {name!r}", hint="pgmask report list")
