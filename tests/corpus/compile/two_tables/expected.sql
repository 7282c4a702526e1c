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

-- who applies plans must be able to hand objects to this role
GRANT "pgmask_agent_views" TO CURRENT_USER;

-- who applies plans must be able to hand objects to this role
GRANT "pgmask_analyst_views" TO CURRENT_USER;

-- takes the backups
GRANT "pgmask_backup" TO "nightly";

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

REVOKE ALL PRIVILEGES ON SCHEMA "crm_store" FROM "pgmask_backup";

GRANT USAGE ON SCHEMA "crm_store" TO "pgmask_backup";

REVOKE ALL PRIVILEGES ON SCHEMA "crm_store" FROM "pgmask_sealer";

GRANT USAGE ON SCHEMA "crm_store" TO "pgmask_sealer";

-- who is asking, as far as profile agent honours it
CREATE OR REPLACE VIEW "pgmask_private"."identity_agent" AS
SELECT
  i.person_id,
  i.profile,
  i.unit_id,
  i.grade,
  i.purpose,
  i.second_factor_at,
  i.outsourced,
  i.issuer,
  i.expires_at
FROM pgmask_private.identity AS i
WHERE CASE
  WHEN (i.profile = 'agent' AND (i.grade IN ('assertion', 'challenge') AND i.issuer IN ('crm-web') OR i.grade = 'login')) IS TRUE THEN true
  ELSE pgmask.refuse_identity('agent')
END;

ALTER VIEW "pgmask_private"."identity_agent" OWNER TO "pgmask_owner";

COMMENT ON VIEW "pgmask_private"."identity_agent" IS 'Who is asking, if profile agent honours it; else an error.';

-- who is asking, as far as profile analyst honours it
CREATE OR REPLACE VIEW "pgmask_private"."identity_analyst" AS
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
  ON l.login = SESSION_USER AND l.profile = 'analyst'
  AND l.valid_from <= pg_catalog.clock_timestamp()
  AND pg_catalog.clock_timestamp() < l.valid_until
WHERE CASE
  WHEN l.person_id IS NOT NULL THEN true
  ELSE pgmask.refuse_identity('analyst')
END;

ALTER VIEW "pgmask_private"."identity_analyst" OWNER TO "pgmask_owner";

COMMENT ON VIEW "pgmask_private"."identity_analyst" IS 'Who is asking, if profile analyst honours it; else an error.';

REVOKE ALL PRIVILEGES ON TABLE "pgmask_private"."identity_agent" FROM "pgmask_agent_views";

GRANT SELECT ON TABLE "pgmask_private"."identity_agent" TO "pgmask_agent_views";

REVOKE ALL PRIVILEGES ON TABLE "pgmask_private"."identity_analyst" FROM "pgmask_analyst_views";

GRANT SELECT ON TABLE "pgmask_private"."identity_analyst" TO "pgmask_analyst_views";

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

-- move the table aside; indexes, constraints and owned sequences go with it
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

ALTER TABLE "crm_store"."customer" ADD COLUMN IF NOT EXISTS "pgmask_shadow_remark" text;

COMMENT ON COLUMN "crm_store"."customer"."pgmask_shadow_remark" IS 'remark as writable profiles see it: mask.';

