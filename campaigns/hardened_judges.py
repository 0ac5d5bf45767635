"""A campaign's judges taught again on the failures that got past them; a lead takes the result or leaves it.

A job tries the recipes on the gold that the current version learnt from (never on the frozen test). Where
one helps by more than chance, a version is offered and scored on the frozen test beside the current one;
where none does, the job says so and nothing is made.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from django.contrib.auth.models import User
from django.db import transaction

from annotations import audit, jobs
from annotations.errors import BadInput, Conflict
from annotations.jobs import JobRun
from annotations.models import Case, Job, Rater, Verdict
from campaigns import calibration, prelabels, staleness, versions
from campaigns.embeddings import encoder
from campaigns.gold_sets import Floats, GoldSet, frozen_set, gold_set, outside_verdicts, strata_of
from campaigns.judging.crossfit import CrossFitScores
from campaigns.judging.errors import BadScores, CannotFit
from campaigns.judging.examples import Example
from campaigns.judging.hardening import RECIPES, Hardening, harden, hardened
from campaigns.judging.members import Fitted, Judge
from campaigns.models import Campaign, EnsembleMember, EnsembleVersion
from campaigns.statuses import EnsembleStatus
from campaigns.variants import vary

KIND = "harden_judges"
HARDENING = "hardening"  # in the report of a version that was offered


@dataclass(frozen=True, eq=False)
class Panel:
    """A version's judges: those that can be taught again, and what the others said of the gold."""

    judges: tuple[Judge, ...]
    kept: Mapping[str, tuple[Judge, Fitted, Floats]]  # dear to teach: they stay as they are
    outside: dict[Rater, Floats]

    @property
    def beside(self) -> dict[str, Floats]:
        kept = {name: column for name, (_, _, column) in self.kept.items()}
        return kept | {rater.name: column for rater, column in self.outside.items()}


def current(campaign: Campaign) -> EnsembleVersion | None:
    """The version that is in use and not stale."""
    found = campaign.ensembles.filter(status=EnsembleStatus.CURRENT)
    return found.select_related(
        "campaign__project", "criterion", "gold__rubric_version", "round", "rater"
    ).first()


def learnt_from(made: EnsembleVersion) -> GoldSet:
    """The gold that this version learnt from: what came since would blur what hardening does."""
    return gold_set(made.campaign, made.question, until=made.gold.created_at)


def evasions_of(made: EnsembleVersion, gold: GoldSet) -> set[str]:
    """Keys of failures with an answer to read that got past this version, or what pre-labelled them.

    This version's word is out of fold, the pre-label was given before people answered: neither
    had seen the case.
    """
    failures = _failures(gold)
    said = Verdict.objects.filter(
        annotation__rater=made.rater, case__in=failures, criterion=made.criterion,
        score__gte=made.threshold,
    ).values_list("case_id", flat=True)  # fmt: skip
    return {str(case) for case in failures - set(said)} | missed_before(made, gold)


def missed_before(made: EnsembleVersion, gold: GoldSet) -> set[str]:
    """Keys of failures that the ensemble which pre-labelled them missed: no label had a part in it."""
    failures, missed = _failures(gold), set()
    for round_ in made.campaign.rounds.exclude(ensemble=None).select_related("ensemble__rater"):
        before = round_.ensemble
        if before is None or before.criterion_id != made.criterion_id:
            continue
        missed |= set(
            Verdict.objects.filter(
                annotation__rater=before.rater, case__in=failures, criterion=made.criterion,
                case__batch=round_.batch, score__lt=before.threshold,
            ).values_list("case_id", flat=True)
        )  # fmt: skip
    return {str(case) for case in missed}


def _failures(gold: GoldSet) -> set[int]:
    """Failures with an answer to read."""
    return {case.pk for case, y in zip(gold.cases, gold.y, strict=True)
            if y and case.response.strip()}  # fmt: skip


