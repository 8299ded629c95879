"""What the command line shows of comparisons, sweeps, branches and replays."""

import math

from experiments.tables import grid
from experiments.words import dots, number, percent, rupiah, text

#: differences shown at most; the rest stands in --json
MOST_DIFFERENCES = 15
MOST_POINTS, MOST_OUTCOMES = 40, 5


def amount(measure: str):
    """How a value of a measure is written."""
    from simulation.outcomes import MEASURES

    unit = MEASURES[measure][0]
    if unit == "share":
        return percent
    if unit == "Rp":
        return dots
    return lambda value: "-" if value is None or value != value else number(value) if abs(value) >= 10 else f"{value:.2g}"


def compact(measure: str):
    """(how a value is written, what is added to the heading) where there is little room: sums of rupiah in millions."""
    from simulation.outcomes import MEASURES

    if MEASURES[measure][0] == "Rp" and "_per_" not in measure:
        return lambda value: "-" if value is None or value != value else f"{value / 1e6:,.1f}", text("in_juta")
    return amount(measure), ""


def signed(show):
    """The same for a difference: with its sign."""
    return lambda value: f"+{show(value)}" if value is not None and value == value and value > 0 else show(value)


def interval(show, middle, low, high) -> str:
    """'12 (3 to 21)'; the middle alone where there is no interval."""
    if low is None or not math.isfinite(low) or show(low) == show(high):
        return show(middle)
    return f"{show(middle)} ({show(low)} {text('to_word')} {show(high)})"


def ahead(plan) -> str:
    """What a comparison will take, before it starts."""
    key = "compare_ahead" if plan.first == plan.most else "compare_ahead_more"
    about = {"campaigns": ", ".join(plan.campaigns), "first": plan.first, "most": plan.most}
    return text(key, **about, first_time=duration(plan.first_seconds + plan.budget_seconds), most_time=duration(plan.most_seconds))


def duration(seconds: float) -> str:
    """A time in words: 12 s, 4 min, 3.5 h, 2 days."""
    for unit, size, up in (("s", 1, 100), ("min", 60, 100 * 60), ("h", 3600, 48 * 3600)):
        if seconds < up:
            return f"{seconds / size:.{1 if seconds < 10 * size and unit != 's' else 0}f} {unit}"
    return f"{seconds / 86400:.0f} {text('days')}"


def compare_tables(found) -> list:
    """Everything that `sadar compare` shows, in order."""
    about, measure = found.provenance, found.outcome[0]
    show, campaigns, differences = amount(measure), found.campaigns(), found.differences()
    when = text("at_end", day=about["at"]["date"]) if about["at"]["label"] == "end" else text("month_n", n=about["at"]["label"])
    head = text("compare_head", title=about["title"], outcome=about["outcome"], when=when, pairs=len(found.values))
    parts = [head, *_fitted(about["budget"])]
    rows = []
    for row in campaigns.itertuples():
        retained = interval(dots, row.rp_per_retained, row.rp_per_retained_low, row.rp_per_retained_high)
        costs = dots(row.spend_rp), dots(row.rp_per_registered), dots(row.rp_per_person_month), retained
        costs = costs if row.spend_rp else ("0", "-", "-", "-")  # nothing is spent: no cost of anything
        rows.append((row.campaign, interval(show, row.mean, row.low, row.high), *costs, percent(row.best_prob), percent(row.wins_share)))
    heads = [text(key) for key in ("campaign", "outcome", "spend", "per_registered", "per_person_month", "per_retained", "best", "wins")]
    parts.append(grid(text("campaigns_title", outcome=found.outcome[0]), heads, rows, heads[1:], solid=True))
    rows = []
    for row in differences.head(MOST_DIFFERENCES).itertuples():
        ratio = (
            text("no_noise")
            if math.isinf(row.variance_ratio)
            else f"{row.variance_ratio:.1f}"
            if row.variance_ratio == row.variance_ratio
            else "-"
        )
        told = text("told_apart" if row.clear else "not_told_apart")
        difference = interval(signed(show), row.mean, row.low, row.high)
        rows.append((text("minus", a=row.campaign, b=row.against), difference, told, percent(row.wins), ratio))
    heads = [text(key) for key in ("pair", "difference", "verdict", "more_in", "variance_ratio")]
    parts.append(grid(text("differences_title", outcome=found.outcome[0]), heads, rows, heads[1:], solid=True))
    if len(differences) > MOST_DIFFERENCES:
        parts.append(text("and_more_rows", count=len(differences) - MOST_DIFFERENCES))
    return [*parts, "\n" + text("verdict_line", verdict=found.verdict()), *_precision(found, show)]


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
    about = found.provenance
    problems = [text("problem", what=what) for what in about["problems"]]
    end = text(
        "compare_closing",
        seed=about["seed"],
        run_id=about["run_id"],
        pairs=about["pairs"],
        seconds=about["wall_seconds"],
        files=written or text("no_files"),
    )
    return [*problems, "\n" + end, text("compare_sure")]


# ------------------------------------------------------------------ sweeps


def plan_lines(made, outcomes) -> list[str]:
    """What a design asks for."""
    design, points = made.design, made.points
    levers, states = points["lever_point"].max() + 1, points["uncertainty_point"].max() + 1
    lines = [
        text(
            "sweep_head",
            title=design.title or design.scenario,
            levers=number(levers),
            states=number(states),
            replicates=number(design.replicates),
            runs=number(made.runs),
        )
    ]
    for group in ("levers", "uncertainties"):
        for path, varied in getattr(design, group).items():
            given = (
                ", ".join(map(str, varied.values[:8])) + (" ..." if len(varied.values) > 8 else "")
                if varied.values
                else f"{varied.low:g} .. {varied.high:g} ({varied.scale})"
            )
            lines.append(text(f"{group}_line", path=path, values=given))
    return [*lines, text("outcomes_line", list=", ".join(outcomes))]


def results_tables(table, most: int = MOST_POINTS) -> list:
    """A row for each choice of levers: means of the outcomes over states of the world and luck, with the middle 90 % of runs."""
    from experiments.sweep import summary

    found = summary(table)
    shows = {name: compact(name.partition("@")[0].partition("/")[0]) for name in found.attrs["outcomes"][:MOST_OUTCOMES]}
    rows = []
    for row in found.head(most).to_dict("records"):
        cells = [str(row[path]) for path in found.attrs["levers"]]
        for name, (show, _) in shows.items():
            cells.append(interval(show, row[f"{name} mean"], row[f"{name} low"], row[f"{name} high"]))
        rows.append((*cells, number(row["runs"]), number(row["failed"])))
    short = [path.removeprefix("campaign.levers.") for path in found.attrs["levers"]]
    heads = [*short, *(name + unit for name, (_, unit) in shows.items()), text("runs_word"), text("failed_word")]
    parts = [grid(text("results_title", title=table.attrs["title"]), heads, rows, heads[len(short) :])]
    if len(found) > most:
        parts.append(text("and_more_rows", count=len(found) - most))
    return parts


def results_lines(table) -> list[str]:
    """Which sweep, how much of it is there, what failed and why."""
    about, reasons = table.attrs, table.loc[table["status"] == "failed", "reason"].value_counts()
    lines = [
        text(
            "results_line",
            sweep_id=about["sweep_id"],
            done=number(len(table)),
            runs=number(about["runs"]),
            failed=number(int(reasons.sum())),
        )
    ]
    lines += [text("failed_line", count=number(count), reason=reason) for reason, count in reasons.head(5).items()]
    return [*lines, *([text("missing_line", missing=number(about["missing"]))] if about["missing"] else [])]
