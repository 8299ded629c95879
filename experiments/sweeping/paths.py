"""What the paths of a design mean in its scenario: resolved parameters of every choice, the field a path ends at, values laid over."""

import functools
import json
import typing
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from experiments.sweeping.design_file import SPECIAL, Design, refused
from scenarios.errors import ScenarioError, explain, nearest, place, shown, text_of
from scenarios.loader import load
from scenarios.reading import FOLDERS, Reader, find
from scenarios.tree import UNSET, Leaf, join, label, plain
from simulation.parameters import Group, Parameters

#: special path -> its choices as (text in the table, the keys of the resolved parameters that it gives)
Choices = dict[str, list[tuple[str, dict]]]


def parameters_of(base: dict, overrides: Mapping) -> Parameters:
    """Resolved parameters with values laid over them: plain in, Parameters out (0.3 ms). Raises pydantic's ValidationError."""
    return Parameters.model_validate_json(json.dumps(_laid(base, overrides)))


def _laid(base: dict, overrides: Mapping) -> dict:
    for path, value in overrides.items():
        base = put(base, path.split("."), value)
    if any(path.startswith("campaign.levers.") for path in overrides):  # by start and name, as the loader has them
        levers = sorted(base["campaign"]["levers"], key=lambda x: (str(_bare(x.get("start"))), str(x["name"])))
        base = {**base, "campaign": {**base["campaign"], "levers": levers}}
    return base


def _bare(x):
    return x.value if isinstance(x, Leaf) else x


def put(node, parts: list[str], value):
    """A copy of a plain tree with a value in it; lists are entered by the name or number of an entry, as in scenarios.overrides.

    "unset" takes out what is there; true keeps and false takes out a whole table.
    """
    head, *rest = parts
    entries = isinstance(node, list)
    if entries:
        names = [str(label(entry, number)) for number, entry in enumerate(node)]
        head = names.index(head) if head in names else int(head)
    elif not isinstance(node, dict):
        node = {}  # a mechanism that the lever has not
    old = node[head] if entries else node.get(head)
    given = _bare(value)
    switch = not rest and isinstance(old, dict) and isinstance(given, bool)
    if not rest and given == UNSET or switch and not given:
        return [*node[:head], *node[head + 1 :]] if entries else {key: x for key, x in node.items() if key != head}
    new = old if switch else put(old, rest, value) if rest else value
    return [*node[:head], new, *node[head + 1 :]] if entries else {**node, head: new}


def explained(error: ValidationError, base: dict, overrides: Mapping, chosen: Mapping, design: Design, file) -> ScenarioError:
    """Why values do not fit a base, made by the special choices `chosen`: about one of them where it can be said of one."""
    tree = _laid(base, {path: Leaf(value, file, design.key(path)) for path, value in overrides.items()})
    found = explain(error, _marked(tree, "with these values"), Parameters, file)
    if not str(found).startswith("with these values"):
        return found
    told = ", ".join(f"{path} = {text_of(value)}" for path, value in [*chosen.items(), *overrides.items()][:6])
    return ScenarioError(f"{shown(file)}: {found}; varied: {told}")


def _marked(node, file: str, key: str = ""):
    """A plain tree as `scenarios.tree.mark` makes it; leaves that are in it already stay."""
    if isinstance(node, dict):
        return {name: _marked(child, file, join(key, name)) for name, child in node.items()}
    if isinstance(node, list) and node and all(isinstance(x, dict) for x in node):
        return [_marked(x, file, join(key, label(x, number))) for number, x in enumerate(node)]
    return node if isinstance(node, Leaf) else Leaf(node, file, key)


# ------------------------------------------------------------------ the special paths


def choices(design: Design, file) -> Choices:
    """The resolved parts of every choice of the special paths; ("", the scenario's own) where a path is not varied."""
    named = {kind: _named(kind, design, file) for kind in SPECIAL if kind in design.varied}
    scenario = find(Leaf(design.scenario, file, "scenario"), tuple(FOLDERS))
    loaded = functools.partial(_loaded, scenario, design, file)
    first = {kind: named[kind][0][1] for kind in ("campaign", "village") if kind in named}
    base = loaded(**first)
    found = {kind: [("", {kind: base[kind]})] for kind in SPECIAL}
    for kind, given in named.items():
        found[kind] = []
        for text, paths in given:
            made = _part(kind, paths[0]) if kind in ("scheme", "behavior") else loaded(**first | {kind: paths})
            if any(made.get(key, base[key]) != base[key] for key in ("start", "until")):
                told = "; ".join(f"{name}: {x['start']} to {x['until']}" for name, x in ((given[0][0], base), (text, made)))
                raise refused(design, kind, file, f"these run at different times ({told}); give start and until in the design")
            found[kind].append((text, {kind: made[kind]}))
    rest = {key: x for key, x in base.items() if key not in SPECIAL}
    return found | {"campaign": [(text, rest | part) for text, part in found["campaign"]]}


