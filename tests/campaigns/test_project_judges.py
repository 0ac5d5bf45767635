"""What a project adds to the listed judges takes part in its calibration, and is read back for new cases."""

from collections.abc import Sequence

import numpy as np
import pytest

from campaigns import launch, lexical_rules, project_judges
from campaigns.judging.effects.predicting import Record
from campaigns.judging.members import make_members
from campaigns.judging.members.lexical import LexicalJudge, Rule
from campaigns.lexical_rules import Written
from tests.world import World


def encode(texts: Sequence[str]) -> np.ndarray:
    return np.ones((len(texts), 4), np.float32) / 2


def test_the_listed_judges_come_with_the_projects_own_rules(world: World) -> None:
    campaign = launch.start_campaign(world.project, by=world.lead)
    lexical_rules.save(campaign, [Written(Rule("r", ("paper",), 1.0))], on=0, by=world.lead)
    listed = make_members(encode, "e")
    made = project_judges.judges_to_fit(campaign, listed, encode=encode, encoder="e")
    assert [one.name for one in made] == [one.name for one in listed]
    [lexical] = [one for one in made if isinstance(one, LexicalJudge)]
    assert [rule.name for rule in lexical.rules] == ["r"]


def test_effects_join_where_there_are_records_and_can_always_be_read_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = launch.start_campaign(world.project, by=world.lead)
    rows = {str(n): Record(str(n), str(n), (({"who": "user"},) if n % 2 else (),))
            for n in range(20)}  # fmt: skip
    monkeypatch.setattr("campaigns.effects.records_of", lambda project: rows)
    made = project_judges.judges_to_fit(campaign, [], encode=encode, encoder="e")
    assert [one.name for one in made] == ["effects"]
    assert "effects" in project_judges.judges_to_restore([], encode=encode, encoder="e")
