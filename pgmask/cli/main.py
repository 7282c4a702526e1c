"""The command ``pgmask``: finds the verb, loads its file, and turns errors into exit codes.

Exit codes: 0 fine, 1 error (wrong use included), 2 differences or findings, 3 refused,
130 interrupted.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, NoReturn, Protocol, cast

import psycopg
import typer
from typer.exceptions import TyperException

from pgmask import __version__
from pgmask.cli.output import people, tell
from pgmask.errors import REGISTRY, InternalError, PgmaskError, ServerError


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """A file of ``pgmask/cli`` and the commands it registers."""

    module: str
    commands: tuple[str, ...]


VERBS: Final = (
    Verb(module="demo", commands=("demo",)),
    Verb(module="init", commands=("init",)),
    Verb(module="scan", commands=("scan",)),
    Verb(module="check", commands=("check",)),
    Verb(module="install", commands=("install", "upgrade")),
    Verb(module="doctor", commands=("doctor",)),
    Verb(module="register", commands=("register",)),
    Verb(module="issuer", commands=("issuer",)),
    Verb(module="plan", commands=("plan",)),
    Verb(module="apply", commands=("apply",)),
    Verb(module="drift", commands=("drift",)),
    Verb(module="revision", commands=("revision",)),
    Verb(module="rollout", commands=("rollout",)),
    Verb(module="seal", commands=("seal",)),
    Verb(module="unseal", commands=("unseal",)),
    Verb(module="uninstall", commands=("uninstall",)),
    Verb(module="keys", commands=("keys",)),
    Verb(module="reveal", commands=("reveal",)),
    Verb(module="audit", commands=("audit",)),
    Verb(module="report", commands=("report",)),
    Verb(module="dump", commands=("dump",)),
    Verb(module="fake", commands=("fake",)),
    Verb(module="migrate", commands=("migrate",)),
    Verb(module="validate", commands=("validate",)),
    Verb(module="explain", commands=("explain",)),
    Verb(module="schema", commands=("schema",)),
)

_HELP: Final = """\
Masks and encrypts customer information inside PostgreSQL, from one catalogue.

[b]init[/b] writes a starter catalogue from a database, [b]scan[/b] proposes from values too; \
[b]check[/b] finds every problem in it; \
[b]plan[/b] shows what would change and who will see what; [b]apply[/b] does it; [b]seal[/b] \
adopts the rows that are already there; [b]drift[/b] tells what was changed by hand. \
[b]demo[/b] shows all of it on a server of its own.
"""
_EPILOG: Final = (
    "Exit codes: 0 fine, 1 error, 2 differences or findings, 3 refused. "
    "Every error has a code: pgmask explain PM101."
)


# What a server may refuse to any verb: the code of ours, what it means here, and the way out.
_SAYS: Final = {
    "42501": (
        "PM242",
        "this login may not look or write there",
        "Use the login that installed pgmask, or one that is a member of its roles.",
    ),
    "3F000": ("PM027", "there is no runtime in this database", "pgmask install"),
    "42P01": (
        "PM027",
        "a part of the runtime is missing: it is not installed, or of another revision",
        "pgmask install, or pgmask upgrade",
    ),
    "25006": (
        "PM020",
        "this server only reads: it is a standby, or set to read only",
        "Connect to the primary.",
    ),
    "55P03": (
        "PM234",
        "a lock was not to be had in time",
        "Let the transaction that holds it end, then run the same command again.",
    ),
    "40P01": (
        "PM234",
        "two transactions waited for each other, and the server ended this one",
        "Run the same command again.",
    ),
    "57014": (
        "PM030",
        "a statement was cancelled: by statement_timeout, or by hand",
        "Raise it for this login, such as PGOPTIONS='-c statement_timeout=0'; then run the same"
        " command again.",
    ),
    "53100": (
        "PM020",
        "the server's disk is full",
        "What was not committed is undone. Make room, then run the same command again.",
    ),
}


class _VerbModule(Protocol):
    def register(self, app: typer.Typer) -> None: ...


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"pgmask {__version__}")
        raise typer.Exit


def _globals(
    show_version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
    debug: Annotated[
        bool,
        typer.Option("--debug", envvar="PGMASK_DEBUG", help="Print where an error came from."),
    ] = False,
) -> None:
    pass


def build_app(verbs: Sequence[Verb] = VERBS) -> typer.Typer:
    """The command line with these verbs; each verb's file is imported here and not before."""
    app = typer.Typer(
        name="pgmask",
        help=_HELP,
        epilog=_EPILOG,
        rich_markup_mode="rich",
        no_args_is_help=True,
        add_completion=True,
        pretty_exceptions_enable=False,
    )
    app.callback()(_globals)
    for verb in verbs:
        name = f"pgmask.cli.{verb.module}"
        if importlib.util.find_spec(name) is None:
            continue
        cast(_VerbModule, importlib.import_module(name)).register(app)
    return app


