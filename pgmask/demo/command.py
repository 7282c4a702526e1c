"""One command line of pgmask, as a person would type it."""

from __future__ import annotations

import os
import subprocess
import sys

from pgmask.demo.scene import Scene
from pgmask.demo.site import DATABASE
from pgmask.errors import InternalError


def pgmask(
    scene: Scene, login: str | None, *words: str, dbname: str = DATABASE, code: int = 0
) -> str:
    """What it prints on stdout; login: None is the DBA's; code: the exit code it must have.

    Raises InternalError (PM901) with the last words of a command that ends otherwise.
    """
    environ = {**os.environ, "PGMASK_DSN": scene.site.dsn(login, dbname=dbname)}
    done = subprocess.run(
        [sys.executable, "-m", "pgmask", *words],
        env=environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != code:
        raise InternalError(
            "PM901", f"pgmask {' '.join(words[:2])} ended with {done.returncode}",
            detail=done.stderr[-1500:],
        )  # fmt: skip
    return done.stdout
