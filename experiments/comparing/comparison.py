"""What a comparison of campaigns found: differences, costs, who is best and how sure that is, in tables and in one sentence."""

import dataclasses
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from experiments.comparing import stopping
from experiments.comparing.stopping import Estimate
from experiments.running import luck
from experiments.running.drafts import drafted, recover
from experiments.running.keys import Key, key_of, text_of
from experiments.running.result import LITTER
from experiments.screens.names import group_named, worded
from experiments.screens.words import date, form, number, rupiah, text
from scenarios.posterior import Posterior, of_document
from simulation import ledger, outcomes
from simulation.parameters import InputError, Parameters

KIND, FORMAT = "sadar comparison", 1
FILES, TWINS = {"comparison.json", "pairs.parquet"}, "twins.parquet"
#: of these less is better; so it is of what levers cost
LESS = {
    "failures", "cash_failures", "attempt_failure_share", "missed", "stops", "lapses", "stopped", "claims_late", "claims_refused",
    "unprotected", "visits_lost", "forgotten", "left_since", "misbelief_share", "community_sd", "concentration_index",
    "erreygers_index", "unmet_rp", "lever_rp", "campaign_rp", "commission_rp", "scheme_rp", "group_rp", "worker_rp", "levers_rp",
    "subsidies_rp", *(name for name in ledger.MEASURES if "_per_" in name),
}  # fmt: skip
#: units of what is counted: each further one has a cost
COUNTED = ("workers", "events", "person-months")
#: measures whose name says what the workers are
WORKERS = ("aware", "registered", "active", "paying", "retained")


