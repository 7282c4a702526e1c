-- What reports and alerts keep beside the record: counts per day that are derived from it, the rules
-- of what is unusual, and the alerts with who closed them and why.

-- Reads per day (UTC), so that a year of them is summed in a moment. Derived: pgmask_private.refresh_daily
-- adds what finished transactions have stored since the last time; the rows of pgmask_audit.access are
-- what counts.
CREATE TABLE pgmask_audit.daily (
  kind text NOT NULL,
  table_id text NOT NULL,
  profile text NOT NULL,
  unit_id text NOT NULL,
  person_id bigint NOT NULL,
  day date NOT NULL,
  count bigint NOT NULL,
  by_hour bigint[] NOT NULL CHECK (cardinality(by_hour) = 24),
  first_at timestamptz NOT NULL,
  last_at timestamptz NOT NULL,
  refreshed_at timestamptz NOT NULL,
  PRIMARY KEY (kind, table_id, profile, unit_id, person_id, day)
);
CREATE INDEX daily_person ON pgmask_audit.daily (person_id, day);
CREATE INDEX daily_day ON pgmask_audit.daily (day);
CREATE INDEX daily_refreshed ON pgmask_audit.daily (refreshed_at);
COMMENT ON TABLE pgmask_audit.daily IS
  'Reads per day (UTC), person, profile, unit and relation: derived from pgmask_audit.access.';
COMMENT ON COLUMN pgmask_audit.daily.kind IS 'As in access: statement, subject, backup or audit.';
COMMENT ON COLUMN pgmask_audit.daily.table_id IS 'The relation, or the report; empty: none.';
COMMENT ON COLUMN pgmask_audit.daily.profile IS 'As what; empty: no profile.';
COMMENT ON COLUMN pgmask_audit.daily.unit_id IS 'For which unit; empty: none.';
COMMENT ON COLUMN pgmask_audit.daily.person_id IS 'Who; 0: a login without a person.';
COMMENT ON COLUMN pgmask_audit.daily.day IS 'The day, UTC.';
COMMENT ON COLUMN pgmask_audit.daily.count IS 'How many notes.';
COMMENT ON COLUMN pgmask_audit.daily.by_hour IS 'The same per hour of the day (UTC), from 0 to 23.';
COMMENT ON COLUMN pgmask_audit.daily.first_at IS 'The first of them.';
COMMENT ON COLUMN pgmask_audit.daily.last_at IS 'The last of them.';
COMMENT ON COLUMN pgmask_audit.daily.refreshed_at IS 'When the row was last added to.';
COMMENT ON INDEX pgmask_audit.daily_person IS 'What one person read.';
COMMENT ON INDEX pgmask_audit.daily_day IS 'What was read in a period.';
COMMENT ON INDEX pgmask_audit.daily_refreshed IS 'What alerts have not looked at yet.';

-- Statements per month (UTC): the same again, so that a year of a customer is asked of some thousand rows.
CREATE TABLE pgmask_audit.monthly (
  table_id text NOT NULL,
  profile text NOT NULL,
  unit_id text NOT NULL,
  person_id bigint NOT NULL,
  month date NOT NULL,
  count bigint NOT NULL,
  first_at timestamptz NOT NULL,
  last_at timestamptz NOT NULL,
  PRIMARY KEY (table_id, profile, unit_id, person_id, month)
) WITH (fillfactor = 70);
COMMENT ON TABLE pgmask_audit.monthly IS
  'Statements per month (UTC), person, profile, unit and relation: derived from pgmask_audit.access.';
COMMENT ON COLUMN pgmask_audit.monthly.table_id IS 'The relation; empty: none.';
COMMENT ON COLUMN pgmask_audit.monthly.profile IS 'As what; empty: no profile.';
COMMENT ON COLUMN pgmask_audit.monthly.unit_id IS 'For which unit; empty: none.';
COMMENT ON COLUMN pgmask_audit.monthly.person_id IS 'Who; 0: a login without a person.';
COMMENT ON COLUMN pgmask_audit.monthly.month IS 'The first day of the month, UTC.';
COMMENT ON COLUMN pgmask_audit.monthly.count IS 'How many notes of statements.';
COMMENT ON COLUMN pgmask_audit.monthly.first_at IS 'The first of them.';
COMMENT ON COLUMN pgmask_audit.monthly.last_at IS 'The last of them.';

