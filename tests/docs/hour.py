"""Runs a page's marked blocks in one shell against a server, as a reader does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from pgmask.server import Cluster
from tests.docs.pages import ROOT, Block, blocks

_END = "@@pgmask-docs@@"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A block that was run: its exit code and everything it printed, errors included."""

    block: Block
    code: int
    printed: str

    @property
    def wanted(self) -> int:
        """The exit code that the page states."""
        return int(self.block.words.removeprefix("exits ")) if "exits" in self.block.words else 0


def run(
    page: Path, cluster: Cluster, folder: Path, *, without: tuple[str, ...] = ()
) -> tuple[tuple[Ran, ...], dict[str, str]]:
    """Run every marked block of a page in a folder with the repository's examples and docs.

    without: blocks with one of these texts are left out, for what is there already. Gives what each
    did, and the environment the blocks ran in.
    """
    for name in ("examples", "docs"):
        (folder / name).symlink_to(ROOT / name)
    marked = [
        b for b in blocks(page) if b.mark == "run" and not any(text in b.text for text in without)
    ]
    script = []
    for block in marked:
        before = f"PGPASSWORD='{cluster.password}' " if block.words == "superuser" else ""
        script.append(f'{{\n{before}{block.text}\n}} 2>&1\necho "\n{_END} $?"\n')
    environ = _environ(cluster, folder)
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=folder, env=environ, text=True, check=False, timeout=300,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    parts = done.stdout.split(f"\n{_END} ")
    codes = [int(part.split("\n", 1)[0]) for part in parts[1:]]
    texts = [parts[0], *(part.split("\n", 1)[-1] for part in parts[1:])]
    assert len(codes) == len(marked), done.stdout[-2000:]
    ran = zip(marked, codes, texts[:-1], strict=True)
    return tuple(Ran(block=b, code=c, printed=t) for b, c, t in ran), environ


def _environ(cluster: Cluster, folder: Path) -> dict[str, str]:
    """A bare environment: the server's own client programs, and pgmask of this checkout."""
    tools = folder / "bin"
    tools.mkdir()
    pgmask = tools / "pgmask"
    pgmask.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pgmask "$@"\n', "utf-8")
    pgmask.chmod(0o755)
    python = tools / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', "utf-8")
    python.chmod(0o755)
    return {
        **cluster.binaries.environ(),
        "PATH": f"{tools}:{cluster.binaries.bin}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "PGHOST": "127.0.0.1",
        "PGPORT": str(cluster.port),
        "PGTZ": "Asia/Shanghai",
        "COLUMNS": "200",
        "TERM": "dumb",
    }


def main() -> None:
    """``python -m tests.docs.hour PAGE VERSION``: print what the page's blocks print, to paste."""
    import tempfile

    from pgmask.server import throw_away

    page, major = Path(sys.argv[1]).resolve(), int(sys.argv[2])
    folder = Path(tempfile.mkdtemp())
    try:
        with throw_away(major=major) as cluster:
            for ran in run(page, cluster, folder)[0]:
                print(f"### {ran.block.place} exits {ran.code}, wanted {ran.wanted}")
                print(ran.block.text)
                print("---")
                print(ran.printed)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
