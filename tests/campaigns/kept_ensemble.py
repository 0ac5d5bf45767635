"""An ensemble with its kept verdicts on a small, mild gold: what the evasion page is read from."""

import numpy as np

from annotations import releases
from annotations.models import Rater
from annotations.statuses import RaterKind
from campaigns import evasion, launch
from campaigns.models import EnsembleVersion
from tests.world import World

N = 24
NAMES = ("rules", "words", "twin")


def keep_ensemble(world: World) -> EnsembleVersion:
    """24 settled cases, half of them failures; “rules” alone catches two, “words” and “twin” ten."""
    campaign = launch.start_campaign(world.project, by=world.lead, round_size=8)
    round_ = launch.open_round(campaign, by=None)
    cases = []
    for number in range(N):
        kind = "direct" if number % 2 else "context-dependent"
        cases.append(
            world.settle(
                world.make_case(strata={"kind": kind}), harm="yes" if number < 12 else "no"
            )
        )
    y = np.arange(N) < 12
    words = (np.arange(N) < 10) | (np.arange(N) == 20)
    x = np.stack([np.isin(np.arange(N), [10, 11, 21]), words, words], axis=1).astype(float)
    x[23, 0] = np.nan
    rater = Rater.objects.create(
        project=world.project, kind=RaterKind.JUDGE, name="ensemble", revision="e1"
    )
    for number, case in enumerate(cases):
        world.judged(case, "yes" if words[number] else "no", revision="e1")
    return EnsembleVersion.objects.create(
        campaign=campaign, round=round_, number=1, criterion=world.harm.criterion, rater=rater,
        gold=releases.release(world.project, by=world.lead), revision="e1", threshold=0.5, payload={},
        report={"evasion": evasion.stored(cases, x, y, names=NAMES, bound=0.2)},
    )  # fmt: skip
