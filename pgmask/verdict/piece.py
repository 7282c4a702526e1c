"""A piece of SQL, as files hold it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A piece of SQL; name: of its file as given, ``-`` for the standard input.

    first_line: of the file where the text begins, from 1; computed: why nothing is known of what
    stands here, '' where it is.
    """

    name: str
    text: str
    first_line: int = 1
    computed: str = ""
