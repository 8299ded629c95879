"""What the command line shows of scenarios and runs, as tables for a terminal.

Nothing is computed here but layout; rich is imported when a table is made.
"""

import re

from experiments.screens.names import measured, named, titled, unit
from experiments.screens.sure import SHOWN, behavior_line, drawn, grades_line, luck_rows
from experiments.screens.words import date, dots, form, month, number, percent, rupiah, text

# ------------------------------------------------------------------ scenario


def grid(title: str, columns, rows, right=(), solid: bool = False):
    """A rich table under its title: `columns` are headings, those in `right` set flush right; `solid`: never break the first."""
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for place, column in enumerate(columns):
        table.add_column(column, justify="right" if column in right else "left", overflow="fold", no_wrap=solid and place == 0)
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    return Group(Text(f"\n{title}", style="bold"), table)


def facts_lines(facts: dict) -> list[str]:
    """The village and its network in words."""
    village, want = facts["village"], facts["network_targets"]
    listed = lambda kind, counts: ", ".join(f"{named(kind, name)} {number(n)}" for name, n in counts.items())  # noqa: E731
    return [
        f"{titled(facts['title'])} ({facts['name']})",
        text("period", **facts | {"start": date(facts["start"]), "until": date(facts["until"])}),
        text("village", **{key: number(n) if isinstance(n, int) else n for key, n in village.items()}),
        text("occupations", list=listed("occupation", village["occupations"])),
        text("groups", list=listed("membership", village["members_of"])),
        text("network", **facts["network"], degree=want["degree_mean"], asked=want["clustering"], bridging=want["bridging_share"]),
        text("files", list=", ".join(facts["files"])),
        text("hash", hash=facts["scenario_hash"][:12]),
    ]


def levers_table(facts: dict):
    """One row a lever: when, for how many, who pays, how sure its effect is, what it does and costs."""
    rows = []
    for lever in facts["levers"]:
        does = [f"{name} {_values(values)}".strip() for name, values in lever["does"].items()]
        does += [f"{text('cost')} {name.removesuffix('_rp')} {rupiah(rp)}" for name, rp in lever["cost"].items()]
        when = date(lever["start"], True), date(lever["end"], True) if lever["end"] else text("end")
        by = named("payer", lever["payer"]), named("grade", lever["grade"])
        rows.append((lever["name"], *when, number(lever["workers"]), *by, "; ".join(does)))
    heads = [text(key) for key in ("lever", "from", "to", "for", "payer", "grade", "does")]
    return grid(text("lever_title"), heads, rows, (text("for"),), solid=True) if rows else text("no_levers")


def _values(values: dict) -> str:
    return ", ".join(f"{name} {' '.join(map(str, value)) if isinstance(value, list) else value}" for name, value in values.items())


def diff_table(rows: list[dict], other: str):
    if not rows:
        return text("same", other=other)
    cells = [(row["key"], *("-" if row[side] is None else _titled(str(row[side])) for side in ("other", "this"))) for row in rows]
    return grid(text("diff_title", other=other), [text("key"), text("there"), text("here")], cells, solid=True)


def _titled(value: str) -> str:
    """A value of a scenario; titles, and levers with their dates, in the current language."""
    lever = re.fullmatch(r"(.+), (\d{4}-\d\d-\d\d) to (\d{4}-\d\d-\d\d|the end)", value)
    if not lever:
        return titled(value)
    title, first, last = lever.groups()
    return text("lever_span", title=titled(title), first=date(first, True), last=text("the_end") if last == "the end" else date(last, True))


