"""The register as a file: units, posts, persons and issuers in YAML, read with positions.

It holds the state as it should be now. ``pgmask register load`` puts every entry, and can be
repeated; what is not in the file is left alone. ``examples/insurer/register.yml`` is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pgmask.catalogue.files import read_text
from pgmask.catalogue.model import NOWHERE
from pgmask.catalogue.nodes import parse
from pgmask.catalogue.problems import Problem, Problems, did_you_mean, errors
from pgmask.catalogue.shapes import (
    BAD,
    Choice,
    DatabaseName,
    Date,
    Entry,
    Flag,
    Key,
    ListOf,
    Located,
    Record,
    Seconds,
    Shape,
    Text,
    Whole,
)
from pgmask.errors import PgmaskError


def _key(name: str, shape: Shape, doc: str, required: bool = False) -> Key:
    return Key(name=name, shape=shape, doc=doc, required=required)


PAPERS: Final = {
    "confidentiality_agreement": "the confidentiality agreement in the company's form",
    "responsibility_letter": "the letter of responsibility",
}
_ID: Final = Text(words="a short text without line breaks", limit=100)
_PERSON: Final = Whole(low=1, high=999_999_999)
_TEXT: Final = Text()
_ISSUER: Final = Text(
    words="a name of letters, digits, dot, dash and underline", limit=60,
    pattern=r"[A-Za-z0-9_.-]+",
)  # fmt: skip

_UNIT: Final = Record(
    name="unit",
    doc="A department, branch or subsidiary.",
    keys=(
        _key("id", _ID, "As the unit column of protected tables holds it, as text.", True),
        _key("name", _TEXT, "What people call it.", True),
        _key("kind", Choice(options={
            "department": "of the head office", "branch": "a branch", "subsidiary": "a company",
        }), "department, branch or subsidiary."),
        _key("superior", _ID, "The unit above."),
        _key("head", _TEXT, "Who leads it."),
        _key("security_responsible", _TEXT, "The one person responsible for security in it."),
        _key("contact", _TEXT, "The one contact for customer information."),
        _key("lead_department", _TEXT, "In a branch: the department that leads there."),
        _key("permission_rules", _TEXT, "Reference to its registered permission rules."),
        _key("channel", _TEXT, "The sales channel."),
    ),
)  # fmt: skip
_POST: Final = Record(
    name="post",
    doc="A post that touches customer information.",
    keys=(
        _key("id", _ID, "Its key.", True),
        _key("title", _TEXT, "What people call it; its key when left out."),
        _key("profiles", ListOf(item=DatabaseName()), "The profiles it gives.", True),
        _key("reach", Choice(options={
            "unit": "the holder's unit", "subtree": "that unit and all below",
        }), "For profiles with rows: units."),
        _key("unique_writes_per_day", Whole(low=0, high=1_000_000),
             "As in rules, for holders of this post."),
    ),
)  # fmt: skip
_ASSIGNED: Final = Record(
    name="assignment",
    doc="Customers of one subject class.",
    keys=(
        _key("class", _ID, "The subject class of the catalogue, such as customer.", True),
        _key("keys", ListOf(item=_ID), "The customers' keys.", True),
    ),
)
_PERSON_RECORD: Final = Record(
    name="person",
    doc="Somebody who may touch customer information.",
    keys=(
        _key("id", _PERSON, "The number that signed identities name.", True),
        _key("name", _TEXT, "The name.", True),
        _key("unit", _ID, "The unit.", True),
        _key("post", _ID, "The post held in that unit.", True),
        _key("employment", Choice(options={
            "employee": "employed", "agent": "an agent", "outsourced": "of another company",
        }), "employee, agent or outsourced."),
        _key("login", DatabaseName(), "A login of the database that is this person."),
        _key("signed", ListOf(item=Choice(options=PAPERS)), "Papers signed; both when left out."),
        _key("assigned", ListOf(item=_ASSIGNED), "Customers assigned to the person."),
        _key("designated", Flag(), "Designated for the unit's high-value customers."),
        _key("trained", Date(), "Day of the last training."),
    ),
)  # fmt: skip
_SERVICE: Final = Record(
    name="service",
    doc="A program for which a person answers: a database login, or one an issuer speaks for.",
    keys=(
        _key("login", DatabaseName(), "Its login of the database; without it issuers name it."),
        _key("name", _ID, "The name of the service.", True),
        _key("person", _PERSON, "Who answers for it.", True),
        _key("profile", DatabaseName(), "Its profile.", True),
        _key("unit", _ID, "Its unit.", True),
    ),
)
_ISSUER_RECORD: Final = Record(
    name="issuer",
    doc="An application that may sign who is asking.",
    keys=(
        _key("id", _ISSUER, "Its name.", True),
        _key("profiles", ListOf(item=DatabaseName(), least=1), "Profiles it may speak for.", True),
        _key("services", ListOf(item=_ID), "Services without a login that it may speak for."),
        _key("max_ttl", Seconds(high=60), "Longest life of an assertion."),
        _key("transaction_life", Seconds(high=43200), "How long a transaction may go on."),
    ),
)
_RULES: Final = Record(
    name="rules",
    doc="What is asked of units and persons.",
    keys=(
        _key("complete_unit", Flag(), "Nobody of an incomplete unit is honoured."),
        _key("training_months", Whole(low=1, high=120), "How long a training counts."),
        _key("designated_per_unit", Whole(low=1, high=2), "Designated persons of a unit."),
        _key(
            "unique_writes_per_day",
            Whole(low=0, high=1_000_000),
            "New values of unique sealed columns that one person may write in a day.",
        ),
    ),
)
_FORMS: Final = Record(
    name="documents",
    doc="The forms of the two papers that are in force.",
    keys=tuple(_key(name, _ID, f"The form of {words}.") for name, words in PAPERS.items()),
)
BOOK: Final = Record(
    name="register",
    doc="Units, posts, persons and issuers.",
    keys=(
        _key("rules", _RULES, "What is asked of units and persons."),
        _key("documents", _FORMS, "The forms in force; form 1 of both when left out."),
        _key("units", ListOf(item=_UNIT), "The units; a superior stands before those below."),
        _key("posts", ListOf(item=_POST), "The posts and their profiles."),
        _key("persons", ListOf(item=_PERSON_RECORD), "The persons."),
        _key("services", ListOf(item=_SERVICE), "Programs that work without a person."),
        _key("issuers", ListOf(item=_ISSUER_RECORD), "Applications that sign who is asking."),
    ),
)


class BookProblems(PgmaskError):
    """PM508: the register file is refused; ``problems`` holds everything found."""

    exit_code = 2

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        wrong = errors(problems)
        super().__init__(
            "PM508",
            f"the register has {len(wrong)} problem{'s' if len(wrong) > 1 else ''}",
            detail="\n".join(str(p) for p in wrong),
            where=str(wrong[0].position) if wrong[0].position.file else "",
        )
        self.problems = problems

    def __reduce__(self) -> tuple[object, ...]:
        return BookProblems, (self.problems,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """A register file as read: each section's entries as plain mappings, in the file's order."""

    rules: dict[str, Any]
    documents: dict[str, str]
    units: tuple[dict[str, Any], ...]
    posts: tuple[dict[str, Any], ...]
    persons: tuple[dict[str, Any], ...]
    services: tuple[dict[str, Any], ...]
    issuers: tuple[dict[str, Any], ...]


def read_book(path: Path) -> Book:
    """Read a register file. Raises BookProblems (PM508) with every problem and its position."""
    problems = Problems()
    text = read_text(path, path.name, NOWHERE, problems)
    node = None if text is None else parse(text, path.name, problems)
    entry = BAD if node is None else BOOK.read(node, problems)
    if isinstance(entry, Entry):
        _references(entry, problems)
    if errors(problems.all) or not isinstance(entry, Entry):
        raise BookProblems(problems.all)
    given = {key: _plain(entry.get(key)) for key in (k.name for k in BOOK.keys)}
    return Book(
        rules=given["rules"] or {},
        documents=dict.fromkeys(PAPERS, "1") | (given["documents"] or {}),
        units=given["units"] or (),
        posts=given["posts"] or (),
        persons=given["persons"] or (),
        services=given["services"] or (),
        issuers=given["issuers"] or (),
    )


def _references(book: Entry, problems: Problems) -> None:
    units = _keys(book.get("units", ()), "id", "unit", problems)
    posts = _keys(book.get("posts", ()), "id", "post", problems)
    persons = _keys(book.get("persons", ()), "id", "person", problems)
    _keys(book.get("issuers", ()), "id", "issuer", problems)
    _keys([*book.get("persons", ()), *book.get("services", ())], "login", "login", problems)
    above: set[str] = set()
    for unit in book.get("units", ()):
        superior = unit.get("superior")
        if superior is not None and superior not in above:
            _unknown(unit, "superior", "unit", above, problems, "A superior stands before it.")
        above.add(unit.get("id"))
    for person in book.get("persons", ()):
        if person.get("unit") not in units:
            _unknown(person, "unit", "unit", units, problems)
        if person.get("post") not in posts:
            _unknown(person, "post", "post", posts, problems)
        if person.get("designated") and person.get("employment") == "outsourced":
            problems.add(
                "PM504", "outsourced", person.place("designated"),
                "an outsourced person cannot be designated", "Designate an employee.",
            )  # fmt: skip
    for service in book.get("services", ()):
        if service.get("unit") not in units:
            _unknown(service, "unit", "unit", units, problems)
        if service.get("person") not in persons:
            _unknown(service, "person", "person", persons, problems)
    spoken_for = {s.get("name") for s in book.get("services", ()) if s.get("login") is None}
    for issuer in book.get("issuers", ()):
        for name in issuer.get("services") or ():
            if name not in spoken_for:
                problems.add(
                    "PM508", "unknown", issuer.place("services"),
                    f"there is no service {str(name)[:70]!r} without a login",
                    "Name one of services:, without login:.",
                )  # fmt: skip


def _keys(entries: Any, key: str, what: str, problems: Problems) -> set[Any]:
    found: set[Any] = set()
    for entry in entries:
        value = entry.get(key)
        if value is None:
            continue
        if value in found:
            problems.add(
                "PM508", "duplicate", entry.place(key),
                f"{what} {str(value)[:70]!r} stands twice", "Remove one of them.",
            )  # fmt: skip
        found.add(value)
    return found


def _unknown(
    entry: Entry, key: str, what: str, known: set[Any], problems: Problems, fix: str = ""
) -> None:
    value = entry.get(key)
    if value is None:
        return  # its own problem is recorded
    problems.add(
        "PM508", "unknown", entry.place(key),
        f"{what} {str(value)[:70]!r} is not in the register above",
        f"{fix} {did_you_mean(str(value), {str(k) for k in known})}".strip(),
    )  # fmt: skip


def _plain(value: Any) -> Any:
    if isinstance(value, Located):
        return value.value
    if isinstance(value, Entry):
        return {key: _plain(found) for key, found in value.values.items()}
    if isinstance(value, tuple):
        return tuple(_plain(found) for found in value)
    return value
