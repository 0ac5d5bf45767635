"""More audit cases where they tell most: drawn by a judge's score, each with its probability.

The cases that nobody has settled yet are cut into strata by the judge's score; how many of each are
drawn follows Neyman's allocation. A case's probability over all draws that it was up for is

    pi_new = 1 - (1 - pi_old) (1 - n_h / N_h)

with n_h drawn of the N_h cases of its stratum h that are not in the audit slice yet, so that several
draws can be pooled. N_h counts cases that ordinary work has settled meanwhile, from which none is
drawn: within a stratum they are taken to be like the others.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection

from annotations import audit, bulk, frame, jobs, overlap, priorities, queue
from annotations.errors import BadInput, Conflict
from annotations.frame import Bools, Floats, Frame, Ints, Judge
from annotations.jobs import JobRun
from annotations.measurement.prevalence.sampling import draw_by_key, plan_by_score
from annotations.measurement.prevalence.strata import Strata
from annotations.measurement.prevalence.stratified import sum_over_strata
from annotations.models import Batch, Case, CriterionVersion, Job, Project, RubricVersion
from annotations.statuses import CaseStatus

KIND = "sample_by_score"
bulk.KINDS[KIND] = "drew audit cases by score"
MOST_DRAWN = 5_000
CHUNK = 1_000


@dataclass(frozen=True)
class Stratum:
    """Cases of like score, from `low` up to the next stratum's; `high` is the greatest among them."""

    low: float
    high: float
    cases: int  # not in the slice yet: N_h
    open: int  # of these, nobody has settled: what can be drawn
    take: int  # n_h
    labels: int = 0  # of the slice that are used already
    positives: int = 0

    @property
    def probability(self) -> float:
        return self.take / self.cases if self.cases else 0.0


@dataclass(frozen=True)
class Plan:
    """A draw before it is made: what a lead sees first, and what the job keeps."""

    strata: tuple[Stratum, ...]
    in_slice: int  # cases drawn before, as seen when the plan was made

    @property
    def take(self) -> int:
        return sum(one.take for one in self.strata)

    @property
    def open(self) -> int:
        return sum(one.open for one in self.strata)

    @property
    def width(self) -> float:
        """Of the interval after the draw, if each stratum goes on failing as its labels did so far."""
        N, n, k, take = (
            np.array([[getattr(one, name) for one in self.strata]], dtype=np.float64)
            for name in ("cases", "labels", "positives", "take")
        )
        share = (k + 0.5) / (n + 1)
        sums = sum_over_strata(Strata(N + n, n + take, share * (n + take)))
        return float(sums.high[0] - sums.low[0])

    @property
    def places(self) -> int:
        """Sheets that the draw asks for, at most: three blind raters a case."""
        return self.take * queue.AUDIT_RATERS


# ---- the plan


def plan(
    project: Project, question: CriterionVersion, *, n: int, judge: Judge | None,
    batch: Batch | None = None,
) -> Plan:  # fmt: skip
    """Which strata there are and how many cases of each would be drawn. Changes nothing."""
    cases = frame.read(project, question, judge=judge, batch=batch)
    return plan_of(cases, open_cases(project, cases, batch), n=n)


def plan_of(cases: Frame, is_open: Bools, *, n: int) -> Plan:
    """The same from a frame that is there already."""
    in_slice = int((cases.drawn & ~cases.census).sum())
    n = min(n, int(is_open.sum()))
    if n == 0:
        return Plan((), in_slice)
    score = cases.filled_score
    made = plan_by_score(score[is_open], n)
    lows = [float(score[is_open][made.stratum == h].min()) for h in range(len(made.sizes))]
    codes = codes_of(score, lows)
    strata = []
    for h, low in enumerate(lows):
        own, counted = codes == h, _counted(cases, is_open)
        strata.append(
            Stratum(
                low=low, high=float(score[own & counted].max()), cases=int((own & counted).sum()),
                open=int(made.sizes[h]), take=int(made.labels[h]),
                labels=int((own & cases.used).sum()),
                positives=int((own & cases.used & (cases.answer == frame.POSITIVE)).sum()),
            )
        )  # fmt: skip
    return Plan(tuple(strata), in_slice)


