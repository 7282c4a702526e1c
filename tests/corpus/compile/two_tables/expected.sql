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

REVOKE ALL PRIVILEGES ON TABLE "crm"."ref_note" FROM "pgmask_backup";

GRANT SELECT ON TABLE "crm"."ref_note" TO "pgmask_backup";

REVOKE ALL PRIVILEGES ON TABLE "crm"."ref_product" FROM "pgmask_backup";

GRANT SELECT ON TABLE "crm"."ref_product" TO "pgmask_backup";

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
ALTER TABLE "crm"."customer" SET SCHEMA "crm_store";

ALTER TABLE "crm_store"."customer" OWNER TO "pgmask_store";

REVOKE ALL PRIVILEGES ON TABLE "crm_store"."customer" FROM "app" CASCADE;

REVOKE ALL PRIVILEGES ON TABLE "crm_store"."customer" FROM PUBLIC CASCADE;

-- remember what the table was before
INSERT INTO pgmask_private.store_table (table_id, schema_name, table_name, original_schema, original_owner, adopted) VALUES ('crm.customer', 'crm_store', 'customer', 'crm', 'installer', E'{}'::jsonb) ON CONFLICT (table_id) DO UPDATE SET schema_name = EXCLUDED.schema_name, table_name = EXCLUDED.table_name;

COMMENT ON TABLE "crm_store"."customer" IS 'Every person the company knows
pgmask: Store of crm.customer; read it through a view.';

ALTER TABLE "crm_store"."customer" ADD COLUMN IF NOT EXISTS "pgmask_hidden_city" character varying(30);

COMMENT ON COLUMN "crm_store"."customer"."pgmask_hidden_city" IS 'city as writable profiles see it: hidden.';

ALTER TABLE "crm_store"."customer" ADD COLUMN IF NOT EXISTS "pgmask_hidden_health" text;

COMMENT ON COLUMN "crm_store"."customer"."pgmask_hidden_health" IS 'health as writable profiles see it: hidden.';

ALTER TABLE "crm_store"."customer" ADD COLUMN IF NOT EXISTS "pgmask_high_value" boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN "crm_store"."customer"."pgmask_high_value" IS 'The row speaks of a high-value customer (D1).';

ALTER TABLE "crm_store"."customer" ADD COLUMN IF NOT EXISTS "pgmask_quality" text[];

COMMENT ON COLUMN "crm_store"."customer"."pgmask_quality" IS 'What is doubtful about the row (F4).';

ALTER TABLE "crm_store"."customer" ADD COLUMN IF NOT EXISTS "pgmask_restricted" boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN "crm_store"."customer"."pgmask_restricted" IS 'The subject''s information is restricted.';

ALTER TABLE "crm_store"."customer" ADD COLUMN IF NOT EXISTS "pgmask_sealed" bytea;

ALTER TABLE "crm_store"."customer" ALTER COLUMN "pgmask_sealed" SET STATISTICS 0;

COMMENT ON COLUMN "crm_store"."customer"."pgmask_sealed" IS 'Sealed truths, bundle own.';

ALTER TABLE "crm_store"."customer" ADD COLUMN IF NOT EXISTS "pgmask_shadow_remark" text COLLATE pg_catalog."C";

COMMENT ON COLUMN "crm_store"."customer"."pgmask_shadow_remark" IS 'remark as writable profiles see it: mask.';

ALTER TABLE "crm_store"."customer" ADD CONSTRAINT "pgmask_form_pgmask_sealed" CHECK (octet_length("pgmask_sealed") >= 38 OR "pgmask_sealed" = '\x00'::bytea) NOT VALID;

ALTER TABLE "crm_store"."customer" ADD CONSTRAINT "pgmask_mask_pgmask_hidden_city" CHECK ("pgmask_hidden_city" IS NULL) NOT VALID;

ALTER TABLE "crm_store"."customer" ADD CONSTRAINT "pgmask_mask_pgmask_hidden_health" CHECK ("pgmask_hidden_health" IS NULL) NOT VALID;

