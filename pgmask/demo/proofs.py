"""The later acts: what an application writes, what a thief finds, what it costs, how to go on."""

from __future__ import annotations

import datetime
import shlex
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from pgmask import keyfile
from pgmask.demo import cost as costs
from pgmask.demo.acts import assertion, checkpoint, share
from pgmask.demo.keyholder import open_customers
from pgmask.demo.scene import Connection, Scene, one
from pgmask.demo.site import APPLICATION, BACKUP, BEFORE, write_doors
from pgmask.demo.story import count
from pgmask.demo.thief import search_folder
from pgmask.errors import InternalError
from pgmask.kinds import generate as forms

NEW_PHONE: Final = "13900001111"
MADE_UP: Final = "137****0000"


def write(scene: Scene) -> None:
    """An application's UPDATE, a whole row written back, a mask nobody gave it."""
    story = scene.story
    application = scene.by(APPLICATION)
    story.line(f"UPDATE customer SET phone = '{NEW_PHONE}' WHERE id = {scene.chosen}")  # noqa: S608
    before = truth(scene)
    with _as_li(scene, application):
        stored = one(
            application,
            "UPDATE customer SET phone = %s WHERE id = %s RETURNING phone",
            NEW_PHONE,
            scene.chosen,
        )[0]
    after = truth(scene)
    story.line(
        f"  stored as {stored}; the key holder opens {before['phone']} before,"
        f" {after['phone']} after"
    )
    with _as_li(scene, application):
        row = application.execute("SELECT * FROM customer WHERE id = %s", (scene.chosen,))
        names = [c.name for c in row.description or () if c.name != "id"]
        values = dict(
            zip([c.name for c in row.description or ()], row.fetchone() or (), strict=True)
        )
        changed = application.execute(
            sql.SQL("UPDATE customer SET {} WHERE id = {}").format(
                sql.SQL(", ").join(
                    sql.SQL("{} = {}").format(sql.Identifier(n), sql.Placeholder(n)) for n in names
                ),
                sql.Placeholder("id"),
            ),
            values,
        ).rowcount
    kept = truth(scene)
    if kept != after:
        raise InternalError("PM901", "a row written back with its masks lost a value")
    masks = sum(isinstance(v, str) and "*" in v for v in values.values())
    story.line(
        f"the row written back whole, as an ORM does, {masks} of {len(names)} columns masked:"
        f" {count(changed, 'row')} updated, {len(kept)} of {len(kept)} truths kept"
    )
    try:
        with _as_li(scene, application):
            application.execute(
                "UPDATE customer SET phone = %s WHERE id = %s", (MADE_UP, scene.chosen)
            )
        raise InternalError("PM901", "a made-up mask was accepted")
    except psycopg.Error as error:
        story.line(
            f"a mask of another row, {MADE_UP}: ERROR {error.sqlstate} {error.diag.message_primary}"
        )


def measure(scene: Scene) -> None:
    """Compare with the copy that was taken before, then drop that copy."""
    customer = scene.insurer.table("customer") if scene.insurer is not None else None
    assert customer is not None  # noqa: S101  the first act
    columns = tuple(c for c in customer.columns if c != "id")
    with scene.site.connect("agent_li", dbname=BEFORE) as raw:
        masked = scene.by("agent_li")
        ids = [i for (i,) in masked.execute("SELECT id FROM crm.customer LIMIT 200").fetchall()]
        masked.rollback()
        found = [costs.lookups(raw, masked, ids, 400), costs.scans(raw, masked, 25)]
    with scene.site.connect(APPLICATION, dbname=BEFORE) as raw:
        rows = _new_customers(columns, customer.rows[0], customer.columns)
        found.append(costs.inserts(raw, scene.by("agent_li"), rows, columns))
    scene.costs = tuple(found)
    with scene.site.connect(dbname="postgres", autocommit=True) as dba:
        dba.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(BEFORE)))


def steal(scene: Scene) -> None:
    """The nightly dump and the disk, searched for every number there ever was."""
    assert scene.loot is not None  # noqa: S101  the first act
    with tempfile.TemporaryDirectory() as folder:
        dump = Path(folder) / "dump.sql"
        took = _dump(scene, dump)
        loot = scene.loot.again()
        search_folder(Path(folder), loot, dump=True)
        size = dump.stat().st_size
    scene.story.step(
        "thief",
        f"a dump by the backup login, {size / 1e6:.1f} MB: {share(loot, 'phone numbers')},"
        f" {loot.total:,} of {loot.size:,} values of all kinds",
        took,
    )
    if scene.site.cluster is None:
        scene.story.step("", "the disk is not ours to search on this server")
        return
    started = time.perf_counter()
    scene.close()
    checkpoint(scene)
    loot = scene.loot.again()
    size = search_folder(scene.site.cluster.data, loot)
    loot.search(scene.site.cluster.log.read_bytes())
    scene.story.step(
        "",
        f"the disk, {size / 1e6:.0f} MB with all logs: {share(loot, 'phone numbers')},"
        f" {loot.total:,} of {loot.size:,} values of all kinds",
        time.perf_counter() - started,
    )
    if loot.total:
        raise InternalError("PM901", "a sealed value was found in the files of the server")


