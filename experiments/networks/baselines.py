"""What the network fit is measured against: pooled hazard and pooled Bass, which know neither people nor ties.

    rates = pooled_hazard(train)                  # by period
    bass = pooled_bass(train)                     # bass.outside, bass.talk

The third, covariates only, is `hazards.fit(train, hazards.COVARIATES)`. Pooled: the same for all villages.
"""

from typing import NamedTuple

import numpy as np

from experiments.checks.mixing import chain


class Bass(NamedTuple):
    """Chance to adopt 1 - (1 - outside) (1 - talk / n)^m where m of a village's n have adopted: Bass (1969) for a number of people."""

    outside: float
    talk: float

    def chance(self, adopters: np.ndarray, size: np.ndarray) -> np.ndarray:
        return 1.0 - (1.0 - self.outside) * (1.0 - self.talk / size) ** adopters

    def curve(self, size: int, periods: int) -> np.ndarray:
        """Mean share that has adopted after periods 0, 1, ..., in a village of `size` that begins with none: exact."""
        return chain(size, 0, self.outside, self.talk, periods)


def pooled_hazard(adopted: np.ndarray, at_risk: np.ndarray) -> np.ndarray:
    """Share of those at risk that adopts, by period; half an event more, so that no rate is zero. Both arrays: counts by period."""
    return (adopted + 0.5) / (at_risk + 1.0)


def pooled_bass(adopted: np.ndarray, at_risk: np.ndarray, adopters: np.ndarray, size: np.ndarray) -> Bass:
    """Most likely rates. Counts by village and period: how many adopt, of how many, while `adopters` of `size` had before."""
    from scipy.optimize import minimize

    def loss(logits) -> float:
        outside, talk = 1.0 / (1.0 + np.exp(-logits))
        chance = np.clip(Bass(outside, talk).chance(adopters, size), 1e-12, 1.0 - 1e-12)
        return -float((adopted * np.log(chance) + (at_risk - adopted) * np.log1p(-chance)).sum())

    starts = ((-3.0, -2.0), (-2.0, -5.0), (-5.0, -1.0))
    best = min((minimize(loss, start, method="Nelder-Mead", options=dict(xatol=1e-6, fatol=1e-6)) for start in starts), key=lambda r: r.fun)
    return Bass(*(1.0 / (1.0 + np.exp(-best.x))))
