"""Words, numbers and tables on the screen: every text a user reads stands in TEXT, how numbers look stands below it.

Nothing is computed here but layout; rich is imported when a table is made. Rupiah have dots (Rp 1.250.000), counts commas.
"""

TEXT = {
    # bad input and trouble
    "too_small": "{place}: {key} = {value}: too small, lever '{lever}' needs {needed} in its first week alone; allowed: at least {needed}, or take it out",
    "range": "{option} {value}: not allowed; allowed: {allowed}",
    "whole": "a whole number from {low:,} to {high:,}",
    "replicates_why": " (more is the work of a sweep, not of one table)",
    "unknown": "{what} {value}: not known{hint}; known: {known}",
    "out_file": "--out {path}: is a file; allowed: a new or empty folder, or one that sadar wrote",
    "out_other": "--out {path}: is not empty and was not written by sadar (no run.json in it); allowed: a new or empty folder, or one that sadar wrote",
    "out_denied": "--out {path}: cannot be written ({why}); allowed: a folder you may write to",
    "stopped": "stopped; nothing was written",
    "crashed": "internal error: {error}; the traceback is in {path}",
    "too_large": "{place}: the run needs more memory than there is ({why}); take fewer workers, replicates or weeks",
    # progress
    "compile": "compiling the model (once, about half a minute)",
    "prepare": "preparing the village",
    "runs": "{name}: runs",
    # list
    "cases": "Cases", "villages": "Villages", "campaigns": "Campaigns", "schemes": "Schemes", "behaviors": "Behavior", "levers": "Levers",
    "name": "name", "title": "title", "list_hint": "sadar run NAME runs a case; every file is TOML and may be copied and changed",
    # check and show
    "valid": "{name}: valid",
    "period": "{start} to {until}: {steps} steps, after {burn_in} steps without campaign",
    "village": "{title}: {workers} workers ({women} women) in {households} households and {communities} communities; {leaders} leaders, "
    "{agent_candidates} who could become Perisai",
    "occupations": "occupations: {list}",
    "groups": "members of: {list}",
    "network": "ties a worker: {degree_mean:.1f} (asked {degree:g}), sd {degree_sd:.1f}; clustering {clustering:.2f} (asked {asked:g}); "
    "across communities {bridging_share:.0%} (asked {bridging:.0%})",
    "files": "read: {list}",
    "hash": "scenario {hash}",
    "no_levers": "no levers",
    "lever_title": "Levers", "lever": "lever", "from": "from", "to": "to", "end": "the end", "for": "workers", "payer": "payer", "does": "what it does",
    "grade": "grade", "cost": "unit cost", "key": "key", "value": "value", "unit": "unit", "source": "source",
    "diff_title": "What differs from {other}", "same": "nothing differs from {other}", "there": "there", "here": "here",
    "gantt_title": "Lever calendar, a sign a week ({event} event, {run} running)",
    "gantt_rest": "unchanged until {until}: {list}", "gantt_more": "{weeks} more weeks: see --json", "nothing": "nothing",
    "certain_title": "Certain whoever joins: fixed, monthly and event costs, Rp", "month": "month", "total": "total",
    "no_certain": "No fixed, monthly or event costs",
    "depends_title": "What depends on people: contacts if all who are expected come, the rest at its worst", "most": "at most", "how": "reckoned as",
    "kind": "kind", "limit": "{what}: {limit}, certain {certain}{verdict}", "budget": "budget", "ceiling": "monthly ceiling, dearest month",
    "over": ": MORE than there is, some of it cannot be done", "within": "",
    "contacts": "people reached", "registrations": "help with registering", "gifts": "gifts", "sponsored": "contributions of a budget",
    "months_off": "months off", "discount": "running discount", "group_fund": "group fund", "commission": "commission",
    "how_contacts": "{weeks} events x {each} people x {rp}",
    "how_registrations": "all {people} register once, {rp} each", "how_gifts": "all {people} register once, {rp} each",
    "how_sponsored": "{people} on the list x {months} months x {rp}, renewed each time",
    "how_months_off": "all {people} register x {months} months x {rp}", "how_discount": "all {people} are members x {months} months x {rp}",
    "how_group_fund": "fund pays for all {people} x {months} months x {rp}",
    "how_commission": "all {people} register with an agent at once and pay {months} months",
}  # fmt: skip


