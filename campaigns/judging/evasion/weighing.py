"""How much each judge's word should count in a weighted vote, by what gold says of it.

A judge weighs its log likelihood ratio: log((1 - evasion) / evasion) + log((1 - over-block) / over-block),
at least 0, which is the best weight of independent judges (S. Nitzan, J. Paroush, 1982). Judges err
together, so that it is a start, no optimum.
"""

from collections.abc import Sequence

import numpy as np

from campaigns.judging.errors import BadScores
from campaigns.judging.evasion.combining import judge_table
from campaigns.judging.linear import Bools, Floats

MOST_OF_ONE = 4  # whole weights: the largest is this
EDGE = 0.01  # a judge without an error on gold is not taken to be without any


def evidence_weights(x: Floats, y: Bools, *, names: Sequence[str]) -> tuple[int, ...]:
    """A whole weight for each judge of verdicts x (N, k), the largest `MOST_OF_ONE`.

    Raises `BadScores` where no judge is better than chance.
    """
    odds = []
    for row in judge_table(x, y, names=names):
        shares = [estimate.value for estimate in (row.evasion, row.over_block)]
        rates = [0.5 if share is None else min(max(share, EDGE), 1 - EDGE) for share in shares]
        odds.append(max(sum(float(np.log((1 - rate) / rate)) for rate in rates), 0.0))
    most = max(odds)
    if most <= 0:
        raise BadScores("No judge is better than chance here: give the weights yourself.")
    return tuple(round(MOST_OF_ONE * one / most) for one in odds)
