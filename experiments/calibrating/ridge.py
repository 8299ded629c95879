"""Ridge regression of several columns, each with the penalty of least leave-one-out error, and which parameters matter.

The leave-one-out errors of a ridge regression need no refitting (Allen 1974; Golub, Heath and Wahba 1979): residual / (1 - leverage).
Relevance is found as in automatic relevance determination (MacKay 1992; Tipping 2001): a full quadratic is fitted, parameters get as
prior variance the share of the variance that goes through them, and it is fitted again.
"""

from itertools import combinations
from typing import NamedTuple

import numpy as np

#: penalties tried, as shares of the largest eigenvalue of the features
PENALTIES = 10.0 ** np.arange(-8, 4.1, 0.5)
ROUNDS = 3
#: parameters whose squares and products are kept after the first round
PRODUCTS = 16
#: no parameter is thought less relevant than this share of the most relevant one
LEAST = 1e-4


class Ridge(NamedTuple):
    """coefficients [feature, column], intercept [column]; errors: leave-one-out errors [row, column]; loss: their weighted mean square."""

    coefficients: np.ndarray
    intercept: np.ndarray
    errors: np.ndarray
    loss: np.ndarray


def ridge(features: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> Ridge:
    """Regression of targets [row, column] on features [row, feature], rows weighted (mean 1)."""
    share = weights / weights.sum()
    center, level = share @ features, share @ targets
    root = np.sqrt(share)[:, None]
    x, y = root * (features - center), root * (targets - level)
    values, vectors = np.linalg.eigh(x.T @ x)
    values = np.maximum(values, 0.0)
    penalties = max(values[-1], 1e-300) * PENALTIES
    turned = x @ vectors
    loads = turned.T @ y
    leverage = np.minimum((turned**2) @ (1.0 / (values[:, None] + penalties)) + share[:, None], 0.999)
    best = Ridge(np.zeros((x.shape[1], y.shape[1])), level.copy(), np.zeros_like(y), np.full(y.shape[1], np.inf))
    for k, penalty in enumerate(penalties):
        slopes = loads / (values + penalty)[:, None]
        errors = (y - turned @ slopes) / (1.0 - leverage[:, [k]])
        loss = (errors**2).sum(axis=0)
        better = loss < best.loss
        best.coefficients[:, better] = (vectors @ slopes)[:, better]
        best.errors[:, better] = (errors / root)[:, better]
        best.loss[better] = loss[better]
    best.intercept[:] -= center @ best.coefficients
    return best


def relevance(x: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """[p] from 0 to 1: how much of the (standardized) targets goes through each parameter, the most relevant one of any target being 1."""
    p = x.shape[1]
    found, products = np.ones(p), np.arange(p)
    for _ in range(ROUNDS + 1):
        features, through = quadratic(x, products)
        spread = np.sqrt(np.exp(through @ np.log(found)))
        coefficients = ridge(features * spread, targets, weights).coefficients * spread[:, None]
        parts = (through > 0).T @ coefficients**2
        found = np.maximum((parts / np.maximum(parts.max(axis=0), 1e-300)).max(axis=1), LEAST)
        products = np.sort(np.argsort(-found, kind="stable")[:PRODUCTS])
    return found


def quadratic(x: np.ndarray, products: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All x [row, p], squares and products of the columns `products`, orthonormal under N(0, I); and the power of each x in each."""
    p = x.shape[1]
    pairs = np.array(list(combinations(products.tolist(), 2)), int).reshape(-1, 2)
    features = np.hstack([x, (x[:, products] ** 2 - 1) / np.sqrt(2), x[:, pairs[:, 0]] * x[:, pairs[:, 1]]])
    one = np.eye(p)
    return features, np.vstack([one, 2 * one[products], one[pairs[:, 0]] + one[pairs[:, 1]]])
