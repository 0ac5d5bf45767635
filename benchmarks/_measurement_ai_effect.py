"""The effect of the AI: what the rule of suspension, the gate and the drift alarms do when simulated.

Projects are simulated whole: raters and cases with effects of their own, an AI that is right 84 % of
the time, arms drawn at random, disagreements adjudicated, and a look after every single answer.
"""

import argparse
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from scipy.special import expit

from annotations.measurement.agreement import krippendorff_alpha, specific_agreement
from annotations.measurement.bootstrap import Bootstrap
from annotations.measurement.counts import counts_from_matrix
from annotations.measurement.crossed import difference_of_shares
from annotations.measurement.drift import watch_rate, watch_share
from annotations.measurement.exposure import (
    Decided,
    Given,
    ai_errors,
    departing,
    drawn_to_ai,
    in_order,
    wrong,
)
from annotations.measurement.gate import State, decide
from annotations.measurement.inference import difference_of_proportions, proportion
from annotations.measurement.sequential import above_tolerated, against_blind, combine
from benchmarks._figures import Figure, note, show

ARMS = 3
START = datetime(2026, 1, 1)
AI_RIGHT = 0.84


@dataclass(frozen=True)
class World:
    """How a simulated project is."""

    raters: int = 20
    cases: int = 2_500
    overlap: int = 2
    reveal: float = 0.15
    evidence: float = 0.15
    sentinels: float = 0.02  # of the answers
    adoption: float = 0.0  # of conflicts, in both arms


@dataclass(frozen=True)
class Project:
    given: list[Given]
    decided: dict[tuple[object, object], Decided]
    ai: dict[tuple[object, object], str]
    settled: dict[tuple[object, object], str]
    planted: list[tuple[datetime, bool]]


def simulate(world: World, rng: np.random.Generator) -> Project:
    """People are right about 94.7 % of the time, less on hard cases, on which the AI errs more too."""
    skill = 3.4 + rng.normal(0, 0.5, world.raters)
    leaning = np.clip(rng.beta(3, 7, world.raters) / 0.3 * world.adoption, 0, 1)
    given, decided, planted = [], {}, []
    ai_said, settled = {}, {}
    minute = 0
    for case in range(world.cases):
        hard = rng.normal(0, 1.0)
        ai_right = rng.random() < expit(2.0 - hard)
        here: list[Given] = []
        blind = 0
        for rater in rng.permutation(world.raters):
            if blind == world.overlap:
                break
            minute += 1
            at = START + timedelta(minutes=minute)
            draw = rng.random()
            arm = "reveal" if draw < world.reveal else "blind"
            if world.reveal <= draw < world.reveal + world.evidence:
                arm = "evidence"
            first = str(int(rng.random() < expit(skill[rater] - hard)))
            ai = str(int(ai_right))
            takes = first != ai and rng.random() < leaning[rater]
            final = ai if takes and arm != "blind" else first
            if arm == "evidence":
                first = final
            here.append(Given(int(rater), (case, "harm"), arm, first, final, at))
            blind += arm != "evidence"
            if rng.random() < world.sentinels and rng.random() < expit(skill[rater] - hard):
                planted.append((at, bool(rng.random() < leaning[rater])))
        firsts = {one.first for one in here if one.arm != "evidence"}
        finals = {one.final for one in here if one.arm != "evidence"}
        if len(firsts | finals) > 1:
            decided[case, "harm"] = Decided("1", here[-1].at + timedelta(minutes=30))
        ai_said[case, "harm"] = str(int(ai_right))
        settled[case, "harm"] = "1" if len(firsts | finals) > 1 else finals.pop()
        given += here
    return Project(given, decided, ai_said, settled, planted)