ALTER TABLE "crm_store"."customer" ADD CONSTRAINT "pgmask_mask_pgmask_shadow_remark" CHECK (strpos(("pgmask_shadow_remark"::text COLLATE "C"), '*') > 0 OR ("pgmask_shadow_remark"::text COLLATE "C") = '' OR "pgmask_sealed" = '\x00'::bytea AND strpos(("pgmask_shadow_remark"::text COLLATE "C"), '•') > 0) NOT VALID;

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
  s."owner_id",
  (pgmask.mask_person_name(s."name"::text))::character varying(60) AS "name",
  NULL::text COLLATE pg_catalog."C" AS "remark",
  NULL::character varying(30) AS "city",
  NULL::text AS "health",
  NULL::date AS "born",
  s."card_grade"
FROM "crm_store"."customer" AS s
WHERE (SELECT pgmask_note.read('analyst',
    ARRAY[]::text[], ARRAY[]::text[], true, 'crm.customer', NULL::bigint) IS NOT NULL);

ALTER VIEW "analyst"."customer" OWNER TO "pgmask_analyst_views";

COMMENT ON VIEW "analyst"."customer" IS 'Every person the company knows
pgmask: crm.customer as profile analyst sees it.';

-- crm.customer for profile agent
CREATE OR REPLACE VIEW "crm"."customer" AS
SELECT
  s."id",
  s."unit_id",
  s."owner_id",
  s."name",
  s."pgmask_shadow_remark" AS "remark",
  s."pgmask_hidden_city" AS "city",
  s."pgmask_hidden_health" AS "health",
  s."born",
  s."card_grade"
FROM "crm_store"."customer" AS s
WHERE (SELECT pgmask_note.read('agent',
    ARRAY['assertion', 'challenge']::text[], ARRAY['crm-web']::text[], true, 'crm.customer', NULL::bigint) IS NOT NULL);

ALTER VIEW "crm"."customer" OWNER TO "pgmask_agent_views";

COMMENT ON VIEW "crm"."customer" IS 'Every person the company knows
pgmask: crm.customer as profile agent sees it.';

ALTER VIEW "crm"."customer" ALTER COLUMN "card_grade" SET DEFAULT 'standard'::text;

DELETE FROM pgmask_private.profile_column WHERE table_id = 'crm.customer';

