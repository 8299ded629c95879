"""`sadar trials`, `forecast` and `cases`: the model against field trials, a trial to come, and the real cases."""

import functools
from pathlib import Path
from typing import Annotated

import typer

from experiments.commands.terminal import MAX_PROCESSES, Json, Processes, Seed, emit, given, live, option, preparing, show_parts, whole
from experiments.commands.verify import plain
from experiments.screens.names import named, titled
from experiments.screens.words import date, form, number, text

MAX_SEED, MAX_DRAWS = 2**31 - 1, 100_000
Behavior = Annotated[str, option("--behavior", "posterior|point", "draws of the calibrated behavior, or one set of numbers")]
Draws = Annotated[str, option("--draws", "N", "draws of behavior, context and luck")]


def trials_command(
    trial: Annotated[list[str] | None, typer.Argument(metavar="[TRIAL]...", help="names from `sadar list trials`, or TOML files")] = None,
    draws: Draws = "100",
    seed: Seed = "1",
    behavior: Behavior = "posterior",
    left_out: Annotated[bool, option("--left-out", None, "each study under the behavior calibrated without it")] = False,
    reserve: Annotated[bool, option("--reserve", None, "the trials that calibration never sees: orderings, signs, nulls")] = False,
    out: Annotated[str | None, option("--out", "DIR", "folder for scores.csv, summary.csv and forest.png")] = None,
    processes: Processes = None,
    json_: Json = False,
) -> None:
    """Score the model on field trials: simulated beside measured effects, all rows, and three baselines."""
    from experiments import trials as front

    names = list(trial or ()) + (front.reserve() if reserve else [])
    options = {
        "draws": whole("--draws", draws, 1, MAX_DRAWS), "seed": whole("--seed", seed, 0, MAX_SEED), "behavior": behavior,
        "left_out": left_out, "processes": given("--processes", processes, 1, MAX_PROCESSES),
    }  # fmt: skip
    with live(json_, preparing()) as told:
        scores = front.trials(names, **options, progress=lambda done, total: told.step(done, total, text("trial_draws")))
    if out:
        scores.save(out)
    if json_:
        frames = {name: records(getattr(scores, name)) for name in ("rows", "summary", "fits")}
        return emit(frames | {"provenance": scores.provenance})
    show_parts(trial_parts(scores) + ([text("trials_saved", out=out)] if out else []))


def records(table) -> list[dict]:
    return [{key: plain(value) for key, value in row.items()} for row in table.to_dict("records")]


def trial_parts(scores) -> list:
    """The rows with their z, the studies against the baselines, fits that were missed, and how to read it."""
    from experiments.screens.tables import grid

    heads = [text(f"trial_{key}") for key in ("id", "what", "measured", "simulated", "range", "z", "inside")]
    rows = []
    for r in scores.rows.itertuples():
        told = functools.partial(_figure, unit=r.unit, sign="" if r.role in ("level", "shape") else "+")
        figures = told(r.measured, se=r.se), told(r.simulated), f"{told(r.low)} .. {told(r.high)}"
        rows.append((r.id, titled(r.text), *figures, "" if r.z_3 != r.z_3 else form(r.z_3, "+.1f"), _verdict(r)))
    out = [grid(text("trials_title"), heads, rows, heads[2:6], solid=True)]
    names = ("study", "measured", "mae", "mae_zero", "mae_same_lever", "mae_logit", "within_2", "inside_share", "sign_share", "null_share")
    table = [[_cell(name, row[name]) for name in names] for row in scores.summary.to_dict("records")]
    heads = [text(f"summary_{name}") for name in names]
    out.append(grid(text("summary_title"), heads, table, heads[1:], solid=True))
    out += [text("trial_missed_fit", **row) for row in scores.fits.to_dict("records") if row["met_share"] < 0.9]
    about = scores.provenance
    return [*out, text("trials_closing", **about | {"behavior": named("behavior", about["behavior"])})]


