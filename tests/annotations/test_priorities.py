"""The order of the queue: open questions first, severe and new ones before repetitions, audit above all."""

import pytest
from pytest_django import DjangoAssertNumQueries

from annotations import jobs, priorities, queue
from annotations.models import AuditEvent, Case, Job, Slot
from annotations.selection import Selection
from annotations.statuses import JobStatus, SlotStatus
from tests.world import World


@pytest.fixture(autouse=True)
def _no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "wake", lambda job_id: None)


def ranked(*cases: Case) -> list[str]:
    """The ids of these cases, the one to be labelled next first."""
    weights = priorities.of(cases)
    return [str(c) for c in sorted(cases, key=lambda case: -weights[case.pk].priority)]


def reprioritise(world: World) -> Job:
    job = priorities.reprioritise(world.project, selection=Selection(), by=world.lead)
    done = jobs.run_job(job.pk)
    assert done is not None
    assert done.status == JobStatus.DONE, done.error
    return done


def test_what_the_ensemble_is_unsure_of_comes_first(world: World) -> None:
    sure, unsure = world.make_case("sure"), world.make_case("unsure")
    world.judged(sure, score=0.99)
    world.judged(unsure, score=0.55)
    assert ranked(sure, unsure) == ["unsure", "sure"]


def test_judges_who_contradict_each_other_come_before_judges_who_agree(world: World) -> None:
    agreed, divided = world.make_case("agreed"), world.make_case("divided")
    for case, scores in ((agreed, (0.5, 0.5)), (divided, (0.05, 0.95))):
        for number, score in enumerate(scores):
            world.judged(case, name=f"judge {number}", score=score)
    assert ranked(agreed, divided) == ["divided", "agreed"]


def test_a_word_without_a_score_is_a_fairly_sure_judge(world: World) -> None:
    one, two = world.make_case("one"), world.make_case("two")
    world.judged(one, "yes", name="imported", score=None)
    world.judged(two, "yes", name="a", score=None)
    world.judged(two, "no", name="b", score=None)
    assert ranked(one, two) == ["two", "one"]


def test_only_the_newest_verdict_of_a_judge_counts(world: World) -> None:
    case, other = world.make_case("case"), world.make_case("other")
    world.judged(case, revision="old", score=0.5)
    world.judged(case, revision="new", score=1.0)
    world.judged(other, revision="new", score=0.9)
    assert ranked(case, other) == ["other", "case"]


def test_a_severe_case_comes_before_a_mild_one_and_the_slot_foresees_it(world: World) -> None:
    mild = world.make_case("mild", strata={"severity": 1})
    severe = world.make_case("severe", strata={"severity": "4"})
    assert ranked(mild, severe) == ["severe", "mild"]
    assert priorities.of([severe])[severe.pk].severity == 4


@pytest.mark.parametrize("nonsense", ["high", "9", "-1", "²", None, [4], "44"])
def test_a_stratum_that_is_no_severity_is_not_known(world: World, nonsense: object) -> None:
    case = world.make_case(strata={"severity": nonsense})
    assert priorities.of([case])[case.pk].severity is None


def test_a_judges_severity_is_foreseen_too(world: World) -> None:
    case = world.make_case(strata={})
    verdict = world.judged(case)
    verdict.annotation.severity = 3
    verdict.annotation.save()
    assert priorities.of([case])[case.pk].severity == 3


def test_the_first_of_a_cluster_comes_before_its_neighbours(world: World) -> None:
    first = world.make_case("first", cluster="c1")
    second = world.make_case("second", cluster="c1")
    alone = world.make_case("alone", cluster="c2")
    weights = priorities.of([second, first, alone])
    assert weights[first.pk] == weights[alone.pk]
    assert weights[second.pk].priority < weights[first.pk].priority


def test_without_clusters_a_family_is_one(world: World) -> None:
    first, second = world.make_case(family="f"), world.make_case(family="f")
    weights = priorities.of([second])  # the first is not asked about, and still the first
    assert weights[second.pk].priority < priorities.of([first])[first.pk].priority


def test_people_who_labelled_say_nothing_about_the_order(world: World) -> None:
    case, other = world.make_case(), world.make_case()
    world.give(world.ann1, case, harm="yes")
    assert priorities.of([case])[case.pk] == priorities.of([other])[other.pk]


def test_the_number_of_queries_does_not_grow_with_the_cases(
    world: World, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(12):
        world.judged(world.make_case(cluster=f"c{number % 3}"), score=0.3)
    # What judges say, whose clusters are new, and which projects stop by posterior.
    with django_assert_num_queries(3):
        priorities.of(world.cases[:1])
    with django_assert_num_queries(3):
        priorities.of(world.cases)


def test_reprioritising_writes_to_open_places_only(world: World) -> None:
    case, other = world.make_case(overlap=2), world.make_case(overlap=2)
    world.claim(world.ann1, case)
    world.judged(case, score=0.5)
    world.judged(other, score=0.999)
    before = Slot.objects.get(status=SlotStatus.LEASED).priority
    assert reprioritise(world).result == {"places": 3}
    assert Slot.objects.get(status=SlotStatus.LEASED).priority == before
    slot = world.claim(world.ann2)
    assert slot is not None
    assert slot.case == case
    assert reprioritise(world).result == {"places": 0}
    assert AuditEvent.objects.filter(verb="reprioritised").count() == 2


def test_the_audit_slice_stays_above_all_else(world: World) -> None:
    audit = world.make_case(is_audit=True, overlap=3)
    world.judged(audit, score=1.0)
    world.judged(world.make_case(strata={"severity": 4}), score=0.5)
    reprioritise(world)
    assert {slot.priority for slot in audit.slots.all()} == {queue.AUDIT_PRIORITY}
    slot = world.claim(world.ann1)
    assert slot is not None
    assert slot.case == audit
