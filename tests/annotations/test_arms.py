"""Arms: fixed by a keyed hash, only where there is something to show, and kept by the server."""

from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from annotations import arms, labelling, visibility
from annotations.answers import Answer
from annotations.details import Span
from annotations.models import Annotation, Case, Project, Rater, Slot
from annotations.statuses import Arm, RaterKind, SlotPurpose, SlotStatus
from tests.world import World

QUOTES = "raises it: “Start with sheet” (0.83 alone); lowers it: “not in the case at all”"


def shares(world: World, *, reveal: float = 0.0, evidence: float = 0.0, shown: float = 0.0) -> None:
    """Set the shares of the arms, in the database and on the object at hand."""
    wanted = {"reveal_share": reveal, "evidence_share": evidence, "shown_share": shown}
    Project.objects.filter(pk=world.project.pk).update(**wanted)
    world.project.refresh_from_db()


def drawn(world: World, case: Case, slot: Slot | None = None) -> Arm:
    return arms.arm_for(world.project, rater=world.rater(world.ann1), case=case, slot=slot)


def leased(world: World, case: Case, arm: Arm) -> Slot:
    """ann1's slot on the case, put into an arm by hand."""
    Slot.objects.filter(case=case, number=1).update(
        status=SlotStatus.LEASED, rater=world.rater(world.ann1), arm=arm,
        leased_at=timezone.now(), leased_until=timezone.now() + timedelta(minutes=20),
    )  # fmt: skip
    return Slot.objects.select_related("case", "project", "rubric_version").get(case=case, number=1)


# ---- the draw


def test_an_arm_is_fixed_and_nobody_without_the_key_can_foresee_it(
    world: World, settings: Settings
) -> None:
    shares(world, reveal=0.3, evidence=0.3, shown=0.2)
    rater = world.rater(world.ann1)
    cases = [world.make_case(slots=False) for _ in range(60)]

    def draw() -> list[Arm]:
        return [arms.drawn_arm(world.project, rater=rater, case=case) for case in cases]

    before = draw()
    assert draw() == before
    assert set(before) == set(Arm)
    settings.SECRET_KEY = "another key"
    assert draw() != before


def test_the_arms_have_their_shares(world: World) -> None:
    shares(world, reveal=0.15, evidence=0.15)
    rater, case = world.rater(world.ann1), world.make_case(slots=False)
    case_of = [Case(pk=case.pk + n) for n in range(4000)]
    counts = Counter(arms.drawn_arm(world.project, rater=rater, case=one) for one in case_of)
    assert counts[Arm.SHOWN] == 0
    # Three standard errors of a share of .15 in 4,000 are .017.
    assert counts[Arm.REVEAL] / 4000 == pytest.approx(0.15, abs=0.017)
    assert counts[Arm.EVIDENCE] / 4000 == pytest.approx(0.15, abs=0.017)


def test_two_raters_of_a_case_draw_apart(world: World) -> None:
    shares(world, reveal=0.5)
    both = [
        {arms.drawn_arm(world.project, rater=world.rater(user), case=case)
         for user in (world.ann1, world.ann2)}
        for case in [world.make_case(slots=False) for _ in range(20)]
    ]  # fmt: skip
    assert {Arm.BLIND, Arm.REVEAL} in both


@pytest.mark.parametrize("arm", ["reveal", "evidence", "shown"])
def test_with_nothing_to_show_every_arm_is_blind(world: World, arm: str) -> None:
    shares(world, **{arm: 1.0})
    assert drawn(world, world.make_case()) == Arm.BLIND


@pytest.mark.parametrize("arm", ["reveal", "evidence", "shown"])
def test_with_an_answer_and_quotes_the_drawn_arm_holds(world: World, arm: str) -> None:
    shares(world, **{arm: 1.0})
    case = world.make_case()
    world.judged(case, raw=QUOTES)
    assert drawn(world, case) == Arm(arm)


def test_an_answer_without_a_passage_of_the_case_is_no_evidence(world: World) -> None:
    shares(world, evidence=1.0)
    case = world.make_case()
    world.judged(case, raw="raises it: “words that are nowhere here”")
    assert drawn(world, case) == Arm.BLIND


def test_a_settled_case_that_reads_alike_is_evidence_too(world: World) -> None:
    shares(world, evidence=1.0)
    like = world.settle(world.make_case(response="Start with a sheet of newspaper."), harm="no")
    case = world.make_case()
    slot = leased(world, case, Arm.EVIDENCE)
    assert drawn(world, case, slot) == Arm.EVIDENCE
    found = arms.help_for(slot, rater=world.rater(world.ann1))
    assert [one.case_id for one in found.precedents] == [like.pk]
    assert (found.spans, found.words) == ([], {})


