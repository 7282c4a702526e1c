-- Who is asking, as policies read it, and what the register gives to whom.
--
-- Relations in these views are read with the rights of their owner, pgmask_owner; functions are
-- called with the caller's. That is why identity_claims is executable by everybody.

-- The two papers, by form: from when to when a signature on this form counts.
CREATE VIEW pgmask_private.document_period AS
SELECT
  d.person_id,
  d.kind,
  pg_catalog.tstzrange(d.signed_at, NULL) * f.period AS period
FROM pgmask_private.document AS d
JOIN (
  SELECT
    f.kind,
    f.version,
    pg_catalog.tstzrange(
      f.in_force_from,
      pg_catalog.lead(f.in_force_from) OVER (PARTITION BY f.kind ORDER BY f.in_force_from)
    ) AS period
  FROM pgmask_private.document_form AS f
) AS f ON f.kind = d.kind AND f.version = d.version;
COMMENT ON VIEW pgmask_private.document_period IS
  'From when to when a signed paper counts: it must be the form in force.';

-- When a person is honoured at all: active, both papers signed in the form in force, trained where
-- the rules ask for it.
CREATE VIEW pgmask_private.person_period AS
SELECT
  p.person_id,
  p.employment = 'outsourced' AS outsourced,
  a.period * l.period * CASE
    WHEN r.training_months IS NULL THEN pg_catalog.tstzrange(NULL, NULL)
    ELSE (
      SELECT pg_catalog.tstzrange(
        pg_catalog.max(t.held_at),
        pg_catalog.max(t.held_at) + pg_catalog.make_interval(months => r.training_months))
      FROM pgmask_private.training AS t
      WHERE t.person_id = p.person_id
      HAVING pg_catalog.max(t.held_at) IS NOT NULL
    )
  END AS period
FROM pgmask_private.person AS p
CROSS JOIN pgmask_private.register_rule AS r
JOIN pgmask_private.document_period AS a
  ON a.person_id = p.person_id AND a.kind = 'confidentiality_agreement'
JOIN pgmask_private.document_period AS l
  ON l.person_id = p.person_id AND l.kind = 'responsibility_letter'
WHERE p.standing = 'active';
COMMENT ON VIEW pgmask_private.person_period IS
  'When a person is honoured: active, both papers signed, trained where the rules ask for it.';

-- Units whose people are honoured.
CREATE VIEW pgmask_private.open_unit AS
SELECT u.unit_id
FROM pgmask_private.unit AS u
CROSS JOIN pgmask_private.register_rule AS r
WHERE u.closed_at IS NULL
  AND (
    NOT r.complete_unit
    OR (u.kind IS NOT NULL AND u.head IS NOT NULL AND u.security_responsible IS NOT NULL
        AND u.contact IS NOT NULL)
  );
COMMENT ON VIEW pgmask_private.open_unit IS
  'Units whose people are honoured: not closed, and complete where the rules ask for it.';

-- The one place that decides who has which profile, in which unit, and when. The table
-- effective_profile holds the same, kept by the register's triggers.
CREATE VIEW pgmask_private.profile_period AS
SELECT
  m.person_id,
  m.profile,
  m.unit_id,
  pg_catalog.lower(m.period) AS valid_from,
  COALESCE(pg_catalog.upper(m.period), 'infinity') AS valid_until,
  m.outsourced
FROM (
  SELECT
    pp.person_id,
    pf.profile,
    pp.unit_id,
    p.outsourced,
    pg_catalog.unnest(pg_catalog.range_agg(
      p.period
        * pg_catalog.tstzrange(pp.valid_from, pp.valid_to)
        * pg_catalog.tstzrange(pf.valid_from, pf.valid_to))) AS period
  FROM pgmask_private.person_post AS pp
  JOIN pgmask_private.post_profile AS pf ON pf.post_id = pp.post_id
  JOIN pgmask_private.person_period AS p ON p.person_id = pp.person_id
  JOIN pgmask_private.open_unit AS u ON u.unit_id = pp.unit_id
  GROUP BY pp.person_id, pf.profile, pp.unit_id, p.outsourced
) AS m;
COMMENT ON VIEW pgmask_private.profile_period IS
  'Who has which profile in which unit, and when; the one place that decides it.';

