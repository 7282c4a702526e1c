-- The register: units, persons, posts, papers, and who may reach whom. What a person may do follows
-- from these rows and from nothing else.
--
-- Periods are half open, [valid_from, valid_to); an end of NULL means "until further notice". The
-- rows are the state of affairs; who changed which row when is in register_history, written by
-- triggers (40_triggers.sql). Rows are changed through the functions pgmask.register_*.

-- The settings that a policy pack or the organisation decides. One row.
CREATE TABLE pgmask_private.register_rule (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  complete_unit boolean NOT NULL DEFAULT true,
  training_months integer CHECK (training_months > 0),
  designated_per_unit integer NOT NULL DEFAULT 2 CHECK (designated_per_unit BETWEEN 1 AND 2),
  unique_writes_per_day integer NOT NULL DEFAULT 100
    CHECK (unique_writes_per_day BETWEEN 0 AND 1000000)
);
COMMENT ON TABLE pgmask_private.register_rule IS
  'What the organisation or its policy packs ask of units and persons; one row.';
COMMENT ON COLUMN pgmask_private.register_rule.only_row IS 'True; keeps it one row.';
COMMENT ON COLUMN pgmask_private.register_rule.complete_unit IS
  'Whether nobody of a unit without kind, head, security responsible and contact is honoured.';
COMMENT ON COLUMN pgmask_private.register_rule.training_months IS
  'A person is honoured this many months after a training; NULL: training is no gate.';
COMMENT ON COLUMN pgmask_private.register_rule.designated_per_unit IS
  'How many persons of one unit may be designated for high-value customers at once.';
COMMENT ON COLUMN pgmask_private.register_rule.unique_writes_per_day IS
  'How many new values of unique sealed columns one person may write in a day (UTC).';
INSERT INTO pgmask_private.register_rule DEFAULT VALUES;

CREATE TABLE pgmask_private.unit (
  unit_id text PRIMARY KEY CHECK (unit_id ~ '^[^[:cntrl:]]{1,100}$'),
  name text NOT NULL CHECK (name <> ''),
  kind text CHECK (kind IN ('department', 'branch', 'subsidiary')),
  superior text REFERENCES pgmask_private.unit (unit_id) CHECK (superior <> unit_id),
  head text CHECK (head <> ''),
  security_responsible text CHECK (security_responsible <> ''),
  contact text CHECK (contact <> ''),
  lead_department text CHECK (lead_department <> ''),
  permission_rules text CHECK (permission_rules <> ''),
  channel text CHECK (channel <> ''),
  closed_at timestamptz
);
COMMENT ON TABLE pgmask_private.unit IS
  'A department, branch or subsidiary, with the one person each who answers for it.';
COMMENT ON COLUMN pgmask_private.unit.unit_id IS
  'The key of the unit as the unit column of protected tables holds it, as text.';
COMMENT ON COLUMN pgmask_private.unit.name IS 'What people call it.';
COMMENT ON COLUMN pgmask_private.unit.kind IS 'department, branch or subsidiary.';
COMMENT ON COLUMN pgmask_private.unit.superior IS 'The unit above; NULL at the top.';
COMMENT ON COLUMN pgmask_private.unit.head IS 'Who leads it.';
COMMENT ON COLUMN pgmask_private.unit.security_responsible IS
  'The one person responsible for information security in it.';
COMMENT ON COLUMN pgmask_private.unit.contact IS 'The one contact for customer information.';
COMMENT ON COLUMN pgmask_private.unit.lead_department IS
  'In a branch: the department that leads customer information there.';
COMMENT ON COLUMN pgmask_private.unit.permission_rules IS
  'Reference to the permission rules that the unit has registered.';
COMMENT ON COLUMN pgmask_private.unit.channel IS 'The sales channel it belongs to.';
COMMENT ON COLUMN pgmask_private.unit.closed_at IS 'Since when it no longer exists; NULL: it does.';

