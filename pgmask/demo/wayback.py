"""The way back, taken in a copy of the sealed database and compared with what was there before."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from pgmask.demo.acts import checkpoint
from pgmask.demo.command import pgmask
from pgmask.demo.scene import Scene
from pgmask.demo.site import AFTER, BEFORE, DATABASE, OWNER
from pgmask.errors import InternalError
from pgmask.runtime.keys import GRANT as KEY_GRANT

APPROVER: Final = "auditor_zhou"
"""Who approves the way back; the DBA asks for it."""


def copy(scene: Scene) -> None:
    """A copy of the sealed database, before anything is changed in it."""
    scene.close()
    with scene.site.connect(dbname="postgres", autocommit=True) as dba:
        dba.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(AFTER), sql.Identifier(DATABASE)
            )
        )


def leave(scene: Scene) -> None:
    """``pgmask unseal``, ``pgmask uninstall``: the copy is the database of line 1 again."""
    started = time.perf_counter()
    site, key = scene.site, str(scene.site.key_file)
    with site.connect(dbname=AFTER, autocommit=True) as dba:
        # What the application made on the views goes, and comes back over its tables.
        dba.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(OWNER)))
        dba.execute("DROP VIEW crm.renewal, crm.unit_portfolio")
        dba.execute("RESET ROLE")
        dba.execute(
            sql.SQL("GRANT pgmask_unseal TO CURRENT_USER, {}").format(sql.Identifier(APPROVER))
        )
    if site.cluster is None:
        pgmask(scene, None, "keys", "load", key, dbname=AFTER)
    pgmask(
        scene, None, "unseal", "request", "--all", "--purpose", "show the way back",
        "--reference", "demo", dbname=AFTER,
    )  # fmt: skip
    pgmask(scene, APPROVER, "unseal", "approve", "1", dbname=AFTER)
    pgmask(scene, None, "unseal", "run", "1", "--key-file", key, dbname=AFTER)
    pgmask(scene, None, "uninstall", "--yes-database", AFTER, "--drop-audit", dbname=AFTER)
    with site.connect(dbname=AFTER) as dba:
        dba.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(OWNER)))
        dba.execute(scene.script("views.sql"))
        dba.execute(scene.script("grants.sql"))
    if site.cluster is not None:
        # What a superuser gave, to let the server read the key file, a superuser takes back.
        with psycopg.connect(site.cluster.dsn(dbname=AFTER), autocommit=True) as admin:
            admin.execute(
                KEY_GRANT.replace("GRANT", "REVOKE", 1).replace(" TO ", " FROM ").encode()
            )
    took = time.perf_counter() - started
    different = _differences(_dump(scene, AFTER), scene.before)
    if different:
        raise InternalError(
            "PM901", f"after the way back {different} lines of the dump are not as before"
        )
    scene.story.step(
        "way back",
        "pgmask unseal --all, approved by a second person, pgmask uninstall, in a copy: its dump"
        f" is that of line 1, {len(scene.before):,} lines compared",
        took,
    )
    with site.connect(dbname="postgres", autocommit=True) as dba:
        dba.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(AFTER)))
    if site.cluster is not None:
        checkpoint(scene)  # the copy was plain text again: it leaves the disk, its log too


def remember(scene: Scene) -> None:
    """The dump of the copy that was taken before pgmask came."""
    scene.before = _dump(scene, BEFORE)


def _dump(scene: Scene, dbname: str) -> tuple[str, ...]:
    """Every line that means something, without those that hold no order; never printed."""
    parts = conninfo_to_dict(scene.site.dsn(dbname=dbname))
    words = [f"--{k}={parts[k]}" for k in ("host", "port") if parts.get(k)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "dump.sql"
        done = scene.site.binaries.run(
            "pg_dump", *words, f"--username={parts['user']}", f"--file={path}", dbname,
            password=str(parts["password"]),
        )  # fmt: skip
        if done.returncode != 0:
            raise InternalError("PM901", "pg_dump failed", detail=done.stderr[-1500:])
        lines = path.read_text("utf-8").splitlines()
    skip = ("--", "\\restrict", "\\unrestrict")
    # Rows lie in the order of their last change, so the lines are compared as a bag.
    return tuple(sorted(line for line in lines if line.strip() and not line.startswith(skip)))


def _differences(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    return sum(a != b for a, b in zip(one, other, strict=False)) + abs(len(one) - len(other))
