"""Which groups differ: in pairs where the same was asked, by their intervals elsewhere, with q values."""

from statistics import NormalDist

import pytest

from annotations import differences, prevalence
from annotations.measurement.results import Estimate, undefined
from annotations.models import Batch
from annotations.prevalence import Report
from tests.annotations.test_prevalence import fill
from tests.world import World


def estimate(value: float, low: float, high: float, n: int = 100) -> Estimate:
    return Estimate(value, low, high, n, method="m")


def by_target(world: World, *targets: str, endless: bool = False) -> Report:
    return prevalence.measure(
        world.project, world.harm, by="target", values=list(targets), endless=endless
    )


# ---- apart


def test_distances_of_independent_figures_add_in_squares() -> None:
    """MOVER, by hand: .3 - sqrt(.1^2 + .05^2) and .3 + sqrt(.1^2 + .05^2)."""
    found = differences.difference_of(estimate(0.5, 0.4, 0.6), estimate(0.2, 0.15, 0.25))
    root = (0.1**2 + 0.05**2) ** 0.5
    assert found.value == pytest.approx(0.3)
    assert (found.low, found.high) == (pytest.approx(0.3 - root), pytest.approx(0.3 + root))
    none = differences.difference_of(estimate(0.5, 0.4, 0.6), undefined("why", n=3, method="m"))
    assert (none.value, none.n) == (None, 103)


def test_p_is_five_per_cent_where_the_interval_ends_at_zero() -> None:
    assert differences.p_value_of(estimate(0.2, 0.0, 0.5)) == pytest.approx(0.05)
    assert differences.p_value_of(estimate(-0.2, -0.5, 0.0)) == pytest.approx(0.05)
    twice = differences.p_value_of(estimate(0.2, 0.1, 0.4))
    assert twice == pytest.approx(2 * NormalDist().cdf(-2 * 1.959964), rel=1e-4)
    assert differences.p_value_of(estimate(0.0, -0.1, 0.1)) == pytest.approx(1.0)
    assert differences.p_value_of(estimate(0.2, 0.2, 0.2)) is None


def test_groups_of_other_items_are_compared_by_their_figures(world: World) -> None:
    fill(world, 60, drawn=30, positive=15, strata={"target": "a"})
    second = Batch.objects.create(project=world.project, name="Second", source="s")
    made = fill(world, 60, drawn=30, positive=3, strata={"target": "b"}, batch=second)
    for number, case in enumerate(made):
        type(case).objects.filter(pk=case.pk).update(family=f"other-{number}")
    ((one,), against) = differences.compare_groups(by_target(world, "a", "b").groups)
    assert (one.first, one.second, one.is_paired, against) == ("a", "b", False, "")
    assert one.difference.value == pytest.approx(0.4)
    assert one.difference.method == differences.BY_INTERVALS
    assert one.q_value is not None
    assert one.q_value < 0.01


# ---- in pairs


def test_targets_that_were_asked_the_same_are_compared_in_pairs(world: World) -> None:
    """40 prompts to both, all drawn: 20 fail for a, 5 of these for b too."""
    fill(world, 60, drawn=40, positive=20, strata={"target": "a"})
    fill(world, 60, drawn=40, positive=5, strata={"target": "b"})
    ((one,), _) = differences.compare_groups(by_target(world, "a", "b").groups)
    assert (one.is_paired, one.difference.value, one.difference.n) == (True, 15 / 40, 40)
    assert one.p_value == pytest.approx(2 * 0.5**15 / 2)  # McNemar's mid-p of 15 against 0


def test_labels_drawn_unequally_are_not_paired(world: World) -> None:
    fill(world, 40, drawn=20, positive=10, strata={"target": "a"})
    fill(world, 40, drawn=20, positive=10, strata={"target": "b"})
    world.project.cases.filter(strata__target="b", family="f0").update(audit_probability=0.9)
    ((one,), _) = differences.compare_groups(by_target(world, "a", "b").groups)
    assert not one.is_paired


# ---- many


def test_of_many_groups_each_is_compared_with_the_largest(world: World) -> None:
    names = [f"t{number}" for number in range(10)]
    for number, name in enumerate(names):
        fill(world, 12 + number, drawn=6 + number, positive=3, strata={"target": name})
    found, against = differences.compare_groups(by_target(world, *names).groups)
    assert (len(found), against) == (9, "t9")
    assert {one.second for one in found} == {"t9"}
    assert all(one.q_value is not None and one.p_value is not None for one in found)
    assert all((one.q_value or 0) >= (one.p_value or 0) for one in found)


def test_a_group_without_figure_is_compared_with_nothing(world: World) -> None:
    fill(world, 10, drawn=5, positive=2, strata={"target": "a"})
    fill(world, 10, drawn=0, strata={"target": "b"})
    assert differences.compare_groups(by_target(world, "a", "b").groups) == ((), "")
