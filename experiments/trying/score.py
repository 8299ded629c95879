"""How well simulated effects agree with measured ones: a row for each number of a paper, and what they say together.

z = (simulated - measured) / sqrt(se^2 + sd^2 + tau^2): se of what was measured, sd of the simulated between draws (behavior, context
and luck), tau for what differs between a field and any model of it (0, 3 and 5 points are shown). A measured number is *inside* when it
lies in the middle 95 % of simulated + its own error. Nothing is left out: rows without a value are scored by their sign, or only shown.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from experiments.trying.baselines import baselines
from scenarios.trials import Measured, Trial

TAUS = (0.0, 0.03, 0.05)
#: a null stands when the simulated effect stays within this
NULL_SHARE = 0.03
#: a measured effect differs from zero when it is so many standard errors from it
SIGNIFICANT = 1.96
COLUMNS = [
    "study", "trial", "id", "text", "lever", "role", "unit", "grade", "calibrated", "measured", "se", "simulated", "low", "high", "sd",
    "z_0", "z_3", "z_5", "inside", "sign_right", "null_holds", "zero", "same_lever", "logit",
]  # fmt: skip


def scored(trials: Sequence[Trial], draws: Mapping[str, Mapping[str, np.ndarray]]):
    """A pandas.DataFrame with COLUMNS, a row for each measured number; draws[trial][id] are its simulated values (NaN where undefined).

    simulated is the mean of draws, low and high hold the middle 95 % of them; zero, same_lever and logit are what the baselines predict
    (NaN where they cannot). Columns of judgement are NA where they do not apply.
    """
    import pandas as pd

    rows = [_row(trial, m, np.asarray(draws[trial.name][m.id], float)) for trial in trials for m in trial.head.measured]
    table = pd.DataFrame(rows, columns=COLUMNS[: COLUMNS.index("zero")])
    for name, values in baselines(trials, table).items():
        table[name] = values
    return table.astype(dict.fromkeys(("inside", "sign_right", "null_holds", "calibrated"), "boolean"))


def _row(trial: Trial, m: Measured, values: np.ndarray) -> list:
    values = values[np.isfinite(values)]
    known = m.value is not None
    if not len(values):
        middle = low = high = sd = float("nan")
    else:
        middle, sd = float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else 0.0
        low, high = (float(q) for q in np.quantile(values, (0.025, 0.975)))
    nan = float("nan")
    z = [(middle - m.value) / np.sqrt(m.error**2 + sd**2 + tau**2) if known else nan for tau in TAUS]
    inside = _inside(values, m) if known and len(values) else None
    effect = m.role in ("effect", "sign")
    clear = effect and (not known or abs(m.value) > SIGNIFICANT * m.error)
    wanted = np.sign(m.value) if known else 1.0
    sign_right = bool(np.sign(middle) == wanted) if clear and len(values) else None
    null_holds = bool(abs(middle) <= NULL_SHARE) if m.role == "null" and len(values) else None
    return [
        trial.head.study, trial.name, m.id, m.text, m.lever, m.role, m.unit, m.grade, m.calibrate and known, m.value if known else nan,
        m.error if known else nan, middle, low, high, sd, *z, inside, sign_right, null_holds,
    ]  # fmt: skip


def _inside(values: np.ndarray, m: Measured) -> bool:
    """Whether the measured lies in the middle 95 % of simulated values that carry its own error (a mixture of normals)."""
    from scipy.stats import norm

    below = norm.cdf((m.value - values) / max(m.error, 1e-9)).mean()
    return bool(0.025 <= below <= 0.975)


def summary(table):
    """One row a study and one for all: mean |z|, mean absolute errors of simulation and baselines, signs, ranks, coverage, nulls.

    `effects` counts the rows of the errors: effects and nulls, as shares, for which every baseline says something.
    """
    import pandas as pd

    parts = [(study, part) for study, part in table.groupby("study", sort=False)] + [("all", table)]
    return pd.DataFrame([{"study": study} | _together(part) for study, part in parts])


def _together(part) -> dict:
    known = part[part["measured"].notna()]
    shares = known[(known["unit"] == "share") & known["role"].isin(["effect", "null"])]
    shares = shares[shares[["zero", "same_lever", "logit"]].notna().all(axis=1)]  # the same rows for all that are compared
    error = lambda column: float((shares[column] - shares["measured"]).abs().mean()) if len(shares) else float("nan")  # noqa: E731
    return {
        "rows": len(part), "measured": len(known), "effects": len(shares), "mae": error("simulated"), "mae_zero": error("zero"),
        "mae_same_lever": error("same_lever"), "mae_logit": error("logit"), "mean_abs_z_0": known["z_0"].abs().mean(),
        "mean_abs_z_3": known["z_3"].abs().mean(), "mean_abs_z_5": known["z_5"].abs().mean(),
        "within_2": int((known["z_3"].abs() <= 2).sum()),
        "inside_share": _share(known["inside"]), "signs": int(part["sign_right"].notna().sum()), "sign_share": _share(part["sign_right"]),
        "rank_correlation": _rank(shares), "nulls": int(part["null_holds"].notna().sum()), "null_share": _share(part["null_holds"]),
    }  # fmt: skip


def _share(flags) -> float:
    flags = flags.dropna()
    return float(flags.astype(bool).mean()) if len(flags) else float("nan")


def _rank(shares) -> float:
    """Spearman's correlation of simulated and measured effects (three or more)."""
    if len(shares) < 3 or shares["simulated"].nunique() < 2:
        return float("nan")
    return float(shares["simulated"].rank().corr(shares["measured"].rank()))