-- what pgmask.why explains
INSERT INTO pgmask_private.profile_column (profile, table_id, position, column_name, level, category, kind, form, sealed, view_schema, view_name, rows, operations)
VALUES
  ('agent', 'crm.customer', 1, 'id', 3, 'general', NULL, 'plain', false, 'crm', 'customer', ARRAY['own_unit'], ARRAY['select', 'insert', 'update', 'delete']),
  ('agent', 'crm.customer', 2, 'unit_id', 3, 'general', NULL, 'plain', false, 'crm', 'customer', ARRAY['own_unit'], ARRAY['select', 'insert', 'update', 'delete']),
  ('agent', 'crm.customer', 3, 'owner_id', 3, 'general', NULL, 'plain', false, 'crm', 'customer', ARRAY['own_unit'], ARRAY['select', 'insert', 'update', 'delete']),
  ('agent', 'crm.customer', 4, 'name', 2, 'basic', 'person_name', 'plain', false, 'crm', 'customer', ARRAY['own_unit'], ARRAY['select', 'insert', 'update', 'delete']),
  ('agent', 'crm.customer', 5, 'remark', 2, 'touch', 'free_text', 'mask', false, 'crm', 'customer', ARRAY['own_unit'], ARRAY['select', 'insert', 'update', 'delete']),
  ('agent', 'crm.customer', 6, 'city', 2, 'relationship', 'free_text', 'hidden', false, 'crm', 'customer', ARRAY['own_unit'], ARRAY['select', 'insert', 'update', 'delete']),
  ('agent', 'crm.customer', 7, 'health', 2, 'health', NULL, 'hidden', false, 'crm', 'customer', ARRAY['own_unit'], ARRAY['select', 'insert', 'update', 'delete']),
  ('agent', 'crm.customer', 8, 'born', 2, 'basic', NULL, 'plain', false, 'crm', 'customer', ARRAY['own_unit'], ARRAY['select', 'insert', 'update', 'delete']),
  ('agent', 'crm.customer', 9, 'card_grade', 3, 'general', NULL, 'plain', false, 'crm', 'customer', ARRAY['own_unit'], ARRAY['select', 'insert', 'update', 'delete']),
  ('analyst', 'crm.customer', 1, 'id', 3, 'general', NULL, 'plain', false, 'analyst', 'customer', ARRAY['all'], ARRAY['select']),
  ('analyst', 'crm.customer', 2, 'unit_id', 3, 'general', NULL, 'plain', false, 'analyst', 'customer', ARRAY['all'], ARRAY['select']),
  ('analyst', 'crm.customer', 3, 'owner_id', 3, 'general', NULL, 'plain', false, 'analyst', 'customer', ARRAY['all'], ARRAY['select']),
  ('analyst', 'crm.customer', 4, 'name', 2, 'basic', 'person_name', 'mask', false, 'analyst', 'customer', ARRAY['all'], ARRAY['select']),
  ('analyst', 'crm.customer', 5, 'remark', 2, 'touch', 'free_text', 'hidden', false, 'analyst', 'customer', ARRAY['all'], ARRAY['select']),
  ('analyst', 'crm.customer', 6, 'city', 2, 'relationship', 'free_text', 'hidden', false, 'analyst', 'customer', ARRAY['all'], ARRAY['select']),
  ('analyst', 'crm.customer', 7, 'health', 2, 'health', NULL, 'hidden', false, 'analyst', 'customer', ARRAY['all'], ARRAY['select']),
  ('analyst', 'crm.customer', 8, 'born', 2, 'basic', NULL, 'hidden', false, 'analyst', 'customer', ARRAY['all'], ARRAY['select']),
  ('analyst', 'crm.customer', 9, 'card_grade', 3, 'general', NULL, 'plain', false, 'analyst', 'customer', ARRAY['all'], ARRAY['select']);

-- from now on enforced
SELECT pgmask_private.enter_stage('crm.customer', 'enforced');

REVOKE ALL PRIVILEGES ON TABLE "analyst"."customer" FROM "pgmask_analyst";

GRANT SELECT ON TABLE "analyst"."customer" TO "pgmask_analyst";

REVOKE ALL PRIVILEGES ON TABLE "crm"."customer" FROM "pgmask_agent";

GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE "crm"."customer" TO "pgmask_agent";

REVOKE ALL PRIVILEGES ON TABLE "crm_store"."customer" FROM "pgmask_agent_views";

GRANT SELECT ("id", "unit_id", "owner_id", "name", "pgmask_shadow_remark", "pgmask_hidden_city", "pgmask_hidden_health", "born", "card_grade"), INSERT ("id", "unit_id", "owner_id", "name", "pgmask_shadow_remark", "pgmask_hidden_city", "pgmask_hidden_health", "born", "card_grade"), UPDATE ("id", "unit_id", "owner_id", "name", "pgmask_shadow_remark", "pgmask_hidden_city", "pgmask_hidden_health", "born", "card_grade"), DELETE ON TABLE "crm_store"."customer" TO "pgmask_agent_views";

REVOKE ALL PRIVILEGES ON TABLE "crm_store"."customer" FROM "pgmask_analyst_views";

GRANT SELECT ("id", "unit_id", "owner_id", "name", "card_grade") ON TABLE "crm_store"."customer" TO "pgmask_analyst_views";

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

-- applications call it by name: it stays where it is
ALTER SEQUENCE "crm"."policy_id_seq" OWNED BY NONE;

-- move the table aside; indexes, constraints and identity sequences go with it
ALTER TABLE "crm"."policy" SET SCHEMA "crm_store";

ALTER TABLE "crm_store"."policy" OWNER TO "pgmask_store";