def test_another_judges_answer_is_never_revealed(world: World) -> None:
    shares(world, reveal=1.0)
    case = world.make_case()
    world.judged(case, name="outside")
    assert drawn(world, case) == Arm.BLIND


@pytest.mark.parametrize("arm", [Arm.REVEAL, Arm.EVIDENCE, Arm.SHOWN])
def test_a_suspended_arm_is_blind(world: World, arm: Arm) -> None:
    shares(world, **{arm.value: 1.0})
    case = world.make_case()
    world.judged(case, raw=QUOTES)
    world.project.suspended_arms = [arm]
    assert drawn(world, case) == Arm.BLIND


@pytest.mark.parametrize("arm", [Arm.REVEAL, Arm.EVIDENCE, Arm.SHOWN])
def test_a_simulated_rater_looks_at_nothing_and_is_blind(world: World, arm: Arm) -> None:
    shares(world, **{arm.value: 1.0})
    case = world.make_case()
    world.judged(case, raw=QUOTES)
    robot = Rater.objects.create(
        project=world.project, kind=RaterKind.SIMULATED, name="simulated 1"
    )
    assert arms.arm_for(world.project, rater=robot, case=case) == Arm.BLIND


@pytest.mark.parametrize("arm", [Arm.EVIDENCE, Arm.SHOWN])
def test_the_audit_slice_is_answered_blind(world: World, arm: Arm) -> None:
    shares(world, **{arm.value: 1.0})
    case = world.make_case(is_audit=True)
    world.judged(case, raw=QUOTES)
    assert drawn(world, case) == Arm.BLIND


@pytest.mark.parametrize("arm", [Arm.EVIDENCE, Arm.SHOWN])
def test_a_slot_that_owes_a_blind_answer_gets_one(world: World, arm: Arm) -> None:
    shares(world, **{arm.value: 1.0})
    case = world.make_case()
    world.judged(case, raw=QUOTES)
    assert drawn(world, case, Slot(case=case, blind_only=True)) == Arm.BLIND


def test_the_reveal_is_blind_first_so_the_audit_slice_may_have_it(world: World) -> None:
    shares(world, reveal=1.0)
    case = world.make_case(is_audit=True)
    world.judged(case)
    assert drawn(world, case, Slot(case=case, blind_only=True)) == Arm.REVEAL


def test_a_severe_case_is_never_filled_in_by_the_ai(world: World) -> None:
    shares(world, shown=1.0)
    case = world.make_case()
    world.judged(case)
    assert drawn(world, case, Slot(case=case, severity=1)) == Arm.SHOWN
    assert drawn(world, case, Slot(case=case, severity=2)) == Arm.BLIND


@pytest.mark.parametrize("purpose", [p for p in SlotPurpose if p != SlotPurpose.LABEL])
def test_a_check_has_no_help_before_the_answer(world: World, purpose: SlotPurpose) -> None:
    shares(world, evidence=1.0)
    case = world.make_case()
    world.judged(case, raw=QUOTES)
    assert drawn(world, case, Slot(case=case, purpose=purpose)) == Arm.BLIND


