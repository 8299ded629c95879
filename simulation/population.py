"""`People`: the table of workers, leaders and people who may become Perisai, synthesized or read from a CSV.

Rows 0..workers-1 are workers; leaders and agent candidates follow. Columns are plain arrays. Everything is a
function of (village, behavior, seed, replicate), never of the campaign: campaigns meet the same people.
"""

import functools
import math
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

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
    table = np.array([round(math.exp(sd * z + shift), 9) for z in mid_quantiles().tolist()])
    table.flags.writeable = False  # shared by all who ask
    return table


def mid_quantiles() -> np.ndarray:
    """Standard normal quantiles in the middle of the 1,024 cells (float64)."""
    return (rng.NORMAL[:-1] + rng.NORMAL[1:]) / 2


def _cell(uniform: np.ndarray) -> np.ndarray:
    return (uniform * rng.KNOTS).astype(np.int64)


def synthesize(parameters: Parameters, key: tuple[int, int]) -> People:
    """Draw the people of the village, or read them from `village.people_file` and draw what it leaves out.

    Raises InputError when the file cannot be used.
    """
    village = parameters.village
    given = read_people(village.people_file, [o.name for o in village.occupations]) if village.people_file else {}
    n = len(given["id"]) if given else village.workers
    ids = np.arange(n)
    draw = [rng.uniforms(ids, 0, block, Purpose.PEOPLE, key) for block in range(5)]
    household = given["household"] if "household" in given else _households(parameters, draw[0][0])
    community = given["community"] if "community" in given else household // village.households_per_community
    occupation = given["occupation"] if "occupation" in given else _occupation(village, draw[0][1])
    sex = given["sex"] if "sex" in given else (draw[0][2] < village.female_share).astype(np.int8)
    people = _traits(parameters, n, household, community, occupation, sex, draw, given)
    value_slot, value, risk = _values(parameters, people, draw, key, given)
    people |= {"value_slot": value_slot, "value": value, "risk": risk}
    if people["enrolled"] is None:
        people["enrolled"] = _first_members(parameters, people, draw[4][2])
    return People(workers=n, ids=list(given["id"]) if given else None, **people, **_leaders(village, people["community"], n, key))


def _households(parameters: Parameters, uniform: np.ndarray) -> np.ndarray:
    """Household numbers 0, 1, ...: a worker opens a new one with chance 1 / workers_per_household."""
    size = 1.0 if parameters.limits.household_decides else parameters.village.workers_per_household
    opens = uniform < 1.0 / size
    opens[0] = True
    return np.cumsum(opens).astype(np.int32) - 1


def _occupation(village, uniform: np.ndarray) -> np.ndarray:
    edges = np.cumsum([o.share for o in village.occupations])[:-1]
    return np.searchsorted(edges, uniform, side="right").astype(np.int8)


def _traits(parameters, n, household, community, occupation, sex, draw, given) -> dict:
    village = parameters.village
    growth = exp_table(village.income_sd)
    median = np.array([o.income_median_rp for o in village.occupations], np.float64)
    income = given["income_rp"] if "income_rp" in given else np.rint(median[occupation] * growth[_cell(draw[0][3])]).astype(np.int64)
    order = np.argsort(income, kind="stable")
    fifth = np.empty(n, np.int8)
    fifth[order] = 1 + (np.arange(n) * 5) // n
    poorer = 1.0 - draw[0][3]
    farmers = np.array([o.name.startswith(FARM_PREFIXES) for o in village.occupations])
    farm_share = sum(o.share for o in village.occupations if o.name.startswith(FARM_PREFIXES))
    farm_prob = (
        np.where(farmers[occupation], min(1.0, village.farmer_group_share / farm_share), 0.0) if farm_share else village.farmer_group_share
    )
    first_of_household = np.searchsorted(household, household) if np.all(np.diff(household) >= 0) else np.arange(n)
    member = {
        "waste_bank": (Membership.WASTE_BANK, draw[1][1] < village.waste_bank_share),
        "arisan": (Membership.ARISAN, draw[1][2] < village.arisan_share),
        "farmer_group": (Membership.FARMER_GROUP, draw[1][3] < farm_prob),
        "pkh": (Membership.PKH, draw[2][0][first_of_household] < 2.0 * village.pkh_share * poorer[first_of_household]),
    }
    membership = np.zeros(n, np.uint8)
    for name, (bit, has) in member.items():
        membership |= (np.asarray(given.get(name, has)).astype(np.uint8) * np.uint8(bit)).astype(np.uint8)
    spread = village.understanding_mean + village.understanding_spread * (2.0 * draw[3][2] - 1.0)
    waste = np.rint(village.waste_yield_median_rp * exp_table(village.waste_yield_sd)[_cell(draw[2][3])]).astype(np.int32)
    return {
        "household": household.astype(np.int32), "community": community.astype(np.int32), "occupation": occupation.astype(np.int8),
        "sex": sex.astype(np.int8), "income_rp": income.astype(np.int64), "income_fifth": fifth,
        "phone": np.asarray(given.get("phone", draw[1][0] < village.phone_share)).astype(np.int8), "membership": membership,
        "waste_yield_rp": waste, "understanding_start": np.clip(spread, 0.0, 1.0).astype(np.float32),
        "misbelief": (draw[3][3] < village.misbelief_share).astype(np.int8), "known_draw": draw[3][1].astype(np.float32),
        "target_draw": draw[4][0].astype(np.float32),
        "aware": np.asarray(given.get("aware", draw[4][1] < village.baseline_awareness_share)).astype(np.int8),
        "enrolled": np.asarray(given["enrolled"]).astype(np.int8) if "enrolled" in given else None,
        "months_draw": draw[4][3].astype(np.float32),
        "threshold": np.asarray(given.get("threshold", np.full(n, 0.5))).astype(np.float32),
    }  # fmt: skip


