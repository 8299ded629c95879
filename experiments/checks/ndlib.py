"""The kernel in eight limits against reference runs of NDlib 5.1.1 (Rossetti et al. 2018) on two graphs.

In every one a worker passes from unaware to enrolled in the week in which it is decided, by the rules below:
`spread` whoever hears is enrolled; `weigh` whoever hears goes through all stages, registering succeeds with a chance.
"""

import ast
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.checks import worlds
from experiments.checks.worlds import ERRORS, SPREAD, Found, copied, curves, flags, lever
from simulation.population import NEVER_VALUE
from simulation.stages import ENROLLED, SILENT

FOLDER = "ndlib_reference"
GRAPHS = ("karate", "bcdj_v6")
#: half a unit in the last digit of the reference's means
ROUNDED = 5e-5
#: the lowest threshold above none: one enrolled tie is enough
ANY_TIE = 1e-6


class Graph(NamedTuple):
    """ties (2, pairs) of nodes 0..n-1 and the nodes enrolled at the start."""

    ties: np.ndarray
    n: int
    seeds: np.ndarray

    @property
    def degree(self) -> np.ndarray:
        return np.bincount(self.ties.ravel(), minlength=self.n)


class Limit(NamedTuple):
    """How to play a model of NDlib: worker columns and settings, from its parameters. `late`: its seeds speak a step later here."""

    columns: Callable[[dict, Graph], dict]
    settings: Callable[[dict], dict]
    late: int = 0


def graph(data: Path, name: str) -> Graph:
    import pandas as pd

    edges, seeds = (pd.read_csv(data / FOLDER / file) for file in ("graphs.csv", "seeds.csv"))
    ties = edges.loc[edges["graph"] == name, ["u", "v"]].to_numpy().T
    return Graph(ties, int(ties.max()) + 1, seeds.loc[seeds["graph"] == name, "seed_node"].to_numpy())


# ------------------------------------------------------------------ models


def at_most(threshold: np.ndarray) -> np.ndarray:
    """Thresholds as the kernel keeps them (float32), rounded down: a share that just meets the threshold has to count."""
    near = threshold.astype(np.float32)
    return np.where(near > threshold, np.nextafter(near, np.float32(0)), near).astype(np.float64)


def thresholds(given: dict, graph: Graph) -> dict:
    nodes = np.arange(graph.n)
    value = ((37 * nodes + 11) % 100) / 100 if given["thr"] == "het" else np.full(graph.n, given["thr"])
    return {"threshold": at_most(value)}


def two_ties(given: dict, graph: Graph) -> dict:
    needed = given["thr"] / given["edge"][1]
    return {"threshold": at_most(np.minimum(1.0, needed / graph.degree)), "never": graph.degree < needed}


def talk(passed: float, **limits) -> dict:
    return dict(behavior=dict(talk_enrolled_prob=passed, talk_aware_prob=0.0), limits=SPREAD | limits)


def weigh(success: float, outside: float = 0.0) -> dict:
    """Whoever hears, or has heard, registers with chance `success` a step; media reach with chance `outside` and make it certain."""
    media = lever("media", contact=dict(channel="media", weekly_prob=outside, helps=True)) if outside else None
    return dict(
        village=dict(form_prob=success), limits=dict(threshold=True, billing_months=0), levers=[media] if media else [],
        behavior=worlds.MUTE,
    )  # fmt: skip


def anybody(given: dict, graph: Graph) -> dict:
    return {}


def any_tie(given: dict, graph: Graph) -> dict:
    return {"threshold": np.full(graph.n, ANY_TIE)}


LIMITS = {
    "ThresholdModel": Limit(thresholds, lambda given: dict(limits=SPREAD | dict(threshold=True))),
    "KerteszThresholdModel": Limit(thresholds, lambda given: weigh(1.0, given["adopter_rate"])),
    "ProfileThresholdModel": Limit(thresholds, lambda given: weigh(1.0 - given["prof"])),
    "ProfileModel": Limit(any_tie, lambda given: weigh(1.0 - given["prof"], given["adopter_rate"])),
    "GeneralThresholdModel": Limit(two_ties, lambda given: weigh(1.0)),
    "SIModel": Limit(anybody, lambda given: talk(given["beta"])),
    "SIModel tp_rate 0": Limit(any_tie, lambda given: weigh(given["beta"])),
    "SIRModel": Limit(anybody, lambda given: talk(given["beta"], silence_prob=given["gamma"])),
    "IndependentCascadesModel": Limit(anybody, lambda given: talk(given["edge"][1], pass_once=True), late=1),
}


