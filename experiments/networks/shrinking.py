"""Covariates on one scale, and how far their weights are shrunk towards zero: as much as the data say.

    center, scale = scaling(train)                    # of the villages learnt from, used on the others too
    x = scaled(test, center, scale)
    for _ in range(ROUNDS): ...; sd = supported(weights, information, sd)
"""

import numpy as np

#: standardized covariates beyond this count as this
FAR = 3.0
#: rounds of estimating weights and their spread in turn, and what keeps the spread from zero
ROUNDS, LEAST = 8, 0.1


def scaling(covariates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and spread of each covariate ([row, covariate], NaN where unknown); one that does not vary gets the spread 1."""
    known = np.isfinite(covariates)
    count = known.sum(axis=0).clip(1)
    center = np.where(known, covariates, 0.0).sum(axis=0) / count
    spread = np.sqrt(np.where(known, np.square(covariates - center), 0.0).sum(axis=0) / count)
    return center, np.where(spread > 0, spread, 1.0)


def scaled(covariates: np.ndarray, center: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Standardized; what is unknown counts as the mean."""
    return np.nan_to_num((covariates - center) / scale).clip(-FAR, FAR)


def supported(weights: np.ndarray, information: np.ndarray, sd: float) -> float:
    """The spread of weights that maximizes their marginal likelihood, a step nearer (MacKay 1992): their squares plus what is not known
    of them. information: of the data alone, [weight, weight]; sd: the spread under which the weights were found."""
    unknown = np.linalg.inv(information + np.eye(len(weights)) / sd**2)
    return float(np.sqrt((weights @ weights + np.trace(unknown) + LEAST**2) / (len(weights) + 1)))
