"""The key file missing, wrong, truncated, damaged: writes stop, reads go on, mending mends."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from pgmask.keyfile import KeyFile, read
from pgmask.runtime.keys import GRANT
from tests.faults.world import Site, phone_of

pytestmark = pytest.mark.requirement("F3", "B1")


def another(path: Path) -> bytes:
    """A file of the right form with other material under the same id."""
    return KeyFile.new(read(path).key_id).to_bytes()


def damaged(path: Path) -> bytes:
    content = bytearray(path.read_bytes())
    content[60] ^= 1
    return bytes(content)


BREAK: dict[str, tuple[str, Callable[[Path], bytes | None]]] = {
    "missing": ("PM310", lambda path: None),
    "another key": ("PM311", another),
    "another key with the same root": (
        "PM311", lambda path: KeyFile.new(1, root_of=read(path)).to_bytes(),
    ),
    "truncated": ("PM312", lambda path: path.read_bytes()[:100]),
    "damaged": ("PM313", damaged),
    "something else": ("PM313", lambda path: path.read_bytes() + b"-----BEGIN"),
}  # fmt: skip


@pytest.fixture
def from_file(applied: Site) -> Iterator[tuple[Site, Path]]:
    """The server reads the key by itself, through a link in its data directory."""
    cluster = applied.database.server.cluster
    place = cluster.folder / f"{applied.database.name}.key"
    shutil.copy(applied.key, place)
    cluster.account.own(place)
    link = cluster.data / f"{applied.database.name}.key"
    link.symlink_to(place)
    with applied.database.superuser() as su:
        su.execute(GRANT)
        su.execute("UPDATE pgmask_private.kek SET provider = 'file', location = %s", (link.name,))
        su.execute("DELETE FROM pgmask_private.loaded_key")
    try:
        yield applied, place
    finally:
        link.unlink()
        place.unlink(missing_ok=True)


def put(site: Site, place: Path, content: bytes | None) -> None:
    place.unlink(missing_ok=True)
    if content is not None:
        place.write_bytes(content)
        place.chmod(0o600)
        site.database.server.cluster.account.own(place)


@pytest.mark.parametrize("fault", BREAK)
def test_the_servers_key_file(from_file: tuple[Site, Path], fault: str) -> None:
    site, place = from_file
    code, content = BREAK[fault]
    site.fine("seal", "crm.customer")
    site.app_writes("13911112222", key=4)
    put(site, place, content(site.key))
    before = site.protections()
    masked = site.sees("app", "SELECT * FROM crm.customer ORDER BY id")
    # Writes of sealed columns stop; the statement's words hold no value.
    for statement in (
        "UPDATE crm.customer SET phone = '13944445555' WHERE id = 2",
        "INSERT INTO crm.customer (unit_id, name, phone) VALUES (1, 'x', '13944445555')",
        "INSERT INTO crm.policy (id, holder_id, bank) VALUES (9999, 2, '6222020212345678')",
    ):
        with psycopg.connect(site.database.dsn("app")) as app:
            with pytest.raises(psycopg.Error) as caught:
                app.execute(statement.encode())
        assert caught.value.sqlstate == code, (statement, str(caught.value))
        shown = str(caught.value) + str(caught.value.diag.message_detail)
        assert "139" not in shown
        assert "6222" not in shown
        assert caught.value.diag.message_hint
    # Seal and verify stop with the same code, and no row passes.
    site.refused("seal", "crm.policy", code=code)
    site.refused("seal", "--all", "--verify", code=code)
    done = site.run("keys", "status")
    assert done.returncode == 2
    assert code in done.stdout
    done = site.run("doctor")
    assert done.returncode == 2
    assert "PM710" in done.stdout + done.stderr
    # Reads go on, and so do writes of what is not sealed; nothing is exposed.
    assert site.sees("app", "SELECT * FROM crm.customer ORDER BY id") == masked
    with psycopg.connect(site.database.dsn("app")) as app:
        app.execute("UPDATE crm.customer SET unit_id = unit_id, phone = phone WHERE id = 2")
    assert site.protections() == before
    site.closed()
    # The right file again: the same commands.
    put(site, place, site.key.read_bytes())
    site.app_writes("13944445555", key=2)
    site.seal()
    site.whole(changed={2: "13944445555", 4: "13911112222"})


@pytest.mark.parametrize("fault", BREAK)
def test_loading_a_key_file(sealed: Site, fault: str) -> None:
    code, content = BREAK[fault]
    right = sealed.key.read_bytes()
    with sealed.database.superuser() as su:
        su.execute("DELETE FROM pgmask_private.loaded_key")
    broken = content(sealed.key)
    sealed.key.unlink()
    if broken is not None:
        sealed.key.write_bytes(broken)
    sealed.refused("keys", "load", "1.key", code=code)
    # Nothing was taken over; the key stays missing.
    assert sealed.database.rows(
        "SELECT count(*) FROM pgmask_private.loaded_key", user="postgres"
    ) == [(0,)]
    with pytest.raises(psycopg.Error) as caught:
        sealed.app_writes()
    assert caught.value.sqlstate == "PM310"
    sealed.refused("seal", "--all", "--verify", code="PM310")
    assert sealed.app_reads() == 100
    sealed.key.write_bytes(right)
    sealed.fine("keys", "load", "1.key")
    sealed.app_writes()
    sealed.whole(changed={2: "13900001111"})


def test_a_bad_file_does_not_replace_a_loaded_key(sealed: Site) -> None:
    right = sealed.key.read_bytes()
    for code, content in BREAK.values():
        broken = content(sealed.key)
        if broken is None:
            continue
        other = sealed.folder / "other.key"
        other.write_bytes(broken)
        sealed.refused("keys", "load", "other.key", code=code)
    sealed.app_writes()
    assert sealed.key.read_bytes() == right
    assert sealed.truths()[2] == "13900001111"


def test_what_is_loaded_was_changed_inside(sealed: Site) -> None:
    """Somebody with rights on the table puts other bytes there: the fingerprint tells."""
    for fault, (code, content) in BREAK.items():
        broken = content(sealed.key)
        with sealed.database.superuser() as su:
            if broken is None:
                su.execute("DELETE FROM pgmask_private.loaded_key")
            else:
                su.execute("UPDATE pgmask_private.loaded_key SET content = %s", (broken,))
        with pytest.raises(psycopg.Error) as caught:
            sealed.app_writes()
        assert caught.value.sqlstate == code, fault
        sealed.refused("seal", "--all", "--verify", code=code)
        sealed.fine("keys", "load", "1.key")
    sealed.app_writes()
    sealed.whole(changed={2: "13900001111"})


def test_a_key_file_is_never_written_over(plain: Site) -> None:
    there = plain.key.read_bytes()
    plain.refused("keys", "create", "1.key", code="PM311", exit_code=3)
    with plain.database.superuser() as su:
        su.execute("DELETE FROM pgmask_private.loaded_key")
        su.execute("DELETE FROM pgmask_private.kek")
    plain.refused("keys", "create", "1.key", code="PM313", exit_code=3, says="exists")
    plain.refused("keys", "create", "nowhere/1.key", code="PM310")
    assert plain.key.read_bytes() == there
    assert plain.database.rows("SELECT count(*) FROM pgmask_private.kek") == [(0,)]
    plain.fine("keys", "create", "2.key")
    assert os.stat(plain.folder / "2.key").st_mode & 0o077 == 0


def test_without_any_key(plain: Site) -> None:
    with plain.database.superuser() as su:
        su.execute("DELETE FROM pgmask_private.loaded_key")
        su.execute("DELETE FROM pgmask_private.kek")
    plain.apply()
    plain.people()
    plain.refused("seal", "--all", code="PM310", says="keys create")
    plain.closed()
    with pytest.raises(psycopg.Error) as caught:
        plain.app_writes()
    assert caught.value.sqlstate == "PM310"
    plain.fine("keys", "create", "2.key")
    plain.key.unlink()
    (plain.folder / "2.key").rename(plain.key)
    plain.app_writes()
    plain.seal()
    plain.whole(changed={2: "13900001111"})
    assert phone_of(1) == "13900007919"
