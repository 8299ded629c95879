"""Does the calibration of a village find what is there? Villages with a planted context, their tables, and how often intervals cover it.

    found = check("kadugenep", villages=60)
    print(summary(found))

Simulation-based (Cook, Gelman and Rubin 2006; Talts et al. 2018): each village is drawn from the prior (context, behavior, errors of the
office, luck), simulated, written to a CSV, and fitted through the front, which knows nothing but that file and the scenario. 90 %
intervals should cover 90 % of what was planted, and 90 % bands 90 % of the months held out. One difference stays, as in life: the prior
of the fit has its middle at the coverage of the table's first month, the planted village at that of the scenario.
"""

import tempfile
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from experiments.calibrating.village import calibrate_village, prepared
from experiments.calibrating.village_behavior import believed
from experiments.calibrating.village_context import behavior_rows, stillness, uncertain
from experiments.calibrating.village_months import play
from experiments.calibrating.village_observed import SERIES, Observed
from experiments.calibrating.village_recording import ERRORS, draw_errors, recorded
from experiments.calibrating.village_score import NAIVE, naive
from experiments.engines import Lost, local
from scenarios.loader import Scenario, load
from simulation.parameters import Parameters
from simulation.timeline import add_months

if TYPE_CHECKING:
    import pandas as pd

#: luck of the planted villages, apart from that of any fit
PLANTED_SEED = 2_000_000_011


def check(
    scenario: Scenario | str | Path,
    *,
    villages: int = 60,
    months: int = 24,
    holdout_months: int = 6,
    draws: int = 1200,
    seed: int = 1,
    behavior: Mapping | None = None,
    series: tuple[str, ...] = SERIES,
    progress: Callable[[int, int], None] | None = None,
    processes: int | None = None,
) -> "pd.DataFrame":
    """Plant, fit and compare; one row for each number of each village (kind "context") and each month held out (kind "held_out"):
    village, kind, key (number or series), truth, low_90, high_90, inside_90, and of months inside_50, error and the naive errors.
    series: the columns of the tables. Several villages are fitted side by side."""
    import pandas as pd

    scenario = scenario if isinstance(scenario, Scenario) else load(scenario)
    columns = believed(scenario.parameters, seed)[0] if behavior is None else behavior
    work = partial(_one, scenario, months, holdout_months, draws, seed, dict(columns), series)
    rows: dict[int, list] = {}
    with closing(local(work, range(villages), processes=processes)) as made:
        for number, found in made:
            if isinstance(found, Lost):
                raise RuntimeError(f"village {number} cannot be fitted: {found.reason}")
            rows[number] = found
            if progress:
                progress(len(rows), villages)
    return pd.DataFrame([row for number in range(villages) for row in rows[number]])


def summary(found: "pd.DataFrame") -> "pd.DataFrame":
    """By kind and key, and for each kind as a whole: how many, the share inside, and mean absolute errors over those of naive forecasts."""
    import pandas as pd

    groups = [((kind, "all"), part) for kind, part in found.groupby("kind", sort=False)]
    groups += list(found.groupby(["kind", "key"], sort=False))
    rows = []
    for (kind, key), part in groups:
        row = {"kind": kind, "key": key, "count": len(part), "inside_50": part["inside_50"].mean(), "inside_90": part["inside_90"].mean()}
        known = [how for how in NAIVE if kind == "held_out" and part[f"error_{how}"].notna().all()]
        rows.append(row | {f"error_over_{how}": part["error"].sum() / part[f"error_{how}"].sum() for how in known})
    return pd.DataFrame(rows)


def plant(parameters: Parameters, rows: list[Mapping[str, float]], number: int, seed: int) -> tuple[np.ndarray, dict[str, float]]:
    """(table [series, month], the planted numbers by key) of one village of the prior of solved parameters."""
    rng = np.random.Generator(np.random.PCG64([seed, 3, number]))
    context, workers = uncertain(parameters), parameters.village.workers
    for attempt in range(1000):
        standard, row = rng.normal(size=(1, len(context))), rows[rng.integers(len(rows))]
        runs = play(parameters, context, standard, [row], seed=PLANTED_SEED, first=1000 * number + attempt, processes=1)
        still = sum(stillness(*levels[0], workers) for levels in (runs.covered, runs.aware))
        if np.log(rng.random()) < still:
            break
    errors = draw_errors(1, rng)
    table = recorded(runs.series, errors, rng)[0]
    table[SERIES.index("active")] = np.minimum(table[SERIES.index("active")], workers)
    table[SERIES.index("paying")] = np.minimum(table[SERIES.index("paying")], table[SERIES.index("active")])
    planted = {thing.key: float(thing.natural(standard[0, k])) for k, thing in enumerate(context)}
    planted |= {"baseline_coverage_share": runs.covered[0, 1] / workers, **dict(zip(ERRORS, errors[0].tolist()))}
    return table, planted


def write_table(path: Path, first, table: np.ndarray, series: tuple[str, ...] = SERIES) -> None:
    """The CSV of a table [series, month] whose first month begins on `first`; NaN is an empty cell."""
    columns = [SERIES.index(name) for name in series]
    lines = [",".join(("month", *series))]
    for m in range(table.shape[1]):
        cells = ["" if np.isnan(x) else f"{x:.0f}" for x in table[columns, m]]
        lines.append(",".join([f"{add_months(first, m):%Y-%m}", *cells]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _one(scenario, months: int, holdout_months: int, draws: int, seed: int, behavior: Mapping, series, number: int) -> list[dict]:
    """One village planted and fitted."""
    levers = scenario.parameters.campaign.levers
    first = min([lever.start for lever in levers], default=scenario.parameters.start).replace(day=1)
    empty = Observed(Path("planted"), [add_months(first, k) for k in range(months)], np.full((len(SERIES), months), np.nan), [0] * months)
    parameters, _ = prepared(scenario.parameters, empty, months)
    table, planted = plant(parameters, behavior_rows(behavior, parameters), number, seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        write_table(path, first, table, series)
        settings = {"holdout_months": holdout_months, "seed": seed + number, "draws": draws, "behavior": behavior}
        fit = calibrate_village(scenario, path, processes=1, **settings)
    rows = []
    for row in fit.context.itertuples():
        truth = planted[row.key]
        inside = {"low_90": row.low, "high_90": row.high, "inside_90": row.low <= truth <= row.high}
        rows.append({"village": number, "kind": "context", "key": row.key, "truth": truth, **inside})
    return rows + _held_out(fit, number)


def _held_out(fit, number: int) -> list[dict]:
    rows = []
    for key, part in fit.months.groupby("series", sort=False):
        training = int((part["part"] == "training").sum())
        guesses = naive(part["observed"].to_numpy(float), training)
        for k, row in enumerate(part.iloc[training:].itertuples()):
            if np.isnan(row.observed):
                continue
            inside = {f"inside_{n}": getattr(row, f"low_{n}") <= row.observed <= getattr(row, f"high_{n}") for n in (50, 90)}
            errors = {f"error_{how}": abs(guess[k] - row.observed) for how, guess in guesses.items()}
            told = {"village": number, "kind": "held_out", "key": key, "truth": row.observed, "low_90": row.low_90, "high_90": row.high_90}
            rows.append({**told, **inside, "error": abs(row.median - row.observed), **errors})
    return rows
