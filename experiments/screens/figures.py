"""figure.png for planners: where the village stands over time, the five-stage funnel, and the money by lever.

    save_figure(result, "figure.png")         what `sadar run --out` writes
    figure(result)                            the same as a matplotlib Figure

Colors are Okabe and Ito's (2008), told apart by the color-blind; lines also by dashes, payers also by hatching. Matplotlib is
imported when a figure is made, without a display.
"""

import datetime as dt
from pathlib import Path
from textwrap import wrap

import numpy as np
import pandas as pd

from experiments.run import Result, spread
from experiments.screens.names import named, titled
from experiments.screens.sure import behavior_line, drawn, grades_line, luck_sentence
from experiments.screens.tables import FUNNEL, months_of
from experiments.screens.words import date, indonesian, months, number, percent, rupiah, text
from simulation.ledger import NO_LEVER
from simulation.stages import Payer, Stage

INK, PALE = "#222222", "#8a8a8a"
#: stage -> (color, dashes)
LINES = {
    "unaware": ("#8a8a8a", "-"), "knowledge": ("#56B4E9", "-"), "persuasion": ("#E69F00", "-"), "decision": ("#CC79A7", ":"),
    "implementation": ("#0072B2", "-"), "confirmation": ("#009E73", "-"), "rejected": ("#D55E00", "--"), "lapsed": ("#7a5c2e", "-."),
}  # fmt: skip
#: payer -> (color, hatch)
PAYERS = {
    "branch": ("#0072B2", ""), "village": ("#009E73", "//"), "regency": ("#E69F00", "\\\\"), "company": ("#CC79A7", "xx"),
    "group": ("#56B4E9", ".."), "scheme": ("#D55E00", "--"), "worker": ("#F0E442", "++"), "ties": ("#999999", "oo"),
}  # fmt: skip
MOST_LEVERS = 10


def save_figure(result: Result, path: str | Path) -> Path:
    """Write the figure as PNG (or what the path's ending says) and give the path."""
    figure(result).savefig(path, dpi=130, facecolor="white")
    return Path(path)


def figure(result: Result):
    """The three panels of a run. Needs `result.weekly`."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    style = {"font.size": 11, "axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": 12.5, "axes.titleweight": "bold",
             "axes.titlelocation": "left", "axes.edgecolor": PALE, "hatch.linewidth": 0.6, "svg.hashsalt": "sadar"}  # fmt: skip
    about, workers = result.provenance, result.table(["workers"], ["0"], "all")["median"].iloc[0]
    with rc_context(style):
        out = Figure(figsize=(14, 11.4))
        FigureCanvasAgg(out)
        top = out.add_gridspec(1, 1, left=0.065, right=0.82, top=0.855, bottom=0.515)
        below = out.add_gridspec(1, 2, left=0.16, right=0.965, top=0.425, bottom=0.175, wspace=0.5)
        out.text(0.02, 0.968, shorten(titled(about["scenario"]["title"]), 90), fontsize=17, fontweight="bold", color=INK, va="center")
        under = f"{titled(about['scenario']['campaign'])}; {number(workers)} {text('workers')}"
        out.text(0.02, 0.936, shorten(under, 140), fontsize=12, color=INK, va="center")
        stages_panel(out.add_subplot(top[0]), result)
        funnel_panel(out.add_subplot(below[0]), result)
        free = money_panel(out.add_subplot(below[1]), result)
        caption = _caption(result)
        lines = [line for part in (free, caption) if part for line in wrap(part, 165)]
        out.text(0.02, 0.105, "\n".join(lines), fontsize=10.5, color=INK, va="top", linespacing=1.5)
    return out


def _caption(result: Result) -> str:
    """Where the numbers come from, and how sure they are."""
    about, month = result.provenance, list(months_of(result))[-1]
    key = "figure_drawn" if drawn(about) else "figure_luck"
    sure = text(key, behavior=behavior_line(about), luck=luck_sentence(result, month))
    told = {"seed": about["seed"], "runs": about["replicates"], "run_id": about["run_id"], "note": result.note}
    return text("figure_caption", **told, sure=sure, grades=grades_line(about, "figure_grades")).rstrip()


def range_name(result: Result) -> str:
    """What the bands are: 5-95 %, or all runs where there are few."""
    runs = len(result.values)
    return text("range_one" if runs == 1 else "range_all" if runs < 19 else "range_runs")


# ------------------------------------------------------------------ stages over time


def weekly_spread(result: Result, column: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(low, median, high) of a weekly column over the runs, week by week."""
    return spread(result.weekly.pivot(index="replicate", columns="week", values=column).to_numpy(float))


