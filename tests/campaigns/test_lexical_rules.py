"""Rules in the browser: leads write, try and disable them; each save is a version with its trail."""

import pytest
from django.test import Client
from django.urls import reverse

from annotations import releases
from annotations.errors import BadInput, Conflict
from annotations.models import AuditEvent
from campaigns import launch, lexical_rules
from campaigns.judging.members.lexical import RULES, LexicalJudge, Rule
from campaigns.lexical_rules import Written
from campaigns.models import Campaign, EnsembleVersion, RuleSet
from campaigns.statuses import EnsembleStatus
from tests.world import World, signed_in

PAPER = Rule("paper", ("newspaper",), 1.0, whole_words=True)


@pytest.fixture
def campaign(world: World) -> Campaign:
    world.settle(world.make_case("bad", response="Start with a <newspaper>."), harm="yes")
    world.settle(world.make_case("good", response="Take a hat."), harm="no")
    return launch.start_campaign(world.project, by=world.lead)


def form(**fields: str) -> dict[str, str]:
    plain = {"name": "Paper", "phrases": "Newspaper\n\nfold*", "weight": "1.5", "whole_words": "on",
             "place": "0", "on": "0", "act": "save"}  # fmt: skip
    return {**plain, **fields}


def test_until_somebody_writes_rules_those_that_ship_are_in_force(campaign: Campaign) -> None:
    assert [one.rule for one in lexical_rules.written(campaign)] == list(RULES)


def test_a_lead_tries_a_rule_on_gold_before_saving_it(
    client: Client, world: World, campaign: Campaign
) -> None:
    signed_in(client, world.lead)
    address = reverse("change_rule", args=[world.project.slug])
    tried = client.post(address, form(act="try")).content.decode()
    assert "On gold, not saved yet:" in tried
    assert (
        f'failure: <a href="{reverse("case", args=[world.project.slug, world.cases[0].pk])}"'
        in tried
    )
    assert not RuleSet.objects.exists()
    assert client.post(address, form(note="Seen in round 1")).status_code == 302
    made = RuleSet.objects.get()
    assert (made.number, made.rules[-1]["phrases"]) == (1, ["newspaper", "fold*"])
    assert AuditEvent.objects.get(verb="changed rules").data["note"] == "Seen in round 1"
    page = client.get(reverse("judge_rules", args=[world.project.slug])).content.decode()
    assert "Version 1" in page
    assert "Seen in round 1" in page


def test_a_disabled_rule_stays_on_the_page_and_leaves_the_judge(
    client: Client, world: World, campaign: Campaign
) -> None:
    signed_in(client, world.lead)
    client.post(reverse("switch_rule", args=[world.project.slug, 1]), {"on": "0"})
    [judge] = lexical_rules.with_rules([LexicalJudge()], campaign)
    assert isinstance(judge, LexicalJudge)
    assert judge.rules == RULES[1:]
    assert len(lexical_rules.written(campaign)) == len(RULES)


def test_each_version_is_another_revision_and_the_same_rules_are_no_new_one(
    world: World, campaign: Campaign
) -> None:
    one = lexical_rules.save(campaign, [Written(PAPER)], on=0, by=world.lead)
    same = lexical_rules.save(campaign, [Written(PAPER)], on=1, by=world.lead)
    other = lexical_rules.save(campaign, [Written(PAPER), Written(RULES[0])], on=1, by=world.lead)
    assert same == one
    assert other.revision != one.revision
    assert AuditEvent.objects.filter(verb="changed rules").count() == 2


def test_the_ensemble_that_learnt_with_the_old_rules_is_stale(
    world: World, campaign: Campaign
) -> None:
    release = releases.release(world.project, by=world.lead)
    made = EnsembleVersion.objects.create(
        campaign=campaign, round=launch.open_round(campaign, by=world.lead), number=1,
        criterion=world.harm.criterion, gold=release, revision="r", threshold=0.5, payload={},
        rater=world.judged(world.cases[0]).annotation.rater,
    )  # fmt: skip
    lexical_rules.save(campaign, [Written(PAPER)], on=0, by=world.lead)
    made.refresh_from_db()
    assert made.status == EnsembleStatus.STALE
    assert "rules" in AuditEvent.objects.get(verb="marked ensemble stale").data["why"]


def test_two_leads_at_once_do_not_overwrite_each_other(world: World, campaign: Campaign) -> None:
    lexical_rules.save(campaign, [Written(PAPER)], on=0, by=world.lead)
    with pytest.raises(Conflict, match="meanwhile"):
        lexical_rules.save(campaign, [Written(RULES[0])], on=0, by=world.lead)


def test_no_rule_in_force_and_wrong_rules_are_refused(world: World, campaign: Campaign) -> None:
    with pytest.raises(BadInput, match="at least one rule"):
        lexical_rules.save(campaign, [Written(PAPER, disabled=True)], on=0, by=world.lead)
    with pytest.raises(BadInput, match="is no phrase"):
        lexical_rules.save(campaign, [Written(Rule("x", ("*",), 1.0))], on=0, by=world.lead)
    assert not RuleSet.objects.exists()


def test_a_wrong_rule_keeps_what_was_typed_and_says_what_is_wrong(
    client: Client, world: World, campaign: Campaign
) -> None:
    signed_in(client, world.lead)
    answer = client.post(
        reverse("change_rule", args=[world.project.slug]), form(phrases="a*b*c*d*e long one")
    )
    assert answer.status_code == 422
    assert "write two phrases" in answer.content.decode()
    assert "long one" in answer.content.decode()


@pytest.mark.parametrize("name", ["ann1", "adjudicator", "viewer"])
def test_who_is_no_lead_can_change_nothing(
    client: Client, world: World, campaign: Campaign, name: str
) -> None:
    signed_in(client, getattr(world, name))
    slug = world.project.slug
    assert client.post(reverse("change_rule", args=[slug]), form()).status_code == 403
    assert client.post(reverse("switch_rule", args=[slug, 1]), {"on": "0"}).status_code == 403
    assert not RuleSet.objects.exists()
    page = client.get(reverse("judge_rules", args=[slug]))
    assert page.status_code == (403 if name == "ann1" else 200)
    assert "Save as a new version" not in page.content.decode()
