"""A forecast as a picture: what is expected of each arm, with how sure that is.

save_forecast(forecast, "forecast.png")
"""

from pathlib import Path

import numpy as np

from experiments.screens.names import titled
from experiments.screens.page import GREY, MARGIN, STYLE, WIDTH, Page, axes_at, put, ticks, wrapped
from experiments.screens.words import date, text

LABEL, LINE, BLUE = 6.2, 0.34, "#0072B2"


def save_forecast(forecast, path: str | Path, kind: str | None = None) -> Path:
    drawn(forecast).savefig(path, dpi=120, facecolor="white", format=kind)
    return Path(path)


def drawn(forecast):
    """Levels and differences on axes of their own: 95 and 50 % of draws as thin and thick bars, the median as a dot."""
    from matplotlib import rc_context

    document, page = forecast.document, Page()
    page.lines(text("forecast_title", title=titled(document["title"]), date=date(document["date"])), 16, bold=True, gap=0.05)
    page.lines(text("forecast_key"), 10.5, color=GREY, gap=0.1)
    with rc_context(STYLE):
        for level in (True, False):
            part = [row for row in document["rows"] if (sum(row["arms"].values()) > 0.5) == level]
            if part:
                _panel(page, part, level)
        page.lines(text("forecast_caption", draws=document["draws"], seed=document["seed"], sha=document["sha256"]), 9.5, color=GREY)
        return page.figure()


def _panel(page: Page, part: list[dict], level: bool) -> None:
    height = LINE * len(part) + 0.1

    def draw(out, top: float) -> None:
        axes = axes_at(out, MARGIN + LABEL, top, WIDTH - 2 * MARGIN - LABEL, height, len(part))
        if not level:
            axes.axvline(0.0, color=GREY, linewidth=1)
        for k, row in enumerate(part):
            place = len(part) - 1 - k
            words = wrapped(f"{row['id']}  {titled(row['text'])}", LABEL - 0.2, 10)[0]
            put(out, MARGIN, top + LINE * (k + 0.35), words, fontsize=10, va="top")
            axes.plot(row["interval_95"], [place] * 2, color=BLUE, linewidth=2, alpha=0.5)
            axes.plot(row["interval_50"], [place] * 2, color=BLUE, linewidth=7, alpha=0.5, solid_capstyle="butt")
            axes.plot([row["median"]], [place], marker="o", color=BLUE, markersize=6)
        ends = np.array([row["interval_95"] for row in part])
        axes.set_xlim(min(0.0, ends.min()) if level else ends.min() - 0.02, min(1.0, ends.max() + 0.02))
        ticks(axes, lambda x: f"{100 * x:.0f}" if level or abs(x) < 1e-9 else f"{100 * x:+.0f}", WIDTH - 2 * MARGIN - LABEL)
        axes.set_xlabel(text("forecast_levels" if level else "forecast_gaps"), fontsize=10)

    page.add(height + 0.7, draw)
