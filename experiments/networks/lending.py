"""bcdj, read: households of villages where a lender began with the leaders; take-up by period of four months, and in the end by household.

    villages = read(Path("../shared/data"))
    villages.part(villages.village != 0)
    filled(villages, seed=1)

Names were asked from some households only (46 %), whose ties are therefore three times as many. Taken as they stand, those who were not
asked would be hard to reach; `filled` adds, at random, the ties that nobody was asked about.
Households outside the giant component are kept: they join less, but they do join, which tells how much is heard from outside the network.
Take-up is read from panel_takeup.csv as it was published; its counts differ by a few households from those of households.csv.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.networks.reading import table
from simulation.parameters import InputError

NAME, FOLDER = "bcdj", "bcdj_microfinance"
FILES = ("households.csv", "edges.csv", "panel_takeup.csv")
#: as they are, and per member of the household
PLAIN = ("room_no", "bed_no", "electricity", "latrine", "ownrent", "hohreligion", *(f"rooftype{k}" for k in range(1, 6)))
PER_HEAD = ("room_no", "bed_no")


class Lending(NamedTuple):
    """village: place in `villages` by household; leader, joined (in the end), asked (for names): true or false; ties (2, pairs) as rows.

    takeup: [village, 0..] share that has joined by period, NaN after the last; periods: how many each village was watched.
    """

    villages: tuple[str, ...]
    village: np.ndarray
    leader: np.ndarray
    joined: np.ndarray
    asked: np.ndarray
    covariates: np.ndarray
    ties: np.ndarray
    takeup: np.ndarray

    @property
    def periods(self) -> np.ndarray:
        return np.isfinite(self.takeup).sum(axis=1) - 1

    @property
    def size(self) -> np.ndarray:
        return np.bincount(self.village)

    def part(self, keep: np.ndarray) -> "Lending":
        """Those households only. keep: [household], whole villages."""
        codes, village = np.unique(self.village[keep], return_inverse=True)
        ties = (np.cumsum(keep) - 1)[self.ties[:, keep[self.ties].all(axis=0)]]
        columns = (column[keep] for column in (self.leader, self.joined, self.asked, self.covariates))
        return Lending(tuple(self.villages[code] for code in codes), village, *columns, ties, self.takeup[codes])

    def first_joined(self) -> np.ndarray:
        """[village, period from 0] how many join; 0 after the last period."""
        return np.nan_to_num(np.diff(np.rint(self.takeup * self.size[:, None]))).clip(0)


def read(data: Path) -> Lending:
    """The villages with a curve. Raises InputError where a file cannot be read or does not fit."""
    import pandas as pd

    folder = Path(data) / FOLDER
    people = table(folder / FILES[0], ("village", "hh", "leader", "adopted", "surveyed", "hh_size", *PLAIN))
    edges = table(folder / FILES[1], ("village", "i", "j"))
    panel = table(folder / FILES[2], ("village", "t", "takeup_emp"))
    if panel.duplicated(["village", "t"]).any():
        raise InputError(f"{folder / FILES[2]}: a village and t stand twice")
    known = set(panel["village"]) & set(people.loc[people["adopted"].notna(), "village"])
    if not known:
        raise InputError(f"{folder}: no village stands in both {FILES[0]} (with adopted) and {FILES[2]}")
    people = people[people["village"].isin(known) & people["adopted"].notna()].reset_index(drop=True)
    names, village = np.unique(people["village"], return_inverse=True)
    rows = pd.Series(people.index, index=pd.MultiIndex.from_frame(people[["village", "hh"]]))
    if rows.index.duplicated().any():
        twice = people[rows.index.duplicated()].iloc[0]
        raise InputError(f"{folder / FILES[0]}: household {twice['hh']:g} of village {twice['village']:g} stands twice")
    ends = np.array([rows.reindex(pd.MultiIndex.from_frame(edges[["village", end]])).to_numpy(float) for end in ("i", "j")])
    ties = np.unique(np.sort(ends[:, np.isfinite(ends).all(axis=0)].astype(int), axis=0), axis=1)
    takeup = panel[panel["village"].isin(known)].pivot(index="village", columns="t", values="takeup_emp").reindex(names)
    return Lending(
        tuple(f"{name:g}" for name in names), village, people["leader"].to_numpy() == 1, people["adopted"].to_numpy() == 1,
        people["surveyed"].to_numpy() == 1, _covariates(people), ties[:, ties[0] != ties[1]], takeup.to_numpy(float),
    )  # fmt: skip


def filled(villages: Lending, seed: int) -> Lending:
    """With ties added at random where one or both were not asked, until all pairs of a village are as often tied as two who were asked."""
    rng, more = np.random.Generator(np.random.PCG64(seed)), [villages.ties]
    for v in range(len(villages.villages)):
        rows = np.flatnonzero(villages.village == v)
        one, other = np.triu_indices(len(rows), 1)
        tied = np.zeros((len(rows), len(rows)), bool)
        tied[tuple(np.searchsorted(rows, villages.ties[:, villages.village[villages.ties[0]] == v]))] = True
        known, asked = tied[one, other], villages.asked[rows][one].astype(int) + villages.asked[rows][other]
        share = [known[asked == k].mean() if (asked == k).any() else 0.0 for k in range(3)]
        lacking = np.array([max(0.0, (share[2] - s) / (1.0 - s)) if s < 1.0 else 0.0 for s in share])
        new = ~known & (rng.random(len(known)) < lacking[asked])
        more.append(rows[np.array([one[new], other[new]])])
    return villages._replace(ties=np.hstack(more))


def _covariates(people) -> np.ndarray:
    """Housing as in the published choice of joining, religion and roof; and whether the household leads."""
    heads = people["hh_size"].where(people["hh_size"] > 0)
    columns = [people[name] for name in (*PLAIN, "leader")] + [people[name] / heads for name in PER_HEAD]
    return np.column_stack([column.to_numpy(float) for column in columns])
