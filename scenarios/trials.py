"""Field trials as data: a setting, arms, what is left open about the setting, and what was measured.

    trial = load_trial("id-jkn")               a shipped trial, or the path of a TOML file
    trial.worlds["full"]                        validated Parameters of the village in which arm "full" lives

A trial file (`kind = "trial"`) describes its setting like a case: title, village, scheme, behavior, start, until, burn_in_weeks,
limits; and `price_rp`, the monthly price of its scheme. Further:

    study = "ID-JKN"          trials of one study are left out together; text and source in words
    [fit]                     the one number of the context that is fitted, in every draw, so that one arm shows what was measured
    [[context]]               numbers of the setting that nobody measured: drawn from [low, high] anew in every draw
    [[lever]]                 what everybody got, in whatever arm (a survey visit)
    [[arm]]                   name, lever = [..] (as in a campaign), change = {key = value}; arms with the same `world` share a village, each
                              has its own `band` [from, to] of it, a random share; without a world an arm has a village of its own
    [[measured]]              id, what was measured (`measure`, see experiments/trying/measures.py), where (`arm`, `against`, or weights in
                              `contrast`; divided by those in `over`), value, se, and how it counts (`role`)

Values and standard errors are shares (0.186, not 18.6). What is fitted is told apart from what is predicted: only `fit` looks at results.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from scenarios.errors import ScenarioError, nearest, shown, text_of
from scenarios.loader import DEFAULTS, complete, valid
from scenarios.reading import Reader, find, place_of
from scenarios.tree import Leaf, join, merge, plain
from simulation.parameters import Grade, Group, Parameters, choice, quantity, walk

SETTING = ("start", "until", "burn_in_weeks", "limits")
PRICE = "scheme.rules.0.price_rp"


class Fit(Group):
    """One number of the context, found anew in every draw so that `measure` of `arm` is `value`."""

    key: str = choice("village.median_value_rp", "parameter that is fitted")
    low: float = quantity(..., "as the parameter", 0.0, 10**12, "lowest value tried", "trial", "expert")
    high: float = quantity(..., "as the parameter", 0.0, 10**12, "highest value tried", "trial", "expert")
    arm: str = choice("control", "arm that is looked at")
    measure: str = choice(..., "what of it")
    value: float = quantity(..., "share", -1e6, 1e6, "what was measured there", "trial", "measured")
    se: float = quantity(
        0.0, "as value", 0.0, 1e6, "its standard error: every draw is fitted to another value within it", "trial", "measured"
    )
    source: str = choice("", "where it was reported")
    grade: Grade = choice("measured", "how sure it is")

    @model_validator(mode="after")
    def _range(self):
        if not 0 < self.low < self.high:
            raise ValueError("low must be above 0 and below high")
        return self


class Context(Group):
    """A number of the setting that nobody measured."""

    key: str = choice(..., "parameter; several, joined by a space, get the same value")
    low: float = quantity(..., "as the parameter", -1e9, 1e12, "lowest", "trial", "expert")
    high: float = quantity(..., "as the parameter", -1e9, 1e12, "highest", "trial", "expert")
    shape: Literal["uniform", "loguniform"] = choice("uniform", "how it is drawn")
    source: str = choice(..., "why this range")

    @model_validator(mode="after")
    def _range(self):
        if self.high < self.low or (self.shape == "loguniform" and self.low <= 0):
            raise ValueError("low must not lie above high, and must be above 0 where shape is 'loguniform'")
        return self


class Arm(Group):
    """What one group of people got."""

    name: str = choice(..., "name, as used by measured and fit")
    title: str = choice("", "for people to read")
    world: str = choice("", "arms of one world share a village (absent: a village of its own)")
    band: list[Annotated[float, Field(ge=0.0, le=1.0)]] = choice([0.0, 1.0], "random share of the village, from and to")
    change: dict[str, bool | int | float | str | list] = choice({}, "parameters that differ in this arm's world, by key")

    @model_validator(mode="after")
    def _band(self):
        if len(self.band) != 2 or not self.band[0] < self.band[1]:
            raise ValueError("band needs two shares, from below to")
        return self


class Measured(Group):
    """One number of the paper and how the simulation's is made."""

    id: str = choice(..., "name in the table of trials, or a new one")
    text: str = choice("", "for people to read")
    measure: str = choice(..., "what is counted, in the language of experiments/trying/measures.py")
    arm: str = choice("", "arm")
    against: str = choice("", "arm it is compared with (absent: the level itself)")
    contrast: dict[str, float] = choice({}, "or: weights of arms")
    over: dict[str, float] = choice({}, "divided by this contrast")
    over_measure: str = choice("", "of this measure (absent: the same)")
    value: float | None = quantity(
        None, "as `unit`", -1e6, 1e6, "what was measured (absent: not known yet, or only its sign)", "trial", "measured"
    )
    se: float | None = quantity(None, "as value", 0.0, 1e6, "standard error (absent: see se_guess)", "trial", "measured")
    se_guess: float | None = quantity(None, "as value", 0.0, 1e6, "the same by arithmetic, where the paper gives none", "trial", "guess")
    unit: Literal["share", "ratio", "slope"] = choice("share", "what the value is")
    role: Literal["effect", "level", "null", "sign", "shape"] = choice("effect", "null: no effect was found; sign: only that is scored")
    base: float | None = quantity(
        None, "share", 0.0, 1.0, "level of the arm it is compared with (absent: that of `fit`)", "trial", "measured"
    )
    dose: float = quantity(
        1.0, "ratio", -10.0, 10.0, "how much of the lever, for the baseline without network or stages", "trial", "expert"
    )
    lever: str = choice("", "kind of lever, for the baseline `mean effect of the same lever elsewhere`")
    calibrate: bool = choice(True, "used by calibration")
    source: str = choice("", "where it was reported")
    grade: Literal["A", "B", "C", "D", "G-hi", "G-med", "G-lo"] = choice(..., "confidence, as in the table of trials")

    @model_validator(mode="after")
    def _weights(self):
        if bool(self.arm) == bool(self.contrast):
            raise ValueError("give either arm (and against) or contrast")
        if self.value is not None and not (self.se or self.se_guess):
            raise ValueError("a value needs se, or se_guess")
        return self

    @property
    def weights(self) -> dict[str, float]:
        """Weight of each arm."""
        if self.contrast:
            return self.contrast
        return {self.arm: 1.0} | ({self.against: -1.0} if self.against else {})

    @property
    def error(self) -> float:
        """Standard error, reported or by arithmetic; 0 without a value."""
        return self.se or self.se_guess or 0.0


