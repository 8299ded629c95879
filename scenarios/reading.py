"""Scenario files on disk: find them by name or path, read them, follow `extends`, and look through the shipped ones."""

import tomllib
from functools import lru_cache
from pathlib import Path

from scenarios.errors import ScenarioError, bad, nearest, place, shown, text_of, unknown_key
from scenarios.tree import Leaf, join, label, mark, merge, plain

HERE = Path(__file__).resolve().parent
LIBRARY = HERE / "levers.toml"
FOLDERS = {"case": "cases", "village": "villages", "campaign": "campaigns", "scheme": "schemes", "behavior": "behavior"}
#: shipped files that are no scenarios, but listed like them
OTHERS = {"design": "designs", "trial": "trials"}
PARTS = ("village", "scheme", "behavior")  # of a case, besides its campaigns
KEYS = {
    "case": ("title", *PARTS, "campaigns", "start", "until", "burn_in_weeks", "limits", "observed"),
    "campaign": ("title", "budget_rp", "monthly_ceiling_rp", "lever"),
    "trial": (
        *("title", "study", "text", "source", *PARTS, "price_rp", "start", "until", "burn_in_weeks", "limits", "lever"),
        *("fit", "context", "arm", "measured"),
    ),
}


class Reader:
    """Reads files and follows what they refer to; remembers what was read."""

    def __init__(self):
        self.files: dict[Path, None] = {}

    def file(self, path: Path, kinds: tuple[str, ...], stack: tuple[Path, ...] = ()) -> tuple[str, dict]:
        """(kind, tree) of a file of one of `kinds`, its parents merged in."""
        if path in stack:
            circle = " -> ".join(shown(p) for p in (*stack[stack.index(path) :], path))
            raise ScenarioError(f"{place(stack[-1], 'extends')}: circular extends: {circle}")
        raw = read(path)
        self.files[path] = None
        kind = raw.pop("kind", None)
        if kind not in kinds:
            given = "kind is missing" if kind is None else f"kind = {text_of(kind)}{nearest(kind, kinds)}"
            raise ScenarioError(f"{place(path, 'kind')}: {given}; needed here: kind = {' or '.join(text_of(k) for k in kinds)}")
        return kind, self.extended(checked(mark(raw, path), kind, path), kind, (*stack, path))

    def extended(self, tree: dict, kind: str, stack: tuple[Path, ...] = ()) -> dict:
        """A tree laid over the parent that it extends, if any."""
        parent = tree.pop("extends", None)
        base = self.file(find(parent, (kind,)), (kind,), stack)[1] if parent is not None else {}
        if kind == "campaign":
            base, tree = _without_dropped(base, tree)
        return merge(base, tree, references=PARTS if kind in ("case", "trial") else ())

    def part(self, node, kind: str) -> dict:
        """A village, scheme, behavior or campaign given as a name, a path or a table."""
        if isinstance(node, Leaf):
            return self.file(find(node, (kind,)), (kind,))[1]
        if not isinstance(node, dict):
            raise ScenarioError(f"{place_of(node)}: [[{kind}]] makes a list; needed: a name, a path or one table [{kind}]")
        return self.extended(checked(dict(node), kind, None), kind)

    def campaigns(self, node) -> list[dict]:
        """The campaigns of a case: a list of names, paths and tables."""
        if isinstance(node, Leaf) and isinstance(node.value, list):
            node = [mark(item, node.file, join(node.key, i)) for i, item in enumerate(node.value)]
        if not isinstance(node, list):
            raise ScenarioError(f'{place_of(node)}: campaigns: not allowed; allowed: a list of names or paths, such as ["lerep-2018"]')
        return [self.part(item, "campaign") for item in node]


def read(path: Path) -> dict:
    """A parsed file. Every way in which reading can fail ends in a ScenarioError."""
    try:
        if path.is_dir():
            raise ScenarioError(f"{shown(path)}: a directory; needed: one TOML file")
        if not path.is_file():
            beside = [p.stem for p in path.parent.glob("*.toml")] if path.parent.is_dir() else []
            raise ScenarioError(f"{shown(path)}: {'not a regular' if path.exists() else 'no such'} file{nearest(path.stem, beside)}")
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except ScenarioError:
        raise
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{shown(path)}: not UTF-8 text (byte {error.start + 1}); save it as UTF-8") from None
    except RecursionError:
        raise ScenarioError(f"{shown(path)}: nested too deeply") from None
    except tomllib.TOMLDecodeError as error:  # tells the line
        raise ScenarioError(f"{shown(path)}: broken TOML: {error}") from None
    except ValueError:
        raise ScenarioError(f"{shown(path)}: broken TOML: a number has too many digits") from None
    except OSError as error:
        raise ScenarioError(f"{shown(path)}: cannot be read: {error.strerror}") from None