def suspended(project: Project, arm: str) -> tuple[bool, float]:
    """Whether the rule ever suspends the arm, and after which share of the project."""
    processes = [
        against_blind("departures", in_order(departing(project.given, arm))),
        against_blind("wrong", in_order(wrong(project.given, project.decided, arm))),
    ]
    wrong_ai, contradicted = ai_errors(project.given, project.ai, project.settled)
    if 2 * wrong_ai > contradicted:
        rows = drawn_to_ai(project.given, project.ai, arm)
        processes.append(against_blind("drawn to the AI", in_order(rows)))
    if arm == "reveal":
        processes.append(above_tolerated("planted", project.planted))
    verdict = combine(processes, arms=ARMS)
    if verdict.crossed_at is None:
        return False, float("nan")
    whole = project.given[-1].at - START
    return True, (verdict.crossed_at - START) / whole


def rule(world: World, runs: int, seed: int) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    any_arm, by_arm, shares = 0, {"reveal": 0, "evidence": 0}, []
    for _ in range(runs):
        project = simulate(world, rng)
        found = {arm: suspended(project, arm) for arm in by_arm}
        any_arm += any(hit for hit, _ in found.values())
        for arm, (hit, share) in found.items():
            by_arm[arm] += hit
            if arm == "reveal" and hit:
                shares.append(share)
    return {
        "any": 100 * any_arm / runs,
        **{arm: 100 * hits / runs for arm, hits in by_arm.items()},
        "share": 100 * float(np.median(shares)) if shares else float("nan"),
    }


def naive_gap(runs: int, seed: int) -> float:
    """What a plain comparison on adjudicated cases says of an evidence arm without any effect."""
    rng = np.random.default_rng(seed)
    gaps = []
    for _ in range(runs):
        project = simulate(World(cases=1_500), rng)
        right: dict[str, list[bool]] = {"blind": [], "evidence": []}
        for one in project.given:
            if one.question in project.decided and one.arm in right:
                right[one.arm].append(one.final == "1")
        gaps.append(100 * (np.mean(right["evidence"]) - np.mean(right["blind"])))
    return float(np.mean(gaps))


def coverage(runs: int, seed: int) -> tuple[float, float]:
    """Of a difference of shares with effects of raters and items: two-way, and as if independent."""
    rng = np.random.default_rng(seed)
    raters, items, each, arm_share = 20, 300, 3, 0.15
    spread = rng.normal(0, np.hypot(0.8, 0.8), 400_000)
    own = rng.normal(0, 0.8, 400_000)
    truth = float((expit(-1.5 + spread + 0.8 + own) - expit(-1.5 + spread)).mean())
    covered, alone = 0, 0
    for _ in range(runs):
        u, v, s = (rng.normal(0, 0.8, n) for n in (raters, items, raters))
        rows: tuple[list[tuple[int, int, float]], list[tuple[int, int, float]]] = ([], [])
        for i in range(items):
            for g in rng.choice(raters, each, replace=False):
                helped = rng.random() < arm_share
                x = float(rng.random() < expit(-1.5 + u[g] + v[i] + (0.8 + s[g]) * helped))
                rows[0 if helped else 1].append((int(g), i, x))
        found = difference_of_shares(*rows)
        ks = [int(sum(x for _, _, x in side)) for side in rows]
        plain = difference_of_proportions(ks[0], len(rows[0]), ks[1], len(rows[1]))
        covered += found.low is not None and found.low <= truth <= (found.high or 0)
        alone += plain.low is not None and plain.low <= truth <= (plain.high or 0)
    return 100 * covered / runs, 100 * alone / runs


def gate_passes(base: float, flip: float, runs: int, seed: int, cases: int = 150) -> float:
    """How often a pilot of `cases` with three raters who flip the truth passes."""
    rng = np.random.default_rng(seed)
    passed = 0
    for _ in range(runs):
        truth = rng.random(cases) < base
        yes = ((rng.random((cases, 3)) < flip) ^ truth[:, None]).sum(axis=1)
        counts = counts_from_matrix(np.column_stack([3 - yes, yes]), values=["no", "yes"])
        how = Bootstrap(replicates=500, seed=int(rng.integers(1 << 30)))
        result = decide(
            krippendorff_alpha(counts, bootstrap=how),
            specific_agreement(counts, value="yes", bootstrap=Bootstrap(replicates=20)),
            proportion(0, 3 * cases),
        )
        passed += result.state == State.PASS
    return 100 * passed / runs


