"""What is promised of which target: nothing before it has labels of its own, of both answers."""

import numpy as np

from campaigns.calibration_report import promises_by_target
from tests.world import World


def test_each_target_needs_fifty_labels_of_its_own_with_both_answers(world: World) -> None:
    one, other = (world.make_case(strata={"target": name}, slots=False) for name in ("a", "b"))
    free = world.make_case(
        slots=False
    )  # a case of no target is promised nothing and denied nothing
    cases = [one] * 50 + [other] * 60 + [free]
    y = np.array([True] * 5 + [False] * 45 + [True] * 4 + [False] * 57)
    told = {row["name"]: row for row in promises_by_target(cases, y)}
    assert set(told) == {"a", "b"}
    assert told["a"]["reason"] == ""
    assert "4 of 60 labels of this target are positive" in told["b"]["reason"]
    assert "before 50" in promises_by_target([one] * 49 + [other], y[:50])[0]["reason"]
    assert promises_by_target([one] * 49, y[:49]) == []  # there is no other target
