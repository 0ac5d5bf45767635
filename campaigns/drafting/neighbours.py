"""Which cases read alike: nearest neighbours and communities, for the miners.

Sources: Blondel et al. 2008 (Louvain); Hennig 2007, CSDA 52:258 (cluster-wise stability by
resampling: a cluster is found again where the best Jaccard similarity is at least one half).
"""

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from campaigns.drafting.evidence import Embeddings, Mask
from campaigns.drafting.significance import Ints

CHUNK = 512
FOUND_AGAIN = 0.5


def unit_rows(embeddings: Embeddings) -> Embeddings:
    """Rows of length one; a row of zeros stays zero. Shape (n, d)."""
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    return embeddings / np.where(lengths > 0, lengths, 1.0)


def neighbour_pairs(
    unit: Embeddings, families: Ints, *, k: int, within: bool = False
) -> tuple[Ints, NDArray[np.float64]]:
    """Pairs (e, 2) of each case with its k nearest, each pair once, and their cosine (e,).

    Neighbours come from other families; with `within`, from the case's own family only.
    """
    n = len(unit)
    found: dict[tuple[int, int], float] = {}
    if n < 2:
        return np.empty((0, 2), dtype=np.intp), np.empty(0)
    keep = min(k, n - 1)
    for start in range(0, n, CHUNK):
        rows = np.arange(start, min(start + CHUNK, n))
        cosine = unit[rows] @ unit.T
        same = families[rows][:, None] == families[None, :]
        cosine[~same if within else same] = -np.inf
        cosine[np.arange(len(rows)), rows] = -np.inf
        # Stable sort of a rounded value: ties fall to the lower index on every machine.
        nearest = np.argsort(-np.round(cosine, 9), axis=1, kind="stable")[:, :keep]
        for position, row in enumerate(rows):
            for other in nearest[position]:
                value = float(cosine[position, other])
                if np.isfinite(value):
                    found[(min(int(row), int(other)), max(int(row), int(other)))] = value
    pairs = sorted(found)
    return (
        np.array(pairs, dtype=np.intp).reshape(-1, 2),
        np.array([found[pair] for pair in pairs], dtype=np.float64),
    )


def communities(
    unit: Embeddings, families: Ints, *, resolution: float, seed: int
) -> tuple[frozenset[int], ...]:
    """Louvain communities of the graph of nearest neighbours in other families, largest first.

    Neighbours of the own family are left out: else every seed with its variants is a cluster of
    its own and nothing is learnt about topics.
    """
    k = int(min(10, max(3, np.sqrt(len(unit)) / 1.5)))
    pairs, cosine = neighbour_pairs(unit, families, k=k)
    graph: nx.Graph[int] = nx.Graph()
    graph.add_nodes_from(range(len(unit)))
    for (left, right), weight in zip(pairs.tolist(), cosine.tolist(), strict=True):
        if weight > 0:
            graph.add_edge(left, right, weight=weight)
    found = nx.community.louvain_communities(graph, resolution=resolution, seed=seed)
    return tuple(sorted((frozenset(members) for members in found), key=lambda c: (-len(c), min(c))))


def stability(
    inside: Mask,
    unit: Embeddings,
    families: Ints,
    *,
    resolution: float,
    rng: np.random.Generator,
    draws: int = 10,
) -> float:
    """The share of bootstrap re-clusterings in which the cluster is found again."""
    n, again = len(unit), 0
    for _ in range(draws):
        sample = np.unique(rng.integers(0, n, size=n))
        members = set(np.flatnonzero(inside[sample]).tolist())
        clusters = communities(
            unit[sample],
            families[sample],
            resolution=resolution,
            seed=int(rng.integers(2**31)),
        )
        best = max(len(members & c) / len(members | c) for c in clusters)
        again += best >= FOUND_AGAIN
    return again / draws
