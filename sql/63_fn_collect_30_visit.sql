-- One visit of the collector: see 63_fn_collect_00_tables.sql for how it works.

-- Puts on record that notes are missing, signed with the key of the notes.
--   p_since, p_until  between these moments
CREATE FUNCTION pgmask_private.record_gap(
  p_source text, p_from text, p_to text, p_since timestamptz, p_until timestamptz, p_reason text
)
  RETURNS bigint
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
  SET timezone = 'UTC'
AS $pgmask$
DECLARE
  v_secret bytea;
  v_era integer;
  v_mac text;
BEGIN
  SELECT k.secret, k.era_id INTO v_secret, v_era FROM pgmask_private.audit_key AS k;
  v_mac := encode(pgmask_crypto.hmac(
    convert_to(concat_ws(U&'\001F', 'gap1', v_era, p_source, p_from, p_to, p_since, p_until, p_reason),
               'UTF8'), v_secret, 'sha256'), 'hex');
  v_secret := NULL;
  RETURN pgmask_private.record_activity('gap', p_source, jsonb_build_object(
    'from', p_from, 'to', p_to, 'since', p_since::text, 'until', p_until::text,
    'reason', p_reason, 'mac', v_mac), 'PM812');
END;
$pgmask$;
REVOKE ALL ON FUNCTION
  pgmask_private.record_gap(text, text, text, timestamptz, timestamptz, text) FROM PUBLIC;
