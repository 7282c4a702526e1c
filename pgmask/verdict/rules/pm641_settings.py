"""Settings that identity or protection hangs on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity
from pgmask.verdict.rule import Hit, Rule
from pgmask.verdict.tree import Node

SETTINGS: Final = frozenset(
    {
        "session_replication_role", "row_security", "lo_compat_privileges",
        "allow_system_table_mods", "ignore_system_indexes", "zero_damaged_pages",
        "session_preload_libraries", "local_preload_libraries", "dynamic_library_path",
        "log_statement", "log_min_error_statement", "log_parameter_max_length",
        "log_parameter_max_length_on_error", "log_min_duration_statement", "debug_print_parse",
        "debug_print_plan", "debug_print_rewritten", "track_activities", "event_triggers",
        "standard_conforming_strings", "backslash_quote",
    }
)  # fmt: skip
_PREFIX = "pgmask."
_SAFE: Final = ("utf8", "unicode", "sqlascii", "latin", "euc", "win", "koi8", "iso8859")
"""Encodings in which no byte of a letter is a quote or backslash: in others psql and the server
end strings where this text, which is UTF-8, does not.
"""


def check(case: Case) -> Iterator[Hit]:
    """SET, ALTER ROLE or DATABASE .. SET, and set_config(), also of a name computed at run time."""
    for node in case.of("VariableSetStmt"):
        if _as_it_is(node):
            continue
        yield from _setting(node.get("name", ""), case.at(node))
        yield from _encoding(node, case.at(node))
    for kind in ("AlterRoleSetStmt", "AlterDatabaseSetStmt"):
        if case.kind == kind:
            setting = case.body.get("setstmt") or {}
            yield from _setting(setting.get("name", ""), case.at(setting))
            yield from _encoding(setting, case.at(setting))
    for node in case.of("CreateFunctionStmt"):
        for option in node.get("options", ()):
            element = option.get("DefElem", {})
            if element.get("defname") == "set":
                setting = element.get("arg", {}).get("VariableSetStmt", {})
                yield from _setting(setting.get("name", ""), case.at(setting))
                yield from _encoding(setting, case.at(setting))
    for _, node in case.calls("set_config"):
        name = case.literal((node.get("args") or [None])[0])
        if name is None:
            yield Hit(message="set_config() of a name computed at run time",
                      position=case.at(node))  # fmt: skip
        else:
            yield from _setting(name, case.at(node))
            if name.lower() == "client_encoding":
                yield from _encoded(case.literal((node.get("args") or [0, None])[1]), case.at(node))
    for name, position in case.unseen("set_config"):
        yield Hit(message=f"{name}() is called where its arguments are not seen", position=position)
    for write in case.lineage.writes:
        if write.schema in ("pg_catalog", "information_schema"):
            yield Hit(message=f"{write.schema}.{write.table} is the server's",
                      position=write.position)  # fmt: skip


def _setting(name: str, position: int) -> Iterator[Hit]:
    name = name.lower()
    if name in SETTINGS or name.startswith(_PREFIX):
        yield Hit(message=f"the setting {name} is not the application's", position=position)


def _as_it_is(node: Node) -> bool:
    """``SET standard_conforming_strings = on``, which pg_dump writes into every file."""
    value = [one.get("A_Const", {}).get("sval", {}).get("sval") for one in node.get("args", ())]
    return node.get("name", "").lower() == "standard_conforming_strings" and value == ["on"]


def _encoding(node: Node, position: int) -> Iterator[Hit]:
    if node.get("name", "").lower() == "client_encoding" and node.get("args"):
        value = node["args"][0].get("A_Const", {}).get("sval", {}).get("sval")
        yield from _encoded(value, position)


def _encoded(value: str | None, position: int) -> Iterator[Hit]:
    written = re.sub(r"[^a-z0-9]", "", value.lower()) if value is not None else ""
    if not written.startswith(_SAFE):
        yield Hit(
            message="in this encoding strings may end elsewhere than in this text",
            position=position, hint="Write UTF-8 and leave client_encoding at UTF8.",
        )  # fmt: skip


RULE = Rule(
    code="PM641",
    name="settings",
    severity=Severity.DENY,
    check=check,
    catalogue=False,
    deep=True,
    example="SELECT set_config('session_replication_role', 'replica', true)",
    ok="SELECT set_config('statement_timeout', '5s', true)",
)
