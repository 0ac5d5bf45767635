"""Whether a case needs one more rater: for the queue, when the last place on a case is filled.

Symbols: n raters answered; on one question the leading answer has m more votes than the next;
p = the belief over the answers of a question, given who gave which (posterior.py).
Two rules with one interface. By lead: Wald's sequential test for raters who are right with probability
a: a lead of m has the posterior a^m / (a^m + (1 - a)^m), whatever n is. With a = .85 a lead of two is
.970 and a lead of three .995. By posterior: ask on until the top of p is at least .95, .99 where
somebody saw severity 3 or more, with raters weighed by their skill and the AI as one capped rater.
Sources: A. Wald (1945), "Sequential tests of statistical hypotheses", Ann. Math. Stat. 16: 117-186;
S. Branson, G. Van Horn, P. Perona (2017), "Lean Crowdsourcing", CVPR (ask until sure enough).
"""

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from annotations.measurement.posterior import BAR, Floats, Model, belief
from annotations.measurement.routing import USUAL_SECONDS, information, rate

FEWEST = 2  # nobody agrees alone
FEWEST_WITH_AI = 1  # where the AI is measured, and said something
LEAD, LEAD_WHEN_SEVERE = 2, 3
SEVERE = 3  # from this severity on, the higher mark
SKILL = 0.85  # a: how often a rater is taken to be right
BAR_WHEN_SEVERE = 0.99
NOBODY_CAN = "cant_tell"  # the one answer that no sureness settles: an adjudicator decides


@dataclass(frozen=True)
class Labelled:
    """A case as its raters have left it: what a rule may look at."""

    answers: Mapping[str, Sequence[str]]  # question -> the words of its blind first answers
    raters: int  # n: how many answered, in whatever arm
    most: int  # no more raters than this
    severity: int | None = None  # the worst that anybody said, 0-4
    by: Mapping[str, Sequence[Hashable]] = field(default_factory=dict)  # who gave each of the words
    ai: Mapping[str, str] = field(default_factory=dict)  # question -> what the AI says


@dataclass(frozen=True)
class Sure:
    """An answer that a rule takes for settled, and how sure it is of it."""

    answer: str
    probability: float


@dataclass(frozen=True)
class Decision:
    """Whether to ask one more rater, and why (or why not), in words for the trail."""

    add: bool
    reason: str
    waits: bool = False  # one more would be asked, if the budget had it
    sure: Mapping[str, Sure] = field(default_factory=dict)  # question -> what is settled by it
    rate: float | None = None  # bits a minute that one more answer is expected to tell


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


# ---- by posterior


@dataclass(frozen=True)
class ByPosterior:
    """The rule that asks on until it is sure. A question without a model is kept as it was answered.

    `price`: bits a minute that one more answer must tell, as the budget has it (routing.py).
    """

    models: Mapping[str, Model]
    seconds: float = USUAL_SECONDS
    price: float = 0.0

    def __call__(self, case: Labelled) -> Decision:
        bar = bar_of(case.severity)
        beliefs = self.beliefs(case)
        sure = {} if self.missing(case) else _sure(self.models, beliefs, bar)
        if len(beliefs) == len(sure) and not self.missing(case):
            return Decision(False, _said(self.models, beliefs, bar), sure=sure)
        if case.raters >= case.most:
            reason = f"{case.raters} of at most {case.most} raters have answered"
            return Decision(False, f"{reason}; {_said(self.models, beliefs, bar)}", sure=sure)
        return self._one_more(case, beliefs, bar)

    def beliefs(self, case: Labelled) -> dict[str, Floats]:
        """question -> p (K,), for those with a model."""
        found = {}
        for question, words in sorted(case.answers.items()):
            if question in self.models:
                who = case.by.get(question) or [None] * len(words)
                said = list(zip(who, words, strict=True))
                found[question] = belief(self.models[question], said, ai=case.ai.get(question))
        return found

    def missing(self, case: Labelled) -> str:
        """Which question has too few people, in words; empty where all have enough."""
        for question, words in sorted(case.answers.items()):
            model = self.models.get(question)
            with_ai = model is not None and model.ai is not None and question in case.ai
            fewest = FEWEST_WITH_AI if with_ai else FEWEST
            if len(words) < fewest:
                beside = " beside the AI" if with_ai else ""
                return f"{question}: {len(words)} of at least {fewest} blind answers{beside}"
        return "" if case.answers else f"0 of at least {FEWEST} blind answers are there"

    def _one_more(self, case: Labelled, beliefs: Mapping[str, Floats], bar: float) -> Decision:
        tells = {question: information(p, self.models[question].M, tau=self.models[question].tau)
                 for question, p in beliefs.items()}  # fmt: skip
        bits = max(tells.values(), default=1.0)
        worth = rate(bits, self.seconds)
        why = self.missing(case) or _said(self.models, beliefs, bar)
        told = f"one more answer tells {bits:.2f} bits in about {self.seconds:.0f} s"
        if worth < self.price:
            return Decision(False, f"{why}; {told}: less than the budget has for", True, rate=worth)
        return Decision(True, f"{why}; {told}", rate=worth)


def bar_of(severity: int | None) -> float:
    """How sure is sure enough."""
    return BAR_WHEN_SEVERE if (severity or 0) >= SEVERE else BAR


def _sure(
    models: Mapping[str, Model], beliefs: Mapping[str, Floats], bar: float
) -> dict[str, Sure]:
    """question -> its top answer, where that reaches the bar."""
    found = {}
    for question, p in beliefs.items():
        top = int(np.argmax(p))
        if p[top] >= bar:
            found[question] = Sure(models[question].answers.words[top], float(p[top]))
    return found


def _said(models: Mapping[str, Model], beliefs: Mapping[str, Floats], bar: float) -> str:
    """The least sure question in words."""
    if not beliefs:
        return "every answer is kept as given"
    question = min(beliefs, key=lambda name: float(beliefs[name].max()))
    p = beliefs[question]
    word = models[question].answers.words[int(np.argmax(p))]
    beside = "under" if p.max() < bar else "at least"
    return f"{question}: {word} at {_floor(float(p.max()))}, {beside} {bar:g}"


def _floor(p: float) -> str:
    """Rounded down, so that what is under a bar never reads as the bar."""
    return f"{int(p * 1000) / 1000:.3f}"
