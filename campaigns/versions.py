"""Versions of a campaign's ensemble side by side on the frozen test, and their release by a lead.

No version was trained on the families of the frozen test, and no round was guided by them, so the same
cases tell every version apart, old ones too: what came since is scored by all of them.
"""

import logging
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from annotations import audit
from annotations.errors import Conflict
from annotations.jobs import JobRun
from annotations.models import Case, CriterionVersion, Verdict
from campaigns import prelabels
from campaigns.gold_sets import Floats, GoldSet, frozen_set
from campaigns.judging.comparing import Comparison, compare
from campaigns.judging.ensemble import Quality, measure_quality
from campaigns.judging.errors import BadScores
from campaigns.judging.evasion.intervals import share_over_families
from campaigns.models import Campaign, EnsembleVersion
from campaigns.statuses import ASIDE, EnsembleStatus

log = logging.getLogger(__name__)

MOST = 8  # newest versions that are scored on what came since
FEW_POSITIVES = 20  # failures in the frozen test, below which little can be told apart


@dataclass(frozen=True, eq=False)
class Tested:
    """One version on the frozen test: p (N,) of its cases, nan where it has no score."""

    made: EnsembleVersion
    gold: GoldSet
    p: Floats

    @property
    def fired(self) -> npt.NDArray[np.bool_]:
        """Whether it calls each case positive, (N,); one without a score is not caught."""
        return np.where(np.isnan(self.p), -1.0, self.p) >= self.made.threshold

    @cached_property
    def quality(self) -> Quality | None:
        """None where there is no case to measure on, or it has scored none."""
        if np.isnan(self.p).all():
            return None
        y, families = self.gold.y, self.gold.families
        found = measure_quality(self.p, y, families, threshold=self.made.threshold, seed=0)
        of = np.unique(np.array(families, dtype=object).astype(str), return_inverse=True)[1]
        return replace(
            found, evasion=share_over_families(~self.fired[y], of[y]),
            over_block=share_over_families(self.fired[~y], of[~y]),
        )  # fmt: skip


def newest(campaign: Campaign) -> EnsembleVersion | None:
    """The newest version that is, or was, in use."""
    return campaign.ensembles.exclude(status__in=ASIDE).order_by("-number").first()


def trained_without(campaign: Campaign, question: CriterionVersion) -> list[EnsembleVersion]:
    """The versions of this question that left the frozen families out, oldest first.

    What was made before there was a frozen test, or when it was smaller, has seen some of them.
    """
    share = campaign.frozen_share
    if not share:
        return []
    made = campaign.ensembles.filter(
        criterion=question.criterion, report__frozen_share__gte=share
    ).select_related("rater", "gold__rubric_version", "round", "criterion", "released_by")
    return list(made.order_by("number"))


def score_frozen(campaign: Campaign, question: CriterionVersion, *, run: JobRun) -> int:
    """Let the newest versions score the frozen cases that they have not. Safe to run twice.

    Returns how many versions have scored them. One that can't be read back any more is left out.
    """
    gold = frozen_set(campaign, question)
    cases = Case.objects.filter(pk__in=[case.pk for case in gold.cases])
    scored = 0
    for made in trained_without(campaign, question)[-MOST:]:
        try:
            prelabels.score_unscored(
                made, cases, question, run=run, doing=f"Testing {made} on frozen cases"
            )
        except BadScores as problem:
            log.info("%s can't be tested on newer cases: %s", made, problem)
            continue
        scored += 1
    return scored


def tested(campaign: Campaign, question: CriterionVersion) -> list[Tested]:
    """Every version on the frozen test as it stands now, oldest first."""
    gold = frozen_set(campaign, question)
    versions = trained_without(campaign, question)
    row = {case.pk: index for index, case in enumerate(gold.cases)}
    column = {made.rater_id: index for index, made in enumerate(versions)}
    p = np.full((len(gold.cases), len(versions)), np.nan)
    said = Verdict.objects.filter(
        annotation__rater__in=list(column), case__in=list(row), criterion=question.criterion,
        score__isnull=False,
    ).values_list("case_id", "annotation__rater_id", "score")  # fmt: skip
    for case, rater, score in said:
        p[row[case], column[rater]] = score
    return [Tested(made, gold, p[:, index]) for index, made in enumerate(versions)]


