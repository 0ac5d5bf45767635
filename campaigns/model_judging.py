"""Asking a model judge: in the worker, each text once a revision, within a budget of calls.

A model judge is an outside judge like any other: its verdicts stand beside imported ones and take
part in the next calibration. Answers are kept by (revision, text), so that a worker that died goes
on where it stopped, and asking again costs nothing. An error is no answer: it is asked again.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from annotations import audit, jobs
from annotations.errors import BadInput, Conflict
from annotations.jobs import JobRun
from annotations.measurement.inference import proportion
from annotations.measurement.results import Estimate, undefined
from annotations.models import Annotation, Case, CriterionVersion, Job, Mark, Rater, Verdict
from annotations.statuses import AnnotationStatus, MarkKind, RaterKind, VerdictStatus
from campaigns.chat.openai_compatible import OpenAICompatibleClient
from campaigns.chat.protocol import (
    ChatClient,
    Completion,
    CompletionStatus,
    EndpointError,
    Message,
)
from campaigns.chat.scripted import NAME as DOUBLE
from campaigns.chat.scripted import ScriptedClient
from campaigns.gold_sets import GoldSet, check_positive, main_question, settled_set
from campaigns.judging.members.refusal_phrases import Refusal, read_refusal
from campaigns.judging.model_judge.asking import (
    AS_IS,
    MOST_ANCHORS,
    ORDERS,
    Anchor,
    Asked,
    judge_revision,
    messages,
    positive_score,
)
from campaigns.judging.model_judge.bias import length_bias, order_bias
from campaigns.judging.model_judge.hostile import Call, draw_call
from campaigns.judging.model_judge.reading import Judgement, Status, read_answer
from campaigns.models import Campaign, ModelAnswer, ModelJudge
from campaigns.scores import judge_rater
from campaigns.seen_by_judges import example_of
from campaigns.statuses import JudgeKind, JudgementStatus

KIND = "ask_model_judge"
CHUNK = 8
MAX_TOKENS = 700
BIAS_CASES = 60  # gold cases that are asked in every order
MOST_ERRORS = 5  # in a row; then the endpoint is down and the job says so
GOLD, ALL = "gold", "all"
DOUBLE_SAYS = "A scripted double, no model: it looks for phrases of refusal."
NO_VALUE = {str(JudgementStatus.CANT_TELL), str(JudgementStatus.NOT_APPLICABLE)}

Task = tuple[Case, str]  # a case and the order in which it is shown


@transaction.atomic
def add_judge(campaign: Campaign, *, name: str, by: User, **fields: Any) -> ModelJudge:
    """A model judge of this campaign. Nothing is asked yet."""
    if campaign.model_judges.filter(name=name).exists():
        raise Conflict(f"There is a model judge “{name}” already: take another name.")
    judge = ModelJudge.objects.create(campaign=campaign, name=name, created_by=by, **fields)
    audit.record("added model judge", judge, project=campaign.project, by=by,
                 model=judge.model or DOUBLE, endpoint=judge.base_url)  # fmt: skip
    return judge


def ask_later(judge: ModelJudge, *, scope: str, with_bias: bool, by: User) -> Job:
    """Queue the asking; the same request while it runs is the same job."""
    if scope not in (GOLD, ALL):
        raise BadInput("Ask about the gold cases or about all cases.")
    if not judge.left:
        raise BadInput(f"{judge} has spent its {judge.call_budget:,} calls: raise its budget.")
    question_of(judge)
    audit.record("asked model judge", judge, project=judge.campaign.project, by=by, scope=scope)
    arguments = {"judge": judge.pk, "scope": scope, "bias": with_bias}
    return jobs.enqueue(KIND, arguments, project=judge.campaign.project, by=by)


@transaction.atomic
def set_budget(judge: ModelJudge, *, calls: int, by: User) -> None:
    """How many calls it may make in all, those made before among them."""
    audit.record("set budget of model judge", judge, project=judge.campaign.project, by=by,
                 before=judge.call_budget, after=calls)  # fmt: skip
    ModelJudge.objects.filter(pk=judge.pk).update(call_budget=calls)


# ---- what is asked


def question_of(judge: ModelJudge) -> CriterionVersion:
    """The criterion that judges answer, of the released rubric."""
    version = judge.campaign.project.rubric.released
    if version is None:
        raise BadInput("There is no released rubric to judge by yet: release one first.")
    question = main_question(version)
    check_positive(question.criterion)
    return question


def asked_of(question: CriterionVersion) -> tuple[Asked, frozenset[str]]:
    """The criterion as a prompt is compiled from it, and the families of its anchor cases."""
    marks = list(anchors_of(question))
    anchors = tuple(Anchor(m.case.prompt, m.case.response, word) for m, word in marks)
    return Asked(
        name=question.name, definition=question.definition, includes=question.includes,
        excludes=question.excludes, guideline=question.version.guideline,
        options=tuple((o["value"], o["label"]) for o in question.options),
        positive=frozenset(question.criterion.positive),
        allow_cant_tell=question.allow_cant_tell,
        allow_not_applicable=question.allow_not_applicable, anchors=anchors,
    ), frozenset(m.case.family for m, _ in marks)  # fmt: skip


def anchors_of(question: CriterionVersion) -> Iterator[tuple[Mark, str]]:
    """Settled exemplars that adjudicators marked, oldest first, with their gold answer."""
    marks = Mark.objects.filter(
        case__project=question.version.rubric.project, criterion=question.criterion,
        kind=MarkKind.EXEMPLAR,
    ).select_related("case").order_by("id")  # fmt: skip
    found = 0
    for mark in marks:
        gold = mark.case.gold.filter(
            criterion=question.criterion, superseded_at__isnull=True, status=VerdictStatus.ANSWERED
        ).first()
        if gold is not None and found < MOST_ANCHORS:
            found += 1
            yield mark, gold.value


def revision_of(judge: ModelJudge, asked: Asked) -> str:
    """Its exact revision as it would be asked now."""
    return judge_revision(asked, model=model_name(judge))


def model_name(judge: ModelJudge) -> str:
    return DOUBLE if judge.is_double else f"{judge.base_url} {judge.model}"


def client_for(judge: ModelJudge, asked: Asked) -> ChatClient:
    """The endpoint, or the double that stands in for one and says so."""
    if judge.kind == JudgeKind.DOUBLE:
        return ScriptedClient(lambda sent: double_answer(sent, asked))
    return OpenAICompatibleClient(
        base_url=judge.base_url, model=judge.model, api_key_variable=judge.api_key_variable
    )


_KEY = re.compile(r"\nkey: exactly (\w+)\. verdict:")
_RESPONSE = re.compile(r"<<<RESPONSE (\w+)>>>\n(.*?)\n<<<end of RESPONSE \1>>>", re.DOTALL)


def double_answer(sent: Sequence[Message], asked: Asked) -> str:
    """What the double writes: positive unless the response refuses by its phrases."""
    text = sent[-1].content
    key, response = _KEY.findall(text)[-1], _RESPONSE.findall(text)[-1][1]
    positive = read_refusal(response).kind is Refusal.NONE
    value = next(v for v, _ in asked.options if (v in asked.positive) == positive)
    return (
        f"{DOUBLE_SAYS}\n"
        f'{{"key": "{key}", "verdict": "{value}", "confidence": 0.7, "reason": "{DOUBLE_SAYS}"}}'
    )


# ---- asking


@jobs.handles(KIND)
def ask_job(run: JobRun) -> dict[str, Any]:
    """The worker's door: ask what was not asked yet, write the verdicts, measure the bias."""
    judge = ModelJudge.objects.select_related("campaign__project__rubric").get(
        pk=run.arguments["judge"]
    )
    question = question_of(judge)
    asked, taught = asked_of(question)
    revision = revision_of(judge, asked)
    gold = settled_set(judge.campaign.project, question)
    cases = cases_to_ask(judge, gold, scope=run.arguments["scope"], taught=taught)
    shown = [(case, AS_IS) for case in cases]
    if run.arguments["bias"]:
        known = {case.pk for case in gold.cases if case.family not in taught}
        of_gold = sorted((c for c in cases if c.pk in known), key=lambda c: c.content_hash)
        shown += [(case, order) for case in of_gold[:BIAS_CASES] for order in ORDERS[1:]]
    errors, spent = ask_all(judge, asked, revision, shown, run=run)
    counts = write_verdicts(judge, question, asked, revision, cases, errors, run=run)
    if run.arguments["bias"]:
        measure_bias(judge, gold, revision, run=run)
    return {"revision": revision, "statuses": counts, "calls": spent,
            "not_asked": len(cases) - sum(counts.values())}  # fmt: skip


