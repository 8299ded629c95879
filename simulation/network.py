"""The social network: typed ties in CSR, built from a village's numbers or read from a file.

Bonding ties form a ring of nearest neighbors inside each community with some ends rewired (Watts and Strogatz
1998), bridging ties cross communities through associations and brokers, linking ties lead to leaders. Every tie
stands in both rows; the row of *i* lists whom *i* can hear. Rows are sorted, so digits do not depend on order.
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from simulation import rng
from simulation.parameters import InputError, Parameters
from simulation.population import People
from simulation.stages import LeaderKind, Purpose, TieKind


@dataclass
class Network:
    """CSR over all people: `indices[indptr[i]:indptr[i + 1]]` are i's ties, with `kind` and `weight` alongside.

    indptr int64 (people + 1), indices int32, kind uint8 (TieKind), weight float32 (mean 1 over bonding and bridging).
    """

    indptr: np.ndarray
    indices: np.ndarray
    kind: np.ndarray
    weight: np.ndarray

    def ties(self, row: int) -> np.ndarray:
        return self.indices[self.indptr[row] : self.indptr[row + 1]]


def synthesize(parameters: Parameters, people: People, key: tuple[int, int]) -> Network:
    """Build the village's network (or read `village.ties_file`); raises InputError for an unusable file."""
    village = parameters.village
    if village.ties_file:
        source, target, kind, weight, close = read_ties(village.ties_file, people)
    else:
        a = _bonding(village, people, key)
        b = _bridging(village, people, key)
        source, target = np.concatenate([a[0], b[0]]), np.concatenate([a[1], b[1]])
        kind = np.repeat(np.array([TieKind.BONDING, TieKind.BRIDGING], np.uint8), [len(a[0]), len(b[0])])
        weight, close = None, None
    links = _linking(village, people, key)
    if weight is None:
        source, target, kind, weight = _both_ways(source, target, kind, people.size)
        weight = _tie_weights(parameters, people, source, target, kind, weight, close)
    else:
        source, target, kind, weight = _both_ways(source, target, kind, people.size, weight)
    linking = _both_ways(*links, people.size)
    source, target = np.concatenate([source, linking[0]]), np.concatenate([target, linking[1]])
    kind = np.concatenate([kind, linking[2]])
    weight = np.concatenate([weight, np.ones(len(linking[0]), np.float32)])
    return _csr(source, target, kind, weight, people.size)


def _ring(people: People):
    """Workers sorted by community; for each, its community's first place and size in that order."""
    order = np.argsort(people.community, kind="stable")
    community = people.community[order]
    size = np.bincount(community, minlength=people.communities)
    first = np.concatenate([[0], np.cumsum(size)[:-1]])
    return order, first[community], size[community]


def _bonding(village, people: People, key):
    """Pairs inside communities: each worker to the next ones on the ring, far ends rewired to meet `clustering`."""
    n = people.workers
    degree = village.degree_mean * (1.0 - village.bridging_share)
    half = degree / 2.0
    steps = math.ceil(half)
    order, first, size = _ring(people)
    place = np.arange(n)
    rewire = _rewire_prob(village.degree_mean, degree, village.clustering)
    sources, targets = [], []
    for step in range(1, steps + 1):
        u = rng.uniforms(order, 0, step, Purpose.NETWORK, key)
        near = first + (place - first + step) % size
        far = first + (u[1] * size).astype(np.int64)
        keep = (u[2] < half - (step - 1)) & (size > step)
        end = np.where(u[0] < rewire, far, near)
        keep &= end != place
        sources.append(order[place[keep]])
        targets.append(order[end[keep]])
    if not sources:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    return np.concatenate(sources), np.concatenate(targets)


def _rewire_prob(degree: float, bonding: float, clustering: float) -> float:
    """Rewiring that brings the ring lattice's clustering, diluted by bridging ties, down to the target."""
    if bonding <= 2.0 or degree <= 1.0:
        return 0.0
    lattice = 0.75 * (bonding - 2.0) / (bonding - 1.0) * (bonding * (bonding - 1.0)) / (degree * (degree - 1.0))
    return 1.0 - min(1.0, clustering / lattice) ** (1.0 / 3.0)


