"""The picture of a comparison: what cannot be told apart must look it.

save_comparison(found, "compare.png")      means, what a retained worker costs, and the differences
"""

import math
from pathlib import Path

import numpy as np

from experiments.screens.figures import INK, PALE
from experiments.screens.labels import amount, compact, distinct, interval, label, marked, of_difference, signed, when
from experiments.screens.names import titled
from experiments.screens.page import GREY, MARGIN, ROW, STYLE, WIDTH, Page, axes_at, measured, put, ticks, wrapped
from experiments.screens.sure import behavior_line, drawn, grades_line
from experiments.screens.tables_compare import beside_zero
from experiments.screens.words import form, number, text

#: campaigns that may be best, and the others
BEST, OTHER = "#0072B2", "#a9c3d6"
#: more pairs than this: those with the reference only
MOST_PAIRS = 15


def save_comparison(found, path: str | Path, kind: str | None = None) -> Path:
    comparison_figure(found).savefig(path, dpi=130, facecolor="white", format=kind)
    return Path(path)


def comparison_figure(found):
    """The outcome under each campaign, the cost of a retained worker, and the differences with their intervals."""
    from matplotlib import rc_context

    about, campaigns, differences = found.provenance, found.campaigns(), found.differences()
    names, words = dict(zip(found.names, distinct(found.names, 28))), label(about["outcome"].partition("@")[0])
    day, pairs, seed = when(about["at"]["label"], about["at"]["date"]), number(len(found.values)), about["seed"]
    page = Page()
    page.lines(titled(about["title"]), 17, bold=True, gap=0.02, most=2)
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
        sure = text("figure_compare_drawn" if drawn(about) else "figure_compare_luck", behavior=behavior_line(about))
        caption = text("figure_compare_caption", seed=seed, pairs=pairs, run_id=about["run_id"], sure=sure)
        page.lines(" ".join(filter(None, [caption, *notes, grades_line(about, "figure_grades")])), 9.5, color=GREY)
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
    measure, best, rows = found.outcome[0], leading(found, campaigns, differences), campaigns.to_dict("records")
    show, unit = compact(measure)
    means = [_cell(show, row["mean"], row["low"], row["high"]) for row in rows]
    means = [f"{value}  {best[row['campaign']]}".rstrip() for value, row in zip(means, rows)]
    title = text("figure_outcome", label=label(measure) + unit)
    parts = [(campaigns[["mean", "low", "high"]], means, marked(measure, sums_in_juta=True), title)]
    spends = campaigns["spend_rp"] > 0
    if spends.any():
        parts.append(_cost(campaigns[["rp_per_retained", "rp_per_retained_low", "rp_per_retained_high"]].where(spends), spends))
    left = MARGIN + max(measured(name) for name in names.values()) + 0.12
    beside = [max(map(measured, values)) + 0.4 for _, values, _, _ in parts]
    wide = min((WIDTH - MARGIN - left - sum(beside)) / len(parts), 8.0)
    titles = [wrapped(title, wide + room - 0.3, 12, bold=True) for (*_, title), room in zip(parts, beside)]
    head, height = 0.15 + 0.24 * max(map(len, titles)), ROW * len(rows)
    colors = [BEST if best[row["campaign"]] else OTHER for row in rows]

    def draw(out, top: float) -> None:
        middles, x = [top + head + ROW * (k + 0.5) for k in range(len(rows))], left
        for middle, row in zip(middles, rows):
            put(out, left - 0.12, middle, names[row["campaign"]], ha="right", va="center")
        for (table, values, mark, _), title, room in zip(parts, titles, beside):
            axes = axes_at(out, x, top + head, wide, height, len(rows))
            _bars(axes, table.to_numpy(float), colors)
            ticks(axes, mark, wide)
            put(out, x, top + head - 0.1, "\n".join(title), fontsize=12, fontweight="bold", va="bottom")
            for middle, value in zip(middles, values):
                put(out, x + wide + 0.12, middle, value, va="center")
            x += wide + room

    page.add(head + height + 0.6, draw)
    if len(parts) == 1:
        page.lines(text("figure_none_costs"), 11, gap=0.2)


def _cell(show, *values) -> str:
    found = interval(show, *values)
    return text("figure_no_value") if found == "-" else found


def _cost(costs, spends) -> tuple:
    """(values, their words, how marks are written, title) of the panel of costs, in juta where they are large."""
    large = costs.max(axis=None) >= 1e7
    show = compact("campaign_rp")[0] if large else amount("campaign_rp")
    words = [_cell(show, *row) if spent else text("figure_no_spend") for row, spent in zip(costs.to_numpy(float), spends)]
    mark = marked("campaign_rp", sums_in_juta=bool(large))
    return costs, words, mark, text("figure_cost", unit=text("in_juta" if large else "in_rp"))


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
    show, points, unit = *of_difference(found.outcome[0]), compact(found.outcome[0])[1]
    if unit:
        show = signed(compact(found.outcome[0])[0])
    names, rows = dict(zip(found.names, distinct(found.names, 20))), table.to_dict("records")
    pairs = [text("minus", a=names[row["campaign"]], b=names[row["against"]]) for row in rows]
    values = [_cell(show, row["mean"], row["low"], row["high"]) for row in rows]
    told = ["" if row["clear"] else text("not_told_apart") for row in rows]
    left = MARGIN + max(map(measured, pairs)) + 0.12
    beside = max(map(measured, values)) + 0.35
    wide = WIDTH - MARGIN - left - beside - max(map(measured, told)) - 0.1
    key = "figure_against" if only_reference else "figure_differences"
    title = text(key, name=names[found.names[0]], points=text("figure_points") if points else unit)

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
        ticks(axes, signed(lambda value: form(100 * value, ".6g")) if points else signed(marked(found.outcome[0], sums_in_juta=True)), wide)
        for k, words in enumerate(zip(pairs, values, told)):
            for x, word, side in zip((left - 0.12, left + wide + 0.12, left + wide + beside), words, ("right", "left", "left")):
                put(out, x, top + 0.4 + ROW * (k + 0.5), word, ha=side, va="center", color=INK if told[k] == "" else "#666666")
        put(out, left, top + 0.4 + ROW * len(rows) + 0.34, text("figure_sides"), fontsize=10, color=GREY, va="top")

    page.add(0.4 + ROW * len(rows) + 0.8, draw)
