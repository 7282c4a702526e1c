"""A starter catalogue from a schema: what names and types suggest, and TODO for the rest.

Names are evidence, not proof: whatever a person must decide is written ``TODO``, which ``check``
refuses at its line.  English and pinyin abbreviations of insurers' tables and Chinese names are
known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from pgmask.catalogue.patterns import written
from pgmask.catalogue.schema_source import Schema, SchemaColumn, SchemaTable
from pgmask.catalogue.yamltext import flow_list, scalar
from pgmask.kinds import KINDS, type_treatment

TODO: Final = "TODO"

_NAMED: Final = "full|first|last|family|given|holder|insured|customer|client|contact|person"
_KINDS: Final = (
    ("secret", r"passw(or)?d|passwd|pwd|secret|cvv|pin_?code|password_?hash|密码|口令"),
    ("email", r"e_?mail|mail_?addr(ess)?|邮箱|电子邮件"),
    ("mobile", r"cell(ular)?|(mobile_?)?phone(_?(no|number))?|mobile(_?(no|number))?|sjh|手机号?"),
    ("landline", r"tel|telephone|fax|(home|office|work)_?(tel|phone)|座机|固话|电话"),
    ("cn_id_card", r"id_?(card|no|number)|cert_?(no|number)|sfz(h|hm)?|身份证号?|证件号码?"),
    ("identity_paper", r"passport(_?no)?|permit_?no|护照号?"),
    ("bank_account", r"(bank_?)?(account|acct|card)_?no|bank_?(account|card)|iban|银行[账卡]号"),
    ("policy_number", r"policy_?(no|number)|bdh|保单号"),
    ("postal_address", r"address|addr|street|住址|地址"),
    ("person_name", rf"(({_NAMED}|payer|payee|reporter|beneficiary)_?)?name|xm|姓名"),
    ("org_code", r"org_?code|uscc|credit_?code|统一社会信用代码"),
    ("plate", r"plate(_?no)?|license_?plate|cph|车牌号?"),
    ("date", r"birth(_?(date|day))?|dob|date_?of_?birth|csrq|出生日期"),
    ("free_text", r"notes?|remarks?|comments?|memo|bz|备注"),
)  # fmt: skip
_PLAIN: Final = re.compile(
    r"id|uuid|.*_id|version|status|state|type|kind|created(_at|_on)?|updated(_at|_on)?|.*_at|seq|"
    r"sequence|sort|active|enabled|deleted|lang(uage)?|currency|unit_id"
)
_PERSONS: Final = ("customer", "client", "person", "party", "member", "patient", "insured", "kh")
_LEVELS: Final = {"person_name": 2, "policy_number": 2, "date": 2}
_CATEGORIES: Final = {"date": "basic"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One column: kind '' where no name or type suggests one; plain: says nothing of a person."""

    column: SchemaColumn
    kind: str
    plain: bool


def propose_column(column: SchemaColumn) -> Proposal:
    """What the name suggests, if the type can hold it."""
    name = column.name.lower()
    for kind, expression in _KINDS:
        prefix = "" if kind == "person_name" else "(.*_)?"  # file_name is nobody's name
        if re.fullmatch(rf"{prefix}({expression})(_?\d+)?", name):
            treatment = type_treatment(
                kind, column.type, base_type=column.base_type, is_enum=column.is_enum
            )
            if treatment.at_rest != "refused":
                return Proposal(column=column, kind=kind, plain=False)
    if (column.base_type or column.type).startswith("bytea"):
        return Proposal(column=column, kind="media", plain=False)
    return Proposal(column=column, kind="", plain=_PLAIN.fullmatch(name) is not None)


def starter(schema: Schema, name: str, packs: tuple[str, ...] = ("baseline",)) -> dict[str, str]:
    """The files of a starter catalogue for one application schema, by path."""
    tables = [t for t in schema.tables if t.schema == name]
    proposals = {t.id: [propose_column(c) for c in t.columns] for t in tables}
    personal = [t for t in tables if any(p.kind for p in proposals[t.id])]
    others = [t for t in tables if t not in personal]
    subject = _subject(personal)
    main = "\n".join(_main(name, packs, subject, others)) + "\n"
    domain = "\n".join(_tables(personal, proposals, subject)) + "\n"
    profiles = "\n".join(_profiles()) + "\n"
    return {"pgmask.yml": main, "domains/tables.yml": domain, "profiles/profiles.yml": profiles}


