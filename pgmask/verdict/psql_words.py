r"""What psql takes a script for: its words, its strings, and where they end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pgmask.lineage.parse import parse_one

WORD: Final = r"A-Za-z0-9_\x80-\U0010ffff"
"""What names of variables, and but for ``$`` identifiers, go on with: psql counts bytes."""
TOKEN: Final = re.compile(
    r"(?P<comment>--[^\n\r]*)|(?P<nested>/\*)"
    rf"|(?P<dollar>(?<![{WORD}$])\$(?:(?!\d)[{WORD}]+)?\$)"
    rf"|(?P<escaped>(?<![{WORD}$])[eE]')|(?P<quote>['\"])|(?P<command>\\)|(?P<end>;)"
    rf"|(?P<variable>(?<!:):(?:'[{WORD}]+'|\"[{WORD}]+\"|\{{\?[{WORD}]+\}}|[{WORD}]+))"
)
ESCAPED: Final = re.compile(r"(?:[^'\\]|\\.|'')*'", re.DOTALL)
_GOES_ON: Final = re.compile(r"(?:[ \t\f\v]|--[^\n\r]*)*[\n\r](?:[ \t\n\r\f\v]|--[^\n\r]*[\n\r])*'")
"""Between two parts of one string."""
ARGUMENTS: Final = re.compile(
    r"(?:'(?:[^'\\\n]|\\.|'')*'|\"[^\"\n]*\"|`[^`\n]*`|[^\\\n'\"`])*(?:['\"`][^\n]*)?"
)
NAME: Final = re.compile(r"\\(?:[;:\\]|[^ \t\n\r\f\v\\]+)?")
COPIES: Final = re.compile(r"\s*copy\b.*\bfrom\s+stdin\b", re.IGNORECASE | re.DOTALL)
COPY: Final = re.compile(
    r"(?P<to>\s+(?P<word>from|to)\s+)"
    r"(?P<where>program\s+'(?:[^']|'')*'|'(?:[^']|'')*'|[^\s;]+)(?P<rest>.*)$",
    re.IGNORECASE,
)
TABLE: Final = re.compile(
    r"\s*(?:binary\s+)?(?:\"[^\"]*\"|[^\s(\"'])+(?:\s*\([^()]*\))?", re.IGNORECASE
)
SPACE: Final = re.compile(r"--[^\n]*|/\*.*?\*/|\s+", re.DOTALL)
SCREEN: Final = re.compile(
    r"(?:a|C|conninfo|copyright|echo|errverbose|f|getenv|h|H|help|html|l|o|p|prompt|pset|q"
    r"|qecho|quit|restrict|s[fv]|set|t|T|timing|unrestrict|unset|warn|x|z|\?|d[A-Za-z]*;?)\+?"
)
WHOLE: Final = frozenset({"!", "h", "help", "sf", "sv", "sf+", "sv+", "ef", "ev"})
"""Whose argument is the rest of the line, whatever stands in it."""
CERTAIN: Final = frozenset({"echo", "qecho", "warn"})
"""They cannot fail: after any other psql may pass over the rest of the line."""
ENDS: Final = frozenset({"g", "gx", "gset", "gdesc", "gexec", "crosstabview", "watch", "r"})
INCLUDES: Final = {"i": False, "include": False, "ir": True, "include_relative": True}
REFUSED: Final = {
    "gexec": ("the rows of this query are run as SQL, and are not known here",
              "Write the statements out, or a DO block whose statements can be read."),
    "c": ("what follows runs on another connection",
          "Validate it as a text of its own, with that connection's --schema and --profile."),
    "if": ("psql decides at run time what runs here",
           "Write the cases as files of their own, and validate each."),
    "single": ("from here on every line is a statement to psql", "End statements by semicolons."),
    "set what": ("which of psql's variables is set here is not known",
                 "Write its name without quotes: a letter, then letters, digits and _."),
    "!": ("a command of the shell is run", "Run it beside psql."),
}  # fmt: skip
LINE: Final = (
    "where the command before it fails, psql passes over the rest of this line",
    "Write it on a line of its own.",
)
TO_FILES: Final = frozenset({"g", "gx", "o", "out"})
"""With a pipe, or a variable that may be one, they run a command of the shell."""
SETS: Final = frozenset({"set", "prompt", "getenv"})
ALIAS: Final = {"connect": "c", "elif": "if", "else": "if", "endif": "if"}


def past(text: str, match: re.Match[str]) -> int:
    """Where a comment or string ends that begins here."""
    kind, end = match.lastgroup, match.end()
    if kind == "comment":
        return end
    if kind == "nested":
        depth = 1
        for one in re.compile(r"/\*|\*/").finditer(text, end):
            depth += 1 if one[0] == "/*" else -1
            if not depth:
                return one.end()
        return len(text)
    if kind == "escaped":
        while closed := ESCAPED.match(text, end):
            end = closed.end()
            more = _GOES_ON.match(text, end)
            if more is None:
                return end
            end = more.end()
        return len(text)
    found = text.find(match[0], end)
    return found + len(match[0]) if found >= 0 else len(text)


def would_run(text: str, at: int, stop: int, names: set[str]) -> bool:
    """Whether psql would run something of these rows, were they no rows: a statement that begins
    in them, a command, or the text of a variable of one of these names.
    """
    if any(parse_one(part) for part in text[at:stop].split(";")[:-1]):
        return True
    begin = since = at
    parts: list[str] = []
    while (match := TOKEN.search(text, at)) and (match.start() < stop or begin < stop):
        kind, start, at = match.lastgroup, match.start(), match.end()
        if start == stop and not SPACE.sub("", "".join([*parts, text[since:stop]])):
            return False
        if kind == "variable":
            if start < stop and match[0].strip(":'\"{?}") in names:
                return True
        elif kind == "end":
            if parse_one("".join([*parts, text[since:at]])):
                return True
            parts, begin, since = [], at, at
        elif kind != "command":
            at = past(text, match)
        else:
            parts.append(text[since:start])
            name = (NAME.match(text, start) or match)[0][1:]
            at = start + 1 + len(name)
            known = ALIAS.get(name, name)
            if start < stop and (known in REFUSED or name in INCLUDES or name == "copy"):
                return True
            if name in ENDS or name == ";":
                if name != "r" and parse_one("".join(parts)):
                    return True
                parts, begin = [], at
            if name not in (";", ":", "\\"):
                # What is no command makes psql pass over the line.
                given = ARGUMENTS.match(text, at) if _ours(name) else None
                line = text.find("\n", at)
                at = given.end() if given else line if line >= 0 else len(text)
            since = at
    return begin < stop and match is None and parse_one("".join([*parts, text[since:]])) is not None


def _ours(name: str) -> bool:
    return name in ENDS or SCREEN.fullmatch(name) is not None


def table_end(line: str) -> int:
    r"""Where the table or query of a ``\copy`` ends; 0 where none is there."""
    begin = len(line) - len(line.lstrip())
    if not line.startswith("(", begin):
        match = TABLE.match(line)
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
