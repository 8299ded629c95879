"""The loops that tie a village, in NumPy: same names, arguments and digits as those at the end of kernel.py, at a tenth of the speed.

For commands that show a village and run nothing (`sadar check`, `sadar show`): loading the kernel would take them
longer than building. `network` takes the kernel's wherever it is loaded (`rng.compiled`).
"""

import numpy as np

from simulation.stages import TieKind


def ring_ties(u, order, community, first, size, step, kept, rewired, source, target, found):
    """See `kernel.ring_ties`."""
    begin, around, place = first[community[order]], size[community[order]], np.arange(len(order))
    u = u[:, order]
    end = np.where(u[0] < rewired, begin + (u[1] * around).astype(np.int64), begin + (place - begin + step) % around)
    ties = np.flatnonzero((around > step) & (u[2] < kept) & (end != place))
    source[found : found + len(ties)], target[found : found + len(ties)] = order[ties], order[end[ties]]
    return found + len(ties)


def bridging_ties(u, more, fine, edges, guide, shift, membership, members, first_member, community, one_place, source, target):
    """See `kernel.bridging_ties`; the guide is not needed."""

    def broker(share):
        return np.searchsorted(edges, (share * edges[-1]).astype(np.int64), side="right").clip(0, len(edges) - 1)

    def apart(other):
        return (other != one) & (one_place | (community[other] != community[one]))

    one = broker(u[0] + fine[0])
    fellow = one
    for k in range(3):
        mine = members[first_member[k] : first_member[k + 1]]
        if len(mine):
            takes = (fellow == one) & (membership[one] >> k & 1 > 0)
            fellow = np.where(takes, mine[(u[2] * len(mine)).astype(np.int64)], fellow)
    other = np.where(u[1] < 0.5, fellow, broker(u[3] + fine[1]))
    for k in range(4):
        other = np.where(apart(other), other, broker(more[k] + fine[(k + 2) % 4]))
    ties = np.flatnonzero(apart(other))
    source[: len(ties)], target[: len(ties)] = one[ties], other[ties]
    return len(ties)


def rows(source, target, kind, weight, size):
    """See `kernel.rows`."""
    one, other = np.concatenate([source, target]), np.concatenate([target, source])
    pair = np.tile(np.arange(len(source), dtype=np.int32), 2)
    order = np.lexsort((-weight[pair], kind[pair], other, one))
    one, other, pair = one[order], other[order], pair[order]
    fresh = np.ones(len(pair), bool)
    fresh[1:] = (one[1:] != one[:-1]) | (other[1:] != other[:-1])
    indptr = np.zeros(size + 1, np.int64)
    np.cumsum(np.bincount(one[fresh], minlength=size), out=indptr[1:])
    pair = pair[fresh]
    return indptr, other[fresh], kind[pair], pair


def ring_gaps(start, indices, kinds, place, community, size, gaps):
    """See `kernel.ring_gaps`."""
    row = np.repeat(np.arange(len(start) - 1), np.diff(start))
    k = np.flatnonzero((row < len(place)) & (indices < len(place)) & (kinds == TieKind.BONDING))
    gap = np.abs(place[row[k]] - place[indices[k]])
    gaps[k] = np.minimum(gap, size[community[row[k]]] - gap)


def mark_close(workers, start, indices, kinds, gaps, best, marks):
    """See `kernel.mark_close`; of `best` only the length counts."""
    row = np.repeat(np.arange(len(start) - 1), np.diff(start))
    among = (row < workers) & (indices < workers)
    marks[among] = 1
    k = np.flatnonzero(among & (kinds == TieKind.BONDING))
    k = k[np.lexsort((indices[k], gaps[k], row[k]))]
    rank = np.arange(len(k)) - np.searchsorted(row[k], row[k])
    marks[k[rank < len(best)]] = 2
    return int(np.count_nonzero(marks == 1)), int(np.count_nonzero(marks == 2))
