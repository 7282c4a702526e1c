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

-- takes views down for a migration and brings them back
GRANT "pgmask_desk_views" TO "pgmask_migrator";

-- who applies plans must be able to hand objects to this role
DO LANGUAGE plpgsql $pgmask$
BEGIN
  IF pg_catalog.pg_has_role(CURRENT_USER, 'pgmask_desk_views', 'USAGE') IS NOT TRUE THEN
    GRANT "pgmask_desk_views" TO CURRENT_USER;
  END IF;
END;
$pgmask$;

-- takes views down for a migration and brings them back
GRANT "pgmask_store" TO "pgmask_migrator";

-- takes views down for a migration and brings them back
GRANT "pgmask_wide_views" TO "pgmask_migrator";

-- who applies plans must be able to hand objects to this role
DO LANGUAGE plpgsql $pgmask$
BEGIN
  IF pg_catalog.pg_has_role(CURRENT_USER, 'pgmask_wide_views', 'USAGE') IS NOT TRUE THEN
    GRANT "pgmask_wide_views" TO CURRENT_USER;
  END IF;
END;
$pgmask$;

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

REVOKE ALL PRIVILEGES ON SCHEMA "app" FROM "pgmask_keyless";

GRANT USAGE ON SCHEMA "app" TO "pgmask_keyless";

REVOKE ALL PRIVILEGES ON SCHEMA "app" FROM "pgmask_lookup";

GRANT USAGE ON SCHEMA "app" TO "pgmask_lookup";

REVOKE ALL PRIVILEGES ON SCHEMA "app" FROM "pgmask_sealer";

GRANT USAGE ON SCHEMA "app" TO "pgmask_sealer";

REVOKE ALL PRIVILEGES ON SCHEMA "app" FROM "pgmask_store";

GRANT USAGE, CREATE ON SCHEMA "app" TO "pgmask_store";

REVOKE ALL PRIVILEGES ON SCHEMA "archive" FROM "pgmask_backup";

GRANT USAGE ON SCHEMA "archive" TO "pgmask_backup";

REVOKE ALL PRIVILEGES ON SCHEMA "archive" FROM "pgmask_keyless";

GRANT USAGE ON SCHEMA "archive" TO "pgmask_keyless";

REVOKE ALL PRIVILEGES ON SCHEMA "archive" FROM "pgmask_lookup";

GRANT USAGE ON SCHEMA "archive" TO "pgmask_lookup";

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
  pg_catalog.split_part(t.claims, U&'\001F', 2)::bigint AS person_id,
  pg_catalog.split_part(t.claims, U&'\001F', 3) AS profile,
  pg_catalog.split_part(t.claims, U&'\001F', 4) AS unit_id,
  pg_catalog.split_part(t.claims, U&'\001F', 5) AS grade,
  NULLIF(pg_catalog.split_part(t.claims, U&'\001F', 6), '') AS purpose,
  pg_catalog.to_timestamp(
    NULLIF(pg_catalog.split_part(t.claims, U&'\001F', 7), '')::pg_catalog.float8
  ) AS second_factor_at,
  pg_catalog.split_part(t.claims, U&'\001F', 8) <> 'f' AS outsourced,
  pg_catalog.split_part(t.claims, U&'\001F', 9) AS issuer,
  pg_catalog.to_timestamp(
    NULLIF(pg_catalog.split_part(t.claims, U&'\001F', 10), '')::pg_catalog.float8
  ) AS expires_at
FROM (
  SELECT pgmask.identity_claims('desk',
    ARRAY[]::text[], ARRAY[]::text[], true) AS claims
  OFFSET 0
) AS t;

ALTER VIEW "pgmask_private"."identity_desk" OWNER TO "pgmask_owner";

COMMENT ON VIEW "pgmask_private"."identity_desk" IS 'Who is asking, if profile desk honours it; else an error.';

