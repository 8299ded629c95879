"""What a design (TOML) says: levers (we choose) and uncertainties (we do not) by path of a scenario, and how points are chosen.

A path takes a list of values or a range {low, high, levels, scale}; the special paths campaign, village, scheme and behavior take
names or files, campaign also lists of them (joined). Whether the paths fit the scenario is for `experiments.sweeping.design`.
"""

import contextlib
import datetime as dt
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import ValidationError, model_validator

from experiments.running import keys
from scenarios.errors import ScenarioError, explain, nearest, place, text_of, unknown_key
from scenarios.reading import HERE, read
from scenarios.tree import Leaf, join, mark, plain
from simulation.parameters import Group, InputError, choice, quantity

SPECIAL = ("campaign", "village", "scheme", "behavior")  # paths whose values are names or files
GROUPS = ("levers", "uncertainties")
MAX_RUNS = 10_000_000
ENTRY = 'a list of values such as [1, 2], or a range such as {low = 1, high = 2, scale = "log"}'
Method = Literal["grid", "list", "latin_hypercube", "sobol"]


class Varied(Group):
    """What one path takes: values, or a range (in `levels` steps where it is one of a grid or list)."""

    values: list | None = choice(None, "the values")
    low: float | None = quantity(None, "as the path's", -1e15, 1e15, "lower end of the range", "design", "expert")
    high: float | None = quantity(None, "as the path's", -1e15, 1e15, "upper end of the range", "design", "expert")
    levels: int | None = quantity(None, "values", 2, 1_000_000, "evenly spaced values of the range, ends included", "design", "expert")
    scale: Literal["linear", "log"] = choice("linear", "even steps of the number or of its logarithm")

    @model_validator(mode="after")
    def _one(self):
        if self.values is not None:
            if self.low is not None or self.high is not None or self.levels is not None or self.scale != "linear":
                raise ValueError(f"give values or a range, not both: {ENTRY}")
            if not self.values:
                raise ValueError("values: an empty list; give one value or more")
            for value in self.values:
                _usable(value)
        elif self.low is None or self.high is None:
            raise ValueError(f"a range needs low and high; allowed: {ENTRY}")
        elif self.low >= self.high:
            raise ValueError(f"an empty range; low = {self.low:g} must lie below high = {self.high:g}")
        elif self.scale == "log" and self.low <= 0:
            raise ValueError(f"a log scale needs low above 0, not low = {self.low:g}")
        return self

    @property
    def count(self) -> int | None:
        """How many values; None: a whole range."""
        return self.levels if self.values is None else len(self.values)


class Sampling(Group):
    """How the points of each group are chosen."""

    levers: Method = choice("grid", "grid: every value with every other; list: values of one position together; or drawn")
    uncertainties: Method = choice("grid", "the same for the uncertainties")
    points: int | None = quantity(None, "points", 1, MAX_RUNS, "points of each group that is drawn", "design", "expert")
    lever_points: int | None = quantity(None, "points", 1, MAX_RUNS, "the same for the levers alone", "design", "expert")
    uncertainty_points: int | None = quantity(None, "points", 1, MAX_RUNS, "the same for the uncertainties alone", "design", "expert")
    seed: int = quantity(1, "-", 0, 2**32 - 1, "of the draws", "design", "expert")

    @model_validator(mode="after")
    def _used(self):
        drawn = [group for group in GROUPS if self.draws(group)]
        for key, needed in (("points", drawn), ("lever_points", "levers" in drawn), ("uncertainty_points", "uncertainties" in drawn)):
            if getattr(self, key) is not None and not needed:
                raise ValueError(f'{key}: has no place here; points are drawn with "latin_hypercube" or "sobol" only')
        return self

    def draws(self, group: str) -> bool:
        return getattr(self, group) not in ("grid", "list")

    def size(self, group: str) -> tuple[str, int | None]:
        """(key that says it, points to draw) of a group."""
        own = "lever_points" if group == "levers" else "uncertainty_points"
        return (own, getattr(self, own)) if getattr(self, own) is not None else ("points", self.points)


class Design(Group):
    """What a sweep varies. Round-trips to JSON (`model_dump(mode="json")`, `model_validate_json`)."""

    kind: Literal["design"] = choice("design", "what this file is")
    title: str = choice("", "for people to read")
    scenario: str = choice(..., "a shipped name, or a path from this file")
    replicates: int = quantity(20, "runs", 1, MAX_RUNS, "runs of each point, which differ by luck alone", "design", "expert")
    seed: int = quantity(1, "-", 0, 2**32 - 1, "of luck", "design", "expert")
    start: dt.date | None = choice(None, "first day of every run (absent: the scenario's)")
    until: dt.date | None = choice(None, "every run ends before this day (absent: the scenario's)")
    months: list[int] | None = choice(None, "months since the start at which outcomes are measured beside the end, 1 to 1200")
    outcomes: list[str] | None = choice(None, "what is kept of a run: measure[@month][/kind=group] (absent: a default set)")
    weekly: bool = choice(False, "weekly curves are kept too")
    levers: dict[str, Varied] = choice({}, "what we choose: path -> values or range")
    uncertainties: dict[str, Varied] = choice({}, "what we do not choose: path -> values or range")
    sampling: Sampling = choice(Sampling(), "how the points are chosen")

    @model_validator(mode="after")
    def _known(self):
        for month in self.months or ():
            if not 1 <= month <= 1200:
                raise ValueError(f"months: {month} is out of range; allowed: whole numbers from 1 to 1200")
        for key in self.outcomes or ():
            outcome(key)
        twice = next((key for key in self.outcomes or () if self.outcomes.count(key) > 1), None)
        if self.outcomes == [] or twice:
            raise ValueError(f"outcomes: {f'{twice!r} stands twice' if twice else 'an empty list; leave it out for the default set'}")
        return self

    @property
    def columns(self) -> list[str]:
        """Names of all that is kept of a run: an outcome without a date of its own is taken at each of `months` and at the end."""
        found = {}
        for name in self.outcomes or keys.HEADLINES:
            head, slash, group = name.partition("/")
            for month in () if "@" in head else sorted({*(self.months or ())}):
                with contextlib.suppress(InputError):  # some are measured at the end alone
                    found[keys.text_of(outcome(f"{head}@{month}{slash}{group}"))] = None
            found[keys.text_of(outcome(name))] = None
        return list(found)

    @property
    def varied(self) -> dict[str, Varied]:
        return self.levers | self.uncertainties

    def key(self, path: str) -> str:
        """Where a path stands in the file."""
        return f"{'levers' if path in self.levers else 'uncertainties'}.{path}"


