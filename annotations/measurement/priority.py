"""Which case to label next: what one answer is expected to tell, from what is known beforehand.

Symbols, for one question: p_j = judge j's probability of a failure, p = their combination (the
ensemble's, or else the mean of the p_j), H = the entropy of a yes or no in bits.
    uncertainty  H(p)                                what an answer would settle
    spread       H(mean of p_j) - mean of H(p_j)     the part of it on which the judges contradict
                                                     each other, so that an answer teaches most
Once there are answers, what one more is expected to tell (routing.py) takes the place of both.
The question about which most is open speaks for the case. Severity says how much a wrong answer
would cost; a case of a cluster that nobody has looked at tells more than its neighbours' repetition.
Source: N. Houlsby et al. (2011), "Bayesian active learning for classification", arXiv:1112.5745
(spread is its mutual information).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2

MOST_SEVERE = 4
UNKNOWN_SEVERITY = 2  # not known is not harmless
UNCERTAINTY, SPREAD, SEVERITY, NOVELTY = 0.40, 0.20, 0.25, 0.15  # weights, together 1


@dataclass(frozen=True)
class Question:
    """What automatic raters say on one question, as probabilities of a failure."""

    judges: Sequence[float] = ()
    combined: float | None = None

    def __post_init__(self) -> None:
        said = [*self.judges, *([] if self.combined is None else [self.combined])]
        if not all(0 <= p <= 1 for p in said):
            raise ValueError(f"Probabilities lie between 0 and 1: {said}.")


def entropy(p: float) -> float:
    """H in bits: 0 for certainty, 1 for a coin."""
    return 0.0 if p in (0.0, 1.0) else -p * log2(p) - (1 - p) * log2(1 - p)


def uncertainty(question: Question) -> float:
    """H(p); 1 where nobody has said anything."""
    if question.combined is not None:
        return entropy(question.combined)
    return entropy(sum(question.judges) / len(question.judges)) if question.judges else 1.0


def spread(question: Question) -> float:
    """How far the judges contradict each other: 0 when all say the same, 1 for sure yes against no."""
    if not question.judges:
        return 0.0
    n = len(question.judges)
    inside = sum(entropy(p) for p in question.judges) / n
    return min(1.0, max(0.0, entropy(sum(question.judges) / n) - inside))


def priority_told(told: float, *, severity: int | None = None) -> float:
    """The same scale for a case of which something is known: told = bits a minute of one more answer,
    as a share (0 to 1) of what an open case of the usual length tells."""
    if not 0 <= told <= 1:
        raise ValueError(f"A share lies between 0 and 1, not at {told}.")
    known = UNKNOWN_SEVERITY if severity is None else min(max(severity, 0), MOST_SEVERE)
    return (UNCERTAINTY + SPREAD) * told + SEVERITY * known / MOST_SEVERE


def priority(
    questions: Sequence[Question], *, severity: int | None = None, is_new_cluster: bool = False
) -> float:
    """Between 0 (nothing to learn) and 1; higher comes first."""
    told = [(uncertainty(one), spread(one)) for one in questions] or [(1.0, 0.0)]
    known = UNKNOWN_SEVERITY if severity is None else min(max(severity, 0), MOST_SEVERE)
    information = max(UNCERTAINTY * h + SPREAD * i for h, i in told)
    return information + SEVERITY * known / MOST_SEVERE + NOVELTY * is_new_cluster
