"""A forecast that can be held against what comes: dated, hashed, with intervals and its assumptions in words.

    forecast = make("id-tk-p", draws=400)          the trial now in the field inside BPJS Ketenagakerjaan (AEARCTR-0015911)
    forecast.rows                                   a frame: every number that is not measured yet, with intervals
    write(forecast, "scenarios/trials/forecasts")   2026-11-20-id-tk-p.json, .md and .png; refuses to write over an older one
    check("scenarios/trials/forecasts/2026-11-20-id-tk-p.json")      is it the text whose hash it carries?

The hash is that of everything said, so a forecast cannot be mended after the fact without another hash; where the repository is public,
its history dates it.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.engines import CODE
from experiments.screens.names import titled
from experiments.screens.words import date as day
from experiments.screens.words import form, text
from experiments.trying.batch import table
from experiments.trying.play import read
from scenarios.posterior import digest
from scenarios.posterior import draws as behaviors
from scenarios.trials import Trial
from simulation.parameters import InputError

#: shares of the draws inside the intervals that are given
INTERVALS = (0.5, 0.9, 0.95)
SIGNIFICANT = 4


class Forecast(NamedTuple):
    """document: what is written (JSON); values: simulated draws by id, for the picture."""

    document: dict
    values: dict[str, np.ndarray]

    @property
    def rows(self):
        import pandas as pd

        return pd.DataFrame(self.document["rows"])


def make(
    name: str | Path = "id-tk-p",
    *,
    draws: int = 400,
    seed: int = 1,
    date: dt.date | None = None,
    processes: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Forecast:
    """Forecast the numbers of a trial that nobody has measured yet. date: the day it is made (today). Raises InputError without any."""
    trial = read(name)
    ahead = [m for m in trial.head.measured if m.value is None]
    if not ahead:
        raise InputError(f"{name}: every number of this trial is measured already; a forecast needs rows without a value")
    members = behaviors()
    if members is None:
        raise InputError("forecast: no posterior is shipped; run `sadar calibrate` first, or name a file in SADAR_POSTERIOR")
    drawn = table([trial], [members[k % len(members)] for k in range(draws)], seed=seed, processes=processes, progress=progress)[trial.name]
    document = {
        "forecast": trial.head.study, "title": trial.head.title, "date": (date or dt.date.today()).isoformat(),
        "rows": [_row(m, drawn[m.id]) for m in ahead], "assumptions": assumptions(trial), "draws": draws, "seed": seed,
        "posterior": digest() or "none", "trial": hashlib.sha256(trial.files[0].read_bytes()).hexdigest(), "code": CODE,
    }  # fmt: skip
    document["sha256"] = hashed(document)
    return Forecast(document, {m.id: drawn[m.id] for m in ahead})


def _row(m, values: np.ndarray) -> dict:
    values = values[np.isfinite(values)]
    told = lambda x: float(f"{x:.{SIGNIFICANT}g}")  # noqa: E731
    row = {"id": m.id, "text": m.text, "unit": m.unit, "measure": m.measure, "arms": dict(m.weights), "median": told(np.median(values))}
    for share in INTERVALS:
        row[f"interval_{round(100 * share)}"] = [told(q) for q in np.quantile(values, ((1 - share) / 2, (1 + share) / 2))]
    return row | {"above_zero_prob": told((values > 0).mean()), "draws": len(values)}


def assumptions(trial: Trial) -> list[str]:
    """What the forecast rests on, in words."""
    context = [f"{c.key} drawn from {c.low:g} to {c.high:g} ({c.shape}): {c.source}" for c in trial.head.context]
    fit = trial.head.fit
    fitted = [f"{fit.key} fitted so that {fit.measure} of arm {fit.arm} is {fit.value:g} ({fit.source})"] if fit else []
    arms = [f"arm {arm.name}: {arm.title}" for arm in trial.head.arm if arm.title]
    return [trial.head.text, *arms, *fitted, *context, "behavior: the posterior calibrated to field trials, none of them in this program"]


def hashed(document: dict) -> str:
    """SHA-256 of everything the document says but the hash itself."""
    said = {key: value for key, value in document.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(said, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()).hexdigest()


def check(path: str | Path) -> bool:
    """Whether a written forecast still says what its hash stands for."""
    document = json.loads(Path(path).read_text(encoding="utf-8"))
    return document.get("sha256") == hashed(document)


def write(forecast: Forecast, folder: str | Path) -> Path:
    """Write NAME.json, NAME.md and NAME.png with NAME = date and trial. Raises InputError where one of that name says something else."""
    from experiments.screens.figure_forecast import save_forecast

    place, document = Path(folder), forecast.document
    place.mkdir(parents=True, exist_ok=True)
    path = place / f"{document['date']}-{document['forecast'].lower()}.json"
    if path.exists() and json.loads(path.read_text(encoding="utf-8")).get("sha256") != document["sha256"]:
        raise InputError(f"{path}: another forecast of this date is there already; a forecast is not written over")
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    path.with_suffix(".md").write_text(page(document), encoding="utf-8")
    save_forecast(forecast, path.with_suffix(".png"))
    return path


def page(document: dict) -> str:
    """The forecast as a page to read."""
    lines = [f"# {text('page_title', date=day(document['date']), title=titled(document['title']))}", ""]
    lines += [text("page_about", name=document["forecast"], sha=document["sha256"]), ""]
    heads = [text("trial_id"), text("what"), text("median_word"), "50 %", "90 %", "95 %", text("page_above_zero")]
    lines += [f"| {' | '.join(heads)} |", "| --- | --- | --- | --- | --- | --- | --- |"]
    for row in document["rows"]:
        show = (lambda x: form(100 * x, ".1f")) if row["unit"] == "share" else (lambda x: form(x, ".2f"))
        spans = [f" {text('to_word')} ".join(show(x) for x in row[f"interval_{round(100 * share)}"]) for share in INTERVALS]
        chance = form(row["above_zero_prob"], ".2f")
        lines.append(f"| {row['id']} | {titled(row['text'])} | {show(row['median'])} | {' | '.join(spans)} | {chance} |")
    lines += ["", text("page_units"), "", f"## {text('page_assumptions')}", "", *(f"* {one}" for one in document["assumptions"]), ""]
    told = {name: document[name] for name in ("draws", "seed", "posterior", "code")}
    return "\n".join([*lines, text("page_made", **told, trial=document["trial"][:12]), ""])
