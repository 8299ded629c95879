"""What is uncertain about one village: the numbers nobody measures there, each with its prior, and how a draw of them is put in.

A number is drawn on a scale on which it has no bounds (log, or log-odds for shares and chances), normal around what the village file
says or what `baseline.solve` finds; a *standard* value is the distance from there in units of `sd`. The three solved numbers depend on
coverage, which is uncertain itself: they are solved at a few coverages and lie around the line between those, so that no draw needs to
be solved. Behavior is not of the village: it comes in whole rows, drawn by somebody else.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from simulation.parameters import InputError, Parameters, Village

#: change of coverage and of awareness in the year before the start that is still thought likely (log odds, one standard deviation)
STILL_SD = 0.2


class Uncertain(NamedTuple):
    """One uncertain number. scale: log or logit; centers and sd on it: one center, or one for each of ANCHORS (standard values of
    coverage); low and high: what the model takes."""

    key: str
    scale: str
    centers: tuple[float, ...]
    sd: float
    low: float
    high: float
    unit: str
    text: str

    def natural(self, scaled):
        """Values on the scale (any shape) in the unit of the number."""
        return np.clip(_from_scale(self.scale, np.asarray(scaled, float)), self.low, self.high)


class Kind(NamedTuple):
    scale: str
    sd: float
    unit: str
    text: str


COVERAGE = "baseline_coverage_share"
#: standard values of coverage at which the three numbers are solved
ANCHORS = (-2.0, -1.0, 0.0, 1.0, 2.0)
#: of the village file. The widths are guesses: what a branch that does not know the village would think possible
VILLAGE = {
    COVERAGE: Kind("logit", 0.8, "share", "coverage from which value, forgetting and first members are solved"),
    "start_coverage_share": Kind("logit", 0.4, "share", "workers enrolled two years before the start"),
    "median_value_rp": Kind("log", 0.3, "Rp/month", "perceived monthly value of an informed, median worker"),
    "forget_prob": Kind("log", 0.4, "per week", "an uncovered worker whom nobody reached forgets"),
    "baseline_awareness_share": Kind("logit", 0.6, "share", "workers who know the program two years before the start"),
    "never_share": Kind("logit", 0.5, "share", "workers who join at no price, or are out of all reach"),
    "form_prob": Kind("logit", 0.7, "per attempt", "the form is filled in right without help"),
    "documents_prob": Kind("logit", 0.6, "per attempt", "papers are in order"),
}
NEED = Kind("logit", 0.5, "share", "share of mean income that is spent before anything else, of an average occupation")
REACH = Kind("log", 0.5, "ratio", "people reached (attendance, weekly chance, agents' visits) over what the campaign states")


def uncertain(parameters: Parameters) -> list[Uncertain]:
    """The uncertain numbers of a scenario (not solved yet, or what is stated is the middle). A share or chance of exactly 0 or 1 in the
    file is taken as known; coverage is not uncertain where all that follows from it is stated."""
    from simulation.baseline import SOLVED, solve

    stated = all(getattr(parameters.village, key) is not None for key in SOLVED)
    share = parameters.village.baseline_coverage_share
    coverage = _uncertain(COVERAGE, VILLAGE[COVERAGE], (share,), 0.0005, 0.8) if 0 < share < 1 and not stated else None
    shares = [float(coverage.natural(scaled([coverage], [[z]])[0, 0])) for z in ANCHORS] if coverage else [share]
    villages = [solve(parameters.model_copy(update={"village": covered(parameters.village, x)})).village for x in shares]
    found = [coverage] if coverage else []
    for key, kind in VILLAGE.items():
        values = tuple(getattr(village, key) for village in villages)
        if key != COVERAGE and all(value > 0 if kind.scale == "log" else 0 < value < 1 for value in values):
            found.append(_uncertain(key, kind, values if key in SOLVED else values[:1], *_bounds(key)))
    need = sum(o.share * o.need_share for o in parameters.village.occupations)
    if 0 < need < 1:
        found.append(_uncertain("need_share", NEED, (need,), 0.0, 1.0))
    if reaching(parameters):
        found.append(_uncertain("reach_ratio", REACH, (1.0,), 0.02, 50.0))
    return found


def covered(village: Village, share: float) -> Village:
    """The village with another coverage before any campaign."""
    return village.model_copy(update={COVERAGE: share})


def scaled(context: list[Uncertain], standard) -> np.ndarray:
    """Standard values [.., context] on the scale of each number. What follows from coverage is moved along with it, on the line between
    the anchors and beyond them."""
    standard = np.asarray(standard, float)
    coverage = next((standard[..., k] for k, thing in enumerate(context) if thing.key == COVERAGE), np.zeros(standard.shape[:-1]))
    out = np.empty(standard.shape)
    for k, thing in enumerate(context):
        center = thing.centers[0] if len(thing.centers) == 1 else _along(coverage, thing.centers)
        out[..., k] = center + thing.sd * standard[..., k]
    return out


def reaching(parameters: Parameters) -> list[str]:
    """Names of the levers whose reach is uncertain: contacts, and agents who visit."""
    return [lever.name for lever in parameters.campaign.levers if lever.contact or lever.agents]


def with_context(parameters: Parameters, context: list[Uncertain], standard, behavior: Mapping[str, float] | None = None) -> Parameters:
    """The scenario with one draw put in: a standard value for each of `context`, and behavior by key."""
    natural = {thing.key: float(thing.natural(x)) for thing, x in zip(context, scaled(context, standard).tolist())}
    need = next((float(z) for thing, z in zip(context, standard) if thing.key == "need_share"), 0.0)
    update = {key: natural[key] for key in VILLAGE if key in natural}
    if need:
        occupations = parameters.village.occupations
        update["occupations"] = [o.model_copy(update={"need_share": _shifted(o.need_share, NEED.sd * need)}) for o in occupations]
    changed = {"village": parameters.village.model_copy(update=update)}
    if "reach_ratio" in natural:
        levers = [_reaching(lever, natural["reach_ratio"]) for lever in parameters.campaign.levers]
        changed["campaign"] = parameters.campaign.model_copy(update={"levers": levers})
    if behavior:
        changed["behavior"] = parameters.behavior.model_copy(update=dict(behavior))
    return parameters.model_copy(update=changed)


def overrides(parameters: Parameters) -> list[str]:
    """The levers' reach as overrides of a scenario ("campaign.levers.NAME.contact.attendance=61")."""
    found = []
    for lever in parameters.campaign.levers:
        head = f"campaign.levers.{lever.name}"
        if lever.contact:
            key = "attendance" if lever.contact.attendance is not None else "weekly_prob"
            found.append(f"{head}.contact.{key}={getattr(lever.contact, key):.6g}")
        if lever.agents:
            found.append(f"{head}.agents.visits_per_week={lever.agents.visits_per_week}")
    return found


