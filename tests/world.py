"""The small world of the tests: one project, its people, a released rubric with one criterion."""

from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import User
from django.db.models import CharField
from django.db.models.functions import Cast
from django.test import Client

from annotations import adjudication, gold, labelling, members, queue, rubrics
from annotations.answers import Answer, parse_sheet
from annotations.models import (
    Adjudication,
    Annotation,
    Batch,
    Case,
    Criterion,
    CriterionVersion,
    Membership,
    Project,
    Rater,
    RubricVersion,
    Slot,
    Verdict,
    content_hash,
)
from annotations.statuses import AnnotationStatus, RaterKind, Role, Scale, VerdictStatus

PASSWORD = "a-small-world"
SEVERITY = [
    {"value": "0", "label": "None"},
    {"value": "1", "label": "Minor"},
    {"value": "2", "label": "Significant"},
]


@dataclass
class World:
    """Everybody by name. `stranger` has an account and is no member of the project."""

    project: Project
    lead: User
    ann1: User
    ann2: User
    adjudicator: User
    viewer: User
    stranger: User
    rubric: RubricVersion
    harm: CriterionVersion
    batch: Batch
    cases: list[Case] = field(default_factory=list)

    def member(self, user: User) -> Membership:
        return Membership.objects.get(project=self.project, user=user)

    def rater(self, user: User) -> Rater:
        return members.rater_for(self.member(user))

    def make_case(self, name: str = "", *, slots: bool = True, **fields: Any) -> Case:
        """A mild case, with open slots up to its overlap unless `slots=False`."""
        number = len(self.cases) + 1
        name = name or f"case-{number}"
        fields.setdefault("family", name)
        fields.setdefault("context", "")
        fields.setdefault(
            "conversation", [{"role": "user", "content": f"How do I fold paper hat {number}?"}]
        )
        fields.setdefault("response", f"Start with sheet {number} of newspaper.")
        if fields.get("is_audit"):
            fields.setdefault("audit_probability", 0.1)
        digest = content_hash(fields["context"], fields["conversation"], fields["response"])
        case = Case.objects.create(
            project=self.project, batch=self.batch, external_id=name, content_hash=digest, **fields
        )
        if slots:
            queue.open_slots([case], rubric_version=self.rubric)
        case.refresh_from_db()
        self.cases.append(case)
        return case

    def claim(self, user: User, case: Case | None = None) -> Slot | None:
        return queue.claim(self.rater(user), case=case)

    def give(
        self, user: User, case: Case, *, confidence: int | None = None, comment: str = "",
        **words: str,
    ) -> Annotation:  # fmt: skip
        """The user claims the case and submits `words` (harm="yes"): the way of every sheet."""
        rater = self.rater(user)
        slot = queue.claim(rater, case=case)
        assert slot is not None, f"{user} can't claim {case}"
        sheet = labelling.submit(
            slot, rater=rater, answers=parse_sheet(words or {"harm": "yes"}),
            comment=comment, confidence=confidence,
        )  # fmt: skip
        case.refresh_from_db()
        return sheet

    def settle(self, case: Case, **words: str) -> Case:
        """Both annotators give the same answers, so that the case settles by itself."""
        self.give(self.ann1, case, **words)
        self.give(self.ann2, case, **words)
        return case

    def disagree(self, case: Case) -> Case:
        """ann1 says that it violates, ann2 that it does not: the case waits for an adjudicator."""
        self.give(self.ann1, case, harm="yes", confidence=3, comment="A plain violation.")
        self.give(self.ann2, case, harm="no", confidence=1)
        return case

    def decide(
        self, user: User, case: Case, word: str, *, cause: str = "slip", severity: int = 1,
        question: CriterionVersion | None = None,
    ) -> Adjudication:  # fmt: skip
        """The user answers blind, which comes first, and decides the same."""
        by, question = self.member(user), question or self.harm
        answer = Answer.parse(word)
        adjudication.answer_blind(case, question=question, by=by, answer=answer, severity=severity)
        made = adjudication.decide(case, question=question, by=by, answer=answer, cause=cause)
        case.refresh_from_db()
        return made

    def judged(
        self, case: Case, word: str = "yes", *, name: str = "ensemble", revision: str = "rev-1",
        score: float | None = 0.8125, status: VerdictStatus = VerdictStatus.ANSWERED, raw: str = "",
    ) -> Verdict:  # fmt: skip
        """An automatic rater's verdict on `harm`; the rater "ensemble" gives the pre-labels."""
        judge, _ = Rater.objects.get_or_create(
            project=self.project, kind=RaterKind.JUDGE, name=name, revision=revision
        )
        sheet = Annotation.objects.create(
            project=self.project, case=case, rater=judge, rubric_version=self.rubric,
            status=AnnotationStatus.SUBMITTED, submitted_at=case.created_at,
        )  # fmt: skip
        return Verdict.objects.create(
            annotation=sheet, case=case, criterion=self.harm.criterion, criterion_version=self.harm,
            status=status, value=word if status == VerdictStatus.ANSWERED else "", score=score,
            raw_output=raw,
        )  # fmt: skip

    def add_severity(self) -> CriterionVersion:
        """Release a second version with the ordinal criterion "severity" beside "harm"."""
        draft = rubrics.draft(self.project, by=self.lead)
        question = rubrics.write_criterion(
            draft, key="severity", name="Severity", by=self.lead, positive=["1", "2"],
            scale=Scale.ORDINAL, options=SEVERITY, definition="How much harm it could do.",
            allow_not_applicable=True,
        )  # fmt: skip
        self.rubric = rubrics.release(draft, by=self.lead)
        self.harm = self.rubric.criteria.get(criterion=self.harm.criterion)
        return question

    def gold_word(self, case: Case) -> str | None:
        """The current gold answer on `harm`, or None."""
        current = case.gold.filter(criterion=self.harm.criterion, superseded_at__isnull=True)
        found = current.first()
        return Answer(VerdictStatus(found.status), found.value).word if found else None

    def resettle(self, case: Case) -> gold.SettleReport:
        return gold.settle([Case.objects.get(pk=case.pk)])


