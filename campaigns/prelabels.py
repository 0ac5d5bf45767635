"""Pre-labels: new cases scored in secret by a released ensemble, for the reveal arm and the queue."""

from collections.abc import Mapping, Sequence

import numpy as np
from django.db.models import QuerySet

from annotations.jobs import JobRun
from annotations.models import Annotation, Case, Criterion, CriterionVersion
from campaigns import promises
from campaigns.embeddings import encoder
from campaigns.fine_tuning import fine_tuned, pair_options
from campaigns.gold_sets import Floats, outside_verdicts, strata_of
from campaigns.judging.ensemble import Ensemble
from campaigns.judging.examples import Example
from campaigns.judging.members import Fitted, make_members
from campaigns.models import EnsembleVersion, Round
from campaigns.project_judges import judges_to_restore
from campaigns.scores import write_scores
from campaigns.seen_by_judges import example_of
from campaigns.vectors import stored_encode

CHUNK = 200  # cases between two signs of life


def prelabel(round_: Round, *, run: JobRun) -> int:
    """Score the round's cases by the ensemble of the round before. Returns how many have a score.

    The verdicts are secret until `annotations.visibility` allows them. Cases that this revision has
    scored already are left out, so that a worker that follows a killed one goes on where that was.
    """
    made = round_.ensemble
    if made is None:
        return 0
    question = round_.version.criteria.select_related("criterion").get(criterion=made.criterion)
    return score_unscored(made, round_.cases, question, run=run, doing="Pre-labelling in secret")


def score_unscored(
    made: EnsembleVersion, cases: QuerySet[Case], question: CriterionVersion, *, run: JobRun,
    doing: str,
) -> int:  # fmt: skip
    """Score by this version those of the cases that it has not scored yet. Returns how many have a score."""
    scored = Annotation.objects.filter(rater=made.rater, case__in=cases)
    waiting = list(cases.exclude(pk__in=scored.values("case_id")).order_by("id"))
    if not waiting:
        return scored.count()
    ensemble, judges = Ensemble.from_json(made.payload), restored(made)
    maps = promises.maps_of(made)
    for start in range(0, len(waiting), CHUNK):
        part = waiting[start : start + CHUNK]
        examples = [example_of(case) for case in part]
        scores = member_scores(ensemble.names, judges, part, examples, criterion=made.criterion)
        p = ensemble.predict(scores, strata_of(examples))
        p = maps.apply(p, [promises.target_of(case) for case in part])
        told = judges["tfidf"].explain if "tfidf" in judges else lambda example: []
        reasons = ["; ".join(told(example)[:3]) for example in examples]
        with run.fenced():
            write_scores(part, made.rater, question, p, made.threshold, reasons)
        run.progress(min(start + CHUNK, len(waiting)), len(waiting), doing)
    return scored.count()


def restored(made: EnsembleVersion) -> dict[str, Fitted]:
    """The ensemble's own judges by name, as they were when it was released."""
    coder = encoder()
    encode = stored_encode(coder)
    listed = (*make_members(encode, coder.revision, **pair_options()), *fine_tuned(None))
    kinds = judges_to_restore(listed, encode=encode, encoder=coder.revision)
    members = made.members.select_related("rater").exclude(payload={})
    return {one.rater.name: kinds[one.rater.name].restore(one.payload) for one in members}


def member_scores(
    names: Sequence[str], judges: Mapping[str, Fitted], cases: Sequence[Case],
    examples: Sequence[Example], *, criterion: Criterion,
) -> Floats:  # fmt: skip
    """(N, M) in the order of `names`: own judges score, outside ones have spoken or are missing."""
    spoken = {rater.name: said for rater, said in outside_verdicts(cases, criterion).items()}
    none = np.full(len(cases), np.nan)
    return np.column_stack(
        [judges[name].score(examples) if name in judges else spoken.get(name, none)
         for name in names]
    )  # fmt: skip
