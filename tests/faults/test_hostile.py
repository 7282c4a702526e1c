"""Hostile values: in no error message, no server log and nobody else's view of activity."""

from __future__ import annotations

import contextlib

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.faults.world import Site
from tests.harness import Connection

pytestmark = pytest.mark.requirement("B1", "F1")

MARK = "Qz7Xw"
"""Stands in every value, so that the value is found wherever it turns up, cut or not."""
HOSTILE = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40),
    st.sampled_from(
        ["*", "•", "***", "138****5678", "'", "''; DROP TABLE crm.customer; --", "\\", "%s%n",
         "{0}", "$1", "\u202e13812345678", "１３８１２３４５６７８",
         "\ufeff", "e\u0301" * 20, "👩‍👩‍👧", "\r\n\t",
         "x" * 1_000_000, "中" * 300_000]
    ),
)  # fmt: skip
COLUMNS = ("name", "phone", "remark")
QUIET = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def told(error: psycopg.Error) -> str:
    """Every field that the server sends with an error."""
    diag = error.diag
    fields = (f for f in dir(diag) if not f.startswith("_"))
    return str(error) + "".join(str(getattr(diag, f)) for f in fields)


class Watch:
    """Writes values as the application does, and looks where they must not be."""

    def __init__(self, site: Site) -> None:
        self.app = site.database.connect("app", autocommit=True)
        self.others = [
            site.database.connect(u, autocommit=True) for u in ("mallory", "alan", "olga")
        ]
        self.log = site.database.server.cluster.log
        self.start = self.log.stat().st_size
        self.notices: list[str] = []
        self.app.add_notice_handler(lambda n: self.notices.append(str(n.message_primary)))

    def write(self, column: str, value: str) -> str:
        """Where the value was found: '' for nowhere."""
        found = ""
        for statement in (
            f"UPDATE crm.customer SET {column} = %s WHERE id = 2",
            f"INSERT INTO crm.customer (unit_id, name, {column}) VALUES (1, 'x', %s)"
            if column != "name" else "INSERT INTO crm.customer (unit_id, name) VALUES (1, %s)",
            f"INSERT INTO crm.customer (id, unit_id, name, {column}) VALUES (2, 1, 'x', %s)"
            f" ON CONFLICT (id) DO UPDATE SET {column} = EXCLUDED.{column}"
            if column != "name"
            else "INSERT INTO crm.customer (id, unit_id, name) VALUES (2, 1, %s)"
            " ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name",
        ):  # fmt: skip
            self.notices.clear()
            with contextlib.suppress(psycopg.Error), self.app.transaction(force_rollback=True):
                try:
                    self.app.execute(statement.encode(), (value,))
                except psycopg.Error as error:
                    if MARK in told(error):
                        found = "error"
                    raise
                finally:
                    for other in self.others:
                        if MARK in self.activity(other):
                            found = "activity"
            if any(MARK in notice for notice in self.notices):
                found = "notice"
        return found or self.logged()

    def activity(self, other: Connection) -> str:
        return str(other.execute("TABLE pg_catalog.pg_stat_activity").fetchall()) + str(
            other.execute("SELECT pg_catalog.pg_stat_get_activity(NULL)").fetchall()
        )

    def logged(self) -> str:
        with self.log.open("rb") as file:
            file.seek(self.start)
            return "log" if MARK.encode() in file.read() else ""


def test_no_value_leaves_the_row(sealed: Site) -> None:
    watch = Watch(sealed)

    @QUIET
    @given(column=st.sampled_from(COLUMNS), value=HOSTILE, after=st.booleans())
    @example(column="phone", value="138****5678", after=True)
    @example(column="phone", value="x" * 1_000_000, after=True)
    @example(column="remark", value="中" * 300_000, after=False)
    def check(column: str, value: str, after: bool) -> None:
        whole = value + MARK if after else MARK + value
        assert watch.write(column, whole) == "", column

    check()
    # NUL never gets as far as the server.
    with pytest.raises((psycopg.DataError, ValueError)) as caught:
        watch.app.execute("UPDATE crm.customer SET phone = %s WHERE id = 2", (MARK + "\x00",))
    assert MARK not in str(caught.value)
    sealed.whole()


@pytest.mark.parametrize(
    ("leak", "where"),
    [
        ("RAISE EXCEPTION 'bad value %', NEW.name", "error"),
        ("RAISE EXCEPTION USING MESSAGE = 'bad', DETAIL = NEW.name", "error"),
        ("RAISE WARNING 'value %', NEW.name", "notice"),
        ("RAISE LOG 'value %', NEW.name", "log"),
    ],
    ids=["message", "detail", "warning", "log"],
)
def test_the_check_finds_a_leaky_trigger(sealed: Site, leak: str, where: str) -> None:
    """Control: with a trigger that tells what it sees, the same look finds it."""
    with sealed.database.superuser() as su:
        su.execute(
            "CREATE FUNCTION public.leak() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"{leak}; RETURN NEW; END $$;"
            " CREATE TRIGGER aaa_leak BEFORE INSERT OR UPDATE ON crm_store.customer"
            " FOR EACH ROW EXECUTE FUNCTION public.leak()".encode()
        )
    assert Watch(sealed).write("name", MARK) == where
