"""Plan the catalogue for the database behind a connection."""

from __future__ import annotations

from pgmask import __version__
from pgmask.apply.run import Connection
from pgmask.catalogue.model import Catalogue
from pgmask.facts.read import read_facts, read_memo
from pgmask.plan.plan import Plan, make, nothing


def plan_database(connection: Connection, catalogue: Catalogue, *, author: str = "") -> Plan:
    """The plan that takes this database to the catalogue; reads only.

    When the last apply was of this very catalogue by this version of pgmask, and no row of the
    system catalogues was written since, the plan is empty without comparing anything.  The
    transaction should be REPEATABLE READ.  Raises PlanError (PM200) as ``make`` does.
    """
    memo = read_memo(connection)
    if (
        memo is not None
        and memo.digest_then == memo.digest_now
        and memo.catalogue_hash == catalogue.hash
        and memo.version == __version__
    ):
        return nothing(catalogue, connection.info.dbname)
    return make(catalogue, read_facts(connection), author=author)
