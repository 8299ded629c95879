"""village.toml: the fitted village as a file that extends the one it was fitted from, each number with its interval and where it is from.

Everything in which the fitted village differs from its parent is written, so that the file stands for the village that was run.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from scenarios import reading
from scenarios.loader import Scenario, load
from scenarios.tree import Leaf
from simulation.parameters import Village

if TYPE_CHECKING:
    from experiments.calibrating.village_result import VillageFit

GENERIC = "desa"


def parent_of(scenario: Scenario) -> str:
    """The village of a scenario as something to extend: a shipped name or an absolute path; the generic village where it is a table."""
    path = scenario.files[0] if scenario.files else None
    for _ in range(20):  # a case may extend a case
        if path is None:
            return GENERIC
        raw = reading.read(path)
        if raw.get("kind") == "village":
            return _named(path)
        if raw.get("kind") != "case":
            return GENERIC
        if isinstance(raw.get("village"), str):
            return _named(reading.find(Leaf(raw["village"], path, "village"), ("village",)))
        if "village" in raw or "extends" not in raw:
            return GENERIC
        path = reading.find(Leaf(raw["extends"], path, "extends"), ("case",))
    return GENERIC


def village_toml(fit: "VillageFit") -> str:
    """The text of village.toml."""
    from experiments.calibrating.village_result import interval

    told, about = fit.context.set_index("key"), fit.provenance
    lines = [
        f"# {fit.parameters.village.title}, calibrated to {Path(about['file']).name} on {about['date'][:10]} (sadar calibrate).",
        f"# Seed {about['seed']}, {about['draws']} runs, code {about['code']}, table {about['file_hash'][:16]}; {about['behavior']}.",
        "# The village that gives the table best with the scenario's own behavior; beside it median and 90 % interval of all behavior.",
        "# The numbers hang together: where it matters how sure they are, use the draws of draws.csv.",
        *([f"# Not identified (as believed before): {', '.join(fit.not_identified)}."] if fit.not_identified else []),
        *(f"# Note: {remark}" for remark in fit.remarks),
        *(["# The campaign's reach was fitted too; to run it so:"] if fit.overrides else []),
        *(f"#   --set {override}" for override in fit.overrides),
        'kind = "village"',
        f"extends = {json.dumps(fit.parent, ensure_ascii=False)}",
    ]
    parent, village = load(_reference(fit.parent)).parameters.village, fit.fitted.village
    for key in Village.model_fields:
        value = getattr(village, key)
        if value == getattr(parent, key):
            continue
        note = ""
        known = "need_share" if key == "occupations" else key
        if known in told.index:
            row = told.loc[known]
            note = f"  # {'' if row.identified else 'not identified: '}{interval(row['median'], row.low, row.high)} {row.unit}"
        if key == "occupations":
            lines += [f"{note.strip()} (need_share)"] if note else []
        lines.append(f"{key} = {_occupations(value)}" if key == "occupations" else f"{key} = {_toml(value)}{note}")
    return "\n".join(lines) + "\n"


def _named(path: Path) -> str:
    shipped = reading.HERE / reading.FOLDERS["village"] / path.name
    return path.stem if path == shipped else str(path.resolve())


def _reference(parent: str) -> str:
    """A shipped village by its own name: a case of the same name would come first."""
    return parent if parent.endswith(".toml") else str(reading.HERE / reading.FOLDERS["village"] / f"{parent}.toml")


def _occupations(occupations) -> str:
    rows = ["{ " + ", ".join(f"{key} = {_toml(value, 10)}" for key, value in one.model_dump().items()) + " }" for one in occupations]
    return "[\n" + "".join(f"  {row},\n" for row in rows) + "]"


def _toml(value, digits: int = 6) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(float(f"{value:.{digits}g}"))
    return f"[{', '.join(_toml(x, digits) for x in value)}]" if isinstance(value, list | tuple) else json.dumps(value, ensure_ascii=False)
