"""A proposal beside what the project has already: what is new, what is there, what contradicts."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from annotations.answers import Answer
from annotations.errors import BadInput
from annotations.importing.reading import NewQuestion, Proposal, ProposedCase
from annotations.importing.words import Question
from annotations.models import Adjudication, Case, CriterionVersion, Project, Verdict
from annotations.statuses import RaterKind, VerdictStatus
from annotations.tables import Problem
from annotations.tables.problems import shown

CHUNK = 5_000
T = TypeVar("T")
RaterKey = tuple[str, str, str]  # kind, name, revision


@dataclass(frozen=True)
class Scales:
    """Where labels go: the project's released question, or one to make from the file's words."""

    version: CriterionVersion | None = None
    new: NewQuestion | None = None

    @property
    def question(self) -> Question | None:
        return Question.of(self.version) if self.version else None


@dataclass(frozen=True)
class NewLabel:
    """One verdict to write: of whom, on which case, and what a judge said word for word."""

    case: ProposedCase
    rater: RaterKey
    answer: Answer
    raw: str = ""


@dataclass
class Plan:
    """What would be written. With `problems` nothing is."""

    proposal: Proposal
    new: list[ProposedCase] = field(default_factory=list)
    there: dict[str, Case] = field(default_factory=dict)
    labels: list[NewLabel] = field(default_factory=list)
    labels_there: int = 0
    verdicts_there: int = 0
    settled_there: int = 0
    decisions: list[ProposedCase] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)

    @property
    def people_labels(self) -> int:
        return sum(1 for label in self.labels if label.rater[0] == RaterKind.IMPORTED)

    @property
    def disagreements(self) -> int:
        """Cases of the file on which its people disagree."""
        return sum(1 for case in self.proposal.cases if case.people_disagree)

    @property
    def verdict_counts(self) -> dict[str, dict[str, int]]:
        """Judge -> status -> how many cells of the file."""
        return {name: dict(judge.counts) for name, judge in self.proposal.judges.items()}


def scales_of(
    project: Project | None, *, criterion: str, new: NewQuestion, may_create: bool
) -> Scales:
    """The released question called `criterion` (or the only one); a new one where there is none.

    Raises `BadInput` where the rubric has several criteria, another one, or only a draft.
    """
    rubric = project.rubric if project else None
    released = rubric.released if rubric else None
    if released is None:
        if rubric is not None and rubric.versions.exists():
            raise BadInput("The rubric is a draft: release it first, so that labels answer it.")
        return Scales(new=new if may_create else None)
    questions = list(released.criteria.select_related("criterion"))
    keys = [question.criterion.key for question in questions]
    if criterion and criterion not in keys:
        raise BadInput(f"The rubric has no criterion {shown(criterion)}, but: {', '.join(keys)}.")
    if not criterion and len(keys) > 1:
        raise BadInput(f"Say which criterion the labels answer: {', '.join(keys)}.")
    if new.scale is not None or new.positive:
        raise BadInput(
            "The project has a released rubric, whose scale and positive answers count: leave the "
            "scale and the positive answers out, or change them on the rubric page."
        )
    return Scales(version=questions[keys.index(criterion) if criterion else 0])


def compare(proposal: Proposal, *, project: Project | None, scales: Scales, file: str) -> Plan:
    """What is new. Another text or label under the same id is a problem, never a change."""
    plan = Plan(proposal, problems=list(proposal.problems), notes=list(proposal.notes))
    if project is not None:
        ids = [case.external_id for case in proposal.cases]
        for chunk in chunks(ids):
            rows = Case.objects.filter(project=project, external_id__in=chunk)
            plan.there.update({case.external_id: case for case in rows})
    for case in proposal.cases:
        here = plan.there.get(case.external_id)
        if here is None:
            plan.new.append(case)
        elif proposal.mapping.has_text and here.content_hash != case.content_hash:
            column = proposal.mapping.one("case")
            plan.problems.append(Problem(case.line, column, _other_text(case)))
    given = _given(plan, scales) if plan.there and scales.version else {}
    for case in proposal.cases:
        _compare_labels(case, plan, given)
    _compare_decisions(plan, scales, file)
    plan.problems.sort(key=lambda problem: problem.line or 0)
    return plan


def _other_text(case: ProposedCase) -> str:
    return (
        f"The case {shown(case.external_id)} is here already with another text: give this one an "
        "id of its own, or import it into another project."
    )


def chunks(items: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """Lists short enough for one IN clause."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