-- Examined customers of another unit than the reader acted for, found when the notes are counted.
CREATE TABLE pgmask_audit.crossing (
  day date NOT NULL,
  person_id bigint NOT NULL,
  profile text NOT NULL,
  unit_id text NOT NULL,
  table_id text NOT NULL,
  subject_class text NOT NULL,
  subject_key text NOT NULL,
  subject_unit text NOT NULL,
  count bigint NOT NULL,
  first_at timestamptz NOT NULL,
  last_at timestamptz NOT NULL,
  refreshed_at timestamptz NOT NULL,
  PRIMARY KEY (day, person_id, profile, unit_id, table_id, subject_class, subject_key, subject_unit)
);
COMMENT ON TABLE pgmask_audit.crossing IS
  'Examined customers whose unit was not the reader''s, per day (UTC): derived from access.';
COMMENT ON COLUMN pgmask_audit.crossing.day IS 'The day, UTC.';
COMMENT ON COLUMN pgmask_audit.crossing.person_id IS 'Who.';
COMMENT ON COLUMN pgmask_audit.crossing.profile IS 'As what.';
COMMENT ON COLUMN pgmask_audit.crossing.unit_id IS 'For which unit.';
COMMENT ON COLUMN pgmask_audit.crossing.table_id IS 'In which relation.';
COMMENT ON COLUMN pgmask_audit.crossing.subject_class IS 'The class of the customer.';
COMMENT ON COLUMN pgmask_audit.crossing.subject_key IS 'The customer.';
COMMENT ON COLUMN pgmask_audit.crossing.subject_unit IS 'The customer''s unit when it was counted.';
COMMENT ON COLUMN pgmask_audit.crossing.count IS 'How many notes.';
COMMENT ON COLUMN pgmask_audit.crossing.first_at IS 'The first of them.';
COMMENT ON COLUMN pgmask_audit.crossing.last_at IS 'The last of them.';
COMMENT ON COLUMN pgmask_audit.crossing.refreshed_at IS 'When the row was last added to.';

-- How far the counts are, and what the reports take for granted. One row.
CREATE TABLE pgmask_audit.report_state (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  access_above bigint NOT NULL DEFAULT 0,
  access_seen bigint NOT NULL DEFAULT 0,
  next_xid bigint NOT NULL DEFAULT 0,
  activity_xid bigint NOT NULL DEFAULT 0,
  evaluated_at timestamptz NOT NULL DEFAULT '-infinity',
  zone text NOT NULL DEFAULT 'Asia/Shanghai',
  opens time NOT NULL DEFAULT '08:00',
  closes time NOT NULL DEFAULT '20:00',
  workdays integer[] NOT NULL DEFAULT '{1,2,3,4,5}' CHECK (workdays <@ '{1,2,3,4,5,6,7}'),
  CHECK (opens < closes)
);
INSERT INTO pgmask_audit.report_state DEFAULT VALUES;
COMMENT ON TABLE pgmask_audit.report_state IS
  'How far reads are counted and alerts evaluated, and when office hours are; one row.';
COMMENT ON COLUMN pgmask_audit.report_state.only_row IS 'True; keeps it one row.';
COMMENT ON COLUMN pgmask_audit.report_state.access_above IS
  'Rows of access up to this number were counted before numbers of transactions went back.';
COMMENT ON COLUMN pgmask_audit.report_state.access_seen IS 'The highest number of access counted so far.';
COMMENT ON COLUMN pgmask_audit.report_state.next_xid IS
  'The first transaction whose rows are not counted yet.';
COMMENT ON COLUMN pgmask_audit.report_state.activity_xid IS
  'The first transaction whose activity is not evaluated yet.';
COMMENT ON COLUMN pgmask_audit.report_state.evaluated_at IS 'When alerts were last evaluated.';
COMMENT ON COLUMN pgmask_audit.report_state.zone IS 'The time zone of office hours.';
COMMENT ON COLUMN pgmask_audit.report_state.opens IS 'When office hours begin.';
COMMENT ON COLUMN pgmask_audit.report_state.closes IS 'When they end.';
COMMENT ON COLUMN pgmask_audit.report_state.workdays IS 'Days with office hours, 1 is Monday.';

