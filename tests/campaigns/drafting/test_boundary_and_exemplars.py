"""Unlike twins are shown with a word diff, exemplars are unanimous, typical and few."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from campaigns.drafting.boundary import SPLIT, label_of, word_diff
from campaigns.drafting.evidence import Sheet
from campaigns.drafting.exemplars import MAX_EXEMPLARS, facility_location, unanimous_answer
from campaigns.drafting.patterns import mine
from tests.campaigns.drafting.made_up import world


def test_planted_twin_with_the_opposite_answer_is_the_first_pair():
    evidence, embeddings = world(seed=1)
    sheets = list(evidence.sheets)
    text = sheets[5].text.replace("Please", "Never")
    sheets[6] = replace(sheets[6], text=text, verdicts={"ann": "yes", "ben": "yes"})
    embeddings[6] = embeddings[5] + 1e-4
    report = mine(replace(evidence, sheets=tuple(sheets)), embeddings, seed=3)
    pair = next(p for p in report.patterns if p.kind == "disagreement_pair")
    assert set(pair.case_keys) == {"garden-005", "garden-006"}
    assert set(pair.roles) == {"yes", "no"}
    assert ("delete", "Please") in pair.diff
    assert ("insert", "Never") in pair.diff
    assert set(pair.terms) == {"please", "never"}


@pytest.mark.parametrize(
    ("before", "after"),
    [("a b c", "a x c"), ("", "new"), ("old", ""), ("Tea, please.", "tea please!"), ("é\n", "é")],
)
def test_word_diff_gives_both_texts_back(before: str, after: str):
    diff = word_diff(before, after)
    assert "".join(text for op, text in diff if op in ("equal", "delete")) == before
    assert "".join(text for op, text in diff if op in ("equal", "insert")) == after


def test_word_diff_of_a_very_long_text_says_that_it_was_cut():
    assert word_diff("word " * 50_000, "word " * 50_000)[-1] == ("cut", "")


def test_label_of_a_case_is_settled_then_unanimous_then_split():
    evidence, _ = world(seed=1)
    sheet = Sheet("c", "t", "f", {"ann": "yes", "ben": "no"})
    assert label_of(evidence, replace(sheet, settled="no")) == "no"
    assert label_of(evidence, sheet) == SPLIT
    assert label_of(evidence, replace(sheet, verdicts={"ann": "yes", "ben": "yes"})) == "yes"
    assert label_of(evidence, replace(sheet, verdicts={"ann": "yes", "ben": "cant_tell"})) is None


def test_exemplars_are_unanimous_of_both_answers_and_at_most_six():
    evidence, embeddings = world(seed=1)
    report = mine(evidence, embeddings, seed=3)
    (exemplars,) = [p for p in report.patterns if p.kind == "exemplars"]
    assert len(exemplars.case_keys) == MAX_EXEMPLARS == 6
    assert Counter(exemplars.roles) == {"yes": 3, "no": 3}
    assert {key.split("-")[0] for key in exemplars.case_keys} == {
        "garden",
        "kitchen",
        "tax",
        "travel",
    }


def test_a_cant_tell_or_another_settled_answer_ends_unanimity():
    evidence, _ = world(seed=1)
    first = evidence.sheets[0]
    doubt = replace(first, verdicts={**first.verdicts, "cem": "cant_tell"})
    overruled = replace(first, settled="yes")
    for sheet, answer in ((first, "no"), (doubt, None), (overruled, None)):
        assert unanimous_answer(replace(evidence, sheets=(sheet,)), 0) == answer


def test_facility_location_takes_one_of_each_group_first():
    rng = np.random.default_rng(3)
    rows = np.repeat(np.eye(3), [30, 20, 10], axis=0) + 0.05 * rng.standard_normal((60, 3))
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    groups = np.repeat([0, 1, 2], [30, 20, 10])
    assert [int(groups[i]) for i in facility_location(unit, size=3)] == [0, 1, 2]
    assert len(facility_location(unit[:2], size=6)) == 2
