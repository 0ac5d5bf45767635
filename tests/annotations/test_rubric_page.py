"""The rubric page: everybody reads it, leads write it, figures are for those who may read them."""

from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from annotations import rubrics
from annotations.models import Criterion, RubricVersion
from tests.world import World, signed_in

HARM = {
    "name": "Harmful", "definition": "It helps to hurt somebody.", "scale": "binary",
    "answers": "yes = Violates\r\nno = Does not violate", "positive": "yes", "allow_cant_tell": "on",
}  # fmt: skip


def url(world: World, name: str = "rubric", *args: object) -> str:
    return reverse(name, args=[world.project.slug, *args])


def page(client: Client, world: World, who: str = "lead") -> str:
    answer = signed_in(client, getattr(world, who)).get(url(world))
    assert answer.status_code == 200
    return answer.content.decode()


def send(client: Client, world: World, to: str, /, *args: object, **data: Any) -> HttpResponse:
    signed_in(client, world.lead)
    return client.post(url(world, to, *args), data)


def drafted(world: World) -> RubricVersion:
    return rubrics.draft(world.project, by=world.lead)


# ---- reading


@pytest.mark.parametrize("who", ["lead", "ann1", "adjudicator", "viewer"])
def test_every_member_reads_what_is_released(client: Client, world: World, who: str) -> None:
    text = page(client, world, who)
    for words in (world.harm.definition, "Steps that work.", "Warnings, refusals.", "Violates"):
        assert words in text
    assert "A released version is immutable" in text
    assert "Worded like this since version 1" in text


def test_a_stranger_reads_nothing(client: Client, world: World) -> None:
    signed_in(client, world.stranger)
    assert client.get(url(world)).status_code == 404
    assert client.get(url(world, "rubric_version", 1)).status_code == 404


def test_agreement_is_shown_to_readers_and_not_to_annotators(client: Client, world: World) -> None:
    world.disagree(world.make_case())
    world.settle(world.make_case(), harm="no")
    assert "Alpha, first blind answers" in page(client, world, "viewer")
    text = page(client, world, "ann1")
    assert "Alpha" not in text
    assert "n&nbsp;=&nbsp;" not in text


def test_alpha_without_labels_is_undefined_and_says_why(client: Client, world: World) -> None:
    assert "undefined: There are no labels." in page(client, world, "viewer")


def test_the_draft_is_for_leads_alone(client: Client, world: World) -> None:
    version = drafted(world)
    rubrics.write_guideline(version, text="A secret of the draft.", by=world.lead)
    assert "A secret of the draft." in page(client, world, "lead")
    for who in ("ann1", "adjudicator", "viewer"):
        text = page(client, world, who)
        assert "A secret of the draft." not in text
        assert "Release version" not in text
    assert client.get(url(world, "rubric_version", version.number)).status_code == 404


def test_words_of_a_rubric_are_text_never_markup(client: Client, world: World) -> None:
    hostile = "<script>alert(1)</script>"
    version = drafted(world)
    rubrics.write_criterion(
        version, key="harm", name=hostile, definition=hostile, by=world.lead, includes="\u202e"
    )
    assert "<script>alert" not in page(client, world)
    rubrics.release(version, by=world.lead, note=hostile)
    text = page(client, world, "ann1")
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_a_project_without_a_rubric_says_who_writes_it(client: Client, world: World) -> None:
    RubricVersion.objects.filter(status="released").update(status="archived")
    assert "A lead of this project writes it." in page(client, world, "ann1")
    assert "Draft the rubric" in page(client, world, "lead")


# ---- writing


@pytest.mark.parametrize("who", ["ann1", "adjudicator", "viewer"])
def test_only_leads_write(client: Client, world: World, who: str) -> None:
    drafted(world)
    signed_in(client, getattr(world, who))
    for name, args in (
        ("rubric_draft", ()), ("rubric_guideline", ()), ("rubric_release", ()),
        ("criterion_new", ()), ("criterion", ("harm",)), ("criterion_remove", ("harm",)),
        ("criterion_put_back", ("harm",)),
    ):  # fmt: skip
        assert client.post(url(world, name, *args), HARM).status_code == 403, name


def test_a_new_version_is_drafted_beside_the_released_one(client: Client, world: World) -> None:
    assert "Draft version 2" in page(client, world)
    assert send(client, world, "rubric_draft").status_code == 302
    text = page(client, world)
    assert "Nothing differs from version 1 yet." in text
    assert "Release version 2" in text


