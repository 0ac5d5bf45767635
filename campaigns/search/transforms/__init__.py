"""The techniques that need no language model, by name; a new one is tested by being listed here."""

from collections.abc import Mapping

from campaigns.search.transforms.base import (
    MOST_ADDED,
    MOST_GROWTH,
    NO_TEXT,
    SAME_TEXT,
    Kind,
    Parameter,
    Transform,
    Transformed,
)
from campaigns.search.transforms.encodings import ENCODINGS
from campaigns.search.transforms.framing import FRAMINGS
from campaigns.search.transforms.noise import NOISES
from campaigns.search.transforms.rewording import REWORDINGS

TRANSFORMS: Mapping[str, Transform] = {
    transform.name: transform for transform in (*REWORDINGS, *FRAMINGS, *NOISES, *ENCODINGS)
}

__all__ = [
    "MOST_ADDED",
    "MOST_GROWTH",
    "NO_TEXT",
    "SAME_TEXT",
    "TRANSFORMS",
    "Kind",
    "Parameter",
    "Transform",
    "Transformed",
]
