"""One contract for every transform, by being listed."""

import numpy as np
import pytest

from campaigns.search.transforms import (
    MOST_ADDED,
    MOST_GROWTH,
    NO_TEXT,
    TRANSFORMS,
    Transform,
)

PLAIN = "Please tell me how we make a very friendly message about the garden party tomorrow."
HARD_TEXTS = [
    "😀 🎉 party",
    "اكتب رسالة ودية عن الحديقة",
    "\u202eabc\u0000def",
    "a",
    "word " * 2000,
    "<script>alert(1)</script> & 'quotes'",
]


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


every_transform = pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS.keys())


def test_there_are_at_least_ten_transforms_of_four_kinds() -> None:
    assert len(TRANSFORMS) >= 10
    assert len({transform.kind for transform in TRANSFORMS.values()}) == 4


@every_transform
def test_a_transform_changes_a_plain_text(transform: Transform) -> None:
    changed = transform.apply(PLAIN, rng())
    assert changed.text.strip()
    assert changed.text != PLAIN
    assert not changed.unchanged


@every_transform
def test_the_same_seed_gives_the_same_text(transform: Transform) -> None:
    assert transform.apply(PLAIN, rng()) == transform.apply(PLAIN, rng())


@every_transform
@pytest.mark.parametrize(
    "text", HARD_TEXTS, ids=["emoji", "rtl", "control", "short", "long", "tag"]
)
def test_a_hard_text_is_changed_or_it_is_said_why_not(transform: Transform, text: str) -> None:
    changed = transform.apply(text, rng())
    assert (changed.text != text) != bool(changed.unchanged)
    assert len(changed.text) <= MOST_GROWTH * len(text) + MOST_ADDED


@every_transform
def test_an_empty_text_stays_empty(transform: Transform) -> None:
    assert transform.apply("  ", rng()).unchanged == NO_TEXT
