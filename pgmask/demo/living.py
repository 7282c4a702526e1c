"""What daily work meets: the truth of one record, a search, a quota, Django, a migration."""

from __future__ import annotations

import shutil
import time
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

from pgmask import catalogue as catalogues
from pgmask.apply import Approval, apply_plan
from pgmask.demo.acts import APPROVER, AUTHOR, REFERENCE
from pgmask.demo.proofs import NEW_PHONE, truth
from pgmask.demo.scene import Connection, Scene, one
from pgmask.demo.site import APPLICATION, OWNER
from pgmask.demo.story import count
from pgmask.errors import InternalError
from pgmask.facts.read import read_facts
from pgmask.integrations.acting import acting_as
from pgmask.integrations.issuer import Minter
from pgmask.integrations.reveal import reveal, search
from pgmask.plan import make

LI: Final = 701
PURPOSE: Final = "service"
LOOP: Final = 500


def show_truth(scene: Scene) -> None:
    """One complete value, after it is on record; a search; and a loop over many customers."""
    story = scene.story
    shown = _reveal(scene, scene.chosen)
    if shown.values != {"phone": NEW_PHONE}:
        raise InternalError("PM901", "a reveal gave another value than was written")
    story.line(
        f"reveal phone of customer {scene.chosen} for 李娜, purpose {PURPOSE}:"
        f" {shown.values['phone']}   (on record first; {shown.left_today} left today)"
    )
    with acting_as(person=LI, profile="agent", unit="7", purpose=PURPOSE):
        found = search(
            scene.site.dsn(APPLICATION), "crm.customer", "phone", NEW_PHONE, minter=_minter(scene)
        )
    rows = ", ".join(f"{row['id']}  {row['phone']}" for row in found)
    story.line(f"customer_by_phone('{NEW_PHONE}') in FROM: {rows}   (counted and noted first)")
    given, refusal = _loop(scene)
    with scene.site.connect() as dba:
        dba.execute("SET ROLE pgmask_owner")
        tickets = one(
            dba, "SELECT count(*) FROM pgmask_audit.ticket WHERE kind = 'reveal'"
            " AND person_id = %s", LI,
        )[0]  # fmt: skip
    if tickets != given + 1:
        raise InternalError("PM901", f"{given + 1} values were shown and {tickets} are on record")
    story.line(
        f"{LOOP} reveals in a loop: {given} more, then {refusal}; {tickets} shown,"
        f" {tickets} on record"
    )


def _loop(scene: Scene) -> tuple[int, str]:
    """How many of a loop's reveals answered before the first refusal, and that refusal."""
    with scene.site.connect("agent_li") as reader:
        ids = [
            i for (i,) in reader.execute(
                "SELECT id FROM crm.customer WHERE owner_id = %s AND id <> %s ORDER BY id LIMIT %s",
                (LI, scene.chosen, LOOP),
            ).fetchall()
        ]  # fmt: skip
    for number in range(LOOP):
        try:
            _reveal(scene, ids[number % len(ids)])
        except psycopg.Error as error:
            return number, f"ERROR {error.sqlstate} {error.diag.message_primary}"
    raise InternalError("PM901", "the loop was never refused")


def _reveal(scene: Scene, customer: int) -> Any:
    with acting_as(person=LI, profile="agent", unit="7"):
        return reveal(
            scene.site.dsn(APPLICATION), "crm.customer", customer, ["phone"], PURPOSE,
            minter=_minter(scene),
        )  # fmt: skip


def _minter(scene: Scene) -> Minter:
    parts = conninfo_to_dict(scene.site.dsn(APPLICATION))
    return Minter(scene.issuer_keys["crm-web"], APPLICATION, str(parts["dbname"]))


def save_with_django(scene: Scene) -> None:
    """``get()`` and ``save()`` of a masked row by Django; nothing is lost."""
    try:
        from pgmask.demo.django_app import customers
    except ImportError:
        scene.story.line("Django is not installed here: pip install '.[demo]'")
        return
    before = truth(scene)
    key = scene.site.folder / "crm-web.issuer"
    issuer = scene.issuer_keys["crm-web"]
    key.write_text(f"{issuer.issuer} {issuer.key_id} {issuer.secret.hex()}\n", "ascii")
    key.chmod(0o600)
    with (
        customers(scene.site.dsn(APPLICATION), key) as model,
        acting_as(person=LI, profile="agent", unit="7", purpose=PURPOSE),
    ):
        row = model.objects.get(pk=scene.chosen)
        masked = row.phone
        row.occupation = "actuary"
        row.save()
    after = truth(scene)
    if after != before:
        raise InternalError("PM901", "Django's save() lost a value")
    scene.story.line(
        f"Django: get(pk={scene.chosen}) gives {masked}, save() of the whole row:"
        f" {len(after)} of {len(after)} truths kept"
    )


def migrate(scene: Scene) -> None:
    """A migration of the application in one transaction, and the catalogue that follows it."""
    scene.close()  # nobody is inside the table
    started = time.perf_counter()
    with scene.site.connect() as dba:
        dba.execute("SET lock_timeout = '2s'")
        dba.execute(f"SET ROLE {OWNER}".encode())
        dba.execute("DROP VIEW crm.renewal, crm.unit_portfolio")
        dba.execute("SET ROLE pgmask_store")
        dba.execute("SELECT pgmask.detach('crm.customer')")
        dba.execute(
            "ALTER TABLE crm_store.customer ALTER postal_code TYPE varchar(10),"
            " ADD preferred_hour integer"
        )
        dba.execute("ALTER TABLE crm_store.customer RENAME status TO state")
        changed = dba.execute("UPDATE crm_store.customer SET preferred_hour = 9").rowcount
        dba.execute("SELECT * FROM pgmask.attach('crm.customer')")
        dba.execute(f"SET ROLE {OWNER}".encode())
        dba.execute(scene.script("views_protected.sql"))
    seconds = time.perf_counter() - started
    scene.story.line(
        "a migration: postal_code wider, status renamed to state, preferred_hour added and set in"
        f" {count(changed, 'row')}; one transaction of {seconds * 1000:.0f} ms, views back"
    )
    reader = scene.by("agent_li")
    before = _columns(reader)
    reader.rollback()
    statements = _classify(scene)
    after = _columns(reader)
    if "state" not in before or "preferred_hour" in before or "preferred_hour" not in after:
        raise InternalError("PM901", "the views did not follow the migration")
    scene.story.line(
        "  agent 李娜 reads state at once; preferred_hour once the catalogue names it"
        f" ({count(statements, 'statement')} more)"
    )
    scene.forget("agent_li")


def _columns(reader: Connection) -> set[str]:
    return {c.name for c in reader.execute("TABLE customer LIMIT 0").description or ()}


def _classify(scene: Scene) -> int:
    """Apply the catalogue with the new names; it is kept beside the server."""
    folder = scene.site.folder / "catalogue"
    shutil.copytree(scene.folder / "catalogue", folder)
    entry = folder / "domains" / "customer.yml"
    text = entry.read_text("utf-8")
    entry.write_text(text.replace("card_grade, status,", "card_grade, state, preferred_hour,"))
    scene.catalogue = catalogues.load(folder / "pgmask.yml")
    with scene.site.connect() as dba:
        plan = make(scene.catalogue, read_facts(dba), author=AUTHOR)
    with scene.site.connect(autocommit=True) as dba:
        apply_plan(
            dba, plan, allow=frozenset(plan.hazards),
            approval=Approval(by=APPROVER, reference=REFERENCE),
        )  # fmt: skip
    return sum(len(s.statements) for s in plan.steps)
