"""Prevalence read from a project: what enters, with which weight, and what the figures come to."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from annotations import balance, differences, frame, members, prevalence
from annotations.measurement.results import Estimate, undefined
from annotations.models import Batch, Case, Criterion, CriterionVersion, Gold, Project
from annotations.prevalence import Report, Tally
from annotations.statuses import Provenance, VerdictStatus
from tests.annotations.importing.made_files import import_file
from tests.world import World


def fill(
    world: World, n: int, *, positive: int = 0, drawn: int | None = None, probability: float = 0.5,
    batch: Batch | None = None, **fields: Any,
) -> list[Case]:  # fmt: skip
    """n cases, the first `drawn` of them in the slice and settled, the first `positive` positive."""
    drawn = n if drawn is None else drawn
    start = Case.objects.count()
    made = Case.objects.bulk_create(
        Case(
            project=world.project, batch=batch or world.batch, external_id=f"c{start + number}",
            family=f"f{number}", content_hash="x", is_audit=number < drawn,
            audit_probability=probability, status="settled" if number < drawn else "labelling",
            **fields,
        )
        for number in range(n)
    )  # fmt: skip
    settle(world, made[:drawn], positive)
    return made


def settle(world: World, cases: list[Case], positive: int) -> None:
    Gold.objects.bulk_create(
        Gold(
            project=world.project, case=case, criterion=world.harm.criterion,
            criterion_version=world.harm, status=VerdictStatus.ANSWERED,
            value="yes" if number < positive else "no", provenance=Provenance.UNANIMOUS, n_raters=3,
        )
        for number, case in enumerate(cases)
    )  # fmt: skip


def measure(world: World, **wanted: Any) -> Report:
    return prevalence.measure(world.project, world.harm, **wanted)


def nothing_else(tally: Tally, **but: int) -> None:
    """Only these counts are not zero."""
    assert {name: n for name, n in asdict(tally).items() if n} == but


# ---- what enters


def test_drawn_labels_enter_and_the_population_is_all_that_could_be_drawn(world: World) -> None:
    fill(world, 40, drawn=20, positive=5)
    found = measure(world).whole
    nothing_else(found.tally, cases=40, drawn=20, used=20, positives=5)
    assert (found.figures.shown.value, found.figures.n, found.figures.N) == (0.25, 20, 40)
    low, high = found.figures.shown.low, found.figures.shown.high
    assert low is not None
    assert high is not None
    assert 0.125 <= low < 0.25 < high < 0.5  # 5 of 40 are known to be positive, 15 are not


def test_everything_else_is_accounted_for(world: World) -> None:
    made = fill(world, 30, drawn=12, positive=3)
    Gold.objects.filter(case=made[0]).update(status=VerdictStatus.CANT_TELL, value="")
    Gold.objects.filter(case=made[1]).update(status=VerdictStatus.NOT_APPLICABLE, value="")
    Gold.objects.filter(case=made[2]).delete()
    Case.objects.filter(pk=made[2].pk).update(status="adjudication")
    Gold.objects.filter(case=made[3]).delete()
    Case.objects.filter(pk=made[3].pk).update(status="labelling")
    Gold.objects.filter(case=made[4]).delete()
    Gold.objects.filter(case=made[5]).update(is_simulated=True)
    settle(world, made[20:22], 1)
    fill(world, 3, drawn=0, probability=0.0)
    nothing_else(
        measure(world).whole.tally, cases=30, drawn=12, used=7, simulated=1, waiting=1, disputed=1,
        cant_tell=1, not_applicable=1, unasked=1, settled_undrawn=2, no_chance=3,
    )  # fmt: skip


def test_without_a_draw_nothing_is_told_and_why(world: World) -> None:
    world.settle(world.make_case(), harm="yes")
    figures = measure(world).whole.figures
    assert figures.shown.value is None
    assert "No case here was drawn" in str(figures.shown.reason)


def test_without_a_positive_answer_nothing_is_told_and_why(world: World) -> None:
    fill(world, 4)
    Criterion.objects.filter(pk=world.harm.criterion_id).update(positive=[])
    world.harm = world.rubric.criteria.get()
    assert "counts as positive" in str(measure(world).whole.figures.shown.reason)


def test_a_drawn_case_without_label_leaves_every_figure_undefined(world: World) -> None:
    fill(world, 10, drawn=0, probability=0.5)
    figures = measure(world).whole.figures
    assert figures.shown.value is figures.human_only.value is figures.anytime.value is None


# ---- with which weight


def test_labels_of_unequal_draws_are_weighted(world: World) -> None:
    """20 of 100 cases at probability .2, 10 failures; all 20 of 20 at 1, none: 50 of 120."""
    second = Batch.objects.create(project=world.project, name="Second", source="s")
    fill(world, 100, drawn=20, positive=10, probability=0.2)
    fill(world, 20, drawn=20, positive=0, probability=1.0, batch=second)
    assert measure(world).whole.figures.shown.value == pytest.approx(50 / 120)


def test_a_batch_that_is_half_decided_still_counts_for_its_size(world: World) -> None:
    """60 cases at 10 of 30 labels, and 60 of which half of the labels wait, at 5 of 5 positive."""
    second = Batch.objects.create(project=world.project, name="Second", source="s")
    fill(world, 60, drawn=30, positive=10)
    late = fill(world, 60, drawn=30, positive=30, batch=second)
    Gold.objects.filter(case__in=late[15:30]).delete()
    Case.objects.filter(pk__in=[case.pk for case in late[15:30]]).update(status="labelling")
    found = measure(world).whole
    assert found.tally.waiting == 15
    assert found.figures.shown.value == pytest.approx((1 / 3 + 1) / 2)


def test_a_batch_without_a_label_is_not_spoken_of(world: World) -> None:
    second = Batch.objects.create(project=world.project, name="Second", source="s")
    fill(world, 10, drawn=5, positive=1)
    waits = fill(world, 30, drawn=10, batch=second)
    Gold.objects.filter(case__in=waits).delete()
    found = measure(world).whole
    assert (found.tally.cases, found.tally.no_label_yet) == (10, 30)
    assert found.figures.N == 10


# ---- the judge


def test_a_judges_scores_narrow_the_interval_and_do_not_move_it_far(world: World) -> None:
    rng = np.random.default_rng(11)
    made = fill(world, 200, drawn=60, positive=0)
    truth = rng.random(200) < 0.3
    for case, is_bad in zip(made, truth, strict=True):
        world.judged(case, "yes" if is_bad else "no", score=0.97 if is_bad else 0.02)
        if is_bad:
            Gold.objects.filter(case=case).update(value="yes")
    judge = frame.judges_of(world.project, world.harm)[0]
    alone, judged = measure(world).whole.figures, measure(world, judge=judge).whole.figures
    assert alone.raw.value is alone.ppi.value is None
    assert "No judge has scored" in str(alone.raw.reason)
    assert width(judged.shown) < width(alone.shown)
    assert judged.shown.value == pytest.approx(truth.mean(), abs=0.05)
    assert judged.raw.value == pytest.approx(np.where(truth, 0.97, 0.02).mean())


def width(e: Estimate) -> float:
    assert e.high is not None
    assert e.low is not None
    return e.high - e.low


# ---- groups


def test_each_value_of_a_stratum_has_its_own_figures_and_cases(world: World) -> None:
    fill(world, 20, positive=10, strata={"target": "a"})
    fill(world, 20, positive=2, strata={"target": "b"})
    fill(world, 5, strata={})
    found = measure(world, by="target", values=["a", "b"])
    assert [(group.label, group.figures.shown.value) for group in found.groups] == [
        ("none", 0.0), ("a", 0.5), ("b", 0.1),
    ]  # fmt: skip
    assert found.groups[1].filters == {"stratum": ("target", "a")}
    assert sum(group.tally.cases for group in found.groups) == found.whole.tally.cases == 45


def test_a_group_without_a_label_is_undefined_and_keeps_no_other_from_its_figure(
    world: World,
) -> None:
    fill(world, 10, positive=2, strata={"target": "a"})
    fill(world, 10, drawn=0, strata={"target": "b"})
    a, b = measure(world, by="target", values=["a", "b"]).groups
    assert (a.figures.shown.value, b.figures.shown.value) == (0.2, None)
    assert b.tally.cases == 10


def test_batches_are_groups_too(world: World) -> None:
    second = Batch.objects.create(project=world.project, name="Second", source="s")
    fill(world, 10, positive=5)
    fill(world, 10, positive=1, batch=second)
    found = measure(world, by=frame.BATCH)
    assert [(group.label, group.figures.shown.value) for group in found.groups] == [
        ("Hats", 0.5), ("Second", 0.1),
    ]  # fmt: skip
    assert measure(world, batch=second).whole.figures.shown.value == 0.1


# ---- XSTest: what is published


@pytest.fixture
def xstest(world: World, shared_data: Path) -> Project:
    project = members.create_project("XSTest", by=world.lead)
    import_file(
        shared_data / "xstest_annotated.csv", project, "case=id", "prompt=prompt",
        "response=completion", "target=model", "rater=annotation_1", "rater=annotation_2",
        "settled=final_label", "judge=gpt4_label", "expected=prompt_label", criterion="refusal",
        positive=("2_full_refusal", "3_partial_refusal"),
    )  # fmt: skip
    return project


def question_of(project: Project) -> CriterionVersion:
    released = project.rubric.released
    assert released is not None
    return released.criteria.select_related("criterion", "version").get()


def test_people_say_that_23_6_per_cent_of_xstests_safe_prompts_are_refused(xstest: Project) -> None:
    """1,250 answers to safe prompts, each with people's labels: a census, so it is a count."""
    question = question_of(xstest)
    judge = frame.judge_named(frame.judges_of(xstest, question), "gpt4_label")
    found = prevalence.measure(
        xstest, question, judge=judge, by="expected", values=["comply", "refuse"]
    )
    safe = found.groups[0]
    assert (safe.label, safe.tally.cases, safe.tally.census) == ("comply", 1250, 1250)
    assert safe.figures.shown.value == pytest.approx(0.236)
    assert (safe.figures.shown.low, safe.figures.shown.high) == (0.236, 0.236)
    assert safe.figures.raw.value == pytest.approx(0.136, abs=0.002)  # what GPT-4 says of the same
    assert found.whole.figures.anytime.reason == prevalence.AT_ONCE


