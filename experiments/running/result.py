"""What a run found: tables, what was observed, and a folder that is written whole or not at all."""

import datetime as dt
import functools
import json
import math
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from experiments.running import luck
from experiments.running.drafts import drafted, recover
from experiments.running.keys import HEADLINES
from experiments.screens.words import text
from scenarios.loader import Observation
from scenarios.posterior import Posterior, drawn, of_document, place
from simulation import ledger, outcomes
from simulation.parameters import InputError, Parameters

KIND, FORMAT = "sadar run", 1
KEY = ("measure", "month", "group_kind", "group")
#: room for rounding where a value stands on the edge of a tolerance
ROUNDING = 1e-9
#: runs from which a 5-95 % range can be read off the runs themselves
ENOUGH = 19
#: what a folder of ours may hold beside the files that its run.json names, and what file managers leave behind
OURS = {"summary.json", "weekly.parquet", "ledger.parquet", "run.json", "figure.png"}
LITTER = {".DS_Store", "Thumbs.db", "desktop.ini"}


@dataclass
class Result:
    """What a run gives. `keys` name the columns of `values` [replicate, key]; see `outcomes.MEASURES` for units.

    posterior: the draws of behavior that its replicates have, None where all have that of `parameters`; twins [twin, key]: the first
    replicates once more, with the same draw and other luck.
    """

    parameters: Parameters
    observations: tuple[Observation, ...]
    keys: list[tuple[str, str, str, str]]
    values: np.ndarray
    simulated: np.ndarray
    weekly: pd.DataFrame | None
    ledger: pd.DataFrame
    provenance: dict
    posterior: Posterior | None = None
    twins: np.ndarray | None = None

    @classmethod
    def of(cls, done: list[dict], parameters: Parameters, observed, provenance: dict, posterior: Posterior | None = None) -> "Result":
        """Put the payloads of `one` together."""
        keys = list(dict.fromkeys(key for d in done for key in d["values"]))
        values = np.array([[d["values"].get(key, np.nan) for key in keys] for d in done])
        simulated = np.array([d["observed"] for d in done], float).reshape(len(done), len(observed))
        names = [d["replicate"] for d in done]
        kept = done[0]["weekly"] is not None
        weekly = outcomes.weekly_frame(np.stack([d["weekly"] for d in done]), parameters, names) if kept else None
        money = ledger.frame(np.concatenate([d["ledger"] for d in done]), parameters, np.repeat(names, [len(d["ledger"]) for d in done]))
        twins = [[d["twin"].get(key, np.nan) for key in keys] for d in done if "twin" in d]
        twins = np.array(twins) if twins else None
        return cls(parameters, tuple(observed), keys, values, simulated, weekly, money, provenance, posterior, twins)

    @functools.cached_property
    def summary(self) -> pd.DataFrame:
        """Tidy: replicate, measure, month ("0", "4", ..., "end"), group_kind, group, value; NaN where there is no denominator."""
        runs = len(self.values)
        columns = {name: np.tile(np.array(x, object), runs) for name, x in zip(KEY, zip(*self.keys))}
        table = pd.DataFrame({"replicate": np.repeat(np.arange(runs), len(self.keys)), **columns, "value": self.values.ravel()})
        absent = (table["group_kind"] == "community") & table["value"].isna()  # replicates differ in their number of communities
        return table[~absent].reset_index(drop=True)

    def table(self, measures: Iterable[str] | None = None, months: Iterable | None = None, group_kind: str | None = None) -> pd.DataFrame:
        """Median and range over the runs: measure, month, group_kind, group, median, low, high, runs (with a value), unit.

        low to high is the 5-95 % range (quantiles at rank p (R + 1), of R runs), from fewer than 19 runs smallest to largest: see `note`.
        """
        for name in measures or ():
            if name not in outcomes.MEASURES:
                raise InputError(f"no measure {name!r}; known: {', '.join(outcomes.MEASURES)}")
        wanted = [set(map(str, x)) if x is not None else None for x in (measures, months, None if group_kind is None else [group_kind])]
        columns = [k for k, key in enumerate(self.keys) if all(w is None or part in w for w, part in zip(wanted, key))]
        low, median, high = spread(self.values[:, columns])
        out = pd.DataFrame([self.keys[k] for k in columns], columns=list(KEY))
        runs = np.isfinite(self.values[:, columns]).sum(axis=0)
        return out.assign(median=median, low=low, high=high, runs=runs, unit=[outcomes.MEASURES[m][0] for m in out["measure"]])

    def behaviors(self) -> pd.DataFrame:
        """The behavior of each replicate (index): a column for each key of the posterior; no columns where all have the same."""
        runs, seed = range(len(self.values)), self.provenance.get("seed", 0)
        if self.posterior is None:
            return pd.DataFrame(index=runs)
        given = [drawn(self.parameters, place(seed, r, self.posterior.count), self.posterior).behavior for r in runs]
        return pd.DataFrame([{key: getattr(one, key) for key in self.posterior.keys} for one in given], index=runs)

    def luck(self, measures: Iterable[str] = HEADLINES) -> pd.DataFrame:
        """Why the runs differ: measure, month, sd (over the runs), luck_share of the variance, luck_low, luck_high (95 %), behavior_share
        (the rest: what is unknown about people), twins it rests on. Of all workers. No rows where all runs have the same behavior, or
        there are too few."""
        if self.twins is None:
            return pd.DataFrame(columns=["measure", "month", "sd", "luck_share", "luck_low", "luck_high", "behavior_share", "twins"])
        wanted = set(measures)
        columns = [k for k, (measure, month, kind, _) in enumerate(self.keys) if measure in wanted and kind == "all" and month != "0"]
        values, found = self.values[:, columns], luck.luck(self.values[:, columns], self.twins[:, columns])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            sd = np.nanstd(values, axis=0, ddof=1)
        about = {"measure": [self.keys[k][0] for k in columns], "month": [self.keys[k][1] for k in columns], "sd": sd}
        about |= {"luck_share": found.share, "luck_low": found.low, "luck_high": found.high, "behavior_share": 1.0 - found.share}
        return pd.DataFrame(about | {"twins": found.twins})

    @property
    def note(self) -> str:
        """How far the ranges can be trusted."""
        runs = len(self.values)
        if runs == 1:
            return text("note_one")
        if runs < ENOUGH:
            return text("note_few", runs=runs, held=100 * (runs - 1) / (runs + 1), enough=ENOUGH)
        how = text("note_luck" if self.posterior is None else "note_behavior")
        return text("note_range", runs=runs, how=how, few=text("note_ends") if runs < 60 else "")

    def observed(self) -> pd.DataFrame:
        """Simulated beside observed, misses included: within (the median lies in the tolerance), share_within (of the runs), miss_share
        (median over observed, minus 1). Where only words were observed these are missing."""
        low, median, high = spread(self.simulated)
        rows = []
        for k, seen in enumerate(self.observations):
            told = seen.value is not None and seen.tolerance_share is not None and math.isfinite(median[k])
            off = np.abs(self.simulated[:, k] - seen.value) - seen.tolerance_share * seen.value if told else None
            row = {name: getattr(seen, name) for name in ("measure", "date", "kind")} | {"observed": seen.value}
            row |= {"tolerance_share": seen.tolerance_share, "median": median[k], "low": low[k], "high": high[k]}
            row["within"] = bool(abs(median[k] - seen.value) <= seen.tolerance_share * seen.value + ROUNDING) if told else None
            row["share_within"] = float((off <= ROUNDING).mean()) if told else None
            row["miss_share"] = median[k] / seen.value - 1.0 if seen.value else None
            rows.append(row | {name: getattr(seen, name) for name in ("text", "source", "grade")})
        return pd.DataFrame(rows)

    def document(self) -> dict:
        """The result for people and programs, as plain values: provenance, note, observed, luck, table (without single communities),
        and what the measures mean."""
        used, table = {key[0] for key in self.keys}, self.table()
        return {
            **self.provenance, "note": self.note, "observed": _records(self.observed()), "luck": _records(self.luck()),
            "table": _records(table[table["group_kind"] != "community"]),
            "measures": [{"measure": m, "unit": u, "of": of, "meaning": x} for m, (u, of, x) in outcomes.MEASURES.items() if m in used],
        }  # fmt: skip

    def save(self, directory: str | Path, figures: Callable[["Result", Path], None] | None = None) -> Path:
        """Write summary.json, weekly.parquet (if kept), ledger.parquet and run.json to a folder, all or nothing.

        The files are made in a folder beside it and renamed when complete. An older result is replaced, any other folder that
        is not empty is refused with InputError. `figures(result, folder)` may add files to the unfinished folder.
        """
        target = Path(directory).resolve()
        with drafted(target, refuse_others) as draft:
            if self.weekly is not None:
                self.weekly.to_parquet(draft / "weekly.parquet", index=False)
            self.ledger.to_parquet(draft / "ledger.parquet", index=False)
            values = {"keys": self.keys, "values": _finite(self.values), "simulated": _finite(self.simulated)}
            values |= {} if self.twins is None else {"twins": _finite(self.twins)}
            (draft / "summary.json").write_text(_lines(self.document() | values), encoding="utf-8")
            if figures:
                figures(self, draft)
            files = sorted(p.name for p in draft.iterdir())
            seen = [o.model_dump(mode="json") for o in self.observations]
            about = {"kind": KIND, "format": FORMAT, **self.provenance, "files": files, "observations": seen}
            about["parameters"] = self.parameters.model_dump(mode="json")
            about |= {} if self.posterior is None else {"draws": self.posterior.document()}
            (draft / "run.json").write_text(json.dumps(about, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        return target


def load(directory: str | Path) -> Result:
    """Read what `Result.save` wrote. Raises InputError naming the folder or file that is not a sound result."""
    folder = Path(directory).resolve()
    recover(folder)
    about = _run_json(folder)
    if about is None:
        raise InputError(f"{folder}: no result of `sadar run` (no run.json of its kind)")
    try:
        told = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        weekly = pd.read_parquet(folder / "weekly.parquet") if "weekly.parquet" in about["files"] else None
        parameters = Parameters.model_validate_json(json.dumps(about.pop("parameters")))
        seen = tuple(Observation.model_validate_json(json.dumps(o)) for o in about.pop("observations"))
        posterior = of_document(about.pop("draws")) if "draws" in about else None
        values, simulated = np.array(told["values"], float), np.array(told["simulated"], float)
        twins = np.array(told["twins"], float) if "twins" in told else None
        simulated = simulated.reshape(len(values), len(seen))
        provenance = {name: x for name, x in about.items() if name not in ("kind", "format", "files")}
        money = pd.read_parquet(folder / "ledger.parquet")
        keys = [tuple(key) for key in told["keys"]]
        return Result(parameters, seen, keys, values, simulated, weekly, money, provenance, posterior, twins)
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise InputError(f"{folder}: the result cannot be read ({problem})") from None


def spread(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """5 % quantile, median and 95 % quantile of each column of [run, column] without its NaNs; quantile p at rank p (R + 1), at
    most the extremes, so that few runs give their smallest and largest. NaN where no run has a value."""
    if not values.size:
        return (np.full(values.shape[1], np.nan),) * 3
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        low, high = np.nanquantile(values, [0.05, 0.95], axis=0, method="weibull")
        return low, np.nanmedian(values, axis=0), high


# ------------------------------------------------------------------ files


def _finite(values: np.ndarray) -> list:
    return [[x if math.isfinite(x) else None for x in row] for row in values.tolist()]


def _records(table: pd.DataFrame) -> list[dict]:
    """Rows as dicts of plain values, None for what is missing."""
    plain = lambda x: None if x is None or x != x else x.isoformat() if isinstance(x, dt.date) else getattr(x, "item", lambda: x)()  # noqa: E731
    return [{name: plain(x) for name, x in zip(table.columns, row)} for row in table.itertuples(index=False)]


def _lines(told: dict) -> str:
    """JSON with one line for each element of a list: small, and readable by people."""
    rows = lambda x: "[\n  " + ",\n  ".join(json.dumps(r, ensure_ascii=False, allow_nan=False) for r in x) + "\n ]" if x else "[]"  # noqa: E731
    return "{\n" + ",\n".join(f" {json.dumps(k)}: {rows(x) if isinstance(x, list) else json.dumps(x)}" for k, x in told.items()) + "\n}\n"


def _run_json(folder: Path) -> dict | None:
    """The run.json of a result of ours, or None."""
    try:
        found = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and found.get("kind") == KIND and isinstance(found.get("files"), list) else None


def refuse_others(target: Path) -> None:
    """Only an empty folder, or one with nothing but an older result in it, may be replaced."""
    if not target.exists():
        return
    if not target.is_dir():
        raise InputError(f"{target}: is a file; results go to a folder")
    present = {p.name for p in target.iterdir()} - LITTER
    about = _run_json(target)
    foreign = sorted(present - OURS - set(about["files"]) if about else present)
    if foreign:
        kind = "holds other files" if about else "is not empty and holds no earlier result"
        raise InputError(f"{target}: {kind} ({', '.join(foreign[:3])}); nothing was overwritten, choose another folder")
