"""`People`: the table of workers, leaders and people who may become Perisai, synthesized or read from a CSV.

Rows 0..workers-1 are workers; leaders and agent candidates follow. Columns are plain arrays. Everything is a
function of (village, behavior, seed, replicate), never of the campaign: campaigns meet the same people.
"""

import functools
import math
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np

from simulation import rng
from simulation.parameters import InputError, Parameters
from simulation.stages import LeaderKind, Membership, Purpose

FARM_PREFIXES = ("farm", "fish", "plant", "palm", "rubber")
#: value of a worker who joins at no price
NEVER_VALUE = -1000.0


@dataclass
class People:
    """Fixed traits, one array each. `workers` rows of workers come first; the last two columns cover all rows.

    household, community, occupation, sex (1 woman), income_rp, income_fifth (1..5), phone (0/1), membership (bits),
    waste_yield_rp, value (log Rp, float32: persistent part of perceived value), value_slot (its part that belongs
    to the place, not to the person), risk (ratio), understanding_start, misbelief (0/1), known and target draws
    (uniform), aware and enrolled before the burn-in (0/1), threshold (share, limits only); for leaders leader_kind,
    leader_community, leader_enrolled; agent_community for those who could become Perisai.
    """

    workers: int
    household: np.ndarray
    community: np.ndarray
    occupation: np.ndarray
    sex: np.ndarray
    income_rp: np.ndarray
    income_fifth: np.ndarray
    phone: np.ndarray
    membership: np.ndarray
    waste_yield_rp: np.ndarray
    value: np.ndarray
    value_slot: np.ndarray
    risk: np.ndarray
    understanding_start: np.ndarray
    misbelief: np.ndarray
    known_draw: np.ndarray
    target_draw: np.ndarray
    aware: np.ndarray
    enrolled: np.ndarray
    months_draw: np.ndarray
    threshold: np.ndarray
    leader_kind: np.ndarray
    leader_community: np.ndarray
    leader_enrolled: np.ndarray
    agent_community: np.ndarray
    ids: list | None = None

    @property
    def communities(self) -> int:
        return int(self.community.max()) + 1

    @property
    def size(self) -> int:
        return self.workers + len(self.leader_kind) + len(self.agent_community)


@functools.lru_cache(maxsize=256)
def exp_table(sd: float, mean_one: bool = False) -> np.ndarray:
    """exp(sd * z) at the 1,024 mid-cell normal quantiles; with `mean_one`, scaled by exp(-sd^2 / 2)."""
    shift = -sd * sd / 2 if mean_one else 0.0
    return frozen(np.array([round(math.exp(sd * z + shift), 9) for z in mid_quantiles().tolist()]))


@functools.cache
def mid_quantiles() -> np.ndarray:
    """Standard normal quantiles in the middle of the 1,024 cells (float64)."""
    return frozen((rng.NORMAL[:-1] + rng.NORMAL[1:]) / 2)


def frozen(table: np.ndarray) -> np.ndarray:
    """The table made read-only, for those that are shared by all who ask."""
    table.flags.writeable = False
    return table


def _cell(uniform: np.ndarray) -> np.ndarray:
    return (uniform * rng.KNOTS).astype(np.int64)


def synthesize(parameters: Parameters, key: tuple[int, int]) -> People:
    """Draw the people of the village, or read them from `village.people_file` and draw what it leaves out.

    Raises InputError when the file cannot be used.
    """
    village = parameters.village
    given = read_people(village.people_file, [o.name for o in village.occupations]) if village.people_file else {}
    n = len(given["id"]) if given else village.workers
    draw = [rng.first(n, 0, block, Purpose.PEOPLE, key) for block in range(5)]
    household = given["household"] if "household" in given else _households(parameters, draw[0][0])
    community = given["community"] if "community" in given else household // village.households_per_community
    occupation = given["occupation"] if "occupation" in given else _occupation(village, draw[0][1])
    sex = given["sex"] if "sex" in given else (draw[0][2] < village.female_share).astype(np.int8)
    incomes = _incomes(village, occupation, draw[0][3], given)
    people = _traits(village, household, community, occupation, sex, incomes, draw, given)
    value_slot, value, risk = _values(parameters, people, incomes, draw, key, given)
    people |= {"value_slot": value_slot, "value": value, "risk": risk}
    if people["enrolled"] is None:
        people["enrolled"] = _first_members(parameters, people, incomes, draw[4][2])
    return People(workers=n, ids=list(given["id"]) if given else None, **people, **_leaders(village, people["community"], n, key))