-- who is asking, as far as profile wide honours it
CREATE OR REPLACE VIEW "pgmask_private"."identity_wide" AS
SELECT
  pg_catalog.split_part(t.claims, U&'\001F', 2)::bigint AS person_id,
  pg_catalog.split_part(t.claims, U&'\001F', 3) AS profile,
  pg_catalog.split_part(t.claims, U&'\001F', 4) AS unit_id,
  pg_catalog.split_part(t.claims, U&'\001F', 5) AS grade,
  NULLIF(pg_catalog.split_part(t.claims, U&'\001F', 6), '') AS purpose,
  pg_catalog.to_timestamp(
    NULLIF(pg_catalog.split_part(t.claims, U&'\001F', 7), '')::pg_catalog.float8
  ) AS second_factor_at,
  pg_catalog.split_part(t.claims, U&'\001F', 8) <> 'f' AS outsourced,
  pg_catalog.split_part(t.claims, U&'\001F', 9) AS issuer,
  pg_catalog.to_timestamp(
    NULLIF(pg_catalog.split_part(t.claims, U&'\001F', 10), '')::pg_catalog.float8
  ) AS expires_at
FROM (
  SELECT pgmask.identity_claims('wide',
    ARRAY[]::text[], ARRAY[]::text[], true) AS claims
  OFFSET 0
) AS t;

ALTER VIEW "pgmask_private"."identity_wide" OWNER TO "pgmask_owner";

COMMENT ON VIEW "pgmask_private"."identity_wide" IS 'Who is asking, if profile wide honours it; else an error.';

DELETE FROM pgmask_private.profile_path WHERE profile = 'desk';

-- what login puts in front of the search path
INSERT INTO pgmask_private.profile_path (profile, path)
VALUES ('desk', pg_catalog.concat_ws(', ', pg_catalog.quote_ident('desk')));

DELETE FROM pgmask_private.profile_path WHERE profile = 'wide';

-- what login puts in front of the search path
INSERT INTO pgmask_private.profile_path (profile, path)
VALUES ('wide', pg_catalog.concat_ws(', ', pg_catalog.quote_ident('wide')));

REVOKE ALL PRIVILEGES ON TABLE "pgmask_private"."identity_desk" FROM "pgmask_desk_views";

GRANT SELECT ON TABLE "pgmask_private"."identity_desk" TO "pgmask_desk_views";

REVOKE ALL PRIVILEGES ON TABLE "pgmask_private"."identity_desk" FROM "pgmask_lookup";

GRANT SELECT ON TABLE "pgmask_private"."identity_desk" TO "pgmask_lookup";

REVOKE ALL PRIVILEGES ON TABLE "pgmask_private"."identity_desk" FROM "pgmask_sealer";

GRANT SELECT ON TABLE "pgmask_private"."identity_desk" TO "pgmask_sealer";

REVOKE ALL PRIVILEGES ON TABLE "pgmask_private"."identity_wide" FROM "pgmask_lookup";

GRANT SELECT ON TABLE "pgmask_private"."identity_wide" TO "pgmask_lookup";

REVOKE ALL PRIVILEGES ON TABLE "pgmask_private"."identity_wide" FROM "pgmask_sealer";

GRANT SELECT ON TABLE "pgmask_private"."identity_wide" TO "pgmask_sealer";

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

ALTER TABLE "app"."event" ADD CONSTRAINT "pgmask_form_pgmask_sealed" CHECK (octet_length("pgmask_sealed") >= 38 OR "pgmask_sealed" = '\x00'::bytea) NOT VALID;

ALTER TABLE "app"."event" ADD CONSTRAINT "pgmask_mask_pgmask_hidden_note" CHECK ("pgmask_hidden_note" IS NULL) NOT VALID;

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_delete"
AFTER DELETE ON "app"."event"
REFERENCING OLD TABLE AS pgmask_old
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."change_app.event"();

ALTER TABLE "app"."event" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_delete";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_insert"
AFTER INSERT ON "app"."event"
REFERENCING NEW TABLE AS pgmask_new
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."change_app.event"();

