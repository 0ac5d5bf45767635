"""What routing knows: how sure a case's answers are, and what a job learns for it from settled cases.

A submit reads a few rows and learns nothing. Skills are learnt where the truth is known whatever the
raters said: from the audit slice, and from checks. Gold of other cases does not measure raters: it was
adjudicated because they differed, or settled because they did not.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from math import exp, inf

import numpy as np
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Length

from annotations import arms, known, rubrics
from annotations.answers import Answer
from annotations.measurement.overlap import ByPosterior, Labelled
from annotations.measurement.posterior import (
    Answers,
    Audited,
    Known,
    Learnt,
    Model,
    Repeats,
    Taught,
    ai_standing,
    belief,
    learn,
    learn_from_audit,
)
from annotations.measurement.routing import Pace, Timed, information, pace_of
from annotations.models import (
    Annotation,
    Case,
    Check,
    CriterionVersion,
    Gold,
    Project,
    Rater,
    RaterSkill,
    RoutingModel,
    Verdict,
)
from annotations.statuses import (
    BLIND_ARMS,
    AnnotationStatus,
    Provenance,
    RaterKind,
    Scale,
    SlotPurpose,
    VerdictStatus,
)

OPEN_BITS = 0.39  # of one more answer where nothing is known: 1 - H(.15)
MOST_GOLD, MOST_TIMED = 20_000, 5_000
# First answers to these were blind and are known to be right or wrong.
MEASURED = (SlotPurpose.KNOWN_GOLD, SlotPurpose.SENTINEL, SlotPurpose.QUALIFICATION)


def answers_of(question: CriterionVersion) -> Answers:
    """Its K answers, as the pure code counts them."""
    off = [word for word, offered in (
        (str(VerdictStatus.CANT_TELL), question.allow_cant_tell),
        (str(VerdictStatus.NOT_APPLICABLE), question.allow_not_applicable),
    ) if offered]  # fmt: skip
    values = question.values
    return Answers((*values, *off), len(values), is_ordinal=question.scale == Scale.ORDINAL)


# ---- reading: what a submit, an order or a page asks


@dataclass(frozen=True)
class Situation:
    """A case as its people and the AI have left it; by the key of the criterion."""

    said: Mapping[str, Sequence[tuple[int, str]]] = field(default_factory=dict)  # (rater, word)
    ai: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 60.0  # expected of one more answer

    def labelled(self, *, raters: int, most: int, severity: int | None) -> Labelled:
        """What a rule looks at."""
        return Labelled(
            answers={key: [word for _, word in rows] for key, rows in self.said.items()},
            raters=raters, most=most, severity=severity,
            by={key: [rater for rater, _ in rows] for key, rows in self.said.items()}, ai=self.ai,
        )  # fmt: skip


@dataclass(frozen=True)
class Knowledge:
    """The models of a project's questions, and the pace; `ai_raters`: whose word they measured."""

    models: Mapping[str, Model]
    ai_raters: Mapping[str, int]
    pace: Pace

    @property
    def usual_seconds(self) -> float:
        return exp(self.pace.base)

    def relative(self, rate: float | None) -> float:
        """Bits a minute as a share of what an open case of the usual length tells, at most 1."""
        return min(1.0, (rate or 0.0) * self.usual_seconds / 60 / OPEN_BITS)

    def rule(self, situation: Situation, *, price: float = 0.0) -> ByPosterior:
        """The stop rule for a case."""
        return ByPosterior(self.models, seconds=situation.seconds, price=price)

    def bits(self, situation: Situation) -> float:
        """What one more answer to the most open question is expected to tell."""
        told = [
            information(
                belief(model, situation.said.get(key, ()), ai=situation.ai.get(key)),
                model.M, tau=model.tau,
            )
            for key, model in self.models.items()
        ]  # fmt: skip
        return max(told, default=0.0)


def knowledge(
    project: Project, questions: Iterable[CriterionVersion], *, raters: Iterable[int] | None = None
) -> Knowledge:
    """What is known for these questions; a guess for those that nothing was learnt of yet.

    Two queries. `raters`: whose skills are wanted; everybody's without. Descriptive questions have no
    model: how people answered is the result.
    """
    asked = {q.criterion_id: q for q in questions if not q.is_descriptive}
    rows = {row.criterion_id: row for row in RoutingModel.objects.filter(project=project)}
    skills = RaterSkill.objects.filter(criterion__in=asked)
    if raters is not None:
        skills = skills.filter(rater__in=list(raters))
    thetas: dict[int, dict[int, list[list[float]]]] = defaultdict(dict)
    for criterion, rater, theta in skills.values_list("criterion_id", "rater_id", "theta"):
        thetas[criterion][rater] = theta
    models, ai_raters = {}, {}
    for pk, question in asked.items():
        key, row = question.criterion.key, rows.get(pk)
        models[key] = _model(answers_of(question), row, thetas[pk])
        if row is not None and row.ai_rater_id is not None and models[key].ai is not None:
            ai_raters[key] = row.ai_rater_id
    return Knowledge(models, ai_raters, _pace(project))


