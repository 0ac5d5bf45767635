"""A request in a few other words, by the techniques that keep it readable: what judges learn from again.

Framings and encodings are left out: they bring words of our own, which a judge would learn instead.
"""

from collections.abc import Mapping, Sequence

from campaigns.search.selection import seeded_rng
from campaigns.search.transforms import TRANSFORMS, Transform

MILD = ("colloquial", "past_tense", "char_swap", "random_caps", "leetspeak")


def mild_variants(
    text: str, *, count: int, seed: int, techniques: Mapping[str, Transform] = TRANSFORMS,
    names: Sequence[str] = MILD,
) -> list[str]:  # fmt: skip
    """At most `count` texts that differ from this and from each other, the gentlest techniques first.

    The same seed and text give the same variants.
    """
    found: list[str] = []
    for name in names:
        changed = techniques[name].apply(text, seeded_rng(seed, f"{name}:{text}"))
        if not changed.unchanged and changed.text not in found:
            found.append(changed.text)
        if len(found) == count:
            break
    return found
