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

CREATE SCHEMA IF NOT EXISTS "Store; 'x'";

ALTER SCHEMA "Store; 'x'" OWNER TO "pgmask_store";

REVOKE ALL PRIVILEGES ON SCHEMA "Store; 'x'" FROM PUBLIC;

COMMENT ON SCHEMA "Store; 'x'" IS 'Stores of schema Kunden; DROP; applications read views.';

CREATE SCHEMA IF NOT EXISTS "wide";

ALTER SCHEMA "wide" OWNER TO "pgmask_owner";

REVOKE ALL PRIVILEGES ON SCHEMA "wide" FROM PUBLIC;

COMMENT ON SCHEMA "wide" IS 'Views of profile wide.';

REVOKE ALL PRIVILEGES ON SCHEMA "Kunden; DROP" FROM "pgmask_backup";

GRANT USAGE ON SCHEMA "Kunden; DROP" TO "pgmask_backup";

REVOKE ALL PRIVILEGES ON SCHEMA "Kunden; DROP" FROM "pgmask_desk";

GRANT USAGE ON SCHEMA "Kunden; DROP" TO "pgmask_desk";

REVOKE ALL PRIVILEGES ON SCHEMA "Kunden; DROP" FROM "pgmask_desk_views";

GRANT USAGE, CREATE ON SCHEMA "Kunden; DROP" TO "pgmask_desk_views";

REVOKE ALL PRIVILEGES ON SCHEMA "Kunden; DROP" FROM "pgmask_keyless";

GRANT USAGE ON SCHEMA "Kunden; DROP" TO "pgmask_keyless";

REVOKE ALL PRIVILEGES ON SCHEMA "Kunden; DROP" FROM "pgmask_lookup";

GRANT USAGE ON SCHEMA "Kunden; DROP" TO "pgmask_lookup";

REVOKE ALL PRIVILEGES ON SCHEMA "Store; 'x'" FROM "pgmask_backup";

GRANT USAGE ON SCHEMA "Store; 'x'" TO "pgmask_backup";

REVOKE ALL PRIVILEGES ON SCHEMA "Store; 'x'" FROM "pgmask_keyless";

GRANT USAGE ON SCHEMA "Store; 'x'" TO "pgmask_keyless";

REVOKE ALL PRIVILEGES ON SCHEMA "Store; 'x'" FROM "pgmask_lookup";

GRANT USAGE ON SCHEMA "Store; 'x'" TO "pgmask_lookup";

REVOKE ALL PRIVILEGES ON SCHEMA "Store; 'x'" FROM "pgmask_sealer";

GRANT USAGE ON SCHEMA "Store; 'x'" TO "pgmask_sealer";

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
VALUES ('desk', pg_catalog.concat_ws(', ', pg_catalog.quote_ident('Kunden; DROP')));

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

-- move the table aside; indexes, constraints and identity sequences go with it
ALTER TABLE "Kunden; DROP"."Order" SET SCHEMA "Store; 'x'";

ALTER TABLE "Store; 'x'"."Order" OWNER TO "pgmask_store";

-- remember what the table was before
INSERT INTO pgmask_private.store_table (table_id, schema_name, table_name, original_schema, original_owner, adopted) VALUES ('Kunden; DROP.Order', 'Store; ''x''', 'Order', 'Kunden; DROP', 'installer', E'{}'::jsonb) ON CONFLICT (table_id) DO UPDATE SET schema_name = EXCLUDED.schema_name, table_name = EXCLUDED.table_name;

COMMENT ON TABLE "Store; 'x'"."Order" IS 'pgmask: Store of Kunden; DROP.Order; read it through a view.';

ALTER TABLE "Store; 'x'"."Order" ADD COLUMN IF NOT EXISTS "pgmask_hidden_back\slash" text;

COMMENT ON COLUMN "Store; 'x'"."Order"."pgmask_hidden_back\slash" IS E'back\\slash as writable profiles see it: hidden.';

ALTER TABLE "Store; 'x'"."Order" ADD COLUMN IF NOT EXISTS "pgmask_hidden_per%cent" text;

COMMENT ON COLUMN "Store; 'x'"."Order"."pgmask_hidden_per%cent" IS 'per%cent as writable profiles see it: hidden.';

ALTER TABLE "Store; 'x'"."Order" ADD COLUMN IF NOT EXISTS "pgmask_hidden_select" text;

COMMENT ON COLUMN "Store; 'x'"."Order"."pgmask_hidden_select" IS 'select as writable profiles see it: hidden.';

ALTER TABLE "Store; 'x'"."Order" ADD COLUMN IF NOT EXISTS "pgmask_hidden_with ""quote""" character varying(20);

COMMENT ON COLUMN "Store; 'x'"."Order"."pgmask_hidden_with ""quote""" IS 'with "quote" as writable profiles see it: hidden.';

ALTER TABLE "Store; 'x'"."Order" ADD COLUMN IF NOT EXISTS "pgmask_hidden_x123456789012345678901234567890123456789_87984b01" text;

COMMENT ON COLUMN "Store; 'x'"."Order"."pgmask_hidden_x123456789012345678901234567890123456789_87984b01" IS 'x123456789012345678901234567890123456789012345678901234567890xy as writable profiles see it: hidden.';

ALTER TABLE "Store; 'x'"."Order" ADD COLUMN IF NOT EXISTS "pgmask_hidden_x123456789012345678901234567890123456789_92431e9a" text;

COMMENT ON COLUMN "Store; 'x'"."Order"."pgmask_hidden_x123456789012345678901234567890123456789_92431e9a" IS 'x123456789012345678901234567890123456789012345678901234567890xz as writable profiles see it: hidden.';

ALTER TABLE "Store; 'x'"."Order" ADD COLUMN IF NOT EXISTS "pgmask_hidden_{}" text;

COMMENT ON COLUMN "Store; 'x'"."Order"."pgmask_hidden_{}" IS '{} as writable profiles see it: hidden.';

ALTER TABLE "Store; 'x'"."Order" ADD COLUMN IF NOT EXISTS "pgmask_hidden_äöü漢字" text;

COMMENT ON COLUMN "Store; 'x'"."Order"."pgmask_hidden_äöü漢字" IS 'äöü漢字 as writable profiles see it: hidden.';

ALTER TABLE "Store; 'x'"."Order" ADD COLUMN IF NOT EXISTS "pgmask_high_value" boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN "Store; 'x'"."Order"."pgmask_high_value" IS 'The row speaks of a high-value customer (D1).';

ALTER TABLE "Store; 'x'"."Order" ADD COLUMN IF NOT EXISTS "pgmask_quality" text[];

COMMENT ON COLUMN "Store; 'x'"."Order"."pgmask_quality" IS 'What is doubtful about the row (F4).';

ALTER TABLE "Store; 'x'"."Order" ADD COLUMN IF NOT EXISTS "pgmask_restricted" boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN "Store; 'x'"."Order"."pgmask_restricted" IS 'The subject''s information is restricted.';

ALTER TABLE "Store; 'x'"."Order" ADD COLUMN IF NOT EXISTS "pgmask_sealed" bytea;

ALTER TABLE "Store; 'x'"."Order" ALTER COLUMN "pgmask_sealed" SET STATISTICS 0;

COMMENT ON COLUMN "Store; 'x'"."Order"."pgmask_sealed" IS 'Sealed truths, bundle own.';

ALTER TABLE "Store; 'x'"."Order" ADD CONSTRAINT "pgmask_form_pgmask_sealed" CHECK (octet_length("pgmask_sealed") >= 38 OR "pgmask_sealed" = '\x00'::bytea) NOT VALID;

