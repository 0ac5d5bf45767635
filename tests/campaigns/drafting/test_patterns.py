"""Mining proposes what was planted, cites it, says nothing on noise, and says why."""

from dataclasses import replace

import numpy as np
import pytest

from campaigns.drafting.evidence import EvidenceSet
from campaigns.drafting.patterns import ENGINE, mine, mine_together
from tests.campaigns.drafting.made_up import shuffled, with_trouble_on, with_verdicts, world


def test_planted_region_is_found_with_its_terms_and_cited_cases():
    evidence, embeddings = world(seed=1)
    report = mine(with_trouble_on(evidence, "tax", seed=2), embeddings, seed=3)
    (region,) = [pattern for pattern in report.patterns if pattern.kind == "uncovered"]
    assert all(key.startswith("tax-") for key in region.case_keys)
    assert {"invoice", "receipt", "refund"} & set(region.terms)
    assert not {"garden", "oven", "train"} & set(region.terms)
    assert region.roles[0] == "medoid"
    assert "flagged" in region.roles
    assert region.q_value is not None
    assert region.q_value <= report.q == 0.10
    assert region.numbers["rate_inside_low"] < region.numbers["rate_inside"]


def test_title_holds_only_counts_answers_and_terms():
    evidence, embeddings = world(seed=1)
    report = mine(with_trouble_on(evidence, "tax", seed=2), embeddings, seed=3)
    region = next(pattern for pattern in report.patterns if pattern.kind == "uncovered")
    flagged, n = int(region.numbers["flagged_inside"]), int(region.numbers["n_inside"])
    assert region.title.startswith(f"can't tell: {flagged} of {n} cases here, ")
    assert region.title.endswith(f"; terms: {', '.join(region.terms)}")
    assert region.engine == ENGINE == "patterns/1"


@pytest.mark.parametrize("seed", range(12))
def test_shuffled_labels_propose_nothing(seed: int):
    evidence, embeddings = world(seed=seed)
    troubled = with_trouble_on(evidence, "tax", seed=seed)
    report = mine(shuffled(troubled, seed=seed + 100), embeddings, seed=seed)
    assert report.tested > 0
    assert report.patterns == ()
    assert report.reason.startswith(f"{report.tested} patterns tested, ")


@pytest.mark.parametrize("seed", range(6))
def test_labels_that_stick_to_families_but_not_to_texts_propose_nothing(seed: int):
    evidence, _ = world(seed=seed, variants=5)
    rng = np.random.default_rng(seed)
    by_family = {s.family: rng.choice(["yes", "no", "cant_tell"]) for s in evidence.sheets}
    given = [{"ann": by_family[s.family], "ben": by_family[s.family]} for s in evidence.sheets]
    embeddings = rng.standard_normal((len(given), 12))
    assert mine(with_verdicts(evidence, given), embeddings, seed=seed).patterns == ()


def test_fewer_than_eight_cases_or_two_raters_is_said_and_not_tested():
    evidence, embeddings = world(seed=1)
    few = EvidenceSet(evidence.criterion, evidence.sheets[:7])
    report = mine(few, embeddings[:7], seed=1)
    assert (report.tested, report.patterns) == (0, ())
    assert report.reason == (
        "mild-criterion: 7 cases have a blind label; a pattern needs at least 8."
    )
    alone = with_verdicts(evidence, [{"ann": "yes"} for _ in evidence.sheets])
    assert "1 rater gave blind labels" in mine(alone, embeddings, seed=1).reason


def test_one_rater_alone_is_no_gap_in_the_rubric():
    evidence, embeddings = world(seed=1)
    one = with_trouble_on(evidence, "tax", seed=2, raters=1)
    assert [p for p in mine(one, embeddings, seed=3).patterns if p.kind == "uncovered"] == []


def test_labels_that_are_all_alike_leave_nothing_to_test():
    evidence, embeddings = world(seed=1)
    alike = with_verdicts(evidence, [{"ann": "no", "ben": "no"} for _ in evidence.sheets])
    report = mine(alike, embeddings, seed=3)
    assert (report.tested, report.patterns) == (0, ())
    assert "nothing to test" in report.reason


def test_order_of_the_sheets_changes_nothing():
    evidence, embeddings = world(seed=1)
    troubled = with_trouble_on(evidence, "tax", seed=2)
    order = np.random.default_rng(9).permutation(len(embeddings))
    moved = replace(troubled, sheets=tuple(troubled.sheets[i] for i in order))
    assert mine(moved, embeddings[order], seed=3) == mine(troubled, embeddings, seed=3)


def test_criteria_of_one_refresh_share_one_correction():
    evidence, embeddings = world(seed=1)
    troubled = with_trouble_on(evidence, "tax", seed=2)
    noise = replace(shuffled(troubled, seed=5), criterion="noise")
    alone = mine(troubled, embeddings, seed=3)
    together = mine_together([(troubled, embeddings), (noise, embeddings)], seed=3)
    assert together.tested > alone.tested
    assert {pattern.criterion for pattern in together.patterns} == {"mild-criterion"}
    q_alone = {p.case_keys: p.q_value for p in alone.patterns}
    assert all(p.q_value > q_alone[p.case_keys] for p in together.patterns if p.q_value)


def test_comments_and_the_spread_of_judges_are_signals_too():
    evidence, embeddings = world(seed=4)
    comments = [
        {"ann": "unclear"} if i % 2 else {"ben": "which clause?"}
        for i in range(len(evidence.sheets))
    ]
    sheets = tuple(
        replace(s, comments=c, score_spread=0.9 if "kitchen" in s.case_key else 0.1)
        if "kitchen" in s.case_key
        else replace(s, score_spread=0.1)
        for s, c in zip(evidence.sheets, comments, strict=True)
    )
    report = mine(replace(evidence, sheets=sheets), embeddings, seed=4)
    region = next(p for p in report.patterns if p.kind == "uncovered")
    assert region.title.startswith("comments: 40 of 40 cases here, 0 of 120 elsewhere")


def test_embeddings_that_do_not_fit_are_refused():
    evidence, embeddings = world(seed=1)
    with pytest.raises(ValueError, match="pass one row a sheet"):
        mine(evidence, embeddings[:-1], seed=1)
    with pytest.raises(ValueError, match="not finite"):
        mine(evidence, embeddings * np.nan, seed=1)


def test_hostile_texts_reach_a_title_only_as_bare_words():
    evidence, embeddings = world(seed=1)
    sheets = tuple(
        replace(s, text=f'<script>steal("{s.text}")</script>\x00\u202e') for s in evidence.sheets
    )
    troubled = with_trouble_on(replace(evidence, sheets=sheets), "tax", seed=2)
    report = mine(troubled, embeddings, seed=3)
    assert report.patterns
    for pattern in report.patterns:
        assert not set('<>"\x00\u202e') & set(pattern.title)
        assert all(term.isalpha() for term in pattern.terms)


def test_a_criterion_without_cases_is_said_and_does_not_stop_the_others():
    evidence, embeddings = world(seed=1)
    empty = EvidenceSet("new", ())
    report = mine_together([(empty, np.array([])), (evidence, embeddings)], seed=3)
    assert {pattern.criterion for pattern in report.patterns} == {"mild-criterion"}
    assert mine(empty, np.array([]), seed=3).reason.startswith("new: 0 cases have a blind label")