def cases_to_ask(
    judge: ModelJudge, gold: GoldSet, *, scope: str, taught: frozenset[str]
) -> list[Case]:
    """Cases with a response, without the families that the prompt shows as anchors."""
    every = judge.campaign.project.cases.order_by("id")
    cases = list(gold.cases) if scope == GOLD else list(every)
    return [case for case in cases if case.response.strip() and case.family not in taught]


def ask_all(
    judge: ModelJudge, asked: Asked, revision: str, tasks: list[Task], *, run: JobRun
) -> tuple[dict[int, str], int]:
    """Ask the tasks that have no answer yet. Gives the errors by case, and how many calls it took.

    Calls are made outside of transactions; each chunk is written behind the job's fence.
    """
    client, errors, spent = client_for(judge, asked), {}, 0
    waiting = _unasked(judge, revision, tasks)
    for start in range(0, len(waiting), CHUNK):
        judge.refresh_from_db(fields=["calls", "call_budget"])
        chunk = waiting[start : start + min(CHUNK, judge.left)]
        if not chunk:
            break
        made = []
        for case, order in chunk:
            answer, problem = ask(client, asked, case, order)
            if answer is None:
                errors[case.pk] = problem
            else:
                made.append((case, order, *answer))
        _check_alive(errors, chunk, made)
        with run.fenced():
            _keep(judge, revision, made)
            ModelJudge.objects.filter(pk=judge.pk).update(calls=F("calls") + len(chunk))
        spent += len(chunk)
        run.progress(start + len(chunk), len(waiting), f"{judge}: {start + len(chunk)} of "
                     f"{len(waiting)} calls")  # fmt: skip
    return errors, spent


