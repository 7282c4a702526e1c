"""The JSON Schema for editors and the reference page, both made from ``keys``."""

from __future__ import annotations

import json
from typing import Any, Final

from pgmask.catalogue.keys import PART, ROOT, records
from pgmask.catalogue.shapes import ByForm, Choice, ListOf, MapOf, Record, Shape

SCHEMA_ID: Final = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """The schema of a main or an included file (JSON Schema 2020-12)."""
    return {
        "$schema": SCHEMA_ID,
        "title": "pgmask catalogue",
        "description": "A catalogue's main file, or a file it includes.",
        "if": {"required": ["pgmask"]},
        "then": ROOT.schema(),
        "else": PART.schema(),
        "$defs": {r.name.replace(" ", "_"): r.definition() for r in records()},
    }


def json_schema_text() -> str:
    """The file ``catalogue.schema.json``."""
    return json.dumps(json_schema(), ensure_ascii=False, indent=2) + "\n"


def catalogue_page() -> str:
    """docs/reference/catalogue.md: every record with its keys."""
    lines = [
        "# The catalogue's format",
        "",
        "Every key a catalogue may have. Unknown and repeated keys, anchors, aliases, merge keys",
        "and tags are refused. `pgmask check --schema` prints the same as JSON Schema; an editor",
        "uses it when a file begins with `# yaml-language-server: $schema=...`.",
        "Written by `nox -s docs` from `pgmask/catalogue/keys.py`.",
    ]
    for record in records():
        lines += ["", f"## {record.name}", "", record.doc, "", "| key | value | meaning |"]
        lines.append("|---|---|---|")
        for key in record.keys:
            name = f"**`{key.name}`**" if key.required else f"`{key.name}`"
            lines.append(f"| {name} | {_cell(_words(key.shape))} | {_cell(key.doc)} |")
        meanings = [
            (key.name, shape)
            for key in record.keys
            if (shape := _choice(key.shape)) and any(shape.options.values())
        ]
        for name, choice in meanings:
            lines += ["", f"`{name}`:", ""]
            lines += [f"- `{word}`: {meaning}" for word, meaning in choice.options.items()]
    lines += ["", "Keys in bold are required."]
    return "\n".join(lines) + "\n"


def _choice(shape: Shape) -> Choice | None:
    if isinstance(shape, Choice):
        return shape
    if isinstance(shape, ByForm):
        return next((c for s in (shape.scalar, shape.mapping) if s and (c := _choice(s))), None)
    if isinstance(shape, MapOf):
        return _choice(shape.value)
    return None


def _words(shape: Shape) -> str:
    if isinstance(shape, Record):
        return f"[{shape.name}](#{shape.name.replace(' ', '-')})"
    if isinstance(shape, Choice):
        return ", ".join(f"`{word}`" for word in shape.options)
    if isinstance(shape, ListOf):
        return f"list of {_words(shape.item)}"
    if isinstance(shape, MapOf):
        return f"{_words(shape.key)} → {_words(shape.value)}"
    if isinstance(shape, ByForm):
        return ", or ".join(_words(s) for s in (shape.scalar, shape.sequence, shape.mapping) if s)
    return shape.words


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