ALTER TABLE "app"."event" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_insert";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_own"
AFTER UPDATE ON "app"."event"
REFERENCING OLD TABLE AS pgmask_old NEW TABLE AS pgmask_new
FOR EACH STATEMENT
WHEN (CURRENT_USER IN ('pgmask_sealer', 'pgmask_keyless'))
EXECUTE FUNCTION pgmask_private."change_app.event"('own');

ALTER TABLE "app"."event" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_own";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_truncate"
AFTER TRUNCATE ON "app"."event"
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."change_app.event"();

ALTER TABLE "app"."event" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_truncate";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_update"
AFTER UPDATE ON "app"."event"
REFERENCING OLD TABLE AS pgmask_old NEW TABLE AS pgmask_new
FOR EACH STATEMENT
WHEN (NOT (CURRENT_USER IN ('pgmask_sealer', 'pgmask_keyless')))
EXECUTE FUNCTION pgmask_private."change_app.event"();

ALTER TABLE "app"."event" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_update";

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

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_delete"
AFTER DELETE ON "app"."event_2026"
REFERENCING OLD TABLE AS pgmask_old
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."change_app.event"();

ALTER TABLE "app"."event_2026" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_delete";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_insert"
AFTER INSERT ON "app"."event_2026"
REFERENCING NEW TABLE AS pgmask_new
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."change_app.event"();

ALTER TABLE "app"."event_2026" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_insert";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_own"
AFTER UPDATE ON "app"."event_2026"
REFERENCING OLD TABLE AS pgmask_old NEW TABLE AS pgmask_new
FOR EACH STATEMENT
WHEN (CURRENT_USER IN ('pgmask_sealer', 'pgmask_keyless'))
EXECUTE FUNCTION pgmask_private."change_app.event"('own');

ALTER TABLE "app"."event_2026" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_own";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_truncate"
AFTER TRUNCATE ON "app"."event_2026"
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."change_app.event"();

ALTER TABLE "app"."event_2026" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_truncate";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_update"
AFTER UPDATE ON "app"."event_2026"
REFERENCING OLD TABLE AS pgmask_old NEW TABLE AS pgmask_new
FOR EACH STATEMENT
WHEN (NOT (CURRENT_USER IN ('pgmask_sealer', 'pgmask_keyless')))
EXECUTE FUNCTION pgmask_private."change_app.event"();

ALTER TABLE "app"."event_2026" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_update";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_delete"
AFTER DELETE ON "app"."event_2026_n"
REFERENCING OLD TABLE AS pgmask_old
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."change_app.event"();

ALTER TABLE "app"."event_2026_n" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_delete";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_insert"
AFTER INSERT ON "app"."event_2026_n"
REFERENCING NEW TABLE AS pgmask_new
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."change_app.event"();

ALTER TABLE "app"."event_2026_n" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_insert";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_own"
AFTER UPDATE ON "app"."event_2026_n"
REFERENCING OLD TABLE AS pgmask_old NEW TABLE AS pgmask_new
FOR EACH STATEMENT
WHEN (CURRENT_USER IN ('pgmask_sealer', 'pgmask_keyless'))
EXECUTE FUNCTION pgmask_private."change_app.event"('own');

ALTER TABLE "app"."event_2026_n" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_own";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_truncate"
AFTER TRUNCATE ON "app"."event_2026_n"
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."change_app.event"();

ALTER TABLE "app"."event_2026_n" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_truncate";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_update"
AFTER UPDATE ON "app"."event_2026_n"
REFERENCING OLD TABLE AS pgmask_old NEW TABLE AS pgmask_new
FOR EACH STATEMENT
WHEN (NOT (CURRENT_USER IN ('pgmask_sealer', 'pgmask_keyless')))
EXECUTE FUNCTION pgmask_private."change_app.event"();

ALTER TABLE "app"."event_2026_n" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_update";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_delete"
AFTER DELETE ON "archive"."event_2026_rest"
REFERENCING OLD TABLE AS pgmask_old
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."change_app.event"();

