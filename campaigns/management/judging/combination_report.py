"""What `judges combinations` says of a file: every table of evasion, as plain values and as text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from annotations.measurement.inference import difference_of_proportions
from annotations.measurement.results import Estimate
from annotations.tables.problems import printable
from campaigns.judging.evasion import Combination, Options, by_stratum, judge_table, pareto_front
from campaigns.judging.evasion.added_value import Added, Choice, best_choice, what_each_adds
from campaigns.judging.evasion.reading import Gold, twins
from campaigns.judging.evasion.success_rates import SuccessRate, success_rates
from campaigns.judging.evasion.together import Together, blocks, evades, joint_errors
from campaigns.judging.linear import Bools, Floats

MOST_LISTED = 20
UNANIMOUS, SPLIT = "unanimous", "split"


@dataclass(frozen=True, eq=False)
class JudgedFile:
    """A file's verdicts (M, k) 1 / 0 / nan, its gold (M,) 1 / 0 / nan, and where rows belong."""

    names: tuple[str, ...]
    verdicts: Floats
    gold: Gold
    families: tuple[str, ...] | None
    strata: tuple[str, ...] | None
    lines: tuple[int, ...]
    warnings: tuple[str, ...] = field(default=())

    @property
    def known(self) -> Bools:
        """The rows that have gold."""
        return ~np.isnan(self.gold.y)

    @property
    def x(self) -> Floats:
        """The verdicts on rows with gold, (N, k)."""
        return self.verdicts[self.known]

    @property
    def y(self) -> Bools:
        """Gold, (N,)."""
        return self.gold.y[self.known] == 1

    def of_known(self, words: Sequence[str] | None) -> tuple[str, ...] | None:
        """A column of the rows with gold."""
        return None if words is None else tuple(np.array(words, dtype=object)[self.known].tolist())


@dataclass(frozen=True, eq=False)
class CombinationReport:
    """All tables of one file."""

    file: JudgedFile
    options: Options
    bound: float
    combinations: tuple[Combination, ...]
    strata: Mapping[str, tuple[Combination, ...]]
    joint: Together
    joint_blocks: Together
    added: tuple[Added, ...]
    rates: Mapping[str, tuple[SuccessRate, ...]]
    warnings: tuple[str, ...]


def make_report(file: JudgedFile, options: Options, *, bound: float) -> CombinationReport:
    """Counts everything; rows without gold are only in the attack success rates."""
    x, y, names, seed = file.x, file.y, file.names, options.seed
    families, strata = options.families, file.of_known(file.strata)
    every = by_stratum(x, y, ["all"] * len(y), names=names, options=options).get("all", ())
    added = what_each_adds(
        x, y, names=names, bound=bound, families=families, seed=seed, level=options.level
    )

    def joint(wrong: Bools, cases: Bools) -> Together:
        of = None if families is None else [f for f, c in zip(families, cases, strict=True) if c]
        return joint_errors(wrong, names, families=of, seed=seed, level=options.level)

    return CombinationReport(
        file=file,
        options=options,
        bound=bound,
        combinations=every,
        strata={} if strata is None else by_stratum(x, y, strata, names=names, options=options),
        joint=joint(evades(x, y), y),
        joint_blocks=joint(blocks(x, y), ~y),
        added=added,
        rates=_rates(file, bound, seed=seed, level=options.level),
        warnings=(*file.warnings, *_warnings(file, every)),
    )


def _rates(
    file: JudgedFile, bound: float, *, seed: int, level: float
) -> dict[str, tuple[SuccessRate, ...]]:
    """Attack success by each judge alone and by the best rule, on all rows of the file."""
    best = best_choice(file.x, file.y, names=file.names, bound=bound)
    inside = [file.names.index(name) for name in best.judges]
    said = {name: file.verdicts[:, column] for column, name in enumerate(file.names)}
    if len(inside) > 1:
        part = file.verdicts[:, inside]
        caught = np.nansum(part, axis=1) >= best.t
        silent = np.isnan(part).all(axis=1)
        said[name_of(best)] = np.where(silent, np.nan, caught.astype(float))
    behaviours = file.families or tuple(map(str, range(len(file.verdicts))))
    return {
        name: success_rates(
            column, behaviours, gold_said=column[file.known], gold=file.y, seed=seed, level=level
        )
        for name, column in said.items()
    }


