"""What the catalogue says about the record of changes (G1, H2)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from pgmask import sealing
from pgmask.catalogue import load
from pgmask.catalogue.model import Recorded
from pgmask.errors import CatalogueError, KeyFault
from pgmask.keyfile import parse
from pgmask.runtime import install
from tests.audit.changes import mark, since
from tests.harness import Connection, Database, Server
from tests.spine.world import applied, load_key, plan_of

pytestmark = pytest.mark.requirement("G1", "H2")

CATALOGUE = """\
pgmask: 1
packs: [baseline]
store: {{schema: crm, mode: aside, as: crm_store, profile: agent}}
subject: {{table: customer, key: id}}
tables:
  customer:
    audit: {{keep_sealed: true}}
    columns:
      phone: {{level: 1, category: contact, kind: mobile, why: service}}
      code: {{level: 2, category: basic, why: service{code}}}
      papers: {{level: 3, category: basic{papers}}}
      log: {{level: 3, category: basic, audit: hash}}
      scan: {{level: 3, category: basic, audit: hash}}
      secret: {{level: 3, category: basic, audit: omit}}
    level_3: [id, flag, moment, extra]
profiles:
  agent:
    rows: all
    columns: {{1: mask, 2: mask, 3: plain}}
    tables: {{"*": write}}
    opens: always
"""
SCHEMA = """\
CREATE SCHEMA crm;
CREATE TABLE crm.customer (
  id bigint PRIMARY KEY, phone text, code text, papers jsonb, log text, scan bytea, secret text,
  flag boolean, moment timestamptz, extra json);
