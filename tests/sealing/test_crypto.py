"""Python and SQL make the same bytes, and nothing but the right key, row and value opens."""

from __future__ import annotations

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pgmask import sealing
from pgmask.errors import KeyFault
from pgmask.keyfile import KeyFile
from tests.harness import Connection, Database

KEY = bytes(range(64))
VALUES = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=60),
    max_size=6,
)
ROW = st.lists(
    st.one_of(
        st.integers(-(2**63), 2**63 - 1),
        st.booleans(),
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20),
    ),
    min_size=1,
    max_size=3,
)
SETTINGS = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def _sealer(database: Database) -> Connection:
    connection = database.connect(autocommit=True)
    connection.execute("SET ROLE pgmask_sealer")
    return connection


@pytest.mark.requirement("F1")
def test_same_bytes(keyed: Database) -> None:
    """A bundle sealed by SQL and by Python is the same, and each opens the other's."""
    connection = _sealer(keyed)

    @SETTINGS
    @given(values=VALUES, row=ROW, epoch=st.integers(1, 2**31 - 1))
    def check(values: dict[str, str], row: list[int | bool | str], epoch: int) -> None:
        ours = sealing.seal_bundle(KEY, epoch, "crm.customer", "own", row, values)
        places = ", ".join("%s::bigint" if type(v) is int else "%s::boolean"
                           if isinstance(v, bool) else "%s::text" for v in row)  # fmt: skip
        found = connection.execute(
            f"""
            SELECT a.data, p.plain, s.sealed,
                   pg_catalog.convert_from(
                     pgmask_private.siv_open(%s, a.data, s.sealed, 'pkcs'), 'UTF8')
              FROM (SELECT pg_catalog.jsonb_build_array('crm.customer', 'own', {places})::text)
                     AS a(data),
                   (SELECT coalesce(pg_catalog.jsonb_object(%s::text[], %s::text[]), '{{}}')::text)
                     AS p(plain),
                   LATERAL (SELECT pgmask_private.siv_seal(
                     %s, %s, a.data, pg_catalog.convert_to(p.plain, 'UTF8'), 'pkcs')) s(sealed)
            """,
            (KEY, *row, list(values), list(values.values()), KEY, epoch),
        ).fetchone()
        assert found is not None
        data, plain, sealed, opened = found
        assert data == sealing.bundle_data("crm.customer", "own", row)
        assert plain == sealing.jsonb_text(values)
        assert sealed == ours
        assert opened == plain
        assert sealing.open_bundle(KEY, "crm.customer", "own", row, sealed) == values
        assert sealing.epoch_of(sealed) == epoch

    check()


@pytest.mark.requirement("F1")
def test_same_blind_index(keyed: Database, the_key: KeyFile) -> None:
    """64 and 128 bits of a blind index are the same in SQL and Python."""
    connection = _sealer(keyed)
    for value in ("13812345678", "", "王小明", 'a\\"b'):
        found = connection.execute(
            "SELECT ('x' || pg_catalog.encode(pg_catalog.substr(d, 1, 8), 'hex'))::bit(64)::bigint,"
            " pg_catalog.encode(pg_catalog.substr(d, 1, 16), 'hex')::uuid"
            " FROM pgmask_private.blind_digest(pgmask_private.key_content(1), 't', 'c', %s) d",
            (value,),
        ).fetchone()
        assert found == (
            sealing.blind_index(the_key, "t", "c", value),
            sealing.blind_index_unique(the_key, "t", "c", value),
        )


@pytest.mark.requirement("F1")
def test_tampering_and_wrong_place(keyed: Database) -> None:
    """Every changed byte, a cut, another row, another bundle, another key: nothing opens."""
    connection = _sealer(keyed)
    sealed = sealing.seal_bundle(KEY, 1, "t", "own", [1], {"phone": "13812345678"})
    bad = [sealed[:i] + bytes([sealed[i] ^ 1]) + sealed[i + 1 :] for i in range(len(sealed))]
    bad += [sealed[:n] for n in range(len(sealed))] + [sealed + b"\0" * 16]
    data = sealing.bundle_data("t", "own", [1])
    attempts = [(KEY, data, b) for b in bad]
    attempts += [(KEY, sealing.bundle_data("t", "own", [2]), sealed),
                 (KEY, sealing.bundle_data("t", "other", [1]), sealed),
                 (KEY[::-1], data, sealed)]  # fmt: skip
    for key, place, value in attempts:
        found = connection.execute(
            "SELECT pgmask_private.siv_open(%s, %s, %s, 'pkcs')", (key, place, value)
        ).fetchone()
        assert found == (None,)
        with pytest.raises(KeyFault):
            sealing.open_bytes(key, place, value)
    control = connection.execute(
        "SELECT pgmask_private.siv_open(%s, %s, %s, 'pkcs')", (KEY, data, sealed)
    ).fetchone()
    assert control == (b'{"phone": "13812345678"}',)


