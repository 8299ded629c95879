"""The cases as a picture: what was reported, the range of an ordinary village, and of the second best of many.

save_cases(table, "cases.png")
"""

from pathlib import Path

import numpy as np

from experiments.screens.names import named
from experiments.screens.page import GREY, MARGIN, STYLE, WIDTH, Page, axes_at, put, ticks
from experiments.screens.words import date, number, text

LABEL, LINE, BLUE, ORANGE = 4.6, 0.75, "#0072B2", "#D55E00"


def save_cases(table, path: str | Path, kind: str | None = None) -> Path:
    drawn(table).savefig(path, dpi=120, facecolor="white", format=kind)
    return Path(path)


def drawn(table):
    """A row for each count that was reported."""
    from matplotlib import rc_context

    page, part = Page(), table[table["observed"].notna() & (table["observed"] > 1)]
    page.lines(text("cases_title"), 16, bold=True, gap=0.05)
    page.lines(text("cases_key"), 10.5, color=GREY, gap=0.1)
    with rc_context(STYLE):
        _panel(page, part)
        return page.figure()


def _panel(page: Page, part) -> None:
    height = LINE * len(part) + 0.1

    def draw(out, top: float) -> None:
        axes = axes_at(out, MARGIN + LABEL, top, WIDTH - 2 * MARGIN - LABEL, height, len(part))
        for k, row in enumerate(part.itertuples()):
            place = len(part) - 1 - k
            words = f"{row.case}, {date(row.date, True)}\n{named('seen', row.measure)}: {number(round(row.observed))}"
            put(out, MARGIN, top + LINE * (k + 0.25), words, fontsize=10.5, va="top")
            spread = row.observed * row.tolerance_share
            axes.plot([row.observed - spread, row.observed + spread], [place + 0.25] * 2, color="black", linewidth=1.5)
            axes.plot([row.observed], [place + 0.25], marker="o", color="black", markersize=7)
            axes.plot([row.low, row.high], [place] * 2, color=BLUE, linewidth=7, alpha=0.4, solid_capstyle="butt")
            axes.plot([row.median], [place], marker="s", color=BLUE, markersize=7)
            if np.isfinite(row.picked_median):
                edges = [row.picked_low, row.picked_high]
                axes.plot(edges, [place - 0.25] * 2, color=ORANGE, linewidth=7, alpha=0.4, solid_capstyle="butt")
                axes.plot([row.picked_median], [place - 0.25], marker="^", color=ORANGE, markersize=8)
        most = max(part["high"].max(), (part["observed"] * (1 + part["tolerance_share"])).max(), part["picked_high"].max())
        axes.set_xlim(0, 1.05 * most)
        ticks(axes, lambda x: number(round(x)), WIDTH - 2 * MARGIN - LABEL)

    page.add(height + 0.5, draw)
