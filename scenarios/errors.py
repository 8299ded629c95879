"""One readable message for any bad input: file and line, key path, value, what is allowed, the nearest valid key."""

import datetime as dt
import difflib
import json
import re
import tomllib
import types
import typing
from pathlib import Path

from pydantic import BaseModel, ValidationError

from scenarios.tree import Leaf, label, locate
from simulation.parameters import InputError, walk


class ScenarioError(InputError):
    """Bad input (a ValueError). The text is all that a user needs to see: one message, no traceback."""

    def __init__(self, message: str):
        super().__init__(message.replace("?; ", "? "))  # a question ends its clause


def nearest(word, known) -> str:
    """', did you mean ...?' when a known word is near."""
    found = difflib.get_close_matches(str(word).lower(), [str(k) for k in known], n=1, cutoff=0.6)
    return f", did you mean {found[0]!r}?" if found else ""


def shown(file: Path | str | None) -> str:
    """A file as the user would write it."""
    if not isinstance(file, Path):
        return file or "scenario"
    for root in (Path.cwd(), Path(__file__).resolve().parent.parent):
        if file.is_relative_to(root):
            return str(file.relative_to(root))
    return str(file)


def place(file: Path | str | None, key: str) -> str:
    """'file, line n'"""
    line = line_of(file, key) if isinstance(file, Path) else None
    return f"{shown(file)}, line {line}" if line else shown(file)


def text_of(value) -> str:
    """A value as TOML writes it, cut to a readable length."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value if len(value) <= 60 else value[:57] + "...", ensure_ascii=False)
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, list):
        text = f"[{', '.join(text_of(x) for x in value[:20])}]"
    else:
        text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def bad(leaf: Leaf, problem: str) -> ScenarioError:
    """The error of one value."""
    return ScenarioError(f"{place(leaf.file, leaf.key)}: {leaf.key} = {text_of(leaf.value)}: {problem}")


def unknown_key(file, key: str, known) -> ScenarioError:
    """The error of a key that nobody knows: the nearest known one, where else it belongs, or all that is known."""
    last, known = key.rsplit(".", 1)[-1], list(known)
    hint = nearest(last, known)
    elsewhere = [] if hint else [p for p, _ in walk() if p.rsplit(".", 1)[-1] == last]
    if elsewhere:
        hint = f", it belongs in {elsewhere[0]}"
    listed = "" if len(known) > 14 else f"; known here: {', '.join(known)}"
    return ScenarioError(f"{place(file, key)}: {key}: unknown key {last!r}{hint}{listed}")


def explain(error: ValidationError, tree, root: type[BaseModel], fallback: Path) -> ScenarioError:
    """The first thing wrong in a validated tree, misspelt keys before all else, and how many more there are."""
    found = sorted(error.errors(include_url=False), key=lambda e: e["type"] != "extra_forbidden")
    first = found[0]
    path, kind = list(first["loc"]), first["type"]
    text = ""
    if kind == "value_error":
        path, text = _own_check(str(first["ctx"]["error"]), path, root)
    model, field = _field_at(root, path)
    file, key, node = locate(tree, path)
    file = file or fallback
    where = f"{place(file, key)}: {key}" if key else shown(file)
    value = f" = {text_of(node.value)}" if isinstance(node, Leaf) else ""
    if kind == "extra_forbidden":
        message = str(unknown_key(file, key, model.model_fields))
    elif kind == "missing":
        message = f"{where}: missing; needed: {_allowed(field, path)}"
    elif kind == "value_error":
        message = f"{where}{value}: {text}"
    else:
        problem = "out of range" if kind in ("greater_than_equal", "less_than_equal") else "not allowed"
        message = f"{where}{value}: {problem}; allowed: {_allowed(field, path)}{_hint(first, field)}"
    more = len(found) - 1
    return ScenarioError(message + (f" (and {more} more problem{'s' if more > 1 else ''})" if more else ""))


def _own_check(text: str, path: list, root) -> tuple[list, str]:
    """A model's own check starts its message with the key it is about: 'shares: ...' or 'end 2018-01-01 lies ...'."""
    model = _field_at(root, [*path, ""])[0]
    head = re.match(r"([\w.\- ]+): ", text) or re.match(r"(\w+) ", text)
    parts = head.group(1).split(".") if head else [""]
    if parts[0] in model.model_fields:
        path = path + [int(p) if p.isdecimal() else p for p in parts]
        text = text[head.end() :] if head.group(0).endswith(": ") else text
    known = re.search(r"'([^']+)'.*known: (.+)$", text)
    return path, text + (nearest(known.group(1), known.group(2).split(", ")) if known else "")