def _model(
    answers: Answers, row: RoutingModel | None, thetas: Mapping[int, list[list[float]]]
) -> Model:
    if row is None or tuple(row.words) != answers.words:  # nothing learnt, or other answers by now
        return learn(answers, {})
    return Model(
        answers=answers, pi=np.array(row.pi), M=np.array(row.typical),
        theta={rater: np.array(theta) for rater, theta in thetas.items()},
        ai=None if row.ai is None else np.array(row.ai),
        tau=row.tau, nu=inf if row.nu is None else row.nu,
    )  # fmt: skip


def _pace(project: Project) -> Pace:
    return Pace(**project.pace) if project.pace else Pace()


def situations(cases: Sequence[Case], knows: Knowledge) -> dict[int, Situation]:
    """Case id -> its situation: blind first answers of people, and the AI's where it counts."""
    ids = [case.pk for case in cases]
    said: dict[int, dict[str, list[tuple[int, str]]]] = defaultdict(lambda: defaultdict(list))
    for case, key, rater, word in first_answers(ids):
        said[case][key].append((rater, word))
    ai = _ai_words(ids, knows.ai_raters)
    return {
        case.pk: Situation(
            said=dict(said.get(case.pk, {})), ai=ai.get(case.pk, {}),
            seconds=knows.pace.of(length=length_of(case), category=case.category),
        )
        for case in cases
    }  # fmt: skip


def first_answers(case_ids: Sequence[int]) -> list[tuple[int, str, int, str]]:
    """(case, key, rater, word) of people's blind first answers, in the order in which they came."""
    rows = (
        Verdict.objects.filter(
            case__in=case_ids, revision=1, annotation__arm__in=BLIND_ARMS,
            annotation__status=AnnotationStatus.SUBMITTED,
        )
        .exclude(annotation__rater__kind=RaterKind.JUDGE)
        .order_by("annotation__submitted_at", "id")
        .values_list("case_id", "criterion__key", "annotation__rater_id", "status", "value")
    )  # fmt: skip
    return [(case, key, rater, Answer(VerdictStatus(status), value).word)
            for case, key, rater, status, value in rows]  # fmt: skip


def _ai_words(case_ids: Sequence[int], ai_raters: Mapping[str, int]) -> dict[int, dict[str, str]]:
    """What the AI says at the revision that was measured; nothing where it does not count."""
    if not ai_raters:
        return {}
    rows = Verdict.objects.filter(
        case__in=case_ids, annotation__rater__in=set(ai_raters.values()),
        status=VerdictStatus.ANSWERED,
    ).order_by("id")  # fmt: skip
    found: dict[int, dict[str, str]] = defaultdict(dict)
    for case, key, rater, value in rows.values_list(
        "case_id", "criterion__key", "annotation__rater_id", "value"
    ):
        if ai_raters.get(key) == rater:
            found[case][key] = value
    return found


def length_of(case: Case) -> int:
    """Characters to read."""
    turns = sum(len(str(turn.get("content", ""))) for turn in case.conversation)
    return len(case.context) + turns + len(case.response)


# ---- learning: in a job


def learn_project(
    project: Project, *, fence: Callable[[], AbstractContextManager[object]] = transaction.atomic
) -> dict[str, Learnt]:
    """Learn every question of the released rubric and keep it; the pace too. Criterion key -> what.

    `fence`: what each writing is done in.
    """
    version = project.rubric.released
    if version is None:
        return {}
    questions = [q for q in rubrics.questions_of(version.pk) if not q.is_descriptive]
    wording = known.same_wording(version)
    pace = pace_of(_timed(project))
    ai = _ai_rater(project)
    found = {}
    for question in questions:
        audit, of_ai = _audited(project, question, wording, ai)
        taught = _taught(project, question.criterion.key, of_ai)
        answers = answers_of(question)
        learnt = learn_from_audit(answers, audit, taught=taught)
        every = [*of_ai, *((one.truth, one.ai) for one in audit if one.ai is not None)]
        reason = ai_standing(every, answers).reason if ai else "there is no AI that pre-labels"
        with fence():
            _keep(project, question, learnt, audit, taught, ai, reason)
        found[question.criterion.key] = learnt
    project.pace = _as_json(pace)
    with fence():
        Project.objects.filter(pk=project.pk).update(pace=project.pace)
    return found


def _ai_rater(project: Project) -> Rater | None:
    """The newest revision of the judge that pre-labels: only what it said itself measures it."""
    judges = project.raters.filter(kind=RaterKind.JUDGE, name=arms.PRELABELLER)
    return judges.order_by("-id").first()


