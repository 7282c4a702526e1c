"""The acts of the demonstration, in order: what is done, and the lines that tell it."""

from __future__ import annotations

import itertools
import time
from typing import Any, Final

import psycopg
from psycopg import sql

from pgmask import catalogue as catalogues
from pgmask.apply import Approval, apply_plan
from pgmask.compile import check as compile_check
from pgmask.compile.objects import Kind, Problem, Severity
from pgmask.demo.data import STAFF, generate, load
from pgmask.demo.scene import Scene, one
from pgmask.demo.site import APPLICATION, BEFORE, DATABASE, OWNER, PEOPLE
from pgmask.demo.story import count
from pgmask.demo.thief import Loot, search_folder
from pgmask.errors import PlanError
from pgmask.facts.read import read_facts
from pgmask.identity import mint_assertion
from pgmask.keyfile import KeyFile
from pgmask.plan import make
from pgmask.runtime import keys, register
from pgmask.runtime.book import read_book
from pgmask.runtime.install import install as install_runtime

AUTHOR: Final = "dba"
APPROVER: Final = "林海"
"""The security responsible of the head office, as the register names him."""
REFERENCE: Final = "DP-2026-031"
QUESTION: Final = "SELECT name, phone, id_no, address FROM customer WHERE id = "
_PROFILE_OF: Final = {
    "agent_li": "agent", "agent_zhao": "agent", "agent_qian": "agent", "analyst_sun": "analyst",
    "auditor_zhou": "auditor", "service_wu": "service", "claims_zheng": "claims",
}  # fmt: skip


def today(scene: Scene) -> None:
    """An existing application's database, filled in plain text, before pgmask."""
    started = time.perf_counter()
    scene.insurer = generate(scene.customers)
    with scene.site.connect() as dba:
        dba.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(OWNER)))
        dba.execute(scene.script("schema.sql"))
        load(dba, scene.insurer)
        dba.execute(scene.script("views.sql"))
        dba.execute(scene.script("grants.sql"))
    with scene.site.connect(autocommit=True) as dba:
        for login in (APPLICATION, *PEOPLE):
            _search_path(dba, login, "crm")
        dba.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(OWNER)))
        for table in scene.insurer.tables:
            dba.execute(sql.SQL("ANALYZE {}").format(sql.Identifier("crm", table.table)))
    with scene.site.connect(dbname="postgres", autocommit=True) as dba:
        dba.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(BEFORE), sql.Identifier(DATABASE)
            )
        )
    seconds = time.perf_counter() - started
    _choose(scene)
    scene.story.step(
        "today",
        f"an insurer's database as it is: {count(scene.customers, 'customer')},"
        f" {count(len(scene.insurer.tables), 'table')}, {count(scene.insurer.total, 'row')},"
        " all in plain text",
        seconds,
    )
    scene.loot = Loot.of(scene.insurer)
    if scene.site.cluster is not None:
        checkpoint(scene)
        search_folder(scene.site.cluster.data, scene.loot)
        scene.story.step(
            "", f"who copies the disk reads {share(scene.loot, 'phone numbers')} and"
            f" {share(scene.loot, 'identity numbers')}",
        )  # fmt: skip


def check(scene: Scene) -> None:
    """The catalogue, without a database."""
    started = time.perf_counter()
    assert scene.insurer is not None  # noqa: S101  the act before
    scene.catalogue = catalogues.load(scene.folder / "catalogue" / "pgmask.yml")
    found = scene.catalogue
    columns = [c for t in found.tables for c in t.columns]
    sealed = sum(c.sealed for c in columns)
    free = len(scene.insurer.tables) - len(found.tables)
    scene.story.step(
        "check",
        f"{count(len(found.tables), 'table')} protected, {free} without persons;"
        f" {len(columns)} columns classified, {sealed} to be sealed; packs"
        f" {' + '.join(found.packs)}",
        time.perf_counter() - started,
    )