def _field_at(root, path):
    """(model that holds the last key, its field) of a path; numbers are places in lists."""
    model, field, inner = root, None, root
    for part in path:
        if not isinstance(part, int):
            model = inner
            field = model.model_fields.get(part) if model else None
            inner = _model_in(field.annotation) if field else None
    return model, field


def _model_in(annotation):
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((m for a in typing.get_args(annotation) if (m := _model_in(a))), None)


def _allowed(field, path) -> str:
    """What a field takes, in words: type, range, unit, meaning."""
    if field is None:
        return "nothing"
    annotation = field.annotation
    if isinstance(path[-1], int) and typing.get_origin(annotation) is list:
        annotation = typing.get_args(annotation)[0]
    bounds = {name: getattr(m, name) for m in field.metadata for name in ("ge", "le") if hasattr(m, name)}
    extra = field.json_schema_extra or {}
    text = _words(annotation)
    if bounds:
        text += f" from {bounds['ge']:,} to {bounds['le']:,}"
    if bounds and extra.get("unit", "-") != "-":
        text += f", unit: {extra['unit']}"
    return text + (f" ({field.description})" if field.description else "")


_WORDS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text in quotes",
    dt.date: "a date without quotes, such as 2018-08-01",
}


def _words(annotation) -> str:
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return "one of " + ", ".join(text_of(a) for a in args)
    if origin in (typing.Union, types.UnionType):
        return _words(next(a for a in args if a is not type(None)))
    if origin is list:
        return "a list, each entry " + _words(args[0])
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        keys = list(annotation.model_fields)
        return "a table with the keys " + ", ".join(keys[:14]) + (" ..." if len(keys) > 14 else "")
    return _WORDS.get(annotation, str(annotation))


def _hint(error, field) -> str:
    """The usual slips: a misspelt choice, a number in quotes, a percentage where a share belongs."""
    value = error["input"]
    if error["type"] == "literal_error":
        return nearest(value, re.findall(r"'([^']+)'", error["ctx"]["expected"]))
    if isinstance(value, str) and re.fullmatch(r"[\d.,_ %]+", value.strip()):
        return "; write numbers without quotes, thousands as 16_800"
    top = [m.le for m in field.metadata if hasattr(m, "le")] if field else []
    if isinstance(value, int | float) and not isinstance(value, bool) and top and top[0] <= 1 and 1 < value <= 100:
        return f"; write {value:g} % as {value / 100:g}"
    return ""


def line_of(file: Path, key: str) -> int | None:
    """The line a key path (or the longest part of it) stands on. Only messages need it, so it may read the file again."""
    try:
        text = file.read_bytes().decode("utf-8-sig")
        raw = tomllib.loads(text)
    except (OSError, ValueError):
        return None
    lines, prefix, seen = {}, "", {}
    current = {}  # list of tables -> key path of the entry that is open
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[(\[?)\s*([^\]]+?)\s*\]", line):
            name = header.group(2).replace('"', "")
            if header.group(1):
                seen[name] = seen.get(name, -1) + 1
                tables = raw.get(name)
                known = isinstance(tables, list) and seen[name] < len(tables) and isinstance(tables[seen[name]], dict)
                current[name] = f"{name}.{label(tables[seen[name]], seen[name])}" if known else name
                prefix = current[name]
                lines.setdefault(name, number)
            else:
                outer = next((n for n in current if name.startswith(n + ".")), None)
                prefix = current[outer] + name[len(outer) :] if outer else name
            lines.setdefault(prefix, number)
        elif entry := re.match(r"\s*([\w.\"-]+)\s*=", line):
            lines.setdefault(".".join(p for p in (prefix, entry.group(1).replace('"', "")) if p), number)
    while key and key not in lines:
        key = key.rpartition(".")[0]
    return lines.get(key)
