"""Pairs that read alike and were judged apart, with a word diff, for the lead's boundary rules.

Such a pair says something only where reading alike does go with being judged alike: on shuffled
labels any two neighbours differ. So the pairs are shown only after a permutation test found fewer
unlike neighbours than chance leaves, on half A and again on half B.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np

from campaigns.drafting.evidence import (
    MIN_CASES,
    MIN_RATERS,
    Embeddings,
    EvidenceSet,
    Mask,
    Sheet,
    family_codes,
    snapshot_hash,
)
from campaigns.drafting.findings import Diff, Pattern, Significance, Tested
from campaigns.drafting.neighbours import neighbour_pairs, unit_rows
from campaigns.drafting.significance import Ints, fewer_discordant

SPLIT = "raters differ"
NEIGHBOURS = 3
MAX_PAIRS = 5
MIN_PAIRS_IN_HALF = 8
MAX_WORDS = 2000
TOKEN = re.compile(r"\s+|\w+|[^\w\s]")


@dataclass(frozen=True)
class Judged:
    """The cases that have a label worth comparing: all arrays of shape (m,) or (m, d)."""

    evidence: EvidenceSet
    sheets: tuple[Sheet, ...]
    labels: tuple[str, ...]
    codes: Ints
    unit: Embeddings
    families: Ints
    in_a: Mask


def boundary_tests(
    evidence: EvidenceSet, embeddings: Embeddings, *, in_a: Mask, seed: int
) -> Iterator[Tested]:
    """Two hypotheses: neighbours of one family, and neighbours of different families."""
    judged = _judged(evidence, embeddings, in_a)
    if len(judged.sheets) < MIN_CASES or len(set(judged.labels)) < 2:
        return
    for within in (True, False):
        rng = np.random.default_rng([seed, int(within)])
        halves = [_half_p(judged, half, within, rng) for half in (judged.in_a, ~judged.in_a)]
        mined, verified = halves
        if mined is not None and verified is not None:
            yield _tested(judged, within, mined, verified)


def _tested(judged: Judged, within: bool, mined: float, verified: float) -> Tested:
    return Tested(
        p_mined=mined,
        p_verified=verified,
        build=lambda found: _build(judged, within, found),
    )


def label_of(evidence: EvidenceSet, sheet: Sheet) -> str | None:
    """The settled answer, else what all raters said, else that they differ; None if one rater."""
    if sheet.settled is not None:
        no_verdict = evidence.unsure | evidence.not_applicable
        return None if sheet.settled in no_verdict else sheet.settled
    answers = evidence.answers(sheet)
    if len(answers) < MIN_RATERS:
        return None
    return answers[0] if len(set(answers)) == 1 else SPLIT


def word_diff(before: str, after: str) -> Diff:
    """The two texts as (op, text): equal, delete, insert; "cut" where a text is too long to go on.

    The "equal" and "delete" texts join to `before`, "equal" and "insert" to `after`.
    """
    left, right = TOKEN.findall(before), TOKEN.findall(after)
    is_cut = max(len(left), len(right)) > MAX_WORDS
    left, right = left[:MAX_WORDS], right[:MAX_WORDS]
    found: list[tuple[str, str]] = []
    matcher = SequenceMatcher(None, left, right, autojunk=False)
    for op, left_from, left_to, right_from, right_to in matcher.get_opcodes():
        gone, come = "".join(left[left_from:left_to]), "".join(right[right_from:right_to])
        if op == "equal":
            found.append(("equal", gone))
            continue
        found.extend((name, text) for name, text in (("delete", gone), ("insert", come)) if text)
    return (*found, ("cut", "")) if is_cut else tuple(found)


def _judged(evidence: EvidenceSet, embeddings: Embeddings, in_a: Mask) -> Judged:
    labels = [label_of(evidence, sheet) for sheet in evidence.sheets]
    kept = np.array([i for i, label in enumerate(labels) if label is not None], dtype=np.intp)
    names = tuple(label for label in labels if label is not None)
    order = {name: code for code, name in enumerate(sorted(set(names)))}
    return Judged(
        evidence=evidence,
        sheets=tuple(evidence.sheets[i] for i in kept),
        labels=names,
        codes=np.array([order[name] for name in names], dtype=np.intp),
        unit=unit_rows(embeddings)[kept],
        families=family_codes(evidence)[kept],
        in_a=in_a[kept],
    )


def _half_p(judged: Judged, half: Mask, within: bool, rng: np.random.Generator) -> float | None:
    """p of one half, or None where it has too few pairs to say anything."""
    families = judged.families[half]
    pairs, _ = neighbour_pairs(judged.unit[half], families, k=NEIGHBOURS, within=within)
    if len(pairs) < MIN_PAIRS_IN_HALF:
        return None
    blocks = None if within else families
    return fewer_discordant(judged.codes[half], pairs, rng=rng, blocks=blocks)


def _build(judged: Judged, within: bool, found: Significance) -> tuple[Pattern, ...]:
    """The nearest unlike pairs, no case in two of them."""
    pairs, cosine = neighbour_pairs(judged.unit, judged.families, k=NEIGHBOURS, within=within)
    unlike = judged.codes[pairs[:, 0]] != judged.codes[pairs[:, 1]]
    counts = {"pairs": float(len(pairs)), "unlike_pairs": float(unlike.sum())}
    used: set[int] = set()
    patterns: list[Pattern] = []
    for position in np.argsort(-np.round(cosine, 9), kind="stable"):
        left, right = (int(i) for i in pairs[position])
        if not unlike[position] or {left, right} & used:
            continue
        used |= {left, right}
        numbers = {**counts, "cosine": float(cosine[position]), "p_verified": found.p_verified}
        patterns.append(_pattern(judged, left, right, numbers, found, within))
        if len(patterns) == MAX_PAIRS:
            break
    return tuple(patterns)


def _pattern(
    judged: Judged,
    left: int,
    right: int,
    numbers: dict[str, float],
    found: Significance,
    within: bool,
) -> Pattern:
    first, second = judged.sheets[left], judged.sheets[right]
    diff = word_diff(first.text, second.text)
    kin = "one family" if within else "two families"
    unlike, pairs = int(numbers["unlike_pairs"]), int(numbers["pairs"])
    return Pattern(
        kind="disagreement_pair",
        criterion=judged.evidence.criterion,
        title=(
            f"{judged.labels[left]} / {judged.labels[right]}: a near pair of {kin}, cosine "
            f"{numbers['cosine']:.2f}; {unlike} of {pairs} near pairs differ"
        ),
        case_keys=(first.case_key, second.case_key),
        roles=(judged.labels[left], judged.labels[right]),
        terms=_changed_words(diff),
        numbers=numbers,
        p_value=found.p_value,
        q_value=found.q_value,
        snapshot_hash=snapshot_hash(judged.evidence),
        diff=diff,
    )


def _changed_words(diff: Diff, *, limit: int = 6) -> tuple[str, ...]:
    """The first words that only one of the two texts holds."""
    changed = (text for op, text in diff if op in ("delete", "insert"))
    words = (word.casefold() for text in changed for word in re.findall(r"[^\W\d_]{3,30}", text))
    return tuple(dict.fromkeys(words))[:limit]
