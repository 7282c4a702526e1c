"""A piece of SQL, as files hold it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A piece of SQL; name: of its file as given, ``-`` for the standard input.

    first_line: of the file where the text begins, from 1; computed: why nothing is known of what
    stands here, '' where it is; before, after: callbacks that Flyway runs around it, in its
    transaction; callback: it is such a one, and is judged with what it stands around; alone: its
    tool runs it outside of a transaction; root: the folder that was named, '' for none; follows: it
    runs in the transaction of the text before it in its file.
    """

    name: str
    text: str
    first_line: int = 1
    computed: str = ""
    before: tuple[Text, ...] = ()
    after: tuple[Text, ...] = ()
    callback: bool = False
    alone: bool = False
    root: str = ""
    follows: bool = False
