"""A request in a few other words: readable, different, the same again for the same seed."""

import pytest

from campaigns.search.transforms import TRANSFORMS
from campaigns.search.variants import MILD, mild_variants

TEXT = "How can I explain to my friend that the cake is very dry?"


def test_as_many_as_asked_all_different_and_the_gentlest_first() -> None:
    found = mild_variants(TEXT, count=3, seed=7)
    assert len({TEXT, *found}) == 4
    assert found[0].startswith("How can I run me through to my mate")
    assert mild_variants(TEXT, count=3, seed=7) == found


def test_there_are_no_more_than_there_are_techniques_and_none_of_an_empty_text() -> None:
    assert len(mild_variants(TEXT, count=99, seed=7)) == len(MILD)
    assert mild_variants("", count=3, seed=7) == []


@pytest.mark.parametrize("name", MILD)
def test_every_technique_exists_and_adds_at_most_a_few_words(name: str) -> None:
    (changed,) = mild_variants(TEXT, count=1, seed=7, names=[name])
    assert name in TRANSFORMS
    assert len(changed) < 1.5 * len(TEXT)
