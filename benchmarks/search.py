"""Exact search: the blind index against a btree over the plain values."""

from __future__ import annotations

from benchmarks.data import phone
from benchmarks.measure import (
    Backend,
    Measurement,
    at_most,
    figure,
    interleaved,
    ratio,
    timing,
    without_waiting,
)
from benchmarks.place import Place


def run(place: Place) -> list[Measurement]:
    """The group ``search``; digests are looked up as values, as a search function does."""
    with place.owner() as connection:
        digests = connection.execute(
            "SELECT id, pgmask_bidx_phone FROM crm_store.customer ORDER BY id LIMIT 5000"
        ).fetchall()
        cursor = connection.cursor()
        at = {"raw": 0, "blind": 0}

        def raw() -> None:
            at["raw"] = (at["raw"] + 37) % len(digests)
            key = phone(digests[at["raw"]][0])
            found = cursor.execute(
                "SELECT id FROM raw.customer WHERE phone = %s", (key,), prepare=True
            ).fetchone()
            assert found is not None

        def blind() -> None:
            at["blind"] = (at["blind"] + 37) % len(digests)
            found = cursor.execute(
                "SELECT id FROM crm_store.customer WHERE pgmask_bidx_phone = %s",
                (digests[at["blind"]][1],),
                prepare=True,
            ).fetchone()
            assert found is not None

        for _ in range(12):
            raw()
            blind()
        backend = Backend(connection.info.backend_pid)
        samples = interleaved(
            {"raw": raw, "blind": blind}, rounds=place.scale.rounds, calls=place.scale.calls,
            backends={"raw": backend, "blind": backend},
        )  # fmt: skip
        sizes = connection.execute(
            "SELECT pg_catalog.pg_relation_size(i.indexrelid), i.indrelid::regclass::text"
            " FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_attribute AS a"
            " ON a.attrelid = i.indexrelid AND a.attname IN ('phone', 'pgmask_bidx_phone')"
            " WHERE i.indrelid IN ('raw.customer'::regclass, 'crm_store.customer'::regclass)"
        ).fetchall()
    result, base = ratio(samples, "blind", "raw"), timing(samples["raw"])
    by_table = {str(table): size for size, table in sizes}
    found = [
        at_most(
            "search.blind_index", result.wall, 1.2,
            f"lookup by blind index / by a btree over plain phones; {base.wall:.0f} us raw",
        ),
        *without_waiting("search.blind_index", result),
    ]  # fmt: skip
    if len(by_table) == 2:
        found.append(
            figure(
                "search.index_size", by_table["crm_store.customer"] / by_table["raw.customer"],
                "size of the blind index / of the plain btree",
            )
        )  # fmt: skip
    return found