CREATE OR REPLACE FUNCTION pgmask_private."seal_crm.customer_insert"()
RETURNS trigger
LANGUAGE plpgsql
VOLATILE
CALLED ON NULL INPUT
PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_1 text := NEW."remark"::text;  -- remark, level 2
  v_up text := current_setting('pgmask.up_d6aa619c8ce0', TRUE);
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
  IF NEW."pgmask_hidden_city" IS NOT NULL THEN
    v_nothing := pgmask_private.refuse_value('crm.customer', 'city', 'hidden');
  END IF;
  IF NEW."pgmask_hidden_health" IS NOT NULL THEN
    v_nothing := pgmask_private.refuse_value('crm.customer', 'health', 'hidden');
  END IF;
  IF NEW."pgmask_shadow_remark" IS NOT NULL THEN
    IF (strpos(NEW."pgmask_shadow_remark"::text COLLATE "C", '*') > 0 OR strpos(NEW."pgmask_shadow_remark"::text COLLATE "C", '•') > 0) THEN
      v_nothing := pgmask_private.refuse_value('crm.customer', 'remark', 'glyph');
    END IF;
    v_1 := NEW."pgmask_shadow_remark"::text;
    NEW."remark" := NEW."pgmask_shadow_remark";
  END IF;
  IF NEW."pgmask_sealed" IS NOT NULL THEN
    v_class := 'customer';
    v_subject := NEW."id"::text;
    v_old := pgmask_private.open_carried(
      v_class, v_subject, jsonb_build_array('crm.customer', 'own', NEW."id")::text, NEW."pgmask_sealed", 'crm.customer', 'own');
    IF v_old IS NULL THEN
      RETURN NEW;
    END IF;
    v_kept_0 := TRUE;
  END IF;
  NEW."pgmask_shadow_remark" := translate(pgmask.mask_free_text(v_1), '•', '*');
  IF v_up <> '' AND NOT v_kept_0 THEN
    FOR v_c IN
      SELECT jsonb_build_array(c."id")::text AS k, encode(sha256(coalesce(c."pgmask_sealed", '')), 'hex') AS d,
             c."pgmask_shadow_remark"::text COLLATE "C" = NEW."pgmask_shadow_remark"::text COLLATE "C" AS f_0
        FROM "crm_store"."customer" AS c
       WHERE (c."id") = (NEW."id")
         FOR NO KEY UPDATE
    LOOP
      v_rows := v_rows || jsonb_build_object(v_c.k, v_c.d);
      IF v_c.f_0 THEN NEW."pgmask_shadow_remark" := translate(NEW."pgmask_shadow_remark", '*', '•'); END IF;
    END LOOP;
    IF v_rows <> '{}' THEN
      v_marked := TRUE;
      NEW."pgmask_sealed" := '\x00'::bytea;
      v_nothing := pgmask_private.stash_truths('pgmask.up_d6aa619c8ce0', pg_trigger_depth(), v_rows,
        jsonb_build_object('pgmask_shadow_remark', NEW."pgmask_shadow_remark"::text),
        jsonb_build_object('pgmask_shadow_remark', v_1));
    ELSE
      v_nothing := set_config('pgmask.up_d6aa619c8ce0', jsonb_build_object(
        'depth', pg_trigger_depth(), 'keys', jsonb_build_array((CASE WHEN (NEW."id") IS NOT NULL THEN jsonb_build_array(NEW."id")::text END)),
        'forms', jsonb_build_object('pgmask_shadow_remark', NEW."pgmask_shadow_remark"::text),
        'typed', FALSE)::text, TRUE);
    END IF;
  END IF;
  NEW.pgmask_quality := nullif(v_flags, '{}');
  IF NOT v_marked THEN
    IF (NEW.pgmask_restricted)
    THEN
      UPDATE "crm_store"."policy" AS d
         SET pgmask_restricted = d.pgmask_restricted OR NEW.pgmask_restricted,
             pgmask_unit = NEW."unit_id"
       WHERE d."holder_id" = NEW."id"
         AND ((NEW.pgmask_restricted AND NOT d.pgmask_restricted) OR d.pgmask_unit IS DISTINCT FROM NEW."unit_id");
    END IF;
  END IF;
  RETURN NEW;
END
$pgmask$;

REVOKE ALL ON FUNCTION pgmask_private."seal_crm.customer_insert"() FROM PUBLIC;

ALTER FUNCTION pgmask_private."seal_crm.customer_insert"() OWNER TO pgmask_sealer;

COMMENT ON FUNCTION pgmask_private."seal_crm.customer_insert"() IS 'Seals what is inserted in crm.customer.';

CREATE OR REPLACE FUNCTION pgmask_private."seal_crm.customer_statement"()
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
  v_nothing := set_config('pgmask.up_d6aa619c8ce0', 'on', TRUE);
  RETURN NULL;
END
$pgmask$;

REVOKE ALL ON FUNCTION pgmask_private."seal_crm.customer_statement"() FROM PUBLIC;

ALTER FUNCTION pgmask_private."seal_crm.customer_statement"() OWNER TO pgmask_sealer;

COMMENT ON FUNCTION pgmask_private."seal_crm.customer_statement"() IS 'Ends an upsert''s stash in crm.customer.';

