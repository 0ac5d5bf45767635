"""Whether a case needs one more rater: for the queue, when the last place on a case is filled.

Symbols: n raters answered; on one question the leading answer has m more votes than the next.
The default rule is Wald's sequential test for raters who are right with probability a: a lead of m
has the posterior a^m / (a^m + (1 - a)^m), whatever n is. With a = .85 a lead of two is .970 and a
lead of three .995, the two marks below. A rule that weighs raters by their skill, and the AI as one
capped rater, has the same interface.
Sources: A. Wald (1945), "Sequential tests of statistical hypotheses", Ann. Math. Stat. 16: 117-186;
S. Branson, G. Van Horn, P. Perona (2017), "Lean Crowdsourcing", CVPR (ask until sure enough).
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

FEWEST = 2  # nobody agrees alone
LEAD, LEAD_WHEN_SEVERE = 2, 3
SEVERE = 3  # from this severity on, the higher mark
SKILL = 0.85  # a: how often a rater is taken to be right


@dataclass(frozen=True)
class Labelled:
    """A case as its raters have left it: what a rule may look at."""

    answers: Mapping[str, Sequence[str]]  # question -> the words of its blind first answers
    raters: int  # n: how many answered, in whatever arm
    most: int  # no more raters than this
    severity: int | None = None  # the worst that anybody said, 0-4


@dataclass(frozen=True)
class Decision:
    """Whether to ask one more rater, and why (or why not), in words for the trail."""

    add: bool
    reason: str


Rule = Callable[[Labelled], Decision]


def by_lead(case: Labelled) -> Decision:
    """Ask on until the first answer to every question leads by enough votes."""
    if case.raters >= case.most:
        return Decision(False, f"{case.raters} of at most {case.most} raters have answered")
    wanted = LEAD_WHEN_SEVERE if (case.severity or 0) >= SEVERE else LEAD
    fewest = min((len(words) for words in case.answers.values()), default=0)
    if fewest < FEWEST:
        return Decision(True, f"{fewest} of at least {FEWEST} blind answers are there")
    for question, words in sorted(case.answers.items()):
        if (lead := lead_of(words)) < wanted:
            return Decision(True, f"{question}: the first answer leads by {lead}, not {wanted}")
    return Decision(False, f"the first answer leads by {wanted} or more")


def lead_of(words: Sequence[str]) -> int:
    """m: by how many votes the most frequent answer leads the next."""
    first, second = ([n for _, n in Counter(words).most_common(2)] + [0, 0])[:2]
    return first - second


def posterior(lead: int, *, skill: float = SKILL) -> float:
    """How sure a lead makes the first of two answers, for raters who are right so often."""
    if not 0 < skill < 1:
        raise ValueError(f"A skill lies between 0 and 1, not at {skill}.")
    for_it, against = skill**lead, (1 - skill) ** lead
    return for_it / (for_it + against)
