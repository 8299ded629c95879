"""What is believed of behavior before the data: independent priors, read from TOML, and each parameter as a standard normal number.

    beliefs = read(BELIEFS)
    z = draw(beliefs, 4096, rng)            # float [draw, parameter], independent N(0, 1)
    theta = to_natural(beliefs, z)          # the same in the unit of each parameter
    behaviors = [as_behavior(beliefs, row) for row in theta]

z is the normal score of a parameter under its prior (its probability integral transform, sent through the normal quantile), so that
the prior of z is N(0, I) whatever the shapes are, and 1 - variance of z after the data is the share of what was unknown that they taught.
"""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from pydantic import ValidationError, model_validator
from scipy.special import ndtr, ndtri

from scenarios import reading
from scenarios.errors import ScenarioError, bad, explain, place, text_of, unknown_key
from scenarios.tree import mark, plain
from simulation.parameters import Behavior, Group, InputError, choice, quantity

BELIEFS = reading.HERE / "beliefs" / "priors.toml"
HUGE = 1e15
#: probabilities closer to 0 or 1 than this count as this: z stays within 8.2
EDGE = 1e-16


class Prior(Group):
    """One table of the file."""

    shape: Literal["uniform", "loguniform", "normal", "lognormal"] = choice(..., "how the belief is spread from low to high")
    low: float = quantity(..., "as the parameter's", -HUGE, HUGE, "least value held possible", "priors", "expert")
    high: float = quantity(..., "as the parameter's", -HUGE, HUGE, "greatest value held possible", "priors", "expert")
    center: float | None = quantity(None, "as the parameter's", -HUGE, HUGE, "median before cutting at low and high", "priors", "expert")
    sd: float | None = quantity(None, "as the parameter's or its logarithm's", 0.0, HUGE, "before cutting", "priors", "expert")
    source: str = choice(..., "where it is from")

    @model_validator(mode="after")
    def _agree(self):
        centered = self.shape in ("normal", "lognormal")
        if self.low >= self.high:
            raise ValueError(f"low: an empty range; allowed: below high = {self.high:g}")
        if self.shape.startswith("log") and self.low <= 0:
            raise ValueError(f"low: not allowed with shape {self.shape!r}; allowed: above 0")
        for key in ("center", "sd"):
            if (getattr(self, key) is not None) != centered:
                raise ValueError(f"{key}: {'missing; needed with' if centered else 'has no place with'} shape {self.shape!r}")
        if centered and not self.low <= self.center <= self.high:
            raise ValueError(f"center: not allowed; allowed: from low = {self.low:g} to high = {self.high:g}")
        if centered and self.sd == 0:
            raise ValueError("sd: not allowed; allowed: above 0")
        return self


class Priors(NamedTuple):
    """Independent priors of p parameters; arrays [p]. center, sd: NaN for uniform shapes. whole: the model takes whole numbers."""

    names: tuple[str, ...]
    shape: tuple[str, ...]
    low: np.ndarray
    high: np.ndarray
    center: np.ndarray
    sd: np.ndarray
    whole: np.ndarray
    source: tuple[str, ...]


def read(path: Path | str = BELIEFS) -> Priors:
    """The priors of a file (kind = "priors"), in its order. ScenarioError (an InputError) names file, key and what is allowed."""
    path = Path(path).expanduser().resolve()
    raw = reading.read(path)
    kind = raw.pop("kind", None)
    if kind != "priors":
        given = "kind is missing" if kind is None else f"kind = {text_of(kind)}"
        raise ScenarioError(f'{place(path, "kind")}: {given}; needed here: kind = "priors"')
    if not raw:
        raise ScenarioError(f"{place(path, 'kind')}: no priors; needed: a table for each parameter, such as [own_money_weight]")
    tree = mark(raw, path)
    return together({key: _checked(key, node, path) for key, node in tree.items()})


def together(entries: dict[str, Prior]) -> Priors:
    """Priors by name of a field of Behavior, as arrays."""
    column = {key: np.array([getattr(e, key) for e in entries.values()], float) for key in ("low", "high", "center", "sd")}  # None: NaN
    whole = np.array([Behavior.model_fields[name].annotation is int for name in entries])
    shape, source = (tuple(getattr(e, key) for e in entries.values()) for key in ("shape", "source"))
    return Priors(tuple(entries), shape, whole=whole, source=source, **column)


