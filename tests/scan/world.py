"""A Chinese insurer's database as such databases are: pinyin names, names that say nothing, names
that lie, values with noise; and what each column really holds.

The label of a column is its kind, ``:category`` for personal information without a kind, ``-`` for
what says nothing of a person, ``?`` where also a person would have to ask.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any, Final

from pgmask.kinds.generate import GENERATORS
from tests.harness import Database

ROWS: Final = 600

# table -> (column, type, label, generator or word)
TABLES: Final[dict[str, tuple[tuple[str, str, str, str], ...]]] = {
    "t_khxx": (
        ("khbh", "bigint", "-", "serial"),
        ("khxm", "varchar(60)", "person_name", "person_name"),
        ("xb", "char(1)", ":basic", "sex"),
        ("csrq", "date", "date", "date"),
        ("zjlx", "varchar(2)", "-", "code"),
        ("zjhm", "varchar(30)", "cn_id_card", "cn_id_card"),
        ("sjhm", "varchar(20)", "mobile", "mobile_noisy"),
        ("jtdh", "varchar(20)", "landline", "landline"),
        ("dzyx", "varchar(100)", "email", "email"),
        ("jtdz", "varchar(200)", "postal_address", "postal_address"),
        ("yhkh", "varchar(30)", "bank_account", "bank_account"),
        ("khyh", "varchar(40)", ":finance", "bank"),
        ("nsr", "numeric(12,2)", "number", "amount"),
        ("hyzk", "varchar(2)", ":relationship", "code"),
        ("bz", "text", "free_text", "note"),
        ("cjsj", "timestamp", "-", "moment"),
        ("scbz", "boolean", "-", "flag"),
    ),
    "t_bdxx": (
        ("id", "bigint", "-", "serial"),
        ("bdh", "varchar(32)", "policy_number", "policy_number"),
        ("tbrxm", "varchar(60)", "person_name", "person_name"),
        ("tbr_sjh", "bigint", "mobile", "mobile"),
        ("bbrxm", "varchar(60)", "person_name", "person_name"),
        ("bbrsfzh", "varchar(18)", "cn_id_card", "cn_id_card"),
        ("cpdm", "varchar(8)", "-", "code"),
        ("cpmc", "varchar(60)", "-", "product"),
        ("bf", "numeric(12,2)", "number", "amount"),
        ("qbrq", "date", "-", "recent"),
        ("zt", "char(2)", "-", "code"),
        ("jgdm", "varchar(8)", "-", "code"),
    ),
    "t_lpaj": (
        ("lpbh", "varchar(20)", ":claim", "order"),
        ("cxsj", "timestamp", ":claim", "moment"),
        ("cxdd", "varchar(200)", "postal_address", "postal_address"),
        ("bar", "varchar(60)", "person_name", "person_name"),
        ("bar_lxdh", "varchar(20)", "mobile", "mobile"),
        ("cph", "varchar(10)", "plate", "plate"),
        ("zdjg", "varchar(200)", ":health", "diagnosis"),
        ("lpje", "numeric(12,2)", "number", "amount"),
        ("skzh", "varchar(30)", "bank_account", "passbook"),
        ("fujian", "varchar(200)", "media", "media"),
    ),
    "customer_contact": (
        ("contact_id", "bigint", "-", "serial"),
        ("full_name", "text", "person_name", "person_name"),
        ("MobilePhone", "varchar(20)", "mobile", "mobile"),
        ("emailAddr", "varchar(100)", "email", "email"),
        ("passwordHash", "varchar(80)", "secret", "hash"),
        ("mobile_type", "varchar(4)", "-", "code"),
        ("email_verified", "boolean", "-", "flag"),
        ("email_count", "integer", "-", "small"),
        ("last_login_ip", "inet", ":touch", "ip"),
        ("extra", "jsonb", "json", "json_phone"),
    ),
    # Imported from a sheet: names say nothing at all.
    "tmp_import": (
        ("col1", "text", "person_name", "person_name"),
        ("col2", "text", "cn_id_card", "cn_id_card"),
        ("col3", "text", "mobile", "mobile_noisy"),
        ("col4", "text", "email", "email"),
        ("col5", "text", "postal_address", "postal_address"),
        ("col6", "text", "bank_account", "bank_account"),
        ("col7", "text", "-", "code"),
        ("col8", "text", "?", "order"),
        ("col9", "date", "date", "date"),
        ("col10", "text", "org_code", "org_code"),
        ("col11", "text", "plate", "plate"),
        ("col12", "text", "free_text", "note_phone"),
    ),
    # Names that lie.
    "t_ddxx": (
        ("id", "bigint", "-", "serial"),
        ("phone", "varchar(20)", "?", "order"),
        ("email", "varchar(40)", "?", "batch"),
        ("id_card", "varchar(20)", "mobile", "mobile"),
        ("product_name", "varchar(60)", "-", "product"),
        ("status_text", "varchar(200)", "cn_id_card", "cn_id_card"),
        ("name", "varchar(60)", "-", "product"),
        ("remark1", "varchar(20)", "mobile", "mobile"),
    ),
    "客户信息": (
        ("客户编号", "bigint", "-", "serial"),
        ("投保人姓名", "text", "person_name", "person_name"),
        ("手机号码", "text", "mobile", "mobile"),
        ("证件类型", "text", "-", "code"),
        ("家庭住址", "text", "postal_address", "postal_address"),
        ("健康状况", "text", ":health", "diagnosis"),
        ("创建时间", "timestamp", "-", "moment"),
    ),
    "ref_jg": (
        ("dm", "varchar(20)", "-", "order"),
        ("mc", "varchar(60)", "-", "office"),
        ("pxh", "integer", "-", "small"),
        ("yxbz", "boolean", "-", "flag"),
    ),
    "batch_log": (
        ("id", "bigint", "-", "serial"),
        ("job_name", "varchar(60)", "-", "product"),
        ("started_at", "timestamptz", "-", "moment"),
        ("rows_done", "bigint", "?", "small"),
        ("trace_id", "uuid", "-", "uuid"),
    ),
}  # fmt: skip
COMMENTS: Final = {
    "t_khxx.sjhm": "客户手机号码，11位",
    "tmp_import.col2": "see the sheet",
}
_NOTES: Final = (
    "客户来电咨询续期，已约定下周回访。",
    "已寄送保单，客户表示满意；资料待补。",
    "家属代办，须补交授权书。",
)
_PRODUCTS: Final = ("安康重疾险", "平安行意外险", "金彩年金", "车损险", "康健医疗")
_HASH: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./"


def _value(word: str, random: Random, number: int) -> Any:
    if word in _MADE:
        return _MADE[word](random, number)
    return GENERATORS[word](random)


def _noisy(random: Random, _: int) -> str | None:
    """A mobile number as people type it: prefixes, blanks, mistakes, "none", nothing."""
    plain = GENERATORS["mobile"](random)
    die = random.random()
    if die < 0.05:
        return None
    if die < 0.08:
        return "无"
    if die < 0.11:
        return plain[:-1]
    if die < 0.16:
        return f"+86 {plain[:3]}-{plain[3:7]}-{plain[7:]}"
    return plain


def _recent(random: Random) -> str:
    return f"20{random.randrange(10, 26)}-{random.randrange(1, 13):02d}-11"


_MADE: Final[dict[str, Callable[[Random, int], Any]]] = {
    "serial": lambda _, n: n,
    "sex": lambda r, _: r.choice("MF"),
    "code": lambda r, _: r.choice(("01", "02", "03", "09")),
    "mobile_noisy": _noisy,
    "bank": lambda r, _: r.choice(("工商银行朝阳支行", "建设银行西湖支行", "农业银行武侯支行")),
    "amount": lambda r, _: f"{r.randrange(10**8) / 100:.2f}",
    "note": lambda r, _: r.choice(_NOTES) + str(r.randrange(10**4)),
    "note_phone": lambda r, _: (
        f"{r.choice(_NOTES)}请回电{GENERATORS['mobile'](r)}，谢谢。" if r.random() < 0.2
        else r.choice(_NOTES) + str(r.randrange(10**4))
    ),
    "moment": lambda r, _: f"{_recent(r)} 10:{r.randrange(60):02d}",
    "recent": lambda r, _: _recent(r),
    "flag": lambda r, _: r.random() < 0.5,
    "product": lambda r, _: r.choice(_PRODUCTS),
    "office": lambda r, n: f"{r.choice(('朝阳', '西湖', '武侯', '南山'))}第{n}营业部",
    "order": lambda r, n: f"DD{2010 + n % 15}{r.randrange(10**10):010d}",
    "batch": lambda r, n: f"B{n:06d}",
    "diagnosis": lambda r, _: r.choice(("高血压", "2型糖尿病", "骨折", "阑尾炎", "健康")),
    "passbook": lambda r, _: f"{r.randrange(1, 10)}{r.randrange(10**14):014d}",
    "hash": lambda r, _: "$2b$12$" + "".join(r.choices(_HASH, k=53)),
    "small": lambda r, _: r.randrange(30_000),
    "ip": lambda r, _: f"10.{r.randrange(256)}.{r.randrange(256)}.{r.randrange(1, 255)}",
    "json_phone": lambda r, _: json.dumps({"tel": GENERATORS["mobile"](r), "n": r.randrange(9)}),
    "uuid": lambda r, _: f"{r.getrandbits(128):032x}",
    "date": lambda r, _: GENERATORS["date"](r),
}  # fmt: skip


def labels() -> dict[str, str]:
    """``schema.table.column`` -> label."""
    return {f"crm.{t}.{c}": label for t, columns in TABLES.items() for c, _, label, _ in columns}


def fill(database: Database) -> None:
    """The schema ``crm`` with its rows, analysed."""
    with database.connect(autocommit=True) as connection:
        connection.execute("CREATE SCHEMA crm")
        for table, columns in TABLES.items():
            random = Random(f"scan {table}")
            listed = ", ".join(f'"{c}" {t}' for c, t, _, _ in columns)
            connection.execute(
                f'CREATE TABLE crm."{table}" ({listed}, PRIMARY KEY ("{columns[0][0]}"))'.encode()
                if columns[0][3] == "serial"
                else f'CREATE TABLE crm."{table}" ({listed})'.encode()
            )
            with connection.cursor().copy(f'COPY crm."{table}" FROM STDIN'.encode()) as copy:
                for number in range(1, ROWS + 1):
                    copy.write_row([_value(word, random, number) for _, _, _, word in columns])
        for name, text in COMMENTS.items():
            table, column = name.split(".")
            connection.execute(f'COMMENT ON COLUMN crm."{table}"."{column}" IS \'{text}\''.encode())
        connection.execute("ANALYZE crm.t_khxx")
