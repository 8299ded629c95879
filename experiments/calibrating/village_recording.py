"""From what happened to what the office wrote: miscounts, late entries and rounding to people, and the summaries made of such a table.

The model is not the village, and a table is not the truth: without this every difference would have to be explained by the context
(Wilkinson 2013: calibrating with a stated error of model and measurement is exact for that error). Each count is the true one
times a log-normal factor of mean one, the same spread for all months; how large it is, is drawn and inferred like the rest.
"""

import numpy as np

from experiments.calibrating.village_observed import SERIES

#: error -> (series, least, most): coefficient of variation, log-uniform. Flows are written when it suits, stocks come from a register
ERRORS = {"flow_error": (("new_members",), 0.02, 0.4), "stock_error": (("active", "paying"), 0.003, 0.06)}
#: added before the logarithm: zero members are a number too
ONE = 1.0


def draw_errors(count: int, rng: np.random.Generator) -> np.ndarray:
    """Coefficients of variation [draw, error], in the order of ERRORS."""
    return np.exp(np.stack([rng.uniform(np.log(low), np.log(high), count) for _, low, high in ERRORS.values()], axis=1))


def recorded(series: np.ndarray, errors: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """True counts [draw, series, month] as an office with these errors [draw, error] might have written them: whole numbers."""
    factor = rng.normal(size=series.shape)
    for k, (names, _, _) in enumerate(ERRORS.values()):
        spread = np.sqrt(np.log1p(errors[:, k] ** 2))[:, None, None]
        rows = [SERIES.index(name) for name in names]
        factor[:, rows] = np.exp(spread * factor[:, rows] - spread**2 / 2)
    return np.rint(series * factor)


def to_scale(counts: np.ndarray) -> np.ndarray:
    """Counts on the scale on which they are compared and moved."""
    return np.log(np.asarray(counts, float) + ONE)


def from_scale(values: np.ndarray) -> np.ndarray:
    """Back to people, never fewer than none."""
    return np.maximum(np.exp(values) - ONE, 0.0)


def features(counts: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Summaries [draw, column] of tables [draw, series, month]: the cells `known` [series, month], and how rough each series is."""
    values = to_scale(counts)
    columns = [values[:, known]]
    for series, there in enumerate(known):
        triples = np.flatnonzero(there[:-2] & there[1:-1] & there[2:])
        if len(triples) >= 3:  # fewer say nothing about errors
            bend = values[:, series, triples] - 2 * values[:, series, triples + 1] + values[:, series, triples + 2]
            columns.append(np.log(np.abs(bend).mean(axis=1) + 0.01)[:, None])
    return np.concatenate(columns, axis=1)
