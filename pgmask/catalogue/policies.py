"""The packs in force and the organisation's own readings of what they leave open (A2)."""

from __future__ import annotations

from pgmask.catalogue.files import Sources
from pgmask.catalogue.model import Interpretation
from pgmask.catalogue.packs.model import Pack
from pgmask.catalogue.packs.policy import Policy
from pgmask.catalogue.packs.read import read_pack, shipped_pack, shipped_packs
from pgmask.catalogue.problems import Problems, did_you_mean
from pgmask.catalogue.shapes import Entry, Located


def read_policy(
    root: Entry, sources: Sources, problems: Problems
) -> tuple[Policy, tuple[Interpretation, ...]]:
    """The packs that ``packs`` or ``pack`` name; an own pack stands in ``packs/NAME.yml``."""
    names: list[Located] = list(root.get("packs", ()))
    if "pack" in root.values:
        if names:
            problems.add(
                "PM012",
                "pack-and-packs",
                root.place("pack"),
                "both `pack` and `packs` stand in the catalogue",
                "Keep one of them.",
            )
        names.append(Located(root.get("pack"), root.place("pack")))
    elif "packs" not in root.values:
        problems.add(
            "PM012",
            "missing-key",
            root.at,
            "the catalogue names no policy pack",
            "Add packs: [baseline] or others: " + ", ".join(shipped_packs()) + ".",
        )
    packs: dict[str, Pack] = {}
    for item in names:
        pack = _pack(item, sources, problems)
        if pack is not None:
            packs[pack.name] = pack
    rows = _interpretations(root, packs, problems)
    chosen = {(r.pack, r.row): r.chosen for r in rows}
    own = [(k.value, v) for k, v in root.get("categories", ())]
    return Policy(packs.values(), chosen, own), rows


def _pack(item: Located, sources: Sources, problems: Problems) -> Pack | None:
    if item.value in shipped_packs():
        return shipped_pack(item.value)
    own = sources.folder / "packs" / f"{item.value}.yml"
    file = f"packs/{own.name}"
    if own.is_file():
        text = sources.read(own, file, item.at, problems)
        return None if text is None else read_pack(text, file, item.value, problems)
    problems.add(
        "PM013",
        "unknown-pack",
        item.at,
        f"there is no policy pack {item.value!r}",
        did_you_mean(item.value, shipped_packs()) + " Own packs stand in packs/NAME.yml.",
    )
    return None


def _interpretations(
    root: Entry, packs: dict[str, Pack], problems: Problems
) -> tuple[Interpretation, ...]:
    found: dict[tuple[str, str], Interpretation] = {}
    for entry in root.get("interpretations", ()):
        name, row_name, chosen = entry.get("pack"), entry.get("row"), entry.get("chosen")
        if name is None or row_name is None or chosen is None:
            continue
        pack = packs.get(name)
        if pack is None:
            problems.add(
                "PM013",
                "unknown-pack",
                entry.place("pack"),
                f"the pack {name!r} is not in force",
                did_you_mean(name, packs),
            )
            continue
        rows = {r.row: r for r in pack.interpretations}
        row = rows.get(row_name)
        if row is None:
            problems.add(
                "PM013",
                "unknown-interpretation",
                entry.place("row"),
                f"{name} has no open clause {row_name!r}",
                did_you_mean(row_name, rows),
            )
        elif chosen not in dict(row.options):
            problems.add(
                "PM013",
                "unknown-option",
                entry.place("chosen"),
                f"{chosen!r} is not an option of {row_name}",
                did_you_mean(chosen, dict(row.options)),
            )
        elif (name, row_name) in found:
            problems.add(
                "PM013",
                "interpretation-twice",
                entry.place("row"),
                f"{row_name} of {name} is decided twice",
                "Keep one decision.",
            )
        else:
            found[(name, row_name)] = Interpretation(
                pack=name,
                row=row_name,
                chosen=chosen,
                by=entry.get("by", ""),
                since=entry.get("since", ""),
                reason=entry.get("reason", ""),
            )
    return tuple(found[key] for key in sorted(found))
