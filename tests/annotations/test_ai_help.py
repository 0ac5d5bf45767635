"""What the AI's help does, arm by arm, and the lead's page on it: who may see and set what."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from annotations import anchoring, arms, checks
from annotations.anchoring import Effect
from annotations.errors import BadInput
from annotations.models import (
    Annotation,
    AuditEvent,
    Case,
    Check,
    Project,
    Rater,
    Slot,
    Verdict,
)
from annotations.statuses import Arm, Provenance, RaterKind, SlotPurpose, VerdictStatus
from tests.annotations.test_checks import configure, gold
from tests.world import World, signed_in


def sheet(
    world: World, case: Case, arm: Arm, word: str, *, rater: int = 1, final: str = "",
    seconds: float = 30.0,
) -> Annotation:  # fmt: skip
    """The sheet of a person of this number in an arm; `final` is an answer after the reveal."""
    user, _ = User.objects.get_or_create(username=f"person-{rater}")
    who, _ = Rater.objects.get_or_create(
        project=world.project, kind=RaterKind.PERSON, name=f"P{rater}", user=user
    )
    made = Annotation.objects.create(
        project=world.project, case=case, rater=who, rubric_version=world.rubric, arm=arm,
        status="submitted", submitted_at=case.created_at, seconds=seconds,
    )  # fmt: skip
    for revision, value in enumerate(filter(None, (word, final)), start=1):
        Verdict.objects.create(
            annotation=made, case=case, criterion=world.harm.criterion, revision=revision,
            criterion_version=world.harm, status=VerdictStatus.ANSWERED, value=value,
        )  # fmt: skip
    return made


def effect(world: World, arm: Arm) -> Effect:
    record = anchoring.read(world.project)
    (found,) = [one for one in anchoring.readout(record) if one.arm == arm]
    return found


def disputed(world: World, word: str = "yes") -> Case:
    """A case whose decision came with the file, so that all may be compared; blind answers differ."""
    case = gold(world, word, decided=True)
    case.gold.update(provenance=Provenance.IMPORTED)
    turn = len(world.cases)  # every rater is on either side in turn
    for rater, said in enumerate(("yes", "no", "yes", "no")):
        sheet(world, case, Arm.BLIND, said, rater=91 + (turn + rater) % 4)
    return case


# ---- the readout


def test_accuracy_is_of_final_answers_against_decided_gold(world: World) -> None:
    case = gold(world, "yes", decided=True)
    sheet(world, case, Arm.BLIND, "yes", rater=1)
    sheet(world, case, Arm.BLIND, "no", rater=2)
    sheet(world, case, Arm.REVEAL, "yes", final="no", rater=3)
    assert effect(world, Arm.BLIND).accuracy.value.value == 0.5
    assert effect(world, Arm.REVEAL).accuracy.value.value == 0.0
    shift = effect(world, Arm.REVEAL).accuracy.shift
    assert shift is not None
    assert shift.value == -0.5


def test_unanimous_gold_is_the_raters_own_and_measures_nobody(world: World) -> None:
    sheet(world, gold(world, "yes"), Arm.SHOWN, "yes")
    assert effect(world, Arm.SHOWN).accuracy.value.n == 0


@pytest.mark.parametrize("kind", [RaterKind.IMPORTED, RaterKind.SIMULATED])
def test_who_was_given_no_arm_or_looks_at_nothing_is_left_out(
    world: World, kind: RaterKind
) -> None:
    case = gold(world, "yes", decided=True)
    sheet(world, case, Arm.BLIND, "yes")
    Rater.objects.filter(name="P1").update(kind=kind, user=None)
    assert effect(world, Arm.BLIND).accuracy.value.n == 0


def test_an_exposed_answer_is_not_compared_with_the_two_that_brought_the_decision_about(
    world: World,
) -> None:
    case = gold(world, "yes", decided=True)
    sheet(world, case, Arm.BLIND, "yes", rater=1)
    sheet(world, case, Arm.BLIND, "no", rater=2)
    sheet(world, case, Arm.EVIDENCE, "yes", rater=3)
    found = effect(world, Arm.EVIDENCE).accuracy
    assert found.value.n == 1
    assert found.shift is not None
    assert found.shift.value is None


def test_adoption_is_where_the_ai_was_wrong(world: World) -> None:
    wrong, right = disputed(world, "yes"), disputed(world, "yes")
    world.judged(wrong, "no")
    world.judged(right, "yes")
    for case in (wrong, right):
        sheet(world, case, Arm.SHOWN, "no", rater=1)
    shown, blind = effect(world, Arm.SHOWN).adoption, effect(world, Arm.BLIND).adoption
    assert (shown.value.value, shown.value.n) == (1.0, 1)
    assert (blind.value.value, blind.value.n) == (0.5, 4)


def sentinel(world: World, first: str, last: str, *, planted: str = "no") -> Check:
    slot = Slot.objects.create(
        project=world.project, case=gold(world, "yes", decided=True), rubric_version=world.rubric,
        number=1, purpose="sentinel",
    )  # fmt: skip
    return Check.objects.create(
        slot=slot, project=world.project, case=slot.case, rater=world.rater(world.ann1),
        rubric_version=world.rubric, purpose=SlotPurpose.SENTINEL, given={"harm": first},
        final={"harm": last}, planted={"harm": {"word": planted, "score": 0.1}},
        answered_at=timezone.now(),
    )  # fmt: skip


def test_planted_answers_are_told_apart_from_the_ais_own_errors(world: World) -> None:
    sentinel(world, "yes", "no")
    assert effect(world, Arm.BLIND).planted.value.value == 0.0
    assert effect(world, Arm.REVEAL).planted.value.value == 1.0
    assert effect(world, Arm.REVEAL).adoption.value.n == 0


def test_an_arm_harms_when_its_whole_interval_lies_below_zero(world: World) -> None:
    for number in range(20):
        case = disputed(world)
        sheet(world, case, Arm.SHOWN, "no", rater=1 + number % 4)
        sheet(world, case, Arm.REVEAL, "yes", rater=5 + number % 4)
    assert effect(world, Arm.SHOWN).harms
    assert not effect(world, Arm.REVEAL).harms
    assert not effect(world, Arm.EVIDENCE).harms
    assert not effect(world, Arm.BLIND).harms


def test_seconds_are_medians_and_a_ratio_to_blind(world: World) -> None:
    for _ in range(6):
        case = world.make_case(slots=False)
        sheet(world, case, Arm.BLIND, "yes", rater=1, seconds=30)
        sheet(world, case, Arm.EVIDENCE, "yes", rater=2, seconds=15)
    found = effect(world, Arm.EVIDENCE)
    assert (found.sheets, found.seconds) == (6, 15)
    assert found.seconds_ratio is not None
    assert found.seconds_ratio.value == pytest.approx(0.5)


def test_alpha_is_within_an_arm_and_never_of_two_arms_together(world: World) -> None:
    for number in range(10):
        case = world.make_case(slots=False)
        word = "yes" if number % 2 else "no"
        for rater in (1, 2):
            sheet(world, case, Arm.BLIND, word, rater=rater)
        for rater in (3, 4):
            sheet(world, case, Arm.SHOWN, word if rater == 3 else "yes", rater=rater)
    shown, blind = (
        effect(world, arm).alpha[world.harm.criterion_id] for arm in (Arm.SHOWN, Arm.BLIND)
    )
    assert (blind.value.value, blind.value.n) == (1.0, 10)
    assert shown.value.n == 10
    assert shown.value.value is not None
    assert shown.value.value < 0.5
    assert shown.shift is not None
    assert shown.shift.value == pytest.approx(shown.value.value - 1)


def test_departures_need_no_decision(world: World) -> None:
    case = world.make_case(slots=False)
    sheet(world, case, Arm.BLIND, "yes", rater=1)
    sheet(world, case, Arm.SHOWN, "no", rater=2)
    found = effect(world, Arm.SHOWN).departures
    assert (found.value.value, found.value.n) == (1.0, 1)


def test_what_the_reveal_changed_is_counted_both_ways(world: World) -> None:
    case = gold(world, "yes", decided=True)
    sheet(world, case, Arm.REVEAL, "yes", final="no", rater=1)
    sheet(world, case, Arm.REVEAL, "no", final="yes", rater=2)
    sheet(world, case, Arm.REVEAL, "yes", rater=3)
    found = effect(world, Arm.REVEAL).changed
    assert found is not None
    assert (found.right_to_wrong, found.wrong_to_right, found.right_kept) == (1, 1, 1)


def test_cant_tell_is_told_by_arm(world: World) -> None:
    made = sheet(world, world.make_case(slots=False), Arm.EVIDENCE, "yes", rater=1)
    other = sheet(world, world.make_case(slots=False), Arm.EVIDENCE, "", rater=1)
    Verdict.objects.create(
        annotation=other, case=other.case, criterion=world.harm.criterion, revision=1,
        criterion_version=world.harm, status=VerdictStatus.CANT_TELL, value="",
    )  # fmt: skip
    assert made.arm == Arm.EVIDENCE
    assert effect(world, Arm.EVIDENCE).cant_tell.value.value == 0.5


def test_what_could_be_told_at_all_is_said(world: World) -> None:
    for _ in range(30):
        case = gold(world, "yes", decided=True)
        sheet(world, case, Arm.REVEAL, "yes", rater=1)
        sheet(world, case, Arm.BLIND, "yes", rater=3)
    found = effect(world, Arm.REVEAL).reach
    assert found is not None
    assert found.detectable is not None
    assert 0.1 < found.detectable < 0.4
    assert all(need.lacking == need.answers - 30 for need in found.needed if need.lacking)
    assert effect(world, Arm.EVIDENCE).reach is None


def test_an_empty_project_has_nothing_and_says_so(world: World) -> None:
    for one in anchoring.readout(anchoring.read(world.project)):
        assert one.accuracy.value.value is None
        assert not one.harms


# ---- labels of exposed arms are pooled nowhere


@pytest.mark.parametrize("arm", [Arm.EVIDENCE, Arm.SHOWN])
def test_two_that_saw_the_ai_make_no_gold_and_no_agreement(world: World, arm: Arm) -> None:
    case = world.make_case(overlap=2)
    for rater in (1, 2):
        sheet(world, case, arm, "yes", rater=rater)
    world.resettle(case)
    assert world.gold_word(case) is None
    assert not anchoring.readout(anchoring.read(world.project))[0].accuracy.value.n


# ---- what leads set


def test_shares_are_set_with_an_audit_event(world: World) -> None:
    arms.set_shares(world.project, reveal=0.2, evidence=0.1, shown=0.05, by=world.lead)
    found = Project.objects.get(pk=world.project.pk)
    assert (found.reveal_share, found.evidence_share, found.shown_share) == (0.2, 0.1, 0.05)
    assert AuditEvent.objects.filter(verb="set shares of arms", actor=world.lead).exists()


@pytest.mark.parametrize("shares", [(0.5, 0.4, 0.2), (-0.1, 0.0, 0.0), (0.5, 0.45, 0.0)])
def test_shares_leave_a_tenth_blind(world: World, shares: tuple[float, float, float]) -> None:
    reveal, evidence, shown = shares
    with pytest.raises(BadInput):
        arms.set_shares(world.project, reveal=reveal, evidence=evidence, shown=shown, by=world.lead)


def test_an_arm_is_suspended_and_goes_on_and_blind_never_is(world: World) -> None:
    for _ in range(2):  # twice is once
        arms.suspend(world.project, Arm.SHOWN, by=world.lead)
        assert Project.objects.get(pk=world.project.pk).suspended_arms == ["shown"]
    for _ in range(2):
        arms.resume(world.project, Arm.SHOWN, by=world.lead, reason="The judge was mended.")
        assert Project.objects.get(pk=world.project.pk).suspended_arms == []
    assert AuditEvent.objects.filter(verb__endswith="arm").count() == 2
    with pytest.raises(BadInput):
        arms.suspend(world.project, Arm.BLIND, by=world.lead)


def test_a_mix_of_checks_beyond_half_is_refused(world: World) -> None:
    with pytest.raises(BadInput):
        checks.set_mix(
            world.project, check_share=0.6, qualification_size=0, qualification_mark=0.8,
            training_size=0, by=world.lead,
        )  # fmt: skip


# ---- the page


def address(world: World, part: str = "") -> str:
    return f"/p/{world.project.slug}/ai-help/{part}"


def test_a_lead_sees_the_arms_and_what_lacks(client: Client, world: World) -> None:
    configure(world, qualification_size=20, check_share=0.06, reveal_share=0.15)
    text = signed_in(client, world.lead).get(address(world)).content.decode()
    assert "Blind, then revealed" in text
    assert "85%" in text
    assert "The qualification is off: it needs 20 decided cases" in text
    assert "no known gold and no planted answers come" in text


def test_a_harmful_arm_is_named_with_its_button(client: Client, world: World) -> None:
    configure(world, shown_share=0.2)
    for number in range(20):
        sheet(world, disputed(world), Arm.SHOWN, "no", rater=1 + number % 4)
    signed_in(client, world.lead)
    assert "“Verdict filled in” does harm." in client.get(address(world)).content.decode()
    done = client.post(address(world, "suspend/"), {"arm": "shown"}, follow=True)
    assert "is suspended: its cases are blind." in done.content.decode()
    assert Project.objects.get(pk=world.project.pk).suspended_arms == ["shown"]
    again = {"arm": "shown", "act": "resume"}
    assert client.post(address(world, "suspend/"), again).status_code == 422
    assert Project.objects.get(pk=world.project.pk).suspended_arms == ["shown"]
    client.post(address(world, "suspend/"), {**again, "reason": "The judge was mended."})
    assert Project.objects.get(pk=world.project.pk).suspended_arms == []
    text = client.get(address(world)).content.decode()
    assert "The judge was mended." in text


def test_shares_are_typed_as_percentages(client: Client, world: World) -> None:
    signed_in(client, world.lead)
    sent = {"reveal": "12.5", "evidence": "10", "shown": "0"}
    assert client.post(address(world, "arms/"), sent).status_code == 302
    found = Project.objects.get(pk=world.project.pk)
    assert (found.reveal_share, found.evidence_share) == (0.125, 0.1)
    assert 'value="12.5"' in client.get(address(world)).content.decode()


def test_shares_that_leave_nothing_blind_are_sent_back(client: Client, world: World) -> None:
    signed_in(client, world.lead)
    answer = client.post(address(world, "arms/"), {"reveal": "60", "evidence": "38", "shown": "0"})
    assert answer.status_code == 422
    assert "Leave at least 10% of the sheets blind" in answer.content.decode()
    assert 'value="60"' in answer.content.decode()


def test_checks_are_set(client: Client, world: World) -> None:
    signed_in(client, world.lead)
    sent = {"check_share": "7", "qualification_size": "20", "qualification_mark": "75",
            "training_size": "5"}  # fmt: skip
    assert client.post(address(world, "checks/"), sent).status_code == 302
    found = Project.objects.get(pk=world.project.pk)
    assert (found.check_share, found.qualification_size, found.qualification_mark) == (
        0.07,
        20,
        0.75,
    )
    assert client.post(address(world, "checks/"), {**sent, "check_share": "70"}).status_code == 422


def test_an_unknown_arm_is_refused(client: Client, world: World) -> None:
    signed_in(client, world.lead)
    assert client.post(address(world, "suspend/"), {"arm": "loud"}).status_code == 422


@pytest.mark.parametrize("who", ["ann1", "adjudicator", "viewer", "stranger"])
def test_nobody_but_leads_sees_or_sets_anything(client: Client, world: World, who: str) -> None:
    signed_in(client, getattr(world, who))
    status = 404 if who == "stranger" else 403
    assert client.get(address(world)).status_code == status
    for part, sent in (
        ("arms/", {"reveal": "50", "evidence": "0", "shown": "0"}),
        ("checks/", {"check_share": "0"}),
        ("suspend/", {"arm": "reveal"}),
    ):
        assert client.post(address(world, part), sent).status_code == status
    before = world.project
    after = Project.objects.get(pk=before.pk)
    assert (after.reveal_share, after.suspended_arms) == (before.reveal_share, [])