ALTER TABLE "archive"."event_2026_rest" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_delete";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_insert"
AFTER INSERT ON "archive"."event_2026_rest"
REFERENCING NEW TABLE AS pgmask_new
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."change_app.event"();

ALTER TABLE "archive"."event_2026_rest" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_insert";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_own"
AFTER UPDATE ON "archive"."event_2026_rest"
REFERENCING OLD TABLE AS pgmask_old NEW TABLE AS pgmask_new
FOR EACH STATEMENT
WHEN (CURRENT_USER IN ('pgmask_sealer', 'pgmask_keyless'))
EXECUTE FUNCTION pgmask_private."change_app.event"('own');

ALTER TABLE "archive"."event_2026_rest" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_own";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_truncate"
AFTER TRUNCATE ON "archive"."event_2026_rest"
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."change_app.event"();

ALTER TABLE "archive"."event_2026_rest" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_truncate";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_update"
AFTER UPDATE ON "archive"."event_2026_rest"
REFERENCING OLD TABLE AS pgmask_old NEW TABLE AS pgmask_new
FOR EACH STATEMENT
WHEN (NOT (CURRENT_USER IN ('pgmask_sealer', 'pgmask_keyless')))
EXECUTE FUNCTION pgmask_private."change_app.event"();

ALTER TABLE "archive"."event_2026_rest" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_update";

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

CREATE POLICY "pgmask_all_backup" ON "app"."event" AS PERMISSIVE FOR SELECT TO "pgmask_backup" USING ((SELECT pgmask_note.backup('app.event')));

COMMENT ON POLICY "pgmask_all_backup" ON "app"."event" IS 'Backups hold every row, with a note that they were made; the columns hold masks.';

CREATE POLICY "pgmask_all_keyless" ON "app"."event" AS PERMISSIVE FOR ALL TO "pgmask_keyless" USING (true);

COMMENT ON POLICY "pgmask_all_keyless" ON "app"."event" IS 'Rows follow the flags and the unit of their subject.';

CREATE POLICY "pgmask_all_sealer" ON "app"."event" AS PERMISSIVE FOR ALL TO "pgmask_sealer" USING (true);

COMMENT ON POLICY "pgmask_all_sealer" ON "app"."event" IS 'The sealing trigger looks rows up and re-seals them.';

