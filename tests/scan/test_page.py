"""The page is followed from its first line: its server, its commands, what it says they print."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks, missing_lines

PAGE = ROOT / "docs/howto/scan-a-database.md"
_END = "@@pgmask-page@@"


@pytest.fixture
def pasted() -> Iterator[str]:
    """What the server of the page prints to be pasted; it ends by Ctrl-C."""
    process = subprocess.Popen(
        [sys.executable, "-u", "docs/howto/scan-a-database/server.py"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True, stdout=subprocess.PIPE,
        # As in somebody's terminal: what runs in the background is given a Ctrl-C that is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert process.stdout is not None
    lines = [process.stdout.readline(), process.stdout.readline()]
    assert all(line.startswith("export ") for line in lines), lines
    try:
        yield "".join(lines)
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
        process.stdout.close()


@pytest.mark.requirement("A1", "A5")
def test_the_page_can_be_followed(pasted: str, tmp_path: Path) -> None:
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    pgmask = tmp_path / "bin" / "pgmask"
    pgmask.parent.mkdir()
    pgmask.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pgmask "$@"\n', "utf-8")
    pgmask.chmod(0o755)
    page = list(blocks(PAGE))
    marked = [b for b in page if b.mark == "run"]
    script = [pasted, f"export PATH={pgmask.parent}:$PATH"]
    script += [f'{{\n{b.text}\n}} 2>&1 </dev/null\necho "\n{_END} $?"\n' for b in marked]
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)], cwd=tmp_path, text=True, check=False, timeout=300,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={"PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "LC_ALL": "C.UTF-8",
             "PATH": os.environ["PATH"], "COLUMNS": "200", "TERM": "dumb"},
    )  # fmt: skip
    parts = done.stdout.split(f"\n{_END} ")
    assert len(parts) == len(marked) + 1, done.stdout
    printed = [parts[0], *(p.split("\n", 1)[-1] for p in parts[1:-1])]
    wanted = [int(b.words.removeprefix("exits ")) if "exits" in b.words else 0 for b in marked]
    ended = [int(p.split("\n", 1)[0]) for p in parts[1:]]
    assert ended == wanted, done.stdout
    compared = 0
    for block, text in zip(marked, printed, strict=True):
        after = [b for b in page if b.line > block.line][:1]
        if after and after[0].mark == "prints":
            assert missing_lines(after[0].text, text) is None, text
            compared += 1
    assert compared == len([b for b in page if b.mark == "prints"])
