"""A real physical standby (D11): masked reads and identities work, nothing complete is shown.

The standby is a base backup of this worker's server, streaming from it.  It has neither the loaded
key nor a way to write a record; the control is the same ticket where it was written.
"""

from __future__ import annotations

import dataclasses
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from pgmask.server.account import scratch_dir
from pgmask.server.cluster import Cluster, _free_port
from tests.attack.asking import ASK
from tests.attack.people import OURS
from tests.harness import Connection, Database, Server
from tests.reveal.site import Site, fill

pytestmark = [pytest.mark.attack, pytest.mark.requirement("B2", "B3", "C2")]
MASK = f"{OURS.phone[:3]}****{OURS.phone[-4:]}"


@contextmanager
def standby(server: Server) -> Iterator[Cluster]:
    """A copy of the server that follows it, stopped and removed at the end."""
    primary = server.cluster
    folder = scratch_dir(primary.account, "pgmask-standby-")
    made = dataclasses.replace(primary, folder=folder, port=_free_port(), keep=False)
    try:
        made.socket_dir.mkdir(mode=0o700)
        primary.account.own(made.socket_dir)
        done = primary.account.run(
            [primary.binaries.bin / "pg_basebackup", "-D", made.data, "-R", "--no-sync",
             "-c", "fast", "-X", "stream", "-d", server.dsn()],
            environ=primary.binaries.environ(), cwd=folder,
        )  # fmt: skip
        assert done.returncode == 0, done
        with (made.data / "postgresql.auto.conf").open("a", encoding="utf-8") as settings:
            settings.write(
                f"port = {made.port}\nunix_socket_directories = '{made.socket_dir}'\n"
                "hot_standby = on\n"
            )
        made.start()
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


def arrived(copy: Cluster, database: Database, ticket: str) -> None:
    """Wait until the standby has the ticket."""
    query = "SELECT FROM pgmask_audit.ticket WHERE ticket_id = %s"
    with psycopg.connect(copy.dsn(dbname=database.name), autocommit=True) as other:
        for _ in range(600):
            if other.execute(query, (ticket,)).fetchone() is not None:
                return
            time.sleep(0.05)
    raise AssertionError("the standby does not follow")


def code(connection: Connection, query: str, *values: object) -> str:
    """The SQLSTATE of a statement that is refused; the transaction goes on."""
    with pytest.raises(psycopg.Error) as error, connection.transaction():
        connection.execute(query.encode(), values or None)
    assert OURS.phone not in str(error.value)
    return error.value.sqlstate or ""


def test_standby(server: Server) -> None:
    with (
        server.database(template=server.template("reveal", fill)) as database,
        standby(server) as copy,
    ):
        site = Site(database)
        ticket = site.request(columns=["phone"])
        arrived(copy, database, str(ticket))
        _on_the_standby(site, copy, database, str(ticket))
        # The control: the same ticket, where it was written.
        with site.acting() as one:
            row = one.execute("SELECT phone FROM crm.customer_reveal(%s)", (ticket,)).fetchone()
            assert row == (OURS.phone,)


def _on_the_standby(site: Site, copy: Cluster, database: Database, ticket: str) -> None:
    dsn = copy.dsn(user="app", password="app-pw", dbname=database.name)
    with psycopg.connect(dsn, autocommit=True) as one:
        assert code(one, "SELECT phone FROM crm.customer") == "PM101"
        with one.transaction():
            site.log_in(one)
            masked = one.execute("SELECT phone FROM crm.customer WHERE id = 1").fetchone()
            assert masked == (MASK,)
            asked = ASK.format(key=1)
            assert code(one, asked) in ("PM413", "25006")
            assert code(one, "SELECT phone FROM crm.customer_reveal(%s)", ticket) == "PM413"
            assert code(one, "SELECT * FROM pgmask.reveal(%s)", ticket) == "PM413"
            assert code(one, "SELECT id FROM crm.customer_by_phone(%s)", OURS.phone) == "PM413"
            assert code(one, "UPDATE crm.customer SET note = 'x' WHERE id = 1") == "25006"
        token = "SELECT set_config('pgmask.token', %s, true)"
        with site.acting() as elsewhere, one.transaction():
            row = elsewhere.execute("SELECT current_setting('pgmask.token')").fetchone()
            one.execute(token.encode(), row)
            assert code(one, "SELECT phone FROM crm.customer") == "PM103"
