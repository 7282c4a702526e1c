-- How many new unique values a person may write in a day.
--
-- A unique sealed column answers whether a value is there already: by an error, by ON CONFLICT DO
-- NOTHING, by waiting. So every assignment is counted, before anything that answers. The counts are
-- sequences, because nothing takes nextval and setval back: no rollback, no exception block, no
-- savepoint. One sequence per person holds day and count, as day * 10^7 + count; days are of UTC.

CREATE FUNCTION pgmask_private.make_unique_quota()
  RETURNS trigger
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_name text := format('pgmask_private.%I', 'unique_quota_' || NEW.person_id);
BEGIN
  IF to_regclass(v_name) IS NULL THEN
    EXECUTE format('CREATE SEQUENCE %s AS bigint MINVALUE 1 START 1 CACHE 1 NO CYCLE', v_name);
    EXECUTE format('REVOKE ALL ON SEQUENCE %s FROM PUBLIC', v_name);
    EXECUTE format('GRANT SELECT ON SEQUENCE %s TO pgmask_backup', v_name);
    EXECUTE format('COMMENT ON SEQUENCE %s IS %L', v_name,
                   'Day and number of the new unique values that a person has written.');
  END IF;
  RETURN NULL;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.make_unique_quota() FROM PUBLIC;
ALTER FUNCTION pgmask_private.make_unique_quota() OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.make_unique_quota() IS
  'Trigger: makes the sequence that counts the new unique values of a person.';

CREATE TRIGGER f_quota AFTER INSERT ON pgmask_private.person
  FOR EACH ROW EXECUTE FUNCTION pgmask_private.make_unique_quota();
ALTER TABLE pgmask_private.person ENABLE ALWAYS TRIGGER f_quota;
COMMENT ON TRIGGER f_quota ON pgmask_private.person IS 'Makes what counts the person''s new unique values.';

-- Counts new unique values of whoever is asking, and refuses them over the limit of the day.
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
  v_counter regclass;
  v_day bigint := floor(extract(epoch FROM clock_timestamp()) / 86400)::bigint * 10000000;
  v_value bigint;
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
  v_counter := to_regclass(format('pgmask_private.%I', 'unique_quota_' || v_person));
  IF v_counter IS NOT NULL THEN
    FOR v_round IN 1 .. p_count LOOP
      v_value := nextval(v_counter);
      IF v_value <= v_day THEN
        -- The first of the day, one session at a time: a late one must not start the day again.
        PERFORM pg_advisory_lock(v_counter::oid::integer, 1886219115);
        v_value := nextval(v_counter);
        IF v_value <= v_day THEN
          v_value := setval(v_counter, v_day + 1);
        END IF;
        PERFORM pg_advisory_unlock(v_counter::oid::integer, 1886219115);
      END IF;
    END LOOP;
  END IF;
  IF (v_value - v_day <= v_limit) IS NOT TRUE THEN
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