CREATE OR REPLACE FUNCTION pgmask_private."seal_crm.customer_update"()
RETURNS trigger
LANGUAGE plpgsql
VOLATILE
CALLED ON NULL INPUT
PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_1 text;  -- remark, level 2
  v_up text := current_setting('pgmask.up_d6aa619c8ce0', TRUE);
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
  IF NEW."pgmask_hidden_city" IS NOT NULL THEN
    v_nothing := pgmask_private.refuse_value('crm.customer', 'city', 'hidden');
  END IF;
  IF NEW."pgmask_hidden_health" IS NOT NULL THEN
    v_nothing := pgmask_private.refuse_value('crm.customer', 'health', 'hidden');
  END IF;
  IF left(v_up, 1) = '{' THEN
    v_nothing := set_config('pgmask.up_d6aa619c8ce0', 'on', TRUE);
    v_stash := v_up::jsonb;
    IF (v_stash -> 'depth' = to_jsonb(pg_trigger_depth())) IS NOT TRUE THEN
      v_stash := NULL;
    ELSIF v_stash ? 'rows' THEN
      IF v_stash -> 'rows' ->> jsonb_build_array(OLD."id")::text IS NULL THEN
        v_stash := NULL;
      ELSIF v_stash -> 'rows' ->> jsonb_build_array(OLD."id")::text <> encode(sha256(coalesce(OLD."pgmask_sealed", '')), 'hex') THEN
        v_nothing := pgmask_private.refuse_value('crm.customer', NULL, 'appeared');
      ELSE
        v_truths := pgmask_private.stash_open('pgmask.up_d6aa619c8ce0', pg_trigger_depth(), v_stash);
      END IF;
    ELSE
      -- No row was there when the proposed row was masked, and now one is: where its masks say the
      -- same, nobody can tell what this statement means.
      IF v_stash -> 'keys' ->> 0 = (CASE WHEN (OLD."id") IS NOT NULL THEN jsonb_build_array(OLD."id")::text END)
      THEN
        IF v_stash -> 'typed' = 'true'::jsonb
             OR (v_stash -> 'forms' ->> 'pgmask_shadow_remark' <> '' AND (OLD."pgmask_shadow_remark"::text COLLATE "C" = v_stash -> 'forms' ->> 'pgmask_shadow_remark' OR NEW."pgmask_shadow_remark"::text COLLATE "C" = v_stash -> 'forms' ->> 'pgmask_shadow_remark'))
        THEN
          v_nothing := pgmask_private.refuse_value('crm.customer', NULL, 'appeared');
        END IF;
      END IF;
      v_stash := NULL;
    END IF;
  END IF;
  IF NEW."remark"::text COLLATE "C" IS NOT DISTINCT FROM OLD."remark"::text COLLATE "C"
       AND NEW."pgmask_shadow_remark"::text COLLATE "C" IS NOT DISTINCT FROM OLD."pgmask_shadow_remark"::text COLLATE "C"
       AND NEW."id" IS NOT DISTINCT FROM OLD."id"
       AND NEW.pgmask_high_value IS NOT DISTINCT FROM OLD.pgmask_high_value
       AND NEW.pgmask_restricted IS NOT DISTINCT FROM OLD.pgmask_restricted
       AND NEW.pgmask_quality IS NOT DISTINCT FROM OLD.pgmask_quality
       AND NEW."unit_id" IS NOT DISTINCT FROM OLD."unit_id"
       AND NEW."pgmask_sealed" IS NOT DISTINCT FROM OLD."pgmask_sealed"
       AND (NEW."pgmask_shadow_remark" IS NULL) = (NEW."remark" IS NULL)
  THEN
    RETURN NEW;
  END IF;
  IF NEW."pgmask_sealed" IS DISTINCT FROM OLD."pgmask_sealed" THEN
    RETURN NEW;
  END IF;
  v_touch_0 := NOT (NEW."id" IS NOT DISTINCT FROM OLD."id");
  v_old := NULL;
  IF v_touch_0 AND OLD."pgmask_sealed" IS NOT NULL THEN
    v_class := 'customer';
    v_subject := OLD."id"::text;
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
    v_plain := pgmask_private.siv_open(v_open, jsonb_build_array('crm.customer', 'own', OLD."id")::text, OLD."pgmask_sealed", 'pkcs');
    IF v_plain IS NULL THEN
      v_nothing := pgmask_private.refuse_value('crm.customer', 'own', 'unopened');
    END IF;
    v_old := convert_from(v_plain, 'UTF8')::jsonb;
  END IF;
  v_1 := CASE
    WHEN NEW."remark"::text COLLATE "C" IS NOT DISTINCT FROM OLD."remark"::text COLLATE "C"
      THEN OLD."remark"::text
    WHEN FALSE AND (strpos(NEW."remark"::text COLLATE "C", '*') > 0 OR strpos(NEW."remark"::text COLLATE "C", '•') > 0)
      THEN pgmask_private.refuse_mask('crm.customer', 'remark', NEW."remark"::text, OLD."remark"::text)
    ELSE NEW."remark"::text
  END;
  IF NOT (NEW."pgmask_shadow_remark"::text COLLATE "C" IS NOT DISTINCT FROM OLD."pgmask_shadow_remark"::text COLLATE "C") THEN
    v_1 := CASE
      WHEN v_truths IS NOT NULL AND NEW."pgmask_shadow_remark"::text COLLATE "C" = v_stash -> 'forms' ->> 'pgmask_shadow_remark'
        THEN v_truths ->> 'pgmask_shadow_remark'
      WHEN TRUE AND (strpos(NEW."pgmask_shadow_remark"::text COLLATE "C", '*') > 0 OR strpos(NEW."pgmask_shadow_remark"::text COLLATE "C", '•') > 0)
        THEN pgmask_private.refuse_mask('crm.customer', 'remark', NEW."pgmask_shadow_remark"::text, OLD."pgmask_shadow_remark"::text)
      ELSE NEW."pgmask_shadow_remark"::text
    END;
  END IF;
  NEW."remark" := v_1;
  NEW."pgmask_shadow_remark" := translate(pgmask.mask_free_text(v_1), '•', '*');
  IF NOT (NEW."id" IS NOT DISTINCT FROM OLD."id") THEN
    UPDATE pgmask_private.data_key AS d
       SET state = 'retired', successor = NEW."id"::text, ended_at = transaction_timestamp()
     WHERE d.subject_class = 'customer' AND d.subject_key = OLD."id"::text
       AND d.state = 'active';
  END IF;
  NEW.pgmask_quality := nullif(v_flags, '{}');
  IF (NEW.pgmask_restricted AND NOT OLD.pgmask_restricted)
       OR (NEW."unit_id" IS DISTINCT FROM OLD."unit_id")
  THEN
    UPDATE "crm_store"."policy" AS d
       SET pgmask_restricted = d.pgmask_restricted OR NEW.pgmask_restricted,
           pgmask_unit = NEW."unit_id"
     WHERE d."holder_id" = NEW."id"
       AND ((NEW.pgmask_restricted AND NOT d.pgmask_restricted) OR d.pgmask_unit IS DISTINCT FROM NEW."unit_id");
  END IF;
  RETURN NEW;