-- Rules of what is unusual: data, so that they are changed without a deployment.
CREATE TABLE pgmask_audit.alert_rule (
  rule text PRIMARY KEY CHECK (rule ~ '^[a-z][a-z0-9_]{0,59}$'),
  kind text NOT NULL CHECK (kind IN (
    'volume_own', 'volume_peers', 'unusual_hour', 'breadth', 'cross_unit', 'refusals', 'quota',
    'probing', 'definition', 'stalled')),
  parameters jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(parameters) = 'object'),
  severity text NOT NULL CHECK (severity IN ('low', 'medium', 'high', 'critical')),
  enabled boolean NOT NULL DEFAULT true,
  action text NOT NULL DEFAULT 'none' CHECK (action IN ('none', 'freeze')),
  says text NOT NULL CHECK (says <> '')
);
COMMENT ON TABLE pgmask_audit.alert_rule IS 'What is unusual enough for an alert.';
COMMENT ON COLUMN pgmask_audit.alert_rule.rule IS 'Its name.';
COMMENT ON COLUMN pgmask_audit.alert_rule.kind IS 'How it is evaluated.';
COMMENT ON COLUMN pgmask_audit.alert_rule.parameters IS 'Numbers of its kind, such as minimum and factor.';
COMMENT ON COLUMN pgmask_audit.alert_rule.severity IS 'low, medium, high or critical.';
COMMENT ON COLUMN pgmask_audit.alert_rule.enabled IS 'Whether it is evaluated.';
COMMENT ON COLUMN pgmask_audit.alert_rule.action IS
  'freeze: the person is suspended in the register at once; none: somebody decides.';
COMMENT ON COLUMN pgmask_audit.alert_rule.says IS 'What it notices, in words.';
INSERT INTO pgmask_audit.alert_rule (rule, kind, parameters, severity, says) VALUES
  ('volume_own', 'volume_own', '{"minimum": 200, "factor": 4, "days": 28, "least_days": 5}', 'medium',
   'A person reads far more in a day than in the weeks before.'),
  ('volume_peers', 'volume_peers', '{"minimum": 200, "factor": 5, "peers": 3}', 'medium',
   'A person reads far more in a day than others of the same profile.'),
  ('unusual_hour', 'unusual_hour', '{"minimum": 20}', 'medium',
   'A person reads outside office hours.'),
  ('breadth', 'breadth', '{"minimum": 100}', 'high',
   'A person examines many different customers in a day.'),
  ('cross_unit', 'cross_unit', '{"minimum": 1}', 'medium',
   'A person examines customers of a unit that is not the one acted for.'),
  ('refusals', 'refusals', '{"minimum": 10}', 'medium',
   'A person or login is refused again and again within an hour.'),
  ('quota', 'quota', '{"minimum": 1}', 'medium', 'A limit of reveals or searches is used up (PM405).'),
  ('probing', 'probing', '{"near": 1, "statements": 500}', 'high',
   'Searches meet masks and not values (PM416), or many statements read one table within an hour.'),
  ('definition', 'definition', '{"kinds": ["definition", "right"]}', 'high',
   'A trigger, policy, function or right is not as it was.'),
  ('stalled', 'stalled', '{"minutes": 15}', 'critical',
   'The record is not being collected, or has a gap.');

