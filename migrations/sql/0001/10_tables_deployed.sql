-- What has been deployed here: the catalogues, the objects made from them, and where every store
-- table came from. Written by `pgmask apply` only, in the transaction that makes the change, so
-- that a killed apply leaves a record that is true.
--
-- Row-level security is off on purpose: nobody but pgmask_owner and the backup role has a right on
-- these tables, and they hold names and definitions, never a value of a protected table.

-- One row per apply. The last finished one is what pgmask.deployed shows.
CREATE TABLE pgmask_private.deployment (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at timestamptz,
  catalogue_hash text NOT NULL,
  catalogue jsonb NOT NULL,
  access jsonb NOT NULL,
  plan_hash text NOT NULL,
  page_hash text NOT NULL,
  author text,
  approver text,
  approval_ref text,
  applied_by text NOT NULL DEFAULT session_user,
  pgmask_version text NOT NULL,
  state_digest text,
  CONSTRAINT deployment_two_persons CHECK (approver IS NULL OR author IS NULL OR approver <> author),
  CONSTRAINT deployment_reference CHECK ((approver IS NULL) = (approval_ref IS NULL))
);
ALTER TABLE pgmask_private.deployment OWNER TO pgmask_owner;
REVOKE ALL ON TABLE pgmask_private.deployment FROM PUBLIC;
GRANT SELECT ON TABLE pgmask_private.deployment TO pgmask_backup;
GRANT SELECT ON SEQUENCE pgmask_private.deployment_id_seq TO pgmask_backup;
COMMENT ON TABLE pgmask_private.deployment IS 'Every apply: which catalogue, written and approved by whom.';
COMMENT ON COLUMN pgmask_private.deployment.id IS 'Number of the apply in this database.';
COMMENT ON COLUMN pgmask_private.deployment.started_at IS 'When the apply began.';
COMMENT ON COLUMN pgmask_private.deployment.finished_at IS 'When its last table was done; NULL while it runs or after it was killed.';
COMMENT ON COLUMN pgmask_private.deployment.catalogue_hash IS 'SHA-256 of the written-out catalogue.';
COMMENT ON COLUMN pgmask_private.deployment.catalogue IS 'The written-out catalogue itself.';
COMMENT ON COLUMN pgmask_private.deployment.access IS 'Who sees which column in which form, as the next plan compares it.';
COMMENT ON COLUMN pgmask_private.deployment.plan_hash IS 'SHA-256 of the plan; a resumed apply of the same plan continues its row.';
COMMENT ON COLUMN pgmask_private.deployment.page_hash IS 'SHA-256 of the page that was approved (pgmask plan --explain-access).';
COMMENT ON COLUMN pgmask_private.deployment.author IS 'Who wrote the change of the catalogue.';
COMMENT ON COLUMN pgmask_private.deployment.approver IS 'Who answered for it; another person than the author.';
COMMENT ON COLUMN pgmask_private.deployment.approval_ref IS 'Reference of the written opinion.';
COMMENT ON COLUMN pgmask_private.deployment.applied_by IS 'The database login that ran the apply.';
COMMENT ON COLUMN pgmask_private.deployment.pgmask_version IS 'Version of pgmask that ran it.';
COMMENT ON COLUMN pgmask_private.deployment.state_digest IS 'Digest of the system catalogues after it: while it holds, the next plan is empty at once.';

-- One row per table step that an apply finished: what a resumed apply leaves out.
CREATE TABLE pgmask_private.deployment_step (
  deployment_id bigint NOT NULL REFERENCES pgmask_private.deployment,
  table_id text NOT NULL,
  finished_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (deployment_id, table_id)
);
ALTER TABLE pgmask_private.deployment_step OWNER TO pgmask_owner;
REVOKE ALL ON TABLE pgmask_private.deployment_step FROM PUBLIC;
GRANT SELECT ON TABLE pgmask_private.deployment_step TO pgmask_backup;
COMMENT ON TABLE pgmask_private.deployment_step IS 'The tables an apply has finished.';
COMMENT ON COLUMN pgmask_private.deployment_step.deployment_id IS 'The apply.';
COMMENT ON COLUMN pgmask_private.deployment_step.table_id IS 'The protected table; empty for what the whole database shares.';
COMMENT ON COLUMN pgmask_private.deployment_step.finished_at IS 'When its transaction ended.';

