"""`VillageFit`: what a calibration of a village gives, as tables, words and files.

Tables (pandas): `draws` (weighted draws of the context), `context` (each number before and after the table), `months` (bands, the table,
and runs of the written village), `score` (the held-out months). `remarks` say in words what not to trust.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.calibrating.village_score import NAIVE
from experiments.screens.names import named, titled
from experiments.screens.words import form, text
from simulation.parameters import InputError, Parameters

if TYPE_CHECKING:  # who only fits need not wait for it
    import pandas as pd

KIND = "sadar village fit"
TABLES = ("draws", "context", "months", "score")
FILES = ("village.toml", *(f"{name}.csv" for name in TABLES), "fit.png", "fit.json")


@dataclass(frozen=True)
class VillageFit:
    """parameters: the scenario as it was run (dates moved, solved); fitted: the same with the village that is written; parent: the village
    (name or file) that village.toml extends; overrides: the reach of the campaign's levers that goes with it, as overrides of a case."""

    parameters: Parameters
    fitted: Parameters
    parent: str
    draws: "pd.DataFrame"
    context: "pd.DataFrame"
    months: "pd.DataFrame"
    score: "pd.DataFrame"
    overrides: list[str]
    remarks: list[str]
    provenance: dict

    @property
    def not_identified(self) -> list[str]:
        """Numbers of which the table says little or nothing: their interval is (nearly) what it was before."""
        return self.context.loc[~self.context["identified"], "key"].tolist()

    def report(self) -> str:
        """The fit in words, for a terminal or a notebook."""
        lines = [f"{titled(self.provenance['scenario']['title'])}: {self.provenance['file']}"]
        lines.append(text("fit_after"))
        for row in self.context.itertuples():
            after, before = interval(row.median, row.low, row.high), interval(row.prior_median, row.prior_low, row.prior_high)
            lines.append(f"  {row.key:26} {after:32} ({before}){'' if row.identified else text('fit_not_identified')}")
        for row in self.score.itertuples():
            others = {how: getattr(row, f"error_{how}") for how in NAIVE}
            told = ", ".join(f"{text(f'fit_{how}_short')} {form(error, '.1f')}" for how, error in others.items() if not math.isnan(error))
            numbers = {"points": row.points, "inside": row.inside_90, "error": row.error}
            lines.append(text("fit_held", series=named("series", row.series), **numbers, others=told))
        return "\n".join([*lines, *(f"! {remark}" for remark in self.remarks)])

    def save(self, directory: str | Path) -> Path:
        """Write FILES to a folder, all or nothing. An older fit is replaced; a folder with anything else in it is refused (InputError)."""
        from experiments.calibrating.village_figure import save_figure
        from experiments.calibrating.village_file import village_toml
        from experiments.running.drafts import drafted

        target = Path(directory).resolve()
        about = {"kind": KIND, **self.provenance, "not_identified": self.not_identified, "overrides": self.overrides}
        about["remarks"] = self.remarks
        with drafted(target, _refuse_others) as draft:
            (draft / "village.toml").write_text(village_toml(self), encoding="utf-8")
            for name in TABLES:
                getattr(self, name).to_csv(draft / f"{name}.csv", index=False)
            save_figure(self, draft / "fit.png")
            (draft / "fit.json").write_text(json.dumps(about, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
        return target


def interval(median: float, low: float, high: float) -> str:
    return text("fit_interval", median=figure(median), low=figure(low), high=figure(high))


def figure(x: float) -> str:
    """A number for people: three digits."""
    return form(x, ",.0f" if abs(x) >= 1000 else ".3g")


def _refuse_others(target: Path) -> None:
    """Only an empty folder, or an older fit, may be replaced."""
    if not target.exists():
        return
    if not target.is_dir():
        raise InputError(f"{target}: is a file; a fit goes to a folder")
    present = {path.name for path in target.iterdir()}
    foreign = sorted(present - set(FILES))
    try:
        older = json.loads((target / "fit.json").read_text(encoding="utf-8"))["kind"] == KIND
    except (OSError, ValueError, KeyError, TypeError):
        older = False
    if foreign or (present and not older):
        what = f"holds other files ({', '.join(foreign[:3])})" if foreign else "is not empty and holds no earlier fit"
        raise InputError(f"{target}: {what}; nothing was overwritten, choose another folder")
