"""Behavior for the calibration of a village: rows of what is believed about people everywhere, which one village's table cannot settle."""

import csv

import numpy as np

from experiments.calibrating.priors import BELIEFS, draw, read, to_natural
from simulation.parameters import Behavior

POSTERIOR = BELIEFS.with_name("posterior.csv")
#: rows drawn from the priors where there is no posterior
PRIOR_ROWS = 512


def believed(seed: int) -> tuple[dict[str, np.ndarray], str]:
    """Columns of equally likely rows, and where they are from: the shipped posterior, or the priors while there is none."""
    if POSTERIOR.is_file():
        with POSTERIOR.open(encoding="utf-8", newline="") as file:
            names, *rows = csv.reader(file)
        return dict(zip(names, np.array(rows, float).T)), f"behavior: {len(rows)} draws of {POSTERIOR.name}"
    priors = read()
    values = to_natural(priors, draw(priors, PRIOR_ROWS, np.random.Generator(np.random.PCG64([seed, 2]))))
    whole = {name for name in priors.names if Behavior.model_fields[name].annotation is int}
    columns = {name: np.rint(column) if name in whole else column for name, column in zip(priors.names, values.T)}
    return columns, f"behavior: {PRIOR_ROWS} draws of {BELIEFS.name} (no posterior yet)"