def _given(plan: Plan, scales: Scales) -> dict[tuple[int, RaterKey], str]:
    """(case, rater) -> the word given before, under any version of the criterion."""
    names = list(plan.proposal.mapping.many("rater", "judge"))
    found: dict[tuple[int, RaterKey], str] = {}
    criterion = scales.version.criterion if scales.version else None
    for chunk in chunks([case.pk for case in plan.there.values()]):
        rows = Verdict.objects.filter(
            case__in=chunk, criterion=criterion, revision=1, annotation__rater__name__in=names,
            annotation__rater__kind__in=[RaterKind.IMPORTED, RaterKind.JUDGE],
        ).values_list(
            "case_id", "annotation__rater__kind", "annotation__rater__name",
            "annotation__rater__revision", "status", "value",
        )  # fmt: skip
        for case_id, kind, name, revision, status, value in rows:
            found[case_id, (kind, name, revision)] = Answer(VerdictStatus(status), value).word
    return found


def _compare_labels(case: ProposedCase, plan: Plan, given: dict[tuple[int, RaterKey], str]) -> None:
    here = plan.there.get(case.external_id)
    for label in _labels(case, plan.proposal):
        before = given.get((here.pk, label.rater)) if here else None
        kind, name, _ = label.rater
        if before is None:
            plan.labels.append(label)
        elif before != label.answer.word:
            message = (
                f"{shown(name)} gave {shown(before)} to this case before, and the file says "
                f"{shown(label.answer.word)}: a label is never overwritten. Give the rater or the "
                "case another name."
            )
            plan.problems.append(Problem(case.line, name, message))
        elif kind == RaterKind.IMPORTED:
            plan.labels_there += 1
        else:
            plan.verdicts_there += 1


def _labels(case: ProposedCase, proposal: Proposal) -> Iterator[NewLabel]:
    for column, answer in case.labels.items():
        yield NewLabel(case, (RaterKind.IMPORTED.value, column, ""), answer)
    for column, (answer, raw) in case.verdicts.items():
        revision = proposal.judges[column].revision
        yield NewLabel(case, (RaterKind.JUDGE.value, column, revision), answer, raw)


def decision_source(file: str, column: str) -> str:
    """What an imported adjudication says of where it comes from; the end is what differs."""
    return f"{file}:{column}"[-120:]


def _compare_decisions(plan: Plan, scales: Scales, file: str) -> None:
    """Settled labels that are not decided here yet; whether one is needed is seen when written."""
    settled = [case for case in plan.proposal.cases if case.settled is not None]
    column = plan.proposal.mapping.one("settled") or ""
    source = decision_source(file, column)
    decided: dict[int, Adjudication] = {}
    for chunk in chunks([case.pk for case in plan.there.values()] if scales.version else []):
        rows = Adjudication.objects.filter(
            case__in=chunk, criterion=scales.version.criterion if scales.version else None
        ).order_by("id")
        decided.update({row.case_id: row for row in rows})
    kept = Counter[bool]()
    for case in settled:
        here = plan.there.get(case.external_id)
        before = decided.get(here.pk) if here else None
        if before is None:
            plan.decisions.append(case)
            continue
        word = Answer(VerdictStatus(before.status), before.value).word
        if before.source == source and case.settled is not None and word != case.settled.word:
            message = f"The file settled this case as {shown(word)} before: a decision is kept."
            plan.problems.append(Problem(case.line, column, message))
        kept[before.source == source] += 1
    plan.settled_there = kept[True]
    if kept[False]:
        message = f"{kept[False]:,} cases are decided here already: the file's label is not used."
        plan.notes.append(Problem(None, column, message))
