-- Counters of what a person does in a period: new unique values, reveals, searches, near misses.
--
-- What answers a question must be counted so that no rollback, exception block or savepoint takes
-- the count back. Nothing takes nextval and setval back, so a counter is a sequence per person and
-- purpose, pgmask_private.counter_<what>_<person>. Its value holds the period and the count in it:
-- period * 10^7 + count. Periods are of UTC: days, or months for what ends in _month.
--
-- After a crash of the server a sequence may stand up to 32 further: PostgreSQL logs ahead. The
-- error is on the safe side, and over with the period.

-- The period that a counter counts in now, as a number that grows.
CREATE FUNCTION pgmask_private.period_of(p_what text)
  RETURNS bigint
  LANGUAGE sql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL SAFE
  SECURITY INVOKER
  RETURN CASE
    WHEN p_what LIKE '%\_month' THEN
      extract(year FROM clock_timestamp() AT TIME ZONE 'UTC')::bigint * 12
        + extract(month FROM clock_timestamp() AT TIME ZONE 'UTC')::bigint
    ELSE floor(extract(epoch FROM clock_timestamp()) / 86400)::bigint
  END;
REVOKE ALL ON FUNCTION pgmask_private.period_of(text) FROM PUBLIC;
ALTER FUNCTION pgmask_private.period_of(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.period_of(text) IS
  'The day or month (UTC) that a counter counts in now, as a number that grows.';

-- Makes the counters that persons lack: at install and upgrade, and when a person is registered.
--   p_person  one person; NULL: all of them
--   marks     never for whoever asks a question: a counter made in a transaction that is rolled
--             back would count from the start again
CREATE FUNCTION pgmask_private.ensure_counters(p_person bigint DEFAULT NULL)
  RETURNS bigint
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_name text;
  v_person bigint;
  v_what text;
  v_made bigint := 0;
BEGIN
  FOR v_person IN
    SELECT p.person_id FROM pgmask_private.person AS p
     WHERE p_person IS NULL OR p.person_id = p_person
     ORDER BY p.person_id
  LOOP
    FOREACH v_what IN ARRAY ARRAY[
      'unique', 'reveal_day', 'reveal_month', 'search_day', 'near_day'
    ] LOOP
      v_name := format('pgmask_private.%I', format('counter_%s_%s', v_what, v_person));
      IF to_regclass(v_name) IS NULL THEN
        EXECUTE format('CREATE SEQUENCE %s AS bigint MINVALUE 1 START 1 CACHE 1 NO CYCLE', v_name);
        EXECUTE format('REVOKE ALL ON SEQUENCE %s FROM PUBLIC', v_name);
        EXECUTE format('GRANT SELECT ON SEQUENCE %s TO pgmask_backup', v_name);
        EXECUTE format('COMMENT ON SEQUENCE %s IS %L', v_name,
                       'Period and number of what a person has done in it.');
        v_made := v_made + 1;
      END IF;
    END LOOP;
  END LOOP;
  RETURN v_made;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.ensure_counters(bigint) FROM PUBLIC;
ALTER FUNCTION pgmask_private.ensure_counters(bigint) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.ensure_counters(bigint) IS
  'Makes the counters that persons lack, of one person or all; gives how many.';

CREATE FUNCTION pgmask_private.make_counters()
  RETURNS trigger
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_made bigint;
BEGIN
  v_made := pgmask_private.ensure_counters(NEW.person_id);
  RETURN NULL;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.make_counters() FROM PUBLIC;
ALTER FUNCTION pgmask_private.make_counters() OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.make_counters() IS
  'Trigger: makes the counters of a person who is registered.';

CREATE TRIGGER f_counters AFTER INSERT ON pgmask_private.person
  FOR EACH ROW EXECUTE FUNCTION pgmask_private.make_counters();
ALTER TABLE pgmask_private.person ENABLE ALWAYS TRIGGER f_counters;
COMMENT ON TRIGGER f_counters ON pgmask_private.person IS 'Makes the person''s counters.';

-- How often a person has done something in this period, without counting.
--   result  NULL without a counter
CREATE FUNCTION pgmask_private.counted(p_what text, p_person bigint)
  RETURNS bigint
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_counter regclass := to_regclass(
    format('pgmask_private.%I', format('counter_%s_%s', p_what, p_person)));
BEGIN
  IF v_counter IS NULL THEN
    RETURN NULL;
  END IF;
  RETURN greatest(
    coalesce(pg_sequence_last_value(v_counter), 0)
      - pgmask_private.period_of(p_what) * 10000000,
    0);
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.counted(text, bigint) FROM PUBLIC;
ALTER FUNCTION pgmask_private.counted(text, bigint) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.counted(text, bigint) IS
  'How often a person has done something in this period; counts nothing.';

-- Counts once more, and gives the new number; NULL without a counter.
--   marks  the first of a period writes the new period, one transaction at a time: a late one must
--          not start it again. The lock ends with the transaction, or with the subtransaction that
--          is rolled back; by then the period is written, and that is not rolled back
CREATE FUNCTION pgmask_private.count_up(p_what text, p_person bigint)
  RETURNS bigint
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_counter regclass := to_regclass(
    format('pgmask_private.%I', format('counter_%s_%s', p_what, p_person)));
  v_start bigint := pgmask_private.period_of(p_what) * 10000000;
  v_value bigint;
BEGIN
  IF v_counter IS NULL THEN
    RETURN NULL;
  END IF;
  v_value := nextval(v_counter);
  IF v_value <= v_start THEN
    PERFORM pg_advisory_xact_lock(1886219115, v_counter::oid::integer);
    v_value := nextval(v_counter);
    IF v_value <= v_start THEN
      v_value := setval(v_counter, v_start + 1);
    END IF;
  END IF;
  RETURN v_value - v_start;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.count_up(text, bigint) FROM PUBLIC;
ALTER FUNCTION pgmask_private.count_up(text, bigint) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.count_up(text, bigint) IS
  'Counts once more in this period and gives the new number. Nothing takes the count back.';

-- Counts a reveal or a search, and refuses it over the limit.
--   p_what    reveal_day, reveal_month, search_day or near_day
--   p_limit   NULL: no limit, nothing is counted
--   p_table   for the message
--   result    how many are left; NULL without a limit
--   errors    PM405 over the limit, or without a counter
CREATE FUNCTION pgmask_private.spend(p_what text, p_person bigint, p_limit integer, p_table text)
  RETURNS bigint
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_count bigint;
  v_noted boolean;
BEGIN
  IF p_limit IS NULL THEN
    RETURN NULL;
  END IF;
  v_count := pgmask_private.count_up(p_what, p_person);
  IF (v_count <= p_limit) IS NOT TRUE THEN
    v_noted := pgmask_private.note(
      'refused', pgmask_private.known_claims(), p_table, 'PM405', p_what);
    RAISE EXCEPTION USING ERRCODE = 'PM405',
      MESSAGE = 'the limit is used up',
      DETAIL = CASE WHEN v_count IS NULL THEN 'The person has no counter.'
                    ELSE format('%s: %s of %s, none left.', CASE p_what
                      WHEN 'reveal_day' THEN 'Reveals today'
                      WHEN 'reveal_month' THEN 'Reveals this month'
                      WHEN 'search_day' THEN 'Searches today'
                      ELSE p_what END, p_limit, p_limit) END,
      HINT = CASE WHEN v_count IS NULL THEN 'Registering the person makes it; pgmask install too.'
                  WHEN p_what LIKE '%\_month' THEN 'Go on next month (UTC).'
                  ELSE 'Go on tomorrow (UTC).' END,
      TABLE = p_table;
  END IF;
  RETURN p_limit - v_count;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.spend(text, bigint, integer, text) FROM PUBLIC;
ALTER FUNCTION pgmask_private.spend(text, bigint, integer, text) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.spend(text, bigint, integer, text) TO pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.spend(text, bigint, integer, text) IS
  'Counts a reveal or a search of a person; PM405 over the limit of the period.';

-- Counts new unique values of whoever is asking, and refuses them over the limit of the day.
--
-- A unique sealed column answers whether a value is there already: by an error, by ON CONFLICT DO
-- NOTHING, by waiting. So every assignment is counted, before anything that answers.
--   p_table  for the message
--   p_count  how many unique columns of the row get a new value
--   errors   PM048 over the limit, or without a counter; PM101 for a login without an identity
--   marks    session_user is who connected. Members of pgmask_sealer (pgmask seal, the installing
--            login, superusers) spend nothing where they act without an identity: they reach the
--            keys anyway. Everybody else is refused without one, whatever row-level security says
CREATE FUNCTION pgmask_private.spend_unique_writes(p_table text, p_count integer)
  RETURNS text
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_person bigint;
  v_standing text;
  v_limit integer;
  v_count bigint;
  v_noted boolean;
BEGIN
  SELECT s.standing, s.person_id INTO v_standing, v_person FROM pgmask_private.identity_state AS s;
  IF v_standing = 'missing' AND pg_has_role(SESSION_USER, 'pgmask_sealer', 'MEMBER') THEN
    RETURN NULL;
  END IF;
  IF (v_standing = 'valid') IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'PM101',
      MESSAGE = 'no identity in this transaction',
      HINT = 'First statement of the transaction: SELECT pgmask.login($1), with a fresh assertion.';
  END IF;
  SELECT coalesce(
           (SELECT max(po.unique_writes_per_day)
              FROM pgmask_private.person_post AS pp
              JOIN pgmask_private.post AS po ON po.post_id = pp.post_id
             WHERE pp.person_id = v_person
               AND pp.valid_from <= clock_timestamp()
               AND (pp.valid_to IS NULL OR clock_timestamp() < pp.valid_to)),
           r.unique_writes_per_day)
    INTO v_limit
    FROM pgmask_private.register_rule AS r;
  FOR v_round IN 1 .. p_count LOOP
    v_count := pgmask_private.count_up('unique', v_person);
  END LOOP;
  IF (v_count <= v_limit) IS NOT TRUE THEN
    v_noted := pgmask_private.note(
      'refused', pgmask_private.known_claims(), p_table, 'PM048', 'unique_writes_per_day');
    RAISE EXCEPTION USING ERRCODE = 'PM048',
      MESSAGE = 'too many new unique values today',
      HINT = 'Nothing was written. Go on tomorrow, or have the register raise unique_writes_per_day.',
      TABLE = p_table;
  END IF;
  RETURN NULL;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.spend_unique_writes(text, integer) FROM PUBLIC;
ALTER FUNCTION pgmask_private.spend_unique_writes(text, integer) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.spend_unique_writes(text, integer) TO pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.spend_unique_writes(text, integer) IS
  'Counts new unique values of whoever is asking; PM048 over the limit of the day. Nothing takes the count back.';
