"""Where the district ends in a Chinese postal address.

The address mask shows province, city and district and hides the rest.  Recognition is by markers,
and every doubt shows less: a marker behind a sign of a street, a building or a number, or one that
names a housing or industrial area, does not count; then the city's marker is tried, then the
province's, then nothing is shown.  ``pgmask.address_district_end`` is the same in SQL.
"""

from __future__ import annotations

LONGEST_HEAD = 26
"""Characters from the beginning in which the markers are looked for."""

NEUTRAL: tuple[tuple[str, str], ...] = (
    ("自治区", "自治省"),
    ("地区", "地州"),
    ("市场", "街街"),
    ("景德镇", "景德德"),
    ("镇江", "江江"),
    ("镇海", "海海"),
    ("新乡", "新新"),
    ("县", "区"),
)
"""Names that contain a marker or a stop sign without being one, and their stand-ins."""

STOPS = (
    "0123456789０１２３４５６７８９"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    "号號栋棟幢室弄巷街路道镇鎮乡鄉村组座 　,，、.。-—()（）#＃*•"
)
"""Signs that what stands before a marker is more than province, city and district."""

NOT_A_DISTRICT = "小社园校院厂库业发假税护货宿生一二三四五六七八九十里苑庄坊"
"""Characters before 区 that make it a housing, school, industrial or numbered area."""

COMPASS = "东西南北中"
AREA = "里园苑庄坊寓村"
"""园南区, 里东区: parts of a housing area."""


def district_end(value: str) -> int:
    """The number of characters up to the end of the district; 0 where the shape is unknown."""
    if not value or not 0x4E00 <= ord(value[0]) <= 0x9FFF:
        return 0
    head = value[:LONGEST_HEAD]
    for name, stand_in in NEUTRAL:
        head = head.replace(name, stand_in)
    district = head.find("区") + 1
    if (
        district >= 3
        and _plain(head[:district])
        and head[district - 2] not in NOT_A_DISTRICT
        and not (head[district - 2] in COMPASS and head[district - 3] in AREA)
    ):
        return district
    for marker, low, high in (("市", 3, 20), ("省", 3, 8)):
        end = head.find(marker) + 1
        if low <= end <= high and _plain(head[:end]):
            return end
    return 0


def _plain(prefix: str) -> bool:
    return not any(c in STOPS for c in prefix)
