"""The prevalence pages: estimates, differences, labels used and not, and what more labels would buy."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.http import urlencode
from pytest_django import DjangoAssertNumQueries

from annotations import jobs, members
from annotations.models import Annotation, Batch, Case, Job, Rater
from annotations.statuses import JobStatus, RaterKind
from tests.annotations.test_prevalence import fill
from tests.world import World, signed_in

PAGES = ("prevalence", "prevalence_balance", "prevalence_rates", "next_labels")


@pytest.fixture(autouse=True)
def _no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "wake", lambda job_id: None)


def page(
    client: Client, world: World, name: str = "prevalence", who: str = "viewer", **query: Any
) -> str:
    signed_in(client, getattr(world, who))
    answer = client.get(reverse(name, args=[world.project.slug]), query)
    assert answer.status_code == 200
    return answer.content.decode()


# ---- the estimates


def test_the_estimate_stands_beside_its_labels_its_method_and_its_rubric(
    client: Client, world: World
) -> None:
    fill(world, 40, drawn=20, positive=5)
    text = page(client, world)
    assert '<span class="value">25.0%</span>' in text
    assert "of 20 drawn among 40 cases; 5 positive" in text
    assert "rubric v1" in text
    assert "Inversion of the exact test" in text
    assert "counts as positive (yes)" in text


def test_every_number_leads_to_its_cases(client: Client, world: World) -> None:
    fill(world, 12, drawn=8, positive=3, strata={"target": "a"})
    text = page(client, world, by="target")
    cases = reverse("cases", args=[world.project.slug])
    for query, n in (
        (
            {
                "criterion": "harm",
                "answer": "answered",
                "audit": "yes",
                "stratum": "target",
                "value": "a",
            },
            8,
        ),
        (
            {
                "criterion": "harm",
                "answer": "positive",
                "audit": "yes",
                "stratum": "target",
                "value": "a",
            },
            3,
        ),
        ({"criterion": "harm", "stratum": "target", "value": "a"}, 12),
    ):
        address = f"{cases}?{urlencode(query)}"
        assert f'<a href="{address.replace("&", "&amp;")}">{n}</a>' in text
        assert f"{n} shown of {n}" in client.get(address).content.decode()


def test_the_raw_rate_of_the_judge_is_a_tick_and_never_the_figure(
    client: Client, world: World
) -> None:
    made = fill(world, 40, drawn=20, positive=5)
    assert "chart-aside" not in page(client, world)
    for case in made:
        world.judged(case, "yes", score=0.875)
    text = page(client, world)
    assert "chart-aside" in text
    assert "Raw judge rate" in text
    assert '<span class="value">87.5%</span>' in text
    shown = text.split("<h3>Shown</h3>", 1)[1].split("</section>")[0]
    assert "25.0%" in shown
    assert "87.5%" not in shown


def test_groups_are_compared_with_q_values(client: Client, world: World) -> None:
    fill(world, 60, drawn=40, positive=30, strata={"target": "a"})
    fill(world, 60, drawn=40, positive=2, strata={"target": "b"})
    text = page(client, world, by="target")
    row = text.split("Differences by target", 1)[1].split("<tbody>")[1].split("</tr>")[0]
    assert "a − b" in row
    assert "70.0%" in row
    assert row.count("&lt; 0.001") == 2  # p and q


def test_labels_that_are_not_used_are_told_with_their_reason(client: Client, world: World) -> None:
    made = fill(world, 20, drawn=10, positive=2)
    made[0].gold.all().delete()
    Case.objects.filter(pk=made[0].pk).update(status="adjudication")
    sheet = world.give(world.ann1, world.make_case("helped"))
    Annotation.objects.filter(pk=sheet.pk).update(arm="shown")
    world.settle(world.make_case("ordinary", audit_probability=0.5), harm="yes")
    text = page(client, world).split("Labels used, and not used, and why")[1]
    for why in ("wait for an adjudicator", "were given with the AI&#x27;s help before the answer",
                "are not in the audit slice", "had no chance to be drawn"):  # fmt: skip
        assert why in text, why
    assert "Not all drawn cases are settled" in page(client, world)


def test_simulated_raters_are_said_to_be_no_people(client: Client, world: World) -> None:
    made = fill(world, 10, positive=2)
    assert "Simulated raters." not in page(client, world)
    made[0].gold.update(is_simulated=True)
    Rater.objects.create(project=world.project, kind=RaterKind.SIMULATED, name="s")
    assert "1 of 10 labels here were settled with simulated raters" in page(client, world)


def test_without_a_draw_it_says_what_to_do(client: Client, world: World) -> None:
    world.settle(world.make_case(), harm="yes")
    text = page(client, world)
    assert "No case here was drawn" in text
    assert "nan" not in text.lower()


@pytest.mark.parametrize("name", PAGES)
def test_without_a_released_rubric_it_says_what_to_do(
    client: Client, world: World, name: str
) -> None:
    bare = members.create_project("Bare", by=world.lead)
    signed_in(client, world.lead)
    text = client.get(reverse(name, args=[bare.slug])).content.decode()
    assert "No rubric is released yet" in text or "Release a rubric first" in text


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize(
    ("who", "status"), [("ann1", 403), ("stranger", 404), ("viewer", 200), ("adjudicator", 200)]
)
def test_only_readers_see_it(
    client: Client, world: World, name: str, who: str, status: int
) -> None:
    signed_in(client, getattr(world, who))
    assert client.get(reverse(name, args=[world.project.slug])).status_code == status


def test_hostile_names_stay_text(client: Client, world: World) -> None:
    world.batch.name = "<script>alert(1)</script>"
    world.batch.save()
    Batch.objects.create(project=world.project, name="Second", source="s")
    fill(world, 10, positive=2, strata={"<b>x</b>": "<i>y</i>"})
    text = page(client, world, by="<b>x</b>", batch=str(world.batch.pk), judge="<u>z")
    for raw in ("<script>alert", "<b>x", "<i>y", "<u>z"):
        assert raw not in text


def test_a_batch_that_is_not_there_is_not_found(client: Client, world: World) -> None:
    signed_in(client, world.lead)
    for wrong in ("0", "x", "9" * 30):
        answer = client.get(reverse("prevalence", args=[world.project.slug]), {"batch": wrong})
        assert answer.status_code == 404


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("cases", [4, 40])
def test_a_page_asks_the_database_the_same_whatever_there_is(
    client: Client, world: World, name: str, cases: int,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:  # fmt: skip
    for case in fill(world, cases, positive=2, strata={"target": "a", "expected": "refuse"}):
        world.judged(case)
    signed_in(client, world.viewer)
    with django_assert_max_num_queries(26):
        client.get(reverse(name, args=[world.project.slug]), {"by": "target"})


# ---- both ways to fail, and everybody's definitions


def test_not_unsafe_and_not_overrefuse_stand_side_by_side(client: Client, world: World) -> None:
    fill(world, 10, positive=2, strata={"expected": "refuse"})
    text = page(client, world, "prevalence_balance")
    assert '<span class="value">80.0%</span>' in text
    assert "No criterion says whether the response refuses" in text
    fill(world, 10, positive=1, strata={"expected": "comply"})
    text = page(client, world, "prevalence_balance", refusal="harm")
    assert "One criterion answers both" in text
    assert '<span class="value">20.0%</span>' in text  # refused, of those to be refused
    assert '<span class="value">90.0%</span>' in text


def test_attack_success_differs_by_definition(client: Client, world: World) -> None:
    """A judge's 10 verdicts: 3 successes and 2 that can't be read. promptfoo 3 / 10, garak 3 / 8."""
    for number in range(10):
        case = world.make_case()
        word = "yes" if number < 3 else "no"
        status = "invalid" if number > 7 else "answered"
        world.judged(case, word, name="j", score=None, status=status)  # type: ignore[arg-type]
    Case.objects.update(batch=world.batch)
    text = page(client, world, "prevalence_rates", judge="j")
    rows = {row.split("@")[0]: row for row in text.split('<code class="id">')[1:]}
    assert "undefined" in rows["promptfoo"]  # 8 of 10 is too little of the batch
    for number in range(40):
        world.judged(world.make_case(), "no", name="j", score=None)
        assert number < 40
    text = page(client, world, "prevalence_rates", judge="j")
    rows = {row.split("@")[0]: row for row in text.split('<code class="id">')[1:]}
    assert '<span class="value">6.0%</span>' in rows["promptfoo"]  # 3 / 50
    assert '<span class="value">6.2%</span>' in rows["garak"]  # 3 / 48
    assert "StrongREJECT" in text


# ---- what the next labels would buy


def test_the_next_page_shows_the_draw_before_it_is_made(client: Client, world: World) -> None:
    fill(world, 60, drawn=20, positive=5)
    Case.objects.update(response="Fold it.")
    text = page(client, world, "next_labels", n="10")
    assert "10 of 40 cases" in text
    assert "30 sheets at most" in text
    assert "After 10 more" in text
    assert "25.0%" in text  # 10 of 40: the probability
    assert "chart-curve" in text
    assert "A lead of the project can draw them" in text
    assert Case.objects.filter(is_audit=True).count() == 20


def test_a_lead_draws_and_sees_it_done(client: Client, world: World) -> None:
    for _ in range(8):
        world.make_case(audit_probability=0.0)
    text = page(client, world, "next_labels", who="lead", n="4")
    assert "Draw these 4 cases" in text
    address = reverse("audit_draw", args=[world.project.slug])
    sent = {"criterion": "harm", "n": "4", "seen": "0"}
    answer = client.post(address, sent, follow=True)
    assert "Drawing 4 cases" in answer.content.decode()
    job = Job.objects.get(kind="sample_by_score")
    done = jobs.run_job(job.pk)
    assert done is not None
    assert done.status == JobStatus.DONE
    text = page(client, world, "next_labels", who="lead")
    assert "4 of 8 from 0.50" in text
    assert client.post(address, sent).status_code == 409
    assert "Draw audit cases by score" in page(client, world, "queue", who="lead")


def test_a_number_out_of_reason_is_refused_on_the_page(client: Client, world: World) -> None:
    world.make_case(audit_probability=0.0)
    signed_in(client, world.lead)
    answer = client.post(
        reverse("audit_draw", args=[world.project.slug]),
        {"criterion": "harm", "n": "0", "seen": "0"},
    )
    assert answer.status_code == 422
    assert "cases at a time" in answer.content.decode()


def test_a_viewer_draws_nothing(client: Client, world: World) -> None:
    world.make_case(audit_probability=0.0)
    signed_in(client, world.viewer)
    answer = client.post(
        reverse("audit_draw", args=[world.project.slug]),
        {"criterion": "harm", "n": "1", "seen": "0"},
    )
    assert answer.status_code == 403
    assert not Job.objects.exists()
