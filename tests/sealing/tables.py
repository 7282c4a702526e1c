"""Store tables sealed from specs written by hand, with views as profiles have them."""

from __future__ import annotations

from collections.abc import Iterable

from pgmask.compile.order import sort_key
from pgmask.compile.sealing_objects import objects
from pgmask.compile.sealing_spec import (
    Bundle,
    Coding,
    Dependant,
    HighRule,
    MovedCheck,
    Rule,
    SealedColumn,
    SealSpec,
    ShadowColumn,
    SubjectRow,
    Typed,
    UniqueKey,
)
from pgmask.names import Name, QualName
from tests.harness import Connection

STORE = "crm_store"
MOBILE = Rule(mask="pgmask.mask_mobile", valid="pgmask.valid_mobile", normal="pgmask.normal_mobile")
ID_CARD = Rule(mask="pgmask.mask_cn_id_card", valid="pgmask.valid_cn_id_card",
               normal="pgmask.normal_cn_id_card")  # fmt: skip
EMAIL = Rule(mask="pgmask.mask_email", valid="pgmask.valid_email", normal="pgmask.normal_email")
BANK = Rule(mask="pgmask.mask_bank_account", valid="pgmask.valid_bank_account",
            normal="pgmask.normal_bank_account")  # fmt: skip
FREE = Rule(mask="pgmask.mask_free_text")
PERSON = Rule(mask="pgmask.mask_person_name")

BIGINT = Coding.INTEGER
TEXT = Coding.TEXT


def typed(name: str, type_: str = "text", coding: Coding = Coding.TEXT) -> Typed:
    """One column."""
    return Typed(name=Name(name), type=type_, coding=coding)


ID = typed("id", "bigint", BIGINT)
OWN = Bundle(name="own", sealed=Name("pgmask_sealed"), subject_class="customer", subject=ID)


def sealed(
    name: str, rule: Rule, type_: str = "text", *, always: bool = True, **more: object
) -> SealedColumn:
    """A sealed column of the own bundle."""
    coding = more.pop("coding", Coding.TEXT)
    bundle = more.pop("bundle", "own")
    assert isinstance(coding, Coding)
    assert isinstance(bundle, str)
    return SealedColumn(
        column=typed(name, type_, coding),
        bundle=bundle,
        always=always,
        rule=rule,
        **more,  # type: ignore[arg-type]
    )


CUSTOMER = SealSpec(
    table_id="crm.customer",
    store=QualName.of(STORE, "customer"),
    key=(ID,),
    columns=(
        sealed("name", PERSON, always=False, high_mask="pgmask.person_surname"),
        sealed("phone", MOBILE, "character varying(20)", index_column=Name("pgmask_bidx_phone"), shared_by=3,  # noqa: E501
               refuse=False),
        sealed("id_no", ID_CARD, "character varying(18)", index_column=Name("pgmask_bidx_id_no"),
               unique=True, unique_with=(Name("unit_id"),), index_name=Name("customer_id_no_key")),
        sealed("email", EMAIL),
        sealed("bank", BANK, refuse=False),
        sealed("birth", FREE, "date", always=False, coding=Coding.ISO),
        sealed("health", FREE, always=False),
    ),
    bundles=(OWN,),
    shadows=(
        ShadowColumn(name=Name("pgmask_shadow_health"), source=typed("health"), hidden=False,
                     mask="pgmask.mask_free_text"),
        ShadowColumn(name=Name("pgmask_hidden_birth"), source=typed("birth", "date", Coding.ISO),
                     hidden=True),
    ),
    unique_keys=(
        UniqueKey(name="customer_pkey", parts=("id",)),
        UniqueKey(name="customer_no_key", parts=("customer_no",)),
        UniqueKey(name="customer_note_lower", parts=("lower(tag)",), predicate="(active IS TRUE)"),
        UniqueKey(name="customer_slot_key", parts=("slot",), predicate="(n > 100)",
                  nulls_equal=True),
    ),
    moved=(
        MovedCheck(
            name=Name("phone_length"),
            expression="((length((phone)::text) >= 5) OR ((phone)::text = ''::text))",
        ),
    ),
    own_high=HighRule(column=Name("grade"), grades=("diamond", "black")),
    unit=Name("unit_id"),
    unit_type="integer",
    subject_class="customer",
    dependants=(
        Dependant(relation=QualName.of(STORE, "policy"), subject=Name("holder_id"),
                  high_value=True, unit=True),
        Dependant(relation=QualName.of(STORE, "policy"), subject=Name("insured_id"),
                  high_value=True, unit=False),
    ),
)  # fmt: skip

