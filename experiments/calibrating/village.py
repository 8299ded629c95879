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
from experiments.calibrating.village_context import behavior_rows, overrides, uncertain, with_context
from experiments.calibrating.village_draws import Answers, Sample, answers, sample
from experiments.calibrating.village_file import parent_of
from experiments.calibrating.village_observed import SERIES, Observed, read_observed, refuse_more_than
from experiments.calibrating.village_point import fitted_village
from experiments.calibrating.village_regression import effective
from experiments.calibrating.village_result import VillageFit
from experiments.calibrating.village_score import SCORE, score, verdicts
from experiments.calibrating.village_tables import bands, context_table, draws_table, months_table, numbers, remarks
from experiments.engines import CODE
from scenarios.loader import Scenario, content_hash, load
from simulation.parameters import InputError, Parameters

#: steps before the start, as in baseline.solve
BURN_IN_WEEKS = 104
LEAST_MONTHS, LEAST_DRAWS = 6, 300
#: what coverage may be read off the first month
COVERAGE = (0.002, 0.6)


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
    training = _training(table, holdout_months)
    refuse_more_than(table, scenario.parameters.village.workers)
    parameters, values = prepared(scenario.parameters, table, training)
    known = np.isfinite(values)
    known[:, values.shape[1] - holdout_months :] = False
    columns, source = believed(parameters, seed) if behavior is None else (behavior, f"behavior: {_rows_of(behavior)}")
    context, rows = uncertain(parameters), behavior_rows(columns, parameters)
    told = progress or (lambda done, total: None)
    found = sample(parameters, context, rows, draws=draws, seed=seed, progress=told, processes=processes)
    given = answers(found, parameters, values, known)
    provenance = {
        "scenario": {"name": scenario.name, "title": scenario.title, "hash": content_hash(scenario.parameters)}, "file": str(table.path),
        "file_hash": hashlib.sha256(table.path.read_bytes()).hexdigest(), "holdout_months": holdout_months, "seed": seed, "draws": draws,
        "behavior": source, "code": CODE, "effective_runs": round(effective(given.weights), 1),
        "surprise": given.surprise, "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
    }  # fmt: skip
    fit = _fit(scenario, parameters, context, values, known, found, given, provenance)
    fit.provenance["wall_seconds"] = round(time.perf_counter() - began, 1)
    return fit


def _fit(scenario: Scenario, parameters: Parameters, context, values, known, found: Sample, given: Answers, provenance: dict) -> VillageFit:
    """The answers as tables, one village for the scenario's own behavior, and what all that is worth."""
    import pandas as pd

    unknown = numbers(context, found, given, parameters)
    table = context_table(unknown, found, given)
    standard, runs = fitted_village(parameters, context, found, values, known, seed=provenance["seed"])
    fitted = with_context(parameters, context, standard)
    coverage = float(table.set_index("key").loc["baseline_coverage_share", "median"])
    fitted = fitted.model_copy(update={"village": fitted.village.model_copy(update={"baseline_coverage_share": coverage})})
    training, band = values.shape[1] - provenance["holdout_months"], bands(given)
    months = months_table(parameters, values, training, band, runs.series.mean(axis=0))
    rows = score(values, band, training)
    return VillageFit(
        parameters=parameters, fitted=fitted, parent=parent_of(scenario), draws=draws_table(unknown, found, given), context=table,
        months=months, score=pd.DataFrame(rows, columns=SCORE), overrides=overrides(fitted),
        remarks=verdicts(rows) + remarks(given, months), provenance=provenance,
    )  # fmt: skip


def prepared(parameters: Parameters, table: Observed, training: int) -> tuple[Parameters, np.ndarray]:
    """The solved scenario laid around the table, and the table's values [series, month of the run] (NaN before its first month).

    Where the run begins with the table, the village's coverage is taken from the first month: those with cover at its end, less those
    who joined in it. The three solved numbers then are the middle of what is believed.
    """
    from simulation.baseline import solve

    limits = parameters.limits
    if limits.sale_from_week or limits.sale_until_week is not None or limits.exposure_weeks:
        counted = "sale_from_week, sale_until_week and exposure_weeks count from the start, which calibration moves"
        raise InputError(f"limits: {counted}; take them out")
    first = min([table.months[0], *(lever.start.replace(day=1) for lever in parameters.campaign.levers)])
    lead = (table.months[0].year - first.year) * 12 + table.months[0].month - first.month
    values = np.concatenate([np.full((len(SERIES), lead), np.nan), table.values], axis=1)
    village = parameters.village
    covered = table.values[SERIES.index("active"), 0], table.values[SERIES.index("paying"), 0]
    level = next((x for x in covered if np.isfinite(x)), np.nan)
    if lead == 0 and np.isfinite(level) and training:
        joined = np.nan_to_num(table.values[SERIES.index("new_members"), 0])
        share = float(np.clip((level - joined) / village.workers, *COVERAGE))
        village = village.model_copy(update={"baseline_coverage_share": share})
    update = {"start": first, "until": table.end, "burn_in_weeks": BURN_IN_WEEKS, "village": village}
    return solve(parameters.model_copy(update=update)), values


def _training(table: Observed, holdout_months: int) -> int:
    """Months of the table that may be looked at."""
    training = len(table.months) - holdout_months
    told = int(np.isfinite(table.values[:, : max(0, training)]).any(axis=0).sum())
    if told < LEAST_MONTHS:
        raise InputError(
            f"{table.path}: {told} months with numbers before the {holdout_months} that are held out; "
            f"needed: at least {LEAST_MONTHS} (a longer table, or a smaller holdout_months)"
        )
    if holdout_months and not np.isfinite(table.values[:, training:]).any():
        raise InputError(f"{table.path}: no numbers in the last {holdout_months} months, which are held out; take the empty lines out")
    return training


def _check_whole(given: dict[str, tuple]) -> None:
    for name, (value, low, high) in given.items():
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or not low <= value <= high:
            raise InputError(f"{name} = {value!r}: not allowed; allowed: a whole number from {low} to {high}")


def _rows_of(behavior: Mapping) -> str:
    return f"{len(next(iter(behavior.values())))} draws given" if len(behavior) else "the scenario's own, as if it were known"
