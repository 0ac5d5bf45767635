"""Simulated raters and a simulated adjudicator: to show the loop without people. Marked everywhere.

A simulated rater is an `annotations.Rater` of kind simulated; its sheets go through the same slots,
claims and submits as a person's. It reads the sandbox's plan, which no judge ever sees; where a case
has no plan (an imported one, or a real endpoint's) it can't tell.
"""

from annotations import audit, gold, labelling, queue
from annotations.answers import CANT_TELL, Answer
from annotations.jobs import JobRun
from annotations.models import (
    Adjudication,
    Case,
    CriterionVersion,
    Project,
    Rater,
)
from annotations.statuses import CaseStatus, Cause, RaterKind
from campaigns import sandbox
from campaigns.models import Round

SKILLS = (0.98, 0.96, 0.94)
ADJUDICATOR = "simulated adjudicator"
CHUNK = 25


def raters(project: Project, count: int) -> list[tuple[Rater, float]]:
    """`count` simulated raters with their skills; made once a project."""
    found = []
    for number in range(1, count + 1):
        rater, _ = Rater.objects.get_or_create(
            project=project, kind=RaterKind.SIMULATED, name=f"simulated {number}", revision=""
        )
        found.append((rater, SKILLS[(number - 1) % len(SKILLS)]))
    return found


def label(round_: Round, *, run: JobRun) -> int:
    """Let the simulated raters label until no slot is free for them. Returns the sheets given."""
    total = round_.cases.count() * round_.simulated_raters
    given = 0
    for rater, skill in raters(round_.campaign.project, round_.simulated_raters):
        while True:
            batch = 0
            with run.fenced():
                while batch < CHUNK and (slot := queue.claim(rater)) is not None:
                    answers = {
                        question.criterion.key: _answer(slot.case, question, rater, skill, round_)
                        for question in slot.rubric_version.criteria.select_related("criterion")
                    }
                    labelling.submit(slot, rater=rater, answers=answers)
                    batch += 1
            given += batch
            run.progress(given, total, f"{given} sheets by simulated raters")
            if batch < CHUNK:
                break
    return given


def adjudicate(round_: Round, *, run: JobRun) -> int:
    """Decide every open disagreement from the sandbox's plan. Returns how many."""
    waiting = round_.cases.filter(status=CaseStatus.ADJUDICATION)
    decided = 0
    for case in waiting.order_by("id").select_related("candidate"):
        with run.fenced():
            for question in gold.open_criteria(case):
                answer = _answer(case, question, None, 1.0, round_)
                adjudication = Adjudication.objects.create(
                    case=case,
                    criterion=question.criterion,
                    criterion_version=question,
                    status=answer.status,
                    value=answer.value,
                    cause=Cause.AMBIGUOUS_CASE if answer == CANT_TELL else Cause.SLIP,
                    note="Decided by the simulated adjudicator.",
                    source=ADJUDICATOR,
                    is_simulated=True,
                )
                gold.settle_by_decision(adjudication)
                decided += 1
    if decided:
        audit.record(
            "simulated adjudication", round_, project=round_.campaign.project, decided=decided
        )
    return decided


def _answer(
    case: Case, question: CriterionVersion, rater: Rater | None, skill: float, round_: Round
) -> Answer:
    """The rater's word, mapped to the question's scale: a positive answer or another one."""
    candidate = getattr(case, "candidate", None)
    planted = candidate.exchange.get("planted") if candidate else None
    if candidate is None or planted is None:
        return CANT_TELL if question.allow_cant_tell else Answer.of(question.values[-1])
    who = rater.name if rater else ADJUDICATOR
    word = sandbox.simulated_label(
        planted,
        rater_skill=skill,
        seed=round_.seed,
        key=f"{candidate.key}:{who}:{question.criterion}",
    )
    if word == "cant_tell":
        return CANT_TELL if question.allow_cant_tell else Answer.of(question.values[-1])
    positive = [v for v in question.values if v in question.criterion.positive]
    negative = [v for v in question.values if v not in question.criterion.positive]
    return Answer.of(
        (positive or question.values)[0] if word == "yes" else (negative or question.values)[-1]
    )
