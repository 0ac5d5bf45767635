"""Verdicts of outside judges, taken in all at once or not at all; the same again adds nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.contrib.auth.models import User
from django.db import transaction

from annotations import arms, audit, labelling
from annotations.answers import Answer
from annotations.errors import BadInput, Conflict
from annotations.importing.words import PARSERS, Question, judge_answer
from annotations.models import Case, CriterionVersion, Project, Rater, RubricVersion, Verdict
from annotations.statuses import RaterKind, VerdictStatus
from annotations.tables.problems import MAX_PROBLEMS, shown

# The rater of this name gives the pre-labels: no outside judge may speak as it.
RESERVED = frozenset({arms.PRELABELLER})
MAX_RAW = 20_000
MAX_REVISION = 80
IMPORTED = "import:"  # how the revision of a judge begins that came as a column of a file


@dataclass(frozen=True)
class Given:
    """One answer of a judge, as it came: `answer` is a value of the scale or a status.

    Without an answer, `raw_output` is read by the parser that was named.
    """

    case: str
    criterion: str
    answer: str = ""
    score: float | None = None
    raw_output: str = ""


@dataclass(frozen=True)
class Said:
    """One answer, read: what is written as a verdict."""

    answer: Answer
    score: float | None
    raw_output: str


@dataclass(frozen=True)
class Taken:
    """What was written, what was here already, and the judges that have the same revision."""

    judge: Rater
    added: int
    there: int
    same_revision: tuple[str, ...] = ()


def take(
    project: Project, *, judge: str, revision: str, given: Sequence[Given], by: User,
    parser: str = "",
) -> Taken:  # fmt: skip
    """Write the verdicts of one judge at one revision. Raises `BadInput` naming each problem.

    A named `parser` (of `importing.words`) reads raw outputs and becomes part of the revision.
    """
    check_name(judge, revision)
    revision = with_parser(revision, parser)
    version = project.rubric.released
    if version is None:
        raise Conflict("No rubric version is released, so there is nothing to judge by yet.")
    questions = {q.criterion.key: q for q in version.criteria.select_related("criterion")}
    cases = {
        case.external_id: case
        for case in Case.objects.filter(project=project, external_id__in={g.case for g in given})
    }
    with transaction.atomic():
        # One writer of a judge at a time: what the sheets are compared with must not move.
        Project.objects.select_for_update().get(pk=project.pk)
        rater, _ = Rater.objects.get_or_create(
            project=project, kind=RaterKind.JUDGE, name=judge, revision=revision
        )
        read = [parsed(one, parser=parser, questions=questions) for one in given]
        said, there = _read(read, cases, questions, rater, version)
        for external_id, answers in said.items():
            labelling.record_sheet(
                cases[external_id], rater=rater, rubric_version=version,
                answers={key: one.answer for key, one in answers.items()},
                scores={key: one.score for key, one in answers.items()},
                raw_outputs={key: one.raw_output for key, one in answers.items()},
            )  # fmt: skip
        added = sum(len(answers) for answers in said.values())
        if added:
            audit.record("took judge's verdicts", rater, project=project, by=by, added=added)
    return Taken(rater, added, there, same_revision(rater))


def with_parser(revision: str, parser: str) -> str:
    """The revision with the parser that read it: another parser is another judge."""
    if not parser:
        return revision
    if parser not in PARSERS:
        raise BadInput(f"There is no parser {shown(parser)}: use {', '.join(PARSERS)}.")
    whole = f"{revision} parser:{parser}-{PARSERS[parser][0]}"
    if len(whole) > MAX_REVISION:
        raise BadInput(f"The revision with its parser is over {MAX_REVISION} characters.")
    return whole


def parsed(one: Given, *, parser: str, questions: dict[str, CriterionVersion]) -> Given:
    """The same with its answer read from the raw output, where none was given."""
    question = questions.get(one.criterion)
    if one.answer or not parser or question is None:
        return one
    answer = judge_answer(one.raw_output, parser=parser, question=Question.of(question))
    return replace(one, answer=answer.word)


def same_revision(rater: Rater) -> tuple[str, ...]:
    """Other judges of the project with this revision: the same judge would be counted twice.

    Columns of files share the revision of their parser and are different judges.
    """
    if rater.revision.startswith(IMPORTED):
        return ()
    others = Rater.objects.filter(
        project=rater.project, kind=RaterKind.JUDGE, revision=rater.revision
    ).exclude(pk=rater.pk)
    return tuple(others.order_by("name").values_list("name", flat=True))


def check_name(judge: str, revision: str) -> None:
    """A judge is one exact revision, and not the one that speaks for this product."""
    if not judge.strip() or not revision.strip():
        raise BadInput("Name the judge and its exact revision: a figure must say what it is of.")
    if judge.strip().lower() in RESERVED:
        raise BadInput(f"“{judge}” is the product's own judge: give yours another name.")


def _read(
    given: Sequence[Given], cases: dict[str, Case], questions: dict[str, CriterionVersion],
    rater: Rater, version: RubricVersion,
) -> tuple[dict[str, dict[str, Said]], int]:  # fmt: skip
    """What is new by case and criterion, and how much is here already."""
    before = _before(rater, version)
    said: dict[str, dict[str, Said]] = {}
    problems: list[str] = []
    there = 0
    for index, one in enumerate(given):
        problem, answer = _check(one, cases, questions)
        if answer is not None:
            known = before.get((one.case, one.criterion))
            earlier = said.get(one.case, {}).get(one.criterion)
            if known is not None and known == answer.word:
                there += 1
                continue
            if known is not None:
                problem = f"it said {shown(known)} on this case before; verdicts are never changed"
            elif earlier is not None:
                problem = "this case and criterion stand twice in the list"
            else:
                said.setdefault(one.case, {})[one.criterion] = Said(
                    answer, one.score, one.raw_output[:MAX_RAW]
                )
        if problem:
            problems.append(f"verdicts[{index}]: {problem}.")
    if problems:
        more = len(problems) - MAX_PROBLEMS
        listed = problems[:MAX_PROBLEMS] + ([f"And {more:,} more problems."] if more > 0 else [])
        raise BadInput(f"Nothing was written. {' '.join(problems[:3])}", listed)
    return said, there


def _before(rater: Rater, version: RubricVersion) -> dict[tuple[str, str], str]:
    rows = Verdict.objects.filter(
        annotation__rater=rater, annotation__rubric_version=version, revision=1
    ).values_list("case__external_id", "criterion__key", "status", "value")
    return {
        (case, key): Answer(VerdictStatus(status), value).word for case, key, status, value in rows
    }


def _check(
    one: Given, cases: dict[str, Case], questions: dict[str, CriterionVersion]
) -> tuple[str, Answer | None]:
    """(what is wrong, the answer): one of the two is there."""
    if one.case not in cases:
        return f"there is no case {shown(one.case)} in this project", None
    question = questions.get(one.criterion)
    if not one.answer:
        return "it has no answer: give one, or name a parser that reads its raw_output", None
    if question is None:
        return f"{shown(one.criterion)} is no criterion: use {', '.join(questions)}", None
    if one.answer in question.values:
        return "", Answer.of(one.answer)
    statuses = [status for status in VerdictStatus if status != VerdictStatus.ANSWERED]
    if one.answer in statuses:
        return "", Answer(VerdictStatus(one.answer))
    known = ", ".join([*question.values, *statuses])
    return f"{shown(one.answer)} is no answer to “{one.criterion}”: use {known}", None
