"""Reading the pages of docs/: fenced blocks with their marks, links, command lines, codes.

A block that a test runs has a comment above it::

    <!-- run -->                 must end with 0
    <!-- run: exits 2 -->        must end with 2
    <!-- run: superuser -->      as a superuser of the server

and the block after ``<!-- prints -->`` holds lines that it must print, in this order. ``…`` in such
a line stands for anything, a line of ``…`` alone for any number of lines.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
_FENCE: Final = re.compile(r"^( *)```(\S*)\s*$")
_MARK: Final = re.compile(r"^<!-- (run|prints)(?:: ([\w ,]+))? -->$")
_LINK: Final = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_CODE_SPAN: Final = re.compile(r"(`+)(.+?)\1", re.DOTALL)
SHELL: Final = frozenset({"sh", "bash", "shell", ""})


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block: where it begins, its language, its text, the mark above it."""

    page: Path
    line: int
    language: str
    text: str
    mark: str = ""
    words: str = ""

    @property
    def place(self) -> str:
        """``docs/page.md:12``."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> tuple[Path, ...]:
    """Every page: docs/ and the top level."""
    return (*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/**/*.md")))


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    mark, words, above = "", "", False
    fence: tuple[int, str, str, list[str]] | None = None
    for number, line in enumerate(page.read_text("utf-8").splitlines(), 1):
        found = _FENCE.match(line)
        if fence is not None:
            if found and found[2] == "":
                start, language, indent, body = fence
                yield Block(
                    page=page, line=start, language=language, mark=mark, words=words,
                    text="\n".join(one.removeprefix(indent) for one in body),
                )  # fmt: skip
                fence, mark, words = None, "", ""
            else:
                fence[3].append(line)
        elif found:
            fence = (number, found[2], found[1], [])
            if not above:
                mark, words = "", ""
        elif line.strip():
            marked = _MARK.match(line.strip())
            mark, words = (marked[1], marked[2] or "") if marked else ("", "")
            above = marked is not None
    assert fence is None, f"{page}: a block is not closed"


def links(page: Path) -> Iterator[str]:
    """The targets of all links outside code."""
    text = re.sub(r"^ *```.*?^ *```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    yield from _LINK.findall(_CODE_SPAN.sub("", text))


def anchors(page: Path) -> set[str]:
    """The anchors that headings of a page make, as GitHub makes them."""
    found = set()
    for line in page.read_text("utf-8").splitlines():
        if line.startswith("#"):
            title = re.sub(r"[`*]", "", line.lstrip("#").strip()).lower()
            found.add(re.sub(r"[^\w\- ]", "", title).replace(" ", "-"))
    return found


def commands(page: Path) -> Iterator[tuple[str, list[str]]]:
    """Every command line of pgmask in shell blocks and code spans: place, words after ``pgmask``.

    Comments, pipes and redirections end a command; ``...`` and upper-case placeholders stay words.
    """
    for block in blocks(page):
        if block.language not in SHELL:
            continue
        joined = re.sub(r"\\\n\s*", " ", block.text)
        for offset, line in enumerate(joined.splitlines()):
            words = _words(line.removeprefix("$ "))
            if words:
                yield f"{block.page.relative_to(ROOT)}:{block.line + offset + 1}", words
    text = re.sub(r"^ *```.*?^ *```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    for _, span in _CODE_SPAN.findall(text):
        words = _words(" ".join(span.split()))
        if words:
            yield f"{page.relative_to(ROOT)}: `{span}`", words


def _words(line: str) -> list[str]:
    try:
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>()")
        lexer.whitespace_split = True
        words = list(lexer)
    except ValueError:
        return []
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words = words[1:]
    if not words or words[0] not in ("pgmask", "./demo"):
        return []
    ends = [n for n, w in enumerate(words) if set(w) & set("|&;<>()")]
    taken = words[1 : ends[0]] if ends else words[1:]
    return (["demo", *taken] if words[0] == "./demo" else taken) or ["--help"]


def codes(page: Path) -> set[str]:
    """The PM codes a page names; PM10x and the like are groups and left out."""
    return set(re.findall(r"\bPM[0-9]{3}\b", page.read_text("utf-8")))


def missing_lines(shown: str, printed: str) -> str | None:
    """The first line of ``shown`` that ``printed`` does not have, in order; None when all are."""
    actual = [line.rstrip() for line in printed.splitlines()]
    place = 0
    for line in shown.splitlines():
        wanted = line.rstrip()
        if wanted in ("", "…", "..."):
            continue
        pattern = re.compile(".*".join(re.escape(part) for part in wanted.split("…")))
        at = next((n for n in range(place, len(actual)) if pattern.fullmatch(actual[n])), None)
        if at is None:
            return line
        place = at + 1
    return None