def _bridging(village, people: People, key):
    """Pairs across communities: one end a broker, the other a fellow member of an association or a broker."""
    n = people.workers
    wanted = int(round(n * village.degree_mean * village.bridging_share / 2.0))
    if wanted == 0 or n < 2:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    u = rng.uniforms(np.arange(n), 0, 101, Purpose.NETWORK, key)
    tail = np.array(
        [round(1000.0 * (1.0 - (c + 0.5) / rng.KNOTS) ** (-village.broker_inequality / 3.0)) for c in range(rng.KNOTS)], np.int64
    )
    edges = np.cumsum(tail[(u[0] * rng.KNOTS).astype(np.int64)])
    ids = np.arange(wanted)
    d, e = (rng.uniforms(ids, 0, block, Purpose.NETWORK, key) for block in (102, 103))
    fine = rng.uniforms(ids, 0, 104, Purpose.NETWORK, key) * rng.SCALE

    def broker(coarse, small):
        return np.searchsorted(edges, ((coarse + small) * edges[-1]).astype(np.int64), side="right").clip(0, n - 1)

    source = broker(d[0], fine[0])
    fellow = source.copy()
    for bit in (1, 2, 4):
        members = np.flatnonzero(people.membership & bit)
        if len(members):
            takes = ((people.membership[source] & bit) > 0) & (d[1] < 0.5) & (fellow == source)
            fellow = np.where(takes, members[(d[2] * len(members)).astype(np.int64)], fellow)
    tries = [
        np.where(d[1] < 0.5, fellow, broker(d[3], fine[1])),
        broker(e[0], fine[2]),
        broker(e[1], fine[3]),
        broker(e[2], fine[0]),
        broker(e[3], fine[1]),
    ]
    target = tries[0]
    one_place = people.communities == 1
    for other in tries[1:]:
        bad = (target == source) | ((people.community[target] == people.community[source]) & (not one_place))
        target = np.where(bad, other, target)
    keep = (target != source) & (one_place | (people.community[target] != people.community[source]))
    return source[keep], target[keep]


def _linking(village, people: People, key):
    """Ties to leaders (linking), and the private ties of leaders and agent candidates in their own community."""
    n, leaders = people.workers, len(people.leader_kind)
    order, _, _ = _ring(people)
    size = np.bincount(people.community, minlength=people.communities)
    first = np.concatenate([[0], np.cumsum(size)[:-1]])
    u = rng.uniforms(np.arange(n), 0, 110, Purpose.NETWORK, key)
    follows = np.flatnonzero(u[0] < village.linking_share)
    source, target = [follows], [n + 1 + people.community[follows].astype(np.int64)]
    wide = [i for i in range(leaders) if people.leader_kind[i] != LeaderKind.COMMUNITY_HEAD]
    for i in wide:
        near = np.flatnonzero(rng.uniforms(np.arange(n), i + 1, 111, Purpose.NETWORK, key)[0] < village.village_linking_share)
        source.append(near)
        target.append(np.full(len(near), n + i, np.int64))
    kinds = [np.full(sum(map(len, source)), TieKind.LINKING, np.uint8)]
    others = people.size - n
    home = np.concatenate([people.leader_community, people.agent_community]).astype(np.int64)
    count = int(round(village.degree_mean))
    for step in range(count if others else 0):
        u = rng.uniforms(np.arange(others), step, 112, Purpose.NETWORK, key)[0]
        source.append(order[first[home] + (u * size[home]).astype(np.int64)])
        target.append(n + np.arange(others))
        kinds.append(np.full(others, TieKind.BONDING, np.uint8))
    return np.concatenate(source), np.concatenate(target), np.concatenate(kinds)


def _both_ways(source, target, kind, size: int, weight=None):
    """Directed entries for both ends, each pair once (the lowest kind, then the largest weight, is kept)."""
    low, high = np.minimum(source, target).astype(np.int64), np.maximum(source, target).astype(np.int64)
    weight = np.ones(len(low), np.float32) if weight is None else weight
    order = np.lexsort((-weight, kind, low * size + high))
    low, high, kind, weight = low[order], high[order], kind[order], weight[order]
    keep = np.ones(len(low), bool)
    keep[1:] = (low[1:] != low[:-1]) | (high[1:] != high[:-1])
    low, high, kind, weight = low[keep], high[keep], kind[keep], weight[keep]
    return np.concatenate([low, high]), np.concatenate([high, low]), np.concatenate([kind, kind]), np.concatenate([weight, weight])


def _tie_weights(parameters, people, source, target, kind, weight, close):
    """Weight of each directed entry: the ego's closest bonding ties count more, the mean stays one."""
    bonding = kind == TieKind.BONDING
    if close is None:
        order, first, size = _ring(people)
        place = np.empty(people.workers, np.int64)
        place[order] = np.arange(people.workers)
        ring = np.empty(people.workers, np.int64)
        ring[order] = size
        gap = np.abs(place[source] - place[target])
        gap = np.minimum(gap, ring[source] - gap)
    else:
        gap = np.where(np.concatenate([close, close]), 0, 1)
    sort = np.lexsort((target, gap, ~bonding, source))
    rank = np.empty(len(source), np.int64)
    starts = np.searchsorted(source[sort], np.arange(people.workers))
    rank[sort] = np.arange(len(source)) - starts[source[sort]]
    near = bonding & (rank < parameters.village.close_ties)
    ratio = parameters.behavior.close_tie_ratio
    other = 1.0 / (1.0 + (ratio - 1.0) * (near.mean() if len(near) else 0.0))
    return np.where(near, ratio * other, other).astype(np.float32)


