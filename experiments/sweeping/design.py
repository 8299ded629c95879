"""A design (TOML) to the points of a sweep: levers (we choose) x uncertainties (we do not), on any path of a scenario.

    found = plan("my/design.toml")      # or the name of a shipped one, a mapping of the same keys, a Design
    found.points                        # a row for each point: point, lever_point, uncertainty_point, base, a column for each path
    found.parameters(17)                # what point 17 runs with

Every lever point meets every uncertainty point, and every point each replicate. What can be refused is refused here, before
anything runs, with one message. The file's format: `experiments.sweeping.design_file`.
"""

import datetime as dt
import functools
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import ValidationError

from experiments.sweeping import paths, points
from experiments.sweeping.design_file import (
    GROUPS,
    MAX_RUNS,
    SPECIAL,
    Design,
    Sampling,
    Varied,
    jsonable,
    outcome,
    read_design,
    shown_value,
)
from experiments.sweeping.paths import parameters_of
from scenarios.errors import ScenarioError, place, shown
from scenarios.loader import content_hash
from simulation.parameters import Parameters
from simulation.timeline import add_months

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["INDEX", "MAX_RUNS", "SPECIAL", "Design", "Plan", "Sampling", "Varied", "outcome", "parameters_of", "plan", "read_design"]

INDEX = ("point", "lever_point", "uncertainty_point", "base")  # columns of the points that are no paths
MAX_BASES = 10_000
#: points that are validated before anything runs, for each path and once more
TRIED = 1_000


@dataclass(frozen=True)
class Plan:
    """The points of a design. `bases`: resolved parameters, plain and JSON-able, one for each combination of the special choices."""

    design: Design
    bases: list[dict]
    points: "pd.DataFrame"

    @property
    def runs(self) -> int:
        """Runs are numbered replicate x points + point: more replicates append, and neighbors differ in their levers only."""
        return len(self.points) * self.design.replicates

    def run_of(self, run: int) -> tuple[int, int]:
        """(replicate, point) of a run."""
        return divmod(run, len(self.points))

    @functools.cached_property
    def _columns(self) -> dict[str, np.ndarray]:
        return {name: self.points[name].to_numpy() for name in self.points.columns}

    @functools.cached_property
    def _given(self) -> dict[str, dict]:
        """path -> {text in the table: value}: what a column holds as text may stand for a list, a date or nothing."""
        return {path: {shown_value(v): jsonable(v) for v in x.values} for path, x in self.design.varied.items() if x.values is not None}

    def base(self, point: int) -> int:
        """The place in `bases` of what a point starts from."""
        return int(self._columns["base"][point])

    def overrides(self, point: int) -> dict:
        """path -> plain value, of all that a point changes in its base."""
        found = {path: self._columns[path][point] for path in self.design.varied if path not in SPECIAL}
        return {path: self._given[path][x] if isinstance(x, str) else x.item() for path, x in found.items()}

    def parameters(self, point: int) -> Parameters:
        return parameters_of(self.bases[self.base(point)], self.overrides(point))

    @functools.cached_property
    def hash(self) -> str:
        """SHA-256 of all that decides what a run is and what is kept of it, but the replicates: more of them are the same plan."""
        kept = [content_hash(parameters_of(base, {})) for base in self.bases]
        design = self.design
        found = hashlib.sha256(json.dumps([1, kept, design.seed, design.columns, design.weekly]).encode())
        for name, column in self._columns.items():
            text = column.dtype.kind not in "biuf"
            found.update(json.dumps([name, "text" if text else column.dtype.str]).encode())
            found.update("\0".join(column).encode() if text else np.ascontiguousarray(column).tobytes())
        return found.hexdigest()

    def document(self) -> dict:
        """Design and bases as JSON-able values; parts that bases share (a village, a scheme) stand there once."""
        parts, bases = {}, []
        for base in self.bases:
            bases.append({key: parts.setdefault(json.dumps(x), len(parts)) for key, x in base.items()})
        design = self.design.model_dump(mode="json", exclude_none=True)
        return {"design": design, "parts": [json.loads(text) for text in parts], "bases": bases}

    @classmethod
    def of(cls, document: Mapping, points: "pd.DataFrame") -> "Plan":
        """The plan whose `document()` and points were kept."""
        parts = document["parts"]
        bases = [{key: parts[number] for key, number in base.items()} for base in document["bases"]]
        return cls(Design.model_validate_json(json.dumps(document["design"])), bases, points)


