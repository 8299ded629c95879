"""Synthetic likelihood of several studies (Wood 2010; Meeds and Welling 2014): observed summaries are normal around their emulated mean.

    log L(z) = sum over studies of log N(observed; mean(z), R(z) + diag(error_sd^2))

R(z) is the emulated scatter of a study of that size (context and luck); error_sd is what comes on top: error of measurement and the
discrepancy between the model and the world.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from experiments.calibrating.emulate import Emulator, predict
from simulation.parameters import InputError


class Target(NamedTuple):
    """One study: its emulator, what was observed [s] (NaN: not observed) and the standard deviation of its error [s]."""

    name: str
    emulator: Emulator
    observed: np.ndarray
    error_sd: np.ndarray


def target(name: str, emulator: Emulator, observed, standard_error, discrepancy=0.03) -> Target:
    """A study with checked shapes; error_sd is the root of standard_error^2 + discrepancy^2 (numbers or [s])."""
    observed = np.atleast_1d(np.asarray(observed, float))
    size = len(emulator.intercept)
    if observed.shape != (size,):
        raise InputError(f"{name}: observed of shape {observed.shape}: not allowed; allowed: {size} numbers, as in its table")
    error = np.sqrt(np.square(np.asarray(standard_error, float)) + np.square(np.asarray(discrepancy, float)))
    error = np.where(np.isnan(observed), 0.0, np.broadcast_to(error, (size,)))
    if not np.isfinite(error).all():
        raise InputError(f"{name}: standard errors {standard_error}, discrepancy {discrepancy}: not allowed; allowed: finite numbers")
    return Target(name, emulator, observed, error)


def log_likelihood(targets: Sequence[Target], z: np.ndarray) -> np.ndarray:
    """[n] for parameters z [n, p]."""
    total = np.zeros(len(z))
    for one in targets:
        known = np.flatnonzero(np.isfinite(one.observed))
        mean, sd = predict(one.emulator, z)
        correlation = one.emulator.correlation[np.ix_(known, known)]
        total += normal_log_density(one.observed[known] - mean[:, known], sd[:, known], correlation, one.error_sd[known])
    return total


def normal_log_density(deviation: np.ndarray, sd: np.ndarray, correlation: np.ndarray, error_sd: np.ndarray) -> np.ndarray:
    """log N(deviation; 0, diag(sd) correlation diag(sd) + diag(error_sd^2)) [n] for deviation and sd [n, s].

    Cholesky by hand: loops over the few summaries, arrays over the many particles.
    """
    n, size = deviation.shape
    lower, solved = {}, []
    total = np.full(n, -0.5 * size * np.log(2 * np.pi))
    for i in range(size):
        rest = deviation[:, i].copy()
        for j in range(i):
            entry = correlation[i, j] * sd[:, i] * sd[:, j] - sum(lower[i, k] * lower[j, k] for k in range(j))
            lower[i, j] = entry / lower[j, j]
            rest -= lower[i, j] * solved[j]
        variance = sd[:, i] ** 2 + error_sd[i] ** 2 - sum(lower[i, k] ** 2 for k in range(i))
        lower[i, i] = np.sqrt(np.maximum(variance, 1e-18))
        solved.append(rest / lower[i, i])
        total -= np.log(lower[i, i]) + 0.5 * solved[i] ** 2
    return total
