"""``python -m benchmarks [GROUP ...] [--json] [--dsn DSN] [--version 15] [--scale full]``."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from benchmarks import (
    audit_collect,
    audit_read,
    audit_report,
    audit_seal,
    audit_write,
    catalogue,
    django_get,
    drivers,
    jdbc,
    lineage,
    migrate,
    peers,
    plans,
    read,
    reveal,
    seal,
    search,
    validate,
    write,
)
from benchmarks.measure import Measurement
from benchmarks.place import SCALES, Place, Scale

GROUPS: Final[dict[str, Callable[[Place], list[Measurement]]]] = {
    "read": read.run,
    "plans": plans.run,
    "search": search.run,
    "write": write.run,
    "audit": audit_write.run,
    "seal": seal.run,
    "reveal": reveal.run,
    "django": django_get.run,
    "jdbc": jdbc.run,
    "drivers": drivers.run,
    "migrate": migrate.run,
    "collect": audit_collect.run,
    "notes": audit_read.run,
    "record": audit_seal.run,
    "report": audit_report.run,
    "peers": peers.run,
    "compile": catalogue.run,
    "lineage": lineage.run,
    "validate": validate.run,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the groups asked for (all without one); exit code 2 where a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("group", nargs="*", metavar="GROUP", help=", ".join(GROUPS))
    parser.add_argument("--json", action="store_true", help="JSON instead of a table")
    parser.add_argument("--dsn", help="a database of your own; emptied schemas raw, crm, crm_store")
    parser.add_argument("--version", type=int, default=18, help="major version of the server")
    parser.add_argument("--scale", choices=sorted(SCALES), default="full")
    given = parser.parse_args(argv)
    unknown = sorted(set(given.group) - set(GROUPS))
    if unknown:
        parser.error(f"no such group: {', '.join(unknown)}; there are {', '.join(GROUPS)}")
    found, title = measure(
        given.group or GROUPS, scale=SCALES[given.scale], dsn=given.dsn, version=given.version
    )
    if given.json:
        json.dump([m.as_json() for m in found], sys.stdout, indent=2, ensure_ascii=False)
        sys.stdout.write("\n")
    else:
        sys.stdout.write(table(found, title))
    return 2 if any(m.passed is False for m in found) else 0


def measure(
    groups: Iterable[str], *, scale: Scale, dsn: str | None = None, version: int | None = None
) -> tuple[list[Measurement], str]:
    """All measurements of the groups, in order, and a line that says on what."""
    found: list[Measurement] = []
    with Place.made(scale, dsn=dsn, version=version) as place:
        title = f"PostgreSQL {place.version}, {scale.customers} customers, {machine()}"
        for name in groups:
            print(f"{name} ...", file=sys.stderr, flush=True)
            found += GROUPS[name](place)
    return found, title


def machine() -> str:
    """The kind of machine, without its name."""
    kind = ""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as info:
            names = (x.split(":", 1)[1].strip() for x in info if x.startswith("model name"))
            kind = next(names, "")
    except OSError:
        pass
    return f"{os.cpu_count()} cores, {kind or platform.machine()}, {platform.system()}"


def table(found: Sequence[Measurement], title: str) -> str:
    """The measurements as a Markdown table."""
    lines = [title, "", "| measurement | value | target | | how |", "|---|---|---|---|---|"]
    for m in found:
        value = "-" if m.value is None else f"{m.value:g} {m.unit}"
        verdict = {True: "met", False: "**missed**", None: ""}[m.passed]
        how = m.how.replace("|", "\\|")
        lines.append(f"| {m.name} | {value} | {m.target} | {verdict} | {how} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
