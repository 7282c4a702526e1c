"""Bars and lines as SVG, drawn here so that a page needs no script and prints as it looks.

Numbers are written beside what they measure, so that no colour has to be told from another.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

_WIDTH = 640


def bars(values: Sequence[tuple[str, float]], *, most: int = 12) -> Markup:
    """Horizontal bars, longest first; what is beyond ``most`` is summed up in the last one."""
    ranked = sorted(values, key=lambda v: (-v[1], v[0]))
    if len(ranked) > most:
        rest = ranked[most - 1 :]
        ranked = [*ranked[: most - 1], (f"{len(rest)} others", sum(v for _, v in rest))]
    if not ranked:
        return Markup('<p class="none">none</p>')
    top = max(v for _, v in ranked) or 1
    left, row = 190, 24
    parts = []
    for place, (label, value) in enumerate(ranked):
        y = place * row
        long = max(value / top * (_WIDTH - left - 80), 1)
        parts.append(
            f'<text class="label" x="{left - 8}" y="{y + 16}" text-anchor="end">'
            f"{escape(_short(label))}</text>"
            f'<rect class="bar" x="{left}" y="{y + 4}" width="{long:.1f}" height="16" rx="2"/>'
            f'<text class="value" x="{left + long + 6:.1f}" y="{y + 16}">{value:,.0f}</text>'
        )
    return _svg(len(ranked) * row + 4, parts)


def line(values: Sequence[tuple[str, float]]) -> Markup:
    """A line over days in order, with its highest day named."""
    if not values:
        return Markup('<p class="none">none</p>')
    top = max(v for _, v in values) or 1
    left, right, above, height = 56, 16, 22, 150
    step = (_WIDTH - left - right) / max(len(values) - 1, 1)
    spots = [
        (left + place * step, above + height - value / top * height)
        for place, (_, value) in enumerate(values)
    ]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
    base = above + height
    peak = max(range(len(values)), key=lambda n: values[n][1])
    anchor = "end" if spots[peak][0] > _WIDTH - 150 else "start"
    parts = []
    for share in (0.0, 0.5, 1.0):
        y = base - share * height
        parts.append(
            f'<line class="grid" x1="{left}" x2="{_WIDTH - right}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="label" x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">'
            f"{top * share:,.0f}</text>"
        )
    parts.append(
        f'<polygon class="area" points="{left},{base} {path} {spots[-1][0]:.1f},{base}"/>'
        f'<polyline class="line" points="{path}"/>'
        f'<circle class="dot" cx="{spots[peak][0]:.1f}" cy="{spots[peak][1]:.1f}" r="4"/>'
        f'<text class="value" x="{spots[peak][0]:.1f}" y="{above - 8}" text-anchor="{anchor}">'
        f"{escape(values[peak][0])}: {values[peak][1]:,.0f}</text>"
    )
    ends = ((0, "start"), (len(values) - 1, "end"))
    for place, side in ends if len(values) > 1 else ends[:1]:
        parts.append(
            f'<text class="label" x="{spots[place][0]:.1f}" y="{base + 18}" text-anchor="{side}">'
            f"{escape(values[place][0])}</text>"
        )
    return _svg(base + 26, parts)


def columns(values: Sequence[tuple[str, float]]) -> Markup:
    """Upright bars in the order given, such as the hours of a day."""
    top = max((v for _, v in values), default=0) or 1
    height, above = 120, 18
    wide = (_WIDTH - 16) / max(len(values), 1)
    parts = []
    for place, (label, value) in enumerate(values):
        x = 8 + place * wide
        tall = value / top * height
        parts.append(
            f'<rect class="bar" x="{x + 2:.1f}" y="{above + height - tall:.1f}"'
            f' width="{wide - 4:.1f}" height="{tall:.1f}" rx="2"/>'
            f'<text class="label" x="{x + wide / 2:.1f}" y="{above + height + 15}"'
            f' text-anchor="middle">{escape(label)}</text>'
        )
        if value:
            parts.append(
                f'<text class="value" x="{x + wide / 2:.1f}" y="{above + height - tall - 4:.1f}"'
                f' text-anchor="middle">{_brief(value)}</text>'
            )
    return _svg(above + height + 22, parts)


def _brief(value: float) -> str:
    for size, sign in ((1e6, "M"), (1e3, "k")):
        if value >= size * 10:
            return f"{value / size:.0f}{sign}"
    return f"{value:.0f}"


def _short(label: str) -> str:
    return label if len(label) <= 26 else f"{label[:25]}…"


def _svg(height: float, parts: Sequence[str]) -> Markup:
    inside = "".join(parts)
    return Markup(  # noqa: S704 - every label was escaped where it was put in
        f'<svg viewBox="0 0 {_WIDTH} {height:.0f}" role="img" xmlns="http://www.w3.org/2000/svg">'
        f"{inside}</svg>"
    )
