"""Attempts outside SQL: dumps, files, logs, debugging output."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator

from tests.actors import password
from tests.attack.model import Outcome
from tests.attack.people import FRESH, THEIRS
from tests.attack.place import Play

_WRITTEN = "13400078923"
"""A phone that is written nowhere but through a view."""


def dump(play: Play) -> Outcome:
    """A dump of the whole database by the backup role."""
    return _pg_dump(play, "nightly")


def dump_by_application(play: Play) -> Outcome:
    """A dump of one store table by the application's login."""
    return _pg_dump(play, "app", "--table", "crm_store.customer")


def _pg_dump(play: Play, login: str, *options: str) -> Outcome:
    binaries = play.server.binaries
    done = subprocess.run(
        [str(binaries.bin / "pg_dump"), "--enable-row-security", *options,
         play.database.dsn(login)],
        env=binaries.environ() | {"PGPASSWORD": password(login)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    state = None if done.returncode == 0 else "(pg_dump)"
    if "permission denied" in done.stderr or "row-level security" in done.stderr:
        state = "42501"
    return Outcome(sqlstate=state, rows=((done.stdout,),), words=done.stderr)


def data_directory(play: Play) -> Outcome:
    """Everything on disk, after a phone was written through the view and committed."""
    session = play.session("app").begin("ann")
    session.run(f"UPDATE crm.customer SET phone = '{_WRITTEN}' WHERE id = 1", keep=False)
    session.run("COMMIT")
    play.rex("CHECKPOINT")
    found = [("found", name) for name in _files_with(play, (_WRITTEN.encode(),))]
    return Outcome(sqlstate=session.failed, rows=(("searched",), *found))


def loaded_key_on_disk(play: Play) -> Outcome:
    """The key file's content in the files of the server, provider ``loaded``."""
    play.rex("CHECKPOINT")
    found = [("found", name) for name in _files_with(play, (play.key,))]
    return Outcome(rows=tuple(found))


def _files_with(play: Play, wanted: Iterable[bytes]) -> Iterator[str]:
    data = play.server.cluster.data
    (oid,) = play.rex("SELECT oid FROM pg_database WHERE datname = current_database()")[0]
    for folder in (data / "base" / str(oid), data / "pg_wal", data / "global"):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and any(w in path.read_bytes() for w in wanted):
                yield str(path.relative_to(data))


def server_log(play: Play) -> Outcome:
    """Lines of the server's log that hold a value which was sent as a bind parameter."""
    log = play.server.cluster.log
    start = log.stat().st_size
    statements = (
        ("UPDATE crm.customer SET phone = %s WHERE id = 1", "99999912345"),
        ("UPDATE crm.customer SET phone = %s, salary = -1 WHERE id = 1", FRESH),
        ("INSERT INTO crm.customer (unit_id, name, phone, region) VALUES"
         " ('south', 'x', %s, 'R')", FRESH),
        ("INSERT INTO crm.customer (unit_id, name, id_no, region) VALUES"
         " ('nowhere', 'x', %s, 'R')", THEIRS.id_no),
        ("SELECT pgmask.login(%s)", "a-broken-assertion"),
    )  # fmt: skip
    for statement, value in statements:
        session = play.session("app").begin("ann")
        session.run(statement, value)
        assert session.failed is not None, f"not refused: {statement}"
        session.connection.rollback()
        session.connection.close()
    with log.open("rb") as lines:
        lines.seek(start)
        text = lines.read().decode("utf-8", "replace")
    return Outcome(rows=tuple((v,) for _, v in statements if v in text))


def advisory_locks(play: Play) -> Outcome:
    """The advisory locks that mallory sees while somebody else inserts a customer."""
    writer = play.session("app").begin("ann")
    writer.run(
        "INSERT INTO crm.customer (unit_id, name, phone, region)"
        f" VALUES ('north', '李四', '{FRESH}', 'R')"
    )
    assert writer.failed is None, writer.outcome()
    seen = play.session("mallory").run(
        "SELECT classid, objid FROM pg_locks WHERE locktype = 'advisory'"
    )
    outcome = seen.outcome()
    writer.connection.rollback()
    return outcome


def debug_output(play: Play) -> Outcome:
    """Key material in the plans that an insert prints to the caller."""
    session = play.session("app")
    for name in ("debug_print_plan", "debug_print_rewritten", "debug_print_parse"):
        session.run(f"SET {name} = on")
    session.begin("ann").run("SET LOCAL client_min_messages = log")
    session.run(
        "INSERT INTO crm.customer (unit_id, name, phone, region) VALUES ('north', 'x', %s, 'R')",
        FRESH,
    )
    session.run(f"UPDATE crm.customer SET phone = '{FRESH}' WHERE id = 1")
    outcome = session.outcome()
    assert outcome.sqlstate is None, outcome
    assert "PLANNEDSTMT" in outcome.words, "nothing was printed"
    found = [(n,) for n, w in _secrets(play).items() if _printed(w, outcome.words)]
    return Outcome(rows=tuple(found))


def _secrets(play: Play) -> dict[str, bytes]:
    return {f"key file at {i}": play.key[i : i + 16] for i in range(12, 140, 32)}


def _printed(secret: bytes, words: str) -> bool:
    # A plan prints a constant as its bytes in signed decimal.
    decimal = " ".join(str(b - 256 if b > 127 else b) for b in secret)
    return decimal in words or secret.hex() in words


def careless_trigger(play: Play) -> None:
    """The control: a trigger that uses a key inside an SQL statement."""
    play.rex(
        "CREATE FUNCTION crm_store.careless() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS"
        f" $$ DECLARE k bytea := '\\x{play.key[12:44].hex()}'; BEGIN"
        " PERFORM 1 FROM pgmask_private.data_key WHERE wrapped = k; RETURN NEW; END $$;"
        "CREATE TRIGGER aaa_careless BEFORE INSERT OR UPDATE ON crm_store.customer FOR EACH ROW"
        " EXECUTE FUNCTION crm_store.careless()"
    )


def key_in_definitions(play: Play) -> Outcome:
    """Objects in whose definition a piece of the key stands, as hex or base64."""
    session = play.session("app").begin("ann")
    session.run(
        "SELECT d.what, d.body FROM ("
        "SELECT oid::regprocedure::text AS what, prosrc AS body FROM pg_proc"
        " UNION ALL SELECT viewname, definition FROM pg_views"
        " UNION ALL SELECT policyname, coalesce(qual, '') || coalesce(with_check, '')"
        " FROM pg_policies"
        " UNION ALL SELECT 'comment', description FROM pg_description"
        " UNION ALL SELECT name, setting FROM pg_settings) AS d (what, body)"
        " WHERE d.body IS NOT NULL"
    )
    assert session.failed is None, session.outcome()
    assert len(session.rows) > 1000
    pieces = [s.hex() for s in _secrets(play).values()]
    found = [(what,) for what, body in session.rows if any(p in body.lower() for p in pieces)]
    return Outcome(rows=tuple(found))


def careless_function(play: Play) -> None:
    """The control: a function with a key in its text."""
    play.rex(
        "CREATE FUNCTION crm.key() RETURNS bytea LANGUAGE sql"
        f" AS $$ SELECT '\\x{play.key[12:44].hex()}'::bytea $$"
    )


def talkative(play: Play) -> None:
    """The control: the log settings that pgmask recommends are taken back for this database."""
    for name, value in (
        ("log_error_verbosity", "default"),
        ("log_min_error_statement", "error"),
        ("log_parameter_max_length_on_error", "-1"),
        ("log_min_duration_statement", "0"),
        ("log_parameter_max_length", "-1"),
    ):
        play.rex(f"ALTER DATABASE {play.database.name} SET {name} = '{value}'")
