"""What a calibration found, as the judges page shows it: judges alone, the ensemble, strata, targets."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from annotations.models import Case
from campaigns import evasion
from campaigns.embeddings import Encoder
from campaigns.gold_sets import Floats, GoldSet
from campaigns.judging.ensemble import Ensemble
from campaigns.judging.evasion import judge_table

ENSEMBLE = "ensemble"
MOST_VALUES = 12  # of a stratum that is worth a breakdown


def report_of(
    gold: GoldSet, scores: Floats, p: Floats, names: Sequence[str], thresholds: Sequence[float],
    ensemble: Ensemble, coder: Encoder, failures: Any,
) -> dict[str, Any]:  # fmt: skip
    """What the judges page shows, and the verdicts that evasion's page counts."""
    fires = np.where(np.isnan(scores), np.nan, (scores >= np.array(thresholds)).astype(float))
    reads_texts = any(example.has_text for example in gold.examples)
    decided = np.where(np.isnan(p), np.nan, (p >= ensemble.threshold.value).astype(float))
    drawn = gold.drawn
    with_all = np.column_stack([fires, decided])[drawn]
    table = judge_table(with_all, gold.y[drawn], names=[*names, ENSEMBLE])
    return {
        "n": len(gold.y),
        "drawn": int(drawn.sum()),
        "positives": int(gold.y.sum()),
        "criterion": gold.criterion.key,
        "positive_answers": gold.criterion.positive,
        "encoder": coder.name if reads_texts else "none: these cases have no texts",
        "encoder_note": coder.note if reads_texts else "",
        "failures": dict(failures),
        "judges": [asdict(row) for row in table],
        "strata": by_strata(gold.cases, decided, gold.y),
        "evasion": evasion.stored(
            gold.cases, fires, gold.y, names=names, bound=ensemble.threshold.stated
        ),
        "quality": asdict(ensemble.quality),
        "threshold": asdict(ensemble.threshold),
        "members": [asdict(member) for member in ensemble.members],
    }


def by_strata(
    cases: Sequence[Case], decided: Floats, y: npt.NDArray[np.bool_]
) -> dict[str, list[dict[str, Any]]]:
    """The ensemble's evasion and over-blocking within each value of each stratum of 2 to 12 values."""
    names = sorted({name for case in cases for name in case.strata})
    found = {}
    for name in names:
        of = np.array([str(case.strata.get(name, "none")) for case in cases])
        values = np.unique(of)
        if 2 <= len(values) <= MOST_VALUES:
            rows = ((value, judge_table(decided[of == value, None], y[of == value], names=[ENSEMBLE])[0])
                    for value in values)  # fmt: skip
            found[name] = [
                {"value": str(value), "evasion": asdict(row.evasion),
                 "over_block": asdict(row.over_block)}
                for value, row in rows
            ]  # fmt: skip
    return found
