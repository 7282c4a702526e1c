-- Tryton reads a contact mechanism back after it has written it, and writes the compact form of what
-- it read. Behind a view it reads a mask, and a mask is no value to write (PM042). Where the compact
-- form is the value itself (everything but telephone numbers) the server fills it in first, so that
-- Tryton finds nothing left to write. Run it as Tryton's login before adopting the database; the plan
-- names the trigger, because it sees what is written before it is sealed.

CREATE FUNCTION public.fill_value_compact()
RETURNS trigger
LANGUAGE plpgsql
VOLATILE
CALLED ON NULL INPUT
PARALLEL UNSAFE
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF NEW.type NOT IN ('phone', 'mobile', 'fax')
     AND (TG_OP = 'INSERT' OR NEW.value IS DISTINCT FROM OLD.value)
  THEN
    NEW.value_compact := NEW.value;
  END IF;
  RETURN NEW;
END;
$$;
COMMENT ON FUNCTION public.fill_value_compact() IS
  'The compact form of a contact mechanism that is no telephone number is its value.';

CREATE TRIGGER fill_value_compact
  BEFORE INSERT OR UPDATE ON public.party_contact_mechanism
  FOR EACH ROW EXECUTE FUNCTION public.fill_value_compact();
COMMENT ON TRIGGER fill_value_compact ON public.party_contact_mechanism IS
  'Tryton would write the compact form from what it reads back, which is a mask.';
