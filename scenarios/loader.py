"""Scenario files (TOML) to validated parameters: resolve, merge, fill in presets, check, hash.

    load("lerep")                                        a shipped case, else village, campaign, scheme or behavior of that name
    load("my/case.toml", campaigns=["none"])             a file; the campaigns given here replace those of the case
    load("lerep", overrides=["village.workers=500", "campaign.levers.session.contact.attendance=80"], until="2019-08-01")

Every file says `kind = "case" | "village" | "campaign" | "scheme" | "behavior"` and may name a parent of its kind in
`extends`: tables merge key by key, lists are replaced; the levers of a campaign merge by name, and `drop = true` leaves one
out. The value "unset" takes out what a parent or a preset gave. A reference is a shipped name, or a path that starts from the
file it stands in; the village, scheme or behavior of a case may also be a table, with or without `extends`.
What a case leaves out: village "desa", scheme "bpu", behavior "default", no campaign; start: the earliest lever, without
levers 2018-01-01; until: two years after start. So any file can be loaded alone.
"""

import copy
import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import ValidationError, model_validator

from scenarios.errors import ScenarioError, bad, explain, nearest, shown, text_of
from scenarios.overrides import override
from scenarios.reading import FOLDERS, LIBRARY, Reader, find, names, place_of, presets
from scenarios.tree import Leaf, is_unset, merge, plain
from simulation.parameters import Grade, Group, Parameters, choice, quantity

__all__ = ["Observation", "Scenario", "ScenarioError", "content_hash", "library", "load", "names"]

DEFAULTS = {"village": "desa", "scheme": "bpu", "behavior": "default"}
FIRST_DAY = dt.date(2018, 1, 1)
YEARS = range(1950, 2151)


class Observation(Group):
    """What was seen in the field, beside which the simulated is shown."""

    measure: Literal["registered", "active", "paying", "aware", "understanding"] = choice(..., "what was seen")
    date: dt.date = choice(..., "when")
    kind: Literal["count", "share", "qualitative"] = choice(..., "workers, share of the village's workers, or words only")
    value: float | None = quantity(None, "workers or share", 0.0, 10_000_000.0, "how much (not for qualitative)", "case", "expert")
    tolerance_share: float | None = quantity(None, "share of value", 0.0, 2.0, "deviation that still counts as a match", "case", "expert")
    text: str = choice("", "for people to read")
    source: str = choice(..., "where it was reported")
    grade: Grade = choice(..., "how sure it is")

    @model_validator(mode="after")
    def _value(self):
        if (self.value is None) != (self.kind == "qualitative"):
            raise ValueError(f"value {'is needed' if self.value is None else 'has no place'} where kind is {self.kind!r}")
        if self.kind == "share" and self.value > 1:
            raise ValueError("value must lie from 0 to 1 where kind is 'share'")
        return self


class Observed(Group):
    """The [[observed]] entries of a case."""

    observed: list[Observation] = choice([], "what was seen in the field")


@dataclass(frozen=True)
class Scenario:
    """A resolved scenario. `content_hash` names the content, whatever files it came from; `files` were read for it."""

    name: str
    title: str
    parameters: Parameters
    observed: tuple[Observation, ...]
    files: tuple[Path, ...]
    content_hash: str


def load(
    name_or_path: str | Path,
    *,
    campaigns: Iterable[str | Path] = (),
    overrides: Iterable[str] | Mapping = (),
    until: dt.date | str | None = None,
    village: str | Path | None = None,
) -> Scenario:
    """The scenario of a name or file. `campaigns` and `village` replace those of the case; `overrides` ("key=value", or a
    mapping of keys to values) come last. Bad input of any sort raises ScenarioError."""
    try:
        return _load(str(name_or_path), [str(campaign) for campaign in campaigns], overrides, until, village)
    except RecursionError:
        raise ScenarioError(f"{text_of(str(name_or_path))}: nested too deeply") from None


def _load(name: str, campaigns: list[str], overrides, until, village) -> Scenario:
    reader = Reader()
    path = find(Leaf(name, "scenario", ""), tuple(FOLDERS))
    kind, found = reader.file(path, tuple(FOLDERS))
    case = found if kind == "case" else {"title": found["title"]} if "title" in found else {}
    parts = {} if kind == "case" else {kind: found}
    if village is not None:
        parts["village"] = reader.part(Leaf(str(village), "--village", "village"), "village")
    for key, default in DEFAULTS.items():
        if key not in parts:
            parts[key] = reader.part(case.get(key, Leaf(default, path, key)), key)
    if campaigns:
        parts["campaign"] = together([reader.part(Leaf(campaign, "--campaign", "campaign"), "campaign") for campaign in campaigns])
    elif kind != "campaign":
        parts["campaign"] = together(reader.campaigns(case.get("campaigns", Leaf([], path, "campaigns"))))
    tree = {key: case[key] for key in ("start", "until", "burn_in_weeks", "limits") if key in case} | parts
    if until is not None:
        tree["until"] = Leaf(_day(until), "--until", "until")
    parameters = complete(tree, overrides, reader, path)
    observed = valid(Observed, {"observed": case.get("observed", [])}, path).observed
    title = plain(case.get("title", Leaf(parameters.village.title, path, "title")))
    if not isinstance(title, str):
        raise ScenarioError(f"{place_of(case['title'])}: title = {text_of(title)}: not allowed; allowed: text in quotes")
    return Scenario(path.stem, title, parameters, tuple(observed), tuple(reader.files), content_hash(parameters))


