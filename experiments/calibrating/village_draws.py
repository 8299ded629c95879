"""The weighted draws of a village's calibration: villages drawn from what is believed, run, written down, and held against the table.

`sample` runs them; it knows only which scenario, not the table, so that a table with more months needs no other method. `answers` are the
context and the months given the table: regression-adjusted draws, the months ahead unknowns like any other, since each run goes on
beyond what may be looked at (approximate Bayesian forecasting: Frazier, Maneesoonthorn, Martin and McCabe 2019).

Stages that look where the table says (adaptive importance sampling, Cornuet et al. 2012) were tried and left out: with the same number
of runs the intervals were no narrower and the forecasts no better, because most of what is unknown stays so.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from experiments.calibrating.village_context import Uncertain, log_odds, scaled, stillness
from experiments.calibrating.village_months import Runs, play
from experiments.calibrating.village_recording import ERRORS, draw_errors, features, recorded, to_scale
from experiments.calibrating.village_regression import adjusted
from simulation.parameters import Parameters

#: nearest share of the runs (by weight) that answers are made of
NEAR = 0.5
#: log weights are no smaller, so that none is nothing
STILL_LEAST = -30.0


class Sample(NamedTuple):
    """Villages of the prior. standard [run, context]; rows: which row of behavior [run], of `behavior` [row, key] (mean zero, spread one);
    errors [run, error]; written, again: what the office might have written of each, twice [run, series, month]; weights [run]: how still
    the village stood in the year before the start, summing to one."""

    context: list[Uncertain]
    standard: np.ndarray
    rows: np.ndarray
    behavior: np.ndarray
    runs: Runs
    errors: np.ndarray
    written: np.ndarray
    again: np.ndarray
    weights: np.ndarray


class Answers(NamedTuple):
    """Given the table: context [run, context] (on its scale), log errors [run, error], coverage [run] (log odds at the start), months
    [run, series, month] (what the office would write, on the scale of village_recording), weights [run], summing to one, and surprise:
    the share of the runs that are as unlike the others as the table is."""

    context: np.ndarray
    errors: np.ndarray
    coverage: np.ndarray
    months: np.ndarray
    weights: np.ndarray
    surprise: float


def sample(
    parameters: Parameters,
    context: list[Uncertain],
    behavior: list[Mapping[str, float]],
    *,
    draws: int,
    seed: int,
    progress: Callable[[int, int], None],
    processes: int | None,
) -> Sample:
    """Run `draws` villages. behavior: rows, drawn from evenly. The same for any number of processes."""
    rng = np.random.Generator(np.random.PCG64([seed, 1]))
    standard, rows, errors = rng.normal(size=(draws, len(context))), rng.integers(len(behavior), size=draws), draw_errors(draws, rng)
    told = lambda done: progress(done, draws)  # noqa: E731
    runs = play(parameters, context, standard, [behavior[k] for k in rows], seed=seed, progress=told, processes=processes)
    workers = parameters.village.workers
    still = sum(stillness(*levels.T, workers) for levels in (runs.covered, runs.aware))
    weights = np.exp(np.maximum(still, STILL_LEAST))
    written, again = (recorded(runs.series, errors, rng) for _ in range(2))
    return Sample(context, standard, rows, _standardized(behavior), runs, errors, written, again, weights / weights.sum())


def answers(found: Sample, parameters: Parameters, table: np.ndarray, known: np.ndarray) -> Answers:
    """Everything unknown given the `known` cells of the table [series, month]."""
    runs, cells = len(found.standard), found.again[0].size
    coverage = log_odds(found.runs.covered[:, 1], parameters.village.workers)
    context = scaled(found.context, found.standard)
    targets = np.concatenate([context, np.log(found.errors), coverage[:, None], to_scale(found.again).reshape(runs, cells)], axis=1)
    given = adjusted(features(found.written, known), features(table[None], known)[0], targets, found.weights, NEAR)
    edges = np.cumsum([found.standard.shape[1], len(ERRORS), 1])
    context, errors, level, months = np.split(given.values, edges, axis=1)
    return Answers(context, errors, level[:, 0], months.reshape(found.again.shape), given.weights, given.surprise)


def _standardized(behavior: list[Mapping[str, float]]) -> np.ndarray:
    """Rows of behavior [row, key] in units of their spread; what does not vary is left out."""
    table = np.array([list(row.values()) for row in behavior], float).reshape(len(behavior), -1)
    spread = table.std(axis=0)
    varies = spread > 1e-9
    return (table[:, varies] - table[:, varies].mean(axis=0)) / spread[varies]
