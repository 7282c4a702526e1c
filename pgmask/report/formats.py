"""An answer as CSV, JSON or one page of HTML."""

from __future__ import annotations

import csv
import datetime
import decimal
import io
import json
import uuid
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from pgmask.report.run import Answer

_PAGES: Final = Environment(
    loader=PackageLoader("pgmask.report", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def text_of(value: Any) -> str:
    """A value for people: moments to the second, lists by comma, nothing for NULL."""
    if value is None:
        return ""
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, datetime.time):
        return value.isoformat(timespec="minutes")
    if isinstance(value, list):
        return ", ".join(text_of(v) for v in value)
    if isinstance(value, dict):
        return ", ".join(f"{k} {text_of(v)}" for k, v in value.items())
    return str(value)


def as_csv(answer: Answer, *, marked: bool = False) -> str:
    """CSV in UTF-8 with a head; a cell that a spreadsheet would run as a formula gets a quote.

    marked: with the mark at its head by which Excel knows UTF-8.
    """
    out = io.StringIO()
    out.write("\ufeff" if marked else "")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(answer.columns)
    for row in answer.rows:
        writer.writerow([_harmless(_exact(v)) for v in row])
    return out.getvalue()


def _exact(value: Any) -> str:
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False, default=text_of)
    return text_of(value)


def _harmless(text: str) -> str:
    number = text[1:].replace(".", "", 1).isdigit()
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t") and not number else text


def as_json(answer: Answer) -> str:
    """A list of objects, one a row; moments as ISO 8601."""
    rows = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
    return json.dumps(rows, ensure_ascii=False, indent=2, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, uuid.UUID):
        return str(value)
    return text_of(value)


def as_html(answer: Answer) -> str:
    """One page that needs no other file."""
    return page("answer.html", answer=answer)


def page(template: str, **values: Any) -> str:
    """A page of the package's templates."""
    return _PAGES.get_template(template).render(text=text_of, brief=_brief, **values)


def _brief(value: Any) -> str:
    """As ``text_of``, moments without their zone, which the page names at its head."""
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, list):
        return ", ".join(_brief(v) for v in value)
    return text_of(value)