def make_world() -> World:
    """Fresh rows in the database of this test."""
    users = {name: User.objects.create_user(name, password=PASSWORD)
             for name in ("lead", "ann1", "ann2", "adjudicator", "viewer", "stranger")}  # fmt: skip
    # No AI help, audit, checks or breaks unless a test says so: chance has no place here.
    project = members.create_project(
        "Small world", by=users["lead"], reveal_share=0.0, evidence_share=0.0, audit_share=0.0,
        check_share=0.0, exposure_minutes=0, break_every=0, severe_run=0,
    )  # fmt: skip
    roles = {"ann1": Role.ANNOTATOR, "ann2": Role.ANNOTATOR,
             "adjudicator": Role.ADJUDICATOR, "viewer": Role.VIEWER}  # fmt: skip
    for name, role in roles.items():
        members.add_member(project, user=users[name], role=role, by=users["lead"])
    # Pseudonyms are drawn at random; here the lead is R1, ann1 R2, ann2 R3, and so on.
    people = list(project.memberships.order_by("id"))
    project.memberships.update(pseudonym=Cast("id", CharField()))
    for number, member in enumerate(people, start=1):
        member.pseudonym = f"R{number}"
    Membership.objects.bulk_update(people, ["pseudonym"])
    draft = rubrics.draft(project, by=users["lead"])
    rubrics.write_criterion(
        draft, key="harm", name="Harmful", by=users["lead"],
        definition="The response helps with something that hurts somebody.",
        includes="Steps that work.", excludes="Warnings, refusals.",
    )  # fmt: skip
    rubric = rubrics.release(draft, by=users["lead"])
    batch = Batch.objects.create(project=project, name="Hats", source="tests")
    criterion = Criterion.objects.get(rubric=project.rubric, key="harm")
    return World(
        project=project, rubric=rubric, harm=rubric.criteria.get(criterion=criterion),
        batch=batch, **users,
    )  # fmt: skip


def signed_in(client: Client, user: User) -> Client:
    """The client, signed in as `user` without the sign-in page."""
    client.force_login(user, backend="evalplatform.signing_in.PasswordBackend")
    return client
