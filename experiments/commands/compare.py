"""`sadar compare`: campaigns in the same villages with the same luck."""

import re
from typing import Annotated

from experiments.commands.terminal import (
    MAX_PAIRS,
    MAX_PROCESSES,
    MAX_SEED,
    BadInput,
    Behavior,
    Case,
    Json,
    Processes,
    Seed,
    Sets,
    Until,
    behavior_of,
    check_out,
    decimal,
    emit,
    given,
    live,
    option,
    preparing,
    save,
    show_parts,
    whole,
)  # fmt: skip
from experiments.screens.words import text


def compare_command(
    case: Case,
    with_: Annotated[
        list[str], option("--with", "FILE", "a campaign: a name or file, own (the case's) or none; repeatable, the first is the reference")
    ],
    outcome: Annotated[str, option("--outcome", "KEY", "what is compared, such as active, retained, active_share/sex=female")] = "active",
    at: Annotated[str, option("--at", "DATE|MONTH", "when: a date, a month of the run such as 12, or end")] = "end",
    half_width: Annotated[
        str | None, option("--half-width", "N", "go on until the 95 % intervals are +- N, in the unit of the outcome")
    ] = None,
    max_pairs: Annotated[str | None, option("--max-pairs", "N", "with --half-width: pairs of villages at most (default: 1000)")] = None,
    pairs: Annotated[str | None, option("--pairs", "N", "pairs of villages where there is no --half-width (default: 50)")] = None,
    budget: Annotated[
        str | None, option("--budget", "RP", "scale the levers of each campaign so that it spends this much on average")
    ] = None,
    scale: Annotated[list[str] | None, option("--scale", "LEVER", "with --budget: scale these levers only; repeatable")] = None,
    since: Annotated[
        str | None, option("--since", "DATE", "the case's own campaign until this day, then each: same past, other policy")
    ] = None,
    seed: Seed = "1",
    until: Until = None,
    set_: Sets = None,
    out: Annotated[str | None, option("--out", "DIR", "write comparison.json, pairs.parquet and figure.png to this folder")] = None,
    processes: Processes = None,
    behavior: Behavior = "posterior",
    json_: Json = False,
) -> None:
    """Compare campaigns in the same villages with the same luck: which brings more, at what cost, and how sure that is."""
    asked = {
        "outcome": outcome, "at": at, "until": until, "overrides": set_ or (), "scale": scale or (), "since": since,
        "half_width": None if half_width is None else decimal("--half-width", half_width),
        "max_pairs": given("--max-pairs", max_pairs, 2, MAX_PAIRS), "pairs": given("--pairs", pairs, 2, MAX_PAIRS),
        "budget": given("--budget", plain(budget), 1, 10**15),
        "seed": whole("--seed", seed, 0, MAX_SEED),
        "processes": given("--processes", processes, 1, MAX_PROCESSES),
        "behavior": behavior_of(behavior),
    }  # fmt: skip
    waiting = preparing()
    from experiments import compare
    from experiments.comparing import comparison
    from experiments.screens.figure_compare import save_comparison
    from experiments.screens.tables_compare import ahead, compare_closing, compare_tables
    from simulation.parameters import InputError

    if out is not None:
        check_out(out, comparison.refuse_others)
    step = lambda done, total, stage: told.step(done, total, text(f"stage_{stage}"))  # noqa: E731
    with live(json_, waiting) as told:
        try:
            told.say(ahead(compare.plan(case, with_, **asked)))
            found = compare.compare(case, with_, **asked, progress=step)
        except InputError as error:  # a campaign is one of --with here
            raise BadInput(str(error).replace("--campaign: campaign =", "--with")) from None
    written = save(found, out, save_comparison) if out is not None else ""
    if json_:
        emit(found.document())
    else:
        show_parts([*compare_tables(found), *compare_closing(found, written)])


def plain(rupiah: str | None) -> str | None:
    """60.000.000 or 60,000,000 without the signs between thousands; anything else as it is."""
    return re.sub("[.,]", "", rupiah) if rupiah and re.fullmatch(r"\d{1,3}(([.,])\d{3})(\2\d{3})*", rupiah) else rupiah
