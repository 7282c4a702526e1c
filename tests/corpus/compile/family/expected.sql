-- Applications and persons of profile desk.
DO LANGUAGE plpgsql $pgmask$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = 'pgmask_desk') THEN
    CREATE ROLE "pgmask_desk" NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT;
    COMMENT ON ROLE "pgmask_desk" IS 'Applications and persons of profile desk.';
  END IF;
EXCEPTION
  WHEN duplicate_object OR unique_violation THEN
    NULL;  -- made at this moment for another database of the cluster
END;
$pgmask$;

-- Owns the views of profile desk.
DO LANGUAGE plpgsql $pgmask$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = 'pgmask_desk_views') THEN
    CREATE ROLE "pgmask_desk_views" NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT;
    COMMENT ON ROLE "pgmask_desk_views" IS 'Owns the views of profile desk.';
  END IF;
EXCEPTION
  WHEN duplicate_object OR unique_violation THEN
    NULL;  -- made at this moment for another database of the cluster
END;
$pgmask$;

-- Applications and persons of profile wide.
DO LANGUAGE plpgsql $pgmask$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = 'pgmask_wide') THEN
    CREATE ROLE "pgmask_wide" NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT;
    COMMENT ON ROLE "pgmask_wide" IS 'Applications and persons of profile wide.';
  END IF;
EXCEPTION
  WHEN duplicate_object OR unique_violation THEN
    NULL;  -- made at this moment for another database of the cluster
END;
$pgmask$;

-- Owns the views of profile wide.
DO LANGUAGE plpgsql $pgmask$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = 'pgmask_wide_views') THEN
    CREATE ROLE "pgmask_wide_views" NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT;
    COMMENT ON ROLE "pgmask_wide_views" IS 'Owns the views of profile wide.';
  END IF;
EXCEPTION
  WHEN duplicate_object OR unique_violation THEN
    NULL;  -- made at this moment for another database of the cluster
END;
$pgmask$;

-- who applies plans must be able to hand objects to this role
GRANT "pgmask_desk_views" TO CURRENT_USER;

-- who applies plans must be able to hand objects to this role
GRANT "pgmask_wide_views" TO CURRENT_USER;

CREATE SCHEMA IF NOT EXISTS "desk";

ALTER SCHEMA "desk" OWNER TO "pgmask_owner";

REVOKE ALL PRIVILEGES ON SCHEMA "desk" FROM PUBLIC;

COMMENT ON SCHEMA "desk" IS 'Views of profile desk.';

CREATE SCHEMA IF NOT EXISTS "wide";

ALTER SCHEMA "wide" OWNER TO "pgmask_owner";

REVOKE ALL PRIVILEGES ON SCHEMA "wide" FROM PUBLIC;

COMMENT ON SCHEMA "wide" IS 'Views of profile wide.';

REVOKE ALL PRIVILEGES ON SCHEMA "app" FROM "pgmask_backup";

GRANT USAGE ON SCHEMA "app" TO "pgmask_backup";

REVOKE ALL PRIVILEGES ON SCHEMA "app" FROM "pgmask_sealer";

GRANT USAGE ON SCHEMA "app" TO "pgmask_sealer";

REVOKE ALL PRIVILEGES ON SCHEMA "app" FROM "pgmask_store";

GRANT USAGE, CREATE ON SCHEMA "app" TO "pgmask_store";

REVOKE ALL PRIVILEGES ON SCHEMA "archive" FROM "pgmask_backup";

GRANT USAGE ON SCHEMA "archive" TO "pgmask_backup";

REVOKE ALL PRIVILEGES ON SCHEMA "archive" FROM "pgmask_sealer";

GRANT USAGE ON SCHEMA "archive" TO "pgmask_sealer";

REVOKE ALL PRIVILEGES ON SCHEMA "archive" FROM "pgmask_store";

GRANT USAGE, CREATE ON SCHEMA "archive" TO "pgmask_store";

REVOKE ALL PRIVILEGES ON SCHEMA "desk" FROM "pgmask_desk";

GRANT USAGE ON SCHEMA "desk" TO "pgmask_desk";

REVOKE ALL PRIVILEGES ON SCHEMA "desk" FROM "pgmask_desk_views";

GRANT USAGE, CREATE ON SCHEMA "desk" TO "pgmask_desk_views";

REVOKE ALL PRIVILEGES ON SCHEMA "wide" FROM "pgmask_wide";

GRANT USAGE ON SCHEMA "wide" TO "pgmask_wide";

REVOKE ALL PRIVILEGES ON SCHEMA "wide" FROM "pgmask_wide_views";

GRANT USAGE, CREATE ON SCHEMA "wide" TO "pgmask_wide_views";

-- who is asking, as far as profile desk honours it
CREATE OR REPLACE VIEW "pgmask_private"."identity_desk" AS
SELECT
  l.person_id,
  l.profile,
  l.unit_id,
  'login'::text AS grade,
  NULL::text AS purpose,
  NULL::pg_catalog.timestamptz AS second_factor_at,
  l.outsourced,
  'login'::text AS issuer,
  NULLIF(l.valid_until, 'infinity') AS expires_at
FROM (SELECT) AS one
LEFT JOIN pgmask_private.effective_login AS l
  ON l.login = SESSION_USER AND l.profile = 'desk'
  AND l.valid_from <= pg_catalog.clock_timestamp()
  AND pg_catalog.clock_timestamp() < l.valid_until
WHERE CASE
  WHEN l.person_id IS NOT NULL THEN true
  ELSE pgmask.refuse_identity('desk')
END;

ALTER VIEW "pgmask_private"."identity_desk" OWNER TO "pgmask_owner";

COMMENT ON VIEW "pgmask_private"."identity_desk" IS 'Who is asking, if profile desk honours it; else an error.';

-- who is asking, as far as profile wide honours it
CREATE OR REPLACE VIEW "pgmask_private"."identity_wide" AS
SELECT
  l.person_id,
  l.profile,
  l.unit_id,
  'login'::text AS grade,
  NULL::text AS purpose,
  NULL::pg_catalog.timestamptz AS second_factor_at,
  l.outsourced,
  'login'::text AS issuer,
  NULLIF(l.valid_until, 'infinity') AS expires_at
