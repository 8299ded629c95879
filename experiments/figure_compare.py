"""Pictures of comparisons and sweeps: what cannot be told apart must look it.

save_comparison(found, "compare.png")      means, what a retained worker costs, and the differences
save_sweep(table, "sweep.png")             outcomes by choice of levers, and what moves them

Everything is placed in inches and text is measured first, so that nothing is cut off or overlaps whatever the names are.
"""

import math
from pathlib import Path

import numpy as np

from experiments.figures import INK, PALE
from experiments.tables_compare import (
    amount,
    beside_zero,
    choices,
    compact,
    distinct,
    interval,
    label,
    marked,
    measure_of,
    of_difference,
    range_of,
    short_paths,
    signed,
    when,
)
from experiments.words import number, text

#: Okabe and Ito's (2008) colors with a marker each: told apart without color too
MARKS = (("#0072B2", "o"), ("#D55E00", "s"), ("#009E73", "^"))
BEST, OTHER = "#0072B2", "#a9c3d6"
STYLE = {
    "font.size": 11, "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": PALE, "svg.hashsalt": "sadar",
}  # fmt: skip
WIDTH, MARGIN, ROW, LINE = 14.0, 0.3, 0.4, 0.21
#: more pairs than this: those with the reference only; more choices: those with most; more paths: the strongest
MOST_PAIRS, MOST_CHOICES, MOST_PATHS = 15, 24, 20
#: of the default outcomes those that are drawn
DRAWN = ("registered", "active", "campaign_per_retained_rp")


def save_comparison(found, path: str | Path, kind: str | None = None) -> Path:
    comparison_figure(found).savefig(path, dpi=130, facecolor="white", format=kind)
    return Path(path)


def save_sweep(table, path: str | Path, kind: str | None = None) -> Path:
    sweep_figure(table).savefig(path, dpi=130, facecolor="white", format=kind)
    return Path(path)


# ------------------------------------------------------------------ a page in inches