CREATE POLICY "pgmask_desk_delete" ON "app"."event" AS PERMISSIVE FOR DELETE TO "pgmask_desk_views" USING (("unit" = (SELECT i.unit_id::text FROM "pgmask_private"."identity_desk" AS i) AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_desk_delete" ON "app"."event" IS 'Profile desk, rows own_unit.';

CREATE POLICY "pgmask_desk_insert" ON "app"."event" AS PERMISSIVE FOR INSERT TO "pgmask_desk_views" WITH CHECK (("unit" = (SELECT i.unit_id::text FROM "pgmask_private"."identity_desk" AS i) AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted" AND (SELECT pgmask_note.read('desk',
    ARRAY[]::text[], ARRAY[]::text[], true, 'app.event', NULL::bigint)) IS NOT NULL);

COMMENT ON POLICY "pgmask_desk_insert" ON "app"."event" IS 'Profile desk, rows own_unit.';

CREATE POLICY "pgmask_desk_select" ON "app"."event" AS PERMISSIVE FOR SELECT TO "pgmask_desk_views" USING (("unit" = (SELECT i.unit_id::text FROM "pgmask_private"."identity_desk" AS i) AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_desk_select" ON "app"."event" IS 'Profile desk, rows own_unit.';

CREATE POLICY "pgmask_desk_update" ON "app"."event" AS PERMISSIVE FOR UPDATE TO "pgmask_desk_views" USING (("unit" = (SELECT i.unit_id::text FROM "pgmask_private"."identity_desk" AS i) AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted") WITH CHECK (("unit" = (SELECT i.unit_id::text FROM "pgmask_private"."identity_desk" AS i) AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_desk_update" ON "app"."event" IS 'Profile desk, rows own_unit.';

CREATE POLICY "pgmask_lookup_locks" ON "app"."event" AS PERMISSIVE FOR UPDATE TO "pgmask_lookup" USING (true) WITH CHECK (false);

COMMENT ON POLICY "pgmask_lookup_locks" ON "app"."event" IS 'They lock rows and change none.';

CREATE POLICY "pgmask_lookup_reads" ON "app"."event" AS PERMISSIVE FOR SELECT TO "pgmask_lookup" USING (true);

COMMENT ON POLICY "pgmask_lookup_reads" ON "app"."event" IS 'Functions of pgmask look rows up.';

CREATE POLICY "pgmask_owner_refused" ON "app"."event" AS PERMISSIVE FOR ALL TO "pgmask_store" USING ((SELECT pgmask.refuse_owner()));

COMMENT ON POLICY "pgmask_owner_refused" ON "app"."event" IS 'Statements of the owner are refused: they would see no rows.';

CREATE POLICY "pgmask_wide_select" ON "app"."event" AS PERMISSIVE FOR SELECT TO "pgmask_wide_views" USING ((true AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_wide_select" ON "app"."event" IS 'Profile wide, rows all.';

CREATE POLICY "pgmask_all_backup" ON "app"."event_2026" AS PERMISSIVE FOR SELECT TO "pgmask_backup" USING ((SELECT pgmask_note.backup('app.event')));

COMMENT ON POLICY "pgmask_all_backup" ON "app"."event_2026" IS 'Backups hold every row, with a note that they were made; the columns hold masks.';

CREATE POLICY "pgmask_all_keyless" ON "app"."event_2026" AS PERMISSIVE FOR ALL TO "pgmask_keyless" USING (true);

COMMENT ON POLICY "pgmask_all_keyless" ON "app"."event_2026" IS 'Rows follow the flags and the unit of their subject.';

CREATE POLICY "pgmask_all_sealer" ON "app"."event_2026" AS PERMISSIVE FOR ALL TO "pgmask_sealer" USING (true);

COMMENT ON POLICY "pgmask_all_sealer" ON "app"."event_2026" IS 'The sealing trigger looks rows up and re-seals them.';

CREATE POLICY "pgmask_owner_refused" ON "app"."event_2026" AS PERMISSIVE FOR ALL TO "pgmask_store" USING ((SELECT pgmask.refuse_owner()));

COMMENT ON POLICY "pgmask_owner_refused" ON "app"."event_2026" IS 'Statements of the owner are refused: they would see no rows.';

CREATE POLICY "pgmask_all_backup" ON "app"."event_2026_n" AS PERMISSIVE FOR SELECT TO "pgmask_backup" USING ((SELECT pgmask_note.backup('app.event')));

COMMENT ON POLICY "pgmask_all_backup" ON "app"."event_2026_n" IS 'Backups hold every row, with a note that they were made; the columns hold masks.';

CREATE POLICY "pgmask_all_keyless" ON "app"."event_2026_n" AS PERMISSIVE FOR ALL TO "pgmask_keyless" USING (true);

COMMENT ON POLICY "pgmask_all_keyless" ON "app"."event_2026_n" IS 'Rows follow the flags and the unit of their subject.';

CREATE POLICY "pgmask_all_sealer" ON "app"."event_2026_n" AS PERMISSIVE FOR ALL TO "pgmask_sealer" USING (true);

COMMENT ON POLICY "pgmask_all_sealer" ON "app"."event_2026_n" IS 'The sealing trigger looks rows up and re-seals them.';

CREATE POLICY "pgmask_owner_refused" ON "app"."event_2026_n" AS PERMISSIVE FOR ALL TO "pgmask_store" USING ((SELECT pgmask.refuse_owner()));

COMMENT ON POLICY "pgmask_owner_refused" ON "app"."event_2026_n" IS 'Statements of the owner are refused: they would see no rows.';

CREATE POLICY "pgmask_all_backup" ON "archive"."event_2026_rest" AS PERMISSIVE FOR SELECT TO "pgmask_backup" USING ((SELECT pgmask_note.backup('app.event')));

COMMENT ON POLICY "pgmask_all_backup" ON "archive"."event_2026_rest" IS 'Backups hold every row, with a note that they were made; the columns hold masks.';

CREATE POLICY "pgmask_all_keyless" ON "archive"."event_2026_rest" AS PERMISSIVE FOR ALL TO "pgmask_keyless" USING (true);

COMMENT ON POLICY "pgmask_all_keyless" ON "archive"."event_2026_rest" IS 'Rows follow the flags and the unit of their subject.';

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
FROM "app"."event" AS s
WHERE (SELECT pgmask_note.read('desk',
    ARRAY[]::text[], ARRAY[]::text[], true, 'app.event', NULL::bigint) IS NOT NULL);

ALTER VIEW "desk"."event" OWNER TO "pgmask_desk_views";

COMMENT ON VIEW "desk"."event" IS 'pgmask: app.event as profile desk sees it.';

ALTER VIEW "desk"."event" ALTER COLUMN "id" SET DEFAULT nextval('app.shared_seq'::regclass);

ALTER VIEW "desk"."event" ALTER COLUMN "due" SET DEFAULT app.tomorrow();

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
FROM "app"."event" AS s
WHERE (SELECT pgmask_note.read('wide',
    ARRAY[]::text[], ARRAY[]::text[], true, 'app.event', NULL::bigint) IS NOT NULL);

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

-- from now on enforced
SELECT pgmask_private.enter_stage('app.event', 'enforced');

REVOKE ALL PRIVILEGES ON TABLE "app"."event" FROM "pgmask_backup";

GRANT SELECT ON TABLE "app"."event" TO "pgmask_backup";

REVOKE ALL PRIVILEGES ON TABLE "app"."event" FROM "pgmask_desk_views";

GRANT SELECT ("id", "at", "unit", "pgmask_hidden_note", "code", "mood", "tags", "due", "twice"), INSERT ("id", "at", "unit", "pgmask_hidden_note", "code", "mood", "tags", "due", "twice"), UPDATE ("id", "at", "unit", "pgmask_hidden_note", "code", "mood", "tags", "due", "twice"), DELETE ON TABLE "app"."event" TO "pgmask_desk_views";

REVOKE ALL PRIVILEGES ON TABLE "app"."event" FROM "pgmask_lookup";

GRANT SELECT, UPDATE ("pgmask_restricted") ON TABLE "app"."event" TO "pgmask_lookup";

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

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_delete"
AFTER DELETE ON "app"."person"
REFERENCING OLD TABLE AS pgmask_old
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."change_app.person"();

ALTER TABLE "app"."person" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_delete";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_insert"
AFTER INSERT ON "app"."person"
REFERENCING NEW TABLE AS pgmask_new
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."change_app.person"();

ALTER TABLE "app"."person" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_insert";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_own"
AFTER UPDATE ON "app"."person"
REFERENCING OLD TABLE AS pgmask_old NEW TABLE AS pgmask_new
FOR EACH STATEMENT
WHEN (CURRENT_USER IN ('pgmask_sealer', 'pgmask_keyless'))
EXECUTE FUNCTION pgmask_private."change_app.person"('own');

ALTER TABLE "app"."person" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_own";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_truncate"
AFTER TRUNCATE ON "app"."person"
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."change_app.person"();

ALTER TABLE "app"."person" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_truncate";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_update"
AFTER UPDATE ON "app"."person"
REFERENCING OLD TABLE AS pgmask_old NEW TABLE AS pgmask_new
FOR EACH STATEMENT
WHEN (NOT (CURRENT_USER IN ('pgmask_sealer', 'pgmask_keyless')))
EXECUTE FUNCTION pgmask_private."change_app.person"();

ALTER TABLE "app"."person" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_update";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_delete"
AFTER DELETE ON "app"."worker"
REFERENCING OLD TABLE AS pgmask_old
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."change_app.person_worker"();

ALTER TABLE "app"."worker" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_delete";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_insert"
AFTER INSERT ON "app"."worker"
REFERENCING NEW TABLE AS pgmask_new
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."change_app.person_worker"();

ALTER TABLE "app"."worker" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_insert";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_own"
AFTER UPDATE ON "app"."worker"
REFERENCING OLD TABLE AS pgmask_old NEW TABLE AS pgmask_new
FOR EACH STATEMENT
WHEN (CURRENT_USER IN ('pgmask_sealer', 'pgmask_keyless'))
EXECUTE FUNCTION pgmask_private."change_app.person_worker"('own');

ALTER TABLE "app"."worker" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_own";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_truncate"
AFTER TRUNCATE ON "app"."worker"
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."change_app.person_worker"();

ALTER TABLE "app"."worker" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_truncate";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_update"
AFTER UPDATE ON "app"."worker"
REFERENCING OLD TABLE AS pgmask_old NEW TABLE AS pgmask_new
FOR EACH STATEMENT
WHEN (NOT (CURRENT_USER IN ('pgmask_sealer', 'pgmask_keyless')))
EXECUTE FUNCTION pgmask_private."change_app.person_worker"();

ALTER TABLE "app"."worker" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_update";

ALTER TABLE "app"."person" ENABLE ROW LEVEL SECURITY;

-- the owner's own statements fail loudly instead of seeing no rows (PM220)
ALTER TABLE "app"."person" FORCE ROW LEVEL SECURITY;

ALTER TABLE "app"."worker" ENABLE ROW LEVEL SECURITY;

-- the owner's own statements fail loudly instead of seeing no rows (PM220)
ALTER TABLE "app"."worker" FORCE ROW LEVEL SECURITY;

CREATE POLICY "pgmask_all_backup" ON "app"."person" AS PERMISSIVE FOR SELECT TO "pgmask_backup" USING ((SELECT pgmask_note.backup('app.person')));

COMMENT ON POLICY "pgmask_all_backup" ON "app"."person" IS 'Backups hold every row, with a note that they were made; the columns hold masks.';

CREATE POLICY "pgmask_all_keyless" ON "app"."person" AS PERMISSIVE FOR ALL TO "pgmask_keyless" USING (true);

COMMENT ON POLICY "pgmask_all_keyless" ON "app"."person" IS 'Rows follow the flags and the unit of their subject.';

CREATE POLICY "pgmask_all_sealer" ON "app"."person" AS PERMISSIVE FOR ALL TO "pgmask_sealer" USING (true);

COMMENT ON POLICY "pgmask_all_sealer" ON "app"."person" IS 'The sealing trigger looks rows up and re-seals them.';

CREATE POLICY "pgmask_desk_delete" ON "app"."person" AS PERMISSIVE FOR DELETE TO "pgmask_desk_views" USING (("unit" = (SELECT i.unit_id::text FROM "pgmask_private"."identity_desk" AS i) AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_desk_delete" ON "app"."person" IS 'Profile desk, rows own_unit.';

CREATE POLICY "pgmask_desk_insert" ON "app"."person" AS PERMISSIVE FOR INSERT TO "pgmask_desk_views" WITH CHECK (("unit" = (SELECT i.unit_id::text FROM "pgmask_private"."identity_desk" AS i) AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted" AND (SELECT pgmask_note.read('desk',
    ARRAY[]::text[], ARRAY[]::text[], true, 'app.person', NULL::bigint)) IS NOT NULL);

COMMENT ON POLICY "pgmask_desk_insert" ON "app"."person" IS 'Profile desk, rows own_unit.';

CREATE POLICY "pgmask_desk_select" ON "app"."person" AS PERMISSIVE FOR SELECT TO "pgmask_desk_views" USING (("unit" = (SELECT i.unit_id::text FROM "pgmask_private"."identity_desk" AS i) AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_desk_select" ON "app"."person" IS 'Profile desk, rows own_unit.';

CREATE POLICY "pgmask_desk_update" ON "app"."person" AS PERMISSIVE FOR UPDATE TO "pgmask_desk_views" USING (("unit" = (SELECT i.unit_id::text FROM "pgmask_private"."identity_desk" AS i) AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted") WITH CHECK (("unit" = (SELECT i.unit_id::text FROM "pgmask_private"."identity_desk" AS i) AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_desk_update" ON "app"."person" IS 'Profile desk, rows own_unit.';

CREATE POLICY "pgmask_lookup_locks" ON "app"."person" AS PERMISSIVE FOR UPDATE TO "pgmask_lookup" USING (true) WITH CHECK (false);

COMMENT ON POLICY "pgmask_lookup_locks" ON "app"."person" IS 'They lock rows and change none.';

CREATE POLICY "pgmask_lookup_reads" ON "app"."person" AS PERMISSIVE FOR SELECT TO "pgmask_lookup" USING (true);

COMMENT ON POLICY "pgmask_lookup_reads" ON "app"."person" IS 'Functions of pgmask look rows up.';

CREATE POLICY "pgmask_owner_refused" ON "app"."person" AS PERMISSIVE FOR ALL TO "pgmask_store" USING ((SELECT pgmask.refuse_owner()));

COMMENT ON POLICY "pgmask_owner_refused" ON "app"."person" IS 'Statements of the owner are refused: they would see no rows.';

CREATE POLICY "pgmask_wide_select" ON "app"."person" AS PERMISSIVE FOR SELECT TO "pgmask_wide_views" USING ((true AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_wide_select" ON "app"."person" IS 'Profile wide, rows all.';

CREATE POLICY "pgmask_all_backup" ON "app"."worker" AS PERMISSIVE FOR SELECT TO "pgmask_backup" USING ((SELECT pgmask_note.backup('app.person')));

COMMENT ON POLICY "pgmask_all_backup" ON "app"."worker" IS 'Backups hold every row, with a note that they were made; the columns hold masks.';

CREATE POLICY "pgmask_all_keyless" ON "app"."worker" AS PERMISSIVE FOR ALL TO "pgmask_keyless" USING (true);

COMMENT ON POLICY "pgmask_all_keyless" ON "app"."worker" IS 'Rows follow the flags and the unit of their subject.';

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
FROM "app"."person" AS s
WHERE (SELECT pgmask_note.read('desk',
    ARRAY[]::text[], ARRAY[]::text[], true, 'app.person', NULL::bigint) IS NOT NULL);

ALTER VIEW "desk"."person" OWNER TO "pgmask_desk_views";

COMMENT ON VIEW "desk"."person" IS 'pgmask: app.person as profile desk sees it.';

-- app.person for profile wide
CREATE OR REPLACE VIEW "wide"."person" AS
SELECT
  s."id",
  NULL::text AS "name",
  s."unit"
FROM "app"."person" AS s
WHERE (SELECT pgmask_note.read('wide',
    ARRAY[]::text[], ARRAY[]::text[], true, 'app.person', NULL::bigint) IS NOT NULL);

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

-- from now on enforced
SELECT pgmask_private.enter_stage('app.person', 'enforced');

REVOKE ALL PRIVILEGES ON TABLE "app"."person" FROM "pgmask_backup";

GRANT SELECT ON TABLE "app"."person" TO "pgmask_backup";

REVOKE ALL PRIVILEGES ON TABLE "app"."person" FROM "pgmask_desk_views";

GRANT SELECT ("id", "name", "unit"), INSERT ("id", "name", "unit"), UPDATE ("id", "name", "unit"), DELETE ON TABLE "app"."person" TO "pgmask_desk_views";

REVOKE ALL PRIVILEGES ON TABLE "app"."person" FROM "pgmask_lookup";

GRANT SELECT, UPDATE ("pgmask_restricted") ON TABLE "app"."person" TO "pgmask_lookup";

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