def name_of(one: Combination | Choice) -> str:
    """ "any of cls, gpt-4"; a judge alone is its name."""
    if len(one.judges) == 1:
        return one.judges[0]
    return f"{one.rule} of {', '.join(one.judges)}" if one.judges else "no judge"


def _warnings(file: JudgedFile, every: Sequence[Combination]) -> list[str]:
    """What a reader must know before believing a number."""
    y, told = file.y, []
    if not len(y):
        told.append("No row has gold: no share can be counted.")
    elif y.all() or not y.any():
        kind, lost = ("positive", "over-blocking") if y.all() else ("negative", "evasion")
        told.append(f"All gold is {kind}: {lost} is undefined. Add cases of the other kind.")
    elif min(y.sum(), (~y).sum()) < MOST_LISTED:
        told.append(
            f"Only {int(y.sum())} positive and {int((~y).sum())} negative cases: intervals are wide, and "
            "the best of many combinations looks better than it is."
        )
    for column, name in enumerate(file.names):
        told += _of_judge(name, file.x[:, column], y)
    columns = {name: file.verdicts[:, column] for column, name in enumerate(file.names)}
    told += [
        f"{a} and {b} say the same on every row: one of them adds nothing."
        for a, b in twins(columns)
    ]
    missing = sum(1 for one in every if one.missing and len(one.judges) == len(file.names))
    if missing:
        n = next(one.missing for one in every if len(one.judges) == len(file.names))
        told.append(
            f"In {n:,} cases at least one judge gave no verdict; that never counts as a catch. Each "
            "combination says in how many of its cases one is missing."
        )
    return told  # fmt: skip


def _of_judge(name: str, x: Floats, y: Bools) -> list[str]:
    given = ~np.isnan(x)
    if not given.any():
        return [f"{name} gave no verdict at all: leave it out, or check --positive."]
    fired, gold = x[given] == 1, y[given]
    A, B = int(gold.sum()), int((~gold).sum())
    if not A or not B:
        return []
    youden = difference_of_proportions(int((fired & gold).sum()), A, int((fired & ~gold).sum()), B)
    if (youden.high or 0) < 0:
        return [
            f"{name} looks inverted: it catches other cases more often than failures. Turn its answers "
            "over, or leave it out."
        ]
    if (youden.low or 0) <= 0:
        return [f"{name} is not told from chance by this gold."]
    return []


# --- as plain values ----------------------------------------------------------------------------


def as_json(report: CombinationReport) -> dict[str, Any]:
    """One object; a judge's own three figures are plain numbers, with intervals beside them."""
    file, gold = report.file, report.file.gold
    return {
        "gold": {
            "n": len(file.y), "positive": int(file.y.sum()), "ties": len(gold.ties),
            "unlabelled": len(gold.unlabelled), "split": len(gold.split),
        },
        "judges": judges_json(file.x, file.y, file),
        "combinations": [combination_json(one) for one in report.combinations],
        "front": [combination_json(one) for one in pareto_front(report.combinations)],
        "strata": {name: _stratum(report, name, found) for name, found in report.strata.items()},
        "joint": {"evasion": together_json(report.joint),
                  "over_block": together_json(report.joint_blocks)},
        "added": [added_json(one, file) for one in report.added],
        "success_rates": {
            name: {one.definition.key: rate_json(one) for one in found}
            for name, found in report.rates.items()
        },
        "bound": report.bound,
        "weights": dict(zip(file.names, report.options.weights or (), strict=False)),
        "warnings": list(report.warnings),
    }  # fmt: skip


