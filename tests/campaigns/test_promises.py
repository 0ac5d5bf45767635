"""What is promised of which target and of which cases: nothing without gold that is like them."""

from typing import Any

import numpy as np
import pytest
from django.test import Client
from scipy.special import expit

from campaigns import promises
from campaigns.gold_sets import GoldSet
from campaigns.judging.ensemble import Ensemble, fit_ensemble
from campaigns.models import Campaign, EnsembleVersion, Round
from campaigns.promises import Recalibration
from tests.campaigns.kept_ensemble import keep_ensemble
from tests.campaigns.unsaved_gold import unsaved_gold
from tests.world import World, signed_in


@pytest.fixture
def run() -> Any:
    class Run:
        def progress(self, *told: Any) -> None:
            return

    return Run()


def gold_of(world: World, offsets: dict[str, float], n: int) -> tuple[np.ndarray, GoldSet]:
    """p and a gold set whose log odds are off by an offset on each target; "" is no target."""
    rng = np.random.default_rng(3)
    names = [name for name in offsets for _ in range(n)]
    s = rng.normal(0, 2, len(names))
    y = rng.random(len(s)) < expit(s + [offsets[name] for name in names])
    strata = [{"target": name} if name else {} for name in names]
    return expit(s), unsaved_gold(world, y, [f"seed {i % 40}" for i in range(len(s))], strata)


def recalibrated(
    world: World, offsets: dict[str, float], n: int = 150
) -> tuple[Ensemble, Recalibration, GoldSet]:
    p, gold = gold_of(world, offsets, n)
    ensemble = fit_ensemble(p[:, None], gold.y, gold.families, names=["judge"], seed=0)
    return ensemble, promises.recalibrate(ensemble, p, gold, bound=0.05, seed=0), gold


def test_targets_that_differ_get_their_own_maps_and_a_threshold_that_goes_with_them(
    world: World,
) -> None:
    before, found, gold = recalibrated(world, {"a": 2.0, "b": -2.0, "c": 0.0})
    assert found.maps.of("a").offset > 1
    assert found.maps.of("b").offset < -1
    assert found.ensemble.threshold != before.threshold
    assert found.ensemble.quality.log_loss < before.quality.log_loss
    report = promises.report_of_targets(gold, found, before.threshold)
    assert report["way"] != "none"
    assert report["losses"][report["way"]] < report["losses"]["none"]
    for row in report["rows"]:
        assert (
            row["over_block_before"]["n"] == row["over_block"]["n"] == row["n"] - row["positives"]
        )


def test_targets_that_are_alike_change_nothing_and_are_still_told(world: World) -> None:
    before, found, gold = recalibrated(world, {"a": 0.0, "b": 0.0})
    assert found.ensemble is before
    report = promises.report_of_targets(gold, found, before.threshold)
    assert report["way"] == "none"
    assert [row["reason"] for row in report["rows"]] == ["", ""]


def test_of_a_single_target_there_is_nothing_to_tell_apart(world: World) -> None:
    before, found, gold = recalibrated(world, {"a": 0.0, "": 0.0}, n=60)
    assert found.tried is None
    assert promises.report_of_targets(gold, found, before.threshold) == {}


def test_each_target_needs_fifty_labels_of_its_own_with_both_answers(world: World) -> None:
    over = {"value": 0.04, "low": 0.01, "high": 0.2, "n": 50}
    few, one_sided = np.arange(49) < 20, np.arange(60) < 4
    assert "before 50" in promises.why_not_of_target(few, over, 0.05)
    assert "4 of 60 labels of this target are positive" in promises.why_not_of_target(
        one_sided, over, 0.05
    )
    assert promises.why_not_of_target(np.arange(50) < 5, over, 0.05) == ""


def test_a_target_that_is_blocked_more_than_the_bound_for_certain_is_not_promised(
    world: World,
) -> None:
    over = {"value": 0.19, "low": 0.12, "high": 0.28, "n": 101}
    told = promises.why_not_of_target(np.arange(200) < 99, over, 0.05)
    assert "Over-blocking of this target is 19%" in told
    assert "at least 12%" in told
    assert promises.why_not_of_target(np.arange(200) < 99, {**over, "low": 0.049}, 0.05) == ""


@pytest.fixture
def made(world: World, monkeypatch: pytest.MonkeyPatch) -> EnsembleVersion:
    """An ensemble on 24 settled cases of the target "a"; no model is loaded."""
    monkeypatch.setenv("EVALPLATFORM_EMBEDDINGS", "0")
    made = keep_ensemble(world)
    Campaign.objects.update(frozen_share=0)  # all 24 are gold to learn from
    made.refresh_from_db()
    for case in world.cases:
        case.strata["target"] = "a"
        case.save(update_fields=["strata"])
    made.report |= {promises.TARGETS: [], "combinations": {"names": [], "rows": []}}
    made.save()
    return made