def _loaded(scenario: Path, design: Design, file, campaign: list[Path] = (), village: list[Path] = (None,)) -> dict:
    dates = {"start": design.start} if design.start else {}
    try:
        found = load(scenario, campaigns=campaign, village=village[0], until=design.until, overrides=dates)
    except ScenarioError as error:  # about a date of ours: `load` knows it as an option
        option, _, problem = str(error).partition(": ")
        key = {"--set": "start", "--until": "until"}.get(option)
        raise ScenarioError(f"{place(file, key)}: {problem}" if key else str(error)) from None
    return found.parameters.model_dump(mode="json")


def _named(kind: str, design: Design, file) -> list[tuple[str, list[Path]]]:
    """(text, files) of each choice of a special path."""
    found = []
    for value in design.varied[kind].values:
        names = value if isinstance(value, list) and kind == "campaign" else [value]
        if not names or not all(isinstance(name, str) for name in names):
            joined = ', or lists of them (joined), as in ["none", ["lerep-2018", "my.toml"]]' if kind == "campaign" else ""
            raise refused(design, kind, file, f"{text_of(value)} is not allowed; allowed: names or paths{joined}")
        found.append((" + ".join(names), [find(Leaf(name, file, design.key(kind)), (kind,)) for name in names]))
    return found


def _part(kind: str, path: Path) -> dict:
    tree, model = Reader().part(Leaf(str(path), path, kind), kind), Parameters.model_fields[kind].annotation
    try:
        return {kind: model.model_validate(plain(tree)).model_dump(mode="json")}
    except ValidationError as error:
        raise explain(error, tree, model, path) from None


# ------------------------------------------------------------------ the other paths


def refuse_misfits(design: Design, file) -> None:
    """A path stands once, not inside another that is varied, not where nothing would change; names are no range."""
    for path in design.varied:
        last = path.rsplit(".", 1)[-1]
        outer = next((p for p in design.varied if path.startswith(p + ".") and p not in SPECIAL), None)
        problem = ""
        if path in SPECIAL and design.varied[path].values is None:
            problem = "a range is for numbers; give a list of names or files"
        elif path in design.levers and path in design.uncertainties:
            problem = "stands in levers and in uncertainties; choose one"
        elif outer:
            problem = f"lies inside {outer}, which is varied too; vary one of them"
        elif path in ("start", "until") and getattr(design, path):
            problem = f"is given for all runs too, {path} = {getattr(design, path)}; leave one out"
        elif last in ("name", "preset") and path.count(".") > 1:
            problem = f"{last} is what an entry is known by and cannot be varied; vary campaign or village, with a file for each"
        elif path in ("village.people_file", "village.ties_file"):
            problem = "cannot be varied; vary village, with a village file for each"
        if problem:
            raise refused(design, path, file, problem)


def field(design: Design, path: str, known: Choices, file):
    """The field of Parameters that a path ends at, which must be there in every choice. None: a table, which true and false switch."""
    head = path.split(".")[0]
    head = head if head in SPECIAL else "campaign"
    told = [(text, *_enter(part, path)) for text, part in known[head]]
    absent, there = [x for x in told if x[1]], [x for x in told if not x[1]]
    if absent and there:
        problem = f"not there with {head} = {text_of(absent[0][0])}, but with {text_of(there[0][0])}; every {head} of the design needs it"
        raise refused(design, path, file, problem)
    if absent:
        raise refused(design, path, file, absent[0][1])
    found = there[0][2]
    if found is None and not all(isinstance(x, bool) for x in design.varied[path].values or [0]):
        raise refused(design, path, file, "is a table; name a key in it, or take it out with [true, false]")
    return found


def _enter(node, path: str) -> tuple[str, object]:
    """(what is missing, "" if nothing; the field at the end, None where that is a table) of a path in plain resolved parameters."""
    model, found = Parameters, None
    for part in path.split("."):
        if model is None:
            return f"there is no {part!r} in one value", None
        if isinstance(node, list):
            names = [str(label(entry, number)) for number, entry in enumerate(node)]
            number = names.index(part) if part in names else int(part) if part.isdecimal() else len(node)
            if number >= len(node):
                return f"nothing called {part!r}{nearest(part, names)}; known: {', '.join(names) or 'none'}", None
            node, found = node[number], None
            continue
        if part not in model.model_fields:
            known = list(model.model_fields)
            listed = f"; known here: {', '.join(known)}" if len(known) <= 14 else ""
            return f"unknown key {part!r}{nearest(part, known)}{listed}", None
        found = model.model_fields[part]
        model, node = _model_in(found.annotation), node.get(part) if isinstance(node, dict) else None
    return "", found if model is None else None


def _model_in(annotation):
    """The model in an annotation such as `list[Lever]` or `Cost | None`."""
    inside = (annotation, *typing.get_args(annotation))
    return next((x for x in inside if isinstance(x, type) and issubclass(x, Group)), None)