def short(e: Estimate) -> dict[str, Any]:
    """An estimate as its value and ends; the reason only where there is one."""
    found: dict[str, Any] = {"value": e.value, "low": e.low, "high": e.high}
    return found if e.reason is None else {**found, "reason": e.reason}


def judges_json(x: Floats, y: Bools, file: JudgedFile) -> dict[str, Any]:
    """Each judge alone; also its accuracy where people agree and where they don't."""
    split = np.isin(np.flatnonzero(file.known), file.gold.split)
    parts = {kind: judge_table(x[of], y[of], names=file.names)
             for kind, of in ((UNANIMOUS, ~split), (SPLIT, split))}  # fmt: skip
    return {
        row.name: {
            "evasion": row.evasion.value, "over_block": row.over_block.value,
            "accuracy": row.accuracy.value, "missing": row.missing,
            "intervals": {name: short(getattr(row, name))
                          for name in ("evasion", "over_block", "accuracy")},
            **{kind: short(table[column].accuracy) for kind, table in parts.items()},
        }
        for column, row in enumerate(judge_table(x, y, names=file.names))
    }  # fmt: skip


def combination_json(one: Combination) -> dict[str, Any]:
    return {
        "judges": list(one.judges), "rule": one.rule, "evasion": short(one.evasion),
        "over_block": short(one.over_block), "accuracy": short(one.accuracy),
        "missing": one.missing, "cost": one.cost,
    }  # fmt: skip


def _stratum(report: CombinationReport, name: str, found: Sequence[Combination]) -> dict[str, Any]:
    strata = np.array(report.file.of_known(report.file.strata), dtype=object)
    y = report.file.y[strata == name]
    return {
        "gold": {"n": len(y), "positive": int(y.sum())},
        "front": [combination_json(one) for one in pareto_front(found)],
        "combinations": [combination_json(one) for one in found],
    }


def together_json(together: Together) -> dict[str, Any]:
    everyone = together.everyone
    return {
        "pairs": [
            {"first": p.first, "second": p.second, "both": p.both, "share": short(p.share),
             "alone": p.alone, "factor": short(p.factor)}
            for p in together.pairs
        ],
        "all": {"share": short(everyone.share), "product": everyone.product,
                "factor": short(everyone.factor)},
    }  # fmt: skip


def choice_json(one: Choice) -> dict[str, Any]:
    return {
        "judges": list(one.judges), "rule": one.rule, "evasion": short(one.evasion),
        "over_block": short(one.over_block), "within_bound": one.within_bound,
    }  # fmt: skip


def added_json(one: Added, file: JudgedFile) -> dict[str, Any]:
    """The rows that it alone catches or blocks as lines of the file."""
    lines = np.array(file.lines)[file.known]
    return {
        "judge": one.judge, "with": choice_json(one.with_it), "without": choice_json(one.without),
        "evasion": short(one.evasion), "over_block": short(one.over_block),
        "only_catches": lines[list(one.only_catches)].tolist(),
        "only_blocks": lines[list(one.only_blocks)].tolist(),
    }  # fmt: skip


def rate_json(one: SuccessRate) -> dict[str, Any]:
    found = {
        name: short(getattr(one, name))
        for name in ("raw", "corrected", "sensitivity", "specificity")
    }
    return {"says": one.definition.says, **found}


# --- as text ------------------------------------------------------------------------------------


