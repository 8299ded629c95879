"""How well the months that were held out were foretold: bands, absolute errors, and the same of forecasts that need no model."""

from typing import NamedTuple

import numpy as np

from experiments.calibrating.village_observed import SERIES
from experiments.screens.names import named
from experiments.screens.words import text

#: months whose straight line is the forecast "trend"
TREND_MONTHS = 6
NAIVE = ("last", "trend", "seasonal")
SCORE = ("series", "points", "inside_50", "inside_90", "error", *(f"error_{how}" for how in NAIVE))


class Bands(NamedTuple):
    """Members [series, month]: 5, 25, 50, 75 and 95 % quantiles of what the office would write."""

    low_90: np.ndarray
    low_50: np.ndarray
    median: np.ndarray
    high_50: np.ndarray
    high_90: np.ndarray


def naive(values: np.ndarray, training: int) -> dict[str, np.ndarray]:
    """Forecasts of one series [month] for the months from `training` on, from those before it; NaN where one cannot be made."""
    before, ahead = values[:training], np.arange(training, len(values))
    known = np.flatnonzero(np.isfinite(before))
    nothing = np.full(len(ahead), np.nan)
    if not len(known):
        return dict.fromkeys(NAIVE, nothing)
    late = known[known >= training - TREND_MONTHS]
    trend = nothing
    if len(late) >= 3:
        slope, level = np.polyfit(late - training, before[late], 1)
        trend = np.maximum(level + slope * (ahead - training), 0.0)
    year_ago = ahead - 12 * (-(-(ahead - training + 1) // 12))
    seasonal = np.where(year_ago >= 0, before[np.maximum(year_ago, 0)], np.nan)
    return {"last": np.full(len(ahead), before[known[-1]]), "trend": trend, "seasonal": seasonal}


def score(values: np.ndarray, bands: Bands, training: int) -> list[dict]:
    """One row for each series with something held out: points, share inside the bands, mean absolute errors of fit and naive forecasts.

    A naive forecast that is missing for a point that was observed has no error (NaN): all errors of a row are of the same points.
    """
    rows = []
    for k, name in enumerate(SERIES):
        seen = np.flatnonzero(np.isfinite(values[k, training:]))
        if not len(seen):
            continue
        truth, at = values[k, training + seen], training + seen
        errors = {f"error_{how}": float(np.abs(guess[seen] - truth).mean()) for how, guess in naive(values[k], training).items()}
        inside = {"inside_50": (bands.low_50, bands.high_50), "inside_90": (bands.low_90, bands.high_90)}
        shares = {share: float(((low[k, at] <= truth) & (truth <= high[k, at])).mean()) for share, (low, high) in inside.items()}
        rows.append({"series": name, "points": len(seen), **shares, "error": float(np.abs(bands.median[k, at] - truth).mean()), **errors})
    return rows


def verdicts(rows: list[dict]) -> list[str]:
    """What a score says in words: where a naive forecast was better than the fit, and where the bands were too narrow."""
    found = []
    for row in rows:
        series = named("series", row["series"])
        better = {how: row[f"error_{how}"] for how in NAIVE if row[f"error_{how}"] < row["error"]}
        if better:
            best = min(better, key=better.get)
            naive_name = text(f"fit_{best}", months=TREND_MONTHS)
            found.append(text("fit_naive_better", series=series, naive=naive_name, error=row["error"], better=better[best]))
        if row["points"] >= 4 and row["inside_90"] < 0.6:
            found.append(text("fit_narrow", series=series, inside=row["inside_90"]))
    return found
