r"""Scripts of psql: its own commands and variables, which PostgreSQL's grammar does not know.

``read`` gives the SQL with psql's words taken out, at its old lines and columns, and what is to say
of each.  ``\copy`` is read as the COPY that psql sends, ``\g`` as the end of a statement; data
after COPY .. FROM STDIN is no SQL.  What only concerns psql's screen is noted; whatever changes
what runs, or where, is refused (PM615).
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass, field

from pglast.parser import ParseError, scan

from pgmask.errors import REGISTRY
from pgmask.lineage.parse import parse_all, parse_one
from pgmask.verdict.model import Finding, Severity
from pgmask.verdict.psql_words import (
    ALIAS,
    ARGUMENTS,
    CERTAIN,
    COPIES,
    COPY,
    ENDS,
    INCLUDES,
    LINE,
    NAME,
    REFUSED,
    SCREEN,
    SETS,
    SPACE,
    TO_FILES,
    TOKEN,
    WHOLE,
    WORD,
    past,
    table_end,
    would_run,
)
from pgmask.verdict.text import place_of
from pgmask.verdict.tree import only


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


def read(
    text: str, *, variables: bool = False, included: bool = False
) -> tuple[Sql | Include, ...]:
    """The script in its order; one ``Sql`` with the text as it is where psql has no word in it.

    variables: ``:name`` is psql's own even where nothing else is; a driver's placeholder otherwise.
    included: by another script, so that this one is psql's in any case.
    """
    if included:
        return _Script(text, variables=True, own=True).pieces()
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
    gaps: list[tuple[int, int, int, bool]] = field(default_factory=list)
    """Where the SQL is not the text's, from and to, the place in the text, and whether psql sends
    there what comes before."""
    unsure: int = -1
    """The end of the last line on which a command stands that may fail."""
    ended: int = -1
    """Where the last command has ended."""
    copied: bool = False
    """Whether rows have followed a COPY, which ``\\g`` would run again."""
    names: set[str] = field(default_factory=set)
    """Of the variables that were set."""
    gset: bool = False
    """Whether rows have become variables."""

    def pieces(self) -> tuple[Sql | Include, ...]:
        at = 0
        while match := TOKEN.search(self.text, at):
            at = self._token(match)
        lone = re.search(r"\r(?!\n)", self.text) if self.own else None
        if lone is not None:
            self._say(lone.start(), "\r", "to psql a line goes on after this end of line",
                      "Write the file with LF or CRLF.")  # fmt: skip
        self._close(len(self.text))
        return tuple(self.found)

    def _token(self, match: re.Match[str]) -> int:
        """Where to look on."""
        kind, start, end = match.lastgroup, match.start(), match.end()
        if kind == "end":
            return self._ended(end)
        if kind == "variable":
            return self._variable(start, end, match[0])
        if kind == "command":
            return self._command(start)
        return past(self.text, match)

    def _put(self, words: str) -> None:
        self.now.append(words)
        self.size += len(words)

    def _take(self, until: int) -> None:
        """The text up to there is SQL as it stands."""
        self._put(self.text[self.done : until])
        self.done = until

    def _swap(self, end: int, words: str, *, sent: bool = False) -> int:
        """Other words, or spaces, in the place of what is not taken yet up to there."""
        missing = end - self.done - len(words)
        before = self.size
        self._put(words + " " * max(0, missing))
        self.gaps.append((before, self.size, self.done, sent))
        self.done = end
        self.own = True
        return end

    def _flush(self) -> None:
        self.out += self.now
        self.now = []

    def _ended(self, end: int) -> int:
        self._take(end)
        copies = self._copies()
        self._flush()
        return self._data(end) if copies else end

    def _copies(self) -> bool:
        """Whether rows follow the statement that has begun."""
        words = "".join(self.now)
        if "copy" not in words.lower():
            return False
        tree = parse_one(words)
        if tree is None:
            return COPIES.match(SPACE.sub(" ", words)) is not None
        kind, body = only(tree)
        return kind == "CopyStmt" and bool(body.get("is_from")) and not body.get("filename")

    def _data(self, end: int) -> int:
        """The rows that follow COPY .. FROM STDIN, up to their end mark."""
        self.copied = True
        line = self._line_end(end)
        if not re.fullmatch(r"\s*(?:--.*)?", self.text[end:line]):
            self._say(end, "COPY", "the rows of the COPY before it come first",
                      "Write it after the rows.")  # fmt: skip
        mark = re.compile(r"^\\\.\r?$", re.MULTILINE).search(self.text, line)
        if mark is None:
            return end
        self._take(line)
        if would_run(self.text, line + 1, mark.start(), self.names):
            # Where the server refuses the COPY, psql goes on with its rows as with statements.
            self._say(line + 1, "COPY", "SQL stands in the rows of this COPY")
        self._swap(mark.end(), re.sub(r"[^\n]", " ", self.text[line : mark.end()]), sent=True)
        self._flush()
        return mark.end()

    def _variable(self, start: int, end: int, written: str) -> int:
        name = written.strip(":'\"{?}")
        self._take(start)
        if written[1] in "'{":
            self._say(start, written, f"psql puts the value of {name} in here",
                      "Write the value, or a parameter.", unread=True)  # fmt: skip
            return self._swap(end, "$1")
        if name[0].isdigit():
            # The bound of a slice, where no row has made a variable of such a name.
            if self.gset:
                self._unknown(start, written)
            return end
        # In a[1:b] it may be a column too.
        glued = start > 0 and re.match(rf"[{WORD}\]]", self.text[start - 1])
        if written[1] == '"' or (self.variables and not glued):
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
        match = NAME.match(self.text, start)
        word = match[0] if match else "\\"
        name, after = word[1:], start + len(word)
        line = self._line_end(start)
        risky = self.unsure == line
        if name in (";", ":"):
            if risky:
                self._say(start, word, *LINE)
            if name == ";" and self._copies():
                self._say(start, word, "the rows of this COPY come before what follows here",
                          "End it by a semicolon.")  # fmt: skip
            at = self._swap(after, f" {name}")
            if name == ";":
                self._flush()
            return at
        if name == "\\":
            # Between commands; by itself it is none, and psql passes over the rest of the line.
            if self.ended != start or (risky and self.text[after:line].strip()):
                self._say(start, word, *LINE)
            return self._swap(after, "")
        if risky and not SCREEN.fullmatch(name):
            self._say(start, word, *LINE)
        if name not in CERTAIN:
            self.unsure = line
        self.ended = self._named(start, after, name)
        return self.ended

    def _named(self, start: int, after: int, name: str) -> int:
        if name == "copy":
            return self._copy(start, after)
        given = ARGUMENTS.match(self.text, after)
        end = given.end() if given else after
        if name in WHOLE:
            end = self._line_end(after)
        words = self.text[after:end].strip()
        if name in INCLUDES:
            return self._include(start, end, name, words)
        written = self.text[start:end].rstrip()
        if name in ENDS - {"r"} and (
            self._copies() or (self.copied and not "".join(self.now).strip())
        ):
            self._say(start, written, "rows follow this COPY, and where they end is not known",
                      "End it by a semicolon.")  # fmt: skip
        self.gset = self.gset or name == "gset"
        self._tell(start, written, name, words)
        self._swap(end, ";" if name in ENDS else "", sent=name in ENDS)
        if name in ENDS:
            self._flush()
        return end

    def _tell(self, start: int, written: str, name: str, words: str) -> None:
        name = ALIAS.get(name, name)
        piped = name in TO_FILES and re.search("[|:]", words)
        if piped or "`" in words or name.startswith("!"):
            name = "!"
        elif name in SETS and words:
            chosen = words.split()[-1 if name == "prompt" else 0]
            if not re.fullmatch(r"[A-Za-z_]\w*", chosen, re.ASCII):
                name = "set what"
            elif chosen == "SINGLELINE":
                name = "single"
            self.names.add(chosen)
        if name in REFUSED:
            self._say(start, written, *REFUSED[name])
        elif name not in ENDS and not SCREEN.fullmatch(name):
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
        what = table_end(line)
        match = COPY.match(line, what)
        # psql itself takes \\' for the end of a string in some places, and not in others.
        if not what or match is None or "\\'" in line[:what]:
            self._say(start, self.text[start:end], "this \\copy cannot be read")
            return self._swap(end, "")
        if match["where"].lower().startswith("program"):
            self._say(start, self.text[start:end], *REFUSED["!"])
        inward = match["word"].lower() == "from"
        side = ("STDIN" if inward else "STDOUT").ljust(len(match["where"]))
        self._swap(
            end, f" COPY{line[:what]}{match['to']}{side}{match['rest'].rstrip()};", sent=True
        )
        self._flush()
        return self._data(end) if inward and match["where"].lower() == "stdin" else end

    def _include(self, start: int, end: int, name: str, words: str) -> int:
        path = words.strip("'").strip()
        bare = not words.startswith("'")
        said = self._say(
            start, self.text[start:end].rstrip(), "the file that is included here is not read",
            "Name it beside this one, or write \\ir and a path below the folder that is named.",
        )  # fmt: skip
        self._swap(end, "")
        inside = SPACE.sub("", "".join(self.now))
        if inside or not path or any(c in path for c in ":`'\"") or path.startswith("~"):
            return end
        if bare and len(path.split()) > 1:
            return end
        self.said.pop()
        self._close(end)
        self.found.append(Include(path=path, relative=INCLUDES[name], said=said))
        return end

    def _close(self, end: int) -> None:
        """The SQL so far as a piece."""
        self._take(end)
        self._flush()
        if self.own:
            for start, at in self.bare:
                self._late(start, at)
        text = "".join(self.out)
        self._check(text)
        said = tuple(sorted(self.said, key=lambda one: one.at))
        lines = self.text.count("\n", 0, self.first)
        self.found.append(Sql(text=text, lines=lines, said=said))
        # What follows on the same line keeps its column.
        column = end - self.text.rfind("\n", 0, end) - 1
        self.out, self.said, self.bare, self.gaps = [" " * column], [], [], []
        self.size = column
        self.first = end

    def _check(self, text: str) -> None:
        """What was taken for psql's must not stand in a string or comment of PostgreSQL's."""
        if not self.gaps:
            return
        try:
            tokens = [(t.start, t.end + 1) for t in scan(text)]
        except (ParseError, UnicodeEncodeError):
            return  # It is refused as what it is.
        begins = [start for start, _ in tokens]
        atomic = "atomic" in text.lower()
        for start, end, at, sent in self.gaps:
            around = tokens[bisect_left(begins, start) - 1 :][:1] if tokens else []
            last = tokens[bisect_left(begins, end) - 1 :][:1] if tokens else []
            if (
                any(one < start < stop for one, stop in around)
                or any(one < end < stop for one, stop in last)
                or (sent and atomic and parse_all(text[:end]) is None)
            ):
                size, self.size = self.size, start
                self._say(at, self.text[at : self._line_end(at)],
                          "what psql reads here and what PostgreSQL reads cannot be told apart",
                          "Write it without a command or rows inside of a string.")  # fmt: skip
                self.size = size

    def _late(self, start: int, at: int) -> None:
        """A variable of a script in which psql has had another word."""
        match = TOKEN.match(self.text, start)
        written = match[0] if match else ":"
        whole = "".join(self.out)
        self.out = [whole[:at], "$1".ljust(len(written)), whole[at + len(written) :]]
        size, self.size = self.size, at
        self._unknown(start, written)
        self.size = size
