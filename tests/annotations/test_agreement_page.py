"""The agreement page: alpha with its companions, undefined with its reason, XSTest as published."""

import re
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from annotations import members
from annotations.models import Batch, Rater, Verdict
from annotations.statuses import RaterKind
from tests.annotations.importing.made_files import import_file
from tests.world import World, signed_in


def page(client: Client, world: World, who: str = "viewer", **query: str) -> str:
    signed_in(client, getattr(world, who))
    answer = client.get(reverse("agreement", args=[world.project.slug]), query)
    assert answer.status_code == 200
    return answer.content.decode()


def label_six(world: World) -> None:
    """ann1 says yes to three, ann2 to two of them; two targets."""
    for number in range(6):
        made = world.make_case(strata={"target": f"t{number % 2}"})
        world.give(world.ann1, made, harm="yes" if number < 3 else "no")
        world.give(world.ann2, made, harm="yes" if number < 2 else "no")


def test_alpha_has_an_interval_an_n_and_its_companions(client: Client, world: World) -> None:
    label_six(world)
    text = page(client, world)
    alpha = 1 - (2 / 12) / (70 / 132)  # Do and De by hand
    assert f'<span class="value">{alpha:.4f}</span>' in text
    for word in (
        "Fleiss&#x27; kappa",
        "Gwet&#x27;s AC1",
        "Percent agreement",
        "counts as positive",
    ):
        assert word in text
    assert '<span class="value">0.8333</span>' in text  # percent agreement: five of six
    assert "2 people" in text
    assert "1 − observed / expected disagreement" in text


def test_without_labels_it_says_what_to_do_and_undefined_why(client: Client, world: World) -> None:
    text = page(client, world)
    assert "No blind labels here yet" in text
    assert "undefined" in text
    assert not re.search(r"\bnan\b", text.lower())


def test_one_label_a_case_is_undefined_not_perfect(client: Client, world: World) -> None:
    world.give(world.ann1, world.make_case(), harm="yes")
    text = page(client, world)
    assert "undefined" in text
    assert '<span class="value">1.0000</span>' not in text


def test_without_a_released_rubric_it_says_what_to_do(client: Client, world: World) -> None:
    bare = members.create_project("Bare", by=world.lead)
    signed_in(client, world.lead)
    text = client.get(reverse("agreement", args=[bare.slug])).content.decode()
    assert "No rubric is released yet" in text


def test_by_a_stratum_each_group_has_its_row(client: Client, world: World) -> None:
    label_six(world)
    text = page(client, world, by="target")
    assert '<th scope="row">t0</th>' in text
    assert '<th scope="row">t1</th>' in text
    assert "by target" in text
    assert '<th scope="row">t0</th>' not in page(client, world, by="no such thing")


def test_a_batch_narrows_what_is_measured(client: Client, world: World) -> None:
    label_six(world)
    world.batch = Batch.objects.create(project=world.project, name="Second", source="second")
    assert "No blind labels here yet" in page(client, world, batch=str(world.batch.pk))
    signed_in(client, world.lead)
    for wrong in ("0", "x", "9" * 30):
        answer = client.get(reverse("agreement", args=[world.project.slug]), {"batch": wrong})
        assert answer.status_code == 404


def test_simulated_raters_are_said_to_be_no_people(client: Client, world: World) -> None:
    label_six(world)
    for number, who in enumerate((world.ann1, world.ann2)):
        Rater.objects.filter(user=who).update(
            kind=RaterKind.SIMULATED, user=None, name=f"s{number}"
        )
    text = page(client, world)
    assert "2 of 2 raters here are a simulator" in text
    assert "0 people" in text


def test_cant_tell_is_shown_and_is_no_answer(client: Client, world: World) -> None:
    label_six(world)
    made = world.make_case()
    world.give(world.ann1, made, harm="cant_tell")
    world.give(world.ann2, made, harm="yes")
    text = page(client, world)
    assert f'<span class="value">{1 / 14:.1%}</span>' in text
    assert "13 answers on" in text


def test_hostile_names_of_strata_and_batches_stay_text(client: Client, world: World) -> None:
    world.batch.name = "<script>alert(1)</script>"
    world.batch.save()
    made = world.make_case(strata={"<b>x</b>": "<i>y</i>"})
    world.settle(made, harm="no")
    text = page(client, world, by="<b>x</b>", batch=str(world.batch.pk))
    for raw in ("<script>alert", "<b>x", "<i>y"):
        assert raw not in text


def test_a_revised_answer_changes_no_figure(client: Client, world: World) -> None:
    label_six(world)
    before = page(client, world)
    last = Verdict.objects.latest("id")
    Verdict.objects.create(
        annotation=last.annotation, case=last.case, criterion=last.criterion, status=last.status,
        criterion_version=last.criterion_version, revision=2, value="yes", after_reveal=True,
    )  # fmt: skip
    figures = [text.split('class="tiles"')[1] for text in (before, page(client, world))]
    assert figures[0] == figures[1]


@pytest.mark.parametrize(
    ("who", "status"), [("ann1", 403), ("stranger", 404), ("adjudicator", 200)]
)
def test_only_readers_see_it(client: Client, world: World, who: str, status: int) -> None:
    signed_in(client, getattr(world, who))
    assert client.get(reverse("agreement", args=[world.project.slug])).status_code == status


def test_xstest_shows_the_published_figures_per_model(
    client: Client, world: World, shared_data: Path
) -> None:
    project = members.create_project("XSTest", by=world.lead)
    import_file(
        shared_data / "xstest_annotated.csv", project, "case=id", "prompt=prompt",
        "response=completion", "target=model", "rater=annotation_1", "rater=annotation_2",
    )  # fmt: skip
    signed_in(client, world.lead)
    answer = client.get(reverse("agreement", args=[project.slug]), {"by": "target"})
    text = answer.content.decode()
    fleiss = {"llama2orig": "0.9293", "llama2new": "0.9258", "mistralinstruct": "0.9195",
              "mistralguard": "0.8923", "gpt4": "0.9701"}  # fmt: skip
    for model, kappa in fleiss.items():
        row = text.split(f'<th scope="row">{model}</th>')[1].split("</tr>")[0]
        assert f'<span class="value">{kappa}</span>' in row, model
    assert '<span class="value">0.9365</span>' in text


def test_with_three_raters_the_interval_for_other_raters_stands_beside(
    client: Client, world: World
) -> None:
    for number in range(12):
        made = world.make_case(overlap=3)
        for rater, yes in ((world.ann1, 6), (world.ann2, 5), (world.lead, 8)):
            world.give(rater, made, harm="yes" if number < yes else "no")
    text = page(client, world)

    assert "Other raters too" in text
    assert "for other items and other raters like these" in text
    assert "speaks of these raters only" in text  # Conger's kappa
    assert "Conger&#x27;s kappa" in text
    assert "Cohen&#x27;s kappa</th>" not in text


def test_two_raters_have_cohens_kappa_and_no_interval_for_others(
    client: Client, world: World
) -> None:
    label_six(world)
    text = page(client, world)

    assert "Cohen&#x27;s kappa" in text
    assert "Other raters too" not in text
