"""Every key a catalogue may have: the one description behind reading, refusing unknown keys,
the JSON Schema and the reference page.
"""

from __future__ import annotations

from typing import Final

from pgmask.catalogue.shapes import (
    ByForm,
    Choice,
    Date,
    Flag,
    Key,
    ListOf,
    MapOf,
    Percent,
    Record,
    Seconds,
    Text,
    Whole,
)
from pgmask.catalogue.words import (
    ACCESS,
    AUDIT_READS,
    AUDIT_VALUES,
    BASIS,
    COLUMN_NAME,
    COLUMN_PATTERN,
    FORM,
    HIDDEN_AS,
    KIND,
    LEVEL,
    NAME,
    OPERATION,
    PACK,
    PERSON,
    PROFILE_NAME,
    REASON,
    ROLLOUT,
    ROWS,
    SEARCH,
    TABLE_NAME,
    TABLE_PATTERN,
    UNIQUE,
    VALIDATE,
    WORD,
)

COLUMN_SUBJECT: Final = Record(
    name="subject reference",
    doc="Whose information this is, when the catalogue has several classes of subjects.",
    keys=(
        Key(
            name="column", shape=NAME, doc="The column that holds the subject's key.", required=True
        ),
        Key(name="class", shape=WORD, doc="The class of subjects.", required=True),
    ),
)

COLUMN_KEYS: Final = (
    Key(name="level", shape=LEVEL, doc="1 (most sensitive) to 3; by default that of the kind."),
    Key(name="category", shape=WORD, doc="A category of the packs in force."),
    Key(name="kind", shape=KIND, doc="A kind of `pgmask kinds`, with its validator and masks."),
    Key(name="mask", shape=WORD, doc="A mask of the kind; by default the kind's own."),
    Key(name="search", shape=SEARCH, doc="Whether exact search is offered (level 1)."),
    Key(name="validate", shape=VALIDATE, doc="What happens to a value that is not valid."),
    Key(name="why", shape=REASON, doc="Why this is collected (A8)."),
    Key(name="basis", shape=BASIS, doc="On which legal basis (A8)."),
)

KIND_DEFAULT: Final = Record(
    name="kind default",
    doc="What a kind brings to every column of it.",
    keys=tuple(k for k in COLUMN_KEYS if k.name != "kind"),
)

COLUMN_DEFAULT: Final = Record(
    name="name pattern",
    doc="What a column gets when its name matches; may only raise protection.",
    keys=COLUMN_KEYS,
)

COLUMN: Final = Record(
    name="column",
    doc="One classified column.",
    keys=(
        *COLUMN_KEYS,
        Key(
            name="kind_by",
            shape=ByForm(mapping=MapOf(key=Text(words="a value", limit=200), value=Text())),
            doc="Kind by a discriminator column: `{column: type, phone: mobile, else: free_text}`.",
        ),
        Key(
            name="subject",
            shape=ByForm(scalar=NAME, mapping=COLUMN_SUBJECT),
            doc="The column of the same row with the key of the person this value speaks of.",
        ),
        Key(name="unique", shape=UNIQUE, doc="How far a sealed value must be unique."),
        Key(name="required", shape=Flag(), doc="May not be NULL or empty."),
        Key(
            name="derived_from",
            shape=ListOf(item=COLUMN_NAME, least=1),
            doc="The columns it is computed from (`column` or `table.column`): never below them.",
        ),
        Key(
            name="derivation",
            shape=WORD,
            doc="A derivation that a pack allows below its sources: sex, age, segment, grade.",
        ),
        Key(
            name="checks",
            shape=MapOf(key=WORD, value=NAME),
            doc="Cross checks against other columns: `{birth_date: dob, sex: gender}`.",
        ),
        Key(name="hidden_as", shape=HIDDEN_AS, doc="How a form other than plain is made."),
        Key(
            name="audit",
            shape=AUDIT_VALUES,
            doc="What the record of changes holds of its values; by default `plain` for level 3, "
            "the mask for levels 1 and 2, `omit` for documents, media and what is never shown.",
        ),
    ),
)

TABLE_AUDIT: Final = Record(
    name="table audit",
    doc="What the record of this table's changes keeps.",
    keys=(
        Key(
            name="keep_sealed",
            shape=Flag(),
            doc="Also the sealed values of before, as they were: erasing the customer's key "
            "reaches them.",
        ),
    ),
)

TABLE_SUBJECT: Final = Record(
    name="table subject",
    doc="Whose rows these are, when the catalogue has several classes of subjects.",
    keys=COLUMN_SUBJECT.keys,
)

