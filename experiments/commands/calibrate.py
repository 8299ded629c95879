"""`sadar calibrate`, `network`, `evidence`: behavior or a village from data, diffusion data, and the page that says what to trust."""

import json
from pathlib import Path
from typing import Annotated

import typer

from experiments.commands.terminal import (
    MAX_PROCESSES,
    BadInput,
    Json,
    Processes,
    Seed,
    emit,
    given,
    live,
    option,
    preparing,
    show_parts,
    whole,
)
from experiments.commands.trials import MAX_SEED, records
from experiments.screens.names import named
from experiments.screens.words import form, text


def calibrate_command(
    village: Annotated[
        str | None, typer.Argument(metavar="[CASE_OR_FILE]", help="a village to fit to its office's table; none: behavior, to trials")
    ] = None,
    observed: Annotated[str | None, option("--observed", "CSV", "the office's table: month, new_members, active, paying")] = None,
    holdout: Annotated[str, option("--holdout", "MONTHS", "last months of the table that are foretold, not looked at")] = "6",
    draws: Annotated[str | None, option("--draws", "N", "runs of a village (2400), or draws of behavior that are kept (256)")] = None,
    waves: Annotated[str | None, option("--waves", "N,N,...", "simulated rows of each wave (behavior only)")] = None,
    tables: Annotated[str | None, option("--tables", "DIR", "folder that keeps simulated rows: a broken calibration goes on there")] = None,
    out: Annotated[str | None, option("--out", "DIR", "folder for the result (a village: out/NAME; behavior: the shipped beliefs)")] = None,
    seed: Seed = "1",
    processes: Processes = None,
    json_: Json = False,
) -> None:
    """Calibrate behavior to field trials, or one village to its office's monthly table with months held out."""
    options = {"seed": whole("--seed", seed, 0, MAX_SEED), "processes": given("--processes", processes, 1, MAX_PROCESSES)}
    if village is not None:
        if observed is None:
            raise BadInput(text("observed_missing"))
        return _village(village, observed, holdout, draws, out, options, json_)
    if observed is not None:
        raise BadInput(text("village_missing"))
    if waves is not None:
        options["waves"] = [whole("--waves", part, 32, 1_000_000) for part in waves.split(",")]
    if draws is not None:
        options["draws"] = whole("--draws", draws, 32, 1500)
    _behavior(tables, out, options, json_)


def _village(village: str, observed: str, holdout: str, draws: str | None, out: str | None, options: dict, json_: bool) -> None:
    if draws is not None:
        options["draws"] = whole("--draws", draws, 300, 10**6)
    with live(json_, preparing()) as told:
        from experiments.calibrating.village import calibrate_village

        fit = calibrate_village(
            village, observed, holdout_months=whole("--holdout", holdout, 0, 120), **options,
            progress=lambda done, total: told.step(done, total, text("runs", name=village)),
        )  # fmt: skip
        folder = fit.save(out or f"out/{Path(village).stem}-fit")
    if json_:
        tables = {name: records(getattr(fit, name)) for name in ("context", "months", "score")}
        return emit(tables | {"remarks": fit.remarks, "not_identified": fit.not_identified, "provenance": fit.provenance})
    show_parts([fit.report(), text("fit_saved", folder=folder)])


def _behavior(tables: str | None, out: str | None, options: dict, json_: bool) -> None:
    with live(json_, preparing()) as told:
        from experiments import calibrate as front
        from scenarios.posterior import BELIEFS

        made = front.calibrate(
            **options, tables=Path(tables) if tables else None, progress=lambda done, total, what: told.step(done, total, what)
        )
        path = made.write(Path(out) if out else BELIEFS)
    document = front.document(made)
    if out is None:  # what is shipped is told on the evidence page
        from experiments.evidence import FOLDER

        (FOLDER / "calibration.json").write_text(json.dumps(document) + "\n", encoding="utf-8")
    if json_:
        return emit(document)
    show_parts([*behavior_parts(document), text("posterior_written", path=path)])


def behavior_parts(document: dict) -> list:
    """What was learned of each parameter, and whether planted truths are covered."""
    from experiments.screens.tables import grid

    heads = [text(f"learned_{key}") for key in ("key", "prior", "median", "interval", "contraction", "verdict")]
    rows = [
        (
            r["key"],
            form(r["prior_median"], ".3g"),
            form(r["median"], ".3g"),
            f"{form(r['low'], '.3g')} .. {form(r['high'], '.3g')}",
            form(r["contraction"], ".0%"),
            named("learned", r["verdict"]),
        )
        for r in document["parameters"]
    ]
    cover = document["coverage"]
    told = [text("covered", **cover, low=cover["interval"][0], high=cover["interval"][1])] if cover else []
    return [grid(text("learned_title"), heads, rows, heads[1:5]), *told]


def network_command(
    data: Annotated[str | None, option("--data", "DIR", "folder of the diffusion data (default: ../shared/data)")] = None,
    train: Annotated[
        str | None, option("--train", "DIR", "folder of the villages to learn from (default: the other villages of --data)")
    ] = None,
    out: Annotated[str, option("--out", "DIR", "folder for tables and picture")] = "out/networks",
    seed: Seed = "1",
    processes: Processes = None,
    json_: Json = False,
) -> None:
    """Fit and predict real diffusion data, villages left out, against three baselines; and test for influence."""
    with live(json_, preparing()) as told:
        from experiments.network_fit import network_fit
        from experiments.networks.report import parts, save

        found = network_fit(
            Path(data) if data else None, seed=whole("--seed", seed, 0, MAX_SEED), train=Path(train) if train else None,
            processes=given("--processes", processes, 1, MAX_PROCESSES),
            progress=lambda done, total, name: told.step(done, total, name),
        )  # fmt: skip
        save(found, Path(out))
    if json_:
        return emit(
            {name: records(getattr(found, name)) for name in ("scores", "differences", "influence", "rates")} | {"notes": list(found.notes)}
        )
    show_parts([*parts(found), text("network_saved", out=out)])


def evidence_command(
    collect: Annotated[bool, option("--collect", None, "run everything on the page again first (about half an hour)")] = False,
    draws: Annotated[str, option("--draws", "N", "draws of each trial and case")] = "200",
    processes: Processes = None,
) -> None:
    """Write experiments/EVIDENCE.md: what was verified, predicted and missed, and what is only mechanism."""
    from experiments import evidence as front

    if collect:
        with live(False, preparing()) as told:
            many, busy = whole("--draws", draws, 2, 100_000), given("--processes", processes, 1, MAX_PROCESSES)
            front.collect(lambda what: told.step(0, 1, what), draws=many, processes=busy)
    show_parts([text("evidence_written", path=front.write())])