REVOKE ALL PRIVILEGES ON TABLE "crm_store"."policy" FROM "app" CASCADE;

REVOKE ALL PRIVILEGES ON SEQUENCE "crm"."policy_id_seq" FROM "app" CASCADE;

-- remember what the table was before
INSERT INTO pgmask_private.store_table (table_id, schema_name, table_name, original_schema, original_owner, adopted) VALUES ('crm.policy', 'crm_store', 'policy', 'crm', 'installer', '{}'::jsonb) ON CONFLICT (table_id) DO UPDATE SET schema_name = EXCLUDED.schema_name, table_name = EXCLUDED.table_name;

COMMENT ON TABLE "crm_store"."policy" IS 'pgmask: Store of crm.policy; read it through a view.';

ALTER TABLE "crm_store"."policy" ADD COLUMN IF NOT EXISTS "pgmask_high_value" boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN "crm_store"."policy"."pgmask_high_value" IS 'The row speaks of a high-value customer (D1).';

ALTER TABLE "crm_store"."policy" ADD COLUMN IF NOT EXISTS "pgmask_quality" text[];

COMMENT ON COLUMN "crm_store"."policy"."pgmask_quality" IS 'What is doubtful about the row (F4).';

ALTER TABLE "crm_store"."policy" ADD COLUMN IF NOT EXISTS "pgmask_restricted" boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN "crm_store"."policy"."pgmask_restricted" IS 'The subject''s information is restricted.';

ALTER TABLE "crm_store"."policy" ADD COLUMN IF NOT EXISTS "pgmask_sealed" bytea;

ALTER TABLE "crm_store"."policy" ALTER COLUMN "pgmask_sealed" SET STATISTICS 0;

COMMENT ON COLUMN "crm_store"."policy"."pgmask_sealed" IS 'Sealed truths, bundle own.';

ALTER TABLE "crm_store"."policy" ADD COLUMN IF NOT EXISTS "pgmask_unit" integer;

COMMENT ON COLUMN "crm_store"."policy"."pgmask_unit" IS 'The unit of the row''s subject (C1).';

ALTER TABLE "crm_store"."policy" ADD CONSTRAINT "pgmask_form_pgmask_sealed" CHECK (octet_length("pgmask_sealed") >= 38 OR "pgmask_sealed" = '\x00'::bytea) NOT VALID;

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_delete"
AFTER DELETE ON "crm_store"."policy"
REFERENCING OLD TABLE AS pgmask_old
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."change_crm.policy"();

ALTER TABLE "crm_store"."policy" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_delete";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_insert"
AFTER INSERT ON "crm_store"."policy"
REFERENCING NEW TABLE AS pgmask_new
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."change_crm.policy"();

ALTER TABLE "crm_store"."policy" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_insert";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_own"
AFTER UPDATE ON "crm_store"."policy"
REFERENCING OLD TABLE AS pgmask_old NEW TABLE AS pgmask_new
FOR EACH STATEMENT
WHEN (CURRENT_USER IN ('pgmask_sealer', 'pgmask_keyless'))
EXECUTE FUNCTION pgmask_private."change_crm.policy"('own');

ALTER TABLE "crm_store"."policy" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_own";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_truncate"
AFTER TRUNCATE ON "crm_store"."policy"
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."change_crm.policy"();

ALTER TABLE "crm_store"."policy" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_truncate";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_update"
AFTER UPDATE ON "crm_store"."policy"
REFERENCING OLD TABLE AS pgmask_old NEW TABLE AS pgmask_new
FOR EACH STATEMENT
WHEN (NOT (CURRENT_USER IN ('pgmask_sealer', 'pgmask_keyless')))
EXECUTE FUNCTION pgmask_private."change_crm.policy"();

ALTER TABLE "crm_store"."policy" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_update";

CREATE OR REPLACE TRIGGER "zzz_pgmask_insert"
BEFORE INSERT ON "crm_store"."policy"
FOR EACH ROW
EXECUTE FUNCTION pgmask_private."seal_crm.policy_insert"();

