-- Applications and persons of profile agent.
DO LANGUAGE plpgsql $pgmask$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = 'pgmask_agent') THEN
    CREATE ROLE "pgmask_agent" NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT;
    COMMENT ON ROLE "pgmask_agent" IS 'Applications and persons of profile agent.';
  END IF;
EXCEPTION
  WHEN duplicate_object OR unique_violation THEN
    NULL;  -- made at this moment for another database of the cluster
END;
$pgmask$;

-- Owns the views of profile agent.
DO LANGUAGE plpgsql $pgmask$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = 'pgmask_agent_views') THEN
    CREATE ROLE "pgmask_agent_views" NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT;
    COMMENT ON ROLE "pgmask_agent_views" IS 'Owns the views of profile agent.';
  END IF;
EXCEPTION
  WHEN duplicate_object OR unique_violation THEN
    NULL;  -- made at this moment for another database of the cluster
END;
$pgmask$;

-- Applications and persons of profile analyst.
DO LANGUAGE plpgsql $pgmask$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = 'pgmask_analyst') THEN
    CREATE ROLE "pgmask_analyst" NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT;
    COMMENT ON ROLE "pgmask_analyst" IS 'Applications and persons of profile analyst.';
  END IF;
EXCEPTION
  WHEN duplicate_object OR unique_violation THEN
    NULL;  -- made at this moment for another database of the cluster
END;
$pgmask$;

-- Owns the views of profile analyst.
DO LANGUAGE plpgsql $pgmask$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = 'pgmask_analyst_views') THEN
    CREATE ROLE "pgmask_analyst_views" NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT;
    COMMENT ON ROLE "pgmask_analyst_views" IS 'Owns the views of profile analyst.';
  END IF;
EXCEPTION
  WHEN duplicate_object OR unique_violation THEN
    NULL;  -- made at this moment for another database of the cluster
END;
$pgmask$;

-- takes views down for a migration and brings them back
GRANT "pgmask_agent_views" TO "pgmask_migrator";

-- who applies plans must be able to hand objects to this role
DO LANGUAGE plpgsql $pgmask$
BEGIN
  IF pg_catalog.pg_has_role(CURRENT_USER, 'pgmask_agent_views', 'USAGE') IS NOT TRUE THEN
    GRANT "pgmask_agent_views" TO CURRENT_USER;
  END IF;
END;
$pgmask$;

-- takes views down for a migration and brings them back
GRANT "pgmask_analyst_views" TO "pgmask_migrator";

-- who applies plans must be able to hand objects to this role
DO LANGUAGE plpgsql $pgmask$
BEGIN
  IF pg_catalog.pg_has_role(CURRENT_USER, 'pgmask_analyst_views', 'USAGE') IS NOT TRUE THEN
    GRANT "pgmask_analyst_views" TO CURRENT_USER;
  END IF;
END;
$pgmask$;

-- takes the backups
GRANT "pgmask_backup" TO "nightly";

-- takes views down for a migration and brings them back
GRANT "pgmask_store" TO "pgmask_migrator";

CREATE SCHEMA IF NOT EXISTS "analyst";

ALTER SCHEMA "analyst" OWNER TO "pgmask_owner";

REVOKE ALL PRIVILEGES ON SCHEMA "analyst" FROM PUBLIC;

COMMENT ON SCHEMA "analyst" IS 'Views of profile analyst.';

CREATE SCHEMA IF NOT EXISTS "crm_store";

ALTER SCHEMA "crm_store" OWNER TO "pgmask_store";

REVOKE ALL PRIVILEGES ON SCHEMA "crm_store" FROM PUBLIC;

COMMENT ON SCHEMA "crm_store" IS 'Stores of schema crm; applications read views.';

REVOKE ALL PRIVILEGES ON SCHEMA "analyst" FROM "pgmask_analyst";

GRANT USAGE ON SCHEMA "analyst" TO "pgmask_analyst";

REVOKE ALL PRIVILEGES ON SCHEMA "analyst" FROM "pgmask_analyst_views";

GRANT USAGE, CREATE ON SCHEMA "analyst" TO "pgmask_analyst_views";

REVOKE ALL PRIVILEGES ON SCHEMA "analyst" FROM "pgmask_lookup";

GRANT USAGE ON SCHEMA "analyst" TO "pgmask_lookup";

REVOKE ALL PRIVILEGES ON SCHEMA "analyst" FROM "pgmask_sealer";

GRANT USAGE, CREATE ON SCHEMA "analyst" TO "pgmask_sealer";

REVOKE ALL PRIVILEGES ON SCHEMA "crm" FROM "pgmask_agent";

GRANT USAGE ON SCHEMA "crm" TO "pgmask_agent";

REVOKE ALL PRIVILEGES ON SCHEMA "crm" FROM "pgmask_agent_views";

GRANT USAGE, CREATE ON SCHEMA "crm" TO "pgmask_agent_views";

REVOKE ALL PRIVILEGES ON SCHEMA "crm" FROM "pgmask_backup";

GRANT USAGE ON SCHEMA "crm" TO "pgmask_backup";

REVOKE ALL PRIVILEGES ON SCHEMA "crm" FROM "pgmask_keyless";

GRANT USAGE ON SCHEMA "crm" TO "pgmask_keyless";

REVOKE ALL PRIVILEGES ON SCHEMA "crm" FROM "pgmask_lookup";

GRANT USAGE ON SCHEMA "crm" TO "pgmask_lookup";

REVOKE ALL PRIVILEGES ON SCHEMA "crm" FROM "pgmask_sealer";

GRANT USAGE, CREATE ON SCHEMA "crm" TO "pgmask_sealer";

REVOKE ALL PRIVILEGES ON SCHEMA "crm_store" FROM "pgmask_backup";

GRANT USAGE ON SCHEMA "crm_store" TO "pgmask_backup";

REVOKE ALL PRIVILEGES ON SCHEMA "crm_store" FROM "pgmask_keyless";

GRANT USAGE ON SCHEMA "crm_store" TO "pgmask_keyless";

REVOKE ALL PRIVILEGES ON SCHEMA "crm_store" FROM "pgmask_lookup";

GRANT USAGE ON SCHEMA "crm_store" TO "pgmask_lookup";

REVOKE ALL PRIVILEGES ON SCHEMA "crm_store" FROM "pgmask_sealer";

GRANT USAGE ON SCHEMA "crm_store" TO "pgmask_sealer";

-- who is asking, as far as profile agent honours it
CREATE OR REPLACE VIEW "pgmask_private"."identity_agent" AS
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
  SELECT pgmask.identity_claims('agent',
    ARRAY['assertion', 'challenge']::text[], ARRAY['crm-web']::text[], true) AS claims
  OFFSET 0
) AS t;

ALTER VIEW "pgmask_private"."identity_agent" OWNER TO "pgmask_owner";

COMMENT ON VIEW "pgmask_private"."identity_agent" IS 'Who is asking, if profile agent honours it; else an error.';

-- who is asking, as far as profile analyst honours it
CREATE OR REPLACE VIEW "pgmask_private"."identity_analyst" AS
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
  SELECT pgmask.identity_claims('analyst',
    ARRAY[]::text[], ARRAY[]::text[], true) AS claims
  OFFSET 0
) AS t;

ALTER VIEW "pgmask_private"."identity_analyst" OWNER TO "pgmask_owner";

COMMENT ON VIEW "pgmask_private"."identity_analyst" IS 'Who is asking, if profile analyst honours it; else an error.';

DELETE FROM pgmask_private.profile_path WHERE profile = 'agent';

-- what login puts in front of the search path
INSERT INTO pgmask_private.profile_path (profile, path)
VALUES ('agent', pg_catalog.concat_ws(', ', pg_catalog.quote_ident('crm')));

DELETE FROM pgmask_private.profile_path WHERE profile = 'analyst';

-- what login puts in front of the search path
INSERT INTO pgmask_private.profile_path (profile, path)
VALUES ('analyst', pg_catalog.concat_ws(', ', pg_catalog.quote_ident('analyst')));

REVOKE ALL PRIVILEGES ON TABLE "pgmask_private"."identity_agent" FROM "pgmask_agent_views";

GRANT SELECT ON TABLE "pgmask_private"."identity_agent" TO "pgmask_agent_views";

REVOKE ALL PRIVILEGES ON TABLE "pgmask_private"."identity_agent" FROM "pgmask_lookup";

GRANT SELECT ON TABLE "pgmask_private"."identity_agent" TO "pgmask_lookup";

REVOKE ALL PRIVILEGES ON TABLE "pgmask_private"."identity_agent" FROM "pgmask_sealer";

