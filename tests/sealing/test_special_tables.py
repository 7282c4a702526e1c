"""Partitions, kinds by a discriminator, hostile names, odd keys: the generator on other tables."""

from __future__ import annotations

from dataclasses import replace

import psycopg
import pytest

from pgmask.compile.sealing_spec import (
    Bundle,
    Chosen,
    Coding,
    Rule,
    SealSpec,
    ShadowColumn,
    UniqueKey,
)
from pgmask.names import Name, QualName
from tests.harness import Connection, Database
from tests.sealing.tables import EMAIL, FREE, ID, MOBILE, seal_table, sealed, typed

OLD, NEW = "13812345678", "13899995678"

LOG = SealSpec(
    table_id="crm.log",
    store=QualName.of("s", "log"),
    key=(ID, typed("unit", "integer", Coding.INTEGER)),
    columns=(
        replace(
            sealed("value", FREE, "text", refuse=True),
            chosen=Chosen(discriminator=Name("type"),
                          cases=(("phone", MOBILE), ("mail", EMAIL))),
            index_column=Name("pgmask_bidx_value"),
        ),
        sealed("remark", FREE, always=False, validate=False),
    ),
    bundles=(Bundle(name="own", sealed=Name("pgmask_sealed"), subject_class="customer",
                    subject=typed("customer_id", "bigint", Coding.INTEGER)),),
    shadows=(ShadowColumn(name=Name("pgmask_shadow_remark"), source=typed("remark"), hidden=False,
                          mask="pgmask.mask_free_text"),),
    unique_keys=(UniqueKey(name="log_pkey", parts=("id", "unit")),),
    others=(typed("type"),),
)  # fmt: skip
LOG_TABLE = """
CREATE SCHEMA s;
CREATE TABLE s.log (
  id bigint, unit integer, customer_id bigint, type text, value text, remark text,
  pgmask_shadow_remark text,
  pgmask_high_value boolean NOT NULL DEFAULT false,
  pgmask_restricted boolean NOT NULL DEFAULT false,
  PRIMARY KEY (id, unit)
) PARTITION BY LIST (unit);
CREATE TABLE s.log_1 PARTITION OF s.log FOR VALUES IN (1);
CREATE TABLE s.log_2 (
  unit integer NOT NULL, value text, pgmask_shadow_remark text, id bigint NOT NULL, remark text,
  type text, customer_id bigint, pgmask_restricted boolean NOT NULL DEFAULT false,
  pgmask_high_value boolean NOT NULL DEFAULT false);
ALTER TABLE s.log ATTACH PARTITION s.log_2 FOR VALUES IN (2);
CREATE TABLE s.log_3 PARTITION OF s.log FOR VALUES IN (3) PARTITION BY RANGE (id);
CREATE TABLE s.log_3a PARTITION OF s.log_3 DEFAULT;
"""


def _wrong(connection: Connection, spec: SealSpec) -> list[tuple[object, ...]]:
    return connection.execute(
        f"SELECT v FROM {spec.store.quoted} t,"
        f" LATERAL pgmask_private.{spec.function('verify').quoted}(t) v"
        " WHERE v IS NOT NULL".encode()
    ).fetchall()


def _let_the_sealer_in(root: Connection, schema: str) -> None:
    name = Name(schema).quoted
    root.execute(f"GRANT USAGE ON SCHEMA {name} TO pgmask_sealer, pgmask_keyless, pgmask_lookup;"
                 f" GRANT SELECT, UPDATE ON ALL TABLES IN SCHEMA {name}"
                 " TO pgmask_sealer, pgmask_lookup".encode())  # fmt: skip


@pytest.fixture
def log(keyed: Database) -> Connection:
    """A partitioned table whose partitions have other column orders."""
    root = keyed.superuser()
    root.execute(LOG_TABLE.encode())
    seal_table(root, LOG)
    _let_the_sealer_in(root, "s")
    return root


@pytest.mark.requirement("F3", "B1")
def test_rows_move_between_partitions(log: Connection) -> None:
    """The row is sealed once, carried over, and its truth and shadow go with it."""
    log.execute("INSERT INTO s.log (id, unit, customer_id, type, value, remark)"
                " VALUES (1, 1, 7, 'phone', %s, 'r'), (2, 1, NULL, 'mail', 'ab@example.com', NULL)",
                (OLD,))  # fmt: skip
    before = log.execute(
        "SELECT value, remark, pgmask_bidx_value FROM s.log ORDER BY id"
    ).fetchall()
    for unit in (2, 3, 1):
        log.execute("UPDATE s.log SET unit = %s", (unit,))
        assert _wrong(log, LOG) == []
        found = log.execute("SELECT value, remark, pgmask_bidx_value FROM s.log ORDER BY id")
        assert found.fetchall() == before
    log.execute("UPDATE s.log SET unit = 2, value = %s WHERE id = 1", (NEW,))
    log.execute("INSERT INTO s.log (id, unit, type, value) VALUES (1, 2, 'phone', %s)"
                " ON CONFLICT (id, unit) DO UPDATE SET value = EXCLUDED.value", (OLD,))  # fmt: skip
    assert _wrong(log, LOG) == []
    assert log.execute("SELECT pgmask_bidx_value FROM s.log WHERE id = 1").fetchone() == (
        before[0][2],
    )


