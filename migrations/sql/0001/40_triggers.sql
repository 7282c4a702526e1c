-- What keeps the register right. All triggers are ALWAYS, so that session_replication_role does
-- not silence them; their functions do nothing but what they say.

-- Before a statement that changes the register: one at a time, so that rules over several rows
-- hold, and only in READ COMMITTED, where what is read after the lock is the newest.
CREATE FUNCTION pgmask_private.register_begin()
  RETURNS trigger
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PM506',
      MESSAGE = 'the register keeps its history',
      HINT = 'End rows one by one with pgmask.register_end_..; nothing is emptied.',
      SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME;
  END IF;
  IF (current_setting('transaction_isolation') = 'read committed') IS NOT TRUE THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PM505',
      MESSAGE = 'the register is changed in READ COMMITTED transactions only',
      SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME;
  END IF;
  PERFORM pg_advisory_xact_lock(1885827699, 25);
  RETURN NULL;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.register_begin() FROM PUBLIC;
ALTER FUNCTION pgmask_private.register_begin() OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.register_begin() IS
  'One change of the register at a time, in READ COMMITTED; no TRUNCATE.';

-- After each row: who changed what.
--   marks  a row may hold a secret: it is taken out by an assignment, before any statement sees it
CREATE FUNCTION pgmask_private.register_note()
  RETURNS trigger
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_old jsonb := to_jsonb(OLD) - 'secret';
  v_new jsonb := to_jsonb(NEW) - 'secret';
  v_person bigint;
BEGIN
  SELECT s.person_id INTO v_person
    FROM pgmask_private.identity_state AS s WHERE s.standing = 'valid';
  INSERT INTO pgmask_private.register_history (
    login, person_id, table_name, operation, old_row, new_row
  ) VALUES (SESSION_USER, v_person, TG_TABLE_NAME, TG_OP, v_old, v_new);
  RETURN NULL;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.register_note() FROM PUBLIC;
ALTER FUNCTION pgmask_private.register_note() OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.register_note() IS 'Writes register_history, without secrets.';

-- The history only grows.
CREATE FUNCTION pgmask_private.refuse_change()
  RETURNS trigger
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  RAISE EXCEPTION USING
    ERRCODE = 'PM506',
    MESSAGE = 'the register keeps its history',
    HINT = 'Rows of the history are only added.',
    SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.refuse_change() FROM PUBLIC;
ALTER FUNCTION pgmask_private.refuse_change() OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.refuse_change() IS 'Raises PM506: the history only grows.';

-- After a statement: the rules over several rows. Who sees the first broken one sees its name,
-- never a person's.
CREATE FUNCTION pgmask_private.register_check()
  RETURNS trigger
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_unit text;
  v_now timestamptz := clock_timestamp();  -- one moment for all rows that are compared
BEGIN
  -- At the begin of every designation that is not over, and now: how many persons of its unit?
  SELECT d.unit_id INTO v_unit
    FROM pgmask_private.designation AS d
    JOIN pgmask_private.designation AS o
      ON o.unit_id = d.unit_id
     AND tstzrange(o.valid_from, o.valid_to) @> greatest(d.valid_from, v_now)
   WHERE d.valid_to IS NULL OR v_now < d.valid_to
   GROUP BY d.unit_id, greatest(d.valid_from, v_now)
  HAVING count(DISTINCT o.person_id)
         > (SELECT r.designated_per_unit FROM pgmask_private.register_rule AS r)
   LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PM502',
      MESSAGE = format('unit %L would have too many designated persons', v_unit),
      HINT = 'End a designation first: pgmask.register_end_designation(..)';
  END IF;

  IF EXISTS (
    SELECT FROM pgmask_private.designation AS d
      JOIN pgmask_private.person AS p ON p.person_id = d.person_id
     WHERE p.employment = 'outsourced'
       AND (d.valid_to IS NULL OR v_now < d.valid_to)
  ) THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PM504',
      MESSAGE = 'an outsourced person cannot be designated for high-value customers',
      HINT = 'End the designation first, or designate an employee.';
  END IF;

  IF EXISTS (
    SELECT FROM pgmask_private.issuer_key AS k
      JOIN pgmask_private.issuer_key AS o
        ON o.issuer = k.issuer
       AND tstzrange(o.valid_from, o.valid_to) @> greatest(k.valid_from, v_now)
     WHERE k.valid_to IS NULL OR v_now < k.valid_to
     GROUP BY k.key_id, k.valid_from
    HAVING count(*) > 2
  ) THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PM507',
      MESSAGE = 'an issuer has at most two valid keys',
      HINT = 'Use pgmask.rotate_issuer_key: it ends the oldest.';
  END IF;
  RETURN NULL;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.register_check() FROM PUBLIC;
