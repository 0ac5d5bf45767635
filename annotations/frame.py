"""What a figure on all cases may be read from: draws, settled answers and a judge's scores, as arrays.

The frame are the cases that had a chance to be drawn into the audit slice, and the batches that came
with people's labels on every case, of which each was drawn for certain. A hundred thousand cases
are read by one statement into arrays; no case becomes an object.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db import connection
from django.db.models import Exists, OuterRef

from annotations.arms import PRELABELLER
from annotations.errors import BadInput
from annotations.models import Annotation, Batch, CriterionVersion, Project, Rater, Verdict
from annotations.statuses import AnnotationStatus, RaterKind

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# What gold says of a case, in the column `answer`.
NOTHING, NEGATIVE, POSITIVE, CANT_TELL, NOT_APPLICABLE, EARLIER_WORDING, RESTS_ON_AI = range(-1, 6)
NEW, LABELLING, ADJUDICATION, SETTLED = 0, 1, 2, 3
UNSAID, ANSWERED, INVALID, FAILED = 0, 1, 2, 3
# A judge's word for a failure where the scale is not yes and no.
JUDGE_POSITIVE = "positive"
# A judge counts in a batch of which it scored at least this share: else whom it scored may depend on
# what people said, as the scores of calibration do, which exist on gold alone.
LEAST_COVERED = 0.95
BATCH = "batch"


# ---- judges


@dataclass(frozen=True)
class Judge:
    """Whose scores sharpen the figures. `key` is its name in an address."""

    key: str
    label: str
    raters: tuple[int, ...]
    only_before_people: bool = False


def judges_of(project: Project, question: CriterionVersion) -> list[Judge]:
    """The pre-labelling ensemble first, of all its revisions; then each other judge's newest one."""
    said = Verdict.objects.filter(annotation__rater=OuterRef("pk"), criterion=question.criterion_id)
    raters = Rater.objects.filter(Exists(said), project=project, kind=RaterKind.JUDGE)
    by_name: dict[str, list[Rater]] = {}
    for rater in raters.order_by("-pk"):
        by_name.setdefault(rater.name, []).append(rater)
    found = []
    if ensemble := by_name.pop(PRELABELLER, None):
        found.append(Judge(PRELABELLER, "ensemble, before people answered",
                           tuple(rater.pk for rater in ensemble), only_before_people=True))  # fmt: skip
    found += [Judge(name, str(own[0]), (own[0].pk,)) for name, own in sorted(by_name.items())]
    return found


def judge_named(judges: Sequence[Judge], key: str) -> Judge | None:
    """The one of that name; the ensemble if none is named. Raises `BadInput` for an unknown name."""
    found = next((judge for judge in judges if judge.key == (key or PRELABELLER)), None)
    if key and found is None:
        known = ", ".join(judge.key for judge in judges) or "none yet"
        raise BadInput(f"No judge “{key[:60]}” has scored this criterion: there are {known}.")
    return found


# ---- the frame


@dataclass(frozen=True, eq=False)
class Frame:
    """Every case of the project (or batch): arrays of shape (N,), in order of the cases' ids.

    `groups` has a column of codes for each stratum asked for: 0 for none, else the place in
    `values`, from 1.
    """

    case: Ints
    batch: Ints
    family: Ints
    status: Ints
    drawn: Bools  # in the audit slice, or in a census
    probability: Floats  # with which it was drawn; 0: it had no chance
    census: Bools
    answer: Ints
    settled: Ints  # rising with the time at which gold was made; 0 for none
    simulated: Bools
    score: Floats  # nan where the judge said nothing that counts
    said: Floats  # the judge's word: 1 positive, 0 not; nan where there is none
    spoken: Ints  # what the judge's verdict is: UNSAID, ANSWERED, INVALID or FAILED
    groups: tuple[Ints, ...] = ()
    names: tuple[str, ...] = ()
    values: tuple[tuple[str, ...], ...] = ()

    def __len__(self) -> int:
        return len(self.case)

    @property
    def in_frame(self) -> Bools:
        """Had a chance to be drawn: the population that the figures speak of."""
        return self.probability > 0

    @property
    def used(self) -> Bools:
        """Drawn, and settled with an answer to the question as it is worded now."""
        return self.drawn & self.in_frame & ((self.answer == NEGATIVE) | (self.answer == POSITIVE))

    @property
    def filled_score(self) -> Floats:
        """The scores, the mean of all where there is none; one half where there is no score at all.

        Any function of the cases alone will do: a useless one makes no interval wrong, only wide.
        """
        missing = np.isnan(self.score)
        mean = 0.5 if missing.all() else float(self.score[~missing].mean())
        return np.where(missing, mean, self.score)

    @property
    def y(self) -> Floats:
        """1 positive, 0 not; nan for what is not used."""
        return np.where(self.used, self.answer, np.nan)

    def only(self, rows: Bools) -> "Frame":
        """The rows of one group."""
        kept = {
            name: getattr(self, name)[rows]
            for name in ("case", "batch", "family", "status", "drawn", "probability", "census",
                         "answer", "settled", "simulated", "score", "said", "spoken")
        }  # fmt: skip
        return replace(self, **kept, groups=tuple(codes[rows] for codes in self.groups))

    def members(self, column: int, code: int) -> Bools:
        return np.asarray(self.groups[column] == code)


