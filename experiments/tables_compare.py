"""What the command line shows of comparisons and sweeps, as tables for a terminal."""

import math
import re

from experiments.tables import grid
from experiments.words import dots, number, percent, rupiah, text

#: rows and outcomes shown at most; the rest stands in --json
MOST_DIFFERENCES, MOST_POINTS, MOST_OUTCOMES = 15, 40, 8
#: signs of a campaign's name in a table, and of a line of a heading
NAME, HEAD = 22, 16
#: of many outcomes these are shown first: who is covered, who stays, what it costs
TELLING = (
    "registered", "active", "active_share", "retained", "persistency_13", "campaign_rp", "campaign_per_registered_rp",
    "campaign_per_retained_rp",
)  # fmt: skip
RESULTS = ("registered", "person_month", "retained")


# ------------------------------------------------------------------ values and names


def amount(measure: str):
    """How a value of a measure is written."""
    from simulation.outcomes import MEASURES

    unit = MEASURES[measure][0]
    if unit == "share":
        return percent
    if unit == "Rp":
        return lambda value: "-" if value is None or value != value else dots(value)
    return lambda value: "-" if value is None or value != value else number(value) if abs(value) >= 10 else f"{value:.2g}"


def compact(measure: str):
    """(how a value is written, what is added to its heading) where there is little room: sums of rupiah in juta (millions)."""
    from simulation.outcomes import MEASURES

    if MEASURES[measure][0] == "Rp" and "_per_" not in measure:
        return juta, text("in_juta")
    return amount(measure), ""


def juta(value) -> str:
    """Millions, the Indonesian way: 1.234,5."""
    return "-" if value is None or value != value else _indonesian(f"{value / 1e6:,.1f}")


def _indonesian(shown: str) -> str:
    return shown.translate(str.maketrans(",.", ".,"))


def marked(measure: str, sums_in_juta: bool = False):
    """How the marks of an axis are written: with all their digits."""
    from simulation.outcomes import MEASURES

    unit = MEASURES[measure][0]
    if unit == "share":
        return lambda value: f"{100 * value:.6g}%"
    if unit != "Rp":
        return lambda value: f"{value:,.6g}"
    size = 1e6 if sums_in_juta and "_per_" not in measure else 1
    return lambda value: _indonesian(f"{value / size:,.10g}")


def signed(show):
    """The same for a difference: with its sign."""

    def sign(value) -> str:
        shown = show(value)
        if not re.search("[1-9]", shown):  # rounds to zero
            return shown.lstrip("-") or "-"
        return f"+{shown}" if value > 0 else shown

    return sign


def of_difference(measure: str):
    """(how a difference of a measure is written, whether in percentage points)."""
    from simulation.outcomes import MEASURES

    points = MEASURES[measure][0] == "share"
    return signed((lambda value: "-" if value is None or value != value else f"{100 * value:.1f}") if points else amount(measure)), points


def interval(show, middle, low, high) -> str:
    """'12 (3–21)'; the middle alone where there is no interval. Where signs are shown: '-5 (-8 to -2)'."""
    if low is None or not math.isfinite(low) or show(low) == show(middle) == show(high):
        return show(middle)
    between = f" {text('to_word')} " if show(low)[0] in "+-" or show(high)[0] in "+-" else "–"
    return f"{show(middle)} ({show(low)}{between}{show(high)})"


def duration(seconds: float) -> str:
    """A time in words: 12 s, 4 min, 3.5 h, 2 days."""
    seconds = max(1, seconds)
    for unit, size, up in (("s", 1, 100), ("min", 60, 100 * 60), ("h", 3600, 48 * 3600)):
        if seconds < up:
            return f"{seconds / size:.{1 if seconds < 10 * size and unit != 's' else 0}f} {unit}"
    return f"{seconds / 86400:,.0f} {text('days')}"


def distinct(names, most: int) -> list[str]:
    """Names of at most so many signs, cut in the middle, and still all different."""
    tail = (most - 1) // 2
    cut = [name if len(name) <= most else f"{name[: most - 1 - tail]}…{name[-tail:]}" for name in names]
    return [f"{name[: most - 4]}… {k + 1}" if cut.count(name) > 1 else name for k, name in enumerate(cut)]


