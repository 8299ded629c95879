"""Segments: workers whom the campaign's targets, the decrees' relief and the yields of waste cannot tell apart."""

from dataclasses import dataclass

import numpy as np

from simulation.parameters import InputError, Lever, Parameters
from simulation.population import People
from simulation.stages import Membership
from simulation.timeline import Timeline

MAX_SEGMENTS = 4096
WASTE_CLASSES = 16


@dataclass
class Segments:
    """Which levers (bits), relief (bits of rules) and monthly waste yield (median, rupiah) each segment has.

    `of` gives each worker's segment, `targets` the workers in each lever's target.
    """

    of: np.ndarray
    levers: np.ndarray
    relief: np.ndarray
    yields: np.ndarray
    targets: np.ndarray

    @property
    def count(self) -> int:
        return len(self.levers)


def relief_of_occupations(parameters: Parameters, calendar: Timeline) -> np.ndarray:
    """By occupation: bits of the rules whose relief is for named occupations, this one among them (int64)."""
    out = np.zeros(len(parameters.village.occupations), np.int64)
    for k, rule in enumerate(calendar.rules):
        if rule.relief_share and rule.relief_occupations:
            out |= np.array([o.name in rule.relief_occupations for o in parameters.village.occupations], np.int64) << k
    return out


def any_of(column: np.ndarray, values) -> np.ndarray:
    """Where a column holds one of a few values (np.isin sorts first, which pays for many)."""
    out = np.zeros(len(column), bool)
    for value in values:
        out |= column == value
    return out


def members(lever: Lever, parameters: Parameters, people: People) -> np.ndarray:
    """Boolean mask of the workers a lever is for."""
    target = lever.target
    mask = np.ones(people.workers, bool)
    if target.occupation:
        codes = [i for i, o in enumerate(parameters.village.occupations) if o.name in target.occupation]
        mask &= any_of(people.occupation, codes)
    if target.sex:
        mask &= any_of(people.sex, [1 if s == "female" else 0 for s in target.sex])
    if target.membership:
        mask &= (people.membership & sum(Membership[m.upper()] for m in set(target.membership))) > 0
    if target.phone is not None:
        mask &= (people.phone == 1) == target.phone
    if target.income_fifth:
        mask &= any_of(people.income_fifth, target.income_fifth)
    if target.community:
        mask &= np.isin(people.community, target.community)
    if lever.channel and lever.channel.kind == "waste_bank":
        mask &= (people.membership & Membership.WASTE_BANK) > 0
    if lever.group:
        mask &= (people.membership & Membership[lever.group.membership.upper()]) > 0
    if target.share_from > 0.0:
        mask &= people.target_draw >= target.share_from
    return mask & (people.target_draw < target.share_from + target.share) if target.share_from + target.share < 1.0 else mask


def segment(parameters: Parameters, people: People, relief_of: np.ndarray) -> tuple[Segments, list[np.ndarray]]:
    """Sort workers into segments, numbered by levers, relief, waste class; and the mask of each lever's target.

    `relief_of`: bits of relief by occupation. Raises InputError above 4,096 segments."""
    levers = parameters.campaign.levers
    masks = [members(lever, parameters, people) for lever in levers]
    targets = np.zeros(max(1, len(levers)), np.int64)
    targets[: len(levers)] = [np.count_nonzero(mask) for mask in masks]
    kinds, relief = np.unique(relief_of, return_inverse=True)
    relief = relief[people.occupation]
    waste = np.zeros(people.workers, np.int64)
    by_waste = any(lever.channel and lever.channel.kind == "waste_bank" for lever in levers)
    if by_waste:
        savers = (people.membership & Membership.WASTE_BANK) > 0
        waste[savers] = 1 + _classes(people.waste_yield_rp[savers])
    # a target that holds everybody or nobody parts nobody
    cuts = [(masks[k], 2) for k in reversed(range(len(levers))) if 0 < targets[k] < people.workers]
    of, first = _number([*cuts, (relief, len(kinds)), (waste, WASTE_CLASSES + 1)], people.workers)
    if len(first) > MAX_SEGMENTS:
        raise InputError(
            f"campaign: the targets cut the workers into {len(first)} segments, at most {MAX_SEGMENTS} are possible; "
            "use fewer or coarser targets"
        )
    bits = np.zeros(len(first), np.uint64)
    for k, mask in enumerate(masks):
        bits |= mask[first].astype(np.uint64) << np.uint64(k)
    yields = np.zeros(len(first), np.int64)
    if by_waste:
        yields = np.where(waste[first] > 0, _medians(people.waste_yield_rp, of, len(first)), 0)
    return Segments(of.astype(np.int32), bits, kinds[relief[first]], yields, targets), masks


def _classes(yields: np.ndarray) -> np.ndarray:
    """Sixteen classes of equal size, 0 the lowest yields."""
    order = np.sort(yields)
    edges = order[(np.arange(1, WASTE_CLASSES) * len(order)) // WASTE_CLASSES] if len(order) else np.empty(0)
    return np.searchsorted(edges, yields, side="right")


def _number(cuts: list[tuple[np.ndarray, int]], workers: int) -> tuple[np.ndarray, np.ndarray]:
    """Number workers by the combination of columns they hold (each with its count of values, the first weighing most).

    Returns each worker's number (0, 1, ... without gaps, in order of the columns) and one worker of each number.
    """
    of, count = np.zeros(workers, np.int64), 1
    for column, size in cuts:
        if count * size > 1 << 14:  # close the gaps before the numbers outgrow a small table
            of, count = _close(of, count)
        of, count = of * size + column, count * size
    of, count = _close(of, count)
    first = np.empty(count, np.int64)
    first[of] = np.arange(workers)
    return of, first


def _close(of: np.ndarray, count: int) -> tuple[np.ndarray, int]:
    """The same order of numbers below `count` without gaps, and how many there are."""
    present = np.zeros(count, bool)
    present[of] = True
    return (np.cumsum(present) - 1)[of], int(np.count_nonzero(present))


def _medians(values: np.ndarray, of: np.ndarray, count: int) -> np.ndarray:
    """Upper median of the values (int32) of each number 0 .. count - 1."""
    order = np.sort(of << 32 | values)
    size = np.bincount(of, minlength=count)
    return order[np.cumsum(size) - size + size // 2] & 0xFFFFFFFF
