"""Every combination of judges: what gets past it, what it blocks for nothing, what each judge adds."""

from campaigns.judging.evasion.combining import (
    JudgeRow,
    by_stratum,
    check_verdicts,
    combinations,
    distinct,
    judge_table,
    landscapes_by,
    pareto_front,
)
from campaigns.judging.evasion.counting import MOST_JUDGES, RULES
from campaigns.judging.evasion.landscape import Combination, Landscape, Options

__all__ = [
    "MOST_JUDGES",
    "RULES",
    "Combination",
    "JudgeRow",
    "Landscape",
    "Options",
    "by_stratum",
    "check_verdicts",
    "combinations",
    "distinct",
    "judge_table",
    "landscapes_by",
    "pareto_front",
]
