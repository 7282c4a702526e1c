-- The secret under which pgmask.login makes the token of a transaction. One row.
--
-- Its rows are readable by pgmask_owner alone: row-level security is on without any policy, so
-- that neither the backup role nor pg_read_all_data gets them, and no statistics are kept of it.
-- A restored database has no row here; pgmask install makes a new one.
CREATE TABLE pgmask_private.token_key (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  secret text NOT NULL CHECK (length(secret) = 64),
  made_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE pgmask_private.token_key ALTER COLUMN secret SET STATISTICS 0;
ALTER TABLE pgmask_private.token_key ALTER COLUMN secret SET STORAGE PLAIN;
ALTER TABLE pgmask_private.token_key ENABLE ROW LEVEL SECURITY;
ALTER TABLE pgmask_private.token_key OWNER TO pgmask_owner;
REVOKE ALL ON TABLE pgmask_private.token_key FROM PUBLIC;
COMMENT ON TABLE pgmask_private.token_key IS
  'The secret under which login makes the token of a transaction; one row, never in a backup.';
COMMENT ON COLUMN pgmask_private.token_key.only_row IS 'True; keeps it one row.';
COMMENT ON COLUMN pgmask_private.token_key.secret IS '32 random bytes as 64 hexadecimal digits.';
COMMENT ON COLUMN pgmask_private.token_key.made_at IS 'When the secret was made.';
