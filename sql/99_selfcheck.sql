-- Fails the install or upgrade, and with it the whole transaction, when a mark is missing.
DO LANGUAGE plpgsql $pgmask$
DECLARE
  v_problems text;
BEGIN
  SELECT pg_catalog.string_agg(pg_catalog.format('%s: %s', c.object, c.problem), E'\n')
    INTO v_problems
    FROM pgmask_private.self_check() AS c;
  IF v_problems IS NOT NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PM028',
      MESSAGE = 'the runtime did not pass its own check',
      DETAIL = v_problems,
      HINT = 'Nothing was installed.';
  END IF;
END;
$pgmask$;

-- Remember what was installed. What is generated later is the planner's to watch.
DELETE FROM pgmask_private.runtime_object;
INSERT INTO pgmask_private.runtime_object (kind, identity, hash)
SELECT n.kind, n.identity, n.hash FROM pgmask_private.runtime_now() AS n;
