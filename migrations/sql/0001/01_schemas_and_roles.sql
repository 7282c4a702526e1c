-- The roles that own pgmask's objects, the three schemas, and the extension that computes HMAC
-- and AES.
--
-- Roles belong to the whole cluster: a second database finds them there. Its installer then needs
-- to be a member; where PostgreSQL does not let it make itself one (16 and newer, roles created
-- by another installer), the error names the statement for the role's administrator.
DO LANGUAGE plpgsql $pgmask$
DECLARE
  v_sixteen boolean := pg_catalog.current_setting('server_version_num')::integer >= 160000;
  v_set text := CASE WHEN v_sixteen THEN 'SET' ELSE 'MEMBER' END;
  v_super boolean := (
    SELECT r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname = CURRENT_USER);
  v_role text;
  v_missing text[] := '{}';
  v_power text;
BEGIN
  FOREACH v_role IN ARRAY ARRAY[
    'pgmask_owner', 'pgmask_sealer', 'pgmask_store', 'pgmask_backup', 'pgmask_register',
    'pgmask_unseal', 'pgmask_migrator', 'pgmask_keyless', 'pgmask_lookup', 'pgmask_recorder',
    'pgmask_collector', 'pgmask_slots', 'pgmask_record_sealer', 'pgmask_record_auditor',
    'pgmask_record_unit', 'pgmask_record_high_value'
  ] LOOP
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = v_role) THEN
      BEGIN
        EXECUTE pg_catalog.format(
          'CREATE ROLE %I NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE %s NOREPLICATION NOBYPASSRLS',
          -- Its functions act with the rights of the owners of views and stores, whose member it is.
          v_role, CASE v_role WHEN 'pgmask_migrator' THEN 'INHERIT' ELSE 'NOINHERIT' END);
      EXCEPTION
        WHEN duplicate_object OR unique_violation THEN
          NULL;  -- an install in another database of this cluster was faster
      END;
    END IF;

    -- An attribute or a membership that somebody gave to one of these roles would be a way
    -- around everything they own. REPLICATION is what pgmask_slots is for: it owns the functions
    -- that read the collector's slot, and nothing else.
    SELECT pg_catalog.concat_ws(', ',
             CASE WHEN r.rolsuper THEN 'SUPERUSER' END,
             CASE WHEN r.rolcanlogin THEN 'LOGIN' END,
             CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END,
             CASE WHEN r.rolreplication AND v_role <> 'pgmask_slots' THEN 'REPLICATION' END,
             CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END)
      INTO v_power
      FROM pg_catalog.pg_roles AS r
     WHERE r.rolname = v_role;
    IF v_power <> '' THEN
      RAISE EXCEPTION USING
        ERRCODE = 'PM029',
        MESSAGE = pg_catalog.format(
          'role "%s" exists with more rights than pgmask gives it', v_role),
        DETAIL = v_power,
        HINT = pg_catalog.format(
          'ALTER ROLE %I NOLOGIN NOSUPERUSER NOCREATEROLE NOREPLICATION NOBYPASSRLS', v_role);
    END IF;

    IF NOT v_super THEN
      IF NOT (pg_catalog.pg_has_role(CURRENT_USER, v_role, 'USAGE')
              AND pg_catalog.pg_has_role(CURRENT_USER, v_role, v_set))
      THEN
        BEGIN
          EXECUTE pg_catalog.format(
            'GRANT %I TO CURRENT_USER %s', v_role,
            CASE WHEN v_sixteen THEN 'WITH INHERIT TRUE, SET TRUE' ELSE '' END);
        EXCEPTION
          WHEN insufficient_privilege THEN
            NULL;  -- judged below by what holds, not by what a command said
        END;
      END IF;
      IF (pg_catalog.pg_has_role(CURRENT_USER, v_role, 'USAGE')
          AND pg_catalog.pg_has_role(CURRENT_USER, v_role, v_set))
         IS NOT TRUE
      THEN
        v_missing := v_missing || pg_catalog.format(
          'GRANT %I TO %I %s;', v_role, CURRENT_USER,
          CASE WHEN v_sixteen THEN 'WITH ADMIN TRUE, INHERIT TRUE, SET TRUE' ELSE '' END);
      END IF;
    END IF;
  END LOOP;

  IF pg_catalog.cardinality(v_missing) > 0 THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PM029',
      MESSAGE = pg_catalog.format(
        'role "%s" is no member of pgmask''s roles, which another installer of this cluster made',
        CURRENT_USER),
      DETAIL = pg_catalog.array_to_string(v_missing, E'\n'),
      HINT = 'Have that installer or a superuser run the statements of the detail, then repeat.';
  END IF;

  BEGIN
    EXECUTE 'COMMENT ON ROLE pgmask_owner IS '
      '''Owns pgmask''''s schemas, register, identity and deployed state. Nobody logs in as it.''';
    EXECUTE 'COMMENT ON ROLE pgmask_sealer IS '
      '''Owns pgmask''''s key tables and the functions that seal and open values.''';
    EXECUTE 'COMMENT ON ROLE pgmask_migrator IS '
      '''Owns the functions that take views down for a migration and bring them back.''';
    EXECUTE 'COMMENT ON ROLE pgmask_keyless IS '
      '''Runs what may set off code of the application: it has no right on a key or a sealed value.''';
    EXECUTE 'COMMENT ON ROLE pgmask_lookup IS '
      '''Runs every query of pgmask''''s functions on stores and views: it reads, and has no right on a key.''';
    EXECUTE 'COMMENT ON ROLE pgmask_recorder IS '
      '''Owns the triggers that record changes; may add rows of changes, and nothing else.''';
    EXECUTE 'COMMENT ON ROLE pgmask_collector IS '
      '''Group of the login that moves notes into the record: it cannot read the record.''';
    EXECUTE 'COMMENT ON ROLE pgmask_record_sealer IS '
      '''Group of the login that seals, verifies and archives the record, and so reads it.''';
    EXECUTE 'COMMENT ON ROLE pgmask_slots IS '
      '''Owns the functions that read the slot of the notes; a superuser gives it REPLICATION.''';
    EXECUTE 'COMMENT ON ROLE pgmask_record_auditor IS '
      '''Group of customer management, compliance and audit: reads the whole record by its reports.''';
    EXECUTE 'COMMENT ON ROLE pgmask_record_unit IS '
      '''Group of the security responsibles of units: reads what concerns the own unit.''';
    EXECUTE 'COMMENT ON ROLE pgmask_record_high_value IS '
      '''Group of the high-value department: reads what concerns its customers.''';
    EXECUTE 'COMMENT ON ROLE pgmask_store IS ''Owns the store tables, where pgmask moved them.''';
    EXECUTE 'COMMENT ON ROLE pgmask_backup IS '
      '''Group of the logins that make backups: sees every row; columns hold masks.''';
    EXECUTE 'COMMENT ON ROLE pgmask_register IS '
      '''Group of the logins that maintain the register of units and persons.''';
    EXECUTE 'COMMENT ON ROLE pgmask_unseal IS '
      '''Group of the logins that may ask to unseal tables, and approve what another one asked.''';
  EXCEPTION
    WHEN insufficient_privilege THEN
      NULL;  -- a second installer of the cluster need not administer the roles to use them
  END;