def gantt(calendar: list[dict], dates: list, width: int) -> list[str]:
    """The lever calendar in text, a sign a week, in blocks that fit `width`; what no longer changes is one line at the end."""
    rows = [row for row in calendar if row["from_week"] is not None]
    if not rows:
        return [text("no_levers")]
    signs = []
    for row in rows:
        events = set(row["event_weeks"])
        signs.append("".join("■" if t in events else "─" if row["from_week"] <= t <= row["to_week"] else "·" for t in range(len(dates))))
    last = max((t for line in signs for t in range(1, len(dates)) if line[t] != line[t - 1]), default=0)
    label = max(len(row["lever"]) for row in rows) + 1
    block = max(13, min(width - label - 1, 53))
    shown = min(last + 4, len(dates), 8 * block)
    lines = ["", text("gantt_title")]
    for first in range(0, shown, block):
        part = slice(first, min(first + block, len(dates)))
        lines += ["", *(" " * label + line for line in _ruler(dates[part]))]
        lines += [f"{row['lever']:<{label}}{line[part]}" for row, line in zip(rows, signs) if line[part].strip("·")]
    if shown <= last:
        return [*lines, "", text("gantt_more", weeks=len(dates) - part.stop)]
    still = ", ".join(row["lever"] for row, line in zip(rows, signs) if line[-1] != "·")
    return [*lines, "", text("gantt_rest", until=date(dates[-1]), list=still or text("nothing"))] if part.stop < len(dates) else lines


def _ruler(dates) -> tuple[str, str]:
    """Years and months above the signs, each where it begins, as far as there is room."""
    years = months = ""
    for place, day in enumerate(dates):
        begins = place == 0 or day.month != dates[place - 1].month
        if begins and len(dates) - place > 1 and len(months) <= place:
            months = months.ljust(place) + f"{day:%m} "
        if (place == 0 or day.year != dates[place - 1].year) and len(dates) - place > 3 and len(years) <= place:
            years = years.ljust(place) + f"{day:%Y} "
    return years, months


def budget_tables(budget: dict) -> list:
    """Certain money by month and lever, what depends on people, and both limits."""
    certain, parts = budget["certain"], []
    levers = list(dict.fromkeys(row["lever"] for row in certain))
    by = {(row["month"], row["lever"]): row["rp"] for row in certain}
    months = sorted({row["month"] for row in certain})
    for first in range(0, len(levers), 5):
        some = levers[first : first + 5]
        rows = [(month(each), *(by.get((each, name), 0) for name in some)) for each in months]
        rows = _joined([row for row in rows if any(row[1:])])
        foot = (text("total"), *(dots(sum(by.get((each, name), 0) for each in months)) for name in some))
        parts.append(grid(text("certain_title"), [text("month"), *some], [*rows, foot], some, solid=True))
    parts += [] if levers else [text("no_certain")]
    if budget["depends"]:
        heads = [text(key) for key in ("lever", "payer", "kind", "most", "how")]
        rows = [(row["lever"], named("payer", row["payer"]), text(row["kind"]), rupiah(row["rp"]), row["how"]) for row in budget["depends"]]
        parts.append(grid(text("depends_title"), heads, rows, (text("most"),), solid=True))
    limits = budget["limits"]
    for what, limit, certain_rp in (("budget", "budget_rp", "certain_rp"), ("ceiling", "monthly_ceiling_rp", "highest_month_rp")):
        if limits[limit] is not None:
            verdict = text("over" if limits[certain_rp] > limits[limit] else "within")
            parts.append(text("limit", what=text(what), limit=rupiah(limits[limit]), certain=rupiah(limits[certain_rp]), verdict=verdict))
    return parts


def _joined(rows: list[tuple]) -> list[tuple]:
    """Months in a row with the same sums become one line."""
    out, first = [], 0
    for k, row in enumerate(rows):
        if k + 1 == len(rows) or rows[k + 1][1:] != row[1:]:
            name = row[0] if k == first else f"{rows[first][0]} .. {row[0]}, {k - first + 1} x"
            out.append((name, *(dots(rp) if rp else "" for rp in row[1:])))
            first = k + 1
    return out


# ------------------------------------------------------------------ a run


def months_of(result) -> dict[str, str]:
    """The measured months with their headings; the end of the run where it lies more than a month after the last of them."""
    from simulation.timeline import add_months

    start, until, there = result.parameters.start, result.parameters.until, {key[1] for key in result.keys}
    labels = [str(month) for month in result.provenance["months"] if str(month) in there]
    heads = {label: text("month_n", n=label) for label in labels}
    if not labels or (until - add_months(start, int(labels[-1]))).days > 31:
        heads["end"] = text("at_end", day=date(until, True))
    return heads


