"""What the miners read: one sheet a case under one criterion, for `patterns.mine`.

The caller passes blind labels only: a verdict given after the AI's answer was shown must never be
in a `Sheet`, since nothing here can tell it from a blind one.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Embeddings = NDArray[np.float64]
Mask = NDArray[np.bool_]

UNSURE = frozenset({"cant_tell", "can't tell"})
NOT_APPLICABLE = frozenset({"not_applicable", "not applicable"})
MIN_CASES = 8
MIN_RATERS = 2


@dataclass(frozen=True)
class Sheet:
    """All that is known of one case under one criterion."""

    case_key: str
    text: str
    family: str
    verdicts: Mapping[str, str]
    comments: Mapping[str, str] = field(default_factory=dict)
    settled: str | None = None
    score_spread: float | None = None


@dataclass(frozen=True)
class EvidenceSet:
    """The sheets of one criterion; `unsure` and `not_applicable` answers are no verdict."""

    criterion: str
    sheets: tuple[Sheet, ...]
    unsure: frozenset[str] = UNSURE
    not_applicable: frozenset[str] = NOT_APPLICABLE

    def __post_init__(self) -> None:
        keys = [sheet.case_key for sheet in self.sheets]
        if len(set(keys)) != len(keys):
            raise ValueError(
                f"Evidence for {self.criterion!r} names a case twice: give one sheet a case."
            )

    def answers(self, sheet: Sheet) -> tuple[str, ...]:
        """The substantive answers of a sheet, by rater: no can't-tell, no not-applicable."""
        no_verdict = self.unsure | self.not_applicable
        given = (sheet.verdicts[rater] for rater in sorted(sheet.verdicts))
        return tuple(answer for answer in given if answer not in no_verdict)


def raters_of(evidence: EvidenceSet) -> frozenset[str]:
    """Everyone who gave at least one verdict in the evidence."""
    return frozenset(rater for sheet in evidence.sheets for rater in sheet.verdicts)


def shortage(evidence: EvidenceSet) -> str | None:
    """Why there is too little to mine, or None where there is enough."""
    labelled = sum(1 for sheet in evidence.sheets if sheet.verdicts)
    raters = len(raters_of(evidence))
    if labelled < MIN_CASES:
        return f"{labelled} cases have a blind label; a pattern needs at least {MIN_CASES}."
    if raters < MIN_RATERS:
        return f"{raters} rater gave blind labels; a pattern needs at least {MIN_RATERS}."
    return None


def snapshot_hash(evidence: EvidenceSet) -> str:
    """SHA-256 of the evidence, whatever the order of its sheets: what a proposal was mined from."""
    sheets = [
        [
            sheet.case_key,
            sheet.text,
            sheet.family,
            sorted(sheet.verdicts.items()),
            sorted(sheet.comments.items()),
            sheet.settled,
            sheet.score_spread,
        ]
        for sheet in sorted(evidence.sheets, key=lambda sheet: sheet.case_key)
    ]
    packet = [
        evidence.criterion,
        sorted(evidence.unsure),
        sorted(evidence.not_applicable),
        sheets,
    ]
    return hashlib.sha256(json.dumps(packet, ensure_ascii=True).encode("ascii")).hexdigest()


def in_order(evidence: EvidenceSet, embeddings: Embeddings) -> tuple[EvidenceSet, Embeddings]:
    """The same evidence sorted by case key, so that the order of a query changes nothing."""
    order = sorted(range(len(evidence.sheets)), key=lambda i: evidence.sheets[i].case_key)
    sheets = tuple(evidence.sheets[i] for i in order)
    ordered = EvidenceSet(evidence.criterion, sheets, evidence.unsure, evidence.not_applicable)
    return ordered, embeddings[np.array(order, dtype=np.intp)]


def half_a(evidence: EvidenceSet, *, seed: int) -> Mask:
    """True for the cases of half A; a family is never in both halves. Shape (n,)."""

    def rank(family: str) -> str:
        return hashlib.sha256(f"{seed}:{family}".encode("utf-8", "surrogatepass")).hexdigest()

    families = sorted({sheet.family for sheet in evidence.sheets}, key=rank)
    chosen = set(families[::2])
    return np.array([sheet.family in chosen for sheet in evidence.sheets], dtype=np.bool_)


def family_codes(evidence: EvidenceSet) -> NDArray[np.intp]:
    """The family of each case as a whole number. Shape (n,)."""
    codes = {name: i for i, name in enumerate(sorted({s.family for s in evidence.sheets}))}
    return np.array([codes[sheet.family] for sheet in evidence.sheets], dtype=np.intp)
