"""The forest of trials: what was measured and what was simulated, row by row.

save_forest(scores, "forest.png")
"""

from pathlib import Path

import numpy as np

from experiments.screens.figures import INK, PALE
from experiments.screens.names import titled
from experiments.screens.page import GREY, MARGIN, STYLE, WIDTH, Page, axes_at, put, ticks, wrapped
from experiments.screens.words import form, text

LABEL, LINE = 5.6, 0.27
MEASURED, SIMULATED = INK, "#0072B2"


def save_forest(scores, path: str | Path, kind: str | None = None) -> Path:
    forest(scores).savefig(path, dpi=120, facecolor="white", format=kind)
    return Path(path)


def forest(scores):
    """A page with a panel of shares and slopes and one of ratios, rows in the order of the table."""
    from matplotlib import rc_context

    page = Page()
    page.lines(text("forest_title"), 17, bold=True, gap=0.05)
    page.lines(text("forest_key"), 10.5, color=GREY, gap=0.1)
    rows = scores.rows
    with rc_context(STYLE):
        for ratio in (False, True):
            part = rows[(rows["unit"] == "ratio") == ratio]
            if len(part):
                _panel(page, part, ratio)
        page.lines(caption(scores), 9.5, color=GREY)
        return page.figure()


def caption(scores) -> str:
    total = scores.summary.iloc[-1]
    return text(
        "forest_caption", rows=int(total["rows"]), measured=int(total["measured"]), within=int(total["within_2"]), mae=100 * total["mae"],
        zero=100 * total["mae_zero"], lever=100 * total["mae_same_lever"], logit=100 * total["mae_logit"], inside=total["inside_share"],
        draws=scores.provenance["draws"], seed=scores.provenance["seed"], behavior=text(f"behavior_{scores.provenance['behavior']}"),
    )  # fmt: skip


def _panel(page: Page, part, ratio: bool) -> None:
    heads = part["study"].ne(part["study"].shift())
    height = LINE * (len(part) + heads.sum()) + 0.1

    def draw(out, top: float) -> None:
        count = len(part) + int(heads.sum())
        axes = axes_at(out, MARGIN + LABEL, top, WIDTH - 2 * MARGIN - LABEL, height, count)
        axes.spines["left"].set_visible(False)
        axes.axvline(1.0 if ratio else 0.0, color=PALE, linewidth=1.2)
        place = count
        for row, head in zip(part.itertuples(), heads):
            if head:
                place -= 1
                put(out, MARGIN, top + LINE * (count - place - 0.8), row.study, fontsize=10.5, fontweight="bold", va="top")
            place -= 1
            lines = wrapped(f"{row.id}  {titled(row.text)}", LABEL - 0.35, 9.5)
            words = lines[0] + (" …" if len(lines) > 1 else "")
            put(out, MARGIN + 0.15, top + LINE * (count - place - 0.8), words, fontsize=9.5, va="top")
            _marks(axes, row, place)
        edges = _edges(part)
        axes.set_xlim(*edges)
        points = lambda x: f"{100 * x:+.0f}" if abs(x) > 1e-9 else "0"  # noqa: E731
        ticks(axes, (lambda x: form(x, "g")) if ratio else points, WIDTH - 2 * MARGIN - LABEL)
        axes.set_xlabel(text("forest_ratio" if ratio else "forest_points"), fontsize=10)

    page.add(height + 0.65, draw)


def _edges(part) -> tuple[float, float]:
    low = np.nanmin([part["low"].min(), (part["measured"] - 1.96 * part["se"]).min()])
    high = np.nanmax([part["high"].max(), (part["measured"] + 1.96 * part["se"]).max()])
    room = 0.04 * (high - low)
    return low - room, high + room


def _marks(axes, row, place: float) -> None:
    """Simulated: a bar with a square, hollow where calibration has not seen the number. Measured: a dot with its 95 % interval."""
    if np.isfinite(row.simulated):
        axes.plot([row.low, row.high], [place - 0.12] * 2, color=SIMULATED, linewidth=4.5, alpha=0.35, solid_capstyle="butt")
        face = SIMULATED if row.calibrated else "white"
        axes.plot([row.simulated], [place - 0.12], marker="s", markersize=5, color=SIMULATED, markerfacecolor=face)
    if np.isfinite(row.measured):
        axes.plot([row.measured - 1.96 * row.se, row.measured + 1.96 * row.se], [place + 0.15] * 2, color=MEASURED, linewidth=1.2)
        axes.plot([row.measured], [place + 0.15], marker="o", markersize=4.5, color=MEASURED)
