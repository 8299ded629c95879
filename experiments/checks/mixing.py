"""Complete mixing and percolation: Bass, logistic, and the point at which an outbreak begins to reach the far side."""

import math

import numpy as np

from experiments.checks import worlds
from experiments.checks.worlds import ERRORS, SPREAD, Found, copied, curves, dates, flags, lever, within_errors


def mixed(n: int, seeds: int, outside: float, talk: float, steps: int, copies: int) -> np.ndarray:
    """Share enrolled [copy, 0..steps], everybody tied to everybody: media reach with chance `outside`, members talk at rate `talk`."""
    people, ties = copied({"enrolled": flags(n, range(seeds))}, np.array(np.triu_indices(n, 1)), copies)
    media = [lever("media", contact=dict(channel="media", weekly_prob=outside))] if outside else []
    behavior = dict(talk_enrolled_prob=talk / n, talk_aware_prob=0.0)
    return curves(dates(worlds.play(steps, people=people, ties=ties, behavior=behavior, limits=SPREAD, levers=media), copies), steps) / n


def chain(n: int, seeds: int, outside: float, talk: float, steps: int) -> np.ndarray:
    """Exact mean share after each step: from m members each other joins with 1 - (1 - p)(1 - q/n)^m, independently (Reed and Frost)."""
    from scipy.stats import binom

    m = np.arange(n + 1)
    hears = 1.0 - (1.0 - outside) * (1.0 - talk / n) ** m
    step = np.array([binom.pmf(m - k, n - k, hears[k]) for k in m])
    law, means = np.eye(n + 1)[seeds], []
    for _ in range(steps + 1):
        means.append(law @ m / n)
        law = law @ step
    return np.array(means)


def bass_exact(n=40, p=0.01, q=0.15, steps=40, copies=500) -> Found:
    return within_errors(mixed(n, 0, p, q, steps, copies), chain(n, 0, p, q, steps), "share enrolled")


def logistic_exact(n=40, seeds=4, q=0.15, steps=50, copies=500) -> Found:
    return within_errors(mixed(n, seeds, 0.0, q, steps, copies), chain(n, seeds, 0.0, q, steps), "share enrolled")


#: the closed forms hold in continuous time for many people; `chain` lies at most .0099 from them for 300 people at these rates
MANY = 0.01


def bass_closed(n=300, p=0.002, q=0.02, steps=240, copies=30) -> Found:
    t = np.arange(steps + 1)
    fades = np.exp(-(p + q) * t)
    return within_errors(mixed(n, 0, p, q, steps, copies), (1 - fades) / (1 + q / p * fades), "share enrolled", slack=MANY)


def logistic_closed(n=300, seeds=30, q=0.02, steps=240, copies=30) -> Found:
    t = np.arange(steps + 1)
    return within_errors(mixed(n, seeds, 0.0, q, steps, copies), 1 / (1 + (n / seeds - 1) * np.exp(-q * t)), "share enrolled", slack=MANY)


# ------------------------------------------------------------------ percolation: a member talks once


def cascade(people: dict, ties: np.ndarray, p: float, copies: int, steps: int) -> np.ndarray:
    """[copy, worker]: was the worker ever reached, where each member talks to each tie once, with chance p?"""
    people, ties = copied(people, ties, copies)
    behavior = dict(talk_enrolled_prob=p, talk_aware_prob=0.0)
    return dates(worlds.play(steps, people=people, ties=ties, behavior=behavior, limits=SPREAD | dict(pass_once=True)), copies) >= 0


def crossing(p=0.5, rows=12, copies=1000) -> Found:
    """Bond percolation on a square lattice, one column wider than high: at p = 1/2 the far side is reached in exactly half of all cases."""
    columns = rows + 1
    place = np.arange(rows * columns).reshape(rows, columns)
    ties = np.hstack([[place[:, :-1].ravel(), place[:, 1:].ravel()], [place[:-1].ravel(), place[1:].ravel()]])
    reached = cascade({"enrolled": flags(place.size, place[:, 0])}, ties, p, copies, 120)
    share = reached[:, place[:, -1]].any(axis=1).mean()
    error = math.sqrt(0.25 / copies)
    return Found(0.5, float(share), ERRORS * error, "far side reached", copies, f"{rows} x {columns} grid, p {p:g}")


def outbreak(passing: float, n=4000, degree=4.0, seeds=40, copies=20) -> Found:
    """Random network (Poisson degrees, mean c): a share s is reached, s = 1 - (1 - s0) exp(-c p s); the point is c p = 1."""
    rng = np.random.default_rng(worlds.SEED)
    ties = rng.integers(n * copies, size=(2, int(n * copies * degree / 2)))
    ties[1] = ties[0] // n * n + ties[1] % n  # both ends in the same copy
    ties = ties[:, ties[0] != ties[1]]
    people = {"enrolled": np.tile(flags(n, range(seeds)), copies)}
    behavior = dict(talk_enrolled_prob=passing / degree, talk_aware_prob=0.0)
    world = worlds.play(80, people=people, ties=ties, behavior=behavior, limits=SPREAD | dict(pass_once=True))
    share = (dates(world, copies) >= 0).mean(axis=1, keepdims=True)
    expected = 1.0
    for _ in range(1000):
        expected = 1.0 - (1.0 - seeds / n) * math.exp(-passing * expected)
    return within_errors(share, np.array([expected]), "share reached", note=f"c p = {passing:g}")
