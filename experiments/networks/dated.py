"""Sets with dates by person: each village predicted by what was learnt in the others.

    train, test = people.part(people.village != 3), people.part(people.village == 3)
    judged(train, test, copies=200, seed=1)                     # scoring.Village
"""

import numpy as np

from experiments.networks import hazards
from experiments.networks.baselines import pooled_bass
from experiments.networks.hazards import at_risk, predicted
from experiments.networks.playing import play, shares
from experiments.networks.reading import Dated
from experiments.networks.scoring import OURS, Village, log_loss


def judged(train: Dated, test: Dated, copies: int, seed: int) -> Village:
    """Fit all models on `train`, predict the one village of `test`.

    Log-loss: a period ahead, by person and period at risk. Curves: from nothing, no date of the village being known.
    """
    risk, ours, covariates = at_risk(test), hazards.fit(train, hazards.TIES), hazards.fit(train, hazards.COVARIATES)
    pooled, bass, size = hazards.fit(train, hazards.PERIOD), _bass(train), len(test.adopted)
    chance = {
        OURS: predicted(ours, test), "hazard": predicted(pooled, test), "Bass": bass.chance(risk.adopters, size),
        "covariates": predicted(covariates, test),
    }  # fmt: skip
    runs = shares(play(ours, test, copies, seed), test)[:, 0]
    curves = {
        OURS: runs.mean(axis=0), "hazard": outside_only(pooled, test), "Bass": bass.curve(size, test.periods),
        "covariates": outside_only(covariates, test),
    }  # fmt: skip
    loss = {model: log_loss(values, risk.adopts) for model, values in chance.items()}
    low, high = np.quantile(runs, (0.1, 0.9), axis=0)
    return Village(test.villages[0], len(risk.person), loss, test.curves()[0], curves, low, high)


def outside_only(model: hazards.Hazard, people: Dated) -> np.ndarray:
    """Mean share that has adopted after periods 0, 1, ... where nobody hears from ties."""
    done = -np.expm1(-np.cumsum(hazards.outside_rate(model, people), axis=1))
    return np.concatenate([[0.0], done.mean(axis=0)])


def _bass(train: Dated):
    size = np.bincount(train.village)[:, None]
    done = np.rint(train.curves() * size)
    before, first = done[:, :-1], np.diff(done)
    return pooled_bass(first, size - before, before, size)
