"""Wrong catalogues, addresses, logins, rights: told with code and way out, nothing changed."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo

from pgmask.errors import REGISTRY
from tests.faults.world import APPROVED, Done, Site, failed
from tests.harness import Database

pytestmark = pytest.mark.requirement("A1", "A5")

# A password that no other text holds.
WRONG = "zq8-wrong-secret"


def at(database: Database, folder: Path) -> Site:
    return Site(database=database, folder=folder)


def secretless(done: Done) -> Done:
    assert WRONG not in done.stdout + done.stderr
    return done


def test_every_code_is_explained(database: Database, tmp_path: Path) -> None:
    site = at(database, tmp_path)
    told = site.fine("explain").stdout
    assert all(code in told for code in REGISTRY)
    assert REGISTRY["PM323"].way_out in site.fine("explain", "PM323").stdout
    assert site.run("explain", "PM999").returncode == 1


@pytest.mark.parametrize("verb", ["plan", "apply", "check"])
def test_a_wrong_catalogue_tells_all_at_once(plain: Site, verb: str) -> None:
    before = plain.database.rows("SELECT count(*) FROM pgmask_private.deployment")
    text = plain.catalogue.read_text("utf-8")
    right = text
    for old, new in (
        ("kind: mobile", "kind: mobil"),
        ("rows: own_unit", "rows: my_unit"),
        ("key: id", "kye: id"),
        ("{level: 2, category: touch", "{level: 7, category: touch"),
    ):
        assert old in text
        text = text.replace(old, new)
    plain.catalogue.write_text(text, "utf-8")
    words = {"apply": (*APPROVED, "--yes-database", plain.database.name)}.get(verb, ())
    done = plain.run(verb, "catalogue.yml", *words)
    told = done.stdout + done.stderr
    failed(
        done, code="PM012" if verb == "check" else "PM011", exit_code=2 if verb == "check" else 1
    )
    for wrong in ("mobil", "my_unit", "kye", "7"):
        assert wrong in told
    places = [line for line in told.splitlines() if "catalogue.yml:" in line and " error " in line]
    assert len(places) >= 4, told
    assert plain.database.rows("SELECT count(*) FROM pgmask_private.deployment") == before
    assert plain.database.rows("SELECT to_regclass('crm_store.customer')") == [(None,)]
    plain.catalogue.write_text(right, "utf-8")
    plain.fine("check", "catalogue.yml") if verb == "check" else plain.fine("plan", "catalogue.yml")


@pytest.mark.parametrize(
    ("content", "code"),
    [(None, "PM010"), (b"\xff\xfe\x00", "PM010"), (b"tables: [", "PM010"), (b"", "PM010")],
    ids=["missing", "binary", "no YAML", "empty"],
)
def test_a_catalogue_that_cannot_be_read(plain: Site, content: bytes | None, code: str) -> None:
    plain.catalogue.unlink()
    if content is not None:
        plain.catalogue.write_bytes(content)
    done = plain.run("plan", "catalogue.yml")
    assert done.returncode == 1
    assert code in done.stderr
    assert "catalogue.yml" in done.stderr
    assert "PM901" not in done.stderr


def test_a_plan_file_that_cannot_be_used(plain: Site) -> None:
    whole = plain.plan.read_bytes()
    plain.refused("apply", "nothing.json", *APPROVED, code="PM240")
    for content in (b"", b"{}", b"[1]", whole[: len(whole) // 2], b"\xff"):
        plain.plan.write_bytes(content)
        plain.refused("apply", "plan.json", *APPROVED, code="PM240")
    assert b"ENABLE ROW" in whole
    plain.plan.write_bytes(whole.replace(b"ENABLE ROW", b"DISABLE ROW"))
    plain.refused("apply", "plan.json", *APPROVED, code="PM240", exit_code=3, says="was changed")
    assert plain.database.rows("SELECT to_regclass('crm_store.customer')") == [(None,)]
    plain.plan.write_bytes(whole)
    plain.apply()


class TestConnecting:
    """PM020 with libpq's reason and advice; a password is never repeated."""

    VERBS = ("install", "plan", "apply", "seal", "drift", "doctor", "keys", "check")

    def words(self, verb: str) -> tuple[str, ...]:
        return {
            "plan": ("plan", "catalogue.yml"),
            "apply": ("apply", "plan.json", *APPROVED),
            "seal": ("seal", "--all"),
            "keys": ("keys", "status"),
        }.get(verb, (verb,))

    @pytest.mark.parametrize("verb", VERBS)
    def test_unreachable(self, plain: Site, verb: str) -> None:
        words = self.words(verb)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # bound and not listening: refused at once
            dsn = make_conninfo(
                "", host="127.0.0.1", port=taken.getsockname()[1], password=WRONG, user="installer",
                dbname="x",
            )  # fmt: skip
            if verb == "check":
                words = ("check", "catalogue.yml", "--dsn", dsn)
            done = plain.refused(*words, code="PM020", says="No server listens", dsn=dsn)
        secretless(done)

    def test_wrong_in_each_way(self, plain: Site) -> None:
        database = plain.database
        cases = {
            database.dsn(password=WRONG): "Check the user and its password",
            make_conninfo(database.dsn(), dbname="nowhere"): "Check the database's name",
            database.dsn("nobody_here", password=WRONG): "password",
            database.dsn(host="/nowhere"): "No server listens",
            database.dsn(host="no.such.host.invalid", password=WRONG): "Check the host name",
            f"postgresql://installer:{WRONG}@[::1": "",
            f"host=x pass word={WRONG}": "",
            f"host=localhost hots=x password={WRONG}": "",
            "service=no_such_service": "service",
            "no_such_service": "service",
        }
        for dsn, says in cases.items():
            for words in (("keys", "status"), ("plan", "catalogue.yml")):
                secretless(plain.refused(*words, code="PM020", says=says, dsn=dsn))
        # As an option it is not repeated either.
        done = plain.refused("drift", "--dsn", database.dsn(password=WRONG), code="PM020")
        secretless(done)
        plain.fine("keys", "status")

    def test_no_server_is_named(self, plain: Site) -> None:
        plain.refused("plan", "catalogue.yml", dsn=" ", code="PM020")