_FRAME = """
WITH judge AS (
    SELECT DISTINCT ON (v.case_id) v.case_id, v.score, v.value, v.status
    FROM annotations_verdict v JOIN annotations_annotation a ON a.id = v.annotation_id
    WHERE a.rater_id = ANY(%(raters)s) AND v.criterion_id = %(criterion)s
      AND a.status = 'submitted' {before_people}
    ORDER BY v.case_id, v.id)
SELECT c.id, c.batch_id, hashtext(c.family),
    CASE c.status WHEN 'new' THEN 0 WHEN 'labelling' THEN 1 WHEN 'adjudication' THEN 2 ELSE 3 END,
    c.is_audit, COALESCE(c.audit_probability, 0),
    CASE WHEN g.id IS NULL THEN -1
         WHEN NOT g.criterion_version_id = ANY(%(same)s) THEN 4 WHEN g.rests_on_ai THEN 5
         WHEN g.status = 'answered' THEN (g.value = ANY(%(positive)s))::int
         WHEN g.status = 'cant_tell' THEN 2 ELSE 3 END,
    COALESCE(g.id, 0), COALESCE(g.is_simulated, false),
    COALESCE(j.score, CASE j.status WHEN 'answered' THEN (j.value = ANY(%(said)s))::int END, 'NaN'),
    COALESCE(CASE j.status WHEN 'answered' THEN (j.value = ANY(%(said)s))::int END::float8, 'NaN'),
    CASE WHEN j.status IS NULL THEN 0 WHEN j.status = 'answered' THEN 1
         WHEN j.status = 'error' THEN 3 ELSE 2 END
    {strata}
FROM annotations_case c
LEFT JOIN annotations_gold g ON g.case_id = c.id AND g.criterion_id = %(criterion)s
    AND g.superseded_at IS NULL
LEFT JOIN judge j ON j.case_id = c.id
WHERE c.project_id = %(project)s {batch}
ORDER BY c.id
"""
# A score counts if nobody had answered the case when it was written: later ones may have learnt from
# that answer, and stand on answered cases alone.
_BEFORE_PEOPLE = """
      AND NOT EXISTS (SELECT 1 FROM annotations_annotation p
                      JOIN annotations_rater r ON r.id = p.rater_id
                      WHERE p.case_id = v.case_id AND r.kind <> 'judge'
                        AND p.submitted_at < v.created_at)
"""
_STRATUM = ", COALESCE(array_position(%(values_{n})s::text[], c.strata ->> %(by_{n})s), 0)"


