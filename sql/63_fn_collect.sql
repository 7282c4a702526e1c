-- Collecting: notes out of the log of transactions, and out of the server's log, into the record.
--
-- A logical slot of this database (pgmask_audit_ and its oid, plugin pgoutput with an empty
-- publication, messages on) holds the notes until they are stored. They are read in SQL, so that no
-- note leaves the server: collect_notes peeks, verifies, stores and moves the row of
-- pgmask_audit.collector in one transaction, and release_notes moves the slot in a later one. What is
-- killed between the two is read again and passed over by its position: exactly once.
--
-- The position is where reading goes on: everything that ends there or before is stored (a message is
-- given with its end). Where the slot stands beyond it (dropped and made anew, moved by another hand),
-- notes are lost, and the gap goes on record under a signature.

-- What the collector obeys, put there by the catalogue.
CREATE TABLE pgmask_audit.stall_rule (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  when_audit_stalls text NOT NULL CHECK (when_audit_stalls IN ('stop_reads', 'lose_with_alarm')),
  allowed interval NOT NULL DEFAULT '5 minutes' CHECK (allowed >= interval '10 seconds')
);
ALTER TABLE pgmask_audit.stall_rule OWNER TO pgmask_owner;
REVOKE ALL ON TABLE pgmask_audit.stall_rule FROM PUBLIC;
GRANT SELECT ON TABLE pgmask_audit.stall_rule TO pgmask_backup;
COMMENT ON TABLE pgmask_audit.stall_rule IS
  'What happens when notes are not collected, as the catalogue says; no row: lose_with_alarm.';
COMMENT ON COLUMN pgmask_audit.stall_rule.only_row IS 'True; keeps it one row.';
COMMENT ON COLUMN pgmask_audit.stall_rule.when_audit_stalls IS
  'stop_reads: protected tables are not read until notes are collected again (PM802);'
  ' lose_with_alarm: reads go on.';
COMMENT ON COLUMN pgmask_audit.stall_rule.allowed IS 'How long the collector may be away before reads stop.';

-- Notes of searches whose ticket is not to be seen yet: their transaction may still be open.
CREATE TABLE pgmask_audit.search_note (
  ticket_id uuid PRIMARY KEY,
  era_id integer NOT NULL,
  position pg_lsn NOT NULL,
  decided_after xid8 NOT NULL,
  said jsonb NOT NULL
);
ALTER TABLE pgmask_audit.search_note OWNER TO pgmask_owner;
REVOKE ALL ON TABLE pgmask_audit.search_note FROM PUBLIC;
GRANT SELECT ON TABLE pgmask_audit.search_note TO pgmask_backup;
COMMENT ON TABLE pgmask_audit.search_note IS
  'Searches that were noted and whose ticket is not to be seen: rolled back, or not yet committed.';
COMMENT ON COLUMN pgmask_audit.search_note.ticket_id IS 'The ticket that the search wrote.';
COMMENT ON COLUMN pgmask_audit.search_note.era_id IS 'The era.';
COMMENT ON COLUMN pgmask_audit.search_note.position IS 'Where the note lay in the log of transactions.';
COMMENT ON COLUMN pgmask_audit.search_note.decided_after IS
  'Once every transaction before this one has ended, a ticket that is not there was rolled back.';
COMMENT ON COLUMN pgmask_audit.search_note.said IS 'The note; the value only as its blind index.';

-- Puts the rule into effect: from now on, not from the collector's next visit on.
CREATE FUNCTION pgmask_private.obey_stall_rule()
  RETURNS trigger
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_until timestamptz := 'infinity';
BEGIN
  IF TG_OP <> 'DELETE' THEN
    IF NEW.when_audit_stalls = 'stop_reads' THEN
      v_until := clock_timestamp() + NEW.allowed;
    END IF;
  END IF;
  UPDATE pgmask_audit.note_rule AS r SET reads_until = v_until;
  RETURN NULL;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.obey_stall_rule() FROM PUBLIC;