def measure_of(name: str) -> str:
    """The measure of an outcome's name: active of active@12/sex=female."""
    return name.partition("/")[0].partition("@")[0]


def when(month: str, day: str = "") -> str:
    """A measured date in words: end (2020-01-01), month 12 (2019-08-01), 2019-03-01."""
    if month == "end":
        return text("at_end", day=day) if day else ""
    return text("on_day", month=text("month_n", n=month), day=day) if day and month.isdecimal() else _month(month)


def _month(month: str) -> str:
    return text("month_n", n=month) if month.isdecimal() else month


def label(name: str) -> str:
    """An outcome in words: active@12/sex=female is 'active: cover in force, month 12, sex female'."""
    from experiments.words import TEXT

    head, _, group = name.partition("/")
    measure, _, month = head.partition("@")
    words = TEXT.get(f"label_{measure}", measure.removesuffix("_rp").replace("_", " "))
    return ", ".join(filter(None, (words, month and month != "end" and _month(month), group.replace("_", " ").replace("=", " "))))


def short_paths(paths) -> list[str]:
    """Paths of a design by what tells them apart: 'hamlet_sessions attendance', 'talk_aware_prob'."""
    short = []
    for path in paths:
        inner = path.removeprefix("campaign.levers.")
        first, last = inner.split(".")[0], inner.split(".")[-1]
        short.append(last if inner == path or first == last else f"{first} {last}")
    return [path if short.count(name) > 1 else name for path, name in zip(paths, short)]


def chosen(value) -> str:
    """A value of a path."""
    if isinstance(value, bool):
        return text("with_lever" if value else "without_lever")
    return f"{value:,.6g}" if isinstance(value, float) else str(value)


def stacked(name: str, most: int = HEAD) -> str:
    """A heading over several lines, broken where its words end."""
    lines = [""]
    for part in re.findall(r"[^_./@: ]+[_./@: ]*|[_./@: ]+", name):
        if lines[-1] and len(lines[-1] + part.rstrip()) > most:
            lines.append("")
        lines[-1] += part
    return "\n".join(line.rstrip() for line in lines)


def _width(cells) -> int:
    return max(len(line) for cell in cells for line in cell.split("\n"))


# ------------------------------------------------------------------ comparisons


def ahead(plan) -> str:
    """What a comparison will take, before it starts."""
    key = "compare_ahead" if plan.first == plan.most else "compare_ahead_more"
    about = {"campaigns": ", ".join(plan.campaigns), "first": number(plan.first), "most": number(plan.most)}
    return text(key, **about, first_time=duration(plan.first_seconds + plan.budget_seconds), most_time=duration(plan.most_seconds))


def compare_tables(found) -> list:
    """Everything that `sadar compare` shows, in order."""
    about, measure = found.provenance, found.outcome[0]
    show, campaigns, differences = amount(measure), found.campaigns(), found.differences()
    day = when(about["at"]["label"], about["at"]["date"])
    words = {"outcome": about["outcome"], "label": label(about["outcome"].partition("@")[0]), "when": day}
    names = dict(zip(found.names, distinct(found.names, NAME)))
    return [
        text("compare_head", title=about["title"], pairs=number(len(found.values)), **words),
        *_fitted(about["budget"]),
        _means(campaigns, names, show, about["outcome"]),
        _costs(campaigns, names),
        *_differences(differences, names, measure, about["outcome"]),
        "\n" + text("verdict_line", verdict=found.verdict()),
        *_precision(found, show),
    ]


def _means(campaigns, names: dict, show, outcome: str):
    rows = []
    for row in campaigns.itertuples():
        rows.append((names[row.campaign], interval(show, row.mean, row.low, row.high), percent(row.best_prob), percent(row.wins_share)))
    heads = [text(key) for key in ("campaign", "mean", "best", "wins")]
    return grid(text("campaigns_title", outcome=outcome), heads, rows, heads[1:], solid=True)


