"""Audit cases drawn by a judge's score: how many of which, with which probability, and only once."""

from typing import Any

import numpy as np
import pytest

from annotations import frame, jobs, overlap, sampling
from annotations.errors import BadInput, Conflict
from annotations.frame import Judge
from annotations.models import AuditEvent, Case, Job, Slot
from annotations.sampling import Plan
from annotations.statuses import CaseStatus, JobStatus
from tests.world import World


@pytest.fixture(autouse=True)
def _no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "wake", lambda job_id: None)


@pytest.fixture
def scored(world: World) -> World:
    """Forty open cases: half are surely fine, half the judge can't tell."""
    for number in range(40):
        case = world.make_case(audit_probability=0.0)
        world.judged(case, "no", score=0.0625 if number % 2 else 0.5 + number / 512)
    return world


def judge_of(world: World) -> Judge | None:
    judges = frame.judges_of(world.project, world.harm)
    return judges[0] if judges else None


def plan(world: World, n: int) -> Plan:
    return sampling.plan(world.project, world.harm, n=n, judge=judge_of(world))


def ask(world: World, n: int, **more: Any) -> Job:
    seen = more.pop("seen", Case.objects.filter(is_audit=True).count())
    return sampling.ask(
        world.project, world.harm, n=n, judge=judge_of(world), seen=seen, by=world.lead, **more
    )


def draw(world: World, n: int) -> Job:
    done = jobs.run_job(ask(world, n).pk)
    assert done is not None
    assert done.status == JobStatus.DONE, done.error
    return done


def case_of(pk: int) -> Case:
    return Case.objects.get(pk=pk)


# ---- how many of which


def test_labels_go_where_the_judge_is_unsure(scored: World) -> None:
    found = plan(scored, 20)
    assert found.take == 20
    sure, *unsure = found.strata
    assert (sure.low, sure.cases) == (0.0625, 20)
    assert sure.take < sum(one.take for one in unsure)
    assert all(one.take >= 5 for one in found.strata)
    assert found.places == 60


@pytest.mark.parametrize("take", [90, 180])
def test_the_width_after_a_draw_is_that_of_its_own_strata(take: int) -> None:
    """4 of 10 so far, of 200 cases: 2 z sqrt(p (1 - p) / n (N - n) / (N - 1)) with p = 4.5 / 11."""
    one = sampling.Stratum(0.5, 0.5, cases=190, open=190, take=take, labels=10, positives=4)
    n, p = 10 + take, 4.5 / 11
    wald = 2 * 1.96 * (p * (1 - p) / n * (200 - n) / 199) ** 0.5
    assert Plan((one,), in_slice=10).width == pytest.approx(wald, rel=0.03)


def test_no_more_is_drawn_than_there_is(world: World) -> None:
    for _ in range(3):
        world.make_case(audit_probability=0.0)
    assert plan(world, 50).take == 3


def test_without_a_judge_the_draw_is_a_plain_one(world: World) -> None:
    for _ in range(10):
        world.make_case(audit_probability=0.0)
    found = plan(world, 4)
    assert [(one.low, one.cases, one.take) for one in found.strata] == [(0.5, 10, 4)]
    draw(world, 4)
    assert set(Case.objects.values_list("audit_probability", flat=True)) == {0.4}


# ---- the draw


def test_the_drawn_get_three_blind_raters_and_come_first(scored: World) -> None:
    done = draw(scored, 8)
    drawn = Case.objects.filter(is_audit=True)
    assert drawn.count() == 8
    assert set(drawn.values_list("overlap", flat=True)) == {3}
    assert Slot.objects.filter(case__in=drawn).count() == 24
    assert done.result == {"drawn": 8, "places_opened": 8}  # two of the three were there
    slot = scored.claim(scored.ann1)
    assert slot is not None
    assert slot.case.is_audit
    assert Slot.objects.filter(case__is_audit=False).count() == 64


def test_every_case_keeps_the_probability_of_its_stratum_drawn_or_not(scored: World) -> None:
    strata = draw(scored, 20).checkpoint["strata"]
    assert len(strata) > 1
    for one in strata:
        own = Case.objects.filter(verdicts__score__range=(one["low"], one["high"]))
        kept = list(own.values_list("audit_probability", flat=True))
        assert kept == pytest.approx([one["take"] / one["cases"]] * one["cases"])
        assert own.filter(is_audit=True).count() == one["take"]


def test_a_second_draw_is_pooled_with_the_first(world: World) -> None:
    """Of 10 cases 4 are drawn, then 3 of the other 6: 1 - (1 - .4)(1 - 3/6) = .7 for all."""
    for _ in range(10):
        world.make_case(audit_probability=0.0)
    draw(world, 4)
    draw(world, 3)
    found = {round(p, 12) for p in Case.objects.values_list("audit_probability", flat=True) if p}
    assert found == {0.7}
    assert Case.objects.filter(is_audit=True).count() == 7


def test_a_draw_is_pooled_with_the_random_tenth(world: World) -> None:
    for number in range(10):
        world.make_case(is_audit=number == 0, audit_probability=0.1)
    draw(world, 3)
    expected = 1 - 0.9 * (1 - 3 / 9)
    assert Case.objects.values_list("audit_probability", flat=True)[0] == pytest.approx(expected)


