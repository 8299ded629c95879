"""Real diffusion data with a date for each person: people, when they adopted, whom they named.

    people = read(SOURCES["brfarmers"], Path("../shared/data"))
    train, test = people.part(people.village != 0), people.part(people.village == 0)

A covariate is taken only where it stood before adoption or cannot come from it. Left out on purpose: kfamily's attitudes, clubs, field
worker visits and media exposure (asked in 1973, after adoption), brfarmers' innovativeness and practice A (made of adoptions) and scores of
opinion leadership (made of nominations), medInnovations' month of awareness, recall and expectation.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from simulation.parameters import InputError

#: period of adoption of those who have not adopted in the time observed
NEVER = 10_000
WEEKS_A_YEAR = 365.25 / 7


class Source(NamedTuple):
    """Where a data set lies and how its columns are to be read.

    periods: how many were observed; logs: covariates taken as log(1 + x); unknown: those in which 0 means no answer;
    curved: those whose squared distance from the given middle counts too.
    """

    name: str
    folder: str
    periods: int
    period_weeks: float
    covariates: tuple[str, ...]
    logs: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    curved: tuple[tuple[str, float], ...] = ()


SOURCES = {
    source.name: source
    for source in (
        Source(
            "kfamily", "kfamily", 10, WEEKS_A_YEAR, ("age", "agemar", "sons", "daughts", "pregs", "wifeed", "hubed", "media1", "media2"),
            logs=("pregs",), unknown=("age", "agemar", "wifeed", "hubed", "media1", "media2"), curved=(("age", 35.0),),
        ),
        Source(
            "brfarmers", "brfarmers", 19, WEEKS_A_YEAR,
            ("age", "income", "land3", "school", "liter", "radio1", "tv", "visits", "coop", "orgs", "contact"),
            logs=("land3", "visits", "contact", "orgs"), unknown=("age",), curved=(("age", 45.0),),
        ),
        Source(
            "medInnovations", "med_innovations", 17, WEEKS_A_YEAR / 12,
            ("proage", "journ2", "attend", "science", "detail", "special", "office", "position"),
        ),
    )
}  # fmt: skip


class Dated(NamedTuple):
    """People of some villages who adopt in a period or never.

    village: place in `villages` by person; adopted: period 1, 2, ... or NEVER; covariates [person, covariate], NaN where unknown;
    ties (2, pairs): each pair that one of the two named, once, as rows; named (2, pairs): who named whom.
    """

    name: str
    villages: tuple[str, ...]
    village: np.ndarray
    adopted: np.ndarray
    periods: int
    covariates: np.ndarray
    ties: np.ndarray
    named: np.ndarray

    def part(self, keep: np.ndarray) -> "Dated":
        """Those people only, and the ties among them. keep: [person] true or false."""
        row = np.cumsum(keep) - 1
        ties, named = (row[pairs[:, keep[pairs].all(axis=0)]] for pairs in (self.ties, self.named))
        codes, village = np.unique(self.village[keep], return_inverse=True)
        villages = tuple(self.villages[code] for code in codes)
        return self._replace(
            villages=villages, village=village, adopted=self.adopted[keep], covariates=self.covariates[keep], ties=ties, named=named
        )

    def curves(self) -> np.ndarray:
        """Share that has adopted, [village, 0..periods]."""
        done = self.adopted[:, None] <= np.arange(self.periods + 1)
        return np.array([done[self.village == v].mean(axis=0) for v in range(len(self.villages))])


def missing(folder: Path, files: tuple[str, ...]) -> Path | None:
    """The first of these files that is not in the folder."""
    return next((folder / name for name in files if not (folder / name).is_file()), None)


def table(path: Path, needed: tuple[str, ...]):
    """A CSV file with (at least) these columns, all of them numbers. Raises InputError naming the file and the column."""
    import pandas as pd

    try:
        read = pd.read_csv(path)
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as problem:
        raise InputError(f"{path}: cannot be read as CSV ({problem})") from None
    absent = [name for name in needed if name not in read]
    if absent:
        from scenarios.errors import nearest

        raise InputError(f"{path}: column {absent[0]!r} is missing{nearest(absent[0], list(read.columns))}; needed: {', '.join(needed)}")
    if read.empty:
        raise InputError(f"{path}: no rows")
    for name in needed:
        bad = read[name].notna() & pd.to_numeric(read[name], errors="coerce").isna()
        if bad.any():
            line = int(np.flatnonzero(bad)[0])
            raise InputError(f"{path}, line {line + 2}, column {name}: {read[name].iloc[line]!r} is not a number")
    return read


def read(source: Source, data: Path) -> Dated:
    """The people of `data`/<folder>. Raises InputError where a file cannot be read or does not fit."""
    folder = Path(data) / source.folder
    people = table(folder / "nodes.csv", ("id", "village", "toa", *source.covariates))
    edges = table(folder / "edges.csv", ("ego", "alter"))
    unique(folder / "nodes.csv", people["id"])
    toa = people["toa"].to_numpy(float)
    wrong = np.flatnonzero(~(np.isnan(toa) | ((toa >= 1) & (toa <= source.periods) & (toa == np.round(toa)))))
    if len(wrong):
        allowed = f"a whole number from 1 to {source.periods}, or nothing for who never adopted"
        raise InputError(f"{folder / 'nodes.csv'}, line {wrong[0] + 2}, column toa: {toa[wrong[0]]:g} is not allowed; allowed: {allowed}")
    names, village = np.unique(people["village"], return_inverse=True)
    adopted = np.where(np.isnan(toa), NEVER, toa).astype(int)
    named = pairs(folder / "edges.csv", edges, people["id"])
    return Dated(
        source.name, tuple(f"{name:g}" for name in names), village, adopted, source.periods, _covariates(source, people),
        undirected(named), named,
    )  # fmt: skip


def unique(path: Path, ids) -> None:
    """Raises InputError where an id stands twice."""
    if ids.duplicated().any():
        raise InputError(f"{path}: id {ids[ids.duplicated()].iloc[0]} stands twice")


def pairs(path: Path, edges, ids) -> np.ndarray:
    """(2, pairs): rows of ego and alter, each pair once, nobody with himself. Raises InputError for an id that is not among the people."""
    import pandas as pd

    rows = pd.Series(np.arange(len(ids)), index=ids)
    ends = [rows.reindex(edges[end]).to_numpy() for end in ("ego", "alter")]
    for name, end in zip(("ego", "alter"), ends):
        if np.isnan(end).any():
            line = int(np.flatnonzero(np.isnan(end))[0])
            raise InputError(f"{path}, line {line + 2}, column {name}: {edges[name].iloc[line]} is not among the people")
    found = np.unique(np.array(ends, int), axis=1)
    return found[:, found[0] != found[1]]


def undirected(named: np.ndarray) -> np.ndarray:
    """Each pair once, whoever named whom: the ties of the simulation have no direction."""
    return np.unique(np.sort(named, axis=0), axis=1)


def _covariates(source: Source, people) -> np.ndarray:
    columns = {name: people[name].to_numpy(float) for name in source.covariates}
    columns |= {name: np.where(columns[name] == 0, np.nan, columns[name]) for name in source.unknown}
    columns |= {name: np.log1p(columns[name].clip(0)) for name in source.logs}
    columns |= {f"{name} curved": np.square(columns[name] - middle) for name, middle in source.curved}
    return np.column_stack(list(columns.values()))