def _costs(campaigns, names: dict):
    rows = []
    for row in campaigns.to_dict("records"):
        costs = [interval(amount("campaign_rp"), *(row[f"rp_per_{what}{end}"] for end in ("", "_low", "_high"))) for what in RESULTS]
        rows.append((names[row["campaign"]], dots(row["spend_rp"]), *(costs if row["spend_rp"] else "---")))  # nothing spent: no cost
    heads = [text(key) for key in ("campaign", "spend", *(f"per_{what}" for what in RESULTS))]
    return grid(text("result_cost_title"), heads, rows, heads[1:], solid=True)


def _differences(differences, names: dict, measure: str, outcome: str) -> list:
    (show, points), rows = of_difference(measure), []
    for row in differences.head(MOST_DIFFERENCES).itertuples():
        told = text("told_apart" if row.clear else "not_told_apart")
        pair = text("minus", a=names[row.campaign], b=names[row.against])
        difference = interval(show, row.mean, row.low, row.high)
        rows.append((pair, difference, told, percent(row.wins), _saved(row.variance_ratio)))
    heads = [text(key) for key in ("pair", "difference_points" if points else "difference", "verdict", "more_in", "luck_saves")]
    parts = [grid(text("differences_title", outcome=outcome), heads, rows, heads[1:], solid=True)]
    if len(differences) > MOST_DIFFERENCES:
        parts.append(text("and_more_rows", count=len(differences) - MOST_DIFFERENCES))
    return [*parts, *([text("at_once", count=len(differences))] if beside_zero(differences) else [])]


def _saved(ratio: float) -> str:
    """How many times as many villages there would have to be without the same luck."""
    return "-" if ratio != ratio else text("all_luck") if math.isinf(ratio) else text("times", ratio=f"{ratio:.1f}")


def beside_zero(differences) -> bool:
    """Is there a pair whose interval leaves out zero and that is not told apart?"""
    return bool((((differences["low"] > 0) | (differences["high"] < 0)) & ~differences["clear"]).any())


def _fitted(budget: dict | None) -> list[str]:
    if budget is None:
        return []
    lines = [text("budget_head", budget=rupiah(budget["rupiah"]))]
    for name, report in budget["campaigns"].items():
        changes = "; ".join(f"{c['lever']}.{c['key']} {c['before']:g} -> {c['after']:g}" for c in report["changes"])
        lines.append(text("budget_line", name=name, spend=rupiah(report["spend_rp"]), factor=report["factor"], changes=changes))
    return lines


def _precision(found, show) -> list[str]:
    """How narrow the intervals are, and what was asked for."""
    p = found.precision
    if p["half_width"] is None or not math.isfinite(p["reached"]):
        return []
    key = "precision_met" if p["met"] else "precision_missed"
    return [text(key, asked=show(p["half_width"]), reached=show(p["reached"]), pairs=number(p["pairs"]), needed=number(p["needed"]))]


def compare_closing(found, written: str = "") -> list[str]:
    about, files = found.provenance, written or text("no_files")
    problems = [text("problem", what=what) for what in about["problems"]]
    numbers = {"seed": about["seed"], "run_id": about["run_id"], "pairs": number(about["pairs"]), "seconds": about["wall_seconds"]}
    return [*problems, "\n" + text("compare_closing", files=files, **numbers), text("compare_sure")]


# ------------------------------------------------------------------ sweeps


def plan_lines(made, outcomes) -> list[str]:
    """What a design asks for."""
    design, points = made.design, made.points
    counts = {"levers": points["lever_point"].max() + 1, "states": points["uncertainty_point"].max() + 1}
    counts |= {"replicates": design.replicates, "runs": made.runs}
    lines = [text("sweep_head", title=design.title or design.scenario, **{name: number(count) for name, count in counts.items()})]
    for group, count in (("levers", counts["levers"]), ("uncertainties", counts["states"])):
        method = getattr(design.sampling, group)
        for path, varied in getattr(design, group).items():
            lines.append(text(f"{group}_line", path=path, values=_asked(varied, method, count)))
    return [*lines, text("outcomes_line", list=", ".join(outcomes))]