def plan(source: str | Path | Mapping | Design) -> Plan:
    """Every point of a design, checked. References in a file start from its folder, others from the current one. Raises ScenarioError."""
    import pandas as pd

    design, file = read_design(source)
    paths.refuse_misfits(design, file)
    sizes = {group: points.size(design, group, file) for group in GROUPS}
    _refuse_many(design, sizes, file)
    count, levers = math.prod(sizes.values()), sizes["levers"]
    rows = {"levers": np.tile(np.arange(levers, dtype=np.int32), sizes["uncertainties"])}
    rows["uncertainties"] = np.repeat(np.arange(sizes["uncertainties"], dtype=np.int32), levers)
    places = {path: (group, x) for group in GROUPS for path, x in points.positions(design, group, sizes[group]).items()}
    choices = paths.choices(design, file)
    bases, base = _bases(choices, {kind: places[kind][1][rows[places[kind][0]]] for kind in SPECIAL if kind in places}, count, file)
    table = dict(zip(INDEX, (np.arange(count, dtype=np.int32), rows["levers"], rows["uncertainties"], base)))
    for path in design.varied:
        group, where = places[path]
        if path in SPECIAL:
            found = np.array([text for text, _ in choices[path]], object)[where]
        else:
            found = points.values(design, path, where, paths.field(design, path, choices, file), file)
        table[path] = pd.array(found, dtype="str")[rows[group]] if found.dtype == object else found[rows[group]]
    made = Plan(design, bases, pd.DataFrame(table))
    steps = {"levers": 1, "uncertainties": levers}  # from a row of a group to the first point that has it
    firsts = {path: np.unique(x, return_index=True)[1] * steps[group] for path, (group, x) in places.items() if x.dtype.kind == "i"}
    _try_out(made, firsts, file)
    _refuse_late(made, file)
    return made


def _refuse_many(design: Design, sizes: dict[str, int], file) -> None:
    runs = math.prod(sizes.values()) * design.replicates
    if runs > MAX_RUNS:
        asked = f"{sizes['levers']:,} lever points x {sizes['uncertainties']:,} uncertainty points x {design.replicates:,} replicates"
        raise ScenarioError(f"{shown(file)}: {asked} = {runs:,} runs; at most {MAX_RUNS:,} in one sweep")


def _bases(choices: paths.Choices, where: dict[str, np.ndarray], count: int, file) -> tuple[list[dict], np.ndarray]:
    """(resolved parameters of each combination of special choices that occurs, the place of each point's among them)."""
    shape = [len(choices[kind]) for kind in SPECIAL]
    codes = np.ravel_multi_index([where.get(kind, np.zeros(count, np.int64)) for kind in SPECIAL], shape)
    codes, base = np.unique(codes, return_inverse=True)
    if len(codes) > MAX_BASES:
        raise ScenarioError(f"{shown(file)}: {len(codes):,} combinations of {', '.join(SPECIAL)}; at most {MAX_BASES:,}")
    merged = []
    for which in zip(*np.unravel_index(codes, shape)):
        parts = [choices[kind][number][1] for kind, number in zip(SPECIAL, which)]
        merged.append({key: x for part in parts for key, x in part.items()})
    return merged, base.reshape(-1).astype(np.int32)


def _try_out(made: Plan, firsts: dict[str, np.ndarray], file) -> None:
    """Validate points: the first of each base and of each listed value, both ends of each range, and some of all others.

    Values are tried at points of the design, for some fit only together; those that fail elsewhere will be failed runs.
    """
    for path, varied in made.design.varied.items():
        if varied.values is None:
            for end in (varied.low, varied.high):
                _try(made, 0, {path: end if made._columns[path].dtype.kind == "f" else int(end)}, file)
    some = lambda found: found[np.unique(np.linspace(0, len(found) - 1, min(len(found), TRIED)).astype(np.int64))]  # noqa: E731
    tried = [np.unique(made._columns["base"], return_index=True)[1], some(np.arange(len(made.points))), *map(some, firsts.values())]
    for point in np.unique(np.concatenate(tried)).tolist():
        _try(made, point, {}, file)


def _try(made: Plan, point: int, ends: dict, file) -> None:
    base, overrides = made.bases[made.base(point)], made.overrides(point) | ends
    try:
        parameters_of(base, overrides)
    except ValidationError as error:
        chosen = {kind: made._columns[kind][point] for kind in SPECIAL if kind in made.design.varied}
        raise paths.explained(error, base, overrides, chosen, made.design, file) from None


def _refuse_late(made: Plan, file) -> None:
    """An outcome of a month after the end of every run would be an empty column."""
    if {"start", "until", "limits.step_days"} & set(made.design.varied):
        return
    base = made.bases[0]
    start, until = (dt.date.fromisoformat(base[key]) for key in ("start", "until"))
    step = base["limits"]["step_days"]
    end = start + dt.timedelta(days=-(-(until - start).days // step) * step)
    for key in made.design.outcomes or ():
        month = outcome(key)[1]
        if month.isdecimal() and add_months(start, int(month)) > end:
            problem = f"month {month} lies after the end of the runs, which go from {start} to {until}"
            raise ScenarioError(f"{place(file, 'outcomes')}: outcomes: {key!r}: {problem}")
