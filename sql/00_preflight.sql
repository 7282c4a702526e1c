-- Refuses to install where pgmask could not keep its promises. Changes nothing; every problem is
-- named in one error, each with its way out. Runs again before every upgrade.
DO LANGUAGE plpgsql $pgmask$
DECLARE
  v_version integer := pg_catalog.current_setting('server_version_num')::integer;
  v_problems text[] := '{}';
  v_code text := 'PM026';
  v_schema text;
  v_me record;
BEGIN
  IF v_version < 150000 THEN
    v_code := 'PM023';
    v_problems := v_problems || pg_catalog.format(
      'the server is PostgreSQL %s: pgmask needs 15 or newer',
      pg_catalog.current_setting('server_version'));
  END IF;

  IF pg_catalog.pg_is_in_recovery() THEN
    v_code := 'PM026';
    v_problems := v_problems || 'the server is a standby: install on its primary'::text;
  END IF;

  IF pg_catalog.current_setting('server_encoding') <> 'UTF8' THEN
    v_code := 'PM024';
    v_problems := v_problems || pg_catalog.format(
      'the encoding of database "%s" is %s: masks need UTF8; '
      'CREATE DATABASE .. ENCODING ''UTF8'' TEMPLATE template0, then restore into it',
      pg_catalog.current_database(), pg_catalog.current_setting('server_encoding'));
  END IF;

  SELECT n.nspname
    INTO v_schema
    FROM pg_catalog.pg_extension AS e
    JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
   WHERE e.extname = 'pgcrypto';
  IF v_schema IS DISTINCT FROM 'pgmask_crypto' AND v_schema IS NOT NULL THEN
    v_code := 'PM025';
    v_problems := v_problems || pg_catalog.format(
      'extension pgcrypto is in schema "%s": CREATE SCHEMA IF NOT EXISTS pgmask_crypto AUTHORIZATION %I; '
      'ALTER EXTENSION pgcrypto SET SCHEMA pgmask_crypto (a superuser; or, where nothing uses it, '
      'its owner: DROP EXTENSION pgcrypto)', v_schema, CURRENT_USER);
  ELSIF v_schema IS NULL AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_available_extensions AS a WHERE a.name = 'pgcrypto'
  ) THEN
    v_code := 'PM025';
    v_problems := v_problems
      || 'extension pgcrypto is not available: install the server''s contrib package'::text;
  END IF;

  SELECT r.rolsuper, r.rolcreaterole, r.rolname
    INTO v_me
    FROM pg_catalog.pg_roles AS r
   WHERE r.rolname = CURRENT_USER;
  IF (v_me.rolsuper OR v_me.rolcreaterole) IS NOT TRUE THEN
    v_problems := v_problems || pg_catalog.format(
      'role "%s" lacks CREATEROLE: ALTER ROLE %I CREATEROLE', v_me.rolname, v_me.rolname);
  END IF;
  IF (SELECT pg_catalog.pg_has_role(CURRENT_USER, d.datdba, 'USAGE')
        FROM pg_catalog.pg_database AS d
       WHERE d.datname = pg_catalog.current_database()) IS NOT TRUE THEN
    v_problems := v_problems || pg_catalog.format(
      'role "%s" does not own database "%s": ALTER DATABASE %I OWNER TO %I',
      v_me.rolname, pg_catalog.current_database(), pg_catalog.current_database(), v_me.rolname);
  END IF;

  -- Default privileges would give others rights on everything the install makes: functions that
  -- write the register, tables with keys.
  FOR v_schema IN
    SELECT DISTINCT pg_catalog.format('%s to %s',
             CASE d.defaclobjtype
               WHEN 'f' THEN 'functions' WHEN 'n' THEN 'schemas' WHEN 'S' THEN 'sequences'
               WHEN 'T' THEN 'types' ELSE 'tables' END,
             CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(
               pg_catalog.pg_get_userbyid(a.grantee)) END)
      FROM pg_catalog.pg_default_acl AS d
     CROSS JOIN LATERAL pg_catalog.aclexplode(d.defaclacl) AS a
      LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = d.defaclnamespace
     WHERE d.defaclrole = CURRENT_USER::pg_catalog.regrole
       AND (d.defaclnamespace = 0 OR n.nspname IN ('pgmask', 'pgmask_private', 'pgmask_crypto'))
       AND a.grantee <> d.defaclrole
       -- What PostgreSQL gives PUBLIC anyway is taken away by name.
       AND NOT (a.grantee = 0 AND d.defaclobjtype IN ('f', 'T'))
  LOOP
    v_problems := v_problems || pg_catalog.format(
      'default privileges of role "%s" give rights on new %s: take them back with ALTER DEFAULT '
      'PRIVILEGES, or install as another role', v_me.rolname, v_schema);
  END LOOP;

  -- A schema of these names that holds somebody else's objects is not ours to fill.
  FOR v_schema IN
    SELECT n.nspname
      FROM pg_catalog.pg_namespace AS n
     WHERE n.nspname IN ('pgmask', 'pgmask_crypto')
       AND pg_catalog.pg_get_userbyid(n.nspowner) <> 'pgmask_owner'
       AND EXISTS (
         SELECT FROM pg_catalog.pg_depend AS d
          WHERE d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
            AND d.refobjid = n.oid
            AND d.classid <> 'pg_catalog.pg_extension'::pg_catalog.regclass
            AND NOT EXISTS (
              SELECT FROM pg_catalog.pg_depend AS e
               WHERE e.classid = d.classid AND e.objid = d.objid AND e.deptype = 'e')
       )
  LOOP
    v_problems := v_problems || pg_catalog.format(
      'schema "%s" exists and is not pgmask''s: rename it', v_schema);
  END LOOP;

  -- Install gives these schemas to pgmask_owner, which only their owner can do.
  FOR v_schema IN
    SELECT n.nspname
      FROM pg_catalog.pg_namespace AS n
     WHERE n.nspname IN ('pgmask', 'pgmask_private', 'pgmask_crypto')
       AND pg_catalog.pg_get_userbyid(n.nspowner) <> 'pgmask_owner'
       AND NOT pg_catalog.pg_has_role(CURRENT_USER, n.nspowner, 'USAGE')
  LOOP
    v_problems := v_problems || pg_catalog.format(
      'schema "%s" belongs to another role: ALTER SCHEMA %I OWNER TO %I (its owner or a superuser)',
      v_schema, v_schema, CURRENT_USER);
  END LOOP;

  IF pg_catalog.cardinality(v_problems) > 0 THEN
    RAISE EXCEPTION USING
      ERRCODE = v_code,
      MESSAGE = 'pgmask cannot be installed in this database',
      DETAIL = pg_catalog.array_to_string(v_problems, E'\n'),
      HINT = 'Nothing was changed. Mend what is listed and run pgmask install again.';
  END IF;
END;
$pgmask$;
