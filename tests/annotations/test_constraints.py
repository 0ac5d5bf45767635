"""Each rule that the database itself holds, broken on purpose: no code can go round it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

from annotations import releases, rubrics
from annotations.models import (
    Adjudication,
    Annotation,
    AuditEvent,
    Batch,
    Case,
    Criterion,
    CriterionVersion,
    Gold,
    Job,
    Membership,
    Project,
    Rater,
    Release,
    ReleaseItem,
    RubricVersion,
    Skip,
    Slot,
    Verdict,
)
from tests.world import World


@contextmanager
def refused(name: str, error: type[DatabaseError] = IntegrityError) -> Iterator[None]:
    """The database refuses, by the rule of that name (or in those words)."""
    with pytest.raises(error, match=name), transaction.atomic():
        yield


@contextmanager
def protected() -> Iterator[None]:
    """A row that is append-only."""
    with refused("Cannot (update|delete)", DatabaseError):
        yield


@pytest.fixture
def sheet(world: World) -> Annotation:
    return world.give(world.ann1, world.make_case(), harm="yes")


# ---- verdicts and sheets


def test_a_verdict_is_never_overwritten_and_stays_after_its_minute(sheet: Annotation) -> None:
    with protected():
        Verdict.objects.update(value="no")
    minutes_ago = timezone.now() - timedelta(seconds=90)
    Annotation.objects.filter(pk=sheet.pk).update(submitted_at=minutes_ago)
    with refused("taken back for a minute", DatabaseError):
        Verdict.objects.all().delete()
    assert Verdict.objects.get().value == "yes"


def test_a_verdict_stays_once_the_ais_answer_was_shown(sheet: Annotation) -> None:
    Annotation.objects.filter(pk=sheet.pk).update(revealed_at=timezone.now())
    with refused("taken back for a minute", DatabaseError):
        Verdict.objects.all().delete()


def test_the_shares_of_the_arms_fit_in_one(world: World) -> None:
    with refused("project_shares_of_arms_fit_in_one"):
        Project.objects.update(reveal_share=0.5, evidence_share=0.4, shown_share=0.2)
    with refused("project_shares_are_shares"):
        Project.objects.update(audit_share=1.5)


def test_one_sheet_a_rater_a_case(world: World, sheet: Annotation) -> None:
    with refused("one_sheet_a_rater_a_case"):
        Annotation.objects.create(
            project=world.project, case=sheet.case, rater=sheet.rater, rubric_version=world.rubric
        )


def test_a_submitted_sheet_says_when(sheet: Annotation) -> None:
    with refused("submitted_sheets_say_when"):
        Annotation.objects.update(submitted_at=None)
    with refused("submitted_sheets_say_when"):
        Annotation.objects.update(status="draft")


def test_nothing_is_revealed_on_a_draft(world: World) -> None:
    case = world.make_case()
    with refused("nothing_revealed_before_the_answer"):
        Annotation.objects.create(
            project=world.project, case=case, rater=world.rater(world.ann1),
            rubric_version=world.rubric, revealed_at=timezone.now(),
        )  # fmt: skip


@pytest.mark.parametrize("confidence", [0, 4])
def test_confidence_is_one_to_three(sheet: Annotation, confidence: int) -> None:
    with refused("confidence_1_to_3"):
        Annotation.objects.update(confidence=confidence)


@pytest.mark.parametrize(
    ("rule", "fields"),
    [
        ("verdict_revision_once", {"revision": 1}),
        ("verdict_revision_from_one", {"revision": 0}),
        ("only_answers_have_values", {"status": "cant_tell"}),
        ("only_answers_have_values", {"value": ""}),
        ("first_answers_are_before_the_reveal", {"revision": 1, "after_reveal": True}),
        ("verdict_score_is_a_probability", {"score": 1.01}),
        ("verdict_score_is_a_probability", {"score": -0.01}),
    ],
)
def test_a_verdict_that_makes_no_sense_is_refused(
    world: World, sheet: Annotation, rule: str, fields: dict[str, object]
) -> None:
    row = {"revision": 2, "status": "answered", "value": "no", **fields}
    with refused(rule):
        Verdict.objects.create(
            annotation=sheet, case=sheet.case, criterion=world.harm.criterion,
            criterion_version=world.harm, **row,
        )  # fmt: skip


# ---- slots and skips


def test_the_number_of_a_slot_is_once_a_case_and_from_one(world: World) -> None:
    case = world.make_case(slots=False, overlap=2)
    row = {"project": world.project, "case": case, "rubric_version": world.rubric}
    Slot.objects.create(number=1, **row)
    with refused("slot_number_on_case"):
        Slot.objects.create(number=1, **row)
    with refused("slot_numbers_from_one"):
        Slot.objects.create(number=0, **row)


@pytest.mark.parametrize(
    "fields", [{"status": "leased"}, {"status": "done"}, {"leased_until": timezone.now()}]
)
def test_the_status_of_a_slot_fits_its_lease(world: World, fields: dict[str, object]) -> None:
    world.make_case()
    with refused("slot_status_fits_its_lease"):
        Slot.objects.filter(number=1).update(**fields)


def test_a_rater_skips_a_case_once(world: World) -> None:
    row = {"case": world.make_case(), "rater": world.rater(world.ann1), "reason": "No."}
    Skip.objects.create(**row)
    with refused("one_skip_a_rater_a_case"):
        Skip.objects.create(**row)


# ---- rubric


def test_a_released_version_is_immutable_and_kept(world: World) -> None:
    for change in ({"guideline": "Else."}, {"number": 9}, {"status": "draft"}, {"note": "Else."}):
        with refused("immutable", DatabaseError):
            RubricVersion.objects.filter(pk=world.rubric.pk).update(**change)
    row = RubricVersion.objects.filter(pk=world.rubric.pk)
    with protected():
        row._raw_delete(row.db)


def test_the_questions_of_a_released_version_are_immutable(world: World) -> None:
    with refused("immutable", DatabaseError):
        CriterionVersion.objects.update(definition="Else.")
    with refused("immutable", DatabaseError):
        CriterionVersion.objects.all().delete()
    other = Criterion.objects.create(rubric=world.project.rubric, key="late")
    with refused("immutable", DatabaseError):
        CriterionVersion.objects.create(version=world.rubric, criterion=other, name="Late")


def test_a_rubric_has_one_draft_and_one_released_version(world: World) -> None:
    draft = rubrics.draft(world.project, by=world.lead)
    with refused("one_draft_a_rubric"):
        RubricVersion.objects.create(rubric=world.project.rubric, number=7)
    with refused("one_released_version_a_rubric"):
        RubricVersion.objects.create(
            rubric=world.project.rubric, number=8, status="released", released_at=timezone.now()
        )
    with refused("rubric_version_number"):
        RubricVersion.objects.filter(pk=draft.pk).update(number=world.rubric.number)
    with refused("released_versions_say_when"):
        RubricVersion.objects.filter(pk=draft.pk).update(status="archived")


def test_a_criterion_is_once_in_a_rubric_and_once_in_a_version(world: World) -> None:
    with refused("criterion_key_in_rubric"):
        Criterion.objects.create(rubric=world.project.rubric, key="harm")
    draft = rubrics.draft(world.project, by=world.lead)
    with refused("criterion_once_a_version"):
        CriterionVersion.objects.create(
            version=draft, criterion=world.harm.criterion, name="Harm again"
        )


# ---- gold, decisions, releases, trail


def test_decisions_releases_and_the_trail_are_kept_as_they_are(world: World) -> None:
    case = world.disagree(world.make_case())
    world.decide(world.adjudicator, case, "no")
    releases.release(world.project, by=world.lead)
    for model, change in (
        (Adjudication, {"note": "x"}), (Release, {"note": "x"}), (ReleaseItem, {"position": 5}),
        (AuditEvent, {"verb": "x"}),
    ):  # fmt: skip
        assert model._default_manager.exists()
        with protected():
            model._default_manager.update(**change)
        with protected():
            rows = model._default_manager.all()
            rows._raw_delete(rows.db)


def test_a_decision_has_a_cause_and_somebody_who_made_it(world: World) -> None:
    row = {
        "case": world.make_case(), "criterion": world.harm.criterion, "status": "answered",
        "criterion_version": world.harm, "value": "yes", "cause": "slip",
    }  # fmt: skip
    with refused("somebody_adjudicated"):
        Adjudication.objects.create(**row)
    with refused("adjudication_has_a_cause"):
        Adjudication.objects.create(**{**row, "cause": ""}, adjudicator=world.lead)
    with refused("only_decided_answers_have_values"):
        Adjudication.objects.create(**{**row, "value": ""}, adjudicator=world.lead)


def test_there_is_one_current_gold_a_criterion_and_it_says_whence(world: World) -> None:
    case = world.settle(world.make_case())
    row = {
        "project": world.project, "case": case, "criterion": world.harm.criterion,
        "criterion_version": world.harm, "status": "answered", "value": "no", "n_raters": 2,
    }  # fmt: skip
    with refused("one_current_gold_a_criterion"):
        Gold.objects.create(**row, provenance="unanimous")
    with refused("adjudicated_gold_has_its_adjudication"):
        Gold.objects.create(**row, provenance="adjudicated")
    with refused("only_settled_answers_have_values"):
        Gold.objects.create(**{**row, "status": "cant_tell"}, provenance="unanimous")


# ---- projects, people, cases, jobs


def test_a_person_has_one_role_one_pseudonym_and_one_rater_a_project(world: World) -> None:
    with refused("one_role_a_person_a_project"):
        Membership.objects.create(
            project=world.project, user=world.ann1, role="lead", pseudonym="R99"
        )
    with refused("pseudonym_unique_in_project"):
        Membership.objects.create(
            project=world.project, user=world.stranger, role="lead", pseudonym="R1"
        )
    with refused("membership_role_known"):
        Membership.objects.filter(user=world.ann1).update(role="king")
    world.rater(world.ann1)
    with refused("one_rater_a_person_a_project"):
        Rater.objects.create(project=world.project, kind="person", name="twin", user=world.ann1)


@pytest.mark.parametrize(
    ("rule", "fields"),
    [
        ("only_people_have_accounts", {"kind": "person", "name": "nobody"}),
        ("only_judges_have_revisions", {"kind": "judge", "name": "rules"}),
        ("only_judges_have_revisions", {"kind": "simulated", "name": "s", "revision": "1"}),
    ],
)
def test_a_rater_is_a_person_or_a_judge_at_a_revision(
    world: World, rule: str, fields: dict[str, str]
) -> None:
    with refused(rule):
        Rater.objects.create(project=world.project, **fields)


def test_a_judge_is_another_rater_at_another_revision(world: World) -> None:
    row = {"project": world.project, "kind": "judge", "name": "rules"}
    Rater.objects.create(**row, revision="1")
    Rater.objects.create(**row, revision="2")
    with refused("rater_unique_in_project"):
        Rater.objects.create(**row, revision="1")


def test_overlaps_and_shares_have_limits(world: World) -> None:
    world.make_case()
    for overlap in (0, 21):
        with refused("project_overlap_1_to_20"):
            Project.objects.update(overlap=overlap)
        with refused("case_overlap_1_to_20"):
            Case.objects.update(overlap=overlap)
    for share in (-0.1, 1.1):
        with refused("project_reveal_share_is_a_share"):
            Project.objects.update(reveal_share=share)


def test_an_audited_case_carries_the_probability_with_which_it_was_drawn(world: World) -> None:
    case = world.make_case(audit_probability=0.0)
    for probability in (-0.1, 1.1):
        with refused("audit_probability_is_a_probability"):
            Case.objects.filter(pk=case.pk).update(audit_probability=probability)
    for nothing in (None, 0.0):
        with refused("audited_cases_could_be_drawn"):
            Case.objects.filter(pk=case.pk).update(is_audit=True, audit_probability=nothing)
    Case.objects.filter(pk=case.pk).update(is_audit=True, audit_probability=0.1)


def test_a_case_id_and_a_batchs_source_are_once_a_project(world: World) -> None:
    world.make_case("one")
    with refused("case_id_in_project"):
        world.make_case("one")
    with refused("batch_once_a_source"):
        Batch.objects.create(project=world.project, name="Again", source="tests")
    with refused("case_status_known"):
        Case.objects.update(status="lost")


def test_a_jobs_status_is_known(world: World) -> None:
    with refused("job_status_known"):
        Job.objects.create(kind="x", status="sleeping")