-- What the register makes of the direct logins of the database. A login of a person whose posts
-- give more than one profile or unit must name one, or nothing is honoured.
CREATE VIEW pgmask_private.login_period AS
WITH candidate AS (
  SELECT
    d.login,
    p.person_id,
    p.profile,
    p.unit_id,
    p.outsourced,
    pg_catalog.tstzrange(p.valid_from, NULLIF(p.valid_until, 'infinity'))
      * pg_catalog.tstzrange(d.valid_from, d.valid_to) AS period
  FROM pgmask_private.database_login AS d
  JOIN pgmask_private.effective_profile AS p
    ON p.person_id = d.person_id
    AND p.profile = COALESCE(d.profile, p.profile)
    AND p.unit_id = COALESCE(d.unit_id, p.unit_id)
  WHERE d.service IS NULL
  UNION ALL
  SELECT
    d.login,
    p.person_id,
    d.profile,
    d.unit_id,
    p.outsourced,
    p.period * pg_catalog.tstzrange(d.valid_from, d.valid_to) AS period
  FROM pgmask_private.database_login AS d
  JOIN pgmask_private.person_period AS p ON p.person_id = d.person_id
  JOIN pgmask_private.open_unit AS u ON u.unit_id = d.unit_id
  WHERE d.service IS NOT NULL
), merged AS (
  SELECT
    c.login,
    c.person_id,
    c.profile,
    c.unit_id,
    c.outsourced,
    pg_catalog.unnest(pg_catalog.range_agg(c.period)) AS period
  FROM candidate AS c
  WHERE NOT pg_catalog.isempty(c.period)
    AND NOT EXISTS (
      SELECT
      FROM candidate AS o
      WHERE o.login = c.login
        AND (o.profile, o.unit_id) <> (c.profile, c.unit_id)
        AND NOT pg_catalog.isempty(o.period)
    )
  GROUP BY c.login, c.person_id, c.profile, c.unit_id, c.outsourced
)
SELECT
  m.login,
  pg_catalog.lower(m.period) AS valid_from,
  COALESCE(pg_catalog.upper(m.period), 'infinity') AS valid_until,
  m.person_id,
  m.profile,
  m.unit_id,
  m.outsourced
FROM merged AS m;
COMMENT ON VIEW pgmask_private.login_period IS
  'What the register makes of the direct logins; effective_login holds the same as a table.';

-- What the register makes of the services that issuers speak for. Read at a login of one; a service
-- logs in seldom, so that nothing is derived from it.
CREATE VIEW pgmask_private.service_period AS
SELECT
  s.service,
  s.person_id,
  s.profile,
  s.unit_id,
  p.outsourced,
  p.period * pg_catalog.tstzrange(s.valid_from, s.valid_to) AS period
FROM pgmask_private.service AS s
JOIN pgmask_private.person_period AS p ON p.person_id = s.person_id
JOIN pgmask_private.open_unit AS u ON u.unit_id = s.unit_id;
COMMENT ON VIEW pgmask_private.service_period IS
  'When a service is honoured: as long as the person is who answers for it, and its unit is open.';

-- What is true of this transaction, without an error: for whoami, the errors and the history.
--   standing  valid, expired, missing, refused (a token that is not of this transaction),
--             unregistered (a registered login that the register does not honour now)
CREATE VIEW pgmask_private.identity_state AS
SELECT
  CASE
    WHEN t.token <> '' THEN CASE
      WHEN t.genuine IS NOT TRUE THEN 'refused'
      WHEN pg_catalog.clock_timestamp()
        < pg_catalog.to_timestamp(pg_catalog.split_part(t.token, U&'\001F', 10)::double precision)
        THEN 'valid'
      ELSE 'expired'
    END
    WHEN e.login IS NOT NULL THEN 'valid'
    WHEN EXISTS (
      SELECT FROM pgmask_private.database_login AS d WHERE d.login = SESSION_USER
    ) THEN 'unregistered'
    ELSE 'missing'
  END AS standing,
  t.genuine IS TRUE AS by_token,
  CASE WHEN t.genuine THEN pg_catalog.split_part(t.token, U&'\001F', 2)::bigint
       ELSE e.person_id END AS person_id,
  CASE WHEN t.genuine THEN pg_catalog.split_part(t.token, U&'\001F', 3)
       ELSE e.profile END AS profile,
  CASE WHEN t.genuine THEN pg_catalog.split_part(t.token, U&'\001F', 4)
       ELSE e.unit_id END AS unit_id,
  CASE WHEN t.genuine THEN pg_catalog.split_part(t.token, U&'\001F', 5)
       WHEN e.login IS NOT NULL THEN 'login' END AS grade,
  CASE WHEN t.genuine THEN NULLIF(pg_catalog.split_part(t.token, U&'\001F', 6), '')
       END AS purpose,
  CASE WHEN t.genuine THEN pg_catalog.to_timestamp(
         NULLIF(pg_catalog.split_part(t.token, U&'\001F', 7), '')::double precision)
       END AS second_factor_at,
  CASE WHEN t.genuine THEN pg_catalog.split_part(t.token, U&'\001F', 8) <> 'f'
       ELSE e.outsourced END AS outsourced,
  CASE WHEN t.genuine THEN pg_catalog.split_part(t.token, U&'\001F', 9)
       WHEN e.login IS NOT NULL THEN 'login' END AS issuer,
  CASE WHEN t.genuine THEN pg_catalog.to_timestamp(
         pg_catalog.split_part(t.token, U&'\001F', 10)::double precision)
       ELSE NULLIF(e.valid_until, 'infinity') END AS expires_at,
  CASE WHEN t.genuine THEN NULLIF(pg_catalog.split_part(t.token, U&'\001F', 11), '')
       WHEN e.login IS NOT NULL THEN (
         SELECT d.service FROM pgmask_private.database_login AS d WHERE d.login = SESSION_USER)
       END AS service
