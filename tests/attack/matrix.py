"""The page of who can do what, from the attack table: ``python -m tests.attack.matrix``.

Writes the part of SECURITY.md between the markers; ``--check`` compares only.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path
from typing import Final

from tests.attack.model import Attack
from tests.attack.people import PERSONAS
from tests.attack.table import ATTACKS, PROVEN

PAGE: Final = Path(__file__).parents[2] / "SECURITY.md"
BEGIN: Final = "<!-- matrix -->"
END: Final = "<!-- /matrix -->"


def rendered() -> str:
    """The generated part, in Markdown."""
    lines = [BEGIN, ""]
    lines += [
        "Each attempt is made on real servers, versions 15 and 18 unless told; it succeeds once",
        "the one protection is taken away.",
        "",
        "| who | tries to | comes to | row |",
        "|---|---|---|---|",
    ]
    by_actor: defaultdict[str, list[Attack]] = defaultdict(list)
    for attack in ATTACKS:
        if not attack.limit:
            by_actor[attack.actor].append(attack)
    for actor, persona in PERSONAS.items():
        for attack in by_actor[actor]:
            lines.append(_line(persona.part, attack.does, _result(attack), attack.id))
        for row in PROVEN:
            if row.actor == actor:
                lines.append(_line(persona.part, row.does, row.result, row.id))
    lines += [
        "",
        "What is accepted: these attempts succeed.",
        "",
        "| who | can | what bounds or shows it | row |",
        "|---|---|---|---|",
    ]
    for attack in ATTACKS:
        if attack.limit:
            why = attack.why + (f" (PostgreSQL {attack.versions})" if attack.versions else "")
            lines.append(_line(PERSONAS[attack.actor].part, attack.does, why, attack.id))
    return "\n".join([*lines, "", END])


def _result(attack: Attack) -> str:
    words = str(attack.expect)
    return f"{words} (PostgreSQL {attack.versions})" if attack.versions else words


def _line(*cells: str) -> str:
    return "| " + " | ".join(c.replace("|", "\\|") for c in cells) + " |"


def replaced(page: str) -> str:
    """The page with the generated part as it should be."""
    head, found, rest = page.partition(BEGIN)
    _, closed, tail = rest.partition(END)
    if not found or not closed:
        raise SystemExit(f"{PAGE.name} has no markers {BEGIN} .. {END}")
    return head + rendered() + tail


def main(argv: list[str]) -> int:
    """0 when the page is as it should be or was written; 1 when --check finds a difference."""
    page = PAGE.read_text("utf-8")
    wanted = replaced(page)
    if wanted == page:
        return 0
    if "--check" in argv:
        print(f"{PAGE.name} is out of date: python -m tests.attack.matrix", file=sys.stderr)
        return 1
    PAGE.write_text(wanted, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
