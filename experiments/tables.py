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