ALTER FUNCTION pgmask_private.obey_stall_rule() OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.obey_stall_rule() IS
  'Trigger: puts into effect what happens when notes are not collected.';

CREATE TRIGGER obeyed AFTER INSERT OR UPDATE OR DELETE ON pgmask_audit.stall_rule
  FOR EACH ROW EXECUTE FUNCTION pgmask_private.obey_stall_rule();
ALTER TABLE pgmask_audit.stall_rule ENABLE ALWAYS TRIGGER obeyed;
COMMENT ON TRIGGER obeyed ON pgmask_audit.stall_rule IS 'Puts the rule into effect.';

-- The slot. These four belong to a role with REPLICATION and nothing else, so that neither the
-- collector's login nor the owner of the record needs that attribute, which reads everything.

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

-- Which of these are notes: signed, and readable.
--   p_positions  where they lay; NULL for notes out of a server's log
--   reads        those that go to pgmask_audit.access, others: the rest; each with its positions
--   said         how many readings and doings they tell of
--   rejected     what does not verify
--   marks        the secret flows through assignments only. The signed part of a statement comes again
--                with each customer it examined: it is verified once. The rest is not signed and may
--                hold what is no text
CREATE FUNCTION pgmask_private.verified_notes(
  p_positions pg_lsn[], p_notes bytea[],
  OUT reads text[], OUT reads_at pg_lsn[], OUT others text[], OUT others_at pg_lsn[],
  OUT said bigint, OUT rejected bigint
)
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_secret bytea;
  v_at pg_lsn[] := p_positions;
  v_number integer := 0;
  v_note bytea;
  v_head bytea;
  v_last bytea;
  v_end integer;
  v_text text;
BEGIN
  reads := '{}';
  reads_at := '{}';
  others := '{}';
  others_at := '{}';
  said := 0;
  rejected := 0;
  SELECT k.secret INTO v_secret FROM pgmask_private.audit_key AS k;
  FOREACH v_note IN ARRAY p_notes LOOP
    v_number := v_number + 1;
    v_end := position('\x1e'::bytea IN v_note);
    v_head := CASE WHEN v_end > 0 THEN substr(v_note, 1, v_end - 1) ELSE v_note END;
    v_text := NULL;
    IF v_head = v_last OR convert_to(encode(
         pgmask_crypto.hmac(substr(v_head, 65), v_secret, 'sha256'), 'hex'), 'UTF8')
         = substr(v_head, 1, 64) THEN
      v_last := v_head;
      IF v_end > 0 THEN
        BEGIN
          v_text := convert_from(v_note, 'UTF8');
          said := said + length(v_text) - length(replace(v_text, U&'\001E', ''));
        EXCEPTION
          WHEN character_not_in_repertoire OR untranslatable_character THEN
            v_text := NULL;
        END;
      ELSE
        v_text := convert_from(v_note, 'UTF8');
        said := said + 1;
      END IF;
    END IF;
    IF v_text IS NULL THEN
      rejected := rejected + 1;
    ELSIF split_part(v_text, U&'\001F', 3) = ANY ('{statement,subject,backup,audit}') THEN
      reads := reads || v_text;
      reads_at := reads_at || v_at[v_number];
    ELSE
      others := others || v_text;
      others_at := others_at || v_at[v_number];
    END IF;
  END LOOP;
  v_secret := NULL;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.verified_notes(pg_lsn[], bytea[]) FROM PUBLIC;
ALTER FUNCTION pgmask_private.verified_notes(pg_lsn[], bytea[]) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.verified_notes(pg_lsn[], bytea[]) IS
  'Which of these are notes, reads and others apart; counts what does not verify.';

