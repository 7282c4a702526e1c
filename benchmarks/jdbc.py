"""Java: login and one lookup per transaction over HikariCP / the same on the raw table."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

import psycopg

from benchmarks.data import UNITS
from benchmarks.measure import Measurement, at_most, figure
from benchmarks.place import Place

_ROOT: Final = Path(__file__).parents[1]
_JARS: Final = tuple(
    Path("/usr/share/java") / name
    for name in ("HikariCP.jar", "postgresql.jar", "slf4j-api.jar", "slf4j-nop.jar")
)
_HOW: Final = "pgjdbc and HikariCP: transaction with login and one lookup / raw, without identity"


def run(place: Place) -> list[Measurement]:
    """The group ``jdbc``; without Java or its drivers a figure that says so."""
    compiler, java = shutil.which("javac"), shutil.which("java")
    missing = [jar.name for jar in _JARS if not jar.exists()]
    if compiler is None or java is None or missing:
        what = ", ".join(missing) or "Java"
        return [figure("jdbc.login_and_lookup", None, f"not measured: {what} is not here")]
    assert place.issuer is not None
    with tempfile.TemporaryDirectory() as name, psycopg.connect(place.admin) as at:
        folder = Path(name)
        path = os.pathsep.join([name, *map(str, _JARS)])
        sources = [
            *(_ROOT / "examples/spring/src").rglob("*.java"),
            *(_ROOT / "benchmarks/java").rglob("*.java"),
        ]
        subprocess.run(
            [compiler, "-d", name, "-cp", path, *map(str, sources)], check=True, timeout=120
        )
        key = folder / "bench.key"
        key.touch(0o600)
        key.write_text(place.issuer.dump(), "utf-8")
        host = "127.0.0.1" if at.info.host.startswith("/") else at.info.host
        done = subprocess.run(
            [
                java, "-cp", path, "com.example.pgmask.LookupBenchmark",
                f"jdbc:postgresql://{host}:{at.info.port}/{at.info.dbname}?sslmode=disable",
                place.login("app"), at.info.dbname, str(key), str(place.scale.rounds),
                str(place.scale.calls), str(place.rows), str(UNITS),
            ],
            capture_output=True, text=True, check=True, timeout=600,
            env={"PATH": os.environ["PATH"], "PGPASSWORD": place.passwords["app"]},
        )  # fmt: skip
    raw, ours, ratio = (float(part) for part in done.stdout.split())
    return [
        at_most("jdbc.login_and_lookup", ratio, 1.75, f"{_HOW}: {raw:.0f} -> {ours:.0f} us"),
        figure("jdbc.login_and_lookup.added", max(ours - raw, 0.0), "the difference", unit="us"),
    ]
