"""Solve placeholder."""
from simulation.parameters import Parameters


def solve(p: Parameters) -> Parameters:
    v=p.village
    if v.median_value_rp is not None and v.forget_prob is not None: return p
    return p.model_copy(update={"village": v.model_copy(update={"median_value_rp": v.median_value_rp or 20000.0, "forget_prob": .03 if v.forget_prob is None else v.forget_prob})})