ALTER TABLE "crm_store"."policy" ENABLE ALWAYS TRIGGER "zzz_pgmask_insert";

CREATE OR REPLACE TRIGGER "zzz_pgmask_marked"
AFTER INSERT OR UPDATE ON "crm_store"."policy"
FOR EACH ROW
WHEN (NEW."pgmask_sealed" = '\x00'::bytea)
EXECUTE FUNCTION pgmask_private.refuse_marked_row();

ALTER TABLE "crm_store"."policy" ENABLE ALWAYS TRIGGER "zzz_pgmask_marked";

CREATE OR REPLACE TRIGGER "zzz_pgmask_statement"
BEFORE UPDATE ON "crm_store"."policy"
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."seal_crm.policy_statement"();

ALTER TABLE "crm_store"."policy" ENABLE ALWAYS TRIGGER "zzz_pgmask_statement";

CREATE OR REPLACE TRIGGER "zzz_pgmask_update"
BEFORE UPDATE ON "crm_store"."policy"
FOR EACH ROW
EXECUTE FUNCTION pgmask_private."seal_crm.policy_update"();

ALTER TABLE "crm_store"."policy" ENABLE ALWAYS TRIGGER "zzz_pgmask_update";

CREATE INDEX "pgmask_policy_unit" ON "crm_store"."policy" ("pgmask_unit", "id");

COMMENT ON INDEX "crm_store"."pgmask_policy_unit" IS 'Rows of crm.policy by the unit of their subject.';

ALTER TABLE "crm_store"."policy" ENABLE ROW LEVEL SECURITY;

-- the owner's own statements fail loudly instead of seeing no rows (PM220)
ALTER TABLE "crm_store"."policy" FORCE ROW LEVEL SECURITY;

