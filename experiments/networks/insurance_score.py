"""cai: villages left out, predicted by what was learnt in others.

    judged(farmers.part(~left), farmers.part(left), copies=60, seed=1)        # list of scoring.Village

Log-loss is that of second-round farmers, told the first round of their village (as in the sets with dates, a period ahead). Curves are the
shares that had bought after the first and the second round, of all farmers asked, told nothing of the village.
"""

import numpy as np

from experiments.networks.baselines import Bass, pooled_bass, pooled_hazard
from experiments.networks.insurance import Farmers
from experiments.networks.insurance_fit import fit, predicted
from experiments.networks.insurance_play import play
from experiments.networks.scoring import OURS, Village, log_loss


def judged(train: Farmers, test: Farmers, copies: int, seed: int) -> list[Village]:
    """Each village of `test`, predicted from `train`."""
    ours, alone = fit(train), fit(train, network=False)
    bought = play(ours, test, copies, seed)
    chance = {OURS: predicted(ours, test), "covariates": predicted(alone, test)}
    adopted, asked = rounds(train)
    rates = pooled_hazard(adopted.sum(axis=0), asked.sum(axis=0))
    size = np.bincount(train.village)[:, None]
    before = np.column_stack([np.zeros(len(adopted)), adopted[:, 0]])
    bass = pooled_bass(adopted, asked, before, size)
    return [_village(test, v, chance, bought, rates, bass) for v in range(len(test.villages))]


def rounds(farmers: Farmers) -> tuple[np.ndarray, np.ndarray]:
    """[village, round] how many bought, and how many were asked."""
    count = lambda rows: np.bincount(farmers.village[rows], minlength=len(farmers.villages)).astype(float)  # noqa: E731
    mine = (~farmers.second, farmers.second)
    return tuple(np.column_stack([count(rows & who) for rows in mine]) for who in (farmers.bought, np.ones(len(farmers.second), bool)))


def _village(test: Farmers, v: int, chance: dict, bought: np.ndarray, rates: np.ndarray, bass: Bass) -> Village:
    rows, size = test.village == v, int((test.village == v).sum())
    late, first = rows & test.second, int((rows & ~test.second).sum())
    buyers, happened, each = int(test.bought[rows & ~test.second].sum()), test.bought[late], np.ones(int(late.sum()))
    told = {model: values[late] for model, values in chance.items()}
    told |= {"hazard": rates[1] * each, "Bass": float(bass.chance(buyers, size)) * each}
    later = 1.0 - (1.0 - bass.outside) * (1.0 - bass.outside * bass.talk / size) ** first  # the mean over how many buy in the first round
    by_round = lambda one, two: np.array([0.0, first * one, first * one + (size - first) * two]) / size  # noqa: E731
    sums = np.array([0.0, *(chance["covariates"][rows & (test.second == r)].sum() for r in (False, True))])
    runs = bought[:, rows].mean(axis=1)
    curves = {
        OURS: runs.mean(axis=0), "hazard": by_round(*rates), "Bass": by_round(bass.outside, later),
        "covariates": np.cumsum(sums) / size,
    }  # fmt: skip
    observed = np.array([0.0, buyers, test.bought[rows].sum()]) / size
    low, high = np.quantile(runs, (0.1, 0.9), axis=0)
    loss = {model: log_loss(values, happened) for model, values in told.items()}
    return Village(test.villages[v], int(late.sum()), loss, observed, curves, low, high)