def played(case, graph: Graph, copies: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """A case of the reference: [copy, worker] step of enrollment (-1 never) and [copy, 0..steps] how many are silent."""
    given = ast.literal_eval(case.params)
    limit = LIMITS["SIModel tp_rate 0" if given.get("tp_rate") == 0 else case.model]
    people = {"enrolled": flags(graph.n, graph.seeds), "value": np.zeros(graph.n)} | limit.columns(given, graph)
    never = people.pop("never", np.zeros(graph.n, bool))
    people, ties = copied(people, graph.ties, copies)
    people["value"][np.tile(never, copies)] = NEVER_VALUE
    blocked = int(graph.n * given.get("percentage_blocked", 0))
    others = np.setdiff1d(np.arange(graph.n), graph.seeds)
    rng = np.random.default_rng(worlds.SEED)
    for copy in range(copies if blocked else 0):
        people["value"][copy * graph.n + rng.choice(others, blocked, replace=False)] = NEVER_VALUE
    world = worlds.play(steps + limit.late, people=people, ties=ties, **limit.settings(given))
    workers, silent = world.village.workers, [np.zeros(copies, int)]
    for step in range(1, steps + 1):
        world.advance(step + limit.late)
        silent.append(((workers["marks"] & SILENT) > 0).reshape(copies, -1).sum(axis=1))
    joined = np.where(np.isin(workers["stage"], ENROLLED), workers["joined_week"] + 1 - limit.late, -1)
    joined[world.people.enrolled == 1] = 0
    return joined.reshape(copies, -1), np.array(silent).T


# ------------------------------------------------------------------ checks


def reference(data: Path, file: str, model: str, starts: str = ""):
    """Rows of a reference file by case: (first row, table), for cases of `model` whose name begins so."""
    import pandas as pd

    table = pd.read_csv(data / FOLDER / file)
    table = table[(table["model"] == model) & table["case"].str.startswith(starts)]
    return [(next(rows.itertuples()), rows) for _, rows in table.groupby("case", sort=False)]


def node_for_node(data: Path, model: str) -> Found:
    """Deterministic cases: every node turns in the step in which it turns in the reference."""
    wrong, nodes, cases = 0, 0, reference(data, "golden_deterministic.csv", model)
    for case, rows in cases:
        network = graph(data, case.graph)
        expected = np.full(network.n, -1)
        for row in rows.itertuples():
            if isinstance(row.new_status1, str):
                expected[[int(node) for node in row.new_status1.split()]] = row.iteration
        joined, _ = played(case, network, 1, int(rows["iteration"].max()))
        wrong += int((joined[0] != expected).sum())
        nodes += network.n
    return Found(0, wrong, 0, "nodes with another date", 1, f"{len(cases)} cases, {nodes} nodes")


def monte_carlo(data: Path, starts: str, model: str, copies: int = 1000) -> Found:
    """Cases run many times: the mean number in each state after each step lies within four standard errors (of both)."""
    worst, cases = None, reference(data, "golden_montecarlo.csv", model, starts)
    for case, rows in cases:
        network, steps = graph(data, case.graph), int(rows["iteration"].max())
        joined, silent = played(case, network, copies, steps)
        ever, now = curves(joined, steps), np.diff(curves(joined, steps), axis=1, prepend=0)
        talks = now if "Cascades" in model else ever - silent
        states = [("ever", ever, rows["mean_ever"], rows["sd_ever"]), ("now", talks, rows["mean_status1"], rows["sd_status1"])]
        for state, here, mean, sd in states:
            error = np.sqrt(here.var(axis=0, ddof=1) / copies + sd.to_numpy() ** 2 / case.runs)
            gap, allowed = np.abs(here.mean(axis=0) - mean.to_numpy()), ERRORS * error + ROUNDED
            at = int((gap / allowed).argmax())
            if worst is None or gap[at] / allowed[at] > worst[0]:
                note = f"worst of {len(cases)} cases: {case.graph}, {state}, step {at}"
                worst = gap[at] / allowed[at], Found(mean.iloc[at], here[:, at].mean(), allowed[at], "nodes", copies, note)
    return worst[1]