class TestRuntime:
    """No runtime, no extension, or rights that are missing."""

    def test_missing(self, database: Database, tmp_path: Path, plain: Site) -> None:
        site = at(database, plain.folder)
        # Of the empty database everything is told at once, the missing tables too.
        assert (
            "PM238"
            in site.refused("plan", "catalogue.yml", code="PM200", says="pgmask install").stderr
        )
        site.refused("drift", code="PM238", says="pgmask install")
        for words in (("seal", "--all"), ("keys", "status"), ("keys", "create", "2.key"),
                      ("keys", "load", "1.key")):  # fmt: skip
            site.refused(*words, code="PM027", says="pgmask install")
        assert not (site.folder / "2.key").exists()
        site.fine("install")
        site.fine("keys", "create", "2.key")

    def test_extension_elsewhere(self, database: Database, tmp_path: Path) -> None:
        site = at(database, tmp_path)
        with database.superuser() as su:
            su.execute("CREATE EXTENSION pgcrypto SCHEMA public")
        site.refused(
            "install", code="PM025", says="ALTER EXTENSION pgcrypto SET SCHEMA pgmask_crypto"
        )
        assert database.rows("SELECT to_regnamespace('pgmask')") == [(None,)]
        # The superuser makes the schema as his own: said as well, with the statement.
        with database.superuser() as su:
            su.execute("CREATE SCHEMA pgmask_crypto")
            su.execute("ALTER EXTENSION pgcrypto SET SCHEMA pgmask_crypto")
        owner = "ALTER SCHEMA pgmask_crypto OWNER TO installer"
        site.refused("install", code="PM026", says=owner)
        with database.superuser() as su:
            su.execute(owner)
        site.fine("install")

    def test_installer_without_rights(self, database: Database, tmp_path: Path) -> None:
        site = at(database, tmp_path)
        done = site.refused("install", dsn=database.dsn("olga"), code="PM026")
        # Both problems at once, each with its statement.
        assert "ALTER ROLE olga CREATEROLE" in done.stderr
        assert "OWNER TO olga" in done.stderr
        assert database.rows("SELECT to_regnamespace('pgmask')") == [(None,)]

    @pytest.mark.parametrize("login", ["mallory", "app", "olga"])
    def test_logins_without_rights(self, sealed: Site, login: str) -> None:
        dsn = sealed.database.dsn(login)
        text = sealed.catalogue.read_text("utf-8")
        sealed.catalogue.write_text(text.replace(
            "    opens: when_sealed", "    column: {customer.name: hidden}\n    opens: when_sealed"
        ), "utf-8")  # fmt: skip
        sealed.make_plan()
        before = sealed.protections()
        for words in (
            ("plan", "catalogue.yml"), ("drift",), ("seal", "--all"), ("keys", "status"),
            ("keys", "load", "1.key"), ("apply", "plan.json", *APPROVED),
            ("seal", "--all", "--verify"),
        ):  # fmt: skip
            done = sealed.run(*words, dsn=dsn)
            assert done.returncode in (1, 3), (words, done.stdout, done.stderr)
            assert "PM901" not in done.stderr, (words, done.stderr)
            assert any(code in done.stderr for code in ("PM242", "PM026", "PM027")), (
                words, done.stderr,
            )  # fmt: skip
        assert sealed.protections() == before
        sealed.closed_but_masked()

    def test_tables_of_somebody_else(self, plain: Site) -> None:
        with plain.database.superuser() as su:
            su.execute("ALTER TABLE crm.customer OWNER TO olga")
            su.execute("ALTER TABLE crm.policy OWNER TO olga")
        plain.make_plan()
        plain.refused("apply", "plan.json", *APPROVED, code="PM242", says="GRANT")
        assert plain.database.rows("SELECT to_regclass('crm_store.customer')") == [(None,)]
        assert plain.sees("app", "SELECT count(*) FROM crm.customer") == [(200,)]
        with plain.database.superuser() as su:
            su.execute("GRANT olga TO installer")
            su.execute(f'GRANT CREATE ON DATABASE "{plain.database.name}" TO olga'.encode())
        try:
            plain.apply()
        finally:
            with plain.database.superuser() as su:
                su.execute("REVOKE olga FROM installer")


def test_seal_before_apply(plain: Site) -> None:
    plain.refused("seal", "--all", code="PM320", exit_code=3, says="apply")
    plain.refused("seal", "crm.nothing", code="PM320", exit_code=3)
    plain.apply()
    plain.refused("seal", "crm.nothing", code="PM320", exit_code=3)
    plain.seal()


def test_apply_without_approval_or_for_another_database(plain: Site, database: Database) -> None:
    plain.refused("apply", "plan.json", code="PM232", exit_code=3)
    plain.refused("apply", "plan.json", "--author", "ann", "--approved-by", "Ann ",
                  "--approval-ref", "x", code="PM232", exit_code=3)  # fmt: skip
    plain.refused("apply", "catalogue.yml", *APPROVED, code="PM239", exit_code=3)
    plain.refused(
        "apply", "catalogue.yml", *APPROVED, "--yes-database", "other", code="PM239", exit_code=3
    )
    elsewhere = at(database, plain.folder)
    elsewhere.fine("install")
    elsewhere.refused("apply", "plan.json", *APPROVED, code="PM241")
    assert plain.database.rows("SELECT to_regclass('crm_store.customer')") == [(None,)]
    plain.fine("apply", "catalogue.yml", *APPROVED, "--yes-database", plain.database.name)
