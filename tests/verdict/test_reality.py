"""What validate says comes back is what PostgreSQL returns through the views.

Every query runs twice: by its profile's login on the views, and by a superuser on the tables as
they were.  What is called truth must be equal, a mask must hide it, NULL must be NULL, and what is
called refused must be refused, and nothing else.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pgmask.kinds.show import GLYPHS
from pgmask.lineage.model import Flow
from pgmask.verdict.model import Shown, ShownOutput
from pgmask.verdict.validator import Validator
from tests.harness import Database, Server
from tests.spine.world import INSURER
from tests.verdict.world import LOGINS, ROWS, fill_adopted, insurer, snapshot

pytestmark = pytest.mark.requirement("I1", "B6")

TABLES = (
    "customer", "bank_account", "lead", "policy", "beneficiary", "payment", "claim",
    "claim_document", "contact_log",
)  # fmt: skip
ONE = "customer WHERE id = 1"
SHAPES = (
    "SELECT c.name AS id_no, c.phone AS name, c.id AS phone FROM customer AS c WHERE c.id = 1",
    f"WITH x (a, b, c) AS (SELECT phone, birth_date, name FROM {ONE}) SELECT c, b, a FROM x",
    f"SELECT q.b FROM (SELECT name AS a, phone AS b FROM {ONE}) AS q",
    f"SELECT (SELECT phone FROM {ONE}) AS x, 1 AS y",
    f"SELECT phone FROM {ONE} UNION ALL SELECT name FROM {ONE} LIMIT 1",
    f"SELECT upper(email), lower(name), length(phone), left(id_no, 6) FROM {ONE}",
    f"SELECT name || ' ' || phone, concat(id_no, health_note) FROM {ONE}",
    f"SELECT coalesce(health_note, employer, 'x'), NULLIF(phone, 'x') FROM {ONE}",
    f"SELECT CASE WHEN card_grade = 'x' THEN phone ELSE email END FROM {ONE}",
    f"SELECT CASE WHEN phone = '13952992312' THEN 1 ELSE 2 END FROM {ONE}",
    f"SELECT count(phone), min(phone), max(name), count(*) FROM {ONE}",
    "SELECT c.name, p.premium, p.insured_phone FROM customer AS c"
    " JOIN policy AS p ON p.holder_id = c.id WHERE c.id = 1",
    "SELECT l.insured_name, c.address FROM customer AS c CROSS JOIN LATERAL"
    " (SELECT insured_name FROM policy AS p WHERE p.holder_id = c.id) AS l WHERE c.id = 1",
    "SELECT to_jsonb(c) -> 'phone', row_to_json(c) FROM customer AS c WHERE c.id = 1",
    "SELECT (c).phone, (c).birth_date FROM (SELECT c FROM customer AS c WHERE c.id = 1) AS s",
    f"SELECT array_agg(phone), string_agg(name, ',') FROM {ONE}",
    f"SELECT DISTINCT ON (status) phone, birth_date FROM {ONE}",
    f"SELECT first_value(phone) OVER (ORDER BY id), lag(name) OVER () FROM {ONE}",
    "SELECT r.name, s.name FROM ref_product AS r, staff AS s WHERE s.id = 1",
    "VALUES (1, 'x')",
    "SELECT name FROM crm_store.customer WHERE id = 1",
    "SELECT id, xmin FROM customer WHERE id = 1",
    "SELECT c.id, c.status, count(*) FROM customer AS c GROUP BY c.id",
    "SELECT id FROM customer TABLESAMPLE BERNOULLI (100) WHERE id = 1",
    "SELECT id FROM contact_log_2025h1",
    "SELECT setval('policy_id_seq', 5)",
    "UPDATE customer SET status = status WHERE id = 1 RETURNING name, phone",
    "INSERT INTO contact_log (customer_id, staff_id, type, value, purpose, at)"
    " VALUES (1, 1, 'phone', '13952992312', 'x', '2025-03-01 00:00+08') RETURNING value, note",
    "DELETE FROM contact_log WHERE id = 1 RETURNING value, id",
    "TRUNCATE contact_log",
)


@pytest.fixture(scope="module")
def places(server: Server) -> Iterator[tuple[Database, Database, dict[str, Validator]]]:
    """The views, the tables as they were, and a validator for each profile."""

    def fill(database: Database) -> None:
        database.run((INSURER / "schema.sql").read_text("utf-8"))
        database.run(ROWS)

    views = server.template("verdict_adopted", fill_adopted)
    tables = server.template("verdict_tables", fill)
    with server.database(template=views) as one, server.database(template=tables) as other:
        schema = snapshot(one)
        yield one, other, {p: Validator(schema, catalogue=insurer(), profile=p) for p in LOGINS}


class Answer:
    """Rows, or the SQLSTATE of an error."""

    def __init__(self, database: Database, login: str, path: str, sql: str) -> None:
        self.rows: list[tuple[Any, ...]] = []
        self.error = ""
        with psycopg.connect(database.dsn(login), options=f"-c search_path={path}") as connection:
            try:
                cursor = connection.execute(sql.encode())
                self.rows = cursor.fetchall() if cursor.description is not None else []
            except psycopg.Error as error:
                self.error = f"{error.sqlstate} {error}"
            connection.rollback()


def compare(
    places: tuple[Database, Database, dict[str, Validator]], profile: str, sql: str
) -> list[Shown]:
    """Hold one query against both databases; the forms that were said."""
    views, tables, validators = places
    validator = validators[profile]
    (verdict,) = validator.validate(sql)
    assert validator.policy is not None
    got = Answer(views, LOGINS[profile], ",".join(validator.policy.search_path), sql)
    refused = any(f.refused for f in verdict.findings)
    assert refused == bool(got.error), (profile, sql, got.error, verdict.findings)
    if refused:
        assert all(o.form is Shown.REFUSED for o in verdict.outputs)
        return [Shown.REFUSED]
    true = Answer(tables, "postgres", "crm", sql)
    assert not true.error, true.error
    for shown_row, true_row in zip(got.rows, true.rows, strict=True):
        assert len(shown_row) == len(verdict.outputs)
        for output, value, truth in zip(verdict.outputs, shown_row, true_row, strict=True):
            assert says(output, value, truth), (profile, sql, output, value, truth)
    return [o.form for o in verdict.outputs]


def says(output: ShownOutput, value: Any, truth: Any) -> bool:
    """Whether the value is of the form that was said."""
    direct = output.output.flow is Flow.DIRECT
    plain = all(s.form is Shown.TRUTH for s in output.sources)
    match output.form:
        case Shown.TRUTH:
            # Computed from a row of which parts are NULL, it is what the other parts give.
            same = value == truth or isinstance(truth, dt.datetime)
            # Of several columns one value comes through, or the mask of another.
            other = not plain and (value is None or any(g in str(value) for g in GLYPHS))
            return bool(same) or other or not (direct or plain)
        case Shown.NULL:
            # coalesce() of several that are NULL gives its constant.
            alone = direct and len(output.sources) == 1
            return value is None if alone else value is None or value != truth or _few(truth)
        case Shown.MASK if direct:
            if truth is None:
                return value is None
            return value != truth and any(g in str(value) for g in GLYPHS)
        case Shown.MASK:
            return value != truth or _few(truth)
    return False


def _few(truth: Any) -> bool:
    """Of what a mask shows too: a count, a length, a few leading characters."""
    return isinstance(truth, int) or len(str(truth)) <= 6


@pytest.mark.parametrize("profile", LOGINS)
def test_every_column_of_every_table(
    places: tuple[Database, Database, dict[str, Validator]], profile: str
) -> None:
    forms = set()
    for table in TABLES:
        key = "1" if table in ("customer", "policy", "claim") else "id"
        forms |= set(compare(places, profile, f"SELECT * FROM {table} WHERE id = {key}"))
    assert Shown.TRUTH in forms
    assert (Shown.NULL if profile == "analyst" else Shown.MASK) in forms
    assert (Shown.REFUSED in forms) == (profile == "claims"), "claims sees five tables"


@pytest.mark.parametrize("profile", LOGINS)
@pytest.mark.parametrize("sql", SHAPES)
def test_every_shape(
    places: tuple[Database, Database, dict[str, Validator]], profile: str, sql: str
) -> None:
    compare(places, profile, sql)


COLUMNS = (
    "id", "unit_id", "name", "sex", "birth_date", "id_no", "phone", "landline", "email", "address",
    "postal_code", "occupation", "employer", "annual_income", "health_note", "status",
)  # fmt: skip
WRAPS = ("{}", "{}", "{}", "coalesce({}, NULL)", "(SELECT {})", "min({}) OVER ()", "({})")


@st.composite
def queries(draw: st.DrawFn) -> str:
    """Selects of customer 1 under aliases, in layers of sub-queries, CTEs and set operations."""
    chosen = draw(st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=5, unique=True))
    names = draw(st.permutations([f"c{n}" for n in range(len(chosen))]))
    wraps = [draw(st.sampled_from(WRAPS)) for _ in chosen]
    targets = ", ".join(
        f"{wrap.format('t.' + c)} AS {name}"
        for c, name, wrap in zip(chosen, names, wraps, strict=True)
    )
    sql = f"SELECT {targets} FROM customer AS t WHERE t.id = 1"
    for _ in range(draw(st.integers(0, 2))):
        kept = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
        names, shape = kept, draw(st.integers(0, 3))
        inner = ", ".join(f"s.{n}" for n in kept)
        if shape == 0:
            sql = f"SELECT {inner} FROM ({sql}) AS s"
        elif shape == 1:
            sql = f"WITH s AS ({sql}) SELECT {inner} FROM s"
        elif shape == 2:
            sql = f"SELECT {inner} FROM (SELECT 1) AS one CROSS JOIN LATERAL ({sql}) AS s"
        else:
            whole = f"SELECT {inner} FROM ({sql}) AS s"
            sql = f"({whole}) UNION ({whole})"
    return sql


@pytest.mark.parametrize("profile", LOGINS)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(sql=queries())
def test_random_queries(
    places: tuple[Database, Database, dict[str, Validator]], profile: str, sql: str
) -> None:
    compare(places, profile, sql)


def test_the_comparison_notices_another_profiles_verdict(
    places: tuple[Database, Database, dict[str, Validator]],
) -> None:
    views, tables, validators = places
    swapped = {**validators, "analyst": validators["auditor"]}
    sql = "SELECT phone FROM {}.customer WHERE id = 1"
    compare(places, "auditor", "SELECT phone FROM customer WHERE id = 1")
    with pytest.raises(AssertionError):
        compare((views, tables, swapped), "analyst", sql.format("analyst"))
    with pytest.raises(AssertionError):
        compare((views, tables, swapped), "analyst", "SELECT phone FROM customer WHERE id = 1")
