"""How well the inputs of a result are known: which share of its key inputs is measured, expert or guess.

Key inputs are (1) the keys of behavior that the posterior draws (where there is none: those that the priors hold to be unknown), (2) the
numbers of the village that are not those of the standard village, (3) the levers of its campaigns. Each counts once, with the
grade that stands beside it in `simulation.parameters` (a lever: its own).
"""

from collections import Counter
from collections.abc import Iterable

from scenarios.posterior import Posterior, believed
from simulation.baseline import SOLVED
from simulation.parameters import Parameters, Village

GRADES = ("measured", "expert", "guess")
#: what a village file says that no result depends on, and what is solved for
NO_INPUT = ("title", *SOLVED)


def grades(campaigns: Iterable[Parameters], posterior: Posterior | None) -> dict:
    """Of the parameters of one campaign, or several in one village: inputs (their number), share of each grade, and the counts of
    behavior, village and levers."""
    campaigns = list(campaigns)
    found = {"behavior": _behavior(campaigns[0], posterior), "village": _village(campaigns[0]), "levers": _levers(campaigns)}
    counts = {part: {grade: list(given).count(grade) for grade in GRADES} for part, given in found.items()}
    total = Counter(grade for given in found.values() for grade in given)
    inputs = total.total()
    return {"inputs": inputs, **{grade: total[grade] / inputs if inputs else 0.0 for grade in GRADES}, "parts": counts}


def _behavior(parameters: Parameters, posterior: Posterior | None) -> list[str]:
    return [_grade(parameters.behavior, key) for key in (posterior.keys if posterior else believed())]


def _village(parameters: Parameters) -> list[str]:
    village, usual = parameters.village, Village()
    return [_grade(village, key) for key in Village.model_fields if key not in NO_INPUT and getattr(village, key) != getattr(usual, key)]


def _levers(campaigns: list[Parameters]) -> list[str]:
    """A lever that stands the same in several campaigns is one input."""
    levers = {lever.model_dump_json(): lever.grade for parameters in campaigns for lever in parameters.campaign.levers}
    return list(levers.values())


def _grade(group, key: str) -> str:
    return type(group).model_fields[key].json_schema_extra["grade"]
