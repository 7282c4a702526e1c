"""Who sees which column in which form, before and after: the page that is signed (A5, B6).

The matrix is taken from the catalogue and stored with the deployment, so that the next plan can
compare.  ``changes`` names every difference and whether it widens; widening, a new classified
column, a lower level and another mask ask for an approval by another person than the author.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pgmask.catalogue.model import Catalogue, Column, Form, Profile, Rows
from pgmask.compile.stages import Stage
from pgmask.hashing import digest

Matrix = Mapping[str, Any]

_FORMS = {Form.HIDDEN.value: 1, Form.MASK.value: 2, Form.PLAIN.value: 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessChange:
    """One line of the page.

    profile: '' for a change of classification; what: table, column, rows, operation or rule;
    before, after: in words; widens: somebody may see or do more, or protection becomes less.
    """

    profile: str
    what: str
    before: str
    after: str
    widens: bool
    adds: bool = False


def matrix(catalogue: Catalogue) -> dict[str, Any]:
    """The access matrix as a JSON value: columns with their class, profiles with what they see."""
    columns = {}
    for table in catalogue.tables:
        for column in table.columns:
            columns[f"{table.id}.{column.name}"] = {
                "level": column.level,
                "category": column.category,
                "mask": _mask(column),
            }
    profiles = {}
    for profile in catalogue.profiles:
        tables = {}
        for table in catalogue.tables:
            may = profile.may(table)
            if may:
                tables[table.id] = {
                    "operations": sorted(o.value for o in may),
                    "columns": {c.name: profile.form(table, c).value for c in table.columns},
                }
        rule = profile.identity
        profiles[profile.name] = {
            "rows": sorted(r.value for r in profile.rows),
            "tables": tables,
            "grade": rule.grade.value,
            "issuers": sorted(rule.issuers),
            "login": rule.login,
            "opens": profile.opens.value,
            "high_value": profile.sees_high_value,
            "reveal": sorted(profile.reveal.columns) if profile.reveal is not None else [],
            "reveal_rules": _reveal_rules(profile),
            "search": sorted(profile.search.columns) if profile.search is not None else [],
            "search_rules": _search_rules(profile),
        }
    return {
        "columns": columns,
        "profiles": profiles,
        "unprotected": sorted({t for u in catalogue.unprotected for t in u.tables}),
        "stages": {t.id: t.rollout for t in catalogue.tables},
    }


def _reveal_rules(profile: Profile) -> dict[str, Any]:
    """Purposes with their cases, and limits; a limit that is missing is None."""
    rule = profile.reveal
    if rule is None:
        return {}
    purposes = {}
    for purpose in rule.purposes:
        words = [] if purpose.case is None else [f"case in {purpose.case}"]
        words += [f"{column} {' or '.join(values)}" for column, values in purpose.when]
        if purpose.within is not None:
            words.append(f"{purpose.within[0]} within {purpose.within[1]} days")
        purposes[purpose.name] = ", ".join(words) or "no case"
    return {
        "purposes": purposes,
        "limits": {
            "per day": rule.per_day,
            "per month": rule.per_month,
            "per customer and day": rule.per_subject_per_day,
            "per cent of own customers a month": rule.share_per_month,
        },
        "second factor within seconds": rule.second_factor_within,
    }


def _search_rules(profile: Profile) -> dict[str, Any]:
    rule = profile.search
    if rule is None:
        return {}
    return {"limits": {"per day": rule.per_day, "near misses per day": rule.near_per_day}}


def _mask(column: Column) -> str:
    if column.kind_by is not None:
        cases = ", ".join(f"{v}: {k}" for v, k in column.kind_by.cases)
        return f"by {column.kind_by.column} ({cases}, else {column.kind_by.otherwise})"
    if column.kind is None:
        return "none"
    return f"{column.kind}/{column.mask or 'default'}"


def changes(before: Matrix | None, after: Matrix) -> tuple[AccessChange, ...]:
    """Every difference, classification first, then profile by profile."""
    old: Matrix = before or {"columns": {}, "profiles": {}, "unprotected": []}
    return (*_classes(old, after), *_profiles(old, after))


def _classes(old: Matrix, new: Matrix) -> Iterator[AccessChange]:
    for name in sorted({*old["columns"], *new["columns"]}):
        was, now = old["columns"].get(name), new["columns"].get(name)
        if was == now:
            continue
        if was is None:
            yield AccessChange(
                profile="", what=name, before="not classified",
                after=f"level {now['level']}, {now['category']}, {now['mask']}",
                widens=False, adds=True,
            )  # fmt: skip
        elif now is None:
            yield AccessChange(
                profile="", what=name, before=f"level {was['level']}", after="not in the catalogue",
                widens=True,
            )  # fmt: skip
        else:
            lower = now["level"] > was["level"] or now["mask"] != was["mask"]
            yield AccessChange(
                profile="", what=name,
                before=f"level {was['level']}, {was['category']}, {was['mask']}",
                after=f"level {now['level']}, {now['category']}, {now['mask']}", widens=lower,
            )  # fmt: skip
    yield from _stages(old.get("stages", {}), new.get("stages", {}))
    for name in sorted(set(new["unprotected"]) - set(old["unprotected"])):
        if old["columns"]:
            yield AccessChange(
                profile="", what=name, before="-", after="named as unprotected", widens=True
            )


def _stages(old: Matrix, new: Matrix) -> Iterator[AccessChange]:
    """Back in its rollout a table is protected less: that is signed, as every widening is (A5)."""
    for name in sorted(set(old) & set(new)):
        was, now = Stage(old[name]), Stage(new[name])
        if was is not now:
            yield AccessChange(
                profile="", what=name, before=f"at {was}", after=f"at {now}",
                widens=now.number < was.number,
            )  # fmt: skip


def _profiles(old: Matrix, new: Matrix) -> Iterator[AccessChange]:
    for name in sorted({*old["profiles"], *new["profiles"]}):
        was, now = old["profiles"].get(name), new["profiles"].get(name)
        if was == now:
            continue
        if now is None:
            yield AccessChange(
                profile=name, what="profile", before="exists", after="gone", widens=False
            )
            continue
        yield from _rule(name, was, now)
        tables = {**(was["tables"] if was else {}), **now["tables"]}
        for table in sorted(tables):
            had = was["tables"].get(table) if was else None
            yield from _table(name, table, had, now["tables"].get(table))


def _covered(rows: str, had: list[str]) -> bool:
    """Whether rows of that kind were all reachable before."""
    own = rows == Rows.OWN_UNIT.value and Rows.UNITS.value in had
    return rows in had or Rows.ALL.value in had or own


def _rule(name: str, was: Matrix | None, now: Matrix) -> Iterator[AccessChange]:
    if was is None or was["rows"] != now["rows"]:
        had = list(was["rows"]) if was else []
        wider = any(not _covered(r, had) for r in now["rows"])
        yield AccessChange(
            profile=name, what="rows", before=" or ".join(had) or "none",
            after=" or ".join(now["rows"]) or "none", widens=wider,
        )  # fmt: skip
    if was is None:
        yield from _differs(name, "reveal", "", ", ".join(now["reveal"]), True)
        yield from _shown(name, {}, now)
        return
    weaker = was["grade"] == "challenge" and now["grade"] == "assertion"
    yield from _differs(name, "grade of identity", was["grade"], now["grade"], weaker)
    yield from _differs(
        name, "issuers", ", ".join(was["issuers"]), ", ".join(now["issuers"]),
        bool(set(now["issuers"]) - set(was["issuers"]))
        or (bool(was["issuers"]) and not now["issuers"]),
    )  # fmt: skip
    yield from _differs(
        name,
        "direct logins",
        str(was["login"]),
        str(now["login"]),
        now["login"] and not was["login"],
    )
    yield from _differs(name, "opens", was["opens"], now["opens"], now["opens"] == "always")
    yield from _differs(
        name,
        "high-value customers",
        str(was["high_value"]),
        str(now["high_value"]),
        now["high_value"],
    )
    yield from _differs(
        name, "reveal", ", ".join(was["reveal"]), ", ".join(now["reveal"]),
        bool(set(now["reveal"]) - set(was["reveal"])),
    )  # fmt: skip
    yield from _shown(name, was, now)


def _shown(name: str, was: Matrix, now: Matrix) -> Iterator[AccessChange]:
    """Purposes and limits of reveal, and search: what a deployment of before does not know is none.

    Another case of a purpose widens, since nobody can tell which of two is the stricter.
    """
    yield from _differs(
        name, "search", ", ".join(was.get("search", ())), ", ".join(now["search"]),
        bool(set(now["search"]) - set(was.get("search", ()))),
    )  # fmt: skip
    old, new = was.get("reveal_rules") or {}, now["reveal_rules"]
    had, has = old.get("purposes", {}), new.get("purposes", {})
    for purpose in sorted({*had, *has}):
        before, after = had.get(purpose, ""), has.get(purpose, "")
        yield from _differs(name, f"reveal for {purpose}", before, after, bool(after))
    for what, rules in (("reveal", (old, new)), ("search", (
        was.get("search_rules") or {}, now["search_rules"]
    ))):  # fmt: skip
        limited, limits = (r.get("limits", {}) for r in rules)
        for limit in sorted({*limited, *limits}):
            before, after = limited.get(limit), limits.get(limit)
            wider = bool(limits) and (
                after is None or (before is not None and after > before) or not limited
            )
            yield from _differs(name, f"{what} {limit}", _word(before), _word(after), wider)
    factor = "second factor within seconds"
    before, after = old.get(factor), new.get(factor)
    weaker = before is not None and bool(new) and (after is None or after > before)
    yield from _differs(name, "reveal, " + factor, _word(before), _word(after), weaker)


def _word(value: int | None) -> str:
    return "" if value is None else str(value)


def _differs(name: str, what: str, before: str, after: str, widens: bool) -> Iterator[AccessChange]:
    if before != after:
        yield AccessChange(
            profile=name, what=what, before=before or "none", after=after or "none", widens=widens
        )


def _table(
    profile: str, table: str, was: Matrix | None, now: Matrix | None
) -> Iterator[AccessChange]:
    if now is None:
        yield AccessChange(
            profile=profile, what=table, before="a view", after="no view", widens=False
        )
        return
    had = list(was["operations"]) if was else []
    if had != now["operations"]:
        yield AccessChange(
            profile=profile, what=table, before=", ".join(had) or "nothing",
            after=", ".join(now["operations"]), widens=not set(now["operations"]) <= set(had),
        )  # fmt: skip
    forms = was["columns"] if was else {}
    for column in sorted({*forms, *now["columns"]}):
        before, after = forms.get(column), now["columns"].get(column)
        if before != after:
            yield AccessChange(
                profile=profile, what=f"{table}.{column}", before=before or "nothing",
                after=after or "nothing",
                widens=_FORMS.get(str(after), 0) > _FORMS.get(str(before), 0),
            )  # fmt: skip


def needs_approval(found: tuple[AccessChange, ...]) -> bool:
    """Whether the plan is applied only with somebody else's recorded opinion (A5)."""
    return any(c.widens or c.adds for c in found)


def page(found: tuple[AccessChange, ...], catalogue_hash: str, database: str) -> str:
    """The page that is signed, as text: one line a change, widening ones marked with ``+``."""
    lines = [f"database {database}", f"catalogue {catalogue_hash}", ""]
    if not found:
        lines.append("Nobody will see or do anything differently.")
    rows = [
        (
            c.profile or "classification",
            c.what,
            c.before,
            c.after,
            "+" if c.widens or c.adds else " ",
        )
        for c in found
    ]
    if rows:
        width = [max(len(r[n]) for r in rows) for n in range(3)]
        lines += [
            f"{r[4]} {r[0]:<{width[0]}}  {r[1]:<{width[1]}}  {r[2]:<{width[2]}} -> {r[3]}"
            for r in rows
        ]
        wide = sum(r[4] == "+" for r in rows)
        lines += ["", f"{len(rows)} changes, {wide} of them (+) need an approval."]
    return "\n".join(lines) + "\n"


def page_hash(text: str) -> str:
    """SHA-256 of the page, stored with the deployment."""
    return digest(text)
