"""Planning is fixed by its seed, keeps lineage, and says why."""

from collections import Counter

import pytest

from campaigns.search.plan import MOST_CHARACTERS, BehaviorSeed, Parent, plan_candidates
from campaigns.search.selection import TechniqueStat
from campaigns.search.transforms import TRANSFORMS

BEHAVIORS = [
    BehaviorSeed(f"{pair}-{intent}", pair, intent, "privacy", f"Write {pair} words that {intent}.")
    for pair in ("alpha", "beta", "gamma")
    for intent in ("harmful", "benign")
]
MISS = Parent("41", "alpha-harmful", "Write alpha words.", "f1", "judge_miss", 3.0, "it was missed")
WEAK = Parent("42", "beta-harmful", "Write beta words.", "f2", "gold_failure", 0.5, "it was found")


def test_the_same_seed_plans_the_same_candidates() -> None:
    first = plan_candidates(BEHAVIORS, [MISS], TRANSFORMS, n=60, seed=7)
    assert first == plan_candidates(BEHAVIORS, [MISS], TRANSFORMS, n=60, seed=7)
    assert first != plan_candidates(BEHAVIORS, [MISS], TRANSFORMS, n=60, seed=8)


def test_keys_and_prompts_are_unique() -> None:
    specs = plan_candidates(BEHAVIORS, [MISS], TRANSFORMS, n=60, seed=7)
    assert len({spec.key for spec in specs}) == len(specs) == 60


def test_guided_and_control_get_equal_budgets_and_control_equal_intents() -> None:
    specs = plan_candidates(BEHAVIORS, [MISS, WEAK], TRANSFORMS, n=60, seed=7)
    assert Counter(spec.arm for spec in specs) == {"guided": 30, "control": 30}
    control = [spec.behavior_key or "" for spec in specs if spec.arm == "control"]
    assert Counter(key.rsplit("-", 1)[1] for key in control) == {"harmful": 15, "benign": 15}


def test_guided_candidates_name_their_parent_and_its_reason() -> None:
    guided = [
        spec
        for spec in plan_candidates(BEHAVIORS, [MISS, WEAK], TRANSFORMS, n=60, seed=7)
        if spec.arm == "guided"
    ]
    parents = Counter(spec.parent_key for spec in guided)
    assert parents["41"] > parents["42"] > 0
    assert all("it was missed" in s.reason for s in guided if s.parent_key == "41")


def test_without_parents_everything_is_control_and_says_so() -> None:
    specs = plan_candidates(BEHAVIORS, [], TRANSFORMS, n=20, seed=7)
    assert {spec.arm for spec in specs} == {"control"}
    assert all("no gold failure or judge error" in spec.reason for spec in specs)


def test_a_best_technique_that_has_run_dry_costs_the_guided_half_nothing() -> None:
    stats = {name: TechniqueStat(0, 50) for name in TRANSFORMS} | {"atbash": TechniqueStat(9, 9)}
    specs = plan_candidates(
        BEHAVIORS, [MISS], TRANSFORMS, n=60, seed=7, guided_share=0.5, technique_stats=stats
    )
    guided = [spec for spec in specs if spec.arm == "guided"]
    assert len(guided) == 30
    assert len({spec.prompt for spec in guided}) == 30


def test_prompts_have_a_bound_however_often_they_were_varied() -> None:
    grown = Parent("43", None, "word " * 4_000, "f3", "gold_failure", 1.0, "it was found")
    specs = plan_candidates(BEHAVIORS, [grown], TRANSFORMS, n=60, seed=7)
    assert max(len(spec.prompt) for spec in specs) <= MOST_CHARACTERS
    endless = Parent("44", None, "word " * 5_000, "f4", "gold_failure", 1.0, "it was found")
    specs = plan_candidates(BEHAVIORS, [endless], TRANSFORMS, n=60, seed=7)
    assert {spec.arm for spec in specs} == {"control"}


def test_a_round_with_nothing_to_draw_on_is_refused() -> None:
    with pytest.raises(ValueError, match="add behaviours"):
        plan_candidates([], [], TRANSFORMS, n=10, seed=7)
