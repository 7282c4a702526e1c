"""Validators of the kinds with a form of their own, without a database.

Each gives what ``pgmask.valid_KIND`` gives in SQL; a test compares them value by value.  For places
that have no runtime at hand: a scan of a database before pgmask is installed in it.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from pgmask.kinds.generate import (
    CREDIT_ALPHABET,
    credit_check,
    id_card_check,
    organisation_check,
)

# A full-width asterisk stays, so that no mask glyph appears.
_WIDE: Final[Mapping[int, int]] = {c: c - 0xFEE0 for c in range(0xFF01, 0xFF5F) if c != 0xFF0A} | {
    0x3000: 0x20
}
_SEPARATORS: Final = (
    "·‧・\u00a0\u200b\ufeff\u2010\u2011\u2012\u2013\u2014\u3000－．（）／， \t\r\n-.()/,"
)
_COMPACT: Final = {**_WIDE, **dict.fromkeys(map(ord, _SEPARATORS))}
_REGION: Final = r"(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3])"
_ID_18: Final = re.compile(_REGION + r"[0-9]{15}[0-9X]")
_ID_15: Final = re.compile(_REGION + r"[0-9]{13}")
_MOBILE: Final = re.compile(r"1[3-9][0-9]{9}")
_MOBILE_ABROAD: Final = re.compile(r"(?:[+]|00)?86(1[0-9]{10})")
_LANDLINE: Final = re.compile(r"(?:0[1-9][0-9]{1,2})?[2-9][0-9]{6,7}|[48]00[0-9]{7}")
_EXTENSION: Final = re.compile(r"0[1-9][0-9]{1,2}-?[2-9][0-9]{6,7}(?:[-#xX]|转)[0-9]{1,6}")
_EMAIL: Final = re.compile(
    r"[^\s\x00-\x1f\x7f@<>(),;:\"]+@(?:[^\s\x00-\x1f\x7f@.,;]+\.)+[^\s\x00-\x1f\x7f@.,;0-9]{2,}",
    re.ASCII,
)
_CREDIT: Final = re.compile(rf"[{CREDIT_ALPHABET}]{{2}}[0-9]{{6}}[{CREDIT_ALPHABET}]{{10}}")
_ORGANISATION: Final = re.compile(r"[0-9A-Z]{8}[0-9X]")
_PLATE: Final = re.compile(
    r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-Z]"
    r"(?:[A-HJ-NP-Z0-9]{4}[A-HJ-NP-Z0-9挂学警港澳]|[A-HJK][A-HJ-NP-Z0-9][0-9]{4}|[0-9]{5}[A-HJK])"
)
_CARD: Final = re.compile(r"[0-9]{12,19}")
_DAY: Final = re.compile(r"(?:1[89]|20)[0-9]{6}")


def fold_width(value: str) -> str:
    """Full-width forms as their ASCII characters."""
    return value.translate(_WIDE)


def compact(value: str) -> str:
    """Full-width forms as ASCII, separators left out."""
    return value.translate(_COMPACT)


def has_glyph(value: str) -> bool:
    """Whether a mask glyph is in the value."""
    return "*" in value or "•" in value


def calendar_date(digits: str) -> dt.date | None:
    """The day that eight digits name, from 1800 to 2099, or None."""
    if not _DAY.fullmatch(digits):
        return None
    try:
        return dt.date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return None


def mobile(value: str) -> bool:
    """A mobile number, with or without country prefix and separators."""
    if has_glyph(value):
        return False
    digits = compact(value)
    abroad = _MOBILE_ABROAD.fullmatch(digits) if len(digits) > 11 else None
    return _MOBILE.fullmatch(abroad[1] if abroad else digits) is not None


def landline(value: str) -> bool:
    """A fixed-line number; without an area code seven or eight digits are enough."""
    if has_glyph(value):
        return False
    digits = compact(value)
    for prefix in ("+86", "0086"):
        if digits.startswith(prefix):
            digits = "0" + digits.removeprefix(prefix)
            break
    return bool(_LANDLINE.fullmatch(digits) or _EXTENSION.fullmatch(fold_width(value)))


def email(value: str) -> bool:
    """An e-mail address."""
    text = fold_width(value).strip(" ").lower()
    return not has_glyph(value) and len(value) <= 254 and _EMAIL.fullmatch(text) is not None


def cn_id_card(value: str) -> bool:
    """A resident identity card number: region, day of birth and check character (GB 11643)."""
    code = compact(value).upper()
    if _ID_18.fullmatch(code):
        return code[17] == id_card_check(code[:17]) and calendar_date(code[6:14]) is not None
    return bool(_ID_15.fullmatch(code)) and calendar_date("19" + code[6:12]) is not None


def org_code(value: str) -> bool:
    """A unified social credit code (GB 32100) or organisation code (GB 11714)."""
    if has_glyph(value) or len(value) > 60:
        return False
    code = compact(value).upper()
    if _CREDIT.fullmatch(code):
        return code[17] == credit_check(code[:17])
    return bool(_ORGANISATION.fullmatch(code)) and code[8] == organisation_check(code[:8])


def plate(value: str) -> bool:
    """A vehicle plate."""
    return not has_glyph(value) and _PLATE.fullmatch(compact(value).upper()) is not None


def date(value: str) -> bool:
    """A day of the calendar, as YYYYMMDD with or without separators."""
    if has_glyph(value):
        return False
    return calendar_date(compact(value).translate(dict.fromkeys(map(ord, "年月日")))) is not None


def luhn_holds(value: str) -> bool:
    """A card number of 12 to 19 digits whose check digit holds (ISO/IEC 7812-1)."""
    digits = compact(value)
    if len(value) > 60 or not _CARD.fullmatch(digits):
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (1 + place % 2)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


VALIDATORS: Final[Mapping[str, Callable[[str], bool]]] = MappingProxyType(
    {
        "mobile": mobile,
        "landline": landline,
        "email": email,
        "cn_id_card": cn_id_card,
        "org_code": org_code,
        "plate": plate,
        "date": date,
    }
)
"""By kind."""
