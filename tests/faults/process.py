"""The command line as a process of its own, from a parent that has the program loaded already.

Each run is a fork of one process: own memory, descriptors, folder and environment, as a person's
shell would give it, without reading a thousand files first.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from pgmask.cli import main

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__, *(
    f"pgmask.cli.{verb.module}" for verb in main.VERBS
)])  # fmt: skip


def _child(
    words: Sequence[str], environ: Mapping[str, str], folder: str, out: str, err: str
) -> None:
    for number, name in ((1, out), (2, err)):
        handle = os.open(name, os.O_WRONLY)
        os.dup2(handle, number)
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(folder)
    code = main.run(words)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def run(
    words: Sequence[str], *, environ: Mapping[str, str], folder: Path, timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run a command line to its end. Raises AssertionError when it does not end."""
    with tempfile.NamedTemporaryFile("r") as out, tempfile.NamedTemporaryFile("r") as err:
        process = _CONTEXT.Process(
            target=_child, args=(list(words), dict(environ), str(folder), out.name, err.name)
        )
        process.start()
        process.join(timeout)
        hangs = process.is_alive()
        if hangs:
            process.kill()
            process.join()
        done = subprocess.CompletedProcess(
            list(words), process.exitcode or 0, out.read(), err.read()
        )
        process.close()
    assert not hangs, f"still running after {timeout} s: {done.stdout}{done.stderr}"
    return done