-- One row per object pgmask made: what was wanted, and how the server described it afterwards.
CREATE TABLE pgmask_private.managed_object (
  kind text NOT NULL,
  identity text NOT NULL,
  parent text NOT NULL,
  phase integer NOT NULL,
  address text[] NOT NULL,
  desired_hash text NOT NULL,
  fingerprint jsonb,
  drop_sql text[] NOT NULL,
  PRIMARY KEY (kind, identity)
);
ALTER TABLE pgmask_private.managed_object OWNER TO pgmask_owner;
REVOKE ALL ON TABLE pgmask_private.managed_object FROM PUBLIC;
GRANT SELECT ON TABLE pgmask_private.managed_object TO pgmask_backup;
COMMENT ON TABLE pgmask_private.managed_object IS 'Every object pgmask made, with what drift compares.';
COMMENT ON COLUMN pgmask_private.managed_object.kind IS 'Kind of object: role, place, column, policy, view, grant ...';
COMMENT ON COLUMN pgmask_private.managed_object.identity IS 'Its name, unique within the kind.';
COMMENT ON COLUMN pgmask_private.managed_object.parent IS 'The protected table it belongs to; empty for what the whole database shares.';
COMMENT ON COLUMN pgmask_private.managed_object.phase IS 'Its place in the order of creation.';
COMMENT ON COLUMN pgmask_private.managed_object.address IS 'The names under which the system catalogues hold it.';
COMMENT ON COLUMN pgmask_private.managed_object.desired_hash IS 'SHA-256 of what was wanted.';
COMMENT ON COLUMN pgmask_private.managed_object.fingerprint IS 'Its attributes as the server described them after the apply.';
COMMENT ON COLUMN pgmask_private.managed_object.drop_sql IS 'The statements that take it away.';

-- One row per protected table: where it is, where it came from, and what it was before.
CREATE TABLE pgmask_private.store_table (
  table_id text PRIMARY KEY,
  schema_name text NOT NULL,
  table_name text NOT NULL,
  original_schema text NOT NULL,
  original_owner text NOT NULL,
  adopted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  adopted jsonb NOT NULL,
  stage text NOT NULL DEFAULT 'views' CHECK (stage IN ('observe', 'views', 'sealing', 'enforced')),
  sealed_at timestamptz,
  UNIQUE (schema_name, table_name)
);
ALTER TABLE pgmask_private.store_table OWNER TO pgmask_owner;
REVOKE ALL ON TABLE pgmask_private.store_table FROM PUBLIC;
GRANT SELECT ON TABLE pgmask_private.store_table TO pgmask_backup;
GRANT SELECT, UPDATE (stage, sealed_at) ON TABLE pgmask_private.store_table TO pgmask_sealer;
COMMENT ON TABLE pgmask_private.store_table IS 'Every protected table: where it is and what it was before.';
COMMENT ON COLUMN pgmask_private.store_table.table_id IS 'schema.table as the application knows it.';
COMMENT ON COLUMN pgmask_private.store_table.schema_name IS 'The schema that holds it now.';
COMMENT ON COLUMN pgmask_private.store_table.table_name IS 'Its name.';
COMMENT ON COLUMN pgmask_private.store_table.original_schema IS 'The schema it came from.';
COMMENT ON COLUMN pgmask_private.store_table.original_owner IS 'The role that owned it.';
COMMENT ON COLUMN pgmask_private.store_table.adopted_at IS 'When pgmask took it over.';
COMMENT ON COLUMN pgmask_private.store_table.adopted IS 'What it was before: owner, privileges, constraints, indexes, defaults, columns.';
COMMENT ON COLUMN pgmask_private.store_table.stage IS 'observe, views, sealing or enforced.';
COMMENT ON COLUMN pgmask_private.store_table.sealed_at IS 'When its last plain value was sealed; NULL until then. Profiles that open when sealed wait for it.';

