"""`sadar branch` and `sadar replay`: the same past again."""

from typing import Annotated

import typer

from experiments.commands.terminal import (
    MAX_REPLICATES,
    MAX_SEED,
    Campaigns,
    Case,
    Json,
    Seed,
    Sets,
    Until,
    emit,
    live,
    load,
    option,
    show_parts,
    whole,
)  # fmt: skip
from experiments.words import text


def branch_command(
    case: Case,
    at: Annotated[str, option("--at", "DATE", "the day at which the state is saved")],
    out: Annotated[str, option("--out", "DIR", "folder for the states")],
    campaign: Campaigns = None,
    replicates: Annotated[str, option("--replicates", "N", "villages with different luck")] = "20",
    seed: Seed = "1",
    until: Until = None,
    set_: Sets = None,
    json_: Json = False,
) -> None:
    """Save the state of a village at a date: same past, different policy. Go on from it with `sadar compare DIR --with ...`."""
    count = whole("--replicates", replicates, 1, MAX_REPLICATES, text("replicates_why"))
    chosen = whole("--seed", seed, 0, MAX_SEED)
    scenario = load(case, campaign, set_, until)
    from experiments import branch

    with live(json_) as told:
        about = branch.save(
            scenario,
            at,
            out,
            replicates=count,
            seed=chosen,
            progress=lambda done, total: told.step(done, total, text("runs", name=scenario.name)),
        )
    if json_:
        return emit(about)
    show_parts([text("branch_saved", title=scenario.title, day=at, replicates=count, folder=out, run_id=about["run_id"])])


def replay_command(
    run_id: Annotated[str, typer.Argument(metavar="ID", help="run id of a table or figure, or its first four signs or more")],
    in_: Annotated[list[str] | None, option("--in", "DIR", "folder to look for results in (default: here); repeatable")] = None,
    json_: Json = False,
) -> None:
    """Compute a result again and say whether it is identical."""
    from experiments import replay
    from experiments.tables import grid

    with live(json_) as told:
        found = replay.replay(run_id, folders=in_ or (".",), progress=lambda done, total: told.step(done, total, run_id))
    if json_:
        emit(found.document())
    else:
        show_parts(found.lines())
        if len(found.differences):
            heads = [text("key"), text("then"), text("now")]
            show_parts([grid(text("differs_title"), heads, found.differences.head(20).astype(str).to_numpy().tolist(), heads[1:])])
    if not found.identical:
        raise typer.Exit(1)