def codes_of(score: Floats, lows: Sequence[float]) -> Ints:
    """The stratum of each score: the last one that begins at it or below; the first for less."""
    return np.searchsorted(lows[1:], score, side="right").astype(np.int64)


def _counted(cases: Frame, is_open: Bools) -> Bools:
    """The cases that a draw is from: what is open, and what ordinary work has settled meanwhile."""
    over = cases.status >= frame.ADJUDICATION
    return np.asarray(~cases.drawn & ~cases.census & (is_open | over))


_OPEN = """
SELECT c.id FROM annotations_case c
WHERE c.project_id = %(project)s AND NOT c.is_audit {batch}
  AND (c.status = 'labelling' OR (c.status = 'new' AND (
      c.response <> '' OR c.context <> '' OR c.conversation <> '[]'::jsonb)))
"""


def open_cases(project: Project, cases: Frame, batch: Batch | None) -> Bools:
    """Which cases can be drawn: people can read them, nobody has settled them, no draw took them."""
    statement = _OPEN.format(batch="AND c.batch_id = %(batch)s" if batch else "")
    with connection.cursor() as cursor:
        cursor.execute(statement, {"project": project.pk, "batch": batch.pk if batch else None})
        ids = [pk for (pk,) in cursor.fetchall()]
    return np.isin(cases.case, np.array(ids, dtype=np.int64)) & ~cases.drawn


# ---- the draw, as a job


def ask(
    project: Project, question: CriterionVersion, *, n: int, judge: Judge | None, seen: int,
    by: User, batch: Batch | None = None,
) -> Job:  # fmt: skip
    """Enqueue the draw of n cases. `seen`: how many the slice had in the preview that was looked at.

    Raises `Conflict` where the slice has changed since, so that a form sent twice draws once.
    """
    if not 1 <= n <= MOST_DRAWN:
        raise BadInput(f"Draw 1 to {MOST_DRAWN:,} cases at a time, not {n:,}.")
    if project.rubric.released is None:
        raise BadInput("Release the rubric first: places are opened under its questions.")
    here = plan(project, question, n=n, judge=judge, batch=batch)
    if here.in_slice != seen:
        raise Conflict("The audit slice has changed since you looked: see the preview again.")
    if not here.take:
        raise BadInput(
            "No case is left to draw: all are in the audit slice, are settled, or have no text."
        )
    arguments = {
        "project": project.pk, "criterion": question.criterion.key, "n": n, "seen": seen,
        "judge": judge.key if judge else "", "batch": batch.pk if batch else None,
    }  # fmt: skip
    return jobs.enqueue(KIND, arguments, project=project, by=by)


@jobs.handles(KIND)
def draw(run: JobRun) -> dict[str, Any]:
    """Choose once, then chunk after chunk; a later attempt goes on with the same choice."""
    asked = run.arguments
    project = Project.objects.get(pk=asked["project"])
    question = _question(project, asked["criterion"])
    judges = frame.judges_of(project, question)
    judge = next((one for one in judges if one.key == asked["judge"]), None)
    if judge and "raters" in run.checkpoint:  # as it was when the choice was made
        judge = replace(judge, raters=tuple(run.checkpoint["raters"]))
    batch = Batch.objects.filter(project=project, pk=asked["batch"]).first()
    cases = frame.read(project, question, judge=judge, batch=batch)
    is_open = open_cases(project, cases, batch)
    if not run.checkpoint:
        _choose(run, cases, is_open, judge, n=asked["n"])
    _take(run, project, question.version, cases, is_open)
    with run.fenced():
        audit.record(
            bulk.KINDS[KIND], project, project=project, by=run.job.created_by, job=run.job.pk,
            strata=run.checkpoint["strata"], changed=run.checkpoint["changed"],
        )  # fmt: skip
    queue.rewind(project)
    return dict(run.checkpoint["changed"])