def _figure(value: float, *, unit: str, sign: str, se: float | None = None) -> str:
    """Points with one decimal, ratios with two, and the standard error in brackets; effects carry their sign."""
    if value != value:
        return ""
    shown = (lambda x, plus: form(x, ".2f")) if unit == "ratio" else (lambda x, plus: form(100 * x, f"{plus}.1f"))
    return shown(value, sign) + (f" ({shown(se, '')})" if se else "")


def _verdict(row) -> str:
    told = []
    judged = (row.inside, "trial_within", "trial_outside"), (row.sign_right, "", "sign_wrong"), (row.null_holds, "null_ok", "null_broken")
    for flag, good, bad in judged:
        if flag is not None and plain(flag) is not None:
            told.append(text(good) if flag and good else "" if flag else text(bad))
    return ", ".join(filter(None, told))


def _cell(name: str, value) -> str:
    if value != value or value is None:
        return ""
    if name.startswith("mae"):
        return form(100 * value, ".1f")
    return form(value, ".0%") if name.endswith("_share") else number(value) if name != "study" else named("study", str(value))


def forecast_command(
    trial: Annotated[str, typer.Argument(metavar="[TRIAL]", help="a trial whose numbers are not measured yet")] = "id-tk-p",
    draws: Draws = "400",
    seed: Seed = "1",
    out: Annotated[str, option("--out", "DIR", "folder for the forecast: text, numbers and picture")] = "out/forecasts",
    processes: Processes = None,
    json_: Json = False,
) -> None:
    """Forecast a trial that is still in the field: dated, hashed, with intervals and assumptions."""
    from experiments import forecast

    with live(json_, preparing()) as told:
        made = forecast.make(
            trial, draws=whole("--draws", draws, 1, MAX_DRAWS), seed=whole("--seed", seed, 0, MAX_SEED),
            processes=given("--processes", processes, 1, MAX_PROCESSES),
            progress=lambda done, total: told.step(done, total, text("trial_draws")),
        )  # fmt: skip
        path = forecast.write(made, Path(out))
    if json_:
        return emit(made.document)
    show_parts([forecast.page(made.document), text("forecast_written", path=path, sha=made.document["sha256"])])


def cases_command(
    replicates: Annotated[str, option("--replicates", "R", "runs of each case")] = "200",
    seed: Seed = "1",
    behavior: Behavior = "posterior",
    processes: Processes = None,
    json_: Json = False,
) -> None:
    """Run the five real cases and lay what was reported beside the simulated range."""
    from experiments import cases as front

    with live(json_, preparing()) as told:
        table = front.cases(
            replicates=whole("--replicates", replicates, 2, MAX_DRAWS), seed=whole("--seed", seed, 0, MAX_SEED), behavior=behavior,
            processes=given("--processes", processes, 1, MAX_PROCESSES),
            progress=lambda done, total, name: told.step(done, total, text("runs", name=name)),
        )  # fmt: skip
    if json_:
        return emit([row | {"date": row["date"].isoformat()} for row in records(table)])
    show_parts(case_parts(table))


def case_parts(table) -> list:
    from experiments.screens.tables import grid

    keys = ("case_word", "measure_word", "date_word", "observed_word", "median_word", "trial_range", "case_picked", "case_rank")
    heads = [text(key) for key in keys]
    count = lambda x, share: "" if x != x else f"{100 * x:.0f} %" if share else number(round(x))  # noqa: E731
    rows = []
    for r in table.itertuples():
        share = r.measure == "understanding" or (r.observed == r.observed and r.observed <= 1)
        picked = "" if r.picked_median != r.picked_median else f"{count(r.picked_low, share)} .. {count(r.picked_high, share)}"
        seen, drawn = count(r.observed, share) or text("words_only"), f"{count(r.low, share)} .. {count(r.high, share)}"
        rank = "" if r.rank_share != r.rank_share else form(r.rank_share, ".0%")
        rows.append((r.case, named("seen", r.measure), date(r.date, True), seen, count(r.median, share), drawn, picked, rank))
    return [grid(text("cases_title"), heads, rows, heads[3:]), text("cases_closing")]
