"""What differs between two scenarios, for people to read: levers and occupations by name, dated rules by date."""

from scenarios.loader import Scenario

NAMED = {"levers": "name", "occupations": "name", "rules": "start"}  # lists whose entries are compared by this key


def diff(a: Scenario, b: Scenario) -> list[tuple[str, object, object]]:
    """(key path, value in `a`, value in `b`) of all that differs; None stands for absent. An entry that only one of the two
    has (a lever, an occupation, a rule) is one row with a short text instead of a row for each of its keys."""
    rows = []
    _compare("", a.parameters.model_dump(), b.parameters.model_dump(), rows)
    mine, other = ({(o.measure, o.date, o.kind): o for o in s.observed} for s in (a, b))
    for key in [*mine, *(k for k in other if k not in mine)]:
        name = f"observed.{key[0]}.{key[1]}"
        left, right = (side[key].model_dump() if key in side else None for side in (mine, other))
        _compare(name, left, right, rows)
    return rows


def _compare(path: str, a, b, rows: list) -> None:
    if a == b:
        return
    if isinstance(a, dict) and isinstance(b, dict):
        for key in [*a, *(k for k in b if k not in a)]:
            here = f"{path}.{key}" if path else str(key)
            left, right = a.get(key), b.get(key)
            if key in NAMED and isinstance(left, list) and isinstance(right, list):
                left, right = _by(NAMED[key], left), _by(NAMED[key], right)
            _compare(here, left, right, rows)
    else:
        rows.append((path, _short(a), _short(b)))


def _by(key: str, entries: list[dict]) -> dict:
    return {str(entry[key]): entry for entry in entries}


def _short(value):
    """A table in a few words: what is set in it, its name apart."""
    if not isinstance(value, dict):
        return value
    if "measure" in value:  # an observation
        return value["text"] or value["value"]
    if "preset" in value:  # a lever
        return f"{value['title'] or value['name']}, {value['start']} to {value['end'] or 'the end'}"
    return ", ".join(f"{k} {v}" for k, v in value.items() if v not in (None, [], "") and k != "name")
