"""What calibration left open of behavior: draws of the posterior, and the parameters of a scenario under one of them.

    posterior = shipped()                               # None where no posterior is shipped
    drawn(parameters, place(seed=1, replicate=4, count=posterior.count))

`beliefs/posterior.csv` has a key of `behavior` in each column and a draw in each row; rows are exchangeable. The environment
variable SADAR_POSTERIOR names another file, or says "none". A key that the scenario itself sets to another value than the
shipped default keeps it: what somebody set on purpose is not drawn.
"""

import csv
import functools
import hashlib
import io
import math
import os
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from scenarios.errors import ScenarioError, nearest, shown
from simulation.parameters import Behavior, InputError, Parameters

BELIEFS = Path(__file__).resolve().parent / "beliefs"
FILE, PRIORS = BELIEFS / "posterior.csv", BELIEFS / "priors.toml"
VARIABLE, NONE = "SADAR_POSTERIOR", "none"
RECORD = "record of draws"
#: how the behavior of runs may be asked for: a draw for each, or one set of numbers
CHOICES = ("posterior", "point")
#: seeds begin so many draws apart, so that the first replicates of neighboring seeds do not share theirs
APART = 101


class Posterior(NamedTuple):
    """Draws of behavior. rows: place -> value by key, of all places 0 to `count` - 1, or (`only`) of some; digest: of the file."""

    digest: str
    count: int
    rows: dict[int, dict[str, float | int]]

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of `behavior` that are drawn."""
        return tuple(next(iter(self.rows.values())))

    def only(self, places: Iterable[int]) -> "Posterior":
        """The same with no other draws than these."""
        return self._replace(rows={k: self.rows[k] for k in sorted(set(places))})

    def document(self) -> dict:
        """As plain values, a line of text a draw: for recipes, from which `of_document` reads it again."""
        rows = {str(k): ",".join(map(repr, row.values())) for k, row in self.rows.items()}
        return {"digest": self.digest, "count": self.count, "keys": ",".join(self.keys), "rows": rows}


def of_document(told: dict) -> Posterior:
    """What `Posterior.document` wrote. Raises InputError for what it cannot have written."""
    try:
        keys = told["keys"].split(",")
        _check_keys(RECORD, keys)
        rows = {int(k): _row(f"{RECORD}, draw {k}", keys, text.split(",")) for k, text in told["rows"].items()}
        return Posterior(told["digest"], told["count"], rows)
    except (KeyError, TypeError, AttributeError):
        raise ScenarioError(f"{RECORD}: is damaged; needed: digest, count, keys and rows") from None


def shipped() -> Posterior | None:
    """The posterior in use: that of SADAR_POSTERIOR, else the shipped one, else None. Raises InputError for a file that is not sound."""
    given = os.environ.get(VARIABLE)
    if given == NONE:
        return None
    if not given and not FILE.is_file():
        return None
    return read(given or FILE)


def read(path: str | Path) -> Posterior:
    """The posterior in a CSV file. Raises InputError naming file, line, key and value, and what is allowed."""
    path = Path(path).expanduser()
    try:
        now = path.stat()
        return _read(path, now.st_mtime_ns, now.st_size)
    except OSError as error:
        raise ScenarioError(f"{shown(path)}: cannot be read ({error.strerror}); needed: draws of behavior as CSV") from None


def draws() -> tuple[dict, ...] | None:
    """All draws of the posterior in use, as value by key; None where there is none."""
    posterior = shipped()
    return posterior and tuple(posterior.rows.values())


def digest() -> str | None:
    """Sixteen hex digits that name the posterior in use; None where there is none."""
    posterior = shipped()
    return posterior and posterior.digest


def place(seed: int, replicate: int, count: int) -> int:
    """The draw that a replicate gets: the same for every campaign, any number of replicates, processes and engines."""
    return (seed * APART + replicate) % count


def drawn(parameters: Parameters, index: int, posterior: Posterior | None = None) -> Parameters:
    """Parameters with the behavior of one draw (of the posterior in use where none is given), except for keys that the scenario sets."""
    posterior = posterior or shipped()
    if posterior is None:
        raise InputError(f"no posterior is shipped; {VARIABLE} can name a file")
    kept = set_keys(parameters, posterior)
    values = {key: value for key, value in posterior.rows[index].items() if key not in kept}
    return parameters.model_copy(update={"behavior": parameters.behavior.model_copy(update=values)})


def set_keys(parameters: Parameters, posterior: Posterior) -> list[str]:
    """Keys of the posterior that the scenario sets itself: they have another value than the shipped default."""
    usual = Behavior()
    return [key for key in posterior.keys if getattr(parameters.behavior, key) != getattr(usual, key)]


def believed() -> list[str]:
    """Keys of behavior that the shipped priors hold to be unknown: those that a posterior is made for."""
    told = tomllib.loads(PRIORS.read_text(encoding="utf-8"))
    return [key for key in told if key in Behavior.model_fields]


# ------------------------------------------------------------------ reading


@functools.lru_cache(maxsize=8)
def _read(path: Path, changed: int, size: int) -> Posterior:
    """`changed` and `size` are those of the file, so that another content is read anew."""
    data, name = path.read_bytes(), shown(path)
    try:
        lines = [line for line in csv.reader(io.StringIO(data.decode("utf-8-sig"))) if line]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ScenarioError(f"{name}: is no CSV file ({error}); needed: a header of behavior keys, then a row a draw") from None
    if len(lines) < 2:
        raise ScenarioError(f"{name}: holds no draws; needed: a header of behavior keys, then a row a draw")
    keys = [key.strip() for key in lines[0]]
    _check_keys(f"{name}, line 1", keys)
    rows = {k: _row(f"{name}, line {k + 2}", keys, cells) for k, cells in enumerate(lines[1:])}
    return Posterior(hashlib.sha256(data).hexdigest()[:16], len(rows), rows)


def _check_keys(where: str, keys: list[str]) -> None:
    for key in keys:
        if key not in Behavior.model_fields:
            raise ScenarioError(f"{where}: unknown key {key!r}{nearest(key, Behavior.model_fields)}; allowed: keys of behavior")
        if keys.count(key) > 1:
            raise ScenarioError(f"{where}: the key {key!r} stands twice; allowed: once")


def _row(where: str, keys: list[str], cells: list[str]) -> dict[str, float | int]:
    """One draw, checked; whole numbers are rounded."""
    if len(cells) != len(keys):
        raise ScenarioError(f"{where}: {len(cells)} values; needed: {len(keys)}, one for each key")
    return {key: _value(where, key, cell) for key, cell in zip(keys, cells)}


def _value(where: str, key: str, cell: str) -> float | int:
    field = Behavior.model_fields[key]
    low, high = (next(getattr(m, name) for m in field.metadata if hasattr(m, name)) for name in ("ge", "le"))
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    value = round(value) if field.annotation is int and math.isfinite(value) else value
    if not low <= value <= high:
        raise ScenarioError(f"{where}: {key} = {cell.strip()}: not allowed; allowed: a number from {low:g} to {high:g}")
    return value
