"""What Tryton's users do, through its own models: each action in one of Tryton's transactions.

``python -m tests.tryton.orm CONFIGURATION DATABASE`` runs them all and writes one JSON document,
{action: outcome}. An outcome is ``works``, ``masks`` (works, and what was read is masked), or the
name of Tryton's own error, or the SQLSTATE that the database refused with.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable
from typing import Any, Final

from trytond import config

MAIL: Final = "li.hua@example.com"
NEW_MAIL: Final = "hua.li@example.com"
CARD: Final = "420106199001013317"
CARD_NUMBER: Final = "6222020596505025145"
IBAN: Final = "DE89370400440532013000"
STREET: Final = "友谊路8号"


def party(pool: Any) -> Any:
    """The party that ``create`` made."""
    found, *_ = pool.get("party.party").search([("code", "=", "ORM1")])
    return found


def create(pool: Any) -> str:
    """Create a party with an address and an e-mail address."""
    pool.get("party.party").create([{
        "name": "李华", "code": "ORM1",
        "addresses": [("create", [{
            "street_unstructured": STREET, "city": "武汉", "postal_code": "430060",
        }])],
        "contact_mechanisms": [("create", [{"type": "email", "value": MAIL}])],
    }])  # fmt: skip
    return "works"


def create_account(pool: Any) -> str:
    """Create a bank account with a number that is no IBAN."""
    pool.get("bank.account").create([
        {"owners": [("add", [party(pool).id])],
         "numbers": [("create", [{"type": "other", "number": CARD_NUMBER}])]},
    ])  # fmt: skip
    return "works"


def create_iban(pool: Any) -> str:
    """Create a bank account with an IBAN, which Tryton formats as it reads it back."""
    pool.get("bank.account").create([
        {"owners": [("add", [party(pool).id])],
         "numbers": [("create", [{"type": "iban", "number": IBAN}])]},
    ])  # fmt: skip
    return "works"


def create_card(pool: Any) -> str:
    """Create an identity card, whose number Tryton checks as it reads it back."""
    pool.get("party.identifier").create([{"party": party(pool).id, "type": "cn_ric", "code": CARD}])
    return "works"


def create_phone(pool: Any) -> str:
    """Create a telephone number, which Tryton checks as it reads it back."""
    pool.get("party.contact_mechanism").create(
        [{"party": party(pool).id, "type": "mobile", "value": "+86 139 0000 1111"}]
    )
    return "works"


def read(pool: Any) -> str:
    """Read a party's address, e-mail address and bank account."""
    one = party(pool)
    return _seen(
        (one.contact_mechanisms[0].value, MAIL),
        (one.addresses[0].street_unstructured, STREET),
        (one.bank_accounts[0].numbers[0].number, CARD_NUMBER),
    )


def read_names(pool: Any) -> str:
    """Columns that the profile sees plain: the name, the code, the city."""
    one = party(pool)
    return _is((one.name, one.code, one.addresses[0].city), ("李华", "ORM1", "武汉"))


def search_name(pool: Any) -> str:
    """Search by name, any letters of it (ILIKE, unaccent)."""
    return _is([p.code for p in pool.get("party.party").search([("name", "ilike", "李华%")])],
               ["ORM1"])  # fmt: skip


def search_related(pool: Any) -> str:
    """Search over a relation: parties with an address in a city."""
    found = pool.get("party.party").search([("addresses.city", "=", "武汉"), ("code", "=", "ORM1")])
    return _is([p.code for p in found], ["ORM1"])


def search_mail(pool: Any) -> str:
    """Search by a contact mechanism's full value, as the client's search box does."""
    found = pool.get("party.party").search([("contact_mechanisms.value", "=", MAIL)])
    return _is([p.code for p in found], ["ORM1"])


def search_count(pool: Any) -> str:
    """Count, and a page of rows in order."""
    model = pool.get("party.party")
    page = model.search([], order=[("code", "DESC")], offset=1, limit=2)
    return _is((model.search([], count=True) > 2, len(page)), (True, 2))


def write(pool: Any) -> str:
    """Write the name and a plain column of the address."""
    one = party(pool)
    pool.get("party.party").write([one], {"name": "李骅"})
    pool.get("party.address").write(list(one.addresses), {"city": "武昌"})
    return _is(party(pool).name, "李骅")


def write_sealed(pool: Any) -> str:
    """Write a new street and a new e-mail address."""
    one = party(pool)
    pool.get("party.address").write(list(one.addresses), {"street_unstructured": "中山路1号"})
    mails = [m for m in one.contact_mechanisms if m.type == "email"]
    pool.get("party.contact_mechanism").write(mails, {"value": NEW_MAIL})
    return "works"