def stillness(before, after, workers: int):
    """Log weight of a run by how still a level (workers) stood in the year before the start, the sampling of so few people allowed for.

    The scenario says that nothing was going on then; the prior of the context holds where that left the village as it was.
    """
    drift = log_odds(after, workers) - log_odds(before, workers)
    return -0.5 * drift**2 / (STILL_SD**2 + 1.0 / (before + 0.5) + 1.0 / (after + 0.5))


def log_odds(count, workers: int):
    """Log odds of so many of all workers; none and all are not infinitely far away."""
    return np.log((np.asarray(count, float) + 0.5) / (workers - np.asarray(count, float) + 0.5))


# ------------------------------------------------------------------ behavior, in rows


def behavior_rows(draws: Mapping, parameters: Parameters) -> list[dict[str, float]]:
    """Rows of behavior from columns (a mapping of keys to equally long arrays, or a DataFrame), checked against the model.

    No columns: one row that changes nothing. Raises InputError for a key that behavior does not have, columns of unequal length and
    values out of bounds.
    """
    fields, from_key = type(parameters.behavior).model_fields, {}
    if not len(draws):
        return [{}]
    for key in draws:
        if key not in fields:
            from scenarios.errors import nearest

            raise InputError(f"draws of behavior: unknown key {key!r}{nearest(key, fields)}")
        from_key[str(key)] = [_plain(x, fields[key].annotation) for x in np.asarray(draws[key]).tolist()]
    lengths = {len(column) for column in from_key.values()}
    if len(lengths) != 1 or 0 in lengths:
        raise InputError(f"draws of behavior: columns of {sorted(lengths)} rows; needed: the same number of rows in each, at least one")
    rows = [dict(zip(from_key, values)) for values in zip(*from_key.values())]
    for number, row in enumerate(rows):
        try:
            type(parameters.behavior).model_validate({**parameters.behavior.model_dump(), **row})
        except ValueError as error:
            first = error.errors(include_url=False)[0] if hasattr(error, "errors") else {"loc": ("?",), "msg": str(error)}
            raise InputError(f"draws of behavior, row {number}: {first['loc'][0]} = {row.get(first['loc'][0])!r}: {first['msg']}") from None
    return rows


def _plain(x, annotation):
    return round(x) if annotation is int and float(x).is_integer() else float(x) if annotation is float else x


# ------------------------------------------------------------------ scales


def _uncertain(key: str, kind: Kind, values: tuple[float, ...], low: float, high: float) -> Uncertain:
    centers = tuple(_to_scale(kind.scale, value) for value in values)
    return Uncertain(key, kind.scale, centers, kind.sd, low, high, kind.unit, kind.text)


def _along(coverage: np.ndarray, centers: tuple[float, ...]) -> np.ndarray:
    """Between the anchors, and on the outermost lines beyond them."""
    place = np.clip(np.searchsorted(ANCHORS, coverage) - 1, 0, len(ANCHORS) - 2)
    left, right = np.array(ANCHORS)[place], np.array(ANCHORS)[place + 1]
    share = (coverage - left) / (right - left)
    return np.array(centers)[place] * (1 - share) + np.array(centers)[place + 1] * share


def _bounds(key: str) -> tuple[float, float]:
    limits = {type(x).__name__: x for x in Village.model_fields[key].metadata}
    return limits["Ge"].ge, limits["Le"].le


def _to_scale(scale: str, value: float) -> float:
    return math.log(value) if scale == "log" else math.log(value / (1.0 - value))


def _from_scale(scale: str, x):
    return np.exp(x) if scale == "log" else 1.0 / (1.0 + np.exp(-x))


def _shifted(share: float, shift: float) -> float:
    """A share moved by `shift` log odds; nothing and all stay what they are."""
    return share if share in (0.0, 1.0) else float(_from_scale("logit", _to_scale("logit", share) + shift))


def _reaching(lever, ratio: float):
    if lever.contact and lever.contact.attendance is not None:
        reached = round(lever.contact.attendance * ratio)
        return lever.model_copy(update={"contact": lever.contact.model_copy(update={"attendance": reached})})
    if lever.contact:
        reached = min(1.0, lever.contact.weekly_prob * ratio)
        return lever.model_copy(update={"contact": lever.contact.model_copy(update={"weekly_prob": reached})})
    if lever.agents:
        visits = min(500, round(lever.agents.visits_per_week * ratio))
        return lever.model_copy(update={"agents": lever.agents.model_copy(update={"visits_per_week": visits})})
    return lever
