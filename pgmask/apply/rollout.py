"""Where every table stands: what blocks it, the way on and the way back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import psycopg

from pgmask.apply.observe import Use, uses
from pgmask.apply.seal_finish import deployed
from pgmask.catalogue.model import Catalogue, Table
from pgmask.compile import check, contexts
from pgmask.compile.context import Context
from pgmask.compile.objects import Severity
from pgmask.compile.rollout import shown_plain
from pgmask.compile.rowterms import persons
from pgmask.compile.stages import Stage
from pgmask.errors import PlanError, Refused
from pgmask.facts.model import Facts, StoreFact
from pgmask.plan.hazards import Hazard

Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableStatus:
    """One table of the rollout.

    wanted: the catalogue's stage; present: the one reached, '' before the first apply; rows,
    sealed: of the store, counted where it seals (None elsewhere); uses: who was met at the base
    table; plain: profiles that see rows not sealed yet as they were; blocks: what stands in the way
    of the next stage; forward, back: the command for it, '' where there is none.
    """

    table: str
    wanted: str
    present: str
    rows: int | None
    sealed: int | None
    uses: tuple[Use, ...]
    plain: tuple[str, ...]
    blocks: tuple[str, ...]
    forward: str
    back: str

    @property
    def percent(self) -> int | None:
        """Rows sealed of a hundred, rounded down; an empty table is sealed."""
        if self.rows is None or self.sealed is None:
            return None
        return 100 if not self.rows else self.sealed * 100 // self.rows


def status(connection: Connection, catalogue: Catalogue | None = None) -> tuple[TableStatus, ...]:
    """The status of every table of the catalogue, in its order; without one, the deployed one's.

    Counts the rows of tables that are being sealed.  Raises Refused PM320 when nothing was applied.
    """
    known = deployed(connection)
    wanted = catalogue or known.catalogue
    met = uses(connection)
    left = {}
    for table in known.tables:
        connection.execute("SET ROLE pgmask_sealer")
        try:
            row = connection.execute(
                f"SELECT pg_catalog.count(*) FROM {table.spec.store.quoted}".encode()  # noqa: S608
            ).fetchone()
            left[table.id] = (int(row[0]) if row else 0, table.count_left(connection))
        finally:
            connection.execute("RESET ROLE")
    refused = dict(
        connection.execute(
            "SELECT r.table_id, pg_catalog.count(*) FROM pgmask_private.seal_refused AS r"
            " GROUP BY r.table_id"
        ).fetchall()
    )
    there = contexts(wanted, known.facts)
    return tuple(
        _of(table, wanted, known.facts, there, left.get(table.id), refused.get(table.id, 0),
            tuple(u for u in met if u.table == table.id))
        for table in wanted.tables
    )  # fmt: skip


def _of(
    table: Table, catalogue: Catalogue, facts: Facts, there: tuple[Context, ...],
    counted: tuple[int, int] | None, refused: int, met: tuple[Use, ...],
) -> TableStatus:  # fmt: skip
    recorded = facts.store(table.id)
    present = Stage(recorded.stage) if recorded is not None else None
    rows, left = counted if counted is not None else (None, None)
    sealed = None if rows is None or left is None else rows - left
    context = next((c for c in there if c.table.id == table.id), None)
    forward, blocks = _forward(table, catalogue, facts, present, refused)
    return TableStatus(
        table=table.id,
        wanted=table.rollout,
        present=present.value if present is not None else "",
        rows=rows,
        sealed=sealed,
        uses=met if present is Stage.OBSERVE else (),
        plain=shown_plain(context) if context is not None and present and present.seals else (),
        blocks=blocks,
        forward=forward,
        back=_back(table, recorded, bool(sealed), behind(there, table.id), context),
    )


def _forward(
    table: Table, catalogue: Catalogue, facts: Facts, present: Stage | None, refused: int
) -> tuple[str, tuple[str, ...]]:
    wanted = Stage(table.rollout)
    if present is None or (present is not wanted and not (present.seals and wanted.seals)):
        return f"pgmask apply CATALOGUE --only {table.id}", _blocks(table, catalogue, facts)
    if present is Stage.SEALING and wanted is Stage.ENFORCED:
        rows = (f"{refused} rows could not be sealed: pgmask seal {table.id} names them",)
        return f"pgmask seal {table.id}", rows if refused else ()
    if wanted is not present:
        return f"pgmask apply CATALOGUE --only {table.id}", ()
    after = wanted.next
    if after is None:
        return "", ()
    turned = with_stage(catalogue, table.id, after)
    command = f"set rollout: {after}, then pgmask apply CATALOGUE --only {table.id}"
    if wanted is Stage.SEALING:
        command = f"pgmask seal {table.id}, then {command}"
    return command, _blocks(table, turned, facts)


def _blocks(table: Table, catalogue: Catalogue, facts: Facts) -> tuple[str, ...]:
    return tuple(
        f"{p.code} {p.message}"
        for p in check(catalogue, facts)
        if p.table == table.id and p.severity is Severity.REFUSE
    )


def _back(
    table: Table, recorded: StoreFact | None, sealed: bool, children: tuple[str, ...],
    context: Context | None,
) -> str:  # fmt: skip
    if recorded is None:
        return ""
    present = Stage(recorded.stage)
    if present is Stage.OBSERVE:
        return f"take {table.id} out of the catalogue, then pgmask apply"
    if present.seals and (sealed or recorded.holds_sealed):
        return f"pgmask unseal {table.id}"
    before = Stage.VIEWS if present.seals else Stage.OBSERVE
    allow = [Hazard.DROPS_PROTECTION, *([Hazard.IRREVERSIBLE] if present.seals else [])]
    only = [table.id]
    if present.seals and context is not None:
        # Its subjects' table gets the view in which unit and flags are looked up from then on.
        only += [h for h in _homes(context) if h != table.id]
    command = " ".join(
        (f"set rollout: {before}, then pgmask apply CATALOGUE",
         *(f"--only {o}" for o in only), *(f"--allow {h}" for h in allow))
    )  # fmt: skip
    if present.seals and children:
        return f"take {', '.join(children)} back first; then {command}"
    return command


def behind(there: Iterable[Context], table_id: str) -> tuple[str, ...]:
    """The tables that seal and take unit and flags from this one's rows: they go back before it."""
    return tuple(
        c.table.id
        for c in there
        if c.stage.seals and c.table.id != table_id and table_id in _homes(c)
    )


def _homes(context: Context) -> tuple[str, ...]:
    """The tables of the subjects that the rows speak of."""
    found = (context.catalogue.subject(name) for name, _ in persons(context))
    return tuple(dict.fromkeys(s.table for s in found if s is not None))


def with_stage(catalogue: Catalogue, table_id: str, stage: Stage) -> Catalogue:
    """The catalogue with one table at another stage.  Raises Refused PM274 for an unknown table."""
    if catalogue.table(table_id) is None:
        raise Refused("PM274", f"{table_id} is not a table of the catalogue")
    tables = tuple(
        replace(t, rollout=stage.value) if t.id == table_id else t for t in catalogue.tables
    )
    return replace(catalogue, tables=tables)


def neighbour(table: Table, *, forward: bool) -> Stage:
    """The stage after or before the catalogue's.  Raises PlanError PM274 at the ends."""
    stage = Stage(table.rollout)
    # Nothing tells sealing from enforced on the way back: both are left for views.
    found = stage.next if forward else (Stage.VIEWS if stage.seals else stage.back)
    if found is None:
        raise PlanError(
            "PM274", f"{table.id} is at {stage.value}: there is no further stage",
            hint="pgmask rollout status says where every table stands, and its way back.",
        )  # fmt: skip
    return found