CREATE TABLE pgmask_private.person (
  person_id bigint PRIMARY KEY,
  name text NOT NULL CHECK (name <> ''),
  unit_id text NOT NULL REFERENCES pgmask_private.unit (unit_id),
  employment text NOT NULL DEFAULT 'employee'
    CHECK (employment IN ('employee', 'agent', 'outsourced')),
  standing text NOT NULL DEFAULT 'active'
    CHECK (standing IN ('active', 'suspended', 'moved', 'left')),
  standing_since timestamptz NOT NULL DEFAULT clock_timestamp(),
  standing_reason text
);
COMMENT ON TABLE pgmask_private.person IS 'Everybody who may touch customer information.';
COMMENT ON COLUMN pgmask_private.person.person_id IS 'The number that a signed identity names.';
COMMENT ON COLUMN pgmask_private.person.name IS 'The name, for people who read the register.';
COMMENT ON COLUMN pgmask_private.person.unit_id IS 'The unit the person belongs to.';
COMMENT ON COLUMN pgmask_private.person.employment IS
  'employee, agent or outsourced; an outsourced person never reaches level 1.';
COMMENT ON COLUMN pgmask_private.person.standing IS
  'active; suspended, moved (hand-over not complete) and left are not honoured.';
COMMENT ON COLUMN pgmask_private.person.standing_since IS 'Since when.';
COMMENT ON COLUMN pgmask_private.person.standing_reason IS 'Why, in the words of who changed it.';

CREATE TABLE pgmask_private.post (
  post_id text PRIMARY KEY CHECK (post_id ~ '^[^[:cntrl:]]{1,100}$'),
  title text NOT NULL CHECK (title <> ''),
  reach text NOT NULL DEFAULT 'unit' CHECK (reach IN ('unit', 'subtree')),
  unique_writes_per_day integer CHECK (unique_writes_per_day BETWEEN 0 AND 1000000)
);
COMMENT ON TABLE pgmask_private.post IS 'A post that touches customer information.';
COMMENT ON COLUMN pgmask_private.post.post_id IS 'Its key.';
COMMENT ON COLUMN pgmask_private.post.title IS 'What people call it.';
COMMENT ON COLUMN pgmask_private.post.reach IS
  'unit: the holder''s unit; subtree: that unit and all below it (for profiles with rows: units).';
COMMENT ON COLUMN pgmask_private.post.unique_writes_per_day IS
  'As in register_rule, for holders of this post; NULL: as there.';

CREATE TABLE pgmask_private.post_profile (
  post_id text NOT NULL REFERENCES pgmask_private.post (post_id),
  profile text NOT NULL CHECK (profile ~ '^[^[:cntrl:]]{1,63}$'),
  valid_from timestamptz NOT NULL DEFAULT clock_timestamp(),
  valid_to timestamptz CHECK (valid_to >= valid_from),
  PRIMARY KEY (post_id, profile, valid_from)
);
COMMENT ON TABLE pgmask_private.post_profile IS 'Which profiles a post gives.';
COMMENT ON COLUMN pgmask_private.post_profile.post_id IS 'The post.';
COMMENT ON COLUMN pgmask_private.post_profile.profile IS 'The profile of the catalogue.';
COMMENT ON COLUMN pgmask_private.post_profile.valid_from IS 'From when.';
COMMENT ON COLUMN pgmask_private.post_profile.valid_to IS 'Until when; NULL: further notice.';

CREATE TABLE pgmask_private.person_post (
  person_id bigint NOT NULL REFERENCES pgmask_private.person (person_id),
  post_id text NOT NULL REFERENCES pgmask_private.post (post_id),
  unit_id text NOT NULL REFERENCES pgmask_private.unit (unit_id),
  valid_from timestamptz NOT NULL DEFAULT clock_timestamp(),
  valid_to timestamptz CHECK (valid_to >= valid_from),
  PRIMARY KEY (person_id, post_id, unit_id, valid_from)
);
COMMENT ON TABLE pgmask_private.person_post IS 'Who holds which post in which unit.';
COMMENT ON COLUMN pgmask_private.person_post.person_id IS 'The person.';
COMMENT ON COLUMN pgmask_private.person_post.post_id IS 'The post.';
COMMENT ON COLUMN pgmask_private.person_post.unit_id IS 'The unit in which the person holds it.';
COMMENT ON COLUMN pgmask_private.person_post.valid_from IS 'From when.';
COMMENT ON COLUMN pgmask_private.person_post.valid_to IS 'Until when; NULL: further notice.';