ALTER TABLE "Store; 'x'"."Order" ADD CONSTRAINT "pgmask_mask_pgmask_hidden_back\slash" CHECK ("pgmask_hidden_back\slash" IS NULL) NOT VALID;

ALTER TABLE "Store; 'x'"."Order" ADD CONSTRAINT "pgmask_mask_pgmask_hidden_per%cent" CHECK ("pgmask_hidden_per%cent" IS NULL) NOT VALID;

ALTER TABLE "Store; 'x'"."Order" ADD CONSTRAINT "pgmask_mask_pgmask_hidden_select" CHECK ("pgmask_hidden_select" IS NULL) NOT VALID;

ALTER TABLE "Store; 'x'"."Order" ADD CONSTRAINT "pgmask_mask_pgmask_hidden_with ""quote""" CHECK ("pgmask_hidden_with ""quote""" IS NULL) NOT VALID;

ALTER TABLE "Store; 'x'"."Order" ADD CONSTRAINT "pgmask_mask_pgmask_hidden_x123456789012345678901234567_41133728" CHECK ("pgmask_hidden_x123456789012345678901234567890123456789_92431e9a" IS NULL) NOT VALID;

ALTER TABLE "Store; 'x'"."Order" ADD CONSTRAINT "pgmask_mask_pgmask_hidden_x123456789012345678901234567_92b6d65f" CHECK ("pgmask_hidden_x123456789012345678901234567890123456789_87984b01" IS NULL) NOT VALID;

ALTER TABLE "Store; 'x'"."Order" ADD CONSTRAINT "pgmask_mask_pgmask_hidden_{}" CHECK ("pgmask_hidden_{}" IS NULL) NOT VALID;

ALTER TABLE "Store; 'x'"."Order" ADD CONSTRAINT "pgmask_mask_pgmask_hidden_äöü漢字" CHECK ("pgmask_hidden_äöü漢字" IS NULL) NOT VALID;

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_delete"
AFTER DELETE ON "Store; 'x'"."Order"
REFERENCING OLD TABLE AS pgmask_old
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."change_Kunden; DROP.Order"();

ALTER TABLE "Store; 'x'"."Order" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_delete";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_insert"
AFTER INSERT ON "Store; 'x'"."Order"
REFERENCING NEW TABLE AS pgmask_new
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."change_Kunden; DROP.Order"();

ALTER TABLE "Store; 'x'"."Order" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_insert";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_own"
AFTER UPDATE ON "Store; 'x'"."Order"
REFERENCING OLD TABLE AS pgmask_old NEW TABLE AS pgmask_new
FOR EACH STATEMENT
WHEN (CURRENT_USER IN ('pgmask_sealer', 'pgmask_keyless'))
EXECUTE FUNCTION pgmask_private."change_Kunden; DROP.Order"('own');

ALTER TABLE "Store; 'x'"."Order" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_own";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_truncate"
AFTER TRUNCATE ON "Store; 'x'"."Order"
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."change_Kunden; DROP.Order"();

ALTER TABLE "Store; 'x'"."Order" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_truncate";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_update"
AFTER UPDATE ON "Store; 'x'"."Order"
REFERENCING OLD TABLE AS pgmask_old NEW TABLE AS pgmask_new
FOR EACH STATEMENT
WHEN (NOT (CURRENT_USER IN ('pgmask_sealer', 'pgmask_keyless')))
EXECUTE FUNCTION pgmask_private."change_Kunden; DROP.Order"();

ALTER TABLE "Store; 'x'"."Order" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_update";

CREATE OR REPLACE TRIGGER "zzz_pgmask_insert"
BEFORE INSERT ON "Store; 'x'"."Order"
FOR EACH ROW
EXECUTE FUNCTION pgmask_private."seal_Kunden; DROP.Order_insert"();

ALTER TABLE "Store; 'x'"."Order" ENABLE ALWAYS TRIGGER "zzz_pgmask_insert";

CREATE OR REPLACE TRIGGER "zzz_pgmask_marked"
AFTER INSERT OR UPDATE ON "Store; 'x'"."Order"
FOR EACH ROW
WHEN (NEW."pgmask_sealed" = '\x00'::bytea)
EXECUTE FUNCTION pgmask_private.refuse_marked_row();

ALTER TABLE "Store; 'x'"."Order" ENABLE ALWAYS TRIGGER "zzz_pgmask_marked";

CREATE OR REPLACE TRIGGER "zzz_pgmask_statement"
BEFORE UPDATE ON "Store; 'x'"."Order"
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."seal_Kunden; DROP.Order_statement"();

ALTER TABLE "Store; 'x'"."Order" ENABLE ALWAYS TRIGGER "zzz_pgmask_statement";

CREATE OR REPLACE TRIGGER "zzz_pgmask_update"
BEFORE UPDATE ON "Store; 'x'"."Order"
FOR EACH ROW
EXECUTE FUNCTION pgmask_private."seal_Kunden; DROP.Order_update"();

ALTER TABLE "Store; 'x'"."Order" ENABLE ALWAYS TRIGGER "zzz_pgmask_update";

ALTER TABLE "Store; 'x'"."Order" ENABLE ROW LEVEL SECURITY;

-- the owner's own statements fail loudly instead of seeing no rows (PM220)
ALTER TABLE "Store; 'x'"."Order" FORCE ROW LEVEL SECURITY;

CREATE POLICY "pgmask_all_backup" ON "Store; 'x'"."Order" AS PERMISSIVE FOR SELECT TO "pgmask_backup" USING ((SELECT pgmask_note.backup('Kunden; DROP.Order')));

COMMENT ON POLICY "pgmask_all_backup" ON "Store; 'x'"."Order" IS 'Backups hold every row, with a note that they were made; the columns hold masks.';

CREATE POLICY "pgmask_all_keyless" ON "Store; 'x'"."Order" AS PERMISSIVE FOR ALL TO "pgmask_keyless" USING (true);

COMMENT ON POLICY "pgmask_all_keyless" ON "Store; 'x'"."Order" IS 'Rows follow the flags and the unit of their subject.';

CREATE POLICY "pgmask_all_sealer" ON "Store; 'x'"."Order" AS PERMISSIVE FOR ALL TO "pgmask_sealer" USING (true);

COMMENT ON POLICY "pgmask_all_sealer" ON "Store; 'x'"."Order" IS 'The sealing trigger looks rows up and re-seals them.';

