"""`sadar branch` and `sadar replay`: the same past again."""

from pathlib import Path
from typing import Annotated

import typer

from experiments.commands.terminal import (
    MAX_REPLICATES,
    MAX_SEED,
    Behavior,
    Campaigns,
    Case,
    Json,
    Seed,
    Sets,
    Until,
    behavior_of,
    emit,
    if_stopped,
    live,
    load,
    option,
    preparing,
    show_parts,
    whole,
)  # fmt: skip
from experiments.screens.names import titled
from experiments.screens.words import date, form, number, text

MOST_DIFFERENCES = 20


def branch_command(
    case: Case,
    at: Annotated[str, option("--at", "DATE", "the day on which the past ends, such as 2019-01-01")],
    out: Annotated[str, option("--out", "DIR", "a new folder for the states")],
    campaign: Campaigns = None,
    replicates: Annotated[str, option("--replicates", "N", "villages with different luck")] = "20",
    seed: Seed = "1",
    until: Until = None,
    set_: Sets = None,
    behavior: Behavior = "posterior",
    json_: Json = False,
) -> None:
    """Save the state of a village at a date: same past, different policy.

    Go on from it with `sadar compare DIR --with CAMPAIGN`.
    """
    count = whole("--replicates", replicates, 1, MAX_REPLICATES, text("replicates_why"))
    chosen, drawn = whole("--seed", seed, 0, MAX_SEED), behavior_of(behavior)
    scenario = load(case, campaign, set_, until)
    waiting = preparing()
    from experiments import branch

    folder = Path(out)
    with live(json_, waiting) as told, if_stopped(lambda: text("branch_stopped" if folder.is_dir() else "stopped", folder=out)):
        name = text("runs", name=scenario.name)
        step = lambda done, total: told.step(done, total, name)  # noqa: E731
        past = branch.save(scenario, at, out, replicates=count, seed=chosen, progress=step, behavior=drawn)
    if json_:
        return emit({**past.about, "folder": out})
    told = {"title": titled(scenario.title), "day": date(past.at), "replicates": number(past.replicates), "run_id": past.about["run_id"]}
    show_parts([text("branch_saved", folder=out, **told)])


def replay_command(
    run_id: Annotated[str, typer.Argument(metavar="ID", help="run id of a table or figure, or its first four signs")],
    in_: Annotated[list[str] | None, option("--in", "DIR", "folder to look for results in (default: here); repeatable")] = None,
    json_: Json = False,
) -> None:
    """Compute a result again and say whether it is identical (if not, the exit code is 1)."""
    waiting = preparing()
    from experiments import replay
    from experiments.screens.tables import grid

    with live(json_, waiting) as told:
        found = replay.replay(run_id, folders=in_ or (".",), progress=lambda done, total: told.step(done, total, run_id))
    if json_:
        emit(found.document())
    else:
        show_parts([found.verdict])
        if len(found.differences):
            heads = [text(key) for key in ("key", "then", "now", "change")]
            some = found.differences[["key", "then", "now", "change"]].head(MOST_DIFFERENCES)
            rows = [(key, *map(_digits, numbers)) for key, *numbers in some.itertuples(index=False)]
            show_parts([grid(text("differs_title"), heads, rows, heads[1:])])
        if len(found.differences) > MOST_DIFFERENCES:
            show_parts([text("and_more_rows", count=len(found.differences) - MOST_DIFFERENCES)])
    if not found.identical:
        raise typer.Exit(1)


def _digits(value: float) -> str:
    return "-" if value != value else form(value, ".10g")
