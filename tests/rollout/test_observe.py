"""What still uses an observed table is measured: who, which statement, never a value (B7, A5)."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgmask.apply.observe import Watched, names_table, normalised, observer, uses
from pgmask.errors import Refused, ServerError
from pgmask.plan.render import tables as table_lines
from tests.harness import VERSIONS, Database, Server, binaries_of
from tests.rollout.test_walk import _observed
from tests.rollout.world import PHONE, at, bring
from tests.spine.world import plan_of

pytestmark = pytest.mark.requirement("B7", "A5")
TABLE = Watched(table="crm.customer", schema="crm", name="customer", oids=(1,), views=(2,))
HOMES = {"customer": frozenset({"crm", "agent"})}


@pytest.fixture
def observed(server: Server) -> Iterator[Database]:
    with server.database(template=server.template("rollout_observed", _observed)) as made:
        yield made


@pytest.mark.parametrize(
    "text",
    [
        f"SELECT * FROM crm.customer WHERE phone = '{PHONE}' -- {PHONE}",
        f"SELECT * FROM crm.customer WHERE phone IN ($1, '{PHONE}', $$ {PHONE} $$) LIMIT {PHONE}",
        f"UPDATE crm.customer SET phone = E'{PHONE}', city = '王小明' /* {PHONE} */ WHERE id = 5",
        f"DO $a$ BEGIN PERFORM '{PHONE}'; END $a$",
        f"COPY crm.customer FROM '/tmp/{PHONE}'",
        f"SELECT 1 FROM crm.customer WHERE phone = '{PHONE}",
        f"INSERT INTO crm.customer (name, phone) VALUES ('王小明', '{PHONE}'), ('王', '{PHONE}')",
        f"EXECUTE p ('{PHONE}')",
        f'SELECT 1 FROM crm.customer WHERE phone = "{PHONE}" OR phone = "a""{PHONE}"',
        f"not sql at all {PHONE}",
    ],
)
def test_no_constant_is_kept(text: str) -> None:
    fingerprint, shown = normalised(text)
    assert PHONE not in shown
    assert "王" not in shown
    assert PHONE not in fingerprint


@given(value=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))
def test_no_string_is_kept(value: str) -> None:
    quoted = value.replace("'", "''")
    _, shown = normalised(f"SELECT 1 FROM 客户 WHERE 姓名 = '{quoted}' AND b = 2")
    assert shown == "SELECT ? FROM 客户 WHERE 姓名 = ? AND b = ?"


def test_statements_of_one_form_are_one() -> None:
    first = normalised("SELECT * FROM crm.customer WHERE id = 1")
    assert first == normalised("select *  from crm.customer where id = 999")[:1] + first[1:]


@pytest.mark.parametrize(
    ("text", "path", "meant"),
    [
        ("SELECT * FROM crm.customer", ("public",), True),
        ("SELECT * FROM customer", ("crm",), True),
        ("SELECT * FROM customer", ("agent", "crm"), False),
        ("SELECT * FROM customer", ("public",), True),
        ("SELECT * FROM agent.customer", ("crm",), False),
        ("WITH customer AS (SELECT 1) SELECT * FROM customer", ("crm",), False),
        ("SELECT 'customer'", ("crm",), False),
        ("UPDATE crm.customer SET city = $1", (), True),
    ],
)
def test_which_statement_means_the_table(text: str, path: tuple[str, ...], meant: bool) -> None:
    assert names_table(text, TABLE, path, HOMES) is meant


def test_who_is_at_the_table_is_met_and_named_in_the_plan(observed: Database) -> None:
    with observed.superuser() as su:
        su.execute("GRANT pg_read_all_stats TO installer")
    try:
        with (
            psycopg.connect(observed.dsn("olga", application_name="nightly-report")) as other,
            psycopg.connect(observed.dsn("app", application_name="trial")) as trial,
            psycopg.connect(observed.dsn(), autocommit=True) as mine,
        ):
            other.execute(f"SELECT count(*) FROM crm.customer WHERE phone = '{PHONE}'")
            trial.execute("SELECT count(*) FROM agent.customer")
            collector = observer(mine)
            assert collector.look() == 1
            # The same statement is not counted again while its transaction lasts.
            assert collector.look() == 0
            met = uses(mine)
        (use,) = met
        assert (use.table, use.login, use.application) == ("crm.customer", "olga", "nightly-report")
        assert use.statement == "SELECT count(*) FROM crm.customer WHERE phone = ?"
        plan = plan_of(observed, at("views"))
        assert "BASE_TABLE_IN_USE" in plan.hazards
        assert "met at the base table: olga (nightly-report)" in table_lines(plan)
        with pytest.raises(Refused) as error:
            bring(observed, "views", allow=frozenset())
        assert error.value.code == "PM231"
    finally:
        with observed.superuser() as su:
            su.execute("REVOKE pg_read_all_stats FROM installer")


def test_a_text_that_may_not_be_read_is_told_as_such(observed: Database) -> None:
    with (
        psycopg.connect(observed.dsn("olga")) as other,
        psycopg.connect(observed.dsn(), autocommit=True) as mine,
    ):
        other.execute(f"SELECT count(*) FROM crm.customer WHERE phone = '{PHONE}'")
        with observed.superuser() as su:
            su.execute("REVOKE olga FROM installer")
        try:
            observer(mine).look()
        finally:
            with observed.superuser() as su:
                su.execute("GRANT olga TO installer")
        (use,) = uses(mine)
        assert use.statement.startswith("(hidden")


def test_without_an_observed_table_there_is_nothing_to_measure(observed: Database) -> None:
    bring(observed, "views")
    with psycopg.connect(observed.dsn(), autocommit=True) as mine, pytest.raises(Refused) as error:
        observer(mine)
    assert error.value.code == "PM275"


@pytest.fixture(scope="module", params=VERSIONS, ids=lambda v: f"pg{v}")
def counted(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A server that counts statements, with the tables observed."""
    try:
        own = Server(binaries_of(request.param))
    except ServerError as error:
        pytest.skip(f"no PostgreSQL {request.param} here: {error}")
    try:
        with (own.cluster.data / "postgresql.auto.conf").open("a") as file:
            file.write("shared_preload_libraries = 'pg_stat_statements'\n")
        own.start()
        with own.database() as made:
            _observed(made)
            with made.superuser() as su:
                su.execute("CREATE SCHEMA counts")
                su.execute("CREATE EXTENSION pg_stat_statements SCHEMA counts")
                su.execute("GRANT USAGE ON SCHEMA counts TO installer")
                su.execute("GRANT pg_read_all_stats TO installer")
            yield made
    finally:
        own.stop()


def test_counted_statements_complete_what_looking_misses(counted: Database) -> None:
    def run(user: str, *statements: str) -> None:
        with psycopg.connect(counted.dsn(user), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    run("olga", "SELECT city FROM crm.customer WHERE id = 1")
    with psycopg.connect(counted.dsn(), autocommit=True) as mine:
        observer(mine).look()
        assert uses(mine) == (), "what ran before the first look is no use of now"
        run("olga", f"SELECT city FROM crm.customer WHERE phone = '{PHONE}'")
        run("olga", *(f"SELECT city FROM crm.customer WHERE id = {n}" for n in (2, 3, 4)))
        run("app", "SELECT count(*) FROM agent.customer", "SELECT 1")
        run("app", "SET search_path = agent", "SELECT count(*) FROM agent.customer")
        # Another run of the collector goes on from where the last one stopped.
        observer(mine).look()
        observer(mine).look()
        found = {(u.login, u.statement): u.times for u in uses(mine)}
    assert found == {
        ("olga", "SELECT city FROM crm.customer WHERE id = $1"): 3,
        ("olga", "SELECT city FROM crm.customer WHERE phone = $1"): 1,
    }
