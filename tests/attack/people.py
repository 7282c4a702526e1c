"""The people and the rows of the attacked database. All of it is invented."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def id_no(n: int) -> str:
    """An identity number with a right check digit."""
    body = f"420106{1950 + n % 50}{1 + n % 12:02d}{1 + n % 28:02d}{n % 1000:03d}"
    total = sum(int(d) * w for d, w in zip(body, _WEIGHTS, strict=True))
    return body + "10X98765432"[total % 11]


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """One row of crm.customer."""

    id: int
    unit: str
    name: str
    phone: str
    id_no: str
    email: str
    region: str
    salary: int
    grade: str = "basic"
    note: str = "-"

    @property
    def row(self) -> tuple[Any, ...]:
        """In the order of ``COLUMNS``."""
        return (
            self.id, self.unit, self.name, self.phone, self.id_no, self.email, self.region,
            self.salary, self.grade, self.note,
        )  # fmt: skip


COLUMNS: Final = "id, unit_id, name, phone, id_no, email, region, salary, card_grade, note"

OURS: Final = Customer(
    id=1, unit="north", name="王小明", phone="13912345678", id_no=id_no(101),
    email="wang.xiaoming@example.com", region="Riverside", salary=11213,
)  # fmt: skip
THEIRS: Final = Customer(
    id=2, unit="south", name="欧阳倩", phone="13787654321", id_no=id_no(202),
    email="ouyang.qian@example.org", region="SecretCity", salary=87654, note="divorced",
)  # fmt: skip
RICH: Final = Customer(
    id=3, unit="north", name="诸葛亮亮", phone="13666600001", id_no=id_no(303),
    email="zhuge@example.net", region="Hilltop", salary=9999999, grade="diamond",
)  # fmt: skip
CARED: Final = Customer(
    id=4, unit="north", name="司马小燕", phone="13555512121", id_no=id_no(404),
    email="sima@example.com", region="Riverside", salary=10101,
)  # fmt: skip
NEAR: Final = "13912995678"
"""Another phone with the very mask of OURS."""
FRESH: Final = "13488812345"
"""A phone that nobody has."""
PROMISED: Final = 900001
"""A customer number that is assigned to Hugo before there is such a customer."""
FIRST_FILLER: Final = 10
LAST_FILLER: Final = 59


def customers() -> tuple[Customer, ...]:
    """All of them: the four above and fifty more, half of them in the other unit."""
    return (OURS, THEIRS, RICH, CARED, *map(_filler, range(FIRST_FILLER, LAST_FILLER + 1)))


def _filler(n: int) -> Customer:
    return Customer(
        id=n, unit=("north", "south")[n % 2], name="李" + "伟芳娜敏静"[n % 5],
        phone=f"1585550{n:04d}", id_no=id_no(n + 500), email=f"c{n}@example.com",
        region=("Riverside", "SecretCity")[n % 2], salary=1000 + n,
    )  # fmt: skip


VISIBLE_TO_ANN: Final = sum(c.unit == "north" and c.grade == "basic" for c in customers())
SEALED: Final = tuple(
    value for c in (OURS, THEIRS, RICH, CARED) for value in (c.phone, c.id_no, c.email)
)
"""Level-1 values that nobody may ever see."""
FOREIGN: Final = (THEIRS.name, THEIRS.region, str(THEIRS.salary), THEIRS.note)
"""Level-2 values of the other unit's customer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One person of the register; signed: both papers; employment as the register has it."""

    id: int
    name: str
    unit: str
    post: str
    employment: str = "employee"
    signed: bool = True
    login: str | None = None


PERSONS: Final = (
    Person(id=11, name="Ann", unit="north", post="agent"),
    Person(id=12, name="Ben", unit="south", post="agent"),
    Person(id=13, name="Otto", unit="north", post="vip", employment="outsourced"),
    Person(id=14, name="Nina", unit="north", post="agent", signed=False),
    Person(id=15, name="Carl", unit="north", post="chief"),
    Person(id=16, name="Cora", unit="north", post="care"),
    Person(id=17, name="Alan", unit="north", post="analyst", login="alan"),
    Person(id=18, name="Vera", unit="north", post="vip"),
    Person(id=19, name="Hugo", unit="north", post="hunter"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """Who attacks: a login of the database, and the person it acts for, if any."""

    login: str
    part: str
    person: int | None = None
    profile: str = "agent"


PERSONAS: Final[dict[str, Persona]] = {
    "ann": Persona(login="app", person=11, part="agent of unit north, or SQL injected for her"),
    "ben": Persona(login="app", person=12, part="agent of unit south"),
    "otto": Persona(login="app", person=13, profile="vip", part="outsourced"),
    "vera": Persona(login="app", person=18, profile="vip", part="serves high-value customers"),
    "hugo": Persona(
        login="app", person=19, profile="hunter", part="agent who finds new customers for north"
    ),
    "nina": Persona(login="app", person=14, part="agent who has not signed"),
    "carl": Persona(login="app", person=15, profile="chief", part="unit chief, strong identity"),
    "cora": Persona(login="app", person=16, profile="care", part="service with assigned customers"),
    "app": Persona(login="app", part="the application's login, no identity"),
    "alan": Persona(login="alan", part="analyst with a database login of his own"),
    "mallory": Persona(login="mallory", part="may log in to the database, nothing else"),
    "olga": Persona(login="olga", part="owned the application's tables before"),
    "dba": Persona(login="installer", part="DBA: CREATEROLE and CREATEDB, no superuser"),
    "nightly": Persona(login="nightly", part="takes the backups"),
    "thief": Persona(login="nightly", part="has a stolen dump or disk, no login"),
    "rex": Persona(login="postgres", part="superuser"),
}
