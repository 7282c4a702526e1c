"""The registry of kinds: one entry per kind, masks as data (B1, B8, A7)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pgmask.kinds.model import Kind, MaskRule
from pgmask.kinds.show import DIGITS, LETTERS, Extent, Form, Part, ShowRule, Test

_DIGITS_ONLY = Test(part=Part.ALL, allowed=DIGITS)
_CODE = Test(part=Part.ALL, allowed=DIGITS + LETTERS)
_ID_BODY = Test(part=Part.BODY, allowed=DIGITS)
_ID_CHECK = Test(part=Part.LAST, allowed=DIGITS + "Xx")
_LETTER_FIRST = Test(
    part=Part.FIRST,
    ranges=((65, 90), (97, 122), (192, 591), (13312, 40959), (131072, 205743)),
)
_DATE = Test(part=Part.ALL, allowed=DIGITS + "-/")
_HAN = ((19968, 40959),)

_WHOLE = ShowRule(says="nothing")


def _id_card(first_18: int, first_15: int, says: str) -> ShowRule:
    return ShowRule(
        says=says,
        forms=(
            Form(lengths=(18, 18), tests=(_ID_BODY, _ID_CHECK), first=first_18),
            Form(lengths=(15, 15), tests=(_DIGITS_ONLY,), first=first_15),
        ),
    )


def _kind(
    name: str,
    title: str,
    title_zh: str,
    category: str,
    shows: ShowRule,
    *,
    example: str,
    more: tuple[tuple[str, ShowRule], ...] = (),
    families: tuple[str, ...] = ("text",),
    search: bool = True,
    never_shown: bool = False,
    hidden: bool = False,
    note: str = "",
) -> Kind:
    masks = [MaskRule(name="default", function=f"pgmask.mask_{name}", shows=shows)]
    masks += [
        MaskRule(name=extra, function=f"pgmask.mask_{name}_{extra}", shows=rule)
        for extra, rule in more
    ]
    return Kind(
        name=name,
        title=title,
        title_zh=title_zh,
        category=category,
        default_mask="default",
        masks=tuple(masks),
        validator=f"pgmask.valid_{name}",
        normaliser=f"pgmask.normal_{name}" if search else None,
        families=families,
        example=example,
        never_shown=never_shown,
        hidden_by_default=hidden,
        note=note,
    )


_ALL = (
    _kind(
        "mobile",
        "mobile number",
        "手机号码",
        "contact",
        ShowRule(
            says="of eleven plain digits that begin with 1 the first three and the last four",
            forms=(
                Form(
                    lengths=(11, 11),
                    tests=(_DIGITS_ONLY, Test(part=Part.FIRST, allowed="1")),
                    first=3,
                    last=4,
                ),
            ),
        ),
        example="13800001234",
        families=("text", "number"),
        note="A value with country prefix, separators or full-width digits is masked whole.",
    ),
    _kind(
        "landline",
        "fixed-line number",
        "固定电话",
        "contact",
        ShowRule(
            says="of a number with area code the first three and the last two characters",
            forms=(
                Form(
                    lengths=(10, 13),
                    tests=(
                        Test(part=Part.ALL, allowed=DIGITS + "-"),
                        Test(part=Part.FIRST, allowed="0"),
                    ),
                    first=3,
                    last=2,
                ),
            ),
        ),
        example="010-12345678",
        families=("text", "number"),
        note="Without area code, or with an extension or prefix, masked whole.",
    ),
    _kind(
        "email",
        "e-mail address",
        "电子邮箱",
        "contact",
        ShowRule(
            says="the first character and a top-level part of two or three letters",
            forms=(
                Form(
                    lengths=(12, 320),
                    tests=(
                        Test(part=Part.ALL, contains="@"),
                        Test(part=Part.ENDS, refused="*•"),
                    ),
                    first=1,
                    extent=Extent.TOP_LEVEL,
                ),
            ),
        ),
        example="zhangsan@example.com",
        note="The @ is hidden too: it may stand among the middle four characters.",
    ),
    _kind(
        "postal_address",
        "postal address",
        "通讯地址",
        "contact",
        ShowRule(
            says="province, city and district, at most up to the middle four characters",
            forms=(
                Form(
                    lengths=(9, 300),
                    tests=(Test(part=Part.FIRST, ranges=_HAN),),
                    extent=Extent.DISTRICT,
                ),
            ),
        ),
        example="广东省深圳市南山区示例大道1号样板楼101室",
        note="An address whose district is not recognised is shown to the city or the province, "
        "or not at all.",
    ),
    _kind(
        "cn_id_card",
        "resident identity card number",
        "居民身份证号码",
        "basic",
        _id_card(10, 8, "region and year of birth; month and day of birth and the rest are hidden"),
        example="11010119900307001X",
        more=(
            ("region", _id_card(6, 6, "the region")),
            ("last4", _id_card(14, 11, "all but the last four characters")),
        ),
        families=("text", "number"),
        note="The rule books ask for the last four characters only (mask ``last4``); region and "
        "whole birth date leave some five hundred people, so the default hides more.",
    ),
    _kind(
        "identity_paper",
        "other identity paper",
        "其他身份证件号码",
        "basic",
        ShowRule(
            says="of six or more plain letters and digits the first character",
            forms=(Form(lengths=(6, 32), tests=(_CODE,), first=1),),
        ),
        example="E00000000",
        note="Passports, permits for Hong Kong, Macau and Taiwan, foreigners' permanent residence, "
        "military papers.",
    ),
    _kind(
        "bank_account",
        "bank account or card number",
        "银行账号",
        "finance",
        ShowRule(
            says="of 12 to 34 plain digits the last four",
            forms=(Form(lengths=(12, 34), tests=(_DIGITS_ONLY,), last=4),),
        ),
        example="6200000000000000000",
        more=(
            (
                "ends",
                ShowRule(
                    says="of 14 to 34 plain digits the first four and the last four",
                    forms=(Form(lengths=(14, 34), tests=(_DIGITS_ONLY,), first=4, last=4),),
                ),
            ),
        ),
        families=("text", "number"),
        note="The first digits name the bank, which PICC Article 9(1) puts at level 1. The check "
        "digit (``pgmask.luhn_holds``) is a quality flag only: passbook accounts have none.",
    ),
    _kind(
        "policy_number",
        "policy number",
        "保单号",
        "agreement",
        ShowRule(
            says="of ten or more plain letters and digits the last four",
            forms=(Form(lengths=(10, 40), tests=(_CODE,), last=4),),
        ),
        example="P2024000000001",
        families=("text", "number"),
    ),
    _kind(
        "person_name",
        "person's name",
        "姓名",
        "basic",
        ShowRule(
            says="the surname, compound surnames too; of Latin names and names with a middle dot "
            "the first letter",
            forms=(Form(lengths=(2, 200), tests=(_LETTER_FIRST,), extent=Extent.SURNAME),),
        ),
        example="欧阳示例",
    ),
    _kind(
        "org_code",
        "organisation code",
        "统一社会信用代码",
        "basic",
        ShowRule(
            says="of the 18 characters the first eight (authority, type, region)",
            forms=(Form(lengths=(18, 18), tests=(_CODE,), first=8),),
        ),
        example="91110000MA00000000",
        note="The nine-character organisation code is masked whole.",
    ),
    _kind(
        "plate",
        "vehicle plate",
        "车牌号码",
        "asset",
        ShowRule(
            says="province and issuing city (the first two characters)",
            forms=(
                Form(
                    lengths=(7, 8),
                    tests=(
                        Test(part=Part.FIRST, ranges=_HAN),
                        Test(part=Part.SECOND, ranges=((65, 90),)),
                    ),
                    first=2,
                ),
            ),
        ),
        example="京A00000",
    ),
    _kind(
        "date",
        "date",
        "日期",
        "basic",
        ShowRule(
            says="of YYYY-MM-DD and YYYYMMDD the year",
            forms=(
                Form(lengths=(10, 10), tests=(_DATE,), first=4),
                Form(lengths=(8, 8), tests=(_DIGITS_ONLY,), first=4),
            ),
        ),
        example="1990-03-07",
        families=("text", "date", "time"),
    ),
    _kind(
        "number",
        "number",
        "数值",
        "finance",
        _WHOLE,
        example="12500.00",
        families=("text", "number", "boolean"),
    ),
    _kind(
        "free_text",
        "free text",
        "自由文本",
        "touch",
        _WHOLE,
        example="客户来电",
        families=("text", "enum", "array"),
        search=False,
        hidden=True,
        note="Level of its content; never partially masked.",
    ),
    _kind(
        "json",
        "JSON document",
        "JSON 文档",
        "touch",
        _WHOLE,
        example='{"a": 1}',
        families=("text", "json"),
        search=False,
        hidden=True,
    ),
    _kind(
        "media",
        "media or file reference",
        "影像与文件",
        "touch",
        _WHOLE,
        example="scans/0001.jpg",
        families=("text", "bytes", "uuid"),
        search=False,
        hidden=True,
    ),
    _kind(
        "secret",
        "secret",
        "口令与验证码",
        "basic",
        _WHOLE,
        example="(none)",
        families=("text", "bytes", "number", "json", "array"),
        search=False,
        hidden=True,
        never_shown=True,
        note="Passwords, card codes, biometric templates: no reveal, no extract, comparison only.",
    ),
)

KINDS: Mapping[str, Kind] = MappingProxyType({kind.name: kind for kind in _ALL})
"""Every kind by its name in the catalogue."""
