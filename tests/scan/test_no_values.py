"""No value of a table leaves a scan, whatever is asked of it and whatever goes wrong."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from pgmask.cli.main import run
from pgmask.scan import read
from tests.harness import Database

# Of valid form, and each found nowhere else.
PLANTED = (
    "13897531864", "zq.planted@xn--secret.example", "欧阳示密", "110105197705054717",
    "6222024578913570009", "云南省昆明市盘龙区密纹路77号9栋", "密文备注", "ZQTOKEN", "plantedkey",
    "1977-05-05", "京Q7Z7Q7",
)  # fmt: skip
SCHEMA = """
CREATE SCHEMA crm;
CREATE TABLE crm.plain (
  a text, b text, c text, d text, e text, f text, g text, h jsonb, i date, j text, k text[],
  l bigint DEFAULT 13897531864, m text CHECK (m <> 'ZQTOKEN')
);
CREATE TYPE crm.word AS ENUM ('ZQTOKEN');
INSERT INTO crm.plain
SELECT '13897531864', 'zq.planted@xn--secret.example', '欧阳示密', '110105197705054717',
       '6222024578913570009', '云南省昆明市盘龙区密纹路77号9栋',
       '密文备注：请回电13897531864，谢谢。', '{"plantedkey": "13897531864"}', '1977-05-05',
       '京Q7Z7Q7', ARRAY['13897531864'], 13897531864, 'x'
  FROM generate_series(1, 200);
CREATE TABLE crm.trap (id bigint PRIMARY KEY, phone text);
INSERT INTO crm.trap VALUES (1, '13897531864');
CREATE FUNCTION crm.tell(p text) RETURNS boolean LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'row %', p; END $$;
CREATE POLICY tell ON crm.trap USING (crm.tell(phone));
ALTER TABLE crm.trap ENABLE ROW LEVEL SECURITY;
ALTER TABLE crm.trap FORCE ROW LEVEL SECURITY;
COMMENT ON COLUMN crm.plain.a IS '手机号码，如13897531864';
ANALYZE crm.plain;
"""


def found(text: str) -> list[str]:
    return [value for value in PLANTED if value in text]


@pytest.fixture
def planted(database: Database) -> Database:
    database.run(SCHEMA)
    return database


@pytest.mark.requirement("A1", "A5", "A7")
@pytest.mark.leaves_values("a function of the database's owner says it in the server's log")
def test_nothing_planted_comes_out(
    planted: Database,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("PGMASK_DSN", planted.dsn())
    said = []

    def scan(*words: str, code: int = 0) -> str:
        assert run(["--debug", "scan", *words]) == code
        out, err = capsys.readouterr()
        said.append(out + err)
        return str(out)

    text = scan("--all")
    # The values were looked at: the counts say so.
    assert "100 % of 200 sampled values are mobile numbers" in text
    assert "inside: mobile numbers in 200 of 200 values" in text
    assert "not read: crm.trap: the server refused (SQLSTATE P0001)" in text
    scan("--format", "json")
    scan(
        "--accept",
        "crm.plain.*",
        "--reject",
        "crm.trap.phone",
        "--reviewer",
        "he",
        "--reason",
        "no",
    )
    scan("--write", "catalogue")
    scan("catalogue", "--diff", code=2)
    scan("catalogue", "--diff", "--format", "json", code=2)
    scan("--accept", "nobody", "--reviewer", "he", code=1)
    files = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert len(files) == 4
    written = "\n".join(p.read_text("utf-8") for p in files)
    assert found("\n".join(said)) == []
    assert found(written) == []
    assert found(caplog.text) == []


@pytest.mark.leaves_values("a function of the database's owner says it in the server's log")
def test_a_servers_words_would_tell(
    planted: Database, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the server's message, which is not repeated, quotes the value."""
    monkeypatch.setattr(read, "_why", str)
    assert run(["scan", "--dsn", planted.dsn()]) == 0
    assert found(capsys.readouterr().out) == ["13897531864"]


def test_what_is_looked_for_is_there(planted: Database) -> None:
    """The control of the search itself."""
    rows = planted.rows("SELECT p::text FROM crm.plain AS p LIMIT 1")
    assert set(PLANTED) - set(found(str(rows))) == {"ZQTOKEN"}


@pytest.mark.requirement("A1")
def test_common_values_are_never_asked_for(
    planted: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``pg_stats`` has values in it; the query names two figures."""
    assert "most_common" not in read._STATISTICS
    assert "histogram" not in read._STATISTICS
    common = "SELECT most_common_vals::text FROM pg_stats WHERE attname = 'a'"
    assert found(str(planted.rows(common))) == ["13897531864"]