def drift_figures(runs: int, seed: int) -> dict[str, float]:
    """Alarms per 2,000 labels without a change, while the case mix moves; and answers to an alarm."""
    rng = np.random.default_rng(seed)
    false, watched, delays, found = 0, 0, [], 0
    for odds in (1.0, 2.0):
        for _ in range(runs):
            z = rng.normal(-1, 1.5, 1_200)
            z[700:] += 1.5
            eta = 0.8 * z + 0.2
            eta[700:] += np.log(odds)
            chart = watch_rate(list(rng.random(1_200) < expit(eta)), list(expit(z)))
            if odds == 1.0:
                false, watched = false + len(chart.alarms), watched + 1_000
                continue
            late = [alarm.at - 500 for alarm in chart.alarms if alarm.at >= 500]
            found += bool(late)
            delays += late[:1]
    checks = sum(len(watch_share(list(rng.random(240) < 0.1)).alarms) for _ in range(runs))
    return {
        "false": 2_000 * false / watched,
        "found": 100 * found / runs,
        "delay": float(np.median(delays)),
        "checks": 500 * checks / (200 * runs),
    }


def figures(options: argparse.Namespace) -> dict[str, Figure]:
    """Every figure of docs/measurement/ai_effect.md and gate.md."""
    seed, quick = options.seed, options.quick
    started = time.process_time()
    none = rule(World(), 20 if quick else 300, seed)
    note(f"projects without an effect: {none}")
    third = rule(World(adoption=0.30), 10 if quick else 60, seed + 1)
    note(f"projects with 30 % adoption: {third}")
    covered, alone = coverage(100 if quick else 1_000, seed)
    gates = {
        "1/3": gate_passes(1 / 3, 0.0745185, 200 if quick else 2_000, seed),
        "10 %": gate_passes(0.10, 0.0346140, 200 if quick else 2_000, seed),
    }
    drifts = drift_figures(20 if quick else 200, seed)
    gap = naive_gap(4 if quick else 20, seed)
    note(f"{time.process_time() - started:.0f} s of CPU")
    return {
        "suspended without an effect": Figure(none["any"], "% projects", 5.0, "any arm, whole project"),
        "suspended at 30 % adoption": Figure(third["reveal"], "% projects", 80.0, "reveal", at_least=True),
        "after this share of the project": Figure(third["share"], "% answers", None, "median, reveal"),
        "evidence arm, 30 % adoption": Figure(third["evidence"], "% projects", None, "suspended"),
        "gap of a plain comparison": Figure(gap, "points", None, "evidence arm without an effect"),
        "coverage, raters and items": Figure(
            covered, "%", 93.0, "as if independent", at_least=True, peer_value=alone
        ),
        "gate passes, alpha .70, 1/3": Figure(gates["1/3"], "% pilots", None, "150 x 3"),
        "gate passes, alpha .70, 10 %": Figure(gates["10 %"], "% pilots", None, "150 x 3"),
        "false drift alarms": Figure(drifts["false"], "/ 2,000", 1.0, "labels, the mix moves"),
        "false alarms on checks": Figure(drifts["checks"], "/ 500", 1.0, "checks, 10 % wrong"),
        "drift found (odds x 2)": Figure(drifts["found"], "% series", 80.0, "within 500", at_least=True),
        "answers to the alarm": Figure(drifts["delay"], "answers", None, "median"),
    }  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    given_options = parser.parse_args()
    show(figures(given_options), as_json=given_options.json)