END
$pgmask$;

REVOKE ALL ON FUNCTION pgmask_private."seal_crm.customer_update"() FROM PUBLIC;

ALTER FUNCTION pgmask_private."seal_crm.customer_update"() OWNER TO pgmask_sealer;

COMMENT ON FUNCTION pgmask_private."seal_crm.customer_update"() IS 'Keeps or seals what is updated in crm.customer.';

ALTER TABLE "crm_store"."customer" ADD CONSTRAINT "pgmask_form_pgmask_sealed" CHECK (octet_length("pgmask_sealed") >= 38 OR "pgmask_sealed" = '\x00'::bytea) NOT VALID;

ALTER TABLE "crm_store"."customer" ADD CONSTRAINT "pgmask_mask_pgmask_hidden_city" CHECK ("pgmask_hidden_city" IS NULL) NOT VALID;

ALTER TABLE "crm_store"."customer" ADD CONSTRAINT "pgmask_mask_pgmask_hidden_health" CHECK ("pgmask_hidden_health" IS NULL) NOT VALID;

ALTER TABLE "crm_store"."customer" ADD CONSTRAINT "pgmask_mask_pgmask_shadow_remark" CHECK (strpos(("pgmask_shadow_remark"::text COLLATE "C"), '*') > 0 OR ("pgmask_shadow_remark"::text COLLATE "C") = '' OR "pgmask_sealed" = '\x00'::bytea AND strpos(("pgmask_shadow_remark"::text COLLATE "C"), '•') > 0) NOT VALID;

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

