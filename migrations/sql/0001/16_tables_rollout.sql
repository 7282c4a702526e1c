-- How far every table has come, and what still uses it under its own name while it is observed.
--
-- Row-level security is off on purpose: nobody but pgmask_owner, pgmask_sealer and the backup role
-- has a right on these tables. They hold names of logins and applications and the form of
-- statements; every constant is taken out of a statement before it is kept.

-- One row per step that a table took, in either direction.
CREATE TABLE pgmask_private.rollout_step (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  table_id text NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  from_stage text CHECK (from_stage IN ('observe', 'views', 'sealing', 'enforced')),
  to_stage text NOT NULL CHECK (to_stage IN ('observe', 'views', 'sealing', 'enforced')),
  wanted text NOT NULL CHECK (wanted IN ('observe', 'views', 'sealing', 'enforced')),
  login text NOT NULL DEFAULT session_user
);
CREATE INDEX rollout_step_table_idx ON pgmask_private.rollout_step (table_id, id);
ALTER TABLE pgmask_private.rollout_step OWNER TO pgmask_sealer;
REVOKE ALL ON TABLE pgmask_private.rollout_step FROM PUBLIC;
GRANT SELECT ON TABLE pgmask_private.rollout_step TO pgmask_backup, pgmask_owner;
GRANT SELECT ON SEQUENCE pgmask_private.rollout_step_id_seq TO pgmask_backup;
COMMENT ON TABLE pgmask_private.rollout_step IS 'Every step of every table through the stages of its rollout.';
COMMENT ON COLUMN pgmask_private.rollout_step.id IS 'Number of the step.';
COMMENT ON COLUMN pgmask_private.rollout_step.table_id IS 'The protected table.';
COMMENT ON COLUMN pgmask_private.rollout_step.at IS 'When.';
COMMENT ON COLUMN pgmask_private.rollout_step.from_stage IS 'The stage it had; NULL when it had none.';
COMMENT ON COLUMN pgmask_private.rollout_step.to_stage IS 'The stage it reached.';
COMMENT ON COLUMN pgmask_private.rollout_step.wanted IS 'The stage that the catalogue asked for.';
COMMENT ON COLUMN pgmask_private.rollout_step.login IS 'The database login that did it.';

-- One row per login, application and form of a statement that was met at an observed table.
CREATE TABLE pgmask_private.base_use (
  table_id text NOT NULL,
  login text NOT NULL,
  application_name text NOT NULL DEFAULT '',
  fingerprint text NOT NULL,
  statement text NOT NULL,
  source text NOT NULL CHECK (source IN ('statements', 'activity')),
  times bigint NOT NULL DEFAULT 1,
  counted bigint NOT NULL DEFAULT 0,
  first_seen timestamptz NOT NULL DEFAULT clock_timestamp(),
  last_seen timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT base_use_pkey PRIMARY KEY (table_id, login, application_name, fingerprint, source)
);
ALTER TABLE pgmask_private.base_use OWNER TO pgmask_owner;
REVOKE ALL ON TABLE pgmask_private.base_use FROM PUBLIC;
GRANT SELECT ON TABLE pgmask_private.base_use TO pgmask_backup;
COMMENT ON TABLE pgmask_private.base_use IS 'What still uses an observed table under its own name: who, and which statement.';
COMMENT ON COLUMN pgmask_private.base_use.table_id IS 'The observed table.';
COMMENT ON COLUMN pgmask_private.base_use.login IS 'The database login.';
COMMENT ON COLUMN pgmask_private.base_use.application_name IS 'What the connection calls itself; empty where the source does not tell.';
COMMENT ON COLUMN pgmask_private.base_use.fingerprint IS 'Digest of the statement''s form: equal for statements that differ in constants only.';
COMMENT ON COLUMN pgmask_private.base_use.statement IS 'The statement with every constant taken out; never a value.';
COMMENT ON COLUMN pgmask_private.base_use.source IS 'statements: counted by pg_stat_statements; activity: met by looking.';
COMMENT ON COLUMN pgmask_private.base_use.times IS 'How often it ran since observing began, or how often it was met.';
COMMENT ON COLUMN pgmask_private.base_use.counted IS 'The source''s own counter when it was last read.';
COMMENT ON COLUMN pgmask_private.base_use.first_seen IS 'When it was met first.';
COMMENT ON COLUMN pgmask_private.base_use.last_seen IS 'When it was met last.';