-- Stores notes in the record: reads into access, log-ins and refusals into activity, searches where
-- they wait for their ticket.
--   p_node       the server they come from; NULL: this one
--   p_positions  where they lay; NULL for notes out of a server's log
--   stored       how many rows were added; folded: notes that say what another one says;
--                rejected: what does not verify
--   marks        two notes of one look about the same customer are one (a row that is checked again),
--                within what is stored at once; a copy of a stored note of a statement is not stored
--                again. Notes of two statements are never one: many come in one message of a client,
--                with the same time of the statement, and may be of different persons
CREATE FUNCTION pgmask_private.store_notes(
  p_node text, p_positions pg_lsn[], p_notes bytea[],
  OUT stored bigint, OUT folded bigint, OUT rejected bigint
)
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
  SET work_mem = '64MB'
AS $pgmask$
DECLARE
  v_all record;
  v_reads bigint;
  v_others bigint := 0;
  v_searches bigint := 0;
BEGIN
  SELECT v.* INTO v_all FROM pgmask_private.verified_notes(p_positions, p_notes) AS v;
  rejected := v_all.rejected;

  WITH note AS MATERIALIZED (
    SELECT u.n, u.position, string_to_array(split_part(u.note, U&'\001E', 1), U&'\001F') AS f, u.note
      FROM unnest(v_all.reads, v_all.reads_at) WITH ORDINALITY AS u (note, position, n)
  ), one AS (
    -- The signature stands for the whole signed part, and that for one look at one relation.
    SELECT DISTINCT ON (n.f[1] COLLATE "C", s.said COLLATE "C") n.n, n.position, n.f, s.said
      FROM note AS n
     CROSS JOIN LATERAL unnest(
             CASE WHEN n.f[3] = 'subject' THEN (string_to_array(n.note, U&'\001E'))[2:]
                  ELSE ARRAY[''] END) AS s (said)
     ORDER BY n.f[1] COLLATE "C", s.said COLLATE "C", n.n
  ), filled AS (
    SELECT o.n, o.position, o.f, o.said, o.f[3] AS kind, NULLIF(o.f[11], '') AS table_id,
           timestamptz 'epoch' + o.f[5]::bigint * interval '1 microsecond' AS at,
           timestamptz 'epoch' + o.f[7]::bigint * interval '1 microsecond' AS statement_at,
           NULLIF(o.f[15], '')::bigint AS person_id, o.f[6]::integer AS backend
      FROM one AS o
     WHERE (o.f[3] = 'subject') = (split_part(o.said, U&'\001F', 2) <> '')
  )
  INSERT INTO pgmask_audit.access (
    at, era_id, kind, person_id, profile, unit_id, grade, issuer, service, login, application_name,
    client_addr, backend, statement_at, purpose, query_id, statement_text, table_id, subject_class,
    subject_key, node, position
  )
  SELECT w.at, w.f[4]::integer, w.kind, w.person_id, NULLIF(w.f[16], ''), NULLIF(w.f[17], ''),
         NULLIF(w.f[18], ''), NULLIF(w.f[22], ''), NULLIF(w.f[24], ''), w.f[8], NULLIF(w.f[9], ''),
         NULLIF(w.f[10], ''), w.backend, w.statement_at, NULLIF(w.f[19], ''),
         NULLIF(w.f[12], '')::bigint,
         CASE WHEN w.kind = 'statement' THEN decode(NULLIF(w.f[14], ''), 'base64') END, w.table_id,
         NULLIF(split_part(w.said, U&'\001F', 1), ''),
         NULLIF(substr(w.said, strpos(w.said, U&'\001F') + 1), ''), p_node, w.position
    FROM filled AS w
   WHERE w.kind = 'subject'
      OR w.person_id IS NOT NULL AND NOT EXISTS (
           SELECT FROM pgmask_audit.access AS a
            WHERE a.person_id = w.person_id AND a.at = w.at AND a.backend = w.backend
              AND a.kind = w.kind AND a.table_id IS NOT DISTINCT FROM w.table_id)
      OR w.person_id IS NULL AND NOT EXISTS (
           SELECT FROM pgmask_audit.access AS a
            WHERE a.person_id IS NULL AND a.at = w.at AND a.backend = w.backend
              AND a.kind = w.kind AND a.table_id IS NOT DISTINCT FROM w.table_id)
   ORDER BY w.n;
  GET DIAGNOSTICS v_reads = ROW_COUNT;

  IF cardinality(v_all.others) > 0 THEN
    WITH filled AS (
      SELECT DISTINCT ON (u.note COLLATE "C") u.n, u.position, s.f,
             timestamptz 'epoch' + s.f[5]::bigint * interval '1 microsecond' AS at
        FROM unnest(v_all.others, v_all.others_at) WITH ORDINALITY AS u (note, position, n)
       CROSS JOIN LATERAL (SELECT string_to_array(u.note, U&'\001F') AS f OFFSET 0) AS s
       WHERE s.f[2] = 'n1' AND strpos(u.note, U&'\001E') = 0
       ORDER BY u.note COLLATE "C", u.n
    )
    INSERT INTO pgmask_audit.activity (
      at, era_id, kind, code, person_id, profile, unit_id, grade, issuer, service, login,
      application_name, client_addr, backend, purpose, object, detail, node, position
    )
    SELECT w.at, w.f[4]::integer, w.f[3], NULLIF(w.f[13], ''), NULLIF(w.f[15], '')::bigint,
           NULLIF(w.f[16], ''), NULLIF(w.f[17], ''), NULLIF(w.f[18], ''), NULLIF(w.f[22], ''),
           NULLIF(w.f[24], ''), w.f[8], NULLIF(w.f[9], ''), NULLIF(w.f[10], ''), w.f[6]::integer,
           NULLIF(w.f[19], ''), NULLIF(w.f[11], ''),
           CASE WHEN w.f[14] = '' THEN '{}' ELSE jsonb_build_object('reason', w.f[14]) END,
           p_node, w.position
      FROM filled AS w
     WHERE NOT EXISTS (
             SELECT FROM pgmask_audit.activity AS a
              WHERE a.at = w.at AND a.backend = w.f[6]::integer AND a.kind = w.f[3])
     ORDER BY w.n;
    GET DIAGNOSTICS v_others = ROW_COUNT;

    WITH search AS (
      SELECT u.position, u.n, substr(u.note, 65)::jsonb AS said
        FROM unnest(v_all.others, v_all.others_at) WITH ORDINALITY AS u (note, position, n)
       WHERE CASE WHEN strpos(u.note, U&'\001E') = 0 THEN substr(u.note, 65, 1) = '{' END
         AND u.position IS NOT NULL
    )
    INSERT INTO pgmask_audit.search_note (ticket_id, era_id, position, decided_after, said)
    SELECT DISTINCT ON ((s.said ->> 'ticket')::uuid)
           (s.said ->> 'ticket')::uuid, k.era_id, s.position,
           pg_snapshot_xmax(pg_current_snapshot()), s.said
      FROM search AS s
     CROSS JOIN pgmask_private.audit_key AS k
     ORDER BY (s.said ->> 'ticket')::uuid, s.n
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS v_searches = ROW_COUNT;
  END IF;

  stored := v_reads + v_others;
  folded := greatest(v_all.said - v_reads - v_others - v_searches, 0);
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.store_notes(text, pg_lsn[], bytea[]) FROM PUBLIC;
ALTER FUNCTION pgmask_private.store_notes(text, pg_lsn[], bytea[]) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.store_notes(text, pg_lsn[], bytea[]) IS
  'Stores what verifies of these notes in the record.';

