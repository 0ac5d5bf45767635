"""Folding near-duplicates."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.search.novelty import fold_near_duplicates

LONG = "Please write a friendly note to the neighbours about the party in the garden on Sunday"


def test_a_repetition_folds_into_the_first_whatever_its_spaces_but_not_in_other_capitals() -> None:
    texts = [LONG, "Something else entirely", f"  {LONG}  ", LONG.swapcase()]
    assert fold_near_duplicates(texts) == [None, None, 0, None]  # capitals are a technique


def test_one_changed_word_in_a_long_text_is_near_and_half_a_text_is_not() -> None:
    near = (LONG + " ") * 4 + "today"
    assert fold_near_duplicates([near, near.replace("today", "now")]) == [None, 0]
    assert fold_near_duplicates([LONG, LONG[:40]]) == [None, None]


def test_nothing_folds_into_a_text_that_is_folded_itself() -> None:
    into = fold_near_duplicates([LONG, LONG + ".", LONG + "..", LONG + "..."], threshold=0.95)
    assert all(target is None or into[target] is None for target in into)


@given(st.lists(st.text(max_size=12), max_size=12))
def test_only_earlier_texts_are_folded_into_and_equal_texts_always_are(texts: list[str]) -> None:
    into = fold_near_duplicates(texts)
    assert len(into) == len(texts)
    assert all(target is None or target < index for index, target in enumerate(into))
    for index, text in enumerate(texts):
        assert into[index] is not None or text not in texts[:index]


def by_definition(texts: list[str], threshold: float) -> list[int | None]:
    """Every text against every kept one, by sets of five characters: slow and plain."""
    sets = [{text[at : at + 5] for at in range(max(1, len(text) - 4))} for text in texts]
    into: list[int | None] = []
    for at, one in enumerate(sets):
        kept = [k for k in range(at) if into[k] is None]
        near = (k for k in kept if len(one & sets[k]) / len(one | sets[k]) >= threshold)
        into.append(next(near, None))
    return into


@pytest.mark.parametrize("threshold", [0.3, 0.6, 0.9, 1.0])
@pytest.mark.parametrize("letters", ["ab", "abcdefgh"])
def test_the_short_cuts_find_what_comparing_all_pairs_finds(threshold: float, letters: str) -> None:
    draw = random.Random(7)
    seeds = ["".join(draw.choices(letters, k=length)) for length in (1, 3, 6, 12, 25, 60, 200)]
    texts = []
    for seed in seeds * 30:
        text = list(seed)
        for _ in range(draw.randrange(4)):
            text[draw.randrange(len(text))] = draw.choice(letters)
        texts.append("".join(text))
    into = fold_near_duplicates(texts, threshold=threshold)
    assert into == by_definition(texts, threshold)
    assert None in into
    assert any(target is not None for target in into)


@pytest.mark.parametrize("threshold", [0.0, 1.1])
def test_a_threshold_that_is_no_similarity_is_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match="similarity"):
        fold_near_duplicates(["a"], threshold=threshold)
