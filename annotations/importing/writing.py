"""A plan without problems into rows: everything in the caller's transaction, or nothing at all."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Count, Model, Q
from django.utils import timezone

from annotations import audit, gold, priorities, queue, rubrics
from annotations.answers import Answer
from annotations.importing.loading import load, new_ids
from annotations.importing.planning import Plan, RaterKey, chunks, decision_source
from annotations.importing.words import Question
from annotations.models import (
    Adjudication,
    Annotation,
    Batch,
    Case,
    CriterionVersion,
    Gold,
    Project,
    Rater,
    Slot,
    Verdict,
)
from annotations.statuses import (
    BLIND_ARMS,
    AnnotationStatus,
    Arm,
    CaseStatus,
    Cause,
    Provenance,
    RaterKind,
    SlotStatus,
    VerdictStatus,
)

BATCH_SIZE = 1_000


@dataclass(frozen=True)
class Source:
    """Where the cases come from: the file's name, the hash of its bytes, and the batch's name."""

    file: str
    sha256: str
    batch: str = ""

    @property
    def key(self) -> str:
        return f"{self.file[-120:]} sha256:{self.sha256}"


@dataclass
class Written:
    """What one import wrote."""

    cases: int = 0
    labels: int = 0
    verdicts: dict[str, int] = field(default_factory=dict)  # judges' verdicts by status
    raters: list[str] = field(default_factory=list)
    judges: list[str] = field(default_factory=list)
    adjudicated: int = 0
    settled: int = 0
    to_adjudicate: int = 0
    slots: int = 0


def write(
    plan: Plan, *, project: Project, version: CriterionVersion | None, source: Source,
    by: User | None, open_slots: bool,
) -> Written:  # fmt: skip
    """Write the plan. The caller holds the transaction and the project's lock.

    `version` is the released question of the labels; without one it is made from their words.
    """
    done = Written()
    version = version or _release_question(plan, project, source, by)
    cases = {**plan.there, **_write_cases(plan, project, source, done)}
    rated: set[int] = set()
    if version is not None:
        rated = _write_labels(plan, project, version, cases, done)
        _refresh_statistics(len(plan.labels), Case, Annotation, Verdict)
        decided = _write_decisions(plan, version, cases, source, done)
        _settle([c for c in cases.values() if c.pk in rated | decided], decided, version, done)
    if open_slots and version is not None:
        new = [cases[case.external_id] for case in plan.new if case.has_text]
        lacking = [case for case in new if case.status == CaseStatus.NEW]
        for chunk in chunks(lacking):
            done.slots += queue.open_slots(
                chunk, rubric_version=version.version, weights=priorities.of(chunk)
            )
        _refresh_statistics(done.slots, Case, Slot)
    if done.cases or done.labels or done.verdicts or done.adjudicated:
        audit.record(
            "imported cases", source.file, project=project, by=by, sha256=source.sha256,
            cases=done.cases, labels=done.labels, verdicts=done.verdicts,
            adjudicated=done.adjudicated,
        )  # fmt: skip
    return done


def _refresh_statistics(rows: int, *models: type[Model]) -> None:
    """Tell the planner of the new rows, or it may join thousands as if they were none (17 s).

    Plans that connections keep (annotations.rows) are made anew after it, too.
    """
    if rows < BATCH_SIZE:
        return
    with connection.cursor() as cursor:
        for model in models:
            cursor.execute(f"ANALYZE {connection.ops.quote_name(model._meta.db_table)}")


def _release_question(
    plan: Plan, project: Project, source: Source, by: User | None
) -> CriterionVersion | None:
    """Version 1 of the rubric, whose one criterion has the words of the file as its answers."""
    question = plan.proposal.question
    if question is None:
        return None
    draft = rubrics.draft(project, by=by)
    rubrics.write_criterion(
        draft, key=question.key, name=_name_of(question), by=by, scale=question.scale,
        positive=question.positive,
        options=[{"value": value, "label": value} for value in question.values],
        definition=f"Imported with {source.file}: the answers are the words of its label columns.",
        allow_cant_tell=question.allow_cant_tell,
        allow_not_applicable=question.allow_not_applicable,
    )  # fmt: skip
    released = rubrics.release(draft, by=by, note=f"Made from the words in {source.file}.")
    return released.criteria.select_related("criterion", "version").get()


def _name_of(question: Question) -> str:
    return question.key.replace("_", " ").replace("-", " ").capitalize()


def _write_cases(plan: Plan, project: Project, source: Source, done: Written) -> dict[str, Case]:
    if not plan.new:
        return {}
    name = source.batch or source.file
    batch, _ = Batch.objects.get_or_create(
        project=project, source=source.key, defaults={"name": name[:160]}
    )
    values = [
        (pk, *(getattr(case, name) for name in _OF_A_CASE))
        for pk, case in zip(new_ids(Case, len(plan.new)), plan.new, strict=True)
    ]
    shared = {"project_id": project.pk, "batch_id": batch.pk, "overlap": project.overlap}
    load(Case, ("id", *_OF_A_CASE), values, **shared)
    done.cases = len(values)
    names = ("id", *_OF_A_CASE)
    return {row[1]: Case(**dict(zip(names, row, strict=True)), **shared) for row in values}


# As a row of the file gives it; the first is what the file calls it.
_OF_A_CASE = (
    "external_id", "family", "context", "conversation", "response", "strata", "content_hash",
)  # fmt: skip


# --- labels -----------------------------------------------------------------------------------


def _write_labels(
    plan: Plan, project: Project, version: CriterionVersion, cases: dict[str, Case], done: Written
) -> set[int]:
    """A submitted, blind sheet with one verdict for each label. Returns the cases people rated."""
    raters = _raters(plan, project, done)
    sheets = _sheets(plan, project, version, cases, raters)
    load(
        Verdict,
        ("annotation_id", "case_id", "status", "value", "raw_output"),
        (
            (sheets[pk, raters[label.rater].pk], pk, label.answer.status.value, label.answer.value,
             label.raw)
            for label in plan.labels
            for pk in [cases[label.case.external_id].pk]
        ),
        criterion_id=version.criterion_id, criterion_version_id=version.pk,
    )  # fmt: skip
    people = [label for label in plan.labels if label.rater[0] == RaterKind.IMPORTED]
    done.labels = len(people)
    judged = (label for label in plan.labels if label.rater[0] == RaterKind.JUDGE)
    done.verdicts = dict(Counter(str(label.answer.status) for label in judged))
    return {cases[label.case.external_id].pk for label in people}


def _raters(plan: Plan, project: Project, done: Written) -> dict[RaterKey, Rater]:
    raters: dict[RaterKey, Rater] = {}
    for key in dict.fromkeys(label.rater for label in plan.labels):
        kind, name, revision = key
        raters[key], _ = Rater.objects.get_or_create(
            project=project, kind=kind, name=name, revision=revision
        )
        (done.judges if kind == RaterKind.JUDGE else done.raters).append(str(raters[key]))
    return raters


def _sheets(
    plan: Plan, project: Project, version: CriterionVersion, cases: dict[str, Case],
    raters: dict[RaterKey, Rater],
) -> dict[tuple[int, int], int]:  # fmt: skip
    """(case, rater) -> sheet; one that the rater has already (another criterion) is used again."""
    sheets: dict[tuple[int, int], int] = {}
    for chunk in chunks([case.pk for case in plan.there.values()]):
        rows = Annotation.objects.filter(
            case__in=chunk, rater__in=raters.values(), rubric_version=version.version
        ).values_list("case_id", "rater_id", "pk")
        sheets.update({(case, rater): pk for case, rater, pk in rows})
    wanted = dict.fromkeys(
        (cases[label.case.external_id].pk, raters[label.rater].pk) for label in plan.labels
    )
    missing = [place for place in wanted if place not in sheets]
    made = dict(zip(missing, new_ids(Annotation, len(missing)), strict=True))
    load(
        Annotation, ("id", "case_id", "rater_id"), ((pk, *place) for place, pk in made.items()),
        project_id=project.pk, rubric_version_id=version.version_id, arm=Arm.BLIND.value,
        status=AnnotationStatus.SUBMITTED.value, submitted_at=timezone.now(),
    )  # fmt: skip
    return {**sheets, **made}


# --- decisions and gold -----------------------------------------------------------------------


def _write_decisions(
    plan: Plan, version: CriterionVersion, cases: dict[str, Case], source: Source, done: Written
) -> set[int]:
    """An adjudication where people disagree among themselves, or with the settled label."""
    column = plan.proposal.mapping.one("settled") or ""
    words = _people_words([cases[case.external_id].pk for case in plan.decisions], version)
    rows = []
    for case in plan.decisions:
        here, answer = cases[case.external_id], case.settled
        if answer is None or _agree(words.get(here.pk), answer):
            continue
        rows.append(
            Adjudication(
                case=here, criterion=version.criterion, criterion_version=version,
                status=answer.status, value=answer.value, cause=Cause.NOT_RECORDED,
                source=decision_source(source.file, column),
            )
        )  # fmt: skip
    Adjudication.objects.bulk_create(rows, batch_size=BATCH_SIZE)
    done.adjudicated = len(rows)
    return {row.case_id for row in rows}


def _agree(words: Counter[str] | None, answer: Answer) -> bool:
    """Whether enough people gave just this answer, so that it is gold without a decision."""
    return (
        words is not None
        and set(words) == {answer.word}
        and words.total() >= gold.MIN_RATERS
        and answer.status != VerdictStatus.CANT_TELL
    )


def _people_words(case_ids: list[int], version: CriterionVersion) -> dict[int, Counter[str]]:
    """case -> how many people gave each word on this criterion."""
    words: dict[int, Counter[str]] = defaultdict(Counter)
    for chunk in chunks(case_ids):
        rows = (
            Verdict.objects.filter(
                case__in=chunk,
                criterion=version.criterion,
                revision=1,
                annotation__arm__in=BLIND_ARMS,
            )
            .exclude(annotation__rater__kind=RaterKind.JUDGE)
            .values_list("case_id", "status", "value")
        )
        for case_id, status, value in rows:
            words[case_id][Answer(VerdictStatus(status), value).word] += 1
    return words


def _settle(cases: list[Case], decided: set[int], version: CriterionVersion, done: Written) -> None:
    """Settle what the new labels and decisions settle; open places that nobody needs are closed."""
    for chunk in chunks(cases):
        _close_needless_slots(chunk, decided)
        ids = [case.pk for case in chunk]
        busy = set(
            Slot.objects.filter(case__in=ids).exclude(status=SlotStatus.DONE)
            .values_list("case_id", flat=True)
        )  # fmt: skip
        ready = [case for case in chunk if case.pk not in busy]
        Gold.objects.filter(
            Q(provenance=Provenance.UNANIMOUS) | Q(case__in=decided & set(ids)),
            case__in=[case.pk for case in ready], criterion=version.criterion,
            superseded_at__isnull=True,
        ).update(superseded_at=timezone.now())  # fmt: skip
        report = gold.settle(ready)
        done.settled += report.settled
        done.to_adjudicate += report.to_adjudicate


def _close_needless_slots(cases: Iterable[Case], decided: set[int]) -> None:
    """Open places of decided cases, and those that imported labels have taken."""
    needless: list[int] = []
    rows = Case.objects.filter(pk__in=[case.pk for case in cases], slots__status=SlotStatus.OPEN)
    people = [RaterKind.PERSON, RaterKind.IMPORTED, RaterKind.SIMULATED]
    loose = Count(
        "annotations",
        filter=Q(
            annotations__slot__isnull=True,
            annotations__status=AnnotationStatus.SUBMITTED,
            annotations__rater__kind__in=people,
        ),
        distinct=True,
    )
    for case in rows.annotate(loose=loose).distinct():
        slots = list(case.slots.order_by("number"))
        keep = 0 if case.pk in decided else max(0, case.overlap - case.loose)
        surplus = len(slots) - keep
        free = [slot.pk for slot in reversed(slots) if slot.status == SlotStatus.OPEN]
        needless += free[: max(0, surplus)]
    Slot.objects.filter(pk__in=needless, status=SlotStatus.OPEN).delete()