def find(leaf, kinds: tuple[str, ...]) -> Path:
    """The file that a reference stands for: a path (it has a slash, ends in .toml or is there), else a shipped name."""
    if not isinstance(leaf, Leaf) or not isinstance(leaf.value, str) or not leaf.value.strip():
        given = f" = {text_of(leaf.value)}" if isinstance(leaf, Leaf) else ""
        key = (leaf.key if isinstance(leaf, Leaf) else "extends") or "name"
        raise ScenarioError(f"{place_of(leaf)}: {key}{given}: not allowed; allowed: a name or a path, in quotes")
    text = leaf.value
    bare = not any(mark in text for mark in "/\\")
    shipped = [HERE / (FOLDERS | OTHERS)[kind] / f"{text}.toml" for kind in kinds if bare]
    try:
        path = (leaf.folder / Path(text).expanduser()).resolve()
        name = next((file for file in shipped if file.is_file()), None)
        inside = HERE / (text if text.endswith(".toml") else f"{text}.toml")  # "villages/lerep": the village, where "lerep" is the case
        if name is None and not path.exists() and inside.is_file():
            return inside
        if name is None and (path.exists() or not bare or text.endswith(".toml")):
            return path
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ScenarioError(f"{place_of(leaf)}: {text_of(text)} cannot be used as a path: {reason}") from None
    if name is not None:
        return name
    known = dict.fromkeys(name for kind in kinds for name, _, _ in names(kind))
    where = f"{place_of(leaf)}: {leaf.key} = {text_of(text)}: " if leaf.key else ""
    what = "scenario" if len(kinds) > 1 else kinds[0]
    raise ScenarioError(f"{where}no {what} called {text_of(text)}{nearest(text, known)}; known: {', '.join(known)}; or give a path")


def names(kind: str) -> list[tuple[str, str, Path]]:
    """(name, title, file) of everything shipped of a kind: case, village, campaign, scheme, behavior, design or lever."""
    if kind == "lever":
        return [(name, plain(preset["title"]), LIBRARY) for name, preset in presets().items()]
    folders = FOLDERS | OTHERS
    if kind not in folders:
        known = [*folders, "lever"]
        raise ScenarioError(f"no kind of file called {text_of(kind)}{nearest(kind, known)}; known: {', '.join(known)}")
    return [(file.stem, read(file).get("title", file.stem), file) for file in sorted((HERE / folders[kind]).glob("*.toml"))]


@lru_cache(maxsize=1)
def presets() -> dict[str, dict]:
    """The lever library: preset name -> tree. Not to be changed in place."""
    return {name: mark(table, LIBRARY, name) for name, table in read(LIBRARY).items() if name != "kind"}


def checked(tree: dict, kind: str, path: Path | None) -> dict:
    """A file's top level: known keys, levers by name. (Villages, schemes and behavior are checked by the model.)"""
    if kind in KEYS:
        for key, node in tree.items():
            if key not in (*KEYS[kind], "extends"):
                raise unknown_key(node.file if isinstance(node, Leaf) else path, node.key if isinstance(node, Leaf) else key, KEYS[kind])
    if kind == "behavior":
        tree.pop("title", None)  # the file's, not the model's
    if kind == "campaign":
        tree["levers"] = _by_name(tree.pop("lever", []))
        tree.setdefault("title", Leaf(path.stem if path else "campaign", path or "scenario", "title"))
    return tree


def place_of(node) -> str:
    """File and line of any node."""
    while not isinstance(node, Leaf):
        node = next(iter(node.values() if isinstance(node, dict) else node), Leaf(None, "scenario", ""))
    return place(node.file, node.key)


def _by_name(levers) -> dict[str, dict]:
    """The levers of one file. A lever without a name is called after its preset."""
    if isinstance(levers, Leaf) and levers.value == []:
        return {}
    if not isinstance(levers, list):
        raise ScenarioError(f"{place_of(levers)}: lever: not allowed; allowed: a table for each lever, under [[lever]]")
    found = {}
    for number, lever in enumerate(levers):
        name = lever.get("name", lever.get("preset"))
        key = f"lever.{label(plain(lever), number)}"
        if name is None:
            raise ScenarioError(f"{place_of(lever)}: {key}.name: missing; needed: a name, text without dots")
        if not isinstance(name, Leaf) or not isinstance(name.value, str) or not name.value.strip() or "." in name.value:
            raise ScenarioError(f"{place_of(name)}: {key}.name = {text_of(plain(name))}: not allowed; allowed: text without dots")
        if name.value in found:
            raise ScenarioError(f"{place_of(name)}: {key}: the name {text_of(name.value)} stands twice; each lever needs its own")
        if "drop" in lever and plain(lever["drop"]) is not True:
            raise ScenarioError(f"{place_of(lever['drop'])}: {key}.drop = {text_of(plain(lever['drop']))}: not allowed; allowed: true")
        found[name.value] = {**lever, "name": name}
    return found


def _without_dropped(base: dict, tree: dict) -> tuple[dict, dict]:
    """Parent and child campaign without the levers that the child drops."""
    known = base.get("levers", {})
    dropped = {name for name, lever in tree["levers"].items() if "drop" in lever}
    for name in dropped - set(known):
        missing = f"the parent has no lever {text_of(name)}{nearest(name, known)}"
        raise bad(tree["levers"][name]["drop"], f"{missing}; known: {', '.join(known) or 'none'}")
    keep = {name: lever for name, lever in known.items() if name not in dropped}
    mine = {name: lever for name, lever in tree["levers"].items() if name not in dropped}
    return ({**base, "levers": keep} if base else base), {**tree, "levers": mine}
