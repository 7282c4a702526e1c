"""Secrets stay in simple expressions: no plan, log line or setting shows a value or a key (A51)."""

from __future__ import annotations

import pytest

from tests.sealing.conftest import SealedDatabase

PHONE = "13871904265"
OTHER = "13850924265"


def _forms(value: str | bytes) -> list[str]:
    """How a value would stand in a plan tree: as text, in hex, as a list of bytes."""
    raw = value.encode() if isinstance(value, str) else value
    middle = raw[4:12]
    return [
        middle.hex(),
        " ".join(str(b if b < 128 else b - 256) for b in middle),
        *([value[3:10]] if isinstance(value, str) else []),
    ]


@pytest.mark.requirement("F1", "B1")
def test_no_plan_shows_a_secret(crm: SealedDatabase) -> None:
    """Insert, upsert and update with every plan printed: neither values nor keys stand in it."""
    bank = "6222029173805264918"
    crm.root.execute(
        "CREATE SCHEMA app_ws;"
        "CREATE TABLE app_ws.input (id bigint, phone text, other text, bank text);"
        "CREATE TABLE app_ws.sink (t text);"
        "CREATE FUNCTION app_ws.leaky(p text) RETURNS void LANGUAGE plpgsql AS"
        " $$ BEGIN INSERT INTO app_ws.sink VALUES (p || ''); END $$;"
        "GRANT ALL ON SCHEMA app_ws TO app; GRANT ALL ON ALL TABLES IN SCHEMA app_ws TO app"
    )
    # The values come out of a table, so that no constant of the caller's own statement is found.
    crm.root.execute("INSERT INTO app_ws.input VALUES (1, %s, %s, %s)", (PHONE, OTHER, bank))
    app = crm.database.connect("app", autocommit=True)
    said: list[str] = []
    app.add_notice_handler(lambda d: said.append(f"{d.message_primary}\n{d.message_detail}"))
    app.execute("SET client_min_messages = log; SET debug_print_plan = on;"
                " SET debug_print_parse = on; SET debug_print_rewritten = on;"
                " SET plan_cache_mode = force_custom_plan")  # fmt: skip
    said.clear()
    for _ in range(2):
        for statement in (
            "INSERT INTO crm.customer (id, phone, bank) SELECT id, phone, bank FROM app_ws.input",
            "INSERT INTO crm.customer (id, phone, bank) SELECT id, other, bank FROM app_ws.input"
            " ON CONFLICT (id) DO UPDATE SET phone = EXCLUDED.phone, bank = EXCLUDED.bank",
            "UPDATE crm.customer c SET phone = i.phone FROM app_ws.input i WHERE i.id = c.id",
            "UPDATE crm.customer c SET grade = 'diamond', name = i.other FROM app_ws.input i",
            "DELETE FROM crm.customer",
        ):
            app.execute(statement.encode())
    text = " ".join("\n".join(said).split())  # long lists are broken over lines
    assert "data_key" in text or "PLANNEDSTMT" in text
    secrets: list[str | bytes] = [PHONE, OTHER, bank]
    secrets += [crm.key.wrap_mac, crm.key.wrap_enc, crm.key.blind, crm.key.stash]
    for secret in secrets:
        for form in _forms(secret):
            assert form not in text
    # Control: the same search finds what does stand in a nested statement.
    said.clear()
    app.execute("SELECT app_ws.leaky(phone) FROM app_ws.input")
    text = " ".join("\n".join(said).split())
    assert any(form in text for form in _forms(PHONE))


@pytest.mark.requirement("F1", "B1")
def test_no_log_line_holds_a_value(crm: SealedDatabase) -> None:
    """Errors of the trigger, logged in full, name table and column only."""
    log = crm.database.server.cluster.log
    before = log.stat().st_size
    app = crm.database.connect("app", autocommit=True)
    values = ("11010519491231002", "139****9999", "1234")
    statements = (
        "INSERT INTO crm.customer (id, id_no) VALUES (1, %s)",
        "INSERT INTO crm.customer (id, phone) VALUES (1, %s)",
        "INSERT INTO crm.customer (id, phone) VALUES (1, %s)",
    )
    for statement, value in zip(statements, values, strict=True):
        with pytest.raises(Exception, match=r"crm\.customer"):
            app.execute(statement.encode(), (value,))
    with log.open("rb") as file:
        file.seek(before)
        lines = file.read().decode()
    assert "crm.customer.id_no" in lines
    for value in ("11010519491231002", "139****9999"):
        assert value not in lines
    # Control: the log does hold what is written as a literal.
    crm.root.execute("SET log_min_error_statement = 'error'")
    with pytest.raises(Exception, match=r"crm\.customer"):
        crm.root.execute(
            "INSERT INTO crm_store.customer (id, id_no) VALUES (1, '11010519491231999')"
        )
    with log.open("rb") as file:
        file.seek(before)
        assert "11010519491231999" in file.read().decode()


@pytest.mark.requirement("F1")
def test_nothing_secret_in_statistics(crm: SealedDatabase) -> None:
    """Wrapped keys, sealed values and blind indexes are not sampled by ANALYZE."""
    for number in range(300):
        crm.app.execute(
            "INSERT INTO crm.customer (id, phone) VALUES (%s, %s)", (number, f"138{number:08d}")
        )
    crm.root.execute("ANALYZE")
    rows = crm.root.execute(
        "SELECT tablename, attname FROM pg_stats WHERE attname IN"
        " ('wrapped', 'content', 'pgmask_sealed', 'pgmask_bidx_phone')"
    ).fetchall()
    assert rows == []
