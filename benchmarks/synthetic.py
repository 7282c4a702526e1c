"""A large catalogue and its database: ``count`` tables of 12 columns, three profiles."""

from __future__ import annotations

_TABLE = """\
  t{n:04d}:
    subject: customer_id
    unit: unit_id
    columns:
      name: {{level: 2, category: basic, kind: person_name, why: service}}
      phone: {{level: 1, category: contact, kind: mobile, why: service}}
      id_no: {{level: 1, category: basic, kind: cn_id_card, search: exact, why: identify}}
      email: {{level: 1, category: contact, kind: email, why: service}}
      account: {{level: 1, category: finance, kind: bank_account, why: premium}}
    level_3: [id, customer_id, unit_id, status, a, b, created_at]
"""
_HEAD = """\
pgmask: 1
packs: [taikang]
store: {schema: big, mode: aside, as: big_store, profile: big_agent}
subject: {table: customer, key: id, unit: unit_id}
tables:
  customer:
    columns:
      name: {level: 2, category: basic, kind: person_name, why: service}
    level_3: [id, unit_id]
"""
_PROFILES = """\
profiles:
  big_agent:
    rows: own_unit
    direct_service: true
    columns: {1: mask, 2: plain, 3: plain}
    tables: {"*": write}
    posts: [agent]
    opens: always
  big_desk:
    rows: all
    columns: {1: mask, 2: mask, 3: plain}
    posts: [desk]
  big_analyst:
    rows: all
    columns: {1: hidden, 2: hidden, 3: plain}
    posts: [analyst]
"""


def catalogue(count: int) -> str:
    """The catalogue as YAML text."""
    return _HEAD + "".join(_TABLE.format(n=n) for n in range(count)) + _PROFILES


def schema(count: int) -> list[str]:
    """The statements that make the tables, in scripts of two hundred."""
    one = (
        "CREATE TABLE big.t{n:04d} (id bigint PRIMARY KEY, customer_id bigint NOT NULL,"
        " unit_id integer NOT NULL, name varchar(60), phone varchar(11), id_no varchar(18),"
        " email varchar(80), account varchar(19), status varchar(10), a integer, b text,"
        " created_at timestamptz);"
    )
    made = [one.format(n=n) for n in range(count)]
    first = (
        "CREATE SCHEMA big; CREATE TABLE big.customer"
        " (id bigint PRIMARY KEY, unit_id integer NOT NULL, name varchar(60));"
    )
    return [first, *("".join(made[i : i + 200]) for i in range(0, count, 200))]
