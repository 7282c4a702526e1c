"""Attempts to be somebody else: forged, replayed, stolen and misused identities."""

from __future__ import annotations

from typing import Any

from tests.attack.minting import mint
from tests.attack.model import Outcome
from tests.attack.people import PERSONAS, RICH
from tests.attack.place import Play

_READ = "SELECT name FROM crm.customer ORDER BY id"
_TOKEN = "SELECT current_setting('pgmask.token', true)"


def forged_token(play: Play) -> Outcome:
    """Ann's own token with the other unit's name written into it."""
    session = play.session("app").begin("ann").run(_TOKEN)
    token = str(session.rows[0][0])
    assert "north" in token
    session.forget().run(
        "SELECT set_config('pgmask.token', %s, true)", token.replace("north", "south"), keep=False
    )
    return session.run(_READ).outcome()


class Replay:
    """A token put back where it does not belong; ``within``: where it does (the control)."""

    def __init__(self, where: str) -> None:
        self.where = where

    def __call__(self, play: Play) -> Outcome:
        first = play.session("app").begin("ann").run(_TOKEN)
        token = str(first.rows[0][0])
        if self.within.__name__ in play.flags:
            second = first.run("SELECT set_config('pgmask.token', '', true)")
        elif self.where == "transaction":
            second = first.run("COMMIT").run("BEGIN")
        else:
            second = play.session("app").run("BEGIN")
        second.forget().run("SELECT set_config('pgmask.token', %s, true)", token, keep=False)
        return second.run(_READ).outcome()

    @staticmethod
    def within(play: Play) -> None:
        """Stay in the transaction the token is bound to."""
        play.flags.add("within")


def stacked_commit(play: Play) -> Outcome:
    """Injected: end the transaction, begin another one, read on."""
    session = play.session("app").begin("ann")
    if "without" not in play.flags:
        session.run("COMMIT").run("BEGIN")
    return session.run(_READ).outcome()


def without_commit(play: Play) -> None:
    """The control: the same in the transaction of the login."""
    play.flags.add("without")


def second_login(play: Play) -> Outcome:
    """Ann's transaction, then a login as Ben."""
    session = play.session("app").begin("ann")
    if "apart" in play.flags:
        session.run("COMMIT").run("BEGIN")
    assertion = play.assertion("ben")
    assert assertion is not None
    return session.login(assertion).run(_READ).outcome()


def second_login_apart(play: Play) -> None:
    """The control: in a transaction of its own."""
    play.flags.add("apart")


class Assertion:
    """Ann's assertion with something wrong with it; ``right``: with nothing wrong (the control)."""

    def __init__(
        self, *, wrong_key: bool = False, settings: tuple[str, ...] = (), **claims: Any
    ) -> None:
        self.claims = claims
        self.wrong_key = wrong_key
        self.settings = settings

    def __call__(self, play: Play) -> Outcome:
        claims: dict[str, Any] = {
            "login": "app", "database": play.database.name, "person": 11, "profile": "agent",
            "unit": "north",
        }  # fmt: skip
        if "right" not in play.flags:
            claims |= self.claims
            if self.wrong_key:
                claims["key"] = b"x" * 32
        session = play.session("app")
        for setting in self.settings:
            session.run(setting)
        return session.run("BEGIN").login(mint(**claims)).run(_READ).outcome()

    @staticmethod
    def right(play: Play) -> None:
        """Nothing is wrong with the assertion."""
        play.flags.add("right")


class Text:
    """A login with something that is no assertion at all."""

    def __init__(self, text: str | None) -> None:
        self.text = text

    def __call__(self, play: Play) -> Outcome:
        text = play.assertion("ann") if "right" in play.flags else self.text
        return play.session("app").run("BEGIN").run("SELECT pgmask.login(%s)", text).run(
            _READ
        ).outcome()  # fmt: skip


def weak_grade(play: Play) -> Outcome:
    """The chief with an assertion that answers no challenge."""
    carl = PERSONAS["carl"]
    session = play.session("app").run("BEGIN")
    challenge = None
    if "strong" in play.flags:
        challenge = str(session.run("SELECT pgmask.challenge()").rows[0][0])
        session.forget()
    assertion = mint(
        login="app", database=play.database.name, person=carl.person or 0, profile="chief",
        unit="north", challenge=challenge,
    )  # fmt: skip
    return session.login(assertion).run("SELECT name FROM chief.customer").outcome()


def strong_grade(play: Play) -> None:
    """The control: the challenge is answered."""
    play.flags.add("strong")


_STANDING = {
    "sign": "INSERT INTO pgmask_private.document (person_id, kind, version)"
    " SELECT {id}, f.kind, f.version FROM pgmask_private.document_form AS f"
    " ON CONFLICT DO NOTHING",
    "employ": "UPDATE pgmask_private.person SET employment = 'employee' WHERE person_id = {id}",
    "leave": "UPDATE pgmask_private.person SET standing = 'left' WHERE person_id = {id}",
    "return": "UPDATE pgmask_private.person SET standing = 'active' WHERE person_id = {id}",
}


def standing(change: str, person: int) -> str:
    """A change of somebody's standing in the register, as a statement."""
    return _STANDING[change].format(id=person)


def designated(person: int) -> str:
    """A designation for the high-value customer, as a statement."""
    return (
        "INSERT INTO pgmask_private.designation"
        " (person_id, unit_id, subject_class, subject_key)"
        f" VALUES ({person}, 'north', 'customer', '{RICH.id}')"
    )


def direct_login(login: str, person: int) -> str:
    """A registered login for a person, as a statement."""
    return (
        f"INSERT INTO pgmask_private.database_login (login, person_id) VALUES ('{login}', {person})"
    )


def same_assertion_twice(play: Play) -> Outcome:
    """An overheard assertion in a second connection of the same login."""
    assertion = play.assertion("ann")
    assert assertion is not None
    first = play.session("app").run("BEGIN").login(assertion).run(_READ)
    assert first.failed is None, first.outcome()
    return play.session("app").run("BEGIN").login(assertion).run(_READ).outcome()
