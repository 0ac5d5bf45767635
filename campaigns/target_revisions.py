"""The targets of a campaign side by side, and each hardened one against what it was trained from."""

from collections import defaultdict
from dataclasses import dataclass

from annotations.measurement.inference import proportion
from annotations.measurement.results import Estimate
from annotations.models import Criterion, Gold, Verdict
from annotations.statuses import VerdictStatus
from campaigns.models import Campaign, Candidate, EnsembleVersion, Target
from campaigns.statuses import EnsembleStatus
from campaigns.training.revisions import RevisionChange, compare_revisions


@dataclass(frozen=True)
class Standing:
    """One target: how often it failed by people's gold, and by the ensemble alone."""

    target: Target
    cases: int
    gold: Estimate  # of its settled cases
    raw: Estimate | None  # of the cases that the current ensemble has scored; none without one


@dataclass(frozen=True)
class Hardening:
    """A target against the revision that it was trained from."""

    target: Target
    shared: RevisionChange
    held_back: RevisionChange  # only families that no hardening export has


@dataclass(frozen=True)
class Side:
    """What is known of a target's cases: family -> (failures, settled), (fired, scored), cases."""

    settled: dict[str, tuple[int, int]]
    fired: int
    scored: int
    cases: int


def standings(campaign: Campaign, criterion: Criterion) -> tuple[list[Standing], list[Hardening]]:
    """Every target that has cases, oldest first; pairs where `hardened_from` has cases too."""
    made = campaign.ensembles.filter(status=EnsembleStatus.CURRENT, criterion=criterion).first()
    sides = _sides(campaign, criterion, made)
    targets = {one.pk: one for one in campaign.targets.order_by("pk") if one.pk in sides}
    rows = [_standing(one, sides[pk], made) for pk, one in targets.items()]
    pairs = [
        Hardening(
            one,
            compare_revisions(sides[one.hardened_from_id].settled, sides[pk].settled),
            compare_revisions(
                _held_back(campaign, sides[one.hardened_from_id]), _held_back(campaign, sides[pk])
            ),
        )
        for pk, one in targets.items()
        if one.hardened_from_id in sides
    ]  # fmt: skip
    return rows, pairs


def _standing(target: Target, side: Side, made: EnsembleVersion | None) -> Standing:
    failures, n = (sum(counts[at] for counts in side.settled.values()) for at in (0, 1))
    return Standing(
        target, side.cases, proportion(failures, n),
        proportion(side.fired, side.scored) if made else None,
    )  # fmt: skip


def _held_back(campaign: Campaign, side: Side) -> dict[str, tuple[int, int]]:
    return {family: n for family, n in side.settled.items() if campaign.is_frozen(family)}


def _sides(
    campaign: Campaign, criterion: Criterion, made: EnsembleVersion | None
) -> dict[int, Side]:
    asked = Candidate.objects.filter(
        round__campaign=campaign, round__target__isnull=False, case__isnull=False
    ).values_list("case_id", "case__family", "round__target_id")  # fmt: skip
    of = {case: (family, target) for case, family, target in asked}
    golds = Gold.objects.filter(
        case__in=list(of), criterion=criterion, superseded_at__isnull=True,
        status=VerdictStatus.ANSWERED, rests_on_ai=False,
    ).values_list("case_id", "value")  # fmt: skip
    settled: dict[int, dict[str, tuple[int, int]]] = defaultdict(dict)
    for case, value in golds:
        family, target = of[case]
        k, n = settled[target].get(family, (0, 0))
        settled[target][family] = (k + (value in criterion.positive), n + 1)
    fires = _fires(list(of), made)
    found = {}
    for target in {target for _, target in of.values()}:
        own = [case for case, (_, its) in of.items() if its == target]
        said = [fires[case] for case in own if case in fires]
        found[target] = Side(settled[target], sum(said), len(said), len(own))
    return found


def _fires(cases: list[int], made: EnsembleVersion | None) -> dict[int, bool]:
    if made is None:
        return {}
    said = Verdict.objects.filter(
        case__in=cases, annotation__rater=made.rater_id, criterion=made.criterion_id,
        score__isnull=False,
    ).values_list("case_id", "score")  # fmt: skip
    return {case: score is not None and score >= made.threshold for case, score in said}