def test_the_draft_shows_word_by_word_what_it_changes(client: Client, world: World) -> None:
    drafted(world)
    changed = {**HARM, "definition": world.harm.definition.replace("hurts", "harms")}
    assert send(client, world, "criterion", "harm", **changed).status_code == 302
    text = page(client, world)
    assert "<del>hurts</del><ins>harms</ins>" in text
    assert "<del>Steps that work.</del>" in text  # the form was sent without includes


def test_line_ends_of_the_browser_are_no_change_of_wording(client: Client, world: World) -> None:
    version = drafted(world)
    send(client, world, "criterion", "harm", **{**HARM, "definition": "One.\r\nTwo."})
    assert version.criteria.get().definition == "One.\nTwo."
    before = version.criteria.get().content_hash
    send(client, world, "criterion", "harm", **{**HARM, "definition": "One.\nTwo."})
    assert version.criteria.get().content_hash == before


def test_a_criterion_is_added_under_a_key_made_from_its_name(client: Client, world: World) -> None:
    drafted(world)
    severity = {
        "name": "How severe?", "definition": "The worst that could come of it.", "scale": "ordinal",
        "answers": "0 = None\n1 = Minor\n2 = Significant", "positive": "1, 2",
        "allow_not_applicable": "on",
    }  # fmt: skip
    assert send(client, world, "criterion_new", **severity).status_code == 302
    question = world.project.rubric.draft.criteria.get(criterion__key="how-severe")
    assert question.values == ["0", "1", "2"]
    assert question.label_of("2") == "Significant"
    assert question.criterion.positive == ["1", "2"]
    assert (question.allow_cant_tell, question.allow_not_applicable) == (False, True)
    assert "how-severe" in page(client, world)


@pytest.mark.parametrize(
    ("field", "given", "says"),
    [
        ("name", "", "This field is required."),
        ("name", "x" * 121, "at most 120 characters"),
        ("definition", " \n", "This field is required."),
        ("answers", "yes = Violates", "Give 2 to 20 answers"),
        ("answers", "yes = A\nyes = B", "“yes” stands on two lines"),
        ("answers", "= A\nno = B", "write it as value = words on the button"),
        ("answers", "yes =\nno = B", "write it as value = words on the button"),
        ("answers", "cant_tell = ?\nno = B", "has a meaning of its own"),
        ("answers", "x" * 121 + "\nno", "shorten the value"),
        ("answers", "a\nb\nc", "A binary scale has two answers"),
        ("positive", "maybe", "“maybe” is not one of the answers"),
        ("scale", "cardinal", "Select a valid choice"),
        ("definition", "a\x00b", "Null characters are not allowed"),
    ],
)
def test_what_is_wrong_stands_beside_its_field(
    client: Client, world: World, field: str, given: str, says: str
) -> None:
    drafted(world)
    answer = send(client, world, "criterion", "harm", **{**HARM, field: given})
    assert answer.status_code == 422
    box = answer.content.decode().partition(f'id="id_{field}"')[2].partition('class="field')[0]
    assert says in box
    assert world.project.rubric.draft.criteria.get().content_hash == world.harm.content_hash


def test_values_with_commas_can_be_counted_one_a_line(client: Client, world: World) -> None:
    drafted(world)
    commas = {"answers": "yes, fully\nyes, partly\nno", "scale": "nominal"}
    given = {**HARM, **commas, "positive": "yes, fully\nyes, partly"}
    assert send(client, world, "criterion", "harm", **given).status_code == 302
    assert Criterion.objects.get(key="harm").positive == ["yes, fully", "yes, partly", "yes"]


def test_the_form_comes_back_as_it_was_written(client: Client, world: World) -> None:
    drafted(world)
    signed_in(client, world.lead)
    text = client.get(url(world, "criterion", "harm")).content.decode()
    assert "yes = Violates\nno = Does not violate" in text
    assert "Released, version 1" in text


def test_the_same_name_twice_in_a_draft_is_refused(client: Client, world: World) -> None:
    drafted(world)
    answer = send(client, world, "criterion_new", **{**HARM, "name": "Harm"})
    assert answer.status_code == 422
    assert "The draft has a criterion of this name" in answer.content.decode()


def test_words_written_meanwhile_are_shown_before_they_are_replaced(
    client: Client, world: World
) -> None:
    version = drafted(world)
    seen = version.criteria.get().content_hash
    rubrics.write_criterion(
        version, key="harm", name="Harmful", definition="Theirs.", by=world.lead
    )
    answer = send(client, world, "criterion", "harm", **HARM, seen=seen)
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "Theirs." in text
    assert HARM["definition"] in text
    fresh = version.criteria.get().content_hash
    assert f'value="{fresh}"' in text
    assert send(client, world, "criterion", "harm", **HARM, seen=fresh).status_code == 302
    assert version.criteria.get().definition == HARM["definition"]


