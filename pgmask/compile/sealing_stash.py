"""The UPDATE trigger takes the truths that an upsert carries."""

from __future__ import annotations

from pgmask.compile.sealing_parts import digest_of, forms, key_json
from pgmask.compile.sealing_spec import SealSpec
from pgmask.compile.sealing_sql import any_of, block, indented, refusal, row_key
from pgmask.sqltext import literal


def take_stash(spec: SealSpec) -> str:
    """Take the stash once; it counts at its own depth, for the rows it was made for."""
    if not spec.unique_keys:
        return ""
    setting, table = literal(spec.setting), literal(spec.table_id)
    appeared = refusal("refuse_value", table, "NULL", "'appeared'")
    old_key = row_key(spec, "OLD")
    meets = any_of(
        f"v_stash -> 'keys' ->> {n} = {key_json(k, 'OLD')}" for n, k in enumerate(spec.unique_keys)
    )
    doubtful = ["v_stash -> 'typed' = 'true'::jsonb"]
    for name, new in forms(spec):
        old = "OLD" + new.removeprefix("NEW")
        form = f"v_stash -> 'forms' ->> {literal(name)}"
        doubtful.append(
            f"({form} <> ''"
            f' AND ({old}::text COLLATE "C" = {form} OR {new}::text COLLATE "C" = {form}))'
        )
    none = block("IF " + any_of(doubtful) + "\nTHEN", appeared)
    return f"""\
IF left(v_up, 1) = '{{' THEN
  v_nothing := set_config({setting}, 'on', TRUE);
  v_stash := pgmask_private.stash_open({setting}, pg_trigger_depth(), v_up);
  IF v_stash IS NULL THEN
    NULL;
  ELSIF v_stash ? 'rows' THEN
    IF v_stash -> 'rows' ->> {old_key} IS NULL THEN
      v_stash := NULL;
    ELSIF v_stash -> 'rows' ->> {old_key} <> {digest_of(spec, "OLD")} THEN
      {appeared}
    ELSE
      v_truths := v_stash -> 'truths';
    END IF;
  ELSE
    -- No row was there when the proposed row was masked, and now one is: where its masks say the
    -- same, nobody can tell what this statement means.
    IF {meets}
    THEN
{indented(indented(indented(none)))}
    END IF;
    v_stash := NULL;
  END IF;
END IF;"""
