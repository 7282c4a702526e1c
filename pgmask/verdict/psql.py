r"""Scripts of psql: its own commands and variables, which PostgreSQL's grammar does not know.

``read`` gives the SQL with psql's words taken out, at its old lines and columns, and what is to say
of each.  ``\copy`` is read as the COPY that psql sends, ``\g`` as the end of a statement; data
after COPY .. FROM STDIN is no SQL.  What only concerns psql's screen is noted; whatever changes
what runs, or where, is refused (PM615).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from pgmask.errors import REGISTRY
from pgmask.lineage.parse import parse_one
from pgmask.verdict.model import Finding, Severity
from pgmask.verdict.text import place_of

_TOKEN: Final = re.compile(
    r"(?P<comment>--[^\n]*)|(?P<nested>/\*)|(?P<dollar>(?<![\w$])\$(?:[^\W\d]\w*)?\$)"
    r"|(?P<escaped>(?<!\w)[eE]')|(?P<quote>['\"])|(?P<command>\\)|(?P<end>;)"
    r"|(?P<variable>(?<![:\w\]]):(?:'[^\W]\w*'|\"[^\W]\w*\"|\{\?\w+\}|[^\W\d]\w*))"
)
_ARGUMENTS: Final = re.compile(
    r"(?:'(?:[^'\\\n]|\\.|'')*'|\"[^\"\n]*\"|`[^`\n]*`|[^\\\n'\"`])*(?:['\"`][^\n]*)?"
)
_NAME: Final = re.compile(r"\\(?:[A-Za-z_]+\+?|[;:!?\\])?")
_COPIES: Final = re.compile(r"\s*copy\b.*\bfrom\s+stdin\b", re.IGNORECASE | re.DOTALL)
_COPY: Final = re.compile(
    r"(?P<to>\s+(?P<word>from|to)\s+)"
    r"(?P<where>program\s+'(?:[^']|'')*'|'(?:[^']|'')*'|[^\s;]+)(?P<rest>.*)$",
    re.IGNORECASE,
)
_TABLE: Final = re.compile(
    r"\s*(?:binary\s+)?(?:\"[^\"]*\"|[^\s(\"'])+(?:\s*\([^()]*\))?", re.IGNORECASE
)
_SPACE: Final = re.compile(r"--[^\n]*|/\*.*?\*/|\s+", re.DOTALL)
_SCREEN: Final = re.compile(
    r"(?:a|C|conninfo|copyright|echo|errverbose|f|getenv|h|H|help|html|l|o|p|prompt|pset|q"
    r"|qecho|quit|restrict|s[fv]|set|setenv|t|T|timing|unrestrict|unset|warn|x|z|\?|d[A-Za-z]*)\+?"
)
_ENDS: Final = frozenset({"g", "gx", "gset", "gdesc", "gexec", "crosstabview", "watch", "r"})
_INCLUDES: Final = {"i": False, "include": False, "ir": True, "include_relative": True}
_REFUSED: Final = {
    "gexec": ("the rows of this query are run as SQL, and are not known here",
              "Write the statements out, or a DO block whose statements can be read."),
    "c": ("what follows runs on another connection",
          "Validate it as a text of its own, with that connection's --schema and --profile."),
    "if": ("psql decides at run time what runs here",
           "Write the cases as files of their own, and validate each."),
    "single": ("from here on every line is a statement to psql", "End statements by semicolons."),
    "!": ("a command of the shell is run", "Run it beside psql."),
}  # fmt: skip
_ALIAS: Final = {"connect": "c", "elif": "if", "else": "if", "endif": "if"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What there is to say of one of psql's words; at: its place in the SQL given out.

    unread: told only where the statement around it cannot be read.
    """

    at: int
    written: str
    finding: Finding
    unread: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sql:
    """SQL between two included files; lines: of the script before it."""

    text: str
    lines: int
    said: tuple[Said, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Include:
    r"""``\i``; path: as written; relative: to the folder of this script (``\ir``)."""

    path: str
    relative: bool
    said: Said
    """The refusal, where the file cannot be read here."""


def read(text: str, *, variables: bool = False) -> tuple[Sql | Include, ...]:
    """The script in its order; one ``Sql`` with the text as it is where psql has no word in it.

    variables: ``:name`` is psql's own even where nothing else is; a driver's placeholder otherwise.
    """
    if not (variables or "\\" in text or any(word in text for word in (":'", ':"', ":{?"))):
        return (Sql(text=text, lines=0),)
    return _Script(text, variables=variables).pieces()


@dataclass(slots=True)
class _Script:
    text: str
    variables: bool
    out: list[str] = field(default_factory=list)
    found: list[Sql | Include] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    bare: list[tuple[int, int]] = field(default_factory=list)
    """Variables without quotes, and how many characters of the SQL stand before each."""
    now: list[str] = field(default_factory=list)
    """The statement that has begun; ``out`` has those before it."""
    size: int = 0
    """Of both."""
    done: int = 0
    """How far the text is taken."""
    first: int = 0
    """Where the SQL begins in the text."""
    own: bool = False
    """Whether psql has had a word."""

    def pieces(self) -> tuple[Sql | Include, ...]:
        at = 0
        while match := _TOKEN.search(self.text, at):
            at = self._token(match)
        self._close(len(self.text))
        return tuple(self.found)

    def _token(self, match: re.Match[str]) -> int:
        """Where to look on."""
        kind, start, end = match.lastgroup, match.start(), match.end()
        if kind == "comment":
            return end
        if kind == "nested":
            return self._comment(end)
        if kind == "dollar":
            return self._after(match[0], end)
        if kind == "escaped":
            closed = re.compile(r"(?:[^'\\]|\\.|'')*'", re.DOTALL).match(self.text, end)
            return closed.end() if closed else len(self.text)
        if kind == "quote":
            return self._after(match[0], end)
        if kind == "end":
            return self._ended(end)
        if kind == "variable":
            return self._variable(start, end, match[0])
        return self._command(start)

    def _after(self, word: str, at: int) -> int:
        found = self.text.find(word, at)
        return found + len(word) if found >= 0 else len(self.text)

    def _comment(self, at: int) -> int:
        depth = 1
        for match in re.compile(r"/\*|\*/").finditer(self.text, at):
            depth += 1 if match[0] == "/*" else -1
            if not depth:
                return match.end()
        return len(self.text)

    def _put(self, words: str) -> None:
        self.now.append(words)
        self.size += len(words)

    def _take(self, until: int) -> None:
        """The text up to there is SQL as it stands."""
        self._put(self.text[self.done : until])
        self.done = until

    def _swap(self, end: int, words: str) -> int:
        """Other words, or spaces, in the place of what is not taken yet up to there."""
        missing = end - self.done - len(words)
        self._put(words + " " * max(0, missing))
        self.done = end
        self.own = True
        return end

    def _flush(self) -> None:
        self.out += self.now
        self.now = []

    def _ended(self, end: int) -> int:
        self._take(end)
        words = "".join(self.now)
        copies = "stdin" in words.lower() and _COPIES.match(_SPACE.sub(" ", words))
        self._flush()
        return self._data(end) if copies else end

    def _data(self, end: int) -> int:
        """The rows that follow COPY .. FROM STDIN, up to their end mark."""
        mark = re.compile(r"^\\\.[ \t\r]*$", re.MULTILINE).search(self.text, end)
        line = self.text.find("\n", end)
        if mark is None or line < 0 or mark.start() <= line:
            return end
        self._take(line)
        rows = self.text[line : mark.start()]
        if any(parse_one(part) for part in rows.split(";")[:-1]):
            # Where the server refuses the COPY, psql goes on with its rows as with statements.
            self._say(line + 1, "COPY", "SQL stands in the rows of this COPY")
        self._put(re.sub(r"[^\n]", " ", self.text[line : mark.end()]))
        self._flush()
        self.done = mark.end()
        self.own = True
        return self.done

    def _variable(self, start: int, end: int, written: str) -> int:
        name = written.strip(":'\"{?}")
        self._take(start)
        if written[1] in "'{":
            self._say(start, written, f"psql puts the value of {name} in here",
                      "Write the value, or a parameter.", unread=True)  # fmt: skip
            return self._swap(end, "$1")
        if written[1] == '"' or self.variables:
            self._unknown(start, written)
            return self._swap(end, "$1" if written[1] != '"' else f" {written[1:]}")
        self.bare.append((start, self.size))
        return end

    def _unknown(self, start: int, written: str) -> None:
        name = written.strip(':"')
        self._say(
            start, written, f"psql puts the text of {name} in here, which may be any SQL",
            f"Write it out; :'{name}' for a value.",
        )  # fmt: skip

    def _say(
        self, at: int, written: str, message: str, hint: str = "", *,
        severity: Severity = Severity.DENY, unread: bool = False,
    ) -> Said:  # fmt: skip
        place = place_of(self.text, at)
        made = Said(
            at=self.size, written=written, unread=unread,
            finding=Finding(
                code="PM615", severity=severity, message=message, line=place.line,
                column=place.column, caret=place.caret, hint=hint or REGISTRY["PM615"].way_out,
                refused=severity is Severity.DENY,
            ),
        )  # fmt: skip
        self.said.append(made)
        return made

    def _command(self, start: int) -> int:
        self._take(start)
        match = _NAME.match(self.text, start)
        word = match[0] if match else "\\"
        name, after = word[1:], start + len(word)
        if name in ("\\", ";", ":"):
            at = self._swap(after, {";": " ;", ":": " :"}.get(name, ""))
            if name == ";":
                self._flush()
            return at
        if name == "copy":
            return self._copy(start, after)
        given = _ARGUMENTS.match(self.text, after)
        end = given.end() if given else after
        words = self.text[after:end].strip()
        if name == "!":
            end = self._line_end(after)
        if name in _INCLUDES:
            return self._include(start, end, name, words)
        self._tell(start, self.text[start:end].rstrip(), name, "`" in words)
        self._swap(end, ";" if name in _ENDS else "")
        if name in _ENDS:
            self._flush()
        return end

    def _tell(self, start: int, written: str, name: str, shell: bool) -> None:
        name = _ALIAS.get(name, name)
        if shell:
            name = "!"
        elif name == "set" and "SINGLELINE" in written:
            name = "single"
        if name in _REFUSED:
            self._say(start, written, *_REFUSED[name])
        elif name not in _ENDS and not _SCREEN.fullmatch(name):
            self._say(start, written, f"psql's command \\{name} is not understood")
        elif name not in ("g", "gx"):
            self._say(start, written, f"\\{name} is psql's own: nothing of it is SQL",
                      severity=Severity.NOTE)  # fmt: skip

    def _line_end(self, at: int) -> int:
        end = self.text.find("\n", at)
        return end if end >= 0 else len(self.text)

    def _copy(self, start: int, after: int) -> int:
        end = self._line_end(after)
        line = self.text[after:end]
        what = _what(line)
        match = _COPY.match(line, what)
        if not what or match is None:
            self._say(start, self.text[start:end], "this \\copy cannot be read")
            return self._swap(end, "")
        inward = match["word"].lower() == "from"
        side = ("STDIN" if inward else "STDOUT").ljust(len(match["where"]))
        self._swap(end, f" COPY{line[:what]}{match['to']}{side}{match['rest'].rstrip()};")
        self._flush()
        return self._data(end) if inward and match["where"].lower() == "stdin" else end

    def _include(self, start: int, end: int, name: str, words: str) -> int:
        path = words.strip("'").strip()
        said = self._say(
            start, self.text[start:end].rstrip(), "the file that is included here is not read",
            "Name it beside this one, or write \\ir and a path below the folder that is named.",
        )  # fmt: skip
        self._swap(end, "")
        inside = _SPACE.sub("", "".join(self.now))
        if inside or not path or any(c in path for c in ":`'\""):
            return end
        self.said.pop()
        self._close(end)
        self.found.append(Include(path=path, relative=_INCLUDES[name], said=said))
        return end

    def _close(self, end: int) -> None:
        """The SQL so far as a piece."""
        self._take(end)
        self._flush()
        if self.own:
            for start, at in self.bare:
                self._late(start, at)
        text = "".join(self.out)
        said = tuple(sorted(self.said, key=lambda one: one.at))
        lines = self.text.count("\n", 0, self.first)
        self.found.append(Sql(text=text, lines=lines, said=said))
        # What follows on the same line keeps its column.
        column = end - self.text.rfind("\n", 0, end) - 1
        self.out, self.said, self.bare = [" " * column], [], []
        self.size = column
        self.first = end

    def _late(self, start: int, at: int) -> None:
        """A variable of a script in which psql has had another word."""
        match = _TOKEN.match(self.text, start)
        written = match[0] if match else ":"
        whole = "".join(self.out)
        self.out = [whole[:at], "$1".ljust(len(written)), whole[at + len(written) :]]
        size, self.size = self.size, at
        self._unknown(start, written)
        self.size = size


def _what(line: str) -> int:
    r"""Where the table or query of a ``\copy`` ends; 0 where none is there."""
    begin = len(line) - len(line.lstrip())
    if not line.startswith("(", begin):
        match = _TABLE.match(line)
        return match.end() if match else 0
    depth = 0
    for at, word in _brackets(line, begin):
        depth += 1 if word == "(" else -1
        if not depth:
            return at + 1
    return 0


def _brackets(line: str, begin: int) -> Iterator[tuple[int, str]]:
    for match in re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|[()]").finditer(line, begin):
        if match[0] in "()":
            yield match.start(), match[0]