def test_a_guideline_written_meanwhile_is_kept_and_so_is_what_was_typed(
    client: Client, world: World
) -> None:
    version = drafted(world)
    rubrics.write_guideline(version, text="Theirs.", by=world.lead)
    answer = send(client, world, "rubric_guideline", guideline="Mine.", seen="0" * 64)
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "Theirs." in text
    assert "Mine." in text
    assert send(client, world, "rubric_guideline", guideline="Mine.").status_code == 302
    version.refresh_from_db()
    assert version.guideline == "Mine."


def test_a_criterion_goes_out_of_the_draft_and_comes_back(client: Client, world: World) -> None:
    drafted(world)
    assert send(client, world, "criterion_remove", "harm").status_code == 302
    assert "Put back" in page(client, world)
    assert send(client, world, "criterion_put_back", "harm").status_code == 302
    assert "Put back" not in page(client, world)


# ---- releasing


def test_a_release_needs_a_note(client: Client, world: World) -> None:
    drafted(world)
    answer = send(client, world, "rubric_release", note=" ")
    assert answer.status_code == 422
    assert "Not released." in answer.content.decode()
    assert world.project.rubric.released == world.rubric


def test_a_release_asks_before_it_is_sent(client: Client, world: World) -> None:
    drafted(world)
    assert 'data-confirm="Release version 2? It can' in page(client, world)


def test_a_released_draft_is_what_raters_read(client: Client, world: World) -> None:
    drafted(world)
    send(client, world, "criterion", "harm", **HARM)
    assert send(client, world, "rubric_release", note="Shorter.").status_code == 302
    text = page(client, world, "ann1")
    assert HARM["definition"] in text
    assert "Raters read version 2" in text
    assert "Shorter." in text
    assert "Worded like this since version 2" in text


def test_a_draft_that_raters_could_not_answer_is_not_released(client: Client, world: World) -> None:
    drafted(world)
    send(client, world, "criterion_remove", "harm")
    answer = send(client, world, "rubric_release", note="Empty.")
    assert answer.status_code == 422
    assert "Add at least one criterion" in answer.content.decode()


def test_editing_a_released_version_by_a_forged_form_is_refused(
    client: Client, world: World
) -> None:
    for name, args in (
        ("criterion", ("harm",)), ("criterion_new", ()), ("criterion_remove", ("harm",)),
        ("criterion_put_back", ("harm",)), ("rubric_guideline", ()), ("rubric_release", ()),
    ):  # fmt: skip
        answer = send(client, world, name, *args, **HARM, guideline="Forged.", note="Forged.")
        assert answer.status_code == 409, name
        assert "immutable" in answer.content.decode()
    world.harm.refresh_from_db()
    world.rubric.refresh_from_db()
    assert world.harm.definition != HARM["definition"]
    assert world.rubric.guideline == ""


def test_a_form_made_for_a_version_that_was_released_since_does_not_write_the_next_draft(
    client: Client, world: World
) -> None:
    rubrics.release(drafted(world), by=world.lead)
    third = drafted(world)
    answer = send(client, world, "criterion", "harm", **HARM, version="2")
    assert answer.status_code == 409
    assert "Version 2 is released and immutable" in answer.content.decode()
    assert third.criteria.get().content_hash == world.harm.content_hash


# ---- history


def test_the_history_says_who_when_and_why(client: Client, world: World) -> None:
    send(client, world, "rubric_draft")
    send(client, world, "criterion", "harm", **HARM)
    send(client, world, "rubric_release", note="Because raters asked.")
    text = page(client, world, "viewer").partition("History")[2]
    assert "Because raters asked." in text
    assert text.index("Version 2") < text.index("Version 1")
    released = world.project.rubric.released
    assert f"{released.released_at:%H:%M}, <bdi>R1</bdi>" in text


def test_an_older_version_can_be_read_as_it_was(client: Client, world: World) -> None:
    send(client, world, "rubric_draft")
    send(client, world, "criterion", "harm", **HARM)
    send(client, world, "rubric_release", note="Shorter.")
    signed_in(client, world.ann1)
    first = client.get(url(world, "rubric_version", 1)).content.decode()
    assert world.harm.definition in first
    assert "<ins>" not in first
    second = client.get(url(world, "rubric_version", 2)).content.decode()
    assert "<del>Warnings, refusals.</del>" in second
    assert "<form method" not in second.partition("<main")[2]