END;
$pgmask$;

CREATE SCHEMA IF NOT EXISTS pgmask;
CREATE SCHEMA IF NOT EXISTS pgmask_private;
CREATE SCHEMA IF NOT EXISTS pgmask_crypto;
ALTER SCHEMA pgmask OWNER TO pgmask_owner;
ALTER SCHEMA pgmask_private OWNER TO pgmask_owner;
ALTER SCHEMA pgmask_crypto OWNER TO pgmask_owner;

COMMENT ON SCHEMA pgmask IS 'What applications, officers and tools may call of pgmask.';
COMMENT ON SCHEMA pgmask_private IS
  'Tables and helpers of pgmask: keys, register, identity, deployed state. Not for applications.';
COMMENT ON SCHEMA pgmask_crypto IS 'Holds the extension pgcrypto, so that its names are certain.';

CREATE EXTENSION IF NOT EXISTS pgcrypto WITH SCHEMA pgmask_crypto;

REVOKE ALL ON SCHEMA pgmask, pgmask_private, pgmask_crypto FROM PUBLIC;
GRANT USAGE ON SCHEMA pgmask TO PUBLIC;
GRANT USAGE, CREATE ON SCHEMA pgmask, pgmask_private TO pgmask_sealer;
GRANT USAGE ON SCHEMA pgmask_crypto TO pgmask_sealer;
GRANT USAGE ON SCHEMA pgmask_private TO pgmask_migrator;
-- Never CREATE: code of the application that runs as these roles could replace what they own.
GRANT USAGE ON SCHEMA pgmask_private TO pgmask_keyless, pgmask_lookup;
-- Only a role that may make objects in a schema can be given one there; 90_grants.sql takes CREATE
-- back, so that nothing that runs as this role can replace what it owns.
GRANT USAGE, CREATE ON SCHEMA pgmask TO pgmask_migrator;
GRANT USAGE ON SCHEMA pgmask_private, pgmask_crypto TO pgmask_backup;