def run(words: Sequence[str]) -> int:
    """Run one command line; the exit code comes back, errors are told on stderr."""
    debug = "--debug" in words or bool(os.environ.get("PGMASK_DEBUG"))
    try:
        app = build_app(_needed(words))
        # Not the library's own ending: its code for wrong use is 2, which means findings here.
        answer = typer.main.get_command(app).main(
            args=list(words), prog_name="pgmask", standalone_mode=False
        )
        return answer if isinstance(answer, int) else 0
    except PgmaskError as error:
        _show(error, debug=debug)
        return error.exit_code
    except TyperException as error:
        shown = error.format_message() if hasattr(error, "format_message") else str(error)
        if shown:
            people.print(f"pgmask: {shown}", style="bold red", markup=False)
            people.print("  pgmask --help lists the verbs, pgmask VERB --help their options.")
        return 1
    except (typer.Abort, KeyboardInterrupt):
        people.print("pgmask: interrupted")
        return 130
    except BrokenPipeError:
        # The reader of our output has gone; saying more would only fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except psycopg.Error as error:
        _show(_from_server(error), debug=debug)
        return 1
    except OSError as error:
        _show(_from_system(error), debug=debug)
        return 1
    except Exception as error:
        _show(_unexpected(error), debug=debug)
        return 1


def main() -> NoReturn:
    """The entry point of the console script."""
    sys.exit(run(sys.argv[1:]))


def _needed(words: Sequence[str]) -> Sequence[Verb]:
    """The one verb that is meant, so that the others' files need not be loaded; else all."""
    if "_PGMASK_COMPLETE" not in os.environ:
        named = next((w for w in words if not w.startswith("-")), None)
        for verb in VERBS:
            if named in verb.commands:
                return (verb,)
    return VERBS


def _show(error: PgmaskError, *, debug: bool) -> None:
    tell(error)
    if debug:
        traceback.print_exc(file=sys.stderr)


def _from_server(error: psycopg.Error) -> PgmaskError:
    """A server's error nobody expected. Its message may quote a value, so it is not repeated."""
    code = error.sqlstate
    if code in REGISTRY:
        return PgmaskError(code, REGISTRY[code].title)
    if code is None or code.startswith("08") or code in ("57P01", "57P02", "57P03"):
        return ServerError("PM020", "the connection was lost")
    if code == "0A000" and "recovery" in (error.diag.message_primary or ""):
        code = "25006"  # what a standby says of unlogged tables
    if code in _SAYS:
        registered, said, hint = _SAYS[code]
        return PgmaskError(registered, said, hint=hint)
    return InternalError(
        "PM901",
        f"the server refused a statement with SQLSTATE {code} ({type(error).__name__})",
        hint="pgmask --debug VERB .. shows where, and the server's words; they may quote a value.",
    )


def _from_system(error: OSError) -> PgmaskError:
    """A file that cannot be used is no fault of pgmask; anything else of the system is."""
    if error.filename is None or error.strerror is None:
        return _unexpected(error)
    return PgmaskError("PM003", error.strerror, where=os.fsdecode(error.filename))


def _unexpected(error: Exception) -> PgmaskError:
    frames = traceback.extract_tb(error.__traceback__)
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
    ours = [f for f in frames if os.path.abspath(f.filename).startswith(package)] or frames
    last = ours[-1]
    return InternalError(
        "PM901",
        f"{type(error).__name__} in {os.path.basename(last.filename)}, line {last.lineno}",
        hint="Please report it with what pgmask --debug VERB .. shows; look first that it holds no"
        " data.",
    )