POLICY = SealSpec(
    table_id="crm.policy",
    store=QualName.of(STORE, "policy"),
    key=(typed("no", "character varying(12)"), typed("at", "timestamp with time zone", Coding.UTC)),
    columns=(
        sealed("value", FREE, bundle="holder_id", validate=False),
        sealed("insured_id_no", ID_CARD, bundle="insured_id", refuse=False,
               index_column=Name("pgmask_bidx_insured_id_no")),
        sealed("paid", FREE, "numeric(10,2)", bundle="holder_id", coding=Coding.CAST),
        sealed("remark", FREE, bundle="holder_id", always=False),
    ),
    bundles=(
        Bundle(name="holder_id", sealed=Name("pgmask_sealed"), subject_class="customer",
               subject=typed("holder_id", "bigint", BIGINT),
               row=SubjectRow(relation=QualName.of(STORE, "customer"), key=Name("id"),
                              high_value=True, unit=Name("unit_id"))),
        Bundle(name="insured_id", sealed=Name("pgmask_sealed_insured_id"),
               subject_class="customer", subject=typed("insured_id", "bigint", BIGINT),
               row=SubjectRow(relation=QualName.of(STORE, "customer"), key=Name("id"),
                              high_value=True)),
    ),
    unique_keys=(UniqueKey(name="policy_pkey", parts=("no", "at")),),
    keeps_unit=True,
)  # fmt: skip

TABLES = f"""
CREATE SCHEMA {STORE};
CREATE TABLE {STORE}.customer (
  id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  customer_no text CONSTRAINT customer_no_key UNIQUE,
  unit_id integer NOT NULL DEFAULT 1,
  name text, phone varchar(20), id_no varchar(18), email text, bank text,
  birth date, health text, grade text, tag text, active boolean, slot integer,
  note text, n integer DEFAULT 0,
  pgmask_high_value boolean NOT NULL DEFAULT false,
  pgmask_restricted boolean NOT NULL DEFAULT false,
  pgmask_shadow_health text, pgmask_hidden_birth date
);
CREATE UNIQUE INDEX customer_note_lower ON {STORE}.customer (lower(tag)) WHERE active IS TRUE;
CREATE TABLE {STORE}.policy (
  no varchar(12), at timestamptz DEFAULT '2026-01-01 00:00+00',
  holder_id bigint REFERENCES {STORE}.customer ON UPDATE CASCADE,
  insured_id bigint, value text, insured_id_no text, paid numeric(10, 2), remark text, note text,
  pgmask_high_value boolean NOT NULL DEFAULT false,
  pgmask_restricted boolean NOT NULL DEFAULT false,
  pgmask_unit integer,
  PRIMARY KEY (no, at)
);
"""
SLOT = (
    f"CREATE UNIQUE INDEX customer_slot_key ON {STORE}.customer (slot)"
    " NULLS NOT DISTINCT WHERE n > 100;"
)

