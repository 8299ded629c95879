"""`build`: the village of a scenario, solved, assembled and burnt in. What both fronts share.

The Mesa model steps a `World` week by week, the batch runner in one call; the same (parameters, seed, replicate) gives
the same digits either way.
"""

from simulation.assembly import World, assemble
from simulation.baseline import solve
from simulation.parameters import Parameters

__all__ = ["World", "assemble", "build", "solve"]


def build(parameters: Parameters, seed: int = 0, replicate: int = 0, *, burn_in: bool = True) -> World:
    """Make the village and bring it to the start of the run.

    seed and replicate are the Philox key (0 <= each < 2**32). With `burn_in` the steps before the start are run, so
    that `world.week == world.calendar.burn_in`. Raises InputError for files or campaigns that do not fit the village.
    """
    for name, value in (("seed", seed), ("replicate", replicate)):
        if not 0 <= int(value) < 2**32:
            raise ValueError(f"{name} must lie between 0 and 2**32 - 1, got {value}")
    parameters = solve(parameters)
    world = assemble(parameters, seed, replicate)
    if burn_in:
        world.advance(world.calendar.burn_in)
    return world
