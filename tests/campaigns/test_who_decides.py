"""What goes to a person: told with the gold's own families apart, and only to those who may see the word."""

from typing import Any

import numpy as np
import pytest
from django.test import Client

from annotations.models import Case
from campaigns import who_decides
from campaigns.models import EnsembleVersion
from tests.campaigns.kept_ensemble import keep_ensemble
from tests.campaigns.unsaved_gold import FIRST, unsaved_gold
from tests.world import World, signed_in

N = 60
P = np.array([0.9] * 29 + [0.3] + [0.1] * 29 + [0.8])  # half are failures; one of each looks odd
Y = np.arange(N) < 30


@pytest.fixture
def made(world: World) -> EnsembleVersion:
    """An ensemble at the threshold of .5 that has judged three cases, settled but for the last."""
    made = keep_ensemble(world)
    gold = unsaved_gold(world, Y, [f"s{n}" for n in range(N)], [{}] * N)
    made.payload = who_decides.kept(P, gold)
    made.report |= {who_decides.PERSON: who_decides.report_of(P, gold, threshold=0.5)}
    made.save()
    return made


def judged(world: World, score: float, **fields: Any) -> Case:
    case = world.make_case(**fields)
    world.judged(case, "yes" if score >= 0.5 else "no", revision="e1", score=score)
    return case


def panel(world: World, case: Case, user: Any) -> str | None:
    """What the case's panel says; None where it is not to be seen, on the page neither."""
    client = signed_in(Client(), user)
    address = f"/p/{world.project.slug}/cases/{case.pk}/decided/"
    answer = client.get(address, headers={"HX-Request": "true"})
    listed = address in client.get(f"/p/{world.project.slug}/cases/{case.pk}/").content.decode()
    assert listed == (answer.status_code == 200)
    return answer.content.decode() if answer.status_code == 200 else None


def test_a_clear_case_is_decided_and_an_odd_one_goes_to_a_person(
    world: World, made: EnsembleVersion
) -> None:
    said = {}
    for score in (0.95, 0.5):
        case = judged(world, score)
        world.settle(case, harm="yes")
        said[score] = panel(world, case, world.viewer) or ""
    assert "would decide this case</strong>: a failure" in said[0.95]
    assert "would send this to a person" in said[0.5]
    assert "unlike that of either answer" in said[0.5]


def test_one_answer_that_is_not_the_thresholds_is_no_decision(
    world: World, made: EnsembleVersion
) -> None:
    EnsembleVersion.objects.update(threshold=0.99)
    case = judged(world, 0.95)
    world.settle(case, harm="yes")
    told = who_decides.told_of(case, world.member(world.viewer))
    assert told is not None
    assert not told.decides
    assert "too low for the threshold" in told.why


def test_a_gold_case_is_judged_without_its_own_family(world: World, made: EnsembleVersion) -> None:
    case = judged(world, 0.8)
    world.settle(case, harm="no")
    whole = who_decides.told_of(case, world.member(world.viewer))
    made.payload[who_decides.GOLD][str(case.pk)] = [0.42, 0.25]
    made.save()
    own = who_decides.told_of(case, world.member(world.viewer))
    assert whole is not None
    assert own is not None
    assert (whole.positive, whole.negative) == (2 / 31, 2 / 31)
    assert (own.positive, own.negative) == (0.42, 0.25)
    assert not own.decides
    assert "leaves both answers open" in own.why
    odd = made.payload[who_decides.GOLD][
        str(FIRST + 59)
    ]  # the other case at .8 is itself: 0 of 29 others
    assert odd[1] == round(1 / 30, 6)


def test_nobody_learns_it_while_the_case_is_labelled(world: World, made: EnsembleVersion) -> None:
    case = judged(world, 0.5)
    world.give(world.ann1, case, harm="yes")
    for user in (world.lead, world.viewer, world.adjudicator, world.ann1, world.ann2):
        assert panel(world, case, user) is None


def test_annotators_never_learn_it_and_adjudicators_after_their_own_answer(
    world: World, made: EnsembleVersion
) -> None:
    case = judged(world, 0.5)
    world.disagree(case)
    assert panel(world, case, world.adjudicator) is None
    assert panel(world, case, world.ann1) is None
    assert panel(world, case, world.viewer) is not None
    world.decide(world.adjudicator, case, "yes")
    assert panel(world, case, world.adjudicator) is not None
    assert panel(world, case, world.ann1) is None
    assert signed_in(Client(), world.stranger).get(
        f"/p/{world.project.slug}/cases/{case.pk}/decided/"
    ).status_code == 404  # fmt: skip


def test_what_an_older_version_did_not_keep_is_not_told(
    world: World, made: EnsembleVersion
) -> None:
    made.payload = {}
    made.save()
    case = judged(world, 0.5)
    world.settle(case, harm="yes")
    assert panel(world, case, world.viewer) is None


def test_gold_is_measured_by_stratum_and_by_level(world: World) -> None:
    kinds = [{"kind": "context-dependent" if n % 3 else "obvious"} for n in range(N)]
    gold = unsaved_gold(world, Y, [f"s{n}" for n in range(N)], kinds)
    report = who_decides.report_of(P, gold, threshold=0.5)
    assert [row["stratum"] for row in report["rows"]] == ["", "context-dependent", "obvious"]
    every = report["rows"][0]
    assert (every["n"], every["to_person"]["value"], every["wrong"]["value"]) == (60, 2 / 60, 0.0)
    assert [one["alpha"] for one in report["levels"]] == sorted(who_decides.ALPHAS)
    assert report["notes"] == []
    few = unsaved_gold(world, Y[26:34], [f"s{n}" for n in range(8)], kinds[:8])
    told = who_decides.report_of(P[26:34], few, threshold=0.5)
    assert told["rows"][0]["to_person"]["value"] == 1
    assert len(told["notes"]) == 2
