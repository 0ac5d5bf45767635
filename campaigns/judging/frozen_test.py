"""Which families no judge is ever trained on: the frozen test that versions are compared on.

A family is drawn by a hash of its name, before anything is known of it, and for good: the test needs no
list, nobody can move a case across, and what came later is drawn by the same rule. Every variant of a
seed is on one side, so that no judge has seen the twin of a test case.
"""

import hashlib

from campaigns.judging.errors import BadScores

MOST = 0.5  # of the families; more would leave too little to learn from
_WHOLE = 1 << 64


def is_frozen(family: str, *, key: str, share: float) -> bool:
    """Whether this family belongs to the frozen test; `share` of all families do.

    The same key and family give the same answer everywhere, and a larger share keeps what a smaller
    one has drawn. Raises `BadScores` for a share outside [0, 1/2].
    """
    if not 0 <= share <= MOST:
        raise BadScores(f"A frozen test takes a share of families from 0 to {MOST}, not {share}.")
    digest = hashlib.sha256(f"{key}\n{family}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * _WHOLE