def save_unchanged(pool: Any) -> str:
    """Save an address as the form sends it, with every field as it was read."""
    address = party(pool).addresses[0]
    street = address.street_unstructured
    address.postal_code = "430061"
    address.street_unstructured = street
    address.save()
    return _is(party(pool).addresses[0].street_unstructured, street)


def relate(pool: Any) -> str:
    """Categories, a second address, its order."""
    category, *_ = pool.get("party.category").create([{"name": "ORM"}])
    pool.get("party.party").write([party(pool)], {
        "categories": [("add", [category.id])],
        "addresses": [("create", [{"city": "北京", "sequence": 9}])],
    })  # fmt: skip
    one = party(pool)
    return _is((len(one.categories), len(one.addresses)), (1, 2))


def note(pool: Any) -> str:
    """A note and an attachment on the record."""
    one = party(pool)
    pool.get("ir.note").create([{"resource": str(one), "message": "证件已核对"}])
    pool.get("ir.attachment").create([{"resource": str(one), "name": "card.pdf", "data": b"%PDF"}])
    return "works"


def lock_record(pool: Any) -> str:
    """Lock the record (SELECT .. FOR UPDATE) and write it with its timestamp."""
    one = party(pool)
    one.lock()
    pool.get("party.party").write([one], {"active": True})
    return "works"


def lock_table(pool: Any) -> str:
    """Lock the whole table (LOCK .. IN EXCLUSIVE MODE NOWAIT)."""
    pool.get("party.address").lock()
    return "works"


def copy(pool: Any) -> str:
    """Duplicate a party with all that belongs to it (the client's Duplicate)."""
    pool.get("party.party").copy([party(pool)])
    return "works"


def copy_plain(pool: Any) -> str:
    """Duplicate a record without sealed values."""
    category, *_ = pool.get("party.category").search([("name", "=", "ORM")])
    pool.get("party.category").copy([category], default={"name": "ORM 2"})
    return "works"


def export(pool: Any) -> str:
    """Export of fields to CSV (export_data)."""
    rows = pool.get("party.party").export_data([party(pool)], ["name", "contact_mechanisms/value"])
    return _seen((rows[0][1], NEW_MAIL))


def delete(pool: Any) -> str:
    """Delete an address, then the party."""
    one = party(pool)
    accounts = list(one.bank_accounts)
    pool.get("bank.account").delete(accounts)
    pool.get("party.address").delete([one.addresses[-1]])
    pool.get("party.party").delete([one])
    return _is(pool.get("party.party").search([("code", "=", "ORM1")]), [])


ACTIONS: Final[tuple[Callable[[Any], str], ...]] = (
    create, create_account, create_iban, create_card, create_phone, read, read_names, search_name,
    search_related, search_mail, search_count, write, write_sealed, save_unchanged, relate, note,
    lock_record, lock_table, copy, copy_plain, export, delete,
)  # fmt: skip


INSTEAD: Final = {
    "create_iban": "the number as it stands on the account, type other; or a module that leaves"
    " masked values unchecked",
    "create_card": "a module that leaves masked values unchecked; type without a check",
    "create_phone": "a module that leaves masked values unchecked",
    "search_mail": "the search function of the column; `^@` and LIKE find what the mask shows",
    "note": "free text is hidden from every profile by default; classify the column otherwise where"
    " the service must write it",
    "copy": "a mask is no value; `INSERT .. SELECT .. FROM party_contact_mechanism_reveal(ticket)`"
    " copies inside the server, on record as a reveal",
}
"""What to do where an action does not work over the views."""


def _seen(*pairs: tuple[str, str]) -> str:
    if all(shown == truth for shown, truth in pairs):
        return "works"
    masked = all(shown != truth and {"*", "•"} & set(shown) for shown, truth in pairs)
    return "masks" if masked else "differs"


def _is(found: Any, wanted: Any) -> str:
    return "works" if found == wanted else "differs"


def main(configuration: str, database: str) -> None:
    """Start Tryton's pool and run every action."""
    config.update_etc(configuration)
    from trytond.pool import Pool
    from trytond.transaction import Transaction, TransactionError

    Pool.start()
    pool = Pool(database)
    pool.init()
    found: dict[str, str] = {}
    for action in ACTIONS:
        extras: dict[str, Any] = {}
        for _ in range(5):
            try:
                with Transaction().start(database, 1, **extras) as transaction:
                    found[action.__name__] = action(pool)
                    transaction.commit()
            except TransactionError as error:  # as Tryton's dispatcher does: lock, and again
                error.fix(extras)
                continue
            except Exception as error:
                found[action.__name__] = getattr(error, "sqlstate", None) or type(error).__name__
                if "--debug" in sys.argv:
                    traceback.print_exc()
            break
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:3])