class Cells:
    """A result's table as text: 'median (low–high)', '-' where there is no value."""

    def __init__(self, result):
        self.rows = {(row.measure, row.month, row.group_kind, row.group): row for row in result.table().itertuples(index=False)}
        self.ranges = len(result.values) > 1

    def cell(self, measure: str, month: str, kind: str = "all", group: str = "all", show=number) -> str:
        row = self.rows.get((measure, month, kind, group))
        if row is None or not row.runs:
            return "-"
        return self.spread(row.median, row.low, row.high, show)

    def spread(self, median, low, high, show=number) -> str:
        if not self.ranges or show(low) == show(median) == show(high):
            return show(median)
        between = f" {text('to_word')} "
        return f"{show(median)} ({show(low)}{between if low < 0 else '–'}{show(high)})"

    def groups(self, measure: str, month: str, kind: str) -> list[str]:
        return [group for name, when, k, group in self.rows if (name, when, k) == (measure, month, kind)]

    def median(self, *key) -> float:
        return self.rows[key].median if key in self.rows else float("nan")


PEOPLE = (("registered", number), ("active", number), ("paying", number), ("paying_share", percent))
ATTEMPTS = tuple((name, number) for name in ("attempts", "failures", "cash_failures", "reentries", "attempted"))
ATTEMPTS += (("attempt_failure_share", percent), ("attempted_registered_share", percent))
STAYING = (("persistency_13", percent), ("persistency_13_cohort", number), ("stock_retention_12", percent))
STAYING += tuple((name, number) for name in ("retained", "stops", "lapses"))
COSTS = tuple((f"{who}_per_{what}_rp", dots) for who in ("campaign", "levers") for what in ("registered", "person_month", "retained"))
FUNNEL = ("knowledge", "persuasion", "decision", "implementation", "confirmation")


def run_tables(result) -> list:
    """Everything that `sadar run` shows, in order."""
    found, heads, about = Cells(result), months_of(result), result.provenance["scenario"]
    months, given = list(heads), result.parameters
    columns = list(heads.values())

    def block(title: str, rows, when=months):
        return grid(title, ["", *(heads.get(month) or text("at_start") for month in when)], rows)

    def plain(title: str, spec, when=months):
        return block(title, [(text(name), *(found.cell(name, month, show=show) for month in when)) for name, show in spec], when)

    workers = number(found.median("workers", "0", "all", "all"))
    when = {"start": given.start, "until": given.until, "runs": len(result.values)}
    head = text("run_head", title=titled(about["title"]), campaign=titled(about["campaign"]), workers=workers, **when)
    funnel = [(text(name), *(found.cell("reached", month, "stage", name) for month in months)) for name in FUNNEL]
    return [
        head,
        plain(text("people_title", workers=workers), PEOPLE, ["0", *months]),
        block(text("funnel_title"), funnel),
        plain(text("attempts_title"), ATTEMPTS),
        plain(text("staying_title"), STAYING),
        plain(text("cost_title"), COSTS),
        grid(text("cover_title"), ["", text("for"), *columns], _coverage(found, months), [text("for")]),
        block(text("channel_title"), _channels(found, months)),
        *_observed(result, found),
        *_money(result, found),
        *_luck(result, months[-1], columns[-1]),
    ]


def _coverage(found: Cells, months) -> list[tuple]:
    rows = []
    for kind in ("sex", "occupation", "income_fifth"):
        for group in found.groups("active_share", months[-1], kind):
            size = number(found.median("workers", months[-1], kind, group))
            name = {"1": text("poorest"), "5": text("richest")}.get(group, group) if kind == "income_fifth" else named(kind, group)
            rows.append((f"{text(kind)}: {name}", size, *(found.cell("active_share", month, kind, group, percent) for month in months)))
    index = lambda value: form(value, "+.2f")  # noqa: E731
    return [*rows, (text("concentration_index"), "", *(found.cell("concentration_index", month, show=index) for month in months))]