TABLE: Final = Record(
    name="table",
    doc="One protected table; every column must be listed, by `columns`, `level_3` or `use`.",
    keys=(
        Key(
            name="subject",
            shape=ByForm(scalar=NAME, mapping=TABLE_SUBJECT),
            doc="The column with the subject's key; `none`: every row is its own subject.",
        ),
        Key(name="unit", shape=NAME, doc="The column with the unit that collected the row."),
        Key(name="columns", shape=MapOf(key=NAME, value=COLUMN), doc="The classified columns."),
        Key(name="level_3", shape=ListOf(item=NAME), doc="Columns without personal information."),
        Key(name="use", shape=ListOf(item=WORD), doc="Templates whose columns the table has."),
        Key(name="rollout", shape=ROLLOUT, doc="The stage of this table."),
        Key(
            name="conflict_target", shape=ListOf(item=NAME), doc="The columns upserts conflict on."
        ),
        Key(name="audit", shape=TABLE_AUDIT, doc="What the record of its changes keeps."),
        Key(name="owner", shape=PERSON, doc="Who answers for the table; by default the include's."),
        Key(name="channel", shape=PERSON, doc="The channel that collected the information."),
        Key(name="domain", shape=WORD, doc="The domain in reports; by default the file's name."),
        Key(name="why", shape=REASON, doc="Why its personal columns are collected (A8)."),
        Key(name="basis", shape=BASIS, doc="The legal basis of its personal columns (A8)."),
    ),
)

STORE: Final = Record(
    name="store",
    doc="Where the tables of one application schema are kept.",
    keys=(
        Key(name="schema", shape=NAME, doc="As the application knows it.", required=True),
        Key(
            name="mode",
            shape=Choice(
                options={
                    "aside": "protected tables move, a profile's views take the schema's name",
                    "beside": "tables stay, every profile has a schema of its own",
                }
            ),
            doc="Whether the tables move.",
        ),
        Key(name="as", shape=NAME, doc="The schema they move to; by default `<schema>_store`."),
        Key(
            name="profile",
            shape=PROFILE_NAME,
            doc="The profile whose views take the schema's name; by default the only one that "
            "writes.",
        ),
    ),
)

HIGH_VALUE: Final = Record(
    name="high value",
    doc="The rule that marks high-value subjects (D1).",
    keys=(
        Key(
            name="column", shape=NAME, doc="The grade column of the subject's table.", required=True
        ),
        Key(name="at_least", shape=Text(limit=200), doc="The lowest grade that counts."),
        Key(
            name="order",
            shape=ListOf(item=Text(limit=200), least=1),
            doc="The grades from lowest to highest; by default the pack's.",
        ),
    ),
)

SUBJECT: Final = Record(
    name="subject",
    doc="A class of persons: the table that holds one row each.",
    keys=(
        Key(name="name", shape=WORD, doc="The class; by default the table's name."),
        Key(name="table", shape=TABLE_NAME, doc="The table.", required=True),
        Key(name="key", shape=NAME, doc="Its single key column.", required=True),
        Key(name="unit", shape=NAME, doc="The column with the unit that collected the person."),
        Key(name="owner", shape=NAME, doc="The column with the assigned person."),
        Key(name="high_value", shape=HIGH_VALUE, doc="Which subjects are high-value."),
    ),
)

INCLUDE: Final = Record(
    name="include",
    doc="Further files of the catalogue, in its own folder.",
    keys=(
        Key(name="file", shape=Text(limit=400), doc="A path or glob.", required=True),
        Key(name="owner", shape=PERSON, doc="Who answers for these files.", required=True),
    ),
)

DEFAULTS: Final = Record(
    name="defaults",
    doc="What need not be said for every column.",
    keys=(
        Key(
            name="unclassified",
            shape=Choice(options={"refuse": "the only value"}),
            doc="What becomes of an unclassified column.",
        ),
        Key(name="kinds", shape=MapOf(key=KIND, value=KIND_DEFAULT), doc="By kind."),
        Key(
            name="columns",
            shape=MapOf(key=COLUMN_PATTERN, value=COLUMN_DEFAULT),
            doc="By column name.",
        ),
    ),
)

UNPROTECTED: Final = Record(
    name="unprotected",
    doc="Tables without personal information.",
    keys=(
        Key(
            name="tables",
            shape=ByForm(scalar=TABLE_PATTERN, sequence=ListOf(item=TABLE_PATTERN), single=True),
            doc="Names or patterns.",
            required=True,
        ),
        Key(name="reason", shape=REASON, doc="Why they hold none.", required=True),
    ),
)

