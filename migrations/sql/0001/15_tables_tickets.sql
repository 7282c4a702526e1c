-- Tickets: the record of every complete value that was asked for and of every search, written and
-- committed before a value is shown (B2). And what stands behind them: the key of the notes that a
-- search leaves in the log of transactions, and who may reveal and search what.
--
-- A ticket never holds a complete value: a search is there as the blind index it looked up.
CREATE SCHEMA pgmask_audit;
ALTER SCHEMA pgmask_audit OWNER TO pgmask_owner;
REVOKE ALL ON SCHEMA pgmask_audit FROM PUBLIC;
GRANT USAGE ON SCHEMA pgmask_audit TO pgmask_sealer, pgmask_backup;
COMMENT ON SCHEMA pgmask_audit IS 'The record of what was shown, to whom and why. Not for applications.';

CREATE TABLE pgmask_audit.ticket (
  ticket_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamptz NOT NULL DEFAULT clock_timestamp() + interval '60 s',
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  kind text NOT NULL CHECK (kind IN ('reveal', 'search')),
  person_id bigint NOT NULL,
  profile text NOT NULL,
  unit_id text NOT NULL,
  grade text NOT NULL,
  issuer text NOT NULL,
  login name NOT NULL DEFAULT SESSION_USER,
  database name NOT NULL DEFAULT current_database(),
  application_name text DEFAULT current_setting('application_name', true),
  client_addr inet DEFAULT inet_client_addr(),
  purpose text NOT NULL,
  reference text CHECK (reference ~ '^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,63}$'),
  table_id text NOT NULL,
  row_key text[],
  subject_class text,
  subject_key text,
  columns text[] NOT NULL,
  digest text,
  outcome text NOT NULL DEFAULT 'issued',
  CHECK (kind <> 'reveal'
         OR (row_key IS NOT NULL AND subject_class IS NOT NULL AND subject_key IS NOT NULL)),
  CHECK (kind <> 'search' OR digest IS NOT NULL)
);
CREATE INDEX ticket_subject ON pgmask_audit.ticket (subject_class, subject_key, at);
CREATE INDEX ticket_person ON pgmask_audit.ticket (person_id, at);
ALTER TABLE pgmask_audit.ticket OWNER TO pgmask_owner;
REVOKE ALL ON TABLE pgmask_audit.ticket FROM PUBLIC;
GRANT SELECT ON TABLE pgmask_audit.ticket TO pgmask_backup;
COMMENT ON TABLE pgmask_audit.ticket IS
  'Every complete value that was asked for, and every search. Rows are only added.';
COMMENT ON COLUMN pgmask_audit.ticket.ticket_id IS 'What the second step of a reveal brings.';
COMMENT ON COLUMN pgmask_audit.ticket.at IS 'When it was written.';
COMMENT ON COLUMN pgmask_audit.ticket.expires_at IS 'Until when a reveal may bring it.';
COMMENT ON COLUMN pgmask_audit.ticket.xid IS
  'The top-level transaction that wrote it, in 64 bits: a value is shown only once it is committed.';
COMMENT ON COLUMN pgmask_audit.ticket.kind IS 'reveal or search.';
COMMENT ON COLUMN pgmask_audit.ticket.person_id IS 'Who asked.';
COMMENT ON COLUMN pgmask_audit.ticket.profile IS 'As what.';
COMMENT ON COLUMN pgmask_audit.ticket.unit_id IS 'For which unit.';
COMMENT ON COLUMN pgmask_audit.ticket.grade IS 'The grade of the identity: challenge or login.';
COMMENT ON COLUMN pgmask_audit.ticket.issuer IS 'Who signed the identity, or login.';
COMMENT ON COLUMN pgmask_audit.ticket.login IS 'The login of the database.';
COMMENT ON COLUMN pgmask_audit.ticket.database IS 'The database it was written in.';
COMMENT ON COLUMN pgmask_audit.ticket.application_name IS 'What the application calls itself.';
COMMENT ON COLUMN pgmask_audit.ticket.client_addr IS 'Where the connection came from.';
COMMENT ON COLUMN pgmask_audit.ticket.purpose IS 'A purpose of the profile; of a search the word search.';
COMMENT ON COLUMN pgmask_audit.ticket.reference IS 'The business case, by its key.';
COMMENT ON COLUMN pgmask_audit.ticket.table_id IS 'schema.table as the application knows it.';
COMMENT ON COLUMN pgmask_audit.ticket.row_key IS 'The row''s primary key as text; of a search NULL.';
COMMENT ON COLUMN pgmask_audit.ticket.subject_class IS 'The class of whom the values speak of.';
COMMENT ON COLUMN pgmask_audit.ticket.subject_key IS 'Whom the values speak of.';
COMMENT ON COLUMN pgmask_audit.ticket.columns IS 'The columns that were asked for, or searched.';
COMMENT ON COLUMN pgmask_audit.ticket.digest IS
  'Of a search: the blind index of the value, as text. Of a reveal: what the row held, signed.';
COMMENT ON COLUMN pgmask_audit.ticket.outcome IS 'issued.';
COMMENT ON INDEX pgmask_audit.ticket_subject IS 'Counts what was shown of one subject.';
COMMENT ON INDEX pgmask_audit.ticket_person IS 'Counts what one person asked for.';