def to_natural(priors: Priors, z: np.ndarray) -> np.ndarray:
    """Values [.., p] in the unit of each parameter, within low and high. Whole numbers are rounded when used (`as_behavior`)."""
    z = _shaped(priors, z)
    share = ndtr(z)
    out = np.empty(z.shape)
    for k, (shape, low, high) in enumerate(zip(priors.shape, priors.low, priors.high)):
        start, end, width, first = _scale(priors, k)
        value = start + (end - start) * share[..., k]
        value = first + width * ndtri(value) if width else value
        out[..., k] = np.clip(np.exp(value) if shape.startswith("log") else value, low, high)
    return out


def to_z(priors: Priors, theta: np.ndarray) -> np.ndarray:
    """Normal scores [.., p] of values in natural units. InputError where one lies outside its prior."""
    theta = _shaped(priors, theta)
    outside = ~((theta >= priors.low) & (theta <= priors.high))
    if outside.any():
        at = tuple(np.argwhere(outside)[0])
        k = at[-1]
        raise InputError(f"{priors.names[k]} = {theta[at]:g}: outside its prior; allowed: from {priors.low[k]:g} to {priors.high[k]:g}")
    out = np.empty(theta.shape)
    for k, shape in enumerate(priors.shape):
        start, end, width, first = _scale(priors, k)
        value = np.log(theta[..., k]) if shape.startswith("log") else theta[..., k]
        share = (ndtr((value - first) / width) - start if width else value - start) / (end - start)
        out[..., k] = ndtri(np.clip(share, EDGE, 1 - EDGE))
    return out


def draw(priors: Priors, n: int, rng: np.random.Generator) -> np.ndarray:
    """n draws z [n, p] of the prior, spread evenly: the first points of a scrambled Sobol sequence. `to_natural` gives their values."""
    from scipy.stats import qmc

    if n < 1:
        raise InputError(f"draws = {n}: not allowed; allowed: a whole number from 1")
    points = qmc.Sobol(len(priors.names), scramble=True, rng=rng).random_base2(math.ceil(math.log2(n)))[:n]
    return ndtri(np.clip(points, EDGE, 1 - EDGE))


def as_behavior(priors: Priors, theta: Iterable[float]) -> dict[str, float | int]:
    """One row of natural values by name, as Behavior takes it: whole numbers rounded."""
    row = _shaped(priors, np.fromiter(theta, float))
    return {name: round(value) if whole else value for name, value, whole in zip(priors.names, row.tolist(), priors.whole)}


def _scale(priors: Priors, k: int) -> tuple[float, float, float, float]:
    """(start, end, sd, center) of a parameter on its own scale, linear or log: with sd, start and end are normal probabilities."""
    to = math.log if priors.shape[k].startswith("log") else float
    low, high = to(priors.low[k]), to(priors.high[k])
    if priors.shape[k] not in ("normal", "lognormal"):
        return low, high, 0.0, 0.0
    center, sd = to(priors.center[k]), float(priors.sd[k])
    return float(ndtr((low - center) / sd)), float(ndtr((high - center) / sd)), sd, center


def _shaped(priors: Priors, values) -> np.ndarray:
    values = np.asarray(values, float)
    if values.ndim == 0 or values.shape[-1] != len(priors.names):
        raise InputError(f"values of shape {values.shape}: not allowed; allowed: {len(priors.names)} columns, one for each prior")
    return values


def _checked(key: str, node, path: Path) -> Prior:
    """One table, or the error that says what is wrong with it."""
    field = Behavior.model_fields.get(key)
    if field is None:
        raise unknown_key(path, key, Behavior.model_fields)
    if not isinstance(node, dict):
        problem = 'not allowed; allowed: a table, such as {shape = "uniform", low = 0.0, high = 1.0, source = "..."}'
        raise bad(node, problem) if hasattr(node, "value") else ScenarioError(f"{place(path, key)}: {key}: {problem}")
    for name, leaf in node.items():
        if name not in Prior.model_fields:
            raise unknown_key(path, getattr(leaf, "key", f"{key}.{name}"), Prior.model_fields)
    try:
        prior = Prior.model_validate(plain(node))
    except ValidationError as error:
        raise explain(error, node, Prior, path) from None
    limits = {name: getattr(m, name) for m in field.metadata for name in ("ge", "le") if hasattr(m, name)}
    for name in ("low", "high"):
        if not limits["ge"] <= getattr(prior, name) <= limits["le"]:
            allowed = f"from {limits['ge']:g} to {limits['le']:g}, what the model takes ({field.description})"
            raise bad(node[name], f"out of range; allowed: {allowed}")
    return prior
