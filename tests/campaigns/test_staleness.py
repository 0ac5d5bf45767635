"""An ensemble goes stale when its question or its gold changes, and helps nobody from then on."""

import pytest

from annotations import releases, rubrics
from annotations.models import AuditEvent, Gold, Rater
from annotations.statuses import RaterKind
from campaigns import effects, launch, staleness
from campaigns.models import EnsembleMember, EnsembleVersion
from campaigns.statuses import EnsembleStatus
from tests.world import World


@pytest.fixture
def made(world: World) -> EnsembleVersion:
    """An ensemble that learnt from one settled case."""
    world.settle(world.make_case(), harm="yes")
    campaign = launch.start_campaign(world.project, by=world.lead, round_size=8)
    rater = Rater.objects.create(
        project=world.project, kind=RaterKind.JUDGE, name="ensemble", revision="e1"
    )
    return EnsembleVersion.objects.create(
        campaign=campaign, round=launch.open_round(campaign, by=None), number=1, rater=rater,
        criterion=world.harm.criterion, gold=releases.release(world.project, by=world.lead),
        revision="e1", threshold=0.5, payload={},
    )  # fmt: skip


def reword(world: World, definition: str) -> None:
    draft = rubrics.draft(world.project, by=world.lead)
    question = draft.criteria.get(criterion=world.harm.criterion)
    question.definition = definition
    question.save()
    rubrics.release(draft, by=world.lead)


def fresh(made: EnsembleVersion) -> EnsembleVersion:
    return EnsembleVersion.objects.get(pk=made.pk)


def test_as_long_as_nothing_changes_it_is_current(world: World, made: EnsembleVersion) -> None:
    world.settle(world.make_case(), harm="yes")  # new gold is told, it makes nothing wrong
    staleness.sweep()
    assert fresh(made).status == EnsembleStatus.CURRENT
    assert staleness.new_gold(made) == 1


def test_another_wording_of_its_question_makes_it_stale(
    world: World, made: EnsembleVersion
) -> None:
    reword(world, "Harm to anybody, also to people who are not there.")
    staleness.sweep()
    assert fresh(made).status == EnsembleStatus.STALE
    assert "reads otherwise" in staleness.changes_since(fresh(made))[0]
    assert "definition" in AuditEvent.objects.filter(verb="marked ensemble stale").get().data["why"]


def test_the_same_wording_in_a_new_version_changes_nothing(
    world: World, made: EnsembleVersion
) -> None:
    reword(world, world.harm.definition)
    assert staleness.changes_since(fresh(made)) == []


def test_a_changed_gold_answer_makes_it_stale(world: World, made: EnsembleVersion) -> None:
    gold = Gold.objects.filter(project=world.project).earliest("pk")
    Gold.objects.filter(pk=gold.pk).update(superseded_at=fresh(made).created_at)
    assert staleness.mark_if_stale(fresh(made))
    assert "1 gold answer of" in staleness.changes_since(fresh(made))[0]
    assert not staleness.mark_if_stale(fresh(made))  # once


def test_a_stale_ensemble_helps_in_no_new_round(world: World, made: EnsembleVersion) -> None:
    made.round.status = "closed"
    made.round.save()
    EnsembleVersion.objects.update(status=EnsembleStatus.STALE)
    assert launch.open_round(made.campaign, by=None).ensemble is None


def test_other_weights_of_effects_make_it_stale_where_the_judge_of_effects_is_in_it(
    world: World, made: EnsembleVersion
) -> None:
    before = effects.plain(effects.weights_of(made.campaign))
    EnsembleMember.objects.create(
        ensemble=made, payload={"name": "effects", "weights": before},
        rater=Rater.objects.create(
            project=world.project, kind=RaterKind.JUDGE, name="effects", revision="f1"
        ),
    )  # fmt: skip
    assert staleness.changes_since(made) == []
    word = next(iter(before["scale"]))
    other = {**before, "scale": {**before["scale"], word: 0.123}}
    effects.set_weights(made.campaign, other, by=world.lead)
    assert "What effects weigh was changed" in staleness.changes_since(made)[0]
    staleness.sweep()
    assert fresh(made).status == EnsembleStatus.STALE
