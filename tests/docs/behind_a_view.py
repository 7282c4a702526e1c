"""What statements do on a profile's view, tried one by one; the page's table is written from it.

``python -m tests.docs.behind_a_view`` prints the table for docs/howto/sql-behind-a-view.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

WORKS: Final = "works"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One statement of an agent on the insurer's views.

    what: in words; sql: the statement; on: what happens on 15 and 18, ``works`` or an SQLSTATE;
    instead: what to write; copies: whether it wants COPY's own protocol.
    """

    what: str
    sql: str
    on: tuple[str, str]
    instead: str = ""
    copies: bool = False


_NEW: Final = (
    "INSERT INTO crm.customer (customer_no, unit_id, owner_id, name, sex, birth_date, id_no, phone,"
    " address) VALUES ('C00000000041', 7, 701, '张三', 'M', '1990-01-01', '420106199001013317',"
    " '13800001111', '湖北省武汉市武昌区中山路1号')"
)


def _case(what: str, sql: str, on: str | tuple[str, str], instead: str = "") -> Case:
    both = (on, on) if isinstance(on, str) else on
    return Case(what=what, sql=sql, on=both, instead=instead, copies=sql.startswith("COPY"))


CASES: Final = (
    _case("SELECT, joins, aggregates, window functions",
          "SELECT count(*) OVER () FROM crm.customer AS c JOIN crm.policy AS p"
          " ON p.holder_id = c.id",
          WORKS),
    _case("INSERT .. RETURNING, defaults and identity columns",
          "INSERT INTO crm.lead (unit_id, name, phone, channel) VALUES"
          " (7, '张三', '13800001111', 'web') RETURNING id, phone", WORKS),
    _case("UPDATE, DELETE, both with RETURNING",
          "WITH gone AS (DELETE FROM crm.contact_log WHERE customer_id = 41 RETURNING *)"
          " UPDATE crm.customer SET postal_code = '430061' WHERE id IN"
          " (SELECT customer_id FROM gone) RETURNING id", WORKS),
    _case("ON CONFLICT (columns of a plain unique key)",
          f"{_NEW} ON CONFLICT (customer_no) DO UPDATE SET phone = excluded.phone RETURNING phone",
          WORKS),
    _case("ON CONFLICT (columns of a sealed unique key)",
          f"{_NEW} ON CONFLICT (unit_id, id_no) DO NOTHING", "42P10",
          "`ON CONFLICT DO NOTHING`; the key stands on the blind index"),
    _case("ON CONFLICT ON CONSTRAINT",
          f"{_NEW} ON CONFLICT ON CONSTRAINT customer_customer_no_key DO NOTHING", "42704",
          "name the columns"),
    _case("ON CONFLICT DO NOTHING without a target", f"{_NEW} ON CONFLICT DO NOTHING", WORKS),
    _case("MERGE",
          "MERGE INTO crm.customer AS c USING (VALUES (41)) AS v (id) ON c.id = v.id"
          " WHEN MATCHED THEN UPDATE SET postal_code = '430061'", ("0A000", WORKS),
          "before 17: INSERT .. ON CONFLICT"),
    _case("SELECT .. FOR UPDATE, also SKIP LOCKED",
          "SELECT id FROM crm.customer ORDER BY id FOR UPDATE SKIP LOCKED", WORKS),
    _case("UPDATE .. WHERE CURRENT OF",
          "DO $$ DECLARE r record; c CURSOR FOR SELECT id FROM crm.customer FOR UPDATE;"
          " BEGIN OPEN c; FETCH c INTO r;"
          " UPDATE crm.customer SET postal_code = '430061' WHERE CURRENT OF c;"
          " END $$", "0A000", "WHERE id = .."),
    _case("GROUP BY the primary key alone",
          "SELECT c.*, count(p.id) FROM crm.customer AS c LEFT JOIN crm.policy AS p"
          " ON p.holder_id = c.id GROUP BY c.id", "42803",
          "group by every column, or join to an aggregate"),
    _case("COPY view TO", "COPY crm.customer TO STDOUT", "42809", "COPY (SELECT ..) TO"),
    _case("COPY (SELECT ..) TO", "COPY (SELECT id, phone FROM crm.customer) TO STDOUT", WORKS),
    _case("COPY view FROM",
          "COPY crm.lead (unit_id, name, phone, channel) FROM STDIN", "42809",
          "INSERT in batches; an error of COPY would put the whole line into the log"),
    _case("TRUNCATE", "TRUNCATE crm.contact_log", "42809", "DELETE, or a migration"),
    _case("LOCK TABLE", "LOCK TABLE crm.customer IN SHARE MODE", "42501",
          "SELECT .. FOR UPDATE, or an advisory lock"),
    _case("TABLESAMPLE", "SELECT id FROM crm.customer TABLESAMPLE SYSTEM (10)", "0A000",
          "WHERE random() < 0.1"),
    _case("ctid, xmin, tableoid", "SELECT xmin FROM crm.customer", "42703",
          "a version or updated_at column, for optimistic locking too"),
    _case("a partition by its own name", "SELECT id FROM crm.contact_log_2025h1", "42P01",
          "the partitioned table with a condition on its key"),
    _case("nextval of a sequence that belongs to a column", "SELECT nextval('crm.customer_id_seq')",
          "42P01", "leave the column out and take RETURNING id"),
    _case("a foreign key to a protected table",
          "CREATE TEMPORARY TABLE note (customer_id bigint REFERENCES crm.customer)", "42809",
          "in a migration, to the table in crm_store"),
    _case("CREATE INDEX", "CREATE INDEX ON crm.customer (postal_code)", "42501",
          "in a migration, on the table in crm_store"),
    _case("a new row for a unit that is not yours",
          _NEW.replace("C00000000041', 7, 701", "C9', 9, 901"), "42501"),
)  # fmt: skip

_HEAD: Final = (
    "| statement | 15 | 18 | instead |",
    "|---|---|---|---|",
)


def table() -> str:
    """The table of the page."""
    rows = (f"| {c.what} | {c.on[0]} | {c.on[1]} | {c.instead} |" for c in CASES)
    return "\n".join((*_HEAD, *rows))


if __name__ == "__main__":
    print(table())
