"""Parsed files as trees whose leaves remember where they were written, so that a message can name file and key.

A tree is a table (dict), a list of tables, or a `Leaf`. Trees are never changed in place: merging copies.
"""

from pathlib import Path
from typing import Any, NamedTuple

UNSET = "unset"  # as a value in a file: take out what a preset or parent gave


class Leaf(NamedTuple):
    """A value with the file (a Path, or the name of a command-line option) and the key path it stands at."""

    value: Any
    file: Path | str
    key: str

    @property
    def folder(self) -> Path:
        """Where relative paths in this value start from."""
        return self.file.parent if isinstance(self.file, Path) else Path.cwd()


def join(*parts) -> str:
    return ".".join(str(p) for p in parts if p != "")


def label(table: dict, number: int) -> str | int:
    """What a table in a list is called in key paths: its name, else its preset, else its number."""
    for key in ("name", "preset"):
        if isinstance(table.get(key), str) and table[key]:
            return table[key]
    return number


def mark(raw, file: Path | str, key: str = ""):
    """The tree of a parsed file (or value)."""
    if isinstance(raw, dict):
        return {k: mark(v, file, join(key, k)) for k, v in raw.items()}
    if isinstance(raw, list) and raw and all(isinstance(x, dict) for x in raw):
        return [mark(x, file, join(key, label(x, i))) for i, x in enumerate(raw)]
    return Leaf(raw, file, key)


def plain(tree):
    """The values of a tree, without what was unset."""
    if isinstance(tree, Leaf):
        return tree.value
    if isinstance(tree, list):
        return [plain(x) for x in tree]
    return {k: plain(v) for k, v in tree.items() if not is_unset(v)}


def is_unset(tree) -> bool:
    return isinstance(tree, Leaf) and isinstance(tree.value, str) and tree.value == UNSET


def merge(base: dict, over: dict, references: tuple[str, ...] = ()) -> dict:
    """`over` on top of `base`: tables key by key, all else (lists too) replaced.

    Under a key in `references` a table laid over a name ("lerep") extends what the name stands for,
    and a table with an `extends` of its own starts afresh.
    """
    out = dict(base)
    for key, value in over.items():
        old = out.get(key)
        if isinstance(value, dict) and not (key in references and "extends" in value):
            if isinstance(old, dict):
                value = merge(old, value)
            elif isinstance(old, Leaf) and key in references:
                value = {"extends": old, **value}
        out[key] = value
    return out


def locate(tree, path) -> tuple[Path | str | None, str, Any]:
    """(file, key path as written in that file, node) of a path of keys, numbers or names; what is not there belongs to its parent."""
    node, rest, home = tree, list(path), None
    while rest and not isinstance(node, Leaf):
        home = _home(node) or home
        head = rest[0]
        if isinstance(node, list) and isinstance(head, str):
            head = next((i for i, x in enumerate(node) if isinstance(x.get("name"), Leaf) and x["name"].value == head), None)
        try:
            node = node[head]
        except (KeyError, IndexError, TypeError):
            break
        rest.pop(0)
    if isinstance(node, Leaf):
        inside = _inside(node.value, rest)
        return node.file, join(node.key, *rest), None if inside is None else Leaf(inside, node.file, node.key)
    leaves = list(_leaves(node))
    if not leaves:
        return None, join(*path), None
    home = _home(node) or home
    leaf, depth = min(leaves, key=lambda found: (found[0].file != home, found[1]))
    parts = leaf.key.split(".")
    return leaf.file, join(*parts[: len(parts) - depth], *rest), node if not rest else None


def _home(node) -> Path | str | None:
    """The file that gives a table its name: of a lever the campaign's, not the preset's."""
    if isinstance(node, list) and node:
        return _home(node[0])
    name = node.get("name") if isinstance(node, dict) else None
    return name.file if isinstance(name, Leaf) else None


def _inside(value, path):
    """What stands at a path within a value, None if nothing."""
    for key in path:
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _leaves(node, depth: int = 0):
    """(leaf, how deep it lies) of all below a node."""
    if isinstance(node, Leaf):
        yield node, depth
        return
    for child in node if isinstance(node, list) else node.values():
        yield from _leaves(child, depth + 1)
