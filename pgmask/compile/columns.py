"""The columns of a store table that pgmask adds, by name and reason, and who reads which.

Names are the contract between the sealing trigger (which fills the columns) and the views, policies
and grants (which read them):

======================  =========================================================================
``pgmask_high_value``   boolean NOT NULL DEFAULT false: the row's subject is a high-value one (D1)
``pgmask_restricted``   boolean NOT NULL DEFAULT false: the row's subject is restricted
``pgmask_unit``         the subject's unit, where the table has no unit column of its own (C1)
``pgmask_shadow_<c>``   the mask of level-2 column c, for profiles that may write and see it masked
``pgmask_hidden_<c>``   always NULL, for profiles that may write and do not see c at all
======================  =========================================================================

A shadow exists only while a profile that writes the table (``Profile.writes``) sees the level-2
column masked or hidden: every column of a writable view is then a stored one, and whole-row
writers go on working.  The two forms are two columns because two profiles may differ; a NULL costs
no bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

from pgmask.catalogue.model import Catalogue, Column, Form, Profile, Rows, Subject, Table
from pgmask.names import Name, derived

HIGH_VALUE = Name("pgmask_high_value")
RESTRICTED = Name("pgmask_restricted")
UNIT = Name("pgmask_unit")
PREFIX = "pgmask_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadow:
    """One shadow column: its name, the level-2 column it stands for, and MASK or HIDDEN."""

    name: Name
    column: Column
    form: Form


def shadow_name(column: str, form: Form) -> Name:
    """``pgmask_shadow_<column>`` for MASK, ``pgmask_hidden_<column>`` for HIDDEN."""
    return derived("pgmask_hidden_" if form is Form.HIDDEN else "pgmask_shadow_", column)


def shadow(profile: Profile, table: Table, column: Column) -> Shadow | None:
    """The shadow through which this profile sees the column, None where it needs none.

    Level 1 needs none for MASK and PLAIN: the column itself stores the mask. Hidden level 1 and
    hidden level 3 need one as level 2 does.  ``hidden_as: computed`` asks for none: the column is
    then read-only in that view.
    """
    if not profile.writes(table) or column.hidden_as == "computed":
        return None
    form = profile.form(table, column)
    if form is Form.PLAIN or (form is Form.MASK and column.sealed):
        return None
    return Shadow(name=shadow_name(column.name, form), column=column, form=form)


def shadows(catalogue: Catalogue, table: Table) -> tuple[Shadow, ...]:
    """Every shadow column of the table, in the order of its columns, MASK before HIDDEN."""
    found: dict[str, Shadow] = {}
    for column in table.columns:
        wanted = [shadow(p, table, column) for p in catalogue.profiles]
        for form in (Form.MASK, Form.HIDDEN):
            for one in wanted:
                if one is not None and one.form is form:
                    found.setdefault(one.name.text, one)
    return tuple(found.values())


def subject_of(catalogue: Catalogue, table: Table) -> Subject | None:
    """The subject class whose rows these are, None where each row is its own subject."""
    return catalogue.subject(table.subject_class) if table.subject_class else None


def needs_unit_column(catalogue: Catalogue, table: Table) -> bool:
    """Whether ``pgmask_unit`` is kept: no unit column of its own, but its subject has one."""
    subject = subject_of(catalogue, table)
    if table.unit is not None or subject is None or subject.unit is None:
        return False
    return any(
        {Rows.OWN_UNIT, Rows.UNITS} & set(p.rows) for p in catalogue.profiles if p.may(table)
    )


def unit_column(catalogue: Catalogue, table: Table) -> str | None:
    """The column that policies compare with the caller's unit, None where there is none."""
    if table.unit is not None:
        return table.unit
    return UNIT.text if needs_unit_column(catalogue, table) else None
