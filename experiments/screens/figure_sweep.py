"""The picture of a sweep: outcomes by choice of levers, and what moves them.

save_sweep(table, "sweep.png")
"""

import math
from pathlib import Path

import numpy as np

from experiments.screens.figures import INK
from experiments.screens.labels import compact, distinct, label, marked, measure_of, short_paths
from experiments.screens.names import titled
from experiments.screens.page import GREY, MARGIN, STYLE, WIDTH, Page, axes_at, measured, put, ticks, wrapped
from experiments.screens.tables_sweep import choices, range_of
from experiments.screens.words import form, number, text

#: Okabe and Ito's (2008) colors with a marker each: told apart without color too
MARKS = (("#0072B2", "o"), ("#D55E00", "s"), ("#009E73", "^"))
#: more choices: those with most; more paths: the strongest
MOST_CHOICES, MOST_PATHS, LINE = 24, 20, 0.21
#: of many outcomes those that are drawn
DRAWN = ("registered", "active", "campaign_per_retained_rp")


def save_sweep(table, path: str | Path, kind: str | None = None) -> Path:
    sweep_figure(table).savefig(path, dpi=130, facecolor="white", format=kind)
    return Path(path)


def sweep_figure(table):
    """Outcomes by choice of levers with the range of runs, and how strongly each path moves them."""
    from matplotlib import rc_context

    from experiments.sweep import influence, summary

    about, page = table.attrs, Page()
    page.lines(titled(about["title"]), 17, bold=True, gap=0.1, most=2)
    if not len(table):
        page.lines(text("results_none", title=titled(about["title"])), 12, gap=0.3)
    else:
        names = about["outcomes"]
        drawn = [name for name in DRAWN if name in names] if len(names) > 8 else []
        drawn = drawn or names[: len(MARKS)]
        with rc_context(STYLE):
            _choices(page, summary(table), drawn)
            moved = influence(table)
            if len(moved):
                _influences(page, moved, drawn, table)
            page.lines(_caption(table), 9.5, color=GREY)
            return page.figure()
    page.lines(_caption(table), 9.5, color=GREY)
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
    columns = choices(rows, levers, 62) or [("", [text("figure_all_runs")] * len(rows))]
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
        marks = [-1, -0.5, 0, 0.5, 1]
        axes.set_xticks(marks, [form(mark, "+g") if mark else "0" for mark in marks], fontsize=10)
        marks = [Patch(facecolor=MARKS[k][0], label="\n".join(lines)) for k, lines in enumerate(legend)]
        axes.legend(handles=marks, loc="upper left", bbox_to_anchor=(1 + 0.25 / wide, 1.0), frameon=False, borderaxespad=0)
        put(out, left, top + height + 0.34, text("figure_correlation"), fontsize=10, color=GREY, va="top")

    page.add(0.36 + max(height + 0.3, deep) + 0.45, draw)
    if len(rest):
        page.lines(text("figure_influence_more", list=", ".join(short_paths(rest))), 9.5, color=GREY, most=3)
