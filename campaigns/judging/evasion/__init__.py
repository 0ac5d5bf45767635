"""Every combination of judges: what gets past it, what it blocks for nothing, what each judge adds."""

from campaigns.judging.evasion.combining import (
    Combination,
    JudgeRow,
    Options,
    by_stratum,
    check_verdicts,
    combinations,
    distinct,
    judge_table,
    pareto_front,
)
from campaigns.judging.evasion.counting import MOST_JUDGES, RULES

__all__ = [
    "MOST_JUDGES",
    "RULES",
    "Combination",
    "JudgeRow",
    "Options",
    "by_stratum",
    "check_verdicts",
    "combinations",
    "distinct",
    "judge_table",
    "pareto_front",
]