def measured(words: str, size: float = 11, bold: bool = False) -> float:
    """Inches of the longest line, with what a screen's hinting adds."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(size=size, weight="bold" if bold else "normal")
    return max(text_to_path.get_text_width_height_descent(line, font, False)[0] for line in words.split("\n")) * 1.03 / 72


def wrapped(words: str, width: float, size: float = 11, bold: bool = False) -> list[str]:
    """Lines of at most so many inches; a word that is longer is cut."""
    lines = [""]
    for word in words.split():
        while len(word) > 2 and measured(word, size, bold) > width:
            word = word[:-2] + "…"
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and measured(longer, size, bold) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


class Page:
    """Blocks from top to bottom, drawn when the height is known: `down` is where the next one goes."""

    def __init__(self) -> None:
        self.down, self.blocks = MARGIN, []

    def add(self, height: float, draw) -> None:
        """A block of so many inches; draw(figure, top) puts it there."""
        self.blocks.append((self.down, draw))
        self.down += height

    def lines(self, words: str, size: float = 11, bold: bool = False, color: str = INK, gap: float = 0.0, most: int = 9) -> None:
        """A paragraph over the whole width."""
        found = wrapped(words, WIDTH - 2 * MARGIN, size, bold)
        found = found if len(found) <= most else [*found[: most - 1], found[most - 1][:-2] + "…"]
        style = {"fontsize": size, "color": color, "fontweight": "bold" if bold else "normal", "va": "top", "linespacing": 1.35}
        self.add(len(found) * size * 1.5 / 72 + gap, lambda out, top: put(out, MARGIN, top, "\n".join(found), **style))

    def figure(self):
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        out = Figure(figsize=(WIDTH, self.down + MARGIN))
        FigureCanvasAgg(out)
        for top, draw in self.blocks:
            draw(out, top)
        return out


def put(out, left: float, top: float, words: str, **style):
    return out.text(left / WIDTH, 1 - top / out.get_figheight(), words, **{"fontsize": 11, "color": INK, **style})


def axes_at(out, left: float, top: float, width: float, height: float, rows: int):
    """Axes with places for rows, the first on top."""
    whole = out.get_figheight()
    axes = out.add_axes((left / WIDTH, 1 - (top + height) / whole, width / WIDTH, height / whole))
    axes.set_ylim(-0.5, rows - 0.5)
    axes.set_yticks([])
    axes.grid(axis="x", color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)
    return axes


def ticks(axes, show, width: float) -> None:
    """As many marks as have room."""
    from matplotlib.ticker import MaxNLocator

    for count in range(6, 0, -1):
        places = MaxNLocator(nbins=count, steps=[1, 2, 2.5, 5, 10], min_n_ticks=1)
        found = [show(value) for value in places.tick_values(*axes.get_xlim())]
        if sum(measured(words, 10) + 0.15 for words in found) < width:
            break
    axes.xaxis.set_major_locator(places)
    axes.xaxis.set_major_formatter(lambda value, _: show(value))
    axes.tick_params(axis="x", labelsize=10)


# ------------------------------------------------------------------ comparisons


def comparison_figure(found):
    """The outcome under each campaign, the cost of a retained worker, and the differences with their intervals."""
    from matplotlib import rc_context

    about, campaigns, differences = found.provenance, found.campaigns(), found.differences()
    names, words = dict(zip(found.names, distinct(found.names, 28))), label(about["outcome"].partition("@")[0])
    day, pairs, seed = when(about["at"]["label"], about["at"]["date"]), number(len(found.values)), about["seed"]
    page = Page()
    page.lines(about["title"], 17, bold=True, gap=0.02, most=2)
    less = text("figure_less") if found.better == "less" else ""
    page.lines(text("figure_head", label=words, when=day, pairs=pairs) + less, 12, gap=0.05)
    page.lines(found.verdict() + ".", 12, bold=True, gap=0.25)
    with rc_context(STYLE):
        _campaigns(page, campaigns, differences, names, found)
        shown = differences
        if len(differences) > MOST_PAIRS:
            shown = differences[differences["against"] == found.names[0]]
        _differences(page, shown, found, len(shown) < len(differences))
        notes = [text("figure_at_once", count=len(differences))] if beside_zero(shown) else []
        notes += [text("figure_left_out", count=len(differences) - len(shown))] if len(shown) < len(differences) else []
        caption = text("figure_compare_caption", seed=seed, pairs=pairs, run_id=about["run_id"])
        page.lines(" ".join([caption, *notes]), 9.5, color="#555555")
        return page.figure()


def leading(found, campaigns, differences) -> dict[str, str]:
    """campaign -> "best", "may be best" or "": what is not told apart from the best may be best."""
    means = campaigns.set_index("campaign")["mean"].dropna()
    if means.empty:
        return dict.fromkeys(campaigns["campaign"], "")
    first = means.idxmin() if found.better == "less" else means.idxmax()
    pairs = differences[(differences["campaign"] == first) | (differences["against"] == first)]
    level = set(pairs.loc[~pairs["clear"], ["campaign", "against"]].to_numpy().ravel()) & set(means.index)
    word = text("figure_maybe" if level else "figure_best")
    return {name: word if name in level | {first} else "" for name in campaigns["campaign"]}


def _campaigns(page: Page, campaigns, differences, names: dict, found) -> None:
    """Bars of means, and beside them of what a retained worker costs, a row for each campaign."""
    show, best = amount(found.outcome[0]), leading(found, campaigns, differences)
    costs = ["rp_per_retained", "rp_per_retained_low", "rp_per_retained_high"]
    rows, spends = campaigns.to_dict("records"), bool((campaigns["spend_rp"] > 0).any())
    means = [interval(show, row["mean"], row["low"], row["high"]) for row in rows]
    means = [f"{value}  {best[row['campaign']]}".rstrip() for value, row in zip(means, rows)]
    means = [value if value[0] != "-" or len(value) > 1 else text("figure_no_value") for value in means]
    money = [interval(amount("campaign_rp"), *(row[key] for key in costs)) if row["spend_rp"] else text("figure_no_spend") for row in rows]
    money = [value if value != "-" else text("figure_no_value") for value in money]
    left = MARGIN + max(measured(name) for name in names.values()) + 0.12
    beside = [max(measured(value) for value in part) + 0.3 for part in (means, money)]
    room = WIDTH - MARGIN - left - sum(beside if spends else beside[:1])
    wide = room / 2 - 0.15 if spends else min(room, 8.0)
    height = ROW * len(rows)

    def draw(out, top: float) -> None:
        middles = [top + 0.4 + ROW * (k + 0.5) for k in range(len(rows))]
        for middle, row in zip(middles, rows):
            put(out, left - 0.12, middle, names[row["campaign"]], ha="right", va="center")
        colors = [BEST if best[row["campaign"]] else OTHER for row in rows]
        parts = [(left, ["mean", "low", "high"], means, marked(found.outcome[0]), text("figure_outcome", label=label(found.outcome[0])))]
        if spends:
            parts.append((left + wide + beside[0] + 0.3, costs, money, marked("campaign_rp"), text("figure_cost")))
        for place, columns, values, written, title in parts:
            told = campaigns[columns].where(campaigns["spend_rp"] > 0) if columns == costs else campaigns[columns]
            axes = axes_at(out, place, top + 0.4, wide, height, len(rows))
            _bars(axes, told.to_numpy(float), colors)
            ticks(axes, written, wide)
            title = "\n".join(wrapped(title, wide + beside[0], 12, bold=True)[:1])
            put(out, place, top + 0.27, title, fontsize=12, fontweight="bold", va="bottom")
            for middle, value in zip(middles, values):
                put(out, place + wide + 0.1, middle, value, va="center")

    page.add(0.4 + height + 0.6, draw)
    if not spends:
        page.lines(text("figure_none_costs"), 11, gap=0.2)


def _bars(axes, values: np.ndarray, colors) -> None:
    """values [row, (middle, low, high)]: bars from zero with whiskers."""
    for place, (value, low, high), color in zip(range(len(values))[::-1], values, colors):
        if math.isfinite(value):
            axes.barh(place, value, color=color, height=0.62)
        if math.isfinite(low) and high > low:
            axes.errorbar(value, place, xerr=[[value - low], [high - value]], color=INK, capsize=4, elinewidth=1.3)
    ends = values[np.isfinite(values)]
    low, high = min(0.0, ends.min(initial=0.0)), max(0.0, ends.max(initial=0.0))
    axes.set_xlim(1.05 * low, 1.05 * high if high > low else 1.0)


def _differences(page: Page, table, found, only_reference: bool) -> None:
    """Differences with 95 % intervals; hollow and pale where zero is not excluded for all comparisons at once."""
    show, points = of_difference(found.outcome[0])
    names, rows = dict(zip(found.names, distinct(found.names, 20))), table.to_dict("records")
    pairs = [text("minus", a=names[row["campaign"]], b=names[row["against"]]) for row in rows]
    values = [interval(show, row["mean"], row["low"], row["high"]) for row in rows]
    values = [text("figure_no_value") if value == "-" else value for value in values]
    told = ["" if row["clear"] else text("not_told_apart") for row in rows]
    left = MARGIN + max(map(measured, pairs)) + 0.12
    beside = max(map(measured, values)) + 0.35
    wide = WIDTH - MARGIN - left - beside - max(map(measured, told)) - 0.1
    key = "figure_against" if only_reference else "figure_differences"
    title = text(key, name=names[found.names[0]], points=text("figure_points") if points else "")

    def draw(out, top: float) -> None:
        put(out, MARGIN, top + 0.27, title, fontsize=12, fontweight="bold", va="bottom")
        axes = axes_at(out, left, top + 0.4, wide, ROW * len(rows), len(rows))
        for place, row in zip(range(len(rows))[::-1], rows):
            color = BEST if row["clear"] else PALE
            if math.isfinite(row["low"]):
                axes.errorbar(
                    row["mean"], place, xerr=[[row["mean"] - row["low"]], [row["high"] - row["mean"]]], fmt="o", color=color, capsize=5,
                    markersize=9, elinewidth=2, markerfacecolor=color if row["clear"] else "white", markeredgewidth=1.8,
                )  # fmt: skip
        axes.axvline(0, color=INK, linewidth=1.2)
        ends = table[["low", "high"]].to_numpy(float)
        reach = np.abs(ends[np.isfinite(ends)]).max(initial=0.0) or 1.0
        low, high = min(0.0, np.nanmin(ends, initial=0.0)), max(0.0, np.nanmax(ends, initial=0.0))
        axes.set_xlim(low - 0.06 * reach, high + 0.06 * reach)
        ticks(axes, signed(lambda value: f"{100 * value:.6g}") if points else signed(marked(found.outcome[0])), wide)
        for k, words in enumerate(zip(pairs, values, told)):
            for x, word, side in zip((left - 0.12, left + wide + 0.12, left + wide + beside), words, ("right", "left", "left")):
                put(out, x, top + 0.4 + ROW * (k + 0.5), word, ha=side, va="center", color=INK if told[k] == "" else "#666666")
        put(out, left, top + 0.4 + ROW * len(rows) + 0.34, text("figure_sides"), fontsize=10, color="#555555", va="top")

    page.add(0.4 + ROW * len(rows) + 0.8, draw)


# ------------------------------------------------------------------ sweeps


def sweep_figure(table):
    """Outcomes by choice of levers with the range of runs, and how strongly each path moves them."""
    from matplotlib import rc_context

    from experiments.sweep import influence, summary

    about, page = table.attrs, Page()
    page.lines(about["title"], 17, bold=True, gap=0.1, most=2)
    if not len(table):
        page.lines(text("results_none", title=about["title"]), 12, gap=0.3)
    else:
        names = about["outcomes"]
        drawn = [name for name in DRAWN if name in names] if len(names) > 8 else []
        drawn = drawn or names[: len(MARKS)]
        with rc_context(STYLE):
            _choices(page, summary(table), drawn)
            moved = influence(table)
            if len(moved):
                _influences(page, moved, drawn, table)
            page.lines(_caption(table), 9.5, color="#555555")
            return page.figure()
    page.lines(_caption(table), 9.5, color="#555555")
    return page.figure()


def _caption(table) -> str:
    about, failed = table.attrs, int((table["status"] == "failed").sum())
    parts = [text("figure_sweep_caption", sweep_id=about["sweep_id"], runs=number(len(table)), total=number(about["runs"]))]
    parts += [text("figure_sweep_failed", failed=number(failed))] if failed else []
    parts += [text("figure_sweep_missing", missing=number(about["missing"]))] if about["missing"] else []
    return " ".join(parts)


def _choices(page: Page, found, names: list[str]) -> None:
    """A row for each choice of levers: its values, then a panel for each outcome with mean and range."""
    count, levers, ranges = len(found), found.attrs["levers"], range_of(found)
    key = "figure_one_choice" if count == 1 else "figure_choices" if count <= MOST_CHOICES else "figure_most"
    head = text(key, shown=MOST_CHOICES, choices=number(count), label=label(names[0]), range=ranges)
    if count > MOST_CHOICES:
        found = found.sort_values(f"{names[0]} mean", ascending=False, kind="stable").head(MOST_CHOICES)
    rows = found.to_dict("records")
    columns = choices(rows, levers, 56) or [("", [text("figure_all_runs")] * len(rows))]
    if found["failed"].any():
        columns.append((text("failed_word"), [number(row["failed"]) for row in rows]))
    lines = max(cell.count("\n") + 1 for _, cells in columns for cell in cells)
    row_height, size = max(0.3, 0.1 + 0.19 * lines), 10.5
    widths = [max(measured(head, size, bold=True), *(measured(cell, size) for cell in cells)) + 0.25 for head, cells in columns]
    shows = [compact(measure_of(name)) for name in names]
    values = [[show(row[f"{name} mean"]) for row in rows] for name, (show, _) in zip(names, shows)]
    beside = [max(measured(value, size) for value in part) + 0.35 for part in values]
    left = MARGIN + sum(widths)
    wide = (WIDTH - MARGIN - left - sum(beside)) / len(names)
    titles = [wrapped(label(name) + unit, wide + side - 0.15, 11, bold=True) for name, (_, unit), side in zip(names, shows, beside)]
    tall = LINE * max(*(len(title) for title in titles), *(head.count("\n") + 1 for head, _ in columns)) + 0.1
    height = row_height * len(rows)

    def draw(out, top: float) -> None:
        put(out, MARGIN, top, head, fontsize=12, va="top")
        top += 0.45 + tall
        middles, x = [top + row_height * (k + 0.5) for k in range(len(rows))], MARGIN
        for (title, cells), width in zip(columns, widths):
            put(out, x, top - 0.06, title, fontsize=size, fontweight="bold", va="bottom", linespacing=1.25)
            for middle, cell in zip(middles, cells):
                put(out, x, middle, cell, fontsize=size, va="center", linespacing=1.25)
            x += width
        for name, part, title, side, mark in zip(names, values, titles, beside, MARKS):
            axes = axes_at(out, x, top, wide, height, len(rows))
            _ranges(axes, found, name, mark)
            ticks(axes, marked(measure_of(name), sums_in_juta=True), wide)
            put(out, x, top - 0.06, "\n".join(title), fontweight="bold", va="bottom", linespacing=1.25)
            for middle, value in zip(middles, part):
                put(out, x + wide + 0.1, middle, value, fontsize=size, va="center")
            x += wide + side

    page.add(0.45 + tall + height + 0.7, draw)


def _ranges(axes, found, name: str, mark: tuple[str, str]) -> None:
    places = np.arange(len(found))[::-1]
    mean, low, high = (found[f"{name} {part}"].to_numpy(float) for part in ("mean", "low", "high"))
    told = np.isfinite(mean)
    if not told.any():
        axes.set_xlim(0, 1)
        return
    reach = [np.maximum(mean - low, 0)[told], np.maximum(high - mean, 0)[told]]
    axes.errorbar(mean[told], places[told], xerr=reach, fmt=mark[1], color=mark[0], capsize=3, elinewidth=1.6, markersize=6)
    least, most = low[told].min(), high[told].max()
    room = 0.06 * (most - least) or 0.1 * abs(most) or 1.0
    axes.set_xlim(least - room, most + room)


def luck(table, path: str, chance: float = 0.05) -> float:
    """Correlations up to this size come of luck alone, were the path to move nothing.

    Where the points of its group are a grid, every value meets the same of all else, and each run tells; where they are drawn, what
    else was drawn with a value counts as luck too, and only the points tell."""
    from pandas.api.types import is_numeric_dtype
    from scipy.special import chdtri

    group = "lever" if path in table.attrs["levers"] else "uncertainty"
    points = table[f"{group}_point"].nunique()
    paths = table.attrs["levers" if group == "lever" else "uncertainties"]
    tells = len(table) if math.prod(table[p].nunique() for p in paths) == points else points
    free = 1 if is_numeric_dtype(table[path]) else table[path].nunique() - 1
    return math.sqrt(min(1.0, float(chdtri(free, chance)) / max(1, tells - 1)))


def _influences(page: Page, moved, names: list[str], table) -> None:
    """Rank correlation of each varied path with each outcome over all runs; hollow where luck alone could do it."""
    from matplotlib.patches import Patch

    rest, moved = moved["path"][MOST_PATHS:], moved.head(MOST_PATHS)
    varied = table.attrs["levers"] + table.attrs["uncertainties"]
    group = {path: "figure_levers" if path in table.attrs["levers"] else "figure_uncertainties" for path in varied}
    words = {path: text(group[path], name=name) for path, name in zip(varied, distinct(short_paths(varied), 44))}
    labels, row = [words[path] for path in moved["path"]], 0.16 + 0.16 * len(names)
    left = MARGIN + max(map(measured, labels)) + 0.12
    legend = [wrapped(label(name), 2.6) for name in names]
    beside, deep = max(measured("\n".join(lines)) for lines in legend) + 0.8, 0.25 * sum(map(len, legend)) + 0.15
    wide, height = WIDTH - MARGIN - left - beside, row * len(moved)

    def draw(out, top: float) -> None:
        put(out, MARGIN, top, text("figure_influence"), fontsize=12, fontweight="bold", va="top")
        top += 0.36
        axes = axes_at(out, left, top, wide, height, len(moved))
        thick = 0.8 / len(names)
        for place, path, words in zip(range(len(moved))[::-1], moved["path"], labels):
            least = luck(table, path)
            for k, name in enumerate(names):
                value, color = float(moved.loc[moved["path"] == path, name].iloc[0]), MARKS[k][0]
                style = {"facecolor": color if abs(value) > least else "white", "edgecolor": color, "linewidth": 1.0}
                if math.isfinite(value):
                    axes.barh(place + (0.5 * (len(names) - 1) - k) * thick, value, height=0.8 * thick, **style)
            put(out, left - 0.12, top + row * (len(moved) - place - 0.5), words, ha="right", va="center")
        axes.axvline(0, color=INK, linewidth=1.2)
        axes.set_xlim(-1, 1)
        axes.set_xticks([-1, -0.5, 0, 0.5, 1], ["-1", "-0.5", "0", "+0.5", "+1"], fontsize=10)
        marks = [Patch(facecolor=MARKS[k][0], label="\n".join(lines)) for k, lines in enumerate(legend)]
        axes.legend(handles=marks, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, borderaxespad=0.2)
        put(out, left, top + height + 0.34, text("figure_correlation"), fontsize=10, color="#555555", va="top")

    page.add(0.36 + max(height + 0.3, deep) + 0.45, draw)
    if len(rest):
        page.lines(text("figure_influence_more", list=", ".join(short_paths(rest))), 9.5, color="#555555", most=3)