-- Markers: a commit that throws a file away is always written to disk before it returns, whatever
-- synchronous_commit says. Before PostgreSQL 17 nothing else that a function can do has that
-- effect, so each ticket empties one of these empty tables (ADR 0019). Eight, so that eight
-- requests may be open at once. Not unlogged: that costs two more writes to disk, for the file that
-- such a table is made of anew after a crash.
DO LANGUAGE plpgsql $pgmask$
BEGIN
  FOR v_number IN 0 .. 7 LOOP
    EXECUTE pg_catalog.format('CREATE TABLE pgmask_audit.marker_%s ()', v_number);
    EXECUTE pg_catalog.format('ALTER TABLE pgmask_audit.marker_%s OWNER TO pgmask_owner', v_number);
    EXECUTE pg_catalog.format('REVOKE ALL ON TABLE pgmask_audit.marker_%s FROM PUBLIC', v_number);
    EXECUTE pg_catalog.format('GRANT SELECT ON TABLE pgmask_audit.marker_%s TO pgmask_backup', v_number);
    EXECUTE pg_catalog.format(
      'COMMENT ON TABLE pgmask_audit.marker_%s IS %L', v_number,
      'Empty. Emptied by the ticket of a transaction so that its commit reaches the disk.');
  END LOOP;
END;
$pgmask$;

-- The key under which a search signs the note it leaves in the log of transactions. Row-level
-- security is on without a policy: no backup has it, and a restored database makes a new one.
CREATE TABLE pgmask_private.audit_key (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  secret bytea NOT NULL CHECK (length(secret) = 32),
  made_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE pgmask_private.audit_key ALTER COLUMN secret SET STATISTICS 0;
ALTER TABLE pgmask_private.audit_key ALTER COLUMN secret SET STORAGE PLAIN;
ALTER TABLE pgmask_private.audit_key ENABLE ROW LEVEL SECURITY;
ALTER TABLE pgmask_private.audit_key OWNER TO pgmask_owner;
REVOKE ALL ON TABLE pgmask_private.audit_key FROM PUBLIC;
COMMENT ON TABLE pgmask_private.audit_key IS
  'The secret under which notes of searches are signed; one row, never in a backup.';
COMMENT ON COLUMN pgmask_private.audit_key.only_row IS 'True; keeps it one row.';
COMMENT ON COLUMN pgmask_private.audit_key.secret IS '32 random bytes.';
COMMENT ON COLUMN pgmask_private.audit_key.made_at IS 'When the secret was made.';

-- Filled by the compiler, one row per profile and table that has a reveal or a search: which
-- functions do it and what they allow. The functions themselves hold the limits they enforce; this
-- is what the callers are told.
CREATE TABLE pgmask_private.reveal_rule (
  profile text NOT NULL,
  table_id text NOT NULL,
  view_schema text NOT NULL,
  request_function text,
  reveal_function text,
  columns text[] NOT NULL,
  purposes jsonb NOT NULL,
  per_day integer,
  per_month integer,
  per_subject_per_day integer,
  share_per_month numeric,
  second_factor_within interval,
  searches jsonb NOT NULL,
  search_per_day integer,
  near_per_day integer,
  PRIMARY KEY (profile, table_id)
);
ALTER TABLE pgmask_private.reveal_rule OWNER TO pgmask_owner;
REVOKE ALL ON TABLE pgmask_private.reveal_rule FROM PUBLIC;
GRANT SELECT ON TABLE pgmask_private.reveal_rule TO pgmask_backup;
COMMENT ON TABLE pgmask_private.reveal_rule IS
  'What each profile may reveal and search, and by which functions; told to callers.';
COMMENT ON COLUMN pgmask_private.reveal_rule.profile IS 'The access profile.';
COMMENT ON COLUMN pgmask_private.reveal_rule.table_id IS 'schema.table as the application knows it.';
COMMENT ON COLUMN pgmask_private.reveal_rule.view_schema IS 'The schema of the view and the functions.';
COMMENT ON COLUMN pgmask_private.reveal_rule.request_function IS 'First step of a reveal; NULL: none.';
COMMENT ON COLUMN pgmask_private.reveal_rule.reveal_function IS 'Second step.';
COMMENT ON COLUMN pgmask_private.reveal_rule.columns IS 'The columns that may be revealed.';
COMMENT ON COLUMN pgmask_private.reveal_rule.purposes IS
  'Per purpose the table that must hold the business case, or null.';
COMMENT ON COLUMN pgmask_private.reveal_rule.per_day IS 'Reveals per person and day (UTC).';
COMMENT ON COLUMN pgmask_private.reveal_rule.per_month IS 'Reveals per person and month.';
COMMENT ON COLUMN pgmask_private.reveal_rule.per_subject_per_day IS
  'Reveals of one subject per day, by whomever.';
COMMENT ON COLUMN pgmask_private.reveal_rule.share_per_month IS
  'Share of the person''s own customers that may be revealed in a month.';
COMMENT ON COLUMN pgmask_private.reveal_rule.second_factor_within IS
  'How long ago the second factor may have been given.';
COMMENT ON COLUMN pgmask_private.reveal_rule.searches IS 'Per searchable column the function.';
COMMENT ON COLUMN pgmask_private.reveal_rule.search_per_day IS 'Searches per person and day.';
COMMENT ON COLUMN pgmask_private.reveal_rule.near_per_day IS
  'Searches per person and day that match a customer''s mask and not the value.';
