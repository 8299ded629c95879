"""The tables of a village's fit, made from its weighted draws, and the remarks on what they cannot be trusted for."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from experiments.calibrating.village_context import log_odds, scaled
from experiments.calibrating.village_draws import Answers, Sample
from experiments.calibrating.village_observed import SERIES
from experiments.calibrating.village_recording import ERRORS, from_scale
from experiments.calibrating.village_regression import effective, quantiles
from experiments.calibrating.village_score import Bands
from experiments.screens.names import named
from experiments.screens.words import text
from simulation.parameters import Parameters
from simulation.timeline import add_months

if TYPE_CHECKING:
    import pandas as pd

AT = (0.05, 0.25, 0.5, 0.75, 0.95)
#: a number counts as told by the table where its 90 % interval is narrower than this share of what it was before
IDENTIFIED = 0.75
#: what a village's coverage comes to, not drawn but found in each run
AT_START = "coverage_at_start"
#: of the runs that answers are made of
FEWEST = 80
#: share of a series by which the runs of the written village may miss it
FILE_OFF = 0.15
ERROR_TEXT = {"flow_error": "how far new members of a month are written wrong", "stock_error": "the same of active and paying"}


class Number(NamedTuple):
    """An unknown number: before [run] and after [run] on its own scale, and how to read it."""

    key: str
    unit: str
    text: str
    before: np.ndarray
    after: np.ndarray
    natural: object


def numbers(found: Sample, given: Answers, parameters: Parameters) -> list[Number]:
    """All that is unknown: the village's context, its coverage at the start, the office's errors."""
    before = scaled(found.context, found.standard)
    rows = [Number(t.key, t.unit, t.text, before[:, k], given.context[:, k], t.natural) for k, t in enumerate(found.context)]
    covered = log_odds(found.runs.covered[:, 1], parameters.village.workers)
    share = lambda x: 1.0 / (1.0 + np.exp(-x))  # noqa: E731
    rows.append(Number(AT_START, "share", "workers with cover at the start of the run", covered, given.coverage, share))
    for k, key in enumerate(ERRORS):
        rows.append(Number(key, "coefficient of variation", ERROR_TEXT[key], np.log(found.errors[:, k]), given.errors[:, k], np.exp))
    return rows


def context_table(rows: list[Number], found: Sample, given: Answers) -> "pd.DataFrame":
    """key, unit, median, low, high (90 %), the same before the table, width (after over before, on the number's scale), identified,
    places (of low, median and high after the table, on the same scale; 0 to 1 is the interval before), text."""
    import pandas as pd

    told = []
    for row in rows:
        before, after = _interval(row.before, found.weights), _interval(row.after, given.weights)
        places = (after - before[0]) / (before[2] - before[0])
        width = float(places[2] - places[0])
        values = {"": row.natural(after), "prior_": row.natural(before), "place_": places}
        columns = {f"{head}{name}": float(x) for head, three in values.items() for name, x in zip(("low", "median", "high"), three)}
        told.append({"key": row.key, "unit": row.unit, **columns, "width": width, "identified": width < IDENTIFIED, "text": row.text})
    return pd.DataFrame(told)


def _interval(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return quantiles(values[:, None], weights, (0.05, 0.5, 0.95))[:, 0]


def draws_table(rows: list[Number], found: Sample, given: Answers) -> "pd.DataFrame":
    """The draws that have weight: weight (sum one), the row of behavior they ran with, and every unknown number in its unit."""
    import pandas as pd

    kept = np.flatnonzero(given.weights > 0)
    columns = {row.key: row.natural(row.after[kept]) for row in rows}
    return pd.DataFrame({"weight": given.weights[kept], "behavior_row": found.rows[kept], **columns})


def bands(given: Answers, workers: int) -> Bands:
    """What the office would write, month by month; never more than all workers."""
    flat = given.months.reshape(len(given.months), -1)
    found = np.minimum(from_scale(quantiles(flat, given.weights, AT)), workers)
    return Bands(*found.reshape(len(AT), *given.months.shape[1:]))


def months_table(parameters: Parameters, table: np.ndarray, training: int, found: Bands, fitted: np.ndarray) -> "pd.DataFrame":
    """series, month, part (training, held_out), observed, the bands, and village_file: mean [series, month] of its runs."""
    import pandas as pd

    rows = []
    for k, series in enumerate(SERIES):
        for m in range(table.shape[1]):
            part = "training" if m < training else "held_out"
            row = {"series": series, "month": f"{add_months(parameters.start, m):%Y-%m}", "part": part, "observed": table[k, m]}
            rows.append(row | {name: column[k, m] for name, column in found._asdict().items()} | {"village_file": fitted[k, m]})
    return pd.DataFrame(rows)


def remarks(given: Answers, months: "pd.DataFrame") -> list[str]:
    """What not to trust, apart from the score: no run like the table, few runs, a written village that goes another way."""
    told = []
    seen = months[months["observed"].notna() & (months["part"] == "training")]
    inside = ((seen["low_90"] <= seen["observed"]) & (seen["observed"] <= seen["high_90"])).mean()
    if given.surprise < 0.01 or inside < 0.7:
        told.append(text("fit_surprise", inside=inside, surprise=given.surprise))
    if effective(given.weights) < FEWEST:
        told.append(text("fit_few", effective=effective(given.weights), needed=FEWEST))
    for series, part in seen.groupby("series", sort=False):
        off = float((part["village_file"] - part["observed"]).abs().sum() / max(part["observed"].sum(), 1.0))
        if off > FILE_OFF:
            told.append(text("fit_file_off", series=named("series", series), off=off))
    return told
