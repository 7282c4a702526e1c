"""The invented insurer's rows, in plain text as an existing application would have stored them."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

import psycopg
from psycopg import sql

from pgmask.demo.people import TODAY, Person, Population
from pgmask.demo.places import BANKS, COLLECTING, DIAGNOSES, PLACES, PRODUCTS, UNITS
from pgmask.demo.sizes import CUSTOMERS
from pgmask.kinds import generate as forms

SEED: Final = 20260331

Row = tuple[Any, ...]

STAFF: Final = (
    # id, unit, name, post; the persons the demonstration speaks of
    (701, 7, "李娜", "agent"),
    (901, 9, "赵强", "agent"),
    (101, 1, "孙敏", "analyst"),
    (102, 1, "周涛", "auditor"),
    (103, 1, "吴静", "service"),
    (704, 7, "郑凯", "claims"),
    (705, 7, "钱进", "agent"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRows:
    """The rows of one table: its name, the columns in order, one tuple per row."""

    table: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Insurer:
    """All rows, tables in an order that foreign keys accept."""

    tables: tuple[TableRows, ...]

    def table(self, name: str) -> TableRows:
        """The rows of that table."""
        return next(t for t in self.tables if t.table == name)

    @property
    def total(self) -> int:
        """How many rows there are in all tables."""
        return sum(len(t.rows) for t in self.tables)


def generate(customers: int = CUSTOMERS, *, seed: int = SEED) -> Insurer:
    """The same rows for the same number of customers and seed, on every machine.

    Raises ValueError when fewer than 200 customers are asked for: some unit would have none.
    """
    if customers < 200:
        raise ValueError("the demonstration needs at least 200 customers")
    population = Population(customers, seed)
    people = list(population.people())
    return Insurer(tables=tuple(_Books(population, people).tables()))


def load(connection: psycopg.Connection[Any], insurer: Insurer, *, schema: str = "crm") -> None:
    """Copy the rows into the empty tables and set their sequences; the caller commits."""
    with connection.cursor() as cursor:
        for table in insurer.tables:
            target = sql.Identifier(schema, table.table)
            columns = sql.SQL(", ").join(map(sql.Identifier, table.columns))
            statement = sql.SQL("COPY {} ({}) FROM STDIN").format(target, columns)
            with cursor.copy(statement) as copy:
                for row in table.rows:
                    copy.write_row(row)
        for table in insurer.tables:
            if table.columns[0] == "id":
                _set_sequence(cursor, schema, table)


def _set_sequence(cursor: psycopg.Cursor[Any], schema: str, table: TableRows) -> None:
    name = sql.Identifier(schema, table.table)
    cursor.execute(
        sql.SQL(
            "SELECT setval(s, (SELECT max(id) FROM {})) "
            "FROM pg_get_serial_sequence(%s, 'id') AS s WHERE s IS NOT NULL"
        ).format(name),
        (f"{schema}.{table.table}",),
    )


class _Books:
    """Contracts, payments, claims and contacts of a population."""

    def __init__(self, population: Population, people: Sequence[Person]) -> None:
        self._random: Random = population.random
        self._names = population.names
        self._people = people
        self._family: dict[int, list[Person]] = {}
        for person in people:
            self._family.setdefault(person.household, []).append(person)
        self._accounts: dict[int, str] = {}
        self._policies: list[tuple[int, Person, Person, str, datetime.date]] = []
        self._claims: list[tuple[int, Person]] = []

    def tables(self) -> Iterator[TableRows]:
        yield _rows("ref_region", ("code", "name"), sorted({
            (p.code, p.city + p.district) for p in PLACES
        }))  # fmt: skip
        yield _rows("ref_product", ("code", "name", "line"), PRODUCTS)
        yield _rows("ref_bank", ("code", "name", "card_prefix"), BANKS)
        yield _rows("unit", ("id", "name", "kind", "superior_id", "region_code"), (
            (number, name, kind, superior, PLACES[place].code)
            for number, name, kind, superior, place in UNITS
        ))  # fmt: skip
        yield _rows("staff", ("id", "unit_id", "name", "post", "extension"), self._staff())
        yield _rows("customer", (
            "id", "customer_no", "unit_id", "owner_id", "name", "sex", "birth_date", "id_no",
            "phone", "landline", "email", "address", "postal_code", "occupation", "employer",
            "annual_income", "health_note", "card_grade", "status", "created_at",
        ), self._customers())  # fmt: skip
        yield _rows("bank_account", (
            "id", "customer_id", "bank_code", "account_no", "account_name", "is_default",
        ), self._bank_accounts())  # fmt: skip
        yield _rows("policy", (
            "id", "policy_no", "product_code", "unit_id", "holder_id", "insured_id",
            "insured_name", "insured_id_no", "insured_phone", "relation", "plate_no",
            "sum_insured", "premium", "starts_on", "ends_on", "status",
        ), self._policy_rows())  # fmt: skip
        yield _rows("beneficiary", (
            "id", "policy_id", "holder_id", "party_id", "name", "id_no", "phone", "relation",
            "share",
        ), self._beneficiaries())  # fmt: skip
        yield _rows("payment", (
            "policy_id", "customer_id", "payer_account", "amount", "due_on", "paid_at",
        ), self._payments())  # fmt: skip
        yield _rows("claim", (
            "id", "claim_no", "policy_id", "customer_id", "unit_id", "handler_id", "happened_on",
            "place", "diagnosis", "reporter_name", "reporter_phone", "amount", "status",
        ), self._claim_rows())  # fmt: skip
        yield _rows("claim_document", (
            "id", "claim_id", "customer_id", "kind", "file_name", "content", "recognised_text",
        ), self._documents())  # fmt: skip
        yield _rows("contact_log", (
            "id", "customer_id", "staff_id", "type", "value", "purpose", "note", "at",
        ), self._contacts())  # fmt: skip
        yield _rows("lead", (
            "unit_id", "owner_id", "name", "phone", "email", "product_code", "quoted_premium",
            "channel", "remark",
        ), self._leads())  # fmt: skip

    def _staff(self) -> Iterator[Row]:
        named = {number: (unit, name, post) for number, unit, name, post in STAFF}
        for unit, _, _, _, _ in UNITS:
            for place in range(1, 9):
                number = unit * 100 + place
                post = "agent" if unit in COLLECTING else "clerk"
                name = self._names.surname() + self._names.given(self._random.random() < 0.5)
                unit, name, post = named.get(number, (unit, name, post))
                yield number, unit, name, post, f"{number:04d}"

    def _customers(self) -> Iterator[Row]:
        for p in self._people:
            joined = self._moment(3000)
            yield (
                p.id, f"C{p.id:09d}", p.unit_id, p.owner_id, p.name, "M" if p.male else "F",
                p.born, p.id_no, p.phone, p.landline, p.email, p.address, p.place.postal,
                p.occupation, p.employer, p.income, p.health, p.grade,
                "active" if self._random.random() < 0.9 else "lapsed", joined,
            )  # fmt: skip

    def _bank_accounts(self) -> Iterator[Row]:
        used: set[str] = set()
        number = 0
        for person in self._people:
            if person.role == "child" or self._random.random() < 0.1:
                continue
            bank, _, prefix = self._random.choice(BANKS)
            account = forms.bank_card(self._random, prefix)
            while account in used:
                account = forms.bank_card(self._random, prefix)
            used.add(account)
            number += 1
            self._accounts[person.id] = account
            yield number, person.id, bank, account, person.name, True

    def _policy_rows(self) -> Iterator[Row]:
        random = self._random
        number = 0
        for holder in self._people:
            if holder.role != "holder":
                continue
            for _ in range(random.choices((1, 2, 3), (55, 33, 12))[0]):
                number += 1
                product, _, line = random.choice(PRODUCTS)
                insured, relation = holder, "self"
                if line in {"life", "health"}:
                    insured = random.choice(self._family[holder.household])
                    relation = "self" if insured is holder else insured.role
                starts = TODAY - datetime.timedelta(days=random.randrange(1, 1800))
                years = 1 if line in {"motor", "accident"} else random.choice((5, 10, 20, 30))
                ends = starts + datetime.timedelta(days=365 * years)
                policy_no = f"P{product[:4]}{starts:%Y}{number:011d}"
                self._policies.append((number, holder, insured, line, starts))
                yield (
                    number, policy_no, product, holder.unit_id, holder.id, insured.id,
                    insured.name, insured.id_no, insured.phone, relation,
                    forms.plate(random, holder.place.plate) if line == "motor" else None,
                    random.randrange(5, 200) * 10_000, random.randrange(200, 30_000),
                    starts, ends, "in_force" if ends > TODAY else "expired",
                )  # fmt: skip

    def _beneficiaries(self) -> Iterator[Row]:
        number = 0
        for policy, holder, insured, line, _ in self._policies:
            others = [p for p in self._family[holder.household] if p is not insured]
            if line != "life" or not others:
                continue
            for person in others:
                number += 1
                yield (
                    number, policy, holder.id, person.id, person.name, person.id_no,
                    person.phone, person.role, round(100 / len(others), 2),
                )  # fmt: skip

    def _payments(self) -> Iterator[Row]:
        for policy, holder, _, _, starts in self._policies:
            account = self._accounts.get(holder.id)
            if account is None:
                continue
            premium = self._random.randrange(200, 30_000)
            due = starts
            for _ in range(2):
                if due > TODAY:
                    break
                paid = datetime.datetime.combine(due, datetime.time(9, 30), datetime.UTC)
                yield policy, holder.id, account, premium, due, paid
                due += datetime.timedelta(days=365)

    def _claim_rows(self) -> Iterator[Row]:
        random = self._random
        number = 0
        for policy, holder, insured, line, starts in self._policies:
            if random.random() > 0.12:
                continue
            number += 1
            happened = min(TODAY, starts + datetime.timedelta(days=random.randrange(1, 900)))
            self._claims.append((number, insured))
            yield (
                number, f"K{happened:%Y%m%d}{number:08d}", policy, insured.id, holder.unit_id,
                holder.unit_id * 100 + random.randrange(1, 9), happened,
                f"{insured.place.city}{insured.place.district}",
                random.choice(DIAGNOSES) if line in {"health", "life", "accident"} else None,
                holder.name, holder.phone, random.randrange(300, 80_000),
                random.choices(("open", "paid", "refused"), (25, 65, 10))[0],
            )  # fmt: skip

    def _documents(self) -> Iterator[Row]:
        number = 0
        for claim, person in self._claims:
            number += 1
            text = f"姓名 {person.name} 公民身份号码 {person.id_no}"
            # A picture is bytes to the database; these bytes carry what a scan would show.
            picture = b"\x89PNG\r\n\x1a\n" + text.encode() + self._random.randbytes(120)
            yield number, claim, person.id, "id_card", f"{claim:08d}-1.png", picture, text

    def _contacts(self) -> Iterator[Row]:
        random = self._random
        number = 0
        for person in self._people:
            if person.role == "child":
                continue
            for _ in range(random.choices((0, 1, 2, 3), (15, 35, 30, 20))[0]):
                number += 1
                kind, value = random.choices(
                    (
                        ("phone", person.phone),
                        ("email", person.email or "service@example.com"),
                        ("visit", person.address),
                        ("letter", person.address),
                    ),
                    (60, 20, 15, 5),
                )[0]
                note = None
                if random.random() < 0.3:
                    note = random.choice((
                        f"客户要求改打{person.phone}", "咨询续保", f"证件号{person.id_no}已核对",
                        "不满意理赔时效", "希望周末联系",
                    ))  # fmt: skip
                purpose = random.choice(("service", "renewal", "claim", "callback"))
                yield (
                    number, person.id, person.owner_id, kind, value, purpose, note,
                    self._moment(450),
                )  # fmt: skip

    def _leads(self) -> Iterator[Row]:
        random = self._random
        for _ in range(len(self._people) // 8):
            unit = random.choice(COLLECTING)
            name = self._names.surname() + self._names.given(random.random() < 0.5)
            yield (
                unit, unit * 100 + random.randrange(1, 9), name, forms.mobile(random),
                f"lead{random.randrange(10**6)}@example.com" if random.random() < 0.4 else None,
                random.choice(PRODUCTS)[0], random.randrange(200, 20_000),
                random.choice(("web", "phone", "referral", "branch")),
                random.choice((None, "已报价，等待回复", "下月再联系")),
            )  # fmt: skip

    def _moment(self, days: int) -> datetime.datetime:
        day = datetime.datetime.combine(TODAY, datetime.time(), datetime.UTC)
        return day - datetime.timedelta(minutes=self._random.randrange(1, days * 1440))


def _rows(table: str, columns: tuple[str, ...], rows: Iterable[Row]) -> TableRows:
    return TableRows(table=table, columns=columns, rows=tuple(rows))
