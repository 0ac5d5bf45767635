"""The adjudicator's pages and the page of a case: what is shown, what is decided, who must not."""

import re

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from annotations import policies
from annotations.models import Adjudication, Case
from annotations.statuses import VerdictStatus
from tests.world import World, signed_in

DECISION = {"criterion": "harm", "answer": "no", "cause": "guideline_gap", "note": "Hats.",
            "seen": "0"}  # fmt: skip


@pytest.fixture
def adjudicator(client: Client, world: World) -> Client:
    return signed_in(client, world.adjudicator)


def url(world: World, name: str = "adjudicate", *args: object) -> str:
    return reverse(name, args=[world.project.slug, *args])


def case_url(world: World, case: Case) -> str:
    return url(world, "adjudicate_case", case.pk)


def text(response: HttpResponse) -> str:
    return response.content.decode()


def answers_first(client: Client, world: World, *cases: Case, **sent: str) -> None:
    """The own answer, before which nothing of others is shown."""
    for case in cases:
        client.post(
            url(world, "adjudicate_blind", case.pk),
            {"criterion": "harm", "answer": "no", "severity": "1", **sent},
        )


# ---- the list


def test_the_list_shows_what_waits_and_how_people_answered(
    adjudicator: Client, world: World
) -> None:
    case = world.disagree(world.make_case("split"))
    world.settle(world.make_case("agreed"))
    page = text(adjudicator.get(url(world)))
    assert "split" in page
    assert "agreed" not in page
    assert "shown after your own answer" in page
    assert "Violates" not in page
    answers_first(adjudicator, world, case)
    page = text(adjudicator.get(url(world)))
    assert "<b>1</b> Violates" in page
    assert "<b>1</b> Does not violate" in page


def test_an_empty_list_says_what_will_fill_it(adjudicator: Client, world: World) -> None:
    assert "Cases on which all agree settle by themselves" in text(adjudicator.get(url(world)))


def test_done_is_counted_by_cause(adjudicator: Client, world: World) -> None:
    case = world.disagree(world.make_case())
    answers_first(adjudicator, world, case)
    adjudicator.post(case_url(world, case), DECISION)
    page = text(adjudicator.get(url(world)))
    assert "Guideline gap" in page
    assert "Every disagreement is decided" in page


def test_an_own_case_is_listed_and_not_offered(adjudicator: Client, world: World) -> None:
    case = world.make_case("mine")
    world.give(world.adjudicator, case, harm="yes")
    world.give(world.ann1, case, harm="no")
    page = text(adjudicator.get(url(world)))
    assert "you labelled it" in page
    assert "Decide the next case" not in page
    assert "another adjudicator decides it" in text(adjudicator.get(case_url(world, case)))


def test_the_list_comes_in_pages(adjudicator: Client, world: World) -> None:
    for _ in range(51):
        world.make_case(slots=False, status="adjudication")
    part = text(adjudicator.get(url(world), {"page": 2}, HTTP_HX_REQUEST="true"))
    assert "51-51 of 51" in part
    assert "<html" not in part


# ---- the own answer first


SECRETS = (">R2", ">R3", "A plain violation.", "ensemble", "Guess", "0.8125", "because-of-hatpins")


def test_before_the_own_answer_no_page_of_the_case_tells_what_others_said(
    adjudicator: Client, world: World
) -> None:
    case = world.disagree(world.make_case())
    world.judged(case, raw="because-of-hatpins")
    for address in (case_url(world, case), url(world, "case", case.pk), url(world)):
        page = text(adjudicator.get(address))
        assert not [word for word in SECRETS if word in page], address
    api = adjudicator.get(f"/api/v1/projects/{world.project.slug}/cases/{case.pk}/annotations/")
    assert api.json() == []


def test_a_decision_without_the_own_answer_is_refused_and_shows_nothing(
    adjudicator: Client, world: World
) -> None:
    case = world.disagree(world.make_case())
    page = adjudicator.post(case_url(world, case), DECISION)
    assert page.status_code == 409
    assert not [word for word in SECRETS if word in text(page)]
    assert not Adjudication.objects.exists()


def test_the_own_answer_opens_the_raters(adjudicator: Client, world: World) -> None:
    case = world.disagree(world.make_case())
    sent = {"criterion": "harm", "answer": "no", "severity": "2"}
    page = text(adjudicator.post(url(world, "adjudicate_blind", case.pk), sent, follow=True))
    for words in ("You, before you saw this", "severity 2", "R2", "A plain violation."):
        assert words in page
    assert ">R2" in text(adjudicator.get(url(world, "case", case.pk)))