def _subject(tables: Iterable[SchemaTable]) -> SchemaTable | None:
    for word in _PERSONS:
        for table in tables:
            if re.fullmatch(rf"(.*_)?{word}s?", table.name.lower()) and len(table.primary_key) == 1:
                return table
    return None


def _main(
    name: str, packs: tuple[str, ...], subject: SchemaTable | None, others: list[SchemaTable]
) -> Iterator[str]:
    yield "# Proposed from names and types. Decide every TODO; `pgmask check` names each one left."
    yield "pgmask: 1"
    yield f"packs: {flow_list(packs)}"
    yield f"store: {{schema: {scalar(name)}, mode: aside, as: {scalar(name + '_store')}, "
    yield "        profile: application}"
    if subject is not None:
        unit = next((c.name for c in subject.columns if re.search(r"unit|branch|org", c.name)), "")
        tail = f", unit: {scalar(unit)}" if unit else ""
        key = scalar(subject.primary_key[0])
        yield f"subject: {{table: {scalar(written(subject.name))}, key: {key}{tail}}}"
    else:
        yield "subject: {table: TODO, key: TODO}   # the table of the persons"
    yield ""
    yield "include:"
    yield "  - {file: domains/*.yml, owner: TODO}"
    yield "  - {file: profiles/*.yml, owner: TODO}"
    yield ""
    yield "backup: []   # logins that run pg_dump"
    if others:
        yield ""
        yield "# No name or type here suggests a person: say why there is none, or classify them."
        yield "unprotected:"
        for table in others:
            yield f"  - {{tables: {scalar(written(table.name))}, reason: {TODO}}}"


def _tables(
    tables: list[SchemaTable],
    proposals: dict[str, list[Proposal]],
    subject: SchemaTable | None,
) -> Iterator[str]:
    yield "tables:" if tables else "tables: {}"
    for table in tables:
        yield f"  {scalar(written(table.name))}:"
        if table is not subject:
            yield f"    subject: {_holder(table, subject)}"
        yield f"    why: {TODO}   # why it is collected; per column where they differ"
        yield "    columns:"
        for one in proposals[table.id]:
            if one.kind:
                yield f"      {scalar(one.column.name)}: {_classified(one)}   # {one.column.type}"
        for one in proposals[table.id]:
            if not one.kind and not one.plain:
                yield (
                    f"      {scalar(one.column.name)}: {{level: {TODO}, category: {TODO}}}"
                    f"   # {one.column.type}"
                )
        plain = [p.column.name for p in proposals[table.id] if p.plain]
        if plain:
            yield f"    level_3: {flow_list(plain)}"


def _holder(table: SchemaTable, subject: SchemaTable | None) -> str:
    """The column that likely holds the subject's key."""
    if subject is None:
        return f"{TODO}   # the column with the person's key, or none"
    word = subject.name.lower().removesuffix("s")
    for column in table.columns:
        if column.name.lower() in (f"{word}_id", f"{word}id", f"{word}_no", f"{word}_{'key'}"):
            return scalar(column.name)
    return f"{TODO}   # the column with the key of {subject.name}, or none"


def _classified(proposal: Proposal) -> str:
    kind = KINDS[proposal.kind]
    parts = [f"kind: {kind.name}"]
    if kind.hidden_by_default and not kind.never_shown:
        parts.append(f"level: {TODO}")  # the level of its content
    elif kind.name in _LEVELS:
        parts.append(f"level: {_LEVELS[kind.name]}")
    if kind.name in _CATEGORIES:
        parts.append(f"category: {_CATEGORIES[kind.name]}")
    return "{" + ", ".join(parts) + "}"


def _profiles() -> Iterator[str]:
    yield "profiles:"
    yield "  # The application as it is: its views take the schema's own name."
    yield "  application:"
    yield f"    rows: {TODO}   # all, own_unit, units, assigned or granted"
    yield "    columns: {1: mask, 2: mask, 3: plain}"
    yield '    tables: {"*": write}'
    yield "  analyst:"
    yield "    rows: all"
    yield "    columns: {1: hidden, 2: hidden, 3: plain}"
    yield '    tables: {"*": read}'
