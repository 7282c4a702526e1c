"""A value is shown only when its record is on disk: the server is killed right after (B2).

``synchronous_commit = off`` is a setting of the caller's; the writer of the log is told to sleep,
so that what nobody forced out is lost.  In the control the force is taken away, and so the record.
"""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from pgmask.errors import ServerError
from tests.attack.people import OURS
from tests.harness import VERSIONS, Server, binaries_of
from tests.reveal.site import Site, ask, fill, shown

WITHOUT = {
    15: "ALTER TABLE pgmask_audit.ticket DISABLE TRIGGER b_durable",
    18: "DO $do$ DECLARE d text; BEGIN"
    " d := pg_get_functiondef('pgmask_private.redeem_ticket(uuid, text, text)'::regprocedure);"
    " EXECUTE replace(d, 'PERFORM pg_logical_emit_message', '-- PERFORM '); END $do$",
}


@pytest.fixture(scope="module", params=VERSIONS, ids=lambda v: f"pg{v}")
def killed(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A cluster of this module's own, with a writer that sleeps."""
    try:
        server = Server(binaries_of(request.param))
    except ServerError as error:
        pytest.skip(str(error))
    try:
        server.start()
        with server.admin() as admin:
            admin.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")
            admin.execute("ALTER SYSTEM SET wal_writer_flush_after = '2GB'")
            admin.execute("SELECT pg_reload_conf()")
        server.template("reveal", fill)
        yield server
    finally:
        server.stop()


@pytest.mark.requirement("B2")
def test_killed_after_the_answer(killed: Server) -> None:
    """Both in one crash, the unprotected one last, so that nothing else forces it out."""
    with (
        killed.database(template="reveal") as forced,
        killed.database(template="reveal") as control,
    ):
        with control.superuser() as root:
            root.execute(WITHOUT[killed.major].encode())
        sites = [Site(forced), Site(control)]
        opened = [site.connect() for site in sites]
        sites[0].root.execute("CHECKPOINT")
        tickets = []
        for site, one in zip(sites, opened, strict=True):
            one.execute("SET synchronous_commit = off")
            with site.acting(connection=one):
                tickets.append(ask(one, columns=["phone"]))
            with site.acting(connection=one):
                assert shown(one, tickets[-1]) == {"phone": OURS.phone}
        assert killed.cluster._pg_ctl("-w", "-m", "immediate", "stop") == 0
        killed.cluster.start()
        kept = []
        for database, ticket in zip((forced, control), tickets, strict=True):
            with psycopg.connect(database.dsn("postgres")) as after:
                kept += after.execute(
                    "SELECT count(*) FROM pgmask_audit.ticket WHERE ticket_id = %s", (ticket,)
                ).fetchall()
        assert kept == [(1,), (0,)]