CASE_WITHIN: Final = Record(
    name="case date",
    doc="How close to today a date of the case must be.",
    keys=(
        Key(name="column", shape=NAME, doc="A date column of the case's table.", required=True),
        Key(
            name="days", shape=Whole(low=0, high=3660), doc="Before or after today.", required=True
        ),
    ),
)

CASE: Final = Record(
    name="business case",
    doc="The row that a purpose needs: of the same subject, in the state that is named.",
    keys=(
        Key(name="table", shape=TABLE_NAME, doc="The table that holds it.", required=True),
        Key(
            name="when",
            shape=MapOf(
                key=NAME,
                value=ByForm(
                    scalar=Text(limit=200),
                    sequence=ListOf(item=Text(limit=200), least=1),
                    single=True,
                ),
            ),
            doc="Columns of it (level 3) and the values they may have.",
        ),
        Key(name="within", shape=CASE_WITHIN, doc="A date of it that must be near."),
    ),
)

PURPOSES: Final = ByForm(
    sequence=ListOf(item=WORD, least=1),
    mapping=MapOf(key=WORD, value=ByForm(scalar=TABLE_NAME, mapping=CASE)),
)

REVEAL: Final = Record(
    name="reveal",
    doc="Complete values, one record at a time (B2).",
    keys=(
        Key(name="columns", shape=ListOf(item=COLUMN_NAME, least=1), doc="Which.", required=True),
        Key(
            name="purposes",
            shape=PURPOSES,
            doc="The purposes allowed; with a table: where the business case must stand; `none`: "
            "without a case.",
            required=True,
        ),
        Key(
            name="per_day",
            shape=Whole(low=1, high=100000),
            doc="Per person and day (UTC).",
            required=True,
        ),
        Key(name="per_month", shape=Whole(low=1, high=1000000), doc="Per person and month."),
        Key(
            name="per_subject_per_day",
            shape=Whole(low=1, high=100000),
            doc="Of one customer, by whomever.",
        ),
        Key(
            name="share_per_month",
            shape=Percent(),
            doc="Of the customers the person's own view shows, in a month.",
        ),
        Key(
            name="second_factor_within",
            shape=Seconds(high=86400),
            doc="How long ago the second factor may have been given; by default none is asked for.",
        ),
        Key(
            name="grade",
            shape=Choice(options={"challenge": "the server's challenge is signed"}),
            doc="The identity asked for; a person's own database login is honoured too.",
        ),
    ),
)

SEARCH_KEYS: Final = Record(
    name="search",
    doc="Exact search of level-1 columns by blind index, one value at a time (B3).",
    keys=(
        Key(
            name="columns",
            shape=ListOf(item=COLUMN_NAME, least=1),
            doc="Which; each has `search: exact`.",
            required=True,
        ),
        Key(
            name="per_day",
            shape=Whole(low=1, high=100000),
            doc="Per person and day (UTC).",
            required=True,
        ),
        Key(
            name="near_per_day",
            shape=Whole(low=1, high=100000),
            doc="Searches that match a customer's mask and not the value; by default 5.",
        ),
    ),
)

IDENTITY: Final = Record(
    name="identity",
    doc="Who is honoured.",
    keys=(
        Key(
            name="grade",
            shape=Choice(
                options={
                    "assertion": "signed by the issuer, short-lived",
                    "challenge": "signed over the server's challenge",
                }
            ),
            doc="The lowest grade.",
        ),
        Key(name="max_ttl", shape=Seconds(high=600), doc="Life of an assertion."),
        Key(
            name="issuers", shape=ListOf(item=Text(limit=100)), doc="Issuers that may speak for it."
        ),
        Key(name="login", shape=Flag(), doc="Whether a person's own database login is honoured."),
        Key(
            name="on_missing",
            shape=Choice(options={"error": "PM101, the only value"}),
            doc="What a statement without identity gets.",
        ),
    ),
)

