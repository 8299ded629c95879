"""Worlds in which everyday rules are off, so that the production kernel *is* a known model; and what a check found.

Nothing is simulated here but by `simulation.world`: people and ties are written to CSV, as a user would, and read back by
the village. Independent repetitions stand side by side in one world as copies without ties between them: a worker's draws
depend on the row alone, so copies are independent runs, and the files are read once.
"""

import datetime as dt
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from simulation.parameters import Behavior, Campaign, Lever, Limits, Occupation, Parameters, Scheme, Village
from simulation.stages import ENROLLED
from simulation.world import World, build

START = dt.date(2018, 1, 1)  # a Monday, and the first day of a month
PRICE_RP = 16_800
INCOME_RP = 10_000_000
SEED = 4
#: standard errors that a Monte Carlo mean may lie from what is expected
ERRORS = 4.0

#: a village without surprises: cash is there, papers are in order, nobody is out of reach, forgets or is tied to a leader
PLAIN = dict(
    occupations=[Occupation(name="worker", share=1.0, income_median_rp=INCOME_RP, income_cv=0.0, need_share=0.0)], income_sd=0.0,
    never_share=0.0, misbelief_share=0.0, documents_prob=1.0, system_prob=1.0, form_prob=1.0, travel_rp=0, hassle_rp=0,
    baseline_coverage_share=0.0, median_value_rp=9_000_000.0, understanding_mean=1.0, understanding_spread=0.0, forget_prob=0.0,
    start_coverage_share=0.0, arisan_share=0.0, degree_mean=0.0, linking_share=0.0, village_linking_share=0.0,
    agent_candidates_per_1000=0.0,
)  # fmt: skip
#: who hears knows, is persuaded, weighs, decides and registers in the same step; ties weigh the same
CERTAIN = dict(
    self_persuasion_prob=1.0, compare_prob=1.0, attempt_prob=1.0, recompare_ratio=0.0, discourage_prob=0.0, fade_prob=0.0,
    talk_boost=1.0, close_tie_ratio=1.0, kit_attention_prob=1.0, teach_ceiling_share=1.0,
)  # fmt: skip
MUTE = dict(talk_enrolled_prob=0.0, talk_aware_prob=0.0)
QUIET = dict(claims=False, turnover=False)
#: nothing is ever due again, whoever hears is enrolled
SPREAD = dict(QUIET, billing_months=0, join_on_hearing=True)


class Found(NamedTuple):
    """What a check found: it passes when |got - expected| <= tolerance, and nothing else was wrong (`sound`).

    unit says what is counted; runs is the number of independent runs behind `got` (1: no chance involved).
    """

    expected: float
    got: float
    tolerance: float
    unit: str
    runs: int = 1
    note: str = ""
    sound: bool = True

    @property
    def passed(self) -> bool:
        return bool(self.sound and abs(self.got - self.expected) <= self.tolerance)


def scheme() -> Scheme:
    """The shipped dated rules of the scheme."""
    from scenarios.loader import load

    return load("bpu").parameters.scheme


def lever(name: str, start=START, **keys) -> Lever:
    return Lever.model_validate({"name": name, "start": start, **keys})


def play(
    weeks, *, people=None, ties=None, village=None, behavior=None, limits=None, levers=(), campaign=None, start=START, replicate=0
) -> World:
    """A world of the production model at its first week.

    people: {column: values} of a people file, with `id` added by row; ties: (2, pairs) rows of workers. `village`,
    `behavior` and `limits` change PLAIN, CERTAIN and QUIET. Without `people` the village is synthesized.
    """
    with tempfile.TemporaryDirectory(prefix="sadar-verify-") as folder:
        files = {} if people is None else _files(Path(folder), people, ties)
        setup = Parameters(
            start=start, until=start + dt.timedelta(weeks=weeks), burn_in_weeks=0, scheme=scheme(),
            village=Village(**PLAIN | files | (village or {})), behavior=Behavior(**CERTAIN | (behavior or {})),
            limits=Limits(**QUIET | (limits or {})), campaign=Campaign(levers=list(levers), **(campaign or {})),
        )  # fmt: skip
        return build(setup, SEED, replicate)


def _files(folder: Path, people: dict, ties) -> dict[str, str]:
    """People and ties as CSV files; the keys of the village that name them."""
    import pandas as pd

    table = pd.DataFrame({"community": 0, "aware": 0, "enrolled": 0} | people)
    table.rename_axis("id").to_csv(folder / "people.csv")
    given = np.empty((2, 0), int) if ties is None else ties
    pd.DataFrame({"source": given[0], "target": given[1]}).to_csv(folder / "ties.csv", index=False)
    return {"people_file": str(folder / "people.csv"), "ties_file": str(folder / "ties.csv")}


def copied(people: dict, ties: np.ndarray, copies: int) -> tuple[dict, np.ndarray]:
    """`copies` of a network side by side: copy k's worker i is row k * n + i."""
    n = len(next(iter(people.values())))
    offset = np.repeat(np.arange(copies) * n, ties.shape[1])
    return {name: np.tile(values, copies) for name, values in people.items()}, np.tile(ties, copies) + offset


def flags(n: int, rows) -> np.ndarray:
    """0/1 for n workers, 1 in `rows`."""
    out = np.zeros(n, int)
    out[list(rows)] = 1
    return out


def dates(world: World, copies: int = 1) -> np.ndarray:
    """[copy, worker]: the step after which each worker is enrolled, run to the end: 0 from the start, 1 since the first step, -1 never."""
    world.advance()
    workers = world.village.workers
    joined = np.where(np.isin(workers["stage"], ENROLLED), workers["joined_week"] + 1, -1)
    joined[world.people.enrolled == 1] = 0
    return joined.reshape(copies, -1)


def curves(joined: np.ndarray, steps: int) -> np.ndarray:
    """[copy, 0..steps]: how many were enrolled after each step."""
    return np.array([((joined >= 0) & (joined <= t)).sum(axis=1) for t in range(steps + 1)]).T


def within_errors(curve: np.ndarray, expected: np.ndarray, unit: str, *, slack: float = 0.0, other_error=0.0, note: str = "") -> Found:
    """Mean of `curve` [run, time] against `expected` [time], at the time where it lies worst: four standard errors plus `slack`.

    other_error: standard error of `expected`, where that is an estimate too.
    """
    runs = len(curve)
    error = np.sqrt(curve.var(axis=0, ddof=1) / runs + np.square(other_error))
    gap, allowed = np.abs(curve.mean(axis=0) - expected), ERRORS * error + slack + 1e-9
    worst = int((gap / allowed).argmax())
    said = f"worst of steps 0 to {len(gap) - 1}: {worst}" if len(gap) > 1 else ""
    note = "; ".join(filter(None, (note, said)))
    return Found(float(expected[worst]), float(curve[:, worst].mean()), float(allowed[worst]), unit, runs, note)
