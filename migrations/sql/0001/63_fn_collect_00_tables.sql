-- Collecting: notes out of the log of transactions, and out of the server's log, into the record.
--
-- A logical slot of this database (pgmask_audit_ and its oid, plugin pgoutput with an empty
-- publication, messages on) holds the notes until they are stored. They are read in SQL, so that no
-- note leaves the server: collect_notes peeks, verifies, stores and moves the row of
-- pgmask_audit.collector in one transaction, and release_notes moves the slot in a later one. What is
-- killed between the two is read again and passed over by its position: exactly once.
--
-- The position is where reading goes on: everything that ends there or before is stored (a message is
-- given with its end). Where the slot stands beyond it (dropped and made anew, moved by another hand),
-- notes are lost, and the gap goes on record under a signature.

-- What the collector obeys, put there by the catalogue.
CREATE TABLE pgmask_audit.stall_rule (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  when_audit_stalls text NOT NULL CHECK (when_audit_stalls IN ('stop_reads', 'lose_with_alarm')),
  allowed interval NOT NULL DEFAULT '5 minutes' CHECK (allowed >= interval '10 seconds')
);
ALTER TABLE pgmask_audit.stall_rule OWNER TO pgmask_owner;
REVOKE ALL ON TABLE pgmask_audit.stall_rule FROM PUBLIC;
GRANT SELECT ON TABLE pgmask_audit.stall_rule TO pgmask_backup;
COMMENT ON TABLE pgmask_audit.stall_rule IS
  'What happens when notes are not collected, as the catalogue says; no row: lose_with_alarm.';
COMMENT ON COLUMN pgmask_audit.stall_rule.only_row IS 'True; keeps it one row.';
COMMENT ON COLUMN pgmask_audit.stall_rule.when_audit_stalls IS
  'stop_reads: protected tables are not read until notes are collected again (PM802);'
  ' lose_with_alarm: reads go on.';
COMMENT ON COLUMN pgmask_audit.stall_rule.allowed IS 'How long the collector may be away before reads stop.';

-- Notes of searches whose ticket is not to be seen yet: their transaction may still be open.
CREATE TABLE pgmask_audit.search_note (
  ticket_id uuid PRIMARY KEY,
  era_id integer NOT NULL,
  position pg_lsn NOT NULL,
  decided_after xid8 NOT NULL,
  said jsonb NOT NULL
);
ALTER TABLE pgmask_audit.search_note OWNER TO pgmask_owner;
REVOKE ALL ON TABLE pgmask_audit.search_note FROM PUBLIC;
GRANT SELECT ON TABLE pgmask_audit.search_note TO pgmask_backup;
COMMENT ON TABLE pgmask_audit.search_note IS
  'Searches that were noted and whose ticket is not to be seen: rolled back, or not yet committed.';
COMMENT ON COLUMN pgmask_audit.search_note.ticket_id IS 'The ticket that the search wrote.';
COMMENT ON COLUMN pgmask_audit.search_note.era_id IS 'The era.';
COMMENT ON COLUMN pgmask_audit.search_note.position IS 'Where the note lay in the log of transactions.';
COMMENT ON COLUMN pgmask_audit.search_note.decided_after IS
  'Once every transaction before this one has ended, a ticket that is not there was rolled back.';
COMMENT ON COLUMN pgmask_audit.search_note.said IS 'The note; the value only as its blind index.';

-- Puts the rule into effect: from now on, not from the collector's next visit on.
CREATE FUNCTION pgmask_private.obey_stall_rule()
  RETURNS trigger
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_until timestamptz := 'infinity';
BEGIN
  IF TG_OP <> 'DELETE' THEN
    IF NEW.when_audit_stalls = 'stop_reads' THEN
      v_until := clock_timestamp() + NEW.allowed;
    END IF;
  END IF;
  UPDATE pgmask_audit.note_rule AS r SET reads_until = v_until;
  RETURN NULL;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.obey_stall_rule() FROM PUBLIC;
ALTER FUNCTION pgmask_private.obey_stall_rule() OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.obey_stall_rule() IS
  'Trigger: puts into effect what happens when notes are not collected.';

CREATE TRIGGER obeyed AFTER INSERT OR UPDATE OR DELETE ON pgmask_audit.stall_rule
  FOR EACH ROW EXECUTE FUNCTION pgmask_private.obey_stall_rule();
ALTER TABLE pgmask_audit.stall_rule ENABLE ALWAYS TRIGGER obeyed;
COMMENT ON TRIGGER obeyed ON pgmask_audit.stall_rule IS 'Puts the rule into effect.';

-- The slot. These four belong to a role with REPLICATION and nothing else, so that neither the
-- collector's login nor the owner of the record needs that attribute, which reads everything.
