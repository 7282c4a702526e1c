-- Which messages are notes, and where in the record each is stored.

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
