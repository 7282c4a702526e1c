-- Keys: the registered key-encryption keys, the key that a DBA has loaded, and the wrapped data key
-- of every subject. None of these tables is readable by an application, and none but loaded_key
-- holds anything that opens a sealed value without the key file.

CREATE TABLE pgmask_private.kek (
  kek_id        integer     NOT NULL CONSTRAINT kek_pkey PRIMARY KEY CHECK (kek_id > 0),
  provider      text        NOT NULL CHECK (provider IN ('file', 'loaded', 'dev')),
  location      text        CHECK (provider <> 'file' OR location IS NOT NULL),
  state         text        NOT NULL DEFAULT 'current' CHECK (state IN ('current', 'decrypt_only', 'destroyed')),
  fingerprint   bytea       NOT NULL CHECK (octet_length(fingerprint) = 32),
  canary        bytea       NOT NULL,
  registered_at timestamptz NOT NULL DEFAULT transaction_timestamp(),
  registered_by text        NOT NULL DEFAULT SESSION_USER,
  escrowed_at   timestamptz,
  escrow_place  text,
  CONSTRAINT kek_escrow CHECK ((escrowed_at IS NULL) = (escrow_place IS NULL))
);
CREATE UNIQUE INDEX kek_current ON pgmask_private.kek (state) WHERE state = 'current';
ALTER TABLE pgmask_private.kek OWNER TO pgmask_sealer;
REVOKE ALL ON TABLE pgmask_private.kek FROM PUBLIC;
COMMENT ON TABLE pgmask_private.kek IS 'The registered key-encryption keys (KEK). The key itself is in a file outside the database.';
COMMENT ON COLUMN pgmask_private.kek.kek_id IS 'The key id inside the key file.';
COMMENT ON COLUMN pgmask_private.kek.provider IS 'file: the server reads the file at location; loaded: pgmask keys load puts its content into loaded_key; dev: the same with a marked key file for invented data, refused in production.';
COMMENT ON COLUMN pgmask_private.kek.location IS 'Provider file: the path relative to the data directory, usually a symbolic link to a place outside it.';
COMMENT ON COLUMN pgmask_private.kek.state IS 'current: wraps new data keys; decrypt_only: still opens older ones; destroyed: its file exists no more.';
COMMENT ON COLUMN pgmask_private.kek.fingerprint IS 'SHA-256 of the key file, to know it again.';
COMMENT ON COLUMN pgmask_private.kek.canary IS 'A known text sealed by this key: it opens exactly when the key works.';
COMMENT ON COLUMN pgmask_private.kek.registered_at IS 'When the key was registered.';
COMMENT ON COLUMN pgmask_private.kek.registered_by IS 'The login that registered the key.';
COMMENT ON COLUMN pgmask_private.kek.escrowed_at IS 'When a copy in escrow was last shown to be this key; NULL: never.';
COMMENT ON COLUMN pgmask_private.kek.escrow_place IS 'Where that copy is kept, in the words of whoever showed it.';
COMMENT ON INDEX pgmask_private.kek_current IS 'At most one key is current.';

-- UNLOGGED: in no WAL, base backup or replica; empty after a crash, and then everything that needs
-- a key fails closed with PM310. Row-level security keeps it out of a dump by the backup role.
CREATE UNLOGGED TABLE pgmask_private.loaded_key (
  kek_id    integer     NOT NULL CONSTRAINT loaded_key_pkey PRIMARY KEY,
  content   bytea       NOT NULL,
  loaded_at timestamptz NOT NULL DEFAULT transaction_timestamp(),
  loaded_by text        NOT NULL DEFAULT SESSION_USER
);
ALTER TABLE pgmask_private.loaded_key ALTER COLUMN content SET STATISTICS 0;
ALTER TABLE pgmask_private.loaded_key ALTER COLUMN content SET STORAGE PLAIN;
ALTER TABLE pgmask_private.loaded_key ENABLE ROW LEVEL SECURITY;
ALTER TABLE pgmask_private.loaded_key OWNER TO pgmask_sealer;
REVOKE ALL ON TABLE pgmask_private.loaded_key FROM PUBLIC;
COMMENT ON TABLE pgmask_private.loaded_key IS 'Key files that pgmask keys load brought into this running server (providers loaded and dev). Dumps by a superuser need pg_dump --no-unlogged-table-data.';
COMMENT ON COLUMN pgmask_private.loaded_key.kek_id IS 'The registered key.';
COMMENT ON COLUMN pgmask_private.loaded_key.content IS 'The content of the key file.';
COMMENT ON COLUMN pgmask_private.loaded_key.loaded_at IS 'When it was loaded.';
COMMENT ON COLUMN pgmask_private.loaded_key.loaded_by IS 'The login that loaded it.';

