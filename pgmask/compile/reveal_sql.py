"""Fragments that the generated reveal and search functions of a table have in common (B2, B3).

A function of a profile meets the row twice: as the profile's own view shows it (policies, identity
and all) and as it is stored.  ``v_found`` is that pair, ``shown`` and ``stored``; secrets come out
of ``stored`` by assignments only.

It is found by another function, of a role that reaches no key: what PostgreSQL evaluates while it
plans a query on a store or view is the application's code (ADR 0034, ``sealing_reads``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from textwrap import indent

from pgmask.catalogue.model import Profile
from pgmask.compile.columns import HIGH_VALUE
from pgmask.compile.context import READER, SEALER, Context, statement
from pgmask.compile.grants import Privilege
from pgmask.compile.identity_views import identity_view
from pgmask.compile.objects import Kind, Object, Phase
from pgmask.compile.policies import _rows
from pgmask.compile.rowterms import terms
from pgmask.compile.sealing import OWN, _typed, bundles_of, spec_of
from pgmask.compile.sealing_objects import owned
from pgmask.compile.sealing_reads import READER_ONLY
from pgmask.compile.sealing_spec import Bundle, Coding, SealedColumn, SealSpec, Typed
from pgmask.compile.sealing_sql import as_text, field, lines, subject_of, text_of, uncast
from pgmask.names import Name, QualName, derived
from pgmask.sqltext import dollar, literal

STORED = "(v_found.stored)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One profile's way to one table: its view, the store behind it, and how rows are found."""

    context: Context
    profile: Profile
    spec: SealSpec

    @classmethod
    def of(cls, context: Context, profile: Profile) -> Shown:
        """A table without anything sealed has a spec of its key and subjects only."""
        spec = spec_of(context) or SealSpec(
            table_id=context.table.id,
            store=context.place,
            key=tuple(_typed(context, n) for n in context.relation.primary_key),
            columns=(),
            bundles=bundles_of(context),
        )
        return cls(context=context, profile=profile, spec=spec)

    @property
    def table(self) -> str:
        """The table's id as a literal."""
        return literal(self.context.table.id)

    @property
    def view(self) -> QualName:
        """The profile's view."""
        return self.context.view(self.profile)

    @property
    def identity(self) -> QualName:
        """The view that says who is asking."""
        return identity_view(self.profile)

    def sealed(self, name: str) -> SealedColumn | None:
        """How the column is sealed, None for one that is stored as it is."""
        return next((c for c in self.spec.columns if c.name == name), None)

    def bundle(self, name: str) -> Bundle:
        """The bundle whose subject the column speaks of."""
        sealed = self.sealed(name)
        column = self.context.table.column(name)
        wanted = sealed.bundle if sealed else (column.subject if column else None)
        known = {b.name: b for b in self.spec.bundles}
        return known.get(wanted or OWN, known[OWN])

    def by_bundle(self, names: Iterable[str]) -> list[tuple[Bundle, tuple[str, ...]]]:
        """The columns by whose information they are."""
        found: dict[str, list[str]] = {}
        for name in names:
            found.setdefault(self.bundle(name).name, []).append(name)
        return [(b, tuple(found[b.name])) for b in self.spec.bundles if b.name in found]

    @property
    def unit(self) -> str:
        """The stored row's unit as text, for whom to call."""
        column = self.context.unit_column
        fact = self.context.unit_fact if column else None
        if not column or fact is None:
            return "NULL"
        return as_text(f"{STORED}.{Name(column).quoted}", foreign=fact.foreign)

    @property
    def row_key(self) -> str:
        """The stored row's primary key as an array of texts."""
        parts = ", ".join(text_of(k, field(STORED, k)) for k in self.spec.key)
        return f"ARRAY[{parts}]"

    @property
    def reach(self) -> str:
        """The row rule of the profile without its word on high-value rows."""
        row = terms(self.context, "s.")
        parts = [_rows(self.context, self.profile, r, row) for r in self.profile.rows]
        return f"({' OR '.join(parts) or 'false'}) AND NOT {row.restricted}"

    def key_is(self, alias: str) -> str:
        """The row with the key ``v_key_1``, ..."""
        return " AND ".join(
            _equal(k, f"{alias}.{k.name.quoted}", f"v_key_{n}")
            for n, k in enumerate(self.spec.key, 1)
        )

    def same_key(self, alias: str, other: str) -> str:
        """The same row under two names."""
        return " AND ".join(
            _equal(k, f"{alias}.{k.name.quoted}", f"{other}.{k.name.quoted}") for k in self.spec.key
        )

    @property
    def key_variables(self) -> str:
        """Their declarations."""
        return "\n".join(f"  v_key_{n} {self.key_type(k)};" for n, k in enumerate(self.spec.key, 1))

    def key_type(self, key: Typed) -> str:
        """No value becomes one of a domain or an enum: that would run the application's code."""
        if _told(key):
            return "text"
        return self.context.fact(key.name.text).base_type or key.type

    def read_key(self, array: str) -> str:
        """Texts into key values; what is no value of the key's type is no such row: NULL."""
        reads = "\n".join(f"  v_key_{n} := {array}[{n}];" for n, _ in enumerate(self.spec.key, 1))
        size = len(self.spec.key)
        return (
            f"IF (cardinality({array}) = {size} AND array_ndims({array}) = 1) IS NOT TRUE THEN\n"
            f"  RETURN NULL;\nEND IF;\n"
            f"BEGIN\n{reads}\nEXCEPTION\n  WHEN data_exception OR check_violation"
            f" OR not_null_violation THEN\n    RETURN NULL;\nEND;"
        )

    def refuse(self, code: str, hint: str = "NULL") -> str:
        """The call that raises."""
        return f"pgmask_private.refuse_reveal('{code}', {self.table}, NULL, {hint})"

    def read(self, part: str) -> QualName:
        """The name of a function that reads for this profile: ``read_<table>_<profile>_<part>``."""
        name = derived("read_", self.context.table.id, self.profile.name, part)
        return QualName(Name("pgmask_private"), name)

    def reads(self, part: str, *arguments: str) -> str:
        """A call of it."""
        return f"{self.read(part).quoted}({', '.join(arguments)})"

    @property
    def find_body(self) -> str:
        """The row with a key as the view shows it and as it is stored, else a high-value one."""
        return body(
            lines("  v_found record;", self.key_variables),
            READER_ONLY,
            self.read_key("p_key"),
            self.find,
            "IF FOUND THEN\n  RETURN v_found;\nEND IF;",
            self.find_high_value,
            "IF FOUND THEN\n  RETURN v_found;\nEND IF;",
            "RETURN NULL;",
        )

    @property
    def find(self) -> str:
        """``v_found``: the row as the profile's view shows it, and as it is stored."""
        return (
            "SELECT v AS shown, s AS stored, false AS high\n  INTO v_found\n"
            f"  FROM {self.view.quoted} AS v\n"
            f"  JOIN {self.context.place.quoted} AS s ON {self.same_key('s', 'v')}\n"
            f" WHERE {self.key_is('v')};"
        )

    @property
    def find_high_value(self) -> str:
        """``v_found``: a high-value row that the profile's row rule would otherwise reach."""
        return (
            "SELECT s AS stored, true AS high\n  INTO v_found\n"
            f"  FROM {self.context.place.quoted} AS s\n"
            f" WHERE {self.key_is('s')}\n   AND s.{HIGH_VALUE.quoted}\n   AND {self.reach};"
        )

    def subject(self, bundle: Bundle) -> str:
        """``v_class`` and ``v_subject`` of a bundle of the stored row."""
        return subject_of(self.spec, bundle, STORED)

    def who(self, second_factor: int | None = None) -> str:
        """``v_me``: who is asking, and whether strongly enough."""
        factor = f"interval '{second_factor} s'" if second_factor else "NULL"
        return (
            f"SELECT i.* INTO v_me FROM {self.identity.quoted} AS i;\n"
            "v_nothing := pgmask_private.check_holder(\n"
            f"  v_me.grade, v_me.outsourced, v_me.second_factor_at, {factor}, {self.table});"
        )


