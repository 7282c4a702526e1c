-- Who may speak for whom: the issuers of signed identities with their keys, the secret under which
-- a transaction's token is made, and the direct logins that are honoured now.
--
-- Secrets: the rows of token_key and issuer_key are for pgmask_owner alone. Row-level security is
-- on without any policy, so that neither the backup role nor pg_read_all_data gets a row, and no
-- statistics are kept of them. After a restore both tables are empty: pgmask install makes a new
-- token key, issuers get new keys by pgmask issuer rotate; until then every login is refused.
CREATE TABLE pgmask_private.token_key (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  secret bytea NOT NULL CHECK (length(secret) = 32),
  made_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE pgmask_private.token_key ALTER COLUMN secret SET STATISTICS 0;
ALTER TABLE pgmask_private.token_key ALTER COLUMN secret SET STORAGE PLAIN;
ALTER TABLE pgmask_private.token_key ENABLE ROW LEVEL SECURITY;
COMMENT ON TABLE pgmask_private.token_key IS
  'The secret under which login makes the token of a transaction; one row, never in a backup.';
COMMENT ON COLUMN pgmask_private.token_key.only_row IS 'True; keeps it one row.';
COMMENT ON COLUMN pgmask_private.token_key.secret IS '32 random bytes.';
COMMENT ON COLUMN pgmask_private.token_key.made_at IS 'When the secret was made.';

CREATE TABLE pgmask_private.issuer (
  issuer text PRIMARY KEY CHECK (issuer ~ '^[A-Za-z0-9_.-]{1,60}$' AND issuer <> 'login'),
  max_ttl interval NOT NULL DEFAULT '60 s'
    CHECK (max_ttl > '0 s' AND max_ttl <= '60 s'),
  transaction_life interval NOT NULL DEFAULT '15 min'
    CHECK (transaction_life > '0 s' AND transaction_life <= '12 h'),
  revoked_at timestamptz
);
COMMENT ON TABLE pgmask_private.issuer IS
  'Applications that may sign who is asking: an application server, a gateway, a job runner.';
COMMENT ON COLUMN pgmask_private.issuer.issuer IS 'Its name: letters, digits, dot, dash, underline.';
COMMENT ON COLUMN pgmask_private.issuer.max_ttl IS
  'Longest life of an assertion, from issue to expiry; at most 60 seconds.';
COMMENT ON COLUMN pgmask_private.issuer.transaction_life IS
  'How long after its login a transaction may go on asking.';
COMMENT ON COLUMN pgmask_private.issuer.revoked_at IS 'Since when it is no longer honoured.';

CREATE TABLE pgmask_private.issuer_key (
  key_id text PRIMARY KEY CHECK (key_id ~ '^[A-Za-z0-9_.:-]{1,100}$'),
  issuer text NOT NULL REFERENCES pgmask_private.issuer (issuer),
  secret bytea NOT NULL CHECK (length(secret) = 32),
  valid_from timestamptz NOT NULL DEFAULT clock_timestamp(),
  valid_to timestamptz CHECK (valid_to >= valid_from)
);
CREATE INDEX issuer_key_issuer ON pgmask_private.issuer_key (issuer);
ALTER TABLE pgmask_private.issuer_key ALTER COLUMN secret SET STATISTICS 0;
ALTER TABLE pgmask_private.issuer_key ALTER COLUMN secret SET STORAGE PLAIN;
ALTER TABLE pgmask_private.issuer_key ENABLE ROW LEVEL SECURITY;
COMMENT ON TABLE pgmask_private.issuer_key IS
  'The keys of the issuers; at most two of one issuer are valid at once. Never in a backup.';
COMMENT ON COLUMN pgmask_private.issuer_key.key_id IS 'The key''s name, in the header of assertions.';
COMMENT ON COLUMN pgmask_private.issuer_key.issuer IS 'Whose key it is.';
COMMENT ON COLUMN pgmask_private.issuer_key.secret IS '32 random bytes, shared with the issuer.';
COMMENT ON COLUMN pgmask_private.issuer_key.valid_from IS 'From when.';
COMMENT ON COLUMN pgmask_private.issuer_key.valid_to IS 'Until when; NULL: until it is rotated.';
COMMENT ON INDEX pgmask_private.issuer_key_issuer IS 'Counts the valid keys of an issuer.';

CREATE TABLE pgmask_private.issuer_profile (
  issuer text NOT NULL REFERENCES pgmask_private.issuer (issuer),
  profile text NOT NULL CHECK (profile ~ '^[^[:cntrl:]]{1,63}$'),
  PRIMARY KEY (issuer, profile)
);
COMMENT ON TABLE pgmask_private.issuer_profile IS 'For which profiles an issuer may speak.';
COMMENT ON COLUMN pgmask_private.issuer_profile.issuer IS 'The issuer.';
COMMENT ON COLUMN pgmask_private.issuer_profile.profile IS 'The profile of the catalogue.';

CREATE TABLE pgmask_private.issuer_service (
  issuer text NOT NULL REFERENCES pgmask_private.issuer (issuer),
  service text NOT NULL REFERENCES pgmask_private.service (service),
  PRIMARY KEY (issuer, service)
);
COMMENT ON TABLE pgmask_private.issuer_service IS
  'For which services an issuer may speak; the profile must be one of its profiles too.';
COMMENT ON COLUMN pgmask_private.issuer_service.issuer IS 'The issuer.';
COMMENT ON COLUMN pgmask_private.issuer_service.service IS 'The service of the register.';

-- Written by `pgmask apply`: where the views of a profile are.
CREATE TABLE pgmask_private.profile_path (
  profile text PRIMARY KEY,
  path text NOT NULL CHECK (path <> '')
);
COMMENT ON TABLE pgmask_private.profile_path IS
  'Per profile the schemas of its views, as login puts them in front of search_path.';
COMMENT ON COLUMN pgmask_private.profile_path.profile IS 'The access profile.';
COMMENT ON COLUMN pgmask_private.profile_path.path IS
  'Names of schemas, quoted where they need it, each followed by comma and space but the last.';

-- Filled by the register's triggers: who has which profile in which unit and when, worked out, so
-- that a login looks up one row.
CREATE TABLE pgmask_private.effective_profile (
  person_id bigint NOT NULL,
  profile text NOT NULL,
  unit_id text NOT NULL,
  valid_from timestamptz NOT NULL,
  valid_until timestamptz NOT NULL,
  outsourced boolean NOT NULL,
  PRIMARY KEY (person_id, profile, unit_id, valid_from)
);
COMMENT ON TABLE pgmask_private.effective_profile IS
  'Who has which profile in which unit, per period; derived from the register.';
COMMENT ON COLUMN pgmask_private.effective_profile.person_id IS 'The person.';
COMMENT ON COLUMN pgmask_private.effective_profile.profile IS 'The profile.';
COMMENT ON COLUMN pgmask_private.effective_profile.unit_id IS 'The unit.';
COMMENT ON COLUMN pgmask_private.effective_profile.valid_from IS 'From when.';
COMMENT ON COLUMN pgmask_private.effective_profile.valid_until IS 'Until when; infinity: no end.';
COMMENT ON COLUMN pgmask_private.effective_profile.outsourced IS
  'Whether the person is outsourced.';

-- Filled by the register's triggers from the register itself; a row is the identity of whoever
-- logs in to the database as that role, within its period. The pages are left mostly empty so that
-- the planner prefers the index however few rows there are.
CREATE TABLE pgmask_private.effective_login (
  login name NOT NULL,
  valid_from timestamptz NOT NULL,
  valid_until timestamptz NOT NULL,
  person_id bigint NOT NULL,
  profile text NOT NULL,
  unit_id text NOT NULL,
  outsourced boolean NOT NULL,
  claims text NOT NULL GENERATED ALWAYS AS (
    U&'\001F' || person_id::text || U&'\001F' || profile || U&'\001F' || unit_id
    || U&'\001Flogin\001F\001F\001F' || CASE WHEN outsourced THEN 't' ELSE 'f' END
    || U&'\001Flogin\001F'
  ) STORED,
  PRIMARY KEY (login, valid_from)
) WITH (fillfactor = 10);
COMMENT ON TABLE pgmask_private.effective_login IS
  'The identity of direct logins of the database, per period; derived from the register.';
COMMENT ON COLUMN pgmask_private.effective_login.login IS 'The role that logs in (session_user).';
COMMENT ON COLUMN pgmask_private.effective_login.valid_from IS 'From when it is honoured.';
COMMENT ON COLUMN pgmask_private.effective_login.valid_until IS 'Until when; infinity: no end.';
COMMENT ON COLUMN pgmask_private.effective_login.person_id IS 'The person it is.';
COMMENT ON COLUMN pgmask_private.effective_login.profile IS 'The profile it has.';
COMMENT ON COLUMN pgmask_private.effective_login.unit_id IS 'The unit it acts for.';
COMMENT ON COLUMN pgmask_private.effective_login.outsourced IS 'Whether the person is outsourced.';
COMMENT ON COLUMN pgmask_private.effective_login.claims IS
  'The same as one text, laid out like the token of pgmask.login, so that both are read alike.';

-- Which units lie below which, themselves included; kept by a trigger on unit, so that a policy
-- that needs it does not walk the tree.
CREATE TABLE pgmask_private.unit_below (
  ancestor text NOT NULL,
  unit_id text NOT NULL,
  PRIMARY KEY (ancestor, unit_id)
);
COMMENT ON TABLE pgmask_private.unit_below IS
  'Which units lie below which, themselves included; derived from the register.';
COMMENT ON COLUMN pgmask_private.unit_below.ancestor IS 'The unit above, or the unit itself.';
COMMENT ON COLUMN pgmask_private.unit_below.unit_id IS 'The unit below, or the unit itself.';

DO LANGUAGE plpgsql $pgmask$
DECLARE
  v_table text;
BEGIN
  FOREACH v_table IN ARRAY ARRAY[
    'token_key', 'issuer', 'issuer_key', 'issuer_profile', 'issuer_service', 'profile_path',
    'effective_profile', 'effective_login', 'unit_below'
  ] LOOP
    EXECUTE pg_catalog.format('ALTER TABLE pgmask_private.%I OWNER TO pgmask_owner', v_table);
    EXECUTE pg_catalog.format('REVOKE ALL ON TABLE pgmask_private.%I FROM PUBLIC', v_table);
  END LOOP;
END;
$pgmask$;