CREATE TABLE pgmask_private.data_key (
  subject_class text        NOT NULL,
  subject_key   text        NOT NULL,
  epoch         integer     NOT NULL DEFAULT 1,
  kek_id        integer     NOT NULL,
  wrapped       bytea,
  state         text        NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'retired', 'erased')),
  successor     text,
  created_at    timestamptz NOT NULL DEFAULT transaction_timestamp(),
  ended_at      timestamptz,
  CONSTRAINT data_key_pkey PRIMARY KEY (subject_class, subject_key, epoch),
  CONSTRAINT data_key_erased CHECK ((state = 'erased') = (wrapped IS NULL))
);
CREATE UNIQUE INDEX data_key_active ON pgmask_private.data_key (subject_class, subject_key) WHERE state <> 'retired';
ALTER TABLE pgmask_private.data_key ALTER COLUMN wrapped SET STATISTICS 0;
ALTER TABLE pgmask_private.data_key ALTER COLUMN wrapped SET STORAGE PLAIN;
ALTER TABLE pgmask_private.data_key OWNER TO pgmask_sealer;
REVOKE ALL ON TABLE pgmask_private.data_key FROM PUBLIC;
COMMENT ON TABLE pgmask_private.data_key IS 'One data key per subject, wrapped by a KEK. Erasing it is crypto-shredding (F5).';
COMMENT ON COLUMN pgmask_private.data_key.subject_class IS 'The subject class, or row:<table id> where a row speaks of no subject by key.';
COMMENT ON COLUMN pgmask_private.data_key.subject_key IS 'The subject''s key as text; of a row its primary key.';
COMMENT ON COLUMN pgmask_private.data_key.epoch IS 'Counts the keys a subject key has had; sealed values name it.';
COMMENT ON COLUMN pgmask_private.data_key.kek_id IS 'The KEK that wraps it.';
COMMENT ON COLUMN pgmask_private.data_key.wrapped IS '64 random bytes (MAC half, encryption half) under the KEK; NULL once erased.';
COMMENT ON COLUMN pgmask_private.data_key.state IS 'active: seals; retired: the subject''s key changed, it only opens older values; erased: nothing opens any more.';
COMMENT ON COLUMN pgmask_private.data_key.successor IS 'Retired: the key the subject has now; erasing that subject erases this key too.';
COMMENT ON COLUMN pgmask_private.data_key.created_at IS 'When the key was made.';
COMMENT ON COLUMN pgmask_private.data_key.ended_at IS 'When it was retired or erased.';
COMMENT ON INDEX pgmask_private.data_key_active IS 'At most one data key of a subject seals.';

-- What this database is for. Without a row it has not been said, and then nothing that is for tests
-- only is allowed. apply writes it from the catalogue's environment; pgmask install --production
-- declares it, and that is final.
CREATE TABLE pgmask_private.environment (
  only_one   boolean     NOT NULL DEFAULT TRUE CONSTRAINT environment_pkey PRIMARY KEY CHECK (only_one),
  name       text        NOT NULL DEFAULT '',
  production boolean     NOT NULL,
  declared   boolean     NOT NULL DEFAULT FALSE,
  persons    text        NOT NULL DEFAULT 'real' CHECK (persons IN ('real', 'fake')),
  escrow     boolean     NOT NULL DEFAULT FALSE,
  set_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  set_by     text        NOT NULL DEFAULT SESSION_USER,
  CONSTRAINT environment_declared CHECK (production OR NOT declared),
  CONSTRAINT environment_persons CHECK (persons = 'real' OR NOT production)
);
ALTER TABLE pgmask_private.environment OWNER TO pgmask_sealer;
REVOKE ALL ON TABLE pgmask_private.environment FROM PUBLIC;
COMMENT ON TABLE pgmask_private.environment IS 'Whether this database holds real customers: one row, or none before the first apply.';
COMMENT ON COLUMN pgmask_private.environment.only_one IS 'Keeps the table at one row.';
COMMENT ON COLUMN pgmask_private.environment.name IS 'The environment of the catalogue, empty for none.';
COMMENT ON COLUMN pgmask_private.environment.production IS 'TRUE unless the environment says data: fake. Keys for development are refused.';
COMMENT ON COLUMN pgmask_private.environment.declared IS 'Declared by pgmask install --production: stays production whatever a catalogue says.';
COMMENT ON COLUMN pgmask_private.environment.persons IS 'real: staff; fake: pgmask fake may register invented persons.';
COMMENT ON COLUMN pgmask_private.environment.escrow IS 'keys: {escrow: required}: nothing is sealed in production before a copy of the key was shown.';
COMMENT ON COLUMN pgmask_private.environment.set_at IS 'When it was last set.';
COMMENT ON COLUMN pgmask_private.environment.set_by IS 'The login that set it.';
