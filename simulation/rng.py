"""Philox 4x32-10 on NumPy arrays, for everything that is drawn before the first week.

Counter = (id, week, block, purpose), key = (seed, replicate); the four output words are the lanes
(Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", SC11; Random123).
`kernel.philox` is the same generator compiled; a test holds both against the published vectors.
A uniform is (word + 1/2) / 2**32: never 0, never 1, exact in float64. Normal deviates are read from a table
by interpolation, so that only + - x / touch the state and digits agree on every machine.
"""

import sys
from statistics import NormalDist

import numpy as np

M0, M1 = 0xD2511F53, 0xCD9E8D57
W0, W1 = 0x9E3779B9, 0xBB67AE85
MASK = 0xFFFFFFFF
SCALE = 2.0**-32

#: knots of the normal quantile table: probability k / KNOTS, the two ends moved in by half a cell
KNOTS = 1024


def normal_table() -> np.ndarray:
    """Quantiles of the standard normal at 0, 1/KNOTS, ..., 1 (float64, KNOTS + 1), rounded to nine decimals
    so that the last bits of a machine's logarithm cannot show."""
    inverse = NormalDist().inv_cdf
    ends = (0.25 / KNOTS, 1.0 - 0.25 / KNOTS)
    return np.array([round(inverse(min(max(k / KNOTS, ends[0]), ends[1])), 9) for k in range(KNOTS + 1)])


NORMAL = normal_table()


def philox(ids, week: int, block: int, purpose: int, key: tuple[int, int]) -> np.ndarray:
    """Four 32-bit words for every id: array of shape (4, n), dtype uint64 holding values below 2**32."""
    ids = np.atleast_1d(np.asarray(ids, np.uint64))
    c0 = ids & np.uint64(MASK)
    c1, c2, c3 = (np.full(ids.shape, int(x) & MASK, np.uint64) for x in (week, block, purpose))
    k0, k1 = int(key[0]) & MASK, int(key[1]) & MASK
    m0, m1, mask, shift = np.uint64(M0), np.uint64(M1), np.uint64(MASK), np.uint64(32)
    for _ in range(10):
        p0, p1 = c0 * m0, c2 * m1
        c0, c1, c2, c3 = (p1 >> shift) ^ c1 ^ np.uint64(k0), p1 & mask, (p0 >> shift) ^ c3 ^ np.uint64(k1), p0 & mask
        k0, k1 = (k0 + W0) & MASK, (k1 + W1) & MASK
    return np.stack([c0, c1, c2, c3])


def uniforms(ids, week: int, block: int, purpose: int, key: tuple[int, int]) -> np.ndarray:
    """Four uniforms in (0, 1) for every id: array of shape (4, n), float64."""
    return (philox(ids, week, block, purpose, key).astype(np.float64) + 0.5) * SCALE


def compiled():
    """The module `kernel` where it is loaded, else None. It does in a moment what NumPy does more slowly, with the same digits;
    but to load it takes half a second, which commands that run nothing need not pay."""
    return sys.modules.get("simulation.kernel")


def first(count: int, week: int, block: int, purpose: int, key: tuple[int, int]) -> np.ndarray:
    """`uniforms` of ids 0 .. count - 1: array of shape (4, count), float64."""
    kernel = compiled()
    if kernel is None:
        return uniforms(np.arange(count), week, block, purpose, key)
    out = np.empty((4, count))
    kernel.fill_uniforms(out, *[np.uint64(int(x) & MASK) for x in (week, block, purpose, *key)])
    return out


def normal(uniform: np.ndarray) -> np.ndarray:
    """Standard normal deviates by linear interpolation in the quantile table (largest |z| about 3.5)."""
    place = np.asarray(uniform, np.float64) * KNOTS
    cell = place.astype(np.int64)
    left = NORMAL[cell]
    return left + (place - cell) * (NORMAL[cell + 1] - left)
