"""`sadar compare`: campaigns in the same villages with the same luck."""

from typing import Annotated

from experiments.commands.terminal import (
    MAX_PAIRS,
    MAX_PROCESSES,
    MAX_SEED,
    Case,
    Json,
    Processes,
    Seed,
    Sets,
    Until,
    check_out,
    decimal,
    emit,
    live,
    option,
    preparing,
    save,
    show_parts,
    whole,
)  # fmt: skip
from experiments.words import text


def compare_command(
    case: Case,
    with_: Annotated[
        list[str], option("--with", "FILE", "a campaign: name or file, own (the case's) or none; repeat; the first is the reference")
    ],
    outcome: Annotated[str, option("--outcome", "KEY", "what is compared, such as active, retained or active_share/sex=female")] = "active",
    at: Annotated[str, option("--at", "DATE|MONTH", "when: a date, a month of the run such as 12, or end")] = "end",
    half_width: Annotated[
        str | None, option("--half-width", "N", "how narrow the 95 % intervals shall be, +- N of the outcome's unit")
    ] = None,
    max_pairs: Annotated[str, option("--max-pairs", "N", "pairs of villages at most, with --half-width")] = "1000",
    pairs: Annotated[str, option("--pairs", "N", "pairs of villages, without --half-width")] = "50",
    budget: Annotated[str | None, option("--budget", "RP", "scale each campaign to spend this much on average")] = None,
    scale: Annotated[list[str] | None, option("--scale", "LEVER", "with --budget: scale these levers only; repeatable")] = None,
    since: Annotated[str | None, option("--since", "DATE", "the case's own campaign runs until this day, then each campaign")] = None,
    seed: Seed = "1",
    until: Until = None,
    set_: Sets = None,
    out: Annotated[str | None, option("--out", "DIR", "write comparison.json, pairs.parquet and figure.png to this folder")] = None,
    processes: Processes = None,
    json_: Json = False,
) -> None:
    """Compare campaigns in the same villages with the same luck: which brings more, at what cost, and how sure that is."""
    asked = {
        "outcome": outcome, "at": at, "until": until, "overrides": set_ or (), "scale": scale or (), "since": since,
        "half_width": None if half_width is None else decimal("--half-width", half_width),
        "max_pairs": whole("--max-pairs", max_pairs, 2, MAX_PAIRS), "pairs": whole("--pairs", pairs, 2, MAX_PAIRS),
        "budget": None if budget is None else whole("--budget", budget.replace(".", "").replace("_", ""), 0, 10**15),
        "seed": whole("--seed", seed, 0, MAX_SEED),
        "processes": None if processes is None else whole("--processes", processes, 1, MAX_PROCESSES),
    }  # fmt: skip
    waiting = preparing()
    from experiments import compare, comparison
    from experiments.figure_compare import save_comparison
    from experiments.tables_compare import ahead, compare_closing, compare_tables

    if out is not None:
        check_out(out, comparison.refuse_others)
    with live(json_, waiting) as told:
        told.say(ahead(compare.plan(case, with_, **asked)))
        found = compare.compare(case, with_, **asked, progress=lambda done, total, stage: told.step(done, total, text(f"stage_{stage}")))
    written = save(found, out, save_comparison) if out is not None else ""
    if json_:
        emit(found.document())
    else:
        show_parts([*compare_tables(found), *compare_closing(found, written)])