@pytest.mark.requirement("F1")
def test_data_key(keyed: Database, the_key: KeyFile) -> None:
    """A subject's data key is made once, wrapped as Python unwraps it, and gone when erased."""
    connection = _sealer(keyed)

    def data_key(subject: str) -> bytes:
        row = connection.execute(
            "SELECT pgmask_private.data_key(pgmask_private.key_content(1), 1, 'customer', %s)",
            (subject,),
        ).fetchone()
        assert row is not None
        return bytes(row[0])

    first = data_key('4"2')
    assert data_key('4"2') == first
    assert data_key("43") != first
    wrapped = connection.execute(
        "SELECT wrapped FROM pgmask_private.data_key WHERE subject_key = %s", ('4"2',)
    ).fetchone()
    assert wrapped is not None
    assert sealing.unwrap_data_key(the_key, "customer", '4"2', wrapped[0]) == first[4:]
    connection.execute(
        "UPDATE pgmask_private.data_key SET subject_key = 'x' WHERE subject_key = '43'"
    )
    with pytest.raises(psycopg.Error) as moved:
        data_key("x")
    assert moved.value.sqlstate == "PM315"
    connection.execute("UPDATE pgmask_private.data_key SET state = 'erased', wrapped = NULL")
    with pytest.raises(psycopg.Error) as erased:
        data_key('4"2')
    assert erased.value.sqlstate == "PM314"


@pytest.mark.requirement("F1")
@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda b: None, "PM310"),
        (lambda b: KeyFile.new(1).to_bytes(), "PM311"),
        (lambda b: b[:100], "PM312"),
        (lambda b: b"", "PM312"),
        (lambda b: b[:60] + bytes([b[60] ^ 1]) + b[61:], "PM313"),
        (lambda b: b + b"x", "PM313"),
        (lambda b: b"X" + b[1:], "PM313"),
    ],
)
def test_key_faults_are_told_apart(keyed: Database, the_key: KeyFile, damage, code: str) -> None:  # type: ignore[no-untyped-def]
    """Missing, replaced, truncated and damaged each have their code."""
    connection = _sealer(keyed)
    assert connection.execute("SELECT pgmask_private.key_condition(1)").fetchone() == ("ok",)
    content = damage(the_key.to_bytes())
    if content is None:
        connection.execute("DELETE FROM pgmask_private.loaded_key")
    else:
        connection.execute("UPDATE pgmask_private.loaded_key SET content = %s", (content,))
    with pytest.raises(psycopg.Error) as refused:
        connection.execute("SELECT pgmask_private.check_key(1)")
    assert refused.value.sqlstate == code
    assert connection.execute("SELECT pgmask_private.key_condition(1)").fetchone() == (code,)


@pytest.mark.requirement("F1")
def test_file_provider(keyed: Database, the_key: KeyFile) -> None:
    """The server reads the file once a superuser has given the right; the same codes apply."""
    cluster = keyed.server.cluster
    path = cluster.data / f"pgmask.{keyed.name}"
    root = keyed.superuser()
    root.execute("UPDATE pgmask_private.kek SET provider = 'file', location = %s", (path.name,))
    root.execute("DELETE FROM pgmask_private.loaded_key")

    def condition() -> str:
        row = root.execute("SELECT pgmask_private.key_condition(1)").fetchone()
        assert row is not None
        return str(row[0])

    path.write_bytes(the_key.to_bytes())
    cluster.account.own(path)
    assert condition() == "PM310"
    root.execute(
        "GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_binary_file(text, bigint, bigint, boolean)"
        " TO pgmask_sealer"
    )
    assert condition() == "ok"
    path.write_bytes(the_key.to_bytes()[:-1])
    assert condition() == "PM312"
    path.write_bytes(the_key.to_bytes() + b"more")
    assert condition() == "PM313"
    path.write_bytes(KeyFile.new(1).to_bytes())
    assert condition() == "PM311"
    path.unlink()
    assert condition() == "PM310"


@pytest.mark.requirement("F1")
def test_applications_reach_no_key(keyed: Database) -> None:
    """A login of an application can neither call a key function nor read a key table."""
    connection = keyed.connect("app", autocommit=True)
    for statement in (
        "SELECT * FROM pgmask_private.kek",
        "SELECT * FROM pgmask_private.loaded_key",
        "SELECT * FROM pgmask_private.data_key",
        "SELECT pgmask_private.key_content(1)",
        "SELECT pgmask_private.key_condition(1)",
        "SELECT pgmask_private.siv_open('\\x00', '', '\\x00', 'none')",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement)
    # What the tests of this module may do as the sealer works for the sealer.
    _sealer(keyed).execute("SELECT pgmask_private.key_content(1)")
