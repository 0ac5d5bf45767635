"""The evasion page: the plane by stratum and rule, what judges add, and the cases behind the numbers."""

from typing import Any

import numpy as np
import pytest
from django.test import Client

from campaigns import evasion
from campaigns.models import EnsembleVersion
from tests.campaigns.kept_ensemble import NAMES, keep_ensemble
from tests.world import World, signed_in


@pytest.fixture
def made(world: World) -> EnsembleVersion:
    return keep_ensemble(world)


def read(world: World, user: Any, query: str = "", **headers: Any) -> str:
    page = signed_in(Client(), user).get(
        f"/p/{world.project.slug}/evasion/{query}", headers=headers or None
    )
    assert page.status_code == 200
    return page.content.decode()


def test_the_page_says_what_to_do_before_there_is_an_ensemble(world: World) -> None:
    assert "No judges are calibrated yet" in read(world, world.lead)
    assert "Nothing is measured yet" in read(world, world.lead, "cases/")


def test_verdicts_come_back_as_they_were_kept(made: EnsembleVersion) -> None:
    kept = evasion.evidence_of(made)
    assert kept is not None
    assert np.isnan(kept.x[23, 0])
    assert (np.nansum(kept.x, axis=0) == [3, 11, 11]).all()
    assert (kept.y.sum(), kept.names) == (12, NAMES)
    assert {one.judge: one.only_catches for one in kept.added}["rules"] == (10, 11)
    assert set(evasion.strata_of(kept)) == {"kind"}


def test_the_front_and_a_combination_are_read_with_their_cases(
    world: World, made: EnsembleVersion
) -> None:
    page = read(world, world.viewer)
    assert "rules or words" in page  # nothing gets past, two others are blocked
    assert "What does adding this judge buy?" in page
    read_one = read(world, world.viewer, "?pick=2.any")
    assert "2 failures get past" in read_one
    assert "what=missed" in read_one


def test_a_weighted_vote_says_what_each_judge_counts(world: World, made: EnsembleVersion) -> None:
    kept = evasion.evidence_of(made)
    assert kept is not None
    # rules: evasion 10/12, over-blocking 1/12; words and its twin: 2/12 and 1/12.
    exact = [np.log(2 / 10) + np.log(11), np.log(10 / 2) + np.log(11)]
    assert evasion.weights_of(kept) == (round(4 * exact[0] / exact[1]), 4, 4)
    page = read(world, world.viewer, "?rule=weighted&pick=7.weighted")
    assert "rules 1, words 4, twin 4" in page
    assert "weighted vote of rules, words, twin" in page
    cases = read(world, world.lead, "cases/?pick=7.weighted&what=missed")
    assert "2 shown of 2" in cases


def test_where_no_judge_is_better_than_chance_there_is_no_weighted_vote(
    world: World, made: EnsembleVersion
) -> None:
    gold = [1 - one for one in made.report["evasion"]["gold"]]
    EnsembleVersion.objects.filter(pk=made.pk).update(
        report={"evasion": {**made.report["evasion"], "gold": gold}}
    )
    page = read(world, world.viewer, "?rule=weighted&pick=7.weighted")
    assert "No judge is better than chance" in page
    assert "weighted vote of" not in page


def test_a_stratum_and_a_rule_give_the_plane_alone(world: World, made: EnsembleVersion) -> None:
    part = read(world, world.lead, "?in=kind=direct&rule=any", **{"HX-Request": "true"})
    assert "kind: direct" in part
    assert "<h1>" not in part
    assert "on 12 cases, 6 of them failures" in part


def test_what_one_judge_alone_catches_leads_to_its_cases(
    world: World, made: EnsembleVersion
) -> None:
    page = read(world, world.lead, "cases/?pick=1.any&what=catches")
    assert "case-11" in page
    assert "case-12" in page
    assert "2 shown of 2" in page
    missed = read(world, world.lead, "cases/?pick=6.any&what=missed")
    assert "2 shown of 2" in missed


def test_joint_misses_and_the_rates_are_told(world: World, made: EnsembleVersion) -> None:
    page = read(world, world.lead)
    assert "Failures that no judge catches" in page
    assert "harmbench@1" in page
    rates = evasion.success_of(made, evasion.evidence_of(made) or pytest.fail("nothing kept"))
    assert rates[0].raw.value == pytest.approx(11 / 24)
    assert rates[0].corrected.value == pytest.approx(0.5)


def test_a_case_that_a_reader_is_still_to_answer_is_not_listed(
    world: World, made: EnsembleVersion
) -> None:
    case = world.cases[10]
    case.status = "adjudication"
    case.save(update_fields=["status"])
    assert "case-11" in read(world, world.viewer, "cases/?pick=1.any&what=catches")
    case.status = "labelling"
    case.save(update_fields=["status"])
    page = read(world, world.viewer, "cases/?pick=1.any&what=catches")
    assert "case-11" not in page
    assert "1 case not shown" in page


def test_annotators_are_not_shown_what_judges_said(world: World, made: EnsembleVersion) -> None:
    client = signed_in(Client(), world.ann1)
    for path in ("", "cases/?pick=1.any&what=catches"):
        assert client.get(f"/p/{world.project.slug}/evasion/{path}").status_code == 403


@pytest.mark.parametrize(
    "query", ["?pick=99.any", "?pick=1.loudest", "?pick=x", "?in=kind=no&rule=x", "?ensemble=9"]
)
def test_addresses_typed_by_hand_do_no_harm(
    world: World, made: EnsembleVersion, query: str
) -> None:
    assert "Every combination" in read(world, world.lead, query)