class Head(Group):
    """What a trial file says besides its setting."""

    title: str = choice(..., "for people to read")
    study: str = choice(..., "trials of one study are left out together")
    text: str = choice("", "the set-up in words")
    source: str = choice(..., "where it was reported")
    fit: Fit | None = choice(None, "what is fitted to one arm")
    context: list[Context] = choice([], "what is drawn")
    arm: list[Arm] = choice(..., "who got what")
    measured: list[Measured] = choice(..., "what came of it")


@dataclass(frozen=True)
class Trial:
    """A resolved trial. `worlds`: Parameters of each village, by the name of the world; `arms` by name with world and band."""

    name: str
    head: Head
    worlds: dict[str, Parameters]
    files: tuple[Path, ...]

    @property
    def arms(self) -> dict[str, Arm]:
        return {arm.name: arm for arm in self.head.arm}


def load_trial(name_or_path: str | Path) -> Trial:
    """The trial of a name or file. Bad input of any sort raises ScenarioError."""
    reader = Reader()
    path = find(Leaf(str(name_or_path), "trial", ""), ("trial",))
    _, found = reader.file(path, ("trial",))
    arms = _arms(found, path)
    head = valid(Head, {key: found[key] for key in Head.model_fields if key in found} | {"arm": [_without(a, "lever") for a in arms]}, path)
    _agree(head, path)
    base = {key: found[key] for key in SETTING if key in found}
    base |= {key: reader.part(found.get(key, Leaf(default, path, key)), key) for key, default in DEFAULTS.items()}
    worlds = {}
    for name in dict.fromkeys(arm.world or arm.name for arm in head.arm):
        inside = [(arm, tree) for arm, tree in zip(head.arm, arms) if (arm.world or arm.name) == name]
        levers = _listed(found) + [lever for arm, tree in inside for lever in _levers(arm, tree, len(inside) > 1)]
        title = {"title": Leaf(" + ".join(arm.title or arm.name for arm, _ in inside), path, "arm")}
        campaign = reader.part(title | ({"lever": levers} if levers else {}), "campaign")
        changes = {PRICE: plain(found["price_rp"])} if "price_rp" in found else {}
        for arm, _ in inside:
            changes |= arm.change
        worlds[name] = complete(base | {"campaign": campaign}, changes, reader, path)
    trial = Trial(path.stem, head, worlds, tuple(reader.files))
    for entry in (*head.context, *([head.fit] if head.fit else [])):
        for key in entry.key.split():
            for parameters in [p for p in worlds.values() if concerns(p, key)] or list(worlds.values())[:1]:
                _in_range(parameters, key, entry, path)
    return trial


