"""What one value looks like: stricter than a validator, because here nobody says what it should be.

A validator asks whether a value *can* be of its kind; a detector whether it hardly can be anything
else.  Twenty letters and digits can be a policy number, so there is no detector for it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

from pgmask.kinds import valid
from pgmask.kinds.address import district_end
from pgmask.kinds.surnames import COMPOUND_SURNAMES


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """How far hits count.

    chance: the share of hits that also a column of something else may have; enough: the share from
    which on nothing more is gained; points: how much they say then (see ``judge``); what: plural,
    for the evidence; varied: values hardly repeat, so a handful of different ones are codes.
    """

    chance: float
    enough: float
    points: float
    what: str
    varied: bool = True


# Where the chances come from: every eleventh number has the right check character, every tenth the
# right Luhn digit, one in thirty-one the right credit code; a word of two or three characters
# begins with a common surname about once in five.
DETECTORS: Final = {
    "cn_id_card": Detector(chance=0.02, enough=0.2, points=4.5, what="identity card numbers"),
    "mobile": Detector(chance=0.12, enough=0.4, points=3.5, what="mobile numbers"),
    "landline": Detector(chance=0.1, enough=0.4, points=3.0, what="fixed-line numbers"),
    "email": Detector(chance=0.02, enough=0.2, points=4.5, what="e-mail addresses"),
    "bank_account": Detector(chance=0.15, enough=0.5, points=3.8, what="card numbers (Luhn)"),
    "org_code": Detector(chance=0.06, enough=0.3, points=4.5, what="organisation codes"),
    "plate": Detector(chance=0.02, enough=0.2, points=4.5, what="vehicle plates"),
    "postal_address": Detector(chance=0.05, enough=0.4, points=3.6, what="postal addresses"),
    "person_name": Detector(chance=0.35, enough=0.75, points=3.2, what="persons' names"),
    "identity_paper": Detector(chance=0.15, enough=0.6, points=3.0, what="passports and permits"),
    "date": Detector(chance=0.1, enough=0.3, points=3.0, what="days as long ago as births"),
    "secret": Detector(chance=0.02, enough=0.3, points=4.5, what="password hashes"),
    "json": Detector(chance=0.1, enough=0.6, points=4.0, what="JSON documents", varied=False),
    "media": Detector(chance=0.1, enough=0.5, points=3.5, what="paths or links of media"),
    "free_text": Detector(chance=0.25, enough=0.6, points=3.0, what="sentences"),
}

LONGEST: Final = 400
"""Characters of a value that are looked at."""

_PAPER: Final = re.compile(
    r"[EG][A-Z]?[0-9]{7,8}|D[A-Z]?[0-9]{7,8}|[HM][0-9]{8}(?:[0-9]{2})?|[一-鿿]字第[0-9]{6,8}号?"
)
_CARD: Final = re.compile(r"(?:62|60|9[0-9]{3}|4|5[1-5]|35|3[47])[0-9]+")
_HASH: Final = re.compile(
    r"\$2[abxy]?\$[0-9]{2}\$[./A-Za-z0-9]{53}|\$argon2(?:id|i|d)\$.+|\$[156]\$.+|"
    r"pbkdf2(?:_sha\d+)?[$:].+|\{(?:SSHA|SHA|bcrypt|MD5)\d*\}.+|SCRAM-SHA-256\$.+"
)
_FILE: Final = re.compile(
    r"[^\s<>\"|]+\.(?:jpe?g|png|gif|bmp|webp|tiff?|heic|pdf|mp3|wav|amr|m4a|mp4|avi|mov|docx?|ofd)"
    r"(?:\?\S*)?",
    re.IGNORECASE,
)
_NAME: Final = re.compile(r"[㐀-䶿一-鿿]{2,4}")
_LONG_NAME: Final = re.compile(r"[㐀-䶿一-鿿]{2,8}[·•・][㐀-䶿一-鿿]{2,8}")
_LATIN_NAME: Final = re.compile(
    r"[A-Z][a-z]+(?:[ -][A-Z][a-z']+){1,2}|[A-Z]{2,}(?: [A-Z]{2,}){1,2}"
)
# The end of a place, an office or a thing, not of a person.
_NOT_A_NAME: Final = frozenset("省市县区部司店行院会局厅处科组路街镇村厂校险")
_MARKERS: Final = re.compile(r"省|自治区|市|区|县|镇|乡|村|路|街|道|巷|弄|里|号|栋|幢|单元|室|楼")
_HAN: Final = re.compile(r"[㐀-䶿一-鿿]")
_STREET: Final = re.compile(
    r"\d+\s+(?:[A-Z]\w+\s)+(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr)\b", re.IGNORECASE
)
_DIGITS: Final = re.compile(r"[0-9]+")
_SENTENCE: Final = re.compile(r"[，。；！？、,;!?]|\s\w+\s")
_INSIDE: Final = (
    ("cn_id_card", re.compile(r"(?<![0-9A-Za-z])[1-8][0-9]{16}[0-9Xx](?![0-9A-Za-z])")),
    ("mobile", re.compile(r"(?<![0-9])1[3-9][0-9](?:[ -]?[0-9]{4}){2}(?![0-9])")),
    ("email", re.compile(r"[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,}")),
    ("bank_account", re.compile(r"(?<![0-9])[3-69][0-9]{15,18}(?![0-9])")),
    ("landline", re.compile(r"(?<![0-9])0[1-9][0-9]{1,2}-[2-9][0-9]{6,7}(?![0-9])")),
)


@cache
def surnames() -> frozenset[str]:
    """Common surnames of one character."""
    text = resources.files("pgmask.kinds").joinpath("words", "surnames.txt").read_text("utf-8")
    return frozenset(text) - {"\n"}


def detect(value: str) -> frozenset[str]:
    """The kinds that the value hardly can be anything else than."""
    text = value.strip()
    if not text:
        return frozenset()
    if text.isascii() and _DIGITS.fullmatch(text):
        return _of_digits(text)
    found = set()
    if text[0] in "{[" and _is_json(text):
        return frozenset({"json"})
    if "@" in text and valid.email(text):
        found.add("email")
    if len(text) <= 24:
        _short(text, found)
    if _FILE.fullmatch(text):
        found.add("media")
    if len(text) > 20 and _HASH.fullmatch(text):
        found.add("secret")
    if is_address(text):
        found.add("postal_address")
    elif not found and len(text) >= 12 and _SENTENCE.search(text) and not _STREET.search(text):
        found.add("free_text")
    return frozenset(found)


def _of_digits(text: str) -> frozenset[str]:
    found = set()
    if len(text) in (15, 18) and valid.cn_id_card(text):
        found.add("cn_id_card")
    elif len(text) in (11, 13, 15) and valid.mobile(text):
        found.add("mobile")
    elif 16 <= len(text) <= 19 and _CARD.fullmatch(text) and valid.luhn_holds(text):
        found.add("bank_account")
    elif text[0] == "0" and 10 <= len(text) <= 12 and valid.landline(text):
        found.add("landline")
    elif len(text) == 8 and _as_long_ago_as_a_birth(text):
        found.add("date")
    elif len(text) == 18 and valid.org_code(text):
        found.add("org_code")
    return frozenset(found)


def _short(text: str, found: set[str]) -> None:
    folded = valid.compact(text).upper()
    if len(folded) == 18:
        if valid.cn_id_card(text):
            found.add("cn_id_card")
        elif valid.org_code(text):
            found.add("org_code")
    elif folded.isascii() and folded.lstrip("+").isdigit():
        digits = folded.lstrip("+")
        if valid.mobile(text):
            found.add("mobile")
        elif valid.landline(text) and len(digits) >= 10:
            found.add("landline")
        elif 16 <= len(digits) <= 19 and _CARD.fullmatch(digits) and valid.luhn_holds(text):
            found.add("bank_account")
        elif _as_long_ago_as_a_birth(digits[:8]) and text[4:5] in "-/.":
            found.add("date")
    elif len(folded) in (7, 8) and valid.plate(text):
        found.add("plate")
    if _PAPER.fullmatch(folded):
        found.add("identity_paper")
    if is_person_name(text):
        found.add("person_name")


def _as_long_ago_as_a_birth(digits: str) -> bool:
    day = valid.calendar_date(digits)
    # A contract or a file is hardly that old.
    return day is not None and 1905 <= day.year < 1986


def is_person_name(text: str) -> bool:
    """A Chinese name with a known surname, a name with a middle dot, or two Latin names."""
    if _NAME.fullmatch(text):
        if text[-1] in _NOT_A_NAME:
            return False
        return (text[0] in surnames() and len(text) <= 3) or (
            text[:2] in COMPOUND_SURNAMES and len(text) >= 3
        )
    return bool(_LONG_NAME.fullmatch(text) or _LATIN_NAME.fullmatch(text))


def is_address(text: str) -> bool:
    """A postal address down to a street or house; a place alone is none."""
    if not 8 <= len(text) <= 200:
        return False
    if _HAN.search(text):
        markers = _MARKERS.findall(text)
        district = district_end(text)
        below = len(set(markers)) >= 3 and any(c.isdigit() for c in text)
        return below or (0 < district < len(text) - 3 and len(set(markers)) >= 3)
    return _STREET.match(text) is not None


def _is_json(text: str) -> bool:
    if len(text) >= LONGEST:
        return bool(re.match(r'[\[{]\s*(?:"|\{|\[)', text))
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def inside(text: str) -> frozenset[str]:
    """The kinds of level 1 that occur within a longer text (A7)."""
    found = set()
    for kind, form in _INSIDE:
        for match in form.finditer(text):
            value = match[0]
            if kind == "cn_id_card" and not valid.cn_id_card(value):
                continue
            if kind == "bank_account" and not (
                _CARD.fullmatch(value) and valid.luhn_holds(value) and not valid.cn_id_card(value)
            ):
                continue
            found.add(kind)
            break
    return frozenset(found)


def fits(kind: str, value: str) -> bool:
    """Whether a value can be of the kind at all; True for kinds without a form."""
    text = value.strip()
    validator = valid.VALIDATORS.get(kind)
    if kind in ("mobile", "landline"):
        # People write the one into the column of the other.
        return valid.mobile(text) or valid.landline(text)
    if kind == "cn_id_card":
        return valid.cn_id_card(text) or _code(text, 6, 20)
    if validator is not None:
        return validator(text)
    if kind == "bank_account":
        return 8 <= len(valid.compact(text)) <= 34 and valid.compact(text).isdigit()
    if kind in ("policy_number", "identity_paper"):
        return _code(text, 6, 40)
    if kind == "person_name":
        return 2 <= len(text) <= 80 and not any(c.isdigit() for c in text)
    if kind == "postal_address":
        return len(text) >= 4 and not text.isdigit()
    if kind == "media":
        return len(text) >= 4 and not text.isalpha()
    return True


def _code(text: str, least: int, most: int) -> bool:
    folded = valid.compact(text)
    return (
        least <= len(folded) <= most
        and folded.isascii()
        and folded.isalnum()
        and any(c.isdigit() for c in folded)
    )