CREATE POLICY "pgmask_agent_delete" ON "crm_store"."policy" AS PERMISSIVE FOR DELETE TO "pgmask_agent_views" USING (("pgmask_unit" = (SELECT i.unit_id::integer FROM "pgmask_private"."identity_agent" AS i) AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_agent_delete" ON "crm_store"."policy" IS 'Profile agent, rows own_unit.';

CREATE POLICY "pgmask_agent_insert" ON "crm_store"."policy" AS PERMISSIVE FOR INSERT TO "pgmask_agent_views" WITH CHECK (("pgmask_unit" = (SELECT i.unit_id::integer FROM "pgmask_private"."identity_agent" AS i) AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted" AND (SELECT pgmask_note.read('agent',
    ARRAY['assertion', 'challenge']::text[], ARRAY['crm-web']::text[], true, 'crm.policy', NULL::bigint)) IS NOT NULL);

COMMENT ON POLICY "pgmask_agent_insert" ON "crm_store"."policy" IS 'Profile agent, rows own_unit.';

CREATE POLICY "pgmask_agent_select" ON "crm_store"."policy" AS PERMISSIVE FOR SELECT TO "pgmask_agent_views" USING (("pgmask_unit" = (SELECT i.unit_id::integer FROM "pgmask_private"."identity_agent" AS i) AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_agent_select" ON "crm_store"."policy" IS 'Profile agent, rows own_unit.';

CREATE POLICY "pgmask_agent_update" ON "crm_store"."policy" AS PERMISSIVE FOR UPDATE TO "pgmask_agent_views" USING (("pgmask_unit" = (SELECT i.unit_id::integer FROM "pgmask_private"."identity_agent" AS i) AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted") WITH CHECK (("pgmask_unit" = (SELECT i.unit_id::integer FROM "pgmask_private"."identity_agent" AS i) AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_agent_update" ON "crm_store"."policy" IS 'Profile agent, rows own_unit.';

CREATE POLICY "pgmask_all_backup" ON "crm_store"."policy" AS PERMISSIVE FOR SELECT TO "pgmask_backup" USING ((SELECT pgmask_note.backup('crm.policy')));

COMMENT ON POLICY "pgmask_all_backup" ON "crm_store"."policy" IS 'Backups hold every row, with a note that they were made; the columns hold masks.';

CREATE POLICY "pgmask_all_keyless" ON "crm_store"."policy" AS PERMISSIVE FOR ALL TO "pgmask_keyless" USING (true);

COMMENT ON POLICY "pgmask_all_keyless" ON "crm_store"."policy" IS 'Rows follow the flags and the unit of their subject.';

CREATE POLICY "pgmask_all_sealer" ON "crm_store"."policy" AS PERMISSIVE FOR ALL TO "pgmask_sealer" USING (true);

COMMENT ON POLICY "pgmask_all_sealer" ON "crm_store"."policy" IS 'The sealing trigger looks rows up and re-seals them.';

CREATE POLICY "pgmask_analyst_select" ON "crm_store"."policy" AS PERMISSIVE FOR SELECT TO "pgmask_analyst_views" USING ((true AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_analyst_select" ON "crm_store"."policy" IS 'Profile analyst, rows all.';

CREATE POLICY "pgmask_lookup_locks" ON "crm_store"."policy" AS PERMISSIVE FOR UPDATE TO "pgmask_lookup" USING (true) WITH CHECK (false);

COMMENT ON POLICY "pgmask_lookup_locks" ON "crm_store"."policy" IS 'They lock rows and change none.';

CREATE POLICY "pgmask_lookup_reads" ON "crm_store"."policy" AS PERMISSIVE FOR SELECT TO "pgmask_lookup" USING (true);

COMMENT ON POLICY "pgmask_lookup_reads" ON "crm_store"."policy" IS 'Functions of pgmask look rows up.';

CREATE POLICY "pgmask_owner_refused" ON "crm_store"."policy" AS PERMISSIVE FOR ALL TO "pgmask_store" USING ((SELECT pgmask.refuse_owner()));

COMMENT ON POLICY "pgmask_owner_refused" ON "crm_store"."policy" IS 'Statements of the owner are refused: they would see no rows.';

-- crm.policy for profile analyst
CREATE OR REPLACE VIEW "analyst"."policy" AS
SELECT
  s."id",
  s."holder_id",
  s."product",
  NULL::numeric(12,2) AS "amount"
FROM "crm_store"."policy" AS s
WHERE (SELECT pgmask_note.read('analyst',
    ARRAY[]::text[], ARRAY[]::text[], true, 'crm.policy', NULL::bigint) IS NOT NULL);

ALTER VIEW "analyst"."policy" OWNER TO "pgmask_analyst_views";

COMMENT ON VIEW "analyst"."policy" IS 'pgmask: crm.policy as profile analyst sees it.';

-- crm.policy for profile agent
CREATE OR REPLACE VIEW "crm"."policy" AS
SELECT
  s."id",
  s."holder_id",
  s."product",
  s."amount"
FROM "crm_store"."policy" AS s
WHERE (SELECT pgmask_note.read('agent',
    ARRAY['assertion', 'challenge']::text[], ARRAY['crm-web']::text[], true, 'crm.policy', NULL::bigint) IS NOT NULL);

ALTER VIEW "crm"."policy" OWNER TO "pgmask_agent_views";

COMMENT ON VIEW "crm"."policy" IS 'pgmask: crm.policy as profile agent sees it.';

ALTER VIEW "crm"."policy" ALTER COLUMN "id" SET DEFAULT nextval('crm.policy_id_seq'::regclass);

DELETE FROM pgmask_private.profile_column WHERE table_id = 'crm.policy';

-- what pgmask.why explains
INSERT INTO pgmask_private.profile_column (profile, table_id, position, column_name, level, category, kind, form, sealed, view_schema, view_name, rows, operations)
VALUES
  ('agent', 'crm.policy', 1, 'id', 3, 'general', NULL, 'plain', false, 'crm', 'policy', ARRAY['own_unit'], ARRAY['select', 'insert', 'update', 'delete']),
  ('agent', 'crm.policy', 2, 'holder_id', 3, 'general', NULL, 'plain', false, 'crm', 'policy', ARRAY['own_unit'], ARRAY['select', 'insert', 'update', 'delete']),
  ('agent', 'crm.policy', 3, 'product', 3, 'general', NULL, 'plain', false, 'crm', 'policy', ARRAY['own_unit'], ARRAY['select', 'insert', 'update', 'delete']),
  ('agent', 'crm.policy', 4, 'amount', 2, 'finance', NULL, 'plain', false, 'crm', 'policy', ARRAY['own_unit'], ARRAY['select', 'insert', 'update', 'delete']),
  ('analyst', 'crm.policy', 1, 'id', 3, 'general', NULL, 'plain', false, 'analyst', 'policy', ARRAY['all'], ARRAY['select']),
  ('analyst', 'crm.policy', 2, 'holder_id', 3, 'general', NULL, 'plain', false, 'analyst', 'policy', ARRAY['all'], ARRAY['select']),
  ('analyst', 'crm.policy', 3, 'product', 3, 'general', NULL, 'plain', false, 'analyst', 'policy', ARRAY['all'], ARRAY['select']),
  ('analyst', 'crm.policy', 4, 'amount', 2, 'finance', NULL, 'hidden', false, 'analyst', 'policy', ARRAY['all'], ARRAY['select']);

-- from now on enforced
SELECT pgmask_private.enter_stage('crm.policy', 'enforced');

REVOKE ALL PRIVILEGES ON TABLE "analyst"."policy" FROM "pgmask_analyst";

GRANT SELECT ON TABLE "analyst"."policy" TO "pgmask_analyst";

REVOKE ALL PRIVILEGES ON TABLE "crm"."policy" FROM "pgmask_agent";

GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE "crm"."policy" TO "pgmask_agent";

REVOKE ALL PRIVILEGES ON TABLE "crm_store"."policy" FROM "pgmask_agent_views";

GRANT SELECT ("id", "holder_id", "product", "amount"), INSERT ("id", "holder_id", "product", "amount"), UPDATE ("id", "holder_id", "product", "amount"), DELETE ON TABLE "crm_store"."policy" TO "pgmask_agent_views";

REVOKE ALL PRIVILEGES ON TABLE "crm_store"."policy" FROM "pgmask_analyst_views";

GRANT SELECT ("id", "holder_id", "product") ON TABLE "crm_store"."policy" TO "pgmask_analyst_views";

REVOKE ALL PRIVILEGES ON TABLE "crm_store"."policy" FROM "pgmask_backup";

GRANT SELECT ON TABLE "crm_store"."policy" TO "pgmask_backup";

REVOKE ALL PRIVILEGES ON TABLE "crm_store"."policy" FROM "pgmask_keyless";

GRANT SELECT ("holder_id", "pgmask_high_value", "pgmask_restricted", "pgmask_unit"), UPDATE ("pgmask_high_value", "pgmask_restricted", "pgmask_unit") ON TABLE "crm_store"."policy" TO "pgmask_keyless";

REVOKE ALL PRIVILEGES ON TABLE "crm_store"."policy" FROM "pgmask_lookup";

GRANT SELECT, UPDATE ("pgmask_restricted") ON TABLE "crm_store"."policy" TO "pgmask_lookup";

REVOKE ALL PRIVILEGES ON TABLE "crm_store"."policy" FROM "pgmask_sealer";

GRANT SELECT, UPDATE ON TABLE "crm_store"."policy" TO "pgmask_sealer";

REVOKE ALL PRIVILEGES ON SEQUENCE "crm"."policy_id_seq" FROM "pgmask_agent";

GRANT USAGE ON SEQUENCE "crm"."policy_id_seq" TO "pgmask_agent";

REVOKE ALL PRIVILEGES ON SEQUENCE "crm"."policy_id_seq" FROM "pgmask_backup";

GRANT SELECT ON SEQUENCE "crm"."policy_id_seq" TO "pgmask_backup";