def _csr(source, target, kind, weight, size: int) -> Network:
    order = np.argsort(source * size + target, kind="stable")
    indptr = np.zeros(size + 1, np.int64)
    np.cumsum(np.bincount(source, minlength=size), out=indptr[1:])
    return Network(indptr, target[order].astype(np.int32), kind[order].astype(np.uint8), weight[order].astype(np.float32))


def read_ties(path: str, people: People):
    """Ties from a CSV (source, target[, kind, weight, close]) or GraphML, both by worker `id` (row number without a people file).

    Returns arrays source, target, kind, weight (None when not given), close (None when not given).
    Raises InputError naming file, line and column.
    """
    if path.lower().endswith(".graphml"):
        import networkx as nx

        try:
            table = nx.to_pandas_edgelist(nx.read_graphml(path)).astype(str)
        except Exception as problem:
            raise InputError(f"{path}: cannot be read as GraphML ({problem})") from None
    else:
        try:
            table = pd.read_csv(path, dtype=str, keep_default_na=False)
        except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as problem:
            raise InputError(f"{path}: cannot be read as CSV ({problem})") from None
    unknown = [c for c in table.columns if c not in ("source", "target", "kind", "weight", "close")]
    if unknown or "source" not in table or "target" not in table:
        wrong = f"unknown column {unknown[0]!r}" if unknown else "columns 'source' and 'target' are needed"
        raise InputError(f"{path}: {wrong}; allowed: source, target, kind, weight, close")
    rows = {str(name): row for row, name in enumerate(people.ids if people.ids is not None else range(people.workers))}
    ends = []
    for name in ("source", "target"):
        place = table[name].str.strip().map(rows)
        if place.isna().any():
            row = int(np.flatnonzero(place.isna())[0])
            raise InputError(f"{path}, line {row + 2}, column {name}: no worker has the id {table[name].iloc[row]!r}")
        ends.append(place.to_numpy().astype(np.int64))
    same = np.flatnonzero(ends[0] == ends[1])
    if len(same):
        raise InputError(f"{path}, line {int(same[0]) + 2}: worker {table['source'].iloc[int(same[0])]!r} is tied to himself")
    kind = _tie_kinds(path, table, ends, people)
    weight = _tie_numbers(path, table, "weight", 0.0, 100.0)
    close = _tie_numbers(path, table, "close", 0.0, 1.0)
    return ends[0], ends[1], kind, weight, None if close is None else close > 0


def _tie_kinds(path, table, ends, people):
    if "kind" not in table:
        same = people.community[ends[0]] == people.community[ends[1]]
        return np.where(same, TieKind.BONDING, TieKind.BRIDGING).astype(np.uint8)
    code = table["kind"].str.strip().map({"bonding": 0, "bridging": 1, "linking": 2})
    if code.isna().any():
        row = int(np.flatnonzero(code.isna())[0])
        raise InputError(
            f"{path}, line {row + 2}, column kind: {table['kind'].iloc[row]!r} is not allowed; allowed: bonding, bridging, linking"
        )
    return code.to_numpy().astype(np.uint8)


def _tie_numbers(path, table, name: str, low: float, high: float):
    if name not in table:
        return None
    values = pd.to_numeric(table[name], errors="coerce")
    bad = ~((values >= low) & (values <= high))
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise InputError(f"{path}, line {row + 2}, column {name}: {table[name].iloc[row]!r} is not a number from {low:g} to {high:g}")
    return values.to_numpy(np.float32)


def statistics(network: Network, people: People, sample: int = 2000) -> dict[str, float]:
    """Degree, clustering (over at most `sample` workers), bridging share and degree spread of the workers' ties."""
    n = people.workers
    social = network.kind != TieKind.LINKING
    rows = np.repeat(np.arange(people.size), np.diff(network.indptr))
    inside = social & (rows < n) & (network.indices < n)
    degree = np.bincount(rows[inside], minlength=n)[:n]
    keep = np.zeros(len(rows), bool)
    keep[inside] = True
    neighbors = [set(network.ties(i)[keep[network.indptr[i] : network.indptr[i + 1]]].tolist()) for i in range(n)]
    closed = pairs = 0
    for i in range(0, n, max(1, n // sample)):
        ties = list(neighbors[i])
        pairs += len(ties) * (len(ties) - 1) // 2
        closed += sum(len(neighbors[a] & neighbors[i]) for a in ties) // 2
    bridging = (network.kind == TieKind.BRIDGING) & inside
    return {
        "degree_mean": float(degree.mean()),
        "degree_sd": float(degree.std()),
        "clustering": closed / pairs if pairs else 0.0,
        "bridging_share": float(bridging.sum() / max(1, inside.sum())),
    }
