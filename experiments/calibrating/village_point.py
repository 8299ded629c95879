"""One village for the scenario's own behavior: the context that, with it, gives the table best and is not far from what was believed.

The draws hold behavior open; medians of them, put together with one behavior, are in general no village that gives the table. So the
written village is a penalized least-squares fit (Gauss-Newton): how the cells of the table move with the context is a regression over
all runs, how far they are off is found by running the village itself.
"""

import numpy as np

from experiments.calibrating.village_context import with_context
from experiments.calibrating.village_draws import Sample
from experiments.calibrating.village_months import Runs, play
from experiments.calibrating.village_recording import to_scale
from simulation.parameters import Parameters

#: runs of each village that is tried, and steps
RUNS, STEPS = 24, 2
#: longest step of any number, in standard deviations of its prior
LONGEST = 1.0
#: share of each cell's variance that is its own: cells are not told apart better than this
OWN_SHARE = 0.05


def fitted_village(
    parameters: Parameters, found: Sample, table: np.ndarray, known: np.ndarray, *, seed: int
) -> tuple[np.ndarray, Runs]:
    """(standard values [context], its runs) of the best village met. Its luck lies behind that of the sample's runs."""
    seen = to_scale(table)[known]
    slope, precision = _response(found, to_scale(found.written)[:, known])
    bend = slope @ precision @ slope.T + np.eye(len(slope))
    now, best = np.zeros(len(found.context)), (np.inf, np.zeros(len(found.context)), None)
    for _ in range(STEPS + 1):
        village = with_context(parameters, found.context, now)
        runs = play(village, [], np.empty((RUNS, 0)), [{}] * RUNS, seed=seed, first=len(found.standard), processes=1)
        off = seen - to_scale(runs.series)[:, known].mean(axis=0)
        loss = float(off @ precision @ off + now @ now)
        if loss < best[0]:
            best = loss, now, runs
        now = now + np.clip(np.linalg.solve(bend, slope @ precision @ off - now), -LONGEST, LONGEST)
    return best[1], best[2]


def _response(found: Sample, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How cells move with each standard value [context, cell], and the inverse covariance of what moves them besides [cell, cell]."""
    root = np.sqrt(found.weights)[:, None]
    moved_by = np.column_stack([found.standard, found.behavior[found.rows], np.ones(len(found.rows))])
    moves = np.linalg.lstsq(root * moved_by, root * cells, rcond=None)[0]
    left = root * (cells - moved_by @ moves)
    spread = left.T @ left
    own = np.diag(np.maximum(np.diag(spread), 1e-6))
    return moves[: found.standard.shape[1]], np.linalg.inv((1 - OWN_SHARE) * spread + OWN_SHARE * own)
