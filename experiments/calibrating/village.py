"""A village calibrated to the table of its BPJS Ketenagakerjaan office, and held against months that it was not shown.

    fit = calibrate_village("lerep", "registrations.csv")
    print(fit.report())                       # which numbers the table tells, how well the held-out months were foretold
    fit.save("out/lerep")                     # village.toml, draws.csv, context.csv, months.csv, score.csv, fit.png, fit.json

The table has a `month` and any of `new_members`, `active`, `paying` (see village_observed). What was going on in those months is the
scenario's campaign. Unknown are numbers of the village (village_context), of the office (village_recording) and behavior, which comes in
draws. Method: approximate Bayesian computation with regression adjustment (village_draws, village_regression).

The run is laid around the table: it begins with the first day of the table's first month, or of the month of the campaign's first lever
where that is earlier, and ends with the table's last month; the scenario's own start and until are not used, its levers keep their dates.
"""

import datetime as dt
import hashlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from experiments.calibrating.village_behavior import believed
from experiments.calibrating.village_context import COVERAGE, VILLAGE, Uncertain, behavior_rows, covered, overrides, uncertain, with_context
from experiments.calibrating.village_draws import Answers, Sample, answers, sample
from experiments.calibrating.village_file import parent_of
from experiments.calibrating.village_observed import SERIES, Observed, read_observed, refuse_more_than
from experiments.calibrating.village_point import fitted_village
from experiments.calibrating.village_regression import effective
from experiments.calibrating.village_result import VillageFit
from experiments.calibrating.village_score import SCORE, score, verdicts
from experiments.calibrating.village_tables import AT_START, bands, context_table, draws_table, months_table, numbers, remarks
from experiments.engines import CODE
from experiments.screens.words import text
from scenarios.loader import Scenario, content_hash, load
from simulation.parameters import InputError, Parameters

#: steps before the start, as in baseline.solve
BURN_IN_WEEKS = 104
LEAST_MONTHS, LEAST_DRAWS = 6, 300
#: what coverage may be read off the first month, and how far (in standard deviations of the prior) it must lie to become its middle
FIRST_MONTH, FAR_SD = (0.002, 0.6), 2.0


def calibrate_village(
    scenario: Scenario | str | Path,
    observed: str | Path,
    *,
    holdout_months: int = 6,
    seed: int = 1,
    draws: int = 2400,
    behavior: Mapping | None = None,
    progress: Callable[[int, int], None] | None = None,
    processes: int | None = None,
) -> VillageFit:
    """Fit the village of a scenario (a name, a file, or loaded) to an office's table.

    The last `holdout_months` calendar months of the table are foretold, not looked at; 0 uses all months, once one knows how far to trust
    the fit. behavior: draws as columns by key, equally likely rows; None: what is shipped (village_behavior); {}: the scenario's own, as if
    it were known. progress is called in this thread with (runs done, of all). The numbers are the same for any number of processes.
    Raises InputError for what cannot be used.
    """
    began = time.perf_counter()
    scenario = scenario if isinstance(scenario, Scenario) else load(scenario)
    table = read_observed(observed)
    _check_whole({"holdout_months": (holdout_months, 0, 120), "draws": (draws, LEAST_DRAWS, 10**6), "seed": (seed, 0, 2**32 - 1)})
    _check_months(table, holdout_months)
    refuse_more_than(table, scenario.parameters.village.workers)
    parameters, context, values = prepared(scenario.parameters, table)
    known = np.isfinite(values)
    known[:, values.shape[1] - holdout_months :] = False
    columns, source = believed(parameters, seed) if behavior is None else (behavior, _given(behavior))
    rows = behavior_rows(columns, parameters)
    told = progress or (lambda done, total: None)
    found = sample(parameters, context, rows, draws=draws, seed=seed, progress=told, processes=processes)
    given = answers(found, parameters, values, known)
    provenance = {
        "scenario": {"name": scenario.name, "title": scenario.title, "hash": content_hash(scenario.parameters)}, "file": str(table.path),
        "file_hash": hashlib.sha256(table.path.read_bytes()).hexdigest(), "holdout_months": holdout_months, "seed": seed, "draws": draws,
        "behavior": source, "code": CODE, "effective_runs": round(effective(given.weights), 1),
        "surprise": given.surprise, "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
    }  # fmt: skip
    fit = _fit(scenario, parameters, values, known, found, given, provenance)
    fit.provenance["wall_seconds"] = round(time.perf_counter() - began, 1)
    return fit


