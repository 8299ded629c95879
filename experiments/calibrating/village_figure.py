"""fit.png: the office's table inside what the fit holds likely, month by month, and what the table told of the village.

Colors are Okabe and Ito's (2008); what was held out is drawn open and on a shaded ground. Matplotlib is imported when a figure is made.
"""

from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np

from experiments.calibrating.village_score import NAIVE, naive
from experiments.screens.names import named, titled
from experiments.screens.words import month, text

if TYPE_CHECKING:
    from experiments.calibrating.village_result import VillageFit

INK, PALE, FIT, NAIVE_COLOR = "#222222", "#8a8a8a", "#0072B2", "#D55E00"


def save_figure(fit: "VillageFit", path: str | Path) -> Path:
    """Write the figure as PNG (or what the path's ending says) and give the path."""
    figure(fit).savefig(path, dpi=130, facecolor="white")
    return Path(path)


def figure(fit: "VillageFit"):
    """A panel for each series of the table, and one for the context."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    style = {"font.size": 11, "axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": 12.5, "axes.titleweight": "bold",
             "axes.titlelocation": "left", "axes.edgecolor": PALE}  # fmt: skip
    tables = [(name, table) for name, table in fit.months.groupby("series", sort=False) if table["observed"].notna().any()]
    height = max(3.1 * len(tables) + 2.4, 7.4)
    with rc_context(style):
        out = Figure(figsize=(14, height))
        FigureCanvasAgg(out)
        left = out.add_gridspec(len(tables), 1, left=0.06, right=0.56, top=1 - 1.25 / height, bottom=1.75 / height, hspace=0.42)
        right = out.add_gridspec(1, 1, left=0.76, right=0.975, top=1 - 1.25 / height, bottom=1.75 / height)
        about = fit.provenance
        out.text(0.02, 1 - 0.38 / height, titled(about["scenario"]["title"]), fontsize=17, fontweight="bold", color=INK, va="center")
        told = {name: about[name] for name in ("draws", "seed", "behavior")}
        under = text("fit_under", file=Path(about["file"]).name, **told)
        out.text(0.02, 1 - 0.75 / height, under, fontsize=12, color=INK, va="center")
        for place, (name, table) in zip(left, tables):
            _series(out.add_subplot(place), name, table, fit, last=name == tables[-1][0])
        _context(out.add_subplot(right[0]), fit)
        notes = [line for remark in fit.remarks[:2] for line in wrap(remark, 170)][:3]
        out.text(0.02, 0.78 / height, "\n".join(notes), fontsize=10.5, color=NAIVE_COLOR, va="top", linespacing=1.4)
    return out


def _series(axes, name: str, table, fit: "VillageFit", last: bool) -> None:
    """Bands, the table's points, and the best forecast that needs no model."""
    at, training = np.arange(len(table)), int((table["part"] == "training").sum())
    axes.fill_between(at, table["low_90"], table["high_90"], color=FIT, alpha=0.16, linewidth=0, label=text("fit_band", level=90))
    axes.fill_between(at, table["low_50"], table["high_50"], color=FIT, alpha=0.30, linewidth=0, label=text("fit_band", level=50))
    axes.plot(at, table["median"], color=FIT, linewidth=1.8)
    seen = table["observed"].to_numpy(float)
    axes.plot(at[:training], seen[:training], "o", color=INK, markersize=4.5, label=text("fit_office"))
    if training < len(at):
        axes.axvspan(training - 0.5, len(at) - 0.5, color="#000000", alpha=0.05, linewidth=0)
        open_dots = {"markerfacecolor": "white", "markeredgecolor": INK, "markersize": 6}
        axes.plot(at[training:], seen[training:], "o", **open_dots, label=text("fit_office_held"))
        row = fit.score[fit.score["series"] == name]
        errors = {how: float(row[f"error_{how}"].iloc[0]) for how in NAIVE} if len(row) else {}
        errors = {how: error for how, error in errors.items() if np.isfinite(error)}
        if errors:
            best = min(errors, key=errors.get)
            axes.plot(at[training:], naive(seen, training)[best], color=NAIVE_COLOR, linestyle="--", label=text("fit_naive"))
            dashed = text("fit_dashed", name=text(f"fit_line_{best}"))
            axes.set_title(dashed, loc="right", fontsize=10, fontweight="normal", color=NAIVE_COLOR)
    axes.set_title(text(f"fit_{name}"))
    axes.set_xlim(-0.5, len(at) - 0.5)
    if name == "new_members":  # a campaign's first month would leave the others no room
        axes.set_yscale("function", functions=(lambda x: np.sqrt(np.maximum(x, 0.0)), np.square))
    axes.set_ylim(0, None)
    ticks = at[:: max(1, len(at) // 8)]
    axes.set_xticks(ticks, [month(table["month"].iloc[k]) for k in ticks], fontsize=9.5)
    if last:
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=5, frameon=False, fontsize=10)


def _context(axes, fit: "VillageFit") -> None:
    """Each unknown number: its 90 % interval before (pale) and after the table, where 0 to 1 is the interval before."""
    from experiments.calibrating.village_result import interval

    rows = fit.context.iloc[::-1].reset_index(drop=True)
    for k, row in rows.iterrows():
        axes.plot([0, 1], [k, k], color="#cfcfcf", linewidth=9, solid_capstyle="butt")
        low, middle, high = (row["place_low"], row["place_median"], row["place_high"])
        color = FIT if row["identified"] else PALE
        axes.plot([low, high], [k, k], color=color, linewidth=4, solid_capstyle="butt")
        axes.plot(middle, k, "o", color=color, markersize=6)
    words = [f"{named('context', row.key).replace('_', ' ')}\n{interval(row.median, row.low, row.high)}" for row in rows.itertuples()]
    axes.set_yticks(range(len(rows)), words, fontsize=9.5)
    axes.set_ylim(-0.7, len(rows) - 0.3)
    axes.set_xticks([0, 1], ["5 %", "95 %"])
    axes.set_xlabel(text("fit_context_axis"), fontsize=10)
    axes.set_title(text("fit_village"))
