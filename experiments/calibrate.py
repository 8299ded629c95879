"""Calibrate behavior to field trials: from prior beliefs and what was measured to a set of draws that fits both.

    made = calibrate()                          the public trials; about twenty minutes on two cores
    made.draws                                  a frame: a row a draw, a column a key of behavior
    made.write()                                scenarios/beliefs/posterior.csv, .toml and without/STUDY.csv

Method (likelihood-free): synthetic likelihood (Wood 2010) with regression emulators of every trial, in waves that move toward what fits
(history matching: Craig et al. 1997), sampled by tempered sequential Monte Carlo (Del Moral, Doucet and Jasra 2006). A simulated trial is
a draw of `experiments.trying.play`: its open context is drawn and one number of it fitted to the control arm, so context is a nuisance
that scatters what is simulated, and calibration learns about behavior what treated arms say beyond it.
"""

import datetime as dt
import functools
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.calibrating import coverage as checking
from experiments.calibrating import priors as believing
from experiments.calibrating.emulate import emulate_each
from experiments.calibrating.identify import learned, together
from experiments.calibrating.infer import Fit, fits, infer
from experiments.calibrating.likelihood import Target, target
from experiments.calibrating.rows import simulated, targets_of
from experiments.engines import CODE
from experiments.screens.words import text
from experiments.trials import public
from experiments.trying.play import read
from scenarios.posterior import BELIEFS
from scenarios.trials import Trial
from simulation.parameters import InputError

METHOD = "Synthetic likelihood with regression emulators in waves, tempered sequential Monte Carlo"
#: rows simulated from the prior, then near the posterior, wave by wave
WAVES = (1024, 512, 512)
#: between waves the posterior is blurred by so many prior standard deviations, so that its edges are explored
BLUR = 0.35
DRAWS, DRAWS_WITHOUT, WORLDS = 256, 128, 60
#: what differs between a field and any model of it: points of a share; of slopes and ratios a part of what was measured
DISCREPANCY = {"share": 0.03, "slope": 0.15, "ratio": 0.05}
#: simulated numbers are kept within this many standard deviations of the measured: an emulator need not follow them farther
FAR = 12.0


class Calibration(NamedTuple):
    """draws: frame [draw, key]; without: the same by study left out; points: median of each key; fits: posterior predictive checks;
    coverage: the check in synthetic worlds (None where it was not asked for); about: provenance."""

    draws: "object"
    without: dict[str, "object"]
    points: dict[str, float]
    z: np.ndarray
    fits: list[Fit]
    coverage: checking.Coverage | None
    about: dict

    def write(self, folder: Path = BELIEFS) -> Path:
        """Write posterior.csv, posterior.toml and without/STUDY.csv."""
        return _write(self, Path(folder))


def calibrate(
    names: Sequence[str] = (),
    *,
    waves: Sequence[int] = WAVES,
    draws: int = DRAWS,
    worlds: int = WORLDS,
    seed: int = 1,
    processes: int | None = None,
    progress: Callable[[int, int, str], None] | None = None,
    tables: Path | None = None,
) -> Calibration:
    """Calibrate to trials (all public ones where no names are given). worlds: synthetic worlds for the check of coverage (0: none).

    tables: a folder in which simulated rows are kept, and taken from when they are there: a broken calibration goes on where it was, and a
    changed trial is simulated alone.
    """
    began, trials = time.perf_counter(), [read(name) for name in (list(names) or public())]
    trials = [trial for trial in trials if targets_of(trial)]
    if not trials:
        raise InputError("calibrate: none of these trials has numbers to be calibrated to (calibrate = true, with a value)")
    priors, made, z = believing.read(), [], None
    for wave, count in enumerate(waves):
        z = _wave(priors, z, wave, count, seed, made)
        rows = Rows(z, {})
        for k, trial in enumerate(trials):
            told = functools.partial(_told, progress, k, len(trials), text("wave", wave=wave + 1, waves=len(waves)))
            rows.summaries[trial.name] = simulated(trial, z, priors, seed=seed, folder=tables, processes=processes, progress=told)
        made = _targets(trials, rows, processes=processes)
    posterior = infer(made, seed=seed, particles=max(1500, draws), draws=draws)
    without = {}
    for study in dict.fromkeys(trial.head.study for trial in trials):
        gone = [trial.name for trial in trials if trial.head.study == study]
        if len(gone) < len(trials):
            without[study] = infer(made, seed=seed, draws=DRAWS_WITHOUT, left_out=gone).z
    found = _coverage(trials, rows, waves[0], worlds, seed, processes) if worlds else None
    frame = lambda z: _frame(priors, z)  # noqa: E731
    about = _about(trials, waves, seed, time.perf_counter() - began, posterior)
    points = dict(zip(priors.names, believing.to_natural(priors, np.median(posterior.z, axis=0)).tolist()))
    checks = fits(made, posterior.z, seed=seed)
    return Calibration(frame(posterior.z), {s: frame(z) for s, z in without.items()}, points, posterior.z, checks, found, about)


