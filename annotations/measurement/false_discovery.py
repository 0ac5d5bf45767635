"""Benjamini and Hochberg's q values: how many of what is called different may be chance.

Symbols: m tests with p values p_(1) <= ... <= p_(m); q_(i) = min over j >= i of p_(j) m / j. Calling
everything with q <= 0.1 a finding keeps the expected share of false ones at 10 % or less.
Source: Y. Benjamini, Y. Hochberg (1995), JRSS B 57: 289-300.
"""

from collections.abc import Sequence

import numpy as np


def benjamini_hochberg(p_values: Sequence[float]) -> tuple[float, ...]:
    """The q value of each p over all that was tested, in the order given."""
    p = np.asarray(p_values, dtype=np.float64)
    if p.size == 0:
        return ()
    order = np.argsort(p, kind="stable")
    steps = p[order] * p.size / np.arange(1, p.size + 1)
    q = np.empty_like(p)
    q[order] = np.minimum(np.minimum.accumulate(steps[::-1])[::-1], 1.0)
    return tuple(float(value) for value in q)