@dataclass
class Comparison:
    """What `compare` gives. `values` [pair, campaign, key] are the keys of `keys`; the first of `names` is the reference.

    parameters: the campaigns as they were run; own: the case, whose own campaign is the past of all where there was a `since`.
    first: pairs of the first stage, whose variances the intervals use (all of them when their number was fixed).
    better: "more" or "less" of the outcome. posterior: the draws of behavior that the pairs have (None: all that of `own`);
    twins [twin, campaign, key]: the first pairs once more, with the same draw and other luck.
    """

    names: tuple[str, ...]
    parameters: tuple[Parameters, ...]
    own: Parameters
    outcome: Key
    better: str
    keys: tuple[Key, ...]
    values: np.ndarray
    first: int
    provenance: dict
    posterior: Posterior | None = None
    twins: np.ndarray | None = None

    def of(self, outcome: Key | str | None = None) -> np.ndarray:
        """[pair, campaign] of an outcome (a key, its name, or None: the one compared). Raises InputError if it was not kept."""
        key = self.outcome if outcome is None else key_of(outcome) if isinstance(outcome, str) else tuple(outcome)
        if key not in self.keys:
            months = ", ".join(dict.fromkeys(month for _, month, _, _ in self.keys))
            known = ", ".join(dict.fromkeys(measure for measure, _, _, _ in self.keys))
            raise InputError(f"outcome {text_of(key)!r}: not kept in this comparison; kept, at {months}: {known}")
        return self.values[:, :, self.keys.index(key)]

    def differences(self, outcome: Key | str | None = None) -> pd.DataFrame:
        """A row for each two campaigns, those against the reference first: campaign, against, mean (campaign minus against), low,
        high (95 %), pairs (with a value), missing, sd, variance_ratio (against independent seeds; inf: no noise left), wins (share of
        villages in which campaign has more, equal ones by half), clear (the interval that holds for all comparisons at once, by
        Bonferroni, leaves out zero), more_rp (mean campaign money beyond that of the other); of counts that are told apart also
        rp_per_more, rp_per_more_low, rp_per_more_high (what each further one costs; negative: less for more, or more for less);
        luck_share of the variance of the differences, luck_low, luck_high (95 %; the rest is what is unknown about behavior), missing where
        all pairs have the same behavior."""
        values, which = self.of(outcome), self._which()
        chance = luck.luck(differences(values, which), None if self.twins is None else differences(self._twins_of(outcome), which))
        key = self.outcome if outcome is None else outcome if isinstance(outcome, tuple) else key_of(outcome)
        money = ("campaign_rp", key[1], "all", "all")
        spend = self.of(money) if money in self.keys else np.full_like(values, np.nan)
        found = self._estimate(values, which)
        strict = self._estimate(values, which, 1 - (1 - stopping.LEVEL) / len(which))
        rows = []
        for n, (a, b) in enumerate(which):
            both = np.isfinite(values[:, a]) & np.isfinite(values[:, b])
            wins = stopping.shared(values[both][:, [a, b]])[0]
            row = {"campaign": self.names[a], "against": self.names[b], "mean": found.mean[n], "low": found.low[n], "high": found.high[n]}
            row |= {"pairs": int(found.pairs[n]), "missing": len(values) - int(found.pairs[n]), "sd": found.sd[n]}
            row |= {"variance_ratio": stopping.variance_ratio(values[:, a], values[:, b]), "wins": wins}
            row |= {"clear": bool(strict.low[n] > 0 or strict.high[n] < 0), "more_rp": float((spend[:, a] - spend[:, b]).mean())}
            further = (math.nan,) * 3
            if row["clear"] and _measure_unit(key[0]) in COUNTED and money in self.keys:
                further = stopping.ratio_of_sums((spend[:, a] - spend[:, b])[both], (values[:, a] - values[:, b])[both])
            row |= dict(zip(("rp_per_more", "rp_per_more_low", "rp_per_more_high"), further))
            rows.append(row | {"luck_share": chance.share[n], "luck_low": chance.low[n], "luck_high": chance.high[n]})
        return pd.DataFrame(rows)

    def campaigns(self, outcome: Key | str | None = None) -> pd.DataFrame:
        """A row for each campaign: campaign, title, mean, low, high of the outcome, pairs (with a value), spend_rp (mean campaign_rp),
        levers_rp (mean, all payers), what one registration, person-month of cover and retained worker cost in campaign money (sums over
        all villages, with intervals), best_prob (of having the best mean) and wins_share (of villages in which it is best)."""
        values = self.of(outcome)
        found, less = stopping.estimate(values, self.first), (self.better == "less" if outcome is None else better_of(outcome) == "less")
        out = {"campaign": self.names, "title": [p.campaign.title for p in self.parameters], "mean": found.mean, "low": found.low}
        out |= {"high": found.high, "pairs": found.pairs}
        month = self.outcome[1]
        total = {name: self.of((name, month, "all", "all")) for name in ("campaign_rp", "levers_rp", *ledger.RESULTS.values())}
        out |= {"spend_rp": total["campaign_rp"].mean(axis=0), "levers_rp": total["levers_rp"].mean(axis=0)}
        for result, count in ledger.RESULTS.items():
            costs = [stopping.ratio_of_sums(total["campaign_rp"][:, k], total[count][:, k]) for k in range(len(self.names))]
            out |= {f"rp_per_{result}{end}": column for end, column in zip(("", "_low", "_high"), zip(*costs))}
        out |= {"best_prob": stopping.best_probability(values, less), "wins_share": stopping.shared(values, less)}
        return pd.DataFrame(out)

    def table(self, twins: bool = False) -> pd.DataFrame:
        """All values (or those of the twins), a row for each pair and campaign, a column for each outcome by its name."""
        values = self.twins if twins else self.values
        pairs, campaigns, _ = values.shape
        index = {"pair": np.repeat(np.arange(pairs), campaigns), "campaign": np.tile(np.array(self.names, object), pairs)}
        columns = values.reshape(pairs * campaigns, -1).T
        return pd.DataFrame(index | {text_of(key): column for key, column in zip(self.keys, columns)})

    def verdict(self) -> str:
        """One sentence: which campaign brings more and by how much, or that they cannot be told apart and what it would take."""
        values, count = self.of(), len(self.names)
        means = stopping.moments(values)[1] * (-1 if self.better == "less" else 1)
        order = np.argsort(np.where(np.isfinite(means), -means, np.inf), kind="stable")
        rivals = [(order[0], other) for other in order[1:]]
        found = self._estimate(values, rivals)
        strict = self._estimate(values, rivals, 1 - (1 - stopping.LEVEL) / math.comb(count, 2))
        clear = (strict.low > 0) | (strict.high < 0)
        n = 0 if clear.all() else int(np.argmin(clear))
        kind = "brings" if count == 2 and self.outcome[0] in WORKERS else "is" if count == 2 else "leads"
        return self._sentence(kind, rivals[n], found, strict, n, bool(clear[n]))

    def _sentence(self, kind: str, pair: tuple[int, int], found: Estimate, strict: Estimate, n: int, clear: bool) -> str:
        """`found` and `strict`: estimates at 95 % of a comparison alone, and of all at once."""
        pairs, mean, low, high = len(self.values), float(found.mean[n]), float(found.low[n]), float(found.high[n])
        about = {"a": self.names[pair[0]], "b": self.names[pair[1]], "count": len(self.names), "what": _what(self.outcome), "pairs": pairs}
        when = self.outcome[1]
        about["when"] = text(f"verdict_{'month' if when.isdecimal() else 'end' if when == 'end' else 'day'}", month=date(when))
        if not math.isfinite(low):
            return text("verdict_no_value", **about)
        missing = text("verdict_missing", missing=pairs - int(found.pairs[n]), pairs=pairs) if found.pairs[n] < pairs else ""
        if found.sd[n] == 0 and mean == 0:
            return text("verdict_same", **about) + missing
        amount = lambda value: _amount(self.outcome[0], value)  # noqa: E731
        if not clear:
            enough = float(stopping.pairs_to_tell(strict)[n])
            needed = text("verdict_needed", pairs=number(enough), have=pairs) if enough < 1e7 else text("verdict_hopeless")
            key = "verdict_best_open" if len(self.names) > 2 else "verdict_open"
            return text(key, **about, mean=amount(mean), low=amount(low), high=amount(high), needed=needed) + missing
        size, (low, high) = abs(mean), (low, high) if mean > 0 else (-high, -low)
        count = _measure_unit(self.outcome[0]) == "workers" and kind == "brings"
        more = text(f"verdict_{('more' if mean > 0 else 'fewer') if count else ('higher' if mean > 0 else 'lower')}")
        about["what"] = worded(self.outcome[0]) + _group(self.outcome) if kind == "brings" else about["what"]
        sentence = text(f"verdict_{kind}", **about, amount=amount(size), more=more)
        return text("verdict_interval", sentence=sentence, low=amount(low), high=amount(high)) + missing

    @property
    def precision(self) -> dict:
        """The half-width asked for and reached (the widest of all comparisons), pairs run and needed, and whether it is enough."""
        found = self._estimate(self.of(), self._which())
        told = found.half_width[np.isfinite(found.half_width)]
        reached, asked = float(told.max()) if len(told) else math.nan, self.provenance["half_width"]
        met = None if asked is None else bool(len(told) and reached <= asked * (1 + 1e-9))
        return {"half_width": asked, "reached": reached, "pairs": len(self.values), "needed": self.provenance["pairs_needed"], "met": met}

    def document(self) -> dict:
        """The comparison for people and programs, as plain values. None: no value, or (variance_ratio) no noise left."""
        return {
            **self.provenance, "verdict": self.verdict(), "precision": {k: _plain(x) for k, x in self.precision.items()},
            "differences": _records(self.differences()), "campaign_table": _records(self.campaigns()),
        }  # fmt: skip

    def recipe(self) -> dict:
        """All it takes to run it again (`compare.again`), and what came out, as plain values."""
        return self._content() | self.provenance

    def _twins_of(self, outcome: Key | str | None) -> np.ndarray:
        """The same as `of`, of the twins."""
        return dataclasses.replace(self, values=self.twins).of(outcome)

    def _content(self) -> dict:
        """All but where it came from. values: the mean of every outcome, by name."""
        plain = lambda given: given.model_dump(mode="json")  # noqa: E731
        means = stopping.moments(self.values.reshape(len(self.values), -1))[1].reshape(len(self.names), -1)
        values = {f"{name}: {text_of(key)}": _plain(x) for name, row in zip(self.names, means) for key, x in zip(self.keys, row)}
        return {
            "names": list(self.names), "parameters": list(map(plain, self.parameters)), "own": plain(self.own),
            "outcome_key": list(self.outcome), "better": self.better, "keys": [list(key) for key in self.keys], "values": values,
            **({} if self.posterior is None else {"draws": self.posterior.document()}),
        }  # fmt: skip

    def save(self, directory: str | Path, figures: Callable[["Comparison", Path], None] | None = None) -> Path:
        """Write comparison.json, pairs.parquet and, if there are twins, twins.parquet (see `table`) to a folder, all or nothing. An older
        comparison is replaced, any other folder that is not empty is refused with InputError. `figures(comparison, folder)` may add
        files."""
        target = Path(directory).resolve()
        with drafted(target, refuse_others) as draft:
            self.table().to_parquet(draft / "pairs.parquet", index=False)
            if self.twins is not None:
                self.table(twins=True).to_parquet(draft / TWINS, index=False)
            if figures:
                figures(self, draft)
            about = {"kind": KIND, "format": FORMAT, "files": sorted({p.name for p in draft.iterdir()} | FILES)}
            about |= self._content() | {"document": self.document(), "provenance": self.provenance}
            (draft / "comparison.json").write_text(json.dumps(about, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        return target

    def _which(self) -> list[tuple[int, int]]:
        """(campaign, against): those against the reference first."""
        return [(b, a) for a, b in combinations(range(len(self.names)), 2)]

    def _estimate(self, values: np.ndarray, which: list[tuple[int, int]], level: float = stopping.LEVEL) -> Estimate:
        return stopping.estimate(differences(values, which), self.first, level)


def load(directory: str | Path) -> Comparison:
    """Read what `Comparison.save` wrote. Raises InputError naming the folder that is not a sound comparison."""
    folder = Path(directory).resolve()
    recover(folder)
    about = _about(folder)
    if about is None:
        raise InputError(f"{folder}: no result of `sadar compare` (no comparison.json of its kind)")
    try:
        names, keys = tuple(about["names"]), tuple(map(tuple, about["keys"]))
        read = lambda name: pd.read_parquet(folder / name)[[text_of(key) for key in keys]].to_numpy(float)  # noqa: E731
        values = read("pairs.parquet").reshape(-1, len(names), len(keys))
        twins = read(TWINS).reshape(-1, len(names), len(keys)) if TWINS in about["files"] else None
        posterior = of_document(about["draws"]) if "draws" in about else None
        own, *parameters = (Parameters.model_validate_json(json.dumps(given)) for given in (about["own"], *about["parameters"]))
        outcome, told = tuple(about["outcome_key"]), about["provenance"]
        asked = (names, tuple(parameters), own, outcome, about["better"], keys)
        return Comparison(*asked, values, told["first_pairs"], told, posterior, twins)
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise InputError(f"{folder}: the comparison cannot be read ({problem})") from None


def refuse_others(target: Path) -> None:
    """Only an empty folder, or one with nothing but an older comparison in it, may be replaced."""
    if not target.exists():
        return
    if not target.is_dir():
        raise InputError(f"{target}: is a file; results go to a folder")
    about = _about(target)
    foreign = sorted({p.name for p in target.iterdir()} - LITTER - (set(about["files"]) if about else set()))
    if foreign:
        kind = "holds other files" if about else "is not empty and holds no earlier comparison"
        raise InputError(f"{target}: {kind} ({', '.join(foreign[:3])}); nothing was overwritten, choose another folder")


def differences(values: np.ndarray, which: list[tuple[int, int]]) -> np.ndarray:
    """[pair, comparison] from [pair, campaign]: first of each two minus the second."""
    first, second = np.array(which).T
    return values[:, first] - values[:, second]


def better_of(outcome: Key | str) -> str:
    """Whether "more" or "less" of an outcome is better, unless it is said otherwise."""
    measure = outcome if isinstance(outcome, str) else outcome[0]
    return "less" if measure.partition("/")[0].partition("@")[0] in LESS else "more"


# ------------------------------------------------------------------ words and plain values


def _measure_unit(measure: str) -> str:
    return outcomes.MEASURES[measure][0]


def _group(outcome: Key) -> str:
    return "" if outcome[2] == "all" else f" ({group_named(outcome[2], outcome[3])})"


def _what(outcome: Key) -> str:
    name = worded(outcome[0])
    name = text("verdict_workers", what=name) if outcome[0] in WORKERS else name
    return (text("verdict_number", what=name) if _measure_unit(outcome[0]) in COUNTED else name) + _group(outcome)


def _amount(measure: str, value: float) -> str:
    """A difference in the unit of its measure."""
    unit = _measure_unit(measure)
    if unit == "share":
        return text("verdict_points", value=form(100 * value, ".1f"))
    if unit == "Rp":
        return rupiah(value)
    return number(value) if abs(value) >= 10 or value == 0 else form(value, ".2g")


def _plain(value):
    """As JSON takes it: None for what is no number."""
    value = getattr(value, "item", lambda: value)()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _records(table: pd.DataFrame) -> list[dict]:
    return [{name: _plain(x) for name, x in zip(table.columns, row)} for row in table.itertuples(index=False)]


def _about(folder: Path) -> dict | None:
    """The comparison.json of a comparison of ours, or None."""
    try:
        found = json.loads((folder / "comparison.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and found.get("kind") == KIND and isinstance(found.get("files"), list) else None