VIEWS = f"""
DO $$ BEGIN
  IF to_regrole('pgmask_agent') IS NULL THEN CREATE ROLE pgmask_agent; END IF;
  IF to_regrole('pgmask_agent_views') IS NULL THEN CREATE ROLE pgmask_agent_views; END IF;
END $$;
GRANT pgmask_agent_views TO installer;
GRANT pgmask_agent TO app;
CREATE SCHEMA crm;
CREATE SCHEMA desk;
GRANT USAGE ON SCHEMA crm, desk TO pgmask_agent;
GRANT USAGE, CREATE ON SCHEMA crm, desk, {STORE} TO pgmask_agent_views;
GRANT USAGE, CREATE ON SCHEMA {STORE} TO pgmask_store;
GRANT USAGE ON SCHEMA {STORE} TO pgmask_sealer;
GRANT SELECT, UPDATE ON ALL TABLES IN SCHEMA {STORE} TO pgmask_sealer;
GRANT USAGE ON SCHEMA {STORE} TO pgmask_keyless, pgmask_lookup;
GRANT SELECT, UPDATE ON ALL TABLES IN SCHEMA {STORE} TO pgmask_keyless;
GRANT SELECT, UPDATE (pgmask_restricted) ON {STORE}.customer, {STORE}.policy TO pgmask_lookup;
ALTER TABLE {STORE}.customer OWNER TO pgmask_store;
ALTER TABLE {STORE}.policy OWNER TO pgmask_store;
CREATE VIEW crm.customer AS SELECT id, customer_no, unit_id, name, phone, id_no, email, bank, birth,
  health, grade, tag, active, slot, note, n FROM {STORE}.customer;
CREATE VIEW desk.customer AS SELECT id, customer_no, unit_id, name, phone, id_no, email, bank,
  pgmask_hidden_birth AS birth, pgmask_shadow_health AS health, grade, tag, active, slot, note, n
  FROM {STORE}.customer;
CREATE VIEW crm.policy AS SELECT no, at, holder_id, insured_id, value, insured_id_no, paid, remark,
  note FROM {STORE}.policy;
ALTER VIEW crm.customer OWNER TO pgmask_agent_views;
ALTER VIEW desk.customer OWNER TO pgmask_agent_views;
ALTER VIEW crm.policy OWNER TO pgmask_agent_views;
GRANT SELECT, INSERT, UPDATE, DELETE ON crm.customer, crm.policy, desk.customer TO pgmask_agent;
"""


def columns_of(spec: SealSpec, connection: Connection) -> list[str]:
    """The store's columns that a view may read: all but pgmask's own, with the shadows."""
    rows = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
        " AND NOT attisdropped ORDER BY attnum",
        (spec.store.quoted,),
    ).fetchall()
    shadows = {s.name.text for s in spec.shadows}
    return [r[0] for r in rows if not r[0].startswith("pgmask_") or r[0] in shadows]


def protect(connection: Connection, specs: Iterable[SealSpec]) -> None:
    """Row-level security and column privileges as the compiler gives them."""
    for spec in specs:
        store = spec.store.quoted
        names = ", ".join(Name(c).quoted for c in columns_of(spec, connection))
        for statement in (
            f"ALTER TABLE {store} ENABLE ROW LEVEL SECURITY",
            f"ALTER TABLE {store} FORCE ROW LEVEL SECURITY",
            f"CREATE POLICY s ON {store} TO pgmask_sealer, pgmask_keyless"
            " USING (true) WITH CHECK (true)",
            f"CREATE POLICY r ON {store} FOR SELECT TO pgmask_lookup USING (true)",
            f"CREATE POLICY l ON {store} FOR UPDATE TO pgmask_lookup"
            " USING (true) WITH CHECK (false)",
            f"CREATE POLICY v ON {store} TO pgmask_agent_views USING (unit_id < 9)"
            if "unit_id" in names
            else f"CREATE POLICY v ON {store} TO pgmask_agent_views USING (true)",
            f"GRANT SELECT ({names}), INSERT ({names}), UPDATE ({names}), DELETE ON {store}"
            " TO pgmask_agent_views",
        ):
            connection.execute(statement.encode())


def seal_table(connection: Connection, *specs: SealSpec) -> None:
    """Run what the sealing compiler makes of the specs, in its order."""
    for one in sorted((o for s in specs for o in objects(s)), key=sort_key):
        for statement in one.create:
            connection.execute(statement.text.encode())