def _asked(varied, method: str, count: int) -> str:
    """The values of a path, or its range."""
    if varied.values is not None:
        more = len(varied.values) - 8
        return ", ".join(map(chosen, varied.values[:8])) + (f" ... ({more} more)" if more > 0 else "")
    ends = {"low": f"{varied.low:g}", "high": f"{varied.high:g}", "scale": text("log_scale") if varied.scale == "log" else ""}
    if varied.levels is not None:
        return text("leveled", count=number(varied.levels), **ends)
    return text("drawn", count=number(count), method=text(method), **ends)


def results_tables(table, width: int = 120) -> list:
    """A row for each choice of levers: means of the outcomes over states of the world and luck, with the range of runs, in as many
    tables as fit the width."""
    from experiments.sweep import summary

    if not len(table):
        return [text("results_none", title=table.attrs["title"])]
    found, names = summary(table), table.attrs["outcomes"]
    first = [name for name in TELLING if name in names] if len(names) > MOST_OUTCOMES else []
    some = (first + [name for name in names if name not in first])[:MOST_OUTCOMES]
    rows = found.head(MOST_POINTS).to_dict("records")
    columns = []
    for name in some:
        show, unit = compact(measure_of(name))
        cells = [interval(show, *(row[f"{name} {part}"] for part in ("mean", "low", "high"))) for row in rows]
        columns.append((stacked(name + unit, max(HEAD, _width(cells))), cells))
    for key, column in (("runs_word", "runs"), ("failed_word", "failed")):
        if key == "runs_word" or found["failed"].any():
            columns.append((text(key), [number(row[column]) for row in rows]))
    levers = choices(rows, found.attrs["levers"], width // 2)
    parts, title = [], text("results_title", title=table.attrs["title"], range=range_of(found))
    for block in _blocks(columns, width - sum(_width([head, *cells]) + 1 for head, cells in levers)):
        cells = list(zip(*(cells for _, cells in (*levers, *block))))
        heads = [head for head, _ in (*levers, *block)]
        parts.append(grid(title, heads, cells, heads[len(levers) :]))
        title = ""
    rest = [name for name in names if name not in some]
    return [
        *parts,
        *([text("and_more_rows", count=len(found) - MOST_POINTS)] if len(found) > MOST_POINTS else []),
        *([text("more_outcomes", list=", ".join(rest))] if rest else []),
    ]


def range_of(found) -> str:
    """What the ranges of a summary are: with few runs all of them."""
    return text("spread_5_95" if (found["runs"] - found["failed"]).min() >= 19 else "spread_all")


def choices(rows: list[dict], levers: list[str], most: int) -> list[tuple[str, list[str]]]:
    """(heading, cells) of a column for each lever, or of one for all where they are many."""
    short = short_paths(levers)
    columns = [(stacked(name), [chosen(row[path]) for row in rows]) for name, path in zip(short, levers)]
    if sum(_width([head, *cells]) + 1 for head, cells in columns) <= most:
        return columns
    lines = ["; ".join(f"{name} {chosen(row[path])}" for name, path in zip(short, levers)) for row in rows]
    return [(text("choice"), ["\n".join(_lines(line, most - 1)) for line in lines])]


def _lines(line: str, most: int) -> list[str]:
    from textwrap import wrap

    return wrap(line, most)


def _blocks(columns: list, width: int) -> list[list]:
    """Columns in groups that are no wider than this."""
    blocks, used = [[]], 0
    for head, cells in columns:
        wide = _width([head, *cells]) + 1
        if blocks[-1] and used + wide > width:
            blocks.append([])
            used = 0
        blocks[-1].append((head, cells))
        used += wide
    return blocks


def results_lines(table, folder: str) -> list[str]:
    """Which sweep, how much of it is there, what failed and why."""
    about, reasons = table.attrs, table.loc[table["status"] == "failed", "reason"].value_counts()
    counts = {"done": number(len(table)), "runs": number(about["runs"]), "failed": number(int(reasons.sum()))}
    lines = [text("results_line", sweep_id=about["sweep_id"], **counts)]
    lines += [text("failed_line", count=number(count), reason=reason) for reason, count in reasons.head(5).items()]
    lines += [text("failed_hint", folder=folder)] if len(reasons) else []
    return [*lines, *([text("missing_line", missing=number(about["missing"]), folder=folder)] if about["missing"] else [])]
