"""Where the points of a design lie: grids, lists, Latin hypercubes and Sobol points, as whole columns."""

import math
import typing

import numpy as np

from experiments.sweeping.design_file import GROUPS, Design, Varied, refused, shown_value
from scenarios.errors import ScenarioError, place, text_of


def size(design: Design, group: str, file) -> int:
    """Points of a group. Raises ScenarioError for what makes none."""
    entries, method = getattr(design, group), getattr(design.sampling, group)
    if not entries:
        return 1
    if design.sampling.draws(group):
        return _drawn(design, group, file)
    for path, varied in entries.items():
        if varied.count is None:
            way = f'give levels, or write sampling.{group} = "sobol" or "latin_hypercube" with points'
            raise refused(design, path, file, f"a range has no values for a {method}; {way}")
        texts = [shown_value(x) for x in varied.values or ()]
        if method == "grid" and len(set(texts)) < len(texts):
            raise refused(design, path, file, f"{text_of(varied.values)}: a value stands twice")
    counts = {path: varied.count for path, varied in entries.items()}
    if method == "list" and len(set(counts.values())) > 1:
        told = ", ".join(f"{count} for {path}" for path, count in counts.items())
        raise ScenarioError(f"{place(file, group)}: {group}: a list takes values of one position together, all need as many; given: {told}")
    return math.prod(counts.values()) if method == "grid" else next(iter(counts.values()))


def _drawn(design: Design, group: str, file) -> int:
    key, count = design.sampling.size(group)
    method = getattr(design.sampling, group)
    if count is None:
        raise ScenarioError(f"{place(file, 'sampling')}: sampling.points: missing; needed: how many points of the {group} to draw")
    if method == "sobol" and count & (count - 1):
        low = 1 << (count.bit_length() - 1)
        key, problem = f"sampling.{key}", f"Sobol points come in powers of two; the nearest are {low:,} and {2 * low:,}"
        raise ScenarioError(f"{place(file, key)}: {key} = {count}: {problem}")
    return count


def positions(design: Design, group: str, count: int) -> dict[str, np.ndarray]:
    """path -> for each point of the group the place of its value (integers) or, in a whole range, its share of the way (0 to 1)."""
    entries, method, steps = getattr(design, group), getattr(design.sampling, group), np.arange(count)
    if not entries:
        return {}
    if method == "list":
        return dict.fromkeys(entries, steps)
    if method == "grid":  # the last path changes fastest
        strides = np.cumprod([1, *(x.count for x in reversed(entries.values()))])[-2::-1]
        return {path: steps // stride % varied.count for (path, varied), stride in zip(entries.items(), strides)}
    from scipy.stats import qmc

    maker = qmc.Sobol if method == "sobol" else qmc.LatinHypercube
    draws = maker(len(entries), rng=np.random.default_rng([design.sampling.seed, GROUPS.index(group)])).random(count)
    return {
        path: draw if varied.count is None else np.minimum((draw * varied.count).astype(np.int64), varied.count - 1)
        for (path, varied), draw in zip(entries.items(), draws.T)
    }


def values(design: Design, path: str, where: np.ndarray, field, file) -> np.ndarray:
    """What a path takes at the points of its group. Whole numbers where the field is one: in a linear range each is as likely."""
    varied = design.varied[path]
    if varied.values is not None:
        return column(varied.values, takes(field, int))[where]
    if not takes(field, int, float):
        raise refused(design, path, file, "a range is for numbers; give a list of values")
    whole, low, high = takes(field, int), varied.low, varied.high
    if whole and (low % 1 or high % 1):
        raise refused(design, path, file, f"takes whole numbers; low = {low:g} and high = {high:g} must be some")
    if varied.levels:
        return _levels(design, path, varied, whole, file)[where]
    top = high + 1 if whole else high
    found = low * np.exp(where * np.log(top / low)) if varied.scale == "log" else low + where * (top - low)
    return np.clip(np.floor(found) if whole else found, low, high).astype(np.int64 if whole else np.float64)


def _levels(design: Design, path: str, varied: Varied, whole: bool, file) -> np.ndarray:
    found = (np.geomspace if varied.scale == "log" else np.linspace)(varied.low, varied.high, varied.levels)
    found = np.rint(found).astype(np.int64) if whole else found
    if len(np.unique(found)) < len(found):
        what = "different whole numbers" if whole else "different numbers"
        raise refused(design, path, file, f"from {varied.low:g} to {varied.high:g} there are not {varied.levels:,} evenly spaced {what}")
    return found


def column(given: list, whole: bool) -> np.ndarray:
    """Values of one plain type as they are, others as text (type object)."""
    if all(isinstance(x, bool) for x in given):
        return np.array(given, bool)
    if all(isinstance(x, int | float) and not isinstance(x, bool) for x in given):
        return np.array(given, np.int64 if whole and all(isinstance(x, int) for x in given) else np.float64)
    return np.array([shown_value(x) for x in given], object)


def takes(field, *kinds) -> bool:
    """Does a field of Parameters (None: a table) take values of one of these types?"""
    return field is not None and bool({field.annotation, *typing.get_args(field.annotation)} & set(kinds))