def read(
    project: Project, question: CriterionVersion, *, judge: Judge | None = None,
    batch: Batch | None = None, strata: Sequence[tuple[str, Sequence[str]]] = (),
) -> Frame:  # fmt: skip
    """The frame of one question; `strata` are the names to break down by, each with its values."""
    positive = list(question.criterion.positive)
    wanted: dict[str, Any] = {
        "project": project.pk, "criterion": question.criterion_id, "positive": positive,
        "said": [*positive, JUDGE_POSITIVE], "same": same_wording(question),
        "raters": list(judge.raters) if judge else [], "batch": batch.pk if batch else None,
    }  # fmt: skip
    for number, (name, values) in enumerate(strata):
        wanted |= {f"by_{number}": name, f"values_{number}": list(values)}
    statement = _FRAME.format(
        before_people=_BEFORE_PEOPLE if judge and judge.only_before_people else "",
        strata="".join(_STRATUM.format(n=number) for number in range(len(strata))),
        batch="AND c.batch_id = %(batch)s" if batch else "",
    )
    record = np.dtype(
        [("case", "i8"), ("batch", "i8"), ("family", "i8"), ("status", "i8"), ("audit", "?"),
         ("probability", "f8"), ("answer", "i8"), ("settled", "i8"), ("simulated", "?"), ("score", "f8"),
         ("said", "f8"), ("spoken", "i8"), *((f"group_{number}", "i8") for number in range(len(strata)))]
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(statement, wanted)
        rows = np.array(cursor.fetchall(), dtype=record)
    return _framed(project, rows, strata)


def _framed(project: Project, rows: Any, strata: Sequence[tuple[str, Sequence[str]]]) -> Frame:
    census = np.isin(rows["batch"], _census_batches(project))
    covered = _covered(rows["batch"], rows["score"])
    return Frame(
        case=rows["case"], batch=rows["batch"], family=rows["family"], status=rows["status"],
        drawn=rows["audit"] | census, census=census,
        probability=np.where(census, 1.0, rows["probability"]),
        answer=rows["answer"], settled=rows["settled"], simulated=rows["simulated"],
        score=np.where(covered, rows["score"], np.nan),
        said=np.where(covered, rows["said"], np.nan),
        spoken=np.where(covered, rows["spoken"], UNSAID),
        groups=tuple(rows[f"group_{number}"] for number in range(len(strata))),
        names=tuple(name for name, _ in strata),
        values=tuple(tuple(values) for _, values in strata),
    )  # fmt: skip


def same_wording(question: CriterionVersion) -> list[int]:
    """The versions of the question that say the same, word for word."""
    return [
        version.pk for version in question.criterion.versions.all()
        if version.content_hash == question.content_hash
    ]  # fmt: skip


# Batches that were up for no draw, and every case of which came with what people said.
_CENSUS = """
SELECT b.id FROM annotations_batch b
WHERE b.project_id = %s
  AND EXISTS (SELECT 1 FROM annotations_case c WHERE c.batch_id = b.id)
  AND NOT EXISTS (
    SELECT 1 FROM annotations_case c WHERE c.batch_id = b.id AND (
        c.audit_probability IS NOT NULL
        OR NOT (EXISTS (
            SELECT 1 FROM annotations_annotation a JOIN annotations_rater r ON r.id = a.rater_id
            WHERE a.case_id = c.id AND a.slot_id IS NULL AND a.submitted_at IS NOT NULL
              AND r.kind = 'imported')
        OR EXISTS (
            SELECT 1 FROM annotations_adjudication d
            WHERE d.case_id = c.id AND d.adjudicator_id IS NULL AND NOT d.is_simulated))))
"""


def _census_batches(project: Project) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(_CENSUS, [project.pk])
        return [batch for (batch,) in cursor.fetchall()]


def _covered(batch: Ints, score: Floats) -> Bools:
    """Which rows lie in a batch that the judge has scored (nearly) whole."""
    batches, place = np.unique(batch, return_inverse=True)
    cases = np.bincount(place, minlength=len(batches))
    scored = np.bincount(place, weights=~np.isnan(score), minlength=len(batches))
    return np.asarray((scored >= LEAST_COVERED * cases)[place], dtype=np.bool_)


def helped_sheets(project: Project, *, batch: Batch | None = None) -> int:
    """Sheets that people gave with the AI's help before the answer: they settle nothing."""
    found = Annotation.objects.filter(
        project=project, status=AnnotationStatus.SUBMITTED, arm__in=["evidence", "shown"]
    )
    return (found.filter(case__batch=batch) if batch else found).count()
