"""The workers at a date, column by column, and the groups they belong to: what outcomes are read off."""

import weakref
from collections.abc import Iterable, Mapping
from functools import cached_property

import numpy as np

from simulation.stages import ACTIVE, PAID_OWN, REGISTERED, Membership, Source
from simulation.timeline import NEVER

#: columns drawn at a worker's birth
IDENTITY = ("value", "risk", "understanding_start")


class Snapshot:
    """The workers at the end of step `step`, burn-in included (`burn_in` is the run's first step).

    snapshot["first_week"] is a column of the workers' table (see records.WORKER), copied when first asked for. Weeks are step
    numbers, -1 for never. Three flags stay apart: registered (ever), active (cover in force), paying (active by own money).
    """

    def __init__(self, step: int, burn_in: int, table: Mapping[str, np.ndarray]) -> None:
        self.step, self.burn_in, self.table = step, burn_in, table
        self._columns: dict[str, np.ndarray] = {}

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._columns:
            self._columns[name] = np.array(self.table[name])
        return self._columns[name]

    def __len__(self) -> int:
        return len(self["marks"])

    def keep(self, *names: str, rows=slice(None)) -> "Snapshot":
        """These columns alone, copied now: what can still be asked after the world has moved on. rows: of these workers alone."""
        return Snapshot(self.step, self.burn_in, {name: np.array(self.table[name][rows]) for name in names})

    @cached_property
    def registered(self) -> np.ndarray:
        return self["marks"] & REGISTERED > 0

    @cached_property
    def active(self) -> np.ndarray:
        return self["marks"] & ACTIVE > 0

    @cached_property
    def paying(self) -> np.ndarray:
        return self["marks"] & (ACTIVE | PAID_OWN) == ACTIVE | PAID_OWN

    @cached_property
    def tried(self) -> np.ndarray:
        """Ever tried to register themselves."""
        return self.table["attempts"] > 0

    @cached_property
    def trust(self) -> np.ndarray:
        alpha = self.table["alpha"].astype(np.float64)
        return alpha / (alpha + self.table["beta"])

    @cached_property
    def joiners(self) -> np.ndarray:
        """Rows of those first registered since the start of the run."""
        return np.flatnonzero(joined_since(self.table, self.burn_in))

    @cached_property
    def joined(self) -> np.ndarray:
        """Of the joiners: step of their first registration."""
        return self.table["first_week"][self.joiners]

    @cached_property
    def spell_end(self) -> np.ndarray:
        """Of the joiners: step at which the first spell of cover stopped: of the first lapse, else of a stop not made good so far;
        NEVER without."""
        lapse, stop = self.table["first_stop"][self.joiners], self.table["stop_week"][self.joiners]
        return np.where(lapse >= 0, lapse, np.where(stop >= 0, stop, np.int32(NEVER)))

    def same_person(self, before: "Snapshot", rows=slice(None)) -> np.ndarray:
        """False where a newcomer has taken the place since `before`, which has IDENTITY of these rows."""
        same = self.table[IDENTITY[0]][rows] == before[IDENTITY[0]]
        for name in IDENTITY[1:]:
            same &= self.table[name][rows] == before[name]
        return same


def joined_since(workers: Mapping[str, np.ndarray], burn_in: int, rows=slice(None)) -> np.ndarray:
    """First registered since the start. Members from before the burn-in have step 0 for their first week: where there is no burn-in
    only their source tells."""
    late = workers["first_week"][rows] >= burn_in
    return late if burn_in else late & (workers["first_source"][rows] != Source.BASELINE)


def glance(world) -> Snapshot:
    """The workers as they are now (after step `world.week - 1`), to be used before the world moves on."""
    return Snapshot(world.week - 1, world.calendar.burn_in, np.asarray(world.village.workers))


def snapshot(world) -> Snapshot:
    """The same to keep: a copy of all columns."""
    return Snapshot(world.week - 1, world.calendar.burn_in, np.array(world.village.workers))


# ------------------------------------------------------------------ places


class Traits:
    """What belongs to the place, not the date. `groups`: kind -> (codes of the workers, number of groups), communities last."""

    def __init__(self, groups: dict[str, tuple[np.ndarray, int]], income_rp: np.ndarray) -> None:
        self.groups, self.income_rp, self.workers = groups, income_rp, len(income_rp)
        self.offsets = np.cumsum([0, *(number for _, number in groups.values())]).tolist()

    @cached_property
    def cells(self) -> np.ndarray:
        """[worker, kind]: 8 x the number of the worker's group, counted through all kinds."""
        out = np.empty((self.workers, len(self.groups)), np.int64)
        for column, offset, (codes, _) in zip(out.T, self.offsets, self.groups.values()):
            column[:] = codes
            column += offset
        return out * 8

    @cached_property
    def size(self) -> np.ndarray:
        """Workers of each group."""
        return np.concatenate([np.bincount(codes, minlength=number) for codes, number in self.groups.values()])

    @cached_property
    def income_rank(self) -> np.ndarray:
        return fractional_rank(self.income_rp)


def group_names(occupations: Iterable[str], communities: int) -> dict[str, list[str]]:
    """Kinds of groups of workers, and the names of the groups in the order of their codes."""
    return {
        "sex": ["male", "female"], "occupation": list(occupations), "income_fifth": ["1", "2", "3", "4", "5"], "phone": ["no", "yes"],
        **{bit.name.lower(): ["no", "yes"] for bit in Membership}, "community": [str(c) for c in range(communities)],
    }  # fmt: skip


#: the people whose traits were asked for last, and these: campaigns meet the same people one after the other
_last: list = [lambda: None, None]


def traits(world) -> Traits:
    """Sex, occupation, income fifth, phone, membership of associations and community of every worker."""
    if _last[0]() is not world.people:
        _last[:] = weakref.ref(world.people), _traits(world)
    return _last[1]


def _traits(world) -> Traits:
    people = world.people
    codes = {
        "sex": people.sex, "occupation": people.occupation, "income_fifth": people.income_fifth - 1, "phone": people.phone,
        **{bit.name.lower(): (people.membership & bit) > 0 for bit in Membership}, "community": people.community,
    }  # fmt: skip
    names = group_names((o.name for o in world.parameters.village.occupations), people.communities)
    return Traits({kind: (codes[kind], len(names[kind])) for kind in names}, people.income_rp)


def fractional_rank(values: np.ndarray) -> np.ndarray:
    """(rank - 1/2) / n from the smallest to the largest, equal values share their mean rank; the mean is 1/2."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return ((np.cumsum(count) - count / 2) / len(values))[place.ravel()]
