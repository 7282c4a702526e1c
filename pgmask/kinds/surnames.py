"""Compound surnames, in simplified and traditional characters: shown whole by the name mask.

The same list stands in ``sql/21_fn_kinds_text.sql``; a test compares them.
"""

from __future__ import annotations

COMPOUND_SURNAMES: frozenset[str] = frozenset(
    (
        "欧阳 司马 上官 诸葛 司徒 东方 独孤 南宫 夏侯 尉迟 皇甫 慕容 "
        "令狐 公孙 轩辕 宇文 长孙 司空 鲜于 闾丘 太史 申屠 钟离 淳于 "
        "单于 公羊 公冶 濮阳 赫连 澹台 宗政 太叔 仲孙 百里 东郭 南门 "
        "呼延 羊舌 微生 梁丘 左丘 西门 第五 拓跋 端木 巫马 公西 漆雕 "
        "乐正 壤驷 公良 夹谷 宰父 谷梁 段干 司寇 子车 颛孙 亓官 万俟 "
        "闻人 歐陽 司馬 諸葛 東方 獨孤 南宮 長孫 軒轅 鍾離 公孫 淳於 "
        "單于 閭丘 濮陽 赫連 澹臺 東郭 南門 西門 聞人 尉遲 "
    ).split()
)