def install(scene: Scene) -> None:
    """The runtime, the register of units and persons, the key."""
    started = time.perf_counter()
    install_runtime(scene.site.dsn())
    key = KeyFile.new(1)
    provider, location = scene.site.put_key(key)
    book = read_book(scene.folder / "register.yml")
    with scene.site.connect() as dba:
        keys.register(dba, key, provider, location)
        if provider == "loaded":
            keys.load(dba, key)
        register.put(dba, book)
        for issuer in book.issuers:
            scene.issuer_keys[issuer["id"]] = register.rotate(dba, issuer["id"])
        stopped = {g.key for g in register.gaps(dba) if g.stops and g.what == "person"}
        roles, schemas, superuser = one(
            dba,
            "SELECT (SELECT count(*) FROM pg_catalog.pg_roles WHERE rolname LIKE 'pgmask%%'),"
            " (SELECT count(*) FROM pg_catalog.pg_namespace WHERE nspname LIKE 'pgmask%%'),"
            " rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user AND %s",
            True,
        )
    who = "as superuser" if superuser else "without superuser"
    scene.story.step(
        "install",
        f"{count(schemas, 'schema')}, {count(roles, 'role')}, {who}; register:"
        f" {count(len(book.units), 'unit')}, {count(len(book.persons), 'person')},"
        f" {len(stopped)} of them without both signed papers",
        time.perf_counter() - started,
    )


def plan_and_apply(scene: Scene) -> None:
    """Plan, have it approved by another person, apply; the application's views made again."""
    assert scene.catalogue is not None  # noqa: S101  the act before
    started = time.perf_counter()
    with scene.site.connect() as dba:
        _make_way(scene, dba, compile_check(scene.catalogue, read_facts(dba)))
        plan = make(scene.catalogue, read_facts(dba), author=AUTHOR)
    hazards = ", ".join(plan.hazards)
    scene.story.step(
        "plan", f"{count(sum(len(s.statements) for s in plan.steps), 'statement')} in"
        f" {count(len(plan.steps), 'step')}; hazards: {hazards}",
        time.perf_counter() - started,
    )  # fmt: skip

    started = time.perf_counter()
    moments: list[float] = []
    with scene.site.connect(autocommit=True) as dba:
        apply_plan(
            dba, plan, allow=frozenset(plan.hazards),
            approval=Approval(by=APPROVER, reference=REFERENCE),
            progress=lambda *_: moments.append(time.perf_counter()),
        )  # fmt: skip
        for login, profile in _PROFILE_OF.items():
            _member(dba, f"pgmask_{profile}", login)
            _search_path(dba, login, "crm" if profile == "agent" else profile)
        _member(dba, "pgmask_agent", APPLICATION)
        kinds = {o.kind for s in plan.steps for o in s.objects}
        made = {kind: sum(o.kind == kind for s in plan.steps for o in s.objects) for kind in kinds}
    longest = max(b - a for a, b in itertools.pairwise(moments))
    scene.story.step(
        "apply",
        f"{made.get(Kind.VIEW.value, 0)} views, {made.get(Kind.POLICY.value, 0)} policies,"
        f" {made.get(Kind.TRIGGER.value, 0)} triggers; approved by {APPROVER};"
        f" no table locked longer than {longest * 1000:.0f} ms",
        time.perf_counter() - started,
    )
    with scene.site.connect() as dba:
        dba.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(OWNER)))
        dba.execute(scene.script("views_protected.sql"))


def _make_way(scene: Scene, dba: psycopg.Connection[Any], problems: tuple[Problem, ...]) -> None:
    """Drop what the check names and the application makes again: its own views."""
    refused = [p for p in problems if p.severity is Severity.REFUSE]
    named = {p.what for p in refused}
    if {p.code for p in refused} != {"PM208"} or named != {"crm.renewal", "crm.unit_portfolio"}:
        raise PlanError(
            "PM200", "the insurer's database has other obstacles than expected",
            detail="\n".join(map(str, refused)),
        )  # fmt: skip
    dba.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(OWNER)))
    dba.execute("DROP VIEW crm.renewal, crm.unit_portfolio")
    dba.execute("RESET ROLE")
    dba.commit()
    scene.story.step(
        "", f"in the way, named: {' and '.join(sorted(named))}, views of the application;"
        " made again",
    )  # fmt: skip


