"""`key=value` laid over a resolved tree: village.workers=500, campaign.levers.free_months.price.months=6."""

import tomllib
from collections.abc import Iterable, Mapping

from scenarios.errors import ScenarioError, nearest, text_of
from scenarios.tree import Leaf, is_unset, label, mark, merge, plain


def override(tree: dict, overrides: Iterable[str] | Mapping) -> dict:
    """The tree with every override in it. Lists are entered by the name of an entry, or its number from 0."""
    items = list(overrides.items()) if isinstance(overrides, Mapping) else [parse(text) for text in overrides]
    for key, value in items:
        tree = _put(tree, str(key).split("."), mark(value, "--set", str(key)), str(key))
    return tree


def parse(text: str) -> tuple[str, object]:
    """(key, value) of `key=value`. The value is TOML; what is no TOML is text."""
    key, sign, value = (part.strip() for part in str(text).partition("="))
    if not sign or not all(part.strip() for part in key.split(".")):
        raise ScenarioError(f"--set {text}: not allowed; allowed: key=value, such as village.workers=500")
    try:
        table = tomllib.loads(f"value = {value}")
    except (ValueError, RecursionError):
        return key, value
    return key, table["value"] if len(table) == 1 else value


def _put(node, parts: list[str], value, key: str):
    if not parts:
        return merge(node, value) if isinstance(node, dict) and isinstance(value, dict) else value
    head, rest = parts[0], parts[1:]
    if isinstance(node, Leaf) and not is_unset(node):
        raise ScenarioError(f"--set {key}: {node.key} = {text_of(node.value)} is one value, there is no {head!r} in it")
    if isinstance(node, list):
        known = [str(label(plain(entry), number)) for number, entry in enumerate(node)]
        number = known.index(head) if head in known else int(head) if head.isdecimal() and int(head) < len(node) else None
        if number is None:
            raise ScenarioError(f"--set {key}: nothing called {head!r}{nearest(head, known)}; known: {', '.join(known)}")
        return [*node[:number], _put(node[number], rest, value, key), *node[number + 1 :]]
    node = node if isinstance(node, dict) else {}
    if head not in node and key.split(".")[: -len(parts)] == ["campaign", "levers"]:
        raise ScenarioError(f"--set {key}: no lever {head!r}{nearest(head, node)}; known: {', '.join(node) or 'none'}")
    return {**node, head: _put(node.get(head), rest, value, key)}