def _fit(scenario: Scenario, parameters: Parameters, values, known, found: Sample, given: Answers, provenance: dict) -> VillageFit:
    """The answers as tables, one village for the scenario's own behavior, and what all that is worth."""
    import pandas as pd

    unknown = numbers(found, given, parameters)
    table = context_table(unknown, found, given)
    standard, runs = fitted_village(parameters, found, values, known, seed=provenance["seed"])
    fitted = with_context(parameters, found.context, standard)
    fitted = fitted.model_copy(update={"village": covered(fitted.village, float(table.set_index("key").loc[AT_START, "median"]))})
    training, band = values.shape[1] - provenance["holdout_months"], bands(given, parameters.village.workers)
    months = months_table(parameters, values, training, band, runs.series.mean(axis=0))
    rows = score(values, band, training)
    return VillageFit(
        parameters=parameters, fitted=fitted, parent=parent_of(scenario), draws=draws_table(unknown, found, given), context=table,
        months=months, score=pd.DataFrame(rows, columns=SCORE), overrides=overrides(fitted),
        remarks=remarks(given, months) + verdicts(rows), provenance=provenance,
    )  # fmt: skip


def prepared(parameters: Parameters, table: Observed) -> tuple[Parameters, list[Uncertain], np.ndarray]:
    """The solved scenario laid around the table, its uncertain numbers, and the table's values [series, month of the run] (NaN before its
    first month). The middle of coverage is the village file's, unless the first month speaks clearly against it (`_first_month`)."""
    from simulation.baseline import solve

    limits = parameters.limits
    if limits.sale_from_week or limits.sale_until_week is not None or limits.exposure_weeks:
        counted = "sale_from_week, sale_until_week and exposure_weeks count from the start, which calibration moves"
        raise InputError(f"limits: {counted}; take them out")
    first = min([table.months[0], *(lever.start.replace(day=1) for lever in parameters.campaign.levers)])
    lead = (table.months[0].year - first.year) * 12 + table.months[0].month - first.month
    values = np.concatenate([np.full((len(SERIES), lead), np.nan), table.values], axis=1)
    village, share = parameters.village, _first_month(values, parameters.village.workers)
    if share and 0 < village.baseline_coverage_share < 1:
        kind = VILLAGE[COVERAGE]
        away = abs(np.log(share / (1 - share)) - np.log(village.baseline_coverage_share / (1 - village.baseline_coverage_share)))
        village = covered(village, share) if away > FAR_SD * kind.sd else village
    update = {"start": first, "until": table.end, "burn_in_weeks": BURN_IN_WEEKS, "village": village}
    unsolved = parameters.model_copy(update=update)
    return solve(unsolved), uncertain(unsolved), values


def _first_month(values: np.ndarray, workers: int) -> float | None:
    """Coverage before the run's first month: members at its end less those who joined in it; None where the table does not tell."""
    joined, active, paying = values[:, 0]
    level = active if np.isfinite(active) else paying
    return float(np.clip((level - np.nan_to_num(joined)) / workers, *FIRST_MONTH)) if np.isfinite(level) else None


def _check_months(table: Observed, holdout_months: int) -> None:
    training = len(table.months) - holdout_months
    told = int(np.isfinite(table.values[:, : max(0, training)]).any(axis=0).sum())
    if told < LEAST_MONTHS:
        raise InputError(
            f"{table.path}: {told} months with numbers before the {holdout_months} that are held out; "
            f"needed: at least {LEAST_MONTHS} (a longer table, or a smaller holdout_months)"
        )
    if holdout_months and not np.isfinite(table.values[:, training:]).any():
        raise InputError(f"{table.path}: no numbers in the last {holdout_months} months, which are held out; take the empty lines out")


def _check_whole(given: dict[str, tuple]) -> None:
    for name, (value, low, high) in given.items():
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or not low <= value <= high:
            raise InputError(f"{name} = {value!r}: not allowed; allowed: a whole number from {low} to {high}")


def _given(behavior: Mapping) -> str:
    return text("fit_given", draws=len(next(iter(behavior.values())))) if len(behavior) else text("fit_own")
