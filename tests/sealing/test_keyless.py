"""Code of the application that a subject's new flags set off: it runs without a way to any key."""

from __future__ import annotations

import pytest

from tests.sealing.conftest import SealedDatabase

pytestmark = pytest.mark.requirement("F1", "G2")

_SPY = """
CREATE TABLE public.loot (who name, code text);
GRANT INSERT ON public.loot TO PUBLIC;
CREATE FUNCTION public.spy() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  v_length integer;
BEGIN
  BEGIN
    v_length := length(pgmask_private.key_content(pgmask_private.current_kek()));
    INSERT INTO public.loot VALUES (current_user, 'key of ' || v_length);
  EXCEPTION WHEN insufficient_privilege THEN
    INSERT INTO public.loot VALUES (current_user, sqlstate);
  END;
  RETURN NEW;
END $$;
CREATE TRIGGER a_spy BEFORE UPDATE ON crm_store.policy
  FOR EACH ROW EXECUTE FUNCTION public.spy();
"""
_FOLLOW = 'pgmask_private."seal_crm.customer_follow"(text, boolean, boolean, text)'


def _subject(crm: SealedDatabase) -> None:
    crm.root.execute(_SPY)
    crm.app.execute(
        "INSERT INTO crm.customer (id, customer_no, unit_id, name, grade)"
        " VALUES (1, 'c1', 1, '王明', 'silver')"
    )
    crm.app.execute("INSERT INTO crm.policy (no, holder_id, remark) VALUES ('p1', 1, 'plain')")


def _loot(crm: SealedDatabase) -> list[tuple[str, str]]:
    return crm.root.execute("SELECT DISTINCT who, code FROM public.loot").fetchall()


def test_a_trigger_of_a_dependant_reaches_no_key(crm: SealedDatabase) -> None:
    _subject(crm)
    crm.app.execute("UPDATE crm.customer SET grade = 'diamond' WHERE id = 1")
    assert _loot(crm) == [("pgmask_keyless", "42501")]
    flags = "SELECT pgmask_high_value FROM crm_store.policy"
    assert crm.root.execute(flags).fetchall() == [(True,)]


def test_the_control_with_the_sealers_rights(crm: SealedDatabase) -> None:
    _subject(crm)
    body = crm.root.execute(
        "SELECT prosrc FROM pg_proc WHERE oid = %s::regprocedure", (_FOLLOW,)
    ).fetchall()[0][0]
    crm.root.execute(
        "CREATE OR REPLACE FUNCTION "
        + _FOLLOW.replace("(text, boolean, boolean, text)", "")
        + "(p_key text, p_restricted boolean, p_high_value boolean, p_unit text)"
        " RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp"
        " AS $f$" + body.replace("'pgmask_keyless'", "'pgmask_sealer'") + "$f$"
    )
    crm.root.execute(f"ALTER FUNCTION {_FOLLOW} OWNER TO pgmask_sealer")
    crm.app.execute("UPDATE crm.customer SET grade = 'diamond' WHERE id = 1")
    assert _loot(crm) == [("pgmask_sealer", "key of 156")]


def test_what_its_owner_may_alter_does_not_help(crm: SealedDatabase) -> None:
    """Its owner could let it run with its caller's rights, the sealer's; it refuses then."""
    _subject(crm)
    crm.root.execute(f"ALTER FUNCTION {_FOLLOW} SECURITY INVOKER")
    with pytest.raises(Exception, match="altered"):
        crm.app.execute("UPDATE crm.customer SET grade = 'diamond' WHERE id = 1")
    with crm.root.transaction():
        crm.root.execute("SET LOCAL ROLE pgmask_keyless")
        with pytest.raises(Exception, match="permission denied for schema"), crm.root.transaction():
            crm.root.execute(
                'CREATE OR REPLACE FUNCTION pgmask_private."seal_crm.customer_follow"('
                "p_key text, p_restricted boolean, p_high_value boolean, p_unit text)"
                " RETURNS text LANGUAGE sql AS 'SELECT NULL'"
            )
