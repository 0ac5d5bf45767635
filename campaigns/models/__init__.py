"""The tables of the campaigns floor, one subject a file."""

from campaigns.models.asked_judge import (
    HarmWeights,
    ModelAnswer,
    ModelJudge,
    PredictedEffects,
    RuleSet,
)
from campaigns.models.campaign import KEY_VARIABLE, Behavior, Campaign, Target
from campaigns.models.judge import Embedding, EnsembleMember, EnsembleVersion, WeightPart
from campaigns.models.proposal import Proposal
from campaigns.models.round import Candidate, Round

__all__ = [
    "KEY_VARIABLE",
    "Behavior",
    "Campaign",
    "Candidate",
    "Embedding",
    "EnsembleMember",
    "EnsembleVersion",
    "HarmWeights",
    "ModelAnswer",
    "ModelJudge",
    "PredictedEffects",
    "Proposal",
    "Round",
    "RuleSet",
    "Target",
    "WeightPart",
]
