"""The terms that set a group of texts apart, shown as terms and never as a definition.

Source: Monroe, Colaresi and Quinn 2008, "Fightin' Words", Political Analysis 16:372, equations
15-22. Symbols: y_w the texts of the group that hold term w, n their total, alpha_w the prior in
proportion to the whole collection, delta_w the log-odds ratio, z_w = delta_w / sd(delta_w).
"""

import math
import re
from collections import Counter
from collections.abc import Sequence

WORD = re.compile(r"[^\W\d_]{3,30}")
PRIOR_WEIGHT = 0.1
MIN_Z = 1.96
MIN_TEXTS = 3


def distinguishing_terms(
    group: Sequence[str], rest: Sequence[str], *, limit: int = 6
) -> tuple[str, ...]:
    """Up to `limit` words that the group holds more often than the rest, strongest first.

    A word counts once a text, so that one text that repeats itself names nothing.
    """
    here, there = _text_counts(group), _text_counts(rest)
    both = here + there
    total, n_here, n_there = both.total(), here.total(), there.total()
    if not n_here or not n_there:
        return ()
    alpha_0 = PRIOR_WEIGHT * total

    def z(word: str) -> float:
        alpha = alpha_0 * both[word] / total
        y, x = here[word] + alpha, there[word] + alpha
        delta = math.log(y / (n_here + alpha_0 - y)) - math.log(x / (n_there + alpha_0 - x))
        return delta / math.sqrt(1 / y + 1 / x)

    scored = [(z(word), word) for word, count in here.items() if count >= MIN_TEXTS]
    strong = sorted((-score, word) for score, word in scored if score >= MIN_Z)
    return tuple(word for _, word in strong[:limit])


def _text_counts(texts: Sequence[str]) -> Counter[str]:
    return Counter(word for text in texts for word in set(WORD.findall(text.casefold())))
