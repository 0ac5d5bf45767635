"""Cases that show an answer well: unanimous, typical, few, for the rubric's examples.

Facility location (Mirzasoleiman et al. 2013; Nemhauser et al. 1978 for the greedy bound): choose S
to maximise F(S) = sum over i of max over j in S of s_ij, here with s the cosine, not below zero.
As in `boundary`, exemplars are offered only where texts do predict labels, on both halves.
"""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from campaigns.drafting.evidence import (
    MIN_CASES,
    MIN_RATERS,
    Embeddings,
    EvidenceSet,
    Mask,
    family_codes,
    snapshot_hash,
)
from campaigns.drafting.findings import Pattern, Significance, Tested
from campaigns.drafting.neighbours import neighbour_pairs, unit_rows
from campaigns.drafting.significance import Ints, fewer_discordant
from campaigns.drafting.terms import distinguishing_terms

MAX_EXEMPLARS = 6
NEIGHBOURS = 5
MIN_PAIRS_IN_HALF = 8
MAX_POOL = 2000


def exemplar_tests(
    evidence: EvidenceSet, embeddings: Embeddings, *, in_a: Mask, seed: int
) -> Iterator[Tested]:
    """One hypothesis: among unanimous cases of different families, like texts have like answers."""
    answers = [unanimous_answer(evidence, i) for i in range(len(evidence.sheets))]
    kept = np.array([i for i, answer in enumerate(answers) if answer is not None], dtype=np.intp)
    names = sorted({answer for answer in answers if answer is not None})
    if len(kept) < MIN_CASES or len(names) < 2:
        return
    codes = np.array([names.index(answers[i] or "") for i in kept], dtype=np.intp)
    unit, families = unit_rows(embeddings)[kept], family_codes(evidence)[kept]
    rng = np.random.default_rng([seed, 2])
    halves: list[float] = []
    for half in (in_a[kept], ~in_a[kept]):
        pairs, _ = neighbour_pairs(unit[half], families[half], k=NEIGHBOURS)
        if len(pairs) < MIN_PAIRS_IN_HALF:
            return
        halves.append(fewer_discordant(codes[half], pairs, rng=rng, blocks=families[half]))
    yield Tested(
        p_mined=halves[0],
        p_verified=halves[1],
        build=lambda found: (_pattern(evidence, kept, codes, names, unit, found),),
    )


def unanimous_answer(evidence: EvidenceSet, position: int) -> str | None:
    """What two or more raters all said, with no can't-tell and no other settled answer."""
    sheet = evidence.sheets[position]
    answers = evidence.answers(sheet)
    if len(answers) < MIN_RATERS or len(answers) != len(sheet.verdicts):
        return None
    if len(set(answers)) > 1 or sheet.settled not in (None, answers[0]):
        return None
    return answers[0]


def facility_location(unit: Embeddings, *, size: int) -> tuple[int, ...]:
    """Greedy choice of `size` rows that together are near to all rows. unit (n, d)."""
    similarity = np.maximum(unit @ unit.T, 0.0)
    covered = np.zeros(len(unit))
    chosen: list[int] = []
    for _ in range(min(size, len(unit))):
        gains = np.maximum(similarity, covered[:, None]).sum(axis=0) - covered.sum()
        gains[chosen] = -np.inf
        best = int(np.argmax(np.round(gains, 9)))
        chosen.append(best)
        covered = np.maximum(covered, similarity[:, best])
    return tuple(chosen)


def _pattern(
    evidence: EvidenceSet,
    kept: Ints,
    codes: Ints,
    names: list[str],
    unit: Embeddings,
    found: Significance,
) -> Pattern:
    counts = Counter(codes.tolist())
    shown = sorted(code for code, _ in counts.most_common(MAX_EXEMPLARS))
    each = MAX_EXEMPLARS // len(shown)
    cited: list[tuple[str, str]] = []
    for code in shown:
        pool = np.flatnonzero(codes == code)
        # Similarity is n x n: an even stride keeps it small and favours no case.
        pool = pool[:: max(1, -(-len(pool) // MAX_POOL))]
        for row in facility_location(unit[pool], size=each):
            cited.append((evidence.sheets[kept[pool[row]]].case_key, names[code]))
    counted = ", ".join(f"{counts[code]} {names[code]}" for code in shown)
    return Pattern(
        kind="exemplars",
        criterion=evidence.criterion,
        title=f"{len(cited)} typical cases of {len(kept)} unanimous ones ({counted})",
        case_keys=tuple(key for key, _ in cited),
        roles=tuple(role for _, role in cited),
        terms=_terms(evidence, kept, codes, shown),
        numbers={
            "unanimous": float(len(kept)),
            **{f"unanimous:{names[code]}": float(counts[code]) for code in shown},
            "p_verified": found.p_verified,
        },
        p_value=found.p_value,
        q_value=found.q_value,
        snapshot_hash=snapshot_hash(evidence),
    )


def _terms(evidence: EvidenceSet, kept: Ints, codes: Ints, shown: list[int]) -> tuple[str, ...]:
    """Terms of the rarest answer shown against all others: the one that a lead has to describe."""
    rare = min(shown, key=lambda code: int((codes == code).sum()))
    texts = [evidence.sheets[i].text for i in kept]
    return distinguishing_terms(
        [text for text, code in zip(texts, codes, strict=True) if code == rare],
        [text for text, code in zip(texts, codes, strict=True) if code != rare],
    )