CREATE TABLE pgmask_private.document_form (
  kind text NOT NULL CHECK (kind IN ('confidentiality_agreement', 'responsibility_letter')),
  version text NOT NULL CHECK (version <> ''),
  in_force_from timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (kind, version),
  UNIQUE (kind, in_force_from)
);
COMMENT ON TABLE pgmask_private.document_form IS
  'The forms of the two papers; the newest one in force is the one that must be signed.';
COMMENT ON COLUMN pgmask_private.document_form.kind IS
  'confidentiality_agreement or responsibility_letter.';
COMMENT ON COLUMN pgmask_private.document_form.version IS 'The name of the form.';
COMMENT ON COLUMN pgmask_private.document_form.in_force_from IS
  'From when it is the form; signatures on older ones no longer count then.';

CREATE TABLE pgmask_private.document (
  person_id bigint NOT NULL REFERENCES pgmask_private.person (person_id),
  kind text NOT NULL,
  version text NOT NULL,
  signed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  reference text,
  PRIMARY KEY (person_id, kind, version),
  FOREIGN KEY (kind, version) REFERENCES pgmask_private.document_form (kind, version)
);
COMMENT ON TABLE pgmask_private.document IS 'Which papers a person has signed, in which form.';
COMMENT ON COLUMN pgmask_private.document.person_id IS 'The person.';
COMMENT ON COLUMN pgmask_private.document.kind IS
  'confidentiality_agreement or responsibility_letter.';
COMMENT ON COLUMN pgmask_private.document.version IS 'The form that was signed.';
COMMENT ON COLUMN pgmask_private.document.signed_at IS 'When.';
COMMENT ON COLUMN pgmask_private.document.reference IS 'Where the paper lies.';

CREATE TABLE pgmask_private.training (
  person_id bigint NOT NULL REFERENCES pgmask_private.person (person_id),
  subject text NOT NULL CHECK (subject <> ''),
  held_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  reference text,
  PRIMARY KEY (person_id, subject, held_at)
);
COMMENT ON TABLE pgmask_private.training IS 'Which trainings a person has taken part in.';
COMMENT ON COLUMN pgmask_private.training.person_id IS 'The person.';
COMMENT ON COLUMN pgmask_private.training.subject IS 'What it was about.';
COMMENT ON COLUMN pgmask_private.training.held_at IS 'When it was held.';
COMMENT ON COLUMN pgmask_private.training.reference IS 'Where its record lies.';

CREATE TABLE pgmask_private.assignment (
  person_id bigint NOT NULL REFERENCES pgmask_private.person (person_id),
  subject_class text NOT NULL CHECK (subject_class <> ''),
  subject_key text NOT NULL CHECK (subject_key <> ''),
  valid_from timestamptz NOT NULL DEFAULT clock_timestamp(),
  valid_to timestamptz CHECK (valid_to >= valid_from),
  PRIMARY KEY (person_id, subject_class, subject_key, valid_from)
);
CREATE INDEX assignment_subject ON pgmask_private.assignment (subject_class, subject_key);
COMMENT ON TABLE pgmask_private.assignment IS 'Which customers are assigned to a person.';
COMMENT ON COLUMN pgmask_private.assignment.person_id IS 'The person.';
COMMENT ON COLUMN pgmask_private.assignment.subject_class IS
  'The subject class of the catalogue, such as customer.';
COMMENT ON COLUMN pgmask_private.assignment.subject_key IS 'The customer''s key, as text.';
COMMENT ON COLUMN pgmask_private.assignment.valid_from IS 'From when.';
COMMENT ON COLUMN pgmask_private.assignment.valid_to IS 'Until when; NULL: further notice.';
COMMENT ON INDEX pgmask_private.assignment_subject IS 'Finds who is assigned to a customer.';

