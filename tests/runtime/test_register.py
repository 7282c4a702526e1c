"""The register: what follows from it, what it refuses, and that it remembers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from pgmask.errors import PgmaskError
from pgmask.runtime.book import BookProblems, read_book
from pgmask.runtime.register import gaps, put
from tests.harness import Connection, Database
from tests.runtime.world import ANN, BEN, NINA, OTTO, World, login, scalar, units_seen

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "insurer" / "register.yml"


def honoured(world: World, person: int = ANN) -> bool:
    """Whether the person may log in by an assertion now; the connection is closed."""
    with psycopg.connect(world.database.dsn("app")) as app:
        try:
            login(app, world.assertion(person))
        except psycopg.Error as error:
            if error.sqlstate != "PM103":
                raise
            return False
        return True


def direct(world: World, user: str = "alan") -> str | None:
    """The units a direct login sees, or the code it is refused with."""
    with psycopg.connect(world.database.dsn(user)) as connection:
        try:
            return ",".join(sorted(units_seen(connection)))
        except psycopg.Error as error:
            return error.sqlstate


# One fact each that ends a person's identity, and what gives it back.
ENDS = {
    "suspended": (
        "SELECT pgmask.register_standing(11, 'suspended', 'x')",
        "SELECT pgmask.register_standing(11, 'active', 'x')",
    ),
    "moved": (
        "SELECT pgmask.register_standing(11, 'moved', 'x')",
        "SELECT pgmask.register_standing(11, 'active', 'x')",
    ),
    "left": (
        "SELECT pgmask.register_standing(11, 'left', 'x')",
        "SELECT pgmask.register_standing(11, 'active', 'x')",
    ),
    "post ended": (
        "SELECT pgmask.register_end_person_post(11, 'agent', 'north')",
        "SELECT pgmask.register_person_post(11, 'agent', 'north')",
    ),
    "profile taken from the post": (
        "SELECT pgmask.register_end_post_profile('agent', 'agent')",
        "SELECT pgmask.register_post_profile('agent', 'agent')",
    ),
    "new form of the agreement": (
        "SELECT pgmask.register_form('confidentiality_agreement', '2')",
        "SELECT pgmask.register_document(11, 'confidentiality_agreement', '2')",
    ),
    "unit without head": (
        "SELECT pgmask.register_unit('north', 'North', 'branch', NULL, NULL, 'S', 'C')",
        "SELECT pgmask.register_unit('north', 'North', 'branch', NULL, 'H', 'S', 'C')",
    ),
    "unit without security responsible": (
        "SELECT pgmask.register_unit('north', 'North', 'branch', NULL, 'H', NULL, 'C')",
        "SELECT pgmask.register_rule(false)",
    ),
    "unit without contact": (
        "SELECT pgmask.register_unit('north', 'North', 'branch', NULL, 'H', 'S')",
        "SELECT pgmask.register_unit('north', 'North', 'branch', NULL, 'H', 'S', 'C')",
    ),
    "unit without kind": (
        "SELECT pgmask.register_unit('north', 'North', NULL, NULL, 'H', 'S', 'C')",
        "SELECT pgmask.register_unit('north', 'North', 'subsidiary', NULL, 'H', 'S', 'C')",
    ),
    "unit closed": (
        "SELECT pgmask.register_close_unit('north')",
        "SELECT pgmask.register_close_unit('north', NULL)",
    ),
    "training asked for": (
        "SELECT pgmask.register_rule(true, 12)",
        "SELECT pgmask.register_training(11, 'course', now() - interval '11 months')",
    ),
}


@pytest.mark.requirement("C2", "C6", "C8")
@pytest.mark.parametrize(("end", "back"), ENDS.values(), ids=ENDS.keys())
def test_a_profile_follows_from_the_register_alone(world: World, end: str, back: str) -> None:
    """By assertion and by direct login alike; each fact ends it at once and gives it back."""
    world.database.run("SELECT pgmask.register_login('alan', 11)")
    assert honoured(world)
    assert direct(world) == "north"
    world.database.run(end)
    assert not honoured(world)
    assert direct(world) == "PM103"
    world.database.run(back)
    assert honoured(world)
    assert direct(world) == "north"


def test_periods_begin_and_end_by_themselves(world: World) -> None:
    run = world.database.run
    run("SELECT pgmask.register_end_person_post(11, 'agent', 'north')")
    run(
        "SELECT pgmask.register_login('alan', 11),"
        " pgmask.register_person_post(11, 'agent', 'north', clock_timestamp() + interval '0.8 s',"
        "                             clock_timestamp() + interval '2.2 s')"
    )
    assert not honoured(world)
    assert direct(world) == "PM103"
    world.database.rows("SELECT pg_sleep(0.9)")
    assert honoured(world)
    assert direct(world) == "north"
    world.database.rows("SELECT pg_sleep(1.6)")
    assert not honoured(world)
    assert direct(world) == "PM103"


def test_an_old_training_does_not_count(world: World) -> None:
    world.database.run("SELECT pgmask.register_rule(true, 12)")
    world.database.run(
        "SELECT pgmask.register_training(11, 'course', now() - interval '13 months')"
    )
    assert not honoured(world)


def test_direct_logins_are_persons_and_nobody_else(world: World) -> None:
    assert direct(world, "mallory") == "PM101"
    assert direct(world) == "PM101"
    world.database.run("SELECT pgmask.register_login('alan', 12)")
    assert direct(world) == "south"
    assert direct(world, "mallory") == "PM101"
    world.database.run("SELECT pgmask.register_end_login('alan')")
    assert direct(world) == "PM103"


def test_set_role_does_not_change_who_is_asking(world: World) -> None:
    world.database.run("SELECT pgmask.register_login('alan', 11)")
    world.database.run("CREATE ROLE stand_in; GRANT stand_in TO alan")
    try:
        with psycopg.connect(world.database.dsn("alan")) as connection:
            connection.execute("SET ROLE stand_in")
            assert scalar(connection, "SELECT person FROM pgmask.whoami()") == ANN
    finally:
        world.database.run("DROP ROLE stand_in")


def test_a_login_with_two_profiles_or_units_must_name_one(world: World) -> None:
    world.database.run(
        "SELECT pgmask.register_person_post(11, 'agent', 'south'),"
        " pgmask.register_login('alan', 11)"
    )
    assert direct(world) == "PM103"
    assert any(g.what == "login" and g.key == "alan" for g in gaps(world.database.connect()))
    world.database.run("SELECT pgmask.register_login('alan', 11, NULL, 'agent', 'south')")
    assert direct(world) == "south"


def test_a_service_stands_with_the_person_who_answers_for_it(world: World) -> None:
    world.database.run("SELECT pgmask.register_login('alan', 12, 'nightly-report', 'bi', 'north')")
    assert direct(world) == "north"
    world.database.run("SELECT pgmask.register_standing(12, 'left', 'x')")
    assert direct(world) == "PM103"


@pytest.mark.requirement("C4")
def test_outsourced_persons_are_told_apart_everywhere(world: World) -> None:
    world.database.run(f"SELECT pgmask.register_login('alan', {OTTO})")
    with psycopg.connect(world.database.dsn("alan")) as connection:
        assert scalar(connection, "SELECT outsourced FROM pgmask.whoami()") is True
    world.database.run("SELECT pgmask.register_person(13, 'Otto', 'north', 'employee')")
    with psycopg.connect(world.database.dsn("alan")) as connection:
        assert scalar(connection, "SELECT outsourced FROM pgmask.whoami()") is False


@pytest.mark.requirement("C4")
def test_an_outsourced_person_is_never_designated(world: World) -> None:
    register = world.database.connect()
    with pytest.raises(psycopg.Error) as caught:
        register.execute("SELECT pgmask.register_designation(13, 'north', NULL, NULL)")
    assert caught.value.sqlstate == "PM504"
    register.rollback()
    register.execute("SELECT pgmask.register_designation(11, 'north', NULL, NULL)")
    with pytest.raises(psycopg.Error) as caught:
        register.execute("SELECT pgmask.register_person(11, 'Ann', 'north', 'outsourced')")
    assert caught.value.sqlstate == "PM504"


@pytest.mark.requirement("C4")
def test_two_designated_persons_per_unit_under_concurrency(world: World) -> None:
    """Twelve sessions designate twelve persons at once; two hold, and stay two."""
    world.database.run(
        "SELECT pgmask.register_person(n, 'P' || n, 'north') FROM generate_series(101, 112) AS n"
    )

    def designate(person: int) -> str | None:
        try:
            world.database.run(f"SELECT pgmask.register_designation({person}, 'north', NULL, NULL)")
        except psycopg.Error as error:
            return error.sqlstate
        return None

    with ThreadPoolExecutor(12) as pool:
        outcomes = list(pool.map(designate, range(101, 113)))
    assert outcomes.count(None) == 2
    assert outcomes.count("PM502") == 10
    count = "SELECT count(*) FROM pgmask_private.my_designations WHERE unit_id = 'north'"
    assert world.database.rows(count) == [(2,)]
    # One ends, another may; a period that begins later counts from then on.
    (first,) = world.database.rows("SELECT min(person_id) FROM pgmask_private.designation")
    world.database.run(f"SELECT pgmask.register_end_designation({first[0]}, 'north', NULL, NULL)")
    assert designate(112 if outcomes[11] else 101) is None
    later = "SELECT pgmask.register_designation(11, 'north', NULL, NULL, now() + interval '1 day')"
    with pytest.raises(psycopg.Error) as caught:
        world.database.run(later)
    assert caught.value.sqlstate == "PM502"


def test_control_without_the_lock_the_limit_breaks(world: World) -> None:
    """Two transactions that do not see each other would designate three persons."""
    world.database.run("SELECT pgmask.register_person(101, 'P', 'north')")
    world.database.run("SELECT pgmask.register_designation(14, 'north', NULL, NULL)")
    world.database.superuser().execute(
        "ALTER TABLE pgmask_private.designation DISABLE TRIGGER a_begin"
    )
    one, two = world.database.connect(), world.database.connect()
    one.execute("SELECT pgmask.register_designation(101, 'north', NULL, NULL)")
    two.execute("SELECT pgmask.register_designation(11, 'north', NULL, NULL)")
    one.commit()
    two.commit()
    assert world.database.rows("SELECT count(*) FROM pgmask_private.designation") == [(3,)]


@pytest.mark.requirement("C8")
def test_gaps_are_listed(world: World) -> None:
    world.database.run("SELECT pgmask.register_unit('bare', 'Bare')")
    found = gaps(world.database.connect())
    assert {g.missing for g in found if g.key == "bare" and g.stops} == {
        "kind", "head", "security responsible", "contact",
    }  # fmt: skip
    assert {g.missing for g in found if g.key == "north"} == {
        "lead department", "registered permission rules",
    }  # fmt: skip
    assert {(g.key, g.missing) for g in found if g.what == "person"} == {
        (str(NINA), "responsibility letter in the form in force")
    }


@pytest.mark.requirement("C8")
def test_units_in_a_circle_are_refused(world: World) -> None:
    register = world.database.connect()
    register.execute("SELECT pgmask.register_unit('south', 'South', 'branch', 'north')")
    with pytest.raises(psycopg.Error) as caught:
        register.execute("SELECT pgmask.register_unit('north', 'North', 'branch', 'south')")
    assert caught.value.sqlstate == "PM503"


def my_units(world: World, person: int) -> set[str]:
    rows = world.database.rows(
        "SELECT unit_id FROM pgmask_private.my_units WHERE person_id = %s", person
    )
    return {row[0] for row in rows}


@pytest.mark.requirement("C2")
def test_units_a_person_reaches(world: World) -> None:
    run = world.database.run
    assert my_units(world, ANN) == {"north"}
    run("SELECT pgmask.register_unit('north/1', 'N1', 'branch', 'north', 'H', 'S', 'C')")
    assert my_units(world, ANN) == {"north"}
    run("SELECT pgmask.register_post('agent', 'Agent', 'subtree')")
    assert my_units(world, ANN) == {"north", "north/1"}
    run(
        "SELECT pgmask.register_unit_access('north', 'south', 'head of south', 'R-1',"
        " clock_timestamp() + interval '1 s')"
    )
    assert my_units(world, ANN) == {"north", "north/1", "south"}
    world.database.rows("SELECT pg_sleep(1.1)")
    assert my_units(world, ANN) == {"north", "north/1"}
    run("SELECT pgmask.register_unit('north/1', 'N1', 'branch', 'south', 'H', 'S', 'C')")
    assert my_units(world, ANN) == {"north"}
    assert my_units(world, BEN) == {"south", "north/1"}


def test_assignments(world: World) -> None:
    query = "SELECT person_id, subject_class, subject_key FROM pgmask_private.my_subjects"
    world.database.run("SELECT pgmask.register_assignment(11, 'customer', '42')")
    assert world.database.rows(query) == [(11, "customer", "42")]
    world.database.run("SELECT pgmask.register_end_assignment(11, 'customer', '42')")
    assert world.database.rows(query) == []


@pytest.mark.requirement("C2")
def test_every_change_is_remembered_without_secrets(world: World) -> None:
    with psycopg.connect(world.database.dsn("installer")) as connection:
        connection.execute("SELECT pgmask.register_standing(11, 'suspended', 'a reason')")
    rows = world.database.rows(
        "SELECT login, operation, old_row ->> 'standing', new_row ->> 'standing'"
        " FROM pgmask_private.register_history WHERE table_name = 'person'"
        " ORDER BY history_id DESC LIMIT 1"
    )
    assert rows == [("installer", "UPDATE", "active", "suspended")]
    world.database.run("SELECT pgmask.rotate_issuer_key('web')")
    kept = world.database.rows(
        "SELECT new_row FROM pgmask_private.register_history WHERE table_name = 'issuer_key'"
    )
    assert kept
    assert all("secret" not in row for (row,) in kept)
    secrets = world.database.rows("SELECT encode(secret, 'hex') FROM pgmask_private.issuer_key")
    assert not any(secret in str(row) for (secret,) in secrets for (row,) in kept)


CLOSED = (
    "UPDATE pgmask_private.register_history SET login = 'x'",
    "DELETE FROM pgmask_private.register_history",
    "TRUNCATE pgmask_private.register_history",
    "TRUNCATE pgmask_private.person CASCADE",
    "SET session_replication_role = replica; DELETE FROM pgmask_private.register_history",
)


@pytest.mark.parametrize("statement", CLOSED)
@pytest.mark.requirement("C2")
def test_the_history_only_grows(world: World, statement: str) -> None:
    """Even for a superuser who does not first take the triggers off."""
    admin = world.database.superuser()
    with pytest.raises(psycopg.Error) as caught:
        admin.execute(statement.encode())
    assert caught.value.sqlstate == "PM506"


def test_the_register_is_changed_in_read_committed_only(world: World) -> None:
    connection = world.database.connect()
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    with pytest.raises(psycopg.Error) as caught:
        connection.execute("SELECT pgmask.register_standing(11, 'left', 'x')")
    assert caught.value.sqlstate == "PM505"


def test_parallel_changes_leave_the_derived_tables_right(world: World) -> None:
    """Suspend and unsuspend, post and unpost by many sessions; the tables equal their views."""
    world.database.run("SELECT pgmask.register_login('alan', 11)")
    changes = [end for end, back in ENDS.values()] + [back for end, back in ENDS.values()]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(world.database.run, changes * 2))
    for derived, source in (
        ("effective_profile", "profile_period"), ("effective_login", "login_period"),
    ):  # fmt: skip
        columns = "person_id, profile, unit_id, valid_from, valid_until, outsourced"
        differing = world.database.rows(
            f"(SELECT {columns} FROM pgmask_private.{derived}"
            f" EXCEPT SELECT {columns} FROM pgmask_private.{source})"
            f" UNION ALL (SELECT {columns} FROM pgmask_private.{source}"
            f" EXCEPT SELECT {columns} FROM pgmask_private.{derived})"
        )
        assert differing == []


@pytest.mark.parametrize(
    "call",
    ["pgmask.register_login('alan', {})", "pgmask.register_standing({}, 'suspended', 'x')"],
)
def test_a_person_who_does_not_exist_is_named(world: World, call: str) -> None:
    with pytest.raises(psycopg.Error) as refused:
        world.database.run(f"SELECT {call.format(99999)}")
    assert refused.value.sqlstate == "PM107"
    assert "99999" in str(refused.value)
    # Of a person who does, also where nothing changes.
    world.database.run(f"SELECT {call.format(11)}")
    world.database.run(f"SELECT {call.format(11)}")


@pytest.mark.requirement("C3")
def test_only_the_register_role_maintains_it(world: World) -> None:
    call = "SELECT pgmask.register_standing(11, 'left', 'x')"
    for user in ("app", "alan", "mallory", "nightly"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            world.database.run(call, user)
    world.database.run("GRANT pgmask_register TO alan")
    try:
        world.database.run(call, "alan")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):  # and passes nothing on
            world.database.run("SELECT * FROM pgmask_private.person", "alan")
        with psycopg.connect(world.database.dsn("alan")) as connection:
            heard: list[str] = []
            connection.add_notice_handler(lambda d: heard.append(str(d.message_primary)))
            try:
                connection.execute(
                    "GRANT EXECUTE ON FUNCTION pgmask.register_standing(bigint, text, text)"
                    " TO mallory"
                )
            except psycopg.errors.InsufficientPrivilege:
                heard.append("refused")
            connection.commit()
            assert heard
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            world.database.run(call, "mallory")
    finally:
        world.database.run("REVOKE pgmask_register FROM alan")


def put_file(database: Database, path: Path) -> Connection:
    connection = database.connect()
    put(connection, read_book(path))
    connection.commit()
    return connection


@pytest.mark.requirement("C2", "C8")
def test_a_register_file_can_be_put_twice(installed: Database) -> None:
    connection = put_file(installed, EXAMPLE)
    count = "SELECT count(*) FROM pgmask_private.register_history"
    before = scalar(connection, count)
    put_file(installed, EXAMPLE)
    connection.rollback()
    assert scalar(connection, count) == before  # nothing changed, so nothing is noted
    assert before > 30


BAD_BOOK = """\
units:
  - {id: north, name: North, knd: branch}
  - {id: north, name: Again, superior: nowhere}
