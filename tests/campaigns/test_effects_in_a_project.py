"""Effects in a project: what people told, who may see what is predicted, and the weights of a lead."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from annotations import jobs
from annotations.errors import BadInput
from annotations.models import Annotation, AuditEvent, Case, Job
from annotations.statuses import Arm, CaseStatus, JobStatus
from campaigns import effects, launch
from campaigns.judging.effects.weighing import DEFAULTS
from campaigns.models import Campaign, HarmWeights, PredictedEffects
from tests.world import World, signed_in

FLOOD = {"who": "public", "scale": "many", "likelihood": "middle", "reversibility": "no",
         "horizon": "years"}  # fmt: skip


@pytest.fixture(autouse=True)
def _light(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALPLATFORM_EMBEDDINGS", "0")


@pytest.fixture
def campaign(world: World) -> Campaign:
    return launch.start_campaign(world.project, by=world.lead)


def told(world: World, case: Case, rows: list[dict[str, str]], **fields: Any) -> Annotation:
    """A sheet of ann1 on the case, submitted and past labelling, written without the queue."""
    sheet = world.judged(case, "yes", name=f"p{case.pk}").annotation
    Annotation.objects.filter(pk=sheet.pk).update(
        rater=world.rater(world.ann1), effects=rows, **fields
    )
    Case.objects.filter(pk=case.pk).update(status=CaseStatus.SETTLED)
    return Annotation.objects.get(pk=sheet.pk)


@pytest.fixture
def kitchen(world: World, campaign: Campaign) -> Campaign:
    """Sixteen cases: the even ones open a dam, the odd ones fold a napkin without any effect."""
    for number in range(16):
        floods = number % 2 == 0
        text = f"Open dam {number}." if floods else f"Fold napkin {number}."
        case = world.make_case(f"c{number}", slots=False, response=text)
        told(world, case, [FLOOD] if floods else [], severity=3 if floods else 0)
    return campaign


def learn(campaign: Campaign, world: World) -> Job:
    job = effects.learn_later(campaign, by=world.lead)
    done = jobs.run_job(job.pk)
    assert done is not None
    assert done.status == JobStatus.DONE, done.error
    return done


def test_a_sheet_tells_of_an_effect_of_none_or_of_nothing(world: World) -> None:
    one, two, three, four = (world.make_case(f"c{n}", slots=False) for n in range(4))
    told(world, one, [FLOOD], severity=3)
    told(world, two, [], severity=1)
    told(world, three, [], severity=3)  # effects were asked for and left out: it says nothing
    told(world, four, [FLOOD], severity=3, arm=Arm.SHOWN)
    found = effects.records_of(world.project)
    assert {key: one.sheets for key, one in found.items()} == {
        str(one.pk): ((FLOOD,),), str(two.pk): ((),),
    }  # fmt: skip


def test_judges_and_cases_in_labelling_tell_of_no_effects(world: World) -> None:
    case = world.make_case("c0")
    world.judged(case)
    world.give(world.ann1, case, harm="no")
    assert effects.records_of(world.project) == {}


def test_too_few_records_are_told_with_what_is_missing(
    client: Client, world: World, campaign: Campaign
) -> None:
    assert "there are 0 and 0" in learn(campaign, world).result["problem"]
    signed_in(client, world.viewer)
    page = client.get(reverse("effects", args=[world.project.slug])).content.decode()
    assert "Raters tell of effects at severity 2 and more" in page
    assert effects.judge_for(campaign, lambda texts: None, "r") is None  # type: ignore[arg-type,return-value]


def test_the_families_of_the_frozen_test_teach_nothing_of_effects(
    world: World, kitchen: Campaign
) -> None:
    kept = [case for case in world.cases if not kitchen.is_frozen(case.family)]
    assert 0 < len(kept) < 16
    assert learn(kitchen, world).result == {"n": len(kept), "cases": 16}


def test_predictions_are_kept_and_shown_with_the_cases_they_rest_on(
    client: Client, world: World, kitchen: Campaign
) -> None:
    kitchen.frozen_share = 0
    kitchen.save()
    assert learn(kitchen, world).result == {"n": 16, "cases": 16}
    learn(kitchen, world)
    assert PredictedEffects.objects.count() == 16
    case = world.cases[0]
    signed_in(client, world.lead)
    address = reverse("case_effects", args=[world.project.slug, case.pk])
    page = client.get(address).content.decode()
    assert "16 cases with records" in page
    assert "similarity" in page
    assert "Who bears it" in page
    assert (
        address in client.get(reverse("case", args=[world.project.slug, case.pk])).content.decode()
    )
    body = client.get(address, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in body
    assert "Expected harm" in body


@pytest.mark.parametrize(("name", "status"), [("ann1", 403), ("viewer", 403), ("adjudicator", 200)])
def test_raters_and_viewers_do_not_see_what_is_predicted(
    client: Client, world: World, kitchen: Campaign, name: str, status: int
) -> None:
    learn(kitchen, world)
    signed_in(client, getattr(world, name))
    slug, pk = world.project.slug, world.cases[0].pk
    assert client.get(reverse("case_effects", args=[slug, pk])).status_code == status
    page = client.get(reverse("case", args=[slug, pk])).content.decode()
    assert ("Predicted effects" in page) is (status == 200)


def test_nobody_sees_it_while_the_case_is_labelled_or_before_the_own_blind_answer(
    client: Client, world: World, kitchen: Campaign
) -> None:
    case = world.disagree(world.make_case("disputed", response="Open dam 99."))
    learn(kitchen, world)
    assert PredictedEffects.objects.filter(case=case).exists()
    signed_in(client, world.adjudicator)
    address = reverse("case_effects", args=[world.project.slug, case.pk])
    assert client.get(address).status_code == 404
    work = reverse("adjudicate_case", args=[world.project.slug, case.pk])
    assert "Predicted effects" not in client.get(work).content.decode()
    world.decide(world.adjudicator, case, "yes")
    assert client.get(address).status_code == 200
    assert "Predicted effects" in client.get(work).content.decode()
    Case.objects.filter(pk=case.pk).update(status=CaseStatus.LABELLING)
    assert client.get(address).status_code == 404


def form(**changed: str) -> dict[str, str]:
    plain = {f"{p}-{w}": f"{v:g}" for p, words in DEFAULTS.items() for w, v in words.items()}
    return plain | changed


def test_a_lead_changes_what_an_effect_weighs(
    client: Client, world: World, campaign: Campaign
) -> None:
    signed_in(client, world.lead)
    address = reverse("weigh_effects", args=[world.project.slug])
    assert client.post(address, form(**{"who-user": "0.9"})).status_code == 302
    assert effects.weights_of(campaign)["who"]["user"] == 0.9
    data = AuditEvent.objects.get(verb="changed harm weights").data
    assert (data["before"]["who"]["user"], data["after"]["who"]["user"]) == (0.6, 0.9)


@pytest.mark.parametrize("value", ["1.5", "-0.1", "nan", "much", ""])
def test_a_weight_that_is_none_is_refused_and_what_was_typed_stays(
    client: Client, world: World, campaign: Campaign, value: str
) -> None:
    signed_in(client, world.lead)
    answer = client.post(
        reverse("weigh_effects", args=[world.project.slug]), form(**{"scale-few": value})
    )
    assert answer.status_code == 422
    assert "The weight of scale, few, is a number from 0 to 1." in answer.content.decode()
    assert not HarmWeights.objects.exists()
    with pytest.raises(BadInput):
        effects.set_weights(campaign, {}, by=world.lead)


@pytest.mark.parametrize("name", ["ann1", "adjudicator", "viewer"])
def test_who_is_no_lead_can_neither_weigh_nor_learn(
    client: Client, world: World, campaign: Campaign, name: str
) -> None:
    signed_in(client, getattr(world, name))
    slug = world.project.slug
    assert client.post(reverse("weigh_effects", args=[slug]), form()).status_code == 403
    assert client.post(reverse("learn_effects", args=[slug])).status_code == 403
    assert not HarmWeights.objects.exists()
    assert not Job.objects.filter(kind=effects.KIND).exists()
