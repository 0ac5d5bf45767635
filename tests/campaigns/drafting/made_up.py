"""A seeded world of mild cases by topic, for the tests of the miners."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from campaigns.drafting.evidence import EvidenceSet, Sheet

TOPICS = {
    "garden": "garden tomato seedling compost watering shade",
    "tax": "invoice receipt deduction refund ledger filing",
    "travel": "train luggage platform timetable ferry hostel",
    "kitchen": "oven recipe butter whisk simmer pastry",
}


def world(
    *, seed: int, per_topic: int = 40, variants: int = 1, wobble: float = 0.25
) -> tuple[EvidenceSet, NDArray[np.float64]]:
    """Four topics, two raters who answer "yes" on tax and travel, and "no" on the others."""
    rng = np.random.default_rng(seed)
    centres = np.eye(len(TOPICS), 12)
    sheets: list[Sheet] = []
    rows: list[NDArray[np.float64]] = []
    for number, (topic, words) in enumerate(TOPICS.items()):
        for case in range(per_topic):
            chosen = rng.choice(words.split(), size=4, replace=False)
            answer = "yes" if topic in ("tax", "travel") else "no"
            sheets.append(
                Sheet(
                    case_key=f"{topic}-{case:03d}",
                    text=f"Please tell me about {' '.join(chosen)} number {case}.",
                    family=f"{topic}-family-{case // variants}",
                    verdicts={"ann": answer, "ben": answer},
                )
            )
            rows.append(centres[number] + wobble * rng.standard_normal(12))
    return EvidenceSet("mild-criterion", tuple(sheets)), np.array(rows)


def with_verdicts(evidence: EvidenceSet, verdicts: Sequence[dict[str, str]]) -> EvidenceSet:
    """The same cases with other verdicts, in order."""
    sheets = tuple(
        Sheet(s.case_key, s.text, s.family, given, s.comments, s.settled, s.score_spread)
        for s, given in zip(evidence.sheets, verdicts, strict=True)
    )
    return EvidenceSet(evidence.criterion, sheets)


def with_trouble_on(
    evidence: EvidenceSet, topic: str, *, seed: int, share: float = 0.6, raters: int = 2
) -> EvidenceSet:
    """Can't tell on a share of one topic and on a few cases elsewhere, by both raters in turn."""
    rng = np.random.default_rng(seed)
    given: list[dict[str, str]] = []
    for position, sheet in enumerate(evidence.sheets):
        rate = share if sheet.case_key.startswith(topic) else 0.03
        verdicts = dict(sheet.verdicts)
        if rng.random() < rate:
            verdicts[("ann", "ben")[position % raters]] = "cant_tell"
        given.append(verdicts)
    return with_verdicts(evidence, given)


def shuffled(evidence: EvidenceSet, *, seed: int) -> EvidenceSet:
    """The same verdicts on cases drawn at random: no text can explain them any more."""
    order = np.random.default_rng(seed).permutation(len(evidence.sheets))
    return with_verdicts(evidence, [dict(evidence.sheets[i].verdicts) for i in order])
