-- Migrations of the application's own tools: who may act as the stores' owner and until when, which
-- table's views are down at this moment, and which table waits for an apply.
--
-- Row-level security is off on purpose: names and definitions only, never a value of a table.

-- One row per window in which a login was made a member of the stores' owner.
CREATE TABLE pgmask_private.migration_window (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  login text NOT NULL,
  owner text NOT NULL,
  ticket text NOT NULL CHECK (ticket <> ''),
  opened_by text NOT NULL DEFAULT session_user,
  opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  ends_at timestamptz NOT NULL,
  granted boolean NOT NULL,
  apply_follows boolean NOT NULL DEFAULT false,
  tool text,
  exit_code integer,
  closed_at timestamptz,
  closed_by text,
  CONSTRAINT migration_window_ends CHECK (ends_at > opened_at),
  CONSTRAINT migration_window_closed CHECK ((closed_at IS NULL) = (closed_by IS NULL))
);
CREATE UNIQUE INDEX migration_window_open_key
  ON pgmask_private.migration_window (login) WHERE closed_at IS NULL;
ALTER TABLE pgmask_private.migration_window OWNER TO pgmask_owner;
REVOKE ALL ON TABLE pgmask_private.migration_window FROM PUBLIC;
GRANT SELECT ON TABLE pgmask_private.migration_window TO pgmask_migrator;
COMMENT ON TABLE pgmask_private.migration_window IS
  'Who was let act as the owner of the stores, when, until when and for which ticket.';
COMMENT ON COLUMN pgmask_private.migration_window.id IS 'Number of the window.';
COMMENT ON COLUMN pgmask_private.migration_window.login IS 'The login that migrates.';
COMMENT ON COLUMN pgmask_private.migration_window.owner IS 'The role that owns the stores.';
COMMENT ON COLUMN pgmask_private.migration_window.ticket IS 'Reference of the change.';
COMMENT ON COLUMN pgmask_private.migration_window.opened_by IS 'The login that opened it.';
COMMENT ON COLUMN pgmask_private.migration_window.opened_at IS 'When it was opened.';
COMMENT ON COLUMN pgmask_private.migration_window.ends_at IS 'From then on pgmask.detach refuses, and doctor complains.';
COMMENT ON COLUMN pgmask_private.migration_window.granted IS 'Whether the membership was given by it, and goes with it.';
COMMENT ON COLUMN pgmask_private.migration_window.apply_follows IS
  'pgmask migrate applies the catalogue afterwards: attach may leave a table waiting for it.';
COMMENT ON COLUMN pgmask_private.migration_window.tool IS 'The command that ran in it; NULL: opened by hand.';
COMMENT ON COLUMN pgmask_private.migration_window.exit_code IS 'Its exit code.';
COMMENT ON COLUMN pgmask_private.migration_window.closed_at IS 'When it was closed.';
COMMENT ON COLUMN pgmask_private.migration_window.closed_by IS 'The login that closed it.';

-- One row per table whose views are down: never in a committed state (see the trigger below).
CREATE TABLE pgmask_private.detached (
  table_id text PRIMARY KEY,
  relation oid NOT NULL,
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  login text NOT NULL DEFAULT session_user,
  at timestamptz NOT NULL,
  columns jsonb NOT NULL,
  members oid[] NOT NULL,
  views jsonb NOT NULL,
  policies jsonb NOT NULL,
  functions jsonb NOT NULL,
  marks jsonb NOT NULL
);
ALTER TABLE pgmask_private.detached OWNER TO pgmask_owner;
REVOKE ALL ON TABLE pgmask_private.detached FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE pgmask_private.detached TO pgmask_migrator;
COMMENT ON TABLE pgmask_private.detached IS
  'Tables whose views are down inside the running transaction, with what brings them back.';
COMMENT ON COLUMN pgmask_private.detached.table_id IS 'schema.table as the application knows it.';
COMMENT ON COLUMN pgmask_private.detached.relation IS 'The table itself, whatever it is called meanwhile.';
COMMENT ON COLUMN pgmask_private.detached.xid IS 'The transaction.';
COMMENT ON COLUMN pgmask_private.detached.login IS 'Who detached it.';
COMMENT ON COLUMN pgmask_private.detached.at IS 'Since when it is locked.';
COMMENT ON COLUMN pgmask_private.detached.columns IS 'The columns then: number, name, type.';
COMMENT ON COLUMN pgmask_private.detached.members IS 'The table, its partitions and children then.';
COMMENT ON COLUMN pgmask_private.detached.views IS 'The views: query, owner, rights, comments.';
COMMENT ON COLUMN pgmask_private.detached.policies IS 'The policies that hang on columns.';
COMMENT ON COLUMN pgmask_private.detached.marks IS
  'What would be another if a trigger was switched off meanwhile, or a file written anew.';
