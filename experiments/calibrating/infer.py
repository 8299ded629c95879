"""What the studies say together: draws of the posterior, with any of the studies left out.

    posterior = infer(targets, seed=1)
    posterior.z                                     # [draw, p], equally weighted, in random order; `priors.to_natural` gives values
    without = infer(targets, seed=1, left_out=["in-mf43"])
"""

import functools
from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np

from experiments.calibrating import smc
from experiments.calibrating.apart import apart
from experiments.calibrating.emulate import predict
from experiments.calibrating.likelihood import Target, log_likelihood
from scenarios.errors import nearest
from simulation.parameters import InputError

PARTICLES = 1500
DRAWS = 500


class Posterior(NamedTuple):
    """z [draw, p]; log_evidence of the studies in `names` together; stages: how the sampler went (`smc.Stage`)."""

    z: np.ndarray
    log_evidence: float
    stages: tuple[smc.Stage, ...]
    names: tuple[str, ...]


def infer(
    targets: Sequence[Target], *, seed: int, particles: int = PARTICLES, draws: int = DRAWS, left_out: Collection[str] = ()
) -> Posterior:
    """The posterior of all targets but those named in left_out. The same digits for the same seed, on any number of cores.

    Raises InputError for a name that no target has, or if none remains.
    """
    (found,) = apart(functools.partial(inferred, targets, seed, particles, draws), [tuple(left_out)], processes=1)
    return found


def inferred(targets: Sequence[Target], seed: int, particles: int, draws: int, left_out: Collection[str]) -> Posterior:
    """`infer`, in this process."""
    names = [one.name for one in targets]
    for name in left_out:
        if name not in names:
            raise InputError(f"left_out: no study called {name!r}{nearest(name, names)}; known: {', '.join(names)}".replace("?; ", "? "))
    kept = [one for one in targets if one.name not in left_out]
    if not kept:
        raise InputError(f"left_out = {', '.join(left_out)}: no study remains; allowed: some of {', '.join(names) or 'none'}")
    if not 1 <= draws <= particles:
        raise InputError(f"draws = {draws}: not allowed; allowed: from 1 to {particles}, the particles")
    found = smc.sample(lambda z: log_likelihood(kept, z), len(kept[0].emulator.relevance), seed=seed, particles=particles)
    rows = np.random.Generator(np.random.PCG64([seed, 1])).permutation(particles)[:draws]
    return Posterior(found.z[rows], found.log_evidence, found.stages, tuple(one.name for one in kept))


class Fit(NamedTuple):
    """What the posterior says of one summary of one study. mean, low, high: of its prediction (median and 90 % interval of a new study of
    that size, error included); observed; surprise: share of predictions that lie farther from their middle than what was observed."""

    study: str
    summary: int
    observed: float
    mean: float
    low: float
    high: float
    surprise: float


def fits(targets: Sequence[Target], z: np.ndarray, *, seed: int) -> list[Fit]:
    """Posterior predictive check of every observed summary for draws z [draw, p], also of studies that were left out."""
    rng = np.random.Generator(np.random.PCG64(seed))
    found = []
    for one in targets:
        mean, sd = predict(one.emulator, z)
        new = mean + np.sqrt(sd**2 + one.error_sd**2) * rng.standard_normal(mean.shape)
        for j in np.flatnonzero(np.isfinite(one.observed)):
            low, middle, high = np.quantile(new[:, j], (0.05, 0.5, 0.95))
            far = float((np.abs(new[:, j] - middle) >= abs(one.observed[j] - middle)).mean())
            found.append(Fit(one.name, int(j), float(one.observed[j]), float(middle), float(low), float(high), far))
    return found