PROFILE: Final = Record(
    name="profile",
    doc="One access profile.",
    keys=(
        Key(
            name="rows",
            shape=ByForm(scalar=ROWS, sequence=ListOf(item=ROWS, least=1), single=True),
            doc="Which rows; several are combined with OR.",
            required=True,
        ),
        Key(name="columns", shape=MapOf(key=LEVEL, value=FORM), doc="The form of each level."),
        Key(
            name="column",
            shape=MapOf(key=COLUMN_NAME, value=FORM),
            doc="Columns seen in a stricter form than their level's.",
        ),
        Key(
            name="tables",
            shape=MapOf(
                key=TABLE_PATTERN, value=ByForm(scalar=ACCESS, sequence=ListOf(item=OPERATION))
            ),
            doc="Operations by table; the closest pattern decides. By default every table is read.",
        ),
        Key(name="identity", shape=IDENTITY, doc="Who is honoured."),
        Key(name="reveal", shape=REVEAL, doc="Complete values."),
        Key(name="search", shape=SEARCH_KEYS, doc="Exact search; without it there is none."),
        Key(
            name="opens",
            shape=Choice(
                options={
                    "always": "from the first apply",
                    "when_sealed": "once the table's rows are sealed",
                }
            ),
            doc="When its rights are given.",
        ),
        Key(
            name="direct_service",
            shape=Flag(),
            doc="Its people serve the customer directly, so level 2 may be plain (B4).",
        ),
        Key(
            name="sees_high_value",
            shape=Flag(),
            doc="Rows of high-value subjects are not left out.",
        ),
        Key(name="posts", shape=ListOf(item=Text(limit=200)), doc="Posts that give this profile."),
        Key(name="outsourced", shape=Flag(), doc="Its people are outsourced."),
        Key(
            name="audit",
            shape=ByForm(scalar=AUDIT_READS, mapping=MapOf(key=TABLE_PATTERN, value=AUDIT_READS)),
            doc="How its reads are noted, by table; the closest pattern decides (G1).",
        ),
        Key(
            name="audit_query",
            shape=Flag(),
            doc="Notes name the statement's number in pg_stat_statements.",
        ),
        Key(
            name="audit_text",
            shape=Flag(),
            doc="Notes hold the statement's text, encrypted to the auditors' public key.",
        ),
    ),
)

EXCEPTION: Final = Record(
    name="exception",
    doc="A derogation with reason, approver and end.",
    keys=(
        Key(name="column", shape=COLUMN_NAME, doc="table.column", required=True),
        Key(name="level", shape=LEVEL, doc="The level it has.", required=True),
        Key(name="instead_of", shape=LEVEL, doc="The level it would have.", required=True),
        Key(name="reason", shape=REASON, doc="Why, or the number of the decision.", required=True),
        Key(name="approved_by", shape=PERSON, doc="Who approved it.", required=True),
        Key(name="until", shape=Date(), doc="The last day it holds.", required=True),
    ),
)

INTERPRETATION: Final = Record(
    name="interpretation",
    doc="The organisation's own reading of a clause a pack leaves open (A2).",
    keys=(
        Key(name="pack", shape=WORD, doc="The pack.", required=True),
        Key(name="row", shape=WORD, doc="The interpretation's name in the pack.", required=True),
        Key(name="chosen", shape=WORD, doc="One of its options.", required=True),
        Key(name="by", shape=PERSON, doc="Who decided.", required=True),
        Key(name="since", shape=Date(), doc="Since when.", required=True),
        Key(name="reason", shape=REASON, doc="Why."),
    ),
)

PROVIDER_KEYS: Final = Record(
    name="keys",
    doc="Where the key-encryption key comes from.",
    keys=(
        Key(
            name="provider",
            shape=Choice(
                options={
                    "file": "a file on the server, outside the database",
                    "loaded": "loaded into the server's memory table from outside",
                    "dev": "a throw-away key for development; refused in production",
                    "external": "a service beside the database",
                }
            ),
            doc="The provider.",
        ),
        Key(
            name="escrow",
            shape=Choice(options={"required": "an escrow copy must be registered", "none": "no"}),
            doc="Whether a copy must be kept elsewhere.",
        ),
    ),
)

CHANGEABLE: Final = (
    Key(name="keys", shape=PROVIDER_KEYS, doc="The key provider."),
    Key(
        name="when_audit_stalls",
        shape=Choice(
            options={
                "stop_reads": "reads of protected tables are refused after five minutes (PM802)",
                "lose_with_alarm": "reads go on, a gap is recorded and raised",
            }
        ),
        doc="What happens when notes of reads are not collected.",
    ),
    Key(
        name="data",
        shape=Choice(options={"real": "customers", "fake": "generated data only"}),
        doc="What the database holds.",
    ),
    Key(
        name="persons",
        shape=Choice(options={"real": "staff", "fake": "generated persons only"}),
        doc="Who is in the register.",
    ),
)