GRANT SELECT ON TABLE "pgmask_private"."identity_agent" TO "pgmask_sealer";

REVOKE ALL PRIVILEGES ON TABLE "pgmask_private"."identity_analyst" FROM "pgmask_analyst_views";

GRANT SELECT ON TABLE "pgmask_private"."identity_analyst" TO "pgmask_analyst_views";

REVOKE ALL PRIVILEGES ON TABLE "pgmask_private"."identity_analyst" FROM "pgmask_lookup";

GRANT SELECT ON TABLE "pgmask_private"."identity_analyst" TO "pgmask_lookup";

REVOKE ALL PRIVILEGES ON TABLE "pgmask_private"."identity_analyst" FROM "pgmask_sealer";

GRANT SELECT ON TABLE "pgmask_private"."identity_analyst" TO "pgmask_sealer";

REVOKE ALL PRIVILEGES ON TABLE "pgmask_private"."my_designations" FROM "pgmask_agent_views";

GRANT SELECT ON TABLE "pgmask_private"."my_designations" TO "pgmask_agent_views";

REVOKE ALL PRIVILEGES ON TABLE "pgmask_private"."my_designations" FROM "pgmask_analyst_views";

GRANT SELECT ON TABLE "pgmask_private"."my_designations" TO "pgmask_analyst_views";

REVOKE ALL PRIVILEGES ON TABLE "pgmask_private"."my_subjects" FROM "pgmask_agent_views";

GRANT SELECT ON TABLE "pgmask_private"."my_subjects" TO "pgmask_agent_views";

REVOKE ALL PRIVILEGES ON TABLE "pgmask_private"."my_subjects" FROM "pgmask_analyst_views";

GRANT SELECT ON TABLE "pgmask_private"."my_subjects" TO "pgmask_analyst_views";

REVOKE ALL PRIVILEGES ON TABLE "pgmask_private"."my_units" FROM "pgmask_agent_views";

GRANT SELECT ON TABLE "pgmask_private"."my_units" TO "pgmask_agent_views";

REVOKE ALL PRIVILEGES ON TABLE "pgmask_private"."my_units" FROM "pgmask_analyst_views";

GRANT SELECT ON TABLE "pgmask_private"."my_units" TO "pgmask_analyst_views";

-- move the table aside; indexes, constraints and identity sequences go with it
ALTER TABLE "crm"."Visit note" SET SCHEMA "crm_store";

ALTER TABLE "crm_store"."Visit note" OWNER TO "pgmask_store";

-- remember what the table was before
INSERT INTO pgmask_private.store_table (table_id, schema_name, table_name, original_schema, original_owner, adopted) VALUES ('crm.Visit note', 'crm_store', 'Visit note', 'crm', 'installer', E'{}'::jsonb) ON CONFLICT (table_id) DO UPDATE SET schema_name = EXCLUDED.schema_name, table_name = EXCLUDED.table_name;

COMMENT ON TABLE "crm_store"."Visit note" IS 'pgmask: Store of crm.Visit note; read it through a view.';

ALTER TABLE "crm_store"."Visit note" ADD COLUMN IF NOT EXISTS "pgmask_high_value" boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN "crm_store"."Visit note"."pgmask_high_value" IS 'The row speaks of a high-value customer (D1).';

ALTER TABLE "crm_store"."Visit note" ADD COLUMN IF NOT EXISTS "pgmask_quality" text[];

COMMENT ON COLUMN "crm_store"."Visit note"."pgmask_quality" IS 'What is doubtful about the row (F4).';

ALTER TABLE "crm_store"."Visit note" ADD COLUMN IF NOT EXISTS "pgmask_restricted" boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN "crm_store"."Visit note"."pgmask_restricted" IS 'The subject''s information is restricted.';

ALTER TABLE "crm_store"."Visit note" ADD COLUMN IF NOT EXISTS "pgmask_sealed" bytea;

ALTER TABLE "crm_store"."Visit note" ALTER COLUMN "pgmask_sealed" SET STATISTICS 0;

COMMENT ON COLUMN "crm_store"."Visit note"."pgmask_sealed" IS 'Sealed truths, bundle own.';

ALTER TABLE "crm_store"."Visit note" ADD COLUMN IF NOT EXISTS "pgmask_sealed_guest_id" bytea;

ALTER TABLE "crm_store"."Visit note" ALTER COLUMN "pgmask_sealed_guest_id" SET STATISTICS 0;

COMMENT ON COLUMN "crm_store"."Visit note"."pgmask_sealed_guest_id" IS 'Sealed truths, bundle guest_id.';

ALTER TABLE "crm_store"."Visit note" ADD COLUMN IF NOT EXISTS "pgmask_unit" integer;

COMMENT ON COLUMN "crm_store"."Visit note"."pgmask_unit" IS 'The unit of the row''s subject (C1).';

ALTER TABLE "crm_store"."Visit note" ADD CONSTRAINT "pgmask_form_pgmask_sealed" CHECK (octet_length("pgmask_sealed") >= 38 OR "pgmask_sealed" = '\x00'::bytea) NOT VALID;

ALTER TABLE "crm_store"."Visit note" ADD CONSTRAINT "pgmask_form_pgmask_sealed_guest_id" CHECK (octet_length("pgmask_sealed_guest_id") >= 38 OR "pgmask_sealed_guest_id" = '\x00'::bytea) NOT VALID;

ALTER TABLE "crm_store"."Visit note" ADD CONSTRAINT "pgmask_mask_guest's phone" CHECK (strpos(("guest's phone"::text COLLATE "C"), '*') > 0 OR ("guest's phone"::text COLLATE "C") = '' OR "pgmask_sealed_guest_id" = '\x00'::bytea AND strpos(("guest's phone"::text COLLATE "C"), '•') > 0) NOT VALID;

ALTER TABLE "crm_store"."Visit note" ADD CONSTRAINT "pgmask_mask_its phone" CHECK (strpos(("its phone"::text COLLATE "C"), '*') > 0 OR ("its phone"::text COLLATE "C") = '' OR "pgmask_sealed" = '\x00'::bytea AND strpos(("its phone"::text COLLATE "C"), '•') > 0) NOT VALID;

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_delete"
AFTER DELETE ON "crm_store"."Visit note"
REFERENCING OLD TABLE AS pgmask_old
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."change_crm.Visit note"();

ALTER TABLE "crm_store"."Visit note" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_delete";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_insert"
AFTER INSERT ON "crm_store"."Visit note"
REFERENCING NEW TABLE AS pgmask_new
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."change_crm.Visit note"();

ALTER TABLE "crm_store"."Visit note" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_insert";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_own"
AFTER UPDATE ON "crm_store"."Visit note"
REFERENCING OLD TABLE AS pgmask_old NEW TABLE AS pgmask_new
FOR EACH STATEMENT
WHEN (CURRENT_USER IN ('pgmask_sealer', 'pgmask_keyless'))
EXECUTE FUNCTION pgmask_private."change_crm.Visit note"('own');

ALTER TABLE "crm_store"."Visit note" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_own";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_truncate"
AFTER TRUNCATE ON "crm_store"."Visit note"
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."change_crm.Visit note"();

ALTER TABLE "crm_store"."Visit note" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_truncate";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_update"
AFTER UPDATE ON "crm_store"."Visit note"
REFERENCING OLD TABLE AS pgmask_old NEW TABLE AS pgmask_new
FOR EACH STATEMENT
WHEN (NOT (CURRENT_USER IN ('pgmask_sealer', 'pgmask_keyless')))
EXECUTE FUNCTION pgmask_private."change_crm.Visit note"();

ALTER TABLE "crm_store"."Visit note" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_update";

CREATE OR REPLACE TRIGGER "zzz_pgmask_insert"
BEFORE INSERT ON "crm_store"."Visit note"
FOR EACH ROW
EXECUTE FUNCTION pgmask_private."seal_crm.Visit note_insert"();

ALTER TABLE "crm_store"."Visit note" ENABLE ALWAYS TRIGGER "zzz_pgmask_insert";

CREATE OR REPLACE TRIGGER "zzz_pgmask_marked"
AFTER INSERT OR UPDATE ON "crm_store"."Visit note"
FOR EACH ROW
WHEN (NEW."pgmask_sealed" = '\x00'::bytea OR NEW."pgmask_sealed_guest_id" = '\x00'::bytea)
EXECUTE FUNCTION pgmask_private.refuse_marked_row();

ALTER TABLE "crm_store"."Visit note" ENABLE ALWAYS TRIGGER "zzz_pgmask_marked";