def _equal(key: Typed, left: str, right: str) -> str:
    """Types from outside pg_catalog have operators that the pinned path does not see."""
    if _told(key):
        return f"{told(key, left)} = {told(key, right)}"
    if key.foreign and key.coding is Coding.TEXT:
        return f'{left}::text COLLATE "C" = {right}::text COLLATE "C"'
    return f"{left} = {right}"


def _told(key: Typed) -> bool:
    """Whether a key's values are compared as texts: an enum's, which no cast may make."""
    return key.foreign and key.coding is not Coding.TEXT


def told(key: Typed, reference: str) -> str:
    """A key value of a row, or a variable that holds one, as it is compared."""
    return uncast(reference) if _told(key) and "." in reference else reference


def texts(values: Iterable[str]) -> str:
    """An array of texts."""
    return f"ARRAY[{', '.join(literal(v) for v in values)}]::text[]"


def function(
    shown: Shown, name: QualName, parameters: str, returns: str, body: str, says: str,
    *, uses: tuple[str, ...] = (),
) -> Object:  # fmt: skip
    """One function beside a view, owned by the sealer.

    It is dropped and made again when the view is: its result has the view's type.
    """
    arguments = ", ".join(p.split(" ", 1)[1] for p in parameters.split(", "))
    arguments = arguments.replace(" DEFAULT NULL", "")
    qualified = f"{name.quoted}({arguments})"
    rows = "ROWS 1\n" if returns.startswith("SETOF") else ""
    text = (
        f"CREATE OR REPLACE FUNCTION {name.quoted}({parameters})\nRETURNS {returns}\n"
        f"LANGUAGE plpgsql\nVOLATILE\nCALLED ON NULL INPUT\nPARALLEL UNSAFE\n{rows}"
        "SECURITY DEFINER\nSET search_path = pg_catalog, pg_temp\nSET datestyle = 'ISO, YMD'\n"
        f"SET timezone = 'UTC'\nAS {dollar(chr(10) + body + chr(10))}"
    )
    return Object(
        kind=Kind.FUNCTION,
        identity=str(name),
        table=shown.context.table.id,
        phase=Phase.CALLS,
        create=(
            statement(text, f"{says}, profile {shown.profile.name}"),
            statement(f"REVOKE ALL ON FUNCTION {qualified} FROM PUBLIC"),
            statement(f"ALTER FUNCTION {qualified} OWNER TO {SEALER}"),
            statement(
                f"COMMENT ON FUNCTION {qualified} IS "
                + literal(f"{says}, profile {shown.profile.name}.")
            ),
        ),
        drop=(statement(f"DROP FUNCTION {qualified}"),),
        depends=(f"{Kind.VIEW}:{shown.view}", *uses),
        address=(name.schema.text, name.name.text),
    )


