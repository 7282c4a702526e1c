"""Places, products, banks and units of the demonstration's insurer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Place:
    """A district as it stands in addresses and numbers.

    code: the six digits an identity card begins with; city: the address down to the city;
    area: dialling code; plate: what number plates begin with.
    """

    code: str
    city: str
    district: str
    area: str
    plate: str
    postal: str


PLACES: Final = (
    Place("110105", "北京市", "朝阳区", "010", "京A", "100020"),
    Place("110108", "北京市", "海淀区", "010", "京N", "100080"),
    Place("310115", "上海市", "浦东新区", "021", "沪A", "200120"),
    Place("310104", "上海市", "徐汇区", "021", "沪B", "200030"),
    Place("420106", "湖北省武汉市", "武昌区", "027", "鄂A", "430060"),
    Place("420111", "湖北省武汉市", "洪山区", "027", "鄂A", "430070"),
    Place("440305", "广东省深圳市", "南山区", "0755", "粤B", "518052"),
    Place("440106", "广东省广州市", "天河区", "020", "粤A", "510630"),
    Place("510107", "四川省成都市", "武侯区", "028", "川A", "610041"),
    Place("320106", "江苏省南京市", "鼓楼区", "025", "苏A", "210009"),
    Place("330106", "浙江省杭州市", "西湖区", "0571", "浙A", "310013"),
    Place("610113", "陕西省西安市", "雁塔区", "029", "陕A", "710061"),
)

STREETS: Final = (
    "中山路", "人民路", "解放路", "建设路", "和平路", "文化路", "长江路", "黄河路", "新华路",
    "学院路", "科技大道", "滨河路", "朝阳路", "友谊路", "胜利街", "光明街", "东风路", "青年路",
)  # fmt: skip

PRODUCTS: Final = (
    ("LIFE10", "金色年华终身寿险", "life"),
    ("LIFE20", "鑫享两全保险", "life"),
    ("HLTH10", "安康重大疾病保险", "health"),
    ("HLTH20", "惠民医疗保险", "health"),
    ("MOTR10", "机动车商业保险", "motor"),
    ("ACCI10", "出行意外伤害保险", "accident"),
)

BANKS: Final = (
    ("ICBC", "中国工商银行", "622202"),
    ("ABC", "中国农业银行", "622848"),
    ("CCB", "中国建设银行", "621700"),
    ("BOC", "中国银行", "621661"),
    ("CMB", "招商银行", "622588"),
)

UNITS: Final = (
    # id, name, kind, superior, index of its place
    (1, "总公司", "head_office", None, 0),
    (2, "北京分公司", "branch", 1, 0),
    (3, "湖北分公司", "branch", 1, 4),
    (4, "广东分公司", "branch", 1, 7),
    (5, "朝阳支公司", "sub_branch", 2, 0),
    (6, "海淀支公司", "sub_branch", 2, 1),
    (7, "武昌支公司", "sub_branch", 3, 4),
    (8, "洪山支公司", "sub_branch", 3, 5),
    (9, "南山支公司", "sub_branch", 4, 6),
    (10, "天河支公司", "sub_branch", 4, 7),
)
COLLECTING: Final = (5, 6, 7, 8, 9, 10)
"""The units that collect customers."""

COMPOUND_SURNAMES: Final = ("欧阳", "司马", "上官", "诸葛", "夏侯", "慕容", "司徒", "东方")

DIAGNOSES: Final = (
    "急性阑尾炎", "左侧桡骨骨折", "2型糖尿病", "高血压3级", "甲状腺结节", "肺部感染",
    "冠状动脉粥样硬化性心脏病", "腰椎间盘突出", "膝关节半月板损伤", "乳腺良性肿瘤",
)  # fmt: skip
