"""The social network: typed ties in CSR, built from a village's numbers or read from a file.

Bonding ties form a ring of nearest neighbors inside each community with some ends rewired (Watts and Strogatz
1998), bridging ties cross communities through associations and brokers, linking ties lead to leaders. Every tie
stands in both rows; the row of *i* lists whom *i* can hear. Rows are sorted, so digits do not depend on order.
"""

import functools
import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from simulation import plain, rng
from simulation.parameters import InputError, Parameters
from simulation.population import People, frozen
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
    village, ring = parameters.village, _ring(people)
    given = close = None
    if village.ties_file:
        *ties, given, close = read_ties(village.ties_file, people)
        parts = [ties]
    else:
        parts = [(*_bonding(village, people, ring, key), TieKind.BONDING), (*_bridging(village, people, key), TieKind.BRIDGING)]
    own = sum(len(part[0]) for part in parts)
    parts += [(*_linking(village, people, key), TieKind.LINKING), (*_private(village, people, ring, key), TieKind.BONDING)]
    source, target = (np.concatenate([part[end] for part in parts], dtype=np.int32, casting="unsafe") for end in (0, 1))
    kind = np.concatenate([np.broadcast_to(np.uint8(part[2]), len(part[0])) for part in parts])
    del parts  # a big village needs the room
    weight = np.ones(len(source), np.float32)
    if given is not None:
        weight[:own] = given
    indptr, indices, kinds, pair = _loops().rows(source, target, kind, weight, people.size)
    if given is not None:
        return Network(indptr, indices, kinds, weight[pair])
    if close is None:
        gaps = _gaps(people, ring, indptr, indices, kinds)
    else:
        gaps = np.ones(len(source), np.int32)
        gaps[:own] -= close
        gaps = gaps[pair]
    return Network(indptr, indices, kinds, _tie_weights(parameters, people.workers, indptr, indices, kinds, gaps))


def _loops():
    """The kernel where it is loaded, else the same loops in NumPy."""
    return rng.compiled() or plain


class Ring(NamedTuple):
    """Workers in the order of their communities: `order[place]` is a row; `first` place and `size` by community (all int64)."""

    order: np.ndarray
    first: np.ndarray
    size: np.ndarray


def _ring(people: People) -> Ring:
    size = np.bincount(people.community, minlength=people.communities)
    return Ring(np.argsort(people.community, kind="stable"), np.cumsum(size) - size, size)


def _bonding(village, people: People, ring: Ring, key):
    """Pairs inside communities: each worker to the next ones on the ring, far ends rewired to meet `clustering`."""
    degree = village.degree_mean * (1.0 - village.bridging_share)
    half = degree / 2.0
    steps = math.ceil(half)
    rewired = _rewire_prob(village.degree_mean, degree, village.clustering)
    source, target = np.empty((2, steps * people.workers), np.int32)
    found = 0
    for step in range(1, steps + 1):
        u, kept = rng.first(people.workers, 0, step, Purpose.NETWORK, key), half - (step - 1)
        found = _loops().ring_ties(u, ring.order, people.community, ring.first, ring.size, step, kept, rewired, source, target, found)
    return source[:found], target[:found]


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
        return np.empty((2, 0), np.int32)
    share = rng.first(n, 0, 101, Purpose.NETWORK, key)[0]
    edges = np.cumsum(_broker_weights(village.broker_inequality)[(share * rng.KNOTS).astype(np.int64)])
    shift = max(0, (int(edges[-1]) // n).bit_length() - 1)  # about one cell of the guide a worker
    below = np.bincount((edges + (1 << shift) - 1) >> shift, minlength=(int(edges[-1]) >> shift) + 2)
    guide = np.cumsum(below).clip(max=n - 1)  # by cell: the first worker whose edge lies above its begin
    u, more, fine = (rng.first(wanted, 0, block, Purpose.NETWORK, key) for block in (102, 103, 104))
    fine *= rng.SCALE
    members = [np.flatnonzero(people.membership & bit) for bit in (1, 2, 4)]
    first_member = np.cumsum([0, *map(len, members)])
    source, target = np.empty((2, wanted), np.int32)
    found = _loops().bridging_ties(
        u, more, fine, edges, guide, shift, people.membership, np.concatenate(members), first_member, people.community,
        people.communities == 1, source, target,
    )  # fmt: skip
    return source[:found], target[:found]


@functools.lru_cache(maxsize=64)
def _broker_weights(inequality: float) -> np.ndarray:
    """Weight as a broker at each cell of the worker's draw (int64, thousandths)."""
    return frozen(np.array([round(1000.0 * (1.0 - (c + 0.5) / rng.KNOTS) ** (-inequality / 3.0)) for c in range(rng.KNOTS)], np.int64))


def _linking(village, people: People, key):
    """Ties of workers to leaders: to the head of their own community, to every other leader."""
    n = people.workers
    follows = np.flatnonzero(rng.first(n, 0, 110, Purpose.NETWORK, key)[0] < village.linking_share)
    source, target = [follows], [n + 1 + people.community[follows]]
    for leader in np.flatnonzero(people.leader_kind != LeaderKind.COMMUNITY_HEAD).tolist():
        near = np.flatnonzero(rng.first(n, leader + 1, 111, Purpose.NETWORK, key)[0] < village.village_linking_share)
        source.append(near)
        target.append(np.full(len(near), n + leader))
    return np.concatenate(source), np.concatenate(target)


def _private(village, people: People, ring: Ring, key):
    """The private ties of leaders and agent candidates in their own community."""
    home = np.concatenate([people.leader_community, people.agent_community])
    u = [rng.first(len(home), step, 112, Purpose.NETWORK, key)[0] for step in range(int(round(village.degree_mean)))]
    if not u:
        return np.empty((2, 0), np.int32)
    source = ring.order[ring.first[home] + (np.array(u) * ring.size[home]).astype(np.int64)]
    return source.ravel(), np.tile(people.workers + np.arange(len(home)), len(u))


def _gaps(people: People, ring: Ring, indptr, indices, kinds) -> np.ndarray:
    """How many places on the ring lie between the two ends of each bonding tie between workers (int32; others undefined)."""
    place = np.empty(people.workers, np.int64)
    place[ring.order] = np.arange(people.workers)
    gaps = np.empty(len(indices), np.int32)
    _loops().ring_gaps(indptr, indices, kinds, place, people.community, ring.size, gaps)
    return gaps


def _tie_weights(parameters, workers: int, indptr, indices, kinds, gaps) -> np.ndarray:
    """Weight of each directed entry: the ego's closest bonding ties count more, the mean (ties with leaders apart) stays one."""
    marks, best = np.zeros(len(indices), np.uint8), np.empty(parameters.village.close_ties, np.int64)
    far, near = _loops().mark_close(workers, indptr, indices, kinds, gaps, best, marks)
    ratio = parameters.behavior.close_tie_ratio
    other = 1.0 / (1.0 + (ratio - 1.0) * (near / (far + near) if near else 0.0))
    return np.array([1.0, other, ratio * other], np.float32)[marks]


def read_ties(path: str, people: People):
    """Ties from a CSV (source, target[, kind, weight, close]) or GraphML, both by worker `id` (row number without a people file).

    Returns arrays source, target, kind, weight (None when not given), close (None when not given).
    Raises InputError naming file, line and column.
    """
    import pandas as pd

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
    import pandas as pd

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
