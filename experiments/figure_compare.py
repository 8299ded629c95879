"""Pictures of comparisons and sweeps: intervals first, so that what cannot be told apart looks it.

save_comparison(found, "compare.png")      means, differences, and what a retained worker costs
save_sweep(table, "sweep.png")             outcomes by choice of levers, and what moves them
"""

import math
from pathlib import Path

import numpy as np

from experiments.figures import INK, PALE, shorten
from experiments.tables_compare import amount, interval, signed
from experiments.words import dots, text

#: Okabe and Ito's (2008) colors with a marker each: told apart without color too
MARKS = (("#0072B2", "o"), ("#D55E00", "s"), ("#009E73", "^"), ("#CC79A7", "D"), ("#E69F00", "v"), ("#56B4E9", "P"))
STYLE = {
    "font.size": 11, "axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": 12.5, "axes.titleweight": "bold",
    "axes.titlelocation": "left", "axes.edgecolor": PALE, "svg.hashsalt": "sadar",
}  # fmt: skip
MOST_ROWS = 12


def save_comparison(found, path: str | Path) -> Path:
    comparison_figure(found).savefig(path, dpi=130, facecolor="white")
    return Path(path)


def save_sweep(table, path: str | Path) -> Path:
    sweep_figure(table).savefig(path, dpi=130, facecolor="white")
    return Path(path)


def _canvas(width: float, height: float):
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    out = Figure(figsize=(width, height))
    FigureCanvasAgg(out)
    return out


def comparison_figure(found):
    """Three panels: the outcome under each campaign, the differences with their intervals, cost of a retained worker."""
    from matplotlib import rc_context

    about, campaigns, differences = found.provenance, found.campaigns(), found.differences().head(MOST_ROWS)
    show = amount(found.outcome[0])
    with rc_context(STYLE):
        out = _canvas(14, 3.2 + 0.62 * (len(campaigns) + len(differences)) if len(differences) > 3 else 7.2)
        height = out.get_figheight()
        top = out.add_gridspec(1, 2, left=0.16, right=0.965, top=1 - 1.25 / height, bottom=0.56, wspace=0.62)
        below = out.add_gridspec(1, 1, left=0.16, right=0.965, top=0.43, bottom=1.2 / height)
        out.text(0.02, 1 - 0.32 / height, shorten(about["title"], 90), fontsize=17, fontweight="bold", color=INK, va="center")
        _wrapped(out, 0.02, 1 - 0.7 / height, found.verdict(), 175, size=11.5)
        colors = {name: MARKS[k % len(MARKS)] for k, name in enumerate(found.names)}
        _bars(out.add_subplot(top[0]), campaigns, "mean", "low", "high", show, colors, text("figure_outcome", outcome=about["outcome"]))
        cost = campaigns[campaigns["spend_rp"] > 0].rename(
            columns={"rp_per_retained": "c", "rp_per_retained_low": "cl", "rp_per_retained_high": "ch"}
        )
        _bars(out.add_subplot(top[1]), cost, "c", "cl", "ch", dots, colors, text("figure_cost"))
        _forest(out.add_subplot(below[0]), differences, signed(show), colors)
        caption = text("figure_compare_caption", seed=about["seed"], pairs=about["pairs"], run_id=about["run_id"])
        _wrapped(out, 0.02, 0.32 / height, caption, 190, size=9.5, color="#555555")
    return out


def _wrapped(out, x: float, y: float, words: str, width: int, size: float = 12, color: str = INK) -> None:
    from textwrap import wrap

    out.text(x, y, "\n".join(wrap(words, width)), fontsize=size, color=color, va="center")


def _bars(axes, table, middle: str, low: str, high: str, show, colors: dict, title: str) -> None:
    """A bar for each campaign with its interval and value."""
    if not len(table):
        axes.set_axis_off()
        return
    places = np.arange(len(table))[::-1]
    ends = table[[middle, high]].to_numpy(float)
    reach = np.nanmax(ends) if np.isfinite(ends).any() else 1.0
    for place, row in zip(places, table.to_dict("records")):
        value, color = row[middle], colors[row["campaign"]][0]
        if not math.isfinite(value):
            axes.annotate(text("figure_no_value"), (0, place), (6, 0), textcoords="offset points", va="center")
            continue
        axes.barh(place, value, color=color, height=0.6, alpha=0.85)
        if math.isfinite(row[low]):
            axes.errorbar(value, place, xerr=[[value - row[low]], [row[high] - value]], color=INK, capsize=4, elinewidth=1.3)
        edge = max(value, row[high]) if math.isfinite(row[high]) else value
        axes.annotate(show(value), (edge, place), (7, 0), textcoords="offset points", va="center")
    axes.set_yticks(places, [shorten(name) for name in table["campaign"]])
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(min(0.0, np.nanmin(ends) if np.isfinite(ends).any() else 0.0), 1.28 * reach if reach > 0 else 1.0)
    axes.set_ylim(-0.7, len(table) - 0.3)
    axes.xaxis.set_major_formatter(lambda value, _: show(value))
    axes.locator_params(axis="x", nbins=4)
    axes.set_title(title, pad=10)


