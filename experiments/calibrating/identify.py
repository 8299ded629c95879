"""What the data say of each parameter: how much of what was unknown they taught, which parameters only together, and which study taught it.

Contraction is 1 - variance after / variance before, of the normal score z (so whatever the prior's shape): 0, nothing learned; 1, all.
A parameter is *identified* from IDENTIFIED up (its standard deviation fell below .7 of the prior's), *weakly* from WEAKLY up, below it is
*not identified by these data*: its posterior is its prior, and only the width that it gives to results is honest.
With 500 draws contraction is known to about .06.
"""

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from experiments.calibrating.apart import apart
from experiments.calibrating.infer import inferred
from experiments.calibrating.likelihood import Target
from experiments.calibrating.priors import Priors, to_natural

IDENTIFIED = 0.5
WEAKLY = 0.2
TOGETHER = 0.6
VERDICTS = ("identified", "weakly", "not identified by these data")
#: particles for each study left out
PARTICLES = 800


class Learned(NamedTuple):
    """One parameter. median, low, high: posterior median and 90 % interval in its unit; shift: posterior mean of z (prior standard
    deviations); verdict: one of VERDICTS."""

    name: str
    median: float
    low: float
    high: float
    contraction: float
    shift: float
    verdict: str


class Pair(NamedTuple):
    """Two parameters that the data tell apart badly: correlation of their z in the posterior."""

    one: str
    other: str
    correlation: float


def learned(priors: Priors, z: np.ndarray) -> list[Learned]:
    """What draws z [draw, p] of the posterior say of each parameter, in the order of the priors."""
    low, median, high = np.quantile(to_natural(priors, z), (0.05, 0.5, 0.95), axis=0)
    contraction, shift = contractions(z), z.mean(axis=0)
    return [
        Learned(name, float(median[k]), float(low[k]), float(high[k]), float(contraction[k]), float(shift[k]), verdict(contraction[k]))
        for k, name in enumerate(priors.names)
    ]


def contractions(z: np.ndarray) -> np.ndarray:
    """[p]: 1 - variance of z [draw, p], whose variance under the prior is 1."""
    return 1 - z.var(axis=0, ddof=1)


def verdict(contraction: float) -> str:
    return VERDICTS[0 if contraction >= IDENTIFIED else 1 if contraction >= WEAKLY else 2]


def together(names: Sequence[str], z: np.ndarray) -> list[Pair]:
    """Pairs with a posterior correlation beyond +-TOGETHER, the strongest first."""
    correlation = np.corrcoef(z, rowvar=False)
    pairs = [Pair(names[i], names[j], float(correlation[i, j])) for i, j in zip(*np.triu_indices(len(names), 1))]
    return sorted((pair for pair in pairs if abs(pair.correlation) > TOGETHER), key=lambda pair: -abs(pair.correlation))


def taught_by(
    targets: Sequence[Target],
    *,
    seed: int,
    particles: int = PARTICLES,
    processes: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> np.ndarray:
    """[study, p]: contraction that is lost when one study is left out. About 0 where others say the same. Known to about .07.

    One inference for each study and one with all; of two targets or more. The numbers are the same for any number of processes.
    """
    work = functools.partial(_contraction, tuple(targets), seed, particles)
    every, *without = apart(work, [(), *((one.name,) for one in targets)], processes=processes, progress=progress)
    return every - np.stack(without)


def _contraction(targets: tuple[Target, ...], seed: int, particles: int, left_out: tuple[str, ...]) -> np.ndarray:
    return contractions(inferred(targets, seed, particles, particles, left_out).z)
