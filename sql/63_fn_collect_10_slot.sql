-- The slot of the notes: made, peeked, moved on and dropped by functions of pgmask_slots, which has
-- REPLICATION and nothing else.

-- Empty for ever: pgoutput asks for one, and sends no change of any table because of it.
DO LANGUAGE plpgsql $pgmask$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_publication AS p WHERE p.pubname = 'pgmask_notes') THEN
    CREATE PUBLICATION pgmask_notes;
  END IF;
  COMMENT ON PUBLICATION pgmask_notes IS 'Empty: lets the collector read notes, and no table.';
END;
$pgmask$;

GRANT USAGE, CREATE ON SCHEMA pgmask_private TO pgmask_slots;

-- The name of this database's slot.
CREATE FUNCTION pgmask_private.slot_name()
  RETURNS name
  LANGUAGE sql
  STABLE
  CALLED ON NULL INPUT
  PARALLEL SAFE
  SECURITY INVOKER
BEGIN ATOMIC
  SELECT pg_catalog.concat('pgmask_audit_', d.oid)::pg_catalog.name
    FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database();
END;
REVOKE ALL ON FUNCTION pgmask_private.slot_name() FROM PUBLIC;
ALTER FUNCTION pgmask_private.slot_name() OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.slot_name() TO pgmask_slots, pgmask_collector;
COMMENT ON FUNCTION pgmask_private.slot_name() IS 'The name of this database''s slot of notes.';

-- Makes the slot; one that is lost goes first.
--   result  false: it was there
--   marks   in a transaction that has written nothing
CREATE FUNCTION pgmask_private.make_slot()
  RETURNS boolean
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_name name := pgmask_private.slot_name();
  v_status text;
  v_made pg_lsn;
BEGIN
  SELECT s.wal_status INTO v_status FROM pg_replication_slots AS s WHERE s.slot_name = v_name;
  IF FOUND AND v_status IS DISTINCT FROM 'lost' THEN
    RETURN false;
  END IF;
  IF FOUND THEN
    PERFORM pg_drop_replication_slot(v_name);
  END IF;
  SELECT s.lsn INTO v_made FROM pg_create_logical_replication_slot(v_name, 'pgoutput') AS s;
  RETURN true;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.make_slot() FROM PUBLIC;
ALTER FUNCTION pgmask_private.make_slot() OWNER TO pgmask_slots;
GRANT EXECUTE ON FUNCTION pgmask_private.make_slot() TO pgmask_owner, pgmask_collector;
COMMENT ON FUNCTION pgmask_private.make_slot() IS 'Makes the slot of notes; false where it was there.';

-- Drops the slot: notes are lost from then on, and no log is held back for them.
--   result  false: there was none
CREATE FUNCTION pgmask_private.drop_slot()
  RETURNS boolean
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_name name := pgmask_private.slot_name();
BEGIN
  IF NOT EXISTS (SELECT FROM pg_replication_slots AS s WHERE s.slot_name = v_name) THEN
    RETURN false;
  END IF;
  PERFORM pg_drop_replication_slot(v_name);
  RETURN true;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.drop_slot() FROM PUBLIC;
ALTER FUNCTION pgmask_private.drop_slot() OWNER TO pgmask_slots;
GRANT EXECUTE ON FUNCTION pgmask_private.drop_slot() TO pgmask_owner, pgmask_collector;
COMMENT ON FUNCTION pgmask_private.drop_slot() IS 'Drops the slot of notes: to make it anew, and for uninstall.';

-- What the slot holds, without moving it.
--   p_from     what ends there or before is passed over: it is stored
--   p_upto     where to stop; p_limit: after how many messages to stop
--   positions, notes  what may be notes, in the order of the log
--   seen       how many rows were looked at; reached: where the last one ends; cut: there were more than
--              64 MiB of notes, and the rest is for the next time
--   odd        messages that pretend to be notes, and are part of a transaction or longer than 256 KiB,
--              as no note is
--   marks      a message: byte 77, flags, position, prefix and a zero byte, length in four bytes.
--              Anybody can leave messages, as long and as many as he likes
CREATE FUNCTION pgmask_private.peek_notes(
  p_from pg_lsn, p_upto pg_lsn, p_limit integer,
  OUT positions pg_lsn[], OUT notes bytea[], OUT seen bigint, OUT reached pg_lsn, OUT odd bigint,
  OUT cut boolean
)
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  WITH given AS (
    SELECT c.n, c.lsn, c.data, octet_length(c.data) AS size,
           get_byte(c.data, 1) = 0 AS alone,
           get_byte(c.data, 0) = 77 AND substr(c.data, 11, 7) = '\x70676d61736b00'::bytea
             AND octet_length(c.data) > 21 AND c.lsn > p_from AS ours
      FROM pg_logical_slot_peek_binary_changes(
             pgmask_private.slot_name(), p_upto, p_limit,
             'proto_version', '1', 'publication_names', 'pgmask_notes', 'messages', 'true')
             WITH ORDINALITY AS c (lsn, xid, data, n)
  ), judged AS (
    SELECT g.n, g.lsn, g.size, g.ours, g.ours AND g.alone AND g.size <= 262144 AS note,
           CASE WHEN g.ours AND g.alone AND g.size <= 262144 THEN substr(g.data, 22) END AS said
      FROM given AS g
  ), summed AS (
    SELECT j.*, sum(CASE WHEN j.note THEN j.size ELSE 0 END) OVER (ORDER BY j.n) <= 67108864 AS taken
      FROM judged AS j
  )
  SELECT array_agg(s.lsn ORDER BY s.n) FILTER (WHERE s.taken AND s.note),
         array_agg(s.said ORDER BY s.n) FILTER (WHERE s.taken AND s.note),
         count(*) FILTER (WHERE s.taken), max(s.lsn) FILTER (WHERE s.taken),
         count(*) FILTER (WHERE s.taken AND s.ours AND NOT s.note),
         coalesce(bool_or(NOT s.taken), false)
    INTO positions, notes, seen, reached, odd, cut
    FROM summed AS s;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.peek_notes(pg_lsn, pg_lsn, integer) FROM PUBLIC;
ALTER FUNCTION pgmask_private.peek_notes(pg_lsn, pg_lsn, integer) OWNER TO pgmask_slots;
GRANT EXECUTE ON FUNCTION pgmask_private.peek_notes(pg_lsn, pg_lsn, integer) TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.peek_notes(pg_lsn, pg_lsn, integer) IS
  'What the slot of notes holds, without moving it.';

-- Moves the slot on, so that the server may remove its log.
CREATE FUNCTION pgmask_private.move_slot(p_to pg_lsn)
  RETURNS pg_lsn
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_moved pg_lsn;
BEGIN
  SELECT a.end_lsn INTO v_moved
    FROM pg_replication_slot_advance(pgmask_private.slot_name(), p_to) AS a;
  RETURN v_moved;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.move_slot(pg_lsn) FROM PUBLIC;
ALTER FUNCTION pgmask_private.move_slot(pg_lsn) OWNER TO pgmask_slots;
GRANT EXECUTE ON FUNCTION pgmask_private.move_slot(pg_lsn) TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.move_slot(pg_lsn) IS 'Moves the slot of notes on.';

REVOKE CREATE ON SCHEMA pgmask_private FROM pgmask_slots;
