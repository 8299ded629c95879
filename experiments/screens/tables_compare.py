"""What the command line shows of comparisons, as tables for a terminal."""

import math

from experiments.screens.labels import amount, distinct, duration, headed, interval, label, of_difference, signed, when
from experiments.screens.names import titled
from experiments.screens.sure import behavior_line, drawn, grades_line, luck_cells
from experiments.screens.tables import grid
from experiments.screens.words import dots, form, number, percent, rupiah, text

#: pairs shown at most, the rest stands in --json; signs of a campaign's name
MOST_DIFFERENCES, NAME = 15, 22
RESULTS = ("registered", "person_month", "retained")


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
    words = {"outcome": headed(about["outcome"]), "label": label(about["outcome"].partition("@")[0]), "when": day}
    names = dict(zip(found.names, distinct(found.names, NAME)))
    return [
        text("compare_head", title=titled(about["title"]), pairs=number(len(found.values)), **words),
        *_fitted(about["budget"]),
        _means(campaigns, names, show, words["outcome"]),
        _costs(campaigns, names),
        *_differences(differences, names, measure, words["outcome"], 0 if found.twins is None else len(found.twins)),
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


def _differences(differences, names: dict, measure: str, outcome: str, twins: int) -> list:
    (show, points), rows = of_difference(measure), []
    for row in differences.head(MOST_DIFFERENCES).itertuples():
        told = text("told_apart" if row.clear else "not_told_apart")
        pair = text("minus", a=names[row.campaign], b=names[row.against])
        difference = interval(show, row.mean, row.low, row.high)
        rows.append((pair, difference, told, percent(row.wins), _saved(row.variance_ratio)))
    unit = "difference_points" if points else "difference"
    heads = [text(key) for key in ("pair", unit, "verdict", "more_in", "luck_saves")]
    parts = [grid(text("differences_title", outcome=outcome), heads, rows, heads[1:], solid=True)]
    if len(differences) > MOST_DIFFERENCES:
        parts.append(text("and_more_rows", count=len(differences) - MOST_DIFFERENCES))
    parts += [text("at_once", count=len(differences))] if beside_zero(differences) else []
    return [*parts, *_further(differences, names, outcome), *_luck(differences, names, twins)]


def _luck(differences, names: dict, twins: int) -> list:
    """How much of what differs between villages is luck, how much is what is unknown about people."""
    rows = []
    for row in differences[differences["luck_share"].notna()].head(MOST_DIFFERENCES).itertuples():
        pair = text("minus", a=names[row.campaign], b=names[row.against])
        rows.append((pair, *luck_cells(row.luck_share, row.luck_low, row.luck_high)))
    heads = [text(key) for key in ("pair", "luck", "unknown_behavior")]
    return [grid(text("luck_differences_title", twins=twins), heads, rows, solid=True)] if rows else []


def _further(differences, names: dict, outcome: str) -> list:
    """What each further one costs, of campaigns that are told apart."""
    rows = []
    for row in differences[differences["rp_per_more"].notna()].head(MOST_DIFFERENCES).itertuples():
        pair = text("minus", a=names[row.campaign], b=names[row.against])
        rows.append((pair, signed(dots)(round(row.more_rp)), _each_more(row)))
    heads = [text(key) for key in ("pair", "more_money", "each_more")]
    return [grid(text("further_title", outcome=outcome), heads, rows, heads[1:], solid=True)] if rows else []


def _each_more(row) -> str:
    """What each further one costs; in words where one campaign is better and cheaper; '-' where they are not told apart."""
    if row.rp_per_more != row.rp_per_more:
        return "-"
    if row.rp_per_more < 0:
        return text("cheaper_more" if row.mean > 0 else "dearer_less")
    return interval(dots, row.rp_per_more, row.rp_per_more_low, row.rp_per_more_high)


def _saved(ratio: float) -> str:
    """How many times as many villages there would have to be without the same luck."""
    return "-" if ratio != ratio else text("all_luck") if math.isinf(ratio) else text("times", ratio=form(ratio, ".1f"))


def beside_zero(differences) -> bool:
    """Is there a pair whose interval leaves out zero and that is not told apart?"""
    return bool((((differences["low"] > 0) | (differences["high"] < 0)) & ~differences["clear"]).any())


def _fitted(budget: dict | None) -> list[str]:
    if budget is None:
        return []
    lines = [text("budget_head", budget=rupiah(budget["rupiah"]))]
    for name, report in budget["campaigns"].items():
        changes = "; ".join(f"{c['lever']}.{c['key']} {form(c['before'], 'g')} -> {form(c['after'], 'g')}" for c in report["changes"])
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
    sure = f"{text('compare_sure_drawn' if drawn(about) else 'compare_sure_luck')} {text('compare_sure_pairs')}"
    end = "\n" + text("compare_closing", files=files, **numbers)
    return [*problems, end, f"{behavior_line(about)}.", sure, grades_line(about)]
