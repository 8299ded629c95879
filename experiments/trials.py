"""Does the simulation reproduce field trials? Simulated beside measured effects, arm by arm, with what it has to beat.

    scores = trials()                              the shipped trials under the shipped posterior
    scores.rows; scores.summary                    pandas frames: a row for each measured number, a row for each study
    trials(["my/trial.toml"], draws=200)           somebody else's trial: a TOML file (format: scenarios/trials.py)
    trials(left_out=True)                          each study under the posterior that has not seen it

For every draw a behavior is taken from the posterior, the trial's open context is drawn, one number of it is fitted to the control arm, and
the treated arms are predicted. Nothing else looks at results, and every row is shown.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.engines import CODE
from experiments.trying.batch import MISS, table
from experiments.trying.play import CLOSE, read
from experiments.trying.score import scored, summary
from scenarios.posterior import BELIEFS, digest
from scenarios.posterior import draws as behaviors
from scenarios.posterior import read as read_draws
from scenarios.reading import names as shipped_names
from scenarios.trials import Trial, load_trial
from simulation.parameters import InputError

BEHAVIORS = ("posterior", "point")
RESERVE = Path(__file__).resolve().parent.parent / "scenarios" / "trials" / "reserve"


class Scores(NamedTuple):
    """rows: a frame with a row for each measured number (columns: experiments/trying/score.py); summary: a row a study and one for all;
    fits: how well the fitted arms were met, a row a trial; provenance: seed, draws, behavior, code."""

    rows: "object"
    summary: "object"
    fits: "object"
    provenance: dict

    def save(self, folder: str | Path) -> Path:
        """scores.csv, summary.csv, fits.csv, provenance.json and forest.png in a folder."""
        from experiments.screens.figure_trials import save_forest

        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        for name in ("rows", "summary", "fits"):
            getattr(self, name).to_csv(place / f"{'scores' if name == 'rows' else name}.csv", index=False)
        (place / "provenance.json").write_text(json.dumps(self.provenance, indent=2) + "\n")
        save_forest(self, place / "forest.png")
        return place


def public() -> list[str]:
    """Names of the shipped trials that have measured numbers."""
    found = [name for name, _, _ in shipped_names("trial")]
    return [name for name in found if any(m.value is not None for m in load_trial(name).head.measured)]


def reserve() -> list[str]:
    """Paths of the trials kept in reserve: orderings, signs and nulls that calibration never sees."""
    return [str(path) for path in sorted(RESERVE.glob("*.toml"))]


def trials(
    names: Iterable[str | Path] = (),
    *,
    draws: int = 100,
    seed: int = 1,
    behavior: str = "posterior",
    left_out: bool = False,
    processes: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Scores:
    """Play trials (names or files; all public ones where absent) in `draws` draws each and score them.

    behavior: "posterior" (each draw another member of the shipped posterior) or "point" (the defaults). left_out: each study is played
    under the draws that were calibrated without it. Raises InputError for trials, draws or behaviors that cannot be had.
    """
    if behavior not in BEHAVIORS:
        raise InputError(f"behavior = {behavior!r}: not allowed; allowed: {' or '.join(BEHAVIORS)}")
    if not isinstance(draws, int) or not 1 <= draws <= 100_000:
        raise InputError(f"draws = {draws!r}: not allowed; allowed: a whole number from 1 to 100000")
    loaded = [read(name) for name in (list(names) or public())]
    drawn: dict[str, dict[str, np.ndarray]] = {}
    total, done = len(loaded) * draws, 0
    for group, under in _groups(loaded, draws, behavior, left_out):
        told = (lambda now, _, before=done: progress(before + now, total)) if progress else None
        drawn |= table(group, under, seed=seed, processes=processes, progress=told)
        done += len(group) * draws
    rows = scored(loaded, drawn)
    about = {"draws": draws, "seed": seed, "behavior": behavior, "left_out": left_out, "posterior": digest(), "code": CODE}
    return Scores(rows, summary(rows), _fits(loaded, drawn), about)


def _groups(loaded: Sequence[Trial], draws: int, behavior: str, left_out: bool) -> list[tuple[list[Trial], list[Mapping[str, float]]]]:
    """Trials that are played under the same behaviors, with these."""
    if behavior == "point":
        return [(list(loaded), [{}] * draws)]
    members = behaviors()
    if members is None:
        raise InputError("no posterior is shipped: give behavior point, run `sadar calibrate`, or name a file in SADAR_POSTERIOR")
    if not left_out:
        return [(list(loaded), _cycled(members, draws))]
    studies = dict.fromkeys(trial.head.study for trial in loaded)
    return [([t for t in loaded if t.head.study == study], _cycled(without(study) or members, draws)) for study in studies]


def without(study: str) -> tuple[dict, ...] | None:
    """Draws calibrated without a study; None where calibration has not seen it anyway."""
    path = BELIEFS / "without" / f"{study}.csv"
    return tuple(read_draws(path).rows.values()) if path.is_file() else None


def _cycled(members: Sequence[Mapping[str, float]], draws: int) -> list[Mapping[str, float]]:
    return [members[k % len(members)] for k in range(draws)]


def _fits(loaded: Sequence[Trial], drawn: dict):
    """How near the fitted arms came to what they were fitted to."""
    import pandas as pd

    rows = []
    for trial in loaded:
        miss = np.abs(drawn[trial.name][MISS])
        fit = trial.head.fit
        key, arm = (fit.key, fit.arm) if fit else ("", "")
        met = float((miss <= 2 * CLOSE).mean())
        rows.append({"trial": trial.name, "key": key, "arm": arm, "median_miss": float(np.median(miss)), "met_share": met})
    return pd.DataFrame(rows)