def cost(scene: Scene) -> None:
    """What was measured."""
    for number, found in enumerate(scene.costs):
        times = f"{found.raw * 1e6:,.0f} -> {found.masked * 1e6:,.0f} us"
        scene.story.step(
            "" if number else "cost",
            f"{found.name:<24} {found.ratio:.2f}x  {times:<18} of an unprotected copy, just now",
        )


def go_on(scene: Scene) -> None:
    """Lines that work as they stand."""
    psql = write_doors(scene.site)
    story = scene.story
    story.line("the server is left running; every line works as it stands:")
    question = "SELECT id, name, phone, id_no, birth_date FROM customer LIMIT 5"
    for login, what in (
        ("agent_li", "an agent of unit 7"),
        ("service_wu", "the service desk: names masked too"),
        ("analyst_sun", "an analyst: rows of everybody, no person in them"),
        ("agent_qian", "an agent who has not signed: PM103"),
        (APPLICATION, "the application's login, nobody logged in: PM101"),
    ):
        story.line(f"  {psql} {login} -c '{question}'   # {what}")
    story.line(f"  {psql} agent_li -c 'SELECT * FROM pgmask.whoami()'")  # noqa: S608
    why = f"SELECT * FROM pgmask.why('customer', '{scene.chosen}')"  # noqa: S608
    story.line(f'  {psql} agent_li -c "{why}"')
    story.line(f"  {psql} dba      # the owner of the database, no superuser; \\dv crm.*")
    if scene.collected:
        services = scene.site.folder / "pg_service.conf"
        today = datetime.date.today()
        story.line("the record, for its auditor; and what you read now, collected by its keeper:")
        story.line(f"  export PGSERVICEFILE={shlex.quote(str(services))}")
        story.line(
            f"  pgmask report who_saw --class customer --key {scene.chosen} --from {today}"
            f" --to {today + datetime.timedelta(days=9)} --by-person --dsn service=auditor_zhou"
        )
        story.line("  pgmask report list;  pgmask report gaps --dsn service=auditor_zhou")
        story.line("  pgmask audit collect --once --dsn service=record_keeper")
        verify = (
            f"--public-key {services.parent}/seal.key.pub --anchor {services.parent}/heads.jsonl"
        )
        story.line(f"  pgmask audit verify {verify} --dsn service=record_keeper")
    story.line("stop it and remove it: pgmask demo stop (or ./demo stop, as you began)")


class _as_li:
    """A transaction of the application in which 李娜 is logged in; rolled back on an error."""

    def __init__(self, scene: Scene, connection: Connection) -> None:
        self._scene, self._connection = scene, connection

    def __enter__(self) -> None:
        self._connection.execute(
            "SELECT pgmask.login(%s)", (assertion(self._scene, self._connection),)
        )

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._connection.commit()
        else:
            self._connection.rollback()


def truth(scene: Scene) -> dict[str, str]:
    """The chosen customer's complete values, opened outside the database with the key file."""
    kek = keyfile.read(scene.site.key_file)
    with scene.site.connect() as dba:
        dba.execute("SET ROLE pgmask_sealer")
        found = open_customers(dba, kek, [scene.chosen])
    return found[scene.chosen]


def _dump(scene: Scene, path: Path) -> float:
    started = time.perf_counter()
    binaries = scene.site.binaries
    parts = conninfo_to_dict(scene.site.dsn(BACKUP))
    password = str(parts.pop("password"))
    words = [f"--{k}={parts[k]}" for k in ("host", "port") if parts.get(k)]
    done = binaries.run(
        "pg_dump", *words, f"--username={BACKUP}", "--enable-row-security", f"--file={path}",
        str(parts["dbname"]), password=password,
    )  # fmt: skip
    if done.returncode != 0:
        raise InternalError(
            "PM901", "pg_dump by the backup login failed", detail=done.stderr[-1500:]
        )
    return time.perf_counter() - started


def _new_customers(
    columns: tuple[str, ...], like: tuple[Any, ...], names: tuple[str, ...]
) -> list[tuple[Any, ...]]:
    """Customers of unit 7 who are not there yet, for inserts that are measured."""
    random = Random(5)  # noqa: S311  the same rows every time
    found = []
    # Each spends one of a person's 100 new unique values of the day, rolled back or not: half is
    # left to whoever goes on with --keep.
    for number in range(45):
        row = dict(zip(names, like, strict=True))
        born = datetime.date(1980, 1, 1) + datetime.timedelta(days=number)
        row |= {
            "customer_no": f"N{number:09d}", "unit_id": 7, "owner_id": 701, "birth_date": born,
            "id_no": forms.id_card(random, "420106", born, male=row["sex"] == "M"),
            "phone": forms.mobile(random), "email": f"new{number}@example.com",
            "card_grade": "standard",
        }  # fmt: skip
        found.append(tuple(row[c] for c in columns))
    return found
