"""What the simulation has to beat: three ways to predict a trial's effect without simulating anything. None sees the study it predicts.

zero           nothing works
same_lever     the mean measured effect of the same kind of lever in the other studies (all levers there, where none has this kind)
logit          one log-odds effect a unit of dose for each kind of lever, fitted to the other studies; applied to the level of the arm
               that is compared with: neither network nor stages
"""

from collections.abc import Sequence

import numpy as np

from scenarios.trials import Measured, Trial


def baselines(trials: Sequence[Trial], table) -> dict[str, np.ndarray]:
    """Predicted values by baseline, an element a row of the table (see score.scored); NaN where a baseline does not speak."""
    entries = [(trial, m) for trial in trials for m in trial.head.measured]
    out = {name: np.full(len(table), np.nan) for name in ("zero", "same_lever", "logit")}
    effects = [(trial.head.study, m, level(trial, m)) for trial, m in entries if m.role in ("effect", "null") and m.value is not None]
    effects = [e for e in effects if e[1].unit == "share" and e[1].lever]
    for k, (trial, m) in enumerate(entries):
        if m.role not in ("effect", "null") or m.unit != "share":
            continue
        others = [e for e in effects if e[0] != trial.head.study]
        out["zero"][k] = 0.0
        out["same_lever"][k] = _mean([e[1].value for e in others if e[1].lever == m.lever] or [e[1].value for e in others])
        base = level(trial, m)
        if base is not None:
            out["logit"][k] = _share(_logit(base) + m.dose * _slope(others, m.lever)) - base
    return out


def level(trial: Trial, m: Measured) -> float | None:
    """Measured level of the arm that an effect is compared with."""
    if m.base is not None:
        return m.base
    fit = trial.head.fit
    return fit.value if fit and m.against == fit.arm and m.measure == fit.measure else None


def _slope(others: list, lever: str) -> float:
    """Log-odds a unit of dose: least squares through zero over rows of this kind of lever (of all kinds, where there is none)."""
    rows = [e for e in others if e[2] is not None and 0 < e[2] + e[1].value < 1]
    rows = [e for e in rows if e[1].lever == lever] or rows
    dose = np.array([e[1].dose for e in rows])
    gain = np.array([_logit(e[2] + e[1].value) - _logit(e[2]) for e in rows])
    return float((dose * gain).sum() / (dose**2).sum()) if len(rows) else 0.0


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else 0.0


def _logit(share: float) -> float:
    share = min(max(share, 1e-3), 1 - 1e-3)
    return float(np.log(share / (1 - share)))


def _share(logit: float) -> float:
    return float(1 / (1 + np.exp(-logit)))
