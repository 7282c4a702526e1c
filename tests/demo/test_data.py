"""The invented insurer: valid, the same every time, accepted by an ordinary schema."""

from __future__ import annotations

import datetime
import hashlib
import time
from pathlib import Path

import pytest

from pgmask.demo.data import Insurer, generate, load
from pgmask.demo.thief import Loot, search_folder
from pgmask.kinds import generate as forms
from pgmask.resources import example_dir
from tests.harness import Database


@pytest.fixture(scope="module")
def insurer() -> Insurer:
    return generate(2_000)


def _digest(insurer: Insurer) -> str:
    return hashlib.sha256(repr([t.rows for t in insurer.tables]).encode()).hexdigest()


def test_the_same_seed_gives_the_same_rows(insurer: Insurer) -> None:
    assert _digest(generate(2_000)) == _digest(insurer)
    assert _digest(generate(2_000, seed=1)) != _digest(insurer)


def test_fewer_customers_than_the_units_need_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 200"):
        generate(199)


def test_about_one_customer_in_a_hundred_and_fifty_is_high_value() -> None:
    customer = generate(20_000).table("customer")
    grade = customer.columns.index("card_grade")
    high = sum(row[grade] in {"diamond", "black"} for row in customer.rows)
    assert 60 <= high <= 300


def test_twenty_thousand_customers_are_made_and_loaded_in_seconds(database: Database) -> None:
    started = time.perf_counter()
    insurer = generate(20_000)
    with database.connect() as connection:
        connection.execute((example_dir("insurer") / "schema.sql").read_bytes())
        load(connection, insurer)
    assert time.perf_counter() - started < 20  # some 2 s alone on two cores

    for table in insurer.tables:
        assert database.rows(f"SELECT count(*) FROM crm.{table.table}") == [(len(table.rows),)]


def test_new_rows_do_not_meet_the_loaded_ones(database: Database, insurer: Insurer) -> None:
    with database.connect() as connection:
        connection.execute((example_dir("insurer") / "schema.sql").read_bytes())
        load(connection, insurer)
        for table in ("customer", "bank_account", "policy", "claim", "contact_log"):
            found = connection.execute(
                f"SELECT nextval(pg_get_serial_sequence('crm.{table}', 'id')),"
                f" (SELECT max(id) FROM crm.{table})"
            ).fetchone()
            assert found is not None
            assert found[0] > found[1]


@pytest.mark.requirement("F4")
def test_every_value_is_valid_for_its_kind(installed: Database, insurer: Insurer) -> None:
    with installed.superuser() as connection:
        connection.execute((example_dir("insurer") / "schema.sql").read_bytes())
        load(connection, insurer)
        for table, column, kind in (
            ("customer", "phone", "mobile"),
            ("customer", "landline", "landline"),
            ("customer", "email", "email"),
            ("customer", "address", "postal_address"),
            ("customer", "id_no", "cn_id_card"),
            ("customer", "name", "person_name"),
            ("policy", "policy_no", "policy_number"),
            ("policy", "plate_no", "plate"),
            ("bank_account", "account_no", "bank_account"),
        ):
            wrong = connection.execute(
                f"SELECT count(*) FILTER (WHERE NOT pgmask.valid_{kind}({column})), count(*)"
                f" FROM crm.{table} WHERE {column} IS NOT NULL"
            ).fetchone()
            assert wrong is not None
            assert wrong[0] == 0, (table, column)
            assert wrong[1] > 0, (table, column)
        assert connection.execute(
            "SELECT count(*) FROM crm.customer"
            " WHERE pgmask.birth_date_of_cn_id_card(id_no) IS DISTINCT FROM birth_date"
        ).fetchone() == (0,)


def test_a_checksum_is_the_standard_s() -> None:
    # The worked example of GB 11643-1999.
    class Fixed:
        def randrange(self, *_: int) -> int:
            return 1

    number = forms.id_card(Fixed(), "110105", datetime.date(1949, 12, 31), male=False)  # type: ignore[arg-type]
    assert number == "11010519491231002X"
    assert forms.old_id_card(number) == "110105491231002"


def test_the_thief_finds_what_is_there_and_nothing_else(tmp_path: Path, insurer: Insurer) -> None:
    loot = Loot.of(insurer)
    customer = insurer.table("customer")
    phones = [row[customer.columns.index("phone")] for row in customer.rows]
    mails = [row[customer.columns.index("email")] for row in customer.rows]
    mail = next(m for m in mails if m)
    (tmp_path / "dump").write_text(f"x{phones[0]}9 999{phones[-1]}\nabc{mail}zz 138****5678\n")

    search_folder(tmp_path, loot)

    assert loot.hits("phone numbers") == len({phones[0], phones[-1]})
    assert loot.hits("e-mail addresses") == 1
    assert loot.hits("identity numbers") == 0
    assert loot.again().total == 0

    number = customer.rows[0][customer.columns.index("id_no")]
    (tmp_path / "dump").write_text(
        f"\\\\xab{phones[0]}cd0011\t-12345{phones[1]}88\t{number}\t{phones[2]}\n"
    )
    in_dump = loot.again()
    search_folder(tmp_path, in_dump, dump=True)
    assert in_dump.hits("phone numbers") == 1
    assert in_dump.hits("identity numbers") == 1