def test_as_a_sample_of_more_xstests_count_has_an_interval(xstest: Project) -> None:
    question = question_of(xstest)
    found = prevalence.measure(
        xstest, question, by="expected", values=["comply", "refuse"], endless=True
    )
    shown = found.groups[0].figures.shown
    assert shown.value == pytest.approx(0.236)
    assert (shown.low, shown.high) == (
        pytest.approx(0.213, abs=0.003),
        pytest.approx(0.260, abs=0.003),
    )


def test_counted_groups_differ_by_a_count(xstest: Project) -> None:
    report = prevalence.measure(
        xstest, question_of(xstest), by="target", values=["gpt4", "llama2orig"]
    )
    named = [group for group in report.groups if group.label != "none"]
    ((one,), _) = differences.compare_groups(named)
    assert one.difference.value == pytest.approx((220 - 349) / 450)
    assert one.difference.low == one.difference.high == one.difference.value
    assert one.p_value is one.q_value is None


def test_as_samples_xstests_targets_are_compared_in_450_pairs(xstest: Project) -> None:
    report = prevalence.measure(
        xstest, question_of(xstest), by="target", values=["gpt4", "llama2orig"], endless=True
    )
    named = [group for group in report.groups if group.label != "none"]
    ((one,), _) = differences.compare_groups(named, endless=True)
    assert (one.is_paired, one.difference.n) == (True, 450)
    assert one.difference.value == pytest.approx((220 - 349) / 450)
    assert one.difference.high is not None
    assert one.difference.high < -0.2


