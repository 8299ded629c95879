"""Which behavior a replicate has: that of the scenario, or for each replicate a draw of the posterior.

    posterior = choose("posterior")                     # None: one set of numbers, that of the scenario
    solved(parameters, posterior, seed=1, replicate=4)  # what replicate 4 runs with, whatever its campaign
"""

from scenarios.errors import nearest
from scenarios.posterior import CHOICES, Posterior, drawn, place, set_keys, shipped
from simulation.baseline import known, solve
from simulation.parameters import InputError, Parameters

POSTERIOR, POINT = CHOICES
#: what solving the village for one draw takes, about
NEW_SECONDS = 0.25


def choose(behavior: str | Posterior) -> Posterior | None:
    """The draws that "posterior", "point" or a Posterior asks for; None: none are asked for, or none are shipped. Else InputError."""
    if isinstance(behavior, Posterior):
        return behavior
    if behavior not in CHOICES:
        hint = nearest(behavior, CHOICES)
        raise InputError(f"behavior = {behavior!r}: not allowed{hint}; allowed: {' or '.join(CHOICES)}".replace("?; ", "? "))
    return shipped() if behavior == POSTERIOR else None


def solved(parameters: Parameters, posterior: Posterior | None, seed: int, replicate: int) -> Parameters:
    """The parameters that a replicate runs with: with its draw, and the numbers of the village solved for it."""
    if posterior is not None:
        parameters = drawn(parameters, place(seed, replicate, posterior.count), posterior)
    return solve(parameters)


def used(posterior: Posterior | None, seed: int, replicates: int) -> Posterior | None:
    """The posterior with only the draws that replicates 0 to `replicates` - 1 of a seed have."""
    if posterior is None:
        return None
    return posterior.only(place(seed, replicate, posterior.count) for replicate in range(min(replicates, posterior.count)))


def solving_seconds(parameters: Parameters, posterior: Posterior | None, seed: int, replicates: int) -> float:
    """About how long it takes one process to solve the village for the draws of replicates 0 to `replicates` - 1 that are new here."""
    if posterior is None:
        return 0.0
    places = {place(seed, replicate, posterior.count) for replicate in range(min(replicates, posterior.count))}
    return NEW_SECONDS * sum(not known(drawn(parameters, k, posterior)) for k in places)


def about(behavior: str | Posterior, posterior: Posterior | None, parameters: Parameters, twins: int = 0) -> dict:
    """What results say of it: asked and used ("posterior" or "point"), digest and number of the draws there are, keys that are drawn,
    keys that the scenario sets and therefore keeps, and on how many twins the share of luck rests."""
    asked = behavior if isinstance(behavior, str) else POSTERIOR
    if posterior is None:
        return {"asked": asked, "used": POINT, "posterior": None, "draws": 0, "keys": [], "kept": [], "twins": 0}
    kept = set_keys(parameters, posterior)
    keys = [key for key in posterior.keys if key not in kept]
    told = {"posterior": posterior.digest, "draws": posterior.count, "keys": keys, "kept": kept, "twins": twins}
    return {"asked": asked, "used": POSTERIOR} | told