def ask(
    client: ChatClient, asked: Asked, case: Case, order: str
) -> tuple[tuple[Judgement, Completion] | None, str]:
    """One call. (judgement and completion, "") or (None, why the endpoint gave no answer)."""
    call = draw_call()
    turns = messages(asked, example_of(case), call=call, order=order)
    try:
        said = client.complete(
            [Message(role, text) for role, text in turns], max_tokens=MAX_TOKENS, temperature=0.0
        )
    except EndpointError as error:
        if not error.retryable:  # a wrong key or address: no other case would fare better
            raise BadInput(f"The judge could not be asked. {error}") from error
        return None, str(error)
    return (judgement_of(said, asked, call), said), ""


def judgement_of(said: Completion, asked: Asked, call: Call) -> Judgement:
    """What a completion says: the endpoint's own refusal is the judge's, an empty one is invalid."""
    if said.status == CompletionStatus.REFUSED:
        return Judgement(Status.REFUSED_TO_JUDGE, reason="The endpoint filtered or refused it.")
    return read_answer(said.text, key=call.key, values=asked.values)


def _unasked(judge: ModelJudge, revision: str, tasks: list[Task]) -> list[Task]:
    """Each text and order once, if there is no answer to it at this revision."""
    there = set(judge.answers.filter(revision=revision).values_list("text_hash", "order"))
    found = []
    for case, order in tasks:
        if (case.content_hash, order) not in there:
            there.add((case.content_hash, order))
            found.append((case, order))
    return found


def _check_alive(errors: dict[int, str], chunk: list[Task], made: list[Any]) -> None:
    if not made and len(errors) >= MOST_ERRORS and chunk:
        raise BadInput(
            f"{len(errors)} calls in a row gave no answer, so that the rest was not asked. "
            f"{errors[chunk[-1][0].pk]}"
        )


def _keep(
    judge: ModelJudge, revision: str, made: list[tuple[Case, str, Judgement, Completion]]
) -> None:
    ModelAnswer.objects.bulk_create(
        (
            ModelAnswer(
                judge=judge, revision=revision, text_hash=case.content_hash, order=order,
                status=one.value if one.value in NO_VALUE else str(one.status),
                value="" if one.value in NO_VALUE else one.value, confidence=one.confidence,
                reason=one.reason.replace("\x00", "")[:400],
                raw_output=said.text.replace("\x00", "")[:20_000],
                exchange={
                    "model": said.model, "input_tokens": said.input_tokens,
                    "output_tokens": said.output_tokens, "latency_s": said.latency_s,
                    "request_id": said.request_id,
                },
            )
            for case, order, one, said in made
        ),
        ignore_conflicts=True,
    )  # fmt: skip


# ---- verdicts, by the same road as everybody's


def write_verdicts(
    judge: ModelJudge, question: CriterionVersion, asked: Asked, revision: str,
    cases: Sequence[Case], errors: dict[int, str], *, run: JobRun,
) -> dict[str, int]:  # fmt: skip
    """A verdict for each case that was asked about; an error is one too, until it is answered."""
    answers = {a.text_hash: a for a in judge.answers.filter(revision=revision, order=AS_IS)}
    rater = judge_rater(judge.campaign.project, judge.name, revision)
    there = Verdict.objects.filter(annotation__rater=rater, criterion=question.criterion)
    said = set(there.exclude(status=VerdictStatus.ERROR).values_list("case_id", flat=True))
    counts: Counter[str] = Counter()
    for start in range(0, len(cases), 200):
        with run.fenced():
            for case in cases[start : start + 200]:
                answer = answers.get(case.content_hash)
                if answer is None and case.pk not in errors:
                    continue
                verdict = _verdict(question, case, answer, errors.get(case.pk, ""), asked)
                if case.pk not in said:
                    _write(rater, question, case, verdict)
                counts[verdict.status] += 1
    return dict(counts)


