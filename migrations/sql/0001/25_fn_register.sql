-- The register's functions: the only way for the role pgmask_register to change it.
--
-- Each puts one fact as it should be and can be repeated: a row with the same key is made to say
-- the same. Periods begin now unless told otherwise; register_end_* ends them. Triggers
-- (40_triggers.sql) serialise changes, keep the history and derive who is honoured.


-- Puts what the organisation asks of units and persons.
--   p_complete_unit        whether nobody of an incomplete unit is honoured
--   p_training_months      how long a training counts; NULL: training is no gate
--   p_designated_per_unit  1 or 2 persons for the high-value customers of a unit
--   p_unique_writes_per_day  new values of unique sealed columns that one person may write in a day
CREATE FUNCTION pgmask.register_rule(
  p_complete_unit boolean,
  p_training_months integer DEFAULT NULL,
  p_designated_per_unit integer DEFAULT 2,
  p_unique_writes_per_day integer DEFAULT 100
)
  RETURNS void
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  UPDATE pgmask_private.register_rule AS t
     SET complete_unit = p_complete_unit,
         training_months = p_training_months,
         designated_per_unit = p_designated_per_unit,
         unique_writes_per_day = p_unique_writes_per_day
   WHERE (t.complete_unit, t.training_months, t.designated_per_unit, t.unique_writes_per_day)
         IS DISTINCT FROM
         (p_complete_unit, p_training_months, p_designated_per_unit, p_unique_writes_per_day);
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.register_rule(boolean, integer, integer, integer) FROM PUBLIC;
ALTER FUNCTION pgmask.register_rule(boolean, integer, integer, integer) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.register_rule(boolean, integer, integer, integer) IS
  'Puts what the organisation asks of units and persons.';

