"""Single values of the catalogue's format: names, choices, reasons."""

from __future__ import annotations

from typing import Final

from pgmask.catalogue.scalars import Choice, DatabaseName, Text, Whole
from pgmask.kinds import KINDS

NAME: Final = DatabaseName()
WORD: Final = Text(
    words="a word",
    limit=63,
    pattern=r"[a-z][a-z0-9_]*",
    hint="Use lower-case letters, digits and _, beginning with a letter.",
)
PROFILE_NAME: Final = Text(
    words="a profile's name",
    limit=40,
    pattern=r"[a-z][a-z0-9_]*",
    hint="It becomes part of role and schema names: lower-case letters, digits and _, at most 40.",
)
REASON: Final = Text(words="a reason")
PERSON: Final = Text(words="who", limit=200)
KIND: Final = Text(
    words="a kind",
    limit=63,
    pattern=r"[a-z][a-z0-9_]*",
    hint="Name one of `pgmask kinds`.",
    suggest=tuple(KINDS),
)
PACK: Final = Text(
    words="a policy pack",
    limit=63,
    pattern=r"[a-z][a-z0-9_]*",
    hint="Lower-case letters, digits and _.",
    suggest=("taikang", "picc", "baseline"),
    open_ended=True,
)
TABLE_NAME: Final = Text(words="a table", limit=260)
COLUMN_NAME: Final = Text(words="a column", limit=400)
TABLE_PATTERN: Final = Text(words="a table or a pattern such as ref_*", limit=1000)
COLUMN_PATTERN: Final = Text(words="a pattern of column names such as *_phone|mobile", limit=1000)
LEVEL: Final = Whole(low=1, high=3)
FORM: Final = Choice(
    options={
        "plain": "as stored (level 1 can never be plain)",
        "mask": "masked",
        "hidden": "NULL of the exact type",
    }
)
ROWS: Final = Choice(
    options={
        "all": "every row",
        "own_unit": "the rows of the person's own unit",
        "units": "the rows of the units the register gives the person",
        "assigned": "the rows of the subjects assigned to the person",
        "granted": "the rows of approved requests",
    }
)
ACCESS: Final = Choice(
    options={
        "read": "SELECT",
        "write": "SELECT, INSERT, UPDATE, DELETE",
        "insert": "INSERT alone",
        "none": "no view",
    }
)
OPERATION: Final = Choice(
    options={"select": "SELECT", "insert": "INSERT", "update": "UPDATE", "delete": "DELETE"}
)
SEARCH: Final = Choice(options={"exact": "by blind index", "none": "not offered"})
UNIQUE: Final = Choice(
    options={"no": "not unique", "global": "in the whole table", "per_unit": "within a unit"}
)
AUDIT_READS: Final = Choice(
    options={
        "statement": "a note per statement and relation; of high-value customers one each",
        "subject": "also a note per customer whose row a statement examines",
    }
)
AUDIT_VALUES: Final = Choice(
    options={
        "plain": "as it is (level 3)",
        "mask": "the mask",
        "omit": "a sign that there is a value, or that it changed",
        "hash": "its SHA-256 (level 3, and media below level 1)",
    }
)
VALIDATE: Final = Choice(
    options={
        "refuse": "a value that is not valid for its kind is refused",
        "flag": "it is stored and noted in pgmask_quality",
    }
)
HIDDEN_AS: Final = Choice(
    options={
        "shadow": "a stored column beside it, so that whole-row writers keep working",
        "computed": "computed in the view; the column is read-only there",
    }
)
BASIS: Final = Choice(
    options={
        "consent": "the person's consent",
        "contract": "needed to conclude or perform the person's contract",
        "legal_duty": "a duty by law",
        "emergency": "life, health or property in an emergency",
        "public": "published by the person or lawfully public",
        "other": "another basis of the law, told in `why`",
    }
)
ROLLOUT: Final = Choice(
    options={
        "observe": "views over untouched columns, uses of the table measured",
        "views": "views take the name, level 1 masked by them and read-only",
        "sealing": "new values sealed, old ones by `pgmask seal`",
        "enforced": "everything sealed, and whoever waits for it let in",
    }
)
