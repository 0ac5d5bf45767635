"""The standing watch: the rule stops an arm by itself, once; leads are told, raters are not."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from annotations import anchoring, arms, jobs, watching
from annotations.models import AuditEvent, Check, Gold, Job, Project, Sitting, Slot, Suspension
from annotations.statuses import Arm, JobStatus, SlotPurpose
from tests.annotations.test_ai_help import sheet
from tests.annotations.test_checks import configure, gold
from tests.world import World, signed_in


def planted(world: World, n: int, *, taken: bool = True) -> None:
    """Sentinels that contradicted the own answer, and were taken over or not."""
    case, now = gold(world, "yes", decided=True), timezone.now()
    for number in range(n):
        slot = Slot.objects.create(
            project=world.project, case=case, rubric_version=world.rubric, number=1,
            purpose=SlotPurpose.SENTINEL,
        )  # fmt: skip
        who = world.rater(world.ann1)
        other = gold(world, "yes", decided=True) if number else case
        Check.objects.create(
            slot=slot, project=world.project, case=other, rater=who, rubric_version=world.rubric,
            purpose=SlotPurpose.SENTINEL, given={"harm": "yes"},
            final={"harm": "no" if taken else "yes"},
            planted={"harm": {"word": "no", "score": 0.1}}, answered_at=now + timedelta(seconds=number),
        )  # fmt: skip


def run(world: World) -> dict[str, Any]:
    job = jobs.run_here(
        jobs.enqueue("watch_project", {"project": world.project.pk}, project=world.project)
    )
    assert job.status == JobStatus.DONE, job.error
    return job.result


def suspended(world: World) -> list[str]:
    return Project.objects.get(pk=world.project.pk).suspended_arms


def test_an_arm_that_harms_is_stopped_by_itself_once_and_the_trail_has_the_figures(
    world: World,
) -> None:
    planted(world, 8)
    assert run(world)["suspended"] == ["reveal"]
    assert run(world)["suspended"] == []
    assert suspended(world) == ["reveal"]
    event = AuditEvent.objects.get(verb="suspended arm")
    assert event.actor is None
    assert event.data["evidence"] >= event.data["needed"] == 60
    assert event.data["parts"]["took over planted, wrong answers"]["answers"] == 8


def test_planted_answers_that_nobody_takes_over_stop_nothing(world: World) -> None:
    planted(world, 20, taken=False)
    assert run(world)["suspended"] == []
    assert Suspension.objects.count() == 0


def test_help_that_makes_answers_depart_from_peers_is_stopped(world: World) -> None:
    for number in range(60):
        case = world.make_case(slots=False)
        sheet(world, case, Arm.BLIND, "yes", rater=1)
        arm = Arm.SHOWN if number % 2 else Arm.BLIND
        sheet(world, case, arm, "no" if number % 2 else "yes", rater=2)
    assert run(world)["suspended"] == ["shown"]


def test_after_a_lead_lets_it_go_on_the_rule_counts_afresh(world: World) -> None:
    planted(world, 8)
    run(world)
    Check.objects.update(answered_at=timezone.now() - timedelta(minutes=1))
    arms.resume(world.project, Arm.REVEAL, by=world.lead, reason="The judge was mended.")
    world.project.refresh_from_db()
    assert run(world)["suspended"] == []
    since = watching.counts_from(world.project, Arm.REVEAL)
    found = anchoring.evidence_of_harm(anchoring.read(world.project), Arm.REVEAL, since=since)
    assert found.peak == 1.0
    planted(world, 8)
    assert run(world)["suspended"] == ["reveal"]
    assert Suspension.objects.count() == 2


def test_the_database_refuses_a_resumption_without_a_reason_and_a_suspended_blind(
    world: World,
) -> None:
    arms.suspend(world.project, Arm.SHOWN, by=world.lead)
    with pytest.raises(IntegrityError), transaction.atomic():
        Suspension.objects.update(ended_at=timezone.now())
    with pytest.raises(IntegrityError), transaction.atomic():
        Suspension.objects.create(project=world.project, arm=Arm.BLIND)
    with pytest.raises(IntegrityError), transaction.atomic():
        Suspension.objects.create(project=world.project, arm=Arm.SHOWN)


# ---- the sweep


def test_the_sweep_looks_at_projects_where_something_happened_and_not_again_soon(
    world: World,
) -> None:
    now = timezone.now()
    assert watching.due_projects(now) == []
    Sitting.objects.create(rater=world.rater(world.ann1), started_at=now, last_at=now)
    assert watching.due_projects(now) == [world.project]
    watching.sweep_projects()
    watching.sweep_projects()
    assert Job.objects.filter(kind="watch_project").count() == 1
    Job.objects.update(status=JobStatus.DONE)
    later = now + timedelta(hours=1)
    assert watching.due_projects(later) == []  # nobody has worked since
    Sitting.objects.update(last_at=later)
    assert watching.due_projects(later) == [world.project]


def test_something_settled_is_news_too(world: World) -> None:
    now = timezone.now()
    Job.objects.create(kind="watch_project", project=world.project, status=JobStatus.DONE)
    assert watching.due_projects(now + timedelta(hours=1)) == []
    case = gold(world, "yes", decided=True)
    Gold.objects.filter(case=case).update(settled_at=now + timedelta(minutes=30))
    assert watching.due_projects(now + timedelta(hours=1)) == [world.project]


# ---- who is told


def pages(world: World) -> list[str]:
    here = f"/p/{world.project.slug}/"
    return [f"{here}rubric/", f"{here}members/"]


def test_leads_are_told_on_every_page_and_nobody_else_on_any(client: Client, world: World) -> None:
    configure(world, reveal_share=0.2)
    planted(world, 8)
    run(world)
    signed_in(client, world.lead)
    for address in pages(world):
        text = client.get(address).content.decode()
        assert "“Blind, then revealed” is suspended." in text
        assert "60 to 1 is needed" in text
    assert "is suspended" not in client.get(f"/p/{world.project.slug}/label/").content.decode()
    for who in (world.ann1, world.adjudicator, world.viewer):
        signed_in(client, who)
        for address in [*pages(world), f"/p/{world.project.slug}/label/"]:
            text = client.get(address).content.decode()
            assert "suspended" not in text
            assert "revealed”" not in text


def test_an_arm_that_a_lead_stopped_is_no_news(client: Client, world: World) -> None:
    arms.suspend(world.project, Arm.REVEAL, by=world.lead)
    signed_in(client, world.lead)
    assert "is suspended." not in client.get(pages(world)[0]).content.decode()


def test_the_page_shows_the_rule_with_its_present_value(client: Client, world: World) -> None:
    configure(world, reveal_share=0.2)
    planted(world, 3)
    text = signed_in(client, world.lead).get(f"/p/{world.project.slug}/ai-help/").content.decode()
    assert "The rule that suspends" in text
    assert "took over planted, wrong answers" in text
    assert "the first answer" in text
