"""Freezing: what a revision ran stays as it was, byte for byte.

``sql/`` is what a person reads and edits. ``migrations/sql/<revision>/`` is the copy that revision
runs, with one digest over all of it in the revision's file. While the newest revision is
unreleased the copy is refreshed from ``sql/`` by this module; a test holds the two equal.

``python -m pgmask.runtime.freeze`` writes; with ``--check`` it only says whether it would.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from pgmask.errors import REGISTRY
from pgmask.resources import migrations_dir, sql_dir
from pgmask.runtime.frozen import digest, sql_files
from pgmask.sqltext import literal

OPEN_REVISION = "0001"
"""The revision that is not released yet."""

_DIGEST = re.compile(r'^DIGEST = "[0-9a-f]*"$', re.MULTILINE)


def errors_sql() -> str:
    """The text of ``sql/02_errors.sql``: the registry of errors as a table."""
    rows = ",\n".join(
        "  ("
        + ", ".join(literal(part) for part in (entry.code, entry.title, entry.cause, entry.way_out))
        + f", {'true' if entry.retired else 'false'})"
        for entry in sorted(REGISTRY.values(), key=lambda entry: entry.code)
    )
    return _ERRORS.replace("@rows@", rows)


_ERRORS = """\
-- Every error that pgmask raises, for people who meet its code in a log or a client.
-- Written by `python -m pgmask.runtime.freeze` from pgmask/errors.py; do not edit.
CREATE TABLE pgmask_private.error_code (
  code text PRIMARY KEY CHECK (code ~ '^PM[0-9]{3}$'),
  title text NOT NULL,
  cause text NOT NULL,
  way_out text NOT NULL,
  retired boolean NOT NULL
);
ALTER TABLE pgmask_private.error_code OWNER TO pgmask_owner;
REVOKE ALL ON TABLE pgmask_private.error_code FROM PUBLIC;
COMMENT ON TABLE pgmask_private.error_code IS 'The registry of errors; holds no data of anybody.';
COMMENT ON COLUMN pgmask_private.error_code.code IS 'PM and three digits; the SQLSTATE raised.';
COMMENT ON COLUMN pgmask_private.error_code.title IS 'What happened, in one clause.';
COMMENT ON COLUMN pgmask_private.error_code.cause IS 'Why it comes about.';
COMMENT ON COLUMN pgmask_private.error_code.way_out IS 'What the reader does now.';
COMMENT ON COLUMN pgmask_private.error_code.retired IS 'True when the code is no longer raised.';

INSERT INTO pgmask_private.error_code (code, title, cause, way_out, retired) VALUES
@rows@;

-- Says what an error code means and what to do about it.
--   p_code  as raised, such as PM101; any case; NULL or unknown gives no row
--   result  one row
--   marks   SECURITY DEFINER because the table is not the caller's to read; it holds no data
CREATE FUNCTION pgmask.explain_error(p_code text)
  RETURNS TABLE (code text, title text, cause text, way_out text)
  LANGUAGE sql
  STABLE
  CALLED ON NULL INPUT
  PARALLEL SAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
  SELECT e.code, e.title, e.cause, e.way_out
    FROM pgmask_private.error_code AS e
   WHERE e.code = upper(p_code)
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.explain_error(text) FROM PUBLIC;
ALTER FUNCTION pgmask.explain_error(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.explain_error(text) IS
  'Says what an error code means and what to do about it.';
"""


def freeze(*, check: bool = False) -> bool:
    """Refresh ``02_errors.sql``, the frozen copy and its digest; say whether anything differed."""
    source, target = sql_dir(), migrations_dir() / "sql" / OPEN_REVISION
    target.mkdir(parents=True, exist_ok=True)
    changed = _write(source / "02_errors.sql", errors_sql(), check)
    names = {path.name for path in sql_files(source)}
    for path in sql_files(target):
        if path.name not in names:
            changed = True
            if not check:
                path.unlink()
    for path in sql_files(source):
        changed |= _write(target / path.name, path.read_text("utf-8"), check)
    (revision,) = (migrations_dir() / "versions").glob(f"{OPEN_REVISION}_*.py")
    text = revision.read_text("utf-8")
    changed |= _write(revision, _DIGEST.sub(f'DIGEST = "{digest(target)}"', text, count=1), check)
    return changed


def _write(path: Path, text: str, check: bool) -> bool:
    if path.exists() and path.read_text("utf-8") == text:
        return False
    if not check:
        path.write_text(text, "utf-8")
    return True


def main(arguments: list[str]) -> int:
    """0 when nothing differed or everything was written, 2 when ``--check`` found a difference."""
    check = "--check" in arguments
    changed = freeze(check=check)
    if changed:
        print("the frozen SQL differs from sql/" if check else "frozen", file=sys.stderr)
    return 2 if changed and check else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