def outcome(key: str) -> tuple[str, str, str, str]:
    """(measure, month, group_kind, group) of `measure[@month][/group_kind=group]`. Raises ScenarioError."""
    try:
        return keys.key_of(key)
    except InputError as problem:
        raise ScenarioError(f"outcomes: {problem}") from None


def shown_value(value) -> str:
    """A value as text in a table."""
    return value if isinstance(value, str) else json.dumps(jsonable(value)).strip('"')


def jsonable(value):
    """A value as JSON can hold it: dates as text."""
    return value.isoformat() if isinstance(value, dt.date) else [jsonable(x) for x in value] if isinstance(value, list) else value


def refused(design: Design, path: str, file, problem: str) -> ScenarioError:
    """The error of one path of a design."""
    return ScenarioError(f"{place(file, design.key(path))}: {design.key(path)}: {problem}")


# ------------------------------------------------------------------ reading


def read_design(source: str | Path | Mapping | Design) -> tuple[Design, Path | str]:
    """A design checked by itself, and its file (from where its references start; a text: the current folder), of a path, a shipped
    name, a mapping of the same keys or a Design. Raises ScenarioError."""
    if isinstance(source, Design):
        return source, "design"
    file = "design" if isinstance(source, Mapping) else _find(str(source))
    raw = {"kind": "design", **source} if isinstance(source, Mapping) else read(file)
    if raw.get("kind") != "design":
        given = f"kind = {text_of(raw['kind'])}" if "kind" in raw else "kind is missing"
        raise ScenarioError(f'{place(file, "kind")}: {given}; needed here: kind = "design"')
    tree = mark(raw, file)
    for key in tree:
        if key not in Design.model_fields:
            raise unknown_key(file, key, Design.model_fields)
    varied = {group: _entries(tree[group], group, file) for group in GROUPS if group in tree}
    try:
        return Design.model_validate({key: plain(node) for key, node in tree.items()} | varied), file
    except ValidationError as error:
        raise explain(error, tree, Design, file) from None


def _find(name: str) -> Path:
    """A path, else a shipped design."""
    folder = HERE / "designs"
    if any(sign in name for sign in "/\\") or name.endswith(".toml") or Path(name).is_file():
        return Path(name).expanduser().resolve()
    known = sorted(path.stem for path in folder.glob("*.toml"))
    if name not in known:
        raise ScenarioError(f"no design called {text_of(name)}{nearest(name, known)}; known: {', '.join(known)}; or give a path")
    return folder / f"{name}.toml"


def _entries(tree, group: str, file) -> dict[str, Varied]:
    """path -> what it takes. A path is one key in quotes or nested tables; a table with a key of Varied is what a path takes."""
    found: dict[str, Varied] = {}

    def into(node, path: str) -> None:
        if isinstance(node, dict) and not set(Varied.model_fields) & set(node) and (node or not path):
            for name, child in node.items():
                into(child, join(path, name))
        elif path in found:
            raise ScenarioError(f"{place(file, join(group, path))}: {join(group, path)}: stands twice")
        else:
            found[path] = _entry(node, path, group, file)

    into(tree, "")
    return found


def _entry(node, path: str, group: str, file) -> Varied:
    key = join(group, path)
    if isinstance(node, Leaf) and isinstance(node.value, list):
        node = {"values": node}
    if not isinstance(node, dict) or not path:
        value = f" = {text_of(node.value)}" if isinstance(node, Leaf) else ""
        raise ScenarioError(f"{place(file, key)}: {key}{value}: not allowed; allowed: {ENTRY if path else 'a table of paths'}")
    try:
        return Varied.model_validate(plain(node))
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "value_error" and not str(first["ctx"]["error"]).startswith("values: "):  # about all of it
            raise ScenarioError(f"{place(file, key)}: {key}: {first['ctx']['error']}") from None
        raise explain(error, node, Varied, file) from None


def _usable(value) -> None:
    """Raises ValueError for what no parameter can take."""
    if isinstance(value, list):
        for x in value:
            _usable(x)
    elif not isinstance(value, bool | int | float | str | dt.date) or isinstance(value, dt.datetime):
        raise ValueError(f"values: {text_of(value)} is not allowed; allowed: numbers, text, true, false, dates and lists of these")
    elif isinstance(value, int | float) and not abs(value) <= 1e15:
        raise ValueError(f"values: {text_of(value)} is out of range; allowed: numbers from -1e15 to 1e15")
