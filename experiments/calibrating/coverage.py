"""Does inference find what was planted? Simulation-based calibration (Cook, Gelman and Rubin 2006; Talts et al. 2018).

    training, worlds = hold_out(rows, 60, seed=1)            # of rows drawn from the prior
    targets = ...                                            # emulators made from the training rows alone
    found = coverage(targets, z[worlds], [table[worlds] for table in tables], seed=1)
    found.overall, found.interval

Each world is a simulated row: its parameters are the truth, its summaries plus drawn error are what is observed there. Over worlds
drawn from the prior 90 % intervals of an exact inference cover in 90 %, of each parameter, and the rank of the truth among the draws
is uniform. A parameter of which the data say nothing is covered whatever the method does; so the share is also given for those alone
on which the data say something (`informed`), world by world.
"""

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from experiments.calibrating import smc
from experiments.calibrating.apart import apart
from experiments.calibrating.likelihood import Target, log_likelihood
from simulation.parameters import InputError

LEVEL = 0.9
PARTICLES = 500
#: what is asked of the overall share
ALLOWED = (0.85, 0.95)
FEWEST_WORLDS = 50
#: a parameter counts as informed in a world where its variance fell by more than this share
INFORMED = 0.2
RANK_BINS = 10


class Coverage(NamedTuple):
    """Arrays [world, p]: covered (bool), ranks (share of draws below the truth), contraction (1 - variance / variance before).

    share [p]: of worlds that cover. overall, interval: share of all and its 95 % Monte Carlo interval (worlds are independent, parameters
    are not). informed, informed_interval, informed_count: the same over the (world, parameter) pairs with contraction above INFORMED.
    uneven [p]: p value of the ranks' uniformity (chi-squared, RANK_BINS bins). passed: `overall` and `informed` lie within ALLOWED."""

    covered: np.ndarray
    ranks: np.ndarray
    contraction: np.ndarray
    share: np.ndarray
    overall: float
    interval: tuple[float, float]
    informed: float
    informed_interval: tuple[float, float]
    informed_count: int
    uneven: np.ndarray
    passed: bool


def hold_out(rows: int, worlds: int, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(training rows, rows that are worlds): the worlds drawn without replacement from the first `rows` rows of a table."""
    if not 1 <= worlds < rows:
        raise InputError(f"worlds = {worlds}: not allowed; allowed: from 1 to {rows - 1}, fewer than the rows")
    order = np.random.Generator(np.random.PCG64(seed)).permutation(rows)
    return np.sort(order[worlds:]), np.sort(order[:worlds])


def coverage(
    targets: Sequence[Target],
    z: np.ndarray,
    summaries: Sequence[np.ndarray],
    *,
    seed: int,
    particles: int = PARTICLES,
    processes: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Coverage:
    """Inference in worlds with parameters z [world, p] and simulated summaries, one array [world, s] a target (NaN: not observed there).

    The targets' own observed values are used only for what is missing (NaN) in them. The emulators must not have seen these rows.
    The numbers are the same for any number of processes; progress is told (done, total) worlds. InputError where shapes do not fit.
    """
    z = np.asarray(z, float)
    if len(summaries) != len(targets) or any(len(table) != len(z) for table in summaries):
        sizes = [len(table) for table in summaries]
        raise InputError(f"summaries of {sizes} rows: not allowed; allowed: one table for each of {len(targets)} targets, of {len(z)} rows")
    tasks = [(w, z[w], tuple(np.asarray(table[w], float) for table in summaries)) for w in range(len(z))]
    work = functools.partial(_world, tuple(targets), seed, particles)
    found = apart(work, tasks, processes=processes, progress=progress)
    return _summed(*(np.stack([world[part] for world in found]) for part in range(3)))


def _world(targets: tuple[Target, ...], seed: int, particles: int, task) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(covered, ranks, contraction) [p] in one world."""
    world, truth, simulated = task
    rng = np.random.Generator(np.random.PCG64([seed, world]))
    there = []
    for one, values in zip(targets, simulated):
        seen = values + one.error_sd * rng.standard_normal(len(values))
        there.append(one._replace(observed=np.where(np.isnan(one.observed), np.nan, seen)))
    found = smc.sample(lambda z: log_likelihood(there, z), len(truth), seed=int(rng.integers(2**63)), particles=particles)
    low, high = np.quantile(found.z, ((1 - LEVEL) / 2, (1 + LEVEL) / 2), axis=0)
    return (low <= truth) & (truth <= high), (found.z < truth).mean(axis=0), 1 - found.z.var(axis=0, ddof=1)


def _summed(covered: np.ndarray, ranks: np.ndarray, contraction: np.ndarray) -> Coverage:
    informed = contraction > INFORMED
    overall, interval = _share(covered, np.ones_like(covered))
    known, known_interval = _share(covered, informed)
    passed = all(ALLOWED[0] <= share <= ALLOWED[1] for share in (overall, known) if np.isfinite(share)) and len(covered) >= FEWEST_WORLDS
    return Coverage(
        *(covered, ranks, contraction, covered.mean(axis=0), overall, interval, known, known_interval, int(informed.sum())),
        *(_unevenness(ranks), bool(passed)),
    )


def _share(covered: np.ndarray, counted: np.ndarray) -> tuple[float, tuple[float, float]]:
    """Share of counted pairs that are covered, and its 95 % interval by the variance of a ratio between worlds. NaN where none counts."""
    worlds = len(covered)
    hits, counts = (covered & counted.astype(bool)).sum(axis=1), counted.sum(axis=1)
    if counts.sum() == 0 or worlds < 2:
        share = float(hits.sum() / counts.sum()) if counts.sum() else np.nan
        return share, (np.nan, np.nan)
    share = hits.sum() / counts.sum()
    error = np.sqrt(worlds / (worlds - 1) * ((hits - share * counts) ** 2).sum()) / counts.sum()
    return float(share), (float(max(share - 1.96 * error, 0)), float(min(share + 1.96 * error, 1)))


def _unevenness(ranks: np.ndarray) -> np.ndarray:
    from scipy.stats import chisquare

    bins = np.minimum((ranks * RANK_BINS).astype(int), RANK_BINS - 1)
    counts = np.stack([(bins == b).sum(axis=0) for b in range(RANK_BINS)])
    return chisquare(counts, axis=0).pvalue
