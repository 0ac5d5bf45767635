"""What a form of the labelling room sends, and what comes back on screen from a draft."""

import json

import pytest
from django.http import QueryDict
from django.template.loader import render_to_string

from annotations.details import EFFECT_WORDS, SEVERITIES, read_details
from annotations.errors import BadInput
from annotations.statuses import ContextDependence, Quality
from annotations.views import sheets
from tests.world import World

SPAN = {"criterion": "harm", "part": "response", "start": 0, "end": 5}
FULL = {
    "answer-harm": "yes", "answer-other": "yes", "severity": "3", "context_dependence": "bad_intent",
    "deciding_fact": "It is a toy.", "effect-1-who": "public", "effect-1-scale": "many",
    "effect-2-horizon": "years", "spans": json.dumps([SPAN]), "gap": "1",
    "gap_note": "Toys\x00.", "comment": " Hm. ", "confidence": "2",
}  # fmt: skip


def read(world: World, sent: dict[str, str], *quality: str) -> sheets.Sent:
    data = QueryDict(mutable=True)
    data.update(sent)
    data.setlist("quality", list(quality))
    return sheets.read(data, [world.harm])


def test_everything_that_the_form_asks_is_read(world: World) -> None:
    sent = read(world, FULL, "broken", "realistic")
    assert (sent.words, sent.comment, sent.confidence) == ({"harm": "yes"}, "Hm.", 2)
    assert sent.details == {
        "severity": 3, "context_dependence": "bad_intent", "deciding_fact": "It is a toy.",
        "effects": [{"who": "public", "scale": "many"}, {"horizon": "years"}], "spans": [SPAN],
        "quality": ["broken", "realistic"], "gap": True, "gap_note": "Toys.",
    }  # fmt: skip


def test_what_was_not_filled_in_is_not_there(world: World) -> None:
    assert read(world, {"answer-harm": "no"}).details == {}
    assert read(world, {"severity": "0"}).details == {"severity": 0}
    assert read(world, {"gap_note": "A note is a flag."}).details["gap"] is True


def test_a_draft_comes_back_as_it_was_sent(world: World) -> None:
    sent = read(world, FULL, "broken")
    kept = json.loads(json.dumps(sheets.as_json(sent)))
    assert sheets.sent_of(kept) == sent
    assert sheets.sent_of({}) == sheets.Sent({}, "", None)


@pytest.mark.parametrize(
    "sent",
    [
        {"severity": "9"}, {"severity": "high"}, {"context_dependence": "never"}, {"spans": "{}"},
        {"spans": "[[["}, {"spans": "[1]"}, {"spans": json.dumps([{**SPAN, "start": "x"}])},
        {"spans": json.dumps([SPAN] * 51)}, {"spans": "[" + "1," * 20_000 + "1]"},
        {"effect-1-who": "aliens"}, {"effect-2-scale": "many"}, {"gap_note": "x" * 401},
    ],
)  # fmt: skip
def test_what_no_form_of_ours_sends_is_refused_in_words(world: World, sent: dict[str, str]) -> None:
    with pytest.raises(BadInput):
        read_details(read(world, sent).details)


def test_the_form_offers_exactly_the_words_that_are_taken() -> None:
    assert [value for value, *_ in sheets.SEVERITIES] == list(SEVERITIES)
    assert {value for value, _ in sheets.CONTEXTS} == set(ContextDependence)
    assert {value for value, _ in sheets.QUALITIES} == set(Quality)
    for name, _, words in sheets.EFFECTS:
        assert {value for value, _ in words} == set(EFFECT_WORDS[name])
    assert [name for name, *_ in sheets.EFFECTS] == list(EFFECT_WORDS)


def form(world: World) -> str:
    return render_to_string(
        "annotations/task_form.html",
        {
            "slug": world.project.slug, "questions": sheets.on_screen([world.harm], {}),
            "confidences": sheets.CONFIDENCES, "comment_max": 100, "skip_reasons": ["Tired."],
            "fields": sheets.FIELDS,
        },
    )  # fmt: skip


def test_the_form_is_the_same_for_every_case_and_rater(world: World) -> None:
    html = form(world)
    assert html.count("__SLOT__") == 2
    assert html.count("__CSRF__") == 2
    assert " checked" not in html
    assert " selected" not in html


def test_the_answers_that_count_as_positive_are_marked_for_the_pages_check(world: World) -> None:
    assert form(world).count(" data-positive") == 1


def test_the_words_of_a_form_are_no_markup(world: World) -> None:
    world.harm.name = '"><script>x</script>'
    html = form(world)
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
