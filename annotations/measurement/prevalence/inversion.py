"""The interval of a weighted sum of shares: every sum that a test does not reject.

Strata h = 1..H with weights W_h (N_h/N), n_h labels and k_h failures; theta = sum of W_h p_h. For an
assumed theta the likeliest shares p_h are those that solve, for one common multiplier lam,

    (k_h - n_h p_h) / (p_h (1 - p_h)) = lam W_h,         theta = sum of W_h p_h(lam)

so both ends of the interval are found by moving lam alone, away from 0 (which is the estimate) until
the distance of the counts from what these shares expect is the quantile of chi squared with one
degree of freedom. The distance is Cressie and Read's power divergence,

    CR = 2 / (a (a + 1)) sum over h and both answers of O ((O/E)^a - 1)

A stratum without a failure is not taken to be clean: it is given as many as the data leave room for.
With a = 1 (Pearson) and one stratum this is exactly Wilson's interval; it stays honest with few
failures, but gives clean strata too much. With a = 0 (likelihood ratio) it is the other way round.
Cressie and Read's a = 2/3 is used; where labels were drawn by score, so that every stratum has its
share of them, a falls towards 0 as the rarer answer is seen more than PIVOT times:
a = 2/3 min(1, PIVOT / min(k, n - k)). Where labels are a good part of the population the quantile is
widened by 1 + (1 + 3a/2) s (H + 1) / n, s = 1 - n / sum of n_h: the counts n_h are then worth more
for theta than was seen of the shares. Towards a = 0 it is widened by up to 1 + (H + 1) / 2n, as the likelihood
ratio of H shares runs short by about that. PIVOT and both were found by the simulation of coverage.
Sources: N. Cressie, T. R. C. Read (1984), JRSS B 46: 440-464; A. Martin Andres, M. Alvarez Hernandez,
I. Herranz Tejedor (2011), "Inferences about a linear combination of proportions", Statistical Methods
in Medical Research 20: 369-387 (constrained shares, and score intervals for the sum).
All arrays are (R, H): R data sets at once, which the simulation of coverage uses; the product has 1.
"""

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

MOST_A, PIVOT, LEAST_A = 2 / 3, 5.0, 0.02
# The multiplier is sought as log lam: so far below and above the log of all that the labels are worth.
BELOW, ABOVE, HALVINGS = 9.0, 13.0, 34


def exponent(rarer: Floats) -> Floats:
    """a (R,) for labels drawn by score, of which `rarer` (R,) had the rarer answer.

    Each counts for the part of its stratum that was not labelled: where all was, nothing is open.
    """
    return np.maximum(MOST_A * np.minimum(1.0, PIVOT / np.maximum(rarer, 1.0)), LEAST_A)


def interval_of_sum(
    k: Floats, n: Floats, weights: Floats, *, a: Floats, labels: Floats, level: float
) -> tuple[Floats, Floats]:
    """Ends (R,), (R,) of theta; strata with n = 0 are left out, counts need not be whole.

    n (R, H) is what the labels are worth, `labels` (R,) how many there are; a (R,) the exponent.
    """
    used = (n > 0) & (weights > 0)
    H, worth = used.sum(axis=1), np.where(used, n, 0.0).sum(axis=1)
    share = np.clip(1 - labels / np.maximum(worth, 1e-300), 0.0, 1.0)
    z = NormalDist().inv_cdf((1 + level) / 2)
    part = np.minimum(a / MOST_A, 1.0)
    short = (1 + part) * share * (H + 1) + (1 - part) * (H + 1) / 2
    limit = z * z * (1 + short / np.maximum(labels, 1.0))
    weights = np.where(used, weights, 0.0)
    n, k = np.where(used, n, 1.0), np.where(used, k, 0.5)
    low, high = (_end(k, n, weights, a[:, None], limit, sign) for sign in (1.0, -1.0))
    return low, high


def _end(k: Floats, n: Floats, weights: Floats, a: Floats, limit: Floats, sign: float) -> Floats:
    """Where the distance reaches the limit: below the estimate for sign 1, above it for -1."""
    middle = np.log(np.maximum((n * (weights > 0)).sum(axis=1), 1.0))
    near, far = middle - BELOW, middle + ABOVE
    for _ in range(HALVINGS):
        middle = (near + far) / 2
        p = _shares(k, n, sign * np.exp(middle)[:, None] * weights)
        within = _distance(k, n, p, a, weights > 0) < limit
        near, far = np.where(within, middle, near), np.where(within, far, middle)
    p = _shares(k, n, sign * np.exp(far)[:, None] * weights)
    return np.asarray((weights * p).sum(axis=1), dtype=np.float64)


def _shares(k: Floats, n: Floats, pull: Floats) -> Floats:
    """p_h (R, H), the root in [0, 1] of pull p^2 - (n + pull) p + k = 0, with pull = lam W."""
    s = n + pull
    root = np.sqrt(np.maximum(s * s - 4 * pull * k, 0.0))
    positive = 2 * k / np.maximum(s + root, 1e-300)
    negative = (s - root) / np.where(s < 0, 2 * pull, 1.0)
    return np.asarray(np.clip(np.where(s < 0, negative, positive), 0.0, 1.0), dtype=np.float64)


def _distance(k: Floats, n: Floats, p: Floats, a: Floats, used: Bools) -> Floats:
    """CR (R,) of the counts from what shares p expect."""
    cells = _cell(k, n * p, a) + _cell(n - k, n * (1 - p), a)
    total = np.where(used, cells * 2 / (a * (a + 1)), 0.0).sum(axis=1)
    return np.asarray(np.maximum(total, 0.0), dtype=np.float64)


def _cell(observed: Floats, expected: Floats, a: Floats) -> Floats:
    seen = np.maximum(observed, 0.0)
    return np.asarray(seen * ((seen / np.maximum(expected, 1e-300)) ** a - 1), dtype=np.float64)
