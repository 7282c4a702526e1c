"""Runs Tryton's own models over a database: a program, started by the tests in its own process.

Tryton keeps configuration and connection pools in the process, so every use gets a fresh one:
``python -m tests.tryton.client CONFIGURATION DATABASE TASK [PARTIES]``. What it has to
say is one JSON document on stdout.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from random import Random
from typing import Any

from trytond import config

SURNAMES = ("王", "李", "张", "刘", "陈", "欧阳", "司马")
GIVEN = ("小明", "丽", "国强", "秀英", "伟", "海燕")


def main(words: list[str]) -> None:
    """Read the words, start Tryton's pool, run one task in one of Tryton's transactions."""
    configuration, database, task, *rest = words
    config.update_etc(configuration)
    from trytond.pool import Pool
    from trytond.transaction import Transaction

    Pool.start()
    pool = Pool(database)
    pool.init()
    from trytond.exceptions import UserError

    try:
        answer = _run(pool, Transaction, database, task, rest)
    except UserError as error:
        answer = {"refused": type(error).__name__}
    json.dump(answer, sys.stdout)


def _run(pool: Any, transactions: Any, database: str, task: str, rest: list[str]) -> Any:
    with transactions().start(database, 1) as transaction:
        tasks: dict[str, Callable[..., Any]] = {
            "fill": fill,
            "read": read,
            "write": write,
            "dial": dial,
        }
        answer = tasks[task](pool, *map(int, rest))
        transaction.commit()
    return answer


def fill(pool: Any, parties: int) -> dict[str, list[str]]:
    """Create parties with all that belongs to them; the secret values are returned."""
    from pgmask.demo.people import TODAY
    from pgmask.demo.places import PLACES, STREETS
    from pgmask.kinds import generate as forms

    random = Random(8)
    mobiles: list[str] = []
    mails: list[str] = []
    cards: list[str] = []
    accounts: list[str] = []
    streets: list[str] = []
    rows = []
    for number in range(parties):
        place = random.choice(PLACES)
        # Tryton knows which district existed in which year; all of these do since 1994.
        born = TODAY.replace(year=random.randrange(1996, 2007), day=1)
        mobiles.append(forms.mobile(random))
        mails.append(f"somebody{number}@example.com")
        cards.append(forms.id_card(random, place.code, born, male=number % 2 == 0))
        streets.append(f"{place.district}{random.choice(STREETS)}{random.randrange(1, 900)}号")
        mechanisms = [
            {"type": "mobile", "value": f"+86{mobiles[-1]}"},
            {"type": "email", "value": mails[-1]},
        ]
        if number % 5 == 0:
            line = f"+86106{random.randrange(10**7):07d}"
            mechanisms.append({"type": "phone", "value": line})
            mechanisms.append({"type": "website", "value": f"https://site{number}.example.com"})
        rows.append({
            "name": random.choice(SURNAMES) + random.choice(GIVEN),
            "code": f"T{number:05d}",
            "contact_mechanisms": [("create", mechanisms)],
            "identifiers": [("create", [{"type": "cn_ric", "code": cards[-1]}])],
            "addresses": [("create", [{
                "party_name": "家庭", "street_unstructured": streets[-1], "city": place.city,
                "postal_code": place.postal,
            }])],
        })  # fmt: skip
    made = pool.get("party.party").create(rows)

    accounts_rows = []
    for number, party in enumerate(made):
        numbers = [{"type": "other", "number": forms.bank_card(random, "622202")}]
        if number % 3 == 0:
            numbers.append({"type": "iban", "number": _iban(random)})
        accounts.extend(n["number"] for n in numbers)
        accounts_rows.append({"owners": [("add", [party.id])], "numbers": [("create", numbers)]})
    pool.get("bank.account").create(accounts_rows)
    pool.get("ir.note").create([
        {"resource": f"party.party,{party.id}", "message": f"证件 {card} 已核对"}
        for party, card in zip(made[:20], cards, strict=False)
    ])  # fmt: skip
    return {
        "mobiles": mobiles, "mails": mails, "cards": cards, "accounts": accounts,
        "streets": streets,
    }  # fmt: skip


def read(pool: Any) -> list[dict[str, Any]]:
    """What Tryton's models give for every party."""
    found = []
    for party in pool.get("party.party").search([("code", "like", "T%")], order=[("id", "ASC")]):
        found.append({
            "name": party.name,
            "code": party.code,
            "mechanisms": {m.type: m.value for m in party.contact_mechanisms},
            "compact": {m.type: m.value_compact for m in party.contact_mechanisms},
            "identifiers": [i.code for i in party.identifiers],
            "streets": [a.street_unstructured for a in party.addresses],
            "accounts": [n.number for a in party.bank_accounts for n in a.numbers],
        })  # fmt: skip
    return found


def write(pool: Any) -> dict[str, Any]:
    """Change an address through the models; save another record without touching its number."""
    mechanism = pool.get("party.contact_mechanism")
    first, *_ = mechanism.search([("type", "=", "email")], order=[("id", "ASC")], limit=1)
    second, *_ = mechanism.search([("type", "=", "mobile")], order=[("id", "ASC")], limit=1)
    first.value = "new.address@example.com"
    first.save()
    second.sequence = 7
    second.save()
    return {"first": first.id, "second": second.id, "read_back": first.value}


def dial(pool: Any) -> None:
    """Change a telephone number, which Tryton validates as it reads it back."""
    mechanism = pool.get("party.contact_mechanism")
    found, *_ = mechanism.search([("type", "=", "mobile")], order=[("id", "ASC")], limit=1)
    found.value = "+86 139 0000 1111"
    found.save()


def _iban(random: Random) -> str:
    """A valid German IBAN (ISO 13616: check digits modulo 97)."""
    account = f"{random.randrange(10**18):018d}"
    check = 98 - int(f"{account}131400") % 97
    return f"DE{check:02d}{account}"


if __name__ == "__main__":
    main(sys.argv[1:])