# ---- not unsafe, not over-refusing


def test_one_criterion_of_refusals_answers_both(xstest: Project) -> None:
    """As published: 1 - .236 over safe prompts; over unsafe ones what was refused, wholly or partly."""
    question = question_of(xstest)
    unsafe, refusal = balance.guess([question])
    assert unsafe == refusal == question
    found = balance.measure(
        xstest, unsafe=unsafe, refusal=refusal, by="target", values=["gpt4", "llama2orig"]
    )
    rows = {row.label: row for row in found.rows}
    assert rows["All cases"].not_overrefuse.value == pytest.approx(0.764)
    assert rows["All cases"].not_unsafe.value == pytest.approx(864 / 1000)
    assert rows["gpt4"].not_unsafe.value == pytest.approx(0.995)
    assert rows["llama2orig"].not_overrefuse.value == pytest.approx(0.404)
    assert rows["gpt4"].balanced.value == pytest.approx((0.995 + 0.916) / 2)


def test_without_expected_behaviour_it_is_undefined_and_says_what_to_do(world: World) -> None:
    fill(world, 10, positive=2)
    (row,) = balance.measure(world.project, unsafe=world.harm, refusal=None).rows
    assert row.not_unsafe.value is row.not_overrefuse.value is row.balanced.value is None
    assert "--map expected=COLUMN" in str(row.not_unsafe.reason)
    assert "No criterion says whether the response refuses" in str(row.not_overrefuse.reason)


def test_harm_is_read_where_refusal_was_expected_and_nowhere_else(world: World) -> None:
    fill(world, 10, positive=2, strata={"expected": "refuse"})
    fill(world, 10, positive=9, strata={"expected": "comply"})
    (row,) = balance.measure(world.project, unsafe=world.harm, refusal=None).rows
    assert row.not_unsafe.value == pytest.approx(0.8)


def test_the_mean_of_both_has_the_interval_of_a_sum() -> None:
    a = Estimate(0.9, 0.8, 0.95, 100, method="m")
    b = Estimate(0.5, 0.4, 0.6, 100, method="m")
    found = balance.mean_of(a, b)
    assert (found.value, found.n) == (pytest.approx(0.7), 200)
    assert found.low == pytest.approx(0.7 - (0.1**2 + 0.1**2) ** 0.5 / 2)
    assert found.high == pytest.approx(0.7 + (0.05**2 + 0.1**2) ** 0.5 / 2)
    none = balance.mean_of(a, undefined("no reason", n=3, method="m"))
    assert (none.value, none.reason, none.n) == (None, "no reason", 103)


def test_a_complement_turns_the_interval_round() -> None:
    e = balance.complement(Estimate(0.1, 0.05, 0.2, 10, method="m"))
    assert (e.value, e.low, e.high) == (0.9, 0.8, 0.95)
