"""Model judges over real HTTP: asked once, within a budget, resumable; no bad answer is "safe"."""

import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from annotations import jobs
from annotations.errors import BadInput, Conflict
from annotations.models import Job, Mark, Rater, Verdict
from annotations.statuses import JobStatus, MarkKind, RaterKind, VerdictStatus
from campaigns import launch, model_judging
from campaigns.chat.openai_compatible import OpenAICompatibleClient
from campaigns.gold_sets import outside_verdicts
from campaigns.models import Campaign, ModelAnswer, ModelJudge
from campaigns.statuses import JudgeKind
from tests.openai_server import Behavior, Script, openai_server
from tests.world import World

ASK_KEY = re.compile(r"key: exactly (\w+)\.")


def says(verdict: str, confidence: float = 0.9) -> Callable[[dict[str, Any]], str]:
    """A model that keeps to the format."""

    def answer(body: dict[str, Any]) -> str:
        key = ASK_KEY.findall(body["messages"][-1]["content"])[-1]
        block = {"key": key, "verdict": verdict, "confidence": confidence, "reason": "So it is."}
        return f"Thinking.\n{json.dumps(block)}"

    return answer


def prose(body: dict[str, Any]) -> str:
    return "The verdict is no."


def declines(body: dict[str, Any]) -> str:
    return "I'm sorry, but I can't judge this."


@pytest.fixture
def campaign(world: World) -> Campaign:
    """Six settled cases, the first three of which violate."""
    for number in range(6):
        world.settle(world.make_case(f"c{number}"), harm="yes" if number < 3 else "no")
    return launch.start_campaign(world.project, by=world.lead)


def judge_at(campaign: Campaign, world: World, script: Script, **fields: Any) -> ModelJudge:
    return model_judging.add_judge(
        campaign, by=world.lead, kind=JudgeKind.OPENAI, base_url=script.base_url,
        **{"name": "asked", "model": "m", "call_budget": 100, **fields},
    )  # fmt: skip


def asked(judge: ModelJudge, world: World, *, with_bias: bool = False) -> Job:
    judge.refresh_from_db()
    job = model_judging.ask_later(judge, scope="gold", with_bias=with_bias, by=world.lead)
    return jobs.run_job(job.pk) or Job.objects.get(pk=job.pk)


def statuses(judge: ModelJudge) -> dict[str, int]:
    return dict(Counter(Verdict.objects.filter(annotation__rater__name=judge.name)
                        .values_list("status", flat=True)))  # fmt: skip


def test_its_answers_become_verdicts_that_calibration_reads(
    world: World, campaign: Campaign
) -> None:
    with openai_server(says("yes"), says("no", 0.75)) as script:
        judge = judge_at(campaign, world, script)
        job = asked(judge, world)
    assert job.status == JobStatus.DONE, job.error
    assert (job.result["calls"], job.result["statuses"]) == (6, {"answered": 6})
    scores = Verdict.objects.filter(annotation__rater__name="asked").order_by("case_id")
    assert [one.score for one in scores] == pytest.approx([0.9] + [0.25] * 5)
    [(rater, column)] = outside_verdicts(world.cases, world.harm.criterion).items()
    assert (rater.name, rater.revision) == ("asked", job.result["revision"])
    assert column.tolist() == pytest.approx([0.9] + [0.25] * 5)


@pytest.mark.parametrize(
    ("behavior", "status"),
    [
        (prose, VerdictStatus.INVALID),
        ("empty", VerdictStatus.INVALID),
        (declines, VerdictStatus.REFUSED_TO_JUDGE),
        ("refused", VerdictStatus.REFUSED_TO_JUDGE),
        ("blocked", VerdictStatus.REFUSED_TO_JUDGE),
        (says("cant_tell"), VerdictStatus.CANT_TELL),
    ],
)
def test_what_is_no_verdict_is_a_status_of_its_own_and_never_safe(
    world: World, campaign: Campaign, behavior: Behavior, status: VerdictStatus
) -> None:
    with openai_server(behavior) as script:
        judge = judge_at(campaign, world, script)
        assert asked(judge, world).result["statuses"] == {str(status): 6}
    assert statuses(judge) == {str(status): 6}
    [(_, column)] = outside_verdicts(world.cases, world.harm.criterion).items()
    assert all(value != value for value in column)  # nan: neither a catch nor an all-clear


def test_asking_again_costs_nothing_and_a_new_wording_is_another_judge(
    world: World, campaign: Campaign
) -> None:
    with openai_server(says("yes")) as script:
        judge = judge_at(campaign, world, script)
        first = asked(judge, world)
        again = asked(judge, world)
        assert (first.result["calls"], again.result["calls"]) == (6, 0)
        world.add_severity()
        question = model_judging.question_of(ModelJudge.objects.get(pk=judge.pk))
        before = model_judging.revision_of(judge, model_judging.asked_of(question)[0])
        assert before == first.result["revision"]  # the same question in a new version
        Mark.objects.create(case=world.cases[0], criterion=world.harm.criterion,
                            kind=MarkKind.EXEMPLAR, by=world.lead)  # fmt: skip
        changed = asked(judge, world)
    assert changed.result["revision"] != first.result["revision"]
    assert changed.result["calls"] == 5  # the family of the anchor case is left out


