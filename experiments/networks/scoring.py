"""How well villages left out were predicted: log-loss, curve error, and whether one model is better than another.

Villages are the unit: intervals are percentiles of the bootstrap over villages, the same draws for all models, so that a difference is
judged within villages. With few villages the plain percentiles are too narrow; they are widened by Student's t (Hesterberg 2015). A
verdict is "better" or "worse" only where the interval of the difference leaves out zero.
"""

from typing import NamedTuple

import numpy as np

OURS = "network"
BASELINES = ("hazard", "Bass", "covariates")
MODELS = (OURS, *BASELINES)
#: draws of the bootstrap
DRAWS = 2000
LOG_LOSS, CURVE = "log_loss", "curve_error"


class Village(NamedTuple):
    """One village left out. loss: {model: sum over `observations` of -log chance of what happened}; curves: {model: share by period}.

    observed: share that had adopted by period, as in `curves`; low, high: range of single runs of the kernel (10 to 90 %).
    """

    name: str
    observations: int
    loss: dict[str, float]
    observed: np.ndarray
    curves: dict[str, np.ndarray]
    low: np.ndarray
    high: np.ndarray


def log_loss(chance: np.ndarray, happened: np.ndarray) -> float:
    """Sum of -log of the chance given to what happened."""
    chance = np.clip(chance, 1e-9, 1.0 - 1e-9)
    return float(-np.log(np.where(happened, chance, 1.0 - chance)).sum())


def errors(village: Village) -> dict[str, float]:
    """Root mean square of predicted less observed share over the periods, by model."""
    return {model: float(np.sqrt(np.square(curve - village.observed).mean())) for model, curve in village.curves.items()}


def drawn(villages: int, seed: int) -> np.ndarray:
    """[draw, village] how often each village is drawn; the first row: each once."""
    rng = np.random.Generator(np.random.PCG64(seed))
    weights = rng.multinomial(villages, np.full(villages, 1.0 / villages), size=DRAWS)
    return np.vstack([np.ones(villages, int), weights])


def scored(villages: list[Village], seed: int) -> dict[str, dict[str, np.ndarray]]:
    """{score: {model: [draw]}}; log-loss is a mean over observations, curve error one over villages. Draw 0: the data themselves."""
    weights, count = drawn(len(villages), seed), np.array([v.observations for v in villages])
    loss = {m: weights @ np.array([v.loss[m] for v in villages]) / (weights @ count) for m in MODELS}
    gaps = [errors(v) for v in villages]
    curve = {m: weights @ np.array([gap[m] for gap in gaps]) / weights.sum(axis=1) for m in MODELS}
    return {LOG_LOSS: loss, CURVE: curve}


def interval(values: np.ndarray, villages: int) -> tuple[float, float, float]:
    """The estimate (draw 0) and its 95 % interval by the draws; no interval (NaN) for a single village."""
    from scipy.stats import norm, t

    if villages < 2:
        return float(values[0]), np.nan, np.nan
    tail = norm.cdf(-t.ppf(0.975, villages - 1) * (villages / (villages - 1)) ** 0.5)
    low, high = np.quantile(values[1:], (tail, 1.0 - tail))
    return float(values[0]), float(low), float(high)


def score_rows(name: str, villages: list[Village], seed: int) -> list[dict]:
    """A row for each model: both scores with intervals."""
    scores = scored(villages, seed)
    rows = []
    for model in MODELS:
        row = {"set": name, "model": model, "villages": len(villages), "observations": sum(v.observations for v in villages)}
        for score, values in scores.items():
            row |= dict(zip((score, f"{score}_low", f"{score}_high"), interval(values[model], len(villages))))
        rows.append(row)
    return rows


def difference_rows(name: str, villages: list[Village], seed: int) -> list[dict]:
    """Ours less each baseline, both scores: negative is better. `best`: the baseline that did best on these very villages."""
    rows = []
    for score, values in scored(villages, seed).items():
        best = min(BASELINES, key=lambda model: values[model][0])
        for model in BASELINES:
            estimate, low, high = interval(values[OURS] - values[model], len(villages))
            verdict = "better" if high < 0 else "worse" if low > 0 else "no difference shown"
            rows.append({
                "set": name, "score": score, "baseline": model, "best": model == best, "difference": estimate, "low": low, "high": high,
                "verdict": verdict,
            })  # fmt: skip
    return rows


def curve_rows(name: str, villages: list[Village]) -> list[dict]:
    """A row for each village and period: shares observed, predicted, and the range of single runs."""
    return [
        {"set": name, "village": v.name, "period": t, "observed": v.observed[t], "low": v.low[t], "high": v.high[t]}
        | {model: v.curves[model][t] for model in MODELS}
        for v in villages
        for t in range(len(v.observed))
    ]  # fmt: skip
