-- Who is asking: login with a signed statement, the challenge of the strong grade, and the errors.
--
-- A signed statement ("assertion") is a JSON Web Token in compact form, HMAC-SHA-256 (alg HS256),
-- so that any language can mint one; pgmask.identity does it in Python. Header: alg, kid. Claims:
--
--   iss, sub            issuer; the person's number as a string of digits
--   profile, unit       what the person acts as, and for which unit
--   service             instead of sub, profile and unit: a service of the register
--   purpose             why, at most 200 characters; may be missing
--   second_factor_at    when the second factor was last given, seconds since 1970; may be missing
--   iat, exp            issued and expires, seconds since 1970; at most 60 seconds apart
--   login, database     the login and the database it is for
--   challenge           what pgmask.challenge() gave in this transaction; makes grade "challenge"
--
-- login leaves the token of the transaction in the setting pgmask.token (transaction-local):
--
--   64 hexadecimal digits of HMAC-SHA-256 under token_key over
--     the rest in UTF-8, pid (4 bytes), now() (8 bytes), the database's name in UTF-8
--   then, each led by the unit separator U+001F:
--     person, profile, unit, grade, purpose, second factor (seconds or empty), outsourced (t, f),
--     issuer, end (seconds), service (or empty)
--
-- It is worthless in another transaction, backend or database, so that nothing has to be cleaned
-- up. identity_claims verifies it wherever it is used.

-- Makes the token key when there is none: at the first install, and after a restore.
--   result  true when it was made
--   marks   the secret arises inside the statement: it is neither its text nor a parameter
CREATE FUNCTION pgmask_private.ensure_token_key()
  RETURNS boolean
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  INSERT INTO pgmask_private.token_key (secret)
  SELECT pgmask_crypto.gen_random_bytes(32)
  ON CONFLICT (only_row) DO NOTHING;
  RETURN FOUND;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.ensure_token_key() FROM PUBLIC;
ALTER FUNCTION pgmask_private.ensure_token_key() OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.ensure_token_key() IS
  'Makes the token key when there is none; true when it was made.';

-- The challenge of this transaction, to be signed into an assertion of grade "challenge".
--   result  "pgmask1", backend, start of the transaction in microseconds, database; no secret
--   marks   PARALLEL RESTRICTED: a worker has another backend number
CREATE FUNCTION pgmask.challenge()
  RETURNS text
  LANGUAGE sql
  STABLE
  CALLED ON NULL INPUT
  PARALLEL RESTRICTED
  SECURITY INVOKER
  RETURN 'pgmask1:' || pg_catalog.pg_backend_pid()::text
    || ':' || (EXTRACT(epoch FROM pg_catalog.now()) * 1000000)::bigint::text
    || ':' || pg_catalog.current_database()::text;
REVOKE ALL ON FUNCTION pgmask.challenge() FROM PUBLIC;
ALTER FUNCTION pgmask.challenge() OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.challenge() IS
  'The challenge of this transaction, to be signed into an assertion of grade "challenge".';

-- One part of a compact JSON Web Token (base64url without padding) as bytes.
--   p_part  letters, digits, - and _; anything else raises, the caller turns that into a refusal
CREATE FUNCTION pgmask_private.decode_base64url(p_part text)
  RETURNS bytea
  LANGUAGE sql
  IMMUTABLE
  RETURNS NULL ON NULL INPUT
  PARALLEL SAFE
  SECURITY INVOKER
  RETURN pg_catalog.decode(
    pg_catalog.translate(p_part, '-_', '+/')
      || pg_catalog.repeat('=', (4 - pg_catalog.length(p_part) % 4) % 4),
    'base64');
