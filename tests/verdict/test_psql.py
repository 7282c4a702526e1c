"""Scripts of psql: its commands and variables are told with their place, and never passed over."""

from __future__ import annotations

from pathlib import Path

import pytest

from pgmask.facts.schema import Schema
from pgmask.verdict.formats import Judged, as_dict
from pgmask.verdict.piece import Text
from pgmask.verdict.psql import Include, Sql, read
from pgmask.verdict.scripts import judged
from pgmask.verdict.sources import texts
from pgmask.verdict.validator import Validator
from tests.harness import Database
from tests.verdict.world import insurer

pytestmark = pytest.mark.requirement("I1", "I2", "A5")


@pytest.fixture
def agent(schema: Schema) -> Validator:
    return Validator(schema, catalogue=insurer(), profile="agent")


@pytest.fixture
def owner(schema: Schema) -> Validator:
    return Validator(schema, catalogue=insurer(), profile="agent", migration=True)


def ask(asked: Validator, text: str) -> list[tuple[str, str, int, int]]:
    """Severity, code, line and column of every finding."""
    return places(judged(asked, [Text(name="a.sql", text=text)]))


def places(found: object) -> list[tuple[str, str, int, int]]:
    assert hasattr(found, "__iter__")
    return [
        (f.severity.value, f.code, f.line, f.column)
        for one in found for v in one.verdicts for f in v.findings
    ]  # fmt: skip


QUERY = "SELECT id FROM crm.customer WHERE id = 1"


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ("\\c other\n", 1, "another connection"),
        ("\\connect - postgres\n", 1, "another connection"),
        ("\\i elsewhere.sql\n", 1, "not read"),
        ("\\ir ../elsewhere.sql\n", 1, "not read"),
        ("\\i /etc/hostname\n", 1, "not read"),
        ("\\! rm -rf x\n", 1, "shell"),
        ("\\set x `id`\n", 1, "shell"),
        ("\\if :x\n", 1, "at run time"),
        ("\\lo_import 'x'\n", 1, "not understood"),
        ("\\nonsense\n", 1, "not understood"),
        ("\\encoding SJIS\n", 1, "not understood"),
        ("\\set SINGLELINE on\n", 1, "every line"),
        ("\\copy nothing\n", 1, "cannot be read"),
        (f"{QUERY} \\gexec\n", 42, "run as SQL"),
        ("SELECT :cols FROM crm.ref_product \\g\n", 8, "any SQL"),
        ('SELECT 1 FROM crm.:"t"\n', 19, "any SQL"),
        ("ALTER ROLE app CONNECTION LIMIT :'n'\n", 33, "value of n"),
    ],
)
def test_what_psql_does_beside_sql_is_refused(
    agent: Validator, text: str, column: int, says: str
) -> None:
    (one,) = judged(agent, [Text(name="a.sql", text=f"SELECT 1;\n{text}")])
    (finding,) = [f for v in one.verdicts for f in v.findings if f.code == "PM615"]
    assert (finding.line, finding.column, finding.severity) == (2, column, "deny")
    assert says in finding.message
    assert finding.hint
    first, mark = finding.caret.splitlines()
    assert first == text.rstrip()
    assert mark == " " * (column - 1) + "^"


@pytest.mark.parametrize(
    "text",
    [
        "\\set ON_ERROR_STOP on\n", "\\pset pager off\n", "\\echo 'done; \\'' \n", "\\timing\n",
        "\\dt+ crm.*\n", "\\x \\echo hi\n", "\\restrict abc\n",
    ],
)  # fmt: skip
def test_what_only_concerns_the_screen_is_noted(agent: Validator, text: str) -> None:
    found = ask(agent, f"{text}{QUERY};\n")
    assert {f[:3] for f in found} == {("note", "PM615", 1)}