def stages_panel(axes, result: Result) -> None:
    """A line and a band for each stage and for all ever registered; the campaign shaded, what was observed as a point."""
    days = pd.DatetimeIndex(result.weekly["date"].drop_duplicates()) + pd.Timedelta(days=result.parameters.limits.step_days)
    names = {stage.name.lower(): named("stage", stage.name.lower()) for stage in Stage}
    ends = []
    for column, (color, dashes) in {**LINES, "registered": (INK, "-")}.items():
        low, median, high = weekly_spread(result, column)
        axes.fill_between(days, low, high, color=color, alpha=0.18, linewidth=0)
        axes.plot(days, median, color=color, linestyle=dashes, linewidth=2.6 if column == "registered" else 2.0)
        ends.append((median[-1], names.get(column, text("ever")), color))
    top = axes.get_ylim()[1]
    seen = [o for o in result.observations if o.kind != "qualitative" and o.measure == "registered"]
    seen = [o for o in seen if result.parameters.start <= o.date <= result.parameters.until]
    workers = float(result.table(["workers"], ["0"], "all")["median"].iloc[0])
    for o in seen:
        value = o.value * (workers if o.kind == "share" else 1)
        reach = value * (o.tolerance_share or 0)
        day, words = pd.Timestamp(o.date), text("figure_observed", value=number(value), tolerance=o.tolerance_share or 0)
        point = {"fmt": "D", "markersize": 8, "markerfacecolor": "white", "capsize": 6, "elinewidth": 1.8}
        axes.errorbar([day], [value], [reach], color=INK, zorder=5, **point)
        side = 1 if day < days[0] + (days[-1] - days[0]) / 2 else -1  # of the point, where there is more room
        place = {"xytext": (10 * side, 8), "textcoords": "offset points", "ha": "left" if side > 0 else "right"}
        axes.annotate(words, (day, value), **place, fontsize=11, color=INK, zorder=6)
        top = max(top, 1.05 * (value + reach))
    axes.set_ylim(0, top)
    axes.set_xlim(pd.Timestamp(result.parameters.start), days[-1])
    _shade(axes, result)
    _end_labels(axes, ends, top)
    axes.set_title(text("figure_stages", range=range_name(result)), pad=24)
    axes.set_ylabel(text("workers"))
    axes.yaxis.set_major_formatter(lambda value, _: number(value))
    axes.grid(axis="y", color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)
    _months(axes)


def _months(axes) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    class _Dates(ConciseDateFormatter):
        """With months in the current language."""

        def format_ticks(self, values):
            return [months(mark) for mark in super().format_ticks(values)]

    places = AutoDateLocator(minticks=5, maxticks=13)
    axes.xaxis.set_major_locator(places)
    axes.xaxis.set_major_formatter(_Dates(places))


def _shade(axes, result: Result) -> None:
    """The days of the dated levers, and where only open-ended ones go on."""
    levers, given = result.parameters.campaign.levers, result.parameters
    if not levers:
        return
    inside = lambda day: min(max(day, given.start), given.until)  # noqa: E731
    first = inside(min(lever.start for lever in levers))
    ends = [lever.end + dt.timedelta(days=1) for lever in levers if lever.end]
    last = inside(max(ends)) if ends else given.until
    words = [(first, last, 0.10, "figure_campaign")]
    if last < given.until and any(lever.end is None for lever in levers):
        words.append((last, given.until, 0.035, "figure_goes_on"))
    for begin, end, alpha, key in words:
        axes.axvspan(pd.Timestamp(begin), pd.Timestamp(end), color=INK, alpha=alpha, linewidth=0, zorder=0)
        if (end - begin).days > 45:
            corner = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points"}
            axes.annotate(text(key), (pd.Timestamp(begin), 1), (4, 5), **corner, fontsize=10.5, color=INK)


def _end_labels(axes, ends, top: float) -> None:
    """Names at the right end of the lines, moved apart where they would overlap."""
    least, ends = 0.052 * top, sorted(ends)
    places = [max(value, 0.01 * top) for value, _, _ in ends]
    for _ in range(200):
        for k in range(len(places) - 1):
            overlap = places[k] + least - places[k + 1]
            if overlap > 0:
                places[k], places[k + 1] = max(0.01 * top, places[k] - overlap / 2), places[k + 1] + overlap / 2
    for place, (value, name, color) in zip(places, ends):
        axes.annotate(
            f"{name} {number(round(value))}", (1, value), (1.035, place), xycoords=("axes fraction", "data"),
            textcoords=("axes fraction", "data"), va="center", fontsize=11, color=darker(color), annotation_clip=False,
            fontweight="bold" if color == INK else "normal",
            arrowprops={"arrowstyle": "-", "color": color, "linewidth": 1.4, "relpos": (0, 0.5), "shrinkA": 2, "shrinkB": 0},
        )  # fmt: skip


def darker(color: str) -> tuple[float, float, float]:
    """A color for words: dark enough to read on white."""
    from matplotlib.colors import to_rgb

    return tuple(0.7 * part for part in to_rgb(color))


# ------------------------------------------------------------------ funnel