ALTER FUNCTION pgmask_private.register_check() OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.register_check() IS
  'The rules of the register over several rows: PM502, PM504, PM507.';

-- After a change of units: which lie below which. Refuses a circle.
CREATE FUNCTION pgmask_private.refresh_unit_below()
  RETURNS trigger
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  IF EXISTS (
    WITH RECURSIVE up AS (
      SELECT u.unit_id AS start, u.superior FROM pgmask_private.unit AS u
      UNION ALL
      SELECT up.start, u.superior FROM up JOIN pgmask_private.unit AS u ON u.unit_id = up.superior
    ) CYCLE superior SET looped USING path
    SELECT FROM up WHERE up.looped
  ) THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PM503',
      MESSAGE = 'units would lie above each other in a circle',
      HINT = 'Correct the superior of the unit.';
  END IF;
  WITH RECURSIVE below AS (
    SELECT u.unit_id AS ancestor, u.unit_id FROM pgmask_private.unit AS u
    UNION ALL
    SELECT b.ancestor, u.unit_id
      FROM below AS b JOIN pgmask_private.unit AS u ON u.superior = b.unit_id
  ), gone AS (
    DELETE FROM pgmask_private.unit_below AS t
     WHERE NOT EXISTS (
       SELECT FROM below AS b WHERE (b.ancestor, b.unit_id) = (t.ancestor, t.unit_id))
  )
  INSERT INTO pgmask_private.unit_below (ancestor, unit_id)
  SELECT b.ancestor, b.unit_id FROM below AS b
  ON CONFLICT DO NOTHING;
  RETURN NULL;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.refresh_unit_below() FROM PUBLIC;
ALTER FUNCTION pgmask_private.refresh_unit_below() OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.refresh_unit_below() IS
  'Keeps unit_below; refuses units that lie above each other in a circle.';

-- After each row of what a profile follows from: works out anew who is honoured, for the persons
-- that the row can concern.
--   marks  jit is off: the planner knows nothing of these small tables and would compile
CREATE FUNCTION pgmask_private.refresh_standing()
  RETURNS trigger
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
  SET jit = off
AS $pgmask$
DECLARE
  v_rows jsonb[] := ARRAY[to_jsonb(OLD), to_jsonb(NEW)];
  v_persons bigint[];
BEGIN
  v_persons := CASE
    WHEN TG_TABLE_NAME IN ('person', 'person_post', 'document', 'training', 'database_login')
      THEN ARRAY(SELECT DISTINCT (r ->> 'person_id')::bigint FROM unnest(v_rows) AS r
                  WHERE r IS NOT NULL)
    WHEN TG_TABLE_NAME = 'unit'
      THEN ARRAY(SELECT DISTINCT p.person_id FROM pgmask_private.person_post AS p
                  WHERE p.unit_id IN (SELECT r ->> 'unit_id' FROM unnest(v_rows) AS r)
                  UNION
                 SELECT d.person_id FROM pgmask_private.database_login AS d
                  WHERE d.unit_id IN (SELECT r ->> 'unit_id' FROM unnest(v_rows) AS r))
    WHEN TG_TABLE_NAME = 'post_profile'
      THEN ARRAY(SELECT DISTINCT p.person_id FROM pgmask_private.person_post AS p
                  WHERE p.post_id IN (SELECT r ->> 'post_id' FROM unnest(v_rows) AS r))
    ELSE ARRAY(SELECT p.person_id FROM pgmask_private.person AS p)
  END;

  DELETE FROM pgmask_private.effective_profile AS e WHERE e.person_id = ANY (v_persons);
  INSERT INTO pgmask_private.effective_profile (
    person_id, profile, unit_id, valid_from, valid_until, outsourced
  )
  SELECT p.person_id, p.profile, p.unit_id, p.valid_from, p.valid_until, p.outsourced
    FROM pgmask_private.profile_period AS p
   WHERE p.person_id = ANY (v_persons);

  DELETE FROM pgmask_private.effective_login AS e WHERE e.person_id = ANY (v_persons);
  INSERT INTO pgmask_private.effective_login (
    login, valid_from, valid_until, person_id, profile, unit_id, outsourced
  )
  SELECT p.login, p.valid_from, p.valid_until, p.person_id, p.profile, p.unit_id, p.outsourced
    FROM pgmask_private.login_period AS p
   WHERE p.person_id = ANY (v_persons);
  RETURN NULL;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.refresh_standing() FROM PUBLIC;