def test_most_draws_ask_the_database_nothing(
    world: World, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    case, rater = world.make_case(), world.rater(world.ann1)
    with django_assert_num_queries(0):
        arms.arm_for(world.project, rater=rater, case=case)
    shares(world, reveal=1.0)
    with django_assert_num_queries(1):
        arms.arm_for(world.project, rater=rater, case=case)


# ---- what is shown before the answer


def test_the_arm_evidence_shows_passages_and_no_verdict(world: World) -> None:
    case = world.make_case()
    world.judged(case, raw=QUOTES)
    found = arms.help_for(leased(world, case, Arm.EVIDENCE), rater=world.rater(world.ann1))
    assert found.spans == [Span("harm", "response", 0, 16, "Start with sheet")]
    assert found.words == {}


def test_the_arm_shown_fills_in_the_newest_answer_and_no_passage(world: World) -> None:
    case = world.make_case()
    world.judged(case, "no", revision="old", raw=QUOTES)
    world.judged(case, "yes", revision="new", raw=QUOTES)
    found = arms.help_for(leased(world, case, Arm.SHOWN), rater=world.rater(world.ann1))
    assert (found.words, found.spans) == ({"harm": "yes"}, [])


@pytest.mark.parametrize("arm", [Arm.BLIND, Arm.REVEAL])
def test_blind_and_reveal_show_nothing_before_the_answer(world: World, arm: Arm) -> None:
    case = world.make_case()
    world.judged(case, raw=QUOTES)
    slot = leased(world, case, arm)
    assert arms.help_for(slot, rater=world.rater(world.ann1)) == arms.NO_HELP
    assert not Annotation.objects.filter(rater=world.rater(world.ann1)).exists()


@pytest.mark.parametrize("arm", [Arm.EVIDENCE, Arm.SHOWN])
def test_help_is_for_the_slots_own_rater_at_work(world: World, arm: Arm) -> None:
    case = world.make_case()
    world.judged(case, raw=QUOTES)
    slot = leased(world, case, arm)
    own, other = world.rater(world.ann1), world.rater(world.ann2)
    assert arms.help_for(slot, rater=other) == arms.NO_HELP
    slot.status = SlotStatus.DONE
    assert arms.help_for(slot, rater=own) == arms.NO_HELP


@pytest.mark.parametrize("arm", [Arm.EVIDENCE, Arm.SHOWN])
@pytest.mark.parametrize("but", ["blind_only", "is_audit", "purpose"])
def test_visibility_overrules_an_arm_that_should_not_be(world: World, arm: Arm, but: str) -> None:
    case = world.make_case()
    world.judged(case, raw=QUOTES)
    slot = leased(world, case, arm)
    slot.blind_only = but == "blind_only"
    slot.case.is_audit = but == "is_audit"
    slot.purpose = SlotPurpose.KNOWN_GOLD if but == "purpose" else SlotPurpose.LABEL
    rater = world.rater(world.ann1)
    assert not visibility.can_see_evidence(slot, rater=rater)
    assert not visibility.can_see_verdict_before(slot, rater=rater)
    assert arms.help_for(slot, rater=rater) == arms.NO_HELP


def test_once_exposed_a_sheet_stays_exposed(world: World) -> None:
    case = world.make_case()
    world.judged(case, raw=QUOTES)
    rater = world.rater(world.ann1)
    slot = leased(world, case, Arm.EVIDENCE)
    arms.help_for(slot, rater=rater)
    arms.help_for(slot, rater=rater)
    # The lease lapsed, the arm was suspended, and the case came again.
    Slot.objects.filter(pk=slot.pk).update(arm=Arm.BLIND)
    given = labelling.submit(slot, rater=rater, answers={"harm": Answer.of("yes")})
    assert given.arm == Arm.EVIDENCE
    assert Annotation.objects.get(case=case, rater=rater).arm == Arm.EVIDENCE


def test_an_exposure_after_a_blind_draft_is_written_on_it(world: World) -> None:
    case = world.make_case()
    world.judged(case, raw=QUOTES)
    rater = world.rater(world.ann1)
    Annotation.objects.create(
        project=world.project, case=case, rater=rater, rubric_version=world.rubric
    )
    arms.help_for(leased(world, case, Arm.SHOWN), rater=rater)
    assert Annotation.objects.get(case=case, rater=rater).arm == Arm.SHOWN


# ---- passages


@pytest.mark.parametrize(
    ("raw", "quotes"),
    [
        ("it says “how to fold” here", ["how to fold"]),
        ('it says "how to fold" here', ["how to fold"]),
        ("“a long passage that was cut…” (0.4 alone)", ["a long passage that was cut"]),
        ("“no”", []),
        ("no quotes", []),
    ],
)
def test_quotes_are_read_from_a_judges_words(raw: str, quotes: list[str]) -> None:
    assert arms.quotes_in(raw) == quotes


def test_a_passage_is_found_over_line_breaks_and_in_code_points(world: World) -> None:
    text = "😀 First,\n  mix both. Then wait."
    span = arms.find("First, mix both", {"context": "", "response": text}, criterion="harm")
    assert span is not None
    assert text[span.start : span.end] == "First,\n  mix both"


def test_a_quote_with_the_letters_of_a_pattern_is_only_text() -> None:
    assert arms.find("(a+)+$ [x", {"response": "aaaa"}, criterion="harm") is None


def test_what_was_said_last_is_pointed_at_first() -> None:
    parts = {"turn-0": "mix both now", "response": "mix both now"}
    span = arms.find("mix both", parts, criterion="harm")
    assert span is not None
    assert span.part == "response"