CREATE POLICY "pgmask_desk_delete" ON "Store; 'x'"."Order" AS PERMISSIVE FOR DELETE TO "pgmask_desk_views" USING (((SELECT i.person_id IS NOT NULL FROM "pgmask_private"."identity_desk" AS i) AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_desk_delete" ON "Store; 'x'"."Order" IS 'Profile desk, rows all.';

CREATE POLICY "pgmask_desk_insert" ON "Store; 'x'"."Order" AS PERMISSIVE FOR INSERT TO "pgmask_desk_views" WITH CHECK (((SELECT i.person_id IS NOT NULL FROM "pgmask_private"."identity_desk" AS i) AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted" AND (SELECT pgmask_note.read('desk',
    ARRAY[]::text[], ARRAY[]::text[], true, 'Kunden; DROP.Order', NULL::bigint)) IS NOT NULL);

COMMENT ON POLICY "pgmask_desk_insert" ON "Store; 'x'"."Order" IS 'Profile desk, rows all.';

CREATE POLICY "pgmask_desk_select" ON "Store; 'x'"."Order" AS PERMISSIVE FOR SELECT TO "pgmask_desk_views" USING (((SELECT i.person_id IS NOT NULL FROM "pgmask_private"."identity_desk" AS i) AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_desk_select" ON "Store; 'x'"."Order" IS 'Profile desk, rows all.';

CREATE POLICY "pgmask_desk_update" ON "Store; 'x'"."Order" AS PERMISSIVE FOR UPDATE TO "pgmask_desk_views" USING (((SELECT i.person_id IS NOT NULL FROM "pgmask_private"."identity_desk" AS i) AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted") WITH CHECK (((SELECT i.person_id IS NOT NULL FROM "pgmask_private"."identity_desk" AS i) AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_desk_update" ON "Store; 'x'"."Order" IS 'Profile desk, rows all.';

CREATE POLICY "pgmask_lookup_locks" ON "Store; 'x'"."Order" AS PERMISSIVE FOR UPDATE TO "pgmask_lookup" USING (true) WITH CHECK (false);

COMMENT ON POLICY "pgmask_lookup_locks" ON "Store; 'x'"."Order" IS 'They lock rows and change none.';

CREATE POLICY "pgmask_lookup_reads" ON "Store; 'x'"."Order" AS PERMISSIVE FOR SELECT TO "pgmask_lookup" USING (true);

COMMENT ON POLICY "pgmask_lookup_reads" ON "Store; 'x'"."Order" IS 'Functions of pgmask look rows up.';

CREATE POLICY "pgmask_owner_refused" ON "Store; 'x'"."Order" AS PERMISSIVE FOR ALL TO "pgmask_store" USING ((SELECT pgmask.refuse_owner()));

COMMENT ON POLICY "pgmask_owner_refused" ON "Store; 'x'"."Order" IS 'Statements of the owner are refused: they would see no rows.';

CREATE POLICY "pgmask_wide_select" ON "Store; 'x'"."Order" AS PERMISSIVE FOR SELECT TO "pgmask_wide_views" USING ((true AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_wide_select" ON "Store; 'x'"."Order" IS 'Profile wide, rows all.';

-- Kunden; DROP.Order for profile desk
CREATE OR REPLACE VIEW "Kunden; DROP"."Order" AS
SELECT
  s."Id",
  s."pgmask_hidden_select" AS "select",
  s."pgmask_hidden_with ""quote""" AS "with ""quote""",
  s."a.b",
  s."pgmask_hidden_äöü漢字" AS "äöü漢字",
  s."pgmask_hidden_x123456789012345678901234567890123456789_87984b01" AS "x123456789012345678901234567890123456789012345678901234567890xy",
  s."pgmask_hidden_x123456789012345678901234567890123456789_92431e9a" AS "x123456789012345678901234567890123456789012345678901234567890xz",
  s."pgmask_hidden_back\slash" AS "back\slash",
  s."pgmask_hidden_per%cent" AS "per%cent",
  s."pgmask_hidden_{}" AS "{}"
FROM "Store; 'x'"."Order" AS s
WHERE (SELECT pgmask_note.read('desk',
    ARRAY[]::text[], ARRAY[]::text[], true, 'Kunden; DROP.Order', NULL::bigint) IS NOT NULL);

ALTER VIEW "Kunden; DROP"."Order" OWNER TO "pgmask_desk_views";

COMMENT ON VIEW "Kunden; DROP"."Order" IS 'pgmask: Kunden; DROP.Order as profile desk sees it.';

ALTER VIEW "Kunden; DROP"."Order" ALTER COLUMN "Id" SET DEFAULT gen_random_uuid();

ALTER VIEW "Kunden; DROP"."Order" ALTER COLUMN "a.b" SET DEFAULT 0;

-- Kunden; DROP.Order for profile wide
CREATE OR REPLACE VIEW "wide"."Order" AS
SELECT
  s."Id",
  NULL::text AS "select",
  NULL::character varying(20) AS "with ""quote""",
  s."a.b",
  NULL::text AS "äöü漢字",
  NULL::text AS "x123456789012345678901234567890123456789012345678901234567890xy",
  NULL::text AS "x123456789012345678901234567890123456789012345678901234567890xz",
  NULL::text AS "back\slash",
  NULL::text AS "per%cent",
  NULL::text AS "{}"
FROM "Store; 'x'"."Order" AS s
WHERE (SELECT pgmask_note.read('wide',
    ARRAY[]::text[], ARRAY[]::text[], true, 'Kunden; DROP.Order', NULL::bigint) IS NOT NULL);

ALTER VIEW "wide"."Order" OWNER TO "pgmask_wide_views";

COMMENT ON VIEW "wide"."Order" IS 'pgmask: Kunden; DROP.Order as profile wide sees it.';

DELETE FROM pgmask_private.profile_column WHERE table_id = 'Kunden; DROP.Order';

-- what pgmask.why explains
INSERT INTO pgmask_private.profile_column (profile, table_id, position, column_name, level, category, kind, form, sealed, view_schema, view_name, rows, operations)
VALUES
  ('desk', 'Kunden; DROP.Order', 1, 'Id', 3, 'general', NULL, 'plain', false, 'Kunden; DROP', 'Order', ARRAY['all'], ARRAY['select', 'insert', 'update', 'delete']),
  ('desk', 'Kunden; DROP.Order', 2, 'select', 2, 'basic', 'free_text', 'hidden', false, 'Kunden; DROP', 'Order', ARRAY['all'], ARRAY['select', 'insert', 'update', 'delete']),
  ('desk', 'Kunden; DROP.Order', 3, 'with "quote"', 2, 'basic', 'free_text', 'hidden', false, 'Kunden; DROP', 'Order', ARRAY['all'], ARRAY['select', 'insert', 'update', 'delete']),
  ('desk', 'Kunden; DROP.Order', 4, 'a.b', 3, 'general', NULL, 'plain', false, 'Kunden; DROP', 'Order', ARRAY['all'], ARRAY['select', 'insert', 'update', 'delete']),
  ('desk', 'Kunden; DROP.Order', 5, 'äöü漢字', 2, 'basic', 'free_text', 'hidden', false, 'Kunden; DROP', 'Order', ARRAY['all'], ARRAY['select', 'insert', 'update', 'delete']),
  ('desk', 'Kunden; DROP.Order', 6, 'x123456789012345678901234567890123456789012345678901234567890xy', 2, 'basic', 'free_text', 'hidden', false, 'Kunden; DROP', 'Order', ARRAY['all'], ARRAY['select', 'insert', 'update', 'delete']),
  ('desk', 'Kunden; DROP.Order', 7, 'x123456789012345678901234567890123456789012345678901234567890xz', 2, 'basic', 'free_text', 'hidden', false, 'Kunden; DROP', 'Order', ARRAY['all'], ARRAY['select', 'insert', 'update', 'delete']),
  ('desk', 'Kunden; DROP.Order', 8, E'back\\slash', 2, 'basic', 'free_text', 'hidden', false, 'Kunden; DROP', 'Order', ARRAY['all'], ARRAY['select', 'insert', 'update', 'delete']),
  ('desk', 'Kunden; DROP.Order', 9, 'per%cent', 2, 'basic', 'free_text', 'hidden', false, 'Kunden; DROP', 'Order', ARRAY['all'], ARRAY['select', 'insert', 'update', 'delete']),
  ('desk', 'Kunden; DROP.Order', 10, '{}', 2, 'basic', 'free_text', 'hidden', false, 'Kunden; DROP', 'Order', ARRAY['all'], ARRAY['select', 'insert', 'update', 'delete']),
  ('wide', 'Kunden; DROP.Order', 1, 'Id', 3, 'general', NULL, 'plain', false, 'wide', 'Order', ARRAY['all'], ARRAY['select']),
  ('wide', 'Kunden; DROP.Order', 2, 'select', 2, 'basic', 'free_text', 'hidden', false, 'wide', 'Order', ARRAY['all'], ARRAY['select']),
  ('wide', 'Kunden; DROP.Order', 3, 'with "quote"', 2, 'basic', 'free_text', 'hidden', false, 'wide', 'Order', ARRAY['all'], ARRAY['select']),
  ('wide', 'Kunden; DROP.Order', 4, 'a.b', 3, 'general', NULL, 'plain', false, 'wide', 'Order', ARRAY['all'], ARRAY['select']),
  ('wide', 'Kunden; DROP.Order', 5, 'äöü漢字', 2, 'basic', 'free_text', 'hidden', false, 'wide', 'Order', ARRAY['all'], ARRAY['select']),
  ('wide', 'Kunden; DROP.Order', 6, 'x123456789012345678901234567890123456789012345678901234567890xy', 2, 'basic', 'free_text', 'hidden', false, 'wide', 'Order', ARRAY['all'], ARRAY['select']),
  ('wide', 'Kunden; DROP.Order', 7, 'x123456789012345678901234567890123456789012345678901234567890xz', 2, 'basic', 'free_text', 'hidden', false, 'wide', 'Order', ARRAY['all'], ARRAY['select']),
  ('wide', 'Kunden; DROP.Order', 8, E'back\\slash', 2, 'basic', 'free_text', 'hidden', false, 'wide', 'Order', ARRAY['all'], ARRAY['select']),
  ('wide', 'Kunden; DROP.Order', 9, 'per%cent', 2, 'basic', 'free_text', 'hidden', false, 'wide', 'Order', ARRAY['all'], ARRAY['select']),
  ('wide', 'Kunden; DROP.Order', 10, '{}', 2, 'basic', 'free_text', 'hidden', false, 'wide', 'Order', ARRAY['all'], ARRAY['select']);

-- from now on enforced
SELECT pgmask_private.enter_stage('Kunden; DROP.Order', 'enforced');

REVOKE ALL PRIVILEGES ON TABLE "Kunden; DROP"."Order" FROM "pgmask_desk";

GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE "Kunden; DROP"."Order" TO "pgmask_desk";

REVOKE ALL PRIVILEGES ON TABLE "Store; 'x'"."Order" FROM "pgmask_backup";

GRANT SELECT ON TABLE "Store; 'x'"."Order" TO "pgmask_backup";

REVOKE ALL PRIVILEGES ON TABLE "Store; 'x'"."Order" FROM "pgmask_desk_views";

GRANT SELECT ("Id", "pgmask_hidden_select", "pgmask_hidden_with ""quote""", "a.b", "pgmask_hidden_äöü漢字", "pgmask_hidden_x123456789012345678901234567890123456789_87984b01", "pgmask_hidden_x123456789012345678901234567890123456789_92431e9a", "pgmask_hidden_back\slash", "pgmask_hidden_per%cent", "pgmask_hidden_{}"), INSERT ("Id", "pgmask_hidden_select", "pgmask_hidden_with ""quote""", "a.b", "pgmask_hidden_äöü漢字", "pgmask_hidden_x123456789012345678901234567890123456789_87984b01", "pgmask_hidden_x123456789012345678901234567890123456789_92431e9a", "pgmask_hidden_back\slash", "pgmask_hidden_per%cent", "pgmask_hidden_{}"), UPDATE ("Id", "pgmask_hidden_select", "pgmask_hidden_with ""quote""", "a.b", "pgmask_hidden_äöü漢字", "pgmask_hidden_x123456789012345678901234567890123456789_87984b01", "pgmask_hidden_x123456789012345678901234567890123456789_92431e9a", "pgmask_hidden_back\slash", "pgmask_hidden_per%cent", "pgmask_hidden_{}"), DELETE ON TABLE "Store; 'x'"."Order" TO "pgmask_desk_views";

REVOKE ALL PRIVILEGES ON TABLE "Store; 'x'"."Order" FROM "pgmask_lookup";

GRANT SELECT, UPDATE ("pgmask_restricted") ON TABLE "Store; 'x'"."Order" TO "pgmask_lookup";

REVOKE ALL PRIVILEGES ON TABLE "Store; 'x'"."Order" FROM "pgmask_sealer";

GRANT SELECT, UPDATE ON TABLE "Store; 'x'"."Order" TO "pgmask_sealer";

REVOKE ALL PRIVILEGES ON TABLE "Store; 'x'"."Order" FROM "pgmask_wide_views";

GRANT SELECT ("Id", "a.b") ON TABLE "Store; 'x'"."Order" TO "pgmask_wide_views";

REVOKE ALL PRIVILEGES ON TABLE "wide"."Order" FROM "pgmask_wide";

GRANT SELECT ON TABLE "wide"."Order" TO "pgmask_wide";

-- move the table aside; indexes, constraints and identity sequences go with it
ALTER TABLE "Kunden; DROP"."bank_account-party_party" SET SCHEMA "Store; 'x'";

ALTER TABLE "Store; 'x'"."bank_account-party_party" OWNER TO "pgmask_store";

-- remember what the table was before
INSERT INTO pgmask_private.store_table (table_id, schema_name, table_name, original_schema, original_owner, adopted) VALUES ('Kunden; DROP.bank_account-party_party', 'Store; ''x''', 'bank_account-party_party', 'Kunden; DROP', 'installer', E'{}'::jsonb) ON CONFLICT (table_id) DO UPDATE SET schema_name = EXCLUDED.schema_name, table_name = EXCLUDED.table_name;

COMMENT ON TABLE "Store; 'x'"."bank_account-party_party" IS 'pgmask: Store of Kunden; DROP.bank_account-party_party; read it through a view.';

ALTER TABLE "Store; 'x'"."bank_account-party_party" ADD COLUMN IF NOT EXISTS "pgmask_hidden_$pgmask$" text;

COMMENT ON COLUMN "Store; 'x'"."bank_account-party_party"."pgmask_hidden_$pgmask$" IS '$pgmask$ as writable profiles see it: hidden.';

ALTER TABLE "Store; 'x'"."bank_account-party_party" ADD COLUMN IF NOT EXISTS "pgmask_high_value" boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN "Store; 'x'"."bank_account-party_party"."pgmask_high_value" IS 'The row speaks of a high-value customer (D1).';

ALTER TABLE "Store; 'x'"."bank_account-party_party" ADD COLUMN IF NOT EXISTS "pgmask_quality" text[];

COMMENT ON COLUMN "Store; 'x'"."bank_account-party_party"."pgmask_quality" IS 'What is doubtful about the row (F4).';

ALTER TABLE "Store; 'x'"."bank_account-party_party" ADD COLUMN IF NOT EXISTS "pgmask_restricted" boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN "Store; 'x'"."bank_account-party_party"."pgmask_restricted" IS 'The subject''s information is restricted.';

ALTER TABLE "Store; 'x'"."bank_account-party_party" ADD COLUMN IF NOT EXISTS "pgmask_sealed" bytea;

ALTER TABLE "Store; 'x'"."bank_account-party_party" ALTER COLUMN "pgmask_sealed" SET STATISTICS 0;

COMMENT ON COLUMN "Store; 'x'"."bank_account-party_party"."pgmask_sealed" IS 'Sealed truths, bundle own.';

ALTER TABLE "Store; 'x'"."bank_account-party_party" ADD CONSTRAINT "pgmask_form_pgmask_sealed" CHECK (octet_length("pgmask_sealed") >= 38 OR "pgmask_sealed" = '\x00'::bytea) NOT VALID;

ALTER TABLE "Store; 'x'"."bank_account-party_party" ADD CONSTRAINT "pgmask_mask_pgmask_hidden_$pgmask$" CHECK ("pgmask_hidden_$pgmask$" IS NULL) NOT VALID;

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_delete"
AFTER DELETE ON "Store; 'x'"."bank_account-party_party"
REFERENCING OLD TABLE AS pgmask_old
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."change_Kunden; DROP.bank_account-party_party"();

ALTER TABLE "Store; 'x'"."bank_account-party_party" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_delete";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_insert"
AFTER INSERT ON "Store; 'x'"."bank_account-party_party"
REFERENCING NEW TABLE AS pgmask_new
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."change_Kunden; DROP.bank_account-party_party"();

ALTER TABLE "Store; 'x'"."bank_account-party_party" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_insert";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_own"
AFTER UPDATE ON "Store; 'x'"."bank_account-party_party"
REFERENCING OLD TABLE AS pgmask_old NEW TABLE AS pgmask_new
FOR EACH STATEMENT
WHEN (CURRENT_USER IN ('pgmask_sealer', 'pgmask_keyless'))
EXECUTE FUNCTION pgmask_private."change_Kunden; DROP.bank_account-party_party"('own');

ALTER TABLE "Store; 'x'"."bank_account-party_party" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_own";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_truncate"
AFTER TRUNCATE ON "Store; 'x'"."bank_account-party_party"
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."change_Kunden; DROP.bank_account-party_party"();

ALTER TABLE "Store; 'x'"."bank_account-party_party" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_truncate";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_update"
AFTER UPDATE ON "Store; 'x'"."bank_account-party_party"
REFERENCING OLD TABLE AS pgmask_old NEW TABLE AS pgmask_new
FOR EACH STATEMENT
WHEN (NOT (CURRENT_USER IN ('pgmask_sealer', 'pgmask_keyless')))
EXECUTE FUNCTION pgmask_private."change_Kunden; DROP.bank_account-party_party"();

ALTER TABLE "Store; 'x'"."bank_account-party_party" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_update";

CREATE OR REPLACE TRIGGER "zzz_pgmask_insert"
BEFORE INSERT ON "Store; 'x'"."bank_account-party_party"
FOR EACH ROW
EXECUTE FUNCTION pgmask_private."seal_Kunden; DROP.bank_account-party_party_insert"();

ALTER TABLE "Store; 'x'"."bank_account-party_party" ENABLE ALWAYS TRIGGER "zzz_pgmask_insert";

CREATE OR REPLACE TRIGGER "zzz_pgmask_marked"
AFTER INSERT OR UPDATE ON "Store; 'x'"."bank_account-party_party"
FOR EACH ROW
WHEN (NEW."pgmask_sealed" = '\x00'::bytea)
EXECUTE FUNCTION pgmask_private.refuse_marked_row();

ALTER TABLE "Store; 'x'"."bank_account-party_party" ENABLE ALWAYS TRIGGER "zzz_pgmask_marked";

CREATE OR REPLACE TRIGGER "zzz_pgmask_statement"
BEFORE UPDATE ON "Store; 'x'"."bank_account-party_party"
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."seal_Kunden; DROP.bank_account-party_party_statement"();

ALTER TABLE "Store; 'x'"."bank_account-party_party" ENABLE ALWAYS TRIGGER "zzz_pgmask_statement";

CREATE OR REPLACE TRIGGER "zzz_pgmask_update"
BEFORE UPDATE ON "Store; 'x'"."bank_account-party_party"
FOR EACH ROW
EXECUTE FUNCTION pgmask_private."seal_Kunden; DROP.bank_account-party_party_update"();

ALTER TABLE "Store; 'x'"."bank_account-party_party" ENABLE ALWAYS TRIGGER "zzz_pgmask_update";

ALTER TABLE "Store; 'x'"."bank_account-party_party" ENABLE ROW LEVEL SECURITY;

-- the owner's own statements fail loudly instead of seeing no rows (PM220)
ALTER TABLE "Store; 'x'"."bank_account-party_party" FORCE ROW LEVEL SECURITY;

CREATE POLICY "pgmask_all_backup" ON "Store; 'x'"."bank_account-party_party" AS PERMISSIVE FOR SELECT TO "pgmask_backup" USING ((SELECT pgmask_note.backup('Kunden; DROP.bank_account-party_party')));

COMMENT ON POLICY "pgmask_all_backup" ON "Store; 'x'"."bank_account-party_party" IS 'Backups hold every row, with a note that they were made; the columns hold masks.';

CREATE POLICY "pgmask_all_keyless" ON "Store; 'x'"."bank_account-party_party" AS PERMISSIVE FOR ALL TO "pgmask_keyless" USING (true);

COMMENT ON POLICY "pgmask_all_keyless" ON "Store; 'x'"."bank_account-party_party" IS 'Rows follow the flags and the unit of their subject.';

CREATE POLICY "pgmask_all_sealer" ON "Store; 'x'"."bank_account-party_party" AS PERMISSIVE FOR ALL TO "pgmask_sealer" USING (true);

COMMENT ON POLICY "pgmask_all_sealer" ON "Store; 'x'"."bank_account-party_party" IS 'The sealing trigger looks rows up and re-seals them.';

CREATE POLICY "pgmask_desk_delete" ON "Store; 'x'"."bank_account-party_party" AS PERMISSIVE FOR DELETE TO "pgmask_desk_views" USING (((SELECT i.person_id IS NOT NULL FROM "pgmask_private"."identity_desk" AS i) AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_desk_delete" ON "Store; 'x'"."bank_account-party_party" IS 'Profile desk, rows all.';

CREATE POLICY "pgmask_desk_insert" ON "Store; 'x'"."bank_account-party_party" AS PERMISSIVE FOR INSERT TO "pgmask_desk_views" WITH CHECK (((SELECT i.person_id IS NOT NULL FROM "pgmask_private"."identity_desk" AS i) AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted" AND (SELECT pgmask_note.read('desk',
    ARRAY[]::text[], ARRAY[]::text[], true, 'Kunden; DROP.bank_account-party_party', NULL::bigint)) IS NOT NULL);

COMMENT ON POLICY "pgmask_desk_insert" ON "Store; 'x'"."bank_account-party_party" IS 'Profile desk, rows all.';

CREATE POLICY "pgmask_desk_select" ON "Store; 'x'"."bank_account-party_party" AS PERMISSIVE FOR SELECT TO "pgmask_desk_views" USING (((SELECT i.person_id IS NOT NULL FROM "pgmask_private"."identity_desk" AS i) AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_desk_select" ON "Store; 'x'"."bank_account-party_party" IS 'Profile desk, rows all.';

CREATE POLICY "pgmask_desk_update" ON "Store; 'x'"."bank_account-party_party" AS PERMISSIVE FOR UPDATE TO "pgmask_desk_views" USING (((SELECT i.person_id IS NOT NULL FROM "pgmask_private"."identity_desk" AS i) AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted") WITH CHECK (((SELECT i.person_id IS NOT NULL FROM "pgmask_private"."identity_desk" AS i) AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_desk_update" ON "Store; 'x'"."bank_account-party_party" IS 'Profile desk, rows all.';

CREATE POLICY "pgmask_lookup_locks" ON "Store; 'x'"."bank_account-party_party" AS PERMISSIVE FOR UPDATE TO "pgmask_lookup" USING (true) WITH CHECK (false);

COMMENT ON POLICY "pgmask_lookup_locks" ON "Store; 'x'"."bank_account-party_party" IS 'They lock rows and change none.';

CREATE POLICY "pgmask_lookup_reads" ON "Store; 'x'"."bank_account-party_party" AS PERMISSIVE FOR SELECT TO "pgmask_lookup" USING (true);

COMMENT ON POLICY "pgmask_lookup_reads" ON "Store; 'x'"."bank_account-party_party" IS 'Functions of pgmask look rows up.';

CREATE POLICY "pgmask_owner_refused" ON "Store; 'x'"."bank_account-party_party" AS PERMISSIVE FOR ALL TO "pgmask_store" USING ((SELECT pgmask.refuse_owner()));

COMMENT ON POLICY "pgmask_owner_refused" ON "Store; 'x'"."bank_account-party_party" IS 'Statements of the owner are refused: they would see no rows.';

CREATE POLICY "pgmask_wide_select" ON "Store; 'x'"."bank_account-party_party" AS PERMISSIVE FOR SELECT TO "pgmask_wide_views" USING ((true AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_wide_select" ON "Store; 'x'"."bank_account-party_party" IS 'Profile wide, rows all.';

-- Kunden; DROP.bank_account-party_party for profile desk
CREATE OR REPLACE VIEW "Kunden; DROP"."bank_account-party_party" AS
SELECT
  s."id",
  s."pgmask_hidden_$pgmask$" AS "$pgmask$"
FROM "Store; 'x'"."bank_account-party_party" AS s
WHERE (SELECT pgmask_note.read('desk',
    ARRAY[]::text[], ARRAY[]::text[], true, 'Kunden; DROP.bank_account-party_party', NULL::bigint) IS NOT NULL);

ALTER VIEW "Kunden; DROP"."bank_account-party_party" OWNER TO "pgmask_desk_views";

COMMENT ON VIEW "Kunden; DROP"."bank_account-party_party" IS 'pgmask: Kunden; DROP.bank_account-party_party as profile desk sees it.';

-- Kunden; DROP.bank_account-party_party for profile wide
CREATE OR REPLACE VIEW "wide"."bank_account-party_party" AS
SELECT
  s."id",
  NULL::text AS "$pgmask$"
FROM "Store; 'x'"."bank_account-party_party" AS s
WHERE (SELECT pgmask_note.read('wide',
    ARRAY[]::text[], ARRAY[]::text[], true, 'Kunden; DROP.bank_account-party_party', NULL::bigint) IS NOT NULL);

ALTER VIEW "wide"."bank_account-party_party" OWNER TO "pgmask_wide_views";

COMMENT ON VIEW "wide"."bank_account-party_party" IS 'pgmask: Kunden; DROP.bank_account-party_party as profile wide sees it.';

DELETE FROM pgmask_private.profile_column WHERE table_id = 'Kunden; DROP.bank_account-party_party';

-- what pgmask.why explains
INSERT INTO pgmask_private.profile_column (profile, table_id, position, column_name, level, category, kind, form, sealed, view_schema, view_name, rows, operations)
VALUES
  ('desk', 'Kunden; DROP.bank_account-party_party', 1, 'id', 3, 'general', NULL, 'plain', false, 'Kunden; DROP', 'bank_account-party_party', ARRAY['all'], ARRAY['select', 'insert', 'update', 'delete']),
  ('desk', 'Kunden; DROP.bank_account-party_party', 2, '$pgmask$', 2, 'basic', 'free_text', 'hidden', false, 'Kunden; DROP', 'bank_account-party_party', ARRAY['all'], ARRAY['select', 'insert', 'update', 'delete']),
  ('wide', 'Kunden; DROP.bank_account-party_party', 1, 'id', 3, 'general', NULL, 'plain', false, 'wide', 'bank_account-party_party', ARRAY['all'], ARRAY['select']),
  ('wide', 'Kunden; DROP.bank_account-party_party', 2, '$pgmask$', 2, 'basic', 'free_text', 'hidden', false, 'wide', 'bank_account-party_party', ARRAY['all'], ARRAY['select']);

-- from now on enforced
SELECT pgmask_private.enter_stage('Kunden; DROP.bank_account-party_party', 'enforced');

REVOKE ALL PRIVILEGES ON TABLE "Kunden; DROP"."bank_account-party_party" FROM "pgmask_desk";

GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE "Kunden; DROP"."bank_account-party_party" TO "pgmask_desk";

REVOKE ALL PRIVILEGES ON TABLE "Store; 'x'"."bank_account-party_party" FROM "pgmask_backup";

GRANT SELECT ON TABLE "Store; 'x'"."bank_account-party_party" TO "pgmask_backup";

REVOKE ALL PRIVILEGES ON TABLE "Store; 'x'"."bank_account-party_party" FROM "pgmask_desk_views";

GRANT SELECT ("id", "pgmask_hidden_$pgmask$"), INSERT ("id", "pgmask_hidden_$pgmask$"), UPDATE ("id", "pgmask_hidden_$pgmask$"), DELETE ON TABLE "Store; 'x'"."bank_account-party_party" TO "pgmask_desk_views";

REVOKE ALL PRIVILEGES ON TABLE "Store; 'x'"."bank_account-party_party" FROM "pgmask_lookup";

GRANT SELECT, UPDATE ("pgmask_restricted") ON TABLE "Store; 'x'"."bank_account-party_party" TO "pgmask_lookup";

REVOKE ALL PRIVILEGES ON TABLE "Store; 'x'"."bank_account-party_party" FROM "pgmask_sealer";

GRANT SELECT, UPDATE ON TABLE "Store; 'x'"."bank_account-party_party" TO "pgmask_sealer";

REVOKE ALL PRIVILEGES ON TABLE "Store; 'x'"."bank_account-party_party" FROM "pgmask_wide_views";

GRANT SELECT ("id") ON TABLE "Store; 'x'"."bank_account-party_party" TO "pgmask_wide_views";

REVOKE ALL PRIVILEGES ON TABLE "wide"."bank_account-party_party" FROM "pgmask_wide";

GRANT SELECT ON TABLE "wide"."bank_account-party_party" TO "pgmask_wide";

-- applications call it by name: it stays where it is
ALTER SEQUENCE "Kunden; DROP"."t12345678901234567890123456789012345678901234567890123_user_seq" OWNED BY NONE;

-- move the table aside; indexes, constraints and identity sequences go with it
ALTER TABLE "Kunden; DROP"."t1234567890123456789012345678901234567890123456789012345678-abc" SET SCHEMA "Store; 'x'";

ALTER TABLE "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" OWNER TO "pgmask_store";

-- remember what the table was before
INSERT INTO pgmask_private.store_table (table_id, schema_name, table_name, original_schema, original_owner, adopted) VALUES ('Kunden; DROP.t1234567890123456789012345678901234567890123456789012345678-abc', 'Store; ''x''', 't1234567890123456789012345678901234567890123456789012345678-abc', 'Kunden; DROP', 'installer', E'{}'::jsonb) ON CONFLICT (table_id) DO UPDATE SET schema_name = EXCLUDED.schema_name, table_name = EXCLUDED.table_name;

COMMENT ON TABLE "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" IS 'pgmask: Store of Kunden; DROP.t1234567890123456789012345678901234567890123456789012345678-abc; read it through a view.';

ALTER TABLE "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" ADD COLUMN IF NOT EXISTS "pgmask_hidden_table" text;

COMMENT ON COLUMN "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc"."pgmask_hidden_table" IS 'table as writable profiles see it: hidden.';

ALTER TABLE "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" ADD COLUMN IF NOT EXISTS "pgmask_high_value" boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc"."pgmask_high_value" IS 'The row speaks of a high-value customer (D1).';

ALTER TABLE "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" ADD COLUMN IF NOT EXISTS "pgmask_quality" text[];

COMMENT ON COLUMN "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc"."pgmask_quality" IS 'What is doubtful about the row (F4).';

ALTER TABLE "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" ADD COLUMN IF NOT EXISTS "pgmask_restricted" boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc"."pgmask_restricted" IS 'The subject''s information is restricted.';

ALTER TABLE "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" ADD COLUMN IF NOT EXISTS "pgmask_sealed" bytea;

ALTER TABLE "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" ALTER COLUMN "pgmask_sealed" SET STATISTICS 0;

COMMENT ON COLUMN "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc"."pgmask_sealed" IS 'Sealed truths, bundle own.';

ALTER TABLE "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" ADD CONSTRAINT "pgmask_form_pgmask_sealed" CHECK (octet_length("pgmask_sealed") >= 38 OR "pgmask_sealed" = '\x00'::bytea) NOT VALID;

ALTER TABLE "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" ADD CONSTRAINT "pgmask_mask_pgmask_hidden_table" CHECK ("pgmask_hidden_table" IS NULL) NOT VALID;

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_delete"
AFTER DELETE ON "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc"
REFERENCING OLD TABLE AS pgmask_old
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."change_Kunden; DROP.t123456789012345678901234567890123_56d52916"();

ALTER TABLE "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_delete";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_insert"
AFTER INSERT ON "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc"
REFERENCING NEW TABLE AS pgmask_new
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."change_Kunden; DROP.t123456789012345678901234567890123_56d52916"();

ALTER TABLE "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_insert";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_own"
AFTER UPDATE ON "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc"
REFERENCING OLD TABLE AS pgmask_old NEW TABLE AS pgmask_new
FOR EACH STATEMENT
WHEN (CURRENT_USER IN ('pgmask_sealer', 'pgmask_keyless'))
EXECUTE FUNCTION pgmask_private."change_Kunden; DROP.t123456789012345678901234567890123_56d52916"('own');

ALTER TABLE "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_own";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_truncate"
AFTER TRUNCATE ON "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc"
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."change_Kunden; DROP.t123456789012345678901234567890123_56d52916"();

ALTER TABLE "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_truncate";

CREATE OR REPLACE TRIGGER "zzz_pgmask_change_update"
AFTER UPDATE ON "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc"
REFERENCING OLD TABLE AS pgmask_old NEW TABLE AS pgmask_new
FOR EACH STATEMENT
WHEN (NOT (CURRENT_USER IN ('pgmask_sealer', 'pgmask_keyless')))
EXECUTE FUNCTION pgmask_private."change_Kunden; DROP.t123456789012345678901234567890123_56d52916"();

ALTER TABLE "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" ENABLE ALWAYS TRIGGER "zzz_pgmask_change_update";

CREATE OR REPLACE TRIGGER "zzz_pgmask_insert"
BEFORE INSERT ON "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc"
FOR EACH ROW
EXECUTE FUNCTION pgmask_private."seal_Kunden; DROP.t12345678901234567890123456789012345_f4e61c0c"();

ALTER TABLE "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" ENABLE ALWAYS TRIGGER "zzz_pgmask_insert";

CREATE OR REPLACE TRIGGER "zzz_pgmask_marked"
AFTER INSERT OR UPDATE ON "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc"
FOR EACH ROW
WHEN (NEW."pgmask_sealed" = '\x00'::bytea)
EXECUTE FUNCTION pgmask_private.refuse_marked_row();

ALTER TABLE "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" ENABLE ALWAYS TRIGGER "zzz_pgmask_marked";

CREATE OR REPLACE TRIGGER "zzz_pgmask_statement"
BEFORE UPDATE ON "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc"
FOR EACH STATEMENT
EXECUTE FUNCTION pgmask_private."seal_Kunden; DROP.t12345678901234567890123456789012345_1d855c41"();

ALTER TABLE "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" ENABLE ALWAYS TRIGGER "zzz_pgmask_statement";

CREATE OR REPLACE TRIGGER "zzz_pgmask_update"
BEFORE UPDATE ON "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc"
FOR EACH ROW
EXECUTE FUNCTION pgmask_private."seal_Kunden; DROP.t12345678901234567890123456789012345_63b0cc58"();

ALTER TABLE "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" ENABLE ALWAYS TRIGGER "zzz_pgmask_update";

ALTER TABLE "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" ENABLE ROW LEVEL SECURITY;

-- the owner's own statements fail loudly instead of seeing no rows (PM220)
ALTER TABLE "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" FORCE ROW LEVEL SECURITY;

CREATE POLICY "pgmask_all_backup" ON "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" AS PERMISSIVE FOR SELECT TO "pgmask_backup" USING ((SELECT pgmask_note.backup('Kunden; DROP.t1234567890123456789012345678901234567890123456789012345678-abc')));

COMMENT ON POLICY "pgmask_all_backup" ON "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" IS 'Backups hold every row, with a note that they were made; the columns hold masks.';

CREATE POLICY "pgmask_all_keyless" ON "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" AS PERMISSIVE FOR ALL TO "pgmask_keyless" USING (true);

COMMENT ON POLICY "pgmask_all_keyless" ON "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" IS 'Rows follow the flags and the unit of their subject.';

CREATE POLICY "pgmask_all_sealer" ON "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" AS PERMISSIVE FOR ALL TO "pgmask_sealer" USING (true);

COMMENT ON POLICY "pgmask_all_sealer" ON "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" IS 'The sealing trigger looks rows up and re-seals them.';

CREATE POLICY "pgmask_desk_delete" ON "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" AS PERMISSIVE FOR DELETE TO "pgmask_desk_views" USING (((SELECT i.person_id IS NOT NULL FROM "pgmask_private"."identity_desk" AS i) AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_desk_delete" ON "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" IS 'Profile desk, rows all.';

CREATE POLICY "pgmask_desk_insert" ON "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" AS PERMISSIVE FOR INSERT TO "pgmask_desk_views" WITH CHECK (((SELECT i.person_id IS NOT NULL FROM "pgmask_private"."identity_desk" AS i) AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted" AND (SELECT pgmask_note.read('desk',
    ARRAY[]::text[], ARRAY[]::text[], true, 'Kunden; DROP.t1234567890123456789012345678901234567890123456789012345678-abc', NULL::bigint)) IS NOT NULL);

COMMENT ON POLICY "pgmask_desk_insert" ON "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" IS 'Profile desk, rows all.';

CREATE POLICY "pgmask_desk_select" ON "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" AS PERMISSIVE FOR SELECT TO "pgmask_desk_views" USING (((SELECT i.person_id IS NOT NULL FROM "pgmask_private"."identity_desk" AS i) AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_desk_select" ON "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" IS 'Profile desk, rows all.';

CREATE POLICY "pgmask_desk_update" ON "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" AS PERMISSIVE FOR UPDATE TO "pgmask_desk_views" USING (((SELECT i.person_id IS NOT NULL FROM "pgmask_private"."identity_desk" AS i) AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted") WITH CHECK (((SELECT i.person_id IS NOT NULL FROM "pgmask_private"."identity_desk" AS i) AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_desk_update" ON "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" IS 'Profile desk, rows all.';

CREATE POLICY "pgmask_lookup_locks" ON "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" AS PERMISSIVE FOR UPDATE TO "pgmask_lookup" USING (true) WITH CHECK (false);

COMMENT ON POLICY "pgmask_lookup_locks" ON "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" IS 'They lock rows and change none.';

CREATE POLICY "pgmask_lookup_reads" ON "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" AS PERMISSIVE FOR SELECT TO "pgmask_lookup" USING (true);

COMMENT ON POLICY "pgmask_lookup_reads" ON "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" IS 'Functions of pgmask look rows up.';

CREATE POLICY "pgmask_owner_refused" ON "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" AS PERMISSIVE FOR ALL TO "pgmask_store" USING ((SELECT pgmask.refuse_owner()));

COMMENT ON POLICY "pgmask_owner_refused" ON "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" IS 'Statements of the owner are refused: they would see no rows.';

CREATE POLICY "pgmask_wide_select" ON "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" AS PERMISSIVE FOR SELECT TO "pgmask_wide_views" USING ((true AND (NOT "pgmask_high_value")) AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_wide_select" ON "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" IS 'Profile wide, rows all.';

-- Kunden; DROP.t1234567890123456789012345678901234567890123456789012345678-abc for profile desk
CREATE OR REPLACE VIEW "Kunden; DROP"."t1234567890123456789012345678901234567890123456789012345678-abc" AS
SELECT
  s."user",
  s."pgmask_hidden_table" AS "table"
FROM "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" AS s
WHERE (SELECT pgmask_note.read('desk',
    ARRAY[]::text[], ARRAY[]::text[], true, 'Kunden; DROP.t1234567890123456789012345678901234567890123456789012345678-abc', NULL::bigint) IS NOT NULL);

ALTER VIEW "Kunden; DROP"."t1234567890123456789012345678901234567890123456789012345678-abc" OWNER TO "pgmask_desk_views";

COMMENT ON VIEW "Kunden; DROP"."t1234567890123456789012345678901234567890123456789012345678-abc" IS 'pgmask: Kunden; DROP.t1234567890123456789012345678901234567890123456789012345678-abc as profile desk sees it.';

ALTER VIEW "Kunden; DROP"."t1234567890123456789012345678901234567890123456789012345678-abc" ALTER COLUMN "user" SET DEFAULT nextval('"Kunden; DROP".t12345678901234567890123456789012345678901234567890123_user_seq'::regclass);

-- Kunden; DROP.t1234567890123456789012345678901234567890123456789012345678-abc for profile wide
CREATE OR REPLACE VIEW "wide"."t1234567890123456789012345678901234567890123456789012345678-abc" AS
SELECT
  s."user",
  NULL::text AS "table"
FROM "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" AS s
WHERE (SELECT pgmask_note.read('wide',
    ARRAY[]::text[], ARRAY[]::text[], true, 'Kunden; DROP.t1234567890123456789012345678901234567890123456789012345678-abc', NULL::bigint) IS NOT NULL);

ALTER VIEW "wide"."t1234567890123456789012345678901234567890123456789012345678-abc" OWNER TO "pgmask_wide_views";

COMMENT ON VIEW "wide"."t1234567890123456789012345678901234567890123456789012345678-abc" IS 'pgmask: Kunden; DROP.t1234567890123456789012345678901234567890123456789012345678-abc as profile wide sees it.';

DELETE FROM pgmask_private.profile_column WHERE table_id = 'Kunden; DROP.t1234567890123456789012345678901234567890123456789012345678-abc';

-- what pgmask.why explains
INSERT INTO pgmask_private.profile_column (profile, table_id, position, column_name, level, category, kind, form, sealed, view_schema, view_name, rows, operations)
VALUES
  ('desk', 'Kunden; DROP.t1234567890123456789012345678901234567890123456789012345678-abc', 1, 'user', 3, 'general', NULL, 'plain', false, 'Kunden; DROP', 't1234567890123456789012345678901234567890123456789012345678-abc', ARRAY['all'], ARRAY['select', 'insert', 'update', 'delete']),
  ('desk', 'Kunden; DROP.t1234567890123456789012345678901234567890123456789012345678-abc', 2, 'table', 2, 'basic', 'free_text', 'hidden', false, 'Kunden; DROP', 't1234567890123456789012345678901234567890123456789012345678-abc', ARRAY['all'], ARRAY['select', 'insert', 'update', 'delete']),
  ('wide', 'Kunden; DROP.t1234567890123456789012345678901234567890123456789012345678-abc', 1, 'user', 3, 'general', NULL, 'plain', false, 'wide', 't1234567890123456789012345678901234567890123456789012345678-abc', ARRAY['all'], ARRAY['select']),
  ('wide', 'Kunden; DROP.t1234567890123456789012345678901234567890123456789012345678-abc', 2, 'table', 2, 'basic', 'free_text', 'hidden', false, 'wide', 't1234567890123456789012345678901234567890123456789012345678-abc', ARRAY['all'], ARRAY['select']);

-- from now on enforced
SELECT pgmask_private.enter_stage('Kunden; DROP.t1234567890123456789012345678901234567890123456789012345678-abc', 'enforced');

REVOKE ALL PRIVILEGES ON TABLE "Kunden; DROP"."t1234567890123456789012345678901234567890123456789012345678-abc" FROM "pgmask_desk";

GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE "Kunden; DROP"."t1234567890123456789012345678901234567890123456789012345678-abc" TO "pgmask_desk";

REVOKE ALL PRIVILEGES ON TABLE "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" FROM "pgmask_backup";

GRANT SELECT ON TABLE "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" TO "pgmask_backup";

REVOKE ALL PRIVILEGES ON TABLE "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" FROM "pgmask_desk_views";

GRANT SELECT ("user", "pgmask_hidden_table"), INSERT ("user", "pgmask_hidden_table"), UPDATE ("user", "pgmask_hidden_table"), DELETE ON TABLE "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" TO "pgmask_desk_views";

REVOKE ALL PRIVILEGES ON TABLE "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" FROM "pgmask_lookup";

GRANT SELECT, UPDATE ("pgmask_restricted") ON TABLE "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" TO "pgmask_lookup";

REVOKE ALL PRIVILEGES ON TABLE "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" FROM "pgmask_sealer";

GRANT SELECT, UPDATE ON TABLE "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" TO "pgmask_sealer";

REVOKE ALL PRIVILEGES ON TABLE "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" FROM "pgmask_wide_views";

GRANT SELECT ("user") ON TABLE "Store; 'x'"."t1234567890123456789012345678901234567890123456789012345678-abc" TO "pgmask_wide_views";

REVOKE ALL PRIVILEGES ON TABLE "wide"."t1234567890123456789012345678901234567890123456789012345678-abc" FROM "pgmask_wide";

GRANT SELECT ON TABLE "wide"."t1234567890123456789012345678901234567890123456789012345678-abc" TO "pgmask_wide";

REVOKE ALL PRIVILEGES ON SEQUENCE "Kunden; DROP"."t12345678901234567890123456789012345678901234567890123_user_seq" FROM "pgmask_backup";

GRANT SELECT ON SEQUENCE "Kunden; DROP"."t12345678901234567890123456789012345678901234567890123_user_seq" TO "pgmask_backup";

REVOKE ALL PRIVILEGES ON SEQUENCE "Kunden; DROP"."t12345678901234567890123456789012345678901234567890123_user_seq" FROM "pgmask_desk";

GRANT USAGE ON SEQUENCE "Kunden; DROP"."t12345678901234567890123456789012345678901234567890123_user_seq" TO "pgmask_desk";