def test_cases_settled_meanwhile_count_in_their_stratum_and_are_not_drawn(world: World) -> None:
    for _ in range(10):
        world.make_case(audit_probability=0.0)
    settled = world.settle(world.cases[0], harm="no")
    found = plan(world, 3)
    assert (found.strata[0].cases, found.strata[0].open) == (10, 9)
    draw(world, 3)
    settled.refresh_from_db()
    assert (settled.is_audit, settled.audit_probability) == (False, pytest.approx(0.3))


def test_cases_without_places_are_opened_when_drawn_and_the_rest_stays_closed(world: World) -> None:
    world.project.audit_share = 1.0
    world.project.save()
    for _ in range(6):
        world.make_case(slots=False)
    draw(world, 2)
    assert Slot.objects.count() == 6
    assert Case.objects.filter(status=CaseStatus.NEW).count() == 4
    assert Case.objects.filter(is_audit=True).count() == 2  # the project's share draws none besides


def test_cases_that_nobody_can_read_are_not_drawn(world: World) -> None:
    silent = world.make_case(slots=False, conversation=[], response="")
    with pytest.raises(BadInput, match="No case is left to draw"):
        ask(world, 1)
    world.make_case(audit_probability=0.0)
    draw(world, 1)
    silent.refresh_from_db()
    assert (silent.is_audit, silent.audit_probability) == (False, None)


def test_what_is_in_work_stays_and_gets_its_third_rater(world: World) -> None:
    case = world.make_case(audit_probability=0.0)
    world.give(world.ann1, case, harm="yes")
    draw(world, 1)
    case.refresh_from_db()
    assert (case.is_audit, case.overlap, case.slots.count()) == (True, 3, 3)


def test_the_mean_over_many_draws_is_the_share_of_all_cases(scored: World) -> None:
    """Weighted by 1/pi the drawn cases stand for all 40: no bias, whatever the strata took."""
    cases = frame.read(scored.project, scored.harm, judge=judge_of(scored))
    y = (cases.score > 0.52).astype(float)
    planned = sampling.plan_of(cases, np.ones(40, dtype=bool), n=20)
    codes = sampling.codes_of(cases.score, [one.low for one in planned.strata])
    pi = np.array([one.probability for one in planned.strata])[codes]
    rng = np.random.default_rng(5)
    means = []
    for _ in range(2_000):
        drawn = np.concatenate([
            rng.choice(np.flatnonzero(codes == h), one.take, replace=False)
            for h, one in enumerate(planned.strata)
        ])  # fmt: skip
        means.append((y[drawn] / pi[drawn]).sum() / 40)
    assert np.mean(means) == pytest.approx(y.mean(), abs=0.01)


# ---- once, and safely


def test_a_form_sent_twice_draws_once(world: World) -> None:
    for _ in range(10):
        world.make_case(audit_probability=0.0)
    assert ask(world, 2, seen=0) == ask(world, 2, seen=0)
    draw(world, 2)
    with pytest.raises(Conflict, match="has changed since you looked"):
        ask(world, 2, seen=0)
    assert Case.objects.filter(is_audit=True).count() == 2


def test_a_killed_draw_goes_on_with_the_same_choice(
    scored: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "CHUNK", 10)
    job = ask(scored, 8)
    real, left = overlap.change_chunk, [2]

    def dies(*args: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise ConnectionError("killed")
        return real(*args)

    monkeypatch.setattr(overlap, "change_chunk", dies)
    with pytest.raises(ConnectionError):
        jobs.run_job(job.pk)
    job.refresh_from_db()
    half = set(Case.objects.filter(is_audit=True).values_list("pk", flat=True))
    assert 0 < len(half) < 8
    Job.objects.filter(pk=job.pk).update(status=JobStatus.QUEUED)
    monkeypatch.setattr(overlap, "change_chunk", real)
    done = jobs.run_job(job.pk)
    assert done is not None
    assert done.result["drawn"] == 8
    drawn = set(Case.objects.filter(is_audit=True).values_list("pk", flat=True))
    assert half < drawn == set(done.checkpoint["chosen"])
    once = {one["take"] / one["cases"] for one in done.checkpoint["strata"] if one["cases"]}
    kept = {round(p, 9) for p in Case.objects.values_list("audit_probability", flat=True) if p}
    assert kept == {round(p, 9) for p in once}


def test_a_cancelled_draw_keeps_whole_chunks_with_their_probabilities(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "CHUNK", 5)
    for _ in range(10):
        world.make_case(audit_probability=0.0)
    job = ask(world, 4)
    real = overlap.change_chunk

    def asked_to_stop(*args: Any) -> Any:
        Job.objects.filter(pk=job.pk).update(cancel_requested=True)
        return real(*args)

    monkeypatch.setattr(overlap, "change_chunk", asked_to_stop)
    done = jobs.run_job(job.pk)
    assert done is not None
    assert done.status == JobStatus.CANCELLED
    kept = Case.objects.order_by("pk").values_list("audit_probability", flat=True)
    assert list(kept) in ([0.4] * 5 + [0.0] * 5, [0.0] * 10)


def test_a_draw_is_in_the_trail_with_its_strata(scored: World) -> None:
    draw(scored, 8)
    event = AuditEvent.objects.filter(verb="drew audit cases by score").get()
    assert event.data["changed"] == {"drawn": 8, "places_opened": 8}
    assert sum(one["take"] for one in event.data["strata"]) == 8


@pytest.mark.parametrize("n", [0, -1, sampling.MOST_DRAWN + 1])
def test_a_number_out_of_reason_is_refused(world: World, n: int) -> None:
    with pytest.raises(BadInput, match="cases at a time"):
        ask(world, n)
