"""Folding near-duplicates."""

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
