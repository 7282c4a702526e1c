"""What only a superuser can do for pgmask, as SQL with reasons. All of it is optional."""

from __future__ import annotations

from pgmask.names import Name
from pgmask.runtime.keys import GRANT as KEY_GRANT


def superuser_sql(*, version: int, database: str, logins: tuple[str, ...] = ()) -> str:
    """The statements for a superuser, each with why, for a server of this version number.

    version: ``server_version_num``; database: its name; logins: the applications' logins whose log
    lines are to be kept clean (a placeholder stands for them when there are none).
    """
    flush = ", boolean" if version >= 170000 else ""
    parts = [
        "-- Optional, for a superuser of the server. pgmask works without; doctor names what is"
        " missing.\n",
        "-- Lets the server read the key file itself (key provider file). Without it the key is"
        " brought\n-- in with: pgmask keys load\n"
        f"{KEY_GRANT};\n",
        "-- Nobody but pgmask writes messages into the log of changes: without it any login can"
        " leave\n-- messages that look like notes of the record, which the collector reads and"
        " rejects.\n-- Grant it to whoever else needs it. On many managed servers this says REVOKE"
        " and only\n-- warns: compare with doctor afterwards.\n"
        + "".join(
            f"REVOKE EXECUTE ON FUNCTION {emit} FROM PUBLIC;\n"
            f"GRANT EXECUTE ON FUNCTION {emit} TO pgmask_owner;\n"
            for kind in ("text", "bytea")
            for emit in (f"pg_catalog.pg_logical_emit_message(boolean, text, {kind}{flush})",)
        ),
        "-- Lets pgmask's own functions, and no login, read the slot with the notes of reads.\n"
        "ALTER ROLE pgmask_slots REPLICATION;\n",
        "-- PostgreSQL 15's pg_stat_statements keeps SET commands with their values.\n"
        "ALTER SYSTEM SET pg_stat_statements.track_utility = off;\n"
        if version < 160000
        else "",
        "-- Applications have no need to create temporary tables in front of real names.\n"
        f"REVOKE TEMPORARY, CREATE ON DATABASE {Name(database).quoted} FROM PUBLIC;\n",
    ]
    for login in logins or ("YOUR_APPLICATION_LOGIN",):
        role = Name(login).quoted
        settings = [
            ("log_parameter_max_length = 0", "no assertion and no value in logged parameters"),
            ("log_error_verbosity = 'terse'", "no DETAIL, no line of a COPY in the log"),
            ("log_min_error_statement = 'panic'", "no failed statement with its literals"),
        ]
        if version >= 160000:
            settings.append(
                ("auto_explain.log_parameter_max_length = 0", "the same for auto_explain")
            )
        parts.append(
            f"-- Keeps values out of the server's log for {role}; the login cannot undo it.\n"
            + "".join(f"ALTER ROLE {role} SET {text};  -- {why}\n" for text, why in settings)
        )
    return "\n".join(part for part in parts if part)