def _households(parameters: Parameters, uniform: np.ndarray) -> np.ndarray:
    """Household numbers 0, 1, ...: a worker opens a new one with chance 1 / workers_per_household."""
    size = 1.0 if parameters.limits.household_decides else parameters.village.workers_per_household
    opens = uniform < 1.0 / size
    opens[0] = True
    return np.cumsum(opens, dtype=np.int32) - np.int32(1)


def _first_of_household(household: np.ndarray) -> np.ndarray:
    """Row of the first worker of everybody's household; households that do not stand together are taken as one worker each."""
    if (household[1:] < household[:-1]).any():
        return np.arange(len(household))
    opens = np.concatenate([[True], household[1:] != household[:-1]])
    return np.flatnonzero(opens)[np.cumsum(opens) - 1]


def _occupation(village, uniform: np.ndarray) -> np.ndarray:
    code = np.zeros(len(uniform), np.int8)
    for edge in np.cumsum([o.share for o in village.occupations])[:-1]:
        code += uniform >= edge
    return code


class Incomes(NamedTuple):
    """Monthly incomes: few distinct ones, so that logarithms and chances are taken once each.

    rp (int64) by worker; level: the worker's place among `levels` (rupiah, rising), the incomes that can occur;
    cell: the worker's place in the table [occupation, cell of the draw], None where incomes were read from a file.
    """

    rp: np.ndarray
    level: np.ndarray
    levels: np.ndarray
    cell: np.ndarray | None


def _incomes(village, occupation: np.ndarray, uniform: np.ndarray, given: dict) -> Incomes:
    if "income_rp" in given:
        rp = given["income_rp"].astype(np.int64)
        levels, level = np.unique(rp, return_inverse=True)
        return Incomes(rp, level, levels, None)
    table, level, levels = _income_table(*_income_key(village))
    cell = occupation * np.int64(rng.KNOTS) + _cell(uniform)
    return Incomes(table.ravel()[cell], level[cell], levels, cell)


def _income_key(village) -> tuple[tuple[int, ...], float]:
    """What the incomes that can occur depend on."""
    return tuple(o.income_median_rp for o in village.occupations), village.income_sd