FROM (
  SELECT
    g.token,
    pg_catalog."left"(g.token, 64) = pg_catalog.encode(
      pgmask_crypto.hmac(
        pg_catalog.convert_to(pg_catalog."right"(g.token, -64), 'UTF8')
          || pg_catalog.int4send(pg_catalog.pg_backend_pid())
          || pg_catalog.timestamptz_send(pg_catalog.now())
          || pg_catalog.convert_to(pg_catalog.current_database()::text, 'UTF8'),
        (SELECT k.secret FROM pgmask_private.token_key AS k),
        'sha256'),
      'hex') AS genuine
  FROM (SELECT NULLIF(pg_catalog.current_setting('pgmask.token', true), '') AS token OFFSET 0) AS g
  OFFSET 0
) AS t
LEFT JOIN pgmask_private.effective_login AS e
  ON t.token IS NULL
  AND e.login = SESSION_USER
  AND e.valid_from <= pg_catalog.clock_timestamp()
  AND pg_catalog.clock_timestamp() < e.valid_until;
COMMENT ON VIEW pgmask_private.identity_state IS
  'What is true of the identity of this transaction, without an error.';

-- Who is asking: exactly one row, or an error of refuse_identity. A token comes first; without one
-- the login of the database, through the register.
--
-- Made to be one InitPlan of a policy. `claims` is the text of the token once it is found genuine
-- and not expired, or the same text for a direct login; every column is a field of it, so that
-- nothing unverified is ever looked at. OFFSET 0 keeps it one value.
CREATE VIEW pgmask_private.identity AS
SELECT
  pg_catalog.split_part(t.claims, U&'\001F', 2)::bigint AS person_id,
  pg_catalog.split_part(t.claims, U&'\001F', 3) AS profile,
  pg_catalog.split_part(t.claims, U&'\001F', 4) AS unit_id,
  pg_catalog.split_part(t.claims, U&'\001F', 5) AS grade,
  NULLIF(pg_catalog.split_part(t.claims, U&'\001F', 6), '') AS purpose,
  pg_catalog.to_timestamp(
    NULLIF(pg_catalog.split_part(t.claims, U&'\001F', 7), '')::double precision
  ) AS second_factor_at,
  pg_catalog.split_part(t.claims, U&'\001F', 8) <> 'f' AS outsourced,
  pg_catalog.split_part(t.claims, U&'\001F', 9) AS issuer,
  pg_catalog.to_timestamp(
    NULLIF(pg_catalog.split_part(t.claims, U&'\001F', 10), '')::double precision
  ) AS expires_at
FROM (
  SELECT pgmask.identity_claims(NULL, NULL, NULL, true) AS claims
  OFFSET 0
) AS t;
COMMENT ON VIEW pgmask_private.identity IS
  'Who is asking: one row, or PM101, PM102, PM103.';

-- The units whose customers a person reaches in a profile with rows: units. His own by post, those
-- below where the post says so, and those of units that agreed to it.
CREATE VIEW pgmask_private.my_units AS
SELECT pp.person_id, b.unit_id
FROM pgmask_private.person_post AS pp
JOIN pgmask_private.post AS po ON po.post_id = pp.post_id
JOIN pgmask_private.unit_below AS b
  ON b.ancestor = pp.unit_id AND (po.reach = 'subtree' OR b.unit_id = pp.unit_id)
WHERE pp.valid_from <= pg_catalog.now()
  AND (pp.valid_to IS NULL OR pg_catalog.now() < pp.valid_to)
UNION ALL
SELECT pp.person_id, a.provider AS unit_id
FROM pgmask_private.person_post AS pp
JOIN pgmask_private.unit_access AS a ON a.unit_id = pp.unit_id
WHERE pp.valid_from <= pg_catalog.now()
  AND (pp.valid_to IS NULL OR pg_catalog.now() < pp.valid_to)
  AND a.valid_from <= pg_catalog.now()
  AND pg_catalog.now() < a.valid_to;
COMMENT ON VIEW pgmask_private.my_units IS
  'Per person the units whose customers he reaches in a profile with rows: units.';