def test_commands_do_not_hide_the_sql_around_them(agent: Validator) -> None:
    text = (
        "\\set x 'a -- b\n"
        "SELECT name FROM crm_store.customer \\g out.txt\n"
        "\\echo \\\\ SELECT name FROM crm_store.customer;\n"
        "SELECT 1 \\; SELECT name FROM crm_store.customer;\n"
        "SELECT E'\\'', '\\', $$ \\c $$ /* \\c /* */ \\c */ -- \\c\n"
        "  FROM crm_store.customer WHERE name = :'who';\n"
    )
    found = [f for f in ask(agent, text) if f[0] == "deny"]
    assert found == [
        ("deny", "PM620", 2, 18), ("deny", "PM620", 3, 27), ("deny", "PM620", 4, 30),
        ("deny", "PM620", 6, 8),
    ]  # fmt: skip
    # Control: what psql has between quotes and in comments is no command.
    assert all(f[1] != "PM615" or f[2] in (1, 3) for f in ask(agent, text))


def test_copy_by_psql_is_a_copy(agent: Validator, owner: Validator) -> None:
    store = ask(agent, "\\copy crm_store.lead (name) to 'x.csv' csv\n")
    assert {f[1:] for f in store} >= {("PM620", 1, 7), ("PM624", 1, 7)}
    # PostgreSQL itself refuses COPY of a view; the query of one is an export.
    assert "PM676" in [f[1] for f in ask(agent, "\\copy crm.customer to program 'cat'\n")]
    query = "\n\\copy (SELECT name FROM crm.customer WHERE note <> ') to x') to 'x'\n"
    assert ("warn", "PM624", 2) in {f[:3] for f in ask(agent, query)}
    table = "\\copy crm.ref_product from 'x.csv' csv header\nSELECT 1;\n"
    (one,) = judged(agent, [Text(name="a.sql", text=table)])
    first, second = (as_dict(v) for v in one.verdicts)
    assert (first["kind"], first["verdict"]) == ("copy", "allow")
    assert (first["writes"][0]["table"], second["kind"]) == ("ref_product", "select")
    # As the client's file it needs no right on the server's.
    assert "PM631" in [f[1] for f in ask(agent, "COPY crm.ref_product FROM '/x.csv'")]


ROWS = "COPY crm.ref_product (code) FROM STDIN;\nit's\t;\nSELEC :x\n\\.\nSELECT 1;\n"


def test_rows_after_copy_are_no_sql(agent: Validator) -> None:
    assert ask(agent, ROWS) == []
    rows = ROWS.replace("SELEC :x", "a;SELECT name FROM crm_store.customer;")
    assert [f[:3] for f in ask(agent, rows)] == [("deny", "PM615", 2)]
    # Without an end of the rows what follows is SQL.
    assert ("deny", "PM620") in {
        f[:2] for f in ask(agent, rows.replace("\\.", "").replace("it's", "its"))
    }