def test_the_budget_ends_the_asking_and_the_rest_is_named(world: World, campaign: Campaign) -> None:
    with openai_server(says("yes")) as script:
        judge = judge_at(campaign, world, script, call_budget=4)
        job = asked(judge, world)
        assert (job.result["calls"], job.result["not_asked"], len(script.requests)) == (4, 2, 4)
        judge.refresh_from_db()
        with pytest.raises(BadInput, match="spent its 4 calls"):
            model_judging.ask_later(judge, scope="gold", with_bias=False, by=world.lead)
        model_judging.set_budget(judge, calls=6, by=world.lead)
        assert asked(judge, world).result["statuses"] == {"answered": 6}


def test_a_worker_that_died_goes_on_where_it_stopped(
    world: World, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_judging, "CHUNK", 2)
    kept, real = [], model_judging._keep

    def dies(*arguments: Any) -> None:
        if len(kept) == 2:
            raise SystemExit
        kept.append(real(*arguments))

    with openai_server(says("yes")) as script:
        judge = judge_at(campaign, world, script)
        job = model_judging.ask_later(judge, scope="gold", with_bias=False, by=world.lead)
        monkeypatch.setattr(model_judging, "_keep", dies)
        with pytest.raises(SystemExit):
            jobs.run_job(job.pk)
        assert ModelAnswer.objects.count() == 4
        Job.objects.filter(pk=job.pk).update(leased_until=world.project.created_at)  # lapsed
        monkeypatch.setattr(model_judging, "_keep", real)
        done = jobs.run_job(job.pk)
    assert done is not None
    assert (done.status, done.attempt, done.result["calls"]) == (JobStatus.DONE, 2, 2)
    assert statuses(judge) == {"answered": 6}


def test_a_cancelled_asking_keeps_what_was_answered(
    world: World, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_judging, "CHUNK", 2)
    with openai_server(says("yes")) as script:
        judge = judge_at(campaign, world, script)
        job = model_judging.ask_later(judge, scope="gold", with_bias=False, by=world.lead)
        real = model_judging._keep

        def cancels(*arguments: Any) -> None:
            real(*arguments)
            jobs.request_cancel(job, by=None)

        monkeypatch.setattr(model_judging, "_keep", cancels)
        done = jobs.run_job(job.pk)
    assert done is not None
    assert done.status == JobStatus.CANCELLED
    assert ModelAnswer.objects.count() == 2


def test_an_error_is_a_verdict_of_its_own_until_it_is_answered(
    world: World, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        model_judging, "client_for",
        lambda judge, asked: OpenAICompatibleClient(
            base_url=judge.base_url, model=judge.model, attempts=1
        ),
    )  # fmt: skip
    with openai_server("broken", says("yes")) as script:
        judge = judge_at(campaign, world, script)
        first = asked(judge, world)
        assert first.result["statuses"] == {"error": 1, "answered": 5}
        assert asked(judge, world).result["statuses"] == {"answered": 6}
    trail = Verdict.objects.filter(annotation__rater__name="asked", case=world.cases[0])
    assert [(one.revision, one.status) for one in trail.order_by("revision")] == [
        (1, "error"), (2, "answered"),
    ]  # fmt: skip


def test_a_wrong_key_stops_at_once_and_says_what_to_do(world: World, campaign: Campaign) -> None:
    with openai_server("unauthorized") as script:
        job = asked(judge_at(campaign, world, script), world)
    assert job.status == JobStatus.FAILED
    assert "Check the key" in job.error
    assert len(script.requests) == 1


def test_bias_is_measured_on_gold_in_every_order(world: World, campaign: Campaign) -> None:
    def first_option(body: dict[str, Any]) -> str:
        listed = re.findall(r"^- (yes|no):", body["messages"][0]["content"], re.MULTILINE)
        return says(listed[0])(body)

    with openai_server(first_option) as script:
        judge = judge_at(campaign, world, script)
        assert asked(judge, world, with_bias=True).result["calls"] == 18
    judge.refresh_from_db()
    swapped, parts = judge.bias["orders"]
    assert (swapped["flips"]["value"], swapped["shift"]["value"]) == (1.0, -1.0)
    assert (parts["flips"]["value"], parts["shift"]["value"]) == (0.0, 0.0)


def test_the_double_says_that_it_is_no_model(world: World, campaign: Campaign) -> None:
    double = model_judging.add_judge(campaign, name="double", by=world.lead, kind=JudgeKind.DOUBLE)
    assert asked(double, world).result["statuses"] == {"answered": 6}
    assert str(double) == "double (scripted double)"
    assert "no model" in ModelAnswer.objects.first().reason  # type: ignore[union-attr]


def test_two_judges_of_one_model_are_told_apart_only_by_name_and_flagged(
    world: World, campaign: Campaign
) -> None:
    with openai_server(says("yes")) as script:
        one = judge_at(campaign, world, script)
        two = judge_at(campaign, world, script, name="asked-too")
        asked(one, world)
        asked(two, world)
    assert model_judging.standing(one)["twins"] == ["asked-too"]
    raters = Rater.objects.filter(
        kind=RaterKind.JUDGE, revision=model_judging.standing(one)["revision"]
    )
    assert raters.count() == 2
    with pytest.raises(Conflict, match="take another name"):
        judge_at(campaign, world, script)
