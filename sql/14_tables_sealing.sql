-- What pgmask seal remembers, so that a killed run goes on where it stopped.

CREATE TABLE pgmask_private.seal_run (
  table_id    text        NOT NULL CONSTRAINT seal_run_pkey PRIMARY KEY,
  last_key    text[],
  rows_sealed bigint      NOT NULL DEFAULT 0,
  phase       text        NOT NULL DEFAULT 'sealing' CHECK (phase IN ('sealing', 'verifying', 'done')),
  started_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE pgmask_private.seal_run OWNER TO pgmask_sealer;
REVOKE ALL ON TABLE pgmask_private.seal_run FROM PUBLIC;
GRANT SELECT ON TABLE pgmask_private.seal_run TO pgmask_backup;
COMMENT ON TABLE pgmask_private.seal_run IS 'How far pgmask seal has come with each table.';
COMMENT ON COLUMN pgmask_private.seal_run.table_id IS 'The protected table.';
COMMENT ON COLUMN pgmask_private.seal_run.last_key IS 'The primary key up to which this pass has come, as text.';
COMMENT ON COLUMN pgmask_private.seal_run.rows_sealed IS 'Rows sealed by pgmask seal since it began with the table.';
COMMENT ON COLUMN pgmask_private.seal_run.phase IS 'sealing, verifying or done.';
COMMENT ON COLUMN pgmask_private.seal_run.started_at IS 'When it began.';
COMMENT ON COLUMN pgmask_private.seal_run.updated_at IS 'When it last finished a batch.';

CREATE TABLE pgmask_private.seal_refused (
  table_id   text        NOT NULL,
  row_key    text[]      NOT NULL,
  code       text        NOT NULL,
  object     text,
  refused_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT seal_refused_pkey PRIMARY KEY (table_id, row_key)
);
ALTER TABLE pgmask_private.seal_refused OWNER TO pgmask_sealer;
REVOKE ALL ON TABLE pgmask_private.seal_refused FROM PUBLIC;
GRANT SELECT ON TABLE pgmask_private.seal_refused TO pgmask_backup;
COMMENT ON TABLE pgmask_private.seal_refused IS 'Rows that could not be sealed: their keys and why, never a value.';
COMMENT ON COLUMN pgmask_private.seal_refused.table_id IS 'The protected table.';
COMMENT ON COLUMN pgmask_private.seal_refused.row_key IS 'The row''s primary key as text.';
COMMENT ON COLUMN pgmask_private.seal_refused.code IS 'SQLSTATE of what refused it.';
COMMENT ON COLUMN pgmask_private.seal_refused.object IS 'The constraint or column, where PostgreSQL names one.';
COMMENT ON COLUMN pgmask_private.seal_refused.refused_at IS 'When.';