FROM (SELECT) AS one
LEFT JOIN pgmask_private.effective_login AS l
  ON l.login = SESSION_USER AND l.profile = 'wide'
  AND l.valid_from <= pg_catalog.clock_timestamp()
  AND pg_catalog.clock_timestamp() < l.valid_until
WHERE CASE
  WHEN l.person_id IS NOT NULL THEN true
  ELSE pgmask.refuse_identity('wide')
END;

ALTER VIEW "pgmask_private"."identity_wide" OWNER TO "pgmask_owner";

COMMENT ON VIEW "pgmask_private"."identity_wide" IS 'Who is asking, if profile wide honours it; else an error.';

REVOKE ALL PRIVILEGES ON TABLE "pgmask_private"."identity_desk" FROM "pgmask_desk_views";

GRANT SELECT ON TABLE "pgmask_private"."identity_desk" TO "pgmask_desk_views";

REVOKE ALL PRIVILEGES ON TABLE "pgmask_private"."identity_wide" FROM "pgmask_wide_views";

GRANT SELECT ON TABLE "pgmask_private"."identity_wide" TO "pgmask_wide_views";

REVOKE ALL PRIVILEGES ON TABLE "pgmask_private"."my_designations" FROM "pgmask_desk_views";

GRANT SELECT ON TABLE "pgmask_private"."my_designations" TO "pgmask_desk_views";

REVOKE ALL PRIVILEGES ON TABLE "pgmask_private"."my_designations" FROM "pgmask_wide_views";

GRANT SELECT ON TABLE "pgmask_private"."my_designations" TO "pgmask_wide_views";

REVOKE ALL PRIVILEGES ON TABLE "pgmask_private"."my_subjects" FROM "pgmask_desk_views";

GRANT SELECT ON TABLE "pgmask_private"."my_subjects" TO "pgmask_desk_views";

REVOKE ALL PRIVILEGES ON TABLE "pgmask_private"."my_subjects" FROM "pgmask_wide_views";

GRANT SELECT ON TABLE "pgmask_private"."my_subjects" TO "pgmask_wide_views";

REVOKE ALL PRIVILEGES ON TABLE "pgmask_private"."my_units" FROM "pgmask_desk_views";

GRANT SELECT ON TABLE "pgmask_private"."my_units" TO "pgmask_desk_views";

REVOKE ALL PRIVILEGES ON TABLE "pgmask_private"."my_units" FROM "pgmask_wide_views";

GRANT SELECT ON TABLE "pgmask_private"."my_units" TO "pgmask_wide_views";

ALTER TABLE "app"."event" OWNER TO "pgmask_store";

ALTER TABLE "app"."event_2026" OWNER TO "pgmask_store";

ALTER TABLE "app"."event_2026_n" OWNER TO "pgmask_store";

REVOKE ALL PRIVILEGES ON TABLE "app"."event_2026_n" FROM "app" CASCADE;

ALTER TABLE "archive"."event_2026_rest" OWNER TO "pgmask_store";

-- remember what the table was before
INSERT INTO pgmask_private.store_table (table_id, schema_name, table_name, original_schema, original_owner, adopted) VALUES ('app.event', 'app', 'event', 'app', 'installer', '{}'::jsonb) ON CONFLICT (table_id) DO UPDATE SET schema_name = EXCLUDED.schema_name, table_name = EXCLUDED.table_name;

COMMENT ON TABLE "app"."event" IS 'pgmask: Store of app.event; read it through a view.';

ALTER TABLE "app"."event" ADD COLUMN IF NOT EXISTS "pgmask_hidden_note" character varying(40);

COMMENT ON COLUMN "app"."event"."pgmask_hidden_note" IS 'note as writable profiles see it: hidden.';

ALTER TABLE "app"."event" ADD COLUMN IF NOT EXISTS "pgmask_high_value" boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN "app"."event"."pgmask_high_value" IS 'The row speaks of a high-value customer (D1).';

ALTER TABLE "app"."event" ADD COLUMN IF NOT EXISTS "pgmask_quality" text[];

COMMENT ON COLUMN "app"."event"."pgmask_quality" IS 'What is doubtful about the row (F4).';

ALTER TABLE "app"."event" ADD COLUMN IF NOT EXISTS "pgmask_restricted" boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN "app"."event"."pgmask_restricted" IS 'The subject''s information is restricted.';

ALTER TABLE "app"."event" ADD COLUMN IF NOT EXISTS "pgmask_sealed" bytea;

ALTER TABLE "app"."event" ALTER COLUMN "pgmask_sealed" SET STATISTICS 0;

COMMENT ON COLUMN "app"."event"."pgmask_sealed" IS 'Sealed truths, bundle own.';

CREATE OR REPLACE FUNCTION pgmask_private."seal_app.event_insert"()
RETURNS trigger
LANGUAGE plpgsql
VOLATILE
CALLED ON NULL INPUT
PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE

  v_up text := current_setting('pgmask.up_993edd0e96cd', TRUE);
  v_marked boolean := FALSE;
  v_flags text[] := coalesce(NEW.pgmask_quality, '{}');
  v_old jsonb;
  v_c record;
  v_rows jsonb := '{}';
  v_kept_0 boolean := FALSE;
  v_class text;
  v_subject text;
  v_kek_id integer;
  v_fingerprint bytea;
  v_content bytea;
  v_epoch integer;
  v_wrapped_by integer;
  v_wrapped bytea;
  v_key bytea;
  v_head bytea;
  v_tag bytea;
  v_plain bytea;
  v_nothing text;