def same_question(scene: Scene) -> None:
    """One statement, asked by everybody."""
    question = f"{QUESTION}{scene.chosen}"
    scene.story.line(f"{question}     -- the same SQL for everybody")
    unit = {name: unit for _, unit, name, _ in STAFF}
    rows: list[tuple[str, tuple[str, ...]]] = [("yesterday", _cells(scene.yesterday))]
    for heading, login in (
        (f"agent 李娜, unit {unit['李娜']}", "agent_li"),
        ("service desk 吴静", "service_wu"),
        ("analyst 孙敏", "analyst_sun"),
        (f"agent 赵强, unit {unit['赵强']}", "agent_zhao"),
        ("agent 钱进, papers not signed", "agent_qian"),
    ):
        rows.append((heading, _ask(scene.by(login), question)))
    rows.append(("the application, for 李娜", _ask(scene.by(APPLICATION), question, scene)))
    rows.append(("the application, for nobody", _ask(scene.by(APPLICATION), question)))
    with scene.site.connect() as dba:
        rows.append(
            ("the DBA, in the store", _ask(dba, question.replace("customer", "crm_store.customer")))
        )
    scene.story.table(rows)
    seen = one(scene.by("agent_li"), "SELECT count(*) FROM customer")[0]
    scene.story.line(
        f"  unit 7 has {scene.of_unit:,} customers, 李娜 counts {seen:,}:"
        f" {count(scene.high_value, 'high-value one')} left out"
    )


def _ask(
    connection: psycopg.Connection[Any], question: str, scene: Scene | None = None
) -> tuple[str, ...]:
    """The row as cells, or one cell that says why there is none."""
    try:
        if scene is not None:
            connection.execute("SELECT pgmask.login(%s)", (assertion(scene, connection),))
        row = connection.execute(question.encode()).fetchone()
    except psycopg.Error as error:
        return (f"ERROR {error.sqlstate} {error.diag.message_primary}",)
    finally:
        connection.rollback()
    return _cells(row) if row is not None else ("no row",)


def assertion(scene: Scene, connection: psycopg.Connection[Any]) -> str:
    """What the application's login page signs for 李娜: valid for seconds, for this login only."""
    return mint_assertion(
        scene.issuer_keys["crm-web"],
        person=701,
        profile="agent",
        unit="7",
        login=connection.info.user,
        database=connection.info.dbname,
        purpose="renewal",
    )


def _cells(row: tuple[Any, ...]) -> tuple[str, ...]:
    return tuple("NULL" if value is None else str(value) for value in row)


def _choose(scene: Scene) -> None:
    """The customer everybody asks for: of unit 7, of 李娜 if she has one, not high-value."""
    reader = scene.by("agent_li")
    (scene.chosen,) = one(
        reader,
        "SELECT id FROM customer WHERE unit_id = 7 AND card_grade = 'standard'"
        " ORDER BY owner_id = 701 DESC, email IS NULL, id LIMIT 1",
    )
    scene.yesterday = one(reader, f"{QUESTION}%s", scene.chosen)
    scene.of_unit, scene.high_value = one(
        reader,
        "SELECT count(*), count(*) FILTER (WHERE card_grade IN ('diamond', 'black')"
        " AND owner_id IS DISTINCT FROM 701) FROM customer WHERE unit_id = 7",
    )
    scene.forget("agent_li")


def checkpoint(scene: Scene) -> None:
    """What is in memory goes to disk, and log segments nobody needs go away."""
    assert scene.site.cluster is not None  # noqa: S101  asked by the caller
    with psycopg.connect(scene.site.cluster.dsn(), autocommit=True) as admin:
        for _ in range(2):
            admin.execute("SELECT pg_catalog.pg_switch_wal()")
            admin.execute("CHECKPOINT")


def share(loot: Loot, kind: str) -> str:
    """How many of the values of a kind were found."""
    return f"{loot.hits(kind):,} of {len(loot.wanted[kind]):,} {kind}"


def _search_path(dba: psycopg.Connection[Any], login: str, schema: str) -> None:
    dba.execute(
        sql.SQL("ALTER ROLE {} IN DATABASE {} SET search_path = {}").format(
            sql.Identifier(login), sql.Identifier(DATABASE), sql.Identifier(schema)
        )
    )


def _member(dba: psycopg.Connection[Any], group: str, login: str) -> None:
    dba.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(group), sql.Identifier(login)))
