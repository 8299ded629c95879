"""The real cases beside what the calibrated model gives: what was observed, the simulated range, and where the observed lies in it.

    table = cases()                      a frame, a row for each thing that was reported

Lerep and Hessa are no draws of an ordinary village: they are the best two of the 201 villages that were named Desa Sadar in 2018. A village
like theirs is therefore also shown as the second best of 201: the model is drawn 201 at a time and the second largest is kept.
"""

from collections.abc import Callable

import numpy as np

from experiments.run import run
from scenarios.loader import load

CASES = ("lerep", "hessa", "ajibarang", "bunutin", "kadugenep")
#: cases that were picked for what came of them: the best two of so many
PICKED = {"lerep": 201, "hessa": 201}
#: times that so many villages are drawn from the runs
PICKS = 2000
COLUMNS = [
    "case", "measure", "date", "observed", "tolerance_share", "median", "low", "high", "rank_share", "picked_median", "picked_low",
    "picked_high", "inside", "within", "text", "source", "grade",
]  # fmt: skip


def cases(
    names=CASES, *, replicates: int = 200, seed: int = 1, behavior: str = "posterior", processes: int | None = None,
    progress: Callable[[int, int, str], None] | None = None,
):  # fmt: skip
    """Run the cases and lay what was reported beside it; a pandas.DataFrame with COLUMNS.

    low to high: the middle 95 % of runs (behavior and luck). rank_share: share of the runs below what was observed. picked_*: the same of
    the second best of so many villages. inside: the observed lies in the range that applies (that of the second best where the case was
    picked); within: the median of that range lies in the tolerance of the observed, as in `Result.observed`.
    """
    import pandas as pd

    rows = []
    for k, name in enumerate(names):
        if progress:
            progress(k, len(names), name)
        scenario = load(name)
        result = run(scenario, replicates=replicates, seed=seed, behavior=behavior, keep_weekly=False, processes=processes)
        for seen, values in zip(scenario.observed, result.simulated.T):
            rows.append(_row(name, seen, values, seed))
    if progress:
        progress(len(names), len(names), "")
    return pd.DataFrame(rows, columns=COLUMNS)


def _row(name: str, seen, values: np.ndarray, seed: int) -> list:
    low, median, high = np.quantile(values, (0.025, 0.5, 0.975))
    if seen.value is None:  # words only
        nothing = [np.nan] * 4
        return [name, seen.measure, seen.date, np.nan, np.nan, median, low, high, *nothing, None, None, seen.text, seen.source, seen.grade]
    rank = float((values < seen.value).mean() + 0.5 * (values == seen.value).mean())
    picked = second_best(values, PICKED[name], seed) if name in PICKED else (np.nan,) * 3
    edges = picked if name in PICKED else (low, median, high)
    within = abs(edges[1] - seen.value) <= (seen.tolerance_share or 0.0) * seen.value
    return [
        name, seen.measure, seen.date, seen.value, seen.tolerance_share, median, low, high, rank, picked[1], picked[0], picked[2],
        bool(edges[0] <= seen.value <= edges[2]), bool(within), seen.text, seen.source, seen.grade,
    ]  # fmt: skip


def second_best(values: np.ndarray, of: int, seed: int) -> tuple[float, float, float]:
    """2.5 %, median and 97.5 % of the second largest among `of` villages drawn from the runs."""
    rng = np.random.Generator(np.random.PCG64(seed))
    seconds = np.partition(rng.choice(values, (PICKS, of)), -2, axis=1)[:, -2]
    return tuple(float(q) for q in np.quantile(seconds, (0.025, 0.5, 0.975)))