def test_a_file_that_is_included_is_judged_in_its_place(owner: Validator, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    main = tmp_path / "main.sql"
    inner = tmp_path / "sub" / "inner.sql"
    main.write_text(
        "BEGIN; SELECT pgmask.detach('crm.customer');\n\\ir sub/inner.sql\n"
        "SELECT * FROM pgmask.attach('crm.customer'); COMMIT;\nSELECT x FROM crm.ref_made;\n"
    )
    inner.write_text(
        "\nALTER TABLE crm_store.customer ALTER postal_code TYPE varchar(12);\n"
        "CREATE TABLE crm.ref_made (x text);\n"
    )
    for path in (main, tmp_path):
        found = list(judged(owner, list(texts(path))))
        assert {Path(one.file).name for one in found} == {"main.sql", "inner.sql"}
        assert places(found) == []
    # Control: by itself the file needs a window of its own.
    assert [f[1:3] for f in places(judged(owner, list(texts(inner))))] == [("PM685", 2)]
    inner.write_text("SELECT 1;\n\\ir ../main.sql\n")
    assert ("deny", "PM615", 2, 1) in places(judged(owner, list(texts(main))))


def test_only_sql_of_the_folder_is_included(
    agent: Validator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a")
    for place in ("secret.sql", "a/secret.env", "a/x.sql", "a/b/x.sql", "a/b/y.sql"):
        (tmp_path / place).write_text("SELECT name FROM crm_store.customer;\n")
    main = tmp_path / "a" / "b" / "main.sql"

    def codes(line: str) -> set[str]:
        main.write_text(f"{line}\n")
        return {f[1] for f in places(judged(agent, list(texts(main))))}

    assert codes("\\ir y.sql") == codes("\\i y.sql") == codes("\\ir ../x.sql") == {"PM620"}
    # Where psql runs is not known: a name that may be either of two files is none.
    assert codes("\\i x.sql") == {"PM615"}
    assert codes("\\ir ../../secret.sql") == codes("\\i ../secret.env") == {"PM615"}
    assert codes("SELECT 1\n\\ir y.sql") == codes("\\ir :x") == {"PM615"}


def test_placeholders_stay_a_drivers_where_psql_has_no_word(
    agent: Validator, owner: Validator
) -> None:
    text = "SELECT id FROM crm.customer WHERE id = :id AND status = ANY (:some)"
    assert ask(agent, text) == []
    assert {f[1] for f in ask(agent, f"\\timing\n{text}")} == {"PM615"}
    assert ("deny", "PM615", 1, 10) in ask(owner, "SELECT 1 :x;")
    assert (
        ask(agent, 'SELECT (ARRAY[1, 2])[1:2], \'1\'::int, "a:b" FROM (SELECT 1) AS x ("a:b")')
        == []
    )


@pytest.mark.parametrize("text", [QUERY, "SELECT ':x', $1::text", "SELECT '\\'; -- \\x", "", "\\"])
def test_plain_sql_stays_as_it_is(text: str) -> None:
    (one,) = read(text)
    assert isinstance(one, Sql)
    assert one.text == text.replace("\\", " ") if text == "\\" else one.text == text


def test_lines_and_columns_stay() -> None:
    text = "\\x\nSELECT :'a', 1;\n\\i b.sql\n\n  SELECT 2; \\ir c.sql \\\\ 3;\nSELECT 3"
    found = read(text)
    assert [type(one) for one in found] == [Sql, Include, Sql, Include, Sql]
    first, _, second, _, third = found
    assert isinstance(first, Sql)
    assert isinstance(second, Sql)
    assert isinstance(third, Sql)
    assert first.text == "  \nSELECT $1  , 1;\n        "
    assert (second.lines, second.text) == (2, "        \n\n  SELECT 2;           ")
    assert (third.lines, third.text) == (4, " " * 25 + "3;\nSELECT 3")


def test_psql_takes_it_as_it_is_read(plain: Database) -> None:
    """What is blanked here, psql does not send either."""
    script = (
        "\\set v 'x;y'\nCREATE TEMP TABLE t (a text); \\echo ; \\\\ INSERT INTO t VALUES ('1;');\n"
        "COPY t FROM STDIN;\n2;\nSELECT 3;\n\\.\nINSERT INTO t VALUES (:'v') \\; SELECT 4 \\g\n"
        "\\copy t to program 'cat 1>&2'\n"
    )
    done = plain.attempt("psql", "-X", "-v", "ON_ERROR_STOP=1", given=script)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines() == ["1;", "2;", "SELECT 3;", "x;y"]
    (one,) = read(script)
    assert isinstance(one, Sql)
    assert " ".join(one.text.split()) == (
        "CREATE TEMP TABLE t (a text); INSERT INTO t VALUES ('1;'); COPY t FROM STDIN;"
        " INSERT INTO t VALUES ($1 ) ; SELECT 4 ; COPY t to STDOUT ;"
    )


def test_a_verdict_of_its_own(agent: Validator) -> None:
    (one,) = judged(agent, [Text(name="a.sql", text=f"{QUERY};\n\\timing\n\\c x\n{QUERY};\n")])
    assert isinstance(one, Judged)
    kinds = [(v.lineage.kind, v.verdict, v.lineage.text) for v in one.verdicts]
    assert kinds == [
        ("select", "allow", QUERY), ("psql", "allow", "\\timing"), ("psql", "deny", "\\c x"),
        ("select", "allow", QUERY),
    ]  # fmt: skip


STORED = "name FROM crm_store.customer"
HIDDEN = f"'\nSELECT {STORED};\n-- ';\n"
"""Where psql passes over the quote before it, the rest is a statement; else it is a string."""
ATOMIC = "CREATE FUNCTION crm.zz() RETURNS void LANGUAGE sql BEGIN ATOMIC SELECT"
CODES = "COPY crm.ref_product (code) FROM"


@pytest.mark.parametrize(
    "text",
    [
        # What ends a line of psql's, a string, a name.
        f"SELECT $—$ \\echo $—$ || {STORED};\n$—$;\n",
        f"SELECT E'a'\n'\\\\' \\echo ' || {STORED};\n';\n",
        f"SELECT $—$; {CODES} STDIN;\n$—$; SELECT ';', {STORED};\n\\.\n$—$;\n",
        f"\\echo a\rSELECT {HIDDEN}",
        f"\\copy (SELECT E'\\') to ' || (SELECT {STORED} LIMIT 1) || ' ') to stdout\n",
        f"\\copy crm.ref_product to 'x' (null {HIDDEN})",
        # What psql passes over.
        f"\\h \\\\ SELECT {HIDDEN}", f"\\p. \\\\ SELECT {HIDDEN}", f"\\g; \\\\ SELECT {HIDDEN}",
        f"\\pset bogus \\\\ SELECT {HIDDEN}", f"SELECT 1; \\\\ SELECT {HIDDEN}",
        "SELECT id FROM crm.unit \\pset bogus \\g\n", "SELECT 1 \\pset bogus \\; SELECT 2;\n",
        # Where rows begin and end.
        f"COPY (SELECT ' from stdin ') TO STDOUT;\nSELECT ';', {STORED};\n\\.\n",
        f"{CODES} STDOUT;\nSELECT '\n\\.\nSELECT {STORED};\n-- ';\n",
        f"{CODES} STDIN (NULL '--');\nSELECT '\n\\.\nSELECT {STORED};\n-- ';\n",
        f"{CODES} STDIN \\g\nSELECT '\n\\.\nSELECT {STORED};\n-- ';\n",
        f"{CODES} STDIN \\; SELECT 1;\nSELECT '\n\\.\nSELECT {STORED};\n-- ';\n",
        f"{CODES} STDIN; {CODES} STDIN;\n\\.\nSELECT '\n\\.\nSELECT {STORED};\n-- ';\n",
        f"{CODES} STDIN;\nx\n\\.\n\\g\nSELECT '\n\\.\nSELECT {STORED};\n-- ';\n",
        f"{CODES} STDIN CSV;\n\\. \nSELECT '\n\\.\nSELECT {STORED};\n-- ';\n",
        # Rows that are statements once the server has refused the COPY.
        f"{CODES} STDIN;\n;SELECT ';', {STORED};\n\\.\n",
        f"{CODES} STDIN;\n;SELECT {STORED} \\g\n\\.\n",
        f"{CODES} STDIN;\n;SELECT {STORED} UNION\n\\.\nSELECT 'a';\n",
        f"{CODES} STDIN;\n\\i other.sql\n\\.\n", f"{CODES} STDIN;\n\\! id\n\\.\n",
        f"\\set x 'SELECT {STORED};'\n{CODES} STDIN;\n;:x\n\\.\n",
        # Inside of a body, which for psql ends there.
        f"{ATOMIC} 1 \\g\nDELETE FROM crm_store.customer;\nEND;\n",
        f"{ATOMIC} 1; SELECT 2 \\g\nDELETE FROM crm_store.customer;\nEND;\n",
        f"{ATOMIC} 1;\n\\copy (SELECT 1) to 'x'\nEND;\n",
        # Variables.
        "\\set id '1] || 'x\nSELECT (ARRAY['a'])[1:id] FROM crm.unit;\n",
        "\\set 1 '1], 2'\nSELECT (ARRAY['a'])[1:1] FROM crm.unit;\n",
        "SELECT 'x' AS \"1\" \\gset\nSELECT (ARRAY['a'])[1:1] FROM crm.unit;\n",
        "\\set 'SINGLE'LINE on\n", "\\set :x on\n", "\\getenv SINGLELINE A\n",
        "\\prompt 'x' 'SINGLE'LINE\n",
        # The shell.
        "SELECT 1 \\g |sh\n", "SELECT 1 \\g '|sh'\n", "SELECT 1 \\g :x\n", "\\o |sh\n",
        "\\setenv PAGER sh\n", "\\copy crm.ref_product from program 'sh'\n",
        "\\i ~/x.sql\n", "\\i a.sql b.sql\n",
    ],
)  # fmt: skip
def test_what_psql_reads_otherwise_is_no_way_past(agent: Validator, text: str) -> None:
    assert "deny" in {f[0] for f in ask(agent, text)}


@pytest.mark.parametrize(
    "text",
    [
        "\\pset pager off\r\nSELECT 1;\r\n", "\\echo hi \\\\ SELECT 1;\n", "\\dt;\n", "\\x \\t\n",
        "\\pset format unaligned \\pset tuples_only on\nSELECT 1 \\g out.txt\n",
        "\\o out.txt\nSELECT 1;\n\\o\n", "SELECT 1 \\; SELECT 2;\n", "\\prompt 'give x' x\n",
        "\\x\nSELECT (ARRAY[1, 2])[1:2] FROM crm.unit; -- it's \\x\n",
        f"{CODES} STDIN; -- rows\na\\\\b\\N\nit's;C:\\\\inetpub\\tz\n\\.\n\nSELECT 1;\n",
        "\\copy crm.ref_product from 'a.csv' with (format csv, header)\nSELECT 1;\n",
        f"{CODES} STDIN;\n\n\\.\nSELECT 1;\n", f"{CODES} STDIN;\n\\.\nSELECT 1;\n",
        f"\\x\n{ATOMIC} 1; SELECT 2; END;\nSELECT 1 \\g\n",
    ],
)  # fmt: skip
def test_what_both_read_alike_passes(agent: Validator, owner: Validator, text: str) -> None:
    for asked in (agent, owner):
        assert "deny" not in {f[0] for f in ask(asked, text)}


def test_a_slice_is_no_variable_where_none_is_set(owner: Validator) -> None:
    assert not ask(owner, "SELECT (ARRAY[1])[1:id] FROM crm.unit;\n")


def test_a_variable_reaches_into_included_files(owner: Validator, tmp_path: Path) -> None:
    (tmp_path / "main.sql").write_text("\\set id '1], 2'\n\\ir inner.sql\n")
    (tmp_path / "inner.sql").write_text("SELECT (ARRAY[1])[1:id] FROM crm.unit;\n")
    found = [Text(name=str(tmp_path / "main.sql"), text=(tmp_path / "main.sql").read_text())]
    assert "deny" in {f[0] for f in places(judged(owner, found))}


def test_a_carriage_return_alone_stays_in_a_file(agent: Validator, tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_bytes(f"\\echo a\rSELECT {HIDDEN}".encode())
    assert "deny" in {f[0] for f in places(judged(agent, list(texts(tmp_path / "a.sql"))))}


@pytest.mark.parametrize(
    "text",
    [
        "SET client_encoding = 'GBK'", "SET NAMES 'SJIS'", "SET client_encoding TO gb18030",
        "SELECT set_config('client_encoding', 'big5', false)",
        "SELECT set_config('client_encoding', lower('X'), false)",
        "ALTER ROLE app SET client_encoding = 'GBK'",
    ],
)  # fmt: skip
def test_encodings_in_which_strings_end_elsewhere_are_denied(agent: Validator, text: str) -> None:
    assert ("deny", "PM641") in {f[:2] for f in ask(agent, text)}


@pytest.mark.parametrize(
    "text",
    [
        "SET standard_conforming_strings = on", "SET NAMES 'utf-8'", "RESET client_encoding",
        "SET client_encoding TO 'EUC_CN'",
    ],
)  # fmt: skip
def test_other_encodings_pass(agent: Validator, text: str) -> None:
    assert "PM641" not in {f[1] for f in ask(agent, text)}


def test_a_body_without_its_end_hides_nothing_that_is_sent_after_it(agent: Validator) -> None:
    sent = f"SELECT {STORED}; END"
    assert "PM620" in {f.code for v in agent.after([f"{ATOMIC} 1"], sent) for f in v.findings}
