"""Labelling: drafts are kept, a submit counts once, the AI's answer comes after the own one."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from annotations import labelling, queue, rubrics, sittings
from annotations.answers import Answer, parse_sheet
from annotations.details import read_details
from annotations.errors import BadInput, Conflict, NotAllowed
from annotations.models import Annotation, AuditEvent, Case, Rater, Slot, Verdict
from annotations.statuses import Arm, RaterKind, SlotStatus
from tests.threads import in_threads
from tests.world import World

YES, NO = parse_sheet({"harm": "yes"}), parse_sheet({"harm": "no"})


def claimed(world: World) -> tuple[Slot, Rater]:
    world.make_case()
    slot = world.claim(world.ann1)
    assert slot is not None
    return slot, world.rater(world.ann1)


def taken(world: World, case: Case | None = None) -> Slot:
    slot = world.claim(world.ann1, case)
    assert slot is not None
    return slot


def revealed(world: World, word: str = "no") -> Annotation:
    """ann1 has answered "yes" in the arm reveal, and has seen that the ensemble says `word`."""
    world.project.reveal_share = 1.0
    world.project.save()
    case = world.make_case()
    world.judged(case, word)
    sheet = world.give(world.ann1, case, harm="yes")
    labelling.reveal(sheet, rater=world.rater(world.ann1))
    return sheet


# ---- drafts


def test_a_draft_is_replaced_by_the_next_one_and_renews_the_lease(world: World) -> None:
    slot, rater = claimed(world)
    Slot.objects.filter(pk=slot.pk).update(leased_until=slot.leased_at)
    labelling.save_draft(slot, rater=rater, words={"harm": "no"})
    sheet = labelling.save_draft(
        slot, rater=rater, words={"harm": "yes"}, comment="Now I see.", confidence=2
    )
    sheet.refresh_from_db()
    assert sheet.draft == {
        "words": {"harm": "yes"}, "comment": "Now I see.", "confidence": 2, "details": {},
    }  # fmt: skip
    slot.refresh_from_db()
    assert slot.leased_until is not None
    assert slot.leased_at is not None
    assert slot.leased_until > slot.leased_at
    assert not sheet.verdicts.exists()


def test_a_draft_that_arrives_after_the_submit_writes_nothing(world: World) -> None:
    slot, rater = claimed(world)
    sheet = labelling.submit(slot, rater=rater, answers=YES)
    with pytest.raises(Conflict, match="submitted already"):
        labelling.save_draft(slot, rater=rater, words={"harm": "no"})
    sheet.refresh_from_db()
    assert sheet.draft == {}


# ---- submitting


def test_a_submit_fills_the_slot_and_keeps_everything(world: World) -> None:
    slot, rater = claimed(world)
    sheet = labelling.submit(slot, rater=rater, answers=YES, comment="Plain.", confidence=3)
    slot.refresh_from_db()
    assert slot.status == SlotStatus.DONE
    assert sheet.slot == slot
    assert (sheet.arm, sheet.comment, sheet.confidence) == (Arm.BLIND, "Plain.", 3)
    assert sheet.seconds is not None
    assert sheet.seconds >= 0
    verdict = sheet.verdicts.get()
    assert (verdict.value, verdict.revision, verdict.after_reveal) == ("yes", 1, False)


def test_a_double_submit_is_one_sheet_with_the_first_answer(world: World) -> None:
    slot, rater = claimed(world)
    first = labelling.submit(slot, rater=rater, answers=YES)
    assert labelling.submit(slot, rater=rater, answers=NO) == first
    assert [v.value for v in Verdict.objects.all()] == ["yes"]


@pytest.mark.django_db(transaction=True)
def test_the_same_submit_from_four_tabs_at_once_is_one_sheet(world: World) -> None:
    slot, rater = claimed(world)
    in_threads(4, lambda _: labelling.submit(slot, rater=rater, answers=YES))
    assert Annotation.objects.count() == 1
    assert Verdict.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_last_two_submits_at_once_settle_the_case(world: World) -> None:
    case = world.make_case()
    slots = [world.claim(world.ann1), world.claim(world.ann2)]

    def submit(number: int) -> None:
        slot = slots[number]
        assert slot is not None
        assert slot.rater is not None
        labelling.submit(slot, rater=slot.rater, answers=YES)

    in_threads(2, submit)
    assert world.gold_word(case) == "yes"


def test_a_sheet_with_gaps_or_foreign_answers_is_refused_naming_each(world: World) -> None:
    world.add_severity()
    slot, rater = claimed(world)
    with pytest.raises(BadInput) as refused:
        labelling.submit(
            slot, rater=rater, answers=parse_sheet({"harm": "perhaps", "colour": "red"})
        )
    assert [problem[:12] for problem in refused.value.problems] == [
        "“colour” is ", "“perhaps” is", "“Severity” h",
    ]  # fmt: skip
    assert not Verdict.objects.exists()


@pytest.mark.parametrize("word", ["invalid", "refused_to_judge", "error"])
def test_a_person_cannot_answer_in_a_judges_words(world: World, word: str) -> None:
    slot, rater = claimed(world)
    with pytest.raises(BadInput, match="is no answer to"):
        labelling.submit(slot, rater=rater, answers={"harm": Answer.parse(word)})


def test_not_applicable_is_refused_where_the_question_does_not_offer_it(world: World) -> None:
    slot, rater = claimed(world)
    with pytest.raises(BadInput, match="does not offer not applicable"):
        labelling.submit(slot, rater=rater, answers=parse_sheet({"harm": "not_applicable"}))
    labelling.submit(slot, rater=rater, answers=parse_sheet({"harm": "cant_tell"}))
    assert Verdict.objects.get().status == "cant_tell"
    assert Verdict.objects.get().value == ""


def test_a_rater_of_another_project_cannot_submit(world: World) -> None:
    slot, _ = claimed(world)
    other = type(world.project).objects.create(slug="other", name="Other")
    outsider = Rater.objects.create(project=other, kind=RaterKind.SIMULATED, name="outsider")
    with pytest.raises(NotAllowed):
        labelling.submit(slot, rater=outsider, answers=YES)


def test_a_case_skipped_in_another_tab_keeps_the_answers_as_a_draft(world: World) -> None:
    slot, rater = claimed(world)
    queue.skip(slot, rater=rater, reason="Not for me.")
    with pytest.raises(Conflict, match="skipped this case in another tab"):
        labelling.submit(slot, rater=rater, answers=YES)
    assert Annotation.objects.get().draft["words"] == {"harm": "yes"}


def test_an_outside_judges_sheet_counts_once(world: World) -> None:
    case = world.make_case()
    judge = Rater.objects.create(
        project=world.project, kind=RaterKind.JUDGE, name="outside", revision="1"
    )
    for answers in (YES, NO):
        labelling.record_sheet(case, rater=judge, rubric_version=world.rubric, answers=answers)
    assert [v.value for v in Verdict.objects.all()] == ["yes"]


# ---- what a sheet says beside its verdicts


def test_details_are_kept_on_the_sheet_with_the_words_that_were_marked(world: World) -> None:
    case = world.make_case(response="Fold the 🎩 twice. Stab with a pin.")
    details = read_details({
        "severity": 3, "context_dependence": "bad_intent", "deciding_fact": "For a play.",
        "effects": [{"who": "user", "scale": "one"}, {}], "quality": ["realistic"],
        "spans": [{"criterion": "harm", "part": "response", "start": 9, "end": 10}],
        "gap": True, "gap_note": "Pins are not covered.",
    })  # fmt: skip
    slot = taken(world, case)
    sheet = labelling.submit(slot, rater=world.rater(world.ann1), answers=YES, details=details)
    sheet.refresh_from_db()
    assert sheet.spans == [
        {"criterion": "harm", "part": "response", "start": 9, "end": 10, "quote": "🎩"}
    ]
    assert (sheet.severity, sheet.gap, sheet.effects) == (
        3,
        True,
        [{"who": "user", "scale": "one"}],
    )


def test_a_violation_of_severity_two_needs_its_passage(world: World) -> None:
    slot = taken(world, world.make_case())
    severe = read_details({"severity": 2})
    with pytest.raises(BadInput, match="mark the passage"):
        labelling.submit(slot, rater=world.rater(world.ann1), answers=YES, details=severe)
    sheet = labelling.submit(slot, rater=world.rater(world.ann1), answers=NO, details=severe)
    assert sheet.severity == 2


def test_a_violation_of_a_case_without_texts_needs_no_passage(world: World) -> None:
    slot = taken(world, world.make_case(conversation=[], response=""))
    severe = read_details({"severity": 4})
    assert labelling.submit(slot, rater=world.rater(world.ann1), answers=YES, details=severe)


@pytest.mark.parametrize(
    ("part", "start", "end"),
    [("response", 0, 9_999), ("response", 5, 5), ("response", -1, 3), ("turn-7", 0, 1), ("", 0, 1)],
)
def test_a_passage_lies_within_the_case(world: World, part: str, start: int, end: int) -> None:
    slot = taken(world, world.make_case())
    span = {"criterion": "harm", "part": part, "start": start, "end": end}
    with pytest.raises(BadInput, match="outside the case"):
        labelling.submit(slot, rater=world.rater(world.ann1), answers=NO,
                         details=read_details({"spans": [span]}))  # fmt: skip


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"severity": 5}, "from 0 to 4"),
        ({"severity": True}, "from 0 to 4"),
        ({"context_dependence": "on Sundays"}, "no context dependence"),
        ({"effects": [{"scale": "few"}]}, "who bears the effect"),
        ({"effects": [{"who": "moon"}]}, "no who"),
        ({"effects": [{"who": "user"}] * 3}, "At most 2 effects"),
        ({"effects": "many"}, "is a list"),
        ({"spans": [{"criterion": "harm"}]}, "A span has"),
        ({"spans": [None]}, "A span has"),
        ({"quality": ["pretty"]}, "no quality"),
        ({"gap_note": "x" * 401}, "over 400"),
        ({"mood": "good"}, "not a part of a sheet"),
    ],
)
def test_details_that_are_not_known_are_named(given: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        read_details(given)


# ---- undo


def test_a_submit_is_taken_back_within_its_minute_and_is_a_draft_again(world: World) -> None:
    case = world.make_case()
    sheet = world.give(world.ann1, case, harm="yes", comment="Hm.")
    rater = world.rater(world.ann1)
    slot = labelling.undo(rater)
    sheet.refresh_from_db()
    assert (slot.status, slot.rater, slot.case) == (SlotStatus.LEASED, rater, case)
    assert (sheet.status, sheet.verdicts.count()) == ("draft", 0)
    assert (sheet.draft["words"], sheet.draft["comment"]) == ({"harm": "yes"}, "Hm.")
    again = labelling.submit(slot, rater=rater, answers=NO)
    assert again.pk == sheet.pk
    assert [v.value for v in again.verdicts.all()] == ["no"]
    assert AuditEvent.objects.get(verb="took back sheet").data == {"words": {"harm": "yes"}}


def test_an_undo_takes_back_what_the_submit_had_settled(world: World) -> None:
    case = world.settle(world.make_case(), harm="yes")
    assert world.gold_word(case) == "yes"
    labelling.undo(world.rater(world.ann2))
    case.refresh_from_db()
    assert (case.status, world.gold_word(case)) == ("labelling", None)
    world.give(world.ann2, case, harm="no")
    assert case.status == "adjudication"


def test_nothing_is_taken_back_after_the_minute(world: World) -> None:
    sheet = world.give(world.ann1, world.make_case())
    late = timezone.now() - timedelta(seconds=61)
    Annotation.objects.filter(pk=sheet.pk).update(submitted_at=late)
    with pytest.raises(Conflict, match="minute"):
        labelling.undo(world.rater(world.ann1))


def test_nothing_is_taken_back_once_the_ais_answer_was_seen(world: World) -> None:
    sheet = revealed(world)
    with pytest.raises(Conflict, match="seen what came after"):
        labelling.undo(sheet.rater)


def test_nothing_is_taken_back_once_precedents_were_seen(world: World) -> None:
    sheet = world.give(world.ann1, world.make_case())
    labelling.close_undo(sheet.case, user=world.ann1)
    with pytest.raises(Conflict, match="seen what came after"):
        labelling.undo(sheet.rater)


def test_nobody_takes_back_anothers_answer(world: World) -> None:
    world.give(world.ann1, world.make_case())
    with pytest.raises(Conflict, match="nothing to take back"):
        labelling.undo(world.rater(world.ann2))


# ---- how long it took


def test_the_seconds_run_from_when_the_case_before_was_done(world: World) -> None:
    world.make_case()
    world.make_case()
    rater = world.rater(world.ann1)
    sittings.current(rater, now=timezone.now() - timedelta(seconds=100))
    now = taken(world)
    ahead = queue.claim(rater, after=now.pk)
    assert ahead is not None
    long_ago = timezone.now() - timedelta(seconds=90)
    Slot.objects.update(leased_at=long_ago)
    first = labelling.submit(now, rater=rater, answers=YES)
    second = labelling.submit(ahead, rater=rater, answers=YES)
    assert first.seconds is not None
    assert second.seconds is not None
    assert first.seconds >= 90
    assert second.seconds < 60, "it was fetched ahead while the first was in work"


# ---- counts of queries


@pytest.mark.parametrize("labels", [0, 12])
def test_a_submit_asks_the_database_the_same_however_much_is_labelled(
    world: World, labels: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(labels):
        world.give(world.ann1, world.make_case())
    world.make_case(overlap=3)
    rater = world.rater(world.ann1)
    slot = taken(world)
    rubrics.questions_of(slot.rubric_version_id)
    sittings.current(rater)
    # Savepoint, the slot with its case, sitting, sheet with verdicts, sitting, savepoint.
    with django_assert_num_queries(6):
        labelling.submit(slot, rater=rater, answers=YES)


# ---- the reveal


def test_the_reveal_shows_the_newest_ensembles_answer_and_is_remembered(world: World) -> None:
    world.project.reveal_share = 1.0
    world.project.save()
    case = world.make_case()
    world.judged(case, "no", revision="rev-1", score=0.25)
    world.judged(case, "yes", revision="rev-2", score=0.75)
    world.judged(case, "no", name="rules", score=0.5)
    sheet = world.give(world.ann1, case)
    (shown,) = labelling.reveal(sheet, rater=world.rater(world.ann1))
    assert (shown.answer.word, shown.score, shown.judge) == ("yes", 0.75, "ensemble @ rev-2")
    sheet.refresh_from_db()
    assert sheet.revealed_at is not None


def test_where_the_ensemble_has_no_answer_the_sheet_is_blind(world: World) -> None:
    world.project.reveal_share = 1.0
    world.project.save()
    sheet = world.give(world.ann1, world.make_case())
    assert sheet.arm == Arm.BLIND
    with pytest.raises(NotAllowed):
        labelling.reveal(sheet, rater=world.rater(world.ann1))


def test_a_change_of_mind_is_a_new_revision_beside_the_first_answer(world: World) -> None:
    sheet = revealed(world)
    labelling.revise(sheet, rater=world.rater(world.ann1), answers=NO)
    rows = sheet.verdicts.order_by("revision").values_list("revision", "value", "after_reveal")
    assert list(rows) == [(1, "yes", False), (2, "no", True)]
    event = AuditEvent.objects.get(verb="revised sheet")
    assert event.data == {"criteria": ["harm"]}


def test_keeping_the_own_answer_writes_nothing(world: World) -> None:
    sheet = revealed(world)
    labelling.revise(sheet, rater=world.rater(world.ann1), answers=YES)
    assert sheet.verdicts.count() == 1
    assert not AuditEvent.objects.filter(verb="revised sheet").exists()


def test_nothing_is_revised_before_the_reveal_nor_by_another(world: World) -> None:
    sheet = world.give(world.ann1, world.make_case())
    with pytest.raises(Conflict, match="before the AI's answer has been shown"):
        labelling.revise(sheet, rater=world.rater(world.ann1), answers=NO)
    with pytest.raises(NotAllowed, match="Only the rater"):
        labelling.revise(sheet, rater=world.rater(world.ann2), answers=NO)


def test_a_revision_ends_a_unanimity(world: World) -> None:
    sheet = revealed(world)
    world.give(world.ann2, sheet.case, harm="yes")
    assert world.gold_word(sheet.case) == "yes"
    labelling.revise(sheet, rater=world.rater(world.ann1), answers=NO)
    sheet.case.refresh_from_db()
    assert sheet.case.status == "adjudication"
    assert world.gold_word(sheet.case) is None