CREATE TABLE pgmask_audit.alert (
  alert_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  xid bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
  rule text NOT NULL,
  kind text NOT NULL,
  severity text NOT NULL,
  about text NOT NULL,
  person_id bigint,
  profile text,
  unit_id text,
  login text,
  window_from timestamptz NOT NULL,
  window_to timestamptz NOT NULL,
  detail jsonb NOT NULL DEFAULT '{}',
  action text NOT NULL DEFAULT 'none' CHECK (action IN ('none', 'freeze')),
  UNIQUE (rule, about)
);
CREATE INDEX alert_at ON pgmask_audit.alert (at);
COMMENT ON TABLE pgmask_audit.alert IS 'Alerts. Rows are only added; alert_close says how each ended.';
COMMENT ON COLUMN pgmask_audit.alert.alert_id IS 'Its number.';
COMMENT ON COLUMN pgmask_audit.alert.at IS 'When it was raised.';
COMMENT ON COLUMN pgmask_audit.alert.xid IS 'The transaction that raised it.';
COMMENT ON COLUMN pgmask_audit.alert.rule IS 'The rule.';
COMMENT ON COLUMN pgmask_audit.alert.kind IS 'The kind of the rule.';
COMMENT ON COLUMN pgmask_audit.alert.severity IS 'low, medium, high or critical.';
COMMENT ON COLUMN pgmask_audit.alert.about IS 'Whom or what, and which day or hour: one alert for each.';
COMMENT ON COLUMN pgmask_audit.alert.person_id IS 'The person it is about; NULL: nobody.';
COMMENT ON COLUMN pgmask_audit.alert.profile IS 'As what.';
COMMENT ON COLUMN pgmask_audit.alert.unit_id IS 'The unit acted for.';
COMMENT ON COLUMN pgmask_audit.alert.login IS 'The login of the database, where there is no person.';
COMMENT ON COLUMN pgmask_audit.alert.window_from IS 'From when what was noticed happened.';
COMMENT ON COLUMN pgmask_audit.alert.window_to IS 'Until when.';
COMMENT ON COLUMN pgmask_audit.alert.detail IS 'The numbers that were compared.';
COMMENT ON COLUMN pgmask_audit.alert.action IS 'freeze: the person was suspended at once.';
COMMENT ON INDEX pgmask_audit.alert_at IS 'Finds alerts by time.';

CREATE TABLE pgmask_audit.alert_close (
  alert_id bigint PRIMARY KEY REFERENCES pgmask_audit.alert (alert_id),
  closed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  xid bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
  person_id bigint NOT NULL,
  login name NOT NULL DEFAULT session_user,
  reason text NOT NULL CHECK (reason ~ '[^[:space:]]')
);
COMMENT ON TABLE pgmask_audit.alert_close IS 'Who closed an alert and why. Rows are only added.';
COMMENT ON COLUMN pgmask_audit.alert_close.alert_id IS 'The alert.';
COMMENT ON COLUMN pgmask_audit.alert_close.closed_at IS 'When.';
COMMENT ON COLUMN pgmask_audit.alert_close.xid IS 'The transaction that closed it.';
COMMENT ON COLUMN pgmask_audit.alert_close.person_id IS 'Who; never the person it is about.';
COMMENT ON COLUMN pgmask_audit.alert_close.login IS 'With which login.';
COMMENT ON COLUMN pgmask_audit.alert_close.reason IS 'Why, in words.';

-- What reports look for in the record beside customers and persons.
CREATE INDEX access_seldom ON pgmask_audit.access (kind, at) WHERE kind IN ('audit', 'backup');
CREATE INDEX change_new_key ON pgmask_audit.change (new_key) WHERE new_key IS NOT NULL;
CREATE INDEX activity_kind ON pgmask_audit.activity (kind, at);
CREATE INDEX ticket_at ON pgmask_audit.ticket (at);
COMMENT ON INDEX pgmask_audit.access_seldom IS 'Finds readers of the record, and backups.';
COMMENT ON INDEX pgmask_audit.change_new_key IS 'Follows a row whose key was changed.';
COMMENT ON INDEX pgmask_audit.activity_kind IS 'Finds refusals, rights, gaps by time.';
COMMENT ON INDEX pgmask_audit.ticket_at IS 'Finds reveals by time.';

DO LANGUAGE plpgsql $pgmask$
DECLARE
  v_table text;
BEGIN
  FOREACH v_table IN ARRAY ARRAY[
    'daily', 'monthly', 'crossing', 'report_state', 'alert_rule', 'alert', 'alert_close'
  ] LOOP
    EXECUTE pg_catalog.format('ALTER TABLE pgmask_audit.%I OWNER TO pgmask_owner', v_table);
    EXECUTE pg_catalog.format('REVOKE ALL ON TABLE pgmask_audit.%I FROM PUBLIC', v_table);
    EXECUTE pg_catalog.format('GRANT SELECT ON TABLE pgmask_audit.%I TO pgmask_backup', v_table);
  END LOOP;
  GRANT SELECT ON SEQUENCE pgmask_audit.alert_alert_id_seq TO pgmask_backup;
END;
$pgmask$;