-- Decides about searches that wait: those whose ticket is there are on record by it; those whose
-- transaction was rolled back go on record now.
--   result  how many were rolled back
CREATE FUNCTION pgmask_private.decide_searches()
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
BEGIN
  DELETE FROM pgmask_audit.search_note AS n
   WHERE EXISTS (SELECT FROM pgmask_audit.ticket AS t WHERE t.ticket_id = n.ticket_id);
  WITH undone AS (
    DELETE FROM pgmask_audit.search_note AS n
     WHERE n.decided_after <= pg_snapshot_xmin(pg_current_snapshot())
    RETURNING n.*
  )
  INSERT INTO pgmask_audit.activity (
    at, era_id, kind, person_id, profile, unit_id, grade, issuer, login, application_name,
    client_addr, purpose, object, detail, position
  )
  SELECT to_timestamp((u.said ->> 'at')::double precision), u.era_id, 'search',
         (u.said ->> 'person')::bigint, u.said ->> 'profile', u.said ->> 'unit', u.said ->> 'grade',
         u.said ->> 'issuer', u.said ->> 'login', NULLIF(u.said ->> 'application', ''),
         u.said ->> 'client', u.said ->> 'purpose', u.said ->> 'table',
         jsonb_build_object('ticket', u.ticket_id, 'column', u.said ->> 'column',
                            'digest', u.said ->> 'digest', 'reason', 'rolled back'),
         u.position
    FROM undone AS u
   ORDER BY u.position;
  GET DIAGNOSTICS v_count = ROW_COUNT;
  RETURN v_count;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.decide_searches() FROM PUBLIC;
