"""`sadar run`: a village under a campaign."""

from typing import Annotated

from experiments.commands.terminal import (
    MAX_PROCESSES,
    MAX_REPLICATES,
    MAX_SEED,
    Behavior,
    Campaigns,
    Case,
    Json,
    Processes,
    Seed,
    Sets,
    Until,
    behavior_of,
    check_out,
    emit,
    live,
    load,
    option,
    preparing,
    save,
    show_parts,
    whole,
)  # fmt: skip
from experiments.screens.words import text

FILES = "write summary.json, weekly.parquet, ledger.parquet, run.json and figure.png to this folder"


def run_command(
    case: Case,
    campaign: Campaigns = None,
    replicates: Annotated[str, option("--replicates", "N", "runs with different luck")] = "20",
    seed: Seed = "1",
    until: Until = None,
    set_: Sets = None,
    out: Annotated[str | None, option("--out", "DIR", FILES)] = None,
    processes: Processes = None,
    behavior: Behavior = "posterior",
    json_: Json = False,
) -> None:
    """Run a village under a campaign: who registers, who keeps paying, what it costs."""
    options = {
        "replicates": whole("--replicates", replicates, 1, MAX_REPLICATES, text("replicates_why")),
        "seed": whole("--seed", seed, 0, MAX_SEED),
        "processes": None if processes is None else whole("--processes", processes, 1, MAX_PROCESSES),
        "behavior": behavior_of(behavior),
    }
    scenario = load(case, campaign, set_, until)
    if out is not None:
        from experiments.running.result import refuse_others

        check_out(out, refuse_others)
    result = watched(scenario, options, quiet=json_, overrides=set_ or ())
    from experiments.screens.figures import save_figure
    from experiments.screens.tables import closing, run_tables

    written = save(result, out, save_figure) if out is not None else ""
    if json_:
        emit(result.document())
    else:
        show_parts([*run_tables(result), *closing(result, written)])


def watched(scenario, options: dict, quiet: bool = False, overrides=()):
    """`experiments.run.run` with progress; an error gets its file and line."""
    waiting = preparing()
    with live(quiet, waiting) as told:
        from experiments.run import run
        from experiments.screens import show

        show.lay_out(scenario, overrides)  # what does not fit the village is said before anything else
        name = text("runs", name=scenario.name)
        if not told.shown:
            told.say(f"{name}: {waiting}")
        told.step(0, options["replicates"], waiting)
        with show.placed(scenario, overrides):
            return run(scenario, progress=lambda done, total: told.step(done, total, name if done else waiting), **options)