@pytest.mark.parametrize(
    ("missing", "said"), [("answer", "Choose an answer"), ("severity", "severity from 0")]
)
def test_an_own_answer_with_a_gap_comes_back(
    adjudicator: Client, world: World, missing: str, said: str
) -> None:
    case = world.disagree(world.make_case())
    sent = {"criterion": "harm", "answer": "no", "severity": "2", missing: ""}
    page = adjudicator.post(url(world, "adjudicate_blind", case.pk), sent)
    assert page.status_code == 422
    assert said in text(page)
    assert "A plain violation." not in text(page)


def test_a_recheck_looks_like_any_case_until_it_is_answered(
    adjudicator: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policies, "RECHECK_SHARE", 1.0)
    case = world.disagree(world.make_case("first"))
    world.decide(world.lead, case, "yes")
    world.disagree(world.make_case("second"))
    listed = text(adjudicator.get(url(world)))
    rows = re.findall(r"<tr>\s*<th scope=.row.*?</tr>", listed, re.DOTALL)
    alike = {re.sub(r"adjudicate/\d+/|first|second", "", row) for row in rows}
    assert (len(rows), len(alike)) == (2, 1)
    pages = [text(adjudicator.get(case_url(world, one))) for one in world.cases]
    assert "Keep it and see the raters" in pages[0]
    assert "decided" not in pages[0].replace("undecided", "")
    assert "adjudicated" not in text(adjudicator.get(url(world, "case", case.pk)))
    answers_first(adjudicator, world, case)
    page = text(adjudicator.get(case_url(world, case)))
    assert "This case was decided before" in page
    assert "0.0%" in text(adjudicator.get(url(world)))


# ---- severity 3 or more


def test_the_first_of_two_waits_and_the_second_is_not_told_what_it_was(
    adjudicator: Client, world: World
) -> None:
    case = world.disagree(world.make_case())
    answers_first(adjudicator, world, case, answer="yes", severity="3")
    adjudicator.post(case_url(world, case), {**DECISION, "answer": "yes", "severity": "3"})
    assert world.gold_word(case) is None
    page = text(adjudicator.get(case_url(world, case)))
    assert "it becomes gold when another adjudicator" in page
    assert "Decide and next" not in page
    lead = signed_in(Client(), world.lead)
    answers_first(lead, world, case, answer="yes", severity="2")
    for address in (case_url(world, case), url(world, "case", case.pk)):
        assert "Hats." not in text(lead.get(address)), address
    assert "takes two adjudicators" in text(lead.get(case_url(world, case)))
    lead.post(case_url(world, case), {**DECISION, "answer": "yes", "note": "Mine."})
    assert world.gold_word(case) == "yes"
    assert "Hats." in text(lead.get(case_url(world, case)))


def test_where_nobody_else_can_second_it_the_page_says_so_and_one_is_enough(
    client: Client, world: World
) -> None:
    world.member(world.adjudicator).delete()
    case = world.disagree(world.make_case())
    lead = signed_in(client, world.lead)
    answers_first(lead, world, case, answer="yes", severity="4")
    assert "your decision counts alone" in text(lead.get(case_url(world, case)))
    lead.post(case_url(world, case), {**DECISION, "answer": "yes"})
    assert world.gold_word(case) == "yes"
    assert "one decision was enough" in text(lead.get(case_url(world, case)))


# ---- marks and passages


def test_a_decision_can_make_something_of_the_case(adjudicator: Client, world: World) -> None:
    case = world.disagree(world.make_case())
    answers_first(adjudicator, world, case)
    adjudicator.post(case_url(world, case), {**DECISION, "mark": ["seed", "proposal"]})
    assert set(case.marks.values_list("kind", flat=True)) == {"seed", "proposal"}


def test_an_unknown_mark_takes_the_decision_back(adjudicator: Client, world: World) -> None:
    case = world.disagree(world.make_case())
    answers_first(adjudicator, world, case)
    page = adjudicator.post(case_url(world, case), {**DECISION, "mark": "trophy"})
    assert (page.status_code, Adjudication.objects.count()) == (422, 0)


def test_passages_are_drawn_on_the_case_and_quoted_in_the_column(
    adjudicator: Client, world: World
) -> None:
    case = world.disagree(world.make_case(response="<b>Fold</b> it \u202etwice."))
    one, two = case.annotations.order_by("id")
    for sheet, start, end in ((one, 0, 11), (two, 3, 17)):
        span = {"criterion": "harm", "part": "response", "start": start, "end": end,
                "quote": case.response[start:end]}  # fmt: skip
        type(one).objects.filter(pk=sheet.pk).update(spans=[span])
    answers_first(adjudicator, world, case)
    page = text(adjudicator.get(case_url(world, case)))
    assert "<b>Fold" not in page
    assert page.count('<mark class="passage one') == 2
    assert page.count('<mark class="passage several') == 1
    assert "&lt;b&gt;Fold&lt;/b&gt;</q>" in page


