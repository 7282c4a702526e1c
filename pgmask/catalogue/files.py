"""The files of a catalogue: the main one, its includes with their owners, own packs, the lock."""

from __future__ import annotations

import glob
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pgmask.catalogue.keys import PART, ROOT
from pgmask.catalogue.model import Position
from pgmask.catalogue.nodes import parse
from pgmask.catalogue.problems import Problems
from pgmask.catalogue.shapes import BAD, Entry, Located, Record

MAX_BYTES = 32 * 1024 * 1024
"""More than any catalogue; a guard against a wrong path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Include:
    """One included file: its path below the folder, who answers for it, where it was named."""

    file: str
    owner: str
    at: Position


@dataclass(slots=True)
class Part:
    """One file as read: owner '' and domain '' for the main file."""

    entry: Entry
    file: str
    owner: str
    domain: str


@dataclass(slots=True)
class Sources:
    """Everything read from disk; texts: content by file, for hashing."""

    folder: Path
    main: str
    texts: dict[str, str] = field(default_factory=dict)
    root: Entry | None = None
    parts: list[Part] = field(default_factory=list)
    lock: str | None = None

    def read(self, path: Path, file: str, at: Position, problems: Problems) -> str | None:
        """The text of one more file, kept for the digest; None after recording why not."""
        text = read_text(path, file, at, problems)
        if text is not None:
            self.texts[file] = text
        return text

    @property
    def digest(self) -> str:
        """SHA-256 over names and contents, independent of their order."""
        hasher = hashlib.sha256()
        for name in sorted(self.texts):
            text = self.texts[name]
            hasher.update(f"{len(name)}:{name}{len(text)}:".encode("utf-8", "surrogatepass"))
            hasher.update(text.encode("utf-8", "surrogatepass"))
        return hasher.hexdigest()


def main_file(path: Path) -> Path:
    """The main file: the path itself, or ``pgmask.yml`` of a folder."""
    return path / "pgmask.yml" if path.is_dir() else path


def lock_file(path: Path) -> Path:
    """The lock file beside the main file."""
    main = main_file(path)
    return main.with_name("catalogue.lock" if main.stem == "pgmask" else main.stem + ".lock")


def read_text(path: Path, file: str, at: Position, problems: Problems) -> str | None:
    """The text of a file, or None after recording why it cannot be read."""
    try:
        if path.stat().st_size > MAX_BYTES:
            problems.add(
                "PM010", "too-large", at, f"{file} is larger than 32 MiB", "Is it the file?"
            )
            return None
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode("utf-8")
        line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
        problems.add(
            "PM010",
            "utf-8",
            Position(file, line, column),
            "not UTF-8 from here",
            "Save the file as UTF-8.",
        )
    except OSError as error:
        problems.add(
            "PM010",
            "file",
            at,
            f"cannot read {file}: {error.strerror or 'no such file'}",
            "Give the path of a catalogue or file that is there and may be read.",
        )
    return None


def read_files(path: Path, problems: Problems) -> Sources:
    """The main file and everything it includes, each read once."""
    main = main_file(path)
    sources = Sources(main.parent, main.name)
    text = sources.read(main, main.name, Position(main.name, 1, 1), problems)
    if text is None:
        return sources
    sources.root = _entry(ROOT, text, main.name, problems)
    lock = lock_file(main)
    if lock.is_file():
        sources.lock = sources.read(lock, lock.name, Position(lock.name, 1, 1), problems)
    if sources.root is None:
        return sources
    sources.parts.append(Part(sources.root, main.name, "", ""))
    for include in includes(sources.root.get("include", ()), sources.folder, main.name, problems):
        path_ = sources.folder / include.file
        text = sources.read(path_, include.file, include.at, problems)
        if text is None:
            continue
        entry = _entry(PART, text, include.file, problems)
        if entry is not None:
            domain = entry.get("domain") or Path(include.file).stem
            sources.parts.append(Part(entry, include.file, include.owner, domain))
    return sources


def _entry(record: Record, text: str, file: str, problems: Problems) -> Entry | None:
    node = parse(text, file, problems)
    if node is None:
        if not any(p.position.file == file for p in problems.all):
            problems.add("PM010", "empty", Position(file, 1, 1), "the file is empty", "Fill it.")
        return None
    read: Any = record.read(node, problems)
    return None if read is BAD else read


def includes(
    entries: tuple[Entry, ...], folder: Path, main: str, problems: Problems
) -> tuple[Include, ...]:
    """The included files, sorted; each may be named by one include only."""
    inside = folder.resolve()
    found: dict[str, Include] = {}
    for entry in entries:
        wanted, owner = entry.get("file"), entry.get("owner")
        if wanted is None:
            continue
        at = entry.place("file")
        if Path(wanted).is_absolute() or ".." in Path(wanted).parts:
            problems.add(
                "PM012",
                "include-outside",
                at,
                f"{wanted!r} lies outside the catalogue's folder",
                "Include files below the main file's folder only.",
            )
            continue
        matched = sorted(glob.glob(wanted, root_dir=folder, recursive=True))
        files = [m for m in matched if (folder / m).is_file()]
        if not files:
            problems.add(
                "PM013",
                "include-nothing",
                at,
                f"no file matches {wanted!r}",
                "Correct the path, or remove the include.",
            )
        for file in files:
            name = Path(file).as_posix()
            if not (folder / file).resolve().is_relative_to(inside):
                problems.add(
                    "PM012",
                    "include-outside",
                    at,
                    f"{name!r} leads outside the catalogue's folder",
                    "A link may not leave the folder.",
                )
            elif name == main:
                problems.add(
                    "PM012", "include-main", at, "the main file includes itself", "Narrow the glob."
                )
            elif name in found:
                if found[name].at != at:
                    problems.add(
                        "PM012",
                        "include-twice",
                        at,
                        f"{name!r} is included twice, first at line {found[name].at.line}",
                        "One file has one owner.",
                    )
            else:
                found[name] = Include(file=name, owner=owner or "", at=at)
    return tuple(found[name] for name in sorted(found))


def values(located: tuple[Located, ...] | None) -> tuple[Any, ...]:
    """The bare values of a list."""
    return tuple(item.value for item in located or ())
