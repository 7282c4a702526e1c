"""Text into statements, by PostgreSQL's own grammar, with their places in the text."""

from __future__ import annotations

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from pglast import Error, split
from pglast.parser import ParseError, parse_sql_json

Node = dict[str, Any]
_SPAN: Final = 1024
"""Characters between two places whose byte is known."""
_HALF: Final = re.compile("[\ud800-\udfff]")
_BETWEEN: Final = re.compile(r"--[^\n]*|/\*.*?\*/|[\s;]+", re.DOTALL)


@dataclass(slots=True)
class Parsed:
    """One statement: its tree, or why there is none.

    base: what is added to the positions of the tree, in bytes; start, end: in bytes of the text.
    """

    tree: Node | None
    start: int
    end: int
    base: int = 0
    problem: str = ""
    problem_at: int = -1


class Text:
    """The text and its places: the parser counts bytes, people count characters and lines."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.ascii = text.isascii()
        self.bytes = text.encode("utf-8", "surrogatepass") if not self.ascii else b""
        # The byte of every so many characters, so that no place is counted from the beginning.
        self._marks = [0]
        if not self.ascii:
            for at in range(0, len(text) - _SPAN, _SPAN):
                piece = text[at : at + _SPAN].encode("utf-8", "surrogatepass")
                self._marks.append(self._marks[-1] + len(piece))
        self._ends = [m.start() for m in re.finditer("\n", text)]

    def character(self, byte: int) -> int:
        """The character at a byte, -1 of an unknown one."""
        if self.ascii or byte < 0:
            return byte
        mark = bisect_right(self._marks, byte) - 1
        rest = self.bytes[self._marks[mark] : byte]
        return mark * _SPAN + len(rest.decode("utf-8", "replace"))

    def byte(self, character: int) -> int:
        """The byte at which a character begins."""
        if self.ascii:
            return character
        mark = min(character // _SPAN, len(self._marks) - 1)
        rest = self.text[mark * _SPAN : character]
        return self._marks[mark] + len(rest.encode("utf-8", "surrogatepass"))

    def part(self, start: int, end: int) -> str:
        """The text from one byte to another."""
        return self.text[self.character(start) : self.character(end)]

    def line(self, character: int) -> int:
        """The line of a character, from 1."""
        return bisect_left(self._ends, character) + 1


def statements(text: Text) -> Iterator[Parsed]:
    """Every statement of the text in its order; one that cannot be parsed does not hide others."""
    size = len(text.text) if text.ascii else len(text.bytes)
    if "\0" in text.text:
        yield Parsed(None, 0, size, problem="there is a NUL character in the text", problem_at=0)
        return
    if not text.ascii and _HALF.search(text.text):
        yield Parsed(None, 0, size, problem="there is half a character in the text", problem_at=0)
        return
    try:
        found = json.loads(parse_sql_json(text.text))
    except ParseError as error:
        yield from _one_by_one(text, size, error)
        return
    except RecursionError:
        yield Parsed(None, 0, size, problem="it is nested too deeply", problem_at=0)
        return
    for one in found.get("stmts", ()):
        start = one.get("stmt_location", 0)
        length = one.get("stmt_len", 0)
        yield Parsed(one.get("stmt"), start, start + length if length else size)


def _one_by_one(text: Text, size: int, error: ParseError) -> Iterator[Parsed]:
    """Each statement for itself; what is between them and no comment is told too."""
    # Slices of Python's split count characters.
    whole = text.text
    stop = len(whole)
    try:
        slices = list(split(whole, with_parser=False, only_slices=True))
    except (Error, ValueError, RecursionError) as problem:
        # An open quote or comment: what stands before it can be read.
        place = problem.args[1] if len(problem.args) > 1 else 0
        stop = whole.rfind(";", 0, place) + 1 if isinstance(place, int) and place > 0 else 0
        try:
            slices = list(split(whole[:stop], with_parser=False, only_slices=True)) if stop else []
        except (Error, ValueError, RecursionError):
            stop, slices = 0, []
    done = 0
    for one in [*slices, slice(stop, stop)]:
        if _BETWEEN.sub("", whole[done : one.start]):
            at = text.byte(_begins(whole, done))
            yield Parsed(None, at, text.byte(one.start), problem="syntax error", problem_at=at)
        done = one.stop
        if one.start < one.stop:
            yield from _alone(text, one)
    if stop < len(whole):
        start = text.byte(stop)
        yield Parsed(None, start, size, problem=_said(error), problem_at=start)


def _alone(text: Text, one: slice) -> Iterator[Parsed]:
    part = text.text[one]
    start = text.byte(one.start)
    end = text.byte(one.stop)
    try:
        found = json.loads(parse_sql_json(part))
    except ParseError as problem:
        at = start + _place(problem, part)
        yield Parsed(None, start, end, problem=_said(problem), problem_at=at)
        return
    except RecursionError:
        yield Parsed(None, start, end, problem="it is nested too deeply", problem_at=start)
        return
    for made in found.get("stmts", ()):
        begin = start + made.get("stmt_location", 0)
        length = made.get("stmt_len", 0)
        yield Parsed(made.get("stmt"), begin, begin + length if length else end, base=start)


def _begins(whole: str, at: int) -> int:
    """Where something stands that is neither space nor comment."""
    while match := _BETWEEN.match(whole, at):
        at = match.end()
    return at


def _said(error: ParseError) -> str:
    """The parser's words without what it quotes of the statement: that may be a value."""
    words = str(error.args[0]) if error.args else "syntax error"
    return words.split(' at or near "')[0].split(' "')[0]


def _place(error: ParseError, part: str) -> int:
    place = error.args[1] if len(error.args) > 1 else 0
    character = place if isinstance(place, int) and place >= 0 else 0
    return character if part.isascii() else len(part[:character].encode())


def parse_one(sql: str) -> Node | None:
    """The tree of one statement, None where it cannot be parsed."""
    try:
        found = json.loads(parse_sql_json(sql))
    except (ParseError, RecursionError):
        return None
    listed = found.get("stmts", ())
    return listed[0].get("stmt") if len(listed) == 1 else None


def parse_all(sql: str) -> list[tuple[Node, int, int]] | None:
    """The trees of several statements with their bytes from and to, None where one cannot."""
    try:
        found = json.loads(parse_sql_json(sql))
    except (ParseError, RecursionError):
        return None
    size = len(sql.encode())
    made = []
    for one in found.get("stmts", ()):
        start = one.get("stmt_location", 0)
        length = one.get("stmt_len", 0)
        made.append((one.get("stmt"), start, start + length if length else size))
    return made