def _forest(axes, table, show, colors: dict) -> None:
    """Differences with 95 % intervals; a hollow mark where zero lies inside for all comparisons at once."""
    places = np.arange(len(table))[::-1]
    for place, row in zip(places, table.to_dict("records")):
        color, mark = colors[row["campaign"]]
        if not math.isfinite(row["low"]):
            continue
        axes.errorbar(
            row["mean"], place, xerr=[[row["mean"] - row["low"]], [row["high"] - row["mean"]]], fmt=mark, color=color, capsize=5,
            markersize=9, elinewidth=2, markerfacecolor=color if row["clear"] else "white", markeredgewidth=1.8,
        )  # fmt: skip
        words = interval(show, row["mean"], row["low"], row["high"]) + ("" if row["clear"] else f"; {text('not_told_apart')}")
        axes.annotate(words, (1.01, place), xycoords=("axes fraction", "data"), va="center", fontsize=10.5, annotation_clip=False)
    axes.axvline(0, color=INK, linewidth=1)
    names = [text("minus", a=shorten(row.campaign, 18), b=shorten(row.against, 18)) for row in table.itertuples()]
    axes.set_yticks(places, names)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(-0.7, len(table) - 0.3)
    axes.margins(x=0.08)
    axes.set_position([0.22, axes.get_position().y0, 0.5, axes.get_position().height])
    axes.xaxis.set_major_formatter(lambda value, _: show(value))
    axes.locator_params(axis="x", nbins=6)
    axes.set_title(text("figure_differences"), pad=10)


# ------------------------------------------------------------------ sweeps


def sweep_figure(table):
    """Left: up to two outcomes by choice of levers, mean and 5-95 % of runs. Right: how strongly each varied path moves them."""
    from matplotlib import rc_context

    from experiments.sweep import influence, summary

    found = summary(table)
    names, levers = found.attrs["outcomes"][:2], found.attrs["levers"]
    moved = influence(table)
    rows = min(len(found), 24)
    with rc_context(STYLE):
        height = max(6.0, 2.6 + 0.34 * max(rows, len(moved)))
        out = _canvas(14, height)
        grid = out.add_gridspec(1, len(names) + 1, left=0.26, right=0.975, top=1 - 1.15 / height, bottom=1.15 / height, wspace=0.12)
        out.text(0.02, 1 - 0.35 / height, shorten(table.attrs["title"], 90), fontsize=17, fontweight="bold", color=INK, va="center")
        labels = [_choice(row, levers) for row in found.head(rows).to_dict("records")]
        for k, name in enumerate(names):
            axes = out.add_subplot(grid[k])
            _ranges(axes, found.head(rows), name, labels if k == 0 else [""] * rows, MARKS[k])
        _influences(out.add_subplot(grid[len(names)]), moved, names)
        left = text("figure_sweep_missing", missing=table.attrs["missing"]) if table.attrs["missing"] else ""
        caption = text("figure_sweep_caption", sweep_id=table.attrs["sweep_id"], runs=len(table), left=left)
        _wrapped(out, 0.02, 0.32 / height, caption, 190, size=9.5, color="#555555")
    return out


def _choice(row: dict, levers: list[str]) -> str:
    if not levers:
        return text("figure_all_runs")
    parts = []
    for path in levers:
        value = row[path]
        shown = f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
        parts.append(shown if path == "campaign" else f"{path.split('.')[-1]} {shown}")
    return shorten(", ".join(parts), 40)


def _ranges(axes, found, name: str, labels: list[str], mark: tuple[str, str]) -> None:
    show, places = amount(name.partition("@")[0].partition("/")[0]), np.arange(len(found))[::-1]
    mean, low, high = (found[f"{name} {part}"].to_numpy(float) for part in ("mean", "low", "high"))
    told = np.isfinite(mean)
    axes.errorbar(
        mean[told], places[told], xerr=[np.maximum(mean - low, 0)[told], np.maximum(high - mean, 0)[told]], fmt=mark[1], color=mark[0],
        capsize=3, elinewidth=1.6, markersize=6,
    )  # fmt: skip
    axes.set_yticks(places, labels)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(-0.7, len(found) - 0.3)
    axes.margins(x=0.08)
    axes.locator_params(axis="x", nbins=4)
    axes.xaxis.set_major_formatter(lambda value, _: show(value))
    axes.grid(axis="x", color="#e6e6e6", linewidth=0.8)
    axes.set_title(name, pad=10)


def _influences(axes, moved, names: list[str]) -> None:
    """Rank correlation of each varied path with each outcome over all runs."""
    if not len(moved):
        axes.set_axis_off()
        return
    places = np.arange(len(moved))[::-1]
    width = 0.7 / len(names)
    for k, name in enumerate(names):
        axes.barh(places + (0.5 * (len(names) - 1) - k) * width, moved[name], height=width * 0.9, color=MARKS[k][0], label=name, alpha=0.85)
    axes.axvline(0, color=INK, linewidth=1)
    axes.set_xlim(-1, 1)
    axes.set_yticks([])
    for place, path in zip(places, moved["path"]):
        axes.annotate(shorten(path.removeprefix("campaign.levers."), 40), (-0.98, place + 0.42), fontsize=9.5, va="bottom", color=INK)
    axes.set_ylim(-0.7, len(moved) - 0.1)
    axes.set_title(text("figure_influence"), pad=10)
    axes.set_xlabel(text("figure_correlation"))
    axes.legend(loc="lower right", frameon=False, fontsize=9.5)