def document(made: Calibration) -> dict:
    """The calibration as plain values: what was learned of each parameter, pairs that are only known together, coverage, provenance."""
    priors = believing.read()
    before = believing.to_natural(priors, np.zeros((1, len(priors.names))))[0]
    rows = [
        {"key": one.name, "prior_median": float(before[k])}
        | {n: getattr(one, n) for n in ("median", "low", "high", "contraction", "verdict")}
        for k, one in enumerate(learned(priors, made.z))
    ]
    seen = made.coverage
    names = ("overall", "interval", "informed", "informed_interval", "informed_count", "passed")
    cover = {"worlds": len(seen.covered)} | {name: getattr(seen, name) for name in names} if seen else None
    pairs = [list(pair) for pair in together(priors.names, made.z)]
    return {"parameters": rows, "pairs": pairs, "coverage": cover, "fits": [fit._asdict() for fit in made.fits], "about": made.about}


# ------------------------------------------------------------------ inference


def _told(progress, before: int, trials: int, words: str, done: int, total: int) -> None:
    if progress:
        progress(before * total + done, trials * total, words)


class Rows(NamedTuple):
    """Simulated rows of all waves: z [row, p], summaries [row, s] by trial."""

    z: np.ndarray
    summaries: dict[str, np.ndarray]


def _wave(priors, before: np.ndarray | None, wave: int, count: int, seed: int, targets: list[Target]) -> np.ndarray:
    """Parameters of all waves up to this one: first draws of the prior, then of the posterior of the waves before, blurred."""
    rng = np.random.Generator(np.random.PCG64([seed, wave]))
    if before is None:
        return believing.draw(priors, count, rng)
    near = infer(targets, seed=seed + wave, draws=min(count, 1500)).z
    return np.concatenate([before, near[rng.integers(len(near), size=count)] + BLUR * rng.standard_normal((count, near.shape[1]))])


def _targets(trials: Sequence[Trial], rows: Rows, chosen=slice(None), processes: int | None = None) -> list[Target]:
    """A target for each trial, its emulator made from the chosen rows."""
    seen = [_observed(trial) for trial in trials]
    tables = [_near(rows.summaries[trial.name][chosen], *one) for trial, one in zip(trials, seen)]
    emulators = emulate_each(rows.z[chosen], tables, processes=processes)
    return [target(trial.name, e, one.value, one.error, one.slack) for trial, e, one in zip(trials, emulators, seen)]


class Observed(NamedTuple):
    """What was measured, its standard error, and what differs between a field and any model of it; arrays [s]."""

    value: np.ndarray
    error: np.ndarray
    slack: np.ndarray


def _observed(trial: Trial) -> Observed:
    wanted = targets_of(trial)
    slack = [DISCREPANCY[m.unit] * (1.0 if m.unit == "share" else abs(m.value)) for m in wanted]
    return Observed(np.array([m.value for m in wanted]), np.array([m.error for m in wanted]), np.array(slack))


def _near(summaries: np.ndarray, value: np.ndarray, error: np.ndarray, slack: np.ndarray) -> np.ndarray:
    """Summaries cut at FAR standard deviations from what was measured."""
    width = FAR * np.hypot(error, slack)
    return np.clip(summaries, value - width, value + width)


def _coverage(trials, rows: Rows, first: int, worlds: int, seed: int, processes) -> checking.Coverage:
    """Inference in worlds from the first wave (`first` rows of the prior), with emulators that have seen the other rows of it only."""
    training, held = checking.hold_out(first, worlds, seed=seed)
    made = _targets(trials, rows, training, processes)
    summaries = [_near(rows.summaries[trial.name][held], *_observed(trial)) for trial in trials]
    return checking.coverage(made, rows.z[held], summaries, seed=seed, processes=processes)


def _frame(priors, z: np.ndarray):
    import pandas as pd

    rows = [believing.as_behavior(priors, row) for row in believing.to_natural(priors, z)]
    return pd.DataFrame([{k: float(f"{x:.6g}") if isinstance(x, float) else x for k, x in row.items()} for row in rows])


def _about(trials, waves, seed, seconds: float, posterior) -> dict:
    return {
        "date": dt.date.today().isoformat(), "method": METHOD, "seed": seed, "code": CODE, "waves": list(waves),
        "trials": [t.name for t in trials],
        "numbers": sum(len(targets_of(t)) for t in trials), "minutes": round(seconds / 60, 1),
        "log_evidence": round(posterior.log_evidence, 2), "temperatures": len(posterior.stages),
    }  # fmt: skip


def _write(made: Calibration, folder: Path) -> Path:
    (folder / "without").mkdir(parents=True, exist_ok=True)
    for old in (folder / "without").glob("*.csv"):
        old.unlink()
    for study, frame in made.without.items():
        frame.to_csv(folder / "without" / f"{study}.csv", index=False)
    made.draws.to_csv(folder / "posterior.csv", index=False)
    lines = ["# Where posterior.csv comes from; written by `sadar calibrate`.", 'kind = "posterior"']
    lines += [f"{key} = {json.dumps(value)}" for key, value in made.about.items()]
    (folder / "posterior.toml").write_text("\n".join(lines) + "\n")
    return folder / "posterior.csv"
