-- The way back: who asked to put truths back into which tables, who agreed, and how far it is.
--
-- Requests and events are never changed and never deleted: what has happened is told by rows that
-- are added. None of them holds a value of a protected table.

CREATE TABLE pgmask_audit.unseal_request (
  request_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  xid bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
  tables text[] NOT NULL CHECK (cardinality(tables) > 0),
  purpose text NOT NULL CHECK (char_length(btrim(purpose)) BETWEEN 3 AND 500 AND purpose !~ '[[:cntrl:]]'),
  reference text NOT NULL CHECK (char_length(btrim(reference)) BETWEEN 1 AND 200 AND reference !~ '[[:cntrl:]]'),
  requested_by name NOT NULL DEFAULT session_user,
  person_id bigint,
  requested_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE pgmask_audit.unseal_request OWNER TO pgmask_owner;
REVOKE ALL ON TABLE pgmask_audit.unseal_request FROM PUBLIC;
GRANT SELECT ON TABLE pgmask_audit.unseal_request TO pgmask_backup;
GRANT SELECT ON SEQUENCE pgmask_audit.unseal_request_request_id_seq TO pgmask_backup;
COMMENT ON TABLE pgmask_audit.unseal_request IS 'Requests to put truths back into the columns of whole tables.';
COMMENT ON COLUMN pgmask_audit.unseal_request.request_id IS 'Number of the request.';
COMMENT ON COLUMN pgmask_audit.unseal_request.xid IS 'The transaction that wrote the row.';
COMMENT ON COLUMN pgmask_audit.unseal_request.tables IS 'The tables, each schema.table as the application knows it.';
COMMENT ON COLUMN pgmask_audit.unseal_request.purpose IS 'Why, in a sentence.';
COMMENT ON COLUMN pgmask_audit.unseal_request.reference IS 'The decision or ticket it rests on.';
COMMENT ON COLUMN pgmask_audit.unseal_request.requested_by IS 'The login that asked (session_user).';
COMMENT ON COLUMN pgmask_audit.unseal_request.person_id IS 'The person behind that login, where the register knows one.';
COMMENT ON COLUMN pgmask_audit.unseal_request.requested_at IS 'When, by the server''s clock.';

CREATE TABLE pgmask_audit.unseal_event (
  event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  xid bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  request_id bigint NOT NULL REFERENCES pgmask_audit.unseal_request,
  kind text NOT NULL CHECK (kind IN ('approved', 'cancelled', 'begun', 'resumed', 'opened')),
  login name NOT NULL DEFAULT session_user,
  person_id bigint,
  application_name text NOT NULL DEFAULT current_setting('application_name'),
  client_addr inet DEFAULT inet_client_addr(),
  table_id text,
  row_count bigint,
  erased_count bigint,
  said text CHECK (char_length(said) <= 500 AND said !~ '[[:cntrl:]]'),
  CHECK ((table_id IS NOT NULL) = (kind IN ('begun', 'resumed', 'opened'))),
  CHECK ((row_count IS NOT NULL AND erased_count IS NOT NULL) = (kind = 'opened'))
);
CREATE UNIQUE INDEX unseal_event_once ON pgmask_audit.unseal_event (request_id, kind)
  WHERE kind IN ('approved', 'cancelled');
ALTER TABLE pgmask_audit.unseal_event OWNER TO pgmask_owner;
REVOKE ALL ON TABLE pgmask_audit.unseal_event FROM PUBLIC;
GRANT SELECT ON TABLE pgmask_audit.unseal_event TO pgmask_backup;
GRANT SELECT ON SEQUENCE pgmask_audit.unseal_event_event_id_seq TO pgmask_backup;
COMMENT ON TABLE pgmask_audit.unseal_event IS 'What happened to a request to unseal: agreed to, withdrawn, begun, ended.';
COMMENT ON INDEX pgmask_audit.unseal_event_once IS 'A request is approved once and cancelled once.';
COMMENT ON COLUMN pgmask_audit.unseal_event.event_id IS 'Number of the event.';
COMMENT ON COLUMN pgmask_audit.unseal_event.xid IS 'The transaction that wrote the row.';
COMMENT ON COLUMN pgmask_audit.unseal_event.at IS 'When, by the server''s clock.';
COMMENT ON COLUMN pgmask_audit.unseal_event.request_id IS 'The request.';
COMMENT ON COLUMN pgmask_audit.unseal_event.kind IS 'approved, cancelled, begun, resumed or opened.';
COMMENT ON COLUMN pgmask_audit.unseal_event.login IS 'The login that did it (session_user).';
COMMENT ON COLUMN pgmask_audit.unseal_event.person_id IS 'The person behind that login, where the register knows one.';
COMMENT ON COLUMN pgmask_audit.unseal_event.application_name IS 'The program, as it named itself.';
COMMENT ON COLUMN pgmask_audit.unseal_event.client_addr IS 'Where the login came from; NULL over a socket.';
COMMENT ON COLUMN pgmask_audit.unseal_event.table_id IS 'The table, where the event is about one.';
COMMENT ON COLUMN pgmask_audit.unseal_event.row_count IS 'opened: rows whose columns hold truths now.';
COMMENT ON COLUMN pgmask_audit.unseal_event.erased_count IS 'opened: rows that keep a mask because a subject was erased.';
COMMENT ON COLUMN pgmask_audit.unseal_event.said IS 'The approver''s opinion, or why it was cancelled.';

CREATE TABLE pgmask_private.unseal_run (
  table_id    text        NOT NULL CONSTRAINT unseal_run_pkey PRIMARY KEY,
  request_id  bigint      NOT NULL REFERENCES pgmask_audit.unseal_request,
  last_key    text[],
  rows_opened bigint      NOT NULL DEFAULT 0,
  phase       text        NOT NULL DEFAULT 'opening' CHECK (phase IN ('opening', 'verifying', 'done')),
  started_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE pgmask_private.unseal_run OWNER TO pgmask_owner;
REVOKE ALL ON TABLE pgmask_private.unseal_run FROM PUBLIC;
GRANT SELECT, DELETE, UPDATE (last_key, rows_opened, phase, updated_at)
  ON TABLE pgmask_private.unseal_run TO pgmask_sealer;
-- A table on its way back has nothing of an earlier seal to go on with.
GRANT SELECT, DELETE ON TABLE pgmask_private.seal_run TO pgmask_owner;
COMMENT ON TABLE pgmask_private.unseal_run IS 'The tables that are on their way back: while a table is here, what is written to it stays plain.';
COMMENT ON COLUMN pgmask_private.unseal_run.table_id IS 'The protected table.';
COMMENT ON COLUMN pgmask_private.unseal_run.request_id IS 'The approved request.';
COMMENT ON COLUMN pgmask_private.unseal_run.last_key IS 'The primary key up to which this pass has come, as text.';
COMMENT ON COLUMN pgmask_private.unseal_run.rows_opened IS 'Rows opened by pgmask unseal since it began with the table.';
COMMENT ON COLUMN pgmask_private.unseal_run.phase IS 'opening, verifying or done.';
COMMENT ON COLUMN pgmask_private.unseal_run.started_at IS 'When it began.';
COMMENT ON COLUMN pgmask_private.unseal_run.updated_at IS 'When it last finished a batch.';

-- What only the transaction that installs can know: whether pgcrypto was here before.
CREATE TABLE pgmask_private.runtime_origin (
  one boolean NOT NULL DEFAULT true PRIMARY KEY CHECK (one),
  made_pgcrypto boolean NOT NULL
);
INSERT INTO pgmask_private.runtime_origin (made_pgcrypto)
SELECT e.xmin = pg_catalog.pg_current_xact_id()::xid
  FROM pg_catalog.pg_extension AS e
 WHERE e.extname = 'pgcrypto';
ALTER TABLE pgmask_private.runtime_origin OWNER TO pgmask_owner;
REVOKE ALL ON TABLE pgmask_private.runtime_origin FROM PUBLIC;
COMMENT ON TABLE pgmask_private.runtime_origin IS 'What was there before the runtime: pgmask uninstall leaves it.';
COMMENT ON COLUMN pgmask_private.runtime_origin.one IS 'There is one row.';
COMMENT ON COLUMN pgmask_private.runtime_origin.made_pgcrypto IS 'Whether the extension pgcrypto was made by the install.';