ENVIRONMENT: Final = Record(
    name="environment",
    doc="What differs in one environment: nothing that says who sees what.",
    keys=CHANGEABLE,
)

MIGRATIONS: Final = Record(
    name="migrations",
    doc="The application's own migrations.",
    keys=(
        Key(
            name="owner", shape=NAME, doc="The role that owns the stores; pgmask_store without it."
        ),
        Key(
            name="tool",
            shape=Choice(
                options=dict.fromkeys(
                    ("alembic", "django", "flyway", "liquibase", "psql", "other"), ""
                )
            ),
            doc="The tool.",
        ),
        Key(
            name="login",
            shape=NAME,
            doc="The login that is made a member of the owner for a window.",
        ),
    ),
)

_PARTS: Final = (
    Key(name="tables", shape=MapOf(key=TABLE_NAME, value=TABLE), doc="The protected tables."),
    Key(name="unprotected", shape=ListOf(item=UNPROTECTED), doc="Tables without persons."),
    Key(name="profiles", shape=MapOf(key=PROFILE_NAME, value=PROFILE), doc="The access profiles."),
    Key(name="exceptions", shape=ListOf(item=EXCEPTION), doc="Derogations."),
)

PART: Final = Record(
    name="included file",
    doc="An included file; the rules that hold for everybody stand in the main file only.",
    keys=(Key(name="domain", shape=WORD, doc="The domain of its tables in reports."), *_PARTS),
)

ROOT: Final = Record(
    name="catalogue",
    doc="The main file of a catalogue.",
    keys=(
        Key(name="pgmask", shape=Whole(low=1, high=1), doc="The format's version.", required=True),
        Key(name="packs", shape=ListOf(item=PACK, least=1), doc="Policy packs in force together."),
        Key(name="pack", shape=PACK, doc="The policy pack, when there is one."),
        Key(name="interpretations", shape=ListOf(item=INTERPRETATION), doc="Own readings."),
        Key(
            name="categories",
            shape=MapOf(key=WORD, value=Text(limit=200)),
            doc="Further categories and what they hold.",
        ),
        Key(
            name="store",
            shape=ByForm(mapping=STORE, sequence=ListOf(item=STORE, least=1), single=True),
            doc="Where the tables are kept; a list for several schemas.",
            required=True,
        ),
        Key(
            name="subject",
            shape=ByForm(mapping=SUBJECT, sequence=ListOf(item=SUBJECT, least=1), single=True),
            doc="The table of the persons.",
        ),
        Key(
            name="subjects",
            shape=ListOf(item=SUBJECT, least=1),
            doc="The same for several classes of persons.",
        ),
        Key(name="include", shape=ListOf(item=INCLUDE), doc="Further files; order never matters."),
        Key(name="defaults", shape=DEFAULTS, doc="What need not be repeated."),
        Key(
            name="templates",
            shape=MapOf(key=WORD, value=MapOf(key=NAME, value=COLUMN)),
            doc="Named sets of columns, for `use`.",
        ),
        *_PARTS,
        Key(name="backup", shape=ListOf(item=NAME), doc="Logins that run pg_dump."),
        Key(name="migrations", shape=MIGRATIONS, doc="The application's own migrations."),
        *CHANGEABLE,
        Key(
            name="environments",
            shape=MapOf(key=WORD, value=ENVIRONMENT),
            doc="What differs by environment.",
        ),
        Key(
            name="roles_prefix",
            shape=Text(words="a prefix", limit=20, pattern=r"[a-z][a-z0-9_]*_"),
            doc="Begins the name of every role pgmask makes; ends with _.",
        ),
        Key(name="store_owner", shape=NAME, doc="The role that owns store tables."),
    ),
)

ENVIRONMENT_KEYS: Final = frozenset(k.name for k in CHANGEABLE)


def records() -> tuple[Record, ...]:
    """Every record, outermost first."""
    return (
        ROOT, PART, STORE, SUBJECT, HIGH_VALUE, INCLUDE, DEFAULTS, KIND_DEFAULT, COLUMN_DEFAULT,
        TABLE, TABLE_SUBJECT, TABLE_AUDIT, COLUMN, COLUMN_SUBJECT, UNPROTECTED, PROFILE, IDENTITY,
        REVEAL, CASE, CASE_WITHIN, SEARCH_KEYS,
        EXCEPTION, INTERPRETATION, PROVIDER_KEYS, MIGRATIONS, ENVIRONMENT,
    )  # fmt: skip