-- Puts a unit. NULL means that the unit has none; register_gaps lists what is missing.
--   p_unit_id  as the unit column of protected tables holds it, as text
--   p_kind     department, branch or subsidiary
CREATE FUNCTION pgmask.register_unit(
  p_unit_id text,
  p_name text,
  p_kind text DEFAULT NULL,
  p_superior text DEFAULT NULL,
  p_head text DEFAULT NULL,
  p_security_responsible text DEFAULT NULL,
  p_contact text DEFAULT NULL,
  p_lead_department text DEFAULT NULL,
  p_permission_rules text DEFAULT NULL,
  p_channel text DEFAULT NULL
)
  RETURNS void
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  INSERT INTO pgmask_private.unit AS t (
    unit_id, name, kind, superior, head, security_responsible, contact, lead_department, permission_rules, channel
  ) VALUES (
    p_unit_id, p_name, p_kind, p_superior, p_head, p_security_responsible, p_contact, p_lead_department, p_permission_rules, p_channel
  )
  ON CONFLICT (unit_id) DO UPDATE SET
    name = excluded.name,
    kind = excluded.kind,
    superior = excluded.superior,
    head = excluded.head,
    security_responsible = excluded.security_responsible,
    contact = excluded.contact,
    lead_department = excluded.lead_department,
    permission_rules = excluded.permission_rules,
    channel = excluded.channel
  WHERE (t.name, t.kind, t.superior, t.head, t.security_responsible, t.contact, t.lead_department, t.permission_rules, t.channel)
    IS DISTINCT FROM (excluded.name, excluded.kind, excluded.superior, excluded.head, excluded.security_responsible, excluded.contact, excluded.lead_department, excluded.permission_rules, excluded.channel);
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.register_unit(text, text, text, text, text, text, text, text, text, text) FROM PUBLIC;
ALTER FUNCTION pgmask.register_unit(text, text, text, text, text, text, text, text, text, text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.register_unit(text, text, text, text, text, text, text, text, text, text) IS
  'Puts a unit: its kind, superior, head, security responsible and contact.';

-- Closes a unit at a moment, or opens it again (NULL).
CREATE FUNCTION pgmask.register_close_unit(
  p_unit_id text,
  p_at timestamptz DEFAULT clock_timestamp()
)
  RETURNS void
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  UPDATE pgmask_private.unit AS t
     SET closed_at = p_at
   WHERE t.unit_id = p_unit_id AND t.closed_at IS DISTINCT FROM p_at;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.register_close_unit(text, timestamptz) FROM PUBLIC;
ALTER FUNCTION pgmask.register_close_unit(text, timestamptz) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.register_close_unit(text, timestamptz) IS
  'Closes a unit: nobody acts for it any more; NULL opens it again.';

-- Puts a person. The standing is not touched: see register_standing.
--   p_employment  employee, agent or outsourced
CREATE FUNCTION pgmask.register_person(
  p_person_id bigint,
  p_name text,
  p_unit_id text,
  p_employment text DEFAULT 'employee'
)
  RETURNS void
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  INSERT INTO pgmask_private.person AS t (
    person_id, name, unit_id, employment
  ) VALUES (
    p_person_id, p_name, p_unit_id, p_employment
  )
  ON CONFLICT (person_id) DO UPDATE SET
    name = excluded.name,
    unit_id = excluded.unit_id,
    employment = excluded.employment
  WHERE (t.name, t.unit_id, t.employment)
    IS DISTINCT FROM (excluded.name, excluded.unit_id, excluded.employment);
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.register_person(bigint, text, text, text) FROM PUBLIC;
ALTER FUNCTION pgmask.register_person(bigint, text, text, text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.register_person(bigint, text, text, text) IS
  'Puts a person: name, unit and employment (employee, agent or outsourced).';

-- Raises PM107 where the register has no such person.
CREATE FUNCTION pgmask_private.require_person(p_person_id bigint)
  RETURNS void
  LANGUAGE plpgsql
  STABLE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY INVOKER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  IF NOT EXISTS (SELECT FROM pgmask_private.person AS p WHERE p.person_id = p_person_id) THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PM107',
      MESSAGE = format('the register has no person %s', coalesce(p_person_id::text, 'without a number')),
      HINT = 'Register the person first: pgmask.register_person, or pgmask register load.';
  END IF;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.require_person(bigint) FROM PUBLIC;
ALTER FUNCTION pgmask_private.require_person(bigint) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.require_person(bigint) IS
  'Raises PM107 where the register has no such person.';

-- Puts the standing of a person; whoever is not active is refused from the next login on.
--   p_standing  active, suspended, moved or left
--   errors      PM107
--   p_reason    why, in words
CREATE FUNCTION pgmask.register_standing(
  p_person_id bigint,
  p_standing text,
  p_reason text
)
  RETURNS void
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  UPDATE pgmask_private.person AS t
     SET standing = p_standing, standing_reason = p_reason, standing_since = clock_timestamp()
   WHERE t.person_id = p_person_id
     AND (t.standing, t.standing_reason) IS DISTINCT FROM (p_standing, p_reason);
  IF NOT FOUND THEN
    PERFORM pgmask_private.require_person(p_person_id);
  END IF;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.register_standing(bigint, text, text) FROM PUBLIC;
ALTER FUNCTION pgmask.register_standing(bigint, text, text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.register_standing(bigint, text, text) IS
  'Puts the standing of a person: active, suspended, moved or left. Takes effect at once.';

-- Puts a post.
--   p_reach  unit, or subtree: the unit and all below it
CREATE FUNCTION pgmask.register_post(
  p_post_id text,
  p_title text,
  p_reach text DEFAULT 'unit',
  p_unique_writes_per_day integer DEFAULT NULL
)
  RETURNS void
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  INSERT INTO pgmask_private.post AS t (
    post_id, title, reach, unique_writes_per_day
  ) VALUES (
    p_post_id, p_title, p_reach, p_unique_writes_per_day
  )
  ON CONFLICT (post_id) DO UPDATE SET
    title = excluded.title,
    reach = excluded.reach,
    unique_writes_per_day = excluded.unique_writes_per_day
  WHERE (t.title, t.reach, t.unique_writes_per_day)
    IS DISTINCT FROM (excluded.title, excluded.reach, excluded.unique_writes_per_day);
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.register_post(text, text, text, integer) FROM PUBLIC;
ALTER FUNCTION pgmask.register_post(text, text, text, integer) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.register_post(text, text, text, integer) IS
  'Puts a post that touches customer information.';

-- Gives a profile to a post.
--   p_valid_from, p_valid_to  half open; NULL: from now, until further notice
CREATE FUNCTION pgmask.register_post_profile(
  p_post_id text,
  p_profile text,
  p_valid_from timestamptz DEFAULT NULL,
  p_valid_to timestamptz DEFAULT NULL
)
  RETURNS void
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  -- One that runs now is made to end as told; it is not begun a second time.
  UPDATE pgmask_private.post_profile AS t
     SET valid_to = p_valid_to
   WHERE t.post_id IS NOT DISTINCT FROM p_post_id AND t.profile IS NOT DISTINCT FROM p_profile
     AND (p_valid_from IS NULL OR t.valid_from = p_valid_from)
     AND (t.valid_to IS NULL OR clock_timestamp() < t.valid_to)
     AND t.valid_to IS DISTINCT FROM p_valid_to;
  INSERT INTO pgmask_private.post_profile (post_id, profile, valid_from, valid_to)
  SELECT p_post_id, p_profile, coalesce(p_valid_from, clock_timestamp()), p_valid_to
   WHERE NOT EXISTS (
     SELECT FROM pgmask_private.post_profile AS t
      WHERE t.post_id IS NOT DISTINCT FROM p_post_id AND t.profile IS NOT DISTINCT FROM p_profile
        AND (p_valid_from IS NULL OR t.valid_from = p_valid_from)
        AND (t.valid_to IS NULL OR clock_timestamp() < t.valid_to)
   );
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.register_post_profile(text, text, timestamptz, timestamptz) FROM PUBLIC;
ALTER FUNCTION pgmask.register_post_profile(text, text, timestamptz, timestamptz) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.register_post_profile(text, text, timestamptz, timestamptz) IS
  'Gives a profile to a post.';

-- Takes a profile from a post, now or at a moment.
CREATE FUNCTION pgmask.register_end_post_profile(
  p_post_id text,
  p_profile text,
  p_at timestamptz DEFAULT NULL
)
  RETURNS void
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  UPDATE pgmask_private.post_profile AS t
     SET valid_to = greatest(t.valid_from, coalesce(p_at, clock_timestamp()))
   WHERE t.post_id IS NOT DISTINCT FROM p_post_id AND t.profile IS NOT DISTINCT FROM p_profile
     AND (t.valid_to IS NULL OR coalesce(p_at, clock_timestamp()) < t.valid_to);
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.register_end_post_profile(text, text, timestamptz) FROM PUBLIC;
ALTER FUNCTION pgmask.register_end_post_profile(text, text, timestamptz) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.register_end_post_profile(text, text, timestamptz) IS
  'Takes a profile from a post.';

-- Gives a post in a unit to a person.
--   p_valid_from, p_valid_to  half open; NULL: from now, until further notice
CREATE FUNCTION pgmask.register_person_post(
  p_person_id bigint,
  p_post_id text,
  p_unit_id text,
  p_valid_from timestamptz DEFAULT NULL,
  p_valid_to timestamptz DEFAULT NULL
)
  RETURNS void
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  -- One that runs now is made to end as told; it is not begun a second time.
  UPDATE pgmask_private.person_post AS t
     SET valid_to = p_valid_to
   WHERE t.person_id IS NOT DISTINCT FROM p_person_id AND t.post_id IS NOT DISTINCT FROM p_post_id AND t.unit_id IS NOT DISTINCT FROM p_unit_id
     AND (p_valid_from IS NULL OR t.valid_from = p_valid_from)
     AND (t.valid_to IS NULL OR clock_timestamp() < t.valid_to)
     AND t.valid_to IS DISTINCT FROM p_valid_to;
  INSERT INTO pgmask_private.person_post (person_id, post_id, unit_id, valid_from, valid_to)
  SELECT p_person_id, p_post_id, p_unit_id, coalesce(p_valid_from, clock_timestamp()), p_valid_to
   WHERE NOT EXISTS (
     SELECT FROM pgmask_private.person_post AS t
      WHERE t.person_id IS NOT DISTINCT FROM p_person_id AND t.post_id IS NOT DISTINCT FROM p_post_id AND t.unit_id IS NOT DISTINCT FROM p_unit_id
        AND (p_valid_from IS NULL OR t.valid_from = p_valid_from)
        AND (t.valid_to IS NULL OR clock_timestamp() < t.valid_to)
   );
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.register_person_post(bigint, text, text, timestamptz, timestamptz) FROM PUBLIC;
ALTER FUNCTION pgmask.register_person_post(bigint, text, text, timestamptz, timestamptz) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.register_person_post(bigint, text, text, timestamptz, timestamptz) IS
  'Gives a post in a unit to a person.';

-- Takes a post from a person, now or at a moment.
CREATE FUNCTION pgmask.register_end_person_post(
  p_person_id bigint,
  p_post_id text,
  p_unit_id text,
  p_at timestamptz DEFAULT NULL
)
  RETURNS void
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  UPDATE pgmask_private.person_post AS t
     SET valid_to = greatest(t.valid_from, coalesce(p_at, clock_timestamp()))
   WHERE t.person_id IS NOT DISTINCT FROM p_person_id AND t.post_id IS NOT DISTINCT FROM p_post_id AND t.unit_id IS NOT DISTINCT FROM p_unit_id
     AND (t.valid_to IS NULL OR coalesce(p_at, clock_timestamp()) < t.valid_to);
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.register_end_person_post(bigint, text, text, timestamptz) FROM PUBLIC;
ALTER FUNCTION pgmask.register_end_person_post(bigint, text, text, timestamptz) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.register_end_person_post(bigint, text, text, timestamptz) IS
  'Takes a post from a person.';

-- Puts a form of one of the two papers in force.
--   p_kind           confidentiality_agreement or responsibility_letter
--   p_in_force_from  NULL: now
CREATE FUNCTION pgmask.register_form(
  p_kind text,
  p_version text,
  p_in_force_from timestamptz DEFAULT NULL
)
  RETURNS void
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  INSERT INTO pgmask_private.document_form AS t (kind, version, in_force_from)
  VALUES (p_kind, p_version, coalesce(p_in_force_from, clock_timestamp()))
  ON CONFLICT (kind, version) DO UPDATE SET in_force_from = excluded.in_force_from
  WHERE p_in_force_from IS NOT NULL AND t.in_force_from <> excluded.in_force_from;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.register_form(text, text, timestamptz) FROM PUBLIC;
ALTER FUNCTION pgmask.register_form(text, text, timestamptz) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.register_form(text, text, timestamptz) IS
  'Puts a form of one of the two papers in force; signatures on older forms no longer count then.';

-- Records that a person has signed one of the two papers.
--   p_signed_at  NULL: now, or as recorded before
--   p_reference  where the paper lies
CREATE FUNCTION pgmask.register_document(
  p_person_id bigint,
  p_kind text,
  p_version text,
  p_signed_at timestamptz DEFAULT NULL,
  p_reference text DEFAULT NULL
)
  RETURNS void
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  INSERT INTO pgmask_private.document AS t (person_id, kind, version, signed_at, reference)
  VALUES (p_person_id, p_kind, p_version, coalesce(p_signed_at, clock_timestamp()), p_reference)
  ON CONFLICT (person_id, kind, version) DO UPDATE
     SET signed_at = coalesce(p_signed_at, t.signed_at), reference = excluded.reference
   WHERE (t.signed_at, t.reference)
         IS DISTINCT FROM (coalesce(p_signed_at, t.signed_at), excluded.reference);
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.register_document(bigint, text, text, timestamptz, text) FROM PUBLIC;
ALTER FUNCTION pgmask.register_document(bigint, text, text, timestamptz, text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.register_document(bigint, text, text, timestamptz, text) IS
  'Records that a person has signed one of the two papers.';

-- Records that a person took part in a training.
CREATE FUNCTION pgmask.register_training(
  p_person_id bigint,
  p_subject text,
  p_held_at timestamptz,
  p_reference text DEFAULT NULL
)
  RETURNS void
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  INSERT INTO pgmask_private.training AS t (
    person_id, subject, held_at, reference
  ) VALUES (
    p_person_id, p_subject, p_held_at, p_reference
  )
  ON CONFLICT (person_id, subject, held_at) DO UPDATE SET
    reference = excluded.reference
  WHERE t.reference IS DISTINCT FROM excluded.reference;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.register_training(bigint, text, timestamptz, text) FROM PUBLIC;
ALTER FUNCTION pgmask.register_training(bigint, text, timestamptz, text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.register_training(bigint, text, timestamptz, text) IS
  'Records that a person took part in a training.';

-- Assigns a customer to a person.
--   p_subject_class  the subject class of the catalogue; p_subject_key  its key as text
--   p_valid_from, p_valid_to  half open; NULL: from now, until further notice
CREATE FUNCTION pgmask.register_assignment(
  p_person_id bigint,
  p_subject_class text,
  p_subject_key text,
  p_valid_from timestamptz DEFAULT NULL,
  p_valid_to timestamptz DEFAULT NULL
)
  RETURNS void
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  -- One that runs now is made to end as told; it is not begun a second time.
  UPDATE pgmask_private.assignment AS t
     SET valid_to = p_valid_to
   WHERE t.person_id IS NOT DISTINCT FROM p_person_id AND t.subject_class IS NOT DISTINCT FROM p_subject_class AND t.subject_key IS NOT DISTINCT FROM p_subject_key
     AND (p_valid_from IS NULL OR t.valid_from = p_valid_from)
     AND (t.valid_to IS NULL OR clock_timestamp() < t.valid_to)
     AND t.valid_to IS DISTINCT FROM p_valid_to;
  INSERT INTO pgmask_private.assignment (person_id, subject_class, subject_key, valid_from, valid_to)
  SELECT p_person_id, p_subject_class, p_subject_key, coalesce(p_valid_from, clock_timestamp()), p_valid_to
   WHERE NOT EXISTS (
     SELECT FROM pgmask_private.assignment AS t
      WHERE t.person_id IS NOT DISTINCT FROM p_person_id AND t.subject_class IS NOT DISTINCT FROM p_subject_class AND t.subject_key IS NOT DISTINCT FROM p_subject_key
        AND (p_valid_from IS NULL OR t.valid_from = p_valid_from)
        AND (t.valid_to IS NULL OR clock_timestamp() < t.valid_to)
   );
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.register_assignment(bigint, text, text, timestamptz, timestamptz) FROM PUBLIC;
ALTER FUNCTION pgmask.register_assignment(bigint, text, text, timestamptz, timestamptz) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.register_assignment(bigint, text, text, timestamptz, timestamptz) IS
  'Assigns a customer to a person.';

-- Takes a customer from a person, now or at a moment.
CREATE FUNCTION pgmask.register_end_assignment(
  p_person_id bigint,
  p_subject_class text,
  p_subject_key text,
  p_at timestamptz DEFAULT NULL
)
  RETURNS void
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  UPDATE pgmask_private.assignment AS t
     SET valid_to = greatest(t.valid_from, coalesce(p_at, clock_timestamp()))
   WHERE t.person_id IS NOT DISTINCT FROM p_person_id AND t.subject_class IS NOT DISTINCT FROM p_subject_class AND t.subject_key IS NOT DISTINCT FROM p_subject_key
     AND (t.valid_to IS NULL OR coalesce(p_at, clock_timestamp()) < t.valid_to);
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.register_end_assignment(bigint, text, text, timestamptz) FROM PUBLIC;
ALTER FUNCTION pgmask.register_end_assignment(bigint, text, text, timestamptz) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.register_end_assignment(bigint, text, text, timestamptz) IS
  'Takes a customer from a person.';

-- Designates a person for the high-value customers of a unit, or for one of them.
--   p_subject_class, p_subject_key  NULL: every high-value customer of the unit
--   errors  PM502 too many persons of the unit, PM504 the person is outsourced
--   p_valid_from, p_valid_to  half open; NULL: from now, until further notice
CREATE FUNCTION pgmask.register_designation(
  p_person_id bigint,
  p_unit_id text,
  p_subject_class text,
  p_subject_key text,
  p_valid_from timestamptz DEFAULT NULL,
  p_valid_to timestamptz DEFAULT NULL
)
  RETURNS void
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  -- One that runs now is made to end as told; it is not begun a second time.
  UPDATE pgmask_private.designation AS t
     SET valid_to = p_valid_to
   WHERE t.person_id IS NOT DISTINCT FROM p_person_id AND t.unit_id IS NOT DISTINCT FROM p_unit_id AND t.subject_class IS NOT DISTINCT FROM p_subject_class AND t.subject_key IS NOT DISTINCT FROM p_subject_key
     AND (p_valid_from IS NULL OR t.valid_from = p_valid_from)
     AND (t.valid_to IS NULL OR clock_timestamp() < t.valid_to)
     AND t.valid_to IS DISTINCT FROM p_valid_to;
  INSERT INTO pgmask_private.designation (person_id, unit_id, subject_class, subject_key, valid_from, valid_to)
  SELECT p_person_id, p_unit_id, p_subject_class, p_subject_key, coalesce(p_valid_from, clock_timestamp()), p_valid_to
   WHERE NOT EXISTS (
     SELECT FROM pgmask_private.designation AS t
      WHERE t.person_id IS NOT DISTINCT FROM p_person_id AND t.unit_id IS NOT DISTINCT FROM p_unit_id AND t.subject_class IS NOT DISTINCT FROM p_subject_class AND t.subject_key IS NOT DISTINCT FROM p_subject_key
        AND (p_valid_from IS NULL OR t.valid_from = p_valid_from)
        AND (t.valid_to IS NULL OR clock_timestamp() < t.valid_to)
   );
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.register_designation(bigint, text, text, text, timestamptz, timestamptz) FROM PUBLIC;
ALTER FUNCTION pgmask.register_designation(bigint, text, text, text, timestamptz, timestamptz) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.register_designation(bigint, text, text, text, timestamptz, timestamptz) IS
  'Designates a person for high-value customers of a unit.';

-- Ends a designation, now or at a moment.
CREATE FUNCTION pgmask.register_end_designation(
  p_person_id bigint,
  p_unit_id text,
  p_subject_class text,
  p_subject_key text,
  p_at timestamptz DEFAULT NULL
)
  RETURNS void
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  UPDATE pgmask_private.designation AS t
     SET valid_to = greatest(t.valid_from, coalesce(p_at, clock_timestamp()))
   WHERE t.person_id IS NOT DISTINCT FROM p_person_id AND t.unit_id IS NOT DISTINCT FROM p_unit_id AND t.subject_class IS NOT DISTINCT FROM p_subject_class AND t.subject_key IS NOT DISTINCT FROM p_subject_key
     AND (t.valid_to IS NULL OR coalesce(p_at, clock_timestamp()) < t.valid_to);
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.register_end_designation(bigint, text, text, text, timestamptz) FROM PUBLIC;
ALTER FUNCTION pgmask.register_end_designation(bigint, text, text, text, timestamptz) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.register_end_designation(bigint, text, text, text, timestamptz) IS
  'Ends a designation.';

-- Lets a unit reach the customers of another that agreed to it, for a time.
--   p_agreed_by   who agreed for the providing unit
--   p_reference   the report to customer management
CREATE FUNCTION pgmask.register_unit_access(
  p_unit_id text,
  p_provider text,
  p_agreed_by text,
  p_reference text,
  p_valid_to timestamptz,
  p_valid_from timestamptz DEFAULT NULL
)
  RETURNS void
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  -- One that runs now is made to end as told; it is not begun a second time.
  UPDATE pgmask_private.unit_access AS t
     SET valid_to = p_valid_to, agreed_by = p_agreed_by, reference = p_reference
   WHERE t.unit_id IS NOT DISTINCT FROM p_unit_id AND t.provider IS NOT DISTINCT FROM p_provider
     AND (p_valid_from IS NULL OR t.valid_from = p_valid_from)
     AND (t.valid_to IS NULL OR clock_timestamp() < t.valid_to)
     AND (t.valid_to, t.agreed_by, t.reference) IS DISTINCT FROM (p_valid_to, p_agreed_by, p_reference);
  INSERT INTO pgmask_private.unit_access (unit_id, provider, agreed_by, reference, valid_from, valid_to)
  SELECT p_unit_id, p_provider, p_agreed_by, p_reference, coalesce(p_valid_from, clock_timestamp()), p_valid_to
   WHERE NOT EXISTS (
     SELECT FROM pgmask_private.unit_access AS t
      WHERE t.unit_id IS NOT DISTINCT FROM p_unit_id AND t.provider IS NOT DISTINCT FROM p_provider
        AND (p_valid_from IS NULL OR t.valid_from = p_valid_from)
        AND (t.valid_to IS NULL OR clock_timestamp() < t.valid_to)
   );
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.register_unit_access(text, text, text, text, timestamptz, timestamptz) FROM PUBLIC;
ALTER FUNCTION pgmask.register_unit_access(text, text, text, text, timestamptz, timestamptz) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.register_unit_access(text, text, text, text, timestamptz, timestamptz) IS
  'Lets a unit reach the customers of another that agreed to it, for a time.';

-- Registers a login of the database as a person, or as a service that a person answers for.
--   p_service             name of the service; NULL: the login is the person
--   p_profile, p_unit_id  needed for a service, and where the posts give more than one
CREATE FUNCTION pgmask.register_login(
  p_login name,
  p_person_id bigint,
  p_service text DEFAULT NULL,
  p_profile text DEFAULT NULL,
  p_unit_id text DEFAULT NULL,
  p_valid_to timestamptz DEFAULT NULL
)
  RETURNS void
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  IF p_person_id IS NOT NULL THEN
    PERFORM pgmask_private.require_person(p_person_id);
  END IF;
  INSERT INTO pgmask_private.database_login AS t (
    login, person_id, service, profile, unit_id, valid_to
  ) VALUES (p_login, p_person_id, p_service, p_profile, p_unit_id, p_valid_to)
  ON CONFLICT (login) DO UPDATE SET
    person_id = excluded.person_id,
    service = excluded.service,
    profile = excluded.profile,
    unit_id = excluded.unit_id,
    valid_to = excluded.valid_to
  WHERE (t.person_id, t.service, t.profile, t.unit_id, t.valid_to)
    IS DISTINCT FROM (excluded.person_id, excluded.service, excluded.profile, excluded.unit_id,
                      excluded.valid_to);
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.register_login(name, bigint, text, text, text, timestamptz) FROM PUBLIC;
ALTER FUNCTION pgmask.register_login(name, bigint, text, text, text, timestamptz) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.register_login(name, bigint, text, text, text, timestamptz) IS
  'Registers a login of the database as a person, or as a service a person answers for.';

-- Ends what a login of the database stands for, now or at a moment.
CREATE FUNCTION pgmask.register_end_login(
  p_login name,
  p_at timestamptz DEFAULT NULL
)
  RETURNS void
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  UPDATE pgmask_private.database_login AS t
     SET valid_to = greatest(t.valid_from, coalesce(p_at, clock_timestamp()))
   WHERE t.login = p_login
     AND (t.valid_to IS NULL OR coalesce(p_at, clock_timestamp()) < t.valid_to);
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.register_end_login(name, timestamptz) FROM PUBLIC;
ALTER FUNCTION pgmask.register_end_login(name, timestamptz) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.register_end_login(name, timestamptz) IS
  'Ends what a login of the database stands for.';

-- Registers a service that issuers may speak for: a batch job, a task queue.
--   p_person_id  who answers for it
--   p_profile    its profile, one of those of each issuer that speaks for it
CREATE FUNCTION pgmask.register_service(
  p_service text,
  p_person_id bigint,
  p_profile text,
  p_unit_id text,
  p_valid_to timestamptz DEFAULT NULL
)
  RETURNS void
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  INSERT INTO pgmask_private.service AS t (service, person_id, profile, unit_id, valid_to)
  VALUES (p_service, p_person_id, p_profile, p_unit_id, p_valid_to)
  ON CONFLICT (service) DO UPDATE SET
    person_id = excluded.person_id,
    profile = excluded.profile,
    unit_id = excluded.unit_id,
    valid_to = excluded.valid_to
  WHERE (t.person_id, t.profile, t.unit_id, t.valid_to)
    IS DISTINCT FROM (excluded.person_id, excluded.profile, excluded.unit_id, excluded.valid_to);
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.register_service(text, bigint, text, text, timestamptz) FROM PUBLIC;
ALTER FUNCTION pgmask.register_service(text, bigint, text, text, timestamptz) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.register_service(text, bigint, text, text, timestamptz) IS
  'Registers a service that issuers may speak for, and the person who answers for it.';

-- Ends a service, now or at a moment.
CREATE FUNCTION pgmask.register_end_service(
  p_service text,
  p_at timestamptz DEFAULT NULL
)
  RETURNS void
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  UPDATE pgmask_private.service AS t
     SET valid_to = greatest(t.valid_from, coalesce(p_at, clock_timestamp()))
   WHERE t.service = p_service
     AND (t.valid_to IS NULL OR coalesce(p_at, clock_timestamp()) < t.valid_to);
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.register_end_service(text, timestamptz) FROM PUBLIC;
ALTER FUNCTION pgmask.register_end_service(text, timestamptz) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.register_end_service(text, timestamptz) IS 'Ends a service.';

-- What the register lacks, and whether that stops somebody.
--   result  what (unit, person, login, form), its key, what is missing, and whether it stops them
CREATE FUNCTION pgmask.register_gaps()
  RETURNS TABLE (what text, key text, missing text, stops boolean)
  LANGUAGE plpgsql
  STABLE
  CALLED ON NULL INPUT
  PARALLEL RESTRICTED
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  RETURN QUERY
  SELECT g.what, g.key, g.missing, g.stops
    FROM pgmask_private.register_gap AS g
   ORDER BY g.what, g.key, g.missing;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.register_gaps() FROM PUBLIC;
ALTER FUNCTION pgmask.register_gaps() OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.register_gaps() IS
  'What the register lacks, and whether that stops somebody from being honoured.';

-- Registers an application that may sign who is asking, and the profiles it may speak for.
--   p_profiles          exactly these from now on
--   p_max_ttl           longest life of an assertion, at most 60 seconds
--   p_transaction_life  how long after its login a transaction may go on
CREATE FUNCTION pgmask.register_issuer(
  p_issuer text,
  p_profiles text[],
  p_max_ttl interval DEFAULT '60 s',
  p_transaction_life interval DEFAULT '15 min'
)
  RETURNS void
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  INSERT INTO pgmask_private.issuer AS t (issuer, max_ttl, transaction_life)
  VALUES (p_issuer, p_max_ttl, p_transaction_life)
  ON CONFLICT (issuer) DO UPDATE SET
    max_ttl = excluded.max_ttl,
    transaction_life = excluded.transaction_life,
    revoked_at = NULL
  WHERE (t.max_ttl, t.transaction_life, t.revoked_at)
    IS DISTINCT FROM (excluded.max_ttl, excluded.transaction_life, NULL);
  DELETE FROM pgmask_private.issuer_profile AS t
   WHERE t.issuer = p_issuer AND t.profile = ANY (p_profiles) IS NOT TRUE;
  INSERT INTO pgmask_private.issuer_profile (issuer, profile)
  SELECT DISTINCT p_issuer, p.profile FROM unnest(p_profiles) AS p (profile)
  ON CONFLICT DO NOTHING;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.register_issuer(text, text[], interval, interval) FROM PUBLIC;
ALTER FUNCTION pgmask.register_issuer(text, text[], interval, interval) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.register_issuer(text, text[], interval, interval) IS
  'Registers an application that may sign who is asking, and its profiles.';

-- Puts for which services an issuer may speak.
--   p_services  exactly these from now on
CREATE FUNCTION pgmask.register_issuer_services(
  p_issuer text,
  p_services text[]
)
  RETURNS void
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  DELETE FROM pgmask_private.issuer_service AS t
   WHERE t.issuer = p_issuer AND t.service = ANY (p_services) IS NOT TRUE;
  INSERT INTO pgmask_private.issuer_service (issuer, service)
  SELECT DISTINCT p_issuer, s.service FROM unnest(p_services) AS s (service)
  ON CONFLICT DO NOTHING;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.register_issuer_services(text, text[]) FROM PUBLIC;
ALTER FUNCTION pgmask.register_issuer_services(text, text[]) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.register_issuer_services(text, text[]) IS
  'Puts for which services an issuer may speak.';

-- Makes a new key of an issuer. The one before stays valid for a while, so that the application
-- can change over; anything older ends now.
--   p_overlap  how long the one before stays valid
--   result     key_id and the secret; shown here and never again
--   marks      the secret is made inside the INSERT and comes back by RETURNING, so it is never in
--              the text or the parameters of a statement
CREATE FUNCTION pgmask.rotate_issuer_key(
  p_issuer text,
  p_overlap interval DEFAULT '1 day',
  OUT key_id text,
  OUT secret bytea
)
  RETURNS record
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_now timestamptz := clock_timestamp();
BEGIN
  IF (p_overlap >= '0 s'::interval) IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'PM501', MESSAGE = 'the overlap of two keys is not negative';
  END IF;
  UPDATE pgmask_private.issuer_key AS k
     SET valid_to = CASE
           WHEN k.valid_from = (SELECT max(n.valid_from) FROM pgmask_private.issuer_key AS n
                                 WHERE n.issuer = p_issuer)
           THEN v_now + p_overlap ELSE v_now END
   WHERE k.issuer = p_issuer AND (k.valid_to IS NULL OR v_now < k.valid_to);
  INSERT INTO pgmask_private.issuer_key AS k (key_id, issuer, secret, valid_from)
  VALUES (p_issuer || '.' || to_char(v_now AT TIME ZONE 'UTC', 'YYYYMMDD"T"HH24MISSUS'), p_issuer,
          pgmask_crypto.gen_random_bytes(32), v_now)
  RETURNING k.key_id, k.secret INTO key_id, secret;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.rotate_issuer_key(text, interval) FROM PUBLIC;
ALTER FUNCTION pgmask.rotate_issuer_key(text, interval) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.rotate_issuer_key(text, interval) IS
  'Makes a new key of an issuer; the one before stays valid for the overlap.';

-- No longer honours an issuer: its keys end now. register_issuer and a new key take it back in.
CREATE FUNCTION pgmask.revoke_issuer(p_issuer text)
  RETURNS boolean
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_now timestamptz := clock_timestamp();
BEGIN
  UPDATE pgmask_private.issuer_key AS k
     SET valid_to = greatest(k.valid_from, v_now)
   WHERE k.issuer = p_issuer AND (k.valid_to IS NULL OR v_now < k.valid_to);
  UPDATE pgmask_private.issuer AS i SET revoked_at = v_now
   WHERE i.issuer = p_issuer AND i.revoked_at IS NULL;
  RETURN FOUND;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.revoke_issuer(text) FROM PUBLIC;
ALTER FUNCTION pgmask.revoke_issuer(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.revoke_issuer(text) IS
  'No longer honours an issuer: its keys end now; true when it was honoured before.';

-- The issuers, their profiles and keys, without secrets.
CREATE FUNCTION pgmask.issuers()
  RETURNS TABLE (
    issuer text, profiles text[], max_ttl interval, transaction_life interval,
    revoked_at timestamptz, key_id text, valid_from timestamptz, valid_to timestamptz
  )
  LANGUAGE plpgsql
  STABLE
  CALLED ON NULL INPUT
  PARALLEL RESTRICTED
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  RETURN QUERY
  SELECT i.issuer,
         ARRAY(SELECT p.profile FROM pgmask_private.issuer_profile AS p
                WHERE p.issuer = i.issuer ORDER BY p.profile),
         i.max_ttl, i.transaction_life, i.revoked_at, k.key_id, k.valid_from, k.valid_to
    FROM pgmask_private.issuer AS i
    LEFT JOIN pgmask_private.issuer_key AS k ON k.issuer = i.issuer
   ORDER BY i.issuer, k.valid_from;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.issuers() FROM PUBLIC;
ALTER FUNCTION pgmask.issuers() OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.issuers() IS 'The issuers, their profiles and keys, without secrets.';
