"""Patterns worth a lead's minutes, mined from blind labels without a language model.

For the evidence inbox. Every hypothesis of a refresh is tested on half A (families are never cut),
all p values share one Benjamini-Hochberg correction, and what passes must hold again on half B. No
text is invented: a title holds counts, answers and terms. "Nothing today" is a normal answer and
comes with its reason.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from annotations.measurement.false_discovery import benjamini_hochberg
from campaigns.drafting.boundary import boundary_tests
from campaigns.drafting.evidence import (
    Embeddings,
    EvidenceSet,
    half_a,
    in_order,
    shortage,
)
from campaigns.drafting.exemplars import exemplar_tests
from campaigns.drafting.findings import ENGINE, Pattern, Significance, Tested
from campaigns.drafting.uncovered import uncovered_tests

__all__ = ["ENGINE", "MiningReport", "Pattern", "mine", "mine_together"]

Q_LIMIT = 0.10
VERIFY_P = 0.05
MAX_OVERLAP = 0.30


@dataclass(frozen=True)
class MiningReport:
    """What a refresh tested and kept. `reason` says why there is nothing, and is "" otherwise."""

    tested: int
    q: float
    patterns: tuple[Pattern, ...]
    reason: str = ""


def mine(evidence: EvidenceSet, embeddings: Embeddings, *, seed: int) -> MiningReport:
    """The patterns of one criterion; row i of `embeddings` (n, d) is sheet i."""
    return mine_together([(evidence, embeddings)], seed=seed)


def mine_together(packets: Sequence[tuple[EvidenceSet, Embeddings]], *, seed: int) -> MiningReport:
    """The patterns of several criteria under one correction: use this for a whole refresh."""
    for evidence, embeddings in packets:
        _check_shape(evidence, embeddings)
    rich = [packet for packet in packets if shortage(packet[0]) is None]
    if not rich:
        return MiningReport(0, Q_LIMIT, (), _all_short(packets))
    tests = [test for packet in rich for test in _tests(*packet, seed=seed)]
    if not tests:
        reason = "No group of cases is large enough, or all labels are alike: nothing to test."
        return MiningReport(0, Q_LIMIT, (), reason)
    q_values = benjamini_hochberg([test.p_mined for test in tests])
    passed = [(q, test) for q, test in zip(q_values, tests, strict=True) if q <= Q_LIMIT]
    verified = [(q, test) for q, test in passed if test.p_verified <= VERIFY_P]
    patterns = tuple(_build(verified))
    reason = "" if patterns else _nothing(len(tests), len(passed), len(verified))
    return MiningReport(len(tests), Q_LIMIT, patterns, reason)


def _check_shape(evidence: EvidenceSet, embeddings: Embeddings) -> None:
    expected = len(evidence.sheets)
    if not expected:
        return  # nothing has no shape, and `shortage` says so
    if embeddings.ndim != 2 or len(embeddings) != expected:
        raise ValueError(
            f"{evidence.criterion!r} has {expected} sheets and embeddings of shape "
            f"{embeddings.shape}: pass one row a sheet."
        )
    if not np.isfinite(embeddings).all():
        raise ValueError(f"{evidence.criterion!r} has embeddings that are not finite numbers.")


def _tests(evidence: EvidenceSet, embeddings: Embeddings, *, seed: int) -> Iterator[Tested]:
    evidence, embeddings = in_order(evidence, np.asarray(embeddings, dtype=np.float64))
    in_a = half_a(evidence, seed=seed)
    yield from uncovered_tests(evidence, embeddings, in_a=in_a, seed=seed)
    yield from boundary_tests(evidence, embeddings, in_a=in_a, seed=seed)
    yield from exemplar_tests(evidence, embeddings, in_a=in_a, seed=seed)


def _build(verified: list[tuple[float, Tested]]) -> Iterator[Pattern]:
    """Strongest first; a region that a stronger one mostly covers is not told twice."""
    shown: list[frozenset[tuple[str, str]]] = []
    for q, test in sorted(verified, key=lambda pair: (pair[0], pair[1].p_mined)):
        if any(_overlap(test.region, other) > MAX_OVERLAP for other in shown):
            continue
        patterns = test.build(Significance(test.p_mined, q, test.p_verified))
        if patterns and test.region:
            shown.append(test.region)
        yield from patterns


def _overlap(one: frozenset[tuple[str, str]], other: frozenset[tuple[str, str]]) -> float:
    """The share of the smaller region that lies in the other."""
    smaller = min(len(one), len(other))
    return len(one & other) / smaller if smaller else 0.0


def _all_short(packets: Sequence[tuple[EvidenceSet, Embeddings]]) -> str:
    if not packets:
        return "No criterion has blind labels yet."
    reasons = [(evidence.criterion, shortage(evidence)) for evidence, _ in packets]
    return " ".join(f"{criterion}: {reason}" for criterion, reason in reasons)


def _nothing(tested: int, passed: int, verified: int) -> str:
    if not passed:
        return f"{tested} patterns tested, none passes q <= {Q_LIMIT:.2f}."
    if not verified:
        return f"{tested} patterns tested, {passed} passed on half A, none held again on half B."
    return (
        f"{tested} patterns tested, {verified} held on both halves, but too weak, one rater's "
        "alone, or gone when the cases were clustered again."
    )