CREATE OR REPLACE TRIGGER "zzz_pgmask_statement"
BEFORE UPDATE ON "crm_store"."Visit note"
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."seal_crm.Visit note_statement"();

ALTER TABLE "crm_store"."Visit note" ENABLE ALWAYS TRIGGER "zzz_pgmask_statement";

CREATE OR REPLACE TRIGGER "zzz_pgmask_update"
BEFORE UPDATE ON "crm_store"."Visit note"
FOR EACH ROW
EXECUTE FUNCTION pgmask_private."seal_crm.Visit note_update"();

ALTER TABLE "crm_store"."Visit note" ENABLE ALWAYS TRIGGER "zzz_pgmask_update";

CREATE INDEX "pgmask_Visit note_unit" ON "crm_store"."Visit note" ("pgmask_unit", "customer_id", "at");

COMMENT ON INDEX "crm_store"."pgmask_Visit note_unit" IS 'Rows of crm.Visit note by the unit of their subject.';

ALTER TABLE "crm_store"."Visit note" ENABLE ROW LEVEL SECURITY;

-- the owner's own statements fail loudly instead of seeing no rows (PM220)
ALTER TABLE "crm_store"."Visit note" FORCE ROW LEVEL SECURITY;

CREATE POLICY "pgmask_agent_delete" ON "crm_store"."Visit note" AS PERMISSIVE FOR DELETE TO "pgmask_agent_views" USING (("pgmask_unit" = (SELECT i.unit_id::integer FROM "pgmask_private"."identity_agent" AS i) AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_agent_delete" ON "crm_store"."Visit note" IS 'Profile agent, rows own_unit.';

CREATE POLICY "pgmask_agent_insert" ON "crm_store"."Visit note" AS PERMISSIVE FOR INSERT TO "pgmask_agent_views" WITH CHECK (("pgmask_unit" = (SELECT i.unit_id::integer FROM "pgmask_private"."identity_agent" AS i) AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted" AND (SELECT pgmask_note.read('agent',
    ARRAY['assertion', 'challenge']::text[], ARRAY['crm-web']::text[], true, 'crm.Visit note', NULL::bigint)) IS NOT NULL);

COMMENT ON POLICY "pgmask_agent_insert" ON "crm_store"."Visit note" IS 'Profile agent, rows own_unit.';

CREATE POLICY "pgmask_agent_select" ON "crm_store"."Visit note" AS PERMISSIVE FOR SELECT TO "pgmask_agent_views" USING (("pgmask_unit" = (SELECT i.unit_id::integer FROM "pgmask_private"."identity_agent" AS i) AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_agent_select" ON "crm_store"."Visit note" IS 'Profile agent, rows own_unit.';

CREATE POLICY "pgmask_agent_update" ON "crm_store"."Visit note" AS PERMISSIVE FOR UPDATE TO "pgmask_agent_views" USING (("pgmask_unit" = (SELECT i.unit_id::integer FROM "pgmask_private"."identity_agent" AS i) AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted") WITH CHECK (("pgmask_unit" = (SELECT i.unit_id::integer FROM "pgmask_private"."identity_agent" AS i) AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_agent_update" ON "crm_store"."Visit note" IS 'Profile agent, rows own_unit.';

CREATE POLICY "pgmask_all_backup" ON "crm_store"."Visit note" AS PERMISSIVE FOR SELECT TO "pgmask_backup" USING ((SELECT pgmask_note.backup('crm.Visit note')));

COMMENT ON POLICY "pgmask_all_backup" ON "crm_store"."Visit note" IS 'Backups hold every row, with a note that they were made; the columns hold masks.';

CREATE POLICY "pgmask_all_keyless" ON "crm_store"."Visit note" AS PERMISSIVE FOR ALL TO "pgmask_keyless" USING (true);

COMMENT ON POLICY "pgmask_all_keyless" ON "crm_store"."Visit note" IS 'Rows follow the flags and the unit of their subject.';

CREATE POLICY "pgmask_all_sealer" ON "crm_store"."Visit note" AS PERMISSIVE FOR ALL TO "pgmask_sealer" USING (true);

COMMENT ON POLICY "pgmask_all_sealer" ON "crm_store"."Visit note" IS 'The sealing trigger looks rows up and re-seals them.';

CREATE POLICY "pgmask_analyst_select" ON "crm_store"."Visit note" AS PERMISSIVE FOR SELECT TO "pgmask_analyst_views" USING ((true AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_analyst_select" ON "crm_store"."Visit note" IS 'Profile analyst, rows all.';

CREATE POLICY "pgmask_lookup_locks" ON "crm_store"."Visit note" AS PERMISSIVE FOR UPDATE TO "pgmask_lookup" USING (true) WITH CHECK (false);

COMMENT ON POLICY "pgmask_lookup_locks" ON "crm_store"."Visit note" IS 'They lock rows and change none.';

CREATE POLICY "pgmask_lookup_reads" ON "crm_store"."Visit note" AS PERMISSIVE FOR SELECT TO "pgmask_lookup" USING (true);

COMMENT ON POLICY "pgmask_lookup_reads" ON "crm_store"."Visit note" IS 'Functions of pgmask look rows up.';

CREATE POLICY "pgmask_owner_refused" ON "crm_store"."Visit note" AS PERMISSIVE FOR ALL TO "pgmask_store" USING ((SELECT pgmask.refuse_owner()));

COMMENT ON POLICY "pgmask_owner_refused" ON "crm_store"."Visit note" IS 'Statements of the owner are refused: they would see no rows.';

-- crm.Visit note for profile analyst
CREATE OR REPLACE VIEW "analyst"."Visit note" AS
SELECT
  s."customer_id",
  s."at",
  s."guest_id",
  NULL::text AS "its phone",
  NULL::text AS "guest's phone"
FROM "crm_store"."Visit note" AS s
WHERE (SELECT pgmask_note.read('analyst',
    ARRAY[]::text[], ARRAY[]::text[], true, 'crm.Visit note', NULL::bigint) IS NOT NULL);

ALTER VIEW "analyst"."Visit note" OWNER TO "pgmask_analyst_views";

COMMENT ON VIEW "analyst"."Visit note" IS 'pgmask: crm.Visit note as profile analyst sees it.';

-- crm.Visit note for profile agent
CREATE OR REPLACE VIEW "crm"."Visit note" AS
SELECT
  s."customer_id",
  s."at",
  s."guest_id",
  s."its phone",
  s."guest's phone"
FROM "crm_store"."Visit note" AS s
WHERE (SELECT pgmask_note.read('agent',
    ARRAY['assertion', 'challenge']::text[], ARRAY['crm-web']::text[], true, 'crm.Visit note', NULL::bigint) IS NOT NULL);

ALTER VIEW "crm"."Visit note" OWNER TO "pgmask_agent_views";

COMMENT ON VIEW "crm"."Visit note" IS 'pgmask: crm.Visit note as profile agent sees it.';

DELETE FROM pgmask_private.profile_column WHERE table_id = 'crm.Visit note';

-- what pgmask.why explains
INSERT INTO pgmask_private.profile_column (profile, table_id, position, column_name, level, category, kind, form, sealed, view_schema, view_name, rows, operations)
VALUES
  ('agent', 'crm.Visit note', 1, 'customer_id', 3, 'general', NULL, 'plain', false, 'crm', 'Visit note', ARRAY['own_unit'], ARRAY['select', 'insert', 'update', 'delete']),
  ('agent', 'crm.Visit note', 2, 'at', 3, 'general', NULL, 'plain', false, 'crm', 'Visit note', ARRAY['own_unit'], ARRAY['select', 'insert', 'update', 'delete']),
  ('agent', 'crm.Visit note', 3, 'guest_id', 3, 'general', NULL, 'plain', false, 'crm', 'Visit note', ARRAY['own_unit'], ARRAY['select', 'insert', 'update', 'delete']),
  ('agent', 'crm.Visit note', 4, 'its phone', 1, 'contact', 'mobile', 'mask', true, 'crm', 'Visit note', ARRAY['own_unit'], ARRAY['select', 'insert', 'update', 'delete']),
  ('agent', 'crm.Visit note', 5, 'guest''s phone', 1, 'contact', 'mobile', 'mask', true, 'crm', 'Visit note', ARRAY['own_unit'], ARRAY['select', 'insert', 'update', 'delete']),
  ('analyst', 'crm.Visit note', 1, 'customer_id', 3, 'general', NULL, 'plain', false, 'analyst', 'Visit note', ARRAY['all'], ARRAY['select']),
  ('analyst', 'crm.Visit note', 2, 'at', 3, 'general', NULL, 'plain', false, 'analyst', 'Visit note', ARRAY['all'], ARRAY['select']),
  ('analyst', 'crm.Visit note', 3, 'guest_id', 3, 'general', NULL, 'plain', false, 'analyst', 'Visit note', ARRAY['all'], ARRAY['select']),
  ('analyst', 'crm.Visit note', 4, 'its phone', 1, 'contact', 'mobile', 'hidden', true, 'analyst', 'Visit note', ARRAY['all'], ARRAY['select']),
  ('analyst', 'crm.Visit note', 5, 'guest''s phone', 1, 'contact', 'mobile', 'hidden', true, 'analyst', 'Visit note', ARRAY['all'], ARRAY['select']);

DELETE FROM pgmask_private.reveal_rule WHERE table_id = 'crm.Visit note';

-- what callers are told of reveal and search
INSERT INTO pgmask_private.reveal_rule (profile, table_id, view_schema, request_function, reveal_function, columns, purposes, per_day, per_month, per_subject_per_day, share_per_month, second_factor_within, searches, search_per_day, near_per_day)
VALUES
  ('agent', 'crm.Visit note', 'crm', 'Visit note_reveal_request', 'Visit note_reveal', ARRAY['guest''s phone', 'its phone']::text[], jsonb_build_object('callback', NULL, 'claim', 'crm.claim'), 30, 300, 5, 0.20, interval '600 s', jsonb_build_object(), NULL, NULL);

-- from now on enforced
SELECT pgmask_private.enter_stage('crm.Visit note', 'enforced');

REVOKE ALL PRIVILEGES ON FUNCTION "crm"."Visit note_reveal"(uuid) FROM "pgmask_agent";

GRANT EXECUTE ON FUNCTION "crm"."Visit note_reveal"(uuid) TO "pgmask_agent";

REVOKE ALL PRIVILEGES ON FUNCTION "crm"."Visit note_reveal_request"(text[], text[], text, text, "crm"."Visit note") FROM "pgmask_agent";

GRANT EXECUTE ON FUNCTION "crm"."Visit note_reveal_request"(text[], text[], text, text, "crm"."Visit note") TO "pgmask_agent";

REVOKE ALL PRIVILEGES ON TABLE "analyst"."Visit note" FROM "pgmask_analyst";

REVOKE ALL PRIVILEGES ON TABLE "crm"."Visit note" FROM "pgmask_agent";

GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE "crm"."Visit note" TO "pgmask_agent";

REVOKE ALL PRIVILEGES ON TABLE "crm"."Visit note" FROM "pgmask_lookup";

GRANT SELECT ON TABLE "crm"."Visit note" TO "pgmask_lookup";

REVOKE ALL PRIVILEGES ON TABLE "crm_store"."Visit note" FROM "pgmask_agent_views";

GRANT SELECT ("customer_id", "at", "guest_id", "its phone", "guest's phone"), INSERT ("customer_id", "at", "guest_id", "its phone", "guest's phone"), UPDATE ("customer_id", "at", "guest_id", "its phone", "guest's phone"), DELETE ON TABLE "crm_store"."Visit note" TO "pgmask_agent_views";

REVOKE ALL PRIVILEGES ON TABLE "crm_store"."Visit note" FROM "pgmask_analyst_views";

GRANT SELECT ("customer_id", "at", "guest_id") ON TABLE "crm_store"."Visit note" TO "pgmask_analyst_views";

REVOKE ALL PRIVILEGES ON TABLE "crm_store"."Visit note" FROM "pgmask_backup";

GRANT SELECT ON TABLE "crm_store"."Visit note" TO "pgmask_backup";

REVOKE ALL PRIVILEGES ON TABLE "crm_store"."Visit note" FROM "pgmask_keyless";

GRANT SELECT ("customer_id", "guest_id", "pgmask_high_value", "pgmask_restricted", "pgmask_unit"), UPDATE ("pgmask_high_value", "pgmask_restricted", "pgmask_unit") ON TABLE "crm_store"."Visit note" TO "pgmask_keyless";

REVOKE ALL PRIVILEGES ON TABLE "crm_store"."Visit note" FROM "pgmask_lookup";

GRANT SELECT, UPDATE ("pgmask_restricted") ON TABLE "crm_store"."Visit note" TO "pgmask_lookup";

REVOKE ALL PRIVILEGES ON TABLE "crm_store"."Visit note" FROM "pgmask_sealer";

GRANT SELECT, UPDATE ON TABLE "crm_store"."Visit note" TO "pgmask_sealer";

-- move the table aside; indexes, constraints and identity sequences go with it
ALTER TABLE "crm"."claim" SET SCHEMA "crm_store";

ALTER TABLE "crm_store"."claim" OWNER TO "pgmask_store";

-- remember what the table was before
INSERT INTO pgmask_private.store_table (table_id, schema_name, table_name, original_schema, original_owner, adopted) VALUES ('crm.claim', 'crm_store', 'claim', 'crm', 'installer', '{}'::jsonb) ON CONFLICT (table_id) DO UPDATE SET schema_name = EXCLUDED.schema_name, table_name = EXCLUDED.table_name;

COMMENT ON TABLE "crm_store"."claim" IS 'pgmask: Store of crm.claim; read it through a view.';

ALTER TABLE "crm_store"."claim" ADD COLUMN IF NOT EXISTS "pgmask_high_value" boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN "crm_store"."claim"."pgmask_high_value" IS 'The row speaks of a high-value customer (D1).';

ALTER TABLE "crm_store"."claim" ADD COLUMN IF NOT EXISTS "pgmask_quality" text[];

COMMENT ON COLUMN "crm_store"."claim"."pgmask_quality" IS 'What is doubtful about the row (F4).';

ALTER TABLE "crm_store"."claim" ADD COLUMN IF NOT EXISTS "pgmask_restricted" boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN "crm_store"."claim"."pgmask_restricted" IS 'The subject''s information is restricted.';

ALTER TABLE "crm_store"."claim" ADD COLUMN IF NOT EXISTS "pgmask_sealed" bytea;

ALTER TABLE "crm_store"."claim" ALTER COLUMN "pgmask_sealed" SET STATISTICS 0;

COMMENT ON COLUMN "crm_store"."claim"."pgmask_sealed" IS 'Sealed truths, bundle own.';

ALTER TABLE "crm_store"."claim" ADD COLUMN IF NOT EXISTS "pgmask_unit" integer;

COMMENT ON COLUMN "crm_store"."claim"."pgmask_unit" IS 'The unit of the row''s subject (C1).';

ALTER TABLE "crm_store"."claim" ADD CONSTRAINT "pgmask_form_pgmask_sealed" CHECK (octet_length("pgmask_sealed") >= 38 OR "pgmask_sealed" = '\x00'::bytea) NOT VALID;

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_delete"
AFTER DELETE ON "crm_store"."claim"
REFERENCING OLD TABLE AS pgmask_old
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."change_crm.claim"();

ALTER TABLE "crm_store"."claim" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_delete";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_insert"
AFTER INSERT ON "crm_store"."claim"
REFERENCING NEW TABLE AS pgmask_new
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."change_crm.claim"();

ALTER TABLE "crm_store"."claim" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_insert";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_own"
AFTER UPDATE ON "crm_store"."claim"
REFERENCING OLD TABLE AS pgmask_old NEW TABLE AS pgmask_new
FOR EACH STATEMENT
WHEN (CURRENT_USER IN ('pgmask_sealer', 'pgmask_keyless'))
EXECUTE FUNCTION pgmask_private."change_crm.claim"('own');

ALTER TABLE "crm_store"."claim" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_own";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_truncate"
AFTER TRUNCATE ON "crm_store"."claim"
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."change_crm.claim"();

ALTER TABLE "crm_store"."claim" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_truncate";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_update"
AFTER UPDATE ON "crm_store"."claim"
REFERENCING OLD TABLE AS pgmask_old NEW TABLE AS pgmask_new
FOR EACH STATEMENT
WHEN (NOT (CURRENT_USER IN ('pgmask_sealer', 'pgmask_keyless')))
EXECUTE FUNCTION pgmask_private."change_crm.claim"();

ALTER TABLE "crm_store"."claim" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_update";

CREATE OR REPLACE TRIGGER "zzz_pgmask_insert"
BEFORE INSERT ON "crm_store"."claim"
FOR EACH ROW
EXECUTE FUNCTION pgmask_private."seal_crm.claim_insert"();

ALTER TABLE "crm_store"."claim" ENABLE ALWAYS TRIGGER "zzz_pgmask_insert";

CREATE OR REPLACE TRIGGER "zzz_pgmask_marked"
AFTER INSERT OR UPDATE ON "crm_store"."claim"
FOR EACH ROW
WHEN (NEW."pgmask_sealed" = '\x00'::bytea)
EXECUTE FUNCTION pgmask_private.refuse_marked_row();

ALTER TABLE "crm_store"."claim" ENABLE ALWAYS TRIGGER "zzz_pgmask_marked";

CREATE OR REPLACE TRIGGER "zzz_pgmask_statement"
BEFORE UPDATE ON "crm_store"."claim"
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."seal_crm.claim_statement"();

ALTER TABLE "crm_store"."claim" ENABLE ALWAYS TRIGGER "zzz_pgmask_statement";

CREATE OR REPLACE TRIGGER "zzz_pgmask_update"
BEFORE UPDATE ON "crm_store"."claim"
FOR EACH ROW
EXECUTE FUNCTION pgmask_private."seal_crm.claim_update"();

ALTER TABLE "crm_store"."claim" ENABLE ALWAYS TRIGGER "zzz_pgmask_update";

CREATE INDEX "pgmask_claim_unit" ON "crm_store"."claim" ("pgmask_unit", "no");

COMMENT ON INDEX "crm_store"."pgmask_claim_unit" IS 'Rows of crm.claim by the unit of their subject.';

ALTER TABLE "crm_store"."claim" ENABLE ROW LEVEL SECURITY;

-- the owner's own statements fail loudly instead of seeing no rows (PM220)
ALTER TABLE "crm_store"."claim" FORCE ROW LEVEL SECURITY;

CREATE POLICY "pgmask_agent_delete" ON "crm_store"."claim" AS PERMISSIVE FOR DELETE TO "pgmask_agent_views" USING (("pgmask_unit" = (SELECT i.unit_id::integer FROM "pgmask_private"."identity_agent" AS i) AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_agent_delete" ON "crm_store"."claim" IS 'Profile agent, rows own_unit.';

CREATE POLICY "pgmask_agent_insert" ON "crm_store"."claim" AS PERMISSIVE FOR INSERT TO "pgmask_agent_views" WITH CHECK (("pgmask_unit" = (SELECT i.unit_id::integer FROM "pgmask_private"."identity_agent" AS i) AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted" AND (SELECT pgmask_note.read('agent',
    ARRAY['assertion', 'challenge']::text[], ARRAY['crm-web']::text[], true, 'crm.claim', NULL::bigint)) IS NOT NULL);

COMMENT ON POLICY "pgmask_agent_insert" ON "crm_store"."claim" IS 'Profile agent, rows own_unit.';

CREATE POLICY "pgmask_agent_select" ON "crm_store"."claim" AS PERMISSIVE FOR SELECT TO "pgmask_agent_views" USING (("pgmask_unit" = (SELECT i.unit_id::integer FROM "pgmask_private"."identity_agent" AS i) AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_agent_select" ON "crm_store"."claim" IS 'Profile agent, rows own_unit.';

CREATE POLICY "pgmask_agent_update" ON "crm_store"."claim" AS PERMISSIVE FOR UPDATE TO "pgmask_agent_views" USING (("pgmask_unit" = (SELECT i.unit_id::integer FROM "pgmask_private"."identity_agent" AS i) AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted") WITH CHECK (("pgmask_unit" = (SELECT i.unit_id::integer FROM "pgmask_private"."identity_agent" AS i) AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_agent_update" ON "crm_store"."claim" IS 'Profile agent, rows own_unit.';

CREATE POLICY "pgmask_all_backup" ON "crm_store"."claim" AS PERMISSIVE FOR SELECT TO "pgmask_backup" USING ((SELECT pgmask_note.backup('crm.claim')));

COMMENT ON POLICY "pgmask_all_backup" ON "crm_store"."claim" IS 'Backups hold every row, with a note that they were made; the columns hold masks.';

CREATE POLICY "pgmask_all_keyless" ON "crm_store"."claim" AS PERMISSIVE FOR ALL TO "pgmask_keyless" USING (true);

COMMENT ON POLICY "pgmask_all_keyless" ON "crm_store"."claim" IS 'Rows follow the flags and the unit of their subject.';

CREATE POLICY "pgmask_all_sealer" ON "crm_store"."claim" AS PERMISSIVE FOR ALL TO "pgmask_sealer" USING (true);

COMMENT ON POLICY "pgmask_all_sealer" ON "crm_store"."claim" IS 'The sealing trigger looks rows up and re-seals them.';

CREATE POLICY "pgmask_analyst_select" ON "crm_store"."claim" AS PERMISSIVE FOR SELECT TO "pgmask_analyst_views" USING ((true AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_analyst_select" ON "crm_store"."claim" IS 'Profile analyst, rows all.';

CREATE POLICY "pgmask_lookup_locks" ON "crm_store"."claim" AS PERMISSIVE FOR UPDATE TO "pgmask_lookup" USING (true) WITH CHECK (false);

COMMENT ON POLICY "pgmask_lookup_locks" ON "crm_store"."claim" IS 'They lock rows and change none.';

CREATE POLICY "pgmask_lookup_reads" ON "crm_store"."claim" AS PERMISSIVE FOR SELECT TO "pgmask_lookup" USING (true);

COMMENT ON POLICY "pgmask_lookup_reads" ON "crm_store"."claim" IS 'Functions of pgmask look rows up.';

CREATE POLICY "pgmask_owner_refused" ON "crm_store"."claim" AS PERMISSIVE FOR ALL TO "pgmask_store" USING ((SELECT pgmask.refuse_owner()));

COMMENT ON POLICY "pgmask_owner_refused" ON "crm_store"."claim" IS 'Statements of the owner are refused: they would see no rows.';

-- crm.claim for profile analyst
CREATE OR REPLACE VIEW "analyst"."claim" AS
SELECT
  s."no",
  s."customer_id",
  s."status",
  s."due_on"
FROM "crm_store"."claim" AS s
WHERE (SELECT pgmask_note.read('analyst',
    ARRAY[]::text[], ARRAY[]::text[], true, 'crm.claim', NULL::bigint) IS NOT NULL);

ALTER VIEW "analyst"."claim" OWNER TO "pgmask_analyst_views";

COMMENT ON VIEW "analyst"."claim" IS 'pgmask: crm.claim as profile analyst sees it.';

-- crm.claim for profile agent
CREATE OR REPLACE VIEW "crm"."claim" AS
SELECT
  s."no",
  s."customer_id",
  s."status",
  s."due_on"
FROM "crm_store"."claim" AS s
WHERE (SELECT pgmask_note.read('agent',
    ARRAY['assertion', 'challenge']::text[], ARRAY['crm-web']::text[], true, 'crm.claim', NULL::bigint) IS NOT NULL);

ALTER VIEW "crm"."claim" OWNER TO "pgmask_agent_views";

COMMENT ON VIEW "crm"."claim" IS 'pgmask: crm.claim as profile agent sees it.';

DELETE FROM pgmask_private.profile_column WHERE table_id = 'crm.claim';

-- what pgmask.why explains
INSERT INTO pgmask_private.profile_column (profile, table_id, position, column_name, level, category, kind, form, sealed, view_schema, view_name, rows, operations)
VALUES
  ('agent', 'crm.claim', 1, 'no', 3, 'general', NULL, 'plain', false, 'crm', 'claim', ARRAY['own_unit'], ARRAY['select', 'insert', 'update', 'delete']),
  ('agent', 'crm.claim', 2, 'customer_id', 3, 'general', NULL, 'plain', false, 'crm', 'claim', ARRAY['own_unit'], ARRAY['select', 'insert', 'update', 'delete']),
  ('agent', 'crm.claim', 3, 'status', 3, 'general', NULL, 'plain', false, 'crm', 'claim', ARRAY['own_unit'], ARRAY['select', 'insert', 'update', 'delete']),
  ('agent', 'crm.claim', 4, 'due_on', 3, 'general', NULL, 'plain', false, 'crm', 'claim', ARRAY['own_unit'], ARRAY['select', 'insert', 'update', 'delete']),
  ('analyst', 'crm.claim', 1, 'no', 3, 'general', NULL, 'plain', false, 'analyst', 'claim', ARRAY['all'], ARRAY['select']),
  ('analyst', 'crm.claim', 2, 'customer_id', 3, 'general', NULL, 'plain', false, 'analyst', 'claim', ARRAY['all'], ARRAY['select']),
  ('analyst', 'crm.claim', 3, 'status', 3, 'general', NULL, 'plain', false, 'analyst', 'claim', ARRAY['all'], ARRAY['select']),
  ('analyst', 'crm.claim', 4, 'due_on', 3, 'general', NULL, 'plain', false, 'analyst', 'claim', ARRAY['all'], ARRAY['select']);

-- from now on enforced
SELECT pgmask_private.enter_stage('crm.claim', 'enforced');

REVOKE ALL PRIVILEGES ON TABLE "analyst"."claim" FROM "pgmask_analyst";

GRANT SELECT ON TABLE "analyst"."claim" TO "pgmask_analyst";

REVOKE ALL PRIVILEGES ON TABLE "crm"."claim" FROM "pgmask_agent";

GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE "crm"."claim" TO "pgmask_agent";

REVOKE ALL PRIVILEGES ON TABLE "crm_store"."claim" FROM "pgmask_agent_views";

GRANT SELECT ("no", "customer_id", "status", "due_on"), INSERT ("no", "customer_id", "status", "due_on"), UPDATE ("no", "customer_id", "status", "due_on"), DELETE ON TABLE "crm_store"."claim" TO "pgmask_agent_views";

REVOKE ALL PRIVILEGES ON TABLE "crm_store"."claim" FROM "pgmask_analyst_views";

GRANT SELECT ("no", "customer_id", "status", "due_on") ON TABLE "crm_store"."claim" TO "pgmask_analyst_views";

REVOKE ALL PRIVILEGES ON TABLE "crm_store"."claim" FROM "pgmask_backup";

GRANT SELECT ON TABLE "crm_store"."claim" TO "pgmask_backup";

REVOKE ALL PRIVILEGES ON TABLE "crm_store"."claim" FROM "pgmask_keyless";

GRANT SELECT ("customer_id", "pgmask_high_value", "pgmask_restricted", "pgmask_unit"), UPDATE ("pgmask_high_value", "pgmask_restricted", "pgmask_unit") ON TABLE "crm_store"."claim" TO "pgmask_keyless";

REVOKE ALL PRIVILEGES ON TABLE "crm_store"."claim" FROM "pgmask_lookup";

GRANT SELECT, UPDATE ("pgmask_restricted") ON TABLE "crm_store"."claim" TO "pgmask_lookup";

REVOKE ALL PRIVILEGES ON TABLE "crm_store"."claim" FROM "pgmask_sealer";

GRANT SELECT, UPDATE ON TABLE "crm_store"."claim" TO "pgmask_sealer";

-- move the table aside; indexes, constraints and identity sequences go with it
ALTER TABLE "crm"."customer" SET SCHEMA "crm_store";

ALTER TABLE "crm_store"."customer" OWNER TO "pgmask_store";

-- remember what the table was before
INSERT INTO pgmask_private.store_table (table_id, schema_name, table_name, original_schema, original_owner, adopted) VALUES ('crm.customer', 'crm_store', 'customer', 'crm', 'installer', '{}'::jsonb) ON CONFLICT (table_id) DO UPDATE SET schema_name = EXCLUDED.schema_name, table_name = EXCLUDED.table_name;

COMMENT ON TABLE "crm_store"."customer" IS 'pgmask: Store of crm.customer; read it through a view.';

ALTER TABLE "crm_store"."customer" ADD COLUMN IF NOT EXISTS "pgmask_bidx_id_no" uuid;

ALTER TABLE "crm_store"."customer" ALTER COLUMN "pgmask_bidx_id_no" SET STATISTICS 0;

COMMENT ON COLUMN "crm_store"."customer"."pgmask_bidx_id_no" IS 'Blind index of id_no.';

ALTER TABLE "crm_store"."customer" ADD COLUMN IF NOT EXISTS "pgmask_bidx_phone" bigint;

ALTER TABLE "crm_store"."customer" ALTER COLUMN "pgmask_bidx_phone" SET STATISTICS 0;

COMMENT ON COLUMN "crm_store"."customer"."pgmask_bidx_phone" IS 'Blind index of phone.';

ALTER TABLE "crm_store"."customer" ADD COLUMN IF NOT EXISTS "pgmask_high_value" boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN "crm_store"."customer"."pgmask_high_value" IS 'The row speaks of a high-value customer (D1).';

ALTER TABLE "crm_store"."customer" ADD COLUMN IF NOT EXISTS "pgmask_quality" text[];

COMMENT ON COLUMN "crm_store"."customer"."pgmask_quality" IS 'What is doubtful about the row (F4).';

ALTER TABLE "crm_store"."customer" ADD COLUMN IF NOT EXISTS "pgmask_restricted" boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN "crm_store"."customer"."pgmask_restricted" IS 'The subject''s information is restricted.';

ALTER TABLE "crm_store"."customer" ADD COLUMN IF NOT EXISTS "pgmask_sealed" bytea;

ALTER TABLE "crm_store"."customer" ALTER COLUMN "pgmask_sealed" SET STATISTICS 0;

COMMENT ON COLUMN "crm_store"."customer"."pgmask_sealed" IS 'Sealed truths, bundle own.';

ALTER TABLE "crm_store"."customer" ADD CONSTRAINT "pgmask_form_pgmask_sealed" CHECK (octet_length("pgmask_sealed") >= 38 OR "pgmask_sealed" = '\x00'::bytea) NOT VALID;

ALTER TABLE "crm_store"."customer" ADD CONSTRAINT "pgmask_mask_born" CHECK ("born" IS NULL OR "pgmask_sealed" = '\x00'::bytea) NOT VALID;

ALTER TABLE "crm_store"."customer" ADD CONSTRAINT "pgmask_mask_id_no" CHECK (strpos(("id_no"::text COLLATE "C"), '*') > 0 OR ("id_no"::text COLLATE "C") = '' OR "pgmask_sealed" = '\x00'::bytea AND strpos(("id_no"::text COLLATE "C"), '•') > 0) NOT VALID;

ALTER TABLE "crm_store"."customer" ADD CONSTRAINT "pgmask_mask_name" CHECK (NOT pgmask_high_value OR strpos(("name"::text COLLATE "C"), '*') > 0 OR ("name"::text COLLATE "C") = '' OR "pgmask_sealed" = '\x00'::bytea AND strpos(("name"::text COLLATE "C"), '•') > 0) NOT VALID;

ALTER TABLE "crm_store"."customer" ADD CONSTRAINT "pgmask_mask_phone" CHECK (strpos(("phone"::text COLLATE "C"), '*') > 0 OR ("phone"::text COLLATE "C") = '' OR "pgmask_sealed" = '\x00'::bytea AND strpos(("phone"::text COLLATE "C"), '•') > 0) NOT VALID;

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_delete"
AFTER DELETE ON "crm_store"."customer"
REFERENCING OLD TABLE AS pgmask_old
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."change_crm.customer"();

ALTER TABLE "crm_store"."customer" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_delete";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_insert"
AFTER INSERT ON "crm_store"."customer"
REFERENCING NEW TABLE AS pgmask_new
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."change_crm.customer"();

ALTER TABLE "crm_store"."customer" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_insert";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_own"
AFTER UPDATE ON "crm_store"."customer"
REFERENCING OLD TABLE AS pgmask_old NEW TABLE AS pgmask_new
FOR EACH STATEMENT
WHEN (CURRENT_USER IN ('pgmask_sealer', 'pgmask_keyless'))
EXECUTE FUNCTION pgmask_private."change_crm.customer"('own');

ALTER TABLE "crm_store"."customer" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_own";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_truncate"
AFTER TRUNCATE ON "crm_store"."customer"
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."change_crm.customer"();

ALTER TABLE "crm_store"."customer" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_truncate";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_update"
AFTER UPDATE ON "crm_store"."customer"
REFERENCING OLD TABLE AS pgmask_old NEW TABLE AS pgmask_new
FOR EACH STATEMENT
WHEN (NOT (CURRENT_USER IN ('pgmask_sealer', 'pgmask_keyless')))
EXECUTE FUNCTION pgmask_private."change_crm.customer"();

ALTER TABLE "crm_store"."customer" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_update";

CREATE OR REPLACE TRIGGER "zzz_pgmask_insert"
BEFORE INSERT ON "crm_store"."customer"
FOR EACH ROW
EXECUTE FUNCTION pgmask_private."seal_crm.customer_insert"();

ALTER TABLE "crm_store"."customer" ENABLE ALWAYS TRIGGER "zzz_pgmask_insert";

CREATE OR REPLACE TRIGGER "zzz_pgmask_marked"
AFTER INSERT OR UPDATE ON "crm_store"."customer"
FOR EACH ROW
WHEN (NEW."pgmask_sealed" = '\x00'::bytea)
EXECUTE FUNCTION pgmask_private.refuse_marked_row();

ALTER TABLE "crm_store"."customer" ENABLE ALWAYS TRIGGER "zzz_pgmask_marked";

CREATE OR REPLACE TRIGGER "zzz_pgmask_statement"
BEFORE UPDATE ON "crm_store"."customer"
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."seal_crm.customer_statement"();

ALTER TABLE "crm_store"."customer" ENABLE ALWAYS TRIGGER "zzz_pgmask_statement";

CREATE OR REPLACE TRIGGER "zzz_pgmask_update"
BEFORE UPDATE ON "crm_store"."customer"
FOR EACH ROW
EXECUTE FUNCTION pgmask_private."seal_crm.customer_update"();

ALTER TABLE "crm_store"."customer" ENABLE ALWAYS TRIGGER "zzz_pgmask_update";

CREATE UNIQUE INDEX "pgmask_customer_id_no_bidx" ON "crm_store"."customer" ("unit_id", "pgmask_bidx_id_no") WHERE "pgmask_bidx_id_no" IS NOT NULL;

CREATE INDEX "pgmask_customer_id_no_mask" ON "crm_store"."customer" ("unit_id", "id_no");

COMMENT ON INDEX "crm_store"."pgmask_customer_id_no_mask" IS 'Finds customers whose mask of id_no a search has met.';

CREATE INDEX "pgmask_customer_id_no_search" ON "crm_store"."customer" ("pgmask_bidx_id_no") WHERE "pgmask_bidx_id_no" IS NOT NULL;

COMMENT ON INDEX "crm_store"."pgmask_customer_id_no_search" IS 'Search by id_no.';

CREATE INDEX "pgmask_customer_phone_bidx" ON "crm_store"."customer" ("pgmask_bidx_phone") WHERE "pgmask_bidx_phone" IS NOT NULL;

CREATE INDEX "pgmask_customer_phone_mask" ON "crm_store"."customer" ("unit_id", "phone");

COMMENT ON INDEX "crm_store"."pgmask_customer_phone_mask" IS 'Finds customers whose mask of phone a search has met.';

ALTER TABLE "crm_store"."customer" ENABLE ROW LEVEL SECURITY;

-- the owner's own statements fail loudly instead of seeing no rows (PM220)
ALTER TABLE "crm_store"."customer" FORCE ROW LEVEL SECURITY;

CREATE POLICY "pgmask_agent_delete" ON "crm_store"."customer" AS PERMISSIVE FOR DELETE TO "pgmask_agent_views" USING (("unit_id" = (SELECT i.unit_id::integer FROM "pgmask_private"."identity_agent" AS i) AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_agent_delete" ON "crm_store"."customer" IS 'Profile agent, rows own_unit.';

CREATE POLICY "pgmask_agent_insert" ON "crm_store"."customer" AS PERMISSIVE FOR INSERT TO "pgmask_agent_views" WITH CHECK (("unit_id" = (SELECT i.unit_id::integer FROM "pgmask_private"."identity_agent" AS i) AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted" AND (SELECT pgmask_note.read('agent',
    ARRAY['assertion', 'challenge']::text[], ARRAY['crm-web']::text[], true, 'crm.customer', NULL::bigint)) IS NOT NULL);

COMMENT ON POLICY "pgmask_agent_insert" ON "crm_store"."customer" IS 'Profile agent, rows own_unit.';

CREATE POLICY "pgmask_agent_select" ON "crm_store"."customer" AS PERMISSIVE FOR SELECT TO "pgmask_agent_views" USING (("unit_id" = (SELECT i.unit_id::integer FROM "pgmask_private"."identity_agent" AS i) AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_agent_select" ON "crm_store"."customer" IS 'Profile agent, rows own_unit.';

CREATE POLICY "pgmask_agent_update" ON "crm_store"."customer" AS PERMISSIVE FOR UPDATE TO "pgmask_agent_views" USING (("unit_id" = (SELECT i.unit_id::integer FROM "pgmask_private"."identity_agent" AS i) AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted") WITH CHECK (("unit_id" = (SELECT i.unit_id::integer FROM "pgmask_private"."identity_agent" AS i) AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_agent_update" ON "crm_store"."customer" IS 'Profile agent, rows own_unit.';

CREATE POLICY "pgmask_all_backup" ON "crm_store"."customer" AS PERMISSIVE FOR SELECT TO "pgmask_backup" USING ((SELECT pgmask_note.backup('crm.customer')));

COMMENT ON POLICY "pgmask_all_backup" ON "crm_store"."customer" IS 'Backups hold every row, with a note that they were made; the columns hold masks.';

CREATE POLICY "pgmask_all_keyless" ON "crm_store"."customer" AS PERMISSIVE FOR ALL TO "pgmask_keyless" USING (true);

COMMENT ON POLICY "pgmask_all_keyless" ON "crm_store"."customer" IS 'Rows follow the flags and the unit of their subject.';

CREATE POLICY "pgmask_all_sealer" ON "crm_store"."customer" AS PERMISSIVE FOR ALL TO "pgmask_sealer" USING (true);

COMMENT ON POLICY "pgmask_all_sealer" ON "crm_store"."customer" IS 'The sealing trigger looks rows up and re-seals them.';

CREATE POLICY "pgmask_analyst_select" ON "crm_store"."customer" AS PERMISSIVE FOR SELECT TO "pgmask_analyst_views" USING ((true AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_analyst_select" ON "crm_store"."customer" IS 'Profile analyst, rows all.';

CREATE POLICY "pgmask_lookup_locks" ON "crm_store"."customer" AS PERMISSIVE FOR UPDATE TO "pgmask_lookup" USING (true) WITH CHECK (false);

COMMENT ON POLICY "pgmask_lookup_locks" ON "crm_store"."customer" IS 'They lock rows and change none.';

CREATE POLICY "pgmask_lookup_reads" ON "crm_store"."customer" AS PERMISSIVE FOR SELECT TO "pgmask_lookup" USING (true);

COMMENT ON POLICY "pgmask_lookup_reads" ON "crm_store"."customer" IS 'Functions of pgmask look rows up.';

CREATE POLICY "pgmask_owner_refused" ON "crm_store"."customer" AS PERMISSIVE FOR ALL TO "pgmask_store" USING ((SELECT pgmask.refuse_owner()));

COMMENT ON POLICY "pgmask_owner_refused" ON "crm_store"."customer" IS 'Statements of the owner are refused: they would see no rows.';

-- crm.customer for profile analyst
CREATE OR REPLACE VIEW "analyst"."customer" AS
SELECT
  s."id",
  s."unit_id",
  (pgmask.mask_person_name(s."name"::text))::character varying(60) AS "name",
  NULL::character varying(11) AS "phone",
  NULL::character varying(18) AS "id_no",
  NULL::date AS "born",
  s."card_grade"
FROM "crm_store"."customer" AS s
WHERE (SELECT pgmask_note.read('analyst',
    ARRAY[]::text[], ARRAY[]::text[], true, 'crm.customer', NULL::bigint) IS NOT NULL);

ALTER VIEW "analyst"."customer" OWNER TO "pgmask_analyst_views";

COMMENT ON VIEW "analyst"."customer" IS 'pgmask: crm.customer as profile analyst sees it.';

-- crm.customer for profile agent
CREATE OR REPLACE VIEW "crm"."customer" AS
SELECT
  s."id",
  s."unit_id",
  s."name",
  s."phone",
  s."id_no",
  s."born",
  s."card_grade"
FROM "crm_store"."customer" AS s
WHERE (SELECT pgmask_note.read('agent',
    ARRAY['assertion', 'challenge']::text[], ARRAY['crm-web']::text[], true, 'crm.customer', NULL::bigint) IS NOT NULL);

ALTER VIEW "crm"."customer" OWNER TO "pgmask_agent_views";

COMMENT ON VIEW "crm"."customer" IS 'pgmask: crm.customer as profile agent sees it.';

ALTER VIEW "crm"."customer" ALTER COLUMN "card_grade" SET DEFAULT 'standard'::text;

DELETE FROM pgmask_private.profile_column WHERE table_id = 'crm.customer';

-- what pgmask.why explains
INSERT INTO pgmask_private.profile_column (profile, table_id, position, column_name, level, category, kind, form, sealed, view_schema, view_name, rows, operations)
VALUES
  ('agent', 'crm.customer', 1, 'id', 3, 'general', NULL, 'plain', false, 'crm', 'customer', ARRAY['own_unit'], ARRAY['select', 'insert', 'update', 'delete']),
  ('agent', 'crm.customer', 2, 'unit_id', 3, 'general', NULL, 'plain', false, 'crm', 'customer', ARRAY['own_unit'], ARRAY['select', 'insert', 'update', 'delete']),
  ('agent', 'crm.customer', 3, 'name', 2, 'basic', 'person_name', 'plain', false, 'crm', 'customer', ARRAY['own_unit'], ARRAY['select', 'insert', 'update', 'delete']),
  ('agent', 'crm.customer', 4, 'phone', 1, 'contact', 'mobile', 'mask', true, 'crm', 'customer', ARRAY['own_unit'], ARRAY['select', 'insert', 'update', 'delete']),
  ('agent', 'crm.customer', 5, 'id_no', 1, 'basic', 'cn_id_card', 'mask', true, 'crm', 'customer', ARRAY['own_unit'], ARRAY['select', 'insert', 'update', 'delete']),
  ('agent', 'crm.customer', 6, 'born', 1, 'basic', 'date', 'mask', true, 'crm', 'customer', ARRAY['own_unit'], ARRAY['select', 'insert', 'update', 'delete']),
  ('agent', 'crm.customer', 7, 'card_grade', 3, 'general', NULL, 'plain', false, 'crm', 'customer', ARRAY['own_unit'], ARRAY['select', 'insert', 'update', 'delete']),
  ('analyst', 'crm.customer', 1, 'id', 3, 'general', NULL, 'plain', false, 'analyst', 'customer', ARRAY['all'], ARRAY['select']),
  ('analyst', 'crm.customer', 2, 'unit_id', 3, 'general', NULL, 'plain', false, 'analyst', 'customer', ARRAY['all'], ARRAY['select']),
  ('analyst', 'crm.customer', 3, 'name', 2, 'basic', 'person_name', 'mask', false, 'analyst', 'customer', ARRAY['all'], ARRAY['select']),
  ('analyst', 'crm.customer', 4, 'phone', 1, 'contact', 'mobile', 'hidden', true, 'analyst', 'customer', ARRAY['all'], ARRAY['select']),
  ('analyst', 'crm.customer', 5, 'id_no', 1, 'basic', 'cn_id_card', 'hidden', true, 'analyst', 'customer', ARRAY['all'], ARRAY['select']),
  ('analyst', 'crm.customer', 6, 'born', 1, 'basic', 'date', 'hidden', true, 'analyst', 'customer', ARRAY['all'], ARRAY['select']),
  ('analyst', 'crm.customer', 7, 'card_grade', 3, 'general', NULL, 'plain', false, 'analyst', 'customer', ARRAY['all'], ARRAY['select']);

DELETE FROM pgmask_private.reveal_rule WHERE table_id = 'crm.customer';

-- what callers are told of reveal and search
INSERT INTO pgmask_private.reveal_rule (profile, table_id, view_schema, request_function, reveal_function, columns, purposes, per_day, per_month, per_subject_per_day, share_per_month, second_factor_within, searches, search_per_day, near_per_day)
VALUES
  ('agent', 'crm.customer', 'crm', 'customer_reveal_request', 'customer_reveal', ARRAY['born', 'phone']::text[], jsonb_build_object('callback', NULL, 'claim', 'crm.claim'), 30, 300, 5, 0.20, interval '600 s', jsonb_build_object('id_no', 'customer_by_id_no', 'phone', 'customer_by_phone'), 50, 5),
  ('analyst', 'crm.customer', 'analyst', 'customer_reveal_request', 'customer_reveal', ARRAY['born', 'name', 'phone']::text[], jsonb_build_object('review', NULL), 3, NULL, NULL, NULL, NULL, jsonb_build_object(), NULL, NULL);

-- from now on enforced
SELECT pgmask_private.enter_stage('crm.customer', 'enforced');

REVOKE ALL PRIVILEGES ON FUNCTION "analyst"."customer_reveal"(uuid) FROM "pgmask_analyst";

REVOKE ALL PRIVILEGES ON FUNCTION "analyst"."customer_reveal_request"(text[], text[], text, text, "analyst"."customer") FROM "pgmask_analyst";

REVOKE ALL PRIVILEGES ON FUNCTION "crm"."customer_by_id_no"(text) FROM "pgmask_agent";

GRANT EXECUTE ON FUNCTION "crm"."customer_by_id_no"(text) TO "pgmask_agent";

REVOKE ALL PRIVILEGES ON FUNCTION "crm"."customer_by_id_no_bulk"(text[]) FROM "pgmask_agent";

GRANT EXECUTE ON FUNCTION "crm"."customer_by_id_no_bulk"(text[]) TO "pgmask_agent";

REVOKE ALL PRIVILEGES ON FUNCTION "crm"."customer_by_phone"(text) FROM "pgmask_agent";

GRANT EXECUTE ON FUNCTION "crm"."customer_by_phone"(text) TO "pgmask_agent";

REVOKE ALL PRIVILEGES ON FUNCTION "crm"."customer_by_phone_bulk"(text[]) FROM "pgmask_agent";

GRANT EXECUTE ON FUNCTION "crm"."customer_by_phone_bulk"(text[]) TO "pgmask_agent";

REVOKE ALL PRIVILEGES ON FUNCTION "crm"."customer_reveal"(uuid) FROM "pgmask_agent";

GRANT EXECUTE ON FUNCTION "crm"."customer_reveal"(uuid) TO "pgmask_agent";

REVOKE ALL PRIVILEGES ON FUNCTION "crm"."customer_reveal_request"(text[], text[], text, text, "crm"."customer") FROM "pgmask_agent";

GRANT EXECUTE ON FUNCTION "crm"."customer_reveal_request"(text[], text[], text, text, "crm"."customer") TO "pgmask_agent";

REVOKE ALL PRIVILEGES ON TABLE "analyst"."customer" FROM "pgmask_analyst";

REVOKE ALL PRIVILEGES ON TABLE "analyst"."customer" FROM "pgmask_lookup";

GRANT SELECT ON TABLE "analyst"."customer" TO "pgmask_lookup";

REVOKE ALL PRIVILEGES ON TABLE "crm"."customer" FROM "pgmask_agent";

GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE "crm"."customer" TO "pgmask_agent";

REVOKE ALL PRIVILEGES ON TABLE "crm"."customer" FROM "pgmask_lookup";

GRANT SELECT ON TABLE "crm"."customer" TO "pgmask_lookup";

REVOKE ALL PRIVILEGES ON TABLE "crm_store"."customer" FROM "pgmask_agent_views";

GRANT SELECT ("id", "unit_id", "name", "phone", "id_no", "born", "card_grade"), INSERT ("id", "unit_id", "name", "phone", "id_no", "born", "card_grade"), UPDATE ("id", "unit_id", "name", "phone", "id_no", "born", "card_grade"), DELETE ON TABLE "crm_store"."customer" TO "pgmask_agent_views";

REVOKE ALL PRIVILEGES ON TABLE "crm_store"."customer" FROM "pgmask_analyst_views";

GRANT SELECT ("id", "unit_id", "name", "card_grade") ON TABLE "crm_store"."customer" TO "pgmask_analyst_views";

REVOKE ALL PRIVILEGES ON TABLE "crm_store"."customer" FROM "pgmask_backup";

GRANT SELECT ON TABLE "crm_store"."customer" TO "pgmask_backup";

REVOKE ALL PRIVILEGES ON TABLE "crm_store"."customer" FROM "pgmask_keyless";

GRANT SELECT ("id", "unit_id", "pgmask_high_value", "pgmask_restricted"), UPDATE ("pgmask_high_value", "pgmask_restricted") ON TABLE "crm_store"."customer" TO "pgmask_keyless";

REVOKE ALL PRIVILEGES ON TABLE "crm_store"."customer" FROM "pgmask_lookup";

GRANT SELECT, UPDATE ("pgmask_restricted") ON TABLE "crm_store"."customer" TO "pgmask_lookup";

REVOKE ALL PRIVILEGES ON TABLE "crm_store"."customer" FROM "pgmask_sealer";

GRANT SELECT, UPDATE ON TABLE "crm_store"."customer" TO "pgmask_sealer";

REVOKE ALL PRIVILEGES ON SEQUENCE "crm_store"."customer_id_seq" FROM "pgmask_agent";

GRANT SELECT ON SEQUENCE "crm_store"."customer_id_seq" TO "pgmask_agent";

REVOKE ALL PRIVILEGES ON SEQUENCE "crm_store"."customer_id_seq" FROM "pgmask_backup";

GRANT SELECT ON SEQUENCE "crm_store"."customer_id_seq" TO "pgmask_backup";