def between(first: Tested, second: Tested) -> Comparison:
    """The second against the first on the cases of the frozen test that both have scored."""
    both = ~np.isnan(first.p) & ~np.isnan(second.p)
    found = compare(
        first.fired[both], second.fired[both], first.gold.y[both],
        [family for family, kept in zip(first.gold.families, both, strict=True) if kept],
    )  # fmt: skip
    back = np.flatnonzero(both)

    def of_all(rows: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(back[list(rows)].tolist())

    return replace(
        found, caught=of_all(found.caught), missed=of_all(found.missed),
        cleared=of_all(found.cleared), blocked=of_all(found.blocked),
    )  # fmt: skip


def what_changed(before: EnsembleVersion, after: EnsembleVersion) -> list[str]:
    """What the newer version learnt or was given that the older one was not, each as a sentence."""
    found = []
    more = after.report["n"] - before.report["n"]
    if more:
        found.append(f"{abs(more)} gold cases {'more' if more > 0 else 'fewer'}.")
    rubrics = [one.gold.rubric_version.number for one in (before, after)]
    if rubrics[0] != rubrics[1]:
        found.append(f"Rubric version {rubrics[1]} in place of {rubrics[0]}.")
    old, new = (
        {m.rater.name: not m.left_out for m in one.members.select_related("rater")}
        for one in (before, after)
    )
    for word, names in (
        ("New", sorted(new.keys() - old.keys())),
        ("Gone", sorted(old.keys() - new.keys())),
        ("Votes now", sorted(n for n in new.keys() & old.keys() if new[n] > old[n])),
        ("Left out now", sorted(n for n in new.keys() & old.keys() if new[n] < old[n])),
    ):
        if names:
            found.append(f"{word}: {', '.join(names)}.")
    bounds = [one.report["threshold"]["stated"] for one in (before, after)]
    if bounds[0] != bounds[1]:
        found.append(f"A bound on over-blocking of {bounds[1]:.0%} in place of {bounds[0]:.0%}.")
    if before.report["encoder"] != after.report["encoder"]:
        found.append(f"Features of {after.report['encoder']}.")
    if "hardening" in after.report:
        found.append(f"Taught again: {after.report['hardening']['recipe']}.")
    return found


@transaction.atomic
def release(made: EnsembleVersion, *, by: User, note: str = "") -> EnsembleVersion:
    """A lead's word that this version may be used outside of the project. Once; the first stands.

    Raises `Conflict` for one that is stale or was followed by another.
    """
    locked = EnsembleVersion.objects.select_for_update().get(pk=made.pk)
    if locked.released_at is not None:
        return locked
    if locked.status != EnsembleStatus.CURRENT:
        why = {
            EnsembleStatus.STALE: "its rubric, gold or rules changed since it learnt",
            EnsembleStatus.SUPERSEDED: "a newer version has taken its place",
            EnsembleStatus.OFFERED: "no lead has taken it yet",
            EnsembleStatus.LEFT: "it was offered and not taken",
        }[EnsembleStatus(locked.status)]
        raise Conflict(f"{locked} can't be released: {why}. Calibrate again and release that one.")
    locked.released_at, locked.released_by, locked.release_note = timezone.now(), by, note
    locked.save(update_fields=["released_at", "released_by", "release_note"])
    audit.record("released ensemble", locked, project=locked.campaign.project, by=by, note=note,
                 revision=locked.revision)  # fmt: skip
    return locked


def manifest(made: EnsembleVersion, test: Tested | None = None) -> dict[str, Any]:
    """All that somebody outside needs to know what this version is and how far to trust it."""
    members = made.members.select_related("rater").order_by("pk")
    return {
        "number": made.number,
        "revision": made.revision,
        "status": made.status,
        "criterion": made.criterion.key,
        "positive_answers": made.report.get("positive_answers", []),
        "rubric_version": made.gold.rubric_version.number,
        "gold": {"release": made.gold.number, "sha256": made.gold.sha256,
                 "trained_on": made.report.get("n"), "positives": made.report.get("positives")},
        "judges": [
            {"name": one.rater.name, "revision": one.rater.revision, "threshold": one.threshold,
             "weight": one.weight, "left_out": one.left_out}
            for one in members
        ],
        "encoder": made.report.get("encoder", ""),
        "threshold": made.report.get("threshold", {}),
        "cross_fitted": _rates(made.report.get("quality")),
        "frozen_test": _rates(asdict(test.quality)) if test and test.quality else None,
        "learnt_from_simulated": made.learnt_from_simulated,
        "created_at": made.created_at,
        "released_at": made.released_at,
        "released_by": made.released_by.get_username() if made.released_by else None,
        "release_note": made.release_note,
    }  # fmt: skip


def _rates(quality: dict[str, Any] | None) -> dict[str, Any] | None:
    wanted = ("n", "positives", "families", "auroc", "accuracy", "evasion", "over_block",
              "log_loss", "brier", "calibration")  # fmt: skip
    return {name: quality[name] for name in wanted} if quality else None
