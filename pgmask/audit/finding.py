"""What verification finds, and how the rows of a part are compared with what was sealed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from pgmask.audit.batch import Index, Part

WORDS: Final = {
    "edited": "was edited after it was sealed",
    "deleted": "was deleted after it was sealed",
    "inserted": "was inserted into an interval that was sealed without it",
    "moved": "was moved from the batch that sealed it into another one",
    "part": "rows of a part are not those that were sealed, and cannot be told apart",
    "index": "the index of a part is not the one that was sealed",
    "header": "the header is not the one that was signed, or its row was changed",
    "signature": "no trusted key signed the header",
    "chain": "the header does not follow the one before it",
    "missing": "batches are missing",
    "cut": "an anchor knows a batch that is no longer there: the end of the record was cut off",
    "replaced": "an anchor knows another batch of this number: the record was sealed anew",
    "anchor": "an anchor cannot be read, or no trusted key signed what it holds",
    "future": "names a transaction that has not been yet",
    "sequence": "the numbers of the table went backwards",
    "protection": "what protects the record was weakened",
    "lines": "the description of what protected the record then is gone, or not as it was signed",
    "era": "the record calls rows older than this line of transactions that were not there yet",
    "backdated": "says a time before its number was given out",
    "archive": "an archived month is missing, or is not as it was sealed",
}
"""The kinds of findings, in words."""
CARRIED: Final = ", taken over from the era before"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Finding:
    """One thing that is wrong.

    batch: where, 0 where it is of no batch; kind: a key of ``WORDS``; table, number: the row, where
    one can be named; detail: names and numbers, never a value of the row.
    """

    batch: int
    kind: str
    table: str = ""
    number: int | None = None
    detail: str = ""

    def __str__(self) -> str:
        row = f"{self.table} {self.number}: " if self.number is not None else (
            f"{self.table}: " if self.table else "")  # fmt: skip
        place = f"batch {self.batch}: " if self.batch else ""
        more = f" ({self.detail})" if self.detail else ""
        return f"{place}{row}{WORDS[self.kind]}{more}"


def compare(
    batch: int, wanted: Part | None, sealed: Index | None, found: Part | None, now: Index | None
) -> Iterator[Finding]:
    """What differs between a part as it was sealed and as its rows are now.

    sealed: its index; None where that is gone, and then rows cannot be named.
    """
    part = wanted or found
    if part is None:
        return
    where = f"{part.month}" + (CARRIED if part.carried else "")
    rows_now = now.pairs() if now is not None else []
    if wanted is not None and sealed is None:
        yield Finding(
            batch=batch, kind="part", table=part.table,
            detail=f"{where}: {wanted.rows} rows were sealed, {len(rows_now)} are there",
        )  # fmt: skip
        return
    rows_then = sealed.pairs() if sealed is not None else []
    named = False
    for kind, number in _differences(rows_then, rows_now):
        named = True
        yield Finding(batch=batch, kind=kind, table=part.table, number=number, detail=where)
    if not named:
        # Short hashes agree and the root does not: a collision was made on purpose, or an order.
        yield Finding(batch=batch, kind="part", table=part.table, detail=where)


def _differences(
    then: list[tuple[int, bytes]], now: list[tuple[int, bytes]]
) -> Iterator[tuple[str, int]]:
    missing, extra = _less(then, now), _less(now, then)
    # A number on both sides is a row that is still there with other content.
    there = {number for number, _ in extra}
    gone = {number for number, _ in missing}
    yield from (("edited", number) for number in sorted(gone & there))
    yield from (("deleted", number) for number in sorted(gone - there))
    yield from (("inserted", number) for number in sorted(there - gone))


def _less(
    some: Iterable[tuple[int, bytes]], others: Iterable[tuple[int, bytes]]
) -> list[tuple[int, bytes]]:
    left: dict[tuple[int, bytes], int] = {}
    for one in others:
        left[one] = left.get(one, 0) + 1
    found = []
    for one in some:
        if left.get(one, 0):
            left[one] -= 1
        else:
            found.append(one)
    return found


def joined(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """A row that is missing in one batch and too many in another was moved; sorted."""
    findings = tuple(findings)
    named = {(f.table, f.number) for f in findings if f.kind != "backdated"}
    kept: list[Finding] = []
    gone: dict[tuple[str, int], list[Finding]] = {}
    come: dict[tuple[str, int], list[Finding]] = {}
    for one in findings:
        if one.kind == "backdated" and (one.table, one.number) in named:
            continue  # it is not the row that was sealed
        sides: Mapping[str, dict[tuple[str, int], list[Finding]]] = {
            "deleted": gone,
            "inserted": come,
        }
        if one.number is not None and one.kind in sides:
            sides[one.kind].setdefault((one.table, one.number), []).append(one)
        else:
            kept.append(one)
    for key, lost in gone.items():
        there = come.pop(key, [])
        for old, new in zip(lost, there, strict=False):
            if old.batch == new.batch:
                kept.append(replace(old, kind="edited", detail=f"{old.detail}, now {new.detail}"))
            else:
                kept.append(replace(old, kind="moved", detail=f"now in batch {new.batch}"))
        kept += lost[len(there) :] + there[len(lost) :]
    kept += [one for rest in come.values() for one in rest]
    return tuple(sorted(kept, key=lambda f: (f.batch, f.kind, f.table, f.number or 0)))