ALTER FUNCTION pgmask_private.decide_searches() OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.decide_searches() IS
  'Puts searches on record whose transaction was rolled back; gives how many.';

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

-- Up to where a server's log is stored, in bytes.
CREATE FUNCTION pgmask_private.log_position(p_node text, p_file text)
  RETURNS bigint
  LANGUAGE plpgsql
  STABLE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_position bigint;
BEGIN
  SELECT c.position::bigint INTO v_position FROM pgmask_audit.collector AS c
   WHERE c.source = concat('log ', p_node, ' ', p_file);
  RETURN coalesce(v_position, 0);
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.log_position(text, text) FROM PUBLIC;
ALTER FUNCTION pgmask_private.log_position(text, text) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.log_position(text, text) TO pgmask_collector;
COMMENT ON FUNCTION pgmask_private.log_position(text, text) IS
  'Up to where a server''s log is stored, in bytes.';

-- Stores notes that were found in a server's log.
--   p_node   the server; p_file: what names the file whatever it is called
--   p_from   where reading began, in bytes; p_to: where it goes on
--   result   as store_notes; stored NULL: somebody else has stored from there on already
CREATE FUNCTION pgmask_private.collect_log(
  p_node text, p_file text, p_from bigint, p_to bigint, p_notes text[],
  OUT stored bigint, OUT folded bigint, OUT rejected bigint
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
  v_source text := concat('log ', p_node, ' ', p_file);
  v_was text;
  v_bytes bytea[];
BEGIN
  PERFORM FROM pgmask_audit.turn AS t WHERE t.name = 'log' FOR UPDATE;
  SELECT c.position INTO v_was FROM pgmask_audit.collector AS c WHERE c.source = v_source FOR UPDATE;
  IF coalesce(v_was, '0') <> p_from::text THEN
    RETURN;
  END IF;
  stored := 0;
  folded := 0;
  rejected := 0;
  IF cardinality(p_notes) > 0 THEN
    SELECT array_agg(convert_to(u.note, 'UTF8') ORDER BY u.n) INTO v_bytes
      FROM unnest(p_notes) WITH ORDINALITY AS u (note, n);
    SELECT s.stored, s.folded, s.rejected INTO stored, folded, rejected
      FROM pgmask_private.store_notes(p_node, NULL, v_bytes) AS s;
  END IF;
  INSERT INTO pgmask_audit.collector AS c (source, era_id, position, stored, rejected)
  VALUES (v_source, v_era, p_to::text, stored, rejected)
  ON CONFLICT (source) DO UPDATE
    SET era_id = EXCLUDED.era_id, position = EXCLUDED.position, moved_at = clock_timestamp(),
        stored = c.stored + EXCLUDED.stored, rejected = c.rejected + EXCLUDED.rejected;
END;
$pgmask$;
REVOKE ALL ON FUNCTION
  pgmask_private.collect_log(text, text, bigint, bigint, text[]) FROM PUBLIC;
ALTER FUNCTION
  pgmask_private.collect_log(text, text, bigint, bigint, text[]) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION
  pgmask_private.collect_log(text, text, bigint, bigint, text[]) TO pgmask_collector;
COMMENT ON FUNCTION
  pgmask_private.collect_log(text, text, bigint, bigint, text[]) IS
  'Stores notes that were found in a server''s log, once.';

-- How collecting stands, for the collector's login and for doctor.
CREATE FUNCTION pgmask_private.collector_state(
  OUT wal_level text, OUT may_read_slots boolean, OUT publication boolean,
  OUT slot text, OUT wal_status text, OUT busy boolean,
  OUT behind bigint, OUT held bigint, OUT safe bigint, OUT keep text,
  OUT moved_at timestamptz, OUT stored bigint, OUT rejected bigint,
  OUT when_audit_stalls text, OUT reads_until timestamptz,
  OUT strays bigint, OUT months_ahead integer, OUT gaps bigint
)
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
  SET timezone = 'UTC'
AS $pgmask$
DECLARE
  v_position pg_lsn;
  v_here pg_lsn := CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                        ELSE pg_current_wal_lsn() END;
BEGIN
  wal_level := current_setting('wal_level');
  keep := current_setting('max_slot_wal_keep_size');
  SELECT r.rolreplication OR r.rolsuper INTO may_read_slots
    FROM pg_roles AS r WHERE r.rolname = 'pgmask_slots';
  publication := EXISTS (SELECT FROM pg_publication AS p WHERE p.pubname = 'pgmask_notes');
  SELECT c.position::pg_lsn, c.moved_at, c.stored, c.rejected
    INTO v_position, moved_at, stored, rejected
    FROM pgmask_audit.collector AS c WHERE c.source = 'slot';
  SELECT s.slot_name, s.wal_status, s.active, s.safe_wal_size,
         pg_wal_lsn_diff(v_here, s.restart_lsn)::bigint,
         pg_wal_lsn_diff(v_here, greatest(s.confirmed_flush_lsn, v_position))::bigint
    INTO slot, wal_status, busy, safe, held, behind
    FROM pg_replication_slots AS s WHERE s.slot_name = pgmask_private.slot_name();
  SELECT r.when_audit_stalls INTO when_audit_stalls FROM pgmask_audit.stall_rule AS r;
  when_audit_stalls := coalesce(when_audit_stalls, 'lose_with_alarm');
  SELECT r.reads_until INTO reads_until FROM pgmask_audit.note_rule AS r;
  SELECT (SELECT count(*) FROM pgmask_audit.access_default)
       + (SELECT count(*) FROM pgmask_audit.change_default)
       + (SELECT count(*) FROM pgmask_audit.activity_default) INTO strays;
  SELECT min(m.ahead) INTO months_ahead
    FROM (SELECT count(*) FILTER (WHERE to_regclass(format(
                   'pgmask_audit.%I', concat(t.name, '_', to_char(g.month, 'YYYY_MM')))) IS NOT NULL)
                 - 1 AS ahead
            FROM unnest(ARRAY['access', 'change', 'activity']) AS t (name)
           CROSS JOIN generate_series(
                   date_trunc('month', clock_timestamp()),
                   date_trunc('month', clock_timestamp()) + interval '12 months',
                   interval '1 month') AS g (month)
           GROUP BY t.name) AS m;
  SELECT count(*) INTO gaps FROM pgmask_audit.activity AS a
   WHERE a.kind = 'gap' AND a.at > clock_timestamp() - interval '7 days'
     AND a.detail ->> 'reason' <> 'notes were not collected before';
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.collector_state() FROM PUBLIC;
ALTER FUNCTION pgmask_private.collector_state() OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.collector_state() TO pgmask_collector;
COMMENT ON FUNCTION pgmask_private.collector_state() IS 'How collecting the notes stands.';
