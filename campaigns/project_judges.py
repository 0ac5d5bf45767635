"""The judges of one project: the listed ones with its own rules, and the one that knows its effects."""

from collections.abc import Sequence

from campaigns import effects, lexical_rules
from campaigns.embeddings import Encode
from campaigns.judging.effects.judge import EffectsJudge
from campaigns.judging.effects.weighing import DEFAULTS
from campaigns.judging.members import Judge
from campaigns.models import Campaign


def judges_to_fit(
    campaign: Campaign, listed: Sequence[Judge], *, encode: Encode, encoder: str
) -> tuple[Judge, ...]:
    """What a calibration fits; effects only where people told of enough of them."""
    mine = effects.judge_for(campaign, encode, encoder)
    return (*lexical_rules.with_rules(listed, campaign), *([mine] if mine else []))


def judges_to_restore(listed: Sequence[Judge], *, encode: Encode, encoder: str) -> dict[str, Judge]:
    """By name, what reads a fitted judge back; what it learnt, rules too, is in its payload."""
    mine: Judge = EffectsJudge(encode, encoder, {}, DEFAULTS)
    return {judge.name: judge for judge in (*listed, mine)}