@pytest.mark.requirement("B1")
def test_every_partition_is_guarded(log: Connection) -> None:
    """Triggers and CHECKs stand on every partition, those made later too, all ALWAYS."""
    log.execute("CREATE TABLE s.log_4 PARTITION OF s.log FOR VALUES IN (4)")
    rows = log.execute(
        "SELECT c.relname, count(*) FILTER (WHERE t.tgname LIKE 'zzz%'),"
        " (SELECT count(*) FROM pg_constraint k"
        "   WHERE k.conrelid = c.oid AND conname LIKE 'pgmask%')"
        " FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace AND nspname = 's'"
        " JOIN pg_trigger t ON t.tgrelid = c.oid AND NOT t.tgisinternal"
        " WHERE relkind IN ('r', 'p') AND tgenabled = 'A' GROUP BY c.oid ORDER BY 1"
    ).fetchall()
    assert {r[0]: r[1] for r in rows} == {
        "log": 4, "log_1": 3, "log_2": 3, "log_3": 3, "log_3a": 3, "log_4": 3,
    }  # fmt: skip
    assert {r[2] for r in rows} == {3}
    log.execute("INSERT INTO s.log (id, unit, type, value) VALUES (4, 4, 'phone', %s)", (OLD,))
    with pytest.raises(psycopg.errors.CheckViolation):
        log.execute("SET session_replication_role = replica;"
                    " ALTER TABLE s.log_1 DISABLE TRIGGER USER;"
                    f" INSERT INTO s.log_1 (id, unit, value) VALUES (1, 1, '{OLD}')")  # fmt: skip
    log.rollback()
    log.execute("CREATE TABLE s.log_5 (LIKE s.log INCLUDING DEFAULTS)")
    log.execute(f"INSERT INTO s.log_5 (id, unit, value) VALUES (5, 5, '{OLD}')")
    with pytest.raises(psycopg.errors.Error):
        log.execute("ALTER TABLE s.log ATTACH PARTITION s.log_5 FOR VALUES IN (5)")


@pytest.mark.requirement("A1", "B1", "F4")
def test_kind_by_discriminator(log: Connection) -> None:
    """Mask, validity and normal form follow the type; a changed type masks the old truth anew."""
    add = "INSERT INTO s.log (id, unit, type, value) VALUES (%s, 1, %s, %s) RETURNING value"
    assert log.execute(add, (1, "phone", OLD)).fetchone() == ("138****5678",)
    assert log.execute(add, (2, "mail", "zhangsan@example.com")).fetchone() == (
        "z***************.com",
    )
    assert log.execute(add, (3, "wechat", "zhangsan")).fetchone() == ("********",)
    for type_, value in (("phone", "zhangsan@example.com"), ("mail", OLD)):
        with pytest.raises(psycopg.Error) as refused:
            log.execute(add, (9, type_, value))
        assert refused.value.sqlstate == "PM041"
    log.execute("UPDATE s.log SET type = 'other' WHERE id = 1")
    assert log.execute("SELECT value FROM s.log WHERE id = 1").fetchone() == ("*" * 11,)
    log.execute("UPDATE s.log SET type = 'phone' WHERE id = 1")
    assert log.execute("SELECT value FROM s.log WHERE id = 1").fetchone() == ("138****5678",)
    assert _wrong(log, LOG) == []


WEIRD = "Ta\"b le'$pgmask$ 表" + "x" * 20
WEIRD_SPEC = SealSpec(
    table_id=f"Schéma.{WEIRD}",
    store=QualName.of("Schéma", WEIRD),
    key=(
        typed("select", "date", Coding.ISO),
        typed('k"ey', "timestamp with time zone", Coding.UTC),
        typed("bytes", "bytea", Coding.HEX),
        typed("ok", "boolean", Coding.CAST),
    ),
    columns=(
        sealed('ph"one % 号', MOBILE, "character varying(20)",
               index_column=Name("pgmask_bidx_1"), refuse=False),
        sealed("u" * 63, Rule(mask="pgmask.mask_secret"), "character(10)", validate=False),
        sealed("doc", FREE, "jsonb", coding=Coding.CAST, validate=False),
        sealed("raw", FREE, "bytea", coding=Coding.HEX, validate=False),
        sealed("at", FREE, "timestamp with time zone", coding=Coding.UTC, validate=False),
        sealed("day", FREE, "date", coding=Coding.ISO, validate=False),
        sealed("flag", FREE, "boolean", coding=Coding.CAST, validate=False),
        sealed("list", FREE, "text[]", coding=Coding.CAST, validate=False),
        sealed("mood", FREE, '"Schéma".mood', coding=Coding.CAST, validate=False),
    ),
    bundles=(Bundle(name="own", sealed=Name("pgmask_sealed"), subject_class=""),),
    unique_keys=(UniqueKey(name="pkey", parts=('"select"', '"k""ey"', "bytes", "ok")),),
)  # fmt: skip