def funnel_panel(axes, result: Result) -> None:
    """How many came at least as far as each of Rogers' five stages by the last measured month, with the range over the runs."""
    month, when = list(months_of(result).items())[-1]
    table = result.table(["reached"], [month], "stage").set_index("group").loc[list(FUNNEL)]
    workers = float(result.table(["workers"], [month], "all")["median"].iloc[0])
    places = np.arange(len(table))[::-1]
    colors = [LINES[name][0] for name in FUNNEL]
    axes.barh(places, table["median"], color=colors, height=0.62)
    _ranges(axes, places, table["median"], table["low"], table["high"])
    for place, (median, high) in zip(places, table[["median", "high"]].to_numpy()):
        _beside(axes, high, place, f"{number(round(median))} ({percent(median / workers)})")
    axes.set_yticks(places, [text(name).replace(": ", ":\n") for name in FUNNEL])
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(0, 1.3 * max(table["high"].max(), 1))
    axes.xaxis.set_major_formatter(lambda value, _: number(value))
    axes.xaxis.set_major_locator(_few())
    axes.set_xlabel(text("workers"))
    axes.set_title(text("figure_funnel", when=when), pad=10)


def _ranges(axes, places, median, low, high) -> None:
    """Whiskers from low to high on bars of length median, where there is a range."""
    wide = np.asarray(high > low)
    places, median, low, high = (np.asarray(x)[wide] for x in (places, median, low, high))
    axes.errorbar(median, places, xerr=[median - low, high - median], fmt="none", ecolor=INK, capsize=4, elinewidth=1.3)


def _beside(axes, x: float, y: float, words: str) -> None:
    axes.annotate(words, (x, y), (7, 0), textcoords="offset points", va="center", fontsize=11)


def _few():
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(nbins=5, integer=True)


# ------------------------------------------------------------------ money


def lever_money(result: Result) -> pd.DataFrame:
    """Rupiah by lever and payer over the whole run: lever, payer, median, low, high (runs without an entry count as 0), dearest first."""
    table = result.ledger[result.ledger["lever"] != NO_LEVER]
    sums = table.groupby(["lever", "payer", "replicate"])["rupiah"].sum().unstack("replicate", fill_value=0)
    sums = sums.reindex(columns=range(len(result.values)), fill_value=0)
    low, median, high = spread(sums.to_numpy(float).T) if len(sums) else (np.empty(0),) * 3
    found = sums.index.to_frame(index=False).assign(median=median, low=low, high=high)
    return found.sort_values(["median", "lever"], ascending=[False, True], kind="stable", ignore_index=True)


def shorten(name: str, most: int = 24) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"


def juta(value: float) -> str:
    """Rupiah in words: Rp 850.000, Rp 12,5 juta, Rp 1,2 miliar."""
    for unit, name in ((1e9, "miliar"), (1e6, "juta")):
        if value >= unit:
            digits = 0 if value >= 100 * unit else 1
            return indonesian(f"Rp {value / unit:,.{digits}f} {name}")
    return rupiah(value)


def money_panel(axes, result: Result) -> str:
    """Bars of what each lever cost, colored and hatched by payer. Returns the sentence on levers without cost."""
    from matplotlib.patches import Patch

    found = lever_money(result)
    paid = found[found["high"] > 0]
    free = [lever.name for lever in result.parameters.campaign.levers if lever.name not in set(paid["lever"])]
    rest = paid.iloc[MOST_LEVERS:]
    paid = paid.iloc[:MOST_LEVERS]
    names = {payer.name.lower(): named("payer", payer.name.lower()) for payer in Payer}
    axes.set_title(text("figure_money", until=date(result.parameters.until)), pad=10)
    if paid.empty:
        axes.set_axis_off()
        axes.text(0.0, 0.9, text("figure_no_money"), transform=axes.transAxes, fontsize=12)
        return ""
    places = np.arange(len(paid))[::-1]
    for place, row in zip(places, paid.itertuples()):
        color, hatch = PAYERS[row.payer]
        axes.barh(place, row.median / 1e6, color=color, hatch=hatch, edgecolor="white", height=0.62)
        _beside(axes, row.high / 1e6, place, juta(row.median))
    _ranges(axes, places, *(paid[name] / 1e6 for name in ("median", "low", "high")))
    axes.set_yticks(places, [shorten(name) for name in paid["lever"]])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(min(-0.6, len(paid) - 5.6), len(paid) - 0.4)
    axes.set_xlim(0, 1.38 * paid["high"].max() / 1e6)
    axes.set_xlabel(text("figure_unit"))
    axes.xaxis.set_major_formatter(lambda value, _: indonesian(f"{value:,g}"))
    axes.xaxis.set_major_locator(_few())
    looks = [(names[name], *PAYERS[name]) for name in dict.fromkeys(paid["payer"])]
    marks = [Patch(facecolor=color, hatch=hatch, edgecolor="white", label=label) for label, color, hatch in looks]
    axes.legend(handles=marks, title=text("payer"), loc="lower right", frameon=False, handlelength=2.6, handleheight=1.3)
    more = text("figure_more", count=len(rest), rp=juta(rest["median"].sum())) if len(rest) else ""
    listed = ", ".join([*free[:6], *([text("figure_and_more", count=len(free) - 6)] if len(free) > 6 else [])])
    return " ".join(filter(None, (more, text("figure_no_cost", list=listed) if free else "")))