def _channels(found: Cells, months) -> list[tuple]:
    share = lambda name, month=months[-1]: found.median("first_channel", month, "source", name)  # noqa: E731
    names = sorted(found.groups("first_channel", months[-1], "source"), key=lambda name: -share(name))
    used = [name for name in names if any(share(name, month) > 0 for month in months)]
    shares = lambda name: (found.cell("first_channel_share", month, "source", name, percent) for month in months)  # noqa: E731
    return [(named("source", name), *shares(name)) for name in used]


def _observed(result, found: Cells) -> list:
    """Observed beside simulated; a miss says by how much."""
    rows = []
    for seen in result.observed().to_dict("records"):
        show = percent if seen["kind"] == "share" or seen["measure"] == "understanding" else number
        simulated = found.spread(seen["median"], seen["low"], seen["high"], show) if seen["median"] == seen["median"] else text("outside")
        if seen["within"] is None or seen["within"] != seen["within"]:
            verdict, told = text("words") if seen["kind"] == "qualitative" else "-", titled(seen["text"])
        else:
            verdict = text("match") if seen["within"] else text("miss", off=seen["miss_share"])
            verdict = f"{verdict}, {text('in_runs', share=seen['share_within'])}"
            told = f"{show(seen['observed'])} +- {form(seen['tolerance_share'], '.0%')}"
        rows.append((text(seen["measure"]), date(seen["date"], True), told, simulated, verdict, named("grade", seen["grade"])))
    heads = [text(key) for key in ("what", "date", "observed", "simulated", "verdict", "grade")]
    return [grid(text("observed_title"), heads, rows)] if rows else []


def _money(result, found: Cells) -> list:
    """What each lever cost, who paid, what came in and went out; then what budget or ceiling kept back."""
    levers = result.parameters.campaign.levers
    cost = lambda measure, *group: found.cell(measure, "end", *group, show=dots)  # noqa: E731
    about = lambda lever: (named("payer", lever.payer), named("grade", lever.grade))  # noqa: E731
    rows = [(lever.name, *about(lever), cost("lever_rp", "lever", lever.name)) for lever in levers]
    totals = ("levers_rp", "campaign_rp", "commission_rp", "subsidies_rp", "contributions_rp", "claims_rp")
    rows += [(text(name), "", "", cost(name)) for name in totals]
    heads = [text(key) for key in ("lever", "payer", "grade", "money")]
    parts = [grid(text("money_title", until=date(result.parameters.until)), heads, rows, heads[3:])]
    short = [lever.name for lever in levers if found.rows["unmet_rp", "end", "lever", lever.name].high > 0]
    kept = [(name, cost("unmet_rp", "lever", name)) for name in short]
    if kept:
        parts.append(grid(text("unmet_title"), [text("lever"), text("money")], kept))
    elif result.parameters.campaign.budget_rp is not None or result.parameters.campaign.monthly_ceiling_rp is not None:
        parts.append(text("unmet_none"))
    return parts


def _luck(result, month: str, when: str) -> list:
    """How much of what differs between the runs is luck, how much is what is unknown about people."""
    rows = [(text(name) if name != SHOWN[3] else measured(name), *cells) for name, *cells in luck_rows(result, month)]
    heads = ["", text("luck"), text("unknown_behavior")]
    return [grid(text("luck_title", when=when, twins=len(result.twins)), heads, rows)] if rows else []


def closing(result, written: str = "") -> list[str]:
    """Seed, run id, files, and how sure this is."""
    about = result.provenance
    numbers = {"seed": about["seed"], "run_id": about["run_id"], "runs": about["replicates"], "seconds": about["wall_seconds"]}
    end = "\n" + text("closing", **numbers, files=written or text("no_files"))
    sure = text("sure_drawn" if drawn(about) else "sure_luck", note=result.note)
    return [*(text("problem", what=what) for what in about["problems"]), end, f"{behavior_line(about)}.", sure, grades_line(about)]


def names_table(plural: str, rows):
    return grid(text(plural), [text("name"), text("title")], [(row["name"], titled(row["title"])) for row in rows])


def values_table(rows):
    heads = [text(key) for key in ("key", "value", "unit", "grade", "source")]
    cells = [(key, value, unit(of), named("grade", grade), source) for key, value, of, grade, source in rows]
    return grid(text("values_title"), heads, cells)