@pytest.mark.requirement("B1", "F1", "A1")
def test_hostile_names_odd_keys_and_types(keyed: Database) -> None:
    """Names are quoted, types come back as they went in, whatever the session's settings."""
    root = keyed.superuser()
    columns = ", ".join(f"{c.column.name.quoted} {c.column.type}" for c in WEIRD_SPEC.columns)
    keys = ", ".join(f"{k.name.quoted} {k.type}" for k in WEIRD_SPEC.key)
    names = ", ".join(k.name.quoted for k in WEIRD_SPEC.key)
    root.execute(
        "CREATE SCHEMA \"Schéma\"; CREATE TYPE \"Schéma\".mood AS ENUM ('a', 'b');"
        f"CREATE TABLE {WEIRD_SPEC.store.quoted} ({keys}, {columns}, note text,"
        " pgmask_high_value boolean NOT NULL DEFAULT false,"
        f" pgmask_restricted boolean NOT NULL DEFAULT false, PRIMARY KEY ({names}))".encode()
    )
    seal_table(root, WEIRD_SPEC)
    _let_the_sealer_in(root, "Schéma")
    store = WEIRD_SPEC.store.quoted
    values = (
        "2026-02-03", "2026-02-03 04:05:06.789+08", b"\x00\xff", True, OLD, "geheim", '{"b": 1}',
        b"\x01\x02", "1999-12-31 23:59:59.5-03:30", "1999-12-31", False, ["a", 'b"c', None], "b",
    )  # fmt: skip
    phone = WEIRD_SPEC.columns[0].column.name.quoted.replace("%", "%%")
    statement = (
        f"INSERT INTO {store} VALUES ({', '.join(['%s'] * len(values))}) ON CONFLICT ({names})"
        f" DO UPDATE SET day = EXCLUDED.day, doc = EXCLUDED.doc, "
        f"{phone} = EXCLUDED.{phone}"
    )
    settings = (
        ("UTC", "ISO, MDY", "hex"), ("Asia/Shanghai", "German", "escape"),
        ("America/St_Johns", "SQL, DMY", "hex"),
    )  # fmt: skip
    for zone, style, form in settings:
        root.execute(
            f"SET TimeZone = '{zone}'; SET DateStyle = '{style}';"
            f" SET bytea_output = '{form}'".encode()
        )
        with root.cursor(binary=True):
            root.execute("SET DateStyle = 'ISO, YMD'")
            root.execute(statement.encode(), values)
        root.execute(f"SET DateStyle = '{style}'".encode())
        root.execute(f"UPDATE {store} SET note = 'x', flag = true".encode())
        root.execute(f"UPDATE {store} SET flag = false".encode())
        assert _wrong(root, WEIRD_SPEC) == []
    assert root.execute("SELECT count(*), max(octet_length(pgmask_sealed)) > 100 FROM"
                        f" {store}".encode()).fetchone() == (1, True)  # fmt: skip
    row = root.execute(
        f"SELECT {WEIRD_SPEC.columns[0].column.name.quoted}, doc, raw, at FROM {store}".encode()
    )
    assert row.fetchone() == ("138****5678", None, None, None)


@pytest.mark.requirement("F3")
def test_case_insensitive_key(keyed: Database) -> None:
    """A key of a type with operators of its own is probed by those: A is a for citext."""
    root = keyed.superuser()
    root.execute(
        "CREATE EXTENSION citext SCHEMA public; CREATE SCHEMA s;"
        " CREATE TABLE s.login (id bigint PRIMARY KEY, login public.citext UNIQUE, phone text,"
        " pgmask_high_value boolean NOT NULL DEFAULT false,"
        " pgmask_restricted boolean NOT NULL DEFAULT false)"
    )
    spec = SealSpec(
        table_id="crm.login",
        store=QualName.of("s", "login"),
        key=(ID,),
        columns=(sealed("phone", MOBILE),),
        bundles=(Bundle(name="own", sealed=Name("pgmask_sealed"), subject_class="", subject=None),),
        unique_keys=(
            UniqueKey(name="login_pkey", parts=("id",)),
            UniqueKey(name="login_login_key", parts=("login",), foreign=("public",)),
        ),
    )
    seal_table(root, spec)
    _let_the_sealer_in(root, "s")
    root.execute("GRANT USAGE ON SCHEMA public TO pgmask_sealer")
    root.execute("INSERT INTO s.login VALUES (1, 'Ann', %s)", (OLD,))
    before = root.execute("SELECT pgmask_sealed FROM s.login").fetchone()
    root.execute("INSERT INTO s.login VALUES (2, 'ANN', %s) ON CONFLICT (login)"
                 " DO UPDATE SET phone = EXCLUDED.phone", (NEW,))  # fmt: skip
    after = root.execute("SELECT pgmask_sealed, phone FROM s.login").fetchone()
    assert after is not None
    assert after[1] == "138****5678"
    assert before != after[:1]
    assert _wrong(root, spec) == []
