"""What all answers say together, in a project: the job, the page, and who must not."""

import pytest
from django.test import Client
from django.urls import reverse

from annotations import consensus, jobs
from annotations.models import Job
from annotations.statuses import JobStatus
from tests.world import World, signed_in


@pytest.fixture
def answered(world: World) -> World:
    """Forty settled cases, an able judge and one whose scale is the other way round."""
    for number in range(40):
        word, other = ("yes", "no") if number % 2 else ("no", "yes")
        case = world.settle(world.make_case(), harm=word)
        world.judged(case, word, name="able")
        world.judged(case, other, name="upside-down")
    return world


def measured(world: World) -> Job:
    return jobs.run_here(consensus.ask(world.project, world.harm, by=world.lead))


def page(client: Client, world: World, user: str = "lead") -> str:
    response = signed_in(client, getattr(world, user)).get(
        reverse("consensus", args=[world.project.slug])
    )
    assert response.status_code == 200
    return response.content.decode()


def test_a_judge_whose_scale_is_inverted_is_named(answered: World, client: Client) -> None:
    job = measured(answered)
    assert job.status == JobStatus.DONE
    (odd,) = job.result["raters"]
    assert (odd["rater"], odd["flag"]) == ("judge:upside-down", "inverted")
    text = page(client, answered)
    assert "upside-down" in text
    assert "judge:" not in text


def test_judges_do_not_outvote_people(answered: World) -> None:
    for number in range(5):
        for case in answered.cases:
            answered.judged(case, "yes", name=f"yes-{number}")
    assert measured(answered).result["error"]["chosen"]["value"] == 0.0


def test_before_it_is_measured_the_page_says_what_it_will_do(world: World, client: Client) -> None:
    assert "Not measured yet" in page(client, world)


def test_answers_that_came_since_are_told(answered: World, client: Client) -> None:
    measured(answered)
    assert "Answers have come since" not in page(client, answered)
    answered.settle(answered.make_case(), harm="yes")
    assert "Answers have come since" in page(client, answered)


def test_without_answers_the_job_says_so_and_writes_nothing(world: World, client: Client) -> None:
    job = measured(world)
    assert job.status == JobStatus.FAILED
    assert "no label" in job.error
    assert "The last measurement failed" in page(client, world)


def test_asking_twice_while_it_waits_is_one_job(answered: World, client: Client) -> None:
    signed_in(client, answered.lead)
    address = reverse("consensus_measure", args=[answered.project.slug])
    for _ in range(2):
        assert client.post(address, {"criterion": "harm"}).status_code == 302
    assert Job.objects.filter(kind=consensus.KIND).count() == 1


def test_what_unsettled_cases_seem_to_say_is_not_on_the_page(
    answered: World, client: Client
) -> None:
    case = answered.make_case("open-case")
    answered.give(answered.ann1, case, harm="yes")
    measured(answered)
    text = page(client, answered)
    assert "open-case" in text
    row = text[text.index("open-case") :].split("</tr>")[0]
    assert "Violates" not in row


def test_only_leads_see_it(answered: World, client: Client) -> None:
    measured(answered)
    for name, status in (("ann1", 403), ("adjudicator", 403), ("viewer", 403), ("stranger", 404)):
        signed_in(client, getattr(answered, name))
        for method, address in (("get", "consensus"), ("post", "consensus_measure")):
            url = reverse(address, args=[answered.project.slug])
            assert getattr(client, method)(url).status_code == status, (name, address)