def text(key: str, **values) -> str:
    """The message of a key, its places filled in."""
    return TEXT[key].format(**values) if values else TEXT[key]


def number(value) -> str:
    """A count: 1,500; no digits after the point from 10 on."""
    if value is None or value != value:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 10 or float(value).is_integer() else f"{value:,.1f}"


def rupiah(value) -> str:
    """Rp 1.250.000, the Indonesian way."""
    return "-" if value is None or value != value else "Rp " + dots(value)


def dots(value) -> str:
    return f"{value:,.0f}".replace(",", ".")


def percent(value) -> str:
    return "-" if value is None or value != value else f"{value:.0%}" if abs(value) >= 0.1 or value == 0 else f"{value:.1%}"


# ------------------------------------------------------------------ scenario


def grid(title: str, columns, rows, right=()):
    """A rich table: `columns` are headings, `right` the headings set flush right."""
    from rich import box
    from rich.table import Table

    table = Table(title=title or None, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold", no_wrap=column == columns[0])
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    return table


def facts_lines(facts: dict) -> list[str]:
    """The village and its network in words."""
    village, want = facts["village"], facts["network_targets"]
    named = lambda counts: ", ".join(f"{name} {number(n)}" for name, n in counts.items())  # noqa: E731
    return [
        f"{facts['title']} ({facts['name']})",
        text("period", **facts),
        text("village", **{key: number(n) if isinstance(n, int) else n for key, n in village.items()}),
        text("occupations", list=named(village["occupations"])),
        text("groups", list=named(village["members_of"])),
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
        rows.append((lever["name"], lever["start"], lever["end"] or text("end"), number(lever["workers"]), lever["payer"], lever["grade"], "; ".join(does)))
    heads = [text(key) for key in ("lever", "from", "to", "for", "payer", "grade", "does")]
    return grid(text("lever_title"), heads, rows, right=(text("for"),)) if rows else text("no_levers")


def _values(values: dict) -> str:
    return ", ".join(f"{name} {' '.join(map(str, value)) if isinstance(value, list) else value}" for name, value in values.items())


def diff_table(rows: list[dict], other: str):
    if not rows:
        return text("same", other=other)
    cells = [(row["key"], *("-" if row[side] is None else str(row[side]) for side in ("other", "this"))) for row in rows]
    return grid(text("diff_title", other=other), [text("key"), text("there"), text("here")], cells)


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
    lines = []
    for first in range(0, shown, block):
        part = slice(first, min(first + block, len(dates)))
        lines += ["", *(" " * label + line for line in _ruler(dates[part]))]
        lines += [f"{row['lever']:<{label}}{line[part]}" for row, line in zip(rows, signs) if line[part].strip("·")]
    if shown <= last:
        return [*lines, "", text("gantt_more", weeks=len(dates) - part.stop)]
    still = ", ".join(row["lever"] for row, line in zip(rows, signs) if line[-1] != "·")
    return [*lines, "", text("gantt_rest", until=dates[-1].isoformat(), list=still or text("nothing"))] if part.stop < len(dates) else lines


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
        rows = [(month, *(by.get((month, name), 0) for name in some)) for month in months]
        rows = _joined([row for row in rows if any(row[1:])])
        foot = (text("total"), *(dots(sum(by.get((month, name), 0) for month in months)) for name in some))
        parts.append(grid(text("certain_title"), [text("month"), *some], [*rows, foot], right=some))
    parts += [] if levers else [text("no_certain")]
    if budget["depends"]:
        heads = [text(key) for key in ("lever", "payer", "kind", "most", "how")]
        rows = [(row["lever"], row["payer"], text(row["kind"]), rupiah(row["rp"]), row["how"]) for row in budget["depends"]]
        parts.append(grid(text("depends_title"), heads, rows, right=(text("most"),)))
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
