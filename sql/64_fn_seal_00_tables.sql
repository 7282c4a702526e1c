-- The seal: what a batch leaves behind beside its header, and how it is added.
--
-- pgmask_audit.batch holds what is signed (18_tables_audit.sql). These two tables only help to name
-- what is wrong: a header holds the SHA-256 of what they hold, so nothing rests on them.

CREATE TABLE pgmask_audit.leaf (
  batch_id bigint NOT NULL REFERENCES pgmask_audit.batch (batch_id),
  part integer NOT NULL,
  ids bytea NOT NULL,
  hashes bytea NOT NULL,
  PRIMARY KEY (batch_id, part)
);
ALTER TABLE pgmask_audit.leaf ALTER COLUMN hashes SET STORAGE EXTERNAL;
COMMENT ON TABLE pgmask_audit.leaf IS
  'The rows of each part of a batch by number and short hash, so that a wrong one can be named.';
COMMENT ON COLUMN pgmask_audit.leaf.batch_id IS 'The batch.';
COMMENT ON COLUMN pgmask_audit.leaf.part IS 'Which of the header''s parts, from 0.';
COMMENT ON COLUMN pgmask_audit.leaf.ids IS
  'Deflated: the numbers of the rows in order, each as its distance to the one before, 8 bytes.';
COMMENT ON COLUMN pgmask_audit.leaf.hashes IS 'The first 8 bytes of each row''s hash, in order.';

CREATE TABLE pgmask_audit.fingerprint (
  digest bytea PRIMARY KEY CHECK (length(digest) = 32),
  part text NOT NULL,
  lines text NOT NULL
);
COMMENT ON TABLE pgmask_audit.fingerprint IS
  'What protects the record and the stores, as batches found it: one row for each state it was in.';
COMMENT ON COLUMN pgmask_audit.fingerprint.digest IS 'SHA-256 of the lines; headers name it.';
COMMENT ON COLUMN pgmask_audit.fingerprint.part IS
  'triggers, policies, tables, functions, views, schemas, roles, members or parameters.';
COMMENT ON COLUMN pgmask_audit.fingerprint.lines IS 'A line per object: name, tab, state.';

DO LANGUAGE plpgsql $pgmask$
DECLARE
  v_table text;
BEGIN
  FOREACH v_table IN ARRAY ARRAY['leaf', 'fingerprint'] LOOP
    EXECUTE pg_catalog.format('ALTER TABLE pgmask_audit.%I OWNER TO pgmask_owner', v_table);
    EXECUTE pg_catalog.format('REVOKE ALL ON TABLE pgmask_audit.%I FROM PUBLIC', v_table);
    EXECUTE pg_catalog.format('GRANT SELECT ON TABLE pgmask_audit.%I TO pgmask_backup', v_table);
    EXECUTE pg_catalog.format(
      'CREATE TRIGGER a_only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON pgmask_audit.%I'
      ' FOR EACH STATEMENT EXECUTE FUNCTION pgmask_private.refuse_record_change()', v_table);
    EXECUTE pg_catalog.format(
      'ALTER TABLE pgmask_audit.%I ENABLE ALWAYS TRIGGER a_only_added', v_table);
    EXECUTE pg_catalog.format(
      'COMMENT ON TRIGGER a_only_added ON pgmask_audit.%I IS ''Rows are only added.''', v_table);
  END LOOP;
  -- Who seals reads what he seals.
  FOREACH v_table IN ARRAY ARRAY[
    'era', 'access', 'change', 'activity', 'ticket', 'unseal_request', 'unseal_event', 'retention',
    'batch', 'leaf', 'fingerprint', 'anchor', 'signing_key', 'archive'
  ] LOOP
    EXECUTE pg_catalog.format('GRANT SELECT ON TABLE pgmask_audit.%I TO pgmask_record_sealer', v_table);
  END LOOP;
END;
$pgmask$;
GRANT SELECT ON TABLE pgmask_private.register_history TO pgmask_record_sealer;
