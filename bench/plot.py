"""Bars as SVG: what we measured beside what was asked for and what the reference server takes."""

from dataclasses import dataclass
from html import escape
from pathlib import Path

WIDTH, LEFT, BAR, GAP = 760, 250, 16, 14
COLOURS = {"measured": "#4B5BD6", "reach": "#9aa0a6", "reference": "#d98e5f"}


@dataclass(frozen=True)
class Bar:
    """One row: a name, a unit, and values by series. Lower is better unless `more_is_better`."""

    name: str
    unit: str
    measured: float
    reach: float | None = None
    reference: float | None = None
    more_is_better: bool = False


def svg(title: str, bars: list[Bar]) -> str:
    """A chart in which each row has its own scale, because the rows have different units."""
    height, rows = 64, []
    for bar in bars:
        series = [(k, v) for k in COLOURS if (v := getattr(bar, k)) is not None]
        largest = max(value for _, value in series) or 1
        rows.append(f'<text x="{LEFT - 12}" y="{height + BAR}" text-anchor="end">{escape(bar.name)}</text>')
        for kind, value in series:
            length = max(2, (WIDTH - LEFT - 130) * value / largest)
            rows.append(
                f'<rect x="{LEFT}" y="{height}" width="{length:.0f}" height="{BAR}" rx="2" fill="{COLOURS[kind]}"/>'
            )
            label = f"{value:,.0f}" if value >= 100 else f"{value:,.2f}".rstrip("0").rstrip(".")
            rows.append(
                f'<text x="{LEFT + length + 8:.0f}" y="{height + BAR - 3}" class="v">{label} {escape(bar.unit)}</text>'
            )
            height += BAR + 2
        height += GAP
    legend = "".join(
        f'<rect x="{LEFT + i * 120}" y="34" width="12" height="12" fill="{colour}"/>'
        f'<text x="{LEFT + i * 120 + 18}" y="45" class="v">{kind}</text>'
        for i, (kind, colour) in enumerate(COLOURS.items())
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="system-ui, sans-serif" '
        f'font-size="13"><style>text{{fill:#2b2926}}.v{{font-size:12px;fill:#5f5a54}}</style>'
        f'<rect width="{WIDTH}" height="{height}" fill="#faf9f7"/>'
        f'<text x="16" y="24" font-size="16" font-weight="600">{escape(title)}</text>{legend}{"".join(rows)}</svg>\n'
    )


def write(path: Path, title: str, bars: list[Bar]) -> None:
    """The chart as a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(svg(title, bars), encoding="utf-8")
