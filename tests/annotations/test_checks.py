"""Checks: mixed in unawares, answered like any case, never counted as a label, taught from kindly."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from annotations import arms, checks, entrance, known, members, rubrics
from annotations.answers import Answer, parse_sheet
from annotations.errors import BadInput, Conflict, NotAllowed
from annotations.models import (
    Adjudication,
    Annotation,
    Case,
    Check,
    Gold,
    Mark,
    Project,
    Rater,
    RubricVersion,
    Skip,
    Slot,
    Verdict,
)
from annotations.statuses import (
    Arm,
    Cause,
    Provenance,
    RaterKind,
    Role,
    SlotPurpose,
    SlotStatus,
    VerdictStatus,
)
from tests.world import World

YES, NO = parse_sheet({"harm": "yes"}), parse_sheet({"harm": "no"})


def configure(world: World, **settings: Any) -> None:
    Project.objects.filter(pk=world.project.pk).update(**settings)
    world.project.refresh_from_db()


def ann1(world: World) -> Rater:
    return Rater.objects.select_related("project").get(pk=world.rater(world.ann1).pk)


def gold(
    world: World, word: str = "yes", *, n_raters: int = 2, decided: bool = False, note: str = "",
    simulated: bool = False, name: str = "",
) -> Case:  # fmt: skip
    """A case that others settled: the rater of the test has had no part in it."""
    case = world.make_case(name, slots=False, status="settled")
    decision = None
    if decided:
        decision = Adjudication.objects.create(
            case=case, criterion=world.harm.criterion, criterion_version=world.harm,
            status=VerdictStatus.ANSWERED, value=word, cause=Cause.SLIP, note=note,
            adjudicator=world.adjudicator,
        )  # fmt: skip
    Gold.objects.create(
        project=world.project, case=case, criterion=world.harm.criterion, adjudication=decision,
        criterion_version=world.harm, status=VerdictStatus.ANSWERED, value=word,
        provenance=Provenance.ADJUDICATED if decided else Provenance.UNANIMOUS,
        n_raters=n_raters, dissent={word: n_raters}, is_simulated=simulated,
    )  # fmt: skip
    return case


def own_old_case(world: World, word: str = "yes", *, days: float = 8) -> Case:
    """A case that ann1 answered a while ago."""
    case = world.make_case()
    sheet = world.give(world.ann1, case, harm=word)
    Annotation.objects.filter(pk=sheet.pk).update(
        submitted_at=timezone.now() - timedelta(days=days)
    )
    return case


def only(monkeypatch: pytest.MonkeyPatch, purpose: SlotPurpose) -> None:
    monkeypatch.setattr(checks, "UNAWARES", (purpose,))


def ask(world: World, n_done: int = 1) -> Check | None:
    slot = checks.due(ann1(world), n_done)
    return (
        Check.objects.select_related("slot__case", "slot__project").get(slot=slot) if slot else None
    )


def answer(world: World, check: Check, word: str = "yes") -> Check:
    return checks.take(check.slot, rater=ann1(world), answers=parse_sheet({"harm": word}))


@pytest.fixture
def always(world: World) -> Iterator[World]:
    """A project whose every second case is a check: the hash of these tests always says so."""
    configure(world, check_share=0.5)
    with pytest.MonkeyPatch.context() as patch:
        real = arms.share_of
        patch.setattr(arms, "share_of", lambda *p: 0.1 if p[0] == "check" else real(*p))
        yield world


# ---- how often


def test_about_the_projects_share_of_cases_are_checks(world: World) -> None:
    rater = ann1(world)
    hits = sum(arms.share_of("check", rater.pk, n) < 0.06 for n in range(5000))
    # Three standard errors of a share of .06 in 5,000 are .010.
    assert hits / 5000 == pytest.approx(0.06, abs=0.010)


def test_where_no_check_is_due_the_database_is_not_asked(
    world: World, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    rater = ann1(world)
    with django_assert_num_queries(0):
        assert checks.due(rater, 1) is None
        assert entrance.is_outstanding(Rater(kind=RaterKind.SIMULATED)) is False


def test_asking_twice_makes_one_check_and_the_next_comes_after_another_label(always: World) -> None:
    gold(always), gold(always)
    first = ask(always)
    assert first is not None
    assert ask(always) is None
    answer(always, first)
    assert ask(always) is None
    always.give(always.ann1, always.make_case())
    assert ask(always, 2) is not None


def test_people_alone_are_checked(always: World) -> None:
    gold(always)
    robot = Rater.objects.create(
        project=always.project, kind=RaterKind.SIMULATED, name="simulated 1"
    )
    assert checks.due(robot, 1) is None


def test_without_settled_cases_nothing_is_due(always: World) -> None:
    always.make_case()
    assert ask(always) is None


# ---- which cases


def test_known_gold_is_settled_by_two_or_decided(
    always: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, SlotPurpose.KNOWN_GOLD)
    gold(always, n_raters=1)
    gold(always, simulated=True)
    assert ask(always) is None
    case = gold(always, n_raters=1, decided=True)
    found = ask(always)
    assert found is not None
    assert (found.case, found.expected) == (case, {"harm": "yes"})
    assert (found.slot.assigned_to, found.slot.purpose) == (ann1(always), "known_gold")


@pytest.mark.parametrize("part", ["labelled", "skipped", "in work", "decided", "opted out"])
def test_a_case_that_the_rater_had_a_part_in_is_no_check(
    always: World, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    only(monkeypatch, SlotPurpose.KNOWN_GOLD)
    case, rater = gold(always), ann1(always)
    if part == "labelled":
        Annotation.objects.create(
            project=always.project, case=case, rater=rater, rubric_version=always.rubric
        )
    elif part == "skipped":
        Skip.objects.create(case=case, rater=rater, reason="broken")
    elif part == "in work":
        Slot.objects.create(
            project=always.project, case=case, rubric_version=always.rubric, number=1, rater=rater,
            status=SlotStatus.LEASED, leased_until=timezone.now(),
        )  # fmt: skip
    elif part == "decided":
        Adjudication.objects.create(
            case=case, criterion=always.harm.criterion, criterion_version=always.harm,
            status=VerdictStatus.ANSWERED, value="yes", cause=Cause.SLIP, adjudicator=always.ann1,
        )  # fmt: skip
    else:
        Case.objects.filter(pk=case.pk).update(strata={"category": "self-harm"})
        Rater.objects.filter(pk=rater.pk).update(opt_outs=["self-harm"])
    assert ask(always) is None


def test_an_opt_out_leaves_cases_without_a_category(
    always: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, SlotPurpose.KNOWN_GOLD)
    Rater.objects.filter(pk=ann1(always).pk).update(opt_outs=["self-harm"])
    gold(always)
    assert ask(always) is not None


def test_gold_of_another_wording_measures_nobody(
    always: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, SlotPurpose.KNOWN_GOLD)
    gold(always)
    reword(always, "Anything that hurts anybody at all.")
    assert ask(always) is None


def test_a_severe_case_waits_while_only_mild_ones_may_come(
    always: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, SlotPurpose.KNOWN_GOLD)
    case = gold(always)
    Slot.objects.create(
        project=always.project, case=case, rubric_version=always.rubric, number=1, severity=4
    )
    assert checks.due(ann1(always), 1, max_severity=2) is None
    assert checks.due(ann1(always), 1) is not None


def test_a_case_marked_for_training_comes_first(
    always: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, SlotPurpose.KNOWN_GOLD)
    _, marked, _ = gold(always), gold(always), gold(always)
    Mark.objects.create(
        case=marked, criterion=always.harm.criterion, kind="training", by=always.adjudicator
    )
    found = ask(always)
    assert found is not None
    assert found.case == marked


def test_a_repeat_is_the_own_case_of_a_week_ago(
    always: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, SlotPurpose.REPEAT)
    own_old_case(always, days=6)
    assert ask(always) is None
    case = own_old_case(always, "no", days=8)
    found = ask(always)
    assert found is not None
    assert (found.case, found.expected) == (case, {"harm": "no"})
    assert answer(always, found, "yes").n_right == 0
    always.give(always.ann1, always.make_case())
    assert ask(always, 2) is None  # once is enough


def test_a_label_that_saw_the_ai_is_not_repeated(
    always: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, SlotPurpose.REPEAT)
    own_old_case(always)
    Annotation.objects.update(arm=Arm.SHOWN)
    assert ask(always) is None


# ---- sentinels


@pytest.fixture
def sentinel(always: World, monkeypatch: pytest.MonkeyPatch) -> Check:
    """Gold says yes; the planted answer of the AI is no."""
    configure(always, reveal_share=0.15)
    only(monkeypatch, SlotPurpose.SENTINEL)
    case = gold(always, "yes", decided=True, note="Steps that work.")
    always.judged(case, "yes", raw="raises it: “sheet”")
    found = ask(always)
    assert found is not None
    return found


def test_a_sentinel_plants_a_wrong_answer(sentinel: Check) -> None:
    assert sentinel.expected == {"harm": "yes"}
    assert sentinel.planted["harm"]["word"] == "no"
    assert 0 < sentinel.planted["harm"]["score"] <= 0.3


@pytest.mark.parametrize("why", ["no share", "suspended", "no judge"])
def test_where_no_ai_answer_is_ever_revealed_none_is_planted(
    always: World, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    only(monkeypatch, SlotPurpose.SENTINEL)
    case = gold(always)
    if why != "no judge":
        always.judged(case)
    configure(
        always, reveal_share=0.0 if why == "no share" else 0.15,
        suspended_arms=["reveal"] if why == "suspended" else [],
    )  # fmt: skip
    assert ask(always) is None


def test_the_planted_answer_is_shown_after_the_own_and_the_debrief_after_the_last_word(
    always: World, sentinel: Check
) -> None:
    rater = ann1(always)
    with pytest.raises(NotAllowed):
        checks.reveal(sentinel, rater=rater)
    sentinel = answer(always, sentinel, "yes")
    with pytest.raises(NotAllowed):
        checks.lessons(sentinel, rater=rater)
    (shown,) = checks.reveal(sentinel, rater=rater)
    assert (shown.answer, shown.judge) == (Answer.of("no"), "ensemble @ rev-1")
    assert shown.reasons == "raises it: “sheet”"
    sentinel = checks.have_last_word(sentinel, rater=rater, answers=NO)
    (lesson,) = checks.lessons(sentinel, rater=rater)
    assert (lesson.own, lesson.right, lesson.planted) == (
        Answer.of("no"), Answer.of("yes"), Answer.of("no"),
    )  # fmt: skip
    assert lesson.note == "Steps that work."
    assert checks.skills(always.project)[rater.pk].adoption.value == 1.0


def test_keeping_the_own_answer_is_a_last_word_and_there_is_one(
    always: World, sentinel: Check
) -> None:
    rater = ann1(always)
    answer(always, sentinel, "yes")
    sentinel.refresh_from_db()
    with pytest.raises(Conflict):
        checks.have_last_word(sentinel, rater=rater)
    checks.reveal(sentinel, rater=rater)
    assert checks.have_last_word(sentinel, rater=rater).final == {"harm": "yes"}
    assert checks.have_last_word(sentinel, rater=rater, answers=NO).final == {"harm": "yes"}
    assert checks.skills(always.project)[rater.pk].adoption.value == 0.0


def test_nobody_else_is_shown_a_planted_answer(always: World, sentinel: Check) -> None:
    sentinel = answer(always, sentinel)
    for user in (always.ann2, always.lead):
        with pytest.raises(NotAllowed):
            checks.reveal(sentinel, rater=always.rater(user))
        with pytest.raises(NotAllowed):
            checks.have_last_word(sentinel, rater=always.rater(user))


# ---- answering


def test_a_check_is_no_label(always: World) -> None:
    case = gold(always)
    found = ask(always)
    assert found is not None
    done = answer(always, found, "no")
    assert (done.n_right, done.n_asked, done.given) == (0, 1, {"harm": "no"})
    assert done.slot_id == found.slot_id
    assert Slot.objects.get(pk=done.slot_id).status == SlotStatus.DONE
    assert not Annotation.objects.filter(case=case).exists()
    assert not Verdict.objects.filter(case=case).exists()
    assert always.gold_word(case) == "yes"


def test_the_second_answer_changes_nothing(always: World) -> None:
    gold(always)
    found = ask(always)
    assert found is not None
    answer(always, found, "yes")
    assert answer(always, found, "no").given == {"harm": "yes"}


def test_a_check_refuses_what_a_label_refuses(always: World) -> None:
    gold(always)
    found = ask(always)
    assert found is not None
    for words in ({}, {"harm": "maybe"}, {"harm": "yes", "other": "yes"}):
        with pytest.raises(BadInput):
            checks.take(found.slot, rater=ann1(always), answers=parse_sheet(words))


def test_anothers_check_is_out_of_reach(always: World) -> None:
    gold(always)
    found = ask(always)
    assert found is not None
    other = always.rater(always.ann2)
    for act in (
        lambda: checks.take(found.slot, rater=other, answers=YES),
        lambda: checks.save_draft(found.slot, rater=other, draft={"words": {}}),
        lambda: checks.skip(found.slot, rater=other, reason="broken"),
    ):
        with pytest.raises(Conflict):
            act()


def test_a_draft_is_kept_until_the_answer(always: World) -> None:
    gold(always)
    found = ask(always)
    assert found is not None
    draft = {"words": {"harm": "no"}, "comment": "half"}
    assert checks.save_draft(found.slot, rater=ann1(always), draft=draft).draft == draft
    answer(always, found)
    with pytest.raises(Conflict):
        checks.save_draft(found.slot, rater=ann1(always), draft=draft)


def test_a_skipped_check_is_gone_and_does_not_come_back(always: World) -> None:
    case = gold(always)
    found = ask(always)
    assert found is not None
    checks.skip(found.slot, rater=ann1(always), reason="I would rather not read this")
    assert not Check.objects.exists()
    assert Skip.objects.filter(case=case, rater=ann1(always)).exists()
    assert ask(always) is None


def test_a_checks_number_is_one_of_the_sheets(always: World) -> None:
    gold(always)
    before = always.give(always.ann2, always.make_case())
    found = ask(always)
    after = always.give(always.ann2, always.make_case())
    assert found is not None
    assert before.pk < found.pk < after.pk


# ---- undo


def test_a_check_is_taken_back_like_a_label(always: World) -> None:
    gold(always)
    found = ask(always)
    assert found is not None
    answer(always, found, "no")
    slot = checks.take_back(ann1(always), after=timezone.now() - timedelta(minutes=5))
    assert slot == found.slot
    found.refresh_from_db()
    assert (found.answered_at, found.given, found.draft["words"]) == (None, {}, {"harm": "no"})
    assert Slot.objects.get(pk=slot.pk).status == SlotStatus.LEASED
    assert answer(always, found, "yes").n_right == 1


def test_an_undo_after_a_later_label_is_the_labels(always: World) -> None:
    gold(always)
    found = ask(always)
    assert found is not None
    answer(always, found)
    assert checks.take_back(ann1(always), after=timezone.now()) is None


def test_no_undo_after_the_minute_or_the_planted_answer(always: World, sentinel: Check) -> None:
    answer(always, sentinel)
    sentinel.refresh_from_db()
    Check.objects.update(answered_at=timezone.now() - timedelta(seconds=61))
    with pytest.raises(Conflict, match="minute"):
        checks.take_back(ann1(always), after=None)
    Check.objects.update(answered_at=timezone.now())
    sentinel.refresh_from_db()
    checks.reveal(sentinel, rater=ann1(always))
    with pytest.raises(Conflict, match="seen"):
        checks.take_back(ann1(always), after=None)


# ---- what is never told


@pytest.mark.parametrize("purpose", [SlotPurpose.KNOWN_GOLD, SlotPurpose.REPEAT])
def test_known_gold_and_repeats_never_tell_what_was_right(
    always: World, monkeypatch: pytest.MonkeyPatch, purpose: SlotPurpose
) -> None:
    only(monkeypatch, purpose)
    _ = gold(always) if purpose == SlotPurpose.KNOWN_GOLD else own_old_case(always)
    found = ask(always)
    assert found is not None
    done = answer(always, found)
    with pytest.raises(NotAllowed):
        checks.lessons(done, rater=ann1(always))
    with pytest.raises(NotAllowed):
        checks.reveal(done, rater=ann1(always))


# ---- qualification


@pytest.fixture
def newcomer(world: World) -> World:
    """Four decided cases; two of them make a set, of which four in five must be right."""
    configure(world, qualification_size=2, qualification_mark=0.8)
    for _ in range(4):
        gold(world, decided=True, note="Because of the steps.")
    return world


def outstanding(world: World) -> list[Check]:
    rows = Check.objects.filter(rater=ann1(world), answered_at__isnull=True)
    return list(rows.select_related("slot__case", "slot__project").order_by("id"))


def test_a_newcomer_qualifies_on_decided_cases_with_feedback(newcomer: World) -> None:
    assert entrance.is_outstanding(ann1(newcomer))
    assert entrance.is_outstanding(ann1(newcomer))
    first, second = outstanding(newcomer)
    assert first.slot.priority == entrance.PRIORITY
    done = answer(newcomer, first, "yes")
    (lesson,) = checks.lessons(done, rater=ann1(newcomer))
    assert (lesson.is_right, lesson.note) == (True, "Because of the steps.")
    assert entrance.is_outstanding(ann1(newcomer))
    answer(newcomer, second, "yes")
    assert ann1(newcomer).qualified_at is not None
    assert not entrance.is_outstanding(ann1(newcomer))


def test_feedback_waits_for_the_answer_and_is_the_raters_own(newcomer: World) -> None:
    entrance.is_outstanding(ann1(newcomer))
    first = outstanding(newcomer)[0]
    with pytest.raises(NotAllowed):
        checks.lessons(first, rater=ann1(newcomer))
    done = answer(newcomer, first)
    with pytest.raises(NotAllowed):
        checks.lessons(done, rater=newcomer.rater(newcomer.ann2))


def test_below_the_mark_comes_another_set_and_then_no_ban(newcomer: World) -> None:
    rater = ann1(newcomer)
    seen: set[int] = set()
    for _ in range(2):
        assert entrance.is_outstanding(rater)
        for check in outstanding(newcomer):
            assert check.case_id not in seen
            seen.add(check.case_id)
            answer(newcomer, check, "no")
    assert not entrance.is_outstanding(ann1(newcomer))
    assert ann1(newcomer).qualified_at is None
    (row,) = entrance.qualifying(newcomer.project)
    assert (row.rater, row.answered, row.share, row.sets) == (rater, 4, 0.0, 2)


def test_a_skipped_lesson_is_made_up_for(newcomer: World) -> None:
    entrance.is_outstanding(ann1(newcomer))
    first, second = outstanding(newcomer)
    checks.skip(first.slot, rater=ann1(newcomer), reason="I would rather not read this")
    answer(newcomer, second)
    assert entrance.is_outstanding(ann1(newcomer))
    (third,) = outstanding(newcomer)
    assert third.case_id not in (first.case_id, second.case_id)
    answer(newcomer, third)
    assert ann1(newcomer).qualified_at is not None


def test_a_lesson_can_not_be_taken_back(newcomer: World) -> None:
    entrance.is_outstanding(ann1(newcomer))
    answer(newcomer, outstanding(newcomer)[0])
    with pytest.raises(Conflict, match="seen"):
        checks.take_back(ann1(newcomer), after=None)


def test_too_little_gold_keeps_nobody_out(world: World) -> None:
    configure(world, qualification_size=5)
    gold(world, decided=True)
    gold(world)  # unanimous, and not marked: nothing to teach from
    assert known.teachable_count(world.project, world.rubric) == 1
    assert not entrance.is_outstanding(ann1(world))


def test_a_marked_case_is_a_lesson_too(world: World) -> None:
    configure(world, qualification_size=1)
    case = gold(world)
    Mark.objects.create(
        case=case, criterion=world.harm.criterion, kind="training", note="A plain one.",
        by=world.adjudicator,
    )  # fmt: skip
    assert entrance.is_outstanding(ann1(world))
    done = answer(world, outstanding(world)[0])
    assert checks.lessons(done, rater=ann1(world))[0].note == "A plain one."


def test_whoever_has_labelled_or_decides_is_past_the_qualification(newcomer: World) -> None:
    newcomer.give(newcomer.ann1, newcomer.make_case())
    assert not entrance.is_outstanding(ann1(newcomer))
    member = newcomer.member(newcomer.viewer)
    for role, expected in ((Role.LEAD, False), (Role.ADJUDICATOR, False), (Role.ANNOTATOR, True)):
        members.change_role(member, role=role, by=newcomer.lead)
        assert entrance.is_outstanding(newcomer.rater(newcomer.viewer)) is expected, role


# ---- training after a release


def reword(world: World, definition: str) -> RubricVersion:
    """Release the next version, with another definition of “harm”."""
    draft = rubrics.draft(world.project, by=world.lead)
    rubrics.write_criterion(
        draft, key="harm", name="Harmful", by=world.lead, definition=definition,
        includes="Steps that work.", excludes="Warnings, refusals.",
    )  # fmt: skip
    world.rubric = rubrics.release(draft, by=world.lead)
    world.harm = world.rubric.criteria.get(criterion=world.harm.criterion)
    return world.rubric


@pytest.fixture
def experienced(world: World) -> World:
    """ann1 has labelled under the first version, and a second one is released."""
    configure(world, training_size=2)
    world.give(world.ann1, world.make_case())
    reword(world, "Anything that hurts anybody at all.")
    return world


def test_who_labelled_before_the_release_trains_on_what_changed(experienced: World) -> None:
    cases = [gold(experienced) for _ in range(3)]
    assert entrance.is_outstanding(ann1(experienced))
    found = outstanding(experienced)
    assert len(found) == 2
    assert {check.purpose for check in found} == {"training"}
    assert {check.case for check in found} <= set(cases)
    for check in found:
        done = answer(experienced, check, "no")
        assert not checks.lessons(done, rater=ann1(experienced))[0].is_right
    assert not entrance.is_outstanding(ann1(experienced))


def test_with_no_gold_under_the_new_words_nobody_waits(experienced: World) -> None:
    assert not entrance.is_outstanding(ann1(experienced))


def test_old_gold_that_is_marked_since_the_release_is_a_lesson(world: World) -> None:
    configure(world, training_size=2)
    world.give(world.ann1, world.make_case())
    before, since = gold(world), gold(world)
    reword(world, "Anything that hurts anybody at all.")
    Mark.objects.create(
        case=since, criterion=world.harm.criterion, kind="training", by=world.adjudicator
    )
    assert entrance.is_outstanding(ann1(world))
    assert [check.case for check in outstanding(world)] == [since]
    assert before != since


def test_who_comes_after_the_release_needs_no_training(experienced: World) -> None:
    gold(experienced)
    assert not entrance.is_outstanding(experienced.rater(experienced.ann2))


def test_a_release_that_changes_no_question_asks_for_no_training(world: World) -> None:
    configure(world, training_size=2)
    world.give(world.ann1, world.make_case())
    world.add_severity()
    gold(world)
    assert [q.criterion.key for q in entrance.changed_since(ann1(world), world.rubric)] == [
        "severity"
    ]
    assert not entrance.is_outstanding(ann1(world))  # no gold on the new question yet


# ---- skill


def test_skill_counts_blind_answers_to_gold_and_repeats_apart(world: World) -> None:
    rater = ann1(world)
    given = [
        (SlotPurpose.KNOWN_GOLD, 3, 4), (SlotPurpose.SENTINEL, 1, 1),
        (SlotPurpose.QUALIFICATION, 2, 3), (SlotPurpose.REPEAT, 1, 2), (SlotPurpose.TRAINING, 0, 9),
    ]  # fmt: skip
    for purpose, right, asked in given:
        case = world.make_case(slots=False)
        slot = Slot.objects.create(
            project=world.project, case=case, rubric_version=world.rubric, number=1,
            purpose=purpose, assigned_to=rater,
        )  # fmt: skip
        Check.objects.create(
            slot=slot, project=world.project, case=case, rater=rater, rubric_version=world.rubric,
            purpose=purpose, n_right=right, n_asked=asked, answered_at=timezone.now(),
        )  # fmt: skip
    skill = checks.skills(world.project)[rater.pk]
    assert (skill.accuracy.n, skill.accuracy.value) == (8, pytest.approx(7 / 10))
    assert (skill.consistency.n, skill.consistency.value) == (2, pytest.approx(0.5))
    assert skill.adoption.value is None
    assert skill.checks == 5
    assert world.rater(world.ann2).pk not in checks.skills(world.project)