"""


def written(folder: Path, *, code: str = "", papers: str = "") -> Path:
    path = folder / "catalogue.yml"
    path.write_text(CATALOGUE.format(code=code, papers=papers), "utf-8")
    return path


def test_the_key_is_read(tmp_path: Path) -> None:
    table = load(written(tmp_path, papers=", audit: plain")).table("crm.customer")
    assert table is not None
    assert table.keep_sealed
    said = {c.name: c.audit for c in table.columns if c.audit is not None}
    assert said == {
        "papers": Recorded.PLAIN, "log": Recorded.HASH, "scan": Recorded.HASH,
        "secret": Recorded.OMIT,
    }  # fmt: skip


@pytest.mark.parametrize("value", ["plain", "hash"])
def test_nothing_above_level_3_is_recorded_plain_or_as_a_digest(tmp_path: Path, value: str) -> None:
    with pytest.raises(CatalogueError) as refused:
        load(written(tmp_path, code=f", audit: {value}"))
    assert "PM014 crm.customer.code has level 2" in refused.value.detail


def test_a_mask_needs_a_kind(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError) as refused:
        load(written(tmp_path, papers=", audit: mask"))
    assert "crm.customer.papers has no kind" in refused.value.detail


@pytest.fixture
def root(server: Server, tmp_path: Path) -> Iterator[Connection]:
    def fill(database: Database) -> None:
        install(database.dsn())
        database.run(SCHEMA)
        applied(database, plan_of(database, load(written(tmp_path))))
        load_key(database)
        database.close()

    with server.database(template=server.template("changes_catalogue", fill)) as made:
        yield made.superuser()


def test_values_show_as_the_catalogue_says(root: Connection) -> None:
    at = mark(root)
    root.execute(
        "INSERT INTO crm_store.customer (id, phone, papers, log, scan, secret, flag, moment,"
        " extra) VALUES (1, '13900001111', '{\"a\": 1}', 'long', '\\x00ff', 's', true,"
        " '2026-01-02 03:04:05+00', '{}')"
    )
    root.execute("UPDATE crm_store.customer SET papers = '{}', extra = NULL,"
                 " flag = NULL, secret = 't'")  # fmt: skip
    insert, update = since(root, at)
    digest = root.execute(
        "SELECT encode(sha256('long'), 'hex'), encode(sha256('\\x00ff'::bytea), 'hex')"
    ).fetchone()
    assert insert.after is not None
    assert digest is not None
    assert (insert.after["log"], insert.after["scan"]) == digest
    assert insert.after["code"] is None
    assert insert.after["flag"] == "true"
    assert {insert.after[c] for c in ("papers", "secret", "extra")} == {"•"}
    assert insert.after["moment"].startswith("2026-01-02T")
    assert update.after == {
        "papers": "•", "extra": None, "flag": None, "secret": "•",
    }  # fmt: skip


def test_the_sealed_value_of_before_is_kept_sealed(root: Connection) -> None:
    root.execute("INSERT INTO crm_store.customer (id, phone) VALUES (2, '13900002222')")
    (sealed,) = root.execute("SELECT pgmask_sealed FROM crm_store.customer").fetchone() or (None,)
    assert sealed
    at = mark(root)
    root.execute("UPDATE crm_store.customer SET flag = true")
    root.execute("UPDATE crm_store.customer SET phone = '13900003333'")
    root.execute("DELETE FROM crm_store.customer")
    plain, phone, delete = since(root, at)
    assert plain.sealed is None, "nothing sealed changed"
    assert phone.sealed == [sealed]
    assert delete.sealed is not None
    assert delete.sealed != [sealed]


OPEN = (
    "SELECT pgmask_private.open_bundle('customer', %s, %s, %s, 'crm.customer', 'own') ->> 'phone'"
)
AT = (
    "SELECT pgmask_private.data_key_at(k.content, k.kek_id, 'customer', %s, 1)"
    " FROM pgmask_private.loaded_key AS k"
)


@pytest.mark.requirement("G2")
def test_what_is_kept_ends_with_the_customers_key(root: Connection) -> None:
    """The row of the record stays, and nobody reads it any more, whatever else he holds."""
    at = mark(root)
    for number in (4, 5):
        root.execute("INSERT INTO crm_store.customer (id, phone) VALUES (%s, '13900002222')",
                     (number,))  # fmt: skip
    root.execute("UPDATE crm_store.customer SET phone = '13900003333'")
    kept = {change.key[0]: change.sealed[0] for change in since(root, at)
            if change.operation == "update" and change.key and change.sealed}  # fmt: skip
    place = {one: sealing.bundle_data("crm.customer", "own", [int(one)]) for one in kept}

    def opened(one: str) -> str | None:
        row = root.execute(OPEN.encode(), (one, place[one], kept[one])).fetchone()
        return row[0] if row else None

    # Control: as long as there is the key, the server opens it, and so does who has both keys.
    assert (opened("4"), opened("5")) == ("13900002222", "13900002222")
    content, wrapped = root.execute(
        "SELECT k.content, d.wrapped FROM pgmask_private.loaded_key AS k,"
        " pgmask_private.data_key AS d WHERE d.subject_key = '4'"
    ).fetchone() or (b"", b"")
    kek = parse(bytes(content), where="the loaded key")
    key = sealing.unwrap_data_key(kek, "customer", "4", bytes(wrapped))
    found = sealing.open_bundle(key, "crm.customer", "own", [4], bytes(kept["4"] or b""))
    assert found["phone"] == "13900002222"

    root.execute("UPDATE pgmask_private.data_key SET state = 'erased', wrapped = NULL,"
                 " ended_at = now() WHERE subject_key = '4'")  # fmt: skip
    assert (opened("4"), opened("5")) == (None, "13900002222")
    with pytest.raises(psycopg.Error) as refused:
        root.execute(AT.encode(), ("4",))
    assert refused.value.sqlstate == "PM314"
    # The record keeps the row and no key; no other key opens it, and none is made in its place.
    (still,) = root.execute(
        "SELECT count(*) FROM pgmask_audit.change WHERE before_sealed = ARRAY[%s::bytea]",
        (kept["4"],),
    ).fetchone() or (0,)
    assert still == 1
    for other in (b"\0" * 64, kek.wrapping):
        with pytest.raises(KeyFault, match="PM315"):
            sealing.open_bundle(other, "crm.customer", "own", [4], bytes(kept["4"] or b""))
    with pytest.raises(psycopg.Error) as refused:
        root.execute("UPDATE crm_store.customer SET phone = '13900004444' WHERE id = 4")
    assert refused.value.sqlstate == "PM314"
    assert opened("4") is None
    root.execute("DELETE FROM crm_store.customer WHERE id = 4")
    with pytest.raises(psycopg.Error) as refused:
        root.execute("INSERT INTO crm_store.customer (id, phone) VALUES (4, '13900002222')")
    assert refused.value.sqlstate == "PM314"


def test_half_of_equal_values_is_no_equal_value(root: Connection) -> None:
    """A collation may hold a and A for equal, and an image tells 1.0 from 1.00 in json."""
    root.execute("INSERT INTO crm_store.customer (id, log, extra) VALUES (3, 'x', '{\"a\":1.0}')")
    at = mark(root)
    root.execute("UPDATE crm_store.customer SET log = 'X', extra = '{\"a\":1.00}'")
    (found,) = since(root, at)
    assert set(found.after or {}) == {"log", "extra"}