def reader(shown: Shown, part: str, parameters: str, returns: str, body: str, says: str) -> Object:
    """One function that reads for a profile's functions; only the sealer may call it.

    Names of columns and views stand in its text only: it stays when a migration takes views down.
    """
    name = shown.read(part)
    arguments = ", ".join(p.split(" ", 1)[1] for p in parameters.split(", "))
    qualified = f"{name.quoted}({arguments})"
    says = f"{says}, profile {shown.profile.name}"
    text = (
        f"CREATE OR REPLACE FUNCTION {name.quoted}({parameters})\nRETURNS {returns}\n"
        "LANGUAGE plpgsql\nVOLATILE\nCALLED ON NULL INPUT\nPARALLEL UNSAFE\n"
        "SECURITY DEFINER\nSET search_path = pg_catalog, pg_temp\nSET datestyle = 'ISO, YMD'\n"
        f"SET timezone = 'UTC'\nAS {dollar(chr(10) + body + chr(10))}"
    )
    return Object(
        kind=Kind.FUNCTION,
        identity=str(name),
        table=shown.context.table.id,
        phase=Phase.CALLS,
        create=(
            statement(text, says),
            statement(f"REVOKE ALL ON FUNCTION {qualified} FROM PUBLIC"),
            *owned(qualified, READER),
            statement(f"COMMENT ON FUNCTION {qualified} IS " + literal(f"{says}.")),
        ),
        drop=(statement(f"DROP FUNCTION {qualified}"),),
        replace=True,
        address=(name.schema.text, name.name.text),
    )


def execute(shown: Shown, name: QualName, arguments: str, opened: bool) -> Object:
    """EXECUTE of the profile's group role on one of these functions, once the table is open."""
    role = shown.context.catalogue.group_role(shown.profile)
    qualified = f"{name.quoted}({arguments})"
    take = statement(f"REVOKE ALL PRIVILEGES ON FUNCTION {qualified} FROM {Name(role).quoted}")
    create = [take]
    given: tuple[Privilege, ...] = (("EXECUTE", ()),) if opened else ()
    if opened:
        create.append(statement(f"GRANT EXECUTE ON FUNCTION {qualified} TO {Name(role).quoted}"))
    return Object(
        kind=Kind.GRANT,
        identity=f"function {name} to {role}",
        table=shown.context.table.id,
        phase=Phase.GRANTS,
        create=tuple(create),
        drop=(take,),
        replace=True,
        depends=(f"{Kind.FUNCTION}:{name}",),
        address=("function", name.schema.text, name.name.text, role),
        expects=given,
    )


def body(declare: str, *parts: str) -> str:
    """A whole function body."""
    inner = indent(lines(*parts), "  ")
    return f"DECLARE\n{declare}\nBEGIN\n{inner}\nEND"