def complete(tree: dict, overrides: Iterable[str] | Mapping, reader: Reader, path: Path) -> Parameters:
    """The parameters of a tree whose parts are there: overrides laid over it, presets, dates and files filled in, checked."""
    tree = _dated(_with_levers(override(tree, overrides), reader), path)
    return valid(Parameters, {**tree, "village": _with_files(tree["village"], reader)}, path)


def content_hash(parameters: Parameters) -> str:
    """SHA-256 of the parameters, the same on every machine: files of people and ties count by content, not by path."""
    data = parameters.model_dump(mode="json")
    for key in ("people_file", "ties_file"):
        if data["village"][key]:
            data["village"][key] = hashlib.sha256(Path(data["village"][key]).read_bytes()).hexdigest()
    return hashlib.sha256(json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()).hexdigest()


def library() -> dict[str, dict]:
    """The lever presets: name -> table."""
    return copy.deepcopy({name: plain(tree) for name, tree in presets().items()})


def together(campaigns: list[dict]) -> dict:
    """Several campaigns as one: levers side by side, the budgets that are given summed."""
    if not campaigns:
        return {"levers": {}}
    levers = {}
    for campaign in campaigns:
        for name, lever in campaign["levers"].items():
            if name in levers:
                where = f"{place_of(levers[name]['name'])} and {place_of(lever['name'])}"
                raise ScenarioError(f"{where}: the lever name {text_of(name)} stands in both campaigns; give one another name")
            levers[name] = lever
    out = {**campaigns[0], "levers": levers}
    if len(campaigns) > 1:
        out["title"] = Leaf(" + ".join(str(plain(c["title"])) for c in campaigns), "scenario", "title")
    for key in ("budget_rp", "monthly_ceiling_rp"):
        given = [c[key] for c in campaigns if key in c and not is_unset(c[key])]
        if len(given) > 1 and all(type(plain(node)) is int for node in given):
            out[key] = Leaf(sum(plain(node) for node in given), given[0].file, key)
        elif given:
            out[key] = given[0]
    return out


def _with_levers(tree: dict, reader: Reader) -> dict:
    """Presets filled in, levers as a list by start and name: the order in files cannot matter, nor can that of files."""
    campaign = tree["campaign"]
    if not isinstance(campaign, dict) or not isinstance(campaign.get("levers"), dict):
        return tree  # an override put something else there; the model says so
    levers = [_with_preset(lever, reader) for lever in campaign["levers"].values() if not is_unset(lever)]
    levers.sort(key=lambda x: (str(plain(x.get("start", {}))), str(plain(x.get("name", {})))) if isinstance(x, dict) else ("", ""))
    return {**tree, "campaign": {**campaign, "levers": levers}}


def _with_preset(lever, reader: Reader):
    preset = lever.get("preset") if isinstance(lever, dict) else None
    if not isinstance(preset, Leaf) or is_unset(preset):
        return lever
    if not isinstance(preset.value, str) or preset.value not in presets():
        raise bad(preset, f"no such lever preset{nearest(preset.value, presets())}; known: {', '.join(presets())}")
    reader.files[LIBRARY] = None
    return merge(presets()[preset.value], lever)


def _dated(tree: dict, path: Path) -> dict:
    """The first and last day where nobody gave them."""
    levers = tree["campaign"].get("levers", []) if isinstance(tree["campaign"], dict) else []
    starts = [plain(x["start"]) for x in levers if isinstance(x, dict) and "start" in x] if isinstance(levers, list) else []
    first = min((day for day in starts if type(day) is dt.date), default=FIRST_DAY)
    tree = {"start": Leaf(first, path, "start"), **tree}
    start = plain(tree["start"])
    if "until" not in tree and type(start) is dt.date and start.year + 2 in YEARS:
        day = start - dt.timedelta(days=1) if (start.month, start.day) == (2, 29) else start
        tree["until"] = Leaf(day.replace(year=day.year + 2), path, "until")
    for key in ("start", "until"):
        if key in tree and type(plain(tree[key])) is dt.date and plain(tree[key]).year not in YEARS:
            raise bad(tree[key], f"out of range; allowed: a date from the years {YEARS[0]} to {YEARS[-1]}")
    return tree


def _with_files(village, reader: Reader):
    """Files of people and ties: from the folder of the file that names them to absolute paths."""
    for key in ("people_file", "ties_file"):
        leaf = village.get(key) if isinstance(village, dict) else None
        if not isinstance(leaf, Leaf) or not isinstance(leaf.value, str) or not leaf.value or is_unset(leaf):
            continue
        try:
            file = (leaf.folder / Path(leaf.value).expanduser()).resolve()
            there = file.is_file()
            if there:
                file.open("rb").close()  # that it can be read
        except (OSError, RuntimeError, ValueError) as error:
            raise bad(leaf, f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
        if not there:
            raise bad(leaf, f"{'a directory' if file.is_dir() else 'no such file'}; looked for {shown(file)}; needed: a CSV file")
        reader.files[file] = None
        village = {**village, key: Leaf(str(file), leaf.file, leaf.key)}
    return village


def valid(model, tree: dict, path: Path):
    """The tree as `model`; what does not fit is told with file, key, value and what is allowed."""
    try:
        return model.model_validate(plain(tree))
    except ValidationError as error:
        raise explain(error, tree, model, path) from None


def _day(value) -> dt.date:
    try:
        return dt.date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        raise ScenarioError(f"--until {value}: not allowed; allowed: a date such as 2019-12-31") from None