-- One row per profile and column: what pgmask.why explains to a caller.
CREATE TABLE pgmask_private.profile_column (
  profile text NOT NULL,
  table_id text NOT NULL,
  position integer NOT NULL,
  column_name text NOT NULL,
  level integer NOT NULL,
  category text NOT NULL,
  kind text,
  form text NOT NULL CHECK (form IN ('plain', 'mask', 'hidden')),
  sealed boolean NOT NULL,
  view_schema text NOT NULL,
  view_name text NOT NULL,
  rows text[] NOT NULL,
  operations text[] NOT NULL,
  PRIMARY KEY (profile, table_id, column_name)
);
CREATE INDEX profile_column_table_idx ON pgmask_private.profile_column (table_id);
ALTER TABLE pgmask_private.profile_column OWNER TO pgmask_owner;
REVOKE ALL ON TABLE pgmask_private.profile_column FROM PUBLIC;
GRANT SELECT ON TABLE pgmask_private.profile_column TO pgmask_backup;
COMMENT ON TABLE pgmask_private.profile_column IS 'In which form every profile sees every column; read by pgmask.why.';
COMMENT ON COLUMN pgmask_private.profile_column.profile IS 'The access profile.';
COMMENT ON COLUMN pgmask_private.profile_column.table_id IS 'schema.table as the application knows it.';
COMMENT ON COLUMN pgmask_private.profile_column.position IS 'Place of the column in the view, from 1.';
COMMENT ON COLUMN pgmask_private.profile_column.column_name IS 'The column.';
COMMENT ON COLUMN pgmask_private.profile_column.level IS 'Its level, 1 the most sensitive.';
COMMENT ON COLUMN pgmask_private.profile_column.category IS 'Its category in the policy packs in force.';
COMMENT ON COLUMN pgmask_private.profile_column.kind IS 'Its data kind, if it has one.';
COMMENT ON COLUMN pgmask_private.profile_column.form IS 'plain, mask or hidden.';
COMMENT ON COLUMN pgmask_private.profile_column.sealed IS 'Whether the column stores a mask and the truth is encrypted beside it.';
COMMENT ON COLUMN pgmask_private.profile_column.view_schema IS 'Schema of the view through which the profile sees it.';
COMMENT ON COLUMN pgmask_private.profile_column.view_name IS 'Name of that view.';
COMMENT ON COLUMN pgmask_private.profile_column.rows IS 'How the rows of the profile are chosen; any one is enough.';
COMMENT ON COLUMN pgmask_private.profile_column.operations IS 'What the profile may do with the view.';

-- What is in force: version, hash, author and approver of the deployed catalogue. Applies of the same
-- catalogue that needed no approval (drift put back, a table opened once it is sealed) come after the
-- approved one, which is the one that counts for who answers for it.
CREATE VIEW pgmask.deployed AS
  SELECT
    d.id AS version,
    d.finished_at AS deployed_at,
    d.catalogue_hash,
    coalesce(a.author, d.author) AS author,
    coalesce(a.approver, d.approver) AS approver,
    coalesce(a.approval_ref, d.approval_ref) AS approval_ref,
    coalesce(a.page_hash, d.page_hash) AS page_hash,
    d.applied_by,
    d.pgmask_version,
    (SELECT count(*) FROM pgmask_private.deployment AS u WHERE u.id > d.id) AS unfinished_after
  FROM pgmask_private.deployment AS d
  LEFT JOIN LATERAL (
    SELECT p.author, p.approver, p.approval_ref, p.page_hash
    FROM pgmask_private.deployment AS p
    WHERE p.catalogue_hash = d.catalogue_hash AND p.id <= d.id AND p.approver <> ''
    ORDER BY p.id DESC
    LIMIT 1
  ) AS a ON true
  WHERE d.finished_at IS NOT NULL
  ORDER BY d.id DESC
  LIMIT 1;
ALTER VIEW pgmask.deployed OWNER TO pgmask_owner;
REVOKE ALL ON TABLE pgmask.deployed FROM PUBLIC;
GRANT SELECT ON TABLE pgmask.deployed TO PUBLIC;
COMMENT ON VIEW pgmask.deployed IS
  'The catalogue in force: version, hash, author, approver; and how many applies after it did not finish.';