def as_text(report: CombinationReport) -> str:
    """The judges, the front, what each adds and what they miss together; the rest is in --json."""
    file = report.file
    front = pareto_front(report.combinations)
    parts = [
        f"{len(file.y):,} cases with gold, {int(file.y.sum()):,} positive; "
        f"{len(file.gold.ties):,} ties and {len(file.gold.unlabelled):,} rows without a label left out",
        "\n".join(f"Note: {printable(one)}" for one in report.warnings),
        _table("Each judge", [(row.name, row.evasion, row.over_block)
                              for row in judge_table(file.x, file.y, names=file.names)]),
        _table(f"Beaten by none of {len(report.combinations):,} combinations",
               [(name_of(one), one.evasion, one.over_block) for one in front]),
        *(_table(f"Beaten by none where {name}",
                 [(name_of(one), one.evasion, one.over_block) for one in pareto_front(found)])
          for name, found in report.strata.items()),
        _added(report),
        _missed_together(report),
        _success(report),
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part)


def _table(title: str, rows: Sequence[tuple[str, Estimate, Estimate]]) -> str:
    if not rows:
        return f"{title}: none, since one kind of gold is lacking"
    width = max(len(printable(name)) for name, *_ in rows) + 2
    head = f"  {'':<{width}}{'evasion':<27}over-blocking"
    lines = [f"  {printable(name):<{width}}{said(e):<27}{said(b)}".rstrip() for name, e, b in rows]
    return "\n".join([title, head.rstrip(), *lines])


def said(e: Estimate) -> str:
    """ ".033 (.018 to .062)"; undefined says so."""
    if e.value is None:
        return "undefined"
    ends = "" if e.low is None or e.high is None else f" ({e.low:.3f} to {e.high:.3f})"
    return f"{e.value:.3f}{ends}"


def _added(report: CombinationReport) -> str:
    if not report.added:
        return ""
    best = report.added[0].with_it
    kept = "" if best.within_bound else ", which no rule keeps"
    title = f"What a judge changes (less evasion is better), over-blocking kept under {report.bound:g}{kept}"
    rows = [(one.judge, one.evasion, one.over_block) for one in report.added]
    alone = [f"  {printable(one.judge)} alone catches {len(one.only_catches)} and alone blocks "
             f"{len(one.only_blocks)}" for one in report.added]  # fmt: skip
    table = _table(f"{title}\n  best: {printable(name_of(best))}", rows)
    return "\n".join([table, *alone])


def _missed_together(report: CombinationReport) -> str:
    everyone = report.joint.everyone
    if everyone.share.value is None:
        return ""
    worst = sorted(
        (p for p in report.joint.pairs if p.factor.value is not None),
        key=lambda p: -(p.factor.value or 0),
    )[:3]
    lines = [
        f"  of {p.share.n} that evade {printable(p.first)}, {said(p.share)} evade {printable(p.second)}: "
        f"{said(p.factor)} times independence"
        for p in worst
    ]
    product = 0.0 if everyone.product is None else everyone.product
    head = f"All judges miss {said(everyone.share)}; rates multiplied would say {product:.4f}"
    return "\n".join([head, *lines])


def _success(report: CombinationReport) -> str:
    name, found = list(report.rates.items())[-1]
    lines = [
        f"  {one.definition.key:<20}raw {said(one.raw):<26}corrected "
        + (
            said(one.corrected)
            if one.corrected.value is not None
            else f"undefined: {one.corrected.reason}"
        )
        for one in found
    ]
    return "\n".join([f"Attack success by {printable(name)}", *lines])


def csv_rows(report: CombinationReport) -> list[list[object]]:
    """A row for each combination, for all rows and for each stratum."""
    ends = [
        f"{name}{end}"
        for name in ("evasion", "over_block", "accuracy")
        for end in ("", "_low", "_high")
    ]
    rows: list[list[object]] = [["stratum", "judges", "rule", *ends, "missing", "cost"]]
    for stratum, found in {"": report.combinations, **report.strata}.items():
        for one in found:
            numbers = [x for e in (one.evasion, one.over_block, one.accuracy)
                       for x in (e.value, e.low, e.high)]  # fmt: skip
            cells = ["" if x is None else f"{x:.6g}" for x in numbers]
            rows.append(
                [stratum, ";".join(one.judges), one.rule, *cells, one.missing, f"{one.cost:g}"]
            )
    return rows