# ---- one case


def test_raters_are_shown_side_by_side_with_judges_last_and_closed(
    adjudicator: Client, world: World
) -> None:
    case = world.disagree(world.make_case())
    world.judged(case, score=None, status=VerdictStatus.REFUSED_TO_JUDGE)
    answers_first(adjudicator, world, case)
    page = text(adjudicator.get(case_url(world, case)))
    for words in ("R2", "R3", "A plain violation.", "Sure", "Guess", "Refused to judge"):
        assert words in page
    assert '<details class="judges">' in page
    assert page.index("A plain violation.") < page.index("ensemble @ rev-1")
    assert "ann1" not in page


def test_a_first_answer_that_was_changed_is_shown_beside_the_final_one(
    adjudicator: Client, world: World
) -> None:
    world.project.reveal_share = 1.0
    world.project.save()
    case = world.make_case()
    world.judged(case, "no")
    sheet = world.give(world.ann1, case, harm="yes")
    signed = signed_in(Client(), world.ann1)
    reveal = url(world, "label_reveal", sheet.pk)
    signed.get(reveal)
    signed.post(reveal, {"act": "change", "answer-harm": "no"})
    world.give(world.ann2, case, harm="no")
    answers_first(adjudicator, world, case)
    assert "First: Violates" in text(adjudicator.get(case_url(world, case)))


def test_a_decision_leads_to_the_next_case(adjudicator: Client, world: World) -> None:
    first, second = world.disagree(world.make_case()), world.disagree(world.make_case())
    answers_first(adjudicator, world, first, second)
    sent = adjudicator.post(case_url(world, first), DECISION)
    assert sent.headers["Location"] == case_url(world, second)
    decision = Adjudication.objects.get()
    assert (decision.value, decision.cause, decision.note) == ("no", "guideline_gap", "Hats.")
    assert world.gold_word(first) == "no"


def test_the_last_decision_leads_to_the_list(adjudicator: Client, world: World) -> None:
    first, second = world.disagree(world.make_case()), world.disagree(world.make_case())
    answers_first(adjudicator, world, first, second)
    adjudicator.post(case_url(world, first), DECISION)
    sent = adjudicator.post(case_url(world, second), DECISION, HTTP_HX_REQUEST="true")
    assert sent.headers["HX-Redirect"] == url(world)


def test_the_next_open_question_of_the_same_case_comes_first(
    adjudicator: Client, world: World
) -> None:
    world.add_severity()
    case = world.make_case()
    world.give(world.ann1, case, harm="yes", severity="2")
    world.give(world.ann2, case, harm="no", severity="0")
    answers_first(adjudicator, world, case)
    page = adjudicator.post(case_url(world, case), DECISION, follow=True)
    assert '<input type="hidden" name="criterion" value="severity">' in text(page)
    assert "Keep it and see the raters" in text(page)


@pytest.mark.parametrize(
    ("missing", "said"), [("cause", "Choose the cause"), ("answer", "Choose an answer")]
)
def test_a_decision_with_a_gap_comes_back_with_the_rest(
    adjudicator: Client, world: World, missing: str, said: str
) -> None:
    case = world.disagree(world.make_case())
    answers_first(adjudicator, world, case)
    page = adjudicator.post(case_url(world, case), {**DECISION, missing: ""})
    assert page.status_code == 422
    assert said in text(page)
    assert "Hats." in text(page)
    assert not Adjudication.objects.exists()


def test_a_decision_made_meanwhile_is_a_409_that_shows_it_and_keeps_the_note(
    adjudicator: Client, world: World
) -> None:
    case = world.disagree(world.make_case())
    lead = signed_in(Client(), world.lead)
    answers_first(adjudicator, world, case)
    answers_first(lead, world, case)
    lead.post(case_url(world, case), {**DECISION, "answer": "yes", "note": "Mine."})
    page = adjudicator.post(case_url(world, case), DECISION)
    assert page.status_code == 409
    for words in ("decided while you looked", "Mine.", "Hats."):
        assert words in text(page)
    assert world.gold_word(case) == "yes"


