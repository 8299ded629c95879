"""Does the calibration of a village find what is there? Villages with a planted context, their tables, and how often intervals cover it.

    found = check("kadugenep", villages=100)
    print(summary(found))

Simulation-based (Cook, Gelman and Rubin 2006; Talts et al. 2018): each village is drawn from the prior (context, behavior, errors of the
office) and simulated with a luck of its own; its table is all that the fit is given. 90 % intervals should cover 90 % of what was planted,
and 90 % bands 90 % of the months held out. The runs that the fits are made of do not depend on the table, so that one set serves all.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from experiments.calibrating.village import prepared
from experiments.calibrating.village_behavior import believed
from experiments.calibrating.village_context import Uncertain, behavior_rows, log_odds, scaled, stillness
from experiments.calibrating.village_draws import Sample, answers, sample
from experiments.calibrating.village_months import Runs, play
from experiments.calibrating.village_observed import SERIES, Observed
from experiments.calibrating.village_recording import ERRORS, draw_errors, recorded
from experiments.calibrating.village_regression import quantiles
from experiments.calibrating.village_score import NAIVE, naive
from experiments.calibrating.village_tables import AT_START, bands, numbers
from scenarios.loader import Scenario, load
from simulation.parameters import Parameters
from simulation.timeline import add_months

if TYPE_CHECKING:
    import pandas as pd

#: luck of the planted villages, apart from that of any fit
PLANTED_SEED = 2_000_000_011


class Planted(NamedTuple):
    """Villages of the prior: tables [village, series, month] as their office would write them, and truths by key [village], on the scale
    that intervals are made on."""

    tables: np.ndarray
    truths: dict[str, np.ndarray]


def check(
    scenario: Scenario | str | Path,
    *,
    villages: int = 100,
    months: int = 24,
    holdout_months: int = 6,
    draws: int = 2400,
    seed: int = 1,
    behavior: Mapping | None = None,
    series: tuple[str, ...] = SERIES,
    progress: Callable[[int, int], None] | None = None,
    processes: int | None = None,
) -> "pd.DataFrame":
    """Plant, fit and compare; one row for each number of each village (kind "context") and each month held out (kind "held_out"):
    village, kind, key (number or series), truth, low_90, high_90, inside_90, and of months inside_50, error and the naive errors.

    The tables begin with the campaign and have `months` months and the columns `series`. progress is told of the runs of the fit.
    """
    import pandas as pd

    scenario = scenario if isinstance(scenario, Scenario) else load(scenario)
    first = min([lever.start for lever in scenario.parameters.campaign.levers], default=scenario.parameters.start).replace(day=1)
    empty = Observed(Path("planted"), [add_months(first, k) for k in range(months)], np.full((len(SERIES), months), np.nan), [0] * months)
    parameters, context, _ = prepared(scenario.parameters, empty)
    rows = behavior_rows(believed(parameters, seed)[0] if behavior is None else behavior, parameters)
    told = progress or (lambda done, total: None)
    found = sample(parameters, context, rows, draws=draws, seed=seed, progress=told, processes=processes)
    planted = plant(parameters, context, rows, villages, seed, processes)
    known = np.zeros(planted.tables.shape[1:], bool)
    known[[SERIES.index(name) for name in series], : months - holdout_months] = True
    return pd.DataFrame([row for k in range(villages) for row in _one(found, planted, k, parameters, known)])


def summary(found: "pd.DataFrame") -> "pd.DataFrame":
    """By kind and key, and for each kind as a whole: how many, the share inside, and mean absolute errors over those of naive forecasts."""
    import pandas as pd

    groups = [((kind, "all"), part) for kind, part in found.groupby("kind", sort=False)]
    groups += list(found.groupby(["kind", "key"], sort=False))
    rows = []
    for (kind, key), part in groups:
        row = {"kind": kind, "key": key, "count": len(part), "inside_50": part["inside_50"].mean(), "inside_90": part["inside_90"].mean()}
        known = [how for how in NAIVE if kind == "held_out" and part[f"error_{how}"].notna().all()]
        rows.append(row | {f"error_over_{how}": part["error"].sum() / part[f"error_{how}"].sum() for how in known})
    return pd.DataFrame(rows)


def plant(
    parameters: Parameters, context: list[Uncertain], rows: list[Mapping], villages: int, seed: int, processes: int | None = None
) -> Planted:
    """Villages of the prior of solved parameters: drawn until enough have stood still before the start."""
    rng, workers = np.random.Generator(np.random.PCG64([seed, 3])), parameters.village.workers
    kept, parts, tried = [], [], 0
    while sum(len(part) for part in kept) < villages:
        count = 2 * villages
        standard, which = rng.normal(size=(count, len(context))), rng.integers(len(rows), size=count)
        runs = play(parameters, context, standard, [rows[k] for k in which], seed=PLANTED_SEED, first=tried, processes=processes)
        still = sum(stillness(*levels.T, workers) for levels in (runs.covered, runs.aware))
        there = np.flatnonzero(np.log(rng.random(count)) < still)
        kept.append(standard[there])
        parts.append(Runs(*(column[there] for column in runs)))
        tried += count
    standard, runs = np.concatenate(kept)[:villages], Runs(*(column[:villages] for column in Runs.together(parts)))
    errors = draw_errors(villages, rng)
    tables = np.minimum(recorded(runs.series, errors, rng), workers)
    truths = dict(zip((thing.key for thing in context), scaled(context, standard).T))
    return Planted(tables, truths | {AT_START: log_odds(runs.covered[:, 1], workers)} | dict(zip(ERRORS, np.log(errors).T)))


def write_table(path: Path, first, table: np.ndarray, series: tuple[str, ...] = SERIES) -> None:
    """The CSV of a table [series, month] whose first month begins on `first`; NaN is an empty cell."""
    columns = [SERIES.index(name) for name in series]
    lines = [",".join(("month", *series))]
    for m in range(table.shape[1]):
        cells = ["" if np.isnan(x) else f"{x:.0f}" for x in table[columns, m]]
        lines.append(",".join([f"{add_months(first, m):%Y-%m}", *cells]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _one(found: Sample, planted: Planted, number: int, parameters: Parameters, known: np.ndarray) -> list[dict]:
    """One village fitted, and what was planted held against it."""
    table, rows = planted.tables[number], []
    given = answers(found, parameters, table, known)
    for one in numbers(found, given, parameters):
        (low,), (high,) = quantiles(one.after[:, None], given.weights, (0.05, 0.95))
        truth = planted.truths[one.key][number]
        edges = {name: float(one.natural(x)) for name, x in (("truth", truth), ("low_90", low), ("high_90", high))}
        row = {"village": number, "kind": "context", "key": one.key, **edges, "inside_50": np.nan}
        rows.append({**row, "inside_90": bool(low <= truth <= high)})
    band = bands(given, parameters.village.workers)
    for k, key in enumerate(SERIES):
        if not known[k].any():
            continue
        training = int(np.flatnonzero(known[k])[-1]) + 1
        guesses = naive(table[k], training)
        for m in range(training, table.shape[1]):
            at, truth = {name: float(column[k, m]) for name, column in band._asdict().items()}, float(table[k, m])
            inside = {f"inside_{n}": at[f"low_{n}"] <= truth <= at[f"high_{n}"] for n in (50, 90)}
            told = {"error": at["median"]} | {f"error_{how}": guess[m - training] for how, guess in guesses.items()}
            errors = {name: abs(guess - truth) for name, guess in told.items()}
            row = {"village": number, "kind": "held_out", "key": key, "truth": truth, "low_90": at["low_90"], "high_90": at["high_90"]}
            rows.append(row | inside | errors)
    return rows