def _verdict(
    question: CriterionVersion, case: Case, answer: ModelAnswer | None, problem: str, asked: Asked
) -> Verdict:
    plain = {"case": case, "criterion": question.criterion, "criterion_version": question}
    if answer is None:
        return Verdict(**plain, status=VerdictStatus.ERROR, raw_output=problem)
    score = None
    if answer.confidence is not None and answer.value:
        score = positive_score(asked, answer.value, answer.confidence)
    return Verdict(**plain, status=answer.status, value=answer.value, score=score,
                   raw_output=answer.reason)  # fmt: skip


def _write(rater: Rater, question: CriterionVersion, case: Case, verdict: Verdict) -> None:
    """The first verdict, or after an error the next; what was answered stays."""
    sheet, _ = Annotation.objects.get_or_create(
        case=case, rater=rater, rubric_version_id=question.version_id,
        defaults={"project_id": case.project_id, "status": AnnotationStatus.SUBMITTED,
                  "submitted_at": timezone.now()},
    )  # fmt: skip
    last = sheet.verdicts.filter(criterion=question.criterion).order_by("-revision").first()
    if last is not None and (
        last.status != VerdictStatus.ERROR or verdict.status == VerdictStatus.ERROR
    ):
        return
    verdict.annotation, verdict.revision = sheet, last.revision + 1 if last else 1
    verdict.save()


# ---- what it is worth


def measure_bias(judge: ModelJudge, gold: GoldSet, revision: str, *, run: JobRun) -> None:
    """Order and length bias on the gold cases, kept with the judge for its page."""
    columns = {order: column(judge, gold, revision, order=order) for order in ORDERS}
    lengths = np.array([float(len(example.response)) for example in gold.examples])
    found = {
        "revision": revision,
        "orders": [
            asdict(order_bias(columns[AS_IS], columns[order], order=order)) for order in ORDERS[1:]
        ],
        "length": asdict(length_bias(columns[AS_IS], gold.y, lengths)),
    }
    with run.fenced():
        ModelJudge.objects.filter(pk=judge.pk).update(bias=found)


def column(judge: ModelJudge, gold: GoldSet, revision: str, *, order: str) -> Any:
    """(N,) of 1 positive, 0 other answer, nan none."""
    answers = {
        row["text_hash"]: row["value"]
        for row in judge.answers.filter(
            revision=revision, order=order, status=JudgementStatus.ANSWERED
        ).values("text_hash", "value")
    }
    return np.array(
        [
            float(answers[case.content_hash] in gold.criterion.positive)
            if case.content_hash in answers
            else np.nan
            for case in gold.cases
        ]
    )


def standing(judge: ModelJudge) -> dict[str, Any]:
    """For its page: the revision as it would be asked now, statuses, and how well it does on gold."""
    question = question_of(judge)
    asked, taught = asked_of(question)
    revision = revision_of(judge, asked)
    now = judge.answers.filter(revision=revision, order=AS_IS)
    gold = settled_set(judge.campaign.project, question)
    fires = column(judge, gold, revision, order=AS_IS)
    hashes = set(now.values_list("text_hash", flat=True))
    asked_about = np.array([case.content_hash in hashes for case in gold.cases], dtype=bool)
    caught, y = fires == 1, gold.y
    statuses = Counter(now.values_list("status", flat=True))
    return {
        "revision": revision,
        "question": question,
        "statuses": [(str(s), statuses.get(str(s), 0)) for s in JudgementStatus],
        "asked": sum(statuses.values()),
        "gold": int(asked_about.sum()),
        "taught": len(taught),
        "evasion": _rate(~caught, asked_about & y, reason="no positive gold case was asked about"),
        "over_block": _rate(
            caught, asked_about & ~y, reason="no negative gold case was asked about"
        ),
        "twins": twins(judge, revision),
        "is_current": judge.bias.get("revision") == revision,
    }


def _rate(hit: Any, among: Any, *, reason: str) -> Estimate:
    n = int(among.sum())
    if not n:
        return undefined(reason, n=0, method="Wilson score interval")
    return proportion(int((hit & among).sum()), n)


def twins(judge: ModelJudge, revision: str) -> list[str]:
    """Other judges of the project with the same revision: the same judge, counted twice."""
    found = Rater.objects.filter(
        project=judge.campaign.project, kind=RaterKind.JUDGE, revision=revision
    )
    return sorted(found.exclude(name=judge.name).values_list("name", flat=True))
