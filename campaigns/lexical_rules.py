"""The lexical judge's rules of a project: written by leads, kept as versions, tried on gold at once.

A new version is another judge: the ensemble that learnt with the old one is stale from then on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.contrib.auth.models import User
from django.db import transaction

from annotations import audit
from annotations.errors import BadInput, Conflict
from annotations.measurement.inference import proportion
from annotations.measurement.results import Estimate, undefined
from annotations.models import Case
from campaigns.judging.examples import Example
from campaigns.judging.linear import Bools, revision_of
from campaigns.judging.members.base import Judge
from campaigns.judging.members.lexical import RULES, LexicalJudge, Rule, check_rules, plain
from campaigns.models import Campaign, EnsembleVersion, RuleSet
from campaigns.statuses import EnsembleStatus

MOST_LINKS = 20


@dataclass(frozen=True)
class Written:
    """One rule as it is kept; a disabled one stays on the page and has no part in the judge."""

    rule: Rule
    disabled: bool = False

    def as_json(self) -> dict[str, Any]:
        return {**self.rule.as_json(), "disabled": self.disabled}


@dataclass(frozen=True)
class Tried:
    """What one rule finds in gold, with the first of the cases."""

    in_failures: Estimate
    in_others: Estimate
    failures: tuple[Case, ...]
    others: tuple[Case, ...]


def newest(campaign: Campaign) -> RuleSet | None:
    """The rules in force; None: those that ship."""
    return campaign.rule_sets.order_by("-number").first()


def written(campaign: Campaign) -> list[Written]:
    """All rules in force, with those that are disabled."""
    kept = newest(campaign)
    if kept is None:
        return [Written(rule) for rule in RULES]
    return [Written(Rule.from_json(row), bool(row.get("disabled"))) for row in kept.rules]


def with_rules(members: Sequence[Judge], campaign: Campaign) -> tuple[Judge, ...]:
    """The judges, the lexical one with the rules of this campaign."""
    rules = tuple(one.rule for one in written(campaign) if not one.disabled)
    mine: Judge = LexicalJudge(rules)
    return tuple(mine if member.name == mine.name else member for member in members)


@transaction.atomic
def save(
    campaign: Campaign, rules: Sequence[Written], *, on: int, by: User, note: str = ""
) -> RuleSet:
    """A new version of the rules, made on version `on` (0: those that ship).

    Raises `Conflict` where somebody saved another one meanwhile, `BadInput` for what is wrong. The
    same rules again are the version that is there.
    """
    Campaign.objects.select_for_update().get(pk=campaign.pk)
    before = newest(campaign)
    number = before.number if before else 0
    if number != on:
        raise Conflict("Somebody has changed the rules meanwhile: look at them, then try again.")
    problems = check_rules([one.rule for one in rules])
    if not any(not one.disabled for one in rules):
        problems.append("Leave at least one rule in force.")
    if problems:
        raise BadInput(" ".join(problems[:3]), problems)
    kept = [one.as_json() for one in rules]
    if before is not None and before.rules == kept:
        return before
    made = RuleSet.objects.create(
        campaign=campaign, number=number + 1, rules=kept, note=note[:200], created_by=by,
        revision=revision_of({"rules": [row for row in kept if not row["disabled"]]}),
    )  # fmt: skip
    audit.record("changed rules", made, project=campaign.project, by=by, note=note[:200],
                 revision=made.revision)  # fmt: skip
    mark_stale(campaign, by=by)
    return made


def mark_stale(campaign: Campaign, *, by: User) -> None:
    """The current ensemble learnt with other rules."""
    current = EnsembleVersion.objects.filter(campaign=campaign, status=EnsembleStatus.CURRENT)
    for one in current.select_for_update():
        one.status = EnsembleStatus.STALE
        one.save(update_fields=["status"])
        audit.record("marked ensemble stale", one, project=campaign.project, by=by,
                     why="the rules of the lexical judge changed")  # fmt: skip


def try_rule(rule: Rule, cases: Sequence[Case], examples: Sequence[Example], y: Bools) -> Tried:
    """Where the rule finds something, among gold failures and among the others with an answer."""
    read = np.array([example.has_text for example in examples], dtype=bool)
    hit = [bool(rule.hits(plain(example.answer))) for example in examples]
    failures = [case for case, found, bad in zip(cases, hit, y, strict=True) if found and bad]
    others = [case for case, found, bad in zip(cases, hit, y, strict=True) if found and not bad]
    return Tried(
        _share(len(failures), int((y & read).sum()), "no failure in gold has an answer to read"),
        _share(len(others), int((~y & read).sum()), "no other case in gold has an answer to read"),
        tuple(failures[:MOST_LINKS]),
        tuple(others[:MOST_LINKS]),
    )


def _share(k: int, n: int, reason: str) -> Estimate:
    return proportion(k, n) if n else undefined(reason, n=0, method="Wilson score interval")