def _question(project: Project, key: str) -> CriterionVersion:
    released = project.rubric.released
    questions = released.criteria.select_related("criterion", "version") if released else None
    found = questions.filter(criterion__key=key).first() if questions else None
    if not found:
        raise BadInput(f"The released rubric has no criterion “{key[:60]}” any more.")
    return found


def _choose(run: JobRun, cases: Frame, is_open: Bools, judge: Judge | None, *, n: int) -> None:
    """Draw by a keyed hash, so that nobody chooses and the same job draws the same."""
    planned = plan_of(cases, is_open, n=n)
    ids, score = cases.case[is_open], cases.filled_score[is_open]
    rows = np.empty(0, dtype=np.int64)
    if planned.take:
        keys = [f"{run.job.pk}:{pk}" for pk in ids.tolist()]
        rows = draw_by_key(plan_by_score(score, planned.take), keys, settings.SECRET_KEY)
    run.progress(
        0, len(cases), "Drawn", strata=[asdict(one) for one in planned.strata],
        chosen=ids[rows].tolist(), raters=list(judge.raters) if judge else [], after=0, changed={},
    )  # fmt: skip


def _take(
    run: JobRun, project: Project, version: RubricVersion, cases: Frame, is_open: Bools
) -> None:
    """Keep the new probabilities, and open the places of the chosen, a chunk of cases at a time."""
    strata = [Stratum(**one) for one in run.checkpoint["strata"]]
    codes = codes_of(cases.filled_score, [one.low for one in strata])
    draws = np.array([one.probability for one in strata])[codes]
    up_for_it = _counted(cases, is_open) | (cases.drawn & ~cases.census)
    draws = np.where(up_for_it, draws, 0.0)
    chosen = np.isin(cases.case, np.array(run.checkpoint["chosen"], dtype=np.int64))
    for start in range(0, len(cases), CHUNK):
        rows = slice(start, start + CHUNK)
        if cases.case[rows][-1] <= run.checkpoint["after"]:
            continue
        changed = Counter[str](run.checkpoint["changed"])
        with run.fenced():
            changed.update(
                _one_chunk(project, version, cases.case[rows], draws[rows], chosen[rows])
            )
            done = min(start + CHUNK, len(cases))
            run.progress(
                done, len(cases), f"{done:,} of {len(cases):,} cases",
                after=int(cases.case[rows][-1]), changed=dict(changed),
            )  # fmt: skip


# A case that became settled since it was chosen is in the slice all the same: it was drawn.
_KEEP = """
UPDATE annotations_case c SET
    audit_probability = 1 - (1 - COALESCE(c.audit_probability, 0)) * (1 - w.draw),
    is_audit = c.is_audit OR w.chosen
FROM unnest(%(ids)s::bigint[], %(draws)s::float8[], %(chosen)s::bool[]) AS w (id, draw, chosen)
WHERE c.id = w.id AND w.draw > 0
"""


def _one_chunk(
    project: Project, version: RubricVersion, ids: Ints, draws: Any, chosen: Bools
) -> Counter[str]:
    """In the caller's transaction, with the cases locked in their order."""
    list(Case.objects.select_for_update().filter(pk__in=ids.tolist()).order_by("pk").values("pk"))
    with connection.cursor() as cursor:
        cursor.execute(
            _KEEP, {"ids": ids.tolist(), "draws": draws.tolist(), "chosen": chosen.tolist()}
        )
    taken = ids[chosen].tolist()
    if not taken:
        return Counter()
    raised = overlap.change_chunk(
        project, taken, {"way": overlap.RAISE, "overlap": queue.AUDIT_RATERS}
    )
    new = list(Case.objects.filter(pk__in=taken, status=CaseStatus.NEW))
    opened = queue.open_slots(new, rubric_version=version, weights=priorities.of(new))
    priorities.reprioritise_chunk(project, taken, {})
    return Counter(drawn=len(taken), places_opened=raised["places_opened"] + opened)
