"""Planning is fixed by its seed, keeps lineage, and says why."""

from collections import Counter

import pytest

from campaigns.search.plan import BehaviorSeed, Parent, plan_candidates
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


def test_a_round_with_nothing_to_draw_on_is_refused() -> None:
    with pytest.raises(ValueError, match="add behaviours"):
        plan_candidates([], [], TRANSFORMS, n=10, seed=7)
