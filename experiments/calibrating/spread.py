"""How the scatter of a summary depends on the parameters: squared errors as a gamma regression with log link.

log variance = intercept + slopes . features. Fitted by Fisher scoring with a ridge penalty, chosen by cross-validation of the normal
log density. (Regressing the logarithm of squared errors would be simpler, but knows 2.5 times less from the same rows.)
"""

import numpy as np

PENALTIES = (10.0, 100.0, 1000.0, 10000.0)
FOLDS = 4
STEPS = 50
#: largest change of a log variance in one step
STRIDE = 1.0


def log_variance(features: np.ndarray, squares: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, float]:
    """(slopes [feature], intercept) of the log variance of errors with these squares [row]; features of mean 0, sd 1; weights mean 1."""
    floor = 1e-12 * max(float(weights @ squares / weights.sum()), 1e-300)
    squares = np.maximum(squares, floor)
    fold = np.arange(len(squares)) % FOLDS
    losses = []
    for penalty in PENALTIES:
        loss = 0.0
        for k in range(FOLDS):
            test, train = fold == k, fold != k
            slopes, intercept = _fitted(features[train], squares[train], weights[train], penalty)
            level = intercept + features[test] @ slopes
            loss += float(weights[test] @ (level + squares[test] * np.exp(-level)))
        losses.append(loss)
    return _fitted(features, squares, weights, PENALTIES[int(np.argmin(losses))])


def _fitted(features: np.ndarray, squares: np.ndarray, weights: np.ndarray, penalty: float) -> tuple[np.ndarray, float]:
    slopes = np.zeros(features.shape[1])
    intercept = float(np.log(weights @ squares / weights.sum()))
    curvature = (features * weights[:, None]).T @ features / 2 + penalty * np.eye(len(slopes))
    for _ in range(STEPS):
        ratio = squares * np.exp(-(intercept + features @ slopes))
        step = np.linalg.solve(curvature, features.T @ (weights * (ratio - 1)) / 2 - penalty * slopes)
        change = float(np.abs(features @ step).max())
        slopes = slopes + step * min(1.0, STRIDE / max(change, 1e-300))
        intercept += float(np.log(weights @ (squares * np.exp(-(intercept + features @ slopes))) / weights.sum()))
        if change < 1e-4:
            break
    return slopes, intercept
