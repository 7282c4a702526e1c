"""The auditor: three reports from the record, a hand in it, and the proof that names it."""

from __future__ import annotations

import datetime
import json
import time
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from pgmask.demo.acts import checkpoint
from pgmask.demo.command import pgmask
from pgmask.demo.living import LI
from pgmask.demo.scene import Scene, one
from pgmask.demo.site import DATABASE, KEEPER
from pgmask.demo.story import count
from pgmask.errors import InternalError
from pgmask.server import connect

AUDITOR = "auditor_zhou"


def watch(scene: Scene) -> None:
    """From here on what is read, changed and refused is collected.

    Not before the rows are sealed: the slot keeps the log of transactions since its last visit, and
    that of the time before holds plain values.  The one thing that only a superuser can give is the
    right to use a replication slot.
    """
    with scene.site.connect(autocommit=True) as dba:
        for group, login in (
            ("pgmask_collector", KEEPER), ("pgmask_record_sealer", KEEPER),
            ("pgmask_record_auditor", AUDITOR),
        ):  # fmt: skip
            dba.execute(
                sql.SQL("GRANT {} TO {}").format(sql.Identifier(group), sql.Identifier(login))
            )
    site = scene.site
    admin = site.cluster.dsn(dbname=DATABASE) if site.cluster is not None else site.dsn()
    try:
        with connect(admin, autocommit=True) as superuser:
            superuser.execute("ALTER ROLE pgmask_slots REPLICATION")
        pgmask(scene, KEEPER, "audit", "collect", "--setup")
    except (psycopg.Error, InternalError):
        scene.story.step(
            "record", "not collected here: wal_level = logical, and as a superuser"
            " ALTER ROLE pgmask_slots REPLICATION",
        )  # fmt: skip
        return
    scene.collected = True


def audit(scene: Scene, *, keep: bool = False) -> None:
    """What the auditor asks, and what he is told after somebody deleted a row.

    keep: the server goes on, so the record is whole again at the end and a slot holds new notes.
    """
    if not scene.collected:
        return
    started = time.perf_counter()
    key, heads = str(scene.site.folder / "seal.key"), scene.site.folder / "heads.jsonl"
    pgmask(scene, KEEPER, "audit", "key", "create", key)
    pgmask(scene, KEEPER, "audit", "collect", "--catch-up")
    pgmask(scene, KEEPER, "audit", "seal", "--key", key, "--to", f"file:{heads}")
    scene.story.step(
        "audit", "notes collected, the record sealed, its head left outside the database",
        time.perf_counter() - started,
    )  # fmt: skip
    _reports(scene)
    _tamper(scene, key, str(heads))
    with scene.site.connect(KEEPER, autocommit=True) as keeper:
        keeper.execute("SELECT pgmask_private.drop_slot()")
    if scene.site.cluster is not None:
        checkpoint(scene)  # the slot kept the log of the copy that was plain text again
    if keep:
        pgmask(scene, KEEPER, "audit", "collect", "--setup")
        pgmask(scene, KEEPER, "audit", "collect", "--once")


def _reports(scene: Scene) -> None:
    """Three questions, by the auditor's own login."""
    today = datetime.date.today()
    days = (
        "--from", str(today - datetime.timedelta(days=2)),
        "--to", str(today + datetime.timedelta(days=2)),
    )  # fmt: skip
    seen = _ask(scene, "who_saw", "--class", "customer", "--key", str(scene.chosen), *days)
    told = {
        word: sorted({str(row["person_id"]) for row in seen if row["certainty"] == word})
        for word in ("shown", "examined", "possible")
    }
    if str(LI) not in told["shown"]:
        raise InternalError("PM901", "a reveal is not in the report of who saw a customer")
    scene.story.line(
        f"  who saw customer {scene.chosen}?  "
        + "  ".join(f"{word}: {', '.join(who) or 'nobody'}" for word, who in told.items())
    )
    hers = _ask(scene, "what_person_saw", "--person", str(LI), *days)
    customers = {row["subject_key"] for row in hers if row.get("subject_key")}
    scene.story.line(f"  what did person {LI} see?  {count(len(customers), 'customer')}")
    refused: dict[str, int] = {}
    for row in _ask(scene, "refused_attempts"):
        refused[row["code"]] = refused.get(row["code"], 0) + 1
    scene.story.line(
        "  who was refused?  "
        + ", ".join(f"{code} {number}x" for code, number in sorted(refused.items()))
    )


def _ask(scene: Scene, report: str, *words: str) -> list[dict[str, Any]]:
    text = pgmask(scene, AUDITOR, "report", report, *words, "--format", "json")
    answer = json.loads(text)
    rows = answer["rows"] if isinstance(answer, dict) else answer
    return [dict(row) for row in rows]


def _tamper(scene: Scene, key: str, heads: str) -> None:
    """The record's owner takes the trigger off and deletes a row; the seal's key is not his.

    Afterwards the row is put back, and nothing is found any more.
    """
    verify = ("audit", "verify", "--public-key", f"{key}.pub", "--anchor", heads)
    pgmask(scene, KEEPER, *verify)
    with scene.site.connect() as dba:
        dba.execute("SET ROLE pgmask_owner")
        (number,) = one(
            dba, "SELECT min(access_id) FROM pgmask_audit.access WHERE subject_key = %s",
            str(scene.chosen),
        )  # fmt: skip
        dba.execute("ALTER TABLE pgmask_audit.access DISABLE TRIGGER a_only_added")
        (row,) = one(
            dba, "DELETE FROM pgmask_audit.access AS a WHERE access_id = %s RETURNING to_jsonb(a)",
            number,
        )  # fmt: skip
        dba.execute("ALTER TABLE pgmask_audit.access ENABLE ALWAYS TRIGGER a_only_added")
    said = pgmask(scene, KEEPER, *verify, code=2)
    named = next((line.strip() for line in said.splitlines() if str(number) in line), "")
    if not named:
        raise InternalError("PM901", "a deleted row of the record was not named")
    scene.story.line(f"  the record's owner deletes row {number} of pgmask_audit.access;  verify:")
    scene.story.line(f"    {' '.join(named.split())}")
    with scene.site.connect() as dba:
        dba.execute("SET ROLE pgmask_owner")
        dba.execute(
            "INSERT INTO pgmask_audit.access SELECT r.*"
            " FROM jsonb_populate_record(NULL::pgmask_audit.access, %s) AS r",
            (Jsonb(row),),
        )
    pgmask(scene, KEEPER, *verify)
    scene.story.line(
        f"  row {number} is put back as it was;  verify: everything is as it was sealed"
    )
