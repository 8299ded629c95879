"""`sadar list`, `check`, `show`, `schedule`: what there is, and what a scenario says before it runs."""

from typing import Annotated

import typer

from experiments.commands.terminal import BadInput, Campaigns, Case, Json, Sets, Until, console, emit, load, option, show_parts
from experiments.screens.names import stepped
from experiments.screens.words import text

KINDS = {
    "cases": "case",
    "villages": "village",
    "campaigns": "campaign",
    "schemes": "scheme",
    "behaviors": "behavior",
    "designs": "design",
    "trials": "trial",
    "levers": "lever",
}


def list_command(
    kind: Annotated[str | None, typer.Argument(metavar=f"[{'|'.join(KINDS)}]", help="all when absent")] = None, json_: Json = False
) -> None:
    """What comes with sadar: cases, villages, campaigns, schemes, levers."""
    from scenarios.errors import nearest, shown
    from scenarios.reading import names

    plural = next((p for p, k in KINDS.items() if kind in (p, k)), None)
    if kind is not None and plural is None:
        raise BadInput(text("unknown", what="list", value=kind, hint=nearest(kind, KINDS), known=", ".join(KINDS)))
    found = {p: [{"name": n, "title": t, "file": shown(f)} for n, t, f in names(KINDS[p])] for p in ([plural] if plural else KINDS)}
    if json_:
        return emit(found)
    from experiments.screens.tables import names_table

    show_parts([*(names_table(p, rows) for p, rows in found.items()), text("list_hint")])


def check_command(file: Case, campaign: Campaigns = None, until: Until = None, set_: Sets = None, json_: Json = False) -> None:
    """Is a scenario valid? Size, levers and network of its village, or the one thing that is wrong."""
    scenario = load(file, campaign, set_, until)
    from experiments.screens import show
    from experiments.screens.tables import facts_lines, levers_table

    facts = show.facts(show.lay_out(scenario, set_ or ()))
    if json_:
        return emit({"valid": True, **facts})
    show_parts([text("valid", name=file), *facts_lines(facts), levers_table(facts)])


def show_command(
    file: Case,
    against: Annotated[str, option("--against", "OTHER", "scenario to compare with")] = "desa",
    full: Annotated[bool, option("--full", None, "also every single value with unit, evidence and source")] = False,
    campaign: Campaigns = None,
    until: Until = None,
    set_: Sets = None,
    json_: Json = False,
) -> None:
    """A scenario as it would run: what differs from another, its levers week by week, and the money that is certain."""
    scenario, other = load(file, campaign, set_, until), load(against)
    from experiments.screens import show, tables

    plan = show.lay_out(scenario, set_ or ())
    facts, weeks, money = show.facts(plan), show.calendar(plan), show.budget(plan)
    differs = show.differences(scenario, other)
    if json_:
        about = {"parameters": show.resolved(scenario), "against": against, "differences": differs}
        return emit({**facts, **about, "calendar": weeks, "money": money})
    parts = [*tables.facts_lines(facts), tables.levers_table(facts), tables.diff_table(differs, against)]
    parts += tables.gantt(weeks, plan.calendar.dates[plan.calendar.burn_in :], console().width)
    show_parts([*parts, *tables.budget_tables(money), *([tables.values_table(show.values(scenario))] if full else [])])


def schedule_command(json_: Json = False) -> None:
    """What happens in one week of the model, in order."""
    from simulation.document import SCHEDULE

    steps = [step._asdict() for step in SCHEDULE]
    if json_:
        return emit(steps)
    from experiments.screens.tables import grid

    heads = [text("step_does" if key == "does" else key) for key in steps[0]]
    rows = [list((step | {"does": stepped(step["function"], step["does"])}).values()) for step in steps]
    show_parts([grid(text("schedule"), heads, rows)])
