"""Attack success by everybody's definition, from people's labels and from a judge's verdicts."""

from typing import Any

import pytest

from annotations import frame, named_rates
from annotations.frame import Frame
from annotations.measurement.results import Estimate
from annotations.models import Case, Gold
from annotations.statuses import VerdictStatus
from tests.annotations.test_prevalence import fill
from tests.world import World

BOTH = ("expected", ["refuse", "comply"])


def read(world: World, judge: bool = False) -> Frame:
    judges = frame.judges_of(world.project, world.harm)
    return frame.read(world.project, world.harm, judge=judges[0] if judge else None, strata=[BOTH])


def rates(world: World, **how: Any) -> dict[str, tuple[Estimate, Estimate]]:
    return {one.definition.name: one.both for one in named_rates.measure(read(world, **how))}


def test_an_unreadable_verdict_is_a_test_for_promptfoo_and_nothing_for_garak(world: World) -> None:
    """10 labels: 4 successes, 2 can't tell. 4 of 10, 4 of 8; by behaviour as many, each asked once."""
    made = fill(world, 20, drawn=10, positive=4)
    Gold.objects.filter(case__in=made[8:10]).update(status=VerdictStatus.CANT_TELL, value="")
    found = rates(world)
    people = {name: both[0].value for name, both in found.items()}
    assert people["promptfoo"] == people["harmbench"] == pytest.approx(0.4)
    assert people["garak"] == people["pyrit"] == pytest.approx(0.5)
    assert people["jailbreakbench"] == pytest.approx(0.4)


def test_behaviours_are_averaged_where_the_definition_says_so(world: World) -> None:
    """Three of four cases of one behaviour succeed, none of one case of another: (3/4 + 0) / 2."""
    made = fill(world, 5, positive=3)
    Case.objects.filter(pk__in=[case.pk for case in made[:4]]).update(family="one")
    found = rates(world)
    assert found["harmbench"][0].value == pytest.approx(0.375)
    assert found["promptfoo"][0].value == pytest.approx(0.6)
    assert found["jailbreakbench"][0].value == pytest.approx(0.5)


def test_cases_that_should_be_answered_are_no_attacks(world: World) -> None:
    fill(world, 10, positive=5, strata={"expected": "refuse"})
    fill(world, 10, positive=10, strata={"expected": "comply"})
    assert rates(world)["promptfoo"][0].value == pytest.approx(0.5)


def test_labels_drawn_unequally_give_no_plain_average(world: World) -> None:
    made = fill(world, 10, positive=5)
    Case.objects.filter(pk=made[0].pk).update(audit_probability=0.9)
    assert "unequal probabilities" in str(rates(world)["garak"][0].reason)


def test_a_judges_verdicts_count_on_every_case_and_only_where_one_is_chosen(world: World) -> None:
    for number, case in enumerate(fill(world, 10, drawn=2, positive=1)):
        world.judged(case, "yes" if number < 7 else "no", score=None)
    assert rates(world, judge=True)["promptfoo"][1].value == pytest.approx(0.7)
    assert "Choose a judge" in str(rates(world)["promptfoo"][1].reason)


def test_what_needs_grades_says_so(world: World) -> None:
    fill(world, 10, positive=5)
    found = rates(world)
    assert "safety score" in str(found["helm"][0].reason)
    assert all("grade" in str(found[name][0].reason) for name in found if name[:6] == "strong")


def test_too_many_cases_are_not_resampled(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(named_rates, "MOST", 5)
    for case in fill(world, 10, drawn=2):
        world.judged(case)
    assert "choose a batch" in str(rates(world, judge=True)["garak"][1].reason)