def harden_later(campaign: Campaign, *, by: User | None) -> Job:
    """Queue the work on the current version; asked twice it is one job.

    Raises `BadInput` where there is no current version, `Conflict` where one is offered already.
    """
    made = current(campaign)
    if made is None:
        raise BadInput("There is no ensemble in use that is not stale: calibrate first.")
    waiting = offered(campaign)
    if waiting is not None:
        raise Conflict(f"{waiting} waits for a decision: take it or leave it first.")
    return jobs.enqueue(KIND, {"ensemble": made.pk}, project=campaign.project, by=by)


@jobs.handles(KIND)
def harden_job(run: JobRun) -> dict[str, Any]:
    """Try the recipes, offer what helps, test it. Safe to run twice: what is offered is not made again."""
    made = EnsembleVersion.objects.select_related(
        "campaign__project", "criterion", "gold__rubric_version", "round", "rater"
    ).get(pk=run.arguments["ensemble"])
    if made.status != EnsembleStatus.CURRENT or staleness.changes_since(made):
        return {"problem": f"{made} is not in use any more: calibrate, then start this again."}
    one = offered(made.campaign)
    if one is None:
        try:
            found, one = make(made, run=run)
        except (CannotFit, BadScores) as problem:
            return {"problem": str(problem)}
        if one is None:
            return {"problem": "", "offered": None, **told(found)}
    test_frozen(made, one, run=run)
    return {"problem": "", "offered": one.number, **one.report[HARDENING]}


def make(made: EnsembleVersion, *, run: JobRun) -> tuple[Hardening, EnsembleVersion | None]:
    """The trials, and the version that is offered where one of them helps."""
    gold = learnt_from(made)
    evasions = evasions_of(made, gold)
    panel = panel_of(made, gold)
    steps = len(RECIPES) + 3
    done = iter(range(steps))
    found = harden(
        panel.judges, gold.examples, gold.y, evasions, vary=vary, recipes=RECIPES,
        elsewhere=missed_before(made, gold),
        beside=panel.beside, strata=strata_of(gold.examples), bound_over_block=made.campaign.over_block_bound,
        seed=made.round.seed,
        tell=lambda line: run.progress(next(done), steps, f"Cross-fitting: {line}"),
    )  # fmt: skip
    if found.chosen is None:
        return found, None
    taught = hardened(panel.judges, evasions, found.chosen, vary)
    local = found.scores[found.chosen]
    kept = panel.kept
    combined = CrossFitScores(
        local.keys, (*local.members, *kept),
        np.column_stack([local.scores, *(column for _, _, column in kept.values())]),
        local.folds, local.failures, {name: fitted for name, (_, fitted, _) in kept.items()},
    )  # fmt: skip
    run.progress(steps - 1, steps, "Combining the hardened judges")
    one = calibration.combine(
        made.round, made.gold, gold, combined, (*taught, *(judge for judge, _, _ in kept.values())),
        panel.outside, encoder(), run=run, status=EnsembleStatus.OFFERED,
        told={HARDENING: {"from": made.number, **told(found)}},
    )  # fmt: skip
    return found, one


def panel_of(made: EnsembleVersion, gold: GoldSet) -> Panel:
    """The judges of a version as they would be taught today, and what the others said."""
    teachable = {judge.name: judge for judge in calibration.local_judges(made.campaign, encoder())}
    members = list(made.members.select_related("rater").order_by("pk"))
    fitted = prelabels.restored(made)
    spoken = outside_verdicts(gold.cases, gold.criterion)
    mine = tuple(teachable[one.rater.name] for one in members
                 if one.payload and one.rater.name in teachable)  # fmt: skip
    kept = {
        one.rater.name: (_Kept(one), fitted[one.rater.name], _said(one.rater, gold))
        for one in members if one.payload and one.rater.name not in teachable
    }  # fmt: skip
    outside = {rater: column for rater, column in spoken.items()
               if any(one.rater_id == rater.pk for one in members)}  # fmt: skip
    return Panel(mine, kept, outside)


class _Kept:
    """Stands for a judge that is not taught again; its fitted form is at hand."""

    needs_training = True

    def __init__(self, member: EnsembleMember) -> None:
        self.name = member.rater.name

    def fit(self, examples: Sequence[Example], y: Any, *, seed: int) -> Fitted:
        raise CannotFit(f"The judge “{self.name}” is not taught again here.")

    def restore(self, data: Mapping[str, Any]) -> Fitted:
        raise CannotFit(f"The judge “{self.name}” is not taught again here.")