CREATE POLICY "pgmask_agent_delete" ON "crm_store"."customer" AS PERMISSIVE FOR DELETE TO "pgmask_agent_views" USING (("unit_id" = (SELECT i.unit_id::integer FROM "pgmask_private"."identity_agent" AS i) AND NOT "pgmask_high_value") AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_agent_delete" ON "crm_store"."customer" IS 'Profile agent, rows own_unit.';

CREATE POLICY "pgmask_agent_insert" ON "crm_store"."customer" AS PERMISSIVE FOR INSERT TO "pgmask_agent_views" WITH CHECK (("unit_id" = (SELECT i.unit_id::integer FROM "pgmask_private"."identity_agent" AS i) AND NOT "pgmask_high_value") AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_agent_insert" ON "crm_store"."customer" IS 'Profile agent, rows own_unit.';

CREATE POLICY "pgmask_agent_select" ON "crm_store"."customer" AS PERMISSIVE FOR SELECT TO "pgmask_agent_views" USING (("unit_id" = (SELECT i.unit_id::integer FROM "pgmask_private"."identity_agent" AS i) AND NOT "pgmask_high_value") AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_agent_select" ON "crm_store"."customer" IS 'Profile agent, rows own_unit.';

CREATE POLICY "pgmask_agent_update" ON "crm_store"."customer" AS PERMISSIVE FOR UPDATE TO "pgmask_agent_views" USING (("unit_id" = (SELECT i.unit_id::integer FROM "pgmask_private"."identity_agent" AS i) AND NOT "pgmask_high_value") AND NOT "pgmask_restricted") WITH CHECK (("unit_id" = (SELECT i.unit_id::integer FROM "pgmask_private"."identity_agent" AS i) AND NOT "pgmask_high_value") AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_agent_update" ON "crm_store"."customer" IS 'Profile agent, rows own_unit.';

CREATE POLICY "pgmask_all_backup" ON "crm_store"."customer" AS PERMISSIVE FOR SELECT TO "pgmask_backup" USING (true);

COMMENT ON POLICY "pgmask_all_backup" ON "crm_store"."customer" IS 'Backups hold every row; the columns hold masks.';

CREATE POLICY "pgmask_all_sealer" ON "crm_store"."customer" AS PERMISSIVE FOR ALL TO "pgmask_sealer" USING (true);

COMMENT ON POLICY "pgmask_all_sealer" ON "crm_store"."customer" IS 'The sealing trigger looks rows up and re-seals them.';

CREATE POLICY "pgmask_analyst_select" ON "crm_store"."customer" AS PERMISSIVE FOR SELECT TO "pgmask_analyst_views" USING (((SELECT i.person_id IS NOT NULL FROM "pgmask_private"."identity_analyst" AS i) AND NOT "pgmask_high_value") AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_analyst_select" ON "crm_store"."customer" IS 'Profile analyst, rows all.';

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
FROM "crm_store"."customer" AS s;

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
FROM "crm_store"."customer" AS s;

ALTER VIEW "crm"."customer" OWNER TO "pgmask_agent_views";

COMMENT ON VIEW "crm"."customer" IS 'Every person the company knows
pgmask: crm.customer as profile agent sees it.';

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

REVOKE ALL PRIVILEGES ON TABLE "crm_store"."customer" FROM "pgmask_sealer";

GRANT SELECT, UPDATE ON TABLE "crm_store"."customer" TO "pgmask_sealer";

REVOKE ALL PRIVILEGES ON SEQUENCE "crm_store"."customer_id_seq" FROM "pgmask_backup";

GRANT SELECT ON SEQUENCE "crm_store"."customer_id_seq" TO "pgmask_backup";

-- move the table aside; indexes, constraints and owned sequences go with it
ALTER TABLE "crm"."policy" SET SCHEMA "crm_store";

ALTER TABLE "crm_store"."policy" OWNER TO "pgmask_store";

REVOKE ALL PRIVILEGES ON TABLE "crm_store"."policy" FROM "app" CASCADE;

REVOKE ALL PRIVILEGES ON SEQUENCE "crm_store"."policy_id_seq" FROM "app" CASCADE;

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

CREATE OR REPLACE FUNCTION pgmask_private."seal_crm.policy_insert"()
RETURNS trigger
LANGUAGE plpgsql
VOLATILE
CALLED ON NULL INPUT
PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE

  v_up text := current_setting('pgmask.up_8969350c769c', TRUE);
  v_marked boolean := FALSE;
  v_flag_1 boolean;
  v_flag_2 boolean;
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
  IF NEW."holder_id" IS NOT NULL THEN
    SELECT s.pgmask_high_value, s.pgmask_restricted, s."unit_id"
      INTO v_flag_1, v_flag_2, NEW.pgmask_unit
      FROM "crm_store"."customer" AS s
     WHERE s."id" = NEW."holder_id"
       FOR KEY SHARE;
    NEW.pgmask_restricted := NEW.pgmask_restricted OR coalesce(v_flag_2, FALSE);
  END IF;
  IF NEW."pgmask_sealed" IS NOT NULL THEN
    v_class := 'customer';
    v_subject := NEW."holder_id"::text;
    IF v_subject IS NULL THEN
      v_class := 'row:crm.policy';
      v_subject := jsonb_build_array(NEW."id")::text;
    END IF;
    v_old := pgmask_private.open_carried(
      v_class, v_subject, jsonb_build_array('crm.policy', 'own', NEW."id")::text, NEW."pgmask_sealed", 'crm.policy', 'own');
    IF v_old IS NULL THEN
      RETURN NEW;
    END IF;
    v_kept_0 := TRUE;
  END IF;
  IF v_up <> '' AND NOT v_kept_0 THEN
    FOR v_c IN
      SELECT jsonb_build_array(c."id")::text AS k, encode(sha256(coalesce(c."pgmask_sealed", '')), 'hex') AS d
        FROM "crm_store"."policy" AS c
       WHERE (c."id") = (NEW."id")
         FOR NO KEY UPDATE
    LOOP
      v_rows := v_rows || jsonb_build_object(v_c.k, v_c.d);

    END LOOP;
    IF v_rows <> '{}' THEN
      v_marked := TRUE;
      NEW."pgmask_sealed" := '\x00'::bytea;
      v_nothing := pgmask_private.stash_truths('pgmask.up_8969350c769c', pg_trigger_depth(), v_rows,
        jsonb_build_object(),
        jsonb_build_object());
    ELSE
      v_nothing := set_config('pgmask.up_8969350c769c', jsonb_build_object(
        'depth', pg_trigger_depth(), 'keys', jsonb_build_array((CASE WHEN (NEW."id") IS NOT NULL THEN jsonb_build_array(NEW."id")::text END)),
        'forms', jsonb_build_object(),
        'typed', FALSE)::text, TRUE);
    END IF;
  END IF;
  NEW.pgmask_quality := nullif(v_flags, '{}');
  RETURN NEW;
END
$pgmask$;

REVOKE ALL ON FUNCTION pgmask_private."seal_crm.policy_insert"() FROM PUBLIC;

ALTER FUNCTION pgmask_private."seal_crm.policy_insert"() OWNER TO pgmask_sealer;

COMMENT ON FUNCTION pgmask_private."seal_crm.policy_insert"() IS 'Seals what is inserted in crm.policy.';

CREATE OR REPLACE FUNCTION pgmask_private."seal_crm.policy_statement"()
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
  v_nothing := set_config('pgmask.up_8969350c769c', 'on', TRUE);
  RETURN NULL;
END
$pgmask$;

REVOKE ALL ON FUNCTION pgmask_private."seal_crm.policy_statement"() FROM PUBLIC;

ALTER FUNCTION pgmask_private."seal_crm.policy_statement"() OWNER TO pgmask_sealer;

COMMENT ON FUNCTION pgmask_private."seal_crm.policy_statement"() IS 'Ends an upsert''s stash in crm.policy.';

CREATE OR REPLACE FUNCTION pgmask_private."seal_crm.policy_update"()
RETURNS trigger
LANGUAGE plpgsql
VOLATILE
CALLED ON NULL INPUT
PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_up text := current_setting('pgmask.up_8969350c769c', TRUE);
  v_stash jsonb;
  v_truths jsonb;
  v_old jsonb;
  v_open bytea;
  v_flags text[] := coalesce(OLD.pgmask_quality, '{}');
  v_touch_0 boolean;
  v_flag_1 boolean;
  v_flag_2 boolean;
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
  IF left(v_up, 1) = '{' THEN
    v_nothing := set_config('pgmask.up_8969350c769c', 'on', TRUE);
    v_stash := v_up::jsonb;
    IF (v_stash -> 'depth' = to_jsonb(pg_trigger_depth())) IS NOT TRUE THEN
      v_stash := NULL;
    ELSIF v_stash ? 'rows' THEN
      IF v_stash -> 'rows' ->> jsonb_build_array(OLD."id")::text IS NULL THEN
        v_stash := NULL;
      ELSIF v_stash -> 'rows' ->> jsonb_build_array(OLD."id")::text <> encode(sha256(coalesce(OLD."pgmask_sealed", '')), 'hex') THEN
        v_nothing := pgmask_private.refuse_value('crm.policy', NULL, 'appeared');
      ELSE
        v_truths := pgmask_private.stash_open('pgmask.up_8969350c769c', pg_trigger_depth(), v_stash);
      END IF;
    ELSE
      -- No row was there when the proposed row was masked, and now one is: where its masks say the
      -- same, nobody can tell what this statement means.
      IF v_stash -> 'keys' ->> 0 = (CASE WHEN (OLD."id") IS NOT NULL THEN jsonb_build_array(OLD."id")::text END)
      THEN
        IF v_stash -> 'typed' = 'true'::jsonb
        THEN
          v_nothing := pgmask_private.refuse_value('crm.policy', NULL, 'appeared');
        END IF;
      END IF;
      v_stash := NULL;
    END IF;
  END IF;
  IF NEW."id" IS NOT DISTINCT FROM OLD."id"
       AND NEW."holder_id" IS NOT DISTINCT FROM OLD."holder_id"
       AND NEW.pgmask_high_value IS NOT DISTINCT FROM OLD.pgmask_high_value
       AND NEW.pgmask_restricted IS NOT DISTINCT FROM OLD.pgmask_restricted
       AND NEW.pgmask_quality IS NOT DISTINCT FROM OLD.pgmask_quality
       AND NEW."pgmask_sealed" IS NOT DISTINCT FROM OLD."pgmask_sealed"
       AND NEW.pgmask_unit IS NOT NULL
  THEN
    RETURN NEW;
  END IF;
  IF NEW."pgmask_sealed" IS DISTINCT FROM OLD."pgmask_sealed" THEN
    RETURN NEW;
  END IF;
  IF NEW."holder_id" IS NOT NULL THEN
    SELECT s.pgmask_high_value, s.pgmask_restricted, s."unit_id"
      INTO v_flag_1, v_flag_2, NEW.pgmask_unit
      FROM "crm_store"."customer" AS s
     WHERE s."id" = NEW."holder_id"
       FOR KEY SHARE;
    NEW.pgmask_restricted := NEW.pgmask_restricted OR coalesce(v_flag_2, FALSE);
  END IF;
  v_touch_0 := NOT (NEW."id" IS NOT DISTINCT FROM OLD."id")
       OR NOT (NEW."holder_id" IS NOT DISTINCT FROM OLD."holder_id");
  v_old := NULL;
  IF v_touch_0 AND OLD."pgmask_sealed" IS NOT NULL THEN
    v_class := 'customer';
    v_subject := OLD."holder_id"::text;
    IF v_subject IS NULL THEN
      v_class := 'row:crm.policy';
      v_subject := jsonb_build_array(OLD."id")::text;
    END IF;
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
    v_plain := pgmask_private.siv_open(v_open, jsonb_build_array('crm.policy', 'own', OLD."id")::text, OLD."pgmask_sealed", 'pkcs');
    IF v_plain IS NULL THEN
      v_nothing := pgmask_private.refuse_value('crm.policy', 'own', 'unopened');
    END IF;
    v_old := convert_from(v_plain, 'UTF8')::jsonb;
  END IF;
  NEW.pgmask_quality := nullif(v_flags, '{}');
  RETURN NEW;
END
$pgmask$;

REVOKE ALL ON FUNCTION pgmask_private."seal_crm.policy_update"() FROM PUBLIC;

ALTER FUNCTION pgmask_private."seal_crm.policy_update"() OWNER TO pgmask_sealer;

COMMENT ON FUNCTION pgmask_private."seal_crm.policy_update"() IS 'Keeps or seals what is updated in crm.policy.';

ALTER TABLE "crm_store"."policy" ADD CONSTRAINT "pgmask_form_pgmask_sealed" CHECK (octet_length("pgmask_sealed") >= 38 OR "pgmask_sealed" = '\x00'::bytea) NOT VALID;

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

ALTER TABLE "crm_store"."policy" ENABLE ROW LEVEL SECURITY;

-- the owner's own statements fail loudly instead of seeing no rows (PM220)
ALTER TABLE "crm_store"."policy" FORCE ROW LEVEL SECURITY;

CREATE POLICY "pgmask_agent_delete" ON "crm_store"."policy" AS PERMISSIVE FOR DELETE TO "pgmask_agent_views" USING (("pgmask_unit" = (SELECT i.unit_id::integer FROM "pgmask_private"."identity_agent" AS i) AND NOT "pgmask_high_value") AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_agent_delete" ON "crm_store"."policy" IS 'Profile agent, rows own_unit.';

CREATE POLICY "pgmask_agent_insert" ON "crm_store"."policy" AS PERMISSIVE FOR INSERT TO "pgmask_agent_views" WITH CHECK (("pgmask_unit" = (SELECT i.unit_id::integer FROM "pgmask_private"."identity_agent" AS i) AND NOT "pgmask_high_value") AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_agent_insert" ON "crm_store"."policy" IS 'Profile agent, rows own_unit.';

CREATE POLICY "pgmask_agent_select" ON "crm_store"."policy" AS PERMISSIVE FOR SELECT TO "pgmask_agent_views" USING (("pgmask_unit" = (SELECT i.unit_id::integer FROM "pgmask_private"."identity_agent" AS i) AND NOT "pgmask_high_value") AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_agent_select" ON "crm_store"."policy" IS 'Profile agent, rows own_unit.';

CREATE POLICY "pgmask_agent_update" ON "crm_store"."policy" AS PERMISSIVE FOR UPDATE TO "pgmask_agent_views" USING (("pgmask_unit" = (SELECT i.unit_id::integer FROM "pgmask_private"."identity_agent" AS i) AND NOT "pgmask_high_value") AND NOT "pgmask_restricted") WITH CHECK (("pgmask_unit" = (SELECT i.unit_id::integer FROM "pgmask_private"."identity_agent" AS i) AND NOT "pgmask_high_value") AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_agent_update" ON "crm_store"."policy" IS 'Profile agent, rows own_unit.';

CREATE POLICY "pgmask_all_backup" ON "crm_store"."policy" AS PERMISSIVE FOR SELECT TO "pgmask_backup" USING (true);

COMMENT ON POLICY "pgmask_all_backup" ON "crm_store"."policy" IS 'Backups hold every row; the columns hold masks.';

CREATE POLICY "pgmask_all_sealer" ON "crm_store"."policy" AS PERMISSIVE FOR ALL TO "pgmask_sealer" USING (true);

COMMENT ON POLICY "pgmask_all_sealer" ON "crm_store"."policy" IS 'The sealing trigger looks rows up and re-seals them.';

CREATE POLICY "pgmask_analyst_select" ON "crm_store"."policy" AS PERMISSIVE FOR SELECT TO "pgmask_analyst_views" USING (((SELECT i.person_id IS NOT NULL FROM "pgmask_private"."identity_analyst" AS i) AND NOT "pgmask_high_value") AND NOT "pgmask_restricted");

COMMENT ON POLICY "pgmask_analyst_select" ON "crm_store"."policy" IS 'Profile analyst, rows all.';

CREATE POLICY "pgmask_owner_refused" ON "crm_store"."policy" AS PERMISSIVE FOR ALL TO "pgmask_store" USING ((SELECT pgmask.refuse_owner()));

COMMENT ON POLICY "pgmask_owner_refused" ON "crm_store"."policy" IS 'Statements of the owner are refused: they would see no rows.';

-- crm.policy for profile analyst
CREATE OR REPLACE VIEW "analyst"."policy" AS
SELECT
  s."id",
  s."holder_id",
  s."product",
  NULL::numeric(12,2) AS "amount"
FROM "crm_store"."policy" AS s;

ALTER VIEW "analyst"."policy" OWNER TO "pgmask_analyst_views";

COMMENT ON VIEW "analyst"."policy" IS 'pgmask: crm.policy as profile analyst sees it.';

-- crm.policy for profile agent
CREATE OR REPLACE VIEW "crm"."policy" AS
SELECT
  s."id",
  s."holder_id",
  s."product",
  s."amount"
FROM "crm_store"."policy" AS s;

ALTER VIEW "crm"."policy" OWNER TO "pgmask_agent_views";

COMMENT ON VIEW "crm"."policy" IS 'pgmask: crm.policy as profile agent sees it.';

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

REVOKE ALL PRIVILEGES ON TABLE "crm_store"."policy" FROM "pgmask_sealer";

GRANT SELECT, UPDATE ON TABLE "crm_store"."policy" TO "pgmask_sealer";

REVOKE ALL PRIVILEGES ON SEQUENCE "crm_store"."policy_id_seq" FROM "pgmask_agent";

GRANT USAGE ON SEQUENCE "crm_store"."policy_id_seq" TO "pgmask_agent";

REVOKE ALL PRIVILEGES ON SEQUENCE "crm_store"."policy_id_seq" FROM "pgmask_backup";

GRANT SELECT ON SEQUENCE "crm_store"."policy_id_seq" TO "pgmask_backup";