CREATE TABLE pgmask_private.designation (
  person_id bigint NOT NULL REFERENCES pgmask_private.person (person_id),
  unit_id text NOT NULL REFERENCES pgmask_private.unit (unit_id),
  subject_class text CHECK (subject_class <> ''),
  subject_key text CHECK (subject_key <> ''),
  valid_from timestamptz NOT NULL DEFAULT clock_timestamp(),
  valid_to timestamptz CHECK (valid_to >= valid_from),
  CHECK ((subject_class IS NULL) = (subject_key IS NULL)),
  UNIQUE NULLS NOT DISTINCT (person_id, unit_id, subject_class, subject_key, valid_from)
);
CREATE INDEX designation_unit ON pgmask_private.designation (unit_id);
COMMENT ON TABLE pgmask_private.designation IS
  'Who is designated for high-value customers: of a whole unit, or of one customer of it.';
COMMENT ON COLUMN pgmask_private.designation.person_id IS 'The person.';
COMMENT ON COLUMN pgmask_private.designation.unit_id IS
  'The unit whose customers these are; at most two persons at once are designated in a unit.';
COMMENT ON COLUMN pgmask_private.designation.subject_class IS
  'The subject class, when it is for one customer.';
COMMENT ON COLUMN pgmask_private.designation.subject_key IS
  'The customer''s key as text; NULL: every high-value customer of the unit.';
COMMENT ON COLUMN pgmask_private.designation.valid_from IS 'From when.';
COMMENT ON COLUMN pgmask_private.designation.valid_to IS 'Until when; NULL: further notice.';
COMMENT ON INDEX pgmask_private.designation_unit IS 'Counts the designated persons of a unit.';

CREATE TABLE pgmask_private.unit_access (
  unit_id text NOT NULL REFERENCES pgmask_private.unit (unit_id),
  provider text NOT NULL REFERENCES pgmask_private.unit (unit_id),
  agreed_by text NOT NULL CHECK (agreed_by <> ''),
  reference text NOT NULL CHECK (reference <> ''),
  valid_from timestamptz NOT NULL DEFAULT clock_timestamp(),
  valid_to timestamptz NOT NULL CHECK (valid_to >= valid_from),
  PRIMARY KEY (unit_id, provider, valid_from),
  CHECK (unit_id <> provider)
);
COMMENT ON TABLE pgmask_private.unit_access IS
  'A unit reaches the customers of another, which agreed to it, for a time.';
COMMENT ON COLUMN pgmask_private.unit_access.unit_id IS 'The unit that reaches further.';
COMMENT ON COLUMN pgmask_private.unit_access.provider IS 'The unit whose customers they are.';
COMMENT ON COLUMN pgmask_private.unit_access.agreed_by IS 'Who agreed for the providing unit.';
COMMENT ON COLUMN pgmask_private.unit_access.reference IS
  'The report to customer management it stands in.';
COMMENT ON COLUMN pgmask_private.unit_access.valid_from IS 'From when.';
COMMENT ON COLUMN pgmask_private.unit_access.valid_to IS 'Until when; there is always an end.';

CREATE TABLE pgmask_private.database_login (
  login name PRIMARY KEY,
  person_id bigint NOT NULL REFERENCES pgmask_private.person (person_id),
  service text CHECK (service ~ '^[^[:cntrl:]]{1,100}$'),
  profile text CHECK (profile ~ '^[^[:cntrl:]]{1,63}$'),
  unit_id text REFERENCES pgmask_private.unit (unit_id),
  valid_from timestamptz NOT NULL DEFAULT clock_timestamp(),
  valid_to timestamptz CHECK (valid_to >= valid_from),
  CHECK (service IS NULL OR (profile IS NOT NULL AND unit_id IS NOT NULL))
);
COMMENT ON TABLE pgmask_private.database_login IS
  'Logins of the database that are one person, or one service a person answers for.';
COMMENT ON COLUMN pgmask_private.database_login.login IS 'The role that logs in (session_user).';
COMMENT ON COLUMN pgmask_private.database_login.person_id IS
  'The person; for a service the one who answers for it: it stops when he is not honoured.';
COMMENT ON COLUMN pgmask_private.database_login.service IS
  'The name of the service; NULL: the login is the person.';
COMMENT ON COLUMN pgmask_private.database_login.profile IS
  'The profile; NULL: the one that the person''s posts give, if there is only one.';
COMMENT ON COLUMN pgmask_private.database_login.unit_id IS
  'The unit; NULL: the one in which the person holds the post, if there is only one.';
