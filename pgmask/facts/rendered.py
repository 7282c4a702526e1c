"""Names of relations in what the server renders of views and policies.

A view follows the tables it reads: where one of them moves to another schema, the server writes the
same view differently.  So a rendering can be compared only with the tables' names taken out of it,
or put in as they are now.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_PART: Final = r'(?:"(?:[^"]|"")+"|[^\W\d][\w$]*)'
# A string, or a name with all its parts; what is called is a function and no relation.
_WORD: Final = re.compile(
    rf"'(?:[^']|'')*'|({_PART})\.({_PART})(?![\w$\".(])|{_PART}(?:\.{_PART})*"
)


def renamed(text: str | None, names: Mapping[tuple[str, str], str]) -> str | None:
    """The server's text with other names for some relations, strings untouched.

    names: by schema and name what is put in the place of both; as it stands in the text, so a name
    that needs quotes has them.
    """
    if text is None or not names:
        return text

    def put(found: re.Match[str]) -> str:
        if found[1] is None:
            return found[0]
        return names.get((_plain(found[1]), _plain(found[2])), found[0])

    return _WORD.sub(put, text)


def _plain(part: str) -> str:
    return part[1:-1].replace('""', '"') if part.startswith('"') else part