def _arms(found: dict, path: Path) -> list[dict]:
    arms = found.get("arm")
    if not isinstance(arms, list):
        raise ScenarioError(f"{shown(path)}: arm: missing; needed: a table for each arm, under [[arm]]")
    return arms


def _without(tree: dict, key: str) -> dict:
    return {k: v for k, v in tree.items() if k != key}


def _listed(tree: dict) -> list[dict]:
    levers = tree.get("lever", [])
    if isinstance(levers, Leaf):
        raise ScenarioError(f"{place_of(levers)}: lever: not allowed; allowed: a table for each lever, under [[lever]] or [[arm.lever]]")
    return levers


def _levers(arm: Arm, tree: dict, shared: bool) -> list[dict]:
    """An arm's levers, for its band of the world only; in a shared world their names begin with the arm's."""
    out = []
    for lever in _listed(tree):
        if arm.band != [0.0, 1.0]:
            where = next(leaf for leaf in lever.values() if isinstance(leaf, Leaf))
            share = {"share": arm.band[1] - arm.band[0], "share_from": arm.band[0]}
            lever = merge(lever, {"target": {k: Leaf(v, where.file, join(where.key, k)) for k, v in share.items()}})
        name = lever.get("name", lever.get("preset"))
        if shared and isinstance(name, Leaf) and isinstance(name.value, str):
            lever = {**lever, "name": name._replace(value=f"{arm.name}_{name.value}")}
        out.append(lever)
    return out


def _agree(head: Head, path: Path) -> None:
    """Arms have names of their own, and everything that names an arm names one."""
    names = [arm.name for arm in head.arm]
    for name in names:
        if names.count(name) > 1:
            raise ScenarioError(f"{shown(path)}: arm: the name {text_of(name)} stands twice")
    used = [("fit.arm", head.fit.arm)] if head.fit else []
    for m in head.measured:
        used += [(f"measured.{m.id}", name) for name in (*m.weights, *m.over)]
    for where, name in used:
        if name not in names:
            raise ScenarioError(f"{shown(path)}: {where}: no arm {text_of(name)}{nearest(name, names)}; known: {', '.join(names)}")


_BOUNDS = {key: info for key, info in walk(Parameters)}


def _in_range(parameters: Parameters, key: str, entry: Fit | Context, path: Path) -> None:
    """That a key of the context is a number of the parameters, and its range lies in the number's bounds."""
    try:
        changed(parameters, {key: entry.low})
    except (AttributeError, KeyError, TypeError):
        raise ScenarioError(f"{shown(path)}: {key}: no such parameter{nearest(key, _BOUNDS)}") from None
    parts = key.split(".")
    entries = {k + 1 for k, part in enumerate(parts) if part in ("occupations", "levers")}  # names of entries are no keys
    info = _BOUNDS.get(".".join(part for k, part in enumerate(parts) if k not in entries))
    low = next((m.ge for m in info.metadata if hasattr(m, "ge")), None) if info else None
    high = next((m.le for m in info.metadata if hasattr(m, "le")), None) if info else None
    if (low is not None and entry.low < low) or (high is not None and entry.high > high):
        raise ScenarioError(f"{shown(path)}: {key}: [{entry.low:g}, {entry.high:g}]: out of range; allowed: {low:g} to {high:g}")


def concerns(parameters: Parameters, key: str) -> bool:
    """Whether a key is about this world: campaign.levers.NAME only where there is such a lever."""
    parts = key.split(".")
    return parts[:2] != ["campaign", "levers"] or parts[2:3] == ["*"] or parts[2] in [lever.name for lever in parameters.campaign.levers]


def changed(parameters: Parameters, values: dict[str, float]) -> Parameters:
    """Parameters with numbers replaced by key: village.form_prob, village.occupations.farmer.need_share, campaign.levers.offer.price.months.

    Nothing is checked again but that the key exists (KeyError): ranges are held where the ranges come from. `*` enters every entry of a list.
    """
    for key, value in values.items():
        parameters = _changed(parameters, key.split("."), value)
    return parameters


def _changed(node, parts: list[str], value):
    if not parts:
        return round(value) if isinstance(node, int) and not isinstance(node, bool) else value
    head, rest = parts[0], parts[1:]
    if isinstance(node, list):
        if head != "*" and head not in [entry.name for entry in node]:
            raise KeyError(head)
        return [_changed(entry, rest, value) if head in ("*", entry.name) else entry for entry in node]
    if head not in type(node).model_fields:
        raise KeyError(head)
    return node.model_copy(update={head: _changed(getattr(node, head), rest, value)})