@functools.lru_cache(maxsize=64)
def _income_table(medians_rp: tuple[int, ...], sd: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Incomes [occupation, cell of the draw], the place of each (flat) among the distinct ones, and these, rising."""
    table = np.rint(np.array(medians_rp, np.float64)[:, None] * exp_table(sd)).astype(np.int64)
    levels, level = np.unique(table, return_inverse=True)
    return frozen(table), frozen(level.ravel()), frozen(levels)


def _fifths(incomes: Incomes) -> np.ndarray:
    """Income fifths, 1 poorest; workers of equal income in the order of their rows."""
    n = len(incomes.level)
    below = np.cumsum(np.bincount(incomes.level, minlength=len(incomes.levels)))
    fifth = np.ones(n, np.int8)
    for k in range(1, 5):
        place = -(-k * n // 5)  # where the next fifth begins
        if place < n:
            split = np.searchsorted(below, place, side="right")  # the income there: its last workers belong to the next fifth
            equal = np.flatnonzero(incomes.level == split)
            fifth += incomes.level > split
            fifth[equal[len(equal) - (below[split] - place) :]] += 1
    return fifth


def _traits(village, household, community, occupation, sex, incomes, draw, given) -> dict:
    n = len(household)
    poorer = 1.0 - draw[0][3]
    farmers = np.array([o.name.startswith(FARM_PREFIXES) for o in village.occupations])
    farm_share = sum(o.share for o in village.occupations if o.name.startswith(FARM_PREFIXES))
    farm_prob = (
        np.where(farmers, min(1.0, village.farmer_group_share / farm_share), 0.0)[occupation] if farm_share else village.farmer_group_share
    )
    first = _first_of_household(household)
    member = {
        "waste_bank": (Membership.WASTE_BANK, draw[1][1] < village.waste_bank_share),
        "arisan": (Membership.ARISAN, draw[1][2] < village.arisan_share),
        "farmer_group": (Membership.FARMER_GROUP, draw[1][3] < farm_prob),
        "pkh": (Membership.PKH, (draw[2][0] < 2.0 * village.pkh_share * poorer)[first]),
    }
    membership = np.zeros(n, np.uint8)
    for name, (bit, has) in member.items():
        membership |= np.asarray(given.get(name, has)).astype(np.uint8) * np.uint8(bit)
    understanding = village.understanding_mean + village.understanding_spread * (2.0 * draw[3][2] - 1.0)
    waste = np.rint(village.waste_yield_median_rp * exp_table(village.waste_yield_sd)).astype(np.int32)
    return {
        "household": household.astype(np.int32), "community": community.astype(np.int32), "occupation": occupation.astype(np.int8),
        "sex": sex.astype(np.int8), "income_rp": incomes.rp, "income_fifth": _fifths(incomes),
        "phone": np.asarray(given.get("phone", draw[1][0] < village.phone_share)).astype(np.int8), "membership": membership,
        "waste_yield_rp": waste[_cell(draw[2][3])], "understanding_start": understanding.clip(0.0, 1.0).astype(np.float32),
        "misbelief": (draw[3][3] < village.misbelief_share).astype(np.int8), "known_draw": draw[3][1].astype(np.float32),
        "target_draw": draw[4][0].astype(np.float32),
        "aware": np.asarray(given.get("aware", draw[4][1] < village.baseline_awareness_share)).astype(np.int8),
        "enrolled": np.asarray(given["enrolled"]).astype(np.int8) if "enrolled" in given else None,
        "months_draw": draw[4][3].astype(np.float32),
        "threshold": np.asarray(given.get("threshold", np.full(n, 0.5))).astype(np.float32),
    }  # fmt: skip


def _values(parameters, people, incomes, draw, key, given):
    """Place and person part of perceived value (log Rp, relative to the village's median), and own risk."""
    behavior, village = parameters.behavior, parameters.village
    community_sd = behavior.value_sd * behavior.community_sd_ratio
    community = rng.normal(rng.first(int(people["community"].max()) + 1, 0, 5, Purpose.PEOPLE, key)[0])
    slot = (community_sd * community)[people["community"]]
    slot -= behavior.death_fund_weight * ((people["membership"] & Membership.ARISAN) > 0)
    middle = sorted((o.income_median_rp, o.share) for o in village.occupations)
    center = next(m for i, (m, _) in enumerate(middle) if sum(s for _, s in middle[: i + 1]) >= 0.5)
    if behavior.income_weight:
        logs = _logs(incomes.levels, center) if incomes.cell is None else _log_table(*_income_key(village), center)
        slot += (behavior.income_weight * logs)[incomes.level]
    cell = _cell(draw[2][2])
    log_risk = behavior.own_risk_sd * mid_quantiles()
    person = behavior.value_sd * rng.normal(draw[2][1]) + (behavior.risk_weight * log_risk)[cell]
    value = np.where(draw[3][0] < village.never_share, NEVER_VALUE, slot + person)
    if "value" in given:
        value = np.asarray(given["value"], np.float64)
    risk = exp_table(behavior.own_risk_sd, mean_one=True)[cell]
    return slot.astype(np.float32), value.astype(np.float32), risk.astype(np.float32)


def _logs(incomes_rp: np.ndarray, center_rp: int) -> np.ndarray:
    """Logarithms of incomes over the middle one, rounded, so that digits agree on every machine."""
    return np.array([round(math.log(max(i, 1) / max(center_rp, 1)), 9) for i in incomes_rp.tolist()])


@functools.lru_cache(maxsize=64)
def _log_table(medians_rp: tuple[int, ...], sd: float, center_rp: int) -> np.ndarray:
    """`_logs` of the incomes that can occur."""
    return frozen(_logs(_income_table(medians_rp, sd)[2], center_rp))


def _first_members(parameters: Parameters, people: dict, incomes: Incomes, uniform: np.ndarray) -> np.ndarray:
    """Who is enrolled at the first step of the burn-in: those who value cover and can keep paying.

    Score = value + standard normal noise - 4 x chance of three months without cash in a row (the worst of the year).
    """
    village, value = parameters.village, people["value"]
    share = village.baseline_coverage_share if village.start_coverage_share is None else village.start_coverage_share
    wanted = min(int(round(share * len(value))), int((value > NEVER_VALUE).sum()))
    score = value + rng.normal(uniform) - 4.0 * _dry_spells(parameters, people["occupation"], incomes)
    enrolled = np.zeros(len(value), np.int8)
    if wanted:
        last = np.partition(score, -wanted)[-wanted]
        enrolled[score > last] = 1
        enrolled[np.flatnonzero(score == last)[: wanted - int(enrolled.sum(dtype=np.int64))]] = 1
    return enrolled


def _dry_spells(parameters: Parameters, occupation: np.ndarray, incomes: Incomes) -> np.ndarray:
    """Chance of three months without cash for the contribution in a row, by worker (see `_dry_spell`)."""
    village, multiple = parameters.village, parameters.behavior.cash_multiple
    price = parameters.scheme.at(parameters.start).price_rp
    jobs = [(o.income_cv, o.need_share, tuple(o.season)) for o in village.occupations]
    if incomes.cell is not None:
        return _dry_table(*_income_key(village), tuple(jobs), multiple * price)[incomes.cell]
    chance = np.zeros(len(occupation))
    for code, job in enumerate(jobs):
        mine = occupation == code
        chance[mine] = _dry_spell(incomes.rp[mine], *job, multiple * price)
    return chance


@functools.lru_cache(maxsize=64)
def _dry_table(medians_rp: tuple[int, ...], sd: float, jobs: tuple, cash_rp: float) -> np.ndarray:
    """`_dry_spell` of the incomes that can occur, [occupation, cell of the draw], flat."""
    return frozen(np.concatenate([_dry_spell(rp, *job, cash_rp) for rp, job in zip(_income_table(medians_rp, sd)[0], jobs)]))


def _dry_spell(income_rp: np.ndarray, cv: float, need: float, season: tuple[float, ...], cash_rp: float) -> np.ndarray:
    """Chance of three months in a row without `cash_rp` left, the worst of the year, for incomes of one occupation."""
    shock = exp_table(math.sqrt(math.log(1 + cv**2)), mean_one=True)
    needed = need + cash_rp / income_rp.clip(1)
    levels, month = np.unique(season, return_inverse=True)
    short = np.array([np.searchsorted(shock, needed / max(s, 1e-9)) / len(shock) for s in levels])[month]
    return (short * np.roll(short, 1, axis=0) * np.roll(short, 2, axis=0)).max(axis=0)


def _leaders(village, community, workers, key) -> dict:
    """Village head, one head per community, religious and group leaders; and those who may become agents."""
    communities = int(community.max()) + 1
    kinds = [LeaderKind.VILLAGE_HEAD, LeaderKind.COMMUNITY_HEAD, LeaderKind.RELIGIOUS, LeaderKind.GROUP]
    kind = np.repeat(np.array(kinds, np.int8), [1, communities, village.religious_leaders, village.group_leaders])
    u = rng.first(len(kind), 0, 6, Purpose.PEOPLE, key)
    home = (u[1] * communities).astype(np.int32)
    home[1 : communities + 1] = np.arange(communities)
    candidates = math.ceil(village.agent_candidates_per_1000 * workers / 1000)
    where = (rng.first(candidates, 0, 7, Purpose.PEOPLE, key)[0] * communities).astype(np.int32)
    return {
        "leader_kind": kind, "leader_community": home,
        "leader_enrolled": (u[0] < village.leader_enrolled_share).astype(np.int8), "agent_community": where,
    }  # fmt: skip


FLAGS = ("phone", "waste_bank", "arisan", "farmer_group", "pkh", "aware", "enrolled")
NUMBERS = {"household": "int", "community": "int", "income_rp": "int", "threshold": "share", "value": "number"}


def read_people(path: str, occupations: list[str]) -> dict[str, np.ndarray]:
    """Columns of a people CSV as arrays. `id` is required and unique; every other column is optional.

    id, household, community, occupation (name), sex (female/male), income_rp, phone, waste_bank, arisan,
    farmer_group, pkh (0/1), value (log Rp), threshold (share). Raises InputError naming file, line and column.
    """
    import pandas as pd

    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as problem:
        raise InputError(f"{path}: cannot be read as CSV ({problem})") from None
    allowed = {"id", "occupation", "sex", *FLAGS, *NUMBERS}
    unknown = [c for c in table.columns if c not in allowed]
    if unknown:
        raise InputError(f"{path}: unknown column {unknown[0]!r}; allowed: {', '.join(sorted(allowed))}")
    if "id" not in table or table.empty:
        raise InputError(f"{path}: needs a column 'id' and at least one worker")
    if table["id"].duplicated().any():
        raise InputError(f"{path}: id {table['id'][table['id'].duplicated()].iloc[0]!r} stands twice")
    out: dict[str, np.ndarray] = {"id": table["id"].to_numpy()}
    for name in table.columns:
        if name != "id":
            out[name] = _column(path, name, table[name], occupations)
    for name in ("household", "community"):
        if name in out:
            out[name] = np.unique(out[name], return_inverse=True)[1].astype(np.int32)
    return out


def _column(path: str, name: str, text, occupations: list[str]) -> np.ndarray:
    """One column of the file (a pandas Series of text) as numbers."""
    import pandas as pd

    codes = {"occupation": {o: i for i, o in enumerate(occupations)}, "sex": {"female": 1, "male": 0}}
    codes |= {flag: {"0": 0, "1": 1, "false": 0, "true": 1} for flag in FLAGS}
    if name in codes:
        values = text.str.strip().map(codes[name])
        allowed = ", ".join(codes[name])
    else:
        values = pd.to_numeric(text, errors="coerce")
        values = values.where(np.isfinite(values.astype(float)))
        allowed = {"int": "a whole number from 0", "share": "a share from 0 to 1", "number": "a number"}[NUMBERS[name]]
        if NUMBERS[name] == "share":
            values = values.where((values >= 0) & (values <= 1))
        elif NUMBERS[name] == "int":
            values = values.where((values >= 0) & (values == values.round()) & (values < 2**40))
    bad = values.isna()
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise InputError(f"{path}, line {row + 2}, column {name}: {text.iloc[row]!r} is not allowed; allowed: {allowed}")
    return values.to_numpy()


def trait_columns() -> list[str]:
    """Names of the per-worker columns of `People`."""
    return [f.name for f in fields(People) if f.name not in ("workers", "ids") and not f.name.startswith(("leader_", "agent_"))]