BEGIN
  IF NEW."pgmask_hidden_note" IS NOT NULL THEN
    v_nothing := pgmask_private.refuse_value('app.event', 'note', 'hidden');
  END IF;
  IF NEW."pgmask_sealed" IS NOT NULL THEN
    v_class := 'row:app.event';
    v_subject := jsonb_build_array(NEW."id", (to_jsonb(NEW."at") #>> '{}'), NEW."unit"::text)::text;
    v_old := pgmask_private.open_carried(
      v_class, v_subject, jsonb_build_array('app.event', 'own', NEW."id", (to_jsonb(NEW."at") #>> '{}'), NEW."unit"::text)::text, NEW."pgmask_sealed", 'app.event', 'own');
    IF v_old IS NULL THEN
      RETURN NEW;
    END IF;
    v_kept_0 := TRUE;
  END IF;
  IF v_up <> '' AND NOT v_kept_0 THEN
    FOR v_c IN
      SELECT jsonb_build_array(c."id", (to_jsonb(c."at") #>> '{}'), c."unit"::text)::text AS k, encode(sha256(coalesce(c."pgmask_sealed", '')), 'hex') AS d
        FROM "app"."event" AS c
       WHERE (c."id") = (NEW."id")
       AND (c."at") = (NEW."at")
       AND (c."unit") = (NEW."unit")
         FOR NO KEY UPDATE
    LOOP
      v_rows := v_rows || jsonb_build_object(v_c.k, v_c.d);

    END LOOP;
    IF v_rows <> '{}' THEN
      v_marked := TRUE;
      NEW."pgmask_sealed" := '\x00'::bytea;
      v_nothing := pgmask_private.stash_truths('pgmask.up_993edd0e96cd', pg_trigger_depth(), v_rows,
        jsonb_build_object(),
        jsonb_build_object());
    ELSE
      v_nothing := set_config('pgmask.up_993edd0e96cd', jsonb_build_object(
        'depth', pg_trigger_depth(), 'keys', jsonb_build_array((CASE WHEN (NEW."id") IS NOT NULL AND (NEW."at") IS NOT NULL AND (NEW."unit") IS NOT NULL THEN jsonb_build_array(NEW."id", NEW."at", NEW."unit")::text END)),
        'forms', jsonb_build_object(),
        'typed', FALSE)::text, TRUE);
    END IF;
  END IF;
  NEW.pgmask_quality := nullif(v_flags, '{}');
  RETURN NEW;
END
$pgmask$;

REVOKE ALL ON FUNCTION pgmask_private."seal_app.event_insert"() FROM PUBLIC;

ALTER FUNCTION pgmask_private."seal_app.event_insert"() OWNER TO pgmask_sealer;

COMMENT ON FUNCTION pgmask_private."seal_app.event_insert"() IS 'Seals what is inserted in app.event.';

CREATE OR REPLACE FUNCTION pgmask_private."seal_app.event_statement"()
RETURNS trigger
LANGUAGE plpgsql
VOLATILE
CALLED ON NULL INPUT
PARALLEL UNSAFE
SECURITY INVOKER
AS $pgmask$
DECLARE
  v_nothing text;
BEGIN
  v_nothing := set_config('pgmask.up_993edd0e96cd', 'on', TRUE);
  RETURN NULL;
END
$pgmask$;

REVOKE ALL ON FUNCTION pgmask_private."seal_app.event_statement"() FROM PUBLIC;

ALTER FUNCTION pgmask_private."seal_app.event_statement"() OWNER TO pgmask_sealer;

COMMENT ON FUNCTION pgmask_private."seal_app.event_statement"() IS 'Ends an upsert''s stash in app.event.';

CREATE OR REPLACE FUNCTION pgmask_private."seal_app.event_update"()
RETURNS trigger
LANGUAGE plpgsql
VOLATILE
CALLED ON NULL INPUT
PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_up text := current_setting('pgmask.up_993edd0e96cd', TRUE);
  v_stash jsonb;
  v_truths jsonb;
  v_old jsonb;
  v_open bytea;
  v_flags text[] := coalesce(OLD.pgmask_quality, '{}');
  v_touch_0 boolean;
  v_class text;
  v_subject text;
  v_kek_id integer;
  v_fingerprint bytea;
  v_content bytea;
  v_epoch integer;
  v_wrapped_by integer;
  v_wrapped bytea;
  v_key bytea;
  v_head bytea;
  v_tag bytea;
  v_plain bytea;
  v_nothing text;
BEGIN
  IF NEW."pgmask_hidden_note" IS NOT NULL THEN
    v_nothing := pgmask_private.refuse_value('app.event', 'note', 'hidden');
  END IF;
  IF left(v_up, 1) = '{' THEN
    v_nothing := set_config('pgmask.up_993edd0e96cd', 'on', TRUE);
    v_stash := v_up::jsonb;
    IF (v_stash -> 'depth' = to_jsonb(pg_trigger_depth())) IS NOT TRUE THEN
      v_stash := NULL;
    ELSIF v_stash ? 'rows' THEN
      IF v_stash -> 'rows' ->> jsonb_build_array(OLD."id", (to_jsonb(OLD."at") #>> '{}'), OLD."unit"::text)::text IS NULL THEN
        v_stash := NULL;
      ELSIF v_stash -> 'rows' ->> jsonb_build_array(OLD."id", (to_jsonb(OLD."at") #>> '{}'), OLD."unit"::text)::text <> encode(sha256(coalesce(OLD."pgmask_sealed", '')), 'hex') THEN
        v_nothing := pgmask_private.refuse_value('app.event', NULL, 'appeared');
      ELSE
        v_truths := pgmask_private.stash_open('pgmask.up_993edd0e96cd', pg_trigger_depth(), v_stash);
      END IF;
    ELSE
      -- No row was there when the proposed row was masked, and now one is: where its masks say the
      -- same, nobody can tell what this statement means.
      IF v_stash -> 'keys' ->> 0 = (CASE WHEN (OLD."id") IS NOT NULL AND (OLD."at") IS NOT NULL AND (OLD."unit") IS NOT NULL THEN jsonb_build_array(OLD."id", OLD."at", OLD."unit")::text END)
      THEN
        IF v_stash -> 'typed' = 'true'::jsonb
        THEN
          v_nothing := pgmask_private.refuse_value('app.event', NULL, 'appeared');
        END IF;
      END IF;
      v_stash := NULL;
    END IF;
  END IF;
  IF NEW."id" IS NOT DISTINCT FROM OLD."id"
       AND NEW."at" IS NOT DISTINCT FROM OLD."at"
       AND NEW."unit"::text COLLATE "C" IS NOT DISTINCT FROM OLD."unit"::text COLLATE "C"
       AND NEW.pgmask_high_value IS NOT DISTINCT FROM OLD.pgmask_high_value
       AND NEW.pgmask_restricted IS NOT DISTINCT FROM OLD.pgmask_restricted
       AND NEW.pgmask_quality IS NOT DISTINCT FROM OLD.pgmask_quality
       AND NEW."pgmask_sealed" IS NOT DISTINCT FROM OLD."pgmask_sealed"
  THEN
    RETURN NEW;
  END IF;
  IF NEW."pgmask_sealed" IS DISTINCT FROM OLD."pgmask_sealed" THEN
    RETURN NEW;
  END IF;
  v_touch_0 := NOT (NEW."id" IS NOT DISTINCT FROM OLD."id")
       OR NOT (NEW."at" IS NOT DISTINCT FROM OLD."at")
       OR NOT (NEW."unit"::text COLLATE "C" IS NOT DISTINCT FROM OLD."unit"::text COLLATE "C");
  v_old := NULL;
  IF v_touch_0 AND OLD."pgmask_sealed" IS NOT NULL THEN
    v_class := 'row:app.event';
    v_subject := jsonb_build_array(OLD."id", (to_jsonb(OLD."at") #>> '{}'), OLD."unit"::text)::text;
    SELECT k.kek_id, k.fingerprint, l.content, d.epoch, d.kek_id, d.wrapped
      INTO v_kek_id, v_fingerprint, v_content, v_epoch, v_wrapped_by, v_wrapped
      FROM pgmask_private.kek AS k
      LEFT JOIN pgmask_private.loaded_key AS l ON l.kek_id = k.kek_id AND k.provider = 'loaded'
      LEFT JOIN pgmask_private.data_key AS d
        ON d.subject_class = v_class AND d.subject_key = v_subject AND d.state <> 'retired'
     WHERE k.state = 'current';
    IF (sha256(v_content) = v_fingerprint) IS NOT TRUE THEN
      v_content := pgmask_private.key_content(v_kek_id);
    END IF;
    v_key := NULL;
    IF v_wrapped IS NOT NULL AND v_wrapped_by = v_kek_id THEN
      v_key := pgmask_crypto.decrypt_iv(
        substr(v_wrapped, 23), substr(v_content, 45, 32), substr(v_wrapped, 7, 16), 'aes-cbc/pad:none');
      IF (substr(pgmask_crypto.hmac(
            substr(v_wrapped, 1, 6)
            || convert_to(jsonb_build_array('data key', v_class, v_subject)::text, 'UTF8')
            || '\x00'::bytea || v_key,
            substr(v_content, 13, 32), 'sha256'), 1, 16) = substr(v_wrapped, 7, 16)) IS NOT TRUE
      THEN
        v_key := pgmask_private.unwrap(v_content, v_class, v_subject, v_wrapped);
      END IF;
      v_head := int4send(v_epoch);
    END IF;
    v_open := v_key;
    IF v_key IS NULL OR substr(OLD."pgmask_sealed", 3, 4) <> v_head THEN
      v_open := pgmask_private.data_key_at(v_content, v_kek_id, v_class, v_subject,
        ('x' || encode(substr(OLD."pgmask_sealed", 3, 4), 'hex'))::bit(32)::integer);
    END IF;
    v_plain := pgmask_private.siv_open(v_open, jsonb_build_array('app.event', 'own', OLD."id", (to_jsonb(OLD."at") #>> '{}'), OLD."unit"::text)::text, OLD."pgmask_sealed", 'pkcs');
    IF v_plain IS NULL THEN
      v_nothing := pgmask_private.refuse_value('app.event', 'own', 'unopened');
    END IF;
    v_old := convert_from(v_plain, 'UTF8')::jsonb;
  END IF;
  NEW.pgmask_quality := nullif(v_flags, '{}');
  RETURN NEW;
END
$pgmask$;

REVOKE ALL ON FUNCTION pgmask_private."seal_app.event_update"() FROM PUBLIC;

ALTER FUNCTION pgmask_private."seal_app.event_update"() OWNER TO pgmask_sealer;

COMMENT ON FUNCTION pgmask_private."seal_app.event_update"() IS 'Keeps or seals what is updated in app.event.';

ALTER TABLE "app"."event" ADD CONSTRAINT "pgmask_form_pgmask_sealed" CHECK (octet_length("pgmask_sealed") >= 38 OR "pgmask_sealed" = '\x00'::bytea) NOT VALID;

ALTER TABLE "app"."event" ADD CONSTRAINT "pgmask_mask_pgmask_hidden_note" CHECK ("pgmask_hidden_note" IS NULL) NOT VALID;

CREATE OR REPLACE TRIGGER "zzz_pgmask_insert"
BEFORE INSERT ON "app"."event"
FOR EACH ROW
EXECUTE FUNCTION pgmask_private."seal_app.event_insert"();

ALTER TABLE "app"."event" ENABLE ALWAYS TRIGGER "zzz_pgmask_insert";

CREATE OR REPLACE TRIGGER "zzz_pgmask_marked"
AFTER INSERT OR UPDATE ON "app"."event"
FOR EACH ROW
WHEN (NEW."pgmask_sealed" = '\x00'::bytea)
EXECUTE FUNCTION pgmask_private.refuse_marked_row();

ALTER TABLE "app"."event" ENABLE ALWAYS TRIGGER "zzz_pgmask_marked";

CREATE OR REPLACE TRIGGER "zzz_pgmask_statement"
BEFORE UPDATE ON "app"."event"
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."seal_app.event_statement"();

ALTER TABLE "app"."event" ENABLE ALWAYS TRIGGER "zzz_pgmask_statement";

CREATE OR REPLACE TRIGGER "zzz_pgmask_update"
BEFORE UPDATE ON "app"."event"
FOR EACH ROW
EXECUTE FUNCTION pgmask_private."seal_app.event_update"();

ALTER TABLE "app"."event" ENABLE ALWAYS TRIGGER "zzz_pgmask_update";

ALTER TABLE "app"."event" ENABLE ROW LEVEL SECURITY;

-- the owner's own statements fail loudly instead of seeing no rows (PM220)
ALTER TABLE "app"."event" FORCE ROW LEVEL SECURITY;

ALTER TABLE "app"."event_2026" ENABLE ROW LEVEL SECURITY;

-- the owner's own statements fail loudly instead of seeing no rows (PM220)
ALTER TABLE "app"."event_2026" FORCE ROW LEVEL SECURITY;

ALTER TABLE "app"."event_2026_n" ENABLE ROW LEVEL SECURITY;

-- the owner's own statements fail loudly instead of seeing no rows (PM220)
ALTER TABLE "app"."event_2026_n" FORCE ROW LEVEL SECURITY;

ALTER TABLE "archive"."event_2026_rest" ENABLE ROW LEVEL SECURITY;

-- the owner's own statements fail loudly instead of seeing no rows (PM220)
ALTER TABLE "archive"."event_2026_rest" FORCE ROW LEVEL SECURITY;

CREATE POLICY "pgmask_all_backup" ON "app"."event" AS PERMISSIVE FOR SELECT TO "pgmask_backup" USING (true);

COMMENT ON POLICY "pgmask_all_backup" ON "app"."event" IS 'Backups hold every row; the columns hold masks.';

CREATE POLICY "pgmask_all_sealer" ON "app"."event" AS PERMISSIVE FOR ALL TO "pgmask_sealer" USING (true);

COMMENT ON POLICY "pgmask_all_sealer" ON "app"."event" IS 'The sealing trigger looks rows up and re-seals them.';

CREATE POLICY "pgmask_desk_delete" ON "app"."event" AS PERMISSIVE FOR DELETE TO "pgmask_desk_views" USING (("unit" = (SELECT i.unit_id::text FROM "pgmask_private"."identity_desk" AS i) AND NOT "pgmask_high_value") AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_desk_delete" ON "app"."event" IS 'Profile desk, rows own_unit.';

CREATE POLICY "pgmask_desk_insert" ON "app"."event" AS PERMISSIVE FOR INSERT TO "pgmask_desk_views" WITH CHECK (("unit" = (SELECT i.unit_id::text FROM "pgmask_private"."identity_desk" AS i) AND NOT "pgmask_high_value") AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_desk_insert" ON "app"."event" IS 'Profile desk, rows own_unit.';

CREATE POLICY "pgmask_desk_select" ON "app"."event" AS PERMISSIVE FOR SELECT TO "pgmask_desk_views" USING (("unit" = (SELECT i.unit_id::text FROM "pgmask_private"."identity_desk" AS i) AND NOT "pgmask_high_value") AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_desk_select" ON "app"."event" IS 'Profile desk, rows own_unit.';

CREATE POLICY "pgmask_desk_update" ON "app"."event" AS PERMISSIVE FOR UPDATE TO "pgmask_desk_views" USING (("unit" = (SELECT i.unit_id::text FROM "pgmask_private"."identity_desk" AS i) AND NOT "pgmask_high_value") AND NOT "pgmask_restricted") WITH CHECK (("unit" = (SELECT i.unit_id::text FROM "pgmask_private"."identity_desk" AS i) AND NOT "pgmask_high_value") AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_desk_update" ON "app"."event" IS 'Profile desk, rows own_unit.';

CREATE POLICY "pgmask_owner_refused" ON "app"."event" AS PERMISSIVE FOR ALL TO "pgmask_store" USING ((SELECT pgmask.refuse_owner()));

COMMENT ON POLICY "pgmask_owner_refused" ON "app"."event" IS 'Statements of the owner are refused: they would see no rows.';

CREATE POLICY "pgmask_wide_select" ON "app"."event" AS PERMISSIVE FOR SELECT TO "pgmask_wide_views" USING (((SELECT i.person_id IS NOT NULL FROM "pgmask_private"."identity_wide" AS i) AND NOT "pgmask_high_value") AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_wide_select" ON "app"."event" IS 'Profile wide, rows all.';

CREATE POLICY "pgmask_all_backup" ON "app"."event_2026" AS PERMISSIVE FOR SELECT TO "pgmask_backup" USING (true);

COMMENT ON POLICY "pgmask_all_backup" ON "app"."event_2026" IS 'Backups hold every row; the columns hold masks.';

CREATE POLICY "pgmask_all_sealer" ON "app"."event_2026" AS PERMISSIVE FOR ALL TO "pgmask_sealer" USING (true);

COMMENT ON POLICY "pgmask_all_sealer" ON "app"."event_2026" IS 'The sealing trigger looks rows up and re-seals them.';

CREATE POLICY "pgmask_owner_refused" ON "app"."event_2026" AS PERMISSIVE FOR ALL TO "pgmask_store" USING ((SELECT pgmask.refuse_owner()));

COMMENT ON POLICY "pgmask_owner_refused" ON "app"."event_2026" IS 'Statements of the owner are refused: they would see no rows.';

CREATE POLICY "pgmask_all_backup" ON "app"."event_2026_n" AS PERMISSIVE FOR SELECT TO "pgmask_backup" USING (true);

COMMENT ON POLICY "pgmask_all_backup" ON "app"."event_2026_n" IS 'Backups hold every row; the columns hold masks.';

CREATE POLICY "pgmask_all_sealer" ON "app"."event_2026_n" AS PERMISSIVE FOR ALL TO "pgmask_sealer" USING (true);

COMMENT ON POLICY "pgmask_all_sealer" ON "app"."event_2026_n" IS 'The sealing trigger looks rows up and re-seals them.';

CREATE POLICY "pgmask_owner_refused" ON "app"."event_2026_n" AS PERMISSIVE FOR ALL TO "pgmask_store" USING ((SELECT pgmask.refuse_owner()));

COMMENT ON POLICY "pgmask_owner_refused" ON "app"."event_2026_n" IS 'Statements of the owner are refused: they would see no rows.';

CREATE POLICY "pgmask_all_backup" ON "archive"."event_2026_rest" AS PERMISSIVE FOR SELECT TO "pgmask_backup" USING (true);

COMMENT ON POLICY "pgmask_all_backup" ON "archive"."event_2026_rest" IS 'Backups hold every row; the columns hold masks.';

CREATE POLICY "pgmask_all_sealer" ON "archive"."event_2026_rest" AS PERMISSIVE FOR ALL TO "pgmask_sealer" USING (true);

COMMENT ON POLICY "pgmask_all_sealer" ON "archive"."event_2026_rest" IS 'The sealing trigger looks rows up and re-seals them.';

CREATE POLICY "pgmask_owner_refused" ON "archive"."event_2026_rest" AS PERMISSIVE FOR ALL TO "pgmask_store" USING ((SELECT pgmask.refuse_owner()));

COMMENT ON POLICY "pgmask_owner_refused" ON "archive"."event_2026_rest" IS 'Statements of the owner are refused: they would see no rows.';

-- app.event for profile desk
CREATE OR REPLACE VIEW "desk"."event" AS
SELECT
  s."id",
  s."at",
  s."unit",
  s."pgmask_hidden_note" AS "note",
  s."code",
  s."mood",
  s."tags",
  s."due",
  s."twice"
FROM "app"."event" AS s;

ALTER VIEW "desk"."event" OWNER TO "pgmask_desk_views";

COMMENT ON VIEW "desk"."event" IS 'pgmask: app.event as profile desk sees it.';

-- app.event for profile wide
CREATE OR REPLACE VIEW "wide"."event" AS
SELECT
  s."id",
  s."at",
  s."unit",
  NULL::character varying(40) AS "note",
  (ARRAY[]::app.short[])[1] AS "code",
  NULL::app.mood AS "mood",
  NULL::text[] AS "tags",
  s."due",
  s."twice"
FROM "app"."event" AS s;

ALTER VIEW "wide"."event" OWNER TO "pgmask_wide_views";

COMMENT ON VIEW "wide"."event" IS 'pgmask: app.event as profile wide sees it.';

DELETE FROM pgmask_private.profile_column WHERE table_id = 'app.event';

-- what pgmask.why explains
INSERT INTO pgmask_private.profile_column (profile, table_id, position, column_name, level, category, kind, form, sealed, view_schema, view_name, rows, operations)
VALUES
  ('desk', 'app.event', 1, 'id', 3, 'general', NULL, 'plain', false, 'desk', 'event', ARRAY['own_unit'], ARRAY['select', 'insert', 'update', 'delete']),
  ('desk', 'app.event', 2, 'at', 3, 'general', NULL, 'plain', false, 'desk', 'event', ARRAY['own_unit'], ARRAY['select', 'insert', 'update', 'delete']),
  ('desk', 'app.event', 3, 'unit', 3, 'general', NULL, 'plain', false, 'desk', 'event', ARRAY['own_unit'], ARRAY['select', 'insert', 'update', 'delete']),
  ('desk', 'app.event', 4, 'note', 2, 'touch', 'free_text', 'hidden', false, 'desk', 'event', ARRAY['own_unit'], ARRAY['select', 'insert', 'update', 'delete']),
  ('desk', 'app.event', 5, 'code', 2, 'basic', NULL, 'plain', false, 'desk', 'event', ARRAY['own_unit'], ARRAY['select', 'insert', 'update', 'delete']),
  ('desk', 'app.event', 6, 'mood', 2, 'basic', NULL, 'plain', false, 'desk', 'event', ARRAY['own_unit'], ARRAY['select', 'insert', 'update', 'delete']),
  ('desk', 'app.event', 7, 'tags', 2, 'basic', NULL, 'plain', false, 'desk', 'event', ARRAY['own_unit'], ARRAY['select', 'insert', 'update', 'delete']),
  ('desk', 'app.event', 8, 'due', 3, 'general', NULL, 'plain', false, 'desk', 'event', ARRAY['own_unit'], ARRAY['select', 'insert', 'update', 'delete']),
  ('desk', 'app.event', 9, 'twice', 3, 'general', NULL, 'plain', false, 'desk', 'event', ARRAY['own_unit'], ARRAY['select', 'insert', 'update', 'delete']),
  ('wide', 'app.event', 1, 'id', 3, 'general', NULL, 'plain', false, 'wide', 'event', ARRAY['all'], ARRAY['select']),
  ('wide', 'app.event', 2, 'at', 3, 'general', NULL, 'plain', false, 'wide', 'event', ARRAY['all'], ARRAY['select']),
  ('wide', 'app.event', 3, 'unit', 3, 'general', NULL, 'plain', false, 'wide', 'event', ARRAY['all'], ARRAY['select']),
  ('wide', 'app.event', 4, 'note', 2, 'touch', 'free_text', 'hidden', false, 'wide', 'event', ARRAY['all'], ARRAY['select']),
  ('wide', 'app.event', 5, 'code', 2, 'basic', NULL, 'hidden', false, 'wide', 'event', ARRAY['all'], ARRAY['select']),
  ('wide', 'app.event', 6, 'mood', 2, 'basic', NULL, 'hidden', false, 'wide', 'event', ARRAY['all'], ARRAY['select']),
  ('wide', 'app.event', 7, 'tags', 2, 'basic', NULL, 'hidden', false, 'wide', 'event', ARRAY['all'], ARRAY['select']),
  ('wide', 'app.event', 8, 'due', 3, 'general', NULL, 'plain', false, 'wide', 'event', ARRAY['all'], ARRAY['select']),
  ('wide', 'app.event', 9, 'twice', 3, 'general', NULL, 'plain', false, 'wide', 'event', ARRAY['all'], ARRAY['select']);

REVOKE ALL PRIVILEGES ON TABLE "app"."event" FROM "pgmask_backup";

GRANT SELECT ON TABLE "app"."event" TO "pgmask_backup";

REVOKE ALL PRIVILEGES ON TABLE "app"."event" FROM "pgmask_desk_views";

GRANT SELECT ("id", "at", "unit", "pgmask_hidden_note", "code", "mood", "tags", "due", "twice"), INSERT ("id", "at", "unit", "pgmask_hidden_note", "code", "mood", "tags", "due", "twice"), UPDATE ("id", "at", "unit", "pgmask_hidden_note", "code", "mood", "tags", "due", "twice"), DELETE ON TABLE "app"."event" TO "pgmask_desk_views";

REVOKE ALL PRIVILEGES ON TABLE "app"."event" FROM "pgmask_sealer";

GRANT SELECT, UPDATE ON TABLE "app"."event" TO "pgmask_sealer";

REVOKE ALL PRIVILEGES ON TABLE "app"."event" FROM "pgmask_wide_views";

GRANT SELECT ("id", "at", "unit", "due", "twice") ON TABLE "app"."event" TO "pgmask_wide_views";

REVOKE ALL PRIVILEGES ON TABLE "app"."event_2026" FROM "pgmask_backup";

GRANT SELECT ON TABLE "app"."event_2026" TO "pgmask_backup";

REVOKE ALL PRIVILEGES ON TABLE "app"."event_2026" FROM "pgmask_sealer";

GRANT SELECT, UPDATE ON TABLE "app"."event_2026" TO "pgmask_sealer";

REVOKE ALL PRIVILEGES ON TABLE "app"."event_2026_n" FROM "pgmask_backup";

GRANT SELECT ON TABLE "app"."event_2026_n" TO "pgmask_backup";

REVOKE ALL PRIVILEGES ON TABLE "app"."event_2026_n" FROM "pgmask_sealer";

GRANT SELECT, UPDATE ON TABLE "app"."event_2026_n" TO "pgmask_sealer";

REVOKE ALL PRIVILEGES ON TABLE "archive"."event_2026_rest" FROM "pgmask_backup";

GRANT SELECT ON TABLE "archive"."event_2026_rest" TO "pgmask_backup";

REVOKE ALL PRIVILEGES ON TABLE "archive"."event_2026_rest" FROM "pgmask_sealer";

GRANT SELECT, UPDATE ON TABLE "archive"."event_2026_rest" TO "pgmask_sealer";

REVOKE ALL PRIVILEGES ON TABLE "desk"."event" FROM "pgmask_desk";

GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE "desk"."event" TO "pgmask_desk";

REVOKE ALL PRIVILEGES ON TABLE "wide"."event" FROM "pgmask_wide";

GRANT SELECT ON TABLE "wide"."event" TO "pgmask_wide";

REVOKE ALL PRIVILEGES ON SEQUENCE "app"."shared_seq" FROM "pgmask_backup";

GRANT SELECT ON SEQUENCE "app"."shared_seq" TO "pgmask_backup";

REVOKE ALL PRIVILEGES ON SEQUENCE "app"."shared_seq" FROM "pgmask_desk";

GRANT USAGE ON SEQUENCE "app"."shared_seq" TO "pgmask_desk";

ALTER TABLE "app"."person" OWNER TO "pgmask_store";

REVOKE ALL PRIVILEGES ON TABLE "app"."person" FROM PUBLIC CASCADE;

ALTER TABLE "app"."worker" OWNER TO "pgmask_store";

-- remember what the table was before
INSERT INTO pgmask_private.store_table (table_id, schema_name, table_name, original_schema, original_owner, adopted) VALUES ('app.person', 'app', 'person', 'app', 'installer', '{}'::jsonb) ON CONFLICT (table_id) DO UPDATE SET schema_name = EXCLUDED.schema_name, table_name = EXCLUDED.table_name;

COMMENT ON TABLE "app"."person" IS 'pgmask: Store of app.person; read it through a view.';

ALTER TABLE "app"."person" ADD COLUMN IF NOT EXISTS "pgmask_high_value" boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN "app"."person"."pgmask_high_value" IS 'The row speaks of a high-value customer (D1).';

ALTER TABLE "app"."person" ADD COLUMN IF NOT EXISTS "pgmask_restricted" boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN "app"."person"."pgmask_restricted" IS 'The subject''s information is restricted.';

ALTER TABLE "app"."person" ENABLE ROW LEVEL SECURITY;

-- the owner's own statements fail loudly instead of seeing no rows (PM220)
ALTER TABLE "app"."person" FORCE ROW LEVEL SECURITY;

ALTER TABLE "app"."worker" ENABLE ROW LEVEL SECURITY;

-- the owner's own statements fail loudly instead of seeing no rows (PM220)
ALTER TABLE "app"."worker" FORCE ROW LEVEL SECURITY;

CREATE POLICY "pgmask_all_backup" ON "app"."person" AS PERMISSIVE FOR SELECT TO "pgmask_backup" USING (true);

COMMENT ON POLICY "pgmask_all_backup" ON "app"."person" IS 'Backups hold every row; the columns hold masks.';

CREATE POLICY "pgmask_all_sealer" ON "app"."person" AS PERMISSIVE FOR ALL TO "pgmask_sealer" USING (true);

COMMENT ON POLICY "pgmask_all_sealer" ON "app"."person" IS 'The sealing trigger looks rows up and re-seals them.';

CREATE POLICY "pgmask_desk_delete" ON "app"."person" AS PERMISSIVE FOR DELETE TO "pgmask_desk_views" USING (("unit" = (SELECT i.unit_id::text FROM "pgmask_private"."identity_desk" AS i) AND NOT "pgmask_high_value") AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_desk_delete" ON "app"."person" IS 'Profile desk, rows own_unit.';

CREATE POLICY "pgmask_desk_insert" ON "app"."person" AS PERMISSIVE FOR INSERT TO "pgmask_desk_views" WITH CHECK (("unit" = (SELECT i.unit_id::text FROM "pgmask_private"."identity_desk" AS i) AND NOT "pgmask_high_value") AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_desk_insert" ON "app"."person" IS 'Profile desk, rows own_unit.';

CREATE POLICY "pgmask_desk_select" ON "app"."person" AS PERMISSIVE FOR SELECT TO "pgmask_desk_views" USING (("unit" = (SELECT i.unit_id::text FROM "pgmask_private"."identity_desk" AS i) AND NOT "pgmask_high_value") AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_desk_select" ON "app"."person" IS 'Profile desk, rows own_unit.';

CREATE POLICY "pgmask_desk_update" ON "app"."person" AS PERMISSIVE FOR UPDATE TO "pgmask_desk_views" USING (("unit" = (SELECT i.unit_id::text FROM "pgmask_private"."identity_desk" AS i) AND NOT "pgmask_high_value") AND NOT "pgmask_restricted") WITH CHECK (("unit" = (SELECT i.unit_id::text FROM "pgmask_private"."identity_desk" AS i) AND NOT "pgmask_high_value") AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_desk_update" ON "app"."person" IS 'Profile desk, rows own_unit.';

CREATE POLICY "pgmask_owner_refused" ON "app"."person" AS PERMISSIVE FOR ALL TO "pgmask_store" USING ((SELECT pgmask.refuse_owner()));

COMMENT ON POLICY "pgmask_owner_refused" ON "app"."person" IS 'Statements of the owner are refused: they would see no rows.';

CREATE POLICY "pgmask_wide_select" ON "app"."person" AS PERMISSIVE FOR SELECT TO "pgmask_wide_views" USING (((SELECT i.person_id IS NOT NULL FROM "pgmask_private"."identity_wide" AS i) AND NOT "pgmask_high_value") AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_wide_select" ON "app"."person" IS 'Profile wide, rows all.';

CREATE POLICY "pgmask_all_backup" ON "app"."worker" AS PERMISSIVE FOR SELECT TO "pgmask_backup" USING (true);

COMMENT ON POLICY "pgmask_all_backup" ON "app"."worker" IS 'Backups hold every row; the columns hold masks.';

CREATE POLICY "pgmask_all_sealer" ON "app"."worker" AS PERMISSIVE FOR ALL TO "pgmask_sealer" USING (true);

COMMENT ON POLICY "pgmask_all_sealer" ON "app"."worker" IS 'The sealing trigger looks rows up and re-seals them.';

CREATE POLICY "pgmask_owner_refused" ON "app"."worker" AS PERMISSIVE FOR ALL TO "pgmask_store" USING ((SELECT pgmask.refuse_owner()));

COMMENT ON POLICY "pgmask_owner_refused" ON "app"."worker" IS 'Statements of the owner are refused: they would see no rows.';

-- app.person for profile desk
CREATE OR REPLACE VIEW "desk"."person" AS
SELECT
  s."id",
  s."name",
  s."unit"
FROM "app"."person" AS s;

ALTER VIEW "desk"."person" OWNER TO "pgmask_desk_views";

COMMENT ON VIEW "desk"."person" IS 'pgmask: app.person as profile desk sees it.';

-- app.person for profile wide
CREATE OR REPLACE VIEW "wide"."person" AS
SELECT
  s."id",
  NULL::text AS "name",
  s."unit"
FROM "app"."person" AS s;

ALTER VIEW "wide"."person" OWNER TO "pgmask_wide_views";

COMMENT ON VIEW "wide"."person" IS 'pgmask: app.person as profile wide sees it.';

DELETE FROM pgmask_private.profile_column WHERE table_id = 'app.person';

-- what pgmask.why explains
INSERT INTO pgmask_private.profile_column (profile, table_id, position, column_name, level, category, kind, form, sealed, view_schema, view_name, rows, operations)
VALUES
  ('desk', 'app.person', 1, 'id', 3, 'general', NULL, 'plain', false, 'desk', 'person', ARRAY['own_unit'], ARRAY['select', 'insert', 'update', 'delete']),
  ('desk', 'app.person', 2, 'name', 2, 'basic', 'person_name', 'plain', false, 'desk', 'person', ARRAY['own_unit'], ARRAY['select', 'insert', 'update', 'delete']),
  ('desk', 'app.person', 3, 'unit', 3, 'general', NULL, 'plain', false, 'desk', 'person', ARRAY['own_unit'], ARRAY['select', 'insert', 'update', 'delete']),
  ('wide', 'app.person', 1, 'id', 3, 'general', NULL, 'plain', false, 'wide', 'person', ARRAY['all'], ARRAY['select']),
  ('wide', 'app.person', 2, 'name', 2, 'basic', 'person_name', 'hidden', false, 'wide', 'person', ARRAY['all'], ARRAY['select']),
  ('wide', 'app.person', 3, 'unit', 3, 'general', NULL, 'plain', false, 'wide', 'person', ARRAY['all'], ARRAY['select']);

REVOKE ALL PRIVILEGES ON TABLE "app"."person" FROM "pgmask_backup";

GRANT SELECT ON TABLE "app"."person" TO "pgmask_backup";

REVOKE ALL PRIVILEGES ON TABLE "app"."person" FROM "pgmask_desk_views";

GRANT SELECT ("id", "name", "unit"), INSERT ("id", "name", "unit"), UPDATE ("id", "name", "unit"), DELETE ON TABLE "app"."person" TO "pgmask_desk_views";

REVOKE ALL PRIVILEGES ON TABLE "app"."person" FROM "pgmask_sealer";

GRANT SELECT, UPDATE ON TABLE "app"."person" TO "pgmask_sealer";

REVOKE ALL PRIVILEGES ON TABLE "app"."person" FROM "pgmask_wide_views";

GRANT SELECT ("id", "unit") ON TABLE "app"."person" TO "pgmask_wide_views";

REVOKE ALL PRIVILEGES ON TABLE "app"."worker" FROM "pgmask_backup";

GRANT SELECT ON TABLE "app"."worker" TO "pgmask_backup";

REVOKE ALL PRIVILEGES ON TABLE "app"."worker" FROM "pgmask_sealer";

GRANT SELECT, UPDATE ON TABLE "app"."worker" TO "pgmask_sealer";

REVOKE ALL PRIVILEGES ON TABLE "desk"."person" FROM "pgmask_desk";

GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE "desk"."person" TO "pgmask_desk";

REVOKE ALL PRIVILEGES ON TABLE "wide"."person" FROM "pgmask_wide";

GRANT SELECT ON TABLE "wide"."person" TO "pgmask_wide";
