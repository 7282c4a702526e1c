"""The registry of every error pgmask can raise, in Python and in SQL, and the exceptions for it.

A code is ``PM`` and three digits; as SQLSTATE it lies in the part of the code space that the SQL
standard leaves to implementations.  ``sql/02_errors.sql`` and ``docs/reference/errors.md`` mirror
this registry; a test compares the three.  A retired code keeps its number for ever.

====== ============================================
group  meaning
====== ============================================
PM00x  names and values at the edge
PM01x  the catalogue file
PM02x  the server and the connection
PM030  a statement that was cancelled
PM035+ the demonstration
PM04x  a write refused by the sealing trigger
PM1xx  identity: who is asking
PM2xx  plan, apply, drift, protected tables
PM3xx  keys and sealed values
PM4xx  showing the truth: reveal, search, and the drivers that ask for it
PM5xx  the register of units and persons
PM6xx  validating statements: lineage (600-619), rules (620-689), scan (690-699)
PM7xx  findings of ``doctor``
PM8xx  the record: notes, collecting, sealing, reports, alerts
PM9xx  a fault of pgmask itself
====== ============================================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorCode:
    """One registered condition.

    code: ``PMnnn``; title: what happened, one clause without a value in it; cause: why it comes
    about; way_out: what the reader does now; retired: the number may not be used again.
    """

    code: str
    title: str
    cause: str
    way_out: str
    retired: bool = False


def _codes(*entries: tuple[str, str, str, str]) -> dict[str, ErrorCode]:
    found: dict[str, ErrorCode] = {}
    for code, title, cause, way_out in entries:
        if code in found:
            raise ValueError(f"{code} is registered twice")
        found[code] = ErrorCode(code=code, title=title, cause=cause, way_out=way_out)
    return found


REGISTRY: Final[dict[str, ErrorCode]] = _codes(
    (
        "PM001",
        "bad name",
        "A name is empty, holds NUL, or is longer than PostgreSQL's 63 bytes.",
        "Use another name; pgmask never shortens or repairs one.",
    ),
    (
        "PM002",
        "generated SQL did not pass the parse gate",
        "A statement pgmask built is not exactly one statement of the expected kind.",
        "Nothing was run. Report the object named; its definition is in the plan.",
    ),
    (
        "PM003",
        "a file or folder cannot be used",
        "It is missing or in the way, the disk is full, or this account may not read or write it.",
        "Name another one, or give this account the right to it.",
    ),
    (
        "PM010",
        "the catalogue cannot be read",
        "The file is missing, is not UTF-8, or is not YAML.",
        "Correct the file at the position given.",
    ),
    (
        "PM011",
        "the catalogue has problems",
        "At least one rule of the catalogue or of a policy pack in force is not met.",
        "Each problem is listed with file, line, column and a fix.",
    ),
    (
        "PM012",
        "the catalogue's form is wrong",
        "An unknown or repeated key, a wrong type, a bad name, an anchor, an alias or a tag.",
        "Write what the message names; pgmask check --schema gives editors the format.",
    ),
    (
        "PM013",
        "the catalogue names something that is not there",
        "A table, column, profile, kind, pack or file is unknown, named twice or ambiguous.",
        "Correct the name at the position given.",
    ),
    (
        "PM014",
        "a rule of a policy pack is not met",
        "A level, mask or form is weaker than a pack in force demands.",
        "Follow the pack, or record an exception with reason, approver and end.",
    ),
    (
        "PM015",
        "the catalogue does not cover the schema",
        "A table or column is unclassified, does not exist, or has a type its kind cannot have.",
        "Classify it, put the table under unprotected, or remove it from the catalogue.",
    ),
    (
        "PM016",
        "a profile cannot be made as written",
        "Its rows, forms, rights or names contradict the catalogue or a policy pack.",
        "Correct the profile at the position given.",
    ),
    (
        "PM017",
        "an exception is not in force",
        "It has ended, does not match its column, or lowers nothing.",
        "Renew it with a new approval, or remove it.",
    ),
    (
        "PM018",
        "the lock file is stale",
        "A pattern matches other tables or columns than catalogue.lock says.",
        "Review the new matches, then: pgmask check ... --write-lock",
    ),
    (
        "PM019",
        "the environment is wrong",
        "It is not in the catalogue, or changes a key that no environment may change.",
        "Name an environment of the catalogue.",
    ),
    (
        "PM020",
        "cannot connect",
        "The server does not answer, or refuses this login, database or TLS setting.",
        "Check the address and the login: pgmask doctor --dsn ...",
    ),
    (
        "PM021",
        "no PostgreSQL found",
        "No --dsn was given and no server binaries are installed.",
        "Give --dsn, install PostgreSQL 15 or newer, or in its repository:"
        " pip install '.[embedded]'",
    ),
    (
        "PM022",
        "the server could not be started",
        "initdb or the server itself stopped with an error.",
        "Read the log whose place is given.",
    ),
    (
        "PM023",
        "the server is too old",
        "pgmask needs PostgreSQL 15 or newer.",
        "Upgrade the server.",
    ),
    (
        "PM024",
        "the database is not UTF8",
        "Masks hold characters and glyphs that other encodings lack.",
        "Restore into a database created with ENCODING 'UTF8' TEMPLATE template0.",
    ),
    (
        "PM025",
        "pgcrypto is missing or stands in another schema",
        "pgmask calls pgcrypto by the certain name pgmask_crypto, so that nobody can shadow it.",
        "Superuser: ALTER EXTENSION pgcrypto SET SCHEMA pgmask_crypto; or install contrib.",
    ),
    (
        "PM026",
        "the installer lacks rights, or the database is not ready",
        "Installing needs CREATEROLE and the ownership of the database; no superuser.",
        "Each problem is listed with the statement that mends it. Nothing was changed.",
    ),
    (
        "PM027",
        "the runtime is not installed, or is of another revision",
        "The database has no pgmask, or an older or a newer one than this program.",
        "pgmask install, pgmask upgrade, or a newer pgmask.",
    ),
    (
        "PM028",
        "the runtime did not pass its own check",
        "A function, table, trigger or comment of the runtime lacks a mark that protects it.",
        "Nothing was installed. Each missing mark is listed.",
    ),
    (
        "PM029",
        "a role of pgmask is not ours to use",
        "A role exists with more rights than pgmask gives it, or belongs to another installer.",
        "Run the statements listed as that role's administrator, then repeat.",
    ),
    (
        "PM030",
        "the server cancelled a statement",
        "A statement_timeout of this login or database, or somebody's pg_cancel_backend.",
        "What was not committed is undone. Raise the timeout, then run the same command again.",
    ),
    (
        "PM035",
        "the demonstration would meet what is there already",
        "The server named by --dsn has a role or database of the names the demonstration makes.",
        "Use another server, or none: pgmask demo starts one of its own.",
    ),
    (
        "PM036",
        "a demonstration is kept already",
        "pgmask demo --keep was run before and is still there.",
        "Use it, or end it: pgmask demo stop.",
    ),
    (
        "PM041",
        "a value is not valid for its kind",
        "The value written to a protected column is not of the column's kind.",
        "Nothing was written. Send a valid value, or leave the column out.",
    ),
    (
        "PM042",
        "a value looks masked but is not the mask of this row",
        "The value holds a mask glyph and differs from the stored mask, so it cannot be the truth.",
        "Nothing was written. Send the unchanged value, the full value, or leave the column out.",
    ),
    (
        "PM043",
        "a mask has changed meanwhile",
        "The row was changed by somebody else after it was read; its mask is another one now.",
        "Nothing was written. Reload the row and repeat the change.",
    ),
    (
        "PM044",
        "a hidden column was written",
        "The profile sees NULL there and sent a value; it would overwrite what it cannot see.",
        "Nothing was written. Leave the column out, or send NULL as it was read.",
    ),
    (
        "PM045",
        "a required value is missing",
        "The catalogue says that the column may not be NULL or empty.",
        "Nothing was written. Send the value.",
    ),
    (
        "PM046",
        "what an upsert carries was changed on its way",
        "A statement touched the setting in which an upsert hands its sealed values on.",
        "Nothing was written. Repeat the statement without writing to pgmask's settings.",
    ),
    (
        "PM047",
        "a row came with a sealed value that does not belong to it",
        "The stored masks differ from those of the sealed truth: the row was edited in a dump.",
        "Nothing was written. Restore the row as it was dumped.",
    ),
    (
        "PM048",
        "too many new unique values today",
        "A unique sealed column tells whether a value is there already, so each new value counts"
        " against a limit of the person's day, also when the statement fails or is rolled back.",
        "Nothing was written. Go on tomorrow, or have the register raise unique_writes_per_day.",
    ),
    (
        "PM101",
        "no identity in this transaction",
        "The profile needs to know who is asking, and nobody has logged in.",
        "First statement of the transaction: SELECT pgmask.login($1), with a fresh assertion.",
    ),
    (
        "PM102",
        "the identity has expired",
        "The signed statement of who is asking is past its end.",
        "Mint a new assertion and log in again in a new transaction.",
    ),
    (
        "PM103",
        "the identity was refused",
        "The signature, issuer, profile, database login or the person's standing does not hold.",
        "Ask for SELECT * FROM pgmask.whoami(), or see the register with the unit's responsible.",
    ),
    (
        "PM104",
        "this is not an actor, or not the one of the transaction",
        "A person without profile or unit, a service beside a person, or a statement of nobody in "
        "a transaction that was begun for somebody.",
        "acting_as(person=.., profile=.., unit=..) or acting_as(service=..), around the whole "
        "transaction.",
    ),
    (
        "PM105",
        "the issuer's key cannot be used",
        "Its file is missing, not readable, or not what pgmask issuer wrote.",
        "pgmask issuer rotate NAME --out FILE; readable by the application's account.",
    ),
    (
        "PM106",
        "no identity can be sent with this statement",
        "In autocommit the login must travel in one message with the statement, and this kind of "
        "statement (COPY, stream, server-side cursor) cannot.",
        "Run it in a transaction.",
    ),
    (
        "PM107",
        "the register has no such person",
        "A login or a standing was given to a number that no person of the register has.",
        "Register the person first: pgmask.register_person, or pgmask register load.",
    ),
    (
        "PM200",
        "the catalogue cannot be laid over this database",
        "Tables, columns or dependent objects stand in the way.",
        "Nothing was touched. Each problem is listed with its way out; then plan again.",
    ),
    (
        "PM201",
        "the catalogue names something the database does not have",
        "A table or column was renamed, dropped or mistyped.",
        "Correct the catalogue, or apply the application's migration first.",
    ),
    (
        "PM202",
        "something in the database is not classified",
        "A table or column of a protected schema is not named in the catalogue.",
        "Classify it (pgmask init proposes), or name the table under unprotected: with a reason.",
    ),
    (
        "PM203",
        "a protected table is no longer in the catalogue",
        "Leaving a table out of the catalogue would leave its views without a rule.",
        "Keep it in the catalogue; a protected table cannot be given back yet.",
    ),
    (
        "PM204",
        "a table or column cannot be protected as it is",
        "It is a view, a partition, unlogged, or uses a type or name pgmask cannot work with.",
        "Follow the advice given with it.",
    ),
    (
        "PM205",
        "a role is missing",
        "The catalogue names a role that does not exist on this server.",
        "Create the role, or correct the catalogue.",
    ),
    (
        "PM206",
        "a table has no primary key",
        "Sealed values are bound to the primary key of their row.",
        "Add a primary key to the table.",
    ),
    (
        "PM207",
        "a rule for rows has nothing to go by",
        "A profile chooses rows by unit or assignment, and the table has no such column.",
        "Name unit: or subject: in the catalogue, or choose another rule.",
    ),
    (
        "PM208",
        "a dependent object would break",
        "A view, function or rule of somebody else uses the table or a view that changes.",
        "Drop it before the plan and make it again over a profile's view.",
    ),
    (
        "PM209",
        "a table has row-level security of its own",
        "Two sets of policies on one table cannot be told apart.",
        "Express the rule as rows: of a profile and drop the policy.",
    ),
    (
        "PM210",
        "the views of a table are still detached",
        "A transaction called pgmask.detach and ends without pgmask.attach.",
        "Nothing was kept. Call pgmask.attach(table), or attach_all(), before COMMIT.",
    ),
    (
        "PM211",
        "a name is taken",
        "An object that pgmask did not make has the name of a view or store table.",
        "Rename that object, the profile or the store's schema.",
    ),
    (
        "PM212",
        "a column of a writable view is computed",
        "Programs that write whole rows would fail on it.",
        "Let it have a shadow column: hidden_as: shadow.",
    ),
    (
        "PM213",
        "a protection was taken off",
        "What the last apply left on a protected table is missing or changed: row-level security, a"
        " policy, trigger, CHECK, column, function, owner or grant.",
        "Leave what pgmask made out of the migration; put back with pgmask apply.",
    ),
    (
        "PM214",
        "a publication sends a protected table",
        "Subscribers would get every column, sealed ones too.",
        "Name the columns of the table in the publication.",
    ),
    (
        "PM215",
        "no index leads with the column of the subject",
        "A change of the subject's unit, grade or restriction is carried to all of its rows by it.",
        "CREATE INDEX CONCURRENTLY on the column; the plan names both.",
    ),
    (
        "PM216",
        "an index leads with a protected column",
        "Conditions on it are looked up in all units before row rules apply, so EXPLAIN ANALYZE and"
        " the time taken tell whether another unit has the value.",
        "Make the index lead with the unit, or accept it knowingly.",
    ),
    (
        "PM217",
        "this login may not migrate now",
        "It is no member of the role that owns the stores, or its window is over.",
        "Have the DBA open one: pgmask migrate open --for 30m --ticket REF --login LOGIN.",
    ),
    (
        "PM218",
        "the migration does not fit what pgmask generated",
        "The sealing of a table names a column that the migration renamed, dropped or gave another"
        " type.",
        "Run it as pgmask migrate --catalogue CATALOGUE -- TOOL, which applies right after it.",
    ),
    (
        "PM219",
        "a table waits for an apply",
        "A migration changed columns that its sealing names, and no apply has followed.",
        "Nothing was written. Apply the catalogue that knows the new columns.",
    ),
    (
        "PM220",
        "statements of the owner are refused on a protected table",
        "Under forced row-level security the owner would silently see and change no rows.",
        "Change the table in a migration window, or use a profile's view.",
    ),
    (
        "PM221",
        "the backup role does not see everything",
        "A table is not readable for the backup role, or its own policies hide rows from it.",
        "GRANT SELECT on it to pgmask_backup, or give it a policy for that role.",
    ),
    (
        "PM230",
        "the database has changed since the plan was made",
        "A table of the plan was altered, or another plan was applied meanwhile.",
        "Nothing of that table was touched. Plan again.",
    ),
    (
        "PM231",
        "a hazard was not accepted",
        "The plan drops protection, rewrites a table, or does what cannot be undone.",
        "Read the plan; accept each hazard by name: --allow HAZARD.",
    ),
    (
        "PM232",
        "an approval is missing",
        "The plan adds classified columns, lowers a level or mask, or widens access.",
        "Another person than the author approves: --approved-by NAME --approval-ref REF.",
    ),
    (
        "PM233",
        "another apply is running",
        "One apply at a time may change a database.",
        "Wait for it to end, then plan again.",
    ),
    (
        "PM234",
        "a table could not be locked",
        "Another transaction holds it; pgmask does not wait long in front of traffic.",
        "Find the holder with pg_blocking_pids, then run the same apply again.",
    ),
    (
        "PM235",
        "the server's lock table is too small",
        "One step needs more locks than max_locks_per_transaction allows.",
        "Raise max_locks_per_transaction, restart the server, run the same apply again.",
    ),
    (
        "PM236",
        "a change did not take effect",
        "After the statements an object is missing, or a privilege is not as it was ordered.",
        "The step was undone. Look for a membership or grant that gives the same right.",
    ),
    (
        "PM237",
        "a statement of the plan failed",
        "The server refused it.",
        "The step was undone; finished tables stay. Mend the cause and apply again.",
    ),
    (
        "PM238",
        "pgmask is not installed in this database",
        "The runtime's schemas are missing.",
        "pgmask install",
    ),
    (
        "PM239",
        "the apply was not confirmed",
        "Applying a catalogue directly asks for the name of the database.",
        "Type the name, or give --yes-database NAME.",
    ),
    (
        "PM240",
        "the plan file cannot be used",
        "It is not a plan, or was written by another version of pgmask.",
        "Plan again: pgmask plan CATALOGUE --out plan.json",
    ),
    (
        "PM241",
        "the plan is for another database",
        "A plan is bound to the database it was made for.",
        "Connect to that database, or plan for this one.",
    ),
    (
        "PM242",
        "the login lacks a right",
        "Plans are applied by a login that owns the tables or is a member of their owners.",
        "GRANT the owner's role to it; see pgmask doctor.",
    ),
    (
        "PM250",
        "a sealed column stands in a key",
        "A partition key, primary key, foreign key or exclusion would see the mask, not the value.",
        "Take the column out of that key, or use another column there.",
    ),
    (
        "PM251",
        "something is computed from a sealed column",
        "A generated column or an expression index would be computed from the mask.",
        "Drop it, or let the application compute it before it writes.",
    ),
    (
        "PM252",
        "a type cannot be sealed",
        "The text of such values depends on settings of the session, or the type refuses masks.",
        "Change the column's type, or the kind in the catalogue.",
    ),
    (
        "PM253",
        "a trigger sees or changes plain values",
        "It fires between the application and the sealing trigger, or after it.",
        "Rename it to sort before zzz_pgmask, and see that it writes no plain value elsewhere.",
    ),
    (
        "PM254",
        "a unique key over a sealed column is not named in the catalogue",
        "Masks repeat: uniqueness must move to the blind index.",
        "Say unique: global or per_unit for the column, or drop the key.",
    ),
    (
        "PM255",
        "inheritance children would not be sealed",
        "Row triggers of a parent do not fire for children made by INHERITS.",
        "Make them partitions, or separate tables that the catalogue names.",
    ),
    (
        "PM257",
        "code of the application would run while a query is planned",
        "An index, statistics, a CHECK or a partition key of a store calls a function that belongs"
        " neither to a superuser nor to pgmask. PostgreSQL calls it with the rights of whoever"
        " queries the store.",
        "Write the expression with PostgreSQL's own functions, drop it, or have a superuser read"
        " the function and take it over: ALTER FUNCTION .. OWNER TO.",
    ),
    (
        "PM258",
        "a trigger would run as the owner of a store",
        "It fires behind ON .. CASCADE, SET NULL or SET DEFAULT: such an action runs as the owner"
        " of the referencing table, without its row-level security.",
        "Drop the trigger, or let the foreign key restrict and the application delete.",
    ),
    (
        "PM260",
        "something foreign hangs on the views",
        "A view, function, trigger or rule that pgmask does not own uses a profile's view, or a"
        " constraint trigger has the name of a key of the table.",
        "Drop it in the migration and make it again after attach.",
    ),
    (
        "PM261",
        "no such detached or protected table",
        "The name means no protected table or several, or the table is not detached in this"
        " transaction.",
        "Name it as the application knows it, schema.table; detach before attach.",
    ),
    (
        "PM262",
        "a protected table was moved in a migration",
        "The store or a partition of it has another name, schema or owner.",
        "Leave names and schemas of stores; migrate as the role that owns them (SET ROLE).",
    ),
    (
        "PM263",
        "the migration's tool failed",
        "The command that pgmask migrate ran ended with an exit code other than 0.",
        "Nothing was applied. See the tool's own words; its failed transaction changed nothing.",
    ),
    (
        "PM264",
        "another migration runs",
        "One pgmask migrate at a time works on a database.",
        "Wait for it; a killed one frees its lock by itself.",
    ),
    (
        "PM265",
        "the window cannot be opened",
        "No login or owner is known, the role is not one, or the login has a window already.",
        "Name them under migrations: in the catalogue, or with --login; close the open one first.",
    ),
    (
        "PM266",
        "a membership could not be given or taken",
        "This login does not administer the role that owns the stores.",
        "GRANT the owner's role to it WITH ADMIN OPTION.",
    ),
    (
        "PM267",
        "a window for migrations is overdue",
        "A login is still a member of the role that owns the stores after its window's end.",
        "Close it: pgmask migrate close; and end sessions of that login.",
    ),
    (
        "PM268",
        "a table refuses writes until an apply",
        "A migration changed columns that its sealing names; every write gets PM219 since.",
        "pgmask apply CATALOGUE, with the new columns in it.",
    ),
    (
        "PM270",
        "a table is ahead of the table of its subjects",
        "Rows take unit and flags from their subject's row, which keeps them from sealing on.",
        "Bring the subject's table to rollout: sealing first, or hold this one at rollout: views.",
    ),
    (
        "PM271",
        "plain values are seen until the table is sealed",
        "A profile that opens always and writes the table reads the stored columns, which hold"
        " the values of before until pgmask seal has been over them.",
        "Set opens: when_sealed for the profile, or seal soon; pgmask rollout status counts them.",
    ),
    (
        "PM272",
        "there is no way back past sealed values",
        "The catalogue asks for a stage before sealing, and values of the table are sealed.",
        "pgmask unseal TABLE, then plan again; or keep rollout: sealing.",
    ),
    (
        "PM273",
        "a table goes back one stage at a time",
        "From sealing to observe the table would lose its columns and its place at once.",
        "Set rollout: views, apply, then rollout: observe.",
    ),
    (
        "PM274",
        "no such table in the catalogue",
        "The table that was named is not protected by the catalogue, or has no change to apply.",
        "Name it as the catalogue does, with its schema: pgmask rollout status lists all.",
    ),
    (
        "PM275",
        "the use of observed tables cannot be measured here",
        "No table is at the stage observe, or pgmask is not deployed in this database.",
        "Set rollout: observe for a table and apply.",
    ),
    (
        "PM276",
        "the table is not at a stage that seals",
        "At observe and views nothing is sealed: neither triggers nor columns for it are there.",
        "Set rollout: sealing or rollout: enforced for it, apply, then seal.",
    ),
    (
        "PM277",
        "a view would take the name of an observed table",
        "While a table is observed, a profile's views stand in a schema of the profile's name.",
        "Name the profile otherwise than the table's schema, or begin with rollout: views.",
    ),
    (
        "PM278",
        "a table was left out that another one needs",
        "--only names a table whose subjects' own table has changes of its own to come first.",
        "Name that table as well: --only is given once for each.",
    ),
    (
        "PM310",
        "a key is missing",
        "The file or loaded key that wraps the data keys is not there.",
        "Masked reads go on. Load the key: pgmask keys load; then repeat the write.",
    ),
    (
        "PM311",
        "a key is not the registered one",
        "The key file was replaced: its fingerprint differs from the registered fingerprint.",
        "Put the right key file back; nothing was read or written with the wrong one.",
    ),
    (
        "PM312",
        "a key file is truncated",
        "The key file is shorter than a key file is.",
        "Restore the file from escrow.",
    ),
    (
        "PM313",
        "a key file is damaged",
        "The checksum of the key file does not hold.",
        "Restore the file from escrow.",
    ),
    (
        "PM314",
        "the subject's data key is gone",
        "The subject's key was erased or never restored, so its sealed values cannot be used.",
        "If it was erased on purpose, this is final. Else restore the key tables.",
    ),
    (
        "PM315",
        "a sealed value is damaged",
        "The sealed value does not open under its row's key: it was changed, moved or cut.",
        "Nothing was written. Find the row with pgmask seal TABLE --verify.",
    ),
    (
        "PM401",
        "the identity is too weak for complete values",
        "Reveal and search ask for the grade challenge, or for a person's own database login, and"
        " for a fresh second factor where the profile says so.",
        "Log in with an assertion that answers pgmask.challenge().",
    ),
    (
        "PM402",
        "outsourced staff never see complete values",
        "The rule knows no exception, whatever was granted.",
        "An employee of the unit asks for it.",
    ),
    (
        "PM403",
        "the purpose is not one of the profile's",
        "Purposes are a closed list per profile; some need the key of a business case.",
        "Name a purpose of the profile, with the reference it asks for.",
    ),
    (
        "PM404",
        "the business case does not fit",
        "It is not there, belongs to somebody else, or does not meet the purpose's condition.",
        "Give the key of an open case of the same customer.",
    ),
    (
        "PM405",
        "the limit is used up",
        "Reveals and searches are limited per person, per customer, per day and per month; what was"
        " asked counts, also when it was refused or rolled back.",
        "Go on in the next period. Larger needs are a request, with an approval.",
    ),
    (
        "PM406",
        "a column cannot be revealed",
        "The profile's list does not name it.",
        "Ask for the columns of the profile: SELECT * FROM pgmask.my_reveals().",
    ),
    (
        "PM407",
        "there is no such row",
        "No row with this key is visible to the caller; whether there is one is not told.",
        "Check the key; SELECT * FROM pgmask.why(table, key).",
    ),
    (
        "PM408",
        "a high-value customer",
        "Only designated persons, and those the customer is assigned to, see such a customer.",
        "Call who is designated; the hint names them.",
    ),
    (
        "PM409",
        "the columns speak of several persons",
        "A ticket is for one person's information, so that it is clear whose was shown.",
        "Ask for the columns of one person at a time.",
    ),
    (
        "PM410",
        "there is no such ticket",
        "It was never written, was rolled back, or belongs to another person, profile or login.",
        "Ask first: SELECT pgmask.reveal_request(..), then COMMIT.",
    ),
    (
        "PM411",
        "the ticket has expired",
        "A ticket holds for 60 seconds.",
        "Ask again.",
    ),
    (
        "PM412",
        "the ticket is not committed",
        "A value is shown only once its record cannot be rolled back any more.",
        "COMMIT after pgmask.reveal_request(..), and bring the ticket in a new transaction.",
    ),
    (
        "PM413",
        "complete values are shown by the primary server only",
        "A standby cannot keep the record.",
        "Connect to the primary server.",
    ),
    (
        "PM414",
        "reveals are asked for in READ COMMITTED only",
        "A limit that is counted needs the newest tickets, not those of an older snapshot.",
        "BEGIN ISOLATION LEVEL READ COMMITTED, and repeat.",
    ),
    (
        "PM415",
        "the searched value is not valid for its kind",
        "A search takes one whole value of the column's kind, never a mask or a part.",
        "Give the whole value. Prefixes are searched on the masked column itself.",
    ),
    (
        "PM416",
        "too many searches that match a mask and not the value",
        "They look like guessing the complete value behind a customer's mask.",
        "No more searches today (UTC). If the customer gave the number, reveal compares it.",
    ),
    (
        "PM417",
        "searching in bulk needs an approved request",
        "One search is one value, counted and recorded.",
        "Search one by one, or ask for an approved request.",
    ),
    (
        "PM418",
        "tickets are only added",
        "The record of what was shown is never changed, deleted or emptied.",
        "Leave it as it is.",
    ),
    (
        "PM419",
        "the profile reveals nothing of this table",
        "The catalogue gives the profile no reveal for it, or the caller has no such table.",
        "SELECT * FROM pgmask.my_reveals() tells what it reveals.",
    ),
    (
        "PM420",
        "a reveal or search does not fit the database",
        "A key, a business case or a searched column is not as the catalogue's rule needs it.",
        "Correct the rule or the table; nothing was touched.",
    ),
    (
        "PM421",
        "reveals and searches cannot be recorded",
        "The key that signs tickets and notes is missing, as after a restore.",
        "pgmask install makes a new one.",
    ),
    (
        "PM440",
        "this cannot carry a login in autocommit",
        "A server-side cursor, COPY or a stream lasts longer than one statement, and in autocommit"
        " the identity ends with its statement.",
        "Use atomic(); for QuerySet.iterator() leave DISABLE_SERVER_SIDE_CURSORS out of DATABASES.",
    ),
    (
        "PM441",
        "the Django setting PGMASK_ACTOR gave something else than an actor",
        "The function it names returned neither a pgmask Actor nor None.",
        "Return Actor(person=.., profile=.., unit=..), or None where nobody is logged in.",
    ),
    (
        "PM442",
        "a part of a transaction cannot be repeated",
        "After 40001 PostgreSQL wants the whole transaction again, and one is open around this.",
        "Put retry_on_conflict outside atomic() and ATOMIC_REQUESTS.",
    ),
    (
        "PM501",
        "the register refuses the change",
        "A value is not one the register knows, or names something that is not in it.",
        "Nothing was changed. Register what is named first.",
    ),
    (
        "PM502",
        "too many designated persons in a unit",
        "At most two persons of a unit may be designated for high-value customers at once.",
        "End a designation first.",
    ),
    (
        "PM503",
        "units in a circle",
        "A unit would lie above itself.",
        "Correct the superior of the unit.",
    ),
    (
        "PM504",
        "an outsourced person cannot be designated",
        "Outsourced staff never reach high-value customers' or level-1 information.",
        "Designate an employee, or end the designation before changing the employment.",
    ),
    (
        "PM505",
        "the register is changed in READ COMMITTED only",
        "Rules over several rows hold only if the newest rows are read.",
        "BEGIN ISOLATION LEVEL READ COMMITTED, and repeat.",
    ),
    (
        "PM506",
        "the register keeps its history",
        "Rows of the history are never changed, and no table of the register is emptied.",
        "End rows one by one: pgmask.register_end_..(..).",
    ),
    (
        "PM507",
        "an issuer has at most two valid keys",
        "A third key would mean that a rotation was not finished.",
        "Use pgmask issuer rotate: it ends the oldest.",
    ),
    (
        "PM320",
        "the table is not ready to be sealed",
        "The plan that gives it sealing triggers has not been applied.",
        "pgmask apply first, then pgmask seal.",
    ),
    (
        "PM321",
        "rows share a value that must be unique",
        "Two rows have the same value of a unique column once it is written in its normal form.",
        "The rows are named by primary key. Correct one of each, then run pgmask seal again.",
    ),
    (
        "PM322",
        "sealed rows did not pass the verification",
        "A stored value is no mask, a sealed value does not open, or a blind index is wrong.",
        "The rows are named by primary key. Restore them from a backup, or write them anew.",
    ),
    (
        "PM323",
        "sealing stopped before its end",
        "Disk, connection, key or a lock was not to be had; what is sealed stays sealed.",
        "Mend the cause, then run pgmask seal again: it goes on where it stopped.",
    ),
    (
        "PM324",
        "some rows could not be sealed",
        "The sealing trigger or a constraint refused them.",
        "The rows are named by primary key, with the reason. Correct them; run pgmask seal again.",
    ),
    (
        "PM330",
        "no right to decide about unsealing",
        "Only members of pgmask_unseal ask that tables be unsealed, approve it or cancel it.",
        "Use such a login, or GRANT pgmask_unseal TO it. Two different logins are needed.",
    ),
    (
        "PM331",
        "the request to unseal does not fit",
        "It is not there, not open any more, names other tables, or lacks purpose or reference.",
        "pgmask unseal list shows the requests; ask anew with pgmask unseal request.",
    ),
    (
        "PM332",
        "asked and approved by the same person",
        "Two persons decide about unsealing; this login, or this person, has asked for it.",
        "Another person approves, with a database login of their own.",
    ),
    (
        "PM333",
        "the request to unseal is not approved",
        "No other person has approved it, or the approval is older than 30 days.",
        "Another person runs pgmask unseal approve ID; then run it.",
    ),
    (
        "PM334",
        "the key file is not at hand",
        "Unsealing asks for the key file itself; this one is not the one that sealed.",
        "Give the right file with --key-file; pgmask keys status shows its fingerprint.",
    ),
    (
        "PM335",
        "a NULL that may be stale",
        "The value was NULL at rest while it was sealed, and has come back since it was read.",
        "Nothing was written. Reload the row; NULL can be written once pgmask unseal has ended.",
    ),
    (
        "PM336",
        "unsealing stopped before its end",
        "Disk, connection, key or a lock was not to be had; what is open stays open.",
        "Mend the cause, then run the same pgmask unseal run again: it goes on where it stopped.",
    ),
    (
        "PM337",
        "some rows could not be unsealed",
        "A sealed value does not open, its data key is gone, or a trigger or constraint refused.",
        "The rows are named by primary key. Restore them, or correct them; then run it again.",
    ),
    (
        "PM338",
        "the table is on its way back",
        "pgmask unseal has begun with it: sealing it now would work against that.",
        "Finish it, or give it up: pgmask unseal cancel ID, then pgmask apply and pgmask seal.",
    ),
    (
        "PM339",
        "a record is never changed",
        "Requests and what happened to them are kept as they were written.",
        "Add what is new; a request that is no longer wanted is cancelled.",
    ),
    (
        "PM340",
        "pgmask cannot be uninstalled yet",
        "Values are still sealed, or objects of others stand on those of pgmask.",
        "Each is named with its way out; then run pgmask uninstall again.",
    ),
    (
        "PM341",
        "a table cannot be given back as it was",
        "A constraint it had before does not hold over its rows of now, or its place is taken.",
        "Each is named. Correct the rows, or say --without-constraints and add them later.",
    ),
    (
        "PM350",
        "a dump of it would not be anonymous",
        "A column of level 1 or 2 can hold no mask, or a table is not in the deployed catalogue.",
        "Classify and apply what is new; name a column with --keep to give it out as it is.",
    ),
    (
        "PM351",
        "a key for development",
        "Its file is marked for invented data, and this database is not known to hold only that.",
        "Apply an environment of the catalogue that says data: fake, or use a key of production.",
    ),
    (
        "PM352",
        "the database is for something else",
        "Production stays production, and a database with a key for development never becomes it.",
        "Make a new database for the other purpose.",
    ),
    (
        "PM353",
        "no copy of the key is in escrow",
        "The environment asks for one before rows are sealed: then the key is all that opens them.",
        "Keep a copy elsewhere and show it: pgmask keys escrow COPY --place WHERE.",
    ),
    (
        "PM354",
        "invented values would meet real ones",
        "The database is not marked as a test, or holds values that are no masks and not invented.",
        "Restore an anonymous dump into a new database, and apply an environment with data: fake.",
    ),
    (
        "PM355",
        "some rows got no invented values",
        "The sealing trigger or a constraint refused every attempt.",
        "The rows are named by primary key, with the reason.",
    ),
    (
        "PM508",
        "the register file has problems",
        "A key, value or reference of the file is not what the register knows.",
        "Each problem is listed with file, line, column and a fix; nothing was changed.",
    ),
    (
        "PM620",
        "a base table instead of the view",
        "The statement names the store's table, or an object of pgmask's own; applications "
        "have no right there.",
        "Query the profile's view: the table's own name, without the store's schema.",
    ),
    (
        "PM621",
        "this profile has no such right on the table",
        "The catalogue gives the profile no view of the table, or not this operation on it.",
        "Use another profile, or have the catalogue's profile widened, which needs an approval.",
    ),
    (
        "PM622",
        "an unclassified table or column",
        "The catalogue does not name it, so nobody has said how it must be protected; a view "
        "shows NULL for it.",
        "Classify it in the catalogue, or put the table under unprotected with a reason.",
    ),
    (
        "PM623",
        "level 1 in bulk",
        "Columns of level 1 come back for many rows, with no condition on one record.",
        "Ask for the columns that are needed, of one record by its key or with a small LIMIT.",
    ),
    (
        "PM624",
        "classified data in an export",
        "COPY TO, a cursor WITH HOLD or a file takes classified columns out of the database "
        "in bulk.",
        "Leave classified columns out; an export of them needs a request and an approval.",
    ),
    (
        "PM625",
        "a comparison with a masked column that never matches",
        "The column holds a mask for this profile, so the full value equals none of its rows.",
        "Call the search function of the column, which is counted and recorded, or compare "
        "with the key.",
    ),
    (
        "PM626",
        "a pattern over hidden characters",
        "LIKE, ILIKE, SIMILAR TO or a regular expression meets characters that the mask hides.",
        "Search by the whole value with the search function, or by the part that the mask shows.",
    ),
    (
        "PM627",
        "a pattern that cannot use the index",
        "LIKE with a prefix uses an ordinary index only under the collation C.",
        "Write column ^@ 'prefix', which keeps the index.",
    ),
    (
        "PM628",
        "a condition on a column that is hidden",
        "The column is NULL in this profile's view, so the condition is never true.",
        "Leave the condition out, or use a profile that sees the column.",
    ),
    (
        "PM629",
        "masks are matched as if they were values",
        "A join, GROUP BY or DISTINCT compares masks; those of different persons may be equal.",
        "Join and group by keys.",
    ),
    (
        "PM630",
        "sorted by a mask",
        "ORDER BY sorts what is shown, not what is behind it.",
        "Sort by another column.",
    ),
    (
        "PM631",
        "COPY to or from a program or a file of the server",
        "It writes into, or reads from, a place that no right of the database guards.",
        "COPY (SELECT ..) TO STDOUT, and let the client write.",
    ),
    (
        "PM632",
        "a function that could carry data out",
        "The function reaches files, other servers, large objects or the log, or runs text as "
        "a statement.",
        "Leave it out; text that is run as a statement cannot be checked.",
    ),
    (
        "PM633",
        "a notification that carries data",
        "NOTIFY and pg_notify hand their payload to every session of the database.",
        "Send a key and let the listener read the row with its own rights.",
    ),
    (
        "PM634",
        "a statement that opens a way out",
        "It loads code, or makes a server, a foreign table, a publication or a subscription.",
        "Leave it to the DBA, outside the application.",
    ),
    (
        "PM635",
        "statements made of text at run time",
        "EXECUTE in a DO block or function runs text that nobody sees before.",
        "Write the statement itself.",
    ),
    (
        "PM636",
        "classified data written where nobody masks it",
        "A new or unprotected table would hold values of classified columns.",
        "Write into a table of the catalogue; for a work table take keys only.",
    ),
    (
        "PM637",
        "a view or function that re-exposes columns",
        "It would read protected tables with its owner's rights and show them to whoever may "
        "use it.",
        "CREATE VIEW .. WITH (security_invoker = true); functions SECURITY INVOKER.",
    ),
    (
        "PM638",
        "a function that nobody can look into",
        "What a function of another language than SQL reads is not known; SECURITY DEFINER reads"
        " with its owner's rights.",
        "A function LANGUAGE sql, SECURITY INVOKER; or the query itself.",
    ),
    (
        "PM640",
        "a change of role",
        "SET ROLE and SET SESSION AUTHORIZATION change whose rights count, not who is asking.",
        "Connect as the login that should act; people are told by pgmask.login.",
    ),
    (
        "PM641",
        "a setting that identity or protection hangs on",
        "Settings of pgmask, session_replication_role, row_security and the like are not the "
        "application's.",
        "Leave it out. Identity comes by pgmask.login only.",
    ),
    (
        "PM642",
        "rights changed by hand",
        "GRANT, REVOKE and changes of owner or role on protected objects are undone or are drift.",
        "Say it in the catalogue and apply.",
    ),
    (
        "PM643",
        "a protection switched off",
        "Row-level security, triggers, rules or policies of a protected table are changed or "
        "dropped.",
        "Leave them to pgmask; a migration detaches the table.",
    ),
    (
        "PM644",
        "an object of pgmask is touched",
        "Its schemas and what begins with pgmask_ belong to the runtime and the compiler.",
        "Change the catalogue and apply.",
    ),
    (
        "PM646",
        "a text that cannot be read",
        "The file is missing or is not UTF-8.",
        "Name a file, a folder or - for the standard input; save the file as UTF-8.",
    ),
    (
        "PM647",
        "a statement is refused before it is sent",
        "The validating hook found a rule that denies it.",
        "Each finding has its own way out; PM638 and others tell it.",
    ),
    (
        "PM648",
        "validation needs a schema",
        "Names can be resolved only against a database or a snapshot of one.",
        "--dsn DSN, or --schema FILE from pgmask schema dump.",
    ),
    (
        "PM650",
        "a reveal without a purpose",
        "The purpose is missing, empty, or none of the profile's.",
        "Name one of the profile's purposes, and the case where it needs one.",
    ),
    (
        "PM651",
        "a search by many values at once",
        "The bulk search refuses always: whoever has a list of numbers is not serving a customer.",
        "One call of the search function for each value.",
    ),
    (
        "PM652",
        "a request and its reveal in one transaction",
        "A reveal is refused until the ticket is committed.",
        "COMMIT after the request; then reveal.",
    ),
    (
        "PM655",
        "rows of another unit",
        "The profile sees its own unit only; a condition on another finds nothing.",
        "Leave the condition on the unit out, or ask for access across units.",
    ),
    (
        "PM660",
        "a mask is written as a value",
        "A value that is read from a masked column holds the mask, not the truth.",
        "Write the full value, or copy with a ticket: INSERT .. SELECT .. FROM the reveal "
        "function.",
    ),
    (
        "PM662",
        "a column that this view computes",
        "The column is masked or NULL in the view itself, so nothing can be written through it.",
        "Write through a profile that sees the column, or leave it out.",
    ),
    (
        "PM663",
        "a value that looks like a mask",
        "A value with a mask glyph is refused unless it is the stored mask.",
        "Write the full value, or leave the column out.",
    ),
    (
        "PM664",
        "every row is changed",
        "UPDATE or DELETE of a protected table without a condition.",
        "Add a condition on the key.",
    ),
    (
        "PM670",
        "GROUP BY of the primary key alone",
        "A view has no primary key, so no other column follows from it.",
        "Group by every selected column, or join to an aggregate.",
    ),
    (
        "PM671",
        "ON CONFLICT ON CONSTRAINT",
        "A view has no constraints.",
        "ON CONFLICT (columns).",
    ),
    (
        "PM672",
        "ON CONFLICT on a sealed unique column",
        "The key stands on the blind index, which no view shows.",
        "ON CONFLICT DO NOTHING, then the search function and an UPDATE.",
    ),
    (
        "PM673",
        "a system column",
        "A view has neither ctid nor xmin nor tableoid.",
        "The primary key; a version or updated_at column.",
    ),
    (
        "PM674",
        "TABLESAMPLE on a view",
        "Only tables can be sampled.",
        "WHERE random() < 0.1",
    ),
    (
        "PM675",
        "TRUNCATE of a view",
        "Only tables can be truncated.",
        "DELETE; or TRUNCATE in a migration.",
    ),
    (
        "PM676",
        "COPY of a view",
        "A view can be copied neither from nor to.",
        "COPY (SELECT ..) TO; INSERT of many rows.",
    ),
    (
        "PM677",
        "a function of sequences that no longer says it",
        "lastval() is that of pgmask's own counters; setval and last_value are the owner's.",
        "RETURNING, or currval of the sequence.",
    ),
    (
        "PM678",
        "WHERE CURRENT OF",
        "A cursor over a view does not say where it is.",
        "A condition on the key.",
    ),
    (
        "PM679",
        "MERGE into a view before 17",
        "PostgreSQL merges into views from 17 on.",
        "INSERT .. ON CONFLICT, or UPDATE and INSERT.",
    ),
    (
        "PM680",
        "a definition changed under the view's name",
        "The table stands in the store; its old name is a view.",
        "In a migration, on the table in the store's schema, inside pgmask.detach and attach.",
    ),
    (
        "PM681",
        "a partition by its own name",
        "Only the partitioned table has a view.",
        "The partitioned table, with a condition on its key.",
    ),
    (
        "PM682",
        "LOCK TABLE",
        "Locking a view asks for rights that the profile may not have.",
        "SELECT .. FOR UPDATE, or an advisory lock.",
    ),
    (
        "PM683",
        "a question to the system catalogues that a view answers otherwise",
        "Keys, NOT NULL, sizes and serial sequences belong to tables.",
        "pgmask.table_metadata, column_metadata and key_metadata.",
    ),
    (
        "PM685",
        "the table must be detached first",
        "The views of the table hang on what the migration changes.",
        "SELECT pgmask.detach('schema.table') before, pgmask.attach('schema.table') after, in "
        "one transaction.",
    ),
    (
        "PM686",
        "a table stays detached",
        "COMMIT is refused until every detached table is attached again.",
        "SELECT pgmask.attach('schema.table') before COMMIT.",
    ),
    (
        "PM687",
        "a new column that nobody has classified",
        "It is invisible to every profile until the catalogue names it.",
        "Classify it in the same change.",
    ),
    (
        "PM688",
        "a change that sealed values do not survive",
        "Name and type of a sealed column are part of its sealed values; the window refuses "
        "the change.",
        "Add a column, copy by the application, then drop the old one; or apply with the "
        "catalogue.",
    ),
    (
        "PM689",
        "a suppression without a reason",
        "A comment -- pgmask: allow must name a code and a reason, and something to allow.",
        "-- pgmask: allow PM630 sorted for display only",
    ),
    (
        "PM690",
        "the file of decisions has problems",
        "A key or value of scan-decisions.yml is not what pgmask scan writes, or stands twice.",
        "Each is listed with line and column; correct it, or take the file back from its history.",
    ),
    (
        "PM691",
        "there is nothing to decide there",
        "A pattern of --accept or --reject matches no column, or one that has no proposal.",
        "Run pgmask scan without it and name a column as it is listed: schema.table.column.",
    ),
    (
        "PM692",
        "a decision needs a person and a reason",
        "What was decided is read again by others, in a year, beside the column it is about.",
        "Give --reviewer NAME, and for what is rejected --reason TEXT.",
    ),
    (
        "PM693",
        "a column is not classified",
        "It is new, or its table is neither in the catalogue nor under unprotected.",
        "Add it to the catalogue as proposed or as you know better: pgmask scan --write FILE.",
    ),
    (
        "PM694",
        "a column holds more than the catalogue says",
        "Its name or values are those of a kind that asks for a stricter level.",
        "Classify it anew; or reject the proposal with a reason, and it is not made again.",
    ),
    (
        "PM695",
        "an unprotected table holds what looks personal",
        "The catalogue says that no person is in it, and a column speaks against that.",
        "Protect the table; or reject the proposal with a reason, and it is not made again.",
    ),
    (
        "PM696",
        "a decision rests on what has changed",
        "The column's type, its name's meaning or its values are no longer those of that day.",
        "Look again: pgmask scan --accept or --reject with today's evidence.",
    ),
    (
        "PM700",
        "a check could not be made",
        "The login that runs doctor may not look there.",
        "Run doctor as the login that installed pgmask, or as a superuser.",
    ),
    (
        "PM600",
        "a statement cannot be parsed",
        "The text is not of PostgreSQL's grammar, or is one of psql's own commands.",
        "Correct it at the position given; psql's backslash commands do not belong to SQL.",
    ),
    (
        "PM601",
        "a relation is not known",
        "No table or view of that name is in the schema snapshot, on this search_path.",
        "Correct the name, give --search-path, or take a new snapshot with pgmask schema dump.",
    ),
    (
        "PM602",
        "a column is not known",
        "Nothing in FROM has a column of that name where it is used.",
        "Correct the name, or take a new snapshot with pgmask schema dump.",
    ),
    (
        "PM603",
        "a name is ambiguous",
        "More than one column or table could be meant; PostgreSQL refuses it too.",
        "Put the table's alias before it.",
    ),
    (
        "PM604",
        "a function is not known",
        "No function of that name takes these arguments, on this search_path.",
        "Correct the name, or take a new snapshot with pgmask schema dump.",
    ),
    (
        "PM605",
        "a part of a statement is not understood",
        "pgmask does not know what this part does, so it says nothing about the statement.",
        "Write it in another way, and report it with the path that is given.",
    ),
    (
        "PM606",
        "the columns of a row are not known",
        "The type of the row follows from nothing in the statement or the snapshot.",
        "Give a column definition list, or cast to a named type.",
    ),
    (
        "PM607",
        "what is executed or fetched is not in this text",
        "EXECUTE or FETCH names what another text has prepared or declared.",
        "Give PREPARE or DECLARE together with it.",
    ),
    (
        "PM608",
        "a statement is put together at run time",
        "EXECUTE in PL/pgSQL, or DO in another language: what it runs is in no text.",
        "Write the statement itself.",
    ),
    (
        "PM609",
        "a body or definition cannot be read",
        "It cannot be parsed, or calls itself.",
        "Correct it, or take a new snapshot with pgmask schema dump.",
    ),
    (
        "PM610",
        "the schema snapshot cannot be used",
        "The file is no snapshot, is damaged, or has another format.",
        "pgmask schema dump writes a new one.",
    ),
    (
        "PM611",
        "a name or column stands where it may not",
        "PostgreSQL refuses the statement too.",
        "Correct it at the position given.",
    ),
    (
        "PM612",
        "the kind of a statement is not known",
        "The grammar is newer than this pgmask.",
        "Report it; until then the statement is refused.",
    ),
    (
        "PM613",
        "the search_path is not known",
        "An earlier statement sets it to what only the server knows.",
        "Qualify names with their schema.",
    ),
    (
        "PM614",
        "what an earlier statement of the text changed cannot be followed",
        "It renames, moves, drops or replaces what this one names, or may have failed.",
        "Put the two statements into texts of their own.",
    ),
    (
        "PM615",
        "a command or variable of psql",
        "psql does something here that is no SQL: what runs, or where, is not known.",
        "Write plain SQL; what runs elsewhere is validated as a text of its own.",
    ),
    (
        "PM701",
        "the server's minor version is below the floor",
        "Before August 2025 a caller could read samples of values that he may not see.",
        "Upgrade to 15.14, 16.10, 17.6, 18.0 or newer of the same major version.",
    ),
    (
        "PM702",
        "connections may be without TLS",
        "The server offers no TLS, so assertions and values cross the network as they are.",
        "Set ssl = on with a certificate, and hostssl lines in pg_hba.conf.",
    ),
    (
        "PM703",
        "the server's log keeps values",
        "Logged parameters, failed statements and error details hold plain values.",
        "pgmask install --superuser-sql prints the settings per application login.",
    ),
    (
        "PM704",
        "a role gets around the protection",
        "Superusers, BYPASSRLS, REPLICATION and rights to read everything see all rows.",
        "Take the attribute or membership away, or declare a backup role in the catalogue.",
    ),
    (
        "PM705",
        "a role with CREATEROLE before PostgreSQL 16",
        "There it may grant itself any role, file access included.",
        "ALTER ROLE .. NOCREATEROLE, or upgrade the server.",
    ),
    (
        "PM706",
        "somebody is a member of an owner role",
        "Owner roles read keys, register and stores; nobody but the installer belongs to them.",
        "REVOKE the membership.",
    ),
    (
        "PM707",
        "everybody has a right that should have been revoked",
        "A REVOKE was never made, or only warned.",
        "Run the statement given as the owner or a superuser, and look again.",
    ),
    (
        "PM708",
        "a function outside pgmask claims to be LEAKPROOF",
        "PostgreSQL runs it before the row rules, so it sees rows that the caller may not.",
        "ALTER FUNCTION .. NOT LEAKPROOF, unless you are certain of it.",
    ),
    (
        "PM709",
        "the runtime was changed by hand",
        "A function, view or trigger is not what the installed revision made.",
        "Find out who did it; pgmask plan shows the same for generated objects.",
    ),
    (
        "PM710",
        "a key cannot be used",
        "A registered key-encryption key is missing, wrong, truncated or damaged.",
        "Masked reads go on, writes do not. pgmask keys status, pgmask keys load.",
    ),
    (
        "PM711",
        "a backup would not be complete",
        "The backup role is empty, or does not see every row of a protected table.",
        "Name a login under backup: in the catalogue, and apply.",
    ),
    (
        "PM712",
        "the register has gaps",
        "A unit, person or login lacks what is asked of it.",
        "pgmask register gaps lists them.",
    ),
    (
        "PM713",
        "an outsourced person has rights over the protection",
        "The login of an outsourced person is a superuser, owner or may read keys.",
        "Take the rights away; the rule allows no exception.",
    ),
    (
        "PM714",
        "an extension or language reaches around the protection",
        "Links to other databases and untrusted languages are not subject to the row rules.",
        "DROP EXTENSION, or keep its use to superusers.",
    ),
    (
        "PM715",
        "a publication carries protected data",
        "A publication sends keys or sealed columns to its subscribers.",
        "Leave the columns or tables out of the publication.",
    ),
    (
        "PM716",
        "a role may change session_replication_role",
        "With it ordinary triggers can be silenced.",
        "REVOKE SET ON PARAMETER session_replication_role FROM ..",
    ),
    (
        "PM717",
        "names can be shadowed",
        "Somebody may create objects in a schema that others search, or changes the search.",
        "REVOKE CREATE on the schema; ALTER ROLE .. RESET the setting.",
    ),
    (
        "PM718",
        "identities cannot be verified",
        "The token key or an issuer's key is missing, as after a restore.",
        "pgmask install; then pgmask issuer rotate for each issuer.",
    ),
    (
        "PM719",
        "a registered login is not a role of the server",
        "Somebody who creates a role of that name would be taken for the person.",
        "End it in the register, or create the role.",
    ),
    (
        "PM720",
        "a mark that protects the runtime is missing",
        "The runtime's own check finds a function, table, trigger or comment without its mark.",
        "Find out who changed it; install pgmask anew in an empty database to compare.",
    ),
    (
        "PM721",
        "notes are not collected",
        "There is no slot, nobody has collected for a while, or collecting is far behind.",
        "pgmask audit collect; pgmask audit status tells how it stands.",
    ),
    (
        "PM722",
        "notes are lost, or will be",
        "The log that the slot of the notes needs was removed, or is about to be.",
        "pgmask audit collect --catch-up; a larger max_slot_wal_keep_size.",
    ),
    (
        "PM723",
        "a stalled collector can fill the disk",
        "max_slot_wal_keep_size is -1: log is kept until it is collected, without a limit.",
        "ALTER SYSTEM SET max_slot_wal_keep_size = what the disk has to spare; reload.",
    ),
    (
        "PM724",
        "notes go to the server's log",
        "wal_level is not logical.",
        "ALTER SYSTEM SET wal_level = logical and a restart, or pgmask audit collect --log FILE.",
    ),
    (
        "PM725",
        "rows of the record lie outside every month",
        "There was no partition for their month when they were written.",
        "pgmask audit collect makes the months that are missing; the rows stay found.",
    ),
    (
        "PM726",
        "the record has no partition for the next month",
        "The collector makes them ahead, and has not run.",
        "pgmask audit collect",
    ),
    (
        "PM728",
        "messages pretended to be notes",
        "Somebody wrote messages in the form of notes without the signature.",
        "Find out which login: pg_stat_activity, the server's log. A superuser can end it: pgmask"
        " install --superuser-sql prints REVOKE EXECUTE ON FUNCTION pg_logical_emit_message.",
    ),
    (
        "PM729",
        "reads are stopped",
        "The catalogue says when_audit_stalls: stop_reads, and notes are not being collected.",
        "pgmask audit collect",
    ),
    (
        "PM800",
        "a read could not be noted",
        "The key that signs notes is missing, as after a restore, or a note was empty.",
        "pgmask install makes the key.",
    ),
    (
        "PM801",
        "rows of the record are only added",
        "A statement would change, delete or empty rows of pgmask_audit.",
        "Nothing was changed. What is older than its retention leaves by pgmask audit archive.",
    ),
    (
        "PM802",
        "reads are stopped",
        "The catalogue says when_audit_stalls: stop_reads, and notes are not being collected.",
        "pgmask audit collect, then read again.",
    ),
    (
        "PM804",
        "auditors have given no key for the text of statements",
        "The profile says audit_text: true, and there is no public key to encrypt the text to.",
        "An auditor gives one: pgmask audit text-key set FILE.",
    ),
    (
        "PM805",
        "not a key that statements can be encrypted to",
        "The file is no armored OpenPGP public key, or has no RSA or ElGamal part that encrypts.",
        "docs/howto/answer-a-regulators-question.md shows how auditors make one with GnuPG.",
    ),
    (
        "PM810",
        "another collector is at work",
        "One collector at a time stores notes, so that they stay in order.",
        "pgmask audit status tells how it does.",
    ),
    (
        "PM811",
        "there is no slot that holds the notes",
        "It was dropped or lost, or collecting was never set up.",
        "pgmask audit collect makes it, and puts the gap on record.",
    ),
    (
        "PM812",
        "notes are missing from the record",
        "The slot was lost, dropped or moved before its notes were stored.",
        "The gap is on record with its positions and times; find out why the collector was away.",
    ),
    (
        "PM813",
        "something else reads the slot of the notes",
        "A slot is read by one session at a time.",
        "Look for it: SELECT active_pid FROM pg_replication_slots.",
    ),
    (
        "PM814",
        "the slot of the notes cannot be read",
        "The empty publication pgmask_notes is missing, or was made after the notes.",
        "CREATE PUBLICATION pgmask_notes, then pgmask audit collect. Where that fails again (before"
        " PostgreSQL 18): pgmask audit collect --renew, which leaves a gap.",
    ),
    (
        "PM815",
        "the server gives no slot for notes",
        "wal_level is not logical, no slot is free, or the role pgmask_slots lacks REPLICATION.",
        "wal_level = logical, max_replication_slots, ALTER ROLE pgmask_slots REPLICATION.",
    ),
    (
        "PM816",
        "a log cannot be collected",
        "It is no file, or neither csvlog nor jsonlog.",
        "log_destination = 'csvlog' or 'jsonlog'; give the file, or its folder.",
    ),
    (
        "PM817",
        "this login does not collect",
        "It is no member of pgmask_collector.",
        "GRANT pgmask_collector TO the login.",
    ),
    (
        "PM818",
        "there is no library for metrics",
        "--metrics needs prometheus-client.",
        "In the repository of pgmask: pip install '.[metrics]'",
    ),
    (
        "PM820",
        "a key of the seal cannot be read or written",
        "The file of the key is missing or in the way, or this account may not read or write it.",
        "Name the file, or give this account the right to it; pgmask audit key create FILE makes"
        " one.",
    ),
    (
        "PM821",
        "others may read the signing key",
        "The file of the private key has rights for its group or for everybody.",
        "chmod 600 FILE; if somebody has read it, make a new key and tell those who verify.",
    ),
    (
        "PM822",
        "this is no key of the seal",
        "The file holds no Ed25519 key in PEM form.",
        "pgmask audit key create FILE makes a pair: FILE and FILE.pub.",
    ),
    (
        "PM823",
        "a batch does not follow the last one",
        "Another program sealed meanwhile, or the database was restored from a backup.",
        "Let one program seal; its next turn goes on. After a restore: pgmask install, then seal"
        " again.",
    ),
    (
        "PM824",
        "an anchor could not be left",
        "The file, the store of objects or the time stamping service did not take the head.",
        "The batch is sealed all the same. Mend the place, then: pgmask audit anchor",
    ),
    (
        "PM825",
        "a month cannot leave the record",
        "Its retention is not over, not every row of it is sealed, or it is not as it was sealed.",
        "Nothing was removed. pgmask audit verify names what is wrong.",
    ),
    (
        "PM826",
        "an archive does not hold",
        "The file, its manifest, its signature or the batches that cover it do not agree.",
        "Nothing was loaded. Look for another copy of the file.",
    ),
    (
        "PM827",
        "a month cannot come back",
        "It was never archived, or is in the database.",
        "pgmask audit archived lists what was archived.",
    ),
    (
        "PM828",
        "a retention may not be shortened so",
        "Shortening needs a reason, and nothing goes below what the rules allow.",
        "Give --reason, and a time that is not below the floor.",
    ),
    (
        "PM829",
        "no such event under the seal",
        "The table and number are of no sealed row.",
        "Rows are sealed some seconds after they were written: pgmask audit seal",
    ),
    (
        "PM830",
        "the files of an export or proof cannot be read",
        "A file is missing, cut, or not of the form that it should have; or it is there already.",
        "Name the right one; docs/reference/record-format.md tells the forms.",
    ),
    (
        "PM831",
        "a library for this is not installed",
        "Object storage and time stamps need a library of their own.",
        "In the repository of pgmask: pip install '.[s3]' or '.[timestamp]'",
    ),
    (
        "PM832",
        "batches of the seal are gone",
        "Rows that belong to later batches are there, the batches are not: somebody deleted them.",
        "Sealing goes on behind their numbers. pgmask audit verify names what is missing; keep a"
        " copy of the database and the heads as they are, and ask the incident's owner.",
    ),
    (
        "PM833",
        "there is nothing to verify",
        "No batch was sealed yet, or none is in the range that was asked for.",
        "pgmask audit seal; or another --from and --to.",
    ),
    (
        "PM840",
        "the record is not for this login to read",
        "Reports are for auditors, for the security responsible of a unit about the own unit, and"
        " for the high-value department about its customers.",
        "Ask an auditor. That it was asked is on record.",
    ),
    (
        "PM841",
        "an alert is closed by another person than the one it is about",
        "The login that closes it is the same person, or is no person of the register.",
        "Have a colleague with a registered login close it.",
    ),
    (
        "PM842",
        "an alert is closed with a reason",
        "The reason is empty.",
        "Say in words what was found out.",
    ),
    (
        "PM843",
        "there is no such open alert",
        "The number is wrong, somebody has closed it, or it is about another unit.",
        "pgmask audit alerts list",
    ),
    (
        "PM844",
        "there is no such report",
        "The name is not one of pgmask's reports, or has no such parameter.",
        "pgmask report list",
    ),
    (
        "PM845",
        "a parameter of a report is missing or does not fit",
        "A customer, a person or a moment is needed, cannot be read as what it should be, or is a"
        " name that no catalogue and no register knows.",
        "pgmask report list shows the parameters of each; days are written such as 2026-07-01.",
    ),
    (
        "PM846",
        "the folder of the report is not empty",
        "A signed folder holds the files of its manifest and nothing else.",
        "Name a new folder.",
    ),
    (
        "PM847",
        "a rule of alerts cannot be as given",
        "Its name, kind, severity, action or numbers are not among those that are known.",
        "pgmask audit alerts rules shows all rules with their numbers.",
    ),
    (
        "PM848",
        "the signing key cannot be used",
        "The file is missing, or is no Ed25519 private key in PEM without a passphrase.",
        "Name the right file; openssl genpkey -algorithm ed25519 -out report.pem makes a private"
        " key.",
    ),
    (
        "PM901",
        "a fault of pgmask",
        "Something happened that the code holds to be impossible.",
        "Please report it with the message; it holds no data.",
    ),
)


class PgmaskError(Exception):
    """An error with a code of the registry.

    code: ``PMnnn``; message: what and where, never a cell value, key or secret; detail, hint: more
    of it and the way out (the registry's way out when empty); where: ``file:line:column`` of a
    catalogue or the path to a node of a query; exit_code: what the command line returns (1 error,
    2 differences or findings, 3 refused).
    """

    exit_code = 1

    def __init__(
        self, code: str, message: str, *, detail: str = "", hint: str = "", where: str = ""
    ) -> None:
        if code not in REGISTRY:
            raise KeyError(f"{code} is not in the registry of errors")
        super().__init__(code, message, detail, hint, where)
        self.code = code
        self.message = message
        self.detail = detail
        self.hint = hint or REGISTRY[code].way_out
        self.where = where

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), *self.args)

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.code} {self.message}"


def _rebuild(
    kind: type[PgmaskError], code: str, message: str, detail: str, hint: str, where: str
) -> PgmaskError:
    return kind(code, message, detail=detail, hint=hint, where=where)


class CatalogueError(PgmaskError):
    """The catalogue file is wrong (PM01x)."""


class ServerError(PgmaskError):
    """The server or the connection to it (PM02x)."""


class PlanError(PgmaskError):
    """Planning or applying failed (PM2xx)."""


class Refused(PgmaskError):
    """pgmask declines to go on because of a hazard or a missing approval (exit code 3)."""

    exit_code = 3


class PlanRefused(PlanError, Refused):
    """A plan is not for the state that is there (exit code 3)."""


class KeyFault(PgmaskError):
    """A key is missing, wrong, truncated or damaged (PM31x)."""


class InternalError(PgmaskError):
    """A fault of pgmask itself (PM9xx)."""