def next_round(world: World, made: EnsembleVersion, **fields: Any) -> Round:
    """The round that this ensemble pre-labels, with 24 new cases."""
    round_ = made.round
    first, world.batch = (
        world.batch,
        type(world.batch).objects.create(project=world.project, name="Next", source="more tests"),
    )
    for _ in range(24):
        world.make_case(slots=False, **fields)
    world.batch, batch = first, world.batch
    Round.objects.filter(pk=round_.pk).update(
        ensemble=made, batch=batch, rubric_version=world.rubric
    )
    round_.refresh_from_db()
    return round_


def test_new_cases_like_the_gold_keep_the_promise(
    world: World, made: EnsembleVersion, run: Any
) -> None:
    found = promises.promise(next_round(world, made, strata={"target": "a"}), run=run)
    assert found["alike"] is True, found
    assert found["targets"] == []
    assert found["area"]["n"] == 48


def test_new_cases_of_another_domain_and_target_break_it_and_readers_are_told(
    world: World, made: EnsembleVersion, run: Any
) -> None:
    round_ = next_round(
        world, made, strata={"target": "b"}, context="A game of chess.",
        conversation=[{"role": "user", "content": "Which opening suits a beginner at chess?"}],
    )  # fmt: skip
    for number, case in enumerate(round_.cases.order_by("id")):
        type(case).objects.filter(pk=case.pk).update(
            response=f"Move the king's pawn, game {number}."
        )
    found = promises.promise(round_, run=run)
    assert found["alike"] is False, found
    assert "told from" in found["reason"]
    assert found["targets"][0]["name"] == "b"
    round_.findings = {"assign": {"slots": 0, "prelabelled": 0, promises.PROMISE: found}}
    round_.save()
    for user, sees in ((world.lead, True), (world.viewer, True), (world.ann1, False)):
        page = signed_in(Client(), user).get(f"/p/{world.project.slug}/").content.decode()
        assert ("is not promised for the cases of round 1" in page) == sees
        assert ("told from the gold by what the judges read" in page) == sees


def test_a_known_target_without_a_promise_is_told_with_its_round(
    world: World, made: EnsembleVersion, run: Any
) -> None:
    rows = [{"name": name, "reason": reason} for name, reason in (("a", "Few."), ("b", "Few."))]
    made.report |= {promises.TARGETS: {"way": "none", "losses": {}, "rows": rows}}
    made.save()
    round_ = next_round(world, made, strata={"target": "a"})
    assert promises.promise(round_, run=run)["targets"] == [{"name": "a", "reason": "Few."}]


def test_a_round_without_an_ensemble_or_without_texts_is_not_compared(
    world: World, made: EnsembleVersion, run: Any
) -> None:
    assert promises.promise(made.round, run=run) == {}
    found = promises.promise(next_round(world, made, response="", strata={"target": "a"}), run=run)
    assert found["alike"] is None
    assert promises.broken(made.round) == {}


def test_prelabels_follow_the_map_of_their_target(made: EnsembleVersion) -> None:
    maps = {"between": {"mean": [1.0, 0.0], "covariance": [[1, 0], [0, 1]], "targets": 2},
            "maps": {"a": [1.0, 2.0, 60, ""]}}  # fmt: skip
    assert promises.maps_of(made).apply(np.array([0.5]), ["a"]) == [0.5]
    made.payload = {promises.TARGETS: maps}
    found = promises.maps_of(made).apply(np.array([0.5, 0.5]), ["a", "never seen"])
    assert found == pytest.approx([expit(2.0), 0.5])


def test_guided_cases_are_not_measured_on_as_soon_as_enough_others_are_settled(
    world: World,
) -> None:
    y = np.arange(90) % 2 == 0
    arms = [{"arm": "guided" if n >= 50 else "control"} for n in range(90)]
    gold = unsaved_gold(world, y, [f"f{n}" for n in range(90)], arms)
    assert gold.drawn.tolist() == [True] * 50 + [False] * 40
    assert gold.some(gold.drawn).families == [f"f{n}" for n in range(50)]
    few = unsaved_gold(world, y, [f"f{n}" for n in range(90)],
                       [{"arm": "guided" if n >= 30 else "control"} for n in range(90)])  # fmt: skip
    assert few.drawn.all()  # 15 of each answer are too few
