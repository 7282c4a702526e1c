"""``pgmask audit alerts``: what was unusual, who looks into it, and by which rules."""

from __future__ import annotations

import json
from typing import Annotated, Final

import typer

from pgmask.cli.options import Dsn
from pgmask.cli.output import people
from pgmask.cli.report import Format, ReportFormat, Zone, print_answer
from pgmask.errors import PgmaskError
from pgmask.report.alerts import close_alert, evaluate, open_alerts, put_rule, rules
from pgmask.report.questions import report_named
from pgmask.report.run import ZONE, ask, set_zone
from pgmask.server import connect, require_dsn

_HELP: Final = """\
What was unusual. An alert stays open until another person than the one it is about closes it \
with a reason.
"""


def list_alerts(
    all_: Annotated[bool, typer.Option("--all", help="Closed ones as well.")] = False,
    dsn: Dsn = None,
    format: Format = ReportFormat.table,
    zone: Zone = ZONE,
) -> None:
    """List alerts that are open; exit 2 when there is one."""
    with connect(require_dsn(dsn)) as connection:
        set_zone(connection, zone)
        answer = ask(connection, report_named("alerts"), {})
    still = open_alerts(answer)
    print_answer(answer if all_ else still, format)
    if still.rows:
        raise typer.Exit(2)


def close(
    alert: Annotated[int, typer.Argument(metavar="ALERT", help="Its number.")],
    reason: Annotated[str, typer.Option("--reason", help="What was found out, in words.")],
    dsn: Dsn = None,
) -> None:
    """Close an alert with a reason, under your own registered login."""
    with connect(require_dsn(dsn)) as connection:
        close_alert(connection, alert, reason)
        connection.commit()
    people.print(f"alert {alert} is closed")


def evaluate_now(dsn: Dsn = None) -> None:
    """Look through what is new and raise alerts, as the collector does; exit 2 if any.

    For members of pgmask_collector; the other commands are for auditors.
    """
    with connect(require_dsn(dsn)) as connection:
        raised = evaluate(connection)
        connection.commit()
    people.print(f"{raised} new alert{'' if raised == 1 else 's'}")
    if raised:
        raise typer.Exit(2)


def show_rules(
    dsn: Dsn = None,
    format: Format = ReportFormat.table,
) -> None:
    """List the rules with their numbers."""
    with connect(require_dsn(dsn)) as connection:
        print_answer(rules(connection), format)


def set_rule(
    rule: Annotated[str, typer.Argument(metavar="RULE", help="Its name; a new one makes a rule.")],
    numbers: Annotated[
        str, typer.Option("--numbers", metavar="JSON", help='Such as {"minimum": 50}.')
    ] = "",
    kind: Annotated[str | None, typer.Option("--kind", help="Of a new rule; it keeps it.")] = None,
    severity: Annotated[
        str | None, typer.Option("--severity", help="low, medium, high or critical.")
    ] = None,
    action: Annotated[
        str | None, typer.Option("--action", help="freeze: suspends the person; or none.")
    ] = None,
    says: Annotated[str | None, typer.Option("--says", help="What it notices, in words.")] = None,
    on: Annotated[bool | None, typer.Option("--on/--off", help="Whether it is evaluated.")] = None,
    dsn: Dsn = None,
) -> None:
    """Change a rule, or make one. Who changed which is on record."""
    try:
        given = json.loads(numbers) if numbers else {}
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise PgmaskError("PM847", """--numbers is no JSON object such as '{"minimum": 50}'""")
    with connect(require_dsn(dsn)) as connection:
        put_rule(
            connection, rule, kind=kind, numbers=given, severity=severity, enabled=on,
            action=action, says=says,
        )  # fmt: skip
        connection.commit()
    people.print(f"rule {rule} is set")


def register(app: typer.Typer) -> None:
    """Add ``alerts`` with its commands."""
    group = typer.Typer(help=_HELP, no_args_is_help=True, rich_markup_mode="rich")
    group.command("list")(list_alerts)
    group.command("close")(close)
    group.command("evaluate")(evaluate_now)
    group.command("rules")(show_rules)
    group.command("set-rule")(set_rule)
    app.add_typer(group, name="alerts")
