"""People and judges together: judges are measured against people, and weigh at most as one (pure).

Judges copy each other's mistakes, and there may be many of them: treated as people they would vote
people down twice, in each item, and by teaching the model that it is the people who err. So:

1. The method, the class shares and the people's confusion matrices come from people's labels alone,
   and so does q_i, the posterior of item i from what people said of it.
2. Each judge's confusion matrix pi_j is measured against q on the items that people labelled too,
   and shrunk towards the judges' common one (`hierarchical`).
3. Then the judges are heard. With x_i (K,) = the sum of log pi_j[:, v] over the judges' labels of
   item i, range(x) = max x - min x (the largest log likelihood ratio that x speaks for) and c = the
   median range of one person's label,

       posterior_i is proportional to q_i exp(x_i min(1, weight c / range(x_i))).

So all judges of an item together never speak for a ratio beyond that of `weight` typical persons
(one), however many they are, however they copy each other and whatever they claim; what they
favour, and how they order the values, stays. Where no judge's label has a person's beside it, the
judges' matrices are guesses that lean to "right". With judges alone they are the raters, and
nothing is capped: there is nobody to be outvoted.
Source: the rule is this project's own; why it is needed: S. Goel et al., "Great Models Think Alike
and this Undermines AI Oversight", arXiv 2502.04313 (2025).
"""

from dataclasses import replace

import numpy as np

from annotations.measurement.aggregation.em import Fit
from annotations.measurement.aggregation.evidence import (
    evidence,
    expected_counts,
    posterior_of,
)
from annotations.measurement.aggregation.hierarchical import NearCommon
from annotations.measurement.aggregation.labels import Floats, SparseLabels

ONE_PERSON = 1.0
TINY = 1e-300


def only_people(labels: SparseLabels) -> SparseLabels:
    """The people's labels, where judges gave some too; else all labels."""
    if not labels.has_people_and_judges:
        return labels
    return labels.keep(~labels.is_judge[labels.rater])


def hear_judges(labels: SparseLabels, people: Fit, *, weight: float = ONE_PERSON) -> Fit:
    """The fit to the people's labels, after the judges; unchanged where there are not both."""
    if not labels.has_people_and_judges:
        return people
    judged = labels.keep(labels.is_judge[labels.rater])
    A = judged.incidence()
    by_people = np.bincount(only_people(labels).item, minlength=labels.n_items) > 0
    beside = expected_counts(A, people.posterior * by_people[:, None])
    common = NearCommon(np.ones((labels.n_values, labels.n_values)))
    model = common.update(beside[labels.is_judge])
    log_pi, pi = np.zeros_like(people.confusion), people.confusion.copy()
    log_pi[labels.is_judge], pi[labels.is_judge] = model.log_pi(), model.pi()
    heard = capped(evidence(A, log_pi), weight * typical_range(labels, people))
    q, _ = posterior_of(heard + np.log(np.maximum(people.posterior, TINY)), np.zeros(1))
    return replace(people, posterior=q, confusion=pi)


def typical_range(labels: SparseLabels, people: Fit) -> float:
    """The median, over people's labels, of the largest log ratio that one label speaks for."""
    own = only_people(labels)
    says = people.says(own.item, own.rater, own.value)
    return float(np.median(np.ptp(np.log(np.maximum(says, TINY)), axis=1)))


def capped(x: Floats, cap: float) -> Floats:
    """The judges' evidence (N, K), scaled so that no item's range is over `cap`."""
    ranges = np.ptp(x, axis=1, keepdims=True)
    scale = np.divide(cap, ranges, out=np.ones_like(ranges), where=ranges > cap)
    return np.asarray(x * scale, dtype=np.float64)
