"""The text of statements, which auditors alone can read: audit_text (G1, G2).

Keys and messages are those of GnuPG, as auditors would use it.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from pgmask.cli.main import run
from tests.attack.people import OURS
from tests.attack.place import protect
from tests.audit.collecting import collecting, read
from tests.audit.reporting import ask, code_of, memberships, register_auditors
from tests.audit.site import notes, noting
from tests.reveal.site import FIXTURES, Site

pytestmark = [
    pytest.mark.requirement("G1", "G2"),
    pytest.mark.skipif(shutil.which("gpg") is None, reason="GnuPG is not installed"),
]
QUERY = f"SELECT count(*) FROM crm.customer WHERE region = '{OURS.phone}'"
TEXTS = "SELECT * FROM pgmask_report.statement_texts('2000-01-01', '2100-01-01')"


@dataclass(frozen=True, slots=True)
class Auditors:
    """Who hold the private key: a GnuPG home of their own."""

    home: Path

    def gpg(self, *words: str, given: bytes = b"") -> bytes:
        ran = subprocess.run(
            ["gpg", "--homedir", str(self.home), "--batch", "--quiet",
             "--pinentry-mode", "loopback", "--passphrase", "", *words],
            input=given, capture_output=True, check=True,
        )  # fmt: skip
        return ran.stdout

    def public(self, path: Path) -> Path:
        path.write_bytes(self.gpg("--armor", "--export"))
        return path


@pytest.fixture(scope="session")
def auditors() -> Iterator[Auditors]:
    # The path of the agent's socket must be short.
    with tempfile.TemporaryDirectory(prefix="gpg") as home:
        made = Auditors(Path(home))
        made.gpg("--quick-generate-key", "auditors", "rsa2048", "cert")
        listed = made.gpg("--with-colons", "--list-keys").decode()
        (fingerprint,) = (x.split(":")[9] for x in listed.splitlines() if x.startswith("fpr:"))
        made.gpg("--quick-add-key", fingerprint, "rsa2048", "encr")
        yield made
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False)


@pytest.fixture(name="asked")
def with_texts(place: Site, tmp_path: Path) -> Site:
    """The agent's statements are to be noted with their text."""
    text = (FIXTURES / "catalogue.yml").read_text("utf-8")
    path = tmp_path / "catalogue.yml"
    path.write_text(text.replace("  agent:\n", "  agent:\n    audit_text: true\n"), "utf-8")
    protect(place.database, path)
    register_auditors(place)
    return place


def give_key(site: Site, path: Path) -> int:
    with memberships(site, audra="pgmask_record_auditor"):
        return run(["audit", "text-key", "set", str(path), "--dsn", site.database.dsn("audra")])


def test_without_a_key_nothing_is_read(asked: Site) -> None:
    with pytest.raises(psycopg.Error) as refused:
        read(asked)
    assert refused.value.sqlstate == "PM804"


def test_auditors_read_what_was_sent_and_nobody_else(
    asked: Site, auditors: Auditors, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert give_key(asked, auditors.public(tmp_path / "auditors.asc")) == 0, capsys.readouterr()
    key = capsys.readouterr().out.strip()
    with noting(asked) as root, collecting(asked) as collector:
        read(asked, query=QUERY)
        (note,) = notes(root, "statement")
        collector.visit()
    assert note.detail
    assert OURS.phone not in str(note)
    record = asked.database.program(
        "pg_dump", "--data-only", "--schema=pgmask_audit", "--inserts", user="postgres"
    )
    assert OURS.phone not in record
    with memberships(asked, audra="pgmask_record_auditor", dora="pgmask_record_unit"):
        with asked.database.connect("audra", autocommit=True) as audra:
            (row,) = ask(audra, TEXTS)
        with asked.database.connect("dora", autocommit=True) as dora:
            assert code_of(dora.execute, TEXTS.encode()) in ("PM840", "42501")
    assert (row["person_id"], row["table_id"], row["key_id"]) == (11, "crm.customer", key)
    assert auditors.gpg("--decrypt", given=row["message"].encode()).decode() == QUERY
    said = asked.rows(
        "SELECT detail ->> 'set', login FROM pgmask_audit.activity WHERE object = 'text'"
    )
    assert said == [(key, "audra")]


def test_control_without_the_wish_no_text_is_noted(place: Site) -> None:
    with noting(place) as root:
        read(place, query=QUERY)
        (note,) = notes(root, "statement")
    assert note.detail == ""


def test_a_long_statement_is_cut(
    asked: Site, auditors: Auditors, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert give_key(asked, auditors.public(tmp_path / "auditors.asc")) == 0, capsys.readouterr()
    with noting(asked) as root:
        read(asked, query=QUERY + " --" + "x" * 100_000)
        (note,) = notes(root, "statement")
    armored = asked.rows(
        "SELECT pgmask_crypto.armor(decode(%s, 'base64'))".replace("%s", f"'{note.detail}'")
    )[0][0]
    shown = auditors.gpg("--decrypt", given=armored.encode()).decode()
    assert len(shown) == 32_768
    assert shown.startswith(QUERY)


@pytest.mark.parametrize("kind", ["private", "nonsense", "missing"])
def test_what_is_no_public_key_is_refused(
    asked: Site, auditors: Auditors, tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "key.asc"
    if kind == "private":
        path.write_bytes(auditors.gpg("--armor", "--export-secret-keys"))
    elif kind == "nonsense":
        block = "PGP PUBLIC KEY BLOCK-----"
        path.write_text(f"-----BEGIN {block}\n\nAAAA\n=AAAA\n-----END {block}\n")
    # The server refuses what looks like a key and is none.
    assert give_key(asked, path) == (3 if kind == "nonsense" else 1)
    assert "PM805" in capsys.readouterr().err
    assert asked.rows("SELECT text_key IS NULL FROM pgmask_audit.note_rule") == [(True,)]


def test_only_auditors_give_the_key(asked: Site, auditors: Auditors, tmp_path: Path) -> None:
    key = auditors.public(tmp_path / "auditors.asc").read_text()
    with memberships(asked, dora="pgmask_record_unit"):
        for login in ("app", "dora", "olga"):
            with asked.database.connect(login, autocommit=True) as one:
                code = code_of(one.execute, "SELECT pgmask_report.set_text_key(%s)", (key,))
            assert code in ("42501", "PM840"), login
