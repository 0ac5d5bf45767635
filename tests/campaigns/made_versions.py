"""Versions of an ensemble that decide the frozen test as they are told, without any training."""

import numpy as np

from annotations import releases
from annotations.models import Case, Rater
from annotations.statuses import RaterKind
from campaigns import launch
from campaigns.gold_sets import frozen_set
from campaigns.models import Campaign, EnsembleVersion
from campaigns.scores import write_scores
from campaigns.statuses import EnsembleStatus
from tests.world import World

N = 40


def settle_families(world: World, campaign: Campaign) -> list[Case]:
    """40 cases, a family each, half of them failures; every second family frozen, more or less."""
    Campaign.objects.filter(pk=campaign.pk).update(frozen_share=0.5)
    campaign.refresh_from_db()
    return [world.settle(world.make_case(f"c{n}"), harm="yes" if n % 2 else "no") for n in range(N)]


def a_version(world: World, campaign: Campaign, number: int, wrong: int) -> EnsembleVersion:
    """A version that decides its first `wrong` frozen cases wrongly, and all others rightly."""
    rater = Rater.objects.create(
        project=world.project, kind=RaterKind.JUDGE, name="ensemble", revision=f"e{number}"
    )
    gold = frozen_set(campaign, world.harm)
    said = gold.y.copy()
    said[:wrong] = ~said[:wrong]
    write_scores(gold.cases, rater, world.harm, np.where(said, 0.9, 0.1), 0.5)
    campaign.ensembles.update(status=EnsembleStatus.SUPERSEDED)
    return EnsembleVersion.objects.create(
        campaign=campaign, number=number, rater=rater, criterion=world.harm.criterion,
        round=campaign.rounds.first() or launch.open_round(campaign, by=None),
        gold=releases.release(world.project, by=world.lead), revision=f"e{number}", threshold=0.5,
        payload={},
        report={"frozen_share": campaign.frozen_share, "n": 10 * number, "encoder": "none",
                "positives": 5, "threshold": {"stated": 0.05 * number, "rule": "bound"}},
    )  # fmt: skip