def _values(parameters, people, draw, key, given):
    """Place and person part of perceived value (log Rp, relative to the village's median), and own risk."""
    behavior, village = parameters.behavior, parameters.village
    community_sd = behavior.value_sd * behavior.community_sd_ratio
    community = rng.normal(rng.uniforms(np.arange(int(people["community"].max()) + 1), 0, 5, Purpose.PEOPLE, key)[0])
    slot = community_sd * community[people["community"]]
    slot -= behavior.death_fund_weight * ((people["membership"] & Membership.ARISAN) > 0)
    middle = sorted((o.income_median_rp, o.share) for o in village.occupations)
    center = next(m for i, (m, _) in enumerate(middle) if sum(s for _, s in middle[: i + 1]) >= 0.5)
    if behavior.income_weight:
        # few distinct incomes: one logarithm each, rounded, so that digits agree on every machine
        income, place = np.unique(people["income_rp"], return_inverse=True)
        logs = np.array([round(math.log(max(i, 1) / max(center, 1)), 9) for i in income.tolist()])
        slot += behavior.income_weight * logs[place]
    log_risk = behavior.own_risk_sd * mid_quantiles()[_cell(draw[2][2])]
    person = behavior.value_sd * rng.normal(draw[2][1]) + behavior.risk_weight * log_risk
    value = np.where(draw[3][0] < village.never_share, NEVER_VALUE, slot + person)
    if "value" in given:
        value = np.asarray(given["value"], np.float64)
    risk = exp_table(behavior.own_risk_sd, mean_one=True)[_cell(draw[2][2])]
    return slot.astype(np.float32), value.astype(np.float32), risk.astype(np.float32)


def _first_members(parameters: Parameters, people: dict, uniform: np.ndarray) -> np.ndarray:
    """Who is enrolled at the first step of the burn-in: those who value cover and can keep paying.

    Score = value + standard normal noise - 4 x chance of three months without cash in a row (the worst of the year).
    """
    village, value = parameters.village, people["value"]
    share = village.baseline_coverage_share if village.start_coverage_share is None else village.start_coverage_share
    wanted = min(int(round(share * len(value))), int((value > NEVER_VALUE).sum()))
    price = parameters.scheme.at(parameters.start).price_rp
    risk = np.zeros(len(value))
    for code, occupation in enumerate(village.occupations):
        mine = people["occupation"] == code
        shock = exp_table(math.sqrt(math.log(1 + occupation.income_cv**2)), mean_one=True)
        needed = occupation.need_share + parameters.behavior.cash_multiple * price / people["income_rp"][mine].clip(1)
        short = np.array([np.searchsorted(shock, needed / max(s, 1e-9)) / len(shock) for s in occupation.season])
        risk[mine] = (short * np.roll(short, 1, axis=0) * np.roll(short, 2, axis=0)).max(axis=0)
    rank = np.argsort(-(value + rng.normal(uniform) - 4.0 * risk), kind="stable")
    enrolled = np.zeros(len(value), np.int8)
    enrolled[rank[:wanted]] = 1
    return enrolled


def _leaders(village, community, workers, key) -> dict:
    """Village head, one head per community, religious and group leaders; and those who may become agents."""
    communities = int(community.max()) + 1
    kinds = [LeaderKind.VILLAGE_HEAD] + [LeaderKind.COMMUNITY_HEAD] * communities
    kinds += [LeaderKind.RELIGIOUS] * village.religious_leaders + [LeaderKind.GROUP] * village.group_leaders
    u = rng.uniforms(np.arange(len(kinds)), 0, 6, Purpose.PEOPLE, key)
    home = (u[1] * communities).astype(np.int32)
    home[1 : communities + 1] = np.arange(communities)
    candidates = math.ceil(village.agent_candidates_per_1000 * workers / 1000)
    where = (rng.uniforms(np.arange(candidates), 0, 7, Purpose.PEOPLE, key)[0] * communities).astype(np.int32)
    return {
        "leader_kind": np.array(kinds, np.int8), "leader_community": home,
        "leader_enrolled": (u[0] < village.leader_enrolled_share).astype(np.int8), "agent_community": where,
    }  # fmt: skip


FLAGS = ("phone", "waste_bank", "arisan", "farmer_group", "pkh", "aware", "enrolled")
NUMBERS = {"household": "int", "community": "int", "income_rp": "int", "threshold": "share", "value": "number"}


def read_people(path: str, occupations: list[str]) -> dict[str, np.ndarray]:
    """Columns of a people CSV as arrays. `id` is required and unique; every other column is optional.

    id, household, community, occupation (name), sex (female/male), income_rp, phone, waste_bank, arisan,
    farmer_group, pkh (0/1), value (log Rp), threshold (share). Raises InputError naming file, line and column.
    """
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


def _column(path: str, name: str, text: pd.Series, occupations: list[str]) -> np.ndarray:
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
