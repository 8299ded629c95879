"""Behavior for the calibration of a village: rows of what is believed about people everywhere, which one village's table cannot settle."""

import numpy as np

from experiments.calibrating.priors import BELIEFS, draw, read, to_natural
from experiments.screens.words import text
from scenarios.posterior import shipped
from simulation.parameters import Behavior, Parameters

#: rows drawn from the priors where there is no posterior
PRIOR_ROWS = 512


def believed(parameters: Parameters, seed: int) -> tuple[dict[str, np.ndarray], str]:
    """Columns of equally likely rows, and where they are from: the posterior in use, or the priors while there is none. A key that the
    scenario sets to another value than the default keeps it, as in `scenarios.posterior.drawn`."""
    posterior = shipped()
    if posterior is not None:
        columns = {key: np.array([row[key] for row in posterior.rows.values()]) for key in posterior.keys}
        source = text("fit_posterior", draws=posterior.count, digest=posterior.digest)
    else:
        priors = read()
        values = to_natural(priors, draw(priors, PRIOR_ROWS, np.random.Generator(np.random.PCG64([seed, 2]))))
        columns, source = dict(zip(priors.names, values.T)), text("fit_priors", draws=PRIOR_ROWS, file=BELIEFS.name)
    usual, fields = Behavior(), Behavior.model_fields
    free = {key: column for key, column in columns.items() if getattr(parameters.behavior, key) == getattr(usual, key)}
    return {key: np.rint(column).astype(int) if fields[key].annotation is int else column for key, column in free.items()}, source