ALTER FUNCTION pgmask_private.refresh_standing() OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.refresh_standing() IS
  'Keeps effective_profile and effective_login equal to what the register says.';

DO LANGUAGE plpgsql $pgmask$
DECLARE
  v_table text;
  v_trigger record;
BEGIN
  FOREACH v_table IN ARRAY ARRAY[
    'register_rule', 'unit', 'person', 'post', 'post_profile', 'person_post', 'document_form',
    'document', 'training', 'assignment', 'designation', 'unit_access', 'database_login',
    'service', 'issuer', 'issuer_key', 'issuer_profile', 'issuer_service'
  ] LOOP
    EXECUTE pg_catalog.format(
      'CREATE TRIGGER a_begin BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE '
      'ON pgmask_private.%I FOR EACH STATEMENT EXECUTE FUNCTION pgmask_private.register_begin()',
      v_table);
    EXECUTE pg_catalog.format(
      'CREATE TRIGGER b_note AFTER INSERT OR UPDATE OR DELETE ON pgmask_private.%I '
      'FOR EACH ROW EXECUTE FUNCTION pgmask_private.register_note()', v_table);
    IF v_table IN ('register_rule', 'person', 'designation', 'issuer_key') THEN
      EXECUTE pg_catalog.format(
        'CREATE TRIGGER c_check AFTER INSERT OR UPDATE ON pgmask_private.%I '
        'FOR EACH STATEMENT EXECUTE FUNCTION pgmask_private.register_check()', v_table);
    END IF;
    IF v_table = 'unit' THEN
      EXECUTE pg_catalog.format(
        'CREATE TRIGGER d_below AFTER INSERT OR UPDATE OR DELETE ON pgmask_private.%I '
        'FOR EACH STATEMENT EXECUTE FUNCTION pgmask_private.refresh_unit_below()', v_table);
    END IF;
    IF v_table NOT IN ('post', 'assignment', 'designation', 'unit_access', 'service', 'issuer',
                       'issuer_key', 'issuer_profile', 'issuer_service') THEN
      EXECUTE pg_catalog.format(
        'CREATE TRIGGER e_standing AFTER INSERT OR UPDATE OR DELETE ON pgmask_private.%I '
        'FOR EACH ROW EXECUTE FUNCTION pgmask_private.refresh_standing()', v_table);
    END IF;
  END LOOP;
  CREATE TRIGGER a_only_added BEFORE UPDATE OR DELETE OR TRUNCATE
    ON pgmask_private.register_history
    FOR EACH STATEMENT EXECUTE FUNCTION pgmask_private.refuse_change();

  FOR v_trigger IN
    SELECT t.tgname, c.relname,
           CASE t.tgname
             WHEN 'a_begin' THEN 'One change at a time, in READ COMMITTED; no TRUNCATE.'
             WHEN 'b_note' THEN 'Who changed what, when.'
             WHEN 'c_check' THEN 'The rules over several rows.'
             WHEN 'd_below' THEN 'Keeps unit_below.'
             WHEN 'e_standing' THEN 'Keeps effective_profile and effective_login.'
             ELSE 'The history only grows.'
           END AS words
      FROM pg_catalog.pg_trigger AS t
      JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
     WHERE c.relnamespace = 'pgmask_private'::pg_catalog.regnamespace
       AND t.tgname IN ('a_begin', 'b_note', 'c_check', 'd_below', 'e_standing', 'a_only_added')
  LOOP
    EXECUTE pg_catalog.format(
      'ALTER TABLE pgmask_private.%I ENABLE ALWAYS TRIGGER %I', v_trigger.relname, v_trigger.tgname);
    EXECUTE pg_catalog.format(
      'COMMENT ON TRIGGER %I ON pgmask_private.%I IS %L',
      v_trigger.tgname, v_trigger.relname, v_trigger.words);
  END LOOP;
END;
$pgmask$;
