"""Households of invented persons: the customers of the demonstration."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Final

from faker import Faker

from pgmask.demo.places import COLLECTING, COMPOUND_SURNAMES, PLACES, STREETS, UNITS, Place
from pgmask.kinds import generate as forms

TODAY: Final = datetime.date(2026, 3, 31)
"""The day on which the invented company stands, so that every run makes the same data."""

_MAIL: Final = ("example.com", "example.net", "example.org", "mail.example.com")
_HEALTH: Final = ("高血压，长期服药", "青霉素过敏", "2019年胆囊手术", "乙肝病毒携带")
_GRADES: Final = ("standard", "silver", "gold", "platinum", "diamond", "black")
_GRADE_WEIGHTS: Final = (700, 180, 80, 30, 8, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One customer. place: where he lives; household: number of his family; grade: card."""

    id: int
    unit_id: int
    owner_id: int
    household: int
    role: str
    name: str
    male: bool
    born: datetime.date
    id_no: str
    phone: str
    landline: str | None
    email: str | None
    address: str
    place: Place
    occupation: str | None
    employer: str | None
    income: int | None
    health: str | None
    grade: str

    @property
    def age(self) -> int:
        """Whole years on the company's day."""
        before = (TODAY.month, TODAY.day) < (self.born.month, self.born.day)
        return TODAY.year - self.born.year - before


class Names:
    """Names, employers and occupations, drawn once from Faker and then by our own source.

    Faker takes some 50 us for a name; 20,000 of them would be a second of the demonstration.
    """

    def __init__(self, random: Random, seed: int) -> None:
        fake = Faker("zh_CN")
        fake.seed_instance(seed)
        self._random = random
        self._surnames = tuple(fake.last_name() for _ in range(400))
        self._male = tuple(fake.first_name_male() for _ in range(400))
        self._female = tuple(fake.first_name_female() for _ in range(400))
        self._employers = tuple(fake.company() for _ in range(300))
        self._jobs = tuple(fake.job()[:60] for _ in range(120))

    def surname(self) -> str:
        """A surname; one in seventy is a compound one."""
        if self._random.random() < 1 / 70:
            return self._random.choice(COMPOUND_SURNAMES)
        return self._random.choice(self._surnames)

    def given(self, male: bool) -> str:
        """A given name."""
        return self._random.choice(self._male if male else self._female)

    def employer(self) -> str:
        """A company."""
        return self._random.choice(self._employers)

    def job(self) -> str:
        """An occupation."""
        return self._random.choice(self._jobs)


class Population:
    """Draws households until the wished number of customers is reached.

    Identity numbers are unique; children have the telephone of a parent, as in real books.
    """

    def __init__(self, customers: int, seed: int) -> None:
        # Not for secrets: the same seed must give the same insurer.
        self.random = Random(seed)  # noqa: S311
        self.names = Names(self.random, seed)
        self._wanted = customers
        self._numbers: set[str] = set()
        self._place_of = {unit: PLACES[place] for unit, _, _, _, place in UNITS}

    def people(self) -> Iterator[Person]:
        """The persons in the order of their ids, household by household."""
        number, household = 1, 0
        while number <= self._wanted:
            household += 1
            for person in self._household(number, household):
                if person.id > self._wanted:
                    return
                yield person
                number = person.id + 1

    def _household(self, first: int, household: int) -> Iterator[Person]:
        random = self.random
        unit = random.choice(COLLECTING)
        owner = unit * 100 + random.randrange(1, 9)
        place = self._place_of[unit]
        home = (
            f"{place.city}{place.district}{random.choice(STREETS)}{random.randrange(1, 400)}号"
            f"{random.randrange(1, 30)}栋{random.randrange(1, 33)}0{random.randrange(1, 5)}室"
        )
        male = random.random() < 0.5
        age = random.randrange(24, 72)
        surname = self.names.surname()
        holder = self._person(
            first, unit, owner, household, "holder", surname, male, age, place, home
        )
        yield holder
        number = first + 1
        if random.random() < 0.45:
            yield self._person(
                number, unit, owner, household, "spouse", self.names.surname(), not male,
                max(22, age + random.randrange(-5, 6)), place, home,
            )  # fmt: skip
            number += 1
        if 26 <= age <= 60 and random.random() < 0.4:
            yield self._person(
                number, unit, owner, household, "child", surname, random.random() < 0.5,
                random.randrange(0, max(1, min(18, age - 22))), place, home, phone=holder.phone,
            )  # fmt: skip
            number += 1
        if age <= 50 and random.random() < 0.15:
            yield self._person(
                number, unit, owner, household, "parent", self.names.surname(),
                random.random() < 0.5, min(95, age + random.randrange(22, 36)), place, home,
            )  # fmt: skip

    def _person(
        self, number: int, unit: int, owner: int, household: int, role: str, surname: str,
        male: bool, age: int, place: Place, home: str, *, phone: str | None = None,
    ) -> Person:  # fmt: skip
        random = self.random
        born = TODAY - datetime.timedelta(days=int(age * 365.25) + random.randrange(365))
        adult = age >= 18
        grade = "standard"
        if role == "holder":
            grade = random.choices(_GRADES, _GRADE_WEIGHTS)[0]
        return Person(
            id=number, unit_id=unit, owner_id=owner, household=household, role=role,
            name=surname + self.names.given(male), male=male, born=born,
            id_no=self._number(place, born, male),
            phone=phone or forms.mobile(random),
            landline=forms.landline(random, place.area) if random.random() < 0.2 else None,
            email=self._mail() if adult and random.random() < 0.6 else None,
            address=home, place=place,
            occupation=self.names.job() if adult else None,
            employer=self.names.employer() if adult and age < 62 else None,
            income=round(random.lognormvariate(11.6, 0.6) / 100) * 100 if adult else None,
            health=random.choice(_HEALTH) if random.random() < 0.06 else None,
            grade=grade,
        )  # fmt: skip

    def _number(self, place: Place, born: datetime.date, male: bool) -> str:
        while True:
            number = forms.id_card(self.random, place.code, born, male=male)
            if born.year < 1985 and self.random.random() < 0.01:
                number = forms.old_id_card(number)
            if number not in self._numbers:
                self._numbers.add(number)
                return number

    def _mail(self) -> str:
        random = self.random
        name = "".join(random.choices("abcdefghijklmnopqrstuvwxyz", k=random.randrange(4, 9)))
        return f"{name}{random.randrange(10, 9999)}@{random.choice(_MAIL)}"