CREATE VIEW pgmask_private.my_subjects AS
SELECT a.person_id, a.subject_class, a.subject_key
FROM pgmask_private.assignment AS a
WHERE a.valid_from <= pg_catalog.now()
  AND (a.valid_to IS NULL OR pg_catalog.now() < a.valid_to);
COMMENT ON VIEW pgmask_private.my_subjects IS 'Per person the customers assigned to him now.';

-- unit_id: the unit; subject_class and subject_key NULL: every high-value customer of that unit.
CREATE VIEW pgmask_private.my_designations AS
SELECT d.person_id, d.subject_class, d.subject_key, d.unit_id
FROM pgmask_private.designation AS d
JOIN pgmask_private.person AS p ON p.person_id = d.person_id
WHERE d.valid_from <= pg_catalog.now()
  AND (d.valid_to IS NULL OR pg_catalog.now() < d.valid_to)
  AND p.employment <> 'outsourced';
COMMENT ON VIEW pgmask_private.my_designations IS
  'Per person the high-value customers he is designated for now; without a customer: all of the unit.';

-- What the register lacks, and whom that stops.
CREATE VIEW pgmask_private.register_gap AS
SELECT 'unit' AS what, u.unit_id AS key, g.missing,
       r.complete_unit AND g.stops AS stops
FROM pgmask_private.unit AS u
CROSS JOIN pgmask_private.register_rule AS r
CROSS JOIN LATERAL (
  VALUES
    ('kind', u.kind IS NULL, true),
    ('head', u.head IS NULL, true),
    ('security responsible', u.security_responsible IS NULL, true),
    ('contact', u.contact IS NULL, true),
    ('lead department', u.kind = 'branch' AND u.lead_department IS NULL, false),
    ('registered permission rules', u.permission_rules IS NULL, false)
) AS g (missing, lacks, stops)
WHERE u.closed_at IS NULL AND g.lacks
UNION ALL
SELECT 'person', p.person_id::text, g.missing, true
FROM pgmask_private.person AS p
CROSS JOIN pgmask_private.register_rule AS r
CROSS JOIN LATERAL (
  VALUES
    ('confidentiality agreement in the form in force', NOT EXISTS (
      SELECT FROM pgmask_private.document_period AS d
      WHERE d.person_id = p.person_id AND d.kind = 'confidentiality_agreement'
        AND d.period @> pg_catalog.clock_timestamp())),
    ('responsibility letter in the form in force', NOT EXISTS (
      SELECT FROM pgmask_private.document_period AS d
      WHERE d.person_id = p.person_id AND d.kind = 'responsibility_letter'
        AND d.period @> pg_catalog.clock_timestamp())),
    ('training', r.training_months IS NOT NULL AND NOT EXISTS (
      SELECT FROM pgmask_private.training AS t
      WHERE t.person_id = p.person_id
        AND pg_catalog.clock_timestamp()
          < t.held_at + pg_catalog.make_interval(months => r.training_months)))
) AS g (missing, lacks)
WHERE p.standing = 'active' AND g.lacks
UNION ALL
SELECT 'login', d.login::text, 'one profile and unit that is honoured now', true
FROM pgmask_private.database_login AS d
WHERE d.valid_from <= pg_catalog.clock_timestamp()
  AND (d.valid_to IS NULL OR pg_catalog.clock_timestamp() < d.valid_to)
  AND NOT EXISTS (
    SELECT FROM pgmask_private.effective_login AS e
    WHERE e.login = d.login AND e.valid_until > pg_catalog.clock_timestamp())
UNION ALL
SELECT 'form', f.kind, 'a form in force', true
FROM (VALUES ('confidentiality_agreement'), ('responsibility_letter')) AS f (kind)
WHERE NOT EXISTS (
  SELECT FROM pgmask_private.document_form AS d
  WHERE d.kind = f.kind AND d.in_force_from <= pg_catalog.clock_timestamp());
COMMENT ON VIEW pgmask_private.register_gap IS
  'What the register lacks, and whether that stops somebody from being honoured.';

DO LANGUAGE plpgsql $pgmask$
DECLARE
  v_view text;
BEGIN
  FOREACH v_view IN ARRAY ARRAY[
    'document_period', 'person_period', 'open_unit', 'profile_period', 'login_period',
    'service_period',
    'identity_state', 'identity', 'my_units', 'my_subjects', 'my_designations', 'register_gap'
  ] LOOP
    EXECUTE pg_catalog.format('ALTER VIEW pgmask_private.%I OWNER TO pgmask_owner', v_view);
    EXECUTE pg_catalog.format('REVOKE ALL ON TABLE pgmask_private.%I FROM PUBLIC', v_view);
  END LOOP;
END;
$pgmask$;
