"""What tables and functions of the text itself hold: values of protected tables go on through them.

A transaction that is taken back takes nothing back here: what is carried is only ever more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from pgmask.lineage.model import Column, Flow, Lineage, Source, Write
from pgmask.verdict.case import Case, inner_of
from pgmask.verdict.tree import Node, only, strings
from pgmask.verdict.window import Made, State


def put(lineage: Lineage, state: State) -> Lineage:
    """The lineage with columns of the text's own tables replaced by what was put into them."""
    called = [f for f in state.functions if any(f.name == c.name for c in lineage.calls)]
    more = tuple(s for f in called for s in f.sources)
    if not state.carried and not more:
        return lineage

    def behind(sources: tuple[Source, ...]) -> tuple[Source, ...]:
        return tuple(sorted({*_behind(sources, state.carried), *more}))

    return replace(
        lineage,
        outputs=tuple(replace(o, sources=behind(o.sources)) for o in lineage.outputs),
        writes=tuple(
            replace(w, sources=tuple((name, behind(some)) for name, some in w.sources))
            for w in lineage.writes
        ),
        inner=tuple(put(one, state) for one in lineage.inner),
    )


def _behind(
    sources: Iterable[Source], carried: Mapping[Column, tuple[Source, ...]]
) -> Iterable[Source]:
    for source in sources:
        known = carried.get(source.column)
        if known is None:
            yield source
            continue
        for one in known:
            near = source.flow if one.flow is Flow.DIRECT else one.flow
            decides = Flow.CONDITION in (source.flow, one.flow)
            yield Source(one.column, Flow.CONDITION if decides else near)


def remember(state: State, case: Case) -> State:
    """The state with what this statement has put into tables, and the functions that it makes."""
    carried = dict(state.carried)
    for write in case.lineage.writes:
        if case.policy is None or case.policy.table_of(write.schema, write.table) is None:
            _fill(carried, write, case)
    functions = state.functions
    if case.kind == "CreateFunctionStmt":
        functions = (*functions, _made(case))
    if carried == state.carried and functions is state.functions:
        return state
    return replace(state, functions=functions, carried=carried)


def _fill(carried: dict[Column, tuple[Source, ...]], write: Write, case: Case) -> None:
    for name, sources in write.sources:
        kept = [
            s for s in sources if (sight := case.sight(s.column)) is not None and sight.personal
        ]
        column = Column(write.schema, write.table, name)
        if kept:
            carried[column] = tuple(sorted({*carried.get(column, ()), *kept}))


def _made(case: Case) -> Made:
    body = case.body
    options = {o["DefElem"].get("defname"): o["DefElem"] for o in body.get("options", ())}
    definer = bool(_arg(options, "security").get("boolval"))
    looked_through = _arg(options, "language").get("sval", "sql") == "sql" and not definer
    sources: tuple[Source, ...] = ()
    if not looked_through:
        lineages = (case.lineage, *inner_of(case.lineage))
        reads = {r.column for one in lineages for r in one.reads}
        personal = [c for c in reads if (sight := case.sight(c)) is not None and sight.personal]
        sources = tuple(sorted(Source(c, Flow.EXPRESSION) for c in personal))
    name = (strings(body.get("funcname")) or ("",))[-1]
    return Made(name, definer, not looked_through, sources)


def _arg(options: Mapping[str, Node], name: str) -> Node:
    return only(options.get(name, {}).get("arg"))[1]