ALTER FUNCTION
  pgmask_private.record_gap(text, text, text, timestamptz, timestamptz, text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION
  pgmask_private.record_gap(text, text, text, timestamptz, timestamptz, text) IS
  'Puts on record, signed, that notes are missing.';

-- Lets reads go on for as long as a stalled collector is put up with.
CREATE FUNCTION pgmask_private.allow_reads()
  RETURNS timestamptz
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_allowed interval;
  v_until timestamptz;
BEGIN
  SELECT r.allowed INTO v_allowed FROM pgmask_audit.stall_rule AS r
   WHERE r.when_audit_stalls = 'stop_reads';
  IF v_allowed IS NULL THEN
    RETURN 'infinity';
  END IF;
  -- Not with every visit: each push is a new version of the row that every read looks at.
  UPDATE pgmask_audit.note_rule AS r
     SET reads_until = clock_timestamp() + v_allowed
   WHERE r.reads_until < clock_timestamp() + v_allowed * 0.8
      OR r.reads_until > clock_timestamp() + v_allowed;
  SELECT r.reads_until INTO v_until FROM pgmask_audit.note_rule AS r;
  RETURN v_until;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.allow_reads() FROM PUBLIC;
ALTER FUNCTION pgmask_private.allow_reads() OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.allow_reads() IS
  'Lets reads go on while notes are collected; until when.';

-- Whether this backend is the one collector of the database from now on.
--   marks  a session's advisory lock that the last collector holds tells that it lives. Any login could
--          hold the lock, and keeps nobody from collecting. Two collectors would not harm each other:
--          what stores is in order by the lock on the position
CREATE FUNCTION pgmask_private.take_turn()
  RETURNS boolean
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_last integer;
BEGIN
  SELECT t.backend INTO v_last FROM pgmask_audit.turn AS t WHERE t.name = 'collector' FOR UPDATE;
  IF NOT pg_try_advisory_lock(1886219115, 110) AND EXISTS (
       SELECT FROM pg_locks AS l
        WHERE l.locktype = 'advisory' AND l.granted AND l.pid = v_last
          AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
          AND l.classid = 1886219115 AND l.objid = 110 AND l.objsubid = 2) THEN
    RETURN false;
  END IF;
  UPDATE pgmask_audit.turn AS t SET backend = pg_backend_pid() WHERE t.name = 'collector';
  RETURN true;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.take_turn() FROM PUBLIC;
ALTER FUNCTION pgmask_private.take_turn() OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.take_turn() TO pgmask_collector;
COMMENT ON FUNCTION pgmask_private.take_turn() IS
  'Whether this backend is the one collector from now on.';

-- Before every visit: the era, the partitions, and a small commit that reaches the disk, and with it
-- every note before it (peeking sees only what did).
--   result  the era
CREATE FUNCTION pgmask_private.begin_collecting()
  RETURNS integer
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_era integer := pgmask_private.current_era();
  v_nothing text := set_config('synchronous_commit', 'local', true);
BEGIN
  UPDATE pgmask_audit.collector AS c SET moved_at = c.moved_at WHERE c.source = 'slot';
  RETURN v_era;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.begin_collecting() FROM PUBLIC;
ALTER FUNCTION pgmask_private.begin_collecting() OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.begin_collecting() TO pgmask_collector;
COMMENT ON FUNCTION pgmask_private.begin_collecting() IS
  'Writes what was noted so far to disk, so that it can be collected; gives the era.';

-- Stores the next notes of the slot.
--   p_limit   after how many messages to stop
--   p_reason  why notes may be missing, where the collector knows
--   more      whether there are more already; position: where reading goes on; gap: notes are missing
--   errors    PM811 there is no slot, or it is lost
CREATE FUNCTION pgmask_private.collect_notes(
  p_limit integer, p_reason text DEFAULT NULL,
  OUT stored bigint, OUT folded bigint, OUT rejected bigint, OUT more boolean,
  OUT "position" pg_lsn, OUT gap boolean
)
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_era integer := pgmask_private.current_era();
  v_was pgmask_audit.collector;
  v_slot record;
  v_peek record;
  v_upto pg_lsn := pg_current_wal_flush_lsn();
  v_elsewhere boolean;
  v_undone bigint;
  v_until timestamptz;
BEGIN
  SELECT s.confirmed_flush_lsn AS at INTO v_slot
    FROM pg_replication_slots AS s
   WHERE s.slot_name = pgmask_private.slot_name() AND s.wal_status <> 'lost';
  IF v_slot.at IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'PM811', MESSAGE = 'there is no slot that holds the notes',
      HINT = 'pgmask audit collect makes it.';
  END IF;
  SELECT c.* INTO v_was FROM pgmask_audit.collector AS c WHERE c.source = 'slot' FOR UPDATE;
  "position" := v_was.position::pg_lsn;
  gap := false;
  IF v_was.source IS NULL THEN
    "position" := v_slot.at;
    gap := true;
    PERFORM pgmask_private.record_gap(
      'slot', e.position::text, v_slot.at::text, e.began_at, clock_timestamp(),
      'notes were not collected before')
       FROM pgmask_audit.era AS e WHERE e.era_id = v_era;
  ELSE
    -- Positions of another cluster mean nothing here.
    SELECT o.system_identifier <> n.system_identifier INTO v_elsewhere
      FROM pgmask_audit.era AS o, pgmask_audit.era AS n
     WHERE o.era_id = v_was.era_id AND n.era_id = v_era;
    IF v_elsewhere OR v_slot.at > "position" THEN
      PERFORM pgmask_private.record_gap(
        'slot', v_was.position, v_slot.at::text, v_was.moved_at, clock_timestamp(),
        coalesce(p_reason, CASE WHEN v_elsewhere THEN 'another server'
                                ELSE 'the slot was made anew or moved by another hand' END));
      "position" := v_slot.at;
      gap := true;
    END IF;
  END IF;

  SELECT p.* INTO v_peek FROM pgmask_private.peek_notes("position", v_upto, p_limit) AS p;
  stored := 0;
  folded := 0;
  rejected := 0;
  IF v_peek.notes IS NOT NULL THEN
    SELECT s.stored, s.folded, s.rejected INTO stored, folded, rejected
      FROM pgmask_private.store_notes(NULL, v_peek.positions, v_peek.notes) AS s;
  END IF;
  rejected := rejected + v_peek.odd;
  more := v_peek.cut OR v_peek.seen >= p_limit;
  "position" := greatest("position", v_peek.reached, CASE WHEN NOT more THEN v_upto END);
  v_undone := pgmask_private.decide_searches();
  stored := stored + v_undone;
  v_until := pgmask_private.allow_reads();

  INSERT INTO pgmask_audit.collector AS c (source, era_id, position, stored, rejected)
  VALUES ('slot', v_era, "position"::text, stored, rejected)
  ON CONFLICT (source) DO UPDATE
    SET era_id = EXCLUDED.era_id, position = EXCLUDED.position, moved_at = clock_timestamp(),
        stored = c.stored + EXCLUDED.stored, rejected = c.rejected + EXCLUDED.rejected;
  PERFORM set_config('synchronous_commit', 'local', true);
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.collect_notes(integer, text) FROM PUBLIC;
ALTER FUNCTION pgmask_private.collect_notes(integer, text) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.collect_notes(integer, text) TO pgmask_collector;
COMMENT ON FUNCTION pgmask_private.collect_notes(integer, text) IS
  'Stores the next notes of the slot in the record, and where reading goes on.';

-- Lets the server remove the log that was collected.
--   marks  in a transaction of its own, after the one that stored
CREATE FUNCTION pgmask_private.release_notes()
  RETURNS pg_lsn
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_to pg_lsn;
BEGIN
  SELECT c.position::pg_lsn INTO v_to
    FROM pgmask_audit.collector AS c
    JOIN pg_replication_slots AS s ON s.slot_name = pgmask_private.slot_name()
   WHERE c.source = 'slot' AND s.confirmed_flush_lsn < c.position::pg_lsn;
  IF v_to IS NULL THEN
    RETURN NULL;
  END IF;
  RETURN pgmask_private.move_slot(v_to);
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.release_notes() FROM PUBLIC;
ALTER FUNCTION pgmask_private.release_notes() OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.release_notes() TO pgmask_collector;
COMMENT ON FUNCTION pgmask_private.release_notes() IS
  'Lets the server remove the log whose notes are stored.';