REVOKE ALL ON FUNCTION pgmask_private.decode_base64url(text) FROM PUBLIC;
ALTER FUNCTION pgmask_private.decode_base64url(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.decode_base64url(text) IS
  'One part of a compact JSON Web Token as bytes.';

-- Raises PM102 or PM103 for a login that fails. Says why, from a closed list of words, without any
-- value of the assertion.
CREATE FUNCTION pgmask_private.refuse_login(p_code text, p_reason text)
  RETURNS void
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL RESTRICTED
  SECURITY INVOKER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_noted boolean;
BEGIN
  v_noted := pgmask_private.note('refused', NULL, NULL, p_code, p_reason);
  RAISE EXCEPTION USING
    ERRCODE = p_code,
    MESSAGE = CASE p_code
                WHEN 'PM102' THEN 'the identity has expired' ELSE 'the identity was refused' END,
    DETAIL = p_reason,
    HINT = CASE p_code
             WHEN 'PM102' THEN 'Mint a new assertion; if it is new, compare the clocks.'
             ELSE 'Nothing was changed. pgmask explain PM103 tells what is checked.' END;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.refuse_login(text, text) FROM PUBLIC;
ALTER FUNCTION pgmask_private.refuse_login(text, text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.refuse_login(text, text) IS
  'Raises PM102 or PM103 for a login that fails, with the reason in words.';

-- Logs a person or a service in for the rest of this transaction.
--   p_assertion  see the head of this file; NULL, empty or garbage is refused
--   p_path       the search_path of the caller
--   result       the search_path the profile wants; NULL where the caller's is right already
--   errors       PM102 expired; PM103 refused, its DETAIL says why
--   marks        SECURITY DEFINER to read keys and register. Every condition is `IS NOT TRUE`, so
--                that NULL refuses. Secrets flow through assignments only. Works in READ ONLY
--                transactions and on standbys: it writes nothing but a setting. Few statements,
--                because each costs as much as all the arithmetic
-- The same person may log in again (a new purpose, a stronger grade); a second person may not. An
-- attacker who can clear the setting first gains nothing: he still needs an assertion of the other.
CREATE FUNCTION pgmask.log_in(p_assertion text, p_path text)
  RETURNS text
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  c_skew CONSTANT numeric := 5;       -- seconds by which an issuer's clock may be ahead
  c_longest CONSTANT numeric := 60;   -- longest life of any assertion, in seconds
  v_now numeric := extract(epoch FROM clock_timestamp());
  v_header jsonb;
  v_claims jsonb;
  v_given bytea;
  v_issuer text;
  v_max_ttl numeric;
  v_life interval;
  v_secret bytea;
  v_person bigint;
  v_profile text;
  v_unit text;
  v_service text;
  v_outsourced boolean;
  v_issued numeric;
  v_expires numeric;
  v_second_factor numeric;
  v_grade text := 'assertion';
  v_before record;
  v_path text;
  v_rest text := p_path;
  v_body text;
  v_sealed text;
  v_noted boolean;
BEGIN
  IF (length(p_assertion) <= 4096
      AND p_assertion ~ '^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{43}$') IS NOT TRUE THEN
    PERFORM pgmask_private.refuse_login('PM103', 'not an assertion');
  END IF;
  BEGIN
    v_header := convert_from(
      pgmask_private.decode_base64url(split_part(p_assertion, '.', 1)), 'UTF8')::jsonb;
    v_claims := convert_from(
      pgmask_private.decode_base64url(split_part(p_assertion, '.', 2)), 'UTF8')::jsonb;
    v_given := pgmask_private.decode_base64url(split_part(p_assertion, '.', 3));
    -- No value but a plain JSON type is looked at further down.
    v_person := (v_claims ->> 'sub')::bigint;
    v_issued := (v_claims ->> 'iat')::numeric;
    v_expires := (v_claims ->> 'exp')::numeric;
    v_second_factor := (v_claims ->> 'second_factor_at')::numeric;
  EXCEPTION
    WHEN data_exception OR program_limit_exceeded THEN
      PERFORM pgmask_private.refuse_login('PM103', 'not an assertion');
  END;
  IF (jsonb_typeof(v_header) = 'object' AND jsonb_typeof(v_claims) = 'object'
      AND v_header ->> 'alg' = 'HS256' AND NOT v_header ? 'crit') IS NOT TRUE THEN
    PERFORM pgmask_private.refuse_login('PM103', 'not an assertion');
  END IF;

  SELECT k.secret, i.issuer, extract(epoch FROM i.max_ttl), i.transaction_life
    INTO v_secret, v_issuer, v_max_ttl, v_life
    FROM pgmask_private.issuer_key AS k
    JOIN pgmask_private.issuer AS i ON i.issuer = k.issuer
   WHERE k.key_id = v_header ->> 'kid'
     AND k.valid_from <= clock_timestamp()
     AND (k.valid_to IS NULL OR clock_timestamp() < k.valid_to)
     AND i.revoked_at IS NULL;
  -- Hashes are compared, so that the time a comparison takes tells nothing of the right value.
  IF (sha256(pgmask_crypto.hmac(convert_to("left"(p_assertion, -44), 'UTF8'), v_secret, 'sha256'))
      = sha256(v_given)) IS NOT TRUE THEN
    v_secret := NULL;
    PERFORM pgmask_private.refuse_login('PM103', 'unknown key or wrong signature');
  END IF;
  v_secret := NULL;

  -- From here on the claims are the issuer's words.
  IF (v_claims ->> 'iss' = v_issuer) IS NOT TRUE THEN
    PERFORM pgmask_private.refuse_login('PM103', 'the key belongs to another issuer');
  END IF;
  IF (v_claims ->> 'login' = SESSION_USER) IS NOT TRUE THEN
    PERFORM pgmask_private.refuse_login('PM103', 'it is for another database login');
  END IF;
  IF (v_claims ->> 'database' = current_database()) IS NOT TRUE THEN
    PERFORM pgmask_private.refuse_login('PM103', 'it is for another database');
  END IF;
  IF (v_expires > v_issued AND v_expires - v_issued <= least(v_max_ttl, c_longest)) IS NOT TRUE THEN
    PERFORM pgmask_private.refuse_login('PM103', 'its life is longer than the issuer may give');
  END IF;
  IF (v_issued <= v_now + c_skew) IS NOT TRUE THEN
    PERFORM pgmask_private.refuse_login('PM103', 'it is from the future: compare the clocks');
  END IF;
  IF (v_now < v_expires) IS NOT TRUE THEN
    PERFORM pgmask_private.refuse_login('PM102', 'the assertion is past its end');
  END IF;
  IF v_claims ? 'challenge' THEN
    IF (v_claims ->> 'challenge' = pgmask.challenge()) IS NOT TRUE THEN
      PERFORM pgmask_private.refuse_login('PM103', 'it answers the challenge of another transaction');
    END IF;
    v_grade := 'challenge';
  END IF;
  IF v_claims ? 'second_factor_at' AND (v_second_factor <= v_now + c_skew) IS NOT TRUE THEN
    PERFORM pgmask_private.refuse_login('PM103', 'its second factor is from the future');
  END IF;
  IF v_claims ? 'purpose' AND (v_claims ->> 'purpose' ~ '^[^[:cntrl:]]{0,200}$') IS NOT TRUE THEN
    PERFORM pgmask_private.refuse_login('PM103', 'its purpose is too long or holds control characters');
  END IF;

  IF v_claims ? 'service' THEN
    IF v_claims ?| ARRAY['sub', 'profile', 'unit'] THEN
      PERFORM pgmask_private.refuse_login('PM103', 'it names a service and a person');
    END IF;
    -- What asks for the strong grade is for persons.
    IF v_grade = 'challenge' THEN
      PERFORM pgmask_private.refuse_login('PM103', 'a service answers no challenge');
    END IF;
    SELECT s.service, s.person_id, s.profile, s.unit_id, s.outsourced
      INTO v_service, v_person, v_profile, v_unit, v_outsourced
      FROM pgmask_private.service_period AS s
      JOIN pgmask_private.issuer_service AS i ON i.service = s.service
     WHERE i.issuer = v_issuer
       AND s.service = v_claims ->> 'service'
       AND s.period @> clock_timestamp();
    IF (v_service IS NOT NULL) IS NOT TRUE THEN
      PERFORM pgmask_private.refuse_login(
        'PM103', 'the register does not honour this service now, or not from this issuer');
    END IF;
  ELSE
    v_profile := v_claims ->> 'profile';
    v_unit := v_claims ->> 'unit';
  END IF;
  SELECT t.secret, w.path
    INTO v_secret, v_path
    FROM pgmask_private.issuer_profile AS p
    LEFT JOIN pgmask_private.token_key AS t ON true
    LEFT JOIN pgmask_private.profile_path AS w ON w.profile = p.profile
   WHERE p.issuer = v_issuer AND p.profile = v_profile;
  IF NOT FOUND THEN
    PERFORM pgmask_private.refuse_login('PM103', 'the issuer may not speak for this profile');
  END IF;
  IF v_service IS NULL THEN
    SELECT p.outsourced
      INTO v_outsourced
      FROM pgmask_private.effective_profile AS p
     WHERE p.person_id = v_person
       AND p.profile = v_profile
       AND p.unit_id = v_unit
       AND p.valid_from <= clock_timestamp()
       AND clock_timestamp() < p.valid_until;
  END IF;
  IF (v_person IS NOT NULL AND v_unit IS NOT NULL AND v_outsourced IS NOT NULL) IS NOT TRUE THEN
    v_secret := NULL;
    PERFORM pgmask_private.refuse_login(
      'PM103', 'the register does not give the person this profile in this unit now');
  END IF;

  IF current_setting('pgmask.token', true) <> '' THEN
    -- A planted text is no identity and does not stand in the way.
    SELECT s.person_id, s.service, s.profile
      INTO v_before
      FROM pgmask_private.identity_state AS s WHERE s.by_token;
    IF v_before.person_id <> v_person OR (FOUND AND v_before.service IS DISTINCT FROM v_service) THEN
      v_secret := NULL;
      PERFORM pgmask_private.refuse_login('PM103', 'another person is logged in to this transaction');
    END IF;
    -- The path of the profile before makes room for the next one's.
    SELECT substr(p_path, length(w.path) + 3)
      INTO v_rest
      FROM pgmask_private.profile_path AS w
     WHERE w.profile = v_before.profile
       AND w.profile <> v_profile
       AND "left"(p_path, length(w.path) + 2) = w.path || ', ';
    v_rest := coalesce(v_rest, p_path);
  END IF;

  v_body := concat(
    U&'\001F', v_person,
    U&'\001F', v_profile,
    U&'\001F', v_unit,
    U&'\001F', v_grade,
    U&'\001F', v_claims ->> 'purpose',
    U&'\001F', v_second_factor,
    U&'\001F', CASE WHEN v_outsourced THEN 't' ELSE 'f' END,
    U&'\001F', v_issuer,
    U&'\001F', v_now + extract(epoch FROM v_life),
    U&'\001F', v_service);
  v_sealed := encode(
    pgmask_crypto.hmac(
      convert_to(v_body, 'UTF8') || int4send(pg_backend_pid()) || timestamptz_send(now())
        || convert_to(current_database()::text, 'UTF8'),
      v_secret, 'sha256'),
    'hex');
  v_secret := NULL;
  IF (length(v_sealed) = 64) IS NOT TRUE THEN
    PERFORM pgmask_private.refuse_login('PM103', 'this database has no token key: pgmask install makes one');
  END IF;
  v_sealed := set_config('pgmask.token', v_sealed || v_body, true);
  v_noted := pgmask_private.note('login', v_sealed, NULL, NULL, NULL);
  RETURN CASE
    WHEN v_path IS NULL OR p_path = v_path OR "left"(p_path, length(v_path) + 1) = v_path || ','
      THEN NULL
    WHEN v_rest = v_path OR "left"(v_rest, length(v_path) + 1) = v_path || ',' THEN v_rest
    ELSE concat_ws(', ', v_path, NULLIF(v_rest, ''))
  END;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.log_in(text, text) FROM PUBLIC;
ALTER FUNCTION pgmask.log_in(text, text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.log_in(text, text) IS
  'What login does, without setting the search path; gives the one that the profile wants.';

-- Logs a person or a service in for the rest of this transaction, and puts the profile's views in
-- front of the search path until it ends.
--   p_assertion  see the head of this file; NULL, empty or garbage is refused
--   errors       PM102 expired; PM103 refused, its DETAIL says why
--   marks        SECURITY INVOKER without SET: a function that pins its path can change it for
--                itself only. So every name here is qualified, and nothing is computed
CREATE FUNCTION pgmask.login(p_assertion text)
  RETURNS void
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY INVOKER
AS $pgmask$
DECLARE
  v_path pg_catalog.text;
BEGIN
  v_path := pgmask.log_in(p_assertion, pg_catalog.current_setting('search_path'));
  IF v_path IS NOT NULL THEN
    v_path := pg_catalog.set_config('search_path', v_path, true);
  END IF;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.login(text) FROM PUBLIC;
ALTER FUNCTION pgmask.login(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.login(text) IS
  'Logs a person or a service in for the rest of this transaction, by a signed assertion.';

-- Raises PM101, PM102 or PM103, whichever is true of this transaction; never returns.
--   p_profile  the profile that was to be used; NULL: any
--   marks      VOLATILE, or the planner would call it while planning; PARALLEL RESTRICTED, not
--              UNSAFE, or no query on a protected table could be parallel (it is called in an
--              InitPlan of the leader). SECURITY DEFINER to tell missing, expired, refused apart
CREATE FUNCTION pgmask.refuse_identity(p_profile text)
  RETURNS boolean
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL RESTRICTED
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_state record;
  v_noted boolean;
  v_where text := format(
    ' (login %I%s)', SESSION_USER, coalesce(', profile ' || quote_ident(p_profile), ''));
BEGIN
  SELECT s.standing, s.grade INTO v_state FROM pgmask_private.identity_state AS s;
  v_noted := pgmask_private.note(
    'refused', pgmask_private.known_claims(), p_profile,
    CASE v_state.standing WHEN 'missing' THEN 'PM101' WHEN 'expired' THEN 'PM102' ELSE 'PM103' END,
    v_state.standing);
  IF v_state.standing = 'missing' THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PM101',
      MESSAGE = 'no identity in this transaction' || v_where,
      HINT = 'Log in first: SELECT pgmask.login($1). Autocommit and pools: pgmask explain PM101';
  ELSIF v_state.standing = 'expired' THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PM102',
      MESSAGE = 'the identity has expired' || v_where,
      HINT = 'Log in again with a new assertion.';
  ELSIF v_state.standing = 'valid' THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PM103',
      MESSAGE = 'the identity was refused' || v_where,
      DETAIL = format('An identity of grade "%s" is there, and not honoured here.', v_state.grade),
      HINT = 'The profile names another profile, issuer or grade: SELECT * FROM pgmask.whoami()';
  ELSE
    RAISE EXCEPTION USING
      ERRCODE = 'PM103',
      MESSAGE = 'the identity was refused' || v_where,
      DETAIL = CASE WHEN v_state.standing = 'unregistered'
                    THEN 'The register does not honour this login now.'
                    ELSE 'The token is not of this transaction.' END,
      HINT = 'SELECT * FROM pgmask.whoami() tells more.';
  END IF;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.refuse_identity(text) FROM PUBLIC;
ALTER FUNCTION pgmask.refuse_identity(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.refuse_identity(text) IS
  'Raises PM101, PM102 or PM103, whichever is true of this transaction.';

-- The verified claims of this transaction, laid out as the head of this file says, or an error.
--   p_profile           the only profile that is honoured; NULL: any, and the rest does not count
--   p_grades, p_issuers  of signed identities, which of them are honoured
--   p_login             whether the database login of a person or a service is
--   errors              PM101, PM102, PM103 as refuse_identity
--   marks               called by views and policies as whoever runs the statement, in an InitPlan:
--                       VOLATILE, or the planner would call it while planning; PARALLEL RESTRICTED,
--                       or no query on a protected table could be parallel. SECURITY DEFINER to read
--                       the token key. A function and not an expression in the views: planning such
--                       a statement took ten times as long as running it
CREATE FUNCTION pgmask.identity_claims(
  p_profile text,
  p_grades text[],
  p_issuers text[],
  p_login boolean
)
  RETURNS text
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL RESTRICTED
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_claims text := current_setting('pgmask.token', true);
  v_secret bytea;
BEGIN
  IF v_claims <> '' THEN
    SELECT k.secret INTO v_secret FROM pgmask_private.token_key AS k;
    IF ("left"(v_claims, 64) = encode(
          pgmask_crypto.hmac(
            convert_to("right"(v_claims, -64), 'UTF8') || int4send(pg_backend_pid())
              || timestamptz_send(now()) || convert_to(current_database()::text, 'UTF8'),
            v_secret, 'sha256'),
          'hex')
        AND clock_timestamp() < to_timestamp(
              split_part(v_claims, U&'\001F', 10)::double precision)
        AND (p_profile IS NULL OR (
              split_part(v_claims, U&'\001F', 3) = p_profile
              AND split_part(v_claims, U&'\001F', 5) = ANY (p_grades)
              AND split_part(v_claims, U&'\001F', 9) = ANY (p_issuers)))) IS TRUE THEN
      v_secret := NULL;
      RETURN v_claims;
    END IF;
    v_secret := NULL;
  ELSE
    SELECT l.claims
      INTO v_claims
      FROM pgmask_private.effective_login AS l
     WHERE l.login = SESSION_USER
       AND l.valid_from <= clock_timestamp()
       AND clock_timestamp() < l.valid_until;
    IF (v_claims IS NOT NULL
        AND (p_profile IS NULL
             OR (p_login AND split_part(v_claims, U&'\001F', 3) = p_profile))) IS TRUE THEN
      RETURN v_claims;
    END IF;
  END IF;
  PERFORM pgmask.refuse_identity(p_profile);
  RAISE EXCEPTION USING ERRCODE = 'PM103', MESSAGE = 'the identity was refused';
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.identity_claims(text, text[], text[], boolean) FROM PUBLIC;
ALTER FUNCTION pgmask.identity_claims(text, text[], text[], boolean) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.identity_claims(text, text[], text[], boolean) IS
  'The verified claims of this transaction, or PM101, PM102, PM103.';

-- Raises PM220: for the policy that meets the owner of a protected table under forced row-level
-- security, where his statements would silently see and change nothing.
--   marks   VOLATILE, so that it runs when the statement does and not while it is planned
CREATE FUNCTION pgmask.refuse_owner()
  RETURNS boolean
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL RESTRICTED
  SECURITY INVOKER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  RAISE EXCEPTION USING
    ERRCODE = 'PM220',
    MESSAGE = 'statements of the owner are refused on a protected table',
    HINT = 'Change the table in a migration window, or use a profile''s view.';
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.refuse_owner() FROM PUBLIC;
ALTER FUNCTION pgmask.refuse_owner() OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.refuse_owner() IS
  'Raises PM220 where the owner of a protected table would silently see no rows.';