def _said(rater: Rater, gold: GoldSet) -> Floats:
    """What a judge's verdicts say of the gold, out of fold as calibration wrote them: (N,)."""
    row = {case.pk: at for at, case in enumerate(gold.cases)}
    column = np.full(len(row), np.nan)
    said = Verdict.objects.filter(
        annotation__rater=rater, case__in=list(row), criterion=gold.criterion, score__isnull=False
    ).values_list("case_id", "score")  # fmt: skip
    for case, score in said:
        column[row[case]] = score
    return column


def test_frozen(made: EnsembleVersion, one: EnsembleVersion, *, run: JobRun) -> None:
    """Let both versions score the frozen cases that they have not."""
    question = made.question
    frozen = frozen_set(made.campaign, question)
    cases = Case.objects.filter(pk__in=[case.pk for case in frozen.cases])
    for version in (made, one):
        prelabels.score_unscored(
            version, cases, question, run=run, doing=f"Testing {version} on frozen cases"
        )


def told(found: Hardening) -> dict[str, Any]:
    """The trials as the page shows them."""
    return {
        "told": found.told,
        "recipe": str(found.chosen) if found.chosen else "",
        "n": found.n,
        "positives": found.positives,
        "evasions": found.found,
        "trials": [{**asdict(one), "name": str(one.recipe), "is_sure": one.is_sure}
                   for one in found.trials],
        "plain": asdict(found.plain),
    }  # fmt: skip


# ---- the lead's decision


def offered(campaign: Campaign) -> EnsembleVersion | None:
    """The version that waits for a lead, if there is one."""
    return campaign.ensembles.filter(status=EnsembleStatus.OFFERED).order_by("-number").first()


@transaction.atomic
def take(one: EnsembleVersion, *, by: User) -> EnsembleVersion:
    """Make an offered version the current one. Raises `Conflict` where the world has moved on."""
    locked = _locked(one)
    base = locked.campaign.ensembles.filter(number=locked.report[HARDENING]["from"]).first()
    if base is None or base.status != EnsembleStatus.CURRENT or staleness.changes_since(base):
        raise Conflict(
            f"{locked} was made from {base}, which is not in use any more: leave it, and harden the "
            "judges of the current version."
        )
    base.status = EnsembleStatus.SUPERSEDED
    base.save(update_fields=["status"])
    locked.status = EnsembleStatus.CURRENT
    locked.save(update_fields=["status"])
    audit.record("took hardened ensemble", locked, project=locked.campaign.project, by=by,
                 instead_of=base.number, revision=locked.revision)  # fmt: skip
    return locked


@transaction.atomic
def leave(one: EnsembleVersion, *, by: User) -> EnsembleVersion:
    """Keep the current version; the offered one stays on record and is never used."""
    locked = _locked(one)
    locked.status = EnsembleStatus.LEFT
    locked.save(update_fields=["status"])
    audit.record("left hardened ensemble", locked, project=locked.campaign.project, by=by,
                 revision=locked.revision)  # fmt: skip
    return locked


def _locked(one: EnsembleVersion) -> EnsembleVersion:
    Campaign.objects.select_for_update().get(pk=one.campaign_id)
    locked = EnsembleVersion.objects.select_for_update().get(pk=one.pk)
    if locked.status != EnsembleStatus.OFFERED:
        raise Conflict(f"{locked} is {locked.status}: somebody has decided already.")
    return locked


def comparison(
    campaign: Campaign, one: EnsembleVersion
) -> tuple[versions.Tested, versions.Tested] | None:
    """The version that it was made from and this one on the frozen test, where both have scored it."""
    found = {test.made.number: test for test in versions.tested(campaign, one.question)}
    pair = found.get(one.report[HARDENING]["from"]), found.get(one.number)
    if pair[0] is None or pair[1] is None or not (pair[0].quality and pair[1].quality):
        return None
    return pair[0], pair[1]