posts:
  - {id: agent, profiles: [agent]}
persons:
  - {id: 1, name: A, unit: south, post: boss}
  - {id: 1, name: B, unit: north, post: agent, employment: freelance}
  - {id: 2, name: C, unit: north, post: agent, employment: outsourced, designated: true}
issuers:
  - {id: "a b", profiles: []}
"""


def test_every_problem_of_a_register_file_at_once(tmp_path: Path) -> None:
    file = tmp_path / "register.yml"
    file.write_text(BAD_BOOK, "utf-8")
    with pytest.raises(BookProblems) as caught:
        read_book(file)
    places = {(p.position.line, p.code) for p in caught.value.problems}
    assert {
        (2, "PM012"), (3, "PM508"), (7, "PM508"), (8, "PM012"), (8, "PM508"), (9, "PM504"),
        (11, "PM012"),
    } <= places  # fmt: skip
    assert caught.value.exit_code == 2


def test_a_refused_value_is_not_repeated(world: World) -> None:
    with psycopg.connect(world.database.dsn()) as connection:
        from pgmask.runtime.register import add_issuer, rotate

        with pytest.raises(PgmaskError) as caught:
            rotate(connection, "nobody")
        assert caught.value.code == "PM501"
        connection.rollback()
        with pytest.raises(PgmaskError) as caught:
            add_issuer(connection, "login", ("agent",))  # a name that means direct logins
        assert caught.value.code == "PM501"