COMMENT ON COLUMN pgmask_private.database_login.valid_from IS 'From when.';
COMMENT ON COLUMN pgmask_private.database_login.valid_to IS 'Until when; NULL: further notice.';

CREATE TABLE pgmask_private.service (
  service text PRIMARY KEY CHECK (service ~ '^[^[:cntrl:]]{1,100}$'),
  person_id bigint NOT NULL REFERENCES pgmask_private.person (person_id),
  profile text NOT NULL CHECK (profile ~ '^[^[:cntrl:]]{1,63}$'),
  unit_id text NOT NULL REFERENCES pgmask_private.unit (unit_id),
  valid_from timestamptz NOT NULL DEFAULT clock_timestamp(),
  valid_to timestamptz CHECK (valid_to >= valid_from)
);
COMMENT ON TABLE pgmask_private.service IS
  'Batch jobs and task queues that an issuer may speak for; a person answers for each.';
COMMENT ON COLUMN pgmask_private.service.service IS 'Its name, as a signed identity names it.';
COMMENT ON COLUMN pgmask_private.service.person_id IS
  'The person who answers for it: it stops when he is not honoured.';
COMMENT ON COLUMN pgmask_private.service.profile IS 'The profile.';
COMMENT ON COLUMN pgmask_private.service.unit_id IS 'The unit it works for.';
COMMENT ON COLUMN pgmask_private.service.valid_from IS 'From when.';
COMMENT ON COLUMN pgmask_private.service.valid_to IS 'Until when; NULL: further notice.';

-- Who changed which row of the register or of the issuers, when, from what to what. No secrets:
-- the trigger leaves the column "secret" out.
CREATE TABLE pgmask_private.register_history (
  history_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  transaction xid8 NOT NULL DEFAULT pg_current_xact_id(),
  login name NOT NULL,
  person_id bigint,
  table_name name NOT NULL,
  operation text NOT NULL CHECK (operation IN ('INSERT', 'UPDATE', 'DELETE')),
  old_row jsonb,
  new_row jsonb
);
CREATE INDEX register_history_at ON pgmask_private.register_history (table_name, changed_at);
CREATE INDEX register_history_xid ON pgmask_private.register_history (transaction);
COMMENT ON TABLE pgmask_private.register_history IS
  'Who changed which row of the register, when, from what to what. Rows are only added.';
COMMENT ON COLUMN pgmask_private.register_history.history_id IS 'Running number.';
COMMENT ON COLUMN pgmask_private.register_history.changed_at IS 'When.';
COMMENT ON COLUMN pgmask_private.register_history.transaction IS 'In which transaction.';
COMMENT ON COLUMN pgmask_private.register_history.login IS 'The login of the database.';
COMMENT ON COLUMN pgmask_private.register_history.person_id IS
  'The person, where the transaction had an identity.';
COMMENT ON COLUMN pgmask_private.register_history.table_name IS 'The table of the register.';
COMMENT ON COLUMN pgmask_private.register_history.operation IS 'INSERT, UPDATE or DELETE.';
COMMENT ON COLUMN pgmask_private.register_history.old_row IS 'The row before, without secrets.';
COMMENT ON COLUMN pgmask_private.register_history.new_row IS 'The row after, without secrets.';
COMMENT ON INDEX pgmask_private.register_history_xid IS 'Finds the rows of a batch of the seal.';
COMMENT ON INDEX pgmask_private.register_history_at IS 'Finds the changes of a table by time.';

DO LANGUAGE plpgsql $pgmask$
DECLARE
  v_table text;
BEGIN
  FOREACH v_table IN ARRAY ARRAY[
    'register_rule', 'unit', 'person', 'post', 'post_profile', 'person_post', 'document_form',
    'document', 'training', 'assignment', 'designation', 'unit_access', 'database_login',
    'service', 'register_history'
  ] LOOP
    EXECUTE pg_catalog.format('ALTER TABLE pgmask_private.%I OWNER TO pgmask_owner', v_table);
    EXECUTE pg_catalog.format('REVOKE ALL ON TABLE pgmask_private.%I FROM PUBLIC', v_table);
  END LOOP;
END;
$pgmask$;