COMMENT ON COLUMN pgmask_private.detached.functions IS 'The functions over the views, without those of pgmask_sealer.';

-- Functions over the views that pgmask_sealer owns: it takes them down and brings them back itself.
CREATE TABLE pgmask_private.detached_function (
  table_id text NOT NULL,
  identity text NOT NULL,
  definition text NOT NULL,
  owner text NOT NULL,
  acl jsonb NOT NULL,
  comment text,
  PRIMARY KEY (table_id, identity)
);
ALTER TABLE pgmask_private.detached_function OWNER TO pgmask_sealer;
REVOKE ALL ON TABLE pgmask_private.detached_function FROM PUBLIC;
COMMENT ON TABLE pgmask_private.detached_function IS
  'Functions over views that are down inside the running transaction.';
COMMENT ON COLUMN pgmask_private.detached_function.table_id IS 'schema.table as the application knows it.';
COMMENT ON COLUMN pgmask_private.detached_function.identity IS 'The function with its argument types.';
COMMENT ON COLUMN pgmask_private.detached_function.definition IS 'The statement that makes it.';
COMMENT ON COLUMN pgmask_private.detached_function.owner IS 'Its owner.';
COMMENT ON COLUMN pgmask_private.detached_function.acl IS 'Who may execute it.';
COMMENT ON COLUMN pgmask_private.detached_function.comment IS 'Its comment.';

-- One row per table that a migration left waiting for an apply: its triggers refuse every write.
CREATE TABLE pgmask_private.migration_hold (
  table_id text PRIMARY KEY,
  login text NOT NULL DEFAULT session_user,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  because text[] NOT NULL
);
ALTER TABLE pgmask_private.migration_hold OWNER TO pgmask_owner;
REVOKE ALL ON TABLE pgmask_private.migration_hold FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE pgmask_private.migration_hold TO pgmask_migrator;
COMMENT ON TABLE pgmask_private.migration_hold IS
  'Tables that refuse every write (PM219) until pgmask apply has made their sealing anew.';
COMMENT ON COLUMN pgmask_private.migration_hold.table_id IS 'schema.table as the application knows it.';
COMMENT ON COLUMN pgmask_private.migration_hold.login IS 'Whose migration it was.';
COMMENT ON COLUMN pgmask_private.migration_hold.at IS 'When.';
COMMENT ON COLUMN pgmask_private.migration_hold.because IS 'The columns that changed.';

GRANT SELECT ON pgmask_private.store_table TO pgmask_migrator;
GRANT SELECT, INSERT, DELETE, UPDATE (fingerprint, desired_hash) ON pgmask_private.managed_object TO pgmask_migrator;
GRANT SELECT ON pgmask_private.managed_object TO pgmask_sealer;

-- Refuses a COMMIT while views are down. Deferred, so that it is asked at the very end; asked
-- earlier (SET CONSTRAINTS, PREPARE TRANSACTION) it refuses earlier.
CREATE FUNCTION pgmask_private.refuse_detached()
  RETURNS trigger
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  IF EXISTS (SELECT FROM pgmask_private.detached AS d WHERE d.table_id = NEW.table_id) THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PM210',
      MESSAGE = format('the views of %s are still detached', NEW.table_id),
      HINT = format('Call SELECT * FROM pgmask.attach(%L) before COMMIT; nothing of this transaction was kept.',
                    NEW.table_id);
  END IF;
  RETURN NULL;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.refuse_detached() FROM PUBLIC;
ALTER FUNCTION pgmask_private.refuse_detached() OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.refuse_detached() IS
  'Trigger: raises PM210 at COMMIT while the views of a table are down.';

CREATE CONSTRAINT TRIGGER refuse_commit AFTER INSERT ON pgmask_private.detached
  DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION pgmask_private.refuse_detached();
ALTER TABLE pgmask_private.detached ENABLE ALWAYS TRIGGER refuse_commit;
COMMENT ON TRIGGER refuse_commit ON pgmask_private.detached IS
  'No COMMIT while the views of a table are down (PM210).';

-- Refuses writes to a table whose sealing does not fit its columns any more.
CREATE FUNCTION pgmask_private.refuse_held()
  RETURNS trigger
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY INVOKER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  RAISE EXCEPTION USING
    ERRCODE = 'PM219',
    MESSAGE = format('%I.%I waits for an apply since a migration changed its columns',
                     TG_TABLE_SCHEMA, TG_TABLE_NAME),
    HINT = 'Nothing was written. The DBA runs: pgmask apply CATALOGUE, with the new columns in it.',
    SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.refuse_held() FROM PUBLIC;
ALTER FUNCTION pgmask_private.refuse_held() OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.refuse_held() TO pgmask_migrator;
COMMENT ON FUNCTION pgmask_private.refuse_held() IS
  'Trigger: raises PM219 for every write while a table waits for an apply.';
