-- Who may use what of the runtime. Everything not granted here is for its owner alone; roles of
-- profiles get theirs from the compiler.

-- Everybody: to say who he is, and to ask about himself. identity_claims,
-- refuse_identity and refuse_owner are called by policies as whoever runs the statement.
GRANT EXECUTE ON FUNCTION
  pgmask.login(text),
  pgmask.log_in(text, text),
  pgmask.identity_claims(text, text[], text[], boolean),
  pgmask.challenge(),
  pgmask.whoami(),
  pgmask.my_columns(text),
  pgmask.why(text, text),
  pgmask.explain_error(text),
  pgmask.refuse_identity(text),
  pgmask.refuse_owner(),
  pgmask.my_reveals(text),
  pgmask.my_ticket(uuid),
  pgmask.reveal_request(text, text[], text[], text, text),
  pgmask.reveal_request(text, text, text[], text, text),
  pgmask.reveal(uuid)
TO PUBLIC;

-- Everybody: the masks. Where a read-only profile sees a stored level-2 value masked, its view
-- computes the mask, and functions in a view run with the rights of whoever reads it. They are pure
-- functions of what he passes; without EXECUTE PostgreSQL would not inline them either.
DO LANGUAGE plpgsql $pgmask$
DECLARE
  v_function pg_catalog.regprocedure;
BEGIN
  FOR v_function IN
    SELECT p.oid
      FROM pg_catalog.pg_proc AS p
     WHERE p.pronamespace = 'pgmask'::pg_catalog.regnamespace
       AND p.proname LIKE 'mask\_%'
       AND p.provolatile = 'i'
  LOOP
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION %s TO PUBLIC', v_function);
  END LOOP;
END;
$pgmask$;
-- What a mask calls where PostgreSQL does not inline it: checked against whoever reads, as well.
GRANT EXECUTE ON FUNCTION
  pgmask.has_no_glyph(text),
  pgmask.address_head(text),
  pgmask.is_plain_place(text),
  pgmask.address_district_end(text)
TO PUBLIC;

-- pgmask_register: every function of the register and of the issuers, and nothing else of pgmask.
DO LANGUAGE plpgsql $pgmask$
DECLARE
  v_function pg_catalog.regprocedure;
BEGIN
  FOR v_function IN
    SELECT p.oid
      FROM pg_catalog.pg_proc AS p
     WHERE p.pronamespace = 'pgmask'::pg_catalog.regnamespace
       AND (p.proname LIKE 'register\_%'
            OR p.proname IN ('issuers', 'rotate_issuer_key', 'revoke_issuer'))
  LOOP
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION %s TO pgmask_register', v_function);
  END LOOP;
END;
$pgmask$;

-- pgmask_unseal: to ask that tables be unsealed, and to decide about what another one asked.
GRANT EXECUTE ON FUNCTION
  pgmask.unseal_request(text[], text, text),
  pgmask.unseal_approve(bigint, text),
  pgmask.unseal_cancel(bigint, text),
  pgmask.unseal_requests()
TO pgmask_unseal;

-- What the sealing triggers and searches ask of rows: whether the caller's row rule reaches them.
GRANT SELECT ON
  pgmask_private.identity_state,
  pgmask_private.my_units,
  pgmask_private.my_subjects,
  pgmask_private.my_designations
  TO pgmask_lookup;

-- pgmask_backup: pg_dump locks and reads every table. Row-level security without a policy keeps
-- the rows with secrets out of it (pg_dump --enable-row-security).
GRANT USAGE ON SCHEMA pgmask, pgmask_private TO pgmask_backup;
DO LANGUAGE plpgsql $pgmask$
DECLARE
  v_relation pg_catalog.regclass;
BEGIN
  FOR v_relation IN
    SELECT c.oid
      FROM pg_catalog.pg_class AS c
     WHERE c.relnamespace = 'pgmask_private'::pg_catalog.regnamespace
       AND c.relkind IN ('r', 'p', 'S')
       AND c.relname <> 'alembic_version'
  LOOP
    EXECUTE pg_catalog.format('GRANT SELECT ON %s TO pgmask_backup', v_relation);
  END LOOP;
END;
$pgmask$;

-- Alembic's table was made before these roles were.
ALTER TABLE pgmask_private.alembic_version OWNER TO pgmask_owner;
REVOKE ALL ON TABLE pgmask_private.alembic_version FROM PUBLIC;
GRANT SELECT ON TABLE pgmask_private.alembic_version TO pgmask_backup;
COMMENT ON TABLE pgmask_private.alembic_version IS 'Which revision of the runtime is installed.';
COMMENT ON COLUMN pgmask_private.alembic_version.version_num IS 'The revision.';

-- It was needed to own pgmask.detach and attach: see 01_schemas_and_roles.sql.
REVOKE CREATE ON SCHEMA pgmask FROM pgmask_migrator;