def test_a_decision_sent_twice_is_one(adjudicator: Client, world: World) -> None:
    case = world.disagree(world.make_case())
    answers_first(adjudicator, world, case)
    for _ in range(2):
        assert adjudicator.post(case_url(world, case), DECISION).status_code == 302
    assert Adjudication.objects.count() == 1


def test_a_decided_case_shows_its_history_and_can_be_decided_again(
    adjudicator: Client, world: World
) -> None:
    case = world.disagree(world.make_case())
    answers_first(adjudicator, world, case)
    adjudicator.post(case_url(world, case), DECISION)
    page = text(adjudicator.get(case_url(world, case)))
    for words in ("Decisions", "Guideline gap", "Hats.", "R4", "Decide again"):
        assert words in page
    seen = Adjudication.objects.get().pk
    adjudicator.post(case_url(world, case), {**DECISION, "answer": "yes", "seen": seen})
    assert world.gold_word(case) == "yes"


def test_a_case_that_is_still_labelled_is_not_shown_side_by_side(
    adjudicator: Client, world: World
) -> None:
    case = world.make_case()
    world.give(world.ann1, case, comment="A whisper.")
    page = adjudicator.get(case_url(world, case))
    assert page.status_code == 403
    assert "A whisper." not in text(page)


@pytest.mark.parametrize(
    ("name", "status"), [("ann1", 403), ("ann2", 403), ("viewer", 403), ("stranger", 404)]
)
def test_who_may_not_adjudicate_sees_and_decides_nothing(
    client: Client, world: World, name: str, status: int
) -> None:
    case = world.disagree(world.make_case())
    signed_in(client, getattr(world, name))
    for page in (client.get(url(world)), client.get(case_url(world, case)),
                 client.post(case_url(world, case), DECISION),
                 client.post(url(world, "adjudicate_blind", case.pk), DECISION)):  # fmt: skip
        assert page.status_code == status
        assert "A plain violation." not in text(page)
    assert not Adjudication.objects.exists()


def test_the_side_bar_counts_what_waits_for_adjudicators_only(
    adjudicator: Client, world: World
) -> None:
    world.disagree(world.make_case())
    href = f'href="{url(world)}"'
    assert href in text(adjudicator.get(url(world, "case", world.cases[0].pk)))
    annotator = signed_in(Client(), world.ann1)
    assert href not in text(annotator.get(url(world, "case", world.cases[0].pk)))


# ---- the page of a case


def case_page(world: World, name: str, case: Case) -> str:
    return text(signed_in(Client(), getattr(world, name)).get(url(world, "case", case.pk)))


def test_a_settled_case_shows_text_gold_verdicts_and_origin(world: World) -> None:
    case = world.settle(world.make_case("hat-1", strata={"category": "millinery"}))
    page = case_page(world, "viewer", case)
    for words in (case.response, "unanimous", "<b>2</b> Violates", "R2", "R3", "millinery"):
        assert words in page


def test_a_decided_case_shows_the_decision_and_its_dissent(
    adjudicator: Client, world: World
) -> None:
    case = world.disagree(world.make_case())
    answers_first(adjudicator, world, case)
    adjudicator.post(case_url(world, case), DECISION)
    page = case_page(world, "viewer", case)
    for words in ("adjudicated", "Guideline gap", "Hats.", "<b>1</b> Violates"):
        assert words in page


def test_while_it_is_labelled_nobody_reads_others_answers_on_the_case_page(world: World) -> None:
    case = world.make_case("hat-1", strata={"half": "control-half"})
    world.judged(case, score=0.8642, raw="because-of-hatpins")
    world.give(world.ann1, case, comment="A whisper.")
    for name in ("ann2", "lead", "adjudicator", "viewer"):
        page = case_page(world, name, case)
        assert case.response in page
        assert not [w for w in ("A whisper.", "R2", "ensemble", "0.86") if w in page], name
    assert "control-half" not in case_page(world, "ann2", case)
    assert "hat-1" not in case_page(world, "ann2", case)


def test_annotators_never_see_judges_nor_gold_of_cases_they_did_not_label(world: World) -> None:
    case = world.make_case()
    world.judged(case, score=0.8642)
    world.give(world.ann1, case)
    world.give(world.lead, case)
    assert "ensemble" not in case_page(world, "ann1", case)
    assert "unanimous" in case_page(world, "ann1", case)
    assert "unanimous" not in case_page(world, "ann2", case)


def test_a_stranger_and_another_project_do_not_find_the_case(client: Client, world: World) -> None:
    case = world.make_case()
    assert signed_in(client, world.stranger).get(url(world, "case", case.pk)).status_code == 404
    assert signed_in(client, world.lead).get(url(world, "case", 987654)).status_code == 404