def _audited(
    project: Project, question: CriterionVersion, wording: Sequence[int], ai: Rater | None
) -> tuple[list[Audited], list[Known]]:
    """The audit slice as far as it is settled; and (true, AI's) of the other cases people settled.

    The AI's word counts where it was given before the case was settled, so that it can't have learnt
    from it; and no gold measures it in which its own word counted.
    """
    gold = Gold.objects.filter(
        project=project, criterion=question.criterion, criterion_version__in=wording,
        superseded_at__isnull=True, rests_on_ai=False,
    ).exclude(provenance=Provenance.POSTERIOR)  # fmt: skip
    if not project.is_demo:
        gold = gold.filter(is_simulated=False)
    rows = list(
        gold.order_by("-id").values_list("case_id", "status", "value", "case__is_audit")[:MOST_GOLD]
    )
    said: dict[int, list[tuple[int, str]]] = defaultdict(list)
    audit_ids = [case for case, _, _, is_audit in rows if is_audit]
    for case, key, rater, word in first_answers(audit_ids):
        if key == question.criterion.key:
            said[case].append((rater, word))
    by_ai = _said_before(question, ai, [case for case, *_ in rows])
    audit, others = [], []
    for case, status, value, is_audit in rows:
        truth = Answer(VerdictStatus(status), value).word
        if is_audit:
            audit.append(Audited(tuple(said[case]), truth, by_ai.get(case)))
        elif case in by_ai:
            others.append((truth, by_ai[case]))
    return audit, others


def _said_before(
    question: CriterionVersion, ai: Rater | None, cases: Sequence[int]
) -> dict[int, str]:
    if ai is None:
        return {}
    rows = Verdict.objects.filter(
        annotation__rater=ai, criterion=question.criterion, status=VerdictStatus.ANSWERED,
        case__in=cases, case__gold__criterion=question.criterion,
        case__gold__superseded_at__isnull=True, created_at__lt=F("case__gold__settled_at"),
    )  # fmt: skip
    return dict(rows.order_by("id").values_list("case_id", "value"))


def _taught(project: Project, key: str, of_ai: Sequence[Known]) -> Taught:
    """What checks say of each rater on this criterion."""
    measured: dict[Hashable, list[Known]] = defaultdict(list)
    again: dict[Hashable, list[bool]] = defaultdict(list)
    rows = Check.objects.filter(
        project=project, answered_at__isnull=False, purpose__in=(*MEASURED, SlotPurpose.REPEAT)
    ).values_list("rater_id", "purpose", "expected", "given")
    for rater, purpose, expected, given in rows.iterator():
        if key not in expected or key not in given:
            continue
        if purpose == SlotPurpose.REPEAT:
            again[rater].append(expected[key] == given[key])
        else:
            measured[rater].append((expected[key], given[key]))
    repeats = {rater: Repeats(sum(same), len(same) - sum(same)) for rater, same in again.items()}
    return Taught(known=measured, repeats=repeats, ai=of_ai)


def _keep(
    project: Project, question: CriterionVersion, learnt: Learnt, audit: Sequence[Audited],
    taught: Taught, ai: Rater | None, ai_reason: str,
) -> None:  # fmt: skip
    model, honesty = learnt.model, learnt.honesty
    RoutingModel.objects.update_or_create(
        criterion=question.criterion,
        defaults={
            "project": project, "words": list(model.answers.words),
            "on_scale": model.answers.on_scale, "is_ordinal": model.answers.is_ordinal,
            "pi": model.pi.tolist(), "typical": model.M.tolist(),
            "ai": None if model.ai is None else model.ai.tolist(),
            "ai_rater": ai, "ai_reason": ai_reason,
            "tau": model.tau, "nu": None if model.nu == inf else model.nu,
            "n_audit": learnt.n_audit, "claimed": honesty.claimed,
            "n_right": round((honesty.right.value or 0) * honesty.right.n),
            "n_claimed": honesty.right.n,
        },
    )  # fmt: skip
    n_known: dict[object, int] = defaultdict(int)
    for rater, pairs in taught.known.items():
        n_known[rater] += len(pairs)
    for one in audit:
        for rater, _ in one.said:
            n_known[rater] += 1
    RaterSkill.objects.filter(criterion=question.criterion).delete()
    RaterSkill.objects.bulk_create(
        RaterSkill(criterion=question.criterion, rater_id=rater, theta=theta.tolist(),
                   right=float(np.diag(theta)[: model.answers.on_scale].mean()),
                   n_known=n_known[rater])
        for rater, theta in model.theta.items() if isinstance(rater, int)
    )  # fmt: skip


def _timed(project: Project) -> list[Timed]:
    """The last sheets of people with a known time."""
    rows = (
        Annotation.objects.filter(
            project=project, status=AnnotationStatus.SUBMITTED, seconds__isnull=False,
            rater__kind=RaterKind.PERSON,
        )
        .order_by("-id")
        .annotate(response=Length("case__response"), context=Length("case__context"))
        .values_list("response", "context", "case__conversation", "case__strata", "seconds")
    )[:MOST_TIMED]  # fmt: skip
    return [
        Timed(
            length=response + context + sum(len(str(t.get("content", ""))) for t in turns),
            category=str(strata.get("category") or "")[:80], seconds=seconds,
        )
        for response, context, turns, strata, seconds in rows
        if seconds is not None
    ]  # fmt: skip


def _as_json(pace: Pace) -> dict[str, object]:
    return {"base": pace.base, "slope": pace.slope, "middle": pace.middle,
            "by_category": dict(pace.by_category), "n": pace.n}  # fmt: skip
