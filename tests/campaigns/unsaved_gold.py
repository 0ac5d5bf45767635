"""Gold that was never saved: cases with a family, strata and an answer, for what only reads them."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from annotations.models import Case
from campaigns.gold_sets import GoldSet
from campaigns.seen_by_judges import example_of
from tests.world import World

FIRST = 1_000_000  # no saved case has such an id


def unsaved_gold(
    world: World, y: Any, families: list[str], strata: list[dict[str, str]]
) -> GoldSet:
    """A gold set of `y`; case n has the id FIRST + n."""
    cases = [
        Case(pk=FIRST + n, project=world.project, family=family, strata=some,
             conversation=[{"role": "user", "content": "How do I fold it?"}], response="Like this.")
        for n, (family, some) in enumerate(zip(families, strata, strict=True))
    ]  # fmt: skip
    golds: Any = [SimpleNamespace(case=case, is_simulated=False) for case in cases]
    return GoldSet(
        world.harm.criterion, world.harm, golds, [example_of(one) for one in cases], np.array(y)
    )
