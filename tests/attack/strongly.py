"""Attempts on the strong grade of identity: an answer to the transaction's challenge."""

from __future__ import annotations

from typing import Any

from tests.attack.asking import ASK
from tests.attack.model import Outcome
from tests.attack.place import Play


class Strong:
    """Ann asks for a complete value with something wrong with her answer to the challenge."""

    def __init__(self, actor: str = "ann", **claims: Any) -> None:
        self.actor = actor
        self.claims = claims

    def __call__(self, play: Play) -> Outcome:
        session = play.session("app").run("BEGIN", keep=False)
        claims: dict[str, Any] = {"challenge": session.challenge()}
        if "right" not in play.flags:
            claims |= self.claims
        session.login(str(play.assertion(self.actor, **claims)))
        if self.actor == "carl":
            return session.run(
                "SELECT chief.customer_reveal_request('{1}', '{phone}', 'callback')"
            ).outcome()
        return session.run(ASK.format(key=1)).outcome()


class Overheard:
    """An answered challenge, used where it was not asked."""

    def __init__(self, where: str) -> None:
        self.where = where

    def __call__(self, play: Play) -> Outcome:
        first = play.session("app").run("BEGIN", keep=False)
        answer = str(play.assertion("ann", challenge=first.challenge()))
        if "right" in play.flags:
            second = first
        elif self.where == "backend":
            second = play.session("app").run("BEGIN", keep=False)
        elif self.where == "chained":
            second = first.run("COMMIT AND CHAIN", keep=False)
        else:
            second = first.run("COMMIT", keep=False).run("BEGIN", keep=False)
        return second.login(answer).run(ASK.format(key=1)).outcome()


def weak_reveal(play: Play) -> Outcome:
    """A request by an assertion that answers no challenge."""
    session = play.session("app").run("BEGIN", keep=False)
    return session.login(str(play.assertion("ann"))).run(ASK.format(key=1)).outcome()


def weak_search(play: Play) -> Outcome:
    """A search by an assertion that answers no challenge."""
    session = play.session("app").run("BEGIN", keep=False).login(str(play.assertion("ann")))
    return session.run("SELECT id FROM crm.customer_by_phone('13488812345')").outcome()


def chained(play: Play) -> Outcome:
    """The identity of a transaction in the one that is chained to it, its token put back."""
    session = play.session("app").begin("ann")
    token = session.one("SELECT current_setting('pgmask.token')")
    if "right" not in play.flags:
        session.run("COMMIT AND CHAIN", keep=False)
    session.run("SELECT set_config('pgmask.token', %s, true)", token, keep=False)
    return session.run(ASK.format(key=1)).outcome()


def somebody_else_after(play: Play) -> Outcome:
    """Ann's transaction, then Ben's answer to the challenge of the same transaction."""
    session = play.session("app").begin("ann")
    if "right" in play.flags:
        session.run("COMMIT", keep=False).run("BEGIN", keep=False)
    answer = str(play.assertion("ben", challenge=session.challenge()))
    return session.login(answer).run("SELECT count(*) FROM crm.customer").outcome()


def seen_by_others(play: Play) -> Outcome:
    """What another session of the same login sees of a login and of a reveal."""
    one = play.session("app").begin("ann")
    if "literal" in play.flags:
        one.run("COMMIT", keep=False).run("BEGIN", keep=False)
        answer = str(play.assertion("ann", challenge=one.challenge()))
        one.run(f"SELECT pgmask.login('{answer}')", keep=False)
    assert one.failed is None, one.outcome()
    seen = play.session("app").run(
        "SELECT query FROM pg_stat_activity WHERE pid = %s", one.connection.info.backend_pid
    )
    return seen.outcome()


def left_prepared(play: Play) -> Outcome:
    """What the next one on a pooled connection reads in the prepared statements left there."""
    one = play.session("app").run("BEGIN", keep=False)
    answer = str(play.assertion("ann", challenge=one.challenge()))
    if "literal" in play.flags:
        one.run(f"PREPARE mine AS SELECT pgmask.login('{answer}')", keep=False).run("EXECUTE mine")
    else:
        for _ in range(6):  # the driver names a statement that is used often
            one.connection.execute("SELECT pgmask.login(%s)", (answer,), prepare=True)
    one.run("COMMIT", keep=False).forget()
    return one.run("SELECT statement FROM pg_prepared_statements").outcome()


def planted_before(play: Play) -> Outcome:
    """A token that the one before left on the connection; the next one logs in all the same."""
    session = play.session("app").begin("ben")
    token = session.one("SELECT current_setting('pgmask.token')")
    session.run("COMMIT", keep=False)
    session.run("SELECT set_config('pgmask.token', %s, false)", token, keep=False).forget()
    if "nobody" in play.flags:
        return session.run("BEGIN").begin("ben").run("SELECT unit FROM pgmask.whoami()").outcome()
    return session.begin("ann").run("SELECT unit FROM pgmask.whoami()").outcome()
