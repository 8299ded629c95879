"""cai, read: rice farmers offered insurance in two rounds three days apart, half of each round in an intensive session.

    farmers = read(Path("../shared/data"))
    farmers.friends          # of second-round farmers: friends who had been in an intensive session of the first round

Left out on purpose: `understanding` (a test after the session) and everything that tells of take-up. Friends are counted by the authors'
share of listed friends (rate_preintensive), for some friends live in villages that are not in the folder; who listed nobody has none.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.networks.reading import pairs, table, unique

NAME, FOLDER = "cai", "cai_insurance"
FILES = ("households.csv", "edges.csv")
ARMS = ("round2", "intensive", "default", "info_takeup_rate", "info_takeup_list")
TRAITS = (
    "male", "age", "agpop", "educ", "literacy", "ricearea_2010", "rice_inc", "risk_averse", "disaster_prob", "general_trust",
    "insurance_repay", "insurance_buy",
)  # fmt: skip
LOGS = ("agpop", "ricearea_2010")


class Farmers(NamedTuple):
    """village: place in `villages` by farmer; second (round), intensive, bought: true or false; friends: how many who could tell.

    covariates [farmer, covariate]: traits, NaN where unknown, and arms of the trial; ties (2, pairs): second-round farmer and friend in the
    folder who could tell him.
    """

    villages: tuple[str, ...]
    village: np.ndarray
    second: np.ndarray
    intensive: np.ndarray
    bought: np.ndarray
    friends: np.ndarray
    covariates: np.ndarray
    ties: np.ndarray

    def part(self, keep: np.ndarray) -> "Farmers":
        """Those farmers only. keep: [farmer] true or false. `friends` stay: they are a fact about a farmer."""
        codes, village = np.unique(self.village[keep], return_inverse=True)
        columns = (self.second, self.intensive, self.bought, self.friends, self.covariates)
        ties = (np.cumsum(keep) - 1)[self.ties[:, keep[self.ties].all(axis=0)]]
        return Farmers(tuple(self.villages[code] for code in codes), village, *(column[keep] for column in columns), ties)


def read(data: Path) -> Farmers:
    """All farmers of the survey. Raises InputError where a file cannot be read or does not fit."""
    folder = Path(data) / FOLDER
    needed = ("id", "nat_village", "takeup", *ARMS, *TRAITS, "network_obs", "rate_preintensive")
    people = table(folder / FILES[0], needed)
    edges = table(folder / FILES[1], ("ego", "alter"))
    unique(folder / FILES[0], people["id"])
    second, intensive = people["round2"].to_numpy() == 1, people["intensive"].to_numpy() == 1
    inside = edges["ego"].isin(people["id"]) & edges["alter"].isin(people["id"])
    ties = pairs(folder / FILES[1], edges[inside].reset_index(drop=True), people["id"])
    ties = ties[:, second[ties[0]] & ~second[ties[1]] & intensive[ties[1]]]
    friends = np.nan_to_num(np.rint((people["network_obs"] * people["rate_preintensive"]).to_numpy(float))).astype(int) * second
    names, village = np.unique(people["nat_village"], return_inverse=True)
    return Farmers(
        tuple(f"{name:g}" for name in names), village, second, intensive, people["takeup"].to_numpy() == 1,
        np.maximum(friends, np.bincount(ties[0], minlength=len(second))), _covariates(people), ties,
    )  # fmt: skip


def _covariates(people) -> np.ndarray:
    """Traits and arms. In the first round a session's effect is the model's; in the second it may differ, and so may the default's."""
    traits = [np.log(people[name].clip(lower=0.1)) if name in LOGS else people[name] for name in TRAITS]
    second = people["round2"] == 1
    arms = [people[name].where(second, 0.0) for name in ARMS[1:]] + [people["round2"], people["default"].where(~second, 0.0)]
    arms.append((people["default"] * people["intensive"]).where(~second, 0.0))
    return np.column_stack([column.to_numpy(float) for column in (*traits, *arms)])
